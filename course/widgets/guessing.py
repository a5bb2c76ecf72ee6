"""You against the model: Shannon's guessing game at 20 places of text that no model has seen.

Two outputs, one after the other: a picture, and a piece of HTML whose script takes the picture's
place. Where scripts do not run (print, a notebook JupyterLab does not trust) the picture stays.
All numbers come from guessing.json, which `python -m course.widgets.make_guessing` writes.
"""

import json
import math
from functools import cache
from pathlib import Path
from textwrap import fill as wrap

from matplotlib import pyplot as plt

from course.corpora import load_corpus
from course.figures import COLORS
from course.widgets.page import fill, png, show

TEMPLATE = Path(__file__).with_name("guessing.html")
GAMES = Path(__file__).with_name("guessing.json")
FALLBACK = "tinytales"
TITLES = {"shakespeare": "TinyShakespeare", "tinytales": "TinyTales"}
MODELS = ("bigram", "5-gram", "GPT")
MAX_GUESSES = 5


def guessing_game(corpus_name: str | None = None) -> None:
    """Guess the next character 20 times; your bits per character stand beside three models'.

    Args:
        corpus_name: "shakespeare" or "tinytales"; left out, the text `load_corpus()` gives. For
            any other text the game is TinyTales', and a line in the figure says so.
    """
    name = corpus_name or load_corpus().name
    show(guessing_html(name), guessing_png(name), describe(name))


def guessing_html(corpus_name: str) -> str:
    """The interactive part, as one piece of HTML that asks for nothing from outside itself."""
    name, note = choose(corpus_name)
    data = game(name) | {
        "title": TITLES[name],
        "note": note,
        "alt": f"You against the model: guess {len(game(name)['places'])} characters.",
        "models": list(MODELS),
        "max_guesses": MAX_GUESSES,
        "code": code(name),
    }
    del data["made"], data["rank_counts"]
    return fill(TEMPLATE, "guessing-game", data)


@cache
def _games() -> dict:
    return json.loads(GAMES.read_text(encoding="utf-8"))


def game(name: str) -> dict:
    """One corpus' game.

    Its keys: `passage`, the text; `places`, a list of {"at", "bits"}: the index in the passage of
    a character to guess (what stands before it is what the reader sees) and what each model pays;
    `alphabet`, the characters from the most to the least common; `rank_counts`, how often a
    5-gram's r-th guess was right; `average`, bits on validation text; `made`, how it was made.
    """
    return _games()[name]


def choose(corpus_name: str) -> tuple[str, str]:
    """The corpus to play on, and the line that says so where it is not the one asked for."""
    if corpus_name in _games():
        return corpus_name, ""
    return FALLBACK, f"No game was made for {corpus_name}: this one is from {TITLES[FALLBACK]}."


def code(name: str) -> list[float]:
    """q(r) for r = 1, 2, …: the probability that the r-th guess is right; they add up to 1.

    Counts of how often a 5-gram's r-th guess was right on text it was not counted on, plus 1 each.
    """
    counts = game(name)["rank_counts"]
    return [(count + 1) / (sum(counts) + len(counts)) for count in counts]


def rank_of(name: str, at: int, guesses: str) -> int:
    """Which guess is right at index `at` of the passage, counted from 1.

    After the reader's own guesses come all other characters, the most common first.
    """
    order = list(dict.fromkeys(guesses + game(name)["alphabet"]))
    return order.index(game(name)["passage"][at]) + 1


def reader_bits(name: str, guesses: list[str]) -> list[float]:
    """What a reader pays at each place, −log2 q(r).

    Args:
        guesses: for each place of the game, in order, the characters guessed there.
    """
    places = game(name)["places"]
    ranks = [rank_of(name, p["at"], g) for p, g in zip(places, guesses, strict=True)]
    return [-math.log2(code(name)[rank - 1]) for rank in ranks]


def model_bits(name: str, model: str) -> list[float]:
    """What one of `MODELS` pays at each place, −log2 p."""
    return [place["bits"][model] for place in game(name)["places"]]


def describe(corpus_name: str) -> str:
    """The picture in words."""
    name, note = choose(corpus_name)
    means = [(m, sum(model_bits(name, m)) / len(model_bits(name, m))) for m in MODELS]
    told = ", ".join(f"{model} {mean:.2f}" for model, mean in means)
    places = len(game(name)["places"])
    text = f"Bits per character at {places} places of unseen text from {TITLES[name]}: {told}."
    return f"{text} {note}".strip()


def guessing_png(corpus_name: str) -> bytes:
    """The text up to the first place, and what the models pay on all of them."""
    name, note = choose(corpus_name)
    passage, places = game(name)["passage"], game(name)["places"]
    lines = [wrap(line, 84) for line in (passage[: places[0]["at"]] + "▯").split("\n")]
    text = "\n".join([*lines, *([note] if note else [])])
    height = 0.19 * (text.count("\n") + 1)
    figure, axes = plt.subplots(figsize=(7.6, height + 2.2))
    figure.subplots_adjust(0.1, 0.5 / (height + 2.2), 0.97, 1.3 / (height + 2.2) + 0.12)
    means = [sum(model_bits(name, m)) / len(places) for m in MODELS]
    bars = axes.barh(MODELS, means, color=[COLORS["grey"], COLORS["green"], COLORS["blue"]])
    axes.bar_label(bars, [f"{mean:.2f}" for mean in means], padding=4)
    axes.set(xlabel=f"bits per character at {len(places)} places (lower is better)")
    axes.set(xlim=(0, 1.12 * max(means)))
    axes.invert_yaxis()
    axes.grid(False)
    title = f"Which character comes next? ({TITLES[name]})"
    figure.text(0.02, 0.985, title, va="top", weight="bold")
    style = {"family": "monospace", "fontsize": 9, "va": "top", "parse_math": False}
    figure.text(0.02, 1 - 0.32 / (height + 2.2), text, **style)
    return png(figure)
