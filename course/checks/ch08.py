"""Chapter 08, training: the right answers, the known wrong ones, and the help."""

import copy
import functools
import math
from dataclasses import dataclass
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from course.checks.engine import Exercise, Part, Prediction, Wrong
from course.checks.typed import Seen, Written, read_choice, read_number, read_whole, typed
from course.checks.variants import Dice, Varied, is_clear
from course.corpora import load_corpus
from minigpt_lib.data import sliding_windows, train_val_split
from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig

PREDICTIONS = {
    "8.p1": Prediction("c", choices="abc"),  # by heart, so far worse than knowing nothing
    "8.p2": Prediction(1, within=0.01),  # Adam's first step is the rate, whatever the gradient
    "8.p3": Prediction("b", choices="abcd"),
    "8.p4": Prediction("c", choices="abc"),  # a short window is nothing that it was trained on
}
CARDS = {
    "The Cold Start": "The first step has rate 0, or the warm-up ends somewhere else than at the "
    "peak. Print the rate of the first step, of the last one of the warm-up and of the next.",
    "The Missed Landing": "The schedule arrives too early, too late or at the wrong height. Print "
    "the rate halfway, at the last step and after it.",
    "The Late Seat Belt": "Fastened after the crash: what should limit a step comes when the step "
    "is done. The order is backward, clip, step.",
    "The Many Judges": "Each tensor is measured by itself where all together should be, so the "
    "step turns. One norm for all of them, one factor for all of them.",
    "The Hedge Cutter": "Long values are cut and short ones stay, so the direction is another. To "
    "shorten a vector, multiply all of it by one number.",
    "The Booster": "What was short is made long. A limit does nothing to what keeps it.",
    "The One-Way Street": "A generator can be walked once, and the second loop finds it empty. "
    "Make a list of it first.",
    "The Empty Chair": "A parameter that took no part has no gradient, only None. Ask before you "
    "measure it.",
    "The Wrong Diet": "Biases and gains are shrunk, or matrices are not. Print the name of each "
    "parameter beside its weight decay.",
    "The Orphan": "A parameter that is in no group is never updated, and nothing warns you. Count "
    "the parameters of all groups together.",
    "The Pack Rat": "Keeps the whole calculation in case somebody wants a gradient of it, and "
    "memory fills. no_grad() around a measurement, .item() for a number.",
    "The Believer": "A number is believed because it was printed. Ask per what, on which text, and "
    "whether the program beside it could have printed it.",
    "The Short Sight": "Judged on windows shorter than those that it was trained on, where it is a "
    "stranger. Score a model on windows as long as in training.",
    "The Memory Artist": "The best score on text that was read again and again is taken for the "
    "best model. Look at the text it has not read.",
}
LN2 = math.log(2)

# 8.1 The schedule


def warming(step, c):
    return c.learning_rate * (step + 1) / c.warmup_steps


def wave(c, done):
    """From the peak at 0 down to the minimum at 1."""
    return c.min_learning_rate + (c.learning_rate - c.min_learning_rate) * falling(done)


def falling(done):
    return (1 + math.cos(math.pi * min(done, 1.0))) / 2


def way(step, c):
    """The share of the way from the end of the warm-up to the last step."""
    return (step - c.warmup_steps) / (c.max_steps - c.warmup_steps)


def right_rate(step, config):
    return warming(step, config) if step < config.warmup_steps else wave(config, way(step, config))


def rate_with(after=None, before=warming, until=lambda step, c: step < c.warmup_steps):
    """Another way down, another warm-up, or another end of the warm-up."""
    after = after or (lambda step, c: wave(c, way(step, c)))

    def rate(step, config):
        return (before if until(step, config) else after)(step, config)

    return rate


rate_from_zero = rate_with(before=lambda s, c: c.learning_rate * s / c.warmup_steps)
rate_never_full = rate_with(before=lambda s, c: c.learning_rate * (s + 1) / (c.warmup_steps + 1))
rate_from_floor = rate_with(
    before=lambda s, c: (
        c.min_learning_rate + (c.learning_rate - c.min_learning_rate) * (s + 1) / c.warmup_steps
    )
)
rate_overshoots = rate_with(until=lambda s, c: 0 < c.warmup_steps >= s)
rate_no_warmup = rate_with(after=lambda s, c: wave(c, s / c.max_steps), until=lambda s, c: False)
rate_lands_early = rate_with(lambda s, c: wave(c, s / (c.max_steps - c.warmup_steps)))
rate_jumps = rate_with(lambda s, c: wave(c, s / c.max_steps))
rate_one_early = rate_with(
    lambda s, c: wave(c, (s - c.warmup_steps) / (c.max_steps - c.warmup_steps - 1))
)
rate_too_long = rate_with(lambda s, c: wave(c, (s - c.warmup_steps) / c.max_steps))
rate_to_zero = rate_with(lambda s, c: c.learning_rate * falling(way(s, c)))
rate_stacked = rate_with(lambda s, c: c.min_learning_rate + c.learning_rate * falling(way(s, c)))
rate_floor_cuts = rate_with(
    lambda s, c: max(c.min_learning_rate, c.learning_rate * falling(way(s, c)))
)
rate_straight = rate_with(
    lambda s, c: c.learning_rate - (c.learning_rate - c.min_learning_rate) * min(1, way(s, c))
)


def shaped(shape):
    """A way down that is another function of the share of the way."""

    def after(step, c):
        span = c.learning_rate - c.min_learning_rate
        return c.min_learning_rate + span * shape(way(step, c))

    return rate_with(after)


rate_climbs_again = shaped(lambda done: (1 + math.cos(math.pi * done)) / 2)
rate_upwards = shaped(lambda done: (1 - math.cos(math.pi * min(1, done))) / 2)
rate_no_pi = shaped(lambda done: (1 + math.cos(min(1, done))) / 2)
rate_doubled = shaped(lambda done: 1 + math.cos(math.pi * min(1, done)))
rate_bare_cosine = shaped(lambda done: math.cos(math.pi * min(1, done)))
rate_quarter = shaped(lambda done: math.cos(math.pi / 2 * min(1, done)))


def rate_off_at_the_end(step, config):
    return 0.0 if step >= config.max_steps else right_rate(step, config)


def rate_cases(g: torch.Generator) -> list[tuple]:
    """Every step of four plans and three after the end: one without warm-up, one without floor.

    Rates are around 5, so that differences are far above rounding.
    """
    plans = []
    for warmup in (torch.randint(4, 9, (1,), generator=g).item(), 0, 5, 2):
        peak, share = (torch.rand(2, generator=g) + torch.tensor([0.5, 0.1])).mul(5).tolist()
        more = torch.randint(9, 16, (1,), generator=g).item()
        floor = 0.0 if warmup == 5 else share * peak / 15
        plans.append(TrainConfig(warmup + more, 1, peak, floor, warmup))
    return [(step, plan) for plan in plans for step in range(plan.max_steps + 4)]


def hint_never_full(args, got, right):
    c = args[1]
    last, peak = c.warmup_steps - 1, c.learning_rate
    return (
        f"the warm-up of {c.warmup_steps} steps ends at {rate_never_full(last, c):.4g}, not at the "
        f"peak {peak:.4g}. Its last step, {last}, has the full rate: divide by warmup_steps."
    )


def hint_lands(k):
    """The floor comes too early, at step k(config)."""

    def hint(args, got, right):
        c = args[1]
        early = c.max_steps - k(c)
        steps = "1 step" if early == 1 else f"{early} steps"
        return (
            f"the floor is reached at step {k(c)}, {steps} early. The cosine runs from the end of "
            "warm-up to max_steps."
        )

    return hint


def hint_floor_cuts(args, got, right):
    c = args[1]
    return (
        f"with max() the rate is down at the floor {c.min_learning_rate:.4g} too early and stays "
        "there. Let the cosine itself run from the peak to the floor: floor + share × (peak − "
        "floor)."
    )


def hint_jumps(args, got, right):
    step, c = args
    return (
        f"the rate jumps from {c.learning_rate:.4g} to {got:.4g} when warm-up ends, at step "
        f"{step}. Start the cosine there, not at step 0."
    )


def hint_too_long(args, got, right):
    c = args[1]
    return (
        f"at step {c.max_steps}, the end, the rate is still {rate_too_long(c.max_steps, c):.4g}. "
        "The steps of the warm-up are over by then: divide by max_steps − warmup_steps."
    )


def hint_to_zero(args, got, right):
    c = args[1]
    return (
        f"your rate ends at 0, not at the minimum {c.min_learning_rate:.4g}. The cosine runs "
        "between the peak and the minimum."
    )


def hint_stacked(args, got, right):
    step, c = args
    return (
        f"at step {step} the rate is {got:.4g} with a peak of {c.learning_rate:.4g}: you added the "
        "minimum on top. Multiply the cosine's share by peak − minimum."
    )


def hint_climbs(args, got, right):
    return (
        f"after the end the rate climbs again, to {got:.4g} at step {args[0]}: a cosine goes on. "
        "From max_steps on it stays at the minimum."
    )


