"""Temperature, top-k and top-p on a model's own next-token scores, with sliders.

Two outputs, one after the other: a picture, and a piece of HTML whose script takes the picture's
place. Where scripts do not run (print, a notebook JupyterLab does not trust) the picture stays.
What the script computes is what `minigpt_lib.sample` computes, in float64.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib import pyplot as plt
from torch import Tensor

from course.figures import COLORS, glyph, visible
from course.widgets.page import fill, png, show

TEMPLATE = Path(__file__).with_name("sampling.html")
BARS = 15  # likeliest tokens shown
DRAWS = 20
MAX_TEMPERATURE = 2
PICTURED = (0.5, 1.0, 1.5)  # temperatures in the picture


def sampling_sliders(
    logits: Tensor, contexts: Sequence[str], tokens: Sequence[str], alt: str | None = None
) -> None:
    """Change temperature, top-k and top-p and see what is left of a model's next-token scores.

    Args:
        logits: (N, V), the scores for what comes next after each of N contexts, all finite.
        contexts: N texts; the figure opens on the first.
        tokens: V names of tokens, in order of their ids; white space is shown by marks.
        alt: what the figure shows, in words; made from the scores if left out.
    Raises:
        ValueError: the numbers of rows and contexts, or of columns and tokens, differ; there is no
            context, or a score is not finite.
    """
    check(logits, contexts, tokens)
    alt = alt or describe(logits, contexts, tokens)
    page = sampling_html(logits, contexts, tokens, alt)
    show(page, sampling_png(logits, contexts, tokens), alt)


def sampling_html(
    logits: Tensor, contexts: Sequence[str], tokens: Sequence[str], alt: str | None = None
) -> str:
    """The interactive part, as one piece of HTML that asks for nothing from outside itself."""
    check(logits, contexts, tokens)
    data = {
        "alt": alt or describe(logits, contexts, tokens),
        "logits": logits.detach().cpu().double().tolist(),
        "contexts": [text.replace("\r\n", "\n") for text in contexts],
        "options": [f"{number}: {_end(text)}" for number, text in enumerate(contexts, start=1)],
        "tokens": [visible(token) for token in tokens],
        "bars": BARS,
        "draws": DRAWS,
        "max_temperature": MAX_TEMPERATURE,
    }
    return fill(TEMPLATE, "sampling-sliders", data)


def _end(context: str, length: int = 32) -> str:
    """The end of a text, in one line."""
    return ("…" if len(context) > length else "") + visible(context[-length:])


def describe(logits: Tensor, contexts: Sequence[str], tokens: Sequence[str]) -> str:
    """The figure in words: the first context and its likeliest next tokens."""
    p, order = logits[0].detach().cpu().double().softmax(-1).sort(descending=True, stable=True)
    best = zip(p[:3].tolist(), order[:3].tolist(), strict=True)
    told = ", ".join(f"{visible(tokens[i])} {number:.2f}" for number, i in best)
    return (
        f"What a model expects after “{_end(contexts[0])}” at temperatures "
        f"{', '.join(map(str, PICTURED))}; at 1 the likeliest of {len(tokens)} tokens are {told}."
    )


def sampling_png(logits: Tensor, contexts: Sequence[str], tokens: Sequence[str]) -> bytes:
    """The likeliest tokens after the first context, at three temperatures side by side."""
    check(logits, contexts, tokens)
    row = logits[0].detach().cpu().double()
    order = row.sort(descending=True, stable=True).indices[:BARS].tolist()
    names = ["".join(map(glyph, tokens[i])) for i in order]
    figure, panels = plt.subplots(
        1, len(PICTURED), figsize=(8.4, 0.25 * len(order) + 1.4), layout="constrained"
    )
    most = (row / min(PICTURED)).softmax(-1).max().item()
    for axes, temperature in zip(panels, PICTURED, strict=True):
        p = (row / temperature).softmax(-1)  # (V,)
        bits = abs((p * p.clamp_min(1e-300).log()).sum().item()) / math.log(2)
        bars = axes.barh(range(len(order)), p[order].tolist(), color=COLORS["blue"])
        axes.bar_label(bars, [f"{one:.3f}" for one in p[order].tolist()], padding=3, fontsize=8)
        axes.set(xlim=(0, 1.3 * most), xlabel="probability")
        axes.set_title(f"temperature {temperature:g}: {bits:.2f} bits", fontsize=10)
        axes.set_yticks(range(len(order)), names, family="monospace", parse_math=False)
        axes.invert_yaxis()
        axes.grid(False)
    end = "".join(map(glyph, contexts[0][-32:]))
    figure.suptitle(f"What comes after “{end}”", x=0.02, ha="left", fontsize=11, parse_math=False)
    return png(figure)


def check(logits: Tensor, contexts: Sequence[str], tokens: Sequence[str]) -> None:
    """ValueError unless logits are (N, V) and finite, for N contexts (at least 1) and V tokens."""
    if isinstance(contexts, str) or not contexts:
        raise ValueError(f"contexts must be a list of at least one text, not {contexts!r}")
    shape = (len(contexts), len(tokens))
    if tuple(logits.shape) != shape or not logits.numel():
        raise ValueError(
            f"logits of shape {tuple(logits.shape)} do not fit {shape[0]} contexts and {shape[1]} "
            f"tokens; they must be {shape}"
        )
    if not torch.isfinite(logits).all():
        raise ValueError("the logits must be finite; give them as they are before any filter")
