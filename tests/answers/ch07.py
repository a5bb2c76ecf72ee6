"""Chapter 07: right answers written in other ways, and mistakes as a learner may write them."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from minigpt_lib.attention import CausalSelfAttention
from minigpt_lib.blocks import Block, LayerNorm
from minigpt_lib.embeddings import TokenAndPositionEmbedding
from minigpt_lib.model import check_token_ids

# 7.2: the parts as the task gives them


class Parts(nn.Module):
    def __init__(
        self, config, block=Block, norm=LayerNorm, embedding=TokenAndPositionEmbedding, tie=True
    ):
        super().__init__()
        self.config = config
        V, T, C, H = config.vocab_size, config.context_length, config.embed_dim, config.num_heads
        self.embedding = embedding(V, T, C, config.dropout)
        self.blocks = nn.ModuleList()
        for _ in range(config.num_layers):
            self.blocks.append(block(C, H, T, config.dropout, config.bias, norm=norm))
        self.norm = norm(C, bias=config.bias)
        self.head = nn.Linear(C, V, bias=False)
        if tie:
            self.head.weight = self.embedding.token.weight

    def asked(self, ids, targets):
        check_token_ids("ids", ids, self.config.vocab_size)
        if targets is not None:
            check_token_ids("targets", targets[targets != -100], self.config.vocab_size)

    def blocked(self, x):
        for block in self.blocks:
            x = block(x)
        return x

    def scores(self, ids):
        return self.head(self.norm(self.blocked(self.embedding(ids))))


def flat(logits, targets):
    return None if targets is None else F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def gpt(forward):
    """The class a learner has once `forward` is written; the checks of ids come first."""

    def checked(self, ids, targets=None):
        self.asked(ids, targets)
        return forward(self, ids, targets)

    return type("GPT", (Parts,), {"forward": checked})


def scored(loss):
    """A class that is right but for its loss."""

    def forward(self, ids, targets):
        logits = self.scores(ids)
        return logits, None if targets is None else loss(logits, targets)

    return gpt(forward)


def streamed(stream):
    """A class that is right but for its stream."""

    def forward(self, ids, targets):
        logits = self.head(self.norm(stream(self, ids)))
        return logits, flat(logits, targets)

    return gpt(forward)


# 7.2: other ways of writing it


class InSequence(Parts):
    def forward(self, ids, targets=None):
        self.asked(ids, targets)
        whole = nn.Sequential(self.embedding, *self.blocks, self.norm, self.head)
        logits = whole(ids)
        if targets is not None:
            return logits, F.cross_entropy(logits.permute(0, 2, 1), targets)
        return logits, None


class ByHand(Parts):
    """Its own embedding, mask of targets and logarithm of the softmax."""

    def forward(self, ids, targets=None):
        self.asked(ids, targets)
        if ids.shape[1] > self.config.context_length:
            raise ValueError("too long")
        places = self.embedding.position.weight[: ids.shape[1]]
        x = self.embedding.dropout(self.embedding.token(ids) + places)
        logits = self.norm(self.blocked(x)) @ self.head.weight.T
        if targets is None:
            return logits, None
        counted = targets != -100
        chosen = logits[counted].log_softmax(-1)
        return logits, -chosen[torch.arange(len(chosen)), targets[counted]].mean()


class SumOverCount(Parts):
    def forward(self, ids, targets=None):
        self.asked(ids, targets)
        logits = self.scores(ids)
        loss = None
        if targets is not None:
            total = F.cross_entropy(logits.mT, targets, reduction="sum")
            loss = total / (targets != -100).sum()
        return [logits, loss]


class CheckedLate(Parts):
    def forward(self, ids, targets=None):
        check_token_ids("ids", ids, self.config.vocab_size)
        logits = self.scores(ids)
        self.asked(ids, targets)
        return (logits, flat(logits, targets))


# 7.2: mistakes


def normless(self, ids, targets):
    logits = self.head(self.blocked(self.embedding(ids)))
    return logits, flat(logits, targets)


def normed_too_early(self, ids, targets):
    logits = self.head(self.blocked(self.norm(self.embedding(ids))))
    return logits, flat(logits, targets)


def normed_in_the_loop(self, ids, targets):
    x = self.embedding(ids)
    for block in self.blocks:
        x = block(x)
        x = self.norm(x)
    logits = self.head(x)
    return logits, flat(logits, targets)


def blocks_ignored(self, ids):
    x = self.embedding(ids)
    for block in self.blocks:
        block(x)
    return x


def calls_the_list(self, ids):
    return self.blocks(self.embedding(ids))


def returns_in_the_loop(self, ids):
    x = self.embedding(ids)
    for block in self.blocks:
        return block(x)


def all_but_the_last(self, ids):
    x = self.embedding(ids)
    for i in range(len(self.blocks) - 1):
        x = self.blocks[i](x)
    return x


def always_from_the_embedding(self, ids):
    embedded = self.embedding(ids)
    for block in self.blocks:
        x = block(embedded)
    return x


def residual_again(self, ids):
    x = self.embedding(ids)
    for block in self.blocks:
        x = x + block(x)
    return x


def residual_in_place(self, ids):
    x = self.embedding(ids)
    for block in self.blocks:
        x += block(x)
    return x


def viewed_wrong(logits, targets):
    B, T, V = logits.shape
    return F.cross_entropy(logits.contiguous().view(B, V, T), targets)


def gathered(logits, targets):
    logs = F.log_softmax(logits, dim=-1)
    return -torch.gather(logs, 2, targets[:, :, None]).mean()


def every_place_counts(logits, targets):
    each = F.cross_entropy(logits.mT, targets, reduction="none")
    return each.sum() / each.numel()


def probable(self, ids, targets):
    probabilities = torch.softmax(self.scores(ids), dim=-1)
    return probabilities, flat(probabilities, targets)


def from_the_table(self, ids, targets):
    x = self.norm(self.blocked(self.embedding(ids)))
    logits = F.linear(x, self.embedding.token.weight)
    return logits, flat(logits, targets)


def last_only(self, ids, targets):
    logits = self.scores(ids)[:, -1, :]
    return logits, None if targets is None else F.cross_entropy(logits, targets[:, -1])


def alone_without_targets(self, ids, targets):
    logits = self.scores(ids)
    if targets is None:
        return logits
    return logits, flat(logits, targets)


def logits_or_loss(self, ids, targets):
    logits = self.scores(ids)
    return logits if targets is None else flat(logits, targets)


def loss_first(self, ids, targets):
    logits = self.scores(ids)
    return flat(logits, targets), logits


def loss_at_any_rate(self, ids, targets):
    logits = self.scores(ids)
    return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def cut_to_context(self, ids, targets):
    known = self.config.context_length
    logits = self.scores(ids[:, -known:])
    return logits, None if targets is None else flat(logits, targets[:, -known:])


class NoGradient(Parts):
    @torch.no_grad()
    def forward(self, ids, targets=None):
        self.asked(ids, targets)
        logits = self.scores(ids)
        return logits, flat(logits, targets)


class Unasked(Parts):
    def forward(self, ids, targets=None):
        logits = self.scores(ids)
        return logits, flat(logits, targets)


class StaysInEvaluation(Parts):
    def forward(self, ids, targets=None):
        self.asked(ids, targets)
        self.eval()
        logits = self.scores(ids)
        return logits, flat(logits, targets)


SAID_OF_FORWARD = [
    (gpt(normless), "the spread entering the head grows with depth. The last norm is missing"),
    (
        streamed(lambda self, ids: self.blocked(self.embedding(ids, start=1))),
        "equal to the reference with its position table shifted by one. Positions start at 0.",
    ),
    (
        streamed(lambda self, ids: self.blocked(self.embedding.token(ids))),
        "the positions are missing: you looked up the token table alone.",
    ),
    (
        scored(viewed_wrong),
        "the logits are right, the loss is not: view(B, V, T) has the right shape and scrambled",
    ),
    (scored(F.cross_entropy), "F.cross_entropy takes (N, V) and (N,); in three dimensions"),
    (
        scored(lambda logits, targets: F.cross_entropy(logits.flatten(0, 1), targets)),
        "you flattened the logits to (B·T, V) and left the targets (B, T).",
    ),
    (
        scored(lambda logits, y: F.cross_entropy(logits.mT, y, reduction="sum")),
        "your loss is a sum over all positions, so it grows with the batch. Take the mean. (Your",
    ),
    (scored(lambda logits, y: flat(logits, y) / math.log(2)), "your loss is in bits. The task"),
    (scored(every_place_counts), "right without targets of −100, too small with them: they"),
    (scored(gathered), "your loss stops at a target of −100, which is no token: it means"),
    (gpt(probable), "you return probabilities. Logits are the scores before the softmax;"),
    (
        scored(lambda logits, y: flat(torch.softmax(logits, dim=-1), y)),
        "the logits are right, the loss is not: you took a softmax before F.cross_entropy, which",
    ),
    (
        scored(lambda logits, y: flat(logits[:, :-1], y[:, 1:])),
        "you shift the targets once more. get_batch has done it: targets[:, t] is what comes",
    ),
    (
        scored(lambda logits, y: F.cross_entropy(logits[:, -1, :], y[:, -1])),
        "you score the last position alone. Every position has a guess and a target.",
    ),
    (gpt(last_only), "you return the scores of the last position alone, (B, V)."),
    (streamed(blocks_ignored), "as if there were no blocks: block(x) returns the new stream"),
    (
        streamed(calls_the_list),
        "self.blocks is a list: go through it with for, and give each block",
    ),
    (streamed(returns_in_the_loop), "your stream goes through the first block and no other."),
    (streamed(all_but_the_last), "your stream leaves out the last block."),
    (streamed(always_from_the_embedding), "every block of yours reads the embedding, so only"),
    (streamed(residual_again), "you add block(x) to x, and a block has done that itself: the"),
    (streamed(residual_in_place), "you add block(x) to x, and a block has done that itself. (And"),
    (gpt(normed_in_the_loop), "your last norm stands in the loop and acts after every block."),
    (gpt(normed_too_early), "your last norm acts on the embedding, before the blocks."),
    (gpt(from_the_table), "right where the head is tied and wrong where it is not: you took"),
    (gpt(alone_without_targets), "without targets you return the logits alone. Return a pair"),
    (gpt(logits_or_loss), "you return one value. Return a pair: the logits, and the loss or None."),
    (gpt(loss_first), "you return the loss first. The logits come first, then the loss."),
    (gpt(loss_at_any_rate), "your answer stops where there are no targets. Compute the loss only"),
    (
        scored(lambda logits, y: torch.tensor(flat(logits, y).item())),
        "the numbers are right, and nothing can learn from your loss: a detach(), .data, .item()",
    ),
    (scored(lambda logits, y: flat(logits, y).item()), "the numbers are right, and nothing can"),
    (NoGradient, "the numbers are right, and nothing can learn: forward runs without gradients."),
    (Unasked, "a token outside the vocabulary, or nothing to score, gives no ValueError that says"),
    (gpt(cut_to_context), "a text longer than the context is cut in silence. Let the embedding"),
    (
        StaysInEvaluation,
        "forward leaves the model in another mode than it came in, so dropout is off",
    ),
]

# 7.3: the friend's model


class FriendsLayer(nn.Module):
    def __init__(self, C, H, T):
        super().__init__()
        self.read, self.mix = LayerNorm(C), CausalSelfAttention(C, H, T)
        self.think = nn.Sequential(
            LayerNorm(C), nn.Linear(C, 4 * C), nn.GELU(), nn.Linear(4 * C, C)
        )

    def forward(self, x):
        x = x + self.mix(self.read(x))
        return x + self.think(x)


class Friends(nn.Module):
    def __init__(self, vocab_size, context_length, embed_dim, num_heads, num_layers):
        super().__init__()
        self.embedding = TokenAndPositionEmbedding(vocab_size, context_length, embed_dim)
        layers = [FriendsLayer(embed_dim, num_heads, context_length) for _ in range(num_layers)]
        self.blocks = nn.ModuleList(layers)
        self.norm = LayerNorm(embed_dim)
        self.head = nn.Linear(embed_dim, vocab_size, bias=False)
        self.head.weight = self.embedding.token.weight
        self.begin(num_layers)

    def begin(self, num_layers):
        pass

    def forward(self, ids):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def begun(*steps):
    """The friend's model, put right by these steps, one after the other."""

    def begin(self, num_layers):
        for step in steps:
            step(self, num_layers)

    return type("MendedGPT", (Friends,), {"begin": begin})


