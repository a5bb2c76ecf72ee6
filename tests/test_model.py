"""The whole GPT: what it promises, how it starts, what it refuses, and what can be exchanged."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from minigpt_lib.attention import CausalSelfAttention
from minigpt_lib.blocks import Block
from minigpt_lib.data import get_batch
from minigpt_lib.model import GPT, PRESETS, GPTConfig
from minigpt_lib.sample import generate
from minigpt_lib.train import TrainConfig, evaluate, train

SMALL = GPTConfig(11, context_length=8, embed_dim=12, num_heads=3, num_layers=2, dropout=0.0)
examples = settings(max_examples=30, deadline=None)


def small(seed=0, **options):
    """A small GPT whose parameters are large enough to matter, in float64."""
    model = GPT(SMALL, **options)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        nn.init.normal_(parameter, 1.0 if parameter.dim() == 1 else 0.0, 0.2, generator=generator)
    return model.double()


def some_ids(shape, seed=0, vocab_size=11):
    return torch.randint(vocab_size, shape, generator=torch.Generator().manual_seed(seed))


# What it promises


def moved_by(model, t, seed=0):
    """Which positions' logits move when the token at position t changes."""
    ids = some_ids((2, 8), seed)
    changed = ids.clone()
    changed[:, t] = (changed[:, t] + 1) % 11
    with torch.no_grad():
        return ((model(changed)[0] - model(ids)[0]).abs().amax(dim=(0, 2)) > 1e-9).tolist()


class Seer(Block):
    """A block that forgot its mask."""

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.attention.mask.fill_(True)


@examples
@given(t=st.integers(0, 7), seed=st.integers(0, 2**31))
def test_no_position_sees_the_future(t, seed):
    assert moved_by(small(seed), t, seed) == [position >= t for position in range(8)]


def test_a_model_without_mask_would_be_seen():
    assert moved_by(small(block=Seer), 5) != [position >= 5 for position in range(8)]


def test_the_loss_leaves_out_targets_of_minus_100():
    model, ids, targets = small(), some_ids((2, 8)), some_ids((2, 8), seed=1)
    logits, whole = model(ids, targets)
    surprises = -logits.log_softmax(dim=-1).gather(-1, targets[..., None])[..., 0]  # (B, T)
    assert whole.item() == pytest.approx(surprises.mean().item(), abs=1e-12)
    masked = targets.clone()
    masked[:, :5] = -100
    assert model(ids, masked)[1].item() == pytest.approx(surprises[:, 5:].mean().item(), abs=1e-12)
    assert whole.item() != pytest.approx(surprises[:, 5:].mean().item(), abs=1e-3)


def test_without_targets_there_is_no_loss_and_shorter_texts_give_the_same_logits():
    model, ids = small(), some_ids((2, 8))
    logits, loss = model(ids)
    assert loss is None and logits.shape == (2, 8, 11)
    assert torch.allclose(model(ids[:, :3])[0], logits[:, :3], atol=1e-12, rtol=0)


# How it starts


def first_loss(vocab_size, seed):
    torch.manual_seed(seed)
    model = GPT(GPTConfig(vocab_size, context_length=64, dropout=0.0))
    x, y = some_ids((2, 4, 64), seed, vocab_size)
    with torch.no_grad():
        return model(x, y)[1].item()


def test_the_first_loss_is_near_ln_V():
    few = sum(first_loss(65, seed) for seed in range(5)) / 5
    assert few == pytest.approx(math.log(65), rel=0.02)
    assert first_loss(50257, 0) == pytest.approx(math.log(50257), rel=0.01)


def test_torchs_own_start_would_be_seen():
    torch.manual_seed(0)
    model = GPT(GPTConfig(context_length=64, dropout=0.0))
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding) and module is not model.head:
            module.reset_parameters()
    x, y = some_ids((2, 4, 64), 0, 50257)
    with torch.no_grad():
        assert model(x, y)[1].item() > 70


def test_matrices_start_with_the_spread_of_gpt2():
    torch.manual_seed(0)
    model = GPT(GPTConfig(500, 64, 128, 4, num_layers=8))
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            assert torch.all(parameter == (0 if name.endswith("bias") else 1)), name
        else:
            writes = "proj" in name or "down" in name
            expected = 0.02 / math.sqrt(2 * 8) if writes else 0.02
            assert parameter.std().item() == pytest.approx(expected, rel=0.05), name
            assert abs(parameter.mean().item()) < 5 * expected / math.sqrt(parameter.numel())


