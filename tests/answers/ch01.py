"""Chapter 01: right answers written in other ways, and mistakes as a learner may write them."""

import itertools
import json
from collections import Counter, defaultdict

import regex

from minigpt_lib.bpe import GPT2_PATTERN, apply_merges

# Other ways of writing it


class Frame:
    """What the exercise gives: save and load."""

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(list(self.characters), file)

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls("".join(json.load(file)))


class Finding(Frame):
    """Looks each character up in the string itself."""

    def __init__(self, characters):
        self.characters = str(characters)
        self.vocab_size = len(set(characters))

    @classmethod
    def from_text(cls, text):
        kept = ""
        for character in text:
            kept += "" if character in kept else character
        return cls("".join(sorted(kept)))

    def encode(self, text):
        return [self.characters.index(character) for character in text]

    def decode(self, ids):
        out = ""
        for i in ids:
            out += self.characters[i]
        return out


class TwoTables(Finding):
    def __init__(self, characters):
        super().__init__(characters)
        self.to_id, self.to_character = {}, {}
        for character in characters:
            number = len(self.to_id)
            self.to_id[character] = number
            self.to_character[number] = character

    def encode(self, text):
        if unknown := set(text) - self.to_id.keys():
            raise ValueError(f"unknown: {unknown}")
        return list(map(self.to_id.__getitem__, text))

    def decode(self, ids):
        return "".join(map(self.to_character.get, ids))


def pairs_backwards(pieces):
    counts = defaultdict(int)
    for piece in reversed(list(pieces)):
        for i in range(len(piece) - 1, 0, -1):
            counts[piece[i - 1], piece[i]] += pieces[piece]
    return counts


def pairs_one_by_one(pieces):
    counts = Counter()
    for piece, frequency in pieces.items():
        for _ in range(frequency):
            left = None
            for i in piece:
                if left is not None:
                    counts.update([(left, i)])
                left = i
    return counts


def replace(tokens, pair, most=None):
    out, i, done = [], 0, 0
    while i < len(tokens):
        fits = tuple(tokens[i : i + 2]) == tuple(pair)
        if fits and (most is None or done < most):
            out.append("".join(pair))
            done += 1
            i += 2
        else:
            out.append(tokens[i])
            i += 1
    return out


def merges_in_turn(piece, merges):
    """Goes once through the list: a merge can only make work for later ones."""
    states = [list(piece)]
    for pair in merges:
        after = replace(states[-1], pair)
        if after != states[-1]:
            states.append(after)
    return states


def recursive_rounds(piece, merges):
    """Tuples, and the search for the first merge that fits starts anew in each round."""

    def follow(tokens):
        for pair in merges:
            if any(tokens[i : i + 2] == pair for i in range(len(tokens) - 1)):
                return (tokens, *follow(tuple(replace(tokens, pair))))
        return (tokens,)

    return follow(tuple(piece))


def merge_numbers(piece, ranks):
    ids = list(bytes(piece, "utf-8"))
    while True:
        found = [ranks[p] for p in itertools.pairwise(ids) if p in ranks]
        if not found:
            return ids
        pair = next(p for p, rank in ranks.items() if rank == min(found))
        i, out = 0, []
        while i < len(ids):
            hit = tuple(ids[i : i + 2]) == pair
            out.append(256 + min(found) if hit else ids[i])
            i += 2 if hit else 1
        ids = out


def cut_out(text, names):
    if not names:
        return [text]
    return regex.split("(" + "|".join(regex.escape(n) for n in names) + ")", text)


def turns_by_split(turns, ranks, pattern, special_ids):
    out = []
    for text, allowed in turns:
        for part in cut_out(text, allowed):
            if part in allowed:
                out += [special_ids[part]]
            else:
                for piece in regex.findall(pattern, part):
                    out += merge_numbers(piece, ranks)
    return out


def turns_by_position(turns, ranks, pattern, special_ids):
    """Walks through the text; ordinary text is collected until a name begins."""

    def plain(text):
        return [i for m in regex.finditer(pattern, text) for i in merge_numbers(m[0], ranks)]

    out = []
    for text, allowed in turns:
        start = place = 0
        while place < len(text):
            name = next((n for n in allowed if text.startswith(n, place)), None)
            if name:
                out += [*plain(text[start:place]), special_ids[name]]
                start = place = place + len(name)
            else:
                place += 1
        out += plain(text[start:])
    return out


