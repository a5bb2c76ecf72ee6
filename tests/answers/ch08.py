"""Chapter 08: right answers written in other ways, and mistakes as a learner may write them."""

import functools
import math

import torch
import torch.nn.functional as F
from torch import nn

from course.corpora import load_corpus
from minigpt_lib.data import sliding_windows, train_val_split
from minigpt_lib.model import GPTConfig
from minigpt_lib.tokenizer import CharTokenizer

# 8.1


def numbers(c):
    return c.learning_rate, c.min_learning_rate, c.warmup_steps, c.max_steps


def interpolated(step, config):
    """Cosine as a mixture of peak and floor, the end by clamping."""
    peak, floor, warm, end = numbers(config)
    if step + 1 <= warm:
        return torch.tensor(peak * (step + 1.0) / warm)
    t = min(1.0, (step - warm) / (end - warm))
    w = math.sin(math.pi * t / 2) ** 2
    return (1 - w) * peak + w * floor


def by_table(step, config):
    peak, floor, warm, end = numbers(config)
    up = [peak * i / warm for i in range(1, warm + 1)]
    down = [(1 + math.cos(math.pi * i / (end - warm))) / 2 for i in range(end - warm)]
    table = up + [floor + share * (peak - floor) for share in down]
    return table[step] if step < len(table) else floor


def rate(up="(s + 1) / w", below="s < w", share="(s - w) / (e - w)", down="f + (p - f) * h(t)"):
    """A schedule written with other formulas; h is half a wave, t the clamped share."""
    code = [compile(text, "<formula>", "eval") for text in (below, up, share, down)]

    def schedule(step, config):
        p, f, w, e = numbers(config)
        names = {"s": step, "p": p, "f": f, "w": w, "e": e, "m": math, "min": min, "max": max}
        names["h"] = lambda t: 0.5 + 0.5 * math.cos(math.pi * t)
        if eval(code[0], names):
            return p * eval(code[1], names)
        names["raw"] = eval(code[2], names)
        names["t"] = min(names["raw"], 1)
        return eval(code[3], names)

    return schedule


# 8.2


def zero_at_the_end(model, optimizer, x, y, max_norm):
    loss = model(x, y)[-1]
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    optimizer.zero_grad()
    return float(loss)


def own_clipping(model, optimizer, x, y, max_norm):
    for p in model.parameters():
        p.grad = None
    _prediction, loss = model(x, y)
    loss.backward()
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    for p in model.parameters():
        p.grad *= min(1, max_norm / norm)
    optimizer.step()
    return loss.detach().item()


def gives_detached(model, optimizer, x, y, max_norm):
    return torch.tensor(own_clipping(model, optimizer, x, y, max_norm))


def order(text):
    """A step whose lines come in the order of the letters, and what it gives back.

    z: clear, b: forward and backward, c: clip, v: clip values, e: clip each, s: update; then
    n: a number, t: the tensor, 0: nothing.
    """

    def step(model, optimizer, x, y, max_norm):
        parameters = list(model.parameters())
        for letter in text[:-1]:
            if letter == "z":
                optimizer.zero_grad()
            if letter == "b":
                _, loss = model(x, y)
                loss.backward()
            if letter == "c":
                nn.utils.clip_grad_norm_(parameters, max_norm=max_norm)
            if letter == "v":
                nn.utils.clip_grad_value_(parameters, clip_value=max_norm)
            if letter == "e":
                [nn.utils.clip_grad_norm_(p, max_norm) for p in parameters]
            if letter == "s":
                optimizer.step()
        return {"n": loss.item(), "t": loss, "0": None}[text[-1]]

    return step


# 8.3


def clip_by_cat(parameters, max_norm):
    grads = [p.grad for p in list(parameters) if p.grad is not None]
    norm = torch.linalg.vector_norm(torch.cat([g.reshape(-1) for g in grads]).double())
    scale = torch.clamp(max_norm / (norm + 1e-9), max=1.0)
    for g in grads:
        g.copy_(g * scale)
    return norm


def clip_by_numbers(parameters, max_norm):
    total, kept = 0.0, []
    for p in parameters:
        if p.grad is None:
            continue
        kept.append(p)
        for number in p.grad.flatten().tolist():
            total += number * number
    total **= 0.5
    while kept and total > max_norm:
        p = kept.pop()
        p.grad = p.grad / total * max_norm
    return total


def norm_of(grads):
    return torch.cat([g.flatten() for g in grads]).norm().item()