def matrices(self, num_layers, spread=0.02):
    for parameter in self.parameters():
        if parameter.ndim == 2:
            with torch.no_grad():
                parameter.normal_(0, spread)


def zero_biases(self, num_layers):
    for module in self.modules():
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)


def write_at(spread, names=("proj", "think")):
    def step(self, num_layers):
        for block in self.blocks:
            if "proj" in names:
                nn.init.normal_(block.mix.proj.weight, std=spread(num_layers))
            if "think" in names:
                nn.init.normal_(block.think[-1].weight, std=spread(num_layers))

    return step


small_writers = write_at(lambda L: 0.02 * (2 * L) ** -0.5)


def divided(self, num_layers):
    """Draws all at 0.02 and divides afterwards."""
    with torch.no_grad():
        for block in self.blocks:
            block.mix.proj.weight /= math.sqrt(2 * num_layers)
            block.think[3].weight.mul_(1 / math.sqrt(num_layers + num_layers))


def untied_and_drawn(self, num_layers):
    V, C = self.embedding.token.weight.shape
    self.head = nn.Linear(C, V, bias=False)
    nn.init.normal_(self.head.weight, std=0.02)


def table_copied(self, num_layers):
    self.head.weight = nn.Parameter(self.embedding.token.weight.data.clone())


