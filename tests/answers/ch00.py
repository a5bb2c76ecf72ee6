"""Chapter 00: right answers written in other ways, and mistakes as a learner may write them."""

import numpy as np
import torch

# Other ways of writing it


def centre_in_loops(table):
    out = table.clone().double()
    for i, row in enumerate(table.tolist()):
        for j, value in enumerate(row):
            out[i, j] = value - sum(row) / len(row)
    return out


def centre_turned(x):
    return (x.T - x.mean(1)).T


def forward_difference(loss, w, h):
    base, result = loss(w), torch.zeros(len(w))
    for i in range(len(w)):
        moved = w.clone()
        moved[i] = moved[i] + h
        result[i] = (loss(moved) - base) / h
    return result


def with_identity(f, w, h):
    steps = h * torch.eye(len(w), dtype=w.dtype)
    return torch.stack([torch.tensor(f(w + e) - f(w - e)) for e in steps]) / (h + h)


def zero_if_there(loss, w):
    if w.grad is not None:
        w.grad.zero_()
    loss(w).backward()
    return w.grad.clone()


def of_a_copy(loss, w):
    copy = w.detach().clone().double().requires_grad_()
    loss(copy.float()).backward()
    return copy.grad


def learn_by_hand(x, y, steps, lr):
    """No torch gradient at all, in double precision."""
    x, y = x.double().numpy(), y.double().numpy()
    a, b, losses = 0.0, 0.0, []
    for _ in range(steps):
        e = a * x + b - y
        losses.append(float(np.mean(e**2)))
        a, b = a - lr * 2 * np.mean(e * x), b - lr * 2 * np.mean(e)
    return torch.tensor([a, b]), losses


