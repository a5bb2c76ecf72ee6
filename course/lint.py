"""Checks that every notebook keeps the rules of the course, and says where it does not.

How lint recognises the parts of a chapter, which an author therefore has to name exactly so:

Cell ids (lower-case words joined by dashes, unique in the notebook; random hex is refused)
    title             markdown, first cell: `# 04 Attention`, then the sentence that promises
    facts             markdown; its text is generated from course/syllabus.yml, write "facts"
    objectives        markdown; 3 to 5 list items (`- …`). Where course/syllabus.yml has the
                      chapter's objectives the cell is generated from there. In a complete chapter
                      each item names its exercise, e.g. "(4.2)"
    before-you-start  markdown *
    pipeline-strip    code; calls `pipeline(…)`
    shapes            markdown; holds a table
    if-it-went-wrong  markdown; at least three items or sub-headings *
    recap             markdown; exactly five list items *
    quiz-1, quiz-2 …  3 to 5 cells, one question each, every one with a `?` *
    sources           markdown; at least one list item, each with a year *
    later             markdown; what later chapters import: names each module of this chapter *
    (* = only chapters whose syllabus entry says `depth: complete`; the rest is wanted in all)

Tags (cell metadata)
    predict    3 to 5 code cells *, each after a markdown cell that asks (`?`) and a code cell that
               keeps the guess, `predict("4.p1", ...)`, numbered from p1
    proof      at least one code cell of at most 8 code lines that prints and asserts; only cells
               tagged proof may import transformers or hypothesis. Set-up of a proof may stand in a
               further cell tagged proof, of any allowed length
    break-it   at least one code cell that prints its number and asserts
    measured   stored, but never compared: text drawn from a trained model
    timing     a live timing: stores nothing, never compared
    hide-input the input is folded in the page; `remove-input`, `remove-cell`, `remove-output` are
               refused: nothing on the page may come from code that the page does not have
    solution-only  in solutions: the cell is dropped from the exercise notebook
    slide      the cell begins a slide of the chapter's deck (course/slides.py), and one tagged
               slide-continue goes on with it

The figure: at least one code cell other than the strip with alt text in its metadata,
`{"mystnb": {"image": {"alt": "…"}}}`. Every cell whose stored output has a PNG needs one.

Code, in all notebooks and solutions: no magics or shell lines, no `;`, no assigned lambdas, no star
imports, no sys.path; at most 25 lines of code in a cell (40 in an exported one) and 40 in a
function (blank lines, comments and docstrings do not count); public exported functions and
classes have docstrings; in exported cells an assignment or return that changes a shape (view,
reshape, transpose, permute, flatten, unsqueeze, squeeze) ends with the new shape in a comment,
`# (B, T, C)`; `### BEGIN SOLUTION` … `### END SOLUTION` only in solutions.
Imports: chapter N imports only modules of chapters before N, course, and the third-party packages
named in ALLOWED; minigpt_lib imports nothing of ours but itself; course no transformers.
Prose (markdown outside code): the words and marks of STYLE that promise too much are refused.
"""

import ast
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from ruff.__main__ import find_ruff_bin

from course import syllabus
from course.exercises import BEGIN, END, TITLE
from course.notebook import (
    code_cells,
    code_lines,
    docstring_node,
    exported_module,
    imports,
    label,
    numbered,
    parse,
    read_notebook,
    select,
    tags,
)
from course.paths import ROOT

