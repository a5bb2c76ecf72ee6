"""The benchmarks' own arithmetic: verdicts, adapters, what is kept, and the gallery's variants."""

import json
import math
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from benchmarks import claims, flops, gallery, ladder, loss, trials
from benchmarks.__main__ import left_out, plan
from benchmarks.claims_counted import reordering, work
from benchmarks.claims_observed import agreement, look, possible
from benchmarks.claims_trained import in_turn
from benchmarks.encoding import measure as measure_encoding
from course import paths
from course.tinytales import tinytales
from minigpt_lib.attention import attention_weights
from minigpt_lib.model import GPT, PRESETS, GPTConfig
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig, evaluate, train

TINY = GPTConfig(7, context_length=6, embed_dim=8, num_heads=2, num_layers=1, dropout=0.0)
IDS = torch.randint(7, (200,), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def keep_here(tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "KEPT", tmp_path)
    return tmp_path


def tiny(**classes) -> GPT:
    torch.manual_seed(0)
    return GPT(TINY, **classes)


# Verdicts


@pytest.mark.parametrize(
    ("nats", "words"),
    [
        ([2.0, 2.1, 2.2], "no effect at this size"),  # the very same
        ([2.05, 2.15, 2.25], "no effect at this size"),  # 0.05 apart, standard error 0.08
        ([2.12, 2.22, 2.32], "no effect at this size"),  # between one and two of them
        ([2.5, 2.6, 2.7], "worse by 0.500 nats"),
        ([1.5, 1.6, 1.7], "better by 0.500 nats"),
        ([2.25, 2.35, 2.45], "worse by 0.250 nats"),  # just above two standard errors (0.163)
        ([2.0, 2.1, None], "diverged"),
        ([2.0, 2.1, math.inf], "diverged"),
        ([4.2, 4.3, 4.4], "diverged"),  # worse than knowing nothing
    ],
)
def test_a_verdict_follows_from_the_numbers(nats, words):
    assert trials.verdict(nats, [2.0, 2.1, 2.2], uniform=4.17) == words


def test_seeds_that_learn_letter_frequencies_only_are_counted():
    assert gallery.stuck([3.35, 3.34, 2.30, None], known=3.347) == (
        "; 2 of 4 seeds know letter frequencies only"
    )
    assert gallery.stuck([2.2, 2.3, 3.4], known=3.347) == ""


def test_the_standard_error_is_welchs():
    gap, error = trials.difference([1.0, 2.0, 3.0], [5.0, 9.0])  # variances 1 and 8
    assert gap == -5
    assert error == pytest.approx(math.sqrt(1 / 3 + 8 / 2))
    with pytest.raises(ValueError, match="at least two runs"):
        trials.difference([1.0], [2.0, 3.0])


# What is kept, and going on


def test_a_measurement_is_made_once_and_kept(keep_here):
    calls = []

    def measure():
        calls.append(1)
        return {"nats": 1.5}

    assert trials.kept("a/b", measure) == trials.kept("a/b", measure) == {"nats": 1.5}
    assert len(calls) == 1
    (keep_here / "a" / "b.json").unlink()
    trials.kept("a/b", measure)
    assert len(calls) == 2


def test_a_stopped_row_goes_on_where_it_was(keep_here, monkeypatch):
    asked = []

    def trial(build, split, seed, **changes):
        asked.append(seed)
        if seed == 1338 and asked.count(1338) == 1:
            raise KeyboardInterrupt
        return {"nats": float(seed)}

    monkeypatch.setattr(gallery, "trial", trial)
    monkeypatch.setattr(gallery, "characters", lambda: (IDS, IDS, SimpleNamespace(vocab_size=7)))
    with pytest.raises(KeyboardInterrupt):
        gallery.runs("post-norm")
    assert [run["nats"] for run in gallery.runs("post-norm")] == [1337.0, 1338.0, 1339.0]
    assert asked == [1337, 1338, 1338, 1339]


def test_a_stopped_training_in_full_ends_where_it_would_have(keep_here, monkeypatch):
    text = CharTokenizer("abcdefg")
    steps = []

    def stopped(*args, run):
        def stop(record):
            steps.append(record["step"])
            if record["step"] == 3:
                raise KeyboardInterrupt

        train(*args, run=run, on_step=stop)

    monkeypatch.setattr(ladder, "KEPT", keep_here)
    monkeypatch.setattr(ladder, "characters", lambda corpus: (IDS, IDS[:40], text))
    monkeypatch.setattr(ladder, "plain", lambda vocab_size: GPT(TINY))
    monkeypatch.setattr(ladder, "TrainConfig", partial(TrainConfig, max_steps=5, eval_every=2))
    whole = ladder.trained("one", 5).model
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ladder, "train", stopped)
        ladder.trained("two", 5)
    monkeypatch.setattr(
        ladder,
        "train",
        lambda *args, run: train(*args, run=run, on_step=lambda r: steps.append(r["step"])),
    )
    again = ladder.trained("two", 5).model
    assert steps == [1, 2, 3, 3, 4, 5]  # the checkpoint was that of step 2
    pairs = zip(whole.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    ladder.trained("two", 5)
    assert steps[-1] == 5 and len(steps) == 6  # done; nothing more is trained


def test_a_trial_says_when_the_loss_is_no_longer_a_number():
    class Broken(nn.Module):
        config = TINY

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x, y):
            return None, self.weight.sum() * float("nan")

    result = trials.trial(Broken, (IDS, IDS[:40]), 0, max_steps=2)
    assert result["nats"] is None
    assert "nan at step 0" in result["stopped"]


