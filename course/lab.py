"""What `minigpt lab` and `minigpt check` do: a learner's own copies, and their answers."""

import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from course import paths, syllabus
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
    # So that a terminal in JupyterLab finds the `minigpt` of this environment.
    search = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    return subprocess.run(command, cwd=paths.MY, env=os.environ | {"PATH": search}).returncode


def next_page() -> Path:
    """The first chapter never opened, or core exercises not all passed, whichever comes first.

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
    """Whether a check has passed for each exercise of a chapter's core set."""
    from course.checks import progress

    passed = progress.read().passed
    entry = next(each for each in syllabus.load().chapters if each.number == chapter)
    return all(exercise.id in passed for exercise in entry.exercises if not exercise.more)


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


def reset(chapter: str) -> list[str]:
    """Put a chapter and its exercises back as they were at first; the learner's copies are kept.

    What was passed in the chapter counts as open again; help, guesses and cards stay noted.

    Returns:
        a line for each notebook: where the old one lies now.
    Raises:
        ValueError: no such chapter, or it was never opened.
    """
    from course.checks import progress

    page = chapters(paths.NOTEBOOKS, [chapter])[0]
    folders = (paths.MY / "notebooks", paths.MY / "exercises")
    old = [folder / page.name for folder in folders if (folder / page.name).exists()]
    if not old:
        raise ValueError(f"you have not opened chapter {number(page)} yet; there is nothing to do")
    lines = []
    for path in old:
        backup = _backup(path)
        shutil.copy2(path, backup)  # first the copy, so that a crash loses nothing
        path.unlink()
        lines.append(f"{path.relative_to(paths.MY)} is as it was at first; yours lies in {backup}")
    progress.note("reset", number(page))
    own_copies(number(page))
    return lines


def _backup(path: Path) -> Path:
    """A name that is free: my/backups/exercises-04_attention-1.ipynb, then -2 …"""
    folder = paths.MY / "backups"
    folder.mkdir(exist_ok=True)
    names = (f"{path.parent.name}-{path.stem}-{count}.ipynb" for count in itertools.count(1))
    return next(folder / name for name in names if not (folder / name).exists())
