"""Chapter 06, blocks: the right answers, the known wrong ones, and the help."""

import functools
import math
import numbers
from dataclasses import dataclass

import torch
from torch import nn

from course.checks.engine import Exercise, Part, Prediction, Wrong
from course.checks.typed import Seen, read_whole, typed
from course.checks.variants import WORDS, Dice, Varied
from course.corpora import load_corpus
from minigpt_lib.baselines import NGramModel, cross_entropy
from minigpt_lib.data import sliding_windows, train_val_split
from minigpt_lib.tokenizer import CharTokenizer

PREDICTIONS = {
    "6.p1": Prediction("c", choices="abcd"),  # the shares of letters in the text
    "6.p2": Prediction(1 / 256, within=0.0006),  # a quarter, four times
    "6.p3": Prediction((0, 0, 0, 0)),  # a row of equal features
    "6.p4": Prediction("b", choices="abcd"),  # the input as it was
    "6.p5": Prediction("a", choices="abc"),  # attention yes, MLP no
}
CARDS = {
    "The Generous Judge": "A spread is divided by one too few, as is done for a sample. In a wide "
    "layer nobody notices, in a narrow one the loss of another program no longer fits. A norm "
    "describes the row it has: divide by C.",
    "The Bare Zero": "Something is divided by a spread that may be 0. One row of equal features "
    "makes nan of everything. Put ε under the root, where it does nothing to ordinary rows.",
    "The Silent Partner": "A learned gain or shift is there and is never used, so nobody ever "
    "trains it. You notice it when its gradient is None. Use every parameter that you make.",
    "The Bent Corner": "What bends the numbers stands at the wrong place, or is not there. Two "
    "linear layers in a row are one; a bend at the end keeps half of all answers from coming "
    "out. It belongs between the two.",
    "The Other Curve": "One bend is taken for another: ReLU for GELU, the exact form for the one "
    "with tanh. Values look alike, and weights that learned with one misfit the other.",
    "The Thin Wall": "A hidden layer is too narrow or too wide. It runs and trains, and weights "
    "from elsewhere do not fit. Count the parameters.",
    "The Broken Bypass": "A layer's output replaces the stream, in whole or in part, and what was "
    "in it is lost. Deep stacks then learn next to nothing. Write x + before each sublayer.",
    "The Toll Gate": "The stream itself has to pass a norm, so no number gets through as it was. "
    "With sublayers that write nothing a block must return its input. Norm what goes into a "
    "sublayer, not what goes past it.",
    "The Twin": "One part does the work of two, or each does the other's. Before training nothing "
    "shows, because all norms start alike. Give every sublayer its own, and give them other "
    "gains when you test.",
    "The Shrinking Crowd": "Dropout takes some away and nobody makes up for them, so the numbers "
    "are smaller in training than in use. Divide what survives by 1 − p.",
    "The Gossip": "Something that works on each position alone is thought to talk to others, or "
    "to the past. Only attention carries news, and only forwards.",
    "The Swapped Label": "Two results lie side by side and are handed in under each other's name. "
    "Measure once more, with the name on.",
}


