"""Nothing is lost: stopped, killed, damaged and broken-down training runs."""

import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from course.paths import ROOT
from minigpt_lib import checkpoint
from minigpt_lib.checkpoint import Run, load_checkpoint, save_checkpoint
from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig, adamw, train

TEXT = "the quick brown fox jumps over the lazy dog. " * 40
TOKENIZER = CharTokenizer.from_text(TEXT)
IDS = torch.tensor(TOKENIZER.encode(TEXT))  # (n,)
SIZES = GPTConfig(TOKENIZER.vocab_size, 8, 16, 2, 1, dropout=0.2)
FILES = ("config.json", "model.safetensors", "tokenizer.json", "training.pt")


def tiny(seed: int = 0) -> GPT:
    torch.manual_seed(seed)
    return GPT(SIZES)


def run(folder, steps: int = 20, every: int = 5, resume: bool = False, **more) -> GPT:
    """Train the tiny model; `steps` are also those the schedule is made for."""
    model = more.pop("model", None) or tiny(seed=7 if resume else 0)
    config = TrainConfig(max_steps=steps, batch_size=4, warmup_steps=5, eval_every=every)
    train(model, IDS, IDS[:100], config, run=Run(folder, TOKENIZER, resume), **more)
    return model


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


class Stopped(BaseException):
    """Stands for a run that ends in the middle."""


def stop_at(step: int):
    def on_step(record: dict) -> None:
        if record["step"] == step:
            raise Stopped

    return on_step


@pytest.fixture
def saved(tmp_path) -> Path:
    """A run of 20 steps; returns the folder of its last checkpoint."""
    run(tmp_path / "run")
    return tmp_path / "run" / (tmp_path / "run" / "last.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("step", [5, 7, 19])
def test_a_resumed_run_is_bit_for_bit_the_one_never_stopped(tmp_path, step):
    whole = run(tmp_path / "whole")
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", on_step=stop_at(step))
    assert load_checkpoint(tmp_path / "stopped").step == step // 5 * 5
    resumed = run(tmp_path / "stopped", resume=True)
    assert same(whole, resumed) and not same(whole, tiny())
    logs = [
        [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("whole", "stopped")
    ]
    scores = [[(record["step"], record["val_loss"]) for record in log] for log in logs]
    assert scores[0] == scores[1] and [step for step, _ in scores[0]] == [5, 10, 15, 20]


def test_dropout_draws_differ_without_its_generator(tmp_path, monkeypatch):
    """The proof that the test above would notice: forget dropout's generator, and it fails."""
    whole = run(tmp_path / "whole")
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", on_step=stop_at(7))
    monkeypatch.setattr(torch, "set_rng_state", lambda state: None)
    assert not same(whole, run(tmp_path / "stopped", resume=True))


def test_a_finished_run_is_returned_as_it_is(tmp_path):
    whole = run(tmp_path / "run")
    assert same(whole, run(tmp_path / "run", resume=True))


def test_last_and_best_are_kept_and_nothing_else(tmp_path):
    run(tmp_path / "run", steps=30, every=2)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    kept = {(tmp_path / "run" / f"{n}.txt").read_text(encoding="utf-8") for n in ("last", "best")}
    assert names == {"last.txt", "best.txt", "log.jsonl"} | kept
    records = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    best = min(records, key=lambda record: record["val_loss"])
    assert load_checkpoint(tmp_path / "run", "best").step == best["step"]
    assert load_checkpoint(tmp_path / "run").step == 30


def test_a_folder_with_a_run_is_not_trained_into_again(tmp_path):
    before = run(tmp_path / "run")
    with pytest.raises(ValueError, match="holds a run"):
        run(tmp_path / "run")
    assert same(load_checkpoint(tmp_path / "run").model, before)


WRITES = [
    (checkpoint, "save_model"),
    (checkpoint.torch, "save"),
    (checkpoint.os, "replace"),
    (checkpoint.shutil, "rmtree"),
    (Path, "write_text"),
    (Path, "mkdir"),
]


def test_a_crash_at_any_write_leaves_a_checkpoint_that_loads(tmp_path, monkeypatch):
    """Crash before the first write of the second checkpoint, then before the second one, …"""
    whole = run(tmp_path / "whole", steps=12, every=4)
    for crash in range(100):
        folder = tmp_path / f"crash-{crash}"
        with pytest.raises(Stopped):
            run(folder, steps=12, every=4, on_step=stop_at(4))
        count = iter(range(1000))
        with monkeypatch.context() as patch:
            for owner, name in WRITES:
                patch.setattr(owner, name, crashing(getattr(owner, name), count, crash))
            try:
                run(folder, steps=12, every=4, resume=True)
                break
            except Stopped:
                pass
        assert load_checkpoint(folder).step in (4, 8, 12)
        assert same(run(folder, steps=12, every=4, resume=True), whole)
    assert crash > 20  # there are that many writes in two checkpoints


def crashing(write, count, crash: int):
    def wrapped(*args, **kwargs):
        if next(count) == crash:
            raise Stopped
        return write(*args, **kwargs)

    return wrapped


CHILD = """
import sys
from tests.test_checkpoint import run
run(sys.argv[1], steps=int(sys.argv[2]), every=1, resume=sys.argv[3] == "resume")
"""


def kill_at_random(folder: Path, steps: int, chance: random.Random) -> bool:
    """Train in another process and kill it at a random moment after its first checkpoint.

    Returns False if the process ended before that.
    """
    mode = "resume" if (folder / "last.txt").exists() else "new"
    before = load_checkpoint(folder).step if mode == "resume" else 0
    command = [sys.executable, "-c", CHILD, str(folder), str(steps), mode]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    with subprocess.Popen(command, cwd=ROOT, env=env) as process:
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            names = {path.name for path in folder.glob("step-*")}
            has_begun = any(name > f"step-{before + 1:06d}" for name in names)
            if has_begun and (folder / "last.txt").exists():
                break
            time.sleep(0.005)
        time.sleep(chance.random() * 0.1)
        process.kill()
        return process.wait() != 0


def killed_again_and_again(tmp_path: Path, kills: int, seed: int) -> None:
    chance, folder, steps = random.Random(seed), tmp_path / "killed", 100_000
    reached = 0
    for _ in range(kills):
        assert kill_at_random(folder, steps, chance)
        step = load_checkpoint(folder).step
        assert step >= max(reached, 1)
        reached = step
    whole = tmp_path / "whole"
    with pytest.raises(Stopped):
        run(whole, steps, every=reached + 3, on_step=stop_at(reached + 3))
    with pytest.raises(Stopped):
        run(folder, steps, every=1, resume=True, on_step=stop_at(reached + 3))
    assert same(load_checkpoint(whole).model, load_checkpoint(folder).model)


def test_kill_9_at_a_random_moment(tmp_path):
    killed_again_and_again(tmp_path, kills=3, seed=time.time_ns())


@pytest.mark.slow
def test_kill_9_many_times(tmp_path):
    killed_again_and_again(tmp_path, kills=25, seed=time.time_ns())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["empty", "half", "foreign", "json", "missing"])
def test_a_damaged_file_is_refused_in_one_line(saved, name, damage):
    path = saved / name
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        content = {"empty": b"", "half": whole[: len(whole) // 2], "foreign": b"\x89PNG\r\n\x1a\n"}
        path.write_bytes(content.get(damage, b'{"type": "other"}'))
    if (name, damage) == ("tokenizer.json", "missing"):
        assert load_checkpoint(saved.parent).tokenizer is None  # as if saved without one
        return
    with pytest.raises(ValueError, match=r"damaged|holds no") as caught:
        load_checkpoint(saved.parent)
    assert str(saved) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"step-999999", b"..", b"/", b"step-"])
def test_a_damaged_pointer_is_refused(saved, content):
    (saved.parent / "last.txt").write_bytes(content)
    with pytest.raises(ValueError, match="holds no checkpoint"):
        load_checkpoint(saved.parent)
    assert load_checkpoint(saved.parent, "best").step in (5, 10, 15, 20)


def test_a_folder_without_a_run_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match="train one"):
            load_checkpoint(folder)


