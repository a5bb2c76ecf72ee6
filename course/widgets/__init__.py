"""Interactive figures: each one piece of HTML and JavaScript, with a picture behind it."""

from course.widgets.attention import attention_figure, attention_html
from course.widgets.bpe_stepper import bpe_stepper
from course.widgets.guessing import guessing_game
from course.widgets.sampling import sampling_sliders
from course.widgets.surprise import surprise_colours, surprises

__all__ = [
    "attention_figure",
    "attention_html",
    "bpe_stepper",
    "guessing_game",
    "sampling_sliders",
    "surprise_colours",
    "surprises",
]
