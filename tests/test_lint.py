"""Every rule of lint is seen to fail on a planted fault, and to name the cell."""

import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from course import lint
from course.lint import spelling
from course.notebook import read_notebook, write_notebook

FIRST, SECOND = "notebooks/01_first.ipynb", "notebooks/02_second.ipynb"


@pytest.fixture(autouse=True)
def no_spelling(monkeypatch):
    """The rules are tested without codespell, which is slow and has its own test."""
    monkeypatch.setattr(lint, "spelling", lambda *_: [])


def problems(course) -> list[str]:
    """What lint finds beside formatting."""
    found = lint.run(check=True, root=course.root)
    return [line for line in found if not line.startswith("ruff format")]


def long(lines: int, indent: str = "") -> str:
    return "\n".join(f"{indent}x = {i}" for i in range(lines))


CODE = [  # id of the cell, its source, what lint says
    ("figure", "%time 3", "no magics"),
    ("figure", "!ls", "no magics"),
    ("figure", "%%time\n3", "no magics"),
    ("figure", "x = (", "not plain Python"),
    ("figure", "double(3);", "without `;`"),
    ("figure", "x = 1; y = 2", "without `;`"),
    ("figure", "f = lambda x: x", "name with def"),
    ("figure", "from math import *", "instead of *"),
    ("figure", "import sys\n\nsys.path.append('x')", "leave sys.path alone"),
    ("figure", "from sys import path", "leave sys.path alone"),
    ("figure", long(26), "26 lines of code; a cell has at most 25"),
    ("half", f"#| export: helper\n{long(41)}", "41 lines of code; a cell has at most 40"),
    ("figure", f"def f():\n{long(40, '    ')}", "f has 41 lines of code"),
    ("figure", "import minigpt_lib.second", "minigpt_lib.second, which no earlier"),
    ("figure", "from minigpt_lib import first", "minigpt_lib.first, which no earlier"),
    ("figure", "import transformers", "only cells tagged proof"),
    ("figure", "import pandas", "does not use"),
    ("figure", "### BEGIN SOLUTION\n3\n### END SOLUTION", "belong into solutions/"),
    ("half", "#| export: helper\ndef half(x):\n    return x / 2", "half has no docstring"),
    ("half", "#| export: helper\ny = 3\nz = y.view(2, 3)", "line 3: end it with the new shape"),
    ("half", "#| export: other\nx = 3", "exports first, helper, other, not what"),
    ("half", "# | export: helper\nhalf = 3", "is no directive"),
    ("pipeline-strip", "3", "calls pipeline"),
    ("proof", "assert True", "needs a cell tagged proof"),
    ("proof", "print(3)", "needs a cell tagged proof"),
    ("proof", long(8) + "\nprint(x)\nassert x", "the proof has more than 8"),
    ("break", "print(3)", "needs a cell tagged break-it"),
]


@pytest.mark.parametrize(("id", "source", "message"), CODE)
def test_code_that_breaks_a_rule(course, id, source, message):
    course.change(FIRST, id, source=source)
    found = problems(course)
    assert any(line.startswith(FIRST) and message in line for line in found), found


PROSE = [
    ("title", "# 1 First", "starts `# 01 First`"),
    ("objectives", "- one\n- two", "lists 2 objectives"),
    ("objectives", "- 1\n- 2\n- 3\n- 4\n- 5\n- 6", "lists 6 objectives"),
    ("shapes", "x is (B, T)", "a table of every tensor"),
    ("facts", "This is simply so.", "'simply'"),
    ("facts", "Just do it", "'Just'"),
    ("facts", "It works!", "'!'"),
    ("facts", ":::{note}\nNo magic here\n:::", "'magic'"),
    ("facts", "```{note}\nNo magic here\n```", "'magic'"),
]


@pytest.mark.parametrize(("id", "source", "message"), PROSE)
def test_prose_that_breaks_a_rule(course, id, source, message):
    course.change(FIRST, id, source=source)
    assert any(f"{FIRST}, cell {id}" in line and message in line for line in problems(course))


