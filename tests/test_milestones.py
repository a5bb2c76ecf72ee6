"""Rungs passed are noted in the order of the ladder and once each, also across a stop."""

import json
import math

import pytest
import torch
from torch import nn

from course import milestones, runs
from course.corpora import Corpus
from course.milestones import Milestones, continuation, rungs, score, spread
from minigpt_lib.checkpoint import Run
from minigpt_lib.data import train_val_split
from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig, train

TEXT = "the quick brown fox jumps over the lazy dog. " * 60
TOKENIZER = CharTokenizer.from_text(TEXT)
TRAIN, VAL = train_val_split(TOKENIZER.encode(TEXT))
V = TOKENIZER.vocab_size
SIZES = GPTConfig(V, 8, 32, 2, 1, dropout=0.1)
LADDER = {"uniform": math.log(V), "unigram": 2.9, "bigram": 2.5, "MLP bigram": 2.3, "5-gram": 0.01}


class Stopped(BaseException):
    """Stands for a run that ends in the middle."""


def train_to(folder, steps=60, resume=False, stop=None, ladder=LADDER, every=2):
    """Train a tiny model; returns the milestones and what was said."""
    torch.manual_seed(7 if resume else 0)
    model = GPT(SIZES)
    config = TrainConfig(max_steps=60, batch_size=8, warmup_steps=5, eval_every=10)
    said = []
    found = Milestones(model, VAL, ladder, every, folder / "log.jsonl", said.append)

    def on_step(record):
        found(record)
        if record["step"] == stop:
            raise Stopped

    run = Run(folder, TOKENIZER, resume)
    if stop:
        with pytest.raises(Stopped):
            train(model, TRAIN, VAL, config, run=run, on_step=on_step)
    else:
        train(model, TRAIN, VAL, config, run=run, on_step=on_step)
    return found, said


def logged(folder) -> list[dict]:
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def events(folder) -> list[tuple[int, str]]:
    return [(entry["step"], entry["passed"]) for entry in logged(folder) if "passed" in entry]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, *train_to(folder)


def test_rungs_are_passed_in_order_and_each_once(whole):
    folder, found, said = whole
    names = [name for _, name in events(folder)]
    assert names == [name for name in LADDER if name in names] and len(names) >= 3
    steps = [step for step, _ in events(folder)]
    assert steps == sorted(steps) and all(step % 2 == 0 for step in steps)
    assert said == [f"step {step}: passed the {name}" for step, name in events(folder)]
    assert found.passed == {name: step for step, name in events(folder)}
    assert "5-gram" not in names  # the text can't be had for 0.01 nats


def test_each_event_says_what_was_measured(whole):
    folder, found, _ = whole
    scores = dict(found.scores)
    for entry in logged(folder):
        if "passed" in entry:
            assert entry["nats"] == scores[entry["step"]] < entry["rung"]
            assert entry["rung"] == LADDER[entry["passed"]]


def test_the_log_keeps_its_evaluations_and_ends_with_one(whole):
    folder, _, _ = whole
    entries = logged(folder)
    assert [e["step"] for e in entries if "val_loss" in e] == [10, 20, 30, 40, 50, 60]
    assert "val_loss" in entries[-1]
    assert [e["step"] for e in entries] == sorted(e["step"] for e in entries)


@pytest.mark.parametrize("stop", [10, 13, 33, 59])
def test_a_resumed_run_says_each_once_and_logs_what_a_whole_one_does(tmp_path, whole, stop):
    folder = tmp_path / "run"
    _, before = train_to(folder, stop=stop)
    resumed_at = int((folder / "last.txt").read_text(encoding="utf-8").split("-")[1])
    _, after = train_to(folder, resume=True)
    assert events(folder) == events(whole[0])
    kept = [line for line in before if int(line.split()[1].rstrip(":")) <= resumed_at]
    assert kept + after == whole[2]


