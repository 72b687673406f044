from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gguf_files import ARCHITECTURES, write_parrot, write_random
from tests.gguf_headers import ARRAY, F32, KEYS, STRING, TENSORS, U32, header_bytes
from tiny_moa.catalog import load_catalog
from tiny_moa.errors import WeightsInvalid
from tiny_moa.models.forecast import SEQUENCES, allows_quantised_cache, cells, forecast
from tiny_moa.models.gguf import Array, Header, read_header
from tiny_moa.models.runtime import LoadOptions
from tiny_moa.models.weights import WeightStore


def read(folder: Path, raw: bytes) -> Header:
    path = folder / "m.gguf"
    path.write_bytes(raw)
    return read_header(path)


def with_keys(**changes: tuple[int, Any] | None) -> dict[str, tuple[int, Any]]:
    """Change keys of the plain header; `__` stands for the point, `None` takes a key away."""
    keys = {**KEYS, **{name.replace("__", "."): value for name, value in changes.items() if value is not None}}
    return {name: value for name, value in keys.items() if changes.get(name.replace(".", "__"), value) is not None}


def test_a_header_is_read_with_what_the_forecast_needs(tmp_path: Path) -> None:
    header = read(tmp_path, header_bytes())
    assert (header.architecture, header.n_vocabulary, header.weights_bytes) == ("llama", 3, 3072)
    assert (header.number("block_count"), header.number("rope.dimension_count", default=7)) == (2, 7)
    assert header.values["tokenizer.ggml.token_type"] == Array("I", 3, (1, 1, 3), 1, 3)
    assert [tensor.name for tensor in header.tensors] == ["token_embd.weight"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_files_other_programs_write_are_accepted(tmp_path: Path, architecture: str) -> None:
    header = read_header(write_random(tmp_path / "m.gguf", architecture))
    assert header.architecture == architecture
    assert forecast(header, LoadOptions()).weights < (tmp_path / "m.gguf").stat().st_size


def test_the_embedded_model_is_accepted() -> None:
    path = WeightStore().find(load_catalog().models["smollm2-135m"])
    assert path is not None
    header = read_header(path)
    assert (header.architecture, header.n_vocabulary, header.number("block_count")) == ("llama", 49_152, 30)
    assert 85 << 20 < header.weights_bytes < path.stat().st_size


def test_a_file_is_refused_when_it_is_cut_off_anywhere(tmp_path: Path) -> None:
    raw = header_bytes()
    for length in range(0, len(raw), 7):
        with pytest.raises(WeightsInvalid, match=r"m\.gguf.*fetch it again"):
            read(tmp_path, raw[:length])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsInvalid, match="cannot read"):
        read_header(tmp_path / "gone.gguf")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"PK\x03\x04" + bytes(40), "begins with b'PK"),
        (b"<html>", "begins with b'<htm'"),
        (header_bytes(version=1), "version 1"),
        (header_bytes(version=9), "version 9"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 1), "1099511627776 tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 1 << 40), "1099511627776 keys"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 1 << 62) + bytes(99), "a text of"),
        (header_bytes([*KEYS.items(), ("general.architecture", (STRING, "llama"))]), "there twice"),
        (header_bytes(tensors=TENSORS * 2), "there twice"),
        (header_bytes(data_bytes=3071), "outside the file"),
        (header_bytes(tensors=[("t", (256, 3), 0, 8)]), "outside the file"),
        (header_bytes(tensors=[("t", (256, 3), 99, 0)]), "unknown type 99"),
        (header_bytes(tensors=[("t", (), 0, 0)]), "0 dimensions"),
        (header_bytes(tensors=[("t", (1,) * 5, 0, 0)]), "5 dimensions"),
        (header_bytes(tensors=[("t", (0,), 0, 0)]), "impossible shape"),
        (header_bytes(tensors=[("t", (1 << 40,), 0, 0)]), "impossible shape"),
        (header_bytes(tensors=[("t", (1 << 30, 1 << 30, 1 << 30, 1 << 30), 0, 0)]), "outside the file"),
        (header_bytes(tensors=[("t", (100,), 12, 0)]), "impossible shape"),
        (header_bytes(tensors=[("t" * 64, (1,), 0, 0)]), "longer than 63"),
    ],
)
def test_what_does_not_add_up_is_refused_with_the_reason(tmp_path: Path, raw: bytes, words: str) -> None:
    with pytest.raises(WeightsInvalid, match=words):
        read(tmp_path, raw)


