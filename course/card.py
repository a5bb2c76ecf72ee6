"""The model card: one HTML file about a trained model, to send to a friend."""

import ast
import json
import math
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

import torch

import minigpt_lib
from course import paths, wall
from course.corpora import Corpus, load_corpus
from course.files import write_atomic
from course.notebook import code_cells, read_notebook
from course.runs import QUICK_STEPS, RUNGS, ladder
from minigpt_lib.checkpoint import Checkpoint
from minigpt_lib.data import train_val_split
from minigpt_lib.sample import generate
from minigpt_lib.train import evaluate

LENGTH = 120  # tokens that each sample writes


class Setting(NamedTuple):
    """How one sample is drawn."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 1

    def __str__(self) -> str:
        shown = {"temperature": self.temperature, "top-k": self.top_k, "top-p": self.top_p}
        parts = [f"{name} {value}" for name, value in shown.items() if value is not None]
        return ", ".join([*parts, f"seed {self.seed}"])


SETTINGS = (
    Setting(0.5, seed=1),
    Setting(0.8, seed=2),
    Setting(1.0, seed=3),
    Setting(1.0, top_k=5, seed=4),
    Setting(1.0, top_p=0.9, seed=5),
)


def model_card(
    checkpoint: Checkpoint,
    name: str | None = None,
    corpus: Corpus | None = None,
    settings: Sequence[Setting] = SETTINGS,
    prompt: str | None = None,
    path: str | Path | None = None,
) -> Path:
    """Write a page about a model: its name, its text, its scores, its authors, what it writes.

    Args:
        checkpoint: the model, with its tokenizer.
        name: None takes the one given in chapter 00.
        corpus: the text it learned from; None means the one at hand.
        settings: of the samples.
        prompt: what they begin with; None takes the first word of the text.
        path: where to write; None means `model_card.html` among the learner's own files if that
            is where the notebook lies, else in `runs/`.
    Returns:
        the file that was written. It asks the network for nothing.
    """
    corpus = corpus or load_corpus()
    own = Path.cwd().is_relative_to(paths.MY)
    path = Path(path) if path else (paths.MY if own else paths.RUNS) / "model_card.html"
    prompt = prompt or wall.prompt(corpus)
    name = name or given_name()
    sections = [
        ("The text", text_lines(corpus)),
        ("The model", size_lines(checkpoint)),
        ("The ladder", ladder_table(checkpoint, name, corpus)),
        ("Who wrote it", author_table()),
        ("What it writes", "".join(sample_part(checkpoint, prompt, s) for s in settings)),
    ]
    body = "".join(f"<h2>{title}</h2>\n{part}\n" for title, part in sections)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, PAGE.substitute(name=escape(name), body=body))
    return path


def shown_path(path: Path) -> str:
    """Where a file lies, seen from the course's folder if it is in it."""
    return str(path.relative_to(paths.ROOT) if path.is_relative_to(paths.ROOT) else path)


def given_name() -> str:
    """The name of the model in the learner's copy of chapter 00, or else in the course's."""
    for folder in (paths.MY / "notebooks", paths.NOTEBOOKS):
        for path in folder.glob("00_*.ipynb"):
            try:
                cells = code_cells(read_notebook(path))
            except (OSError, ValueError):
                continue
            for source in (cell.source for cell in cells):
                if found := re.search(r"^model_name\s*=\s*(.+)$", source, re.MULTILINE):
                    try:
                        return str(ast.literal_eval(found[1].partition("  #")[0].strip()))
                    except (ValueError, SyntaxError):
                        continue
    return "A small GPT"


def validation_nats(checkpoint: Checkpoint, corpus: Corpus) -> float:
    """Nats per token on the whole validation text, from the training's records if they say it."""
    try:
        record = json.loads(checkpoint.training["records"])[-1]
        if record["step"] == checkpoint.step:
            return float(record["val_loss"])
    except (KeyError, ValueError, TypeError, IndexError):
        pass
    _, val_ids = train_val_split(checkpoint.tokenizer.encode(corpus.text))
    return evaluate(checkpoint.model, val_ids)


def text_lines(corpus: Corpus) -> str:
    """What it learned from, and how that begins."""
    begins = corpus.text[:120].strip()
    return (
        f"<p>It learned from <b>{escape(corpus.name)}</b>, {len(corpus.text):,} characters, "
        f"{len(set(corpus.text))} of them different. The text begins:</p>"
        f"<pre>{escape(begins)} …</pre>"
    )


