"""How fast our tokenizer encodes, beside tiktoken with the same merges on the same text.

    python -m benchmarks.encoding

Our BPETokenizer learns 1,024 tokens from TinyShakespeare's training text; its merges are loaded
into tiktoken. Both then encode the whole text, in turn, five times; ours begins each time without
any piece remembered. The ids must be equal. Times are those of the processor.
"""

import statistics
from typing import Any

from benchmarks.report import processor_seconds, write_result
from course.corpora import load_corpus
from course.written import train_val_texts
from minigpt_lib.bpe import BPETokenizer

VOCAB_SIZE = 1024
ROUNDS = 5


def measure(text: str, vocab_size: int = VOCAB_SIZE) -> dict[str, Any]:
    """Encode a text with both, in turn; the figures of this run.

    Raises:
        ValueError: if the two disagree, so that the times would mean nothing.
    """
    learned = BPETokenizer.train(train_val_texts(text)[0], vocab_size)
    theirs, size = learned.to_tiktoken(), len(text.encode("utf-8"))
    if learned.encode(text) != theirs.encode_ordinary(text):
        raise ValueError("the two tokenizers give different ids; there is nothing to compare")
    ours_seconds, their_seconds = [], []
    for _ in range(ROUNDS):
        fresh = BPETokenizer(learned.merges)
        ours_seconds.append(processor_seconds(lambda fresh=fresh: fresh.encode(text)))
        their_seconds.append(processor_seconds(lambda: theirs.encode_ordinary(text)))
    ours, tiktoken = (statistics.median(times) for times in (ours_seconds, their_seconds))
    return {
        "what": f"encoding {size:,} bytes with {vocab_size:,} tokens",
        "ours_seconds": round(ours, 4),
        "tiktoken_seconds": round(tiktoken, 4),
        "ours_megabytes_per_second": round(size / ours / 1e6, 2),
        "tiktoken_megabytes_per_second": round(size / tiktoken / 1e6, 2),
        "ours_over_tiktoken": round(tiktoken / ours, 3),
        "rounds": ROUNDS,
        "command": "python -m benchmarks.encoding",
    }


if __name__ == "__main__":
    write_result("encoding", measure(load_corpus("shakespeare").text))
