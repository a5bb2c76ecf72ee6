"""From verdicts to points: what an attempt earns, which attempt counts, what a student has."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from course import syllabus
from course.checks.engine import Verdict
from course.grading.rules import Rules, chapter_of
from course.grading.submissions import Student, Submission


@dataclass(frozen=True)
class Attempt:
    """One notebook after it was judged."""

    submission: Submission
    verdicts: Mapping[str, Verdict]
    days_late: int
    earned: float  # before anything is taken off
    points: float


@dataclass
class Row:
    """A student: by chapter the attempt that counts, how many there were, and what to say."""

    student: Student
    chapters: dict[str, Attempt] = field(default_factory=dict)
    attempts: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def total(self) -> float:
        """The points of all chapters."""
        return sum(attempt.points for attempt in self.chapters.values())

    def verdict(self, number: str) -> Verdict | None:
        """What was found of an exercise; None where its chapter was not handed in."""
        attempt = self.chapters.get(chapter_of(number))
        return attempt and attempt.verdicts.get(number)


@dataclass(frozen=True)
class Sheet:
    """The whole result: the exercises by chapter, what they are worth, and a row per student."""

    rules: Rules
    chapters: Mapping[str, tuple[syllabus.Exercise, ...]]
    rows: tuple[Row, ...]
    remarks: tuple[str, ...] = ()

    def worth(self, chapter: str) -> float:
        """The most that a chapter can earn."""
        return best(self.rules, self.chapters[chapter])

    @property
    def exercises(self) -> list[syllabus.Exercise]:
        """All of them, in order."""
        return [each for exercises in self.chapters.values() for each in exercises]


def best(rules: Rules, exercises: tuple[syllabus.Exercise, ...]) -> float:
    """The points of a chapter with everything right."""
    return earned(rules, exercises, {each.id for each in exercises})


def earned(rules: Rules, exercises: tuple[syllabus.Exercise, ...], passed: set[str]) -> float:
    """The points for the exercises that are right, and for having worked through the others."""
    points = sum(rules.worth(each) for each in exercises if each.id in passed)
    others = [each.id for each in exercises if rules.worth(each) == 0]
    done = len(passed.intersection(others)) / len(others) if others else 0
    return points + rules.completion * done


def attempt(
    rules: Rules,
    exercises: tuple[syllabus.Exercise, ...],
    submission: Submission,
    verdicts: Mapping[str, Verdict],
) -> Attempt:
    """What one notebook earns."""
    passed = {number for number, verdict in verdicts.items() if verdict.passed}
    chapter = submission.stem[:2]
    days = rules.days_late(chapter, submission.student, submission.submitted)
    points = earned(rules, exercises, passed)
    return Attempt(submission, verdicts, days, points, round(points * rules.kept(days), 2))


def counting(rules: Rules, attempts: list[Attempt]) -> Attempt:
    """The attempt that counts: the last, or the first of those with the most points."""
    if rules.attempts == "last":
        return attempts[-1]
    return max(attempts, key=lambda each: each.points)
