"""Trained models and scores in `runs/`, and the run that makes them."""

import math
import multiprocessing
import shutil

import nbformat
import pytest
import torch

from course import run, runs
from course.corpora import Corpus
from course.tinytales import surprisal, tinytales
from minigpt_lib.checkpoint import Run, load_checkpoint
from minigpt_lib.data import train_val_split
from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig, train

CORPUS = Corpus("own.txt", "the quick brown fox jumps over the lazy dog.\n" * 200, "own")
TINY = GPTConfig(context_length=8, embed_dim=16, num_heads=2, num_layers=1)


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Runs in a folder of their own, and a preset that trains in no time."""
    prepare(monkeypatch.setattr, tmp_path / "runs")


def prepare(set_attribute, folder) -> None:
    set_attribute(runs, "RUNS", folder)
    set_attribute(runs, "QUICK_STEPS", 3)
    set_attribute(runs, "PRESETS", {"cpu": TINY})
    set_attribute(runs, "TRAINING", {"cpu": TrainConfig(max_steps=8, batch_size=2, eval_every=4)})


def train_in_full() -> GPT:
    tokenizer = CharTokenizer.from_text(CORPUS.text)
    model_config, config = runs.settings("cpu", tokenizer.vocab_size)
    split = train_val_split(tokenizer.encode(CORPUS.text))
    with runs.new_run("cpu", CORPUS) as folder:
        model = GPT(model_config)
        train(model, *split, config, run=Run(folder, tokenizer))
    return model


def leftovers() -> list[str]:
    return [path.name for path in runs.RUNS.glob("*/*") if path.name not in ("full", "quick")]


def test_a_model_is_trained_once_and_then_loaded(capsys):
    state = torch.get_rng_state()
    first = runs.trained_model("cpu", CORPUS)
    assert torch.equal(state, torch.get_rng_state())
    assert first.step == 3 and "3 steps" in capsys.readouterr().out
    again = runs.trained_model("cpu", CORPUS)
    assert again.step == 3 and not capsys.readouterr().out
    assert torch.equal(first.model.head.weight, again.model.head.weight)
    assert again.tokenizer.decode(again.tokenizer.encode("fox")) == "fox"
    assert not leftovers()


def test_the_full_run_comes_before_the_quick_one():
    runs.trained_model("cpu", CORPUS)
    model = train_in_full()
    found = runs.trained_model("cpu", CORPUS)
    assert found.step == 8 and torch.equal(found.model.head.weight, model.head.weight)


def test_a_run_that_fails_leaves_the_one_before():
    before = train_in_full()
    with pytest.raises(KeyboardInterrupt), runs.new_run("cpu", CORPUS) as folder:
        (folder / "last.txt").write_text("step-000001", encoding="utf-8")
        raise KeyboardInterrupt
    found = runs.trained_model("cpu", CORPUS)
    assert torch.equal(found.model.head.weight, before.head.weight)
    assert not leftovers()


def test_a_new_run_takes_the_place_of_the_one_before():
    train_in_full()
    second = train_in_full()
    found = load_checkpoint(runs.run_folder("cpu", CORPUS))
    assert torch.equal(found.model.head.weight, second.head.weight)
    assert not leftovers()


def test_a_damaged_run_is_passed_over():
    train_in_full()
    folder = runs.run_folder("cpu", CORPUS)
    shutil.rmtree(next(folder.glob("step-*")))
    assert runs.trained_model("cpu", CORPUS).step == 3


def test_another_text_config_or_library_is_another_run(monkeypatch):
    folders = {runs.run_folder("cpu", CORPUS)}
    folders.add(runs.run_folder("cpu", CORPUS._replace(text=CORPUS.text + "x")))
    monkeypatch.setattr(runs, "TRAINING", {"cpu": TrainConfig(max_steps=9)})
    folders.add(runs.run_folder("cpu", CORPUS))
    monkeypatch.setattr(runs, "_library", lambda: "another one")
    folders.add(runs.run_folder("cpu", CORPUS))
    assert len(folders) == 4


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'gpu'; known are: cpu"):
        runs.trained_model("gpu", CORPUS)


def quick(folder, results) -> None:
    prepare(setattr, folder)
    results.put(runs.trained_model("cpu", CORPUS).model.head.weight.sum().item())


def test_two_processes_at_once_do_no_harm(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=quick, args=(tmp_path / "runs", results)) for _ in range(2)]
    for process in processes:
        process.start()
    sums = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    assert sums[0] == sums[1] == runs.trained_model("cpu", CORPUS).model.head.weight.sum().item()
    assert not leftovers()


def test_the_ladder_is_kept_in_order_and_apart_for_each_text():
    runs.record_rung("bigram", 2.5, CORPUS)
    runs.record_rung("uniform", 4.2, CORPUS)
    runs.record_rung("bigram", 2.4, CORPUS)
    assert list(runs.ladder(CORPUS).items()) == [("uniform", 4.2), ("bigram", 2.4)]
    assert runs.ladder(CORPUS._replace(text="another")) == {}
    with pytest.raises(ValueError, match="uniform, unigram, bigram"):
        runs.record_rung("trigram", 2.0, CORPUS)


def test_the_ladder_is_printed_in_nats_and_bits():
    runs.record_rung("uniform", math.log(64), CORPUS)
    lines = run.ladder_text(CORPUS).splitlines()
    assert lines[-1].split() == ["uniform", "4.159", "6.000"]


def test_the_floor_is_the_mean_surprisal_of_the_validation_text():
    text = tinytales(20_000)
    assert run.floor(text) == pytest.approx(sum(surprisal(text)[18_000:]) / 2_000 * math.log(2))
    assert "the floor" in run.ladder_text(Corpus("tinytales", text, "built in"))


def notebook(folder, name: str, *sources: str) -> None:
    cells = [nbformat.v4.new_markdown_cell(f"# {name}", id="title")]
    cells += [nbformat.v4.new_code_cell(s, id=f"cell-{i}") for i, s in enumerate(sources)]
    folder.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")


@pytest.fixture
def chapters(monkeypatch, tmp_path):
    """A folder for notebooks, which `minigpt run` executes on TinyTales."""
    monkeypatch.setattr(run, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(run, "RUNS", tmp_path / "runs")
    monkeypatch.setenv("MINIGPT_CORPUS", "tinytales")
    return tmp_path / "notebooks"


def test_run_executes_copies_and_ends_with_ladder_and_words(chapters, capfd):
    notebook(chapters, "00_first", "import os\nassert os.environ['MINIGPT_CORPUS'] == 'tinytales'")
    notebook(chapters, "10_later", "raise SystemExit('not part of it')")
    before = (chapters / "00_first.ipynb").read_bytes()
    assert run.run_chapters() == 0
    said = capfd.readouterr().out
    assert "00_first" in said and " s " in said and " MB" in said and "10_later" not in said
    assert "the floor" in said and "3 steps" in said
    assert (chapters / "00_first.ipynb").read_bytes() == before


def test_run_stops_at_the_first_failure_and_names_its_cell(chapters, capfd, tmp_path):
    notebook(chapters, "00_first", "x = 1", "print('so far')\nassert x == 2, 'x is 1'", "y = 3")
    notebook(chapters, "01_second", "print('never')")
    assert run.run_chapters() == 1
    said = capfd.readouterr().out
    copy = tmp_path / "runs" / "notebooks" / "00_first.ipynb"
    assert "cell cell-1: AssertionError: x is 1" in said and str(copy) in said
    assert "01_second" not in said
    assert "so far" in copy.read_text(encoding="utf-8")


def test_run_says_which_cell_ended_the_kernel(chapters, capfd):
    notebook(chapters, "00_first", "import os", "os._exit(3)")
    assert run.run_chapters() == 1
    assert "cell cell-1: DeadKernelError" in capfd.readouterr().out
