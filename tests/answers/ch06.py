"""Chapter 06: right answers written in other ways, and mistakes as a learner may write them."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from course.corpora import load_corpus
from minigpt_lib.data import train_val_split
from minigpt_lib.tokenizer import CharTokenizer

# Other ways of writing it


class Norm(nn.Module):
    """What the exercise gives; the mistakes below put another forward in."""

    def __init__(self, embed_dim, bias=True, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(embed_dim))
        self.bias = nn.Parameter(torch.zeros(embed_dim)) if bias else None
        self.eps = eps

    def forward(self, x):
        y = (x - x.mean(-1, keepdim=True)) / torch.sqrt(
            x.var(-1, keepdim=True, correction=0) + self.eps
        )
        y = y * self.weight
        if self.bias is not None:
            y = y + self.bias
        return y


def norm(forward):
    """The class with this forward(self, x)."""
    return type("LayerNorm", (Norm,), {"forward": forward})


def norm_core(core):
    """The class whose normed features are core(x, eps), with gain and shift."""

    def forward(self, x):
        y = core(x, self.eps) * self.weight
        return y if self.bias is None else y + self.bias

    return norm(forward)


def norm_by_moments(self, x):
    """Mean of the square less square of the mean."""
    C = x.size(-1)
    m = x.sum(-1, keepdim=True) / C
    v = (x * x).sum(-1, keepdim=True) / C - m * m
    y = torch.einsum("...c,c->...c", (x - m) * (v + self.eps) ** -0.5, self.weight)
    return y + (0 if self.bias is None else self.bias)


def norm_row_by_row(self, x):
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        m = sum(row) / len(row)
        v = sum((f - m) ** 2 for f in row) / len(row)
        cells = [(f - m) / torch.sqrt(v + self.eps) * g for f, g in zip(row, self.weight)]  # noqa: B905
        if self.bias is not None:
            cells = [cell + b for cell, b in zip(cells, self.bias)]  # noqa: B905
        rows.append(torch.stack(cells))
    return torch.stack(rows).reshape(x.shape)


def norm_with_var_mean(self, x):
    v, m = torch.var_mean(x, dim=-1, keepdim=True, unbiased=False)
    y = torch.addcmul(torch.zeros_like(self.weight), x - m, (v + self.eps).rsqrt())
    return self.weight * y if self.bias is None else torch.addcmul(self.bias, self.weight, y)


class MLP(nn.Module):
    """As the chapter has it, in one Sequential that shares the two layers."""

    curve = nn.GELU(approximate="tanh")

    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__()
        self.up = nn.Linear(embed_dim, 4 * embed_dim, bias)
        self.act = self.curve
        self.down = nn.Linear(4 * embed_dim, embed_dim, bias)
        self.drop = nn.Dropout(p=dropout)

    def forward(self, x):
        return self.drop(self.down(self.act(self.up(x))))


class MLPByProducts(MLP):
    """Products of matrices, GELU as a function, dropout as a function."""

    def forward(self, x):
        h = F.gelu(F.linear(x, self.up.weight, self.up.bias), approximate="tanh")
        y = h @ self.down.weight.mT
        y = y if self.down.bias is None else y + self.down.bias
        return F.dropout(y, self.drop.p, training=self.training)


class MLPDownFirst(nn.Module):
    """The layers made in the other order; GELU's tanh form written out."""

    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__()
        wide = embed_dim * 4
        self.down = nn.Linear(wide, embed_dim, bias=bias)
        self.up = nn.Linear(embed_dim, wide, bias=bias)
        self.rest = nn.Dropout(dropout)

    def forward(self, x):
        h = self.up(x)
        h = 0.5 * h * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))
        return self.rest(self.down(h))


class Block(nn.Module):
    """What the exercise gives, with parts that are put in by the check."""

    def __init__(self, embed_dim, num_heads, context_length, dropout=0.0, bias=True, norm=Norm):
        super().__init__()
        self.norm1, self.norm2 = norm(embed_dim, bias=bias), norm(embed_dim, bias=bias)
        self.attention = nn.Identity()
        self.mlp = MLP(embed_dim, dropout, bias)


def block(forward):
    return type("Block", (Block,), {"forward": forward})


