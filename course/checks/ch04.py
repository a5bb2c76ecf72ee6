"""Chapter 04, attention: the right answers, the known wrong ones, and the help."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from course.checks.engine import Exercise, Part, Prediction, Wrong, first_index
from course.checks.typed import read_choice, typed
from course.checks.variants import Dice, Varied

PREDICTIONS = {
    "4.p1": Prediction("a", choices="abcd"),  # the first and the second average
    "4.p2": Prediction((1, 0, 0, 0)),
    "4.p3": Prediction(8, within=0.4),
    "4.p4": Prediction("a", choices="abc"),  # as many with 1 head as with 16
    "4.p5": Prediction("c", choices="abcd"),  # better with the text open, worse while writing
}
CARDS = {
    "The Mirror": "Rows and columns, or True and False, stand the other way round. You notice it "
    "when the first row is full and the last nearly empty. Swap them, or negate the mask once.",
    "The Ruler": "Scores are measured by the wrong width. Nothing crashes, the weights are only "
    "too sharp or too even. The spread of a dot product is √D, with the D of one head.",
    "The Blind Spot": "A position may not look at itself. The first row is then empty and its "
    "softmax is nan. Keep the diagonal.",
    "The Loud Zero": "A hidden score is set to 0, and e⁰ = 1 still gets a share. A score is hidden "
    "by −∞ alone.",
    "The Shuffler": "The shape is right and the numbers have changed places, because view keeps "
    "the reading order. Cut the axis that you mean, then transpose.",
    "The Soloist": "Many heads were asked for, and one as wide as all of them plays. The shape "
    "does not show it; the weights do. Split before the scores.",
    "The Raw Score": "Scores go to the values without a softmax, so rows add up to anything. "
    "Softmax makes shares of them.",
    "The Deaf Ear": "An argument that may be left out is treated as if it were always the same. "
    "You notice it only when somebody else calls your function. Ask for None first.",
    "The Dice Player": "Dropout rolls again in every call, so two runs differ without a cause. "
    "Measure in evaluation mode, and put the mode back.",
    "The Blind Eye": "Half of what happens is not looked at, such as all that goes down. Ups and "
    "downs cancel in a sum. Take the absolute value before you add or compare.",
    "The Same Again": "The change changed nothing: what you put in was there before. Choose what "
    "differs from the old value, whatever that is.",
    "The Marble Bag": "An average does not know the order of what it averages: shake the bag, it "
    "weighs the same. Order comes from positions, or from a mask one layer below.",
}

REFERENCES = (
    *(f"minigpt_lib.attention:{name}" for name in ("attention_weights", "split_heads")),
    *(f"minigpt_lib.attention:{name}" for name in ("scaled_dot_product_attention", "merge_heads")),
    *(f"minigpt_lib.attention:CausalSelfAttention.{name}" for name in ("project", "merge")),
    "minigpt_lib.attention:CausalSelfAttention.forward",
    "torch.nn.functional:multi_head_attention_forward",
    "torch.nn:MultiheadAttention.forward",
)
TORCH_REFERENCES = ("scaled_dot_product", "multi_head_attention")


def causal(T: int) -> torch.Tensor:
    return torch.ones(T, T, dtype=torch.bool).tril()


def normal(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator)


def open_mask(generator: torch.Generator, *shape: int) -> torch.Tensor:
    """A random mask; every query may look at a key, and every key is looked at."""
    diagonal = torch.eye(*shape[-2:], dtype=torch.bool)
    rest = torch.arange(shape[-1]) >= shape[-2]  # keys beyond the diagonal
    return (torch.rand(*shape, generator=generator) < 0.5) | diagonal | rest


# 4.1 A 4×4 mask by hand

SIZE = 4


def mask_texts(n: int) -> tuple[str, ...]:
    rows = ", ".join(n * ["[…]"])
    return (f"Type the mask for {n} positions as a list of {n} rows: `mask = [{rows}]`",)


def mask_part(n: int) -> Part:
    def read_mask(typed: object) -> torch.Tensor:
        try:
            mask = torch.as_tensor(typed)
        except (TypeError, ValueError, RuntimeError):
            text = f"type a list of {n} rows, each a list of {n} entries 0 or 1."
            raise ValueError(text) from None
        if mask.shape != (n, n):
            text = f"type {n} rows of {n} entries; yours has the shape {tuple(mask.shape)}."
            raise ValueError(text)
        if not torch.all((mask == 0) | (mask == 1)):
            raise ValueError("every entry is 0 or 1 (or False or True).")
        return mask.bool()

    return Part(
        "mask",
        lambda: causal(n),
        read=read_mask,
        wrong=(
            Wrong(
                "upper triangle",
                lambda: causal(n).T,
                f"position 0 can see position {n - 1}. Your mask keeps the upper triangle; a row "
                "is who looks, a column who is looked at: swap the two.",
                "The Mirror",
            ),
            Wrong(
                "no diagonal",
                lambda: causal(n) & ~torch.eye(n, dtype=torch.bool),
                "position 0 sees nothing, not even itself, so its row can't add up to 1. Keep the "
                "diagonal.",
                "The Blind Spot",
            ),
            Wrong(
                "against the right edge",
                lambda: causal(n).flip(1),
                f"position 0 can see position {n - 1} and not itself: your ones stand against the "
                "right edge. Column 0 is the first position, and everybody may see that.",
                "The Mirror",
            ),
            Wrong(
                "opposite",
                lambda: ~causal(n),
                'every entry is the opposite. Here True means "may look" (as in '
                "F.scaled_dot_product_attention; nn.MultiheadAttention means the reverse).",
                "The Mirror",
            ),
        ),
    )


def mask_by_hand(n: int) -> Exercise:
    ones = ", ".join(str(i) for i in range(1, n))
    return Exercise(
        "4.1",
        f"A {n}×{n} mask by hand",
        (mask_part(n),),
        hints=(
            "Row i belongs to the position that looks, column j to the one that is looked at. "
            f"Which columns lie in the past of row 0? Of row {n - 1}?",
            f"{n} rows with {n} entries each. The rows hold {ones} and {n} ones; the first row has "
            "its one at the start.",
            "Entry [i][j] is 1 where j <= i: the diagonal and everything below it.",
        ),
    )


# 4.2 Attention weights


def scores(q, k, divisor=None):
    return q @ k.transpose(-2, -1) / (math.sqrt(q.shape[-1]) if divisor is None else divisor)


def hidden(scores, mask, value=float("-inf")):
    return scores if mask is None else scores.masked_fill(~mask, value)


def right_weights(q, k, mask=None):
    return hidden(scores(q.double(), k.double()), mask).softmax(-1)


def mask_after_softmax(q, k, mask=None):
    return hidden(scores(q, k).softmax(-1), mask, 0.0)


def score_of_zero(q, k, mask=None):
    return hidden(scores(q, k), mask, 0.0).softmax(-1)


def softmax_over_queries(q, k, mask=None):
    return hidden(scores(q, k), mask).softmax(-2)


def no_scale(q, k, mask=None):
    return hidden(scores(q, k, 1.0), mask).softmax(-1)


def scaled_by_width(q, k, mask=None):
    return hidden(scores(q, k, q.shape[-1]), mask).softmax(-1)


def multiplied(q, k, mask=None):
    return hidden(scores(q, k, 1 / math.sqrt(q.shape[-1])), mask).softmax(-1)


def axes_from_the_front(q, k, mask=None):
    return hidden(q @ k.transpose(0, 1) / q.shape[1] ** 0.5, mask).softmax(1)


def softmax_from_the_front(q, k, mask=None):
    return hidden(scores(q, k), mask).softmax(1)


def mask_reversed(q, k, mask=None):
    return hidden(scores(q, k), None if mask is None else ~mask).softmax(-1)


def mask_unused(q, k, mask=None):
    return scores(q, k).softmax(-1)


def scaled_by_keys(q, k, mask=None):
    return hidden(scores(q, k, math.sqrt(k.shape[-2])), mask).softmax(-1)


def always_causal(q, k, mask=None):
    return hidden(
        scores(q, k), causal(max(q.shape[-2], k.shape[-2]))[: q.shape[-2]][:, : k.shape[-2]]
    ).softmax(-1)


def scaled_by_queries(q, k, mask=None):
    return hidden(scores(q, k, math.sqrt(q.shape[-2])), mask).softmax(-1)


def width_from_the_front(q, k, mask=None):
    return hidden(scores(q, k, math.sqrt(q.shape[1])), mask).softmax(-1)


def divided_after(q, k, mask=None):
    return hidden(scores(q, k, 1.0), mask).softmax(-1) / math.sqrt(q.shape[-1])


def low_score(q, k, mask=None):
    return hidden(scores(q, k), mask, -30.0).softmax(-1)


def keys_by_queries(q, k, mask=None):
    return hidden(scores(k, q), mask).softmax(-1)


def mask_needed(q, k, mask=None):
    return scores(q, k).masked_fill(~mask, float("-inf")).softmax(-1)


def truth_of_mask(q, k, mask=None):
    return hidden(scores(q, k), mask if mask else None).softmax(-1)


NO_EFFECT = (
    "the mask has no effect. masked_fill leaves its tensor as it is and returns a new one; go on "
    "with what it returns."
)


def weights_cases(g: torch.Generator) -> list[tuple]:
    """T, D, H and B all different, T = D once, once other keys than queries."""
    one, square = normal(g, 2, 5, 16), normal(g, 2, 2, 6, 6)
    many, few, more = (normal(g, 2, 3, *shape) for shape in ((5, 16), (4, 16), (7, 16)))
    # Each key fits worse than the one before it, and all of them badly.
    low = torch.arange(-240.0, -1440, -240).unsqueeze(-1).expand(5, 4)
    return [
        (one[0], one[1], causal(5)),
        (many, many.flip(-1), causal(5)),
        (square[0], square[1], causal(6)),
        (few, more),
        (few, more, open_mask(g, 2, 1, 4, 7)),
        (torch.full((5, 4), 0.5), low, causal(5)),
    ]


def row(got, right):
    """The first index at which a row of weights is wrong: where it stands, and its key."""
    *place, key = first_index(got, right)
    return ", ".join(map(str, place[-1:])), tuple(place), key


def hint_row_sum(args, got, right):
    name, place, _ = row(got, right)
    return (
        f"row {name} adds up to {got[place].sum():.2f}, not 1. You masked after the softmax; put "
        "−inf into the scores before it."
    )


def future(got, args):
    """The first query that looks where it may not: its row and how much it gives away."""
    leak = (got * ~args[2]).sum(-1)  # (..., Tq)
    place = tuple((leak > 1e-6).nonzero()[0].tolist())
    return place[-1], leak[place].item()


def hint_zero(args, got, right):
    name, weight = future(got, args)
    return (
        f"row {name} gives {weight:.2f} to the future. A score of 0 still gets weight, because "
        "e⁰ = 1; use −inf."
    )


def hint_no_scale(args, got, right):
    d = args[0].shape[-1]
    return (
        f"your scores are √{d} = {math.sqrt(d):.3g} times too large. Divide by the square root of "
        "D, the length of a query, before the softmax."
    )


def hint_by_width(args, got, right):
    d = args[0].shape[-1]
    return (
        f"your scores are √{d} times too small: you divided by {d}. The spread of a dot product "
        "grows with √d, not d."
    )


def hint_multiplied(args, got, right):
    d = args[0].shape[-1]
    return f"your scores are {d} times too large: you multiplied by √{d}. Divide by it."


def hint_front(args, got, right):
    return (
        f"right for queries (T, D), not for {tuple(args[0].shape)}. Counted from the front, the "
        "last two axes have other numbers there (and .T turns all axes round): "
        "k.transpose(-2, -1), q.shape[-1]."
    )


def hint_softmax_front(args, got, right):
    return (
        f"right for queries (T, D), not for {tuple(args[0].shape)}, where dim=1 is not the keys. "
        "Count from the end: softmax over dim=-1."
    )


def hint_unused(args, got, right):
    name, weight = future(got, args)
    return f"row {name} gives {weight:.2f} to the future: {NO_EFFECT}"


def hint_by(name, axis, of=0):
    def hint(args, got, right):
        count, D = args[of].shape[axis], args[0].shape[-1]
        return (
            f"you divided by √{count}, the root of {name}. A score is a sum of D = {D} products, "
            "and D is the last axis of q: divide by √D."
        )

    return hint


def hint_front_width(args, got, right):
    return (
        f"right for queries (T, D), not for {tuple(args[0].shape)}, where q.shape[1] is "
        f"{args[0].shape[1]} and not D. Count from the end: q.shape[-1]."
    )


def hint_divided_after(args, got, right):
    D = args[0].shape[-1]
    return (
        f"you divided by √{D} after the softmax, so the shares of a query add up to "
        f"{1 / math.sqrt(D):.3g}. Divide the scores, before the softmax."
    )


def hint_mask_needed(args, got, right):
    return (
        f"your answer stops with {got.kind} where mask is None, which means that all may look. "
        "Hide something only if mask is not None."
    )


def hint_truth_of_mask(args, got, right):
    return (
        f"your answer stops at every mask with {got.kind}: {got.text}. A tensor is not one True "
        "or False, so ask `if mask is not None:`."
    )


# Mistakes with the mask and the axes that are the same in the weights and in the whole.
COMMON = (
    (
        "softmax over queries",
        softmax_over_queries,
        (
            "columns add up to 1, rows do not. Each query shares itself out over the keys: softmax "
            "over the last dimension."
        ),
        "The Wrong Turn",
    ),
    ("no scale", no_scale, hint_no_scale, "The Ruler"),
    ("scaled by width", scaled_by_width, hint_by_width, "The Ruler"),
    ("multiplied by the scale", multiplied, hint_multiplied, "The Ruler"),
    (
        "scaled by the number of keys",
        scaled_by_keys,
        hint_by("the number of keys", -2, 1),
        "The Ruler",
    ),
    (
        "scaled by the number of queries",
        scaled_by_queries,
        hint_by("the number of queries", -2),
        "The Ruler",
    ),
    ("width from the front", width_from_the_front, hint_front_width, "The Ruler"),
    ("divided after the softmax", divided_after, hint_divided_after, "The Ruler"),
    (
        "low, not lowest",
        low_score,
        (
            "hidden keys get weight where the scores of the others are low, here "
            "−240. The number you put in is low, not the lowest: use −inf."
        ),
        "The Loud Zero",
    ),
    (
        "keys by queries",
        keys_by_queries,
        (
            "your table is the wrong way round: a row belongs to a query, a column to a key. The "
            "queries stand on the left: q @ k.transpose(-2, -1)."
        ),
        "The Mirror",
    ),
    (
        "mask reversed",
        mask_reversed,
        (
            "the mask works the wrong way round: each position sees the future alone, and the last "
            'sees nothing. True means "may look", so hide where it is False: ~mask.'
        ),
        "The Mirror",
    ),
    (
        "always causal",
        always_causal,
        (
            "your answer hides the future whether or not it is asked to. Hide what the mask hides, "
            "and nothing where mask is None."
        ),
        "The Deaf Ear",
    ),
    ("mask needed", mask_needed, hint_mask_needed, "The Deaf Ear"),
    ("truth of a mask", truth_of_mask, hint_truth_of_mask, "The Deaf Ear"),
    ("axes from the front", axes_from_the_front, hint_front, "The Wrong Turn"),
    ("softmax over dim 1", softmax_from_the_front, hint_softmax_front, "The Wrong Turn"),
)
WEIGHTS = Part(
    "attention_weights",
    right_weights,
    cases=weights_cases,
    wrong=(
        Wrong("masked after softmax", mask_after_softmax, hint_row_sum, "The Time Traveller"),
        Wrong("score of zero", score_of_zero, hint_zero, "The Loud Zero"),
        Wrong("mask unused", mask_unused, hint_unused, "The Time Traveller"),
        *(Wrong(*mistake) for mistake in COMMON),
    ),
)

# 4.3 Scaled dot product in ten lines


def right_attention(q, k, v, mask=None):
    weights = hidden(scores(q.double(), k.double()), mask).softmax(-1)
    return weights @ v.double()


def then_average(weights):
    """The answer that makes a mistake in the weights and averages the values with them."""
    return lambda q, k, v, mask=None: weights(q, k, mask) @ v


def attention_cases(g: torch.Generator) -> list[tuple]:
    """As for the weights, and values of another width than the keys."""
    return [(q, k, normal(g, *k.shape[:-1], 9), *mask) for q, k, *mask in weights_cases(g)] + [
        (*normal(g, 3, 2, 3, 5, 16).unbind(), causal(5))
    ]


def hint_weights_only(args, got, right):
    return (
        f"you returned the weights, {tuple(got.shape[-2:])}. They still have to average the "
        "values: weights @ v."
    )


HINT_NO_SOFTMAX = (
    "the scores go straight to the values, so the shares of a query add up to anything. "
    "Softmax them first."
)


def hint_by_values(args, got, right):
    D, wide = args[0].shape[-1], args[2].shape[-1]
    return (
        f"you divided by √{wide}, the root of the width of a value. Scores compare queries with "
        f"keys, whose length is D = {D}: divide by √D."
    )


ATTENTION = Part(
    "scaled_dot_product_attention",
    right_attention,
    cases=attention_cases,
    wrong=(
        *(Wrong(name, then_average(weights), *rest) for name, weights, *rest in COMMON),
        Wrong(
            "scaled by the width of a value",
            lambda q, k, v, mask=None: (
                hidden(scores(q, k, math.sqrt(v.shape[-1])), mask).softmax(-1) @ v
            ),
            hint_by_values,
            "The Ruler",
        ),
        Wrong(
            "weights only",
            lambda q, k, v, mask=None: right_weights(q, k, mask),
            hint_weights_only,
            "The Early Leaver",
        ),
        Wrong(
            "no softmax",
            then_average(lambda q, k, mask: hidden(scores(q, k), mask)),
            HINT_NO_SOFTMAX,
            "The Raw Score",
        ),
        Wrong(
            "no softmax, hidden scores 0",
            then_average(lambda q, k, mask: hidden(scores(q, k), mask, 0.0)),
            HINT_NO_SOFTMAX,
            "The Raw Score",
        ),
        Wrong(
            "softmax of the result",
            lambda q, k, v, mask=None: (hidden(scores(q, k), mask) @ v).softmax(-1),
            (
                "the softmax comes after the values, so it shares out features instead of keys. "
                "First the scores become shares, then the shares average the values."
            ),
            "The Raw Score",
        ),
        Wrong(
            "masked after softmax",
            then_average(mask_after_softmax),
            (
                "the weights of row 0 don't add up to 1. You masked after the softmax; put −inf "
                "into the scores before it."
            ),
            "The Time Traveller",
        ),
        Wrong(
            "score of zero",
            then_average(score_of_zero),
            (
                "row 0 gives weight to the future. A score of 0 still gets weight, because e⁰ = 1; "
                "use −inf."
            ),
            "The Loud Zero",
        ),
        Wrong(
            "mask unused",
            then_average(mask_unused),
            (f"row 0 gives weight to the future: {NO_EFFECT}"),
            "The Time Traveller",
        ),
    ),
)

# 4.4 Split and merge heads


def right_split(x, num_heads):
    return x.unflatten(-1, (num_heads, -1)).movedim(-2, 1)


def right_merge(x):
    return x.movedim(1, -2).flatten(-2)


def right_heads(q, k, v, num_heads, mask=None):
    q, k, v = (right_split(part.double(), num_heads) for part in (q, k, v))
    weights = hidden(scores(q, k), mask).softmax(-1)
    return right_merge(weights @ v)


def cut_time(x, num_heads):
    return x.reshape(x.shape[0], num_heads, x.shape[1], -1)


def every_hth(x, num_heads):
    return torch.stack([x[..., h::num_heads] for h in range(num_heads)], 1)


def heads_for_width(x, num_heads):
    return x.unflatten(-1, (x.shape[-1] // num_heads, num_heads)).movedim(-2, 1)


def heads_behind(x, num_heads):
    return x.unflatten(-1, (num_heads, -1))


def flatten_heads_first(x):
    return x.reshape(x.shape[0], x.shape[2], -1)


def interleaved(x):
    return x.movedim(1, -1).flatten(-2)


def scaled_by(divisor):
    """Heads whose scores are divided by what `divisor` makes of embed_dim and head_dim."""

    def answer(q, k, v, num_heads, mask=None):
        C = q.shape[-1]
        q, k, v = (right_split(part, num_heads) for part in (q, k, v))
        weights = hidden(scores(q, k, divisor(C, C // num_heads)), mask).softmax(-1)
        return right_merge(weights @ v)

    return answer


def heads_without_mask(q, k, v, num_heads, mask=None):
    return right_heads(q, k, v, num_heads)


def one_head(q, k, v, num_heads, mask=None):
    return right_attention(q, k, v, mask)


def split_cases(g: torch.Generator) -> list[tuple]:
    return [(normal(g, 2, 5, 64), 4), (normal(g, 3, 4, 8), 2), (normal(g, 2, 3, 6), 1)]


def merge_cases(g: torch.Generator) -> list[tuple]:
    return [(normal(g, 2, 4, 5, 16),), (normal(g, 3, 2, 4, 4),), (normal(g, 2, 1, 3, 6),)]


def heads_cases(g: torch.Generator) -> list[tuple]:
    wide, square = normal(g, 3, 2, 5, 64), normal(g, 3, 3, 4, 8)
    return [(*wide, 4, causal(5)), (*square, 2, causal(4)), (*wide, 2)]


def hint_cut_time(args, got, right):
    _, T, C = args[0].shape
    D = C // args[1]
    return (
        f"head 0 holds positions 0 to {(T * D - 1) // C} instead of features 0 to {D - 1}. view "
        "straight to (B, H, T, D) cuts time, not features: view to (B, T, H, D), then transpose."
    )


def hint_every_hth(args, got, right):
    H = args[1]
    D = args[0].shape[-1] // H
    return (
        f"head 0 holds features 0, {H}, {2 * H} … instead of 0 to {D - 1}: you cut the features "
        "to (D, H). The heads come first: (B, T, H, D)."
    )


def hint_for_width(args, got, right):
    C, H = args[0].shape[-1], args[1]
    return (
        f"you made {C // H} heads of width {H}; asked for are {H} heads of width {C // H}. The "
        "number of heads comes first: (B, T, H, D)."
    )


def hint_heads_behind(args, got, right):
    return (
        f"the cut is right, but the heads stand behind the positions, {tuple(got.shape)}. "
        f"Transpose axes 1 and 2, to {tuple(right.shape)}."
    )


def hint_interleaved(args, got, right):
    H = args[0].shape[1]
    return (
        f"the heads are interleaved: features 0 to {H - 1} come from {H} heads. The heads go side "
        "by side: (B, T, H, D) before you flatten."
    )


def hint_embed_dim(args, got, right):
    C, H = args[0].shape[-1], args[3]
    return (
        f"scores are {math.sqrt(H):.3g} times too small. The scale uses head_dim ({C // H}), not "
        f"embed_dim ({C})."
    )


def hint_heads_no_scale(args, got, right):
    D = args[0].shape[-1] // args[3]
    return (
        f"scores are √{D} = {math.sqrt(D):.3g} times too large. Divide by the square root of "
        "head_dim before the softmax."
    )


SPLIT = Part(
    "split_heads",
    right_split,
    cases=split_cases,
    wrong=(
        Wrong("time cut into heads", cut_time, hint_cut_time, "The Shuffler"),
        Wrong("every Hth feature", every_hth, hint_every_hth, "The Shuffler"),
        Wrong("heads for width", heads_for_width, hint_for_width, "The Mirror"),
        Wrong("heads behind positions", heads_behind, hint_heads_behind, "The Wrong Turn"),
    ),
)
MERGE = Part(
    "merge_heads",
    right_merge,
    cases=merge_cases,
    wrong=(
        Wrong(
            "heads flattened first",
            flatten_heads_first,
            (
                "each head is right, the merged output is shuffled. Transpose back to (B, T, H, D) "
                "before you flatten."
            ),
            "The Shuffler",
        ),
        Wrong("heads interleaved", interleaved, hint_interleaved, "The Shuffler"),
    ),
)
HEADS = Part(
    "multi_head_attention",
    right_heads,
    cases=heads_cases,
    wrong=(
        Wrong(
            "scaled by embed_dim",
            scaled_by(lambda C, D: math.sqrt(C)),
            hint_embed_dim,
            "The Ruler",
        ),
        Wrong("no scale", scaled_by(lambda C, D: 1.0), hint_heads_no_scale, "The Ruler"),
        Wrong(
            "one wide head",
            one_head,
            (
                "this is one head as wide as all of them; num_heads changes nothing. Split q, k "
                "and v, attend, merge."
            ),
            "The Soloist",
        ),
        Wrong(
            "mask unused",
            heads_without_mask,
            ("position 0 takes from later ones. Hand the mask on to each head."),
            "The Time Traveller",
        ),
    ),
)

# 4.5 Find the leak


class Averages(nn.Module):
    """Each output is the average of the vectors up to its position; (T,) ids -> (T, 8).

    leaks: pairs (to, from): output `to` also receives a share of the vector of position `from`,
    or of its first `width` features.
    """

    def __init__(self, g, *leaks, share=1.0, over_time=False, dropout=0.0, width=8, vocab_size=10):
        super().__init__()
        self.width, self.vocab_size = width, vocab_size
        self.register_buffer("table", normal(g, self.vocab_size, 8))
        self.leaks, self.share, self.over_time = leaks, share, over_time
        self.dropout = nn.Dropout(dropout)

    def extra_repr(self):
        """What a message calls it."""
        kind = "normalised over time" if self.over_time else "averages the past"
        leaks = [f"output {to} also sees token {source}" for to, source in self.leaks]
        dropout = [f"dropout {self.dropout.p}"] if self.dropout.p else []
        ids = [f"knows the ids 0 to {self.vocab_size - 1}"] if self.vocab_size < 10 else []
        return ", ".join([kind, *leaks, *dropout, *ids])

    def forward(self, ids):
        x = self.table[ids]
        count = torch.arange(1, len(ids) + 1).unsqueeze(-1)
        y = x.cumsum(0) / count
        for to, source in self.leaks:
            y[to, : self.width] += self.share * x[source, : self.width]
        if self.over_time:
            y = (y - y.mean(0)) / (y.std(0, unbiased=False) + 1e-5)
        return self.dropout(y)


def next_id(token, model):
    return (token + 1) % model.vocab_size


def id_after(token, model):
    return token + 1


def by_size(difference):
    return (difference.abs() > 1e-6).any(-1)


def moves(model, ids, touched, evaluate=True, other=next_id, has_moved=by_size):
    """All pairs (output that moved, token that was touched), in order of the touched tokens."""
    was_training, found = model.training, []
    model.train(was_training and not evaluate)
    before = model(ids)
    for t in touched:
        changed = ids.clone()
        changed[t] = other(ids[t], model)
        moved = has_moved(model(changed) - before).nonzero().flatten().tolist()
        found += [(p, t) for p in moved]
    model.train(was_training)
    return found


def earliest(pairs):
    return min((p for p, t in pairs if p < t), default=None)


def right_leak(model, ids):
    return earliest(moves(model, ids, range(len(ids))))


def leak_allowed(model, ids):
    return min((p for p, t in moves(model, ids, range(len(ids))) if p <= t), default=None)


def leak_last_only(model, ids):
    return earliest(moves(model, ids, [len(ids) - 1]))


def leak_with_dropout(model, ids):
    return earliest(moves(model, ids, range(len(ids)), evaluate=False))


def leak_first_found(model, ids):
    return next((p for p, t in moves(model, ids, range(len(ids))) if p < t), None)


def leak_touched(model, ids):
    return min((t for p, t in moves(model, ids, range(len(ids))) if p < t), default=None)


def leak_token_zero(model, ids):
    return earliest(moves(model, ids, range(len(ids)), other=lambda token, model: 0))


def leak_all_features(model, ids):
    pairs = moves(model, ids, range(len(ids)), has_moved=lambda d: (d.abs() > 1e-6).all(-1))
    return earliest(pairs)


def leak_or_zero(model, ids):
    return right_leak(model, ids) or 0


def leak_past_the_end(model, ids):
    return earliest(moves(model, ids, range(len(ids)), other=id_after))


def leak_signed_sum(model, ids):
    pairs = moves(model, ids, range(len(ids)), has_moved=lambda d: d.sum(-1) > 1e-6)
    return earliest(pairs)


def leak_rises(model, ids):
    pairs = moves(model, ids, range(len(ids)), has_moved=lambda d: (d > 1e-6).any(-1))
    return earliest(pairs)


def leak_cases(g: torch.Generator) -> list[tuple]:
    """Clean; a leak of one step, of three, by the norm; dropout; evaluating; two; two that sink.

    The last two lower all numbers of an output, whatever is put in the place of its source, which
    is id 0 in the first and faint; the leak of one step lowers one number by more than all others
    rise. Then a leak in one feature alone, and two ids, of which a random one is often the old one.
    """

    def ids(T, vocab_size=10):
        return torch.randint(vocab_size, (T,), generator=g)

    a, b = torch.randint(1, 4, (2,), generator=g).tolist()
    faint, under_zero = Averages(g, (a, a + 2), share=0.01), ids(7)
    under_zero[a + 2] = 0
    faint.table[0] = faint.table.amax() + 1
    sinking, under_nine = Averages(g, (b, b + 1)), ids(6)
    under_nine[b + 1] = 9
    sinking.table[9] = sinking.table.amax() + 1
    one, of_six = Averages(g, (a, a + 1)), ids(6)
    one.table[of_six[a + 1], 0] += 50
    nine = ids(9)
    nine[-1] = 9
    return [
        (Averages(g), ids(6)),
        (one, of_six),
        (Averages(g, (b, b + 3)), ids(8)),
        (Averages(g, over_time=True), ids(5)),
        (Averages(g, dropout=0.5), ids(7)),
        (Averages(g, (a, a + 1), dropout=0.5).eval(), ids(6)),
        (Averages(g, (a + 2, a + 3), (a, a + 4)), nine),
        (faint, under_zero),
        (sinking, under_nine),
        (Averages(g, (b, b + 2), width=1), ids(6)),
        *((Averages(g, (a, a + 1), vocab_size=2), ids(5, 2)) for _ in range(9)),
    ]


def hint_allowed(args, got, right):
    return (
        f"you report position {got}, where change is allowed. A leak is a change strictly before "
        "the token you touched. (Earlier touches that were not undone, or a search that starts "
        "with 0 instead of None, look the same.)"
    )


def hint_last_only(args, got, right):
    return (
        f"you changed only the last token, so a leak of one step at position {right} stays "
        "hidden. Try every position."
    )


def hint_first_found(args, got, right):
    return (
        f"you report position {got}, and a token further back moves {right}. Touch all tokens "
        "before you choose the smallest."
    )


def hint_touched(args, got, right):
    return (
        f"you report {got}, the token you touched; asked for is the output that moved before it, "
        f"{right}."
    )


def hint_all_features(args, got, right):
    return (
        f"a leak at position {right} stays hidden: only one of the output's numbers moves there, "
        "and you ask for all of them. An output has moved if any of its numbers has."
    )


def hint_past_the_end(args, got, right):
    model = args[0]
    return (
        f"there is no id {model.vocab_size}: the model knows 0 to {model.vocab_size - 1}, and the "
        "last id plus 1 is past the end. Take the remainder: % model.vocab_size."
    )


def hint_signed(args, got, right):
    return (
        f"a leak at position {right} stays hidden, because a change may go up or down, and you "
        "see it only when it goes up. Take the absolute value of every difference first."
    )


def hint_token_zero(args, got, right):
    return (
        f"a leak at position {right} stays hidden: you put id 0 everywhere, and where 0 stands "
        "already nothing is changed. Choose an id that differs from the old one."
    )


def clue_dropout(wrong_cases):
    """What to add where no mistake is known; the models before the first wrong one were right."""
    model = wrong_cases[0][0]
    if model.dropout.p and model.training:
        return "This model has dropout, the ones before it had none: is it in evaluation mode?"
    return ""


LEAK = Part(
    "first_leak",
    right_leak,
    cases=leak_cases,
    clue=clue_dropout,
    wrong=(
        Wrong("change allowed", leak_allowed, hint_allowed, "The Fence Post"),
        Wrong("last token only", leak_last_only, hint_last_only, "The Early Leaver"),
        Wrong("first leak found", leak_first_found, hint_first_found, "The Early Leaver"),
        Wrong("token touched", leak_touched, hint_touched, "The Mirror"),
        Wrong("token zero", leak_token_zero, hint_token_zero, "The Same Again"),
        Wrong(
            "dropout on",
            leak_with_dropout,
            ("dropout changes outputs on its own. Call eval() first, and put the mode back."),
            "The Dice Player",
        ),
        Wrong("id past the end", leak_past_the_end, hint_past_the_end, "The Fence Post"),
        Wrong(
            "none is zero",
            leak_or_zero,
            ("there is no leak, and you report position 0. Return None where nothing leaks."),
            "The Yes-Man",
        ),
        Wrong("all features", leak_all_features, hint_all_features, "The Blind Eye"),
        Wrong("signed sum", leak_signed_sum, hint_signed, "The Blind Eye"),
        Wrong("only rises", leak_rises, hint_signed, "The Blind Eye"),
    ),
)

# 4.6 Is order visible?


def order_gap() -> float:
    """How far the last outputs of one causal layer are apart when the words before it swap."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(4, 64, generator=g, dtype=torch.float64)  # dog bites man .
    maps = torch.randn(3, 64, 64, generator=g, dtype=torch.float64) / 8

    def last(x):
        return right_attention(*(x @ m for m in maps), causal(4))[-1]

    return (last(x) - last(x[[2, 1, 0, 3]])).abs().max().item()


