"""Weights from a stranger: a Hugging Face GPT-2 poured into our GPT."""

# Written from notebooks/07_model.ipynb by `minigpt export`; edit that, not this file.

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from minigpt_lib.model import GPT, GPTConfig

# Hugging Face's names for our sizes and for our parameters; {i} is the number of the block.
HUGGINGFACE_SIZES = {
    "vocab_size": "vocab_size",
    "context_length": "n_positions",
    "embed_dim": "n_embd",
    "num_heads": "n_head",
    "num_layers": "n_layer",
    "dropout": "resid_pdrop",
}
HUGGINGFACE_NAMES = {
    "embedding.token": "wte",
    "embedding.position": "wpe",
    "blocks.{i}.norm1": "h.{i}.ln_1",
    "blocks.{i}.attention.qkv": "h.{i}.attn.c_attn",
    "blocks.{i}.attention.proj": "h.{i}.attn.c_proj",
    "blocks.{i}.norm2": "h.{i}.ln_2",
    "blocks.{i}.mlp.up": "h.{i}.mlp.c_fc",
    "blocks.{i}.mlp.down": "h.{i}.mlp.c_proj",
    "norm": "ln_f",
}


def read_huggingface(model_or_path: torch.nn.Module | str | Path) -> tuple[dict, dict]:
    """The settings and the named tensors of a GPT-2, from a model or from its folder.

    Raises:
        ValueError: if it is neither, or a file is missing or damaged.
    """
    if isinstance(model_or_path, torch.nn.Module):
        config = getattr(model_or_path, "config", None)
        if not hasattr(config, "to_dict"):
            raise ValueError(f"{type(model_or_path).__name__} is not a model of transformers")
        settings, weights = config.to_dict(), model_or_path.state_dict()
    else:
        folder = Path(model_or_path)
        for name in ("config.json", "model.safetensors"):
            if not (folder / name).is_file():
                raise ValueError(f"{folder} has no {name}; write both files with save_pretrained")
        try:
            settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            weights = load_file(folder / "model.safetensors")
        except (ValueError, SafetensorError) as error:
            raise ValueError(f"a file in {folder} is damaged: {error}; write it again") from None
    return settings, {name.removeprefix("transformer."): w for name, w in weights.items()}


def check_settings(settings: dict) -> None:
    """Raise a ValueError if a size is missing, or a formula of the source differs from ours."""
    width = settings.get("n_embd")
    expected = {
        "model_type": {"gpt2"},
        "activation_function": {"gelu_new", "gelu_pytorch_tanh"},
        "layer_norm_epsilon": {1e-5},
        "n_inner": {None, width and 4 * width},
        "scale_attn_weights": {True, None},
        "scale_attn_by_inverse_layer_idx": {False, None},
        "tie_word_embeddings": {True, None},
    }
    for name, allowed in expected.items():
        if settings.get(name) not in allowed:
            raise ValueError(
                f"{name} is {settings.get(name)!r}; from_huggingface reads GPT-2 models "
                f"whose {name} is {sorted(allowed - {None}, key=str)[0]!r}"
            )
    for name in HUGGINGFACE_SIZES.values():
        if name not in settings:
            raise ValueError(f"the source's config has no {name}; write it with save_pretrained")


def find_weight(name: str, weights: dict, shape: torch.Size) -> torch.Tensor:
    """The source's tensor for our parameter `name`, turned to our orientation.

    Raises:
        ValueError: if the source lacks it or its shape differs from `shape`.
    """
    stem, kind = name.rsplit(".", 1)
    parts = stem.split(".")
    number = parts[1] if parts[0] == "blocks" else ""
    pattern = stem.replace(f"blocks.{number}.", "blocks.{i}.") if number else stem
    source = f"{HUGGINGFACE_NAMES[pattern].format(i=number)}.{kind}"
    if source not in weights:
        raise ValueError(f"the source has no tensor {source}, which belongs to {name}")
    is_linear = pattern.endswith(("qkv", "proj", "up", "down")) and kind == "weight"
    weight = weights[source].T if is_linear else weights[source]
    if weight.shape != shape:
        raise ValueError(f"{source} has shape {tuple(weight.shape)}, {name} needs {tuple(shape)}")
    return weight


def from_huggingface(model_or_path: torch.nn.Module | str | Path) -> GPT:
    """Our GPT with the weights of a Hugging Face GPT-2.

    Args:
        model_or_path: a transformers GPT2LMHeadModel, or a folder with config.json and
            model.safetensors as its save_pretrained writes them.
    Returns:
        a GPT in eval mode, in the dtype of the source; it gives the same logits.
    Raises:
        ValueError: if the source is not a GPT-2, or one whose formulas differ from ours.
    Source: Radford et al. 2019; Conv1D stores its matrix as (in, out), nn.Linear as (out, in).
    """
    settings, weights = read_huggingface(model_or_path)
    check_settings(settings)
    model = GPT(GPTConfig(**{ours: settings[name] for ours, name in HUGGINGFACE_SIZES.items()}))
    found = {name: find_weight(name, weights, p.shape) for name, p in model.named_parameters()}
    model.to(found["embedding.token.weight"].dtype)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(found[name])
    return model.eval()
