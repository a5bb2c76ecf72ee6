"""Chapter 01, tokenizers: the right answers, the known wrong ones, and the help."""

import os
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import regex
import torch

from course.checks.engine import Exercise, Part, Prediction, Wrong, shown
from course.checks.typed import read_choice, read_number, read_whole, typed
from course.checks.variants import WORDS, Dice, Varied, is_clear

PREDICTIONS = {
    "1.p1": Prediction("b", choices="abc"),  # renumbered: the same loss
    "1.p2": Prediction(14),  # bytes of "déjà vu 👍"
    "1.p3": Prediction("b", choices="ab"),  # a·bc
    "1.p4": Prediction("c", choices="abc"),  # the second doubling buys less
}
CARDS = {
    "The Stutterer": "Something is counted twice, or once too few. You notice it where a thing "
    "repeats: two letters alike, a word that comes again. Test with aaa and with a frequency of 2.",
    "The Early Leaver": "The work stops while there is still something to do, and the result looks "
    "plausible. Ask what comes last and whether you came so far; test with an input that needs "
    "three rounds.",
    "The Number Plate": "You hand over the number instead of what it stands for. It is seen at "
    "once in the output: digits where there should be letters. Look each number up.",
    "The Renamer": "The same things get other numbers the next time, so whatever was trained with "
    "the old ones reads nonsense. Fix the order before you number.",
    "The Yes-Man": "Asked for something it does not know, it answers all the same. The wrong "
    "answer travels on in silence. Stop with an error that names what was unknown.",
    "The Trespasser": "Counting goes on across a border that should end it, and finds neighbours "
    "that are none. Deal with each piece alone.",
    "The Queue Jumper": "What is met first, or met most often, is served first, although another "
    "was here before. In encoding, the order of learning decides.",
    "The Rewriter of History": "A record changes after it was written, because a list was stored "
    "and then changed in place. All entries look like the last. Store a copy.",
    "The Two Scissors": "The text is cut in one way for training and in another for use. It still "
    "comes back whole; only the number of tokens gives it away. Cut both with one pattern.",
    "The Impostor": "Text that a stranger typed is taken for a signal of the program. Special "
    "names count only where the caller allows them.",
    "The Late Cut": "Special tokens are looked for after the text was cut up, when their names are "
    "in pieces already. Take them out first.",
    "The Price Tag": "The cost of a table, or what it buys, is read off the wrong column. Say what "
    "a row and a column are, then multiply.",
}

# 1.1 CharTokenizer round trip


class Characters:
    """The right answer; each wrong one below changes one thing."""

    first = 0

    def __init__(self, characters):
        self.characters, self.vocab_size = characters, len(characters)
        self.numbers = {each: self.first + place for place, each in enumerate(characters)}

    @classmethod
    def from_text(cls, text):
        return cls("".join(cls.listed(text)))

    @staticmethod
    def listed(text):
        return sorted(dict.fromkeys(text))

    def encode(self, text):
        return [self.numbers[each] for each in text]

    def decode(self, ids):
        return "".join([self.characters[number - self.first] for number in ids])

    def save(self, path):
        Path(path).write_bytes("".join(self.characters).encode("utf-8"))

    @classmethod
    def load(cls, path):
        return cls(Path(path).read_bytes().decode("utf-8"))


class Unsorted(Characters):
    @staticmethod
    def listed(text):
        return list(set(text))


class AsTheyCome(Characters):
    @staticmethod
    def listed(text):
        return list(dict.fromkeys(text))


class LastOfMany(Characters):
    @staticmethod
    def listed(text):
        return sorted(text)


class FirstOfMany(LastOfMany):
    def encode(self, text):
        return [self.characters.index(each) for each in text]


class TextItselfLast(LastOfMany):
    @staticmethod
    def listed(text):
        return list(text)


class TextItselfFirst(FirstOfMany):
    @staticmethod
    def listed(text):
        return list(text)


class LengthOfText(Characters):
    @classmethod
    def from_text(cls, text):
        made = super().from_text(text)
        made.vocab_size = len(text)
        return made


class FromOne(Characters):
    first = 1


class CodePoints(Characters):
    def encode(self, text):
        return list(map(ord, text))


class ListOfAll(Characters):
    @classmethod
    def from_text(cls, text):
        return cls(cls.listed(text))


class NotHandedOver(Characters):
    @classmethod
    def from_text(cls, text):
        return cls.listed(text)


class SpacedIds(Characters):
    def decode(self, ids):
        return " ".join(map(str, ids))


class JoinedIds(Characters):
    def decode(self, ids):
        return "".join(map(str, ids))


class IdsForText(Characters):
    def decode(self, ids):
        return "".join(ids)


class SpacedCharacters(Characters):
    def decode(self, ids):
        return " ".join(super().decode(ids))


class ListOfCharacters(Characters):
    def decode(self, ids):
        return list(super().decode(ids))


class UnknownIsZero(Characters):
    def encode(self, text):
        return [self.numbers.get(each, 0) for each in text]


class UnknownIsLast(Characters):
    def encode(self, text):
        return [self.numbers.get(each, -1) for each in text]


class UnknownIsNone(Characters):
    def encode(self, text):
        return [self.numbers.get(each) for each in text]


class UnknownLeftOut(Characters):
    def encode(self, text):
        return [self.numbers[each] for each in text if each in self.numbers]


class Unusable(Exception):
    """A method gave something that nothing can be done with; says what, and what it should give."""


class NumbersJoined(Exception):
    """decode gave join the ids; a type of its own, which no other mistake raises."""


SIZE, ENCODED, BACK = "tokenizer.vocab_size", "encode(to_encode)", "decode of these ids"
UNKNOWN, LOADED = "encode(with_unknown)", "encode(to_encode) after save and load"
VOCABULARY = "tokenizer.characters"


