"""From a list of token ids to batches of inputs and targets."""

# Written from notebooks/02_data.ipynb by `minigpt export`; edit that, not this file.

from collections.abc import Sequence

import torch
from torch import Tensor


def train_val_split(ids: Sequence[int], val_fraction: float = 0.1) -> tuple[Tensor, Tensor]:
    """Cut the text once: the first part to learn from, the last part to be scored on.

    Args:
        ids: token ids in reading order, list or tensor of shape (n,).
        val_fraction: share of the tokens kept for validation, between 0 and 1.
    Returns:
        int64 tensors (n_train,) and (n_val,); together they are `ids`, in order, nothing twice.
    Raises:
        ValueError: if the fraction is not between 0 and 1, or a part would have under 2 tokens.
    """
    if not 0 < val_fraction < 1:
        raise ValueError(f"val_fraction must lie between 0 and 1, got {val_fraction}; 0.1 is usual")
    ids = torch.as_tensor(ids, dtype=torch.long)  # (n,)
    n_train = int(len(ids) * (1 - val_fraction))
    if min(n_train, len(ids) - n_train) < 2:
        raise ValueError(f"{len(ids)} tokens are too few to split: each part needs at least 2")
    return ids[:n_train], ids[n_train:]


def check_length(ids: Tensor, context_length: int) -> None:
    """Raise a ValueError unless a block of `context_length` tokens and its targets fit in `ids`."""
    if context_length < 1:
        raise ValueError(f"context_length must be at least 1, got {context_length}")
    if len(ids) < context_length + 1:
        needed = f"{context_length} tokens and the next one need {context_length + 1}"
        raise ValueError(f"{needed}, but the text has {len(ids)}; use a longer text")


def get_batch(
    ids: Tensor, batch_size: int, context_length: int, generator=None, device=None
) -> tuple[Tensor, Tensor]:
    """Draw random blocks of text and, for each position, the token that comes next.

    Args:
        ids: token ids (n,), at least context_length + 1 of them.
        batch_size: number of blocks B.
        context_length: positions per block T, at least 1.
        generator: a torch.Generator of the CPU, where the randomness comes from.
        device: a torch.device, where the batch goes.
    Returns:
        x, y: int64 tensors (B, T); y[b, t] is the token that follows x[b, t] in the text.
    Raises:
        ValueError: if context_length < 1, batch_size < 1 or the text is too short.
    """
    check_length(ids, context_length)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    starts = torch.randint(len(ids) - context_length, (batch_size,), generator=generator)  # (B,)
    positions = starts[:, None] + torch.arange(context_length)  # (B, 1) + (T,) -> (B, T)
    return ids[positions].to(device), ids[positions + 1].to(device)


def sliding_windows(ids: Tensor, context_length: int, stride: int) -> tuple[Tensor, Tensor]:
    """Every window of the text that starts at a multiple of `stride`.

    Args:
        ids: token ids (n,).
        context_length: positions per window T.
        stride: distance between the starts of two windows S; S < T makes them overlap.
    Returns:
        x, y: int64 tensors (N, T) with N = 1 + (n - T - 1) // S; y is x one token later. Both
        look at the storage of `ids`; nothing is copied.
    Raises:
        ValueError: if context_length < 1, stride < 1 or the text is too short.
    """
    check_length(ids, context_length)
    if stride < 1:
        raise ValueError(f"stride must be at least 1, got {stride}")
    windows = ids.unfold(0, context_length + 1, stride)  # (N, T + 1)
    return windows[:, :-1], windows[:, 1:]
