"""The `minigpt` command: help everywhere, and for every bad input one line and nothing lost."""

import json
import math
import os
import subprocess
import sys

import pytest
import torch

from course import cli, doctor, runs
from course.paths import ROOT
from minigpt_lib.attention import CausalSelfAttention
from minigpt_lib.checkpoint import load_checkpoint, save_checkpoint
from minigpt_lib.data import get_batch, train_val_split
from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.sample import generate
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig

TEXT = "the quick brown fox jumps over the lazy dog.\n" * 2500
TINY = GPTConfig(context_length=8, embed_dim=16, num_heads=2, num_layers=1)
COMMANDS = {command.callback.__name__: command for command in cli.app.registered_commands}


@pytest.fixture
def minigpt(monkeypatch, capsys):
    """Runs the command in this process; gives exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["minigpt", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return call


@pytest.fixture
def refused(minigpt):
    """Runs the command and expects exit code 2 and one line on stderr, which it gives."""

    def call(*arguments: object) -> str:
        code, out, err = minigpt(*arguments)
        lines = [line for line in err.replace("\r", "\n").splitlines() if line.strip()]
        lines = [line for line in lines if "step/s" not in line]
        assert (code, len(lines)) == (2, 1), err
        assert not out
        return lines[0]

    return call


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """The preset cpu, so small that a run takes no time."""
    monkeypatch.setattr(runs, "PRESETS", {"cpu": TINY})
    config = TrainConfig(max_steps=6, batch_size=2, eval_every=3)
    monkeypatch.setattr(runs, "TRAINING", {"cpu": config})
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    for name in ("MINIGPT_CORPUS", "MINIGPT_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def text(tmp_path):
    """A text of one's own."""
    path = tmp_path / "own.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def trained(minigpt, text, tmp_path):
    """The folder of a finished run."""
    code, _, err = minigpt("train", "--corpus", text, "--out", tmp_path / "run")
    assert code == 0, err
    return tmp_path / "run"


def contents(folder) -> dict:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(minigpt, name):
    code, out, _ = minigpt(name, "--help")
    assert code == 0 and f"Example: minigpt {name}" in " ".join(out.split())


