"""What learners call: check and hint in a notebook, a whole exercise notebook from a terminal."""

import contextlib
import contextvars
import io
import linecache
import re
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path

from course import paths
from course.checks import beside, guard, progress
from course.checks.engine import Verdict, exercise, exercises, judge
from course.exercises import TITLE
from course.notebook import chapters, code_cells, read_notebook

SECONDS_PER_CELL = 60.0
TOOLS = re.compile(r"\A# For (\d+\.\d+)\b")  # a cell that only this exercise needs
CHECK = re.compile(r"""\bcheck\(\s*["'](\d+\.\d+)["']""")
_collected: contextvars.ContextVar[list | None] = contextvars.ContextVar("collected", default=None)


def check(number: str, *answers: object, variant: int | None = None) -> None:
    """Say whether an answer is right, and if not, what is wrong with it.

    Args:
        variant: the class whose numbers the exercise has, in a notebook that an instructor gave.
    Example:
        check("4.2", attention_weights)
    """
    try:
        verdict = judge(number, *answers, variant=variant)
    except ValueError as error:
        verdict = Verdict(str(number), False, f"✗ {error}", "call")
    collected = _collected.get()
    if collected is not None:
        collected.append((verdict, answers))
        return
    print(verdict.message)
    if not Path.cwd().is_relative_to(paths.MY):  # where the course itself tests an answer
        return
    try:
        for line in note(verdict, answers):
            print(line)
    except OSError as error:
        print(f"This could not be noted: {error}")
    if verdict.passed:
        beside.display_both(verdict.number, answers)


def note(verdict: Verdict, answers: tuple) -> list[str]:
    """Note what passed, or the card of the bug museum that a mistake turned.

    Returns:
        a line about a card that was turned for the first time.
    """
    if verdict.passed:
        answered = [progress.fingerprint(answer) for answer in answers]
        if progress.read().passed.get(verdict.number) != answered:
            progress.note("passed", verdict.number, answered)
    elif verdict.exhibit and verdict.exhibit not in progress.read().cards:
        progress.note("card", verdict.exhibit, verdict.number)
        return [f"  New in your bug museum: {verdict.exhibit}. `minigpt museum` shows its card."]
    return []


def hint(number: str, variant: int | None = None) -> None:
    """Print the next of three levels of help for an exercise: idea, shape, near-code.

    Args:
        variant: the class whose numbers the exercise has, as in its check.
    Example:
        hint("4.3")
    """
    try:
        print(next_hint(number, variant))
    except (OSError, ValueError) as error:
        print(f"✗ {error}")


def next_hint(number: str, variant: int | None = None) -> str:
    """The next level of help as a line, and note that it was given; the third one stays.

    Raises:
        ValueError: no such exercise.
    """
    task = exercise(number, variant)
    level = min(progress.read().hints.get(task.number, 0) + 1, 3)
    progress.note("hint", task.number, level)
    return f"{task.number}, help {level} of 3: {task.hints[level - 1]}"


@dataclass
class Session:
    """What running the cells of an exercise notebook gave."""

    sources: list[str]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    answers: dict[str, tuple] = field(default_factory=dict)


def check_notebook(which: str) -> list[Verdict]:
    """Judge the learner's answers in my/exercises, print a line for each, note what passed.

    Args:
        which: a chapter, "04", an exercise, "4.3" or "04.3", or a path to an exercise notebook.
    Raises:
        ValueError: no such chapter, exercise or file.
    """
    path, number = _locate(which)
    session = run_notebook(path, number and [number])
    wanted = [v for v in session.verdicts.values() if number in (None, v.number)]
    if number and not wanted:
        raise ValueError(f"{path} checks no exercise {number}; `minigpt reset` brings it back")
    for verdict in wanted:
        print(verdict.message)
        for line in note(verdict, session.answers.get(verdict.number, ())):
            print(line)
    if number and wanted[0].passed:
        beside.print_both(number, session.sources)
    return wanted


def _locate(which: str) -> tuple[Path, str | None]:
    if which.endswith(".ipynb"):
        path = Path(which)
        if not path.exists():
            raise ValueError(f"there is no notebook {which}")
        return path, None
    number = exercise(which).number if "." in which else None
    chapter = which.partition(".")[0]
    exercises(chapter)  # a ValueError if there are none
    found = chapters(paths.MY / "exercises", [chapter]) if (paths.MY / "exercises").exists() else []
    if not found:
        command = f"minigpt lab {int(chapter):02d}"
        raise ValueError(f"you have not opened the exercises of {chapter} yet; `{command}` does")
    return found[0], number


def run_notebook(path: Path, wanted: Container[str] | None = None) -> Session:
    """Run an exercise notebook's cells in order, in this process, and judge every exercise in it.

    A cell that fails does not stop the others; an exercise whose check can't be reached because of
    it gets a verdict that says so.

    Args:
        wanted: exercises; of the others, those whose answers are values alone are left out with
            the cells that begin "# For" and their number, since an experiment trains for a while.
    """
    cells = [cell.source for cell in code_cells(read_notebook(path))]
    session = Session(cells)
    namespace = {"__name__": "__main__"}
    failed: list[BaseException] = []
    for index, source in enumerate(cells):
        if wanted is not None and _is_only_typed(source, wanted):
            continue
        collected: list[tuple[Verdict, tuple]] = []
        token = _collected.set(collected)
        try:
            error = _run_cell(source, f"{path}, cell {index + 1}", namespace)
        finally:
            _collected.reset(token)
        for verdict, answers in collected:
            session.verdicts[verdict.number] = verdict
            session.answers[verdict.number] = answers
        if error is not None and not CHECK.search(source):
            failed.append(error)
        for number in CHECK.findall(source):
            session.verdicts.setdefault(number, unreached(number, error, failed))
    return session


def _is_only_typed(source: str, wanted: Container[str]) -> bool:
    """Whether a cell is about an exercise that is not wanted and asks for values alone."""
    numbers = CHECK.findall(source) or TITLE.findall(source) or TOOLS.findall(source)
    try:
        parts = [part for number in numbers for part in exercise(number).parts]
    except ValueError:
        return False  # its check will say that there is no such exercise
    return (
        bool(numbers)
        and all(part.read for part in parts)
        and not any(number in wanted for number in numbers)
    )


def _run_cell(source: str, name: str, namespace: dict) -> BaseException | None:
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    quiet = io.StringIO()
    try:
        with contextlib.redirect_stdout(quiet), guard.time_limit(SECONDS_PER_CELL):
            exec(compile(source, name, "exec"), namespace)
    except (Exception, SystemExit, guard.TimeUp) as error:
        return error
    return None


def unreached(number: str, error: BaseException | None, failed: list) -> Verdict:
    """The verdict where the check itself did not run: why, if an earlier cell explains it."""
    for earlier in failed:
        if isinstance(earlier, NotImplementedError) and str(earlier).startswith(f"{number}:"):
            return Verdict(number, False, f"○ {number} not yet written", "unwritten")
    if isinstance(error, NameError) and not failed:
        text = f"there is no {error.name} yet. Write your answer as `{error.name} = …`"
        return Verdict(number, False, f"✗ {number}: {text} in the cell above the check.", "cell")
    cause = failed[-1] if failed and isinstance(error, NameError) else error
    text = f"{type(cause).__name__}: {cause}" if cause else "its check was not reached"
    if isinstance(cause, guard.TimeUp):
        text = f"a cell ran longer than {SECONDS_PER_CELL:g} seconds"
    return Verdict(number, False, f"✗ {number}: a cell before the check stops with {text}", "cell")
