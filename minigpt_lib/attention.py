"""Causal self-attention: every position gathers what it needs from the past."""

# Written from notebooks/04_attention.ipynb by `minigpt export`; edit that, not this file.

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def causal_mask(T: int, device: torch.device | None = None) -> Tensor:
    """Which positions each position may look at: itself and the past.

    Args:
        T: sequence length, at least 1.
        device: where the mask goes.
    Returns:
        bool tensor (T, T); entry [i, j] is True where query i may attend to key j, that is j <= i.
    Raises:
        ValueError: if T < 1.
    Source: Vaswani et al. 2017, section 3.2.3.
    """
    if T < 1:
        raise ValueError(f"a mask needs at least one position, got T = {T}")
    return torch.ones(T, T, dtype=torch.bool, device=device).tril()


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """How much each query takes from each key; every row adds up to 1.

    Args:
        q: queries (..., Tq, D).
        k: keys (..., Tk, D).
        mask: bool, broadcastable to (..., Tq, Tk); True means "may look". None: all may.
    Returns:
        weights (..., Tq, Tk), softmax over the keys of q·k / sqrt(D).
    Source: Vaswani et al. 2017, equation 1.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (..., Tq, Tk)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(dim=-1)


def scaled_dot_product_attention(q: Tensor, k: Tensor, v: Tensor, mask=None) -> Tensor:
    """For each query, the average of the values, weighted by how well their keys match it.

    Args:
        q, k: queries (..., Tq, D) and keys (..., Tk, D).
        v: values (..., Tk, Dv).
        mask: bool, broadcastable to (..., Tq, Tk); True means "may look". None: all may.
    Returns:
        tensor (..., Tq, Dv).
    Source: Vaswani et al. 2017, equation 1.
    """
    return attention_weights(q, k, mask) @ v  # (..., Tq, Tk) @ (..., Tk, Dv) -> (..., Tq, Dv)


# Proved equal to scaled_dot_product_attention above, and faster: what the model calls.
attend = F.scaled_dot_product_attention


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Cut the features of every position into heads: (B, T, C) -> (B, H, T, D), with D = C / H."""
    B, T, C = x.shape
    return x.view(B, T, num_heads, C // num_heads).transpose(1, 2)  # (B, H, T, D)


def merge_heads(x: Tensor) -> Tensor:
    """Put the heads of every position side by side again: (B, H, T, D) -> (B, T, H·D)."""
    B, H, T, D = x.shape
    return x.transpose(1, 2).reshape(B, T, H * D)  # (B, T, C)


class CausalSelfAttention(nn.Module):
    """Several heads of causal attention, side by side, then a projection that mixes them.

    Args:
        embed_dim: width of the input and the output C.
        num_heads: number of heads H; must divide embed_dim.
        context_length: longest sequence.
        dropout: share of the output's entries set to zero while training.
        bias: whether the linear layers have one.
    Raises:
        ValueError: if num_heads does not divide embed_dim, or one of them is below 1.
    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, embed_dim: int, num_heads: int, context_length: int, dropout=0.0, bias=True):
        super().__init__()
        if num_heads < 1:
            raise ValueError(f"num_heads must be at least 1, got {num_heads}; 4 is usual here")
        if embed_dim % num_heads:
            near = max(embed_dim // num_heads, 1) * num_heads
            must = f"embed_dim ({embed_dim}) must be divisible by num_heads ({num_heads})"
            raise ValueError(f"{must}; try {near} or {near + num_heads}")
        self.num_heads = num_heads
        self.qkv = nn.Linear(embed_dim, 3 * embed_dim, bias=bias)
        self.proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("mask", causal_mask(context_length), persistent=False)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of every position: (B, T, C) -> three times (B, H, T, D)."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)  # 3 × (B, T, C)
        return tuple(split_heads(part, self.num_heads) for part in (q, k, v))  # 3 × (B, H, T, D)

    def merge(self, y: Tensor) -> Tensor:
        """Join the heads and mix them: (B, H, T, D) -> (B, T, C)."""
        return self.dropout(self.proj(merge_heads(y)))  # (B, T, C)

    def forward(self, x: Tensor) -> Tensor:
        """Each position looks at itself and its past: (B, T, C) -> (B, T, C).

        Raises:
            ValueError: if the sequence is longer than context_length.
        """
        T, known = x.shape[1], len(self.mask)
        if known < T:
            raise ValueError(
                f"{T} tokens are more than the context ({known}); pass the last {known}"
            )
        q, k, v = self.project(x)
        return self.merge(attend(q, k, v, self.mask[:T, :T]))
