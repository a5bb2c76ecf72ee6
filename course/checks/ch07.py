"""Chapter 07, model: the right answers, the known wrong ones, and the help."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from course.checks.engine import Exercise, Part, Prediction, Wrong
from course.checks.typed import Seen, read_number, read_whole, typed
from course.checks.variants import WORDS, Dice, Varied, is_clear
from minigpt_lib.attention import CausalSelfAttention
from minigpt_lib.blocks import Block, LayerNorm
from minigpt_lib.embeddings import TokenAndPositionEmbedding
from minigpt_lib.model import GPTConfig

PREDICTIONS = {
    "7.p1": Prediction("c", choices="abc"),  # the character it has just read
    "7.p2": Prediction("c", choices="abc"),  # a first loss of about 80
    "7.p3": Prediction(89, within=5),  # percent of the parameters are in the token table
    "7.p4": Prediction("c", choices="abc"),  # the head does most of the work
    "7.p5": Prediction("c", choices="abc"),  # before the first block: worse than no knowledge
}
CARDS = {
    "The Photocopier": "Copied instead of tying: two tensors hold equal numbers today and part "
    "after one step of training. Ask with `is`, not with equality, and count the parameters.",
    "The Shouter": "Numbers start too large, so an untrained model is certain of nonsense. You "
    "notice it before any training: the first loss is far above ln V.",
    "The Snowball": "Every layer adds to the stream, and nothing keeps the sum small. Compare its "
    "spread after 2 blocks and after 32, and look for the norm or the smaller start.",
    "The Second Helping": "A softmax is taken of what has been through one, or through none where "
    "one was asked for. Logits may be negative; probabilities add up to 1.",
    "The No-Show": "What should not count is counted as zero, and the average comes out too "
    "small. Divide by the number of those that count.",
    "The Crowded Desk": "Each head is given the whole width. Heads share the width: their number "
    "changes no count.",
    "The Dialect": "The same name, another formula: GELU by tanh or exact, one ε or another. All "
    "shapes fit and the results are nearly right. Compare to many digits.",
    "The Roll Call": "A list of parts is called as if it were one part. A list does nothing by "
    "itself: go through it, and hand each what the one before returned.",
    "The Hearsay": "A number is passed on because somebody said it, and nobody has counted. Two "
    "minutes with a pencil settle it.",
    "The Absent Encoder": "Looks in a decoder-only model for a part that came with the encoder. "
    "Ask what the second text is; if there is one text only, there is no such part.",
}

# 7.1 Count by hand


@dataclass(frozen=True)
class Size:
    """The numbers of 7.1: vocabulary, context, width, heads and blocks of the model."""

    V: int = 100
    T: int = 256
    C: int = 96
    H: int = 8
    L: int = 6


def draw_size(dice: Dice) -> Size | None:
    width = dice.pick((48, 64, 80, 112, 128, 144, 160, 192))
    heads = dice.pick((4, 8, 16))
    size = Size(dice.whole(60, 240, 10), dice.whole(96, 512, 32), width, heads, dice.whole(3, 10))
    return size if width % heads == 0 and size.L != 6 else None


def size_texts(n: Size) -> tuple[str, ...]:
    return (
        f"A vocabulary of {n.V} tokens, a context of {n.T}, width {n.C}, {n.H} heads, {n.L} "
        "blocks;",
    )


def in_block(width: int) -> int:
    """Parameters of one block."""
    return 12 * width * width + 13 * width


def whole(vocab: int, places: int, width: int, layers: int) -> int:
    """Parameters of a GPT with biases and a tied head."""
    return (vocab + places + 2) * width + layers * in_block(width)


SHARED = "the heads share the width. num_heads changes no count."


def counted_wrong(n: Size) -> dict[str, tuple[int, str, str]]:
    """What a wrong count differs by, what to say of it, and the card."""
    V, T, C, H, L = n.V, n.T, n.C, n.H, n.L
    return {
        "head counted": (
            V * C,
            "the head is the embedding table; tied weights count once.",
            "The Photocopier",
        ),
        "no position table": (-T * C, "you left out the position table.", "The Stutterer"),
        "no token table": (
            -V * C,
            "you left out the token table. Tied means once, not never.",
            "The Stutterer",
        ),
        "no biases": (
            -(9 * L + 2 * L + 1) * C,
            "you left out the biases: those of the linear layers, and the shifts of the norms.",
            "The Stutterer",
        ),
        "no biases of linears": (
            -9 * L * C,
            "you left out the biases of the linear layers: 3C + C in attention, 4C + C in the MLP.",
            "The Stutterer",
        ),
        "no shifts": (
            -(2 * L + 1) * C,
            "you left out the shifts: each norm has a gain and a shift, 2C numbers.",
            "The Stutterer",
        ),
        "no last norm": (-2 * C, "you left out the last norm.", "The Stutterer"),
        "no norms in blocks": (
            -4 * L * C,
            "you left out the two norms of each block.",
            "The Stutterer",
        ),
        "no norms": (-(4 * L + 2) * C, "you left out the norms, 2C numbers each.", "The Stutterer"),
        "one norm a block": (
            -2 * L * C,
            "each block has two norms, 2C numbers each.",
            "The Stutterer",
        ),
        "blocks and last norm": (
            -(V + T) * C,
            "that is the blocks and the last norm. The two tables are missing: V + T rows of C.",
            "The Stutterer",
        ),
        "blocks alone": (
            -(V + T + 2) * C,
            "that is the blocks. The two tables are missing, and the last norm.",
            "The Stutterer",
        ),
        "12C instead of 13C": (
            -L * C,
            "one row of C per block. Beside its matrices a block has 13C: biases of 3C + C + 4C + "
            "C, and two norms of 2C.",
            "The Stutterer",
        ),
        "no 13C": (
            -13 * L * C,
            "you left out what a block has beside its matrices: biases and two norms, 13C.",
            "The Stutterer",
        ),
        "matrices only": (
            -(13 * L + 2) * C,
            "you counted matrices only, without the biases and the norms.",
            "The Stutterer",
        ),
        "one block": (
            -(L - 1) * in_block(C),
            f"you counted one block instead of {WORDS[L]}.",
            "The Stutterer",
        ),
        "q alone": (
            -2 * L * (C * C + C),
            "qkv is C × 3C: queries, keys and values.",
            "The Stutterer",
        ),
        "no projection": (
            -L * (C * C + C),
            "attention ends with a projection, C × C and its bias.",
            "The Stutterer",
        ),
        "narrow MLP": (
            -L * (6 * C * C + 3 * C),
            "the hidden layer of the MLP is 4C wide, so its two matrices are C × 4C and 4C × C.",
            "The Price Tag",
        ),
        "heads times attention": ((H - 1) * L * (4 * C * C + 4 * C), SHARED, "The Crowded Desk"),
        "heads times its matrices": ((H - 1) * L * 4 * C * C, SHARED, "The Crowded Desk"),
        "heads times qkv": ((H - 1) * L * (3 * C * C + 3 * C), SHARED, "The Crowded Desk"),
        "heads times the matrix of qkv": ((H - 1) * L * 3 * C * C, SHARED, "The Crowded Desk"),
        "mask counted": (
            L * T * T,
            "the mask is a buffer, which nobody trains; it is no parameter.",
            "The Stutterer",
        ),
    }


def said_of(difference: int, text: str) -> str:
    return f"{abs(difference):,} too {'many' if difference > 0 else 'few'}: {text}"


def parameters_part(n: Size) -> Part:
    count = whole(n.V, n.T, n.C, n.L)
    return Part(
        "parameters",
        typed(count),
        read=read_whole,
        wrong=tuple(
            Wrong(name, typed(count + by), said_of(by, text), card)
            for name, (by, text, card) in counted_wrong(n).items()
        ),
        label="a",
    )


def read_billions(typed: object) -> float:
    number = read_number(typed)
    number = number / 1e9 if number >= 1e9 else number
    if number >= 1e5:
        raise ValueError(f"type billions, such as 1.5 for 1,500,000,000, not {typed!r}.")
    return round(number, 1)


GPT3 = {"vocab": 50257, "places": 2048, "width": 12288, "layers": 96}


def in_billions(count: int) -> float:
    return round(count / 1e9, 1)


WIDTH = GPT3["width"]
GPT3_WRONG = {
    "its name": (
        175.0,
        "175 is what it is called. Count to one decimal: the name is rounded.",
        "The Hearsay",
    ),
    "blocks alone": (
        in_billions(96 * in_block(WIDTH)),
        "0.6 billion too few: that is the 96 blocks. The two tables are missing, 50,257 + 2,048 "
        "rows of 12,288.",
        "The Stutterer",
    ),
    "head counted": (
        in_billions(whole(**GPT3) + 50257 * WIDTH),
        "0.6 billion too many: the head is the embedding table; tied weights count once.",
        "The Photocopier",
    ),
    "one block": (
        in_billions(in_block(WIDTH)),
        "that is one block. There are 96.",
        "The Stutterer",
    ),
    "heads times attention": (
        in_billions(whole(**GPT3) + 95 * 96 * 4 * (WIDTH * WIDTH + WIDTH)),
        "far too many: " + SHARED,
        "The Crowded Desk",
    ),
    "heads times qkv": (
        in_billions(whole(**GPT3) + 95 * 96 * 3 * (WIDTH * WIDTH + WIDTH)),
        "far too many: " + SHARED,
        "The Crowded Desk",
    ),
}

BILLIONS = Part(
    "gpt3_billions",
    typed(in_billions(whole(**GPT3))),
    read=read_billions,
    wrong=tuple(
        Wrong(name, typed(value), text, card) for name, (value, text, card) in GPT3_WRONG.items()
    ),
    label="b",
)


def count_by_hand(n: Size) -> Exercise:
    return Exercise(
        "7.1",
        "Count by hand",
        (parameters_part(n), BILLIONS),
        hints=(
            "Make a list of everything that has numbers: two tables, one block, how many "
            "blocks, the last norm. Count one block first.",
            "In a block: qkv is a C × 3C matrix and 3C biases; proj C × C and C; the MLP goes "
            "to 4C and back; each of the two norms has a gain and a shift. The tied head is "
            "the token table. In GPT-3 the tables are small beside the blocks, not nothing.",
            "(V + T)·C + layers·(12C² + 13C) + 2C. For b divide by 1,000,000,000 and keep one "
            "decimal.",
        ),
    )


# 7.2 GPT.forward


class RightGPT(nn.Module):
    """The model in steps, each of which a known mistake does otherwise."""

    def __init__(self, config, tie=True):
        super().__init__()
        self.config = c = config
        self.embedding = TokenAndPositionEmbedding(
            c.vocab_size, c.context_length, c.embed_dim, c.dropout
        )
        sizes = (c.embed_dim, c.num_heads, c.context_length, c.dropout, c.bias)
        self.blocks = nn.ModuleList([Block(*sizes) for _ in range(c.num_layers)])
        self.norm = LayerNorm(c.embed_dim, bias=c.bias)
        self.head = nn.Linear(c.embed_dim, c.vocab_size, bias=False)
        if tie:
            self.head.weight = self.embedding.token.weight

    def refuse(self, ids, targets):
        known = () if targets is None else (targets[targets != -100],)
        for each in (ids, *known):
            if each.numel() == 0 or each.min() < 0 or each.max() >= self.config.vocab_size:
                raise ValueError("no such token")

    def stream(self, ids):
        x = self.embedding(ids)
        for layer in self.blocks:
            x = layer(x)
        return x

    def score(self, x):
        return self.head(self.norm(x))

    def loss(self, scores, targets):
        return F.cross_entropy(scores.transpose(1, 2), targets)

    def result(self, scores, targets):
        return scores, None if targets is None else self.loss(scores, targets)

    def forward(self, ids, targets=None):
        self.refuse(ids, targets)
        return self.result(self.score(self.stream(ids)), targets)


def otherwise(**steps: Callable) -> type:
    """The model with some steps done in another way."""
    return type("OtherGPT", (RightGPT,), steps)


def through(layers: Callable, start: Callable | None = None) -> type:
    """The model whose stream goes through layers(self), from another start."""

    def stream(self, ids):
        x = start(self, ids) if start else self.embedding(ids)
        for layer in layers(self):
            x = layer(x)
        return x

    return otherwise(stream=stream)


def dropped_results(self, ids):
    x = self.embedding(ids)
    for layer in self.blocks:
        layer(x)
    return x


def added_twice(self, ids):
    x = self.embedding(ids)
    for layer in self.blocks:
        x = x + layer(x)
    return x


def added_in_place(self, ids):
    x = self.embedding(ids)
    for layer in self.blocks:
        x += layer(x)
    return x


def embedding_to_each(self, ids):
    x = self.embedding(ids)
    for layer in self.blocks:
        y = layer(x)
    return y


def list_called(self, ids):
    return self.blocks(self.embedding(ids))


def normed_each(self, ids):
    x = self.embedding(ids)
    for layer in self.blocks:
        x = self.norm(layer(x))
    return x


def normed_first(self, ids):
    x = self.norm(self.embedding(ids))
    for layer in self.blocks:
        x = layer(x)
    return x


def scrambled(self, scores, targets):
    rows, places, vocab = scores.shape
    return F.cross_entropy(scores.reshape(rows, vocab, places), targets)


def chosen(scores, targets):
    """The surprise at each position; stops at a target of -100."""
    return -scores.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def shifted_again(self, scores, targets):
    return F.cross_entropy(scores[:, :-1].transpose(1, 2), targets[:, 1:])


def soft_result(self, scores, targets):
    soft = scores.softmax(-1)
    return soft, None if targets is None else self.loss(soft, targets)


def bare_without_targets(self, scores, targets):
    return scores if targets is None else (scores, self.loss(scores, targets))


def swapped_result(self, scores, targets):
    return None if targets is None else self.loss(scores, targets), scores


def last_place(self, scores, targets):
    return F.cross_entropy(scores[:, -1], targets[:, -1])


def cropped(self, ids):
    return RightGPT.stream(self, ids[:, -self.config.context_length :])


def cropped_result(self, scores, targets):
    targets = None if targets is None else targets[:, -self.config.context_length :]
    return RightGPT.result(self, scores, targets)


def without_gradient(self, ids, targets=None):
    with torch.no_grad():
        return RightGPT.forward(self, ids, targets)


def evaluating(self, ids, targets=None):
    self.eval()
    return RightGPT.forward(self, ids, targets)


def drive_gpt(answer, config, tie, numbers, ids, targets):
    """Build the model, fill its parameters with these numbers, and let it read the ids.

    Gives the logits, the loss and the size of each gradient; or a word for what can't be compared.
    """
    model = answer(config, tie=tie).to(numbers.dtype)
    if len(numbers) != sum(parameter.numel() for parameter in model.parameters()):
        raise AttributeError("its parameters are not those of GPTParts; leave that as it is given")
    nn.utils.vector_to_parameters(numbers, model.parameters())
    model.train(config.dropout == 0)
    mode = model.training
    try:
        result = model(ids) if targets is None else model(ids, targets)
    except ValueError as error:
        if "batch_size" in str(error) or "target size" in str(error):
            raise
        return "refused"
    if model.training != mode:
        return "left in another mode"
    if isinstance(result, torch.Tensor):
        return "one value"
    logits, loss = result
    scored = logits if loss is None else loss
    if not getattr(scored, "requires_grad", False):
        return "no gradient from the " + ("logits" if loss is None else "loss")
    parameters = dict(model.named_parameters())
    score = scored.double().pow(2).mean()
    try:
        slopes = torch.autograd.grad(score, list(parameters.values()), allow_unused=True)
    except RuntimeError as error:
        if "inplace" not in str(error):
            raise
        return {"logits": logits, "loss": loss, "gradients": "destroyed in place"}
    sizes = [0.0 if slope is None else slope.norm().item() for slope in slopes]
    return {"logits": logits, "loss": loss, "gradients": torch.tensor(sizes)}


def normal(g: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=g)


def gpt_cases(g: torch.Generator) -> list[tuple]:
    """V, T, B, C, the context and the number of blocks all different; T = context; -100; untied;
    no targets; a token and a length that no model knows; dropout while evaluating."""

    def case(B, T, C=12, H=3, V=11, context=8, L=2, tie=True, dropout=0.0, bias=True, hide=0):
        config = GPTConfig(V, context, C, H, L, dropout, bias)
        drawn = []
        for name, old in RightGPT(config, tie).named_parameters():
            is_gain = old.dim() == 1 and name.endswith("weight")
            drawn.append(0.4 * normal(g, old.numel()) + is_gain)
        numbers = torch.cat(drawn).double()
        ids = torch.randint(V, (B, T), generator=g)
        targets = torch.randint(V, (B, T), generator=g)
        targets.flatten()[torch.randperm(B * T, generator=g)[:hide]] = -100
        return [config, tie, numbers, ids, targets]

    def changed(case, place, value):
        name = 3 if place == "ids" else 4
        case[name] = None if value is None else case[name].masked_fill(first(case[name]), value)
        return tuple(case)

    def first(ids):
        return torch.arange(ids.numel()).view(ids.shape) == 1

    return [
        tuple(case(2, 5, hide=3)),
        tuple(case(4, 8, C=8, H=2, V=13, L=3, tie=False, bias=False)),  # as long as the context
        changed(case(3, 6, dropout=0.5), "targets", None),
        changed(case(2, 5, C=4, H=2, L=1), "ids", 11),
        tuple(case(2, 5, C=4, H=2, L=1, hide=10)),  # nothing to score
        tuple(case(2, 9, C=4, H=2, L=1)),  # longer than the context
    ]


def hint_with_figures(text: str) -> Callable:
    """A hint that ends with both losses, where there are two."""

    def hint(args, got, right):
        losses = [each.get("loss") if isinstance(each, dict) else None for each in (got, right)]
        if any(not isinstance(loss, torch.Tensor) or loss.numel() != 1 for loss in losses):
            return text
        mine, true = (loss.item() for loss in losses)
        return f"{text} (Your loss is {mine:.3f}, the right one {true:.3f}.)"

    return hint


def hint_unchecked(args, got, right):
    return (
        "a token outside the vocabulary, or nothing to score, gives no ValueError that says so. "
        "Keep the two calls of check_token_ids at the start of forward."
    )


def hint_list_called(args, got, right):
    if "ModuleList" not in getattr(got, "text", "ModuleList"):
        return f"your answer stops with NotImplementedError: {got.text}"
    return (
        "self.blocks is a list: go through it with for, and give each block what the one before "
        "it returned. A ModuleList can't be called."
    )


FORWARD = Part(
    "GPT",
    RightGPT,
    cases=gpt_cases,
    drive=drive_gpt,
    wrong=(
        Wrong(
            "no last norm",
            otherwise(score=lambda self, x: self.head(x)),
            (
                "the spread entering the head grows with depth. The last norm is missing: it "
                "stands between the last block and the head."
            ),
            "The Snowball",
        ),
        Wrong(
            "positions shifted",
            through(lambda self: self.blocks, lambda self, ids: self.embedding(ids, 1)),
            (
                "equal to the reference with its position table shifted by one. Positions start at "
                "0."
            ),
            "The Fence Post",
        ),
        Wrong(
            "no positions",
            through(lambda self: self.blocks, lambda self, ids: self.embedding.token(ids)),
            (
                "the positions are missing: you looked up the token table alone. self.embedding "
                "as a whole adds them."
            ),
            "The Standstill",
        ),
        Wrong(
            "scrambled",
            otherwise(loss=scrambled),
            (
                "the logits are right, the loss is not: view(B, V, T) has the right shape and "
                "scrambled content. Flatten to (B·T, V) and (B·T,), or use transpose(1, 2)."
            ),
            "The Shuffler",
        ),
        Wrong(
            "not flattened",
            otherwise(loss=lambda self, scores, targets: F.cross_entropy(scores, targets)),
            (
                "F.cross_entropy takes (N, V) and (N,); in three dimensions it expects the V "
                "scores in the middle. Flatten both: (B·T, V) and (B·T,)."
            ),
            "The Wrong Turn",
        ),
        Wrong(
            "half flattened",
            otherwise(
                loss=lambda self, scores, targets: F.cross_entropy(scores.flatten(0, 1), targets)
            ),
            (
                "you flattened the logits to (B·T, V) and left the targets (B, T). Flatten them "
                "too: (B·T,)."
            ),
            "The Half Move",
        ),
        Wrong(
            "sum",
            otherwise(loss=lambda self, s, t: F.cross_entropy(s.mT, t, reduction="sum")),
            hint_with_figures(
                "your loss is a sum over all positions, so it grows with the batch. Take the mean."
            ),
            "The Other Unit",
        ),
        Wrong(
            "in bits",
            otherwise(loss=lambda self, s, t: F.cross_entropy(s.mT, t) / math.log(2)),
            hint_with_figures("your loss is in bits. The task asks for nats: no division by ln 2."),
            "The Other Unit",
        ),
        Wrong(
            "hidden ones count as zero",
            otherwise(loss=lambda self, s, t: F.cross_entropy(s.mT, t, reduction="none").mean()),
            hint_with_figures(
                "right without targets of −100, too small with them: they count as 0 in your "
                "average. Divide by the number of targets that count; F.cross_entropy does."
            ),
            "The No-Show",
        ),
        Wrong(
            "hidden ones gathered",
            otherwise(loss=lambda self, s, t: chosen(s, t).mean()),
            (
                "your loss stops at a target of −100, which is no token: it means that this "
                "position is not scored. Leave those out; F.cross_entropy does."
            ),
            "The No-Show",
        ),
        Wrong(
            "probabilities",
            otherwise(result=soft_result),
            (
                "you return probabilities. Logits are the scores before the softmax; "
                "F.cross_entropy takes one itself."
            ),
            "The Second Helping",
        ),
        Wrong(
            "softmax before the loss",
            otherwise(loss=lambda self, s, t: F.cross_entropy(s.softmax(-1).mT, t)),
            hint_with_figures(
                "the logits are right, the loss is not: you took a softmax before "
                "F.cross_entropy, which takes one itself."
            ),
            "The Second Helping",
        ),
        Wrong(
            "shifted again",
            otherwise(loss=shifted_again),
            hint_with_figures(
                "you shift the targets once more. get_batch has done it: targets[:, t] is what "
                "comes after ids[:, t]."
            ),
            "The Stutterer",
        ),
        Wrong(
            "last position scored",
            otherwise(loss=last_place),
            hint_with_figures(
                "you score the last position alone. Every position has a guess and a target."
            ),
            "The Early Leaver",
        ),
        Wrong(
            "last position returned",
            otherwise(
                score=lambda self, x: RightGPT.score(self, x)[:, -1],
                loss=lambda self, s, t: F.cross_entropy(s, t[:, -1]),
            ),
            (
                "you return the scores of the last position alone, (B, V). Return those of every "
                "position, (B, T, V)."
            ),
            "The Early Leaver",
        ),
        Wrong(
            "results of blocks dropped",
            otherwise(stream=dropped_results),
            (
                "as if there were no blocks: block(x) returns the new stream and leaves x as it "
                "is. Go on with what it returns."
            ),
            "The Leftover",
        ),
        Wrong(
            "list called",
            otherwise(stream=list_called),
            hint_list_called,
            "The Roll Call",
        ),
        Wrong(
            "first block only",
            through(lambda self: self.blocks[:1]),
            "your stream goes through the first block and no other. Go on through all of them.",
            "The Early Leaver",
        ),
        Wrong(
            "last block left out",
            through(lambda self: self.blocks[:-1]),
            "your stream leaves out the last block.",
            "The Fence Post",
        ),
        Wrong(
            "embedding to each block",
            otherwise(stream=embedding_to_each),
            (
                "every block of yours reads the embedding, so only the last one counts. Each block "
                "reads what the one before it returned."
            ),
            "The Leftover",
        ),
        Wrong(
            "added twice",
            otherwise(stream=added_twice),
            (
                "you add block(x) to x, and a block has done that itself: the stream is counted "
                "twice at every block."
            ),
            "The Stutterer",
        ),
        Wrong(
            "added twice in place",
            otherwise(stream=added_in_place),
            (
                "you add block(x) to x, and a block has done that itself. (And += writes over "
                "numbers that the gradient still needs.) Go on with what the block returns."
            ),
            "The Stutterer",
        ),
        Wrong(
            "norm after each block",
            otherwise(stream=normed_each, score=lambda self, x: self.head(x)),
            (
                "your last norm stands in the loop and acts after every block. It acts once, after "
                "all of them."
            ),
            "The Stutterer",
        ),
        Wrong(
            "norm before the blocks",
            otherwise(stream=normed_first, score=lambda self, x: self.head(x)),
            (
                "your last norm acts on the embedding, before the blocks. It comes after them, "
                "where the stream has become a sum of many parts."
            ),
            "The Wrong End",
        ),
        Wrong(
            "table for the head",
            otherwise(score=lambda self, x: self.norm(x) @ self.embedding.token.weight.T),
            (
                "right where the head is tied and wrong where it is not: you took the token table. "
                "Call self.head, which is the table if they are tied."
            ),
            "The Shortcut",
        ),
        Wrong(
            "one value without targets",
            otherwise(result=bare_without_targets),
            "without targets you return the logits alone. Return a pair: the logits, and None.",
            "The Deaf Ear",
        ),
        Wrong(
            "always one value",
            otherwise(result=lambda self, scores, targets: scores),
            "you return one value. Return a pair: the logits, and the loss or None.",
            "The Leftover",
        ),
        Wrong(
            "swapped",
            otherwise(result=swapped_result),
            "you return the loss first. The logits come first, then the loss.",
            "The Mirror",
        ),
        Wrong(
            "targets needed",
            otherwise(result=lambda self, s, t: (s, F.cross_entropy(s.flatten(0, 1), t.flatten()))),
            (
                "your answer stops where there are no targets. Compute the loss only if targets is "
                "not None."
            ),
            "The Deaf Ear",
        ),
        Wrong(
            "a loss without gradient",
            otherwise(loss=lambda self, s, t: F.cross_entropy(s.detach().mT, t)),
            (
                "the numbers are right, and nothing can learn from your loss: a detach(), .data, "
                ".item() or torch.tensor(…) lies on the way. Leave the loss a tensor."
            ),
            "The Cut Cord",
        ),
        Wrong(
            "no gradient at all",
            type("OtherGPT", (RightGPT,), {"forward": without_gradient}),
            (
                "the numbers are right, and nothing can learn: forward runs without gradients. "
                "Whoever wants none, writes torch.no_grad() around the call."
            ),
            "The Cut Cord",
        ),
        Wrong(
            "left in evaluation mode",
            type("OtherGPT", (RightGPT,), {"forward": evaluating}),
            (
                "forward leaves the model in another mode than it came in, so dropout is off from "
                "then on. Leave the mode to whoever calls."
            ),
            "The Vandal",
        ),
        Wrong(
            "unchecked",
            otherwise(refuse=lambda self, ids, targets: None),
            hint_unchecked,
            "The Yes-Man",
        ),
        Wrong(
            "cropped",
            otherwise(stream=cropped, result=cropped_result),
            (
                "a text longer than the context is cut in silence. Let the embedding refuse it: "
                "whoever calls must know what was read."
            ),
            "The Yes-Man",
        ),
    ),
)

# 7.3 The loss starts too high


class FriendsBlock(nn.Module):
    """A block whose parts have other names."""

    def __init__(self, embed_dim, num_heads, context_length):
        super().__init__()
        self.read = LayerNorm(embed_dim)
        self.mix = CausalSelfAttention(embed_dim, num_heads, context_length)
        wide = 4 * embed_dim
        layers = LayerNorm(embed_dim), nn.Linear(embed_dim, wide), nn.GELU()
        self.think = nn.Sequential(*layers, nn.Linear(wide, embed_dim))

    def forward(self, x):
        x = x + self.mix(self.read(x))
        return x + self.think(x)


class FriendsGPT(nn.Module):
    """A tied GPT that starts as torch starts it."""

    def __init__(self, vocab_size, context_length, embed_dim, num_heads, num_layers):
        super().__init__()
        self.embedding = TokenAndPositionEmbedding(vocab_size, context_length, embed_dim)
        sizes = (embed_dim, num_heads, context_length)
        self.blocks = nn.ModuleList([FriendsBlock(*sizes) for _ in range(num_layers)])
        self.norm = LayerNorm(embed_dim)
        self.head = nn.Linear(embed_dim, vocab_size, bias=False)
        self.head.weight = self.embedding.token.weight

    def forward(self, ids):
        x = self.embedding(ids)
        for layer in self.blocks:
            x = layer(x)
        return self.head(self.norm(x))


class RightStart(FriendsGPT):
    """The friend's model with GPT-2's start, whose details a known mistake does otherwise."""

    spread, positions, others = 0.02, 0.02, 0.02
    has_zero_biases, gain = True, None

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.draw(self.embedding.token.weight, self.spread)
        self.draw(self.embedding.position.weight, self.positions)
        depth = len(self.blocks)
        for layer in self.blocks:
            self.draw(layer.mix.qkv.weight, self.others)
            self.draw(layer.think[1].weight, self.others)
            mix, think = self.writing(depth)
            self.draw(layer.mix.proj.weight, mix)
            self.draw(layer.think[3].weight, think)
        for name, parameter in self.named_parameters():
            if self.has_zero_biases and name.endswith("bias"):
                nn.init.zeros_(parameter)
            if self.gain is not None and parameter.dim() == 1 and name.endswith("weight"):
                nn.init.normal_(parameter, self.gain, 0.02)
        self.last()

    def draw(self, parameter, spread):
        if spread is not None:
            nn.init.normal_(parameter, 0.0, spread)

    def writing(self, depth):
        return 2 * (0.02 * (2 * depth) ** -0.5,)

    def last(self):
        pass


def start(**details: object) -> type:
    """The right start with some details changed."""
    return type("OtherStart", (RightStart,), details)


def untie(self):
    self.head.weight = nn.Parameter(0.02 * torch.randn(self.head.weight.shape))


def copy_table(self):
    self.head.weight = nn.Parameter(self.embedding.token.weight.detach().clone())


def freeze(self):
    self.embedding.token.weight.requires_grad_(False)


def drive_start(answer, vocab_size, context_length, embed_dim, num_heads, num_layers):
    """Build the model and measure how it starts: the first thing that is not as it should be."""
    model = answer(vocab_size, context_length, embed_dim, num_heads, num_layers)
    table, head, blocks = model.embedding.token.weight, model.head.weight, model.blocks
    generator = torch.Generator().manual_seed(0)
    ids, targets = torch.randint(vocab_size, (2, 4, context_length), generator=generator)
    with torch.no_grad():
        loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten()).item()

    def spread(*parameters):
        return torch.cat([p.detach().flatten() for p in parameters]).std().item()

    def near(value, expected):
        return abs(value / expected - 1) < 0.1

    mixing, thinking = (
        spread(*(block.mix.proj.weight for block in blocks)) / 0.02,
        spread(*(block.think[3].weight for block in blocks)) / 0.02,
    )
    inner = spread(*(p for block in blocks for p in (block.mix.qkv.weight, block.think[1].weight)))
    places, tokens = spread(model.embedding.position.weight), spread(table)
    named = dict(model.named_parameters())
    biases = [p for name, p in named.items() if name.endswith("bias")]
    gains = [p for name, p in named.items() if p.dim() == 1 and name.endswith("weight")]
    scale = (2 * num_layers) ** -0.5
    word = "well started"
    if head is not table:
        word = "a copy" if torch.equal(head, table) else "two tensors"
    elif not table.requires_grad:
        word = "frozen"
    elif near(tokens, 1) and near(inner, 1):
        word = "all at 1"
    elif near(tokens, 1):
        word = "loud table"
    elif tokens < 1e-6:
        word = "all alike"
    elif not near(tokens, 0.02):
        word = "another spread"
    elif not near(places, 0.02):
        word = "positions"
    elif near(inner, 0.02 * scale):
        word = "all scaled"
    elif not near(inner, 0.02):
        word = "others"
    elif near(mixing, 1) and near(thinking, 1):
        word = "not scaled"
    elif near(mixing, scale) and near(thinking, 1):
        word = "attention alone"
    elif near(thinking, scale) and near(mixing, 1):
        word = "MLP alone"
    elif near(mixing, num_layers**-0.5) and near(thinking, num_layers**-0.5):
        word = "once per layer"
    elif near(mixing, scale**2) and near(thinking, scale**2):
        word = "no root"
    elif near(mixing, 1 / scale) and near(thinking, 1 / scale):
        word = "larger"
    elif not (near(mixing, scale) and near(thinking, scale)):
        word = "another scale"
    elif any((gain != 1).any() for gain in gains):
        word = "gains"
    elif any((bias != 0).any() for bias in biases):
        word = "biases"
    numbers = sum(p.numel() for p in named.values())
    figures = {"loss": loss, "spread": tokens, "numbers": numbers, "ln V": math.log(vocab_size)}
    return Seen(word, figures)


def start_cases(g: torch.Generator) -> list[tuple]:
    """Depths whose roots and halves differ, so that a constant in the place of one shows."""
    return [(300, 64, 32, 4, 2), (200, 96, 24, 2, 6), (250, 64, 40, 4, 9)]


def measured(text: str) -> Callable:
    """A hint with the figures of what was built."""

    def hint(args, got, right):
        known = {"loss": 0.0, "spread": 0.0, "numbers": 0, "ln V": math.log(args[0])}
        known |= getattr(got, "figures", {})
        return text.format(**{name.replace(" ", ""): value for name, value in known.items()})

    return hint


START = Part(
    "MendedGPT",
    RightStart,
    cases=start_cases,
    drive=drive_start,
    wrong=(
        Wrong(
            "as torch starts it",
            start(spread=None, positions=None, others=None, writing=lambda self, depth: 2 * [None]),
            measured(
                "the first loss is {loss:.1f}, and ln V is {lnV:.1f}. The table, which is also the "
                "head, still starts with spread 1: draw it with 0.02."
            ),
            "The Shouter",
        ),
        Wrong(
            "two tensors",
            start(last=untie),
            measured(
                "{loss:.1f}, but head and table are two tensors now ({numbers:,} parameters in the "
                "check's small model; in the large one 13.7M). Keep them tied; change how they "
                "start."
            ),
            "The Photocopier",
        ),
        Wrong(
            "a copy",
            start(last=copy_table),
            (
                "equal today, different after one step: you copied the values. Assign the "
                "parameter itself."
            ),
            "The Photocopier",
        ),
        Wrong(
            "not scaled",
            start(writing=lambda self, depth: (0.02, 0.02)),
            measured(
                "{loss:.2f}, better, but the spread of the stream still grows with depth. Scale "
                "the projections into it by 1/√(2·layers)."
            ),
            "The Snowball",
        ),
        Wrong(
            "attention alone",
            start(writing=lambda self, depth: (0.02 / math.sqrt(2 * depth), 0.02)),
            (
                "attention's projection is scaled, the MLP's is not. Which linear layer of think "
                "writes to the stream?"
            ),
            "The Half Move",
        ),
        Wrong(
            "MLP alone",
            start(writing=lambda self, depth: (0.02, 0.02 / math.sqrt(2 * depth))),
            (
                "the MLP's last matrix is scaled, attention's is not. Which linear layer of mix "
                "writes to the stream?"
            ),
            "The Half Move",
        ),
        Wrong(
            "once per layer",
            start(writing=lambda self, depth: 2 * (0.02 / math.sqrt(depth),)),
            (
                "you divide by √layers. Each block adds to the stream twice, so there are "
                "2·layers additions."
            ),
            "The Ruler",
        ),
        Wrong(
            "no root",
            start(writing=lambda self, depth: 2 * (0.02 / (2 * depth),)),
            (
                "you divide by 2·layers. The spread of a sum grows with the root of its length: "
                "divide by √(2·layers)."
            ),
            "The Ruler",
        ),
        Wrong(
            "larger",
            start(writing=lambda self, depth: 2 * (0.02 * math.sqrt(2 * depth),)),
            "your projections start √(2·layers) times larger instead of smaller. Divide.",
            "The Ruler",
        ),
        Wrong(
            "all scaled",
            start(others=property(lambda self: 0.02 / math.sqrt(2 * len(self.blocks)))),
            (
                "you made every matrix inside the blocks smaller. Only those that write to the "
                "stream are: the last of attention and the last of the MLP."
            ),
            "The Ruler",
        ),
        Wrong(
            "others",
            start(others=None, writing=lambda self, depth: 2 * [None]),
            (
                "both tables are mended, the linear layers in the blocks still start as torch "
                "draws them. All matrices start at 0.02, those that write to the stream smaller."
            ),
            "The Half Move",
        ),
        Wrong(
            "positions",
            start(positions=None, others=None, writing=lambda self, depth: 2 * [None]),
            measured(
                "{loss:.1f}, better, but the table of positions still starts with spread 1, fifty "
                "times that of the tokens: the stream says where, and hardly what."
            ),
            "The Half Move",
        ),
        Wrong(
            "all at 1",
            start(spread=1.0, positions=1.0, others=1.0, writing=lambda self, depth: (1.0, 1.0)),
            (
                "all matrices start with spread 1. The second argument of nn.init.normal_ is the "
                "mean; name the spread: std=0.02."
            ),
            "The Shouter",
        ),
        Wrong(
            "another spread",
            start(spread=0.02 / math.sqrt(3), positions=0.02 / math.sqrt(3)),
            measured(
                "the tokens start with spread {spread:.2g}, the task asks for 0.02. (Numbers "
                "evenly spread from −a to a have a spread of a/√3.)"
            ),
            "The Ruler",
        ),
        Wrong(
            "all alike",
            start(spread=0.0, positions=0.0),
            measured(
                "the first loss is {loss:.2f}, that of no knowledge, because all tokens are the "
                "same. Equal vectors get equal gradients and stay alike: draw them."
            ),
            "The Standstill",
        ),
        Wrong(
            "gains",
            start(gain=0.0),
            (
                "the matrices are right; you changed the norms' gains too. They stay at 1: draw "
                "only what has two dimensions."
            ),
            "The Vandal",
        ),
        Wrong(
            "biases",
            start(has_zero_biases=False),
            (
                "the matrices are right; the biases of the linear layers are still what torch "
                "drew. They start at 0."
            ),
            "The Leftover",
        ),
        Wrong(
            "frozen",
            start(last=freeze),
            "the table starts well and can't learn: it is no trainable parameter any more.",
            "The Cut Cord",
        ),
    ),
)


# 7.4 The first loss


@dataclass(frozen=True)
class Vocabularies:
    """The numbers of 7.4: a small vocabulary, and a large one with how the question names it."""

    small: int = 65
    large: int = 50_257
    named: str = "the 50,257 tokens of GPT-2"


def draw_vocabularies(dice: Dice) -> Vocabularies | None:
    small = dice.whole(30, 160)
    large = dice.pick((8_000, 10_000, 16_000, 24_000, 32_000, 64_000, 100_000, 128_000, 200_000))
    suits = all(is_clear(math.log(size), 1) for size in (small, large))
    is_other = read_loss(math.log(small)) != read_loss(math.log(65))
    named = f"a vocabulary of {large:,} tokens"
    return Vocabularies(small, large, named) if suits and is_other else None


def vocabularies_texts(n: Vocabularies) -> tuple[str, ...]:
    return (
        f"with a vocabulary of {n.small} characters? Type it as `loss_{n.small} = …`",
        f"And with {n.named}? Type it as `loss_{n.large} = …`",
    )


def read_loss(typed: object) -> float:
    return round(read_number(typed), 1)


def loss_part(label: str, size: int, other: int) -> Part:
    right = math.log(size)
    return Part(
        f"loss_{size}",
        typed(round(right, 1)),
        read=read_loss,
        wrong=(
            Wrong(
                "bits",
                typed(round(right / math.log(2), 1)),
                "that is the loss in bits. In nats it is smaller: use the natural logarithm.",
                "The Other Unit",
            ),
            Wrong(
                "decimal logarithm",
                typed(round(math.log10(size), 1)),
                "that is the logarithm to base 10. A nat belongs to base e: math.log.",
                "The Other Unit",
            ),
            Wrong(
                "negative",
                typed(round(-right, 1)),
                "the sign: ln(1/V) is negative, and the surprise is −ln(1/V) = ln V.",
                "The Climber",
            ),
            Wrong(
                "probability",
                typed(round(1 / size, 1)),
                (
                    "a model that knows nothing gives each of V tokens 1/V, and the loss is the "
                    "surprise at that: −ln(1/V) = ln V."
                ),
                "The Early Leaver",
            ),
            Wrong(
                "vocabulary",
                typed(float(size)),
                (
                    "a model that knows nothing gives each of V tokens 1/V: the loss is "
                    "−ln(1/V) = ln V, not V."
                ),
                "The Other Unit",
            ),
            Wrong(
                "one less",
                typed(round(math.log(other), 1)),
                f"that belongs to the other vocabulary. Here V = {size:,}: −ln(1/V) = ln V.",
                "The Number Plate",
            ),
        ),
        label=label,
    )


def first_loss(n: Vocabularies) -> Exercise:
    return Exercise(
        "7.4",
        "The first loss",
        (loss_part("a", n.small, n.large), loss_part("b", n.large, n.small)),
        hints=(
            "A model that knows nothing finds all tokens equally likely.",
            "Equally likely means 1/V each. The loss is the surprise at the token that came.",
            "−ln(1/V), with math.log for ln.",
        ),
    )


# 7.5 Where does the time go?


@dataclass(frozen=True)
class Work:
    """The numbers of 7.5: width, context and blocks of the model."""

    C: int = 192
    T: int = 128
    L: int = 6

    def share(self, part: str, vocab: int, linears=24, pairs=4, head=2) -> float:
        """The share of one part of the work in percent; other factors make the known mistakes."""
        work = {
            "linears": linears * self.C * self.C * self.L,
            "pairs": pairs * self.T * self.C * self.L,
            "head": head * self.C * vocab,
        }
        return 100 * work[part] / sum(work.values())

    def percent(self, part: str, vocab: int, **factors: int) -> float:
        """The same, rounded."""
        return float(round(self.share(part, vocab, **factors)))


def draw_work(dice: Dice) -> Work | None:
    """No share is a close call when it is rounded, and each is at least one percent."""
    work = Work(dice.whole(96, 384, 32), dice.whole(96, 512, 32), dice.whole(3, 12))
    shares = [work.share(*asked) for asked in (("pairs", 65), ("pairs", 50257), ("head", 50257))]
    suits = all(is_clear(share, 0) for share in shares)
    return work if suits and work.percent("pairs", 50257, pairs=2) >= 1 else None


def work_texts(n: Work) -> tuple[str, ...]:
    return (f"A model is {n.C} wide, has {n.L} blocks and reads {n.T} tokens at a time.",)


def read_percent(typed: object) -> float:
    number = read_number(str(typed).strip().rstrip("%") if isinstance(typed, str) else typed)
    if not 1 <= number <= 100:
        raise ValueError(f"type percent, such as 25 for a quarter, not {typed!r}.")
    return float(round(number))


ADD_TOO = (
    "matrix products cost two operations per entry, a multiplication and an addition: 24C², 4TC "
    "and 2CV. Count all three in the same unit."
)
BOTH = "the T × T part has two products, the scores and the sums of the values: 4TC per layer."
THE_LINEARS = "that is the share of the linear layers. Asked is the T × T part: scores and sums."


def share_part(name: str, label: str, right: float, *wrong: tuple) -> Part:
    """A typed percentage; each wrong is its name, value, hint and card."""
    known = tuple(Wrong(title, typed(value), text, card) for title, value, text, card in wrong)
    return Part(name, typed(right), known, label=label, read=read_percent)


def pairs_small(n: Work) -> Part:
    # What attention costs whole: its linear layers, 8C², and the T × T part, 4TC.
    attention = n.share("pairs", 65) * (8 * n.C + 4 * n.T) / (4 * n.T)
    return share_part(
        "pairs_65",
        "a",
        n.percent("pairs", 65),
        ("scores alone", n.percent("pairs", 65, pairs=2), BOTH, "The Half Move"),
        ("two units", n.percent("pairs", 65, linears=12, head=1), ADD_TOO, "The Other Unit"),
        ("the linears", n.percent("linears", 65), THE_LINEARS, "The Price Tag"),
        (
            "attention whole",
            float(round(attention)),
            "you counted qkv and proj as well. They are linear layers; T × T are scores and sums.",
            "The Price Tag",
        ),
    )


def pairs_large(n: Work) -> Part:
    without_head = (
        f"with V = 50,257 the head is {n.percent('head', 50257):.0f}% of the work, attention's T "
        f"× T part {n.percent('pairs', 50257):.0f}%. You left out the head."
    )
    return share_part(
        "pairs_50257",
        "b",
        n.percent("pairs", 50257),
        ("no head", n.percent("pairs", 65), without_head, "The Price Tag"),
        ("scores alone", n.percent("pairs", 50257, pairs=2), BOTH, "The Half Move"),
        ("two units", n.percent("pairs", 50257, linears=12, head=1), ADD_TOO, "The Other Unit"),
        (
            "the head",
            n.percent("head", 50257),
            "that is the head. Asked is the T × T part: scores and sums.",
            "The Price Tag",
        ),
        ("the linears", n.percent("linears", 50257), THE_LINEARS, "The Price Tag"),
    )


def head_large(n: Work) -> Part:
    return share_part(
        "head_50257",
        "c",
        n.percent("head", 50257),
        (
            "half the head",
            n.percent("head", 50257, head=1),
            "the head's product costs 2CV operations per token, as every product does: " + ADD_TOO,
            "The Other Unit",
        ),
        (
            "table as a product",
            n.percent("head", 50257, head=4),
            "you counted the token table as a product too. Fetching a row costs no "
            "multiplication; only the head multiplies.",
            "The Stutterer",
        ),
        (
            "head in each layer",
            n.percent("head", 50257, head=2 * n.L),
            "you counted the head once per layer. It stands at the end, once.",
            "The Stutterer",
        ),
        (
            "the small vocabulary",
            1.0,
            "that is the head of a small vocabulary. Here V = 50,257: 2CV operations per token.",
            "The Number Plate",
        ),
    )


def crossing(name: str, label: str, right: int, wrong: dict[str, tuple[int, str, str]]) -> Part:
    """A typed T at which the pairs cost as much as the linear layers."""
    known = (Wrong(why, typed(value), text, card) for why, (value, text, card) in wrong.items())
    return Part(name, typed(right), tuple(known), label=label, read=read_whole)


SIX_C = "Per token and layer: linears 24C², scores and sums 4TC."


def equal_at(n: Work) -> Part:
    C = n.C
    return crossing(
        "equal_at",
        "d",
        6 * C,
        {
            "scores alone": (12 * C, f"T = 6C. {SIX_C} You left out the sums.", "The Half Move"),
            "two units": (3 * C, f"T = 6C. {SIX_C} Both in the same unit.", "The Other Unit"),
            "attention's linears": (
                2 * C,
                f"T = 6C. {SIX_C} You left out the MLP, 16C² of the 24.",
                "The Leftover",
            ),
            "one width": (C, f"T = 6C. {SIX_C}", "The Price Tag"),
            "of C = 128": (6 * 128, f"{SIX_C} And C is {C} here.", "The Number Plate"),
            "all layers": (
                6 * C * n.L,
                f"T = 6C. {SIX_C} Both are done in every layer, so the number of layers cancels.",
                "The Stutterer",
            ),
        },
    )


def equal_narrow(n: Work) -> Part:
    C = n.C
    return crossing(
        "equal_narrow",
        "e",
        4 * C,
        {
            "as wide as before": (
                6 * C,
                "that was question d. With an MLP twice as wide as the stream, its two matrices "
                "have 2C² entries each.",
                "The Deaf Ear",
            ),
            "half": (
                3 * C,
                "only the MLP is halved. Attention's four matrices cost 8C² as before.",
                "The Leveller",
            ),
            "one matrix": (
                5 * C,
                "you halved one of the two matrices of the MLP. C × 2C and 2C × C: 8C² operations.",
                "The Half Move",
            ),
            "scores alone": (
                8 * C,
                "4TC: scores and sums. You left one out.",
                "The Half Move",
            ),
            "MLP alone": (
                2 * C,
                "attention's own matrices are missing: qkv and proj, 8C² operations.",
                "The Leftover",
            ),
        },
    )


def where_time_goes(n: Work) -> Exercise:
    return Exercise(
        "7.5",
        "Where does the time go?",
        (pairs_small(n), pairs_large(n), head_large(n), equal_at(n), equal_narrow(n)),
        hints=(
            "Write down three numbers of operations per token: all linear layers in the "
            "blocks, all scores and sums, and the head. A share is one of them over their sum.",
            "A product with an n × m matrix is 2nm operations. The matrices of a block have "
            "12C² entries; scores and sums take 2TC each; the head is C × V and stands once. "
            "For d and e the layers cancel.",
            "a, b: 4TCL / (24C²L + 4TCL + 2CV). c: 2CV over the same sum. d: solve "
            "24C² = 4TC. e: an MLP of C × 2C and 2C × C has 4C² entries instead of 8C².",
        ),
    )


# 7.6 Weights from a stranger

NORMS = {"norm1": "ln_1", "norm2": "ln_2"}


def layer_of(weights, num_heads, proj=True, order="qkv", form="tanh", qkv=True, norms=NORMS):
    """What a GPT-2 layer computes: x (B, T, C) -> (B, T, C). The options make the mistakes."""

    def norm(x, name):
        stem = norms[name]
        width = x.shape[-1:]
        return F.layer_norm(x, width, weights[f"{stem}.weight"], weights[f"{stem}.bias"])

    def linear(x, name, is_turned=True):
        weight = weights[f"{name}.weight"]
        return x @ (weight if is_turned else weight.T) + weights[f"{name}.bias"]

    def forward(x):
        T, C = x.shape[1:]
        read = norm(x, "norm1")
        parts = weights["attn.c_attn.weight"].split(C, 1), weights["attn.c_attn.bias"].split(C)
        found = {}
        for letter, weight, bias in zip(order, *parts, strict=True):
            made = read @ (weight if qkv else weight.T) + bias
            found[letter] = made.unflatten(-1, (num_heads, -1)).transpose(1, 2)
        scores = found["q"] @ found["k"].mT * (C // num_heads) ** -0.5
        future = torch.ones(T, T, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(future, float("-inf")).softmax(-1) @ found["v"]
        x = x + linear(mixed.transpose(1, 2).flatten(2), "attn.c_proj", proj)
        hidden = F.gelu(linear(norm(x, "norm2"), "mlp.c_fc"), approximate=form)
        return x + linear(hidden, "mlp.c_proj")

    return forward


def right_layer(weights, num_heads):
    return layer_of(weights, num_heads)


def loaded(**options: object) -> Callable:
    return lambda weights, num_heads: layer_of(weights, num_heads, **options)


def drive_layer(answer, weights, num_heads, x):
    """Load the layer and let it read x."""
    layer = answer(weights, num_heads)
    if not callable(layer):
        raise TypeError(f"load_layer gives {type(layer).__name__}, not a layer")
    return layer(x)


def layer_cases(g: torch.Generator) -> list[tuple]:
    """Widths, heads, batches and lengths all different. Weights are large, so that GELU's two
    forms differ by more than rounding does."""

    def case(B, T, C, H):
        shapes = {
            "attn.c_attn": (C, 3 * C),
            "attn.c_proj": (C, C),
            "mlp.c_fc": (C, 4 * C),
            "mlp.c_proj": (4 * C, C),
        }

        def draw(*shape):
            return 0.5 * normal(g, *shape)

        weights = {}
        for name in ("ln_1", "ln_2"):
            weights[f"{name}.weight"], weights[f"{name}.bias"] = 1 + draw(C), draw(C)
        for name, shape in shapes.items():
            weights[f"{name}.weight"], weights[f"{name}.bias"] = draw(*shape), draw(shape[1])
        return weights, H, normal(g, B, T, C)

    return [case(2, 5, 12, 3), case(3, 7, 16, 4), case(1, 6, 8, 2)]


PROJ_HINT = (
    "c_attn fits only transposed, so you saw it; c_proj is square and fits either way, wrong. All "
    "four Conv1D weights are (in, out): transpose each."
)
GELU_HINT = (
    "the outputs differ by {gap:.0e}, not by 1: the GELU. GPT-2 uses the tanh form, "
    'GPT2Layer(…, approximate="tanh").'
)
ORDER_HINT = "q and v are exchanged. The order in c_attn is q, k, v."


def hint_layer(text: str, more: int = 0) -> Callable:
    said = {0: "", 1: " One more fault is left.", 2: " Two more faults are left."}[more]

    def hint(args, got, right):
        gap = (got - right).abs().max().item() if isinstance(got, torch.Tensor) else 0.0
        return text.format(gap=gap) + said

    return hint


LAYER = Part(
    "load_layer",
    right_layer,
    cases=layer_cases,
    drive=drive_layer,
    wrong=(
        Wrong("c_proj as it is", loaded(proj=False), hint_layer(PROJ_HINT), "The Mirror"),
        Wrong("exact GELU", loaded(form="none"), hint_layer(GELU_HINT), "The Dialect"),
        Wrong("q and v exchanged", loaded(order="vkq"), hint_layer(ORDER_HINT), "The Odd Couple"),
        Wrong(
            "c_proj and GELU",
            loaded(proj=False, form="none"),
            hint_layer(PROJ_HINT, 1),
            "The Mirror",
        ),
        Wrong(
            "c_proj and the order",
            loaded(proj=False, order="vkq"),
            hint_layer(PROJ_HINT, 1),
            "The Mirror",
        ),
        Wrong(
            "the order and GELU",
            loaded(order="vkq", form="none"),
            hint_layer(ORDER_HINT, 1),
            "The Odd Couple",
        ),
        Wrong(
            "all three",
            loaded(proj=False, order="vkq", form="none"),
            hint_layer(PROJ_HINT, 2),
            "The Mirror",
        ),
        Wrong(
            "other order",
            loaded(order="kqv"),
            "q and k are exchanged. The order in c_attn is q, k, v.",
            "The Odd Couple",
        ),
        Wrong(
            "k and v exchanged",
            loaded(order="qvk"),
            "k and v are exchanged. The order in c_attn is q, k, v.",
            "The Odd Couple",
        ),
        Wrong(
            "thirds as they are",
            loaded(qkv=False),
            (
                "cut into three, c_attn's parts are square too, and fit either way. They are (in, "
                "out) like the rest: transpose each of q, k and v."
            ),
            "The Mirror",
        ),
        Wrong(
            "thirds and c_proj as they are",
            loaded(qkv=False, proj=False),
            (
                "you transposed only what did not fit. The square ones, q, k, v and c_proj, fit "
                "either way, and are (in, out) too: transpose each."
            ),
            "The Mirror",
        ),
        Wrong(
            "norms exchanged",
            loaded(norms={"norm1": "ln_2", "norm2": "ln_1"}),
            "the two norms are exchanged: ln_1 stands before attention, ln_2 before the MLP.",
            "The Odd Couple",
        ),
    ),
)

# 7.7 Read the paper

NAMES = (
    *("vocab_size", "context_length", "embed_dim", "num_heads", "head_dim", "num_layers"),
    *("qkv", "proj", "up", "down", "head", "attention", "none"),
)
MEANING = {
    "N": "num_layers",
    "d_model": "embed_dim",
    "h": "num_heads",
    "d_k": "head_dim",
    "W^O": "proj",
    "W_1": "up",
    "z": "none",
    "cross": "none",
}
CROSS = "cross-attention belongs to the encoder–decoder; your decoder-only model has none."
ENCODER = "z is what the encoder returns (section 3), and your decoder-only model has none."
MISREAD = {
    ("cross", "attention"): (CROSS, "The Absent Encoder"),
    ("cross", "qkv"): (CROSS, "The Absent Encoder"),
    ("cross", "num_heads"): (CROSS, "The Absent Encoder"),
    ("z", "head"): (ENCODER, "The Absent Encoder"),
    ("z", "embed_dim"): (ENCODER, "The Absent Encoder"),
    ("z", "attention"): (ENCODER, "The Absent Encoder"),
    ("z", "context_length"): (ENCODER, "The Absent Encoder"),
    ("N", "context_length"): (
        "the paper calls the length of a text n. N is how often the layer is repeated (3.1).",
        "The Number Plate",
    ),
    ("N", "num_heads"): (
        "N is how often the layer is repeated (3.1); the number of heads is another letter.",
        "The Number Plate",
    ),
    ("d_model", "head_dim"): (
        "d_model is the width of the stream, which all layers return (3.1); a head is narrower.",
        "The Ruler",
    ),
    ("d_model", "vocab_size"): (
        "d_model is the width of the stream, which all layers return (3.1).",
        "The Ruler",
    ),
    ("h", "head_dim"): (
        "h counts the heads; the width of each is d_model / h (3.2.2).",
        "The Number Plate",
    ),
    ("h", "head"): (
        "h is a number (3.2.2). Our head, which scores the tokens, is another thing with that "
        "name.",
        "The Number Plate",
    ),
    ("d_k", "embed_dim"): (
        "d_k is the width of a key within one head: d_model / h (3.2.2).",
        "The Ruler",
    ),
    ("d_k", "qkv"): (
        "d_k is a width, not a matrix: that of a query or key within one head (3.2.2).",
        "The Number Plate",
    ),
    ("W^O", "head"): (
        "O is for the output of attention (3.2.2): the matrix that mixes the heads. The head "
        "scores tokens.",
        "The Number Plate",
    ),
    ("W^O", "down"): (
        "W^O belongs to attention (3.2.2); down is the second matrix of the MLP (3.3).",
        "The Number Plate",
    ),
    ("W_1", "down"): (
        "equation 2 multiplies by W_1 first: the matrix that widens.",
        "The Wrong End",
    ),
    ("W_1", "qkv"): (
        "W_1 stands in equation 2, the feed-forward network (3.3), not in attention.",
        "The Number Plate",
    ),
}
LETTERS = {"c": "embed_dim", "h": "num_heads", "d": "head_dim", "t": "context_length"}


def read_meaning(typed: object) -> dict[str, str]:
    """The answers as they should be, but for the first that is not.

    Raises:
        ValueError: not all eight, a name that is none of ours, or a slip no hint is known for.
    """
    if not isinstance(typed, Mapping) or not MEANING.keys() <= typed.keys():
        missing = [key for key in MEANING if not isinstance(typed, Mapping) or key not in typed]
        raise ValueError(f"type a dict with all eight symbols; missing: {', '.join(missing)}.")
    for key, right in MEANING.items():
        word = str(typed[key]).strip().lower().removeprefix("self.").split(".")[-1]
        word = LETTERS.get(word, "none" if word in ("-", "") else word)
        if word not in NAMES:
            raise ValueError(f"{key}: {typed[key]!r} is not among our names: {', '.join(NAMES)}.")
        if word != right:
            if (key, word) not in MISREAD:
                said = f'{key} is not {word}. hint("7.7") says where the paper explains it.'
                raise ValueError(said)
            return MEANING | {key: word}
    return dict(MEANING)


PAPER = Part(
    "meaning",
    typed(MEANING),
    read=read_meaning,
    wrong=tuple(
        Wrong(f"{key} is {word}", typed(MEANING | {key: word}), text, card)
        for (key, word), (text, card) in MISREAD.items()
    ),
)

VARIANTS = {
    "7.1": Varied(Size(), draw_size, count_by_hand, size_texts),
    "7.4": Varied(Vocabularies(), draw_vocabularies, first_loss, vocabularies_texts),
    "7.5": Varied(Work(), draw_work, where_time_goes, work_texts),
}
EXERCISES = {
    exercise.number: exercise
    for exercise in (
        count_by_hand(Size()),
        Exercise(
            "7.2",
            "GPT.forward",
            (FORWARD,),
            hints=(
                "You walked this way with one sentence in the chapter: embed, go through all "
                "blocks, norm, head. With targets there is one more step.",
                "Keep one variable for the stream, (B, T, C), and give it to each block in turn, "
                "going on with what comes back. The last norm acts once, after the loop. "
                "F.cross_entropy wants (N, V) and (N,), so B and T have to become one axis; it "
                "leaves out targets of −100 by itself.",
                "Embed ids; for each block in self.blocks: stream = block(stream); scores = head "
                "of norm of stream; without targets return scores, None; else return scores and "
                "F.cross_entropy of scores.flatten(0, 1) and targets.flatten().",
            ),
            references=("minigpt_lib.model:GPT.forward",),
            replaces={"GPT": "model"},
        ),
        Exercise(
            "7.3",
            "The loss starts too high",
            (START,),
            hints=(
                "The table is right for being looked up, and far too loud for scoring. Leave the "
                "tying alone; give every parameter another first value.",
                "Matrices have two dimensions; gains and biases have one. Draw all matrices with "
                "spread 0.02. Then ask of each linear layer in FriendsBlock.forward: is its "
                "result added to x? Those start smaller by the root of their number.",
                "For each p with p.dim() == 2: nn.init.normal_(p, std=0.02). For each name that "
                'ends in "bias": nn.init.zeros_. Then, for block in self.blocks, draw '
                "block.mix.proj.weight and block.think[3].weight again with "
                "0.02 / math.sqrt(2 * number of blocks).",
            ),
        ),
        first_loss(Vocabularies()),
        where_time_goes(Work()),
        Exercise(
            "7.6",
            "Weights from a stranger",
            (LAYER,),
            hints=(
                "The friend turned only what would not fit. Ask of every tensor which axis is the "
                "input, whether or not its shape complains, and of every formula whether it is "
                "GPT-2's.",
                "GPT-2 keeps each matrix as (in, out), torch's Linear as (out, in): all four turn. "
                "c_attn makes q, k and v side by side, in this order. The layer has an option for "
                "the form of the GELU.",
                'Turn each 2-D tensor with .T, then chunk "attn.c_attn" in three along dim 0, '
                "which is the output now, for weights and biases alike; give them to to_q, to_k "
                'and to_v. Build GPT2Layer(C, num_heads, approximate="tanh").',
            ),
        ),
        Exercise(
            "7.7",
            "Read the paper",
            (PAPER,),
            hints=(
                "Two of the eight belong to the half of the paper's model that yours leaves out.",
                "N, d_model: section 3.1. h, d_k, W^O: 3.2.2. W_1: 3.3. z: the second paragraph of "
                "3. Encoder–decoder attention: the first point of 3.2.3.",
                "Figure 1, right half: everything with an arrow from the left half is missing in "
                "your model. The paper's d_k is d_model / h, and W_1 is the matrix that widens.",
            ),
        ),
    )
}