def hint_overshoots(args, got, right):
    return (
        f"at step {args[0]} the rate is {got:.4g}, above the peak {args[1].learning_rate:.4g}. The "
        "warm-up has ended there: step < warmup_steps."
    )


def hint_doubled(args, got, right):
    return (
        f"at the top of the cosine your rate is {got:.4g}, the peak is "
        f"{args[1].learning_rate:.4g}. 1 + cos runs from 2 to 0; take half of it."
    )


RATE = Part(
    "learning_rate",
    right_rate,
    cases=rate_cases,
    wrong=(
        Wrong(
            "zero at step 0",
            rate_from_zero,
            (
                "step 0 has rate 0, so the first batch teaches nothing. Use (step + 1) / "
                "warmup_steps."
            ),
            "The Cold Start",
        ),
        Wrong("never full", rate_never_full, hint_never_full, "The Cold Start"),
        Wrong(
            "warm-up from the floor",
            rate_from_floor,
            (
                "your warm-up starts at the minimum. It climbs from almost nothing; the minimum "
                "belongs to the end of the cosine."
            ),
            "The Cold Start",
        ),
        Wrong("overshoots", rate_overshoots, hint_overshoots, "The Fence Post"),
        Wrong(
            "no warm-up",
            rate_no_warmup,
            (
                "step 0 has the full rate: there is no warm-up. Below warmup_steps the rate climbs "
                "in a line."
            ),
            "The Cold Start",
        ),
        Wrong(
            "lands early",
            rate_lands_early,
            hint_lands(lambda c: c.max_steps - c.warmup_steps),
            "The Missed Landing",
        ),
        Wrong(
            "lands one step early",
            rate_one_early,
            hint_lands(lambda c: c.max_steps - 1),
            "The Fence Post",
        ),
        Wrong("floor cuts", rate_floor_cuts, hint_floor_cuts, "The Missed Landing"),
        Wrong("jumps", rate_jumps, hint_jumps, "The Missed Landing"),
        Wrong("too long", rate_too_long, hint_too_long, "The Missed Landing"),
        Wrong("ends at zero", rate_to_zero, hint_to_zero, "The Forgetter"),
        Wrong("stacked", rate_stacked, hint_stacked, "The Missed Landing"),
        Wrong("climbs again", rate_climbs_again, hint_climbs, "The Merry-Go-Round"),
        Wrong(
            "off at the end",
            rate_off_at_the_end,
            "from max_steps on your rate is 0. It stays at the minimum.",
            "The Missed Landing",
        ),
        Wrong(
            "straight line",
            rate_straight,
            (
                "your rate falls in a straight line. Bend it: the share that is left is ½ · "
                "(1 + cos(π · done))."
            ),
            "The Missed Landing",
        ),
        Wrong(
            "upside down",
            rate_upwards,
            (
                "after the warm-up the rate drops to the minimum and climbs to the peak: the "
                "cosine is upside down. 1 + cos, not 1 − cos."
            ),
            "The Climber",
        ),
        Wrong(
            "no pi",
            rate_no_pi,
            (
                "the rate hardly falls: cos(1) is the end of your cosine. Half a wave is π: "
                "cos(π · done)."
            ),
            "The Other Unit",
        ),
        Wrong("doubled", rate_doubled, hint_doubled, "The Missed Landing"),
        Wrong(
            "bare cosine",
            rate_bare_cosine,
            (
                "your rate goes below the minimum: cos runs from 1 to −1. Add 1 and take half, "
                "then it runs from 1 to 0."
            ),
            "The Missed Landing",
        ),
        Wrong(
            "quarter wave",
            rate_quarter,
            (
                "the way from peak to minimum is right at both ends and too high in between: that "
                "is a quarter of a wave. Half a wave is ½ · (1 + cos(π · done))."
            ),
            "The Missed Landing",
        ),
    ),
)

# 8.2 Mend the step


class Bend(nn.Module):
    """Two small layers with a loss; as the GPT it gives (prediction, loss)."""

    def __init__(self, generator):
        super().__init__()
        self.first = nn.Parameter(torch.randn(3, 4, generator=generator))
        self.second = nn.Parameter(torch.randn(4, generator=generator) * 3)

    def forward(self, x, y):
        guess = (x @ self.first).tanh() @ self.second  # (B,)
        return guess, ((guess - y) ** 2).mean()


def step_driver(answer, model, batches, max_norm):
    """Some steps in a row: the loss given back, and the parameters after each."""
    model = copy.deepcopy(model)
    optimizer, trace = torch.optim.SGD(model.parameters(), lr=0.05), []
    for x, y in batches:
        loss = answer(model, optimizer, x, y, max_norm)
        weights = torch.cat([p.detach().flatten() for p in model.parameters()])
        told = "nothing" if loss is None else float(torch.as_tensor(loss).detach())
        trace.append({"weights": weights, "loss": told, "tensor": isinstance(loss, torch.Tensor)})
    return trace


def stepper(zero="first", clip="before", gives="number"):
    """A step with its parts in some order."""

    def limit(model, max_norm, when):
        parameters = [*model.parameters()]
        if clip == when:
            nn.utils.clip_grad_norm_(parameters, max_norm)
        elif clip == f"each {when}":
            for parameter in parameters:
                nn.utils.clip_grad_norm_([parameter], max_norm)
        elif clip == f"values {when}":
            nn.utils.clip_grad_value_(parameters, max_norm)

    def step(model, optimizer, x, y, max_norm):
        if zero == "first":
            model.zero_grad()
        _, loss = model(x, y)
        loss.backward()
        if zero == "between":
            model.zero_grad()
        limit(model, max_norm, "before")
        optimizer.step()
        limit(model, max_norm, "after")
        return {"number": loss.item(), "tensor": loss, "nothing": None}[gives]

    return step


right_step = stepper()


def step_cases(g: torch.Generator) -> list[tuple]:
    """A limit that every step exceeds, one that some exceed, and one that none does."""

    def batches(count, size):
        return [
            (torch.randn(size, 3, generator=g), 3 * torch.randn(size, generator=g))
            for _ in range(count)
        ]

    return [(Bend(g), batches(4, 6), norm) for norm in (0.5, 4.0, 1e6)]


HOARDS = "the gradient keeps growing: steps add up. Clear it before backward."
LATE = "clipped after the step, too late for this one{more}. backward, clip, step."
GRAPH = (
    "what you return is a tensor, no plain number. It may carry the whole calculation with it, and "
    "then memory grows with every loss that somebody keeps: loss.item()."
)
STEP = Part(
    "training_step",
    right_step,
    cases=step_cases,
    drive=step_driver,
    wrong=(
        Wrong("adds up", stepper(zero="never"), HOARDS, "The Hoarder"),
        Wrong(
            "adds up, tensor returned", stepper(zero="never", gives="tensor"), HOARDS, "The Hoarder"
        ),
        Wrong(
            "swept too early",
            stepper(zero="between"),
            (
                "nothing moves: zero_grad stands between backward and step. (A step() before "
                "backward, or none at all, looks the same.)"
            ),
            "The Eager Broom",
        ),
        Wrong(
            "swept too early, tensor returned",
            stepper(zero="between", gives="tensor"),
            (
                "nothing moves: zero_grad stands between backward and step. (A step() before "
                "backward, or none at all, looks the same.)"
            ),
            "The Eager Broom",
        ),
        Wrong(
            "clipped late",
            stepper(clip="after"),
            LATE.format(more=" (or not at all)"),
            "The Late Seat Belt",
        ),
        Wrong(
            "clipped late, tensor returned",
            stepper(clip="after", gives="tensor"),
            LATE.format(more=" (or not at all)"),
            "The Late Seat Belt",
        ),
        Wrong(
            "both",
            stepper(zero="never", clip="after"),
            (
                "two things are left: the gradient keeps growing, because nobody clears it, and it "
                "is clipped after the step, too late for this one."
            ),
            "The Hoarder",
        ),
        Wrong(
            "as it was",
            stepper(zero="never", clip="after", gives="tensor"),
            (
                "three things are left: the gradient keeps growing, because nobody clears it; it "
                "is clipped after the step; and what comes back is no number."
            ),
            "The Hoarder",
        ),
        Wrong(
            "neither cleared nor clipped",
            stepper(zero="never", clip="not"),
            (
                "the gradient keeps growing: steps add up. Clear it before backward. And it is "
                "never clipped."
            ),
            "The Hoarder",
        ),
        Wrong("tensor returned", stepper(gives="tensor"), GRAPH, "The Pack Rat"),
        Wrong(
            "nothing returned",
            stepper(gives="nothing"),
            "the step is right and gives nothing back. Return the loss as a number.",
            "The Leftover",
        ),
        Wrong(
            "values cut",
            stepper(clip="values before"),
            (
                "you cut single values; the direction has turned. clip_grad_norm_ multiplies "
                "everything by the same factor."
            ),
            "The Hedge Cutter",
        ),
        Wrong(
            "each by itself",
            stepper(clip="each before"),
            (
                "each tensor is clipped by its own norm, so the direction has turned. Hand all "
                "parameters to one call."
            ),
            "The Many Judges",
        ),
    ),
)

