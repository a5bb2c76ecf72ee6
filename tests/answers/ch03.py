"""Chapter 03: right answers written in other ways, and mistakes as a learner may write them."""

import torch
import torch.nn.functional as F
from torch import nn

# Other ways of writing it


def eye_rows(table, ids):
    """The rows of the identity are the one-hot vectors."""
    return torch.eye(table.size(0))[ids].mm(table)


def loops_look_up(table, ids):
    """Entry by entry, in double precision."""
    rows = []
    for t in range(ids.numel()):
        row = 0.0
        for v, entries in enumerate(table):
            row = row + float(v == ids[t]) * entries.double()
        rows.append(row)
    return torch.stack(rows)


def linear_look_up(table, ids):
    return F.linear(F.one_hot(ids, table.shape[0]).to(table.dtype), table.T)


def masked_sum(table, ids):
    """Every row of the table, and zeros in the place of those that were not asked for."""
    places = torch.arange(len(table))
    return torch.where((ids[:, None] == places)[..., None], table, 0.0).sum(1)


def scattered(weights, tokens):
    one_hot = torch.zeros(len(tokens), len(weights))
    one_hot[torch.arange(len(tokens)), tokens] = 1
    return torch.einsum("tv,vc->tc", one_hot, weights)


class Plain(nn.Module):
    """As the chapter has it, with the tables made in the other order."""

    def __init__(self, V, L, C, dropout=0.0):
        super().__init__()
        self.position = nn.Embedding(L, C)
        self.token = nn.Embedding(V, C)
        self.drop = nn.Dropout(dropout)

    def check(self, ids, start):
        if ids.size(1) + start > self.position.weight.size(0):
            raise ValueError("too long")

    def forward(self, ids, start=0):
        self.check(ids, start)
        where = torch.arange(ids.size(1)) + start
        return self.drop(self.position(where) + self.token(ids))


class Sliced(Plain):
    """The position table sliced, the token table indexed, dropout as a function."""

    def forward(self, ids, start=0):
        self.check(ids, start)
        places = self.position.weight.narrow(0, start, ids.size(1))
        return F.dropout(self.token.weight[ids] + places, self.drop.p, training=self.training)


class TextByText(Plain):
    """Each text of the batch for itself, each place for itself."""

    def forward(self, ids, start=0):
        self.check(ids, start)
        texts = []
        for text in ids:
            rows = [self.token(v) + self.position(torch.tensor(start + t)) for t, v in
                    enumerate(text)]  # fmt: skip
            texts.append(torch.stack(rows))
        return self.drop(torch.stack(texts))


class WideGrid(Plain):
    """A whole (B, T) grid of positions."""

    def forward(self, ids, start=0):
        self.check(ids, start)
        grid = start + torch.arange(ids.shape[1]).expand(ids.shape[0], -1)
        return self.drop(self.token(ids) + self.position(grid))


def cosine_by_loops(table, i, k):
    def cosine(a, b):
        product = sum(x * y for x, y in zip(a, b, strict=True))
        return product / (sum(x * x for x in a) * sum(x * x for x in b)) ** 0.5

    rows = table.double().tolist()
    others = [j for j in range(len(rows)) if j != i]
    return sorted(others, key=lambda j: -cosine(rows[i], rows[j]))[:k]


def nearest_by_distance_of_units(table, i, k):
    """On the sphere the shortest way leads to the smallest angle."""
    unit = F.normalize(table)
    apart = torch.cdist(unit, unit[i : i + 1], compute_mode="donot_use_mm_for_euclid_dist")
    apart[i] = torch.inf
    return apart.flatten().argsort()[:k]


def nearest_in_numpy(table, i, k):
    unit = F.normalize(table.double()).numpy()
    order = (-(unit @ unit[i])).argsort()
    return list(order[order != i][:k])


def nearest_as_list_of_tensors(table, i, k):
    scores = F.cosine_similarity(table, table[i : i + 1])
    scores[i] = -2
    return list(scores.argsort(descending=True)[:k])