def clip_each(parameters, max_norm):
    grads = list(filter(lambda g: g is not None, [p.grad for p in parameters]))
    norm = norm_of(grads)
    for g in grads:
        if g.norm() > max_norm:
            g *= max_norm / g.norm()
    return norm


def clip_with(scale=lambda n, m: m / n if n > m else 1.0, gives=lambda n, m: n, measure=norm_of):
    def clip(parameters, max_norm):
        grads = list(filter(lambda g: g is not None, [p.grad for p in parameters]))
        n = measure(grads)
        for g in grads:
            g *= scale(n, max_norm)
        return gives(n, max_norm)

    return clip


def clip_values(parameters, max_norm):
    grads = list(filter(lambda g: g is not None, [p.grad for p in parameters]))
    norm = norm_of(grads)
    [g.clamp_(min=-max_norm, max=max_norm) for g in grads]
    return norm


def clip_thrown_away(parameters, max_norm):
    grads = list(filter(lambda g: g is not None, [p.grad for p in parameters]))
    norm = norm_of(grads)
    if norm > max_norm:
        grads = [g * max_norm / norm for g in grads]
    return norm


def clip_in_two_loops(parameters, max_norm):
    norm = sum((p.grad**2).sum() for p in parameters if p.grad is not None) ** 0.5
    for p in parameters:
        if p.grad is not None and norm > max_norm:
            p.grad *= max_norm / norm
    return norm


def clip_weights(parameters, max_norm):
    parameters = list(parameters)
    norm = norm_of([p.grad for p in parameters if p.grad is not None])
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None and norm > max_norm:
                p *= max_norm / norm
    return norm


def clip_needs_grad(parameters, max_norm):
    parameters = list(parameters)
    norm = sum(p.grad.norm() ** 2 for p in parameters) ** 0.5
    for p in parameters:
        p.grad *= min(1, max_norm / norm)
    return norm


def clip_needs_tensor(parameters, max_norm):
    grads = [p.grad for p in parameters]
    norm = torch.stack([torch.linalg.vector_norm(g) for g in grads]).norm()
    for g in grads:
        g *= min(1, max_norm / norm)
    return norm


# 8.4


def groups_by_comprehension(model, weight_decay):
    flat = [p for p in model.parameters() if p.ndim < 2]
    tall = [p for p in model.parameters() if p.ndim not in (0, 1)]
    return (
        {"weight_decay": 0, "params": iter(flat)},
        {"weight_decay": weight_decay, "params": tall},
    )


def groups_by_identity(model, weight_decay):
    each = {id(p): p for module in model.modules() for p in module.parameters()}
    groups = {True: [], False: []}
    for p in each.values():
        groups[len(p.shape) > 1].append(p)
    return [{"params": groups[k], "weight_decay": weight_decay * k} for k in (False, True)]


def groups_if(test, rest=lambda n, p: True, pairs=nn.Module.named_parameters, low=0.0):
    def groups(model, weight_decay):
        first, second = [], []
        for n, p in pairs(model):
            if test(n, p):
                first.append(p)
            elif rest(n, p):
                second.append(p)
        return [
            {"params": first, "weight_decay": weight_decay},
            {"params": second, "weight_decay": low},
        ]

    return groups


def groups_no_default(model, weight_decay):
    first, second = groups_if(lambda n, p: p.dim() >= 2)(model, weight_decay)
    del second["weight_decay"]
    return [first, second]


def groups_exchanged(model, weight_decay):
    first, second = groups_if(lambda n, p: p.dim() >= 2)(model, weight_decay)
    return [first | {"weight_decay": 0.0}, second | {"weight_decay": weight_decay}]


def groups_linear(others):
    def groups(model, weight_decay):
        heavy, light = [], []
        for module in model.modules():
            own = dict(module.named_parameters(recurse=False))
            if isinstance(module, nn.Linear):
                heavy.append(own.pop("weight"))
                light += own.values()
            elif others:
                light += own.values()
        return [
            {"params": heavy, "weight_decay": weight_decay},
            {"params": light, "weight_decay": 0.0},
        ]

    return groups


# 8.5


def block_by_block(model, ids, batch_size=64):
    mode = model.training
    model.train(False)
    T, total, count = model.config.context_length, 0.0, 0
    with torch.inference_mode():
        while count < len(ids) - 1:
            block = ids[count : count + T + 1].unsqueeze(0)
            nats = model(block[:, :-1], block[:, 1:])[1]
            total += nats.double() * (block.shape[1] - 1)
            count += block.shape[1] - 1
    model.train(mode)
    return total / count


