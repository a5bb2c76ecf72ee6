"""Our GPT equals Hugging Face's GPT-2, with every parameter redrawn so that none can hide."""

import json

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoConfig, GPTNeoForCausalLM

from minigpt_lib.blocks import LayerNorm
from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.pretrained import from_huggingface
from minigpt_lib.sample import generate

# Rounding alone: float64 leaves about 1e-14 here and float32 about 1e-5 (logits are of size 10).
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
SIZES = {"vocab_size": 101, "n_positions": 32, "n_embd": 48, "n_layer": 3, "n_head": 4}


def gpt2(dtype=torch.float64, seed=0, **settings):
    """A Hugging Face GPT-2: gains 1 ± 0.2, everything else ± 0.2."""
    config = GPT2Config(**SIZES, bos_token_id=0, eos_token_id=None, **settings)
    reference = GPT2LMHeadModel(config)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in reference.named_parameters():
        is_gain = "ln_" in name and name.endswith("weight")
        nn.init.normal_(parameter, float(is_gain), 0.2, generator=generator)
    return reference.eval().to(dtype)


@torch.no_grad()
def difference(model, reference, seed=0):
    ids = torch.randint(101, (3, 32), generator=torch.Generator().manual_seed(seed))
    return (model(ids)[0] - reference(ids).logits).abs().max().item()


@pytest.fixture
def folder(tmp_path):
    gpt2().save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_logits_equal_gpt2s(dtype, seed):
    reference = gpt2(dtype, seed)
    model = from_huggingface(reference)
    assert model.embedding.token.weight.dtype == dtype and not model.training
    assert difference(model, reference, seed) < TOLERANCE[dtype]


def test_gradients_equal_gpt2s():
    reference = gpt2().eval()
    model = from_huggingface(reference)
    ids = torch.randint(101, (2, 20), generator=torch.Generator().manual_seed(0))
    model(ids[:, :-1], ids[:, 1:])[1].backward()
    logits = reference(ids[:, :-1]).logits  # its own loss would round to float32
    F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
    ours, theirs = model.blocks[0].attention.proj, reference.transformer.h[0].attn.c_proj
    assert (ours.weight.grad.T - theirs.weight.grad).abs().max() < 1e-9
    table = reference.transformer.wte.weight.grad  # the sum of both uses, as tied
    assert (model.embedding.token.weight.grad - table).abs().max() < 1e-9


def test_greedy_text_is_gpt2s():
    reference = gpt2()
    prompt = torch.randint(101, (2, 5), generator=torch.Generator().manual_seed(0))
    theirs = reference.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=27, do_sample=False
    )
    ours = generate(from_huggingface(reference), prompt, 27, temperature=0)
    assert ours.tolist() == theirs.tolist()
    assert len(set(ours[0].tolist())) > 5  # not one token repeated, on which all would agree


def test_a_saved_folder_gives_the_same_model_as_the_object(folder):
    reference = gpt2()
    for model in (from_huggingface(folder), from_huggingface(str(folder))):
        assert difference(model, reference) < TOLERANCE[torch.float64]
        prompt = torch.tensor([[1, 2, 3]])
        again = generate(from_huggingface(reference), prompt, 20, temperature=0)
        assert torch.equal(generate(model, prompt, 20, temperature=0), again)


def test_the_weights_are_copies():
    reference = gpt2()
    model = from_huggingface(reference)
    with torch.no_grad():
        model.norm.weight.zero_()
    assert reference.transformer.ln_f.weight.abs().min() > 0


def exact_gelu(model):
    for block in model.blocks:
        block.mlp.activation = nn.GELU()


def other_eps(model):
    for part in model.modules():
        if isinstance(part, LayerNorm):
            part.eps = 1e-6


def swapped_gains(model):
    block = model.blocks[1]
    block.norm1.weight, block.norm2.weight = block.norm2.weight, block.norm1.weight


def dropped_bias(model):
    nn.init.zeros_(model.blocks[1].attention.proj.bias)


def untransposed(model):
    weight = model.blocks[0].attention.proj.weight  # square, so that it fits either way
    weight.data = weight.data.T.clone()


def shifted_positions(model):
    model.embedding.position.weight.data = model.embedding.position.weight.data.roll(1, dims=0)


FAULTS = [exact_gelu, other_eps, swapped_gains, dropped_bias, untransposed, shifted_positions]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_exceeds_the_tolerance(fault, record_property):
    reference = gpt2()
    model = from_huggingface(reference)
    fault(model)
    largest = difference(model, reference)
    record_property(f"GPT-2 with {fault.__name__}", f"logits differ by {largest:.1e}")
    assert largest > 1000 * TOLERANCE[torch.float64]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation_function": "gelu"}, "activation_function is 'gelu'.*'gelu_new'"),
        ({"activation_function": "relu"}, "activation_function is 'relu'"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon is 1e-06.*1e-05"),
        ({"n_inner": 100}, "n_inner is 100.*192"),
        ({"scale_attn_weights": False}, "scale_attn_weights is False"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings is False"),
    ],
    ids=lambda value: "-".join(map(str, *value.items())) if isinstance(value, dict) else "",
)
def test_a_gpt2_with_other_formulas_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        from_huggingface(gpt2(**settings))


def test_harmless_settings_are_accepted():
    reference = gpt2(n_inner=192, activation_function="gelu_pytorch_tanh")
    assert difference(from_huggingface(reference), reference) < TOLERANCE[torch.float64]


def test_another_architecture_is_refused():
    sizes = {"vocab_size": 31, "max_position_embeddings": 16, "hidden_size": 8, "num_heads": 2}
    config = GPTNeoConfig(**sizes, num_layers=2, attention_types=[[["global", "local"], 1]])
    with pytest.raises(ValueError, match=r"model_type is 'gpt_neo'.*'gpt2'"):
        from_huggingface(GPTNeoForCausalLM(config))


@pytest.mark.parametrize(
    "source", [nn.Linear(2, 2), GPT(GPTConfig(7, 4, 8, 2, 1))], ids=["linear", "ours"]
)
def test_a_module_that_is_not_of_transformers_is_refused(source):
    with pytest.raises(ValueError, match="not a model of transformers"):
        from_huggingface(source)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(ValueError, match=f"has no {missing}.*save_pretrained"):
        from_huggingface(folder)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere has no config\.json"):
        from_huggingface(tmp_path / "nowhere")


@pytest.mark.parametrize("damaged", ["config.json", "model.safetensors"])
def test_a_file_cut_short_is_refused(folder, damaged):
    data = (folder / damaged).read_bytes()
    (folder / damaged).write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="is damaged"):
        from_huggingface(folder)


def rewrite(folder, edit):
    weights = load_file(folder / "model.safetensors")
    edit(weights)
    save_file(weights, folder / "model.safetensors")


def test_a_missing_tensor_is_named(folder):
    rewrite(folder, lambda weights: weights.pop("transformer.h.1.attn.c_proj.bias"))
    with pytest.raises(
        ValueError, match=r"no tensor h.1.attn.c_proj.bias.*blocks.1.attention.proj.bias"
    ):
        from_huggingface(folder)


def test_a_tensor_of_another_shape_is_named(folder):
    rewrite(folder, lambda weights: weights.update({"transformer.ln_f.weight": torch.ones(5)}))
    with pytest.raises(ValueError, match=r"ln_f.weight has shape \(5,\).*needs \(48,\)"):
        from_huggingface(folder)


def test_a_setting_that_is_missing_is_named(folder):
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del settings["n_positions"]
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ValueError, match="config has no n_positions"):
        from_huggingface(folder)
