"""Write guessing.json, the games of `guessing_game`: python -m course.widgets.make_guessing

Each game needs its corpus and a GPT trained on it in full (`minigpt train --preset cpu --corpus
NAME --out FOLDER`), or the one that `trained_model` finds or trains:

    python -m course.widgets.make_guessing \\
        --checkpoint shakespeare=FOLDER --checkpoint tinytales=FOLDER
"""

import argparse
import json
import math
import random
from collections import Counter
from pathlib import Path

import torch
import torch.nn.functional as F

from course.corpora import NAMES, Corpus, load_corpus
from course.files import write_atomic
from course.runs import trained_model
from course.widgets.guessing import GAMES
from minigpt_lib.baselines import NGramModel
from minigpt_lib.checkpoint import Checkpoint, load_checkpoint
from minigpt_lib.data import train_val_split
from minigpt_lib.tokenizer import CharTokenizer

SEED = 0  # where in the validation part the passage begins; chosen before any game was seen
PLACES, EVERY, SHOWN = 20, 7, 120  # places to guess, one in so many, characters before the first
LENGTH = SHOWN + (PLACES - 1) * EVERY + 1 + 40  # the last 40 end the passage when all is done
RANKED, CHECKED = 20_000, 2_000  # places that give the reader's code, and that check it
ORDERS = {"bigram": 2, "5-gram": 5}


def split(corpus: Corpus) -> tuple[CharTokenizer, torch.Tensor, torch.Tensor]:
    """The tokenizer of a corpus and the ids of its training and validation parts."""
    tokenizer = CharTokenizer.from_text(corpus.text)
    return tokenizer, *train_val_split(tokenizer.encode(corpus.text))


def begins_at(num_validation: int, name: str) -> int:
    """Where in the validation part the passage begins; nobody chose it."""
    return random.Random(f"{SEED} {name}").randrange(num_validation - LENGTH)


def places() -> list[int]:
    """The characters to guess, as indices in the passage."""
    return [SHOWN + EVERY * k for k in range(PLACES)]


def ngram_models(train: torch.Tensor, vocab_size: int) -> dict[str, NGramModel]:
    """The models that count, on the whole training part."""
    return {who: NGramModel(order).fit(train, vocab_size) for who, order in ORDERS.items()}


def rank_counts(train: torch.Tensor, vocab_size: int) -> list[int]:
    """How often the r-th guess of a 5-gram is right on training text that it was not counted on.

    It counts on nine tenths of the training part; the places are spread evenly over the rest.
    """
    counted, rest = train_val_split(train)
    model = NGramModel(5).fit(counted, vocab_size)
    ids, counts = rest.tolist(), [0] * vocab_size
    for at in spread(len(ids), RANKED):
        counts[rank(model.next_probabilities(ids[at - 4 : at]), ids[at]) - 1] += 1
    return counts


def spread(length: int, number: int) -> list[int]:
    """At most `number` places of a text, evenly apart, none of them among its first 100."""
    step = max(1, (length - 100) // number)
    return list(range(100, length, step))[:number]


def rank(p: torch.Tensor, token: int) -> int:
    """Which guess the token is if guesses go from the most to the least probable, from 1."""
    return torch.argsort(p, descending=True, stable=True).tolist().index(token) + 1


@torch.no_grad()
def gpt_probabilities(checkpoint: Checkpoint, ids: list[int]) -> torch.Tensor:
    """The GPT's distribution (V,) over the token after `ids`, of which it sees its context."""
    model = checkpoint.model.eval()
    logits, _ = model(torch.tensor([ids[-model.config.context_length :]]))
    return F.softmax(logits[0, -1].double(), dim=-1)


def make_game(corpus: Corpus, checkpoint: Checkpoint) -> dict:
    """One game: the passage, what each model pays, the reader's code, and how it was made."""
    tokenizer, train, validation = split(corpus)
    if checkpoint.tokenizer.characters != tokenizer.characters:
        raise ValueError(f"the checkpoint was not trained on {corpus.name}: other characters")
    models = ngram_models(train, tokenizer.vocab_size)
    predict = {who: model.next_probabilities for who, model in models.items()}
    predict["GPT"] = lambda ids: gpt_probabilities(checkpoint, ids)
    ids = validation.tolist()
    start = begins_at(len(ids), corpus.name)

    def bits(who: str, at: int) -> float:
        return -math.log2(predict[who](ids[max(0, at - 100) : at])[ids[at]])

    seen = Counter(tokenizer.decode(train.tolist()))
    order = sorted(tokenizer.characters, key=lambda character: (-seen[character], character))
    counts = rank_counts(train, tokenizer.vocab_size)
    paid = [-math.log2((count + 1) / (sum(counts) + len(counts))) for count in counts]
    checked = spread(len(ids), CHECKED)
    ranked = [paid[rank(predict["5-gram"](ids[at - 4 : at]), ids[at]) - 1] for at in checked]
    own = {who: sum(bits(who, at) for at in checked) / len(checked) for who in predict}
    return {
        "passage": tokenizer.decode(ids[start : start + LENGTH]),
        "places": [
            {"at": at, "bits": {who: round(bits(who, start + at), 9) for who in predict}}
            for at in places()
        ],
        "alphabet": "".join(order),
        "rank_counts": counts,
        "average": {
            "places_checked": len(checked),
            "own_rule": {who: round(mean, 4) for who, mean in own.items()},
            "rank_rule": {"5-gram": round(sum(ranked) / len(checked), 4)},
        },
        "every": EVERY,
        "gpt_context": checkpoint.model.config.context_length,
        "made": {
            "corpus": corpus.sha256,
            "seed": SEED,
            "validation_offset": start,
            "gpt_steps": checkpoint.step,
            "gpt_parameters": checkpoint.model.num_parameters(),
        },
    }


def main(arguments: list[str] | None = None) -> None:
    """Make the games of all corpora that are asked for; the others stay as they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", action="append", choices=NAMES, help="only this one")
    parser.add_argument(
        "--checkpoint", action="append", default=[], metavar="CORPUS=FOLDER",
        help="the trained GPT of a corpus; without it course.runs.trained_model",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=GAMES)
    given = parser.parse_args(arguments)
    folders = dict(each.split("=", 1) for each in given.checkpoint)
    games = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    for name in given.corpus or NAMES:
        corpus = load_corpus(name)
        known = load_checkpoint(folders[name]) if name in folders else trained_model("cpu", corpus)
        games[name] = make_game(corpus, known)
        places = games[name]["places"]
        means = {who: sum(p["bits"][who] for p in places) / PLACES for who in places[0]["bits"]}
        print(name, {who: round(mean, 3) for who, mean in means.items()}, games[name]["average"])
    text = json.dumps(games, ensure_ascii=False, indent=1, sort_keys=True)
    write_atomic(given.out, text + "\n")


if __name__ == "__main__":
    main()
