"""`minigpt grade`: from a folder of what was handed in to a folder of results."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from course import paths, syllabus
from course.checks.engine import Verdict
from course.grading import judging, report, rules, scores, submissions
from course.grading.remote import Zygote, refuse_exposed
from course.grading.sandbox import is_shut_in
from course.grading.submissions import Student, Submission
from course.notebook import chapters

LINUX_ONLY = (
    "grade runs what strangers wrote, and can shut it in on Linux alone; use a Linux machine, a "
    "virtual one or WSL 2"
)
NEEDS_LANDLOCK = (
    "this kernel has no Landlock, or an old one, so what was handed in could read or empty your "
    "files; grade on Linux 6.2 or later, or as root, for whom it runs as the user nobody"
)
NO_LANDLOCK = (
    "This kernel has no Landlock, or an old one: what was handed in ran as the user nobody and "
    "could read every file that all users may read, the course's answers perhaps among them. Grade "
    "on Linux 6.2 or later."
)
UNREAD = "the notebook that was handed in can't be read."


@dataclass(frozen=True)
class Source:
    """What the judging starts from: the solutions of the course, or those of a class."""

    folder: Path
    variant: int | None = None


def refuse_elsewhere() -> None:
    """Raises OSError on a system where what was handed in can't be shut in."""
    if sys.platform != "linux":
        raise OSError(LINUX_ONLY)
    if os.getuid() != 0 and not is_shut_in():
        raise OSError(NEEDS_LANDLOCK)


def source_of(assignment: Path | None) -> Source:
    """The course's own exercises, or those that `minigpt assign` wrote.

    Raises:
        ValueError: the folder is no key of an assignment.
    """
    if assignment is None:
        return Source(paths.SOLUTIONS)
    path = assignment / "assignment.json"
    try:
        seed = json.loads(path.read_text(encoding="utf-8"))["seed"]
    except (OSError, ValueError, KeyError, TypeError):
        seed = None
    if type(seed) is not int:
        text = "hand in the folder `key` that minigpt assign wrote"
        raise ValueError(f"{assignment} holds no assignment.json with a seed; {text}")
    return Source(assignment / "solutions", seed)


def grade(
    folder: Path,
    out: Path,
    roster: Path | None = None,
    weights: Path | None = None,
    assignment: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> scores.Sheet:
    """Grade what was handed in and write the results beside `out`.

    Everything is read before the first answer runs, and written after the last one has.

    Args:
        folder: what was handed in; see `submissions`.
        out: the CSV file; the other results lie beside it.
        roster, weights, assignment: see `submissions.roster`, `rules.load` and `source_of`.
        say: gets a line for each notebook.
    Raises:
        ValueError: something that was given can't be used; OSError: not on Linux, or no file.
    """
    refuse_elsewhere()
    source = source_of(assignment)
    if out.suffix != ".csv":
        raise ValueError(f"--out is {out}; write the name of a .csv file")
    if out.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"--out {out} lies in {folder}; keep results apart from the notebooks")
    given = (folder, out, paths.ROOT / "course" / "checks", source.folder, roster, weights)
    refuse_exposed(place for place in given if place)
    _refuse_unwritable(out)
    notebooks = {path.stem[:2]: judging.load(path) for path in chapters(source.folder)}
    known = {each.number: each.exercises for each in syllabus.load().chapters}
    valued = rules.load(weights, [each for number in notebooks for each in known[number]])
    people = submissions.roster(roster) if roster else []
    stems = [notebooks[number].stem for number in valued.chapters or notebooks]
    handed = submissions.collect(folder, people, stems, valued)
    there = valued.chapters or sorted({each.stem[:2] for each in handed.submissions})
    if not there:
        raise ValueError(f"{folder} holds no notebook of an exercise; see the guide on grading")
    graded = {number: known[number] for number in there}
    judged = _judge_all(handed.submissions, notebooks, valued, source.variant, say)
    rows = _rows(people, handed, judged, valued, graded)
    remarks = [*handed.remarks, *_remarks(valued, handed.submissions, rows)]
    sheet = scores.Sheet(valued, graded, tuple(rows), tuple(remarks))
    for path in report.write(sheet, out):
        say(f"{path} is of nobody in this table, and lay there before; delete it if it is old")
    return sheet


