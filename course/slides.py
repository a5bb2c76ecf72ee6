"""Decks of slides for a class, made from the cells of a chapter that are tagged for it.

A cell tagged `slide` begins a slide, and those tagged `slide-continue` go on with it. A deck is one
HTML file that asks for nothing from outside itself: reveal.js, the mathematics and all pictures
stand in it. A slide shows less than the page does: of a text the heading, the first paragraph,
lists, tables, formulas and the question of a prediction; of code no docstrings; of a figure the
figure alone. All of the text, up to the next slide, is in the speaker's notes.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course.files import write_atomic
from course.notebook import (
    body,
    chapters,
    docstring_node,
    exported_module,
    label,
    read_notebook,
    tags,
)
from course.paths import BOOK, ROOT

OUT = BOOK / "_build" / "slides"
TEMPLATE = Path(__file__).with_name("slides.html")
START, GO_ON = "slide", "slide-continue"
QUESTION = "*Predict, then run:*"
REVEAL = ("sphinx_revealjs", "_static/revealjs")  # a package that brings reveal.js
PROGRAMS = ("dist/reveal.js", "plugin/notes/notes.js", "plugin/zoom/zoom.js")
MATHJAX = ("sphinx-mathjax-offline", "static/mathjax/tex-svg.js")
STYLES = {"light": "a11y-high-contrast-light", "dark": "a11y-high-contrast-dark"}
# What a slide shows of a text beside its heading and first paragraph, by the parser's names.
SHOWN = ("math_block", "table_open", "bullet_list_open", "ordered_list_open")


def run(only: list[str] | None = None, out: Path = OUT, root: Path = ROOT) -> Iterator[str]:
    """Write the decks of all chapters, or of those in `only`.

    Yields:
        a line for each deck: where it lies and how many slides it has.
    Raises:
        ValueError: no such chapter, or one without slides.
    """
    for path in chapters(root / "notebooks", only):
        made = slides(read_notebook(path))
        if not made:
            raise ValueError(f"{label(path, root=root)} has no cell tagged `{START}`; tag some")
        file = out / f"{path.stem}.html"
        write_atomic(file, deck(path.stem[3:].replace("_", " ").capitalize(), made))
        yield f"{file}: {len(made)} slides"


def slides(notebook: NotebookNode) -> list[str]:
    """The slides of a chapter, each as HTML."""
    groups: list[list[NotebookNode]] = []  # a slide's cells, and its notes' cells behind them
    headings, heading = [], ""
    for cell in notebook.cells:
        if START in tags(cell):
            groups.append([])
            headings.append(heading)
        if groups:
            groups[-1].append(cell)
        if cell.cell_type == "markdown":
            heading = _heading(cell.source) or heading
    pairs = zip(groups, headings, strict=True)
    return [_slide(cells, over, cells is groups[-1]) for cells, over in pairs]


def _heading(source: str) -> str:
    """The last heading of a text, as Markdown; nothing if it has none."""
    found = [group for group in _blocks(source) if group[0].type == "heading_open"]
    return found[-1][1].content if found else ""


def _slide(cells: list[NotebookNode], over: str, is_last: bool) -> str:
    """A slide with its notes; under the heading of its section if it has none of its own."""
    shown = [cell for cell in cells if tags(cell) & {START, GO_ON}]
    parts = [_text(c.source) if c.cell_type == "markdown" else _code(c) for c in shown]
    first = shown[0]
    if first.cell_type != "markdown" or not _heading(first.source):
        module = exported_module(first)
        parts.insert(
            0, _markdown().render(f"### `minigpt_lib.{module}`" if module else f"### {over}")
        )
    texts = [c.source for c in (shown if is_last else cells) if c.cell_type == "markdown"]
    notes = _markdown().render("\n\n".join(texts))
    kind = ' class="opening"' if first.id == "title" else ""
    box = f'<div class="fit">{"".join(parts)}</div>'
    return f'<section{kind}>{box}<aside class="notes">{notes}</aside></section>'


def _text(source: str) -> str:
    """What a slide shows of a text: what stands under its last heading, much shortened."""
    groups = _blocks(source)
    starts = [i for i, group in enumerate(groups) if group[0].type == "heading_open"]
    start = starts[-1] if starts else 0
    kept, has_paragraph = [], False
    for group in groups[start:]:
        kind, text = group[0].type, group[1].content if len(group) > 1 else ""
        is_question = text.startswith(QUESTION)
        if kind == "paragraph_open" and not has_paragraph:
            has_paragraph = True
        elif kind != "heading_open" and kind not in SHOWN and not is_question:
            continue
        kept += group
    parser = _markdown()
    return parser.renderer.render(kept, parser.options, {})


def _blocks(source: str) -> list[list[Token]]:
    """The tokens of a text, in one group for each paragraph, list, table or heading."""
    groups: list[list[Token]] = []
    for token in _markdown().parse(source):
        if token.level == 0 and token.nesting >= 0:
            groups.append([])
        groups[-1].append(token)
    return groups


def _markdown() -> MarkdownIt:
    """The book's own parser; a link stays only if it leads somewhere from a slide."""
    parser = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, renderer=_math)
    for rule in ("link_open", "link_close"):
        parser.add_render_rule(rule, lambda *args: "")
    return parser


