"""What `minigpt train` and `minigpt sample` do."""

import dataclasses
import json
import os
import statistics
import time
from pathlib import Path

import torch
from tqdm import tqdm

from course.corpora import NAMES, Corpus, load_corpus
from course.files import write_atomic
from course.milestones import Milestones, continuation, rungs
from course.runs import settings
from course.wall import prompt, shown
from minigpt_lib.checkpoint import Run, load_checkpoint
from minigpt_lib.data import train_val_split
from minigpt_lib.model import GPT
from minigpt_lib.sample import stream
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import TrainConfig, bits_per_character, train

MAX_THREADS = 4  # enough for models this small


def train_to(
    out: Path,
    preset: str = "cpu",
    corpus: str | None = None,
    steps: int | None = None,
    seed: int | None = None,
    resume: bool = False,
) -> None:
    """Train a preset on a corpus into the folder `out`, with a progress bar, and say how it went.

    Above the bar stand the rungs of the ladder that the model passes, which the log keeps too, and
    at each evaluation a line that it writes.

    Resuming goes on with the preset, corpus, steps and seed of the run, except those given anew.

    Raises:
        ValueError: an unknown preset or corpus, a folder that is taken, or one without a run to
            resume; the run was on another text; more than one process.
    """
    if (processes := os.environ.get("WORLD_SIZE", "1")) != "1":
        raise ValueError(f"minigpt train runs as one process, not {processes}; run it by itself")
    claim(out, resume)
    plan = _plan(out) if resume else {"preset": preset}
    text = load_corpus(corpus or plan.get("corpus"))
    if plan.get("sha256", text.sha256) != text.sha256:
        raise ValueError(f"the run in {out} learned from another text than {text.source}")
    tokenizer = CharTokenizer.from_text(text.text)
    model_config, config = settings(plan["preset"], tokenizer.vocab_size)
    wanted = {"max_steps": plan.get("steps") if steps is None else steps}
    wanted |= {"seed": plan.get("seed") if seed is None else seed}
    given = {name: value for name, value in wanted.items() if value is not None}
    config = dataclasses.replace(config, **given)
    split = train_val_split(tokenizer.encode(text.text))
    torch.set_num_threads(min(torch.get_num_threads(), MAX_THREADS))
    torch.manual_seed(config.seed)
    model = GPT(model_config)
    start = load_checkpoint(out).step if resume else 0
    _note(out, plan["preset"], text, config)
    progress = Progress(start, config.max_steps)
    passed = rungs(text, *split, tokenizer.vocab_size)
    milestones = Milestones(model, split[1], passed, log=out / "log.jsonl", say=progress.say)
    opening = tokenizer.encode(prompt(text))

    def on_step(record: dict) -> None:
        progress.update(record)
        milestones(record)
        if "val_loss" in record:
            written = tokenizer.decode(continuation(model, opening))
            progress.say(f"step {record['step']} writes: {shown(prompt(text) + written)}")

    with progress.bar:
        run = Run(out, tokenizer, resume)
        records = train(model, *split, config, run=run, on_step=on_step)
    _report(out, records[-1], progress, text.text, len(split[1]))


def claim(out: Path, resume: bool) -> None:
    """Make sure that a run can be written to `out` and that nothing there is lost by it.

    Raises:
        ValueError: the folder can't be written to, or it holds a run or something else.
    """
    if not resume and (out / "last.txt").exists():
        raise ValueError(f"{out} holds a run; go on with it (--resume) or choose another --out")
    if resume and not (out / "run.json").exists():
        raise ValueError(f"{out} holds no run to resume; start one without --resume")
    try:
        is_taken = out.is_dir() and any(out.iterdir()) and not (out / "run.json").exists()
        out.mkdir(parents=True, exist_ok=True)
        write_atomic(out / "run.json.part", "")
        (out / "run.json.part").unlink()
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"can't write to {out} ({reason}); choose another --out") from None
    if is_taken:
        raise ValueError(f"{out} is not empty and holds no run; choose another --out")


def _plan(out: Path) -> dict:
    try:
        plan = json.loads((out / "run.json").read_text(encoding="utf-8"))
        return {"preset": plan["preset"]} | plan
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{out / 'run.json'} is damaged ({error}); train again") from None


def _note(out: Path, preset: str, text: Corpus, config: TrainConfig) -> None:
    """Write down what the run is made of, so that it can be resumed from any folder."""
    name = text.name if text.name in NAMES else text.source
    plan = {"preset": preset, "corpus": name, "sha256": text.sha256}
    plan |= {"steps": config.max_steps, "seed": config.seed}
    write_atomic(out / "run.json", json.dumps(plan, indent=1))


class Progress:
    """A bar with the loss, and how long the updates take."""

    def __init__(self, start: int, total: int):
        self.bar = tqdm(initial=start, total=total, unit="step", mininterval=0.5)
        self.seconds: list[float] = []
        self.last = time.perf_counter()

    def update(self, record: dict) -> None:
        """Called after every step with its record."""
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now
        kind = "val_loss" if "val_loss" in record else "loss"
        self.bar.set_postfix_str(f"{kind} {record[kind]:.3f}", refresh=False)
        self.bar.update()

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self.bar.write(line)

    def steps_per_second(self) -> float:
        """Of the typical step: the median leaves out the pauses in which the model is scored."""
        return 1 / statistics.median(self.seconds)


def _report(out: Path, record: dict, progress: Progress, text: str, num_tokens: int) -> None:
    nats = record["val_loss"]
    bits = bits_per_character(nats, num_tokens, num_tokens)  # a token is a character
    print(f"{nats:.3f} nats or {bits:.3f} bits per character on the whole validation text")
    if progress.seconds:
        print(f"{progress.steps_per_second():.1f} steps per second")
    else:
        print(f"complete at step {record['step']} already; to go further give more --steps")
    print(f"saved in {out}; to let it speak:")
    print(f'minigpt sample --checkpoint "{out}" --prompt "{text.split()[0]}"')


def sample_from(
    checkpoint: Path,
    prompt: str,
    length: int = 500,
    seed: int | None = None,
    **sampling,
) -> None:
    """Print the prompt and what the model writes after it, as it is written.

    Args:
        length: number of tokens to write.
        seed: the same seed writes the same text; None draws anew each time.
        sampling: temperature, top_k, top_p as in minigpt_lib.sample.
    Raises:
        ValueError: a folder without a usable checkpoint, an empty prompt or one with unknown
            characters, or a setting out of range.
    """
    if length < 1:
        raise ValueError(f"--length must be at least 1, got {length}")
    if not prompt:
        raise ValueError("the prompt is empty; give at least one character")
    saved = load_checkpoint(checkpoint)
    if saved.tokenizer is None:
        raise ValueError(f"{checkpoint} holds no tokenizer; train again with one")
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    pieces = stream(saved.model, saved.tokenizer, prompt, length, generator=generator, **sampling)
    first = next(pieces, "")  # bad settings are refused before anything is printed
    print(prompt + first, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()