@pytest.mark.parametrize(
    "source",
    [
        "`simply` and `a != b` and ``just ` this``",
        "```python\nprint('magic!')\n```",
        "![A picture](a.png) and $n!$ and https://a.org/just/",
        "adjust, justify, unjust",
    ],
)
def test_words_in_code_are_no_prose(course, source):
    course.change(FIRST, "facts", source=source)
    assert problems(course) == []


def picture():
    return [nbformat.v4.new_output("display_data", {"image/png": "aaaa"})]


CELLS = [
    ("figure", {"metadata": {}}, "needs a figure"),
    ("half", {"outputs": picture()}, "say what the picture shows"),
    ("half", {"metadata": {"tags": ["remove-input"]}}, "remove the tag remove-input"),
    ("half", {"metadata": {"tags": ["timing"]}, "outputs": picture()}, "stores no output"),
    ("half", {"id": "0a1b2c3d"}, "id that says what it is"),
    ("half", {"id": "Half"}, "id that says what it is"),
    ("half", {"id": "double"}, "two cells have this id"),
    ("objectives", {"id": "goals"}, "with the id objectives"),
    ("facts", {"id": "fact"}, "with the id facts"),
]


@pytest.mark.parametrize(("id", "new", "message"), CELLS)
def test_cells_that_break_a_rule(course, id, new, message):
    course.change(FIRST, id, **new)
    assert any(line.startswith(FIRST) and message in line for line in problems(course))


def test_counts_that_are_not_1_to_n(course):
    course.edit(FIRST, '"execution_count": 2', '"execution_count": 7')
    assert problems(course) == [
        f"{FIRST}, cell imports-first: execution count is not 2. Mend: minigpt refresh 01"
    ]


def test_proof_cells_may_import_the_reference(course):
    course.change(FIRST, "proof", source="import transformers\n\nprint(transformers)\nassert True")
    assert problems(course) == []


@pytest.mark.parametrize("tree", ["minigpt_lib", "course"])
def test_imports_go_one_way(course, tree):
    course.write(
        f"{tree}/__init__.py", "import transformers\nimport tests\n\nprint(tests, transformers)\n"
    )
    assert [line.split(": ", 1)[1] for line in problems(course)] == [
        f"{tree} may not import transformers",
        f"{tree} may not import tests",
    ]


def test_the_library_does_not_import_the_companion(course):
    course.edit(
        "minigpt_lib/second.py", "from minigpt", "import course\n\nprint(course)\nfrom minigpt"
    )
    assert "minigpt_lib may not import course" in "".join(problems(course))


def test_solutions_keep_the_rules_of_code(course):
    course.change("solutions/01_first.ipynb", "check-double", source="twice(4);")
    (line,) = problems(course)
    assert line.startswith("solutions/01_first.ipynb, cell check-double") and "without `;`" in line


def test_solutions_hold_the_exercises_of_the_syllabus(course):
    course.edit("course/syllabus.yml", "title: Double", "title: Twice")
    (line,) = problems(course)
    assert line.endswith("differ in: # 1.1 Double, # 1.1 Twice")


def test_ruff_speaks_and_mends(course):
    course.change(FIRST, "figure", source="3   +  4")
    (line,) = lint.run(check=True, root=course.root)
    assert line.startswith("ruff format: notebooks/01_first.ipynb") and "minigpt lint" in line
    assert lint.run(root=course.root) == []
    assert course.cell(FIRST, "figure").source == "3 + 4"


def test_spelling_is_checked_in_cells_and_code(course):
    if not shutil.which("codespell", path=Path(sys.executable).parent):
        pytest.skip("codespell is not installed")
    course.change(FIRST, "facts", source="Recieve")  # codespell:ignore recieve
    course.write("course/deep.py", "# teh\n")  # codespell:ignore teh
    found = spelling([course.root / FIRST], [course.root / "course"], course.root)
    assert len(found) == 2 and "course/deep.py:1" in found[0] and "01_first" in found[1]


