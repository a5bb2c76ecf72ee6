"""Training runs of a few minutes, each kept as soon as it is done: a stopped program goes on.

What was measured lies in runs/bench, one file a piece; delete a file and it is measured again.
"""

import dataclasses
import functools
import json
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.report import machine
from course.corpora import load_corpus
from course.files import write_atomic
from course.paths import RUNS
from minigpt_lib.data import train_val_split
from minigpt_lib.model import GPT, PRESETS, GPTConfig
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import Batches, TrainConfig, train

KEPT = RUNS / "bench"
SEEDS = (1337, 1338, 1339)  # of the first weights and of the batches
STEPS = 400  # a fifth of the full training, so that three seeds of many models take an hour


def kept(name: str, measure: Callable[[], Any]) -> Any:
    """What was measured under this name before, or what `measure()` gives now.

    Args:
        name: of the file in runs/bench; a "/" makes a folder.
        measure: returns something that JSON can hold.
    """
    path = KEPT / f"{name}.json"
    if not path.is_file():
        value = measure()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps({"value": value, "machine": machine()}, indent=1))
        print(f"{time.strftime('%H:%M:%S')} measured {name}", flush=True)
    return json.loads(path.read_text(encoding="utf-8"))["value"]


@functools.cache
def characters(corpus: str = "shakespeare") -> tuple[Tensor, Tensor, CharTokenizer]:
    """Training ids, validation ids and tokenizer of a corpus, one token a character."""
    text = load_corpus(corpus).text
    tokenizer = CharTokenizer.from_text(text)
    return *train_val_split(tokenizer.encode(text)), tokenizer


def cpu_config(vocab_size: int, **changes: Any) -> GPTConfig:
    """The sizes of the `cpu` preset for a vocabulary, with changes."""
    return dataclasses.replace(PRESETS["cpu"], vocab_size=vocab_size, **changes)


def trial(
    build: Callable[[], nn.Module],
    split: tuple[Tensor, Tensor],
    seed: int,
    batches: Callable[[torch.Generator], Batches] | None = None,
    scores: dict[str, Callable[[nn.Module, Tensor], float]] | None = None,
    **training: Any,
) -> dict[str, Any]:
    """Train one model and score it on the whole validation text.

    Args:
        build: makes the model; called after torch's generator got the seed.
        split: training ids and validation ids.
        batches: makes the batches from a generator; None draws random blocks.
        scores: further functions of the trained model and the validation ids.
        training: changes of TrainConfig; STEPS steps unless max_steps is among them.
    Returns:
        nats (None where the loss was no longer a number), the curve of the scores on the way,
        `norms` (the gradients' length after each update, cut off where they are clipped),
        `seconds`, and one entry for each of `scores`.
    """
    settings = {"max_steps": STEPS} | training
    config = TrainConfig(**{"eval_every": settings["max_steps"]} | settings, seed=seed)
    torch.manual_seed(seed)
    model, norms, start = build(), [], time.perf_counter()
    own = batches and batches(torch.Generator().manual_seed(seed))
    note = functools.partial(_note_norm, model, norms)
    try:
        records = train(model, *split, config, batches=own, on_step=note)
    except ValueError as error:
        if "loss is" not in str(error):
            raise
        return {"nats": None, "stopped": str(error), "norms": norms}
    curve = [[record["step"], record["val_loss"]] for record in records]
    seconds = round(time.perf_counter() - start, 1)
    result = {"nats": curve[-1][1], "curve": curve, "norms": norms, "seconds": seconds}
    return result | {name: score(model, split[1]) for name, score in (scores or {}).items()}


def _note_norm(model: nn.Module, norms: list[float], record: dict) -> None:
    lengths = [p.grad.norm() for p in model.parameters() if p.grad is not None]
    norms.append(round(torch.stack(lengths).norm().item(), 4))


def plain(vocab_size: int, **changes: Any) -> GPT:
    """The library's model with the sizes of the `cpu` preset."""
    return GPT(cpu_config(vocab_size, **changes))


def mean(numbers: list[float]) -> float:
    """The mean."""
    return sum(numbers) / len(numbers)


def difference(one: list[float], other: list[float]) -> tuple[float, float]:
    """Mean of `one` minus mean of `other`, and the standard error of that (Welch).

    Raises:
        ValueError: if one of them has fewer than two entries, which show no spread.
    """
    if min(len(one), len(other)) < 2:
        raise ValueError("a standard error needs at least two runs of each kind")
    spreads = [sum((x - mean(xs)) ** 2 for x in xs) / (len(xs) - 1) for xs in (one, other)]
    error = math.sqrt(spreads[0] / len(one) + spreads[1] / len(other))
    return mean(one) - mean(other), error


def verdict(nats: list[float | None], beside: list[float], uniform: float) -> str:
    """In words, what a change did: `nats` with it, `beside` without, one entry a seed.

    Args:
        uniform: the loss of a model that knows nothing; a mean above it counts as diverged.
    """
    if any(x is None or not math.isfinite(x) for x in nats) or mean(nats) > uniform:
        return "diverged"
    gap, error = difference(nats, beside)
    if abs(gap) <= 2 * error:
        return "no effect at this size"
    return f"{'worse' if gap > 0 else 'better'} by {abs(gap):.3f} nats"


def signed(number: float, digits: int = 3) -> str:
    """A number with its sign, as text."""
    return f"{number:+.{digits}f}".replace("-", "−")


def spread(row: dict[str, Any]) -> str:
    """A row's difference with twice its standard error, as text."""
    return f"{signed(row['difference'])} ± {2 * row['standard_error']:.3f}"
