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
        if rule in self.fixed:
            return self.fixed[rule][stage.choose(self.fixed[rule])]
        openings = [self.opening(alternative, memory) for alternative in self.rules[rule]]
        index = stage.choose([text for text, _ in openings])
        said, parts_said = openings[index]
        position = stage.position - len(said)
        written = ""
        for number, part in enumerate(self.rules[rule][index]):
            if isinstance(part, Slot) and part.rule:
                text = self.act(part.rule, stage, memory, copies)
            else:
                text = self.certain(part, memory)
                if number >= parts_said:
                    stage.say(text)
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

    def entropy(self, rule: str = "scene") -> tuple[float, float]:
        """Entropy (bits) and mean length (characters) of a rule, worked out without drawing.

        Choices are independent and uniform, so both are sums: a rule costs log2 of the number of
        its alternatives, plus the mean over these of what their draws cost.
        """
        alternatives = self.rules[rule]
        bits, length = math.log2(len(alternatives)), 0.0
        for part in (part for alternative in alternatives for part in alternative):
            if isinstance(part, str):
                length += len(part) / len(alternatives)
            elif part.rule:
                more_bits, more_length = self.entropy(part.rule)
                bits += more_bits / len(alternatives)
                length += more_length / len(alternatives)
            else:
                texts = self.language(self.drawn_from[part.name])
                form = self.forms[part.form] if part.form else str
                mean = sum(p * len(form(text)) for text, p in texts.items())
                length += mean / len(alternatives)
        return bits, length

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


LADIES = ["Aunt", "Lady", "Madam", "Queen"]
LORDS = ["Uncle", "Lord", "Sir", "King"]