RIGHT = {
    "1.1": [(Finding,), (TwoTables,)],
    "1.2": [(7, 11, 7), ("7", 11.0, " 7 ")],
    "1.3": [(pairs_backwards,), (pairs_one_by_one,)],
    "1.4": [(merges_in_turn,), (recursive_rounds,)],
    "1.5": [(turns_by_split,), (turns_by_position,)],
    "1.6": [(196608, 734.72, 3.99 / 2.87, "2048"), ("196608", 735, "1.39", "2,048")],
}

# Each mistake as a learner may write it


class DecodesToNumbers(TwoTables):
    def decode(self, ids):
        return " ".join(str(i) for i in ids)


class DecodesToDigits(TwoTables):
    def decode(self, ids):
        return "".join(f"{i}" for i in ids)


class FromSet(TwoTables):
    @classmethod
    def from_text(cls, text):
        return cls("".join(set(text)))


class FirstSeen(TwoTables):
    @classmethod
    def from_text(cls, text):
        kept = ""
        for character in text:
            kept += "" if character in kept else character
        return cls(kept)


class SortedTwice(Finding):
    """Sorts, but keeps every repeat; a dictionary keeps the last place."""

    def __init__(self, characters):
        self.characters = "".join(sorted(characters))
        self.vocab_size = len(self.characters)
        self.place = {self.characters[i]: i for i in range(self.vocab_size)}

    @classmethod
    def from_text(cls, text):
        return cls(text)

    def encode(self, text):
        return [self.place[character] for character in text]


class SortedAndSearched(SortedTwice):
    def encode(self, text):
        return [self.characters.index(character) for character in text]


class HandsOverTheText(TwoTables):
    def __init__(self, characters):
        super().__init__(characters)
        self.vocab_size = len(self.characters)
        self.to_id = dict(zip(characters, range(len(characters)), strict=True))

    @classmethod
    def from_text(cls, text):
        return cls(text)


class SearchesTheText(HandsOverTheText):
    def encode(self, text):
        return [self.characters.index(character) for character in text]


class ReturnsInTheLoop(TwoTables):
    def encode(self, text):
        for character in text:
            return self.to_id[character]


class OneMore(TwoTables):
    """No known mistake: the line names what is wrong."""

    def __init__(self, characters):
        super().__init__(characters)
        self.vocab_size += 1


class CountsTheText(TwoTables):
    @classmethod
    def from_text(cls, text):
        tokenizer = cls("".join(sorted(set(text))))
        tokenizer.vocab_size = sum(1 for _ in text)
        return tokenizer


class StartsAtOne(TwoTables):
    def encode(self, text):
        return [self.to_id[character] + 1 for character in text]

    def decode(self, ids):
        return "".join(self.to_character[i - 1] for i in ids)


class StartsAtOneInTheFrame(StartsAtOne):
    """decode begins with the line that stands in the frame."""

    def decode(self, ids):
        if any(i >= self.vocab_size for i in ids):
            raise ValueError("id 4 at position 1 is not one of 0 to 3")
        return super().decode(ids)


class Ords(TwoTables):
    def encode(self, text):
        return [ord(character) for character in text]

    def decode(self, ids):
        return "".join(chr(i) for i in ids)


class ReturnsAList(TwoTables):
    @classmethod
    def from_text(cls, text):
        return sorted(set(text))


class ReturnsAText(TwoTables):
    @classmethod
    def from_text(cls, text):
        return "".join(sorted(set(text)))


class ForgetsTheIds(TwoTables):
    def encode(self, text):
        self.ids = super().encode(text)


class ForgetsTheText(TwoTables):
    def decode(self, ids):
        self.text = super().decode(ids)


class JoinsTheIds(TwoTables):
    def decode(self, ids):
        return "".join(ids)


class AddsTheIds(TwoTables):
    def decode(self, ids):
        return sum(ids, "")


class KeepsAList(TwoTables):
    def __init__(self, characters):
        super().__init__(characters)
        self.characters = list(characters)

    @classmethod
    def from_text(cls, text):
        return cls(sorted(set(text)))


class Spaced(TwoTables):
    def decode(self, ids):
        return " ".join(self.to_character[i] for i in ids)


