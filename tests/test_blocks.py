"""Norm, MLP and block against torch's own, and the promises of each, on random shapes."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from minigpt_lib.attention import CausalSelfAttention, causal_mask
from minigpt_lib.blocks import Block, FeedForward, LayerNorm

# float64 sums of up to a few hundred terms of size 1.
TOLERANCE = 1e-11

sizes = st.integers(1, 7)
seeds = st.integers(0, 2**31)
examples = settings(max_examples=50, deadline=None)


def redraw(module, seed=0):
    """Give every parameter a value that shows where it goes: gains 1 ± 0.2, all others ± 0.2."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in module.named_parameters():
        is_gain = parameter.dim() == 1 and name.endswith("weight")
        nn.init.normal_(parameter, float(is_gain), 0.2, generator=generator)
    return module.double()


def difference(a, b):
    return (a - b).abs().max().item()


def rows(C, seed=0):
    """Positions: ordinary, with a large mean, nearly constant (variance near ε), constant."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 5, C, generator=generator, dtype=torch.float64)
    scale = torch.tensor([1.0, 10.0, 3e-3, 0.0], dtype=torch.float64)
    shift = torch.tensor([0.0, 50.0, 2.0, 2.0], dtype=torch.float64)
    return x * scale[:, None, None] + shift[:, None, None]


def by_hand(x, norm, unbiased=False, eps_outside=False, dims=(-1,)):
    """Ba et al. 2016, equations 3 and 4, and the ways it is written wrongly."""
    centred = x - x.mean(dims, keepdim=True)
    variance = x.var(dims, keepdim=True, unbiased=unbiased)
    spread = variance.sqrt() + norm.eps if eps_outside else (variance + norm.eps).sqrt()
    return centred / spread * norm.weight + (0 if norm.bias is None else norm.bias)


# Means near 50 cost three digits of the difference, and ε magnifies them on constant rows.
NORM_TOLERANCE = 1e-9


@examples
@given(C=st.integers(2, 9), bias=st.booleans(), seed=seeds)
def test_layer_norm_equals_the_formula_and_torch(C, bias, seed):
    norm, x = redraw(LayerNorm(C, bias=bias), seed), rows(C, seed)
    assert difference(norm(x), by_hand(x, norm)) < NORM_TOLERANCE
    assert difference(norm(x), F.layer_norm(x, (C,), norm.weight, norm.bias)) < NORM_TOLERANCE


def test_layer_norm_has_torchs_gradients():
    ours, theirs, x = redraw(LayerNorm(6)), redraw(nn.LayerNorm(6)), rows(6).requires_grad_()
    gradients = [
        torch.autograd.grad(norm(x).pow(3).sum(), [x, *norm.parameters()])
        for norm in (ours, theirs)
    ]
    for one, other in zip(*gradients, strict=True):
        assert difference(one, other) < 1e-7  # 1/√ε = 316 magnifies the gradient of constant rows


@pytest.mark.parametrize(
    "wrong", [{"unbiased": True}, {"eps_outside": True}, {"dims": (-2, -1)}], ids=str
)
def test_a_wrong_layer_norm_would_be_seen(wrong):
    norm, x = redraw(LayerNorm(6)), rows(6)
    assert difference(norm(x), by_hand(x, norm, **wrong)) > 1e3 * NORM_TOLERANCE


def test_a_constant_position_gives_the_shift():
    norm = redraw(LayerNorm(6))
    x = torch.full((2, 6), 3.0, dtype=torch.float64)
    assert difference(norm(x), norm.bias.expand(2, 6)) < 1e-9


def mlp_of_torch(mlp, activation):
    sequence = nn.Sequential(nn.Linear(8, 32), activation, nn.Linear(32, 8)).double()
    sequence[0].load_state_dict(mlp.up.state_dict())
    sequence[2].load_state_dict(mlp.down.state_dict())
    return sequence


@examples
@given(B=sizes, T=sizes, seed=seeds)
def test_feed_forward_equals_torch(B, T, seed):
    mlp = redraw(FeedForward(8), seed)
    x = torch.randn(B, T, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert difference(mlp(x), mlp_of_torch(mlp, nn.GELU(approximate="tanh"))(x)) < TOLERANCE
    for wrong in (nn.GELU(), nn.ReLU()):  # what the tolerance must be able to tell apart
        assert difference(mlp(x), mlp_of_torch(mlp, wrong)(x)) > 1e3 * TOLERANCE


@pytest.mark.parametrize("bias", [True, False])
def test_feed_forward_is_four_times_as_wide_inside(bias):
    count = sum(p.numel() for p in FeedForward(6, bias=bias).parameters())
    assert count == 8 * 6**2 + (5 * 6 if bias else 0)


def torch_block(block, C, H):
    """torch's encoder layer in pre-norm form, with the weights of our block."""
    layer = nn.TransformerEncoderLayer(
        C,
        H,
        dim_feedforward=4 * C,
        dropout=0.0,
        activation=nn.GELU(approximate="tanh"),
        batch_first=True,
        norm_first=True,
        dtype=torch.float64,
    )
    pairs = {
        "norm1": "norm1",
        "attention.qkv": "self_attn.in_proj_",
        "attention.proj": "self_attn.out_proj",
        "norm2": "norm2",
        "mlp.up": "linear1",
        "mlp.down": "linear2",
    }
    state = {}
    for ours, theirs in pairs.items():
        for kind in ("weight", "bias"):
            name = f"{theirs}{kind}" if theirs.endswith("_") else f"{theirs}.{kind}"
            state[name] = block.get_parameter(f"{ours}.{kind}")
    layer.load_state_dict(state)
    return layer


