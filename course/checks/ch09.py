"""Chapter 09, sampling: the right answers, the known wrong ones, and the help."""

import copy
import functools
from collections.abc import Mapping
from itertools import chain

import torch

from course.checks.engine import Exercise, Part, Prediction, Wrong
from course.checks.typed import Seen, read_number, typed
from minigpt_lib.model import GPT, GPTConfig

PREDICTIONS = {
    "9.p1": Prediction(0.34, within=0.05),  # what temperature 2 makes of 0.5
    "9.p2": Prediction(3),  # tokens that reach a share of 0.8
    "9.p3": Prediction(4),  # the same with the distribution flattened first
    "9.p4": Prediction("c", choices="abc"),  # greedy text goes in circles
}
CARDS = {
    "The Back-to-Front Dial": "The knob turns the wrong way: cold gets wilder, hot gets duller. "
    "Try one small and one large setting on a distribution that you know.",
    "The Common Pot": "Many rows are ranked in one list, so one row gets all places and another "
    "none. Rank along the last axis alone.",
    "The Short Measure": "It stops before the glass is full: what it keeps adds up to less than "
    "was ordered. The one that crosses the line belongs to it.",
    "The Unsorted Cards": "Things are sorted, chosen, and never put back where they came from. "
    "Lengths and sums are right, names are not. Scatter by the same order.",
    "The One-Track Mind": "Where a draw is asked for, it always names the favourite. The words "
    "come out the same every time. Draw many times and count.",
    "The Wrong Queue": "Two steps are right and stand in the wrong order, so the second one works "
    "on what the first has not prepared yet. Say what each step needs.",
    "The Short Memory": "It throws away what it has written, or chokes on it. What goes in is cut "
    "to the context; what is kept is everything.",
    "The Iceberg": "So cold that nothing moves: what it says is safe, and it says it again and "
    "again. Measure repetition beside correctness.",
    "The Fever": "So hot that anything goes: never a repetition, and hardly a word. Measure "
    "correctness beside variety.",
    "The One Swallow": "One small sample is taken for the summer. Draw again with another seed: "
    "what moves that much was luck. Take more.",
    "The Confetti": "Matches from here and there are added up as if they stood side by side. A "
    "copy is one unbroken stretch.",
    "The Ventriloquist": "It puts your own words into the model's mouth: the prompt is counted as "
    "something it wrote. Cut it off first.",
}
LOW = float("-inf")


def normal(g: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=g)


# 9.1 Temperature


def use_temperature(answer, logits, t):
    """An answer's logits, in the place of which the right ones stand if they mean the same.

    What a row's logits have in common is free, for the softmax does not notice it.
    """
    probe = answer(torch.tensor([[-3.0, 1.0, 2.5], [-1.0, -2.0, -0.5]]), 2.0)
    if isinstance(probe, torch.Tensor) and probe.shape == (2, 3) and (probe >= 0).all():
        sums = probe.double().sum(-1)
        if torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
            return "probabilities"
    scaled = answer(logits, t)
    if not isinstance(scaled, torch.Tensor) or scaled.shape != logits.shape:
        return scaled
    scaled, best = scaled.double(), logits.argmax(-1, keepdim=True)
    alone = torch.full_like(logits, float("-inf")).scatter(-1, best, logits.amax(-1, keepdim=True))
    wanted = (alone if t == 0 else logits / t).double()
    if torch.allclose(scaled.softmax(-1), wanted.softmax(-1), rtol=0, atol=1e-4):
        return wanted
    top, is_dropped = scaled.amax(-1, keepdim=True), (scaled == float("-inf")).any()
    if t == 0 and is_dropped:  # whatever number it put there
        top = torch.where(top.isfinite(), top - wanted.amax(-1, keepdim=True), 0.0)
        return scaled - top
    return scaled


def favourite(logits):
    """True at the largest entry of each row, the earliest if several are equal."""
    places = torch.arange(logits.shape[-1])
    return places == logits.argmax(-1, keepdim=True)


def only(logits, kept):
    return torch.where(kept, logits, LOW)


def scaled_by(scale, at_zero):
    """An answer from what it does with t > 0 and with 0."""
    return lambda logits, t: at_zero(logits) if t == 0 else scale(logits, t)


def divided(logits, t):
    return torch.mul(logits, 1 / t)


def multiplied(logits, t):
    return logits * t


def shares_divided(logits, t):
    return logits.softmax(-1) / t


def shares_returned(logits, t):
    return divided(logits, t).softmax(-1)


def subtracted(logits, t):
    return logits - t


def cold(logits):
    return only(logits, favourite(logits))


def right_temperature(logits, t):
    return cold(logits) if t == 0 else divided(logits, t)


def one_hot(logits):
    return favourite(logits).to(logits.dtype)


def loud_zeros(logits):
    return torch.where(favourite(logits), logits, 0.0)


def all_largest(logits):
    return only(logits, logits == logits.amax(-1, keepdim=True))


def unchanged(logits):
    return logits + 0.0


def largest_of_all(logits):
    return only(logits, logits == logits.max())


def first_of_all(logits):
    return only(logits.flatten(), favourite(logits.flatten())).view(logits.shape)


def place_in_all(logits):
    """The place in the whole table, used as a place in each row."""
    kept = torch.zeros_like(logits, dtype=torch.bool)
    kept[..., logits.argmax()] = True
    return only(logits, kept)


def over_zero(scale):
    """The same formula at 0."""
    return lambda logits, t: scale(logits, t) if t else scale(logits, torch.zeros(()))


def divided_tensor(logits, t):
    return logits / t


def shares_divided_tensor(logits, t):
    return logits.softmax(-1) / t


def index_at_zero(logits):
    return logits.argmax(-1)


def temperature_cases(g: torch.Generator) -> list[tuple]:
    tied = torch.tensor([[1.0, 3, 3, 0], [2, -1, 2, 2]])
    below = -1 - normal(g, 4, 6).abs()
    return [
        (2 * normal(g, 2, 5, 7), 0.5),
        (2 * normal(g, 3, 4), 1.7),
        (normal(g, 9), 1.0),
        (3 * normal(g, 5), 0.1),
        (normal(g, 3, 2, 6), 0),
        (below, 0.0),
        (tied, 0),
    ]


HINT_FLATTER = (
    "at {t} the distribution became {how}. Divide by the temperature: below 1 the differences "
    "between logits grow."
)


def hint_multiplied(args, got, right):
    t = args[1]
    how = "flatter" if t < 1 else "sharper"
    return HINT_FLATTER.format(t=t, how=how) if t else HINT_FLATTER.format(t=0.5, how="flatter")


HINT_SHARES = (
    "the probabilities no longer add up to 1: you divided them by the temperature. It acts on "
    "logits, before the softmax."
)
HINT_RETURNED = (
    "you return probabilities, and whoever called you takes the softmax once more. Return logits."
)
HINT_NAN = "temperature 0 gave nan. It means: take the largest, and −inf for all others."
HINT_ALL = (
    "at temperature 0 several tokens are left, because their logits are equal. Of equal ones the "
    "earliest stays, alone."
)
HINT_WHOLE_TABLE = (
    "at temperature 0 you look for the largest in the whole table: argmax and max without dim "
    "count through all rows. One token of each row stays, so use dim=-1, with keepdim=True."
)
HINT_STILL_A_CHANCE = (
    "at temperature 0 the others have logit 0, which is still a chance, because e⁰ = 1. Use −inf."
)

