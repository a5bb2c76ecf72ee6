"""Chapter 05, baselines: the right answers, the known wrong ones, and the help."""

import contextlib
import functools
import math
from dataclasses import dataclass

import torch
from torch import nn

from course.checks.engine import Exercise, Part, Prediction, Wrong
from course.checks.typed import Seen, read_choice, read_number, typed
from course.checks.variants import WORDS, Dice, Varied, is_clear
from course.corpora import Corpus, load_corpus
from minigpt_lib.data import train_val_split
from minigpt_lib.tokenizer import CharTokenizer

PREDICTIONS = {
    "5.p1": Prediction("a", choices="abc"),  # a loaded die is less unsure than a fair one
    "5.p2": Prediction("b", choices="abc"),  # softmax first: inf, and nan goes back
    "5.p3": Prediction("b", choices="abc"),  # the trained bigram ends where the counted one is
    "5.p4": Prediction("c", choices="abc"),  # training and validation drift apart
    "5.p5": Prediction("b", choices="abc"),  # an average of the past helps a little
}
CARDS = {
    "The Detour": "On the way to a logarithm a probability is made, and small ones sink to 0 while "
    "large powers burst. On paper it is the same way. Stay with logarithms: log-sum-exp.",
    "The Long Bill": "A sum, or a whole list, where one average was asked for: it grows with the "
    "length of the text. Divide by the number of things that were added.",
    "The Impossible": "What never occurred is called impossible, and when it comes its surprise is "
    "infinite. Leave every token a small share.",
    "The Headcount": "The shares do not add up to 1, because they were divided by something else "
    "than their own sum. Add up one row and look.",
    "The Home Crowd": "It asks those who cheer anyway: a model is scored on the text it learned "
    "from. Keep back a part that it never sees, and score it there.",
    "The Lucky Draw": "One batch is a draw, and the next one says something else. Score all there "
    "is, or say how far the draws lie apart.",
    "The Blindfold": "Eyes were built and nothing they see arrives. Change an earlier token: if no "
    "output moves, look for where the way from the head to the logits is cut.",
    "The Unequal Race": "Two are compared, and they did not run the same course. Score the same "
    "places under the same conditions, or say who was handicapped.",
}


def normal(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator)


def whole(generator: torch.Generator, high: int, *shape: int) -> torch.Tensor:
    return torch.randint(high, shape, generator=generator)


# 5.1 Cross-entropy from scratch


def of_target(table, targets):
    """The entry of each target: (..., V), (...) -> (...)."""
    return table.take_along_dim(targets[..., None], dim=-1)[..., 0]


def surprises(logits, targets):
    return -of_target(logits.double().log_softmax(-1), targets)


def right_cross_entropy(logits, targets):
    return surprises(logits, targets).mean()


def by_softmax(logits, targets):
    return -of_target(logits.softmax(-1), targets).log().mean()


def by_exponentials(logits, targets):
    e = logits.exp()
    return -of_target(e / e.sum(-1, keepdim=True), targets).log().mean()


def by_log_of_sum(logits, targets):
    return (logits.exp().sum(-1).log() - of_target(logits, targets)).mean()


def one_maximum(logits, targets):
    top = logits.max()
    return ((logits - top).exp().sum(-1).log() + top - of_target(logits, targets)).mean()


def maximum_kept_out(logits, targets):
    top = logits.amax(-1, keepdim=True)
    return ((logits - top).exp().sum(-1).log() - of_target(logits, targets)).mean()


def summed(logits, targets):
    return surprises(logits, targets).sum()


def by_first_axis(logits, targets):
    return surprises(logits, targets).sum() / logits.shape[0]


def by_length(logits, targets):
    return surprises(logits, targets).sum() / len(targets)


def left_apart(logits, targets):
    return surprises(logits, targets)


def over(dim):
    """Normalised along another axis."""

    def answer(logits, targets):
        return -of_target(logits.double().log_softmax(dim), targets).mean()

    return answer


def of_row_zero(logits, targets):
    return -surprises(logits, targets).mean()


def in_bits(logits, targets):
    return surprises(logits, targets).mean() / math.log(2)


def averaged_first(logits, targets):
    return -(-surprises(logits, targets).float()).exp().mean().log()


def no_total(logits, targets):
    return -of_target(logits.double(), targets).mean()


def all_with_all(logits, targets):
    return -logits.double().log_softmax(-1)[..., targets].mean()


def zeros_counted(logits, targets):
    return surprises(logits, targets).mean() / logits.shape[-1]


def softmax_twice(logits, targets):
    return right_cross_entropy(logits.softmax(-1), targets)


def expected(logits, targets):
    log = logits.double().log_softmax(-1)
    return -(log.exp() * log).sum(-1).mean()


def probability(logits, targets):
    return (-surprises(logits, targets)).exp().mean()


def axis_left(logits, targets):
    """Right for (N, V), where every total meets every logit once; stops at more axes."""
    return (logits.logsumexp(-1) - logits.take_along_dim(targets[..., None], -1)).mean()


def squared(logits, targets):
    p = logits.double().softmax(-1)
    one = torch.zeros_like(p).scatter(-1, targets[..., None], 1.0)
    return ((p - one) ** 2).sum(-1).mean()


def loss_cases(g: torch.Generator) -> list[tuple]:
    """B, T and V all different; then one target alone, and logits around ±200."""
    high = torch.tensor([[200.0, 0.0, -3.0], [-200.0, -199.0, -201.0]])
    return [
        (2 * normal(g, 5, 7), whole(g, 7, 5)),
        (2 * normal(g, 2, 3, 9), whole(g, 9, 2, 3)),
        (normal(g, 6), whole(g, 6)),
        (torch.tensor([[0.0, -200.0, 1.0]]), torch.tensor([1])),
        (high, torch.tensor([0, 1])),
        (normal(g, 4, 2, 3, 5), whole(g, 5, 4, 2, 3)),
    ]


def is_large(case: tuple) -> bool:
    return bool(case[0].abs().max() > 100)


