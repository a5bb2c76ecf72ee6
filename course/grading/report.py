"""Writes the results: for the instructor, for the systems they import into, for each student.

No file holds a date or a duration, so that grading again gives the same bytes.
"""

import csv
import io
import re
import statistics
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from course import syllabus
from course.checks.engine import Verdict
from course.files import write_atomic
from course.grading.rules import chapter_of
from course.grading.scores import Row, Sheet

FORMULA = ("=", "+", "-", "@")  # how a cell begins that a spreadsheet computes
DIAGNOSES = {
    "unwritten": "not written yet",
    "cell": "not there, or stopped by a cell before it",
    "ended": "ends its own program",
    "timeout": "never ends",
    "files": "writes too many files",
    "values": "gives what can't be looked at",
    "exception": "stops with an error",
    "reference": "calls what it is compared with",
    "changed": "changes its input",
    "mode": "leaves a model in another mode",
    "none": "returns nothing",
    "type": "gives another kind of value",
    "shape": "gives another shape",
    "unknown": "wrong in no known way",
}


def write(sheet: Sheet, out: Path) -> list[Path]:
    """Write all results beside `out`, each file whole or not at all.

    Returns:
        Feedback that lay there already and is of nobody in this sheet; nothing of it is deleted.
    """
    texts = {
        out: grades(sheet),
        out.with_suffix(".xml"): junit(sheet),
        out.with_name(f"{out.stem}-summary.md"): summary(sheet),
        out.with_name(f"{out.stem}-canvas.csv"): canvas(sheet),
        out.with_name(f"{out.stem}-moodle.csv"): moodle(sheet),
    }
    texts |= {
        out.parent / "feedback" / f"{name}.txt": feedback(sheet, row)
        for name, row in zip(_file_names(sheet.rows), sheet.rows, strict=True)
    }
    for path, text in texts.items():
        write_atomic(path, text)
    return sorted({*(out.parent / "feedback").glob("*.txt")} - texts.keys())


def grades(sheet: Sheet) -> str:
    """The table of the class: a row for each student, a column for each exercise."""
    head = ["student", "name", "email", *(each.id for each in sheet.exercises)]
    head += [f"chapter {c} (of {_number(sheet.worth(c))})" for c in sheet.chapters]
    most = sum(sheet.worth(chapter) for chapter in sheet.chapters)
    head += [f"total (of {_number(most)})", "right", "late", "attempts", "remarks"]
    rows = [head]
    for row in sheet.rows:
        who = [row.student.student, row.student.name, row.student.email]
        marks = [_mark(sheet, row, exercise) for exercise in sheet.exercises]
        points = [_points(row, chapter) for chapter in sheet.chapters]
        passed = sum(_is_right(row.verdict(each.id)) for each in sheet.exercises)
        rest = [_number(row.total), f"{passed} of {len(sheet.exercises)}", _late(sheet, row)]
        rows.append([*who, *marks, *points, *rest, str(row.attempts), "; ".join(row.remarks)])
    return _table(rows)


def _is_right(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.passed


def _mark(sheet: Sheet, row: Row, exercise: syllabus.Exercise) -> str:
    """What an exercise earned before lateness; one that earns nothing is done or open."""
    verdict = row.verdict(exercise.id)
    worth = sheet.rules.worth(exercise)
    if verdict is None:
        return ""
    if worth == 0:
        return "done" if verdict.passed else "open"
    return _number(worth if verdict.passed else 0)


def _points(row: Row, chapter: str) -> str:
    return _number(row.chapters[chapter].points) if chapter in row.chapters else ""


def _late(sheet: Sheet, row: Row) -> str:
    return ", ".join(
        f"{chapter}: {_days(each.days_late)}, {_number(100 * sheet.rules.kept(each.days_late))} %"
        for chapter, each in row.chapters.items()
        if each.days_late
    )


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _table(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(each) for each in row] for row in rows)
    return text.getvalue()


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, in one line."""
    text = clean(text)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def clean(text: str) -> str:
    """A text without what can't be printed, or can't stand in a file of UTF-8 or XML."""
    return "".join(c if c.isprintable() else " " for c in text)


def canvas(sheet: Sheet) -> str:
    """What Canvas's gradebook imports: a column for each chapter, and the row of their points."""
    titles = _titles(sheet)
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *titles.values()]]
    worth = [_number(sheet.worth(chapter)) for chapter in titles]
    rows.append(["Points Possible", "", "", "", "", *worth])
    for row in sheet.rows:
        who = row.student
        names = [who.name or who.student, who.canvas_id, who.sis_user_id, who.sis_login_id]
        rows.append([*names, who.section, *(_points(row, chapter) for chapter in titles)])
    return _table(rows)


def moodle(sheet: Sheet) -> str:
    """What Moodle's grade import maps: email address or ID number, a column for each chapter."""
    titles = _titles(sheet)
    rows = [["Full name", "Email address", "ID number", *titles.values()]]
    for row in sheet.rows:
        who = row.student
        points = [_points(row, chapter) for chapter in titles]
        rows.append([who.name or who.student, who.email, who.id_number, *points])
    return _table(rows)


def _titles(sheet: Sheet) -> dict[str, str]:
    titles = {each.number: each.title for each in syllabus.load().chapters}
    return {chapter: f"Chapter {chapter} {titles[chapter]}" for chapter in sheet.chapters}


