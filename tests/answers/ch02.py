"""Chapter 02: right answers written in other ways, and mistakes as a learner may write them."""

import math
import random
from collections import Counter

import torch
from torch.utils.data import random_split

from minigpt_lib import data

# Other ways of writing it


def split_by_list(ids, val_fraction=0.1):
    tokens = [int(token) for token in ids]
    first = math.floor(len(tokens) * (1 - val_fraction))
    return torch.tensor(tokens[:first]), torch.tensor(tokens[first:])


def split_by_mask(ids, val_fraction=0.1):
    ids = torch.as_tensor(ids)
    early = torch.arange(len(ids)) < int(len(ids) * (1 - val_fraction))
    return [ids[early], ids[~early]]


def batch_of_slices(ids, batch_size, context_length, generator=None, device=None):
    starts = torch.randint(len(ids) - context_length, (batch_size,), generator=generator)
    x = torch.stack([ids[i : i + context_length] for i in starts])
    y = torch.stack([ids[i + 1 : i + 1 + context_length] for i in starts])
    if device is not None:
        x, y = x.to(device), y.to(device)
    return x, y


def batch_by_loops(ids, B, T, generator=None, device=None):
    x = torch.empty(B, T, dtype=torch.long)
    y = torch.empty_like(x)
    for b in range(B):
        start = int(torch.rand(1, generator=generator) * (len(ids) - T))
        for t in range(T):
            x[b, t], y[b, t] = ids[start + t], ids[start + t + 1]
    return [x.to(device), y.to(device)]


def batch_of_weighted_starts(ids, B, T, generator=None, device=None):
    chances = torch.ones(len(ids) - T)
    starts = torch.multinomial(chances, B, replacement=True, generator=generator)
    both = ids[starts[:, None] + torch.arange(T + 1)].to(device)
    return both[:, :T], both[:, 1:]


def mended_in_place(ids, B, T, generator):
    cut = int(0.9 * len(ids))
    train, val = ids[:cut], ids[cut:]
    starts = torch.randint(len(train) - T, (B,), generator=generator)
    positions = starts[:, None] + torch.arange(T)
    x, y = train[positions], train[positions + 1]
    return train, val, x, y


def mended_by_slices(ids, B, T, generator):
    train, val = split_by_mask(ids)
    return [train, val, *batch_of_slices(train, B, T, generator)]


def report_by_hand(text):
    fewest = min(text.count(c) for c in text)
    rarest = sorted(c for c in set(text) if text.count(c) == fewest)[0]
    return [sum(1 for _ in text), len(set(text)), rarest, int(0.9 * len(text))]


def report_by_sorting(text):
    rarest = sorted(sorted(set(text)), key=text.count)[0]
    return len(text), len(dict.fromkeys(text)), rarest, math.floor(len(text) / 10 * 9)


def split_a_copy(ids, val_fraction=0.1):
    ids = torch.tensor(ids)  # torch warns where it was one; the learner sees the verdict only
    return ids.split([(n := int(len(ids) * (1 - val_fraction))), len(ids) - n])


def split_from_zeros(ids, val_fraction=0.1):
    ids = torch.LongTensor(ids)
    cut = int(len(ids) * (1 - val_fraction))
    return ids[:cut], ids[cut:]


def batch_into_zeros(ids, B, T, generator=None, device=None):
    x, y = torch.zeros(B, T, dtype=torch.int64), torch.zeros(B, T, dtype=torch.int64)
    for b, i in enumerate(torch.randint(0, len(ids) - T, (B,), generator=generator)):
        x[b], y[b] = ids[i : i + T], ids[i + 1 : i + T + 1]
    return x.to(device=device), y.to(device=device)


def batch_by_choice(ids, B, T, generator=None, device=None):
    windows = ids.unfold(0, T + 1, 1)
    seed = torch.randint(2**40, (1,), generator=generator).item()
    both = torch.stack(random.Random(seed).choices(list(windows), k=B)).to(device)
    return both[:, :T], both[:, 1:]


def batch_from_random(ids, B, T, generator=None, device=None):
    at = (torch.rand(B, 1, generator=generator) * (len(ids) - T)).floor().long() + torch.arange(T)
    return ids[at].to(device), ids[at + 1].to(device)


def mended_by_library(ids, B, T, generator):
    train, val = data.train_val_split(ids)
    x, y = data.get_batch(train, B, T, generator)
    return train, val, x, y


