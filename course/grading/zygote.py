"""Started in a copy of the course without answers: loads torch once, forks for each submission.

A fork is confined before it runs a line that was handed in. It is asked by messages, which come
from the judge and are pickled; it answers with plain data, of which nothing is executed.
"""

import contextlib
import importlib
import json
import linecache
import math
import os
import pickle
import random
import select
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from course.checks import engine, guard
from course.checks.engine import Found, Raised
from course.checks.typed import Seen
from course.grading.plain import MAX_TEXT, Shadow, decode, encode
from course.grading.sandbox import Limits, confine

FRAME = struct.Struct(">Q")


def main() -> None:
    """Serve forks until the judge hangs up; argument: a number of a socket and what to load."""
    control = socket.socket(fileno=int(sys.argv[1]))
    torch.set_num_threads(1)
    for name in sys.argv[2:]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    engine.SECONDS = math.inf  # the judge's clock counts
    control.send(b"ready")
    children: dict[int, socket.socket] = {}
    try:
        while True:
            waiting = select.select([control, *children.values()], [], [], 0.02)[0]
            for pid, leash in children.items():
                if leash in waiting:  # the judge let go
                    os.kill(pid, signal.SIGKILL)
            _bury(children)
            if control in waiting and not _fork(control, children):
                return
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)


def _bury(children: dict[int, socket.socket]) -> None:
    """Tell how each process ended that did."""
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            leash = children.pop(pid)
            with contextlib.suppress(OSError):
                leash.send(str(os.waitstatus_to_exitcode(status)).encode())
            leash.close()


def _fork(control: socket.socket, children: dict[int, socket.socket]) -> bool:
    """Start a process for a submission; False when the judge is gone."""
    message, handles, _, _ = socket.recv_fds(control, 2**16, 2)
    if not message:
        return False
    channel, leash = (socket.socket(fileno=handle) for handle in handles)
    order = json.loads(message)
    pid = os.fork()
    if pid:
        channel.close()
        children[pid] = leash
        with contextlib.suppress(OSError):  # whoever wanted it may be gone
            leash.send(str(pid).encode())
        return True
    try:
        os.setsid()
        for other in (control, leash, *children.values()):
            other.close()
        _child(channel, Path(order["home"]), order["readable"], Limits(**order["limits"]))
    finally:
        os._exit(0)
    return False


def _child(channel: socket.socket, home: Path, readable: list[str], limits: Limits) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(nothing, handle)
    for name in ("HOME", "TMPDIR"):
        os.environ[name] = str(home)
    try:
        confine(home, readable, limits)
    except Exception as error:
        send(channel, encode({"refused": f"{type(error).__name__}: {error}"}))
        return
    send(channel, encode({}))
    Server(channel).serve()


