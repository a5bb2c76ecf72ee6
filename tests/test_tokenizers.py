"""Tokenizers: round trips, tiktoken as the oracle of BPE, and a clear answer to every bad input."""

import json
import os
import random
import socket
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import regex
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from course.tinytales import tinytales
from minigpt_lib import bpe as bpe_module
from minigpt_lib.bpe import (
    GPT2_FILES,
    BPETokenizer,
    apply_merges,
    count_pairs,
    count_pieces,
    gpt2_tokenizer,
    has_gpt2_files,
    learn_merges,
    merge_pair,
    split_pieces,
)
from minigpt_lib.tokenizer import CharTokenizer

TURKISH = """
İstanbul'un ışıkları sönerken çocuk, öğretmeninin verdiği kitabı okuyordu. Yağmur yağıyor, şehrin
dar sokaklarında kediler saklanacak yer arıyordu. "Güzel bir gün değil," dedi annesi, "ama yarın
güneş açar." Çocuk güldü: ığdır, şeker, üzüm, ağaç, ömür; ne güzel sözcüklerdi bunlar.
"""
HINDI = """
सूरज उगा और नदी के किनारे बच्चे खेलने लगे। राजा ने पूछा, "क्या तुम कहानी सुनोगे?" बच्चों ने कहा, "हाँ,
ज़रूर!" तब उसने एक पेड़, एक चिड़िया और एक छोटी नाव की कहानी सुनाई। रात हुई, चाँद निकला, और सब अपने घर चले गए।
"""
TEXTS = {
    "english": tinytales(60_000),
    "turkish": TURKISH * 3,
    "hindi": HINDI * 3,
    "python": Path(bpe_module.__file__).read_text(encoding="utf-8"),
    "white space": "a  b\n\n c \t d   e\r\n" * 20 + "aaaa aaaaaaa aaa",
}
SPECIAL = ["<|end|>", "<|user|>"]
TOKENIZERS = {
    name: BPETokenizer(learn_merges(count_pieces(text), 400), SPECIAL)
    for name, text in TEXTS.items()
}
REFERENCES = {name: tokenizer.to_tiktoken() for name, tokenizer in TOKENIZERS.items()}

# Characters that Python's own Unicode table knows: newer ones are letters to one of the two regular
# expression packages and unassigned to the other, and so are cut differently.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=60)


def assert_equals_tiktoken(text: str) -> None:
    for name, tokenizer in TOKENIZERS.items():
        ids = tokenizer.encode(text)
        assert ids == REFERENCES[name].encode(text, disallowed_special=()), name
        assert tokenizer.decode(ids) == text, name


def random_string(rng: random.Random) -> str:
    """Words of a corpus, white space, signs, emoji and any assigned characters, mixed."""
    parts = []
    for _ in range(rng.randrange(0, 12)):
        kind = rng.randrange(5)
        if kind == 0:
            text = rng.choice(list(TEXTS.values()))
            start = rng.randrange(len(text))
            parts.append(text[start : start + rng.randrange(12)])
        elif kind == 1:
            parts.append(rng.choice([" ", "  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000"]))
        elif kind == 2:
            parts.append(rng.choice(["'ll", "'S", "don't", " 1604", "½", "²", "e\u0301", "\x00"]))
        elif kind == 3:
            parts.append(
                rng.choice(["🙂", "👩‍🚀", "🇹🇷", "你好", "日本語", "नमस्ते", "سلام", "İı", "<|end|>"])
            )
        else:
            points = [rng.randrange(0x20000) for _ in range(3)]
            known = [chr(p) for p in points if not regex.match(r"[\p{Cs}\p{Cn}]", chr(p))]
            parts.append("".join(c for c in known if c.isprintable()))
    return "".join(parts)


# --- characters ---------------------------------------------------------------------------------


