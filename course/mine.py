"""Puts the learner's own solved functions into the library: `minigpt use mine`."""

import ast
import builtins
import importlib.util
import locale
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from course import paths
from course.checks.engine import Exercise, Found, Part, exercises, judge_part
from course.checks.notebook import Session, run_notebook
from course.export import free_names, splice
from course.notebook import chapters, number

PTH = "00_minigpt_mine.pth"  # sorts before an editable install's own
AFTER_TRAINING = ("sample",)  # modules through which nothing learns
INIT = '''"""The library with your own functions in it; made by `minigpt use mine`."""

import os
import sys

YOURS = {yours!r}

if os.environ.get("RANK", "0") == "0":  # under torchrun the first process speaks for all
    print(f"minigpt_lib: yours: {{YOURS}}", file=sys.stderr)
'''


@dataclass
class Own:
    """What the learner puts into one module of the library."""

    definitions: dict[str, str] = field(default_factory=dict)  # function -> its source
    extras: dict[str, str] = field(default_factory=dict)  # name they need -> what binds it
    parts: list[tuple[Exercise, Part]] = field(default_factory=list)


def use_mine() -> str:
    """Build the library with the learner's solved functions in it and put it first on the path.

    Every notebook, `minigpt train` and torchrun that start afterwards import it. What is not
    solved, and what training could not learn through, stays the course's own.

    Returns:
        lines that say what was taken, and what was not and why.
    Raises:
        ValueError: nothing is solved, an answer needs something the library can't have, or there
            is no virtual environment to put it into.
    """
    place = _pth()
    own: dict[str, Own] = {}
    taken, notes = [], []
    folder = paths.MY / "exercises"
    for path in chapters(folder) if folder.exists() else []:
        names, refused = _collect(path, own)
        notes += refused
        if names:
            taken.append(f"{', '.join(names)} ({number(path)})")
    if not taken:
        text = "no function of yours can go into the library yet; solve one marked write-first"
        raise ValueError("; ".join([text, *notes]))
    yours = ", ".join(taken)
    _build(own, yours)
    encoding = "utf-8" if sys.version_info >= (3, 13) else locale.getencoding()
    place.write_text(f"{paths.MY}\n", encoding=encoding)
    where = (
        f"They lie in {paths.MY / 'minigpt_lib'}; `minigpt use reference` brings the course's back."
    )
    restart = "Restart the kernels of open notebooks."
    return "\n".join([f"In the library now, yours: {yours}", *notes, f"{where} {restart}"])


def use_reference() -> str:
    """Bring the course's own library back; the learner's exercises stay as they are."""
    _pth().unlink(missing_ok=True)
    folder = paths.MY / "minigpt_lib"
    if not folder.exists():
        return "The library is the course's own."
    shutil.rmtree(folder)
    return "The library is the course's own again. Restart the kernels of open notebooks."


def _pth() -> Path:
    """The file that puts the learner's folder on the path of this environment."""
    is_conda = (Path(sys.prefix) / "conda-meta").exists()
    if sys.prefix == sys.base_prefix and not is_conda:
        raise ValueError(
            f"{sys.executable} is in no virtual environment, and `minigpt use` changes the one it "
            "runs in; make one with `python -m venv .venv`, install the course there and start it"
        )
    return Path(sysconfig.get_path("purelib"), PTH)


def _collect(path: Path, own: dict[str, Own]) -> tuple[list[str], list[str]]:
    """Add a notebook's solved functions to `own`; their names, and why others are not taken."""
    try:
        tasks = exercises(number(path))
    except ValueError:
        return [], []  # a chapter without checks
    wanted = [number for number, task in tasks.items() if task.replaces]
    session, names, notes = run_notebook(path, wanted), [], []
    notebook = bindings(session.sources)
    for task, part, answer in _solved(tasks, session):
        place, module = f"{task.number}: {part.name}", task.replaces[part.name]
        if module not in AFTER_TRAINING and not carries_gradient(part, answer):
            notes.append(
                f"{place} is right, but training can't learn through it, since .item(), .tolist(), "
                ".detach() and torch.tensor(…) cut the gradient off; the course's own stays"
            )
            continue
        mine = own.setdefault(module, Own())
        if part.name not in notebook:
            raise ValueError(f"{place} has no definition at the top level of a cell")
        mine.definitions[part.name] = f"# Your answer to exercise {place}\n{notebook[part.name]}"
        mine.parts.append((task, part))
        _add(mine, notebook[part.name], module, notebook, place)
        names.append(part.name)
    return names, notes


def _solved(
    tasks: dict[str, Exercise], session: Session
) -> Iterator[tuple[Exercise, Part, object]]:
    """The functions of passed exercises that can replace the library's."""
    for task in tasks.values():
        verdict = session.verdicts.get(task.number)
        if verdict is not None and verdict.passed:
            for part, answer in zip(task.parts, session.answers[task.number], strict=True):
                if part.name in task.replaces:
                    yield task, part, answer


