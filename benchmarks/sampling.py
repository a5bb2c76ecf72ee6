"""Temperature against correctness and variety, for chapter 09, on models trained in full.

    minigpt train --preset cpu --corpus shakespeare --out RUNS/shakespeare
    minigpt train --preset cpu --corpus tinytales --out RUNS/tinytales
    python -m benchmarks.sampling RUNS

400 samples per temperature, for five prompts of the validation text, each as long as the context
of 64 allows. What each figure counts stands in course/written.py.
"""

import sys
from pathlib import Path

from benchmarks.report import write_result
from course import written
from course.corpora import load_corpus
from minigpt_lib.checkpoint import load_checkpoint

TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5)


def measure(corpus: str, run: Path) -> dict:
    """For each temperature the shares that are counted in samples of one model."""
    text, val_text = written.train_val_texts(load_corpus(corpus).text)
    known, is_tales = set(written.words_of(text)), corpus == "tinytales"
    prompts = (written.scene_openings if is_tales else written.openings)(val_text)
    saved = load_checkpoint(run)
    rows = []
    for temperature in TEMPERATURES:
        samples = {
            prompt: written.write_samples(saved, prompt, 80, seed, temperature=temperature)
            for seed, prompt in enumerate(prompts)
        }
        texts = [text for each in samples.values() for text in each]
        row = {"temperature": temperature, "real words": written.real_words(texts, known)}
        row["distinct-3"] = written.distinct(texts)
        if is_tales:
            row["valid sentences"] = written.sentences(samples)
            row["faithful"] = written.faithful(samples)
        rows.append({name: round(share, 3) for name, share in row.items()})
    return {"steps": saved.step, "rows": rows}


def main() -> None:
    """Measure, print, write."""
    runs = Path(sys.argv[1])
    figures = {
        "what": "shares counted in 400 samples per temperature, preset cpu",
        "shakespeare": measure("shakespeare", runs / "shakespeare"),
        "tinytales": measure("tinytales", runs / "tinytales"),
        "command": "python -m benchmarks.sampling RUNS",
    }
    write_result("sampling", figures)


if __name__ == "__main__":
    main()