@given(st.text(min_size=1))
def test_characters_survive_the_round_trip(text):
    tokenizer = CharTokenizer.from_text(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.vocab_size == len(set(text))


def test_character_ids_follow_the_sorted_vocabulary():
    tokenizer = CharTokenizer.from_text("hello")
    assert (tokenizer.characters, tokenizer.encode("hole")) == ("ehlo", [1, 3, 2, 0])
    assert tokenizer.encode("") == [] and tokenizer.decode([]) == ""


def test_unknown_character_is_named_with_its_place():
    tokenizer = CharTokenizer.from_text("caf")
    with pytest.raises(ValueError, match="'é' at position 3 is not in the vocabulary of 3"):
        tokenizer.encode("café")


@pytest.mark.parametrize("bad", [-1, 5, 10**9])
@pytest.mark.parametrize(
    "tokenizer", [CharTokenizer("abcde"), BPETokenizer([])], ids=["char", "bpe"]
)
def test_unknown_id_is_named_with_its_place(tokenizer, bad):
    bad = bad if bad < 0 else bad + tokenizer.vocab_size - 5
    allowed = f"id {bad} at position 2 .* 0 to {tokenizer.vocab_size - 1}"
    with pytest.raises(ValueError, match=allowed):
        tokenizer.decode([0, 1, bad])


@pytest.mark.parametrize("characters", ["", "ba", "aab"])
def test_vocabulary_must_be_sorted_unique_and_not_empty(characters):
    with pytest.raises(ValueError, match="sorted"):
        CharTokenizer(characters)
    if not characters:
        with pytest.raises(ValueError, match="not empty"):
            CharTokenizer.from_text("")


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tokenizer",
    [CharTokenizer.from_text(HINDI + TURKISH + "🙂"), TOKENIZERS["hindi"], TOKENIZERS["english"]],
    ids=["char", "bpe-hindi", "bpe-english"],
)
def test_saved_tokenizer_encodes_the_same(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    loaded = type(tokenizer).load(path)
    assert loaded.encode(HINDI) == tokenizer.encode(HINDI)
    assert loaded.vocab_size == tokenizer.vocab_size
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]


def test_special_tokens_survive_saving(tmp_path):
    TOKENIZERS["english"].save(tmp_path / "t.json")
    loaded = BPETokenizer.load(tmp_path / "t.json")
    assert loaded.special_ids == TOKENIZERS["english"].special_ids


