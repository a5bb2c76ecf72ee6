"""How long learning a vocabulary of 512 takes, beside minbpe's RegexTokenizer.

    git clone https://github.com/karpathy/minbpe /somewhere/minbpe
    python -m benchmarks.bpe /somewhere/minbpe

Both learn from the clone's tests/taylorswift.txt (185 KB of English), cut by the same pattern, in
turn in one process, three times; the medians are compared.
"""

import argparse
import statistics
import sys
from pathlib import Path

from benchmarks.report import seconds, write_result
from minigpt_lib.bpe import GPT2_PATTERN, BPETokenizer

VOCAB_SIZE = 512
ROUNDS = 3


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
        "what": f"training to {VOCAB_SIZE} tokens, {len(text.encode()):,} bytes of English",
        "ours_seconds": round(statistics.median(ours), 3),
        "minbpe_seconds": round(statistics.median(theirs), 3),
        "share_of_minbpe": round(statistics.median(ours) / statistics.median(theirs), 4),
        "rounds": ROUNDS,
        "command": "python -m benchmarks.bpe MINBPE",
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minbpe", type=Path, help="folder of a clone of karpathy/minbpe")
    clone = parser.parse_args().minbpe
    if not (clone / "minbpe" / "regex.py").is_file():
        parser.error(f"{clone} is not a clone of minbpe: it has no minbpe/regex.py")
    write_result("bpe", measure(clone.resolve()))


if __name__ == "__main__":
    main()
