"""Chapter 00, start here: the right answers, the known wrong ones, and the help."""

import math
from dataclasses import dataclass

import torch

from course.checks.engine import Exercise, Part, Prediction, Wrong, first_index
from course.checks.typed import Written, read_number, read_shape, typed
from course.checks.variants import WORDS, Dice, Varied, is_clear

PREDICTIONS = {
    "0.p1": Prediction(6),  # bits for one of 64
    "0.p2": Prediction((3, 2)),  # (3, 1) + (2,)
    "0.p3": Prediction(100),  # one storage, seen twice
    "0.p4": Prediction("c", choices="abc"),  # much worse without zero_grad
}
CARDS = {
    "The Phantom Axis": "A dimension of size 1 where there is none, or none where there is one. "
    "(), (1,) and (2, 1) hold few numbers and are three different shapes. Print the shape.",
    "The Rubber Sheet": "A 1 stretches to whatever stands opposite, and a missing dimension in "
    "front counts as 1. Write the two shapes below each other, aligned at the right.",
    "The Shape Shifter": "The shape is right and the numbers stand elsewhere. view keeps the "
    "reading order, transpose swaps axes. Look at one entry, not only at the shape.",
    "The Wrong Turn": "The operation runs along another axis than you meant. Say it aloud: this "
    "axis goes away, those stay. Counting from the end, dim=-1, survives extra axes in front.",
    "The Sideways Row": "One number per row came without its axis, so it was laid along the "
    "columns. In a square nothing warns you. keepdim=True keeps each number beside its row.",
    "The Average Joe": "One average is taken over everything where many were asked for, or too "
    "early. Ask what is averaged over what before you write mean.",
    "The Vandal": "Something is changed in place and left so, and whoever looks next sees other "
    "numbers. Nothing warns you. Work on a new tensor, or put back what you changed.",
    "The Crowd": "All entries are moved at once, so what you measure belongs to all of them. Move "
    "one on a copy of its own, measure, go on to the next.",
    "The Yardstick": "A change was measured and not divided by the distance walked, or by another "
    "distance. A slope is change per step: from w − h to w + h the step is 2h.",
    "The Hoarder": "Gradients add up, because backward adds to what is there. You notice it when "
    "the second step is too large. Clear before each backward.",
    "The Eager Broom": "The gradient is swept away before anybody used it, or swept where nothing "
    "lies yet. The order is: clear, backward, step.",
    "The Climber": "A sign is reversed: the loss goes up, or a surprise is below zero. The "
    "gradient points uphill, so a step subtracts it; a logarithm of p is never positive.",
    "The Stranger": "w = w − … makes a new tensor with the old name. Nobody collects a gradient "
    "for it. Change the parameter itself, in place, under torch.no_grad().",
    "The Weather Map": "What is expected on average stands where what happened was asked for. The "
    "probabilities are the forecast, the text is the weather. Score what came.",
    "The Other Unit": "The right quantity in another unit: bits for nats, a sum for an average. "
    "One bit is ln 2, about 0.693 nats. Write the unit behind every number.",
}

# 0.1 Six shapes


@dataclass(frozen=True)
class Shapes:
    """The numbers of 0.1: the shapes that are given.

    table, batch: of b; added: the two lengths of c; grid: of d; averaged: of e; heads: B, T, H, D
    of f.
    """

    table: tuple[int, int] = (30, 8)
    batch: tuple[int, int] = (4, 12)
    added: tuple[int, int] = (4, 3)
    grid: tuple[int, int] = (2, 3)
    averaged: tuple[int, int] = (2, 3)
    heads: tuple[int, int, int, int] = (4, 12, 2, 4)


def draw_shapes(dice: Dice) -> Shapes:
    return Shapes(
        table=(dice.whole(20, 90, 10), dice.whole(5, 9)),
        batch=(dice.whole(2, 6), dice.whole(10, 16)),
        added=tuple(dice.some(range(2, 7), 2)),
        grid=dice.pick([(2, 4), (4, 2), (3, 2), (2, 5), (5, 2), (3, 4)]),
        averaged=tuple(dice.some(range(2, 7), 2)),
        heads=(dice.whole(2, 9), dice.whole(7, 15), *dice.some(range(2, 7), 2)),
    )


