"""Grading as a whole, with real processes: the demonstration, other chapters, a class's numbers."""

import csv
import shutil
import sys
from pathlib import Path

import pytest

from course import paths
from course.assign import assign
from course.checks import judge
from course.exercises import exercise
from course.grading import demo, judging
from course.grading.grade import grade
from course.grading.remote import Zygote
from course.grading.sandbox import Limits
from course.notebook import chapters, read_notebook, write_notebook

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="submissions run on Linux alone"),
]


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def results(folder: Path) -> dict[str, bytes]:
    """What was written, without what was handed in, which names its own folder."""
    return {name: text for name, text in files(folder).items() if "submissions/" not in name}


def test_the_demo_scores_everybody_as_expected_and_twice_the_same(tmp_path, capsys):
    assert len(demo.SAMPLES) == 30
    for name in ("one", "two"):
        assert demo.run(tmp_path / name / "grades.csv") == 0, capsys.readouterr().out
    one, two = results(tmp_path / "one"), results(tmp_path / "two")
    assert one == two and len(one) == 7 + 31
    with pytest.raises(ValueError, match="holds files already"):
        demo.run(tmp_path / "one" / "grades.csv")


@pytest.mark.parametrize("number", ["00", "01", "03", "07"])
def test_a_chapter_is_judged_as_by_its_check(number):
    (path,) = chapters(paths.SOLUTIONS, [number])
    notebook = judging.load(path)
    everything = judging.Assignment(notebook.numbers)
    with Zygote(Limits(), notebook.modules) as zygote:
        for handed_in, is_solved in ((read_notebook(path), True), (exercise(path), False)):
            answers = judging.answers_in(handed_in, notebook)
            verdicts = judging.judge_notebook(zygote, notebook, answers, everything)
            said = [verdict.message for verdict in verdicts.values()]
            assert all(verdict.passed is is_solved for verdict in verdicts.values()), said
            if not is_solved:
                assert said == [f"○ {each} not yet written" for each in notebook.numbers]


MISTAKES = {
    "4.2": """
def attention_weights(q, k, mask=None):
    q /= 4
    return (q @ k.transpose(-2, -1)).softmax(-1)
""",
    "4.3": """
def scaled_dot_product_attention(q, k, v, mask=None):
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, mask)
""",
    "4.5": """
def first_leak(model, ids):
    model.eval()
    return None
""",
    "4.7": """
def window_mask(T, w):
    return torch.ones(T, T).triu(1 - w).tril()[T]
""",
}


def test_what_is_said_of_a_mistake_is_what_the_check_says():
    (path,) = chapters(paths.SOLUTIONS, ["04"])
    notebook = judging.load(path)
    names = {step.number: step.names for step in notebook.steps if step.names}
    wanted = judging.Assignment(list(MISTAKES), seed=3)
    with Zygote(Limits(), notebook.modules) as zygote:
        verdicts = judging.judge_notebook(zygote, notebook, MISTAKES, wanted)
    for number, source in MISTAKES.items():
        cell = {}
        exec("import torch" + source, cell)
        verdict = judge(number, *(cell[name] for name in names[number]), seed=3)
        assert verdicts[number].diagnosis == verdict.diagnosis != "unknown"
        line = " at `return torch.ones(T, T).triu(1 - w).tril()[T]`"  # a file has none to show
        assert verdicts[number].message.replace(line, "") == verdict.message


def test_a_class_is_judged_on_its_own_numbers(tmp_path):
    assign(7, tmp_path / "class", ["02"])
    key = tmp_path / "class" / "key"
    shutil.copytree(key / "solutions", tmp_path / "in" / "own")
    (path,) = chapters(paths.SOLUTIONS, ["02"])
    (tmp_path / "in" / "public").mkdir()
    write_notebook(tmp_path / "in" / "public" / path.name, read_notebook(path))
    grade(tmp_path / "in", tmp_path / "grades.csv", assignment=key)
    with open(tmp_path / "grades.csv", encoding="utf-8") as file:
        own, public = csv.DictReader(file)
    assert (own["right"], own["2.3"]) == ("5 of 5", "done")
    assert (public["right"], public["2.3"]) == ("4 of 5", "open")
