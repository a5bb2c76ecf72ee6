"""Training steps per second of the `cpu` preset, beside nanoGPT's model of the same size.

    git clone https://github.com/karpathy/nanoGPT /somewhere/nanoGPT
    python -m benchmarks.training /somewhere/nanoGPT

Both train on the corpus at hand with the sizes of nanoGPT's recipe for a laptop: 4 layers, 4
heads, 128 wide, context 64, batch 12, no dropout, no biases. They take turns of 30 steps in one
process, so that whatever else the machine does slows both; the medians of the turns are compared.
"""

import argparse
import dataclasses
import statistics
import sys
from pathlib import Path

import torch

from benchmarks.report import seconds, write_result
from course.corpora import load_corpus
from minigpt_lib.data import get_batch, train_val_split
from minigpt_lib.model import GPT, PRESETS
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig, adamw, random_batches, train_step

TURNS, STEPS = 7, 30


def our_steps(ids: torch.Tensor, vocab_size: int):
    """A function that trains our model for STEPS steps."""
    config = TrainConfig()
    model = GPT(dataclasses.replace(PRESETS["cpu"], vocab_size=vocab_size))
    optimizer = adamw(model, config)
    length = model.config.context_length
    batches = random_batches(ids, config.batch_size, length, torch.Generator().manual_seed(0))

    def turn() -> None:
        for step in range(STEPS):
            train_step(model, optimizer, batches, step, config)

    return turn


def their_steps(ids: torch.Tensor, vocab_size: int):
    """A function that trains nanoGPT's model for STEPS steps, as its train.py does on a CPU."""
    from model import GPT as TheirGPT  # nanoGPT's model.py
    from model import GPTConfig as TheirConfig

    sizes = {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 64, "vocab_size": vocab_size}
    model = TheirGPT(TheirConfig(**sizes, dropout=0.0, bias=False))
    optimizer = model.configure_optimizers(0.1, 1e-3, (0.9, 0.99), "cpu")
    generator = torch.Generator().manual_seed(0)

    def turn() -> None:
        for _ in range(STEPS):
            x, y = get_batch(ids, 12, 64, generator)
            _, loss = model(x, y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            loss.item()

    return turn


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nanogpt", type=Path, help="folder of a clone of karpathy/nanoGPT")
    clone = parser.parse_args().nanogpt.resolve()
    if not (clone / "model.py").is_file():
        parser.error(f"{clone} is not a clone of nanoGPT: it has no model.py")
    sys.path.insert(0, str(clone))
    text = load_corpus().text
    tokenizer = CharTokenizer.from_text(text)
    ids, _ = train_val_split(tokenizer.encode(text))
    turns = our_steps(ids, tokenizer.vocab_size), their_steps(ids, tokenizer.vocab_size)
    times = [(seconds(turns[0]), seconds(turns[1])) for _ in range(TURNS + 1)][1:]  # one to warm up
    ours, theirs = (STEPS / statistics.median(column) for column in zip(*times, strict=True))
    figures = {
        "what": "training steps per second, cpu preset: batch 12, context 64, 4 layers, 128 wide",
        "ours_steps_per_second": round(ours, 2),
        "nanogpt_steps_per_second": round(theirs, 2),
        "ours_over_nanogpt": round(ours / theirs, 3),
        "turns": f"{TURNS} turns of {STEPS} steps for each, in alternation",
        "threads": torch.get_num_threads(),
        "command": "python -m benchmarks.training NANOGPT",
    }
    write_result("training", figures)


if __name__ == "__main__":
    main()
