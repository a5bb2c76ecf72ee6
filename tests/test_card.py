"""The model card says what the checkpoint, the ladder and generate say, and asks nobody else."""

import html
import math
import os
import re

import pytest
import torch

import minigpt_lib
from course import card, paths, runs, written
from course.corpora import Corpus
from course.notebook import read_notebook, write_notebook
from minigpt_lib.checkpoint import Checkpoint, Run, load_checkpoint
from minigpt_lib.data import train_val_split
from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.sample import generate
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig, evaluate, train

pytest_plugins = ["browser"]

CORPUS = Corpus("own <b>.txt", "the quick <b>brown</b> fox & the lazy dog.\n" * 200, "own")
CONFIG = GPTConfig(context_length=32, embed_dim=16, num_heads=2, num_layers=2)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A small model, trained for a few steps."""
    tokenizer = CharTokenizer.from_text(CORPUS.text)
    torch.manual_seed(0)
    model = GPT(GPTConfig(**vars(CONFIG) | {"vocab_size": tokenizer.vocab_size}))
    folder = tmp_path_factory.mktemp("run")
    split = train_val_split(tokenizer.encode(CORPUS.text))
    config = TrainConfig(max_steps=20, batch_size=4, eval_every=10, warmup_steps=2)
    train(model, *split, config, run=Run(folder, tokenizer))
    return load_checkpoint(folder)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Runs and the learner's files in folders of their own."""
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(runs, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "MY", tmp_path / "my")
    return tmp_path


def write(checkpoint, **options) -> str:
    path = card.model_card(checkpoint, **{"name": "Pip", "corpus": CORPUS} | options)
    return path.read_text(encoding="utf-8")


def texts(page: str, tag: str) -> list[str]:
    """What stands between all pairs of a tag, as a reader sees it."""
    found = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", page, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", part)) for part in found]


def ladder_of(page: str) -> dict[str, list[str]]:
    rows = re.findall(r"<tr[^>]*><td>(.*?)<div.*?</td><td>(.*?)</td><td>(.*?)</td></tr>", page)
    return {html.unescape(name): [nats, bits] for name, nats, bits in rows}


def test_the_shown_scores_are_those_of_the_checkpoint_and_the_ladder(checkpoint, places):
    runs.record_rung("uniform", 3.2581, CORPUS)
    runs.record_rung("mini-GPT", 9.0, CORPUS)  # of another run: not on this model's card
    shown = ladder_of(write(checkpoint))
    _, val_ids = train_val_split(checkpoint.tokenizer.encode(CORPUS.text))
    nats = evaluate(checkpoint.model, val_ids)
    assert shown["Pip"] == [f"{nats:.3f}", f"{nats / math.log(2):.3f}"]
    assert shown["uniform"] == ["3.258", f"{3.2581 / math.log(2):.3f}"]
    assert set(shown) == {"uniform", "Pip"}


def test_without_any_measured_rung_the_uniform_guesser_is_the_yardstick(checkpoint, places):
    V = checkpoint.model.config.vocab_size
    shown = ladder_of(write(checkpoint))
    assert shown["uniform"] == [f"{math.log(V):.3f}", f"{math.log2(V):.3f}"]
    assert list(shown) == ["uniform", "Pip"]
    bars = [int(width) for width in re.findall(r'"bar" style="width:(\d+)%"', write(checkpoint))]
    assert bars[0] == 100 and 0 < bars[1] < 100


def test_a_checkpoint_without_records_is_scored_for_the_card(checkpoint, places):
    bare = Checkpoint(checkpoint.model, checkpoint.tokenizer, checkpoint.step)
    assert ladder_of(write(bare)) == ladder_of(write(checkpoint))


def test_the_sizes_are_those_of_the_model(checkpoint, places):
    cells = texts(write(checkpoint), "td")
    model = checkpoint.model
    for name, value in {
        "parameters": f"{model.num_parameters():,}",
        "blocks": "2",
        "tokens it sees at once": "32",
        "tokens it knows": str(model.config.vocab_size),
        "training steps": "20",
        "kind of training": "a short one, to try things out",
    }.items():
        assert cells[cells.index(name) + 1] == value
    full = Checkpoint(model, checkpoint.tokenizer, 2000)
    cells = texts(write(full), "td")
    assert cells[cells.index("training steps") + 1] == "2,000"
    assert "kind of training" not in cells


def test_each_sample_is_what_generate_writes_with_the_same_setting(checkpoint, places):
    page = write(checkpoint, prompt="the ")
    samples = texts(page, "pre")[1:]
    assert len(samples) == len(card.SETTINGS) == 5
    ids = torch.tensor([checkpoint.tokenizer.encode("the ")])
    for setting, sample in zip(card.SETTINGS, samples, strict=True):
        temperature, top_k, top_p, seed = setting
        generator = torch.Generator().manual_seed(seed)
        drawn = generate(
            checkpoint.model, ids, card.LENGTH, temperature, top_k, top_p, generator=generator
        )
        assert sample == checkpoint.tokenizer.decode(drawn[0].tolist())
        assert f"<p>{setting}, {card.LENGTH} tokens</p>" in page and f"seed {seed}" in str(setting)


