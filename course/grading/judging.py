"""Judges the answers of one exercise notebook, in a process that only they can harm."""

import ast
import contextlib
import json
import math
import os
import re
import select
import signal
import symtable
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from course.checks import engine
from course.checks.engine import Verdict, judge
from course.checks.notebook import unreached
from course.exercises import BEGIN
from course.export import free_names
from course.grading.plain import NotPlain
from course.grading.remote import Gone, Process, Zygote, cpu_seconds, error_of
from course.grading.report import clean
from course.grading.sandbox import Limits
from course.notebook import code_cells, imports, parse, read_notebook, tags

TITLE = re.compile(r"\A#\s*(\d+\.\d+)\b")
NOTEBOOK_SECONDS = 600.0  # for one notebook, whatever its cells take
CHECK_SECONDS = 10.0  # of computing for a check, beside as much as the answer may take
MEMORY = 4 * 2**30  # of the process that judges, which what is handed in could fill
LONGEST = 600  # characters of a message
NO_CELL = "the cell of this exercise is not in the notebook that was handed in."
LONGEST_ANSWER = 100_000  # characters; the course's own have some hundred
TOO_LONG = f"the cell of this exercise is longer than {LONGEST_ANSWER} characters."
FORKING = threading.Lock()  # or a fork would keep the other's pipe open
STUCK = "the check can't deal with what your answer gives."


@dataclass(frozen=True)
class Step:
    """A cell of the course's notebook: one that prepares, one to answer in, or a check.

    number: the exercise of an answer or a check; names: what a check is given, as source text.
    """

    id: str
    source: str
    number: str = ""
    names: tuple[str, ...] | None = None
    is_answer: bool = False


@dataclass
class Notebook:
    """An exercise notebook of the course, or of an assignment, as the judge runs it."""

    stem: str  # "04_attention"
    steps: list[Step]
    modules: set[str] = field(default_factory=set)

    @property
    def numbers(self) -> list[str]:
        """The exercises in it, in order."""
        return [step.number for step in self.steps if step.names is not None]


def load(path: Path) -> Notebook:
    """Read a solutions notebook for what surrounds the answers.

    Raises:
        ValueError: it is none.
    """
    steps, modules = [], set()
    for cell in code_cells(read_notebook(path)):
        if "solution-only" in tags(cell):
            continue
        if BEGIN in cell.source:
            number = TITLE.match(cell.source)[1]
            steps.append(Step(cell["id"], "", number, is_answer=True))
            continue
        tree = parse(cell.source)
        checks = [_check_of(statement) for statement in tree.body]
        if not any(checks):
            steps.append(Step(cell["id"], cell.source))
            modules |= {module for module, _ in imports(tree) if module != "course.written"}
        steps += [Step(cell["id"], cell.source, *found) for found in checks if found]
    return Notebook(path.stem, steps, modules)


