"""The commands about weights in processes of their own, against a hub on loopback."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gguf_files import write_parrot, write_random
from tests.loopback_hub import COMMIT, Hub, Served, environ_of, running_hub
from tiny_moa.catalog import load_catalog
from tiny_moa.models.weights import WeightStore

REPO = "tiny/models"
CONTENT = b"GGUF" + random.Random(1).randbytes(3_000_000)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        yield running


def catalog_of(folder: Path, *tables: str) -> Path:
    file = folder / "mine.toml"
    file.write_text("\n".join(tables), encoding="utf-8")
    return file


def table(name: str, served: Served, condition: str = "", more: str = "") -> str:
    return f"""
[models.{name}]
title = "{name}"
repo = "{REPO}"
revision = "{COMMIT}"
file = "{name}.gguf"
sha256 = "{served.true_digest}"
bytes = {len(served.content)}
licence = "Some Licence"
condition = "{condition}"
{more}
"""


def run(hub: Hub, folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tiny_moa", *arguments, "--catalog", str(folder / "mine.toml")]
    return subprocess.run(command, env=environ_of(hub, folder, **more), capture_output=True, text=True, timeout=120, check=False)


def test_pull_fetches_a_real_model_that_the_store_then_locates_and_verify_and_remove_know(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "falcon.gguf", Served(write_random(tmp_path / "f.gguf", "falcon-h1").read_bytes()))
    catalog_of(tmp_path, table("falcon", served, condition="be kind"))
    asked = run(hub, tmp_path, "pull", "falcon", "--dry-run")
    assert (asked.returncode, served.heads) == (0, 0)
    assert f"({len(served.content):,} bytes) to be fetched" in asked.stdout
    refused = run(hub, tmp_path, "pull", "falcon")
    assert refused.returncode == 1
    assert "be kind" in refused.stdout
    assert "--accept-licence" in refused.stderr
    pulled = run(hub, tmp_path, "pull", "falcon", "--accept-licence")
    assert pulled.returncode == 0, pulled.stdout + pulled.stderr
    assert "fetched  falcon" in pulled.stdout
    right = run(hub, tmp_path, "verify", "falcon")
    assert (right.returncode, right.stdout.startswith("right")) == (0, True)
    assert "freed" in run(hub, tmp_path, "remove", "falcon").stdout
    assert "missing" in run(hub, tmp_path, "verify", "falcon").stdout
    again = run(hub, tmp_path, "pull", "falcon")
    assert again.returncode == 0, "a licence is agreed to once"
    assert "be kind" not in again.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_pull_goes_on_where_it_stopped(hub: Hub, tmp_path: Path, how: signal.Signals) -> None:
    served = hub.serve(REPO, "big.gguf", Served(CONTENT, stop_after=1_000_000))
    catalog_of(tmp_path, table("big", served))
    command = [sys.executable, "-m", "tiny_moa", "pull", "big", "--catalog", str(tmp_path / "mine.toml")]
    with subprocess.Popen(command, env=environ_of(hub, tmp_path), stderr=subprocess.PIPE, text=True) as process:
        part = tmp_path / "hf/hub/models--tiny--models/blobs" / f"{served.digest}.incomplete"
        assert served.held.wait(30)
        while not part.exists() or part.stat().st_size < 1_000_000:
            assert process.poll() is None
        process.send_signal(how)
        assert process.wait(timeout=10) == (130 if how == signal.SIGINT else -how)
    served.stop_after = None
    done = run(hub, tmp_path, "pull", "big")
    assert done.returncode == 0, done.stdout + done.stderr
    assert served.sent == [(0, 1_000_000), (1_000_000, len(CONTENT))]


def test_two_pulls_at_once_of_one_file_fetch_it_once(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "big.gguf", Served(CONTENT, stop_after=1_000_000))
    catalog_of(tmp_path, table("big", served))
    command = [sys.executable, "-m", "tiny_moa", "pull", "big", "--catalog", str(tmp_path / "mine.toml")]
    both = [subprocess.Popen(command, env=environ_of(hub, tmp_path), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert all(served.asked.acquire(timeout=30) for _ in both)
    served.go_on.set()
    written = [process.communicate(timeout=30)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert all("fetched  big" in text for text in written)
    assert served.sent_bytes == len(CONTENT)


def test_one_file_that_fails_does_not_keep_the_others(hub: Hub, tmp_path: Path) -> None:
    good = hub.serve(REPO, "good.gguf", Served(CONTENT))
    catalog_of(tmp_path, table("good", good), table("gone", Served(b"GGUFgone")))
    done = run(hub, tmp_path, "pull", "good", "gone")
    assert done.returncode == 1
    assert "failed  gone" in done.stdout
    assert "fetched  good" in done.stdout


@pytest.mark.parametrize(
    "place",
    [".cache/llama.cpp/tiny_models_own.gguf", ".lmstudio/models/tiny/models/own.gguf", ".ollama/models/blobs/sha256-{digest}"],
)
def test_a_file_of_another_program_is_taken_over_when_its_hash_is_right(hub: Hub, tmp_path: Path, place: str) -> None:
    served = hub.serve(REPO, "own.gguf", Served(CONTENT))
    catalog_of(tmp_path, table("own", served))
    theirs = tmp_path / place.format(digest=served.digest)
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(CONTENT[:-1] + b"?")
    wrong = theirs.with_suffix(".old")
    done = run(hub, tmp_path, "pull", "own", "--dry-run")
    assert "to be taken over" in done.stdout
    theirs.rename(wrong)
    theirs.write_bytes(CONTENT)
    done = run(hub, tmp_path, "pull", "own")
    assert f"taken over  own: {theirs}" in done.stdout
    assert served.sent_bytes == 0
    assert "right" in run(hub, tmp_path, "verify", "own").stdout
    assert "left alone" not in run(hub, tmp_path, "remove", "own").stdout
    assert theirs.exists()


def test_a_file_of_another_program_with_a_wrong_hash_is_fetched_instead(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "own.gguf", Served(CONTENT))
    catalog_of(tmp_path, table("own", served))
    theirs = tmp_path / ".lmstudio/models/tiny/models/own.gguf"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(CONTENT[:-1] + b"?")
    assert "fetched  own" in run(hub, tmp_path, "pull", "own").stdout
    assert served.sent_bytes == len(CONTENT)


def test_a_projector_is_fetched_with_its_model(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "eye.gguf", Served(CONTENT))
    other = hub.serve(REPO, "mm.gguf", Served(b"GGUFprojector"))
    catalog_of(tmp_path, table("eye", served, more='companions = { projector = { file = "mm.gguf", bytes = 13 } }'))
    assert run(hub, tmp_path, "pull", "eye").stdout.count("fetched  eye") == 2
    assert other.sent_bytes == 13


def test_unknown_names_and_models_that_cannot_run_are_refused(hub: Hub, tmp_path: Path) -> None:
    catalog_of(tmp_path, "")
    for name, words in (("nobody", "neither a profile nor a model"), ("hybriko-117m-linuxfc", "pickle")):
        refused = run(hub, tmp_path, "pull", name)
        assert refused.returncode == 2
        assert words in refused.stderr
    assert run(hub, tmp_path, "pull", "embedded").returncode == 0


def test_a_file_that_lost_its_end_is_fetched_again(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "own.gguf", Served(CONTENT))
    catalog_of(tmp_path, table("own", served))
    assert run(hub, tmp_path, "pull", "own").returncode == 0
    (blob,) = (tmp_path / "hf/hub/models--tiny--models/blobs").iterdir()
    blob.write_bytes(CONTENT[:100])
    assert "fetched  own" in run(hub, tmp_path, "pull", "own").stdout
    assert blob.read_bytes() == CONTENT
    blob.write_bytes(CONTENT[:-1] + b"?")
    wrong = run(hub, tmp_path, "verify")
    assert wrong.returncode == 1
    assert "WRONG     own" in wrong.stdout
    assert "tiny-moa remove own" in wrong.stdout


@pytest.mark.llama
@pytest.mark.slow
def test_models_of_two_repositories_are_pulled_and_answer(hub: Hub, tmp_path: Path) -> None:
    """A real model of 98 MB and a tiny Falcon-H1 whose words are known go from the hub to answers."""
    smol = WeightStore().locate(load_catalog().models["smollm2-135m"]).read_bytes()
    parrot = write_parrot(tmp_path / "parrot.gguf", ["파란", " 하늘"], architecture="falcon-h1").read_bytes()
    tables = []
    for repo, name, content in (("real/smol", "smol", smol), ("tiny/falcon", "falcon", parrot)):
        served = hub.serve(repo, f"{name}.gguf", Served(content))
        tables.append(table(name, served, more="context_tokens = 1024").replace(REPO, repo))
    profile = "[profiles.pulled]\ntitle = 'P'\nbrain = 'smol'\ndefault = 'smol'\nexperts = { multilingual = 'falcon' }\n"
    catalog_of(tmp_path, *tables, profile)
    ask = ("ask", "--profile", "pulled", "--threads", "1", "--max-tokens", "8")
    missing = run(hub, tmp_path, *ask, "--expert", "multilingual", "Translate: blue sky")
    assert missing.returncode == 1
    assert f"`tiny-moa pull falcon` ({len(parrot)} bytes" in missing.stderr
    pulled = run(hub, tmp_path, "pull", "pulled")
    assert pulled.returncode == 0, pulled.stdout + pulled.stderr
    assert hub.files["real/smol/smol.gguf"].sent_bytes == len(smol)
    assert "파란 하늘" in run(hub, tmp_path, *ask, "--expert", "multilingual", "Translate: blue sky", HF_HUB_OFFLINE="1").stdout
    assert "smol" in run(hub, tmp_path, *ask, "Why is the sky blue?", HF_HUB_OFFLINE="1").stdout
