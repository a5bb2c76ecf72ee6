"""Interactive figures: each one piece of HTML and JavaScript, with a picture behind it."""

from course.widgets.attention import attention_figure, attention_html

__all__ = ["attention_figure", "attention_html"]
