"""TinyTales: endless small plays, written by a grammar whose entropy is known exactly.

A play is a list of rules. A rule offers alternatives, all equally likely; one of them is chosen, and
its slots are filled from left to right:

    {dish}       choose an alternative of the rule `dish`
    {D=dish}     the same, and remember what was written as D
    {D}          repeat D: a copy, which costs nobody who remembers it a single bit
    {D.is}       a form that agrees with D ("is", or "are" when D is plural); see FORMS

The grammar runs in two modes. When it writes, each choice is drawn. When it reads, each choice is
recognised, which is possible because no alternative begins with the whole of another one. So a text
fixes every choice behind it, and its probability is known to the last bit.
"""

import math
import random
import re
from collections.abc import Callable
from typing import NamedTuple

SLOT = re.compile(r"\{(?:([A-Z])=)?(\w+)(?:\.(\w+))?\}")


class Copy(NamedTuple):
    """A stretch of text that repeats something the same scene has said before.

    text[start:end] equals text[start - distance : end - distance].
    """

    name: str
    start: int
    end: int
    distance: int


class Slot(NamedTuple):
    """One {...} of an alternative: draws from `rule`, or repeats `name` when `rule` is empty."""

    name: str
    rule: str
    form: str


class Memory(NamedTuple):
    """What a remembered name stands for, and where it was last written."""

    text: str
    position: int


class EndOfText(Exception):
    """The stage has all the text it wants."""


class Writer:
    """The writing mode: every choice is drawn."""

    def __init__(self, num_chars: int, seed: int):
        self.bits = random.Random(seed).getrandbits
        self.num_chars = num_chars
        self.pieces: list[str] = []
        self.position = 0

    def draw(self, n: int) -> int:
        """An integer below n, each equally likely: bits are drawn until they spell one."""
        while (number := self.bits(n.bit_length())) >= n:
            pass
        return number

    def choose(self, alternatives: list[str]) -> int:
        """Draw one of the alternatives, write it and return its index."""
        index = self.draw(len(alternatives)) if len(alternatives) > 1 else 0
        self.say(alternatives[index])
        return index

    def say(self, text: str) -> None:
        self.pieces.append(text)
        self.position += len(text)
        if self.position >= self.num_chars:
            raise EndOfText


class Reader:
    """The reading mode: every choice is recognised, and each character's surprisal is noted."""

    def __init__(self, text: str):
        self.text = text
        self.position = 0
        self.surprisal: list[float] = []

    def choose(self, alternatives: list[str]) -> int:
        """Recognise which alternative the text goes on with and return its index.

        A character's probability is the number of alternatives still possible after it, divided by
        the number still possible before it.
        """
        possible = range(len(alternatives))
        depth = 0
        while len(possible) > 1:
            char = self.next_char()
            left = [k for k in possible if alternatives[k][depth] == char]
            if not left:
                raise EndOfText
            self.surprisal.append(math.log2(len(possible) / len(left)))
            self.position += 1
            possible = left
            depth += 1
        self.say(alternatives[possible[0]][depth:])
        return possible[0]

    def next_char(self) -> str:
        if self.position == len(self.text):
            raise EndOfText
        return self.text[self.position]

    def say(self, text: str) -> None:
        """Read text that is certain: every character of it has a surprisal of 0."""
        if self.text.startswith(text, self.position):
            self.surprisal.extend([0.0] * len(text))
            self.position += len(text)
            return
        for char in text:
            if self.next_char() != char:
                break
            self.surprisal.append(0.0)
            self.position += 1
        raise EndOfText


def parse(alternative: str) -> list[str | Slot]:
    """Cut an alternative into its words and its slots: "Oh, {D.is} it" -> ["Oh, ", Slot, " it"]."""
    parts: list[str | Slot] = []
    end = 0
    for match in SLOT.finditer(alternative):
        name, symbol, form = match.groups(default="")
        if not name and symbol.isupper():
            name, symbol = symbol, ""
        parts += [alternative[end : match.start()], Slot(name, symbol, form)]
        end = match.end()
    return [part for part in [*parts, alternative[end:]] if part]


def remember(slot: Slot, text: str, position: int, memory: dict, copies: list[Copy]) -> None:
    """Note where a slot's name was written; if it was written before, that is a copy."""
    if slot.rule:
        memory[slot.name] = Memory(text, position)
        return
    original, source = memory[slot.name]
    start = text.find(original)
    if start >= 0:  # "it" repeats nothing; "a kite" and "painted" do
        start += position
        copies.append(Copy(slot.name, start, start + len(original), start - source))
        memory[slot.name] = Memory(original, start)


