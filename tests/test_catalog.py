from __future__ import annotations

from pathlib import Path

import pytest

from tiny_moa.catalog import load_catalog
from tiny_moa.errors import CatalogError, UnknownExpert
from tiny_moa.experts.documents import DocumentLibrary  # noqa: F401  the documents kind must be importable without docling

LABELS = {"OCR", "CODER", "REASONER", "LINUX", "TOOL_CALLER", "MULTILINGUAL", "AUDIO"}
TOOLS = {"solve_math", "write_code", "call_tool", "parse_document", "linux_command"}


def write(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_built_in_catalogue_has_every_expert_and_tool() -> None:
    catalog = load_catalog()
    assert {expert.label for expert in catalog.experts.values()} == LABELS
    assert {expert.tool for expert in catalog.experts.values() if expert.tool} == TOOLS


def test_the_embedded_profile_uses_one_model_in_every_role() -> None:
    catalog = load_catalog()
    models = {catalog.expert_model(expert, "embedded").name for expert in catalog.experts.values()}
    assert models == {catalog.brain_model("embedded").name} == {"smollm2-135m"}


def test_a_users_table_adds_an_expert_and_overrides_single_fields(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        [experts.poet]
        title = "Poet"
        description = "writes verse"
        kind = "chat"
        cues = ['\\bpoem\\b']
        [experts.coder]
        max_tokens = 77
        """,
    )
    catalog = load_catalog(file)
    assert catalog.expert("POET").template == "experts/poet"
    assert catalog.expert("coder").max_tokens == 77
    assert catalog.expert("coder").title == load_catalog().expert("coder").title


def test_a_users_path_counts_from_the_catalogue_and_drops_the_old_files_digest(tmp_path: Path) -> None:
    spec = load_catalog(write(tmp_path, '[models.smollm2-135m]\npath = "weights/other.gguf"\n')).models["smollm2-135m"]
    assert spec.path == tmp_path / "weights" / "other.gguf"
    assert (spec.sha256, spec.bytes, spec.packaged) == (None, None, None)
    assert spec.licence == "Apache-2.0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[models.x]\ntitle = 'X'\n", "file, path or packaged"),
        ("[profiles.p]\ntitle = 'P'\nbrain = 'nobody'\ndefault = 'smollm2-135m'\n", "nobody"),
        ("[experts.coder]\nkind = 'wizard'\n", "experts.coder.kind"),
        ("[experts.coder]\ncues = ['(']\n", "regular expression"),
        ("[experts.coder]\ncolour = 'red'\n", "colour"),
        ("[experts.poet]\ntitle = 'P'\ndescription = 'd'\nkind = 'chat'\ntool = 'write_code'\n", "write_code"),
        ("not toml", "mine.toml"),
        ("models = 3\n", "tables"),
    ],
)
def test_a_wrong_catalogue_names_the_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CatalogError) as caught:
        load_catalog(write(tmp_path, text))
    assert words in str(caught.value)


def test_a_missing_catalogue_and_an_unknown_profile_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="nowhere"):
        load_catalog(tmp_path / "nowhere.toml")
    with pytest.raises(CatalogError, match="choose one of: embedded"):
        load_catalog().profile("giant")


def test_an_unknown_expert_lists_the_known_ones() -> None:
    with pytest.raises(UnknownExpert) as caught:
        load_catalog().expert("wizard")
    assert caught.value.name == "wizard"
    assert "coder" in caught.value.known


# -- models of the hub ----------------------------------------------------------------------------------------------

ROWS = {
    "LFM2.5-1.2B-Thinking", "LFM2.5-1.2B-Instruct", "LFM2.5-1.2B-JP", "Falcon-H1-Tiny-R-0.6B", "Falcon-H1-Tiny-R-90M",
    "Falcon-H1-Tiny-Coder-90M", "Falcon-H1-Tiny-Tool-Calling-90M", "Falcon-H1-Tiny-Multilingual-100M-Instruct",
    "Qwen2.5-Coder-0.5B-Instruct", "FunctionGemma-270M-it", "LightOnOCR-2-1B", "granite-docling-258M", "LFM2.5-VL-1.6B",
    "LFM2.5-Audio-1.5B", "Youtu-LLM-2B", "HybriKo-117M-LinuxFC-SFT-v2",
}  # fmt: skip


def test_every_model_of_the_source_has_an_entry_with_what_a_pull_needs() -> None:
    models = load_catalog().models.values()
    assert {spec.title for spec in models} >= ROWS
    for spec in models:
        assert spec.licence and spec.context_tokens <= 8192
        if not spec.unavailable:
            assert spec.total_bytes
            assert spec.packaged or all(file.repo for file in spec.hub_files)
        if spec.verified.size:
            assert spec.bytes
        assert spec.sampling.temperature != 0 or "falcon-h1-tiny-r" not in spec.name, "the reasoners are never greedy"


def test_a_model_that_cannot_run_says_why_and_what_takes_its_place() -> None:
    hybriko = load_catalog().models["hybriko-117m-linuxfc"]
    assert "architecture" in hybriko.unavailable
    assert "pickle" in hybriko.unavailable
    assert "linux expert" in hybriko.instead
    assert hybriko.hub_files == ()


@pytest.mark.parametrize("profile", ["standard", "full"])
def test_every_role_of_the_larger_profiles_ends_with_the_embedded_model(profile: str) -> None:
    catalog = load_catalog()
    chains = [catalog.expert_models(expert, profile) for expert in catalog.experts.values()]
    assert all(chain[-1].name == "smollm2-135m" for chain in [*chains, catalog.brain_models(profile)])


def test_the_standard_profile_is_the_recommended_set() -> None:
    catalog = load_catalog()
    chosen = {name: catalog.expert_model(catalog.expert(name), "standard").name for name in ("reasoner", "tool_caller")}
    assert chosen == {"reasoner": "falcon-h1-tiny-r-0.6b", "tool_caller": "falcon-h1-tiny-tool-calling-90m"}
    assert catalog.brain_model("standard").name == "lfm2.5-1.2b-thinking"


def test_the_projector_shares_the_models_repository_and_counts_in_its_size() -> None:
    spec = load_catalog().models["lfm2.5-vl-1.6b"]
    weights, projector = spec.hub_files
    assert (weights.repo, projector.file) == (projector.repo, "mmproj-LFM2.5-VL-1.6b-Q8_0.gguf")
    assert spec.total_bytes == 695752160 + 583109888


def test_a_domain_model_is_a_base_with_an_adapter(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        [models.law]
        title = "Law"
        path = "base.gguf"
        adapter = { path = "law-lora.gguf", scale = 0.8 }
        [profiles.standard]
        brain = ["law", "smollm2-135m"]
        """,
    )
    catalog = load_catalog(file)
    adapter = catalog.models["law"].adapter
    assert adapter is not None
    assert (adapter.path, adapter.scale) == (tmp_path / "law-lora.gguf", 0.8)
    assert [spec.name for spec in catalog.brain_models("standard")] == ["law", "smollm2-135m"]


def test_a_path_of_the_users_makes_a_model_without_a_file_usable(tmp_path: Path) -> None:
    spec = load_catalog(write(tmp_path, "[models.falcon-h1-tiny-coder-90m]\npath = 'mine.gguf'\n")).models[
        "falcon-h1-tiny-coder-90m"
    ]
    assert (spec.unavailable, spec.path, spec.family) == ("", tmp_path / "mine.gguf", "falcon-h1")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("repo = 'no-owner'\nfile = 'a.gguf'", "repo"),
        ("repo = 'a/b'\nfile = '../a.gguf'", "not a path inside a repository"),
        ("repo = 'a/b'\nrevision = 'main'\nfile = 'a.gguf'", "revision"),
        ("file = 'a.gguf'\nfamily = 'wizards'", "family"),
        ("file = 'a.gguf'\nadapter = { scale = 1 }", "either path or source"),
        ("file = 'a.gguf'\nadapter = { source = { file = 'l.gguf' } }", "repo of its own"),
    ],
)
def test_a_wrong_source_names_the_fault(tmp_path: Path, fields: str, words: str) -> None:
    with pytest.raises(CatalogError) as caught:
        load_catalog(write(tmp_path, f"[models.x]\ntitle = 'X'\n{fields}\n"))
    assert words in str(caught.value)


def test_a_role_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"profiles\.p\.brain"):
        load_catalog(write(tmp_path, "[profiles.p]\ntitle = 'P'\nbrain = []\ndefault = 'smollm2-135m'\n"))
