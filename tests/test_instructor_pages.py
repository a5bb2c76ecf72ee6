"""The instructor's pages: plans add up, what they name exists, figures stand in the course."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from myst_parser.mdit_to_docutils.base import default_slugify
from test_leaks import with_role

from course import predictions, syllabus
from course.notebook import code_cells, read_notebook
from course.paths import ROOT
from course.syllabus import Chapter

FOLDER = ROOT / "book" / "instructor"
CHAPTERS = {chapter.number: chapter for chapter in syllabus.load().chapters}
EXERCISES = {each.id: each for chapter in CHAPTERS.values() for each in chapter.exercises}
TRANSFER = with_role("transfer")
HEADINGS = [
    "What the class can do afterwards",
    "50 minutes",
    "80 minutes",
    "The board",
    "Three questions to ask aloud",
    "The one demonstration",
    "Two oral questions",
    "Where they get stuck",
    "Prepare",
]
WORDS = 900  # of a chapter's page, without tables and fenced text
FENCE = re.compile(r"^(```+).*?^\1$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
IDS = r"\d\.\d(?: to \d\.\d)?"
LISTED = re.compile(
    rf"[Ee]xercises? ({IDS}(?:(?:, and |, | and | or ){IDS})*)(?: \((\d+) minutes\))?"
)
SPAN = re.compile(r"(\d+)–(\d+)")
FIGURE = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+)(?!\.?\w)")

# Figures that stand nowhere in the chapter: as printed, and how they are worked out.
RAISED = math.exp(1 / math.sqrt(2))  # chapter 04: e to the scaled score of man and dog
TOTAL = 2 * RAISED + 1
WORKED: dict[str, dict[str, float]] = {
    "00": {"0.002": 3.001 - 2.999},
    "04": {
        "0.707": 1 / math.sqrt(2),
        "2.028": RAISED,
        "5.056": TOTAL,
        "0.401": RAISED / TOTAL,
        "0.198": 1 / TOTAL,
        "2.407": (4 + 2) * RAISED / TOTAL,
        "0.791": 4 / TOTAL,
    },
    "05": {
        "2.170": math.log(math.e**2 + 1 + 1 / math.e),
        "37,505": 65 * 64 + (64 + 1) * 256 + (256 + 1) * 65,  # BigramMLP(65, 64)
    },
    "06": {"1.225": 2 / math.sqrt(8 / 3)},
    "07": {  # the preset cpu
        "16,512": (65 + 64) * 128,
        "196,864": 12 * 128**2 + 2 * 128,
        "787,456": 4 * (12 * 128**2 + 2 * 128),
        "804,096": (65 + 64) * 128 + 4 * (12 * 128**2 + 2 * 128) + 128,
        "6.02": math.log2(65),
    },
}


def without_fences(text: str) -> str:
    return FENCE.sub("", text)


def parts(text: str, level: int) -> dict[str, str]:
    """What stands under each heading of a level, up to the next one of it."""
    blocks: list[str] = []
    text = FENCE.sub(lambda match: f"\0{blocks.append(match[0]) or len(blocks) - 1}\0", text)
    pieces = re.split(rf"^{'#' * level} (.+)$", text, flags=re.MULTILINE)[1:]
    restored = [re.sub("\0(\\d+)\0", lambda match: blocks[int(match[1])], each) for each in pieces]
    return dict(zip(restored[::2], restored[1::2], strict=True))


def rows(text: str) -> list[list[str]]:
    """The rows of all tables, without their heads."""
    tables = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("| ").split(" |")] for line in lines]


def ids(text: str) -> list[str]:
    """The exercises of a list like "4.1, 4.3 to 4.5 and 4.7"."""
    found = []
    for first, last in re.findall(r"(\d\.\d)(?: to (\d\.\d))?", text):
        chapter, start = first.split(".")
        end = (last or first).split(".")[1]
        found += [f"{chapter}.{k}" for k in range(int(start), int(end) + 1)]
    return found


def minutes(exercises: list[str]) -> int:
    return sum(EXERCISES[each].minutes for each in exercises if each in EXERCISES)


def slugs(path: Path) -> set[str]:
    """The anchors of a page's headings, or of a notebook's."""
    texts = [path.read_text(encoding="utf-8")]
    if path.suffix == ".ipynb":
        texts = [c.source for c in read_notebook(path).cells if c.cell_type == "markdown"]
    titles = re.findall(r"^#{1,3} (.+)$", without_fences("\n\n".join(texts)), re.MULTILINE)
    return {default_slugify(title.replace("`", "")) for title in titles}


@cache
def notebooks(chapter: str) -> tuple:
    """The chapter and its solutions."""
    folders = [ROOT / "notebooks", ROOT / "solutions"]
    return tuple(
        read_notebook(folder / f"{CHAPTERS[chapter].notebook}.ipynb") for folder in folders
    )


@cache
def figures(chapter: str) -> set[str]:
    """Every figure of the chapter: text, code, stored outputs, solutions, checks, measurements."""
    cells = [cell for notebook in notebooks(chapter) for cell in notebook.cells]
    texts = [cell.source for cell in cells]
    for output in (output for cell in cells for output in cell.get("outputs", ())):
        texts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    for name in (f"course/checks/ch{chapter}.py", "book/measured.md", "course/finished.json"):
        texts.append((ROOT / name).read_text(encoding="utf-8"))
    return {found for text in texts for found in FIGURE.findall(text)}


def wrong_clock(text: str, length: int) -> Iterator[str]:
    """The rows of a plan follow one another and fill the time."""
    clock = 0
    for start, *_ in rows(text):
        span = re.fullmatch(r"(\d+)–(\d+)", start)
        if not span or int(span[1]) != clock or int(span[2]) <= clock:
            yield f"{length} minutes: {start!r} does not go on at {clock}"
        clock = int(span[2]) if span else clock
    if clock != length:
        yield f"{length} minutes: the plan ends at {clock}"


def wrong_plan(text: str, length: int) -> Iterator[str]:
    """A meeting's plan fills the time, and says what stays for home."""
    yield from wrong_clock(text, length)
    if "**At home:**" not in text:
        yield f"{length} minutes: nothing is said of what stays for home"


