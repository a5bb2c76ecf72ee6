"""Often-said claims that counting decides; nothing is trained here."""

import dataclasses
import itertools
import math
import statistics
from typing import Any

import torch
from torch import Tensor

from benchmarks.gallery import NoPositions
from benchmarks.gallery import entry as gallery_entry
from benchmarks.report import processor_seconds
from benchmarks.trials import kept, mean, spread
from course.corpora import load_corpus
from minigpt_lib.attention import attend
from minigpt_lib.bpe import gpt2_tokenizer
from minigpt_lib.data import get_batch
from minigpt_lib.model import GPT, PRESETS, GPTConfig


def parameters() -> dict[str, Any]:
    """How large the model of GPT-2's vocabulary, 4 layers and a width of 128 is."""
    tied, untied = (GPT(GPTConfig(), tie=tie).num_parameters() for tie in (True, False))
    near = any(abs(n / 10e6 - 1) < 0.1 for n in (tied, untied))
    table = GPTConfig().vocab_size * GPTConfig().embed_dim
    return {
        "claim": "A model of 4 layers, 128 wide, with GPT-2's vocabulary has about 10 million "
        "parameters.",
        "measured": f"{tied / 1e6:.2f} million with a tied head, {untied / 1e6:.2f} million with a "
        f"head of its own; {table / 1e6:.2f} million of them are one table of tokens.",
        "holds": "yes" if near else "no",
        "figures": {"tied": tied, "untied": untied, "table": table},
    }


def first_loss() -> dict[str, Any]:
    """What that model pays before it has learned anything."""
    ids = torch.tensor(gpt2_tokenizer().encode(load_corpus("shakespeare").text))
    losses = []
    for seed in range(5):
        torch.manual_seed(seed)
        model = GPT(GPTConfig(dropout=0.0))
        with torch.no_grad():
            batch = get_batch(ids, 12, 64, torch.Generator().manual_seed(seed))
            losses.append(round(model(*batch)[1].item(), 4))
    known = math.log(GPTConfig().vocab_size)
    return {
        "claim": "A new model with GPT-2's vocabulary starts at a loss of 10.8.",
        "measured": f"{mean(losses):.2f} nats, the mean of {len(losses)} seeds "
        f"({min(losses):.2f} to {max(losses):.2f}); ln 50,257 is {known:.2f}.",
        "holds": "yes" if abs(mean(losses) / 10.8 - 1) < 0.01 else "no",
        "figures": {
            "losses": losses,
            "seeds": len(losses),
            "mean": round(mean(losses), 4),
            "uniform": round(known, 4),
            "vocab_size": GPTConfig().vocab_size,
        },
    }


def gpt2() -> dict[str, Any]:
    """What tells GPT-2 small from the configuration's defaults."""
    with torch.device("meta"):  # shapes without memory
        count = GPT(PRESETS["gpt2"]).num_parameters()
    ours, theirs = (dataclasses.asdict(config) for config in (GPTConfig(), PRESETS["gpt2"]))
    changed = {name: theirs[name] for name in ours if ours[name] != theirs[name]}
    numbers = ", ".join(f"{name} {number}" for name, number in changed.items())
    return {
        "claim": "GPT-2 small is four numbers away.",
        "measured": f"{numbers}, and the model has {count:,} parameters, as GPT-2 small has.",
        "holds": "yes" if len(changed) == 4 and count == 124_439_808 else "no",
        "figures": {"parameters": count, "changed": changed},
    }


@torch.no_grad()
def reordering(num_layers: int) -> float:
    """How much the last token's scores change when the tokens before it change places; float64."""
    torch.manual_seed(0)
    model = GPT(dataclasses.replace(PRESETS["cpu"], num_layers=num_layers), embedding=NoPositions)
    for parameter in model.double().parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    ids = torch.tensor([[*order, 9] for order in itertools.permutations((3, 5, 7))])  # (6, 4)
    scores = model(ids)[0][:, -1]  # (6, V)
    return (scores - scores[0]).abs().max().item()


def order() -> dict[str, Any]:
    """Whether a model without positions can tell orders apart."""
    one, two = reordering(1), reordering(2)
    row = gallery_entry("no positions")
    blind = one < 1e-9
    return {
        "claim": "Without positions a transformer can't see the order of its tokens.",
        "measured": "With one causal layer the last token's scores don't depend on the order of "
        f"those before it (largest change {one:.0e}); with two they do ({two:.0e}). Leaving the "
        f"positions out costs the model {spread(row)} nats.",
        "holds": "yes" if blind and two < 1e-9 else "partly" if blind else "no",
        "figures": {"one_layer": one, "two_layers": two, "loss": row},
    }


