"""Surprise colours: a text coloured by a model's bits per character, with its likeliest guesses.

Two outputs, one after the other: a picture, and a piece of HTML whose script takes the picture's
place. Where scripts do not run (print, a notebook JupyterLab does not trust) the picture stays.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from matplotlib import pyplot as plt
from torch import Tensor, nn

from course.figures import COLORS, glyph, visible
from course.widgets.page import fill, png, show

TEMPLATE = Path(__file__).with_name("surprise.html")
NUM_GUESSES = 5
BATCH = 64  # blocks at a time, as many as minigpt_lib.train.evaluate takes
LONGEST = 5000  # characters of a text to colour
EDGES = [0.5, 1, 2, 4, 6]  # bits per character where one colour ends and the next begins
# One hue from light to dark, so that the order survives grey print and any kind of colour vision;
# on a dark page from dark to light. Each ground with the colour of the text on it.
LIGHT = [
    *(("#f3f7fb", "#1b1b1b"), ("#d3e4f3", "#1b1b1b"), ("#a9cbe8", "#1b1b1b")),
    *(("#6fa8d8", "#1b1b1b"), ("#1f69a8", "#ffffff"), ("#083a66", "#ffffff")),
]
DARK = [
    *(("#24282c", "#ececec"), ("#173a5a", "#ececec"), ("#1c5788", "#ececec")),
    *(("#5c9cd0", "#101010"), ("#9ecbf0", "#101010"), ("#e0f0fd", "#101010")),
]
COLUMNS, ROWS = 76, 30  # of the picture, in letters and lines


class Tokenizer(Protocol):
    """What the figure needs of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Text to ids."""

    def decode(self, ids: list[int]) -> str:
        """Ids to text; � for bytes that make no character."""


class Surprise(NamedTuple):
    """What a model makes of one token of a text."""

    token: int  # its id
    bits: float | None  # −log2 of the probability it was given; None for the text's first token
    seen: int  # how many tokens the model had to go by: those before it in its block
    guesses: list[tuple[int, float]]  # the likeliest ids and their probabilities, likeliest first


class Unit(NamedTuple):
    """The shortest piece of text that is made of whole tokens and whole characters."""

    text: str
    tokens: list[Surprise]  # more than one where a character is made of several tokens

    @property
    def bits(self) -> float | None:
        """Bits of its tokens together; None where none was scored."""
        scored = [one.bits for one in self.tokens if one.bits is not None]
        return sum(scored) if scored else None

    @property
    def level(self) -> int | None:
        """Which colour it has, from 0; None where it was not scored."""
        if self.bits is None:
            return None
        return sum(self.bits / max(1, len(self.text)) >= edge for edge in EDGES)


def surprise_colours(
    model: nn.Module, tokenizer: Tokenizer, text: str, alt: str | None = None
) -> None:
    """Colour a text by how much each character surprises the model.

    Args:
        model: called as model(ids (B, T)) -> (logits (B, T, V), _), with .config.context_length.
        tokenizer: with encode and decode, the one the model was trained with.
        text: at least two tokens and at most `LONGEST` characters.
        alt: what the figure shows, in words; made from the numbers if left out.
    Raises:
        ValueError: the text is too short or too long, or the tokenizer can't encode it.
    """
    pieces = list(units(surprises(model, tokenizer, check(text)), tokenizer))
    alt, length = alt or describe(pieces), model.config.context_length
    show(surprise_html(pieces, tokenizer, length, alt), surprise_png(pieces), alt)


@torch.no_grad()
def surprises(model: nn.Module, tokenizer: Tokenizer, text: str) -> list[Surprise]:
    """A model's bits for each token of a text, and its guesses in that token's place.

    The text is read as `minigpt_lib.train.evaluate` reads it: in blocks of the model's
    context_length that do not overlap; the first token is not scored. So the bits add up to
    evaluate's nats per token · (n − 1) / ln 2, for n tokens. The model is left in the mode
    (training or not) that it came in.

    Args:
        model: called as model(ids (B, T)) -> (logits (B, T, V), _), with .config.context_length.
        tokenizer: with encode and decode.
        text: at least two tokens.
    Returns:
        one for each of the n tokens, in order; probabilities of up to `NUM_GUESSES` guesses,
        of equal ones those with the smallest id.
    Raises:
        ValueError: the text is less than two tokens.
    """
    ids = torch.tensor(tokenizer.encode(text), dtype=torch.long)  # (n,)
    if len(ids) < 2:
        raise ValueError(
            f"the text is {len(ids)} tokens long; at least 2 are needed, the first is not scored"
        )
    T, was_training = model.config.context_length, model.training
    found = [Surprise(int(ids[0]), None, 0, [])]
    try:
        model.eval()
        for x, y in _blocks(ids, T):
            logits = model(x.to(next(model.parameters()).device))[0]  # (B, T, V)
            found += _scored(logits.cpu().double().log_softmax(-1), y)
    finally:
        model.train(was_training)
    return found


def _blocks(ids: Tensor, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets, (B, T) each: full blocks, then what is left as one shorter block."""
    full = (len(ids) - 1) // length * length
    inputs, targets = ids[:full].view(-1, length), ids[1 : full + 1].view(-1, length)  # (B, T)
    blocks = [*zip(inputs.split(BATCH), targets.split(BATCH), strict=True)]
    blocks.append((ids[None, full:-1], ids[None, full + 1 :]))  # (1, T)
    yield from ((x, y) for x, y in blocks if y.numel() > 0)


