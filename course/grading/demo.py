"""`minigpt grade --demo`: thirty submissions, honest and hostile, each with the score it must get.

They are made from the course's own solutions of 02 and 04, with other answers put in. Whoever
wonders whether the grader withstands something adds a sample.
"""

import hashlib
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from course import paths
from course.exercises import exercise
from course.files import write_atomic
from course.grading.grade import grade, refuse_elsewhere
from course.grading.judging import TITLE
from course.notebook import chapters, code_cells, notebook_text, read_notebook

CHAPTERS = ["02", "04"]
RULES = """\
chapters: ["02", "04"]
points: {write-first: 1, transfer: 4, other: 1}
due: 2027-03-01 18:00
timezone: Europe/Berlin
grace_minutes: 15
late: {percent_per_day: 10, maximum: 50}
extensions: {mia: 2027-03-08}
limits: {answer_seconds: 4, cell_seconds: 4}
"""
ON_TIME = "2027-03-01 17:00"
STUDENTS = (
    ("idle", "Idle Igor", ""),
    ("ada", '=HYPERLINK("http://example.org")', ""),
    ("olga", "Olga Ostrom", "501"),
    ("pia", "Pia Prins", ""),
)
WRONG_WINDOW = """
def window_mask(T, w):
    return torch.ones(T, T, dtype=torch.bool).tril()
"""


class Work:
    """The exercise notebooks of one student, solved, to be changed."""

    def __init__(self, folder: Path):
        self.folder = folder  # where all the others' lies too
        self.notebooks = {path.stem: _solved(path) for path in chapters(paths.SOLUTIONS, CHAPTERS)}

    def cell(self, number: str) -> NotebookNode:
        """The answer cell of an exercise."""
        cells = (cell for notebook in self.notebooks.values() for cell in code_cells(notebook))
        return next(c for c in cells if (found := TITLE.match(c.source)) and found[1] == number)

    def answer(self, number: str, source: str) -> "Work":
        """Put another answer in."""
        self.cell(number).source = f"# {number} mine\n{textwrap.dedent(source).strip()}\n"
        return self

    def add(self, number: str, source: str) -> "Work":
        """Let the cell of an answer do something else besides, first."""
        old = self.cell(number).source
        self.cell(number).source = f"# {number} mine\n{textwrap.dedent(source).strip()}\n\n{old}"
        return self

    def files(self, place: str = "{name}/{stem}.ipynb", name: str = "") -> dict[str, str]:
        """The notebooks as files."""
        return {
            place.format(name=name, stem=stem, chapter=stem[:2]): notebook_text(notebook, False)
            for stem, notebook in self.notebooks.items()
        }


def _solved(path: Path) -> NotebookNode:
    notebook, solutions = exercise(path), code_cells(read_notebook(path))
    answers = {cell["id"]: cell.source for cell in solutions}
    for cell in code_cells(notebook):
        cell.source = answers[cell["id"]]
    return notebook


@dataclass(frozen=True)
class Sample:
    """One student: who, what they do, the points they must get, and how their work is made.

    make: changes the solved notebooks and may return the files; times: when a file was handed in,
    by the end of its name, if not in time.
    """

    name: str
    does: str
    points: float
    make: Callable[[Work], object]
    times: Mapping[str, str] | None = None

    def files(self, folder: Path) -> dict[str, str]:
        """What is handed in: path below the folder -> text."""
        work = Work(folder)
        made = self.make(work)
        return made if isinstance(made, dict) else work.files(name=self.name)


def another_way(work: Work) -> None:
    work.answer(
        "4.2",
        """
        def attention_weights(q, k, mask=None):
            scores = torch.einsum("...id,...jd->...ij", q, k) * q.shape[-1] ** -0.5
            if mask is not None:
                scores = torch.where(mask, scores, -torch.inf)
            scores = (scores - scores.amax(-1, keepdim=True)).exp()
            return scores / scores.sum(-1, keepdim=True)
        """,
    ).answer(
        "4.7",
        """
        def window_mask(T, w):
            return torch.tensor([[i - w < j <= i for j in range(T)] for i in range(T)])
        """,
    ).answer("2.3", "windows = [5.0, '6']").answer("4.1", "mask = torch.ones(4, 4).tril()")


def unwritten(work: Work) -> None:
    for path in chapters(paths.SOLUTIONS, CHAPTERS):
        work.notebooks[path.stem] = exercise(path)


