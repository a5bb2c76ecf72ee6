"""A stored output says what it depends on: each planted edit is caught, with what mends it."""

import ast
import sys

import nbformat
import pytest

from course import exercises, export, refresh, verify
from course.notebook import read_notebook, write_notebook
from course.refresh import SHA256, compare_cell, normalised

FIRST, SECOND = "notebooks/01_first.ipynb", "notebooks/02_second.ipynb"


def plant_library(course):
    course.edit("minigpt_lib/first.py", "2 * half", "3 * half")


def plant_exported(course):
    source = course.cell(FIRST, "double").source.replace("2 * half", "3 * half")
    course.change(FIRST, "double", source=source)


def plant_unexported(course):
    course.change(SECOND, "figure", source="double(5)")


def plant_output(course):
    output = nbformat.v4.new_output("stream", text="7\n")
    course.change(SECOND, "figure", outputs=[output])


def plant_far(course):
    course.edit("course/deep.py", "print(stage)", "print(stage, stage)")


def plant_solution(course):
    source = course.cell("solutions/01_first.ipynb", "double").source.replace("x + x", "2 * x")
    course.change("solutions/01_first.ipynb", "double", source=source)


def plant_exercise(course):
    course.edit("exercises/01_first.ipynb", "spare(x)", "spare(y)")


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (
            plant_library,
            [
                ("minigpt_lib/first.py, line 10", "Mend: minigpt export 01"),
                (SECOND, "minigpt_lib/first.py changed", "Mend: minigpt refresh 02"),
            ],
        ),
        (
            plant_exported,
            [
                ("minigpt_lib/first.py, line 10", "Mend: minigpt export 01"),
                (FIRST, "its code changed", "Mend: minigpt refresh 01"),
            ],
        ),
        (plant_unexported, [(SECOND, "its code changed", "Mend: minigpt refresh 02")]),
        (plant_output, [(SECOND, "changed by hand", "Mend: minigpt refresh 02")]),
        (
            plant_far,
            [
                (FIRST, "course/deep.py changed", "Mend: minigpt refresh 01"),
                (SECOND, "course/deep.py changed", "Mend: minigpt refresh 02"),
            ],
        ),
        (plant_solution, [("solutions/01_first.ipynb", "code changed", "minigpt refresh 01")]),
        (plant_exercise, [("exercises/01_first.ipynb", "line", "Mend: minigpt exercises 01")]),
    ],
)
def test_a_planted_edit_is_caught_with_the_command_that_mends_it(course, plant, expected):
    plant(course)
    problems = verify.run(course.root)
    assert len(problems) == len(expected), problems
    for problem, parts in zip(problems, expected, strict=True):
        assert all(part in problem for part in parts), problem


def test_comments_docstrings_and_layout_do_not_make_outputs_stale(course):
    course.edit("course/deep.py", '"""Say where we are."""', '"""Else."""\n    # why\n')
    assert refresh.run(check=True, root=course.root) == []


def test_a_text_that_is_no_docstring_counts(course):
    course.edit("course/deep.py", "print(stage)", 'x = ""\n    """Not this one."""')
    assert len(refresh.run(check=True, root=course.root)) == 2


@pytest.mark.parametrize("kind", ["widget", "named", "relative"])
def test_files_that_code_reads_are_part_of_the_stamp(course, kind):
    if kind == "widget":
        course.write("course/widgets/__init__.py", "")
        course.write("course/widgets/heads.js", "1")
        course.write("course/near.py", "import course.widgets\nfrom course.deep import pipeline\n")
    elif kind == "named":
        course.write("course/heads.js", "1")
        course.write("course/near.py", 'from course.deep import pipeline\nNAME = "heads.js"\n')
    else:
        course.write("course/heads/__init__.py", "from .more import x\n")
        course.write("course/heads/more.py", "x = 1\n")
        course.write("course/near.py", "import course.heads\nfrom course.deep import pipeline\n")
    course.stamp()
    assert refresh.run(check=True, root=course.root) == []
    changed = {"widget": "widgets/heads.js", "named": "heads.js", "relative": "heads/more.py"}[kind]
    course.write(f"course/{changed}", "x = 2\n")
    (problem,) = refresh.run(check=True, root=course.root)
    assert f"course/{changed} changed" in problem


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("corpus", {"sha256": "0"}, "not made with TinyShakespeare"),
        ("versions", {"torch": "1.0", "numpy": "1.0"}, "numpy, tiktoken, torch changed"),
        ("imports", {}, "course/deep.py"),
    ],
)
def test_each_part_of_a_stamp_is_told_apart(course, part, value, message):
    path = course.root / SECOND
    book = read_notebook(path)
    book.metadata["minigpt"]["stamp"][part] = value
    write_notebook(path, book)
    (problem,) = refresh.run(check=True, root=course.root)
    assert message in problem and SECOND in problem


def test_a_notebook_without_a_stamp_is_reported(course):
    path = course.root / SECOND
    book = read_notebook(path)
    del book.metadata["minigpt"]
    write_notebook(path, book)
    (problem,) = refresh.run(check=True, root=course.root)
    assert problem == f"{SECOND}: its outputs have no stamp. Mend: minigpt refresh 02"


