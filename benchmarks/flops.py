"""How much of the machine training uses: its arithmetic beside that of a plain matrix product.

    python -m benchmarks.flops

A training step does three times the work of a forward pass (chapter 07 counts it: 6 for each
weight of a matrix and token, and 12 L T C for attention). A product of two square matrices is the
most this machine and library can do; the sizes are tried in turn with the training steps. All on
one thread, by the processor's clock.
"""

import dataclasses
import statistics
from typing import Any

import torch

from benchmarks.claims_counted import work
from benchmarks.report import processor_seconds, write_result
from minigpt_lib.model import GPT, PRESETS, GPTConfig
from minigpt_lib.train import TrainConfig, adamw, random_batches, train_step

SIDES = (256, 512, 1024, 2048)
ROUNDS, STEPS = 5, 8
WIDER = dataclasses.replace(PRESETS["cpu"], embed_dim=512, num_heads=8, context_length=256)


def training_flops(config: GPTConfig, batch_size: int) -> int:
    """Multiplications and additions of one training step: three forward passes' worth."""
    return 3 * sum(work(config).values()) * batch_size * config.context_length


def product_flops(side: int) -> int:
    """Multiplications and additions of a product of two square matrices."""
    return 2 * side**3


def steps_of(config: GPTConfig, train: TrainConfig):
    """A function that trains a model of this size for STEPS steps."""
    model = GPT(config)
    ids = torch.randint(config.vocab_size, (20_000,), generator=torch.Generator().manual_seed(0))
    sizes = train.batch_size, config.context_length
    batches = random_batches(ids, *sizes, torch.Generator().manual_seed(0))
    optimizer = adamw(model, train)

    def turn() -> None:
        for step in range(STEPS):
            train_step(model, optimizer, batches, step, train)

    return turn


def measure() -> dict[str, Any]:
    """Rates of the products and of two models, in alternation; medians, the best product."""
    small, wide = TrainConfig(), TrainConfig(batch_size=4)
    torch.set_num_threads(1)
    models = {"cpu": (PRESETS["cpu"], small), "wider": (WIDER, wide)}
    turns = {name: steps_of(*sizes) for name, sizes in models.items()}
    matrices = {side: torch.randn(side, side) for side in SIDES}
    times: dict[Any, list[float]] = {key: [] for key in (*turns, *SIDES)}
    for _ in range(ROUNDS + 1):  # the first is to warm up
        for name, turn in turns.items():
            times[name].append(processor_seconds(turn) / STEPS)
        for side, matrix in matrices.items():
            times[side].append(processor_seconds(lambda m=matrix: m @ m))
    typical = {key: statistics.median(found[1:]) for key, found in times.items()}
    products = {str(side): product_flops(side) / typical[side] / 1e9 for side in SIDES}
    best = max(products.values())
    rows = {}
    for name, (config, train) in models.items():
        flops = training_flops(config, train.batch_size)
        rate = flops / typical[name] / 1e9
        rows[name] = {
            "sizes": f"{config.num_layers} layers, {config.embed_dim} wide, context "
            f"{config.context_length}, batch {train.batch_size}",
            "gflop_per_step": round(flops / 1e9, 3),
            "gflop_per_second": round(rate, 2),
            "share_of_product": round(rate / best, 4),
        }
    return {
        "what": "arithmetic per second of training (for each token 6 N + 12 L T C, three times "
        "what chapter 07 counts) beside the best plain matrix product of the same run, float32",
        "models": rows,
        "product_gflop_per_second": {side: round(rate, 2) for side, rate in products.items()},
        "threads": torch.get_num_threads(),
        "rounds": ROUNDS,
        "command": "python -m benchmarks.flops",
    }


if __name__ == "__main__":
    write_result("flops", measure())