def _check_of(statement: ast.stmt) -> tuple[str, tuple[str, ...]] | None:
    """The exercise that a line checks, and what it gives to the check."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "check":
        return None
    number, *given = call.args
    return number.value, tuple(map(ast.unparse, given))


def answers_in(handed_in: NotebookNode, notebook: Notebook) -> dict[str, str]:
    """The answer cells of what was handed in, by exercise: found by their id, else by title.

    Nothing else of it counts: what prepares an answer and what checks it is the course's own.
    """
    cells = code_cells(handed_in)
    by_id = {str(cell.get("id")): cell.source for cell in reversed(cells)}
    by_title = {}
    for cell in cells:
        if title := TITLE.match(cell.source):
            by_title.setdefault(title[1], cell.source)
    found = {}
    for step in notebook.steps:
        if step.is_answer and (source := by_id.get(step.id, by_title.get(step.number))) is not None:
            found[step.number] = source
    return found


def python_of(source: str) -> str:
    """A cell without the lines that Jupyter alone understands, such as %timeit and !pip."""
    try:
        ast.parse(source)
    except SyntaxError:
        return re.sub(r"^([ \t]*)[%!].*", r"\1pass", source, flags=re.MULTILINE)
    except (ValueError, RecursionError, MemoryError):
        pass  # it won't run
    return source


def needed(notebook: Notebook, answers: Mapping[str, str]) -> set[int]:
    """Which cells prepare something that an answer or a check uses; the rest only try it out."""
    used: set[str] = set()
    found = set()
    for index, step in reversed([*enumerate(notebook.steps)]):
        if step.names is not None:
            used |= free_names("\n".join(step.names))
        elif step.is_answer:
            # What can't be read won't run either.
            with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                used |= free_names(answers.get(step.number, ""))
            found.add(index)
        elif _bound(step.source) & used:
            found.add(index)
            used |= free_names(step.source)
    return found


def _bound(source: str) -> set[str]:
    """The names that a cell gives a value to."""
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    return {each.get_name() for each in symbols if each.is_assigned() or each.is_imported()}


@dataclass(frozen=True)
class Assignment:
    """Which exercises are judged, and on which inputs."""

    wanted: Container[str]
    seed: int = 1
    variant: int | None = None


def judge_notebook(
    zygote: Zygote, notebook: Notebook, answers: Mapping[str, str], assignment: Assignment
) -> dict[str, Verdict]:
    """A verdict on each exercise wanted.

    It is judged in a fork: what is handed in may be made to keep the check busy for ever.
    """
    until = time.monotonic() + NOTEBOOK_SECONDS
    verdicts: dict[str, Verdict] = {}
    wanted = [number for number in notebook.numbers if number in assignment.wanted]
    while missing := [number for number in wanted if number not in verdicts]:
        begun = missing[0]
        judge = _Judge(zygote, notebook, answers, assignment, missing, until)
        with FORKING:
            reader, writer = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(reader)
                _work(writer, judge)
            os.close(writer)
        for event in _events(reader, pid, zygote.limits, until):
            if isinstance(event, str):
                begun = event
            elif isinstance(event, dict):
                raise OSError(event["error"])
            else:
                verdicts[event[0]] = Verdict(*event)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        verdicts.setdefault(begun, Verdict(begun, False, f"✗ {begun}: {STUCK}", "values"))
    return {number: verdicts[number] for number in wanted}


def _events(reader: int, pid: int, limits: Limits, until: float) -> Iterator[Any]:
    """What the judging fork tells, line by line, for as long as it goes on telling."""
    begun, most, rest = 0.0, math.inf, b""
    until += NOTEBOOK_SECONDS  # the fork itself sees to the first; this is for one that can't
    with open(reader, "rb", buffering=0) as pipe:
        while time.monotonic() < until and cpu_seconds(pid) - begun < most:
            if not select.select([pipe], [], [], 0.5)[0]:
                continue
            if not (more := pipe.read(2**16)):
                return
            *lines, rest = (rest + more).split(b"\n")
            for event in map(json.loads, lines):
                # What an answer gives may keep the check itself busy: that has its time too.
                begun = cpu_seconds(pid)
                most = CHECK_SECONDS + limits.answer_seconds if isinstance(event, str) else math.inf
                yield event


def _work(writer: int, judge: "_Judge") -> None:
    """The fork's whole life."""
    import resource  # which Windows has not

    def tell(event: object) -> None:
        os.write(writer, (json.dumps(event) + "\n").encode())

    engine.SECONDS = math.inf  # the process of the answer has its own clock
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        judge.run(tell)
    except OSError as error:  # not of what was handed in: the system can't do what it should
        tell({"error": str(error)})
    finally:
        os._exit(0)