def test_outputs_are_stored_with_one_corpus_only(course, monkeypatch):
    other = refresh.load_corpus()._replace(name="tinytales")
    monkeypatch.setattr(refresh, "load_corpus", lambda: other)
    assert refresh.run(root=course.root) == [], "nothing is stale, so nothing is asked for"
    before = (course.root / SECOND).read_bytes()
    (problem,) = refresh.run(only=["02"], root=course.root)
    assert "made with TinyShakespeare" in problem and "MINIGPT_DATA_DIR" in problem
    assert (course.root / SECOND).read_bytes() == before


def test_the_pinned_corpus_is_a_real_hash():
    assert len(SHA256) == 64


def test_the_dump_of_a_tree_names_no_empty_field():
    """So that a field that a newer Python adds, empty, does not change it."""
    tree = ast.parse("def f(x: int = 1): return [x]\nclass A: ...")
    assert "[]" not in refresh._dump(tree) and "None" not in refresh._dump(tree)
    assert refresh._dump(ast.parse("x = None")) != refresh._dump(ast.parse("x = 0"))
    assert refresh._dump(ast.parse("x = 1")) != refresh._dump(ast.parse("x = True"))


def test_refresh_executes_what_is_stale_and_stores_the_same_bytes_twice(course):
    course.change(
        SECOND,
        "figure",
        source="import matplotlib.pyplot as plt\n\nplt.plot([double(1), 3])\nprint(object())",
    )
    course.change(FIRST, "figure", metadata={"tags": ["timing"]})
    course.change(FIRST, "double", source=course.cell(FIRST, "double").source + "  # again")
    assert export.run(root=course.root) == []
    before = (course.root / "solutions/01_first.ipynb").read_bytes()
    assert refresh.run(root=course.root) == []
    assert refresh.run(check=True, root=course.root) == []
    assert (course.root / "solutions/01_first.ipynb").read_bytes() == before, "it was not stale"
    assert course.cell(FIRST, "figure").outputs == [], "a timing stores nothing"
    assert course.cell(FIRST, "proof").outputs[0].text == "6\n"
    outputs = course.cell(SECOND, "figure").outputs
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert "object at 0x…" in str(outputs)
    stored = (course.root / SECOND).read_bytes()
    assert refresh.run(only=["02_second"], root=course.root) == []
    assert (course.root / SECOND).read_bytes() == stored


def test_a_cell_that_fails_is_named_and_nothing_is_stored(course):
    course.change(SECOND, "break", source="double(None)")
    before = (course.root / SECOND).read_bytes()
    (problem,) = refresh.run(root=course.root)
    assert problem.startswith(f"{SECOND}, cell break: TypeError")
    assert (course.root / SECOND).read_bytes() == before


def stream(text: str, name: str = "stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def cell(text: str, *tags: str):
    return nbformat.v4.new_code_cell("x", outputs=[stream(text)], metadata={"tags": list(tags)})


@pytest.mark.parametrize(
    ("stored", "new"),
    [
        ("loss 1.767, step 2,000\n", "loss 1.770, step 2,000\n"),
        ("largest difference 2.2e-16", "largest difference 4.4e-16"),
        ("[2514, 307,  393]", "[2514, 307, 393]"),
        ("-0.0", "0.0"),
    ],
)
def test_outputs_that_mean_the_same_are_equal(stored, new):
    assert compare_cell(cell(stored), [stream(new)]) is None


@pytest.mark.parametrize(
    ("stored", "new"),
    [
        ("loss 1.767", "loss 1.80"),
        ("loss 1.767", "loss nan"),
        ("loss 1.767", "loss"),
        ("equal", "different"),
        ("[1, 2]", "[12]"),
        ("1,2", "12"),
        ("3", "-3"),
        ("2,000", "2"),
    ],
)
def test_outputs_that_differ_are_told(stored, new):
    assert compare_cell(cell(stored), [stream(new)])
    assert compare_cell(cell(stored, "measured"), [stream(new)]) is None
    assert compare_cell(cell(stored, "timing"), [stream(new)]) is None


def test_a_run_is_compared_cell_by_cell():
    stored = nbformat.v4.new_notebook(cells=[cell("1"), cell("2")])
    run = nbformat.v4.new_notebook(cells=[cell("1"), cell("3")])
    (difference,) = refresh.compare_outputs(stored, run)
    assert stored.cells[1].id in difference and "stored 2, now 3" in difference


def test_what_differs_from_run_to_run_is_not_stored(tmp_path):
    bar = "\rstep: 10%|█ | 2/20 [00:01<00:09, 1.9it/s]\rend: 100%|██| 20/20 [00:10<00:00, 2it/s]\n"
    outputs = [
        stream(f"{tmp_path}/runs/a and <f at 0x7f00aa>\n"),
        stream("more\n"),
        stream(bar, "stderr"),
        stream("/tmp/ipykernel_12/345.py:3: UserWarning: x\n", "stderr"),
    ]
    first, second = normalised(outputs, tmp_path)
    assert first.text == "./runs/a and <f at 0x…>\nmore\n"
    assert second.text == "<cell>:3: UserWarning: x\n"


def test_exercises_need_no_stamp(course):
    assert exercises.run(check=True, root=course.root) == []
    assert "stamp" not in (course.root / "exercises/01_first.ipynb").read_text(encoding="utf-8")


def test_checks_do_not_load_torch():
    """A check of all notebooks stays quick because it executes and imports nothing heavy."""
    import subprocess

    code = "import sys, course.verify; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
