"""All checks in one: is everything that is generated what its source gives, and is it in order?"""

from pathlib import Path

from course import exercises, export, lint, refresh, syllabus
from course.paths import ROOT


def run(root: Path = ROOT) -> list[str]:
    """Run every check.

    Returns:
        problems, one line each, with the command that mends it; none means that all is well.
    """
    generators = (syllabus, export, exercises, lint, refresh)
    return [problem for each in generators for problem in each.run(check=True, root=root)]
