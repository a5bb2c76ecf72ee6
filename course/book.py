"""Renders the book: an edition for learners, and one for instructors that also holds the solutions.

What Sphinx cannot see is checked before it starts: see `problems`. What it says is told in terms of
the sources: file, cell, reason.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Literal

import yaml

from course import refresh, syllabus
from course.files import write_atomic
from course.notebook import chapters, code_cells, label, read_notebook, tags
from course.paths import ROOT

Edition = Literal["learner", "instructor"]
HTML = {"learner": "_build/html", "instructor": "_build/instructor/html"}  # below book/
FOLDERS = ("notebooks", "exercises", "solutions")  # with pages that are notebooks
# Without a package that takes two seconds to load, and only to check addresses nobody writes here.
CALL = "import sys; sys.modules['rfc3987_syntax'] = None; "
CALL += "from jupyter_book.cli.main import main; sys.exit(main())"
# "/…/04_attention.ipynb:30002: WARNING: …": MyST-NB counts 10,000 lines to a cell, from 1 on.
SAID = re.compile(r"(?P<file>.+?):(?:(?P<line>\d+):|) (?:WARNING|ERROR|CRITICAL): (?P<what>.*)")
CELL = 10_000
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold


def build(
    out: Path | None = None,
    root: Path = ROOT,
    edition: Edition = "learner",
    archive: Path | None = None,
) -> list[str]:
    """Render the book of a checkout; every warning is an error.

    Args:
        out: the folder below which the pages come to lie, as `HTML` says; book/ if left out.
        archive: a zip file to write with the pages in it.
    Returns:
        problems, one line each; none means that the pages are there. A book that has problems
        leaves the pages of an earlier build as they were.
    """
    html = (out or root / "book") / HTML[edition]
    found = problems(root) or render(html, root, edition)
    if archive and not found:
        write_zip(html, archive)
    return found


def problems(root: Path = ROOT) -> list[str]:
    """What Sphinx does not see: pages no reader finds, outputs that are stale or show a failure."""
    return _unlisted(root) + refresh.run(check=True, root=root) + _failed(root)


def _unlisted(root: Path) -> list[str]:
    """Pages that are not in the table of contents, and entries of it without a page."""
    pages = {
        path
        for path in (root / "book").rglob("*.md")
        if "_build" not in path.relative_to(root).parts
    }
    for folder in FOLDERS:
        pages |= set((root / folder).glob("*.ipynb"))
    there = {path.relative_to(root).with_suffix("").as_posix(): path for path in pages}
    listed = files(_contents(root))
    mend = f"{syllabus.SOURCE}, then run {syllabus.COMMAND}"
    lost = sorted(there[name] for name in there.keys() - set(listed))
    return [
        *(f"{label(path, root=root)} is not in the table of contents. Mend: list it in {mend}"
          for path in lost),
        *(f"{name} is in the table of contents, but there is no such page. "
          f"Mend: write it, or take it out of {mend}" for name in listed if name not in there),
    ]  # fmt: skip


def _failed(root: Path) -> list[str]:
    """Cells whose stored output is an error that was not meant to be shown."""
    return [
        f"{label(path, cell, root)}: its stored output is an error ({output.ename}). "
        f"Mend: the cell, then minigpt refresh {path.stem[:2]}; "
        "or tag it raises-exception if it is meant to fail"
        for folder in FOLDERS
        for path in chapters(root / folder)
        for cell in code_cells(read_notebook(path))
        for output in cell.outputs
        if output.output_type == "error" and "raises-exception" not in tags(cell)
    ]


def _contents(root: Path) -> dict:
    return yaml.safe_load((root / "book" / "_toc.yml").read_text(encoding="utf-8"))


def files(contents: dict) -> list[str]:
    """The pages of a table of contents, in order."""
    parts = contents["parts"]
    return [contents["root"], *(entry["file"] for part in parts for entry in part["chapters"])]


def contents(edition: Edition, root: Path = ROOT) -> dict:
    """The table of contents of an edition: the learner's has nothing that gives answers away."""
    whole = _contents(root)
    if edition == "learner":
        whole["parts"] = [p for p in whole["parts"] if p.get("caption") not in syllabus.KEPT_APART]
    return whole


def render(html: Path, root: Path = ROOT, edition: Edition = "learner") -> list[str]:
    """Let Sphinx write the pages of an edition into the folder `html`, in the place of older ones.

    Returns:
        problems, one line each, as `build` does.
    """
    html.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="book-", dir=html.parent) as folder:
        work = Path(folder).resolve()
        write_atomic(work / "_toc.yml", yaml.safe_dump(contents(edition, root), sort_keys=False))
        places = ["--config", "book/_config.yml", "--toc", str(work / "_toc.yml")]
        command = [sys.executable, "-c", CALL, "build", ".", "-W", "-n", "-q", "--keep-going"]
        done = subprocess.run(
            [*command, *places, "--path-output", str(work)],
            cwd=root,
            env=os.environ | {"PYTHONHASHSEED": "0"},  # orders of sets show in some files
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode:
            return told(done.stdout, root)
        shutil.rmtree(html, ignore_errors=True)
        shutil.move(work / "_build" / "html", html)
    return []


def told(output: str, root: Path) -> list[str]:
    """What Sphinx complained of, one line each, with the cell where it can be known."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    found = [match for line in plain.splitlines() if (match := SAID.match(line))]
    if not found:
        return [f"the book does not build: {' '.join(plain.split())[-600:]}"]
    return list(dict.fromkeys(_line(match, root) for match in found))


def _line(match: re.Match, root: Path) -> str:
    path, line = Path(match["file"]), int(match["line"] or 0)
    if path.suffix == ".ipynb" and line >= CELL and path.is_file():
        place = label(path, read_notebook(path).cells[line // CELL - 1], root)
    else:
        place = label(path, root=root) + (f", line {line}" if line else "")
    return f"{place}: {match['what']}. Mend: edit it there, then run minigpt book"


def write_zip(html: Path, archive: Path) -> None:
    """Pack the pages so that the same pages give the same bytes; open book/index.html in it."""
    part = archive.with_name(f"{archive.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(part, "w") as packed:
        for path in sorted(path for path in html.rglob("*") if path.is_file()):
            name = f"build-a-gpt/{path.relative_to(html).as_posix()}"
            entry = zipfile.ZipInfo(name, ZIP_DATE)
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    part.replace(archive)