def read_before(chapter: str, text: str) -> set[str]:
    """The predictions in what a class reads before the meeting."""
    line = re.search(r"^Before: \*(Sitting [A-D])\*(.*)$", text, re.MULTILINE)
    if not line:
        return set()
    stop = re.search(r"up to \[([^\]]+)\]", line[2])
    cells = [cell.source for cell in notebooks(chapter)[0].cells]
    start = next(i for i, cell in enumerate(cells) if cell.startswith(f"## {line[1]}"))
    heading = f"### {stop[1]}\n" if stop else "## Sitting"
    end = next(i for i, cell in enumerate(cells) if i > start and f"{cell}\n".startswith(heading))
    return set(re.findall(r'predict\("(\d\.p\d)"', "\n".join(cells[start:end])))


def wrong_meeting(chapter: str, text: str) -> Iterator[str]:
    """Votes on what everybody has read, and graded exercises that are not done alone."""
    known = read_before(chapter, text)
    for span, what, who, *where in (row for row in rows(text) if SPAN.fullmatch(row[0])):
        for each in known.intersection(re.findall(r"`(\d\.p\d)`", what)):
            if "at home" not in what:
                yield f"{span}: {each} is read before the meeting"
        if TRANSFER.intersection(ids(" ".join(where))) and who != "alone, quiet":
            yield f"{span}: a transfer exercise, {who}"


def wrong_questions(found: dict[str, str]) -> Iterator[str]:
    """Three questions with wrong answers, two oral ones with a good answer and a follow-up."""
    for heading, count in (("Three questions to ask aloud", 3), ("Two oral questions", 2)):
        questions = parts(found[heading], 3)
        if len(questions) != count:
            yield f"{heading}: {len(questions)} of them"
        for title, text in questions.items():
            wanted = (
                ("**A good answer holds:**", "**Follow-up:**") if count == 2 else ("**Right:**",)
            )
            yield from (f"{title}: no {mark}" for mark in wanted if mark not in text)
            if count == 3 and len(re.findall(r"^- \*.+\* → ", text, re.MULTILINE)) < 2:
                yield f"{title}: fewer than two wrong answers"