def normal(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


# 6.1 LayerNorm


class RightNorm(nn.Module):
    """Subclasses spoil one of the steps."""

    eps_is_fixed = False
    dims: tuple[int, ...] = (-1,)

    def __init__(self, embed_dim, bias=True, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(embed_dim))
        self.bias = nn.Parameter(torch.zeros(embed_dim)) if bias else None
        self.eps = eps

    def forward(self, x):
        return self.finish(self.normed(x))

    def normed(self, x):
        away = x - x.mean(self.dims, keepdim=True)
        return away * self.shrink(away.square().mean(self.dims, keepdim=True))

    def shrink(self, variance):
        return (variance + (1e-5 if self.eps_is_fixed else self.eps)).rsqrt()

    def finish(self, normed):
        scaled = normed * self.weight
        return scaled if self.bias is None else scaled + self.bias


def norm_with(**changes):
    """The right answer with some of its steps replaced."""
    return type("Spoilt", (RightNorm,), changes)


def over(*dims):
    """Mean and variance over these dimensions; those of x counted from the end, or all."""

    def normed(self, x):
        axes = dims or tuple(range(x.dim()))
        centred = x - x.mean(axes, keepdim=True)
        return centred / (centred.square().mean(axes, keepdim=True) + self.eps).sqrt()

    return norm_with(normed=normed)


def with_statistics(statistics):
    """The answer that normalises by statistics(x, eps) = (mean, spread)."""

    def normed(self, x):
        mean, spread = statistics(x, self.eps)
        return (x - mean) / spread

    return norm_with(normed=normed)


def row_mean(x):
    return x.mean(-1, keepdim=True)


def row_spread(x, eps, unbiased=False):
    return (x.var(-1, keepdim=True, unbiased=unbiased) + eps).sqrt()


def only_the_mean(self, normed):
    return normed if self.bias is None else normed + self.bias


def shift_first(self, normed):
    return (normed if self.bias is None else normed + self.bias) * self.weight


def shift_needed(self, normed):
    return normed * self.weight + self.bias


def rebuilt(self, normed):
    return RightNorm.finish(self, normed).detach()


def input_cut_off(self, x):
    return RightNorm.normed(self, x.detach())


def drive_norm(answer, x, weight, bias, eps):
    """Build the module with this gain and shift, normalise x, and go back to x."""
    module = answer(len(weight), bias=bias is not None, eps=eps).double()
    with torch.no_grad():
        for mine, given in ((module.weight, weight), (module.bias, bias)):
            if given is not None:
                mine.copy_(given)
    before = x.clone()
    y = module(x)
    if y is None or not torch.equal(x, before):
        return y
    if not isinstance(y, torch.Tensor) or y.shape != x.shape:
        return {"output": y, "gradient of x": "none"}
    if x.var(dim=-1).min() < 0.01:
        return {"output": y}  # where rows are nearly constant, wrong gradients are mostly nan
    leaf = x.clone().requires_grad_()
    again = module(leaf)
    if not again.requires_grad:
        return {"output": y, "gradient of x": "none", "can learn": False}
    (slope,) = torch.autograd.grad(again.pow(3).sum(), leaf, allow_unused=True)
    slope = "none" if slope is None else slope
    return {"output": y, "gradient of x": slope, "can learn": True}


def norm_cases(g: torch.Generator) -> list[tuple]:
    """Ordinary rows first; other ranks; a square; rows with a variance near ε, one of 0; other ε.

    C is 5 to 8, so that C − 1 shows.
    """

    def case(*shape, scale=1.0, level=0.0, bias=True, eps=1e-5):
        C = shape[-1]
        x = normal(g, *shape) * scale + level
        return x, 1 + 0.5 * normal(g, C), normal(g, C) if bias else None, eps

    constant = torch.full((2, 3, 8), 0.5, dtype=torch.float64)
    return [
        case(2, 3, 6, level=2.0),
        case(7),
        case(4, 5, bias=False),
        case(6, 6, level=-1.0),
        case(2, 4, 3, 8),
        case(2, 3, 6, scale=3e-3, level=1.0),
        (constant, *case(1, 8)[1:]),
        case(3, 4, 7, eps=0.5),
    ]


def hint_unbiased(args, got, right):
    C = args[0].shape[-1]
    return (
        f"your output is {math.sqrt(C / (C - 1)):.3f} times too small: variance divided by C − 1, "
        f"here {C - 1}. LayerNorm divides by C (unbiased=False)."
    )


def hint_no_eps(args, got, right):
    return (
        "right on ordinary rows, wrong on a nearly constant one, and nan where all features are "
        "equal: 0 divided by 0. Add self.eps to the variance, under the root."
    )


def hint_eps_fixed(args, got, right):
    return (
        f"with eps={args[3]:g} your output is that of eps=1e-05. Take self.eps, which whoever "
        "builds the layer may choose."
    )


def hint_from_front(args, got, right):
    return (
        f"right for x (T, C), not for {tuple(args[0].shape)}, where dim=1 is not the features. "
        "Count from the end: dim=-1."
    )


def hint_keepdim(what):
    def hint(args, got, right):
        rest = tuple(args[0].shape[:-1])
        return (
            f"{what} of x {tuple(args[0].shape)} comes out as {rest}, without the axis it was "
            f"taken over, so it can't stand beside its rows. Keep it: keepdim=True gives "
            f"{(*rest, 1)}."
        )

    return hint


def hint_shift_needed(args, got, right):
    if got.kind != "TypeError":
        return f"your answer stops with {got.kind}: {got.text}"
    return (
        "with bias=False there is no shift: self.bias is None, and your sum stops with a "
        "TypeError. Add it only if it is there."
    )


def finished(spread, finish):
    """The answer that divides by spread(x, eps) and ends with this finish."""

    def normed(self, x):
        return (x - row_mean(x)) / spread(x, self.eps)

    return norm_with(normed=normed, finish=finish)


# Two mistakes in one line: what is divided by (what to say of it, and the card), and how it ends.
SPREADS = {
    "C - 1": (
        lambda x, eps: row_spread(x, eps, True),
        "the variance is divided by C − 1, LayerNorm divides by C (unbiased=False)",
        "The Generous Judge",
    ),
    "eps outside": (
        lambda x, eps: row_spread(x, 0) + eps,
        "ε goes under the root: √(variance + ε)",
        "The Bare Zero",
    ),
    "C - 1, and eps outside": (
        lambda x, eps: row_spread(x, 0, True) + eps,
        "x.std() divides by C − 1, LayerNorm by C (unbiased=False); and ε goes under the root: "
        "√(variance + ε)",
        "The Generous Judge",
    ),
    "no eps": (
        lambda x, eps: row_spread(x, 0),
        "ε is missing, so equal features give nan: add self.eps to the variance, under the root",
        "The Bare Zero",
    ),
    "C - 1, and no eps": (
        lambda x, eps: row_spread(x, 0, True),
        "x.std() divides by C − 1, LayerNorm by C (unbiased=False); and ε is missing: add self.eps "
        "to the variance, under the root",
        "The Generous Judge",
    ),
}
FINISHES = {
    "no gain and no shift": (
        lambda self, normed: normed,
        "the gain and the shift change nothing: multiply by self.weight, add self.bias. Besides,",
    ),
    "no shift": (
        lambda self, normed: normed * self.weight,
        "the shift changes nothing: where self.bias is not None, add it at the end. Besides,",
    ),
    "shift always added": (
        shift_needed,
        "with bias=False there is no shift: self.bias is None, and your sum stops with a "
        "TypeError. Add it only if it is there. Besides,",
    ),
}
BOTH = tuple(
    Wrong(f"{name}; {end}", finished(spread, finish), f"{first} {then}.", card)
    for name, (spread, then, card) in SPREADS.items()
    for end, (finish, first) in FINISHES.items()
)

OTHER_POSITIONS = (
    "changing another position changed this one. Normalise over the last dimension only."
)
NORM = Part(
    "LayerNorm",
    RightNorm,
    cases=norm_cases,
    drive=drive_norm,
    wrong=(
        Wrong(
            "divided by C - 1",
            with_statistics(lambda x, eps: (row_mean(x), row_spread(x, eps, True))),
            hint_unbiased,
            "The Generous Judge",
        ),
        Wrong(
            "eps outside the root",
            with_statistics(lambda x, eps: (row_mean(x), row_spread(x, 0) + eps)),
            (
                "right on ordinary rows, wrong on a nearly constant one. ε goes under the root: "
                "√(variance + ε)."
            ),
            "The Bare Zero",
        ),
        Wrong(
            "C - 1, and eps outside",
            with_statistics(lambda x, eps: (row_mean(x), row_spread(x, 0, True) + eps)),
            (
                "two things at once: x.std() divides by C − 1, LayerNorm by C; and ε goes under "
                "the root: √(variance + ε). Start from x.var(…, unbiased=False)."
            ),
            "The Generous Judge",
        ),
        Wrong(
            "no eps",
            with_statistics(lambda x, eps: (row_mean(x), row_spread(x, 0))),
            hint_no_eps,
            "The Bare Zero",
        ),
        Wrong(
            "C - 1, and no eps",
            with_statistics(lambda x, eps: (row_mean(x), row_spread(x, 0, True))),
            (
                "two things at once: x.std() divides by C − 1, LayerNorm by C; and where all "
                "features are equal you divide 0 by 0, which is nan. Start from "
                "x.var(…, unbiased=False) and add self.eps under the root."
            ),
            "The Generous Judge",
        ),
        Wrong(
            "eps squared",
            with_statistics(lambda x, eps: (row_mean(x), row_spread(x, eps**2))),
            (
                "right on ordinary rows, wrong on a nearly constant one: there your ε is far too "
                "small. Add ε itself to the variance, not its square."
            ),
            "The Bare Zero",
        ),
        Wrong("eps fixed", norm_with(eps_is_fixed=True), hint_eps_fixed, "The Deaf Ear"),
        Wrong("over positions too", over(-2, -1), OTHER_POSITIONS, "The Wrong Turn"),
        Wrong("over everything", over(), OTHER_POSITIONS, "The Average Joe"),
        Wrong("over positions", over(-2), OTHER_POSITIONS, "The Wrong Turn"),
        Wrong("over dim 0", over(0), OTHER_POSITIONS, "The Wrong Turn"),
        Wrong("over dim 1", over(1), hint_from_front, "The Wrong Turn"),
        Wrong(
            "keepdim forgotten",
            with_statistics(
                lambda x, eps: (x.mean(-1), (x.var(-1, unbiased=False) + eps).sqrt()),
            ),
            hint_keepdim("the mean"),
            "The Sideways Row",
        ),
        Wrong(
            "keepdim of the mean forgotten",
            with_statistics(lambda x, eps: (x.mean(-1), row_spread(x, eps))),
            hint_keepdim("the mean"),
            "The Sideways Row",
        ),
        Wrong(
            "keepdim of the variance forgotten",
            with_statistics(
                lambda x, eps: (row_mean(x), (x.var(-1, unbiased=False) + eps).sqrt()),
            ),
            hint_keepdim("the variance"),
            "The Sideways Row",
        ),
        Wrong(
            "no root",
            with_statistics(
                lambda x, eps: (row_mean(x), x.var(-1, keepdim=True, unbiased=False) + eps),
            ),
            (
                "you divide by the variance, the mean of the squares. The spread is its root: "
                "twice as large an input must give the same output."
            ),
            "The Yardstick",
        ),
        Wrong(
            "mean left in",
            with_statistics(lambda x, eps: (0, row_spread(x, eps))),
            "the features of a position keep their mean. Subtract it before you divide.",
            "The Leveller",
        ),
        Wrong(
            "sign reversed",
            with_statistics(lambda x, eps: (row_mean(x), -row_spread(x, eps))),
            (
                "large features come out small and small ones large: the difference is the wrong "
                "way round. Subtract the mean from x, not x from the mean."
            ),
            "The Mirror",
        ),
        Wrong(
            "no gain and no shift",
            norm_with(finish=lambda self, normed: normed),
            "the gain and the shift change nothing. Multiply by self.weight, add self.bias.",
            "The Silent Partner",
        ),
        Wrong(
            "no gain",
            norm_with(finish=only_the_mean),
            "the gain changes nothing. Multiply the normed features by self.weight.",
            "The Silent Partner",
        ),
        Wrong(
            "no shift",
            norm_with(finish=lambda self, normed: normed * self.weight),
            "the shift changes nothing. Where self.bias is not None, add it at the end.",
            "The Silent Partner",
        ),
        Wrong(
            "shift before gain",
            norm_with(finish=shift_first),
            (
                "the gain stretches the shift too: you add first and multiply then. First the "
                "gain, then the shift."
            ),
            "The Early Bird",
        ),
        Wrong(
            "shift always added", norm_with(finish=shift_needed), hint_shift_needed, "The Deaf Ear"
        ),
        Wrong(
            "statistics cut off",
            with_statistics(lambda x, eps: (row_mean(x).detach(), row_spread(x, eps).detach())),
            (
                "values right, gradients wrong: mean and spread are taken for fixed numbers. "
                "They depend on x, so leave out detach(), .data, .item() and no_grad."
            ),
            "The Cut Cord",
        ),
        Wrong(
            "input cut off",
            norm_with(normed=input_cut_off),
            (
                "values right, and no gradient arrives at x, so no layer in front of the norm "
                "can learn. Leave out detach() and .data."
            ),
            "The Cut Cord",
        ),
        Wrong(
            "output cut off",
            norm_with(finish=rebuilt),
            (
                "values right, and nothing can learn through them: detach(), .data, .tolist(), "
                "torch.tensor(…) and no_grad lose the note of how they were computed."
            ),
            "The Cut Cord",
        ),
        *BOTH,
    ),
)

# 6.2 FeedForward


def tanh_form(x):
    """GELU in the form with tanh."""
    inner = math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x)
    return x * (0.5 + 0.5 * inner.tanh())


