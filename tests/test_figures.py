"""The pipeline strip, the look of plots, and the interactive figure of chapter 04."""

import base64
import json
import re

import matplotlib
import pytest
import torch

matplotlib.use("agg")

from matplotlib import pyplot as plt

from course import figures
from course.figures import (
    COLORS,
    STAGES,
    describe,
    glyph,
    label_curve,
    pipeline,
    pipeline_html,
    style,
)
from course.widgets import attention_figure, attention_html

OUTSIDE = re.compile(r"https?:|//cdn|\bfetch\(|XMLHttpRequest|@import|url\(|<link|\bsrc=", re.I)


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two colours written #rrggbb."""

    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def lit(page: str) -> list[str]:
    """The texts of the boxes that are lit."""
    return re.findall(rf'<span style="{re.escape(figures.LIT)}[^>]*>([^<]*)</span>', page)


@pytest.mark.parametrize("stage", STAGES)
def test_strip_shows_every_step_and_lights_the_stage(stage):
    # Catches: a step left out, a stage that lights nothing, words and picture that disagree.
    page = pipeline_html(stage)
    strip, legend = page.replace(figures.LEGEND, ""), page.count(figures.LEGEND)
    shown = re.findall(r"[\w ]+[\w]|\+", re.sub(r"<[^>]+>", " | ", strip))
    told = re.findall(r"[\w ]+[\w]|\+", describe(stage).split(". This chapter")[0])
    joined = [" ".join(part.split()) for part in (" ".join(shown), " ".join(told))]
    assert joined[0] == joined[1]
    assert len(lit(page)) == len(STAGES[stage])
    assert page.count("<span") == page.count("</span>") and page.count("<div") == 2
    assert legend == 1
    assert 'role="img"' in page and f'aria-label="{describe(stage)}"' in page
    assert not OUTSIDE.search(page)


def test_strip_fills_in_what_is_built_and_only_that():
    # Catches: the order of chapters turned round, or everything dashed for ever.
    filled = [pipeline_html(stage).count(figures.BUILT + ";border-radius:6px") for stage in STAGES]
    ahead = [pipeline_html(stage).count(figures.AHEAD + ";border-radius:6px") for stage in STAGES]
    # Of 15 boxes, "N ×" among them; each chapter in turn adds what it builds, then lights its own.
    assert filled == [0, 1, 2, 3, 4, 5, 6, 11, 5, 14]
    assert ahead == [13, 13, 12, 11, 10, 9, 4, 1, 1, 0]
    assert lit(pipeline_html("attention")) == ["attention"]
    assert lit(pipeline_html("embeddings")) == ["embeddings + positions"]
    assert lit(pipeline_html("blocks")) == ["norm", "+", "norm", "MLP", "+"]


def test_strip_is_the_same_each_time():
    assert pipeline_html("model") == pipeline_html("model")


def test_lit_and_plain_text_can_be_read():
    assert contrast("#ffffff", "#00518f") >= 4.5
    for ground, text in [("#ffffff", "#1b1b1b"), ("#121212", "#cccccc")]:
        tint = [
            round(0.28 * over + 0.72 * int(ground[i : i + 2], 16))
            for over, i in zip((90, 150, 210), (1, 3, 5), strict=True)
        ]
        assert contrast("#{:02x}{:02x}{:02x}".format(*tint), text) >= 4.5


@pytest.mark.parametrize("function", [pipeline, pipeline_html, describe])
def test_unknown_stage_lists_the_known_ones(function):
    with pytest.raises(ValueError, match="'atention'") as error:
        function("atention")
    assert all(stage in str(error.value) for stage in STAGES)


def test_colours_are_apart_in_grey_and_visible_on_white():
    for color in COLORS.values():
        assert contrast(color, "#ffffff") >= 3
    for one, other in [("ink", "blue"), ("blue", "orange"), ("orange", "grey"), ("blue", "green")]:
        assert contrast(COLORS[one], COLORS[other]) >= 1.4


