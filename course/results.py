"""What was measured once and is kept as data: benchmarks/results."""

import json
from typing import Any

from course.paths import ROOT

RESULTS = ROOT / "benchmarks" / "results"


def result(name: str) -> dict[str, Any]:
    """The figures of one measurement, with the command that repeats it, the machine and the date.

    Raises:
        ValueError: there is none of this name; the message lists those there are.
    """
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in RESULTS.glob("*.json")))
        raise ValueError(f"nothing was measured under the name {name!r}; there are: {known}")
    return json.loads(path.read_text(encoding="utf-8"))