class WithoutMLP(Block):
    """Its MLP is an exercise that is not solved."""

    def __init__(self, *sizes, norm=Norm):
        raise NotImplementedError("6.2: not written yet")

    def forward(self, x):
        h = self.attention(self.norm1(x)) + x
        return self.mlp(self.norm2(h)) + h


def block_by_loop(self, x):
    for read, write in ((self.norm1, self.attention), (self.norm2, self.mlp)):
        x = torch.add(x, write(read(x)))
    return x


def block_text_by_text(self, x):
    texts = []
    for text in x.split(1):
        text = text + self.attention(self.norm1(text))
        texts.append(text + self.mlp(self.norm2(text)))
    return torch.cat(texts)


def dropout_by_mask(x, p, training, draws):
    mask = ~(draws < p)
    return x if not training else mask * x / (1 - p)


def dropout_entry_by_entry(x, p, training, draws):
    if training:
        cells = [
            v * 0 if d < p else v / (1 - p)
            for v, d in zip(x.flatten(), draws.flatten(), strict=True)
        ]
        return torch.stack(cells).view_as(x)
    return x.clone()


def dropout_filled(x, p, training, draws):
    scale = 1 / (1 - p)
    return (x * scale).masked_fill(draws.lt(p), 0) if training else x * 1


class Pairs(nn.Module):
    """Knows the current character: a table of counted pairs."""

    def __init__(self, context=2, steps=1):
        super().__init__()
        tokenizer = CharTokenizer.from_text(load_corpus().text)
        ids, _ = train_val_split(tokenizer.encode(load_corpus().text))
        counts = torch.ones(tokenizer.vocab_size, tokenizer.vocab_size)
        counts.index_put_((ids[:-1], ids[1:]), torch.ones(len(ids) - 1), accumulate=True)
        counts = counts if context == 2 else counts.sum(0, keepdim=True).expand_as(counts)
        self.table = nn.Parameter(counts.log() * steps)

    def forward(self, ids):
        return self.table[ids]


class Smoothed(Pairs):
    """A little worse."""

    def forward(self, ids):
        return self.table[ids] * 0.9


LETTERS, PAIRS, FRESH, ASTRAY = Pairs(1), Pairs(), Pairs(2, 0), Pairs(2, 50)
RIGHT = {
    "6.1": [
        (Norm,),
        (norm(norm_by_moments),),
        (norm(norm_row_by_row),),
        (norm(norm_with_var_mean),),
    ],
    "6.2": [(MLP,), (MLPByProducts,), (MLPDownFirst,)],
    "6.3": [
        (block(block_by_loop),),
        (WithoutMLP,),
        (block(block_text_by_text),),
    ],
    "6.4": [(dropout_by_mask,), (dropout_entry_by_entry,), (dropout_filled,)],
    "6.5": [
        ((3,), {3}, "3", {5, 4, 3}, "3, 4, 5", torch.tensor([3, 4, 5])),
        (3, [3.0], "[3]", range(3, 6), (4, 3, 5), ["3", "4", "5"]),
    ],
    "6.6": [(LETTERS, PAIRS, 0), (LETTERS.eval(), Smoothed(), "0"), (Pairs(1), PAIRS, 0.0)],
}


# Each mistake as a learner may write it, and what the check says


def centred(x):
    return x - x.mean(-1, keepdim=True)


def no_gain(self, x):
    y = centred(x) / (centred(x).pow(2).mean(-1, keepdim=True) + self.eps).sqrt()
    return y if self.bias is None else y + self.bias


def gain_alone(self, x):
    return centred(x) / (centred(x).pow(2).mean(-1, keepdim=True) + self.eps).sqrt() * self.weight


def neither(self, x):
    return centred(x) / (centred(x).pow(2).mean(-1, keepdim=True) + self.eps).sqrt()


def bias_always(self, x):
    y = centred(x) / (centred(x).pow(2).mean(-1, keepdim=True) + self.eps).sqrt()
    return self.weight * y + self.bias


def bias_inside(self, x):
    y = centred(x) / (centred(x).pow(2).mean(-1, keepdim=True) + self.eps).sqrt()
    return self.weight * (y if self.bias is None else y + self.bias)


