"""Reads the header of a GGUF file without trusting it, before llama.cpp sees the file; loads nothing and logs nothing.

llama.cpp ends the process on some files, so whatever is known to do that is refused here, and whatever does not add up.
What a model will take of the memory follows from its header; see `forecast.py`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from tiny_moa.errors import WeightsInvalid

VERSIONS = (2, 3)
MAX_KEYS, MAX_TENSORS, MAX_ITEMS, MAX_STRING_BYTES, MAX_HEADER_BYTES = 4096, 1 << 16, 1 << 22, 1 << 20, 256 << 20
MAX_BLOCKS = 512
"""llama.cpp ends the process for more."""
KEPT_ITEMS = 1024
"""How many items of an array of numbers are kept; the arrays that describe blocks are shorter, vocabularies longer."""

_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74),
    18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2),
    26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
"""Elements and bytes of one block, by the number of ggml's tensor type (ggml.c, `type_traits`)."""
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_INTEGERS = frozenset("BbHhIiQq")
_LENGTH = struct.Struct("<Q")
_FIRST_READ_BYTES = 4 << 20
_MAX_TENSOR_NAME_BYTES = 63
_TOKEN_TYPES = (0, 6)
_COUNTS = (
    "feed_forward_length", "attention.head_count", "attention.head_count_kv", "attention.key_length",
    "attention.value_length", "attention.sliding_window", "shortconv.l_cache", "ssm.inner_size", "ssm.state_size",
    "ssm.group_count", "ssm.conv_kernel", "ssm.time_step_rank", "rope.dimension_count",
)  # fmt: skip
"""Keys whose value, or each item of it, is a count; some are arrays with one item a block."""
_ADAPTER_ENDS = (".lora_a", ".lora_b")
_LEAST_AND_MOST = {"block_count": (1, MAX_BLOCKS), "embedding_length": (1, 1 << 16), "context_length": (1, 1 << 24)}


@dataclass(frozen=True)
class Tensor:
    """One tensor: its dimensions as ggml writes them, its type's number, and where its data lies.

    Attributes:
        name: Its name.
        dimensions: One to four, the fastest first.
        kind: The number of ggml's tensor type.
        offset: From the start of the data, in bytes.
        bytes: Length of its data.
    """

    name: str
    dimensions: tuple[int, ...]
    kind: int
    offset: int
    bytes: int


@dataclass(frozen=True)
class Array:
    """An array in a header, of which the first `KEPT_ITEMS` numbers are kept; of texts, only how many there are.

    Attributes:
        code: The items' type as `struct` writes it; `s` for texts.
        count: How many items there are.
        items: The first of them, empty for texts.
        least: The smallest item, 0 when there is none.
        most: The largest item, 0 when there is none.
    """

    code: str
    count: int
    items: tuple[float, ...] = ()
    least: float = 0
    most: float = 0


Value = int | float | bool | str | Array


@dataclass(frozen=True)
class Header:
    """What a GGUF file says of itself, checked.

    Attributes:
        path: The file.
        values: Every key with its value.
        tensors: In the order of the file.
        data_start: Where the data of the tensors begins, in bytes from the start of the file.
    """

    path: Path
    values: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    data_start: int

    @property
    def architecture(self) -> str:
        """The model's architecture, such as `llama` or `lfm2`."""
        return str(self.values["general.architecture"])

    @property
    def n_vocabulary(self) -> int:
        """How many tokens the vocabulary has."""
        tokens = self.values.get("tokenizer.ggml.tokens")
        return tokens.count if isinstance(tokens, Array) else 0

    @property
    def weights_bytes(self) -> int:
        """The bytes of all tensors."""
        return sum(tensor.bytes for tensor in self.tensors)

    def number(self, key: str, block: int = 0, *, default: int = 0) -> int:
        """Give a count of the architecture, such as `block_count`; of an array, the item of the block."""
        value = self.values.get(f"{self.architecture}.{key}")
        if isinstance(value, Array):
            return int(value.items[block]) if block < len(value.items) else default
        return value if isinstance(value, int) else default


class _Wrong(Exception):
    """Something in the header does not add up; the text says what."""


def read_header(path: Path) -> Header:
    """Read and check the header of a file; takes 0.1 to 0.5 s, nearly all of it for the vocabulary.

    Raises:
        WeightsInvalid: The file cannot be read, is not GGUF of a version we read, is cut off, contradicts itself, or has
            what is known to end llama.cpp's process.
    """
    return _checked(path, _check, "weights")


def _checked(path: Path, check: Callable[[Header], None], what: str) -> Header:
    try:
        with path.open("rb") as file:
            reader = _Reader(file, path.stat().st_size)
            header = _header(path, reader)
        check(header)
    except _Wrong as exc:
        raise WeightsInvalid(f"the file {path.name!r} cannot be loaded: {exc}; fetch it again or choose another file") from exc
    except OSError as exc:
        raise WeightsInvalid(f"cannot read the {what} {path.name!r}: {exc.strerror}; check the file's permissions") from exc
    return header


