"""The gradient that reaches each layer of a deep stack, with and without `x +`, for chapter 06.

    python -m benchmarks.gradient_norms

Stacks of 2 to 24 causal attention layers, fresh, between an embedding and a linear head: 64 wide,
4 heads, torch's default start. One batch of 12 texts of 64 characters goes forwards and backwards,
and the gradient of each layer's parameters is measured, over all of them together (its length).
Each figure is the median of three starts, each with a batch of its own.
"""

import statistics

import torch
from torch import nn

from benchmarks.report import write_result
from course.corpora import load_corpus
from minigpt_lib.attention import CausalSelfAttention
from minigpt_lib.baselines import cross_entropy
from minigpt_lib.data import get_batch, train_val_split
from minigpt_lib.embeddings import TokenAndPositionEmbedding
from minigpt_lib.tokenizer import CharTokenizer

DEPTHS, SEEDS = (2, 4, 8, 16, 24), (0, 1, 2)
T, C, H, B = 64, 64, 4, 12


def gradient_norms(
    ids: torch.Tensor, vocab_size: int, depth: int, is_added: bool, seed: int
) -> list[float]:
    """Length of the loss's gradient for each layer of one fresh stack, first layer first.

    Args:
        ids: the text to draw the batch from (n,).
        is_added: whether each layer's output is added to its input, or replaces it.
    """
    torch.manual_seed(seed)
    embedding = TokenAndPositionEmbedding(vocab_size, T, C)
    layers = [CausalSelfAttention(C, H, T) for _ in range(depth)]
    head = nn.Linear(C, vocab_size)
    inputs, targets = get_batch(ids, B, T, torch.Generator().manual_seed(seed))  # (B, T) each
    x = embedding(inputs)  # (B, T, C)
    for layer in layers:
        x = x + layer(x) if is_added else layer(x)  # (B, T, C)
    cross_entropy(head(x), targets).backward()
    gradients = [[p.grad.flatten() for p in layer.parameters()] for layer in layers]
    return [torch.cat(parts).norm().item() for parts in gradients]


def medians(ids: torch.Tensor, vocab_size: int, is_added: bool) -> dict[str, list[float]]:
    """For each depth, the median over the seeds of each layer's norm."""
    found = {}
    for depth in DEPTHS:
        runs = [gradient_norms(ids, vocab_size, depth, is_added, seed) for seed in SEEDS]
        found[str(depth)] = [
            float(f"{statistics.median(norms):.3g}") for norms in zip(*runs, strict=True)
        ]
    return found


def main() -> None:
    """Measure, print, write."""
    corpus = load_corpus()
    tokenizer = CharTokenizer.from_text(corpus.text)
    ids, _ = train_val_split(tokenizer.encode(corpus.text))
    figures = {
        "what": "length of the loss's gradient per attention layer of a fresh stack, first to "
        "last: 64 wide, 4 heads, context 64, batch 12; median of 3 seeds",
        "corpus": corpus.name,
        "depths": list(DEPTHS),
        "without": medians(ids, tokenizer.vocab_size, is_added=False),
        "with": medians(ids, tokenizer.vocab_size, is_added=True),
        "command": "python -m benchmarks.gradient_norms",
    }
    write_result("gradient_norms", figures)


if __name__ == "__main__":
    main()