class RightMLP(nn.Module):
    """Two linear layers; subclasses spoil their sizes, or what happens between them."""

    factor, own_bias, own_share = 4, None, None

    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__()
        bias = bias if self.own_bias is None else self.own_bias
        hidden = self.factor * embed_dim
        self.up = nn.Linear(embed_dim, hidden, bias=bias)
        self.down = nn.Linear(hidden, embed_dim, bias=bias)
        self.share = dropout if self.own_share is None else self.own_share

    def forward(self, x):
        return self.dropped(self.down(self.bent(self.up(x))))

    def bent(self, hidden):
        return tanh_form(hidden)

    def dropped(self, y):
        return nn.functional.dropout(y, self.share, self.training)


def mlp_with(**changes):
    """The right answer with some of its steps replaced."""
    return type("Spoilt", (RightMLP,), changes)


def mlp_order(forward):
    """The answer whose forward is another."""
    return mlp_with(forward=forward)


class Turned(RightMLP):
    """Inputs and outputs of both layers swapped."""

    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__(embed_dim, dropout, bias)
        self.up, self.down = self.down, self.up


class StaysWide(RightMLP):
    """The second layer does not come back."""

    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__(embed_dim, dropout, bias)
        self.down = nn.Linear(4 * embed_dim, 4 * embed_dim, bias=bias)


class OtherNames(nn.Module):
    """The two layers, under names of its own."""

    def __init__(self, embed_dim, dropout=0.0, bias=True):
        super().__init__()
        self.fc1 = nn.Linear(embed_dim, 4 * embed_dim, bias=bias)
        self.fc2 = nn.Linear(4 * embed_dim, embed_dim, bias=bias)


def drive_mlp(answer, x, state, dropout):
    """Build the module with these parameters; its output, or in a word what is wrong with it.

    With dropout: a word for what was dropped, while training and after eval().
    """
    C, bias = x.shape[-1], "up.bias" in state
    module = answer(C, dropout=dropout, bias=bias)
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    expected = {name: tuple(tensor.shape) for name, tensor in state.items()}
    weights = {"up.weight", "down.weight"}
    if {name for name in shapes if name.endswith("weight")} != weights:
        raise AttributeError(f"parameters {', '.join(shapes)}; expected {', '.join(expected)}")
    if shapes.keys() != expected.keys():
        return Seen("bias", {"names": ", ".join(shapes), "asked": bias})
    up, down, wide = shapes["up.weight"], shapes["down.weight"], (4 * C, C)
    if (up, down) == (wide[::-1], wide):
        return Seen("turned", {"up": up, "expected": wide})
    if up != wide:
        total = sum(p.numel() for p in module.parameters())
        right_total = sum(tensor.numel() for tensor in state.values())
        return Seen("width", {"got": total, "right": right_total, "up": up, "expected": wide})
    if shapes != expected:
        return Seen("down", {"got": down, "expected": wide[::-1]})
    module.load_state_dict(state)
    module = module.double()
    if not dropout:
        y = module(x)
        if isinstance(y, torch.Tensor) and not y.requires_grad:
            return "can't learn"
        return y
    y, whole, again = module.train()(x), module.eval()(x), module(x)
    if not torch.equal(whole, again):
        return "drops while evaluating"
    left = y != 0
    if left.all() and torch.allclose(y, whole):
        return "drops nothing"
    grown = (y[left] / whole[left]).median()
    if left.all() or not torch.allclose(y[left], whole[left] * grown):
        return "drops something else"
    return "drops the output" if abs(1 - 1 / grown - dropout) < 1e-6 else "drops another share"


def mlp_cases(g: torch.Generator) -> list[tuple]:
    """Inputs of several ranks, wide enough that the forms of GELU differ; without biases; dropout.

    An input of 0 shows where the biases come in.
    """

    def case(*shape, scale=2.0, bias=True, dropout=0.0):
        C = shape[-1]
        state = {"up.weight": normal(g, 4 * C, C) * 0.6}
        if bias:
            state["up.bias"] = normal(g, 4 * C)
        state["down.weight"] = normal(g, C, 4 * C) * 0.6
        if bias:
            state["down.bias"] = normal(g, C)
        return scale * normal(g, *shape), state, dropout

    return [
        case(2, 3, 6),
        case(5, 7, bias=False),
        case(8),
        case(3, 2, 5, scale=0.0),
        case(2, 3, 4, 6, scale=0.3),
        case(6, 20, 8, dropout=0.3),
    ]


def hint_width(args, got, right):
    figures = got.figures
    if figures["got"] == figures["right"]:
        return f"up.weight is {figures['up']}, expected {figures['expected']}."
    return (
        f"{figures['got']} parameters, expected {figures['right']}. The hidden layer is "
        "4 × embed_dim wide."
    )


