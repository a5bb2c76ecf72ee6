"""What a learner has done is noted, survives crashes and a second writer, and is shown."""

import importlib
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from course import paths, predictions
from course.checks import beside, check, engine, notebook, progress, report
from course.checks.engine import Prediction, Verdict


@pytest.fixture(autouse=True)
def my(tmp_path, monkeypatch):
    """An empty folder of the learner's own, which is also where the notebook runs."""
    monkeypatch.setattr(paths, "MY", tmp_path / "my")
    (tmp_path / "my").mkdir()
    monkeypatch.chdir(tmp_path / "my")
    return tmp_path / "my"


@pytest.fixture
def asked(monkeypatch):
    """A chapter whose predictions are fixed."""
    truths = {
        "4.p1": Prediction((2, 4)),
        "4.p2": Prediction("b", choices="abc"),
        "4.p3": Prediction(0.25, within=0.05),
        "4.p4": Prediction("equal"),
    }
    monkeypatch.setattr(predictions, "checks", lambda chapter: SimpleNamespace(PREDICTIONS=truths))


def test_events_add_up_in_order(my):
    progress.note("passed", "4.1", ["1"])
    progress.note("passed", "4.1", ["2"])
    progress.note("passed", "10.1", [])
    progress.note("hint", "4.1", 2)
    progress.note("card", "The Ruler", "4.2")
    progress.note("card", "The Ruler", "4.3")
    progress.note("guess", "4.p1", [2])
    progress.note("guess", "4.p1", [3])
    progress.note("unheard of", "4.1", 3)
    assert progress.read() == progress.State(
        {"4.1": ["2"], "10.1": []}, {"4.1": 2}, {"The Ruler": "4.2"}, {"4.p1": [2]}
    )
    progress.note("reset", "04")
    assert progress.read().passed == {"10.1": []} and progress.read().cards


@pytest.mark.parametrize("cut", range(1, 27, 3))
def test_a_line_cut_off_by_a_crash_costs_that_line_alone(my, cut):
    progress.note("passed", "4.1", ["é"])
    progress.note("passed", "4.2", ["é"])
    log = my / "progress.jsonl"
    log.write_bytes(log.read_bytes()[:-cut])
    progress.note("passed", "4.3", [])
    assert {"4.1", "4.3"} <= set(progress.read().passed)
    assert set(progress.read().passed) <= {"4.1", "4.2", "4.3"}


def test_lines_that_mean_nothing_are_passed_over(my):
    lines = ["{}", "[]", "[1, 2, 3]", '["hint", "4.1", "x"]', '["reset", "x", 0]', "\x00", "null"]
    progress.note("passed", "4.1", [])
    with open(my / "progress.jsonl", "a", encoding="utf-8") as file:
        file.write("\n".join(["", *lines]))
    progress.note("passed", "4.2", [])
    assert list(progress.read().passed) == ["4.1", "4.2"]


def test_two_writers_at_once_lose_nothing(my):
    program = (
        "import sys; from pathlib import Path; from course import paths; "
        "paths.MY = Path(sys.argv[1]); from course.checks import progress\n"
        "for i in range(300): progress.note('passed', f'{sys.argv[2]}.{i}', ['x' * 200])"
    )
    command = [sys.executable, "-c", program, str(my)]
    running = [subprocess.Popen([*command, str(n)]) for n in (1, 2)]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    assert len(progress.read().passed) == 600