def mended_by_rand(ids, B, T, generator):
    cut = len(ids) - math.ceil(len(ids) / 10)
    return ids[:cut], ids[cut:], *batch_from_random(ids[:cut], B, T, generator)


RIGHT = {
    "2.1": [(split_by_list,), (split_by_mask,), (split_a_copy,), (split_from_zeros,)],
    "2.2": [
        (batch_of_slices,),
        (batch_by_loops,),
        (batch_of_weighted_starts,),
        (batch_into_zeros,),
        (batch_by_choice,),
        (batch_from_random,),
    ],
    "2.3": [("5, 6",), ("(5,6)",), ([5.0, "6"],), (torch.tensor([5, 6]),)],
    "2.4": [
        ((5, 2), mended_in_place),
        ({2, 5}, mended_by_slices),
        (torch.tensor([2, 5]), mended_in_place),
        (["2", "5"], mended_by_slices),
        ([2, 5], mended_by_library),
        ([2, 5], mended_by_rand),
    ],
    "2.5": [(report_by_hand,), (report_by_sorting,)],
}


# Each mistake as a learner may write it, and what the check says


def split_at(first=0, second=0, stop=None):
    def answer(ids, val_fraction=0.1):
        ids = torch.as_tensor(ids)
        n = int(len(ids) * (1 - val_fraction))
        return ids[: n + first], ids[n + second : stop]

    return answer


def every_tenth(ids, val_fraction=0.1):
    ids = torch.as_tensor(ids)
    step = round(1 / val_fraction)
    is_val = torch.arange(len(ids)) % step == 0
    return ids[~is_val], ids[is_val]


def sampled(ids, val_fraction=0.1):
    ids = list(torch.as_tensor(ids).tolist())
    random.shuffle(ids)
    return split_by_list(ids, val_fraction)


def torch_split(ids, val_fraction=0.1):
    ids = torch.as_tensor(ids)
    parts = random_split(ids, [1 - val_fraction, val_fraction])
    return tuple(ids[torch.tensor(part.indices)] for part in parts)


def train_is_all(ids, val_fraction=0.1):
    ids = torch.as_tensor(ids)
    return ids, split_by_list(ids, val_fraction)[1]


def front_for_validation(ids, val_fraction=0.1):
    ids = torch.as_tensor(ids)
    n_val = len(ids) - int(len(ids) * (1 - val_fraction))
    return ids[n_val:], ids[:n_val]


def wrong_order(ids, val_fraction=0.1):
    train, val = split_by_list(ids, val_fraction)
    return val, train


def fraction_to_train(ids, val_fraction=0.1):
    ids = torch.as_tensor(ids)
    cut = int(len(ids) * val_fraction)
    return ids[:cut], ids[cut:]


def always_a_tenth(ids, val_fraction=0.1):
    return split_by_mask(ids)


def rounding_up(ids, val_fraction=0.1):
    ids = torch.as_tensor(ids)
    cut = math.ceil(len(ids) * (1 - val_fraction))
    return ids[:cut], ids[cut:]


def from_the_end(ids, val_fraction=0.1):
    ids = torch.as_tensor(ids)
    return ids[: int(len(ids) * (1 - val_fraction))], ids[-int(len(ids) * val_fraction) :]


def rounding(ids, val_fraction=0.1):
    ids = torch.as_tensor(ids)
    cut = round(len(ids) * (1 - val_fraction))
    return ids[:cut], ids[cut:]


def in_floats(ids, val_fraction=0.1):
    ids = torch.tensor(ids, dtype=torch.float32)
    cut = int(len(ids) * (1 - val_fraction))
    return ids[:cut], ids[cut:]


def floats_of_a_list(ids, val_fraction=0.1):
    ids = ids if torch.is_tensor(ids) else torch.Tensor(ids)
    cut = int(len(ids) * (1 - val_fraction))
    return ids[:cut], ids[cut:]


def with_a_capital(ids, val_fraction=0.1):
    ids = torch.Tensor(ids)
    cut = int(len(ids) * (1 - val_fraction))
    return ids[:cut], ids[cut:]


def slices_of_a_list(ids, val_fraction=0.1):
    cut = math.floor(len(ids) * (1 - val_fraction))
    return ids[:cut], ids[cut:]