def shapes_texts(n: Shapes) -> tuple[str, ...]:
    rows, columns = n.grid
    B, T, H, D = n.heads
    return (
        f"`table` has the shape {n.table}, and `batch` holds whole numbers below {n.table[0]} and "
        f"has the shape {n.batch}",
        f"of shape ({n.added[0]}, 1) and one of shape ({n.added[1]},)",
        f"`grid = torch.arange({rows * columns}).view{n.grid}` is {viewed(rows, columns).tolist()}",
        f"type `grid.view{n.grid[::-1]}` as",
        f"`x` has the shape {n.averaged}",
        f"`y.view{n.heads}.transpose(1, 2)`, where `y` has the shape ({B}, {T}, {H * D})",
    )


def read_rows(value: object) -> torch.Tensor:
    try:
        return torch.as_tensor(value).double()
    except (TypeError, ValueError, RuntimeError):
        text = "type the rows as a list of lists, such as [[0, 1], [2, 3]]."
        raise ValueError(text) from None


def read_written_shape(value: object) -> Written:
    return Written(read_shape(value))


def shape_part(label, right, *wrong):
    """A shape to type; each wrong is a shape, its hint and its card."""
    known = tuple(
        Wrong(str(shape), typed(Written(shape)), (hint), card) for shape, hint, card in wrong
    )
    read = read_written_shape
    return Part(f"shape_{label}", typed(Written(right)), known, label=label, read=read)


SHAPE_A = shape_part(
    "a",
    (),
    (
        (1,),
        "one number has no direction to go along, so its shape is (). (1,) is a list that holds "
        "one number.",
        "The Phantom Axis",
    ),
    (
        (0,),
        "one number has no direction to go along, so its shape is (). (0,) is a list that holds "
        "nothing.",
        "The Phantom Axis",
    ),
)


def fetched_part(table: tuple[int, int], batch: tuple[int, int]) -> Part:
    rows, width = table
    count, right = math.prod(batch), (*batch, width)
    return shape_part(
        "b",
        right,
        (
            (*batch, rows),
            f"each character is replaced by its row of the table, and a row has {width} numbers. "
            f"{rows} is how many rows there are to choose from.",
            "The Wrong Turn",
        ),
        (
            (count, width),
            f"{count} rows of {width} is right as a count, but the batch keeps its two dimensions; "
            f"the row comes as a third: {right}.",
            "The Phantom Axis",
        ),
    )


def added_part(m: int, n: int) -> Part:
    stretches = (
        f"({m}, 1) + ({n},) is ({m}, {n}). A missing leading dimension counts as 1, and a 1 "
        "stretches."
    )
    known = [(shape, stretches, "The Rubber Sheet") for shape in ((n, m), (m, 1), (m, m))]
    return shape_part("c", (m, n), *known)


def viewed(rows: int, columns: int) -> torch.Tensor:
    return torch.arange(rows * columns).view(rows, columns)


def rows_part(rows: int, columns: int) -> Part:
    return Part(
        "rows_d",
        lambda: viewed(columns, rows),
        (
            Wrong(
                "transposed",
                lambda: viewed(rows, columns).T,
                (
                    f"the shape is right, the content is not: element [0, 1] is 1, not {columns}. "
                    "view keeps the reading order; transpose swaps axes."
                ),
                "The Shape Shifter",
            ),
            Wrong(
                "not viewed",
                lambda: viewed(rows, columns),
                (
                    f"these are {rows} rows of {columns}, as before. view({columns}, {rows}) "
                    f"breaks the lines after every {rows}."
                ),
                "The Shape Shifter",
            ),
        ),
        label="d",
        read=read_rows,
    )


def averaged_part(m: int, n: int) -> Part:
    return shape_part(
        "e",
        (m,),
        (
            (m, 1),
            f"mean(-1) removes the last dimension: ({m}, {n}) becomes ({m},). With keepdim=True it "
            f"would be ({m}, 1).",
            "The Phantom Axis",
        ),
        (
            (n,),
            f"mean(-1) runs along the last dimension, the one of {n}, and that one goes away. "
            f"({n},) is what mean(0) leaves.",
            "The Wrong Turn",
        ),
    )


