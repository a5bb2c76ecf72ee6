"""The text to learn from: where it is looked for, what is refused, and what never gets lost."""

import hashlib
import inspect
import os
import subprocess
import sys

import pooch
import pytest

from course import corpora
from course.corpora import load_corpus
from minigpt_lib.data import train_val_split
from minigpt_lib.tokenizer import CharTokenizer

GOOD = b"First Citizen:\n" * 10  # stands for Shakespeare: its hash is made the pinned one
TURKISH = "Gökyüzünde ışıl ışıl yıldızlar, İstanbul'un çatılarına öğüt fısıldıyordu.\n"
HINDI = "आसमान में तारे चमक रहे थे और नदी धीरे-धीरे गाँव की ओर बह रही थी।\n"


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    """No settings of the machine's, an empty cache, no network, and a small Shakespeare."""
    for name in ("MINIGPT_CORPUS", "MINIGPT_DATA_DIR", "MINIGPT_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(corpora, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(corpora, "SHA256", hashlib.sha256(GOOD).hexdigest())
    network(monkeypatch, None)
    corpora._say_once.cache_clear()


def network(monkeypatch, content: bytes | None) -> list[str]:
    """A network that gives `content` for every address, or fails; lists what was asked for."""
    asked = []

    def get(self, url, output_file, pooch_, check_only=False):
        asked.append(url)
        if content is None:
            raise ConnectionError("no network")
        with open(output_file, "wb") as file:
            file.write(content)

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", get)
    return asked


def write(path, content: bytes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def own(tmp_path, text: str, name: str = "own.txt") -> str:
    return str(write(tmp_path / name, text.encode("utf-8")))


def test_data_folder_comes_before_cache_and_network(monkeypatch, tmp_path):
    asked = network(monkeypatch, GOOD)
    write(tmp_path / "data" / corpora.FILE, GOOD)
    monkeypatch.setenv("MINIGPT_DATA_DIR", str(tmp_path / "data"))
    corpus = load_corpus()
    assert corpus.name == "shakespeare" and corpus.text == GOOD.decode()
    assert corpus.source == str(tmp_path / "data" / corpora.FILE)
    assert not asked


def test_download_happens_once_and_is_kept(monkeypatch, tmp_path):
    asked = network(monkeypatch, GOOD)
    assert load_corpus().text == GOOD.decode()
    assert (tmp_path / "cache" / corpora.FILE).read_bytes() == GOOD
    assert load_corpus().source == str(tmp_path / "cache" / corpora.FILE)
    assert asked == [corpora.URL]


def test_offline_never_tries_the_network(monkeypatch):
    asked = network(monkeypatch, GOOD)
    monkeypatch.setenv("MINIGPT_OFFLINE", "1")
    assert load_corpus().name == "tinytales"
    assert not asked


def test_without_network_tinytales_and_one_line(capsys):
    corpus = load_corpus()
    load_corpus()
    said = capsys.readouterr().out
    assert corpus.name == "tinytales" and len(corpus.text) == 1_000_000
    assert said.count("\n") == 1
    assert "the download failed" in said and "MINIGPT_DATA_DIR" in said and corpora.URL in said


def test_shakespeare_by_name_is_never_something_else():
    with pytest.raises(ValueError, match="MINIGPT_DATA_DIR"):
        load_corpus("shakespeare")


@pytest.mark.parametrize("damage", [b"", GOOD[:-7], GOOD + b"\n", b"<html>Sign in</html>"])
def test_a_damaged_download_is_neither_used_nor_kept(monkeypatch, tmp_path, damage):
    network(monkeypatch, damage)
    assert load_corpus().name == "tinytales"
    assert not (tmp_path / "cache").exists()


def test_wrong_hash_in_data_folder_is_passed_over(monkeypatch, tmp_path, capsys):
    bad = write(tmp_path / "data" / corpora.FILE, GOOD[:-1])
    monkeypatch.setenv("MINIGPT_DATA_DIR", str(tmp_path / "data"))
    assert load_corpus().name == "tinytales"
    assert str(bad) in capsys.readouterr().out
    write(tmp_path / "cache" / corpora.FILE, GOOD)
    assert load_corpus().source == str(tmp_path / "cache" / corpora.FILE)
    assert bad.read_bytes() == GOOD[:-1]


def test_a_half_written_cache_is_replaced(monkeypatch, tmp_path):
    cached = write(tmp_path / "cache" / corpora.FILE, GOOD[:50])
    assert load_corpus().name == "tinytales"
    network(monkeypatch, GOOD)
    assert load_corpus().name == "shakespeare"
    assert cached.read_bytes() == GOOD


def test_a_bad_download_leaves_the_cache_as_it_is(monkeypatch, tmp_path):
    cached = write(tmp_path / "cache" / corpora.FILE, GOOD[:50])
    network(monkeypatch, b"other")
    assert load_corpus().name == "tinytales"
    assert cached.read_bytes() == GOOD[:50]


def test_a_good_cache_is_only_read(monkeypatch, tmp_path):
    write(tmp_path / "cache" / corpora.FILE, GOOD)
    monkeypatch.setattr(corpora, "write_atomic", lambda *_: pytest.fail("nothing to write"))
    assert load_corpus().name == "shakespeare"


def test_a_cache_that_cannot_be_written_only_costs_a_download(monkeypatch, tmp_path):
    blocked = write(tmp_path / "blocked", b"a file where the folder should be")
    monkeypatch.setattr(corpora, "cache_folder", lambda: blocked / "cache")
    network(monkeypatch, GOOD)
    assert load_corpus().source == corpora.URL


def python_source() -> str:
    modules = (inspect, subprocess, hashlib, os, pooch.core)
    return "\n".join(inspect.getsource(module) for module in modules) * 2


@pytest.mark.parametrize(
    ("name", "text"),
    [("turkish.txt", TURKISH * 2000), ("hindi.txt", HINDI * 1000), ("code.py", python_source())],
)
def test_own_text_of_any_language_goes_through(tmp_path, name, text):
    corpus = load_corpus(own(tmp_path, text, name))
    assert corpus.name == name and corpus.text == text
    tokenizer = CharTokenizer.from_text(text)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert all(len(part) > 1000 for part in train_val_split(ids))


def test_environment_names_the_text_and_an_argument_comes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIGPT_CORPUS", own(tmp_path, TURKISH * 2000))
    assert load_corpus().name == "own.txt"
    assert load_corpus("tinytales").name == "tinytales"


def test_a_path_is_also_looked_for_in_the_checkout(monkeypatch, tmp_path):
    own(tmp_path, TURKISH * 2000)
    monkeypatch.setattr(corpora, "ROOT", tmp_path)
    assert load_corpus("own.txt").name == "own.txt"


def test_byte_order_mark_and_line_ends_of_windows_are_taken_off(tmp_path):
    plain = TURKISH * 2000
    data = b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode("utf-8")
    assert load_corpus(str(write(tmp_path / "own.txt", data))).text == plain


def test_an_own_text_never_passes_for_a_known_one(tmp_path):
    assert load_corpus(own(tmp_path, TURKISH * 2000, "shakespeare")).name != "shakespeare"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "0 bytes"),
        (b"a" * 99_999, "99,999 bytes.*100,000"),
        (TURKISH.encode("utf-16") * 2000, "not UTF-8"),
        (TURKISH.encode("iso-8859-9") * 2000, "not UTF-8"),
        ("".join(map(chr, range(32, 533))).encode() * 200, "501 distinct characters.*500"),
    ],
)
def test_an_unusable_text_is_refused_in_one_line(tmp_path, content, complaint):
    path = write(tmp_path / "own.txt", content)
    with pytest.raises(ValueError, match=complaint) as caught:
        load_corpus(str(path))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_limits_are_allowed(tmp_path):
    assert load_corpus(own(tmp_path, "ab" * 50_000))
    assert load_corpus(own(tmp_path, "".join(map(chr, range(32, 532))) * 200))


@pytest.mark.parametrize("name", ["shakespear", "no/such/file.txt", "."])
def test_an_unknown_corpus_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match=r"unknown corpus.*shakespeare, tinytales"):
        load_corpus(name)


def test_the_pinned_download_is_pinned():
    source = inspect.getsource(corpora)
    assert "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e" in corpora.URL
    assert "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed" in source


def test_loading_needs_neither_torch_nor_jupyter():
    code = "import course.corpora, sys; assert not {'torch', 'nbformat'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=corpora.ROOT)
