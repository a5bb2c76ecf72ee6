"""Numbers to beat: models that count, and the loss that scores every model alike."""

# Written from notebooks/05_baselines.ipynb by `minigpt export`; edit that, not this file.

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


def check_in_vocabulary(ids: torch.Tensor, vocab_size: int) -> None:
    """Raise a ValueError if `ids` is empty or holds an id outside 0 to vocab_size - 1."""
    if ids.numel() == 0:
        raise ValueError("there are no tokens to score; give at least one")
    for bound in (int(ids.min()), int(ids.max())):
        if not 0 <= bound < vocab_size:
            raise ValueError(
                f"token id {bound} is outside the vocabulary of {vocab_size}; allowed are 0 to "
                f"{vocab_size - 1}: was this text encoded with another tokenizer?"
            )


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean surprise of the targets, in nats.

    Args:
        logits: (..., V).
        targets: int64 (...), each in 0 to V - 1.
    Returns:
        scalar: the mean of -ln softmax(logits)[target].
    Raises:
        ValueError: if there are no targets, or one lies outside the vocabulary.
    Source: Shannon 1948, section 6; the log-sum-exp form keeps large logits finite.
    """
    check_in_vocabulary(targets, logits.shape[-1])
    log_total = logits.logsumexp(dim=-1)  # (...)
    chosen = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (..., V) -> (...)
    return (log_total - chosen).mean()


def babble(
    next_probabilities: Callable[[list[int]], torch.Tensor],
    length: int,
    generator: torch.Generator | None = None,
) -> list[int]:
    """Write `length` tokens, each drawn from what the model expects after those before it.

    Args:
        next_probabilities: takes the ids so far (a list, empty at first), returns (V,) adding to 1.
        length: how many tokens to draw.
        generator: where the randomness comes from.
    """
    ids: list[int] = []
    for _ in range(length):
        ids.append(int(torch.multinomial(next_probabilities(ids), 1, generator=generator)))
    return ids


def bigram_table(ids: torch.Tensor, vocab_size: int) -> torch.Tensor:
    """How likely each token is to follow each other one, by counting, with 1 added to every count.

    Args:
        ids: int64 (n,), the text to count, at least one token.
        vocab_size: number of tokens V.
    Returns:
        float32 (V, V): row = current token, column = next token; each row adds up to 1.
    Raises:
        ValueError: if there are no ids, or one lies outside the vocabulary.
    Source: Chen and Goodman 1999, section 2.1, additive smoothing.
    """
    check_in_vocabulary(ids, vocab_size)
    pairs = ids[:-1] * vocab_size + ids[1:]  # (n - 1,): each pair (current, next) as one number
    counts = torch.bincount(pairs, minlength=vocab_size**2)  # (V * V,)
    counts = counts.view(vocab_size, vocab_size) + 1.0  # (V, V)
    return counts / counts.sum(dim=1, keepdim=True)


class BigramMLP(nn.Module):
    """Predict the next token from the current one alone, with a small network instead of a table.

    Args:
        vocab_size: number of tokens V.
        embed_dim: width of the embedding C; the hidden layer is 4 C wide.
    """

    def __init__(self, vocab_size: int, embed_dim: int = 64):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_dim)
        self.hidden = nn.Linear(embed_dim, 4 * embed_dim)
        self.head = nn.Linear(4 * embed_dim, vocab_size)

    def forward(
        self, ids: torch.Tensor, targets: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits (B, T, V) for ids (B, T), and with targets the mean cross-entropy in nats."""
        hidden = F.gelu(self.hidden(self.embedding(ids)))  # (B, T, 4C)
        logits = self.head(hidden)  # (B, T, V)
        return logits, None if targets is None else cross_entropy(logits, targets)


class NGramTable(NamedTuple):
    """The counts for contexts of one length; contexts and pairs are numbered from 0, in order."""

    pairs: torch.Tensor  # (P,) each pair (context, token) seen, as context * V + token, sorted
    counts: torch.Tensor  # (P,) how often it was seen
    totals: torch.Tensor  # (K,) how often each context was followed by anything: n
    kinds: torch.Tensor  # (K,) by how many different tokens: t


