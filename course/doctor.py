"""What `minigpt doctor` does: one line for everything the course needs, and how to mend it.

What it finds can be written to a file, for `course.readiness` to read beside those of a class.
"""

import contextlib
import functools
import importlib.metadata
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from course.paths import MY, ROOT, RUNS

GOOD, BAD, NOTE = "✓", "✗", "!"  # BAD: the course can't run; NOTE: it can, but
REQUIREMENTS = ROOT / "requirements.txt"
INSTALL = "python -m pip install -r requirements.txt"
CPU_BUILD = "see 'Get started' on pytorch.org: Linux, Pip, CPU, and torch=={} in the line it shows"
GIGABYTE = 1e9
TIMED_STEPS = 20
SLOW = 600  # seconds of training that are too many to wait for
Finding = tuple[str, str]


def examine(out: Path | None = None, name: str = "") -> int:
    """Print one line per finding; returns the exit code, 1 if something essential is missing.

    Args:
        out: a file for the instructor, with what was found and no path of this machine in it.
        name: whose machine it is, for that file.
    """
    marks = {}  # what a check found worst
    for check in (python, packages, torch_build, memory, disk, folders, text, kernel, mine, speed):
        found = []
        try:
            for mark, line in check():
                print(f"{mark} {line}", flush=True)
                found.append(mark)
        except ImportError as error:
            print(f"{BAD} {check.__name__}: {error}; install it: {INSTALL}", flush=True)
            found.append(BAD)
        marks[check.__name__] = next((mark for mark in (BAD, NOTE) if mark in found), GOOD)
    is_ready = BAD not in marks.values()
    print("Everything essential is in place." if is_ready else "Mend the lines with ✗, then again.")
    if out:
        from course import readiness

        readiness.write(out, name, marks)
        print(f"Written to {out}; send it to your instructor.")
    return 0 if is_ready else 1


def python() -> Iterator[Finding]:
    """The version of Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= (3, 14):
        yield NOTE, f"Python {version}: the course is tested with 3.11, 3.12 and 3.13"
    else:
        yield GOOD, f"Python {version}"


def packages(requirements: Path = REQUIREMENTS) -> Iterator[Finding]:
    """The packages of requirements.txt, in the versions it names."""
    missing, other = differences(requirements)
    if missing:
        yield BAD, f"packages missing: {', '.join(missing)}; install them: {INSTALL}"
    if other:
        yield NOTE, f"packages of other versions: {'; '.join(other)}; to get ours: {INSTALL}"
    if not missing and not other:
        yield GOOD, f"{len(pins(requirements))} packages in the versions of requirements.txt"


def pins(requirements: Path = REQUIREMENTS) -> dict[str, str]:
    """Each package that a requirements file names, with its version."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def differences(requirements: Path = REQUIREMENTS) -> tuple[list[str], list[str]]:
    """The packages that are missing, and those of another version, with both versions."""
    missing, other = [], []
    for name, wanted in pins(requirements).items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if _base(found) != wanted:
            other.append(f"{name} {found}, not {wanted}")
    return missing, other


def _base(version: str) -> str:
    return version.partition("+")[0]  # 2.13.0+cpu is 2.13.0


def torch_build() -> Iterator[Finding]:
    """Whether torch brings gigabytes for a graphics card that is not there."""
    import torch

    if torch.version.cuda and not torch.cuda.is_available():
        advice = CPU_BUILD.format(_base(torch.__version__))
        yield NOTE, f"torch {torch.__version__} is built for CUDA; for a smaller one: {advice}"
    else:
        yield GOOD, f"torch {torch.__version__}, {torch.get_num_threads()} threads"


def memory() -> Iterator[Finding]:
    """Free memory: a notebook takes up to 1.5 GB."""
    free = free_memory()
    line = f"{free:.1f} GB of memory free"
    yield (GOOD, line) if free > 2 else (NOTE, f"{line}; close other programs, 2 GB are needed")


