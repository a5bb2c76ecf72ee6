"""Chapter 04: right answers written in other ways, and mistakes as a learner may write them."""

import math

import torch
import torch.nn.functional as F

# Other ways of writing it


def loops(q, k, mask=None):
    """Entry by entry, in double precision."""
    if q.dim() > 2:
        masks = [None] * len(q) if mask is None else mask.expand(*q.shape[:-1], k.shape[-2])
        return torch.stack([loops(*parts) for parts in zip(q, k, masks, strict=True)])
    out = torch.zeros(len(q), len(k), dtype=torch.float64)
    for i in range(len(q)):
        for j in range(len(k)):
            if mask is None or mask[i, j]:
                out[i, j] = math.exp(sum(q[i] * k[j]) / math.sqrt(q.shape[1]))
        out[i] /= out[i].sum()
    return out


def einsum_weights(queries, keys, allowed=None):
    scale = queries.size(-1) ** -0.5
    scores = torch.einsum("...id,...jd->...ij", queries * scale, keys)
    if allowed is not None:
        scores = scores + torch.where(allowed, 0.0, -1e9)
    e = torch.exp(scores - scores.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


def mask_twice(q, k, mask=None):
    """Masks after the softmax, then shares out again: unusual, and right."""
    weights = F.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1)
    weights = weights if mask is None else weights * mask
    return weights / weights.sum(-1, keepdim=True)


def loops_attention(q, k, v, mask=None):
    return loops(q, k, mask) @ v.double()


def einsum_attention(q, k, v, mask=None):
    return torch.einsum("...ij,...jd->...id", einsum_weights(q, k, mask), v)


def chunks_split(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=1)


