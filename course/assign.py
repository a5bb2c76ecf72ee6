"""Writes the exercises of a class, with other numbers than the book's, and their key apart."""

import json
import re
from pathlib import Path

import torch
from nbformat import NotebookNode

from course.checks import engine
from course.checks.engine import Exercise
from course.exercises import BEGIN, END, unsolved
from course.files import write_atomic
from course.notebook import chapters, label, notebook_text, number, read_notebook, tags
from course.paths import ROOT

TASK = re.compile(r"\A#+ (\d+\.\d+) ")  # the first line of an exercise's text, or of its answer
HINT = re.compile(r'`hint\("(\d+\.\d+)"\)`')
NOTE = """This is the notebook of **class {seed}**: some of its numbers, shapes and texts are not \
those of the book. Each check says so by `variant={seed}`; keep it, and add it when you ask for a \
hint."""
KEY = """# Key of class {seed}

Not for the learners. Made by `minigpt assign --seed {seed}`, which makes the same key again. The \
solved notebooks lie in `solutions/`; below stand the answers that differ from the book's. For \
functions there is nothing to list: the checks try them on inputs of this class."""


def assign(seed: int, out: Path, only: list[str] | None = None, root: Path = ROOT) -> list[str]:
    """Write a folder for a class: class/, which is handed out, and key/, which is not.

    Args:
        seed: the number of the class; the same number gives the same bytes.
        only: these chapters; None means all that have solutions.
    Returns:
        lines that say what was written.
    Raises:
        ValueError: no such chapter, a text that should vary is not in its notebook, or `out` holds
            something else.
    """
    files = contents(seed, chapters(root / "solutions", only), root)
    _refuse_other(out, files)
    for name, text in files.items():
        write_atomic(out / name, text)
    count = sum(name.startswith("class/") for name in files)
    return [
        f"to hand out: {count} {'notebook' if count == 1 else 'notebooks'} in {out / 'class'}",
        f"to keep: the answers in {out / 'key' / 'key.md'}, solved notebooks beside it",
    ]


def contents(seed: int, solutions: list[Path], root: Path = ROOT) -> dict[str, str]:
    """The text of each file that a class gets, by its name in the folder."""
    if not solutions:
        text = "an assignment is made from the solutions, and this checkout has none"
        raise ValueError(f"{text}; take a whole checkout of the course")
    handed_out, key, answers, listed = {}, {}, {}, [KEY.format(seed=seed)]
    for path in solutions:
        solved = for_class(read_notebook(path), path, seed, root)
        key[f"key/solutions/{path.name}"] = notebook_text(solved, executed=False)
        varied = answers_of(number(path), seed)
        answers |= varied
        listed.append(_section(solved, varied, seed))
        open_ones = unsolved(solved, path, root)
        handed_out[f"class/{path.name}"] = notebook_text(open_ones, executed=False)
    record = {"answers": answers, "notebooks": [path.name for path in solutions], "seed": seed}
    key["key/key.md"] = "\n\n".join(listed) + "\n"
    key["key/assignment.json"] = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False)
    key["key/assignment.json"] += "\n"
    return handed_out | key


def for_class(notebook: NotebookNode, path: Path, seed: int, root: Path = ROOT) -> NotebookNode:
    """A solution notebook, changed in place, with the numbers, answers and checks of a class.

    Raises:
        ValueError: a text that should vary, or a check, does not stand in its exercise once.
    """
    notebook.cells = [cell for cell in notebook.cells if "solution-only" not in tags(cell)]
    notebook.metadata.pop("minigpt", None)
    belongs: dict[str, list[NotebookNode]] = {}
    task = ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
        elif cell.source.startswith("## "):
            task = match[1] if (match := TASK.match(cell.source)) else ""
        belongs.setdefault(task, []).append(cell)
    try:
        _name_class(belongs.pop("")[0], seed)
        for task, cells in belongs.items():
            _vary(task, cells, seed)
    except ValueError as error:
        raise ValueError(f"{label(path, root=root)}: {error}") from None
    return notebook


