"""Chapter 02, data: the right answers, the known wrong ones, and the help."""

import functools
from collections import Counter

import torch
import torch.nn.functional as F

from course.checks.engine import Exercise, Part, Prediction, Wrong
from course.checks.typed import read_whole
from course.tinytales import tinytales

CARDS = {
    "The Time Traveller": (
        "It has seen the future: text that comes later helps with what comes earlier. Scores are "
        "too good, and the finished model disappoints. Cut the text once; look only back."
    ),
    "The Echo": (
        "It says what it hears: the targets are the inputs. The loss falls to nothing and the "
        "model stutters. Print a row of x above a row of y, and shift y by one."
    ),
    "The Fence Post": (
        "It counts posts where it should count gaps: one too many or one too few, at an end. Try "
        "the smallest case by hand, and look at the last index."
    ),
    "The Eavesdropper": (
        "It has heard the questions of the exam: the same text stands in training and in "
        "validation. Count what both parts share; it should be nothing."
    ),
    "The Forgetter": (
        "It was handed something and never used it: a seed, a fraction, a device. Change that "
        "argument and see whether anything happens."
    ),
    "The Groundhog": (
        "It lives the same day again: every row or every batch is the same. Print two in a row."
    ),
    "The Merry-Go-Round": (
        "What falls out at one end comes in at the other: roll and index −1 go round. Look at the "
        "first and the last entry of a row."
    ),
    "The Catalogue": (
        "It gives you the number of the shelf instead of the book. A place in the text is not the "
        "token that stands there; look it up."
    ),
    "The Wrong End": (
        "The right idea from the other side: first for last, largest for smallest. One example "
        "worked by hand shows it."
    ),
    "The Stranger": (
        "It turns up in the validation part and nobody in training has ever met it. Build the "
        "vocabulary from the whole text, and look at what is rare."
    ),
    "The Coin Toss": (
        "Two candidates are equally good, and chance decides. Say which one wins, and the answer "
        "is the same on every day."
    ),
    "The Red Herring": (
        "It draws the eye and does no harm. Mend one thing at a time and measure again: what "
        "changes nothing was not the fault."
    ),
}

REFERENCES = tuple(
    f"minigpt_lib.data:{name}" for name in ("train_val_split", "get_batch", "sliding_windows")
)


def some_ids(generator: torch.Generator, n: int) -> torch.Tensor:
    """n different ids in random order, none of which is a place in the text."""
    return torch.randperm(n, generator=generator) + 1_000


# 2.1 Split without a leak


def cut_at(first_end=lambda a: a, second_start=lambda a: a, end=None):
    """Answers that cut the text, with the ends of the parts moved from the right place."""

    def answer(ids, val_fraction=0.1):
        tokens = torch.as_tensor(ids)
        a = int(len(tokens) * (1 - val_fraction))
        return tokens[: first_end(a)], tokens[second_start(a) : end]

    return answer


def right_split(ids, val_fraction=0.1):
    tokens = torch.tensor(list(ids))
    a = int(len(tokens) * (1 - val_fraction))
    return tokens.narrow(0, 0, a), tokens.narrow(0, a, len(tokens) - a)


def shuffled(ids, val_fraction=0.1):
    tokens = torch.as_tensor(ids)
    return right_split(tokens[torch.randperm(len(tokens))], val_fraction)


def start_kept(ids, val_fraction=0.1):
    tokens = torch.as_tensor(ids)
    b = len(tokens) - int(len(tokens) * (1 - val_fraction))
    return tokens[b:], tokens[:b]


def swapped(ids, val_fraction=0.1):
    return right_split(ids, val_fraction)[::-1]


def share_of_training(ids, val_fraction=0.1):
    return right_split(ids, 1 - val_fraction)


def fraction_ignored(ids, val_fraction=0.1):
    return right_split(ids, 0.1)


def rounded_up(ids, val_fraction=0.1):
    tokens = torch.as_tensor(ids)
    a = len(tokens) - int(len(tokens) * val_fraction)
    return tokens[:a], tokens[a:]


def left_a_list(ids, val_fraction=0.1):
    a = int(len(ids) * (1 - val_fraction))
    return ids[:a], ids[a:]


def last_by_count(ids, val_fraction=0.1):
    tokens = torch.as_tensor(ids)
    n = len(tokens)
    return tokens[: int(n * (1 - val_fraction))], tokens[n - int(n * val_fraction) :]


