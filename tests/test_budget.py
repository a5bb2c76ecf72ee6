"""The core of the library stays as short as the classic weekend project promises to be."""

from course.notebook import code_lines
from course.paths import LIB

CORE = ["tokenizer", "data", "attention", "blocks", "model", "train", "sample"]
APART = ["bpe", "checkpoint", "pretrained"]  # taught and exported too, but not counted
BUDGET = 400


def test_the_core_stays_within_its_budget(record_property):
    lines = {
        name: code_lines((LIB / f"{name}.py").read_text(encoding="utf-8")) for name in CORE + APART
    }
    core = sum(lines[name] for name in CORE)
    counted = ", ".join(f"{name} {lines[name]}" for name in CORE)
    excluded = ", ".join(f"{name} {lines[name]}" for name in APART)
    figure = f"{core} code lines of {BUDGET} ({counted}); not counted: {excluded}"
    record_property("core of the library", figure)
    assert core < BUDGET, figure
