"""LoRA adapters: a domain's fine-tune is one more table over a base model."""

from __future__ import annotations

import textwrap
from pathlib import Path

import anyio
import numpy as np
import pytest

from tests.engine_alone import AloneEngine
from tests.fakes import Recorder, ScriptedLauncher
from tests.gguf_files import HYBRIDS, write_adapter, write_correction, write_parrot, write_random
from tests.pools import FULL, MIB, Bench, forecast_of, header, soon
from tiny_moa.catalog import ModelSpec, load_catalog
from tiny_moa.errors import WeightsInvalid, WeightsMissing
from tiny_moa.models.engine import EngineOptions, EngineRequest
from tiny_moa.models.forecast import forecast
from tiny_moa.models.gguf import read_adapter
from tiny_moa.models.llama import LlamaLauncher
from tiny_moa.models.runtime import AdapterFile, CompletionRequest, Launcher, LoadOptions, Message
from tiny_moa.models.weights import WeightStore
from tiny_moa.models.xllama import XllamaLauncher

SAYS = ("Paris", " is", " in", " France", " the", " capital")
ASK = (Message("user", "Where is Paris?"),)


def parrot(folder: Path) -> Path:
    return write_parrot(folder / "parrot.gguf", SAYS)


def correction(folder: Path) -> Path:
    return write_correction(folder / "law.gguf", SAYS, after=" is", instead=" the")


def catalogue(folder: Path, adapter: str) -> Path:
    file = folder / "catalogue.toml"
    file.write_text(
        textwrap.dedent(f"""
        [models.law]
        title = "Law"
        path = "parrot.gguf"
        adapter = {{ {adapter} }}
        """),
        "utf-8",
    )
    return file


def test_a_header_of_an_adapter_is_read_with_the_bytes_it_adds(tmp_path: Path) -> None:
    file = read_adapter(correction(tmp_path))
    assert file.weights_bytes == sum(tensor.bytes for tensor in file.tensors) > 0


@pytest.mark.parametrize("end", [10, 200, -2000])
def test_an_adapter_that_is_cut_off_is_refused(tmp_path: Path, end: int) -> None:
    file = correction(tmp_path)
    file.write_bytes(file.read_bytes()[:end])
    with pytest.raises(WeightsInvalid, match=r"law\.gguf"):
        read_adapter(file)


def test_a_model_is_no_adapter(tmp_path: Path) -> None:
    with pytest.raises(WeightsInvalid, match=r"general\.type = None"):
        read_adapter(parrot(tmp_path))


def test_an_adapter_without_its_second_matrix_is_refused(tmp_path: Path) -> None:
    file = correction(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"output.weight.lora_b", b"output.weight.lora_x"))
    with pytest.raises(WeightsInvalid, match="not pairs"):
        read_adapter(file)


def test_the_store_finds_an_adapter_and_says_what_to_do_when_it_is_not_there(tmp_path: Path) -> None:
    parrot(tmp_path)
    spec = load_catalog(catalogue(tmp_path, "path = 'law.gguf', scale = 0.5")).models["law"]
    store = WeightStore()
    assert not store.is_present(spec)
    with pytest.raises(WeightsMissing, match=r"'law\.gguf', which does not exist"):
        store.locate_adapter(spec)
    file = correction(tmp_path)
    assert store.is_present(spec)
    assert store.locate_adapter(spec) == AdapterFile(file, 0.5, read_adapter(file).weights_bytes)


def test_an_adapter_of_a_hub_is_pulled(tmp_path: Path) -> None:
    parrot(tmp_path)
    spec = load_catalog(catalogue(tmp_path, "source = { repo = 'us/law', file = 'law.gguf' }")).models["law"]
    with pytest.raises(WeightsMissing, match="tiny-moa pull law"):
        WeightStore(tmp_path / "models").locate_adapter(spec)