def use_tokenizer(answer, text, to_encode, with_unknown):
    """What a tokenizer gives, by name.

    Where the first two are wrong the others are left out: they would follow from it. "an error"
    for unknown text: it stopped, as it should.
    """
    tokenizer = answer.from_text(text)
    if not isinstance(tokenizer, answer):
        said = "which is no tokenizer. Hand the vocabulary to the class: return cls(…)."
        raise Unusable(f"from_text returned {shown(tokenizer)}, {said}")
    ids = tokenizer.encode(to_encode)
    if ids is None:
        raise Unusable("encode returned None. End it with return and the list of ids.")
    if isinstance(ids, int):
        said = "one number. Collect the ids in a list and return it after the loop."
        raise Unusable(f"encode({to_encode!r}) returned {ids}, {said}")
    ids, order = list(ids), sorted(set(text))
    seen = {SIZE: tokenizer.vocab_size, ENCODED: ids}
    seen |= dict.fromkeys((BACK, UNKNOWN, LOADED, VOCABULARY))
    if seen[SIZE] != len(order) or ids != [order.index(each) for each in to_encode]:
        return seen
    try:
        back = tokenizer.decode(ids)
    except TypeError as error:
        if "expected str instance, int found" not in str(error):
            raise
        raise NumbersJoined(str(error)) from None
    if back is None:
        raise Unusable("decode returned None. End it with return and the text.")
    try:
        met = tokenizer.encode(with_unknown)
    except NotImplementedError:
        raise
    except Exception:
        met = "an error"
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder) / "tokenizer.json")
        loaded = answer.load(Path(folder) / "tokenizer.json")
    seen |= {BACK: back, UNKNOWN: met, LOADED: loaded.encode(to_encode)}
    return seen | {VOCABULARY: tokenizer.characters}


def drawn(generator: torch.Generator, choices: str, count: int) -> str:
    places = torch.randint(len(choices), (count,), generator=generator).tolist()
    return "".join(choices[place] for place in places)


def text_cases(g: torch.Generator) -> list[tuple]:
    """One to read, then random ones with line breaks, other scripts and an emoji."""
    cases = [("hello", "hole", "help")]
    for letters in ("Romeo, und\n", "ığüşZz 0.", "नमस्ते🙂ab"):
        text = drawn(g, letters, 40) + letters[::-1]
        to_encode = drawn(g, letters, 12)
        cases.append((text, to_encode, f"{to_encode[:5]}Q{to_encode[5:]}"))
    return cases


def hint_ids_as_text(args, got, right):
    return (
        f"decode gave {got[BACK]!r}: the ids, written as text. Look each id up in the vocabulary, "
        "then join the characters."
    )


def in_another_run(text: str, character: str, number: int) -> int | None:
    """The number of a character in the order that a set has in another run of Python."""
    program = "import sys\nprint(list(set(sys.argv[1])).index(sys.argv[2]))"
    command = [sys.executable, "-S", "-c", program, text, character]
    for seed in "12345678":
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode == 0 and int(done.stdout) != number:
            return int(done.stdout)
    return None


def hint_unsorted(args, got, right):
    ids, right_ids = got[ENCODED], right[ENCODED]
    place = next(i for i, (a, b) in enumerate(zip(ids, right_ids, strict=True)) if a != b)
    character, number = args[1][place], ids[place]
    other = in_another_run(args[0], character, number)
    return (
        f"the same text numbered {character!r} as {number} in one run and "
        f"{'otherwise' if other is None else other} in another. A set has no order; sort the "
        "characters before numbering them."
    )


def hint_as_they_come(args, got, right):
    character = args[0][0]
    return (
        f"{character!r} is 0 because it comes first in the text. Another text of the same "
        "characters would number them otherwise; sort them before numbering."
    )


def hint_repeats(args, got, right):
    return (
        f"vocab_size is {got[SIZE]} for a text with {right[SIZE]} different characters. Keep each "
        "character once."
    )


def hint_text_itself(args, got, right):
    return (
        f"vocab_size is {got[SIZE]} for a text with {right[SIZE]} different characters: cls was "
        "handed the text itself. Hand it the vocabulary, each character once, sorted."
    )


def hint_from_one(args, got, right):
    character = args[1][0]
    return (
        f"{character!r} got the id {got[ENCODED][0]}, one too many. An id is a place in the "
        "vocabulary, counted from 0, because it picks the row of a table."
    )


def hint_code_points(args, got, right):
    character, vocabulary = args[1][0], "".join(sorted(set(args[0])))
    return (
        f"the id of {character!r} is {got[ENCODED][0]}, its number in the Unicode table, which "
        f"ord gives. An id is a place in the vocabulary {vocabulary!r}, counted from 0."
    )


def hint_unusable(args, got, right):
    return got.text


def hint_ids_for_text(args, got, right):
    return (
        f"decode stops with TypeError: {got.text}. join was handed the ids, which are numbers. "
        "Look each one up in the vocabulary and join the characters."
    )


def hint_list_of_all(args, got, right):
    return (
        f"the ids are right, and self.characters is the list {shown(got[VOCABULARY])}. The "
        'vocabulary is one string: put "".join(…) around the sorted characters before cls gets '
        "them."
    )


def hint_spaced(args, got, right):
    return (
        f"decode gave {got[BACK]!r}, with a space after each character. Join them with nothing "
        'between: "".join(…).'
    )


def hint_list(args, got, right):
    return (
        f"decode gave the list {got[BACK]}; the characters are right. A text is one string: "
        'join them with "".join(…).'
    )


def hint_unknown(args, got, right):
    character = next(each for each in args[2] if each not in args[0])
    return (
        f"{character!r} is not in the vocabulary of {args[0]!r}, and encode({args[2]!r}) gave "
        f"{got[UNKNOWN]} without a word. Stop with an error instead of guessing."
    )


TOKENIZER = Part(
    "CharTokenizer",
    Characters,
    cases=text_cases,
    drive=use_tokenizer,
    wrong=(
        Wrong("ids with spaces", SpacedIds, hint_ids_as_text, "The Number Plate"),
        Wrong("ids run together", JoinedIds, hint_ids_as_text, "The Number Plate"),
        Wrong("unsorted", Unsorted, hint_unsorted, "The Renamer"),
        Wrong("order of the text", AsTheyCome, hint_as_they_come, "The Renamer"),
        Wrong("repeats, last counts", LastOfMany, hint_repeats, "The Stutterer"),
        Wrong("repeats, first counts", FirstOfMany, hint_repeats, "The Stutterer"),
        Wrong("text itself, last counts", TextItselfLast, hint_text_itself, "The Stutterer"),
        Wrong("text itself, first counts", TextItselfFirst, hint_text_itself, "The Stutterer"),
        Wrong("length of the text", LengthOfText, hint_repeats, "The Stutterer"),
        Wrong("from one", FromOne, hint_from_one, "The Fence Post"),
        Wrong("code points", CodePoints, hint_code_points, "The Number Plate"),
        Wrong("no tokenizer", NotHandedOver, hint_unusable, "The Early Leaver"),
        Wrong("ids for text", IdsForText, hint_ids_for_text, "The Number Plate"),
        Wrong("list of all", ListOfAll, hint_list_of_all, "The Early Leaver"),
        Wrong("characters with spaces", SpacedCharacters, hint_spaced, "The Stutterer"),
        Wrong("list of characters", ListOfCharacters, hint_list, "The Early Leaver"),
        Wrong("unknown is 0", UnknownIsZero, hint_unknown, "The Yes-Man"),
        Wrong("unknown is -1", UnknownIsLast, hint_unknown, "The Yes-Man"),
        Wrong("unknown is None", UnknownIsNone, hint_unknown, "The Yes-Man"),
        Wrong("unknown left out", UnknownLeftOut, hint_unknown, "The Yes-Man"),
    ),
)

