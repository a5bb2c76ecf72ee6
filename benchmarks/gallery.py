"""What each part is worth: the `cpu` model with one thing changed, three seeds of each.

    python -m benchmarks.gallery

TinyShakespeare, sizes and training of the `cpu` preset but 400 steps instead of 2,000, about half
an hour of one core. Every score is that of the whole validation text. A stopped run goes on where
it was: see benchmarks/trials.py.
"""

import functools
import math
import statistics
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.report import write_result
from benchmarks.trials import (
    SEEDS,
    STEPS,
    characters,
    cpu_config,
    difference,
    kept,
    mean,
    trial,
    verdict,
)
from course.milestones import counted
from minigpt_lib.blocks import Block
from minigpt_lib.data import sliding_windows
from minigpt_lib.embeddings import TokenAndPositionEmbedding
from minigpt_lib.model import GPT

LAST_STRIDE = 8  # every eighth position is scored by its own window
NOTHING: Mapping[str, Any] = MappingProxyType({})


class NoResiduals(Block):
    """Each sublayer replaces the stream instead of adding to it."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        return self.mlp(self.norm2(self.attention(self.norm1(x))))  # (B, T, C)


class PostNorm(Block):
    """The norms stand on the stream, after each addition, as in Vaswani et al. 2017."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        stream = self.norm1(x + self.attention(x))  # (B, T, C)
        return self.norm2(stream + self.mlp(stream))  # (B, T, C)


class NoMask(Block):
    """Every position may look at every other, the one it is to predict included."""

    def __init__(self, *sizes: Any, **classes: Any):
        super().__init__(*sizes, **classes)
        self.attention.mask.fill_(True)


class NoPositions(TokenAndPositionEmbedding):
    """Tokens only; nothing says where they stand."""

    def __init__(self, *sizes: Any):
        super().__init__(*sizes)
        del self.position

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) -> (B, T, C)."""
        return self.dropout(self.token(ids))  # (B, T, C)


@torch.no_grad()
def last_position_loss(model: nn.Module, ids: Tensor) -> float:
    """Nats per token when only the last position of each window is asked: its answer is unseen."""
    x, y = sliding_windows(ids, model.config.context_length, LAST_STRIDE)  # (N, T) each
    hidden = torch.full_like(y, -100)  # (N, T) -100 is not scored
    hidden[:, -1] = y[:, -1]
    parts = zip(x.split(64), hidden.split(64), strict=True)
    return sum(model.eval()(a, b)[1].item() * len(a) for a, b in parts) / len(x)


class Row(NamedTuple):
    """One entry of the gallery: the classes and numbers that differ from the model as it is."""

    name: str
    classes: Mapping[str, type] = NOTHING
    sizes: Mapping[str, Any] = NOTHING
    training: Mapping[str, Any] = NOTHING
    scores: Mapping[str, Callable[[nn.Module, Tensor], float]] = NOTHING


LAST = {"last": last_position_loss}
HOT = {"learning_rate": 4e-2, "min_learning_rate": 4e-3}
OPEN = {"max_grad_norm": math.inf}
ROWS = [
    Row("as it is", scores=LAST),
    Row("no residuals", {"block": NoResiduals}),
    Row("no positions", {"embedding": NoPositions}),
    Row("no clipping", training=OPEN),
    Row("no warm-up", training={"warmup_steps": 0}),
    Row("rate × 10", training=HOT),
    Row("rate × 10, no clipping", training=HOT | OPEN),
    Row("post-norm", {"block": PostNorm}),
    Row("no mask", {"block": NoMask}, scores=LAST),
    Row("dropout 0.1", sizes={"dropout": 0.1}),
]
ROW = {row.name: row for row in ROWS}


def run(name: str, seed: int) -> dict[str, Any]:
    """The trial of one row with one seed, from runs/bench if it was made before."""
    row = ROW[name]
    *split, tokenizer = characters()

    def build() -> nn.Module:
        return GPT(cpu_config(tokenizer.vocab_size, **row.sizes), **row.classes)

    def measure() -> dict[str, Any]:
        return trial(build, split, seed, scores=row.scores, **row.training)

    return kept(f"gallery/{name.replace(' ', '-').replace('×', 'x')}-{seed}", measure)


def runs(name: str) -> list[dict[str, Any]]:
    """The trials of a row, one a seed."""
    return [run(name, seed) for seed in SEEDS]


def gradient_norms(name: str) -> dict[str, float]:
    """How long the gradients were in a row's updates, all seeds together."""
    norms = [norm for trial in runs(name) for norm in trial["norms"]]
    over = sum(norm > 1 for norm in norms) / len(norms)
    return {
        "median": round(statistics.median(norms), 3),
        "largest": round(max(norms), 3),
        "share_above_1": round(over, 4),
    }


@functools.cache
def letter_frequencies() -> float:
    """The validation loss of a model that knows how common each character is, and nothing else."""
    ids, val_ids, tokenizer = characters()
    return counted(ids, val_ids, tokenizer.vocab_size)["unigram"]


def stuck(nats: list[float | None], known: float) -> str:
    """What to add to a verdict where seeds end as if they saw no context; empty if none does.

    Args:
        known: the loss of a model that knows how common each character is.
    """
    seeds = sum(x is not None and abs(x - known) < 0.02 for x in nats)
    return f"; {seeds} of {len(nats)} seeds know letter frequencies only" if seeds else ""


def entry(name: str, score: str = "nats", beside: str = "as it is") -> dict[str, Any]:
    """A row of the page: its losses, and what they say beside those of another row."""
    uniform = math.log(characters()[2].vocab_size)
    nats, others = ([trial.get(score) for trial in runs(row)] for row in (name, beside))
    way = "" if score == "nats" else ", scored at the last position only"
    made = {"name": name + way, "nats": [x if x is None else round(x, 4) for x in nats]}
    if name == beside:
        return made | {"mean": round(mean(nats), 4), "verdict": "what the others stand beside"}
    made["verdict"] = verdict(nats, others, uniform) + stuck(nats, letter_frequencies())
    if None in nats:
        return made
    gap, error = difference(nats, others)
    return made | {
        "mean": round(mean(nats), 4),
        "beside": beside + way,
        "difference": round(gap, 4),
        "standard_error": round(error, 4),
    }


def main() -> None:
    """Measure row by row; write what there is after each."""
    rows = []
    for name in ROW:
        rows.append(entry(name))
        if name == "no mask":
            rows += [entry("as it is", "last"), entry("no mask", "last")]
        if "clipping" in name:
            rows[-1]["gradient_norms"] = gradient_norms(name)
        figures = {
            "what": "validation loss in nats per character after the same training with one thing "
            "changed; cpu preset: batch 12, context 64, 4 layers, 128 wide",
            "corpus": "shakespeare",
            "steps": STEPS,
            "seeds": list(SEEDS),
            "rule": "no effect: the means differ by less than twice their standard error",
            "rows": rows,
            "command": "python -m benchmarks.gallery",
        }
        write_result("gallery", figures)


if __name__ == "__main__":
    main()
