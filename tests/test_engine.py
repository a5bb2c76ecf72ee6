"""The engine of the checks on made-up exercises: every kind of answer and of fault."""

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from course.checks.engine import Exercise, Found, Part, Raised, Wrong, judge_part, same
from course.checks.typed import Seen


def reverse_pairs(items):
    return {item: len(item) for item in reversed(items)}


def first_of_nothing(items):
    return {item: len(items[5]) for item in items}


class Counter:
    """Counts characters."""

    def __init__(self, text):
        self.text = text

    def count(self, character):
        return self.text.count(character)


class CountsOne(Counter):
    """Stops at the first."""

    def count(self, character):
        return min(1, self.text.count(character))


def use_counter(answer, text):
    made = answer(text)
    return [made.count(character) for character in "ab"]


def said(wrong_name):
    return lambda args, got, right: f"{wrong_name}, got {got}"


DICT = Part(
    "lengths",
    reverse_pairs,
    cases=lambda generator: [(["a", "bc"],), (["abc"],), ([],)],
    wrong=(Wrong("fixed place", first_of_nothing, said("fixed place"), "The Fence Post"),),
)
CLASS = Part(
    "Counter",
    Counter,
    cases=lambda generator: [("abba",), ("b",), ("",)],
    drive=use_counter,
    wrong=(Wrong("stops", CountsOne, said("stops"), "The Early Leaver"),),
)
TASK = Exercise("9.9", "Made up", (DICT, CLASS), hints=("", "", ""))


def verdict(part, answer):
    """The diagnosis, the text and the card; nothing where the answer is right."""
    try:
        judge_part(TASK, part, answer, None)
    except Found as found:
        return found.diagnosis, found.text, found.exhibit
    return None


def test_a_dict_may_come_in_any_order_and_be_filled_in_any_way():
    assert verdict(DICT, lambda items: dict(zip(items, map(len, items), strict=True))) is None


def test_an_answer_that_stops_matches_a_mistake_that_stops_there_too():
    def index_too_far(items):
        return {item: len([*items][9]) for item in items}

    found = verdict(DICT, index_too_far)
    assert found[0] == "fixed place" and found[2] == "The Fence Post"
    assert "Raised(kind='IndexError'" in found[1]


def test_an_answer_that_stops_in_another_way_is_shown_its_own_line():
    def other(items):
        return {item: len(item) // 0 for item in items}

    diagnosis, text, card = verdict(DICT, other)
    assert diagnosis == "exception" and card == ""
    assert text == (
        "your answer stops at `return {item: len(item) // 0 for item in items}` for "
        "items ['a', 'bc'] with ZeroDivisionError: integer division or modulo by zero"
    )


def test_raised_matches_by_kind():
    assert Raised("KeyError", "a") == Raised("KeyError", "b") != Raised("IndexError", "a")


def test_a_known_mistake_is_named_before_a_type_that_does_not_fit():
    lengths = Part(
        "lengths",
        lambda x: x.abs(),
        cases=lambda generator: [(torch.tensor([1.0, -3.0]),)],
        wrong=(Wrong("sum", lambda x: x.abs().sum().item(), said("sum"), "The Average Joe"),),
    )
    assert verdict(lengths, lambda x: 4.0) == ("sum", "sum, got 4.0", "The Average Joe")
    assert verdict(lengths, lambda x: 5.0)[:2] == ("type", "expected a torch.Tensor, got 5.0.")


@pytest.mark.parametrize(
    ("right", "typed", "expected"),
    [
        (5, 7, "7 is too large."),
        (5, 2, "2 is too small."),
        ("equal", "different", "'different' is not right."),
        (torch.eye(2), torch.zeros(2, 2), "the first entry that is not right stands at [0, 0]."),
    ],
)
def test_a_typed_answer_is_never_told(right, typed, expected):
    part = Part("answer", lambda: right, (), read=lambda value: value)
    text = f'no mistake that this check knows: {expected} hint("9.9") helps.'
    assert verdict(part, typed) == ("unknown", text, "")


def test_of_collections_the_entry_that_differs_is_shown():
    right = {"sizes": (3, 4), "ids": [*range(40)]}
    part = Part("parts", lambda: right, (), cases=lambda generator: [()])
    other = {"sizes": (3, 5), "ids": [*range(40)]}
    assert "you give 5, sizes; the right value is 4." in verdict(part, lambda: other)[1]
    other = {"sizes": (3, 4), "ids": [*range(39), 0]}
    assert "you give 0, ids, entry 39; the right value is 39." in verdict(part, lambda: other)[1]


def test_an_answer_that_the_check_cannot_use_is_not_said_to_stop():
    cell = {}
    source = "class Silent:\n  def __init__(self, text): pass\n  def count(self, letter): {}\n"
    exec(compile(source.format("return None"), "a cell", "exec"), cell)
    part = Part(
        "Counter",
        Counter,
        (),
        cases=lambda generator: [("abba",)],
        drive=lambda answer, text: answer(text).count("a") + 1,
    )
    diagnosis, text, _ = verdict(part, cell["Silent"])
    assert diagnosis == "exception"
    assert text.startswith("what your answer gives can't be used for text 'abba': TypeError: ")
    exec(compile(source.format("return 1 / 0"), "a cell", "exec"), cell)
    assert verdict(part, cell["Silent"])[1].startswith(
        "your answer stops for text 'abba' with Zero"
    )
    exec(compile("class Silent:\n  count = None", "a cell", "exec"), cell)
    assert verdict(part, cell["Silent"])[1].startswith(
        "your answer stops for text 'abba' with Type"
    )


def test_lists_changed_in_place_are_noticed():
    def pops(items):
        found = {}
        while items:
            item = items.pop()
            found[item] = len(item)
        return found

    text = "your input items was changed. Work on a copy of it."
    assert verdict(DICT, pops) == ("changed", text, "The Vandal")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda items: list(items), "expected a dict, got []."),
        (lambda items: len(items), "expected a dict, got 2."),
        (lambda items: print(items), "your answer prints its result and returns nothing."),
    ],
)
def test_values_of_another_kind_are_named(answer, expected):
    assert expected.split(", got")[0] in verdict(DICT, answer)[1]