class Grammar:
    """Rules that write, and read, one `scene` after another.

    Args:
        rules: alternatives of every rule; the rule `scene` is where each scene starts.
        forms: functions from a remembered text to a form that agrees with it.
    """

    def __init__(self, rules: dict[str, list[str]], forms: dict[str, Callable] | None = None):
        self.forms = forms or {}
        self.rules = {
            rule: [parse(alternative) for alternative in alternatives]
            for rule, alternatives in rules.items()
        }
        self.fixed = {
            rule: alternatives
            for rule, alternatives in rules.items()
            if not any("{" in alternative for alternative in alternatives)
        }
        self.drawn_from = {}
        for alternatives in self.rules.values():
            for part in (part for alternative in alternatives for part in alternative):
                if isinstance(part, Slot) and part.name and part.rule:
                    if self.drawn_from.setdefault(part.name, part.rule) != part.rule:
                        raise ValueError(
                            f"{part.name} is drawn from {part.rule!r} and from "
                            f"{self.drawn_from[part.name]!r}; give each rule a name of its own"
                        )

    def write(self, num_chars: int, seed: int = 0) -> str:
        """The first num_chars characters of the scenes that belong to seed."""
        if not isinstance(num_chars, int) or num_chars < 1:
            raise ValueError(f"num_chars must be a whole number of at least 1, not {num_chars!r}")
        writer = Writer(num_chars, seed)
        self.perform(writer)
        return "".join(writer.pieces)[:num_chars]

    def surprisal(self, text: str) -> list[float]:
        """-log2 P(character | all before it), in bits: infinite from the first impossible one."""
        reader = Reader(text)
        self.perform(reader)
        return reader.surprisal + [math.inf] * (len(text) - len(reader.surprisal))

    def copies(self, text: str) -> list[Copy]:
        """Every completed copy of the text, in order, up to the first impossible character."""
        return self.perform(Reader(text))

    def perform(self, stage: Writer | Reader) -> list[Copy]:
        """Run scene after scene on the stage, which chooses; returns the copies met on the way."""
        copies: list[Copy] = []
        try:
            while True:
                self.act("scene", stage, {}, copies)
        except EndOfText:
            return copies

    def act(self, rule: str, stage: Writer | Reader, memory: dict, copies: list[Copy]) -> str:
        """Choose an alternative of a rule, fill its slots and return the text this makes.

        The alternatives are told apart by their openings: what each says before it draws again.
        """
        written = ""
        while rule:
            openings = [self.opening(alternative, memory) for alternative in self.rules[rule]]
            index = stage.choose([text for text, _ in openings])
            said, parts_said = openings[index]
            position = stage.position - len(said)
            alternative, rule = self.rules[rule][index], ""
            for number, part in enumerate(alternative):
                if not isinstance(part, Slot) or not part.rule:
                    text = self.certain(part, memory)
                    if number >= parts_said:
                        stage.say(text)
                elif part is alternative[-1] and not part.name:
                    rule = part.rule  # go on there, without going deeper
                    break
                else:
                    text = self.act(part.rule, stage, memory, copies)
                if isinstance(part, Slot) and part.name:
                    remember(part, text, position, memory, copies)
                written += text
                position += len(text)
        return written

    def opening(self, alternative: list, memory: dict) -> tuple[str, int]:
        """What an alternative says before its first draw, and how many of its parts that takes."""
        text = ""
        for number, part in enumerate(alternative):
            if isinstance(part, Slot) and part.rule:
                return text, number
            text += self.certain(part, memory)
        return text, len(alternative)

    def certain(self, part: str | Slot, memory: dict) -> str:
        """The text of a part that draws nothing: words as they stand, a copy or a form of one."""
        if isinstance(part, str):
            return part
        text = memory[part.name].text
        return self.forms[part.form](text) if part.form else text

    def entropy(self) -> tuple[float, float]:
        """Entropy (bits) and mean length (characters) of a scene, worked out without drawing one.

        A rule costs log2 of the number of its alternatives, plus the mean over these of what their
        draws cost; its length is a mean in the same way. Rules may lead back to themselves, so both
        are found by repeating these sums until they no longer change.
        """
        bits, length = dict.fromkeys(self.rules, 0.0), dict.fromkeys(self.rules, 0.0)
        certain = {rule: self.certain_length(rule) for rule in self.rules}
        before = None
        while before != (bits["scene"], length["scene"]):
            before = bits["scene"], length["scene"]
            for rule, alternatives in self.rules.items():
                n = len(alternatives)
                parts = [part for alternative in alternatives for part in alternative]
                draws = [part.rule for part in parts if isinstance(part, Slot) and part.rule]
                bits[rule] = math.log2(n) + sum(bits[draw] for draw in draws) / n
                length[rule] = certain[rule] + sum(length[draw] for draw in draws) / n
        return bits["scene"], length["scene"]
    def certain_length(self, rule: str) -> float:
        """Mean number of characters that an alternative of a rule writes without drawing."""
        length = 0.0
        for part in (part for alternative in self.rules[rule] for part in alternative):
            if isinstance(part, str):
                length += len(part)
            elif not part.rule:
                form = self.forms[part.form] if part.form else str
                texts = self.language(self.drawn_from[part.name])
                length += sum(p * len(form(text)) for text, p in texts.items())
        return length / len(self.rules[rule])

    def language(self, rule: str) -> dict[str, float]:
        """Every text that a small rule can make, with its probability."""
        texts: dict[str, float] = {}
        for alternative in self.rules[rule]:
            some = {"": 1 / len(self.rules[rule])}
            for part in alternative:
                more = {part: 1.0} if isinstance(part, str) else self.language(part.rule)
                some = {a + b: p * q for a, p in some.items() for b, q in more.items()}
            texts |= some
        return texts


