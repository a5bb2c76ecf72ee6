"""TinyTales: endless small plays, written by a grammar whose entropy is known exactly.

A grammar is a table of rules. A rule offers alternatives, all equally likely. One of them is
chosen, and its slots are filled from left to right:

    {dish}       choose an alternative of the rule `dish`
    {D=dish}     the same, and remember what it wrote as D
    {D}          repeat D: a copy, and certain for whoever remembers D
    {D.is}       a word that agrees with D: "is", or "are" if D is plural; see FORMS

The grammar runs in two modes. Writing, each choice is drawn. Reading, each choice is recognised,
which works because no alternative begins with the whole of another one. So the text so far fixes
every choice behind it, and the probability of each next character is known exactly.

A grammar of your own:

    >>> toy = Grammar({"scene": ["A {T=pet} sat. Did the {T} sit?\\n"], "pet": ["cat", "dog"]})
    >>> toy.write(31)
    'A dog sat. Did the dog sit?\\nA c'
    >>> sum(toy.surprisal("A cat sat. Did the cat sit?\\n"))
    1.0

Source: surprisal and entropy are Shannon 1948, sections 6 and 7; the grammar is our own.
"""

import itertools
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
        """An integer from 0 to n - 1, each equally likely: draw bits until they spell one."""
        number = n
        while number >= n:
            number = self.bits((n - 1).bit_length())
        return number

    def choose(self, alternatives: list[str]) -> int:
        """Draw one of the alternatives, write it and return its index."""
        index = self.draw(len(alternatives))
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
    """Note what a name stands for and where it was last written; a repetition is also a copy."""
    if slot.rule:
        memory[slot.name] = text, position
    elif text == memory[slot.name][0]:  # "it" and "are" agree with a name, they do not copy it
        distance = position - memory[slot.name][1]
        copies.append(Copy(slot.name, position, position + len(text), distance))
        memory[slot.name] = text, position


def check_distinct(alternatives: list[str]) -> None:
    """Refuse alternatives that a reader could not tell apart: one that begins another one."""
    ordered = sorted(alternatives)
    for first, second in itertools.pairwise(ordered):
        if second.startswith(first):
            raise ValueError(
                f"an alternative begins with the whole of another: {first!r}, {second!r}; "
                "change one of them"
            )


