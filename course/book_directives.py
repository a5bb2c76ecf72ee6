"""Directives for pages of the book: what they show is read from the sources at each build.

`{course-pipeline}`, `{course-ladder}`, `{course-guessing}` and `{course-hours}` are for the front
page, `{course-timing}` and `{course-map}` for instructors; these take no argument.
`{course-misconceptions} 04` holds the known mistakes of a chapter.
"""

import math
import re
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course import syllabus
from course.figures import AFTER, BEFORE, BLOCK, STAGES, VISIBLE
from course.notebook import label, read_notebook
from course.syllabus import Chapter

RUNGS = ("uniform", "unigram", "bigram", "one head", "5-gram")  # of chapter 05, as it prints them
WRITTEN = 56  # characters of a line that the ladder shows
PLUS = r"\+"  # an item of a list; alone, the sign would begin one
ROW, LEFT = 30, 92  # of the map, in its own units


class Directive(SphinxDirective):
    """A directive whose content is Markdown that it writes itself."""

    def run(self) -> list[nodes.Node]:
        """The Markdown's nodes, in one container with the directive's name as its class."""
        made = nodes.container(classes=[self.name])
        lines = StringList(self.markdown().splitlines(), source=self.get_source_info()[0])
        self.state.nested_parse(lines, 0, made)
        return [made]

    @property
    def root(self) -> Path:
        """The checkout whose book is rendered."""
        return Path(self.env.srcdir)

    def cell(self, name: str, id: str) -> NotebookNode:
        """A cell of a notebook as it is stored; the page depends on it."""
        path = self.root / name
        self.env.note_dependency(name)
        for cell in read_notebook(path).cells:
            if cell.get("id") == id:
                return cell
        raise self.error(f"{label(path, root=self.root)} has no cell {id!r}, which the page shows")

    def printed(self, name: str, id: str) -> str:
        """What a stored cell printed."""
        outputs = self.cell(name, id).outputs
        return "".join(output.text for output in outputs if output.output_type == "stream")


class Pipeline(Directive):
    """The way from text to the next token; each box leads to the chapter that builds it."""

    def markdown(self) -> str:
        """A list, with the block's parts as a list of their own."""
        chapters = dict(zip(STAGES, syllabus.load(self.root).chapters, strict=False))

        def items(boxes: list[tuple[str, str, str]], indent: str = "") -> list[str]:
            return [
                f"{indent}1. {linked(chapters[owner], text) if text != '+' else PLUS}"
                for _, text, owner in boxes
            ]

        repeat = f"1. {linked(chapters['model'], 'N ×')}"
        return "\n".join([*items(BEFORE), repeat, *items(BLOCK, "   "), *items(AFTER)])


class Ladder(Directive):
    """A line of text from each rung, as chapters 05 and 08 store it, with its bits a character."""

    def markdown(self) -> str:
        """A table, from the blind guess to the GPT."""
        printed = self.printed("notebooks/05_baselines.ipynb", "wall")
        lines = re.findall(r"^([\d.]+)  (.{10})  (.*)$", printed, re.MULTILINE)
        counted = {name.rstrip(): (float(nats), line) for nats, name, line in lines}
        rows = [(name, *counted[name]) for name in RUNGS] + [("mini-GPT", *self._finished())]
        table = ["| model | bits per character | what it writes |", "|---|--:|---|"]
        for name, nats, line in rows:
            table.append(f"| {name} | {nats / math.log(2):.2f} | `{line[:WRITTEN]}` |")
        return "\n".join(table)

    def _finished(self) -> tuple[float, str]:
        """What chapter 08's GPT scores in nats, and what it wrote after the prompt."""
        text = self.printed("notebooks/08_training.ipynb", "ladder")
        score = re.search(r"^mini-GPT: ([\d.]+) nats.*\n\S+ ", text, re.MULTILINE)
        return float(score[1]), text[score.end() :].rstrip("\n").replace("\n", VISIBLE["\n"])


class Guessing(Directive):
    """You against the model, as chapter 00 shows it: its picture, and the figure in its place."""

    def run(self) -> list[nodes.Node]:
        """Both outputs as they are stored."""
        cell = self.cell("notebooks/00_start_here.ipynb", "you-against-the-model")
        kinds = {kind: value for output in cell.outputs for kind, value in output.data.items()}
        alt = escape(cell.metadata["mystnb"]["image"]["alt"], quote=True)
        picture = f'<img alt="{alt}" src="data:image/png;base64,{kinds["image/png"].strip()}">'
        html = f'<div class="{self.name} cell">{picture}<div>{kinds["text/html"]}</div></div>'
        return [nodes.raw("", html, format="html")]


