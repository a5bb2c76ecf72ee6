"""TinyTales: a text whose entropy is known, so the program that knows it must be right."""

import hashlib
import math
import statistics
from fractions import Fraction
from itertools import pairwise

import pytest
import torch

from course.tinytales import (
    FORMS,
    PLAYS,
    SCENES,
    WORDS,
    Copy,
    EndOfText,
    Grammar,
    Writer,
    check_distinct,
    copy_slots,
    entropy_rate,
    surprisal,
    tinytales,
)
from minigpt_lib.baselines import NGramModel
from minigpt_lib.bpe import BPETokenizer
from minigpt_lib.tokenizer import CharTokenizer

# Copies, agreement, alternatives with a common beginning, one that opens with a copy, and a scene
# of one line or of two.
MINIATURE = {
    "scene": ["{when} {A=girl} saw {D=dish}.\n{talk}"],
    "when": ["Once", "One day"],
    "girl": ["Ann", "Ada"],
    "dish": ["{taste} {food}"],
    "taste": ["hot", "old"],
    "food": ["ham", "hens"],
    "talk": ["{A} ate {D}.\n", "{A}: are {D} {taste}?\n", "The {D} {D.is} {food}\n{bye}", "Oh.\n"],
    "bye": ["Bye!\n", "By {D}!\n"],
}


@pytest.fixture(scope="module")
def text() -> str:
    return tinytales()


@pytest.fixture(scope="module")
def bits(text) -> list[float]:
    return surprisal(text)


class Script:
    """A stage that follows a list of choices, to go through all of them one by one."""

    def __init__(self, choices: list[int]):
        self.choices, self.sizes, self.position, self.said = choices, [], 0, ""
        self.probability = Fraction(1)

    def choose(self, alternatives: list[str]) -> int:
        if len(self.sizes) == len(self.choices):
            raise EndOfText  # the script ends here: the caller continues it in every way
        index = self.choices[len(self.sizes)]
        self.sizes.append(len(alternatives))
        self.probability /= len(alternatives)
        self.say(alternatives[index])
        return index

    def say(self, text: str) -> None:
        self.said += text
        self.position += len(text)


def every_scene(grammar: Grammar) -> list[tuple[str, Fraction]]:
    """All scenes of a small grammar, found by trying every list of choices, with probabilities."""
    scenes, open_scripts = [], [[]]
    while open_scripts:
        choices = open_scripts.pop()
        stage = Script(choices)
        try:
            grammar.act("scene", stage, {}, [])
            scenes.append((stage.said, stage.probability))
        except EndOfText:
            stage = Counter(choices)
            with pytest.raises(EndOfText):
                grammar.act("scene", stage, {}, [])
            open_scripts += [[*choices, index] for index in range(stage.next_size)]
    return scenes


class Counter(Script):
    """A script that notes how many alternatives the choice after its last one has."""

    def choose(self, alternatives: list[str]) -> int:
        self.next_size = len(alternatives)
        return super().choose(alternatives)


class StrictWriter(Writer):
    """A writer that looks at the alternatives of every choice before it draws."""

    def choose(self, alternatives: list[str]) -> int:
        check_distinct(alternatives)
        return super().choose(alternatives)


def test_miniature_writes_no_text_twice_and_probabilities_add_to_one():
    scenes = every_scene(Grammar(MINIATURE, FORMS))
    texts = [text for text, _ in scenes]
    assert len(texts) == 2 * 2 * 4 * (1 + 2 + 2 * 2 + 1)
    assert len(set(texts)) == len(texts)
    assert sum(probability for _, probability in scenes) == 1
    assert not any(b.startswith(a) for a, b in pairwise(sorted(texts)))
    # Here two ways lead to "xx.": such a grammar is seen.
    two_ways = {"scene": ["{A=p}{b}"], "p": ["x"], "b": ["{A}.", "x{c}"], "c": [".", "!"]}
    texts = [text for text, _ in every_scene(Grammar(two_ways))]
    assert len(set(texts)) < len(texts)


def test_miniature_surprisal_is_the_logarithm_of_the_probability():
    grammar = Grammar(MINIATURE, FORMS)
    for text, probability in every_scene(grammar):
        assert sum(grammar.surprisal(text)) == pytest.approx(-math.log2(probability), abs=1e-9)


def test_miniature_next_character_probabilities_add_to_one_everywhere():
    grammar = Grammar(MINIATURE, FORMS)
    texts = [text for text, _ in every_scene(grammar)]
    alphabet = sorted(set("".join(texts)))
    for prefix in {text[:end] for text in texts for end in range(len(text) + 1)}:
        total = sum(2 ** -grammar.surprisal(prefix + char)[-1] for char in alphabet)
        assert total == pytest.approx(1, abs=1e-12), prefix


