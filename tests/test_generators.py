"""What is generated is what its source gives, and what can't be generated is named."""

import ast
import subprocess
import sys

import pytest

from course import exercises, export, lint, syllabus, verify
from course.notebook import chapters, code_lines, read_notebook

FIRST, SECOND = "notebooks/01_first.ipynb", "notebooks/02_second.ipynb"
SOLUTION, EXERCISE = "solutions/01_first.ipynb", "exercises/01_first.ipynb"


def only(problems: list[str], *parts: str) -> None:
    """Assert that there is one problem, and that it names all of `parts`."""
    assert len(problems) == 1, problems
    assert all(part in problems[0] for part in parts), problems[0]


def test_a_course_in_order_is_clean(course):
    assert verify.run(course.root) == []


def test_generating_again_changes_nothing(course):
    before = {path: path.read_bytes() for path in course.root.rglob("*.*") if path.is_file()}
    for module in (syllabus, export, exercises):
        assert module.run(root=course.root) == []
    assert before == {path: path.read_bytes() for path in before}
    assert not list(course.root.rglob(".*")), "temporary files are left"


# Export


def test_a_module_holds_docstring_origin_imports_and_code(course):
    text = (course.root / "minigpt_lib/first.py").read_text(encoding="utf-8")
    assert text == (
        '"""The first module."""\n\n'
        "# Written from notebooks/01_first.ipynb by `minigpt export`; "
        "edit that, not this file.\n\n"
        "from minigpt_lib.helper import half\n\n\n"
        'def double(x):\n    """Twice x."""\n    return 2 * half(2 * x)\n'
    )


def test_the_exported_library_runs(course):
    code = "from minigpt_lib.second import four_times; print(four_times(3))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=course.root, capture_output=True, text=True
    )
    assert done.stdout == "12\n", done.stderr


@pytest.mark.parametrize(
    ("id", "source", "message"),
    [
        ("four", "#| export: first\nthree = 3", "already exported by notebooks/01_first.ipynb"),
        ("four", "#| export: second\nimport os", "move the import"),
        ("four", "#| export: second\ndef double(x): ...", "notebooks/01_first.ipynb, cell double"),
        ("four", "#|export: second\nthree = 3", "is no directive"),
        ("four", "three = 3\n#| export: second", "is no directive"),
        ("four", "#| export\nthree = 3", "is no directive"),
        ("four", "#| export: second\nthree = (3", "line 1"),
        ("imports", "#| export: second\nimport os", "docstring, then its imports"),
        ("imports", '#| export: second\n"""Doc."""\nfour = 4', "and nothing else"),
    ],
)
def test_a_cell_that_cannot_be_exported_is_named(course, id, source, message):
    course.change(SECOND, id, source=source)
    only(export.run(check=True, root=course.root), f"{SECOND}, cell {id}", message)


def test_two_modules_that_need_each_other_are_refused(course):
    course.change(FIRST, "half", source="#| export: helper\ndef half(x):\n    return double(x)")
    only(export.run(root=course.root), f"{FIRST}, cell", "only one may import the other")


def test_a_local_name_is_no_import_of_a_sibling(course):
    course.change(
        FIRST,
        "double",
        source='#| export: first\ndef double(x):\n    """Twice x."""\n    half = x\n'
        "    return half + x",
    )
    assert "half" in export.module_sources(course.root)["first"]
    assert "import half" not in export.module_sources(course.root)["first"]


def test_a_module_of_no_notebook_is_reported(course):
    course.write("minigpt_lib/stray.py", "x = 1\n")
    only(export.run(check=True, root=course.root), "minigpt_lib/stray.py", "no notebook")


def test_only_exports_what_it_names(course):
    course.write("minigpt_lib/first.py", "")
    course.write("minigpt_lib/second.py", "")
    assert export.run(only=["2"], root=course.root) == []
    only(export.run(check=True, root=course.root), "minigpt_lib/first.py", "minigpt export 01")


def test_an_unknown_chapter_is_answered_with_the_known_ones(course):
    with pytest.raises(ValueError, match=r"'7'.*01_first, 02_second"):
        chapters(course.root / "notebooks", ["7"])
    for module in (export, syllabus, lint):
        only(module.run(check=True, only=["7"], root=course.root), "01_first, 02_second")


LIBRARY = '''"""Attention."""

import torch.nn.functional as F


def mask(T):
    return T


@decorated
def attention(q):
    return mask(q)


attend = F.attention
other = F.softmax


class Head(Base):
    width = attend
'''


def test_splice_replaces_definitions_and_what_stands_for_them():
    mine = "def attention(q):\n    # my own\n    return q\n"
    text = export.splice(LIBRARY, {"attention": mine})
    expected = LIBRARY.replace("@decorated\ndef attention(q):\n    return mask(q)\n", mine)
    assert text == expected.replace("attend = F.attention", "attend = attention")


def test_splice_of_nothing_changes_nothing():
    assert export.splice(LIBRARY, {}) == LIBRARY


@pytest.mark.parametrize("name", ["width", "nothing", "attend"])
def test_splice_refuses_names_the_module_does_not_define(name):
    with pytest.raises(ValueError, match=f"defines no {name}"):
        export.splice(LIBRARY, {name: "def f(): ..."})