def tables(self, num_layers, spread=0.02, names=("token", "position")):
    for name in names:
        nn.init.normal_(getattr(self.embedding, name).weight, std=spread)


def token_table(self, num_layers):
    tables(self, num_layers, names=("token",))


def evenly(self, num_layers):
    for parameter in self.parameters():
        if parameter.dim() > 1:
            nn.init.uniform_(parameter, -0.02, 0.02)


def mean_for_spread(self, num_layers):
    for parameter in self.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, 0.02)


def zeroed(self, num_layers):
    nn.init.zeros_(self.embedding.token.weight)
    nn.init.zeros_(self.embedding.position.weight)


def all_smaller(self, num_layers):
    for name, parameter in self.named_parameters():
        if parameter.dim() > 1 and "blocks" in name:
            nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * num_layers))


def gains_drawn(self, num_layers):
    for parameter in self.parameters():
        nn.init.normal_(parameter, std=0.02)


def gains_zeroed(self, num_layers):
    for parameter in self.parameters():
        if parameter.dim() == 1:
            nn.init.zeros_(parameter)


def table_frozen(self, num_layers):
    self.embedding.token.weight.requires_grad = False


SAID_OF_START = [
    (
        begun(zero_biases),
        "the first loss is {s}, and ln V is 5.7. The table, which is also the head",
    ),
    (begun(), "the first loss is {s}, and ln V is 5.7. The table, which is also the head, still"),
    (
        begun(matrices, small_writers, zero_biases, untied_and_drawn),
        "5.7, but head and table are two tensors now (46,720 parameters in the check's small model",
    ),
    (
        begun(matrices, small_writers, zero_biases, table_copied),
        "equal today, different after one step: you copied the values. Assign the parameter itself",
    ),
    (
        begun(matrices, zero_biases),
        "5.{s}, better, but the spread of the stream still grows with depth. Scale the projections",
    ),
    (
        begun(matrices, zero_biases, write_at(lambda L: 0.02 / math.sqrt(2 * L), ["proj"])),
        "attention's projection is scaled, the MLP's is not. Which linear layer of think",
    ),
    (
        begun(matrices, zero_biases, write_at(lambda L: 0.02 / math.sqrt(2 * L), ["think"])),
        "the MLP's last matrix is scaled, attention's is not. Which linear layer of mix",
    ),
    (
        begun(matrices, zero_biases, write_at(lambda L: 0.02 / math.sqrt(L))),
        "you divide by √layers. Each block adds to the stream twice, so there are 2·layers",
    ),
    (
        begun(matrices, zero_biases, write_at(lambda L: 0.02 / (2 * L))),
        "you divide by 2·layers. The spread of a sum grows with the root of its length",
    ),
    (
        begun(matrices, zero_biases, write_at(lambda L: 0.02 * math.sqrt(2 * L))),
        "your projections start √(2·layers) times larger instead of smaller. Divide.",
    ),
    (
        begun(matrices, all_smaller, zero_biases),
        "you made every matrix inside the blocks smaller. Only those that write to the stream are",
    ),
    (begun(tables, zero_biases), "both tables are mended, the linear layers in the blocks still"),
    (
        begun(token_table, zero_biases),
        "{s}, better, but the table of positions still starts with spread 1, fifty times that of",
    ),
    (
        begun(mean_for_spread, zero_biases),
        "all matrices start with spread 1. The second argument of nn.init.normal_ is the mean",
    ),
    (begun(evenly, zero_biases), "the tokens start with spread 0.01{s}, the task asks for 0.02."),
    (
        begun(zeroed, zero_biases),
        "the first loss is 5.70, that of no knowledge, because all tokens are the same.",
    ),
    (begun(gains_drawn, small_writers), "the matrices are right; you changed the norms' gains"),
    (
        begun(matrices, small_writers, gains_zeroed),
        "the matrices are right; you changed the norms' gains too. They stay at 1",
    ),
    (
        begun(matrices, small_writers),
        "the matrices are right; the biases of the linear layers are still what torch drew.",
    ),
    (
        begun(matrices, small_writers, zero_biases, table_frozen),
        "the table starts well and can't learn: it is no trainable parameter any more.",
    ),
]

