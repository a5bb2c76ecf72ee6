"""The merges of a byte-level BPE tokenizer, one at a time, on a sentence of the reader's own.

Two outputs, one after the other: a picture, and a piece of HTML whose script takes the picture's
place. Where scripts do not run (print, a notebook JupyterLab does not trust) the picture stays.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

import regex
from matplotlib import pyplot as plt

from course.figures import COLORS, VISIBLE, glyph
from course.widgets.page import fill, png, show

TEMPLATE = Path(__file__).with_name("bpe_stepper.html")
# The cuts of GPT-2, with white space named by its Unicode property: what \s means differs between
# Python and JavaScript, what \p{White_Space} means does not.
PATTERN = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+"
    r"|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+"
)
LONGEST = 400  # characters the field takes, or as many as the sentence given has
LINE = 78  # width of the picture, in letters


class Tokenizer(Protocol):
    """What the figure needs of a tokenizer: `BPETokenizer` of chapter 01 has it."""

    merges: list[tuple[int, int]]


class Step(NamedTuple):
    """A sentence on its way: each piece as the ids it is made of, and the pair merged next."""

    pieces: list[list[int]]
    rank: int | None  # of the pair merged next; None when no known pair is left

    @property
    def ids(self) -> list[int]:
        """The tokens of the sentence at this step."""
        return [i for piece in self.pieces for i in piece]


def bpe_stepper(tokenizer: Tokenizer, sentence: str, alt: str | None = None) -> None:
    """Show how a sentence becomes tokens, merge after merge; the reader may type another one.

    Args:
        tokenizer: a trained `BPETokenizer`; its special tokens count as ordinary text.
        sentence: the sentence to begin with, not empty.
        alt: what the figure shows, in words; made from the sentence if left out.
    Raises:
        ValueError: the tokenizer has no list of merges, or the sentence is empty or is no text.
    """
    sentence = check(tokenizer, sentence)
    alt = alt or describe(tokenizer, sentence)
    show(stepper_html(tokenizer, sentence, alt), stepper_png(tokenizer, sentence), alt)


def stepper_html(tokenizer: Tokenizer, sentence: str, alt: str | None = None) -> str:
    """The interactive part, as one piece of HTML that asks for nothing from outside itself."""
    sentence = check(tokenizer, sentence)
    data = {
        "sentence": sentence,
        "alt": alt or describe(tokenizer, sentence),
        "pattern": PATTERN,
        "longest": max(LONGEST, len(sentence.encode("utf-16-le")) // 2),
        "merges": [list(pair) for pair in tokenizer.merges],
    }
    return fill(TEMPLATE, "bpe-stepper", data)


def steps(merges: list[tuple[int, int]], sentence: str) -> Iterator[Step]:
    """The sentence as bytes, then after each merge: the pair learned first, wherever it stands."""
    ranks = {tuple(pair): rank for rank, pair in enumerate(merges)}
    pieces = [list(piece.encode("utf-8")) for piece in regex.findall(PATTERN, sentence)]
    while True:
        known = {ranks[pair] for ids in pieces for pair in pairwise(ids) if pair in ranks}
        rank = min(known, default=None)
        yield Step(pieces, rank)
        if rank is None:
            return
        pieces = [_merged(ids, tuple(merges[rank]), 256 + rank) for ids in pieces]


def _merged(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    result: list[int] = []
    rest = iter(range(len(ids)))
    for i in rest:
        if tuple(ids[i : i + 2]) == pair:
            result.append(new)
            next(rest)
        else:
            result.append(ids[i])
    return result


def token_names(merges: list[tuple[int, int]]) -> list[str]:
    """Every token as it is shown: characters, and in hexadecimal the bytes that are none."""
    tokens = [bytes([i]) for i in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    return [visible(token) for token in tokens]


def visible(token: bytes) -> str:
    """The token's characters with marks for white space; bytes that make none as two digits."""
    parts: list[str] = []
    i = 0
    while i < len(token):
        length = next((n for n in (1, 2, 3, 4) if _is_character(token[i : i + n])), 0)
        if length:
            parts.append(_mark(token[i : i + length].decode("utf-8")))
        else:
            parts.append(f"{token[i]:02X}")
        i += length or 1
    hexadecimal = any(regex.fullmatch(r"[0-9A-F]{2}|U\+[0-9A-F]+", part) for part in parts)
    return (" " if hexadecimal else "").join(parts)


