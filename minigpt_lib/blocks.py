"""The transformer block: normalise, let positions talk, normalise, let each one think."""

# Written from notebooks/06_blocks.ipynb by `minigpt export`; edit that, not this file.

import torch
import torch.nn.functional as F
from torch import nn

from minigpt_lib.attention import CausalSelfAttention


class LayerNorm(nn.Module):
    """Give the features of every position mean 0 and spread 1, then a learned gain and shift.

    Args:
        embed_dim: number of features C.
        bias: whether to learn a shift.
        eps: added to the variance, so that a constant position does not divide by zero.
    Source: Ba et al. 2016, equations 3 and 4.
    """

    def __init__(self, embed_dim: int, bias: bool = True, eps: float = 1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(embed_dim))
        self.bias = nn.Parameter(torch.zeros(embed_dim)) if bias else None
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise each position of x (..., C) on its own: (..., C)."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class FeedForward(nn.Module):
    """Two linear layers with a GELU between them, applied to each position alone.

    Args:
        embed_dim: width of input and output C; the hidden layer is 4 C wide.
        dropout: share of the output's entries set to zero while training.
        bias: whether the linear layers have one.
    Source: Vaswani et al. 2017, section 3.3; GELU in its tanh form, as GPT-2 has it.
    """

    def __init__(self, embed_dim: int, dropout: float = 0.0, bias: bool = True):
        super().__init__()
        self.up = nn.Linear(embed_dim, 4 * embed_dim, bias=bias)
        self.activation = nn.GELU(approximate="tanh")
        self.down = nn.Linear(4 * embed_dim, embed_dim, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform each position of x (..., C) on its own: (..., C)."""
        hidden = self.activation(self.up(x))  # (..., 4C)
        return self.dropout(self.down(hidden))  # (..., C)


class Block(nn.Module):
    """Pre-norm transformer block: two sublayers, each added to the residual stream.

    Args:
        embed_dim, num_heads, context_length, dropout, bias: as in CausalSelfAttention.
        norm: class of the two norms, called as norm(embed_dim, bias=bias).
    Source: Radford et al. 2019, section 2.3.
    """

    def __init__(
        self, embed_dim, num_heads, context_length, dropout=0.0, bias=True, norm=LayerNorm
    ):
        super().__init__()
        self.norm1 = norm(embed_dim, bias=bias)
        self.attention = CausalSelfAttention(embed_dim, num_heads, context_length, dropout, bias)
        self.norm2 = norm(embed_dim, bias=bias)
        self.mlp = FeedForward(embed_dim, dropout, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add to x (B, T, C) what attention finds and what the MLP makes of it: (B, T, C)."""
        x = x + self.attention(self.norm1(x))  # (B, T, C)
        return x + self.mlp(self.norm2(x))  # (B, T, C)
