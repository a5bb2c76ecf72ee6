"""Chapter 09: right answers written in other ways, and mistakes as a learner may write them."""

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F

from course import written

MINUS = -torch.inf

# Other ways of writing it


def temperature_in_double(logits, t):
    shares = logits.double() / (t or 1)
    if t == 0:
        first = F.one_hot(logits.argmax(-1), logits.shape[-1]).bool()
        shares = shares.masked_fill(first.logical_not(), MINUS)
    return shares


def temperature_of_shares(logits, t):
    """A power of the probabilities; their logarithm is as good as the logits."""
    if not t:
        best = torch.full(logits.shape, MINUS)
        return best.scatter_(-1, logits.max(-1, keepdim=True).indices, 1.0)
    return (logits.softmax(-1) ** (1 / t)).log()


def rows_of(logits):
    return logits.reshape(-1, logits.shape[-1]).tolist()


def top_k_in_lists(logits, k):
    out = []
    for row in rows_of(logits):
        kept = sorted(range(len(row)), key=lambda i: (-row[i], i))[:k]
        out.append([x if i in kept else float("-inf") for i, x in enumerate(row)])
    return torch.tensor(out).reshape(logits.shape)


def top_k_by_rank(logits, k):
    ranks = (-logits).argsort(dim=-1, stable=True).argsort(dim=-1)
    return torch.where(ranks < k, logits, MINUS)


def top_p_in_lists(logits, p):
    out = []
    for row in rows_of(logits.double()):
        shares = torch.tensor(row, dtype=torch.float64).softmax(0).tolist()
        total, kept = 0.0, set()
        for i in sorted(range(len(row)), key=lambda i: (-row[i], i)):
            if total < p or p == 1:
                kept.add(i)
            total += shares[i]
        out.append([x if i in kept else float("-inf") for i, x in enumerate(row)])
    return torch.tensor(out).reshape(logits.shape)


def top_p_shifted(logits, p):
    if p >= 1:
        return logits + 0
    down, places = torch.sort(logits, dim=-1, descending=True, stable=True)
    sums = F.softmax(down, dim=-1).cumsum(-1)
    out = sums.roll(1, -1) >= p
    out[..., 0] = False
    back = torch.empty_like(out).scatter_(-1, places, out)
    return torch.where(back, MINUS, logits)


def sampler_with(draw, steps=("t", "k", "p")):
    def answer(logits, temperature=1.0, top_k=None, top_p=None, generator=None):
        left = logits
        for step in steps:
            if step == "t":
                left = temperature_in_double(left, temperature)
            if step == "k" and top_k is not None:
                left = top_k_by_rank(left, top_k)
            if step == "p" and top_p is not None:
                left = top_p_shifted(left, top_p)
        return draw(left, generator)

    return answer


def by_sums(left, generator):
    """Where a number from 0 to 1 falls among the running sums."""
    edges = left.softmax(-1).cumsum(-1)
    points = torch.rand(left.shape[:-1], generator=generator, dtype=edges.dtype)
    return (edges < points.unsqueeze(-1)).sum(-1)


def by_noise(left, generator):
    """The largest after adding Gumbel noise."""
    noise = -torch.log(-torch.log(torch.rand(left.shape, generator=generator).double()))
    return (left + noise).argmax(-1)


def by_columns(left, generator):
    table = left.softmax(-1).flatten(0, -2) if left.dim() > 1 else left.softmax(-1)[None]
    return torch.multinomial(table, 1, generator=generator)[:, 0].view(left.shape[:-1])


def mended(crop=True, at=-1, quiet=True, cut=False, keep=True, extra=0, pass_on=True, far=None):
    """Right as it stands; each argument is a way to get it wrong."""

    def answer(model, ids, max_new_tokens, temperature=1.0, generator=None):
        mode, start = model.training, ids.shape[1]
        model.train(mode and not quiet)
        text, L = ids, far or model.config.context_length
        try:
            for _ in range(max_new_tokens + extra):
                text = text[:, -L:] if cut else text
                with torch.no_grad():
                    out = model(text[:, -L:] if crop else text)[0]
                left = temperature_in_double(out[:, at], temperature)
                new = by_columns(left, generator if pass_on else None)
                text = torch.cat([text, new.unsqueeze(-1)], 1)
        finally:
            model.train(mode)
        return text if keep else text[:, start:]

    return answer


def mended_in_a_list(model, ids, max_new_tokens, temperature=1.0, generator=None):
    mode = model.training
    model.eval()
    columns = list(ids.unbind(1))
    while len(columns) < ids.shape[1] + max_new_tokens:
        seen = torch.stack(columns[-model.config.context_length :], 1)
        out = model(seen)[0][:, seen.shape[1] - 1]
        columns.append(by_columns(temperature_in_double(out, temperature), generator))
    model.train(mode)
    return torch.stack(columns, 1)