# 8.3 Clip


def length(gradients):
    return math.sqrt(sum((g.double() ** 2).sum().item() for g in gradients))


def clip_driver(answer, gradients, max_norm, once):
    """The number given back, and gradients and parameters afterwards; `once`: as a generator."""
    parameters = []
    for gradient in gradients:
        shape = () if gradient is None else gradient.shape
        parameters.append(nn.Parameter(torch.ones(shape)))
        parameters[-1].grad = None if gradient is None else gradient.clone()
    norm = answer((p for p in parameters) if once else list(parameters), max_norm)
    return {
        "gradients": [p.grad if p.grad is not None else "none" for p in parameters],
        "norm": "nothing" if norm is None else float(norm),
        "parameters": [p.detach() for p in parameters],
    }


def clipper(factor, told=lambda norm, max_norm: norm, measure=length, skips=True, twice=False):
    """Clipping by another factor, with another measure, or with another number given back."""

    def clip(parameters, max_norm):
        kept = parameters if twice else [*parameters]
        gradients = [p.grad for p in kept if p.grad is not None or not skips]
        norm = measure(gradients)
        for p in kept:
            if p.grad is not None:
                p.grad = p.grad * factor(p.grad, norm, max_norm)
        return told(norm, max_norm)

    return clip


def shrink(gradient, norm, max_norm):
    return min(1.0, max_norm / norm)


def unchanged(gradient, norm, max_norm):
    return 1.0


right_clip = clipper(shrink)
clip_each = clipper(lambda g, norm, m: min(1.0, m / max(length([g]), 1e-12)))
clip_always = clipper(lambda g, norm, m: m / norm)
clip_nothing = clipper(unchanged)
clip_walked_twice = clipper(shrink, twice=True)
clip_inverted = clipper(lambda g, norm, m: max(1.0, norm / m))
clip_tells_after = clipper(shrink, told=min)
clip_tells_nothing = clipper(shrink, told=lambda norm, m: None)
clip_tells_factor = clipper(shrink, told=lambda norm, m: min(1.0, m / norm))
clip_sum_of_norms = clipper(shrink, measure=lambda gs: sum(length([g]) for g in gs))
clip_squared = clipper(shrink, measure=lambda gs: length(gs) ** 2)
clip_largest = clipper(shrink, measure=lambda gs: max(length([g]) for g in gs))
clip_absolute = clipper(shrink, measure=lambda gs: sum(g.abs().sum().item() for g in gs))


def clip_values(parameters, max_norm):
    kept = [p for p in parameters if p.grad is not None]
    norm = length([p.grad for p in kept])
    for p in kept:
        p.grad = p.grad.clamp(-max_norm, max_norm)
    return norm


def clip_parameters(parameters, max_norm):
    kept = [p for p in parameters if p.grad is not None]
    norm = length([p.grad for p in kept])
    for p in kept:
        p.data = p.data * min(1.0, max_norm / norm)
    return norm


def clip_needs_all(parameters, max_norm):
    kept = [*parameters]
    if any(p.grad is None for p in kept):
        raise AttributeError
    return right_clip(kept, max_norm)


def clip_needs_tensors(parameters, max_norm):
    kept = [*parameters]
    if any(p.grad is None for p in kept):
        raise TypeError
    return right_clip(kept, max_norm)


def clip_cases(g: torch.Generator) -> list[tuple]:
    """Too long as list and as generator, short enough, each short and together long, one None."""

    def normal(*shape):
        return torch.randn(*shape, generator=g)

    three = [normal(4, 3), normal(5), normal(2, 3, 2)]
    each = [v / v.norm() * 0.8 for v in (normal(6), normal(3, 2), normal(4))]
    return [
        (three, 1.0, False),
        ([3 * v for v in three], 2.0, True),
        ([0.05 * v for v in three], 1.5, False),
        (each, 1.0, True),
        ([normal(3), None, normal(2, 2) * 4], 0.5, True),
        ([normal(7) * 0.1, normal(2) * 9], 1.0, False),
    ]


def hint_each(args, got, right):
    after = [v for v in got["gradients"] if isinstance(v, torch.Tensor)]
    return (
        f"each tensor has norm ≤ {args[1]:g}, all together {length(after):.2f}. One norm for all "
        "gradients together, one factor for all."
    )


def hint_always(args, got, right):
    return (
        f"you changed gradients whose norm was {right['norm']:.2f} < {args[1]:g}. Scale down only."
    )


def hint_told(args, got, right):
    return (
        f"you return {got['norm']:.3g}; asked for is the norm before clipping, "
        f"{right['norm']:.3g}. Keep it before you scale."
    )


def hint_walked(args, got, right):
    return (
        "the norm is right, and no gradient was scaled where parameters is a generator, as "
        "model.parameters() gives it: it can be walked once. Make a list of it first."
    )


def hint_norm(args, got, right):
    return (
        f"you measure {got['norm']:.4g}; the norm of all gradients as one long vector is "
        f"{right['norm']:.4g}: the root of the sum of all squares."
    )


NONE = (
    "a parameter that took no part has no gradient: its .grad is None, and your answer stops "
    "there. Leave those out."
)
CLIP = Part(
    "clip_gradients",
    right_clip,
    cases=clip_cases,
    drive=clip_driver,
    wrong=(
        Wrong("each by itself", clip_each, hint_each, "The Many Judges"),
        Wrong("always scaled", clip_always, hint_always, "The Booster"),
        Wrong(
            "values cut",
            clip_values,
            (
                "you cut single values; the direction has turned. Multiply everything by the same "
                "factor."
            ),
            "The Hedge Cutter",
        ),
        Wrong(
            "nothing scaled",
            clip_nothing,
            (
                "the norm is right, and no gradient has changed. Write into p.grad: mul_ works in "
                "place, and g * factor alone makes a new tensor."
            ),
            "The Leftover",
        ),
        Wrong("walked twice", clip_walked_twice, hint_walked, "The One-Way Street"),
        Wrong(
            "inverted",
            clip_inverted,
            (
                "long gradients became longer: the factor is max_norm divided by the norm, not the "
                "other way round."
            ),
            "The Mirror",
        ),
        Wrong("norm after", clip_tells_after, hint_told, "The Early Bird"),
        Wrong("factor returned", clip_tells_factor, hint_told, "The Scoreboard"),
        Wrong(
            "nothing returned",
            clip_tells_nothing,
            "the gradients are right, and nothing comes back. Return the norm before clipping.",
            "The Leftover",
        ),
        Wrong("norms added", clip_sum_of_norms, hint_norm, "The Many Judges"),
        Wrong("no root", clip_squared, hint_norm, "The Yardstick"),
        Wrong("largest tensor", clip_largest, hint_norm, "The Many Judges"),
        Wrong("absolute values", clip_absolute, hint_norm, "The Yardstick"),
        Wrong(
            "parameters scaled",
            clip_parameters,
            "you scaled the parameters. It is their gradients, p.grad, that have to shrink.",
            "The Vandal",
        ),
        Wrong("needs all gradients", clip_needs_all, NONE, "The Empty Chair"),
        Wrong("needs tensors", clip_needs_tensors, NONE, "The Empty Chair"),
    ),
)

# 8.4 What gets decay


class Odd(nn.Module):
    """A layer with a kernel of three dimensions, and a single number that is learned."""

    def __init__(self, generator):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(2, 3, 2, generator=generator))
        self.scale = nn.Parameter(torch.tensor(1.5))
        self.mix = nn.Linear(3, 4)
        self.norm = nn.LayerNorm(4)


