"""From token ids to vectors that say what a token is and where it stands."""

# Written from notebooks/03_embeddings.ipynb by `minigpt export`; edit that, not this file.

import torch
from torch import nn


class TokenAndPositionEmbedding(nn.Module):
    """One learned vector per token plus one learned vector per position.

    Args:
        vocab_size: number of tokens V.
        context_length: number of positions the table knows L.
        embed_dim: width of each vector C.
        dropout: share of the sum's entries set to zero while training.
    Source: Radford et al. 2018, section 3.1 (h_0 = U W_e + W_p).
    """

    def __init__(self, vocab_size: int, context_length: int, embed_dim: int, dropout: float = 0.0):
        super().__init__()
        self.token = nn.Embedding(vocab_size, embed_dim)
        self.position = nn.Embedding(context_length, embed_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: torch.Tensor, start: int = 0) -> torch.Tensor:
        """Embed `ids` (B, T), the first of which stands at position `start`: (B, T, C).

        Raises:
            ValueError: if the text reaches past the last known position.
        """
        end, known = start + ids.shape[-1], self.position.num_embeddings
        if end > known:
            raise ValueError(
                f"a sequence of {end} tokens is longer than the context ({known}); "
                f"pass the last {known} tokens"
            )
        positions = torch.arange(start, end, device=ids.device)  # (T,)
        return self.dropout(self.token(ids) + self.position(positions))  # (B, T, C) + (T, C)