def junit(sheet: Sheet) -> str:
    """The results in the form of a test report: a suite for each student."""
    suites = ET.Element("testsuites", name="minigpt grade")
    for row in sheet.rows:
        suite = ET.SubElement(suites, "testsuite", name=clean(row.student.student))
        counts = Counter()
        for exercise in sheet.exercises:
            verdict = row.verdict(exercise.id)
            name = f"{exercise.id} {exercise.title}"
            case = ET.SubElement(suite, "testcase", classname=chapter_of(exercise.id), name=name)
            if verdict is None:
                ET.SubElement(case, "skipped", message="not handed in")
            elif not verdict.passed:
                ET.SubElement(case, "failure", message=clean(verdict.message), type=_why(verdict))
            counts["tests"] += 1
            counts["skipped"] += verdict is None
            counts["failures"] += verdict is not None and not verdict.passed
        suite.attrib.update({key: str(counts[key]) for key in ("tests", "failures", "skipped")})
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=False) + "\n"


def _why(verdict: Verdict) -> str:
    return clean(verdict.diagnosis or "unknown")


def summary(sheet: Sheet) -> str:
    """The class: what is left to explain, what nobody solved, and how the points lie."""
    parts = ["# The class", _overview(sheet), "## What went wrong, and how often", _wrong(sheet)]
    nobody = [each for each in sheet.exercises if _handed(sheet, each) and not _solved(sheet, each)]
    parts += ["## What nobody solved", _listed(f"{e.id} {e.title}" for e in nobody)]
    remarks = [f"{r.student.student}: {text}" for r in sheet.rows for text in r.remarks]
    parts += ["## Files and students to look at", _listed([*sheet.remarks, *remarks])]
    return clean_lines("\n\n".join(parts)).replace("<", "&lt;") + "\n"


def clean_lines(text: str) -> str:
    """A text of several lines without anything else that can't be printed."""
    return "\n".join(map(clean, text.split("\n")))


def _overview(sheet: Sheet) -> str:
    lines = ["| chapter | handed in | median | of |", "|---|---|---|---|"]
    for chapter, title in _titles(sheet).items():
        points = [row.chapters[chapter].points for row in sheet.rows if chapter in row.chapters]
        median = _number(statistics.median(points)) if points else ""
        worth = _number(sheet.worth(chapter))
        lines.append(f"| {title} | {len(points)} of {len(sheet.rows)} | {median} | {worth} |")
    return "\n".join(lines)


def _handed(sheet: Sheet, exercise: syllabus.Exercise) -> list[Verdict]:
    found = (row.verdict(exercise.id) for row in sheet.rows)
    return [verdict for verdict in found if verdict is not None]


def _solved(sheet: Sheet, exercise: syllabus.Exercise) -> int:
    return sum(verdict.passed for verdict in _handed(sheet, exercise))


def _wrong(sheet: Sheet) -> str:
    """By exercise, the most frequent first: the mistake, its card, how many, what was said."""
    lines = ["| exercise | right | mistake | card | how many | the check's line |"]
    lines.append("|---|---|---|---|---|---|")
    for exercise in sheet.exercises:
        verdicts = _handed(sheet, exercise)
        failed = [verdict for verdict in verdicts if not verdict.passed]
        kinds = Counter((_why(verdict), verdict.exhibit) for verdict in failed)
        solved = f"{_solved(sheet, exercise)} of {len(verdicts)}"
        for (why, card), count in sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0])):
            said = Counter(v.message for v in failed if (_why(v), v.exhibit) == (why, card))
            line = min(said, key=lambda text: (-said[text], text))
            name = f"{exercise.id} {exercise.title}"
            cells = [name, solved, DIAGNOSES.get(why, why), card or "–", str(count), line]
            lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) if len(lines) > 2 else "Nothing."


def _listed(items: Iterable[str]) -> str:
    return "\n".join(f"- {clean(item)}" for item in items) or "Nothing."


def feedback(sheet: Sheet, row: Row) -> str:
    """What one student gets to read."""
    lines = [clean(row.student.name or row.student.student), ""]
    for chapter, title in _titles(sheet).items():
        lines.append(title)
        attempt = row.chapters.get(chapter)
        if attempt is None:
            lines += ["  nothing handed in", ""]
            continue
        for exercise in sheet.chapters[chapter]:
            worth = sheet.rules.worth(exercise)
            mark = _mark(sheet, row, exercise)
            points = f" ({mark} of {_number(worth)} points)" if worth else ""
            lines.append(f"  {attempt.verdicts[exercise.id].message}{points}")
        if attempt.days_late:
            kept = _number(100 * sheet.rules.kept(attempt.days_late))
            lines.append(f"  {_days(attempt.days_late)} late: {kept} % of the points are kept")
        lines += [f"  {_number(attempt.points)} of {_number(sheet.worth(chapter))} points", ""]
    return clean_lines("\n".join([*lines, *map(clean, row.remarks)]).rstrip()) + "\n"


def _file_names(rows: Iterable[Row]) -> list[str]:
    """A file name for each student that is one on every system, and no two alike."""
    taken: Counter[str] = Counter()
    names = []
    for row in rows:
        name = re.sub(r"[^\w.@-]+", "_", row.student.student).strip("._")[:80] or "student"
        taken[name.casefold()] += 1
        count = taken[name.casefold()]
        names.append(name if count == 1 else f"{name}~{count}")
    return names
