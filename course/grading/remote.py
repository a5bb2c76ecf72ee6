"""The submission's process as the judge sees it: messages to it, and answers that it runs."""

import builtins
import copy
import functools
import inspect
import json
import math
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import cloudpickle
import psutil
import torch
from torch import nn

from course import corpora, paths
from course.checks import engine, guard
from course.checks.engine import Elsewhere, Exercise, Found, Part, Raised, Ran
from course.checks.typed import Seen
from course.grading.plain import MAX_BYTES, NotPlain, Shadow, decode, encode, other
from course.grading.sandbox import Limits, hidden, landlock_version
from course.grading.zygote import FRAME, send

# Of the course, what never goes to a submission's process.
APART = ("ch[0-9][0-9].py", "demo.py", "widgets", "__pycache__")
SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom")
TOLD = ("unwritten", "changed", "mode", "reference")  # what a process may find of itself
START_SECONDS = 120.0
MOST_FILES = 500  # and folders; os.walk goes no deeper than Python's stack
PATIENCE = 10  # how many times longer something may take than it computes


class Gone(BaseException):
    """The process ended, or had to be ended; its text says why.

    Like NotPlain not an Exception, so that what works with an answer lets it through.
    """

    def __init__(self, diagnosis: str, text: str):
        super().__init__(text)
        self.diagnosis, self.text = diagnosis, text


class Zygote:
    """The process that forks one for each submission; a context manager."""

    def __init__(self, limits: Limits, preload: Iterable[str] = ()):
        self.limits, self.preload = limits, sorted(preload)

    def __enter__(self) -> "Zygote":
        self.scratch = Path(tempfile.mkdtemp(prefix="minigpt-grade-"))
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        self.code, self.homes = self.scratch / "code", self.scratch / "homes"
        copy_course(self.code)
        for folder in (self.scratch, self.homes):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711)  # to pass through, for whoever knows the name of a folder inside
        self.data = _data_folder()
        self.readable = [*readable(), str(self.code)]
        _refuse_unreachable(self.readable)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-P", "-m", "course.grading.zygote", str(theirs.fileno())]
            self.process = subprocess.Popen(
                [*command, *self.preload],
                cwd=self.code,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self.control.settimeout(START_SECONDS)
        if self.control.recv(100) != b"ready":
            raise OSError("the process that runs submissions does not start")

    def _environment(self) -> dict[str, str]:
        single = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        own = {"PYTHONPATH": str(self.code), "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"}
        own |= {"PYTHONDONTWRITEBYTECODE": "1", "MINIGPT_OFFLINE": "1", "MPLBACKEND": "agg"}
        own |= {"HOME": "/nonexistent", "MINIGPT_RUNS_DIR": str(paths.RUNS)}
        corpus = _own_corpus() or os.environ.get("MINIGPT_CORPUS")
        own |= {"MINIGPT_CORPUS": str(corpus)} if corpus else {}
        return own | single | ({"MINIGPT_DATA_DIR": str(self.data)} if self.data else {})

    def __exit__(self, *error: object) -> None:
        if hasattr(self, "control"):
            self.control.close()
        if hasattr(self, "process"):
            self.process.kill() if self.process.poll() is None and _late(self.process) else None
            self.process.wait()
        _remove(self.scratch)

    def open(self) -> "Process":
        """A new process for a submission.

        Raises:
            OSError: it can't be shut in on this system.
        """
        home = Path(tempfile.mkdtemp(dir=self.homes))
        channel, theirs = socket.socketpair()
        leash, its_leash = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = {"home": str(home), "readable": self.readable, "limits": asdict(self.limits)}
        with theirs, its_leash:
            handles = [theirs.fileno(), its_leash.fileno()]
            socket.send_fds(self.control, [json.dumps(order).encode()], handles)
        return Process(channel, leash, home, self.limits)


def copy_course(target: Path) -> None:
    """Copy what an answer may import: the course without its answers, and the library."""
    for folder, apart in ((paths.ROOT / "course", APART), (paths.LIB, ("__pycache__",))):
        shutil.copytree(folder, target / folder.name, ignore=shutil.ignore_patterns(*apart))


def _remove(folder: Path) -> None:
    """Delete a folder that a submission may have filled: Python gives up on a very deep one."""
    subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL, check=False)


