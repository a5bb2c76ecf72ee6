"""Writes the learner's exercise notebooks from the solutions."""

import re
from pathlib import Path

from nbformat import NotebookNode

from course.notebook import (
    chapters,
    label,
    notebook_text,
    number,
    read_notebook,
    store,
    tags,
)
from course.paths import ROOT

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
TITLE = re.compile(r"\A# (\d+\.\d+) \S.*")


def run(check: bool = False, only: list[str] | None = None, root: Path = ROOT) -> list[str]:
    """Write the exercise notebooks, or with `check` compare them with their solutions.

    Returns:
        problems, one line each; none means that all is well.
    """
    problems = []
    try:
        solutions = chapters(root / "solutions", only)
    except ValueError as error:
        return [str(error)]
    for path in solutions:
        try:
            text = notebook_text(exercise(path, root), executed=False)
        except ValueError as error:
            problems.append(str(error))
            continue
        target, command = root / "exercises" / path.name, f"minigpt exercises {number(path)}"
        problems += store(target, text, check, label(path, root=root), command, root)
    for path in chapters(root / "exercises"):
        if not (root / "solutions" / path.name).exists():
            place = label(path, root=root)
            problems.append(f"{place} has no solution notebook. Mend: write one, or delete it")
    return problems


def exercise(path: Path, root: Path = ROOT) -> NotebookNode:
    """The exercise notebook of one solution notebook; see unsolved."""
    return unsolved(read_notebook(path), path, root)


def unsolved(notebook: NotebookNode, path: Path, root: Path = ROOT) -> NotebookNode:
    """A solution notebook, changed in place, without its solutions.

    Solutions give way to a line that says what is missing, and the title's "Solutions to" becomes
    "Exercises to"; cells tagged `solution-only`, outputs and the stamp are left out.

    Raises:
        ValueError: markers that don't pair up, or a cell without a title line, of the file `path`.
    """
    notebook.cells = [cell for cell in notebook.cells if "solution-only" not in tags(cell)]
    notebook.metadata.pop("minigpt", None)
    for cell in notebook.cells:
        if cell["id"] == "title":
            cell.source = cell.source.replace("# Solutions to ", "# Exercises to ", 1)
        if cell.cell_type == "code":
            cell.outputs = []
            try:
                cell.source = without_solution(cell.source)
            except ValueError as error:
                raise ValueError(f"{label(path, cell, root)}: {error}") from None
    return notebook


def without_solution(source: str) -> str:
    """A cell's source with each solution replaced by a line that raises NotImplementedError.

    Raises:
        ValueError: markers that don't pair up, or no title line `# 4.2 Attention weights`.
    """
    lines, start = [], None
    for count, line in enumerate(source.splitlines(), start=1):
        mark = line.strip()
        if mark == BEGIN:
            if start is not None:
                raise ValueError(f"line {count}: {BEGIN} inside the solution of line {start}")
            start = count
            lines.append(line.replace(BEGIN, _placeholder(source)))
        elif mark == END:
            if start is None:
                raise ValueError(f"line {count}: {END} without {BEGIN}")
            start = None
        elif re.match(r"#+\s*(BEGIN|END)\b.*SOLUTION", mark, re.IGNORECASE):
            raise ValueError(f"line {count}: {mark!r}; write {BEGIN} or {END}")
        elif start is None:
            lines.append(line)
    if start is not None:
        raise ValueError(f"line {start}: {BEGIN} without {END}")
    return "\n".join(lines)


def _placeholder(source: str) -> str:
    title = TITLE.fullmatch(source.splitlines()[0].strip())
    if not title:
        raise ValueError("a cell with a solution starts with its title, `# 4.2 Attention weights`")
    message = f"{title[1]}: not written yet. Replace this line by your answer."
    return f'raise NotImplementedError("{message}")'
