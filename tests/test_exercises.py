"""The contract of the exercises: unsolved they say so, solved they pass, mistakes are named."""

import importlib
import re
import shutil
import sys
import time
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from answers.ch04 import UPPER, einsum_attention, einsum_weights, masked_late, window_by_loops
from torch import nn
from twins import twin

from course import exercises as generator_of_exercises
from course import paths, predictions, written
from course.checks import check, check_notebook, engine, hint, judge, progress, report
from course.checks.engine import Found, judge_part, same
from course.checks.notebook import run_notebook
from course.notebook import code_cells, read_notebook, write_notebook
from minigpt_lib import attention as library

NOTEBOOKS = sorted(path.name for path in paths.SOLUTIONS.glob("[0-9][0-9]_*.ipynb"))
CHAPTERS = [name[:2] for name in NOTEBOOKS]
TASKS = [task for chapter in CHAPTERS for task in engine.exercises(chapter).values()]
PARTS = [(task, part) for task in TASKS for part in task.parts]
MISTAKES = [(task, part, wrong) for task, part in PARTS for wrong in part.wrong]
ANSWERS = {chapter: importlib.import_module(f"answers.ch{chapter}") for chapter in CHAPTERS}
RIGHT = {number: each for module in ANSWERS.values() for number, each in module.RIGHT.items()}
SAID = [said for module in ANSWERS.values() for said in module.SAID]
CH04 = engine.exercises("04")


def seeds(many: int) -> pytest.MarkDecorator:
    """The first draw of the inputs in the fast tests, the rest in the slow ones."""
    slow = pytest.param(range(1, many), marks=pytest.mark.slow, id="")
    return pytest.mark.parametrize("seeds", [pytest.param(range(1), id=""), slow])


def title(value: object) -> str:
    return str(getattr(value, "number", getattr(value, "name", value)))


TWINS = {chapter: twin(chapter) for chapter in CHAPTERS}