# 7.6: the layer as the task gives it


class Layer(nn.Module):
    def __init__(self, C, num_heads, approximate="none"):
        super().__init__()
        self.num_heads = num_heads
        self.norm1, self.norm2 = nn.LayerNorm(C), nn.LayerNorm(C)
        for name in ("to_q", "to_k", "to_v", "out"):
            setattr(self, name, nn.Linear(C, C))
        self.up, self.down = nn.Linear(C, 4 * C), nn.Linear(4 * C, C)
        self.gelu = nn.GELU(approximate=approximate)

    def forward(self, x):
        B, T, C = x.shape
        y = self.norm1(x)
        q, k, v = (
            to(y).view(B, T, self.num_heads, -1).transpose(1, 2)
            for to in (self.to_q, self.to_k, self.to_v)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(B, T, C))
        return x + self.down(self.gelu(self.up(self.norm2(x))))


def fill(weights, num_heads, square=True, order="qkv", form="tanh", thirds=True, norms=(1, 2)):
    """By hand, tensor after tensor; the options are what a learner may overlook."""
    C = weights["ln_1.weight"].shape[0]
    layer = Layer(C, num_heads, form)
    with torch.no_grad():
        for i, norm in zip(norms, (layer.norm1, layer.norm2), strict=True):
            norm.weight.copy_(weights[f"ln_{i}.weight"])
            norm.bias.copy_(weights[f"ln_{i}.bias"])
        for i, letter in enumerate(order):
            part = weights["attn.c_attn.weight"][:, i * C : (i + 1) * C]
            to = getattr(layer, f"to_{letter}")
            to.weight.copy_(part.T if thirds else part)
            to.bias.copy_(weights["attn.c_attn.bias"][i * C : (i + 1) * C])
        out = weights["attn.c_proj.weight"]
        layer.out.weight.copy_(out.T if square else out)
        layer.out.bias.copy_(weights["attn.c_proj.bias"])
        for mine, theirs in (("up", "mlp.c_fc"), ("down", "mlp.c_proj")):
            getattr(layer, mine).weight.copy_(weights[f"{theirs}.weight"].T)
            getattr(layer, mine).bias.copy_(weights[f"{theirs}.bias"])
    return layer