def test_every_name_is_spliced_alone(course):
    for source in export.module_sources(course.root).values():
        names = [n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]
        for name in names:
            text = export.splice(source, {name: f"def {name}(*args):\n    return 'mine'"})
            assert "'mine'" in text and ast.parse(text)


# Exercises


def test_an_exercise_shows_the_task_and_not_the_answer(course):
    assert course.cell(EXERCISE, "double").source == (
        "# 1.1 Double\ndef twice(x):\n"
        '    raise NotImplementedError("1.1: not written yet. Replace this line by your answer.")'
        "\n\n\ndef spare(x):\n    return x"
    )
    assert course.cell(EXERCISE, "number").source == (
        "# 1.2 A number\n"
        'raise NotImplementedError("1.2: not written yet. Replace this line by your answer.")'
    )
    notebook = read_notebook(course.root / EXERCISE)
    assert [cell.id for cell in notebook.cells] == ["title", "double", "check-double", "number"]
    assert "minigpt" not in notebook.metadata
    assert all(not cell.get("outputs") for cell in notebook.cells)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("# 1.1 A\n### BEGIN SOLUTION\nx = 1", "without ### END"),
        ("# 1.1 A\n### END SOLUTION", "without ### BEGIN"),
        ("# 1.1 A\n### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "inside"),
        ("# 1.1 A\n## begin solution\nx = 1\n### END SOLUTION", "write ### BEGIN SOLUTION"),
        ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "starts with its title"),
        ("# Double\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "starts with its title"),
    ],
)
def test_markers_that_do_not_pair_are_named(course, source, message):
    before = (course.root / EXERCISE).read_bytes()
    course.change(SOLUTION, "double", source=source)
    only(exercises.run(root=course.root), f"{SOLUTION}, cell double", message)
    assert (course.root / EXERCISE).read_bytes() == before


def test_an_exercise_without_a_solution_is_reported(course):
    (course.root / SOLUTION).unlink()
    only(exercises.run(check=True, root=course.root), EXERCISE, "no solution")


# Syllabus


def test_the_contents_list_every_page_in_order(course):
    text = (course.root / "book/_toc.yml").read_text(encoding="utf-8")
    places = [
        "book/index",
        "book/tools",
        "Part I",
        FIRST,
        SECOND,
        "Exercises",
        EXERCISE,
        SOLUTION,
        "book/figures",
    ]
    found = [text.index(place.removesuffix(".ipynb")) for place in places]
    assert found == sorted(found)


def test_the_table_stands_between_its_marks(course):
    text = (course.root / "README.md").read_text(encoding="utf-8")
    second = "| [02 Second](notebooks/02_second.ipynb) | `second` | 35 (25) | – | 0 (0) |\n"
    total = "| in all | | 65 (45) | | 11 (5) |\n"
    assert text.startswith("# A course\n") and text.endswith("\n\nEnd.\n")
    assert second + total in text
    course.write("README.md", "# No marks\n")
    only(syllabus.run(check=True, root=course.root), "README.md", "syllabus:begin")


def test_the_facts_of_a_chapter(course):
    assert course.cell(FIRST, "facts").source == (
        "*reading 30 minutes (core 20) · builds `first` and `helper` · "
        "exercises [1.1–1.2](../exercises/01_first.ipynb), 11 minutes (core 5)*"
    )
    assert "needs [01 First](01_first.ipynb)" in course.cell(SECOND, "facts").source


def test_objectives_of_the_syllabus_are_written_into_the_chapter(course):
    course.edit(
        "course/syllabus.yml",
        "        modules: [first, helper]\n",
        "        modules: [first, helper]\n        objectives:\n"
        '          - {text: double, exercises: ["1.1", "1.2"]}\n',
    )
    only(syllabus.run(check=True, root=course.root), "cell objectives", "minigpt syllabus 01")
    assert syllabus.run(root=course.root) == []
    assert course.cell(FIRST, "objectives").source.endswith(
        "that check it:\n\n- double (1.1, 1.2 · More)"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("depth: running", "depth: deep", "depth 'deep'"),
        ('needs: ["01"]', 'needs: ["02"]', "no earlier chapter"),
        ("minutes: {core: 25, all: 35}", "minutes: {core: 25}", "'all'"),
        ("parts:", "parts: {", "no YAML"),
    ],
)
def test_a_wrong_syllabus_is_answered(course, old, new, message):
    course.edit("course/syllabus.yml", old, new)
    only(syllabus.run(check=True, root=course.root), "course/syllabus.yml", message)


def test_chapters_and_syllabus_list_each_other(course):
    (course.root / SECOND).rename(course.root / "notebooks/03_third.ipynb")
    problems = syllabus.run(check=True, root=course.root)
    assert "lists 02_second" in problems[0] and "03_third.ipynb is not in" in problems[1]


def test_a_broken_notebook_is_named(course):
    course.write(SECOND, "{")
    for module in (export, syllabus, lint):
        only(module.run(check=True, root=course.root), "02_second.ipynb is not a notebook")


def test_code_lines_are_counted_without_words():
    source = (
        '"""Doc."""\n\n# why\nx = [\n    1,\n]\n\n\ndef f():\n    """A\n\n    B."""\n    return x\n'
    )
    assert code_lines(source) == 5