def test_the_stream_keeps_its_spread_at_any_depth():
    def spread(depth, scaled):
        torch.manual_seed(0)
        model = GPT(GPTConfig(65, 64, 128, 4, depth, dropout=0.0))
        for parameter in model.parameters():
            if not scaled and parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)
        with torch.no_grad():
            x = model.embedding(some_ids((4, 64), 0, 65))
            for block in model.blocks:
                x = block(x)
        return x.std().item()

    assert spread(24, scaled=True) == pytest.approx(spread(2, scaled=True), rel=0.1)
    assert spread(24, scaled=False) > 2 * spread(2, scaled=False)  # what the scaling prevents


# Counting


def count(config, **options):
    with torch.device("meta"):
        return GPT(config, **options).num_parameters()


@examples
@given(
    vocab_size=st.integers(1, 300),
    context_length=st.integers(1, 100),
    num_heads=st.integers(1, 4),
    head_dim=st.integers(1, 8),
    num_layers=st.integers(1, 5),
    bias=st.booleans(),
)
def test_parameters_can_be_counted_by_hand(
    vocab_size, context_length, num_heads, head_dim, num_layers, bias
):
    C = num_heads * head_dim
    config = GPTConfig(vocab_size, context_length, C, num_heads, num_layers, bias=bias)
    small_vectors = 13 * C if bias else 2 * C
    expected = (vocab_size + context_length) * C + num_layers * (12 * C * C + small_vectors)
    expected += 2 * C if bias else C
    assert count(config) == expected
    assert count(config, tie=False) == expected + vocab_size * C


def test_the_presets_have_the_published_sizes():
    assert count(PRESETS["gpt2"]) == 124_439_808
    assert count(PRESETS["gpt2-medium"]) == 354_823_168
    assert count(PRESETS["gpt2-large"]) == 774_030_080
    assert count(PRESETS["gpt2-xl"]) == 1_557_611_200


def test_the_model_called_10m_has_7m_tied_and_14m_untied():
    assert count(GPTConfig()) == 7_259_008
    assert count(GPTConfig(), tie=False) == 13_691_904


def test_a_tied_head_is_the_table_itself_and_stays_it():
    model, ids = small(), some_ids((2, 8))
    assert model.head.weight is model.embedding.token.weight
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(ids, ids)[1].backward()
    optimizer.step()
    assert torch.equal(model.head.weight, model.embedding.token.weight)
    untied = small(tie=False)
    assert untied.head.weight is not untied.embedding.token.weight


# What it refuses


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[1, 11]], "ids must lie in 0 to 10, got 11"),
        ([[-1, 3]], "ids must lie in 0 to 10, got -1"),
        ([[]], "ids: no token"),
        ([[0] * 9], "9 tokens is longer than the context .8."),
    ],
    ids=["too-large", "negative", "empty", "too-long"],
)
def test_bad_ids_are_refused(ids, message):
    with pytest.raises(ValueError, match=message):
        small()(torch.tensor(ids, dtype=torch.long))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([[1, 2, 11]], "targets must lie in 0 to 10, got 11"),
        ([[1, -1, 3]], "targets must lie in 0 to 10, got -1"),
        ([[-100, -100, -100]], "targets: no token"),
    ],
    ids=["too-large", "negative", "all-masked"],
)
def test_bad_targets_are_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        small()(some_ids((1, 3)), torch.tensor(targets))


@pytest.mark.parametrize(
    "name", ["vocab_size", "context_length", "embed_dim", "num_heads", "num_layers"]
)
@pytest.mark.parametrize("value", [0, -3])
def test_sizes_below_one_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got {value}"):
        GPTConfig(**{name: value})


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 2])
def test_a_dropout_that_is_no_share_is_refused(dropout):
    with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\)"):
        GPTConfig(dropout=dropout)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="try 128 or 132"):
        GPT(GPTConfig(11, embed_dim=130))


# What can be exchanged: a model of other parts, trained by another optimiser


class TokenEmbedding(nn.Module):
    """No positions: the rotation in attention tells them."""

    def __init__(self, vocab_size, context_length, embed_dim, dropout):
        super().__init__()
        self.table = nn.Embedding(vocab_size, embed_dim)

    def forward(self, ids):
        return self.table(ids)


