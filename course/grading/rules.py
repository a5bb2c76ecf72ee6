"""What an exercise is worth and what being late costs: `grade.yml`."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from course import syllabus
from course.grading.sandbox import Limits

ROLES = (*syllabus.ROLES, "other")
ATTEMPTS = ("last", "best")


@dataclass(frozen=True)
class Late:
    """What is taken off, in percent of the points, for each day begun, and at most."""

    percent_per_day: float = 10
    maximum: float = 50


@dataclass(frozen=True)
class Rules:
    """How a class is graded; each field is a key of grade.yml, and its default.

    chapters: numbers, such as "04"; none means all that are handed in or have a key. points: by
    role; exercises: those that are worth something else. completion: points for having all
    exercises of a chapter right that give none themselves, in proportion. due: a time, or one for
    each chapter; extensions: a later time by student. grace_minutes: how late is not yet late.
    attempts: which one counts; most_attempts: of a chapter, how many of the first may be the best.
    seed: which inputs are drawn. limits: what an answer may take.
    """

    chapters: tuple[str, ...] = ()
    points: Mapping[str, float] = field(
        default_factory=lambda: {"write-first": 0, "transfer": 10, "other": 0}
    )
    exercises: Mapping[str, float] = field(default_factory=dict)
    completion: float = 0
    due: Mapping[str, datetime] = field(default_factory=dict)  # "" is every other chapter
    timezone: tzinfo = field(default_factory=lambda: ZoneInfo("UTC"))
    late: Late = field(default_factory=Late)
    grace_minutes: float = 0
    attempts: str = "last"
    most_attempts: int = 5
    extensions: Mapping[str, datetime] = field(default_factory=dict)
    seed: int = 1
    limits: Limits = field(default_factory=Limits)

    def worth(self, exercise: syllabus.Exercise) -> float:
        """The points of an exercise."""
        return self.exercises.get(exercise.id, self.points[exercise.role or "other"])

    def days_late(self, chapter: str, student: str, submitted: datetime | None) -> int:
        """How many days have begun since a chapter was due; 0 where nothing is known."""
        due = self.due.get(chapter, self.due.get(""))
        if due is None or submitted is None:
            return 0
        due = max(due, self.extensions.get(student, due)).astimezone(UTC)
        late = submitted.astimezone(UTC) - due - timedelta(minutes=self.grace_minutes)
        return max(0, math.ceil(late / timedelta(days=1)))

    def kept(self, days: int) -> float:
        """The share of the points that is left after so many days."""
        return 1 - min(self.late.percent_per_day * days, self.late.maximum, 100) / 100


def load(path: Path | None, known: Iterable[syllabus.Exercise]) -> Rules:
    """Read grade.yml; without one, the defaults.

    Args:
        known: the exercises that there are.
    Raises:
        ValueError: an unknown key or a value that is none, with what is allowed.
    """
    if path is None:
        return Rules()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML: {error}") from None
    try:
        return _rules(content, known)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _rules(content: object, known: Iterable[syllabus.Exercise]) -> Rules:
    given = _keys("", content, [each.name for each in fields(Rules)])
    found: dict[str, Any] = {}
    for name in ("completion", "grace_minutes"):
        if name in given:
            found[name] = _number(name, given[name])
    if "points" in given:
        points = _keys("points", given["points"], ROLES)
        found["points"] = Rules().points | _numbers("points", points)
    if "exercises" in given:
        numbers = _keys("exercises", given["exercises"], [each.id for each in known])
        found["exercises"] = _numbers("exercises", numbers)
    for name, kind in (("late", Late), ("limits", Limits)):
        if name in given:
            keys = _keys(name, given[name], [each.name for each in fields(kind)])
            found[name] = kind(**_numbers(name, keys))
    for name, least in (("seed", 0), ("most_attempts", 1)):
        if name in given:
            found[name] = _whole(name, given[name], least)
    if "attempts" in given and given["attempts"] not in ATTEMPTS:
        raise ValueError(f"attempts is {given['attempts']!r}; write {' or '.join(ATTEMPTS)}")
    found["attempts"] = given.get("attempts", "last")
    found["chapters"] = _chapters(given.get("chapters") or (), known, "chapters")
    return Rules(**found | _times(given, known))


def _times(given: Mapping[str, Any], known: Iterable[syllabus.Exercise]) -> dict[str, Any]:
    zone = given.get("timezone", "UTC")
    try:
        timezone = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ValueError(f"timezone {zone!r} is none; write a name such as Europe/Berlin") from None
    due = given.get("due")
    due = due if isinstance(due, dict) else {} if due is None else {"": due}
    _chapters([chapter for chapter in due if chapter], known, "due")
    extensions = given.get("extensions") or {}
    if not isinstance(extensions, dict):
        raise ValueError(f"extensions is {extensions!r}; write lines `student: time`")
    return {
        "timezone": timezone,
        "due": {_chapter(key): moment(f"due {key}", v, timezone) for key, v in due.items()},
        "extensions": {
            str(student): moment(f"extensions, {student}", each, timezone)
            for student, each in extensions.items()
        },
    }


def moment(name: str, value: object, timezone: tzinfo) -> datetime:
    """A point in time; a date alone is its last second, a time without a zone is in this one.

    Raises:
        ValueError: it is none.
    """
    try:
        if isinstance(value, str):
            value = value.strip()
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time(23, 59, 59))
        if not 1970 <= value.year < 9999:  # a zone may not carry it over the calendar's end
            raise ValueError
        return value if value.tzinfo else value.replace(tzinfo=timezone)
    except (ValueError, AttributeError):
        text = "write a time such as 2027-03-01 23:59, or a date"
        raise ValueError(f"{name} is {value!r}; {text}") from None


def chapter_of(number: str) -> str:
    """The chapter of an exercise: "4.2" -> "04"."""
    return _chapter(number.partition(".")[0])


def _chapter(value: object) -> str:
    """A chapter as "04", whatever YAML made of it (08 is a text there, 04 the number 4)."""
    return f"{int(value):02d}" if str(value).isdigit() else str(value)


def _chapters(value: object, known: Iterable[syllabus.Exercise], name: str) -> tuple[str, ...]:
    there = sorted({chapter_of(each.id) for each in known})
    wanted = [_chapter(each) for each in (value if isinstance(value, (list, tuple)) else [value])]
    for each in wanted:
        if each not in there:
            raise ValueError(f"{name}: there is no {each!r}; there are {', '.join(there)}")
    return tuple(sorted(wanted))


def _keys(name: str, content: object, allowed: Iterable[str]) -> dict[str, Any]:
    place = f"{name}: " if name else ""
    if not isinstance(content, dict):
        raise ValueError(f"{place}expected `key: value` lines with {', '.join(allowed)}")
    content = {str(key): value for key, value in content.items()}
    for key in content:
        if key not in allowed:
            raise ValueError(f"{place}there is no {key!r}; there are {', '.join(allowed)}")
    return content


def _numbers(name: str, content: Mapping[str, object]) -> dict[str, float]:
    return {key: _number(f"{name}, {key}", value) for key, value in content.items()}


def _number(name: str, value: object) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value < math.inf:
        raise ValueError(f"{name} is {value!r}; write a number from 0")
    return value


def _whole(name: str, value: object, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value!r}; write a whole number from {least}")
    return value
