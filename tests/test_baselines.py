"""Chapter 05: the loss against torch's, the n-gram model against a dictionary that counts."""

import math
from collections import Counter
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt_lib.baselines import BigramMLP, NGramModel, babble, bigram_table, cross_entropy


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


shapes = st.lists(st.integers(1, 5), min_size=0, max_size=3)


@settings(deadline=None)
@given(
    shape=shapes, V=st.integers(1, 9), size=st.sampled_from([1, 30, 200]), seed=st.integers(0, 99)
)
def test_cross_entropy_equals_torchs_in_values_and_gradients(shape, V, size, seed):
    generator = seeded(seed)
    logits = size * (2 * torch.rand(*shape, V, generator=generator, dtype=torch.float64) - 1)
    logits.requires_grad_()
    targets = torch.randint(V, shape, generator=generator)
    ours = cross_entropy(logits, targets)
    theirs = F.cross_entropy(logits.reshape(-1, V), targets.reshape(-1))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("target", "loss"), [(0, 0.0), (1, 400.0)])
def test_cross_entropy_of_logits_at_200_is_finite(target, loss):
    logits = torch.tensor([200.0, -200.0], requires_grad=True)
    value = cross_entropy(logits, torch.tensor(target))
    value.backward()
    assert value == loss and logits.grad.isfinite().all()


def test_cross_entropy_of_abac_is_1_213_nats():
    logits = torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 8]).log().expand(4, 4)
    assert cross_entropy(logits, torch.tensor([0, 1, 0, 2])).item() == pytest.approx(
        1.2130, abs=1e-4
    )


@pytest.mark.parametrize("bad", [-1, -100, 5])
def test_a_target_outside_the_vocabulary_is_refused(bad):
    with pytest.raises(
        ValueError, match=f"{bad} is outside the vocabulary of 5; allowed are 0 to 4"
    ):
        cross_entropy(torch.zeros(2, 3, 5), torch.tensor([[0, 1, 2], [3, bad, 4]]))


def test_no_targets_are_refused():
    with pytest.raises(ValueError, match="there are no tokens to score"):
        cross_entropy(torch.zeros(0, 5), torch.zeros(0, dtype=torch.long))


@settings(deadline=None)
@given(ids=st.lists(st.integers(0, 4), min_size=1, max_size=40), extra=st.integers(0, 3))
def test_the_bigram_table_equals_a_dictionary_of_pairs(ids, extra):
    V = 5 + extra
    pairs = Counter(pairwise(ids))
    table = bigram_table(torch.tensor(ids), V)
    assert table.shape == (V, V) and table.dtype == torch.float32
    for a in range(V):
        total = sum(pairs[a, b] + 1 for b in range(V))
        for b in range(V):
            assert table[a, b].item() == pytest.approx((pairs[a, b] + 1) / total, abs=1e-6)


@pytest.mark.parametrize("bad", [-1, 5])
def test_the_bigram_table_refuses_ids_outside_the_vocabulary(bad):
    with pytest.raises(ValueError, match=f"{bad} is outside the vocabulary of 5"):
        bigram_table(torch.tensor([0, bad, 1]), 5)
    with pytest.raises(ValueError, match="there are no tokens"):
        bigram_table(torch.tensor([], dtype=torch.long), 5)


class SlowWittenBell:
    """The same model, written from the formula with a dictionary, one probability at a time."""

    def __init__(self, ids: list[int], order: int, vocab_size: int):
        self.order, self.vocab_size = order, vocab_size
        self.counts = Counter(
            (tuple(ids[i : i + length]), ids[i + length])
            for length in range(order)
            for i in range(len(ids) - length)
        )

    def probability(self, context: tuple[int, ...], token: int) -> float:
        followers = {w: n for (c, w), n in self.counts.items() if c == context}
        shorter = self.probability(context[1:], token) if context else 1 / self.vocab_size
        n, t = sum(followers.values()), len(followers)
        return (followers.get(token, 0) + t * shorter) / (n + t) if n else shorter

    def __call__(self, before: list[int], token: int) -> float:
        return self.probability(tuple(before[max(0, len(before) - self.order + 1) :]), token)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), order=st.integers(1, 5), vocab_size=st.integers(1, 4))
def test_ngrams_equal_a_dictionary_of_counts(data, order, vocab_size):
    texts = st.lists(st.integers(0, vocab_size - 1), min_size=1, max_size=25)
    learned, scored = data.draw(texts), data.draw(texts)
    model = NGramModel(order).fit(torch.tensor(learned), vocab_size)
    slow = SlowWittenBell(learned, order, vocab_size)
    p = model.log_probabilities(torch.tensor(scored)).exp()
    for i, token in enumerate(scored):
        assert p[i].item() == pytest.approx(slow(scored[:i], token), abs=1e-12)
    whole = model.next_probabilities(scored)
    for token in range(vocab_size):
        assert whole[token].item() == pytest.approx(slow(scored, token), abs=1e-12)


