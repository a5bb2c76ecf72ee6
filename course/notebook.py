"""Notebooks as this project stores them: read, write, find exported cells, walk imports."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.files import write_atomic
from course.paths import ROOT

DIRECTIVE = re.compile(r"#\| export: ([a-z_][a-z0-9_]*)")
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook of format 4.

    Raises:
        ValueError: the file is not UTF-8, not JSON, or not a notebook of format 4.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["nbformat"] != 4 or not isinstance(content["cells"], list):
            raise ValueError("its format is not 4")
        return nbformat.v4.to_notebook(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a notebook ({error}); restore it, e.g. git checkout {path.name}"
        ) from None


def notebook_text(notebook: NotebookNode, executed: bool = True) -> str:
    """The one text a notebook is stored as: format 4.5, sorted keys, counts 1, 2, 3 … or none."""
    notebook = nbformat.from_dict(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(
        METADATA | {key: notebook.metadata[key] for key in ("minigpt",) if key in notebook.metadata}
    )
    for count, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = count if executed else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    return nbformat.v4.writes(notebook).rstrip("\n") + "\n"


def write_notebook(path: Path, notebook: NotebookNode) -> None:
    """Store a notebook in its one form, atomically."""
    write_atomic(path, notebook_text(notebook))


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: NotebookNode) -> set[str]:
    """The tags of a cell."""
    return set(cell.metadata.get("tags", []))


def label(path: Path, cell: NotebookNode | None = None, root: Path = ROOT) -> str:
    """How a message names a place: `notebooks/04_attention.ipynb, cell causal-mask`."""
    place = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return place if cell is None else f"{place}, cell {cell.get('id', '?')}"


def chapters(folder: Path, only: list[str] | None = None) -> list[Path]:
    """The numbered notebooks of a folder in course order, or those named by `only`; see select."""
    return select(sorted(folder.glob("[0-9][0-9]_*.ipynb")), only)


def numbered(root: Path = ROOT) -> list[Path]:
    """Chapters and solutions in course order, a solution after its chapter."""
    paths = chapters(root / "notebooks") + chapters(root / "solutions")
    return sorted(paths, key=lambda path: (path.stem, path.parent.name))


def select(paths: list[Path], only: list[str] | None) -> list[Path]:
    """The notebooks among `paths` that `only` names.

    Args:
        only: numbers or names, "4", "04", "04_attention" or a path to it; None means all.
    Raises:
        ValueError: a name in `only` fits none.
    """
    if not only:
        return paths
    wanted = [Path(name).stem for name in only]
    for name in wanted:
        if not any(_named(path, name) for path in paths):
            known = ", ".join(dict.fromkeys(path.stem for path in paths)) or "none"
            raise ValueError(f"no notebook is called {name!r}; there are: {known}")
    return [path for path in paths if any(_named(path, name) for name in wanted)]


def _named(path: Path, name: str) -> bool:
    return path.stem == name or (name.isdigit() and int(path.stem[:2]) == int(name))


def number(path: Path) -> str:
    """The chapter's number as written in the file name: "04"."""
    return path.stem[:2]


def exported_module(cell: NotebookNode) -> str | None:
    """The module a code cell is exported to, or None.

    Raises:
        ValueError: a directive that is not exactly `#| export: module` on the first line.
    """
    if cell.cell_type != "code":
        return None
    first, *rest = cell.source.splitlines() or [""]
    match = DIRECTIVE.fullmatch(first)
    wrong = rest if match else [first, *rest]
    for line in wrong:
        if re.match(r"\s*#\s*\|\s*(export|default_exp)", line):
            raise ValueError(
                f"{line.strip()!r} is no directive; write `#| export: module` as the first line"
            )
    return match and match[1]


def body(cell: NotebookNode) -> str:
    """The source of a cell without its export directive."""
    return DIRECTIVE.sub("", cell.source, count=1).lstrip("\n")


@lru_cache(maxsize=4096)
def parse(source: str) -> ast.Module:
    """The syntax tree of a source text; the same text is parsed once."""
    return ast.parse(source)


def imports(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Each import in a tree, at any depth: its module and the names taken from it ([] = all)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), [alias.name for alias in node.names]


def docstring_node(node: ast.AST) -> ast.Expr | None:
    """The statement that is a node's docstring, if it has one."""
    has_body = isinstance(
        node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    ) and bool(node.body)
    first = node.body[0] if has_body else None
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return first if is_text and isinstance(first.value.value, str) else None


def code_lines(source: str) -> int:
    """Number of lines that hold code: blank lines, comments and docstrings do not count."""
    skip = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skip and token.type != tokenize.ENDMARKER:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(parse(source)):
        if text := docstring_node(node):
            lines.difference_update(range(text.lineno, text.end_lineno + 1))
    return len(lines)


def store(path: Path, text: str, check: bool, source: str, command: str, root: Path) -> list[str]:
    """Write a generated file, or with `check` say where the one on disk differs.

    Args:
        source: what the file is generated from, for the message.
        command: the command that writes it again.
    Returns:
        no line when the file is as it should be, else one.
    """
    current = path.read_text(encoding="utf-8") if path.exists() else None
    if current == text:
        return []
    if not check:
        write_atomic(path, text)
        return []
    place = label(path, root=root)
    if current is None:
        return [f"{place} is missing; it is generated from {source}. Mend: {command}"]
    pairs = zip(current.splitlines(), text.splitlines(), strict=False)
    shorter = min(len(current.splitlines()), len(text.splitlines()))
    line = next((i for i, (a, b) in enumerate(pairs, start=1) if a != b), shorter + 1)
    return [f"{place}, line {line}: differs from what {source} gives. Mend: {command}"]
