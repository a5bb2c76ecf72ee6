"""Writes `minigpt_lib` from the notebooks' cells that start with `#| export: module`."""

import ast
import subprocess
import symtable
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ruff.__main__ import find_ruff_bin

from course.notebook import (
    body,
    chapters,
    docstring_node,
    exported_module,
    label,
    number,
    parse,
    read_notebook,
    store,
)
from course.paths import ROOT

INIT = '"""The library that the chapters build, one module a stage."""\n'
RUFF = ["--isolated", "--line-length", "100", "--target-version", "py311"]
SORT = ["--select", "I", "--config", 'lint.isort.known-first-party = ["minigpt_lib"]']


@dataclass
class Module:
    """One module of the library on its way out of a notebook."""

    name: str
    notebook: str  # the label of the notebook it comes from
    docstring: str = ""
    imports: str = ""
    blocks: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # top-level name -> label of its cell
    text: str = ""  # the whole source, as it is written


def run(check: bool = False, only: list[str] | None = None, root: Path = ROOT) -> list[str]:
    """Write the library, or with `check` compare it with what the notebooks give.

    Returns:
        problems, one line each; none means that all is well.
    """
    try:
        modules = _library(root)
        wanted = {label(path, root=root) for path in chapters(root / "notebooks", only)}
    except ValueError as error:
        return [str(error)]
    problems = []
    for module in modules.values():
        if module.notebook in wanted:
            command = f"minigpt export {number(Path(module.notebook))}"
            path = root / "minigpt_lib" / f"{module.name}.py"
            problems += store(path, module.text, check, module.notebook, command, root)
    init = root / "minigpt_lib" / "__init__.py"
    problems += store(init, INIT, check, "the exporter", "minigpt export", root)
    for path in sorted((root / "minigpt_lib").glob("*.py")):
        if path.stem not in {*modules, "__init__"}:
            place = label(path, root=root)
            problems.append(
                f"{place} comes from no notebook. Mend: export it from one, or delete it"
            )
    return problems


def module_sources(root: Path = ROOT) -> dict[str, str]:
    """Module name -> source of every module of the library, as the notebooks give it.

    Raises:
        ValueError: a cell that can't be exported; the message names file and cell.
    """
    return {name: module.text for name, module in _library(root).items()}


def _library(root: Path) -> dict[str, Module]:
    modules = _collect(root)
    _refuse_twins(modules)
    texts = _formatted({name: _source(module, modules) for name, module in modules.items()})
    for name, module in modules.items():
        module.text = texts[name]
    return modules


def _collect(root: Path) -> dict[str, Module]:
    modules: dict[str, Module] = {}
    for path in chapters(root / "notebooks"):
        for cell in read_notebook(path).cells:
            place = label(path, cell, root)
            try:
                name = exported_module(cell)
                if name is None:
                    continue
                module = modules.setdefault(name, Module(name, label(path, root=root)))
                if module.notebook != label(path, root=root):
                    raise ValueError(f"module {name} is already exported by {module.notebook}")
                _add(module, body(cell), place)
            except SyntaxError as error:
                raise ValueError(f"{place}: line {error.lineno}: {error.msg}") from None
            except ValueError as error:
                raise ValueError(f"{place}: {error}") from None
    return modules


def _add(module: Module, source: str, place: str) -> None:
    """Add one exported cell; the first one of a module is its docstring and imports."""
    tree = parse(source)
    is_import = [isinstance(node, (ast.Import, ast.ImportFrom)) for node in tree.body]
    if not module.docstring:
        text = docstring_node(tree)
        if text is None or not all(is_import[1:]):
            raise ValueError(
                f"the first exported cell of {module.name} holds the module's docstring, then its "
                "imports, and nothing else"
            )
        lines = source.splitlines()
        module.docstring = "\n".join(lines[: text.end_lineno])
        module.imports = "\n".join(lines[text.end_lineno :]).strip()
        return
    if any(is_import):
        raise ValueError(f"move the import to the first exported cell of {module.name}")
    for name in defined_names(tree):
        if name in module.names:
            raise ValueError(f"{name} is already defined in {module.names[name]}")
        module.names[name] = place
    module.blocks.append(source.strip())