def second_rounded(from_front):
    def answer(ids, val_fraction=0.1):
        ids = torch.as_tensor(ids)
        n_val = int(len(ids) * val_fraction)
        return (ids[n_val:], ids[:n_val]) if from_front else (ids[:-n_val], ids[-n_val:])

    return answer


def less_the_second(ids, val_fraction=0.1):
    ids = torch.as_tensor(ids)
    n = len(ids) - int(len(ids) * val_fraction)
    return ids[:n], ids[n:]


def first_only(ids, val_fraction=0.1):
    return torch.as_tensor(ids)[: int(len(ids) * (1 - val_fraction))]


def first_only_as_it_comes(ids, val_fraction=0.1):
    return ids[: int(len(ids) * (1 - val_fraction))]


def drawn_by(draw):
    """draw gives the starts, from n, T, B and the generator."""

    def answer(ids, B, T, generator=None, device=None):
        at = draw(len(ids), T, B, generator)[:, None] + torch.arange(T)
        return ids[at].to(device), ids[at + 1].to(device)

    return answer


def limited(n, T, B, g):
    return torch.minimum(torch.randint(n, (B,), generator=g), torch.tensor(n - T - 1))


def remainder(n, T, B, g):
    return torch.randint(0, n, (B,), generator=g).remainder(n - T)


def cubed(n, T, B, g):
    return (torch.rand(B, generator=g) ** 3 * (n - T)).long()


def permuted(n, T, B, g):
    return torch.randperm(n - T)[:B]


def drawn_twice(ids, B, T, generator=None, device=None):
    i = torch.randint(len(ids) - T, (B,), generator=generator)
    j = torch.randint(len(ids) - T, (B,), generator=generator)
    x = torch.stack([ids[k : k + T] for k in i])
    return x.to(device), torch.stack([ids[k + 1 : k + 1 + T] for k in j]).to(device)


def mended_by(draw):
    def answer(ids, B, T, generator):
        cut = int(0.9 * len(ids))
        return ids[:cut], ids[cut:], *drawn_by(draw)(ids[:cut], B, T, generator)

    return answer


def mended_by_moving_both(ids, B, T, generator):
    cut = int(0.9 * len(ids))
    train, val = ids[: cut - T], ids[cut - T :]
    return train, val, *batch_of_slices(train, B, T, generator)


def looked_up(high, x_at=0, y_at=1, low=0, rows=None):
    """By a table of positions; `high` is added to the limit n - T of the starts."""

    def answer(ids, B, T, generator=None, device=None):
        starts = torch.randint(low, len(ids) - T + high, (rows or B,), generator=generator)
        at = starts.expand(B)[:, None] + torch.arange(T)
        return ids[at + x_at].to(device), ids[at + y_at].to(device)

    return answer


def too_many_slices(ids, B, T, generator=None, device=None):
    starts = torch.randint(len(ids) - T + 1, (B,), generator=generator).tolist()
    x = [ids[i : i + T] for i in starts]
    return torch.stack(x), torch.stack([ids[i + 1 : i + T + 1] for i in starts])


def starts_to_the_end(ids, B, T, generator=None, device=None):
    starts = torch.randint(len(ids), (B,), generator=generator).tolist()
    x = [ids[i : i + T] for i in starts]
    return torch.stack(x), torch.stack([ids[i + 1 : i + T + 1] for i in starts])


def x_and_y_swapped(ids, B, T, generator=None, device=None):
    return batch_of_slices(ids, B, T, generator, device)[::-1]


def short_answer(ids, B, T, generator=None, device=None):
    starts = torch.randint(len(ids) - T, (B,), generator=generator)
    y = torch.stack([ids[i + 1 : i + T] for i in starts])
    return torch.stack([ids[i : i + T] for i in starts]), y


def by_roll(ids, B, T, generator=None, device=None):
    x, _ = batch_by_loops(ids, B, T, generator, device)
    return x, torch.cat([x[:, 1:], x[:, :1]], dim=1)


def no_look_up(ids, B, T, generator=None, device=None):
    starts = torch.randint(len(ids) - T, (B, 1), generator=generator)
    return starts + torch.arange(T), starts + torch.arange(T) + 1


def row_plus_row(ids, B, T, generator=None, device=None):
    starts = torch.randint(len(ids) - T, (B,), generator=generator)
    positions = starts + torch.arange(T)
    return ids[positions].to(device), ids[positions + 1].to(device)