def read_adapter(path: Path) -> Header:
    """Read and check the header of a LoRA adapter; whether it fits a model is for llama.cpp to say.

    Raises:
        WeightsInvalid: The file cannot be read, contradicts itself, or is no LoRA adapter.
    """
    return _checked(path, _check_adapter, "adapter")


class _Reader:
    """The bytes of a header in order, read from the file as far as they are needed."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size
        self._bytes = b""
        self.position = 0

    def take(self, count: int) -> bytes:
        """Give the next bytes."""
        start, self.position = self.position, self.position + count
        self.fill(self.position)
        return self._bytes[start : self.position]

    def fill(self, end: int) -> bytes:
        """Have everything up to `end` in memory, and give all that is."""
        if end > min(self.size, MAX_HEADER_BYTES):
            raise _Wrong(f"it ends at byte {self.size}, inside its header" if end > self.size else f"a header of {end} bytes")
        if end > len(self._bytes):  # doubled each time, so that little is copied
            more = max(end - len(self._bytes), len(self._bytes), _FIRST_READ_BYTES)
            self._bytes += self._file.read(min(more, MAX_HEADER_BYTES))
            if end > len(self._bytes):
                raise _Wrong(f"it ends at byte {len(self._bytes)}, inside its header")
        return self._bytes

    def number(self, code: str) -> Any:
        """Give the next number."""
        layout = struct.Struct(f"<{code}")
        return layout.unpack(self.take(layout.size))[0]

    def text(self) -> str:
        """Give the next text; bytes that are not UTF-8 are replaced."""
        return self.take(_short(self.number("Q"), MAX_STRING_BYTES, "a text of {} bytes")).decode("utf-8", "replace")

    def texts(self, count: int) -> list[bytes]:
        """Give the next texts: the vocabulary, so this is the loop that counts."""
        found: list[bytes] = []
        unpack, position, have = _LENGTH.unpack_from, self.position, self.fill(self.position)
        for _ in range(count):
            if position + 8 > len(have):
                have = self.fill(position + 8)
            start = position + 8
            position = start + _short(unpack(have, position)[0], MAX_STRING_BYTES, "a text of {} bytes")
            if position > len(have):
                have = self.fill(position)
            found.append(have[start:position])
        self.position = position
        return found


def _short(count: int, most: int, what: str) -> int:
    if count > most:
        raise _Wrong(f"{what.format(count)}, and at most {most} are read")
    return count


def _header(path: Path, reader: _Reader) -> Header:
    if (magic := reader.take(min(4, reader.size))) != b"GGUF":
        raise _Wrong(f"it begins with {magic!r}, and a GGUF file with b'GGUF'")
    if (version := reader.number("I")) not in VERSIONS:
        raise _Wrong(f"it is GGUF version {version}, readable are 2 and 3")
    n_tensors = _short(reader.number("Q"), MAX_TENSORS, "{} tensors")
    values: dict[str, Value] = {}
    for _ in range(_short(reader.number("Q"), MAX_KEYS, "{} keys")):
        key = reader.text()
        if key in values:
            raise _Wrong(f"the key {key!r} is there twice")
        values[key] = _value(reader, reader.number("I"), key)
    alignment = values.get("general.alignment", 32)
    if type(alignment) is not int or not 8 <= alignment <= 1 << 16 or alignment & (alignment - 1):
        raise _Wrong(f"general.alignment = {alignment!r} is not a power of two from 8 to 65536")
    tensors = tuple(_tensor(reader) for _ in range(n_tensors))
    data_start = -(-reader.position // alignment) * alignment
    _check_tensors(tensors, alignment, reader.size - data_start)
    return Header(path, MappingProxyType(values), tensors, data_start)


def _value(reader: _Reader, kind: int, key: str) -> Value:
    if kind in _SCALARS:
        number: int | float | bool = reader.number(_SCALARS[kind])
        return number
    if kind == _STRING:
        return reader.text()
    if kind != _ARRAY:
        raise _Wrong(f"{key!r} has the unknown type {kind}")
    item = reader.number("I")
    count = _short(reader.number("Q"), MAX_ITEMS, f"{key!r} has {{}} items")
    if item == _STRING:
        texts = reader.texts(count)
        if key == "tokenizer.ggml.tokens":
            _check_tokens(texts)
        return Array("s", count)
    if item not in _SCALARS:
        raise _Wrong(f"{key!r} is an array of the type {item}")
    layout = struct.Struct(f"<{count}{_SCALARS[item]}")
    items = layout.unpack(reader.take(layout.size))
    if _SCALARS[item] in "fd" and not all(map(math.isfinite, items)):
        raise _Wrong(f"{key!r} has an item that is no number")
    return Array(_SCALARS[item], count, items[:KEPT_ITEMS], min(items, default=0), max(items, default=0))


def _check_tokens(texts: list[bytes]) -> None:
    """Two tokens of one text end llama.cpp; it reads C strings, and gives empty ones a name by their place."""
    seen = {text.split(b"\0", 1)[0] or b"[EMPTY_%d]" % index for index, text in enumerate(texts)}
    if len(seen) != len(texts):
        raise _Wrong(f"{len(texts) - len(seen)} tokens have the text of another one")


def _tensor(reader: _Reader) -> Tensor:
    name = reader.text()
    if len(name.encode()) > _MAX_TENSOR_NAME_BYTES:
        raise _Wrong(f"a tensor's name begins with {name[:40]!r} and is longer than {_MAX_TENSOR_NAME_BYTES} bytes")
    if not 1 <= (n_dimensions := reader.number("I")) <= 4:
        raise _Wrong(f"the tensor {name!r} has {n_dimensions} dimensions")
    dimensions = tuple(reader.number("Q") for _ in range(n_dimensions))
    kind, offset = reader.number("I"), reader.number("Q")
    if kind not in _BLOCKS:
        raise _Wrong(f"the tensor {name!r} has the unknown type {kind}")
    elements, width = _BLOCKS[kind]
    if any(not 0 < dimension < 1 << 31 for dimension in dimensions) or dimensions[0] % elements:
        raise _Wrong(f"the tensor {name!r} has the impossible shape {dimensions}")
    return Tensor(name, dimensions, kind, offset, math.prod(dimensions) // elements * width)


def _check_tensors(tensors: Iterable[Tensor], alignment: int, data_bytes: int) -> None:
    seen: set[str] = set()
    for tensor in tensors:
        if tensor.name in seen:
            raise _Wrong(f"the tensor {tensor.name!r} is there twice")
        seen.add(tensor.name)
        if tensor.offset % alignment or tensor.offset + tensor.bytes > data_bytes:
            raise _Wrong(f"the data of the tensor {tensor.name!r} lies outside the file, which may be cut off")


def _check(header: Header) -> None:
    """Refuse what is known to end llama.cpp, and what no model has; the order is the order of the messages' use."""
    values = header.values
    if not isinstance(name := values.get("general.architecture"), str) or not name:
        raise _Wrong(f"general.architecture = {name!r}")
    for key, (least, most) in _LEAST_AND_MOST.items():
        value = values.get(f"{name}.{key}")
        if type(value) is not int or not least <= value <= most:
            raise _Wrong(f"{name}.{key} = {value!r:.80} is not from {least} to {most}")
    for key in _COUNTS:
        if not _is_count(value := values.get(f"{name}.{key}", 0)):
            raise _Wrong(f"{name}.{key} = {value!r:.80} is no count")
    for key, value in values.items():
        if isinstance(value, float) and (not math.isfinite(value) or (key.endswith("epsilon") and value < 0)):
            raise _Wrong(f"{key} = {value}")
    _check_vocabulary(values)
    names = {tensor.name for tensor in header.tensors}
    if name == "falcon-h1":
        for block in range(header.number("block_count")):
            if f"blk.{block}.ssm_conv1d.bias" not in names:
                raise _Wrong(f"falcon-h1 without blk.{block}.ssm_conv1d.bias ends llama.cpp at the first token")


