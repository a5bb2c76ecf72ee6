"""Where things are in the checkout."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
SOLUTIONS = ROOT / "solutions"
EXERCISES = ROOT / "exercises"
LIB = ROOT / "minigpt_lib"
BOOK = ROOT / "book"
MY = Path(os.environ.get("MINIGPT_MY_DIR") or ROOT / "my").resolve()
RUNS = Path(os.environ.get("MINIGPT_RUNS_DIR") or ROOT / "runs").resolve()