def heads_part(B: int, T: int, H: int, D: int) -> Part:
    return shape_part(
        "f",
        (B, H, T, D),
        (
            (B, T, H, D),
            "that is the shape after view. transpose(1, 2) then swaps the dimensions 1 and 2, "
            f"counted from 0: {T} and {H}.",
            "The Wrong Turn",
        ),
        (
            (B, T, D, H),
            "you swapped the last two. Dimensions are counted from 0, so 1 and 2 are the two in "
            f"the middle: {T} and {H}.",
            "The Wrong Turn",
        ),
    )


def six_shapes(n: Shapes) -> Exercise:
    (m, width), last = n.added, math.prod(n.grid) - 1
    return Exercise(
        "0.1",
        "Six shapes",
        (
            SHAPE_A,
            fetched_part(n.table, n.batch),
            added_part(*n.added),
            rows_part(*n.grid),
            averaged_part(*n.averaged),
            heads_part(*n.heads),
        ),
        hints=(
            "For each line ask: which directions does the result have, and how long is each? "
            "An operation can remove one, add one, stretch one or swap two.",
            "a has no direction at all. b keeps both directions of batch and gets one more. In c "
            f"write ({m}, 1) above ({width},), aligned at the right. In d and f, view keeps the "
            "reading order and only breaks the lines elsewhere. e loses the last direction.",
            f"a: the shape of a single number is an empty pair of brackets. b: batch's "
            f"{n.batch[0]} and {n.batch[1]}, then the width of a row. c: the 1 becomes {width}. d: "
            f"read 0 to {last} in order, {WORDS[n.grid[0]]} a line. e: the {n.averaged[1]} goes. "
            f"f: {n.heads}, then places 1 and 2 change.",
        ),
    )


# 0.2 Centre the rows


def right_centred(x):
    return x - x.mean(dim=-1, keepdim=True)


def centre_cases(g: torch.Generator) -> list[tuple]:
    """Square first, where a forgotten keepdim raises nothing; rows with means of their own."""

    def table(rows, columns):
        noise = torch.randn(rows, columns, generator=g)
        return noise + torch.arange(1.0, rows + 1).unsqueeze(-1) * 3

    return [(table(3, 3),), (table(5, 5),), (table(2, 4),)]


def hint_sideways(args, got, right):
    column = first_index(got, right)[-1]
    n = len(args[0])
    return (
        f"column {column} lost row {column}'s mean. Your means have shape ({n},); keep the "
        f"dimension, ({n}, 1), so that each row loses its own."
    )


CENTRED = Part(
    "centre_rows",
    right_centred,
    cases=centre_cases,
    wrong=(
        Wrong(
            "row means laid sideways", lambda x: x - x.mean(-1), hint_sideways, "The Sideways Row"
        ),
        Wrong(
            "columns centred",
            lambda x: x - x.mean(0),
            ("every column has mean 0 and no row has. dim=0 runs down the columns; use dim=-1."),
            "The Wrong Turn",
        ),
        Wrong(
            "one mean for all",
            lambda x: x - x.mean(),
            (
                "every entry lost the same number: mean() without a dim averages the whole table. "
                "Each row needs its own mean."
            ),
            "The Average Joe",
        ),
        Wrong(
            "sum for mean",
            lambda x: x - x.sum(-1, keepdim=True),
            ("each row lost its sum. The mean is the sum divided by the number of columns."),
            "The Yardstick",
        ),
    ),
)

# 0.3 A gradient by nudging


def right_nudged(loss, w, h):
    slopes = [
        (loss(w + h * unit) - loss(w - h * unit)) / (2 * h) for unit in torch.eye(len(w)).to(w)
    ]
    return torch.tensor(slopes, dtype=torch.float64)


def nudged(divide, both=True, at_once=False, keep=False):
    """A way of nudging: what the change is divided by, and which entries move."""

    def answer(loss, w, h):
        slopes = []
        for i in range(len(w)):
            moved = slice(0, i + 1) if keep else slice(None) if at_once else slice(i, i + 1)
            step = torch.zeros_like(w)
            step[moved] = h
            change = loss(w + step) - (loss(w - step) if both else loss(w))
            slopes.append(change / divide(h))
        return torch.tensor(slopes, dtype=torch.float64)

    return answer