def free_memory() -> float:
    """In gigabytes."""
    import psutil

    return psutil.virtual_memory().available / GIGABYTE


def disk() -> Iterator[Finding]:
    """Free disk space for trained models and the book."""
    free = free_disk()
    line = f"{free:.1f} GB of disk free"
    yield (GOOD, line) if free > 1 else (NOTE, f"{line}; make room, 1 GB is needed")


def free_disk() -> float:
    """In gigabytes."""
    return shutil.disk_usage(ROOT).free / GIGABYTE


def folders() -> Iterator[Finding]:
    """Whether the folders for trained models and for the learner's work can be written to."""
    for variable, folder in (("MINIGPT_RUNS_DIR", RUNS), ("MINIGPT_MY_DIR", MY)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            yield GOOD, f"{folder} can be written to"
        except OSError as error:
            reason = error.strerror or error
            yield BAD, f"can't write to {folder} ({reason}); set {variable} to another folder"


def text() -> Iterator[Finding]:
    """Which text there is to learn from."""
    from course.corpora import FILE, load_corpus

    data = os.environ.get("MINIGPT_DATA_DIR")
    if data and not Path(data, FILE).is_file():
        yield NOTE, f"MINIGPT_DATA_DIR is {data}, which has no {FILE}; put it there or unset it"
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            corpus = load_corpus()
    except (ValueError, OSError) as error:
        yield BAD, f"{error}; set MINIGPT_CORPUS to another text, or unset it"
        return
    if line := said.getvalue().strip():
        yield NOTE, line
    else:
        yield GOOD, f"text to learn from: {corpus.name}, {corpus.source}"


def kernel() -> Iterator[Finding]:
    """Whether Jupyter finds a Python to execute notebooks with."""
    import ipykernel
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().get_kernel_spec("python3")
        yield GOOD, f"Jupyter's kernel python3, ipykernel {ipykernel.__version__}"
    except NoSuchKernel:
        command = "python -m ipykernel install --sys-prefix"
        yield BAD, f"Jupyter finds no kernel python3; make one: {command}"


def mine() -> Iterator[Finding]:
    """Whose library is in use."""
    import minigpt_lib

    place = Path(minigpt_lib.__file__).resolve().parent
    if place == MY / "minigpt_lib":
        yield GOOD, f"the library in use holds your own answers: {place}"
    elif place == ROOT / "minigpt_lib":
        yield GOOD, "the library in use is the course's; `minigpt use mine` puts in your answers"
    else:
        yield NOTE, f"the library in use is {place}, not of this checkout; here: pip install -e ."


def speed() -> Iterator[Finding]:
    """How long the smallest preset trains here, from a few timed steps."""
    seconds, steps = seconds_per_step()
    total = seconds * steps
    line = f"{seconds:.3f} s per step: the preset cpu, {steps} steps, takes {total:.0f} s"
    yield (GOOD, line) if total < SLOW else (NOTE, f"{line}; to see it speak sooner: --steps 500")


@functools.cache
def seconds_per_step() -> tuple[float, int]:
    """Seconds that a step of the preset cpu takes here, and how many steps its training has."""
    import torch

    from course.runs import settings
    from course.training import MAX_THREADS
    from minigpt_lib.model import GPT
    from minigpt_lib.train import adamw, random_batches, train_step

    torch.set_num_threads(min(torch.get_num_threads(), MAX_THREADS))
    model_config, config = settings("cpu", 65)
    with torch.random.fork_rng(devices=[]):
        model = GPT(model_config)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(65, (10_000,), generator=generator)  # (n,)
    batches = random_batches(ids, config.batch_size, model_config.context_length, generator)
    optimizer = adamw(model, config)
    train_step(model, optimizer, batches, 0, config)  # the first one is slow
    start = time.perf_counter()
    for step in range(TIMED_STEPS):
        train_step(model, optimizer, batches, step, config)
    return (time.perf_counter() - start) / TIMED_STEPS, config.max_steps
