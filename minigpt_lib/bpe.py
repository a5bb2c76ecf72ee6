"""Byte-pair encoding: common runs of bytes become tokens, so that no text is ever unknown."""

# Written from notebooks/01_tokenizer.ipynb by `minigpt export`; edit that, not this file.

import hashlib
import heapq
import pathlib
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection
from itertools import pairwise
from os import environ
from typing import Self

import regex
import requests
import tiktoken

from minigpt_lib.tokenizer import check_ids, load_record, save_record


def to_bytes(text: str) -> bytes:
    """UTF-8 bytes of a text.

    Raises:
        ValueError: the text holds half a character, left there by a program that read it wrongly.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"character {text[error.start]!r} at position {error.start} is half of a surrogate"
            " pair and has no UTF-8 bytes; remove it, or read the file again as UTF-8"
        ) from None


def count_pairs(pieces: dict[tuple[int, ...], int]) -> Counter[tuple[int, int]]:
    """How often each pair of neighbouring ids occurs.

    Args:
        pieces: from a piece (a tuple of ids) to the number of times the text holds it.
    Returns:
        from a pair to its count. Pairs overlap, so (a, a, a) holds (a, a) twice; no pair reaches
        across two pieces; a piece that occurs n times counts n times.
    """
    counts = Counter()
    for piece, frequency in pieces.items():
        for pair in pairwise(piece):
            counts[pair] += frequency
    return counts


def merge_pair(ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    """Replace each occurrence of `pair` by `new_id`, from left to right.

    >>> merge_pair([1, 2, 3, 1, 2], (1, 2), 256)
    [256, 3, 256]
    """
    merged, i = [], 0
    while i < len(ids):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


GPT2_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def split_pieces(text: str) -> list[str]:
    """Cut a text where GPT-2 cuts it; the pieces, joined, are the text again.

    Source: Radford et al. 2019, section 2.2; the pattern is that of the released code.
    """
    return regex.findall(GPT2_PATTERN, text)


def count_pieces(text: str) -> Counter[tuple[int, ...]]:
    """How often each piece occurs in a text; a piece is given as the tuple of its bytes."""
    return Counter({tuple(to_bytes(p)): n for p, n in Counter(split_pieces(text)).items()})


def pop_most_frequent(heap: list, counts: Counter[tuple[int, int]]) -> tuple[int, int] | None:
    """Take the pair with the highest count off the heap; of equal ones, the smallest pair.

    Args:
        heap: entries (−count, pair); one whose count is no longer true is dropped.
        counts: the true counts.
    Returns:
        the pair, or None when no pair is left.
    """
    while heap:
        negative_count, pair = heapq.heappop(heap)
        if counts[pair] == -negative_count:
            return pair
    return None


def learn_merges(pieces: dict[tuple[int, ...], int], num_merges: int) -> list[tuple[int, int]]:
    """Merge the most frequent pair, again and again; of equal ones, the pair of smallest ids.

    Args:
        pieces: from a piece (a tuple of bytes) to the number of times the text holds it.
        num_merges: how many merges to learn; merge number r, from 0, makes id 256 + r.
    Returns:
        the merged pairs in order; fewer than asked when every piece has become one token.
    Source: Sennrich et al. 2016, section 3.2; here only pieces that hold the pair are visited.
    """
    words, frequencies = [list(piece) for piece in pieces], list(pieces.values())
    counts, holders = count_pairs(pieces), defaultdict(set)
    for index, word in enumerate(words):
        for pair in pairwise(word):
            holders[pair].add(index)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)
    merges = []
    while len(merges) < num_merges and (best := pop_most_frequent(heap, counts)):
        changes = Counter()
        for index in holders.pop(best):
            before, frequency = words[index], frequencies[index]
            after = merge_pair(before, best, 256 + len(merges))
            for pair in pairwise(before):
                changes[pair] -= frequency
            for pair in pairwise(after):
                changes[pair] += frequency
                holders[pair].add(index)
            words[index] = after
        for pair, change in changes.items():
            counts[pair] += change
            if change and counts[pair]:
                heapq.heappush(heap, (-counts[pair], pair))
        merges.append(best)
    return merges


def apply_merges(ids: list[int], ranks: dict[tuple[int, int], int]) -> list[int]:
    """Merge the pair that was learned first, everywhere, until no known pair is left.

    Args:
        ids: the bytes of one piece.
        ranks: from a pair to its number in the order of learning, from 0.
    """
    while len(ids) > 1:
        pair = min(pairwise(ids), key=lambda p: ranks.get(p, len(ranks)))
        if pair not in ranks:
            break
        ids = merge_pair(ids, pair, 256 + ranks[pair])
    return ids


class MergeTable:
    """What follows from a list of merges: the bytes of each token, the ids of each text."""

    def __init__(self, merges: list[tuple[int, int]]):
        """ValueError for a merge of ids not known yet, or for two tokens of the same bytes."""
        self.token_bytes = [bytes([i]) for i in range(256)]
        for left, right in merges:
            known = len(self.token_bytes)
            if not (0 <= left < known and 0 <= right < known):
                raise ValueError(
                    f"merge ({left}, {right}) makes id {known}, so it may use ids 0 to {known - 1}"
                )
            self.token_bytes.append(self.token_bytes[left] + self.token_bytes[right])
        if len(set(self.token_bytes)) < len(self.token_bytes):
            raise ValueError("two merges make the same token; BPE never learns such a list")
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._ids_of_piece = {}

    def encode(self, text: str) -> list[int]:
        """Ids of a text without special tokens; pieces are remembered, because words repeat."""
        if len(self._ids_of_piece) > 50_000:
            self._ids_of_piece.clear()
        ids = []
        for piece in split_pieces(text):
            if piece not in self._ids_of_piece:
                self._ids_of_piece[piece] = apply_merges(list(to_bytes(piece)), self.ranks)
            ids += self._ids_of_piece[piece]
        return ids


def check_special_tokens(names: Collection[str]) -> None:
    """ValueError unless the names are a collection of texts, none of them empty or given twice."""
    if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"special tokens are a collection of texts, none empty, not {names!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"a special token is given twice in {list(names)}")


def check_allowed(names: Collection[str], known: Collection[str]) -> None:
    """ValueError for the first of the names that is not a known special token."""
    check_special_tokens(names)
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is not a special token; known are {list(known)}")


def split_at_special(text: str, names: Collection[str]) -> list[str]:
    """Cut a text before and after each name; the longest one wins where several begin."""
    if not names:
        return [text]
    longest_first = sorted(names, key=len, reverse=True)
    return regex.split("(" + "|".join(map(regex.escape, longest_first)) + ")", text)


def train_merges(
    text: str, vocab_size: int, special_tokens: Collection[str] = ()
) -> list[tuple[int, int]]:
    """Learn as many merges as a vocabulary has room for: all but 256 bytes and special tokens.

    Raises:
        ValueError: there is no room, or the text is too short for so many merges.
    """
    check_special_tokens(special_tokens)
    wanted = vocab_size - 256 - len(special_tokens)
    if wanted < 0:
        raise ValueError(
            f"vocab_size ({vocab_size}) must be at least {256 + len(special_tokens)}: 256 bytes and"
            f" {len(special_tokens)} special tokens"
        )
    pieces = Counter()
    for part in split_at_special(text, special_tokens):
        if part not in special_tokens:
            pieces.update(count_pieces(part))
    merges = learn_merges(pieces, wanted)
    if len(merges) < wanted:
        raise ValueError(
            f"the text holds {len(merges)} merges, and vocab_size ({vocab_size}) asks for {wanted};"
            f" take a longer text, or vocab_size {vocab_size - wanted + len(merges)}"
        )
    return merges


class BPETokenizer:
    """Byte-level BPE: ids 0–255 are the bytes, then one id a merge, then the special tokens."""

    def __init__(self, merges: list[tuple[int, int]], special_tokens: Collection[str] = ()):
        """`merges` in the order they were learned; ValueError where they don't fit together."""
        check_special_tokens(special_tokens)
        self.merges = [tuple(pair) for pair in merges]
        self.table = MergeTable(self.merges)
        num_ordinary = len(self.table.token_bytes)
        self.special_ids = {name: num_ordinary + i for i, name in enumerate(special_tokens)}
        self.vocab_size = num_ordinary + len(self.special_ids)
        self._token_bytes = self.table.token_bytes + [to_bytes(name) for name in special_tokens]

    @classmethod
    def train(cls, text: str, vocab_size: int, special_tokens: Collection[str] = ()) -> Self:
        """Learn from a text; ValueError where it is too short, or `vocab_size` too small."""
        return cls(train_merges(text, vocab_size, special_tokens), special_tokens)

    def encode(self, text: str, allowed_special: Collection[str] = ()) -> list[int]:
        """Text to ids; special tokens count as such only where `allowed_special` names them.

        Raises:
            ValueError: an unknown name, or half a character in the text (see `to_bytes`).
        """
        check_allowed(allowed_special, self.special_ids)
        to_bytes(text)
        ids = []
        for part in split_at_special(text, allowed_special):
            special = part in allowed_special
            ids += [self.special_ids[part]] if special else self.table.encode(part)
        return ids

    def decode(self, ids: list[int]) -> str:
        """Ids to text; bytes that make no character become �; ValueError for unknown ids."""
        check_ids(ids, self.vocab_size)
        return b"".join(self._token_bytes[i] for i in ids).decode("utf-8", errors="replace")

    def save(self, path: str | pathlib.Path) -> None:
        """Write merges and special tokens as JSON."""
        names = list(self.special_ids)
        save_record(path, {"type": "bpe", "merges": self.merges, "special_tokens": names})

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Self:
        """Read what `save` wrote; ValueError for any other file."""
        record = load_record(path, "bpe")
        try:
            return cls(record["merges"], record["special_tokens"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a saved BPETokenizer: {error!r}") from error

    def to_tiktoken(self) -> tiktoken.Encoding:
        """The same tokenizer as an object of tiktoken: same pattern, merges and special tokens.

        The two agree on every character that the Unicode tables of both packages know.
        """
        ranks = {token: i for i, token in enumerate(self.table.token_bytes)}
        settings = {"mergeable_ranks": ranks, "special_tokens": self.special_ids}
        return tiktoken.Encoding("minigpt_bpe", pat_str=GPT2_PATTERN, **settings)


GPT2_FILES = {  # where tiktoken takes GPT-2's vocabulary from, and the SHA-256 of each file
    "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/vocab.bpe": (
        "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"
    ),
    "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/encoder.json": (
        "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"
    ),
}


def has_gpt2_files(folder: pathlib.Path) -> bool:
    """Whether one of tiktoken's cache folders holds GPT-2's vocabulary, whole."""
    for url, digest in GPT2_FILES.items():
        path = folder / hashlib.sha1(url.encode()).hexdigest()
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            return False
    return True


class GPT2Tokenizer:
    """GPT-2's own tokenizer as tiktoken carries it, with the methods of ours."""

    def __init__(self, encoding: tiktoken.Encoding):
        self.encoding = encoding
        self.vocab_size = encoding.n_vocab

    def encode(self, text: str, allowed_special: Collection[str] = ()) -> list[int]:
        """Text to ids; "<|endoftext|>" is one token only where `allowed_special` names it."""
        to_bytes(text)
        allowed = set(allowed_special)
        return self.encoding.encode(text, allowed_special=allowed, disallowed_special=())

    def decode(self, ids: list[int]) -> str:
        """Ids to text; ValueError for an id outside the vocabulary."""
        check_ids(ids, self.vocab_size)
        return self.encoding.decode(list(ids))


def gpt2_tokenizer() -> GPT2Tokenizer:
    """GPT-2's tokenizer, 50,257 tokens.

    Its files are looked for in MINIGPT_DATA_DIR/tiktoken and in tiktoken's own cache, then
    downloaded once, but never where MINIGPT_OFFLINE is 1.

    Raises:
        OSError: the files are not here and can't be downloaded.
    """
    own = environ.get("TIKTOKEN_CACHE_DIR") or environ.get("DATA_GYM_CACHE_DIR")
    folders = [pathlib.Path(own or f"{tempfile.gettempdir()}/data-gym-cache")]
    if environ.get("MINIGPT_DATA_DIR"):
        folders.insert(0, pathlib.Path(environ["MINIGPT_DATA_DIR"]) / "tiktoken")
    found = [folder for folder in folders if has_gpt2_files(folder)]
    try:
        if found:
            environ["TIKTOKEN_CACHE_DIR"] = str(found[0])
        elif environ.get("MINIGPT_OFFLINE") == "1":
            raise OSError("MINIGPT_OFFLINE is 1")
        else:  # tiktoken sets no time limit of its own
            requests.head(next(iter(GPT2_FILES)), timeout=5)
        return GPT2Tokenizer(tiktoken.get_encoding("gpt2"))
    except (OSError, ValueError) as error:
        raise OSError(f"GPT-2's vocabulary is not here and can't be downloaded: {error}") from error
