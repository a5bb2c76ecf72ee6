"""Finds what was handed in: whose it is, which chapter, which attempt, and when."""

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from nbformat import NotebookNode

from course.grading.rules import Rules, moment
from course.notebook import code_cells, read_notebook

TIMES = "submitted.csv"
LARGEST = 20 * 2**20  # bytes of a notebook; a learner's has some thousand
NAME = re.compile(r"(?:(?P<student>.+)_)?(?P<stem>\d\d_[a-z][a-z_]*?)(?:[- ]*(?:Copy)?\(?\d+\)?)?")
CANVAS = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<rest>.+)")
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file_?(?P<rest>.*)")
HEADING = re.compile(r"# (?:Exercises|Solutions) to chapter (\d\d)\b")


@dataclass(frozen=True)
class Student:
    """A line of the roster; of what is not known, nothing."""

    student: str
    name: str = ""
    email: str = ""
    id_number: str = ""
    canvas_id: str = ""
    sis_user_id: str = ""
    sis_login_id: str = ""
    section: str = ""


@dataclass(frozen=True)
class Submission:
    """One notebook that was handed in, or why it can't be read."""

    student: str
    stem: str  # "04_attention"
    file: str  # its path below the folder
    submitted: datetime | None = None
    notebook: NotebookNode | None = None
    remarks: tuple[str, ...] = ()


@dataclass
class Handed:
    """All that was handed in, in order of attempts, by whom, and what is to be said of files."""

    students: set[str] = field(default_factory=set)
    submissions: list[Submission] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def roster(path: Path) -> list[Student]:
    """Read the roster, a CSV file with a column `student` and any of the others.

    Raises:
        ValueError: an unknown column, no student, or one twice.
    """
    allowed = [each.name for each in fields(Student)]
    rows = _table(path, {"student"}, allowed)
    found = [Student(**{key: (value or "").strip() for key, value in row.items()}) for row in rows]
    names = [each.student for each in found]
    if not all(names):
        raise ValueError(f"{path}, line {names.index('') + 2}: no student")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{path}: {', '.join(twice)} more than once in the column student")
    return found


def _table(path: Path, needed: set[str], allowed: list[str]) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8; save it as CSV UTF-8") from None
    head = text.partition("\n")[0]
    delimiter = ";" if ";" in head and "," not in head else ","  # as spreadsheets of Europe write
    reader = csv.DictReader(io.StringIO(text), restval="", delimiter=delimiter)
    columns = [*(reader.fieldnames or [])]
    for column in columns:
        if column not in allowed:
            raise ValueError(
                f"{path}: no column {column!r} is known; there are {', '.join(allowed)}"
            )
    if missing := needed - {*columns}:
        raise ValueError(f"{path}: the column {', '.join(sorted(missing))} is missing")
    rows = [*reader]
    if any(None in row for row in rows):
        raise ValueError(f"{path}: a line has more entries than there are columns")
    return rows


def collect(folder: Path, known: list[Student], stems: list[str], rules: Rules) -> Handed:
    """Read every notebook below a folder, before anything of it is run.

    Args:
        known: the roster, or nobody.
        stems: the notebooks that are graded, as "04_attention".
    Raises:
        ValueError: no such folder, or its submitted.csv can't be read.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; it holds what was handed in")
    times = _times(folder, rules)
    handed = Handed()
    paths = {path.relative_to(folder).as_posix(): path for path in _below(folder, handed.remarks)}
    people = _People(known, map(PurePosixPath, paths))
    for file, path in sorted(paths.items(), key=lambda pair: _natural(pair[0])):
        if _is_passed_over(PurePosixPath(file)):
            continue
        if path.is_symlink():
            handed.remarks.append(f"{file} is a link, which is not followed")
        elif path.suffix == ".ipynb" and path.is_file():
            _take(handed, path, file, people, stems, times)
        elif path.is_file() and file != TIMES:
            handed.remarks.append(f"{file} is no notebook (.ipynb)")
    unused = sorted(times.keys() - {_composed(each.file) for each in handed.submissions})
    handed.remarks += [f"{TIMES} names {file}, which is not graded" for file in unused]
    # Attempts in the order of time; where that is not known, of their names.
    handed.submissions.sort(key=lambda each: each.submitted.timestamp() if each.submitted else 0)
    return handed


def attempts(handed: list[Submission]) -> dict[tuple[str, str], list[Submission]]:
    """What was handed in by student and notebook, in the order in which it came."""
    found: dict[tuple[str, str], list[Submission]] = {}
    for each in handed:
        found.setdefault((each.student, each.stem), []).append(each)
    return found


def _below(folder: Path, remarks: list[str]) -> list[Path]:
    """Everything in a folder and the folders in it; a remark on those that can't be read."""

    def unread(error: OSError) -> None:
        remarks.append(f"{Path(error.filename).relative_to(folder).as_posix()} can't be read")

    walk = os.walk(folder, onerror=unread)
    return [Path(place, name) for place, folders, files in walk for name in (*folders, *files)]


