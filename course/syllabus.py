"""The order of the course and its facts, written from syllabus.yml to the places that show them."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from nbformat import NotebookNode

from course.notebook import chapters, label, notebook_text, read_notebook, store
from course.paths import ROOT

SOURCE = "course/syllabus.yml"
COMMAND = "minigpt syllabus"
DEPTHS = ("running", "complete")
ROLES = ("write-first", "transfer")
INSTRUCTORS = "For instructors"
KEPT_APART = ("Solutions", INSTRUCTORS)  # parts of the book that learners do not get
BEGIN, END = "<!-- syllabus:begin -->", "<!-- syllabus:end -->"


@dataclass(frozen=True)
class Exercise:
    """One exercise of a chapter."""

    id: str  # "4.2"
    title: str
    minutes: int
    more: bool = False  # outside the core set
    role: str = ""  # one of ROLES, or none


@dataclass(frozen=True)
class Objective:
    """What a chapter teaches, and the exercises that check it."""

    text: str
    exercises: tuple[str, ...]


@dataclass(frozen=True)
class Chapter:
    """One chapter as the syllabus describes it."""

    part: str
    notebook: str  # "04_attention"
    title: str
    depth: str
    core: int  # minutes
    all: int  # minutes, with the sections marked More
    needs: tuple[str, ...]  # numbers of earlier chapters
    modules: tuple[str, ...]
    exercises: tuple[Exercise, ...]
    objectives: tuple[Objective, ...]

    @property
    def number(self) -> str:
        """The chapter's number: "04"."""
        return self.notebook[:2]

    @property
    def name(self) -> str:
        """Number and title: "04 Attention"."""
        return f"{self.number} {self.title}"

    @property
    def exercise_minutes(self) -> tuple[int, int]:
        """Minutes for the core exercises, and for all of them."""
        core = sum(exercise.minutes for exercise in self.exercises if not exercise.more)
        return core, sum(exercise.minutes for exercise in self.exercises)


@dataclass(frozen=True)
class Syllabus:
    """The chapters, and the other pages of the book: before them, after them, for instructors."""

    pages: tuple[str, ...]
    appendix: tuple[str, ...]
    instructor: tuple[str, ...]
    chapters: tuple[Chapter, ...]