def _scored(log_probabilities: Tensor, targets: Tensor) -> Iterator[Surprise]:
    """For log probabilities (B, T, V) and targets (B, T), in order of the text."""
    nats = -log_probabilities.gather(-1, targets[..., None])[..., 0]  # (B, T)
    best, order = log_probabilities.sort(dim=-1, descending=True, stable=True)
    best, order = best[..., :NUM_GUESSES].exp(), order[..., :NUM_GUESSES]  # (B, T, 5)
    for row in range(len(targets)):
        numbers = (targets[row], nats[row] / math.log(2), order[row], best[row])
        for seen, (target, bits, guessed, p) in enumerate(
            zip(*(one.tolist() for one in numbers), strict=True), start=1
        ):
            yield Surprise(target, bits, seen, list(zip(guessed, p, strict=True)))


def units(found: list[Surprise], tokenizer: Tokenizer) -> Iterator[Unit]:
    """The text in its smallest pieces of whole tokens and whole characters, in order."""
    ids = [one.token for one in found]
    text = tokenizer.decode(ids)
    begin = at = 0  # of what is not handed over yet: its first token, its first character
    for end in range(1, len(ids) + 1):
        piece = tokenizer.decode(ids[begin:end])
        if not text.startswith(piece, at):
            continue  # it ends inside of a character
        if "\ufffd" in piece and tokenizer.decode(ids[end:]) != text[at + len(piece) :]:
            continue  # a � of the text's own, of which this is the first part
        yield Unit(piece, found[begin:end])
        begin, at = end, at + len(piece)
    if begin < len(ids):
        yield Unit(text[at:], found[begin:])


def mean_bits(pieces: list[Unit]) -> tuple[float, int]:
    """Mean bits per character, and over how many characters: those that end in a scored token."""
    scored = [piece for piece in pieces if piece.bits is not None]
    characters = sum(len(piece.text) for piece in scored)
    return sum(piece.bits for piece in scored) / max(1, characters), characters


def describe(pieces: list[Unit]) -> str:
    """The figure in words: the text, the mean, and what surprised most."""
    mean, characters = mean_bits(pieces)
    scored = [piece for piece in pieces if piece.bits is not None]
    most = max(scored, key=lambda one: one.bits / max(1, len(one.text)))
    text = visible("".join(piece.text for piece in pieces))
    return (
        f"A text coloured by the model's surprise, {mean:.2f} bits per character on average over "
        f"{characters} characters; the most surprising is “{visible(most.text)}” with "
        f"{most.bits:.2f} bits. It begins: {text[:60]}{'…' if len(text) > 60 else ''}"
    )