def filled(**options):
    return lambda weights, num_heads: fill(weights, num_heads, **options)


def by_assignment(weights, num_heads):
    """In double precision, with new parameters in the place of the old."""
    w = {name: nn.Parameter(tensor.double()) for name, tensor in weights.items()}
    layer = Layer(len(w["mlp.c_proj.bias"]), num_heads, "tanh").double()
    attention = w["attn.c_attn.weight"].t().chunk(3), w["attn.c_attn.bias"].chunk(3)
    for to, weight, bias in zip((layer.to_q, layer.to_k, layer.to_v), *attention, strict=True):
        to.weight, to.bias = nn.Parameter(weight), nn.Parameter(bias)
    for linear, name in (
        (layer.out, "attn.c_proj"),
        (layer.up, "mlp.c_fc"),
        (layer.down, "mlp.c_proj"),
    ):
        linear.weight, linear.bias = nn.Parameter(w[f"{name}.weight"].t()), w[f"{name}.bias"]
    for norm, name in ((layer.norm1, "ln_1"), (layer.norm2, "ln_2")):
        norm.weight, norm.bias = w[f"{name}.weight"], w[f"{name}.bias"]
    return lambda x: layer(x.double())


def turned_in_place(weights, num_heads):
    layer = fill(weights, num_heads)
    weights["attn.c_proj.weight"] = weights["attn.c_proj.weight"].T
    return layer


