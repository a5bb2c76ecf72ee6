"""Instant feedback on exercises: what is wrong with an answer, and three levels of help.

In a notebook: `check("4.2", attention_weights)` and `hint("4.2")`. From a terminal the same through
`minigpt check` and `minigpt hint`. `judge` gives the verdict as a value instead of a printed line.
"""

from course.checks.engine import Verdict, judge
from course.checks.notebook import check, check_notebook, hint

__all__ = ["Verdict", "check", "check_notebook", "hint", "judge"]
