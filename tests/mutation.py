"""Do the checks tell wrong from right? Spoils each solution in every small way and asks them.

`python -m tests.mutation 04` prints, per exercise, how many spoiled solutions (*mutants*) the check
rejects, and each that it lets through. A mutant differs from the solution in one place between
`### BEGIN SOLUTION` and `### END SOLUTION`; OPERATORS lists the ways.
"""

import ast
import contextlib
import copy
import io
import re
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

import torch

from course.checks import engine, guard, judge
from course.checks.notebook import CHECK
from course.exercises import BEGIN, END, TITLE
from course.notebook import chapters, code_cells, read_notebook
from course.paths import SOLUTIONS

SECONDS = 1.0  # for one mutant, beside five times what the solution itself takes
MODULES = {"torch", "math", "F", "nn", "np", "random", "re", "json"}  # f(x) there is no method of x
AXIS_WORDS = {"dim", "axis", "dim0", "dim1"}
SIZES = {"view", "reshape", "permute", "movedim", "expand"}  # methods to which axes come in order
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.MatMult: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
ORDERED = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)

Edits = Iterator[dict[ast.AST, ast.AST]]  # each one mutant: node -> what stands there instead


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """A copy of a node with other fields."""
    node = copy.copy(node)
    vars(node).update(fields)
    return node


def comparison(node: ast.AST) -> Edits:
    """`<` becomes `<=` and `>=`, `is` becomes `is not` …"""
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            for other in COMPARISONS[type(op)]:
                yield {node: changed(node, ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])}


def arithmetic(node: ast.AST) -> Edits:
    """`+` becomes `-`, `@` becomes `*`, `and` becomes `or` …"""
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in ARITHMETIC:
        yield {node: changed(node, op=ARITHMETIC[type(node.op)]())}


def constant(node: ast.AST) -> Edits:
    """A number becomes one more and one less, True becomes False."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield {node: ast.Constant(not node.value)}
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield from ({node: ast.Constant(node.value + step)} for step in (1, -1))


def axis(node: ast.AST) -> Edits:
    """dim=-1 becomes dim=-2 and back, 0 becomes 1 and back; the order of sizes, `.T` left out."""
    if isinstance(node, ast.keyword) and node.arg in AXIS_WORDS:
        other = {"-1": "-2", "-2": "-1", "0": "1", "1": "0"}.get(ast.unparse(node.value))
        if other:
            yield {node: changed(node, value=ast.parse(other, mode="eval").body)}
    if isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        yield {node: node.value}
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in SIZES:
        yield from ({a: b, b: a} for a, b in pairwise(node.args))


def order(node: ast.AST) -> Edits:
    """`a - b` becomes `b - a`; two adjacent statements change places if one binds what both use."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ORDERED):
        yield {node: changed(node, left=node.right, right=node.left)}
    for block in (getattr(node, "body", None), getattr(node, "orelse", None)):
        for a, b in pairwise(block if isinstance(block, list) else []):
            if not isinstance(a, (ast.Return, ast.Raise)) and not _independent(a, b):
                yield {a: b, b: a}


def dropped(node: ast.AST) -> Edits:
    """Without a statement, a keyword argument, a call (of its method or function), a negation."""
    if isinstance(node, ast.stmt) and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield {node: ast.Pass()}
    if isinstance(node, ast.Call):
        for word in node.keywords:
            yield {node: changed(node, keywords=[k for k in node.keywords if k is not word])}
        is_method = isinstance(node.func, ast.Attribute)
        if is_method and ast.unparse(node.func).split(".")[0] not in MODULES:
            yield {node: node.func.value}
        elif node.args:
            yield {node: node.args[0]}
    if isinstance(node, ast.UnaryOp):
        yield {node: node.operand}


OPERATORS = (comparison, arithmetic, constant, axis, order, dropped)


def _independent(*pair: ast.stmt) -> bool:
    """Two assignments to names, neither of which the other one mentions: their order is free."""
    if not all(isinstance(s, ast.Assign) for s in pair):
        return False
    targets = [", ".join(map(ast.unparse, s.targets)) for s in pair]
    bound, said = (
        [re.findall(r"[\w.]+", text) for text in texts]
        for texts in (targets, map(ast.unparse, pair))
    )
    mixed = [*product(bound[0], said[1]), *product(bound[1], said[0])]
    is_used = any(f"{a}.".startswith(f"{b}.") or f"{b}.".startswith(f"{a}.") for a, b in mixed)
    return all(re.fullmatch(r"[\w., ()]+", target) for target in targets) and not is_used


@dataclass(frozen=True)
class Mutant:
    """A spoiled cell: by which operator, the lines that differ, before and after, and all of it."""

    operator: str
    was: str
    becomes: str
    source: str

    def __str__(self) -> str:
        return f"{self.operator}: {self.was} ⇒ {self.becomes}"