PROJ = "c_attn fits only transposed, so you saw it; c_proj is square and fits either way, wrong."
SAID_OF_LAYER = [
    (filled(square=False), PROJ),
    (filled(form="none"), "the outputs differ by {s}, not by 1: the GELU. GPT-2 uses the tanh"),
    (filled(order="vkq"), "q and v are exchanged. The order in c_attn is q, k, v."),
    (filled(square=False, form="none"), PROJ + "{s}One more fault is left."),
    (filled(square=False, order="vkq"), PROJ + "{s}One more fault is left."),
    (filled(order="vkq", form="none"), "q and v are exchanged.{s}One more fault is left."),
    (filled(square=False, order="vkq", form="none"), PROJ + "{s}Two more faults are left."),
    (filled(order="kqv"), "q and k are exchanged. The order in c_attn is q, k, v."),
    (filled(order="qvk"), "k and v are exchanged. The order in c_attn is q, k, v."),
    (filled(thirds=False), "cut into three, c_attn's parts are square too, and fit either way."),
    (filled(thirds=False, square=False), "you transposed only what did not fit. The square ones"),
    (filled(norms=(2, 1)), "the two norms are exchanged: ln_1 stands before attention, ln_2"),
    (turned_in_place, "your input weights was changed. Work on a copy of it."),
]

# 7.7

OURS = dict(
    zip(
        ("N", "d_model", "h", "d_k", "W^O", "W_1", "z", "cross"),
        ("num_layers", "embed_dim", "num_heads", "head_dim", "proj", "up", "none", "none"),
        strict=True,
    )
)

RIGHT = {
    "7.1": [(705408, 174.6), ("705408", 174_604_259_328), (705408.0, "174.6")],
    "7.2": [(InSequence,), (ByHand,), (SumOverCount,), (CheckedLate,)],
    "7.3": [
        (begun(matrices, small_writers, zero_biases),),
        (begun(zero_biases, matrices, divided),),
    ],
    "7.4": [(4.17, 10.82), ("4.2", 10.8), (torch.tensor(65.0).log(), math.log(50257))],
    "7.5": [
        (10, 2, 77, 1152, 768),
        ("10%", 2.34, "76.6 %", 1152.0, "768"),
        (9.96, 2.3, 76.59, "1152", 768),
    ],
    "7.6": [(fill,), (by_assignment,)],
    "7.7": [
        (OURS,),
        (OURS | {"d_model": "C", "h": "H", "d_k": "D", "z": None, "cross": "-"},),
        ({key: f" {word.upper()} " for key, word in OURS.items() if len(word) > 1},),
        (OURS | {"W^O": "attention.proj", "W_1": "mlp.up"},),
    ],
}