# 1.2 Characters, bytes, tokens

MARKS = {"\u0308": "two dots", "\u0301": "an accent", "\u0327": "a hook", "\u0303": "a wave"}
MARKED_WORDS = (
    *("café", "über", "garçon", "façade", "piñata", "fiancé", "Zürich", "cliché", "Kraków"),
    *("soufflé", "München", "jalapeño", "Göteborg", "Valparaíso", "doppelgänger"),
)


@dataclass(frozen=True)
class Said:
    """The text of 1.2: a word with one marked letter, and an emoji."""

    word: str = "naïve"
    emoji: str = "🙂"

    @property
    def text(self) -> str:
        """All of it."""
        return f"{self.word} {self.emoji}"

    @property
    def letter(self) -> str:
        """The letter with the mark."""
        return next(letter for letter in self.word if ord(letter) > 127)


def draw_said(dice: Dice) -> Said:
    return Said(dice.pick(MARKED_WORDS), dice.pick("🐍🚀🌍🍀🎈🐘🔔🦉"))


def said_texts(said: Said) -> tuple[str, ...]:
    base, mark = unicodedata.normalize("NFD", said.letter)
    count = len(said.word)
    letters = WORDS[count] if count < len(WORDS) else count
    article = "an" if base in "aeioun" else "a"
    return (
        f"The text is `{said.text}`: {letters} letters, a space, an emoji. The {said.letter} is "
        f"one character, not {article} {base} with {MARKS[mark]} put on it.",
    )


def characters_part(said: Said) -> Part:
    n, emoji = len(said.text), said.emoji
    return Part(
        "num_characters",
        typed(n),
        label="a",
        read=read_whole,
        wrong=(
            Wrong(
                "bytes",
                typed(len(said.text.encode())),
                f"{len(said.text.encode())} counts bytes. A character is one sign on the page, "
                "however it is stored.",
                "The Other Unit",
            ),
            Wrong(
                "without the space",
                typed(n - 1),
                f"{n - 1} leaves out the space, which is a character like any other.",
                "The Stutterer",
            ),
            Wrong(
                "emoji twice",
                typed(n + 1),
                f"{n + 1} counts {emoji} twice, as languages that store text in UTF-16 do. Python "
                "counts 1.",
                "The Other Unit",
            ),
        ),
    )


def bytes_part(said: Said) -> Part:
    n, letter, emoji = len(said.text), said.letter, said.emoji
    known = (
        (
            "characters",
            n,
            f"{n} counts characters. In UTF-8 {letter} takes 2 bytes and {emoji} takes 4.",
        ),
        (
            "two bytes each",
            n + 2,
            f"{n + 2} counts {letter} twice and {emoji} twice. Two bytes are right for most "
            "letters of Europe; an emoji takes 4.",
        ),
        (
            "one byte short",
            n + 3,
            f"{n + 3} gives {letter} one byte, or {emoji} three, or leaves out the space. A letter "
            "with a mark takes 2, an emoji 4, a space 1.",
        ),
        (
            "one byte more",
            n + 1,
            f"{n + 1} is one byte more than the {n} characters. Two of them take more than one "
            f"byte: {letter} takes 2 and {emoji} takes 4.",
        ),
        (
            "four bytes each",
            4 * n,
            f"{4 * n} gives every character 4 bytes. UTF-8 takes 1 to 4.",
        ),
    )
    return Part(
        "num_bytes",
        typed(len(said.text.encode())),
        tuple(Wrong(name, typed(value), text, "The Other Unit") for name, value, text in known),
        label="b",
        read=read_whole,
    )


def ids_part(said: Said) -> Part:
    return Part(
        "num_ids",
        typed(len(said.text)),
        label="c",
        read=read_whole,
        wrong=(
            Wrong(
                "bytes",
                typed(len(said.text.encode())),
                f"{len(said.text.encode())} counts bytes. CharTokenizer gives one id a character, "
                "whatever its bytes.",
                "The Other Unit",
            ),
            Wrong(
                "words",
                typed(2),
                "2 counts words. CharTokenizer knows no words, only characters.",
                "The Other Unit",
            ),
        ),
    )


def three_counts(said: Said) -> Exercise:
    return Exercise(
        "1.2",
        "Characters, bytes, tokens",
        (characters_part(said), bytes_part(said), ids_part(said)),
        hints=(
            "Three questions about one text: what you see, what is stored, what the tokenizer of "
            "sitting A gives.",
            f"All but {said.letter} and {said.emoji} are plain: 1 byte each. How many bytes has a "
            "letter with a mark, and how many an emoji? The chapter says it in one sentence.",
            f"Bytes: {len(said.text) - 2} plain characters × 1, one letter with a mark × 2, one "
            "emoji × 4, added up.",
        ),
    )


# 1.3 Count pairs


def neighbours(piece):
    return list(pairwise(piece))


def right_pairs(pieces):
    found = Counter()
    for piece, times in pieces.items():
        found.update(neighbours(piece) * times)
    return found


def steps_of_two(pieces):
    found = Counter()
    for piece, times in pieces.items():
        found.update(neighbours(piece)[::2] * times)
    return found


def without_overlap(pieces):
    found = Counter()
    for piece, times in pieces.items():
        last, place = None, -2
        for i, pair in enumerate(neighbours(piece)):
            if pair != last or i > place + 1:
                found[pair] += times
                last, place = pair, i
    return found


def once_a_piece(pieces):
    found = Counter()
    for piece, times in pieces.items():
        found.update(list(set(neighbours(piece))) * times)
    return found


def overwritten(pieces):
    found = Counter()
    for piece, times in pieces.items():
        found = Counter({**found, **dict.fromkeys(neighbours(piece), times)})
    return found


def always_one(pieces):
    return Counter(dict.fromkeys(right_pairs(pieces), 1))


