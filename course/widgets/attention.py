"""Attention weights on a sentence, one head at a time: choose a token, see where it looks.

Two outputs, one after the other: a picture, and a piece of HTML whose script takes the picture's
place. Where scripts do not run (print, a notebook JupyterLab does not trust) the picture stays.
"""

from pathlib import Path

import torch
from matplotlib import pyplot as plt

from course.figures import HEATMAP, visible
from course.widgets.page import fill, png, show

TEMPLATE = Path(__file__).with_name("attention.html")


def attention_figure(tokens: list[str], weights: torch.Tensor, alt: str) -> None:
    """Show who looks at whom, and how much.

    Args:
        tokens: T texts, in order.
        weights: (H, T, T); [h, i, j] is what query i takes from key j in head h, rows add up to 1.
        alt: what the figure shows, in words.
    Raises:
        ValueError: if the shapes do not fit together, or a row does not add up to 1.
    """
    show(attention_html(tokens, weights, alt), attention_png(tokens, weights), alt)


def attention_html(tokens: list[str], weights: torch.Tensor, alt: str) -> str:
    """The interactive part, as one piece of HTML that asks for nothing from outside itself."""
    check(tokens, weights)
    rows = [[[round(w, 6) for w in row] for row in head] for head in weights.tolist()]
    data = {"tokens": [visible(token) for token in tokens], "weights": rows, "alt": alt}
    return fill(TEMPLATE, "attention", data)


def attention_png(tokens: list[str], weights: torch.Tensor) -> bytes:
    """The same weights as a picture: one square for each head, a row for each query."""
    check(tokens, weights)
    columns = min(2, len(weights))
    rows = -(-len(weights) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.9 * columns, 4.0 * rows), squeeze=False, layout="constrained"
    )
    names, ticks = [visible(token) for token in tokens], range(len(tokens))
    for axis in axes.flat:
        axis.axis("off")
    for head, (axis, matrix) in enumerate(zip(axes.flat, weights, strict=False)):
        axis.axis("on")
        picture = axis.imshow(matrix.numpy(force=True), vmin=0, vmax=1, cmap=HEATMAP)
        axis.set(title=f"head {head}", xlabel="looks at (key)", ylabel="who looks (query)")
        axis.set_xticks(ticks, names, fontsize=8)
        axis.set_yticks(ticks, names, fontsize=8)
        axis.grid(False)
    figure.colorbar(picture, ax=axes, shrink=0.5, label="weight")
    return png(figure, dpi=90)


def check(tokens: list[str], weights: torch.Tensor) -> None:
    """ValueError unless weights are (H, T, T) for T tokens, with rows that add up to 1."""
    T = len(tokens)
    if weights.ndim != 3 or weights.shape[1:] != (T, T) or not weights.numel():
        raise ValueError(
            f"weights of shape {tuple(weights.shape)} do not fit {T} tokens; "
            f"they must be (heads, {T}, {T})"
        )
    if not torch.allclose(weights.sum(-1), torch.ones_like(weights[..., 0]), atol=1e-3):
        raise ValueError("each row of the weights must add up to 1; pass them after the softmax")
