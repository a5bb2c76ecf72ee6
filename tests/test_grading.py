"""Grading: what is read, what an answer's process may do and know, points, and the files."""

import csv
import io
import json
import math
import mmap
import os
import pickle
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unicodedata
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import torch

from course import paths, syllabus
from course.checks import engine
from course.checks.engine import Verdict
from course.exercises import exercise
from course.grading import (
    demo,
    grade,
    judging,
    plain,
    remote,
    report,
    rules,
    sandbox,
    scores,
    seccomp,
    submissions,
    zygote,
)
from course.grading.submissions import Student, Submission, collect, roster
from course.notebook import chapters, code_cells, notebook_text, read_notebook

CHAPTERS = syllabus.load().chapters
EXERCISES = [each for chapter in CHAPTERS for each in chapter.exercises]
TASKS = [
    task for path in chapters(paths.SOLUTIONS) for task in engine.exercises(path.stem[:2]).values()
]
STEMS = ["02_data", "04_attention"]
linux = pytest.mark.skipif(sys.platform != "linux", reason="submissions run on Linux alone")


# Values on their way

BRACES = str.maketrans("[]", "{}")


def test_plain_values_come_back_as_they_were():
    generator = torch.Generator().manual_seed(3)
    value = {
        "a": [1, -2.5, True, None, "é\ud800", (), {3, 4}],
        (1, "b"): torch.arange(6.0).view(2, 3).T,
        "none": torch.empty(0, 3, dtype=torch.int64),
        "bool": torch.tensor([True, False]),
        "b16": torch.ones(2, dtype=torch.bfloat16),
        "nan": float("nan"),
        "place": torch.device("meta"),
        "meta": torch.empty(2, device="meta"),
        "kind": torch.float64,
        "random": generator,
        "counts": Counter("aab"),
    }
    back = plain.decode(plain.encode(value))
    assert list(back) == list(value) and back["a"] == value["a"]
    for name in ((1, "b"), "none", "bool", "b16"):
        assert torch.equal(back[name], value[name]) and back[name].dtype == value[name].dtype
    assert back["meta"].device.type == "meta" and back["nan"] != back["nan"]
    assert (back["place"], back["kind"]) == (value["place"], value["kind"])
    assert back["counts"]["c"] == 0
    assert repr(plain.decode(plain.encode({*"hgfedcba"}))) == repr([*"abcdefgh"]).translate(BRACES)
    assert torch.equal(torch.rand(3, generator=back["random"]), torch.rand(3, generator=generator))


class Loaded:
    """Would run something if it was unpickled."""

    def __reduce__(self):
        return os._exit, (1,)


def test_what_is_not_plain_stays_behind_and_is_only_named():
    data = plain.encode([Loaded()], lambda value: plain.Shadow(type(value).__name__, shown="<it>"))
    (back,) = plain.decode(data)
    assert engine.describe(back) == "a Loaded" and repr(back) == "<it>"
    assert not isinstance(back, Loaded)
    with pytest.raises(plain.NotPlain):
        plain.encode([Loaded()])
    with pytest.raises(plain.NotPlain):
        plain.encode(torch.ones(2, requires_grad=True))


def test_no_bytes_do_more_than_fail():
    data = plain.encode({"x": [torch.ones(2, 3), "text", 7], "y": torch.tensor([1, 2])})
    for broken in (b"", data[:-1], data + b"\0", data[:20], pickle.dumps(Loaded())):
        with pytest.raises(ValueError):
            plain.decode(broken)
    deep, many = b"[" * 10**5, b'["tensor", "float32", [1099511627776, 1099511627775]]'
    for head in (
        deep,
        many,
        b'["tensor", "float32", [-1]]',
        b'["tensor", "float32", [3]]',
        b'["other"]',
        b'{"a": 1}',
        b"9" * 9999,
    ):
        with pytest.raises(ValueError):
            plain.decode(plain.HEAD.pack(len(head)) + head)
    chance = random.Random(0)
    for _ in range(500):
        changed = bytearray(data)
        changed[chance.randrange(len(data))] = chance.randrange(256)
        try:
            plain.decode(bytes(changed))
        except ValueError:
            continue


def test_inputs_are_changed_in_place_as_the_answer_changed_them():
    generator = torch.Generator().manual_seed(1)
    tensor, items = torch.ones(2), [torch.zeros(2), 5]
    after = [torch.tensor([1.0, 7.0]), [torch.ones(2), 6, 7], torch.Generator().manual_seed(9)]
    inner = items[0]
    remote.put_back([tensor, items, generator], after)
    assert tensor.tolist() == [1, 7] and inner.tolist() == [1, 1] and items[1:] == [6, 7]
    assert generator.initial_seed() == 9 or torch.equal(generator.get_state(), after[2].get_state())


# What a process of a submission gets to know, and may do


def codes(answer) -> set[bytes]:
    """The compiled code of an answer; what is too short to tell is left out."""
    found = engine.guard.methods(answer) if isinstance(answer, type) else [answer]
    found = [getattr(engine.guard.unwrapped(each), "__code__", None) for each in found]
    return {code.co_code for code in found if code and len(code.co_code) > 40}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.number)
