"""Sphinx extension for what the book's look needs at build time: texts to search, labels of folds.

Sphinx's own search fetches pages to show excerpts of them, which a browser forbids in a book that
is opened from a file. Here the text of every section is written into one script instead; the
search itself is in book/_static/search.js.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from course.files import write_atomic

TEXTS = "_static/search_texts.js"
# What a reader would not search for, or would find as source: pages' HTML, formulas, outputs.
SILENT = (nodes.raw, nodes.math_block, nodes.image, nodes.comment, nodes.title)
MARKER = re.compile(r"^#\| .*$", re.MULTILINE)  # of exported cells
FOLDS = {"above-input": "Show the code", "below-input": "Show the output"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", _switch_off_search)
    app.connect("html-collect-pages", lambda app: [("search", {}, "search.html")])
    app.connect("build-finished", _write_texts)
    app.add_node(HideCodeCellNode, override=True, html=(_open_fold, depart_HideCellInput))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _switch_off_search(app: Sphinx) -> None:
    app.builder.search = False


def _write_texts(app: Sphinx, failure: Exception | None) -> None:
    if failure or app.builder.format != "html":
        return
    root = app.config.root_doc
    pages = [root, *app.env.toctree_includes.get(root, [])]
    found = [section for page in pages for section in _page(app, page)]
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    write_atomic(Path(app.outdir) / TEXTS, f"const BOOK_TEXTS = {text};\n")


def _page(app: Sphinx, page: str) -> Iterator[dict[str, str]]:
    """The sections of a page: name of the page, own title, place in the book, own text."""
    name, file = app.env.titles[page].astext(), app.builder.get_target_uri(page)
    for section in app.env.get_doctree(page).findall(nodes.section):
        yield {
            "page": name,
            "title": section.next_node(nodes.title).astext(),
            "place": f"{file}#{section['ids'][0]}",
            "text": own_text(section),
        }


def own_text(section: nodes.section) -> str:
    """The words of a section, code last; without sections inside it, outputs and formulas."""
    code: list[str] = []
    prose = _prose(section, code)
    return " ".join([*prose.split(), *" ".join(code).split()])


def _prose(node: nodes.Node, code: list[str]) -> str:
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, SILENT) or "cell_output" in node["classes"]:
        return ""
    if isinstance(node, nodes.math):
        return "…"
    if isinstance(node, nodes.literal_block):
        code.append(MARKER.sub("", node.astext()))
        return ""
    parts = [_prose(child, code) for child in node if not isinstance(child, nodes.section)]
    return ("" if isinstance(node, nodes.Inline | nodes.TextElement) else " ").join(parts)


def _open_fold(self: HTML5Translator, node: HideCodeCellNode) -> None:
    """A folded part of a cell; MyST-NB gives all of them the same name for screen readers."""
    kind = node["classes"][-1]
    self.body.append(f'<details class="admonition hide {kind}">\n')
    self.body.append(f"<summary>{FOLDS.get(kind, 'Show the cell')}</summary>\n")
