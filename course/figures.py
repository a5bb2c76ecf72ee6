"""One look for every figure of the course, and the strip that says where a chapter stands.

`style()` once at the top of a notebook's first figure; colours by name from `COLORS`; the name of
a curve at its end with `label_curve`; the pipeline strip with `pipeline("attention")`.
"""

from html import escape

from cycler import cycler
from IPython import get_ipython
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.font_manager import findfont, get_font

# Lightness rises from one colour to the next, so that curves stay apart in grey print, and no two
# are told apart by red against green alone. Each has at least 3:1 contrast on white.
COLORS = {
    "ink": "#1b1b1b",
    "blue": "#00518f",
    "orange": "#bf4a00",
    "green": "#24906c",
    "pink": "#cc6699",
    "grey": "#8a8a8a",
}
# Dark means much: readable in grey, and the same order for every kind of colour vision.
HEATMAP = "Blues"

# How white space is shown wherever single characters or tokens are.
VISIBLE = {" ": "␣", "\n": "⏎", "\t": "⇥"}

# The boxes of the strip in reading order: key, text, the chapter that builds it.
BEFORE = [
    ("text", "text", "start"),
    ("tokens", "tokens", "tokenizer"),
    ("batches", "batches", "data"),
    ("embeddings", "embeddings + positions", "embeddings"),
]
BLOCK = [
    ("norm1", "norm", "blocks"),
    ("attention", "attention", "attention"),
    ("add1", "+", "blocks"),
    ("norm2", "norm", "blocks"),
    ("mlp", "MLP", "blocks"),
    ("add2", "+", "blocks"),
]
AFTER = [
    ("norm3", "norm", "model"),
    ("logits", "logits", "model"),
    ("probabilities", "probabilities", "baselines"),
    ("next", "next token", "sampling"),
]
# Each chapter's stage, in order, and what it lights.
STAGES = {
    "start": ["text", "next"],
    "tokenizer": ["tokens"],
    "data": ["batches"],
    "embeddings": ["embeddings"],
    "attention": ["attention"],
    "baselines": ["probabilities"],
    "blocks": ["norm1", "add1", "norm2", "mlp", "add2"],
    "model": ["norm3", "logits", "repeat"],
    "training": ["embeddings", *(key for key, _, _ in BLOCK), "norm3", "logits"],
    "sampling": ["next"],
}

LIT = "background-color:#00518f;color:#ffffff;border:2px solid #00518f;font-weight:bold"
BUILT = "background-color:rgba(90,150,210,0.28);border:2px solid rgba(90,150,210,0.9)"
AHEAD = "border:2px dashed rgba(128,128,128,0.8)"
LEGEND = "solid: this chapter · tinted: built before · dashed: still to come"
ROW = "display:flex;flex-wrap:wrap;align-items:center;gap:6px"


def pipeline(stage: str) -> None:
    """Show the way from text to the next token, with the stage of one chapter lit.

    Args:
        stage: one of `STAGES`: "start" (00), "tokenizer" (01), "data" (02), "embeddings" (03),
            "attention" (04), "baselines" (05), "blocks" (06), "model" (07), "training" (08),
            "sampling" (09). What earlier chapters built is filled in, what is ahead is dashed.
    Raises:
        ValueError: for a stage not in the list.
    """
    page = {"text/html": pipeline_html(stage), "text/plain": describe(stage)}
    display(page, raw=True)


def pipeline_html(stage: str) -> str:
    """The strip as one piece of HTML: no script, no style sheet, its colours right on any ground.

    Every box carries its own style, because JupyterLab removes style sheets from the output of a
    notebook it does not trust; the boxes wrap, so that a phone shows them at full size.
    """
    description = describe(stage)
    repeat = LIT if "repeat" in STAGES[stage] else _mark(stage, "repeat", "model")
    block = (
        f'<span style="{ROW};{AHEAD if repeat is AHEAD else BUILT};border-radius:10px;padding:6px;'
        f'background-color:transparent"><span style="{repeat};border-radius:6px;padding:2px 8px;'
        f'white-space:nowrap">N ×</span> {_boxes(stage, BLOCK)}</span>'
    )
    parts = [_boxes(stage, BEFORE), block, _boxes(stage, AFTER)]
    return (
        f'<div role="img" aria-label="{escape(description, quote=True)}" style="{ROW};'
        f'margin:8px 0;font-size:14px;line-height:1.4">{" → ".join(parts)}</div>'
        f'<div style="font-size:12px">{LEGEND}</div>'
    )


def describe(stage: str) -> str:
    """The strip in words, for screen readers and plain terminals; ValueError as in `pipeline`."""
    if stage not in STAGES:
        raise ValueError(f"no stage {stage!r} in the pipeline; choose from {', '.join(STAGES)}")
    names = {key: text for key, text, _ in BEFORE + BLOCK + AFTER} | {"repeat": "N repetitions"}
    lit = ", ".join(names[key] for key in STAGES[stage])
    way = [" → ".join(text for _, text, _ in part) for part in (BEFORE, BLOCK, AFTER)]
    return f"{way[0]} → N × [{way[1]}] → {way[2]}. This chapter: {lit}."


def _boxes(stage: str, boxes: list[tuple[str, str, str]]) -> str:
    parts = []
    for key, text, owner in boxes:
        mark = _mark(stage, key, owner)
        parts.append(
            f'<span style="{mark};border-radius:6px;padding:2px 8px;white-space:nowrap">'
            f"{text}</span>"
        )
    return " → ".join(parts)


def _mark(stage: str, key: str, owner: str) -> str:
    if key in STAGES[stage]:
        return LIT
    order = list(STAGES)
    return BUILT if order.index(owner) < order.index(stage) else AHEAD


def style() -> None:
    """Give every matplotlib figure that follows the look of the course.

    The same figure gives the same file on the same machine: fonts and sizes are fixed, and PNG
    files carry no note of the program that wrote them.
    """
    plt.rcdefaults()
    lines = cycler(linestyle=["-", "--", "-.", ":", (0, (5, 1)), "-"])
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=list(COLORS.values())) + lines,
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 12,
            "figure.dpi": 100,
            "figure.figsize": (7.0, 3.6),
            "figure.constrained_layout.use": True,
            "font.family": "DejaVu Sans",
            "font.size": 11,
            "grid.alpha": 0.25,
            "image.cmap": HEATMAP,
            "legend.frameon": False,
            "lines.linewidth": 2.2,
        }
    )
    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("png", metadata={"Software": None})


def label_curve(axes: Axes, text: str, color: str | None = None) -> None:
    """Write the name of the curve drawn last at its right end, in the curve's colour."""
    line = axes.lines[-1]
    x, y = line.get_xdata()[-1], line.get_ydata()[-1]
    axes.annotate(
        text,
        (x, y),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=color or line.get_color(),
        annotation_clip=False,
    )


def visible(text: str) -> str:
    """The text with marks in the place of white space."""
    return "".join(VISIBLE.get(character, character) for character in text)


def glyph(character: str) -> str:
    """How to draw one character in a figure: as it is, or by its code where the font lacks it."""
    shown = visible(character)
    font = get_font(findfont("DejaVu Sans"))
    return shown if font.get_char_index(ord(shown)) else f"{ord(shown):x}"
