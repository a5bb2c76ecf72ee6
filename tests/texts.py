"""Texts a learner might bring, in other scripts and other shapes, for the tests."""

import random
from pathlib import Path

import torch

TURKISH = {
    "who": "çiftçi öğretmen kaptan aşçı balıkçı çocuk komşu hırsız şair terzi doktor müzisyen",
    "what": "ekmeği kitabı şapkayı çiçeği ağacı köpeği mektubu güneşi yıldızı gemiyi çantayı ışığı",
    "where": "bahçede köprüde çarşıda ormanda evde denizde dağda sokakta gölde okulda",
    "how": "yavaşça sessizce gülerek koşarak ağlayarak birden sonunda yine bugün dün",
    "did": "buldu gördü sevdi aldı gizledi çizdi unuttu taşıdı düşündü sakladı",
}
HINDI = {
    "who": "किसान शिक्षक बच्चा राजा कवि दर्ज़ी चोर पड़ोसी मछुआरा वैद्य",
    "where": "बाग़ में|पुल पर|बाज़ार में|जंगल में|घर में|नदी पर|पहाड़ पर|गाँव में",
    "how": "धीरे से|चुपचाप|हँसते हुए|दौड़ते हुए|अचानक|फिर|आज|कल",
    "what": "रोटी किताब टोपी फूल पेड़ चिट्ठी सूरज तारा नाव दीपक",
    "did": "देखता है|खोजता है|छिपाता है|बनाता है|भूलता है|लाता है|सोचता है",
}


def sentences(words: dict[str, str], order: str, end: str, digits: str, num_characters: int) -> str:
    """Numbered sentences of random words, about `num_characters` long.

    The numbers, in the script's own digits, keep a vocabulary of a thousand tokens from using up
    what so few words have to offer.
    """
    chance = random.Random(0)
    choices = {slot: w.split("|") if "|" in w else w.split() for slot, w in words.items()}
    lines, length = [], 0
    while length < num_characters:
        number = "".join(chance.choices(digits, k=5))
        line = f"{number} " + " ".join(chance.choice(choices[s]) for s in order.split()) + end
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines) + "\n"


def turkish(num_characters: int = 200_000) -> str:
    """Turkish sentences, with its dotted and dotless i."""
    return sentences(TURKISH, "how who where what did", ".", "0123456789", num_characters)


def hindi(num_characters: int = 120_000) -> str:
    """Hindi sentences, with vowel signs that combine with the letter before them."""
    return sentences(HINDI, "who where how what did", "।", "०१२३४५६७८९", num_characters)


def python_source(num_characters: int = 300_000) -> str:
    """Python source: torch's own, without what is not ASCII."""
    text = ""
    for path in sorted(Path(torch.__file__).parent.joinpath("nn", "modules").glob("*.py")):
        text += path.read_text(encoding="utf-8").encode("ascii", "ignore").decode("ascii")
    return text[:num_characters]