def test_a_trial_depends_on_its_seed_alone():
    build, split = lambda: GPT(TINY), (IDS, IDS[:40])
    first, again, other = (
        trials.trial(build, split, seed, max_steps=3)["nats"] for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_trial_notes_the_length_of_the_gradients():
    result = trials.trial(tiny, (IDS, IDS[:40]), 0, max_steps=3, max_grad_norm=0.01)
    assert result["norms"] == pytest.approx([0.01] * 3, rel=0.05)


# The gallery's variants


def scores(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids]))[0][0]


def test_without_a_mask_a_position_sees_the_future_and_with_it_never():
    for block, sees in (({"block": gallery.NoMask}, True), ({}, False)):
        model = tiny(**block)
        changed = (scores(model, [1, 2, 3, 4])[0] - scores(model, [1, 2, 3, 5])[0]).abs().max() > 0
        assert changed == sees


def test_post_norm_leaves_a_normalised_stream():
    block = gallery.PostNorm(8, 2, 6)
    out = block(torch.randn(2, 6, 8) * 50)
    assert out.mean(-1).abs().max() < 1e-5
    assert out.var(-1, correction=0).sub(1).abs().max() < 1e-3


def test_without_residuals_the_input_does_not_reach_the_output():
    block = gallery.NoResiduals(8, 2, 6)
    for parameter in block.mlp.parameters():
        nn.init.zeros_(parameter)
    assert block(torch.randn(2, 6, 8)).abs().max() == 0


def test_one_layer_without_positions_cannot_see_order_and_two_can():
    assert reordering(1) < 1e-12
    assert reordering(2) > 1e-3
    assert not any(
        "position" in name for name, _ in tiny(embedding=gallery.NoPositions).named_parameters()
    )


class Peeking(nn.Module):
    """Sure of the next token where it stands in the window, knows nothing of the last one's."""

    config = SimpleNamespace(context_length=6)

    def forward(self, ids, targets):
        logits = torch.zeros(*ids.shape, 7)
        logits[:, :-1] = 50.0 * nn.functional.one_hot(ids[:, 1:], 7)
        return logits, nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def test_the_last_position_shows_that_a_model_without_a_mask_knows_nothing():
    assert gallery.last_position_loss(Peeking(), IDS) == pytest.approx(math.log(7), abs=1e-5)


# Adapters and counts


class TheirModel(nn.Module):
    """As nanoGPT's: a block_size, and a loss with targets."""

    def __init__(self):
        super().__init__()
        self.config = SimpleNamespace(block_size=5)
        self.table = nn.Embedding(7, 7)

    def forward(self, idx, targets=None):
        assert idx.shape[1] <= self.config.block_size
        logits = self.table(idx)
        return logits, nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def test_a_model_of_nanogpts_is_scored_on_every_token_but_the_first():
    model = TheirModel()
    expected = nn.functional.cross_entropy(model.table(IDS[:-1]), IDS[1:]).item()
    assert evaluate(loss.Adapter(model), IDS) == pytest.approx(expected, rel=1e-5)


def test_the_recipe_has_the_sizes_of_the_preset():
    settings = dict(word.removeprefix("--").split("=") for word in loss.RECIPE.split()[1:])
    cpu = PRESETS["cpu"]
    sizes = {
        "block_size": cpu.context_length,
        "n_layer": cpu.num_layers,
        "n_head": cpu.num_heads,
        "n_embd": cpu.embed_dim,
        "batch_size": TrainConfig().batch_size,
        "max_iters": loss.STEPS,
    }
    assert {name: int(settings[name]) for name in sizes} == sizes


@pytest.mark.parametrize("name", ["cpu", "gpt2"])
def test_the_work_of_a_token_is_two_for_each_weight_and_the_attention(name):
    config = PRESETS[name]
    with torch.device("meta"):
        model = GPT(config)
    weights = sum(
        p.numel() for n, p in model.named_parameters() if p.dim() > 1 and "position" not in n
    )
    attention = 4 * config.num_layers * config.context_length * config.embed_dim
    assert sum(work(config).values()) == 2 * weights + attention
    per_step = 3 * (2 * weights + attention) * 12 * config.context_length
    assert flops.training_flops(config, 12) == per_step