class NotJoined(TwoTables):
    def decode(self, ids):
        return [self.to_character[i] for i in ids]


class ZeroForUnknown(TwoTables):
    def encode(self, text):
        return [self.to_id.get(c, 0) for c in text]


class FindsMinusOne(TwoTables):
    def encode(self, text):
        return [self.characters.find(c) for c in text]


class NoneForUnknown(TwoTables):
    def encode(self, text):
        return list(map(self.to_id.get, text))


class SkipsUnknown(TwoTables):
    def encode(self, text):
        return [i for i in map(self.to_id.get, text) if i is not None]


def pairs_by_two(pieces):
    counts = Counter()
    for piece, n in pieces.items():
        for i in range(0, len(piece) - 1, 2):
            counts[piece[i], piece[i + 1]] += n
    return counts


def pairs_like_str_count(pieces):
    """Steps over an occurrence that overlaps the last one, as str.count does."""
    counts = Counter()
    for piece, n in pieces.items():
        for pair in set(itertools.pairwise(piece)):
            i = 0
            while i + 1 < len(piece):
                hit = piece[i : i + 2] == pair
                counts[pair] += n * hit
                i += 2 if hit else 1
    return counts


def pairs_in_sets(pieces):
    counts = Counter()
    for piece, n in pieces.items():
        for pair in {piece[i : i + 2] for i in range(len(piece) - 1)}:
            counts[pair] += n
    return counts


def pairs_set(value=None):
    def answer(pieces):
        counts = Counter()
        for piece, n in pieces.items():
            for i in range(len(piece) - 1):
                counts[piece[i], piece[i + 1]] = value or n
        return counts

    return answer


def pairs_past_the_end(pieces):
    counts = Counter()
    for piece, n in pieces.items():
        for i in range(len(piece)):
            counts[(piece[i], piece[i + 1])] += n
    return counts


def pairs_far_past_the_end(pieces):
    return Counter(piece[len(piece) + 1] for piece in pieces)


def pairs_popped(pieces):
    return Counter([].pop() for _ in pieces)


def pairs_of_one_text(pieces):
    text = []
    for piece, n in pieces.items():
        for _ in range(n):
            text.extend(piece)
    return Counter(itertools.pairwise(text))


def pairs_with_memory(pieces):
    counts, last = Counter(), None
    for piece, n in pieces.items():
        for i in piece:
            counts[last, i] += n
            last = i
    return Counter({pair: n for pair, n in counts.items() if pair[0] is not None})


def pairs_of_pieces_once(pieces):
    counts = Counter()
    for piece in pieces:
        counts.update(itertools.pairwise(piece))
    return counts


def pairs_without_last(pieces):
    counts = Counter()
    for piece, n in pieces.items():
        for i in range(len(piece) - 2):
            counts[piece[i], piece[i + 1]] += n
    return counts


def pairs_in_a_dict(pieces):
    counts = {}
    for piece, n in pieces.items():
        for pair in itertools.pairwise(piece):
            counts[pair] = counts.get(pair, 0) + n
    return counts


def pairs_added_to_nothing(pieces):
    counts = {}
    for piece, n in pieces.items():
        for pair in itertools.pairwise(piece):
            counts[pair] += n
    return counts


def left_first(most=None):
    def answer(piece, merges):
        states, tokens = [list(piece)], list(piece)
        while True:
            for i in range(len(tokens) - 1):
                if (tokens[i], tokens[i + 1]) in merges:
                    tokens = replace(tokens, tokens[i : i + 2], most)
                    states.append(tokens)
                    break
            else:
                return states

    return answer


def each_round(choose, most=None, count=None):
    def answer(piece, merges):
        states = [list(piece)]
        while count is None or len(states) <= count:
            tokens = states[-1]
            known = [p for p in itertools.pairwise(tokens) if p in merges]
            if not known:
                break
            states.append(replace(tokens, choose(known, merges), most))
        return states

    return answer


def first_learned(known, merges):
    return next(pair for pair in merges if pair in known)


def last_learned(known, merges):
    return next(pair for pair in reversed(merges) if pair in known)


def commonest(known, merges):
    return max(known, key=known.count)


