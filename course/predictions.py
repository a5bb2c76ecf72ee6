"""`predict` keeps a learner's first guess before a cell shows what really happens."""

import importlib.util
import math
import numbers
from pathlib import Path
from types import ModuleType
from typing import Any

from course import paths


def predict(number: str, guess: object) -> None:
    """Keep a guess; the first one counts, and `minigpt progress` shows how many were right.

    Args:
        number: of the prediction, such as "4.p1".
        guess: a number, a shape, a word or one of the letters the text offers; `...` means that
            there is none yet.
    Example:
        predict("4.p1", (2, 4, 8, 8))
    """
    try:
        print(keep(number, guess))
    except (OSError, ValueError) as error:
        print(f"✗ {error}")


def keep(number: str, guess: object) -> str:
    """Note a guess among the learner's own files, if that is where the notebook lies.

    Returns:
        what to tell the learner.
    Raises:
        ValueError: no such prediction, or a guess that can't be one.
    """
    known = predictions(number.partition(".")[0])
    if number not in known:
        raise ValueError(f"there is no prediction {number}; there are: {', '.join(known)}")
    if guess is ...:
        return f"○ {number}: put your guess in the place of the dots, then run the next cell"
    value, then = plain(guess), "Run the next cell and compare."
    choices = known[number].choices
    if choices and value not in list(choices):
        offered = ", ".join(f'"{letter}"' for letter in choices)
        raise ValueError(f"{number}: type one of {offered}, not {guess!r}.")
    right = plain(known[number].right)
    for kind, form in ((list, "numbers in brackets, such as (2, 3)"), (int | float, "a number")):
        if isinstance(right, kind) and not isinstance(value, kind):
            raise ValueError(f"{number}: type {form}, not {guess!r}.")
    if not Path.cwd().is_relative_to(paths.MY):  # not where the course itself runs the page
        return f"{number}: you said {_shown(value)}. {then}"
    from course.checks import progress

    first = progress.read().guesses.get(number)
    if first is None:
        progress.note("guess", number, value)
    elif first != value:
        return f"{number}: your first guess, {_shown(first)}, is the one that counts. {then}"
    return f"{number}: you said {_shown(value)}. {then}"


def predictions(chapter: str) -> dict[str, Any]:
    """The predictions of a chapter, "4" or "04", by number; none where it has no checks.

    Raises:
        ValueError: not a chapter's number.
    """
    if not chapter.isdigit():
        raise ValueError(f"{chapter!r} is no chapter; a prediction is called 4.p1, for example")
    return getattr(checks(chapter), "PREDICTIONS", {})


def checks(chapter: str) -> ModuleType | None:
    """The module that holds a chapter's checks, if it has any."""
    # By name, so that a page's stored outputs do not depend on the checks of its exercises.
    name = f"course.checks.ch{int(chapter):02d}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def is_right(number: str, guess: object) -> bool:
    """Whether a guess that was kept came true."""
    truth = predictions(number.partition(".")[0])[number]
    right, value = plain(truth.right), plain(guess)
    if isinstance(right, float | int) and isinstance(value, float | int):
        return math.isclose(value, right, rel_tol=1e-6, abs_tol=max(truth.within, 1e-9))
    return value == right


def plain(value: object) -> object:
    """A value as the log holds it: numbers, lists, and words in small letters."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, numbers.Real):
        return int(value) if value == int(value) else float(value)
    return str(value).strip().lower()


def _shown(value: object) -> str:
    if isinstance(value, list):
        return f"({', '.join(map(str, value))}{',' * (len(value) == 1)})"
    return str(value)
