"""The GPT: embeddings, a stack of blocks, a norm and a head that scores every token."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from minigpt_lib.blocks import Block, LayerNorm
from minigpt_lib.embeddings import TokenAndPositionEmbedding


@dataclass(frozen=True)
class GPTConfig:
    """Every number that shapes the model.

    vocab_size V tokens; context_length T positions; embed_dim C; num_heads H; num_layers blocks;
    dropout: share of entries zeroed while training; bias: in linear layers and norms.
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


class GPT(nn.Module):
    """Decoder-only transformer that predicts, at every position, the next token.

    Args:
        config: the sizes.
        block, norm, embedding: the classes to build it from.
        tie: whether the head shares its matrix with the token embedding.
    Source: Radford et al. 2019, section 2.3; weight tying: Press and Wolf 2017.
    """

    def __init__(
        self,
        config: GPTConfig,
        block: type[nn.Module] = Block,
        norm: type[nn.Module] = LayerNorm,
        embedding: type[nn.Module] = TokenAndPositionEmbedding,
        tie: bool = True,
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
        self.apply(init_weights)
        for name, parameter in self.named_parameters():
            if name.endswith(("proj.weight", "down.weight")):  # the two that write to the stream
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * c.num_layers))

    def forward(
        self, ids: torch.Tensor, targets: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Score every next token, and the guess if the answer is given.

        Args:
            ids: int64 (B, T), T at most context_length.
            targets: int64 (B, T), the true next tokens; -100 means "do not score this one".
        Returns:
            logits (B, T, V), and the mean cross-entropy in nats, or None without targets.
        Raises:
            ValueError: for an id or target outside the vocabulary, or a sequence too long.
        """
        check_ids("ids", ids, self.config.vocab_size)
        x = self.embedding(ids)  # (B, T, C)
        for block in self.blocks:
            x = block(x)  # (B, T, C)
        logits = self.head(self.norm(x))  # (B, T, V)
        if targets is None:
            return logits, None
        check_ids("targets", targets[targets != -100], self.config.vocab_size)
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)

    def num_parameters(self) -> int:
        """How many numbers training may change; a tied matrix counts once."""
        return sum(parameter.numel() for parameter in self.parameters())


def init_weights(module: nn.Module) -> None:
    """GPT-2's start: small random matrices (standard deviation 0.02), biases zero.

    Source: Radford et al. 2018, section 4.1; 2019, section 2.3.
    """
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def check_ids(name: str, ids: torch.Tensor, vocab_size: int) -> None:
    """Raise a ValueError if `ids` is empty or one of them lies outside the vocabulary."""
    if ids.numel() == 0:
        raise ValueError(f"{name} is empty: there must be at least one token")
    low, high = (int(bound) for bound in ids.aminmax())
    if low < 0 or high >= vocab_size:
        raise ValueError(
            f"{name} must lie in 0 to {vocab_size - 1}, got {low if low < 0 else high}; "
            "was this text encoded with another tokenizer?"
        )
