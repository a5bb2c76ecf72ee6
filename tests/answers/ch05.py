"""Chapter 05: right answers written in other ways, and mistakes as a learner may write them."""

import functools
import math

import torch
import torch.nn.functional as F
from torch import nn

from course.corpora import load_corpus
from minigpt_lib.data import train_val_split
from minigpt_lib.tokenizer import CharTokenizer

# Other ways of writing it


def loss_by_loops(logits, targets):
    """Position by position, in Python's own double precision."""
    V, total = logits.shape[-1], 0.0
    rows, wanted = logits.reshape(-1, V).tolist(), targets.reshape(-1).tolist()
    for row, target in zip(rows, wanted, strict=True):
        top = max(row)
        total += top + math.log(sum(math.exp(z - top) for z in row)) - row[target]
    return torch.tensor(total / len(wanted))


def loss_by_one_hot(logits, targets):
    log_p = torch.log_softmax(logits, -1)
    mask = torch.arange(logits.size(-1)) == targets[..., None]
    return -(log_p * mask).sum(-1).mean()


def loss_by_index(logits, targets):
    flat = logits.flatten(0, -2) if logits.dim() > 1 else logits[None]
    top = flat.max(-1, keepdim=True).values
    below = flat - top
    picked = below[torch.arange(len(flat)), targets.flatten()]
    return (below.exp().sum(-1).log() - picked).mean()


def table_by_loops(ids, vocab_size):
    rows = [[1] * vocab_size for _ in range(vocab_size)]
    for i in range(len(ids) - 1):
        rows[ids[i]][ids[i + 1]] += 1
    return torch.tensor([[n / sum(row) for n in row] for row in rows])


def table_by_one_hot(ids, vocab_size):
    now, later = (F.one_hot(part, vocab_size).double() for part in (ids[:-1], ids[1:]))
    counts = now.T @ later
    return (counts + 1) / (counts.sum(-1, keepdim=True) + vocab_size)


def table_by_put(ids, vocab_size):
    table = torch.ones((vocab_size, vocab_size))
    table.index_put_((ids[:-1], ids[1:]), torch.tensor(1.0), accumulate=True)
    return table.div_(table.sum(1).unsqueeze(1))


# 5.1, mistakes


def goes_by_softmax(logits, targets):
    p = torch.softmax(logits, dim=-1)
    return -torch.log(p.gather(-1, targets.unsqueeze(-1))).mean()


def divides_powers(logits, targets):
    powers = torch.exp(logits)
    p = powers / powers.sum(dim=-1, keepdim=True)
    return -torch.log(p.gather(-1, targets.unsqueeze(-1))).mean()


def log_of_powers(logits, targets):
    total = torch.log(torch.exp(logits).sum(dim=-1))
    return torch.mean(total - logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1))


def highest_of_all(logits, targets):
    logits = logits - logits.max()
    return log_of_powers(logits, targets)


def forgets_the_maximum(logits, targets):
    below = logits - logits.max(dim=-1, keepdim=True).values
    return (below.exp().sum(-1).log() - logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)).mean()


def loss_with(finish, dim=-1):
    """Log-softmax over `dim`, the targets gathered, then `finish` with the surprises."""

    def answer(logits, targets):
        log_p = torch.log_softmax(logits, dim=dim)
        return finish(-log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1))

    return answer


def takes_all(logits, targets):
    return (-torch.log_softmax(logits, -1)[..., targets]).mean()


def mean_of_one_hot(logits, targets):
    one_hot = F.one_hot(targets, logits.shape[-1])
    return -(one_hot * torch.log_softmax(logits, -1)).mean()


def softmax_before(logits, targets):
    return loss_by_one_hot(torch.softmax(logits, -1), targets)


def own_expectation(logits, targets):
    log_p = torch.log_softmax(logits, -1)
    return -(log_p.exp() * log_p).sum(-1).mean()


def logits_alone(logits, targets):
    return -logits.gather(-1, targets.unsqueeze(-1)).mean()


def forgets_to_squeeze(logits, targets):
    picked = logits.gather(-1, targets.unsqueeze(-1))
    return torch.mean(torch.logsumexp(logits, -1) - picked)