def asks_nothing(piece, merges):
    order = {pair: i for i, pair in enumerate(merges)}
    tokens, states = list(piece), [list(piece)]
    while pairs := sorted(itertools.pairwise(tokens), key=lambda pair: order.get(pair, 10**6)):
        tokens = replace(tokens, pairs[0])
        states.append(tokens)
    return states


def dotted(piece, merges):
    text = "·".join(piece)
    states = [text.split("·")]
    while known := [p for p in merges if p in list(itertools.pairwise(states[-1]))]:
        text = text.replace("·".join(known[0]), "".join(known[0]))
        states.append(text.split("·"))
    return states


def dotted_in_turn(piece, merges):
    text = "·".join(piece)
    states = [text.split("·")]
    for pair in merges:
        if "·".join(pair) in text:
            text = text.replace("·".join(pair), "".join(pair))
            states.append(text.split("·"))
    return states


def from_letters(dots):
    """As one of the two, but the record begins with the letters themselves."""
    return lambda piece, merges: [list(piece), *dots(piece, merges)[1:]]


def each_merge_once(piece, merges):
    states = [list(piece)]
    for pair in merges:
        after = replace(states[-1], pair, most=1)
        states += [after] if after != states[-1] else []
    return states


def in_place(piece, merges):
    tokens = list(piece)
    states = [tokens]
    for pair in merges:
        after = replace(tokens, pair)
        if after != tokens:
            tokens[:] = after
            states.append(tokens)
    return states


def no_start(piece, merges):
    return merges_in_turn(piece, merges)[1:]


def one_too_many(piece, merges):
    states, tokens = [], list(piece)
    while True:
        states.append(tokens)
        known = [p for p in itertools.pairwise(tokens) if p in merges]
        if not known:
            states.append(tokens)
            return states
        tokens = replace(tokens, first_learned(known, merges))


def only_the_end(piece, merges):
    return merges_in_turn(piece, merges)[-1]


def every_merge(piece, merges):
    states = [list(piece)]
    for pair in merges:
        states.append(replace(states[-1], pair))
    return states


def turns(cut, early, everybody):
    """One of the ways to leave some of the three faults in."""

    def answer(turns, ranks, pattern, special_ids):
        out = []
        for text, allowed in turns:
            names = list(special_ids) if everybody else allowed
            for part in cut_out(text, names) if early else [text]:
                pieces = [part] if early and part in names else regex.findall(cut or pattern, part)
                for piece in pieces:
                    if piece in names:
                        out.append(special_ids[piece])
                    else:
                        out.extend(merge_numbers(piece, ranks))
        return out

    return answer


def pattern_of_gpt2(turns_, ranks, pattern, special_ids):
    return turns_by_split(turns_, ranks, GPT2_PATTERN, special_ids)


def parts_uncut(turns_, ranks, pattern, special_ids):
    out = []
    for text, allowed in turns_:
        for part in cut_out(text, allowed):
            special = part in allowed
            out += [special_ids[part]] if special else merge_numbers(part, ranks)
    return out


def one_long_text(turns_, ranks, pattern, special_ids):
    text, names = "", set()
    for said, allowed in turns_:
        text += said
        names.update(allowed)
    return turns_by_split([(text, sorted(names))], ranks, pattern, special_ids)


def one_long_text_for_all(turns_, ranks, pattern, special_ids):
    text = "".join(turn[0] for turn in turns_)
    return turns_by_split([(text, list(special_ids))], ranks, pattern, special_ids)


def asks_special_ids(turns_, ranks, pattern, special_ids):
    out = []
    for text, allowed in turns_:
        for part in cut_out(text, allowed):
            if part in special_ids:
                out.append(special_ids[part])
            else:
                for piece in regex.findall(pattern, part):
                    out += merge_numbers(piece, ranks)
    return out


def cut_at_strangers(turns_, ranks, pattern, special_ids):
    out = []
    for text, allowed in turns_:
        for part in cut_out(text, list(special_ids)):
            if part in allowed:
                out.append(special_ids[part])
            else:
                for piece in regex.findall(pattern, part):
                    out += merge_numbers(piece, ranks)
    return out


def numbers_of_characters(turns_, ranks, pattern, special_ids):
    out = []
    for text, allowed in turns_:
        for part in cut_out(text, allowed):
            if part in allowed:
                out.append(special_ids[part])
            else:
                for piece in regex.findall(pattern, part):
                    out += apply_merges([ord(character) for character in piece], ranks)
    return out


