"""Loss on text read and on text never read, for the `cpu` preset on 20 KB and on 1 MB of a text.

    python -m benchmarks.overfitting

Three runs of the same 1,000 steps on the corpus at hand: on the first 20,000 characters of its
training part, on the same with dropout 0.2, and on all of the training part. Every 50 steps the
model is scored on the first 16,384 characters it learns from and on the first 16,384 characters of
the validation part, without dropout. Chapter 08 draws the curves.
"""

import dataclasses

import torch

from benchmarks.report import write_result
from course.corpora import load_corpus
from minigpt_lib.data import train_val_split
from minigpt_lib.model import GPT, PRESETS
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig, adamw, evaluate, random_batches, train_step

STEPS, EVERY, SCORED = 1000, 50, 16_384
RUNS = {"20 KB": (20_000, 0.0), "20 KB, dropout 0.2": (20_000, 0.2), "1 MB": (None, 0.0)}


def curve(train_ids: torch.Tensor, val_ids: torch.Tensor, vocab_size: int, dropout: float) -> dict:
    """The two losses, in nats per character, every EVERY steps of one run."""
    config = TrainConfig(max_steps=STEPS)
    torch.manual_seed(config.seed)
    model = GPT(dataclasses.replace(PRESETS["cpu"], vocab_size=vocab_size, dropout=dropout))
    optimizer, sizes = adamw(model, config), (config.batch_size, model.config.context_length)
    batches = random_batches(train_ids, *sizes, torch.Generator().manual_seed(config.seed))
    found = {"train": [], "val": []}
    for step in range(STEPS):
        train_step(model, optimizer, batches, step, config)
        if (step + 1) % EVERY == 0:
            found["train"].append(round(evaluate(model, train_ids[:SCORED]), 3))
            found["val"].append(round(evaluate(model, val_ids[:SCORED]), 3))
    return found


def main() -> None:
    """Measure, print, write."""
    corpus = load_corpus()
    tokenizer = CharTokenizer.from_text(corpus.text)
    train_ids, val_ids = train_val_split(tokenizer.encode(corpus.text))
    figures: dict = {
        "what": "nats per character of the cpu preset on text read and never read",
        "corpus": corpus.name,
        "steps": list(range(EVERY, STEPS + 1, EVERY)),
    }
    for name, (size, dropout) in RUNS.items():
        figures[name] = curve(train_ids[:size], val_ids, tokenizer.vocab_size, dropout)
    write_result("overfitting", figures | {"command": "python -m benchmarks.overfitting"})


if __name__ == "__main__":
    main()