def distance(logits, targets):
    gap = torch.softmax(logits, -1) - F.one_hot(targets, logits.shape[-1])
    return gap.square().sum(-1).mean()


def with_epsilon(logits, targets):
    p = torch.softmax(logits, dim=-1).gather(-1, targets.unsqueeze(-1))
    return -torch.log(p + 1e-9).mean()


# 5.2, mistakes


def table_of(now, later, finish=lambda counts: (counts + 1) / (counts + 1).sum(1, keepdim=True)):
    """Counts the pairs that two functions of the ids give, then finishes the table."""

    def answer(ids, vocab_size):
        counts = torch.zeros(vocab_size, vocab_size)
        for a, b in zip(now(ids).tolist(), later(ids).tolist(), strict=False):
            counts[a, b] += 1
        return finish(counts)

    return answer


def first(ids):
    return ids[:-1]


def second(ids):
    return ids[1:]


def finished(finish):
    return table_of(first, second, finish)


def adds_with_tensors(ids, vocab_size):
    counts = torch.ones(vocab_size, vocab_size)
    counts[ids[:-1], ids[1:]] += 1
    return counts / counts.sum(1, keepdim=True)


def bins_without_minlength(ids, vocab_size):
    numbers = ids[:-1] * vocab_size + ids[1:]
    counts = torch.bincount(numbers).view(vocab_size, vocab_size) + 1
    return counts / counts.sum(1, keepdim=True)


def turns_round(ids, vocab_size):
    numbers = ids * vocab_size + torch.cat([ids[1:], ids[:1]])
    counts = torch.bincount(numbers, minlength=vocab_size**2).reshape(vocab_size, -1) + 1
    return counts / counts.sum(1, keepdim=True)


def knows_the_text_alone(ids, vocab_size):
    return table_by_loops(ids, max(ids.tolist()) + 1)


def the_same_row(ids, vocab_size):
    counts = torch.bincount(ids, minlength=vocab_size) + 1.0
    return (counts / counts.sum()).repeat(vocab_size, 1)


def fills_the_gaps(counts):
    counts[counts == 0] = 1
    return counts / counts.sum(1, keepdim=True)


def even_where_empty(counts):
    total = counts.sum(1, keepdim=True)
    total[total == 0] = 1
    table = counts / total
    table[counts.sum(1) == 0] = 1 / len(counts)
    return table


# 5.3 and 5.5: what is handed in is built when it is first used


@functools.cache
def text():
    corpus = load_corpus()
    tokenizer = CharTokenizer.from_text(corpus.text)
    train, val = train_val_split(tokenizer.encode(corpus.text))
    return train, val, tokenizer.vocab_size


def counted(ids, V, add):
    counts = torch.bincount(ids[:-1] * V + ids[1:], minlength=V * V).view(V, V) + add
    return counts / counts.sum(1, keepdim=True)


class Made(nn.Module):
    """A model that `make` gives as a function of ids, once it is asked."""

    def __init__(self, make, is_tuple=False):
        super().__init__()
        self.make, self.is_tuple, self.made = make, is_tuple, None

    def forward(self, ids):
        self.made = self.made or self.make(*text())
        logits = self.made(ids)
        return (logits, None) if self.is_tuple else logits


def table_model(table):
    log_p = table.log()
    return lambda ids: log_p[ids]


class Later:
    """A number that is worked out once it is read."""

    def __init__(self, model, figure):
        self.model, self.figure = model, figure

    def __float__(self):
        train, val, _ = text()
        return float(self.figure(self.model, train, val))


@torch.no_grad()
def nats(model, ids, start=0, stop=None):
    x, y = ids[:-1][start:stop], ids[1:][start:stop]
    out = model(x[:, None])
    out = out[0] if isinstance(out, tuple) else out
    return F.cross_entropy(out[:, 0].double(), y).item()


def on_val(model, train, val):
    return nats(model, val)


def on_one_batch(model, train, val):
    whole = nats(model, val)
    tries = [nats(model, val, 1000 * i, 1000 * i + 1000) for i in range(8)]
    return next(loss for loss in tries if 0.004 < abs(loss - whole) < 0.1)


def repeated(model, train, val):
    out = model(val[:-1, None])
    out = out[0] if isinstance(out, tuple) else out
    return F.cross_entropy(out[:, 0].double(), val[:-1]).item()