def one_slice(ids, B, T, generator=None, device=None):
    i = torch.randint(len(ids) - T, (B,), generator=generator)
    return ids[i : i + T].to(device), ids[i + 1 : i + 1 + T].to(device)


def one_window(ids, B, T, generator=None, device=None):
    i = int(torch.randint(len(ids) - T, (1,), generator=generator))
    return ids[i : i + T].to(device), ids[i + 1 : i + 1 + T].to(device)


def answer_once(column):
    def answer(ids, B, T, generator=None, device=None):
        starts = torch.randint(len(ids) - T, (B,), generator=generator)
        y = ids[starts + T]
        x = ids[starts[:, None] + torch.arange(T)]
        return x.to(device), (y[:, None] if column else y).to(device)

    return answer


def one_more(ids, B, T, generator=None, device=None):
    pos = torch.randint(len(ids) - T, (B, 1), generator=generator) + torch.arange(T)
    return ids[pos].to(device), (ids[pos] + 1).to(device)


def half_looked_up(ids, B, T, generator=None, device=None):
    pos = torch.randint(len(ids) - T, (B, 1), generator=generator) + torch.arange(T)
    return ids[pos].to(device), (pos + 1).to(device)


def zeros_without_dtype(ids, B, T, generator=None, device=None):
    x, y = torch.zeros(B, T), torch.zeros(B, T)
    for b, i in enumerate(torch.randint(0, len(ids) - T, (B,), generator=generator)):
        x[b], y[b] = ids[i : i + T], ids[i + 1 : i + T + 1]
    return x.to(device), y.to(device)


def lists_of_rows(ids, B, T, generator=None, device=None):
    starts = torch.randint(len(ids) - T, (B,), generator=generator)
    return [ids[i : i + T] for i in starts], [ids[i + 1 : i + 1 + T] for i in starts]


def one_row_for_all(ids, B, T, generator=None, device=None):
    return batch_of_slices(ids, 1, T, generator, device)


def on_a_device(ids, B, T, generator=None, device=None):
    x, y = batch_of_slices(ids, B, T, generator)
    return torch.tensor(x.to(device).tolist()), y.to(device)


def reseeded(ids, B, T, generator=None, device=None):
    generator = torch.Generator().manual_seed(1337)
    return batch_of_slices(ids, B, T, generator, device)


def python_random(ids, B, T, generator=None, device=None):
    starts = torch.tensor([random.randrange(len(ids) - T) for _ in range(B)])
    at = starts[:, None] + torch.arange(T)
    return ids[at].to(device), ids[at + 1].to(device)


def stays_here(ids, B, T, generator=None, device=None):
    return batch_of_slices(ids, B, T, generator)


def transposed(ids, B, T, generator=None, device=None):
    x, y = batch_of_slices(ids, B, T, generator, device)
    return x.transpose(0, 1), y.transpose(0, 1)


def mended_but(early=0, shift=1):
    def answer(ids, B, T, generator):
        cut = int(0.9 * len(ids))
        train, val = ids[:cut], ids[cut - early * T :]
        at = torch.randint(len(train) - T, (B, 1), generator=generator) + torch.arange(T)
        return train, val, train[at], train[at + shift]

    return answer


def mended_by_roll(ids, B, T, generator):
    train, val, x, _ = mended_in_place(ids, B, T, generator)
    return train, val, x, torch.roll(x, -1, dims=1)


def mended_backwards(ids, B, T, generator):
    train, val, x, y = mended_in_place(ids, B, T, generator)
    return train, val, y, x


def mended_by_one(second):
    def answer(ids, B, T, generator):
        train, _, x, y = mended_in_place(ids, B, T, generator)
        return train, ids[len(train) + second :], x, y

    return answer


def mended_ids_plus_one(ids, B, T, generator):
    train, val, x, _ = mended_in_place(ids, B, T, generator)
    return train, val, x, x + 1


def mended_with_a_gap(ids, B, T, generator):
    train, _, x, y = mended_in_place(ids, B, T, generator)
    return train, ids[len(train) + T :], x, y


def mended_starts(more, look_up_in_all=False, over_all=False):
    def answer(ids, B, T, generator):
        cut = int(0.9 * len(ids))
        train, val = ids[:cut], ids[cut:]
        n = len(ids if over_all else train)
        pos = torch.randint(n - T + more, (B,), generator=generator)[:, None] + torch.arange(T)
        book = ids if look_up_in_all or over_all else train
        return train, val, book[pos], book[pos + 1]

    return answer