def nudge_cases(g: torch.Generator) -> list[tuple]:
    """Steep losses (gradients near 1/h), so that an undivided change is no rounding error."""

    def case(n, h):
        size = 1 + torch.rand(n, generator=g, dtype=torch.float64)
        slopes = torch.where(torch.rand(n, generator=g) < 0.5, -size, size)
        w = torch.randn(n, generator=g, dtype=torch.float64)

        def loss(w):
            return (slopes * w + torch.sin(w) / 5).sum().item() / h

        return loss, w, h

    return [case(3, 1e-5), case(5, 2e-6), case(1, 1e-5)]


def hint_times_h(args, got, right):
    return (
        f"your value is {args[2]:g} times the gradient. Divide the change in the loss by the size "
        "of the nudge."
    )


def hint_times_two_h(args, got, right):
    return (
        f"your value is 2h = {2 * args[2]:g} times the gradient. Divide the change in the loss by "
        "the distance between the two points."
    )


NUDGED = Part(
    "gradient_by_nudging",
    right_nudged,
    cases=nudge_cases,
    wrong=(
        Wrong("not divided", nudged(lambda h: 1, both=False), hint_times_h, "The Yardstick"),
        Wrong("not divided by 2h", nudged(lambda h: 1), hint_times_two_h, "The Yardstick"),
        Wrong(
            "divided by h",
            nudged(lambda h: h),
            (
                "twice the right gradient. From w − h to w + h the nudge is 2h long; divide by "
                "all of it."
            ),
            "The Yardstick",
        ),
        Wrong(
            "half",
            nudged(lambda h: 2 * h, both=False),
            (
                "half the right gradient. From w to w + h the nudge is h long; 2h belongs to a "
                "nudge both ways."
            ),
            "The Yardstick",
        ),
        Wrong(
            "divided by 2, times h",
            nudged(lambda h: 2 / h),
            (
                "your value is h² times the gradient. change / 2 * h divides by 2 and multiplies "
                "by h; write change / (2 * h)."
            ),
            "The Yardstick",
        ),
        Wrong(
            "sum in one number",
            lambda loss, w, h: nudged(lambda h: 2 * h, at_once=True)(loss, w, h)[0].item(),
            (
                "that is one number, the sum of the gradient: all entries were nudged at once. "
                "Nudge one entry at a time, on a fresh copy of w."
            ),
            "The Crowd",
        ),
        Wrong(
            "reversed",
            nudged(lambda h: -2 * h),
            ("every sign is reversed. The slope is the loss above minus the loss below."),
            "The Climber",
        ),
        Wrong(
            "all at once",
            nudged(lambda h: 2 * h, at_once=True),
            (
                "every entry equals the sum of the gradient. Nudge one entry at a time, on a "
                "fresh copy of w."
            ),
            "The Crowd",
        ),
        Wrong(
            "not put back",
            nudged(lambda h: 2 * h, keep=True),
            (
                "entry 1 is the slope of entries 0 and 1 together: entry 0 is still nudged. Start "
                "each entry from a fresh copy of w."
            ),
            "The Vandal",
        ),
    ),
)


def right_backward(loss, w):
    fresh = w.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(fresh), fresh)[0]


def added_up(loss, w):
    loss(w).backward()
    return w.grad


def zeroed_at_first(loss, w):
    w.grad.zero_()
    loss(w).backward()
    return w.grad


def zeroed_too_late(loss, w):
    loss(w).backward()
    w.grad.zero_()
    return w.grad


def backward_cases(g: torch.Generator) -> list[tuple]:
    """Twice with the gradient of an earlier call left in w.grad, once with none."""

    def case(n, has_grad):
        x, y = torch.randn(12, n, generator=g), torch.randn(12, generator=g)
        w = torch.randn(n, generator=g).requires_grad_()

        def loss(w):
            return ((x @ w - y) ** 2).mean()

        if has_grad:
            loss(w).backward()
        return loss, w

    return [case(3, True), case(4, False), case(6, True)]