class Grammar:
    """Rules that write, and read, one `scene` after another.

    Args:
        rules: the alternatives of every rule; each scene is one run of the rule `scene`.
        forms: for each form, a function from a remembered text to the word that agrees with it.
    Raises:
        ValueError: if a slot names no rule, one name is drawn from two rules or from none, or one
            alternative begins another (checked here where no alternative opens with a copy).
    """

    def __init__(self, rules: dict[str, list[str]], forms: dict[str, Callable] | None = None):
        self.forms = {"": str} | (forms or {})
        self.rules = {
            rule: [parse(alternative) for alternative in alternatives]
            for rule, alternatives in rules.items()
        }
        self.drawn_from: dict[str, str] = {}  # the rule behind each name
        self.check_slots()
        self.fixed = {}  # the openings of rules that never open with a copy
        for rule, alternatives in self.rules.items():
            if not any(self.opens_with_copy(alternative) for alternative in alternatives):
                self.fixed[rule] = [self.opening(alternative, {}) for alternative in alternatives]
                check_distinct([text for text, _ in self.fixed[rule]])

    def check_slots(self) -> None:
        """Find the rule behind each name, and refuse slots that lead nowhere."""
        slots = [part for rule in self.rules for part in self.parts(rule) if isinstance(part, Slot)]
        for slot in slots:
            if slot.rule and slot.rule not in self.rules:
                raise ValueError(f"no rule is called {slot.rule!r}; add it, or mend the slot")
            if slot.form not in self.forms:
                raise ValueError(f"no form is called {slot.form!r}; there are {sorted(self.forms)}")
            if slot.name and slot.rule:
                known = self.drawn_from.setdefault(slot.name, slot.rule)
                if known != slot.rule:
                    raise ValueError(
                        f"{slot.name} is drawn from {known!r} and {slot.rule!r}; use two names"
                    )
        for slot in slots:
            if slot.name and slot.name not in self.drawn_from:
                raise ValueError(
                    f"{slot.name} is repeated but never drawn; write {{{slot.name}=rule}}"
                )

    def write(self, num_chars: int, seed: int = 0) -> str:
        """The first num_chars characters of the endless scenes that belong to seed.

        The text is the same on every machine and Python: only whole bits are ever drawn.

        Raises:
            ValueError: unless num_chars is a whole number >= 1 and seed one >= 0.
        """
        for name, number, least in (("num_chars", num_chars, 1), ("seed", seed, 0)):
            if not isinstance(number, int) or isinstance(number, bool) or number < least:
                raise ValueError(f"{name} must be a whole number, at least {least}; got {number!r}")
        writer = Writer(num_chars, seed)
        self.perform(writer)
        return "".join(writer.pieces)[:num_chars]

    def surprisal(self, text: str) -> list[float]:
        """-log2 P(character | all before it) for each character of a text, in bits.

        Exact for every prefix of what the grammar writes; infinite from the first character that
        it cannot have written. The text must begin where a scene begins.
        """
        reader = Reader(text)
        self.perform(reader)
        return reader.surprisal + [math.inf] * (len(text) - len(reader.surprisal))

    def copies(self, text: str) -> list[Copy]:
        """Every finished copy in a text, in order, up to the first impossible character."""
        return self.perform(Reader(text))

    def perform(self, stage: Writer | Reader) -> list[Copy]:
        """Give scene after scene on a stage, which makes the choices; returns the copies made."""
        copies: list[Copy] = []
        try:
            while True:
                self.act("scene", stage, {}, copies)
        except EndOfText:
            return copies

    def act(self, rule: str, stage: Writer | Reader, memory: dict, copies: list[Copy]) -> str:
        """Choose an alternative of a rule, fill its slots and return the text this makes.

        Alternatives are told apart by their openings: what each says before it draws again. A draw
        that ends an alternative is a further turn of the loop, so talk may go on without end.
        """
        written = ""
        while rule:
            openings = self.fixed.get(rule) or [
                self.opening(alternative, memory) for alternative in self.rules[rule]
            ]
            index = stage.choose([text for text, _ in openings])
            said, num_said = openings[index]
            position = stage.position - len(said)
            alternative, rule = self.rules[rule][index], ""
            for number, part in enumerate(alternative):
                if isinstance(part, str) or not part.rule:
                    text = self.certain(part, memory)
                    if number >= num_said:
                        stage.say(text)
                elif part is alternative[-1] and not part.name:
                    rule = part.rule
                    break
                else:
                    text = self.act(part.rule, stage, memory, copies)
                if isinstance(part, Slot) and part.name:
                    remember(part, text, position, memory, copies)
                written += text
                position += len(text)
        return written

    def parts(self, rule: str) -> list[str | Slot]:
        """The parts of all alternatives of a rule, in one list."""
        return [part for alternative in self.rules[rule] for part in alternative]

    def opens_with_copy(self, alternative: list[str | Slot]) -> bool:
        """Whether an alternative repeats a name before it draws anything."""
        slots = [part for part in alternative if isinstance(part, Slot)]
        return bool(slots) and not slots[0].rule

    def opening(self, alternative: list[str | Slot], memory: dict) -> tuple[str, int]:
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
        text, _ = memory[part.name]
        return self.forms[part.form](text)

    def entropy(self) -> tuple[float, float]:
        """Entropy in bits and mean length in characters of a scene, worked out without drawing.

        Choices are independent, so a rule costs log2 of the number of its alternatives plus the
        mean of what their draws cost, and its length is a mean in the same way. Rules may lead back
        to themselves: the sums are repeated until they stand still. The entropy per character of an
        endless text is the quotient.
        """
        bits, length = dict.fromkeys(self.rules, 0.0), dict.fromkeys(self.rules, 0.0)
        texts = {name: self.language(rule) for name, rule in self.drawn_from.items()}
        certain = {rule: self.certain_length(rule, texts) for rule in self.rules}
        before = None
        while before != (bits["scene"], length["scene"]):
            before = bits["scene"], length["scene"]
            for rule, alternatives in self.rules.items():
                n = len(alternatives)
                draws = [part.rule for part in self.parts(rule) if isinstance(part, Slot)]
                draws = [draw for draw in draws if draw]
                bits[rule] = math.log2(n) + sum(bits[draw] for draw in draws) / n
                length[rule] = certain[rule] + sum(length[draw] for draw in draws) / n
        return bits["scene"], length["scene"]

    def certain_length(self, rule: str, texts: dict[str, dict[str, float]]) -> float:
        """Mean number of characters that an alternative of a rule writes without drawing.

        texts holds what each name can stand for, with the probability of each.
        """
        total = 0.0
        for part in self.parts(rule):
            if isinstance(part, str):
                total += len(part)
            elif not part.rule:
                form = self.forms[part.form]
                total += sum(p * len(form(text)) for text, p in texts[part.name].items())
        return total / len(self.rules[rule])

    def language(self, rule: str) -> dict[str, float]:
        """Every text that a name's rule can make, with its probability."""
        texts: dict[str, float] = {}
        for alternative in self.rules[rule]:
            some = {"": 1 / len(self.rules[rule])}
            for part in alternative:
                more = {part: 1.0} if isinstance(part, str) else self.language(part.rule)
                some = {a + b: p * q for a, p in some.items() for b, q in more.items()}
            texts |= some
        return texts


