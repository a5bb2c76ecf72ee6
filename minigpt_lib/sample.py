"""Sampling: from the model's scores to text."""

# Written from notebooks/09_sampling.ipynb by `minigpt export`; edit that, not this file.

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor, nn


def apply_temperature(logits: Tensor, t: float) -> Tensor:
    """Sharpen (t < 1) or flatten (t > 1) a distribution; t = 0 keeps only the likeliest token.

    Args:
        logits: (..., V).
        t: temperature, at least 0.
    Returns:
        a new tensor (..., V).
    Raises:
        ValueError: if t < 0.
    """
    if not t >= 0:
        raise ValueError(f"temperature must be 0 or more, got {t}")
    return top_k_filter(logits, 1) if t == 0 else logits / t


def top_k_filter(logits: Tensor, k: int) -> Tensor:
    """Keep the k likeliest tokens, set the rest to -inf; of equal ones the earliest stay.

    Args:
        logits: (..., V).
        k: at least 1; k >= V keeps all.
    Returns:
        a new tensor (..., V).
    Raises:
        ValueError: if k < 1.
    Source: Fan et al. 2018, section 5.4.
    """
    if k < 1:
        raise ValueError(f"top_k must be at least 1, got {k}")
    order = logits.argsort(dim=-1, descending=True, stable=True)[..., :k]  # (..., k)
    return torch.full_like(logits, float("-inf")).scatter(-1, order, logits.gather(-1, order))


def top_p_filter(logits: Tensor, p: float) -> Tensor:
    """Keep the likeliest tokens until they add up to p, the one that reaches it included.

    Args:
        logits: (..., V).
        p: in (0, 1]; 1 keeps all.
    Returns:
        a new tensor (..., V), -inf where dropped.
    Raises:
        ValueError: if p lies outside (0, 1].
    Source: Holtzman et al. 2020, section 3.1.
    """
    if not 0 < p <= 1:
        raise ValueError(f"top_p must lie in (0, 1], got {p}")
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)  # (..., V), (..., V)
    probabilities = ordered.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities  # what the likelier ones add up to
    dropped = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, (before >= p) & (p < 1))
    return logits.masked_fill(dropped, float("-inf"))


def sample_next(logits: Tensor, temperature=1.0, top_k=None, top_p=None, generator=None) -> Tensor:
    """Draw one token per row: temperature first, then top-k, then top-p, then the draw.

    Args:
        logits: (..., V), for example (B, V).
        temperature, top_k, top_p: the settings of the functions above; None leaves one out.
        generator: torch.Generator, where the randomness comes from.
    Returns:
        int64 (...).
    """
    logits = apply_temperature(logits, temperature)
    logits = logits if top_k is None else top_k_filter(logits, top_k)
    logits = logits if top_p is None else top_p_filter(logits, top_p)
    rows = logits.softmax(dim=-1).view(-1, logits.shape[-1])  # (N, V)
    return torch.multinomial(rows, 1, generator=generator).view(logits.shape[:-1])  # (...)


@torch.no_grad()
def next_tokens(model: nn.Module, ids: Tensor, **sampling) -> Iterator[Tensor]:
    """Write without end: yields the next token of each row, int64 (B,), again and again.

    Args:
        model: called as model(ids) -> (logits, _), with .config.context_length.
        ids: the prompts, int64 (B, T), T at least 1; of a long one the end is used.
        sampling: temperature, top_k, top_p, generator, as in sample_next.
    Raises:
        ValueError: if the prompt is empty (the model says so), or a setting is out of range.
    """
    was_training = model.training
    try:
        while True:
            logits, _ = model.eval()(ids[:, -model.config.context_length :])  # (B, T, V)
            drawn = sample_next(logits[:, -1], **sampling)  # (B,)
            yield drawn
            ids = torch.cat([ids, drawn[:, None]], dim=1)  # (B, T + 1)
    finally:
        model.train(was_training)


def generate(
    model, ids: Tensor, max_new_tokens: int, temperature=1.0, top_k=None, top_p=None, generator=None
) -> Tensor:
    """Continue each prompt by `max_new_tokens` tokens: (B, T) -> (B, T + max_new_tokens).

    Args and errors as in next_tokens and sample_next.
    """
    settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "generator": generator}
    drawn = itertools.islice(next_tokens(model, ids, **settings), max_new_tokens)
    return torch.cat([ids, *(tokens[:, None] for tokens in drawn)], dim=1)  # (B, T + new)


def stream(
    model: nn.Module, tokenizer, prompt: str, max_new_tokens: int, stop_token=None, **sampling
) -> Iterator[str]:
    """Continue `prompt` and hand over the text piece by piece, as it is written.

    Args:
        tokenizer: with encode and decode.
        stop_token: int; stop when this token is drawn; it is not handed over.
        sampling: temperature, top_k, top_p, generator, as in sample_next.
    Raises:
        ValueError: for an empty prompt or one the tokenizer cannot encode.
    """
    device = next(model.parameters()).device
    ids = torch.tensor([tokenizer.encode(prompt)], dtype=torch.long, device=device)  # (1, T)
    waiting: list[int] = []  # tokens that may end in the middle of a character
    for drawn in itertools.islice(next_tokens(model, ids, **sampling), max_new_tokens):
        if drawn.item() == stop_token:
            break
        waiting.append(drawn.item())
        if not tokenizer.decode(waiting).endswith("\ufffd") or len(waiting) > 3:
            yield tokenizer.decode(waiting)
            waiting = []
    yield tokenizer.decode(waiting)  # what was cut off, often nothing