def test_tokenizers_that_disagree_are_not_timed(monkeypatch):
    assert measure_encoding(tinytales(3000), 270)["ours_seconds"] > 0
    other = SimpleNamespace(encode_ordinary=lambda text: [0])
    monkeypatch.setattr("minigpt_lib.bpe.BPETokenizer.to_tiktoken", lambda self: other)
    with pytest.raises(ValueError, match="different ids"):
        measure_encoding(tinytales(3000), 270)


# What the claims look at


def test_windows_in_turn_come_once_an_epoch():
    batches = in_turn(torch.arange(61), 6, 6, 2)(torch.Generator().manual_seed(0))
    for _ in range(2):  # epochs of 10 windows
        x, y = (torch.cat(part) for part in zip(*(next(batches) for _ in range(5)), strict=True))
        assert sorted(x[:, 0].tolist()) == list(range(0, 60, 6))
        assert torch.equal(y, x + 1)


def test_heads_that_look_evenly_are_seen_to():
    model = tiny()
    nn.init.zeros_(model.blocks[0].attention.qkv.weight)  # every score 0: the past, evenly
    seen = look(model, IDS)
    positions = range(3, 6)  # the second half of 6
    assert seen["distance"][0] == pytest.approx([sum(p / 2 for p in positions) / 3] * 2, abs=1e-4)
    evenly = sum(math.log(p + 1) for p in positions) / 3
    assert seen["entropy"][0] == pytest.approx([evenly] * 2, abs=1e-4)
    assert seen["previous"][0] == pytest.approx(
        [sum(1 / (p + 1) for p in positions) / 3] * 2, abs=1e-4
    )


def test_looking_back_is_told_from_looking_at_oneself():
    model = tiny()
    attention = model.blocks[0].attention
    nn.init.normal_(attention.qkv.weight, generator=torch.Generator().manual_seed(0))
    x = torch.stack([IDS[i : i + 6] for i in range(0, 194, 2)])
    with torch.no_grad():
        q, k, _ = attention.project(model.blocks[0].norm1(model.embedding(x)))
        weights = attention_weights(q, k, attention.mask)
    before = weights.diagonal(-1, -2, -1)[..., 2:].mean(dim=(0, 2))  # positions 3 to 5
    assert look(model, IDS)["previous"][0] == pytest.approx(before.tolist(), abs=1e-3)


def test_agreement_is_about_heads_of_the_same_number_within_a_layer():
    one = [[1.0, 2.0, 3.0], [30.0, 10.0, 20.0]]
    assert agreement([one, one]) == pytest.approx(1)
    assert agreement([one, [[11.0, 12.0, 13.0], [60.0, 40.0, 50.0]]]) == pytest.approx(1)
    assert agreement([[[1.0, 2.0]], [[2.0, 1.0]]]) == pytest.approx(-1)


def test_samples_are_judged_by_the_grammar_up_to_its_first_breach():
    text = tinytales(400)
    assert possible(text) == 400
    assert possible(text[:100] + "%" + text[101:]) == 100


# Commands


def test_without_clones_what_needs_none_is_run_and_the_rest_named():
    alone = [program for program, *_ in plan({})]
    assert alone[-4:] == ["gallery", "ladder", "claims", "page"]  # trainings last, then the page
    assert {"flops", "encoding"} < set(alone)
    assert all((paths.ROOT / "benchmarks" / f"{name}.py").is_file() for name in alone)
    line = left_out({})
    assert "\n" not in line
    assert all(word in line for word in ("training", "loss", "bpe", "NANOGPT=", "MINBPE="))
    assert "NANOGPT" not in left_out({"nanogpt": "x"})
    assert left_out({"nanogpt": "x", "minbpe": "y"}) == ""


def test_with_clones_everything_is_run_and_the_page_last():
    programs = plan({"nanogpt": "x", "minbpe": "y"})
    assert ["training", "x"] in programs
    assert ["loss", "x"] in programs
    assert ["bpe", "y"] in programs
    assert programs[-1] == ["page"]


def test_one_claim_is_measured_and_the_others_stay(tmp_path, monkeypatch, capsys):
    (tmp_path / "claims.json").write_text(
        json.dumps({"claims": [{"name": "tying", "holds": "no"}]})
    )
    monkeypatch.setattr(claims, "RESULTS", tmp_path)
    monkeypatch.setattr("benchmarks.report.RESULTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["claims", "cache"])
    claims.main()
    written = json.loads((tmp_path / "claims.json").read_text(encoding="utf-8"))["claims"]
    assert [claim["name"] for claim in written] == ["cache", "tying"]
    monkeypatch.setattr("sys.argv", ["claims", "no-such"])
    with pytest.raises(SystemExit):
        claims.main()
    assert "no claim is called no-such" in capsys.readouterr().err