def past_the_end(pieces):
    return Counter((piece[i], piece[i + 1]) for piece in pieces for i in range(len(piece)))


def across_all(pieces):
    return Counter(neighbours([i for piece, times in pieces.items() for i in piece * times]))


def across_each(pieces):
    found, before = Counter(), None
    for piece, times in pieces.items():
        for i in piece:
            if before is not None:
                found[before, i] += times
            before = i
    return found


def without_frequency(pieces):
    return right_pairs(dict.fromkeys(pieces, 1))


def without_last(pieces):
    found = Counter()
    for piece, times in pieces.items():
        found.update(neighbours(piece)[:-1] * times)
    return found


def plain_dict(pieces):
    return dict(right_pairs(pieces))


def use_counts(answer, pieces):
    """The counts, and what is said of a pair that never occurs."""
    found = answer(pieces)
    never = found[-1, -1]
    return {pair: count for pair, count in found.items() if pair != (-1, -1)}, never


def pieces_cases(g: torch.Generator) -> list[tuple]:
    """Overlap alone, borders alone, frequencies alone, then all of it, and nothing."""
    a, b, c, d, e, f = torch.randperm(400, generator=g)[:6].tolist()
    many = torch.randint(2, 9, (5,), generator=g).tolist()
    long = [(a, b)[i] for i in torch.randint(2, (9,), generator=g).tolist()]
    return [
        ({(a, a, a): 1},),
        ({(a, b, c): 1, (d, e): 1, (f,): 1},),
        ({(a, b): many[0], (c, d, e): many[1]},),
        ({(a, b): many[0], (c, a, b): many[0] + 1},),
        ({(a, b, a, b, a): 1, (c, c, c, c, d): 2},),
        ({(*long, a, a, a): many[2], (b,): many[3], (c, a, c, a): many[4]},),
        ({},),
    ]


def place_of(args, got, right):
    """A pair that was counted too few times, and the first piece that holds it."""
    pair = next(pair for pair, count in right[0].items() if got[0].get(pair, 0) < count)
    return pair, next(piece for piece in args[0] if pair in neighbours(piece))


def hint_overlap(args, got, right):
    pair, piece = place_of(args, got, right)
    return (
        f"{pair} in {piece} counted {got[0].get(pair, 0)} times, not {right[0][pair]}: each next "
        "pair begins with the id in which the last one ended. Slide by one position, not by two."
    )


def hint_once_a_piece(args, got, right):
    pair, piece = place_of(args, got, right)
    return (
        f"{pair} stands {neighbours(piece).count(pair)} times in {piece} and was counted once. A "
        "set keeps each pair once; go over the positions instead."
    )


def hint_overwritten(args, got, right):
    pair, _ = place_of(args, got, right)
    return (
        f"{pair} occurs {right[0][pair]} times and you counted {got[0][pair]}: each time you meet "
        "a pair again you overwrite (=) what was counted. Add to it (+=)."
    )


def hint_past_the_end(args, got, right):
    if "index out of range" in got.text:
        return (
            f"your answer stops{got.where} with {got.kind}: you ask for an id past the end of a "
            "piece. A piece of n ids has n - 1 pairs, so the last one begins at n - 2."
        )
    return f"your answer stops{got.where} with {got.kind}: {got.text}"


def hint_across(args, got, right):
    pair = next(pair for pair in got[0] if got[0][pair] > right[0].get(pair, 0))
    return (
        f"you counted {pair}, which only exists across two pieces. Count inside each piece alone."
    )


def hint_frequency(args, got, right):
    _, piece = place_of(args, got, right)
    return (
        f"the piece {piece} occurs {args[0][piece]} times but was counted once. Multiply by the "
        "piece's frequency."
    )


def hint_last(args, got, right):
    _, piece = place_of(args, got, right)
    return (
        f"the last pair of {piece}, {neighbours(piece)[-1]}, was left out. A piece of n ids has "
        "n - 1 pairs."
    )


COUNTS = Part(
    "count_pairs",
    right_pairs,
    cases=pieces_cases,
    drive=use_counts,
    wrong=(
        Wrong("steps of two", steps_of_two, hint_overlap, "The Stutterer"),
        Wrong("no overlap", without_overlap, hint_overlap, "The Stutterer"),
        Wrong("once a piece", once_a_piece, hint_once_a_piece, "The Stutterer"),
        Wrong("overwritten", overwritten, hint_overwritten, "The Stutterer"),
        Wrong("always one", always_one, hint_overwritten, "The Stutterer"),
        Wrong("past the end", past_the_end, hint_past_the_end, "The Fence Post"),
        Wrong("across pieces, repeated", across_all, hint_across, "The Trespasser"),
        Wrong("across pieces", across_each, hint_across, "The Trespasser"),
        Wrong("no frequency", without_frequency, hint_frequency, "The Stutterer"),
        Wrong("last pair missing", without_last, hint_last, "The Fence Post"),
        Wrong(
            "plain dict",
            plain_dict,
            (
                "KeyError: a plain dict has no entry for a pair that it has not seen. Count in a "
                "Counter, where every entry begins at 0, and return it."
            ),
            "The Yes-Man",
        ),
    ),
)

# 1.4 Encode by rank


def known_pairs(tokens, merges):
    return [pair for pair in pairwise(tokens) if pair in merges]


def joined(tokens, pair, limit=None):
    """The tokens with a pair made one, in at most `limit` places, from the left."""
    made = []
    for token in tokens:
        if made and (made[-1], token) == pair and limit != 0:
            # A mark that no text holds keeps the new token from being taken again.
            made[-1] = f"{made[-1]}{token}\0"
            limit = None if limit is None else limit - 1
        else:
            made.append(token)
    return [token.rstrip("\0") for token in made]


def rounds(piece, merges, choose, limit=None):
    """The record of a way to choose the pair of each round among the known ones, as they stand."""
    record = [list(piece)]
    while known := known_pairs(record[-1], merges):
        record.append(joined(record[-1], choose(known), limit))
    return record


def by_rank(merges):
    return lambda known: min(known, key=merges.index)


def right_rounds(piece, merges):
    return rounds(piece, merges, by_rank(merges))


def leftmost(piece, merges):
    return rounds(piece, merges, lambda known: known[0])


def leftmost_alone(piece, merges):
    return rounds(piece, merges, lambda known: known[0], limit=1)


def most_frequent(piece, merges):
    return rounds(piece, merges, lambda known: Counter(known).most_common(1)[0][0])


def learned_last(piece, merges):
    return rounds(piece, merges, lambda known: max(known, key=merges.index))