def count_ngrams(ids: torch.Tensor, order: int, vocab_size: int) -> list[NGramTable]:
    """Count what follows each context of 0, 1, ... order - 1 tokens in `ids` (n,).

    A context and its follower are themselves a context, one token longer: the number of a pair in
    one table is the number of that context in the next.
    """
    tables, contexts, num_contexts = [], torch.zeros_like(ids), 1
    for _ in range(min(order, len(ids))):  # a short text holds no longer contexts
        pairs, pair_of, counts = torch.unique(
            contexts * vocab_size + ids, return_inverse=True, return_counts=True
        )
        owners = pairs // vocab_size  # (P,) the context of each pair
        totals = torch.bincount(owners, counts.double(), minlength=num_contexts)
        kinds = torch.bincount(owners, minlength=num_contexts)
        tables.append(NGramTable(pairs, counts, totals, kinds))
        contexts, ids, num_contexts = pair_of[:-1], ids[1:], len(pairs)
    return tables


def find_context(tables: list[NGramTable], ids: list[int], vocab_size: int) -> int | None:
    """The number of the context `ids`, or None if the counted text does not hold it."""
    context = 0
    for table, token in zip(tables, ids, strict=False):
        wanted = context * vocab_size + token
        context = int(torch.searchsorted(table.pairs, wanted))
        if context == len(table.pairs) or table.pairs[context] != wanted:
            return None
    return context


class NGramModel:
    """Predict a token from the `order` - 1 tokens before it, by counting.

    Args:
        order: tokens per n-gram, at least 1; 1 counts single tokens.
    Raises:
        ValueError: if order < 1, or (from its methods) an id lies outside the vocabulary.
    Source: Witten and Bell 1991, method C; interpolated as in Chen and Goodman 1999, section 2.
    """

    def __init__(self, order: int):
        if order < 1:
            raise ValueError(f"order must be at least 1, got {order}")
        self.order = order

    def fit(self, ids: torch.Tensor, vocab_size: int) -> "NGramModel":
        """Count every n-gram of `ids` (n,) up to the model's order; returns the model."""
        check_in_vocabulary(ids, vocab_size)
        self.vocab_size = vocab_size
        self.tables = count_ngrams(ids, self.order, vocab_size)
        return self

    def next_probabilities(self, ids: list[int]) -> torch.Tensor:
        """The distribution (V,) over the token that follows the list `ids`; float64."""
        V, ids = self.vocab_size, ids[-self.order :]
        if ids:
            check_in_vocabulary(torch.tensor(ids), V)
        p = torch.full((V,), 1 / V, dtype=torch.float64)
        for length, table in enumerate(self.tables[: len(ids) + 1]):
            context = find_context(self.tables, ids[len(ids) - length :], V)
            if context is None or table.totals[context] == 0:
                break  # never met, or met at the very end only: longer ones tell nothing either
            first, last = torch.searchsorted(table.pairs, torch.tensor([context, context + 1]) * V)
            own = torch.zeros_like(p)
            own[table.pairs[first:last] % V] = table.counts[first:last].double()
            p = (own + table.kinds[context] * p) / (table.totals[context] + table.kinds[context])
        return p

    def log_probabilities(self, ids: torch.Tensor) -> torch.Tensor:
        """ln p of each token of `ids` (n,) given those before it in `ids`; float64 (n,)."""
        check_in_vocabulary(ids, self.vocab_size)
        p = torch.full((len(ids),), 1 / self.vocab_size, dtype=torch.float64)
        contexts = torch.zeros_like(ids)  # (n,) the number of the context before each token
        for length, table in enumerate(self.tables):
            wanted = contexts * self.vocab_size + ids[length:]
            found = torch.searchsorted(table.pairs, wanted).clamp(max=len(table.pairs) - 1)
            seen = table.pairs[found] == wanted
            n, t = table.totals[contexts], table.kinds[contexts]
            mixed = (table.counts[found] * seen + t * p[length:]) / (n + t)
            p[length:] = torch.where((contexts >= 0) & (n > 0), mixed, p[length:])
            contexts = torch.where(seen, found, -1)[:-1]  # -1: a context never met
        return p.log()
