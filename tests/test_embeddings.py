"""Chapter 03: a look-up is a one-hot product, and positions are where `start` says."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt_lib.embeddings import TokenAndPositionEmbedding


def make(vocab_size=7, context_length=6, embed_dim=5, **options) -> TokenAndPositionEmbedding:
    torch.manual_seed(0)
    return TokenAndPositionEmbedding(vocab_size, context_length, embed_dim, **options).double()


@settings(deadline=None)
@given(T=st.integers(1, 6), B=st.integers(1, 4), seed=st.integers(0, 99), data=st.data())
def test_embedding_is_a_sum_of_two_one_hot_products_in_values_and_gradients(T, B, seed, data):
    start = data.draw(st.integers(0, 6 - T))
    embedding = make()
    token, position = embedding.token.weight, embedding.position.weight
    ids = torch.randint(7, (B, T), generator=torch.Generator().manual_seed(seed))
    places = F.one_hot(torch.arange(start, start + T), 6).double()  # (T, L)
    reference = F.one_hot(ids, 7).double() @ token + places @ position
    out = embedding(ids, start=start)
    torch.testing.assert_close(out, reference, rtol=0, atol=1e-12)
    ours, theirs = (torch.autograd.grad(y.cos().sum(), (token, position)) for y in (out, reference))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_only_the_rows_that_were_used_get_a_gradient():
    embedding = make()
    embedding(torch.tensor([[2, 5, 2]]), start=1).square().sum().backward()
    assert embedding.token.weight.grad.abs().sum(1).nonzero().flatten().tolist() == [2, 5]
    assert embedding.position.weight.grad.abs().sum(1).nonzero().flatten().tolist() == [1, 2, 3]


@given(cut=st.integers(1, 5))
def test_a_text_in_two_pieces_is_embedded_as_in_one(cut):
    embedding = make()
    ids = torch.tensor([[0, 1, 2, 3, 4, 5], [6, 6, 6, 0, 0, 0]])
    pieces = [embedding(ids[:, :cut]), embedding(ids[:, cut:], start=cut)]
    assert torch.equal(torch.cat(pieces, dim=1), embedding(ids))


def test_the_same_token_differs_by_its_position_alone():
    embedding = make()
    out = embedding(torch.tensor([[3, 3, 3]]))[0]
    position = embedding.position.weight
    torch.testing.assert_close(out[2] - out[0], position[2] - position[0])
    assert not torch.equal(out[2], out[0])


@pytest.mark.parametrize(("length", "start"), [(7, 0), (6, 1), (1, 6)])
def test_a_sequence_past_the_last_position_is_refused(length, start):
    message = rf"a sequence of {length + start} tokens is longer than the context \(6\)"
    with pytest.raises(ValueError, match=message):
        make()(torch.zeros(1, length, dtype=torch.long), start=start)


def test_dropout_acts_on_the_sum_while_training_only():
    embedding, ids = make(dropout=0.5), torch.tensor([[0, 1, 2, 3, 4, 5]])
    dropped = embedding(ids)
    share = (dropped == 0).double().mean()
    assert 0.2 < share < 0.8
    whole = embedding.eval()(ids)
    torch.testing.assert_close(dropped[dropped != 0], 2 * whole[dropped != 0])
