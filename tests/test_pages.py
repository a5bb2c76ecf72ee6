"""The book's own pages: what they claim is run, and what the chapters name is in them."""

import contextlib
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course import paths
from course.checks import judge
from course.corpora import load_corpus
from course.lab import check_mine
from course.notebook import chapters, read_notebook
from course.paths import BOOK, NOTEBOOKS, ROOT
from course.runs import settings
from minigpt_lib import attention, baselines, data, sample
from minigpt_lib.attention import CausalSelfAttention, attention_weights
from minigpt_lib.blocks import Block, LayerNorm
from minigpt_lib.checkpoint import load_checkpoint
from minigpt_lib.embeddings import TokenAndPositionEmbedding
from minigpt_lib.model import GPT, PRESETS, GPTConfig
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig

PROBES = ("1 first loss", "2 one batch", "3 future", "4 places", "5 gradient")


def read(page: str) -> str:
    return (BOOK / f"{page}.md").read_text(encoding="utf-8")


def fenced(page: str, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", read(page), re.MULTILINE | re.DOTALL)


def table(page: str, head: str) -> list[list[str]]:
    """The rows below the table's head that begins with a cell `head`."""
    _, _, below = read(page).partition(f"\n| {head} |")
    lines = below.splitlines()[2:]
    rows = [line for line in lines[: lines.index("")] if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


# Five probes


class LateMask(CausalSelfAttention):
    def forward(self, x):
        q, k, v = self.project(x)
        T = x.shape[1]
        return self.merge(attention_weights(q, k) * self.mask[:T, :T] @ v)


class CutByView(CausalSelfAttention):
    def project(self, x):
        B, T, C = x.shape
        parts = self.qkv(x).chunk(3, dim=-1)
        return tuple(part.reshape(B, self.num_heads, T, C // self.num_heads) for part in parts)


class CutAndMergedByView(CutByView):
    def merge(self, y):
        B, H, T, D = y.shape
        return self.dropout(self.proj(y.reshape(B, T, H * D)))


class Unscaled(CausalSelfAttention):
    def forward(self, x):
        q, k, v = self.project(x)
        T = x.shape[1]
        return self.merge(attention_weights(q * q.shape[-1] ** 0.5, k, self.mask[:T, :T]) @ v)


class NoBypass(Block):
    def forward(self, x):
        return self.mlp(self.norm2(self.attention(self.norm1(x))))


class NormOver(LayerNorm):
    dim: int

    def forward(self, x):
        variance, mean = torch.var_mean(x, dim=self.dim, correction=0, keepdim=True)
        return (x - mean) / (variance + self.eps).sqrt() * self.weight + self.bias


class NormOverPositions(NormOver):
    dim = 1


class NormOverBatch(NormOver):
    dim = 0


class BareNorm(LayerNorm):
    def forward(self, x):
        return F.layer_norm(x, self.weight.shape)


class AllAtZero(TokenAndPositionEmbedding):
    def forward(self, ids, start=0):
        return self.dropout(self.token(ids) + self.position(torch.zeros_like(ids)))


class NoPositions(TokenAndPositionEmbedding):
    def forward(self, ids, start=0):
        return self.dropout(self.token(ids))


class Detached(TokenAndPositionEmbedding):
    def forward(self, ids, start=0):
        return super().forward(ids, start).detach()


class LogitsAlone(nn.Module):
    """A model as others write it: ids in, logits out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(ids)[0]


def rebuilt(**parts) -> Callable:
    """A fault of the model: one of its classes is another."""

    def plant(it):
        torch.manual_seed(0)
        it.model = GPT(it.model.config, **parts).eval()

    return plant


def attending(kind: type) -> Callable:
    """A fault of the attention in every block."""

    def plant(it):
        for block in it.model.blocks:
            block.attention.__class__ = kind

    return plant


def torch_start(it):
    for part in it.model.modules():
        if isinstance(part, nn.Linear | nn.Embedding) and part is not it.model.head:
            part.reset_parameters()


def not_shifted(it):
    it.y = it.x


def not_cleared(it):
    def update(model, optimizer, x, y):
        _, loss = model(x, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    it.update = update


def cleared_too_soon(it):
    def update(model, optimizer, x, y):
        _, loss = model(x, y)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        return loss.item()

    it.update = update


def no_mask(it):
    for block in it.model.blocks:
        block.attention.mask.fill_(True)


def exact_gelu(it):
    for block in it.model.blocks:
        block.mlp.activation = nn.GELU()


def untied(it):
    it.model.head.weight = nn.Parameter(it.model.embedding.token.weight.detach().clone())


FAULTS = {
    "none": lambda it: None,
    "torch's own start, head tied": torch_start,
    "targets not shifted": not_shifted,
    "gradients not cleared": not_cleared,
    "gradients cleared before the step": cleared_too_soon,
    "no bypass": rebuilt(block=NoBypass),
    "no mask": no_mask,
    "mask after the softmax": attending(LateMask),
    "norm over the positions": rebuilt(norm=NormOverPositions),
    "heads cut by view, merged properly": attending(CutByView),
    "heads cut and merged by view": attending(CutAndMergedByView),
    "norm over the batch": rebuilt(norm=NormOverBatch),
    "every token at position 0": rebuilt(embedding=AllAtZero),
    "no positions": rebuilt(embedding=NoPositions),
    "gain and shift unused": rebuilt(norm=BareNorm),
    "embedding detached": rebuilt(embedding=Detached),
    "scores not divided by √D": attending(Unscaled),
    "exact GELU in the place of the other": exact_gelu,
    "head a copy of the table, not tied": untied,
}


def planted(fault: str) -> dict:
    """What the page's first block defines, with a fault in it."""
    names: dict = {}
    exec(fenced("probes", "python")[0], names)
    it = SimpleNamespace(**{name: names[name] for name in ("model", "x", "y", "update")})
    FAULTS[fault](it)
    return names | vars(it)


def probe(number: int, names: dict) -> tuple[str, bool]:
    """Run a probe's block, 1 to 5: what it prints, and whether its assertion failed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(fenced("probes", "python")[number], dict(names))
        except AssertionError:
            return printed.getvalue(), True
    return printed.getvalue(), False


TRAINS = pytest.param(2, marks=pytest.mark.slow)


@pytest.mark.parametrize("number", [1, TRAINS, 3, 4, 5])
def test_each_probe_passes_on_a_sound_model_and_prints_what_stands_below_it(number):
    expected = fenced("probes", "text")[number - 1]
    printed, caught = probe(number, planted("none"))
    rough = r"\d(?:\.\d+)?e[+-]\d+"  # how large a rounding error is depends on the machine
    assert not caught
    assert re.sub(rough, "~", printed) == re.sub(rough, "~", expected)


def test_the_table_of_probes_knows_the_faults_that_are_planted():
    assert [row[0] for row in table("probes", "fault")] == list(FAULTS)
    assert f"| fault | {' | '.join(PROBES)} |" in read("probes")
    assert len(fenced("probes", "python")) == 1 + len(PROBES) + 1  # a wrapper comes last


@pytest.mark.parametrize("number", [1, TRAINS, 3, 4, 5])
def test_the_wrapper_makes_a_model_of_logits_alone_fit_for_the_probes(number):
    names = planted("none")
    exec(fenced("probes", "python")[-1], names)
    names["model"] = names["Wrapped"](LogitsAlone(names["model"])).eval()
    assert not probe(number, names)[1]


@pytest.mark.parametrize("number", [1, TRAINS, 3, 4, 5])
def test_each_probe_finds_the_faults_it_is_for(number):
    for fault, *cells in table("probes", "fault"):
        if cells[number - 1] == "caught":
            assert probe(number, planted(fault))[1], fault


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_cell_of_the_table_of_probes_is_true(fault):
    names, row = planted(fault), {row[0]: row[1:] for row in table("probes", "fault")}[fault]
    found = ["caught" if probe(number, names)[1] else "–" for number in range(1, 6)]
    assert found == row


# Notation and shapes


def tensors() -> dict:
    """Everything that the table of shapes names, with sizes that can't be taken for one another."""
    sizes = {"B": 3, "T": 6, "L": 11, "C": 20, "H": 4, "D": 5, "V": 13, "S": 7, "n": 97}
    config = GPTConfig(sizes["V"], sizes["L"], sizes["C"], sizes["H"], num_layers=2, dropout=0.0)
    names: dict = {"model": GPT(config), "ids": torch.randint(config.vocab_size, (sizes["n"],))}
    for module in (attention, baselines, data, sample):
        names |= vars(module)
    names |= sizes | {"N": 1 + (sizes["n"] - sizes["T"] - 1) // sizes["S"]}
    exec(
        "x, y = get_batch(ids, B, T)\n"
        "residual, block, logits = model.embedding(x), model.blocks[0], model(x)[0]\n"
        "attention, normed = block.attention, block.norm1(residual)\n"
        "middle = residual + attention(normed)\n"
        "q, k, v = attention.project(normed)\n"
        "found = attend(q, k, v, causal_mask(T))\n",
        names,
    )
    return names


def size(letters: str, sizes: dict) -> int:
    """What one entry of a shape stands for: "V", "3C", "B·T" or "T + 5"."""
    spelled = re.sub(r"(\d)([A-Z])", r"\1 * \2", letters.replace("·", "*"))
    return eval(spelled, {}, {name: sizes[name] for name in "BTLCHDVSnN"})


def test_the_table_of_shapes_is_true():
    names, rows = tensors(), table("notation", "chapter")
    assert len(rows) > 20
    for _, _, code, shape in rows:
        entries = [entry.strip() for entry in shape.strip("()").split(",") if entry.strip()]
        expected = tuple(size(entry, names) for entry in entries)
        assert tuple(eval(code.strip("`"), names).shape) == expected, code


def test_the_rows_of_a_block_compute_what_the_block_does():
    names = tensors()
    codes = {code.strip("`") for _, _, code, _ in table("notation", "chapter")}
    added = "block.mlp(block.norm2(middle))"
    assert {"block.norm1(residual)", "residual + attention(normed)", added} <= codes
    torch.testing.assert_close(
        names["middle"] + eval(added, names), eval("block(residual)", names), rtol=0, atol=0
    )


def test_the_sizes_in_the_table_of_letters_are_those_of_the_preset():
    config, batch = PRESETS["cpu"], TrainConfig().batch_size
    given = {row[0]: row[3] for row in table("notation", "letter")}
    head_dim = config.embed_dim // config.num_heads
    sizes = batch, config.context_length, config.embed_dim, config.num_heads, head_dim
    assert [given[letter] for letter in "BTCHD"] == [str(size) for size in sizes]


# Glossary

# What chapters set in italics without defining it, and why it is no entry.
EXCEPTIONS = {
    "emphasis": "add, added, adds, after, all, and, are, before, beside, downwards, every, "
    "how large, in, input, is, its, kept, learns, next, none, our, per token, reads, those, "
    "transform, under, validation, what, which, whole, without",
    "example": "dog, dogs, bites, man, cat, character, word, to be, be or, or not, not to, "
    "what I have read, what comes next",
    "menu or button": "Restart Kernel and Run All Cells, Change Kernel, File, New, Terminal, "
    "Next merge",
    "section of the page": "If it went wrong, Recap, Quiz, Causality, A probability is a surprise",
    "under another head": "may look, blocked, score for every token of the vocabulary",
    "beginning of a paragraph": "Right:, Varied:, Predict; then run:",
}


def exceptions() -> set[str]:
    """All of them; a semicolon stands for a comma inside of one."""
    phrases = ", ".join(EXCEPTIONS.values()).lower().split(", ")
    return {phrase.replace(";", ",") for phrase in phrases}


def headwords() -> list[str]:
    heads = re.findall(r"^(.+)\n: ", read("glossary"), re.MULTILINE)
    return [word.strip() for head in heads for word in head.split(", ")]


def italics() -> dict[str, str]:
    """Each phrase of two letters or more that a chapter sets in italics, and the first chapter."""
    found: dict[str, str] = {}
    for path in chapters(NOTEBOOKS):
        for cell in read_notebook(path).cells:
            if cell.cell_type == "markdown" and not {"facts", "sources"} & {cell.get("id")}:
                other = r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$|\]\([^)]*\)"
                text = re.sub(other, " ", cell.source, flags=re.DOTALL)
                for phrase in re.findall(r"(?<![*\w])\*([^*\n]{2,}?)\*(?![*\w])", text):
                    found.setdefault(phrase.lower(), path.stem)
    return found


def test_every_word_that_a_chapter_defines_is_in_the_glossary():
    known = {word.lower() for word in headwords()} | exceptions()
    assert not {phrase: page for phrase, page in italics().items() if phrase not in known}


def test_no_exception_of_the_glossary_is_left_over():
    assert exceptions() <= italics().keys()
    assert not exceptions() & {word.lower() for word in headwords()}


def test_the_glossary_is_in_alphabetical_order_and_every_entry_leads_somewhere():
    text = read("glossary")
    firsts = re.findall(r"^([^,\n]+).*\n: ", text, re.MULTILINE)
    heads = [re.sub(r"[^a-z0-9]", "", first.lower()) for first in firsts]
    assert heads == sorted(heads)
    letters = re.findall(r"^## (.)$", text, re.MULTILINE)
    assert letters == sorted({head[0].upper() for head in heads})
    for entry in re.split(r"\n(?=.+\n: )", text)[1:]:
        assert "](../" in entry or "See *" in entry, entry


# Sources


def test_every_source_of_a_chapter_is_in_the_list_once():
    listed = read("sources")
    named = 0
    for path in chapters(NOTEBOOKS):
        cells = [c.source for c in read_notebook(path).cells if c.source.startswith("## Sources")]
        assert len(cells) == 1, path
        for line in cells[0].splitlines():
            titles = re.findall(r"\*([^*]+)\*", line)
            assert not line.startswith("- ") or titles or "](" in line, line
            for title in titles:
                assert " ".join(listed.split()).count(f"*{title}*") == 1, title
                named += 1
            for address in re.findall(r"\]\((http[^)]+)\)", line):
                assert listed.count(f"({address})") == 1, address
    assert named > 40


def test_no_list_of_sources_names_one_twice():
    for page in ("sources", "where_next"):
        addresses = re.findall(r"\]\((https?:[^)]+)\)", read(page))
        assert len(addresses) == len(set(addresses))


def test_every_direction_after_the_course_has_two_sources():
    parts = re.split(r"^## ", read("where_next"), flags=re.MULTILINE)[2:-1]
    assert len(parts) == 10
    for part in parts:
        assert len(re.findall(r"^- .+\d{4}, \*", part, re.MULTILINE)) == 2, part.splitlines()[0]


# Questions and troubles

# What the page quotes of other programs: a shell of each kind, pip, JupyterLab.
OTHERS = {
    "minigpt: command not found",
    "is not recognized",
    "No matching distribution found for torch",
    "[*]",
}


def unwritten(*args):
    raise NotImplementedError("4.2: not written yet. Replace this line by your answer.")


def messages(folder: Path) -> dict[str, Callable]:
    """Messages of the page with a name or number in them, and how a learner comes by each."""
    short, wide = folder / "short.txt", folder / "wide.txt"
    short.write_text("too short", encoding="utf-8")
    wide.write_text("".join(map(chr, range(0x4E00, 0x4E00 + 501))) * 100, encoding="utf-8")
    tokenizer = CharTokenizer("".join(map(chr, range(60, 125))))
    known = "known are: shakespeare, tinytales, and the path of a text file"
    mend = "remove it, or use a tokenizer that knows it"
    stranger = f"character 'é' at position 1 is not in the vocabulary of 65 characters; {mend}"
    return {
        "○ 4.2 not yet written": lambda: judge("4.2", unwritten).message,
        "you have not opened the exercises of 05 yet": lambda: check_mine("05"),
        f"unknown corpus 'book.txt'; {known}": lambda: load_corpus("book.txt"),
        "a text to learn from needs at least 100,000": lambda: load_corpus(str(short)),
        "distinct characters; at most 500 are allowed": lambda: load_corpus(str(wide)),
        stranger: lambda: tokenizer.encode("Né"),
        "holds no checkpoint called 'last'; train one into it first": (
            lambda: load_checkpoint(folder / "nothing")
        ),
        "unknown preset 'large'; known are: cpu": lambda: settings("large", 65),
    }


def test_messages_on_the_page_are_what_learners_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MY", tmp_path / "my")
    page = " ".join(read("faq").split())
    for message, meet in messages(tmp_path).items():
        assert f"`{message}`" in page, message
        try:
            shown = str(meet())
        except ValueError as error:
            shown = str(error)
        assert message in shown


def test_the_page_counts_what_the_preset_leaves_out():
    models = (GPT(replace(PRESETS["cpu"], bias=bias)) for bias in (False, True))
    lean, full = (sum(p.numel() for p in model.parameters()) for model in models)
    assert full - lean == 45 * PRESETS["cpu"].embed_dim
    told = f"45·C = {full - lean:,} fewer: {lean:,} and not {full:,}."
    assert told in " ".join(read("faq").split())


def test_every_other_message_on_the_page_stands_in_the_course(tmp_path):
    """A dotted gap in a message stands for what differs from case to case."""
    files = [*(ROOT / "course").rglob("*.py"), ROOT / "Makefile", *NOTEBOOKS.glob("0[078]_*.ipynb")]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    source = re.sub(r'"\s*\n\s*f?"', "", source)  # a text that goes on in the next line
    heads = "".join(re.findall(r"^### .*$", read("faq"), re.MULTILINE))
    quoted = set(re.findall("`(.*?)`", heads)) - OTHERS
    assert len(quoted) > 20
    for message in quoted - messages(tmp_path).keys():
        for part in re.split(r"\s*…\s*", message):
            assert part in source, message