def wrong_names(chapter: str, text: str) -> Iterator[str]:
    """Exercises and their minutes, predictions, cells and cards that are not there."""
    for listed, total in LISTED.findall(text):
        yield from (f"no exercise {each}" for each in ids(listed) if each not in EXERCISES)
        if total and minutes(ids(listed)) != int(total):
            yield f"{listed}: {minutes(ids(listed))} minutes, not {total}"
    for label, target in LINK.findall(text):
        if "/exercises/" in target:
            yield from (f"no exercise {each}" for each in ids(label) if each not in EXERCISES)
    for each in re.findall(r"`(\d\.p\d)`", text):
        if each not in predictions.predictions(each[0]):
            yield f"no prediction {each}"
    codes = [cell.source for each in notebooks(chapter) for cell in code_cells(each)]
    for begins in re.findall(r"cells? that begins? `([^`]+)`", text):
        if (count := sum(code.startswith(begins) for code in codes)) != 1:
            yield f"{count} cells begin {begins}"
    known = {card for number in CHAPTERS for card in predictions.checks(number).CARDS}
    for card in re.findall(r"(?<!\*)\*(The(?: [A-Z][\w’'-]*)+)\*", text):
        if card not in known:
            yield f"no card {card}"


def wrong_links(text: str, folder: Path = FOLDER) -> Iterator[str]:
    """Links of a page to files or headings that are not there."""
    for _, target in LINK.findall(without_fences(text)):
        name, _, anchor = target.partition("#")
        path = folder / name
        if name.startswith(("http", "mailto")):
            continue
        if not path.is_file():
            yield f"no file {target}"
        elif anchor and anchor not in slugs(path):
            yield f"no heading {target}"


def wrong_figures(chapter: str, text: str) -> Iterator[str]:
    """Figures of a page that stand nowhere in the chapter and are not worked out here."""
    worked = WORKED.get(chapter, {})
    for figure in sorted(set(FIGURE.findall(text)) - figures(chapter) - EXERCISES.keys()):
        digits = len(figure.partition(".")[2])
        if figure not in worked or f"{worked[figure]:,.{digits}f}" != figure:
            yield f"where does {figure} come from?"


def problems(chapter: Chapter, text: str) -> list[str]:
    """What is wrong with a chapter's page."""
    found = parts(text, 2)
    if list(found) != HEADINGS:
        return [f"headings: {list(found)}"]
    wrong = [*wrong_plan(found["50 minutes"], 50), *wrong_plan(found["80 minutes"], 80)]
    wrong += wrong_meeting(chapter.number, text)
    wrong += [*wrong_questions(found), *wrong_names(chapter.number, text), *wrong_links(text)]
    wrong += wrong_figures(chapter.number, text)
    for aim in re.findall(r"^- (.+)$", found[HEADINGS[0]], re.MULTILINE):
        if aim not in {objective.text for objective in chapter.objectives}:
            wrong.append(f"no objective: {aim}")
    prose = re.sub(r"^\|.*$", "", without_fences(text), flags=re.MULTILINE)
    count = len(LINK.sub(r"\1", prose).split())
    if not text.startswith(f"# For the class: {chapter.name}\n"):
        wrong.append("its title is another")
    if not FENCE.search(found["The board"]):
        wrong.append("nothing stands on the board")
    return [*wrong, f"{count} words"] if count > WORDS else wrong


def wrong_calendar(text: str, whole: bool) -> Iterator[str]:
    """Sums that differ from the syllabus; what is missing, comes twice, or comes too early.

    Args:
        whole: whether the calendar holds what is marked More, too.
    """
    read: Counter[str] = Counter()
    sittings, done = [], []
    for name, _, reading, exercises, sums, *_ in (row for row in rows(text) if len(row) > 3):
        entries = re.findall(r"(\d\d) ([A-D]) (\d+)", reading)
        sittings += [] if name == "afterwards" else [entry[:2] for entry in entries]
        for chapter, _, spent in entries:
            read[chapter] += int(spent)
        done += (found := ids(exercises))
        yield from (f"{name}: {each} comes before its chapter" for each in found
                    if f"0{each[0]}" not in read)  # fmt: skip
        if set(re.findall(r"\*\*(\d\.\d)\*\*", exercises)) != TRANSFER & set(found):
            yield f"{name}: bold is not what is graded"
        needed = sum(int(entry[2]) for entry in entries), minutes(found)
        if (entries or found) and not sums.startswith(f"{needed[0]} + {needed[1]} = {sum(needed)}"):
            yield f"{name}: {sums}, but the syllabus gives {needed[0]} + {needed[1]}"
    wanted = {number: each.all if whole else each.core for number, each in CHAPTERS.items()}
    yield from (f"{n}: {read[n]} minutes of {wanted[n]}" for n in wanted if read[n] != wanted[n])
    if sorted(done) != sorted(each.id for each in EXERCISES.values() if whole or not each.more):
        yield "an exercise is missing, or comes twice"
    if sittings != sorted(set(sittings)):
        yield "the sittings are out of order"
    total = sum(read.values()) + minutes(done)
    if f"**Sum: {total:,} minutes**" not in text:
        yield f"the sum is {total:,}"