def groups_driver(answer, model, weight_decay):
    """Name of each parameter -> the decay of each group that it stands in."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {name: [] for name in names.values()}
    for group in answer(model, weight_decay):
        decay = group.get("weight_decay", "missing")
        for parameter in list(group["params"]):
            name = names.get(id(parameter), "something that is no parameter of the model")
            found.setdefault(name, []).append(decay)
    return {name: sorted(decays, key=str) for name, decays in found.items()}


def grouped(decays, named=None, other=0.0):
    """Two groups: parameters for which decays(name, parameter) is True, False, or None for none."""

    def groups(model, weight_decay):
        each = [*(named(model) if named else model.named_parameters())]
        shrunk = [p for name, p in each if decays(name, p) is True]
        rest = [p for name, p in each if decays(name, p) is False]
        return [
            {"params": shrunk, "weight_decay": weight_decay},
            {"params": rest} | ({} if other is None else {"weight_decay": other}),
        ]

    return groups


def is_matrix(name, p):
    return p.dim() > 1


right_groups = grouped(is_matrix)
groups_all = grouped(lambda name, p: True)
groups_none = grouped(lambda name, p: False)
groups_but_biases = grouped(lambda name, p: not name.endswith("bias"))
groups_but_norms = grouped(lambda name, p: "norm" not in name)
groups_from_vectors = grouped(lambda name, p: p.dim() >= 1)
groups_from_kernels = grouped(lambda name, p: p.dim() >= 3)
groups_by_name = grouped(lambda name, p: name.endswith("weight"))
groups_by_length = grouped(lambda name, p: len(p) > 1)  # a single number has no length
groups_no_tables = grouped(lambda name, p: p.dim() > 1 and "embedding" not in name)
groups_twice = grouped(is_matrix, lambda model: model.named_parameters(remove_duplicate=False))
groups_two_and_one = grouped(lambda name, p: {2: True, 1: False}.get(p.dim()))
groups_no_numbers = grouped(lambda name, p: {0: None, 1: False}.get(p.dim(), True))
groups_only_matrices = grouped(lambda name, p: True if p.dim() > 1 else None)
groups_two_only = grouped(lambda name, p: p.dim() == 2)
groups_default = grouped(is_matrix, other=None)


def by_module(model, keeps):
    """Weights of linear layers in one list, all else that keeps(module) in another."""
    shrunk, rest = [], []
    for module in model.modules():
        for name, p in module.named_parameters(recurse=False):
            if isinstance(module, nn.Linear) and name == "weight":
                shrunk.append(p)
            elif keeps(module):
                rest.append(p)
    return shrunk, rest


def groups_by_module(model, weight_decay):
    shrunk, rest = by_module(model, lambda module: True)
    return [
        {"params": shrunk, "weight_decay": weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]


def groups_linear_only(model, weight_decay):
    shrunk, rest = by_module(model, lambda module: isinstance(module, nn.Linear))
    return [
        {"params": shrunk, "weight_decay": weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]


def groups_swapped(model, weight_decay):
    return [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.0},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": weight_decay},
    ]


def groups_fixed(model, weight_decay):
    return right_groups(model, 0.1)


def groups_cases(g: torch.Generator) -> list[tuple]:
    """A GPT with a tied table, one with an untied head, and a model with odd parameters."""
    decays = (0.02 + 0.05 * torch.rand(3, generator=g)).tolist()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = GPTConfig(7, 5, 8, 2, 1)
        models = GPT(config), GPT(config, tie=False), Odd(g)
    return [*zip(models, decays, strict=True)]


def first_name(got, right, wanted):
    """The first parameter whose group is not the right one and for which wanted(decays) holds."""
    return next(n for n in right if got[n] != right[n] and wanted(got[n]))


def hint_shrinks(args, got, right):
    name = first_name(got, right, lambda decays: True)
    return (
        f"{name} is a bias or a norm gain (one dimension). Decay matrices only: parameters with "
        "two dimensions or more."
    )


def hint_grows(args, got, right):
    name = first_name(got, right, lambda decays: True)
    shape = tuple(dict(args[0].named_parameters())[name].shape)
    return f"{name} has the shape {shape} and no decay. Everything with two dimensions or more has."


def hint_orphans(args, got, right):
    orphans = [name for name in right if not got[name]]
    return (
        f"{len(orphans)} parameters are in no group and will never learn; the first is "
        f"{orphans[0]}. What is not in the one group belongs to the other."
    )


def hint_swapped(args, got, right):
    name = first_name(got, right, lambda decays: True)
    return f"the two groups are exchanged: {name} is a matrix and has decay 0."


def hint_scalar(args, got, right):
    name = first_name(got, right, lambda decays: True)
    return (
        f"{name} has one dimension and decays. You let everything decay but single numbers; the "
        "border is two dimensions."
    )


GROUPS = Part(
    "parameter_groups",
    right_groups,
    cases=groups_cases,
    drive=groups_driver,
    wrong=(
        Wrong("everything decays", groups_all, hint_shrinks, "The Wrong Diet"),
        Wrong("gains decay", groups_but_biases, hint_shrinks, "The Wrong Diet"),
        Wrong("biases decay", groups_but_norms, hint_shrinks, "The Wrong Diet"),
        Wrong(
            "by name",
            groups_by_name,
            (
                "a norm's gain is called weight too, and a matrix may have another name. Names "
                "don't tell; sort by p.dim()."
            ),
            "The Wrong Diet",
        ),
        Wrong(
            "by length",
            groups_by_length,
            (
                "len(p) counts the rows, and a gain of 8 numbers has 8; a single number has "
                "no length at all. The number of dimensions is p.dim()."
            ),
            "The Wrong Diet",
        ),
        Wrong("vectors decay", groups_from_vectors, hint_scalar, "The Fence Post"),
        Wrong(
            "nothing decays",
            groups_none,
            "no parameter decays. Matrices do, with weight_decay.",
            "The Wrong Diet",
        ),
        Wrong("matrices don't", groups_from_kernels, hint_grows, "The Fence Post"),
        Wrong("two dimensions alone", groups_two_only, hint_grows, "The Wrong Diet"),
        Wrong("tables don't", groups_no_tables, hint_grows, "The Wrong Diet"),
        Wrong("swapped", groups_swapped, hint_swapped, "The Mirror"),
        Wrong(
            "in both groups",
            groups_by_module,
            (
                "the tied table is in both groups: it is the weight of the embedding and of the "
                "head. Collect parameters by identity, as model.parameters() does, not by module."
            ),
            "The Stutterer",
        ),
        Wrong(
            "twice in one group",
            groups_twice,
            (
                "the tied table is in one group twice, once under each of its names. "
                "model.parameters() gives each parameter once."
            ),
            "The Stutterer",
        ),
        Wrong("two and one", groups_two_and_one, hint_orphans, "The Orphan"),
        Wrong("numbers nowhere", groups_no_numbers, hint_orphans, "The Orphan"),
        Wrong("rest nowhere", groups_only_matrices, hint_orphans, "The Orphan"),
        Wrong("linear layers only", groups_linear_only, hint_orphans, "The Orphan"),
        Wrong(
            "left to the default",
            groups_default,
            (
                "the second group has no weight_decay of its own, so it takes the optimiser's, "
                "which is 0.01 for AdamW. Write 0.0."
            ),
            "The Forgetter",
        ),
        Wrong(
            "fixed",
            groups_fixed,
            "your decay is 0.1 whatever was asked for. Use the argument weight_decay.",
            "The Forgetter",
        ),
    ),
)

# 8.5 An honest number


class Reader(nn.Module):
    """Scores the next token from this one and its place; while training, dropout changes the loss.

    How much dropout changes it is set from outside, so that two calls differ for certain.
    """

    def __init__(self, g, vocab_size=5, context_length=4):
        super().__init__()
        self.config = SimpleNamespace(context_length=context_length)
        self.table = nn.Parameter(2 * torch.randn(vocab_size, vocab_size, generator=g))
        self.place = nn.Parameter(2 * torch.randn(context_length, vocab_size, generator=g))
        self.luck, self.saw, self.largest = 0.0, [], 0

    def extra_repr(self):
        """What a message calls it."""
        return f"reads {self.config.context_length} tokens"

    def forward(self, x, y):
        if x.shape[1] > self.config.context_length:
            raise ValueError(f"{x.shape[1]} tokens are more than {self.config.context_length}")
        self.saw.append(torch.is_grad_enabled())
        self.largest = max(self.largest, len(x))
        logits = self.table[x] + self.place[: x.shape[1]]  # (B, T, V)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        return logits, loss + (self.luck if self.training else 0.0)


def score_driver(answer, model, ids, batch_size):
    """Two scores, whether a gradient was possible, and whether a batch was too large."""
    scores = []
    for luck in (0.25, 0.75):
        model.luck = luck
        nats = answer(model, ids, batch_size)
        scores.append("nothing" if nats is None else float(nats))
    return {"nats": scores, "graph": any(model.saw), "large": model.largest > batch_size}


def blocks_of(ids, T):
    """Pairs (x, y) of one block each, (1, T), the last one shorter."""
    starts = range(0, len(ids) - 1, T)
    return [(ids[:-1][None, s : s + T], ids[1:][None, s : s + T]) for s in starts]


def batches_of(ids, T, batch_size):
    """Full blocks, batch_size at a time, then the rest."""
    blocks = blocks_of(ids, T)
    full = [block for block in blocks if block[0].shape[1] == T]
    parts = [full[i : i + batch_size] for i in range(0, len(full), batch_size)]
    joined = [tuple(torch.cat(side) for side in zip(*part, strict=True)) for part in parts]
    return joined + [block for block in blocks if block[0].shape[1] < T]


def scorer(
    cut=batches_of,
    combine=lambda means, sizes, n: sum(m * s for m, s in zip(means, sizes, strict=True)) / (n - 1),
    evaluates=True,
    graph=False,
):
    """An evaluation with other batches, another mean, in training mode or with gradients."""

    def score(model, ids, batch_size=64):
        was = model.training
        model.train(was and not evaluates)
        with torch.set_grad_enabled(graph):
            pairs = cut(ids, model.config.context_length, batch_size)
            means = [model(x, y)[1].item() for x, y in pairs]
        model.train(was)
        return combine(means, [y.numel() for _, y in pairs], len(ids))

    return score


def mean(means, sizes, n):
    return sum(means) / len(means)


def each_block(ids, T, batch_size):
    return blocks_of(ids, T)


def full_only(ids, T, batch_size):
    found = batches_of(ids, T, batch_size)
    return [pair for pair in found if pair[0].shape[1] == T] or found


def full_alone(ids, T, batch_size):
    """As full_only, and of a text shorter than a block nothing."""
    return [pair for pair in batches_of(ids, T, batch_size) if pair[0].shape[1] == T]


def one_block_short(ids, T, batch_size):
    """The last block is dropped, whether it is full or not."""
    return blocks_of(ids[:-1], T)[: (len(ids) - 2) // T]


def over_the_scored(means, sizes, n):
    return sum(m * s for m, s in zip(means, sizes, strict=True)) / sum(sizes)


def gaps(ids, T, batch_size):
    """Blocks of T + 1 tokens end to end: the first of each is never a target."""
    pieces = [ids[s : s + T + 1] for s in range(0, len(ids), T + 1)]
    return [(p[None, :-1], p[None, 1:]) for p in pieces if len(p) > 1]


def echoes(ids, T, batch_size):
    return [(x, x) for x, _ in batches_of(ids, T, batch_size)]


right_score = scorer()
score_rolls_dice = scorer(evaluates=False)
score_of_batches = scorer(combine=mean)
score_of_blocks = scorer(each_block, mean)
score_full_only = scorer(full_only, over_the_scored)
score_full_over_all = scorer(full_only)
score_full_alone = scorer(full_alone, over_the_scored)
score_full_alone_over_all = scorer(full_alone)
score_one_block_short = scorer(one_block_short, over_the_scored)
score_with_gaps = scorer(gaps, over_the_scored)
score_of_first = scorer(lambda *a: batches_of(*a)[:1], over_the_scored)
score_with_graph = scorer(graph=True)
score_echo = scorer(echoes)
score_over_n = scorer(
    combine=lambda means, sizes, n: sum(m * s for m, s in zip(means, sizes, strict=True)) / n
)
score_sum = scorer(
    combine=lambda means, sizes, n: sum(m * s for m, s in zip(means, sizes, strict=True))
)
score_in_bits = scorer(
    combine=lambda means, sizes, n: over_the_scored(means, sizes, n) / math.log(2)
)
score_all_at_once = scorer(lambda ids, T, batch_size: batches_of(ids, T, len(ids)))
score_whole_text = scorer(lambda ids, T, batch_size: [(ids[None, :-1], ids[None, 1:])])
score_dice_and_graph = scorer(evaluates=False, graph=True)
score_tells_nothing = scorer(combine=lambda means, sizes, n: None)


def score_cases(g: torch.Generator) -> list[tuple]:
    """Lengths with a rest, without one, below one block; models in both modes."""

    def case(T, full, rest, batch_size, training):
        ids = torch.randint(5, (full * T + rest + 1,), generator=g)
        return Reader(g, context_length=T).train(training), ids, batch_size

    return [
        case(4, 7, 3, 3, True),
        case(5, 6, 0, 4, False),
        case(3, 5, 1, 2, True),
        case(6, 0, 4, 2, False),
        case(4, 9, 2, 4, True),
        case(4, 4, 1, 64, False),
    ]


def hint_dice(args, got, right):
    a, b = got["nats"]
    return (
        f"two calls gave {a:.2f} and {b:.2f}: dropout is on. eval() before, the old mode back "
        "after."
    )


def hint_of_batches(args, got, right):
    model, ids, batch_size = args
    T = model.config.context_length
    full, rest = divmod(len(ids) - 1, T)
    last = rest or (full % batch_size or batch_size) * T
    return (
        f"a mean of means: the last batch has {last} positions, not {min(full, batch_size) * T}. "
        "Weight by positions."
    )


def hint_of_blocks(args, got, right):
    T = args[0].config.context_length
    rest = (len(args[1]) - 1) % T
    return f"a mean of means: the last block has {rest} positions, not {T}. Weight by positions."


def hint_full_only(args, got, right):
    T = args[0].config.context_length
    rest = (len(args[1]) - 1) % T
    return (
        f"the last {rest} tokens were left out: they fill no block of {T}. Score them as one "
        "shorter block."
    )


def hint_gaps(args, got, right):
    T = args[0].config.context_length
    return (
        f"every {T + 1}th token is never asked for: your blocks of {T + 1} lie end to end. The "
        "last target of one block is the first input of the next."
    )


def hint_over_n(args, got, right):
    n = len(args[1])
    return f"you divide by {n}, the tokens; {n - 1} of them were scored: the first has no past."


def hint_whole(args, got, right):
    return (
        f"the model reads at most {args[0].config.context_length} tokens, and it got all of the "
        "text at once. Cut it into blocks."
    )


MISSING = (
    "the last, shorter block is missing. The tokens that fill no block of T are scored as well; "
    "a text may be shorter than one block."
)
SCORE = Part(
    "evaluate",
    right_score,
    cases=score_cases,
    drive=score_driver,
    wrong=(
        Wrong("dropout on", score_rolls_dice, hint_dice, "The Sleepwalker"),
        Wrong("dropout and graph", score_dice_and_graph, hint_dice, "The Sleepwalker"),
        Wrong("mean of batches", score_of_batches, hint_of_batches, "The Average Joe"),
        Wrong("mean of blocks", score_of_blocks, hint_of_blocks, "The Average Joe"),
        Wrong("rest left out", score_full_only, hint_full_only, "The Early Leaver"),
        Wrong(
            "rest left out, yet divided by all",
            score_full_over_all,
            (
                "the last tokens, which fill no block, were left out, and you divide as if they "
                "had cost nothing. Score them as one shorter block."
            ),
            "The Early Leaver",
        ),
        Wrong("last block missing", score_full_alone, MISSING, "The Early Leaver"),
        Wrong(
            "last block missing, yet divided by all",
            score_full_alone_over_all,
            f"{MISSING} (You divide as if it had cost nothing.)",
            "The Early Leaver",
        ),
        Wrong("last block dropped", score_one_block_short, MISSING, "The Early Leaver"),
        Wrong("gaps", score_with_gaps, hint_gaps, "The Fence Post"),
        Wrong(
            "first batch",
            score_of_first,
            "only the first batch is scored. The loop ends too soon: return after it.",
            "The Early Leaver",
        ),
        Wrong(
            "graph",
            score_with_graph,
            (
                "right value, but every parameter now has a gradient or a graph. Wrap it in "
                "torch.no_grad()."
            ),
            "The Pack Rat",
        ),
        Wrong(
            "echo",
            score_echo,
            (
                "you score the model on the token it has in front of it: y is x one later, "
                "ids[1:] beside ids[:-1]."
            ),
            "The Echo",
        ),
        Wrong("divided by n", score_over_n, hint_over_n, "The Fence Post"),
        Wrong(
            "sum",
            score_sum,
            "you return the sum over the text. The mean is asked for: divide by the positions.",
            "The Other Unit",
        ),
        Wrong(
            "bits",
            score_in_bits,
            "right in bits. The question asks for nats: the model's loss as it is.",
            "The Other Unit",
        ),
        Wrong(
            "all at once",
            score_all_at_once,
            (
                "right value, but all blocks went through the model in one batch, which a long "
                "text does not survive. Take batch_size at a time."
            ),
            "The Forgetter",
        ),
        Wrong("whole text", score_whole_text, hint_whole, "The Forgetter"),
        Wrong(
            "nothing returned",
            score_tells_nothing,
            "your answer gives nothing back. Return the mean.",
            "The Leftover",
        ),
    ),
)

# 8.6 Believe it or not

TOKENS, CHARACTERS = 36_059, 111_540
GAPS = (0, 0.19, 0.71, 1.5, 2.4, 2.9, 3.3)  # how far the last lines of a log lie above its end


@dataclass(frozen=True)
class Log:
    """The numbers of 8.6: peak rate in units of 1e-4, steps of warm-up, and a loss per line."""

    peak: int = 6
    warmup: int = 100
    losses: tuple[float, ...] = (10.824, 4.716, 3.402, 2.611, 2.087, 1.899)

    @property
    def max_steps(self) -> int:
        """The step of the last line; there is one every thousand."""
        return 1000 * (len(self.losses) - 1)

    def rate(self, step: int) -> float:
        """What the schedule's code gives."""
        peak = self.peak * 1e-4
        if step < self.warmup:
            return peak * step / self.warmup
        angle = math.pi * (step - self.warmup) / (self.max_steps - self.warmup)
        return 0.5 * peak * (1 + math.cos(angle))


