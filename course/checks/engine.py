"""Compares an answer with the right one and with each known wrong one, on the same inputs."""

import contextlib
import copy
import functools
import importlib.util
import inspect
import io
import linecache
import math
import numbers
import re
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from course.checks import guard

if TYPE_CHECKING:
    from course.checks.variants import Varied

TOLERANCE = 1e-4  # inputs are float32: rounding, in whatever order, stays far below
SECONDS = 10.0  # an answer needs milliseconds
UNWRITTEN = "not written yet"  # in the NotImplementedError that stands where an answer belongs
VANDAL = "The Vandal"  # the card of every input that was changed
# What a result may be, beside tensors and numbers, and how a message names it.
KINDS = (
    (str, "a text (str)"),
    ((list, tuple), "a list"),
    (Mapping, "a dict"),
    ((set, frozenset), "a set"),
)


@dataclass(frozen=True)
class Wrong:
    """A known mistake: an answer that makes it, and what to tell a learner who made it too.

    hint: a text, or filled from the first input on which the mistake shows: hint(args, got, right).
    exhibit: the card of the bug museum that it turns, a key of CARDS in a chapter's checks.
    """

    name: str
    answer: Callable
    hint: str | Callable[[tuple, Any, Any], str]
    exhibit: str = ""


@dataclass(frozen=True)
class Part:
    """One function to write, or one value to type in.

    name: of the function, class or variable; right: the right answer as a function; cases: draws
    the inputs from a generator, one tuple of arguments each; label: which part, as "a" in 4.6a;
    read: for a typed answer, turns what was typed into a value to compare, or raises a ValueError;
    drive: uses an answer, such as a class, on one case, drive(answer, *case), and returns what to
    compare. It calls no other function of its module: those are refused while an answer runs.
    clue: what to add where no mistake is known, from the cases that came out wrong.
    """

    name: str
    right: Callable
    wrong: tuple[Wrong, ...]
    cases: Callable[[torch.Generator], list[tuple]] = lambda generator: [()]
    label: str = ""
    read: Callable[[Any], Any] | None = None
    drive: Callable | None = None
    clue: Callable[[list[tuple]], str] = lambda wrong_cases: ""

    def use(self, answer: Callable, case: tuple) -> Any:
        """What an answer gives for one case."""
        return self.drive(answer, *case) if self.drive else answer(*case)


@dataclass(frozen=True)
class Raised:
    """In the place of a value: the answer stopped with an exception of this kind."""

    kind: str
    text: str = field(default="", compare=False)
    where: str = field(default="", compare=False)
    is_own: bool = field(default=True, compare=False)  # not where the check works with the answer


@dataclass(frozen=True)
class Ran:
    """What an answer gave: a value for each case, or Raised.

    names: what its arguments are called; printed: whether it printed anything.
    """

    values: list[Any]
    names: Sequence[str] = ()
    printed: bool = False


class Elsewhere:
    """An answer in another process, which runs it on the cases and tells what it gave."""

    is_class = False

    def run(self, task: "Exercise", part: Part, cases: list[tuple]) -> Ran:
        """What it gives for the cases; raises Found as run_all does."""
        raise NotImplementedError

    def __call__(self, *args: Any, **settings: Any) -> Any:
        """What it gives for one input."""
        raise NotImplementedError


@dataclass(frozen=True)
class Prediction:
    """What a `predict` cell comes to: the right guess.

    choices: the letters to choose from; within: how far a number may be off.
    """

    right: Any
    choices: str = ""
    within: float = 0.0