def draws(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def verdict_of_part(task, part, answer, seed: int = 0) -> str | None:
    """The diagnosis of one part's answer, None if it is right."""
    try:
        judge_part(task, part, answer, draws(seed))
    except Found as found:
        return found.diagnosis
    return None


@pytest.fixture
def my(tmp_path, monkeypatch):
    """A learner's own folder with the exercises in it."""
    monkeypatch.setattr(paths, "MY", tmp_path / "my")
    shutil.copytree(paths.EXERCISES, tmp_path / "my" / "exercises")
    return tmp_path / "my"


# Every chapter with exercises


@pytest.mark.slow  # the fast tests run the solutions by nbval, which compares what checks say
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_solution_passes_its_check(name):
    session = run_notebook(paths.SOLUTIONS / name)
    assert [v.message for v in session.verdicts.values() if not v.passed] == []
    assert list(session.verdicts) == list(engine.exercises(name[:2]))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_goes_into_the_library_needs_no_experiment(name):
    tasks = engine.exercises(name[:2]).values()
    wanted = {task.number for task in tasks if task.replaces}
    left_out = {t.number for t in tasks if all(p.read for p in t.parts)} - wanted
    verdicts = run_notebook(paths.SOLUTIONS / name, wanted).verdicts
    assert set(verdicts) == {task.number for task in tasks} - left_out
    assert all(verdict.passed for verdict in verdicts.values())


def test_what_only_an_experiment_needs_is_set_up_for_it_alone(monkeypatch):
    asked = []
    for name in ("bars", "draw"):
        monkeypatch.setattr(written, name, lambda *args, **settings: asked.append(1) or 1 / 0)
    run_notebook(paths.SOLUTIONS / "09_sampling.ipynb", ["9.1"])
    assert not asked
    run_notebook(paths.SOLUTIONS / "09_sampling.ipynb", ["9.6"])
    assert asked


@pytest.mark.parametrize("task", TASKS, ids=title)
def test_an_unsolved_exercise_says_so_and_does_not_disturb_the_others(task, tmp_path):
    chapter = f"{int(task.number.partition('.')[0]):02d}"
    (path,) = paths.SOLUTIONS.glob(f"{chapter}_*.ipynb")
    notebook = read_notebook(path)
    for cell in code_cells(notebook):
        if cell.source.startswith(f"# {task.number} "):
            cell.source = generator_of_exercises.without_solution(cell.source)
    write_notebook(tmp_path / path.name, notebook)
    verdicts = run_notebook(tmp_path / path.name, [task.number]).verdicts
    assert task.number in verdicts
    for number, verdict in verdicts.items():
        if number == task.number:
            assert verdict.message == f"○ {number} not yet written"
        else:
            waits = f"○ {number} waits for {task.number}, which is not yet written"
            assert verdict.passed or verdict.message == waits


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_an_unsolved_notebook_stops_with_its_own_error(name):
    expected = {task.number for task in engine.exercises(name[:2]).values()}
    raised = set()
    namespace = {"__name__": "__main__"}
    for cell in code_cells(read_notebook(paths.EXERCISES / name)):
        try:
            exec(cell.source, namespace)
        except NotImplementedError as error:
            raised.add(str(error).partition(":")[0])
        except NameError:
            continue  # the check of a value that is not typed yet
        for part_name, value in list(namespace.items()):
            own = [(t, p) for t, p in PARTS if t.number in expected and not p.read]
            parts = [(t, p) for t, p in own if p.name == part_name]
            if parts and callable(value):
                with pytest.raises(NotImplementedError) as error:
                    parts[0][1].use(value, parts[0][1].cases(draws(0))[0])
                assert str(error.value).startswith(f"{parts[0][0].number}: not written yet.")
                raised.add(parts[0][0].number)
    assert raised == expected


@seeds(10)
@pytest.mark.parametrize(("task", "part", "wrong"), MISTAKES, ids=title)
def test_every_known_mistake_gets_its_own_hint_for_many_inputs(task, part, wrong, seeds):
    chapter = TWINS[f"{int(task.number.partition('.')[0]):02d}"]
    own = chapter.EXERCISES[task.number].parts[task.parts.index(part)]
    answer = own.wrong[part.wrong.index(wrong)].answer
    answer = answer() if part.read else answer
    for seed in seeds:
        assert verdict_of_part(task, part, answer, seed) == wrong.name


@seeds(15)
@pytest.mark.parametrize(("task", "part"), PARTS, ids=title)
def test_no_two_known_mistakes_agree_and_none_is_right(task, part, seeds):
    answers = [("right", part.right), *((w.name, w.answer) for w in part.wrong)]
    for seed in seeds:
        results = {}
        for name, answer in answers:
            torch.manual_seed(0)
            cases = part.cases(draws(seed))
            results[name] = [engine.value(part, answer, case) for case in cases]
        for a, b in combinations(results, 2):
            pairs = zip(results[a], results[b], strict=True)
            assert not all(same(x, y) for x, y in pairs), f"{a} and {b} agree, seed {seed}"


@pytest.mark.parametrize("task", TASKS, ids=title)
def test_the_first_two_levels_of_help_hold_no_line_of_the_solution(task):
    chapter = f"{int(task.number.partition('.')[0]):02d}"
    (path,) = paths.SOLUTIONS.glob(f"{chapter}_*.ipynb")
    lines, inside = [], False
    for line in "\n".join(c.source for c in code_cells(read_notebook(path))).splitlines():
        inside = "BEGIN SOLUTION" in line or (inside and "END SOLUTION" not in line)
        lines += [line.partition("#")[0].strip()] if inside else []
    long = [line for line in lines if len(line) >= 20]
    assert long and not [line for line in long for text in task.hints[:2] if line in text]


@pytest.mark.parametrize("task", TASKS, ids=title)
def test_every_reference_of_an_exercise_exists(task):
    for place in task.references:
        assert engine.guard.find(place) is not None, place


# How learners write it: tests/answers


@seeds(5)
@pytest.mark.parametrize("number", RIGHT)
def test_every_correct_way_of_writing_passes(number, seeds):
    for answers in RIGHT[number]:
        for seed in seeds:
            verdict = judge(number, *answers, seed=seed)
            assert verdict.passed, verdict.message


@cache
def of_mistake(index: int, seed: int) -> engine.Verdict:
    """What is found of one of the learners' mistakes."""
    number, answers, _ = SAID[index]
    return judge(number, *answers, seed=seed)


@seeds(5)
@pytest.mark.parametrize("index", range(len(SAID)), ids=lambda index: SAID[index][2][:40])
def test_a_learners_mistake_is_named(index, seeds):
    begins = SAID[index][2]
    for seed in seeds:
        verdict = of_mistake(index, seed)
        assert not verdict.passed
        said = ".+?".join(map(re.escape, begins.split("{s}")))
        assert re.match(said, verdict.message), verdict.message
        assert "\n" not in verdict.message


@pytest.mark.parametrize("task", TASKS, ids=title)
def test_every_mistake_is_met_as_a_learner_writes_it_and_each_answer_in_two_ways(task):
    own = [index for index, (number, *_) in enumerate(SAID) if number == task.number]
    met = {of_mistake(index, 0).diagnosis for index in own}
    assert {wrong.name for part in task.parts for wrong in part.wrong} <= met
    assert len(RIGHT.get(task.number, ())) >= 2


def test_no_two_chapters_define_the_same_card():
    names = [name for chapter in CHAPTERS for name in TWINS[chapter].CARDS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_mistake_turns_a_card_of_the_museum_that_says_something(chapter):
    known = report.cards()
    for task in engine.exercises(chapter).values():
        for wrong in (wrong for part in task.parts for wrong in part.wrong):
            assert wrong.exhibit in known, f"{task.number}, {wrong.name}: no card {wrong.exhibit!r}"
    used = {w.exhibit for _, _, w in MISTAKES}
    for name, text in TWINS[chapter].CARDS.items():
        assert name in used and 40 < len(text) < 400 and "!" not in text, name


def reaching(place: str, part: engine.Part):
    """An answer that calls a reference, under another name and whatever is asked of it."""
    reference = engine.guard.find(place)

    def call(*args, **kwargs):
        try:
            return reference(*args, **kwargs)
        except BaseException:
            return None

    class Meta(type):
        def __getattr__(cls, name):
            return call

    class Reaching(metaclass=Meta):
        def __init__(self, *args, **kwargs):
            call(*args)

        def __getattr__(self, name):
            return call

    return Reaching if isinstance(part.right, type) else call


@pytest.mark.parametrize("task", [task for task in TASKS if task.references], ids=title)
def test_no_answer_reaches_a_reference(task):
    for part in (part for part in task.parts if not part.read):
        for place in task.references:
            assert verdict_of_part(task, part, reaching(place, part)) == "reference", place


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_asks_for_the_predictions_that_its_checks_know(chapter):
    (path,) = paths.NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    sources = "\n".join(cell.source for cell in code_cells(read_notebook(path)))
    asked = re.findall(r'predict\("(\d+\.p\d+)"', sources)
    assert asked == list(predictions.predictions(chapter)) and len(asked) == len(set(asked)) >= 3


def test_the_gap_of_the_order_exercise_is_rounding():
    assert 0 < importlib.import_module("course.checks.ch04").order_gap() < 1e-13


def test_the_right_answers_are_those_of_the_library_and_of_torch():
    chapter = TWINS["04"]
    for q, k, v, *mask in chapter.attention_cases(draws(3)):
        right = chapter.right_attention(q, k, v, *mask)
        assert same(library.scaled_dot_product_attention(q, k, v, *mask), right)
        assert same(F.scaled_dot_product_attention(q, k, v, *mask), right)
    for q, k, *mask in chapter.weights_cases(draws(3)):
        assert same(library.attention_weights(q, k, *mask), chapter.right_weights(q, k, *mask))
    x = torch.randn(2, 5, 12)
    assert torch.equal(library.split_heads(x, 3), chapter.right_split(x, 3))
    assert torch.equal(library.merge_heads(library.split_heads(x, 3)), x)


# Chapter 04: what any answer may do wrong


alias = library.scaled_dot_product_attention
torch_alias = F.scaled_dot_product_attention


def hidden_call(q, k, v, mask=None):
    try:
        return alias(q, k, v, mask)
    except BaseException:
        return einsum_attention(q, k, v, mask)


def imports_inside(q, k, v, mask=None):
    from minigpt_lib.attention import attention_weights

    return attention_weights(q, k, mask) @ v


def calls_operator(q, k, v, mask=None):
    return torch.ops.aten.scaled_dot_product_attention(q, k, v, mask)


def calls_layer(q, k, v, mask=None):
    layer = nn.MultiheadAttention(q.shape[-1], 1)
    return layer(q, k, v)[0]


def calls_the_check(q, k, v, mask=None):
    return importlib.import_module("course.checks.ch04").right_attention(q, k, v, mask)


REACHING = {
    "minigpt_lib.attention": [alias, lambda *a: alias(*a), hidden_call, imports_inside],
    "torch.nn.functional.scaled_dot_product_attention": [
        torch_alias,
        lambda q, k, v, mask=None: torch_alias(q, k, v, mask),
        calls_operator,
    ],
    "torch.nn.MultiheadAttention": [calls_layer],
    "the course's own answer": [calls_the_check],
}


@pytest.mark.parametrize(
    ("name", "answer"), [(name, a) for name, answers in REACHING.items() for a in answers]
)
def test_an_answer_that_calls_the_reference_is_refused(name, answer):
    assert judge("4.3", answer).message == (
        f"✗ 4.3: your answer calls {name}. Write it with tensor operations; the reference is what "
        "you are compared with."
    )
    q = torch.randn(2, 3, 4)
    assert alias(q, q, q).shape == torch_alias(q, q, q).shape == q.shape  # all is back in place


def changes_its_input(q, k, mask=None):
    q /= q.shape[-1] ** 0.5
    return einsum_weights(q * q.shape[-1] ** 0.5, k, mask)


def prints(q, k, mask=None):
    print(einsum_weights(q, k, mask))


def returns_nothing(q, k, mask=None):
    einsum_weights(q, k, mask)


def returns_list(q, k, mask=None):
    return einsum_weights(q, k, mask).tolist()


def returns_row(q, k, mask=None):
    return einsum_weights(q, k, mask).sum(-1)


def swaps_wrong_axes(q, k, mask=None):
    return einsum_weights(q, k.transpose(0, 1), mask)


def divides_by_nothing(q, k, mask=None):
    return q / (1 // 0)


def unheard_of(q, k, mask=None):
    return einsum_weights(q, k, mask) ** 2


def exits(q, k, mask=None):
    sys.exit()


ACTS = [
    (changes_its_input, "changed", "✗ 4.2: your input q was changed."),
    (prints, "none", "✗ 4.2: your answer prints its result and returns nothing. Replace print(…)"),
    (returns_nothing, "none", "✗ 4.2: your answer returned None. End the function with return"),
    (returns_list, "type", "✗ 4.2: expected a torch.Tensor, got a list."),
    (returns_row, "shape", "✗ 4.2: expected shape (5, 5), got (5,) for q (5, 16), k (5, 16), mask"),
    (3, "type", "✗ 4.2: expected the function attention_weights, got 3."),
    (divides_by_nothing, "exception", "✗ 4.2: your answer stops at `return q / (1 // 0)` for q "),
    (swaps_wrong_axes, "exception", "✗ 4.2: your answer stops at `"),
    (exits, "exception", "✗ 4.2: your answer stops at `sys.exit()` for q "),
    (unheard_of, "unknown", "✗ 4.2: no mistake that this check knows. The first difference for q"),
]


@pytest.mark.parametrize(("answer", "diagnosis", "begins"), ACTS)
def test_what_goes_wrong_is_said_in_one_line_of_its_own(answer, diagnosis, begins, capsys):
    verdict = judge("4.2", answer)
    assert verdict.diagnosis == diagnosis and not verdict.passed
    assert verdict.message.startswith(begins) and "\n" not in verdict.message
    assert capsys.readouterr().out == ""


def test_the_first_difference_has_its_index_and_both_values():
    message = judge("4.7", lambda T, w: window_by_loops(T, w) ^ (torch.arange(T) == 5)).message
    assert message.endswith("is at [0, 5]: you give True, the right value is False.")


def test_a_mistake_is_named_only_if_it_explains_every_input():
    def masked_late_only_if_small(q, k, mask=None):
        return masked_late(q, k, mask) if q.dim() == 2 else q @ k.mT

    assert judge("4.2", masked_late_only_if_small).diagnosis == "unknown"


@pytest.mark.parametrize("swallow", [False, True])
def test_an_answer_that_never_ends_is_stopped(swallow, monkeypatch):
    def endless(q, k, mask=None):
        while True:
            try:
                time.sleep(0.01)
            except BaseException:
                if not swallow or time.monotonic() > end:
                    raise

    monkeypatch.setattr(engine, "SECONDS", 0.2)
    end = time.monotonic() + 0.5
    verdict = judge("4.2", endless)
    assert verdict.diagnosis == "timeout"
    assert verdict.message.startswith("✗ 4.2: your answer was still running after 0.2 seconds")
    time.sleep(0.6)  # nothing arrives later
    assert judge("4.2", einsum_weights).passed


def test_typed_values_of_a_wrong_form_get_told_what_to_type():
    for typed in (3, [[1, 0], [1, 1]], [[1], [1, 2]], "lower", [[2] * 4] * 4, None):
        assert judge("4.1", typed).diagnosis == "type"
    assert judge("4.6", "same", "different", "equal").message == (
        '✗ 4.6a: type "equal" or "different", not \'same\'.'
    )
    integers = judge("4.7", lambda T, w: window_by_loops(T, w).int())
    assert integers.message.startswith("✗ 4.7: expected True and False (dtype bool), got int32.")


# Notes and commands


def test_check_prints_one_line_and_raises_nothing(capsys):
    check("4.1", UPPER)
    check("4.44", UPPER)
    check("4.4", UPPER)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("✗ there is no exercise 4.44; there are: 4.1, 4.2")
    assert lines[2].startswith('✗ write check("4.4", split_heads, merge_heads, multi_head_att')
    assert len(lines) == 3


def test_a_pass_is_noted_among_the_learners_files_alone(my, monkeypatch):
    monkeypatch.chdir(my.parent)
    check("4.6", "equal", "different", "equal")
    assert progress.read() == progress.State()
    monkeypatch.chdir(my / "exercises")
    check("4.6", "equal", "different", "equal")
    check("4.2", masked_late)
    assert progress.read().passed == {"4.6": ["'equal'", "'different'", "'equal'"]}


def test_help_goes_up_one_level_at_a_time(my, capsys):
    for level in (1, 2, 3, 3):
        hint("4.3")
        text = CH04["4.3"].hints[level - 1]
        assert capsys.readouterr().out == f"4.3, help {level} of 3: {text}\n"
    hint("4.0")
    assert capsys.readouterr().out.startswith("✗ there is no exercise 4.0")


def solve(path: Path, number: str, source: str) -> None:
    notebook = read_notebook(path)
    (cell,) = (c for c in code_cells(notebook) if c.source.startswith(f"# {number} "))
    cell.source = source
    write_notebook(path, notebook)


def test_check_notebook_goes_through_a_learners_notebook(my, capsys):
    path = my / "exercises" / "04_attention.ipynb"
    solve(path, "4.1", "# 4.1 mine\nmask = [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1] * 4]")
    solve(path, "4.6", "# 4.6 mine\nanswer_a = 'equal\nanswer_b = 'equal'")
    solve(path, "4.7", "# 4.7 mine\ndef window_mask(T, w):\n    return torch.ones(T, T).tril() > 0")
    check_notebook("04")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "✓ 4.1 A 4×4 mask by hand",
        *(f"○ 4.{k} not yet written" for k in (2, 3, 4, 5)),
    ]
    assert lines[5].startswith("✗ 4.6: a cell before the check stops with SyntaxError:")
    assert lines[6].startswith("✗ 4.7: no mistake that this check knows.") and len(lines) == 7
    assert list(progress.read().passed) == ["4.1"]
    assert [v.number for v in check_notebook("04.7")] == ["4.7"]


def test_an_answer_under_no_name_is_told_which_name_to_use(my, capsys):
    path = my / "exercises" / "04_attention.ipynb"
    notebook = read_notebook(path)
    notebook.cells = [c for c in notebook.cells if "4.1" in c.source or c["id"] == "imports"]
    write_notebook(path, notebook)
    solve(path, "4.1", "# 4.1 mine\n[[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1] * 4]")
    check_notebook("04")
    text = "there is no mask yet. Write your answer as `mask = …` in the cell above the check."
    assert f"✗ 4.1: {text}" in capsys.readouterr().out


def test_check_notebook_says_what_is_missing(my):
    for which in ("4.9", "33", "chapter", "nowhere.ipynb"):
        with pytest.raises(ValueError):
            check_notebook(which)
    shutil.rmtree(my / "exercises")
    with pytest.raises(ValueError, match="minigpt lab 04"):
        check_notebook("04")