# Lists of words, by what they are for. No word begins with another one of its list.
WORDS = {
    "hero": "Ada Bea Cid Dot Eva Fay Gus Hal Ida Jim Kit Leo Meg Ned Ora Pim".split(),
    "friend": "Quin Ray Sam Tess Una Vic Wyn Xena Yuri Zoe Abe Ben Cleo Dan Ella Finn".split(),
    "onset": "B Ch D F G H K L M N Pr R S V W Z".split(),
    "vowel": "a e i o u".split(),
    "middle": "b d l n r t v w".split(),
    "rest": "ba da ja ma na va wa za ff k l p r sk th x".split(),
    "village": """
        bury by cester combe cote ford ham hurst mere moor mouth ness stone stow well wick
        """.split(),
    "who": """
        badger baker barber beaver bishop butler camel chef clown cook count doctor donkey dragon
        duck duke farmer ferret frog ghost giant gnome goat goblin goose grocer hermit hunter
        jester judge king knight lawyer llama mayor monk moose nurse parrot pigeon pilot pirate
        poet pony priest puppet queen rabbit robber robot sailor seal snail spy tailor tiger toad
        troll turkey vicar whale witch yak zebra
        """.split(),
    "mood": """
        bald bashful bearded bored bossy brave cheeky chilly clever clumsy cranky daring dizzy
        dreamy famous fierce fussy gentle gloomy greedy grumpy happy humble hungry jolly joyful
        kind lazy lively lonely lucky mad merry mighty modest neat nimble noisy plump polite proud
        quiet rich rude sad shaggy shy silent silly sleepy smelly sneaky spoilt tall timid tiny
        tired tough vain weary wicked wild wise young
        """.split(),
    "look": """
        bent big blue brass broken bronze brown carved cheap clean copper creaky damp dented dirty
        double dusty fake fancy fluffy frozen furry giant glass golden green grey hairy heavy
        hollow leaky little long magic marble melted mossy muddy new paper pink plain purple
        ragged rare rotten round rubber rusty secret shiny short silent silver soft square stolen
        tartan thin warm wet white wide
        """.split(),
    "object": """
        banjo barrel basket bell bench bonnet bottle box bridge broom bucket button candle cannon
        carpet cello chair chest clock coat comb cradle crown desk diary drum fan fiddle flute
        fork garden glove guitar hammer harp hat helmet horn jewel jug kite lamp map mask penny
        piano pipe quilt raft ring rope scarf sock sofa spoon sword table tent tower vase wagon
        wig yacht zip
        """.split(),
    "taste": """
        bitter boiled burnt caramel chopped cold creamy crispy crunchy curried dry fizzy fresh
        fried hot juicy lumpy mashed mild minty mouldy nutty raw salty smoked soggy sour spicy
        stale sticky sugary sweet
        """.split(),
    "dish": """
        bacon bananas beans bread cabbage cake carrots celery cheese chips cider cocoa curry
        custard dates figs fish fudge garlic ginger grapes gravy halibut ham honey jam jelly
        ketchup kippers lasagne leeks lentils lettuce melon muffins mustard nachos noodles nougat
        pasta peaches peanuts pears peas pickles pie pizza plums popcorn prunes pudding raisins
        rhubarb rice salad scones soup spinach syrup tarts toffee tofu trifle tuna
        """.split(),
    "number": "two three four five six seven nine ten twelve thirteen twenty forty fifty".split(),
    "cheer": """
        bother bravo crumbs dear drat fiddlesticks goodness help hooray joy mercy misery no
        rubbish thunder wow
        """.split(),
    "act": """
        box cook count dance drive fish fly giggle juggle kneel knit limp mumble paint pray read
        rhyme ride sew shout sing ski sneeze snore sulk swim tiptoe whistle wink wrestle yawn
        yodel
        """.split(),
    "did": """
        admired avoided bit bored bribed chased copied cured dreaded drew dropped envied fed
        fooled forgave greeted guarded hid hired hugged ignored invited jailed kissed led loved
        married met mocked nursed obeyed outran painted pinched praised pushed rescued robbed
        saved scared sued taught teased tickled trained warned wed woke
        """.split(),
    "wants": "borrowed collects desires found hid inherited lost wears".split(),
    "eats": "adores juggles cooks dreads eats fries grows sells".split(),
    "near": "above beyond by from in near outside under".split(),
    "off": ("above, below, east of, from, north of, past, south of, west of").split(", "),
    "when": (
        "after lunch, all day, all night, at dawn, at midnight, at noon, at sea, before tea, "
        "by candlelight, for free, for fun, in bed, in public, in secret, in spring, "
        "in style, in winter, at Easter, on Friday, on Monday, on Sunday, on foot, on ice, "
        "on skis, on stage, once again, in July, today, tomorrow, tonight, under water, "
        "with pride"
    ).split(", "),
}


