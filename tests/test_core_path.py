"""A learner who leaves out every section marked More still has all that the rest needs.

This one learns from a text of their own, the source of Python programs.
"""

import re
from pathlib import Path

import pytest
import texts

from course import paths, refresh, syllabus
from course.notebook import code_cells, read_notebook

COMPLETE = [chapter for chapter in syllabus.load().chapters if chapter.depth == "complete"]


def without_more(cells: list) -> list:
    """The cells outside sections whose heading ends in "· More"; a section ends at the next
    heading of its own level or a higher one."""
    kept, skipped_at = [], 0
    for cell in cells:
        if cell.cell_type == "markdown":
            prose = re.sub(r"^```.*?^```", "", cell.source, flags=re.MULTILINE | re.DOTALL)
            for marks, title in re.findall(r"^(#+) (.+)$", prose, re.MULTILINE):
                if not skipped_at or len(marks) <= skipped_at:
                    skipped_at = len(marks) if title.rstrip().endswith("· More") else 0
        if not skipped_at:
            kept.append(cell)
    return kept


@pytest.fixture(scope="module")
def own_text(tmp_path_factory) -> Path:
    """The file; beside it the chapters keep their models."""
    path = tmp_path_factory.mktemp("core") / "python.txt"
    path.write_text(texts.python_source(), encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("chapter", COMPLETE, ids=[chapter.notebook for chapter in COMPLETE])
def test_the_core_sections_run_without_the_others(chapter, own_text, monkeypatch):
    monkeypatch.setenv("MINIGPT_CORPUS", str(own_text))
    monkeypatch.setenv("MINIGPT_RUNS_DIR", str(own_text.parent / "runs"))
    path = paths.NOTEBOOKS / f"{chapter.notebook}.ipynb"
    notebook = read_notebook(path)
    count = len(notebook.cells)
    notebook.cells = without_more(notebook.cells)
    assert len(notebook.cells) < count or chapter.core == chapter.all
    assert code_cells(notebook)
    assert refresh.execute(notebook, path) is None


def test_a_section_ends_at_the_next_heading_of_its_level():
    cells = [
        {"cell_type": kind, "source": source}
        for kind, source in [
            ("markdown", "# Title\n\ntext"),
            ("markdown", "## One · More"),
            ("code", "1"),
            ("markdown", "### Below one\n\n```\n# no heading\n```"),
            ("code", "2"),
            ("markdown", "## Two"),
            ("code", "3"),
            ("markdown", "### Three · More\ntext"),
            ("code", "4"),
            ("markdown", "### Four"),
            ("code", "5"),
        ]
    ]
    from nbformat import from_dict

    kept = [cell.source for cell in without_more([from_dict(cell) for cell in cells])]
    assert kept == ["# Title\n\ntext", "## Two", "3", "### Four", "5"]