def draw_log(dice: Dice) -> Log | None:
    last, lines = dice.whole(1750, 1990) / 1000, dice.pick((3, 4, 6, 7))
    scale = dice.whole(92, 108) / 100
    losses = [round(last + scale * gap + dice.whole(0, 9) / 1000, 3) for gap in GAPS[1:lines]]
    first = dice.whole(10_811, 10_839) / 1000
    log = Log(dice.pick((3, 4, 5, 8)), dice.pick((50, 200, 250, 400)), (first, *losses[::-1], last))
    return log if is_clear(last * TOKENS / CHARACTERS / LN2, 2) else None


def log_texts(n: Log) -> tuple[str, ...]:
    rates = [n.rate(step) for step in range(0, n.max_steps + 1, 1000)]
    rates[0] = n.peak * 1e-4 / n.warmup  # what (step + 1) would have given
    lines = (
        f"step {1000 * i:4} | lr {rate:.2e} | val {loss:.3f}"
        for i, (rate, loss) in enumerate(zip(rates, n.losses, strict=True))
    )
    return (
        "\n".join(lines),
        f"    if step < {n.warmup}:\n        return {n.peak}e-4 * step / {n.warmup}\n"
        f"    return 0.5 * {n.peak}e-4 * (1 + math.cos(math.pi * (step - {n.warmup}) / "
        f"{n.max_steps - n.warmup}))\n\nfor step in range({n.max_steps}):",
        f"or step == {n.max_steps - 1}:",
        f"a) How many bits per character is {n.losses[-1]:.3f}?",
    )