def wrong_spread(text: str) -> Iterator[str]:
    """Rows of a chapter's longer plan that it does not have, left out or done twice."""
    spread: dict[str, list[tuple[str, str]]] = {}
    for _, plans, _ in (row for row in rows(text) if len(row) == 3):
        for plan in plans.split("; "):
            spread.setdefault(plan[:2], []).extend(SPAN.findall(plan))
    for chapter, spans in spread.items():
        plan = [row[0].split("–") for row in rows(parts(page(chapter), 2)["80 minutes"])]
        starts, ends = ({int(each[i]) for each in plan} for i in (0, 1))
        clock = 0
        for start, end in sorted((int(start), int(end)) for start, end in spans):
            if start != clock or start not in starts or end not in ends:
                yield f"{chapter}, {start}–{end}: no rows, or not those that are left"
            clock = end
        if clock != 80:
            yield f"{chapter}: its rows end at {clock}"


def wrong_before(text: str) -> Iterator[str]:
    """Sittings that are marked (before) here and not on the chapter's page, or the reverse."""
    for name, _, reading, *_ in (row for row in rows(text) if len(row) > 3):
        for chapter, sitting, mark in re.findall(r"(\d\d) ([A-D]) \d+( \(before\))?", reading):
            if (f"\nBefore: *Sitting {sitting}*" in page(chapter)) != bool(mark):
                yield f"{name}: {chapter} {sitting}{mark}, but its page says otherwise"


def wrong_slots(text: str) -> Iterator[str]:
    """A day's slots follow one another, and each is as long as it says and as it needs."""
    clock = None
    for time, *_, sums in rows(text):
        hours = [int(part) for part in re.findall(r"\d+", time)]
        start, end = 60 * hours[0] + hours[1], 60 * hours[2] + hours[3]
        *needed, length = (int(part) for part in re.findall(r"\d+", sums))
        if clock is not None and start != clock:
            yield f"{time} does not go on where the slot before it ended"
        if end - start != length or max(needed, default=0) > length:
            yield f"{time}: {sums}"
        clock = end


def calendar_problems(text: str) -> list[str]:
    """What is wrong with the page of calendars."""
    found = parts(text, 2)
    ten, fourteen, days = (text for title, text in found.items() if re.match("T|F", title))
    wrong = [*wrong_calendar(ten, False), *wrong_calendar(fourteen, True)]
    wrong += wrong_calendar(days, False)
    for text_of_weeks in (ten, fourteen):
        wrong += [*wrong_spread(text_of_weeks), *wrong_before(text_of_weeks)]
    for day in ("Day 1", "Day 2"):
        wrong += wrong_slots(parts(days, 3)[day])
    for listed, total in LISTED.findall(text):
        if total and minutes(ids(listed)) != int(total):
            wrong.append(f"{listed}: {minutes(ids(listed))} minutes, not {total}")
    return wrong


def page(chapter: str) -> str:
    return (FOLDER / f"ch{chapter}.md").read_text(encoding="utf-8")


def calendars() -> str:
    """The page of calendars; its spaces that keep a sum on one line are spaces again."""
    return (FOLDER / "calendars.md").read_text(encoding="utf-8").replace("\u00a0", " ")


def test_every_chapter_has_its_page():
    found = {path.stem for path in FOLDER.glob("ch*.md")}
    assert found == {f"ch{number}" for number in CHAPTERS}