PROOF_ONLY = {"transformers", "hypothesis"}
ALLOWED = {
    *("torch", "numpy", "matplotlib", "regex", "tiktoken", "safetensors", "tqdm", "IPython"),
    *("requests", "ipykernel"),
}
HIDING = {"remove-input", "remove-cell", "remove-output", "remove_input", "remove_cell"}
SHAPE_METHODS = {
    *("view", "reshape", "transpose", "permute", "flatten", "unflatten", "unsqueeze", "squeeze"),
}
BANNED = re.compile(r"\b(magic|magical|simply|just|powerful)\b|!", re.IGNORECASE)
NOT_PROSE = re.compile(
    r"^(`{3,}|~{3,})(?!\s*\{)[^\n]*\n.*?^\1[ \t]*$"  # a block of code, not a {directive}
    r"|(?<!`)(`{1,2})(?!`).+?(?<!`)\2(?!`)"  # code in a line
    r"|\$\$.*?\$\$|\$[^$\n]+\$|<!--.*?-->|!(?=\[)|\]\([^)\s]*\)|https?://\S+",
    re.MULTILINE | re.DOTALL,
)
SPEAKING = re.compile(r"(?=.{2,64}$)[a-z][a-z0-9]*(-[a-z0-9]+)*")
RANDOM = re.compile(r"(?=.*\d)[0-9a-f]{8,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CELL_LINES, EXPORTED_LINES, FUNCTION_LINES, PROOF_LINES = 25, 40, 40, 8

Found = Iterator[tuple[NotebookNode | None, str]]  # the cell (None: the notebook) and what is wrong


@dataclass
class Page:
    """A notebook with what the rules need to know of it."""

    notebook: NotebookNode
    chapter: syllabus.Chapter
    is_solution: bool
    may_import: set[str]  # modules of minigpt_lib

    def cell(self, id: str) -> NotebookNode | None:
        """The cell of this id, if there is one."""
        return next((cell for cell in self.notebook.cells if cell.get("id") == id), None)

    def source(self, id: str) -> str:
        """The text of the cell of this id; nothing if there is none."""
        return getattr(self.cell(id), "source", "")

    def trees(self) -> Iterator[tuple[NotebookNode, ast.Module]]:
        """Each code cell that is Python with its syntax tree."""
        for cell in code_cells(self.notebook):
            try:
                yield cell, parse(cell.source)
            except SyntaxError:
                continue  # plain_python reports it

    @property
    def is_complete(self) -> bool:
        """Whether everything that a chapter has is wanted."""
        return self.chapter.depth == "complete" and not self.is_solution


def run(check: bool = False, only: list[str] | None = None, root: Path = ROOT) -> list[str]:
    """Check notebooks and code against the rules; without `check`, first format the code.

    Returns:
        problems, one line each, with the file and the cell.
    """
    problems = []
    try:
        course = syllabus.load(root)
        paths = select(numbered(root), only)
        problems += [problem for path in paths for problem in _lint(path, course, root)]
    except ValueError as error:
        return [str(error)]
    if not only:
        problems += library_imports(root)
        names = ["course", "tests", "benchmarks", "minigpt_lib", "conftest.py"]
        code = [root / name for name in names if (root / name).exists()]
    else:
        code = []
    return problems + ruff(check, paths + code, root) + spelling(paths, code, root)


def _lint(path: Path, course: syllabus.Syllabus, root: Path) -> list[str]:
    notebook, before = read_notebook(path), set()
    for chapter in course.chapters:
        if chapter.notebook == path.stem:
            break
        before |= set(chapter.modules)
    else:
        return [f"{label(path, root=root)} is not in {syllabus.SOURCE}. Mend: list it there"]
    is_solution = path.parent.name == "solutions"
    own = set(chapter.modules) if is_solution else set()
    page = Page(notebook, chapter, is_solution, before | own)
    rules = [*RULES, *([] if is_solution else CHAPTER_RULES)]
    rules += COMPLETE_RULES if page.is_complete else []
    return [f"{label(path, cell, root)}: {what}" for rule in rules for cell, what in rule(page)]


# Rules for every notebook and solution


def plain_python(page: Page) -> Found:
    """Every code cell is plain Python: no magics, no shell lines."""
    for cell in code_cells(page.notebook):
        try:
            parse(cell.source)
        except SyntaxError as error:
            line = (cell.source.splitlines() or [""])[(error.lineno or 1) - 1 :][:1]
            what = "no magics or shell lines" if re.match(r"\s*[%!]", "".join(line)) else error.msg
            yield cell, f"line {error.lineno} is not plain Python: {what}"


def plain_style(page: Page) -> Found:
    """No `;`, no lambda with a name, no star import, no sys.path."""
    for cell, tree in page.trees():
        for token in tokenize.generate_tokens(io.StringIO(cell.source).readline):
            if token.type == tokenize.OP and token.string == ";":
                yield cell, f"line {token.start[0]}: write one statement a line, without `;`"
        for node in ast.walk(tree):
            line = getattr(node, "lineno", 0)
            if isinstance(getattr(node, "value", None), ast.Lambda) and isinstance(
                node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)
            ):
                yield cell, f"line {line}: give the lambda a name with def"
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path":
                yield cell, f"line {line}: leave sys.path alone; the packages are installed"
        for module, names in imports(tree):
            if "*" in names:
                yield cell, f"name what you import from {module} instead of *"
            if module == "sys" and "path" in names:
                yield cell, "leave sys.path alone; the packages are installed"


