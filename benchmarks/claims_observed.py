"""Often-said claims about what a trained model does, looked at in the models of the ladder."""

import itertools
from typing import Any

import torch
from torch import Tensor

from benchmarks.ladder import trained
from benchmarks.trials import SEEDS, characters, kept, mean, plain, signed
from course.corpora import load_corpus
from course.tinytales import surprisal
from course.written import distinct, real_words, train_val_texts, words_of
from minigpt_lib.attention import attention_weights
from minigpt_lib.data import sliding_windows
from minigpt_lib.model import GPT
from minigpt_lib.sample import generate

TEMPERATURES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 1.0)
SAMPLES, LENGTH = 24, 300  # texts for each temperature, and their characters


@torch.no_grad()
def look(model: GPT, ids: Tensor) -> dict[str, list[list[float]]]:
    """How far back each head looks, how evenly, and how much at the token just before.

    Averages over the second half of the positions of windows all over `ids`; one list a layer,
    one number a head.
    """
    T = model.config.context_length
    x, _ = sliding_windows(ids, T, len(ids) // 100)  # (N, T)
    back = (torch.arange(T)[:, None] - torch.arange(T)).clamp(min=0)  # (T, T)
    seen: dict[str, list[list[float]]] = {"distance": [], "entropy": [], "previous": []}
    x = model.embedding(x)  # (N, T, C)
    for block in model.blocks:
        q, k, _ = block.attention.project(block.norm1(x))  # (N, H, T, D)
        weights = attention_weights(q, k, block.attention.mask)  # (N, H, T, T)
        figures = {
            "distance": (weights * back).sum(-1),  # (N, H, T)
            "entropy": torch.special.entr(weights).sum(-1),  # (N, H, T)
            "previous": (weights * (back == 1)).sum(-1),  # (N, H, T)
        }
        for name, figure in figures.items():
            heads = figure[:, :, T // 2 :].mean(dim=(0, 2))  # (H,)
            seen[name].append([round(number, 4) for number in heads.tolist()])
        x = block(x)  # (N, T, C)
    return seen


def unlike(layers: list[list[float]]) -> float:
    """How far apart a layer's heads are: the largest less the smallest, mean over layers."""
    return mean([max(heads) - min(heads) for heads in layers])


def agreement(models: list[list[list[float]]]) -> float:
    """Correlation of the heads' figures between models, head by head, each layer's mean taken off.

    1: head 3 of a layer does in every model what it does in the first; 0: its number says nothing.
    """
    centred = [torch.tensor(layers) for layers in models]
    centred = [(layers - layers.mean(dim=1, keepdim=True)).flatten() for layers in centred]
    pairs = itertools.combinations(centred, 2)
    return mean([torch.cosine_similarity(a, b, dim=0).item() for a, b in pairs])


def heads() -> dict[str, Any]:
    """Whether heads of one layer do different things, and the same things in every training."""
    val_ids, tokenizer = characters()[1:]

    def untrained(seed: int) -> GPT:
        torch.manual_seed(seed)
        return plain(tokenizer.vocab_size)

    def measure(seed: int) -> dict[str, Any]:
        models = {"trained": trained("shakespeare", seed).model, "untrained": untrained(seed)}
        return {name: look(model, val_ids) for name, model in models.items()}

    looks = [kept(f"claims/heads-{seed}", lambda s=seed: measure(s)) for seed in SEEDS]
    distances = [seen["trained"]["distance"] for seen in looks]
    apart, apart_before = (
        mean([unlike(seen[kind]["distance"]) for seen in looks])
        for kind in ("trained", "untrained")
    )
    previous = [max(map(max, seen["trained"]["previous"])) for seen in looks]
    same = agreement(distances)
    ordered = agreement([[sorted(heads) for heads in layers] for layers in distances])
    special = apart > 3 * apart_before
    return {
        "claim": "Heads specialise.",
        "measured": f"The heads of a layer look {apart:.1f} positions apart on average (untrained "
        f"{apart_before:.2f}), and in each of {len(SEEDS)} trainings one head puts at least "
        f"{min(previous):.0%} of its weight on the character just before. Which head does what "
        f"differs from seed to seed: the correlation head by head is {signed(same, 2)}, and "
        f"{signed(ordered, 2)} once each layer's heads are sorted.",
        "holds": "no" if not special else "yes" if same > 0.5 else "partly",
        "figures": {
            "seeds": list(SEEDS),
            "apart": round(apart, 3),
            "apart_untrained": round(apart_before, 3),
            "previous": previous,
            "agreement": round(same, 3),
            "agreement_sorted": round(ordered, 3),
            "trained": [seen["trained"] for seen in looks],
        },
    }


def possible(text: str) -> int:
    """TinyTales: how many characters come before the first that the grammar cannot write."""
    return sum(bits < float("inf") for bits in surprisal(text))


def write(corpus: str, temperature: float) -> dict[str, float]:
    """Samples of one model of the ladder at a temperature, and how good they are."""
    tokenizer = characters(corpus)[-1]
    known = set(words_of(train_val_texts(load_corpus(corpus).text)[0]))
    prompt = torch.tensor([tokenizer.encode("\n\n")] * SAMPLES)  # (N, 2): a new scene begins
    chance = torch.Generator().manual_seed(SEEDS[0])
    model = trained(corpus, SEEDS[0]).model
    rows = generate(model, prompt, LENGTH, temperature=temperature, generator=chance)[:, 2:]
    texts = [tokenizer.decode(row) for row in rows.tolist()]
    result = {
        "distinct_3": mean([distinct([text]) for text in texts]),  # loops within a text
        "real_words": real_words(texts, known),
    }
    if corpus == "tinytales":
        result["possible_characters"] = mean([possible(text) for text in texts])
    return {name: round(number, 4) for name, number in result.items()}


def temperature() -> dict[str, Any]:
    """What gets better and what gets worse as the temperature falls."""
    rows = {
        corpus: {str(t): kept(f"claims/write-{corpus}-{t}", lambda c=corpus, t=t: write(c, t))
                 for t in TEMPERATURES}
        for corpus in ("shakespeare", "tinytales")
    }  # fmt: skip
    plays, tales = rows["shakespeare"], rows["tinytales"]
    low, rule, high = "0.1", "0.3", "0.8"
    loops = plays[low]["distinct_3"] < 0.9 * plays[rule]["distinct_3"]
    breaks = tales[low]["possible_characters"] < tales[rule]["possible_characters"]
    return {
        "claim": "Never sample below a temperature of 0.3.",
        "measured": "On Shakespeare at 0.1, 0.3 and 0.8, "
        + ", ".join(f"{plays[t]['distinct_3']:.0%}" for t in (low, rule, high))
        + " of three-word sequences are different and "
        + ", ".join(f"{plays[t]['real_words']:.0%}" for t in (low, rule, high))
        + " of the words are real. On TinyTales the grammar allows the first "
        + ", ".join(f"{tales[t]['possible_characters']:.0f}" for t in (low, rule, high))
        + f" of {LENGTH} characters.",
        "holds": "yes" if loops and breaks else "partly" if loops or breaks else "no",
        "figures": rows | {"samples": SAMPLES, "length": LENGTH, "seeds": [SEEDS[0]]},
    }