class PostNorm(Block):
    def forward(self, x):
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.mlp(x))


class NormedStream(Block):
    """Adds to the normed input instead of the input."""

    def forward(self, x):
        x = self.norm1(x)
        x = x + self.attention(x)
        x = self.norm2(x)
        return x + self.mlp(x)


class OneNorm(Block):
    """Uses the first norm twice."""

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm1(x))


def blocks_side_by_side(kind, B, T, seed):
    block = redraw(kind(12, 3, 8), seed)
    x = torch.randn(B, T, 12, generator=torch.Generator().manual_seed(seed)).double()
    reference = torch_block(block, 12, 3)(x, src_mask=~causal_mask(T), is_causal=True)
    return block, x, reference


@examples
@given(B=sizes, T=sizes, seed=seeds)
def test_block_equals_torchs_pre_norm_layer(B, T, seed):
    block, x, reference = blocks_side_by_side(Block, B, T, seed)
    assert difference(block(x), reference) < TOLERANCE


@pytest.mark.parametrize("wrong", [PostNorm, NormedStream, OneNorm])
def test_a_wrong_block_would_be_seen(wrong):
    block, x, reference = blocks_side_by_side(wrong, 2, 5, seed=0)
    assert difference(block(x), reference) > 1e3 * TOLERANCE


def silent(kind):
    """A block whose two sublayers write zeros."""
    block = redraw(kind(12, 3, 8))
    for linear in (block.attention.proj, block.mlp.down):
        nn.init.zeros_(linear.weight)
        nn.init.zeros_(linear.bias)
    return block


def test_a_block_with_silent_sublayers_returns_its_input_to_the_last_bit():
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    assert torch.equal(silent(Block)(x), x)
    for wrong in (PostNorm, NormedStream):
        assert not torch.equal(silent(wrong)(x), x)


@pytest.mark.parametrize(
    ("layer", "alone"),
    [(LayerNorm(12), True), (FeedForward(12), True), (CausalSelfAttention(12, 3, 8), False)],
    ids=["norm", "mlp", "attention"],
)
def test_norm_and_mlp_work_on_each_position_alone_and_attention_does_not(layer, alone):
    layer, x = redraw(layer), torch.randn(2, 8, 12, dtype=torch.float64)
    changed = x.clone()
    changed[:, 3, 0] += 1
    moved = (layer(changed) - layer(x)).abs().amax(dim=(0, 2)) > 1e-6
    expected = [False] * 3 + [True] + [not alone] * 4
    assert moved.tolist() == expected


def test_each_sublayer_has_a_norm_of_the_class_given():
    class Other(nn.Module):
        def __init__(self, embed_dim, bias):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(embed_dim))

        def forward(self, x):
            return x * self.weight

    block = Block(12, 3, 8, norm=Other)
    assert isinstance(block.norm1, Other) and isinstance(block.norm2, Other)
    assert block.norm1 is not block.norm2


def test_dropout_acts_in_training_and_keeps_the_mean_and_not_in_evaluation():
    torch.manual_seed(0)
    mlp = FeedForward(64, dropout=0.25)
    x = torch.randn(50, 40, 64)
    exact, dropped = mlp.eval()(x), mlp.train()(x)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    kept = dropped != 0
    assert torch.allclose(dropped[kept], exact[kept] / 0.75, atol=1e-5)
    assert torch.equal(mlp.eval()(x), exact)


def test_without_bias_no_layer_has_one():
    names = [name for name, _ in Block(12, 3, 8, bias=False).named_parameters()]
    assert len(names) == 6 and not any(name.endswith("bias") for name in names)


def test_heads_that_do_not_divide_the_width_are_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"embed_dim \(130\).*num_heads \(4\).*128 or 132"):
        Block(130, 4, 8)
