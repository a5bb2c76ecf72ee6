"""Runs a learner's code safely: it can't call the reference, and it can't run for ever."""

import contextlib
import ctypes
import importlib
import math
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType

from torch.overrides import TorchFunctionMode


class ReachedReference(BaseException):
    """The answer called what it is compared with; its text is the name that was called.

    Like TimeUp not an Exception, so that an answer's own `except Exception` lets it through.
    """


class TimeUp(BaseException):
    """The answer ran longer than it may."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp in the code inside once it has run for `seconds`, on every system and thread.

    A second thread raises it, again every half second in case the code swallows it; one single
    call into compiled code is waited for. With math.inf there is no such thread, and no limit.
    """
    if seconds == math.inf:
        yield
        return
    thread, over = threading.get_ident(), threading.Event()

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            _raise_in(thread, TimeUp)
            wait = 0.5

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        while watcher.is_alive():
            try:
                over.set()
                watcher.join()
            except TimeUp:
                pass  # arrived while we were leaving
        _raise_in(thread, None)


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    """Have a thread raise `kind` at its next line of Python; None takes back one not yet raised."""
    what = ctypes.py_object(kind) if kind else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)


class _RefuseTorch(TorchFunctionMode):
    """Refuses functions of torch by name, whatever name the caller has bound them to."""

    def __init__(self, parts: tuple[str, ...], reached: list[str]):
        super().__init__()
        self.parts, self.reached = parts, reached

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = str(getattr(func, "__name__", func))
        if any(part in name for part in self.parts):
            self.reached.append(f"torch.nn.functional.{name.lstrip('_')}")
            raise ReachedReference(self.reached[-1])
        return func(*args, **(kwargs or {}))


def _refused(*args: object, **kwargs: object) -> None:
    from course.checks.guard import ReachedReference, reached

    reached.append("NAME")
    raise ReachedReference("NAME")


reached: list[str] = []  # what the running answer called, even if it swallowed the exception


@contextlib.contextmanager
def reference_refused(
    functions: list[tuple[str, FunctionType]], torch_names: tuple[str, ...]
) -> Iterator[list[str]]:
    """Inside, a call of any of `functions`, or of torch's functions named so, raises.

    The functions' code is exchanged, not a name in a module, so that an alias bound earlier is
    refused too.

    Args:
        functions: how the message names each, and the Python function itself.
        torch_names: parts of names of torch's functions.
    Yields:
        list that names what was called.
    """
    reached.clear()
    originals = [(function, function.__code__) for _, function in functions]
    for name, function in functions:
        function.__code__ = _refusal(name)
    try:
        with _RefuseTorch(torch_names, reached) if torch_names else contextlib.nullcontext():
            yield reached
    finally:
        for function, code in originals:
            function.__code__ = code


def _refusal(name: str) -> CodeType:
    code = _refused.__code__
    return code.replace(co_consts=tuple(name if c == "NAME" else c for c in code.co_consts))


def find(place: str) -> FunctionType | None:
    """The Python function at "module:name" or "module:Class.name"; None if there is none."""
    module, _, name = place.partition(":")
    found: object = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
        found = getattr(found, "__func__", found)  # of a class method the function itself
    return found if isinstance(found, FunctionType) and not found.__closure__ else None


def name_of(place: str) -> str:
    """How a message names a place: a module of the library, or a function of torch."""
    module, _, name = place.partition(":")
    return (
        module if module.startswith("minigpt_lib") else f"{module}.{name}".removesuffix(".forward")
    )


def siblings(function: Callable) -> list[FunctionType]:
    """All functions of the module in which this function or class is written."""
    found = vars(sys.modules[function.__module__]) if function.__module__ in sys.modules else {}
    own = [f for f in found.values() if getattr(f, "__module__", None) == function.__module__]
    return [f for f in own if isinstance(f, FunctionType) and not f.__closure__]


def unwrapped(function: Callable) -> Callable:
    """The function under decorators such as torch.no_grad()."""
    return getattr(function, "__wrapped__", function)


def methods(answer: Callable) -> list[FunctionType]:
    """The functions written in a class; none of a function."""
    found = vars(answer).values() if isinstance(answer, type) else ()
    plain = (getattr(each, "__func__", each) for each in found)
    return [each for each in plain if isinstance(each, FunctionType) and not each.__closure__]


def file_of(answer: Callable) -> str:
    """The file, or the name of the cell, in which a function or class is written."""
    found = (getattr(unwrapped(part), "__code__", None) for part in [answer, *methods(answer)])
    return next((code.co_filename for code in found if code), "")