# Lists of words. No word begins with another word of its list.
WORDS = {
    "hero": """
        Ada Boris Clara Dora Edith Felix Greta Hugo Igor Juno Kitty Leo Mabel Nora Otto Pippa
        """.split(),
    "friend": """
        Queenie Rufus Sally Theo Ulric Vera Wilma Xaver Yuri Zelda Arthur Bella Caspar Dexter Emil
        Fanny
        """.split(),
    "onset": """
        Bl Br Cl Cr Dr Dw Fl Fr Gl Gr H J K L M N Pl Pr Qu R Sk Sl Sm Sn Sp St Tr Tw V W Y Z
        """.split(),
    "vowel": ["a", "e", "i", "o", "u"],
    "rest": "bba dda lla mma nna ppa ssa tta ck dge ff lb mp nk sh x".split(),
    "village": "bury cester ford gate ham mouth ton wick".split(),
    "who": """
        baker camel dentist doctor donkey farmer ferret frog ghost giant goat gnome hamster hunter
        jester judge lawyer lobster magician monk monster nurse painter panther parrot penguin pirate
        plumber poet pony priest rabbit robber robot sailor scientist snail soldier spy squirrel
        tailor teacher tiger toad troll turtle vampire vicar waiter walrus weasel whale witch wizard
        wolf wombat zebra badger bishop butcher cat dragon duck
        """.split(),
    "mood": """
        bald bashful brave careful cheerful clever cunning dizzy dreamy famous friendly fussy gentle
        gloomy greedy grumpy happy hungry jealous jolly lazy lonely modest naughty nervous noisy
        polite proud quiet rich rude sad scruffy shy silly sleepy sneaky stubborn tall tiny tired vain
        wicked wise young cautious secretive merry
        """.split(),
    "look": """
        bent big blue brass broken brown cheap clean copper crooked damp dirty double dusty fancy
        fluffy folding frozen giant glass golden green haunted heavy hollow jewelled knitted leaky long
        magic muddy musical new paper pink plain purple round rusty secret shiny short silver soft
        spotted square striped velvet wet wobbly wooden yellow
        """.split(),
    "object": """
        balloon banjo barrel basket bell bicycle bottle broom bucket candle cannon carpet clock coat
        cradle drum fiddle fork garden glove guitar hammer harp hat jug kettle kite ladder lamp
        mattress mirror needle pillow pipe rocket saddle spoon teapot tent tower trumpet vase violin
        wagon whistle wig bathtub button chair curtain diary feather flute ghost-trap jewel piano puppet
        sandal sock sofa statue table telescope umbrella
        """.split(),
    "taste": """
        bitter boiled burnt cold creamy crunchy dry fried fresh grilled hot juicy lumpy mashed mouldy
        peppery pickled raw roasted salty smoked soggy sour spicy stale sticky sweet toasted warm
        """.split(),
    "dish": """
        bacon bananas beans biscuits bread broccoli cabbage cake carrots cheese cherries custard
        doughnuts dumplings figs fish fudge garlic gravy ham honey jam jelly leeks lentils macaroni
        marmalade mustard noodles nuts parsnips peas pickles pie porridge potatoes pudding radishes
        rice sausages soup spinach toffee tomatoes trifle turnips
        """.split(),
    "number": "two three four five six seven nine ten twelve thirteen twenty forty fifty".split(),
    "cheer": """
        Bravo Crumbs Goodness Hooray Indeed Lovely Nonsense Really Splendid Thunder Ugh Yikes
        """.split(),
}