BACKWARD = Part(
    "gradient_by_backward",
    right_backward,
    cases=backward_cases,
    wrong=(
        Wrong(
            "added up",
            added_up,
            (
                "exactly twice the right gradient. backward() adds to .grad; clear it before the "
                "second call."
            ),
            "The Hoarder",
        ),
        Wrong(
            "nothing to zero",
            zeroed_at_first,
            (
                "w.grad is None until the first backward, so there is nothing to zero. w.grad = "
                "None clears in both cases."
            ),
            "The Eager Broom",
        ),
        Wrong(
            "cleared too late",
            zeroed_too_late,
            ("every entry is 0. You clear the gradient after backward; clear it before."),
            "The Eager Broom",
        ),
    ),
)

# 0.4 Surprise

BITS = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 4}  # −log2 of ½, ¼, ⅛, 1/16 and 1/16
CHANCES = {1: "½", 2: "¼", 3: "⅛", 4: "1/16"}


@dataclass(frozen=True)
class Met:
    """The text of 0.4, four characters of which one comes again."""

    text: str = "abac"

    @property
    def bits(self) -> list[int]:
        """The surprise of each of its characters."""
        return [BITS[letter] for letter in self.text]


def draw_met(dice: Dice) -> Met | None:
    met = Met("".join(dice.pick("abcde") for _ in range(4)))
    comes_again = 1 < len(set(met.text)) < 4
    return met if comes_again and is_clear(sum(met.bits) / 4 * math.log(2), 2) else None


def read_nats(value: object) -> float:
    """Two decimals tell all known answers apart, so more are not asked for."""
    return round(read_number(value), 2)


def in_nats(*bits):
    return round(sum(bits) / len(bits) * math.log(2), 2)


def counted(text: str) -> str:
    """What a letter counted once each misses: "a comes twice, d and e not at all"."""
    most = max(sorted(set(text)), key=text.count)
    *others, last = [letter for letter in BITS if letter not in text]
    absent = f"{', '.join(others)} and {last}" if others else last
    times = {2: "twice", 3: "three times"}[text.count(most)]
    return f"{most} comes {times}, {absent} not at all"


def nats_part(met: Met) -> Part:
    bits, total = met.bits, sum(met.bits)
    mean, once = total / 4, sum(BITS.values()) / len(BITS)
    average = sum(2.0**-bit for bit in bits) / 4
    expected = sum(bit * 2.0**-bit for bit in BITS.values())
    ln2 = math.log(2)
    known = (
        (
            "bits",
            mean,
            f"{mean:g} is right in bits. The question asks for nats: multiply by ln 2.",
            "The Other Unit",
        ),
        (
            "expected",
            in_nats(expected),
            f"{expected * ln2:.3f} is what the model expects to pay, each character weighted by "
            "its probability. Here the text is given: add up its own four surprises.",
            "The Weather Map",
        ),
        (
            "once per letter",
            in_nats(once),
            f"{once * ln2:.3f} counts each letter of the alphabet once. Count the characters of "
            f"the text: {counted(met.text)}.",
            "The Weather Map",
        ),
        (
            "average first",
            round(-math.log(average), 2),
            f"{-math.log(average):.3f} is the surprise of the average probability. Take each "
            "logarithm first, then the average.",
            "The Average Joe",
        ),
        (
            "negative",
            -in_nats(mean),
            "a surprise is never negative: −ln p, not ln p.",
            "The Climber",
        ),
        (
            "negative bits",
            -mean,
            f"a surprise is never negative: −ln p, not ln p. And {mean:g} counts bits; the "
            "question asks for nats.",
            "The Climber",
        ),
        (
            "sum",
            round(total * ln2, 2),
            f"{total * ln2:.3f} is the surprise of the whole text. Per character it is a quarter "
            "of that.",
            "The Other Unit",
        ),
        (
            "sum in bits",
            float(total),
            f"{total} is the surprise of the whole text in bits. Divide by the 4 characters, and "
            "multiply by ln 2 for nats.",
            "The Other Unit",
        ),
        (
            "base ten",
            round(mean * math.log10(2), 2),
            f"{mean * math.log10(2):.3f} comes from logarithms to base 10. For nats take the "
            "natural one, ln.",
            "The Other Unit",
        ),
    )
    return Part(
        "nats",
        typed(in_nats(mean)),
        tuple(Wrong(name, typed(value), text, card) for name, value, text, card in known),
        read=read_nats,
    )