def _late(process: subprocess.Popen) -> bool:
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        return True
    return False


def _data_folder() -> Path | None:
    """Where the judge finds Shakespeare, so that submissions learn from the same text."""
    for folder in (os.environ.get("MINIGPT_DATA_DIR"), corpora.cache_folder()):
        if folder and (Path(folder) / corpora.FILE).exists():
            return Path(folder).resolve()
    return None


def _own_corpus() -> Path | None:
    """The text that MINIGPT_CORPUS names, where it names a file."""
    path = Path(os.environ.get("MINIGPT_CORPUS") or "tinytales")
    return path.resolve() if path.is_file() else None


def readable() -> list[str]:
    """What every submission may read, beside its copy of the course."""
    places = (sys.prefix, sys.base_prefix, *SYSTEM, _data_folder(), paths.RUNS, _own_corpus())
    return [str(place) for place in places if place]


def refuse_exposed(private: Iterable[Path]) -> None:
    """Refuse to grade where submissions could read what they must not.

    Raises:
        ValueError: one of these lies in a folder that they may read.
    """
    places = readable()
    for each in private:
        for place in places:
            if each.resolve().is_relative_to(Path(place).resolve()):
                text = "which what was handed in may read; keep it elsewhere"
                raise ValueError(f"{each} lies in {place}, {text}")


def _refuse_unreachable(places: Iterable[str]) -> None:
    """Submissions of a grader who is root run as nobody, who has to be able to read."""
    folder = hidden(places)
    if os.getuid() == 0 and folder and not landlock_version():
        raise OSError(
            f"submissions run as the user nobody, who can't enter {folder}. Grade as an ordinary "
            f"user, or let others enter it: chmod o+x {folder}"
        )