def hint_equal(args, got, right):
    return (
        f"equal, to {order_gap():.0e}. The last query weighs the same set of keys and "
        "values, whatever their order."
    )


@dataclass(frozen=True)
class Scene:
    """A model that reads both sentences: its layers, how a question names it, what is right."""

    name: str
    layers: int
    asked: str
    is_equal: bool
    hint: str | Callable[[tuple, object, object], str]
    is_masked: bool = True
    knows_places: bool = False


SCENES = (
    Scene("one layer", 1, "with one such layer", True, hint_equal),
    Scene(
        "two layers",
        2,
        "with two such layers, one after the other",
        False,
        "different. In layer 1 each position saw a different past, so layer 2 receives "
        "different vectors.",
    ),
    Scene(
        "two layers, unmasked",
        2,
        "with two layers that have no mask, so that every word sees the whole sentence",
        True,
        "equal. Without a mask every word sees the whole sentence, so layer 1 makes the "
        "same vector of it in both, and layer 2 weighs the same set again.",
        is_masked=False,
    ),
    Scene(
        "three layers",
        3,
        "with three such layers, one after the other",
        False,
        "different. In layer 1 each position saw a different past, so every later layer receives "
        "different vectors.",
    ),
    Scene(
        "one layer, unmasked",
        1,
        "with one layer that has no mask, so that every word sees the whole sentence",
        True,
        "equal. The full stop, which comes last, sees the whole sentence with a mask as without. "
        "Its query weighs the same set of keys and values, whatever their order.",
        is_masked=False,
    ),
    Scene(
        "one layer, places added",
        1,
        "with one such layer, if a vector for its place is added to each word before",
        False,
        "different. 'dog' in first place and 'dog' in third place are two vectors now, so the two "
        "sets of keys and values are not the same.",
        knows_places=True,
    ),
)