def surprise(met: Met) -> Exercise:
    *chances, last = [CHANCES[bit] for bit in met.bits]
    *first, end = [str(bit) for bit in met.bits]
    return Exercise(
        "0.4",
        "Surprise",
        (nats_part(met),),
        hints=(
            "One surprise for each of the four characters, then their average. The unit is in "
            "the question.",
            "Four numbers, one for each character of the text. Halving a probability adds one "
            "bit, so in bits they are whole numbers. A nat is larger than a bit.",
            f"The four probabilities are {', '.join(chances)}, {last}, so {', '.join(first)} and "
            f"{end} bits. Average them, then multiply by ln 2 = 0.6931.",
        ),
    )


# 0.5 Ten lines that learn


def slopes_of(x, y, w):
    """Half the work by hand: the gradient of the mean squared error of a line."""
    error = w[0] * x + w[1] - y
    return error.square().mean().item(), torch.stack([2 * (error * x).mean(), 2 * error.mean()])


def right_line(x, y, steps, learning_rate):
    x, y, w, losses = x.double(), y.double(), torch.zeros(2, dtype=torch.float64), []
    for _ in range(steps):
        loss, gradient = slopes_of(x, y, w)
        losses.append(loss)
        w = w - learning_rate * gradient
    return w, losses


def descent(sign=-1, is_cleared=True, step=1.0, is_mean=True):
    def answer(x, y, steps, learning_rate):
        w, kept, losses = torch.zeros(2), torch.zeros(2), []
        for _ in range(steps):
            loss, gradient = (part * (1 if is_mean else len(x)) for part in slopes_of(x, y, w))
            kept = gradient if is_cleared else kept + gradient
            losses.append(loss)
            w = w + sign * learning_rate * step * kept
        return w, losses

    return answer


NO_GRAD = "does not require grad"
LEAF = "a leaf Variable that requires grad"


def replaced(sign, inside):
    """w = w − …: a new tensor; inside: under no_grad, where it does not even record."""

    def answer(x, y, steps, learning_rate):
        w, losses = torch.zeros(2), []
        for i in range(steps):
            if i == 1:
                kind, text = (RuntimeError, NO_GRAD) if inside else (TypeError, "NoneType")
                raise kind(text)
            loss, gradient = slopes_of(x, y, w)
            losses.append(loss)
            w = w + sign * learning_rate * gradient
        return w, losses

    return answer


def recorded(x, y, steps, learning_rate):
    raise RuntimeError(LEAF)


def line_cases(g: torch.Generator) -> list[tuple]:
    """Many steps first, for hints that show the loss; one step, which hides what comes later."""

    def case(n, steps, learning_rate):
        x = torch.randn(n, generator=g)
        slope, height = 2 + torch.rand(2, generator=g)
        return x, slope * x - height, steps, learning_rate

    return [case(9, 6, 0.05), case(12, 1, 0.1), case(7, 3, 0.08)]


def hint_rises(args, got, right):
    a, b = got[1][0], got[1][-1]
    return f"the loss rises from {a:.3g} to {b:.3g}. You walk uphill: subtract the gradient."


def hint_rises_and_adds(args, got, right):
    return (
        f"{hint_rises(args, got, right)} And it adds up: the gradient of step 2 is the sum of "
        "steps 1 and 2."
    )


NEW_TENSOR = "makes a new tensor without a gradient; change w in place under torch.no_grad()."


def hint_stops(args, got, right):
    if "second time" in got.text:
        return (
            "step 2 goes back through the computation of step 1, which is used up. Compute the "
            "loss anew in each step, inside the loop."
        )
    if NO_GRAD in got.text:
        return f"w does not require a gradient in step 2. w = w - … under no_grad {NEW_TENSOR}"
    return f"step 1 is right, and step 2 stops with {got.kind}: {got.text}"


