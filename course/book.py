"""Renders the book."""

import subprocess
import sys
from pathlib import Path

from course.paths import ROOT

CALL = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"


def build(out: Path = ROOT / "book", root: Path = ROOT, **options) -> subprocess.CompletedProcess:
    """Render the book of a checkout to out/_build/html; every warning is an error.

    Args:
        options: for subprocess.run.
    """
    files = ["--config", "book/_config.yml", "--toc", "book/_toc.yml", "--path-output", str(out)]
    command = [sys.executable, "-c", CALL, "build", ".", "-W", "-n", "--keep-going", *files]
    return subprocess.run(command, cwd=root, **options)