def one_place_a_round(piece, merges):
    return rounds(piece, merges, by_rank(merges), limit=1)


def one_place_a_merge(piece, merges):
    record = [list(piece)]
    for pair in merges:
        if pair in known_pairs(record[-1], merges):
            record.append(joined(record[-1], pair, limit=1))
    return record


def one_round(piece, merges):
    return right_rounds(piece, merges)[:2]


def one_list(piece, merges):
    record = right_rounds(piece, merges)
    return [record[-1]] * len(record)


def without_start(piece, merges):
    return right_rounds(piece, merges)[1:]


def end_twice(piece, merges):
    record = right_rounds(piece, merges)
    return [*record, record[-1]]


def end_alone(piece, merges):
    return right_rounds(piece, merges)[-1]


def entry_a_merge(piece, merges):
    record = [list(piece)]
    for pair in merges:
        record.append(joined(record[-1], pair))
    return record


def known_or_not(piece, merges):
    record, ranks = [list(piece)], {pair: place for place, pair in enumerate(merges)}
    while len(record[-1]) > 1:
        pair = min(pairwise(record[-1]), key=lambda each: ranks.get(each, len(merges)))
        record.append(joined(record[-1], pair))
    return record


def in_one_text(asks_tokens, has_empty):
    """The tokens as one text with a dot between them, in which a pair is replaced as text is."""

    def tokens_of(line):
        return line.split("·") if line or has_empty else []

    def answer(piece, merges):
        lines = ["·".join(piece)]
        if not asks_tokens:
            for left, right in merges:
                line = lines[-1].replace(f"{left}·{right}", left + right)
                lines += [line] if line != lines[-1] else []
        while asks_tokens and (known := known_pairs(tokens_of(lines[-1]), merges)):
            left, right = by_rank(merges)(known)
            lines.append(lines[-1].replace(f"{left}·{right}", left + right))
        return [tokens_of(line) for line in lines]

    return answer


def merges_cases(g: torch.Generator) -> list[tuple]:
    """Rank against reading order, rank against frequency, overlaps, nothing to do, random."""
    cases = [
        ("abc", [("b", "c"), ("a", "b")]),
        ("banana", [("a", "n"), ("b", "an"), ("an", "a")]),
        ("cabcbcb", [("a", "b"), ("b", "c")]),
        ("aaaaaab", [("a", "a"), ("aa", "aa"), ("aa", "b")]),
        ("xyz", [("a", "b")]),
        ("a", [("a", "b"), ("a", "a")]),
        ("", [("a", "b")]),
    ]
    for letters in ("ab", "abc", "abcd"):
        tokens, merges = list(letters), []
        while len(merges) < 9:
            left, right = (tokens[int(torch.randint(len(tokens), (), generator=g))] for _ in "lr")
            if left + right not in tokens and len(left + right) < 6:
                merges.append((left, right))
                tokens.append(left + right)
        cases.append((drawn(g, letters, 14), merges))
    return cases


def plainly(tokens):
    return f"[{', '.join(tokens)}]"


def turning_point(args, got, right):
    """The first round that differs: the tokens before it, and the pair that was to be merged."""
    place = next(
        (i for i, (a, b) in enumerate(zip(got, right, strict=False)) if a != b),
        min(len(got), len(right)),
    )
    before = right[max(place, 1) - 1]
    known = known_pairs(before, args[1])
    return place, before, min(known, key=args[1].index) if known else None


def pair_text(pair):
    return f"({', '.join(pair)})"


def hint_leftmost(args, got, right):
    place, before, pair = turning_point(args, got, right)
    start = f'"{before[0]}' if len(before) == 1 else plainly(before)
    start = f'"{args[0]}"' if place == 1 else start
    return (
        f"{start} became {plainly(got[place])}. You merge the leftmost pair; merge the pair that "
        f"was learned first, here {pair_text(pair)}."
    )


def hint_frequent(args, got, right):
    place, before, pair = turning_point(args, got, right)
    return (
        f"{plainly(before)} became {plainly(got[place])}: you merge the pair that occurs most "
        "often in this piece. Counting ended with training; merge the one that was learned first, "
        f"here {pair_text(pair)}."
    )


def hint_learned_last(args, got, right):
    place, before, pair = turning_point(args, got, right)
    return (
        f"{plainly(before)} became {plainly(got[place])}: of the known pairs you take the one "
        f"learned last. The first in the list goes first, here {pair_text(pair)}."
    )


def hint_one_place(args, got, right):
    _, _, pair = turning_point(args, got, right)
    return (
        f'only the first "{"".join(pair)}" was merged. Replace every occurrence of the chosen pair '
        "before choosing again."
    )


def hint_one_round(args, got, right):
    pair = known_pairs(got[-1], args[1])[0]
    return (
        f"you stopped after one round; {pair_text(pair)} can still be merged. Repeat until no "
        "known pair is left."
    )


def hint_known_or_not(args, got, right):
    left, after = right[-1], got[len(right)]
    return (
        f'"{args[0]}" went on from {plainly(left)} to {plainly(after)}, and no pair of neighbours '
        f"in {plainly(left)} stands in merges. Merge only pairs that were learned, and stop when "
        "none is left."
    )


def hint_in_one_text(args, got, right):
    place, before, _ = turning_point(args, got, right)
    return (
        f"{plainly(before)} became {plainly(got[place])}: replacing in one long text also joins "
        "from the middle of a token. Go through the list and compare whole tokens."
    )


def hint_one_list(args, got, right):
    return (
        f"all {len(got)} entries are {plainly(got[0])}, the end. The record holds one list several "
        "times, and you went on changing it; make a new list in each round, or store a copy."
    )


def hint_start(args, got, right):
    return (
        f'for "{args[0]}" the record begins with {got[0] if got else "nothing"}. Its first entry '
        f"is the letters before any merge, {plainly(right[0])}."
    )


def hint_end_twice(args, got, right):
    return (
        f"the last two entries are both {plainly(got[-1])}. Add an entry only after something was "
        "merged."
    )


def hint_end_alone(args, got, right):
    return (
        f"you return the tokens at the end, {plainly(got)}. The record holds a list of tokens for "
        f"the start and one for each round, here {len(right)} lists."
    )


def hint_entry_a_merge(args, got, right):
    return (
        f'the record of "{args[0]}" holds {len(right)} lists and yours {len(got)}: merges that '
        "found nothing to do have an entry too. Add one only after something was merged."
    )