def read_hundredths(value: object) -> float:
    return round(read_number(value), 2)


def hundredths(value: float):
    return typed(round(value, 2))


def in_hundredths(name: str, label: str, right: float, *wrong: tuple) -> Part:
    """A typed part with two decimals; each wrong is its name, value, hint and card."""
    known = (Wrong(title, hundredths(value), text, card) for title, value, text, card in wrong)
    return Part(name, hundredths(right), tuple(known), label=label, read=read_hundredths)


def per_character_part(reported: float) -> Part:
    per_character = reported * TOKENS / CHARACTERS
    shared = f"{TOKENS:,} tokens hold {CHARACTERS:,} characters"
    return in_hundredths(
        "bits",
        "a",
        per_character / LN2,
        (
            "per token",
            reported / LN2,
            f"{reported:.3f} is per token. {shared}: what all tokens cost together is shared by "
            "more characters.",
            "The Other Unit",
        ),
        (
            "as it stands",
            reported,
            f"{reported:.3f} is per token, and in nats. {shared}, and a bit is ln 2 nats.",
            "The Other Unit",
        ),
        (
            "nats",
            per_character,
            "right per character, but in nats. For bits divide by ln 2.",
            "The Other Unit",
        ),
        (
            "ratio inverted",
            reported * CHARACTERS / TOKENS / LN2,
            "a character can't cost more than the token that it is a part of. Multiply by the "
            "tokens, divide by the characters.",
            "The Mirror",
        ),
        (
            "times ln 2",
            per_character * LN2,
            "a bit is less than a nat, so there are more of them: divide by ln 2.",
            "The Other Unit",
        ),
    )


PLAUSIBLE = Part(
    "verdict",
    typed("not plausible"),
    label="b",
    read=read_choice("plausible", "not plausible"),
    wrong=(
        Wrong(
            "plausible",
            typed("plausible"),
            "not plausible: a model 10 times larger, on a GPU, has 2.12.",
            "The Believer",
        ),
    ),
)


def read_steps(value: object) -> Written:
    """The steps in order, as one word: how many are right stays to be found out."""
    try:
        if isinstance(value, str) and value[:1] == "[":  # read already
            return Written(value)
        steps = (value,) if isinstance(value, int) else tuple(read_whole(step) for step in value)
    except (TypeError, ValueError):
        raise ValueError("type the steps as a list of whole numbers, such as [1000, 2000].") from (
            None
        )
    return listed(*set(steps))


def listed(*steps: int) -> Written:
    return Written(sorted(steps))


def not_printed_part(last: int) -> Part:
    rates = (
        f"the code gives rate 0 at step 0 and ends at step {last - 1:,}. The log was not printed "
        "by it: compare its first line and its last with the code."
    )
    return Part(
        "steps",
        typed(listed(0, last)),
        label="c",
        read=read_steps,
        wrong=(
            Wrong("all printed", typed(listed()), rates, "The Believer"),
            Wrong(
                "first alone",
                typed(listed(0)),
                f"step 0 is one. range({last}) counts from 0: which number does it never reach?",
                "The Fence Post",
            ),
            Wrong(
                "last alone",
                typed(listed(last)),
                "the last line is one. Put step 0 into the code: which rate does it give?",
                "The Cold Start",
            ),
            Wrong(
                "every line",
                typed(listed(*range(0, last + 1, 1000))),
                "the lines in the middle agree with the code: put their step into rate(). Two "
                "lines do not.",
                "The Yes-Man",
            ),
        ),
    )


def believe_or_not(n: Log) -> Exercise:
    return Exercise(
        "8.6",
        "Believe it or not",
        (per_character_part(n.losses[-1]), PLAUSIBLE, not_printed_part(n.max_steps)),
        hints=(
            "First: per what? Then: who else has been measured in that unit? Then: put the "
            "numbers of the log into the code.",
            "Tokens times nats per token are the nats of the whole text; characters share "
            "them. Step 0 and the last line are where programs and logs disagree first.",
            "a: nats per token × tokens / characters / ln 2. b: beside 2.41 for the counted "
            f"5-gram. c: rate(0), rate(1000) …, and the last number that range({n.max_steps}) "
            "gives.",
        ),
    )


# 8.7 The Time Traveller

CONTEXT = 32


@functools.cache
def validation() -> tuple[int, torch.Tensor]:
    """The size of the vocabulary, and the validation part of the corpus."""
    text = load_corpus().text
    tokenizer = CharTokenizer.from_text(text)
    return tokenizer.vocab_size, train_val_split(tokenizer.encode(text))[1]


def measure(model: nn.Module) -> tuple[float, float, bool]:
    """Nats with the text open, nats at the last position, and whether it looks ahead."""
    T, was = model.config.context_length, model.training
    x, y = sliding_windows(validation()[1], T, stride=T)
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(part)[0] for part in x.split(256)])  # (N, T, V)
        touched = x[:64].clone()
        touched[:, -1] = (touched[:, -1] + 1) % logits.shape[-1]
        moved = (model(touched)[0][:, :-1] - logits[:64, :-1]).abs().amax().item()
    model.train(was)
    every = F.cross_entropy(logits.flatten(0, 1), y.flatten()).item()
    return every, F.cross_entropy(logits[:, -1], y[:, -1]).item(), moved > 1e-5


def as_in_writing(model: nn.Module) -> float:
    """Nats where the model reads 1 to T characters and guesses what follows, on some blocks."""
    T, was = model.config.context_length, model.training
    x, y = sliding_windows(validation()[1][: 100 * T + 1], T, stride=T)
    model.eval()
    with torch.no_grad():
        ends = torch.stack([model(x[:, : t + 1])[0][:, -1] for t in range(T)], dim=1)  # (N, T, V)
    model.train(was)
    return F.cross_entropy(ends.flatten(0, 1), y.flatten()).item()


HAND_IN = (
    "hand in two things, (model, nats): the model that you trained without a mask, and the number "
    "that you would report for it."
)


def read_report(value: object) -> Seen:
    """What a report of (model, nats) turns out to be."""
    if isinstance(value, Seen):
        return value
    if not (isinstance(value, (tuple, list)) and len(value) == 2):
        raise ValueError(HAND_IN)
    model, nats = value
    config = getattr(model, "config", None)
    if not isinstance(model, nn.Module) or not hasattr(config, "context_length"):
        raise ValueError(HAND_IN)
    if getattr(config, "vocab_size", None) != validation()[0]:
        raise ValueError(
            "the model knows another number of characters than this text has. Train it on the "
            "corpus of this notebook."
        )
    if isinstance(nats, torch.Tensor):
        raise ValueError("the number is still a tensor. Report a plain number: nats.item().")
    nats = read_number(nats)
    every, last, looks_ahead = measure(model)
    figures = {"open": every, "last": last, "x": nats}
    if not looks_ahead:
        return Seen("with the mask", figures)
    if last < 2 * every:
        raise ValueError(
            f"with the answer in view your model still has {every:.2f} nats; train it until it has "
            "learned to look, 300 steps of the task's settings are enough."
        )
    near = {
        "open text": every,
        "honest": last,
        "bits": last / LN2,
        "open text in bits": every / LN2,
        "difference": last - every,
    }
    for what, right in near.items():
        if abs(nats - right) <= 0.03 * right + 0.005:
            return Seen(what, figures)
    writing = as_in_writing(model)
    if abs(nats - writing) <= 0.05 * writing:  # theirs may be of other blocks
        return Seen("writing", figures)
    raise ValueError(
        f"{nats:.3f} is neither the score with the text open nor the one at the last position of "
        f"blocks of {config.context_length} that cover the validation text. How did you get it?"
    )