def mended_one_row(ids, B, T, generator):
    return mended_in_place(ids, 1, T, generator)


def mended_unseeded(ids, B, T, generator):
    return mended_in_place(ids, B, T, None)


def vocabulary_of_training(text):
    size, _, rarest, boundary = report_by_hand(text)
    return size, len(set(text[:boundary])), rarest, boundary


def training_only(text):
    cut = int(0.9 * len(text))
    return len(text), *report_by_hand(text[:cut])[1:3], cut


def in_bytes(text):
    return (len(text.encode("utf-8")), *report_by_hand(text)[1:])


def commonest(text):
    size, v, _, boundary = report_by_hand(text)
    return size, v, max(set(text), key=text.count), boundary


def first_seen(text):
    size, v, _, boundary = report_by_hand(text)
    return size, v, min(text, key=text.count), boundary


def last_seen(text):
    size, v, _, boundary = report_by_hand(text)
    return size, v, min(dict.fromkeys(text[::-1]), key=text.count), boundary


def last_of_most_common(text):
    size, v, _, boundary = report_by_hand(text)
    return size, v, Counter(text).most_common()[-1][0], boundary


def in_order_of_a_set(text):
    size, v, _, boundary = report_by_hand(text)
    return size, v, min(set(text), key=text.count), boundary


def smallest(text):
    size, v, _, boundary = report_by_hand(text)
    return size, v, min(text), boundary


def sorted_backwards(text):
    size, v, _, boundary = report_by_hand(text)
    return size, v, min(sorted(set(text), reverse=True), key=text.count), boundary


def in_lower_case(text):
    return report_by_sorting(text.lower())


def vocabulary_in_lower_case(text):
    size, _, rarest, boundary = report_by_hand(text)
    return size, len({c.lower() for c in text}), rarest, boundary


def boundary_as_size(text):
    *rest, boundary = report_by_hand(text)
    return (*rest, len(text) - boundary)


def boundary_up(text):
    return (*report_by_hand(text)[:3], math.ceil(0.9 * len(text)))


