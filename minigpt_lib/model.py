"""The GPT: embeddings, a stack of blocks, a norm and a head that scores every token."""

# Written from notebooks/07_model.ipynb by `minigpt export`; edit that, not this file.

import math
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from minigpt_lib.blocks import Block, LayerNorm
from minigpt_lib.embeddings import TokenAndPositionEmbedding


@dataclass(frozen=True)
class GPTConfig:
    """Every number that shapes the model.

    vocab_size V tokens; context_length T positions; embed_dim C; num_heads H; num_layers blocks;
    dropout: share of entries zeroed while training; bias: in norms and in all linear layers but
    the head, which never has one.
    Raises:
        ValueError: if a size is below 1 or dropout lies outside [0, 1).
    """

    vocab_size: int = 50257
    context_length: int = 256
    embed_dim: int = 128
    num_heads: int = 4
    num_layers: int = 4
    dropout: float = 0.1
    bias: bool = True

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "embed_dim", "num_heads", "num_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")


# `cpu` is the size a laptop trains in a minute; the others are OpenAI's four GPT-2 models.
PRESETS = {
    "cpu": GPTConfig(65, context_length=64, dropout=0.0, bias=False),
    "gpt2": GPTConfig(50257, 1024, 768, 12, 12),
    "gpt2-medium": GPTConfig(50257, 1024, 1024, 16, 24),
    "gpt2-large": GPTConfig(50257, 1024, 1280, 20, 36),
    "gpt2-xl": GPTConfig(50257, 1024, 1600, 25, 48),
}


def check_token_ids(name: str, ids: Tensor, vocab_size: int) -> None:
    """Raise a ValueError if `ids` is empty or one of them lies outside the vocabulary."""
    if ids.numel() == 0:
        raise ValueError(f"{name}: no token to work with; give at least one (-100 does not count)")
    low, high = (int(bound) for bound in ids.aminmax())
    if low < 0 or high >= vocab_size:
        got = low if low < 0 else high
        raise ValueError(f"{name} must lie in 0 to {vocab_size - 1}, got {got}; other tokenizer?")


class GPT(nn.Module):
    """Decoder-only transformer that predicts, at every position, the next token.

    Args:
        config: the sizes, a GPTConfig.
        block, norm, embedding: the classes to build it from, called as Block, LayerNorm and
            TokenAndPositionEmbedding are. In a block, matrices that write to the stream are
            named proj or down and start smaller.
        tie: whether the head shares its matrix with the embedding's `token`.
    Source: Radford et al. 2018, section 4.1 (start), 2019, section 2.3; weight tying: Press and
        Wolf 2017.
    """

    def __init__(
        self, config, block=Block, norm=LayerNorm, embedding=TokenAndPositionEmbedding, tie=True
    ):
        super().__init__()
        self.config = c = config
        self.embedding = embedding(c.vocab_size, c.context_length, c.embed_dim, c.dropout)
        sizes = (c.embed_dim, c.num_heads, c.context_length, c.dropout, c.bias)
        self.blocks = nn.ModuleList(block(*sizes, norm=norm) for _ in range(c.num_layers))
        self.norm = norm(c.embed_dim, bias=c.bias)
        self.head = nn.Linear(c.embed_dim, c.vocab_size, bias=False)
        if tie:
            self.head.weight = self.embedding.token.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                writes = name.endswith(("proj.weight", "down.weight"))  # to the residual stream
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * c.num_layers if writes else 1))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Score every next token, and the guess if the answer is given.

        Args:
            ids: int64 (B, T), T at most context_length.
            targets: int64 (B, T), the true next tokens; -100 means "do not score this one".
        Returns:
            logits (B, T, V), and the mean cross-entropy in nats, or None without targets.
        Raises:
            ValueError: for an id or target outside the vocabulary, nothing to score, or a
                sequence longer than the context.
        """
        check_token_ids("ids", ids, self.config.vocab_size)
        x = self.embedding(ids)  # (B, T, C)
        for block in self.blocks:
            x = block(x)  # (B, T, C)
        logits = self.head(self.norm(x))  # (B, T, V)
        if targets is None:
            return logits, None
        check_token_ids("targets", targets[targets != -100], self.config.vocab_size)
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())  # (B·T, V), (B·T,)

    def num_parameters(self) -> int:
        """How many numbers training may change; a tied matrix counts once."""
        return sum(parameter.numel() for parameter in self.parameters())