class Samples(Mapping):
    """Samples that are drawn when they are first asked for."""

    def __init__(self, temperature, top_k=None, count=200, seed=3):
        self.arguments, self.drawn = (temperature, top_k, count, seed), None

    def all(self) -> dict:
        self.drawn = self.drawn or written.draw(*self.arguments)
        return self.drawn

    def __getitem__(self, prompt: str) -> list:
        return self.all()[prompt]

    def __iter__(self) -> Iterator[str]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self.all())


def report(temperature, top_k=None, count=200, drawn_at=None):
    setting = {"temperature": temperature, "top_k": top_k}
    return setting, Samples(temperature if drawn_at is None else drawn_at, top_k, count)


def run_by_length(sample, prompt, train_text, val_text):
    new = sample.removeprefix(prompt)
    for length in range(len(new), 0, -1):
        if any(new[i : i + length] in train_text for i in range(len(new) - length + 1)):
            return length
    return 0


def run_by_ends(sample, prompt, train_text, val_text):
    new, start, best = sample[len(prompt) :], 0, 0
    for end in range(1, len(new) + 1):
        while new[start:end] not in train_text:
            start += 1
        best = max(best, end - start)
    return best


RIGHT = {
    "9.1": [(temperature_in_double,), (temperature_of_shares,)],
    "9.2": [(top_k_in_lists,), (top_k_by_rank,)],
    "9.3": [(top_p_in_lists,), (top_p_shifted,)],
    "9.4": [(sampler_with(by_sums),), (sampler_with(by_noise),), (sampler_with(by_columns),)],
    "9.5": [(mended(),), (mended_in_a_list,)],
    "9.6": [(report(0.4),), (list(report(0.42, count=205)),)],
    "9.7": [(run_by_length,), (run_by_ends,)],
}


# Each mistake as a learner may write it, and what the check says


def at_zero(usual, zero):
    return lambda logits, t: usual(logits, t) if t > 0 else zero(logits)


def plain(logits, t):
    return logits.div(t)


def times(logits, t):
    return logits.mul(t)


def softmax_over_t(logits, t):
    return F.softmax(logits, -1).div(t)


def softmax_of_quotient(logits, t):
    return F.softmax(logits.div(t), -1)


def minus_t(logits, t):
    return logits.sub(t)


def greedy(logits):
    return temperature_in_double(logits, 0)


def ones(logits):
    return F.one_hot(logits.argmax(-1), logits.shape[-1]).float()


def kept_in_zeros(logits):
    return logits * ones(logits)


def every_maximum(logits):
    return logits.masked_fill(logits != logits.max(-1, keepdim=True).values, MINUS)


def maximum_of_table(logits):
    return logits.masked_fill(logits != logits.max(), MINUS)


def place_in_table(logits):
    out = torch.full_like(logits, MINUS)
    out[..., logits.argmax()] = 0.0
    return out


def one_in_table(logits):
    out = torch.full((logits.numel(),), MINUS)
    out[logits.argmax()] = 1.0
    return out.reshape(logits.shape)


def top_k_threshold(logits, k):
    lowest = torch.topk(logits, min(k, logits.size(-1))).values[..., -1, None]
    return torch.where(logits < lowest, MINUS, logits)


def top_k_threshold_unguarded(logits, k):
    lowest = torch.topk(logits, k).values[..., -1, None]
    return torch.where(logits < lowest, MINUS, logits)


def top_k_threshold_from_sort(logits, k):
    lowest = logits.sort(descending=True).values[..., k - 1].unsqueeze(-1)
    return torch.where(logits < lowest, MINUS, logits)


def top_k_above(logits, k):
    lowest = torch.topk(logits, min(k, logits.size(-1))).values[..., -1, None]
    return torch.where(logits > lowest, logits, MINUS)


def top_k_above_unguarded(logits, k):
    lowest = torch.topk(logits, k).values[..., -1, None]
    return torch.where(logits > lowest, logits, MINUS)


def scattered_from(places, logits):
    return torch.full_like(logits, MINUS).scatter(-1, places, logits.gather(-1, places))


def top_k_indices(logits, k):
    return scattered_from(torch.topk(logits, min(k, logits.size(-1))).indices, logits)


def top_k_indices_unguarded(logits, k):
    return scattered_from(torch.topk(logits, k).indices, logits)


def top_k_ascending(logits, k):
    return scattered_from(logits.argsort(dim=-1, stable=True)[..., -k:], logits)