@dataclass(frozen=True)
class Exercise:
    """An exercise: its parts in order, its help, what its answer may not call or can replace.

    hints: three levels, idea, shape and near-code; references: "module:name" of Python functions;
    torch_references: parts of names of torch's functions; replaces: function -> module of
    minigpt_lib where `minigpt use mine` puts it; variant: the class whose numbers it has.
    """

    number: str
    title: str
    parts: tuple[Part, ...]
    hints: tuple[str, str, str]
    references: tuple[str, ...] = ()
    torch_references: tuple[str, ...] = ()
    replaces: dict[str, str] = field(default_factory=dict)
    variant: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    message: the line to show; diagnosis: None when passed, else the name of the known mistake, or
    one of unwritten, reference, timeout, exception, changed, mode, none, type, shape, unknown;
    exhibit: the card of the bug museum that a known mistake turns.
    """

    number: str
    passed: bool
    message: str
    diagnosis: str | None = None
    exhibit: str = ""


class Found(Exception):
    """Ends a judgement: the diagnosis, what to tell, and the card it turns."""

    def __init__(self, diagnosis: str, text: str, exhibit: str = ""):
        super().__init__(text)
        self.diagnosis, self.text, self.exhibit = diagnosis, text, exhibit


def exercise(number: str, variant: int | None = None) -> Exercise:
    """The exercise of this number, with the numbers of the book or of a class.

    Args:
        variant: the class, a whole number from 0; an exercise that does not vary is the book's.
    Raises:
        ValueError: there is none, or its chapter has no checks; the message lists those there are.
    """
    chapter, _, rest = str(number).partition(".")
    known = exercises(chapter)
    wanted = f"{int(chapter)}.{rest}"
    if wanted not in known:
        raise ValueError(f"there is no exercise {number}; there are: {', '.join(known)}")
    if variant is None:
        return known[wanted]
    if not isinstance(variant, int) or isinstance(variant, bool) or variant < 0:
        text = "a class is a whole number from 0; write variant=… as in the notebook you were given"
        raise ValueError(f"{text}, not {variant!r}")
    return own.exercise(variant) if (own := varied(wanted)) else known[wanted]


def varied(number: str) -> "Varied | None":
    """How an exercise, such as "4.2", differs from class to class; None if it does not."""
    variants: dict[str, Varied] = getattr(_chapter(number.partition(".")[0]), "VARIANTS", {})
    return variants.get(number)


def exercises(chapter: str) -> dict[str, Exercise]:
    """The exercises of a chapter, "4" or "04", by number.

    Raises:
        ValueError: not a chapter's number, or the chapter has no checks.
    """
    return _chapter(chapter).EXERCISES


def _chapter(chapter: str) -> ModuleType:
    if not chapter.isdigit():
        raise ValueError(
            f"{chapter!r} is no chapter; write a number like 04, or 4.2 for an exercise"
        )
    name = f"course.checks.ch{int(chapter):02d}"
    if importlib.util.find_spec(name) is None:
        raise ValueError(f"chapter {int(chapter):02d} has no checks")
    return importlib.import_module(name)


def judge(number: str, *answers: object, seed: int = 0, variant: int | None = None) -> Verdict:
    """Judge an answer: a function per part, or the values typed in.

    Args:
        seed: which random inputs are drawn.
        variant: the class for whose numbers it is an answer; None: those of the book.
    Raises:
        ValueError: no such exercise, or another number of answers than it has parts.
    """
    task = exercise(number, variant)
    if len(answers) != len(task.parts):
        names = ", ".join(part.name for part in task.parts)
        count = f"{len(task.parts)} answers, not {len(answers)}"
        raise ValueError(f'write check("{task.number}", {names}), with {count}')
    label = task.number
    for part, answer in zip(task.parts, answers, strict=True):
        label = f"{task.number}{part.label}"
        generator = torch.Generator().manual_seed(cases_seed(label, seed, variant))
        try:
            judge_part(task, part, answer, generator)
        except Found as found:
            line = _line(label, found)
            return Verdict(task.number, False, line, found.diagnosis, found.exhibit)
    return Verdict(task.number, True, f"✓ {task.number} {task.title}")


def cases_seed(label: str, seed: int, variant: int | None) -> int:
    """What the random inputs of a part, such as "4.6a", are drawn from; each class has its own."""
    drawn_for = label if variant is None else f"{label} {variant}"
    return zlib.crc32(drawn_for.encode()) + seed


def _line(label: str, found: Found) -> str:
    if found.diagnosis == "unwritten":
        other = found.text.partition(":")[0]
        is_own = label.startswith(other) or not re.fullmatch(r"\d+\.\d+", other)
        waits = "" if is_own else f"waits for {other}, which is "
        return f"○ {label} {waits}not yet written"
    return f"✗ {label}: {' '.join(found.text.split())}"


def judge_part(task: Exercise, part: Part, answer: object, generator: torch.Generator) -> None:
    """Return when the answer is right, else raise Found."""
    function = _typed(part, answer) if part.read else answer
    is_class = function.is_class if isinstance(function, Elsewhere) else inspect.isclass(function)
    if not callable(function) or inspect.isclass(part.right) != is_class:
        kind = "class" if inspect.isclass(part.right) else "function"
        text = f"expected the {kind} {part.name}, got {describe(function)}."
        raise Found("type", f"{text} Pass it by its name alone.")
    cases = part.cases(generator)
    rights = [part.use(part.right, copy.deepcopy(case)) for case in cases]
    run = function.run if isinstance(function, Elsewhere) else functools.partial(run_all, function)
    diagnose(task, part, cases, rights, run(task, part, cases))


def diagnose(task: Exercise, part: Part, cases: list[tuple], rights: list, ran: Ran) -> None:
    """Return when the values are the right ones, else raise Found."""
    results, misfit = ran.values, None if part.read else _first_misfit(ran, rights)
    wrong_at = [i for i, right in enumerate(rights) if not same(results[i], right)]
    if not wrong_at:
        if misfit:
            raise misfit
        return
    first = wrong_at[0]
    for wrong in part.wrong:
        if agrees(part, wrong.answer, cases, results):
            text = wrong.hint
            if callable(text):
                text = text(cases[first], results[first], rights[first])
            raise Found(wrong.name, text, wrong.exhibit)
    stopped = next((result for result in results if isinstance(result, Raised)), None)
    if stopped:
        given = _inputs(ran.names, cases[results.index(stopped)])
        what = "your answer stops" if stopped.is_own else "what your answer gives can't be used"
        text = f"{what}{stopped.where}{given and f' for {given}'}"
        text += f" with {stopped.kind}" if stopped.is_own else f": {stopped.kind}"
        raise Found("exception", f"{text}: {stopped.text}".rstrip(": "))
    if misfit:
        raise misfit
    if part.read:
        raise _typed_difference(task, results[first], rights[first])
    found = _difference(_inputs(ran.names, cases[first]), results[first], rights[first])
    clue = part.clue([cases[i] for i in wrong_at])
    raise Found(found.diagnosis, f"{found.text} {clue}".rstrip())


def agrees(part: Part, answer: Callable, cases: list[tuple], results: list[Any]) -> bool:
    """Whether one of the course's own answers gives these results; one that differs settles it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pairs = zip(cases, results, strict=True)
        return all(same(result, value(part, answer, case)) for case, result in pairs)