def test_miniature_entropy_and_length_are_those_of_the_full_list():
    grammar = Grammar(MINIATURE, FORMS)
    scenes = every_scene(grammar)
    bits, length = grammar.entropy()
    assert bits == pytest.approx(sum(-float(p) * math.log2(p) for _, p in scenes), abs=1e-9)
    assert length == pytest.approx(float(sum(p * len(text) for text, p in scenes)), abs=1e-9)


def test_rules_that_lead_back_to_themselves_have_a_known_entropy():
    # A coin is thrown until it shows tails: 2 bits and 2 characters on average.
    grammar = Grammar({"scene": ["h{scene}", "t"]})
    assert grammar.entropy() == pytest.approx((2, 2))
    assert len(grammar.surprisal("h" * 100_000)) == 100_000  # no depth is too deep


def test_mean_surprisal_is_the_analytic_entropy(text, bits):
    starts = [0] + [i + 2 for i in range(len(text) - 2) if text[i : i + 2] == "\n\n"]
    scenes = [(sum(bits[a:b]), b - a) for a, b in pairwise(starts)]
    entropy, mean_length = PLAYS.entropy()
    for measured, expected in zip(zip(*scenes, strict=True), (entropy, mean_length), strict=True):
        error = statistics.stdev(measured) / math.sqrt(len(scenes))
        assert abs(statistics.mean(measured) - expected) < 3 * error
    # Long scenes cost more bits: against their length the difference can be seen far better.
    excess = [cost - entropy / mean_length * length for cost, length in scenes]
    error = statistics.stdev(excess) / math.sqrt(len(scenes))
    assert abs(statistics.mean(excess)) < 3 * error
    assert 3 * error < 0.02 * entropy  # so a mistake of 2% cannot hide


def test_no_alternative_begins_another_one():
    with pytest.raises(EndOfText):
        stage = StrictWriter(300_000, seed=1)
        while True:
            PLAYS.act("scene", stage, {}, [])


def test_alternatives_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="an alternative begins with the whole of another"):
        Grammar({"scene": ["{pet}\n"], "pet": ["cat", "dog", "cats"]})
    with pytest.raises(ValueError, match="an alternative begins with the whole of another"):
        check_distinct(["a", "a"])
    # One that opens with a copy is known only on stage.
    late = Grammar({"scene": ["{A=pet}{b}"], "pet": ["x"], "b": ["{A}", "{A}{A}"]})
    with pytest.raises(ValueError, match="an alternative begins with the whole of another"):
        late.act("scene", StrictWriter(100, seed=0), {}, [])


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"scene": ["{pet}"]}, "no rule is called 'pet'"),
        ({"scene": ["{A=b} {A.xx}"], "b": ["x"]}, "no form is called 'xx'"),
        ({"scene": ["{A}"]}, "A is repeated but never drawn"),
        ({"scene": ["{A=b} {A=c}"], "b": ["x"], "c": ["y"]}, "A is drawn from 'b' and 'c'"),
    ],
)
def test_a_broken_grammar_is_refused(rules, message):
    with pytest.raises(ValueError, match=message):
        Grammar(rules)


def test_text_is_the_same_everywhere(text):
    assert sha256(tinytales(1000, seed=7)) == SMALL
    assert sha256(text) == FULL


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


SMALL = "03cbe82ca21f46dceeec2fa92fe21b05d57e244b1f5d4852964239bb0945b6dc"
FULL = "d844f8a4982c108f31b334f9d4eb977e7b6d5088e9f40fb48333300545c294fc"


def test_seed_decides_and_a_longer_text_begins_with_the_shorter():
    assert tinytales(5000, seed=3) == tinytales(5000, seed=3)
    assert tinytales(5000, seed=3) != tinytales(5000, seed=4)
    assert tinytales(5000, seed=3)[:1234] == tinytales(1234, seed=3)


def test_draws_are_even():
    stage = Writer(1, seed=0)
    for n in (1, 2, 3, 16, 17):
        counts = [0] * n
        for _ in range(1000 * n):
            counts[stage.draw(n)] += 1
        assert all(abs(count - 1000) < 5 * math.sqrt(1000) for count in counts)


@pytest.mark.parametrize("num_chars", [1, 2, 77, 1000])
def test_num_chars_is_honoured_exactly(num_chars):
    assert len(tinytales(num_chars, seed=2)) == num_chars


@pytest.mark.parametrize("num_chars", [0, -5, 1.5, "100", None, True])
def test_bad_num_chars_is_a_clear_error(num_chars):
    with pytest.raises(ValueError, match=r"num_chars must be a whole number, at least 1; got "):
        tinytales(num_chars)


