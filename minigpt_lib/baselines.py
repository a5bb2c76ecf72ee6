"""Numbers to beat: models that count, and the loss that scores every model alike."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean surprise of the targets, in nats.

    Args:
        logits: (..., V).
        targets: int64 (...), each in 0 to V - 1.
    Returns:
        scalar: the mean of -ln softmax(logits)[target].
    Source: Shannon 1948, section 6; the log-sum-exp form keeps large logits finite.
    """
    log_total = logits.logsumexp(dim=-1)  # (...)
    chosen = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (..., V) -> (...)
    return (log_total - chosen).mean()


class NGramModel:
    """Predict a token from the `order` - 1 tokens before it, by counting.

    A context that was seen n times with t different followers trusts its own counts with weight
    n / (n + t) and asks the next shorter context for the rest; the shortest asks 1 / V.

    Args:
        order: tokens per n-gram, at least 1; 1 counts single tokens.
    Raises:
        ValueError: if order < 1.
    Source: Witten and Bell 1991, method C; interpolated as in Chen and Goodman 1999, section 2.
    """

    def __init__(self, order: int):
        if order < 1:
            raise ValueError(f"order must be at least 1, got {order}")
        self.order = order

    def fit(self, ids: torch.Tensor, vocab_size: int) -> "NGramModel":
        """Count every n-gram of `ids` (n,) up to the model's order; returns the model."""
        self.vocab_size, self.tables = vocab_size, []  # one table for each context length
        contexts, num_contexts = torch.zeros_like(ids), 1  # the number of each token's context
        for _ in range(self.order):
            pairs, pair_of, counts = torch.unique(
                contexts * vocab_size + ids, return_inverse=True, return_counts=True
            )  # a pair is (context, token), as one number
            owners = pairs // vocab_size
            totals = torch.bincount(owners, counts.double(), minlength=num_contexts)
            kinds = torch.bincount(owners, minlength=num_contexts)
            self.tables.append((pairs, counts, totals, kinds))
            # the context of the next token, one longer, is this context and this token: the pair
            contexts, ids, num_contexts = pair_of[:-1], ids[1:], len(pairs)
        return self

    def log_probabilities(self, ids: torch.Tensor) -> torch.Tensor:
        """ln p of each token of `ids` (n,) given those before it in `ids`; float64 (n,)."""
        p = torch.full((len(ids),), 1 / self.vocab_size, dtype=torch.float64)
        contexts = torch.zeros_like(ids)
        for length, (pairs, counts, totals, kinds) in enumerate(self.tables):
            wanted = contexts * self.vocab_size + ids[length:]
            found = torch.searchsorted(pairs, wanted).clamp(max=len(pairs) - 1)
            seen = pairs[found] == wanted
            n, t = totals[contexts], kinds[contexts]
            mixed = (counts[found] * seen + t * p[length:]) / (n + t)
            p[length:] = torch.where((contexts >= 0) & (n > 0), mixed, p[length:])
            contexts = torch.where(seen, found, -1)[:-1]  # -1: a context never met
        return p.log()

    def next_probabilities(self, ids: list[int]) -> torch.Tensor:
        """The distribution (V,) over the token that follows the list `ids`; float64."""
        p = torch.full((self.vocab_size,), 1 / self.vocab_size, dtype=torch.float64)
        for length, (pairs, counts, totals, kinds) in enumerate(self.tables[: len(ids) + 1]):
            context = self.find_context(ids[len(ids) - length :])
            if context is None or totals[context] == 0:
                break
            first, last = torch.searchsorted(
                pairs, torch.tensor([context, context + 1]) * self.vocab_size
            )
            own = torch.zeros_like(p)
            own[pairs[first:last] % self.vocab_size] = counts[first:last].double()
            p = (own + kinds[context] * p) / (totals[context] + kinds[context])
        return p

    def find_context(self, ids: list[int]) -> int | None:
        """The number of the context `ids`, or None if the training text does not hold it."""
        context = 0
        for (pairs, *_), token in zip(self.tables, ids, strict=False):
            wanted = context * self.vocab_size + token
            context = int(torch.searchsorted(pairs, wanted))
            if context == len(pairs) or pairs[context] != wanted:
                return None
        return context


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
        """Logits (B, T, V) for ids (B, T), and the mean cross-entropy in nats if targets are given."""
        hidden = F.gelu(self.hidden(self.embedding(ids)))  # (B, T, 4C)
        logits = self.head(hidden)  # (B, T, V)
        return logits, None if targets is None else cross_entropy(logits, targets)


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