def defined_names(tree: ast.Module) -> list[str]:
    """Names a module binds at its top level by def, class or assignment."""
    names = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = [n.id for target in targets for n in ast.walk(target) if _is_bound(n)]
            names += found
    return names


def _is_bound(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _refuse_twins(modules: dict[str, Module]) -> None:
    seen: dict[str, str] = {}
    for module in modules.values():
        for name, place in module.names.items():
            if name in seen:
                raise ValueError(
                    f"{place}: {name} is already defined in {seen[name]}; a name is defined once "
                    "in the whole library, so give the new one a new name"
                )
            seen[name] = place


def _source(module: Module, modules: dict[str, Module]) -> str:
    code = "\n\n\n".join(module.blocks)
    wanted = free_names(code)
    siblings = []
    for other in modules.values():
        names = sorted(wanted & other.names.keys())
        if other is module or other.notebook != module.notebook or not names:
            continue
        back = free_names("\n\n".join(other.blocks)) & module.names.keys()
        if back:
            name = min(back)
            raise ValueError(
                f"{module.names[name]}: {module.name} uses {names[0]} of {other.name}, and "
                f"{other.name} uses {name} of {module.name}; only one may import the other"
            )
        siblings.append(f"from minigpt_lib.{other.name} import {', '.join(names)}")
    origin = f"# Written from {module.notebook} by `minigpt export`; edit that, not this file."
    imports = "\n".join([module.imports, *siblings]).strip()
    return "\n\n".join(part for part in (module.docstring, origin, imports, code) if part) + "\n"


def free_names(source: str) -> set[str]:
    """Names a source uses without binding them: what has to come from elsewhere."""
    top = symtable.symtable(source, "module", "exec")
    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    used, tables = set(), [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        used |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (symbol.is_global() or table is top)
        }
    return used - bound


def _formatted(sources: dict[str, str]) -> dict[str, str]:
    """Sort imports and format, with the same settings wherever it runs."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in sources.items():
            Path(folder, f"{name}.py").write_text(text, encoding="utf-8", newline="\n")
        ruff = find_ruff_bin()
        for command in (["check", "--fix-only", "--no-cache", *SORT], ["format", "--no-cache"]):
            done = subprocess.run(
                [ruff, *command, *RUFF, "--quiet", folder],
                capture_output=True,
                text=True,
                encoding="utf-8",
            )
            if done.returncode:
                raise ValueError(f"ruff could not format the exported cells: {done.stderr.strip()}")
        return {n: Path(folder, f"{n}.py").read_text(encoding="utf-8") for n in sources}


def splice(source: str, replacements: dict[str, str]) -> str:
    """Put other definitions in the place of a module's own.

    A module-level alias of a library function, such as `attend = F.scaled_dot_product_attention`,
    is bound to the replacement of that name instead.

    Args:
        source: source of a module of the library.
        replacements: name of a top-level function or class -> source of the definition to use.
    Returns:
        the module's source with the replacements in it, the rest unchanged.
    Raises:
        ValueError: the module defines no such function or class, or an alias of it comes first.
    """
    lines, edits, found = source.splitlines(), [], set()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in replacements:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            edits.append((first, node.end_lineno, replacements[node.name].strip("\n")))
            found.add(node.name)
        elif isinstance(node, ast.Assign) and _alias(node) in replacements:
            name = _alias(node)
            if name not in found:
                raise ValueError(f"line {node.lineno}: the alias of {name} comes before {name}")
            edits.append((node.lineno, node.end_lineno, f"{node.targets[0].id} = {name}"))
    if missing := sorted(replacements.keys() - found):
        raise ValueError(f"the module defines no {', '.join(missing)}")
    for first, last, text in reversed(edits):
        lines[first - 1 : last] = text.splitlines()
    return "\n".join(lines) + "\n"


def _alias(node: ast.Assign) -> str | None:
    """The last part of the dotted name on the right of `name = a.b`, if it is such a line."""
    is_alias = isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Attribute)
    return node.value.attr if is_alias else None