def from_logits(model, ids, batch_size=64):
    """Scores the logits itself and padded blocks not at all."""
    mode, T = model.training, model.config.context_length
    model.eval()
    surprises = []
    with torch.no_grad():
        for start in range(0, len(ids) - 1, T):
            x, y = ids[:-1][start : start + T], ids[1:][start : start + T]
            logits, _ = model(x[None], y[None])
            surprises.append(F.cross_entropy(logits[0], y, reduction="none"))
    if mode:
        model.train()
    return torch.cat(surprises).mean()


def pieces(ids, T, batch_size):
    n = (len(ids) - 1) // T * T
    x, y = ids[:n].view(-1, T), ids[1 : n + 1].view(-1, T)
    found = [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(x), batch_size)]
    return found + ([(ids[n:-1][None], ids[n + 1 :][None])] if n < len(ids) - 1 else [])


def one_at_a_time(ids, T, batch_size):
    return pieces(ids, T, 1)


def without_rest(ids, T, batch_size):
    found = [(x, y) for x, y in pieces(ids, T, batch_size) if y.shape[1] == T]
    return found or pieces(ids, T, batch_size)


def all_but_rest(ids, T, batch_size):
    return [(x, y) for x, y in pieces(ids, T, batch_size) if y.shape[1] == T]


def stops_early(ids, T, batch_size):
    starts = range(0, len(ids) - T - 1, T)
    return [(ids[None, s : s + T], ids[None, s + 1 : s + T + 1]) for s in starts]


def end_to_end(ids, T, batch_size):
    chunks = [chunk for chunk in ids.split(T + 1) if len(chunk) >= 2]
    return [(chunk[:-1][None], chunk[1:][None]) for chunk in chunks]


def evaluator(cut=pieces, mean=None, eval_mode=True, grad=False):
    def evaluate(model, ids, batch_size=64):
        mode = model.training
        if eval_mode:
            model.eval()
        losses, sizes = [], []
        with torch.enable_grad() if grad else torch.no_grad():
            for x, y in cut(ids, model.config.context_length, batch_size):
                losses.append(model(x, y)[1].item())
                sizes.append(y.numel())
        model.train(mode)
        total = sum(a * b for a, b in zip(losses, sizes, strict=True))
        return mean(losses, sizes, total, len(ids)) if mean else total / sum(sizes)

    return evaluate


def forgets_the_mode(model, ids, batch_size=64):
    value = block_by_block(model, ids)
    model.eval()
    return value


def always_back_to_training(model, ids, batch_size=64):
    value = block_by_block(model, ids)
    model.train()
    return value


# 8.7


class Oracle(nn.Module):
    """Sees the next token of its input and knows nothing where there is none; or looks back."""

    def __init__(self, looks_ahead, context_length=32):
        super().__init__()
        size = len(set(load_corpus().text))
        self.config = GPTConfig(size, context_length, 4, 1, 1)
        self.looks_ahead = looks_ahead

    def forward(self, ids, targets=None):
        seen = ids.roll(-1, dims=1) if self.looks_ahead else ids
        logits = 6.0 * F.one_hot(seen, self.config.vocab_size).float()
        logits[:, -1] = ids[:, -1:] % 3
        return logits, None


class Stranger(Oracle):
    """In a window that is not full it is sure of the first character of the alphabet."""

    def forward(self, ids, targets=None):
        logits, loss = super().forward(ids)
        if ids.shape[1] < self.config.context_length:
            logits[:, -1, 0] = 8.0
        return logits, loss


def astray(context_length=32):
    """What the stranger scores while it reads 1, 2, ... characters of some blocks."""
    tokenizer = CharTokenizer.from_text(load_corpus().text)
    ids = train_val_split(tokenizer.encode(load_corpus().text))[1][:5000]
    x, y = sliding_windows(ids, context_length, stride=context_length)
    model, total = Stranger(True, context_length), 0.0
    for t in range(1, context_length + 1):
        total += F.cross_entropy(model(x[:, :t])[0][:, -1], y[:, t - 1]).item()
    return total / context_length


@functools.cache
def scores(context_length=32):
    """What the oracle scores with the text open, and at the last position."""
    tokenizer = CharTokenizer.from_text(load_corpus().text)
    ids = train_val_split(tokenizer.encode(load_corpus().text))[1]
    x, y = sliding_windows(ids, context_length, stride=context_length)
    logits = Oracle(True, context_length)(x)[0]
    last = F.cross_entropy(logits[:, -1], y[:, -1]).item()
    return F.cross_entropy(logits.flatten(0, 1), y.flatten()).item(), last


