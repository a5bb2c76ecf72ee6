"""What Sphinx learns about this course while it renders the book; the notebooks stay as they are.

- Each name of the library, in a text or called in a cell, is a link to the cell that builds it.
- Links that name an exercise, and the exercises of each objective, lead to that exercise.
- Figures and equations are numbered by chapter: Figure 4.1, (4.1).
- A picture without a text in its place is a warning, and so fails the build.
- The repository's address, where one is set, turns on the buttons that need it.

Directives for pages are in `course.book_directives`.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from course import book_directives
from course.book import CELL
from course.book_names import Book

logger = logging.getLogger(__name__)

EXERCISE = re.compile(r"(?:exercise )?(\d+\.\d+)", re.IGNORECASE)
ID = re.compile(r"\b\d+\.\d+\b")
CALLED = re.compile(
    r'(?<!<span class="o">\.</span>)<span class="n">(\w+)</span>(?=<span class="p">\()'
)
UNLINKED = (nodes.reference, nodes.title, nodes.caption)
BINDER = "https://mybinder.org"


# Reading: anchors, and what is wrong with the page


def mark(app: Sphinx, doctree: nodes.document) -> None:
    """Give cells, exercises and equations the ids that links lead to; complain of mute pictures."""
    page, book = app.env.docname, app.course_book
    cells = {node["cell_index"]: node for node in cell_nodes(doctree)}
    for name, built in book.library.items():
        if built.page == page:
            _anchor(app, cells[built.cell], f"lib-{name}")
    if page.startswith(("exercises/", "solutions/")):
        for section in doctree.findall(nodes.section):
            if match := ID.match(section[0].astext()):
                _anchor(app, section, exercise_anchor(match[0]))
    for cell in cells.values():
        _gather_figure(app, cell)
    if page.startswith("notebooks/"):
        for count, equation in enumerate(doctree.findall(nodes.math_block), start=1):
            equation["number"] = count
            equation["ids"] = equation["ids"] or [f"equation-{count}"]
    _mute(doctree)


def _gather_figure(app: Sphinx, cell: nodes.container) -> None:
    """Put all that a captioned cell shows into one figure; #fig-… and the cell's id leads there.

    MyST-NB wraps each output in a figure of its own. What is interactive comes after its picture,
    which gives way to it, and the caption stands below both.
    """
    first, *others = captioned(cell) or [None]
    for figure in others:
        shown = [child for child in figure if not isinstance(child, (nodes.caption, nodes.legend))]
        figure.parent.remove(figure)
        for child in shown:
            first.insert(first.first_child_matching_class(nodes.caption), child)
    if first is not None:
        notes = app.course_book.notes[app.env.docname]
        _anchor(app, first, f"fig-{notes.ids[cell['cell_index']]}")
        first["ids"].insert(0, first["ids"].pop())  # the one that its permalink shows


def captioned(part: nodes.Element) -> list[nodes.figure]:
    """The figures with a caption in a part of a page."""
    every = part.findall(nodes.figure)
    return [each for each in every if each.first_child_matching_class(nodes.caption) is not None]


def cell_nodes(doctree: nodes.document) -> list[nodes.container]:
    """The code cells of a page."""
    return [n for n in doctree.findall(nodes.container) if n.get("nb_element") == "cell_code"]


def exercise_anchor(id: str) -> str:
    """The anchor of an exercise on its page: "exercise-4-2"."""
    return f"exercise-{id.replace('.', '-')}"


def _anchor(app: Sphinx, node: nodes.Element, id: str) -> None:
    """Add an id to a node, and let links of Markdown, page.md#id, find it."""
    node["ids"].append(id)
    slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    slugs[id] = (node.line, id, id)


def _mute(doctree: nodes.document) -> None:
    """Warn of every picture that has no text in its place."""
    mend = "say what it shows, in ![…](file) or in the cell's metadata"
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            where = next((n for n in (image, *_parents(image)) if n.line), image)
            logger.warning("a picture without a text in its place: %s", mend, location=where)
    for raw in doctree.findall(nodes.raw):
        for tag in re.findall(r"<img\b[^>]*>", raw.astext()):
            if not re.search(r"""\balt=(["']).*?\S.*?\1""", tag):
                logger.warning("a picture without a text in its place: %s", mend, location=raw)


def _parents(node: nodes.Node) -> Iterator[nodes.Node]:
    while node.parent is not None:
        yield (node := node.parent)