def clue_large(wrong_cases: list[tuple]) -> str:
    if wrong_cases and all(map(is_large, wrong_cases)):
        return (
            "It goes wrong at logits around ±200 alone. An ε under the logarithm, or a clamp, only "
            "puts another number in the place of infinity: subtract the largest logit instead."
        )
    return ""


def hint_sum(args, got, right):
    N = args[1].numel()
    return f"{got:.4g} is the sum over {N} positions. Take the mean."


def hint_first_axis(args, got, right):
    return (
        f"right for targets (N,), not for {tuple(args[1].shape)}: you divided the sum by the first "
        f"size, {args[0].shape[0]}, and there are {args[1].numel()} positions. .mean() counts them."
    )


def hint_front(args, got, right):
    return (
        f"right for logits (N, V), not for {tuple(args[0].shape)}, where dim=1 is not the "
        "vocabulary. Count from the end: dim=-1."
    )


def hint_apart(args, got, right):
    return (
        f"you return the surprise of each position, shape {tuple(got.shape)}. One number was asked "
        "for: their mean."
    )


def hint_zeros(args, got, right):
    V = args[0].shape[-1]
    return (
        f"{V} times too small: your mean also counts the V − 1 = {V - 1} zeros in each one-hot "
        "row. Add up over the vocabulary first, then take the mean over positions."
    )


def hint_axis_left(args, got, right):
    text = getattr(got, "text", "")
    if "must match the size" not in text:
        return f"it stops at logits {tuple(args[0].shape)}: {text}"
    return (
        f"right for targets (N,), and it stops at {tuple(args[1].shape)}: what gather gives there "
        "still has the axis of size 1, and the total has not. Take it away: squeeze(-1)."
    )


OVER_POSITIONS = (
    "you normalised over positions. Each position has its own distribution over the vocabulary: "
    "the last dimension."
)
CROSS_ENTROPY = Part(
    "cross_entropy",
    right_cross_entropy,
    cases=loss_cases,
    clue=clue_large,
    wrong=(
        Wrong(
            "softmax, then log",
            by_softmax,
            (
                "inf at a logit of −200. softmax underflows before the log; subtract the largest "
                "logit and use log-sum-exp."
            ),
            "The Detour",
        ),
        Wrong(
            "powers by hand",
            by_exponentials,
            (
                "nan at a logit of 200: e to the 200 is larger than any 32-bit number, so it is "
                "inf, and inf / inf is nan. Subtract the largest logit of the row before e, and "
                "stay with logarithms."
            ),
            "The Detour",
        ),
        Wrong(
            "sum of powers",
            by_log_of_sum,
            (
                "inf at a logit of 200, because e to the 200 is larger than any 32-bit number. "
                "Subtract the largest logit of each row before e and add it again after the "
                "logarithm; logsumexp does both."
            ),
            "The Detour",
        ),
        Wrong(
            "one maximum for all",
            one_maximum,
            (
                "infinite where one row stands around 200 and another around −200: you subtract "
                "the largest logit of all rows, and in the low row every e to the … sinks to 0. "
                "Each row has its own maximum: amax(dim=-1, keepdim=True)."
            ),
            "The Detour",
        ),
        Wrong(
            "maximum left out",
            maximum_kept_out,
            (
                "you subtracted the largest logit in the sum and not from the target's logit, so "
                "the two do not fit. Add it again after the logarithm."
            ),
            "The Half Move",
        ),
        Wrong("sum", summed, hint_sum, "The Long Bill"),
        Wrong("divided by the first size", by_first_axis, hint_first_axis, "The Long Bill"),
        Wrong("divided by the length", by_length, hint_first_axis, "The Long Bill"),
        Wrong("not averaged", left_apart, hint_apart, "The Long Bill"),
        Wrong("over dim 0", over(0), OVER_POSITIONS, "The Wrong Turn"),
        Wrong("over dim −2", over(-2), OVER_POSITIONS, "The Wrong Turn"),
        Wrong("over dim 1", over(1), hint_front, "The Wrong Turn"),
        Wrong(
            "sign",
            of_row_zero,
            "a surprise is never negative. It is −ln p, so the total minus the target's logit.",
            "The Climber",
        ),
        Wrong(
            "bits",
            in_bits,
            "right in bits. The task asks for nats: the natural logarithm, not divided by ln 2.",
            "The Other Unit",
        ),
        Wrong(
            "average before the logarithm",
            averaged_first,
            (
                "this is the surprise of the average probability. Take each logarithm first, then "
                "the average."
            ),
            "The Average Joe",
        ),
        Wrong(
            "no total",
            no_total,
            (
                "you return the mean of the targets' logits, negated. A logit says nothing alone: "
                "subtract it from the logsumexp of its row."
            ),
            "The Raw Score",
        ),
        Wrong(
            "every target at every position",
            all_with_all,
            (
                "each position is scored on the targets of all positions: logits[..., targets] "
                "takes every column named, in every row. gather takes one entry from each row."
            ),
            "The Crowd",
        ),
        Wrong("zeros counted", zeros_counted, hint_zeros, "The Average Joe"),
        Wrong(
            "softmax twice",
            softmax_twice,
            (
                "your probabilities go through a softmax a second time, which makes them almost "
                "equal. What comes in are logits: one softmax is enough."
            ),
            "The Stutterer",
        ),
        Wrong(
            "expected surprise",
            expected,
            (
                "this is the surprise that the model expects, over all tokens by its own "
                "probabilities. Score the token that came, the target."
            ),
            "The Weather Map",
        ),
        Wrong(
            "probability",
            probability,
            "this is the mean probability of the targets. Take −ln of each first, then the mean.",
            "The Other Unit",
        ),
        Wrong("axis left", axis_left, hint_axis_left, "The Half Move"),
        Wrong(
            "squared error",
            squared,
            (
                "this is a squared distance between probabilities and one-hot targets, another "
                "loss. Asked for is the mean of −ln p of the target."
            ),
            "The Other Unit",
        ),
    ),
)

# 5.2 Counted bigram


def pair_counts(ids, V):
    """How often each token follows each other one: (n,) -> (V, V), current by next."""
    return torch.zeros(V, V).index_put_((ids[:-1], ids[1:]), torch.ones(1), accumulate=True)


