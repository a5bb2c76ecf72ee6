"""Checkpoints: a trained model on disk, whole or not at all."""

# Written from notebooks/08_training.ipynb by `minigpt export`; edit that, not this file.

import dataclasses
import itertools
import json
import math
import os
import pickle
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import nn

from minigpt_lib.bpe import BPETokenizer
from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.tokenizer import CharTokenizer

TOKENIZERS = {"char": CharTokenizer, "bpe": BPETokenizer}
# What reading a file that is missing, cut short or not ours can raise.
DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, RuntimeError, EOFError),
    *(AttributeError, pickle.UnpicklingError, SafetensorError),
)


@dataclass
class Checkpoint:
    """A model, the tokenizer it was trained with, how many updates it has had, the run's state."""

    model: nn.Module
    tokenizer: CharTokenizer | BPETokenizer | None
    step: int
    training: dict = field(default_factory=dict)


def save_checkpoint(
    folder: str | Path,
    model: nn.Module,
    tokenizer: CharTokenizer | BPETokenizer | None = None,
    step: int = 0,
    training: dict | None = None,
    names: tuple[str, ...] = ("last",),
) -> Path:
    """Write a checkpoint beside the others, point `names` at it, drop those no name points at.

    Args:
        folder: the run's folder; made if missing.
        step: number of updates so far.
        training: tensors and numbers to go on from (optimiser, random generators).
        names: which pointers to move: "last", "best".
    Raises:
        ValueError: if model and tokenizer differ in vocabulary. OSError: if it cannot be written.
    """
    check_vocabulary(model, tokenizer)
    final = free_name(Path(folder), f"step-{step:06d}")
    draft = final.with_name(f"{final.name}.part")
    draft.mkdir(parents=True, exist_ok=True)
    settings = {"step": step, "config": dataclasses.asdict(model.config)}
    (draft / "config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    save_model(model, str(draft / "model.safetensors"))
    torch.save(training or {}, draft / "training.pt")
    if tokenizer is not None:
        tokenizer.save(draft / "tokenizer.json")
    os.replace(draft, final)
    point_at(final, names)
    return final


def free_name(folder: Path, stem: str) -> Path:
    """A path in `folder` that does not exist yet: stem, stem-1, stem-2, ..."""
    names = itertools.chain([stem], (f"{stem}-{i}" for i in itertools.count(1)))
    return next(folder / name for name in names if not (folder / name).exists())


def point_at(checkpoint: Path, names: tuple[str, ...]) -> None:
    """Let `names` of the run mean this checkpoint, then drop those that no name means."""
    folder = checkpoint.parent
    for name in names:
        pointer = folder / f"{name}.txt.part"
        pointer.write_text(checkpoint.name, encoding="utf-8")
        os.replace(pointer, folder / f"{name}.txt")
    kept = {path.read_text(encoding="utf-8") for path in folder.glob("*.txt")}
    for other in folder.glob("step-*"):
        if other.name not in kept:
            shutil.rmtree(other, ignore_errors=True)


def load_checkpoint(
    folder: str | Path, name: str = "last", build: Callable[[GPTConfig], nn.Module] = GPT
) -> Checkpoint:
    """Read the checkpoint that `name` ("last" or "best") points at.

    Args:
        folder: the run's folder.
        build: makes the model from its config; its parameters must be those that were saved.
    Returns:
        a Checkpoint whose model is in eval mode.
    Raises:
        ValueError: if there is no checkpoint, or a file of it is missing, cut short or foreign.
    """
    place = find_checkpoint(folder, name)
    try:
        settings = json.loads((place / "config.json").read_text(encoding="utf-8"))
        model = build(GPTConfig(**settings["config"]))
        load_model(model, str(place / "model.safetensors"))
        training = torch.load(place / "training.pt", weights_only=True)
        tokenizer = None
        if (place / "tokenizer.json").exists():
            kind = json.loads((place / "tokenizer.json").read_text(encoding="utf-8"))["type"]
            tokenizer = TOKENIZERS[kind].load(place / "tokenizer.json")
        check_vocabulary(model, tokenizer)
        return Checkpoint(model.eval(), tokenizer, settings["step"], training)
    except DAMAGE as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(
            f"the checkpoint {place} is damaged or was not written by this course ({what}); "
            "use another one or train again"
        ) from error


def find_checkpoint(folder: str | Path, name: str = "last") -> Path:
    """The folder that the pointer `name` of a run names; a ValueError if there is none."""
    pointer = Path(folder) / f"{name}.txt"
    text = pointer.read_bytes().decode("utf-8", "replace").strip() if pointer.is_file() else ""
    if not text.startswith("step-") or not (pointer.parent / text).is_dir():
        raise ValueError(f"{folder} holds no checkpoint called {name!r}; train one into it first")
    return pointer.parent / text


def check_vocabulary(model: nn.Module, tokenizer: CharTokenizer | BPETokenizer | None) -> None:
    """Raise a ValueError if the tokenizer's ids are not the ones the model knows."""
    if tokenizer is not None and tokenizer.vocab_size != model.config.vocab_size:
        raise ValueError(
            f"the model knows {model.config.vocab_size} tokens and the tokenizer "
            f"{tokenizer.vocab_size}; use the tokenizer the model was trained with"
        )


def restore(saved: Checkpoint, optimizer: object, generator: torch.Generator) -> list[dict]:
    """Put optimiser and random generators back as they were; returns the records so far.

    Raises:
        ValueError: if the checkpoint holds no such state.
    """
    try:
        optimizer.load_state_dict(saved.training["optimizer"])
        generator.set_state(saved.training["batches"])
        torch.set_rng_state(saved.training["dropout"])
        return json.loads(saved.training["records"])
    except DAMAGE as error:
        raise ValueError(f"the checkpoint holds nothing to resume from: {error!r}") from error


class Run:
    """What a training leaves behind: its records and, given a folder, log and checkpoints.

    Args:
        folder: where checkpoints and log.jsonl go; None keeps nothing.
        tokenizer: saved with the model.
        resume: go on from the folder's last checkpoint, on a CPU bit for bit as if never stopped.
    """

    def __init__(self, folder: str | Path | None = None, tokenizer=None, resume: bool = False):
        if resume and folder is None:
            raise ValueError("to resume a run, name its folder")
        self.folder = None if folder is None else Path(folder)
        self.tokenizer, self.resume = tokenizer, resume
        self.records: list[dict] = []
        self.began = time.perf_counter()

    def begin(self, model: nn.Module, optimizer: object, generator: torch.Generator) -> int:
        """Make the folder, or put everything back as it was; returns the step to start at.

        Raises:
            ValueError: if the folder holds a run that is not to be resumed, or none that is.
        """
        if self.resume:
            saved = load_checkpoint(self.folder, build=lambda config: model)
            self.records = restore(saved, optimizer, generator)
            self.began -= self.records[-1]["seconds"]
            return saved.step
        if self.folder is not None:
            if (self.folder / "last.txt").exists():
                raise ValueError(f"{self.folder} holds a run; resume it or choose another folder")
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "log.jsonl").write_text("", encoding="utf-8")  # fails now if it must
        return 0

    def keep(self, record: dict, model: nn.Module, optimizer: object, generator: object) -> None:
        """Add an evaluation; write a checkpoint and the log, unless the model has broken down."""
        if not math.isfinite(record["val_loss"]):
            raise ValueError(
                f"the validation loss is {record['val_loss']} at step {record['step']}; "
                "lower the learning rate and resume"
            )
        best = min((r["val_loss"] for r in self.records), default=math.inf)
        self.records.append(record | {"seconds": time.perf_counter() - self.began})
        if self.folder is None:
            return
        names = ("last", "best") if record["val_loss"] < best else ("last",)
        state = {"optimizer": optimizer.state_dict(), "batches": generator.get_state()}
        state |= {"dropout": torch.get_rng_state(), "records": json.dumps(self.records)}
        save_checkpoint(self.folder, model, self.tokenizer, record["step"], state, names)
        lines = "".join(json.dumps(r) + "\n" for r in self.records)
        (self.folder / "log.jsonl").write_text(lines, encoding="utf-8")
