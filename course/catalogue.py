"""The catalogue of misconceptions: every mistake that the checks know, as the instructors' page.

It is read from `course.checks` whenever the book is rendered, so it can't fall behind them.
"""

import copy
import re
from collections import Counter
from dataclasses import dataclass

import torch

from course.checks import engine, report
from course.checks.engine import Exercise, Part, Wrong
from course.syllabus import Chapter, load

CODE = re.compile(r"(`[^`]+`)")
SPECIAL = re.compile(r"([\\*_\[\]<>$|{}#~])")  # what Markdown would take for a mark


@dataclass(frozen=True)
class Mistake:
    """A known mistake: its part ("4.6a"), its name, what a learner is told, and its card."""

    part: str
    name: str
    message: str
    card: str


def markdown(number: str) -> str:
    """The catalogue of one chapter: its mistakes by exercise, then the cards that they turn.

    Args:
        number: of the chapter, "4" or "04".
    Raises:
        ValueError: no such chapter, or one without checks.
    """
    tasks = engine.exercises(number)
    chapter = next(each for each in load().chapters if int(each.number) == int(number))
    found = [(task, mistakes(task)) for task in tasks.values()]
    every = [each for _, listed in found for each in listed]
    turned = Counter(each.card for each in every if each.card)
    lines = [f"{len(found)} exercises, {len(every)} known mistakes, {len(turned)} cards."]
    for task, listed in found:
        lines += ["", *_exercise(chapter, task, listed)]
    known = report.cards()
    lines += ["", "| card | mistakes | what it says |", "|---|--:|---|"]
    lines += [f"| {card} | {n} | {_plain(known[card][1])} |" for card, n in turned.most_common()]
    return "\n".join(lines)


def _exercise(chapter: Chapter, task: Exercise, listed: list[Mistake]) -> list[str]:
    """An exercise's table, under its title."""
    link = f"[{task.number}](../../exercises/{chapter.notebook}.ipynb)"
    title = [f"**{link} {_plain(task.title)}** · {len(listed)} known mistakes", ""]
    table = ["| mistake | what the check says | card |", "|---|---|---|"]
    for each in listed:
        part = f"{each.part.removeprefix(task.number)}: " if each.part != task.number else ""
        table.append(f"| {part}{_plain(each.name)} | {_plain(each.message)} | {each.card or '–'} |")
    return title + (table if listed else [])


def _plain(text: str) -> str:
    """A text for a cell of a table: as it is, with what stands in backticks as code."""
    parts = CODE.split(" ".join(text.split()))
    parts[::2] = [SPECIAL.sub(r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [part.replace("|", r"\|") for part in parts[1::2]]
    return "".join(parts)


def mistakes(task: Exercise) -> list[Mistake]:
    """Every known mistake of an exercise, in the order in which its check tries them."""
    found = []
    for part in task.parts:
        label = f"{task.number}{part.label}"
        told = messages(part, label)
        pairs = zip(part.wrong, told, strict=True)
        found += [Mistake(label, wrong.name, text, wrong.exhibit) for wrong, text in pairs]
    return found


def messages(part: Part, label: str) -> list[str]:
    """What each known mistake of a part is told, on the inputs that a first check draws.

    Args:
        label: which part it is, "4.6a".
    """
    if not any(callable(wrong.hint) for wrong in part.wrong):
        return [wrong.hint for wrong in part.wrong]
    with torch.random.fork_rng(devices=[]):
        generator = torch.Generator().manual_seed(engine.cases_seed(label, 0, None))
        cases = part.cases(generator)
        rights = [part.use(part.right, copy.deepcopy(case)) for case in cases]
        return [_message(part, wrong, cases, rights) for wrong in part.wrong]


def _message(part: Part, wrong: Wrong, cases: list[tuple], rights: list) -> str:
    """A hint, filled from the first case on which the mistake shows.

    Raises:
        ValueError: it shows on none.
    """
    if not callable(wrong.hint):
        return wrong.hint
    torch.manual_seed(0)
    for case, right in zip(cases, rights, strict=True):
        got = engine.value(part, wrong.answer, case)
        if not engine.same(got, right):
            return wrong.hint(case, got, right)
    raise ValueError(f"the known mistake {wrong.name!r} of {part.name} gives what is right")