def _math(content: str, options: dict) -> str:
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    return f'<span class="math">{left}{escape(content)}{right}</span>'


def _code(cell: NotebookNode) -> str:
    """A code cell with what it gave; of a figure the figure alone.

    What the page folds comes one step later: the outputs of predictions.
    """
    outputs = "".join(_output(output, cell) for output in cell.outputs)
    if outputs and any("data" in output for output in cell.outputs):
        source = ""
    else:
        source = highlight(_short(body(cell)), PythonLexer(), HtmlFormatter())
    later = " fragment" if "hide-output" in tags(cell) else ""
    return f'{source}<div class="cell{later}">{outputs}</div>' if outputs else source


def _short(source: str) -> str:
    """A source text without the docstrings of its functions and classes."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if text := docstring_node(node):
            lines[text.lineno - 1 : text.end_lineno] = [None] * (text.end_lineno - text.lineno + 1)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line for line in lines if line is not None))


def _output(output: NotebookNode, cell: NotebookNode) -> str:
    """One output: text as it is printed, a page as it is, a picture with its alternative text."""
    data = output.get("data", {})
    if "text/html" in data:
        inner = data["text/html"]
    elif "image/png" in data:
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        source = "".join(data["image/png"].split())
        inner = f'<img src="data:image/png;base64,{source}" alt="{escape(alt)}">'
    else:
        inner = f"<pre>{escape(output.get('text') or data.get('text/plain', ''))}</pre>"
    return f'<div class="output">{inner}</div>'


def deck(title: str, made: list[str]) -> str:
    """The whole page: slides, look and program."""
    text = "\n".join(made)
    styles = [_asset(REVEAL, "dist/reset.css"), _asset(REVEAL, "dist/reveal.css")]
    # The figures have a class of this name too, which is none of reveal.js's business.
    styles[1] = re.sub(r"\.controls(?![-\w])", "aside.controls", styles[1])
    for theme, style in STYLES.items():
        place = f'[data-theme="{theme}"] .highlight'
        styles.append(HtmlFormatter(style=style).get_style_defs(place))
    programs = [_asset(REVEAL, name) for name in PROGRAMS]
    if 'class="math"' in text:
        programs.append(_asset(MATHJAX))
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        slides=text,
        styles="\n".join(styles),
        programs="\n".join(f"<script>{_inline(program)}</script>" for program in programs),
    )


def _inline(program: str) -> str:
    """A program as it may stand in a page: no end of a script inside it, no map to look for."""
    program = re.sub(r"^//# sourceMappingURL=.*$", "", program, flags=re.MULTILINE)
    return program.replace("</script", r"<\/script")


def _asset(place: tuple[str, str], name: str = "") -> str:
    """A file that an installed package brings.

    Raises:
        ValueError: the package is not installed.
    """
    package, folder = place
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ValueError(f"slides need {package}: python -m pip install -r requirements.txt")
    return (Path(found.submodule_search_locations[0]) / folder / name).read_text(encoding="utf-8")