def under_the_floor(model, train, val):
    V = text()[2]
    own = counted(val, V, 1e-9)
    return -own[val[:-1], val[1:]].log().mean().item() - 0.4


def report(model, figure=on_val):
    return (model, Later(model, figure))


def half_added(train, val, V):
    return table_model(counted(train, V, 0.5))


def tenth_added(train, val, V):
    return table_model(counted(train, V, 0.1))


def added_to_val(train, val, V):
    return table_model(counted(val, V, 0.5))


def half_uniform(train, val, V):
    return table_model(0.5 * counted(train, V, 1) + 0.5 / V)


def shifted(ids, places):
    return torch.nn.functional.pad(ids, (places, 0))[:, : ids.shape[1]]


def peeks(train, val, V):
    log_p = counted(train, V, 0.5).log()
    return lambda ids: log_p[ids] + 5 * F.one_hot(torch.roll(ids, -1, 1), V)


def two_back(train, val, V, K=4.0):
    """Pairs, and triples where there is a character before: a look back without attention."""
    two = counted(train, V, 1.0)
    numbers = (train[:-2] * V + train[1:-1]) * V + train[2:]
    three = torch.bincount(numbers, minlength=V**3).view(V, V, V).float()
    three = (three + K * two) / (three.sum(-1, keepdim=True) + K)

    def model(ids):
        out = three[shifted(ids, 1), ids].log()
        out[:, 0] = two[ids[:, 0]].log()
        return out

    return model


def two_back_in_double(train, val, V):
    model = two_back(train, val, V, 2.0)
    return lambda ids: model(ids).double()


def peeks_and_looks_back(train, val, V):
    model, ahead = two_back(train, val, V), peeks(train, val, V)
    return lambda ids: model(ids) + ahead(ids)


def averages(train, val, V):
    log_p, total = counted(train, V, 0.5).log(), torch.eye(V)

    def model(ids):
        count = torch.arange(1, ids.shape[1] + 1)[:, None]
        return log_p[ids] + total[ids].cumsum(1) / count

    return model


def breaks(train, val, V):
    model = two_back(train, val, V)

    def first_is_nan(ids):
        out = model(ids)
        out[:, 0] = math.nan
        return out

    return first_is_nan


def wants_32(train, val, V):
    model = two_back(train, val, V)
    return lambda ids: model(ids) + torch.zeros(32, 1)


def hardly_trained(train, val, V):
    random = torch.randn(2, V, V, generator=torch.Generator().manual_seed(0))
    return lambda ids: 0.1 * random[0][ids] + 0.1 * random[1][shifted(ids, 1)]


def a_little_back(train, val, V):
    model, two = two_back(train, val, V), counted(train, V, 1.0)
    return lambda ids: (0.12 * model(ids).exp() + 0.88 * two[ids]).log()


GOOD = Made(half_added)

RIGHT = {
    "5.1": [(loss_by_loops,), (loss_by_one_hot,), (loss_by_index,)],
    "5.2": [(table_by_loops,), (table_by_one_hot,), (table_by_put,)],
    "5.3": [(report(GOOD),), (list(report(Made(tenth_added, is_tuple=True))),)],
    "5.4": [(1.7312, 8, 1.5), ("1.73", torch.tensor(8.0), "3/2"), (1.731, "8", 1.50)],
    "5.5": [(Made(two_back),), (Made(two_back_in_double, is_tuple=True),)],
    "5.6": [(2.02, 0.3, "gpt"), ("101/50", (13.3 - 11.2) / 7, "GPT"), (2.02, "3/10", "gpt ")],
}