TEMPERATURE = Part(
    "apply_temperature",
    right_temperature,
    cases=temperature_cases,
    drive=use_temperature,
    wrong=(
        Wrong(
            "multiplied",
            scaled_by(multiplied, cold),
            hint_multiplied,
            "The Back-to-Front Dial",
        ),
        Wrong(
            "multiplied, also at 0",
            scaled_by(multiplied, lambda logits: logits * 0),
            hint_multiplied,
            "The Back-to-Front Dial",
        ),
        Wrong(
            "probabilities divided",
            scaled_by(shares_divided, cold),
            HINT_SHARES,
            "The Early Bird",
        ),
        Wrong(
            "probabilities divided, also at 0",
            over_zero(shares_divided_tensor),
            HINT_SHARES,
            "The Early Bird",
        ),
        Wrong("probabilities returned", shares_returned, HINT_RETURNED, "The Early Bird"),
        Wrong("divided by 0", over_zero(divided_tensor), HINT_NAN, "The Deaf Ear"),
        Wrong(
            "unchanged at 0",
            scaled_by(divided, unchanged),
            "at temperature 0 the distribution stays as it is. It means: take the largest; all "
            "others become −inf.",
            "The Deaf Ear",
        ),
        Wrong("one-hot at 0", scaled_by(divided, one_hot), HINT_STILL_A_CHANCE, "The Loud Zero"),
        Wrong(
            "others 0 at 0", scaled_by(divided, loud_zeros), HINT_STILL_A_CHANCE, "The Loud Zero"
        ),
        Wrong("all the largest at 0", scaled_by(divided, all_largest), HINT_ALL, "The Coin Toss"),
        *(
            Wrong(name, scaled_by(divided, answer), HINT_WHOLE_TABLE, "The Common Pot")
            for name, answer in (
                ("largest of the table at 0", largest_of_all),
                ("one of the table at 0", first_of_all),
                ("place in the table at 0", place_in_all),
            )
        ),
        Wrong(
            "index at 0",
            scaled_by(divided, index_at_zero),
            "at temperature 0 you return the number of the largest. Return logits of the same "
            "shape, −inf for all but one.",
            "The Catalogue",
        ),
        Wrong(
            "subtracted",
            scaled_by(subtracted, cold),
            "nothing changed: you subtract the temperature from every logit, and the softmax does "
            "not notice what all have in common. Divide.",
            "The Same Again",
        ),
    ),
)

# 9.2 Top-k


def rank(logits):
    """How many entries of its row stand before each: the larger ones, and equal ones earlier."""
    here, other = logits.unsqueeze(-1), logits.unsqueeze(-2)  # (..., V, 1), (..., 1, V)
    earlier = torch.ones(other.shape[-1], other.shape[-1], dtype=torch.bool).tril(-1)
    return ((other > here) | ((other == here) & earlier)).sum(-1)


def right_top_k(logits, k):
    return only(logits, rank(logits) < k)


def at_places(logits, places):
    """Only the entries at some places of each row."""
    kept = torch.zeros_like(logits, dtype=torch.bool)
    return only(logits, kept.scatter(-1, places, True))


def kth(logits, k):
    return -(-logits).kthvalue(k, dim=-1, keepdim=True).values


def capped(answer):
    return lambda logits, k: answer(logits, min(k, logits.shape[-1]))


def ties_through(logits, k):
    return only(logits, logits >= logits.topk(k).values[..., -1:])


def ties_through_by_index(logits, k):
    ordered = logits.sort(-1, descending=True).values
    return only(logits, logits >= ordered[..., k - 1 : k][..., [0]])


def strictly_above(logits, k):
    return only(logits, logits > kth(logits, k))


def topk_choice(logits, k):
    return at_places(logits, logits.topk(k).indices)


def latest_tie(logits, k):
    return only(logits.flip(-1), rank(logits.flip(-1)) < k).flip(-1)


def unstable(logits, k):
    return at_places(logits, torch.sort(logits, -1, descending=True).indices[..., :k])


def zeros_for_dropped(logits, k):
    return torch.where(rank(logits) < k, logits, 0.0)


def low_for_dropped(logits, k):
    return torch.where(rank(logits) < k, logits, -1e9)


def smallest(logits, k):
    return only(logits, rank(-logits) < k)


def one_more(logits, k):
    return only(logits, rank(logits) <= k)


def one_less(logits, k):
    return only(logits, rank(logits) < k - 1)


def dropped_the_best(logits, k):
    return only(logits, rank(logits) >= k)


def shares_kept(logits, k):
    return right_top_k(logits, k).softmax(-1)


def shares_left_out(logits, k):
    return right_top_k(logits, k).softmax(-1).masked_fill(rank(logits) >= k, LOW)


def shares_of_all(logits, k):
    return logits.softmax(-1).masked_fill(rank(logits) >= k, 0.0)


def shares_of_all_left_out(logits, k):
    return only(logits.softmax(-1), rank(logits) < k)


def values_in_order(logits, k):
    ordered = torch.sort(logits, dim=-1, descending=True, stable=True).values
    return only(ordered, torch.arange(logits.shape[-1]) < k)


def first_places(logits, k):
    return only(logits, (torch.arange(logits.shape[-1]) < k).expand(logits.shape))


def first_places_gathered(logits, k):
    order = torch.argsort(logits, dim=-1, descending=True, stable=True)
    return only(logits, order < k)


def values_gathered(logits, k):
    order = torch.argsort(logits, dim=-1, descending=True, stable=True)
    return values_in_order(logits, k).gather(-1, order)


def values_alone(logits, k):
    return logits.sort(-1, descending=True).values[..., :k]


def one_list(logits, k):
    return right_top_k(logits.flatten(), k).view(logits.shape)


def down_the_columns(logits, k):
    return right_top_k(logits.transpose(0, -1), k).transpose(0, -1)


def top_k_cases(g: torch.Generator) -> list[tuple]:
    tied = torch.tensor([[1.0, 4, 1, 1, 3], [2, 2, 2, 2, 5]])
    many = torch.randint(0, 4, (3, 40), generator=g).float()
    return [
        (normal(g, 4, 7), 3),
        (normal(g, 2, 3, 6) - 5, 1),
        (normal(g, 8), 2),
        (tied, 3),
        (many, 17),
        (normal(g, 3, 5), 5),
        (normal(g, 2, 4), 9),
    ]


def survivors(got, right):
    """How many are kept in the first row that differs, and how many should be."""
    counts = got.isfinite().sum(-1).flatten(), right.isfinite().sum(-1).flatten()
    pairs = list(zip(*(c.tolist() for c in counts), strict=True))
    return next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])


def hint_ties(args, got, right):
    count, _ = survivors(got, right) if isinstance(got, torch.Tensor) else ("some", 0)
    return (
        f"{count} tokens survived for k = {args[1]}: a tie let more through. Keep exactly k, of "
        "equal ones the earliest."
    )


def hint_strict(args, got, right):
    count, _ = survivors(got, right)
    return (
        f"{count} tokens survived for k = {args[1]}: the k-th largest is dropped, and what equals "
        "it too. Keep exactly k."
    )


def hint_count(args, got, right):
    count, wanted = survivors(got, right)
    return f"{count} tokens survived for k = {args[1]}; {wanted} should."


def hint_large(args, got, right):
    return (
        f"your answer stops where k is larger than the vocabulary, here with {got.kind}. Then all "
        "tokens stay: use the smaller of the two."
    )


