"""A newcomer's first twenty minutes after the installation, as a script."""

import os
import re
import subprocess
import sys
import time

import pytest
from nbclient import NotebookClient

from course import lab, paths
from course.checks import progress
from course.notebook import read_notebook


@pytest.mark.slow
def test_a_newcomer_gets_to_the_first_words_of_their_own_model(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "MY", tmp_path / "my")
    own = {"MINIGPT_MY_DIR": str(tmp_path / "my"), "MINIGPT_RUNS_DIR": str(tmp_path / "runs")}
    for name, value in (own | {"PYTHONPATH": str(paths.ROOT)}).items():
        monkeypatch.setenv(name, value)
    seconds = {}

    def timed(name, action):
        start = time.monotonic()
        result = action()
        seconds[name] = round(time.monotonic() - start)
        return result

    def minigpt(*args: str) -> str:
        program = "from course.cli import main; main()"
        command = [sys.executable, "-c", program, *args]
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, encoding="utf-8"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # minigpt lab 00: a copy of their own; they run sitting A from top to bottom, and guess once
    page, _ = lab.own_copies("00")
    notebook = read_notebook(page)
    ids = [cell.id for cell in notebook.cells]
    notebook.cells = notebook.cells[: ids.index("sitting-b")]
    guess = next(c for c in notebook.cells if c.cell_type == "code" and "predict(" in c.source)
    guess.source = guess.source.replace("...)", "6)")
    client = NotebookClient(notebook, resources={"metadata": {"path": str(page.parent)}})
    timed("sitting A", client.execute)
    assert list(progress.read().guesses.values()) == [6]

    assert "✗" not in timed("doctor", lambda: minigpt("doctor"))

    # First words, with the commands that the page names
    source = "\n".join(cell.source for cell in notebook.cells)
    commands = re.findall(r"^minigpt ((?:train|sample) .*)$", source, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["train", "sample"]
    timed("train", lambda: minigpt(*commands[0].split()))
    written = timed("sample", lambda: minigpt(*commands[1].split()))
    assert len(written.split()) > 30
    with capsys.disabled():
        print("\nnovice path:", ", ".join(f"{name} {s} s" for name, s in seconds.items()))