COMPLETE = [
    ("before-you-start", "Do you remember addition?"),
    ("guess-tool", "from course.near import pipeline as predict"),
    ("question-1", "What is 3?"),
    ("guess-1", 'predict("1.p1", ...)'),
    ("answer-1", "3", {"tags": ["predict", "hide-output"]}),
    ("question-2", "What is 4?"),
    ("guess-2", 'predict("1.p2", ...)'),
    ("answer-2", "4", {"tags": ["predict", "hide-output"]}),
    ("question-3", "What is 5?"),
    ("guess-3", 'predict("1.p3", ...)'),
    ("answer-3", "5", {"tags": ["predict", "hide-output"]}),
    ("if-it-went-wrong", "- one\n- two\n- three"),
    ("recap", "- 1\n- 2\n- 3\n- 4\n- 5"),
    ("quiz-1", "What?"),
    ("quiz-2", "Which?"),
    ("quiz-3", "When?"),
    ("sources", "- Euclid, edition of 1908, book 1"),
    ("later", "Chapter 02 imports `first` and `helper`."),
]
OBJECTIVES = """        objectives:
          - {text: add, exercises: ["1.1"]}
          - {text: double, exercises: ["1.1"]}
          - {text: count, exercises: ["1.2"]}
      - notebook: 02_second
"""


@pytest.fixture
def complete(course):
    """The course with its first chapter complete."""
    first = "title: First\n        depth: "
    course.edit("course/syllabus.yml", f"{first}running", f"{first}complete")
    course.edit("course/syllabus.yml", "      - notebook: 02_second\n", OBJECTIVES)
    path = course.root / FIRST
    book = read_notebook(path)
    for id, source, *metadata in COMPLETE:
        is_code = id.startswith(("answer", "guess"))
        new = nbformat.v4.new_code_cell if is_code else nbformat.v4.new_markdown_cell
        book.cells.append(new(source, id=id, metadata=dict(*metadata)))
    write_notebook(path, book)
    course.stamp()
    return course


def test_a_complete_chapter_is_clean(complete):
    assert lint.run(check=True, root=complete.root) == []


@pytest.mark.parametrize(
    ("id", "new", "message"),
    [
        ("answer-1", {"metadata": {}}, "has 2 cells tagged predict"),
        ("question-2", {"source": "Here is 4."}, "before it no question is asked"),
        ("guess-2", {"source": 'predict("1.p3", ...)'}, 'does not hold predict("1.p2", ...)'),
        ("answer-2", {"metadata": {"tags": ["predict"]}}, "without hide-output"),
        ("objectives", {"source": "- a (1.1)\n- b\n- c (1.2)"}, "names no exercise"),
        ("objectives", {"source": "- a (1.1)\n- b (9.9)\n- c (1.2)"}, "names no exercise"),
        ("before-you-start", {"id": "before"}, "needs a markdown cell before-you-start"),
        ("if-it-went-wrong", {"source": "- one"}, "with three errors"),
        ("recap", {"source": "- 1\n- 2"}, "five list items; found 2"),
        ("quiz-3", {"id": "quiz-three"}, "has 2 cells quiz-1"),
        ("quiz-3", {"source": "Which"}, "asks no question"),
        ("sources", {"source": "- Euclid"}, "with its year"),
        ("later", {"source": "Chapter 02 imports `first`."}, "who imports first, helper"),
    ],
)
def test_what_a_complete_chapter_lacks_is_named(complete, id, new, message):
    complete.change(FIRST, id, **new)
    found = problems(complete)
    assert any(line.startswith(FIRST) and message in line for line in found), found


def test_objectives_of_a_complete_chapter_come_from_the_syllabus(complete):
    complete.edit("course/syllabus.yml", OBJECTIVES, "      - notebook: 02_second\n")
    assert any("lists no objectives" in line for line in problems(complete))
