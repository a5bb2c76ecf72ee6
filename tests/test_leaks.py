"""No answer of an exercise stands where a learner would come across it."""

import re
from functools import cache
from pathlib import Path

import pytest

from course import paths, syllabus
from course.checks import engine
from course.exercises import BEGIN, END
from course.notebook import code_cells, read_notebook, tags

SHORTEST = 20  # characters; shorter lines say too little to give anything away
SOLUTIONS = sorted(paths.SOLUTIONS.glob("[0-9][0-9]_*.ipynb"))
# Phrases of torch and Python that half of all programs contain; they give nothing away.
IDIOMS = {
    "with torch.no_grad():",
    "for _ in range(steps):",
    "if mask is not None:",
    "losses.append(loss.item())",
    "was_training = model.training",
    "model.train(was_training)",
    "self.dropout = nn.Dropout(dropout)",
    "B, H, T, D = x.shape",
}
TEXTS = (".py", ".md", ".html", ".js", ".yml", ".toml", ".txt")


def plain(line: str) -> str:
    """A line without its comment and with single spaces."""
    return " ".join(re.sub(r"\s+#.*", "", line).split())


def solution_lines(path: Path) -> dict[str, list[str]]:
    """Exercise -> the lines of its solution that are long enough to be told apart."""
    found: dict[str, list[str]] = {}
    for cell in code_cells(read_notebook(path)):
        title, inside = re.match(r"# (\d+\.\d+) ", cell.source), False
        for line in cell.source.splitlines():
            inside = line.strip() == BEGIN or (inside and line.strip() != END)
            is_told = len(plain(line)) >= SHORTEST and plain(line) not in IDIOMS
            if title and inside and is_told and line.strip() != BEGIN:
                found.setdefault(title[1], []).append(plain(line))
    return found


@cache
def with_role(role: str) -> set[str]:
    """The exercises of a role, such as those asked before their chapter shows the answer."""
    exercises = (each for chapter in syllabus.load().chapters for each in chapter.exercises)
    return {each.id for each in exercises if each.role == role}


@cache
def lines_of(path: Path) -> dict[str, set[str]]:
    """Cell (or "" for a text file) -> its lines, plain."""
    if path.suffix != ".ipynb":
        text = path.read_text(encoding="utf-8", errors="replace")
        return {"": set(map(plain, text.splitlines()))}
    cells = read_notebook(path).cells
    return {cell.id: set(map(plain, cell.source.splitlines())) for cell in cells}


def project_files() -> list[Path]:
    folders = ("notebooks", "exercises", "minigpt_lib", "course", "book", "tests", "benchmarks")
    files = [f for folder in folders for f in (paths.ROOT / folder).rglob("*")]
    files += paths.ROOT.glob("*.md")
    kept = [f for f in files if f.suffix in (*TEXTS, ".ipynb") and "_build" not in f.parts]
    return [f for f in kept if f.is_file() and ".ipynb_checkpoints" not in f.parts]


def may_hold(file: Path, cell: str, solution: Path) -> bool:
    """The chapter's own folded cells show a write-first answer, and the library comes from them."""
    if file.parent == paths.LIB:
        source = file.read_text(encoding="utf-8")
        return f"notebooks/{solution.name}" in source
    if file != paths.NOTEBOOKS / solution.name:
        return False
    folded = {c.id for c in code_cells(read_notebook(file)) if "hide-input" in tags(c)}
    return cell in folded


@pytest.mark.parametrize("solution", SOLUTIONS, ids=[path.stem for path in SOLUTIONS])
def test_no_line_of_a_solution_stands_anywhere_else(solution):
    leaks, known_later = [], with_role("write-first")
    for number, answer in solution_lines(solution).items():
        written_first = number in known_later
        for file in project_files():
            for cell, lines in lines_of(file).items():
                found = [line for line in answer if line in lines]
                if found and not (written_first and may_hold(file, cell, solution)):
                    place = f"{file.relative_to(paths.ROOT)} {cell}".strip()
                    leaks += [f"{number} in {place}: {line}" for line in found]
    assert not leaks, "\n" + "\n".join(leaks)


@pytest.mark.parametrize("solution", SOLUTIONS, ids=[path.stem for path in SOLUTIONS])
def test_the_first_two_levels_of_help_hold_no_line_of_the_solution(solution):
    for number, answer in solution_lines(solution).items():
        for text in engine.exercise(number).hints[:2]:
            assert not [line for line in answer if line in " ".join(text.split())], number