# Who is who in a scene: A asks and B answers; they gossip about the person Z, the place P, the
# thing X and the food D, until the talk runs dry. A new thing comes with "a" or "some"; "the" points
# back at it.
SCENES = {
    "scene": ["{A=hero} and {B=friend} {doing}.\n{A}: Any news, {B}?\n{B}: {news}\n"],
    "doing": [
        "at the bus stop", "fixing a roof", "in a small boat", "up a tree", "waiting for soup",
        "knitting", "on the moon", "stuck in a lift", "feeding pigeons", "painting a fence",
        "lost in a wood", "under one umbrella",
    ],
    "name": ["{onset}{vowel}{rest}"],
    "town": ["{onset}{vowel}{village}"],
    "news": [
        "In {P=town} there is a talking {object}.\n{A}: {place}",
        "Yes, they banned {D=dish} in {P=town}.\n{A}: {place}",
        "Somebody stole the {look} {X=object}.\n{A}: {thing}",
        "You will never guess who is in love: {Z=name}.\n{A}: {person}",
        "My {look} {X=object} can sing.\n{A}: {thing}",
        "It is raining {taste} {D=dish}.\n{A}: {food}",
        "The new {who} is called {Z=name}.\n{A}: {person}",
        "A {mood} {who} fell asleep on {Z=name}.\n{A}: {person}",
    ],
    "person": [
        "Who is {Z}?\n{B}: {Z} is a {mood} {who} from {P=town}.\n{A}: {place}",
        "What does {Z} want?\n{B}: {Z} wants a {look} {X=object}.\n{A}: {thing}",
        "Is {Z} rich?\n{B}: {Z} only owns a {look} {X=object}.\n{A}: {thing}",
        "How does {Z} sleep?\n{B}: {Z} sleeps on {taste} {D=dish}.\n{A}: {food}",
        "I thought {Z} was single.\n{B}: No, {Z} married a {mood} {who}, {Z=name}.\n{A}: {person}",
        "Can {Z} dance?\n{B}: {Z} can, says {Z=name}, the {mood} {who}.\n{A}: {person}",
        "Does {Z} still live here?\n{B}: No, {Z} flew to {P=town} in a {look} {object}.\n{A}: {place}",
        "{Z}? {cheer}!\n{B}: Yes, {Z}, and {Z.he} lost {Z.his} {look} {X=object}.\n{A}: {thing}",
        "Do not trust {Z}!\n{B}: {cheer}! {Z} gave me {Z.his} {taste} {D=dish}.\n{A}: {food}",
        "Enough of {Z}.\n{end}",
        "My {who} hates {Z}.\n{end}",
    ],
    "place": [
        "Where is {P}?\n{B}: {P} is {number} miles from {P=town}.\n{A}: {place}",
        "Who lives in {P}?\n{B}: In {P} lives {Z=name}, a {mood} {who}.\n{A}: {person}",
        "Is {P} pretty?\n{B}: {P} has a {look} {X=object}.\n{A}: {thing}",
        "What do they eat in {P}?\n{B}: In {P} they eat {taste} {D=dish}.\n{A}: {food}",
        "Never go to {P}.\n{end}",
    ],
    "thing": [
        "Who made the {X}?\n{B}: The {X} is by {Z=name}, the {mood} {who}.\n{A}: {person}",
        "Where is the {X} now?\n{B}: The {X} is in {P=town}.\n{A}: {place}",
        "I like the {X}.\n{B}: The {X} was only a {look} {X=object} once.\n{A}: {thing}",
        "Keep the {X}.\n{end}",
    ],
    "food": [
        "Who cooks the {D}?\n{B}: The {D} {D.is} by {Z=name}, a {mood} {who}.\n{A}: {person}",
        "I want the {D}.\n{B}: The {D} {D.is} for {Z=name}, a {mood} {who}.\n{A}: {person}",
        "Keep the {D}.\n{end}",
    ],
    "end": [
        "{B}: Farewell, {A}.\n",
        "{B}: Time for tea, {A}. You bring the {dish}.\n",
        "{B}: Good night, {A}.\n{A}: Good night, {B}.\n",
    ],
}


def plural(text: str) -> bool:
    """Whether a phrase names several things."""
    return text.endswith("s")


FORMS = {
    "he": lambda name: "she" if name.endswith("a") else "he",
    "his": lambda name: "her" if name.endswith("a") else "his",
    "is": lambda thing: "are" if plural(thing) else "is",
    "was": lambda thing: "were" if plural(thing) else "was",
    "it": lambda thing: "them" if plural(thing) else "it",
}

PLAYS = Grammar(WORDS | SCENES, FORMS)


def tinytales(num_chars: int = 1_000_000, seed: int = 0) -> str:
    """The first num_chars characters of the plays that belong to seed."""
    return PLAYS.write(num_chars, seed)


def surprisal(text: str) -> list[float]:
    """-log2 P(character | all before it), in bits, of a text that starts where a scene starts."""
    return PLAYS.surprisal(text)