def hint_writing(args, got, right):
    return (
        f"{got.figures.get('x', 8.4):.2f} is a mean over windows of every length. There is no "
        "future in it, but this model has learned from full windows alone: short ones are strange "
        "to it. Score full blocks, and of each the position that has nothing after it."
    )


def hint_open(args, got, right):
    x, last = got.figures.get("open", 0.07), got.figures.get("last")
    score = f": {last:.2f}" if last else ""
    return (
        f"{x:.2f} is the score with the answer in view. Score only the last position, which has no "
        f"future to look at{score}."
    )


REPORT = Part(
    "report",
    typed(Seen("honest")),
    read=read_report,
    wrong=(
        Wrong("open text", typed(Seen("open text")), hint_open, "The Time Traveller"),
        Wrong(
            "open text in bits", typed(Seen("open text in bits")), hint_open, "The Time Traveller"
        ),
        Wrong("as in writing", typed(Seen("writing")), hint_writing, "The Short Sight"),
        Wrong(
            "with the mask",
            typed(Seen("with the mask")),
            (
                "you report the model with the mask: changing its last token moves nothing before. "
                "Which of the two can write a word? Hand in the other one."
            ),
            "The Believer",
        ),
        Wrong(
            "in bits",
            typed(Seen("bits")),
            "the right score in bits. Report nats, as the loss gives them.",
            "The Other Unit",
        ),
        Wrong(
            "difference",
            typed(Seen("difference")),
            (
                "that is how far the two scores are apart. Report the one at the last position by "
                "itself."
            ),
            "The Bystander",
        ),
    ),
)

# 8.8 Your GPT as a zip


def bytes_by(size, whole=math.ceil):
    """A number of bytes, by another formula or rounded in another way."""

    def count(nats, num_characters):
        return whole(size(nats, num_characters))

    return count


def exact(nats, n):
    return nats * n / (8 * LN2)


right_bytes = bytes_by(exact)
bytes_in_bits = bytes_by(lambda nats, n: nats * n / LN2)
bytes_from_nats = bytes_by(lambda nats, n: nats * n / 8)
bytes_times_ln2 = bytes_by(lambda nats, n: nats * n * LN2 / 8)
bytes_times_8 = bytes_by(lambda nats, n: 8 * nats * n / LN2)
bytes_cut = bytes_by(exact, math.floor)
bytes_rounded = bytes_by(exact, round)
bytes_of_one = bytes_by(lambda nats, n: nats / LN2 / 8)
bytes_each_up = bytes_by(lambda nats, n: math.ceil(nats / LN2) * n / 8)
bytes_per_character = bytes_by(lambda nats, n: math.ceil(nats / LN2 / 8) * n)
bytes_nats_alone = bytes_by(lambda nats, n: nats * n)


def bytes_cases(g: torch.Generator) -> list[tuple]:
    """Short texts, where a byte more or less shows, and a long one."""
    nats = (0.7 + 3 * torch.rand(8, generator=g)).tolist()
    sizes = torch.randint(3, 60, (8,), generator=g).tolist()
    return [*zip(nats, [*sizes[:7], 1000 * sizes[7]], strict=True)]


BYTES = Part(
    "bytes_needed",
    right_bytes,
    cases=bytes_cases,
    label="a",
    wrong=(
        Wrong("bits", bytes_in_bits, "bytes, not bits: divide by 8.", "The Other Unit"),
        Wrong(
            "nats", bytes_from_nats, "nats × characters. Divide by ln 2 first.", "The Other Unit"
        ),
        Wrong(
            "nats alone",
            bytes_nats_alone,
            "nats × characters. Divide by ln 2 for bits, then by 8 for bytes.",
            "The Other Unit",
        ),
        Wrong(
            "times ln 2",
            bytes_times_ln2,
            "a bit is less than a nat, so there are more of them: divide by ln 2.",
            "The Other Unit",
        ),
        Wrong(
            "times 8",
            bytes_times_8,
            "a byte holds 8 bits, so there are fewer bytes: divide by 8.",
            "The Mirror",
        ),
        Wrong(
            "rounded down",
            bytes_cut,
            "the last bits are cut off. A file has whole bytes: round up.",
            "The Round Number",
        ),
        Wrong(
            "rounded",
            bytes_rounded,
            "round() takes the nearest, which may be too few. A file has whole bytes: round up.",
            "The Round Number",
        ),
        Wrong(
            "one character",
            bytes_of_one,
            "that is one character. The text has num_characters of them.",
            "The Early Leaver",
        ),
        Wrong(
            "whole bits for each",
            bytes_each_up,
            (
                "you round the bits of every character. Arithmetic coding shares them: add up, "
                "and round once, at the end."
            ),
            "The Early Bird",
        ),
        Wrong(
            "whole bytes for each",
            bytes_per_character,
            (
                "you give every character whole bytes of its own. Add up first, and round once, at "
                "the end."
            ),
            "The Early Bird",
        ),
    ),
)


@dataclass(frozen=True)
class Archive:
    """The numbers of 8.8b: a text, its characters, a program and the bytes that it makes."""

    text: str = "the validation part of TinyShakespeare"
    characters: int = CHARACTERS
    program: str = "bz2"
    size: int = 36_743


def draw_archive(dice: Dice) -> Archive | None:
    """Between 2.1 and 3.2 bits a character, as programs do on English text."""
    characters = dice.whole(60_000, 400_000, 10)
    size = round(characters * dice.whole(2100, 3200) / 8000)
    archive = Archive("some other text", characters, dice.pick(("bz2", "gzip", "xz")), size)
    return archive if is_clear(size * 8 * LN2 / characters, 2) else None


def archive_texts(n: Archive) -> tuple[str, ...]:
    return (f"On {n.text}, {n.characters:,} characters, `{n.program}` makes {n.size:,} bytes.",)


def break_even_part(n: Archive) -> Part:
    limit = n.size * 8 * LN2 / n.characters
    return in_hundredths(
        "break_even",
        "b",
        limit,
        (
            "bits",
            limit / LN2,
            "right in bits. A loss is in nats: multiply by ln 2.",
            "The Other Unit",
        ),
        (
            "bytes",
            limit / 8,
            "bytes, not bits: multiply by 8 first.",
            "The Other Unit",
        ),
        (
            "bytes per character",
            limit / 8 / LN2,
            "those are bytes for each character. How many bits are they, and how many nats?",
            "The Other Unit",
        ),
        (
            "ln 2 twice",
            limit / LN2 / LN2,
            "a nat is more than a bit, so there are fewer of them: multiply by ln 2.",
            "The Other Unit",
        ),
        (
            "inverted",
            n.characters / n.size,
            "that is characters for each byte. Turn it over: bytes for each character.",
            "The Mirror",
        ),
    )


def gpt_as_zip(n: Archive) -> Exercise:
    return Exercise(
        "8.8",
        "Your GPT as a zip",
        (BYTES, break_even_part(n)),
        hints=(
            "Walk from unit to unit: nats, bits, bytes; per character, then for all of them.",
            "A bit is ln 2 nats, a byte is 8 bits. Backwards each step is undone: what was "
            "divided is multiplied.",
            "a: math.ceil(nats * n / ln 2 / 8). b: bytes * 8 bits, shared by the characters, "
            "times ln 2.",
        ),
    )


# 8.9 Memory or rule?

Run = tuple[tuple[float, ...], tuple[float, ...]]  # losses on the training and on the other text


@dataclass(frozen=True)
class Curves:
    """The numbers of 8.9: three runs, where they come from, and how many steps lie between two."""

    origin: str = "of a smaller GPT, measured every"
    every: int = 150
    small: Run = (
        (2.3, 2.02, 1.85, 1.69, 1.57, 1.48, 1.36, 1.27, 1.18, 1.1),
        (2.61, 2.56, 2.52, 2.56, 2.61, 2.68, 2.78, 2.86, 3.01, 3.11),
    )
    dropout: Run = (
        (2.42, 2.22, 2.09, 1.98, 1.92, 1.85, 1.79, 1.73, 1.7, 1.66),
        (2.71, 2.62, 2.58, 2.57, 2.55, 2.53, 2.54, 2.53, 2.51, 2.52),
    )
    large: Run = (
        (2.47, 2.26, 2.1, 1.99, 1.93, 1.86, 1.84, 1.81, 1.76, 1.77),
        (2.48, 2.26, 2.16, 2.07, 2.04, 1.99, 1.96, 1.91, 1.9, 1.88),
    )

    @property
    def steps(self) -> list[int]:
        """At which steps the losses were taken."""
        return [self.every * i for i in range(1, len(self.small[0]) + 1)]