def test_help_needs_no_heavy_library():
    code = """
import sys
from course.cli import main
sys.argv = ["minigpt", "--help"]
try:
    main()
finally:
    assert not {"torch", "nbformat", "matplotlib", "yaml"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "Example" not in done.stderr, done.stderr


def test_train_says_how_it_went_and_sample_speaks(minigpt, text, tmp_path):
    out = tmp_path / "a folder" / "run"
    code, said, err = minigpt("train", "--corpus", text, "--out", out)
    assert code == 0 and "6/6" in err
    record = json.loads((out / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    nats = record["val_loss"]
    assert f"{nats:.3f} nats or {nats / math.log(2):.3f} bits per character" in said
    assert "steps per second" in said and f'--checkpoint "{out}"' in said
    code, first, _ = minigpt("sample", "--checkpoint", out, "--prompt", "fox", "--length", 9)
    assert code == 0 and first.startswith("fox") and len(first) == len("fox") + 9 + 1


def test_sample_repeats_with_a_seed_and_takes_every_setting(minigpt, trained):
    settings = ["--temperature", 1.5, "--top-k", 20, "--top-p", 0.95, "--length", 40]
    said = [
        minigpt("sample", "--checkpoint", trained, "--prompt", "a", *settings, "--seed", seed)[1]
        for seed in (1, 1, 2)
    ]
    assert said[0] == said[1] != said[2]


def test_sample_streams_piece_by_piece(minigpt, trained, monkeypatch):
    flushed = []
    monkeypatch.setattr("builtins.print", lambda *parts, **how: flushed.append((parts, how)))
    minigpt("sample", "--checkpoint", trained, "--prompt", "fox", "--length", 5)
    assert len(flushed) >= 6 and all(how["flush"] for parts, how in flushed if parts)


def test_resume_goes_on_with_the_settings_of_the_run(minigpt, text, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    minigpt("train", "--corpus", text, "--out", whole, "--steps", 9, "--seed", 5)
    minigpt("train", "--corpus", text, "--out", parts, "--steps", 6, "--seed", 5)
    code, _, err = minigpt("train", "--out", parts, "--resume", "--steps", 9)
    assert code == 0, err
    one, two = (load_checkpoint(folder) for folder in (whole, parts))
    assert one.step == two.step == 9
    code, said, _ = minigpt("train", "--out", parts, "--resume")
    assert code == 0 and "complete at step 9" in said


def test_a_run_stopped_before_its_first_checkpoint_starts_again(minigpt, text, tmp_path):
    out = tmp_path / "run"
    (out / "step-000003.part").mkdir(parents=True)
    (out / "run.json").write_text("{}", encoding="utf-8")
    code, _, err = minigpt("train", "--corpus", text, "--out", out)
    assert code == 0, err
    assert load_checkpoint(out).step == 6


def test_refuses_an_unknown_preset_and_corpus_and_lists_the_known(refused, text, tmp_path):
    out = tmp_path / "run"
    message = refused("train", "--preset", "gpu", "--corpus", text, "--out", out)
    assert "'gpu'" in message and "known are: cpu" in message
    message = refused("train", "--corpus", "bible", "--out", out)
    assert "'bible'" in message and "shakespeare, tinytales" in message


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_refuses_a_folder_it_cannot_write_to_before_training(refused, text, tmp_path, place):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    assert "can't write to" in refused("train", "--corpus", text, "--out", tmp_path / place)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_refuses_a_folder_that_holds_a_run_or_something_else(refused, trained, text, tmp_path):
    before = contents(trained)
    assert "--resume" in refused("train", "--corpus", text, "--out", trained)
    assert contents(trained) == before
    (tmp_path / "photos" / "step-1").mkdir(parents=True)
    (tmp_path / "photos" / "step-1" / "cat.jpg").write_bytes(b"meow")
    before = contents(tmp_path / "photos")
    assert "is not empty" in refused("train", "--corpus", text, "--out", tmp_path / "photos")
    assert contents(tmp_path / "photos") == before


def test_refuses_to_resume_what_is_not_there_or_on_another_text(refused, trained, tmp_path):
    assert "no run to resume" in refused("train", "--out", tmp_path / "none", "--resume")
    assert not (tmp_path / "none").exists()
    other = tmp_path / "other.txt"
    other.write_text(TEXT.upper(), encoding="utf-8")
    before = contents(trained)
    assert "another text" in refused("train", "--corpus", other, "--out", trained, "--resume")
    (trained / "run.json").write_text("[]", encoding="utf-8")
    assert "damaged" in refused("train", "--out", trained, "--resume")
    before[trained / "run.json"] = b"[]"
    assert contents(trained) == before


def test_refuses_more_than_one_process(refused, text, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "one process, not 2" in refused("train", "--corpus", text, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", [("--steps", 0), ("--steps", -3)])
def test_refuses_a_run_without_steps(refused, text, tmp_path, option):
    assert "at least 1" in refused("train", "--corpus", text, "--out", tmp_path / "run", *option)


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_good_checkpoint(
    refused, trained, monkeypatch
):
    config = TrainConfig(max_steps=40, batch_size=2, eval_every=3, learning_rate=1e30)
    monkeypatch.setattr(runs, "TRAINING", {"cpu": config})
    message = refused("train", "--out", trained, "--resume", "--steps", 40)
    assert "loss is" in message and "at step" in message
    kept = load_checkpoint(trained)
    assert kept.step >= 6
    assert all(tensor.isfinite().all() for tensor in kept.model.state_dict().values())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--prompt", ""], "empty"),
        (["--prompt", "Füchse"], "'F' at position 0"),
        (["--prompt", "a", "--temperature", "-0.1"], "temperature must be 0 or more, got -0.1"),
        (["--prompt", "a", "--temperature", "nan"], "temperature must be 0 or more, got nan"),
        (["--prompt", "a", "--top-k", "0"], "top_k must be at least 1, got 0"),
        (["--prompt", "a", "--top-p", "0"], "top_p must lie in (0, 1], got 0"),
        (["--prompt", "a", "--top-p", "1.1"], "top_p must lie in (0, 1], got 1.1"),
        (["--prompt", "a", "--length", "0"], "--length must be at least 1, got 0"),
    ],
)
def test_sample_refuses_a_bad_prompt_or_setting(refused, trained, arguments, complaint):
    assert complaint in refused("sample", "--checkpoint", trained, *arguments)


def test_sample_refuses_what_is_no_checkpoint(refused, trained, tmp_path):
    assert "no checkpoint" in refused("sample", "--checkpoint", tmp_path, "--prompt", "a")
    save_checkpoint(tmp_path / "mute", GPT(TINY))
    message = refused("sample", "--checkpoint", tmp_path / "mute", "--prompt", "a")
    assert "no tokenizer" in message
    place = trained / (trained / "last.txt").read_text(encoding="utf-8")
    CharTokenizer.from_text("abc").save(place / "tokenizer.json")
    message = refused("sample", "--checkpoint", trained, "--prompt", "a")
    assert "tokens and the tokenizer 3" in message


def test_other_commands_refuse_a_chapter_that_is_not_there(refused, tmp_path, monkeypatch):
    monkeypatch.setattr("course.paths.MY", tmp_path / "my")
    assert "04_attention" in refused("lab", "77")
    assert "77" in refused("check", "77")
    assert "4.99" in refused("hint", "4.99")
    assert not (tmp_path / "my").exists()


def test_an_error_of_ours_shows_where_it_happened(minigpt, monkeypatch):
    monkeypatch.setattr("course.doctor.examine", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        minigpt("doctor")


def tokens(*ids: int) -> torch.Tensor:
    return torch.tensor([ids])  # (1, T)


CHARACTERS = CharTokenizer.from_text("abc")
MODEL = GPT(GPTConfig(5, context_length=4, embed_dim=8, num_heads=2, num_layers=1))
BAD_CALLS = {
    "unknown character": (lambda: CHARACTERS.encode("abd"), "'d' at position 2"),
    "unknown id to decode": (lambda: CHARACTERS.decode([0, 3]), "id 3 at position 1"),
    "negative id to decode": (lambda: CHARACTERS.decode([-1]), "id -1 at position 0"),
    "unknown id for the model": (lambda: MODEL(tokens(0, 5)), "0 to 4, got 5"),
    "empty prompt": (lambda: generate(MODEL, tokens()[:, :0].long(), 3), "at least one"),
    "context below 1": (lambda: GPTConfig(context_length=0), "context_length must be at least 1"),
    "context below 1 in a batch": (lambda: get_batch(torch.arange(9), 2, 0), "context_length"),
    "heads that do not divide": (lambda: CausalSelfAttention(130, 4, 8), "130.*num_heads.*4"),
    "heads in a model": (lambda: GPT(GPTConfig(5, 4, 10, 4, 1)), "10.*num_heads.*4"),
    "target too large": (lambda: MODEL(tokens(0, 1), tokens(1, 5)), "targets.*0 to 4, got 5"),
    "target negative": (lambda: MODEL(tokens(0, 1), tokens(1, -1)), "targets.*0 to 4, got -1"),
    "sequence too long": (lambda: MODEL(tokens(0, 1, 2, 3, 4)), "5.*4"),
    "text too short to split": (lambda: train_val_split([1, 2, 3]), "3 tokens are too few"),
    "text too short for a batch": (lambda: get_batch(torch.arange(4), 1, 4), "4 tokens"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_the_library_refuses_bad_input_in_one_line(case):
    call, complaint = BAD_CALLS[case]
    with pytest.raises(ValueError, match=complaint) as caught:
        call()
    assert "\n" not in str(caught.value)


def run_doctor(**env: str) -> subprocess.CompletedProcess:
    code = "import sys; from course.cli import main; sys.argv = ['minigpt', 'doctor']; main()"
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | env, cwd=ROOT, capture_output=True
    )


def test_doctor_finds_everything_even_on_a_console_without_its_signs(tmp_path):
    folders = {"MINIGPT_RUNS_DIR": str(tmp_path / "runs"), "MINIGPT_MY_DIR": str(tmp_path / "my")}
    done = run_doctor(PYTHONIOENCODING="cp1252", MINIGPT_CORPUS="tinytales", **folders)
    said = done.stdout.decode("utf-8")
    assert done.returncode == 0, said
    assert "Everything essential is in place." in said and "✗" not in said
    assert "s per step" in said and "tinytales" in said


def test_doctor_says_what_to_do_about_what_is_missing(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("torch==0.1\nno-such-package==1.0\n-e .\n", encoding="utf-8")
    marks = dict(doctor.packages(requirements))
    assert "no-such-package" in marks[doctor.BAD] and "requirements.txt" in marks[doctor.BAD]
    assert "not 0.1" in marks[doctor.NOTE]
    monkeypatch.setattr(doctor, "RUNS", tmp_path / "file")
    monkeypatch.setattr(doctor, "MY", tmp_path / "my")
    assert "MINIGPT_RUNS_DIR" in dict(doctor.folders())[doctor.BAD]
    monkeypatch.setenv("MINIGPT_CORPUS", "no-such-text")
    assert "MINIGPT_CORPUS" in dict(doctor.text())[doctor.BAD]
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "pytorch.org" in dict(doctor.torch_build())[doctor.NOTE]
    monkeypatch.setattr(doctor, "speed", lambda: iter([]))
    assert doctor.examine() == 1
    assert "✗" in capsys.readouterr().out


@pytest.mark.slow
def test_train_under_torchrun_with_one_process(text, tmp_path):
    code = "import sys; from course.cli import main; sys.argv[0] = 'minigpt'; main()"
    train = ["train", "--corpus", str(text), "--out", str(tmp_path / "run"), "--steps", "2"]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "1"]
    command += ["--no-python", sys.executable, "-c", code, *train]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert load_checkpoint(tmp_path / "run").step == 2