ROUNDS = Part(
    "merge_rounds",
    right_rounds,
    cases=merges_cases,
    wrong=(
        Wrong("leftmost", leftmost, hint_leftmost, "The Queue Jumper"),
        Wrong("leftmost, one place", leftmost_alone, hint_leftmost, "The Queue Jumper"),
        Wrong("most frequent", most_frequent, hint_frequent, "The Queue Jumper"),
        Wrong("learned last", learned_last, hint_learned_last, "The Queue Jumper"),
        Wrong("one place a round", one_place_a_round, hint_one_place, "The Early Leaver"),
        Wrong("one place a merge", one_place_a_merge, hint_one_place, "The Early Leaver"),
        Wrong("one round", one_round, hint_one_round, "The Early Leaver"),
        Wrong("known or not", known_or_not, hint_known_or_not, "The Trespasser"),
        *(
            Wrong(
                f"in one text, {'rounds' if asks else 'merges'}{', empty' if empty else ''}",
                in_one_text(asks, empty),
                hint_in_one_text,
                "The Trespasser",
            )
            for asks in (True, False)
            for empty in (True, False)
        ),
        Wrong("one list", one_list, hint_one_list, "The Rewriter of History"),
        Wrong("start missing", without_start, hint_start, "The Fence Post"),
        Wrong("end twice", end_twice, hint_end_twice, "The Fence Post"),
        Wrong("end alone", end_alone, hint_end_alone, "The Early Leaver"),
        Wrong("an entry a merge", entry_a_merge, hint_entry_a_merge, "The Stutterer"),
    ),
)

# 1.5 One token or nine?

SPACES = r"\s+|\S+"
PATTERNS = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r" ?\w+| ?[^\w\s]+|\s+",
)


def learned(*words):
    """Ranks of merges that make each of the words one token, from left to right."""
    ranks, number = {}, {}
    for word in words:
        last = word.encode()[0]
        for byte in word.encode()[1:]:
            if (last, byte) not in ranks:
                ranks[last, byte], number[last, byte] = len(ranks), 256 + len(ranks)
            last = number[last, byte]
    return ranks


def merged(piece, ranks, numbers=str.encode):
    ids = list(numbers(piece))
    while known := [pair for pair in pairwise(ids) if pair in ranks]:
        pair = min(known, key=ranks.get)
        made = []
        for i in ids:
            if made and (made[-1], i) == pair:
                made[-1] = 256 + ranks[pair]
            else:
                made.append(i)
        ids = made
    return ids


def apart(text, names):
    """The text cut at each of the names, which stay in."""
    parts = [text]
    for name in names:
        found = []
        for part in parts:
            if part in names:
                found.append(part)
                continue
            for i, between in enumerate(part.split(name)):
                found += [name, between] if i else [between]
        parts = found
    return parts


def code_points(piece):
    return map(ord, piece)


def encoder(
    cut=None,
    late=False,
    allows_all=False,
    whole=False,
    cuts_at_all=False,
    takes_all=False,
    numbers=str.encode,
):
    """An encoder of turns with some of the faults; with none it is the right one.

    cut: a pattern to use instead of that of training; late: special tokens are looked for after
    the cut; whole: parts are not cut at all; cuts_at_all: at names of others too, which then stay
    text; takes_all: a part that is any name counts, wherever it came from.
    """

    def answer(turns, ranks, pattern, special_ids):
        ids = []
        for said, names in turns:
            names = special_ids if allows_all else names
            for part in [said] if late else apart(said, special_ids if cuts_at_all else names):
                if part in (special_ids if takes_all else names) and not late:
                    ids += [special_ids[part]]
                    continue
                for piece in [part] if whole else regex.findall(cut or pattern, part):
                    is_special = late and piece in names
                    ids += [special_ids[piece]] if is_special else merged(piece, ranks, numbers)
        return ids

    return answer


def right_turns(turns, ranks, pattern, special_ids):
    return encoder()(turns, ranks, pattern, special_ids)


def hint_whole(args, got, right):
    return WHOLE.format(args[0][0][0])


def not_escaped(turns, ranks, pattern, special_ids):
    ids = []
    for said, names in turns:
        for part in regex.split(f"({'|'.join(names)})", said) if names else [said]:
            if part in names:
                ids += [special_ids[part]]
            else:
                ids += [i for piece in regex.findall(pattern, part) for i in merged(piece, ranks)]
    return ids


def all_in_one(allows_all):
    def answer(turns, ranks, pattern, special_ids):
        names = [name for name in special_ids if any(name in allowed for _, allowed in turns)]
        said = "".join(text for text, _ in turns)
        return right_turns(
            [(said, special_ids if allows_all else names)], ranks, pattern, special_ids
        )

    return answer


def turns_cases(g: torch.Generator) -> list[tuple]:
    """White space alone, a special token alone, a stranger's, all mixed, and nothing.

    Single turns first, for short messages; "'the" is cut inside by the first pattern, and white
    space before a word by the second. A merge joins a space to the name after it.
    """
    ranks = learned(" the", " cat", " end", "one", " <|", "<|", "|>", " they", "the")
    special = {"<|end|>": 256 + len(ranks), "<|start|>": 257 + len(ranks)}
    end, both = ["<|end|>"], list(special)
    words = ["the", " the", " cat", "  they", "\n", " <|end|> ", "<|start|>", "<|end|>", "one", "'"]
    words += ["é", "🙂"]
    cases = [
        [("see the cat", [])],
        [("one<|end|>", end)],
        [("see'the cat", [])],
        [("see  the cat", [])],
        [("I type <|end|> here", [])],
        [("<|end|>", [])],
        [("é", [])],
        [("<|end|><|start|><|end|>", end)],
        [("the 🙂 <|start|>", end)],
        [("I type <|end|> here", []), ("the cat", [])],
        [("see th", []), ("e cat", end)],
        [("one<|end|>the<|start|> cat", both), (" <|end|> they", []), ("<|start|>one", end)],
        [("", both), ("", [])],
        [],
    ]
    for allowed in (end, both, end):
        draws = torch.randint(len(words), (3, 7), generator=g).tolist()
        texts = ["".join(words[i] for i in row) for row in draws]
        cases.append(list(zip(texts, ([], allowed, both), strict=True)))
    return [(turns, ranks, PATTERNS[i % 2], special) for i, turns in enumerate(cases)]


def hint_late(args, got, right):
    count = sum(len(merged(piece, args[1])) for piece in regex.findall(args[2], "<|end|>"))
    return (
        f"<|end|> came out as {count} tokens. Split the text at special tokens first, then apply "
        "merges to the rest."
    )