def use_split(answer, ids, *val_fraction):
    """The two parts; where ids were mixed, that they were: which went where is chance."""
    parts = answer(ids, *val_fraction)
    pair = isinstance(parts, (tuple, list)) and len(parts) == 2
    if not pair or not all(isinstance(part, torch.Tensor) for part in parts):
        return parts
    place = {token: i for i, token in enumerate(torch.as_tensor(ids).tolist())}
    places = [[place.get(token, -1) for token in part.flatten().tolist()] for part in parts]
    cut = all(p == list(range(p[0], p[0] + len(p))) for p in places if p)
    if not cut and sorted(places[0] + places[1]) == list(range(len(ids))):
        return ("mixed", "mixed")
    return tuple(parts)


def split_cases(g: torch.Generator) -> list[tuple]:
    """Parts that don't come out even, one that does, a list, and the usual fraction left out."""
    n = 41 + int(torch.randint(8, (1,), generator=g))
    return [
        (some_ids(g, n), 0.3),
        (some_ids(g, 40), 0.25),
        (some_ids(g, 57),),
        (some_ids(g, 23).tolist(), 0.125),
    ]


def shared(got) -> int:
    return len(set(got[0].tolist()) & set(got[1].tolist()))


def hint_both(args, got, right):
    count = shared(got)
    ids = "1 id is" if count == 1 else f"{count} ids are"
    return f"{ids} in both parts. The second part starts where the first ends."


def hint_neither(args, got, right):
    count = len(args[0]) - len(got[0]) - len(got[1])
    ids = "id is" if count == 1 else f"{count} ids are"
    return f"the last {ids} in neither part. Slice to the end, not to -1."


def hint_gap(args, got, right):
    count = len(args[0]) - len(got[0]) - len(got[1])
    ids = "1 id is" if count == 1 else f"{count} ids are"
    return f"between the two parts {ids} lost. The second part starts where the first ends."


def sizes(got) -> str:
    return f"{len(got[0])} and {len(got[1])}"


SPLIT = Part(
    "train_val_split",
    right_split,
    cases=split_cases,
    drive=use_split,
    wrong=(
        Wrong(
            "shuffled",
            shuffled,
            lambda args, got, right: (
                "validation text occurs before training text. Text is a sequence: cut once, do not "
                "shuffle."
            ),
            "The Time Traveller",
        ),
        Wrong("one id in both", cut_at(lambda a: a + 1), hint_both, "The Eavesdropper"),
        Wrong(
            "second starts early", cut_at(second_start=lambda a: a - 1), hint_both, "The Fence Post"
        ),
        Wrong("trained on all", cut_at(lambda a: None), hint_both, "The Eavesdropper"),
        Wrong("last one lost", cut_at(end=-1), hint_neither, "The Fence Post"),
        Wrong(
            "second starts late", cut_at(second_start=lambda a: a + 1), hint_gap, "The Fence Post"
        ),
        Wrong("first ends early", cut_at(lambda a: a - 1), hint_gap, "The Fence Post"),
        Wrong("both rounded down", last_by_count, hint_gap, "The Fence Post"),
        Wrong(
            "start kept",
            start_kept,
            lambda args, got, right: (
                "your validation part is the beginning of the text. The model would learn from "
                "what comes after; keep the end for validation."
            ),
            "The Wrong End",
        ),
        Wrong(
            "parts swapped",
            swapped,
            lambda args, got, right: (
                f"the parts are right and change places: {sizes(got)} ids instead of "
                f"{sizes(right)}. Return the training part first."
            ),
            "The Wrong End",
        ),
        Wrong(
            "fraction of training",
            share_of_training,
            lambda args, got, right: (
                f"your parts have {sizes(got)} ids. val_fraction is the share that is kept for "
                f"validation, so they have {sizes(right)}."
            ),
            "The Wrong End",
        ),
        Wrong(
            "fraction ignored",
            fraction_ignored,
            lambda args, got, right: (
                f"with val_fraction={args[1]} your parts have {sizes(got)} ids, a tenth as ever. "
                "Your answer makes no use of val_fraction."
            ),
            "The Forgetter",
        ),
        Wrong(
            "rounded up",
            rounded_up,
            lambda args, got, right: (
                f"your training part has {len(got[0])} ids. The task rounds its size down: "
                f"{len(right[0])}."
            ),
            "The Fence Post",
        ),
        Wrong(
            "left a list",
            left_a_list,
            lambda args, got, right: (
                "a list went in and two lists came out. Make a tensor of the ids first: "
                "torch.as_tensor(ids)."
            ),
            "The Forgetter",
        ),
    ),
)

