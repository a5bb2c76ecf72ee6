"""Each chapter's slides: chosen with care, one file each, readable, and without a network."""

import re

import nbformat
import pytest

from course import paths, slides
from course.notebook import chapters, read_notebook, tags, write_notebook

pytest_plugins = ["browser"]

PATHS = chapters(paths.NOTEBOOKS)
CHAPTERS = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem[:2])
SMALLEST = 0.6  # how far the fullest slide may be scaled down
TEXT = """The section before ends here.

### A heading

The first paragraph, with [a link](page.ipynb) and $x < y$.

The second paragraph.

- an item

> An exercise.

*Predict, then run:* what comes?"""


def picked(path) -> list[nbformat.NotebookNode]:
    """The cells of a chapter that are on slides."""
    cells = read_notebook(path).cells
    return [cell for cell in cells if tags(cell) & {slides.START, slides.GO_ON}]


@CHAPTERS
def test_a_chapter_has_what_a_class_needs(path):
    cells = picked(path)
    starts = [cell for cell in cells if slides.START in tags(cell)]
    assert 12 <= len(starts) <= 14
    assert cells[0].id == "title" and cells[-1].id == "recap"
    assert any(cell.id == "pipeline-strip" for cell in cells)
    assert any("proof" in tags(cell) for cell in cells)
    assert any(cell.id.startswith("break-it") or "break-it" in tags(cell) for cell in cells)
    assert sum(slides.QUESTION in cell.source for cell in cells) >= 2
    pictures = [o for c in cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert pictures


@CHAPTERS
def test_every_output_on_a_slide_is_there(path):
    made = slides.slides(read_notebook(path))
    for cell in picked(path):
        for output in cell.get("outputs", []):
            assert any(slides._output(output, cell) in slide for slide in made), cell.id


def notebook(*cells: tuple) -> nbformat.NotebookNode:
    """A notebook of cells: id, source, "code" or "text", and tags."""
    v4, made = nbformat.v4, []
    for id, source, kind, *tagged in cells:
        new = v4.new_code_cell if kind == "code" else v4.new_markdown_cell
        made.append(new(source, id=id, metadata={"tags": tagged}))
    return v4.new_notebook(cells=made)


@pytest.fixture
def made(tmp_path) -> list[str]:
    """The slides of a small notebook."""
    function = '#| export: one\ndef f(x):\n    """Twice.\n\n    More.\n    """\n    return 2 * x'
    book = notebook(
        ("title", "# 01 One\n\nA promise.", "text", "slide"),
        ("facts", TEXT, "text", "slide"),
        ("code", "print(1)", "code", "slide-continue", "hide-output", "predict"),
        ("behind", "Read behind the slide.", "text"),
        ("function", function, "code", "slide"),
        ("plain", "2 + 2", "code", "slide"),
        ("not-shown", "secret()", "code"),
    )
    book.cells[2].outputs = [nbformat.v4.new_output("stream", text="1 < 2\n")]
    write_notebook(tmp_path / "notebooks" / "01_one.ipynb", book)
    return slides.slides(book)


def shown(slide: str) -> str:
    """What a slide shows, without its notes."""
    return slide.partition('<aside class="notes">')[0]


def test_a_text_is_shortened_and_its_notes_are_whole(made):
    visible = shown(made[1])
    for text in ("A heading", "The first paragraph", "a link", "an item", "what comes?"):
        assert text in visible
    for text in ("The section before", "The second paragraph", "An exercise", "page.ipynb"):
        assert text not in visible
    assert r'<span class="math">\(x &lt; y\)</span>' in visible
    for text in ("The second paragraph", "An exercise", "Read behind the slide"):
        assert text in made[1]


def test_code_comes_without_its_docstring_and_what_was_folded_comes_later(made):
    assert 'class="cell fragment"><div class="output"><pre>1 &lt; 2' in made[1]
    assert "minigpt_lib.one" in made[2] and "return" in made[2]
    assert "Twice" not in made[2] and "export" not in made[2]
    assert "A heading" in shown(made[3]) and len(made) == 4
    assert "secret" not in "".join(made)


def test_a_deck_is_one_file_under_the_chapters_name(made, tmp_path):
    (line,) = slides.run(["01"], tmp_path / "out", tmp_path)
    assert line == f"{tmp_path / 'out' / '01_one.html'}: 4 slides"
    page = (tmp_path / "out" / "01_one.html").read_text(encoding="utf-8")
    assert all(slide in page for slide in made)


def test_a_chapter_without_slides_is_refused(tmp_path):
    write_notebook(tmp_path / "notebooks" / "01_one.ipynb", notebook(("title", "# 01 One", "text")))
    with pytest.raises(ValueError, match=r"01_one\.ipynb has no cell tagged `slide`"):
        list(slides.run(None, tmp_path / "out", tmp_path))


# In a browser

# Parts of the slide on view that stick out of it, and code that does not fit into its box.
OUTSIDE = """() => {
  const slide = Reveal.getCurrentSlide();
  const parts = Array.from(slide.querySelectorAll(".fit, .fit *"))
    .filter((part) => !part.closest("mjx-assistive-mml, [role=listbox] *"));  // that scrolls
  const out = parts.filter((part) => {
    const box = part.getBoundingClientRect();
    return box.width && (box.left < -1 || box.top < -1 || box.right > 1281 || box.bottom > 721);
  });
  const wide = parts.filter((p) => p.tagName === "PRE" && p.scrollWidth > p.clientWidth + 1);
  return [...out, ...wide].map((part) => part.outerHTML.slice(0, 80));
}"""
ZOOM = "Number(Reveal.getCurrentSlide().querySelector('.fit').style.getPropertyValue('--zoom'))"


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """The folder with all decks."""
    out = tmp_path_factory.mktemp("decks")
    list(slides.run(None, out))
    return out


@pytest.fixture
def opened(browser, decks):
    """Opens a deck from its file; at the end nothing was asked for and nothing complained of."""
    problems, context = [], browser.new_context(viewport={"width": 1280, "height": 720})

    def hear(page):
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("console", lambda said: problems.append(f"{said.type}: {said.text}"))

    def asked(request):
        if not request.url.startswith(("file:", "data:", "about:", "blob:")):
            problems.append(f"asked for {request.url}")

    context.on("page", hear)
    context.on("request", asked)

    def call(stem: str, query: str = ""):
        page = context.new_page()
        page.goto(f"{(decks / f'{stem}.html').as_uri()}{query}")
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        return page

    yield call
    context.close()
    assert problems == []


@pytest.mark.slow
@CHAPTERS
def test_nothing_is_cut_off_and_the_arrow_key_leads_through_the_deck(path, opened):
    page = opened(path.stem)
    total = page.evaluate("Reveal.getTotalSlides()")
    for place in range(total):
        while page.evaluate("Reveal.availableFragments().next"):
            page.keyboard.press("ArrowRight")
        assert page.evaluate("Reveal.getIndices().h") == place
        assert page.evaluate(OUTSIDE) == [], place + 1
        assert page.evaluate(ZOOM) >= SMALLEST - 1e-6, place + 1
        page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.isLastSlide()")
    has_math = 'class="math"' in "".join(slides.slides(read_notebook(path)))
    assert (page.locator("mjx-container").count() > 0) == has_math
    assert not page.evaluate(r"/\\\(|\\\[/.test(document.querySelector('.slides').innerText)")


@pytest.mark.slow
def test_keys_for_the_overview_the_dark_look_and_the_next_step(opened):
    page = opened("04_attention")
    page.keyboard.press("d")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    dark = page.evaluate("getComputedStyle(document.querySelector('.reveal-viewport')).color")
    assert dark == "rgb(236, 236, 236)"
    page.keyboard.press("o")
    assert page.evaluate("Reveal.isOverview()")
    page.keyboard.press("o")
    cells = picked(PATHS[4])
    place = [c.id for c in cells if slides.START in tags(c)].index("what-does-an-average-lose")
    page.evaluate(f"Reveal.slide({place}, 0, -1)")
    output = page.locator("section.present .output")
    assert output.evaluate("one => getComputedStyle(one).visibility") == "hidden"
    page.keyboard.press("ArrowRight")
    assert output.evaluate("one => getComputedStyle(one).visibility") == "visible"
    assert page.evaluate("Reveal.getIndices().h") == place


@pytest.mark.slow
def test_the_speakers_window_shows_the_notes(opened):
    page = opened("02_data")
    page.keyboard.press("ArrowRight")
    with page.expect_popup() as popup:
        page.keyboard.press("s")
    notes = popup.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("What travels on from there is never the whole text").wait_for()


@pytest.mark.slow
def test_a_swipe_leads_on(browser, decks):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, has_touch=True)
    page = context.new_page()
    page.goto((decks / "02_data.html").as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    touch = context.new_cdp_session(page)
    for kind, points in (("touchStart", [900]), ("touchMove", [300]), ("touchEnd", [])):
        spots = [{"x": x, "y": 300} for x in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})
    page.wait_for_function("Reveal.getIndices().h === 1")
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("path", [PATHS[4], PATHS[8]], ids=lambda path: path.stem[:2])
def test_a_page_of_the_pdf_is_a_slide(path, opened):
    page = opened(path.stem, "?view=print")
    page.wait_for_selector(".pdf-page")
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pages == len(slides.slides(read_notebook(path)))
