"""The book as a reader has it: pages opened from files, in Chromium, with nothing behind them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
pytest_plugins = ["books", "browser"]

# What readers may set: the width of a phone; letters twice as large, in a window, and in half of
# one, as 200 % of the whole page leaves it.
SETTINGS = [(390, "100%"), (640, "200%"), (1280, "200%")]
SIDEWAYS = """letters => {
  document.documentElement.style.fontSize = letters;
  return document.documentElement.scrollWidth - document.documentElement.clientWidth;
}"""
# Text that a box cuts off. Formulas hold a copy of themselves for screen readers, out of sight; the
# boxes at the side are drawers below 1200 px.
CUT = """() => Array.from(document.querySelectorAll("main *")).filter((box) => {
  const style = getComputedStyle(box);
  return box.checkVisibility() && !box.closest("mjx-container, .math, .bd-sidebar") &&
    box.clientWidth > 2 && /hidden|clip/.test(style.overflowX + style.overflowY) &&
    (box.scrollWidth > box.clientWidth + 2 || box.scrollHeight > box.clientHeight + 2);
}).map((box) => `${box.className}: ${box.textContent.trim().slice(0, 40)}`)"""
FORMULAS = """async () => {
  await window.MathJax?.startup?.promise;
  const all = Array.from(document.querySelectorAll(".math"));
  return [all.length, all.filter((one) => !one.querySelector("mjx-container") ||
    one.querySelector("mjx-merror")).map((one) => one.textContent)];
}"""
OPEN = """() => document.addEventListener("DOMContentLoaded", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  document.head.insertAdjacentHTML("beforeend",
    "<style>* { transition: none !important; animation: none !important; }</style>");
})"""
# Thousands of words of code differ only in their letters: one of each kind and place is enough.
THIN = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll("article pre span:not(:has(*))")) {
    let look = "";
    for (let at = word; at.tagName !== "ARTICLE"; at = at.parentElement)
      look += at.tagName + at.className;
    if (seen.has(look)) word.replaceWith(word.textContent);
    seen.add(look);
  }
}"""
# Colours take axe longest, and depend only on letters and what lies around and under them: one text
# and one link of each look that was not seen before is marked.
LOOKS = """([theme, before]) => {
  document.documentElement.dataset.theme = theme;
  const known = new Map([[null, ""]]), seen = new Set(before);
  const under = (box) => {
    if (!known.has(box)) {
      const { backgroundColor, backgroundImage, opacity } = getComputedStyle(box);
      known.set(box, [under(box.parentElement), backgroundColor, backgroundImage, opacity].join());
    }
    return known.get(box);
  };
  for (const box of document.querySelectorAll("body *")) {
    delete box.dataset.look;
    const text = [...box.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!(text || box.matches("a, input, textarea")) || !box.checkVisibility()) continue;
    const { color, fontSize, fontWeight, textDecorationLine } = getComputedStyle(box);
    const around = getComputedStyle(box.parentElement).color;
    const look = [color, fontSize, fontWeight, textDecorationLine, around, under(box)].join();
    if (!seen.has(look)) box.dataset.look = "";
    seen.add(look);
  }
  return [...seen];
}"""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
MORE = ["heading-order", "landmark-unique", "page-has-heading-one", "region", "skip-link"]
COLOURS = ["color-contrast", "link-in-text-block"]
ASKED = {"resultTypes": ["violations"], "preload": False}
PLAIN = ASKED | {
    "runOnly": WCAG,
    "rules": {name: {"enabled": name in MORE} for name in MORE + COLOURS},
}
SCROLLS = ASKED | {"runOnly": ["scrollable-region-focusable"]}
LOOK = ASKED | {"runOnly": COLOURS}
LOUD = ("error", "warning")