HINT_EARLIEST = (
    "of tokens with equal logits you keep other ones than the earliest. topk, and sort without "
    "stable=True, promise no order among equals; argsort with stable=True does."
)
HINT_LOW = (
    "dropped tokens have logit −1e9. That is low, not the lowest: use −inf, which whoever comes "
    "next can recognise."
)
HINT_ORDER = (
    "right probabilities, wrong tokens: the sorted order was not undone. scatter puts each "
    "decision back to the token it belongs to."
)
HINT_GATHERED = (
    "wrong tokens: gather looks things up by the order, and they have to go back the other way. "
    "Use scatter, or gather with order.argsort(-1)."
)
HINT_SHARES_BACK = "you return probabilities. Return logits: those that stay are as they were."
TOP_K = Part(
    "top_k_filter",
    right_top_k,
    cases=top_k_cases,
    wrong=(
        Wrong("ties through", capped(ties_through), hint_ties, "The Coin Toss"),
        Wrong("ties through, k too large", ties_through, hint_ties, "The Coin Toss"),
        Wrong("ties through, k out of the list", ties_through_by_index, hint_ties, "The Coin Toss"),
        Wrong("strictly above", capped(strictly_above), hint_strict, "The Fence Post"),
        Wrong("strictly above, k too large", strictly_above, hint_strict, "The Fence Post"),
        Wrong("topk's choice", capped(topk_choice), HINT_EARLIEST, "The Coin Toss"),
        Wrong("topk's choice, k too large", topk_choice, HINT_EARLIEST, "The Coin Toss"),
        Wrong("latest of equals", latest_tie, HINT_EARLIEST, "The Coin Toss"),
        Wrong("unstable sort", unstable, HINT_EARLIEST, "The Coin Toss"),
        Wrong(
            "k too large",
            lambda logits, k: right_top_k(logits, k) if k <= logits.shape[-1] else kth(logits, k),
            hint_large,
            "The Early Leaver",
        ),
        Wrong(
            "dropped are 0",
            zeros_for_dropped,
            "dropped tokens have logit 0, which is still a chance, because e⁰ = 1. Use −inf.",
            "The Loud Zero",
        ),
        Wrong("dropped are low", low_for_dropped, HINT_LOW, "The Loud Zero"),
        Wrong(
            "smallest kept",
            smallest,
            "you keep the least likely tokens. Sort from the largest down.",
            "The Wrong End",
        ),
        Wrong(
            "best dropped",
            dropped_the_best,
            "you drop the k likeliest tokens and keep the rest. It is the rest that becomes −inf.",
            "The Mirror",
        ),
        Wrong("one more", one_more, hint_count, "The Fence Post"),
        Wrong("one less", one_less, hint_count, "The Fence Post"),
        *(
            Wrong(name, answer, HINT_SHARES_BACK, "The Early Bird")
            for name, answer in (
                ("probabilities", shares_kept),
                ("probabilities, others out", shares_left_out),
                ("probabilities of all", shares_of_all),
                ("probabilities of all, others out", shares_of_all_left_out),
            )
        ),
        Wrong("left sorted", values_in_order, HINT_ORDER, "The Unsorted Cards"),
        Wrong(
            "first places",
            first_places,
            "right number of tokens, wrong tokens: the first k of the vocabulary stay. The first "
            "k places of the sorted list have to go back to where they came from: scatter.",
            "The Unsorted Cards",
        ),
        Wrong("gathered", first_places_gathered, HINT_GATHERED, "The Unsorted Cards"),
        Wrong("sorted values gathered", values_gathered, HINT_GATHERED, "The Unsorted Cards"),
        Wrong(
            "values alone",
            values_alone,
            "you return the k largest values, without their places. Return a tensor of the shape "
            "of logits.",
            "The Scoreboard",
        ),
        Wrong(
            "one list",
            one_list,
            "k tokens survived in all rows together. Each row keeps its own k: rank along the last "
            "axis.",
            "The Common Pot",
        ),
        Wrong(
            "down the columns",
            down_the_columns,
            "you rank along the first axis, from row to row. Use dim=-1: each row keeps its own k.",
            "The Wrong Turn",
        ),
    ),
)

# 9.3 Top-p


def nucleus(logits, p, keep, dim=-1):
    """Keep what `keep` says of the sorted shares and their running sums, put back in place."""
    order = torch.argsort(logits, dim=dim, descending=True, stable=True)
    shares = logits.double().gather(dim, order).softmax(dim)
    kept = keep(shares, shares.cumsum(dim), p)
    return only(logits, torch.zeros_like(kept).scatter(dim, order, kept))


def reached(shares, sums, p):
    """Kept while those before have not reached p."""
    return (sums - shares < p) | torch.tensor(p == 1)


def right_top_p(logits, p):
    return nucleus(logits, p, reached)


def first(shares):
    return torch.arange(shares.shape[-1]) == 0


def up_to(shares, sums, p):
    return sums <= p + 1e-9


def below(shares, sums, p):
    return sums < p - 1e-9


def one_too_many(shares, sums, p):
    return sums - shares <= p + 1e-9


def two_too_many(shares, sums, p):
    return sums - 2 * shares < p


def large_alone(shares, sums, p):
    return shares >= p


def small_out(shares, sums, p):
    return shares > 1 - p


def keeping(keep, *, start=False):
    """An answer that keeps by another rule; start: the first token is always kept."""
    if not start:
        return lambda logits, p: nucleus(logits, p, keep)
    return lambda logits, p: nucleus(logits, p, lambda s, c, q: keep(s, c, q) | first(s))


def unsorted_sums(logits, p):
    shares = logits.double().softmax(-1)
    return only(logits, reached(shares, shares.cumsum(-1), p))


def left_sorted(logits, p):
    ordered = torch.sort(logits, descending=True, stable=True).values
    shares = ordered.double().softmax(-1)
    return only(ordered, reached(shares, shares.cumsum(-1), p))


def mask_left_sorted(logits, p):
    return only(logits, left_sorted(logits, p).isfinite())


def gathered(logits, p):
    order = torch.argsort(logits, dim=-1, descending=True, stable=True)
    return only(logits, left_sorted(logits, p).isfinite().gather(-1, order))


def least_likely(logits, p):
    order = torch.argsort(logits, dim=-1, stable=True)
    shares = logits.double().gather(-1, order).softmax(-1)
    kept = reached(shares, shares.cumsum(-1), p)
    return only(logits, torch.zeros_like(kept).scatter(-1, order, kept))


def latest_in(logits, p):
    return right_top_p(logits.flip(-1), p).flip(-1)


def unstable_in(logits, p):
    order = torch.sort(logits, descending=True).indices
    shares = logits.double().gather(-1, order).softmax(-1)
    kept = reached(shares, shares.cumsum(-1), p)
    return only(logits, torch.zeros_like(kept).scatter(-1, order, kept))


def raw_sums(logits, p):
    order = torch.argsort(logits, dim=-1, descending=True, stable=True)
    scores = logits.double().gather(-1, order)
    kept = reached(scores, scores.cumsum(-1), p)
    return only(logits, torch.zeros_like(kept).scatter(-1, order, kept))


def out_as(value):
    """Right, with something else than −inf in the place of what is dropped."""
    return lambda logits, p: (
        right_top_p(logits, p).clamp_min(LOW).masked_fill(right_top_p(logits, p).isinf(), value)
    )


def shares_of_nucleus(logits, p):
    return right_top_p(logits, p).softmax(-1)


def shares_of_nucleus_left_out(logits, p):
    return shares_of_nucleus(logits, p).masked_fill(right_top_p(logits, p).isinf(), LOW)


def shares_before_nucleus(logits, p):
    return logits.softmax(-1).masked_fill(right_top_p(logits, p).isinf(), 0.0)


def shares_before_nucleus_left_out(logits, p):
    return logits.softmax(-1).masked_fill(right_top_p(logits, p).isinf(), LOW)