# Who is who in a scene: A asks and B answers. They gossip about the person Z, the place P, the
# thing X and the food D, until the talk runs dry. A thing comes in with "a"; "the" points back.
SCENES = {
    "scene": ["{A=hero} and {B=friend} {doing}.\n{A}: {hello}, {B}?\n{B}: {news}\n"],
    "doing": (
        "fix a {look} roof, sit in a {look} boat, hide up a tree, wait for {dish}, "
        "knit a {object}, walk on the moon, are stuck in a lift, feed a {who}, "
        "paint a {mood} {who}, get lost in a wood, share a {object}, eat {dish}, "
        "dress as a {who}, meet behind a {object}, hunt for {dish}, ride a {who}"
    ).split(", "),
    "hello": (
        "Any news, What is up, Who is here, Heard anything, Why so {mood}, "
        "Is that a {object}, Is it time to {act}, How was the {who}, Are you {mood}, "
        "Did you {act}, More {dish}, Do you {act}, May I {act}, Like my {object}, "
        "Nice {object}, Seen my {who}"
    ).split(", "),
    "name": ["{onset}{vowel}{middle}{vowel}{rest}"],
    "town": ["{onset}{vowel}{middle}{village}"],
    "news": [
        "They banned {dish} in {P=town}.\n{A}: {place}",
        "I lost my {look} {X=object}.\n{A}: {thing}",
        "A {who} fell in love with {Z=name}.\n{A}: {person}",
        "My {object} was eaten by {Z=name}.\n{A}: {person}",
        "It is raining {taste} {D=dish}.\n{A}: {food}",
        "Every {who} is moving to {P=town}.\n{A}: {place}",
        "You have a {mood} new neighbour, {Z=name}.\n{A}: {person}",
        "The {who} {did} {Z=name}.\n{A}: {person}",
    ],
    "person": [
        "Who is {Z}?\n{B}: {Z} is a {mood} {who} from {P=town}.\n{A}: {place}",
        "What about {Z}?\n{B}: {Z} {wants} a {look} {X=object}.\n{A}: {thing}",
        "Is it the {mood} {Z}?\n{B}: {Z} is {mood}, unlike {Z=name}.\n{A}: {person}",
        "Where is {Z}?\n{B}: {Z} is with {name} in {P=town}.\n{A}: {place}",
        "Why {Z}?\n{B}: {Z} {did} {name} and {Z=name}.\n{A}: {person}",
        "Can {Z} {act}?\n{B}: {Z} can {act} like a {who} from {P=town}.\n{A}: {place}",
        "Poor {Z}!\n{B}: {Z} {eats} {taste} {D=dish}.\n{A}: {food}",
        "My {who} {did} {Z}!\n{B}: {Z} lost {Z.his} {look} {X=object}.\n{A}: {thing}",
        "Oh {cheer}, not {Z}!\n{B}: {Z}, and {Z.he} {did} {Z=name}.\n{A}: {person}",
        "I like {Z}.\n{B}: {Z} married {name}, the {who} of {Z=name}.\n{A}: {person}",
        "Do you trust {Z}?\n{B}: {Z} is the {mood} cousin of {Z=name}.\n{A}: {person}",
        "Enough of {Z}.\n{B}: {end}",
    ],
    "place": [
        "Who rules {P}?\n{B}: {P} obeys {Z=name}.\n{A}: {person}",
        "Where is {P}?\n{B}: {P} is {number} miles {off} {P=town}.\n{A}: {place}",
        "Is it the {mood} {P}?\n{B}: {P} has a {who} called {Z=name}.\n{A}: {person}",
        "Let us visit {P}!\n{B}: {P} has only {taste} {D=dish}.\n{A}: {food}",
        "What is in {P}?\n{B}: {P} has a {look} {X=object}.\n{A}: {thing}",
        "Oh {cheer}, {P}!\n{B}: {P} is where a {who} {did} {Z=name}.\n{A}: {person}",
        "My {who} is from {P}.\n{B}: {P} hates my {who} {Z=name}.\n{A}: {person}",
        "Never go to {P}.\n{B}: {end}",
    ],
    "thing": [
        "Whose is the {X}?\n{B}: The {X} is from {Z=name}.\n{A}: {person}",
        "Where is the {X}?\n{B}: The {X} is on a {who} {near} {P=town}.\n{A}: {place}",
        "I want the {X}.\n{B}: The {X} was a {look} {X=object} {when}.\n{A}: {thing}",
        "Oh {cheer}, the {X}!\n{B}: The {X} {did} {Z=name}.\n{A}: {person}",
        "Can the {X} {act}?\n{B}: The {X} can {act} in {P=town}.\n{A}: {place}",
        "Can I eat the {X}?\n{B}: The {X} is full of {taste} {D=dish}.\n{A}: {food}",
        "My {who} has the {X}.\n{B}: The {X} is for {Z=name}.\n{A}: {person}",
        "Keep the {X}.\n{B}: {end}",
    ],
    "food": [
        "Who cooked the {D}?\n{B}: The {D} {D.is} from {Z=name}.\n{A}: {person}",
        "I want the {D}!\n{B}: The {D} {D.is} for {Z=name}.\n{A}: {person}",
        "Where {D.is} the {D}?\n{B}: The {D} {D.is} in a {look} {X=object}.\n{A}: {thing}",
        "Keep the {D}.\n{B}: {end}",
    ],
    "end": [
        "Farewell, {A}. Feed the {who}.\n",
        "Time for {taste} {dish}, {A}.\n",
        "Good night, {A}.\n{A}: Good night, {B}.\n",
        "Help, my {look} {object} is on fire!\n",
        "My {mood} {who} is calling, {A}.\n",
        "I must {act} with a {mood} {who}.\n",
        "You sound like a {mood} {who}, {A}.\n",
        "Is that your {look} {object}?\n{A}: No, {B}, it is a {who}.\n",
    ],
}

