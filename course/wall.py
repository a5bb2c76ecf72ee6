"""The babble wall: every model of the ladder continues the same prompt, one line each.

In a learner's own notebooks the lines are kept among their files and shown in `my/babble.md`.
"""

import math
from pathlib import Path

from course import paths
from course.checks import progress
from course.corpora import Corpus, load_corpus
from course.files import write_atomic

SEED = 1  # of the draws, for every model
LENGTH = 64  # characters that each model writes


def prompt(corpus: Corpus | None = None) -> str:
    """What every model continues: the first word of the text and the space after it."""
    return (corpus or load_corpus()).text.split()[0] + " "


def write_line(rung: str, nats: float, line: str, corpus: Corpus | None = None) -> None:
    """Put what a model wrote on the wall, beside its score; a later line replaces an earlier one.

    Nothing is kept where the notebook does not lie among the learner's own files.

    Args:
        rung: the model's name, such as "bigram".
        nats: its mean surprise per character on the whole validation text.
        line: what it wrote after `prompt(corpus)`.
    """
    if Path.cwd().is_relative_to(paths.MY):
        corpus = corpus or load_corpus()
        progress.note("babble", f"{corpus.name}: {rung}", {"nats": nats, "line": line})
        write_atomic(paths.MY / "babble.md", page(progress.read().babble))


def page(lines: dict[str, dict]) -> str:
    """The wall as Markdown: for each text a table, the best score last."""
    texts: dict[str, list[str]] = {}
    for name, kept in sorted(lines.items(), key=lambda entry: -entry[1]["nats"]):
        corpus, _, rung = name.partition(": ")
        row = f"| {rung} | {kept['nats'] / math.log(2):.2f} | `{shown(kept['line'])}` |"
        texts.setdefault(corpus, []).append(row)
    parts = ["# Your babble wall"]
    for corpus, rows in texts.items():
        head = "| model | bits per character | what it writes |\n|---|---|---|"
        parts.append("\n".join([f"## {corpus}\n", head, *rows]))
    return "\n\n".join(parts) + "\n"


def shown(line: str) -> str:
    """A line as a table's cell can hold it, between backquotes."""
    for character, mark in {"\n": "⏎", "|": "¦", "`": "ʼ"}.items():
        line = line.replace(character, mark)
    return line
