"""Chapter 03, embeddings: the right answers, the known wrong ones, and the help."""

import re
from dataclasses import dataclass

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from course.checks.engine import Exercise, Part, Prediction, Wrong
from course.checks.typed import read_choice, read_whole, typed
from course.checks.variants import Dice, Varied


def normal(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator)


def whole(generator: torch.Generator, high: int, *shape: int) -> torch.Tensor:
    return torch.randint(high, shape, generator=generator)


# 3.1 Look-up = one-hot product


def which(ids, columns):
    """One-hot rows by comparison: (T,) -> (T, columns)."""
    return (ids.unsqueeze(-1) == torch.arange(columns)).float()


def right_look_up(table, ids):
    return which(ids, len(table)) @ table


def picked_out(table, ids):
    return table[ids]


def whole_numbers(table, ids):
    return which(ids, len(table)).long() @ table


def table_made_whole(table, ids):
    return which(ids, len(table)) @ table.detach().long().float()


def table_on_the_left(table, ids):
    return table @ which(ids, len(table))


def table_before_columns(table, ids):
    return table @ which(ids, len(table)).T


def columns_picked(table, ids):
    return which(ids, len(table)) @ table.T


def laid_down(table, ids):
    return (which(ids, len(table)) @ table).T


def columns_to_the_largest(table, ids):
    return which(ids, int(ids.max()) + 1) @ table


def columns_of_the_seen(table, ids):
    return (ids.unsqueeze(-1) == ids.unique()).float() @ table


def gradient_cut(table, ids):
    return which(ids, len(table)) @ table.detach()


class Brackets(TorchFunctionMode):
    """Inside, square brackets on the table, or on a copy of it, raise a LookupError."""

    def __init__(self, table):
        super().__init__()
        self.table = table

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__name__", "") == "__getitem__":
            is_copy = args[0].requires_grad and args[0].numel() == self.table.numel()
            if is_copy or args[0].data_ptr() == self.table.data_ptr():
                raise LookupError("square brackets on the table")
        return func(*args, **(kwargs or {}))


def drive_look_up(answer, table, ids):
    """The vectors, and the gradient of the table when a different number comes back for each."""
    table = table.clone().requires_grad_()
    with Brackets(table):
        vectors = answer(table, ids)
    if vectors is None:
        return None
    gradient, shape = torch.zeros_like(table), (len(ids), table.shape[1])
    if getattr(vectors, "requires_grad", False) and vectors.shape == shape:
        signal = torch.linspace(-1, 2, vectors.numel(), dtype=vectors.dtype).view(shape)
        (gradient,) = torch.autograd.grad(vectors, table, signal)
    return vectors.detach() if isinstance(vectors, torch.Tensor) else vectors, gradient


def look_up_cases(g: torch.Generator) -> list[tuple]:
    """V, C and T all different, V = C once and T = C once; one token used twice.

    The last token is used, or not; once all are.
    """
    with_last = torch.tensor([2, 6, 0, 2, 4])
    without_last = torch.tensor([3, 0, 3, 1])
    return [
        (normal(g, 7, 3), with_last),
        (normal(g, 6, 6), without_last),
        (normal(g, 5, 8), torch.cat([torch.tensor([1, 1]), whole(g, 4, 7)])),
        (normal(g, 5, 7), torch.cat([torch.randperm(5, generator=g), whole(g, 5, 2)])),
    ]


def hint_laid_down(args, got, right):
    T, C = right[0].shape
    return (
        f"the vectors are right, but they are the columns of your result, ({C}, {T}). One row per "
        f"token, ({T}, {C}): put the one-hot on the left of the product."
    )


def hint_narrow(columns):
    """How many columns the one-hot has, for a way of counting them."""

    def hint(args, got, right):
        count, V = columns(args[1]), len(args[0])
        if not {str(count), str(V)} <= set(re.findall(r"\d+", got.text)):
            return f"your answer stops with {got.kind}: {got.text}"
        return (
            f"your one-hot has {count} columns; it needs one per vocabulary entry, {V}, not one "
            "per token seen."
        )

    return hint


def hint_factors(args, got, right):
    kinds = re.search(r"(?:got:|type) (\w+)(?: int)? (?:!=|but found) (\w+)", got.text)
    shapes = re.search(r"\((\d+)x(\d+) and (\d+)x(\d+)\)", got.text)
    (V, C), T = args[0].shape, len(args[1])
    if kinds:
        return (
            f"{kinds[1].lower()} and {kinds[2].lower()} do not multiply. Turn the one-hot into the "
            "table's type: .to(table.dtype)"
        )
    if shapes:
        a, b, c, d = shapes.groups()
        return (
            f"({a}, {b}) @ ({c}, {d}) does not fit. The one-hot stands on the left, "
            f"(T, V) @ (V, C), here ({T}, {V}) @ ({V}, {C})."
        )
    return f"your answer stops with {got.kind}: {got.text}"


