"""Values as bytes that nothing is executed from: what a submission's process sends back.

A head in JSON and the bytes of the tensors behind it. What is none of the known kinds goes as its
type and a short text, so that a message can still name it; a function or module keeps a number,
under which the process that holds it can be asked to call it.
"""

import json
import numbers
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

MAX_BYTES = 256 * 2**20
MAX_DEPTH = 50
MAX_TEXT = 300  # of what a value looks like; a text that is a value itself may be longer
DTYPES = {
    name: getattr(torch, name)
    for name in "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 "
    "complex64 complex128".split()
}
HEAD = struct.Struct(">Q")


class NotPlain(BaseException):
    """An input that can't go as plain data; not an Exception, so that no answer swallows it."""


@dataclass(frozen=True)
class Shadow:
    """What is told of a value that stays where it is.

    kind: name of its type; role: "function", "class", "module" or "thing"; number: under which it
    is kept, or None; shown: its repr, cut; names: of its arguments; config: of a module, plain.
    """

    kind: str
    role: str = "thing"
    number: int | None = None
    shown: str = ""
    names: tuple[str, ...] = ()
    config: Mapping | None = None


class Other:
    """In the judge, a value that stayed in the submission's process; see `other`."""

    shown = ""

    def __repr__(self) -> str:
        return self.shown


class Sorted(set):
    """A set that messages show in the same order in every run."""

    def __repr__(self) -> str:
        return f"{{{', '.join(sorted(map(repr, self)))}}}" if self else "set()"


def other(shadow: Shadow) -> Other:
    """A stand-in whose type has the name of the value's own type."""
    made = type(shadow.kind, (Other,), {})()
    made.shown = shadow.shown
    return made


def encode(value: Any, shadow: Callable[[Any], Shadow] | None = None) -> bytes:
    """A value as bytes.

    Args:
        shadow: what to tell of a value of no plain kind; without it there may be none.
    Raises:
        NotPlain: there is one; ValueError: it takes more than MAX_BYTES.
    """
    writer = _Writer(shadow)
    head = json.dumps(writer.node(value)).encode()
    if len(head) + writer.size > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    return b"".join([HEAD.pack(len(head)), head, *writer.buffers])


class _Writer:
    def __init__(self, shadow: Callable[[Any], Shadow] | None):
        self.shadow, self.buffers, self.size = shadow, [], 0

    def node(self, value: Any, depth: int = 0) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, numbers.Integral):
            return int(value)
        if isinstance(value, float):
            return float(value)
        if depth < MAX_DEPTH and (found := self._collection(value, depth + 1)):
            return found
        return self._torch(value) or self._other(value)

    def _collection(self, value: Any, depth: int) -> list | None:
        if isinstance(value, Mapping):
            pairs = [[self.node(k, depth), self.node(v, depth)] for k, v in value.items()]
            counts = isinstance(value, Counter) or getattr(value, "default_factory", None) is int
            return ["counter" if counts else "dict", pairs]
        for name, kinds in (("list", list), ("tuple", tuple), ("set", (set, frozenset))):
            if isinstance(value, kinds):
                return [name, [self.node(each, depth) for each in value]]
        return None

    def _torch(self, value: Any) -> list | None:
        if isinstance(value, torch.dtype):
            return ["dtype", str(value).removeprefix("torch.")]
        if isinstance(value, torch.device):
            return ["device", str(value)]
        if isinstance(value, torch.Generator):
            return ["generator", value.get_state().numpy().tobytes().hex()]
        is_given = isinstance(value, torch.Tensor) and self.shadow is None
        if is_given and (value.requires_grad or value.grad is not None):
            raise NotPlain("a tensor with a gradient")
        name = str(getattr(value, "dtype", "")).removeprefix("torch.")
        if not isinstance(value, torch.Tensor) or value.layout != torch.strided:
            return None
        if name not in DTYPES or value.device.type not in ("cpu", "meta"):
            return None
        shape = list(value.shape)
        if value.device.type == "meta":
            return ["meta", name, shape]
        self.size += value.numel() * value.element_size()
        if self.size > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        flat = value.detach().resolve_conj().resolve_neg().contiguous().flatten()
        self.buffers.append(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
        return ["tensor", name, shape]

    def _other(self, value: Any) -> list:
        if self.shadow is None:
            raise NotPlain(type(value).__name__)
        made = self.shadow(value)
        config = None if made.config is None else self.node(dict(made.config))
        names = list(made.names)
        return ["other", made.kind, made.role, made.number, made.shown, names, config]


def decode(data: bytes, revive: Callable[[Shadow], Any] = other) -> Any:
    """The value that bytes stand for, however they were made.

    Args:
        revive: what to put in the place of a value that stayed in the other process.
    Raises:
        ValueError: they stand for none.
    """
    try:
        (length,) = HEAD.unpack_from(data)
        head = json.loads(data[HEAD.size : HEAD.size + length])
        reader = _Reader(memoryview(data)[HEAD.size + length :], revive)
        value = reader.value(head)
    except (
        *(ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError),
        struct.error,
    ) as error:
        raise ValueError(f"what came back can't be read: {error}") from None
    if len(reader.rest):
        raise ValueError("what came back can't be read: it goes on after its end")
    return value


class _Reader:
    def __init__(self, rest: memoryview, revive: Callable[[Shadow], Any]):
        self.rest, self.revive = rest, revive

    def value(self, node: Any) -> Any:
        if not isinstance(node, list):
            if isinstance(node, dict):
                raise ValueError("a dict in the head")
            return node
        kind, *rest = node
        if kind in ("dict", "counter"):
            pairs = {self.value(key): self.value(value) for key, value in rest[0]}
            return pairs if kind == "dict" else Counter(pairs)
        if kind in ("list", "tuple", "set"):
            return {"list": list, "tuple": tuple, "set": Sorted}[kind](map(self.value, rest[0]))
        if kind == "tensor":
            return self._tensor(*rest)
        if kind == "meta":
            return torch.empty(_shape(rest[1]), dtype=DTYPES[rest[0]], device="meta")
        if kind == "dtype":
            return DTYPES[rest[0]]
        if kind == "device":
            return torch.device(rest[0])
        if kind == "generator":
            return _generator(bytes.fromhex(rest[0]))
        if kind == "other":
            return self._other(*rest)
        raise ValueError(f"no kind {kind!r}")

    def _tensor(self, name: str, shape: list) -> torch.Tensor:
        dtype, shape = DTYPES[name], _shape(shape)
        size = prod(shape) * dtype.itemsize
        if size > len(self.rest):
            raise ValueError("a tensor longer than what is there")
        raw, self.rest = bytearray(self.rest[:size]), self.rest[size:]
        if not raw:
            return torch.empty(shape, dtype=dtype)
        flat = torch.frombuffer(raw, dtype=torch.uint8)
        return (flat != 0 if dtype == torch.bool else flat.view(dtype)).reshape(shape)

    def _other(self, kind, role, number, shown, names, config) -> Any:
        return self.revive(
            Shadow(
                _cut(kind, 60) if str(kind).isidentifier() else "object",
                str(role),
                None if number is None else int(number),
                _cut(shown, MAX_TEXT),
                tuple(_cut(name, 60) for name in names[:100]),
                None if config is None else dict(self.value(config)),
            )
        )


def _shape(sizes: list) -> tuple[int, ...]:
    if not all(isinstance(size, int) and 0 <= size < 2**40 for size in sizes):
        raise ValueError("a size that is none")
    return tuple(sizes)


def _generator(state: bytes) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    return generator


def _cut(text: object, length: int) -> str:
    return str(text)[:length]