def test_no_right_and_no_wrong_answer_travels(task):
    for part in (part for part in task.parts if not part.read):
        cases = part.cases(torch.Generator().manual_seed(0))
        luggage = remote.luggage(task, part, cases)
        for answer in (part.right, *(wrong.answer for wrong in part.wrong)):
            assert not any(code in luggage for code in codes(answer)), getattr(
                answer, "__name__", ""
            )
        for text in (*task.hints, *(w.hint for w in part.wrong if isinstance(w.hint, str))):
            assert text.encode() not in luggage


def test_the_copy_of_the_course_holds_no_answer(tmp_path):
    remote.copy_course(tmp_path / "code")
    texts = {path: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.py")}
    assert (tmp_path / "code/course/grading/zygote.py") in texts
    assert (tmp_path / "code/minigpt_lib/attention.py") in texts
    for path, text in texts.items():
        assert not re.search(r"^EXERCISES = \{|^VARIANTS|^def right_", text, re.MULTILINE), path
        assert not re.search(r"^ *### BEGIN SOLUTION", text, re.MULTILINE), path
    assert not [*tmp_path.rglob("*.ipynb"), *tmp_path.rglob("demo.py")]


def attempts(
    home: Path, outside: Path, door: Path, address: tuple, sibling: int
) -> dict[str, object]:
    """What a confined process manages to do."""
    import resource  # which Windows has not

    tries = {
        "writes at home": lambda: (home / "own.txt").write_text("mine"),
        "reads Python": lambda: Path(os.__file__).read_text(),
        "reads outside": lambda: outside.read_text(),
        "writes outside": lambda: outside.write_text("all points"),
        "removes outside": outside.unlink,
        "writes anew": lambda: outside.with_name("grades.csv").write_text("all points"),
        "writes a large file": lambda: (home / "large").write_bytes(bytes(2 * 2**20)),
        "forks": os.fork,
        "empties outside": lambda: os.truncate(outside, 0),
        "empties while it reads": lambda: os.open(outside, os.O_RDONLY | os.O_TRUNC),
        "makes a file in memory": lambda: os.memfd_create("mine"),
        "makes a pair": socket.socketpair,
        "executes": lambda: os.execv("/bin/true", ["true"]),
        "kills": lambda: os.kill(os.getppid(), 9),
        "signals all": lambda: os.kill(-1, 0),
        "ends itself": lambda: os.kill(os.getpid(), 0),
        "connects": lambda: socket.create_connection(address, 1),
        "connects by a file": lambda: socket.socket(socket.AF_UNIX).connect(str(door)),
        "makes readable to none": lambda: outside.chmod(0),
        "changes a mode by its handle": lambda: os.fchmod(os.open(os.__file__, os.O_RDONLY), 0o644),
        "gives away": lambda: os.chown(home / "own.txt", -1, os.getgid()),
        "ages": lambda: os.utime(outside),
        "limits": lambda: resource.prlimit(sibling, resource.RLIMIT_NOFILE, (64, 64)),
        "sets its own limits": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
        "takes memory": lambda: len(bytearray(2**31)),
    }
    managed = {}
    for name, action in tries.items():
        try:
            action()
            managed[name] = True
        except (OSError, MemoryError):
            managed[name] = False
    return managed


@linux
@pytest.mark.parametrize("is_root", [True, False])
def test_a_confined_process_reads_python_writes_at_home_and_nothing_else(tmp_path, is_root):
    if not sandbox.landlock_version():
        pytest.skip("this kernel has no Landlock")
    if is_root and os.getuid() != 0:
        pytest.skip("the tests don't run as root")
    home, outside = tmp_path / "home", tmp_path / "roster.csv"
    home.mkdir()
    outside.write_text("student")
    outside.chmod(0o666)
    tmp_path.chmod(0o777)
    if os.getuid() == 0:
        for place in (home, outside):
            os.chown(place, sandbox.NOBODY, -1)
    server = socket.create_server(("127.0.0.1", 0))
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(tmp_path / "door"))
    door.listen()
    (tmp_path / "door").chmod(0o777)
    reader, writer = os.pipe()
    if (sibling := os.fork()) == 0:  # nobody's too, and not shut in
        if os.getuid() == 0:
            sandbox._become_nobody(True)
        signal.pause()
        os._exit(0)
    pid = os.fork()
    if pid == 0:
        limits = sandbox.Limits(memory_mb=512.5, file_mb=1.5)
        try:
            if os.getuid() == 0 and not is_root:
                sandbox._become_nobody(True)
            readable = [sys.prefix, sys.base_prefix, "/usr", "/lib"]
            sandbox.confine(home, readable, limits)
            done = attempts(home, outside, tmp_path / "door", server.getsockname(), sibling)
        except BaseException as error:
            done = {"failed": repr(error)}
        os.write(writer, json.dumps(done).encode())
        os._exit(0)
    os.close(writer)
    managed = json.loads(os.read(reader, 10**6))
    os.kill(sibling, signal.SIGKILL)
    for each in (pid, sibling):
        os.waitpid(each, 0)
    own = {"writes at home", "reads Python", "ends itself", "sets its own limits"}
    assert {name for name, value in managed.items() if value} == own
    assert outside.read_text() == "student"