LOOK_UP = Part(
    "look_up",
    right_look_up,
    cases=look_up_cases,
    drive=drive_look_up,
    wrong=(
        Wrong(
            "columns picked",
            columns_picked,
            ("you picked columns. A token's vector is a row of the table."),
            "The Wrong Turn",
        ),
        Wrong("result on its side", laid_down, hint_laid_down, "The Mirror"),
        Wrong(
            "columns to the largest id",
            columns_to_the_largest,
            hint_narrow(lambda ids: int(ids.max()) + 1),
            "The Small Hotel",
        ),
        Wrong(
            "columns of the tokens seen",
            columns_of_the_seen,
            hint_narrow(lambda ids: len(ids.unique())),
            "The Small Hotel",
        ),
        Wrong(
            "gradient cut",
            gradient_cut,
            (
                "values right, gradient wrong: the table can't learn through your result. "
                "detach(), .data, .tolist(), .item() and no_grad() lose torch's note of what was "
                "computed from it."
            ),
            "The Cut Cord",
        ),
        Wrong(
            "table made whole",
            table_made_whole,
            (
                "the numbers of the table were cut to whole ones: you turned the table into the "
                "type of the one-hot. Turn the one-hot into the table's: .to(table.dtype)"
            ),
            "The Odd Couple",
        ),
        Wrong(
            "rows picked out",
            picked_out,
            (
                "your answer puts square brackets on the table, which is how rows are picked out. "
                "Leave the choice to the one-hot: the product (T, V) @ (V, C) alone makes the rows."
            ),
            "The Shortcut",
        ),
        Wrong("factors do not fit", whole_numbers, hint_factors, "The Odd Couple"),
        Wrong("table on the left", table_on_the_left, hint_factors, "The Mirror"),
        Wrong("table on the left, turned", table_before_columns, hint_factors, "The Mirror"),
    ),
)

# 3.2 Token plus position


UNCALLABLE = "'float' object is not callable"


class RightEmbedding(nn.Module):
    """Both tables, the check for long texts, their sum; subclasses spoil one of the methods."""

    is_checked = True

    def __init__(self, vocab_size, context_length, embed_dim, dropout=0.0):
        super().__init__()
        rows = (vocab_size, context_length)
        self.token, self.position = (nn.Embedding(count, embed_dim) for count in rows)
        self.share = dropout

    def forward(self, ids, start=0):
        known = len(self.position.weight)
        if self.is_checked and start + ids.shape[1] > known:
            raise ValueError(f"more than {known} positions")
        return self.together(self.token.weight[ids], self.places(ids, start))

    def places(self, ids, start):
        return self.position.weight[start : start + ids.shape[1]]

    def together(self, tokens, places):
        return nn.functional.dropout(tokens + places, self.share, self.training)


def with_places(chosen):
    """The answer that adds other rows of the position table: chosen(module, ids, start)."""
    return type("Spoilt", (RightEmbedding,), {"places": chosen})


def with_sum(together):
    """The answer that puts tokens and places together in another way."""
    return type("Spoilt", (RightEmbedding,), {"together": together})


def row_of(index):
    """Every position gets one row of the table: the one at index(start, T)."""
    return with_places(
        lambda self, ids, start: self.position(torch.tensor(index(start, ids.shape[1])))
    )


def along_the_batch(self, ids, start):
    return self.position(torch.arange(start, start + len(ids))).unsqueeze(1)


def as_many_as_rows(self, ids, start):
    return self.position(torch.arange(start, start + len(ids)))


def whole_table(self, ids, start):
    return self.position.weight


def always_from_zero(self, ids, start):
    return self.position(torch.arange(ids.shape[1]))


def ids_as_places(self, ids, start):
    return self.position(ids)


def from_start_to_length(self, ids, start):
    return self.position(torch.arange(start, ids.shape[1]))


def from_zero_to_end(self, ids, start):
    return self.position(torch.arange(start + ids.shape[1]))


def cut_off(self, ids, start):
    return self.position.weight.detach()[start : start + ids.shape[1]]


def from_one(self, ids, start):
    return self.position(torch.arange(start + 1, start + ids.shape[1] + 1))


def places_left_out(self, tokens, places):
    return nn.functional.dropout(tokens, self.share, self.training)


def dropout_left_out(self, tokens, places):
    return tokens + places


def dropout_on_tokens(self, tokens, places):
    return nn.functional.dropout(tokens, self.share, self.training) + places


def dropout_on_each(self, tokens, places):
    drop = nn.functional.dropout
    return drop(tokens, self.share, self.training) + drop(places, self.share, self.training)


def dropout_always(self, tokens, places):
    return nn.functional.dropout(tokens + places, self.share)


def multiplied(self, tokens, places):
    return nn.functional.dropout(tokens * places, self.share, self.training)


def side_by_side(self, tokens, places):
    return torch.cat([tokens, places.expand_as(tokens)], dim=-1)


def places_first(self, tokens, places):
    return torch.cat([places.expand_as(tokens), tokens], dim=-1)


def side_by_side_unlike(self, tokens, places):
    return torch.cat([tokens, places], dim=-1)


class Fixed(RightEmbedding):
    """Always drops the same share, whatever was asked for."""

    def __init__(self, vocab_size, context_length, embed_dim, dropout=0.0):
        super().__init__(vocab_size, context_length, embed_dim, 0.1)


class OneSize(RightEmbedding):
    """Two tables of the same size."""

    def __init__(self, vocab_size, context_length, embed_dim, dropout=0.0):
        super().__init__(vocab_size, vocab_size, embed_dim, dropout)


class SizesSwapped(RightEmbedding):
    """As many tokens as there are positions, and the other way round."""

    def __init__(self, vocab_size, context_length, embed_dim, dropout=0.0):
        super().__init__(context_length, vocab_size, embed_dim, dropout)


class WidthFirst(RightEmbedding):
    """Both tables turned."""

    def __init__(self, vocab_size, context_length, embed_dim, dropout=0.0):
        super().__init__(vocab_size, context_length, embed_dim, dropout)
        self.token = nn.Embedding(embed_dim, vocab_size)
        self.position = nn.Embedding(embed_dim, context_length)


class NumberForDropout(RightEmbedding):
    """Keeps the share where the layer should be, and calls it."""

    def together(self, tokens, places):
        raise TypeError(UNCALLABLE)