@pytest.mark.parametrize("number", CHAPTERS)
def test_a_page_says_only_what_the_course_holds(number):
    assert problems(CHAPTERS[number], page(number)) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("## The board", "## Board", "headings"),
        ("- write the mask", "- draw the mask", "no objective: draw the mask"),
        ("| 0–", "| 1–", "does not go on at 0"),
        ("–50 |", "–49 |", "the plan ends at 49"),
        ("–80 |", "–81 |", "the plan ends at 81"),
        ("**At home:**", "Home:", "nothing is said of what stays for home"),
        ("\n### 3. ", "\n3. ", "Three questions to ask aloud: 2"),
        ("**Follow-up:**", "Then:", "no **Follow-up:**"),
        ("* → ", "*: ", "fewer than two wrong answers"),
        ("xercise 4.2", "xercise 4.8", "no exercise 4.8"),
        (" minutes).", "0 minutes).", "minutes, not "),
        ("`4.p5`", "`4.p6`", "no prediction 4.p6"),
        ("begins `class LateMask", "begins `class LastMask", "0 cells begin class LastMask"),
        ("*The Time Traveller*", "*The Time Machine*", "no card The Time Machine"),
        ("04_attention.ipynb", "04_attentive.ipynb", "no file"),
        ("#average-the-past", "#average-of-the-past", "no heading"),
        ("](../../exercises/04_attention.ipynb) |", "4.5](../../exercises/04_attention.ipynb) |",
         "a transfer exercise, pairs"),
        ("2.28", "2.29", "where does 2.29 come from?"),
        ("5.056", "5.057", "where does 5.057 come from?"),
        ("## Prepare", "## Prepare\n" + 900 * "word ", "words"),
        ("# For the class: 04", "# The class: 04", "its title is another"),
        ("```", "", "nothing stands on the board"),
    ],
)  # fmt: skip
def test_a_mistake_on_a_page_is_found(old, new, problem):
    assert old in page("04")
    assert any(problem in each for each in problems(CHAPTERS["04"], page("04").replace(old, new)))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_links_of_the_instructors_pages_lead_somewhere(path):
    assert list(wrong_links(path.read_text(encoding="utf-8"))) == []


def test_what_is_worked_out_stands_on_its_page():
    for chapter, worked in WORKED.items():
        assert worked.keys() <= set(FIGURE.findall(page(chapter))), chapter


def test_the_first_hour_is_an_hour():
    text = (FOLDER / "index.md").read_text(encoding="utf-8")
    hour = parts(text, 2)["Your first hour"]
    assert list(wrong_clock(hour, 60)) == []
    assert list(wrong_clock(hour.replace("–28", "–27"), 60)) != []


def test_the_calendars_add_up_to_the_syllabus():
    assert calendar_problems(calendars()) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("50 + 31 = 81", "50 + 31 = 82", "1: 50 + 31 = 82, but the syllabus gives 50 + 31"),
        ("04 B 36", "04 B 35", "04: 69 minutes of 70"),
        ("4.1, 4.2", "4.2", "an exercise is missing, or comes twice"),
        ("0.1, 0.3", "0.1, 9.1, 0.3", "9.1 comes before its chapter"),
        ("**2.4**", "2.4", "bold is not what is graded"),
        ("00 A 25, 00 B", "00 B 25, 00 A", "the sittings are out of order"),
        ("Sum: 1,407", "Sum: 1,408", "the sum is 1,407"),
        ("10:50–11:05", "10:55–11:05", "10:55–11:05 does not go on where the slot before it ended"),
        ("= 66 of 80", "= 66 of 81", "9:30–10:50: 40 + 26 = 66 of 81"),
        ("04, 0–68", "04, 0–67", "04, 0–67: no rows, or not those that are left"),
        ("05, 40–80", "05, 40–77", "05: its rows end at 77"),
        ("07 A 33 (before)", "07 A 33", "07 A, but its page says otherwise"),
        ("07 B 27", "07 B 27 (before)", "07 B (before), but its page says otherwise"),
        ("(40 minutes)", "(45 minutes)", "40 minutes, not 45"),
    ],
)
def test_a_mistake_in_a_calendar_is_found(old, new, problem):
    assert old in calendars()
    assert any(problem in each for each in calendar_problems(calendars().replace(old, new)))


def test_a_vote_on_what_was_read_before_is_found():
    text = page("08").replace("*Sitting A* up to [Overfit one batch]", "*Sitting A*, [all of it]")
    assert text != page("08")
    assert "4–8: 8.p1 is read before the meeting" in problems(CHAPTERS["08"], text)
