"""Who in a class is ready: the files that `minigpt doctor --out` writes, read side by side."""

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from course import doctor
from course.files import write_atomic

FORMAT = 1
AGAIN = "ask for a new one: minigpt doctor --out report.json --name NAME"
# What to do where a check found something that keeps a learner from working.
MEND = {
    "python": "use Python 3.11, 3.12 or 3.13",
    "packages": "install {packages}",
    "torch_build": "install torch",
    "memory": "close other programs: {memory_gb} GB of memory free, 2 needed",
    "disk": "make room: {disk_gb} GB of disk free, 1 needed",
    "folders": "set MINIGPT_RUNS_DIR and MINIGPT_MY_DIR to folders that can be written to",
    "text": "unset MINIGPT_CORPUS, or name another text",
    "kernel": "python -m ipykernel install --sys-prefix",
    "speed": "train before class, or with --steps 500",
}
# Remarks that need nothing done in class: a large torch, TinyTales, the learner's own library.
HARMLESS = ("torch_build", "text", "mine")


@dataclass(frozen=True)
class Report:
    """What the doctor found on one machine; nothing in it says whose, but the name given.

    marks: check -> ✓, ! or ✗; missing, other: packages; text: the corpus, "own" for a learner's;
    seconds_per_step, steps: of the training in chapter 08. What can't be found out is None.
    """

    name: str
    machine: str
    python: str
    marks: dict
    missing: list
    other: list
    text: str | None
    memory_gb: float | None
    disk_gb: float | None
    seconds_per_step: float | None
    steps: int | None

    @property
    def is_ready(self) -> bool:
        """Whether nothing essential is missing."""
        return doctor.BAD not in self.marks.values()

    @property
    def training(self) -> float:
        """Seconds that the training in chapter 08 takes; 0 if unknown."""
        return (self.seconds_per_step or 0) * (self.steps or 0)

    def mending(self) -> list[str]:
        """What to do, the essential first."""
        values = asdict(self) | {"packages": ", ".join(self.missing or self.other)}
        order = sorted(self.marks, key=lambda check: self.marks[check] != doctor.BAD)
        return [
            MEND[check].format(**values)
            for check in order
            if check in MEND
            and (
                self.marks[check] == doctor.BAD
                or (self.marks[check] == doctor.NOTE and check not in HARMLESS)
            )
        ]


def write(out: Path, name: str, marks: dict[str, str]) -> None:
    """Write what the doctor found, in numbers and names of packages.

    Args:
        marks: the worst mark of each check.
    """
    missing, other = doctor.differences()
    seconds, steps = _known(doctor.seconds_per_step) or (None, None)
    report = Report(
        name=name,
        machine=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        marks=marks,
        missing=missing,
        other=other,
        text=_known(_text),
        memory_gb=_known(lambda: round(doctor.free_memory(), 1)),
        disk_gb=round(doctor.free_disk(), 1),
        seconds_per_step=seconds and round(seconds, 4),
        steps=steps,
    )
    content = {"format": FORMAT} | asdict(report)
    write_atomic(out, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def _known(find: Callable[[], Any]) -> Any:
    """What a function finds out; None where a package or the text for it is missing."""
    try:
        return find()
    except (ImportError, OSError, ValueError):
        return None


def _text() -> str:
    from course.corpora import NAMES, load_corpus

    name = load_corpus().name
    return name if name in NAMES else "own"


def read(path: Path) -> Report:
    """Read a report.

    Raises:
        ValueError: it is none; the message says why.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"can't be read ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict) or "format" not in content:
        raise ValueError("no report of minigpt doctor")
    if content.pop("format") != FORMAT:
        raise ValueError("from another version of the course")
    for each in fields(Report):
        kinds = get_args(each.type) or (each.type,)
        kinds = (*kinds, int) if float in kinds else kinds
        if each.name not in content or not isinstance(content[each.name], kinds):
            raise ValueError(f"its {each.name} is missing or wrong")
    if unknown := set(content) - {each.name for each in fields(Report)}:
        raise ValueError(f"it has an unknown entry {min(unknown)!r}")
    return Report(**content)


def show(folder: Path) -> int:
    """Print who of a class is ready, and what to do; returns the exit code, 1 if somebody is not.

    Args:
        folder: where the reports lie, in folders of their own if need be.
    Raises:
        ValueError: no such folder, or no report in it.
    """
    files = sorted(folder.rglob("*.json")) if folder.is_dir() else []
    if not files:
        command = "minigpt doctor --out report.json --name NAME"
        raise ValueError(
            f"no report (*.json) lies in {folder}; learners write one with `{command}`"
        )
    reports: dict[str, Report] = {}
    broken: dict[str, str] = {}
    for path in files:
        place = path.relative_to(folder).as_posix()
        try:
            reports[place] = read(path)
        except ValueError as error:
            broken[place] = str(error)
    console = Console()
    console.print(_table(reports, broken))
    for line in summary(list(reports.values()), len(broken)):
        console.print(Text(line))
    return 1 if broken or not all(each.is_ready for each in reports.values()) else 0


def _table(reports: dict[str, Report], broken: dict[str, str]) -> Table:
    """A row for each file, those first who are not ready."""
    columns = ("", "name", "machine", "Python", "text", "training in 08", "what to do")
    table = Table(*columns, box=box.SIMPLE)
    for place, why in broken.items():
        table.add_row(doctor.BAD, Text(place), *[""] * 4, Text(f"{why}; {AGAIN}"))
    for place in sorted(reports, key=lambda place: (reports[place].is_ready, place)):
        each = reports[place]
        table.add_row(
            doctor.GOOD if each.is_ready else doctor.BAD,
            Text(each.name or place),
            Text(each.machine),
            Text(each.python),
            Text(each.text or "–"),
            f"{each.training:.0f} s" if each.training else "–",
            Text("; ".join(each.mending()) or "–"),
        )
    return table


def summary(reports: list[Report], broken: int = 0) -> list[str]:
    """How many are ready, the slowest machine, and what would help several at once."""
    ready = sum(each.is_ready for each in reports)
    lines = [f"{ready} of {len(reports) + broken} ready."]
    slowest = max(reports, key=lambda each: each.training, default=None)
    if slowest and slowest.training:
        line = f"Slowest: {slowest.name or slowest.machine}, {slowest.training:.0f} s for the "
        line += f"{slowest.steps} steps of chapter 08."
        if slowest.training >= doctor.SLOW:
            line += " Plan for --steps 500, or let the run start at home."
        lines.append(line)
    if lacking := sum(bool(each.missing) for each in reports):
        lines.append(f"{lacking} without all packages: minigpt wheelhouse --out wheelhouse")
    texts = {each.text for each in reports if each.text}
    if len(texts) > 1:
        lines.append(
            "Numbers will differ between learners, whose texts differ. For one text, hand out "
            "tinyshakespeare.txt and set MINIGPT_DATA_DIR to its folder, or set "
            "MINIGPT_CORPUS=tinytales for all."
        )
    return lines
