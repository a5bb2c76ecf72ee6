"""Attention against torch's own, and the promises of the layer, on random shapes."""

import json
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course.paths import NOTEBOOKS
from minigpt_lib import attention
from minigpt_lib.attention import (
    CausalSelfAttention,
    attention_weights,
    causal_mask,
    merge_heads,
    scaled_dot_product_attention,
    split_heads,
)

# float64 sums of up to a few hundred terms of size 1; float32 the same with its coarser step.
TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-4}

sizes = st.integers(1, 7)
seeds = st.integers(0, 2**31)
examples = settings(max_examples=60, deadline=None)


def random_mask(Tq: int, Tk: int, lead: tuple[int, ...], generator: torch.Generator):
    """A bool mask (*lead, Tq, Tk) with at least one True in each row."""
    mask = torch.rand(*lead, Tq, Tk, generator=generator) < 0.5
    sure = torch.randint(Tk, (*lead, Tq, 1), generator=generator)
    return mask.scatter(-1, sure, True)


def values_and_gradients(function, parts, mask):
    """The output for (q, k, v) and the gradients of a number that depends on all of it."""
    parts = [part.clone().requires_grad_() for part in parts]
    output = function(*parts, mask)
    return [output.detach(), *torch.autograd.grad(output.sin().sum(), parts)]


@examples
@given(
    shape=st.tuples(sizes, sizes, sizes, sizes, sizes, sizes),
    lead=st.sampled_from(
        ["none", "(Tq, Tk)", "(1, 1, Tq, Tk)", "(B, 1, Tq, Tk)", "(B, H, Tq, Tk)"]
    ),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=seeds,
)
def test_attention_equals_torch_in_values_and_gradients(shape, lead, dtype, seed):
    # Catches: scale by D or by √C, softmax over the queries, mask inverted or after the softmax.
    B, H, Tq, Tk, D, Dv = shape
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn(B, H, Tq, D, generator=generator, dtype=dtype)
    k = torch.randn(B, H, Tk, D, generator=generator, dtype=dtype)
    v = torch.randn(B, H, Tk, Dv, generator=generator, dtype=dtype)
    front = {"(Tq, Tk)": (), "(1, 1, Tq, Tk)": (1, 1), "(B, 1, Tq, Tk)": (B, 1)}.get(lead, (B, H))
    mask = None if lead == "none" else random_mask(Tq, Tk, front, generator)
    ours = values_and_gradients(scaled_dot_product_attention, (q, k, v), mask)
    theirs = values_and_gradients(F.scaled_dot_product_attention, (q, k, v), mask)
    for got, expected in zip(ours, theirs, strict=True):
        assert got.dtype == dtype
        torch.testing.assert_close(got, expected, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


@examples
@given(Tq=sizes, Tk=sizes, D=sizes, seed=seeds)
def test_weights_are_shares(Tq, Tk, D, seed):
    # Catches: a mask after the softmax (rows below 1), a score of 0 for what is hidden.
    generator = torch.Generator().manual_seed(seed)
    q, k = torch.randn(Tq, D, generator=generator), torch.randn(Tk, D, generator=generator)
    mask = random_mask(Tq, Tk, (), generator)
    weights = attention_weights(q, k, mask)
    assert (weights >= 0).all() and (weights[~mask] == 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(Tq))


def test_inputs_are_left_as_they_were():
    # Catches: masked_fill_ or an in-place division on the caller's tensors.
    q, k, v = torch.randn(3, 4, 8)
    mask, before = causal_mask(4), [q.clone(), k.clone(), v.clone(), causal_mask(4)]
    scaled_dot_product_attention(q, k, v, mask)
    assert all(torch.equal(a, b) for a, b in zip((q, k, v, mask), before, strict=True))


def test_attention_written_with_a_pencil():
    q, k = torch.tensor([[1.0, 0.0]]), torch.tensor([[math.log(3) * math.sqrt(2), 0.0], [0.0, 5.0]])
    torch.testing.assert_close(attention_weights(q, k), torch.tensor([[0.75, 0.25]]))


@pytest.mark.parametrize("T", [1, 2, 5])
def test_causal_mask_shows_the_past_and_oneself(T):
    mask = causal_mask(T)
    assert mask.dtype == torch.bool and mask.shape == (T, T)
    assert mask.tolist() == [[j <= i for j in range(T)] for i in range(T)]


@pytest.mark.parametrize("T", [0, -3])
def test_causal_mask_of_nothing_is_refused(T):
    with pytest.raises(ValueError, match=f"at least one position, got T = {T}"):
        causal_mask(T)


@examples
@given(B=sizes, T=sizes, H=sizes, D=sizes)
def test_split_and_merge_are_inverse_and_cut_features(B, T, H, D):
    # Catches: view straight to (B, H, T, D), merge without transposing back; T = D happens too.
    x = torch.arange(B * T * H * D, dtype=torch.float32).view(B, T, H * D)
    heads = split_heads(x, H)
    assert heads.shape == (B, H, T, D)
    for h in range(H):
        assert torch.equal(heads[:, h], x[:, :, h * D : (h + 1) * D])
    assert torch.equal(merge_heads(heads), x)


@examples
@given(T=st.integers(1, 9), H=st.integers(1, 4), D=sizes, bias=st.booleans(), seed=seeds)
def test_attention_never_looks_ahead(T, H, D, bias, seed):
    # Catches: a mask after the softmax, shifted by one, inverted or missing.
    torch.manual_seed(seed)
    layer = CausalSelfAttention(H * D, H, context_length=9, bias=bias).double()
    x = torch.randn(2, T, H * D, dtype=torch.float64)
    before = layer(x)
    for t in range(T):
        changed = x.clone()
        changed[:, t] += torch.randn(H * D, dtype=torch.float64)
        moved = (layer(changed) - before).abs().amax(dim=(0, 2))  # (T,)
        assert (moved[:t] == 0).all(), f"token {t} moved position {int(moved.argmax())}"
        assert moved[t] > 0


@examples
@given(B=sizes, T=st.integers(1, 8), H=st.integers(1, 4), D=sizes, seed=seeds)
def test_layer_equals_multihead_attention(B, T, H, D, seed):
    # Catches: q, k, v in another order, heads cut otherwise, a forgotten projection or bias.
    torch.manual_seed(seed)
    C = H * D
    ours = CausalSelfAttention(C, H, context_length=8).double()
    theirs = nn.MultiheadAttention(C, H, batch_first=True).double()
    names = ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]
    theirs_parameters = [theirs.get_parameter(name) for name in names]
    with torch.no_grad():
        for one, other in zip(ours.parameters(), theirs_parameters, strict=True):
            other.copy_(one.normal_())
    x = torch.randn(B, T, C, dtype=torch.float64, requires_grad=True)
    results = []
    for output, parameters in [
        (ours(x), list(ours.parameters())),
        (theirs(x, x, x, attn_mask=~causal_mask(T), need_weights=False)[0], theirs_parameters),
    ]:
        results.append([output, *torch.autograd.grad(output.sin().sum(), [x, *parameters])])
    for got, expected in zip(*results, strict=True):
        torch.testing.assert_close(got, expected, atol=1e-9, rtol=1e-9)


