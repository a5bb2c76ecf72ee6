"""What `minigpt run` does: the chapters in order, the ladder of scores, and the model's words."""

import math
import os
import threading
import time
from pathlib import Path

import nbformat
import psutil
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from course.corpora import Corpus, load_corpus
from course.notebook import chapters, code_cells, notebook_text, number, read_notebook
from course.paths import NOTEBOOKS, RUNS
from course.runs import ladder, trained_model
from course.training import MAX_THREADS
from minigpt_lib.data import train_val_split
from minigpt_lib.sample import stream

LAST = 9  # the chapter in which the model speaks
TIMEOUT = 1800  # seconds a cell may take on a slow machine


def run_chapters() -> int:
    """Execute copies of chapters 00 to 09; returns the exit code: 1 if one of them fails.

    Raises:
        ValueError: the corpus in MINIGPT_CORPUS can't be used.
    """
    corpus = load_corpus()
    print(f"Text: {corpus.name}, {len(corpus.text):,} characters ({corpus.source})")
    is_own = corpus.name not in ("shakespeare", "tinytales")
    env = os.environ | {"MINIGPT_CORPUS": corpus.source if is_own else corpus.name}
    env.setdefault("OMP_NUM_THREADS", str(min(torch.get_num_threads(), MAX_THREADS)))
    for path in chapters(NOTEBOOKS):
        if int(number(path)) <= LAST and not _execute(path, env):
            return 1
    print(f"\n{ladder_text(corpus)}\n")
    print(_speak(corpus))
    return 0


def _execute(path: Path, env: dict[str, str]) -> bool:
    """Run a copy of a notebook in a kernel of its own; one line says how it went."""
    folder = RUNS / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / path.name
    notebook = read_notebook(path)
    print(f"{_title(notebook):<34}", end="", flush=True)
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3", resources=resources)
    client.extra_arguments = ["--log-level=ERROR"]  # kernels warn about their transport
    started, memory = time.perf_counter(), Memory(client)
    problem = None
    try:
        with memory:
            client.execute(env=env)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        problem = _problem(notebook, error)
    finally:
        copy.write_text(nbformat.writes(notebook), encoding="utf-8")
    if problem is None:
        copy.write_text(notebook_text(notebook), encoding="utf-8")
        print(f"{time.perf_counter() - started:6.1f} s {memory.peak / 1e6:6,.0f} MB", flush=True)
        return True
    print(f"failed\n  {problem}\n  The executed copy lies in {copy}")
    return False


def _title(notebook: nbformat.NotebookNode) -> str:
    return notebook.cells[0].source.splitlines()[0].lstrip("# ")


def _problem(notebook: nbformat.NotebookNode, error: Exception) -> str:
    """The cell that failed and its error, in one line."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                return f"cell {cell.id}: {output.ename}: {output.evalue}"
    started = [c for c in code_cells(notebook) if "execution" in c.metadata]
    cell = started[-1].id if started else "?"
    return f"cell {cell}: {type(error).__name__}: {str(error).splitlines()[0]}"


class Memory:
    """Watches, in a thread of its own, how much memory a notebook's kernel takes at most."""

    def __init__(self, client: NotebookClient):
        self.client, self.peak = client, 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.is_over.wait(0.2):
            provisioner = getattr(self.client.km, "provisioner", None)
            try:
                kernel = psutil.Process(provisioner.pid)
                self.peak = max(self.peak, kernel.memory_info().rss)
            except (AttributeError, TypeError, ValueError, psutil.Error):
                continue  # not started yet, or over


def ladder_text(corpus: Corpus) -> str:
    """The scores of this text's models as a table, from knowing nothing to what can't be beaten."""
    rungs = ladder(corpus)
    if corpus.name == "tinytales":
        rungs["the floor"] = floor(corpus.text)
    lines = ["On the validation text    nats  bits per character"]
    lines += [f"{name:<22} {nats:7.3f} {nats / math.log(2):11.3f}" for name, nats in rungs.items()]
    return "\n".join(lines)


def floor(text: str) -> float:
    """What nobody can beat on TinyTales' validation text: the mean surprisal in nats."""
    from course.tinytales import surprisal

    learned, validation = train_val_split(range(len(text)))
    bits = surprisal(text)[len(learned) :]
    return sum(bits) / len(validation) * math.log(2)


def _speak(corpus: Corpus) -> str:
    """300 characters of the model that chapter 08 trained, after the text's first word."""
    saved = trained_model("cpu", corpus)
    prompt = corpus.text.split()[0]
    chance = torch.Generator().manual_seed(0)
    pieces = stream(saved.model, saved.tokenizer, prompt, 300, temperature=0.8, generator=chance)
    head = f"The model after {saved.step:,} steps, given {prompt!r}:"
    return f"{head}\n{prompt}{''.join(pieces)}"