def value(part: Part, answer: Callable, case: tuple) -> Any:
    """What one of the course's own answers gives for a case; Raised where it stops."""
    try:
        return part.use(answer, copy.deepcopy(case))
    except Exception as error:
        return Raised(type(error).__name__, str(error))


def _typed(part: Part, answer: object) -> Callable:
    try:
        value = part.read(answer)
    except ValueError as error:
        raise Found("type", str(error)) from None
    return lambda: value


@contextlib.contextmanager
def _guarded(task: Exercise, part: Part) -> Iterator[None]:
    """Inside, the answer can't reach the right one and is stopped after a while."""
    found = [(guard.name_of(place), guard.find(place)) for place in task.references]
    named = [(name, function) for name, function in found if function is not None]
    own = [function for function in guard.siblings(part.right) if function is not part.drive]
    own += guard.methods(part.right)
    named += [("the course's own answer", function) for function in own]
    with guard.reference_refused(named, task.torch_references) as reached:
        try:
            with guard.time_limit(SECONDS):
                yield
        except guard.TimeUp:
            text = f"your answer was still running after {SECONDS:g} seconds and was stopped."
            raise Found("timeout", f"{text} Look for a loop that never ends.") from None
        except guard.ReachedReference:
            pass
        except Found:
            if not reached:
                raise
    if reached:
        text = f"your answer calls {reached[0]}. Write it with tensor operations;"
        raise Found("reference", f"{text} the reference is what you are compared with.")


def run_all(function: Callable, task: Exercise, part: Part, cases: list[tuple]) -> Ran:
    """What an answer gives for the cases; needs no right value.

    Raises:
        Found: for what can be said without comparing.
    """
    quiet = warnings.catch_warnings(action="ignore")  # torch's, which the verdict says better
    names = _names(part, function, max(map(len, cases), default=0))
    values, printed = [], Printed()
    with torch.random.fork_rng(devices=[]), quiet, _guarded(task, part):
        torch.manual_seed(0)
        for case in cases:
            args = copy.deepcopy(case)
            with contextlib.redirect_stdout(printed):
                value = _call(part, function, args)
            if not isinstance(value, Raised):
                _refuse_changes(names, args, case)
            values.append(value)
    return Ran(values, names, printed.count > 0)


class Printed(io.TextIOBase):
    """Takes what an answer prints, and keeps only how much it was."""

    count = 0

    def write(self, text: str) -> int:
        self.count += len(text)
        return len(text)


def _first_misfit(ran: Ran, rights: list[Any]) -> Found | None:
    """The first value of another kind than the right one.

    Raises:
        Found: there is no value where there should be one.
    """
    if all(value is None for value in ran.values) and ran.printed:
        text = "your answer prints its result and returns nothing. Replace print(…) by return …"
        raise Found("none", text)
    if any(value is None for value in ran.values) and not any(right is None for right in rights):
        text = "your answer returned None. End the function with return and the result."
        raise Found("none", text)
    for value, right in zip(ran.values, rights, strict=True):
        comparable = not isinstance(value, Raised) and value is not None and right is not None
        if comparable and (found := _misfit(value, right)):
            return found
    return None