def test_one_token_is_its_own_value():
    layer = CausalSelfAttention(8, 2, context_length=4)
    x = torch.randn(3, 1, 8)
    expected = layer.proj(layer.qkv(x)[..., 16:])
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(
    ("embed_dim", "num_heads", "hint"),
    [(130, 4, "try 128 or 132"), (3, 4, "try 4 or 8")],
)
def test_heads_that_do_not_divide_are_refused(embed_dim, num_heads, hint):
    with pytest.raises(ValueError, match="must be divisible by num_heads") as error:
        CausalSelfAttention(embed_dim, num_heads, 8)
    assert hint in str(error.value) and str(embed_dim) in str(error.value)


@pytest.mark.parametrize("num_heads", [0, -2])
def test_fewer_than_one_head_is_refused(num_heads):
    with pytest.raises(ValueError, match=f"num_heads must be at least 1, got {num_heads}"):
        CausalSelfAttention(8, num_heads, 8)


def test_suggested_widths_work():
    for embed_dim, num_heads in [(130, 4), (3, 4), (7, 3)]:
        with pytest.raises(ValueError) as error:
            CausalSelfAttention(embed_dim, num_heads, 8)
        for width in str(error.value).split("try ")[1].split(" or "):
            CausalSelfAttention(int(width), num_heads, 8)


def test_context_below_one_is_refused():
    with pytest.raises(ValueError, match="at least one position"):
        CausalSelfAttention(8, 2, context_length=0)