def work(config: GPTConfig) -> dict[str, int]:
    """Multiplications and additions for one token, forward, by part; all T positions are seen."""
    C, T, L = config.embed_dim, config.context_length, config.num_layers
    return {
        "attention's linears": 8 * C * C * L,
        "attention's T × T part": 4 * T * C * L,
        "MLP": 16 * C * C * L,
        "head": 2 * C * config.vocab_size,
    }


@torch.no_grad()
def clock(config: GPTConfig, batch_size: int, rounds: int = 5) -> dict[str, float]:
    """Seconds of the processor in each part of a forward pass, median of some rounds."""
    c, L = config, config.num_layers
    model = GPT(dataclasses.replace(c, num_layers=1))
    block = model.blocks[0]
    x = torch.randn(batch_size, c.context_length, c.embed_dim)  # (B, T, C)
    q, k, v = block.attention.project(x)  # (B, H, T, D) each
    y, mask = torch.randn_like(q), block.attention.mask

    def linears() -> Tensor:
        return block.attention.project(x), block.attention.merge(y)

    parts = {
        "attention's linears": (linears, L),
        "attention's T × T part": (lambda: attend(q, k, v, mask), L),
        "MLP": (lambda: block.mlp(x), L),
        "head": (lambda: model.head(x), 1),
    }
    return {
        name: times * statistics.median(processor_seconds(call) for _ in range(rounds))
        for name, (call, times) in parts.items()
    }


def shares(parts: dict[str, float]) -> dict[str, float]:
    """Each part's share of the whole."""
    return {name: round(part / sum(parts.values()), 4) for name, part in parts.items()}


def attention_cost() -> dict[str, Any]:
    """Where the work and the time of a forward pass go."""
    sizes = {"cpu": (64, 256, 1024, 4096), "gpt2": (64, 1024, 4608, 16384)}
    counted = {
        f"{name}, T = {T}": shares(work(dataclasses.replace(PRESETS[name], context_length=T)))
        for name, lengths in sizes.items()
        for T in lengths
    }
    timed = kept(
        "claims/clock",
        lambda: {
            "cpu, T = 64": shares(clock(PRESETS["cpu"], 12)),
            "gpt2, T = 1024": shares(clock(PRESETS["gpt2"], 1)),
        },
    )
    part = "attention's T × T part"
    said = [f"{counted[name][part]:.0%} of the work and {timed[name][part]:.0%} of the time in "
            f"{model}" for name, model in (
                ("cpu, T = 64", "the `cpu` preset at T = 64"),
                ("gpt2, T = 1024", "GPT-2 small at T = 1,024"))]  # fmt: skip
    largest = [max(row, key=row.get) == part for row in counted.values()]
    return {
        "claim": "Attention is the largest cost of a GPT.",
        "measured": f"The T × T part is {said[0]}, and {said[1]}, in a forward pass; it costs as "
        f"much as the block's linear layers at T = 6 C, for GPT-2 small {6 * 768:,}, where it is "
        f"{counted['gpt2, T = 4608'][part]:.0%} of the work.",
        "holds": "yes" if all(largest) else "partly" if any(largest) else "no",
        "figures": {"work": counted, "time": timed, "crossing": {"widths": 6, "gpt2": 6 * 768}},
    }


def cache() -> dict[str, Any]:
    """What one more token costs with and without a cache of keys and values."""
    lengths = (64, 256, 1024)
    rows = {
        str(n): {
            "positions_naive": n * (n + 1) // 2,
            "positions_cached": n,
            "scores_naive": n * (n + 1) * (2 * n + 1) // 6,
            "scores_cached": n * (n + 1) // 2,
        }
        for n in lengths
    }
    long = rows["1024"]
    return {
        "claim": "With a cache, token n costs O(n) instead of O(n²).",
        "measured": "Token n sends n positions through every layer and makes n² scores without a "
        "cache, one position and n scores with one. For 1,024 tokens that is "
        f"{long['positions_naive']:,} positions against {long['positions_cached']:,}. To prove "
        "that both give the same text is left to chapter 10, which is planned.",
        "holds": "yes",
        "figures": rows,
    }