def top_k_unstable(logits, k):
    return scattered_from(logits.argsort(dim=-1, descending=True)[..., :k], logits)


def top_k_stops(logits, k):
    if k > logits.shape[-1]:
        torch.topk(logits, k)
    return top_k_by_rank(logits, k)


def top_k_zeros(logits, k):
    return top_k_by_rank(logits, k).nan_to_num(neginf=0.0)


def top_k_low(logits, k):
    return top_k_by_rank(logits, k).clamp(min=-1e9)


def top_k_bottom(logits, k):
    ranks = logits.argsort(dim=-1, stable=True).argsort(dim=-1)
    return torch.where(ranks < k, logits, MINUS)


def top_k_rest(logits, k):
    ranks = (-logits).argsort(dim=-1, stable=True).argsort(dim=-1)
    return torch.where(ranks >= k, logits, MINUS)


def top_k_plus(logits, k):
    return top_k_by_rank(logits, k + 1)


def top_k_minus(logits, k):
    return top_k_by_rank(logits, k - 1)


def top_k_shares(logits, k):
    return F.softmax(top_k_by_rank(logits, k), -1)


def sorted_down(logits):
    return logits.sort(dim=-1, descending=True, stable=True)


def top_k_kept_sorted(logits, k):
    down = sorted_down(logits).values
    down[..., k:] = MINUS
    return down


def top_k_first_columns(logits, k):
    out = logits.clone()
    out[..., k:] = MINUS
    return out


def top_k_gathers_mask(logits, k):
    dropped = torch.zeros_like(logits, dtype=torch.bool)
    dropped[..., k:] = True
    return logits.masked_fill(dropped.gather(-1, sorted_down(logits).indices), MINUS)


def top_k_gathers_values(logits, k):
    return top_k_kept_sorted(logits, k).gather(-1, sorted_down(logits).indices)


def softmax_where_kept(kept, filling):
    """Probabilities of all, with something else where a filter drops."""

    def answer(logits, setting):
        return F.softmax(logits, -1).masked_fill(kept(logits, setting).isinf(), filling)

    return answer


def softmax_then_dropped(kept):
    def answer(logits, setting):
        left = kept(logits, setting)
        return F.softmax(left, -1).masked_fill(left.isinf(), MINUS)

    return answer


def behind_line(answer):
    """With the exercise's own line for p = 1 before it."""
    return lambda logits, p: logits.clone() if p == 1 else answer(logits, p)


def top_k_values(logits, k):
    return torch.topk(logits, min(k, logits.size(-1))).values


def top_k_of_all(logits, k):
    return top_k_by_rank(logits.reshape(-1), k).reshape(logits.shape)


def top_k_first_axis(logits, k):
    ranks = (-logits).argsort(dim=0, stable=True).argsort(dim=0)
    return torch.where(ranks < k, logits, MINUS)


def nucleus(out_of, logits, p):
    """out_of: which sorted places are dropped, from their shares and running sums."""
    down, places = torch.sort(logits, dim=-1, descending=True, stable=True)
    shares = F.softmax(down.double(), dim=-1)
    out = out_of(shares, shares.cumsum(-1), p)
    return logits.masked_fill(torch.zeros_like(out).scatter(-1, places, out), MINUS)


def dropping(out_of, keep_first=False):
    def answer(logits, p):
        def rule(shares, sums, p):
            out = out_of(shares, sums, p).clone()
            if keep_first:
                out[..., 0] = False
            return out

        return nucleus(rule, logits, p)

    return answer


def over(shares, sums, p):
    return sums > p + 1e-9


def at_least(shares, sums, p):
    return sums >= p - 1e-9


def much_over(shares, sums, p):
    return sums - shares > p + 1e-9


def two_behind(shares, sums, p):
    return sums - 2 * shares >= p


def small(shares, sums, p):
    return shares < p


def rare(shares, sums, p):
    return shares <= 1 - p


def behind(shares, sums, p):
    return (sums - shares >= p) & (torch.tensor(p) < 1)


def top_p_stays_sorted(logits, p):
    down = logits.sort(descending=True, stable=True).values
    return nucleus(behind, down, p)


def top_p_mask_stays_sorted(logits, p):
    down = logits.sort(descending=True, stable=True).values
    return logits.masked_fill(nucleus(behind, down, p).isinf(), MINUS)


def top_p_gathers(logits, p):
    down, places = logits.sort(descending=True, stable=True)
    return logits.masked_fill(nucleus(behind, down, p).isinf().gather(-1, places), MINUS)


def top_p_gathers_values(logits, p):
    down, places = logits.sort(descending=True, stable=True)
    return nucleus(behind, down, p).gather(-1, places)