def test_a_class_is_used_as_the_drive_says():
    class Own:
        def __init__(self, text):
            self.letters = list(text)

        def count(self, character):
            return sum(letter == character for letter in self.letters)

    class Leaver(Own):
        def count(self, character):
            return int(character in self.letters)

    class Stops(Own):
        def count(self, character):
            return self.no_such_thing

    assert verdict(CLASS, Own) is None
    assert verdict(CLASS, Leaver)[0] == "stops"
    diagnosis, text, _ = verdict(CLASS, Stops)
    assert diagnosis == "exception" and "at `return self.no_such_thing`" in text
    assert verdict(CLASS, Own("a"))[1].startswith("expected the class Counter, got an Own.")


def test_a_class_that_reaches_the_courses_own_is_refused():
    class Reaches:
        def __init__(self, text):
            self.own = Counter(text)

        def count(self, character):
            return self.own.count(character)

    assert verdict(CLASS, Reaches)[0] == "reference"
    assert Counter("aa").count("a") == 2  # all is back in place


def test_the_first_value_that_differs_is_shown():
    diagnosis, text, _ = verdict(CLASS, type("Off", (), {"__init__": lambda s, t: None,
                                                         "count": lambda s, c: 7}))  # fmt: skip
    assert diagnosis == "unknown"
    assert text == (
        "no mistake that this check knows: you give [7, 7] for text 'abba'; the right value is "
        "[2, 2]."
    )


def test_a_kernel_survives_an_answer_that_never_ends():
    sources = [
        "from course.checks import check, engine\n\nengine.SECONDS = 0.5\nkept = 7",
        "def window_mask(T, w):\n    while True:\n        pass\n\n\ncheck('4.7', window_mask)",
        "print(kept)",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120).execute()
    said = [cell.outputs[0].text for cell in notebook.cells[1:]]
    assert said[0].startswith("✗ 4.7: your answer was still running after 0.5 seconds")
    assert said[1] == "7\n"


def test_a_reported_experiment_is_known_by_its_word_whatever_was_measured():
    assert same(Seen("training loss", {"x": 2.4}), Seen("training loss"))
    assert not same(Seen("training loss"), Seen("validation loss"))
    assert not same(Seen("training loss"), "training loss")


def test_torchs_own_not_implemented_error_is_no_unwritten_answer():
    def calls_a_list(items):
        return torch.nn.ModuleList()(items)

    def unwritten(items):
        raise NotImplementedError("9.9: not written yet. Replace this line by your answer.")

    for answer, diagnosis in ((calls_a_list, "exception"), (unwritten, "unwritten")):
        with pytest.raises(Found) as found:
            judge_part(TASK, DICT, answer, torch.Generator())
        assert found.value.diagnosis == diagnosis
