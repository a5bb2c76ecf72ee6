"""The interactive figures where a reader meets them: in the book's pages and in JupyterLab."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from course.notebook import read_notebook
from course.paths import ROOT

pytestmark = pytest.mark.slow
pytest_plugins = ["browser", "books"]


def guess(figure) -> Iterator[Callable]:
    """The guessing game: what to do by mouse, then by keyboard."""
    yield lambda: figure.get_by_role("button", name="No idea").click()
    figure.get_by_role("textbox").focus()
    yield lambda: figure.page.keyboard.type("e") or figure.page.keyboard.press("Enter")


def merge(figure) -> Iterator[Callable]:
    """The merges."""
    yield lambda: figure.get_by_role("button", name="Next merge").click()
    figure.get_by_role("button", name="Next merge").focus()
    yield lambda: figure.page.keyboard.press("Enter")


def attend(figure) -> Iterator[Callable]:
    """The weights, by head and by position."""
    yield lambda: figure.get_by_role("radio").nth(2).click()
    figure.get_by_role("radio").nth(2).focus()
    yield lambda: figure.page.keyboard.press("ArrowRight")
    yield lambda: figure.get_by_role("tab").nth(1).click()
    figure.get_by_role("tab").nth(1).focus()
    yield lambda: figure.page.keyboard.press("ArrowLeft")


def surprise(figure) -> Iterator[Callable]:
    """The colours of a text."""
    yield lambda: figure.get_by_role("button", name="Back").click()
    figure.locator('[role="option"][tabindex="0"]').focus()
    yield lambda: figure.page.keyboard.press("ArrowLeft")
    yield lambda: figure.get_by_role("option").nth(3).click()


def sample(figure) -> Iterator[Callable]:
    """The knobs on the next token."""
    temperature = figure.get_by_label("Temperature")
    yield lambda: temperature.click(position={"x": 30, "y": 16})
    temperature.focus()
    yield lambda: figure.page.keyboard.press("ArrowRight")
    yield lambda: figure.get_by_role("button", name=re.compile("Draw")).click()


FIGURES = {
    ("00_start_here", "you-against-the-model"): guess,
    ("01_tokenizer", "step-through-merges"): merge,
    ("04_attention", "weights-on-a-sentence"): attend,
    ("08_training", "surprise-colours"): surprise,
    ("09_sampling", "sliders"): sample,
}
every_figure = pytest.mark.parametrize(
    ("chapter", "cell"), FIGURES, ids=[chapter for chapter, _ in FIGURES]
)


def play(figure, actions: Callable) -> None:
    """Do each thing; the figure answers each with other words in its live regions."""
    figure.scroll_into_view_if_needed()
    for act in actions(figure):
        before = told(figure)
        act()
        assert told(figure) != before, f"{actions.__doc__} Nothing changed after {before!r}"


def told(figure) -> list[str]:
    return figure.locator("[aria-live]").all_inner_texts()


def test_every_interactive_figure_is_played():
    found = {
        (path.stem, cell.id)
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        for cell in read_notebook(path).cells
        for output in cell.get("outputs", ())
        if 'class="course-figure' in str(output.get("data", {}).get("text/html", ""))
    }
    assert found == set(FIGURES)


@every_figure
def test_figure_works_in_the_book(learner_book, browser, chapter, cell):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((learner_book / "notebooks" / f"{chapter}.html").as_uri())
    play(page.locator(".course-figure"), FIGURES[chapter, cell])
    page.close()


# ---- in JupyterLab


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[str]:
    """The address of a JupyterLab that serves each figure twice: trusted, and as from a stranger.

    A learner who runs a cell sees it trusted; one who opens a notebook that came with outputs does
    not.
    """
    folder = tmp_path_factory.mktemp("lab")
    own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("DATA", "CONFIG", "RUNTIME")}
    (folder / "DATA").mkdir()
    notary = NotebookNotary(data_dir=own["JUPYTER_DATA_DIR"])
    for chapter, cell in FIGURES:
        notebook = read_notebook(ROOT / "notebooks" / f"{chapter}.ipynb")
        notebook.cells = [one for one in notebook.cells if one.id == cell]
        notebook.cells += [nbformat.v4.new_code_cell("1 + 1", id="spare")]
        for trusted in (True, False):
            # The signature is of the content, so the two have to differ.
            notebook.metadata["trusted_here"] = trusted
            nbformat.write(notebook, folder / f"{chapter}-{trusted}.ipynb")
            if trusted:
                notary.sign(notebook)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}"]
    command += ["--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=", "--allow-root"]
    command += ["--LabApp.news_url=", "--LabApp.extension_manager=readonly"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with open(folder / "log.txt", "w", encoding="utf-8") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for(f"{address}/api/status", server, folder / "log.txt")
        yield address
    finally:
        server.kill()  # its kernels notice, and end; asked to end them itself, it takes long
        server.wait()


def wait_for(address: str, server: subprocess.Popen, log) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, log.read_text(encoding="utf-8")[-2000:]
            time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8")[-2000:])


def open_in_lab(browser, lab: str, name: str):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{lab}/lab/workspaces/{name}/tree/{name}.ipynb")
    page.locator(".jp-OutputArea-output img").first.wait_for(state="attached", timeout=60_000)
    return page


@every_figure
def test_figure_works_in_jupyterlab(lab, browser, chapter, cell):
    page = open_in_lab(browser, lab, f"{chapter}-True")
    figure = page.locator(".course-figure")
    figure.wait_for()
    assert not page.locator(".course-figure-picture").is_visible()
    play(figure, FIGURES[chapter, cell])
    # Keys that JupyterLab takes for "new cell above" and "below" do nothing to the notebook.
    figure.locator("button:enabled, input").first.focus()
    page.keyboard.type("ab", delay=100)
    assert page.locator(".jp-Notebook .jp-Cell").count() == 2
    page.close()


@every_figure
def test_a_strangers_notebook_shows_the_picture_in_jupyterlab(lab, browser, chapter, cell):
    page = open_in_lab(browser, lab, f"{chapter}-False")
    picture = page.locator(".jp-OutputArea-output img")
    assert picture.is_visible()
    assert page.locator(".course-figure button, .course-figure input").count() == 0
    page.close()
