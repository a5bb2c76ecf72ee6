"""Every benchmark in turn, those of training last; then the book's page of what was measured.

    make bench NANOGPT=/somewhere/nanoGPT MINBPE=/somewhere/minbpe

Without a clone of a program, what is measured beside it is left out. Begun from nothing it takes
about two hours; what was trained before is kept in runs/bench and not trained again.
"""

import argparse
import subprocess
import sys

BESIDE = {"nanogpt": ["training", "loss"], "minbpe": ["bpe"]}  # need a clone
ALONE = ["flops", "encoding", "gradient_norms", "overfitting", "gallery", "ladder", "claims"]


def plan(clones: dict[str, str]) -> list[list[str]]:
    """The programs to run, each with its arguments; `clones` has the folder of each clone."""
    beside = [[each, clones[name]] for name in BESIDE if name in clones for each in BESIDE[name]]
    quick = [program for program in beside if program[0] != "loss"]  # clocks first, trainings last
    slow = [program for program in beside if program[0] == "loss"]
    return [*quick, *([name] for name in ALONE), *slow, ["page"]]


def left_out(clones: dict[str, str]) -> str:
    """One line that says what needs a clone which is not there; empty if nothing does."""
    missing = {name: programs for name, programs in BESIDE.items() if name not in clones}
    parts = [f"{' and '.join(programs)} (needs {name.upper()}=folder of a clone)"
             for name, programs in missing.items()]  # fmt: skip
    return f"Left out: {'; '.join(parts)}." if parts else ""


def main() -> None:
    """Run each benchmark in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure all.")
    for name in BESIDE:
        parser.add_argument(f"--{name}", help=f"folder of a clone of karpathy/{name}")
    clones = {name: path for name, path in vars(parser.parse_args()).items() if path}
    if line := left_out(clones):
        print(line, flush=True)
    for program, *arguments in plan(clones):
        subprocess.run([sys.executable, "-m", f"benchmarks.{program}", *arguments], check=True)


if __name__ == "__main__":
    main()