class Hours(Directive):
    """How long the course takes: minutes of each chapter, and hours of all."""

    def markdown(self) -> str:
        """A sentence with the totals, and a table to unfold."""
        chapters = syllabus.load(self.root).chapters
        core, more = (sum(sum(minutes(each)[i::2]) for each in chapters) for i in (0, 1))
        head = [row("chapter", "reading, core", "all", "exercises, core", "all")]
        head += [row("---", *["--:"] * 4)]
        rows = [row(linked(each), *map(str, minutes(each))) for each in chapters]
        sums = [hours(sum(column)) for column in zip(*map(minutes, chapters), strict=True)]
        said = f"The core takes about {hours(core)} hours, reading and exercises together; "
        said += f"with everything marked More it is {hours(more)}."
        fold = "<details><summary>Minutes of each chapter</summary>"
        table = [*head, *rows, row("**hours in all**", *sums)]
        return "\n".join([said, "", fold, "", *table, "", "</details>"])


class Timing(Directive):
    """The instructors' table: what each chapter takes, needs and builds."""

    def markdown(self) -> str:
        """A table with a line for each chapter."""
        chapters = syllabus.load(self.root).chapters
        head = ["chapter", "reading (core)", "exercises (core)", "needs", "builds"]
        table = [row(*head), row(*["---"] * len(head))]
        for each in chapters:
            core, whole, core_exercises, exercises = minutes(each)
            builds = ", ".join(f"`{module}`" for module in each.modules) or "–"
            needs = ", ".join(each.needs) or "–"
            times = f"{whole} ({core})", f"{exercises} ({core_exercises})"
            table.append(row(linked(each), *times, needs, builds))
        return "\n".join(table)


class Map(Directive):
    """Which chapter needs which, as a drawing: an arc leads from a chapter to what it needs."""

    def run(self) -> list[nodes.Node]:
        """The drawing, its colours those of the text, with the same said in words."""
        chapters = syllabus.load(self.root).chapters
        at = {each.number: i * ROW + ROW // 2 for i, each in enumerate(chapters)}
        said = ". ".join(
            f"{each.name} needs {' and '.join(each.needs) or 'nothing'}" for each in chapters
        )
        parts = [arc(at[need], at[each.number]) for each in chapters for need in each.needs]
        for each in chapters:
            y = at[each.number]
            parts.append(f'<circle cx="{LEFT}" cy="{y}" r="5" fill="currentColor"/>')
            place = f'x="{LEFT + 16}" y="{y + 5}" fill="currentColor"'
            parts.append(f"<text {place}>{escape(each.name)}</text>")
        drawing = (
            f'<svg class="{self.name}" role="img" aria-label="{escape(said, quote=True)}." '
            f'viewBox="0 0 280 {len(chapters) * ROW}" width="280" font-size="15" '
            f'style="max-width:100%;height:auto">{"".join(parts)}</svg>'
        )
        return [nodes.raw("", drawing, format="html")]


class Misconceptions(Directive):
    """Every mistake that the checks of a chapter know; its number is the argument."""

    required_arguments = 1

    def markdown(self) -> str:
        """The chapter's part of the catalogue."""
        from course import catalogue  # loads torch and every check

        number = self.arguments[0]
        self.env.note_dependency(f"course/checks/ch{number}.py")
        return catalogue.markdown(number)


def arc(top: int, bottom: int) -> str:
    """A line between two chapters; the further apart, the wider its bow."""
    bow = LEFT - (bottom - top - ROW) * 1.1 - 4
    return (
        f'<path d="M{LEFT} {top} C{bow:.0f} {top} {bow:.0f} {bottom} {LEFT} {bottom}" '
        'fill="none" stroke="currentColor" stroke-width="2" opacity="0.6"/>'
    )


def linked(chapter: Chapter, text: str | None = None) -> str:
    """A link to a chapter, from wherever it stands."""
    return f"{{doc}}`{text or chapter.name} </notebooks/{chapter.notebook}>`"


def minutes(chapter: Chapter) -> tuple[int, int, int, int]:
    """Reading core and all, exercises core and all."""
    return chapter.core, chapter.all, *chapter.exercise_minutes


def hours(total: int) -> str:
    """Minutes as hours, to half an hour: "19½"."""
    halves = round(total / 30)
    return f"{halves // 2}{'½' if halves % 2 else ''}"


def row(*cells: str) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def setup(app: Sphinx) -> None:
    """Add the directives."""
    for directive in (Pipeline, Ladder, Guessing, Hours, Timing, Map, Misconceptions):
        app.add_directive(f"course-{directive.__name__.lower()}", directive)
