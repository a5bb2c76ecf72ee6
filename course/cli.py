"""The `minigpt` command: every subcommand, its options and its help."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="Build a GPT from scratch, one notebook at a time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Chapters = Annotated[
    list[str] | None, typer.Argument(metavar="[NN]...", help="Only these chapters, such as 04.")
]
Check = Annotated[bool, typer.Option("--check", help="Change nothing; say what is out of date.")]


def main() -> None:
    """Run the command; a mistake in what it was given ends with one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # consoles of Windows know no ✓
    try:
        app()
    except (ValueError, OSError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"minigpt: {message}", file=sys.stderr)
        sys.exit(2)


def _pass_on(command: list[str]) -> None:
    """Run a program on the checkout, whose own library comes first, and end as it ends."""
    from course.paths import ROOT

    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": search})
    raise typer.Exit(done.returncode)


@app.command(epilog="Example: minigpt run")
def run() -> None:
    """Execute chapters 00 to 09 on copies, print the ladder of scores and let the model speak."""
    from course.run import run_chapters

    raise typer.Exit(run_chapters())


@app.command(epilog="Example: minigpt test --junit report.xml")
def test(
    slow: Annotated[bool, typer.Option("--slow", help="The tests that take minutes.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report here.")] = None,
) -> None:
    """Run the tests: the fast ones, or the slow ones."""
    report = [f"--junit-xml={junit.resolve()}"] if junit else []
    tier = "slow" if slow else "not slow"
    _pass_on([sys.executable, "-m", "pytest", "-m", tier, *report])


@app.command(
    epilog="Example: minigpt lab 04 --no-browser", context_settings={"ignore_unknown_options": True}
)
def lab(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NN] [OPTION]...", help="A chapter; options go to jupyter lab."),
    ] = None,
) -> None:
    """Open a chapter, or the next one you have not finished, as a copy of your own."""
    from course.lab import open_lab

    chapter = what.pop(0) if what and not what[0].startswith("-") else None
    raise typer.Exit(open_lab(chapter, what or []))


@app.command(epilog="Example: minigpt train --preset cpu --corpus shakespeare --out runs/first")
def train(
    out: Annotated[Path, typer.Option(help="The folder to save it in.")],
    preset: Annotated[str, typer.Option(help="Which size of model.")] = "cpu",
    corpus: Annotated[
        str | None, typer.Option(help="shakespeare, tinytales or the path of a UTF-8 text.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Number of updates.")] = None,
    seed: Annotated[int | None, typer.Option(help="What all randomness follows from.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in OUT.")] = False,
) -> None:
    """Train a model."""
    from course.training import train_to

    train_to(out, preset, corpus, steps, seed, resume)


@app.command(epilog='Example: minigpt sample --checkpoint runs/first --prompt "HAMLET:"')
def sample(
    checkpoint: Annotated[Path, typer.Option(help="The folder of a trained model.")],
    prompt: Annotated[str, typer.Option(help="How the text begins.")],
    temperature: Annotated[float, typer.Option(help="0 or more; lower is safer.")] = 0.8,
    top_k: Annotated[int | None, typer.Option(help="Draw from the K likeliest.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Draw from the likeliest share.")] = None,
    length: Annotated[int, typer.Option(help="Number of tokens to write.")] = 500,
    seed: Annotated[int | None, typer.Option(help="The same seed, the same text.")] = None,
) -> None:
    """Let a trained model write, piece by piece."""
    from course.training import sample_from

    sample_from(checkpoint, prompt, length, seed, temperature=temperature, top_k=top_k, top_p=top_p)


@app.command(epilog="Example: minigpt check 04.2")
def check(
    what: Annotated[str | None, typer.Argument(metavar="[NN[.K]]", help="Which ones.")] = None,
) -> None:
    """Check your answers to the exercises."""
    from course.lab import check_mine

    raise typer.Exit(check_mine(what))


@app.command(epilog="Example: minigpt hint 04.3")
def hint(exercise: Annotated[str, typer.Argument(metavar="NN.K", help="Which one.")]) -> None:
    """Show the next of three levels of help for an exercise."""
    from course.checks.notebook import next_hint

    print(next_hint(exercise))


@app.command(epilog="Example: minigpt progress")
def progress() -> None:
    """Show what you have passed and guessed, and how much of the model you have built."""
    from course.checks.report import show_progress

    show_progress()


@app.command(epilog="Example: minigpt museum")
def museum() -> None:
    """Show the mistakes you have met, each with its card, and how many are left to meet."""
    from course.checks.report import show_museum

    show_museum()


@app.command(epilog="Example: minigpt reset 04")
def reset(chapter: Annotated[str, typer.Argument(metavar="NN", help="Which one.")]) -> None:
    """Put a chapter and its exercises back as they were; your copies are kept as backups."""
    from course.lab import reset

    print("\n".join(reset(chapter)))


@app.command(epilog="Example: minigpt use mine")
def use(whose: Annotated[Literal["mine", "reference"], typer.Argument()]) -> None:
    """Let your own solved functions take the place of the library's, or go back."""
    from course import mine

    print(mine.use_mine() if whose == "mine" else mine.use_reference())