def surprise_html(pieces: list[Unit], tokenizer: Tokenizer, context_length: int, alt: str) -> str:
    """The interactive part, as one piece of HTML that asks for nothing from outside itself.

    Args:
        pieces: as `units` gives them.
        tokenizer: names the guesses.
        context_length: of the model, in tokens.
        alt: what the figure shows, in words.
    """
    ids = sorted({i for piece in pieces for one in piece.tokens for i, _ in one.guesses})
    place = {i: number for number, i in enumerate(ids)}
    mean, characters = mean_bits(pieces)
    data = {
        "alt": alt,
        "units": [
            {
                "text": piece.text,
                "bits": [_short(one.bits) for one in piece.tokens],
                "level": piece.level,
                "seen": piece.tokens[0].seen,
                "true": place.get(piece.tokens[0].token, -1),
                "guesses": [[place[i], _short(p)] for i, p in piece.tokens[0].guesses],
            }
            for piece in pieces
        ],
        "names": [name(tokenizer, i) for i in ids],
        "mean": _short(mean),
        "characters": characters,
        "context": context_length,
        "edges": EDGES,
        "light": LIGHT,
        "dark": DARK,
    }
    return fill(TEMPLATE, "surprise-colours", data)


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, 7)


def name(tokenizer: Tokenizer, token: int) -> str:
    """How to show one token: its characters with marks for white space, or that it is a part."""
    text = tokenizer.decode([token])
    return f"part {token}" if "\ufffd" in text or not text else visible(text)


def surprise_png(pieces: list[Unit]) -> bytes:
    """The text with the ground of each character coloured, up to `ROWS` lines, and the legend."""
    boxes, column, row = [], 0.0, 0
    for piece in pieces:
        for character in piece.text:
            sign = glyph(character)
            if column + len(sign) > COLUMNS:
                column, row = 0.0, row + 1
            boxes.append((column, row, sign, piece.level))
            column, row = (0.0, row + 1) if character == "\n" else (column + len(sign), row)
    if row >= ROWS:
        boxes = [box for box in boxes if box[1] < ROWS] + [(0.0, ROWS, "…", None)]
    height = boxes[-1][1] + 1
    figure, axes = plt.subplots(figsize=(8.2, 0.25 * (height + 3.4)), layout="none")
    figure.subplots_adjust(0, 0, 1, 1)
    axes.set(xlim=(-1, COLUMNS + 1), ylim=(height + 0.2, -3.2))
    axes.axis("off")
    mean, characters = mean_bits(pieces)
    told = f"{mean:.2f} bits per character, mean of {characters}"
    axes.text(0, -2.6, told, fontsize=11, weight="bold", va="center", color=COLORS["ink"])
    names = [f"< {EDGES[0]:g}", *map("{:g}–{:g}".format, EDGES, EDGES[1:]), f"≥ {EDGES[-1]:g} bits"]
    for level, label in enumerate(names):
        boxes.append((8.0 * level, -1.4, label.center(8), level))
    for x, y, sign, level in boxes:
        ground, ink = ("none", COLORS["ink"]) if level is None else LIGHT[level]
        axes.add_patch(plt.Rectangle((x, y - 0.5), len(sign), 1, facecolor=ground, linewidth=0))
        style = {"ha": "center", "va": "center", "family": "monospace", "parse_math": False}
        axes.text(x + len(sign) / 2, y, sign, fontsize=10, color=ink, **style)
    return png(figure)


def check(text: str) -> str:
    """The text; ValueError if it is none, or longer than a figure can be."""
    if not isinstance(text, str):
        raise ValueError(f"the text to colour must be a str, not {type(text).__name__}")
    if len(text) > LONGEST:
        raise ValueError(
            f"the text has {len(text)} characters; at most {LONGEST} can be coloured, give a part"
        )
    return text