class Unchecked(RightEmbedding):
    """Says nothing of its own about a text that is too long."""

    is_checked = False

    def places(self, ids, start):
        return self.position(torch.arange(start, start + ids.shape[1]))


class CutShort(RightEmbedding):
    """Drops what is too long without a word."""

    is_checked = False

    def forward(self, ids, start=0):
        return super().forward(ids[:, : len(self.position.weight) - start], start)


class OtherNames(nn.Module):
    """The two tables, under names of its own."""

    def __init__(self, vocab_size, context_length, embed_dim, dropout=0.0):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, embed_dim)
        self.positions = nn.Embedding(context_length, embed_dim)


def drive_embedding(answer, token, position, ids, settings):
    """Build the module with these two tables in it, and embed the ids, several times.

    Gives the vectors; for a text that is too long, "refused" (a ValueError) or "taken"; with
    dropout, a word for what was dropped.
    """
    start, share = settings.get("start", 0), settings.get("dropout", 0.0)
    sizes = (len(token), len(position), token.shape[1])
    module = answer(*sizes, share) if share else answer(*sizes)
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    tables = {"token.weight": token, "position.weight": position}
    expected = {name: tuple(tensor.shape) for name, tensor in tables.items()}
    if shapes.keys() != expected.keys():
        raise AttributeError(f"parameters {shapes}, expected {expected}")
    if shapes != expected:
        name = next(name for name in expected if shapes[name] != expected[name])
        return f"{name} is {shapes[name]}, expected {expected[name]}"
    tables = {name: tensor.clone().requires_grad_() for name, tensor in tables.items()}
    arguments = (ids,), {"start": start} if start else {}
    call = torch.func.functional_call
    try:
        vectors, *others = (call(module, tables, *arguments) for _ in range(1 if share else 6))
        if share:
            module.eval()
            whole, again = (call(module, tables, *arguments) for _ in range(2))
    except ValueError:
        return "refused"
    if not share and start + ids.shape[1] > len(position):
        return "taken"
    if not isinstance(vectors, torch.Tensor):
        return vectors
    if not share:
        is_sure = all(torch.equal(vectors, other) for other in others)
        if not vectors.requires_grad or None in torch.autograd.grad(
            vectors.sum(), list(tables.values()), allow_unused=True
        ):
            return "a table that can't learn"
        return vectors if is_sure else "entries dropped with dropout=0"
    if not torch.equal(whole, again):
        return "drops while evaluating"
    total = token[ids] + position[start : start + ids.shape[1]]
    if whole.shape != total.shape or not torch.allclose(whole, total, atol=1e-4):
        return "no sum to drop from"
    left = vectors != 0
    if left.all() and torch.allclose(vectors, whole, atol=1e-4):
        return "drops nothing"
    grown = (vectors[left] / whole[left]).median()
    if left.all() or not torch.allclose(vectors[left], whole[left] * grown, atol=1e-4):
        return "drops parts of the sum"
    return "drops the sum" if abs(1 - 1 / grown - share) < 0.01 else "drops another share"


def embedding_cases(g: torch.Generator) -> list[tuple]:
    """B, T, L, C, V all different; T = L, B = T and B = 1 once; starts; too long; with dropout.

    First a vocabulary smaller than the table of positions: each id is the number of a place too.
    """

    def case(B, T, V=7, L=6, C=5, **settings):
        return normal(g, V, C), normal(g, L, C), whole(g, V, B, T), settings

    return [
        case(2, 4, V=5, C=8),
        case(3, 3),
        case(3, 6),
        case(1, 5),
        case(2, 3, start=2),
        case(4, 2, V=9, L=8, C=3, start=4),
        case(2, 4, start=2),
        case(2, 7),
        case(1, 3, start=4),
        case(3, 6, C=8, dropout=0.4),
    ]


HINT_ONE_ROW = "all positions got the same vector. Look up arange(T), not a single index."


def hint_as_many(args, got, right):
    B, T = args[2].shape
    return (
        f"ids is {(B, T)}, and you count {B} positions: those are the rows of the batch. A text "
        f"has {T} tokens: ids.shape[1]."
    )


def hint_whole_table(args, got, right):
    T, L = args[2].shape[1], len(args[1])
    return f"a text of {T} fails on a table of {L}. Take the first T rows only."


def hint_from_zero(args, got, right):
    start = args[3]["start"]
    return (
        f"with start={start} the first token got position 0. The text goes on at position {start}: "
        "count from start to start + T."
    )


def hint_side_by_side(args, got, right):
    return (
        f"your vectors have {got.shape[-1]} numbers, expected {right.shape[-1]}: you put the rows "
        "side by side. Add them: token + position."
    )


def hint_unlike(args, got, right):
    if "same number of dimensions" not in got.text:
        return f"forward stops with {got.kind}: {got.text}"
    return (
        "torch.cat puts things side by side, and the rows of the tokens, (B, T, C), and of the "
        "positions, (T, C), are unlike. Add them instead: a sum stretches the smaller one."
    )


def hint_sizes(rule):
    def hint(args, got, right):
        return f"{got}: {rule}"

    return hint


def hint_start_to_length(args, got, right):
    T = args[2].shape[1]
    if isinstance(got, torch.Tensor) or "inconsistent with step sign" in got.text:
        start = args[3]["start"]
        return (
            f"with start={start} you count from {start} to {T}, the number of tokens. The text "
            "ends later: count from start to start + T."
        )
    return f"forward stops with {got.kind}: {got.text}"


