"""A small course of its own, with a chapter that uses another, for the tests of the generators."""

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from course import exercises, export, refresh, syllabus
from course.corpora import Corpus
from course.notebook import numbered, read_notebook, write_notebook

SYLLABUS = """
pages: [book/index, book/tools]
appendix: [book/figures]
parts:
  - title: "Part I"
    chapters:
      - notebook: 01_first
        title: First
        depth: running
        minutes: {core: 20, all: 30}
        needs: []
        modules: [first, helper]
        exercises:
          - {id: "1.1", title: Double, minutes: 5}
          - {id: "1.2", title: A number, minutes: 6, more: true}
      - notebook: 02_second
        title: Second
        depth: running
        minutes: {core: 25, all: 35}
        needs: ["01"]
        modules: [second]
"""
OPENING = [
    ("facts", "facts"),
    ("objectives", "After this chapter you can\n\n- add\n- double\n- count"),
    ("shapes", "| tensor | shape |\n|---|---|\n| x | (B, T) |"),
]
FIRST = [
    ("title", "# 01 First\n\nAdd numbers."),
    *OPENING,
    ("pipeline-strip", 'from course.deep import pipeline\n\npipeline("first")'),
    ("imports-first", '#| export: first\n"""The first module."""'),
    ("imports-helper", '#| export: helper\n"""Help for it."""\n\nimport math'),
    ("half", '#| export: helper\ndef half(x):\n    """Half of x."""\n    return math.floor(x / 2)'),
    ("double", '#| export: first\ndef double(x):\n    """Twice x."""\n'
     "    return 2 * half(2 * x)"),
    ("proof", "print(double(3))\nassert double(3) == 6", {"tags": ["proof"]}),
    ("break", "print(0.5)\nassert double(0) == 0", {"tags": ["break-it"]}),
    ("figure", "3 + 4", {"mystnb": {"image": {"alt": "A seven."}}}),
]  # fmt: skip
SECOND = [
    ("title", "# 02 Second\n\nUse them."),
    *OPENING,
    ("pipeline-strip", 'from course.near import pipeline\n\npipeline("second")'),
    ("imports", '#| export: second\n"""The second module."""\n\n'
     "from minigpt_lib.first import double"),
    ("four", '#| export: second\ndef four_times(x):\n    """Four times x."""\n'
     "    return double(double(x))"),
    ("proof", "print(four_times(1))\nassert four_times(1) == 4", {"tags": ["proof"]}),
    ("break", "print(0.25)\nassert double(1) != 4", {"tags": ["break-it"]}),
    ("figure", "double(4)", {"mystnb": {"image": {"alt": "An eight."}}}),
]  # fmt: skip
SOLUTION = [
    ("title", "# Exercises of chapter 01"),
    ("double", "# 1.1 Double\ndef twice(x):\n    ### BEGIN SOLUTION\n    y = x + x\n    return y\n"
     "    ### END SOLUTION\n\n\ndef spare(x):\n    return x"),
    ("check-double", "assert twice(4) == 8"),
    ("number", "# 1.2 A number\n### BEGIN SOLUTION\nanswer = 12\n### END SOLUTION"),
    ("other-way", "print(twice(1) + spare(1))", {"tags": ["solution-only"]}),
]  # fmt: skip
NEAR = '''"""Near."""

from course.deep import pipeline as far


def pipeline(stage):
    """The strip, from afar."""
    far(stage)
'''
MARKDOWN = {"title", "facts", "objectives", "shapes"}


def notebook(cells: list[tuple]) -> NotebookNode:
    """A notebook of cells (id, source) or (id, source, metadata)."""
    made = []
    for id, source, *metadata in cells:
        new = nbformat.v4.new_markdown_cell if id in MARKDOWN else nbformat.v4.new_code_cell
        made.append(new(source, id=id, metadata=dict(*metadata)))
    return nbformat.v4.new_notebook(cells=made)


class Course:
    """A course in a folder; tests edit it and look at what the checks say."""

    def __init__(self, root: Path):
        self.root = root

    def write(self, name: str, text: str) -> None:
        """Write a file below the course's folder."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be there in a file."""
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def cell(self, name: str, id: str) -> NotebookNode:
        """A cell of a notebook, as it is stored."""
        cells = read_notebook(self.root / name).cells
        return next(cell for cell in cells if cell.id == id)

    def change(self, name: str, id: str, /, **new) -> None:
        """Give a cell another source, metadata or outputs."""
        path = self.root / name
        book = read_notebook(path)
        next(cell for cell in book.cells if cell.id == id).update(new)
        write_notebook(path, book)

    def stamp(self) -> None:
        """Bring everything up to date, with outputs that were not run but look as if they were."""
        for module in (syllabus, export, exercises):
            assert module.run(root=self.root) == []
        for path in numbered(self.root):
            book = read_notebook(path)
            parts = refresh.parts(book, path, self.root)
            book.metadata["minigpt"] = {"stamp": {"corpus": {"sha256": refresh.SHA256}} | parts}
            write_notebook(path, book)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two chapters in which every check is clean."""
    corpus = Corpus("shakespeare", "To be", "a test")
    monkeypatch.setattr(refresh, "SHA256", corpus.sha256)
    monkeypatch.setattr(refresh, "load_corpus", lambda: corpus)
    made = Course(tmp_path)
    made.write("course/__init__.py", '"""Companion."""\n')
    made.write("pyproject.toml", '[tool.ruff]\nline-length = 100\nlint.select = ["F"]\n')
    made.write("course/near.py", NEAR)
    made.write(
        "course/deep.py",
        '"""Deep."""\n\n\ndef pipeline(stage):\n    """Say where we are."""\n    print(stage)\n',
    )
    made.write("course/syllabus.yml", SYLLABUS)
    made.write(
        "README.md", "# A course\n\n<!-- syllabus:begin -->\n<!-- syllabus:end -->\n\nEnd.\n"
    )
    for name, cells in (
        ("notebooks/01_first", FIRST),
        ("notebooks/02_second", SECOND),
        ("solutions/01_first", SOLUTION),
    ):
        write_notebook(tmp_path / f"{name}.ipynb", notebook(cells))
    made.stamp()
    return made
