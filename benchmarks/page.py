"""The book's page "What we measured", written from the figures in benchmarks/results.

    python -m benchmarks.page            writes book/measured.md
    python -m benchmarks.page --check    says whether it is up to date

Every figure on the page stands in those files; this program only arranges them.
"""

import argparse
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from benchmarks.report import RESULTS
from course.files import write_atomic
from course.paths import ROOT

PAGE = ROOT / "book" / "measured.md"
COMMAND = "python -m benchmarks.page"
MARK = f"<!-- Generated from benchmarks/results by `{COMMAND}`; edit those programs, not this. -->"
INTRO = """
What this course says about speed and losses was measured, and this page says how. Below each table
stands the command that repeats it, the machine and the date; other machines give other times, and
slightly other losses. A loss is that of the whole validation text, in nats for each character
unless a line says otherwise: less is better.
"""
VERDICTS = {
    "yes": "**holds**",
    "partly": "**holds partly**",
    "unlikely": "**not plausible**",
    "no": "**does not hold**",
}
TOPICS = {
    "Size and cost": ["parameters", "gpt2", "attention-cost", "cache"],
    "Training": ["first-loss", "gpt2-words", "residuals", "clipping", "windows", "tying"],
    "Inside the model, and what it writes": ["order", "heads", "temperature"],
}
Result = dict[str, Any]


def paragraph(text: str) -> str:
    """Running text in lines of equal length, with a capital at its beginning."""
    text = " ".join(text.split())
    return textwrap.fill(text[0].upper() + text[1:], 100, break_on_hyphens=False)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def source(result: Result) -> str:
    """Where the figures are from, as the line below a table."""
    return f"Measured with `{result['command']}` on {result['date']}. Machine: {result['machine']}."


def claims(result: Result) -> str:
    """Often-said claims, one a row, a table for each topic."""
    intro = f"""Sentences like these stand in many places. Each was tried at the sizes and on the
    text of this course, which says nothing about larger ones. A difference is given with twice its
    standard error. A single one is repeated by naming it: `{result["command"]} NAME`."""
    parts, known = [paragraph(intro)], {claim["name"]: claim for claim in result["claims"]}
    for topic, names in TOPICS.items():
        rows = [
            [claim["claim"], VERDICTS[claim["holds"]], claim["measured"], f"`{claim['name']}`"]
            for claim in (known[name] for name in names if name in known)
        ]
        if rows:
            parts += [f"### {topic}", table(["claim", "verdict", "measured", "name"], rows)]
    return "\n\n".join(parts)


def gallery(result: Result) -> str:
    """One thing changed at a time."""
    rows = []
    for row in result["rows"]:
        losses = ", ".join("not a number" if x is None else f"{x:.3f}" for x in row["nats"])
        average = f"{row['mean']:.3f}" if "mean" in row else "none"
        rows.append([row["name"], losses, average, row["verdict"]])
    intro = f"""The same training, {result["steps"]} steps, with one thing changed. The rule for the
    verdict: {result["rule"]}. A model without a mask reads the answer, so that its loss means
    nothing; asked for the last position only, where the answer is out of its sight, it has to
    guess."""
    head = ["model", "nats, one a seed", "mean", "beside the model as it is"]
    return f"{paragraph(intro)}\n\n{table(head, rows)}"


def ladder(result: Result) -> str:
    """Every kind of model on both texts."""
    intro = f"""Scored on the same characters: all of the validation text but its first. The
    mini-GPT is the `cpu` preset, trained as in the course for {result["steps"]:,} steps."""
    parts = [paragraph(intro)]
    for corpus, rungs in result["corpora"].items():
        rows = [
            [rung["name"], f"{rung['mean']:.3f}", f"{rung['bits']:.3f}", str(rung["runs"])]
            for rung in rungs
        ]
        head = [f"on {corpus}", "nats", "bits", "runs"]
        parts.append(table(head, rows))
    return "\n\n".join(parts)