def hint_bias(args, got, right):
    return (
        f"with bias={got.figures['asked']} your parameters are {got.figures['names']}. Hand the "
        "argument on to both layers: bias=bias."
    )


def hint_turned(args, got, right):
    return (
        f"up.weight is {got.figures['up']}, expected {got.figures['expected']}. nn.Linear takes "
        "the number of inputs first: up goes from embed_dim to 4 × embed_dim, down comes back."
    )


def hint_down(args, got, right):
    return (
        f"down.weight is {got.figures['got']}, expected {got.figures['expected']}. The second "
        "layer comes back to embed_dim, so that the result can be added to the stream."
    )


def hint_other_names(args, got, right):
    if not got.text.startswith("parameters "):
        return f"your answer stops with {got.kind}: {got.text}"
    return (
        f"your module holds the {got.text}. Call the two layers self.up and self.down; weights are "
        "found under these names."
    )


MLP = Part(
    "FeedForward",
    RightMLP,
    cases=mlp_cases,
    drive=drive_mlp,
    wrong=(
        Wrong(
            "activation last",
            mlp_order(lambda self, x: self.dropped(self.bent(self.down(self.up(x))))),
            (
                "your output is never below −0.17: the activation comes last. Put it between the "
                "two linear layers."
            ),
            "The Bent Corner",
        ),
        Wrong(
            "activation first",
            mlp_order(lambda self, x: self.dropped(self.down(self.up(self.bent(x))))),
            (
                "the input is bent before any layer has seen it, and the two linear layers behind "
                "it are worth one. Put the activation between them."
            ),
            "The Bent Corner",
        ),
        Wrong(
            "activation twice",
            mlp_order(lambda self, x: self.dropped(self.bent(self.down(self.bent(self.up(x)))))),
            (
                "your output is never below −0.17: it is bent once more at the end. One activation "
                "is enough, between the two linear layers."
            ),
            "The Bent Corner",
        ),
        Wrong(
            "no activation",
            mlp_with(bent=lambda self, hidden: hidden),
            (
                "twice the input gives twice the output, apart from the biases: two linear layers "
                "in a row are one. Put the activation between them."
            ),
            "The Bent Corner",
        ),
        Wrong(
            "ReLU",
            mlp_with(bent=lambda self, hidden: hidden.clamp(min=0)),
            (
                "negative inputs of the activation give exactly 0: that is ReLU. GELU lets a "
                "little through."
            ),
            "The Other Curve",
        ),
        Wrong(
            "exact GELU",
            mlp_with(bent=lambda self, hidden: nn.functional.gelu(hidden)),
            (
                "off by less than a thousandth of the hidden numbers: your GELU is the exact one. "
                'GPT-2\'s has tanh: nn.GELU(approximate="tanh").'
            ),
            "The Other Curve",
        ),
        Wrong("another width", mlp_with(factor=1), hint_width, "The Thin Wall"),
        Wrong("layers turned", Turned, hint_turned, "The Mirror"),
        Wrong("stays wide", StaysWide, hint_down, "The Thin Wall"),
        Wrong("always a bias", mlp_with(own_bias=True), hint_bias, "The Deaf Ear"),
        Wrong("never a bias", mlp_with(own_bias=False), hint_bias, "The Deaf Ear"),
        Wrong("other names", OtherNames, hint_other_names, "The Half Move"),
        Wrong(
            "adds x",
            mlp_order(lambda self, x: x + self.dropped(self.down(self.bent(self.up(x))))),
            (
                "your output holds the input as well. The MLP returns what it makes of x; the "
                "block adds it (6.3)."
            ),
            "The Stutterer",
        ),
        Wrong(
            "no dropout",
            mlp_with(dropped=lambda self, y: y),
            (
                "with dropout=0.3, while training, nothing is dropped. Make self.dropout = "
                "nn.Dropout(…) and put the result through it."
            ),
            "The Leftover",
        ),
        Wrong(
            "dropout inside",
            mlp_order(lambda self, x: self.down(self.dropped(self.bent(self.up(x))))),
            (
                "dropout takes entries from somewhere before the end, not from the result. Here "
                "it acts last, on what down gives."
            ),
            "The Early Bird",
        ),
        Wrong(
            "dropout while evaluating",
            mlp_with(dropped=lambda self, y: nn.functional.dropout(y, self.share)),
            (
                "after eval() entries are still dropped. nn.Dropout follows the module's mode; "
                "F.dropout has to be told: training=self.training."
            ),
            "The Sleepwalker",
        ),
        Wrong(
            "half is dropped",
            mlp_with(
                dropped=lambda self, y: nn.functional.dropout(
                    y, 0.5 if self.share else 0.0, self.training
                ),
            ),
            (
                "entries are dropped, but not the share that was asked for. Hand it on: "
                "nn.Dropout(dropout)."
            ),
            "The Forgetter",
        ),
        Wrong(
            "dropout unasked",
            mlp_with(dropped=lambda self, y: nn.functional.dropout(y, 0.5, self.training)),
            (
                "entries are dropped although dropout is 0: nn.Dropout() alone means one half. "
                "Hand the share on: nn.Dropout(dropout)."
            ),
            "The Forgetter",
        ),
    ),
)

# 6.3 Pre-norm block


class RightBlock(nn.Module):
    """Two sublayers with their norms; what they are is put in by `drive_block`."""

    def __init__(self, embed_dim, num_heads, context_length, dropout=0.0, bias=True, norm=None):
        super().__init__()

    def forward(self, x):
        found = x + self.attention(self.norm1(x))
        return found + self.mlp(self.norm2(found))


def block_with(forward):
    """The answer whose forward is another."""
    return type("Spoilt", (RightBlock,), {"forward": forward})


def adds_to_normed(self, x):
    y = self.norm1(x)
    y = self.norm2(y + self.attention(y))
    return y + self.mlp(y)


def adds_first_to_normed(self, x):
    y = self.norm1(x)
    y = y + self.attention(y)
    return y + self.mlp(self.norm2(y))


def adds_second_to_normed(self, x):
    y = self.norm2(x + self.attention(self.norm1(x)))
    return y + self.mlp(y)


def normed_after_adding(self, x):
    y = self.norm1(x + self.attention(x))
    return self.norm2(y + self.mlp(y))


def first_norm_twice(self, x):
    y = x + self.attention(self.norm1(x))
    return y + self.mlp(self.norm1(y))


def second_norm_twice(self, x):
    y = x + self.attention(self.norm2(x))
    return y + self.mlp(self.norm2(y))


def norms_swapped(self, x):
    y = x + self.attention(self.norm2(x))
    return y + self.mlp(self.norm1(y))


def nothing_added(self, x):
    return self.mlp(self.norm2(self.attention(self.norm1(x))))


def attention_not_added(self, x):
    y = self.attention(self.norm1(x))
    return y + self.mlp(self.norm2(y))


def mlp_not_added(self, x):
    y = x + self.attention(self.norm1(x))
    return self.mlp(self.norm2(y))


def one_sum_around_both(self, x):
    return x + self.mlp(self.norm2(self.attention(self.norm1(x))))