class Strange:
    """An object that a stranger's file could hold."""

    def __reduce__(self):
        return (print, ("unpickled a stranger's code",))


def test_strangers_code_is_not_run(saved, capsys):
    with open(saved / "training.pt", "wb") as file:
        pickle.dump(Strange(), file)
    with pytest.raises(ValueError, match="damaged"):
        load_checkpoint(saved.parent)
    torch.save({"optimizer": Strange()}, saved / "training.pt")
    with pytest.raises(ValueError, match="damaged"):
        load_checkpoint(saved.parent)
    assert "unpickled" not in capsys.readouterr().out


def test_weights_of_another_size_are_refused(saved, tmp_path):
    other = GPT(GPTConfig(TOKENIZER.vocab_size, 8, 32, 2, 1))
    place = save_checkpoint(tmp_path / "other", other, TOKENIZER)
    shutil.copy(place / "model.safetensors", saved)
    with pytest.raises(ValueError, match="damaged"):
        load_checkpoint(saved.parent)


@pytest.mark.parametrize("state", [{}, {"optimizer": 1}, [1, 2]])
def test_resuming_without_the_state_of_a_run_is_refused(saved, state):
    torch.save(state, saved / "training.pt")
    with pytest.raises(ValueError, match=r"resume|damaged"):
        run(saved.parent, resume=True)


def test_a_tokenizer_of_another_vocabulary_is_refused(saved, tmp_path):
    other = CharTokenizer.from_text("abc")
    with pytest.raises(ValueError, match=f"{TOKENIZER.vocab_size} tokens and the tokenizer 3"):
        save_checkpoint(tmp_path / "new", tiny(), other)
    assert not (tmp_path / "new").exists()
    other.save(saved / "tokenizer.json")
    with pytest.raises(ValueError, match="tokenizer 3"):
        load_checkpoint(saved.parent)


def poison(model: GPT, step: int):
    def on_step(record: dict) -> None:
        if record["step"] == step:
            model.head.weight.data.fill_(float("nan"))

    return on_step


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    model = tiny()
    with pytest.raises(ValueError, match="loss is nan at step 7"):
        run(tmp_path / "run", model=model, on_step=poison(model, 7))
    kept = load_checkpoint(tmp_path / "run")
    assert kept.step == 5
    assert all(tensor.isfinite().all() for tensor in kept.model.state_dict().values())
    assert same(run(tmp_path / "run", resume=True), run(tmp_path / "whole"))


def test_a_model_that_breaks_down_in_the_last_update_is_not_kept(tmp_path):
    model, config = tiny(), TrainConfig(max_steps=10, batch_size=4, eval_every=5)
    optimizer = adamw(model, config)
    step, count = optimizer.step, iter(range(1, 100))

    def breaks_down_at_10(*args):
        step(*args)
        if next(count) == 10:
            model.head.weight.data.fill_(float("nan"))

    optimizer.step = breaks_down_at_10
    with pytest.raises(ValueError, match="validation loss is nan at step 10"):
        train(model, IDS, IDS[:100], config, optimizer, run=Run(tmp_path / "run"))
    assert load_checkpoint(tmp_path / "run").step == 5


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    steps = []
    with pytest.raises(OSError):
        run(tmp_path / "file" / "run", on_step=steps.append)
    assert not steps and (tmp_path / "file").read_text(encoding="utf-8") == "mine"