def over(*dims):
    def core(x, eps):
        m = x.mean(dims, keepdim=True)
        return (x - m) / torch.sqrt(((x - m) ** 2).mean(dims, keepdim=True) + eps)

    return norm_core(core)


def over_all(x, eps):
    return (x - x.mean()) / torch.sqrt(x.var(unbiased=False) + eps)


def with_std(x, eps):
    return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps)


def with_std_of_all(x, eps):
    return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True, unbiased=False) + eps)


def with_var(x, eps):
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + eps).sqrt()


def naked(x, eps):
    return (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True, unbiased=False)


def with_std_alone(x, eps):
    return (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True)


def unfinished(core):
    return norm(lambda self, x: core(x, self.eps))


def with_gain_alone(core):
    return norm(lambda self, x: core(x, self.eps) * self.weight)


def with_bias_always(core):
    return norm(lambda self, x: self.weight * core(x, self.eps) + self.bias)


def tiny_eps(x, eps):
    return centred(x) / (x.var(-1, keepdim=True, unbiased=False) + eps * eps).sqrt()


def fixed_eps(x, eps):
    return centred(x) / (x.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()


def no_axes_kept(x, eps):
    return (x - x.mean(-1)) / (x.var(-1, unbiased=False) + eps) ** 0.5


def mean_axis_lost(x, eps):
    return (x - x.mean(-1)) / (x.var(-1, unbiased=False, keepdim=True) + eps) ** 0.5


def variance_axis_lost(x, eps):
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False) + eps) ** 0.5


def rootless(x, eps):
    return centred(x) / (centred(x) ** 2).mean(-1, keepdim=True).add(eps)


def not_centred(x, eps):
    return x / (x.var(-1, unbiased=False, keepdim=True) + eps) ** 0.5


def from_the_mean(x, eps):
    return (x.mean(-1, keepdim=True) - x) / (x.var(-1, unbiased=False, keepdim=True) + eps) ** 0.5


def frozen_statistics(x, eps):
    with torch.no_grad():
        m, s = x.mean(-1, keepdim=True), (x.var(-1, unbiased=False, keepdim=True) + eps).sqrt()
    return (x - m) / s


def data_alone(x, eps):
    x = x.data
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + eps).sqrt()


def rebuilt(self, x):
    return torch.tensor(Norm.forward(self, x).tolist(), dtype=x.dtype)


def in_place(self, x):
    x -= x.mean(-1, keepdim=True)
    return Norm.forward(self, x)


def called_by_torch(self, x):
    return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)


def mlp(forward=MLP.forward, **changes):
    return type("FeedForward", (MLP,), {"forward": forward, **changes})


class Narrow(MLP):
    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__(embed_dim, dropout, bias)
        self.up = nn.Linear(embed_dim, 2 * embed_dim, bias)
        self.down = nn.Linear(2 * embed_dim, embed_dim, bias)


class InputsLast(MLP):
    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__(embed_dim, dropout, bias)
        self.up = nn.Linear(4 * embed_dim, embed_dim, bias)
        self.down = nn.Linear(embed_dim, 4 * embed_dim, bias)


class NeverBack(MLP):
    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__(embed_dim, dropout, bias)
        self.down = nn.Linear(4 * embed_dim, 4 * embed_dim, bias)


class BiasForgotten(MLP):
    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__(embed_dim, dropout)


class BiasLeftOut(MLP):
    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__(embed_dim, dropout, False)


class HalfAlways(MLP):
    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__(embed_dim, 0.5, bias)


class HalfIfAny(MLP):
    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__(embed_dim, 0.5 if dropout > 0 else 0.0, bias)


class Numbered(nn.Module):
    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(embed_dim, 4 * embed_dim, bias=bias),
            nn.GELU(approximate="tanh"),
            nn.Linear(4 * embed_dim, embed_dim, bias=bias),
        )

    def forward(self, x):
        return self.layers(x)


def bent_at_the_end(self, x):
    return self.drop(self.act(self.down(self.up(x))))


def bent_at_the_start(self, x):
    return self.drop(self.down(self.up(self.act(x))))


def bent_twice(self, x):
    return self.drop(self.act(self.down(self.act(self.up(x)))))


def straight(self, x):
    return self.drop(self.down(self.up(x)))


def with_bypass(self, x):
    return x + MLP.forward(self, x)


