"""Every benchmark, each beside a clone of the program it is compared with.

make bench NANOGPT=/somewhere/nanoGPT MINBPE=/somewhere/minbpe
"""

import argparse
import subprocess
import sys

PROGRAMS = {"nanogpt": "benchmarks.training", "minbpe": "benchmarks.bpe"}


def main() -> None:
    """Run each benchmark in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed.")
    for name in PROGRAMS:
        parser.add_argument(f"--{name}", help=f"folder of a clone of karpathy/{name}")
    clones = {name: path for name, path in vars(parser.parse_args()).items() if path}
    if not clones:
        parser.error("name at least one clone to measure beside: --nanogpt FOLDER, --minbpe FOLDER")
    for name, path in clones.items():
        subprocess.run([sys.executable, "-m", PROGRAMS[name], path], check=True)


if __name__ == "__main__":
    main()