def top_p_as_it_comes(logits, p):
    shares = F.softmax(logits.double(), -1)
    return logits.masked_fill(behind(shares, shares.cumsum(-1), p), MINUS)


def top_p_upwards(logits, p):
    up, places = torch.sort(logits, dim=-1, stable=True)
    shares = F.softmax(up.double(), -1)
    out = behind(shares, shares.cumsum(-1), p)
    return logits.masked_fill(torch.zeros_like(out).scatter(-1, places, out), MINUS)


def top_p_late_ties(logits, p):
    up, places = torch.sort(logits, dim=-1, stable=True)
    up, places = up.flip(-1), places.flip(-1)
    shares = F.softmax(up.double(), -1)
    out = behind(shares, shares.cumsum(-1), p)
    return logits.masked_fill(torch.zeros_like(out).scatter(-1, places, out), MINUS)


def top_p_any_order(logits, p):
    down, places = torch.sort(logits, dim=-1, descending=True)
    out = behind(*(shares := F.softmax(down.double(), -1), shares.cumsum(-1)), p)
    return logits.masked_fill(torch.zeros_like(out).scatter(-1, places, out), MINUS)


def top_p_of_logits(logits, p):
    down, places = torch.sort(logits.double(), dim=-1, descending=True, stable=True)
    out = behind(down, down.cumsum(-1), p)
    return logits.masked_fill(torch.zeros_like(out).scatter(-1, places, out), MINUS)


def top_p_zeros(logits, p):
    return top_p_shifted(logits, p).nan_to_num(neginf=0.0)


def top_p_low(logits, p):
    return top_p_shifted(logits, p).clamp(min=-1e9)


def top_p_probabilities(logits, p):
    return F.softmax(top_p_shifted(logits, p), -1)


def top_p_first_axis(logits, p):
    down, places = torch.sort(logits, dim=0, descending=True, stable=True)
    shares = F.softmax(down.double(), 0)
    out = behind(shares, shares.cumsum(0), p)
    return logits.masked_fill(torch.zeros_like(out).scatter(0, places, out), MINUS)


def takes_the_largest(left, generator):
    return left.argmax(dim=-1)


def without_generator(left, generator):
    return by_columns(left, None)


def generator_of_its_own(left, generator):
    return by_columns(left, torch.Generator().manual_seed(1))


def with_an_axis(left, generator):
    return by_columns(left, generator)[..., None]


def straight(left, generator):
    return torch.multinomial(left.softmax(-1), 1, generator=generator).squeeze(-1)


def straight_with_axis(left, generator):
    return torch.multinomial(left.softmax(-1), 1, generator=generator)


def once_for_all(left, generator):
    row = left.reshape(-1, left.shape[-1])[0].softmax(-1)
    return (
        torch.multinomial(row, 1, generator=generator)
        .expand(left.shape[:-1].numel())
        .reshape(left.shape[:-1])
    )


def fair_coin(left, generator):
    return by_columns(left.masked_fill(left.isfinite(), 0.0), generator)


def of_logits(left, generator):
    table = left.reshape(-1, left.shape[-1])
    return torch.multinomial(table, 1, generator=generator).reshape(left.shape[:-1])


def always_all(logits, temperature=1.0, top_k=None, top_p=None, generator=None):
    left = top_k_in_lists(temperature_in_double(logits, temperature), min(top_k, 99))
    return by_columns(top_p_shifted(left, top_p), generator)


def skips_zero(logits, temperature=1.0, top_k=None, top_p=None, generator=None):
    return sampler_with(by_columns)(logits, temperature or 1, top_k, top_p, generator)


def first_window(model, ids, max_new_tokens, temperature=1.0, generator=None):
    mode = model.training
    model.eval()
    for _step in range(max_new_tokens):
        out = model(ids[:, : model.config.context_length])[0][:, -1]
        new = by_columns(temperature_in_double(out, temperature), generator)
        ids = torch.cat([ids, new[:, None]], 1)
    model.train(mode)
    return ids


def total_length(model, ids, max_new_tokens, temperature=1.0, generator=None):
    missing = max(max_new_tokens - ids.shape[1], 0)
    return mended()(model, ids, missing, temperature, generator)


def leaves_it_loud(model, ids, max_new_tokens, temperature=1.0, generator=None):
    text = mended()(model, ids, max_new_tokens, temperature, generator)
    model.train()
    return text


def leaves_it_quiet(model, ids, max_new_tokens, temperature=1.0, generator=None):
    return mended()(model.eval(), ids, max_new_tokens, temperature, generator)