@pytest.mark.parametrize("seed", [-1, None, 0.5])
def test_bad_seed_is_a_clear_error(seed):
    with pytest.raises(ValueError, match=r"seed must be a whole number, at least 0; got "):
        tinytales(10, seed=seed)


def test_surprisal_of_a_prefix_is_a_prefix_of_the_surprisal(text, bits):
    for end in [*range(1200), 65_432, 654_321]:
        assert surprisal(text[:end]) == bits[:end]


def test_surprisal_is_infinite_from_the_first_impossible_character(text, bits):
    for place in range(0, 3000, 7):
        wrong = text[:place] + "#" + text[place + 1 : place + 40]
        got = surprisal(wrong)
        assert got[:place] == bits[:place]
        assert got[place:] == [math.inf] * (len(wrong) - place)


def test_a_wrong_copy_is_impossible():
    scene = "Ada and Ben hide up a tree.\nAda: Any news, Ben?\nBen: The cat"
    assert surprisal(scene)[-1] == math.inf  # no cat in this lexicon
    scene = (
        scene[:-3] + "goat hid Badok.\nAda: Who is Badok?\nBen: Badok is a sad cook from Zelham.\n"
    )
    assert max(surprisal(scene)) < math.inf
    for right, wrong in (("is Badok?", "is Badol?"), ("\nBen: Badok", "\nAda: Badok")):
        place = scene.index(right) + [a == b for a, b in zip(right, wrong, strict=True)].index(
            False
        )
        got = surprisal(scene.replace(right, wrong))
        assert got.index(math.inf) == place


def test_pronouns_and_verbs_agree():
    start = "Ada and Ben hide up a tree.\nAda: Any news, Ben?\nBen: The goat hid {}.\n"
    for name, right, wrong in (("Badova", "her", "his"), ("Badok", "his", "her")):
        scene = start + "Ada: My goat hid {}!\nBen: {} lost {} "
        assert surprisal(scene.format(name, name, name, right))[-1] < math.inf
        assert surprisal(scene.format(name, name, name, wrong))[-1] == math.inf
    assert FORMS["is"]("hot beans") == "are"
    assert FORMS["is"]("hot soup") == "is"


def test_copies_are_where_they_say_and_cost_nothing(text, bits):
    slots = copy_slots(text)
    for name, start, end, distance in slots:
        assert 0 < end - start <= distance, name
        assert text[start:end] == text[start - distance : end - distance]
        assert sum(bits[start:end]) == 0
    # The distance is to the last time; a copy that ends with the text is finished.
    scene = "Ada and Ben hide up a tree.\nAda: Any news, Ben?\nBen"
    assert copy_slots(scene) == [Copy("A", 28, 31, 28), Copy("B", 43, 46, 35), Copy("B", 48, 51, 5)]


def test_half_of_the_copies_are_9_to_48_characters_back(text):
    slots = copy_slots(text)
    near = [slot for slot in slots if 9 <= slot.distance <= 48]
    assert 0.45 < len(near) / len(slots) < 0.55
    assert sum(slot.distance < 9 for slot in slots) / len(slots) < 0.05
    assert len(slots) > 40_000  # there is much to gain by looking back


def test_floor_lies_between_0_4_and_1_bit(bits):
    assert 0.4 < entropy_rate() < 1.0
    assert statistics.fmean(bits) == pytest.approx(entropy_rate(), rel=0.01)
    assert 0.4 < statistics.fmean(bits[900_000:]) < 1.0


def test_best_ngram_stays_clearly_above_the_floor(text, bits):
    tokenizer = CharTokenizer.from_text(text)
    ids = torch.tensor(tokenizer.encode(text))
    floor = statistics.fmean(bits[900_000:])
    for order in range(4, 9):  # shorter ones are far worse
        model = NGramModel(order).fit(ids[:900_000], tokenizer.vocab_size)
        score = -model.log_probabilities(ids[899_000:])[1000:].mean().item() / math.log(2)
        assert score > floor + 0.5


def test_the_alphabet_is_small_and_plain(text):
    assert text.isascii()
    assert 40 <= len(set(text)) <= 70
    assert all(line == "" or line[0].isupper() for line in text.split("\n"))


def test_the_words_suffice_for_1024_merges():
    assert BPETokenizer.train(tinytales(100_000), 256 + 1024).vocab_size == 256 + 1024
    with pytest.raises(ValueError, match="merges"):  # what too few words would lead to
        BPETokenizer.train(tinytales(2000), 256 + 1024)


def test_every_rule_is_used(text):
    used = {
        part.rule for rule in PLAYS.rules for part in PLAYS.parts(rule) if hasattr(part, "rule")
    }
    assert used >= (WORDS | SCENES).keys() - {"scene"}
    for words in WORDS.values():
        assert len(set(words)) == len(words)