def test_texts_are_escaped_and_nothing_is_asked_of_the_network(checkpoint, places):
    page = write(checkpoint, name="<script>alert(1)</script> $body & Co")
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert "own &lt;b&gt;.txt" in page and "brown</b>" not in page
    for word in ("http:", "https:", "src=", "href=", "url(", "@import"):
        assert word not in page, word


def test_it_lies_among_the_learners_files_if_the_notebook_does(checkpoint, places, monkeypatch):
    assert card.model_card(checkpoint, corpus=CORPUS) == places / "runs" / "model_card.html"
    (places / "my" / "notebooks").mkdir(parents=True)
    monkeypatch.chdir(places / "my" / "notebooks")
    assert card.model_card(checkpoint, corpus=CORPUS) == places / "my" / "model_card.html"
    assert card.shown_path(places / "card.html") == str(places / "card.html")
    monkeypatch.setattr(paths, "ROOT", places)
    assert card.shown_path(places / "my" / "card.html") == os.path.join("my", "card.html")


def test_the_name_is_the_one_given_in_chapter_00(places):
    assert card.given_name() == "Pip"
    notebook = read_notebook(paths.NOTEBOOKS / "00_start_here.ipynb")
    cell = next(cell for cell in notebook.cells if cell.id == "name-your-model")
    cell.source = cell.source.replace('"Pip"', '"Ada\'s \N{OWL}"  # mine')
    (places / "my" / "notebooks").mkdir(parents=True)
    write_notebook(places / "my" / "notebooks" / "00_start_here.ipynb", notebook)
    assert card.given_name() == "Ada's \N{OWL}"
    cell.source = "model_name = something()"
    write_notebook(places / "my" / "notebooks" / "00_start_here.ipynb", notebook)
    assert card.given_name() == "Pip"


def test_it_says_who_wrote_which_part(checkpoint, places, monkeypatch):
    assert "every part of the library" in write(checkpoint)
    yours = "attention_weights, split_heads (04), sample_next (09)"
    monkeypatch.setattr(minigpt_lib, "YOURS", yours, raising=False)
    cells = texts(write(checkpoint), "td")
    assert cells[cells.index("04: attention_weights, split_heads") + 1] == "me"
    assert cells[cells.index("09: sample_next") + 1] == "me"
    assert cells[cells.index("everything else") + 1] == "the course"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_is_readable_in_the_dark(checkpoint, places, browser, scheme):
    path = card.model_card(checkpoint, name="Pip" * 30, corpus=CORPUS)
    tab = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(path.as_uri())
    root = "document.documentElement"
    assert tab.evaluate(f"{root}.scrollWidth - {root}.clientWidth") == 0
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 29)")
    assert asked == [path.as_uri()]
    tab.close()


# What is counted in a model's samples


def test_many_at_once_are_what_generate_writes(checkpoint):
    ids = torch.randint(checkpoint.model.config.vocab_size, (3, 5))
    for settings in ({"temperature": 0}, {"temperature": 1.3, "top_k": 4}, {"top_p": 0.8}):
        texts = [
            function(
                checkpoint.model, ids, 27, generator=torch.Generator().manual_seed(1), **settings
            )
            for function in (generate, written.continue_all)
        ]
        assert torch.equal(*texts)
    with pytest.raises(ValueError, match="28 more do not fit into the context"):
        written.continue_all(checkpoint.model, ids, 28)


def test_words_and_runs_are_counted_as_the_chapter_says():
    assert written.words_of("Ho! Don't -- naïve किताब 42") == [
        "ho",
        "don't",
        "naïve",
        "किताब",
        "42",
    ]
    assert written.real_words(["to be or nt", "to zz "], {"to", "be", "or"}) == 0.8
    assert written.distinct(["to be or not to be."], n=2) == 0.8
    assert written.distinct([]) == 0
    assert written.longest_copy("xabcabd", "zabcd abd") == "abc"


def test_sentences_of_tinytales_are_recognised_and_contradictions_found():
    from course.tinytales import tinytales

    lines = [line for line in tinytales(30_000, seed=7).split("\n")[:-1] if line]
    assert all(map(written.sentence_pattern().fullmatch, lines))
    assert not written.sentence_pattern().fullmatch("Fay: Who is here Vic?")
    prompt = "Fay and Vic ride a chef.\nFay: "
    (prompt,) = written.scene_openings(tinytales(30_000, seed=7), 1)
    friend = prompt.split()[2]
    other = next(name for name in ("Quin", "Tess") if name != friend)
    told = {prompt: [f"Any news, {friend}?\nX", f"Any news, {other}?\n", "Any nws?\n", "Any"]}
    assert written.sentences(told) == pytest.approx(2 / 3)
    assert written.faithful(told) == 0.5
