"""pytest for the whole checkout: what notebooks run by nbval need, beside what nbval does.

Figures that a test records (`record_property`) are printed at the end of the run.

After a cell fails, the rest of its notebook is skipped: its errors would only follow from the
first. Where the corpus is the one that stored outputs are made with, text outputs are compared
with the stored ones (numbers to 1e-2, cells tagged measured or timing left out).
"""

import os
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
# The checkout comes first, so that nothing of a learner's own stands in for what is tested.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # several workers share the cores

FAILED = pytest.StashKey[str]()
ONE_BY_ONE = ("test_other_texts.py", "test_mutants.py")  # minutes a test


def _is_notebook_cell(item: pytest.Item) -> bool:
    return type(item).__name__ == "IPyNbCell"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Workers take a file at a time; less of the files that take longest, see `scope`."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid)

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first; chapter 09 last, which reads the model of chapter 08."""
    first = ("08_training.ipynb", "test_core_path.py", *ONE_BY_ONE)
    last = ("09_sampling.ipynb",)
    items.sort(key=lambda item: (item.path.name in last) - (item.path.name in first))


def scope(nodeid: str) -> str:
    """The tests that one worker runs one after the other, by the id of one of them."""
    file, _, test = nodeid.partition("::")
    if Path(file).name in ONE_BY_ONE:
        return nodeid
    chapter = re.search(r"\[(?:\\u2717 |✗ )?(\d+)[._\]]", test)
    return f"{file} {int(chapter[1])}" if file.endswith("exercises.py") and chapter else file


@cache
def _corpus_hash() -> str:
    from course.corpora import load_corpus

    return load_corpus().sha256


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the cells after one that failed."""
    if _is_notebook_cell(item) and (place := item.parent.stash.get(FAILED, None)):
        pytest.skip(f"cell {place} of this notebook failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    """Compare what a notebook cell printed with what is stored of it."""
    if not _is_notebook_cell(item):
        return (yield)
    try:
        result = yield
        if difference := _difference(item):
            raise AssertionError(difference)
    except pytest.skip.Exception:
        raise
    except BaseException:
        item.parent.stash[FAILED] = item.cell.id
        raise
    return result


def _difference(item: pytest.Item) -> str | None:
    from course.refresh import compare_cell

    stamp = item.parent.nb.metadata.get("minigpt", {}).get("stamp", {})
    if not stamp or stamp["corpus"]["sha256"] != _corpus_hash():
        return None
    difference = compare_cell(item.cell, item.test_outputs or [], ROOT)
    place = f"{item.path.name}, cell {item.cell.id}"
    return difference and f"{place}: {difference}. Mend: minigpt refresh {item.path.name[:2]}"


def pytest_terminal_summary(terminalreporter) -> None:
    """Print the figures that tests recorded."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties if report.when == "call" else ():
                terminalreporter.write_line(f"{name}: {value}")