def loss(result: Result) -> str:
    """Beside nanoGPT's recipe."""
    ours = ", ".join(f"{nats:.3f}" for nats in result["ours"])
    rows = [
        ["the `cpu` preset", ours, f"{result['ours_mean']:.3f}"],
        ["nanoGPT's recipe for a CPU", f"{result['nanogpt']:.3f}", f"{result['nanogpt']:.3f}"],
    ]
    intro = f"""{result["what"]}. The model is of the same size and sees as much text; the course's
    learning rate is higher. nanoGPT was trained by its own program:
    `{result["nanogpt_command"]}`."""
    return f"{paragraph(intro)}\n\n{table(['trained with', 'nats, one a seed', 'mean'], rows)}"


def training(result: Result) -> str:
    """Speed beside nanoGPT."""
    rows = [
        ["the course's model", f"{result['ours_steps_per_second']:.1f}"],
        ["nanoGPT's", f"{result['nanogpt_steps_per_second']:.1f}"],
        ["ours over theirs", f"{result['ours_over_nanogpt']:.2f}"],
    ]
    intro = f"{result['what']}; {result['turns']}, {result['threads']} threads."
    return f"{paragraph(intro)}\n\n{table(['model', 'steps a second'], rows)}"


def bpe(result: Result) -> str:
    """Learning merges beside minbpe."""
    rows = [
        ["the course's `BPETokenizer`", f"{result['ours_seconds']:.2f}"],
        ["minbpe's `RegexTokenizer`", f"{result['minbpe_seconds']:.2f}"],
    ]
    return f"{paragraph(result['what'] + '.')}\n\n{table(['tokenizer', 'seconds'], rows)}"


def encoding(result: Result) -> str:
    """Encoding beside tiktoken."""
    rows = [
        ["the course's `BPETokenizer`", f"{result['ours_megabytes_per_second']:.1f}"],
        ["tiktoken, same merges", f"{result['tiktoken_megabytes_per_second']:.1f}"],
    ]
    return (
        f"{paragraph(result['what'] + '.')}\n\n{table(['tokenizer', 'megabytes a second'], rows)}"
    )


def flops(result: Result) -> str:
    """Arithmetic beside a matrix product."""
    rows = [
        [row["sizes"], f"{row['gflop_per_second']:.1f}", f"{row['share_of_product']:.0%}"]
        for row in result["models"].values()
    ]
    best = max(result["product_gflop_per_second"].values())
    rows.append(["a product of two square matrices, the best of some sizes", f"{best:.1f}", "all"])
    head = ["what is computed", "GFLOP a second", "share of the best product"]
    return f"{paragraph(result['what'] + '.')}\n\n{table(head, rows)}"


SECTIONS = {
    "claims": ("Often-said claims", claims),
    "gallery": ("What each part is worth", gallery),
    "ladder": ("The ladder", ladder),
    "loss": ("The loss beside nanoGPT", loss),
    "training": ("The speed beside nanoGPT", training),
    "flops": ("How much of the machine is used", flops),
    "bpe": ("Learning a vocabulary", bpe),
    "encoding": ("Encoding a text", encoding),
}


def render(results: dict[str, Result]) -> str:
    """The page for these results; a section for each that is there."""
    parts = [MARK, "# What we measured", paragraph(INTRO)]
    for name, (title, section) in SECTIONS.items():
        if name in results:
            parts += [f"## {title}", section(results[name]), source(results[name])]
    return "\n\n".join(parts) + "\n"


def read(folder: Path = RESULTS) -> dict[str, Result]:
    """The results that are there."""
    files = {name: folder / f"{name}.json" for name in SECTIONS}
    return {
        name: json.loads(file.read_text(encoding="utf-8"))
        for name, file in files.items()
        if file.is_file()
    }


def run(check: bool = False) -> list[str]:
    """Write the page, or say that it is not what the results give.

    Returns:
        problems, one line each, with the command that mends it.
    """
    text = render(read())
    if not check:
        write_atomic(PAGE, text)
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        return [f"{PAGE.relative_to(ROOT)} is not what benchmarks/results gives. Mend: {COMMAND}"]
    return []


def main() -> None:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if out of date")
    problems = run(parser.parse_args().check)
    sys.exit("\n".join(problems) or None)


if __name__ == "__main__":
    main()