def lengths(page: Page) -> Found:
    """Cells and functions fit on a screen."""
    for cell, tree in page.trees():
        limit = CELL_LINES if exported(cell) is None else EXPORTED_LINES
        if (count := code_lines(cell.source)) > limit:
            yield cell, f"{count} lines of code; a cell has at most {limit}, so split it"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                count = code_lines(_source_of(cell.source, node))
                if count > FUNCTION_LINES:
                    yield cell, f"{node.name} has {count} lines of code, at most {FUNCTION_LINES}"


def _source_of(source: str, node: ast.AST) -> str:
    lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines) + "\n"


def cell_ids(page: Page) -> Found:
    """Every cell has a name that says what it is, once in the notebook."""
    seen = set()
    for cell in page.notebook.cells:
        id = cell.get("id", "")
        if not SPEAKING.fullmatch(id) or RANDOM.fullmatch(id):
            yield cell, "give the cell an id that says what it is, like causal-mask"
        if id in seen:
            yield cell, "two cells have this id"
        seen.add(id)


def counts(page: Page) -> Found:
    """Execution counts are 1, 2, 3 … so that a stored output always has one."""
    for expected, cell in enumerate(code_cells(page.notebook), start=1):
        if cell.get("execution_count") != expected:
            yield (
                cell,
                f"execution count is not {expected}. Mend: minigpt refresh {page.chapter.number}",
            )
            return


def pictures(page: Page) -> Found:
    """Every stored picture has a text for those who can't see it."""
    for cell in code_cells(page.notebook):
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        if kinds & {"image/png", "image/jpeg", "image/svg+xml"} and not alt(cell):
            yield cell, 'say what the picture shows in metadata {"mystnb": {"image": {"alt": "…"}}}'


def visible(page: Page) -> Found:
    """Nothing on the page comes from a hidden cell, and live timings store nothing."""
    for cell in page.notebook.cells:
        if hiding := tags(cell) & HIDING:
            yield cell, f"remove the tag {min(hiding)}; hide-input folds a cell without hiding it"
        if "timing" in tags(cell) and cell.get("outputs"):
            mend = f"Mend: minigpt refresh {page.chapter.number}"
            yield cell, f"a cell tagged timing stores no output. {mend}"


def import_order(page: Page) -> Found:
    """A chapter imports what earlier ones exported, `course` and known packages."""
    for cell, tree in page.trees():
        for module, names in imports(tree):
            top, *rest = module.split(".")
            if top == "minigpt_lib":
                for name in rest[:1] or names or ["all of it"]:
                    if name not in page.may_import:
                        yield cell, f"imports minigpt_lib.{name}, which no earlier chapter exports"
            elif top in PROOF_ONLY:
                if "proof" not in tags(cell):
                    yield cell, f"imports {top}; only cells tagged proof may"
            elif top not in {"course", *ALLOWED, *sys.stdlib_module_names}:
                yield cell, f"imports {module}, which the course does not use"


def exercise_list(page: Page) -> Found:
    """A solution notebook holds the exercises that the syllabus lists, under their titles."""
    firsts = [cell.source.split("\n")[0] for cell in code_cells(page.notebook)]
    found = {first for first in firsts if TITLE.fullmatch(first)}
    listed = {f"# {exercise.id} {exercise.title}" for exercise in page.chapter.exercises}
    if page.is_solution and (wrong := found ^ listed):
        yield None, f"cells and {syllabus.SOURCE} differ in: {', '.join(sorted(wrong))}"


def markers(page: Page) -> Found:
    """Solution markers stand in solutions only."""
    for cell in code_cells(page.notebook):
        if not page.is_solution and (BEGIN in cell.source or END in cell.source):
            yield cell, "solution markers belong into solutions/"


def prose(page: Page) -> Found:
    """Plain words: nothing is magic, nothing is just simple, and no exclamation marks."""
    for cell in page.notebook.cells:
        if cell.cell_type == "markdown":
            for found in BANNED.finditer(NOT_PROSE.sub(" ", cell.source)):
                yield cell, f"STYLE does without {found[0]!r}"


# Rules for chapters


def exports(page: Page) -> Found:
    """The chapter exports the modules the syllabus says, documented, with shapes."""
    found = set()
    for cell in code_cells(page.notebook):
        try:
            found |= {exported_module(cell)} - {None}
        except ValueError as error:
            yield cell, str(error)
    if found != set(page.chapter.modules):
        names = ", ".join(sorted(found)) or "nothing"
        yield None, f"exports {names}, not what {syllabus.SOURCE} lists as its modules"
    for cell, tree in page.trees():
        if exported(cell):
            yield from ((cell, what) for what in _undocumented(tree))
            yield from ((cell, what) for what in _without_shape(cell.source, tree))