def load(root: Path = ROOT) -> Syllabus:
    """Read the syllabus.

    Raises:
        ValueError: a missing or wrong entry; the message names the chapter.
    """
    try:
        content = yaml.safe_load((root / SOURCE).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{SOURCE} is no YAML: {' '.join(str(error).split())}") from None
    found: list[Chapter] = []
    for part in content["parts"]:
        for entry in part["chapters"]:
            try:
                found.append(_chapter(part["title"], entry, found))
            except (KeyError, TypeError, ValueError) as error:
                name = entry.get("notebook", entry)
                raise ValueError(
                    f"{SOURCE}, chapter {name}: {error!s} is missing or wrong"
                ) from None
    pages, appendix, instructor = (
        tuple(content.get(part) or ()) for part in ("pages", "appendix", "instructor")
    )
    return Syllabus(pages, appendix, instructor, tuple(found))


def _chapter(part: str, entry: dict, before: list[Chapter]) -> Chapter:
    chapter = Chapter(
        part=part,
        notebook=entry["notebook"],
        title=entry["title"],
        depth=entry["depth"],
        core=entry["minutes"]["core"],
        all=entry["minutes"]["all"],
        needs=tuple(entry["needs"]),
        modules=tuple(entry["modules"]),
        exercises=tuple(Exercise(**exercise) for exercise in entry.get("exercises", ())),
        objectives=tuple(
            Objective(each["text"], tuple(each["exercises"]))
            for each in entry.get("objectives", ())
        ),
    )
    known = {exercise.id for exercise in chapter.exercises}
    named = {id for objective in chapter.objectives for id in objective.exercises}
    if chapter.depth not in DEPTHS:
        raise ValueError(f"depth {chapter.depth!r} (one of {', '.join(DEPTHS)})")
    if unknown := {exercise.role for exercise in chapter.exercises} - {"", *ROLES}:
        raise ValueError(f"role {min(unknown)!r} (one of {', '.join(ROLES)})")
    if unknown := set(chapter.needs) - {each.number for each in before}:
        raise ValueError(f"needs {min(unknown)!r} (no earlier chapter)")
    if unknown := named - known:
        raise ValueError(f"objective's exercise {min(unknown)!r}")
    return chapter


def run(check: bool = False, only: list[str] | None = None, root: Path = ROOT) -> list[str]:
    """Write everything that is generated from the syllabus, or with `check` compare it.

    Args:
        only: chapters whose cells to write; the table of contents and README are always written.
    Returns:
        problems, one line each; none means that all is well.
    """
    try:
        syllabus = load(root)
        wanted = {path.stem for path in chapters(root / "notebooks", only)}
        problems = _contents(syllabus, check, root) + _readme(syllabus, check, root)
        for chapter in syllabus.chapters:
            path = root / "notebooks" / f"{chapter.notebook}.ipynb"
            if not path.exists():
                problems.append(
                    f"{SOURCE} lists {chapter.notebook}, which is not in notebooks/. Mend: write it"
                )
            elif path.stem in wanted:
                problems += _cells(chapter, syllabus, path, check, root)
        for path in chapters(root / "notebooks"):
            if path.stem not in {chapter.notebook for chapter in syllabus.chapters}:
                problems.append(f"{label(path, root=root)} is not in {SOURCE}. Mend: list it there")
    except ValueError as error:
        return [str(error)]
    return problems


def _contents(syllabus: Syllabus, check: bool, root: Path) -> list[str]:
    first, *pages = syllabus.pages
    parts: dict[str, list[str]] = {"": pages}
    for chapter in syllabus.chapters:
        parts.setdefault(chapter.part, []).append(f"notebooks/{chapter.notebook}")
    for folder in ("exercises", "solutions"):
        parts[folder.capitalize()] = [
            f"{folder}/{chapter.notebook}"
            for chapter in syllabus.chapters
            if (root / "solutions" / f"{chapter.notebook}.ipynb").exists()
        ]
    parts["Appendix"] = list(syllabus.appendix)
    parts[INSTRUCTORS] = list(syllabus.instructor)
    toc = {
        "format": "jb-book",
        "root": first,
        "parts": [
            ({"caption": caption} if caption else {}) | {"chapters": [{"file": f} for f in files]}
            for caption, files in parts.items()
            if files
        ],
    }
    text = f"# Generated from {SOURCE} by `{COMMAND}`; edit that file, not this one.\n"
    text += yaml.safe_dump(toc, sort_keys=False, allow_unicode=True)
    return store(root / "book" / "_toc.yml", text, check, SOURCE, COMMAND, root)


def _readme(syllabus: Syllabus, check: bool, root: Path) -> list[str]:
    path = root / "README.md"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        return [f"README.md: mend by adding a line {BEGIN} and after it a line {END}"]
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    table = table_text(syllabus)
    return store(path, f"{before}{BEGIN}\n{table}{END}{after}", check, SOURCE, COMMAND, root)


def table_text(syllabus: Syllabus) -> str:
    """The syllabus as a Markdown table: chapter, what it builds, minutes, and those of all."""
    rows = ["| chapter | you build | to read, minutes (core) | exercises | to do, minutes (core) |"]
    rows.append("|---|---|---|---|---|")
    for chapter in syllabus.chapters:
        link = f"[{chapter.name}](notebooks/{chapter.notebook}.ipynb)"
        builds = ", ".join(f"`{module}`" for module in chapter.modules) or "–"
        reading = _minutes(chapter.core, chapter.all)
        exercises = _minutes(*chapter.exercise_minutes)
        rows.append(f"| {link} | {builds} | {reading} | {_span(chapter) or '–'} | {exercises} |")
    times = ((each.core, each.all, *each.exercise_minutes) for each in syllabus.chapters)
    core, every, *of_exercises = (sum(column) for column in zip(*times, strict=True))
    rows.append(f"| in all | | {_minutes(core, every)} | | {_minutes(*of_exercises)} |")
    return "\n".join(rows) + "\n"


def _minutes(core: int, every: int) -> str:
    """The minutes of all, and of the core: "35 (25)"."""
    return f"{every} ({core})"


def _span(chapter: Chapter) -> str:
    """The chapter's exercises: "4.1–4.7", or nothing."""
    ids = [exercise.id for exercise in chapter.exercises]
    return f"{ids[0]}–{ids[-1]}" if len(ids) > 1 else "".join(ids)


def facts(chapter: Chapter, syllabus: Syllabus) -> str:
    """The line under a chapter's title: minutes, what it needs, what it builds, its exercises."""
    parts = [f"reading {chapter.all} minutes (core {chapter.core})"]
    needed = [
        f"[{each.name}]({each.notebook}.ipynb)"
        for each in syllabus.chapters
        if each.number in chapter.needs
    ]
    if needed:
        parts.append(f"needs {' and '.join(needed)}")
    if chapter.modules:
        parts.append("builds " + " and ".join(f"`{module}`" for module in chapter.modules))
    if chapter.exercises:
        core, minutes = chapter.exercise_minutes
        link = f"[{_span(chapter)}](../exercises/{chapter.notebook}.ipynb)"
        parts.append(f"exercises {link}, {minutes} minutes (core {core})")
    return f"*{' · '.join(parts)}*"


def objectives(chapter: Chapter) -> str:
    """A chapter's list of objectives, each with the exercises that check it."""
    extra = {exercise.id for exercise in chapter.exercises if exercise.more}
    named = [
        ", ".join(f"{id} · More" if id in extra else id for id in each.exercises)
        for each in chapter.objectives
    ]
    lines = [f"- {each.text} ({ids})" for each, ids in zip(chapter.objectives, named, strict=True)]
    link = f"[exercises](../exercises/{chapter.notebook}.ipynb)"
    intro = f"**What you will be able to do**, and the {link} that check it:"
    return "\n".join([intro, "", *lines])


def _cells(chapter: Chapter, syllabus: Syllabus, path: Path, check: bool, root: Path) -> list[str]:
    """Fill the generated cells of one chapter, or compare them; the rest stays untouched."""
    notebook = read_notebook(path)
    texts = {"facts": facts(chapter, syllabus)}
    if chapter.objectives:
        texts["objectives"] = objectives(chapter)
    changed = [cell for cell in notebook.cells if _fill(cell, texts)]
    if not changed:
        return []
    if check:
        return [
            f"{label(path, cell, root)}: differs from what {SOURCE} gives. "
            f"Mend: {COMMAND} {chapter.number}"
            for cell in changed
        ]
    return store(path, notebook_text(notebook), check, SOURCE, COMMAND, root)


def _fill(cell: NotebookNode, texts: dict[str, str]) -> bool:
    """Put a generated text into the cell that shows it; tell whether that changed the cell."""
    text = texts.get(cell.get("id"), cell.source)
    changed = cell.source != text
    cell.source = text
    return changed