def sorted_values_gathered(logits, p):
    order = torch.argsort(logits, dim=-1, descending=True, stable=True)
    return left_sorted(logits, p).gather(-1, order)


def with_and_without_line(name, answer, hint, card):
    """A mistake that shows at p = 1, and the same after the line that deals with p = 1."""

    def behind_line(logits, p):
        return logits.clone() if p == 1 else answer(logits, p)

    return Wrong(name, behind_line, hint, card), Wrong(f"{name}, no line", answer, hint, card)


def nucleus_of_columns(logits, p):
    return nucleus(logits, p, reached, dim=0)


def top_p_cases(g: torch.Generator) -> list[tuple]:
    even = torch.zeros(2, 4)  # shares of exactly ¼
    even[1] = 3.0
    spread = 2 * normal(g, 3, 9)
    sure = normal(g, 5)
    sure[int(torch.randint(1, 5, (), generator=g))] = 9.0
    return [
        (normal(g, 4, 8), 0.7),
        (even, 0.5),
        (sure, 0.4),
        (spread - 4, 0.9),
        (normal(g, 2, 3, 6), 0.3),
        (torch.zeros(8), 0.3),
        (normal(g, 7), 0.95),
        (normal(g, 3, 8), 1.0),
        (torch.zeros(40), 0.31),
    ]


def kept_share(args, got):
    """What the kept tokens of the first row that keeps too little add up to, and how many."""
    shares = args[0].double().softmax(-1).flatten(0, -2) if args[0].dim() > 1 else None
    shares = args[0].double().softmax(-1).unsqueeze(0) if shares is None else shares
    sums = (shares * got.isfinite().view_as(shares)).sum(-1)
    return sums.min().item()


def hint_crossing(args, got, right):
    return (
        f"the kept tokens add up to {kept_share(args, got):.2f} < {args[1]}. Keep the token that "
        "crosses p as well."
    )


def hint_nothing(args, got, right):
    if kept_share(args, got) > 0:
        return hint_crossing(args, got, right)
    return (
        f"nothing survived at p = {args[1]}. The most likely token always stays: keep the token "
        "that crosses p as well."
    )


def hint_many(args, got, right):
    count, wanted = survivors(got, right)
    return (
        f"{count} tokens survived at p = {args[1]} where {wanted} reach it. Stop once the ones "
        "before add up to p."
    )


NUCLEUS = Part(
    "top_p_filter",
    right_top_p,
    cases=top_p_cases,
    wrong=(
        Wrong("crossing dropped", keeping(up_to, start=True), hint_crossing, "The Short Measure"),
        *with_and_without_line(
            "stops below p", keeping(below, start=True), hint_crossing, "The Short Measure"
        ),
        Wrong("nothing survives", keeping(up_to), hint_nothing, "The Short Measure"),
        *with_and_without_line(
            "nothing survives below p", keeping(below), hint_nothing, "The Short Measure"
        ),
        Wrong("one too many", keeping(one_too_many), hint_many, "The Fence Post"),
        Wrong("two too many", keeping(two_too_many), hint_many, "The Fence Post"),
        *with_and_without_line("left sorted", left_sorted, HINT_ORDER, "The Unsorted Cards"),
        *with_and_without_line(
            "sorted values gathered", sorted_values_gathered, HINT_GATHERED, "The Unsorted Cards"
        ),
        Wrong("mask left sorted", mask_left_sorted, HINT_ORDER, "The Unsorted Cards"),
        Wrong(
            "gathered",
            gathered,
            HINT_GATHERED,
            "The Unsorted Cards",
        ),
        Wrong(
            "unsorted sums",
            unsorted_sums,
            "you add up the probabilities in the order of the vocabulary. Sort them first, the "
            "likeliest in front.",
            "The Queue Jumper",
        ),
        Wrong(
            "least likely first",
            least_likely,
            "you add up from the least likely token. Sort from the largest down.",
            "The Wrong End",
        ),
        Wrong(
            "unstable sort",
            unstable_in,
            "of many tokens with equal logits you keep other ones than the earliest. sort promises "
            "no order among equals; with stable=True it does.",
            "The Coin Toss",
        ),
        Wrong(
            "latest of equals",
            latest_in,
            "of tokens with equal logits you keep the later ones. Sort with stable=True, from the "
            "largest down: the earliest come first.",
            "The Coin Toss",
        ),
        Wrong(
            "logits added up",
            raw_sums,
            "you add up logits. p is a share of the probability: softmax first.",
            "The Raw Score",
        ),
        *with_and_without_line(
            "each on its own",
            keeping(large_alone),
            "you keep tokens whose own probability is at least p. It is their sum, from the "
            "likeliest down, that has to reach p.",
            "The Blind Eye",
        ),
        Wrong(
            "small ones out",
            keeping(small_out),
            "you drop tokens whose own probability is at most 1 − p. It is the sum, from the "
            "likeliest down, that has to reach p.",
            "The Blind Eye",
        ),
        Wrong(
            "dropped are 0",
            out_as(0.0),
            "dropped tokens have logit 0, which is still a chance, because e⁰ = 1. Use −inf.",
            "The Loud Zero",
        ),
        Wrong("dropped are low", out_as(-1e9), HINT_LOW, "The Loud Zero"),
        *(
            wrong
            for name, answer in (
                ("probabilities", shares_of_nucleus),
                ("probabilities of all", shares_before_nucleus),
                ("probabilities, others out", shares_of_nucleus_left_out),
                ("probabilities of all, others out", shares_before_nucleus_left_out),
            )
            for wrong in with_and_without_line(name, answer, HINT_SHARES_BACK, "The Early Bird")
        ),
        Wrong(
            "down the columns",
            nucleus_of_columns,
            "you sort and add up along the first axis, from row to row. Use dim=-1.",
            "The Wrong Turn",
        ),
    ),
)

# 9.4 A sampler


def use_sampler(answer, logits, settings, known, seed):
    """What 10,000 draws look like: the distribution of `known` that they fit, shapes and seeds."""
    n, V = 10_000, logits.shape[-1]

    def draw(rows, seed):
        return answer(rows, **settings, generator=torch.Generator().manual_seed(seed))

    def shape(rows):
        try:
            return tuple(getattr(draw(rows, 0), "shape", ("no tensor",)))
        except (IndexError, RuntimeError, ValueError):
            return ("an error",)

    answer(logits)  # everything but the logits may be left out
    once, again, other = (draw(logits.repeat(n, 1), s) for s in (seed, seed, seed + 1))
    shapes = [shape(rows) for rows in (logits, logits.repeat(2, 1), logits.repeat(2, 3, 1))]
    seen = {"shapes": shapes, "same seed, same draws": bool((once == again).all())}
    seen["another seed, other draws"] = bool((once != other).any())
    counts = torch.bincount(once.flatten().long(), minlength=V)[:V] * n / once.numel()
    seen["shares"] = (counts / n).tolist()
    for shares in known:
        bound = 5 * (n * shares * (1 - shares)).sqrt() + 1e-3  # passed once in a million draws
        if bool(((counts - n * shares).abs() <= bound).all()):
            seen["shares"] = shares.tolist()
            break
    return seen


def right_steps(logits, temperature=1.0, top_k=None, top_p=None):
    logits = right_temperature(logits, temperature)
    logits = right_top_k(logits, top_k) if top_k else logits
    return right_top_p(logits, top_p) if top_p else logits


def k_p_temperature(logits, temperature=1.0, top_k=None, top_p=None):
    return right_temperature(right_steps(logits, 1.0, top_k, top_p), temperature)