def _check_adapter(header: Header) -> None:
    """An adapter has its two keys, and two matrices for each tensor it changes."""
    for key, wanted in (("general.type", "adapter"), ("adapter.type", "lora")):
        if (value := header.values.get(key)) != wanted:
            raise _Wrong(f"{key} = {value!r:.80}, and a LoRA adapter has {wanted!r}")
    names = {tensor.name for tensor in header.tensors}
    changed = {name.removesuffix(end) for name in names for end in _ADAPTER_ENDS if name.endswith(end)}
    if not names or names != {name + end for name in changed for end in _ADAPTER_ENDS}:
        raise _Wrong(f"its tensors are not pairs of {' and '.join(_ADAPTER_ENDS)}")


def _is_count(value: object) -> bool:
    if isinstance(value, Array):
        return value.code in _INTEGERS and 0 <= value.least <= value.most < 1 << 24
    return type(value) is int and 0 <= value < 1 << 24


def _check_vocabulary(values: Mapping[str, Value]) -> None:
    tokens, types = values.get("tokenizer.ggml.tokens"), values.get("tokenizer.ggml.token_type")
    if not isinstance(tokens, Array) or tokens.code != "s" or not tokens.count:
        raise _Wrong("it has no vocabulary (tokenizer.ggml.tokens)")
    for key, of_type in (("token_type", _INTEGERS), ("scores", frozenset("f"))):
        array = values.get(f"tokenizer.ggml.{key}")
        if array is not None and not (isinstance(array, Array) and array.code in of_type and array.count == tokens.count):
            raise _Wrong(f"tokenizer.ggml.{key} = {array!r:.80} does not fit {tokens.count} tokens")
    if isinstance(types, Array) and not _TOKEN_TYPES[0] <= types.least <= types.most <= _TOKEN_TYPES[1]:
        raise _Wrong(f"a token type is outside {_TOKEN_TYPES[0]} to {_TOKEN_TYPES[1]}")
