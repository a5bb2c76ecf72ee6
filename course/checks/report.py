"""What `minigpt progress` and `minigpt museum` print."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from course import predictions, syllabus
from course.checks import progress
from course.checks.engine import exercises


def show_progress() -> None:
    """A table of the chapters with exercises, and the pipeline as far as it is the learner's."""
    state, console = progress.read(), Console()
    table = Table(box=box.SIMPLE)
    for name in ("chapter", "core", "more", "hints taken", "guesses right", "open"):
        table.add_column(name)
    for chapter in syllabus.load().chapters:
        if chapter.exercises:
            table.add_row(chapter.name, *_row(chapter, state))
    console.print(table)
    console.print(Text(f"{strip(state)}\n\n{closing(state)}"))


def _row(chapter: syllabus.Chapter, state: progress.State) -> tuple[str, ...]:
    ids = {more: [e.id for e in chapter.exercises if e.more is more] for more in (False, True)}
    open_ones = [id for id in ids[False] + ids[True] if id not in state.passed]
    helped = sum(state.hints.get(e.id, 0) for e in chapter.exercises)
    guesses = [name for name in state.guesses if int(name.partition(".")[0]) == int(chapter.number)]
    right = sum(_came_true(name, state.guesses[name]) for name in guesses)
    known = predictions.predictions(chapter.number)
    return (
        *(f"{sum(id in state.passed for id in ids[more])}/{len(ids[more])}" for more in ids),
        str(helped or "–"),
        f"{right} of {len(guesses)}" + (f" (of {len(known)})" if len(guesses) < len(known) else ""),
        ", ".join(open_ones) or "all done",
    )


def _came_true(name: str, guess: object) -> bool:
    try:
        return predictions.is_right(name, guess)
    except (KeyError, ValueError):
        return False  # a prediction that a newer version of the course no longer asks


def strip(state: progress.State) -> str:
    """The pipeline in one line: ■ where the core exercises of the chapter that builds it passed."""
    from course.figures import AFTER, BEFORE, BLOCK, STAGES  # loads matplotlib

    chapters = syllabus.load().chapters
    done = {
        stage
        for stage, chapter in zip(STAGES, chapters, strict=False)
        if chapter.exercises and all(e.id in state.passed for e in chapter.exercises if not e.more)
    }
    before, block, after = (
        " → ".join(f"{'■' if owner in done else '□'} {text}" for _, text, owner in part)
        for part in (BEFORE, BLOCK, AFTER)
    )
    return f"{before} → N × ({block}) → {after}"


def closing(state: progress.State) -> str:
    """What to do next, in one line."""
    met = f"{len(state.cards)} of {len(cards())} cards of the bug museum turned"
    return f"{met}. `minigpt lab` opens what comes next."


def cards() -> dict[str, tuple[str, str]]:
    """Every card of the bug museum: name -> the chapter that shows it first, and its text."""
    found: dict[str, tuple[str, str]] = {}
    for chapter in syllabus.load().chapters:
        try:
            exercises(chapter.number)
        except ValueError:
            continue  # no checks yet
        for name, text in predictions.checks(chapter.number).CARDS.items():
            found.setdefault(name, (chapter.number, text))
    return found


def show_museum() -> None:
    """The cards that were turned, and how many are still face down in each chapter."""
    state, console, known = progress.read(), Console(), cards()
    console.print(Text("Bug museum", style="bold"))
    for name, (_, text) in known.items():
        if name in state.cards:
            console.print(Text.assemble("\n■ ", (name, "bold"), f" (met in {state.cards[name]})"))
            console.print(Text(f"  {text}"))
    if not any(name in known for name in state.cards):
        console.print("\nNo card is turned yet: a check that recognises a mistake turns one.")
    hidden = [chapter for name, (chapter, _) in known.items() if name not in state.cards]
    waiting = (f"{chapter}: {hidden.count(chapter)}" for chapter in sorted(set(hidden)))
    console.print(Text(f"\n□ face down: {', '.join(waiting) or 'none'}"))