def _is_passed_over(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _take(
    handed: Handed,
    path: Path,
    file: str,
    people: "_People",
    stems: list[str],
    times: Mapping[str, datetime],
) -> None:
    owner, rest, is_late = _owner(PurePosixPath(file))
    notebook, problem = _read(path)
    stem = _stem(rest, notebook, stems)
    if owner is None:
        handed.remarks.append(f"{file} names no student")
        return
    student = people.find(owner)
    handed.students.add(student)
    if stem is None:
        handed.remarks.append(f"{file} is no chapter that is graded")
        return
    remarks = [f"{file}: {problem}"] if problem else []
    submitted = times.get(_composed(file))
    if is_late and submitted is None:
        remarks.append(f"Canvas marks {file} LATE; {TIMES} does not say since when")
    if notebook:  # in memory stays what may count: no outputs, no pictures
        notebook.cells = [
            NotebookNode(cell_type="code", id=cell.get("id"), source=cell.source)
            for cell in code_cells(notebook)
        ]
    handed.submissions.append(Submission(student, stem, file, submitted, notebook, (*remarks,)))


class Owner(NamedTuple):
    """Whose a file is, as it is named: by Canvas and Moodle with a number too."""

    name: str
    system: str = ""
    id: str = ""


def _owner(file: PurePosixPath) -> tuple[Owner | None, str, bool]:
    """Whose a file is, its name without that, and whether Canvas calls it late."""
    for part in (*file.parts[:-1], file.stem):
        if moodle := MOODLE.fullmatch(part):
            name = moodle["rest"] if part is file.stem else file.stem
            return Owner(moodle["name"], "moodle", moodle["id"]), name, False
    if len(file.parts) > 1:
        return Owner(file.parts[0]), file.stem, False
    if canvas := CANVAS.fullmatch(file.stem):
        owner = Owner(canvas["name"], "canvas", canvas["id"])
        return owner, canvas["rest"], bool(canvas["late"])
    flat = NAME.fullmatch(file.stem)
    return (Owner(flat["student"]) if flat and flat["student"] else None), file.stem, False


def _stem(name: str, notebook: NotebookNode | None, stems: list[str]) -> str | None:
    """Which notebook a file is: by its name, else by its heading."""
    found = NAME.fullmatch(name)
    if found and found["stem"] in stems:
        return found["stem"]
    headings = (HEADING.match(cell.source) for cell in (notebook.cells if notebook else ()))
    numbers = [heading[1] for heading in headings if heading]
    return next((stem for stem in stems if numbers and stem.startswith(numbers[0])), None)


def _read(path: Path) -> tuple[NotebookNode | None, str]:
    try:
        if path.stat().st_size > LARGEST:
            return None, f"larger than {LARGEST // 2**20} MB"
        notebook = read_notebook(path)
        for cell in notebook.cells:
            if not isinstance(cell.source, str):  # as the lines that a notebook is stored in
                cell.source = "".join(cell.source)
            if cell.cell_type not in ("code", "markdown", "raw"):
                raise ValueError("a cell of an unknown kind")
        return notebook, ""
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None, "not a notebook that can be read"


def _times(folder: Path, rules: Rules) -> dict[str, datetime]:
    path = folder / TIMES
    if not path.exists():
        return {}
    found: dict[str, datetime] = {}
    for row in _table(path, {"file", "submitted"}, ["file", "submitted"]):
        file, when = _composed(row["file"].strip()), row["submitted"].strip()
        if not file or file in found:
            what = f"{file} stands there twice" if file else f"no file beside {when}"
            raise ValueError(f"{path}: {what}")
        if len(when) == 10:  # for a due date that is its end, for this it could be any time
            raise ValueError(f"{path}, {file}: {when!r} has no time; write it as {when} 17:59")
        found[file] = moment(f"{path}, {file}", when, rules.timezone)
    return found


def _natural(text: str) -> list:
    """A key that sorts `attempt 10` behind `attempt 2`, and a copy behind the plain name."""
    parts = re.split(r"(\d+)", PurePosixPath(text).with_suffix("").as_posix())
    return [*((int(part), "") if part.isdecimal() else (0, part) for part in parts), (0, text)]


class _People:
    """Finds the line of the roster that a folder or a file name means."""

    def __init__(self, known: list[Student], files: Iterable[PurePosixPath]):
        self.by: dict[str, set[str]] = {}
        self.canvas = {each.canvas_id: each.student for each in known if each.canvas_id}
        for each in known:
            last_first = " ".join(reversed(each.name.split()))
            keys = (each.student, each.email, each.name, each.sis_login_id, last_first)
            for key in filter(None, map(_squashed, keys)):
                self.by.setdefault(key, set()).add(each.student)
        # In Moodle each has a number for each assignment, which no roster knows: two who handed
        # in the same chapter under one name and two numbers are two.
        numbers: dict[tuple[str, str], set[str]] = {}
        for file in files:
            owner, rest, _ = _owner(file)
            if owner and owner.system == "moodle" and file.suffix == ".ipynb":
                found = NAME.fullmatch(rest)
                key = _squashed(owner.name), found["stem"] if found else rest
                numbers.setdefault(key, set()).add(owner.id)
        self.shared = {name for (name, _), ids in numbers.items() if len(ids) > 1}

    def find(self, owner: Owner) -> str:
        """The student meant, or the name itself where that is nobody, or several."""
        if owner.system == "canvas" and owner.id in self.canvas:
            return self.canvas[owner.id]
        key = _squashed(owner.name)
        meant = self.by.get(key, set())
        if owner.system == "canvas":  # whose number is known has another one
            meant = meant - {*self.canvas.values()}
        is_shared = owner.system == "moodle" and (key in self.shared or len(meant) > 1)
        if len(meant) == 1 and not is_shared:
            return next(iter(meant))
        name = _composed(owner.name)
        return f"{name}_{owner.id}" if owner.system == "canvas" or is_shared else name


def _composed(text: str) -> str:
    """A name in one form of Unicode, whichever system wrote it."""
    return unicodedata.normalize("NFC", text)


def _squashed(text: str) -> str:
    return re.sub(r"\W", "", unicodedata.normalize("NFKC", text)).casefold()