def test_a_sequence_longer_than_the_context_is_refused():
    layer = CausalSelfAttention(8, 2, context_length=4)
    layer(torch.randn(1, 4, 8))
    with pytest.raises(ValueError, match=r"5 tokens .* context \(4\); pass the last 4"):
        layer(torch.randn(1, 5, 8))


def test_mask_is_a_buffer_that_is_not_saved():
    layer = CausalSelfAttention(8, 2, context_length=4)
    assert [name for name, _ in layer.named_buffers()] == ["mask"]
    assert list(layer.state_dict()) == ["qkv.weight", "qkv.bias", "proj.weight", "proj.bias"]
    assert layer.to("meta").mask.device.type == "meta"
    assert len(list(CausalSelfAttention(8, 2, 4, bias=False).parameters())) == 2


def test_dropout_acts_in_training_only():
    layer = CausalSelfAttention(64, 4, context_length=8, dropout=0.5)
    x = torch.randn(2, 8, 64)
    share = (layer(x) == 0).float().mean().item()
    assert 0.35 < share < 0.65  # 1,024 draws: five standard errors are 0.08
    assert (layer.eval()(x) != 0).all() and torch.equal(layer(x), layer(x))


def test_the_layer_attends_through_one_name(monkeypatch):
    # Catches: a direct call to torch's function, which the learner's own could never replace.
    calls = []

    def spy(q, k, v, mask):
        calls.append((q.shape, k.shape, v.shape, mask.shape))
        return scaled_dot_product_attention(q, k, v, mask)

    layer, x = CausalSelfAttention(8, 2, context_length=9), torch.randn(3, 5, 8)
    before = layer(x)
    monkeypatch.setattr(attention, "attend", spy)
    torch.testing.assert_close(layer(x), before)
    assert calls == [(*[(3, 2, 5, 4)] * 3, (5, 5))]


class Turned(CausalSelfAttention):
    """Queries and keys turned by an angle that grows with the position, in pairs of features."""

    def project(self, x):
        q, k, v = super().project(x)
        D = q.shape[-1]
        speeds = 100.0 ** (-torch.arange(D // 2) / (D // 2))  # (D/2,)
        angles = torch.arange(x.shape[1])[:, None] * speeds  # (T, D/2)
        return *(self.turn(part, angles.to(part.dtype)) for part in (q, k)), v

    @staticmethod
    def turn(part, angles):
        a, b = part.chunk(2, dim=-1)
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def test_a_subclass_may_turn_queries_and_keys():
    torch.manual_seed(0)
    layer = Turned(16, 2, context_length=12).double()
    plain = CausalSelfAttention(16, 2, context_length=12).double()
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(1, 6, 16, dtype=torch.float64)
    q, k, _ = layer.project(x)
    assert q.shape == (1, 2, 6, 8)
    assert not torch.allclose(layer(x), plain(x))
    # Only distance counts: the same token everywhere gives scores that depend on i - j alone.
    q, k, _ = layer.project(x[:, :1].expand(1, 6, 16))
    scores = q @ k.transpose(-2, -1)
    torch.testing.assert_close(scores[..., 1:, 1:], scores[..., :-1, :-1])


def test_order_shows_only_after_two_layers():
    torch.manual_seed(0)
    first, second = (CausalSelfAttention(32, 4, 4).double() for _ in range(2))
    tokens = torch.randn(4, 32, dtype=torch.float64)
    there, back = tokens[[0, 1, 2, 3]][None], tokens[[2, 1, 0, 3]][None]
    assert (first(there) - first(back))[0, -1].abs().max() < 1e-13
    assert (second(first(there)) - second(first(back)))[0, -1].abs().max() > 1e-4


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        (lambda y: y.transpose(1, 2).view(2, 8, 64), RuntimeError),
        (lambda y: y @ y, RuntimeError),
        (lambda y: ~torch.ones(8, 8).tril(), TypeError),
    ],
    ids=["view after transpose", "keys not transposed", "mask of floats"],
)
def test_the_page_quotes_error_messages_word_for_word(mistake, error):
    page = json.loads((NOTEBOOKS / "04_attention.ipynb").read_text(encoding="utf-8"))
    quoted = next("".join(c["source"]) for c in page["cells"] if c["id"] == "if-it-went-wrong")
    with pytest.raises(error) as raised:
        mistake(torch.randn(2, 4, 8, 16))
    assert f"{error.__name__}: {str(raised.value).splitlines()[0]}" in quoted