def size_lines(checkpoint: Checkpoint) -> str:
    """The numbers that shape it."""
    c = checkpoint.model.config
    rows = {
        "parameters": f"{checkpoint.model.num_parameters():,}",
        "blocks": c.num_layers,
        "heads in each": c.num_heads,
        "numbers that describe each token inside": c.embed_dim,
        "tokens it sees at once": c.context_length,
        "tokens it knows": f"{c.vocab_size:,}",
        "training steps": f"{checkpoint.step:,}",
    }
    if checkpoint.step <= QUICK_STEPS:
        rows["kind of training"] = "a short one, to try things out"
    return table([], [(key, str(value)) for key, value in rows.items()])


def ladder_table(checkpoint: Checkpoint, name: str, corpus: Corpus) -> str:
    """Every rung that was measured on this text, the model's own among them, the worst first.

    The lowest rung, a guesser to whom all tokens are alike, needs no measurement.
    """
    lowest = {RUNGS[0]: math.log(checkpoint.model.config.vocab_size)}
    scores = lowest | {rung: nats for rung, nats in ladder(corpus).items() if rung != RUNGS[-1]}
    rungs = [(rung, score, False) for rung, score in scores.items()]
    rungs.append((name, validation_nats(checkpoint, corpus), True))
    rungs.sort(key=lambda rung: -rung[1])
    widest = rungs[0][1]
    rows = []
    for rung, score, is_own in rungs:
        bar = f'<div class="bar" style="width:{100 * score / widest:.0f}%"></div>'
        mark = ' class="own"' if is_own else ""
        rows.append(
            f"<tr{mark}><td>{escape(rung)}{bar}</td><td>{score:.3f}</td>"
            f"<td>{score / math.log(2):.3f}</td></tr>"
        )
    head = "<tr><th>guesser</th><th>nats</th><th>bits</th></tr>"
    note = (
        "<p>Each guesser says how likely every next token is, on text that it never learned from. "
        "Here is how much it was surprised on average: in bits, the number of questions with yes "
        "and no that were left to ask, and in nats, the same in another unit (1 nat is 1.44 bits). "
        "Less is better. “Uniform” holds all tokens for equally likely.</p>"
    )
    return f"{note}<table>{head}{''.join(rows)}</table>"


def authors() -> dict[str, str]:
    """Chapter -> the functions in the library that the learner wrote; empty without any."""
    yours = getattr(minigpt_lib, "YOURS", "")
    return {chapter: names for names, chapter in re.findall(r"([^()]+?) \((\d\d)\)(?:, )?", yours)}


def author_table() -> str:
    """Who wrote which part of the library."""
    own = authors()
    rows = [(f"{chapter}: {names}", "me") for chapter, names in own.items()]
    rest = "everything else" if own else "every part of the library"
    return table([], [*rows, (rest, "the course")])


def sample_part(checkpoint: Checkpoint, prompt: str, setting: Setting) -> str:
    """What the model writes after a prompt, and how to have it write the same again."""
    ids = torch.tensor([checkpoint.tokenizer.encode(prompt)], dtype=torch.long)  # (1, T)
    generator = torch.Generator().manual_seed(setting.seed)
    drawn = generate(checkpoint.model, ids, LENGTH, *setting[:3], generator=generator)[0]
    new = checkpoint.tokenizer.decode(drawn[ids.shape[1] :].tolist())
    length = f"{len(drawn) - ids.shape[1]} tokens"
    return f"<p>{setting}, {length}</p><pre><b>{escape(prompt)}</b>{escape(new)}</pre>"


def table(head: list[str], rows: list[tuple[str, str]]) -> str:
    """A table of escaped texts."""
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)] if head else []
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>$name, a model card</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 0 auto; padding: 1rem;
  color: #1b1b1b; background: #ffffff; overflow-wrap: anywhere; }
h1 { margin-bottom: 0; }
h2 { margin-top: 2rem; font-size: 1.2rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: 0.3rem 0.5rem 0.3rem 0; border-bottom: 1px solid #8a8a8a;
  vertical-align: top; }
.own { font-weight: bold; }
.bar { height: 0.4rem; background: #8a8a8a; }
.own .bar { background: #00518f; }
pre { white-space: pre-wrap; padding: 0.8rem; background: #f0f2f5; border-radius: 6px; }
@media (prefers-color-scheme: dark) {
  body { color: #ececec; background: #14181d; }
  pre { background: #232a33; }
  .own .bar { background: #7ab8ee; }
}
</style>
</head>
<body>
<h1>$name</h1>
<p>a small language model, built from scratch</p>
$body</body>
</html>
""")