@pytest.mark.parametrize("kind", [CharTokenizer, BPETokenizer])
def test_truncated_or_foreign_file_is_refused(kind, tmp_path):
    path = tmp_path / "tokenizer.json"
    good = CharTokenizer("abc") if kind is CharTokenizer else BPETokenizer([(97, 98)])
    good.save(path)
    whole = path.read_bytes()
    foreign = [whole[: len(whole) // 2], b"", b"\xff\xfe\x00", b"[1, 2]", b'{"type": "other"}']
    foreign += [
        b'{"type": "char"}',
        b'{"type": "bpe"}',
        b'{"type": "char", "characters": ["b", "a"]}',
    ]
    foreign += [b'{"type": "bpe", "merges": [[1]], "special_tokens": []}']
    foreign += [b'{"type": "bpe", "merges": [[300, 1]], "special_tokens": []}']
    foreign += [b'{"type": "bpe", "merges": [[1.5, 1]], "special_tokens": []}']
    foreign += [b'{"type": "bpe", "merges": [], "special_tokens": "end"}']
    foreign += [b'{"type": "bpe", "merges": 5, "special_tokens": []}']
    for data in foreign:
        path.write_bytes(data)
        with pytest.raises(ValueError):
            kind.load(path)
    with pytest.raises(FileNotFoundError):
        kind.load(tmp_path / "missing.json")


def test_failed_save_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    CharTokenizer("abc").save(path)

    def stop(*args):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(OSError):
        CharTokenizer("xyz").save(path)
    assert CharTokenizer.load(path).characters == "abc"


# --- learning merges ----------------------------------------------------------------------------


def learn_by_recounting(pieces: dict, num_merges: int) -> list:
    """The oracle: counts every pair again before each merge."""
    merges = []
    while len(merges) < num_merges:
        counts = Counter()
        for piece, frequency in pieces.items():
            for i in range(len(piece) - 1):
                counts[piece[i], piece[i + 1]] += frequency
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        pieces = {tuple(merge_pair(p, best, 256 + len(merges))): n for p, n in pieces.items()}
        merges.append(best)
    return merges


SMALL_PIECES = st.dictionaries(
    st.lists(st.integers(0, 3), min_size=1, max_size=9).map(tuple), st.integers(1, 5), max_size=12
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(SMALL_PIECES, st.integers(0, 30))
def test_kept_counts_give_the_merges_of_recounting(pieces, num_merges):
    assert learn_merges(pieces, num_merges) == learn_by_recounting(pieces, num_merges)


@pytest.mark.parametrize("name", TEXTS)
def test_merges_of_real_text_equal_those_of_recounting(name):
    pieces = count_pieces(TEXTS[name][:6000])
    assert learn_merges(pieces, 60) == learn_by_recounting(pieces, 60)


def test_a_count_that_is_not_corrected_would_be_noticed(monkeypatch):
    """The planted mistake: take an old heap entry for a true one."""

    def pop_without_looking(heap, counts):
        pair = bpe_module.heapq.heappop(heap)[1]
        return pair if counts[pair] else pop_without_looking(heap, counts)

    pieces = count_pieces(TEXTS["english"][:6000])
    right = learn_by_recounting(pieces, 60)
    monkeypatch.setattr(bpe_module, "pop_most_frequent", pop_without_looking)
    assert learn_merges(pieces, 60) != right


def test_pairs_overlap_stay_in_their_piece_and_count_by_frequency():
    assert count_pairs({(1, 1, 1): 1}) == {(1, 1): 2}
    assert count_pairs({(1, 2): 3, (3,): 5, (2, 1, 2): 1}) == {(1, 2): 4, (2, 1): 1}


def test_equal_counts_go_to_the_smallest_pair_in_any_order_of_the_text():
    pieces = [(5, 6), (1, 9), (1, 2), (7, 7)]
    for order in (pieces, pieces[::-1]):
        merges = learn_merges(dict.fromkeys(order, 2), 4)
        assert merges == [(1, 2), (1, 9), (5, 6), (7, 7)]


@given(ANY_TEXT)
def test_pieces_joined_are_the_text(text):
    assert "".join(split_pieces(text)) == text


def test_training_twice_gives_the_same_merges():
    first, second = (BPETokenizer.train(TEXTS["turkish"], 400).merges for _ in range(2))
    assert first == second


# --- encoding: tiktoken is the oracle -----------------------------------------------------------


def test_bpe_equals_tiktoken_on_a_thousand_random_strings():
    rng = random.Random(0)
    for _ in range(1000):
        assert_equals_tiktoken(random_string(rng))


@settings(max_examples=500, deadline=None, derandomize=True)
@given(ANY_TEXT)
def test_bpe_equals_tiktoken_on_any_text(text):
    assert_equals_tiktoken(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "  \n", "\n\n\n", " the", "the ", "🙂", "a🙂 b", "\x00", "don't", *TEXTS.values()],
)
def test_bpe_equals_tiktoken_on_edge_cases(text):
    assert_equals_tiktoken(text)


def encode_left_to_right(ids: list, ranks: dict) -> list:
    """A known wrong version: merges the leftmost pair that can be merged."""
    while known := [i for i in range(len(ids) - 1) if (ids[i], ids[i + 1]) in ranks]:
        i = known[0]
        ids = [*ids[:i], 256 + ranks[ids[i], ids[i + 1]], *ids[i + 2 :]]
    return ids


def test_merging_from_left_to_right_would_be_noticed():
    ranks = {(98, 99): 0, (97, 98): 1}
    assert apply_merges([97, 98, 99], ranks) == [97, 256]
    assert encode_left_to_right([97, 98, 99], ranks) == [257, 99]


def test_another_cut_would_be_noticed(monkeypatch):
    text = TEXTS["english"][:2000]
    tokenizer = BPETokenizer(TOKENIZERS["english"].merges)
    monkeypatch.setattr(bpe_module, "split_pieces", lambda text: regex.findall(r"\s+|\S+", text))
    assert tokenizer.encode(text) != REFERENCES["english"].encode(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_full_cache_changes_nothing():
    tokenizer = BPETokenizer(TOKENIZERS["english"].merges)
    expected = tokenizer.encode(TEXTS["english"])
    tokenizer.encode(" ".join(str(n) for n in range(60_000)))
    assert tokenizer.encode(TEXTS["english"]) == expected


def test_changing_returned_ids_changes_no_later_answer():
    tokenizer = BPETokenizer(TOKENIZERS["english"].merges)
    ids = tokenizer.encode("the")
    expected = list(ids)
    ids.append(1)
    assert tokenizer.encode("the") == expected


@pytest.mark.parametrize("text", ["ab\ud800c", "\udfff", "\ud83d\ude42"])
def test_half_a_surrogate_pair_is_named_with_its_place(text):
    place = next(i for i, c in enumerate(text) if 0xD800 <= ord(c) <= 0xDFFF)
    with pytest.raises(ValueError, match=f"at position {place} is half of a surrogate"):
        TOKENIZERS["english"].encode(text)
    with pytest.raises(ValueError, match="surrogate"):
        BPETokenizer.train(text, 256)


def test_a_character_cut_in_two_decodes_to_the_replacement_sign():
    assert BPETokenizer([]).decode(list("🙂".encode()[:3])) == "\ufffd"


# --- vocabulary and special tokens --------------------------------------------------------------


def test_vocabulary_is_bytes_then_merges_then_special_tokens():
    tokenizer = BPETokenizer.train(TEXTS["english"], 300, SPECIAL)
    assert tokenizer.vocab_size == 300 and len(tokenizer.merges) == 42
    assert tokenizer.special_ids == {"<|end|>": 298, "<|user|>": 299}
    assert tokenizer.decode([298, 97]) == "<|end|>a"
    assert tokenizer.to_tiktoken().n_vocab == 300


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.one_of(ANY_TEXT, st.sampled_from(SPECIAL)), max_size=6).map("".join))
def test_special_tokens_equal_tiktoken_where_allowed(text):
    tokenizer, reference = TOKENIZERS["english"], REFERENCES["english"]
    for allowed in ([], ["<|end|>"], SPECIAL):
        expected = reference.encode(text, allowed_special=set(allowed), disallowed_special=())
        assert tokenizer.encode(text, allowed_special=allowed) == expected


def test_special_token_typed_by_a_stranger_is_ordinary_text():
    tokenizer = TOKENIZERS["english"]
    assert tokenizer.special_ids["<|end|>"] not in tokenizer.encode("a<|end|>b")
    assert tokenizer.decode(tokenizer.encode("a<|end|>b")) == "a<|end|>b"


def test_training_learns_nothing_from_special_tokens():
    with_marks = "<|end|>".join(["to be"] * 50)
    assert BPETokenizer.train(with_marks, 260, ["<|end|>"]).merges == learn_merges(
        count_pieces("to be") + count_pieces("to be"), 3
    )


def test_longest_special_token_wins():
    tokenizer = BPETokenizer([], ["<a>", "<a><b>"])
    assert tokenizer.encode("<a><b><a>", allowed_special=["<a>", "<a><b>"]) == [257, 256]


def test_bad_special_tokens_are_refused():
    for names in ("<|end|>", [""], [3]):
        with pytest.raises(ValueError, match="collection of texts"):
            BPETokenizer.train("some text", 300, names)
    with pytest.raises(ValueError, match="twice"):
        BPETokenizer([], ["<a>", "<a>"])
    with pytest.raises(ValueError, match=r"'<b>' is not a special token; known are .'<a>'."):
        BPETokenizer([], ["<a>"]).encode("text", allowed_special=["<b>"])
    with pytest.raises(ValueError, match="collection of texts"):
        BPETokenizer([], ["<a>"]).encode("text", allowed_special="<a>")


def test_vocabulary_too_small_or_text_too_short_says_what_to_do():
    with pytest.raises(ValueError, match=r"vocab_size \(200\) must be at least 257"):
        BPETokenizer.train("some text", 200, ["<|end|>"])
    with pytest.raises(ValueError, match=r"holds 2 merges.*or vocab_size 258"):
        BPETokenizer.train("aaaa", 300)
    assert BPETokenizer.train("aaaa", 258).encode("aaaa") == [257]
    with pytest.raises(ValueError, match="longer text"):
        BPETokenizer.train("", 257)


def test_merges_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="may use ids 0 to 255"):
        BPETokenizer([(97, 256)])
    with pytest.raises(ValueError, match="same token"):
        BPETokenizer([(97, 98), (98, 99), (256, 99), (97, 257)])


