"""Often-said claims that small training runs decide, three seeds of each side."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.gallery import ROW, entry, gradient_norms, run
from benchmarks.trials import (
    SEEDS,
    STEPS,
    characters,
    cpu_config,
    difference,
    kept,
    mean,
    plain,
    spread,
    trial,
    verdict,
)
from course.corpora import load_corpus
from course.written import train_val_texts
from minigpt_lib.bpe import BPETokenizer, gpt2_tokenizer
from minigpt_lib.data import sliding_windows, train_val_split
from minigpt_lib.model import GPT
from minigpt_lib.train import Batches, TrainConfig, bits_per_character

WORDS_STEPS = 900  # with GPT-2's vocabulary, about a second of one core each
MERGED = 512  # tokens of the small BPE vocabulary
EPOCHS = 3  # over a tenth of the text


def comparison(nats: list[float], beside: list[float]) -> dict[str, Any]:
    """Two lists of losses, one entry a seed, and what they say."""
    gap, error = difference(nats, beside)
    return {
        "nats": [round(x, 4) for x in nats],
        "beside": [round(x, 4) for x in beside],
        "difference": round(gap, 4),
        "standard_error": round(error, 4),
        "verdict": verdict(nats, beside, float("inf")),
    }


def gpt2_words() -> dict[str, Any]:
    """The loss on 1 MB of text with GPT-2's vocabulary, as far as a quarter of an hour goes."""
    tokenizer, text = gpt2_tokenizer(), load_corpus("shakespeare").text
    split = train_val_split(tokenizer.encode(text))
    length = len(tokenizer.decode(split[1].tolist()))
    seed, sizes = SEEDS[0], {"max_steps": WORDS_STEPS, "eval_every": WORDS_STEPS // 6}

    def measure() -> dict[str, Any]:
        made = trial(lambda: GPT(cpu_config(tokenizer.vocab_size)), split, seed, **sizes)
        return {key: made[key] for key in ("nats", "curve", "seconds")}

    result = kept(f"claims/gpt2-words-{seed}", measure)
    bits, said = (bits_per_character(nats, len(split[1]), length) for nats in (result["nats"], 1.9))
    gpt = [run("as it is", seed)["nats"] for seed in SEEDS]
    characters_bits = bits_per_character(mean(gpt), 1, 1)
    lowest = min(result["curve"], key=lambda point: point[1])
    return {
        "claim": "With GPT-2's vocabulary, 5,000 steps on 1 MB of text end at a validation loss of "
        "1.9.",
        "measured": f"After {WORDS_STEPS} steps (a shorter run, one seed) it is "
        f"{result['nats']:.2f} nats a token, {bits:.2f} bits a character; the lowest on the way "
        f"was {lowest[1]:.2f} at step {lowest[0]}. A loss of 1.9 would be {said:.2f} bits a "
        f"character; the same model on characters has {characters_bits:.2f} after {STEPS} steps.",
        "holds": "unlikely" if result["nats"] > 1.95 else "yes",  # a shorter run refutes nothing
        "figures": {
            "steps": WORDS_STEPS,
            "seeds": [seed],
            "nats": round(result["nats"], 4),
            "bits_per_character": round(bits, 4),
            "curve": [[step, round(nats, 4)] for step, nats in result["curve"]],
            "bits_of_1.9": round(said, 4),
            "bits_on_characters": round(characters_bits, 4),
            "steps_on_characters": STEPS,
            "validation_tokens": len(split[1]),
            "validation_characters": length,
        },
    }


def residuals() -> dict[str, Any]:
    """The model with and without `x +`."""
    row, plain_row = entry("no residuals"), entry("as it is")
    gap, error = row["difference"], row["standard_error"]
    worse = gap > 2 * error
    close = abs(row["mean"] - 2.8) < 0.1 and abs(plain_row["mean"] - 1.59) < 0.1
    return {
        "claim": "Without residual connections a small GPT ends at 2.8 nats, with them at 1.59.",
        "measured": f"{row['mean']:.2f} without and {plain_row['mean']:.2f} with them after "
        f"{STEPS} steps on characters, a difference of {spread(row)} nats.",
        "holds": "yes" if worse and close else "partly" if worse else "no",
        "figures": {"without": row, "with": plain_row, "steps": STEPS},
    }


def tying() -> dict[str, Any]:
    """A head that shares the embedding's table against one of its own, at two vocabularies."""
    text = load_corpus("shakespeare").text
    *letters, tokenizer = characters()
    pieces = BPETokenizer.train(train_val_texts(text)[0], MERGED)
    texts = {tokenizer.vocab_size: letters, MERGED: train_val_split(pieces.encode(text))}

    def nats(V: int, tie: bool, seed: int) -> float:
        if tie and tokenizer.vocab_size == V:
            return run("as it is", seed)["nats"]
        name = f"claims/{'tied' if tie else 'untied'}-{V}-{seed}"
        return kept(name, lambda: trial(lambda: GPT(cpu_config(V), tie=tie), texts[V], seed))[
            "nats"
        ]

    rows = {
        str(V): comparison(*([nats(V, tie, seed) for seed in SEEDS] for tie in (True, False)))
        for V in texts
    }
    better = [row["verdict"].startswith("better") for row in rows.values()]
    said = "; ".join(f"{spread(row)} nats at {V} tokens" for V, row in rows.items())
    return {
        "claim": "Tying the head to the embedding always helps.",
        "measured": f"Tied less untied, after {STEPS} steps: {said}.",
        "holds": "yes" if all(better) else "partly" if any(better) else "no",
        "figures": rows | {"steps": STEPS},
    }


def in_turn(ids: Tensor, T: int, stride: int, size: int) -> Callable[[torch.Generator], Batches]:
    """Batches of windows, all of them once in a random order, then again; a rest is left out."""
    x, y = sliding_windows(ids, T, stride)  # (N, T) each

    def batches(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            order = torch.randperm(len(x), generator=generator)  # (N,)
            for chosen in order[: len(x) // size * size].split(size):
                yield x[chosen], y[chosen]

    return batches


def windows() -> dict[str, Any]:
    """Blocks that begin anywhere against windows side by side, at equal steps and equal epochs."""
    ids, val_ids, tokenizer = characters()
    tenth, T, size = ids[: len(ids) // 10], 64, TrainConfig().batch_size
    steps = {
        stride: EPOCHS * ((len(tenth) - T - 1) // stride + 1) // size for stride in (T, T // 2)
    }

    def nats(name: str, text: Tensor, stride: int | None, max_steps: int) -> list[float]:
        made = in_turn(text, T, stride, size) if stride else None

        def measure(seed: int) -> dict[str, Any]:
            split, changes = (text, val_ids), {"batches": made, "max_steps": max_steps}
            return trial(lambda: plain(tokenizer.vocab_size), split, seed, **changes)

        return [kept(f"claims/{name}-{seed}", lambda s=seed: measure(s))["nats"] for seed in SEEDS]

    side = nats("tenth-side-by-side", tenth, T, steps[T])
    rows = {
        "all the text, same steps": comparison(
            [run("as it is", seed)["nats"] for seed in SEEDS], nats("side-by-side", ids, T, STEPS)
        ),
        "a tenth, same steps": comparison(nats("tenth-anywhere", tenth, None, steps[T]), side),
        "a tenth, same epochs": comparison(
            nats("tenth-overlapping", tenth, T // 2, steps[T // 2]), side
        ),
    }
    whole, part, epochs = rows.values()
    won = [row["verdict"].startswith("better") for row in rows.values()]
    return {
        "claim": "Overlapping windows converge faster.",
        "measured": "Blocks that begin anywhere less windows side by side, with the same number of "
        f"steps: {spread(whole)} nats on the whole text "
        f"({STEPS} steps), {spread(part)} on a tenth of it ({steps[T]} steps). With the same "
        f"number of epochs ({EPOCHS}), windows that overlap by half take twice the steps: "
        f"{spread(epochs)} nats.",
        "holds": "yes" if all(won[:2]) else "partly" if any(won) else "no",
        "figures": rows | {"steps": STEPS, "tenth_steps": steps[T], "epochs": EPOCHS},
    }


def clipping() -> dict[str, Any]:
    """What cutting long gradients changes, at the usual learning rate and at ten times it."""
    usual = entry("no clipping")
    hot = comparison(
        *([run(name, s)["nats"] for s in SEEDS] for name in ("rate × 10, no clipping", "rate × 10"))
    )
    seen = {name: gradient_norms(name) for name in ROW if name.endswith("no clipping")}
    norms = seen["no clipping"]
    saved = [row["verdict"] == "diverged" or row["verdict"].startswith("worse")
             for row in (usual, hot)]  # fmt: skip
    return {
        "claim": "Gradient clipping saves the run.",
        "measured": f"Without clipping: {spread(usual)} nats, and {spread(hot)} at ten times the "
        f"learning rate. Unclipped gradients were {norms['median']:.2f} long in the median and "
        f"{norms['largest']:.2f} at most; {norms['share_above_1']:.0%} of them were above 1.",
        "holds": "yes" if all(saved) else "partly" if any(saved) else "no",
        "figures": {"usual_rate": usual, "ten_times": hot, "norms": seen},
    }