def hint_zero_to_end(args, got, right):
    if "must match the size" not in got.text:
        return f"forward stops with {got.kind}: {got.text}"
    start, T = args[3]["start"], args[2].shape[1]
    return (
        f"with start={start} you count {start + T} positions for {T} tokens: those before the text "
        "are in. Count from start to start + T."
    )


def hint_number(args, got, right):
    if got.text != UNCALLABLE:
        return f"your answer stops with {got.kind}: {got.text}"
    return (
        "self.dropout is a number, and forward calls it. Keep a layer there: "
        "self.dropout = nn.Dropout(dropout)."
    )


def hint_names(args, got, right):
    if not got.text.startswith("parameters "):
        return f"your answer stops with {got.kind}: {got.text}"
    return (
        f"your module holds the {got.text}. Make one nn.Embedding called self.token and another "
        "called self.position; saved weights are found under these names."
    )


def hint_no_dropout(args, got, right):
    return (
        f"with dropout={args[3]['dropout']}, while training, nothing is dropped. Keep an "
        "nn.Dropout(dropout) and put the sum through it."
    )


def hint_unchecked(args, got, right):
    end = args[3].get("start", 0) + args[2].shape[1]
    return (
        f"position {end - 1} of a table of {len(args[1])} gives no ValueError that says so. Keep "
        "the check that stands at the start of forward."
    )


EMBEDDING = Part(
    "TokenAndPositionEmbedding",
    RightEmbedding,
    cases=embedding_cases,
    drive=drive_embedding,
    wrong=(
        Wrong("row 0 for all", row_of(lambda start, T: 0), HINT_ONE_ROW, "The Standstill"),
        Wrong("row start for all", row_of(lambda start, T: start), HINT_ONE_ROW, "The Standstill"),
        Wrong(
            "last row for all",
            row_of(lambda start, T: start + T - 1),
            HINT_ONE_ROW,
            "The Standstill",
        ),
        Wrong(
            "counted along the batch",
            with_places(along_the_batch),
            (
                "rows of the batch got different positions. You counted along the batch: "
                "arange(T), and let it broadcast."
            ),
            "The Wrong Turn",
        ),
        Wrong("as many as rows", with_places(as_many_as_rows), hint_as_many, "The Wrong Turn"),
        Wrong("whole table", with_places(whole_table), hint_whole_table, "The Whole Shelf"),
        Wrong("start unused", with_places(always_from_zero), hint_from_zero, "The Fresh Starter"),
        Wrong(
            "counted from one",
            with_places(from_one),
            ("the first token got position 1. Positions start at 0, like everything torch counts."),
            "The Fence Post",
        ),
        Wrong(
            "ids as places",
            with_places(ids_as_places),
            (
                "you looked up the ids in the table of positions. Its rows belong to places, "
                "whatever token stands there: look up arange(start, start + T)."
            ),
            "The Catalogue",
        ),
        Wrong(
            "one size for both",
            OneSize,
            hint_sizes("one row per position, and there are context_length of them."),
            "The Small Hotel",
        ),
        Wrong(
            "sizes swapped",
            SizesSwapped,
            hint_sizes("vocab_size rows are for the tokens, context_length rows for the places."),
            "The Mirror",
        ),
        Wrong(
            "width first",
            WidthFirst,
            hint_sizes("the number of rows comes first, then the width of a row."),
            "The Mirror",
        ),
        Wrong(
            "from start to T",
            with_places(from_start_to_length),
            hint_start_to_length,
            "The Fresh Starter",
        ),
        Wrong("from 0 to end", with_places(from_zero_to_end), hint_zero_to_end, "The Whole Shelf"),
        Wrong(
            "position cut off",
            with_places(cut_off),
            (
                "vectors right, and a table that can't learn: .data and detach() lose torch's note "
                "of what was computed from it. Call the table: self.position(…)."
            ),
            "The Cut Cord",
        ),
        Wrong("number for dropout", NumberForDropout, hint_number, "The Forgetter"),
        Wrong("other names", OtherNames, hint_names, "The Half Move"),
        Wrong(
            "multiplied",
            with_sum(multiplied),
            ("you multiplied the row of the token by the row of its place. Add the two."),
            "The Wrong Glue",
        ),
        Wrong("side by side", with_sum(side_by_side), hint_side_by_side, "The Wrong Glue"),
        Wrong("places first", with_sum(places_first), hint_side_by_side, "The Wrong Glue"),
        Wrong("unlike side by side", with_sum(side_by_side_unlike), hint_unlike, "The Wrong Glue"),
        Wrong(
            "no positions",
            with_sum(places_left_out),
            (
                "a token has the same vector wherever it stands: the row of its position is not "
                "added. Look it up in self.position."
            ),
            "The Standstill",
        ),
        Wrong("no dropout", with_sum(dropout_left_out), hint_no_dropout, "The Leftover"),
        Wrong(
            "dropout before the sum",
            with_sum(dropout_on_tokens),
            (
                "dropout acts on one table's rows before they are added. Add first, then drop "
                "entries of the sum."
            ),
            "The Early Bird",
        ),
        Wrong(
            "dropout while evaluating",
            with_sum(dropout_always),
            (
                "after eval() entries are still dropped. nn.Dropout follows the module's mode; "
                "F.dropout has to be told: training=self.training."
            ),
            "The Sleepwalker",
        ),
        Wrong(
            "fixed share",
            Fixed,
            (
                "entries are dropped although nobody asked for it: the share does not follow the "
                "argument. Hand it on: nn.Dropout(dropout)."
            ),
            "The Forgetter",
        ),
        Wrong("too long unnoticed", Unchecked, hint_unchecked, "The Leftover"),
        Wrong("too long cut off", CutShort, hint_unchecked, "The Leftover"),
    ),
)