def _name_class(title: NotebookNode, seed: int) -> None:
    first, _, rest = title.source.partition("\n")
    rest, count = HINT.subn(rf'`hint("\1", variant={seed})`', rest)
    if count != 1:
        raise ValueError(f'the title names hint("…") {count} times, not once')
    title.source = f"{first} · Class {seed}\n{rest}\n\n{NOTE.format(seed=seed)}"


def _vary(task: str, cells: list[NotebookNode], seed: int) -> None:
    """Give the cells of one exercise the numbers of a class."""
    book, own = engine.exercise(task), engine.exercise(task, seed)
    varied = engine.varied(task)
    for old, new in varied.replacements(seed) if varied else ():
        _replace_once(task, cells, old, new)
    for cell in cells:
        if TASK.match(cell.source):
            first, _, rest = cell.source.partition("\n")
            cell.source = f"{first.replace(book.title, own.title)}\n{rest}"
        if varied and BEGIN in cell.source:
            cell.source = with_answers(cell.source, book, own)
    names = (", ".join(part.name for part in each.parts) for each in (book, own))
    old, new = (f'check("{task}", {each}' for each in names)
    _replace_once(task, cells, f"{old})", f"{new}, variant={seed})")


def _replace_once(task: str, cells: list[NotebookNode], old: str, new: str) -> None:
    holders = [cell for cell in cells for _ in range(cell.source.count(old))]
    if len(holders) != 1:
        raise ValueError(f"{task}: {old!r} stands there {len(holders)} times, not once")
    holders[0].source = holders[0].source.replace(old, new)


def with_answers(source: str, book: Exercise, own: Exercise) -> str:
    """A solution's source with the typed answers of a class in the place of the book's."""
    typed = [part.name for part in book.parts if part.read]
    lines = [f"{part.name} = {written(part.right())}" for part in own.parts if part.read]

    def answered(block: re.Match) -> str:
        assigns = any(re.search(rf"^{re.escape(name)} =", block[1], re.MULTILINE) for name in typed)
        return "\n".join([BEGIN, *lines, END]) if assigns else block[0]

    return re.sub(rf"^{BEGIN}\n(.*?)^{END}$", answered, source, flags=re.DOTALL | re.MULTILINE)


def written(value: object) -> str:
    """A right answer as a learner may type it."""
    if isinstance(value, torch.Tensor):
        value = (value.int() if value.dtype == torch.bool else value).tolist()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return repr(value)


def answers_of(chapter: str, seed: int) -> dict[str, dict[str, str]]:
    """Exercise -> the name of each typed part -> its right answer, where they vary."""
    tasks = [engine.exercise(task, seed) for task in engine.exercises(chapter)]
    varied = [task for task in tasks if engine.varied(task.number)]
    found = {
        task.number: {part.name: written(part.right()) for part in task.parts if part.read}
        for task in varied
    }
    return {task: parts for task, parts in found.items() if parts}


def _section(solved: NotebookNode, answers: dict[str, dict[str, str]], seed: int) -> str:
    """A chapter's part of the key."""
    title = solved.cells[0].source.partition("\n")[0].removeprefix("# Solutions to chapter ")
    lines = [f"## {title.partition(' · ')[0]}", ""]
    for task, parts in answers.items():
        lines.append(f"- **{task} {engine.exercise(task, seed).title}**")
        lines += [f"  - `{name} = {value}`" for name, value in parts.items()]
    return "\n".join(
        lines if answers else [*lines, "All answers are functions, or as in the book."]
    )


def _refuse_other(out: Path, files: dict[str, str]) -> None:
    """Raise a ValueError if the folder holds anything but these files."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; give a folder that does not exist yet")
    for path in sorted(out.rglob("*")) if out.exists() else ():
        name = path.relative_to(out).as_posix()
        if path.is_dir() or (name in files and path.read_bytes() == files[name].encode()):
            continue
        raise ValueError(f"{out} holds {name}, which is not of this assignment; give a new folder")