def _undocumented(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        is_public = not getattr(node, "name", "_").startswith("_")
        if is_public and not docstring_node(node):
            yield f"{node.name} has no docstring"


def _without_shape(source: str, tree: ast.Module) -> Iterator[str]:
    """Statements that change a shape and do not end with the new one in a comment."""
    lines = source.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)):
            text = lines[node.lineno - 1 : node.end_lineno]
            if _changes_shape(node) and not any(re.search(r"#.*\(", line) for line in text):
                first = node.lineno
                yield f"line {first}: end it with the new shape in a comment, # (B, T, C)"


def _changes_shape(node: ast.AST) -> bool:
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in SHAPE_METHODS
        for call in ast.walk(node)
    )


def opening(page: Page) -> Found:
    """Title, facts, objectives, strip and shapes are there and look right."""
    first = page.notebook.cells[0] if page.notebook.cells else None
    if getattr(first, "id", "") != "title" or not first.source.startswith(f"# {page.chapter.name}"):
        yield first, f"the first cell has the id title and starts `# {page.chapter.name}`"
    for id in ("facts", "objectives"):
        if page.cell(id) is None:
            yield None, f"needs a markdown cell with the id {id}"
    count = len(items(page.source("objectives")))
    if page.cell("objectives") is not None and not 3 <= count <= 5:
        yield page.cell("objectives"), f"lists {count} objectives; a chapter has 3 to 5"
    if "pipeline(" not in page.source("pipeline-strip"):
        yield page.cell("pipeline-strip"), "needs a cell pipeline-strip that calls pipeline(…)"
    if not re.search(r"^\|[ :|-]+\|\s*$", page.source("shapes"), re.MULTILINE):
        yield page.cell("shapes"), "needs a markdown cell shapes with a table of every tensor"


def evidence(page: Page) -> Found:
    """A proof, something broken on purpose, and a figure."""
    for tag, limit in (("proof", PROOF_LINES), ("break-it", CELL_LINES)):
        cells = [cell for cell, tree in page.trees() if tag in tags(cell) and _shows(tree)]
        if not cells:
            yield None, f"needs a cell tagged {tag} that prints its number and asserts it"
        elif min(code_lines(cell.source) for cell in cells) > limit:
            yield cells[0], f"the {tag} has more than {limit} lines of code"
    if not any(alt(cell) and cell.id != "pipeline-strip" for cell in code_cells(page.notebook)):
        yield None, "needs a figure: a code cell with alt text in its metadata"


def _shows(tree: ast.Module) -> bool:
    """Whether code prints and asserts."""
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return "print" in calls and any(isinstance(node, ast.Assert) for node in ast.walk(tree))


# Rules for complete chapters


def predictions(page: Page) -> Found:
    """Three to five times the reader is asked before the answer is shown."""
    cells = page.notebook.cells
    found = [i for i, cell in enumerate(cells) if "predict" in tags(cell)]
    if not 3 <= len(found) <= 5:
        yield None, f"has {len(found)} cells tagged predict; a chapter has 3 to 5"
    for count, i in enumerate(found, start=1):
        asks, keeps = cells[i - 2 : i] if i > 1 else (None, None)
        if asks is None or asks.cell_type != "markdown" or "?" not in asks.source:
            yield cells[i], "tagged predict, but two cells before it no question is asked"
        call = f'predict("{int(page.chapter.number)}.p{count}", ...)'
        if keeps is None or keeps.cell_type != "code" or call not in keeps.source:
            yield cells[i], f"tagged predict, but the cell before it does not hold {call}"
        if "hide-output" not in tags(cells[i]):
            yield cells[i], "tagged predict without hide-output, so the page shows what to predict"


def objectives_named(page: Page) -> Found:
    """Each objective names the exercise that checks it, and the exercises exist."""
    known = {exercise.id for exercise in page.chapter.exercises}
    for item in items(page.source("objectives")):
        ids = re.findall(r"\b\d+\.\d+\b", item)
        if not ids or not set(ids) <= known:
            yield page.cell("objectives"), f"names no exercise of the syllabus: {item}"
    if not page.chapter.objectives:
        yield None, f"{syllabus.SOURCE} lists no objectives of this chapter"