FORMS = {
    "is": lambda dish: "are" if dish.endswith("s") else "is",
    "he": lambda name: "she" if name.endswith("a") else "he",
    "his": lambda name: "her" if name.endswith("a") else "his",
}

PLAYS = Grammar(WORDS | SCENES, FORMS)


def tinytales(num_chars: int = 1_000_000, seed: int = 0) -> str:
    """A text of exactly num_chars characters: the scenes that belong to seed, cut at the end.

    Raises:
        ValueError: unless num_chars is a whole number >= 1 and seed one >= 0.
    """
    return PLAYS.write(num_chars, seed)


def surprisal(text: str) -> list[float]:
    """-log2 P(character | all before it) for each character of a text, in bits.

    Its mean is the floor: whoever predicts one character after the other scores no better on what
    TinyTales writes, luck aside. Infinite from the first character that cannot follow those before
    it. The text must begin where a scene begins.
    """
    return PLAYS.surprisal(text)


def copy_slots(text: str) -> list[Copy]:
    """Where a text of TinyTales repeats a name, place, thing or food, and how far back it stood."""
    return PLAYS.copies(text)


def entropy_rate() -> float:
    """Bits per character of TinyTales, worked out from its rules: what surprisal is on average."""
    bits, length = PLAYS.entropy()
    return bits / length
