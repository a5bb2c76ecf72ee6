"""What `minigpt lab` and `minigpt check` do: a learner's own copies, and their answers."""

import subprocess
import sys
from pathlib import Path

from course import paths
from course.files import write_atomic
from course.notebook import chapters, code_cells, notebook_text, number, read_notebook


def open_lab(chapter: str | None, options: list[str]) -> int:
    """Copy a chapter, and its exercises, to the learner's folder and start JupyterLab on it.

    Args:
        chapter: "4", "04" or "04_attention"; None means the next unfinished one.
        options: passed on to JupyterLab, such as --no-browser.
    Returns:
        JupyterLab's exit code.
    Raises:
        ValueError: no such chapter.
    """
    page = next_page() if chapter is None else chapters(paths.NOTEBOOKS, [chapter])[0]
    copies = own_copies(number(page))
    for copy in copies:
        print(f"yours: {copy}")
    start = next(copy for copy in copies if copy.parent.name == page.parent.name)
    url = f"--LabApp.default_url=/lab/tree/{start.relative_to(paths.MY).as_posix()}"
    command = [sys.executable, "-m", "jupyterlab", url, *options]
    return subprocess.run(command, cwd=paths.MY).returncode


def next_page() -> Path:
    """The first chapter never opened, or exercises not all passed, whichever comes first.

    After the last one it is the last one again.
    """
    pages = chapters(paths.NOTEBOOKS)
    if not pages:
        raise ValueError(f"there are no notebooks in {paths.NOTEBOOKS}; is the checkout whole?")
    for page in pages:
        if not (paths.MY / "notebooks" / page.name).exists():
            return page
        exercise = paths.EXERCISES / page.name
        if exercise.exists() and not is_solved(number(page)):
            return exercise
    return pages[-1]


def is_solved(chapter: str) -> bool:
    """Whether a check has passed for each exercise of a chapter."""
    from course.checks import progress
    from course.checks.engine import exercises

    noted = progress.read()
    return all(noted.get(name, {}).get("passed") for name in exercises(chapter))


def own_copies(chapter: str) -> list[Path]:
    """The learner's copies of a chapter and its exercises, outputs cleared, made where missing.

    A copy that is there already is left as it is.
    """
    copies = []
    for folder in (paths.NOTEBOOKS, paths.EXERCISES):
        for source in folder.glob(f"{chapter}_*.ipynb"):
            copy = paths.MY / folder.name / source.name
            if not copy.exists():
                notebook = read_notebook(source)
                notebook.metadata.pop("minigpt", None)
                for cell in code_cells(notebook):
                    cell.outputs = []
                write_atomic(copy, notebook_text(notebook, executed=False))
            copies.append(copy)
    return copies


def check_mine(what: str | None = None) -> int:
    """Judge the learner's answers, a line each; returns the exit code, 0 where all are right.

    Args:
        what: a chapter "04" or an exercise "04.2"; None means all that were opened.
    Raises:
        ValueError: no such chapter or exercise, or none opened yet.
    """
    from course.checks import check_notebook

    opened = [number(path) for path in chapters(paths.MY / "exercises")]
    if not what and not opened:
        raise ValueError("you have not opened any exercises yet; `minigpt lab` does")
    wanted = [what] if what else opened
    verdicts = [verdict for name in wanted for verdict in check_notebook(name)]
    return 0 if all(verdict.passed for verdict in verdicts) else 1