def nearest_by_similarity(table, i, k):
    similarity = F.cosine_similarity(table[i], table)
    order = torch.sort(similarity, descending=True).indices
    return tuple(order[order != i][:k].tolist())


def own_length_left_out(table, i, k):
    """The length of row i divides all alike: the order is the same without it."""
    scores = table @ table[i] / table.norm(dim=-1)
    scores[i] = -torch.inf
    return scores.topk(k)[1].numpy().tolist()


def renumber_by_loops(table, ids, new):
    rows = [None] * len(table)
    for v in range(len(table)):
        rows[new[v]] = table[v]
    return torch.stack(rows), [int(new[v]) for v in ids]


def renumber_by_inverse(table, ids, new):
    back = torch.zeros_like(new)
    back[new] = torch.arange(len(new))
    return table.double()[back], new.gather(0, ids)


def renumber_in_a_copy(table, ids, new):
    return [torch.zeros_like(table).index_copy(0, new, table), torch.take(new, ids)]


RIGHT = {
    "3.1": [(eye_rows,), (loops_look_up,), (scattered,), (linear_look_up,), (masked_sum,)],
    "3.2": [(Plain,), (Sliced,), (TextByText,), (WideGrid,)],
    "3.3": [(16384.0, -11680), ("16384", "-11680"), (torch.tensor(16384), -11680.0)],
    "3.4": [
        (cosine_by_loops,),
        (nearest_by_distance_of_units,),
        (nearest_by_similarity,),
        (nearest_in_numpy,),
        (nearest_as_list_of_tensors,),
        (own_length_left_out,),
    ],
    "3.5": [
        ("Equal", renumber_by_loops),
        (" equal", renumber_by_inverse),
        ("EQUAL", renumber_in_a_copy),
    ],
}


# Each mistake as a learner may write it, and what the check says


def transposed_table(table, ids):
    return F.one_hot(ids, table.shape[0]).float() @ table.transpose(0, 1)


def one_hot_on_the_right(table, ids):
    return table.t() @ F.one_hot(ids, table.shape[0]).float().t()


def no_classes(table, ids):
    return F.one_hot(ids).float() @ table


def seen_only(table, ids):
    _, place = torch.unique(ids, return_inverse=True)
    return F.one_hot(place).float() @ table


def detached(table, ids):
    return F.one_hot(ids, table.shape[0]).float() @ table.data


def rebuilt(table, ids):
    return torch.tensor((F.one_hot(ids, len(table)).float() @ table).tolist())


def no_type(table, ids):
    return F.one_hot(ids, len(table)) @ table


def table_cut_to_whole(table, ids):
    return F.one_hot(ids, len(table)) @ table.long()


def no_type_einsum(table, ids):
    return torch.einsum("tv,vc->tc", F.one_hot(ids, len(table)), table)


def wrong_type(table, ids):
    return F.one_hot(ids, len(table)).double() @ table


def reversed_factors(table, ids):
    return table @ F.one_hot(ids, len(table)).to(table.dtype)


def reversed_and_turned(table, ids):
    return torch.matmul(table, F.one_hot(ids, len(table)).to(table.dtype).T)


def turned_one_hot(table, ids):
    return F.one_hot(ids, len(table)).to(table.dtype).T @ table


def undefined(table, ids):
    raise RuntimeError("I was not ready")


def by_brackets(table, ids):
    return table[ids]


def by_brackets_one_by_one(table, ids):
    return torch.stack([table.clone()[int(v)] for v in ids])


def slow_entries(table, ids):
    one_hot = F.one_hot(ids, len(table))
    rows = torch.zeros(len(ids), table.shape[1])
    for t, places in enumerate(one_hot):
        for v, factor in enumerate(places):
            rows[t] += factor * table[v]
    return rows


def turned_brackets(table, ids):
    return table.T[:, ids].T


def gathers(table, ids):
    return table.gather(0, ids[:, None].expand(-1, table.shape[1]))


def takes(table, ids):
    width = table.shape[1]
    return table.take(ids[:, None] * width + torch.arange(width))


def under_no_grad(table, ids):
    with torch.no_grad():
        return F.one_hot(ids, len(table)).to(table.dtype) @ table