def hint_recorded(args, got, right):
    if LEAF in got.text:
        return (
            "step 1 stops: torch notes what happens to w, and a change in place can't be noted. "
            "Put the step inside `with torch.no_grad():`."
        )
    return f"step 1 stops with {got.kind}: {got.text}"


def hint_none(args, got, right):
    if "NoneType" in got.text:
        return f"w.grad is None in step 2. w = w - … {NEW_TENSOR}"
    return f"step 1 is right, and step 2 stops with {got.kind}: {got.text}"


LINE = Part(
    "learn_line",
    right_line,
    cases=line_cases,
    wrong=(
        Wrong(
            "gradients add up",
            descent(is_cleared=False),
            ("the gradient of step 2 is the sum of steps 1 and 2. Clear it in each step."),
            "The Hoarder",
        ),
        Wrong("uphill", descent(sign=1), hint_rises, "The Climber"),
        Wrong(
            "uphill, and gradients add up",
            descent(sign=1, is_cleared=False),
            hint_rises_and_adds,
            "The Climber",
        ),
        Wrong(
            "new tensor",
            replaced(-1, inside=False),
            hint_none,
            "The Stranger",
        ),
        Wrong(
            "new tensor, uphill",
            replaced(1, inside=False),
            (
                f"w.grad is None in step 2. w = w + … {NEW_TENSOR} And the loss falls where you "
                "subtract."
            ),
            "The Stranger",
        ),
        Wrong("step is recorded", recorded, hint_recorded, "The Stranger"),
        Wrong(
            "sum for mean",
            descent(is_mean=False),
            lambda args, got, right: (
                f"your loss is {len(args[0])} times too large, and so are the steps: it is the "
                f"sum over {len(args[0])} points. Take the mean."
            ),
            "The Other Unit",
        ),
        Wrong("stops in step 2", replaced(-1, inside=True), hint_stops, "The Stranger"),
        Wrong(
            "cleared before the step",
            descent(step=0.0),
            (
                "w never moves: in the step its gradient is 0. Clear it before backward or after "
                "the step, not in between."
            ),
            "The Eager Broom",
        ),
    ),
)


VARIANTS = {
    "0.1": Varied(Shapes(), draw_shapes, six_shapes, shapes_texts),
    "0.4": Varied(Met(), draw_met, surprise, lambda met: (f'the text "{met.text}"',)),
}
EXERCISES = {
    task.number: task
    for task in (
        six_shapes(Shapes()),
        Exercise(
            "0.2",
            "Centre the rows",
            (CENTRED,),
            hints=(
                "Each row has one mean, and all entries of this row lose it. So n means have to "
                "stand beside n rows.",
                "x is (n, m). The means have to be (n, 1), a column, so that each stretches along "
                "its own row. What does (n,) do instead?",
                "means = x.mean(dim=-1, keepdim=True) is (n, 1); subtract it from x and return "
                "the new tensor.",
            ),
        ),
        Exercise(
            "0.3",
            "A gradient by nudging",
            (NUDGED, BACKWARD),
            hints=(
                "A slope is the change of the loss divided by the length of the step that caused "
                "it. One entry at a time. For the second function: backward adds to what is there.",
                "One number per entry of w, so the result is (n,). For entry i you need two "
                "losses, with entry i a little larger than in w, and a little smaller. The two "
                "points lie 2h apart. w.grad may hold numbers already, or None.",
                "For each i: e = zeros like w with e[i] = h; slope i is loss(w + e) minus "
                "loss(w − e), divided by 2h. Second: set w.grad to None, call backward on loss(w), "
                "return w.grad.",
            ),
        ),
        surprise(Met()),
        Exercise(
            "0.5",
            "Ten lines that learn",
            (LINE,),
            hints=(
                "Run the broken version for 1 step, then for 2, then more. What stops it? Once it "
                "runs, what does the loss do? And what should be forgotten between two steps?",
                "w and its gradient are both (2,). Print w.requires_grad, w.grad and the loss in "
                "each step. The right order in the loop: loss, backward, step, clear.",
                "Three repairs: the step changes w itself (w -= …) inside a with block of "
                "torch.no_grad; the sign is minus; w.grad is set to None in every step.",
            ),
        ),
    )
}