def test_resuming_twice_at_the_same_place_adds_nothing(tmp_path, whole):
    folder = tmp_path / "run"
    train_to(folder, stop=20)
    train_to(folder, resume=True, stop=21)
    train_to(folder, resume=True)
    assert events(folder) == events(whole[0])


def test_a_finished_run_says_nothing_more(tmp_path, whole):
    folder = tmp_path / "run"
    train_to(folder)
    _found, said = train_to(folder, resume=True)
    assert said == [] and events(folder) == events(whole[0])


def test_a_rung_waits_for_those_before_it(tmp_path):
    ladder = {"uniform": 0.0, "unigram": 100.0}
    _, said = train_to(tmp_path / "run", ladder=ladder)
    assert said == []


def test_several_rungs_at_once_come_in_the_order_of_the_ladder(tmp_path):
    ladder = {"uniform": 100.0, "unigram": 50.0, "bigram": 75.0}
    _, said = train_to(tmp_path / "run", ladder=ladder)
    assert said == [f"step 2: passed the {name}" for name in ladder]


def test_a_log_that_was_cut_short_does_no_harm(tmp_path):
    folder = tmp_path / "run"
    train_to(folder, stop=20)
    log = folder / "log.jsonl"
    log.write_text(log.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    train_to(folder, resume=True)
    names = [name for _, name in events(folder)]
    assert len(names) == len(set(names)) and "val_loss" in logged(folder)[-1]


def test_scoring_and_writing_change_nothing_in_the_training(tmp_path):
    found, _ = train_to(tmp_path / "often", every=1)
    rare, _ = train_to(tmp_path / "rarely", every=60)
    pairs = zip(found.model.parameters(), rare.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    model = rare.model.train()
    state = torch.get_rng_state()
    assert continuation(model, [1, 2]) == continuation(model, [1, 2])
    assert model.training and torch.equal(state, torch.get_rng_state())


def test_the_positions_are_fixed_and_spread_over_the_whole_text():
    x, y = spread(VAL, 8)
    assert x.shape == y.shape == (milestones.BLOCKS, 8)
    assert torch.equal(x[:, 1:], y[:, :-1])
    assert torch.equal(x[0], VAL[:8]) and torch.equal(y[-1], VAL[-8:])
    assert spread(VAL[:4], 8)[0].shape == (1, 3)


def test_the_score_is_the_mean_surprise_at_those_positions():
    model = GPT(SIZES)
    x, y = spread(VAL, 8)
    with torch.no_grad():
        logits = model.eval()(x)[0]
    right = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten()).item()
    assert abs(score(model.train(), x, y) - right) < 1e-6 and model.training


def test_the_first_three_rungs_are_counted_where_none_is_on_file(monkeypatch, tmp_path):
    monkeypatch.setattr(runs, "RUNS", tmp_path)
    corpus = Corpus("own.txt", TEXT, "own")
    found = rungs(corpus, TRAIN, VAL, V)
    assert list(found) == ["uniform", "unigram", "bigram"]
    assert found["uniform"] == math.log(V) > found["unigram"] > found["bigram"]
    p = [(i == TRAIN).sum().item() + 1 for i in range(V)]
    unigram = -sum(math.log(p[i] / sum(p)) for i in VAL[1:].tolist()) / (len(VAL) - 1)
    assert abs(found["unigram"] - unigram) < 1e-9
    runs.record_rung("5-gram", 0.5, corpus)
    assert list(rungs(corpus, TRAIN, VAL, V)) == ["uniform", "unigram", "bigram", "5-gram"]
    for name in ("uniform", "unigram", "bigram", "MLP bigram", "mini-GPT"):
        runs.record_rung(name, 1.0, corpus)
    noted = rungs(corpus, TRAIN, VAL, V)
    assert list(noted) == ["uniform", "unigram", "bigram", "MLP bigram", "5-gram"]
    assert noted["bigram"] == 1.0