def hint_takes_all(args, got, right):
    said, names = args[0][0]
    return (
        f"{said!r}, typed where the allowed names are {list(names)}, gave {got}, the id of a "
        "special token. Ask of each part whether it is one of the turn's own names; special_ids "
        "holds everybody's."
    )


def hint_cuts_at_all(args, got, right):
    return (
        f"{args[0][0][0]!r} gave {len(got)} tokens, not {len(right)}: you cut at names that the "
        "turn may not use. There they are ordinary text, which pieces and merges reach across; "
        "cut at the turn's own names."
    )


def hint_code_point(args, got, right):
    said = args[0][0][0]
    return (
        f"{said!r} became {got}, its number in the Unicode table, which ord gives. Merges were "
        f"learned from bytes, here {list(said.encode())}: encode each piece as UTF-8."
    )


def clue_of_turns(wrong_cases):
    """The turns, where the line itself has no room for them."""
    turns = wrong_cases[0][0]
    return f"The turns: {shown(turns)}." if len(repr(turns)) > 80 else ""


CUT = (
    '" the" was learned with its space and encoded without. Use the same pattern in train and '
    "encode."
)
TYPED = (
    "text typed by a user became the special token. Special tokens count only where they are "
    "allowed by name."
)
ESCAPE = (
    '<|end|> was taken for a pattern, in which | means "or", so the text was cut at <, at end '
    "and at >. regex.escape(name) takes a name letter by letter."
)
PATTERN = (
    "you cut with another pattern than the one you were given, GPT-2's own. In training it may "
    "have been another: use the argument pattern."
)
WHOLE = (
    "{!r} went to the merges uncut, and they joined bytes of two pieces. Cut each part with "
    "regex.findall(pattern, part) and merge inside each piece."
)
JOINED = (
    "you put all turns into one text first. No piece reaches from one turn into the next, and each "
    "turn has its own allowed names: encode one turn after the other."
)
GIVEN = (
    'as given: " the" loses its space, <|end|> inside a word is not found, and text typed by a '
    "user can become the special token. Begin with the cut: use the pattern."
)

TURNS = Part(
    "encode_turns",
    right_turns,
    cases=turns_cases,
    clue=clue_of_turns,
    wrong=(
        Wrong("specials after the cut", encoder(late=True), hint_late, "The Late Cut"),
        Wrong("other cut", encoder(cut=SPACES), (CUT), "The Two Scissors"),
        Wrong("GPT-2's pattern", encoder(cut=PATTERNS[0]), (PATTERN), "The Two Scissors"),
        Wrong("not cut", encoder(whole=True), hint_whole, "The Trespasser"),
        Wrong("turns joined", all_in_one(False), (JOINED), "The Trespasser"),
        Wrong("turns joined, allowed to all", all_in_one(True), (JOINED), "The Trespasser"),
        Wrong("allowed to all", encoder(allows_all=True), (TYPED), "The Impostor"),
        Wrong(
            "other cut, allowed to all",
            encoder(cut=SPACES, allows_all=True),
            (f"{CUT} Then there is one more fault."),
            "The Two Scissors",
        ),
        Wrong(
            "other cut, specials after it",
            encoder(cut=SPACES, late=True),
            (f"{CUT} Then there is one more fault."),
            "The Two Scissors",
        ),
        Wrong(
            "as given",
            encoder(cut=SPACES, late=True, allows_all=True),
            (GIVEN),
            "The Two Scissors",
        ),
        Wrong("takes all", encoder(takes_all=True), hint_takes_all, "The Impostor"),
        Wrong("cuts at all", encoder(cuts_at_all=True), hint_cuts_at_all, "The Two Scissors"),
        Wrong("code points", encoder(numbers=code_points), hint_code_point, "The Other Unit"),
        Wrong("not escaped", not_escaped, (ESCAPE), "The Late Cut"),
    ),
)

# 1.6 Choose a vocabulary

V = 2048
PER_TOKEN = {65: 1.00, 512: 1.94, V: 2.87}  # characters a token of TinyShakespeare, chapter 01


@dataclass(frozen=True)
class Models:
    """The numbers of 1.6, where width and context are not those of the chapter's own table.

    loss_65, loss: nats per token of the two models.
    """

    width: int = 96
    context: int = 256
    loss_65: float = 1.55
    loss: float = 3.99


def draw_models(dice: Dice) -> Models | None:
    """The model with the large vocabulary is the better one, as in the book, and looks worse."""
    loss_65 = dice.whole(148, 175) / 100
    per_character = loss_65 - dice.whole(8, 20) / 100
    models = Models(
        width=dice.pick((48, 80, 112, 144, 160, 176, 192)),
        context=dice.pick((96, 160, 192, 320, 384, 512)),
        loss_65=loss_65,
        loss=round(per_character * PER_TOKEN[V], 2),
    )
    is_plain = is_clear(models.context * PER_TOKEN[V], 0)
    return models if is_plain and is_clear(models.loss / PER_TOKEN[V], 2) else None


def models_texts(n: Models) -> tuple[str, ...]:
    return (
        f"C = {n.width} numbers for each token, and reads {n.context} tokens at a time",
        f"do {n.context} tokens cover",
        f"a loss of {n.loss_65:.2f} nats per token",
        f"reports {n.loss:.2f} nats per token",
    )


def read_rounded(digits):
    """A reader of numbers that compares them as rounded to so many digits."""
    return lambda typed: float(round(read_number(typed), digits))


def numbers_part(C: int, context: int) -> Part:
    return Part(
        "table_numbers",
        typed(V * C),
        label="a",
        read=read_whole,
        wrong=(
            Wrong(
                "tokens",
                typed(V),
                f"{V} is the number of tokens. The table has V × C entries, {C} for each token.",
                "The Price Tag",
            ),
            Wrong(
                "one row",
                typed(C),
                f"{C} is the length of one row. The table has a row for each of {V} tokens.",
                "The Price Tag",
            ),
            Wrong(
                "times the context",
                typed(V * C * context),
                f"you multiplied by the context as well. {context} tokens of a text pick rows of "
                "one table; it does not grow with them.",
                "The Price Tag",
            ),
            Wrong(
                "square",
                typed(V * V),
                f"{V * V} is V × V, the table of followers. An embedding has V rows of C.",
                "The Price Tag",
            ),
        ),
    )