def never_drops(self, x):
    return self.down(self.act(self.up(x)))


def drops_hidden(self, x):
    return self.down(self.drop(self.act(self.up(x))))


def drops_always(self, x):
    return F.dropout(self.down(self.act(self.up(x))), self.drop.p)


def pre(a, b):
    """A block in two steps: the stream after attention is a(self, x), the end b(self, x, y)."""
    return block(lambda self, x: b(self, x, a(self, x)))


def after_attention(self, x):
    return x + self.attention(self.norm1(x))


def after_mlp(self, x, y):
    return y + self.mlp(self.norm2(y))


def into_normed(self, x):
    x = self.norm1(x)
    x = x + self.attention(x)
    x = self.norm2(x)
    return x + self.mlp(x)


def into_normed_once(self, x):
    x = self.norm1(x)
    x = x + self.attention(x)
    return x + self.mlp(self.norm2(x))


def block_in_a_copy(self, x):
    stream = x.clone()
    stream += self.attention(self.norm1(stream))
    return stream + self.mlp.forward(self.norm2.forward(stream))


def stream_cut(self, x):
    return block_by_loop(self, x.detach())


def reads(p_dropped=True, factor=lambda p: 1 / (1 - p)):
    """A dropout that drops, or keeps, below p and scales what is left."""

    def dropout(x, p, training, draws):
        if training:
            keep = draws >= p if p_dropped else draws < p
            return torch.where(keep, x, 0.0) * factor(p)
        return x

    return dropout


def always_drops(x, p, training, draws):
    return x * (draws >= p) / (1 - p)


def drops_in_evaluation(x, p, training, draws):
    return x * (draws >= p) / (1 - p) if not training else x


def always_divides(x, p, training, draws):
    if training:
        x = torch.where(draws < p, 0.0, x)
    return x / (1 - p)


def weighs_later(x, p, training, draws):
    return torch.where(draws < p, 0.0, x) if training else (1 - p) * x


def weighs_twice(x, p, training, draws):
    return reads()(x, p, True, draws) if training else (1 - p) * x


def by_survivors(x, p, training, draws):
    if not training:
        return x
    keep = draws >= p
    return x * keep * keep.numel() / keep.sum()


def strictly_above(x, p, training, draws):
    return torch.where(draws > p, x / (1 - p), torch.zeros_like(x)) if training else x


def no_note(x, p, training, draws):
    return dropout_by_mask(torch.tensor(x.tolist(), dtype=x.dtype), p, training, draws)


def by_torch(x, p, training, draws):
    return F.dropout(x, p, training)


LATER = [3, 4, 5]


def who(**changes):
    """The right sets of 6.5 with some of them replaced."""
    right = {"a": [3], "b": [3], "c": [3], "d": LATER, "e": LATER, "f": LATER}
    return tuple((right | changes).values())