def side_by_side(self, x):
    return x + self.attention(self.norm1(x)) + self.mlp(self.norm2(x))


def finding_lost(self, x):
    y = x + self.attention(self.norm1(x))
    return x + self.mlp(self.norm2(y))


def finding_alone(self, x):
    y = self.attention(self.norm1(x))
    return x + y + self.mlp(self.norm2(y))


def no_norms(self, x):
    y = x + self.attention(x)
    return y + self.mlp(y)


def no_first_norm(self, x):
    y = x + self.attention(x)
    return y + self.mlp(self.norm2(y))


def no_second_norm(self, x):
    y = x + self.attention(self.norm1(x))
    return y + self.mlp(y)


def normed_after_sublayer(self, x):
    y = x + self.norm1(self.attention(x))
    return y + self.norm2(self.mlp(y))


def mlp_first(self, x):
    y = x + self.mlp(self.norm1(x))
    return y + self.attention(self.norm2(y))


def mlp_first_own_norms(self, x):
    y = x + self.mlp(self.norm2(x))
    return y + self.attention(self.norm1(y))


def no_mlp(self, x):
    return x + self.attention(self.norm1(x))


def no_attention(self, x):
    return x + self.mlp(self.norm2(x))


def stream_twice(self, x):
    y = x + self.attention(self.norm1(x))
    return x + y + self.mlp(self.norm2(y))


def cut_from_x(self, x):
    return RightBlock.forward(self, x.detach())


def overwritten(self, x):
    y = x.clone()
    y += self.attention(self.norm1(y))
    y += self.mlp(self.norm2(y))
    return y


def drive_block(answer, x, norm1, attention, norm2, mlp):
    """Put these parts into a block, run it, and go back to x."""
    try:
        block = answer(12, 3, 8)
    except NotImplementedError:  # one of its parts is not written yet, and not needed here
        block = answer.__new__(answer)
        nn.Module.__init__(block)
    block.norm1, block.attention, block.norm2, block.mlp = norm1, attention, norm2, mlp
    before = x.clone()
    y = block(x)
    if y is None or not torch.equal(x, before):
        return y
    leaf = x.clone().requires_grad_()
    again = block(leaf)
    if not isinstance(y, torch.Tensor) or y.shape != x.shape or not again.requires_grad:
        return {"output": y, "gradient of x": "none"}
    try:
        (slope,) = torch.autograd.grad(again.pow(3).sum(), leaf, allow_unused=True)
    except RuntimeError as error:
        if "inplace" not in str(error):
            raise
        return {"output": y, "gradient of x": "overwritten"}
    return {"output": y, "gradient of x": "none" if slope is None else slope}


