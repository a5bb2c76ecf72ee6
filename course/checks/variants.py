"""Other numbers for another class: each exercise with numbers is a function of them."""

import random
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from course.checks.engine import Exercise, same

TRIES = 1000  # far more than any exercise needs: a draw that does not suit is drawn again
ORDINALS = ("zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Dice:
    """Draws from a seed; the same on every system and in every version of Python."""

    def __init__(self, seed: int):
        # Of Python's generator only random() is promised to stay as it is, so all comes from it.
        self._random = random.Random(seed).random

    def whole(self, low: int, high: int, step: int = 1) -> int:
        """One of low, low + step, … up to high, which is included."""
        return self.pick(range(low, high + 1, step))

    def pick(self, options: Sequence) -> Any:
        """One of the options, each with the same chance."""
        return options[int(self._random() * len(options))]

    def some(self, options: Iterable, count: int) -> list:
        """So many different ones, in any order."""
        left = list(options)
        return [left.pop(int(self._random() * len(left))) for _ in range(count)]


@dataclass(frozen=True)
class Varied:
    """An exercise whose numbers differ from class to class.

    public: the numbers of the book; draw: other ones, or None where these do not suit;
    build: the exercise with such numbers; texts: what the cells of the exercise say about them,
    each text standing there once: those of the public numbers give way to those of the class.
    """

    public: Any
    draw: Callable[[Dice], Any]
    build: Callable[[Any], Exercise]
    texts: Callable[[Any], tuple[str, ...]]

    def numbers(self, variant: int) -> Any:
        """The numbers of a class: its mistakes tell apart, and the book's answers are wrong.

        Raises:
            RuntimeError: no draw suits, a fault of the course.
        """
        book = self.build(self.public)
        dice = Dice(zlib.crc32(f"{book.number} of class {variant}".encode()))
        for _ in range(TRIES):
            numbers = self.draw(dice)
            if numbers is not None and suits(self.build(numbers), book):
                return numbers
        raise RuntimeError(f"{book.number}: none of {TRIES} draws suits class {variant}")

    def exercise(self, variant: int) -> Exercise:
        """The exercise of a class."""
        return replace(self.build(self.numbers(variant)), variant=variant)

    def replacements(self, variant: int) -> list[tuple[str, str]]:
        """What the cells say in the book, and what they say for this class."""
        pairs = zip(self.texts(self.public), self.texts(self.numbers(variant)), strict=True)
        return [(old, new) for old, new in pairs if old != new]


def suits(task: Exercise, book: Exercise) -> bool:
    """Whether no two typed answers known are alike, and one of the book's is wrong here."""
    typed = [part for part in task.parts if part.read]
    for part in typed:
        values = [part.right(), *(wrong.answer() for wrong in part.wrong)]
        if any(same(a, b) for a, b in combinations(values, 2)):
            return False
    pairs = zip(task.parts, book.parts, strict=True)
    changed = [not same(own.right(), other.right()) for own, other in pairs if own.read]
    return any(changed) or not typed


def is_clear(value: float, digits: int) -> bool:
    """Whether a value is no close call: worked out a little less exactly, it rounds the same."""
    return abs(value * 10**digits % 1 - 0.5) > 0.1