def test_a_mistake_turns_its_card_once(my, monkeypatch, capsys):
    verdict = Verdict("4.2", False, "✗ 4.2: …", "no scale", "The Ruler")
    monkeypatch.setattr(notebook, "judge", lambda number, *answers, variant: verdict)
    check("4.2", None)
    check("4.2", None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  New in your bug museum: The Ruler. `minigpt museum` shows its card."
    assert lines == ["✗ 4.2: …", lines[1], "✗ 4.2: …"]
    assert progress.read().cards == {"The Ruler": "4.2"}


def test_the_museum_shows_the_cards_that_were_turned_and_no_other(my, monkeypatch, capsys):
    known = {"The Ruler": ("04", "Scaled by [the] wrong width."), "The Echo": ("02", "Unshifted.")}
    monkeypatch.setattr(report, "cards", lambda: known)
    report.show_museum()
    assert "No card is turned yet" in capsys.readouterr().out
    progress.note("card", "The Ruler", "4.3")
    progress.note("card", "A card of an older course", "9.9")
    report.show_museum()
    text = capsys.readouterr().out
    assert "The Ruler (met in 4.3)" in text and "Scaled by [the] wrong width." in text
    assert "Echo" not in text and "□ face down: 02: 1" in text


def test_the_first_guess_is_kept(asked, capsys):
    predictions.predict("4.p1", ...)
    predictions.predict("4.p1", torch.Size([2, 4]))
    predictions.predict("4.p1", (2, 5))
    predictions.predict("4.p2", "d")
    predictions.predict("4.p2", " B")
    predictions.predict("4.p7", 1)
    predictions.predict("4.p3", "a quarter")
    predictions.predict("4.p1", 2)
    assert capsys.readouterr().out.splitlines() == [
        "○ 4.p1: put your guess in the place of the dots, then run the next cell",
        "4.p1: you said (2, 4). Run the next cell and compare.",
        "4.p1: your first guess, (2, 4), is the one that counts. Run the next cell and compare.",
        '✗ 4.p2: type one of "a", "b", "c", not \'d\'.',
        "4.p2: you said b. Run the next cell and compare.",
        "✗ there is no prediction 4.p7; there are: 4.p1, 4.p2, 4.p3, 4.p4",
        "✗ 4.p3: type a number, not 'a quarter'.",
        "✗ 4.p1: type numbers in brackets, such as (2, 3), not 2.",
    ]
    assert progress.read().guesses == {"4.p1": [2, 4], "4.p2": "b"}


def test_a_guess_counts_as_right_however_it_was_typed(asked):
    right = [("4.p1", [2, 4]), ("4.p1", (2.0, 4)), ("4.p2", "B"), ("4.p3", 0.3), ("4.p4", "Equal ")]
    wrong = [("4.p1", (4, 2)), ("4.p1", 2), ("4.p2", "a"), ("4.p3", 0.31), ("4.p4", "different")]
    assert all(predictions.is_right(*guess) for guess in right)
    assert not any(predictions.is_right(*guess) for guess in wrong)
    for number, guess in right:
        kept = json.loads(json.dumps(predictions.plain(guess)))
        assert predictions.is_right(number, kept)


def test_the_course_itself_notes_no_guess(asked, my, monkeypatch):
    monkeypatch.chdir(my.parent)
    predictions.predict("4.p1", (2, 4))
    assert progress.read() == progress.State()


def test_progress_shows_what_is_done_and_what_is_open(my, monkeypatch, capsys):
    monkeypatch.setattr(predictions, "is_right", lambda name, guess: guess == "right")
    monkeypatch.setenv("COLUMNS", "140")
    for number in ("4.1", "4.2", "4.3", "4.4", "4.5", "4.7"):
        progress.note("passed", number, [])
    progress.note("hint", "4.3", 2)
    for name, guess in (("4.p1", "right"), ("4.p2", "wrong")):
        progress.note("guess", name, guess)
    report.show_progress()
    text = " ".join(capsys.readouterr().out.split())
    assert "04 Attention 5/5 1/2 2 1 of 2" in text and "4.6" in text
    assert "■ attention" in text and "□ tokens" in text


def test_after_a_pass_ours_is_shown_beside_theirs(my, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda page, raw: shown.append(page))
    answers = importlib.import_module("answers.ch04")
    check("4.7", answers.two_triangles)
    assert capsys.readouterr().out.startswith("✓ 4.7")
    (page,) = shown
    assert "torch.ones(T, T).tril().bool()" in page["text/html"]
    assert "def window_mask" in page["text/html"].split("the course&#x27;s")[-1]
    assert "SOLUTION" not in page["text/html"]
    check("4.7", answers.window_of_old)
    check("4.6", "equal", "different", "equal")
    assert len(shown) == 1


def test_without_solutions_nothing_is_shown(my, monkeypatch):
    monkeypatch.setattr(paths, "SOLUTIONS", my / "none")
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: pytest.fail("shown"))
    assert beside.solution("4.7") is None
    check("4.7", importlib.import_module("answers.ch04").two_triangles)


def test_typed_answers_are_read_with_patience():
    from course.checks import typed

    assert typed.read_number("7/4") == typed.read_number(torch.tensor(1.75)) == 1.75
    assert typed.read_whole("12") == typed.read_whole(12.0) == 12
    assert typed.read_shape("(2, 3)") == typed.read_shape([2, 3]) == (2, 3)
    assert typed.read_shape(3) == typed.read_shape("3,") == (3,) and typed.read_shape(()) == ()
    for read, typed_ in [
        (typed.read_number, "x"),
        (typed.read_number, float("nan")),
        (typed.read_number, True),
        (typed.read_whole, 1.5),
        (typed.read_shape, "a, b"),
        (typed.read_shape, None),
        (typed.read_choice("a", "b"), 3),
    ]:
        with pytest.raises(ValueError, match="type "):
            read(typed_)


def test_values_of_any_kind_are_compared():
    one = torch.tensor([1.0])
    equal = [([1, (2, one)], (1, [2, one])), ({"a": 0.1}, {"a": 0.1 + 1e-7}), ("x", "x")]
    unequal = [([1], [1, 2]), ({"a": 1}, {"b": 1}), (one, [1.0]), ("x", ["x"]), (None, 0)]
    assert all(engine.same(a, b) for a, b in equal)
    assert not any(engine.same(a, b) for a, b in unequal)