def draw_scenes(dice: Dice) -> tuple[Scene, ...] | None:
    scenes = tuple(dice.some(SCENES, 3))
    return scenes if len({scene.is_equal for scene in scenes}) == 2 else None


def scenes_texts(scenes: tuple[Scene, ...]) -> tuple[str, ...]:
    first, *others = scenes
    named = "" if first == SCENES[0] else f", {first.asked}"
    questions = [f"Are the two outputs equal or different{named}?"]
    questions += [f"And {scene.asked}?" for scene in others]
    lines = (f"{label}) {text}" for label, text in zip("abc", questions, strict=True))
    return ("\n\n".join(lines),)


EQUAL_OR_NOT = read_choice("equal", "different")


def scene_part(label: str, scene: Scene) -> Part:
    right, other = ("equal", "different") if scene.is_equal else ("different", "equal")
    wrong = Wrong(scene.name, typed(other), scene.hint, "The Marble Bag")
    return Part(f"answer_{label}", typed(right), (wrong,), label=label, read=EQUAL_OR_NOT)


def is_order_visible(scenes: tuple[Scene, ...]) -> Exercise:
    return Exercise(
        "4.6",
        "Is order visible?",
        tuple(scene_part(label, scene) for label, scene in zip("abc", scenes, strict=True)),
        hints=(
            "Write down what the full stop's query is compared with in the one sentence, and "
            "in the other.",
            "One layer: 4 keys and 4 values, in another order. Two layers: what has layer 1 "
            "made of the word in first place, and what of the same word in third place?",
            "A sum does not depend on the order of its terms. With a mask, though, 'dog' has "
            "seen one word in the one sentence and three in the other. And without?",
        ),
    )