def every_turn_twice(turns_, ranks, pattern, special_ids):
    """No known mistake, and right for single turns: the line shows the turns."""
    ids = turns_by_split(turns_, ranks, pattern, special_ids)
    return ids * 2 if len(turns_) > 2 else ids


def names_as_patterns(turns, ranks, pattern, special_ids):
    out = []
    for text, allowed in turns:
        for part in regex.split("(" + "|".join(allowed) + ")", text) if allowed else [text]:
            if part in allowed:
                out.append(special_ids[part])
            else:
                out += [i for p in regex.findall(pattern, part) for i in merge_numbers(p, ranks)]
    return out


CUT = r"\s+|\S+"
BANANA = '✗ 1.4: only the first "an" was merged. Replace every occurrence of the chosen pair'
DOTTED = "✗ 1.4: [a, bc] became [abc]: replacing in one long text also joins from the middle"
DOTS = "✗ 1.4: [ban, an, a] became [banan, a]: replacing in one long text also joins from"
JOINED = "✗ 1.5: you put all turns into one text first. No piece reaches from one turn into the"
SIX = (196608, 735, 1.39, 2048)
LENGTH = "✗ 1.1: vocab_size is 5 for a text with 4 different characters. Keep each character once."
ITSELF = "✗ 1.1: vocab_size is 5 for a text with 4 different characters: cls was handed the text"
STRANGER = "✗ 1.1: 'p' is not in the vocabulary of 'hello', and encode('help') gave {s} without"
SPACE = '✗ 1.5: " the" was learned with its space and encoded without. Use the same pattern'
MORE = f"{SPACE} in train and encode. Then there is one more fault."
OVERLAP = "times, not 2: each next pair begins with the id in which the last one ended. Slide by"
SAID = [
    ("1.1", (DecodesToNumbers,), "✗ 1.1: decode gave '1 3 2 0': the ids, written as text. Look"),
    ("1.1", (DecodesToDigits,), "✗ 1.1: decode gave '1320': the ids, written as text. Look each"),
    ("1.1", (FromSet,), "✗ 1.1: the same text numbered {s} as {s} in one run and {s} in another."),
    ("1.1", (FirstSeen,), "✗ 1.1: 'h' is 0 because it comes first in the text. Another text"),
    ("1.1", (SortedTwice,), LENGTH),
    ("1.1", (SortedAndSearched,), LENGTH),
    ("1.1", (CountsTheText,), LENGTH),
    ("1.1", (HandsOverTheText,), ITSELF),
    ("1.1", (SearchesTheText,), ITSELF),
    (
        "1.1",
        (OneMore,),
        "✗ 1.1: no mistake that this check knows: you give 5 for {s}, tokenizer.vocab_size;",
    ),
    ("1.1", (ReturnsInTheLoop,), "✗ 1.1: encode('hole') returned 1, one number. Collect the ids"),
    ("1.1", (StartsAtOne,), "✗ 1.1: 'h' got the id 2, one too many. An id is a place in the"),
    ("1.1", (StartsAtOneInTheFrame,), "✗ 1.1: 'h' got the id 2, one too many. An id is a place in"),
    ("1.1", (Ords,), "✗ 1.1: the id of 'h' is 104, its number in the Unicode table, which ord"),
    (
        "1.1",
        (ReturnsAList,),
        "✗ 1.1: from_text returned ['e', 'h', 'l', 'o'], which is no tokenizer",
    ),
    ("1.1", (ReturnsAText,), "✗ 1.1: from_text returned 'ehlo', which is no tokenizer. Hand the"),
    (
        "1.1",
        (ForgetsTheIds,),
        "✗ 1.1: encode returned None. End it with return and the list of ids.",
    ),
    ("1.1", (ForgetsTheText,), "✗ 1.1: decode returned None. End it with return and the text."),
    ("1.1", (JoinsTheIds,), "✗ 1.1: decode stops with TypeError: {s}. join was handed the ids"),
    (
        "1.1",
        (AddsTheIds,),
        '✗ 1.1: your answer stops at `return sum(ids, "")` for text {s} with TypeError: ',
    ),
    (
        "1.1",
        (KeepsAList,),
        "✗ 1.1: the ids are right, and self.characters is the list ['e', 'h', 'l'",
    ),
    ("1.1", (Spaced,), "✗ 1.1: decode gave 'h o l e', with a space after each character. Join"),
    ("1.1", (NotJoined,), "✗ 1.1: decode gave the list ['h', 'o', 'l', 'e']; the characters are"),
    ("1.1", (ZeroForUnknown,), STRANGER),
    ("1.1", (FindsMinusOne,), STRANGER),
    ("1.1", (NoneForUnknown,), STRANGER),
    ("1.1", (SkipsUnknown,), STRANGER),
    ("1.2", (11, 11, 7), "✗ 1.2a: 11 counts bytes. A character is one sign on the page"),
    ("1.2", (6, 11, 7), "✗ 1.2a: 6 leaves out the space, which is a character like any other."),
    ("1.2", (8, 11, 7), "✗ 1.2a: 8 counts 🙂 twice"),
    ("1.2", (7, 7, 7), "✗ 1.2b: 7 counts characters. In UTF-8 ï takes 2 bytes and 🙂 takes 4."),
    ("1.2", (7, 9, 7), "✗ 1.2b: 9 counts ï twice and 🙂 twice. Two bytes are right for most"),
    ("1.2", (7, 8, 7), "✗ 1.2b: 8 is one byte more than the 7 characters."),
    ("1.2", (7, 10, 7), "✗ 1.2b: 10 gives ï one byte, or 🙂 three, or leaves out"),
    ("1.2", (7, 28, 7), "✗ 1.2b: 28 gives every character 4 bytes."),
    ("1.2", (7, 11, 11), "✗ 1.2c: 11 counts bytes. CharTokenizer gives one id a character"),
    ("1.2", (7, 11, 2), "✗ 1.2c: 2 counts words."),
    ("1.3", (pairs_by_two,), f"✗ 1.3: ({{s}}) in ({{s}}) counted 1 {OVERLAP}"),
    ("1.3", (pairs_like_str_count,), f"✗ 1.3: ({{s}}) in ({{s}}) counted 1 {OVERLAP}"),
    ("1.3", (pairs_in_sets,), "✗ 1.3: ({s}) stands 2 times in ({s}) and was counted once. A set"),
    ("1.3", (pairs_set(),), "✗ 1.3: ({s}) occurs 2 times and you counted 1: each time you meet"),
    ("1.3", (pairs_set(1),), "✗ 1.3: ({s}) occurs 2 times and you counted 1: each time you meet"),
    ("1.3", (pairs_past_the_end,), "✗ 1.3: your answer stops at `counts[(piece[i], piece[i + 1])]"),
    ("1.3", (pairs_far_past_the_end,), "✗ 1.3: your answer stops {s} with IndexError: you ask for"),
    ("1.3", (pairs_popped,), "✗ 1.3: your answer stops {s} with IndexError: pop from empty list"),
    ("1.3", (pairs_of_one_text,), "✗ 1.3: you counted ({s}), which only exists across two pieces."),
    ("1.3", (pairs_with_memory,), "✗ 1.3: you counted ({s}), which only exists across two pieces."),
    ("1.3", (pairs_of_pieces_once,), "✗ 1.3: the piece ({s}) occurs {s} times but was counted on"),
    (
        "1.3",
        (pairs_without_last,),
        "✗ 1.3: the last pair of ({s}), ({s}), was left out. A piece of",
    ),
    ("1.3", (pairs_in_a_dict,), "✗ 1.3: KeyError: a plain dict has no entry for a pair that it"),
    ("1.3", (pairs_added_to_nothing,), "✗ 1.3: KeyError: a plain dict has no entry for a pair"),
    ("1.4", (left_first(),), '✗ 1.4: "abc" became [ab, c]. You merge the leftmost pair; merge the'),
    ("1.4", (left_first(1),), '✗ 1.4: "abc" became [ab, c]. You merge the leftmost pair; merge'),
    ("1.4", (each_round(commonest),), "✗ 1.4: [a, b, c] became [ab, c]: you merge the pair that"),
    ("1.4", (each_round(last_learned),), "✗ 1.4: [a, b, c] became [ab, c]: of the known pairs you"),
    ("1.4", (each_round(first_learned, 1),), BANANA),
    ("1.4", (each_merge_once,), BANANA),
    (
        "1.4",
        (each_round(first_learned, count=1),),
        "✗ 1.4: you stopped after one round; (b, an) can still be merged. Repeat until no",
    ),
    ("1.4", (asks_nothing,), '✗ 1.4: "abc" went on from [a, bc] to [abc], and no pair of'),
    ("1.4", (dotted,), DOTS),
    ("1.4", (dotted_in_turn,), DOTTED),
    ("1.4", (from_letters(dotted),), DOTS),
    ("1.4", (from_letters(dotted_in_turn),), DOTTED),
    ("1.4", (in_place,), "✗ 1.4: all 2 entries are [a, bc], the end. The record holds one list"),
    ("1.4", (no_start,), "✗ 1.4: for \"abc\" the record begins with ['a', 'bc']. Its first entry"),
    ("1.4", (one_too_many,), "✗ 1.4: the last two entries are both [a, bc]. Add an entry only"),
    ("1.4", (only_the_end,), "✗ 1.4: you return the tokens at the end, [a, bc]. The record holds"),
    ("1.4", (every_merge,), '✗ 1.4: the record of "abc" holds 2 lists and yours 3: merges'),
    ("1.5", (turns("", False, False),), "✗ 1.5: <|end|> came out as 5 tokens. Split the text at"),
    ("1.5", (turns("", False, True),), "✗ 1.5: <|end|> came out as 5 tokens. Split the text at"),
    ("1.5", (turns(CUT, True, False),), SPACE),
    ("1.5", (turns("", True, True),), "✗ 1.5: text typed by a user became the special token."),
    ("1.5", (turns(CUT, True, True),), MORE),
    ("1.5", (turns(CUT, False, False),), MORE),
    ("1.5", (turns(CUT, False, True),), '✗ 1.5: as given: " the" loses its space, <|end|> inside'),
    ("1.5", (pattern_of_gpt2,), "✗ 1.5: you cut with another pattern than the one you were given,"),
    ("1.5", (parts_uncut,), '✗ 1.5: "see\'the cat" went to the merges uncut, and they joined'),
    ("1.5", (one_long_text,), JOINED),
    ("1.5", (one_long_text_for_all,), JOINED),
    ("1.5", (asks_special_ids,), "✗ 1.5: '<|end|>', typed where the allowed names are [], gave [2"),
    (
        "1.5",
        (cut_at_strangers,),
        "✗ 1.5: 'I type <|end|> here' gave {s} tokens, not {s}: you cut at",
    ),
    ("1.5", (numbers_of_characters,), "✗ 1.5: 'é' became [233], its number in the Unicode table,"),
    ("1.5", (every_turn_twice,), "✗ 1.5: no mistake that this check knows: {s} The turns: [("),
    ("1.5", (names_as_patterns,), '✗ 1.5: <|end|> was taken for a pattern, in which | means "or"'),
    ("1.6", (2048, *SIX[1:]), "✗ 1.6a: 2048 is the number of tokens. The table has V × C entries,"),
    ("1.6", (96, *SIX[1:]), "✗ 1.6a: 96 is the length of one row."),
    ("1.6", (196608 * 256, *SIX[1:]), "✗ 1.6a: you multiplied by the context as well."),
    ("1.6", (2048 * 2048, *SIX[1:]), "✗ 1.6a: 4194304 is V × V, the table of followers."),
    ("1.6", (SIX[0], 256 / 2.87, *SIX[2:]), "✗ 1.6b: you divided. 256 tokens of 2.87 characters"),
    ("1.6", (SIX[0], 256, *SIX[2:]), "✗ 1.6b: 256 counts tokens. Each holds 2.87 characters"),
    ("1.6", (SIX[0], 256 * 1.94, *SIX[2:]), "✗ 1.6b: that is what V = 512 covers."),
    ("1.6", (*SIX[:2], 3.99, 2048), "✗ 1.6c: 3.99 is per token. A token holds 2.87 characters;"),
    ("1.6", (*SIX[:2], 3.99 * 2.87, 2048), "✗ 1.6c: you multiplied. The 3.99 nats of a token are"),
    ("1.6", (*SIX[:3], 65), "✗ 1.6d: losses per token can't be compared across vocabularies."),
]