def p_first(logits, temperature=1.0, top_k=None, top_p=None):
    return right_steps(right_steps(logits, 1.0, None, top_p), temperature, top_k)


def p_before_k(logits, temperature=1.0, top_k=None, top_p=None):
    return right_steps(right_steps(logits, temperature, None, top_p), 1.0, top_k)


def no_temperature(logits, temperature=1.0, top_k=None, top_p=None):
    return right_steps(logits, 1.0, top_k, top_p)


def zero_skipped(logits, temperature=1.0, top_k=None, top_p=None):
    return right_steps(logits, temperature or 1.0, top_k, top_p)


def no_top_k(logits, temperature=1.0, top_k=None, top_p=None):
    return right_steps(logits, temperature, None, top_p)


def no_top_p(logits, temperature=1.0, top_k=None, top_p=None):
    return right_steps(logits, temperature, top_k)


STEPS = (
    *(right_steps, k_p_temperature, p_first, p_before_k),
    *(no_temperature, zero_skipped, no_top_k, no_top_p),
)


def drawn(shares, generator):
    rows = torch.multinomial(shares.reshape(-1, shares.shape[-1]), 1, generator=generator)
    return rows.reshape(shares.shape[:-1])


def sampler(steps=right_steps, draw=drawn):
    """An answer from how it prepares the logits and how it draws."""

    def answer(logits, temperature=1.0, top_k=None, top_p=None, generator=None):
        return draw(steps(logits, temperature, top_k, top_p).double().softmax(-1), generator)

    return answer


def right_sampler(logits, temperature=1.0, top_k=None, top_p=None, generator=None):
    return drawn(right_steps(logits, temperature, top_k, top_p).double().softmax(-1), generator)


def likeliest(shares, generator):
    return shares.argmax(-1)


def ungoverned(shares, generator):
    return drawn(shares, None)


def own_seed(shares, generator):
    return drawn(shares, torch.Generator().manual_seed(0))


def kept_axis(shares, generator):
    return drawn(shares, generator).unsqueeze(-1)


def tables_only(shares, generator):
    return torch.multinomial(shares, 1, generator=generator).squeeze(-1)


def tables_with_axis(shares, generator):
    return torch.multinomial(shares, 1, generator=generator)


def one_for_all(shares, generator):
    first_row = shares.reshape(-1, shares.shape[-1])[:1]
    return drawn(first_row, generator).expand(shares[..., 0].numel()).view(shares.shape[:-1])


def evenly(shares, generator):
    return drawn((shares > 0).double(), generator)


def needs_all(logits, temperature=1.0, top_k=None, top_p=None, generator=None):
    steps = min(top_k, logits.shape[-1]), top_p + 0.0
    return sampler()(logits, temperature, *steps, generator)


def draws_from_logits(logits, temperature=1.0, top_k=None, top_p=None, generator=None):
    return drawn(right_steps(logits, temperature, top_k, top_p), generator)


def sampler_cases(g: torch.Generator) -> list[tuple]:
    """Distributions of which each step, and their order, leaves another number of tokens."""
    # With temperature 2 the shares are like 8 : 5 : 4 : 3 : 2 : 1, before it like their squares.
    places = torch.randperm(6, generator=g)
    shares = torch.tensor([8.0, 5, 4, 3, 2, 1])[places]
    steep = 2 * shares.log()
    cases = [
        (steep, {"temperature": 2.0, "top_p": 0.8}),
        (steep / 2, {"top_k": 3, "top_p": 0.75}),
        (steep / 2, {"top_k": 2}),
        (steep - 9, {"temperature": 0}),
        (steep / 2 - 4, {}),
        (steep, {"temperature": 2.0, "top_k": 4, "top_p": 0.7}),
    ]
    full = []
    for logits, settings in cases:
        known = [steps(logits.double(), **settings).softmax(-1) for steps in STEPS]
        known += [(known[0] > 0) / (known[0] > 0).sum()]
        full.append((logits, settings, known, int(torch.randint(1000, (), generator=g))))
    return full


def support(result):
    return sum(share > 0 for share in result["shares"])


def hint_order(args, got, right):
    if support(got) == support(right):
        return (
            "temperature comes after top-p in your answer, so top-p added up other probabilities. "
            "Temperature first."
        )
    return (
        f"top-p before temperature keeps {support(got)} tokens here; after it, {support(right)}. "
        "Temperature first."
    )


def hint_k_first(args, got, right):
    return (
        f"top-p before top-k keeps {support(got)} tokens here; after it, {support(right)}. First "
        "temperature, then top-k, then top-p."
    )


def hint_left_out(name):
    def hint(args, got, right):
        return f"{name} = {args[1][name]} changes nothing in your draws. Apply it before you draw."

    return hint


def hint_argmax(args, got, right):
    token = max(range(len(got["shares"])), key=lambda i: got["shares"][i])
    return f"always token {token}: that is argmax. Draw with multinomial."


def hint_axis(args, got, right):
    return (
        f"for logits {(2, len(args[0]))} you return shape {got['shapes'][1]}, not "
        f"{right['shapes'][1]}. multinomial keeps an axis for its draws; take it away."
    )


HINT_TABLES = (
    "multinomial takes one row or a table of rows, and logits may have more axes in front. Make a "
    "table of them, draw, and give the result the shape of logits without its last axis."
)
SAMPLER = Part(
    "sample_next",
    right_sampler,
    cases=sampler_cases,
    drive=use_sampler,
    wrong=(
        Wrong("temperature last", sampler(k_p_temperature), hint_order, "The Wrong Queue"),
        Wrong("top-p first", sampler(p_first), hint_order, "The Wrong Queue"),
        Wrong("top-p before top-k", sampler(p_before_k), hint_k_first, "The Wrong Queue"),
        Wrong(
            "no temperature",
            sampler(no_temperature),
            hint_left_out("temperature"),
            "The Forgetter",
        ),
        Wrong(
            "temperature 0 skipped",
            sampler(zero_skipped),
            "temperature 0 draws as temperature 1 does: `if temperature:` is False for 0. Apply "
            "it always.",
            "The Deaf Ear",
        ),
        Wrong("no top-k", sampler(no_top_k), hint_left_out("top_k"), "The Forgetter"),
        Wrong("no top-p", sampler(no_top_p), hint_left_out("top_p"), "The Forgetter"),
        Wrong("argmax", sampler(draw=likeliest), hint_argmax, "The One-Track Mind"),
        Wrong(
            "generator unused",
            sampler(draw=ungoverned),
            "two generators with the same seed gave different text. Pass the generator to the "
            "draw.",
            "The Forgetter",
        ),
        Wrong(
            "own seed",
            sampler(draw=own_seed),
            "two generators with different seeds gave the same text. Draw with the generator that "
            "you are given, not with one of your own.",
            "The Groundhog",
        ),
        Wrong("axis kept", sampler(draw=kept_axis), hint_axis, "The Phantom Axis"),
        Wrong("tables only", sampler(draw=tables_only), HINT_TABLES, "The Odd Couple"),
        Wrong(
            "tables only, axis kept", sampler(draw=tables_with_axis), HINT_TABLES, "The Odd Couple"
        ),
        Wrong(
            "one for all rows",
            sampler(draw=one_for_all),
            "all rows get the same token. Draw once for each row.",
            "The Groundhog",
        ),
        Wrong(
            "evenly",
            sampler(draw=evenly),
            "all tokens that are left come equally often. Draw with their probabilities, the "
            "softmax of what is left.",
            "The Loaded Die",
        ),
        Wrong(
            "None refused",
            needs_all,
            "your answer stops where a setting is left out. None means: leave that filter out.",
            "The Deaf Ear",
        ),
        Wrong(
            "draws from logits",
            draws_from_logits,
            "multinomial got logits, and a negative number is no probability. Softmax first.",
            "The Raw Score",
        ),
    ),
)