# 2.2 get_batch


def blocks(starts, to_x=0, to_y=1, seeded=True):
    """Answers by rows: x and y are cut out of the text, each moved from its start by so much.

    starts: draws them, from (n, T, B, generator).
    """

    def answer(ids, batch_size, context_length, generator=None, device=None):
        n, T = len(ids), context_length
        begin = starts(n, T, batch_size, generator if seeded else None).tolist()
        x = torch.stack([ids[i + to_x : i + to_x + T] for i in begin])
        y = torch.stack([ids[i + to_y : i + to_y + T] for i in begin])
        return x.to(device), y.to(device)

    return answer


def anywhere(n, T, B, generator):
    return torch.randint(0, n - T, size=(B,), generator=generator)


def right_batch(ids, batch_size, context_length, generator=None, device=None):
    rows = ids.unfold(0, context_length + 1, 1)
    rows = rows[torch.randint(0, len(rows), size=(batch_size,), generator=generator)]
    return rows[:, :-1].to(device), rows[:, 1:].to(device)


def y_short_by_one(ids, batch_size, context_length, generator=None, device=None):
    x, y = right_batch(ids, batch_size, context_length, generator, device)
    return x, y[:, :-1]


def rolled(ids, batch_size, context_length, generator=None, device=None):
    x, _ = right_batch(ids, batch_size, context_length, generator, device)
    return x, x.roll(-1, 1)


def places_returned(ids, batch_size, context_length, generator=None, device=None):
    return right_batch(torch.arange(len(ids)), batch_size, context_length, generator, device)


def one_start_for_all(n, T, B, generator):
    return anywhere(n, T, 1, generator).expand(B)


def own_seed(n, T, B, generator):
    return anywhere(n, T, B, torch.Generator().manual_seed(0))


def on_the_cpu(ids, batch_size, context_length, generator=None, device=None):
    return right_batch(ids, batch_size, context_length, generator)


def on_its_side(ids, batch_size, context_length, generator=None, device=None):
    x, y = right_batch(ids, batch_size, context_length, generator, device)
    return x.T, y.T


def use_batches(answer, ids, batch_size, context_length):
    """What many batches have in common; ends at the first thing that no right answer does."""
    n, T, seed = len(ids), context_length, int(ids[0])
    place = {token: i for i, token in enumerate(ids.tolist())}

    def draw(B, generator, **device):
        pair = answer(ids, B, T, generator=generator, **device)
        if pair is None or (isinstance(pair, (tuple, list)) and len(pair) == 2):
            return pair
        raise TypeError("return two tensors, x and y")

    def is_stretch(row, later):
        return row == list(range(row[0], row[0] + T)) and later == [i + 1 for i in row]

    rows, shapes, error = [], set(), None
    generator = torch.Generator().manual_seed(seed)
    for _ in range(160):  # a row at a time, which tells what a bad start does
        try:
            pair = draw(1, generator)
        except NotImplementedError:
            raise
        except (IndexError, RuntimeError) as stopped:
            error = stopped
            continue
        if pair is None:
            return None
        x, y = pair
        shapes.add((tuple(x.shape), tuple(y.shape)))
        if x.shape == y.shape == (1, T):
            rows.append([[place.get(token, -1) for token in t[0].tolist()] for t in (x, y)])
    if any(-1 in x + y for x, y in rows):
        return {"x and y hold tokens of the text": False}
    whole = all(is_stretch(x, y) for x, y in rows)
    starts = sorted({x[0] for x, _ in rows})
    if (error or len(shapes) > 1) and rows and whole and starts == list(range(n - T)):
        return {"a start that makes y short": n - T}
    if error:
        raise error
    if shapes != {((1, T), (1, T))}:
        return {"shapes of x and y for one row": sorted(map(list, shapes))}
    if not whole:
        later = sorted({(b - a) % n for x, y in rows for a, b in zip(x, y, strict=True)})
        if all(y == x[1:] + x[:1] for x, y in rows):
            return {"y is": "x rolled"}
        return {"y is later than x by": later if later != [n - 1] else "-1"}
    if len(starts) == 1 or starts != list(range(n - T)):
        return {"starts that occur": starts if len(starts) > 1 else "always the same one"}
    runs = []
    for _ in range(2):
        generator.manual_seed(seed)
        runs.append([draw(batch_size, generator) for _ in range(16)])
    shapes = {(tuple(x.shape), tuple(y.shape)) for x, y in runs[0]}
    if shapes != {((batch_size, T), (batch_size, T))}:
        return {"shapes of x and y": sorted(map(list, shapes))}
    for x, y in runs[0]:
        for row in zip(x.tolist(), y.tolist(), strict=True):
            if not is_stretch(*([place.get(token, -1) for token in part] for part in row)):
                return {"every row of a larger batch is a stretch and the one after it": False}
    if all(torch.equal(x, x[:1].expand(batch_size, T)) for x, _ in runs[0]):
        return {"rows of one batch": "all the same"}
    if not all(torch.equal(a[0], b[0]) for a, b in zip(*runs, strict=True)):
        return {"the same seed gives the same batches": False}
    answer(ids, batch_size, T)  # without a generator, without a device
    devices = [t.device.type for t in draw(2, generator, device="meta")]
    kinds = sorted({str(t.dtype) for pair in runs[0] for t in pair})
    return {"starts that occur": starts, "device": devices, "type": kinds}


