"""The validation loss of the `cpu` preset beside that of nanoGPT's recipe for a CPU, same steps.

    git clone https://github.com/karpathy/nanoGPT /somewhere/nanoGPT
    python -m benchmarks.loss /somewhere/nanoGPT

nanoGPT is prepared and trained by its own programs, in a copy of the clone, with the settings its
README gives for a computer without a graphics card. Its last checkpoint is then scored like ours:
`evaluate`, every character of the validation text but its first.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.ladder import mini_gpt
from benchmarks.report import write_result
from benchmarks.trials import SEEDS, characters, kept, mean
from course.corpora import load_corpus
from minigpt_lib.train import TrainConfig, evaluate

STEPS = TrainConfig().max_steps
RECIPE = (
    "config/train_shakespeare_char.py --device=cpu --compile=False --eval_iters=20 --block_size=64 "
    "--batch_size=12 --n_layer=4 --n_head=4 --n_embd=128 --dropout=0.0 "
    f"--max_iters={STEPS} --lr_decay_iters={STEPS}"
)
KEEP_LAST = ["--always_save_checkpoint=True", "--log_interval=100"]  # changes no weight


class Adapter(nn.Module):
    """A model of nanoGPT's, so that `evaluate` can call it.

    Args:
        model: called as model(x, y) -> (logits, loss), with .config.block_size.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.config = SimpleNamespace(context_length=model.config.block_size)

    def forward(self, ids: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and mean loss for ids and targets (B, T)."""
        return self.model(ids, targets)


def train_theirs(clone: Path) -> Path:
    """Train in a folder that holds a copy of the clone; returns the checkpoint."""
    data = clone / "data" / "shakespeare_char"
    (data / "input.txt").write_text(load_corpus("shakespeare").text, encoding="utf-8", newline="")
    for program in ([data / "prepare.py"], ["train.py", *RECIPE.split(), *KEEP_LAST]):
        subprocess.run([sys.executable, *program], cwd=clone, check=True)
    return clone / "out-shakespeare-char" / "ckpt.pt"


def load_theirs(clone: Path, checkpoint: Path) -> Adapter:
    """The trained model, built by the clone's model.py."""
    sys.path.insert(0, str(clone))
    from model import GPT, GPTConfig  # nanoGPT's model.py

    saved = torch.load(checkpoint, weights_only=True)
    model = GPT(GPTConfig(**saved["model_args"]))
    model.load_state_dict(saved["model"])
    return Adapter(model)


def their_loss(clone: Path) -> float:
    """Train nanoGPT's model and score it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(clone, Path(folder) / "nanoGPT"))
        return evaluate(load_theirs(copy, train_theirs(copy)), characters()[1])


def measure(clone: Path) -> dict[str, Any]:
    """Both losses; ours from the models of the ladder."""
    theirs = kept("nanogpt-loss", lambda: their_loss(clone))
    ours = [mini_gpt("shakespeare", seed) for seed in SEEDS]
    return {
        "what": f"nats per character of the whole validation text after {STEPS:,} steps; batch 12, "
        "context 64, 4 layers, 128 wide, no dropout",
        "ours": [round(nats, 4) for nats in ours],
        "ours_mean": round(mean(ours), 4),
        "seeds": list(SEEDS),
        "nanogpt": round(theirs, 4),
        "nanogpt_command": f"python train.py {RECIPE}",
        "lower_by": round(theirs - mean(ours), 4),
        "steps": STEPS,
        "command": "python -m benchmarks.loss NANOGPT",
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nanogpt", type=Path, help="folder of a clone of karpathy/nanoGPT")
    clone = parser.parse_args().nanogpt.resolve()
    if not (clone / "train.py").is_file():
        parser.error(f"{clone} is not a clone of nanoGPT: it has no train.py")
    write_result("loss", measure(clone))


if __name__ == "__main__":
    main()