# Lists of words. No word begins with another word of its list.
WORDS = {
    "first": """
        Al Bar Cor Dim Ed Fen Gol Har Im Jas Kel Lor Mar Nim Or Pel Quin Ros Sil Tam Ul Ver Wil Yor
        Zan Ban Cas Dor Fal Gar Hel Lan
        """.split(),
    "middle": "ba de fi go lu mo ni ri sa te vi wo xa zi bu dro".split(),
    "last": "lina rella tha dora phine mira belle nna bert dric fred kin mund ston gus ric".split(),
    "title": LADIES + LORDS,
    "funny": """
        Bobble Crumb Dingle Fuzz Grumble Hobble Jingle Kettle Lemon Mumble Noodle Pickle Quibble
        Rumble Snuffle Tumble Wobble Bumble Fumble Giggle Humble Nibble Puddle Riddle Scribble
        Twinkle Waffle Drizzle Sniffle Mizzle Bramble Cuddle
        """.split(),
    "end_of_name": """
        bottom worth wick ton son ford ham well top shanks beard nose foot by dale stock
        """.split(),
    "hill": """
        Ash Black Clay Deer East Fox Goose High Ivy Kings Long Mill North Owl Pond Queens Red Stone
        Thistle West Bear Cold Dog Elm Frog Green Hay Lake Moon Nettle Old Swan
        """.split(),
    "dale": "bank cliff dale field gate hill lane marsh port ridge side town view wood bay moor".split(),
    "look": """
        ancient brass crooked dented elegant fluffy golden haunted imaginary jolly knitted leaking
        magnetic nervous orange paper quiet rusty silver tartan ugly velvet wooden yellow blue copper
        double enormous foldable glass hollow invisible musical noisy polished rubber secret tiny
        upside-down vanishing waterproof electric borrowed famous giant pink square whistling
        """.split(),
    "object": """
        accordion balloon cannon drum engine flute gong harp icicle jug kite ladder mirror needle
        oboe piano quilt rocket saddle teapot umbrella violin wagon xylophone yoyo anchor bathtub
        candle doorbell envelope fiddle guitar helmet inkwell kettle lantern magnet napkin organ
        parachute rowboat spoon trumpet vase wheel zither apron bicycle clock diary fountain globe
        hammer boots spectacles trousers mittens pyjamas slippers suspenders scissors binoculars
        bagpipes marbles skates wigs dominoes earmuffs castanets stilts
        """.split(),
    "mood": """
        anxious bored cheerful dizzy eager friendly grumpy hungry innocent jealous kindly lazy moody
        naughty obedient proud quarrelsome restless sleepy talkative unlucky vain wicked young brave
        clever dreamy elderly furious gentle homesick lonely
        """.split(),
    "animal": """
        alligator badger camel donkey elephant ferret goose hedgehog iguana jackdaw kangaroo lobster
        monkey newt octopus pelican quail rabbit squirrel tortoise unicorn vulture walrus yak zebra
        antelope beaver crocodile dolphin eagle flamingo gorilla hamster jellyfish koala llama moose
        nightingale ostrich penguin raccoon snail tiger turkey whale wombat buffalo crab
        """.split(),
    "taste": """
        burnt cold dry fried green hot iced juicy lumpy mashed peppery raw salty toasted warm bitter
        crunchy creamy frozen grilled sour sticky sweet spicy
        """.split(),
    "dish": """
        artichokes broccoli cabbage dumplings eggs fudge gravy haddock jam kippers lasagne macaroni
        noodles omelette pudding radishes spinach toffee turnips waffles yoghurt apricots biscuits
        cucumber doughnuts figs garlic honey lentils marmalade parsnips porridge
        """.split(),
    "where": ["under", "behind", "inside", "beside", "above", "on top of", "next to", "close to"],
    "furniture": """
        aquarium bookcase cupboard dustbin fireplace gramophone hammock jukebox kennel letterbox
        mattress oven pantry refrigerator sofa treadmill wardrobe beehive chimney desk fishpond
        grandstand haystack lamp-post mousetrap orchard piggy-bank rug scarecrow trapdoor washtub
        igloo
        """.split(),
    "verb": """
        admire borrow clean describe educate follow guard haunt iron juggle kiss launch mend narrate
        oil paint question repair salute tickle unpack varnish wash yank annoy bewitch count decorate
        examine flatten greet hypnotize
        """.split(),
    "weekday": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "number": """
        two three four five six seven eight nine eleven twelve thirteen twenty thirty forty fifty
        hundreds
        """.split(),
    "cheer": """
        Alas Bravo Crumbs Dear-me Eureka Fiddlesticks Goodness Hooray Indeed Jeepers Kaboom Lovely
        Marvellous Nonsense Oh-no Pardon Quiet Rubbish Splendid Thunder Ugh Vroom Wonderful Yikes
        """.split(),
}