def number(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Number the figures and equations of each chapter, and nothing else."""
    env.toc_fignumbers = {page: {"figure": {}, "displaymath": {}} for page in env.found_docs}
    for page, numbers in env.toc_fignumbers.items():
        if page.startswith("notebooks/"):
            doctree, chapter = env.get_doctree(page), int(page.split("/")[1][:2])
            found = captioned(doctree), doctree.findall(nodes.math_block)
            for kind, every in zip(numbers, found, strict=True):
                numbers[kind] = {n["ids"][0]: (chapter, i) for i, n in enumerate(every, start=1)}
    return []


# Writing: links


def link(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Turn the names of the library and of exercises on a page into links."""
    book: Book = app.course_book

    def address(target: str, anchor: str) -> str:
        same = target == page
        return f"#{anchor}" if same else f"{app.builder.get_relative_uri(page, target)}#{anchor}"

    def built(name: str) -> str:
        return address(book.library[name].page, f"lib-{name}")

    for literal in list(doctree.findall(nodes.literal)):
        is_free = not any(isinstance(parent, UNLINKED) for parent in _parents(literal))
        if is_free and (name := book.find(literal.astext(), page)):
            made = nodes.reference("", "", internal=True, refuri=built(name), classes=["lib"])
            literal.parent.replace(literal, made)
            made += literal
    for cell in cell_nodes(doctree) if page in book.notes else ():
        names = book.notes[page].calls.get(cell["cell_index"], ())
        for code in list(cell.findall(nodes.literal_block))[:1]:
            code["library"] = {name: built(name) for name in sorted(names)}
    _link_exercises(doctree, page, book, address)


def _link_exercises(
    doctree: nodes.document, page: str, book: Book, address: Callable[[str, str], str]
) -> None:
    """Let a link that names an exercise lead to it, and link the exercises of the objectives."""
    for reference in doctree.findall(nodes.reference):
        uri, match = reference.get("refuri", ""), EXERCISE.fullmatch(reference.astext())
        to = re.fullmatch(r"(?:.*/)?exercises/(\w+)\.html|(\w+)\.html", uri) if match else None
        if not to or not (to[1] or page.startswith("exercises/")):
            continue
        if book.exercises.get(match[1]) != (to[1] or to[2]):
            logger.warning("there is no exercise %s on %s", match[1], uri, location=reference)
        reference["refuri"] = f"{uri}#{exercise_anchor(match[1])}"
    if page not in book.notes or "objectives" not in book.notes[page].ids:
        return
    first = (book.notes[page].ids.index("objectives") + 1) * CELL
    for paragraph in list(doctree.findall(nodes.paragraph)):
        if first <= (paragraph.line or 0) < first + CELL and isinstance(
            paragraph.parent, nodes.list_item
        ):
            for text in list(paragraph.findall(nodes.Text)):
                text.parent.replace(text, list(_with_links(text.astext(), book, address)))


def _with_links(text: str, book: Book, address: Callable) -> Iterator[nodes.Node]:
    """A text with each exercise in it as a link."""
    at = 0
    for match in ID.finditer(text):
        if match[0] in book.exercises:
            uri = address(f"exercises/{book.exercises[match[0]]}", exercise_anchor(match[0]))
            yield nodes.Text(text[at : match.start()])
            yield nodes.reference("", match[0], internal=True, refuri=uri)
            at = match.end()
    yield nodes.Text(text[at:])


def write_code(translator: nodes.NodeVisitor, node: nodes.literal_block) -> None:
    """Write a block of code as the theme does, then turn calls of the library into links."""
    uris = node.get("library", {})

    def call(match: re.Match) -> str:
        uri = uris.get(match[1])
        return f'<a class="lib" href="{uri}">{match[0]}</a>' if uri else match[0]

    try:
        type(translator).visit_literal_block(translator, node)
    finally:  # it ends by raising SkipNode
        translator.body[-1] = CALLED.sub(call, translator.body[-1])


# Settings


def buttons(app: Sphinx, config: Config) -> None:
    """Show the repository's buttons where its address is set.

    Binder installs the course as it is in the repository. Colab opens a single notebook, which
    would not find the library, so no button leads there.
    """
    options = config.html_theme_options
    has_address = bool(options.get("repository_url"))
    options["use_repository_button"] = options["use_issues_button"] = has_address
    options["launch_buttons"] = {"notebook_interface": "jupyterlab"}
    if has_address:
        options["launch_buttons"]["binderhub_url"] = BINDER


def read_sources(app: Sphinx) -> None:
    """Read the notebooks and the syllabus before any page."""
    app.course_book = Book(Path(app.srcdir))


def setup(app: Sphinx) -> dict:
    """Connect all of this to Sphinx."""
    app.connect("config-inited", buttons, priority=100)  # before the theme reads them
    app.connect("builder-inited", read_sources)
    app.connect("doctree-read", mark)
    app.connect("env-get-updated", number, priority=900)  # after Sphinx's own numbering
    app.connect("doctree-resolved", link)
    app.add_node(nodes.literal_block, override=True, html=(write_code, None))
    book_directives.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