def test_the_forecast_counts_an_adapter_also_when_the_model_is_parked() -> None:
    adapted = LoadOptions(FULL.context_tokens, adapter=AdapterFile(Path("a.gguf"), 1.0, 7 * MIB))
    expected = forecast(header(Path("x.gguf")), adapted)
    assert expected.total == forecast_of().total + 7 * MIB
    assert expected.parked == forecast_of().parked + 7 * MIB


async def test_the_pool_loads_a_model_with_its_adapter() -> None:
    adapter = AdapterFile(Path("law.gguf"), 0.5, 7 * MIB)
    seen: list[LoadOptions] = []

    class Noting(ScriptedLauncher):
        async def __call__(self, spec: ModelSpec, weights: Path, options: LoadOptions) -> object:  # type: ignore[override]
            seen.append(options)
            return await super().__call__(spec, weights, options)

    bench = Bench(Noting("hi"), adapter=adapter)
    model = ModelSpec(name="law", title="Law", file="base.gguf")
    async with bench.pool() as pool, pool.lease(model, deadline=soon(), listener=Recorder()):
        assert pool.statistics().used_bytes == forecast_of().total + 7 * MIB
    assert [options.adapter for options in seen] == [adapter]


@pytest.mark.llama
@pytest.mark.parametrize(("scale", "text"), [(1.0, "Paris is the capital"), (0.0, "Paris is in France the capital")])
def test_an_adapter_changes_what_a_model_says_as_much_as_its_scale(tmp_path: Path, scale: float, text: str) -> None:
    options = EngineOptions(512, adapter=AdapterFile(correction(tmp_path), scale, 1))
    engine = AloneEngine("law", parrot(tmp_path), options)
    try:
        for _ in range(2):  # parked in between: the next context has the adapter too
            assert engine.complete(EngineRequest(ASK, 20), lambda event, text: None).text == text
            engine.engine.park()
    finally:
        engine.close()


@pytest.mark.llama
@pytest.mark.parametrize("architecture", HYBRIDS)
def test_an_adapter_is_laid_over_hybrid_models_too(tmp_path: Path, architecture: str) -> None:
    base = write_random(tmp_path / "base.gguf", architecture)
    random = np.random.default_rng(1)
    change = (random.standard_normal((2, 64)), random.standard_normal((128, 2)))
    adapter = write_adapter(tmp_path / "a.gguf", {"blk.1.ffn_gate.weight": change}, architecture=architecture)
    scores = []
    for laid in (None, AdapterFile(adapter, 1.0, 1)):
        engine = AloneEngine("m", base, EngineOptions(512, adapter=laid))
        scores.append(engine.score(EngineRequest(ASK), ["a", "b", "c"]))
        engine.close()
    assert scores[0] != scores[1]


@pytest.mark.llama
def test_an_adapter_of_another_model_is_refused_by_name(tmp_path: Path) -> None:
    base = write_random(tmp_path / "base.gguf", "llama")
    with pytest.raises(WeightsInvalid, match=r"cannot lay the adapter 'law\.gguf' over model 'law'"):
        AloneEngine("law", base, EngineOptions(512, adapter=AdapterFile(correction(tmp_path), 1.0, 1)))


@pytest.mark.llama
@pytest.mark.parametrize("launcher", [LlamaLauncher(1), XllamaLauncher(1)], ids=["llama", "xllama"])
async def test_both_engines_lay_an_adapter_over_a_model(tmp_path: Path, launcher: Launcher) -> None:
    spec = ModelSpec(name="law", title="Law", path=parrot(tmp_path))
    options = LoadOptions(512, adapter=AdapterFile(correction(tmp_path), 1.0, 1))
    assert spec.path is not None
    runtime = await launcher(spec, spec.path, options)
    try:
        request = CompletionRequest(ASK, 20)
        completion = await runtime.complete(request, deadline=anyio.current_time() + 60, listener=Recorder())
        assert completion.text == "Paris is the capital"
    finally:
        await runtime.aclose()