def half_written(work: Work) -> None:
    for number in ("4.5", "4.6", "4.7"):
        work.answer(number, f'raise NotImplementedError("{number}: not written yet. Replace it.")')


def mask_after_softmax(work: Work) -> None:
    work.answer(
        "4.2",
        """
        def attention_weights(q, k, mask=None):
            weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1)
            return weights if mask is None else weights.masked_fill(~mask, 0.0)
        """,
    )


def no_scale(work: Work) -> None:
    work.answer(
        "4.3",
        """
        def scaled_dot_product_attention(q, k, v, mask=None):
            scores = q @ k.transpose(-2, -1)
            scores = scores if mask is None else scores.masked_fill(~mask, float("-inf"))
            return scores.softmax(-1) @ v
        """,
    )


def typed_wrong(work: Work) -> None:
    work.answer("2.3", "windows = (6, 6)")
    work.answer("4.6", "answer_a = answer_b = answer_c = 'equal'")


def one_off(work: Work) -> None:
    work.answer(
        "4.7",
        """
        def window_mask(T, w):
            distance = torch.arange(T)[:, None] - torch.arange(T)
            return (distance >= 0) & (distance <= w)
        """,
    )


def one_fault(work: Work) -> None:
    cell = work.cell("2.4")
    cell.source = cell.source.replace("faulty = [2, 5]", "faulty = [5]")


def two_attempts(work: Work) -> dict[str, str]:
    first = work.files("nils/attempt 1/{stem}.ipynb")
    work.answer("4.7", WRONG_WINDOW)
    return first | work.files("nils/attempt 2/{stem}.ipynb")


def from_canvas(work: Work) -> dict[str, str]:
    better = work.files("ostromolga_501_7{chapter}2_{stem}-1.ipynb")
    work.answer("4.7", WRONG_WINDOW)
    return work.files("ostromolga_501_7{chapter}1_{stem}.ipynb") | better


def from_moodle(work: Work) -> dict[str, str]:
    return work.files("Pia Prins_90210_assignsubmission_file_/{stem}.ipynb")


def other_names(work: Work) -> None:
    for count, cell in enumerate(work.notebooks["02_data"].cells):
        cell["id"] = f"cell-{count}"
    for number in ("4.2", "4.7"):
        cell = work.cell(number)
        cell.source = f"# my own\n{cell.source.partition(chr(10))[2]}"


def deleted(work: Work) -> None:
    for number in ("4.2", "4.7"):
        work.notebooks["04_attention"].cells.remove(work.cell(number))


def broken(work: Work) -> dict[str, str]:
    files = work.files(name="sven")
    return {name: text[:-400] if "04" in name else text for name, text in files.items()}


def no_notebook(work: Work) -> dict[str, str]:
    return work.files(name="tara") | {"tara/02_data.ipynb": '{"cells": [1, null], "nbformat": 4}'}