@linux
def test_the_numbers_of_refused_calls_are_those_of_the_kernel():
    header = Path("/usr/include/asm-generic/unistd.h")
    if not header.exists():
        pytest.skip("the kernel's headers are not here")
    generic = dict(re.findall(r"#define __NR_(\w+)\s+(\d+)", header.read_text()))
    names = "socket connect bind fchmod fchmodat fchown fchownat setxattr utimensat unshare ptrace"
    names += " process_vm_readv io_uring_setup mount bpf keyctl userfaultfd socketpair memfd_create"
    names += (
        " shmget shmat shmctl semget semop semctl msgget msgsnd msgrcv msgctl mq_open mq_unlink"
    )
    for name in names.split():
        number = int(generic[name])
        assert number in seccomp.REFUSED["aarch64"] + seccomp.REFUSED_ANYWHERE, name
    assert seccomp.SIGNALS["aarch64"] == tuple(int(generic[n]) for n in ("kill", "tkill", "tgkill"))


@linux
def test_nobody_but_root_grades_without_landlock(monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "landlock_version", lambda: 2)  # which lets files be emptied
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    with pytest.raises(OSError, match="no Landlock"):
        grade.grade(tmp_path, tmp_path / "g.csv")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    grade.refuse_elsewhere()


def test_elsewhere_than_on_linux_grade_refuses(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "darwin")
    for run in (
        lambda: grade.grade(tmp_path, tmp_path / "g.csv"),
        lambda: demo.run(tmp_path / "g.csv"),
    ):
        with pytest.raises(OSError, match="Linux alone"):
            run()
    assert not [*tmp_path.iterdir()]


def a_process(home: Path) -> tuple[remote.Process, socket.socket]:
    """A process as the judge sees it, without one behind it: the other end is the test's."""
    process = object.__new__(remote.Process)
    process.channel, theirs = socket.socketpair()
    process.home, process.limits, process.pid = home, sandbox.Limits(), os.getpid()
    process.within(10)
    return process, theirs


def test_folders_count_as_files_and_hidden_ones_are_refused(tmp_path, monkeypatch):
    process, _ = a_process(tmp_path)
    process._refuse_full_folder()
    for count in range(remote.MOST_FILES):
        (tmp_path / str(count)).mkdir()
    process._refuse_full_folder()
    (tmp_path / "one more").mkdir()
    with pytest.raises(remote.Gone, match="more files"):
        process._refuse_full_folder()
    with pytest.raises(remote.Gone, match="nobody can look"):
        remote._refuse_hidden(PermissionError())


