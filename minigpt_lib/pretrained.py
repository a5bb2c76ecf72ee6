"""Weights from a stranger: a Hugging Face GPT-2 poured into our GPT."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from minigpt_lib.model import GPT, GPTConfig

# Hugging Face's name for each of our parameters; {i} is the number of the block.
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
    config = GPTConfig(
        vocab_size=settings["vocab_size"],
        context_length=settings["n_positions"],
        embed_dim=settings["n_embd"],
        num_heads=settings["n_head"],
        num_layers=settings["n_layer"],
        dropout=settings["resid_pdrop"],
    )
    model = GPT(config).to(weights["wte.weight"].dtype)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(find_weight(name, weights, parameter.shape))
    return model.eval()


def read_huggingface(model_or_path: torch.nn.Module | str | Path) -> tuple[dict, dict]:
    """The settings and the named tensors of a GPT-2, from a model or from its folder."""
    if isinstance(model_or_path, torch.nn.Module):
        settings, weights = model_or_path.config.to_dict(), model_or_path.state_dict()
    else:
        folder = Path(model_or_path)
        if not (folder / "config.json").is_file() or not (folder / "model.safetensors").is_file():
            raise ValueError(
                f"{folder} must hold config.json and model.safetensors; "
                "write them with save_pretrained"
            )
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "model.safetensors")
    return settings, {name.removeprefix("transformer."): w for name, w in weights.items()}


def check_settings(settings: dict) -> None:
    """Raise a ValueError if a formula of the source differs from ours."""
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


def find_weight(name: str, weights: dict, shape: torch.Size) -> torch.Tensor:
    """The source's tensor for our parameter `name`, turned to our orientation."""
    stem, kind = name.rsplit(".", 1)
    parts = stem.split(".")
    number = parts[1] if parts[0] == "blocks" else ""
    pattern = stem.replace(f"blocks.{number}.", "blocks.{i}.") if number else stem
    source = f"{HUGGINGFACE_NAMES[pattern].format(i=number)}.{kind}"
    if source not in weights:
        raise ValueError(f"the source has no tensor {source}, which belongs to {name}")
    weight = weights[source]
    is_linear = pattern.endswith(("qkv", "proj", "up", "down")) and kind == "weight"
    weight = weight.T if is_linear else weight
    if weight.shape != shape:
        raise ValueError(f"{source} has shape {tuple(weight.shape)}, {name} needs {tuple(shape)}")
    return weight