# A name stands for the same kind of thing in every scene: A and B talk at the place P, mostly about
# the thing X, the beast Z, the food D, the neighbour C, the spot S and the verb V.
SCENES = {
    "scene": ["{when} {P=home}, {A=hero} meets {B=friend}.\n{A}: {ask}\n{B}: {answer}{end}\n"],
    "when": [
        "At dawn by", "At noon near", "At dusk outside", "Walking past", "On {weekday} at",
        "In the rain behind", "In a boat below", "Late for tea at",
    ],
    "thing": ["{look} {object}"],
    "beast": ["{mood} {animal}"],
    "food": ["{taste} {dish}"],
    "spot": ["{where} the {furniture}"],
    "neighbour": ["{title} {funny}{end_of_name}"],
    "hero": ["{first}{middle}{last}"],
    "friend": ["{first}{middle}{last}"],
    "home": ["{hill}{dale}"],
    "ask": [
        "Have you seen my {X=thing} anywhere?",
        "Guess what, {B}, I lost my {X=thing} today!",
        "Look, {B}, it rained on my {X=thing} again.",
        "I dreamed about my {X=thing} last night.",
        "Would you like to borrow my {X=thing} until {weekday}?",
        "Please, {B}, keep your nose away from my {X=thing} this time.",
        "Nobody understands my {X=thing} the way I do.",
        "Who poured gravy all over my {X=thing}?",
        "The cook sat on my {X=thing} for {number} hours.",
        "Some day, {B}, my {X=thing} will be famous.",
        "Careful, {B}, my {X=thing} might explode.",
        "Teach me how to play my {X=thing} with {number} fingers.",
        "Do you think my {X=thing} can swim?",
        "You and my {X=thing} have the same smile.",
        "For {number} coins, {B}, my {X=thing} could be yours.",
        "Kindly hold my {X=thing} while I sneeze.",
    ],
    "answer": [
        "Your {X}? I saw {X.it} {S=spot}.\n{A}: {spot_talk}",
        "The {Z=beast} would like your {X}.\n{A}: {beast_talk}",
        "I would not swap my {D=food} for your {X}.\n{A}: {food_talk}",
        "Ask {C=neighbour} about your {X}.\n{A}: {neighbour_talk}",
        "Did you {V=verb} your {X} first?\n{A}: {verb_talk}",
        "But your {X} {X.is} mine, {A}.\n{A}: {claim_talk}",
        "My mother said your {X} {X.was} {Y=thing} once.\n{A}: {mother_talk}",
        "Let me sing about your {X}.\n{A}: {song_talk}",
    ],
    "spot_talk": [
        "Why {X.is} my {X} {S}?\n{B}: The {Z=beast} put {X.it} {S}.\n{A}: Oh, the {Z}! {cheer}!\n",
        "But only {D=food} belongs {S}!\n{B}: There was no {D} {S}, {A}.\n{A}: {cheer}, no {D}!\n",
        "I looked {S} {number} times.\n{B}: Then {C=neighbour} hid {X.it}.\n{A}: So {C} was {S}!\n",
        "Did you {V=verb} {X.it} {S}?\n{B}: I {V.ed} {X.it} {S}, yes.\n{A}: {cheer}, you {V.ed} {X.it}!\n",
    ],
    "beast_talk": [
        "Which {Z}?\n{B}: The {Z} who lives {S=spot}.\n{A}: Nobody lives {S}.\n",
        "Can the {Z} {V=verb} {X.it}?\n{B}: The {Z} can {V} {number} of {X.it}.\n{A}: {cheer}, what a {Z}!\n",
        "Give the {Z} some {D=food} instead.\n{B}: No {Z} likes {D}.\n{A}: But I like {D}.\n",
        "Tell the {Z} to ask {C=neighbour}.\n{B}: Why, {C} fears the {Z}.\n{A}: {cheer}! Poor {C}!\n",
    ],
    "food_talk": [
        "Is there {D} {S=spot}?\n{B}: There is always {D} {S}.\n{A}: {cheer}, let us eat {S}!\n",
        "Did {C=neighbour} cook the {D}?\n{B}: No, {C} only stirred the {D}.\n{A}: {cheer}, {C} stirs well.\n",
        "I gave my {D} to the {Z=beast}.\n{B}: Has the {Z} eaten the {D}?\n{A}: The {Z} has {number} stomachs.\n",
        "First we must {V=verb} the {D}.\n{B}: Nobody ever {V.ed} my {D}.\n{A}: {cheer}, I {V.ed} it at {number}.\n",
    ],
    "neighbour_talk": [
        "Is {C} still {S=spot}?\n{B}: Yes, {C} lives {S} now.\n{A}: Then {C.he} must like it {S}.\n",
        "Should I ask {C} on {weekday}?\n{B}: Ask {C} {S=spot}.\n{A}: But {C.he} is never {S}!\n",
        "But {C} is afraid of the {Z=beast}.\n{B}: Every {Z} loves {C}.\n{A}: {cheer}, not this {Z}!\n",
        "Does {C} still eat {D=food}?\n{B}: Yes, {D} makes {C} sing.\n{A}: {cheer}, {D} for {C}!\n",
    ],
    "verb_talk": [
        "I {V.ed} {X.it} {S=spot}.\n{B}: Never {V} {X.a} {S}!\n{A}: {cheer}, why not {S}?\n",
        "Yes, I {V.ed} {X.it} with {D=food}.\n{B}: With {D}? {cheer}!\n{A}: The {D} was free.\n",
        "How does one {V} {X.a}?\n{B}: As you would {V} the {Z=beast}.\n{A}: {cheer}, I {V.ed} the {Z}.\n",
        "It was {C=neighbour} who {V.ed} {X.it}.\n{B}: Can {C} {V}?\n{A}: {C} {V.ed} {number} of them.\n",
    ],
    "claim_talk": [
        "Yours? My {X} {X.is} {look}.\n{B}: So {X.is} mine.\n{A}: Then whose {X} {X.is} {S=spot}?\n",
        "Mine! I had {X.it} from {C=neighbour}.\n{B}: And {C} had {X.it} from me.\n{A}: {cheer}! Bad {C}!\n",
        "Then give me your {Y=thing}.\n{B}: My {Y} {Y.is} broken.\n{A}: I like {Y.a}, even so.\n",
        "Let the {Z=beast} judge.\n{B}: The {Z} is my cousin.\n{A}: {cheer}, a {Z}!\n",
    ],
    "mother_talk": [
        "Your mother is {C=neighbour}!\n{B}: No, {C} is my dentist.\n{A}: {cheer}, {C} has {number} teeth.\n",
        "And what {Y.was} your {Y}?\n{B}: My {Y} {Y.was} {D=food}.\n{A}: {cheer}, I like {D}.\n",
        "Did she {V=verb} the {Y}?\n{B}: She {V.ed} the {Y} for {number} days.\n{A}: Who has not {V.ed} {Y.a}?\n",
        "So the {Y} had a mother?\n{B}: The {Z=beast} was mother to the {Y}.\n{A}: {cheer}, dear {Z}!\n",
    ],
    "song_talk": [
        "A song about {X.a}? {cheer}!\n{B}: Oh {X}, oh {X}, fairest {S=spot}!\n{A}: I was happier {S}.\n",
        "Sing of my {Y=thing} too.\n{B}: Oh {Y}, oh {Y}, all alone!\n{A}: My {Y} {Y.is} weeping.\n",
        "Only the {Z=beast} sings.\n{B}: Then let the {Z} sing.\n{A}: {cheer}, the {Z} sings!\n",
        "What rhymes with {D=food}?\n{B}: Nothing rhymes with {D}.\n{A}: {cheer}, then {D} it is.\n",
    ],
    "end": [
        "{B}: Farewell, {A}.\n",
        "{B}: I am leaving {P}, {A}.\n{A}: {cheer}, {P} was dull anyway.\n",
        "{B}: Hush, I hear {C=neighbour}.\n{A}: {C}! Run, {B}!\n",
        "{A}: Shall we {V=verb} {P}, {B}?\n{B}: I {V.ed} {P} on {weekday}.\n",
        "{A}: I must go and {V=verb} my {X}.\n{B}: May I {V} {X.it} too, {A}?\n",
        "{A}: Time for {D=food}!\n{B}: I never refuse {D}, {A}.\n",
        "{A}: Did you hear the {Z=beast}?\n{B}: No {Z} ever comes to {P}.\n",
        "{A}: Good night, {B}.\n{B}: Good night, {A}. Good night, {X}.\n",
    ],
}


def plural(text: str) -> bool:
    """Whether a phrase names several things."""
    return text.endswith("s")


def male(name: str) -> bool:
    """Whether a person of the plays is a he."""
    return name.split()[0] in LORDS


def past(verb: str) -> str:
    """The past tense of a regular verb."""
    return verb + ("d" if verb.endswith("e") else "ed")


def with_article(thing: str) -> str:
    """a cold egg, an old egg, cold eggs."""
    if plural(thing):
        return thing
    return ("an " if thing[0] in "aeiou" else "a ") + thing


FORMS = {
    "a": with_article,
    "ed": past,
    "he": lambda name: "he" if male(name) else "she",
    "his": lambda name: "his" if male(name) else "her",
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