def test_a_tree_that_is_too_deep_for_python_is_counted_and_deleted(tmp_path, monkeypatch):
    process, _ = a_process(tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    try:
        for name in ("home", *1500 * "a"):
            os.mkdir(name)
            os.chdir(name)
        os.chdir(tmp_path)
        with pytest.raises(remote.Gone, match="files"):
            process._refuse_full_folder()
        remote._remove(tmp_path / "home")
        assert not (tmp_path / "home").exists()
    finally:  # or pytest itself could not tidy up
        subprocess.run(["rm", "-rf", "--", tmp_path / "home"], check=True)


def test_a_name_that_is_too_long_to_look_at_stops_its_own_answer_alone(tmp_path):
    process, _ = a_process(tmp_path / "home")
    (tmp_path / "home").mkdir()
    here = os.open(tmp_path / "home", os.O_RDONLY)
    try:
        for _ in range(19):
            os.mkdir("a" * 200, dir_fd=here)
            here = os.open("a" * 200, os.O_RDONLY, dir_fd=here)
        os.close(os.open("b" * 250, os.O_CREAT | os.O_WRONLY, dir_fd=here))
        with pytest.raises(remote.Gone, match="nobody can look"):
            process._refuse_full_folder()
    finally:  # or pytest itself could not tidy up
        subprocess.run(["rm", "-rf", "--", tmp_path / "home"], check=True)


@linux
def test_files_without_a_name_count_as_large_as_they_may_be(tmp_path):
    process, _ = a_process(tmp_path)
    process.deleted = process._deleted()
    kept = []
    for _ in range(17):
        with tempfile.TemporaryFile(dir=tmp_path) as file:
            file.write(bytes(4096))
            file.flush()
            kept.append(mmap.mmap(file.fileno(), 4096))
        if len(kept) == 16:
            process._refuse_full_folder()
    with pytest.raises(remote.Gone, match="more files"):
        process._refuse_full_folder()


def test_nothing_goes_on_after_the_deadline_of_a_notebook(tmp_path):
    process, _ = a_process(tmp_path)
    process.deadline = 0
    process.within(10)
    with pytest.raises(remote.Gone, match="after 10 seconds"):
        process._refuse_late()


def test_what_jupyter_alone_understands_is_left_out_of_an_answer():
    source = (
        "%%time\ndef f(x):\n    !ls\n    return x\n%timeit f(1)\ndisplay(f(2))\nanswer = f(3)\n"
    )
    server = zygote.Server(None)
    server.on_cell("cell", judging.python_of(source))
    assert server.namespace["answer"] == 3
    for kept in ("x = (7\n     % 4)\n", "def f(:\n", "\0"):
        assert judging.python_of(kept) == kept


def test_an_answer_that_goes_on_talking_is_late_all_the_same(tmp_path):
    process, theirs = a_process(tmp_path)
    theirs.sendall(bytes(8))
    process.until = 0
    with pytest.raises(remote.Gone, match="still running"):
        process._exactly(8)


def test_every_exception_there_is_one_here():
    for kind in ("ExceptionGroup", "UnicodeDecodeError", "KeyError", "SystemExit", "Mine", "a b"):
        error = remote.error_of({"kind": kind, "text": "said"})
        assert isinstance(error, Exception) and str(error) == "said"
        assert type(error).__name__ == (kind if kind != "a b" else "Exception")


class Asked:
    """A process that only notes what it is asked."""

    limits = sandbox.Limits()

    def __init__(self):
        self.asked = []

    def within(self, seconds: float) -> None:
        pass

    def ask(self, what: str, *args: object) -> dict:
        self.asked.append(what)
        cases = pickle.loads(args[-1])[2] if what == "run" else []
        return {"values": [{"value": None} for _ in cases], "names": [], "printed": False}


@pytest.mark.parametrize(("number", "is_there"), [("4.7", False), ("6.2", True), ("3.1", True)])
def test_the_exercise_decides_what_goes_to_the_submission(number, is_there):
    (task,) = (each for each in TASKS if each.number == number)
    cases = task.parts[0].cases(torch.Generator().manual_seed(0))
    for role in ("function", "class"):
        answer = remote.Answer(process := Asked(), plain.Shadow("type", role, 0))
        answer.run(task, task.parts[0], cases)
        assert ("run" in process.asked) is is_there
    wrong = remote.Answer(
        Asked(), plain.Shadow("type", "function" if number == "6.2" else "class", 0)
    )
    with pytest.raises(engine.Found, match="expected the "):
        engine.judge_part(task, task.parts[0], wrong, torch.Generator())


# What counts of a notebook


def test_of_a_notebook_only_the_answer_cells_count():
    (path,) = chapters(paths.SOLUTIONS, ["04"])
    notebook, handed_in = judging.load(path), exercise(path)
    for cell in code_cells(handed_in):
        cell.source += "\nprint('passed')"
    answers = judging.answers_in(handed_in, notebook)
    assert list(answers) == notebook.numbers
    assert all(source.startswith(f"# {number} ") for number, source in answers.items())
    prepared = [step.source for step in notebook.steps if not step.is_answer]
    assert not any("passed" in source for source in prepared)
    by_id = {cell["id"]: cell for cell in code_cells(handed_in)}
    by_id["window"].source = "# mine\nwindow_mask = 3"
    by_id["leak"]["id"] = "another"
    handed_in.cells.remove(by_id["order"])
    answers = judging.answers_in(handed_in, notebook)
    assert answers["4.7"] == "# mine\nwindow_mask = 3" and "4.6" not in answers
    assert answers["4.5"].startswith("# 4.5 ")


def test_a_very_long_answer_is_refused_and_never_parsed_where_all_are_judged(monkeypatch):
    (path,) = chapters(paths.SOLUTIONS, ["04"])
    notebook = judging.load(path)
    monkeypatch.setattr(judging, "free_names", None)  # parses; the fork alone does that
    answers = {"4.2": "#" * (judging.LONGEST_ANSWER + 1), "4.3": "x = 1"}
    judge = judging._Judge(None, notebook, answers, judging.Assignment([]), [], 0.0)
    steps = {step.number: step for step in notebook.steps if step.names}
    reasons = [judge._reason(steps[number]) for number in ("4.2", "4.3", "4.4")]
    assert reasons == [("cell", judging.TOO_LONG), None, ("cell", judging.NO_CELL)]


@pytest.mark.parametrize("error", [remote.Gone("ended", "it ends"), TypeError("it ends")])
def test_a_process_that_does_not_start_is_the_graders_error(error):
    class Broken:
        def open(self):
            raise error

    (path,) = chapters(paths.SOLUTIONS, ["04"])
    judge = judging._Judge(
        Broken(), judging.load(path), {}, judging.Assignment([]), ["4.2"], math.inf
    )
    with pytest.raises(OSError, match="no process starts for a submission: it ends"):
        judge.run(print)


def test_cells_that_only_try_an_answer_out_are_left_out():
    (path,) = chapters(paths.SOLUTIONS, ["02"])
    notebook = judging.load(path)
    answers = judging.answers_in(read_notebook(path), notebook)
    names = {step.id: index for index, step in enumerate(notebook.steps)}
    found = judging.needed(notebook, answers)
    assert names["imports"] in found and names["fifty-steps"] not in found
    answers["2.4"] = "faulty = [2, 5]\nprint(ids)"
    assert names["fifty-steps"] in judging.needed(notebook, answers)
    assert names["imports"] in judging.needed(notebook, answers | {"2.4": "def ("})


# What was handed in


def write(folder: Path, file: str, text: str | None = None) -> None:
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    stem = "02_data" if "02" in file else "04_attention"
    (folder / file).write_text(text or (paths.EXERCISES / f"{stem}.ipynb").read_text())


CLASS = [
    Student("ada", "Ada King", "ada@example.org", canvas_id="77"),
    Student("bo", "Bo Ek", "bo@example.org"),
    Student("zoë", "Zoë Å", "---"),
]


@pytest.mark.parametrize(
    ("file", "student", "stem"),
    [
        ("ada/04_attention.ipynb", "ada", "04_attention"),
        ("ada/week 3/04_attention (1).ipynb", "ada", "04_attention"),
        ("Ada King/homework.ipynb", "ada", "04_attention"),
        ("ada_04_attention.ipynb", "ada", "04_attention"),
        ("kingada_77_1234_02_data-3.ipynb", "ada", "02_data"),
        ("anothername_77_1234_02_data.ipynb", "ada", "02_data"),
        ("ekbo_LATE_78_1235_02_data.ipynb", "bo", "02_data"),
        ("Bo Ek_4711_assignsubmission_file_/02_data.ipynb", "bo", "02_data"),
        ("bo@example.org/02_data.ipynb", "bo", "02_data"),
        ("stranger/02_data.ipynb", "stranger", "02_data"),
        ("ada/04_attention-Copy1.ipynb", "ada", "04_attention"),
        ("kingada_99_1234_02_data.ipynb", "kingada_99", "02_data"),
        ("Ada King_99_1234_02_data.ipynb", "Ada King_99", "02_data"),
        ("zoe\u0308/02_data.ipynb", "zoë", "02_data"),
        ("Zoe\u0308 \u212b/02_data.ipynb", "zoë", "02_data"),
        ("-/02_data.ipynb", "-", "02_data"),
        ("canvas/02_data.ipynb", "canvas", "02_data"),
        ("canvas 77 x/02_data.ipynb", "canvas 77 x", "02_data"),
        ("3²4/02_data.ipynb", "3²4", "02_data"),
    ],
)
def test_files_are_found_as_systems_name_them(tmp_path, file, student, stem):
    write(tmp_path, file)
    handed = collect(tmp_path, CLASS, STEMS, rules.Rules())
    assert [(s.student, s.stem) for s in handed.submissions] == [(student, stem)]
    assert ("LATE" in file) == bool(handed.submissions[0].remarks)


def test_two_of_one_name_in_moodle_are_two(tmp_path):
    for folder in ("Ada King_1_assignsubmission_file_", "Ada King_2_assignsubmission_file_"):
        write(tmp_path, f"{folder}/02_data.ipynb")
    handed = collect(tmp_path, CLASS, STEMS, rules.Rules())
    assert handed.students == {"Ada King_1", "Ada King_2"}


def test_who_has_a_number_for_each_assignment_in_moodle_is_one(tmp_path):
    write(tmp_path, "second/Ada King_1_assignsubmission_file_/02_data.ipynb")
    write(tmp_path, "fourth/Ada King_2_assignsubmission_file_/04_attention.ipynb")
    write(tmp_path, "Bo Ek_7_assignsubmission_file_04_attention.ipynb")
    handed = collect(tmp_path, CLASS, STEMS, rules.Rules())
    assert {(s.student, s.stem[:2]) for s in handed.submissions} == {
        ("ada", "02"),
        ("ada", "04"),
        ("bo", "04"),
    }
    both = [Student("a1", "Ada King"), Student("a2", "Ada King")]
    handed = collect(tmp_path, both, STEMS, rules.Rules())
    assert handed.students == {"Ada King_1", "Ada King_2", "Bo Ek"}


def test_what_cannot_be_read_is_named(tmp_path, monkeypatch):
    write(tmp_path, "ada/02_data.ipynb")
    write(tmp_path, "shut/02_data.ipynb")
    scan = os.scandir

    def no_entry(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "no", str(path))
        return scan(path)

    def unreadable(path):
        raise PermissionError(13, "no", str(path))

    monkeypatch.setattr(os, "scandir", no_entry)
    monkeypatch.setattr(submissions, "read_notebook", unreadable)
    handed = collect(tmp_path, [], STEMS, rules.Rules())
    assert handed.remarks == ["shut can't be read"]
    assert "not a notebook that can be read" in handed.submissions[0].remarks[0]


def test_without_times_a_copy_counts_after_the_plain_name(tmp_path):
    for name in ("04_attention", "04_attention-2", "04_attention (1)"):
        write(tmp_path, f"ada/{name}.ipynb")
    files = [s.file for s in collect(tmp_path, [], STEMS, rules.Rules()).submissions]
    assert files[0] == "ada/04_attention.ipynb" and len(files) == 3


@linux
def test_what_must_stay_secret_may_not_lie_where_submissions_read(tmp_path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(ValueError, match="keep results apart"):
        grade.grade(folder, folder / "grades.csv")
    (tmp_path / "table.csv").mkdir()
    with pytest.raises(IsADirectoryError, match=r"table\.csv is a folder"):
        grade.grade(folder, tmp_path / "table.csv")
    data = tmp_path / "data"
    data.mkdir()
    (data / "tinyshakespeare.txt").touch()
    monkeypatch.setenv("MINIGPT_DATA_DIR", str(data))
    with pytest.raises(ValueError, match=r"grades.csv lies in .*data, which .* may read"):
        grade.grade(folder, data / "grades.csv")
    text = tmp_path / "own.txt"
    text.touch()
    monkeypatch.setenv("MINIGPT_CORPUS", str(text))
    assert str(text) in remote.readable()


def test_files_that_are_no_submission_are_named_and_not_followed(tmp_path):
    (tmp_path / "secret.ipynb").write_text("{}")
    folder = tmp_path / "in"
    write(folder, "ada/02_data.ipynb", "[]")
    write(folder, "ada/notes.txt")
    write(folder, "ada/.ipynb_checkpoints/04_attention.ipynb")
    write(folder, "ada/06_blocks.ipynb", notebook_text(exercise(*chapters(paths.SOLUTIONS, ["6"]))))
    write(folder, "04_attention.ipynb")
    (folder / "ada" / "04_attention.ipynb").symlink_to(tmp_path / "secret.ipynb")
    handed = collect(folder, [], STEMS, rules.Rules())
    write(tmp_path / "kept", "ada/02_data.ipynb")
    (kept,) = collect(tmp_path / "kept", [], STEMS, rules.Rules()).submissions
    assert {key for cell in kept.notebook.cells for key in cell} == {"cell_type", "id", "source"}
    (broken,) = handed.submissions
    assert broken.notebook is None and "not a notebook" in broken.remarks[0]
    assert sorted(handed.remarks) == [
        "04_attention.ipynb names no student",
        "ada/04_attention.ipynb is a link, which is not followed",
        "ada/06_blocks.ipynb is no chapter that is graded",
        "ada/notes.txt is no notebook (.ipynb)",
    ]


def test_attempts_are_in_the_order_of_time_else_of_their_names(tmp_path):
    for count in (10, 9, 2):
        write(tmp_path, f"ada/attempt {count}/04_attention.ipynb")
    order = [s.file for s in collect(tmp_path, [], STEMS, rules.Rules()).submissions]
    assert [re.search(r"\d+", file)[0] for file in order] == ["2", "9", "10"]
    times = "file,submitted\nada/attempt 10/04_attention.ipynb,2027-01-01 23:59\n"
    times += "ada/attempt 2/04_attention.ipynb,2027-01-02T00:00:00+14:00\n"
    (tmp_path / "submitted.csv").write_text(times + "nowhere,2027-01-01 12:00\n")
    handed = collect(tmp_path, [], STEMS, rules.Rules())
    assert [re.search(r"\d+", s.file)[0] for s in handed.submissions] == ["9", "2", "10"]
    assert handed.remarks == ["submitted.csv names nowhere, which is not graded"]


def test_the_order_is_not_that_in_which_a_disk_lists_its_files(tmp_path, monkeypatch):
    for name in ("attempt 1", "attempt 01"):
        write(tmp_path, f"ada/{name}/04_attention.ipynb")
    below, found = submissions._below, []
    for order in (sorted, lambda paths: sorted(paths, reverse=True)):
        monkeypatch.setattr(submissions, "_below", lambda *a, order=order: order(below(*a)))
        handed = collect(tmp_path, [], STEMS, rules.Rules())
        found.append([s.file for s in handed.submissions])
    assert found[0] == found[1]


def test_times_are_found_in_any_form_of_unicode_and_with_any_comma(tmp_path):
    write(tmp_path, unicodedata.normalize("NFD", "zoë/04_attention.ipynb"))
    (tmp_path / "submitted.csv").write_text(
        "submitted;file\n2027-01-01 9:00;zoë/04_attention.ipynb"
    )
    with pytest.raises(ValueError, match="9:00"):
        collect(tmp_path, [], STEMS, rules.Rules())
    (tmp_path / "submitted.csv").write_text(
        "submitted;file\n2027-01-01 09:00;zoë/04_attention.ipynb"
    )
    (handed,) = collect(tmp_path, [], STEMS, rules.Rules()).submissions
    assert handed.submitted.hour == 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,submitted\na,2027-01-01 09:00\na,2027-01-02 09:00\n", "a stands there twice"),
        ("file,submitted\na,2027-01-01\n", "has no time; write it as 2027-01-01 17:59"),
        ("submitted,file\n2027-01-01 09:00\n", "no file beside 2027-01-01 09:00"),
        ("file,submitted\na\n", "a is ''; write a time"),
    ],
)
def test_times_that_cannot_be_used_are_refused(tmp_path, text, said):
    (tmp_path / "submitted.csv").write_text(text)
    with pytest.raises(ValueError, match=re.escape(said)):
        collect(tmp_path, [], STEMS, rules.Rules())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nAda\n", "the column student is missing"),
        ("student,grade\nada,1\n", "no column 'grade' is known; there are student, name"),
        ("student\nada\nada\n", "ada more than once"),
        ("student,name\n,Ada\n", "line 2: no student"),
        ("student\nada,1\n", "more entries than there are columns"),
        (b"student\n\xe9\n", "is not UTF-8"),
    ],
)
def test_a_roster_that_cannot_be_used_is_refused(tmp_path, text, said):
    path = tmp_path / "roster.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=re.escape(said)):
        roster(path)