@settings(deadline=None)
@given(
    order=st.integers(1, 6),
    learned=st.lists(st.integers(0, 3), min_size=1, max_size=30),
    context=st.lists(st.integers(0, 5), max_size=8),  # 4 and 5 never occur in what was learned
)
def test_ngram_probabilities_add_up_to_one_after_any_context(order, learned, context):
    p = NGramModel(order).fit(torch.tensor(learned), 6).next_probabilities(context)
    assert p.shape == (6,) and (p > 0).all()
    assert p.sum().item() == pytest.approx(1, abs=1e-12)


def test_a_context_never_met_falls_back_to_the_next_shorter_one():
    model = NGramModel(3).fit(torch.tensor([0, 1, 0, 2, 0, 1]), 4)
    shorter = NGramModel(2).fit(torch.tensor([0, 1, 0, 2, 0, 1]), 4)
    assert torch.equal(model.next_probabilities([3, 0]), shorter.next_probabilities([0]))


def test_ngram_probabilities_by_hand():
    # abracadabra, order 1: a 5 of 11, 5 kinds; (5 + 5/5) / 16
    ids = torch.tensor([0, 1, 4, 0, 2, 0, 3, 0, 1, 4, 0])
    assert NGramModel(1).fit(ids, 5).next_probabilities([])[0].item() == pytest.approx(6 / 16)
    # order 2, after a (n = 4, t = 3): b 2 times; b alone (2 + 5/5) / 16 = 3/16
    p = NGramModel(2).fit(ids, 5).next_probabilities([0])[1].item()
    assert p == pytest.approx((2 + 3 * 3 / 16) / 7)


@pytest.mark.parametrize("order", [0, -2])
def test_ngram_order_below_one_is_refused(order):
    with pytest.raises(ValueError, match=f"order must be at least 1, got {order}"):
        NGramModel(order)


def test_ngram_refuses_ids_outside_the_vocabulary():
    with pytest.raises(ValueError, match="5 is outside the vocabulary of 5"):
        NGramModel(2).fit(torch.tensor([0, 5]), 5)
    with pytest.raises(ValueError, match="-1 is outside the vocabulary of 5"):
        NGramModel(2).fit(torch.tensor([0, 1]), 5).log_probabilities(torch.tensor([0, -1]))
    with pytest.raises(ValueError, match="7 is outside the vocabulary of 5"):
        NGramModel(2).fit(torch.tensor([0, 1]), 5).next_probabilities([0, 7])


def test_bigram_mlp_sees_the_current_token_only():
    torch.manual_seed(0)
    model = BigramMLP(7, 8)
    logits, loss = model(torch.tensor([[1, 2, 3], [4, 2, 0]]))
    assert logits.shape == (2, 3, 7) and loss is None
    torch.testing.assert_close(logits[0, 1], logits[1, 1])  # 2, whatever came before


def test_bigram_mlp_reaches_the_counted_bigram():
    """On a text of 3 symbols the trained network gives the shares that counting gives."""
    generator = seeded(0)
    rows = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]])
    ids = torch.tensor(babble(lambda ids: rows[ids[-1] if ids else 0], 3_000, generator))
    x, y = ids[None, :-1], ids[None, 1:]
    torch.manual_seed(0)
    model = BigramMLP(3, 8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(200):
        _, loss = model(x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    counts = torch.bincount(ids[:-1] * 3 + ids[1:], minlength=9).view(3, 3).double()
    best = -(counts * (counts / counts.sum(1, keepdim=True)).log()).sum() / counts.sum()
    assert abs(loss.item() - best.item()) < 1e-3  # nats; never below, as nothing can be


def test_babble_repeats_with_its_generator_and_leaves_the_global_randomness_alone():
    model = NGramModel(3).fit(torch.randint(6, (500,), generator=seeded(0)), 6)
    before = torch.random.get_rng_state()
    first, again, other = (babble(model.next_probabilities, 50, seeded(s)) for s in (1, 1, 2))
    assert first == again != other
    assert torch.equal(torch.random.get_rng_state(), before)


def test_babble_hands_the_model_all_it_has_written():
    seen = []

    def count_up(ids):
        seen.append(list(ids))
        return F.one_hot(torch.tensor(len(ids)), 5).double()

    assert babble(count_up, 4) == [0, 1, 2, 3]
    assert seen == [[], [0], [0, 1], [0, 1, 2]]


def test_babble_draws_from_the_probabilities():
    p = torch.tensor([0.5, 0.3, 0.2])
    shares = torch.bincount(torch.tensor(babble(lambda ids: p, 4_000, seeded(0)))) / 4_000
    # five standard deviations of a share at 4,000 draws
    assert (shares - p).abs().max() < 5 * math.sqrt(0.25 / 4_000)