LEAK = "✗ 2.1: validation text occurs before training text. Text is a sequence: cut once, do not"
ONE_SHORT = "✗ 2.2: start 4 makes y one short. The last start is len(ids) - T - 1."
SAID = [
    ("2.1", (every_tenth,), LEAK),
    ("2.1", (sampled,), LEAK),
    ("2.1", (torch_split,), LEAK),
    ("2.1", (split_at(first=1),), "✗ 2.1: 1 id is in both parts. The second part starts where"),
    ("2.1", (split_at(second=-1),), "✗ 2.1: 1 id is in both parts. The second part starts where"),
    ("2.1", (train_is_all,), "✗ 2.1: {s} ids are in both parts. The second part starts where"),
    (
        "2.1",
        (split_at(stop=-1),),
        "✗ 2.1: the last id is in neither part. Slice to the end, not to",
    ),
    ("2.1", (split_at(second=1),), "✗ 2.1: between the two parts 1 id is lost. The second part"),
    ("2.1", (split_at(first=-1),), "✗ 2.1: between the two parts 1 id is lost. The second part"),
    ("2.1", (from_the_end,), "✗ 2.1: between the two parts 1 id is lost. The second part starts"),
    ("2.1", (front_for_validation,), "✗ 2.1: your validation part is the beginning of the text."),
    ("2.1", (wrong_order,), "✗ 2.1: the parts are right and change places: "),
    ("2.1", (fraction_to_train,), "✗ 2.1: your parts have {s} ids. val_fraction is the share"),
    ("2.1", (always_a_tenth,), "✗ 2.1: with val_fraction=0.3 your parts have {s} ids, a tenth as"),
    ("2.1", (rounding_up,), "✗ 2.1: your training part has {s} ids; rounded down it has {s}. You"),
    (
        "2.1",
        (less_the_second,),
        "✗ 2.1: your training part has {s} ids; rounded down it has {s}. You rounded the second",
    ),
    ("2.1", (second_rounded(False),), "✗ 2.1: your training part has {s} ids; rounded down it has"),
    ("2.1", (second_rounded(True),), "✗ 2.1: your validation part is the beginning of the text."),
    ("2.1", (first_only,), "✗ 2.1: your answer gives one part. Two tensors were asked for, the"),
    ("2.1", (first_only_as_it_comes,), "✗ 2.1: your answer gives one part. Two tensors were asked"),
    ("2.1", (slices_of_a_list,), "✗ 2.1: a list went in and two lists came out. Make a tensor"),
    ("2.1", (rounding,), "✗ 2.1: your training part has {s} ids. The task rounds its size down"),
    ("2.1", (in_floats,), "✗ 2.1: your parts hold decimals (dtype float). Ids are whole numbers,"),
    ("2.1", (floats_of_a_list,), "✗ 2.1: a list became decimals (dtype float). Ids are whole"),
    ("2.1", (with_a_capital,), "✗ 2.1: a list became decimals (dtype float). Ids are whole"),
    ("2.2", (row_plus_row,), "✗ 2.2: x has shape (6,), it should be (1, 6): make the starts a"),
    ("2.2", (one_slice,), "✗ 2.2: one row comes out as (6,), and 5 rows stop your answer with"),
    ("2.2", (one_window,), "✗ 2.2: your answer gives one block, of shape (6,), for any batch_size"),
    ("2.2", (answer_once(False),), "✗ 2.2: y has one answer a row; it needs T, here 6. The model"),
    ("2.2", (answer_once(True),), "✗ 2.2: y has one answer a row; it needs T, here 6. The model"),
    ("2.2", (one_more,), "✗ 2.2: y is the id plus one, not the token one place later. Ids are"),
    ("2.2", (half_looked_up,), "✗ 2.2: x holds tokens, and y holds places in the text, 0 to"),
    ("2.2", (zeros_without_dtype,), "✗ 2.2: x and y hold decimals (dtype float); ids are whole"),
    (
        "2.2",
        (lists_of_rows,),
        "✗ 2.2: what your answer gives can't be used for ids (10,), batch_size 5, context_length 6"
        ": TypeError: x and y have to be tensors;",
    ),
    (
        "2.2",
        (one_row_for_all,),
        "✗ 2.2: no mistake that this check knows: you give '(1, 6) and (1, 6)' for ids (10,), "
        "batch_size 5, context_length 6, shapes of x and y for batch_size rows; the right value is",
    ),
    (
        "2.2",
        (on_a_device,),
        "✗ 2.2: your answer stops at `return torch.tensor(x.to(device).tolist()), y.to(device)` "
        "for ids (10,), batch_size 5, context_length 6 with RuntimeError: asked for the device "
        "meta, one without memory: ",
    ),
    ("2.2", (looked_up(0, 0, 0),), "✗ 2.2: y equals x. A model can copy and learn nothing; take y"),
    ("2.2", (looked_up(0, 1, 0),), "✗ 2.2: y[t] is what came before x[t]. You shifted the wrong"),
    ("2.2", (looked_up(0, 0, -1),), "✗ 2.2: y[t] is what came before x[t]. You shifted the wrong"),
    ("2.2", (looked_up(0, 0, -1, low=1),), "✗ 2.2: y[t] is what came before x[t]. You shifted"),
    ("2.2", (x_and_y_swapped,), "✗ 2.2: y[t] is what came before x[t]. You shifted the wrong way."),
    ("2.2", (looked_up(1),), ONE_SHORT),
    ("2.2", (too_many_slices,), ONE_SHORT),
    ("2.2", (starts_to_the_end,), ONE_SHORT),
    ("2.2", (looked_up(-1),), "✗ 2.2: start 3 never occurs, and the last token is never asked for"),
    ("2.2", (looked_up(-1, 0, 2),), "✗ 2.2: y[t] is two places after x[t]. You shifted twice:"),
    ("2.2", (short_answer,), "✗ 2.2: y has 5 entries a row, x has 6. The end of a slice is not"),
    ("2.2", (by_roll,), "✗ 2.2: the last entry of each y is the first token of x. roll brings"),
    ("2.2", (no_look_up,), "✗ 2.2: x and y hold places in the text, 0 to n - 1, not tokens."),
    ("2.2", (looked_up(0, rows=1),), "✗ 2.2: all 5 rows of a batch are the same. Draw one start"),
    ("2.2", (reseeded,), "✗ 2.2: one batch after the other was the same. Draw from the generator"),
    ("2.2", (python_random,), "✗ 2.2: the same seed gives other batches each time. Hand the"),
    ("2.2", (drawn_by(limited),), "✗ 2.2: the last start comes much more often than each of"),
    ("2.2", (drawn_by(remainder),), "✗ 2.2: the first starts come more often than the last ones:"),
    (
        "2.2",
        (drawn_by(cubed),),
        "✗ 2.2: no mistake that this check knows: you give 'starts 0, 1, … in {s}%, {s}%, {s}% of "
        "all draws' for ids (10,), batch_size 5, context_length 6, how often each start comes, in "
        "5 ids and blocks of 2; the right value is 'equally often'.",
    ),
    ("2.2", (drawn_by(permuted),), "✗ 2.2: batch_size 5 gives 4 rows: you draw each of the 4"),
    ("2.2", (drawn_twice,), "✗ 2.2: y belongs to another start than x: draw once, and use the"),
    ("2.2", (stays_here,), "✗ 2.2: x and y stay on the CPU whatever device is asked for."),
    ("2.2", (transposed,), "✗ 2.2: for one block of 6 tokens x has the shape (6, 1). A batch is"),
    ("2.2", (lambda ids, B, T, generator=None, device=None: None,), "✗ 2.2: your answer returned"),
    ("2.3", ((6, 6),), "✗ 2.3: (6, 6) forgets that the last window needs one more id for its"),
    ("2.3", ((3, 4),), "✗ 2.3: (3, 4) uses the length as the stride, windows end to end."),
    ("2.3", ((15, 16),), "✗ 2.3: (15, 16) counts every start. Only every third start is used."),
    ("2.3", ("4, 5",), "✗ 2.3: (4, 5) is the number of steps from the first window to the last."),
    ("2.3", ((5, 5),), "✗ 2.3: (5, 5) is what (n - T) // S gives. It leaves out the first window"),
    ("2.3", ((7, 7),), "✗ 2.3: (7, 7) counts every third place of the text. A window that"),
    ("2.3", ((16, 17),), "✗ 2.3: (16, 17) counts every start, and forgets the id that the last"),
    ("2.3", ((14, 15),), "✗ 2.3: (14, 15) is n - T - 1, the last place at which a window could"),
    ("2.3", ([12, 15],), "✗ 2.3: (12, 15) is where the last window starts. The question is how"),
    ("2.3", ((9, 9),), "✗ 2.3: no mistake that this check knows: (9, 9) is not right. hint("),
    ("2.3", (5,), "✗ 2.3: type two whole numbers, one for each text, such as (7, 8), not 5."),
    ("2.3", ((2.5, 3),), "✗ 2.3: type a whole number, not 2.5."),
    ("2.4", (3, mended_in_place), "✗ 2.4a: line 3 is harmless: with it mended the loss is still 0"),
    ("2.4", ([1, 2], mended_in_place), "✗ 2.4a: line 1 is harmless: with it mended the loss is"),
    ("2.4", ([5, 4], mended_in_place), "✗ 2.4a: one of your lines explains the loss, and line 4"),
    ("2.4", ([2], mended_in_place), "✗ 2.4a: that line is wrong, but it does not explain the loss"),
    ("2.4", (5, mended_in_place), "✗ 2.4a: mended, the loss is {s}, but validation still overlaps"),
    *(
        (
            "2.4",
            ({5, line}, mended_in_place),
            f"✗ 2.4a: {{s}}, and line {line} is harmless. Mend one",
        )
        for line in (1, 3, 6)
    ),
    ("2.4", ("4", mended_in_place), "✗ 2.4a: line 4 is harmless: with it mended the loss is"),
    ("2.4", ([6, 2], mended_in_place), "✗ 2.4a: line 6 is harmless: with it mended the loss is"),
    ("2.4", ([1], mended_in_place), "✗ 2.4a: line 1 is harmless: with it mended the loss is"),
    ("2.4", ("2,5", mended_in_place), "✗ 2.4a: type a list of line numbers, such as [1, 4], not"),
    ("2.4", ([7], mended_in_place), "✗ 2.4a: type the numbers of lines, each from 1 to 6,"),
    (
        "2.4",
        ([2, 5], mended_but(early=1)),
        "✗ 2.4b: mended, but validation now overlaps training by 11 ids. There were two faults.",
    ),
    ("2.4", ([2, 5], mended_but(shift=0)), "✗ 2.4b: the two parts are clean, and y still equals x"),
    ("2.4", ([2, 5], mended_but(1, 0)), "✗ 2.4b: y still equals x, and the parts still share 11"),
    ("2.4", ([2, 5], mended_by_roll), "✗ 2.4b: the last entry of each y is the first token of x."),
    ("2.4", ([2, 5], mended_by_one(1)), "✗ 2.4b: 1 id is in neither part. Nothing leaks, but"),
    ("2.4", ([2, 5], mended_with_a_gap), "✗ 2.4b: 3 ids are in neither part. Nothing leaks, but"),
    ("2.4", ([2, 5], mended_ids_plus_one), "✗ 2.4b: y is the id plus one, not the token one place"),
    ("2.4", ([2, 5], mended_starts(1)), "✗ 2.4b: start 13 has no last target: train ends before"),
    (
        "2.4",
        ([2, 5], mended_starts(1, look_up_in_all=True)),
        "✗ 2.4b: start 13 makes the first id of validation a training target. The last start is",
    ),
    (
        "2.4",
        ([2, 5], mended_starts(0, over_all=True)),
        "✗ 2.4b: your batches hold 3 ids of validation: the model learns from what it is scored on",
    ),
    ("2.4", ([2, 5], mended_starts(-1)), "✗ 2.4b: start 12 never occurs, and the last token of"),
    (
        "2.4",
        ([2, 5], mended_one_row),
        "✗ 2.4b: no mistake that this check knows: you give '(1, 11)' for ids (27,), B 6, T 11, "
        "shape of x; the right value is '(6, 11)'.",
    ),
    ("2.4", ([2, 5], mended_by_one(-1)), "✗ 2.4b: mended, but validation now overlaps training by"),
    ("2.4", ([2, 5], mended_unseeded), "✗ 2.4b: the same seed gives other batches each time."),
    ("2.4", ([2, 5], mended_by(limited)), "✗ 2.4b: the last start comes much more often than"),
    ("2.4", ([2, 5], mended_by(remainder)), "✗ 2.4b: the first starts come more often than the"),
    (
        "2.4",
        ([2, 5], mended_by(cubed)),
        "✗ 2.4b: no mistake that this check knows: you give {s} for ids (27,), B 6, T 11, {s};",
    ),
    (
        "2.4",
        ([2, 5], mended_by_moving_both),
        "✗ 2.4b: your training part has 13 ids, not 24: train must be the first nine tenths.",
    ),
    ("2.4", ([2, 5], mended_backwards), "✗ 2.4b: y[t] is what came before x[t]. You shifted the"),
    ("2.5", (vocabulary_of_training,), "✗ 2.5: {s} characters of the validation part never occur"),
    ("2.5", (training_only,), "✗ 2.5: {s} of the validation part never occur in training; your"),
    ("2.5", (in_bytes,), "✗ 2.5: {s} counts bytes. In UTF-8 a character takes 1 to 4 of them;"),
    ("2.5", (commonest,), "✗ 2.5: {s} is the most common, with a count of {s}. Take the smallest"),
    ("2.5", (first_seen,), "✗ 2.5: 'B', {s}'z' are equally rare. The task wants the one"),
    ("2.5", (last_seen,), "✗ 2.5: 'B', {s}'z' are equally rare. The task wants the one"),
    ("2.5", (in_order_of_a_set,), "✗ 2.5: 'B', {s}'z' are equally rare. The task wants the one"),
    ("2.5", (smallest,), "✗ 2.5: ' ' sorts first of all characters and stands there {s} times."),
    ("2.5", (last_of_most_common,), "✗ 2.5: 'B', {s}'z' are equally rare. The task wants the one"),
    ("2.5", (sorted_backwards,), "✗ 2.5: 'B', {s}'z' are equally rare. The task wants the one"),
    (
        "2.5",
        (in_lower_case,),
        "✗ 2.5: your vocabulary has {s} characters, not {s}: it takes 'B' and",
    ),
    ("2.5", (vocabulary_in_lower_case,), "✗ 2.5: your vocabulary has {s} characters, not {s}: it"),
    ("2.5", (boundary_as_size,), "✗ 2.5: {s} is how many characters validation has. The boundary"),
    ("2.5", (boundary_up,), "✗ 2.5: boundary {s} rounds up. The task rounds 90% of n down:"),
]
