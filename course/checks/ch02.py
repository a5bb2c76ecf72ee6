"""Chapter 02, data: the right answers, the known wrong ones, and the help."""

import functools
from collections import Counter
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from course.checks.engine import Exercise, Part, Prediction, Wrong
from course.checks.typed import read_whole, typed
from course.checks.variants import ORDINALS, Dice, Varied
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
    "The Newcomer": (
        "It turns up in the validation part and nobody in training has ever met it. Build the "
        "vocabulary from the whole text, and look at what is rare."
    ),
    "The Coin Toss": (
        "Two candidates are equally good, and chance decides. Say which one wins, and the answer "
        "is the same on every day."
    ),
    "The Round Number": (
        "It rounds another way than was agreed, or rounds two numbers that have to fit together. "
        "int() and // cut off, round() takes the nearest. Round once; subtract for the other part."
    ),
    "The Wrong Wrapping": (
        "The right numbers in the wrong wrapping: a list for a tensor, decimals for whole numbers. "
        "Only whoever unwraps it notices. Print type(x), and x.dtype of a tensor."
    ),
    "The Leveller": (
        "It makes equal what should stay apart, such as capitals and small letters, and nobody can "
        "part them again. Count first, and change as little as you can before."
    ),
    "The Loaded Die": (
        "It has all its faces, and some come up more often: chances that were equal are bent on "
        "the way. Draw some thousand times and count each face."
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
    """n different ids in random order: none is a place in the text, none another plus one."""
    return 3 * torch.randperm(n, generator=generator) + 1_000


class Tally:
    """Says how evenly the starts of blocks were drawn. A class, as a check may use no function."""

    @staticmethod
    def told(drawn: list[int], m: int, n: int) -> str:
        """Starts 0 to m - 1 of a text of n ids: known shares within 5 standard deviations."""
        known = {
            "equally often": [1] * m,
            "the last one most": [1] * (m - 1) + [n - m + 1],
            "the first ones more": [n // m + (i < n % m) for i in range(m)],
        }
        for name, weights in known.items():
            means = [len(drawn) * w / sum(weights) for w in weights]
            variances = [a * (1 - w / sum(weights)) for a, w in zip(means, weights, strict=True)]
            both = zip(means, variances, strict=True)
            if all((drawn.count(i) - a) ** 2 < 25 * v for i, (a, v) in enumerate(both)):
                return name
        shares = [f"{drawn.count(i) / len(drawn):.0%}" for i in range(m)]
        return "starts 0, 1, … in " + ", ".join(shares) + " of all draws"


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


def start_kept_rounded(ids, val_fraction=0.1):
    tokens = torch.as_tensor(ids)
    b = int(len(tokens) * val_fraction)
    return tokens[b:], tokens[:b]


def second_forgotten(ids, val_fraction=0.1):
    return right_split(ids, val_fraction)[0]


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


def rounded_to_nearest(ids, val_fraction=0.1):
    tokens = torch.as_tensor(ids)
    return tokens.tensor_split([round(len(tokens) * (1 - val_fraction))])


def as_decimals(ids, val_fraction=0.1):
    return right_split(torch.as_tensor(ids).double(), val_fraction)


def list_as_decimals(ids, val_fraction=0.1):
    tokens = [float(i) for i in ids] if isinstance(ids, list) else ids
    return right_split(tokens, val_fraction)


def left_a_list(ids, val_fraction=0.1):
    a = int(len(ids) * (1 - val_fraction))
    return ids[:a], ids[a:]


def last_by_count(ids, val_fraction=0.1):
    tokens = torch.as_tensor(ids)
    n = len(tokens)
    return tokens[: int(n * (1 - val_fraction))], tokens[n - int(n * val_fraction) :]


def use_split(answer, ids, val_fraction=None):
    """The two parts; of mixed ids, that they are: which went where is chance; so of decimals."""
    parts = answer(ids) if val_fraction is None else answer(ids, val_fraction)
    pair = isinstance(parts, (tuple, list)) and len(parts) == 2
    flat = isinstance(parts, list) and all(isinstance(part, int) for part in parts)
    if isinstance(parts, torch.Tensor) or flat:
        return ("one part", "nothing")
    if not pair or not all(isinstance(part, torch.Tensor) for part in parts):
        return parts
    if any(part.is_floating_point() for part in parts):
        return ("decimals", "decimals")
    place = {token: i for i, token in enumerate(torch.as_tensor(ids).tolist())}
    places = [[place.get(token, -1) for token in part.flatten().tolist()] for part in parts]
    cut = all(p == list(range(p[0], p[0] + len(p))) for p in places if p)
    if not cut and sorted(places[0] + places[1]) == list(range(len(ids))):
        return ("mixed", "mixed")
    return tuple(parts)


def split_cases(g: torch.Generator) -> list[tuple]:
    """Parts that don't come out even, nearer to the number above and below; one that does; a list.

    Once the usual fraction is left out.
    """
    n = (41, 44, 47, 48)[int(torch.randint(4, (1,), generator=g))]  # n · 0.7 ends in .6 to .9
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


def hint_rounded(args, got, right):
    return (
        f"your training part has {len(got[0])} ids. The task rounds its size down: "
        f"{len(right[0])}. int() cuts off, round() takes the nearest."
    )


def hint_rounded_up(args, got, right):
    return (
        f"your training part has {len(got[0])} ids; rounded down it has {len(right[0])}. You "
        "rounded the second part down, or the first one up, so the first came out one too long: "
        "round its own size down."
    )


HINT_START_KEPT = (
    "your validation part is the beginning of the text. The model would learn from what comes "
    "after; keep the end for validation."
)


def hint_decimals(args, got, right):
    made = "a list became decimals" if isinstance(args[0], list) else "your parts hold decimals"
    return (
        f"{made} (dtype float). Ids are whole numbers, int64, and look something up only as such: "
        "torch.as_tensor(ids) keeps them whole."
    )


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
            (
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
        Wrong("both rounded down", last_by_count, hint_gap, "The Round Number"),
        Wrong(
            "start kept",
            start_kept,
            HINT_START_KEPT,
            "The Wrong End",
        ),
        Wrong("start kept, rounded down", start_kept_rounded, HINT_START_KEPT, "The Wrong End"),
        Wrong(
            "second part forgotten",
            second_forgotten,
            (
                "your answer gives one part. Two tensors were asked for, the first part and the "
                "rest: return both, with a comma between them."
            ),
            "The Early Leaver",
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
        Wrong("rounded up", rounded_up, hint_rounded_up, "The Round Number"),
        Wrong("rounded to nearest", rounded_to_nearest, hint_rounded, "The Round Number"),
        Wrong("decimals", as_decimals, hint_decimals, "The Wrong Wrapping"),
        Wrong("list as decimals", list_as_decimals, hint_decimals, "The Wrong Wrapping"),
        Wrong(
            "left a list",
            left_a_list,
            (
                "a list went in and two lists came out. Make a tensor of the ids first: "
                "torch.as_tensor(ids)."
            ),
            "The Wrong Wrapping",
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


def clamped(n, T, B, generator):
    return torch.randint(n, size=(B,), generator=generator).clamp(max=n - T - 1)


def wrapped(n, T, B, generator):
    return torch.randint(n, size=(B,), generator=generator) % (n - T)


def each_start_once(n, T, B, generator):
    return torch.randperm(n - T, generator=generator)[:B]


def two_draws(ids, batch_size, context_length, generator=None, device=None):
    x, _ = right_batch(ids, batch_size, context_length, generator, device)
    return x, right_batch(ids, batch_size, context_length, generator, device)[1]


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


def no_column(ids, batch_size, context_length, generator=None, device=None):
    begin = anywhere(len(ids), context_length, batch_size, generator)
    if batch_size not in (1, context_length):
        raise RuntimeError("a row of starts and a row of steps do not fit")
    i = begin + torch.arange(context_length)
    return ids[i].to(device), ids[i + 1].to(device)


def sliced_at_once(ids, batch_size, context_length, generator=None, device=None):
    if batch_size > 1:
        raise TypeError("a slice has one start")
    x, y = right_batch(ids, 1, context_length, generator, device)
    return x[0], y[0]


def single_block(ids, batch_size, context_length, generator=None, device=None):
    return sliced_at_once(ids, 1, context_length, generator, device)


def next_only(ids, batch_size, context_length, generator=None, device=None):
    x, y = right_batch(ids, batch_size, context_length, generator, device)
    return x, y[:, -1]


def next_only_as_column(ids, batch_size, context_length, generator=None, device=None):
    x, y = right_batch(ids, batch_size, context_length, generator, device)
    return x, y[:, -1:]


def plus_one(ids, batch_size, context_length, generator=None, device=None):
    x, _ = right_batch(ids, batch_size, context_length, generator, device)
    return x, x + 1


def places_as_targets(ids, batch_size, context_length, generator=None, device=None):
    rows = torch.arange(len(ids)).unfold(0, context_length + 1, 1)
    rows = rows[torch.randint(0, len(rows), size=(batch_size,), generator=generator)]
    return ids[rows[:, :-1]].to(device), rows[:, 1:].to(device)


def batch_of_decimals(ids, batch_size, context_length, generator=None, device=None):
    x, y = right_batch(ids, batch_size, context_length, generator, device)
    return x.float(), y.float()


def use_batches(answer, ids, batch_size, context_length):
    """What many batches have in common, up to the first thing that no right answer does."""
    n, T, seed = len(ids), context_length, int(ids[0])
    place = {token: i for i, token in enumerate(ids.tolist())}
    device = "device of x and y, asked for the device meta, one without memory"
    right = {
        "shape of x for one row": f"{(1, T)}",
        "shape of y for one row": f"{(1, T)}",
        "shapes of x and y for batch_size rows": f"{(batch_size, T)} and {(batch_size, T)}",
        "what x holds": "tokens of the text",
        "what y holds": "tokens of the text",
        "starts at which y is short": [],
        "each row of x is a stretch of the text": True,
        "how many places y is after x": [1],
        "starts that occur": list(range(n - T)),
        "rows of a larger batch that are a stretch and the one after it": "all",
        "all rows of a batch are the same": False,
        "the same seed gives the same batches": True,
        "how often each start comes, in 5 ids and blocks of 2": "equally often",
        device: "meta and meta",
        "type of x and y": "int64",
    }

    def draw(B, **place_to_go):
        pair = answer(ids, B, T, generator=generator, **place_to_go)
        if pair is None:
            return None
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError("get_batch has to return two tensors, x and y")
        if not all(isinstance(part, torch.Tensor) for part in pair):
            raise TypeError("x and y have to be tensors; torch.stack makes one of a list of them")
        return pair

    def shapes_for_all_rows():
        try:
            return " and ".join(str(tuple(part.shape)) for part in draw(batch_size))
        except (IndexError, RuntimeError, TypeError, ValueError) as stopped:
            return type(stopped).__name__

    def kind(rows):
        every = {token for row in rows for token in row}
        known = "places in the text" if every <= set(range(n)) else "other numbers"
        return "tokens of the text" if every <= place.keys() else known

    pairs, shapes, error = [], set(), None
    generator = torch.Generator().manual_seed(seed)
    for _ in range(160):  # a row at a time, which tells what a bad start does
        try:
            pair = draw(1)
        except NotImplementedError:
            raise
        except (IndexError, RuntimeError) as stopped:
            error = stopped
            continue
        if pair is None:
            return None
        shapes.add(tuple(str(tuple(part.shape)) for part in pair))
        if pair[0].shape == pair[1].shape == (1, T):
            pairs.append([part[0].tolist() for part in pair])
    if pairs:
        xs, ys = zip(*pairs, strict=True)
        if kind(xs) != "tokens of the text" or kind(ys) != "tokens of the text":
            later = all(b == a + 1 for x, y in pairs for a, b in zip(x, y, strict=True))
            is_id = later and kind(xs) == "tokens of the text"
            y_holds = "the ids of x plus one" if is_id else kind(ys)
            return right | {"what x holds": kind(xs), "what y holds": y_holds}
    rows = [[[place[token] for token in part] for part in pair] for pair in pairs]
    stretches = all(x == list(range(x[0], x[0] + T)) for x, _ in rows)
    later = sorted({(b - a) % n for x, y in rows for a, b in zip(x, y, strict=True)})
    starts = sorted({x[0] for x, _ in rows})
    whole = stretches and later == [1]
    if (error or len(shapes) > 1) and whole and starts == list(range(n - T)):
        return right | {"starts at which y is short": [n - T]}
    if error:
        raise error
    if shapes != {(f"{(1, T)}",) * 2}:
        x, y = (" or ".join(sorted(set(each))) for each in zip(*shapes, strict=True))
        many = {"shapes of x and y for batch_size rows": shapes_for_all_rows()}
        return right | {"shape of x for one row": x, "shape of y for one row": y} | many
    if not whole:
        rolled = all(y == x[1:] + x[:1] for x, y in rows)
        two = len(later) > 1 and all(y == list(range(y[0], y[0] + T)) for _, y in rows)
        later = "another number in each row" if stretches and two else later
        later = "-1" if later == [n - 1] else "x rolled" if rolled else later
        stretch = {"each row of x is a stretch of the text": stretches}
        return right | stretch | {"how many places y is after x": later}
    if len(starts) == 1 or starts != list(range(n - T)):
        seen = starts if len(starts) > 1 else "always the same one"
        return right | {"starts that occur": seen}
    if (found := shapes_for_all_rows()) != right["shapes of x and y for batch_size rows"]:
        return right | {"shapes of x and y for batch_size rows": found}
    runs = []
    for _ in range(2):
        generator.manual_seed(seed)
        runs.append([draw(batch_size) for _ in range(16)])
    for x, y in runs[0]:
        for row, after in zip(x.tolist(), y.tolist(), strict=True):
            a, b = ([place.get(token, -1) for token in part] for part in (row, after))
            if a != list(range(a[0], a[0] + T)) or b != [i + 1 for i in a]:
                key = "rows of a larger batch that are a stretch and the one after it"
                return right | {key: "not all"}
    if all(torch.equal(x, x[:1].expand(batch_size, T)) for x, _ in runs[0]):
        return right | {"all rows of a batch are the same": True}
    if not all(torch.equal(a[0], b[0]) for a, b in zip(*runs, strict=True)):
        return right | {"the same seed gives the same batches": False}
    few, drawn = ids[:5], []
    for _ in range(30):
        x, _ = answer(few, 100, 2, generator=generator)
        drawn += [place[token] for token in x[:, 0].tolist()]
    if (often := Tally.told(drawn, 3, 5)) != "equally often":
        return right | {"how often each start comes, in 5 ids and blocks of 2": often}
    answer(ids, batch_size, T)  # without a generator, without a device
    try:
        moved = " and ".join(part.device.type for part in draw(2, device="meta"))
    except Exception as stopped:  # a NotImplementedError too, which says otherwise "not written"
        text = f"asked for the device meta, one without memory: {stopped}"
        raise RuntimeError(text).with_traceback(stopped.__traceback__) from None
    kinds = {str(part.dtype).removeprefix("torch.") for pair in runs[0] for part in pair}
    return right | {device: moved, "type of x and y": " and ".join(sorted(kinds))}


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


HINT_BACKWARDS = "y[t] is what came before x[t]. You shifted the wrong way."


def hint_row_of_starts(args, got, right):
    T = args[2]
    return (
        f"x has shape ({T},), it should be (1, {T}): make the starts a column, starts[:, None]. "
        "A row of starts plus a row of steps is no table."
    )


def hint_slice(args, got, right):
    B, T = args[1:]
    return (
        f"one row comes out as ({T},), and {B} rows stop your answer with TypeError. A slice takes "
        "one start: cut row by row and torch.stack them, or look up a table of places."
    )


def hint_one_block(args, got, right):
    return (
        f"your answer gives one block, of shape ({args[2]},), for any batch_size. Draw batch_size "
        "starts, and make each block a row."
    )


def hint_one_answer(args, got, right):
    return (
        f"y has one answer a row; it needs T, here {args[2]}. The model answers at every position: "
        "each token of x has the one after it in y."
    )


HINT_ID_PLUS_ONE = (
    "y is the id plus one, not the token one place later. Ids are names: add 1 to the place, "
    "and look up what stands there."
)


HINT_ROLLED = (
    "the last entry of each y is the first token of x. roll brings back in front what falls "
    "out at the end; take y from the text: ids[i+1 : i+T+1]."
)


HINT_CLAMPED = (
    "the last start comes much more often than each of the others: a limit set afterwards, as "
    "by clamp or min, piles up there what was too large. Draw from the possible starts only."
)


HINT_WRAPPED = (
    "the first starts come more often than the last ones: the remainder % brings what was too "
    "large back to the front. Draw from the possible starts only."
)


def hint_each_once(args, got, right):
    rows = len(args[0]) - args[2]
    return (
        f"batch_size {args[1]} gives {rows} rows: you draw each of the {rows} starts once. A start "
        "may be drawn twice, and there may be more rows than starts."
    )


HINT_UNSEEDED = (
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
            (
                "y equals x. A model can copy and learn nothing; take y one position later: "
                "ids[i+1 : i+T+1]."
            ),
            "The Echo",
        ),
        Wrong("shifted backwards", blocks(anywhere, 1, 0), HINT_BACKWARDS, "The Wrong End"),
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
            ("y[t] is two places after x[t]. You shifted twice: once is enough."),
            "The Fence Post",
        ),
        Wrong("rolled", rolled, HINT_ROLLED, "The Merry-Go-Round"),
        Wrong(
            "places returned",
            places_returned,
            (
                "x and y hold places in the text, 0 to n - 1, not tokens. Look them up: "
                "ids[positions]."
            ),
            "The Catalogue",
        ),
        Wrong(
            "y is places",
            places_as_targets,
            (
                "x holds tokens, and y holds places in the text, 0 to n - 1. Look the places up: "
                "ids[…]."
            ),
            "The Catalogue",
        ),
        Wrong("id plus one", plus_one, HINT_ID_PLUS_ONE, "The Catalogue"),
        Wrong("row of starts", no_column, hint_row_of_starts, "The Sideways Row"),
        Wrong("slice of many starts", sliced_at_once, hint_slice, "The Sideways Row"),
        Wrong("one block", single_block, hint_one_block, "The Groundhog"),
        Wrong("one answer a row", next_only, hint_one_answer, "The Early Leaver"),
        Wrong("column of answers", next_only_as_column, hint_one_answer, "The Early Leaver"),
        Wrong(
            "decimals",
            batch_of_decimals,
            (
                "x and y hold decimals (dtype float); ids are whole numbers. A tensor made by "
                "torch.zeros or torch.empty holds ids with dtype=torch.long only."
            ),
            "The Wrong Wrapping",
        ),
        Wrong(
            "one start for all",
            blocks(one_start_for_all),
            lambda args, got, right: (
                f"all {args[1]} rows of a batch are the same. Draw one start for each row."
            ),
            "The Groundhog",
        ),
        Wrong("clamped", blocks(clamped), HINT_CLAMPED, "The Loaded Die"),
        Wrong("remainder", blocks(wrapped), HINT_WRAPPED, "The Loaded Die"),
        Wrong("each start once", blocks(each_start_once), hint_each_once, "The Early Leaver"),
        Wrong(
            "two draws",
            two_draws,
            ("y belongs to another start than x: draw once, and use the starts for both."),
            "The Loaded Die",
        ),
        Wrong(
            "same batch every time",
            blocks(own_seed),
            (
                "one batch after the other was the same. Draw from the generator you are given, "
                "without seeding it again."
            ),
            "The Groundhog",
        ),
        Wrong(
            "generator unused",
            blocks(anywhere, seeded=False),
            HINT_UNSEEDED,
            "The Forgetter",
        ),
        Wrong(
            "device unused",
            on_the_cpu,
            (
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


@dataclass(frozen=True)
class Windows:
    """The numbers of 2.3: the sizes of two texts, a window's length, and how far apart they start.

    The second text has one id more than the first, and with it one window more.
    """

    texts: tuple[int, int] = (20, 21)
    length: int = 5
    stride: int = 3

    def count(self, need: int, stride: int = 0, add: int = 0) -> tuple[int, ...]:
        """For each text, windows that take up `need` ids each, by sliding one over it."""
        steps = stride or self.stride
        return tuple(sum(i + need <= n for i in range(0, n, steps)) + add for n in self.texts)


def draw_windows(dice: Dice) -> Windows | None:
    length, stride, steps = dice.whole(4, 9), dice.whole(2, 6), dice.whole(3, 6)
    second = length + 1 + steps * stride
    return Windows((second - 1, second), length, stride) if length != stride else None


def windows_texts(n: Windows) -> tuple[str, ...]:
    first, second = n.texts
    return (
        f"windows of T = {n.length}. Each window needs, beside its {n.length} ids",
        f"each next one starts S = {n.stride} ids further on",
        f"a text of n = {first} ids, and how many in one of n = {second}?",
        f"first the number for {first}.",
    )


def read_pair(typed: object) -> tuple[int, ...]:
    """Two whole numbers: (7, 8), [7, 8], "7, 8" or a tensor of two."""
    many = typed.strip("()[] ").split(",") if isinstance(typed, str) else typed
    many = many.tolist() if isinstance(many, torch.Tensor) else many
    if not isinstance(many, (tuple, list)) or len(many) != 2:
        text = "type two whole numbers, one for each text, such as (7, 8)"
        raise ValueError(f"{text}, not {typed!r}.")
    return tuple(read_whole(each) for each in many)


def windows_part(n: Windows) -> Part:
    need, only = n.length + 1, f"Only every {ORDINALS[n.stride]} start is used."
    steps = n.count(need, add=-1)
    known = (
        (
            "no id for the target",
            n.count(n.length),
            "{} forgets that the last window needs one more id for its target.",
            "The Fence Post",
        ),
        (
            "length as stride",
            n.count(need, n.length),
            "{} uses the length as the stride, windows end to end. Windows start every S ids, "
            "however long they are.",
            "The Wrong End",
        ),
        (
            "every start",
            n.count(need, 1),
            f"{{}} counts every start. {only}",
            "The Forgetter",
        ),
        (
            "first not counted",
            steps,
            "{} is the number of steps from the first window to the last. The first one counts "
            "too.",
            "The Fence Post",
        ),
        (
            "two that cancel out",
            n.count(n.length, add=-1),
            "{} is what (n - T) // S gives. It leaves out the first window, and it forgets the id "
            "of the last target; in one of the two texts they cancel out.",
            "The Fence Post",
        ),
        (
            "windows over the end",
            n.count(1),
            f"{{}} counts every {ORDINALS[n.stride]} place of the text. A window that starts near "
            "the end runs out of ids: it needs T of them and one more.",
            "The Trespasser",
        ),
        (
            "every start without target",
            n.count(n.length, 1),
            f"{{}} counts every start, and forgets the id that the last target needs. {only}",
            "The Forgetter",
        ),
        (
            "last possible start",
            tuple(size - need for size in n.texts),
            "{} is n - T - 1, the last place at which a window could start. Count the starts 0, S, "
            "2S and so on that are not beyond it.",
            "The Catalogue",
        ),
        (
            "last start",
            tuple(n.stride * step for step in steps),
            "{} is where the last window starts. The question is how many there are.",
            "The Catalogue",
        ),
    )
    wrong = (
        Wrong(name, typed(value), text.format(value), card) for name, value, text, card in known
    )
    return Part("windows", typed(n.count(need)), tuple(wrong), read=read_pair)


def how_many_windows(n: Windows) -> Exercise:
    return Exercise(
        "2.3",
        "How many windows?",
        (windows_part(n),),
        hints=(
            "Write down the starts, 0, S, 2S and so on, until one of them is too late.",
            "A window takes up T + 1 places of the text, the last one for its last target. "
            "Which is the last start that leaves so many?",
            "Count the first window, then the steps of S that fit between start 0 and the "
            "last possible start, n - T - 1.",
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
    try:
        named = {read_whole(each) for each in many}
    except ValueError:
        text = f"type a list of line numbers, such as [1, 4], not {typed!r}."
        raise ValueError(text) from None
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


def mended_with(
    shift=1,
    early=0,
    to_y=None,
    seeded=True,
    more_starts=0,
    source="part",
    bend="",
    both_early=False,
):
    """Answers to the second half: targets `shift` later, validation `early` ids before the cut.

    early: "T" and "-T" stand for the length of a row; more_starts: how many starts are added;
    source: where tokens are looked up, and the starts end, "part" or "all"; "end" to look up only;
    both_early: training ends as early; bend: "clamp" or "%" after a draw from all of the part.
    """

    def answer(ids, B, T, generator):
        where = len(ids) * 9 // 10 - (T if both_early else 0)
        part, rest = ids[:where], ids[where - {"T": T, "-T": -T}.get(early, early) :]
        drawn_from = len(ids) if source == "all" else where
        limit = drawn_from - T + more_starts
        high = drawn_from if bend else limit
        starts = torch.randint(0, high, (B,), generator=generator if seeded else None)
        starts = starts.clamp(max=limit - 1) if bend == "clamp" else starts % limit
        i, book = starts[:, None] + torch.arange(T), part if source == "part" else ids
        x = book[i + 1] if shift < 0 else book[i]
        y = book[i] if shift < 0 else book[i + shift]
        return part, rest, x, {"roll": x.roll(-1, 1), "plus": x + 1}.get(to_y, y)

    return answer


def right_mended(ids, B, T, generator):
    part, rest = right_split(ids, 0.1)
    return (part, rest, *right_batch(part, B, T, generator))


def use_mended(answer, ids, B, T):
    """What the parts share or lack, how y stands to x, and which starts occur."""
    place = {token: i for i, token in enumerate(ids.tolist())}
    generator = torch.Generator().manual_seed(int(ids[0]))
    cut = len(ids) * 9 // 10
    right = {
        "shape of x": f"{(B, T)}",
        "shape of y": f"{(B, T)}",
        "how y stands to x": "one later",
        "each row of x is one stretch": True,
        "ids in both parts": 0,
        "ids in neither part": 0,
        "each id stands once in its part": True,
        "size of the training part": cut,
        "ids of x or y that are not in the training part": 0,
        "starts without a last target": [],
        "starts that occur": list(range(cut - T)),
        "the same seed gives the same batch": True,
        "how often each start comes, in 14 ids and T = 4": "equally often",
    }
    pairs, parts, error = [], None, None
    for count in 40 * [1] + 24 * [B]:  # a row at a time, which tells what a bad start does
        try:
            result = answer(ids, count, T, generator)
        except NotImplementedError:
            raise
        except (IndexError, RuntimeError) as stopped:
            error = stopped
            continue
        if result is None:
            return None
        if not isinstance(result, (tuple, list)) or len(result) != 4:
            raise TypeError("mended has to return four things: train, val, x and y")
        if not all(isinstance(each, torch.Tensor) for each in result):
            raise TypeError("train, val, x and y have to be tensors")
        *parts, x, y = result
        if not x.shape == y.shape == (count, T):
            shapes = [str(tuple(each.shape)).replace(f"({count},", f"({B},") for each in (x, y)]
            return right | dict(zip(("shape of x", "shape of y"), shapes, strict=True))
        pairs += zip(x.tolist(), y.tolist(), strict=True)
    if not pairs:
        raise error
    rows = [[[place.get(token, -1) for token in part] for part in pair] for pair in pairs]
    shifts = {b - a for x, y in rows for a, b in zip(x, y, strict=True)}
    named = {0: "the same", -1: "one before", 1: "one later"}
    k = min(shifts)
    stands = named.get(k, f"{k} later") if len(shifts) == 1 else "not always so many places later"
    if all(b == a + 1 for x, y in pairs for a, b in zip(x, y, strict=True)):
        stands = "the ids of x plus one"
    if all(y == x[1:] + x[:1] for x, y in rows):
        stands = "x rolled"
    train, val = (part.tolist() for part in parts)
    starts = sorted({x[0] for x, _ in rows})
    whole = stands == "one later" and starts == list(range(len(train) - T))
    if error and not whole:
        raise error
    seeds = [answer(ids, B, T, generator.manual_seed(0))[2] for _ in range(2)] if not error else []
    used = {token for pair in pairs for part in pair for token in part}
    both, either = set(train) & set(val), set(train) | set(val)
    found = right | {
        "how y stands to x": stands,
        "each row of x is one stretch": all(x == [*range(x[0], x[0] + T)] for x, _ in rows),
        "ids in both parts": len(both),
        "ids in neither part": len(ids) - len(either),
        "each id stands once in its part": len(train) + len(val) - len(both) == len(either),
        "size of the training part": len(train),
        "ids of x or y that are not in the training part": len(used & place.keys() - set(train)),
        "starts without a last target": [len(train) - T] if error else [],
        "starts that occur": starts if stands == "one later" else right["starts that occur"],
        "the same seed gives the same batch": error is not None or torch.equal(*seeds),
    }
    if found != right:
        return found
    drawn = []
    for _ in range(40):  # 12 of the 14 ids are for training, with 8 starts
        x = answer(ids[:14], 100, 4, generator)[2]
        drawn += [place[token] for token in x[:, 0].tolist()]
    often = Tally.told(drawn, 8, 12)
    return right | {"how often each start comes, in 14 ids and T = 4": often}


def mended_cases(g: torch.Generator) -> list[tuple]:
    """Short texts, so that each start is drawn; 9/10 is never whole; T above and below the rest."""
    return [(some_ids(g, 27), 6, 11), (some_ids(g, 44), 20, 3)]


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


def hint_lost(args, got, right):
    count = got["ids in neither part"]
    ids = "1 id is" if count == 1 else f"{count} ids are"
    return (
        f"{ids} in neither part. Nothing leaks, but the second part starts where the first ends, "
        "at the same number."
    )


def hint_both_early(args, got, right):
    size, whole = (each["size of the training part"] for each in (got, right))
    return (
        f"your training part has {size} ids, not {whole}: train must be the first nine tenths. "
        "Where it ends was right; it is validation that began too early."
    )


LAST_OF_TRAIN = "The last start is len(train) - T - 1."


def hint_no_last_target(args, got, right):
    (start,) = got["starts without a last target"]
    return f"start {start} has no last target: train ends before it. {LAST_OF_TRAIN}"


def hint_first_of_validation(args, got, right):
    start = got["starts that occur"][-1]
    return (
        f"start {start} makes the first id of validation a training target. {LAST_OF_TRAIN} Look "
        "x and y up in train."
    )


def hint_train_on_validation(args, got, right):
    count = got["ids of x or y that are not in the training part"]
    return (
        f"your batches hold {count} ids of validation: the model learns from what it is scored on. "
        "Draw the starts from train, and look x and y up there."
    )


def hint_last_of_train(args, got, right):
    start = right["starts that occur"][-1]
    return (
        f"start {start} never occurs, and the last token of train is never asked for. The upper "
        "limit of torch.randint is not drawn itself: len(train) - T is right."
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
        Wrong("backwards", mended_with(-1, 0), HINT_BACKWARDS, "The Wrong End"),
        Wrong("rolled", mended_with(to_y="roll"), HINT_ROLLED, "The Merry-Go-Round"),
        Wrong("id plus one", mended_with(to_y="plus"), HINT_ID_PLUS_ONE, "The Catalogue"),
        Wrong("generator unused", mended_with(seeded=False), HINT_UNSEEDED, "The Forgetter"),
        Wrong("one id lost", mended_with(1, -1), hint_lost, "The Fence Post"),
        Wrong("T ids lost", mended_with(1, "-T"), hint_lost, "The Wrong End"),
        Wrong("both cut early", mended_with(both_early=True), hint_both_early, "The Red Herring"),
        Wrong("clamped", mended_with(bend="clamp"), HINT_CLAMPED, "The Loaded Die"),
        Wrong("remainder", mended_with(bend="%"), HINT_WRAPPED, "The Loaded Die"),
        Wrong("one id in both", mended_with(1, 1), hint_still_overlaps, "The Fence Post"),
        Wrong(
            "one start too many",
            mended_with(more_starts=1),
            hint_no_last_target,
            "The Fence Post",
        ),
        Wrong(
            "first of validation as target",
            mended_with(more_starts=1, source="end"),
            hint_first_of_validation,
            "The Eavesdropper",
        ),
        Wrong(
            "drawn from all",
            mended_with(source="all"),
            hint_train_on_validation,
            "The Eavesdropper",
        ),
        Wrong(
            "last start missing",
            mended_with(more_starts=-1),
            hint_last_of_train,
            "The Fence Post",
        ),
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


def in_small_letters(text, a):
    return text.lower()


def vocabulary_in_small_letters(text):
    size, _, rarest, a = right_report(text)
    return size, len(set(text.lower())), rarest, a


def sorts_first(text):
    size, vocabulary, _, a = right_report(text)
    return size, vocabulary, min(text), a


def use_report(answer, text):
    """The four figures, where a tie is decided otherwise than asked, that, not how.

    Other letters in place of the tied ones show it of an order that is chance, as that of a set.
    """
    counts = Counter(text)
    tied = sorted(c for c, k in counts.items() if k == min(counts.values()))
    given = answer(text)
    if not isinstance(given, (tuple, list)) or len(given) != 4 or len(tied) == 1:
        return given
    is_first = given[2] not in tied[1:]
    for i in range(15) if given[2] == tied[0] else ():
        others = [chr(0x4E00 + 40 * i + k) for k in range(len(tied))]
        again = answer(text.translate(str.maketrans(dict(zip(tied, others, strict=True)))))
        is_first = is_first and again[2] not in others[1:]
    return given if is_first else (*given[:2], "one of the rarest, not the first", given[3])


def report_cases(g: torch.Generator) -> list[tuple]:
    """Characters of several bytes; ties; capitals; some that only the validation part has."""

    def letters(k, among):
        return "".join(among[i] for i in torch.randint(len(among), (k,), generator=g).tolist())

    extra = torch.randint(3, (3,), generator=g).tolist()  # 90% of none is a whole number
    end = "éé🙂🙂" + letters(4, "aeş ")
    ties = "x" + letters(40, "aeş   ") + "Bb" + letters(20, "aeş ") + "zy" + "aeş " * 6
    ties += " " * (91 + extra[0] - len(ties) - len(end)) + end
    stranger = letters(50, "न\nा") + "qq" + "न\nा" * 8
    stranger += "\n" * (101 + extra[1] - len(stranger) - 5) + "न%न\nा"
    known = letters(70, "αβγ ") + "αβγ " * 5 + "ω"
    known += "γ" * (121 + extra[2] - len(known) - 3) + "βωα"
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


def hint_small_letters(args, got, right):
    text = args[0]
    pair = next(c for c in sorted(set(text)) if c.lower() != c and c.lower() in text)
    return (
        f"your vocabulary has {got[1]} characters, not {right[1]}: it takes {pair!r} and "
        f"{pair.lower()!r} for one. Count the text as it is, without lower()."
    )


def hint_most_common(args, got, right):
    most, least = (Counter(args[0])[figures[2]] for figures in (got, right))
    return (
        f"{got[2]!r} is the most common, with a count of {most}. Take the smallest count, {least}: "
        f"{right[2]!r}."
    )


def hint_tie(args, got, right):
    counts = Counter(args[0])
    tied = [repr(c) for c in sorted(counts) if counts[c] == min(counts.values())]
    return (
        f"{', '.join(tied)} are equally rare. The task wants the one that sorts first, so that "
        "everybody gets the same."
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
    drive=use_report,
    wrong=(
        Wrong(
            "vocabulary of training", reported(seen=training_part), hint_stranger, "The Newcomer"
        ),
        Wrong(
            "vocabulary of training, rarest of all",
            reported(seen=training_part, rare=least),
            hint_stranger,
            "The Newcomer",
        ),
        Wrong(
            "bytes counted",
            reported(size=lambda text: len(text.encode())),
            hint_bytes,
            "The Other Unit",
        ),
        Wrong("small letters", reported(seen=in_small_letters), hint_small_letters, "The Leveller"),
        Wrong(
            "vocabulary in small letters",
            vocabulary_in_small_letters,
            hint_small_letters,
            "The Leveller",
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
            "sorts first",
            sorts_first,
            lambda args, got, right: (
                f"{got[2]!r} sorts first of all characters and stands there "
                f"{args[0].count(got[2])} times. Compare how often each occurs; the order decides "
                "only between equals."
            ),
            "The Forgetter",
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
            "The Round Number",
        ),
    ),
)

PREDICTIONS = {
    "2.p1": Prediction("d", choices="abcd"),
    "2.p2": Prediction(1),
    "2.p3": Prediction((6, 7)),
    "2.p4": Prediction("c", choices="abc"),
}

VARIANTS = {"2.3": Varied(Windows(), draw_windows, how_many_windows, windows_texts)}
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
        how_many_windows(Windows()),
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