def right_table(ids, vocab_size):
    counts = pair_counts(ids, vocab_size) + 1
    return counts / counts.sum(1)[:, None]


def from_pairs(pairs):
    """The table made of other pairs of the text."""

    def answer(ids, vocab_size):
        now, then = pairs(ids)
        counts = torch.ones(vocab_size, vocab_size)
        counts.index_put_((now, then), torch.ones(1), accumulate=True)
        return counts / counts.sum(1)[:, None]

    return answer


def turned_at_the_end(ids, vocab_size):
    return right_table(ids, vocab_size).T


def by_divisor(divided):
    """The counts, with 1 added or not, divided in another way."""

    def answer(ids, vocab_size):
        return divided(pair_counts(ids, vocab_size))

    return answer


def by_columns(counts):
    counts = counts + 1
    return counts / counts.sum(0)


def laid_across(counts):
    counts = counts + 1
    return counts / counts.sum(1)


def one_for_all(counts):
    counts = counts + 1
    return counts / counts.sum()


def one_for_all_above(counts):
    return (counts + 1) / counts.sum()


def added_above(counts):
    return (counts + 1) / counts.sum(1, keepdim=True)


def added_one_below(counts):
    return (counts + 1) / (counts.sum(1, keepdim=True) + 1)


def once_each(counts):
    counts = counts.clamp(max=1) + 1
    return counts / counts.sum(1, keepdim=True)


def filled_where_empty(counts):
    counts = torch.where(counts == 0, 1.0, counts)
    return counts / counts.sum(1, keepdim=True)


def empty_rows_even(counts):
    total = counts.sum(1, keepdim=True)
    return torch.where(total > 0, counts / total, 1 / len(counts))


def as_many_as_met(ids, vocab_size):
    met = torch.bincount(ids[:-1] * vocab_size + ids[1:]).reshape(vocab_size, vocab_size)
    return (met + 1) / (met + 1).sum(1, keepdim=True)


def size_of_text(ids, vocab_size):
    return right_table(ids, int(ids.max()) + 1)


def start_too_late(ids):
    return ids[1:-1], ids[2:]


def table_cases(g: torch.Generator) -> list[tuple]:
    """Tokens that never come, that come last only, that repeat; texts of one and two tokens."""
    some = whole(g, 5, 40)
    doubled = some.repeat_interleave(2)  # a pair of equals at every even place
    return [
        (torch.cat([some, torch.tensor([0, 3, 3, 3, 1, 0, 4, 6])]), 9),
        (torch.cat([doubled, torch.tensor([0, 2, 5])]), 6),
        (torch.tensor([2, 0]), 3),
        (torch.tensor([1]), 2),
    ]


def worst_row(args, got):
    """The row of a table whose sum is farthest from 1, and that sum."""
    sums = got.sum(-1)
    row = int((sums - 1).abs().nan_to_num(0).argmax())
    return row, sums[row].item()


def hint_turned(args, got, right):
    row = args[0][0].item()
    return (
        f"row {row} gives the tokens before {row}, not after. Your counts are transposed: "
        "count[current, next]."
    )


def hint_turned_end(args, got, right):
    return (
        "columns add up to 1: the right table, transposed at the end. Rows are the current token."
    )