def _call(part: Part, function: Callable, args: tuple) -> Any:
    try:
        return part.use(function, args)
    except (Exception, SystemExit) as error:
        if isinstance(error, NotImplementedError) and UNWRITTEN in str(error):
            raise Found("unwritten", str(error)) from None
        line = error.own_line if hasattr(error, "own_line") else own_line(function, error)
        is_called_wrong = isinstance(error, TypeError) and " argument" in str(error)
        is_own = bool(not part.drive or line is not None or is_called_wrong)
        where = f" at `{line}`" if line else ""
        return Raised(type(error).__name__, str(error), where, is_own)


def own_line(function: Callable, error: BaseException) -> str | None:
    """The learner's own line at which an answer stopped.

    Returns:
        "" where it can't be read; None where the answer was not running.
    """
    place = guard.file_of(function)
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if place and frame.filename == place]
    return linecache.getline(place, inside[-1].lineno or 0).strip() if inside else None


def _refuse_changes(names: Sequence[str], args: tuple, case: tuple) -> None:
    for name, after, before in zip(names, args, case, strict=False):
        if isinstance(before, torch.Tensor) and not torch.equal(after, before):
            text = f"your input {name} was changed. x -= …, x[…] = … and methods ending in _ write"
            text += " into the caller's tensor; work on a new one."
            raise Found("changed", text, VANDAL)
        if isinstance(before, nn.Module):
            _refuse_changed_model(name, after, before)
        if isinstance(before, (list, dict, set)) and not same(after, before):
            raise Found("changed", f"your input {name} was changed. Work on a copy of it.", VANDAL)


def _refuse_changed_model(name: str, after: nn.Module, before: nn.Module) -> None:
    modes = [m.training for m in after.modules()], [m.training for m in before.modules()]
    if modes[0] != modes[1]:
        now, was = ("training" if m[0] else "evaluation" for m in modes)
        text = f"{name} came in {was} mode and you leave it in {now} mode."
        raise Found("mode", f"{text} Remember {name}.training first and put it back at the end.")
    old = before.state_dict()
    if any(not torch.equal(tensor, old[key]) for key, tensor in after.state_dict().items()):
        raise Found("changed", f"the parameters of your input {name} were changed.", VANDAL)


def _misfit(value: Any, right: Any) -> Found | None:
    """What to say of a value that is no such kind of thing as the right one."""
    if isinstance(right, torch.Tensor):
        if not isinstance(value, torch.Tensor):
            return Found("type", f"expected a torch.Tensor, got {describe(value)}.")
        if right.dtype == torch.bool and value.dtype != torch.bool:
            kind = str(value.dtype).removeprefix("torch.")
            text = f"expected True and False (dtype bool), got {kind}. A comparison gives them;"
            return Found("type", f"{text} .bool() turns 0 and 1 into them.")
        if right.dtype != torch.bool and value.dtype == torch.bool:
            return Found("type", "expected numbers, got True and False (dtype bool).")
    elif isinstance(right, bool):
        if not isinstance(value, bool):
            return Found("type", f"expected True or False, got {describe(value)}.")
    elif isinstance(right, int) and not isinstance(_as_number(value), numbers.Integral):
        return Found("type", f"expected a whole number, got {describe(value)}.")
    elif isinstance(right, float) and _as_number(value) is None:
        return Found("type", f"expected a number, got {describe(value)}.")
    for kinds, name in KINDS:
        if isinstance(right, kinds) and not isinstance(value, kinds):
            return Found("type", f"expected {name}, got {describe(value)}.")
    if isinstance(right, tuple) and len(value) != len(right):
        return Found("type", f"expected {len(right)} values, got {len(value)}.")
    return None


def _as_number(value: Any) -> int | float | None:
    """A number, whatever it is wrapped in; None for anything else."""
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    return value if isinstance(value, numbers.Real) and not isinstance(value, bool) else None


