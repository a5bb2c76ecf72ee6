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
            rule: [self.opening(alternative, {}) for alternative in alternatives]
            for rule, alternatives in self.rules.items()
            if not any(self.remembers(alternative) for alternative in alternatives)
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
            openings = self.fixed.get(rule) or [
                self.opening(alternative, memory) for alternative in self.rules[rule]
            ]
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

    def remembers(self, alternative: list) -> bool:
        """Whether an alternative repeats something before its first draw."""
        for part in alternative:
            if isinstance(part, Slot):
                return not part.rule
        return False

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
    "hero": "Ada Bea Cid Dot Eva Fay Gus Hal Ida Jim Kit Leo Meg Ned Ora Pim".split(),
    "friend": "Quin Ray Sam Tess Una Vic Wyn Xena Yuri Zoe Abe Ben Cleo Dan Ella Finn".split(),
    "onset": """
        Bl Br Cl Cr Dr Dw Fl Fr Gl Gr H J K L M N Pl Pr Qu R Sk Sl Sm Sn Sp St Tr Tw V W Y Z
        """.split(),
    "vowel": ["a", "e", "i", "o", "u"],
    "rest": """
        bba dda ffa gga lla mma nna ppa rra ssa tta zza
        bbo ck dge ggle lb lt mp nk rk sh th x
        """.split(),
    "village": """
        bury by cester dale ford gate ham hurst more mouth ness port stow ton well wick
        """.split(),
    "who": """
        badger baker barber beaver bishop butcher butler camel captain chef clown comedian cook
        count dentist detective doctor donkey dragon duchess duck duke farmer ferret fiddler fireman
        frog gardener ghost giant gnome goat goblin goose governor grocer hamster hedgehog hermit
        hunter jester judge juggler king knight lawyer llama lobster magician mayor mermaid milkman
        monk monster moose nurse painter panther parrot peacock pelican penguin pigeon pilot pirate
        plumber poet policeman pony priest princess professor puppet queen rabbit raccoon robber
        robot sailor scientist seal secretary shepherd sheriff snail soldier sorcerer spy squirrel
        tailor teacher tiger toad tortoise tourist troll turkey turtle vampire vicar viking
        violinist waiter walrus weasel werewolf whale witch wizard wombat yak zebra zookeeper
        """.split(),
    "mood": """
        bald barefoot bashful bearded bored bossy brave brilliant careful cautious charming cheeky
        cheerful chilly clever clumsy confused cranky cunning curious daring delicate dizzy dreamy
        fabulous famous fearless feverish fierce forgetful friendly frightened fussy gallant
        generous gentle gigantic gloomy grateful greedy grumpy handsome happy helpful hopeless
        humble hungry jealous jolly joyful kind lazy lively lonely lovesick lucky mad merry mighty
        miserable modest mysterious naughty neat nervous nimble noisy peculiar perfect playful plump
        polite proud puzzled quarrelsome quiet rebellious retired rich romantic rude sad scruffy
        seasick secretive sensible serious shaggy shy silent silly sleepy smelly sneaky spoilt
        stubborn talented talkative tall terrible thoughtful ticklish timid tiny tired tough vain
        wealthy weary wicked wild wise worried young zealous
        """.split(),
    "look": """
        bent big blue brass broken bronze brown cardboard carved cheap chequered clean copper
        cracked creaky crooked damp dented dirty double dusty fake fancy floating fluffy folding
        frozen furry giant glass glowing golden green grey hairy haunted heavy hollow inflatable
        jewelled knitted leaky leather little long lopsided magic marble melted miniature mossy
        muddy musical new painted paper patched pink plain plastic pointed porcelain portable purple
        ragged rare rotten round rubber rusty scarlet scratched secret shiny short silent silver
        slippery soft sparkling spotted square squeaky stolen striped tangled tartan thin
        transparent twisted ugly useless velvet vibrating warm wet white wide wobbly wooden wrinkled
        yellow
        """.split(),
    "object": """
        balloon banjo barrel basket bathtub bell bench bicycle blanket bonnet bottle box bracelet
        bridge broom bucket button candle cannon carpet cello chair chandelier chest chimney
        clarinet clock coat comb compass cradle crown cupboard curtain cushion desk diary doorbell
        dresser drum fan feather fiddle flagpole flute fork fountain garden glove guitar hammer
        hammock harp hat helmet horn hourglass jacket jewel jug kettle kite ladder lamp lantern
        lighthouse locket map mask mattress microscope mirror necklace needle notebook paintbrush
        parasol penny piano pillow pipe pocketwatch pyramid quilt raft ribbon ring rocket rope
        saddle sandal scarf shovel sleigh slipper sock sofa spoon statue suitcase sword table teapot
        telescope tent thimble toothbrush tower treasure trombone trumpet tunnel vase violin wagon
        wardrobe wheelbarrow whistle wig windmill yacht zip
        """.split(),
    "taste": """
        bitter boiled burnt buttered caramel chopped cold creamy crispy crunchy curried dry
        fermented fizzy fresh fried frosted grilled hot juicy lukewarm lumpy mashed mild minty
        mouldy nutty peppery pickled poached raw roasted salty smoked soggy sour spicy stale steamed
        sticky stuffed sugary sweet tasteless toasted vanilla whipped
        """.split(),
    "dish": """
        bacon bananas beans beetroot biscuits bread broccoli cabbage cake candyfloss carrots
        cauliflower celery cheese cherries chestnuts chips cider cocoa crumpets cucumber curry
        custard dates doughnuts dumplings figs fish fudge garlic gherkins ginger grapes gravy halibut
        ham honey jam jelly ketchup kippers lasagne leeks lemonade lentils lettuce liquorice
        macaroni marmalade marzipan meatballs melon muffins mushrooms mustard nachos noodles nougat
        pancakes parsnips pasta peaches peanuts pears peas pickles pie pizza plums popcorn porridge
        potatoes prunes pudding radishes raisins rhubarb rice salad sardines sausages scones soup
        spaghetti spinach strudel syrup tarts toffee tofu tomatoes treacle trifle tuna turnips
        waffles yoghurt
        """.split(),
    "number": "two three four five six seven nine ten twelve thirteen twenty forty fifty".split(),
    "cheer": """
        Alas Bravo Crumbs Drat Eek Fancy Goodness Hooray Indeed Jeepers Lovely Marvellous Nonsense
        Ouch Phew Rubbish
        """.split(),
    "act": """
        box cook count dance drive fish fly giggle juggle kneel knit limp mumble paint pray read
        rhyme ride sew shout sing ski sneeze snore sulk swim tap-dance whistle wink wrestle yawn
        yodel
        """.split(),
    "did": """
        admired arrested avoided befriended bit bored bribed chased copied cured dreaded drew
        dropped envied fed followed fooled forgave greeted guarded hid hired hugged ignored insulted
        interviewed invited jailed kissed led loved married met mocked nursed obeyed outran
        outwitted painted pinched praised pushed rescued robbed saved scared sketched splashed
        startled sued taught teased tickled trained tricked trusted unmasked visited warned wed
        weighed woke worshipped
        """.split(),
    "wants": "borrowed collects desires found hid inherited lost wears".split(),
    "eats": "adores bathes-in cooks dreads eats fries grows sells".split(),
    "near": "beyond from in near outside under by above".split(),
    "today": """
        again always daily forever indeed lately maybe nowadays often perhaps rarely secretly today
        usually weekly yearly
        """.split(),
}