def hint_never(args, got, right):
    ids, V = args
    rows, columns = (pair_counts(ids, V) == 0).nonzero(as_tuple=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    x, y = next((p for p in pairs if p[0] in ids[:-1]), (0, 0))
    return (
        f"infinite: the pair ({x}, {y}) never occurs in this text, so its probability is 0 and its "
        "surprise infinite; add 1 to every count."
    )


def hint_rows_over(what):
    def hint(args, got, right):
        row, total = worst_row(args, got)
        return f"row {row} adds up to {total:.3g}, not 1: {what}"

    return hint


def hint_size(args, got, right):
    V = args[1]
    return (
        f"your table has {len(got)} rows and this vocabulary {V} tokens. The text need not hold "
        "them all: take the size from vocab_size."
    )


def hint_met(args, got, right):
    text = getattr(got, "text", "")
    if "is invalid for input of size" not in text:
        return f"it stops with an error: {text}"
    return (
        f"{text}: bincount stops at the largest number it meets. Ask for a place for every pair: "
        "minlength=vocab_size**2."
    )


def hint_counts(args, got, right):
    return (
        f"you return counts: row 0 adds up to {got[0].sum():.4g}. Divide each row by its own sum."
    )


TABLE = Part(
    "bigram_table",
    right_table,
    cases=table_cases,
    wrong=(
        Wrong("transposed", from_pairs(lambda ids: (ids[1:], ids[:-1])), hint_turned, "The Mirror"),
        Wrong("turned at the end", turned_at_the_end, hint_turned_end, "The Mirror"),
        Wrong(
            "nothing added",
            by_divisor(lambda counts: counts / counts.sum(1, keepdim=True)),
            hint_never,
            "The Impossible",
        ),
        Wrong(
            "nothing added, sum at least 1",
            by_divisor(lambda counts: counts / counts.sum(1, keepdim=True).clamp(min=1)),
            hint_never,
            "The Impossible",
        ),
        Wrong(
            "nothing added, empty rows even",
            by_divisor(empty_rows_even),
            hint_never,
            "The Impossible",
        ),
        Wrong(
            "added where empty",
            by_divisor(filled_where_empty),
            (
                "a pair seen once and a pair never seen get the same probability: you put 1 where "
                "the count is 0. Add 1 to every count."
            ),
            "The Leveller",
        ),
        Wrong(
            "by columns",
            by_divisor(by_columns),
            "columns add up to 1. Divide each row by its own sum (keepdim).",
            "The Wrong Turn",
        ),
        Wrong(
            "sums laid across",
            by_divisor(laid_across),
            (
                "neither rows nor columns add up to 1: the sums of the rows have shape (V,) and "
                "are laid along the columns. Keep the axis: sum(dim=1, keepdim=True)."
            ),
            "The Sideways Row",
        ),
        Wrong(
            "one total",
            by_divisor(one_for_all),
            (
                "the whole table adds up to 1. That is how likely a pair is; asked for is what "
                "comes next, given the current token: divide each row by its own sum."
            ),
            "The Headcount",
        ),
        Wrong(
            "one total, 1 added above alone",
            by_divisor(one_for_all_above),
            (
                "every row is divided by one number, the sum of all counts, and that without the "
                "ones. Add 1 first, then divide each row by its own sum: sum(dim=1, keepdim=True)."
            ),
            "The Headcount",
        ),
        Wrong(
            "1 added above alone",
            by_divisor(added_above),
            hint_rows_over(
                "you add 1 to each count and divide by the sum without them. Add first."
            ),
            "The Headcount",
        ),
        Wrong(
            "1 added once below",
            by_divisor(added_one_below),
            hint_rows_over(
                "each of V counts grew by 1, so the sum grew by V, not by 1. Add first."
            ),
            "The Headcount",
        ),
        Wrong("counts", by_divisor(lambda counts: counts + 1), hint_counts, "The Headcount"),
        Wrong("bare counts", by_divisor(lambda counts: counts), hint_counts, "The Headcount"),
        Wrong(
            "each pair once",
            by_divisor(once_each),
            (
                "a pair counts once, however often it comes: counts[a, b] += 1 with tensors writes "
                "each place once. Use bincount, index_put_ with accumulate=True, or a loop."
            ),
            "The Stutterer",
        ),
        Wrong(
            "every second pair",
            from_pairs(lambda ids: (ids[:-1:2], ids[1::2])),
            (
                "you cut the text into pairs, and so miss every second one. Each token but the "
                "last is a current token: ids[:-1] with ids[1:]."
            ),
            "The Stutterer",
        ),
        Wrong(
            "round the end",
            from_pairs(lambda ids: (ids, ids.roll(-1))),
            (
                "one pair too many: the last token is followed by the first. roll and index −1 go "
                "round; n tokens make n − 1 pairs."
            ),
            "The Merry-Go-Round",
        ),
        Wrong(
            "last pair missing",
            from_pairs(lambda ids: (ids[:-2], ids[1:-1])),
            "one pair too few: the last one is missing. n tokens make n − 1 pairs.",
            "The Fence Post",
        ),
        Wrong(
            "first pair missing",
            from_pairs(start_too_late),
            "one pair too few: the first one is missing. n tokens make n − 1 pairs.",
            "The Fence Post",
        ),
        Wrong(
            "pairs of equals",
            from_pairs(lambda ids: (ids[:-1], ids[:-1])),
            "every token seems to follow itself: current and next are the same. Shift by one.",
            "The Echo",
        ),
        Wrong(
            "two apart",
            from_pairs(lambda ids: (ids[:-2], ids[2:])),
            "you pair each token with the one two places later. The next one is ids[1:].",
            "The Fence Post",
        ),
        Wrong(
            "how common",
            lambda ids, V: (torch.bincount(ids, minlength=V) + 1.0).expand(V, V) / (len(ids) + V),
            "all rows are equal: that is how common each token is. Count for each current token.",
            "The Average Joe",
        ),
        Wrong("no minlength", as_many_as_met, hint_met, "The Small Hotel"),
        Wrong("size of the text", size_of_text, hint_size, "The Small Hotel"),
    ),
)

# 5.3 MLP bigram


@functools.lru_cache(maxsize=2)
def held(corpus: Corpus) -> dict:
    """A text as 5.3 and 5.5 need it: its parts, its pairs and what counting reaches on them."""
    tokenizer = CharTokenizer.from_text(corpus.text)
    train, val = train_val_split(tokenizer.encode(corpus.text))
    V = tokenizer.vocab_size
    table = right_table(train, V)
    pairs = {"train": pair_counts(train, V), "val": pair_counts(val, V)}
    own = pairs["val"] / pairs["val"].sum(1, keepdim=True).clamp(min=1)
    # What a table of the one text, and one of the other, scores on each.
    scores = [
        {part: mean_over(pairs[part], -counted.log()) for part in pairs}
        for counted in (table, right_table(val, V))
    ]
    return {
        "name": corpus.name,
        "V": V,
        "val": val,
        "pairs": pairs,
        "table": table,
        "floor": mean_over(pairs["val"], -own.clamp(min=1e-9).log()),
        "counted": scores[0]["val"],
        # By how much a table scores worse on the validation text: nearer to which of the two?
        "gap": sum(score["val"] - score["train"] for score in scores) / 2,
    }


def mean_over(pairs: torch.Tensor, surprise: torch.Tensor) -> float:
    """The mean of a surprise per pair (V, V) over pairs that occur so often."""
    pairs = pairs.double()
    return ((pairs * surprise.double()).sum() / pairs.sum()).item()


@contextlib.contextmanager
def evaluating(model: nn.Module):
    """Inside, no dropout and no gradients; the mode is put back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def logits_of(model: nn.Module, ids: torch.Tensor, V: int) -> torch.Tensor:
    """What a model that was handed in makes of ids (B, T): logits (B, T, V)."""
    shape = tuple(ids.shape)
    try:
        out = model(ids)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"your model stops at ids of shape {shape} with {what}.") from None
    out = out[0] if isinstance(out, tuple) else out
    if not isinstance(out, torch.Tensor) or out.shape != (*shape, V):
        got = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
        raise ValueError(
            f"your model has to give logits of shape {(*shape, V)} for ids of shape {shape}, or a "
            f"tuple that begins with them; it gives {got}."
        )
    return out.double()


def read_report(report: object) -> Seen:
    """What the loss is that was handed in with a model."""
    if isinstance(report, Seen):
        return report
    example = 'hand in the trained model and its loss, check("5.3", (model, loss)).'
    if not isinstance(report, (tuple, list)) or len(report) != 2:
        raise ValueError(example)
    model, loss = report
    if not isinstance(model, nn.Module):
        raise ValueError(f"the first of the two is no model but {type(model).__name__}; {example}")
    try:
        loss = read_number(loss)
    except ValueError:
        raise ValueError(f"the second of the two is no finite number; {example}") from None
    with evaluating(model):
        return report_seen(model, loss, held(load_corpus()))


def report_seen(model: nn.Module, loss: float, text: dict) -> Seen:
    """Compares the loss with what the model really scores, on this text and that."""
    V, pairs = text["V"], text["pairs"]
    blocks = text["val"][: 64 * 32].view(-1, 32)
    log_p = logits_of(model, torch.arange(V)[:, None], V)[:, 0].log_softmax(-1)  # (V, V)
    there = logits_of(model, blocks, V).log_softmax(-1)
    if not torch.allclose(there, log_p[blocks], atol=1e-3):
        return Seen(_what_it_sees(model, blocks, there, V))
    val, train = mean_over(pairs["val"], -log_p), mean_over(pairs["train"], -log_p)
    echo = mean_over(torch.diag(pairs["val"].sum(1)), -log_p)
    x = {"x": loss, "floor": text["floor"], "counted": text["counted"], "val": val}
    near = [
        ("training loss", train),
        ("bits", val / math.log(2)),
        ("perplexity", math.exp(min(val, 50))),
        ("echo", echo),
        ("sum", val * (len(text["val"]) - 1)),
    ]
    if abs(loss - val) < 0.002:
        return _how_trained(val, train, log_p, text, x)
    for what, value in near:
        if abs(loss - value) < 0.002 * max(1, value / 3):
            return Seen(what, x)
    if abs(val + loss) < 0.002:
        return Seen("sign", x)
    if loss < text["floor"] - 0.002:
        return Seen("below the floor", x)
    surprise = -log_p[text["val"][:-1], text["val"][1:]]
    generator = torch.Generator().manual_seed(0)
    batches = surprise[whole(generator, len(surprise), 3, 1024)].mean(1).tolist()
    if abs(loss - val) < 5 * surprise.std().item() / math.sqrt(1024):
        tries = ", ".join(f"{batch:.3f}" for batch in batches)
        return Seen("one batch", x | {"tries": tries})
    raise ValueError(
        f"{loss:.4g} is not what your model scores on the validation text, nor any mistake that "
        'this check knows. hint("5.3") helps.'
    )


def _what_it_sees(model, blocks, there, V) -> str:
    later = blocks.clone()
    later[:, -1] = (later[:, -1] + 1) % V
    moved = logits_of(model, later, V).log_softmax(-1)[:, :-1] - there[:, :-1]
    return "target in the input" if moved.abs().max() > 1e-3 else "past in the input"


def _how_trained(val: float, train: float, log_p: torch.Tensor, text: dict, x: dict) -> Seen:
    """Of a loss that is right: whether the model is a trained one, and trained enough."""
    if (log_p.exp() - text["table"]).abs().max() < 1e-4:
        return Seen("counted table", x)
    if val - train < text["gap"] and val < text["counted"]:
        return Seen("trained on validation", x | {"train": train})
    return Seen("too early" if val > text["counted"] + 0.06 else "validation loss", x)


def figures(text: str):
    """A hint with the figures of what was handed in, as far as they are known."""

    def hint(args, got, right):
        shown = {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in got.figures.items()}
        names = ("x", "floor", "counted", "val", "train", "tries", "bar", "place", "error")
        return text.format(**dict.fromkeys(names, "…") | shown)

    return hint


def seen(what: str, text: str, exhibit: str) -> Wrong:
    return Wrong(what, typed(Seen(what)), figures(text), exhibit)


REPORT = Part(
    "(model, loss)",
    typed(Seen("validation loss")),
    read=read_report,
    wrong=(
        seen(
            "training loss",
            "{x} is the training loss. The question is about text it has not seen.",
            "The Home Crowd",
        ),
        seen(
            "one batch",
            "{x} is what a batch gives, of one text or the other, or a few; three tries of 1,024 "
            "characters of the validation text gave {tries}. Score the whole validation text, "
            "every position once.",
            "The Lucky Draw",
        ),
        seen(
            "below the floor",
            "{x} is below {floor}, the best a table of pairs could do even if counted on this very "
            "text. Your model scores higher here: is the target in the input where you measured?",
            "The Time Traveller",
        ),
        seen(
            "target in the input",
            "your model's output moves when only a later character changes, so it can see its "
            "target. A bigram gets the current character alone.",
            "The Time Traveller",
        ),
        seen(
            "past in the input",
            "your model's output depends on more than the current character, so it is no bigram. "
            "Leave positions and attention to 5.5.",
            "The Shortcut",
        ),
        seen(
            "echo",
            "{x} is what your model scores where the target is the input itself. Targets stand one "
            "later: y from get_batch, or ids[1:].",
            "The Echo",
        ),
        seen(
            "bits",
            "{x} is right in bits. The question asks for nats: leave out the division by ln 2.",
            "The Other Unit",
        ),
        seen(
            "perplexity",
            "{x} is the perplexity, e to the nats. The question asks for the nats.",
            "The Other Unit",
        ),
        seen(
            "sum",
            "{x} is the sum over all positions. Divide by their number.",
            "The Long Bill",
        ),
        seen(
            "sign",
            "{x} is negative, and a surprise never is: −ln p.",
            "The Climber",
        ),
        seen(
            "counted table",
            "your model is the counted table, which scores {counted}. Train a network to find it.",
            "The Shortcut",
        ),
        seen(
            "trained on validation",
            "your model scores {x} on the validation text and {train} on the training text: it has "
            "learned from the text it is scored on. Train on the first part alone.",
            "The Eavesdropper",
        ),
        seen(
            "too early",
            "the loss is measured well, {x}, but counting alone gives {counted}. Train for more "
            "steps, or with a larger learning rate.",
            "The Early Leaver",
        ),
    ),
)

# 5.4 Nats, bits, perplexity


def two_decimals(number: float) -> float:
    """Two decimals tell all known answers apart, so more are not asked for."""
    return math.floor(100 * number + 0.5 + 1e-6) / 100


def read_rounded(value: object) -> float:
    return two_decimals(read_number(value))


def about(number: float):
    return typed(two_decimals(number))


@dataclass(frozen=True)
class Units:
    """The numbers of 5.4: nats of a, bits of b, of c the characters and the nats of a token."""

    nats: float = 1.2
    bits: int = 3
    characters: float = 3.09
    per_token: float = 4.635


def draw_units(dice: Dice) -> Units | None:
    characters, per_character = dice.whole(240, 420) / 100, dice.whole(110, 190, 5) / 100
    nats, bits = dice.whole(7, 24) / 10, dice.pick((3, 5, 6))
    units = Units(nats, bits, characters, round(characters * per_character, 4))
    is_other = nats != Units.nats and per_character != 1.5
    return units if is_other and is_clear(nats / math.log(2), 2) else None


def units_texts(n: Units) -> tuple[str, ...]:
    return (
        f"A model needs {n.nats} nats per character. How many",
        f"Another one needs {n.bits} bits per character",
        f"tokens that hold {n.characters} characters each on average, and needs {n.per_token} nats",
    )


def unit_part(name: str, label: str, right: float, *wrong: tuple) -> Part:
    """A typed part with two decimals; each wrong is its name, value, hint and card."""
    known = tuple(Wrong(title, about(value), text, card) for title, value, text, card in wrong)
    return Part(name, about(right), known, label=label, read=read_rounded)


def bits_part(nats: float) -> Part:
    return unit_part(
        "bits",
        "a",
        nats / math.log(2),
        (
            "log 10",
            nats / math.log(10),
            "you used log 10. Bits are nats divided by ln 2.",
            "The Other Unit",
        ),
        (
            "multiplied",
            nats * math.log(2),
            "you multiplied by ln 2. A bit is smaller than a nat, so there are more: divide.",
            "The Other Unit",
        ),
        (
            "perplexity for bits",
            math.exp(nats),
            "that is e to the nats, the perplexity. Bits are nats divided by ln 2.",
            "The Other Unit",
        ),
    )


def perplexity_part(bits: int) -> Part:
    many = WORDS[bits].capitalize()
    return unit_part(
        "perplexity",
        "b",
        2.0**bits,
        (
            "e to the bits",
            math.exp(bits),
            "e to the power of bits. Either 2 to the bits or e to the nats.",
            "The Other Unit",
        ),
        (
            "2 to the nats",
            2 ** (bits * math.log(2)),
            "2 to the power of nats. Either 2 to the bits or e to the nats.",
            "The Other Unit",
        ),
        (
            "nats for perplexity",
            bits * math.log(2),
            "that is the surprise in nats. The perplexity is e to that power.",
            "The Other Unit",
        ),
        (
            "bits squared",
            bits**2,
            f"that is {bits} to the 2. {many} bits are {WORDS[bits]} questions with two answers "
            f"each: 2 to the {bits}.",
            "The Mirror",
        ),
    )


def per_character_part(characters: float, per_token: float) -> Part:
    return unit_part(
        "per_character",
        "c",
        per_token / characters,
        (
            "per token",
            per_token,
            f"per token, not per character. Divide by the {characters} characters a token holds "
            "here.",
            "The Other Unit",
        ),
        (
            "times the characters",
            per_token * characters,
            f"you multiplied by {characters}. The surprise of a token pays for all its characters: "
            "divide.",
            "The Other Unit",
        ),
        (
            "characters per nat",
            characters / per_token,
            "that is how many characters a nat pays for. Turn the fraction over.",
            "The Mirror",
        ),
        (
            "bits per character",
            per_token / characters / math.log(2),
            "right in bits. The question asks for nats per character.",
            "The Other Unit",
        ),
    )


def three_units(n: Units) -> Exercise:
    return Exercise(
        "5.4",
        "Nats, bits, perplexity",
        (
            bits_part(n.nats),
            perplexity_part(n.bits),
            per_character_part(n.characters, n.per_token),
        ),
        hints=(
            "One nat is e-fold, one bit is twofold: which of the two is the smaller step, and "
            "how many of those do you need for the same way?",
            "bits = nats / ln 2, and ln 2 is about 0.693. The perplexity is the number of "
            "equally likely tokens with that surprise: V tokens need log2 V bits each.",
            f"a) {n.nats} divided by 0.6931. b) How many tokens do {WORDS[n.bits]} yes-or-no "
            f"questions tell apart? c) Share the {n.per_token} nats out over {n.characters} "
            "characters.",
        ),
    )


# 5.5 Give the bigram eyes

SIGHT = 32  # characters that the model reads at once
BAR = 2.10  # nats, on TinyShakespeare
GAIN = 0.38  # nats below the counted bigram, on any other text


def bar(text: dict) -> float:
    return BAR if text["name"] == "shakespeare" else text["counted"] - GAIN


def read_eyes(model: object) -> Seen:
    """What a model that was handed in can see, and whether it reaches the bar."""
    if isinstance(model, Seen):
        return model
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        raise ValueError(f'hand in the trained model, check("5.5", eyes), not {kind}.')
    with evaluating(model):
        return eyes_seen(model, held(load_corpus()))


def eyes_seen(model: nn.Module, text: dict) -> Seen:
    V, blocks = text["V"], text["val"][: 16 * SIGHT].view(-1, SIGHT)
    clean = logits_of(model, blocks, V)
    if not clean.isfinite().all():
        return Seen("nan")
    try:
        logits_of(model, blocks[:, :5], V)
    except ValueError as error:
        return Seen("full blocks only", {"error": str(error)})
    x = {"x": score_in_blocks(model, text, 100), "bar": bar(text), "counted": text["counted"]}
    looks, leak = touched(model, blocks[:4], clean[:4], V)
    if leak is not None:
        return Seen("leak", x | {"place": leak})
    if not looks:
        return Seen("blind", x)
    if not sees_order(model, blocks, clean, V):
        return Seen("no order", x)
    x["x"] = score_in_blocks(model, text)
    if x["x"] > text["counted"] - 0.02:
        return Seen("nothing gained", x)
    return Seen("short of the bar" if x["x"] > x["bar"] else "eyes", x)


def touched(model, blocks, clean, V) -> tuple[bool, int | None]:
    """Whether a changed character moves outputs after it, and the first place that it moves one
    before it."""
    looks, leaks = False, []
    for t in range(SIGHT):
        changed = blocks.clone()
        changed[:, t] = (changed[:, t] + 1) % V
        moved = (logits_of(model, changed, V) - clean).abs().amax(dim=(0, 2)) > 1e-4  # (T,)
        looks |= bool(moved[t + 1 :].any())
        leaks += [t] if moved[:t].any() else []
    return looks, min(leaks, default=None)


def sees_order(model, blocks, clean, V) -> bool:
    """Whether an output moves when two characters before it change places."""
    for a, b in ((SIGHT - 4, SIGHT - 2), (SIGHT - 6, SIGHT - 3), (2, SIGHT // 2)):
        swapped = blocks.clone()
        swapped[:, [a, b]] = blocks[:, [b, a]]
        moved = (logits_of(model, swapped, V) - clean)[:, b + 1 :].abs().max()
        if moved > 1e-3:
            return True
    return False


def score_in_blocks(model: nn.Module, text: dict, most: int | None = None) -> float:
    """Nats per character of the validation text, in blocks that lie end to end."""
    ids = text["val"]
    count = (len(ids) - 1) // SIGHT * SIGHT
    x, y = ids[:count].view(-1, SIGHT)[:most], ids[1 : count + 1].view(-1, SIGHT)[:most]
    total, places = 0.0, 0
    batches = list(zip(x.split(256), y.split(256), strict=True))
    if most is None:  # what is left over makes a shorter block
        batches.append((ids[None, count:-1], ids[None, count + 1 :]))
    for a, b in batches:
        if b.numel():
            total += surprises(logits_of(model, a, text["V"]), b).sum().item()
            places += b.numel()
    return total / places


EYES = Part(
    "eyes",
    typed(Seen("eyes")),
    read=read_eyes,
    wrong=(
        seen(
            "leak",
            "{x} is too good for honest text, or will be when you have trained for longer. A "
            "position can see its own target: outputs before position {place} move when only that "
            "character changes. Check the mask, and that the softmax comes after it and runs over "
            "the keys.",
            "The Time Traveller",
        ),
        seen(
            "blind",
            "{x}, as without attention: no output moves when an earlier character changes. Your "
            "head's output is not added to the embedding, or is multiplied by zero.",
            "The Blindfold",
        ),
        seen(
            "no order",
            "{x}: a fair average of the past, but without order: two earlier characters change "
            "places and nothing moves. Add positions before the head.",
            "The Marble Bag",
        ),
        seen(
            "nan",
            "some of your model's outputs are nan or infinite. Either a row of the mask is False "
            "everywhere (keep the diagonal), or the learning rate is too large.",
            "The Blind Spot",
        ),
        seen(
            "full blocks only",
            "your model reads 32 characters and no fewer: {error} Cut the mask and the positions "
            "to the length of the text.",
            "The Whole Shelf",
        ),
        seen(
            "nothing gained",
            "the eyes work, and your model scores {x} where the counted bigram has {counted}. It "
            "is hardly trained: is every parameter handed to the optimiser, are there enough "
            "steps, is the learning rate near 7e-3?",
            "The Early Leaver",
        ),
        seen(
            "short of the bar",
            "{x}, and the bar is {bar}. It sees the past and its order. Is the current character's "
            "own vector added to what the head found? If so, train for more steps, or let the "
            "learning rate fall towards the end.",
            "The Early Leaver",
        ),
    ),
)

# 5.6 A fair ladder

Blocks = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Race:
    """The numbers of 5.6: nats per character in three blocks.

    The GPT begins each block afresh, the 3-gram does not.
    """

    gpt: Blocks = ((3.0, 1.8, 1.4, 1.4), (3.2, 1.8, 1.5, 1.3), (2.8, 2.0))
    three_gram: Blocks = ((1.4, 1.9, 1.8, 1.7), (1.6, 2.2, 1.9, 1.8), (1.5, 2.0))

    def edge(self, start_gpt: int, start_other: int, mean) -> float:
        """By how much the GPT is better, with the first places of each block left out."""
        return mean(self.three_gram, start_other) - mean(self.gpt, start_gpt)


def draw_race(dice: Dice) -> Race | None:
    """The GPT loses over all characters and wins where both see enough, as in the book."""

    def row(first, *others) -> Blocks:
        ranges = (first, *others)
        return tuple(
            tuple(dice.whole(*bounds) / 10 for bounds in ranges[:length]) for length in (4, 4, 2)
        )

    gpt = row((26, 35), (16, 21), (13, 16), (12, 15))
    race = Race(gpt, row((13, 17), (18, 23), (17, 21), (16, 19)))
    edges = [race.edge(start, start, of_all) for start in (0, 1)]
    suits = edges[0] < -0.05 and edges[1] > 0.15 and is_clear(edges[1], 2)
    return race if suits else None


def race_texts(race: Race) -> tuple[str, ...]:
    def line(name: str, blocks: Blocks) -> str:
        cells = (", ".join(f"{value:.1f}" for value in block) for block in blocks)
        return f"| {name} | {' | '.join(cells)} |"

    return line("GPT", race.gpt), line("3-gram", race.three_gram)


def average(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def flat(blocks, start: int = 0) -> list[float]:
    return [value for block in blocks for value in block[start:]]


def by_blocks(blocks, start: int = 0) -> float:
    return average(average(block[start:]) for block in blocks)


def of_all(blocks, start: int = 0) -> float:
    return average(flat(blocks, start))


ALIKE = (
    "blocks of unequal size count alike in your average. Weight by the number of characters, or "
    "average over characters."
)
CHARGED = (
    "the GPT was charged for block starts, where it sees one character; the n-gram never was. "
    "Score the same positions."
)


def whole_mean_part(race: Race) -> Part:
    return unit_part(
        "gpt_mean",
        "a",
        of_all(race.gpt),
        ("blocks alike", by_blocks(race.gpt), ALIKE, "The Average Joe"),
        (
            "sum",
            sum(flat(race.gpt)),
            "that is the sum over all characters. Divide by their number.",
            "The Long Bill",
        ),
        (
            "last block left out",
            of_all(race.gpt[:2]),
            "the last block is missing. It is shorter, and its characters count like all others.",
            "The Early Leaver",
        ),
        (
            "the other row",
            of_all(race.three_gram),
            "that is the mean of the 3-gram. This part asks for the GPT's.",
            "The Wrong End",
        ),
    )


def gained_part(race: Race) -> Part:
    everywhere, right = race.edge(0, 0, of_all), race.edge(1, 1, of_all)
    return unit_part(
        "gpt_better_by",
        "b",
        right,
        ("all positions", everywhere, CHARGED, "The Unequal Race"),
        ("all positions, sign", -two_decimals(everywhere), CHARGED, "The Unequal Race"),
        (
            "starts left out of one",
            race.edge(1, 0, of_all),
            "you left out the block starts for the GPT and kept them for the 3-gram. Now the "
            "two are scored on different characters; leave them out for both.",
            "The Unequal Race",
        ),
        ("blocks alike", race.edge(1, 1, by_blocks), ALIKE, "The Average Joe"),
        (
            "two left out",
            race.edge(2, 2, of_all),
            "you left out two characters of each block. At the second the GPT has seen two "
            "characters, as many as a 3-gram: that one counts.",
            "The Fence Post",
        ),
        (
            "sign",
            -two_decimals(right),
            "the size is right and the sign is not. Less surprise is better: subtract the "
            "GPT's mean from the 3-gram's.",
            "The Climber",
        ),
        (
            "sum",
            sum(flat(race.three_gram, 1)) - sum(flat(race.gpt, 1)),
            "that is the difference of two sums. Divide by the number of characters.",
            "The Long Bill",
        ),
    )


BETTER = Part(
    "better",
    typed("gpt"),
    label="c",
    read=read_choice("gpt", "3-gram"),
    wrong=(Wrong("3-gram", typed("3-gram"), CHARGED, "The Unequal Race"),),
)


def fair_ladder(race: Race) -> Exercise:
    return Exercise(
        "5.6",
        "A fair ladder",
        (whole_mean_part(race), gained_part(race), BETTER),
        hints=(
            "Ten characters were scored, whatever blocks they came in. And a race is fair "
            "where both run the same course.",
            "a) Add up ten numbers. b) Cross out, in both rows, every place where one of the "
            "two sees fewer than two characters; how many places are left?",
            "a) The blocks hold 4, 4 and 2 characters; divide by 10. b) Cross out the first "
            "place of each block in both rows, take the mean of each row over the seven that "
            "are left, and subtract the GPT's. c) The sign of b says it.",
        ),
    )


VARIANTS = {
    "5.4": Varied(Units(), draw_units, three_units, units_texts),
    "5.6": Varied(Race(), draw_race, fair_ladder, race_texts),
}
EXERCISES = {
    task.number: task
    for task in (
        Exercise(
            "5.1",
            "Cross-entropy from scratch",
            (CROSS_ENTROPY,),
            references=("minigpt_lib.baselines:cross_entropy",),
            torch_references=("cross_entropy", "nll_loss"),
            replaces={"cross_entropy": "baselines"},
            hints=(
                "The surprise of one target is −ln of a fraction. Write the logarithm of a "
                "fraction as a difference: which of the two terms needs only one logit?",
                "logsumexp over the vocabulary turns (…, V) into (…). gather picks one entry from "
                "each row and wants an index of as many axes as the logits: unsqueeze the targets, "
                "then squeeze the result.",
                "total = the logsumexp of the logits over dim −1; mine = the logits gathered at "
                "targets.unsqueeze(-1), that axis squeezed away again; return the mean of total "
                "minus mine.",
            ),
        ),
        Exercise(
            "5.2",
            "Counted bigram",
            (TABLE,),
            references=("minigpt_lib.baselines:bigram_table",),
            replaces={"bigram_table": "baselines"},
            hints=(
                "Which tokens are a current token, which are a next one? Go through the text once "
                "and put a mark into the row of the first and the column of the second.",
                "A pair is one number: current × V + next, from 0 to V·V − 1. torch.bincount with "
                "minlength counts numbers; view makes a (V, V) table of the counts.",
                "count the numbers ids[:-1] * vocab_size + ids[1:], with minlength vocab_size "
                "squared; view as (vocab_size, vocab_size); add 1.0; divide by the sums of the "
                "rows, with keepdim.",
            ),
        ),
        Exercise(
            "5.3",
            "MLP bigram",
            (REPORT,),
            hints=(
                "Two things are asked: a network that is trained on the training ids, and one "
                "number measured on all the validation ids. Which ids does each of them see?",
                "get_batch gives x and y of shape (B, T) from the training ids. For the score no "
                "batch is drawn: a bigram needs no context, so all validation ids but the last can "
                "go in as one row, (1, n − 1), with all but the first as targets.",
                "for each step: x, y from get_batch; _, loss = model(x, y); clear, backward, step. "
                "Afterwards, without gradients, hand val_ids[None, :-1] and val_ids[None, 1:] to "
                "the model and take .item() of its loss.",
            ),
        ),
        three_units(Units()),
        Exercise(
            "5.5",
            "Give the bigram eyes",
            (EYES,),
            hints=(
                "What has the network to know about a position that the bigram does not: which "
                "characters came before, how long ago, and still the one that stands there now. "
                "Which line of yours brings each of the three?",
                "From ids (B, T): embeddings plus positions (B, T, C); queries, keys and values "
                "from three linear layers, (B, T, C) each; weights (B, T, T) under a causal mask "
                "that is cut to T; what was found, (B, T, C), joins what was there.",
                "x = token table of ids, plus the first T rows of the position table; q, k, v from "
                "x; found = your attention of q, k, v and causal_mask(T); then the hidden layer "
                "and the head of BigramMLP, on x plus found. Train on T = 32, about 1,000 steps, "
                "AdamW at 7e-3, falling to 0.",
            ),
        ),
        fair_ladder(Race()),
    )
}