# 9.5 Mend generate


def use_generate(answer, model, ids, num_tokens, temperature, seed):
    """The text an answer writes, with a generator of this seed."""
    generator = torch.Generator().manual_seed(seed)
    return answer(model, ids, num_tokens, temperature=temperature, generator=generator)


def writer(crop, position=-1, quiet=True, governed=True):
    """A generate from what it crops, which position it reads, and whether dropout is off."""

    def answer(model, ids, max_new_tokens, temperature=1.0, generator=None):
        mode = model.training
        if quiet:
            model.eval()
        try:
            for _step in range(max_new_tokens):
                ids, seen = crop(ids, model.config.context_length)
                scores = right_temperature(model(seen)[0].detach()[:, position], temperature)
                token = drawn(scores.double().softmax(-1), generator if governed else None)
                ids = torch.hstack([ids, token.view(-1, 1)])
        finally:
            model.train(mode)
        return ids

    return answer


def last(ids, context):
    return ids, ids[:, -context:]


def uncropped(ids, context):
    return ids, ids


def kept_cropped(ids, context):
    return ids[:, -context:], ids[:, -context:]


def first_ones(ids, context):
    return ids, ids[:, :context]


def one_short(ids, context):
    return ids, ids[:, 1 - context :]


def fixed_window(ids, context):
    return ids, ids[:, -context // 2 :]


def last_token_only(ids, context):
    return ids, ids[:, -1:]


def right_generate(model, ids, max_new_tokens, temperature=1.0, generator=None):
    mode = model.training
    model.eval()
    for _step in range(max_new_tokens):
        scores = model(ids[:, -model.config.context_length :])[0].detach()
        token = drawn(right_temperature(scores[:, -1], temperature).double().softmax(-1), generator)
        ids = torch.hstack([ids, token.view(-1, 1)])
    model.train(mode)
    return ids


def new_alone(model, ids, max_new_tokens, temperature=1.0, generator=None):
    text = writer(last)(model, ids, max_new_tokens, temperature, generator)
    return text[:, ids.shape[1] :]


def one_more_token(model, ids, max_new_tokens, temperature=1.0, generator=None):
    return writer(last)(model, ids, max_new_tokens + 1, temperature, generator)


def up_to_length(model, ids, max_new_tokens, temperature=1.0, generator=None):
    return writer(last)(model, ids, max(0, max_new_tokens - ids.shape[1]), temperature, generator)


def generate_cases(g: torch.Generator) -> list[tuple]:
    """A small model with dropout, drawn wildly so that every position and token matters."""
    config = GPTConfig(11, context_length=6, embed_dim=16, num_heads=2, num_layers=2, dropout=0.5)
    model = GPT(config, tie=False)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            parameter.data = normal(g, *parameter.shape) * (1 if "embedding" in name else 0.6)

    def ids(B, T):
        return torch.randint(11, (B, T), generator=g)

    return [
        (model.train(), ids(3, 3), 3, 0.0, 0),
        (model, ids(3, 4), 12, 1.0, 1),
        (model, ids(3, 8), 8, 0.0, 2),
        (model, ids(4, 6), 1, 1.5, 3),
        (model, ids(2, 2), 0, 1.0, 4),
        (copy.deepcopy(model).eval(), ids(2, 3), 2, 1.0, 5),
    ]


def hint_crop(args, got, right):
    L = args[0].config.context_length
    return (
        f"fails at token {L + 1}. Crop what goes in to the last context_length tokens; keep the "
        "whole text."
    )


HINT_KEPT = (
    "the text loses its beginning: you crop what you keep. Crop only what goes into the model, and "
    "keep the whole text."
)
HINT_FIRST_POSITION = (
    "you draw from the first position's logits. The next token is predicted at the last one."
)
HINT_DROPOUT = (
    "the same prompt at temperature 0 gives two texts: dropout is on. Call eval(), and put the "
    "mode back."
)
FAULTS = {
    "no crop": (uncropped, hint_crop, "The Short Memory"),
    "kept cropped": (kept_cropped, HINT_KEPT, "The Short Memory"),
}
GENERATE = Part(
    "mended_generate",
    right_generate,
    cases=generate_cases,
    drive=use_generate,
    wrong=(
        *(
            Wrong(name + more, writer(crop, position, quiet), hint, card)
            for name, (crop, hint, card) in FAULTS.items()
            for position, quiet, more in (
                (-1, True, ""),
                (0, True, ", first position"),
                (-1, False, ", dropout on"),
                (0, False, ", first position, dropout on"),
            )
        ),
        Wrong("first position", writer(last, 0), HINT_FIRST_POSITION, "The Wrong End"),
        Wrong(
            "first position, dropout on",
            writer(last, 0, quiet=False),
            HINT_FIRST_POSITION,
            "The Wrong End",
        ),
        Wrong("dropout on", writer(last, quiet=False), HINT_DROPOUT, "The Dice Player"),
        Wrong(
            "first tokens",
            writer(first_ones),
            "you crop to the first context_length tokens, so the model never sees what it wrote "
            "last. Take the last ones, ids[:, -L:].",
            "The Wrong End",
        ),
        Wrong(
            "one short",
            writer(one_short),
            "you crop one token too many: the model may see context_length tokens.",
            "The Fence Post",
        ),
        Wrong(
            "last token only",
            writer(last_token_only),
            "the model sees one token alone. Hand it the last context_length tokens.",
            "The Short Memory",
        ),
        Wrong(
            "generator unused",
            writer(last, governed=False),
            "two generators with the same seed gave different text. Pass the generator on.",
            "The Forgetter",
        ),
        Wrong(
            "new tokens alone",
            new_alone,
            "the prompt is missing. Return the prompt and what was written after it.",
            "The Early Leaver",
        ),
        Wrong(
            "one token too many",
            one_more_token,
            "there is one token too many. Draw max_new_tokens times.",
            "The Fence Post",
        ),
        Wrong(
            "up to a length",
            up_to_length,
            "max_new_tokens counts new tokens, not the whole text.",
            "The Early Leaver",
        ),
    ),
)

# 9.6 Find the setting


def read_report(report):
    """What samples and their setting turn out to be.

    Raises:
        ValueError: it is no report.
    """
    if isinstance(report, Seen):
        return report
    setting, samples = _parts(report)
    from course import written  # loads the trained model; only this exercise needs it

    prompts = written.bench().prompts
    if sorted(samples) != sorted(prompts):
        raise ValueError(
            "hand in samples for each of the five prompts: what draw(**setting, count=200) gives."
        )
    count = sum(map(len, samples.values()))
    valid, distinct = written.score(samples)
    words = written.real_words(chain.from_iterable(samples.values()), written.bench().known)
    # A small sample is drawn again in its own size; of a large one a part is enough.
    control = written.draw(**setting, count=min(count, 60), seed=4711)
    again, _ = written.score(control)
    words_again = written.real_words(chain.from_iterable(control.values()), written.bench().known)
    need_valid, need_distinct = written.bars()
    figures = {"n": count, "v": _percent(valid), "v2": _percent(again), "d": f"{distinct:.2f}"}
    figures |= {
        "need": _percent(need_valid),
        "bar": f"{need_distinct:.2f}",
        "of": written.bench().measure,
    }
    if count < 200:
        return Seen("few", figures)
    if max(abs(again - valid), abs(words_again - words)) > 0.2:
        return Seen("another setting", figures)
    if distinct < need_distinct:
        return Seen("cold", figures)
    return Seen("good" if valid >= need_valid else "hot", figures)


def _percent(share):
    return f"{100 * share:.0f}"


def _parts(report):
    what = 'type report = (setting, samples), with setting = {"temperature": …, "top_k": …}.'
    try:
        setting, samples = report
        temperature, top_k = setting["temperature"], setting["top_k"]
    except (TypeError, ValueError, KeyError):
        raise ValueError(what) from None
    if read_number(temperature) < 0 or not (top_k is None or read_number(top_k) >= 1):
        raise ValueError("temperature is at least 0, and top_k at least 1 or None.")
    if not isinstance(samples, Mapping) or not all(
        isinstance(text, str) for texts in samples.values() for text in texts
    ):
        raise ValueError("samples is what draw(**setting, count=200) gives: texts for each prompt.")
    return {"temperature": temperature, "top_k": top_k}, samples


def figure(got, name):
    return got.figures.get(name, "…")


def hint_cold(args, got, right):
    v, d, of, need = (figure(got, name) for name in ("v", "d", "of", "need"))
    return (
        f"{v}% {of}, but runs of three words repeat: {d} of them are different. Colder is safer "
        f"and duller; raise it until {of} falls to {need}%."
    )


def hint_hot(args, got, right):
    v, of, need = (figure(got, name) for name in ("v", "of", "need"))
    return (
        f"{v}% {of}, and {need}% were asked for. Hotter is livelier and wrong more often; lower "
        "the temperature, or cut the tail with top_k."
    )


def hint_few(args, got, right):
    return (
        f"one sample of {figure(got, 'n')} texts, {figure(got, 'v')}%: another seed gives "
        f"{figure(got, 'v2')}%. Use at least 200."
    )


def hint_other(args, got, right):
    return (
        f"your samples come to {figure(got, 'v')}% {figure(got, 'of')}, and samples drawn with "
        f"your setting to {figure(got, 'v2')}%. Draw them with the setting that you hand in."
    )


REPORT = Part(
    "report",
    typed(Seen("good")),
    read=read_report,
    wrong=(
        Wrong("cold", typed(Seen("cold")), hint_cold, "The Iceberg"),
        Wrong("hot", typed(Seen("hot")), hint_hot, "The Fever"),
        Wrong("few", typed(Seen("few")), hint_few, "The One Swallow"),
        Wrong("another setting", typed(Seen("another setting")), hint_other, "The Half Move"),
    ),
)

# 9.7 Invented or remembered?


@functools.cache
def right_run(sample, prompt, train_text, val_text):
    new = sample[len(prompt) :]
    return max(
        (
            b - a
            for a in range(len(new))
            for b in range(a + 1, len(new) + 1)
            if new[a:b] in train_text
        ),
        default=0,
    )


def with_prompt(sample, prompt, train_text, val_text):
    return right_run(sample, "", train_text, val_text)


def in_validation(sample, prompt, train_text, val_text):
    return right_run(sample, prompt, val_text, "")


def in_both(sample, prompt, train_text, val_text):
    return max(right_run(sample, prompt, text, "") for text in (train_text, val_text))


def difference(sample, prompt, train_text, val_text):
    here, there = (right_run(sample, prompt, text, "") for text in (train_text, val_text))
    return here - there


def difference_from_0(sample, prompt, train_text, val_text):
    return max(0, difference(sample, prompt, train_text, val_text))


def in_training_alone(sample, prompt, train_text, val_text):
    new = sample[len(prompt) :]
    runs = {new[a:b] for a in range(len(new)) for b in range(a + 1, len(new) + 1)}
    return max((len(r) for r in runs if r in train_text and r not in val_text), default=0)


def scattered(sample, prompt, train_text, val_text):
    """The longest common subsequence."""
    best = [0] * (len(train_text) + 1)
    for character in sample[len(prompt) :]:
        new = [0]
        for i, other in enumerate(train_text):
            new.append(best[i] + 1 if character == other else max(best[i + 1], new[i]))
        best = new
    return best[-1]


def known_characters(sample, prompt, train_text, val_text):
    return sum(character in train_text for character in sample[len(prompt) :])


def known_words(sample, prompt, train_text, val_text):
    return sum(len(word) for word in sample[len(prompt) :].split() if word in train_text)


def starts_after_the_break(sample, prompt, train_text, val_text):
    best, run = 0, ""
    for character in sample[len(prompt) :]:
        run = run + character if run + character in train_text else ""
        best = max(best, len(run))
    return best


def starts_with_the_break(sample, prompt, train_text, val_text):
    best, run = 0, ""
    for character in sample[len(prompt) :]:
        run = run + character if run + character in train_text else character
        best = max(best, len(run))
    return best


def from_the_start(sample, prompt, train_text, val_text):
    new = sample[len(prompt) :]
    return max((n for n in range(len(new) + 1) if new[:n] in train_text), default=0)


def without_the_last(sample, prompt, train_text, val_text):
    return right_run(sample[:-1] if len(sample) > len(prompt) else sample, prompt, train_text, "")


def without_a_character(sample, prompt, train_text, val_text):
    return right_run(sample, prompt + "x" if len(sample) > len(prompt) else prompt, train_text, "")


def in_words(sample, prompt, train_text, val_text):
    words = sample[len(prompt) :].split()
    runs = [(i, j) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    return max((j - i for i, j in runs if " ".join(words[i:j]) in train_text), default=0)


def same_places(sample, prompt, train_text, val_text):
    best = run = 0
    for one, other in zip(sample[len(prompt) :], train_text, strict=False):
        run = run + 1 if one == other else 0
        best = max(best, run)
    return best


def prompt_replaced(sample, prompt, train_text, val_text):
    return right_run(sample.replace(prompt, ""), "", train_text, "")


def prompt_stripped(sample, prompt, train_text, val_text):
    return right_run(sample.lstrip(prompt), "", train_text, "")


def prompt_split(sample, prompt, train_text, val_text):
    return right_run(sample.split(prompt)[-1], "", train_text, "")


def needs_a_run(sample, prompt, train_text, val_text):
    if len(sample) == len(prompt):
        raise ValueError("max() iterable argument is empty")
    return right_run(sample, prompt, train_text, val_text)


def run_cases(g: torch.Generator) -> list[tuple]:
    """Texts that tell the mistakes apart, in the letters of a secret alphabet."""
    order = torch.randperm(26, generator=g).tolist()
    letters = "abcdefghijklmnopqrstuvwxyz"
    secret = str.maketrans(letters, "".join(letters[i] for i in order))
    cases = [
        ("a cat sat dog mat on it", "a cat", "on the mat the cat sat on the dog", "it on mat"),
        (
            *("the cat sat in the sea", "the cat"),
            *("on the mat the cat sat on the dog", "a fish swam in the sea all day"),
        ),
        ("go abcdefg", "go ", "abcd hij bcdefg", "abc"),
        ("so it is so it goes on", "so ", "why it is so it was", "it goes on so"),
        ("so soon as ever", "so ", "not soon asleep", "ever so soon as"),
        ("no", "no", "no is no", "no"),
        ("we zzz", "we ", "all of us", "zzz"),
        ("i am here and there", "i ", "am i here and there you are", "am here and there"),
        ("up ab", "up ", "cab", "up"),
    ]
    return [tuple(text.translate(secret) for text in case) for case in cases]


def hint_scattered(args, got, right):
    return f"{got} counts scattered matches. The run must be unbroken."


def hint_prompt(args, got, right):
    return f"the prompt is part of your run of {got}. Start after it, at sample[len(prompt)]."


HINT_SUBTRACTED = (
    "you take away what stands in the validation text too. A stretch that stands in both texts "
    "still stands in the training text, so it counts."
)
HINT_RESTART = (
    "a longer run begins inside one that broke off, and you pass over it. Try every place as a "
    "beginning."
)
HINT_CUT = (
    "the prompt is cut off in more places than one, or not where it ends. It stands at the start: "
    "sample[len(prompt):] is what the model wrote."
)
RUN = Part(
    "longest_copied_run",
    right_run,
    cases=run_cases,
    wrong=(
        Wrong(
            "validation text",
            in_validation,
            "you searched the validation text. Copying is from what it was trained on.",
            "The Red Herring",
        ),
        Wrong(
            "both texts",
            in_both,
            "you searched the validation text as well. Copying is from what it was trained on.",
            "The Red Herring",
        ),
        *(
            Wrong(name, answer, HINT_SUBTRACTED, "The Red Herring")
            for name, answer in (
                ("runs subtracted", difference),
                ("runs subtracted, at least 0", difference_from_0),
                ("runs of both texts left out", in_training_alone),
            )
        ),
        Wrong("scattered", scattered, hint_scattered, "The Confetti"),
        Wrong("known characters", known_characters, hint_scattered, "The Confetti"),
        Wrong("known words", known_words, hint_scattered, "The Confetti"),
        Wrong("prompt counted", with_prompt, hint_prompt, "The Ventriloquist"),
        Wrong("restart after", starts_after_the_break, HINT_RESTART, "The Early Leaver"),
        Wrong("restart at", starts_with_the_break, HINT_RESTART, "The Early Leaver"),
        Wrong(
            "from the start",
            from_the_start,
            "you look only at runs that begin with the first new character. Try every place.",
            "The Early Leaver",
        ),
        Wrong(
            "without the last",
            without_the_last,
            "runs that end with the last character are one too short. A slice ends before its "
            "second number.",
            "The Fence Post",
        ),
        Wrong(
            "first one cut",
            without_a_character,
            "runs that begin with the first new character are one too short. It stands at "
            "sample[len(prompt)].",
            "The Fence Post",
        ),
        Wrong(
            "words",
            in_words,
            "you count words. Asked for is the number of characters.",
            "The Other Unit",
        ),
        Wrong(
            "same places",
            same_places,
            "you compare the sample with the beginning of the text, place by place. A run may "
            "stand anywhere in it: ask `in`.",
            "The Trespasser",
        ),
        Wrong("prompt replaced", prompt_replaced, HINT_CUT, "The Ventriloquist"),
        Wrong(
            "prompt stripped",
            prompt_stripped,
            "lstrip takes away every leading character that occurs in the prompt, not the prompt. "
            "Slice: sample[len(prompt):].",
            "The Ventriloquist",
        ),
        Wrong("prompt split", prompt_split, HINT_CUT, "The Ventriloquist"),
        Wrong(
            "nothing written",
            needs_a_run,
            "your answer stops where nothing was written after the prompt. Then the run is 0 long.",
            "The Early Leaver",
        ),
    ),
)
SAMPLE = "minigpt_lib.sample"
EXERCISES = {
    task.number: task
    for task in (
        Exercise(
            "9.1",
            "Temperature",
            (TEMPERATURE,),
            hints=(
                "Which operation makes differences between logits larger when the temperature is "
                "small? And which single token may be drawn at temperature 0?",
                "The result has the shape of logits. At 0 one entry of each row is finite, all "
                "others are −inf.",
                "Divide by t. For t == 0: a tensor full of -inf, into which scatter writes a 0 at "
                "the place that argmax(dim=-1, keepdim=True) names.",
            ),
            references=tuple(f"{SAMPLE}:{name}" for name in ("apply_temperature", "top_k_filter")),
            replaces={"apply_temperature": "sample"},
        ),
        Exercise(
            "9.2",
            "Top-k",
            (TOP_K,),
            hints=(
                "A threshold lets equal logits through together. Choose by place in a sorted "
                "list instead: exactly k places.",
                "Sorted places (..., V), the first k of them (..., k), and the logits that stand "
                "there (..., k). The result is (..., V) again, −inf everywhere else.",
                "argsort(dim=-1, descending=True, stable=True)[..., :k], then scatter the gathered "
                "logits into a tensor full of -inf.",
            ),
            references=(f"{SAMPLE}:top_k_filter",),
            replaces={"top_k_filter": "sample"},
        ),
        Exercise(
            "9.3",
            "Top-p",
            (NUCLEUS,),
            hints=(
                "Sort from the likeliest down and add up. A token stays if those before it have "
                "not reached p yet.",
                "Sorted logits, their places, their probabilities, and what stands before each: "
                "all (..., V). One True or False for each goes back to the place it came from.",
                "ordered, order = logits.sort(…); before = cumsum − probabilities; drop where "
                "before >= p; scatter that along order; masked_fill. p = 1 drops nothing.",
            ),
            references=(f"{SAMPLE}:top_p_filter",),
            replaces={"top_p_filter": "sample"},
        ),
        Exercise(
            "9.4",
            "A sampler",
            (SAMPLER,),
            hints=(
                "Three filters, one softmax, one draw. Which filter changes the probabilities "
                "that another one adds up?",
                "logits (..., V) become a table (N, V) for the draw, which gives (N, 1). Back to "
                "the shape of logits without its last axis.",
                "apply_temperature always, the filters where they are not None, softmax(dim=-1), "
                "torch.multinomial(table, 1, generator=generator), then view.",
            ),
            references=(f"{SAMPLE}:sample_next",),
            replaces={"sample_next": "sample"},
        ),
        Exercise(
            "9.5",
            "Mend generate",
            (GENERATE,),
            hints=(
                "Try it three times: with a prompt longer than the context, with a model whose "
                "second position says something else than its first, and twice at temperature 0.",
                "What goes in is (B, at most context_length); the logits are (B, T, V), and one "
                "position of T decides; the text grows to (B, T + 1).",
                "Keep model.training, call model.eval(), loop, model.train(old mode); inside, hand "
                "over the last context_length columns of ids, read logits[:, -1], join as before.",
            ),
            references=tuple(f"{SAMPLE}:{name}" for name in ("generate", "stream")),
        ),
        Exercise(
            "9.6",
            "Find the setting",
            (REPORT,),
            hints=(
                "Draw with a cold setting and with a hot one, 200 samples each, and look at both "
                "numbers. Which rises, which falls? Between the two lies a setting that passes.",
                "report = (setting, samples): setting is a dict with two entries, temperature and "
                "top_k, and samples is what draw gives, a list of texts for each of five prompts.",
                'setting = {"temperature": …, "top_k": …}; samples = draw(**setting, count=200); '
                "score(samples); halve the distance between too cold and too hot; "
                "report = (setting, samples).",
            ),
        ),
        Exercise(
            "9.7",
            "Invented or remembered?",
            (RUN,),
            hints=(
                "A stretch of the sample is copied if it stands somewhere in the training text; "
                "Python's `in` finds out. Where may the stretch begin?",
                "sample[len(prompt):] is what the model wrote, n characters. A stretch has a "
                "beginning from 0 to n − 1 and a length; the answer is a whole number.",
                "best = 0; for every start: as long as the stretch of best + 1 characters from "
                "there lies inside the sample and in train_text, raise best.",
            ),
            references=("course.written:longest_copy",),
        ),
    )
}