def searched(of, where=lambda train, val: train):
    """The right search in what one makes of the sample, and of the two texts."""

    def answer(sample, prompt, train_text, val_text):
        text = where(train_text, val_text)
        return run_by_length(of(sample, prompt), "", text, "")

    return answer


def after(sample, prompt):
    return sample[len(prompt) :]


def in_either(sample, prompt, train_text, val_text):
    return max(run_by_length(sample, prompt, text, "") for text in (val_text, train_text))


def lengths_subtracted(sample, prompt, train_text, val_text):
    train, val = (run_by_length(sample, prompt, text, "") for text in (train_text, val_text))
    return train - val


def lengths_subtracted_from_0(sample, prompt, train_text, val_text):
    found = lengths_subtracted(sample, prompt, train_text, val_text)
    return found if found > 0 else 0


def read_nowhere_else(sample, prompt, train_text, val_text):
    new, best = after(sample, prompt), 0
    for i in range(len(new)):
        for j in range(i + best + 1, len(new) + 1):
            if new[i:j] in train_text and new[i:j] not in val_text:
                best = j - i
    return best


def subsequence(sample, prompt, train_text, val_text):
    a, b = after(sample, prompt), train_text
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a)):
        for j in range(len(b)):
            longer = table[i][j] + 1
            table[i + 1][j + 1] = longer if a[i] == b[j] else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def letters_in(sample, prompt, train_text, val_text):
    return len([c for c in after(sample, prompt) if c in set(train_text)])


def words_in(sample, prompt, train_text, val_text):
    return sum(map(len, [w for w in after(sample, prompt).split() if w in train_text]))


def walks(fresh):
    def answer(sample, prompt, train_text, val_text):
        longest = current = ""
        for c in after(sample, prompt):
            current = current + c if current + c in train_text else fresh(c)
            longest = max(longest, current, key=len)
        return len(longest)

    return answer


def beginning(sample, prompt, train_text, val_text):
    new, n = after(sample, prompt), 0
    while n < len(new) and new[: n + 1] in train_text:
        n += 1
    return n


def number_of_words(sample, prompt, train_text, val_text):
    words, best = after(sample, prompt).split(), 0
    for i in range(len(words)):
        while i + best < len(words) and " ".join(words[i : i + best + 1]) in train_text:
            best += 1
    return best


def side_by_side(sample, prompt, train_text, val_text):
    equal = "".join(
        "x" if a == b else " " for a, b in zip(after(sample, prompt), train_text, strict=False)
    )
    return max(map(len, equal.split()), default=0)


def maximum_of_nothing(sample, prompt, train_text, val_text):
    new = after(sample, prompt)
    lengths = [
        n for i in range(len(new)) for n in range(len(new) - i + 1) if new[i:][:n] in train_text
    ]
    return max(lengths)