def learn_with_sgd(x, y, steps, lr):
    w = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((w[0] * x + w[1] - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return w, losses


def learn_fresh(x, y, steps, lr):
    """A new parameter in each step, which asks for its gradient again."""
    w, losses = torch.zeros(2), []
    for _ in range(steps):
        w = w.detach().requires_grad_()
        loss = (torch.stack([x, torch.ones_like(x)], 1) @ w - y).pow(2).mean()
        (slope,) = torch.autograd.grad(loss, w)
        w, losses = w - lr * slope, [*losses, loss.item()]
    return w, losses


ROWS = [[0, 1], [2, 3], [4, 5]]
SHAPES = ((), (4, 12, 8), (4, 3), ROWS, (2,), (4, 2, 12, 4))

RIGHT = {
    "0.1": [
        SHAPES,
        ([], [4, 12, 8], [4, 3], torch.tensor(ROWS), [2], [4, 2, 12, 4]),
        ("()", "(4, 12, 8)", "4, 3", np.array(ROWS), 2, torch.Size([4, 2, 12, 4])),
        (torch.Size([]), (4, 12, 8), (4, 3), ((0, 1.0), (2, 3), (4, 5)), "(2,)", (4, 2, 12, 4)),
    ],
    "0.2": [(centre_in_loops,), (centre_turned,), (lambda x: x - x.sum(1)[:, None] / x.size(1),)],
    "0.3": [
        (forward_difference, zero_if_there),
        (with_identity, of_a_copy),
        (with_identity, lambda loss, w: torch.autograd.grad(loss(w), w)[0]),
    ],
    "0.4": [(1.213,), (1.21,), ("1.2130",), (torch.tensor(1.75).double() * np.log(2),)],
    "0.5": [(learn_by_hand,), (learn_with_sgd,), (learn_fresh,)],
}

# Mistakes


def changed(place, value):
    return tuple(value if i == place else right for i, right in enumerate(SHAPES))


def centre_in_place(x):
    x -= x.mean(dim=1, keepdim=True)
    return x


def forward(divisor, both=False):
    def nudge(loss, w, h):
        out = []
        for i in range(len(w)):
            moved, back = w.clone(), w.clone()
            moved[i] += h
            if both:
                back[i] -= h
            out.append((loss(moved) - loss(back)) / divisor(h))
        return torch.tensor(out)

    return nudge


def nudge_all(loss, w, h):
    return torch.tensor([(loss(w + h) - loss(w)) / h for _ in w])


def nudge_and_stay(loss, w, h):
    moved, base, out = w.clone(), loss(w), []
    for i in range(len(w)):
        moved[i] += h
        out.append((loss(moved) - base) / h)
    return torch.tensor(out)


def nudge_in_place(loss, w, h):
    base, out = loss(w), []
    for i in range(len(w)):
        w[i] += h
        out.append((loss(w) - base) / h)
    return torch.tensor(out)


def down_minus_up(loss, w, h):
    unit = torch.eye(len(w), dtype=w.dtype)
    return torch.tensor([(loss(w - h * e) - loss(w + h * e)) / (2 * h) for e in unit])


def backward_alone(loss, w):
    value = loss(w)
    value.backward()
    return w.grad


def zero_without_look(loss, w):
    w.grad.zero_()
    loss(w).backward()
    return w.grad


def clean_afterwards(loss, w):
    loss(w).backward()
    slope = w.grad
    w.grad.zero_()
    return slope


def learner(sign=-1, clear=True, clear_early=False, is_recorded=False, is_summed=False):
    """The loop with one thing wrong: sign, clearing, a step that is recorded, a sum."""

    def learn(x, y, steps, lr):
        w = torch.zeros(2, requires_grad=True)
        losses = []
        for _ in range(steps):
            loss = (w[0] * x + w[1] - y).square().mean()
            loss = loss * len(x) if is_summed else loss
            loss.backward()
            losses.append(loss.item())
            if clear_early:
                w.grad.zero_()
            with torch.set_grad_enabled(is_recorded):
                w += sign * lr * w.grad
            if clear:
                w.grad = None
        return w, losses

    return learn


def new_name(sign, under_no_grad=False):
    def learn(x, y, steps, lr):
        w = torch.zeros(2, requires_grad=True)
        losses = []
        for _ in range(steps):
            loss = (w[0] * x + w[1] - y).square().mean()
            loss.backward()
            losses.append(loss.item())
            with torch.set_grad_enabled(not under_no_grad):
                w = w + sign * (lr * w.grad)
        return w, losses

    return learn


def loss_outside(x, y, steps, lr):
    w = torch.zeros(2, requires_grad=True)
    losses = []
    loss = (w[0] * x + w[1] - y).square().mean()
    for _ in range(steps):
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            w -= lr * w.grad
        w.grad = None
    return w, losses


NUDGE, BACK = with_identity, zero_if_there
STRETCH = "✗ 0.1c: (4, 1) + (3,) is (4, 3). A missing leading dimension counts as 1, and a 1 str"
SAID = [
    (
        "0.1",
        changed(0, (1,)),
        "✗ 0.1a: one number has no direction to go along, so its shape is ()",
    ),
    ("0.1", changed(0, "one"), "✗ 0.1a: type a shape"),
    ("0.1", changed(1, (4, 12, 30)), "✗ 0.1b: each character is replaced by its row of the table,"),
    ("0.1", changed(1, (48, 8)), "✗ 0.1b: 48 rows of 8 is right as a count, but the batch keeps"),
    ("0.1", changed(2, (3, 4)), STRETCH),
    ("0.1", changed(2, [4, 1]), STRETCH),
    ("0.1", changed(2, "(4, 4)"), STRETCH),
    (
        "0.1",
        changed(3, [[0, 3], [1, 4], [2, 5]]),
        "✗ 0.1d: the shape is right, the content is not: element [0, 1] is 1, not 3. view keeps",
    ),
    ("0.1", changed(3, [[0, 1, 2], [3, 4, 5]]), "✗ 0.1d: these are 2 rows of 3, as before."),
    ("0.1", changed(3, (3, 2)), "✗ 0.1d: expected shape (3, 2), got (2,)"),
    ("0.1", changed(3, "0 1"), "✗ 0.1d: type the rows as a list of lists"),
    (
        "0.1",
        changed(4, (2, 1)),
        "✗ 0.1e: mean(-1) removes the last dimension: (2, 3) becomes (2,).",
    ),
    ("0.1", changed(4, 3), "✗ 0.1e: mean(-1) runs along the last dimension, the one of 3, and"),
    ("0.1", changed(5, (4, 12, 2, 4)), "✗ 0.1f: that is the shape after view. transpose(1, 2)"),
    ("0.1", changed(5, (4, 12, 4, 2)), "✗ 0.1f: you swapped the last two. Dimensions are counted"),
    (
        "0.2",
        (lambda x: x - x.mean(dim=1),),
        "✗ 0.2: column 1 lost row 1's mean. Your means have shape (3,); keep the dimension, (3, 1)",
    ),
    (
        "0.2",
        (lambda x: x - x.mean(dim=0, keepdim=True),),
        "✗ 0.2: every column has mean 0 and no row has. dim=0 runs down the columns; use dim=-1.",
    ),
    ("0.2", (lambda x: x - x.sum() / x.numel(),), "✗ 0.2: every entry lost the same number"),
    ("0.2", (lambda x: x - x.sum(dim=1)[:, None],), "✗ 0.2: each row lost its sum."),
    ("0.2", (centre_in_place,), "✗ 0.2: your input x was changed. x -= …"),
    ("0.3", (forward(lambda h: 1), BACK), "✗ 0.3: your value is 1e-05 times the gradient. Divide"),
    (
        "0.3",
        (forward(lambda h: 1, both=True), BACK),
        "✗ 0.3: your value is 2h = 2e-05 times the gradient.",
    ),
    ("0.3", (forward(lambda h: h, both=True), BACK), "✗ 0.3: twice the right gradient. From w − h"),
    ("0.3", (forward(lambda h: 2 * h), BACK), "✗ 0.3: half the right gradient. From w to w + h"),
    (
        "0.3",
        (lambda loss, w, h: (loss(w + h) - loss(w - h)) / (2 * h), BACK),
        "✗ 0.3: that is one number, the sum of the gradient: all entries were nudged at once.",
    ),
    ("0.3", (forward(lambda h: 2 / h, both=True), BACK), "✗ 0.3: your value is h² times the gra"),
    ("0.3", (down_minus_up, BACK), "✗ 0.3: every sign is reversed."),
    (
        "0.3",
        (nudge_all, BACK),
        "✗ 0.3: every entry equals the sum of the gradient. Nudge one entry at a time, on a fresh",
    ),
    ("0.3", (nudge_and_stay, BACK), "✗ 0.3: entry 1 is the slope of entries 0 and 1 together"),
    ("0.3", (nudge_in_place, BACK), "✗ 0.3: your input w was changed."),
    (
        "0.3",
        (NUDGE, backward_alone),
        "✗ 0.3: exactly twice the right gradient. backward() adds to .grad; clear it before",
    ),
    ("0.3", (NUDGE, zero_without_look), "✗ 0.3: w.grad is None until the first backward, so"),
    ("0.3", (NUDGE, clean_afterwards), "✗ 0.3: every entry is 0. You clear the gradient after"),
    ("0.4", (1.75,), "✗ 0.4: 1.75 is right in bits. The question asks for nats: multiply by ln 2."),
    (
        "0.4",
        (1.068,),
        "✗ 0.4: 1.068 is the surprise of the average probability. Take each logarithm first,",
    ),
    ("0.4", (-1.213,), "✗ 0.4: a surprise is never negative: −ln p, not ln p."),
    ("0.4", ("-7/4",), "✗ 0.4: a surprise is never negative: −ln p, not ln p. And 1.75 counts"),
    ("0.4", (4.852,), "✗ 0.4: 4.852 is the surprise of the whole text. Per character it is a"),
    ("0.4", (1.2997,), "✗ 0.4: 1.300 is what the model expects to pay, each character weighted"),
    ("0.4", (1.94,), "✗ 0.4: 1.941 counts each letter of the alphabet once. Count the characters"),
    ("0.1", changed(0, 0), "✗ 0.1a: one number has no direction to go along, so its shape is"),
    ("0.1", changed(0, (1, 1)), "✗ 0.1a: no mistake that this check knows: (1, 1) is not right."),
    (
        "0.5",
        (learner(is_recorded=True),),
        "✗ 0.5: step 1 stops: torch notes what happens to w, and",
    ),
    ("0.5", (learner(is_summed=True),), "✗ 0.5: your loss is 9 times too large, and so are the"),
    ("0.4", (7,), "✗ 0.4: 7 is the surprise of the whole text in bits."),
    ("0.4", (0.527,), "✗ 0.4: 0.527 comes from logarithms to base 10."),
    ("0.4", ("much",), "✗ 0.4: type a number"),
    (
        "0.5",
        (learner(clear=False),),
        "✗ 0.5: the gradient of step 2 is the sum of steps 1 and 2. Clear it in each step.",
    ),
    ("0.5", (learner(sign=1),), "✗ 0.5: the loss rises from {s} to {s}. You walk uphill: subtract"),
    (
        "0.5",
        (learner(sign=1, clear=False),),
        "✗ 0.5: the loss rises from {s}. You walk uphill: subtract the gradient. And it adds up:",
    ),
    (
        "0.5",
        (new_name(-1),),
        "✗ 0.5: w.grad is None in step 2. w = w - … makes a new tensor without a gradient; change",
    ),
    ("0.5", (new_name(1),), "✗ 0.5: w.grad is None in step 2. w = w + … makes a new tensor"),
    ("0.5", (new_name(-1, True),), "✗ 0.5: w does not require a gradient in step 2. w = w - …"),
    ("0.5", (loss_outside,), "✗ 0.5: step 2 goes back through the computation of step 1, which"),
    ("0.5", (learner(clear_early=True),), "✗ 0.5: w never moves: in the step its gradient is 0."),
]
