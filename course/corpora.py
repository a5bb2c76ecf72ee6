"""The text to learn from: TinyShakespeare, TinyTales, or a text of your own."""

import contextlib
import functools
import hashlib
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from course.files import write_atomic
from course.paths import ROOT
from course.tinytales import tinytales

NAMES = ("shakespeare", "tinytales")
FILE = "tinyshakespeare.txt"
URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/"
    "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt"
)
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
TIMEOUT = 4  # seconds to wait for an answer of the network
MIN_BYTES, MAX_CHARACTERS = 100_000, 500
HOW_TO_GET = f"to get Shakespeare, save {URL} as {FILE} and set MINIGPT_DATA_DIR to its folder"


class Corpus(NamedTuple):
    """A text, its short name ("shakespeare", "tinytales" or a file's name) and where it is from."""

    name: str
    text: str
    source: str

    @property
    def sha256(self) -> str:
        """What tells this text from every other one."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()


def load_corpus(name: str | None = None) -> Corpus:
    """The text to learn from.

    Without a name, MINIGPT_CORPUS names it; without that it is TinyShakespeare, looked for in
    MINIGPT_DATA_DIR, in the user's cache and, unless MINIGPT_OFFLINE=1, on the network. Where none
    of these has it, it is TinyTales, and one printed line says why.

    Args:
        name: "shakespeare", "tinytales" or the path of a UTF-8 text file.
    Raises:
        ValueError: an unknown name, Shakespeare by name where it can't be had, or a text that is
            not UTF-8, shorter than 100 kB or of more than 500 distinct characters.
    """
    name = name or os.environ.get("MINIGPT_CORPUS")
    if name == "tinytales":
        return _tinytales()
    if name not in (None, "", "shakespeare"):
        return _own_text(name)
    corpus, why = _shakespeare()
    if corpus:
        return corpus
    if name:
        raise ValueError(f"TinyShakespeare is not here: {why}; {HOW_TO_GET}, or use tinytales")
    _say_once(f"Learning from the built-in TinyTales: {why}; {HOW_TO_GET}")
    return _tinytales()


def cache_folder() -> Path:
    """Where a downloaded text is kept for the next time."""
    import pooch

    return Path(pooch.os_cache("minigpt"))


def _shakespeare() -> tuple[Corpus | None, str]:
    """TinyShakespeare from the first place that has it, or None and why none has."""
    reasons = []
    for folder in (os.environ.get("MINIGPT_DATA_DIR"), cache_folder()):
        path = Path(folder or "", FILE)
        try:
            data = path.read_bytes() if folder else None
        except OSError:
            data = None
        if data is not None and _is_shakespeare(data):
            return Corpus("shakespeare", data.decode("utf-8"), str(path)), ""
        if data is not None:
            reasons.append(f"{path} is damaged or another text (its SHA-256 differs)")
    if os.environ.get("MINIGPT_OFFLINE") == "1":
        reasons.append("MINIGPT_OFFLINE=1 forbids the download")
        return None, ", ".join(reasons)
    try:
        data = _download()
    except (OSError, ValueError) as error:
        reasons.append(f"the download failed ({type(error).__name__})")
        return None, ", ".join(reasons)
    with contextlib.suppress(OSError):  # a cache that can't be written costs another download
        write_atomic(cache_folder() / FILE, data.decode("utf-8"))
    return Corpus("shakespeare", data.decode("utf-8"), URL), ""


def _is_shakespeare(data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == SHA256


def _download() -> bytes:
    """The pinned file; OSError without network, ValueError where its hash is not the pinned one."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        get = pooch.HTTPDownloader(timeout=TIMEOUT)
        path = pooch.retrieve(URL, f"sha256:{SHA256}", FILE, folder, downloader=get)
        return Path(path).read_bytes()


@functools.cache
def _tinytales() -> Corpus:
    return Corpus("tinytales", tinytales(), "built in")


@functools.cache
def _say_once(line: str) -> None:
    print(line)


def _own_text(name: str) -> Corpus:
    """A learner's own file: UTF-8 with or without byte-order mark, any line ends."""
    given = Path(name).expanduser()
    path = next((p for p in (given, ROOT / given) if p.is_file()), None)
    if path is None:
        raise ValueError(
            f"unknown corpus {name!r}; known are: {', '.join(NAMES)}, and the path of a text file"
        )
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8 text and try again"
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(data) < MIN_BYTES:
        raise ValueError(
            f"{path} holds {len(data):,} bytes; a text to learn from needs at least {MIN_BYTES:,}"
        )
    if (characters := len(set(text))) > MAX_CHARACTERS:
        raise ValueError(
            f"{path} holds {characters:,} distinct characters; at most {MAX_CHARACTERS} are "
            "allowed, so take out what is rare, such as emoji or another script"
        )
    label = path.name if path.name not in NAMES else f"{path.name} (your own)"
    return Corpus(label, text, str(path.resolve()))