class RMSNorm(nn.Module):
    def __init__(self, embed_dim, bias):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(embed_dim))

    def forward(self, x):
        return x * (x.pow(2).mean(dim=-1, keepdim=True) + 1e-6).rsqrt() * self.gain


class RotaryAttention(CausalSelfAttention):
    def project(self, x):
        q, k, v = super().project(x)
        half = q.shape[-1] // 2
        speeds = 10000 ** (-torch.arange(half, dtype=x.dtype) / half)
        angles = torch.arange(x.shape[1], dtype=x.dtype)[:, None] * speeds  # (T, D / 2)
        cos, sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)  # (T, D)

        def rotate(y):
            first, second = y.chunk(2, dim=-1)
            return y * cos + torch.cat([-second, first], dim=-1) * sin

        return rotate(q), rotate(k), v


class RotaryBlock(Block):
    def __init__(self, embed_dim, num_heads, context_length, dropout, bias, norm):
        super().__init__(embed_dim, num_heads, context_length, dropout, bias, norm)
        sizes = (embed_dim, num_heads, context_length, dropout, bias)
        self.attention = RotaryAttention(*sizes)


class Orthogonal(torch.optim.Optimizer):
    """Momentum whose matrices are made orthogonal before the step, after Muon."""

    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 1.0, "scale": 5.0})
        self.steps, self.rates = 0, set()

    @torch.no_grad()
    def step(self):
        self.steps += 1
        for group in self.param_groups:
            self.rates.add(group["lr"])
            for p in group["params"]:
                memory = self.state[p].setdefault("memory", torch.zeros_like(p))
                memory.mul_(0.9).add_(p.grad)
                if p.dim() == 2:
                    u, _, v = torch.linalg.svd(memory, full_matrices=False)
                    p.sub_(group["lr"] * 0.2 * (u @ v))
                else:
                    p.sub_(group["lr"] * memory)


OPTIMIZERS = {
    "sgd": lambda model: torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9),
    "orthogonal": lambda model: Orthogonal(model.parameters()),
}


def exchanged_model():
    torch.manual_seed(0)
    config = GPTConfig(7, context_length=16, embed_dim=16, num_heads=2, num_layers=2, dropout=0.0)
    return GPT(config, block=RotaryBlock, norm=RMSNorm, embedding=TokenEmbedding, tie=False)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_other_parts_and_another_optimizer_go_through_the_same_code(name):
    model = exchanged_model()
    parts = [type(part) for part in model.modules()]
    assert parts.count(RMSNorm) == 5 and parts.count(RotaryAttention) == 2
    assert model.head.weight is not model.embedding.table.weight
    text = torch.tensor([0, 1, 2, 3, 4, 5, 6] * 60)
    taken = []

    def batches():
        generator = torch.Generator().manual_seed(1)
        for number in itertools.count():
            taken.append(number)
            yield get_batch(text, 4, 16, generator)

    optimizer = OPTIMIZERS[name](model)
    rates = TrainConfig(
        max_steps=25, learning_rate=0.1, min_learning_rate=0.01, warmup_steps=5, eval_every=25
    )
    before = evaluate(model, text[:100])
    records = train(model, text, text[:100], rates, optimizer=optimizer, batches=batches())
    assert len(taken) == 25  # our batches and no others
    assert records[-1]["val_loss"] < 0.7 * before
    if name == "orthogonal":
        assert optimizer.steps == 25
        assert max(optimizer.rates) == pytest.approx(5.0 * 0.1)  # its scale times the schedule
    written = generate(model, text[None, :4], 10, temperature=0)
    assert written.shape == (1, 14)


@pytest.mark.parametrize(("block", "told"), [(RotaryBlock, True), (Block, False)])
def test_the_rotation_alone_tells_the_order_of_tokens(block, told):
    config = replace(SMALL, num_layers=1)  # two layers could tell it from the mask
    model = GPT(config, block, RMSNorm, TokenEmbedding, tie=False).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    with torch.no_grad():
        one, other = (model(torch.tensor([ids]))[0][0, -1] for ids in ([1, 2, 3], [2, 1, 3]))
    assert ((one - other).abs().max() > 1e-9) == told
