"""Where each name of the library is built, and which notebooks know it: the book links by this."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course import syllabus
from course.book import FOLDERS
from course.notebook import chapters, exported_module, parse, read_notebook

LIBRARY = "minigpt_lib"
MENTION = re.compile(r"(\w+(?:\.\w+)*)(\(.*\))?", re.DOTALL)


@dataclass(frozen=True)
class Built:
    """Where a name of the library is built."""

    module: str
    page: str  # "notebooks/04_attention"
    cell: int  # counted from 0
    is_class: bool


@dataclass
class Notes:
    """What a page's notebook says about its cells and about names of the library."""

    ids: list[str]  # of the cells
    own: set[str] = field(default_factory=set)  # defined on the page and not exported
    calls: dict[int, set[str]] = field(default_factory=dict)  # cell -> library names in use there


class Book:
    """What the sources say, read once before the pages are."""

    def __init__(self, root: Path):
        self.syllabus = syllabus.load(root)
        self.library = library(root)
        self.exercises = {
            exercise.id: chapter.notebook
            for chapter in self.syllabus.chapters
            for exercise in chapter.exercises
        }
        self.notes = {
            f"{folder}/{path.stem}": notes(read_notebook(path).cells, self.library)
            for folder in FOLDERS
            for path in chapters(root / folder)
        }

    def find(self, code: str, page: str) -> str | None:
        """The name of the library that a piece of code in a text mentions, if it is one.

        `causal_mask`, `causal_mask(T)`, `attention.causal_mask`, `GPT.forward`, and the same after
        `minigpt_lib.`. A name that is also a module's (`train`) means the function only where it is
        called or written with its module; one that the page gives to something else is none.
        """
        match = MENTION.fullmatch(code.strip())
        words = match[1].split(".") if match else []
        is_ours = LIBRARY in words[:1]
        words = words[is_ours:]
        has_module = len(words) > 1 and self._module(words[1]) == words[0]
        name, *part = words[has_module:] or [""]
        built = self.library.get(name)
        if built is None or len(part) > built.is_class or (is_ours and not has_module):
            return None
        is_own = page in self.notes and name in self.notes[page].own
        is_module = name == built.module and not match[2]
        return name if has_module or not (is_own or is_module) else None

    def _module(self, name: str) -> str | None:
        return self.library[name].module if name in self.library else None


def library(root: Path) -> dict[str, Built]:
    """Every public name that the chapters export -> where it is built."""
    found = {}
    for path in chapters(root / "notebooks"):
        for i, cell in enumerate(read_notebook(path).cells):
            if module := exported_module(cell):
                for node, name in definitions(parse(cell.source)):
                    is_class = isinstance(node, ast.ClassDef)
                    found[name] = Built(module, f"notebooks/{path.stem}", i, is_class)
    return found


def definitions(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """The names that statements at the top level define: functions, classes and values."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node, node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (each for target in targets for each in ast.walk(target))
            yield from ((node, each.id) for each in names if isinstance(each, ast.Name))


def notes(cells: list, built: dict[str, Built]) -> Notes:
    """Follow the library's names through a notebook, from where they are imported or built."""
    result, known = Notes([cell.get("id", "") for cell in cells]), set()
    for i, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        tree = parse(cell.source)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                names = {alias.asname or alias.name for alias in node.names}
                ours = (node.module or "").startswith(f"{LIBRARY}.")
                known = known | (names & set(built)) if ours else known - names
        result.calls[i] = known - bound(tree)
        defined = {name for _, name in definitions(tree)}
        if exported_module(cell):
            known = known | (defined & set(built))
        else:
            result.own |= defined
            known = known - defined
    return result


def bound(tree: ast.Module) -> set[str]:
    """The names that a cell gives to something of its own, at any depth."""
    return {
        getattr(node, "name", None) or getattr(node, "arg", None) or node.id
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.arg))
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }
