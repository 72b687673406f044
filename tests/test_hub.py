from __future__ import annotations

import hashlib
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loopback_hub import COMMIT, Hub, Served, environ_of, running_hub
from tiny_moa.errors import FetchFailed, HubMissing
from tiny_moa.models import hub as hub_module
from tiny_moa.models import stores
from tiny_moa.models.hub import HubClient
from tiny_moa.sources import HubFile

REPO = "tiny/models"
CONTENT = b"GGUF" + random.Random(1).randbytes(3_000_000)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        yield running


def file_of(name: str = "a.gguf", **fields: Any) -> HubFile:
    return HubFile(repo=REPO, file=name, **fields)


def fetch(client: HubClient, file: HubFile, seen: list[tuple[int, int]] | None = None) -> Path:
    return client.fetch(file, lambda here, total: (seen if seen is not None else []).append((here, total)), threading.Event())


def client_of(hub: Hub, folder: Path, **more: str) -> HubClient:
    return HubClient(environ_of(hub, folder, **more), pause_seconds=0.0)


def part_of(folder: Path, served: Served) -> Path:
    return folder / "hf/hub/models--tiny--models/blobs" / f"{served.digest}.incomplete"


def test_a_file_arrives_in_the_clients_own_form_and_progress_grows_to_its_size(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "sub/a.gguf", Served(CONTENT))
    seen: list[tuple[int, int]] = []
    path = fetch(client_of(hub, tmp_path), file_of("sub/a.gguf", sha256=served.digest), seen)
    assert path.read_bytes() == CONTENT
    assert path == tmp_path / f"hf/hub/models--tiny--models/snapshots/{COMMIT}/sub/a.gguf"
    assert stores.blob_digest(path) == served.digest
    assert [here for here, _ in seen] == sorted(here for here, _ in seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_the_real_client_finds_what_was_fetched(hub: Hub, tmp_path: Path) -> None:
    from huggingface_hub import try_to_load_from_cache

    hub.serve(REPO, "a.gguf", Served(CONTENT))
    path = fetch(client_of(hub, tmp_path), file_of())
    assert try_to_load_from_cache(REPO, "a.gguf", cache_dir=tmp_path / "hf/hub") == str(path)


def test_a_file_that_is_here_is_not_asked_for_again(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "a.gguf", Served(CONTENT))
    for _ in range(2):
        fetch(client_of(hub, tmp_path), file_of())
    assert (served.heads, served.sent_bytes) == (1, len(CONTENT))


def test_after_a_broken_connection_no_byte_is_fetched_twice(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "a.gguf", Served(CONTENT, stop_after=1_000_000, breaks=True))
    path = fetch(client_of(hub, tmp_path), file_of(sha256=served.digest))
    assert path.read_bytes() == CONTENT
    assert served.sent == [(0, 1_000_000), (1_000_000, 2_000_000), (2_000_000, 3_000_000), (3_000_000, len(CONTENT))]


def test_a_connection_that_gives_nothing_more_ends_with_an_error_and_keeps_the_part(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "a.gguf", Served(CONTENT, stop_after=0, breaks=True))
    with pytest.raises(FetchFailed, match=r"goes on where it stopped|check the network"):
        fetch(client_of(hub, tmp_path), file_of())
    assert len(served.sent) == 5


def test_a_hub_that_ignores_ranges_gives_the_whole_file_again(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "a.gguf", Served(CONTENT, ignores_ranges=True))
    part = part_of(tmp_path, served)
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1234])
    assert fetch(client_of(hub, tmp_path), file_of()).read_bytes() == CONTENT


def test_a_file_with_a_wrong_hash_is_refused_and_removed(hub: Hub, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"another").hexdigest()
    hub.serve(REPO, "a.gguf", Served(CONTENT, digest=digest))
    with pytest.raises(FetchFailed, match="it was removed"):
        fetch(client_of(hub, tmp_path), file_of(sha256=digest))
    assert [path for path in (tmp_path / "hf").rglob("*") if path.is_file() and path.suffix != ".lock"] == []


@pytest.mark.parametrize("fields", [{"sha256": "0" * 64}, {"bytes": 5}])
def test_another_file_than_the_catalogues_is_refused_before_a_byte_is_fetched(
    hub: Hub, tmp_path: Path, fields: dict[str, Any]
) -> None:
    served = hub.serve(REPO, "a.gguf", Served(CONTENT))
    with pytest.raises(FetchFailed, match="nothing was fetched"):
        fetch(client_of(hub, tmp_path), file_of(**fields))
    assert served.sent_bytes == 0


def test_a_gated_file_says_how_to_get_it_and_comes_with_a_token(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.serve(REPO, "a.gguf", Served(CONTENT, needs_token="hf_good"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(FetchFailed, match=r"gated.*HF_TOKEN") as caught:
        fetch(client_of(hub, tmp_path), file_of())
    assert caught.value.file == f"{REPO}/a.gguf"
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    assert fetch(client_of(hub, tmp_path), file_of()).read_bytes() == CONTENT
    assert hub.seen_tokens == [None], "the token must not reach the content host"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (HubFile(repo="no/where", file="a.gguf"), "not there or not open to you"),
        (file_of("b.gguf"), "not on the hub under that name"),
        (file_of(revision="f" * 40), "no such revision"),
    ],
)
def test_what_the_hub_does_not_have_is_explained(hub: Hub, tmp_path: Path, file: HubFile, words: str) -> None:
    hub.serve(REPO, "a.gguf", Served(CONTENT))
    with pytest.raises(FetchFailed, match=words):
        fetch(client_of(hub, tmp_path), file)


@pytest.mark.parametrize(("status", "words"), [(403, "is gated"), (500, "answers 500"), (429, "answers 429")])
def test_a_hub_that_refuses_is_explained(hub: Hub, tmp_path: Path, status: int, words: str) -> None:
    hub.serve(REPO, "a.gguf", Served(CONTENT, refused_with=status))
    with pytest.raises(FetchFailed, match=words):
        fetch(client_of(hub, tmp_path), file_of())


def test_a_hub_that_cannot_be_reached_is_explained(tmp_path: Path) -> None:
    with running_hub() as gone:
        client = client_of(gone, tmp_path)
    with pytest.raises(FetchFailed, match="check the network"):
        fetch(client, file_of())


def test_too_little_room_is_said_before_a_byte_is_fetched(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "a.gguf", Served(CONTENT))
    client = HubClient(environ_of(hub, tmp_path), free=lambda folder: 1000)
    with pytest.raises(FetchFailed, match="the disk has 1000 free"):
        fetch(client, file_of())
    assert served.sent_bytes == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_disk_that_fills_up_on_the_way_is_explained(hub: Hub, tmp_path: Path) -> None:
    part = part_of(tmp_path, hub.serve(REPO, "a.gguf", Served(CONTENT)))
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(FetchFailed, match="is full; make room"):
        fetch(client_of(hub, tmp_path), file_of())


def test_two_fetches_of_one_file_share_the_work(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "a.gguf", Served(CONTENT, stop_after=100_000))
    paths: list[Path] = []
    both = [threading.Thread(target=lambda: paths.append(fetch(client_of(hub, tmp_path), file_of()))) for _ in range(2)]
    both[0].start()
    assert served.held.wait(10)
    both[1].start()
    assert all(served.asked.acquire(timeout=10) for _ in both)
    served.go_on.set()
    for thread in both:
        thread.join(20)
    assert len(set(paths)) == 1
    assert served.sent_bytes == len(CONTENT)


def test_offline_gives_what_is_here_and_names_what_is_missing(hub: Hub, tmp_path: Path) -> None:
    served = hub.serve(REPO, "a.gguf", Served(CONTENT))
    fetch(client_of(hub, tmp_path), file_of())
    offline = client_of(hub, tmp_path, HF_HUB_OFFLINE="1")
    assert fetch(offline, file_of()).read_bytes() == CONTENT
    with pytest.raises(FetchFailed, match=r"b\.gguf.*HF_HUB_OFFLINE"):
        fetch(offline, file_of("b.gguf"))
    assert served.heads == 1


def test_a_cache_behind_a_link_works(hub: Hub, tmp_path: Path) -> None:
    hub.serve(REPO, "a.gguf", Served(CONTENT))
    (tmp_path / "elsewhere/hub/snap").mkdir(parents=True)
    (tmp_path / "hf").symlink_to(tmp_path / "elsewhere")
    inner = tmp_path / "elsewhere/hub/models--tiny--models"
    inner.mkdir()
    (inner / "snapshots").symlink_to(tmp_path / "elsewhere/hub/snap")
    assert fetch(client_of(hub, tmp_path), file_of()).read_bytes() == CONTENT


def test_where_links_cannot_be_made_the_file_itself_is_moved(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError("no links here")

    hub.serve(REPO, "a.gguf", Served(CONTENT))
    monkeypatch.setattr(Path, "symlink_to", refuse)  # a file system without links can only be shown this way
    path = fetch(client_of(hub, tmp_path), file_of())
    assert path.read_bytes() == CONTENT
    assert not path.is_symlink()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are told differently there")
def test_a_read_only_cache_gives_what_it_has_and_is_explained(hub: Hub, tmp_path: Path) -> None:
    hub.serve(REPO, "a.gguf", Served(CONTENT))
    hub.serve(REPO, "b.gguf", Served(CONTENT + b"b"))
    fetch(client_of(hub, tmp_path), file_of())
    with read_only(tmp_path / "hf"):
        assert fetch(client_of(hub, tmp_path), file_of()).read_bytes() == CONTENT
        with pytest.raises(FetchFailed, match="read-only for you; set HF_HOME"):
            fetch(client_of(hub, tmp_path), file_of("b.gguf"))


class read_only:  # noqa: N801  reads like the statement it is
    """Take away the right to write below a folder; the superuser becomes nobody meanwhile, for it may write anything."""

    def __init__(self, folder: Path) -> None:
        self._folders = [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]

    def __enter__(self) -> None:
        above = [*self._folders[0].parents][:3]
        for path in above:
            path.chmod(0o755)
        for path in self._folders:
            path.chmod(0o555)
        self._was = os.geteuid()
        if self._was == 0:
            os.seteuid(65534)

    def __exit__(self, *error: object) -> None:
        os.seteuid(self._was)
        for path in self._folders:
            path.chmod(0o755)


def test_remove_deletes_the_blob_and_leaves_what_another_snapshot_names(hub: Hub, tmp_path: Path) -> None:
    hub.serve(REPO, "a.gguf", Served(CONTENT))
    environ = environ_of(hub, tmp_path)
    path = fetch(client_of(hub, tmp_path), file_of())
    other = path.parent.with_name("f" * 40) / "a.gguf"
    other.parent.mkdir()
    other.symlink_to(path.resolve())
    assert hub_module.remove(file_of(), environ) == 0
    assert other.is_file()
    assert hub_module.remove(file_of(revision="f" * 40), environ) == len(CONTENT)
    assert hub_module.remove(file_of(), environ) == 0


def test_a_pull_without_the_hub_client_names_the_command_that_installs_it(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    # The absence of an installed package can only be shown by hiding it.
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None)
    with pytest.raises(HubMissing, match=r"tiny-moa\[hub\]"):
        fetch(client_of(hub, tmp_path), file_of())