def test_the_same_plot_gives_the_same_bytes(tmp_path):
    # Catches: a time stamp or a version in the file, a setting left over from another figure.
    files = []
    for ground in ("red", "white"):
        plt.rcParams["axes.facecolor"] = ground
        style()
        figure, axes = plt.subplots()
        axes.plot([0, 1], [1, 3])
        label_curve(axes, "loss")
        file = tmp_path / f"{ground}.png"
        figure.savefig(file, metadata={"Software": None})
        plt.close(figure)
        files.append(file.read_bytes())
    assert files[0] == files[1] and b"Software" not in files[0]


def test_a_curve_is_named_at_its_end_in_its_colour():
    style()
    figure, axes = plt.subplots()
    axes.plot([0, 4], [1, 3], color=COLORS["green"])
    label_curve(axes, "loss")
    (text,) = axes.texts
    assert (text.get_text(), text.xy, text.get_color()) == ("loss", (4, 3), COLORS["green"])
    plt.close(figure)


TOKENS = ["d", "o", "\n", " ", "</script>"]


@pytest.fixture
def weights():
    scores = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(0))
    return scores.masked_fill(~torch.ones(5, 5, dtype=torch.bool).tril(), -torch.inf).softmax(-1)


def data_of(page: str) -> dict:
    return json.loads(re.search(r"const data = (\{.*\});\n", page)[1])


def test_widget_carries_the_numbers_of_the_tensor(weights):
    # Catches: rounding to two places, heads or rows and columns swapped.
    data = data_of(attention_html(TOKENS, weights, "who looks where"))
    assert (torch.tensor(data["weights"]) - weights).abs().max() <= 1e-6
    assert data["tokens"] == ["d", "o", "⏎", "␣", "</script>"]
    assert data["alt"] == "who looks where"


def test_widget_asks_for_nothing_from_outside(weights):
    page = attention_html(TOKENS, weights, "who looks where")
    assert not OUTSIDE.search(page)
    assert page.count("</script>") == 1, "a token closed the script"
    assert "NAME" not in page and "DATA" not in page


def test_widget_is_the_same_each_time_and_names_itself(weights):
    one, again = (attention_html(TOKENS, weights, "a") for _ in range(2))
    other = attention_html(TOKENS, weights.flip(0), "a")
    name = re.compile(r'id="(attention-[0-9a-f]{8})"')
    assert one == again and name.search(one)[1] != name.search(other)[1]


def test_picture_comes_first_and_is_the_same_each_time(weights, monkeypatch):
    shown = []
    monkeypatch.setattr("course.widgets.page.display", lambda page, raw: shown.append(page))
    for _ in range(2):
        attention_figure(TOKENS, weights, alt="who looks where")
    assert [next(iter(page)) for page in shown] == ["image/png", "text/html"] * 2
    assert shown[0] == shown[2] and shown[0]["text/plain"] == "who looks where"
    png = base64.b64decode(shown[0]["image/png"])
    assert png.startswith(b"\x89PNG") and b"Software" not in png


@pytest.mark.parametrize(
    ("shape", "scale", "message"),
    [
        ((3, 4, 4), 1, r"\(3, 4, 4\) do not fit 5 tokens"),
        ((5, 5), 1, "do not fit"),
        ((0, 5, 5), 1, "do not fit"),
        ((3, 5, 5), 2, "must add up to 1"),
    ],
)
def test_weights_that_are_none_are_refused(shape, scale, message):
    with pytest.raises(ValueError, match=message):
        attention_html(TOKENS, torch.full(shape, scale / shape[-1]), "alt")


def test_a_character_the_font_lacks_is_drawn_by_its_code():
    assert [glyph(c) for c in "aé \n"] == ["a", "é", "␣", "⏎"]
    assert glyph("क") == "915"