def picks(table, ids):
    return F.embedding(ids, table)


def selects(table, ids):
    return table.index_select(0, ids)


class OneIndex(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        return self.drop(self.token(ids) + self.position(torch.tensor([start])))


class LastIndex(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        return self.drop(self.token(ids) + self.position.weight[start + ids.shape[1] - 1])


class FirstIndex(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        return self.drop(self.token(ids) + self.position.weight[0])


class DownTheBatch(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        where = torch.arange(start, start + ids.shape[0])[:, None]
        return self.drop(self.token(ids) + self.position(where))


class WrongSize(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        where = torch.arange(start, start + ids.size(0))
        return self.drop(self.token(ids) + self.position(where))


class AllPlaces(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        where = torch.arange(self.position.num_embeddings)
        return self.drop(self.token(ids) + self.position(where))


class NoStart(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        return self.drop(self.token(ids) + self.position.weight[: ids.size(1)])


class FromOne(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        where = 1 + start + torch.arange(ids.size(1))
        return self.drop(self.token(ids) + self.position(where))


class TokensOnly(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        return self.drop(self.token(ids))


class Undropped(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        where = torch.arange(start, start + ids.size(1))
        return self.token(ids) + self.position(where)


class DroppedEarly(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        where = torch.arange(start, start + ids.size(1))
        return self.drop(self.token(ids)) + self.drop(self.position(where))


class TenPercent(Plain):
    def __init__(self, V, L, C, dropout=0.0):
        super().__init__(V, L, C)
        self.drop = nn.Dropout(0.1)


class DefaultShare(Plain):
    def __init__(self, V, L, C, dropout=0.0):
        super().__init__(V, L, C)
        self.drop = nn.Dropout()


class IdsAsPlaces(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        return self.drop(self.token(ids) + self.position(ids))


class IdsIndexed(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        return self.drop(self.token.weight[ids] + self.position.weight[ids])


class Product(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        return self.drop(self.position(torch.arange(start, start + ids.size(1))) * self.token(ids))


class SideBySide(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        where = torch.arange(start, start + ids.size(1)).repeat(len(ids), 1)
        return self.drop(torch.cat([self.token(ids), self.position(where)], -1))


class PlaceFirst(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        where = torch.arange(start, start + ids.size(1)).repeat(len(ids), 1)
        return torch.cat([self.position(where), self.token(ids)], -1)


class SideByUnlikeSide(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        where = torch.arange(start, start + ids.size(1))
        return self.drop(torch.cat([self.token(ids), self.position(where)], -1))


class AlwaysStops(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        raise RuntimeError("I was not ready")


class DroppedAlways(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        where = torch.arange(start, start + ids.size(1))
        return F.dropout(self.token(ids) + self.position(where), self.drop.p)


class NoCheck(Plain):
    def check(self, ids, start):
        pass


class Truncated(Plain):
    def forward(self, ids, start=0):
        ids = ids[:, : self.position.num_embeddings - start]
        where = torch.arange(start, start + ids.size(1))
        return self.drop(self.token(ids) + self.position(where))


class Unborn(nn.Module):
    """Forgets super().__init__()."""

    def __init__(self, V, L, C, dropout=0.0):
        self.token, self.position = nn.Embedding(V, C), nn.Embedding(L, C)


class SizesSwapped(Plain):
    def __init__(self, V, L, C, dropout=0.0):
        super().__init__(L, V, C, dropout)


class SharedTable(Plain):
    def __init__(self, V, L, C, dropout=0.0):
        super().__init__(V, L, C, dropout)
        self.position = self.token


class TurnedTables(Plain):
    def __init__(self, V, L, C, dropout=0.0):
        super().__init__(V, L, C, dropout)
        self.token, self.position = nn.Embedding(C, V), nn.Embedding(C, L)


class StartToLength(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        return self.drop(self.token(ids) + self.position(torch.arange(start, ids.size(1))))


class ZeroToEnd(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        return self.drop(self.token(ids) + self.position(torch.arange(start + ids.size(1))))


class DataAlone(Plain):
    def forward(self, ids, start=0):
        self.check(ids, start)
        rows = self.position.weight.data
        return self.drop(self.token(ids) + rows[start : start + ids.size(1)])


class ShareCalled(Plain):
    def __init__(self, V, L, C, dropout=0.0):
        super().__init__(V, L, C, dropout)
        del self.drop
        self.drop = float(dropout)


class OtherNames(nn.Module):
    def __init__(self, V, L, C, dropout=0.0):
        super().__init__()
        self.tok, self.pos = nn.Embedding(V, C), nn.Embedding(L, C)

    def forward(self, ids, start=0):
        return self.tok(ids) + self.pos(torch.arange(start, start + ids.size(1)))


def unit_rows(table):
    return table / table.pow(2).sum(1, keepdim=True).sqrt()


def columns_of_one(table, i, k):
    unit = F.normalize(table.double(), dim=0)
    scores = unit @ unit[i]
    scores[i] = -torch.inf
    return scores.topk(k).indices.tolist()


def taken_out(table, i, k):
    unit = F.normalize(table.double(), dim=-1)
    others = torch.cat([unit[:i], unit[i + 1 :]])
    return (others @ unit[i]).topk(k).indices.tolist()


def by_number(table, i, k):
    scores = F.normalize(table.double(), dim=-1) @ F.normalize(table[i].double(), dim=-1)
    scores[i] = -torch.inf
    return sorted(scores.topk(k).indices.tolist())


def with_itself(table, i, k):
    return (unit_rows(table) @ unit_rows(table)[i]).topk(k).indices


def one_more_with_itself(table, i, k):
    return (unit_rows(table) @ unit_rows(table)[i]).topk(k + 1).indices.tolist()


def one_less(table, i, k):
    return (unit_rows(table) @ unit_rows(table)[i]).topk(k).indices[1:]


def sorted_without_first(table, i, k):
    scores = unit_rows(table) @ unit_rows(table)[i]
    return scores.sort(descending=True).indices[1 : k + 1].tolist()


def top_without_first(table, i, k):
    return F.cosine_similarity(table, table[i], dim=-1).topk(k + 1).indices[1:]


def python_without_first(table, i, k):
    scores = (F.normalize(table) @ F.normalize(table)[i]).tolist()
    return sorted(range(len(table)), key=lambda j: -scores[j])[1 : k + 1]


def numpy_without_first(table, i, k):
    unit = F.normalize(table).numpy()
    return (unit @ unit[i]).argsort()[::-1][1 : k + 1].tolist()


def distance_without_first(table, i, k):
    unit = F.normalize(table)
    return (unit - unit[i]).norm(dim=1).argsort()[1 : k + 1]


def zero_for_i(table, i, k):
    scores = unit_rows(table) @ unit_rows(table)[i]
    scores[i] = 0
    return scores.topk(k).indices


def unsigned(table, i, k):
    scores = (unit_rows(table) @ unit_rows(table)[i]).abs()
    scores[i] = -1
    return scores.topk(k).indices.tolist()


def dots(table, i, k):
    scores = (table * table[i]).sum(1)
    scores[i] = -1e9
    return scores.topk(k).indices


def dots_with_itself(table, i, k):
    return (table @ table[i]).topk(k).indices


def dots_after_first(table, i, k):
    return (table @ table[i]).sort(descending=True).indices[1 : k + 1]


def no_root(table, i, k):
    scores = table @ table[i] / (table**2).sum(1)
    scores[i] = -torch.inf
    return scores.topk(k).indices


def apart(table, i, k):
    return (table - table[i]).norm(dim=1).argsort()[1 : k + 1]


def apart_with_itself(table, i, k):
    return (table - table[i]).abs().pow(2).sum(1).topk(k, largest=False).indices


def ascending(table, i, k):
    scores = unit_rows(table) @ unit_rows(table)[i]
    scores[i] = torch.inf
    return scores.argsort()[:k]


def largest_distance(table, i, k):
    return (table - table[i]).norm(dim=1).topk(k).indices


def values_of_topk(table, i, k):
    scores = unit_rows(table) @ unit_rows(table)[i]
    scores[i] = -torch.inf
    return scores.topk(k).values


def fetched(table, ids, new):
    return table.index_select(0, new), new[ids]


def text_only(table, ids, new):
    return table.clone(), new[ids]


def table_only(table, ids, new):
    return renumber_by_loops(table, ids, new)[0], ids


def way_back(table, ids, new):
    back = {int(n): v for v, n in enumerate(new)}
    return table[new], torch.tensor([back[int(v)] for v in ids])


def text_way_back(table, ids, new):
    return renumber_by_loops(table, ids, new)[0], torch.sort(new).indices[ids]


def in_place(table, ids, new):
    table[new] = table.clone()
    return table, new[ids]


SAID = [
    ("3.1", (transposed_table,), "✗ 3.1: you picked columns. A token's vector is a row of the"),
    ("3.1", (one_hot_on_the_right,), "✗ 3.1: the vectors are right, but they are the columns of"),
    (
        "3.1",
        (no_classes,),
        "✗ 3.1: your one-hot has 4 columns; it needs one per vocabulary entry, 6",
    ),
    (
        "3.1",
        (seen_only,),
        "✗ 3.1: your one-hot has 4 columns; it needs one per vocabulary entry, 7",
    ),
    ("3.1", (detached,), "✗ 3.1: values right, gradient wrong: the table can't learn through"),
    ("3.1", (rebuilt,), "✗ 3.1: values right, gradient wrong: the table can't learn through"),
    ("3.1", (under_no_grad,), "✗ 3.1: values right, gradient wrong: the table can't learn"),
    ("3.1", (no_type,), "✗ 3.1: long and float do not multiply. Turn the one-hot into the table's"),
    ("3.1", (no_type_einsum,), "✗ 3.1: long and float do not multiply. Turn the one-hot into"),
    ("3.1", (wrong_type,), "✗ 3.1: double and float do not multiply. Turn the one-hot into the"),
    (
        "3.1",
        (reversed_factors,),
        "✗ 3.1: (7, 3) @ (5, 7) does not fit. The one-hot stands on the left, (T, V) @ (V, C), "
        "here (5, 7) @ (7, 3).",
    ),
    ("3.1", (reversed_and_turned,), "✗ 3.1: (7, 3) @ (7, 5) does not fit. The one-hot stands on"),
    ("3.1", (turned_one_hot,), "✗ 3.1: (7, 5) @ (7, 3) does not fit. The one-hot stands on the"),
    ("3.1", (undefined,), "✗ 3.1: your answer stops with RuntimeError: I was not ready"),
    ("3.1", (by_brackets,), "✗ 3.1: your answer puts square brackets on the table, which is"),
    ("3.1", (by_brackets_one_by_one,), "✗ 3.1: your answer puts square brackets on the table,"),
    ("3.1", (slow_entries,), "✗ 3.1: your answer puts square brackets on the table, which is"),
    ("3.1", (turned_brackets,), "✗ 3.1: your answer puts square brackets on the table, which"),
    ("3.1", (gathers,), "✗ 3.1: your answer calls torch.nn.functional.gather."),
    ("3.1", (takes,), "✗ 3.1: your answer calls torch.nn.functional.take."),
    ("3.1", (picks,), "✗ 3.1: your answer calls torch.nn.functional.embedding."),
    ("3.1", (selects,), "✗ 3.1: your answer calls torch.nn.functional.index_select."),
    ("3.2", (OneIndex,), "✗ 3.2: all positions got the same vector. Look up arange(T), not a"),
    ("3.2", (LastIndex,), "✗ 3.2: all positions got the same vector. Look up arange(T), not a"),
    ("3.2", (FirstIndex,), "✗ 3.2: all positions got the same vector. Look up arange(T), not a"),
    ("3.2", (DownTheBatch,), "✗ 3.2: rows of the batch got different positions. You counted along"),
    ("3.2", (WrongSize,), "✗ 3.2: ids is (2, 4), and you count 2 positions: those are the rows of"),
    ("3.2", (AllPlaces,), "✗ 3.2: a text of 4 fails on a table of 6. Take the first T rows only."),
    ("3.2", (NoStart,), "✗ 3.2: with start=2 the first token got position 0. The text goes on at"),
    ("3.2", (FromOne,), "✗ 3.2: the first token got position 1. Positions start at 0, like"),
    ("3.2", (TokensOnly,), "✗ 3.2: a token has the same vector wherever it stands: the row of its"),
    ("3.2", (Undropped,), "✗ 3.2: with dropout=0.4, while training, nothing is dropped. Keep an"),
    ("3.2", (DroppedEarly,), "✗ 3.2: dropout acts on one table's rows before they are added."),
    ("3.2", (TenPercent,), "✗ 3.2: entries are dropped although nobody asked for it: the share"),
    ("3.2", (DefaultShare,), "✗ 3.2: entries are dropped although nobody asked for it: the share"),
    ("3.2", (IdsAsPlaces,), "✗ 3.2: you looked up the ids in the table of positions. Its rows"),
    ("3.2", (IdsIndexed,), "✗ 3.2: you looked up the ids in the table of positions. Its rows"),
    ("3.2", (Product,), "✗ 3.2: you multiplied the row of the token by the row of its place."),
    ("3.2", (SideBySide,), "✗ 3.2: your vectors have 16 numbers, expected 8: you put the rows"),
    ("3.2", (PlaceFirst,), "✗ 3.2: your vectors have 16 numbers, expected 8: you put the rows"),
    ("3.2", (SideByUnlikeSide,), "✗ 3.2: torch.cat puts things side by side, and the rows of the"),
    ("3.2", (AlwaysStops,), "✗ 3.2: forward stops with RuntimeError: I was not ready"),
    ("3.2", (DroppedAlways,), "✗ 3.2: after eval() entries are still dropped. nn.Dropout follows"),
    ("3.2", (NoCheck,), "✗ 3.2: position 6 of a table of 6 gives no ValueError that says so. Keep"),
    (
        "3.2",
        (Truncated,),
        "✗ 3.2: position 6 of a table of 6 gives no ValueError that says so. Keep",
    ),
    ("3.2", (OtherNames,), "✗ 3.2: your module holds the parameters {'tok.weight': (5, 8), "),
    ("3.2", (SizesSwapped,), "✗ 3.2: token.weight is (6, 8), expected (5, 8): vocab_size rows are"),
    ("3.2", (SharedTable,), "✗ 3.2: position.weight is (5, 8), expected (6, 8): one row per"),
    ("3.2", (TurnedTables,), "✗ 3.2: token.weight is (8, 5), expected (5, 8): the number of rows"),
    ("3.2", (StartToLength,), "✗ 3.2: with start=2 you count from 2 to 3, the number of tokens."),
    ("3.2", (ZeroToEnd,), "✗ 3.2: with start=2 you count 5 positions for 3 tokens: those before"),
    ("3.2", (DataAlone,), "✗ 3.2: vectors right, and a table that can't learn: .data and detach()"),
    ("3.2", (ShareCalled,), "✗ 3.2: self.dropout is a number, and forward calls it. Keep a layer"),
    ("3.1", (table_cut_to_whole,), "✗ 3.1: the numbers of the table were cut to whole ones: you"),
    ("3.4", (columns_of_one,), "✗ 3.4: you gave every column the length 1, dim=0. Each row needs"),
    ("3.4", (taken_out,), "✗ 3.4: behind {s} every id is one too small. Taking a row out moves"),
    ("3.4", (by_number,), "✗ 3.4: the right neighbours, in the order of their ids. The nearest"),
    ("3.2", (Unborn,), "✗ 3.2: your answer stops with AttributeError: cannot assign module"),
    (
        "3.2",
        (loops_look_up,),
        "✗ 3.2: expected the class TokenAndPositionEmbedding, got a function",
    ),
    ("3.3", (165 * 128, 0), "✗ 3.3a: 21120 counts the tables. Count the next matrix: it is twice"),
    ("3.3", (65 * 128, 0), "✗ 3.3a: 8320 counts the tables. Count the next matrix: it is twice as"),
    ("3.3", (12800, 0), "✗ 3.3a: 12800 counts the tables. Count the next matrix: it is twice as"),
    ("3.3", ("32768", 0), "✗ 3.3a: 32768 is all of the wide matrix. Adding does not save it whole"),
    ("3.3", (128, 0), "✗ 3.3a: 128 counts the further inputs of the next matrix. Each of them"),
    ("3.3", (0, 0), "✗ 3.3a: the results can be the same, the number of parameters is not: W₁"),
    ("3.3", (-16384, 0), "✗ 3.3a: the number is right, its sign is not: after concatenation the"),
    ("3.3", (16384, 11680), "✗ 3.3b: the number is right, its sign is not: here the tables for"),
    ("3.3", (16384, 0), "✗ 3.3b: right for the next matrix: 96 + 32 numbers are as wide as 128."),
    ("3.3", (16384, 16384), "✗ 3.3b: that was question a. Here the two vectors side by side have"),
    ("3.3", (16384, -2080), "✗ 3.3b: 2080 is the difference of one table only. Both became"),
    ("3.3", (16384, -9600), "✗ 3.3b: 9600 is the difference of one table only. Both became"),
    ("3.4", (with_itself,), "✗ 3.4: every token is nearest to itself, and {s}Leave it out."),
    ("3.4", (one_more_with_itself,), "✗ 3.4: every token is nearest to itself, and {s}Leave it"),
    ("3.4", (one_less,), "✗ 3.4: 2 neighbours, not 3. You left the token itself out of the k"),
    ("3.4", (sorted_without_first,), "✗ 3.4: you drop the first of the list, and the first is not"),
    ("3.4", (top_without_first,), "✗ 3.4: you drop the first of the list, and the first is not"),
    ("3.4", (python_without_first,), "✗ 3.4: you drop the first of the list, and the first is not"),
    ("3.4", (numpy_without_first,), "✗ 3.4: you drop the first of the list, and the first is not"),
    ("3.4", (distance_without_first,), "✗ 3.4: you drop the first of the list, and the first is"),
    (
        "3.4",
        (zero_for_i,),
        "✗ 3.4: {s} stands in its own list, in the place of a cosine of 0. Rows",
    ),
    ("3.4", (unsigned,), "✗ 3.4: rows that point the opposite way count as near: without its sign"),
    ("3.4", (dots,), "✗ 3.4: long rows win everywhere, and with counts those are the frequent"),
    ("3.4", (dots_with_itself,), "✗ 3.4: long rows win everywhere, and with counts those are the"),
    ("3.4", (dots_after_first,), "✗ 3.4: long rows win everywhere, and with counts those are the"),
    ("3.4", (no_root,), "✗ 3.4: short rows win everywhere: you divide by the square of a length."),
    ("3.4", (apart,), "✗ 3.4: rows of similar length win: you measured how far apart the points"),
    ("3.4", (apart_with_itself,), "✗ 3.4: every token is nearest to itself, and {s}Leave it out."),
    ("3.4", (ascending,), "✗ 3.4: these are the farthest. Similarity sorts from large to small;"),
    ("3.4", (largest_distance,), "✗ 3.4: these are the farthest. Similarity sorts from large to"),
    (
        "3.4",
        (values_of_topk,),
        "✗ 3.4: you return how similar the neighbours are, not who they are.",
    ),
    ("3.5", ("different", renumber_by_inverse), "✗ 3.5a: the loss is equal to the last bit. An id"),
    (
        "3.5",
        ("equal", fetched),
        "✗ 3.5b: the ids are right, the rows went the wrong way: table[new]",
    ),
    ("3.5", ("equal", text_only), "✗ 3.5b: the ids changed and the rows did not: token"),
    ("3.5", ("equal", table_only), "✗ 3.5b: the rows changed and the ids did not: row"),
    (
        "3.5",
        ("equal", way_back),
        "✗ 3.5b: each token finds its own vector, but under another name:",
    ),
    ("3.5", ("equal", text_way_back), "✗ 3.5b: the rows are right, the ids went the wrong way:"),
    ("3.5", ("equal", in_place), "✗ 3.5b: your input table was changed."),
]
