"""What a model passes on its way: the rungs of its text's ladder, in order and each once."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from course.corpora import Corpus
from course.files import write_atomic
from course.runs import ladder
from course.wall import LENGTH, SEED
from minigpt_lib.baselines import babble

BLOCKS = 32  # how many blocks of the validation text a model is scored on, spread over all of it


class Milestones:
    """Scores a model now and then during its training, and says which rungs it has passed.

    Hand it to `train` as on_step, or call it there. The score is the mean surprise at fixed
    positions of the validation text, so it is cheap and a little off that of the whole text. A rung
    counts as passed once all before it are and the score lies below it. With a log, each is also
    written there, a line such as {"step": 140, "passed": "bigram", ...} among the evaluations.

    Args:
        model: called as model(x, y) -> (logits, mean loss in nats), with .config.context_length.
        ids: the validation text, int64 (n,).
        rungs: name -> nats per token, in the order of the ladder.
        every: updates between two scores.
        log: the run's log.jsonl; what it says of a run that is resumed is not said again.
        say: what to do with a line such as "step 140: passed the bigram".
    Attributes:
        scores: (step, nats) of every score; passed: rung -> the step at which it was passed.
    """

    def __init__(
        self,
        model: nn.Module,
        ids: Tensor,
        rungs: dict[str, float],
        every: int = 20,
        log: Path | None = None,
        say: Callable[[str], object] = print,
    ):
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        self.model, self.rungs, self.every, self.log, self.say = model, rungs, every, log, say
        self.x, self.y = spread(ids, model.config.context_length)
        self.scores: list[tuple[int, float]] = []
        self.events: list[dict] | None = None  # not known before the first step

    @property
    def passed(self) -> dict[str, int]:
        """Rung -> the step at which it was passed."""
        return {event["passed"]: event["step"] for event in self.events or ()}

    def __call__(self, record: dict) -> None:
        """Called after every update with its record."""
        step = record["step"]
        if self.events is None:
            self.events = [e for e in self._logged() if "passed" in e and e["step"] < step]
        found = self._found(step) if step % self.every == 0 else []
        self.events += found
        for event in found:
            self.say(f"step {step}: passed the {event['passed']}")
        if found or "val_loss" in record:  # after an evaluation the log was written anew
            self._write()

    def _found(self, step: int) -> list[dict]:
        nats = score(self.model, self.x, self.y)
        self.scores.append((step, nats))
        found = []
        for rung in [name for name in self.rungs if name not in self.passed]:
            if not nats < self.rungs[rung]:
                break
            found.append({"step": step, "passed": rung, "rung": self.rungs[rung], "nats": nats})
        return found

    def _logged(self) -> list[dict]:
        """The entries of the log; of one that was cut short those before the cut."""
        entries: list[dict] = []
        try:
            lines = self.log.read_text(encoding="utf-8").splitlines() if self.log else []
            entries += [entry for entry in map(json.loads, lines) if "step" in entry]
        except (OSError, ValueError, TypeError):
            pass
        return entries

    def _write(self) -> None:
        if self.log is None:
            return
        entries = [entry for entry in self._logged() if "passed" not in entry] + self.events
        entries.sort(key=lambda entry: (entry["step"], "passed" not in entry))
        write_atomic(self.log, "".join(json.dumps(entry) + "\n" for entry in entries))


def spread(ids: Tensor, length: int, blocks: int = BLOCKS) -> tuple[Tensor, Tensor]:
    """Blocks of `length` tokens at equal distances, and what comes next: x, y, each (N, length)."""
    length = min(length, len(ids) - 1)
    starts = torch.linspace(0, len(ids) - 1 - length, blocks).long().unique()  # (N,)
    windows = ids[starts[:, None] + torch.arange(length + 1)]  # (N, length + 1)
    return windows[:, :-1], windows[:, 1:]


@torch.no_grad()
def score(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Mean surprise in nats, without dropout; the model's mode and all random draws stay as is."""
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    nats = model(x.to(device), y.to(device))[1].item()
    model.train(was_training)
    return nats


@torch.no_grad()
def continuation(
    model: nn.Module, ids: list[int], length: int = LENGTH, seed: int = SEED
) -> list[int]:
    """What a model writes after `ids`: `length` ids, drawn from its own probabilities."""
    was_training, T = model.training, model.config.context_length
    device = next(model.parameters()).device

    def next_probabilities(new: list[int]) -> Tensor:
        recent = torch.tensor([[*ids, *new][-T:]], device=device)  # (1, T)
        return model(recent)[0][0, -1].softmax(dim=-1).cpu()  # (V,)

    model.eval()
    written = babble(next_probabilities, length, torch.Generator().manual_seed(seed))
    model.train(was_training)
    return written


def rungs(corpus: Corpus, train_ids: Tensor, val_ids: Tensor, vocab_size: int) -> dict[str, float]:
    """The ladder of this text below the mini-GPT, name -> nats per token.

    The rungs are those that chapter 05 noted; where it has not been run on this text, the first
    three are counted here, as it does.
    """
    noted = ladder(corpus)
    noted.pop("mini-GPT", None)
    if not {"uniform", "unigram", "bigram"} <= noted.keys():
        noted = counted(train_ids, val_ids, vocab_size) | noted
    return noted


def counted(train_ids: Tensor, val_ids: Tensor, vocab_size: int) -> dict[str, float]:
    """Uniform, unigram and bigram with 1 added to every count, scored on the validation text."""
    singles = torch.bincount(train_ids, minlength=vocab_size).double() + 1  # (V,)
    numbers = train_ids[:-1] * vocab_size + train_ids[1:]  # (n - 1,), a number for each pair
    pairs = torch.bincount(numbers, minlength=vocab_size**2).double() + 1  # (V · V,)
    table = pairs.view(vocab_size, vocab_size)  # (V, V)
    table = table / table.sum(dim=1, keepdim=True)  # (V, V), rows add up to 1
    context, target = val_ids[:-1], val_ids[1:]
    return {
        "uniform": math.log(vocab_size),
        "unigram": -(singles / singles.sum())[target].log().mean().item(),
        "bigram": -table[context, target].log().mean().item(),
    }
