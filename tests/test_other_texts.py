"""Chapters pass on every text: built-in, and a learner's own in any script.

A third text of the learner's own, Python's source, is what tests/test_core_path.py learns from.
"""

import os
import subprocess
import sys

import pytest
import texts

from course.paths import ROOT

OWN_TEXTS = {"turkish": texts.turkish, "hindi": texts.hindi}
PAGES = {
    "tinytales": ["notebooks", "solutions"],
    "hindi": ["notebooks"],
    "turkish": ["notebooks", "--ignore=notebooks/08_training.ipynb"],  # minutes of the same
}


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("name", PAGES)
def test_chapters_pass_offline_on(name, tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MINIGPT_")}
    environment |= {"MINIGPT_OFFLINE": "1", "MINIGPT_RUNS_DIR": str(tmp_path / "runs")}
    environment |= {"XDG_CACHE_HOME": str(tmp_path)}  # an empty cache
    if name in OWN_TEXTS:
        path = tmp_path / f"{name}.txt"
        path.write_text(OWN_TEXTS[name](), encoding="utf-8")
        environment["MINIGPT_CORPUS"] = str(path)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", *PAGES[name]]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