SAID = [
    *(("7.1", (typed, 0), f"✗ 7.1a: {said}") for typed, said in [
        (715008, "9,600 too many: the head is the embedding table; tied weights count once."),
        (680832, "24,576 too few: you left out the position table."),
        (695808, "9,600 too few: you left out the token table. Tied means once, not never."),
        (698976, "6,432 too few: you left out the biases: those of the linear layers, and"),
        (700224, "5,184 too few: you left out the biases of the linear layers: 3C + C"),
        (704160, "1,248 too few: you left out the shifts: each norm has a gain and a shift"),
        ("705216", "192 too few: you left out the last norm."),
        (703104, "2,304 too few: you left out the two norms of each block."),
        (702912, "2,496 too few: you left out the norms, 2C numbers each."),
        (704256, "1,152 too few: each block has two norms, 2C numbers each."),
        (671232, "34,176 too few: that is the blocks and the last norm. The two tables are"),
        (671040, "34,368 too few: that is the blocks. The two tables are missing, and the last"),
        (704832, "576 too few: one row of C per block. Beside its matrices a block has 13C"),
        (697920, "7,488 too few: you left out what a block has beside its matrices: biases and"),
        (697728, "7,680 too few: you counted matrices only, without the biases and the norms."),
        (146208, "559,200 too few: you counted one block instead of six."),
        (593664, "111,744 too few: qkv is C × 3C: queries, keys and values."),
        (649536, "55,872 too few: attention ends with a projection, C × C and its bias."),
        (371904, "333,504 too few: the hidden layer of the MLP is 4C wide, so its two"),
        (2269824, "1,564,416 too many: the heads share the width. num_heads changes no count."),
        (2253696, "1,548,288 too many: the heads share the width. num_heads changes no count."),
        (1878720, "1,173,312 too many: the heads share the width. num_heads changes no count."),
        (1866624, "1,161,216 too many: the heads share the width. num_heads changes no count."),
        (1098624, "393,216 too many: the mask is a buffer, which nobody trains; it is no"),
        (700000, "no mistake that this check knows: 700000 is too small."),
        (0.5, "type a whole number, not 0.5."),
    ]),
    *(("7.1", (705408, typed), f"✗ 7.1b: {said}") for typed, said in [
        (175, "175 is what it is called. Count to one decimal: the name is rounded."),
        ("174.0", "0.6 billion too few: that is the 96 blocks. The two tables are missing, 50,257"),
        (175221813248, "0.6 billion too many: the head is the embedding table; tied"),
        (1.8, "that is one block. There are 96."),
        (5683.3, "far too many: the heads share the width. num_heads changes no count."),
        (4306.2, "far too many: the heads share the width. num_heads changes no count."),
        (174604.3, "type billions, such as 1.5 for 1,500,000,000, not 174604.3."),
        (0.2, "no mistake that this check knows: 0.2 is too small."),
    ]),
    *(("7.2", (answer,), f"✗ 7.2: {said}") for answer, said in SAID_OF_FORWARD),
    *(("7.3", (answer,), f"✗ 7.3: {said}") for answer, said in SAID_OF_START),
    *(("7.4", typed, f"✗ 7.4{said}") for typed, said in [
        ((6.02, 15.6), "a: that is the loss in bits. In nats it is smaller: use the natural"),
        ((1.81, 4.7), "a: that is the logarithm to base 10. A nat belongs to base e: math.log."),
        ((-4.17, -10.8), "a: the sign: ln(1/V) is negative, and the surprise is −ln(1/V) = ln V."),
        ((1 / 65, 0), "a: a model that knows nothing gives each of V tokens 1/V, and the loss is"),
        ((65, 50257), "a: a model that knows nothing gives each of V tokens 1/V: the loss is"),
        ((10.82, 4.17), "a: that belongs to the other vocabulary. Here V = 65: −ln(1/V) = ln V."),
        ((4.17, 15.6), "b: that is the loss in bits. In nats it is smaller: use the natural"),
        ((4.17, 4.7), "b: that is the logarithm to base 10. A nat belongs to base e: math.log."),
        ((4.17, -10.82), "b: the sign: ln(1/V) is negative, and the surprise is −ln(1/V) = ln V."),
        ((4.17, "1/50257"), "b: a model that knows nothing gives each of V tokens 1/V, and the"),
        ((4.17, 50257), "b: a model that knows nothing gives each of V tokens 1/V: the loss is"),
        ((4.17, 4.17), "b: that belongs to the other vocabulary. Here V = 50,257: −ln(1/V) = ln"),
        ((4.17, 82), "b: no mistake that this check knows: 82.0 is too large."),
    ]),
    *(("7.5", typed, f"✗ 7.5{said}") for typed, said in [
        ((5, 0, 0, 0, 0), "a: the T × T part has two products, the scores and the sums of the"),
        ((18, 0, 0, 0, 0), "a: matrix products cost two operations per entry, a multiplication"),
        ((89.6, 0, 0, 0, 0), "a: that is the share of the linear layers. Asked is the T × T part"),
        ((39.8, 0, 0, 0, 0), "a: you counted qkv and proj as well. They are linear layers; T × T"),
        ((0.1, 0, 0, 0, 0), "a: type percent, such as 25 for a quarter, not 0.1."),
        ((10, 10, 0, 0, 0), "b: with V = 50,257 the head is 77% of the work, attention's T × T "),
        ((10, 1.2, 0, 0, 0), "b: the T × T part has two products, the scores and the sums of the"),
        ((10, 4.7, 0, 0, 0), "b: matrix products cost two operations per entry, a multiplication"),
        ((10, 77, 0, 0, 0), "b: that is the head. Asked is the T × T part: scores and sums."),
        ((10, 21, 0, 0, 0), "b: that is the share of the linear layers. Asked is the T × T part"),
        ((10, 2, 62, 0, 0), "c: the head's product costs 2CV operations per token, as every"),
        ((10, 2, 87, 0, 0), "c: you counted the token table as a product too. Fetching a row"),
        ((10, 2, 95, 0, 0), "c: you counted the head once per layer. It stands at the end, once."),
        ((10, 2, 1, 0, 0), "c: that is the head of a small vocabulary. Here V = 50,257: 2CV"),
        ((10, 2, 77, 2304, 0), "d: T = 6C. Per token and layer: linears 24C², scores and sums 4TC"),
        ((10, 2, 77, 576, 0), "d: T = 6C. Per token and layer: linears 24C², {s}same unit."),
        ((10, 2, 77, 384, 0), "d: T = 6C. Per token and layer: {s}You left out the MLP, 16C²"),
        ((10, 2, 77, 192, 0), "d: T = 6C. Per token and layer: linears 24C², scores and sums 4TC."),
        ((10, 2, 77, 768, 0), "d: Per token and layer: linears 24C², {s}And C is 192 here."),
        ((10, 2, 77, 6912, 0), "d: T = 6C. Per token {s}so the number of layers cancels."),
        ((10, 2, 77, 1152, 1152), "e: that was question d. With an MLP twice as wide as the"),
        ((10, 2, 77, 1152, 576), "e: only the MLP is halved. Attention's four matrices cost 8C²"),
        ((10, 2, 77, 1152, 960), "e: you halved one of the two matrices of the MLP. C × 2C and"),
        ((10, 2, 77, 1152, 1536), "e: 4TC: scores and sums. You left one out."),
        ((10, 2, 77, 1152, 384), "e: attention's own matrices are missing: qkv and proj, 8C²"),
    ]),
    *(("7.6", (answer,), f"✗ 7.6: {said}") for answer, said in SAID_OF_LAYER),
    *(("7.7", (OURS | {key: word},), f"✗ 7.7: {said}") for key, word, said in [
        ("cross", "attention", "cross-attention belongs to the encoder–decoder; your decoder-only"),
        ("cross", "qkv", "cross-attention belongs to the encoder–decoder; your decoder-only"),
        ("cross", "num_heads", "cross-attention belongs to the encoder–decoder; your decoder-only"),
        ("z", "head", "z is what the encoder returns (section 3), and your decoder-only model"),
        ("z", "embed_dim", "z is what the encoder returns (section 3), and your decoder-only"),
        ("z", "attention", "z is what the encoder returns (section 3), and your decoder-only"),
        ("z", "T", "z is what the encoder returns (section 3), and your decoder-only model"),
        ("N", "context_length", "the paper calls the length of a text n. N is how often the layer"),
        ("N", "H", "N is how often the layer is repeated (3.1); the number of heads is another"),
        ("d_model", "head_dim", "d_model is the width of the stream, which all layers return"),
        ("d_model", "vocab_size", "d_model is the width of the stream, which all layers return"),
        ("h", "D", "h counts the heads; the width of each is d_model / h (3.2.2)."),
        ("h", "head", "h is a number (3.2.2). Our head, which scores the tokens, is another"),
        ("d_k", "C", "d_k is the width of a key within one head: d_model / h (3.2.2)."),
        ("d_k", "qkv", "d_k is a width, not a matrix: that of a query or key within one head"),
        ("W^O", "self.head", "O is for the output of attention (3.2.2): the matrix that mixes"),
        ("W^O", "down", "W^O belongs to attention (3.2.2); down is the second matrix of the"),
        ("W_1", "mlp.down", "equation 2 multiplies by W_1 first: the matrix that widens."),
        ("W_1", "qkv", "W_1 stands in equation 2, the feed-forward network (3.3), not in"),
        ("d_k", "num_layers", 'd_k is not num_layers. hint("7.7") says where the paper explains'),
        ("z", "latent", "z: 'latent' is not among our names: vocab_size, context_length"),
    ]),
    ("7.7", ({"N": "num_layers"},), "✗ 7.7: type a dict with all eight symbols; missing: d_model"),
    ("7.7", ("num_layers",), "✗ 7.7: type a dict with all eight symbols; missing: N, d_model"),
]  # fmt: skip