def ends_the_program(work: Work) -> None:
    work.add("4.2", "exit()")
    work.answer("4.5", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    work.answer("4.7", "import os\n\ndef window_mask(T, w):\n    os._exit(0)")


def never_ends(work: Work) -> None:
    work.answer("4.2", "def attention_weights(q, k, mask=None):\n    while True:\n        pass")
    work.answer("4.7", "def window_mask(T, w):\n    return sum(iter(int, 1))")


def takes_everything(work: Work) -> None:
    work.answer("2.1", "for i in range(10**9):\n    open(str(i), 'w').write(1000 * 'a')")
    work.answer("4.2", "def attention_weights(q, k, mask=None):\n    return torch.zeros(10**12)")
    work.answer(
        "4.7",
        """
        def window_mask(T, w):
            kept = []
            while True:
                kept.append(bytes(10**8))
        """,
    )


def multiplies(work: Work) -> None:
    work.answer("4.2", "import os\n\ndef attention_weights(q, k, mask=None):\n    os.fork()")
    work.answer(
        "4.7",
        """
        import subprocess, threading

        def window_mask(T, w):
            for start in (lambda: subprocess.run(["sleep", "99"]), threading.Thread().start):
                try:
                    start()
                except Exception:
                    continue
                return torch.ones(T, T).tril().triu(1 - w).bool()  # right, if that was possible
        """,
    )


def prints(work: Work) -> None:
    work.add("4.3", "for _ in range(1000):\n    print(10**6 * 'a')")
    work.answer("4.7", f"{WRONG_WINDOW}\nprint('✓ 4.7 A window of w')\nprint('passed')")


def other_checks(work: Work) -> None:
    for cell in work.notebooks["04_attention"].cells:
        if cell["id"] == "imports":
            cell.source += "\n\ndef check(number, *answers):\n    print('✓', number)"
        elif cell["id"].endswith("-check"):
            cell.source = "print('✓ passed')"
    work.answer("4.7", WRONG_WINDOW)


def overwrites(work: Work) -> None:
    work.add(
        "4.1",
        """
        import course.checks.engine as engine, course.grading.plain as plain

        true = lambda *args, **settings: True
        torch.equal = torch.allclose = torch.Tensor.all = torch.Tensor.__eq__ = true
        engine.same = engine.agrees = engine.judge_part = engine.diagnose = true
        engine.judge = lambda number, *rest, **more: engine.Verdict(number, True, "passed")
        check = lambda *args: None
        """,
    )
    work.answer("4.7", WRONG_WINDOW)


def reads(work: Work) -> None:
    solution = next(iter(chapters(paths.SOLUTIONS, ["4"])))
    other = work.folder / "ada" / "04_attention.ipynb"
    work.answer(
        "4.7",
        f"""
        import json

        def window_mask(T, w):
            for path in ({str(solution)!r}, {str(other)!r}):
                try:
                    cells = json.load(open(path))["cells"]
                    found = ("".join(c["source"]) for c in cells if c["cell_type"] == "code")
                    names = dict(globals())
                    exec(next(source for source in found if "def window_mask" in source), names)
                    return names["window_mask"](T, w)
                except OSError:
                    pass
            try:
                from course.checks.ch04 import EXERCISES
                return EXERCISES["4.7"].parts[0].right(T, w)
            except ImportError:
                return torch.ones(T, T).bool()
        """,
    )


def writes(work: Work) -> None:
    base = work.folder.parent
    places = [work.folder / "ada" / "04_attention.ipynb", base / "roster.csv"]
    places += [base / "grades.csv", paths.ROOT / "course" / "checks" / "ch04.py"]
    work.add(
        "4.1",
        f"""
        import os, signal, socket

        def attempt(something, *args):
            try:
                something(*args)
            except OSError:
                pass

        for path in {[str(place) for place in places]!r}:
            attempt(lambda: open(path, "a").write("all points"))
            attempt(os.remove, path)
            attempt(os.chmod, path, 0o777)
        attempt(os.kill, os.getppid(), signal.SIGKILL)
        attempt(os.kill, -1, signal.SIGTERM)
        attempt(lambda: socket.create_connection(("127.0.0.1", 9), 0.1))
        """,
    )
    work.answer("4.7", WRONG_WINDOW)


def poisons(work: Work) -> None:
    work.answer("2.3", "windows = ('1e999999999', 6)")
    work.answer(
        "4.7",
        """
        class Yes(torch.Tensor):
            __eq__ = __bool__ = lambda *args: True

            def __reduce__(self):
                return print, ("passed",)

        class Any:
            __class__ = torch.Tensor
            shape, dtype = (1, 1), torch.bool
            __eq__ = __getattr__ = lambda *args: Any()

        def window_mask(T, w):
            return Yes(T, T) if T % 2 else Any()
        """,
    )


SAMPLES = (
    Sample("ada", "everything right", 24, lambda work: None),
    Sample("bela", "right, written in another way", 24, another_way),
    Sample("chen", "nothing written", 0, unwritten),
    Sample("dana", "hands in one chapter of two", 16,
           lambda work: {"dana_04_attention.ipynb": work.files()["/04_attention.ipynb"]}),
    Sample("emil", "the last three not written", 12, half_written),
    Sample("fay", "4.2: masks after the softmax", 23, mask_after_softmax),
    Sample("gus", "4.3 without a scale, which 4.4 calls", 22, no_scale),
    Sample("hana", "typed answers wrong", 19, typed_wrong),
    Sample("ivan", "4.7: a window one too wide", 20, one_off),
    Sample("june", "2.4: finds one fault of two", 20, one_fault),
    Sample("karl", "right, and two days late", 19.2, lambda work: None,
           {".ipynb": "2027-03-03 08:00"}),
    Sample("lena", "late within the minutes of grace", 24, lambda work: None,
           {".ipynb": "2027-03-01T17:14:00+00:00"}),
    Sample("mia", "late, with an extension", 24, lambda work: None, {".ipynb": "2027-03-08 23:00"}),
    Sample("nils", "two attempts, the last one worse", 20, two_attempts),
    Sample("olga", "two attempts in Canvas's file names", 24, from_canvas,
           {"attention-1.ipynb": "2027-03-01 12:00", "attention.ipynb": "2027-02-28 12:00"}),
    Sample("pia", "in Moodle's folder names", 24, from_moodle),
    Sample("quin", "right, with other ids of cells, or other titles", 24, other_names),
    Sample("rosa", "two cells deleted", 19, deleted),
    Sample("sven", "a notebook cut off in the middle", 8, broken),
    Sample("tara", "a file that is no notebook", 16, no_notebook),
    Sample("ugo", "exit(), os._exit and SIGKILL", 15, ends_the_program),
    Sample("vera", "loops that never end, in Python and in C", 19, never_ends),
    Sample("will", "memory and files without end", 18, takes_everything),
    Sample("xena", "forks, starts programs and threads", 19, multiplies),
    Sample("yuri", "a gigabyte of output, and prints that it passed", 20, prints),
    Sample("zoe", "other check cells, and a check of their own", 20, other_checks),
    Sample("abel", "overwrites torch and the engine", 20, overwrites),
    Sample("bina", "reads solutions, other submissions and the right answers", 20, reads),
    Sample("cato", "writes to the grader's files, kills, connects", 20, writes),
    Sample("dora", "values made to please or to block the check", 19, poisons),
)  # fmt: skip


def run(out: Path) -> int:
    """Make the samples beside `out`, grade them, and print what was expected and found.

    Returns:
        0 if every score is as expected and nothing else has changed, else 1.
    """
    refuse_elsewhere()
    base = out.resolve().parent
    folder = base / "submissions"
    write_samples(base)
    watched = [folder, base / "roster.csv", paths.ROOT / "course" / "checks", paths.SOLUTIONS]
    before = _fingerprints(watched)
    sheet = grade(folder, out, base / "roster.csv", base / "grade.yml")
    found = {row.student.student: row.total for row in sheet.rows}
    right = 0
    for sample in SAMPLES:
        is_right = abs(found[sample.name] - sample.points) < 1e-9
        right += is_right
        print(
            f"{'✓' if is_right else '✗'} {sample.name:5} {sample.does}: "
            f"expected {sample.points:g}, found {found[sample.name]:g}"
        )
    print(f"{right} of {len(SAMPLES)} scores as expected; the files lie in {base}")
    after = _fingerprints(watched)
    for file in sorted(path for path in before | after if before.get(path) != after.get(path)):
        print(f"✗ {file}, which the grader reads, was changed")
        right = 0
    return 0 if right == len(SAMPLES) else 1


def write_samples(base: Path) -> None:
    """Write what the thirty hand in, with a roster, the times and the rules.

    Raises:
        ValueError: the folder holds something already.
    """
    if base.exists() and any(base.iterdir()):
        raise ValueError(f"{base} holds files already; name a new folder: --out demo/grades.csv")
    folder = base / "submissions"
    times = []
    for sample in SAMPLES:
        for file, text in sample.files(folder).items():
            write_atomic(folder / file, text)
            ends = (t for end, t in (sample.times or {}).items() if file.endswith(end))
            times.append(f"{file},{next(ends, ON_TIME)}")
    write_atomic(folder / "submitted.csv", "\n".join(["file,submitted", *times]) + "\n")
    write_atomic(base / "grade.yml", RULES)
    known = {student for student, *_ in STUDENTS}
    lines = [f'{name},"{said.replace(chr(34), 2 * chr(34))}",{id}' for name, said, id in STUDENTS]
    lines += [f"{each.name},{each.name.title()}," for each in SAMPLES if each.name not in known]
    write_atomic(base / "roster.csv", "\n".join(["student,name,canvas_id", *lines]) + "\n")


def _fingerprints(places: list[Path]) -> dict[Path, str]:
    """Mode and hash of every file in these places."""
    found = {}
    for place in places:
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in (f for f in files if f.is_file() and "__pycache__" not in f.parts):
            hashed = hashlib.sha256(file.read_bytes()).hexdigest()
            found[file] = f"{file.stat().st_mode:o} {hashed}"
    return found