SAID = [
    ("6.1", (norm_core(with_var),), "✗ 6.1: your output is 1.095 times too small: variance divid"),
    ("6.1", (norm_core(with_std_of_all),), "✗ 6.1: right on ordinary rows, wrong on a nearly cons"),
    ("6.1", (norm_core(with_std),), "✗ 6.1: two things at once: x.std() divides by C − 1, Layer"),
    (
        "6.1",
        (norm_core(naked),),
        "✗ 6.1: right on ordinary rows, wrong on a nearly constant one, a",
    ),
    (
        "6.1",
        (norm_core(tiny_eps),),
        "✗ 6.1: right on ordinary rows, wrong on a nearly constant one:",
    ),
    ("6.1", (norm_core(with_std_alone),), "✗ 6.1: two things at once: x.std() divides by C − 1, L"),
    *(
        ("6.1", (finished(core),), f"✗ 6.1: {first} {{s}} Besides, {then}")
        for finished, first in (
            (unfinished, "the gain and the shift change nothing: multiply"),
            (with_gain_alone, "the shift changes nothing: where"),
            (with_bias_always, "with bias=False there is no shift: self.bias is"),
        )
        for core, then in (
            (with_var, "the variance is divided by C − 1"),
            (with_std_of_all, "ε goes under the root"),
            (with_std, "x.std() divides by C − 1, {s}; and ε goes under the root"),
            (naked, "ε is missing"),
            (with_std_alone, "x.std() divides by C − 1, {s}; and ε is missing"),
        )
    ),
    ("6.1", (norm_core(fixed_eps),), "✗ 6.1: with eps=0.5 your output is that of eps=1e-05."),
    ("6.1", (over(-2, -1),), "✗ 6.1: changing another position changed this one. Nor"),
    ("6.1", (norm_core(over_all),), "✗ 6.1: changing another position changed this one. Normal"),
    ("6.1", (over(0),), "✗ 6.1: changing another position changed this one. Normalise over the"),
    ("6.1", (over(-2),), "✗ 6.1: changing another position changed this one. Normalise over the"),
    ("6.1", (over(1),), "✗ 6.1: right for x (T, C), not for (2, 3, 6), where dim=1 is not the f"),
    ("6.1", (norm_core(no_axes_kept),), "✗ 6.1: the mean of x (2, 3, 6) comes out as (2, 3), with"),
    ("6.1", (norm_core(mean_axis_lost),), "✗ 6.1: the mean of x (2, 3, 6) comes out as (2, 3), wi"),
    ("6.1", (norm_core(variance_axis_lost),), "✗ 6.1: the variance of x (2, 3, 6) comes out as ("),
    ("6.1", (norm_core(rootless),), "✗ 6.1: you divide by the variance, the mean of the squares."),
    ("6.1", (norm_core(not_centred),), "✗ 6.1: the features of a position keep their mean. Subtr"),
    ("6.1", (norm_core(from_the_mean),), "✗ 6.1: large features come out small and small ones"),
    ("6.1", (norm(neither),), "✗ 6.1: the gain and the shift change nothing. Multiply by self.we"),
    ("6.1", (norm(no_gain),), "✗ 6.1: the gain changes nothing. Multiply the normed features by"),
    ("6.1", (norm(gain_alone),), "✗ 6.1: the shift changes nothing. Where self.bias is not None,"),
    ("6.1", (norm(bias_inside),), "✗ 6.1: the gain stretches the shift too: you add first and mul"),
    ("6.1", (norm(bias_always),), "✗ 6.1: with bias=False there is no shift: self.bias is None,"),
    ("6.1", (norm_core(frozen_statistics),), "✗ 6.1: values right, gradients wrong: mean and spre"),
    ("6.1", (norm_core(data_alone),), "✗ 6.1: values right, and no gradient arrives at x, so no"),
    ("6.1", (norm(rebuilt),), "✗ 6.1: values right, and nothing can learn through them: detach(),"),
    ("6.1", (norm(in_place),), "✗ 6.1: your input x was changed."),
    ("6.1", (norm(called_by_torch),), "✗ 6.1: your answer calls torch.nn.functional.layer_norm."),
    ("6.2", (mlp(bent_at_the_end),), "✗ 6.2: your output is never below −0.17: the activation com"),
    ("6.2", (mlp(bent_at_the_start),), "✗ 6.2: the input is bent before any layer has seen it,"),
    ("6.2", (mlp(bent_twice),), "✗ 6.2: your output is never below −0.17: it is bent once more at"),
    ("6.2", (mlp(straight),), "✗ 6.2: twice the input gives twice the output, apart from the bias"),
    ("6.2", (mlp(curve=nn.ReLU()),), "✗ 6.2: negative inputs of the activation give exactly 0: th"),
    ("6.2", (mlp(curve=nn.GELU()),), "✗ 6.2: off by less than a thousandth of the hidden numbers:"),
    ("6.2", (Narrow,), "✗ 6.2: 162 parameters, expected 318. The hidden layer is 4 × embed_dim wi"),
    ("6.2", (InputsLast,), "✗ 6.2: up.weight is (6, 24), expected (24, 6). nn.Linear takes the nu"),
    ("6.2", (NeverBack,), "✗ 6.2: down.weight is (24, 24), expected (6, 24). The second layer com"),
    ("6.2", (BiasForgotten,), "✗ 6.2: with bias=False your parameters are up.weight, up.bias, do"),
    ("6.2", (BiasLeftOut,), "✗ 6.2: with bias=True your parameters are up.weight, down.weight."),
    ("6.2", (Numbered,), "✗ 6.2: your module holds the parameters layers.0.weight, layers.0.bias,"),
    ("6.2", (mlp(with_bypass),), "✗ 6.2: your output holds the input as well. The MLP returns wha"),
    ("6.2", (mlp(never_drops),), "✗ 6.2: with dropout=0.3, while training, nothing is dropped."),
    ("6.2", (mlp(drops_hidden),), "✗ 6.2: dropout takes entries from somewhere before the end, n"),
    ("6.2", (mlp(drops_always),), "✗ 6.2: after eval() entries are still dropped. nn.Dropout fol"),
    ("6.2", (HalfIfAny,), "✗ 6.2: entries are dropped, but not the share that was asked for."),
    ("6.2", (HalfAlways,), "✗ 6.2: entries are dropped although dropout is 0: nn.Dropout()"),
    ("6.3", (block(into_normed),), "✗ 6.3: with both sublayers set to zero the block must return"),
    ("6.3", (block(into_normed_once),), "✗ 6.3: with both sublayers set to zero the block must re"),
    (
        "6.3",
        (
            block(
                lambda self, x: (y := self.norm2(x + self.attention(self.norm1(x)))) + self.mlp(y)
            ),
        ),
        "✗ 6.3: with both sublayers set to zero the block must return x. Yours returns LayerNorm(x)"
        ": what the MLP makes",
    ),
    (
        "6.3",
        (
            pre(
                lambda self, x: self.norm1(x + self.attention(x)),
                lambda self, x, y: self.norm2(y + self.mlp(y)),
            ),
        ),
        "✗ 6.3: the output comes out of a norm, at every position: you normalise after adding",
    ),
    (
        "6.3",
        (pre(after_attention, lambda self, x, y: y + self.mlp(self.norm1(y))),),
        "✗ 6.3: changing the first norm's gain changes the second. One norm is used twice;",
    ),
    (
        "6.3",
        (pre(lambda self, x: x + self.attention(self.norm2(x)), after_mlp),),
        "✗ 6.3: changing the second norm's gain changes the first. One norm is used twice;",
    ),
    (
        "6.3",
        (
            pre(
                lambda self, x: x + self.attention(self.norm2(x)),
                lambda self, x, y: y + self.mlp(self.norm1(y)),
            ),
        ),
        "✗ 6.3: the norms have changed places: norm1 belongs to attention,",
    ),
    (
        "6.3",
        (
            pre(
                lambda self, x: self.attention(self.norm1(x)),
                lambda self, x, y: self.mlp(self.norm2(y)),
            ),
        ),
        "✗ 6.3: with both sublayers set to zero the block must return x, and of yours nothing is",
    ),
    (
        "6.3",
        (pre(lambda self, x: self.attention(self.norm1(x)), after_mlp),),
        "✗ 6.3: attention's output replaces x: with attention set to zero nothing of x is left.",
    ),
    (
        "6.3",
        (pre(after_attention, lambda self, x, y: self.mlp(self.norm2(y))),),
        "✗ 6.3: the MLP's output replaces the stream: with the MLP set to zero nothing",
    ),
    (
        "6.3",
        (block(lambda self, x: x + self.mlp(self.norm2(self.attention(self.norm1(x))))),),
        "✗ 6.3: with the MLP set to zero, what attention found is lost: one x + stands around both",
    ),
    (
        "6.3",
        (pre(after_attention, lambda self, x, y: y + self.mlp(self.norm2(x))),),
        "✗ 6.3: the MLP reads the stream as it was before attention. It stands behind it:",
    ),
    (
        "6.3",
        (pre(after_attention, lambda self, x, y: x + self.mlp(self.norm2(y))),),
        "✗ 6.3: with the MLP set to zero, what attention found is lost: the second sum starts from",
    ),
    (
        "6.3",
        (pre(after_attention, lambda self, x, y: y + self.mlp(self.norm2(y - x))),),
        "✗ 6.3: the MLP reads only what attention found, without x. It reads the stream,",
    ),
    (
        "6.3",
        (pre(lambda self, x: x + self.attention(x), lambda self, x, y: y + self.mlp(y)),),
        "✗ 6.3: neither norm has an effect. Each sublayer reads the stream through its own.",
    ),
    (
        "6.3",
        (pre(lambda self, x: x + self.attention(x), after_mlp),),
        "✗ 6.3: norm1 has no effect. Attention reads the stream through it.",
    ),
    (
        "6.3",
        (pre(after_attention, lambda self, x, y: y + self.mlp(y)),),
        "✗ 6.3: norm2 has no effect. The MLP reads the stream through it.",
    ),
    (
        "6.3",
        (
            pre(
                lambda self, x: x + self.norm1(self.attention(x)),
                lambda self, x, y: y + self.norm2(self.mlp(y)),
            ),
        ),
        "✗ 6.3: the norms stand behind the sublayers, on what they write. Normalise what goes into",
    ),
    (
        "6.3",
        (
            pre(
                lambda self, x: x + self.mlp(self.norm1(x)),
                lambda self, x, y: y + self.attention(self.norm2(y)),
            ),
        ),
        "✗ 6.3: the MLP comes before attention. First collect, then think: attention, then the MLP",
    ),
    (
        "6.3",
        (
            pre(
                lambda self, x: x + self.mlp(self.norm2(x)),
                lambda self, x, y: y + self.attention(self.norm1(y)),
            ),
        ),
        "✗ 6.3: the MLP comes before attention. First collect, then think: attention, then the MLP",
    ),
    (
        "6.3",
        (block(after_attention),),
        "✗ 6.3: the MLP has no effect on the output. A block has two",
    ),
    (
        "6.3",
        (block(lambda self, x: after_mlp(self, x, x)),),
        "✗ 6.3: attention has no effect on the output. A block has two sublayers,",
    ),
    (
        "6.3",
        (pre(after_attention, lambda self, x, y: x + after_mlp(self, x, y)),),
        "✗ 6.3: with both sublayers set to zero the block must return x. Yours returns 2x: the inp",
    ),
    ("6.3", (block(stream_cut),), "✗ 6.3: values right, and no gradient arrives at x, so no earli"),
    ("6.3", (block(block_in_a_copy),), "✗ 6.3: values right, and backward() stops: += writes over"),
    (
        "6.3",
        (block(lambda self, x: x.add_(self.attention(self.norm1(x))) + self.mlp(self.norm2(x))),),
        "✗ 6.3: your input x was changed.",
    ),
    ("6.4", (reads(factor=lambda p: 1),), "✗ 6.4: the mean fell from 1.0{s} to 0.{s}. Divide what"),
    ("6.4", (always_drops,), "✗ 6.4: in eval mode values are still dropped. Return x unchanged wh"),
    ("6.4", (drops_in_evaluation,), "✗ 6.4: values are dropped in evaluation and none in training"),
    ("6.4", (reads(False),), "✗ 6.4: {s}% survive at p = 0.1. p is the share that is dropped, not"),
    (
        "6.4",
        (reads(False, lambda p: 1 / p if p else 0),),
        "✗ 6.4: {s}% survive at p = 0.1. p is the share that is dropped, not kept.",
    ),
    ("6.4", (reads(False, lambda p: 1),), "✗ 6.4: {s}% survive at p = 0.1. p is the share that is"),
    (
        "6.4",
        (lambda x, p, t, d: x * (d >= p) / p if t else x,),
        "✗ 6.4: what survives is divided by",
    ),
    (
        "6.4",
        (reads(factor=lambda p: 1 - p),),
        "✗ 6.4: the mean fell from 1.0{s}: you multiply what",
    ),
    (
        "6.4",
        (always_divides,),
        "✗ 6.4: with training=False everything is 1.67 times as large as be",
    ),
    ("6.4", (weighs_twice,), "✗ 6.4: with training=False everything is 0.60 times as large as bef"),
    (
        "6.4",
        (weighs_later,),
        "✗ 6.4: you make up for the loss in evaluation, by 1 − p. That is drop",
    ),
    ("6.4", (by_survivors,), "✗ 6.4: you divide by the share that happened to survive, which is"),
    (
        "6.4",
        (strictly_above,),
        "✗ 6.4: an entry whose draw equals p is gone, and with p = 0 a draw",
    ),
    ("6.4", (no_note,), "✗ 6.4: values right, and no gradient arrives at x. Leave out detach(),"),
    ("6.4", (by_torch,), "✗ 6.4: your answer calls torch.nn.functional.dropout."),
    ("6.5", who(a=LATER), "✗ 6.5a: the embedding looks up one row per token and one per place,"),
    ("6.5", who(b=LATER), "✗ 6.5b: a norm looks along the features of one position, not along the"),
    ("6.5", who(b=range(6)), "✗ 6.5b: a norm looks along the features of one position, not along"),
    (
        "6.5",
        who(c="3, 4, 5"),
        "✗ 6.5c: the MLP works on each position alone: only position 3 chang",
    ),
    ("6.5", who(c=[0, 1, 2, 3, 4, 5]), "✗ 6.5c: the MLP works on each position alone: only positi"),
    (
        "6.5",
        who(c=[4, 5]),
        "✗ 6.5c: the MLP works on each position alone: only position 3 changes.",
    ),
    (
        "6.5",
        who(c=[0, 1, 2, 3]),
        "✗ 6.5c: the MLP works on each position alone: only position 3 ch",
    ),
    ("6.5", who(a=[]), "✗ 6.5a: position 3 has another input, so it may well change. Who else"),
    ("6.5", who(d=range(6)), "✗ 6.5d: attention is causal: positions 0 to 2 can't change."),
    ("6.5", who(d=[0, 1, 2, 3]), "✗ 6.5d: attention is causal: positions 0 to 2 can't change."),
    ("6.5", who(d=[0, 1, 2]), "✗ 6.5d: attention is causal: positions 0 to 2 can't change."),
    ("6.5", who(d=[3]), "✗ 6.5d: attention lets every later position look at position 3, however"),
    ("6.5", who(d=[3, 4]), "✗ 6.5d: attention lets every later position look at position 3, howev"),
    ("6.5", who(d=[4, 5]), "✗ 6.5d: position 3 looks at itself too, so it may change like those"),
    ("6.5", who(d=[]), "✗ 6.5d: position 3 has another input, so it may well change."),
    (
        "6.5",
        who(e=range(6)),
        "✗ 6.5e: attention is causal: positions 0 to 2 can't change. Norm, MLP",
    ),
    ("6.5", who(e=[3]), "✗ 6.5e: a block contains attention, through which every later position"),
    (
        "6.5",
        who(f=range(6)),
        "✗ 6.5f: what positions 0 to 2 give to the second block has not changed",
    ),
    (
        "6.5",
        who(f=[3]),
        "✗ 6.5f: the first block has carried the change to all later positions alr",
    ),
    ("6.5", who(f="all of them"), "✗ 6.5f: type a list of positions, such as [0, 1], not ['all of"),
    ("6.5", who(f=[3, 4, 5, 6]), "✗ 6.5f: the positions are 0 to 5; you typed [3, 4, 5, 6]."),
    ("6.6", (PAIRS, PAIRS, 0), "✗ 6.6a: {s} is far below the unigram, {s}: this model knows the"),
    ("6.6", (FRESH, PAIRS, 0), "✗ 6.6a: {s} is worse than the letter frequencies, {s}: this model"),
    (
        "6.6",
        (3.35, 2.6, 0),
        "✗ 6.6a: hand in the trained model itself, not 3.35: the check measure",
    ),
    (
        "6.6",
        (nn.Linear(3, 3), PAIRS, 0),
        "✗ 6.6a: the model can't score 32 characters of your text",
    ),
    (
        "6.6",
        (LETTERS, LETTERS, 0),
        "✗ 6.6b: {s} is the unigram, {s}: without the bypass nothing of the",
    ),
    (
        "6.6",
        (LETTERS, ASTRAY, 0),
        "✗ 6.6b: {s} is worse than the letter frequencies, {s}: this mod",
    ),
    ("6.6", (LETTERS, PAIRS, 3), "✗ 6.6c: in a fresh Stack() that layer's gradient is the largest"),
    (
        "6.6",
        (LETTERS, PAIRS, 1),
        "✗ 6.6c: counted from 1? {s} Measured on a trained stack? {s} a fresh one",
    ),
    ("6.6", (LETTERS, PAIRS, 2), "✗ 6.6c: measured with the bypass? There all four get nearly the"),
    ("6.6", (LETTERS, PAIRS, 4), "✗ 6.6c: the layers are numbered 0 to 3; you typed 4."),
]
