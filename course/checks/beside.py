"""Shows the course's solution beside the learner's own, once that one is right."""

import inspect
import re
from html import escape

from course import paths
from course.exercises import BEGIN, END
from course.notebook import code_cells, read_notebook


def solution(number: str) -> str | None:
    """The course's solution of an exercise as source text; None where the course comes without."""
    chapter = f"{int(number.partition('.')[0]):02d}"
    for path in paths.SOLUTIONS.glob(f"{chapter}_*.ipynb"):
        for cell in code_cells(read_notebook(path)):
            if cell.source.startswith(f"# {number} "):
                return _plain(cell.source)
    return None


def _plain(source: str) -> str:
    """A cell without its title, its marks and its docstrings, which are the same in both."""
    lines = [line for line in source.splitlines() if line.strip() not in (BEGIN, END)]
    return re.sub(r'^ +"""(?:.|\n)*?"""\n', "", "\n".join(lines[1:]), flags=re.MULTILINE)


def display_both(number: str, answers: tuple) -> None:
    """In a notebook: the two texts side by side, folded; a typed answer is not shown."""
    ours, own = solution(number), "\n\n\n".join(filter(None, map(_source, answers)))
    if not ours or not own:
        return
    from IPython.display import display

    box = "flex:1 1 22em;min-width:0;overflow-x:auto;margin:4px"
    columns = "".join(
        f'<div style="{box}"><b>{title}</b><pre>{escape(text)}</pre></div>'
        for title, text in (("yours", own), ("the course's", ours))
    )
    page = (
        f"<details><summary>{number}: yours beside the course's</summary>"
        f'<div style="display:flex;flex-wrap:wrap">{columns}</div></details>'
    )
    display({"text/html": page, "text/plain": f"the course's {number}:\n{ours}"}, raw=True)


def _source(answer: object) -> str:
    try:
        return inspect.getsource(answer) if callable(answer) else ""
    except (OSError, TypeError):
        return ""


def print_both(number: str, sources: list[str]) -> None:
    """In a terminal: the learner's cell and the course's, side by side."""
    own = next((s for s in sources if s.startswith(f"# {number} ")), None)
    ours = solution(number)
    if not ours or own is None:
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("yours", "the course's", box=box.SIMPLE, expand=True)
    table.add_row(Text(_plain(own)), Text(ours))
    Console().print(table)
