"""How long learning a vocabulary of 512 takes, beside minbpe's RegexTokenizer.

    git clone https://github.com/karpathy/minbpe /somewhere/minbpe
    python benchmarks/bpe.py /somewhere/minbpe

Both learn from the clone's tests/taylorswift.txt (185 KB of English), cut by the same pattern, one
after the other in the same process, three times; the medians are compared. The result is written
to benchmarks/results/bpe.json.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

from minigpt_lib.bpe import GPT2_PATTERN, BPETokenizer

VOCAB_SIZE = 512
ROUNDS = 3
RESULT = Path(__file__).parent / "results" / "bpe.json"


def seconds(function) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def machine() -> str:
    """The processor, its cores and Python, in one line."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((s.split(":")[1].strip() for s in lines if s.startswith("model name")), name)
    return (
        f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    )


def measure(clone: Path) -> dict:
    """Train both on the same text, in turn; the figures of this run."""
    sys.path.insert(0, str(clone))
    from minbpe import RegexTokenizer

    text = (clone / "tests" / "taylorswift.txt").read_text(encoding="utf-8")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: BPETokenizer.train(text, VOCAB_SIZE)))
        theirs.append(seconds(lambda: RegexTokenizer(GPT2_PATTERN).train(text, VOCAB_SIZE)))
    return {
        "what": f"training to {VOCAB_SIZE} tokens, {len(text.encode('utf-8')):,} bytes of English",
        "ours_seconds": round(statistics.median(ours), 3),
        "minbpe_seconds": round(statistics.median(theirs), 3),
        "share_of_minbpe": round(statistics.median(ours) / statistics.median(theirs), 4),
        "rounds": ROUNDS,
        "command": "python benchmarks/bpe.py MINBPE",
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minbpe", type=Path, help="folder of a clone of karpathy/minbpe")
    clone = parser.parse_args().minbpe
    if not (clone / "minbpe" / "regex.py").is_file():
        parser.error(f"{clone} is not a clone of minbpe: it has no minbpe/regex.py")
    result = json.dumps(measure(clone.resolve()), indent=2)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(result + "\n", encoding="utf-8")
    print(result)


if __name__ == "__main__":
    main()
