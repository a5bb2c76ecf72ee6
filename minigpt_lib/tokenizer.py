"""Text to numbers and back, one character at a time."""

# Written from notebooks/01_tokenizer.ipynb by `minigpt export`; edit that, not this file.

import json
import os
from pathlib import Path


def check_ids(ids: list[int], vocab_size: int) -> None:
    """ValueError for the first id outside 0 … vocab_size − 1: which, where, what is allowed."""
    for position, i in enumerate(ids):
        if not 0 <= i < vocab_size:
            raise ValueError(f"id {i} at position {position} is not one of 0 to {vocab_size - 1}")


def save_record(path: str | Path, record: dict) -> None:
    """Write a dictionary as a JSON file, whole or not at all."""
    temporary = Path(f"{path}.tmp")
    temporary.write_text(json.dumps(record), encoding="utf-8")
    os.replace(temporary, path)


def load_record(path: str | Path, kind: str) -> dict:
    """Read what `save_record` wrote; ValueError unless it is whole and of type `kind`."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a tokenizer file, or is cut short: {error}") from error
    if not isinstance(record, dict) or record.get("type") != kind:
        raise ValueError(f'{path} holds no tokenizer of type "{kind}"; make one and save it there')
    return record


class CharTokenizer:
    """One id per character: its place in the sorted vocabulary, from 0.

    >>> CharTokenizer.from_text("hello").encode("hole")
    [1, 3, 2, 0]
    """

    def __init__(self, characters: str):
        """`characters` is the vocabulary: sorted, each once; ValueError where it is not."""
        if not characters or list(characters) != sorted(set(characters)):
            raise ValueError("the vocabulary must be sorted, without repeats, and not empty")
        self.characters = characters
        self.vocab_size = len(characters)
        self._id_of = {character: i for i, character in enumerate(characters)}

    @classmethod
    def from_text(cls, text: str) -> "CharTokenizer":
        """The tokenizer for the characters of `text`; ValueError where it is empty."""
        return cls("".join(sorted(set(text))))

    def encode(self, text: str) -> list[int]:
        """Text of T characters to T ids; ValueError names the first character it can't number."""
        for position, character in enumerate(text):
            if character not in self._id_of:
                raise ValueError(
                    f"character {character!r} at position {position} is not in the vocabulary of"
                    f" {self.vocab_size} characters; remove it, or use a tokenizer that knows it"
                )
        return [self._id_of[character] for character in text]

    def decode(self, ids: list[int]) -> str:
        """T ids to text of T characters; ValueError names the first id outside the vocabulary."""
        check_ids(ids, self.vocab_size)
        return "".join(self.characters[i] for i in ids)

    def save(self, path: str | Path) -> None:
        """Write the vocabulary as JSON."""
        save_record(path, {"type": "char", "characters": self.characters})

    @classmethod
    def load(cls, path: str | Path) -> "CharTokenizer":
        """Read what `save` wrote; ValueError for any other file."""
        return cls(str(load_record(path, "char").get("characters", "")))
