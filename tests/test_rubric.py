"""The rubric's page: marks add up, and its exercises and their right answers are the course's."""

import re
from pathlib import Path

import pytest

from course import syllabus
from course.checks.engine import exercise
from course.grading import rules, scores
from course.paths import ROOT

FOLDER = ROOT / "book" / "instructor"
PAGE, GRADING, HANDOUT = (
    (FOLDER / f"{name}.md").read_text(encoding="utf-8") for name in ("rubric", "grading", "handout")
)
TITLES = {each.id: each.title for c in syllabus.load().chapters for each in c.exercises}
# The typed parts whose values the page prints, by exercise, and how: variable -> format.
PRINTED = {
    "1.6": {
        "table_numbers": "{:,}",
        "characters_in_context": "{:.0f}",
        "loss_per_character": "{:.2f}",
    },
    "7.5": {"pairs_65": "{:.0f}%", "pairs_50257": "{:.0f}%", "head_50257": "{:.0f}%"},
    "8.6": {"bits": "{:.2f}"},
    "8.8": {"break_even": "{:.2f}"},
    "8.9": {"best_step": "{}", "gap": "{:.2f}"},
}


def sections(text: str) -> dict[str, str]:
    """What stands under each heading of the second and third level."""
    pieces = re.split(r"^##+ (.+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def weights(text: str) -> dict[str, int]:
    """The criteria of the table in a section, and what each counts: 1 if nothing is said."""
    found = re.findall(r"^\| \*\*(.+?)\*\*(?: × (\d))? \|", text, re.MULTILINE)
    return {name: int(weight or 1) for name, weight in found}


def wrong_marks(text: str) -> list[str]:
    """Samples whose marks do not add up to what their heading says, or leave a criterion out."""
    wrong, criteria = [], {}
    for heading, body in sections(text).items():
        criteria = weights(body) or criteria
        given = re.fullmatch(r"A \w+ one: (\d+) of (\d+)", heading)
        if not given:
            if points := re.search(r": (\d+) points$", heading):
                wrong += [heading] if int(points[1]) != 3 * sum(criteria.values()) else []
            continue
        pairs = re.findall(r"\*\*([A-Z][\w ]+) (\d)[:.]\*\*", body)
        marks = {name: int(mark) for name, mark in pairs}
        right = marks.keys() == criteria.keys() and max(marks.values()) <= 3
        total = sum(mark * criteria.get(name, 0) for name, mark in marks.items())
        if not right or (total, 3 * sum(criteria.values())) != (int(given[1]), int(given[2])):
            wrong.append(f"{heading}: {marks} make {total}")
    return wrong


def wrong_items(text: str) -> list[str]:
    """Exercises that the course does not have, and right answers that are others."""
    wrong = []
    for heading, body in sections(text).items():
        number, _, title = heading.partition(" ")
        if not re.fullmatch(r"\d\.\d", number):
            continue
        wrong += [heading] if TITLES.get(number) != title else []
        for name, form in PRINTED.get(number, {}).items():
            part = next(each for each in exercise(number).parts if each.name == name)
            value = form.format(part.right())
            wrong += [f"{number}: {name} is {value}"] if value not in body else []
    return wrong


def wrong_handout(text: str) -> list[str]:
    """Questions that the rubric puts otherwise."""
    asked = re.findall(r"^\| (\d\.\d) \| (.+?) \|", text, re.MULTILINE)
    assert asked
    return [
        number
        for number, question in asked
        if f"### {number} " not in PAGE or question.lower() not in PAGE.lower()
    ]


def wrong_shares(text: str, file: Path) -> list[str]:
    """Parts of the grade that do not make 100, and files that do not give their two parts."""
    section = sections(text)["A grade out of 100"]
    shares = {name: int(n) for name, n in re.findall(r"^\| ([\w ]+) \| (\d+) \|", section, re.M)}
    wrong = [] if sum(shares.values()) == 100 else [f"the parts make {sum(shares.values())}"]
    course = [each.exercises for each in syllabus.load().chapters]
    exercises = [each for chapter in course for each in chapter]
    for source in re.findall(r"```yaml\n(.+?)```", section, re.DOTALL):
        file.write_text(source, encoding="utf-8")
        rule = rules.load(file, exercises)
        graded = sum(rule.worth(each) for each in exercises if each.role == "transfer")
        total = sum(scores.best(rule, chapter) for chapter in course)
        given = [round(graded, 6), round(total - graded, 6)]
        wrong += [] if given == [shares["Transfer exercises"], shares["Completion"]] else [source]
        if not rule.completion:  # the file for the core
            wrong += [each.id for each in exercises if each.more and rule.worth(each)]
    return wrong


def test_the_handout_asks_what_the_rubric_marks():
    assert wrong_handout(HANDOUT) == []
    assert wrong_handout(HANDOUT.replace("right neighbours", "best neighbours")) == ["3.4"]


def test_the_parts_of_the_grade_make_a_hundred_as_their_files_say(tmp_path):
    assert wrong_shares(GRADING, tmp_path / "grade.yml") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| Final report | 20", "| Final report | 25"),
        ("write-first: 0.36", "write-first: 0.4"),
        ('"9.5": 3', '"9.5": 4'),
        ('"6.2": 0, ', ""),
        ("completion: 1\n", "completion: 2\n"),
        ("transfer: 1.5", "transfer: 1.6"),
    ],
)
def test_a_mistake_in_the_grade_is_found(old, new, tmp_path):
    assert old in GRADING
    assert wrong_shares(GRADING.replace(old, new), tmp_path / "grade.yml")


def test_samples_are_marked_as_the_rubric_says():
    assert wrong_marks(PAGE) == []


def test_exercises_and_right_answers_are_those_of_the_course():
    assert wrong_items(PAGE) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("one: 26 of 30", "one: 25 of 30"),
        ("**Reason 3:**", "**Reason 2:**"),
        ("**Limits 1:** true", "**Limit 1:** true"),
        ("answer: 12 points", "answer: 16 points"),
        ("× 3 |", "× 2 |"),
        ("### 8.7 The Time Traveller", "### 8.7 Time travel"),
        ("196,608", "196,806"),
        ("0.89 bits", "0.98 bits"),
        ("77%", "76%"),
        ("2.01", "2.10"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_rubric_is_found(old, new):
    assert old in PAGE
    changed = PAGE.replace(old, new)
    assert wrong_marks(changed) + wrong_items(changed)