# Who is who in a scene: A asks and B answers. They gossip about the person Z, the place P, the thing
# X and the food D until the talk runs dry. A thing comes in with "a"; "the" points back at it.
SCENES = {
    "scene": ["{A=hero} and {B=friend} {doing}.\n{A}: {hello}, {B}?\n{B}: {news}\n"],
    "doing": [
        "at the bus stop", "fixing a roof", "in a small boat", "up a tree", "waiting for soup",
        "knitting", "on the moon", "stuck in a lift", "feeding pigeons", "painting a fence",
        "lost in a wood", "under an umbrella", "eating {dish}", "dressed as a {who}",
        "behind a {object}", "hunting for {dish}",
    ],
    "hello": ["Any news", "What is up", "Who is here", "Heard anything"],
    "name": ["{onset}{vowel}{rest}"],
    "town": ["{onset}{vowel}{village}"],
    "news": [
        "They banned {taste} {dish} in {P=town}.\n{A}: {place}",
        "I lost my {who} and a {look} {X=object}.\n{A}: {thing}",
        "A {mood} {who} fell in love with {Z=name}.\n{A}: {person}",
        "My {look} {object} was eaten by {Z=name}.\n{A}: {person}",
        "It is raining {taste} {D=dish}.\n{A}: {food}",
        "Every {who} is moving to {P=town}.\n{A}: {place}",
        "You have a {mood} new neighbour, {Z=name}.\n{A}: {person}",
        "The {who} {did} {Z=name}.\n{A}: {person}",
    ],
    "person": [
        "Who is {Z}?\n{B}: {Z} is a {mood} {who} {near} {P=town}.\n{A}: {place}",
        "What about {Z}?\n{B}: {Z} {wants} a {look} {X=object} {today}.\n{A}: {thing}",
        "Is {Z} {mood}?\n{B}: {Z} is {mood}, like {Z=name}, my {who}.\n{A}: {person}",
        "Where is {Z}?\n{B}: {Z} is in {P=town} with a {mood} {who}.\n{A}: {place}",
        "Why {Z}?\n{B}: {Z} {did} a {mood} {who} called {Z=name}.\n{A}: {person}",
        "How is {Z}?\n{B}: {Z} {did} {number} {look} bears in {P=town}.\n{A}: {place}",
        "Can {Z} {act}?\n{B}: {Z} can {act} like a {who} from {P=town}.\n{A}: {place}",
        "Has {Z} eaten?\n{B}: {Z} {eats} {taste} {D=dish}, the {who} says.\n{A}: {food}",
        "My {who} {did} {Z}!\n{B}: {Z} lost {Z.his} {look} {X=object}.\n{A}: {thing}",
        "Oh {cheer}, not {Z}!\n{B}: {Z}, and {Z.he} {did} {Z=name}, a {mood} {who}.\n{A}: {person}",
        "Poor {Z}!\n{B}: {Z} gave {Z.his} {look} {object} to {Z=name}.\n{A}: {person}",
        "Enough of {Z}.\n{end}",
    ],
    "place": [
        "Who rules {P}?\n{B}: {P} is ruled by {Z=name}, a {mood} {who}.\n{A}: {person}",
        "Where is {P}?\n{B}: {P} is {number} {mood} miles {near} {P=town}.\n{A}: {place}",
        "I hear {P} is {mood}.\n{B}: {P} has a {who} who {did} {Z=name}.\n{A}: {person}",
        "Let us visit {P}!\n{B}: {P} has only {taste} {D=dish} and a {who}.\n{A}: {food}",
        "What is in {P}?\n{B}: {P} has a {look} {X=object} on {number} wheels.\n{A}: {thing}",
        "Oh {cheer}, {P}!\n{B}: {P} is where {Z=name} {did} a {mood} {who}.\n{A}: {person}",
        "My {who} is from {P}.\n{B}: {P} hates {Z=name}, your {mood} {who}.\n{A}: {person}",
        "Never go to {P}.\n{end}",
    ],
    "thing": [
        "Whose is the {X}?\n{B}: The {X} is from {Z=name}, a {mood} {who}.\n{A}: {person}",
        "Where is the {X}?\n{B}: The {X} is {near} {P=town}, on a {mood} {who}.\n{A}: {place}",
        "I like the {X}.\n{B}: The {X} was a {look} {X=object} {today}.\n{A}: {thing}",
        "Oh {cheer}, the {X}!\n{B}: The {X} {did} {Z=name}, a {mood} {who}.\n{A}: {person}",
        "Can the {X} {act}?\n{B}: The {X} can {act} in {P=town} {today}.\n{A}: {place}",
        "Is the {X} {look}?\n{B}: The {X} is full of {taste} {D=dish}.\n{A}: {food}",
        "My {who} has the {X}.\n{B}: The {X} {did} {Z=name}.\n{A}: {person}",
        "Keep the {X}.\n{end}",
    ],
    "food": [
        "Who cooked the {D}?\n{B}: The {D} {D.is} by {Z=name}, a {mood} {who}.\n{A}: {person}",
        "I want the {D}.\n{B}: The {D} {D.is} for {Z=name}, my {mood} {who}.\n{A}: {person}",
        "Does the {who} eat the {D}?\n{B}: The {D} {D.is} in a {look} {X=object}.\n{A}: {thing}",
        "Keep the {D}.\n{end}",
    ],
    "end": [
        "{B}: Farewell, {A}.\n",
        "{B}: Time for {taste} {dish}, {A}.\n",
        "{B}: Good night, {A}.\n{A}: Good night, {B}.\n",
        "{B}: Help, my {object} is on fire!\n",
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
