"""Both editions of the book, each rendered once in a test run and shared by all files and workers.

A file of tests that needs them says `pytest_plugins = ["books"]`.
"""

import json
import os
from pathlib import Path

import pytest
from filelock import FileLock

from course.book import HTML, Edition, render


def _pages(edition: Edition, tmp_path_factory) -> Path:
    """The folder of an edition's pages; rendered by whoever comes first, the others wait."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # of all workers of the run
    html = base / "book" / HTML[edition]
    result = base / f"{edition}.json"
    with FileLock(base / f"{edition}.lock"):
        if not result.exists():
            result.write_text(json.dumps(render(html, edition=edition)), encoding="utf-8")
    found = json.loads(result.read_text(encoding="utf-8"))
    assert found == [], "\n".join(found)
    return html


@pytest.fixture(scope="session")
def learner_book(tmp_path_factory) -> Path:
    """The folder of the learner edition's pages; its front page is index.html."""
    return _pages("learner", tmp_path_factory)


@pytest.fixture(scope="session")
def instructor_book(tmp_path_factory) -> Path:
    """The folder of the instructor edition's pages."""
    return _pages("instructor", tmp_path_factory)