OPEN, LAST = scores()
SHORT = scores(8)[1]
ASTRAY = astray()

# 8.8


def bytes_by_hand(nats, num_characters):
    bits_each = nats / math.log(2)
    whole, rest = divmod(bits_each * num_characters, 8)
    return int(whole) + (rest > 0)


def bytes_negative_floor(nats, num_characters):
    return torch.tensor(int(-(-nats * num_characters // (8 * math.log(2)))))


def sized(formula, whole=math.ceil):
    return lambda nats, n: whole(formula(nats, n))


L = math.log(2)

RIGHT = {
    "8.1": [(interpolated,), (by_table,), (rate(),)],
    "8.2": [(zero_at_the_end,), (own_clipping,), (order("zbcsn"),)],
    "8.3": [(clip_by_cat,), (clip_by_numbers,), (clip_with(),)],
    "8.4": [(groups_by_comprehension,), (groups_by_identity,)],
    "8.5": [(block_by_block,), (from_logits,), (evaluator(),)],
    "8.6": [
        (0.886, "not plausible", [0, 5000]),
        ("0.89", "Not plausible", (5000, 0)),
        (torch.tensor(0.8857), "not plausible", [0.0, 5000.0, 0]),
    ],
    "8.7": [((Oracle(True), LAST),), ([Oracle(True, 8), str(SHORT)],)],
    "8.8": [(bytes_by_hand, 1.83), (bytes_negative_floor, "1.827")],
    "8.9": [
        (450, 2.01, "rule", "b"),
        ("450", "2.01", "Rule", "B"),
        (torch.tensor(450), 3.11 - 1.10, "rule", "b"),
    ],
}
GENTLE = "✗ 8.4: {s} is a bias or a norm gain (one dimension). Decay matrices only"
ORPHAN = "✗ 8.4: {s} parameters are in no group and will never learn; the first is "
SAID = [
    ("8.1", (rate(up="s / w"),), "✗ 8.1: step 0 has rate 0, so the first batch teaches nothing. "),
    ("8.1", (rate(up="(s + 1) / (w + 1)"),), "✗ 8.1: the warm-up of {s} steps ends at {s}, not at"),
    ("8.1", (rate(up="(f + (p - f) * (s + 1) / w) / p"),), "✗ 8.1: your warm-up starts at the min"),
    ("8.1", (rate(below="w > 0 and s <= w"),), "✗ 8.1: at step {s} the rate is {s}, above the pe"),
    ("8.1", (rate(below="False", share="s / e"),), "✗ 8.1: step 0 has the full rate: there is no"),
    ("8.1", (rate(share="s / (e - w)"),), "✗ 8.1: the floor is reached at step {s}, {s} steps ea"),
    ("8.1", (rate(share="(s - w) / (e - w - 1)"),), "✗ 8.1: the floor is reached at step {s}, 1 s"),
    ("8.1", (rate(down="max(f, p * h(t))"),), "✗ 8.1: with max() the rate is down at the floor"),
    ("8.1", (rate(share="s / e"),), "✗ 8.1: the rate jumps from {s} to {s} when warm-up ends, at"),
    ("8.1", (rate(share="(s - w) / e"),), "✗ 8.1: at step {s}, the end, the rate is still {s}. T"),
    ("8.1", (rate(down="p * h(t)"),), "✗ 8.1: your rate ends at 0, not at the minimum {s}. The co"),
    ("8.1", (rate(down="f + p * h(t)"),), "✗ 8.1: at step {s} the rate is {s} with a peak of {s}"),
    ("8.1", (rate(down="f + (p - f) * h(raw)"),), "✗ 8.1: after the end the rate climbs again, t"),
    ("8.1", (rate(down="f + (p - f) * h(t) if s < e else 0"),), "✗ 8.1: from max_steps on your ra"),
    ("8.1", (rate(down="p + (f - p) * t"),), "✗ 8.1: your rate falls in a straight line. Bend it"),
    ("8.1", (rate(down="f + (p - f) * (1 - h(t))"),), "✗ 8.1: after the warm-up the rate drops to"),
    ("8.1", (rate(down="f + (p - f) * (1 + m.cos(t)) / 2"),), "✗ 8.1: the rate hardly falls: cos"),
    ("8.1", (rate(down="f + (p - f) * 2 * h(t)"),), "✗ 8.1: at the top of the cosine your rate is"),
    ("8.1", (rate(down="f + (p - f) * (2 * h(t) - 1)"),), "✗ 8.1: your rate goes below the minim"),
    ("8.1", (rate(down="f + (p - f) * m.cos(t * m.pi / 2)"),), "✗ 8.1: the way from peak to mini"),
    ("8.2", (order("bcsn"),), "✗ 8.2: the gradient keeps growing: steps add up. Clear it before b"),
    ("8.2", (order("bcst"),), "✗ 8.2: the gradient keeps growing: steps add up. Clear it before b"),
    ("8.2", (order("bzcsn"),), "✗ 8.2: nothing moves: zero_grad stands between backward and step."),
    ("8.2", (order("zsbn"),), "✗ 8.2: nothing moves: zero_grad stands between backward and step."),
    ("8.2", (order("bzcst"),), "✗ 8.2: nothing moves: zero_grad stands between backward and step."),
    ("8.2", (order("zbscn"),), "✗ 8.2: clipped after the step, too late for this one (or not at"),
    ("8.2", (order("zcbsn"),), "✗ 8.2: clipped after the step, too late for this one (or not at"),
    ("8.2", (order("zbsct"),), "✗ 8.2: clipped after the step, too late for this one (or not at"),
    ("8.2", (order("bscn"),), "✗ 8.2: two things are left: the gradient keeps growing, because n"),
    ("8.2", (order("bsct"),), "✗ 8.2: three things are left: the gradient keeps growing, because"),
    (
        "8.2",
        (order("bsn"),),
        "✗ 8.2: the gradient keeps growing: steps add up. Clear it before bac",
    ),
    ("8.2", (order("zbcst"),), "✗ 8.2: what you return is a tensor, no plain number. It may carr"),
    ("8.2", (gives_detached,), "✗ 8.2: what you return is a tensor, no plain number. It may carr"),
    ("8.2", (order("zbcs0"),), "✗ 8.2: the step is right and gives nothing back. Return the loss"),
    ("8.2", (order("zbvsn"),), "✗ 8.2: you cut single values; the direction has turned. clip_grad"),
    ("8.2", (order("zbesn"),), "✗ 8.2: each tensor is clipped by its own norm, so the direction h"),
    (
        "8.3",
        (clip_each,),
        "✗ 8.3: each tensor has norm ≤ 1, all together {s}. One norm for all gra",
    ),
    (
        "8.3",
        (clip_with(lambda n, m: m / n),),
        "✗ 8.3: you changed gradients whose norm was {s} < 1.5. Scale down only.",
    ),
    (
        "8.3",
        (clip_values,),
        "✗ 8.3: you cut single values; the direction has turned. Multiply ever",
    ),
    ("8.3", (clip_thrown_away,), "✗ 8.3: the norm is right, and no gradient has changed. Write in"),
    ("8.3", (clip_in_two_loops,), "✗ 8.3: the norm is right, and no gradient was scaled where par"),
    (
        "8.3",
        (clip_with(lambda n, m: n / m if n > m else 1),),
        "✗ 8.3: long gradients became longer: the factor is max_norm divided by the norm, not",
    ),
    ("8.3", (clip_with(gives=min),), "✗ 8.3: you return {s}; asked for is the norm before cl"),
    (
        "8.3",
        (clip_with(gives=lambda n, m: m / n if n > m else 1.0),),
        "✗ 8.3: you return {s}; asked for is the norm before clipping, {s}. Keep it",
    ),
    ("8.3", (clip_with(gives=lambda n, m: None),), "✗ 8.3: the gradients are right, and nothing"),
    (
        "8.3",
        (clip_with(measure=lambda gs: sum(g.norm().item() for g in gs)),),
        "✗ 8.3: you measure {s}; the norm of all gradients as one long vector is {s}: the root",
    ),
    ("8.3", (clip_with(measure=lambda gs: norm_of(gs) ** 2),), "✗ 8.3: you measure {s}; the norm"),
    (
        "8.3",
        (clip_with(measure=lambda gs: max(g.norm().item() for g in gs)),),
        "✗ 8.3: you measure {s}; the norm of all gradients",
    ),
    (
        "8.3",
        (clip_with(measure=lambda gs: torch.cat([g.flatten() for g in gs]).abs().sum().item()),),
        "✗ 8.3: you measure {s}; the norm of all gradients",
    ),
    ("8.3", (clip_weights,), "✗ 8.3: you scaled the parameters. It is their gradients, p.grad, th"),
    ("8.3", (clip_needs_grad,), "✗ 8.3: a parameter that took no part has no gradient: its .grad"),
    ("8.3", (clip_needs_tensor,), "✗ 8.3: a parameter that took no part has no gradient: its .gra"),
    ("8.4", (groups_if(lambda n, p: True),), GENTLE),
    ("8.4", (groups_if(lambda n, p: "bias" not in n),), GENTLE),
    ("8.4", (groups_if(lambda n, p: "norm" not in n),), GENTLE),
    (
        "8.4",
        (groups_if(lambda n, p: p.dim() > 0),),
        "✗ 8.4: {s} has one dimension and decays. You ",
    ),
    ("8.4", (groups_if(lambda n, p: False),), "✗ 8.4: no parameter decays. Matrices do, with weig"),
    ("8.4", (groups_if(lambda n, p: p.dim() > 2),), "✗ 8.4: {s} has the shape {s} and no decay. E"),
    ("8.4", (groups_if(lambda n, p: p.dim() == 2),), "✗ 8.4: {s} has the shape {s} and no decay."),
    (
        "8.4",
        (groups_if(lambda n, p: p.dim() >= 2 and not n.startswith("embedding")),),
        "✗ 8.4: {s} has the shape {s} and no decay. Everything with two dimensions",
    ),
    (
        "8.4",
        (groups_if(lambda n, p: n.split(".")[-1] == "weight"),),
        "✗ 8.4: a norm's gain is call",
    ),
    ("8.4", (groups_if(lambda n, p: len(p) >= 2),), "✗ 8.4: len(p) counts the rows, and a gain of"),
    ("8.4", (groups_exchanged,), "✗ 8.4: the two groups are exchanged: {s} is a matrix and has de"),
    ("8.4", (groups_linear(others=True),), "✗ 8.4: the tied table is in both groups: it is the we"),
    (
        "8.4",
        (
            groups_if(
                lambda n, p: p.dim() >= 2,
                pairs=lambda model: model.named_parameters(remove_duplicate=False),
            ),
        ),
        "✗ 8.4: the tied table is in one group twice, once under each of its names. model",
    ),
    ("8.4", (groups_if(lambda n, p: p.dim() == 2, lambda n, p: p.dim() == 1),), ORPHAN),
    ("8.4", (groups_if(lambda n, p: p.dim() >= 2, lambda n, p: p.dim() == 1),), ORPHAN),
    ("8.4", (groups_if(lambda n, p: p.dim() >= 2, lambda n, p: False),), ORPHAN),
    ("8.4", (groups_linear(others=False),), ORPHAN),
    ("8.4", (groups_no_default,), "✗ 8.4: the second group has no weight_decay of its own, so it"),
    (
        "8.4",
        (lambda model, weight_decay: groups_by_identity(model, 0.1),),
        "✗ 8.4: your decay is 0.1 whatever was asked for. Use the argument weight_decay.",
    ),
    ("8.5", (evaluator(eval_mode=False),), "✗ 8.5: two calls gave {s} and {s}: dropout is on. eva"),
    ("8.5", (evaluator(eval_mode=False, grad=True),), "✗ 8.5: two calls gave {s} and {s}: dropout"),
    (
        "8.5",
        (evaluator(mean=lambda losses, sizes, total, n: sum(losses) / len(losses)),),
        "✗ 8.5: a mean of means: the last batch has {s} positions, not {s}. Weight by positions.",
    ),
    (
        "8.5",
        (evaluator(one_at_a_time, lambda losses, sizes, total, n: sum(losses) / len(losses)),),
        "✗ 8.5: a mean of means: the last block has {s} positions, not {s}. Weight by positions.",
    ),
    ("8.5", (evaluator(without_rest),), "✗ 8.5: the last {s} tokens were left out: they fill no b"),
    (
        "8.5",
        (evaluator(without_rest, lambda losses, sizes, total, n: total / (n - 1)),),
        "✗ 8.5: the last tokens, which fill no block, were left out, and you divide as if they",
    ),
    ("8.5", (evaluator(all_but_rest),), "✗ 8.5: the last, shorter block is missing. The tokens th"),
    (
        "8.5",
        (evaluator(all_but_rest, lambda losses, sizes, total, n: total / (n - 1)),),
        "✗ 8.5: the last, shorter block is missing. {s} (You divide as if it had cost nothing.)",
    ),
    ("8.5", (evaluator(stops_early),), "✗ 8.5: the last, shorter block is missing. The tokens"),
    ("8.5", (evaluator(end_to_end),), "✗ 8.5: every {s}th token is never asked for: your blocks"),
    ("8.5", (evaluator(lambda *a: pieces(*a)[:1]),), "✗ 8.5: only the first batch is scored. The"),
    (
        "8.5",
        (evaluator(grad=True),),
        "✗ 8.5: right value, but every parameter now has a gradient o",
    ),
    (
        "8.5",
        (evaluator(lambda *a: [(x, x) for x, y in pieces(*a)]),),
        "✗ 8.5: you score the model on the token it has in front of it: y is x one later,",
    ),
    (
        "8.5",
        (evaluator(mean=lambda losses, sizes, total, n: total / n),),
        "✗ 8.5: you divide by {s}, the tokens; {s} of them were scored: the first has no past.",
    ),
    (
        "8.5",
        (evaluator(mean=lambda losses, sizes, total, n: total),),
        "✗ 8.5: you return the sum over the text. The mean is asked for: divide by the positions.",
    ),
    (
        "8.5",
        (evaluator(mean=lambda losses, sizes, total, n: total / (n - 1) / L),),
        "✗ 8.5: right in bits. The question asks for nats",
    ),
    (
        "8.5",
        (evaluator(lambda ids, T, batch_size: pieces(ids, T, 10**6)),),
        "✗ 8.5: right value, but all blocks went through the model in one batch,",
    ),
    (
        "8.5",
        (evaluator(lambda ids, T, batch_size: [(ids[:-1][None], ids[1:][None])]),),
        "✗ 8.5: the model reads at most {s} tokens, and it got all of the text at once. Cut it",
    ),
    (
        "8.5",
        (evaluator(mean=lambda losses, sizes, total, n: None),),
        "✗ 8.5: your answer gives nothing back. Return the mean.",
    ),
    ("8.5", (forgets_the_mode,), "✗ 8.5: model came in training mode and you leave it in evaluati"),
    ("8.5", (always_back_to_training,), "✗ 8.5: model came in evaluation mode and you leave it in"),
    ("8.6", (2.74, "not plausible", [0, 5000]), "✗ 8.6a: 1.899 is per token. 36,059 tokens hold 1"),
    ("8.6", (1.899, "not plausible", [0, 5000]), "✗ 8.6a: 1.899 is per token, and in nats. 36,059"),
    ("8.6", (0.614, "not plausible", [0, 5000]), "✗ 8.6a: right per character, but in nats. For b"),
    ("8.6", (8.47, "not plausible", [0, 5000]), "✗ 8.6a: a character can't cost more than the tok"),
    ("8.6", (0.4255, "not plausible", [0, 5000]), "✗ 8.6a: a bit is less than a nat, so there are"),
    ("8.6", (0.5, "not plausible", [0, 5000]), "✗ 8.6a: no mistake that this check knows: 0.5 is"),
    (
        "8.6",
        (0.886, "plausible", [0, 5000]),
        "✗ 8.6b: not plausible: a model 10 times larger, on a",
    ),
    ("8.6", (0.886, "no", [0, 5000]), '✗ 8.6b: type "plausible" or "not plausible", not'),
    ("8.6", (0.886, "not plausible", []), "✗ 8.6c: the code gives rate 0 at step 0 and ends at st"),
    ("8.6", (0.886, "not plausible", 0), "✗ 8.6c: step 0 is one. range(5000) counts from 0: which"),
    ("8.6", (0.886, "not plausible", [5000]), "✗ 8.6c: the last line is one. Put step 0 into the"),
    (
        "8.6",
        (0.886, "not plausible", list(range(0, 5001, 1000))),
        "✗ 8.6c: the lines in the middle agree with the code: put their step into rate(). Two",
    ),
    (
        "8.6",
        (0.886, "not plausible", [1000]),
        "✗ 8.6c: no mistake that this check knows: [1000] is",
    ),
    ("8.6", (0.886, "not plausible", "the first"), "✗ 8.6c: type the steps as a list of whole num"),
    (
        "8.7",
        ((Oracle(True), OPEN),),
        "✗ 8.7: {s} is the score with the answer in view. Score only the last position, which has",
    ),
    ("8.7", ((Oracle(True), OPEN / L),), "✗ 8.7: {s} is the score with the answer in view. Score"),
    ("8.7", ((Oracle(True), LAST / L),), "✗ 8.7: the right score in bits. Report nats, as the los"),
    ("8.7", ((Oracle(True), LAST - OPEN),), "✗ 8.7: that is how far the two scores are apart. Rep"),
    ("8.7", ((Oracle(False), 2.0),), "✗ 8.7: you report the model with the mask: changing its las"),
    (
        "8.7",
        ((Stranger(True), ASTRAY),),
        "✗ 8.7: {s} is a mean over windows of every length. There",
    ),
    ("8.7", ((Oracle(True), torch.tensor(LAST)),), "✗ 8.7: the number is still a tensor. Report a"),
    ("8.7", ((Oracle(True), 1000),), "✗ 8.7: 1000.000 is neither the score with the text open no"),
    ("8.7", (LAST,), "✗ 8.7: hand in two things, (model, nats): the model that you trained"),
    ("8.8", (sized(lambda a, n: a * n / L), 1.83), "✗ 8.8a: bytes, not bits: divide by 8."),
    ("8.8", (sized(lambda a, n: a * n / 8), 1.83), "✗ 8.8a: nats × characters. Divide by ln 2 fir"),
    ("8.8", (sized(lambda a, n: a * n), 1.83), "✗ 8.8a: nats × characters. Divide by ln 2 for bit"),
    ("8.8", (sized(lambda a, n: a * n * L / 8), 1.83), "✗ 8.8a: a bit is less than a nat, so"),
    ("8.8", (sized(lambda a, n: a * n / L * 8), 1.83), "✗ 8.8a: a byte holds 8 bits, so there are"),
    ("8.8", (sized(lambda a, n: a * n / L / 8, int), 1.83), "✗ 8.8a: the last bits are cut off. A"),
    ("8.8", (sized(lambda a, n: a * n / L / 8, round), 1.83), "✗ 8.8a: round() takes the nearest,"),
    ("8.8", (sized(lambda a, n: a / L / 8), 1.83), "✗ 8.8a: that is one character. The text has n"),
    (
        "8.8",
        (sized(lambda a, n: n * math.ceil(a / L) / 8), 1.83),
        "✗ 8.8a: you round the bits of every character. Arithmetic coding shares them: add up,",
    ),
    (
        "8.8",
        (sized(lambda a, n: n * math.ceil(a / L / 8)), 1.83),
        "✗ 8.8a: you give every character whole bytes of its own. Add up first, and round once,",
    ),
    ("8.8", (bytes_by_hand, 2.6353), "✗ 8.8b: right in bits. A loss is in nats: multiply by ln 2."),
    ("8.8", (bytes_by_hand, 0.228), "✗ 8.8b: bytes, not bits: multiply by 8 first."),
    (
        "8.8",
        (bytes_by_hand, 0.329),
        "✗ 8.8b: those are bytes for each character. How many bits are",
    ),
    ("8.8", (bytes_by_hand, 3.802), "✗ 8.8b: a nat is more than a bit, so there are fewer of them"),
    ("8.8", (bytes_by_hand, 3.036), "✗ 8.8b: that is characters for each byte. Turn it over: byte"),
    ("8.9", (1500, 2.01, "rule", "b"), "✗ 8.9a: step 1500 has the lowest training loss. The best"),
    ("8.9", (2, 2.01, "rule", "b"), "✗ 8.9a: that is the place in the list, counted from 0. Look"),
    ("8.9", (3, 2.01, "rule", "b"), "✗ 8.9a: that is the place in the list, counted from 1. Look"),
    ("8.9", (600, 2.01, "rule", "b"), "✗ 8.9a: there the validation loss has risen already. The b"),
    ("8.9", (1350, 2.01, "rule", "b"), "✗ 8.9a: that is the turn of the run with dropout. Asked f"),
    ("8.9", (450, -2.01, "rule", "b"), "✗ 8.9b: the gap is validation minus training: 3.11 − 1.1"),
    ("8.9", (450, 0.67, "rule", "b"), "✗ 8.9b: that is the gap where validation turns. Asked for"),
    ("8.9", (450, 0.59, "rule", "b"), "✗ 8.9b: that is how far validation has risen since its tur"),
    ("8.9", (450, 2.83, "rule", "b"), "✗ 8.9b: a gap is a difference, not a ratio."),
    ("8.9", (450, 0.86, "rule", "b"), "✗ 8.9b: that is the gap of the run with dropout. Asked for"),
    ("8.9", (450, 2.01, "memory", "b"), "✗ 8.9c: compare its two lists: what it learned from the"),
    (
        "8.9",
        (450, 2.01, "rule", "a"),
        "✗ 8.9d: look at the two training lists: with dropout the lo",
    ),
    ("8.9", (450, 2.01, "rule", "c"), "✗ 8.9d: compare its gap with that of the megabyte: much is"),
]