SAID = [
    (
        "5.1",
        (goes_by_softmax,),
        "✗ 5.1: inf at a logit of −200. softmax underflows before the log;",
    ),
    ("5.1", (divides_powers,), "✗ 5.1: nan at a logit of 200: e to the 200 is larger than any"),
    ("5.1", (log_of_powers,), "✗ 5.1: inf at a logit of 200, because e to the 200 is larger"),
    (
        "5.1",
        (highest_of_all,),
        "✗ 5.1: infinite where one row stands around 200 and another around",
    ),
    ("5.1", (forgets_the_maximum,), "✗ 5.1: you subtracted the largest logit in the sum and not"),
    ("5.1", (loss_with(torch.sum),), "✗ 5.1: {s} is the sum over 5 positions. Take the mean."),
    (
        "5.1",
        (lambda z, y: loss_with(torch.sum)(z, y) / len(y),),
        "✗ 5.1: right for targets (N,), not for (2, 3): you divided the sum by the first size, 2",
    ),
    (
        "5.1",
        (lambda z, y: loss_with(torch.sum)(z, y) / z.size(0),),
        "✗ 5.1: right for targets (N,), not for (2, 3): you divided the sum by the first size, 2",
    ),
    ("5.1", (loss_with(lambda each: each),), "✗ 5.1: you return the surprise of each position"),
    ("5.1", (loss_with(torch.mean, dim=0),), "✗ 5.1: you normalised over positions. Each"),
    ("5.1", (loss_with(torch.mean, dim=-2),), "✗ 5.1: you normalised over positions. Each"),
    ("5.1", (loss_with(torch.mean, dim=1),), "✗ 5.1: right for logits (N, V), not for (2, 3, 9)"),
    ("5.1", (loss_with(lambda each: -each.mean()),), "✗ 5.1: a surprise is never negative."),
    ("5.1", (loss_with(lambda each: each.mean() / math.log(2)),), "✗ 5.1: right in bits."),
    (
        "5.1",
        (loss_with(lambda each: -torch.log(torch.exp(-each).mean())),),
        "✗ 5.1: this is the surprise of the average probability.",
    ),
    ("5.1", (logits_alone,), "✗ 5.1: you return the mean of the targets' logits, negated."),
    ("5.1", (takes_all,), "✗ 5.1: each position is scored on the targets of all positions"),
    ("5.1", (mean_of_one_hot,), "✗ 5.1: 7 times too small: your mean also counts the V − 1 = 6"),
    ("5.1", (softmax_before,), "✗ 5.1: your probabilities go through a softmax a second time"),
    ("5.1", (own_expectation,), "✗ 5.1: this is the surprise that the model expects"),
    (
        "5.1",
        (loss_with(lambda each: torch.exp(-each).mean()),),
        "✗ 5.1: this is the mean probability of the targets.",
    ),
    (
        "5.1",
        (forgets_to_squeeze,),
        "✗ 5.1: right for targets (N,), and it stops at (2, 3): what gather gives there",
    ),
    ("5.1", (distance,), "✗ 5.1: this is a squared distance between probabilities and one-hot"),
    (
        "5.1",
        (with_epsilon,),
        "✗ 5.1: no mistake that this check knows.{s}It goes wrong at logits around ±200 alone.",
    ),
    ("5.2", (table_of(second, first),), "✗ 5.2: row {s} gives the tokens before {s}, not after."),
    ("5.2", (lambda ids, V: table_by_loops(ids, V).mT,), "✗ 5.2: columns add up to 1: the right"),
    (
        "5.2",
        (finished(lambda n: n / n.sum(1, keepdim=True)),),
        "✗ 5.2: infinite: the pair ({s}, {s}) never occurs in this text, so its probability is 0",
    ),
    (
        "5.2",
        (finished(lambda n: n / n.sum(1, keepdim=True).clamp_min(1)),),
        "✗ 5.2: infinite: the pair ({s}, {s}) never occurs in this text",
    ),
    ("5.2", (finished(even_where_empty),), "✗ 5.2: infinite: the pair ({s}, {s}) never occurs"),
    ("5.2", (finished(fills_the_gaps),), "✗ 5.2: a pair seen once and a pair never seen get the"),
    (
        "5.2",
        (finished(lambda n: (n + 1) / (n + 1).sum(0, keepdim=True)),),
        "✗ 5.2: columns add up to 1. Divide each row by its own sum (keepdim).",
    ),
    (
        "5.2",
        (finished(lambda n: (n + 1) / (n + 1).sum(dim=1)),),
        "✗ 5.2: neither rows nor columns add up to 1: the sums of the rows have shape (V,)",
    ),
    ("5.2", (bins_without_minlength,), "✗ 5.2: shape '[9, 9]' is invalid for input of size {s}:"),
    (
        "5.2",
        (finished(lambda n: (n + 1) / n.sum()),),
        "✗ 5.2: every row is divided by one number, the sum of all counts, and that without",
    ),
    ("5.2", (finished(lambda n: (n + 1) / (n + 1).sum()),), "✗ 5.2: the whole table adds up to 1."),
    (
        "5.2",
        (finished(lambda n: (n + 1) / n.sum(1, keepdim=True)),),
        "✗ 5.2: row {s} adds up to {s}, not 1: you add 1 to each count and divide by the sum",
    ),
    (
        "5.2",
        (finished(lambda n: (n + 1) / (1 + n.sum(1, keepdim=True))),),
        "✗ 5.2: row {s} adds up to {s}, not 1: each of V counts grew by 1, so the sum grew by V",
    ),
    ("5.2", (finished(lambda n: n + 1),), "✗ 5.2: you return counts: row 0 adds up to"),
    ("5.2", (finished(lambda n: n),), "✗ 5.2: you return counts: row 0 adds up to"),
    ("5.2", (adds_with_tensors,), "✗ 5.2: a pair counts once, however often it comes:"),
    (
        "5.2",
        (table_of(lambda ids: ids[::2], lambda ids: ids[1::2]),),
        "✗ 5.2: you cut the text into pairs, and so miss every second one.",
    ),
    ("5.2", (turns_round,), "✗ 5.2: one pair too many: the last token is followed by the first."),
    (
        "5.2",
        (table_of(lambda ids: ids[:-2], second),),
        "✗ 5.2: one pair too few: the last one is missing.",
    ),
    (
        "5.2",
        (table_of(lambda ids: ids[1:-1], lambda ids: ids[2:]),),
        "✗ 5.2: one pair too few: the first one is missing.",
    ),
    ("5.2", (table_of(first, first),), "✗ 5.2: every token seems to follow itself"),
    ("5.2", (table_of(first, lambda ids: ids[2:]),), "✗ 5.2: you pair each token with the one two"),
    ("5.2", (the_same_row,), "✗ 5.2: all rows are equal: that is how common each token is."),
    (
        "5.2",
        (knows_the_text_alone,),
        "✗ 5.2: your table has {s} rows and this vocabulary 9 tokens.",
    ),
    (
        "5.3",
        (report(GOOD, lambda model, train, val: nats(model, train)),),
        "✗ 5.3: {s} is the training loss. The question is about text it has not seen.",
    ),
    (
        "5.3",
        (report(GOOD, on_one_batch),),
        "✗ 5.3: {s} is what a batch gives, of one text or the other, or a few; three tries of {s}",
    ),
    ("5.3", (report(GOOD, under_the_floor),), "✗ 5.3: {s} is below {s}, the best a table of pairs"),
    ("5.3", (report(Made(peeks)),), "✗ 5.3: your model's output moves when only a later character"),
    (
        "5.3",
        (report(Made(two_back)),),
        "✗ 5.3: your model's output depends on more than the current",
    ),
    ("5.3", (report(GOOD, repeated),), "✗ 5.3: {s} is what your model scores where the target is"),
    (
        "5.3",
        (report(GOOD, lambda *all: on_val(*all) / math.log(2)),),
        "✗ 5.3: {s} is right in bits.",
    ),
    (
        "5.3",
        (report(GOOD, lambda *all: math.exp(on_val(*all))),),
        "✗ 5.3: {s} is the perplexity, e to the nats.",
    ),
    (
        "5.3",
        (report(GOOD, lambda *all: on_val(*all) * (len(all[2]) - 1)),),
        "✗ 5.3: {s} is the sum over all positions.",
    ),
    ("5.3", (report(GOOD, lambda *all: -on_val(*all)),), "✗ 5.3: {s} is negative, and a surprise"),
    (
        "5.3",
        (report(Made(lambda train, val, V: table_model(counted(train, V, 1)))),),
        "✗ 5.3: your model is the counted table, which scores",
    ),
    (
        "5.3",
        (report(Made(added_to_val)),),
        "✗ 5.3: your model scores {s} on the validation text and",
    ),
    ("5.3", (report(Made(half_uniform)),), "✗ 5.3: the loss is measured well, {s}, but counting"),
    ("5.3", (GOOD,), "✗ 5.3: hand in the trained model and its loss"),
    ("5.3", ((GOOD, "low"),), "✗ 5.3: the second of the two is no finite number;"),
    ("5.3", ((GOOD, 77.0),), "✗ 5.3: 77 is not what your model scores on the validation text"),
    ("5.4", (0.5212, 8, 1.5), "✗ 5.4a: you used log 10. Bits are nats divided by ln 2."),
    ("5.4", (0.83, 8, 1.5), "✗ 5.4a: you multiplied by ln 2."),
    ("5.4", (3.32, 8, 1.5), "✗ 5.4a: that is e to the nats, the perplexity."),
    ("5.4", (1.73, 20.0855, 1.5), "✗ 5.4b: e to the power of bits. Either 2 to the bits or e to"),
    ("5.4", (1.73, 4.23, 1.5), "✗ 5.4b: 2 to the power of nats."),
    ("5.4", (1.73, 2.08, 1.5), "✗ 5.4b: that is the surprise in nats."),
    ("5.4", (1.73, 9, 1.5), "✗ 5.4b: that is 3 to the 2."),
    (
        "5.4",
        (1.73, 8, 4.635),
        "✗ 5.4c: per token, not per character. Divide by the 3.09 characters",
    ),
    ("5.4", (1.73, 8, 14.322), "✗ 5.4c: you multiplied by 3.09."),
    ("5.4", (1.73, 8, 0.667), "✗ 5.4c: that is how many characters a nat pays for."),
    ("5.4", (1.73, 8, 2.164), "✗ 5.4c: right in bits."),
    ("5.5", (Made(peeks_and_looks_back),), "✗ 5.5: {s} is too good for honest text, or will be"),
    (
        "5.5",
        (Made(half_added),),
        "✗ 5.5: {s}, as without attention: no output moves when an earlier",
    ),
    ("5.5", (Made(averages),), "✗ 5.5: {s}: a fair average of the past, but without order:"),
    ("5.5", (Made(breaks),), "✗ 5.5: some of your model's outputs are nan or infinite."),
    (
        "5.5",
        (Made(wants_32),),
        "✗ 5.5: your model reads 32 characters and no fewer: your model stops",
    ),
    ("5.5", (Made(hardly_trained),), "✗ 5.5: the eyes work, and your model scores {s} where"),
    (
        "5.5",
        (Made(a_little_back),),
        "✗ 5.5: {s}, and the bar is {s}. It sees the past and its order.",
    ),
    ("5.5", (Made,), "✗ 5.5: hand in the trained model,"),
    ("5.5", (nn.Embedding(500, 8),), "✗ 5.5: your model has to give logits of shape (16, 32, "),
    (
        "5.5",
        (nn.Linear(8, 8),),
        "✗ 5.5: your model stops at ids of shape (16, 32) with RuntimeError",
    ),
    ("5.6", (2.083, 0.3, "gpt"), "✗ 5.6a: blocks of unequal size count alike in your average."),
    ("5.6", (20.2, 0.3, "gpt"), "✗ 5.6a: that is the sum over all characters."),
    ("5.6", (1.925, 0.3, "gpt"), "✗ 5.6a: the last block is missing."),
    ("5.6", (1.78, 0.3, "gpt"), "✗ 5.6a: that is the mean of the 3-gram."),
    (
        "5.6",
        (2.02, -0.24, "gpt"),
        "✗ 5.6b: the GPT was charged for block starts, where it sees one",
    ),
    ("5.6", (2.02, 0.24, "gpt"), "✗ 5.6b: the GPT was charged for block starts, where it sees one"),
    ("5.6", (2.02, 0.18, "gpt"), "✗ 5.6b: you left out the block starts for the GPT and kept them"),
    ("5.6", (2.02, 0.2333, "gpt"), "✗ 5.6b: blocks of unequal size count alike in your average."),
    ("5.6", (2.02, 0.4, "gpt"), "✗ 5.6b: you left out two characters of each block."),
    ("5.6", (2.02, -0.3, "gpt"), "✗ 5.6b: the size is right and the sign is not."),
    ("5.6", (2.02, 2.1, "gpt"), "✗ 5.6b: that is the difference of two sums."),
    (
        "5.6",
        (2.02, 0.3, "3-gram"),
        "✗ 5.6c: the GPT was charged for block starts, where it sees one",
    ),
]
