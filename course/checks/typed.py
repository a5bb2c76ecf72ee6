"""Typed answers: known ones, and readers of what was typed, which say what to type instead."""

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import torch


@dataclass(frozen=True)
class Seen:
    """What a reported experiment turns out to be, in a word; equal if the word is.

    figures: what was measured of it, for the hint.
    """

    what: str
    figures: dict[str, object] = field(default_factory=dict, compare=False)


class Written(str):
    """A value as text, such as a shape: those of different lengths differ and are no error."""

    __repr__ = str.__str__


def typed(value: object) -> Callable[[], object]:
    """A known answer to a typed part."""
    return lambda: value


def read_number(typed: object) -> float:
    """A number: 1.75, "1.75", "7/4" or a tensor of one element.

    Raises:
        ValueError: it is none, or not finite.
    """
    if isinstance(typed, torch.Tensor) and typed.numel() == 1:
        typed = typed.item()
    try:
        number = float(Fraction(typed.strip()) if isinstance(typed, str) else typed)
    except (TypeError, ValueError, ZeroDivisionError):
        number = math.nan
    if isinstance(typed, bool) or not math.isfinite(number):
        raise ValueError(f"type a number, such as 1.75, not {typed!r}.")
    return number


def read_whole(typed: object) -> int:
    """A whole number.

    Raises:
        ValueError: it is none.
    """
    number = read_number(typed)
    if number != int(number):
        raise ValueError(f"type a whole number, not {typed!r}.")
    return int(number)


def read_shape(typed: object) -> tuple[int, ...]:
    """A shape: (2, 3), [2, 3], "2, 3" or the number 3 for (3,).

    Raises:
        ValueError: it is none.
    """
    if isinstance(typed, str):
        typed = [part for part in typed.strip("()[] ").split(",") if part.strip()]
    if isinstance(typed, numbers.Integral):
        typed = (typed,)
    try:
        return tuple(read_whole(part) for part in typed)
    except (TypeError, ValueError):
        raise ValueError(f"type a shape, such as (2, 3), not {typed!r}.") from None


def read_choice(*words: str) -> Callable[[object], str]:
    """A reader that accepts these words in any case.

    The reader raises ValueError for anything else and lists the words.
    """
    allowed = [f'"{word}"' for word in words]
    said = " or ".join(filter(None, [", ".join(allowed[:-1]), allowed[-1]]))

    def read(typed: object) -> str:
        word = typed.strip().lower() if isinstance(typed, str) else typed
        if word not in words:
            raise ValueError(f"type {said}, not {typed!r}.")
        return word

    return read