def batch_cases(g: torch.Generator) -> list[tuple]:
    """Few starts, so that each of them is drawn; T, B and their number all different."""
    return [(some_ids(g, 10), 5, 6), (some_ids(g, 12), 4, 9)]


def hint_one_short(args, got, right):
    start = len(args[0]) - args[2]
    return f"start {start} makes y one short. The last start is len(ids) - T - 1."


def hint_last_start(args, got, right):
    start = len(args[0]) - args[2] - 1
    return (
        f"start {start} never occurs, and the last token is never asked for. The upper limit of "
        "torch.randint is not drawn itself: make it len(ids) - T."
    )


def hint_backwards(args, got, right):
    return "y[t] is what came before x[t]. You shifted the wrong way."


def hint_rolled(args, got, right):
    return (
        "the last entry of each y is the first token of x. roll brings back in front what falls "
        "out at the end; take y from the text: ids[i+1 : i+T+1]."
    )


def hint_unseeded(args, got, right):
    return (
        "the same seed gives other batches each time. Hand the generator on: "
        "torch.randint(…, generator=generator)."
    )


BATCH = Part(
    "get_batch",
    right_batch,
    cases=batch_cases,
    drive=use_batches,
    wrong=(
        Wrong(
            "not shifted",
            blocks(anywhere, 0, 0),
            lambda args, got, right: (
                "y equals x. A model can copy and learn nothing; take y one position later: "
                "ids[i+1 : i+T+1]."
            ),
            "The Echo",
        ),
        Wrong("shifted backwards", blocks(anywhere, 1, 0), hint_backwards, "The Wrong End"),
        Wrong(
            "one start too many",
            blocks(lambda n, T, B, g: torch.randint(0, n - T + 1, size=(B,), generator=g)),
            hint_one_short,
            "The Fence Post",
        ),
        Wrong(
            "last start missing",
            blocks(lambda n, T, B, g: torch.randint(0, n - T - 1, size=(B,), generator=g)),
            hint_last_start,
            "The Fence Post",
        ),
        Wrong(
            "y one short",
            y_short_by_one,
            lambda args, got, right: (
                f"y has {args[2] - 1} entries a row, x has {args[2]}. The end of a slice is not in "
                "it: ids[i+1 : i+T+1]."
            ),
            "The Fence Post",
        ),
        Wrong(
            "two later",
            blocks(lambda n, T, B, g: torch.randint(0, n - T - 1, size=(B,), generator=g), 0, 2),
            lambda args, got, right: (
                "y[t] is two places after x[t]. You shifted twice: once is enough."
            ),
            "The Fence Post",
        ),
        Wrong("rolled", rolled, hint_rolled, "The Merry-Go-Round"),
        Wrong(
            "places returned",
            places_returned,
            lambda args, got, right: (
                "x and y hold places in the text, 0 to n - 1, not tokens. Look them up: "
                "ids[positions]."
            ),
            "The Catalogue",
        ),
        Wrong(
            "one start for all",
            blocks(one_start_for_all),
            lambda args, got, right: (
                f"all {args[1]} rows of a batch are the same. Draw one start for each row."
            ),
            "The Groundhog",
        ),
        Wrong(
            "same batch every time",
            blocks(own_seed),
            lambda args, got, right: (
                "one batch after the other was the same. Draw from the generator you are given, "
                "without seeding it again."
            ),
            "The Groundhog",
        ),
        Wrong(
            "generator unused",
            blocks(anywhere, seeded=False),
            hint_unseeded,
            "The Forgetter",
        ),
        Wrong(
            "device unused",
            on_the_cpu,
            lambda args, got, right: (
                "x and y stay on the CPU whatever device is asked for. End with .to(device); None "
                "leaves them where they are."
            ),
            "The Forgetter",
        ),
        Wrong(
            "rows and columns swapped",
            on_its_side,
            lambda args, got, right: (
                f"for one block of {args[2]} tokens x has the shape ({args[2]}, 1). A batch is "
                "(B, T): one row for each block."
            ),
            "The Wrong Turn",
        ),
    ),
)