class _Judge:
    """Goes through a notebook, and starts again without what ended the process."""

    def __init__(
        self,
        zygote: Zygote,
        notebook: Notebook,
        answers: Mapping[str, str],
        assignment: Assignment,
        missing: list[str],
        until: float,
    ):
        self.zygote, self.notebook, self.handed_in = zygote, notebook, answers
        self.answers = {n: source for n, source in answers.items() if len(source) <= LONGEST_ANSWER}
        self.assignment, self.missing = assignment, list(missing)
        self.skipped: dict[int, Gone] = {}
        self.until = until

    def run(self, tell: Callable[[object], None]) -> None:
        """Judge all; `tell` gets the number of each exercise before and its verdict after."""
        self.answers = {number: python_of(text) for number, text in self.answers.items()}
        self.needed = needed(self.notebook, self.answers)
        while self.missing:
            with self._open() as process:
                process.deadline = self.until
                self._pass(process, tell)

    def _open(self) -> Process:
        """A new process; whatever keeps it from starting is no fault of what was handed in.

        Raises:
            OSError: it does not start.
        """
        try:
            return self.zygote.open()
        except (Exception, Gone) as error:
            raise OSError(f"no process starts for a submission: {error}") from error

    def _pass(self, process: Process, tell: Callable[[object], None]) -> None:
        """Run the cells in order and judge what is missing, until the process ends."""
        failed: list[BaseException] = []
        for index, step in enumerate(self.notebook.steps):
            if not self.missing:
                return
            if step.names is None:
                is_there = not step.is_answer or step.number in self.answers
                if index in self.skipped or index not in self.needed or not is_there:
                    continue
                try:
                    error = self._cell(process, index, step)
                except Gone as gone:
                    self.skipped[index] = gone
                    return
                failed += [error] if error else []
            elif step.number in self.missing:
                tell(step.number)
                verdict, is_alive = self._judge(process, step, failed)
                tell(astuple(_readable(verdict)))
                self.missing.remove(step.number)
                if not is_alive:
                    return

    def _cell(self, process: Process, index: int, step: Step) -> Exception | None:
        process.within(self.zygote.limits.cell_seconds)
        source = self.answers[step.number] if step.is_answer else step.source
        reply = process.ask("cell", f"cell {index + 1}", source)
        return error_of(reply["raised"]) if "raised" in reply else None

    def _judge(self, process: Process, step: Step, failed: list) -> tuple[Verdict, bool]:
        """A verdict, and whether the process can go on."""
        if (reason := self._reason(step)) is not None:
            return refused(step.number, *reason), True
        try:
            process.within(self.zygote.limits.answer_seconds)
            reply = process.ask("values", list(step.names))
            if "raised" in reply:
                return unreached(step.number, error_of(reply["raised"]), failed), True
            values = reply["values"]
            seed, variant = self.assignment.seed, self.assignment.variant
            verdict = judge(step.number, *values, seed=seed, variant=variant)
        except Gone as gone:
            return refused(step.number, gone.diagnosis, gone.text), False
        except (Exception, NotPlain) as error:
            text = f"{STUCK} ({type(error).__name__})"
            return refused(step.number, "values", text), False
        return verdict, verdict.diagnosis != "timeout"

    def _reason(self, step: Step) -> tuple[str, str] | None:
        """Why an exercise can't be judged: its cell is not there, or ended the process."""
        for index, cell in enumerate(self.notebook.steps):
            if cell.is_answer and cell.number == step.number:
                if step.number not in self.answers:
                    return "cell", TOO_LONG if step.number in self.handed_in else NO_CELL
                if index in self.skipped:
                    gone = self.skipped[index]
                    return gone.diagnosis, gone.text
        return None


def refused(number: str, diagnosis: str, text: str) -> Verdict:
    return Verdict(number, False, f"✗ {number}: {text}", diagnosis)


def _readable(verdict: Verdict) -> Verdict:
    """A verdict in one line that can be printed, and that is the same in every run."""
    text = re.sub(r" at 0x[0-9a-f]+", "", verdict.message)
    text = " ".join(clean(text).split())
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
    diagnosis = verdict.diagnosis if verdict.passed else verdict.diagnosis or "unknown"
    return Verdict(verdict.number, verdict.passed, text, diagnosis, verdict.exhibit)
