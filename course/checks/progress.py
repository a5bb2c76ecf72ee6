"""What a learner has passed, guessed and met: a log among their own files, `my/progress.jsonl`.

Every event is one line that is only ever added. So a crash loses at most the line being written,
two notebooks open at once do no harm, and nothing that was noted is ever rewritten.
"""

import hashlib
import inspect
import json
from dataclasses import dataclass, field

from course import paths


@dataclass
class State:
    """What the events add up to.

    passed: exercise -> its answers as noted; hints: exercise -> levels of help shown; cards: card
    of the bug museum -> the exercise where it was first met; guesses: prediction -> first guess;
    babble: "text: model" -> its score in nats and the line it wrote last.
    """

    passed: dict[str, list] = field(default_factory=dict)
    hints: dict[str, int] = field(default_factory=dict)
    cards: dict[str, str] = field(default_factory=dict)
    guesses: dict[str, object] = field(default_factory=dict)
    babble: dict[str, dict] = field(default_factory=dict)

    def add(self, event: str, about: str, value: object) -> None:
        """Take in one event; one of a kind that is not known changes nothing."""
        if event == "passed":
            self.passed[about] = value
        elif event == "hint":
            self.hints[about] = max(value, self.hints.get(about, 0))
        elif event == "card":
            self.cards.setdefault(about, value)
        elif event == "guess":
            self.guesses.setdefault(about, value)
        elif event == "babble":
            self.babble[about] = value
        elif event == "reset":
            for number in [n for n in self.passed if int(n.partition(".")[0]) == int(about)]:
                del self.passed[number]


def read() -> State:
    """What is noted so far; a line that a crash left unfinished is passed over."""
    state = State()
    try:
        lines = (paths.MY / "progress.jsonl").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return state
    for line in lines.splitlines():
        try:
            state.add(*json.loads(line))
        except (ValueError, TypeError):
            continue
    return state


def note(event: str, about: str, value: object = None) -> None:
    """Add one event.

    Args:
        event: passed, hint, card, guess, babble or reset.
        about: the exercise, card, prediction, model or chapter.
        value: what `State` keeps of it; anything JSON can hold.
    """
    line = "\n" + json.dumps([event, about, value], ensure_ascii=False)
    paths.MY.mkdir(parents=True, exist_ok=True)
    with open(paths.MY / "progress.jsonl", "ab", buffering=0) as file:
        file.write(line.encode("utf-8"))  # one call: whole, also beside another writer


def fingerprint(answer: object) -> str:
    """A typed answer as it is; of a function or class, the hash of its source."""
    if not callable(answer):
        return repr(answer)
    try:
        source = inspect.getsource(answer)
    except (OSError, TypeError):
        source = repr(getattr(answer, "__code__", answer))
    return hashlib.sha256(source.encode()).hexdigest()[:16]