def tokens(items: list[str]) -> tuple[int, Any]:
    return (ARRAY, (STRING, items))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"general__architecture": None}, "general.architecture = None"),
        ({"general__architecture": (U32, 1)}, "general.architecture = 1"),
        ({"llama__block_count": (U32, 0)}, "block_count = 0"),
        ({"llama__block_count": (U32, 513)}, "block_count = 513"),
        ({"llama__block_count": None}, "block_count = None"),
        ({"llama__block_count": (F32, 2.0)}, "block_count = 2.0"),
        ({"llama__block_count": (7, True)}, "block_count = True"),
        ({"llama__embedding_length": (U32, 0)}, "embedding_length = 0"),
        ({"llama__context_length": (U32, 1 << 30)}, "context_length"),
        ({"llama__feed_forward_length": (5, -1)}, "feed_forward_length = -1"),
        ({"llama__attention__head_count_kv": (ARRAY, (5, [1, -1]))}, "head_count_kv"),
        ({"llama__attention__layer_norm_rms_epsilon": (F32, math.nan)}, "epsilon = nan"),
        ({"llama__attention__layer_norm_rms_epsilon": (F32, -1.0)}, "epsilon = -1"),
        ({"llama__rope__freq_base": (F32, math.inf)}, "freq_base = inf"),
        ({"tokenizer__ggml__tokens": None}, "no vocabulary"),
        ({"tokenizer__ggml__tokens": tokens(["a", "b", "a"])}, "1 tokens have the text of another"),
        ({"tokenizer__ggml__tokens": tokens(["a\0x", "a", "b"])}, "1 tokens have the text of another"),
        ({"tokenizer__ggml__tokens": tokens(["", "b", "[EMPTY_0]"])}, "1 tokens have the text of another"),
        ({"tokenizer__ggml__token_type": (ARRAY, (U32, [1, 1, 7]))}, "outside 0 to 6"),
        ({"tokenizer__ggml__token_type": (ARRAY, (5, [1, -1, 3]))}, "outside 0 to 6"),
        ({"tokenizer__ggml__token_type": (ARRAY, (U32, [1, 1]))}, "does not fit 3 tokens"),
        ({"tokenizer__ggml__scores": (ARRAY, (F32, [1.0]))}, "does not fit 3 tokens"),
        ({"tokenizer__ggml__scores": (ARRAY, (F32, [1.0, math.nan, 1.0]))}, "no number"),
        ({"general__alignment": (U32, 12)}, "alignment = 12"),
        ({"general__alignment": (F32, 32.0)}, "alignment = 32.0"),
        ({"strange": (ARRAY, (ARRAY, []))}, "array of the type 9"),
    ],
)
def test_what_ends_llama_cpp_is_refused_with_the_key_and_its_value(
    tmp_path: Path, changes: Mapping[str, Any], words: str
) -> None:
    with pytest.raises(WeightsInvalid, match=words):
        read(tmp_path, header_bytes(with_keys(**changes)))


def test_falcon_without_the_bias_of_its_convolution_is_refused(tmp_path: Path) -> None:
    path = write_random(tmp_path / "m.gguf", "falcon-h1")
    path.write_bytes(path.read_bytes().replace(b"blk.1.ssm_conv1d.bias", b"blk.1.ssm_conv1d.vias"))
    with pytest.raises(WeightsInvalid, match=r"blk\.1\.ssm_conv1d\.bias ends llama\.cpp"):
        read_header(path)


