"""Training: one step repeated, with the four switches that make it work."""

# Written from notebooks/08_training.ipynb by `minigpt export`; edit that, not this file.

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minigpt_lib.checkpoint import Run
from minigpt_lib.data import check_length, get_batch


@dataclass(frozen=True)
class TrainConfig:
    """Every number that shapes a training run; made for the `cpu` preset.

    max_steps: number of updates; batch_size: blocks per batch; learning_rate: its peak;
    min_learning_rate: where the cosine ends; warmup_steps: updates to reach the peak;
    weight_decay: on matrices only; betas: AdamW's two averages; max_grad_norm: clipping;
    accumulation: batches whose gradients are averaged into one update;
    eval_every: updates between two scores of the whole validation text; seed: of the batches.
    Raises:
        ValueError: if a count is below 1 or the learning rate is not positive.
    """

    max_steps: int = 2000
    batch_size: int = 12
    learning_rate: float = 4e-3
    min_learning_rate: float = 4e-4
    warmup_steps: int = 100
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    max_grad_norm: float = 1.0
    accumulation: int = 1
    eval_every: int = 500
    seed: int = 1337

    def __post_init__(self) -> None:
        for name in ("max_steps", "batch_size", "accumulation", "eval_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")


def learning_rate(step: int, config: TrainConfig) -> float:
    """The rate of update `step` (0, 1, ...): up in a line, then down along half a cosine.

    Source: Loshchilov and Hutter 2017, equation 5; warm-up: Vaswani et al. 2017, section 5.3.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps)
    share = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))  # 1 at the peak, 0 at the end
    return config.min_learning_rate + share * (config.learning_rate - config.min_learning_rate)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Two groups for the optimiser: matrices with weight decay, biases and gains without."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]  # a tied matrix comes once
    others = [p for p in model.parameters() if p.dim() < 2]
    decay, rest = {"weight_decay": weight_decay}, {"weight_decay": 0.0}
    return [{"params": matrices} | decay, {"params": others} | rest]


def adamw(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW with decay on matrices only. Source: Loshchilov and Hutter 2019, algorithm 2."""
    groups = parameter_groups(model, config.weight_decay)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> float:
    """Shrink all gradients by one factor if together they are longer than `max_norm`.

    Returns the length before clipping. Source: Pascanu et al. 2013, algorithm 1.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    if norm > max_norm:
        torch._foreach_mul_(gradients, max_norm / norm)
    return norm.item()


@torch.no_grad()
def evaluate(model: nn.Module, ids: Tensor, batch_size: int = 64) -> float:
    """Mean surprise on a whole text, in nats per token.

    The text is cut into blocks of the model's context_length that do not overlap; every token but
    the first is scored once, so tokens early in a block have little to go by.

    Args:
        model: called as model(x, y) -> (logits, mean loss in nats), with .config.context_length.
        ids: int64 (n,), at least 2.
    Raises:
        ValueError: if the text is too short.
    """
    check_length(ids, 1)
    T, device = model.config.context_length, next(model.parameters()).device
    was_training, total = model.training, 0.0
    model.eval()
    full = (len(ids) - 1) // T * T  # tokens in full blocks; the rest is one shorter block
    inputs = [*ids[:full].view(-1, T).split(batch_size), ids[None, full:-1]]  # (B, T) each
    targets = [*ids[1 : full + 1].view(-1, T).split(batch_size), ids[None, full + 1 :]]  # (B, T)
    for x, y in zip(inputs, targets, strict=True):
        if y.numel() > 0:
            total += model(x.to(device), y.to(device))[1].item() * y.numel()
    model.train(was_training)
    return total / (len(ids) - 1)


def bits_per_character(nats_per_token: float, num_tokens: int, num_characters: int) -> float:
    """The score that can be compared across tokenizers: bits for each character of the text."""
    return nats_per_token * num_tokens / num_characters / math.log(2)


Batches = Iterator[tuple[Tensor, Tensor]]  # x and y, each int64 (B, T), again and again


def random_batches(ids: Tensor, size: int, length: int, generator: torch.Generator) -> Batches:
    """Random blocks of the text without end: x, y, each int64 (size, length)."""
    while True:
        yield get_batch(ids, size, length, generator)


def train_step(model, optimizer, batches: Batches, step: int, config: TrainConfig) -> float:
    """One update: forward, backward, clip, step. Returns the mean loss in nats.

    A parameter group may hold its own "scale", by which the schedule's rate is multiplied.

    Raises:
        ValueError: if the loss is not a finite number; the parameters are then as before the step.
    """
    device = next(model.parameters()).device
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, config) * group.get("scale", 1.0)
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for _ in range(config.accumulation):
        x, y = next(batches)
        _, loss = model(x.to(device), y.to(device))
        (loss / config.accumulation).backward()
        total += loss.item() / config.accumulation
    if not math.isfinite(total):
        raise ValueError(f"the loss is {total} at step {step}; lower the learning rate and resume")
    clip_gradients(model.parameters(), config.max_grad_norm)
    optimizer.step()
    return total


def train(
    model, train_ids, val_ids, config, optimizer=None, batches=None, run=None, on_step=None
) -> list[dict]:
    """Train the model in place; score it now and then on the whole validation text.

    Args:
        model: called as model(x, y) -> (logits, mean loss in nats), with .config.context_length.
        train_ids, val_ids: int64 (n,) each.
        config: a TrainConfig.
        optimizer: AdamW if None; its groups' rates follow the schedule.
        batches: endless (x, y); random blocks of train_ids if None.
        run: a Run, which keeps checkpoints and can resume; None keeps nothing.
        on_step: called after every update with its record.
    Returns:
        one record per evaluation: step, loss, val_loss (nats per token), learning_rate, seconds.
    Raises:
        ValueError: if a loss is not finite, or the run can't begin.
    """
    optimizer = optimizer or adamw(model, config)
    generator = torch.Generator().manual_seed(config.seed)
    sizes = config.batch_size, model.config.context_length
    batches = batches or random_batches(train_ids, *sizes, generator)
    run = run or Run()
    start = run.begin(model, optimizer, generator)
    model.train()
    for step in range(start, config.max_steps):
        loss = train_step(model, optimizer, batches, step, config)
        record = {"step": step + 1, "loss": loss, "learning_rate": learning_rate(step, config)}
        if (step + 1) % config.eval_every == 0 or step + 1 == config.max_steps:
            record["val_loss"] = evaluate(model, val_ids)
            run.keep(record, model, optimizer, generator)
        if on_step is not None:
            on_step(record)
    return run.records