def block_cases(g: torch.Generator) -> list[tuple]:
    """Both sublayers silent, then one of them, then none; norms with gains of their own."""

    def norm():
        layer = nn.LayerNorm(6, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(1 + 0.5 * normal(g, 6))
            layer.bias.copy_(normal(g, 6))
        return layer

    def sublayer(loudness):
        linear = nn.Linear(6, 6, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(loudness * normal(g, 6, 6))
            linear.bias.copy_(loudness * normal(g, 6))
        return nn.Sequential(nn.Tanh(), linear)

    def case(attention, mlp, *shape):
        x = 1 + 2 * normal(g, *shape, 6)
        return x, norm(), sublayer(attention), norm(), sublayer(mlp)

    return [
        case(0, 0, 2, 3),
        case(1, 0, 2, 4),
        case(0, 1, 3, 2),
        case(1, 1, 1, 5),
        case(1, 1, 4, 3),
    ]


LEFT_OUT = "{} has no effect on the output. A block has two sublayers, each added to the stream."
SILENT = "with both sublayers set to zero the block must return x. Yours returns {}"
BLOCK = Part(
    "Block",
    RightBlock,
    cases=block_cases,
    drive=drive_block,
    wrong=(
        Wrong(
            "adds to the normed input",
            block_with(adds_to_normed),
            SILENT.format("LayerNorm(x): you add to the normed input."),
            "The Toll Gate",
        ),
        Wrong(
            "first adds to the normed input",
            block_with(adds_first_to_normed),
            SILENT.format(
                "LayerNorm(x): attention's finding is added to the normed input. Add it to x."
            ),
            "The Toll Gate",
        ),
        Wrong(
            "second adds to the normed input",
            block_with(adds_second_to_normed),
            SILENT.format(
                "LayerNorm(x): what the MLP makes is added to its normed input. Add it to the "
                "stream as it was."
            ),
            "The Toll Gate",
        ),
        Wrong(
            "post-norm",
            block_with(normed_after_adding),
            (
                "the output comes out of a norm, at every position: you normalise after adding "
                "(post-norm). Normalise what goes into the sublayer."
            ),
            "The Toll Gate",
        ),
        Wrong(
            "first norm twice",
            block_with(first_norm_twice),
            (
                "changing the first norm's gain changes the second. One norm is used twice; each "
                "sublayer has its own."
            ),
            "The Twin",
        ),
        Wrong(
            "second norm twice",
            block_with(second_norm_twice),
            (
                "changing the second norm's gain changes the first. One norm is used twice; each "
                "sublayer has its own."
            ),
            "The Twin",
        ),
        Wrong(
            "norms swapped",
            block_with(norms_swapped),
            "the norms have changed places: norm1 belongs to attention, norm2 to the MLP.",
            "The Twin",
        ),
        Wrong(
            "nothing added",
            block_with(nothing_added),
            (
                "with both sublayers set to zero the block must return x, and of yours nothing is "
                "left of x. Each sublayer is added to the stream: x + …"
            ),
            "The Broken Bypass",
        ),
        Wrong(
            "attention not added",
            block_with(attention_not_added),
            (
                "attention's output replaces x: with attention set to zero nothing of x is left. "
                "Add it: x + …"
            ),
            "The Broken Bypass",
        ),
        Wrong(
            "MLP not added",
            block_with(mlp_not_added),
            (
                "the MLP's output replaces the stream: with the MLP set to zero nothing of x is "
                "left. Add it: x + …"
            ),
            "The Broken Bypass",
        ),
        Wrong(
            "one sum around both",
            block_with(one_sum_around_both),
            (
                "with the MLP set to zero, what attention found is lost: one x + stands around "
                "both sublayers. Each has its own."
            ),
            "The Broken Bypass",
        ),
        Wrong(
            "side by side",
            block_with(side_by_side),
            (
                "the MLP reads the stream as it was before attention. It stands behind it: what "
                "attention found is added first."
            ),
            "The Early Bird",
        ),
        Wrong(
            "finding lost",
            block_with(finding_lost),
            (
                "with the MLP set to zero, what attention found is lost: the second sum starts "
                "from the old x. Go on with the result of the first."
            ),
            "The Fresh Starter",
        ),
        Wrong(
            "finding alone",
            block_with(finding_alone),
            (
                "the MLP reads only what attention found, without x. It reads the stream, after "
                "the first sum."
            ),
            "The Early Bird",
        ),
        Wrong(
            "no norms",
            block_with(no_norms),
            "neither norm has an effect. Each sublayer reads the stream through its own.",
            "The Silent Partner",
        ),
        Wrong(
            "no first norm",
            block_with(no_first_norm),
            "norm1 has no effect. Attention reads the stream through it.",
            "The Silent Partner",
        ),
        Wrong(
            "no second norm",
            block_with(no_second_norm),
            "norm2 has no effect. The MLP reads the stream through it.",
            "The Silent Partner",
        ),
        Wrong(
            "norms behind the sublayers",
            block_with(normed_after_sublayer),
            (
                "the norms stand behind the sublayers, on what they write. Normalise what goes "
                "into a sublayer."
            ),
            "The Toll Gate",
        ),
        Wrong(
            "MLP first",
            block_with(mlp_first),
            "the MLP comes before attention. First collect, then think: attention, then the MLP.",
            "The Queue Jumper",
        ),
        Wrong(
            "MLP first, with its norm",
            block_with(mlp_first_own_norms),
            "the MLP comes before attention. First collect, then think: attention, then the MLP.",
            "The Queue Jumper",
        ),
        Wrong("no MLP", block_with(no_mlp), LEFT_OUT.format("the MLP"), "The Early Leaver"),
        Wrong(
            "no attention", block_with(no_attention), LEFT_OUT.format("attention"), "The Leftover"
        ),
        Wrong(
            "stream twice",
            block_with(stream_twice),
            SILENT.format("2x: the input is added at the end once more. The first sum holds it."),
            "The Stutterer",
        ),
        Wrong(
            "overwritten",
            block_with(overwritten),
            (
                "values right, and backward() stops: += writes over numbers that a norm needs to "
                "find its gradient. Make a new tensor: x = x + …"
            ),
            "The Vandal",
        ),
        Wrong(
            "cut off",
            block_with(cut_from_x),
            (
                "values right, and no gradient arrives at x, so no earlier block can learn. Leave "
                "out detach() and .data."
            ),
            "The Cut Cord",
        ),
    ),
)

# 6.4 Dropout by hand


def share_kept(draws, p):
    return (draws < p).logical_not().to(torch.float64)


def right_dropout(x, p, training, draws):
    return x * share_kept(draws, p) / (1 - p) if training else x


def not_divided(x, p, training, draws):
    return x * share_kept(draws, p) if training else x


def mode_ignored(x, p, training, draws):
    return x * share_kept(draws, p) / (1 - p)


def mode_reversed(x, p, training, draws):
    return x if training else x * share_kept(draws, p) / (1 - p)


def p_is_kept(x, p, training, draws):
    return x * (draws < p) / (1 - p) if training else x


def p_is_kept_throughout(x, p, training, draws):
    return x * (draws < p) / max(p, 1e-300) if training else x


def p_is_kept_undivided(x, p, training, draws):
    return x * (draws < p) if training else x


def divided_by_p(x, p, training, draws):
    return x * share_kept(draws, p) / p if training else x


def multiplied_by_rest(x, p, training, draws):
    return x * share_kept(draws, p) * (1 - p) if training else x


def divided_while_evaluating(x, p, training, draws):
    return (x * share_kept(draws, p) if training else x) / (1 - p)


def scaled_in_evaluation(x, p, training, draws):
    return x * share_kept(draws, p) if training else x * (1 - p)


def scaled_in_both(x, p, training, draws):
    return x * share_kept(draws, p) / (1 - p) if training else x * (1 - p)


def by_those_that_survived(x, p, training, draws):
    kept = share_kept(draws, p)
    return x * kept / kept.mean() if training else x


def edge_dropped(x, p, training, draws):
    return x * (draws > p) / (1 - p) if training else x


def dropout_cut_off(x, p, training, draws):
    return right_dropout(x.detach(), p, training, draws)


def drive_dropout(answer, x, p, training, draws):
    """The output, and the gradient that comes back to x."""
    before = x.clone()
    y = answer(x, p, training, draws)
    if y is None or not torch.equal(x, before):
        return y
    leaf = x.clone().requires_grad_()
    again = answer(leaf, p, training, draws)
    if not isinstance(y, torch.Tensor) or y.shape != x.shape or not again.requires_grad:
        return {"output": y, "gradient of x": "none"}
    (slope,) = torch.autograd.grad(again.pow(2).sum(), leaf, allow_unused=True)
    return {"output": y, "gradient of x": "none" if slope is None else slope}


def dropout_cases(g: torch.Generator) -> list[tuple]:
    """A large input first, for its mean; small p and large; p = 0; both modes; draws equal to p."""

    def case(p, training, *shape):
        draws = torch.rand(*shape, generator=g, dtype=torch.float64)
        return 1 + 0.2 * normal(g, *shape), p, training, draws

    x, p, training, draws = case(0.25, True, 2, 3, 4)
    draws[0, 0] = torch.tensor([0.25, 0.1, 0.9, 0.25], dtype=torch.float64)
    x0, _, _, draws0 = case(0.0, True, 3, 5)
    draws0[1, 2] = 0.0
    return [
        case(0.1, True, 40, 25),
        (x, p, training, draws),
        case(0.4, False, 3, 4),
        case(0.8, True, 7),
        (x0, 0.0, True, draws0),
        case(0.1, False, 2, 3, 4),
    ]


def hint_not_divided(args, got, right):
    a, b = args[0].mean(), got["output"].mean()
    return (
        f"the mean fell from {a:.2f} to {b:.2f}. Divide what survives by 1 − p, so that evaluation "
        "needs no change."
    )


def hint_kept(args, got, right):
    share = (got["output"] != 0).double().mean()
    return f"{share:.0%} survive at p = {args[1]:g}. p is the share that is dropped, not kept."


def hint_divided_by_p(args, got, right):
    return (
        f"what survives is divided by p = {args[1]:g}, the share that is gone. Divide by the share "
        "that is left."
    )


def hint_multiplied(args, got, right):
    a, b = args[0].mean(), got["output"].mean()
    return (
        f"the mean fell from {a:.2f} to {b:.2f}: you multiply what survives by 1 − p. It has to "
        "stand in for those that are gone, so divide."
    )


def hint_in_evaluation(args, got, right):
    factor = (got["output"] / args[0]).flatten()[0]
    return (
        f"with training=False everything is {factor:.2f} times as large as before. Return x "
        "unchanged: training has made up for the loss already."
    )


def hint_those_left(args, got, right):
    return (
        "you divide by the share that happened to survive, which is another one in each call. "
        f"Divide by the share expected, 1 − p = {1 - args[1]:g}."
    )


DROPOUT = Part(
    "dropout",
    right_dropout,
    cases=dropout_cases,
    drive=drive_dropout,
    wrong=(
        Wrong("not divided", not_divided, hint_not_divided, "The Shrinking Crowd"),
        Wrong(
            "mode ignored",
            mode_ignored,
            ("in eval mode values are still dropped. Return x unchanged when training is False."),
            "The Sleepwalker",
        ),
        Wrong(
            "mode reversed",
            mode_reversed,
            (
                "values are dropped in evaluation and none in training: the question about "
                "training is the wrong way round."
            ),
            "The Mirror",
        ),
        Wrong("p is kept", p_is_kept, hint_kept, "The Mirror"),
        Wrong("p is kept, and divided by", p_is_kept_throughout, hint_kept, "The Mirror"),
        Wrong("p is kept, undivided", p_is_kept_undivided, hint_kept, "The Mirror"),
        Wrong("divided by p", divided_by_p, hint_divided_by_p, "The Mirror"),
        Wrong("multiplied", multiplied_by_rest, hint_multiplied, "The Shrinking Crowd"),
        Wrong(
            "divided in both modes",
            divided_while_evaluating,
            hint_in_evaluation,
            "The Sleepwalker",
        ),
        Wrong(
            "scaled in evaluation",
            scaled_in_evaluation,
            (
                "you make up for the loss in evaluation, by 1 − p. That is dropout as it was first "
                "described; here training does it, so that evaluation changes nothing: divide "
                "what survives by 1 − p."
            ),
            "The Shrinking Crowd",
        ),
        Wrong("scaled in both", scaled_in_both, hint_in_evaluation, "The Stutterer"),
        Wrong("divided by those left", by_those_that_survived, hint_those_left, "The Weather Map"),
        Wrong(
            "edge dropped",
            edge_dropped,
            (
                "an entry whose draw equals p is gone, and with p = 0 a draw of 0 would be too. "
                "Dropped is what lies below p."
            ),
            "The Fence Post",
        ),
        Wrong(
            "cut off",
            dropout_cut_off,
            (
                "values right, and no gradient arrives at x. Leave out detach(), .data and "
                "torch.tensor(…)."
            ),
            "The Cut Cord",
        ),
    ),
)

# 6.5 Who mixes what?


@dataclass(frozen=True)
class Changed:
    """The numbers of 6.5: how many positions the text has, and which one gets another input."""

    length: int = 6
    place: int = 3

    @property
    def past(self) -> tuple[int, ...]:
        """The positions before it."""
        return tuple(range(self.place))

    @property
    def later(self) -> tuple[int, ...]:
        """The place itself and all behind it."""
        return tuple(range(self.place, self.length))

    @property
    def said_past(self) -> str:
        """How a hint names the positions before it."""
        return "0 and 1" if self.place == 2 else f"0 to {self.place - 1}"


def draw_changed(dice: Dice) -> Changed | None:
    """At least two positions before the place and two behind it, so that mistakes differ."""
    changed = Changed(dice.whole(5, 9), dice.whole(2, 6))
    return changed if changed.place not in (3, *range(changed.length - 2, 9)) else None


def changed_texts(n: Changed) -> tuple[str, ...]:
    return (
        f"A text has {WORDS[n.length]} positions, 0 to {n.length - 1}. At position {n.place}, and "
        "nowhere else",
    )


def position_reader(length: int):
    """A reader of lists of positions in a text of this length."""

    def read_positions(handed: object) -> tuple[int, ...]:
        if isinstance(handed, str):
            handed = [part for part in handed.strip("()[]{} ").split(",") if part.strip()]
        if isinstance(handed, torch.Tensor):
            handed = handed.flatten().tolist()
        if isinstance(handed, numbers.Number) and not isinstance(handed, bool):
            handed = [handed]
        try:
            found = sorted({read_whole(position) for position in handed})
        except (TypeError, ValueError):
            text = f"type a list of positions, such as [0, 1], not {handed!r}."
            raise ValueError(text) from None
        if any(not 0 <= position < length for position in found):
            raise ValueError(f"the positions are 0 to {length - 1}; you typed {found}.")
        return tuple(found)

    return read_positions


def who(n: Changed, name: str, label: str, right: tuple, *wrong: tuple) -> Part:
    """A typed part: the positions that may change, and what wrong sets mean."""
    nobody = f"position {n.place} has another input, so it may well change. Who else looks at it?"
    wrong += (("nobody", (), nobody, "The Standstill"),)
    known = [Wrong(title, typed(value), hint, card) for title, value, hint, card in wrong]
    return Part(name, typed(right), tuple(known), label=label, read=position_reader(n.length))


def alone(n: Changed, name: str, label: str, text: str) -> Part:
    """A layer that works on each position alone."""
    return who(
        n,
        name,
        label,
        (n.place,),
        ("talks to later ones", n.later, text, "The Gossip"),
        ("talks to all", n.past + n.later, text, "The Gossip"),
        ("talks to later ones alone", n.later[1:], text, "The Gossip"),
        ("talks to earlier ones", (*n.past, n.place), text, "The Gossip"),
    )


def mixing(n: Changed, name: str, label: str, back: str, reach: str) -> Part:
    """A layer in which later positions look at earlier ones."""
    return who(
        n,
        name,
        label,
        n.later,
        ("everybody", n.past + n.later, back, "The Time Traveller"),
        ("the past", (*n.past, n.place), back, "The Mirror"),
        ("the past alone", n.past, back, "The Mirror"),
        ("itself alone", (n.place,), reach, "The Gossip"),
        ("one further", n.later[:2], reach, "The Early Leaver"),
        (
            "not itself",
            n.later[1:],
            f"position {n.place} looks at itself too, so it may change like those behind it.",
            "The Blind Spot",
        ),
    )


def who_mixes(n: Changed) -> Exercise:
    place, causal = n.place, f"attention is causal: positions {n.said_past} can't change."
    return Exercise(
        "6.5",
        "Who mixes what?",
        (
            alone(
                n,
                "embedding",
                "a",
                "the embedding looks up one row per token and one per place, each by itself: only "
                f"position {place} changes.",
            ),
            alone(
                n,
                "norm",
                "b",
                "a norm looks along the features of one position, not along the text.",
            ),
            alone(
                n,
                "mlp",
                "c",
                f"the MLP works on each position alone: only position {place} changes.",
            ),
            mixing(
                n,
                "attention",
                "d",
                causal,
                f"attention lets every later position look at position {place}, however far away "
                "it stands.",
            ),
            mixing(
                n,
                "block",
                "e",
                f"{causal} Norm, MLP and sum work on each position alone, so a block can't look "
                "ahead either.",
                "a block contains attention, through which every later position looks at position "
                f"{place}.",
            ),
            mixing(
                n,
                "two_blocks",
                "f",
                f"what positions {n.said_past} give to the second block has not changed, and there "
                "they can't look ahead either. However many causal layers you stack, no news "
                "travels back.",
                "the first block has carried the change to all later positions already; the second "
                "can only pass it on.",
            ),
        ),
        hints=(
            "Ask of each layer: if I hide all other positions from it, would its output at "
            "position 0 still be the same?",
            "A layer that computes along the axis C treats positions alone. A table of T × T "
            "is where they meet, and the mask says in which direction.",
            "Go through the shapes table of the chapter: who has T twice? The others change "
            "one position. For a block, put the news of its parts together, one after the "
            "other.",
        ),
    )


# 6.6 Two characters of code

CONTEXT = 32  # characters that a model handed in can read at least


@functools.cache
def measuring_stick() -> tuple[torch.Tensor, torch.Tensor, float, float]:
    """Inputs and targets to measure on, the loss of letter frequencies, that of no knowledge."""
    text = load_corpus().text
    tokenizer = CharTokenizer.from_text(text)
    train_ids, val_ids = train_val_split(tokenizer.encode(text))
    # The 12,800 characters of the chapter, so that its letter frequencies are those of the check.
    x, y = (part[: 12_800 // CONTEXT] for part in sliding_windows(val_ids, CONTEXT, CONTEXT))
    letters = NGramModel(1).fit(train_ids, tokenizer.vocab_size)
    frequencies = -letters.log_probabilities(y.flatten()).mean().item()
    return x, y, frequencies, math.log(tokenizer.vocab_size)


def read_model(handed: object) -> Seen:
    """What a trained model has learned, measured on the validation text."""
    if isinstance(handed, Seen):
        return handed
    if not isinstance(handed, nn.Module):
        raise ValueError(
            f"hand in the trained model itself, not {handed!r}: the check measures its loss."
        )
    x, y, letters, nothing = measuring_stick()
    mode = handed.training
    try:
        with torch.no_grad():
            loss = cross_entropy(handed.eval()(x), y).item()
    except Exception as error:
        text = f"the model can't score {CONTEXT} characters of your text: {error}"
        raise ValueError(" ".join(text.split())) from None
    finally:
        handed.train(mode)
    figures = {"x": f"{loss:.2f}", "letters": f"{letters:.2f}"}
    if not loss < (letters + nothing) / 2:
        return Seen("nothing", figures)
    return Seen("letters" if loss > letters - 0.35 else "more", figures)


def read_layer(handed: object) -> int:
    layer = read_whole(handed)
    if not 0 <= layer <= 3:
        raise ValueError(f"the layers are numbered 0 to 3; you typed {layer}.")
    return layer


def measured(text):
    """A hint with the figures of what was handed in: {x} its loss, {letters} the unigram's."""

    def hint(args, got, right):
        return text.format(
            x=got.figures.get("x", "its loss"), letters=got.figures.get("letters", "more")
        )

    return hint


UNTRAINED = measured(
    "{x} is worse than the letter frequencies, {letters}: this model has learned nothing, or "
    "fell apart in training. Hand in a stack after training, at the rate given."
)
REPORT = (
    Part(
        "bare",
        typed(Seen("letters")),
        label="a",
        read=read_model,
        wrong=(
            Wrong(
                "bypass handed in",
                typed(Seen("more")),
                measured(
                    "{x} is far below the unigram, {letters} here: this model knows the current "
                    "character. Asked for is the stack without the bypass. Which variant did you "
                    "report?"
                ),
                "The Swapped Label",
            ),
            Wrong("untrained", typed(Seen("nothing")), UNTRAINED, "The Standstill"),
        ),
    ),
    Part(
        "bypassed",
        typed(Seen("more")),
        label="b",
        read=read_model,
        wrong=(
            Wrong(
                "unigram handed in",
                typed(Seen("letters")),
                measured(
                    "{x} is the unigram, {letters} here: without the bypass nothing of the current "
                    "character gets through. Which variant did you report?"
                ),
                "The Swapped Label",
            ),
            Wrong("untrained", typed(Seen("nothing")), UNTRAINED, "The Standstill"),
        ),
    ),
    Part(
        "smallest",
        typed(0),
        label="c",
        read=read_layer,
        wrong=(
            Wrong(
                "last layer",
                typed(3),
                (
                    "in a fresh Stack() that layer's gradient is the largest. Gradients arrive "
                    "from the loss. Which layer do they reach last?"
                ),
                "The Wrong End",
            ),
            Wrong(
                "counted from one",
                typed(1),
                (
                    "counted from 1? The layers are numbered 0 to 3, as Python counts. Measured on "
                    "a trained stack? Training shifts the lengths: measure a fresh one, as in "
                    "gradient_lengths(Stack())."
                ),
                "The Fence Post",
            ),
            Wrong(
                "bypass measured",
                typed(2),
                (
                    "measured with the bypass? There all four get nearly the same, and one in the "
                    "middle may come out smallest. Asked for is the stack without it, and fresh: "
                    "gradient_lengths(Stack())."
                ),
                "The Swapped Label",
            ),
        ),
    ),
)

VARIANTS = {"6.5": Varied(Changed(), draw_changed, who_mixes, changed_texts)}
EXERCISES = {
    task.number: task
    for task in (
        Exercise(
            "6.1",
            "LayerNorm",
            (NORM,),
            hints=(
                "Each position is a row of C numbers, treated as if it were alone in the world: "
                "its own mean away, its own spread down to 1. Only then come gain and shift.",
                "x is (…, C) with any number of axes in front. Mean and variance over the last "
                "one, kept as (…, 1), stretch over the row again; the gain is (C,).",
                "centred = x minus its mean over dim=-1 with keepdim; variance = mean of centred "
                "squared, same way; centred / root of (variance + self.eps), times self.weight, "
                "plus self.bias unless that is None.",
            ),
            references=("minigpt_lib.blocks:LayerNorm.forward", "torch.nn:LayerNorm.forward"),
            torch_references=("layer_norm", "group_norm", "instance_norm", "batch_norm"),
            replaces={"LayerNorm": "blocks"},
        ),
        Exercise(
            "6.2",
            "FeedForward",
            (MLP,),
            hints=(
                "Go up, bend, come back down: two linear layers are worth no more than one unless "
                "something that is not linear stands between them.",
                "(…, C) → (…, 4C) → bent, (…, 4C) → (…, C). Who needs a number in __init__ gets it "
                "there: the widths, the bias, the share to drop.",
                "In __init__: self.up from embed_dim to 4 * embed_dim, self.down back, both with "
                'bias=bias; an nn.GELU with approximate="tanh"; an nn.Dropout(dropout). In '
                "forward: up, bend, down, drop.",
            ),
            references=("minigpt_lib.blocks:FeedForward.forward",),
            replaces={"FeedForward": "blocks"},
        ),
        Exercise(
            "6.3",
            "Pre-norm block",
            (BLOCK,),
            hints=(
                "Follow the stream with a finger: from the bottom to the top it meets two plus "
                "signs and nothing else. Everything else hangs at its side.",
                "Everything is (B, T, C). Twice the same figure: a norm reads the stream, a "
                "sublayer reads the norm, the result is added to the stream.",
                "stream plus what attention makes of the first norm of the stream; call that the "
                "stream; then the same with the MLP and the second norm.",
            ),
            references=("minigpt_lib.blocks:Block.forward",),
            replaces={"Block": "blocks"},
        ),
        Exercise(
            "6.4",
            "Dropout by hand",
            (DROPOUT,),
            hints=(
                "If a tenth of a choir stays away, by how much must each of the others sing louder "
                "so that the sum is, on average, what it was?",
                "The draws have the shape of x, so one comparison with p says for every entry "
                "whether it goes. Nothing at all happens outside training.",
                "Unless training: x. Else: keep = the draws that are not below p; x times keep, "
                "divided by what is left of 1 after p is gone.",
            ),
            torch_references=("dropout", "bernoulli"),
        ),
        who_mixes(Changed()),
        Exercise(
            "6.6",
            "Two characters of code",
            REPORT,
            hints=(
                "Train two stacks that differ in one line and nothing else. The gradient comes "
                "from the loss: which layer does it reach last?",
                "Only `through` changes: x goes in as (B, T, C), the layer gives (B, T, C) too, so "
                "the two can be added. The same train for both stacks.",
                "through returns x + what the layer makes of x. Then bare = train(Stack()), the "
                "other one the same with StackWithBypass(), and gradient_lengths(Stack()) gives "
                "four numbers, that of layer 0 first.",
            ),
        ),
    )
}