def opened(browser, width: int = 1280, **options):
    """A tab without a network, and the list of what it complains of and asks from elsewhere."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    context.set_offline(True)
    tab, problems = context.new_page(), []
    tab.on("pageerror", lambda error: problems.append(f"error: {error}"))
    tab.on("console", lambda said: problems.append(said.text) if said.type in LOUD else None)
    tab.on("request", lambda request: problems.append(f"asked for {request.url}")
           if not request.url.startswith(("file:", "data:")) else None)  # fmt: skip
    tab.on("requestfailed", lambda request: problems.append(f"not there: {request.url}"))
    return tab, problems


def pages(book: Path) -> dict[str, Path]:
    """Every page of a book by its name, but for the one that only leads to the front page."""
    found = {path.relative_to(book).as_posix(): path for path in sorted(book.rglob("*.html"))}
    del found["index.html"]
    found = {name: path for name, path in found.items() if not name.startswith("_static/")}
    assert len(found) > 20
    return found


@dataclass
class Visit:
    """What a reader meets on a page."""

    problems: list[str]
    formulas: int
    unset: list[str]
    sideways: list[str]
    cut: list[str]
    fields: int


@pytest.fixture(scope="module")
def visits(learner_book, browser) -> dict[str, Visit]:
    """Every page of the learner edition, opened once, with all that folds unfolded."""
    tab, problems = opened(browser)
    tab.context.add_init_script(f"({OPEN})()")
    made = {name: visit(tab, problems, path) for name, path in pages(learner_book).items()}
    tab.context.close()
    return made


def visit(tab, problems: list[str], path: Path) -> Visit:
    """Open a page and look at it at every width and size of letters."""
    problems.clear()
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.goto(path.as_uri())
    formulas, unset = tab.evaluate(FORMULAS)
    fields = tab.locator("input[name=q]").count()
    tab.evaluate(THIN)
    sideways, cut = [], []
    for width, letters in SETTINGS:
        tab.set_viewport_size({"width": width, "height": 900})
        if more := tab.evaluate(SIDEWAYS, letters):
            sideways.append(f"{more} px at {width} px, letters {letters}")
        cut += [f"{text} at {width} px, letters {letters}" for text in tab.evaluate(CUT)]
    return Visit(problems.copy(), formulas, unset, sideways, cut, fields)


def bad(visits: dict[str, Visit], what: str) -> dict[str, list[str]]:
    """The pages on which something was found, with what it was."""
    return {name: getattr(seen, what) for name, seen in visits.items() if getattr(seen, what)}


def test_no_page_complains_or_asks_for_anything_from_elsewhere(visits):
    assert bad(visits, "problems") == {}


def test_every_formula_is_set(visits):
    assert visits["notebooks/04_attention.html"].formulas > 3
    assert bad(visits, "unset") == {}


def test_no_page_scrolls_sideways_on_a_phone_or_at_200_percent(visits):
    assert bad(visits, "sideways") == {}


def test_no_text_is_cut_off_on_a_phone_or_at_200_percent(visits):
    assert bad(visits, "cut") == {}


def test_each_page_has_one_search_field(visits):
    assert {name: seen.fields for name, seen in visits.items() if seen.fields != 1} == {}


def violations(tab, seen: dict[str, list[str]]) -> list[str]:
    """What axe finds on the page that is open, first as wide as it is.

    Args:
        seen: for each theme, the looks of letters that need not be judged again; grows.
    """
    axe = pytest.importorskip("axe_playwright_python.base")
    tab.evaluate(axe.AXE_SCRIPT)
    tab.evaluate(THIN)
    reports = []

    def run(about: str, options: dict, where: str = "html") -> None:
        result = axe.AxeResults(tab.evaluate("asked => axe.run(...asked)", [where, options]))
        if result.violations_count:
            reports.append(f"{about}: {result.generate_report()}")

    run("on a phone", SCROLLS)
    tab.set_viewport_size({"width": 1280, "height": 900})
    run("on a screen", PLAIN)
    for theme in seen:
        seen[theme] = tab.evaluate(LOOKS, [theme, seen[theme]])
        if tab.locator("[data-look]").count():
            run(theme, LOOK, "[data-look]")
    return reports


def test_axe_finds_nothing_on_any_page_light_and_dark(instructor_book, browser):
    tab, _ = opened(browser)
    tab.context.add_init_script(f"({OPEN})()")
    found, seen = [], {"light": [], "dark": []}
    for name, path in pages(instructor_book).items():
        tab.set_viewport_size({"width": 390, "height": 900})
        tab.goto(path.as_uri())
        found += [f"{name}, {report}" for report in violations(tab, seen)]
    tab.goto((instructor_book / "book" / "index.html").as_uri())
    tab.keyboard.press("Control+k")
    tab.keyboard.type("mask")
    tab.locator("#search-results a").first.wait_for()
    found += [f"results of a search, {report}" for report in violations(tab, seen)]
    tab.context.close()
    assert found == [], "\n".join(found)[:6000]


def test_search_finds_a_section_with_an_excerpt_and_marks_it_there(learner_book, browser):
    tab, problems = opened(browser)
    tab.goto((learner_book / "book" / "index.html").as_uri())
    tab.keyboard.press("Control+k")
    tab.keyboard.type("causal mask")
    first = tab.locator("#search-results li").first
    first.wait_for()
    assert "04 Attention › Mask" in first.locator("a").inner_text()
    marked = [text.lower() for text in first.locator("p mark").all_inner_texts()]
    assert marked[:2] == ["causal", "mask"]
    assert len(first.locator("p").inner_text()) > 100
    assert "places found" in tab.locator("#search-status[role=status]").inner_text()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/notebooks/04_attention.html?q=causal%20mask#mask*")
    heading = tab.get_by_role("heading", name="Mask: the future stays hidden")
    heading.wait_for()
    tab.wait_for_function("CSS.highlights.get('search')?.size > 3")
    assert 0 <= heading.bounding_box()["y"] < 300
    tab.get_by_role("button", name="Hide search marks").click()
    assert tab.evaluate("CSS.highlights.size") == 0
    tab.context.close()
    assert problems == []


def test_search_has_a_page_of_its_own_and_says_when_there_is_nothing(learner_book, browser):
    tab, problems = opened(browser, 390)
    tab.goto((learner_book / "notebooks" / "00_start_here.html").as_uri())
    tab.get_by_role("button", name="Search").click()
    tab.keyboard.type("temperature")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=temperature")
    links = tab.locator("#search-results a")
    links.first.wait_for()
    assert any("09 Sampling" in text for text in links.all_inner_texts())
    tab.get_by_role("searchbox").fill("xylophone")
    tab.get_by_text("“xylophone” stands nowhere in the book").wait_for()
    assert links.count() == 0
    tab.context.close()
    assert problems == []


def test_on_paper_folds_are_open_and_the_page_is_light(learner_book, browser):
    tab, problems = opened(browser, color_scheme="dark")
    tab.goto((learner_book / "notebooks" / "04_attention.html").as_uri())
    theme, closed = "document.documentElement.dataset.theme", "details:not([open])"
    before = tab.locator(closed).count()
    assert tab.evaluate(theme) == "dark" and before > 10
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    tab.emulate_media(media="print")
    assert tab.evaluate(theme) == "light" and tab.locator(closed).count() == 0
    for gone in (
        ".bd-sidebar-primary",
        ".bd-header-article",
        ".course-figure",
        ".prev-next-footer",
    ):
        assert not tab.locator(gone).first.is_visible(), gone
    assert tab.locator(".course-figure-picture").first.is_visible()
    assert tab.get_by_role("heading", name="04 Attention").is_visible()
    wide = (
        "[...document.querySelectorAll('article pre')].filter(p => p.scrollWidth > p.clientWidth)"
    )
    assert tab.evaluate(f"{wide}.length") == 0
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate(theme) == "dark" and tab.locator(closed).count() == before
    tab.context.close()
    assert problems == []


def test_a_figure_leads_to_its_file_which_can_be_enlarged(learner_book, browser):
    tab, _ = opened(browser, 390)
    tab.goto((learner_book / "notebooks" / "06_blocks.html").as_uri())
    links = tab.locator("a.figure-link")
    assert links.count() > 0
    links.first.click()
    tab.wait_for_url("**/_images/*.png")
    tab.context.close()