def cpu_seconds(pid: int) -> float:
    """How long a process has computed; 0 of one that is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system


class Process:
    """One submission's process; a context manager that ends it.

    deadline: on the clock, whatever is asked; deleted: what it kept from the start on.
    """

    deadline, deleted = math.inf, 0

    def __init__(self, channel: socket.socket, leash: socket.socket, home: Path, limits: Limits):
        self.channel, self.leash, self.home, self.limits = channel, leash, home, limits
        leash.settimeout(START_SECONDS)
        self.pid = int(leash.recv(100))
        self.within(START_SECONDS)
        if refused := self._reply().get("refused"):
            raise OSError(f"submissions can't be shut in here: {refused}")
        self.deleted = self._deleted()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *error: object) -> None:
        self.channel.close()
        self._ending()
        _remove(self.home)

    def _ending(self) -> str:
        """Let go of the process, and hear how it ended."""
        try:
            self.leash.shutdown(socket.SHUT_WR)
            return self.leash.recv(100).decode()
        except OSError:
            return ""

    def within(self, seconds: float) -> None:
        """What is asked from now on may take so much computing, all together.

        On the clock it may be longer: others compute on the same machine, whatever they do.
        """
        self.seconds, self.begun = seconds, cpu_seconds(self.pid)
        self.until = min(self.deadline, time.monotonic() + PATIENCE * seconds)

    def _refuse_late(self) -> None:
        is_over = cpu_seconds(self.pid) - self.begun > self.seconds
        if is_over or time.monotonic() > self.until:
            text = f"your answer was still running after {self.seconds:g} seconds and was stopped."
            raise Gone("timeout", f"{text} Look for a loop that never ends.")

    def ask(self, what: str, *args: Any) -> dict:
        """Have something done and get what became of it.

        Raises:
            Gone: it did not come back.
        """
        self._refuse_late()
        try:
            self.channel.settimeout(PATIENCE * self.seconds)
            send(self.channel, pickle.dumps((what, *args)))
        except OSError:
            raise self._ended() from None
        return self._reply()

    def _reply(self) -> dict:
        (length,) = FRAME.unpack(self._exactly(FRAME.size))
        if length > MAX_BYTES + 2**20:
            raise Gone("values", "your answer gives more than can be looked at.")
        try:
            reply = decode(self._exactly(length), self.revive)
        except ValueError as error:
            raise Gone("values", f"{error}.") from None
        if not isinstance(reply, dict):
            raise Gone("values", "what came back can't be read.")
        return reply

    def _exactly(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            self._refuse_late()
            self.channel.settimeout(0.2)
            try:
                more = self.channel.recv(min(2**20, length - len(parts)))
            except TimeoutError:
                self._refuse_full_folder()
                continue
            except OSError:
                more = b""
            if not more:
                raise self._ended()
            parts += more
        return bytes(parts)

    def _ended(self) -> Gone:
        how = self._ending()
        how = f"signal {how[1:]}" if how.startswith("-") else f"exit code {how or 'unknown'}"
        return Gone("ended", f"your answer ends the program it runs in ({how}).")

    def _refuse_full_folder(self) -> None:
        size = (self._deleted() - self.deleted) * self.limits.file_mb * 2**20
        count = 0
        for folder, folders, files in os.walk(self.home, onerror=_refuse_hidden):
            count += len(folders) + len(files)
            for name in files[:MOST_FILES]:
                try:
                    size += os.lstat(os.path.join(folder, name)).st_size
                except OSError as error:
                    _refuse_hidden(error)
            if size > self.limits.folder_mb * 2**20 or count > MOST_FILES:
                raise Gone("files", "your answer writes more files than an exercise needs.")

    def _deleted(self) -> int:
        """How many files that have no name any more it keeps, each of any size that is allowed."""
        try:
            maps = Path(f"/proc/{self.pid}/maps").read_text()
        except OSError:  # it has ended
            return 0
        return maps.count(" (deleted)\n")

    def revive(self, shadow: Shadow) -> Any:
        """What stands in the judge for a value that stayed there."""
        if shadow.number is None:
            return other(shadow)
        if shadow.role == "module":
            return type(shadow.kind, (Module,), {})(self, shadow)
        return type(shadow.kind, (Answer,), {})(self, shadow)

    def call(self, number: int, training: bool | None, args: tuple, settings: dict) -> Any:
        """Call something there as if it were here: inputs change, output is printed, errors rise.

        Raises:
            NotPlain: an input can't go there by itself.
        """
        grad = torch.is_grad_enabled()
        reply = self.ask("call", number, encode((args, settings)), training, grad)
        if reached := reply.get("reached"):
            guard.reached.append(str(reached[0]))
            raise guard.ReachedReference(reached[0])
        if reply.get("printed"):
            print("printed")
        put_back([list(args), settings], reply.get("inputs"))
        if "raised" in reply:
            raise error_of(reply["raised"])
        return reply.get("value")


def _refuse_hidden(error: OSError) -> None:
    """Let no folder hide files from being counted: one too deep, or made for nobody to read."""
    if not isinstance(error, FileNotFoundError):  # it was removed meanwhile
        raise Gone("files", "your answer writes files where nobody can look at them.")


def error_of(told: object) -> Exception:
    """An exception like the one that rose there: of the same name, and of the same builtin kind."""
    told = told if isinstance(told, Mapping) else {}
    kind, text = str(told.get("kind")), str(told.get("text"))
    base = getattr(builtins, kind, None)
    is_error = isinstance(base, type) and issubclass(base, Exception)
    # A group can't be made without what is in it.
    base = base if is_error and not issubclass(base, BaseExceptionGroup) else Exception
    plain = {"__init__": lambda self: None, "__str__": lambda self: text}
    made = type(kind if kind.isidentifier() else "Exception", (base,), plain)()
    made.own_line = None if told.get("line") is None else str(told["line"])
    if isinstance(made, NameError):
        made.name = str(told.get("name"))
    return made


def put_back(before: Any, after: Any) -> Any:
    """Let inputs become what they are there, in place, where they are something that can change."""
    if isinstance(before, torch.Tensor) and isinstance(after, torch.Tensor):
        if encode(before) != encode(after):
            before.data = after
    elif isinstance(before, torch.Generator) and isinstance(after, torch.Generator):
        before.set_state(after.get_state())
    elif isinstance(before, list) and isinstance(after, list):
        kept = [put_back(mine, theirs) for mine, theirs in zip(before, after, strict=False)]
        before[:] = kept + after[len(kept) :]
    elif isinstance(before, dict) and isinstance(after, Mapping):
        kept = {key: put_back(before.get(key), value) for key, value in after.items()}
        before.clear()
        before.update(kept)
    elif isinstance(before, tuple) and isinstance(after, tuple):
        return tuple(put_back(mine, theirs) for mine, theirs in zip(before, after, strict=False))
    else:
        return after
    return before


class Answer(Elsewhere):
    """A function or a class of a submission."""

    def __init__(self, process: Process, shadow: Shadow):
        self.process, self.shadow = process, shadow
        self.is_class = shadow.role == "class"
        names = shadow.names
        code = SimpleNamespace(co_varnames=names, co_argcount=len(names), co_filename="")
        self.__code__ = code  # for messages, which name the arguments

    def __repr__(self) -> str:
        return self.shadow.shown

    def __call__(self, *args: Any, **settings: Any) -> Any:
        return self.process.call(self.shadow.number, None, args, settings)

    def run(self, task: Exercise, part: Part, cases: list[tuple]) -> Ran:
        """Run it on the cases: call by call, so that only inputs go there, where they can.

        A class, or a function that is given a model, is used there, by the `drive` alone: what
        was asked for decides that, never what was handed in.
        """
        self.process.within(self.process.limits.answer_seconds)
        self.process.ask("begin", task.references, task.torch_references)
        if inspect.isclass(part.right) or not _is_plain(part, cases):
            return self._run_there(task, part, cases)
        return engine.run_all(self, task, part, cases)

    def _run_there(self, task: Exercise, part: Part, cases: list[tuple]) -> Ran:
        reply = self.process.ask("run", self.shadow.number, luggage(task, part, cases))
        if "raised" in reply:
            raise error_of(reply["raised"])
        if "found" in reply:
            diagnosis, text, _ = map(str, reply["found"])
            if diagnosis not in TOLD:
                raise Gone("values", "what came back can't be read.")
            raise Found(diagnosis, text, engine.VANDAL if diagnosis == "changed" else "")
        values = [_result(*told) for each in reply["values"] for told in each.items()]
        if len(values) != len(cases):
            raise Gone("values", "what came back can't be read.")
        return Ran(values, [str(name) for name in reply["names"]], bool(reply["printed"]))


def _is_plain(part: Part, cases: list[tuple]) -> bool:
    """Whether all that the `drive` gives to the right answer could go there by itself."""

    @functools.wraps(part.right)
    def right(*args: Any, **settings: Any) -> Any:
        encode((args, settings))
        return part.right(*args, **settings)

    try:
        with torch.random.fork_rng(devices=[]):
            for case in cases:
                part.use(right, copy.deepcopy(case))
    except NotPlain:
        return False
    return True


def _result(kind: str, told: Any) -> Any:
    """A result as the process tells it."""
    kinds = {"Raised": Raised, "Seen": Seen}
    return kinds[kind](**told) if kind in kinds else told


class Module(nn.Module):
    """A model of a submission, which computes there."""

    def __init__(self, process: Process, shadow: Shadow):
        super().__init__()
        object.__setattr__(self, "remote", (process, shadow.number))
        if shadow.config is not None:
            self.config = SimpleNamespace(**{str(key): v for key, v in shadow.config.items()})

    def forward(self, *args: Any, **settings: Any) -> Any:
        process, number = self.remote
        return process.call(number, self.training, args, settings)


def luggage(task: Exercise, part: Part, cases: list[tuple]) -> bytes:
    """What a process needs to use an answer: the inputs and how, nothing that is right or wrong."""
    for name, module in list(sys.modules.items()):
        if name.startswith("course.checks.ch"):
            cloudpickle.register_pickle_by_value(module)
    nowhere = FunctionType((lambda: None).__code__, {"__name__": "nowhere"})
    bare = Part(part.name, nowhere, (), label=part.label, drive=part.drive)
    kept = replace(task, title="", parts=(), hints=("", "", ""), replaces={})
    return cloudpickle.dumps((kept, bare, cases))
