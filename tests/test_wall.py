"""The babble wall: what each model wrote is kept among the learner's own files, and only there."""

import math

import pytest

from course import paths, runs, wall
from course.corpora import Corpus

TEXT = Corpus("shakespeare", "First Citizen:\nBefore we proceed", "a test")
OTHER = Corpus("tinytales", "Ned has a hat.", "a test")


@pytest.fixture
def my(tmp_path, monkeypatch):
    """A learner's own folder, in which the notebook runs."""
    monkeypatch.setattr(paths, "MY", tmp_path / "my")
    monkeypatch.setattr(runs, "RUNS", tmp_path / "runs")
    (tmp_path / "my" / "notebooks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "my" / "notebooks")
    return tmp_path / "my"


def rows(my) -> list[str]:
    lines = (my / "babble.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith(("##", "| ")) and "model" not in line]


def test_every_model_continues_the_first_word_of_the_text():
    assert wall.prompt(TEXT) == "First " and wall.prompt(OTHER) == "Ned "


def test_losses_fall_from_line_to_line_and_a_newer_line_replaces_the_older(my):
    runs.record_rung("bigram", 2 * math.log(2), TEXT, "the the")
    runs.record_rung("uniform", 6 * math.log(2), TEXT, "x;Q")
    runs.record_rung("mini-GPT", math.log(2), TEXT, "first words")
    runs.record_rung("bigram", 3 * math.log(2), TEXT, "an on")
    assert rows(my) == [
        "## shakespeare",
        "| uniform | 6.00 | `x;Q` |",
        "| bigram | 3.00 | `an on` |",
        "| mini-GPT | 1.00 | `first words` |",
    ]


def test_each_text_has_its_own_table(my):
    wall.write_line("uniform", math.log(2), "b", OTHER)
    wall.write_line("uniform", 2 * math.log(2), "a", TEXT)
    assert [row for row in rows(my) if row.startswith("##")] == ["## shakespeare", "## tinytales"]


def test_a_line_can_not_break_the_table(my):
    wall.write_line("uniform", 1.0, "a|b`c\nd", TEXT)
    assert rows(my)[1].endswith("| `a¦bʼc⏎d` |")


def test_nothing_is_kept_where_the_course_runs_its_own_pages(my, monkeypatch):
    monkeypatch.chdir(my.parent)
    runs.record_rung("uniform", 1.0, TEXT, "abc")
    assert not (my / "babble.md").exists() and not (my / "progress.jsonl").exists()
    assert runs.ladder(TEXT) == {"uniform": 1.0}


def test_a_rung_without_a_line_leaves_the_wall_as_it_is(my):
    runs.record_rung("uniform", 1.0, TEXT)
    assert not (my / "babble.md").exists()