def permuted_split(x, num_heads):
    B, T, C = x.shape
    return x.reshape(B, T, num_heads, C // num_heads).permute(0, 2, 1, 3).contiguous()


def concatenated_merge(x):
    return torch.cat([x[:, h] for h in range(x.shape[1])], dim=-1)


def permuted_merge(x):
    return x.permute(0, 2, 1, 3).flatten(2)


def looped_heads(q, k, v, num_heads, mask=None):
    D = q.shape[-1] // num_heads
    shares = [slice(h * D, (h + 1) * D) for h in range(num_heads)]
    return torch.cat([einsum_attention(q[..., s], k[..., s], v[..., s], mask) for s in shares], -1)


def split_heads_attention(q, k, v, num_heads, mask=None):
    q, k, v = (chunks_split(part, num_heads) for part in (q, k, v))
    return permuted_merge(mask_twice(q, k, mask) @ v)


@torch.no_grad()
def leak_backwards(model, ids):
    mode, model.training = model.training, False
    for module in model.children():
        module.eval()
    clean, found = model(ids), set()
    for touched in reversed(range(len(ids))):
        new = (ids[touched, None] + 3) % model.vocab_size
        other = torch.cat([ids[:touched], new, ids[touched + 1 :]])
        now = model(other)
        found |= {p for p in range(touched) if not torch.allclose(clean[p], now[p])}
    model.train(mode)
    return torch.tensor(min(found)) if found else None


def leak_first_match(model, ids):
    mode = model.training
    model.eval()
    answer = None
    for position in range(len(ids)):
        for touched in range(position + 1, len(ids)):
            other = ids.clone()
            other[touched] = (other[touched] + 7) % model.vocab_size
            if answer is None and not torch.equal(model(other)[position], model(ids)[position]):
                answer = position
    model.train(mode)
    return answer


def two_triangles(T, w):
    return torch.ones(T, T).tril().bool() & torch.ones(T, T).triu(1 - w).bool()


def window_by_loops(T, w):
    return torch.tensor([[j <= i and i - j < w for j in range(T)] for i in range(T)])


RIGHT = {
    "4.1": [
        ([[j <= i for j in range(4)] for i in range(4)],),
        (torch.ones(4, 4).tril(),),
        ([(1, 0, 0, 0), (1, 1, 0, 0), (1, 1, 1, 0), (1.0, 1, 1, 1)],),
    ],
    "4.2": [(loops,), (einsum_weights,), (mask_twice,)],
    "4.3": [(loops_attention,), (einsum_attention,)],
    "4.4": [
        (chunks_split, concatenated_merge, looped_heads),
        (permuted_split, permuted_merge, split_heads_attention),
    ],
    "4.5": [(leak_backwards,), (leak_first_match,)],
    "4.6": [("equal", "different", "equal"), (" Equal", "DIFFERENT ", "EQUAL")],
    "4.7": [(two_triangles,), (window_by_loops,)],
}


# Each mistake as a learner may write it, and what the check says


def masked_late(q, k, mask=None):
    weights = (q @ k.transpose(-1, -2) / q.size(-1) ** 0.5).softmax(-1)
    return weights if mask is None else weights * mask


def zeros_in_scores(q, k, mask=None):
    scores = q @ k.transpose(-1, -2) / q.size(-1) ** 0.5
    return (scores if mask is None else scores * mask).softmax(-1)


def wrong_axis(q, k, mask=None):
    scores = torch.einsum("...id,...jd->...ij", q, k) / q.size(-1) ** 0.5
    return F.softmax(scores if mask is None else torch.where(mask, scores, -torch.inf), dim=-2)


def with_scale(power):
    def answer(q, k, v, mask=None):
        scores = torch.einsum("...id,...jd->...ij", q, k) * q.size(-1) ** power
        scores = scores if mask is None else torch.where(mask, scores, -torch.inf)
        return F.softmax(scores, -1) @ v

    return answer


def weights_for_values(q, k, v, mask=None):
    return einsum_weights(q, k, mask)


def straight_view(x, num_heads):
    B, T, C = x.shape
    return x.view(B, num_heads, T, C // num_heads)


def straight_merge(x):
    B, H, T, D = x.shape
    return x.contiguous().view(B, T, H * D)


def wide_scale(q, k, v, num_heads, mask=None):
    C = q.shape[-1]
    q, k, v = (permuted_split(part, num_heads) for part in (q, k, v))
    scores = q @ k.mT / C**0.5
    scores = scores if mask is None else scores.masked_fill(~mask, -torch.inf)
    return permuted_merge(scores.softmax(-1) @ v)


def plain_weights(q, k, mask=None, power=-0.5, dim=-1):
    """Right as it stands; each argument after the mask is a way to get it wrong."""
    scores = torch.einsum("...id,...jd->...ij", q, k) * q.size(-1) ** power
    return F.softmax(scores if mask is None else torch.where(mask, scores, -torch.inf), dim=dim)


def weights_with(**mistake):
    return lambda q, k, mask=None: plain_weights(q, k, mask, **mistake)


def blocked_means_true(q, k, mask=None):
    return plain_weights(q, k, None if mask is None else mask.logical_not())


def forgets_mask(q, k, mask=None):
    return plain_weights(q, k)


def swaps_axes_0_and_1(q, k, mask=None):
    scores = torch.matmul(q, k.swapaxes(0, 1)) * q.shape[1] ** -0.5
    return F.softmax(scores if mask is None else torch.where(mask, scores, -torch.inf), dim=1)


def over_root_of(size, low=-torch.inf):
    """Weights whose scores are divided by the root of what `size` reads off q and k."""

    def answer(q, k, mask=None):
        scores = torch.einsum("...id,...jd->...ij", q, k) / size(q, k) ** 0.5
        return F.softmax(scores if mask is None else torch.where(mask, scores, low), -1)

    return answer


def divided_at_the_end(q, k, mask=None):
    return plain_weights(q, k, mask, power=0) / math.sqrt(q.size(-1))


def table_of_keys(q, k, mask=None):
    scores = k @ q.transpose(-2, -1) / q.size(-1) ** 0.5
    return F.softmax(scores if mask is None else scores.masked_fill(~mask, -torch.inf), -1)


def scores_times_mask(q, k, mask=None):
    scores = torch.matmul(q, k.mT) / math.sqrt(q.size(-1))
    return scores if mask is None else scores * mask


def shares_of_features(q, k, v, mask=None):
    return F.softmax(scores_as_shares(q, k, mask) @ v, dim=-1)


over_root_of_keys = over_root_of(lambda q, k: k.size(-2))


def over_root_of_values(q, k, v, mask=None):
    scores = torch.einsum("...id,...jd->...ij", q, k) / v.size(-1) ** 0.5
    return F.softmax(scores if mask is None else torch.where(mask, scores, -torch.inf), -1) @ v


def hides_unasked(q, k, mask=None):
    scores = torch.matmul(q, k.mT) / math.sqrt(q.size(-1))
    later = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -math.inf).softmax(-1)


def wants_a_mask(q, k, mask=None):
    scores = torch.matmul(q, k.mT) / math.sqrt(q.size(-1))
    return torch.where(mask, scores, -math.inf).softmax(-1)


def asks_the_mask(q, k, mask=None):
    scores = torch.matmul(q, k.mT) / math.sqrt(q.size(-1))
    if mask:
        scores = torch.where(mask, scores, -math.inf)
    return scores.softmax(-1)


def fill_thrown_away(q, k, mask=None):
    scores = torch.matmul(q, k.mT) / math.sqrt(q.size(-1))
    if mask is not None:
        scores.masked_fill(mask.logical_not(), -math.inf)
    return scores.softmax(-1)


def turns_all_axes(q, k, mask=None):
    scores = q @ k.T / math.sqrt(q.size(-1))
    return (scores if mask is None else torch.where(mask, scores, -torch.inf)).softmax(-1)


def averaged(weights):
    return lambda q, k, v, mask=None: torch.einsum("...ij,...jd->...id", weights(q, k, mask), v)


def scores_as_shares(q, k, mask=None):
    scores = torch.matmul(q, k.mT) / math.sqrt(q.size(-1))
    return scores if mask is None else scores.masked_fill(mask.logical_not(), -math.inf)


def features_first(x, num_heads):
    B, T, C = x.shape
    return x.view(B, T, C // num_heads, num_heads).permute(0, 3, 1, 2)


def view_alone(x, num_heads):
    B, T, C = x.shape
    return x.view(B, T, num_heads, C // num_heads)


def merge_features_first(x):
    B, H, T, D = x.shape
    return x.permute(0, 2, 3, 1).reshape(B, T, D * H)


def heads_with(weights):
    """Attention in heads, with weights of one's own."""

    def answer(q, k, v, num_heads, mask=None):
        q, k, v = (permuted_split(part, num_heads) for part in (q, k, v))
        return permuted_merge(weights(q, k, mask) @ v)

    return answer


def ignores_num_heads(q, k, v, num_heads, mask=None):
    return einsum_attention(q, k, v, mask)


def moved(model, ids, t):
    other = ids.clone()
    other[t] = (other[t] + 1) % model.vocab_size
    return [p for p in range(len(ids)) if not torch.allclose(model(other)[p], model(ids)[p])]


def leak_anywhere(model, ids):
    mode = model.training
    model.eval()
    found = [p for t in range(len(ids)) for p in moved(model, ids, t)]
    model.train(mode)
    return min(found) if found else None


def leak_of_last(model, ids):
    mode = model.training
    model.eval()
    found = [p for p in moved(model, ids, -1) if p < len(ids) - 1]
    model.train(mode)
    return min(found) if found else None


def leak_in_training(model, ids):
    found = [p for t in range(len(ids)) for p in moved(model, ids, t) if p < t]
    return min(found) if found else None


def mode_forgotten(model, ids):
    model.eval()
    return leak_in_training(model, ids)


def always_training(model, ids):
    model.eval()
    found = leak_in_training(model, ids)
    model.train()
    return found


def leak_returns_early(model, ids):
    mode = model.training
    model.eval()
    answer = None
    for place in range(len(ids)):
        early = [p for p in moved(model, ids, place) if p < place]
        if early and answer is None:
            answer = early[0]
    model.train(mode)
    return answer


def leak_names_the_token(model, ids):
    mode = model.training
    model.eval()
    found = [t for t in range(len(ids)) if any(p < t for p in moved(model, ids, t))]
    model.train(mode)
    return found[0] if found else None


def leak_by_zeroing(model, ids):
    mode = model.training
    model.eval()
    found, clean = [], model(ids)
    for place in range(len(ids)):
        now = model(torch.where(torch.arange(len(ids)) == place, 0, ids))
        found += [p for p in range(place) if not torch.allclose(clean[p], now[p])]
    model.train(mode)
    return min(found) if found else None


def leak_off_the_end(model, ids):
    mode = model.training
    model.eval()
    found, clean = [], model(ids)
    for place in range(len(ids)):
        other = ids.clone()
        other[place] += 1
        now = model(other)
        found += [p for p in range(place) if not torch.allclose(clean[p], now[p])]
    model.train(mode)
    return min(found) if found else None


def leak_by(judged):
    """Finds the leak by what `judged` makes of one output's differences."""

    def answer(model, ids):
        mode = model.training
        model.eval()
        found, clean = [], model(ids)
        for place in range(len(ids)):
            other = ids.clone()
            other[place] = (other[place] + 1) % model.vocab_size
            rise = model(other) - clean
            found += [p for p in range(place) if judged(rise[p]) > 1e-6]
        model.train(mode)
        return min(found) if found else None

    return answer


def leak_starting_at_zero(model, ids):
    found = leak_backwards(model, ids)
    return 0 if found is None else found.item()


def leak_forgetful_and_early(model, ids):
    """Two mistakes at once: dropout is on, and the first leak found ends the search."""
    clean = model(ids)
    for place in range(len(ids)):
        other = ids.clone()
        other[place] = (other[place] + 1) % model.vocab_size
        now = model(other)
        for p in range(place):
            if not torch.allclose(clean[p], now[p]):
                return p
    return None


def leak_at_random(model, ids):
    mode = model.training
    model.eval()
    found, clean = [], model(ids)
    for place in range(len(ids)):
        other = ids.clone()
        other[place] = torch.randint(model.vocab_size, (1,)).item()
        now = model(other)
        found += [p for p in range(place) if not torch.allclose(clean[p], now[p])]
    model.train(mode)
    return min(found) if found else None


def no_lower_bound(T, w):
    return torch.ones(T, T, dtype=torch.bool).triu(1 - w)


def sliced(T, w):
    out = torch.zeros(T, T)
    for row in range(T):
        out[row, row + 1 - w : row + 1] = 1
    return out.bool()


def past_alone(T, w):
    return window_by_loops(T, w) & ~torch.eye(T, dtype=torch.bool)


def w_in_the_past(T, w):
    return torch.ones(T, T, dtype=torch.bool).tril(-1).triu(-w)


def in_blocks(T, w):
    return torch.tensor([[j <= i and i // w == j // w for j in range(T)] for i in range(T)])


def window_ahead(T, w):
    return window_by_loops(T, w).mT


def window_plus_one(T, w):
    i, j = torch.meshgrid(torch.arange(T), torch.arange(T), indexing="ij")
    return (j <= i) & (j >= i - w)


def window_both_sides(T, w):
    i, j = torch.meshgrid(torch.arange(T), torch.arange(T), indexing="ij")
    return (j > i - w) & (j < i + w)


def window_of_old(T, w):
    return torch.ones(T, T, dtype=torch.bool).tril(-w)


def window_minus_one(T, w):
    return torch.ones(T, T).tril().bool() & torch.ones(T, T).triu(2 - w).bool()


def window_of_older(T, w):
    return torch.ones(T, T, dtype=torch.bool).tril(-w - 1)


UPPER = [[int(j >= i) for j in range(4)] for i in range(4)]
STRICT = [[j < i for j in range(4)] for i in range(4)]
FLIPPED = torch.ones(4, 4).triu(1)
HEADS = RIGHT["4.4"][0]
SAID = [
    ("4.1", (UPPER,), "✗ 4.1: position 0 can see position 3. Your mask keeps the upper triangle;"),
    ("4.1", (STRICT,), "✗ 4.1: position 0 sees nothing, not even itself, so its row can't add up"),
    ("4.1", (FLIPPED,), '✗ 4.1: every entry is the opposite. Here True means "may look"'),
    ("4.1", (torch.ones(4, 4).tril().flip(1),), "✗ 4.1: position 0 can see position 3 and not it"),
    (
        "4.2",
        (over_root_of(lambda q, k: q.size(1)),),
        "✗ 4.2: right for queries (T, D), not for (2,",
    ),
    (
        "4.3",
        (averaged(over_root_of(lambda q, k: q.size(-2))),),
        "✗ 4.3: you divided by √5, the root of the number of queries.",
    ),
    (
        "4.3",
        (averaged(over_root_of(lambda q, k: q.size(1))),),
        "✗ 4.3: right for queries (T, D), not for (2, 3, 5, 16), where q.shape[1] is 3",
    ),
    (
        "4.2",
        (over_root_of(lambda q, k: q.size(-2)),),
        "✗ 4.2: you divided by √5, the root of the number of queries.",
    ),
    (
        "4.2",
        (over_root_of(lambda q, k: q.size(-1), -100.0),),
        "✗ 4.2: hidden keys get weight where",
    ),
    (
        "4.3",
        (averaged(over_root_of(lambda q, k: q.size(-1), -20.0)),),
        "✗ 4.3: hidden keys get weight where",
    ),
    ("4.2", (divided_at_the_end,), "✗ 4.2: you divided by √16 after the softmax, so the shares of"),
    ("4.3", (averaged(divided_at_the_end),), "✗ 4.3: you divided by √16 after the softmax, so"),
    (
        "4.2",
        (table_of_keys,),
        "✗ 4.2: your table is the wrong way round: a row belongs to a query,",
    ),
    ("4.3", (averaged(table_of_keys),), "✗ 4.3: your table is the wrong way round: a row belongs"),
    ("4.3", (averaged(scores_times_mask),), "✗ 4.3: the scores go straight to the values, so the"),
    ("4.3", (shares_of_features,), "✗ 4.3: the softmax comes after the values, so it shares out"),
    (
        "4.4",
        (lambda x, H: x.unflatten(2, (x.size(2) // H, H)).transpose(1, 2), *HEADS[1:]),
        "✗ 4.4: you made 16 heads of width 4; asked for are 4 heads of width 16.",
    ),
    ("4.5", (leak_starting_at_zero,), "✗ 4.5: there is no leak, and you report position 0. Return"),
    ("4.5", (leak_by(lambda rise: rise.abs().amin()),), "✗ 4.5: a leak at position {s} stays hid"),
    (
        "4.5",
        (leak_forgetful_and_early,),
        "✗ 4.5: no mistake that this check knows: you give {s} This model has dropout, the",
    ),
    ("4.5", (leak_at_random,), "✗ 4.5: no mistake that this check knows: you give"),
    ("4.7", (no_lower_bound,), "✗ 4.7: query 0 sees the future: for later keys i − j is below 0"),
    ("4.7", (sliced,), "✗ 4.7: the first queries see nothing. There i − w + 1 is below 0"),
    ("4.7", (past_alone,), "✗ 4.7: query 0 does not see itself. The window of w holds"),
    ("4.7", (w_in_the_past,), "✗ 4.7: query 0 does not see itself. The window of w holds"),
    ("4.7", (in_blocks,), "✗ 4.7: query 3 begins anew: you cut the text into blocks of 3."),
    ("4.2", (over_root_of_keys,), "✗ 4.2: you divided by √5, the root of the number of keys."),
    ("4.3", (averaged(over_root_of_keys),), "✗ 4.3: you divided by √5, the root of the number"),
    ("4.3", (over_root_of_values,), "✗ 4.3: you divided by √9, the root of the width of a value."),
    ("4.2", (hides_unasked,), "✗ 4.2: your answer hides the future whether or not it is asked to."),
    ("4.3", (averaged(hides_unasked),), "✗ 4.3: your answer hides the future whether or not"),
    ("4.2", (wants_a_mask,), "✗ 4.2: your answer stops with TypeError where mask is None, which"),
    ("4.3", (averaged(wants_a_mask),), "✗ 4.3: your answer stops with TypeError where mask is"),
    ("4.2", (asks_the_mask,), "✗ 4.2: your answer stops at every mask with RuntimeError: Boolean"),
    ("4.3", (averaged(asks_the_mask),), "✗ 4.3: your answer stops at every mask with Runtime"),
    ("4.2", (fill_thrown_away,), "✗ 4.2: row 0 gives {s} to the future: the mask has no effect."),
    ("4.3", (averaged(fill_thrown_away),), "✗ 4.3: row 0 gives weight to the future: the mask"),
    ("4.2", (turns_all_axes,), "✗ 4.2: right for queries (T, D), not for (2, 3, 5, 16). Counted"),
    ("4.5", (leak_off_the_end,), "✗ 4.5: there is no id 10: the model knows 0 to 9, and the"),
    ("4.5", (leak_by(torch.sum),), "✗ 4.5: a leak at position {s} stays hidden, because a change"),
    ("4.5", (leak_by(torch.amax),), "✗ 4.5: a leak at position {s} stays hidden, because a"),
    ("4.7", (window_ahead,), "✗ 4.7: query 0 sees the future: rows and columns are swapped."),
    ("4.2", (masked_late,), "✗ 4.2: row 0 adds up to {s}, not 1. You masked after the softmax;"),
    ("4.2", (zeros_in_scores,), "✗ 4.2: row 0 gives {s} to the future. A score of 0 still gets"),
    ("4.2", (wrong_axis,), "✗ 4.2: columns add up to 1, rows do not. Each query shares itself"),
    ("4.3", (with_scale(0),), "✗ 4.3: your scores are √16 = 4 times too large. Divide by the"),
    ("4.3", (with_scale(-1),), "✗ 4.3: your scores are √16 times too small: you divided by 16."),
    ("4.3", (weights_for_values,), "✗ 4.3: you returned the weights, (5, 5). They still have to"),
    (
        "4.4",
        (straight_view, *HEADS[1:]),
        "✗ 4.4: head 0 holds positions 0 to 1 instead of features ",
    ),
    (
        "4.4",
        (HEADS[0], straight_merge, HEADS[2]),
        "✗ 4.4: each head is right, the merged output is",
    ),
    (
        "4.4",
        (*HEADS[:2], wide_scale),
        "✗ 4.4: scores are 2 times too small. The scale uses head_dim",
    ),
    ("4.5", (leak_anywhere,), "✗ 4.5: you report position 0, where change is allowed. A leak is a"),
    ("4.5", (leak_of_last,), "✗ 4.5: you changed only the last token, so a leak of one step at"),
    ("4.5", (leak_in_training,), "✗ 4.5: dropout changes outputs on its own. Call eval() first,"),
    ("4.5", (mode_forgotten,), "✗ 4.5: model came in training mode and you leave it in evaluation"),
    (
        "4.5",
        (always_training,),
        "✗ 4.5: model came in evaluation mode and you leave it in training",
    ),
    ("4.6", ("different", "different", "equal"), "✗ 4.6a: equal, to "),
    (
        "4.6",
        ("equal", "different", "different"),
        "✗ 4.6c: equal. Without a mask every word sees the whole sentence",
    ),
    (
        "4.6",
        ("equal", "equal", "equal"),
        "✗ 4.6b: different. In layer 1 each position saw a different past,",
    ),
    ("4.7", (window_plus_one,), "✗ 4.7: query 3 sees 4 keys, not 3. The window counts the query"),
    (
        "4.7",
        (window_both_sides,),
        "✗ 4.7: query 0 sees the future: your band is symmetric. Combine",
    ),
    (
        "4.7",
        (window_of_old,),
        "✗ 4.7: query 5 lost its recent past and kept the old. The condition",
    ),
    ("4.2", (weights_with(power=0),), "✗ 4.2: your scores are √16 = 4 times too large. Divide"),
    ("4.2", (weights_with(power=-1),), "✗ 4.2: your scores are √16 times too small: you divided"),
    (
        "4.2",
        (weights_with(power=0.5),),
        "✗ 4.2: your scores are 16 times too large: you multiplied",
    ),
    (
        "4.2",
        (weights_with(dim=1),),
        "✗ 4.2: right for queries (T, D), not for (2, 3, 5, 16), where",
    ),
    ("4.2", (swaps_axes_0_and_1,), "✗ 4.2: right for queries (T, D), not for (2, 3, 5, 16). Count"),
    ("4.2", (blocked_means_true,), "✗ 4.2: the mask works the wrong way round: each position sees"),
    ("4.2", (forgets_mask,), "✗ 4.2: row 0 gives {s} to the future: the mask has no effect."),
    ("4.3", (with_scale(0.5),), "✗ 4.3: your scores are 16 times too large: you multiplied by √16"),
    ("4.3", (averaged(scores_as_shares),), "✗ 4.3: the scores go straight to the values, so the"),
    ("4.3", (averaged(masked_late),), "✗ 4.3: the weights of row 0 don't add up to 1. You masked"),
    ("4.3", (averaged(zeros_in_scores),), "✗ 4.3: row 0 gives weight to the future. A score of 0"),
    ("4.3", (averaged(wrong_axis),), "✗ 4.3: columns add up to 1, rows do not. Each query shares"),
    ("4.3", (averaged(blocked_means_true),), "✗ 4.3: the mask works the wrong way round: each"),
    (
        "4.3",
        (averaged(forgets_mask),),
        "✗ 4.3: row 0 gives weight to the future: the mask has no",
    ),
    ("4.3", (averaged(swaps_axes_0_and_1),), "✗ 4.3: right for queries (T, D), not for {s}. Count"),
    ("4.3", (averaged(weights_with(dim=1)),), "✗ 4.3: right for queries (T, D), not for {s} dim=1"),
    (
        "4.4",
        (features_first, *HEADS[1:]),
        "✗ 4.4: head 0 holds features 0, 4, 8 … instead of 0 to 15",
    ),
    (
        "4.4",
        (view_alone, *HEADS[1:]),
        "✗ 4.4: the cut is right, but the heads stand behind the positions, (2, 5, 4, 16).",
    ),
    (
        "4.4",
        (HEADS[0], merge_features_first, HEADS[2]),
        "✗ 4.4: the heads are interleaved: features 0 to 3 come from 4 heads.",
    ),
    (
        "4.4",
        (*HEADS[:2], heads_with(weights_with(power=0))),
        "✗ 4.4: scores are √16 = 4 times too large.",
    ),
    ("4.4", (*HEADS[:2], heads_with(forgets_mask)), "✗ 4.4: position 0 takes from later ones."),
    ("4.4", (*HEADS[:2], ignores_num_heads), "✗ 4.4: this is one head as wide as all of them;"),
    ("4.5", (leak_returns_early,), "✗ 4.5: you report position {s}, and a token further back"),
    ("4.5", (leak_names_the_token,), "✗ 4.5: you report {s}, the token you touched; asked for is"),
    ("4.5", (leak_by_zeroing,), "✗ 4.5: a leak at position {s} stays hidden: you put id 0"),
    ("4.7", (window_minus_one,), "✗ 4.7: query 2 sees 2 keys, not 3: itself and the 2 before it,"),
    ("4.7", (window_of_older,), "✗ 4.7: query 5 lost its recent past and kept the old. The cond"),
]