def _refuse_unwritable(out: Path) -> None:
    """Raises OSError before hours of grading, rather than after them."""
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.is_dir():
        raise IsADirectoryError(f"--out {out} is a folder; write the name of a .csv file")
    tempfile.TemporaryFile(dir=out.parent).close()


def _remarks(
    valued: rules.Rules, handed: list[Submission], rows: list[scores.Row]
) -> Iterator[str]:
    """What an instructor should know before they believe the table."""
    if not is_shut_in():
        yield NO_LANDLOCK
    unknown = sum(each.submitted is None for each in handed)
    if valued.due and unknown:
        yield f"{unknown} notebooks have no time in submitted.csv and count as in time"
    for name in sorted(valued.extensions.keys() - {row.student.student for row in rows}):
        yield f"there is an extension for {name}, who is not in the table"


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def can_count(handed: list[Submission], valued: rules.Rules) -> list[Submission]:
    """Of each student and chapter the last notebook, or the first few, of which the best counts."""
    which = slice(-1, None) if valued.attempts == "last" else slice(valued.most_attempts)
    return [each for found in submissions.attempts(handed).values() for each in found[which]]


Judged = dict[str, dict[str, Verdict]]  # by file


def _judge_all(
    handed: list[Submission],
    notebooks: dict[str, judging.Notebook],
    valued: rules.Rules,
    variant: int | None,
    say: Callable[[str], None],
) -> Judged:
    """A verdict on every exercise of every notebook that can count."""
    counting = can_count(handed, valued)
    modules = {name for each in counting for name in notebooks[each.stem[:2]].modules}
    judged = {}
    with Zygote(valued.limits, modules) as zygote, ThreadPoolExecutor(_cores()) as pool:

        def judge(each: Submission) -> dict[str, Verdict]:
            notebook = notebooks[each.stem[:2]]
            wanted = judging.Assignment(notebook.numbers, valued.seed, variant)
            if each.notebook is None:
                return {n: judging.refused(n, "cell", UNREAD) for n in notebook.numbers}
            answers = judging.answers_in(each.notebook, notebook)
            return judging.judge_notebook(zygote, notebook, answers, wanted)

        found = zip(counting, pool.map(judge, counting), strict=True)
        for count, (each, verdicts) in enumerate(found, start=1):
            judged[each.file] = verdicts
            passed = sum(verdict.passed for verdict in verdicts.values())
            file = report.clean(each.file)
            say(f"{count}/{len(counting)} {file}: {passed} of {len(verdicts)} right")
    return judged


def _rows(
    people: list[Student],
    handed: submissions.Handed,
    judged: Judged,
    valued: rules.Rules,
    graded: dict[str, tuple[syllabus.Exercise, ...]],
) -> list[scores.Row]:
    """A row for everybody on the roster and for everybody who handed something in."""
    rows = {each.student: scores.Row(each) for each in people}
    for name in sorted(handed.students - rows.keys()):
        rows[name] = scores.Row(Student(name))
        rows[name].remarks += ["not on the roster"] if people else []
    for (student, stem), found in submissions.attempts(handed.submissions).items():
        rows[student].attempts += len(found)
        rows[student].remarks += [remark for each in found for remark in each.remarks]
        if valued.attempts == "best" and len(found) > valued.most_attempts:
            text = f"{stem}: {len(found)} attempts, of which the first {valued.most_attempts} count"
            rows[student].remarks.append(text)
        chapter = stem[:2]
        attempts = [
            scores.attempt(valued, graded[chapter], each, judged[each.file])
            for each in found
            if each.file in judged
        ]
        if attempts:
            rows[student].chapters[chapter] = scores.counting(valued, attempts)
    for row in rows.values():
        row.chapters = dict(sorted(row.chapters.items()))
        row.remarks += [] if row.attempts else ["nothing handed in"]
    return sorted(rows.values(), key=lambda row: row.student.student)