SAID = [
    ("9.1", (at_zero(times, greedy),), "✗ 9.1: at 0.5 the distribution became flatter. Divide"),
    ("9.1", (times,), "✗ 9.1: at 0.5 the distribution became flatter. Divide"),
    ("9.1", (at_zero(softmax_over_t, greedy),), "✗ 9.1: the probabilities no longer add up to 1"),
    ("9.1", (softmax_over_t,), "✗ 9.1: the probabilities no longer add up to 1"),
    (
        *("9.1", (at_zero(softmax_of_quotient, lambda x: F.softmax(greedy(x), -1)),)),
        "✗ 9.1: you return probabilities",
    ),
    ("9.1", (at_zero(softmax_of_quotient, greedy),), "✗ 9.1: you return probabilities"),
    ("9.1", (softmax_of_quotient,), "✗ 9.1: you return probabilities"),
    ("9.1", (plain,), "✗ 9.1: temperature 0 gave nan. It means: take the largest"),
    ("9.1", (at_zero(plain, torch.clone),), "✗ 9.1: at temperature 0 the distribution stays"),
    ("9.1", (at_zero(plain, ones),), "✗ 9.1: at temperature 0 the others have logit 0"),
    ("9.1", (at_zero(plain, kept_in_zeros),), "✗ 9.1: at temperature 0 the others have logit 0"),
    ("9.1", (at_zero(plain, every_maximum),), "✗ 9.1: at temperature 0 several tokens are left"),
    (
        *("9.1", (at_zero(softmax_of_quotient, lambda x: torch.zeros(1)),)),
        "✗ 9.1: you return probabilities",
    ),
    ("9.1", (at_zero(softmax_of_quotient, ones),), "✗ 9.1: you return probabilities"),
    *(
        ("9.1", (at_zero(plain, zero),), "✗ 9.1: at temperature 0 you look for the largest in the")
        for zero in (maximum_of_table, place_in_table, one_in_table)
    ),
    (
        *("9.1", (at_zero(plain, lambda x: x.max(-1).indices),)),
        "✗ 9.1: at temperature 0 you return the number",
    ),
    ("9.1", (at_zero(minus_t, greedy),), "✗ 9.1: nothing changed: you subtract"),
    ("9.1", (at_zero(lambda x, t: x.div_(t), greedy),), "✗ 9.1: your input logits was changed."),
    ("9.2", (top_k_threshold,), "✗ 9.2: {s} tokens survived for k = 3: a tie let more through."),
    ("9.2", (top_k_threshold_unguarded,), "✗ 9.2: {s} tokens survived for k = 3: a tie"),
    ("9.2", (top_k_threshold_from_sort,), "✗ 9.2: {s} tokens survived for k = 3: a tie"),
    ("9.2", (top_k_above,), "✗ 9.2: 2 tokens survived for k = 3: the k-th largest is dropped"),
    ("9.2", (top_k_above_unguarded,), "✗ 9.2: 2 tokens survived for k = 3: the k-th largest"),
    ("9.2", (top_k_indices,), "✗ 9.2: of tokens with equal logits you keep other ones"),
    ("9.2", (top_k_indices_unguarded,), "✗ 9.2: of tokens with equal logits you keep other"),
    ("9.2", (top_k_ascending,), "✗ 9.2: of tokens with equal logits you keep other ones"),
    ("9.2", (top_k_unstable,), "✗ 9.2: of tokens with equal logits you keep other ones"),
    ("9.2", (top_k_stops,), "✗ 9.2: your answer stops where k is larger than the vocabulary"),
    ("9.2", (top_k_zeros,), "✗ 9.2: dropped tokens have logit 0, which is still a chance"),
    ("9.2", (top_k_low,), "✗ 9.2: dropped tokens have logit −1e9."),
    ("9.2", (top_k_bottom,), "✗ 9.2: you keep the least likely tokens."),
    ("9.2", (top_k_rest,), "✗ 9.2: you drop the k likeliest tokens"),
    ("9.2", (top_k_plus,), "✗ 9.2: 4 tokens survived for k = 3; 3 should."),
    ("9.2", (top_k_minus,), "✗ 9.2: 2 tokens survived for k = 3; 3 should."),
    ("9.2", (top_k_shares,), "✗ 9.2: you return probabilities."),
    *(
        ("9.2", (answer,), "✗ 9.2: you return probabilities.")
        for answer in (
            softmax_then_dropped(top_k_by_rank),
            softmax_where_kept(top_k_by_rank, 0.0),
            softmax_where_kept(top_k_by_rank, MINUS),
        )
    ),
    ("9.2", (top_k_kept_sorted,), "✗ 9.2: right probabilities, wrong tokens: the sorted order"),
    ("9.2", (top_k_first_columns,), "✗ 9.2: right number of tokens, wrong tokens: the first k"),
    ("9.2", (top_k_gathers_mask,), "✗ 9.2: wrong tokens: gather looks things up by the order"),
    ("9.2", (top_k_gathers_values,), "✗ 9.2: wrong tokens: gather looks things up by the order"),
    ("9.2", (top_k_values,), "✗ 9.2: you return the k largest values, without their places."),
    ("9.2", (top_k_of_all,), "✗ 9.2: k tokens survived in all rows together."),
    ("9.2", (top_k_first_axis,), "✗ 9.2: you rank along the first axis"),
    (
        *("9.2", (lambda logits, k: logits.masked_fill_(top_k_by_rank(logits, k).isinf(), MINUS),)),
        "✗ 9.2: your input logits was changed.",
    ),
    ("9.3", (dropping(over, True),), "✗ 9.3: the kept tokens add up to {s} < 0.7. Keep the token"),
    ("9.3", (dropping(at_least, True),), "✗ 9.3: the kept tokens add up to {s} < 0.7."),
    ("9.3", (dropping(over),), "✗ 9.3: {s} Keep the token that crosses p as well."),
    ("9.3", (dropping(at_least),), "✗ 9.3: {s}eep the token that crosses p as well."),
    ("9.3", (dropping(much_over),), "✗ 9.3: 3 tokens survived at p = 0.5 where 2 reach it."),
    ("9.3", (dropping(two_behind),), "✗ 9.3: {s} tokens survived at p = {s} where {s} reach it."),
    ("9.3", (top_p_stays_sorted,), "✗ 9.3: right probabilities, wrong tokens: the sorted order"),
    ("9.3", (top_p_mask_stays_sorted,), "✗ 9.3: right probabilities, wrong tokens: the sorted"),
    ("9.3", (top_p_gathers,), "✗ 9.3: wrong tokens: gather looks things up"),
    ("9.3", (top_p_gathers_values,), "✗ 9.3: wrong tokens: gather looks things up"),
    ("9.3", (behind_line(top_p_probabilities),), "✗ 9.3: you return probabilities."),
    ("9.3", (behind_line(top_p_gathers_values),), "✗ 9.3: wrong tokens: gather looks things up"),
    *(
        ("9.3", (line(answer),), "✗ 9.3: you return probabilities.")
        for answer in (
            softmax_then_dropped(top_p_shifted),
            softmax_where_kept(top_p_shifted, 0.0),
            softmax_where_kept(top_p_shifted, MINUS),
        )
        for line in (behind_line, lambda answer: answer)
    ),
    ("9.3", (behind_line(dropping(at_least, True)),), "✗ 9.3: the kept tokens add up to {s}"),
    ("9.3", (behind_line(dropping(at_least)),), "✗ 9.3: {s}eep the token that crosses p as"),
    ("9.3", (behind_line(top_p_stays_sorted),), "✗ 9.3: right probabilities, wrong tokens: the"),
    ("9.3", (behind_line(dropping(small)),), "✗ 9.3: you keep tokens whose own probability is"),
    ("9.3", (behind_line(dropping(rare)),), "✗ 9.3: you drop tokens whose own probability is"),
    ("9.3", (top_p_as_it_comes,), "✗ 9.3: you add up the probabilities in the order of the voc"),
    ("9.3", (top_p_upwards,), "✗ 9.3: you add up from the least likely token."),
    ("9.3", (top_p_late_ties,), "✗ 9.3: of tokens with equal logits you keep the later ones."),
    ("9.3", (top_p_any_order,), "✗ 9.3: of many tokens with equal logits you keep other ones"),
    ("9.3", (top_p_of_logits,), "✗ 9.3: you add up logits."),
    ("9.3", (dropping(small),), "✗ 9.3: you keep tokens whose own probability is at least p."),
    ("9.3", (dropping(rare),), "✗ 9.3: you drop tokens whose own probability is at most 1 − p."),
    ("9.3", (top_p_zeros,), "✗ 9.3: dropped tokens have logit 0, which is still a chance"),
    ("9.3", (top_p_low,), "✗ 9.3: dropped tokens have logit −1e9."),
    ("9.3", (top_p_probabilities,), "✗ 9.3: you return probabilities."),
    ("9.3", (top_p_first_axis,), "✗ 9.3: you sort and add up along the first axis"),
    (
        *("9.4", (sampler_with(by_columns, ("k", "p", "t")),)),
        "✗ 9.4: top-p before temperature keeps 3 tokens here; after it, 4. Temperature first.",
    ),
    (
        *("9.4", (sampler_with(by_columns, ("p", "t", "k")),)),
        "✗ 9.4: top-p before temperature keeps 3 tokens here; after it, 4. Temperature first.",
    ),
    ("9.4", (sampler_with(by_sums, ("t", "p", "k")),), "✗ 9.4: top-p before top-k keeps 3 tokens"),
    ("9.4", (sampler_with(by_columns, ("k", "p")),), "✗ 9.4: temperature = 2.0 changes nothing"),
    ("9.4", (sampler_with(by_columns, ("t", "p")),), "✗ 9.4: top_k = 3 changes nothing"),
    ("9.4", (sampler_with(by_columns, ("t", "k")),), "✗ 9.4: top_p = 0.8 changes nothing"),
    ("9.4", (skips_zero,), "✗ 9.4: temperature 0 draws as temperature 1 does"),
    ("9.4", (sampler_with(takes_the_largest),), "✗ 9.4: always token {s}: that is argmax."),
    ("9.4", (sampler_with(without_generator),), "✗ 9.4: two generators with the same seed gave"),
    ("9.4", (sampler_with(generator_of_its_own),), "✗ 9.4: two generators with different seeds"),
    ("9.4", (sampler_with(with_an_axis),), "✗ 9.4: for logits (2, 6) you return shape (2, 1)"),
    ("9.4", (sampler_with(straight),), "✗ 9.4: multinomial takes one row or a table of rows"),
    ("9.4", (sampler_with(straight_with_axis),), "✗ 9.4: multinomial takes one row or a table"),
    ("9.4", (sampler_with(once_for_all),), "✗ 9.4: all rows get the same token."),
    ("9.4", (sampler_with(fair_coin),), "✗ 9.4: all tokens that are left come equally often."),
    ("9.4", (always_all,), "✗ 9.4: your answer stops where a setting is left out."),
    ("9.4", (sampler_with(of_logits),), "✗ 9.4: multinomial got logits"),
    *(
        ("9.5", (mended(crop=False, at=at, quiet=quiet),), "✗ 9.5: fails at token 7. Crop what")
        for at in (-1, 0)
        for quiet in (True, False)
    ),
    *(
        ("9.5", (mended(cut=True, at=at, quiet=quiet),), "✗ 9.5: the text loses its beginning: you")
        for at in (-1, 0)
        for quiet in (True, False)
    ),
    ("9.5", (mended(at=0),), "✗ 9.5: you draw from the first position's logits."),
    ("9.5", (mended(at=0, quiet=False),), "✗ 9.5: you draw from the first position's logits."),
    ("9.5", (mended(quiet=False),), "✗ 9.5: the same prompt at temperature 0 gives two texts"),
    ("9.5", (first_window,), "✗ 9.5: you crop to the first context_length tokens"),
    ("9.5", (mended(far=5),), "✗ 9.5: you crop one token too many"),
    ("9.5", (mended(far=1),), "✗ 9.5: the model sees one token alone."),
    ("9.5", (mended(pass_on=False),), "✗ 9.5: two generators with the same seed gave different"),
    ("9.5", (mended(keep=False),), "✗ 9.5: the prompt is missing."),
    ("9.5", (mended(extra=1),), "✗ 9.5: there is one token too many."),
    ("9.5", (total_length,), "✗ 9.5: max_new_tokens counts new tokens"),
    ("9.5", (leaves_it_quiet,), "✗ 9.5: model came in training mode and you leave it in eval"),
    ("9.5", (leaves_it_loud,), "✗ 9.5: model came in evaluation mode and you leave it in training"),
    ("9.6", (report(0.02),), "✗ 9.6: {s}%{s}, but runs of three words repeat: 0.0"),
    ("9.6", (report(1.6),), "✗ 9.6: {s}% {s}, and {s}% were asked for. Hotter is livelier"),
    ("9.6", (report(0.4, count=20),), "✗ 9.6: one sample of 20 texts, {s}%: another seed gives"),
    ("9.6", (report(0.4, drawn_at=3.0),), "✗ 9.6: your samples come to {s}%"),
    ("9.6", (({"temperature": 0.4, "top_k": None}, ["a", "b"]),), "✗ 9.6: samples is what draw("),
    ("9.6", ((0.4, None),), "✗ 9.6: type report = (setting, samples)"),
    ("9.7", (searched(after, lambda train, val: val),), "✗ 9.7: you searched the validation text."),
    ("9.7", (in_either,), "✗ 9.7: you searched the validation text as well."),
    *(
        ("9.7", (answer,), "✗ 9.7: you take away what stands in the validation text too.")
        for answer in (lengths_subtracted, lengths_subtracted_from_0, read_nowhere_else)
    ),
    ("9.7", (subsequence,), "✗ 9.7: {s} counts scattered matches. The run must be unbroken."),
    ("9.7", (letters_in,), "✗ 9.7: {s} counts scattered matches."),
    ("9.7", (words_in,), "✗ 9.7: {s} counts scattered matches."),
    ("9.7", (searched(lambda s, p: s),), "✗ 9.7: the prompt is part of your run of {s}. Start"),
    ("9.7", (walks(lambda c: ""),), "✗ 9.7: a longer run begins inside one that broke off"),
    ("9.7", (walks(lambda c: c),), "✗ 9.7: a longer run begins inside one that broke off"),
    ("9.7", (beginning,), "✗ 9.7: you look only at runs that begin with the first new character"),
    (
        *("9.7", (searched(lambda s, p: after(s, p)[:-1]),)),
        "✗ 9.7: runs that end with the last character are one too short.",
    ),
    (
        *("9.7", (searched(lambda s, p: after(s, p)[1:]),)),
        "✗ 9.7: runs that begin with the first new character are one too short.",
    ),
    ("9.7", (number_of_words,), "✗ 9.7: you count words."),
    ("9.7", (side_by_side,), "✗ 9.7: you compare the sample with the beginning of the text"),
    ("9.7", (searched(lambda s, p: s.replace(p, "")),), "✗ 9.7: the prompt is cut off in more"),
    ("9.7", (searched(lambda s, p: s.lstrip(p)),), "✗ 9.7: lstrip takes away every leading"),
    ("9.7", (searched(lambda s, p: s.split(p)[-1]),), "✗ 9.7: the prompt is cut off in more"),
    ("9.7", (maximum_of_nothing,), "✗ 9.7: your answer stops where nothing was written"),
]