def same(a: Any, b: Any) -> bool:
    """Whether two results are equal: numbers and tensors up to rounding, in any float type."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) and a.shape == b.shape:
        a, b = a.detach().to(torch.float64), b.detach().to(torch.float64)
        return torch.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if _as_number(a) is not None and _as_number(b) is not None:
        return math.isclose(_as_number(a), _as_number(b), rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        return False
    return isinstance(a, type(b)) and a == b


def first_index(got: torch.Tensor, right: torch.Tensor) -> tuple[int, ...]:
    """The first index, in reading order, at which two tensors of one shape differ."""
    got, right = got.detach().to(torch.float64), right.detach().to(torch.float64)
    close = torch.isclose(got, right, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    return tuple((~close).nonzero()[0].tolist())


def _typed_difference(task: Exercise, got: Any, right: Any) -> Found:
    """A typed value that is no known mistake; the right one stays the learner's to find."""
    if isinstance(got, torch.Tensor) and got.shape != right.shape:
        return _difference("", got, right)
    small, large = _as_number(got), _as_number(right)
    if isinstance(got, torch.Tensor):
        found = f"the first entry that is not right stands at {list(first_index(got, right))}"
    elif small is not None and large is not None:
        found = f"{shown(got)} is too {'small' if small < large else 'large'}"
    else:
        found = f"{shown(got)} is not right"
    help_with = f'"{task.number}"' + ("" if task.variant is None else f", variant={task.variant}")
    return Found("unknown", f"no mistake that this check knows: {found}. hint({help_with}) helps.")


def _difference(inputs: str, got: Any, right: Any) -> Found:
    """No known mistake: the wrong shape, or the first value that differs."""
    given = f" for {inputs}" if inputs else ""
    got, right, place = _narrowed(got, right)
    given += f", {place}" if place else ""
    if not (isinstance(got, torch.Tensor) and isinstance(right, torch.Tensor)):
        text = f"no mistake that this check knows: you give {shown(got)}{given};"
        return Found("unknown", f"{text} the right value is {shown(right)}.")
    if got.shape != right.shape:
        shapes = f"expected shape {tuple(right.shape)}, got {tuple(got.shape)}"
        return Found("shape", f"{shapes}{given}.")
    index = first_index(got, right)
    here, there = (_number(tensor[index].item()) for tensor in (got, right))
    text = f"no mistake that this check knows. The first difference{given} is at {list(index)}:"
    return Found("unknown", f"{text} you give {here}, the right value is {there}.")


def _narrowed(got: Any, right: Any) -> tuple[Any, Any, str]:
    """The first entry of two collections that differs, and where it stands."""
    place = ""
    while True:
        if isinstance(right, Mapping) and isinstance(got, Mapping) and got.keys() == right.keys():
            key = next(key for key in right if not same(got[key], right[key]))
            name = str(key)
        elif (
            isinstance(right, (list, tuple))
            and isinstance(got, (list, tuple))
            and len(got) == len(right)
            and (isinstance(right, tuple) or len(repr(right)) > 80)
        ):
            key = next(i for i in range(len(right)) if not same(got[i], right[i]))
            name = f"entry {key}" if isinstance(right, list) else ""
        else:
            return got, right, place
        got, right = got[key], right[key]
        place = ", ".join(filter(None, [place, name]))


def shown(value: Any) -> str:
    """A value as a message shows it: in full while it is short."""
    text = describe(value) if isinstance(value, torch.Tensor) else repr(value)
    return text if len(text) <= 200 else f"{text[:140]} … {text[-50:]}"


def _number(value: float | bool) -> str:
    return str(value) if isinstance(value, bool) else f"{value:.4g}"


def _names(part: Part, function: Callable, count: int) -> Sequence[str]:
    """What the arguments are called: of a function by itself, of a class by what drives it."""
    code = getattr(guard.unwrapped(part.drive or function), "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code else ()
    names = names[1:] if part.drive else names
    return names if len(names) == count else [*names, *map(str, range(len(names), count))][:count]


def _inputs(names: Sequence[str], case: tuple) -> str:
    """The inputs as a learner needs them: shapes of tensors, small values as they are."""
    return ", ".join(f"{n} {describe(a)}".strip() for n, a in zip(names, case, strict=False))


def describe(value: Any) -> str:
    """A value in few characters: a tensor by its shape, a number as it is, else its type."""
    if isinstance(value, nn.Module) and value.extra_repr():
        return f"({value.extra_repr()})"
    if isinstance(value, torch.Tensor):
        is_short = value.dim() == 1 and value.dtype == torch.int64 and len(value) <= 8
        return str(value.tolist()) if is_short else str(tuple(value.shape))
    if isinstance(value, (int, float)) or value is None:
        return repr(value)
    if isinstance(value, (str, list, tuple, dict)) and len(repr(value)) <= 80:
        return repr(value)
    article = "an" if type(value).__name__[:1].lower() in "aeiou" else "a"
    return f"{article} {type(value).__name__}"