class Server:
    """Runs cells, and calls what they define, as the judge asks."""

    def __init__(self, channel: socket.socket):
        self.channel = channel
        self.namespace: dict[str, Any] = {"__name__": "__main__", "display": print}
        self.kept: list[Any] = []
        self.references: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        random.seed(0)
        np.random.seed(0)
        self.state = torch.manual_seed(0).get_state()

    def serve(self) -> None:
        """Answer until the judge hangs up."""
        while (message := receive(self.channel)) is not None:
            ask, *args = pickle.loads(message)
            try:
                told = encode(getattr(self, f"on_{ask}")(*args), self.shadow)
            except BaseException as error:
                told = encode({"raised": self.raised(error)})
            send(self.channel, told)

    def on_cell(self, name: str, source: str) -> dict:
        """Run a cell."""
        torch.set_rng_state(self.state)
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        try:
            exec(compile(source, name, "exec"), self.namespace)
        finally:
            self.state = torch.get_rng_state()
        return {}

    def on_values(self, expressions: list[str]) -> dict:
        """The values that a check is given; until `begin` they may call anything."""
        self.references = (), ()
        return {"values": [eval(expression, self.namespace) for expression in expressions]}

    def on_begin(self, references: tuple[str, ...], torch_references: tuple[str, ...]) -> dict:
        """From now on answers are called; these they may not call."""
        self.references = references, torch_references
        torch.manual_seed(0)
        return {}

    def on_call(self, number: int, data: bytes, training: bool | None, grad: bool) -> dict:
        """Call something that was kept, and show what became of its inputs."""
        answer, (args, settings), printed = self.kept[number], decode(data), engine.Printed()
        if training is not None:
            answer.train(training)
        found = [(guard.name_of(place), guard.find(place)) for place in self.references[0]]
        named = [(name, function) for name, function in found if function is not None]
        told: dict[str, Any] = {}
        refused = guard.reference_refused(named, self.references[1])
        with refused as reached, contextlib.redirect_stdout(printed), torch.set_grad_enabled(grad):
            try:
                told["value"] = answer(*args, **settings)
            except BaseException as error:
                told["raised"] = self.raised(error, answer)
        inputs = [list(args), settings]
        return told | {"inputs": inputs, "printed": printed.count > 0, "reached": list(reached)}

    def on_run(self, number: int, payload: bytes) -> dict:
        """Run an answer on all the cases of a part."""
        task, part, cases = pickle.loads(payload)
        try:
            ran = engine.run_all(self.kept[number], task, part, cases)
        except Found as found:
            return {"found": (found.diagnosis, found.text, found.exhibit)}
        values = [_told(value) for value in ran.values]
        return {"values": values, "names": list(map(str, ran.names)), "printed": ran.printed}

    def raised(self, error: BaseException, answer: Any = None) -> dict:
        """An exception as plain data; the frames it holds on to are let go."""
        line = engine.own_line(answer, error) if answer is not None else None
        error.__traceback__ = None
        text = str(error) if not isinstance(error, MemoryError) else "out of memory"
        name = getattr(error, "name", None)
        return {
            "kind": type(error).__name__,
            "text": text[:2000],
            "line": line,
            "name": name if isinstance(name, str) else None,
        }

    def shadow(self, value: Any) -> Shadow:
        """What is told of a value that stays here; what can be called is kept."""
        role = "class" if isinstance(value, type) else "function" if callable(value) else "thing"
        role = "module" if isinstance(value, nn.Module) else role
        number = None
        if role != "thing":
            number = len(self.kept)
            self.kept.append(value)
        code = getattr(guard.unwrapped(value), "__code__", None)
        names = code.co_varnames[: code.co_argcount] if code and role == "function" else ()
        config = vars(value.config) if is_dataclass(getattr(value, "config", None)) else None
        return Shadow(type(value).__name__, role, number, _shown(value), names, _scalars(config))


def _told(value: Any) -> dict:
    """A result by what it is: a value, an exception, or what `drive` saw of it in a word."""
    if isinstance(value, (Raised, Seen)):
        return {type(value).__name__: vars(value)}
    return {"value": value}


def _shown(value: Any) -> str:
    try:
        return repr(value)[:MAX_TEXT]
    except Exception:
        return object.__repr__(value)


def _scalars(config: Mapping | None) -> dict | None:
    kinds = (bool, int, float, str)
    return config and {name: value for name, value in config.items() if isinstance(value, kinds)}


def send(channel: socket.socket, data: bytes) -> None:
    """One message, whole."""
    channel.sendall(FRAME.pack(len(data)))
    channel.sendall(data)


def receive(channel: socket.socket) -> bytes | None:
    """One message, or None when the other side has gone."""
    head = _exactly(channel, FRAME.size)
    return head and _exactly(channel, FRAME.unpack(head)[0])


def _exactly(channel: socket.socket, length: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < length:
        more = channel.recv(min(2**20, length - len(parts)))
        if not more:
            return None
        parts += more
    return bytes(parts)


if __name__ == "__main__":
    main()
