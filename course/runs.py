"""Trained models and scores, kept in `runs/` from one chapter to the next."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

import minigpt_lib
from course.corpora import Corpus, load_corpus
from course.files import write_atomic
from course.paths import RUNS
from course.wall import write_line
from minigpt_lib.checkpoint import Checkpoint, Run, load_checkpoint
from minigpt_lib.data import train_val_split
from minigpt_lib.model import GPT, PRESETS, GPTConfig
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig, train

TRAINING = {"cpu": TrainConfig()}  # how each preset that can be trained here is trained
QUICK_STEPS = 400  # enough to write words, in half a minute
RUNGS = ("uniform", "unigram", "bigram", "MLP bigram", "5-gram", "mini-GPT")


def settings(preset: str, vocab_size: int) -> tuple[GPTConfig, TrainConfig]:
    """The model's and the training's numbers of a preset; a ValueError names the known ones."""
    if preset not in TRAINING:
        raise ValueError(f"unknown preset {preset!r}; known are: {', '.join(TRAINING)}")
    return dataclasses.replace(PRESETS[preset], vocab_size=vocab_size), TRAINING[preset]


def run_folder(preset: str = "cpu", corpus: Corpus | None = None, kind: str = "full") -> Path:
    """Where the model of this preset, text and library is kept, whether it is there or not.

    Args:
        kind: "full" as chapter 08 trains it, or "quick" as `trained_model` does in its absence.
    """
    corpus = corpus or load_corpus()
    parts = [corpus.text, repr(settings(preset, len(set(corpus.text)))), _library()]
    digest = hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()
    return RUNS / f"{preset}-{digest[:12]}" / kind


@functools.cache
def _library() -> str:
    """The source of the library in use: the reference, or one with the learner's own parts."""
    files = sorted(Path(minigpt_lib.__file__).parent.glob("*.py"))
    return "\0".join(path.read_text(encoding="utf-8") for path in files)


@contextlib.contextmanager
def new_run(
    preset: str = "cpu", corpus: Corpus | None = None, kind: str = "full"
) -> Iterator[Path]:
    """A new, empty folder to train into; it takes its place in `runs/` when all went well.

    Until then whatever was there before stays in use, so that a stopped run or a second process
    does no harm.
    """
    target = run_folder(preset, corpus, kind)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{kind}-", suffix=".part", dir=target.parent))
    try:
        yield draft
        old = draft.with_suffix(".old")
        with contextlib.suppress(OSError):  # nothing was there, or another process was faster
            os.replace(target, old)
        with contextlib.suppress(OSError):
            os.replace(draft, target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def trained_model(preset: str = "cpu", corpus: Corpus | None = None) -> Checkpoint:
    """A trained model, with its tokenizer and the number of steps it was trained for.

    It is the one chapter 08 trained on this text, or else one that is trained here for 400 steps,
    which takes half a minute the first time.
    """
    corpus = corpus or load_corpus()
    for kind in ("full", "quick"):
        with contextlib.suppress(ValueError):
            return load_checkpoint(run_folder(preset, corpus, kind))
    print(f"Training a quick model for {QUICK_STEPS} steps; chapter 08 trains one in full.")
    with new_run(preset, corpus, "quick") as folder, torch.random.fork_rng(devices=[]):
        tokenizer = CharTokenizer.from_text(corpus.text)
        model_config, config = settings(preset, tokenizer.vocab_size)
        config = dataclasses.replace(config, max_steps=QUICK_STEPS, eval_every=QUICK_STEPS)
        torch.manual_seed(config.seed)
        split = train_val_split(tokenizer.encode(corpus.text))
        train(GPT(model_config), *split, config, run=Run(folder, tokenizer))
        return load_checkpoint(folder)


def record_rung(
    name: str, nats_per_token: float, corpus: Corpus | None = None, line: str = ""
) -> None:
    """Note the score of one rung of the ladder that `minigpt run` prints at its end.

    Args:
        name: one of RUNGS.
        nats_per_token: mean surprise on the whole validation text; a token is a character.
        line: what this model writes after `course.wall.prompt`, for the learner's babble wall.
    """
    if name not in RUNGS:
        raise ValueError(f"unknown rung {name!r}; known are: {', '.join(RUNGS)}")
    scores = ladder(corpus) | {name: float(nats_per_token)}
    write_atomic(_ladder_file(corpus), json.dumps(scores, indent=1))
    if line:
        write_line(name, nats_per_token, line, corpus)


def ladder(corpus: Corpus | None = None) -> dict[str, float]:
    """The rungs noted for this text, in order, in nats per token."""
    try:
        scores = json.loads(_ladder_file(corpus).read_text(encoding="utf-8"))
        return {name: float(scores[name]) for name in RUNGS if name in scores}
    except (OSError, ValueError, TypeError):
        return {}


def _ladder_file(corpus: Corpus | None) -> Path:
    return RUNS / f"ladder-{(corpus or load_corpus()).sha256[:12]}.json"
