"""The ladder of scores on both corpora: counted models, learned ones, and the floor where known.

    python -m benchmarks.ladder [shakespeare] [tinytales]

Every score is the mean surprise of the same characters: the whole validation text but its first.
The mini-GPT is the `cpu` preset in full, 2,000 steps, one entry a seed, two to three minutes of one
core each.
"""

import argparse
import json
import math
from types import SimpleNamespace
from typing import Any

import torch

from benchmarks.report import RESULTS, write_result
from benchmarks.trials import KEPT, SEEDS, characters, kept, mean, plain, trial
from course import milestones
from course.corpora import NAMES, load_corpus
from course.tinytales import surprisal
from minigpt_lib.baselines import BigramMLP, NGramModel
from minigpt_lib.checkpoint import Checkpoint, Run, load_checkpoint
from minigpt_lib.train import TrainConfig, train

MLP = {"max_steps": 600, "batch_size": 32, "learning_rate": 1e-2, "min_learning_rate": 1e-4}


def trained(corpus: str, seed: int) -> Checkpoint:
    """The mini-GPT of a corpus and seed, trained in full here if it was not before."""
    *split, tokenizer = characters(corpus)
    folder, config = KEPT / "models" / f"{corpus}-{seed}", TrainConfig(seed=seed)
    torch.manual_seed(seed)
    run = Run(folder, tokenizer, resume=(folder / "last.txt").exists())
    train(plain(tokenizer.vocab_size), *split, config, run=run)
    return load_checkpoint(folder)


def mini_gpt(corpus: str, seed: int) -> float:
    """Its score at the end of the training."""

    def measure() -> float:
        return json.loads(trained(corpus, seed).training["records"])[-1]["val_loss"]

    return kept(f"ladder/{corpus}-mini-gpt-{seed}", measure)


def mlp_bigram(corpus: str, seed: int) -> float:
    """The two-layer network that sees one character."""
    *split, tokenizer = characters(corpus)

    def build() -> BigramMLP:
        model = BigramMLP(tokenizer.vocab_size)
        model.config = SimpleNamespace(context_length=32)
        return model

    return kept(f"ladder/{corpus}-mlp-{seed}", lambda: trial(build, split, seed, **MLP)["nats"])


def counted(corpus: str) -> dict[str, float]:
    """The rungs that are counted, and the number of tokens in the best n-gram's window."""
    ids, val_ids, tokenizer = characters(corpus)
    V = tokenizer.vocab_size
    orders = {}
    for order in range(1, 9):
        scores = NGramModel(order).fit(ids, V).log_probabilities(val_ids)[1:]
        orders[order] = -scores.mean().item()
    best = min(orders, key=orders.get)
    ngrams = {"5-gram": orders[5], f"best n-gram of orders 1 to 8: order {best}": orders[best]}
    return milestones.counted(ids, val_ids, V) | ngrams


def floor(corpus: str) -> float:
    """TinyTales only: what nobody can beat, from the grammar itself."""
    bits = surprisal(load_corpus(corpus).text)[len(characters(corpus)[0]) + 1 :]
    return mean(bits) * math.log(2)


def rungs(corpus: str) -> list[dict[str, Any]]:
    """All rungs of a corpus, the most surprised first."""
    scores = {
        name: [nats] for name, nats in kept(f"ladder/{corpus}", lambda: counted(corpus)).items()
    }
    scores["MLP bigram"] = [mlp_bigram(corpus, seed) for seed in SEEDS]
    scores["mini-GPT"] = [mini_gpt(corpus, seed) for seed in SEEDS]
    if corpus == "tinytales":
        scores["floor"] = [kept("ladder/tinytales-floor", lambda: floor(corpus))]
    ordered = sorted(scores.items(), key=lambda entry: -mean(entry[1]))
    return [
        {
            "name": name,
            "nats": [round(x, 4) for x in nats],
            "mean": round(mean(nats), 4),
            "bits": round(mean(nats) / math.log(2), 4),
            "runs": len(nats),
        }
        for name, nats in ordered
    ]


def main() -> None:
    """Measure one corpus after the other; write what there is after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", nargs="*", help=f"of {', '.join(NAMES)}; both if left out")
    path = RESULTS / "ladder.json"
    done = json.loads(path.read_text(encoding="utf-8"))["corpora"] if path.is_file() else {}
    for corpus in parser.parse_args().corpora or NAMES:
        done[corpus] = rungs(corpus)
        figures = {
            "what": "mean surprise of a character of the whole validation text, nats and bits; one "
            "entry a seed where a model is trained",
            "steps": TrainConfig().max_steps,
            "seeds": list(SEEDS),
            "corpora": {name: done[name] for name in NAMES if name in done},
            "command": "python -m benchmarks.ladder",
        }
        write_result("ladder", figures)


if __name__ == "__main__":
    main()