@app.command(epilog="Example: minigpt doctor --out report.json --name Ada")
def doctor(
    out: Annotated[Path | None, typer.Option(help="Write it here, for your instructor.")] = None,
    name: Annotated[str, typer.Option(help="Who you are, for that file.")] = "",
    folder: Annotated[
        Path | None, typer.Option("--class", help="Read the files of a class from this folder.")
    ] = None,
) -> None:
    """Say whether everything is in place, and what to do about what is not."""
    if folder:
        from course.readiness import show

        raise typer.Exit(show(folder))
    from course.doctor import examine

    raise typer.Exit(examine(out, name))


@app.command(epilog="Example: minigpt slides 04 --out slides")
def slides(
    only: Chapters = None,
    out: Annotated[Path | None, typer.Option(help="A folder for the decks.")] = None,
) -> None:
    """Make a deck of slides of each chapter, from its tagged cells."""
    from course import slides

    for line in slides.run(only, out or slides.OUT):
        print(line, flush=True)


@app.command(epilog="Example: minigpt wheelhouse --out wheelhouse")
def wheelhouse(
    out: Annotated[Path, typer.Option(help="A folder for the packages.")],
    platform: Annotated[
        list[str] | None,
        typer.Option(help="Other machines, as pip names them: macosx_11_0_arm64; repeat it."),
    ] = None,
    python: Annotated[str | None, typer.Option(help="Another version of Python: 3.12.")] = None,
    tests: Annotated[bool, typer.Option("--tests", help="With what the tests need.")] = False,
) -> None:
    """Download all packages, for a room with little or no network."""
    from course.wheelhouse import fill

    print(fill(out, platform, python, tests))


@app.command(epilog="Example: minigpt book --edition learner --zip book.zip")
def book(
    edition: Annotated[
        Literal["learner", "instructor"], typer.Option(help="With or without the solutions.")
    ] = "learner",
    zip: Annotated[Path | None, typer.Option(help="Also pack the pages into this file.")] = None,
) -> None:
    """Render the book to book/_build/html, or for instructors to book/_build/instructor/html."""
    from course.book import HTML, build

    print(f"Rendering the {edition} edition; this takes half a minute.", flush=True)
    found = build(edition=edition, archive=zip)
    if not found:
        print(f"Open book/{HTML[edition]}/index.html" + (f", or hand on {zip}" if zip else ""))
    _report(found)


@app.command(epilog="Example: minigpt assign --seed 7 --out class-7 02 04")
def assign(
    seed: Annotated[int, typer.Option(min=0, help="The number of the class.")],
    out: Annotated[Path, typer.Option(help="The folder to write: what to hand out, and the key.")],
    only: Chapters = None,
) -> None:
    """Write exercises with other numbers, shapes and texts for a class, and their key apart."""
    from course.assign import assign

    print("\n".join(assign(seed, out, only)))


@app.command(epilog="Example: minigpt grade handed-in --out grades.csv --roster roster.csv")
def grade(
    folder: Annotated[
        Path | None, typer.Argument(help="What was handed in: FOLDER/<student>/NN_name.ipynb.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The table; the other results lie beside it.")] = Path(
        "grades.csv"
    ),
    roster: Annotated[Path | None, typer.Option(help="A CSV file of the class.")] = None,
    weights: Annotated[Path | None, typer.Option(help="grade.yml: points, due dates.")] = None,
    assignment: Annotated[
        Path | None, typer.Option(help="The folder `key` that `minigpt assign` wrote.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Grade thirty made-up students.")] = False,
) -> None:
    """Grade a class; what was handed in runs shut in, on Linux alone."""
    if demo:
        from course.grading.demo import run

        raise typer.Exit(run(out))
    if folder is None:
        raise ValueError("name the folder of what was handed in, or try `minigpt grade --demo`")
    from course.grading.grade import grade

    sheet = grade(folder, out, roster, weights, assignment, say=print)
    print(f"{len(sheet.rows)} students; the results lie beside {out}")


def _report(problems: list[str]) -> None:
    for problem in problems:
        print(problem)
    raise typer.Exit(1 if problems else 0)


@app.command(epilog="Example: minigpt export 04")
def export(only: Chapters = None, check: Check = False) -> None:
    """Write minigpt_lib from the notebooks' cells that start with `#| export: module`."""
    from course import export

    _report(export.run(check, only))


@app.command(epilog="Example: minigpt exercises --check")
def exercises(only: Chapters = None, check: Check = False) -> None:
    """Write the exercise notebooks from the solutions."""
    from course import exercises

    _report(exercises.run(check, only))


@app.command(epilog="Example: minigpt refresh 04")
def refresh(only: Chapters = None, check: Check = False) -> None:
    """Execute the notebooks whose stored outputs are stale and store the new ones."""
    from course import refresh

    _report(refresh.run(check, only))


@app.command(epilog="Example: minigpt syllabus")
def syllabus(only: Chapters = None, check: Check = False) -> None:
    """Write what follows from course/syllabus.yml: contents, table and facts lines."""
    from course import syllabus

    _report(syllabus.run(check, only))


@app.command(epilog="Example: minigpt lint 04")
def lint(only: Chapters = None, check: Check = False) -> None:
    """Put the sources in form where that can be done, and name what breaks a rule."""
    from course import lint

    _report(lint.run(check, only))


@app.command(epilog="Example: minigpt verify")
def verify() -> None:
    """Run every check on what is generated and on the rules of the sources."""
    from course import verify

    _report(verify.run())