# --- GPT-2's vocabulary -------------------------------------------------------------------------


@pytest.fixture
def nothing_cached(tmp_path, monkeypatch):
    """An empty cache folder, no data folder, and every way to the network counted and closed."""
    calls = []

    def closed(*args, **kwargs):
        calls.append(args)
        raise OSError("network is unreachable")

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("MINIGPT_DATA_DIR", raising=False)
    monkeypatch.setattr(socket.socket, "connect", closed)
    monkeypatch.setattr(socket, "getaddrinfo", closed)
    return calls


def names_of_files() -> list[str]:
    return [bpe_module.hashlib.sha1(url.encode()).hexdigest() for url in GPT2_FILES]


def test_offline_never_tries_the_network(nothing_cached, monkeypatch):
    monkeypatch.setenv("MINIGPT_OFFLINE", "1")
    with pytest.raises(OSError, match=r"GPT-2's vocabulary is not here .* MINIGPT_OFFLINE is 1"):
        gpt2_tokenizer()
    assert nothing_cached == []


def test_no_network_is_one_clear_error(nothing_cached, monkeypatch):
    monkeypatch.setenv("MINIGPT_OFFLINE", "0")
    with pytest.raises(OSError, match="GPT-2's vocabulary is not here and can't be downloaded"):
        gpt2_tokenizer()
    assert nothing_cached


