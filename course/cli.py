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


@app.command(epilog="Example: minigpt doctor")
def doctor() -> None:
    """Say whether everything is in place, and what to do about what is not."""
    from course.doctor import examine

    raise typer.Exit(examine())


@app.command(epilog="Example: minigpt book")
def book() -> None:
    """Render the book to book/_build/html."""
    from course.book import build

    raise typer.Exit(build().returncode)


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