def mutated(raw: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """Put bytes in place of others, at places within the header."""
    data = bytearray(raw)
    for place, length, news in changes:
        data[place % len(data) : place % len(data) + length] = news
    return bytes(data)


CHANGES = st.lists(
    st.tuples(
        st.integers(0, 1 << 16),
        st.sampled_from([0, 1, 2, 4, 8, 8, 8]),
        st.one_of(
            st.binary(max_size=8),
            st.integers(-(2**63), 2**64 - 1).map(lambda n: struct.pack("<Q", n % 2**64)),
            st.sampled_from([struct.pack("<f", math.nan), struct.pack("<d", math.inf), bytes(4), b"\xff" * 8]),
        ),
    ),
    min_size=1,
    max_size=6,
)


@given(changes=CHANGES)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_mutated_header_is_read_or_refused_and_never_anything_else(
    changes: list[tuple[int, int, bytes]], tmp_path: Path
) -> None:
    with contextlib.suppress(WeightsInvalid):
        header = read(tmp_path, mutated(header_bytes(), changes))
        parts = forecast(header, LoadOptions(kv_type="q8_0"))
        assert 0 < parts.parked <= parts.total
        assert allows_quantised_cache(header) in (True, False)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@given(changes=CHANGES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_same_holds_for_whole_models(
    architecture: str, changes: list[tuple[int, int, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    if not (path := folder / f"{architecture}.gguf").exists():
        write_random(path, architecture)
    raw = path.read_bytes()
    with contextlib.suppress(WeightsInvalid):
        header = read(folder, mutated(raw[: 1 << 15], changes) + raw[1 << 15 :])
        assert forecast(header, LoadOptions()).total > 0


# -- the forecast -----------------------------------------------------------------------------------------------------


def changed(tmp_path: Path, **changes: tuple[int, Any] | None) -> Header:
    return read(tmp_path, header_bytes(with_keys(**changes)))


def test_the_cache_grows_with_context_heads_and_type(tmp_path: Path) -> None:
    header = read(tmp_path, header_bytes())
    plain = forecast(header, LoadOptions(context_tokens=4096))
    assert plain.kv == 4096 * 2 * 2 * (64 + 64) * 2
    assert forecast(header, LoadOptions(context_tokens=2048)).kv * 2 == plain.kv
    assert forecast(header, LoadOptions(context_tokens=4096, kv_type="q8_0")).kv == plain.kv * 34 // 64
    assert plain.kept == plain.kv * 3 // 4
    assert plain.total - plain.parked == plain.kv + plain.recurrent + plain.kept + plain.compute
    assert plain.recurrent == plain.repack == 0


def test_no_more_cells_are_opened_than_the_model_was_trained_for(tmp_path: Path) -> None:
    header = read(tmp_path, header_bytes())
    assert (cells(header, 100), cells(header, 4096), cells(header, 1 << 20)) == (256, 4096, 8192)


def test_a_block_without_attention_has_a_state_in_place_of_a_cache(tmp_path: Path) -> None:
    mixed = forecast(read_header(write_random(tmp_path / "lfm2.gguf", "lfm2")), LoadOptions(context_tokens=2048))
    assert mixed.kv == 2048 * 2 * (32 + 32) * 2
    assert mixed.recurrent == SEQUENCES * 2 * 4 * 2 * 64
    both = forecast(read_header(write_random(tmp_path / "h1.gguf", "falcon-h1")), LoadOptions(context_tokens=2048))
    assert both.kv == 2 * mixed.kv
    assert both.recurrent == SEQUENCES * 4 * 4 * (3 * (64 + 2 * 16) + 16 * 64)


@pytest.mark.parametrize(("size", "allowed"), [(64, True), (80, False), (16, False)])
def test_a_cache_is_quantised_only_when_its_blocks_fill_the_heads(tmp_path: Path, size: int, allowed: bool) -> None:
    header = changed(tmp_path, llama__attention__key_length=(U32, size), llama__attention__value_length=(U32, 64))
    assert allows_quantised_cache(header) is allowed


def test_a_parrots_vocabulary_is_counted(tmp_path: Path) -> None:
    header = read_header(write_parrot(tmp_path / "m.gguf", (" Paris", " is")))
    assert forecast(header, LoadOptions()).vocabulary == 258 * header.n_vocabulary > 0