def draw_curves(dice: Dice) -> Curves | None:
    """The measured curves, cut and stretched: what they show is the same, their figures are not."""
    cut = slice(dice.whole(0, 1), dice.whole(9, 10))
    scale, shift = dice.whole(80, 125) / 100, dice.whole(-30, 30) / 100
    runs = (
        tuple(tuple(round(scale * loss + shift, 2) for loss in losses[cut]) for losses in run)
        for run in (Curves.small, Curves.dropout, Curves.large)
    )
    curves = Curves(
        "of a GPT, redrawn for this class, with figures every",
        dice.pick((100, 200, 250, 300)),
        *runs,
    )
    best, with_dropout = sorted(curves.small[1])[:2], sorted(curves.dropout[1])[:2]
    suits = best[0] < best[1] and with_dropout[0] < with_dropout[1] and with_dropout[0] < best[0]
    return curves if suits else None


def curves_texts(n: Curves) -> tuple[str, ...]:
    runs = (("small", n.small), ("dropout", n.dropout), ("large", n.large))
    pairs = (
        f"{name}_train = {list(train)}\n{name}_val = {list(val)}" for name, (train, val) in runs
    )
    return (
        f"Three runs {n.origin} {n.every} steps:",
        "\n\n".join((f"measured_at = {n.steps}", *pairs)),
    )


def best_step_part(n: Curves) -> Part:
    steps, val = n.steps, n.small[1]
    turn = val.index(min(val))
    turn_of_dropout = n.dropout[1].index(min(n.dropout[1]))
    known = (
        (
            "lowest training loss",
            steps[-1],
            f"step {steps[-1]} has the lowest training loss. The best model is where "
            "validation turns: look for the smallest number of the other list.",
            "The Memory Artist",
        ),
        (
            "index",
            turn,
            "that is the place in the list, counted from 0. Look up which step stands there.",
            "The Catalogue",
        ),
        (
            "counted from one",
            turn + 1,
            "that is the place in the list, counted from 1. Look up which step stands there.",
            "The Catalogue",
        ),
        (
            "one too late",
            steps[turn + 1],
            "there the validation loss has risen already. The best model is the one before it "
            "rises.",
            "The Fence Post",
        ),
        (
            "with dropout",
            steps[turn_of_dropout],
            "that is the turn of the run with dropout. Asked for is the one without it.",
            "The Mirror",
        ),
    )
    wrong = tuple(Wrong(name, typed(value), text, card) for name, value, text, card in known)
    return Part("best_step", typed(steps[turn]), wrong, label="a", read=read_whole)


def gap_part(n: Curves) -> Part:
    train, val = n.small
    gap, turn = val[-1] - train[-1], val.index(min(val))
    return in_hundredths(
        "gap",
        "b",
        gap,
        (
            "sign",
            -gap,
            f"the gap is validation minus training: {val[-1]} − {train[-1]}. Yours has the sign of "
            "a model that does better on text it never saw.",
            "The Climber",
        ),
        (
            "at the turn",
            val[turn] - train[turn],
            "that is the gap where validation turns. Asked for is the end of the run.",
            "The Early Leaver",
        ),
        (
            "climbed back",
            val[-1] - val[turn],
            "that is how far validation has risen since its turn. The gap compares two texts "
            "at one step: validation minus training.",
            "The Bystander",
        ),
        (
            "ratio",
            val[-1] / train[-1],
            "a gap is a difference, not a ratio.",
            "The Wrong Glue",
        ),
        (
            "with dropout",
            n.dropout[1][-1] - n.dropout[0][-1],
            "that is the gap of the run with dropout. Asked for is the one without it.",
            "The Mirror",
        ),
    )


LARGE_RUN = Part(
    "large_run",
    typed("rule"),
    label="c",
    read=read_choice("memory", "rule"),
    wrong=(
        Wrong(
            "memory",
            typed("memory"),
            (
                "compare its two lists: what it learned from the text it reads helps as much on "
                "text it has not read. What is learned by heart does not."
            ),
            "The Memory Artist",
        ),
    ),
)
DROPOUT = Part(
    "dropout",
    typed("b"),
    label="d",
    read=read_choice("a", "b", "c"),
    wrong=(
        Wrong(
            "better by heart",
            typed("a"),
            (
                "look at the two training lists: with dropout the loss there is higher at every "
                "step, so it knows that text less well."
            ),
            "The Mirror",
        ),
        Wrong(
            "as if more text",
            typed("c"),
            (
                "compare its gap with that of the megabyte: much is left of it. Dropout hinders "
                "learning by heart, it adds no text."
            ),
            "The Believer",
        ),
    ),
)


def memory_or_rule(n: Curves) -> Exercise:
    return Exercise(
        "8.9",
        "Memory or rule?",
        (best_step_part(n), gap_part(n), LARGE_RUN, DROPOUT),
        hints=(
            "Two texts, one model: what it has read again and again, and what it has never "
            "read. Which of the two do you want it for?",
            "a and b need one list and two lists; c asks if the two lists of a run move "
            "together; for d lay the lists of the two small runs below each other.",
            "a: the step of the smallest validation loss. b: last validation minus last "
            "training. c: a rule holds on both texts. d: compare training with training.",
        ),
    )


VARIANTS = {
    "8.6": Varied(Log(), draw_log, believe_or_not, log_texts),
    "8.8": Varied(Archive(), draw_archive, gpt_as_zip, archive_texts),
    "8.9": Varied(Curves(), draw_curves, memory_or_rule, curves_texts),
}
EXERCISES = {
    task.number: task
    for task in (
        Exercise(
            "8.1",
            "The schedule",
            (RATE,),
            hints=(
                "Three stretches: up in a line, down along the cosine, flat. In which of them does "
                "a step lie?",
                "A step and five numbers come in, one number goes out. On the way down let a share "
                "run from 0, where the warm-up has ended, to 1 at max_steps.",
                "Below warmup_steps: peak * (step + 1) / warmup_steps. From max_steps on: the "
                "minimum. In between: minimum + (peak - minimum) * 0.5 * (1 + cos(pi * share)).",
            ),
            references=("minigpt_lib.train:learning_rate",),
            replaces={"learning_rate": "train"},
        ),
        Exercise(
            "8.2",
            "Mend the step",
            (STEP,),
            hints=(
                "Follow the gradient through two calls of the step: what is in .grad when the "
                "second one begins? What does the update see of the limit?",
                "Five things in the right order: clear, forward, backward, limit, update. What is "
                "given back has no shape and no history.",
                "optimizer.zero_grad() or model.zero_grad() first; the clipping between backward() "
                "and step(); return loss.item().",
            ),
        ),
        Exercise(
            "8.3",
            "Clip",
            (CLIP,),
            hints=(
                "First measure everything together, then decide once, then treat all alike.",
                "One number for the whole model: the root of a sum of squares over all entries of "
                "all gradients. One factor, at most 1, for every one of them.",
                "Keep a list of the gradients that are not None; norm = the root of the sum of "
                "(g ** 2).sum(); if norm > max_norm: multiply each g by max_norm / norm in place; "
                "return norm.",
            ),
            references=(
                "minigpt_lib.train:clip_gradients",
                "torch.nn.utils:clip_grad_norm_.__wrapped__",
            ),
            replaces={"clip_gradients": "train"},
        ),
        Exercise(
            "8.4",
            "What gets decay",
            (GROUPS,),
            hints=(
                "Ask every parameter one question, whose answer is yes or no. Then none is left "
                "over and none is asked twice.",
                "p.dim() is 2 for a matrix, 1 for a bias or a gain, 0 for a single number, 3 for a "
                "stack of matrices. Where does the border lie?",
                "Walk through model.parameters(), which names a tied one once; p.dim() >= 2 goes "
                'into {"params": …, "weight_decay": weight_decay}, the rest into one with 0.0.',
            ),
            references=("minigpt_lib.train:parameter_groups",),
            replaces={"parameter_groups": "train"},
        ),
        Exercise(
            "8.5",
            "An honest number",
            (SCORE,),
            hints=(
                "Ask of every character of the text: is it a target, and how often? Then ask of "
                "the model: in which mode does it work, and what is left behind?",
                "With n tokens there are n − 1 targets. Full blocks are (N, T), the rest is one "
                "block (1, R) with R < T. A batch's mean times its positions is its sum.",
                "was = model.training; model.eval(); under torch.no_grad(): view the first T * "
                "((n - 1) // T) ids as (-1, T), y from ids[1:]; split by batch_size, then the "
                "rest; add loss.item() * y.numel(); put the mode back; divide by n - 1.",
            ),
            references=("minigpt_lib.train:evaluate.__wrapped__",),
            replaces={"evaluate": "train"},
        ),
        believe_or_not(Log()),
        Exercise(
            "8.7",
            "The Time Traveller",
            (REPORT,),
            hints=(
                "When the model writes, there is nothing behind the last character. Which of its "
                "scores was taken in that situation?",
                "Logits are (N, T, V); one of the T positions has nothing to its right. What is "
                "left is (N, V), and N targets.",
                "logits[:, -1] and the last column of y, through F.cross_entropy, over all blocks "
                "of the validation text.",
            ),
        ),
        gpt_as_zip(Archive()),
        memory_or_rule(Curves()),
    )
}