# What it is worth


def read_rules(tmp_path: Path, text: str) -> rules.Rules:
    (tmp_path / "grade.yml").write_text(text)
    return rules.load(tmp_path / "grade.yml", EXERCISES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("marks: {}", "there is no 'marks'; there are chapters, points"),
        ("points: {transfers: 1}", "points: there is no 'transfers'; there are write-first"),
        ("points: {transfer: -1}", "points, transfer is -1; write a number from 0"),
        ("points: {transfer: .nan}", "write a number from 0"),
        ("exercises: {'4.77': 1}", "exercises: there is no '4.77'"),
        ("late: {per_day: 1}", "late: there is no 'per_day'; there are percent_per_day, maximum"),
        ("attempts: first", "attempts is 'first'; write last or best"),
        ("timezone: Mars", "timezone 'Mars' is none"),
        (
            "due: 9999-12-31",
            "due  is datetime.datetime(9999, 12, 31, 23, 59, 59); write a time such as",
        ),
        ("due: tomorrow", "due  is 'tomorrow'; write a time such as"),
        ("due: {'44': 2027-01-01}", "due: there is no '44'"),
        ("chapters: ['44']", "chapters: there is no '44'"),
        ("seed: 1.5", "seed is 1.5; write a whole number"),
        ("most_attempts: 0", "most_attempts is 0; write a whole number from 1"),
        ("- a", "expected `key: value` lines"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_rule_that_is_none_is_refused(tmp_path, text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        read_rules(tmp_path, text)


def test_lateness_counts_days_begun_after_grace_and_extension(tmp_path):
    found = read_rules(
        tmp_path,
        "due: {4: 2027-03-27 18:00, 5: 2027-05-01}\ntimezone: Europe/Berlin\ngrace_minutes: 30\n"
        "extensions: {mia: 2027-04-01, ole: 2027-01-01}\nlate: {percent_per_day: 20, maximum: 50}",
    )
    berlin = ZoneInfo("Europe/Berlin")

    def days(student: str, *moment: int, chapter: str = "04", zone=berlin) -> int:
        return found.days_late(chapter, student, datetime(*moment, tzinfo=zone))

    assert days("ada", 2027, 3, 27, 18, 30) == 0 < days("ada", 2027, 3, 27, 18, 31) == 1
    assert days("ada", 2027, 3, 27, 18, 0, zone=ZoneInfo("UTC")) == 1
    assert days("ada", 2027, 3, 29, 18, 0) == 2  # the clocks went forward in between
    assert days("ada", 2027, 3, 28, 19, 30) == 1  # 24 hours
    assert days("ada", 2027, 3, 28, 19, 31) == 2
    assert days("mia", 2027, 4, 1, 23, 59) == 0 < days("mia", 2027, 4, 3) == 1
    assert days("ole", 2027, 3, 27, 17, 0) == 0 == days("ada", 2027, 5, 1, 20, chapter="05")
    assert found.days_late("04", "ada", None) == days("ada", 2030, 1, 1, chapter="06") == 0
    assert [found.kept(n) for n in (0, 1, 2, 3, 99)] == [1, 0.8, 0.6, 0.5, 0.5]


def judged(*numbers: str, chapter: str = "04") -> dict[str, Verdict]:
    """Verdicts of a chapter in which these are right."""
    ids = [each.id for each in EXERCISES if scores.chapter_of(each.id) == chapter]
    return {
        i: Verdict(i, i in numbers, f"{i} said", None if i in numbers else "no scale") for i in ids
    }


def test_transfer_earns_points_and_the_rest_completion(tmp_path):
    found = read_rules(tmp_path, "completion: 8\nexercises: {'4.7': 3}\n")
    fourth = next(each.exercises for each in CHAPTERS if each.number == "04")
    handed = Submission("ada", "04_attention", "a.ipynb")

    def points(*numbers: str) -> float:
        return scores.attempt(found, fourth, handed, judged(*numbers)).points

    assert points() == 0 and points("4.5") == 10 and points("4.7") == 3
    assert points("4.1", "4.2") == 4 and scores.best(found, fourth) == 31
    first, second = (scores.attempt(found, fourth, handed, judged(n)) for n in ("4.5", "4.7"))
    assert scores.counting(rules.Rules(attempts="best"), [first, second]) is first
    assert scores.counting(rules.Rules(), [first, second]) is second


def test_the_syllabus_has_the_roles_that_the_exercises_tell_the_learner():
    said = {}
    for path in chapters(paths.SOLUTIONS):
        for cell in read_notebook(path).cells:
            if found := re.match(r"## (\d+\.\d+) .*\n\n(.+)", cell.source):
                words = found[2].split(" · ")
                said[found[1]] = next((role for role in syllabus.ROLES if role in words), "")
    assert {each.id: each.role for each in EXERCISES if each.id in said} == said
    assert len(said) == len(TASKS)


def test_of_many_attempts_the_last_or_one_of_the_first_few_counts(tmp_path):
    for count in range(1, 8):
        write(tmp_path, f"ada/try {count}/04_attention.ipynb")
    write(tmp_path, "ada/02_data.ipynb")
    best = read_rules(tmp_path, "attempts: best\nmost_attempts: 3")
    handed = collect(tmp_path, [], STEMS, best)
    for valued, wanted in ((rules.Rules(), ["7"]), (best, ["1", "2", "3"])):
        found = grade.can_count(handed.submissions, valued)
        assert [each.file.split("/")[1] for each in found[1:]] == [f"try {n}" for n in wanted]
    (row,) = grade._rows([], handed, {}, best, {})
    assert row.attempts == 8
    assert row.remarks == ["04_attention: 7 attempts, of which the first 3 count"]


# The files that are written


def a_sheet() -> scores.Sheet:
    """Two students, the first with names that try something."""
    fourth = next(each.exercises for each in CHAPTERS if each.number == "04")
    worth = rules.Rules(points={"write-first": 0, "transfer": 4, "other": 1})
    who = Student("a/b", '\t=cmd|"x"\x07', "+1@example.org", canvas_id="5", sis_login_id="-1")
    row = scores.Row(who, attempts=1, remarks=["@all\nhere"])
    handed = Submission("a/b", "04_attention", "a.ipynb")
    verdicts = judged("4.1", "4.5") | {
        "4.2": Verdict("4.2", False, "✗ <b>|\x01", "no scale", "The Ruler")
    }
    row.chapters["04"] = scores.attempt(worth, fourth, handed, verdicts)
    rows = (row, scores.Row(Student("a_b"), remarks=["nothing handed in"]))
    return scores.Sheet(worth, {"04": fourth}, rows, ("a remark",))


def table(text: str) -> list[list[str]]:
    return [*csv.reader(io.StringIO(text))]


def test_no_cell_is_a_formula_and_every_row_has_all_columns(tmp_path):
    sheet = a_sheet()
    for text in (report.grades(sheet), report.canvas(sheet), report.moodle(sheet)):
        rows = table(text)
        assert len({len(row) for row in rows}) == 1
        assert not [
            cell for row in rows for cell in row if cell.lstrip()[:1] in ("=", "+", "-", "@")
        ]
        assert all(character.isprintable() for character in text.replace("\n", ""))
    head, first, second = table(report.grades(sheet))
    assert head[3:10] == ["4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7"]
    assert first[3:12] == ["done", "open", "open", "open", "4", "0", "0", "4", "4"]
    assert (
        second[3:12] == ["", "", "", "", "", "", "", "", "0"] and second[-1] == "nothing handed in"
    )
    head, points, first, _ = table(report.canvas(sheet))
    assert head == [
        "Student",
        "ID",
        "SIS User ID",
        "SIS Login ID",
        "Section",
        "Chapter 04 Attention",
    ]
    assert points[0] == "Points Possible" and points[5] == "12" and first[1] == "5"


def test_the_report_of_tests_is_xml_with_what_the_check_said():
    first, second = ET.fromstring(report.junit(a_sheet()))
    assert first.attrib == {"name": "a/b", "tests": "7", "failures": "5", "skipped": "0"}
    assert first.findall("testcase/failure")[0].attrib == {"message": "✗ <b>| ", "type": "no scale"}
    assert second.attrib["skipped"] == "7"


def test_the_summary_counts_mistakes_and_names_what_nobody_solved():
    text = report.summary(a_sheet())
    assert "| 4.2 Attention weights | 0 of 1 | no scale | The Ruler | 1 | ✗ &lt;b>/  |" in text
    assert "- 4.7 A window of w" in text and "- 4.5 Find the leak" not in text
    assert "| Chapter 04 Attention | 1 of 2 | 4 | 12 |" in text and "- a remark" in text


def test_names_and_remarks_stay_in_their_line():
    sheet = a_sheet()
    sheet.rows[0].student = Student("a", "Ada\n12 of 12 points\x1b[2J")
    sheet.rows[0].remarks.append("x\n# The class")
    assert "\n12 of" not in report.feedback(sheet, sheet.rows[0])
    assert "\n# The class" not in report.summary(sheet)


def test_each_student_has_a_file_of_their_own_and_it_stays_in_the_folder(tmp_path):
    report.write(a_sheet(), tmp_path / "grades.csv")
    files = sorted(path.name for path in (tmp_path / "feedback").iterdir())
    assert files == ["a_b.txt", "a_b~2.txt"]
    assert "4 of 12 points" in (tmp_path / "feedback" / "a_b.txt").read_text(encoding="utf-8")
    (tmp_path / "feedback" / "who left.txt").touch()
    (old,) = report.write(a_sheet(), tmp_path / "grades.csv")
    assert old.name == "who left.txt" and old.exists()
    names = report._file_names([scores.Row(Student(name)) for name in ("../x", "..", "A", "a")])
    assert names == ["x", "student", "A", "a~2"]


@pytest.mark.parametrize("content", [None, "{}", "[]", '{"seed"', '{"seed": "7"}'])
def test_a_folder_that_is_no_key_is_refused(tmp_path, content):
    if content:
        (tmp_path / "assignment.json").write_text(content)
    with pytest.raises(ValueError, match="holds no assignment"):
        grade.source_of(tmp_path)
