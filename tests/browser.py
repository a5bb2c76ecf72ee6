"""A page in the system's Chromium for tests of what runs in the browser; nothing is downloaded."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES = ("chromium", "google-chrome", "chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Styles of the book's theme and of JupyterLab that a figure has to stand up to.
AROUND = """.row > * { width: 100%; } table { table-layout: fixed; }
ol { padding-left: 40px; margin-left: 40px; } main tbody tr:nth-child(odd) { background: #eeeeee; }
.output { background-color: #f8f8f8; color: #000000; }"""
# What a book's page and JupyterLab have in common: the picture's output, then the page's.
FRAME = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">
<title>A figure</title><meta name="viewport" content="width=device-width, initial-scale=1">
<style>{around}</style></head>
<body style="margin:8px;background:{ground}"><main class="cell"><h1>A figure</h1>
<div class="output"><img alt="the picture" width="9" height="9"
  src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="></div>
<div class="output">{page}</div></main></body></html>"""


def chromium() -> str | None:
    """The path of the system's Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """A tab with one figure, opened from a file, that keeps what must not happen."""

    def __init__(self, context, folder: Path):
        self.folder, self.page = folder, context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("request", self._asked)

    def _heard(self, message) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text}")

    def _asked(self, request) -> None:
        if not request.url.startswith(("file:", "data:", "about:")):
            self.problems.append(f"asked for {request.url}")

    def open(self, html: str, theme: str = "light"):
        """The page, with the figure in a frame like the book's."""
        ground = "#121212" if theme == "dark" else "#ffffff"
        file = self.folder / "figure.html"
        frame = FRAME.format(page="PAGE", theme=theme, ground=ground, around=AROUND)
        file.write_text(frame.replace("PAGE", html), encoding="utf-8")
        self.page.goto(file.as_uri())
        return self.page

    def check_picture_gives_way(self, html: str) -> None:
        """The figure stands in the picture's place, and in print the picture does."""
        opened = self.open(html)
        picture, figure = opened.get_by_alt_text("the picture"), opened.locator(".course-figure")
        assert not picture.is_visible() and figure.is_visible()
        opened.emulate_media(media="print")
        assert picture.is_visible() and not figure.is_visible()
        opened.emulate_media(media="screen")


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium, started once for a file of tests; skipped where there is none."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install -e .[test]"
    )
    path = chromium()
    if path is None:
        assert "MINIGPT_NEEDS_BROWSER" not in os.environ, "CI runs these tests, and needs a browser"
        pytest.skip(f"no browser found; looked for {', '.join(NAMES)}")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def tab(browser, tmp_path) -> Iterator[Tab]:
    """A fresh tab; at the end it must have asked for nothing and complained of nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = Tab(context, tmp_path)
    yield opened
    context.close()
    assert opened.problems == []