def carries_gradient(part: Part, function: object) -> bool:
    """Whether gradients flow through an answer as they do through the right one.

    True where the right one gives no floating-point tensor, or has no inputs to learn.
    """
    for case in part.cases(torch.Generator().manual_seed(0)):
        try:
            right = _gradients(part, part.right, case)
        except (AttributeError, RuntimeError):
            continue
        try:
            own = _gradients(part, function, case)
        except RuntimeError:  # torch: no gradient, or one that was destroyed in place
            return False
        if not all(torch.allclose(a, b, atol=1e-4) for a, b in zip(own, right, strict=True)):
            return False
    return True


def _gradients(part: Part, function: object, case: tuple) -> tuple[torch.Tensor, ...]:
    """Gradients with respect to the float inputs of a weighted sum of a function's results."""
    args = [_leaf(value) for value in case]
    leaves = [a for a in args if isinstance(a, torch.Tensor) and a.requires_grad]
    result = part.use(function, tuple(args)).double().flatten()
    weights = torch.linspace(-1, 1, len(result), dtype=torch.float64)
    grads = torch.autograd.grad(result @ weights, leaves)
    return tuple(grad.double() for grad in grads)


def _leaf(value: object) -> object:
    is_float = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.clone().requires_grad_() if is_float else value


def bindings(sources: list[str]) -> dict[str, str]:
    """What the top level of a notebook's cells binds: name -> the last statement that binds it."""
    found = {}
    for source in sources:
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    name = alias.asname or alias.name.split(".")[0]
                    node.names = [alias]
                    found[name] = ast.unparse(node)
            else:
                decorators = getattr(node, "decorator_list", [])
                first = min([node.lineno, *(d.lineno for d in decorators)])
                text = "\n".join(source.splitlines()[first - 1 : node.end_lineno])
                found |= dict.fromkeys(_bound(node), text)
    return found


def _bound(node: ast.stmt) -> list[str]:
    """The names that a top-level definition or assignment binds."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]


def _add(own: Own, source: str, module: str, notebook: dict[str, str], place: str) -> None:
    """Add what a source needs and the module does not have: imports, helpers, constants."""
    reference = (paths.LIB / f"{module}.py").read_text(encoding="utf-8")
    known = {*dir(builtins), *bindings([reference]), *own.extras}
    for name in sorted(free_names(source) - known):
        text = notebook.get(name, "")
        if not text:
            raise ValueError(f"{place} uses {name}, which is defined nowhere in your notebook")
        if text.startswith(("from course", "import course")):
            raise ValueError(f"{place} uses {name} of course, which the library may not import")
        own.extras[name] = ""  # known from here on, placed after what it needs itself
        _add(own, text, module, notebook, place)
        del own.extras[name]
        own.extras[name] = text


def _build(own: dict[str, Own], yours: str) -> None:
    """Write my/minigpt_lib whole, or leave it as it was."""
    paths.MY.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.MY, prefix=".library-") as folder:
        new, old = Path(folder, "new"), Path(folder, "old")
        shutil.copytree(paths.LIB, new, ignore=shutil.ignore_patterns("__pycache__"))
        (new / "__init__.py").write_text(INIT.format(yours=yours), encoding="utf-8")
        for module, parts in own.items():
            path = new / f"{module}.py"
            text = spliced(path.read_text(encoding="utf-8"), parts)
            path.write_text(text, encoding="utf-8")
            _verify(path, parts)
        target = paths.MY / "minigpt_lib"
        if target.exists():
            target.replace(old)
        new.replace(target)


def spliced(reference: str, own: Own) -> str:
    """A module's source with the learner's definitions, and what they need below its imports."""
    text = splice(reference, own.definitions)
    if not own.extras:
        return text
    nodes = ast.parse(text).body
    imports = [n.end_lineno for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom))]
    line = max(imports) if imports else nodes[0].end_lineno  # else below the docstring
    lines = text.splitlines()
    return "\n".join([*lines[:line], *own.extras.values(), *lines[line:]]) + "\n"


def _verify(path: Path, own: Own) -> None:
    """Check the learner's functions once more, where they now stand."""
    spec = importlib.util.spec_from_file_location(f"minigpt_lib_mine_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    generator = torch.Generator().manual_seed(0)
    try:
        spec.loader.exec_module(module)
        for task, part in own.parts:
            judge_part(task, part, getattr(module, part.name), generator)
    except Found as found:
        text = f"{task.number} {part.name} passes in your notebook but not in the library"
        raise ValueError(f"{text}: {found.text}") from None
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"your functions don't load in {path.stem}: {what}") from None