# 3.3 Add or concatenate?


@dataclass(frozen=True)
class Tables:
    """The numbers of 3.3: rows of the two tables, the width, and how design three splits it."""

    tokens: int = 65
    places: int = 100
    width: int = 128
    token_width: int = 96

    @property
    def place_width(self) -> int:
        """What is left of the width for a position vector."""
        return self.width - self.token_width


def draw_tables(dice: Dice) -> Tables:
    width = dice.pick((64, 96, 160, 192, 256))
    eighths = dice.pick((5, 6, 7))
    return Tables(dice.whole(55, 120, 5), dice.whole(80, 400, 20), width, width * eighths // 8)


def tables_texts(n: Tables) -> tuple[str, ...]:
    return (
        f"a vocabulary of {n.tokens} tokens and knows {n.places} positions",
        f"adds nothing; {n.width} numbers come out",
        f"Token vectors have {n.width} numbers, position vectors too",
        f"token vectors have {n.token_width} numbers and position vectors {n.place_width}, side",
    )


def hint_tables(args, got, right):
    return (
        f"{got} counts the tables. Count the next matrix: it is twice as wide after concatenation."
    )


def hint_one_table(args, got, right):
    return f"{abs(got)} is the difference of one table only. Both became narrower."


def saved_part(n: Tables) -> Part:
    C, both = n.width, n.tokens + n.places
    return Part(
        "answer_a",
        typed(C * C),
        label="a",
        read=read_whole,
        wrong=(
            Wrong("both tables", typed(both * C), hint_tables, "The Bystander"),
            Wrong("the token table", typed(n.tokens * C), hint_tables, "The Bystander"),
            Wrong("the position table", typed(n.places * C), hint_tables, "The Bystander"),
            Wrong(
                "the wide matrix",
                typed(2 * C * C),
                f"{2 * C * C} is all of the wide matrix. Adding does not save it whole: a matrix "
                f"of {C} × {C} is needed all the same.",
                "The Bystander",
            ),
            Wrong(
                "inputs only",
                typed(C),
                f"{C} counts the further inputs of the next matrix. Each of them comes with a "
                f"weight for each of the {C} outputs.",
                "The Bystander",
            ),
            Wrong(
                "nothing",
                typed(0),
                "the results can be the same, the number of parameters is not: W₁ and W₂ are two "
                f"matrices of {C} × {C}, and adding needs one.",
                "The Bystander",
            ),
            Wrong(
                "sign",
                typed(-C * C),
                "the number is right, its sign is not: after concatenation the matrix is the "
                "larger one.",
                "The Climber",
            ),
        ),
    )


def cost_part(n: Tables) -> Part:
    C, a, b = n.width, n.token_width, n.place_width
    tokens, places = n.tokens * b, n.places * a  # what each table has less in design three
    return Part(
        "answer_b",
        typed(-tokens - places),
        label="b",
        read=read_whole,
        wrong=(
            Wrong(
                "sign",
                typed(tokens + places),
                "the number is right, its sign is not: here the tables for adding are the larger "
                "ones, so adding saves less than nothing. Type a negative number.",
                "The Climber",
            ),
            Wrong(
                "next matrix only",
                typed(0),
                f"right for the next matrix: {a} + {b} numbers are as wide as {C}. But now the "
                "tables differ: count their entries.",
                "The Bystander",
            ),
            Wrong(
                "still twice as wide",
                typed(C * C),
                f"that was question a. Here the two vectors side by side have {a} + {b} = {C} "
                "numbers, so the next matrix is no wider.",
                "The Bystander",
            ),
            Wrong("token table only", typed(-tokens), hint_one_table, "The Bystander"),
            Wrong("position table only", typed(-places), hint_one_table, "The Bystander"),
        ),
    )


def add_or_concatenate(n: Tables) -> Exercise:
    return Exercise(
        "3.3",
        "Add or concatenate?",
        (saved_part(n), cost_part(n)),
        hints=(
            "Write down what there is to learn in each of the two designs: token table, "
            "position table, next matrix. Which of the three differ?",
            "A table has as many entries as rows times width; a matrix as many as inputs "
            "times outputs. Concatenated vectors are as wide as both together.",
            f"For each design: {n.tokens} × (width of a token vector) + {n.places} × (width of a "
            f"position vector) + (width of what goes into the matrix) × {n.width}. Then the "
            "difference.",
        ),
    )


# 3.4 Nearest neighbours


def cosines(table, i):
    return torch.cosine_similarity(table.double(), table[i].double(), dim=-1)


def ranked(scores, i=None):
    """Ids from the largest score to the smallest; without i, if it is given."""
    return [j for j in scores.argsort(descending=True).tolist() if j != i]


def products(table, i):
    return table.double() @ table[i].double()


def distances(table, i):
    return (table.double() - table[i].double()).square().sum(-1)


def right_nearest(table, i, k):
    return ranked(cosines(table, i), i)[:k]


def itself(table, i, k):
    return ranked(cosines(table, i))[:k]


def itself_and_k(table, i, k):
    return ranked(cosines(table, i))[: k + 1]


def first_dropped(table, i, k):
    """Takes the first of the list for the row itself; equally near rows keep their order."""
    return cosines(table, i).round(decimals=6).argsort(descending=True, stable=True)[1 : k + 1]


def zero_for_itself(table, i, k):
    scores = cosines(table, i)
    scores[i] = 0
    return ranked(scores)[:k]


def without_sign(table, i, k):
    return ranked(cosines(table, i).abs(), i)[:k]


def one_too_few(table, i, k):
    return ranked(cosines(table, i))[1:k]


def columns_normalised(table, i, k):
    table = table.double() / table.double().norm(dim=0)
    return ranked(table @ table[i], i)[:k]


def not_led_back(table, i, k):
    """Leaves row i out, and forgets that the later rows moved up."""
    scores = cosines(table, i)
    return ranked(torch.cat([scores[:i], scores[i + 1 :]]))[:k]


def in_order_of_ids(table, i, k):
    return sorted(right_nearest(table, i, k))


def by_product(table, i, k):
    return ranked(products(table, i), i)[:k]


def by_product_itself(table, i, k):
    return ranked(products(table, i))[:k]


def by_product_without_first(table, i, k):
    return ranked(products(table, i))[1 : k + 1]


def by_own_length(table, i, k):
    """Divided by the length of row j twice: what forgets the root does."""
    return ranked(products(table, i) / table.double().square().sum(-1), i)[:k]


def by_distance(table, i, k):
    return ranked(-distances(table, i), i)[:k]


def by_distance_itself(table, i, k):
    return ranked(-distances(table, i))[:k]


def farthest(table, i, k):
    return ranked(-cosines(table, i), i)[:k]


def farthest_by_distance(table, i, k):
    return ranked(distances(table, i), i)[:k]


def scores_for_ids(table, i, k):
    scores = cosines(table, i)
    return [scores[j].item() for j in ranked(scores, i)[:k]]


def drive_nearest(answer, table, i, k):
    """The ids as a list of whole numbers, whatever they came in; anything else as it is.

    The rows are also asked for in every rotated order, which must not matter. A list that holds i
    in one of them comes back with i in front.
    """
    V, lists = len(table), []
    for shift in range(V):
        found = answer(table.roll(shift, 0) if shift else table, (i + shift) % V, k)
        found = found.tolist() if isinstance(found, torch.Tensor) else found
        if not isinstance(found, (list, tuple)):
            return found
        found = [j.item() if isinstance(j, torch.Tensor) else j for j in found]
        if not all(isinstance(j, int) for j in found):
            return found
        lists.append([(j - shift) % V for j in found])
    with_i = (each for each in lists if i in each)
    return next(([i, *(j for j in each if j != i)] for each in with_i), lists[0])


def nearest_cases(g: torch.Generator) -> list[tuple]:
    """Rows of very different lengths; i the shortest, the longest and in between; k 1 to all.

    Some rows point away from row i, which shows where all are asked for. In the last case another
    row points exactly where row i does.
    """

    def case(V, C, place, k):
        while True:
            lengths = 10 ** (2 * torch.rand(V, 1, generator=g) - 1)  # 0.1 to 10
            rows = nn.functional.normalize(normal(g, V, C), dim=-1)
            gaps = (rows @ rows.T).sort(dim=-1).values.diff(dim=-1)
            i = lengths.flatten().argsort()[place].item()
            scores = cosines(rows, i)
            is_clear = ranked(scores.abs(), i) != ranked(scores, i) and scores.min() < -0.1
            if gaps.min() > 1e-5 and is_clear:  # no ties: rounding must not decide
                return rows * lengths, i, k

    *cases, (table, i, k) = [
        case(V, C, place, k)
        for V, C, place, k in [
            (30, 4, 0, 3),
            (20, 6, -1, 4),
            (12, 5, 6, 1),
            (8, 3, 0, 7),
            (9, 4, 4, 3),
        ]
    ]
    table[i - 1] = 2 * table[i]
    return [*cases, (table, i, k)]


def hint_itself(args, got, right):
    return (
        f"every token is nearest to itself, and {args[1]} stands in your list of neighbours of "
        f"{args[1]}. Leave it out."
    )


def hint_first_dropped(args, got, right):
    return (
        f"you drop the first of the list, and the first is not always {args[1]}: here another row "
        f"points exactly the same way, and {args[1]} stayed in. Take out {args[1]} by its number."
    )


def hint_zero(args, got, right):
    return (
        f"{args[1]} stands in its own list, in the place of a cosine of 0. Rows that point away "
        "have less than 0, so give the token itself -inf."
    )


def hint_one_too_few(args, got, right):
    return (
        f"{len(got)} neighbours, not {len(right)}. You left the token itself out of the k nearest; "
        "ask for one more before you do."
    )


def hint_not_led_back(args, got, right):
    return (
        f"behind {args[1]} every id is one too small. Taking a row out moves all later ones up; "
        "give it -inf instead, or lead the numbers back."
    )


HINT_PRODUCT = (
    "long rows win everywhere, and with counts those are the frequent tokens. You used dot "
    "products; divide by both lengths."
)


HINT_FARTHEST = (
    "these are the farthest. Similarity sorts from large to small; distance the other way."
)


NEAREST = Part(
    "nearest",
    right_nearest,
    cases=nearest_cases,
    drive=drive_nearest,
    wrong=(
        Wrong("itself", itself, hint_itself, "The Selfie"),
        Wrong("itself and k more", itself_and_k, hint_itself, "The Selfie"),
        Wrong("first dropped", first_dropped, hint_first_dropped, "The Coin Toss"),
        Wrong("zero for itself", zero_for_itself, hint_zero, "The Selfie"),
        Wrong(
            "without the sign",
            without_sign,
            (
                "rows that point the opposite way count as near: without its sign, −0.9 is as "
                "large as 0.9. Rank the cosines as they are."
            ),
            "The Wrong End",
        ),
        Wrong("one too few", one_too_few, hint_one_too_few, "The Fence Post"),
        Wrong(
            "columns normalised",
            columns_normalised,
            (
                "you gave every column the length 1, dim=0. Each row needs it: dim=-1, so that "
                "only its direction counts."
            ),
            "The Wrong Turn",
        ),
        Wrong("ids not led back", not_led_back, hint_not_led_back, "The Fence Post"),
        Wrong(
            "sorted by id",
            in_order_of_ids,
            ("the right neighbours, in the order of their ids. The nearest comes first."),
            "The Numerologist",
        ),
        Wrong("dot products", by_product, HINT_PRODUCT, "The Loudspeaker"),
        Wrong("dot products and itself", by_product_itself, HINT_PRODUCT, "The Loudspeaker"),
        Wrong(
            "dot products without the first",
            by_product_without_first,
            HINT_PRODUCT,
            "The Loudspeaker",
        ),
        Wrong(
            "divided by the square",
            by_own_length,
            (
                "short rows win everywhere: you divide by the square of a length. The length is "
                "the root of the sum of squares."
            ),
            "The Loudspeaker",
        ),
        Wrong(
            "distance",
            by_distance,
            (
                "rows of similar length win: you measured how far apart the points are. Neighbours "
                "point in the same direction, so give every row the length 1 first."
            ),
            "The Loudspeaker",
        ),
        Wrong("distance and itself", by_distance_itself, hint_itself, "The Selfie"),
        Wrong("farthest", farthest, HINT_FARTHEST, "The Climber"),
        Wrong("farthest by distance", farthest_by_distance, HINT_FARTHEST, "The Climber"),
        Wrong(
            "scores for ids",
            scores_for_ids,
            (
                "you return how similar the neighbours are, not who they are. topk gives both: "
                ".indices"
            ),
            "The Scoreboard",
        ),
    ),
)

# 3.5 Renumber the vocabulary


equal, different = typed("equal"), typed("different")


def put(table, new):
    """Row v of the table at place new[v]."""
    return table[new.argsort()]


def right_renumber(table, ids, new):
    return put(table, new), new[ids]


def drive_renumber(answer, table, ids, new):
    """The two tensors; a list counts as a tensor."""
    found = answer(table, ids, new)
    if not isinstance(found, (tuple, list)):
        return found
    return tuple(part if isinstance(part, torch.Tensor) else torch.tensor(part) for part in found)


def renumber_cases(g: torch.Generator) -> list[tuple]:
    """V, C and T all different; no renumbering that is its own way back."""

    def case(V, C, T):
        new = torch.arange(V)
        while torch.equal(new[new], torch.arange(V)):
            new = torch.randperm(V, generator=g)
        ids = torch.cat([torch.arange(V), whole(g, V, T)])  # every token, so that all show
        return normal(g, V, C), ids, new

    return [case(6, 3, 4), case(9, 5, 7), case(5, 2, 8)]


def moved(args):
    """A token for which a renumbering and its way back differ: its id and its new id."""
    new = args[2]
    v = next(v for v in range(len(new)) if new[new[v]] != v)
    return v, int(new[v])


def hint_rows_taken(args, got, right):
    v, w = moved(args)
    return (
        f"the ids are right, the rows went the wrong way: table[new] fetches row {w} to place {v}. "
        f"Row {v} has to stand at place {w}: make an empty table and fill its rows new."
    )


def hint_only_ids(args, got, right):
    v, w = moved(args)
    return (
        f"the ids changed and the rows did not: token {v} is now called {w} and finds the vector "
        f"that belonged to another. Move row {v} to place {w}."
    )


def hint_only_rows(args, got, right):
    v, w = moved(args)
    return (
        f"the rows changed and the ids did not: row {v} stands at place {w} now, and the text "
        f"still asks for {v}. Look up the new name of each id: new[ids]."
    )


def hint_both_back(args, got, right):
    v, w = moved(args)
    return (
        f"each token finds its own vector, but under another name: token {v} is to be called {w}. "
        "You went from new ids to old ones; new[v] leads from old to new."
    )


def hint_ids_back(args, got, right):
    v, w = moved(args)
    return (
        f"the rows are right, the ids went the wrong way: token {v} is to be called {w}, which is "
        f"what stands at place {v} of new."
    )


SAME_LOSS = Part(
    "answer",
    equal,
    label="a",
    read=read_choice("equal", "different"),
    wrong=(
        Wrong(
            "different",
            different,
            (
                "the loss is equal to the last bit. An id is a name, not a quantity: 7 is not "
                "closer to 8 than to 60."
            ),
            "The Numerologist",
        ),
    ),
)
RENUMBER = Part(
    "renumber",
    right_renumber,
    cases=renumber_cases,
    drive=drive_renumber,
    label="b",
    wrong=(
        Wrong(
            "rows fetched",
            lambda table, ids, new: (table[new], new[ids]),
            hint_rows_taken,
            "The Mirror",
        ),
        Wrong(
            "ids only", lambda table, ids, new: (table, new[ids]), hint_only_ids, "The Half Move"
        ),
        Wrong(
            "rows only",
            lambda table, ids, new: (put(table, new), ids),
            hint_only_rows,
            "The Half Move",
        ),
        Wrong(
            "both the other way",
            lambda table, ids, new: (table[new], new.argsort()[ids]),
            hint_both_back,
            "The Mirror",
        ),
        Wrong(
            "ids the other way",
            lambda table, ids, new: (put(table, new), new.argsort()[ids]),
            hint_ids_back,
            "The Mirror",
        ),
    ),
)


CARDS = {
    "The Small Hotel": (
        "Makes room for the tokens it has met and has none left for the rest of the vocabulary. "
        "The shapes fit today and break with the next text. Ask the table how many rows it has."
    ),
    "The Cut Cord": (
        "The values are right and nothing behind them can learn: a detach(), .data, .item() or "
        "torch.tensor(…) lies on the way. Ask for the gradient, not only for the value."
    ),
    "The Shortcut": (
        "Takes the way it knows, where another was asked for. The result agrees, and what the task "
        "wanted to show stays unseen. Read what the task forbids."
    ),
    "The Odd Couple": (
        "Two factors do not fit: whole numbers meet fractions, or the inner sizes differ. Print "
        "dtype and shape of both, the left one first."
    ),
    "The Wrong Glue": (
        "Puts two things together in another way than was meant: side by side, or as a product. "
        "Print the shape and one entry, and work that entry out by hand."
    ),
    "The Standstill": (
        "Every token stands at the same place, so the order of a text is lost. Swap two tokens: if "
        "the vectors only swap too, positions are missing."
    ),
    "The Whole Shelf": (
        "Takes the whole table where a few rows are meant. It works for the longest text and stops "
        "for every other. Try a length that is not the table's."
    ),
    "The Fresh Starter": (
        "Begins at 0 each time, also where a text goes on. You notice when a text in two pieces "
        "differs from the same text in one."
    ),
    "The Leftover": (
        "A part that was asked for is built, or was there, and is not used. Read the promise in "
        "the docstring line by line and find the line of code that keeps it."
    ),
    "The Early Bird": (
        "Acts a step too soon, on the parts instead of the whole. Ask after which step the "
        "operation is meant to come."
    ),
    "The Sleepwalker": (
        "Does in evaluation what belongs to training. Call eval(), run twice, and compare: the "
        "results must be equal."
    ),
    "The Bystander": (
        "Counts what is the same on both sides, or half of what differs. Write down both sides in "
        "full, then take the difference."
    ),
    "The Selfie": (
        "Found itself, with perfect similarity. Leave the item you ask about out of the ranking."
    ),
    "The Loudspeaker": (
        "The longest vector wins, whatever it says. Give every vector the length 1 before you "
        "compare directions."
    ),
    "The Scoreboard": (
        "Brings the score home and leaves the goods in the shop. topk and sort give values and "
        "indices; say which of the two you want."
    ),
    "The Numerologist": (
        "Sees a meaning in the number of a token. Renumber everything: if the result changes, the "
        "numbers were used as quantities."
    ),
    "The Half Move": (
        "One of two things that belong together was changed. Whoever renames must also move what "
        "is found under the name."
    ),
}

PREDICTIONS = {
    "3.p1": Prediction("b", choices="abc"),
    "3.p2": Prediction(5),
    "3.p3": Prediction("c", choices="abc"),
    "3.p4": Prediction("c", choices="abc"),
    "3.p5": Prediction("b", choices="abc"),
}

REFERENCES = ("minigpt_lib.embeddings:TokenAndPositionEmbedding.forward",)

VARIANTS = {"3.3": Varied(Tables(), draw_tables, add_or_concatenate, tables_texts)}
EXERCISES = {
    task.number: task
    for task in (
        Exercise(
            "3.1",
            "Look-up = one-hot product",
            (LOOK_UP,),
            hints=(
                "One row of zeros and a single 1 for each token. What does a row of zeros with a "
                "1 in place 3 leave of a matrix, when it stands on its left?",
                "ids (T,) becomes a one-hot (T, V), and (T, V) times (V, C) is (T, C). V is the "
                "number of rows of the table, whatever tokens occur.",
                "one_hot = F.one_hot(ids, number of rows of table), turned into the table's type "
                "of number; then the product one_hot @ table.",
            ),
            torch_references=("embedding", "index_select", "gather", "take"),
        ),
        Exercise(
            "3.2",
            "Token plus position",
            (EMBEDDING,),
            hints=(
                "Two tables: one is asked with the ids, the other with the numbers of the places "
                "where they stand.",
                "The rows of the tokens are (B, T, C), the rows of the positions (T, C). If "
                "the first token stands at the place start, where do all T of them stand?",
                "In __init__: self.token and self.position, each an nn.Embedding, and "
                "self.dropout. In forward: positions = arange from start to start + T, then "
                "dropout of token rows plus position rows.",
            ),
            references=REFERENCES,
            replaces={"TokenAndPositionEmbedding": "embeddings"},
        ),
        add_or_concatenate(Tables()),
        Exercise(
            "3.4",
            "Nearest neighbours",
            (NEAREST,),
            hints=(
                "A row may be long because its token is frequent. Which comparison of two arrows "
                "does not depend on how long they are?",
                "Give each row of (V, C) the length 1; one product with row i then makes (V,) "
                "cosines. Before you take the k largest, see to it that i can't be among them.",
                "unit = rows divided by their norms (keepdim); cosines = unit @ unit[i]; the entry "
                "i becomes -inf; then the indices of the k largest, as a list.",
            ),
        ),
        Exercise(
            "3.5",
            "Renumber the vocabulary",
            (SAME_LOSS, RENUMBER),
            hints=(
                "Think of coats in a cloakroom: what must happen to the coats when all tickets "
                "get new numbers, so that everybody gets their own coat back?",
                "new[v] is the new id of token v, so the new ids have the shape of ids. Row v of "
                "the old table becomes which row of the new one?",
                "Start from a table of the same shape; its row new[v] is row v of the old one, for "
                "all v at once by an index on the left of =. The ids: look each up in new.",
            ),
        ),
    )
}