def test_file_of_the_wrong_hash_is_not_used_and_not_removed(nothing_cached, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_OFFLINE", "1")
    for name in names_of_files():
        (tmp_path / name).write_bytes(b"half a file")
    assert not has_gpt2_files(tmp_path)
    with pytest.raises(OSError, match="GPT-2's vocabulary"):
        gpt2_tokenizer()
    assert all((tmp_path / name).read_bytes() == b"half a file" for name in names_of_files())


def test_gpt2_vocabulary_gives_the_published_ids(monkeypatch):
    monkeypatch.setenv("MINIGPT_OFFLINE", "1")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", os.environ.get("TIKTOKEN_CACHE_DIR", ""))
    try:
        gpt2 = gpt2_tokenizer()
    except OSError as error:
        pytest.skip(str(error))
    assert gpt2.vocab_size == 50_257
    assert gpt2.encode("To be or not to be") == [2514, 307, 393, 407, 284, 307]
    assert gpt2.decode([2514, 307]) == "To be"
    assert gpt2.encode("<|endoftext|>", allowed_special=["<|endoftext|>"]) == [50256]
    assert len(gpt2.encode("<|endoftext|>")) > 1
    with pytest.raises(ValueError, match="0 to 50256"):
        gpt2.decode([50_257])
    with pytest.raises(ValueError, match="surrogate"):
        gpt2.encode("\ud800")


def test_our_merging_gives_gpt2_ids_with_gpt2_merges(monkeypatch):
    """GPT-2's own pattern and ranks through our code: same ids as the released tokenizer."""
    monkeypatch.setenv("MINIGPT_OFFLINE", "1")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", os.environ.get("TIKTOKEN_CACHE_DIR", ""))
    try:
        encoding = gpt2_tokenizer().encoding
    except OSError as error:
        pytest.skip(str(error))
    ranks = encoding._mergeable_ranks
    rng = random.Random(1)
    for text in [random_string(rng) for _ in range(200)]:
        ids = []
        for piece in split_pieces(text):
            parts = [bytes([b]) for b in piece.encode("utf-8")]
            while len(parts) > 1:
                joined = [ranks.get(a + b, 10**9) for a, b in pairwise(parts)]
                i = joined.index(min(joined))
                if joined[i] == 10**9:
                    break
                parts[i : i + 2] = [parts[i] + parts[i + 1]]
            ids += [ranks[part] for part in parts]
        assert ids == encoding.encode(text, disallowed_special=())


def test_tokenizer_file_is_plain_json(tmp_path):
    CharTokenizer("abc").save(tmp_path / "t.json")
    record = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert record == {"type": "char", "characters": "abc"}


def test_to_tiktoken_is_tiktokens_own_class():
    assert isinstance(TOKENIZERS["english"].to_tiktoken(), tiktoken.Encoding)