def _is_character(data: bytes) -> bool:
    try:
        return len(data.decode("utf-8")) == 1
    except UnicodeDecodeError:
        return False


def _mark(character: str) -> str:
    if character in VISIBLE:
        return VISIBLE[character]
    if regex.fullmatch(r"\p{M}", character):
        return "◌" + character
    return f"U+{ord(character):04X}" if regex.fullmatch(r"[\p{C}\p{Z}]", character) else character


def describe(tokenizer: Tokenizer, sentence: str) -> str:
    """The figure in words: the bytes at the start, the tokens at the end."""
    every, names = list(steps(tokenizer.merges, sentence)), token_names(tokenizer.merges)
    tokens = " | ".join(names[i] for i in every[-1].ids)
    return (
        f"A sentence of {len(every[0].ids)} bytes after {len(every) - 1} merges: "
        f"{len(every[-1].ids)} tokens, {tokens}"
    )


def stepper_png(tokenizer: Tokenizer, sentence: str) -> bytes:
    """The sentence at the start, at three steps on the way and at the end, a box for each token."""
    every, names = list(steps(tokenizer.merges, sentence)), token_names(tokenizer.merges)
    last = len(every) - 1
    boxes, heads, row = [], [], 0.0
    for number in sorted({round(last * part / 4) for part in range(5)}):
        ids = every[number].ids
        merges = "1 merge" if number == 1 else f"{number} merges"
        heads.append((row, f"{merges}: {len(ids)} tokens"))
        column, row = 0.0, row + 1.3
        for ids in every[number].pieces:
            for name in ("".join(map(glyph, names[i])) for i in ids):
                width = len(name) + 0.9
                if column and column + width > LINE:
                    column, row = 0.0, row + 1.7
                boxes.append((column, row, width, name))
                column += width + 0.25
            column += 0.6
        row += 2.4
    figure, axes = plt.subplots(figsize=(8.4, 0.19 * row + 0.1), layout="none")
    axes.set(xlim=(-0.5, LINE + 1.5), ylim=(row - 0.8, -0.9))
    axes.axis("off")
    figure.subplots_adjust(0, 0, 1, 1)
    for y, head in heads:
        axes.text(0, y, head, fontsize=10, va="center", weight="bold", color=COLORS["ink"])
    for x, y, width, name in boxes:
        frame = {"edgecolor": COLORS["blue"], "facecolor": "#e8f0f7", "linewidth": 0.9}
        axes.add_patch(plt.Rectangle((x, y - 0.65), width, 1.3, **frame))
        style = {"ha": "center", "va": "center", "family": "monospace", "parse_math": False}
        axes.text(x + width / 2, y, name, fontsize=9, color=COLORS["ink"], **style)
    return png(figure)


def check(tokenizer: Tokenizer, sentence: str) -> str:
    """The sentence with line ends as a text field has them; ValueError for what can't be shown."""
    if not isinstance(getattr(tokenizer, "merges", None), list):
        raise ValueError(
            f"a {type(tokenizer).__name__} has no list of merges to step through; "
            "give a trained BPETokenizer"
        )
    if not isinstance(sentence, str) or not sentence:
        raise ValueError(f"the sentence must be a text of at least one character, not {sentence!r}")
    try:
        sentence.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the sentence holds half of a surrogate pair at position {error.start}; remove it"
        ) from None
    return sentence.replace("\r\n", "\n").replace("\r", "\n")