# 4.7 A window of w


def distance(T):
    """How far back key j is from query i: i − j."""
    return torch.arange(T).unsqueeze(1) - torch.arange(T)


def right_window(T, w):
    return (distance(T) >= 0) & (distance(T) < w)


def one_too_many(T, w):
    return (distance(T) >= 0) & (distance(T) <= w)


def one_too_few(T, w):
    return (distance(T) >= 0) & (distance(T) < w - 1)


def band(T, w):
    return distance(T).abs() < w


def kept_the_old(T, w):
    return distance(T) >= w


def kept_from_w_back(T, w):
    return distance(T) > w


def looks_ahead(T, w):
    return right_window(T, w).T


def no_causal_half(T, w):
    return distance(T) < w


def negative_start(T, w):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        mask[i, i - w + 1 : i + 1] = True
    return mask


def without_itself(T, w):
    return (distance(T) >= 1) & (distance(T) < w)


def w_before_it(T, w):
    return (distance(T) >= 1) & (distance(T) <= w)


def blocks(T, w):
    i = torch.arange(T)
    return (i.unsqueeze(1) // w == i // w) & (distance(T) >= 0)


def window_cases(g: torch.Generator) -> list[tuple]:
    return [(6, 3), (5, 1), (7, 2), (4, 4), (5, 9), (1, 1)]


def first_count(args, got, right):
    query = first_index(got, right)[0]
    return query, int(got[query].sum()), int(right[query].sum())


def hint_count(args, got, right):
    query, count, _ = first_count(args, got, right)
    return f"query {query} sees {count} keys, not {args[1]}. The window counts the query itself."


def hint_few(args, got, right):
    query, count, wanted = first_count(args, got, right)
    return (
        f"query {query} sees {count} keys, not {wanted}: itself and the {wanted - 1} before it, "
        "i − j < w."
    )


HINT_WITHOUT_ITSELF = (
    "query 0 does not see itself. The window of w holds the query and the w − 1 before it."
)


def hint_blocks(args, got, right):
    query = first_index(got, right)[0]
    return (
        f"query {query} begins anew: you cut the text into blocks of {args[1]}. The window moves "
        "along with the query."
    )


def hint_old(args, got, right):
    query = args[0] - 1
    return f"query {query} lost its recent past and kept the old. The condition is i − j < w."


WINDOW = Part(
    "window_mask",
    right_window,
    cases=window_cases,
    wrong=(
        Wrong("one key too many", one_too_many, hint_count, "The Fence Post"),
        Wrong("one key too few", one_too_few, hint_few, "The Fence Post"),
        Wrong(
            "symmetric band",
            band,
            ("query 0 sees the future: your band is symmetric. Combine it with the causal mask."),
            "The Time Traveller",
        ),
        Wrong(
            "rows and columns swapped",
            looks_ahead,
            (
                "query 0 sees the future: rows and columns are swapped. The row is the query i, "
                "the column the key j, and i − j is how far back the key lies."
            ),
            "The Mirror",
        ),
        Wrong(
            "no causal half",
            no_causal_half,
            (
                "query 0 sees the future: for later keys i − j is below 0, and so below w. Ask for "
                "0 <= i − j as well."
            ),
            "The Time Traveller",
        ),
        Wrong(
            "negative start",
            negative_start,
            (
                "the first queries see nothing. There i − w + 1 is below 0, and a negative index "
                "counts from the end; start at max(0, i − w + 1)."
            ),
            "The Fence Post",
        ),
        Wrong("without itself", without_itself, HINT_WITHOUT_ITSELF, "The Blind Spot"),
        Wrong("the w before it", w_before_it, HINT_WITHOUT_ITSELF, "The Blind Spot"),
        Wrong("blocks", blocks, hint_blocks, "The Fence Post"),
        Wrong("old past kept", kept_the_old, hint_old, "The Mirror"),
        Wrong("older past kept", kept_from_w_back, hint_old, "The Mirror"),
    ),
)


VARIANTS = {
    "4.1": Varied(SIZE, lambda dice: dice.pick((5, 6)), mask_by_hand, mask_texts),
    "4.6": Varied(SCENES[:3], draw_scenes, is_order_visible, scenes_texts),
}
EXERCISES = {
    task.number: task
    for task in (
        mask_by_hand(SIZE),
        Exercise(
            "4.2",
            "Attention weights",
            (WEIGHTS,),
            hints=(
                "Compare every query with every key, forbid what may not be seen, and only then "
                "share out: each row of weights adds up to 1.",
                "q is (..., Tq, D). With the last two axes of k swapped, (..., D, Tk), the product "
                "is (..., Tq, Tk). The mask has that shape, and so have the weights.",
                "scores = q @ k.transpose(-2, -1) / D**0.5; where mask is False the score becomes "
                "-inf (masked_fill with ~mask); then softmax over the last axis.",
            ),
            references=REFERENCES,
            torch_references=TORCH_REFERENCES,
            replaces={"attention_weights": "attention"},
        ),
        Exercise(
            "4.3",
            "Scaled dot product in ten lines",
            (ATTENTION,),
            hints=(
                "Two products of matrices and one softmax. Which of them has a T × T result?",
                "q (B, H, T, D) times what shape gives (B, H, T, T)? Which two axes of k must "
                "swap?",
                "scores = q @ k.transpose(-2, -1) / D**0.5, then mask, then softmax over the last "
                "axis, then one more product.",
            ),
            references=REFERENCES,
            torch_references=TORCH_REFERENCES,
            replaces={"scaled_dot_product_attention": "attention"},
        ),
        Exercise(
            "4.4",
            "Split and merge heads",
            (SPLIT, MERGE, HEADS),
            hints=(
                "The C features of one position lie side by side in memory, head after head. Cut "
                "there first; which axis stands where is a second step.",
                "(B, T, C) becomes (B, T, H, D), then (B, H, T, D). Merging goes back through the "
                "same three shapes. The scale belongs to what one head sees: its D features.",
                "Split: view to (B, T, H, D), then transpose axes 1 and 2. Merge: transpose 1 and "
                "2, then reshape to (B, T, H * D). In between, attention on (B, H, T, D).",
            ),
            references=REFERENCES,
            torch_references=TORCH_REFERENCES,
            replaces={"split_heads": "attention", "merge_heads": "attention"},
        ),
        Exercise(
            "4.5",
            "Find the leak",
            (LEAK,),
            hints=(
                "Run the model twice, on the ids and on ids that differ in one place. What may "
                "differ between the two outputs, and what may not?",
                "The outputs are (T, C). A position has moved if any of its C numbers has: that is "
                "one True or False for each of T positions, for each of T touched tokens.",
                "eval(); for each t: copy the ids, change entry t, run, compare; note every moved "
                "position below t; put the mode back; return the smallest noted, or None.",
            ),
        ),
        is_order_visible(SCENES[:3]),
        Exercise(
            "4.7",
            "A window of w",
            (WINDOW,),
            hints=(
                "For a query i, write down the keys it may see when w is 1, 2 and 3. What is the "
                "largest distance i − j each time?",
                "Positions as a column (T, 1) and as a row (1, T): their difference is (T, T) and "
                "holds every distance.",
                "Let i and j be torch.arange(T), one of them as a column; the answer is True where "
                "0 <= i - j and i - j < w.",
            ),
        ),
    )
}