def closing(page: Page) -> Found:
    """Before you start, if it went wrong, recap, quiz, sources, and what comes later."""
    if page.cell("before-you-start") is None:
        yield None, "needs a markdown cell before-you-start"
    wrong = page.source("if-it-went-wrong")
    if len(items(wrong)) < 3 and len(re.findall(r"^###+ |^:::", wrong, re.MULTILINE)) < 3:
        yield page.cell("if-it-went-wrong"), "needs a cell if-it-went-wrong with three errors"
    if (count := len(items(page.source("recap")))) != 5:
        yield page.cell("recap"), f"needs a cell recap with five list items; found {count}"
    quiz = [c for c in page.notebook.cells if re.fullmatch(r"quiz-\d+", c.id)]
    if not 3 <= len(quiz) <= 5:
        yield None, f"has {len(quiz)} cells quiz-1, quiz-2 …; a chapter has 3 to 5"
    yield from ((cell, "asks no question") for cell in quiz if "?" not in cell.source)
    sources = items(page.source("sources"))
    if not sources or not all(re.search(r"\b(1[89]|20)\d\d\b", item) for item in sources):
        yield page.cell("sources"), "needs a cell sources that lists each source with its year"
    missing = [name for name in page.chapter.modules if name not in page.source("later")]
    if page.cell("later") is None or missing:
        names = ", ".join(page.chapter.modules)
        yield page.cell("later"), f"needs a cell later that says who imports {names}"


RULES = [plain_python, plain_style, lengths, cell_ids, counts, pictures, visible, import_order]
RULES += [exercise_list, markers, prose]
CHAPTER_RULES = [exports, opening, evidence]
COMPLETE_RULES = [predictions, objectives_named, closing]


def items(text: str) -> list[str]:
    """The items of the lists at the left margin of a markdown text."""
    return re.findall(r"^(?:[-*+]|\d+[.)]) +(.+(?:\n +\S.*)*)", text, re.MULTILINE)


def alt(cell: NotebookNode) -> str:
    """A cell's text for those who can't see its picture."""
    return cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip()


def exported(cell: NotebookNode) -> str | None:
    """The module a cell is exported to; None also where its directive is wrong."""
    try:
        return exported_module(cell)
    except ValueError:
        return None


def library_imports(root: Path) -> list[str]:
    """The library imports nothing of ours but itself; nothing but proofs imports transformers."""
    problems = []
    for folder, refused in (
        ("minigpt_lib", {"course", "tests", "benchmarks", *PROOF_ONLY}),
        ("course", {"tests", "benchmarks", *PROOF_ONLY}),
    ):
        for path in sorted((root / folder).rglob("*.py")):
            for module, _ in imports(parse(path.read_text(encoding="utf-8"))):
                if module.split(".")[0] in refused:
                    problems.append(f"{label(path, root=root)}: {folder} may not import {module}")
    return problems


def ruff(check: bool, places: list[Path], root: Path) -> list[str]:
    """What ruff finds in notebooks and code; without `check` it first formats them."""
    if not places:
        return []
    if not check:
        _tool([find_ruff_bin(), "format", "--quiet"], places, root)
    concise = ["--quiet", "--output-format=concise"]
    found = _tool([find_ruff_bin(), "check", *concise], places, root)
    layout = _tool([find_ruff_bin(), "format", "--check", *concise], places, root)
    return [f"ruff check: {line}. Mend: edit the line" for line in found] + [
        f"ruff format: {line}. Mend: minigpt lint" for line in layout
    ]


def _tool(command: list[str], places: list[Path], root: Path) -> list[str]:
    """Run a tool over files in the root's settings: what it prints, line by line."""
    command = [*command, *map(str, places)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8")
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def spelling(notebooks: list[Path], code: list[Path], root: Path) -> list[str]:
    """What codespell finds in notebooks, code and, with the code, in the project's own pages."""
    beside = Path(sys.executable).parent
    binary = shutil.which("codespell", path=str(beside)) or shutil.which("codespell")
    if not binary:
        return []
    pages = [*sorted(root.glob("*.md")), *sorted((root / "book").glob("*.md"))] if code else []
    with tempfile.TemporaryDirectory() as folder:
        for path in notebooks:
            text = "\n".join(cell.source for cell in read_notebook(path).cells)
            name = f"{path.parent.name}-{path.stem}.md"
            Path(folder, name).write_text(text, encoding="utf-8")
        found = _tool([binary], [*code, *pages, Path(folder)], root)
    shown = (line.replace(folder, "cells of ").replace(f"{root}{os.sep}", "") for line in found)
    return [f"codespell: {line}. Mend: edit the line" for line in shown if "==>" in line]