# 2.3 How many windows?

TEXT, LENGTH, STRIDE = 20, 5, 3


def count_windows(need: int, stride: int = STRIDE) -> int:
    """Windows that take up `need` ids each, by sliding one over the text."""
    return sum(start + need <= TEXT for start in range(0, TEXT, stride))


def right_windows() -> int:
    return count_windows(LENGTH + 1)


WINDOWS = Part(
    "windows",
    right_windows,
    read=read_whole,
    wrong=(
        Wrong(
            "no id for the target",
            lambda: count_windows(LENGTH),
            lambda args, got, right: (
                f"{got} forgets that the last window needs one more id for its target."
            ),
            "The Fence Post",
        ),
        Wrong(
            "length as stride",
            lambda: count_windows(LENGTH + 1, LENGTH),
            lambda args, got, right: (
                f"{got} uses the length as the stride. Windows start every S ids, however long "
                "they are."
            ),
            "The Wrong End",
        ),
        Wrong(
            "every start",
            lambda: count_windows(LENGTH + 1, 1),
            lambda args, got, right: f"{got} counts every start. Only every third start is used.",
            "The Forgetter",
        ),
        Wrong(
            "first not counted",
            lambda: count_windows(LENGTH + 1) - 1,
            lambda args, got, right: (
                f"{got} is the number of steps from the first window to the last. The first one "
                "counts too."
            ),
            "The Fence Post",
        ),
    ),
)

# 2.4 A loss too good to be true

LINES, SHIFT_LINE, SPLIT_LINE, CONTEXT = 6, 5, 2, 64


@functools.cache
def loss_of(shift: int) -> float:
    """The loss after the exercise's 50 steps, with targets `shift` places after the inputs."""
    text = tinytales(20_000)
    number = {c: i for i, c in enumerate(sorted(set(text)))}
    ids = torch.tensor([number[c] for c in text])
    part = ids[: len(ids) * 9 // 10]
    g = torch.Generator().manual_seed(0)
    table = torch.zeros(len(number), len(number), requires_grad=True)
    optimizer = torch.optim.AdamW([table], lr=0.15)
    for _ in range(50):
        places = torch.randint(len(part) - CONTEXT, (16,), generator=g)[:, None]
        places = places + torch.arange(CONTEXT)
        loss = F.cross_entropy(table[part[places]].flatten(0, 1), part[places + shift].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def read_lines(typed: object) -> list[int]:
    """The lines named, as far as a message needs them: with a harmless one, that and the shift."""
    many = sorted(typed) if isinstance(typed, (set, frozenset)) else typed
    many = many.tolist() if isinstance(many, torch.Tensor) else many
    many = many if isinstance(many, (list, tuple)) else [many]
    named = {read_whole(each) for each in many}
    if not named or not named <= set(range(1, LINES + 1)):
        raise ValueError(f"type the numbers of lines, each from 1 to {LINES}, such as [1, 4].")
    harmless = sorted(named - {SHIFT_LINE, SPLIT_LINE})
    faults = {SHIFT_LINE} if harmless else {SHIFT_LINE, SPLIT_LINE}
    return [*harmless[:1], *sorted(named & faults)]


def right_lines() -> list[int]:
    return [SPLIT_LINE, SHIFT_LINE]


def hint_lines(args, got, right):
    before, after = (f"{loss_of(k):.2f}" for k in (0, 1))
    if got == [SPLIT_LINE]:
        return (
            "that line is wrong, but it does not explain the loss: with it mended it is still "
            f"{before}. Compare x[0] and y[0] by eye."
        )
    if got == [SHIFT_LINE]:
        return (
            f"mended, the loss is {after}, but validation still overlaps training by {CONTEXT} "
            "ids. There were two faults."
        )
    if SHIFT_LINE in got:
        return (
            f"one of your lines explains the loss, and line {got[0]} is harmless. Mend one line at "
            "a time and see what changes."
        )
    return (
        f"line {got[0]} is harmless: with it mended the loss is still {before}. Compare x[0] and "
        "y[0] by eye."
    )


def naming(*lines: int):
    """The answer that names these lines."""
    return lambda: list(lines)


HARMLESS = (1, 3, 4, 6)
NAMED = [(SPLIT_LINE,), (SHIFT_LINE,), *((n,) for n in HARMLESS)]
NAMED += [(n, SHIFT_LINE) for n in HARMLESS]
EXHIBITS = {(SPLIT_LINE,): "The Echo", (SHIFT_LINE,): "The Eavesdropper"}
FAULTY = Part(
    "faulty",
    right_lines,
    label="a",
    read=read_lines,
    wrong=tuple(
        Wrong(
            "line " + " and ".join(map(str, lines)),
            naming(*lines),
            hint_lines,
            EXHIBITS.get(lines, "The Red Herring"),
        )
        for lines in NAMED
    ),
)


def mended_with(shift=1, early=0, to_y=None, seeded=True):
    """Answers to the second half: targets `shift` later, validation `early(T)` before the cut."""

    def answer(ids, B, T, generator):
        where = len(ids) * 9 // 10
        part, rest = ids[:where], ids[where - (T if early == "T" else early) :]
        starts = torch.randint(0, where - T, (B,), generator=generator if seeded else None)
        i = starts[:, None] + torch.arange(T)
        x = part[i + 1] if shift < 0 else part[i]
        y = part[i] if shift < 0 else part[i + shift]
        return part, rest, x, (x.roll(-1, 1) if to_y == "roll" else y)

    return answer


def right_mended(ids, B, T, generator):
    part, rest = right_split(ids, 0.1)
    return (part, rest, *right_batch(part, B, T, generator))


def use_mended(answer, ids, B, T):
    """What the parts share or lack, how y stands to x, and which starts occur."""
    place = {token: i for i, token in enumerate(ids.tolist())}
    generator = torch.Generator().manual_seed(int(ids[0]))
    shifts, starts, rolls, stretches = set(), set(), True, True
    for _ in range(24):
        result = answer(ids, B, T, generator)
        if result is None:
            return None
        if not isinstance(result, (tuple, list)) or len(result) != 4:
            raise TypeError("return train, val, x and y")
        train, val, x, y = result
        if not x.shape == y.shape == (B, T):
            return {"shapes of x and y": [list(x.shape), list(y.shape)]}
        for row, targets in zip(x.tolist(), y.tolist(), strict=True):
            a, b = ([place.get(token, -1) for token in part] for part in (row, targets))
            shifts |= {q - p for p, q in zip(a, b, strict=True)}
            starts.add(a[0])
            rolls = rolls and targets == row[1:] + row[:1]
            stretches = stretches and a == list(range(a[0], a[0] + T))
    again = [answer(ids, B, T, generator.manual_seed(0))[2] for _ in range(2)]
    both = set(train.tolist()) & set(val.tolist())
    either = set(train.tolist()) | set(val.tolist())
    y_is = {frozenset({0}): "x", frozenset({-1}): "before x", frozenset({1}): "one later"}
    return {
        "y is": "x rolled" if rolls else y_is.get(frozenset(shifts), "something else"),
        "each row of x is one stretch": stretches,
        "starts": sorted(starts) if shifts == {1} else [],
        "ids in both parts": len(both),
        "ids in neither part": len(ids) - len(either),
        "sizes add up": len(train) + len(val) - len(both) == len(either),
        "training part": len(train),
        "the same seed gives the same batch": torch.equal(*again),
    }


def mended_cases(g: torch.Generator) -> list[tuple]:
    """Short texts, so that each start is drawn; 9/10 of none of them is a whole number."""
    return [(some_ids(g, 27), 6, 20), (some_ids(g, 34), 5, 27)]


def hint_still_overlaps(args, got, right):
    count = got["ids in both parts"]
    ids = "1 id" if count == 1 else f"{count} ids"
    return f"mended, but validation now overlaps training by {ids}. There were two faults."


def hint_still_echo(args, got, right):
    return (
        "the two parts are clean, and y still equals x: the loss would still be "
        f"{loss_of(0):.2f}. Compare x[0] and y[0] by eye."
    )


def hint_as_given(args, got, right):
    return (
        f"y still equals x, and the parts still share {got['ids in both parts']} ids: as in the "
        "code you were given."
    )


def hint_lost_one(args, got, right):
    return (
        "1 id is in neither part. The second part starts where the first ends, at the same number."
    )


MENDED = Part(
    "mended",
    right_mended,
    label="b",
    cases=mended_cases,
    drive=use_mended,
    wrong=(
        Wrong("shift mended only", mended_with(1, "T"), hint_still_overlaps, "The Eavesdropper"),
        Wrong("split mended only", mended_with(0, 0), hint_still_echo, "The Echo"),
        Wrong("as given", mended_with(0, "T"), hint_as_given, "The Echo"),
        Wrong("backwards", mended_with(-1, 0), hint_backwards, "The Wrong End"),
        Wrong("rolled", mended_with(1, 0, "roll"), hint_rolled, "The Merry-Go-Round"),
        Wrong("generator unused", mended_with(seeded=False), hint_unseeded, "The Forgetter"),
        Wrong("one id lost", mended_with(1, -1), hint_lost_one, "The Fence Post"),
        Wrong("one id in both", mended_with(1, 1), hint_still_overlaps, "The Fence Post"),
    ),
)

# 2.5 Your text


def reported(size=len, seen=lambda text, a: text, rare=None, boundary=lambda n: n * 9 // 10):
    """Answers that make the four figures, each in its own way.

    size: counts the text; seen: what the vocabulary is built from, given the boundary; rare: the
    rarest of the counted characters; boundary: of n characters.
    """

    def answer(text):
        a = boundary(len(text))
        known = seen(text, a)
        pick = rare or (lambda counts: min(sorted(counts), key=counts.get))
        counted = Counter(known if rare is None else text)
        return size(text), len(set(known)), pick(counted), a

    return answer


def right_report(text):
    counts = Counter(text)
    fewest = min(counts.values())
    rarest = min(c for c, k in counts.items() if k == fewest)
    return len(text), len(counts), rarest, len(text) * 9 // 10


def least(counts):
    return min(counts.items(), key=lambda pair: (pair[1], pair[0]))[0]


def training_part(text, a):
    return text[:a]


def report_cases(g: torch.Generator) -> list[tuple]:
    """Characters of several bytes; ties; some that only the validation part has."""

    def letters(k, among):
        return "".join(among[i] for i in torch.randint(len(among), (k,), generator=g).tolist())

    extra = torch.randint(3, (3,), generator=g).tolist()  # 90% of none is a whole number
    end = "éé🙂🙂" + letters(4, "aeş ")
    ties = "x" + letters(40, "aeş   ") + "b" + letters(20, "aeş ") + "zy" + "aeş " * 6
    ties += " " * (91 + extra[0] - len(ties) - len(end)) + end
    stranger = letters(50, "न\nा") + "qq" + "न\nा" * 8
    stranger += "\n" * (101 + extra[1] - len(stranger) - 5) + "न%न\nा"
    known = letters(70, "αβγ ") + "αβγ " * 5 + "ω"
    known += " " * (121 + extra[2] - len(known) - 3) + "βωα"
    return [(ties,), (stranger,), (known,)]


def hint_stranger(args, got, right):
    text, a = args[0], right[3]
    count = len(set(text[a:]) - set(text[:a]))
    never = "character of the validation part never occurs"
    if count > 1:
        never = "characters of the validation part never occur"
    return (
        f"{count} {never} in training; your model can't know "
        f"{'it' if count == 1 else 'them'}. Build the vocabulary from the whole text, or clean "
        f"{'it' if count == 1 else 'them'}."
    )


def hint_bytes(args, got, right):
    return (
        f"{got[0]} counts bytes. In UTF-8 a character takes 1 to 4 of them; this text has "
        f"{right[0]} characters."
    )


def hint_most_common(args, got, right):
    most, least = (Counter(args[0])[figures[2]] for figures in (got, right))
    return (
        f"{got[2]!r} is the most common, with a count of {most}. Take the smallest count, {least}: "
        f"{right[2]!r}."
    )


def hint_tie(args, got, right):
    return (
        f"{got[2]!r} and {right[2]!r} are equally rare. The task wants the one that sorts first, "
        "so that everybody gets the same."
    )


def hint_size_of_validation(args, got, right):
    return (
        f"{got[3]} is how many characters validation has. The boundary is where it starts: "
        f"{right[3]}."
    )


def hint_boundary_up(args, got, right):
    return f"boundary {got[3]} rounds up. The task rounds 90% of n down: {right[3]}."


REPORT = Part(
    "report",
    right_report,
    cases=report_cases,
    wrong=(
        Wrong(
            "vocabulary of training", reported(seen=training_part), hint_stranger, "The Stranger"
        ),
        Wrong(
            "vocabulary of training, rarest of all",
            reported(seen=training_part, rare=least),
            hint_stranger,
            "The Stranger",
        ),
        Wrong(
            "bytes counted",
            reported(size=lambda text: len(text.encode())),
            hint_bytes,
            "The Other Unit",
        ),
        Wrong(
            "most common",
            reported(rare=lambda counts: counts.most_common(1)[0][0]),
            hint_most_common,
            "The Wrong End",
        ),
        Wrong(
            "first of the rarest",
            reported(rare=lambda counts: min(counts, key=counts.get)),
            hint_tie,
            "The Coin Toss",
        ),
        Wrong(
            "last of the rarest",
            reported(rare=lambda counts: counts.most_common()[-1][0]),
            hint_tie,
            "The Coin Toss",
        ),
        Wrong(
            "sorts last",
            reported(rare=lambda counts: min(sorted(counts)[::-1], key=counts.get)),
            hint_tie,
            "The Coin Toss",
        ),
        Wrong(
            "size of validation",
            reported(boundary=lambda n: n - n * 9 // 10),
            hint_size_of_validation,
            "The Wrong End",
        ),
        Wrong(
            "rounded up",
            reported(boundary=lambda n: n - n // 10),
            hint_boundary_up,
            "The Fence Post",
        ),
    ),
)

PREDICTIONS = {
    "2.p1": Prediction("c", choices="abc"),
    "2.p2": Prediction(1),
    "2.p3": Prediction(6),
    "2.p4": Prediction("c", choices="abc"),
}

EXERCISES = {
    task.number: task
    for task in (
        Exercise(
            "2.1",
            "Split without a leak",
            (SPLIT,),
            hints=(
                "One cut, at one number. Which number is it, and on which side of the cut does the "
                "token with that number stand?",
                "From (n,) to two tensors whose lengths add up to n. The first one has n times the "
                "share that is left for training, rounded down.",
                "Make a tensor of ids. The cut is at int((1 - val_fraction) * n); slice once up to "
                "it and once from it on.",
            ),
            references=REFERENCES,
            replaces={"train_val_split": "data"},
        ),
        Exercise(
            "2.2",
            "get_batch",
            (BATCH,),
            hints=(
                "Draw the starts first, one for each row. What is the last place at which a window "
                "of T tokens, and the token after it, still fit?",
                "Starts (B, 1) plus steps (T,) are a table of places (B, T). Looked up in ids it "
                "is x; what has to be looked up for y?",
                "starts = torch.randint(len(ids) - T, (B,), generator=generator); places = "
                "starts[:, None] + torch.arange(T); x is ids at places, y is ids at places + 1, "
                "both .to(device).",
            ),
            references=REFERENCES,
            replaces={"get_batch": "data"},
        ),
        Exercise(
            "2.3",
            "How many windows?",
            (WINDOWS,),
            hints=(
                "Write down the starts, 0, S, 2S and so on, until one of them is too late.",
                "A window takes up T + 1 places of the text, the last one for its last target. "
                "Which is the last start that leaves so many?",
                "Count the first window, then the steps of S that fit between start 0 and the "
                "last possible start, n - T - 1.",
            ),
        ),
        Exercise(
            "2.4",
            "A loss too good to be true",
            (FAULTY, MENDED),
            hints=(
                "Don't read the code first. Look at what comes out of it: a row of x, a row of y, "
                "and the first tokens of the validation part.",
                "Call it on a text that is 0, 1, 2, 3 and so on: each token then says where it "
                "stood. How far is y from x, and where does the validation part begin?",
                "The targets are the tokens at the places plus 1. The validation part begins at "
                "the cut, not before it.",
            ),
            references=REFERENCES,
        ),
        Exercise(
            "2.5",
            "Your text",
            (REPORT,),
            hints=(
                "Four figures of the whole text. Only one of them has to do with the cut.",
                "An int, an int, a text of one character, an int. The rarest is one of as many as "
                "the vocabulary has; sort them before you look for the smallest count.",
                "Count with collections.Counter(text); its length is the second figure; the third "
                "is the minimum over the sorted characters, by count; the last is 9 tenths of n.",
            ),
        ),
    )
}
