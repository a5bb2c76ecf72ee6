"""The catalogue of misconceptions says what learners are told, for every known mistake."""

import re

import pytest
import torch
from markdown_it import MarkdownIt
from twins import twin

from course import catalogue, paths
from course.checks import engine, report
from course.checks.engine import Found, Part, Wrong

CHAPTERS = [path.stem[:2] for path in sorted(paths.SOLUTIONS.glob("[0-9][0-9]_*.ipynb"))]
QUICK = ("00", "05")
SOME = [c if c in QUICK else pytest.param(c, marks=pytest.mark.slow) for c in CHAPTERS]

OWN_LINE = re.compile(r" at `.*?`(?= with )")  # of the learner's answer, where it stops


def told(task, part: Part, answer) -> str:
    """What a learner with this answer reads, on the inputs of a first check."""
    label = f"{task.number}{part.label}"
    generator = torch.Generator().manual_seed(engine.cases_seed(label, 0, None))
    with pytest.raises(Found) as found:
        engine.judge_part(task, part, answer() if part.read else answer, generator)
    return found.value.text


@pytest.mark.parametrize("chapter", SOME)
def test_the_page_says_what_each_mistake_is_told(chapter):
    copies = twin(chapter).EXERCISES
    for number, task in engine.exercises(chapter).items():
        listed = iter(catalogue.mistakes(task))
        for part, copied in zip(task.parts, copies[number].parts, strict=True):
            for wrong in copied.wrong:
                entry = next(listed)
                assert (entry.name, entry.card) == (wrong.name, wrong.exhibit)
                if callable(wrong.hint):
                    line = OWN_LINE.sub("", told(task, part, wrong.answer))
                    assert entry.message == line, f"{number}: {wrong.name}"
        assert next(listed, None) is None


def rows(chapter: str) -> list[list[str]]:
    """The cells of the rendered tables, as a reader sees them."""
    parser = MarkdownIt("commonmark").enable("table")
    found: list[list[str]] = []
    for token in parser.parse(catalogue.markdown(chapter)):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and found and token.level > 3:
            found[-1].append("".join(child.content for child in token.children))
    return found


@pytest.mark.parametrize("chapter", SOME)
def test_every_mistake_and_card_of_a_chapter_is_on_the_page_word_for_word(chapter):
    tasks = engine.exercises(chapter).values()
    expected = [each for task in tasks for each in catalogue.mistakes(task)]
    shown = [cells for cells in rows(chapter) if cells[0] not in ("mistake", "card")]
    for entry, cells in zip(expected, shown, strict=False):
        assert cells[1] == " ".join(entry.message.split()).replace("`", "")
        assert cells[0].endswith(entry.name) and cells[2] == (entry.card or "–")
    cards = {entry.card for entry in expected if entry.card}
    known = report.cards()
    assert {(c[0], c[2].replace("`", "")) for c in shown[len(expected) :]} == {
        (card, known[card][1].replace("`", "")) for card in cards
    }
    assert sum(int(cells[1]) for cells in shown[len(expected) :]) == sum(
        bool(entry.card) for entry in expected
    )


def test_the_catalogue_changes_with_the_checks(monkeypatch):
    task = engine.exercises("04")["4.1"]
    new = Wrong("a new one", lambda: None, "say $this$ | and *that*")
    part = Part("mask", task.parts[0].right, (new,), read=task.parts[0].read)
    changed = engine.Exercise(task.number, task.title, (part,), task.hints)
    monkeypatch.setitem(engine.exercises("04"), "4.1", changed)
    assert "say $this$ | and *that*" in [cells[1] for cells in rows("04")]


def test_a_mistake_that_is_none_is_refused():
    part = Part("one", lambda: 1, (Wrong("right", lambda: 1, lambda args, got, right: "never"),))
    with pytest.raises(ValueError, match="'right' of one gives what is right"):
        catalogue.messages(part, "9.9")


def test_every_chapter_with_checks_has_its_part_of_the_page():
    page = (paths.BOOK / "instructor" / "misconceptions.md").read_text(encoding="utf-8")
    assert [c for c in CHAPTERS if f"```{{course-misconceptions}} {c}\n" in page] == CHAPTERS
