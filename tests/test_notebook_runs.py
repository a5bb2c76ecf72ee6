"""What the checkout's conftest adds to nbval."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course.corpora import load_corpus
from course.notebook import write_notebook
from course.paths import ROOT

CELLS = [("say", "print(0.5)"), ("think", "x = 3"), ("later", "x")]


@pytest.fixture
def run(tmp_path):
    """Run the cells, one of them changed, against outputs stored earlier; returns what is said."""
    text = tmp_path / "own.txt"
    text.write_text("To be or not to be.\n" * 6000, encoding="utf-8")

    def run(corpus: str = str(text), stored: str = "0.502\n", **changed) -> str:
        shutil.copy(ROOT / "conftest.py", tmp_path)
        cells = [new_code_cell(changed.get(id, source), id=id) for id, source in CELLS]
        cells[0].outputs = [new_output("stream", text=stored)]
        cells[2].outputs = [new_output("execute_result", {"text/plain": "3"})]
        book = new_notebook(cells=cells)
        book.metadata["minigpt"] = {"stamp": {"corpus": {"sha256": load_corpus(text).sha256}}}
        write_notebook(tmp_path / "01_cells.ipynb", nbformat.from_dict(book))
        path = os.pathsep.join([str(tmp_path), str(ROOT)])
        command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-rA"]
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", "01_cells.ipynb"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": path, "MINIGPT_CORPUS": corpus},
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        return done.stdout + done.stderr

    return run


def test_outputs_near_the_stored_ones_pass(run):
    assert "3 passed" in run()


def test_another_output_than_the_stored_one_fails_and_ends_the_notebook(run):
    said = run(stored="0.6\n")
    assert "1 failed, 2 skipped" in said
    assert "01_cells.ipynb, cell say: stored 0.6, now 0.5" in said
    assert "Mend: minigpt refresh 01" in said
    assert "cell say of this notebook failed" in said


def test_outputs_of_another_corpus_are_not_compared(run):
    said = run(stored="0.6\n", corpus="tinytales", think="1 / 0")
    assert "1 failed, 1 passed, 1 skipped" in said
    assert "cell think of this notebook failed" in said