def reach_part(context: int) -> Part:
    return Part(
        "characters_in_context",
        typed(float(round(context * PER_TOKEN[V]))),
        label="b",
        read=read_rounded(0),
        wrong=(
            Wrong(
                "divided",
                typed(float(round(context / PER_TOKEN[V]))),
                f"you divided. {context} tokens of {PER_TOKEN[V]} characters each cover {context} "
                f"× {PER_TOKEN[V]} characters.",
                "The Price Tag",
            ),
            Wrong(
                "tokens",
                typed(float(context)),
                f"{context} counts tokens. Each holds {PER_TOKEN[V]} characters on average.",
                "The Other Unit",
            ),
            Wrong(
                "another row",
                typed(float(round(context * PER_TOKEN[512]))),
                f"that is what V = 512 covers. The question is about V = {V:,}.",
                "The Price Tag",
            ),
        ),
    )


def per_character_part(loss: float) -> Part:
    return Part(
        "loss_per_character",
        typed(round(loss / PER_TOKEN[V], 2)),
        label="c",
        read=read_rounded(2),
        wrong=(
            Wrong(
                "per token",
                typed(loss),
                f"{loss} is per token. A token holds {PER_TOKEN[V]} characters; divide by them.",
                "The Other Unit",
            ),
            Wrong(
                "multiplied",
                typed(round(loss * PER_TOKEN[V], 2)),
                f"you multiplied. The {loss} nats of a token are shared by its {PER_TOKEN[V]} "
                "characters: divide.",
                "The Other Unit",
            ),
        ),
    )


BETTER = Part(
    "better_vocabulary",
    typed("2048"),
    label="d",
    read=lambda typed: read_choice("65", "2048")(str(typed).replace(",", "")),
    wrong=(
        Wrong(
            "loss per token",
            typed("65"),
            (
                "losses per token can't be compared across vocabularies. Divide by characters, "
                "not tokens."
            ),
            "The Other Unit",
        ),
    ),
)


def choose_vocabulary(n: Models) -> Exercise:
    return Exercise(
        "1.6",
        "Choose a vocabulary",
        (
            numbers_part(n.width, n.context),
            reach_part(n.context),
            per_character_part(n.loss),
            BETTER,
        ),
        hints=(
            "An embedding is a table. What is a row of it, and how many rows are there? A token "
            "is some characters: the rest is multiplying and dividing by how many.",
            "a) rows times columns. b) tokens times characters a token. c) nats a token, shared "
            "among its characters. d) compare what has the same unit.",
            f"a) V × C. b) {n.context} × characters a token. c) loss ÷ characters a token. d) the "
            "smaller loss per character.",
        ),
    )


TASKS = (
    Exercise(
        "1.1",
        "CharTokenizer round trip",
        (TOKENIZER,),
        hints=(
            "A vocabulary is a list of different characters in an order that never changes. "
            "Decoding reads the list; encoding needs the way back.",
            "from_text gets from a text to the sorted string of its characters in three steps: "
            "each once, in order, as one string. __init__ keeps that string, its length, and a "
            "dictionary from character to place. An index that a dictionary does not have stops "
            "with KeyError by itself.",
            'from_text: cls("".join(sorted(set(text)))). encode: [self.id_of[c] for c in text]. '
            'decode: "".join(self.characters[i] for i in ids).',
        ),
        references=tuple(
            f"minigpt_lib.tokenizer:CharTokenizer.{name}"
            for name in ("__init__", "from_text", "encode", "decode")
        ),
        replaces={"CharTokenizer": "tokenizer"},
    ),
    three_counts(Said()),
    Exercise(
        "1.3",
        "Count pairs",
        (COUNTS,),
        hints=(
            "A pair is an id and the one after it. How many pairs has a piece of n ids?",
            "Two loops: over the pieces with their frequencies, and inside over the pairs of one "
            "piece. Nothing of one piece is known while you count the next. A Counter starts each "
            "entry at 0.",
            "Start with an empty Counter. For each piece and its n, for i from 0 to "
            "len(piece) - 2: add n to the entry of (piece[i], piece[i + 1]).",
        ),
        references=("minigpt_lib.bpe:count_pairs",),
        replaces={"count_pairs": "bpe"},
    ),
    Exercise(
        "1.4",
        "Encode by rank",
        (ROUNDS,),
        hints=(
            "Each round asks one question: of the pairs that stand side by side now, which was "
            "learned first? Then it changes all their places, and the question is asked again.",
            "The rank of a pair is its place in merges. Build a dictionary of ranks first. In a "
            "round, collect the neighbours that have a rank; none: you are done. Otherwise walk "
            "through the tokens with an index that moves on by 2 after a merge and by 1 after "
            "none, and fill a new list.",
            "while known := [p for p in pairwise(tokens) if p in rank]: best = min(known, "
            "key=rank.get); build merged from left to right, let it be the new tokens, and put it "
            "into the record.",
        ),
        references=(
            "minigpt_lib.bpe:apply_merges",
            "minigpt_lib.bpe:merge_pair",
            "minigpt_lib.bpe:MergeTable.encode",
        ),
    ),
    Exercise(
        "1.5",
        "One token or nine?",
        (TURNS,),
        hints=(
            "There are three faults, and none of them loses a character: the order of two steps, "
            "the pattern, and who may write a special token. Print the pieces.",
            "What is cut out first can't be cut up later. Which names may be cut out of a turn? "
            "And which pattern did training use for the rest?",
            "For each turn: split_at_special(text, allowed); a part that is in allowed gives one "
            "id; every other part goes through regex.findall(pattern, part) and apply_merges.",
        ),
        references=("minigpt_lib.bpe:BPETokenizer.encode", "minigpt_lib.bpe:MergeTable.encode"),
    ),
    choose_vocabulary(Models()),
)
EXERCISES = {task.number: task for task in TASKS}


def letters_texts(letters: str) -> tuple[str, ...]:
    """The example that 1.4 states; what the check draws differs from class to class anyway."""
    a, b, c = letters
    return (
        f'With the merges `[("{b}", "{c}"), ("{a}", "{b}")]` the record of `"{letters}"` is '
        f'`[["{a}", "{b}", "{c}"], ["{a}", "{b}{c}"]]`',
    )


VARIANTS = {
    "1.2": Varied(Said(), draw_said, three_counts, said_texts),
    "1.4": Varied(
        "abc",
        lambda dice: "".join(dice.some("efghijklmopqrstuvwxyz", 3)),
        lambda letters: EXERCISES["1.4"],
        letters_texts,
    ),
    "1.6": Varied(Models(), draw_models, choose_vocabulary, models_texts),
}
