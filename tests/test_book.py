"""The book builds without a warning, and chapter 04's page holds what the chapter promises."""

import html
import re
import subprocess

import pytest

from course.book import build
from course.paths import ROOT

pytestmark = pytest.mark.slow
pytest_plugins = ["browser"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    out = tmp_path_factory.mktemp("book")
    done = build(out, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return out / "_build" / "html"


def test_every_image_has_a_text_in_its_place(pages):
    for page in pages.glob("notebooks/*.html"):
        for image in re.findall(r"<img[^>]*>", page.read_text(encoding="utf-8")):
            assert re.search(r'alt="[^"]{4,}"', image), f"{page.name}: {image[:200]}"


def test_chapter_04_shows_its_figure_proofs_and_exercises(pages):
    page = html.unescape((pages / "notebooks" / "04_attention.html").read_text(encoding="utf-8"))
    for needed in ("<script", "largest difference", "exercises/04_attention.html", 'role="img"'):
        assert needed in page, needed


# Lines of code in the middle of a page, and of a list or a fold, that do not fit into their box.
CUT = "Array.from(document.querySelectorAll('article pre')).filter(p => p.checkVisibility() && "
CUT += "p.scrollWidth > p.clientWidth + 8).map(p => p.textContent.slice(0, 60))"


def test_code_fits_into_the_column_and_no_page_scrolls_sideways(pages, browser):
    for width in (1280, 1440, 390):
        tab = browser.new_page(viewport={"width": width, "height": 900})
        for page in sorted(pages.glob("notebooks/*.html")):
            tab.goto(page.as_uri())
            root = "document.documentElement"
            assert tab.evaluate(f"{root}.scrollWidth - {root}.clientWidth") == 0, page.name
            assert width == 390 or tab.evaluate(CUT) == [], f"{page.name} at {width} px"
        tab.close()


def test_a_broken_reference_fails_the_build(tmp_path):
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(checkout)], check=True)
    with (checkout / "book" / "index.md").open("a", encoding="utf-8") as index:
        index.write("\n{doc}`no_such_page`\n")
    done = build(tmp_path / "out", checkout, capture_output=True, text=True)
    assert done.returncode != 0
    assert "no_such_page" in done.stdout + done.stderr
