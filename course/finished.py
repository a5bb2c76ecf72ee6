"""What a finished model of this course writes: drawn once from trained models, kept as data.

`python -m course.finished RUNS` draws anew: it trains the preset cpu on both texts into the folder
RUNS, unless it holds those models already, lets them write, and rewrites finished.json.
"""

import json
import math
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from course.files import write_atomic
from course.paths import ROOT

DATA = ROOT / "course" / "finished.json"
TRAIN = "minigpt train --preset cpu --corpus {corpus} --out {runs}/{corpus}"
SAMPLE = 'minigpt sample --checkpoint {runs}/{corpus} --prompt "{prompt}" --length 400 --seed 0'
PROMPTS = {"shakespeare": "ROMEO:", "tinytales": "Ned"}


class Finished(NamedTuple):
    """What a model wrote after a prompt, its bits per character, and the commands to repeat it."""

    corpus: str
    prompt: str
    written: str
    bits: float
    commands: list[str]


def finished(corpus: str) -> Finished:
    """The model that learned from this text; for any text but the built-in two, Shakespeare's."""
    kept = json.loads(DATA.read_text(encoding="utf-8"))
    name = corpus if corpus in kept else "shakespeare"
    return Finished(name, **kept[name])


def draw(runs: Path) -> None:
    """Train where needed, let each model write, and keep it.

    Raises:
        subprocess.CalledProcessError: a command failed; it has said why.
    """
    kept = {}
    for corpus, prompt in PROMPTS.items():
        names = {"corpus": corpus, "prompt": prompt}
        if not (runs / corpus / "last.txt").exists():
            _run(TRAIN.format(runs=shlex.quote(str(runs)), **names))
        text = _run(SAMPLE.format(runs=shlex.quote(str(runs)), **names))
        kept[corpus] = {
            "prompt": prompt,
            "written": text.removeprefix(prompt).removesuffix("\n"),
            "bits": round(_bits(runs / corpus), 3),
            "commands": [line.format(runs="runs", **names) for line in (TRAIN, SAMPLE)],
        }
    write_atomic(DATA, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def _run(command: str) -> str:
    """What a command of ours prints."""
    code = "from course.cli import main; main()"
    words = shlex.split(command)[1:]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, check=True, encoding="utf-8"
    )
    return done.stdout


def _bits(run: Path) -> float:
    """Bits per character on the whole validation text, from the last line of a run's log."""
    last = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return json.loads(last)["val_loss"] / math.log(2)


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