def mutants(source: str, operators: tuple = OPERATORS, skip: frozenset = frozenset()) -> list:
    """Every mutant of a cell's solution once; `skip` names typed values, which stay as they are."""
    tree, inside, lines = ast.parse(source), False, set()
    for count, line in enumerate(source.splitlines(), start=1):
        inside = line.strip() == BEGIN or (inside and line.strip() != END)
        lines |= {count} if inside else set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and {ast.unparse(t) for t in node.targets} & skip:
            lines -= set(range(node.lineno, node.end_lineno + 1))
    original, found = ast.unparse(tree), {}
    for node in list(ast.walk(tree)):
        for operator in operators:
            for edit in operator(node):
                if all(_is_within(old, lines) for old in edit):
                    text = ast.unparse(
                        copy.deepcopy(tree, {id(old): new for old, new in edit.items()})
                    )
                    mutant = Mutant(operator.__name__, *_difference(original, text), text)
                    found.setdefault(text, mutant)
    found.pop(original, None)
    return list(found.values())


def _is_within(node: ast.AST, lines: set[int]) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return {node.lineno, node.end_lineno} <= lines and not is_text


def _difference(before: str, after: str) -> tuple[str, str]:
    """The lines between those that two texts begin with and those they end with."""
    a, b = before.splitlines(), after.splitlines()
    for _ in range(2):
        while a and b and a[0] == b[0]:
            a, b = a[1:], b[1:]
        a, b = a[::-1], b[::-1]
    return "; ".join(map(str.strip, a)), "; ".join(map(str.strip, b))


@dataclass
class Result:
    """What the check of one exercise made of the mutants of its solution."""

    number: str
    total: int
    survivors: list[Mutant]

    def __str__(self) -> str:
        if not self.total:
            return f"{self.number}: left out, typed values only"
        return f"{self.number}: {self.total - len(self.survivors)} of {self.total} rejected"


def run(path: Path) -> Iterator[Result]:
    """Run a solution notebook cell by cell, and judge all mutants of each of its exercises.

    Raises:
        ValueError: a solution that its own check rejects.
    """
    namespace, waiting = {"__name__": "__main__"}, {}
    for source in (cell.source for cell in code_cells(read_notebook(path))):
        before = dict(namespace)
        _execute(source, namespace)
        if BEGIN in source:
            own = {name for name in namespace if before.get(name) is not namespace[name]}
            waiting[TITLE.fullmatch(source.splitlines()[0])[1]] = source, before, own
        for number in {*CHECK.findall(source)} & {*waiting}:
            solution, before, own = waiting.pop(number)
            others = {k: v for k, v in namespace.items() if k not in own}
            restored = {k: v for k, v in before.items() if k in own}
            yield judged(number, source, solution, others | restored)


def judged(number: str, check: str, solution: str, namespace: dict) -> Result:
    """Judge all mutants of a solution with the answers that its check cell names."""
    calls = [n for n in ast.walk(ast.parse(check)) if isinstance(n, ast.Call) and n.args]
    (call,) = [c for c in calls if getattr(c.args[0], "value", None) == number]
    answers = [ast.unparse(argument) for argument in call.args[1:]]
    parts = engine.exercise(number).parts
    typed = frozenset(a for a, part in zip(answers, parts, strict=True) if part.read)
    start = time.perf_counter()
    if message := _rejection(solution, namespace, number, answers, 60.0):
        raise ValueError(f"the solution of {number} itself is rejected: {message}")
    limit = SECONDS + 5 * (time.perf_counter() - start)
    found = mutants(solution, skip=typed) if len(typed) < len(parts) else []
    left = [m for m in found if not _rejection(m.source, namespace, number, answers, limit)]
    return Result(number, len(found), left)


def _rejection(source: str, base: dict, number: str, answers: list[str], limit: float) -> str:
    """Why a cell's answers are rejected; nothing if they pass."""
    namespace, before, engine.SECONDS = dict(base), engine.SECONDS, limit
    try:
        with guard.time_limit(limit):
            _execute(source, namespace)
            values = [eval(answer, namespace) for answer in answers]
        verdict = judge(number, *values)
        return "" if verdict.passed else verdict.message
    except (Exception, SystemExit, guard.TimeUp) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        engine.SECONDS = before


def _execute(source: str, namespace: dict) -> None:
    torch.manual_seed(0)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(source, "<mutant>", "exec"), namespace)


def main(only: list[str]) -> None:
    """Print, for the chapters named, per exercise how many mutants are rejected, and survivors."""
    for path in chapters(SOLUTIONS, only):
        total = left = 0
        for result in run(path):
            total, left = total + result.total, left + len(result.survivors)
            print(result, *result.survivors, sep="\n    ", flush=True)
        share = f" ({(total - left) / total:.1%})" if total else ""
        print(f"{path.name}: {total - left} of {total} rejected{share}")


if __name__ == "__main__":
    main(sys.argv[1:])
