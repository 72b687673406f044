from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from tiny_moa.models.claims import Budget, Claim, ClaimsFolder, open_claims, start_of_process

MIB = 1 << 20
LIVING = {1: "then", 2: "then", 3: "later"}


def process(folder: Path, pid: int, living: dict[int, str] | None = None) -> ClaimsFolder:
    return ClaimsFolder(folder / "claims", pid=pid, start_of=(LIVING if living is None else living).get)


def test_each_process_sees_what_the_others_claimed(tmp_path: Path) -> None:
    first, second = process(tmp_path, 1), process(tmp_path, 2)
    assert first.claim(Claim(30), 100)
    assert second.claim(Claim(50), 100)
    assert (first.others(Claim()), second.others(Claim())) == (50, 30)
    first.release()
    assert second.others(Claim()) == 0


def test_a_claim_that_does_not_fit_beside_the_others_is_refused_and_a_smaller_one_always_fits(tmp_path: Path) -> None:
    first, second = process(tmp_path, 1), process(tmp_path, 2)
    assert first.claim(Claim(60), 100)
    assert not second.claim(Claim(41), 100)
    assert first.others(Claim()) == 0
    assert second.claim(Claim(40), 100)
    assert first.claim(Claim(20), 10)


def test_the_pages_of_a_weights_file_count_once(tmp_path: Path) -> None:
    first, second, third = (process(tmp_path, pid) for pid in (1, 2, 3))
    shared = {"/m.gguf": 500}
    assert first.claim(Claim(10, shared), 10_000)
    assert second.claim(Claim(20, shared), 10_000)
    assert third.others(Claim()) == 530
    assert third.others(Claim(0, {"/m.gguf": 0})) == 30


def test_the_claims_of_the_dead_and_of_their_numbers_successors_are_dropped(tmp_path: Path) -> None:
    living = dict(LIVING)
    first, second, third = (process(tmp_path, pid, living) for pid in (1, 2, 3))
    assert first.claim(Claim(10), 100)
    assert second.claim(Claim(20), 100)
    del living[1]
    living[2] = "another process"
    assert third.others(Claim()) == 0
    assert list((tmp_path / "claims").glob("*.claim")) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}', b'{"pid": 1e99, "private_bytes": 1, "files": {}}', b"\xff"])
def test_a_file_that_cannot_be_read_claims_nothing(tmp_path: Path, content: bytes) -> None:
    first = process(tmp_path, 1)
    (tmp_path / "claims" / "2-x.claim").write_bytes(content)
    assert first.others(Claim()) == 0


def test_two_teams_in_one_process_have_a_claim_each(tmp_path: Path) -> None:
    first, second = process(tmp_path, 1), process(tmp_path, 1)
    assert first.claim(Claim(10), 100)
    assert (first.others(Claim()), second.others(Claim())) == (0, 10)


def test_the_folder_is_this_users_alone(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    ClaimsFolder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    with pytest.raises(PermissionError, match="XDG_RUNTIME_DIR"):
        ClaimsFolder(folder)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    with pytest.raises(PermissionError):
        ClaimsFolder(tmp_path / "link")


def test_without_a_folder_the_others_are_not_heeded_and_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "tiny-moa").write_text("a file")
    assert open_claims({"XDG_RUNTIME_DIR": str(tmp_path)}) is None
    assert "not heeded" in caplog.text


def test_a_real_process_is_known_by_its_start_and_its_claim_ends_with_it(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tiny_moa.models.claims import Claim, ClaimsFolder; "
        "ClaimsFolder(Path(sys.argv[1])).claim(Claim(7), 100); print('claimed', flush=True); sys.stdin.read()"
    )
    mine = ClaimsFolder(tmp_path / "claims")
    command = [sys.executable, "-c", program, str(tmp_path / "claims")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert start_of_process(child.pid) != start_of_process(os.getpid())
        assert mine.others(Claim()) == 7
        child.kill()
    assert start_of_process(child.pid) is None
    assert mine.others(Claim()) == 0


def test_many_processes_never_claim_more_than_the_machine_has(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tiny_moa.models.claims import Claim, ClaimsFolder; "
        "won = ClaimsFolder(Path(sys.argv[1])).claim(Claim(30), 100); print(int(won), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "claims")]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    won = [int(child.stdout.readline()) for child in children if child.stdout]
    written = [json.loads(file.read_text())["private_bytes"] for file in (tmp_path / "claims").glob("*.claim")]
    for child in children:
        child.communicate()
    assert sum(won) == 3
    assert sum(written) == 90


async def test_the_budget_is_the_limit_or_what_the_others_leave(tmp_path: Path) -> None:
    neighbour = process(tmp_path, 1)
    budget = Budget(80, machine_bytes=100, claims=process(tmp_path, 2))
    assert await budget.most(Claim()) == 80
    assert neighbour.claim(Claim(30), 100)
    assert await budget.most(Claim()) == 70
    assert budget.others_bytes == 30
    assert not await budget.claim(Claim(71))
    assert await budget.claim(Claim(70))
    await budget.release()
    assert neighbour.others(Claim()) == 0


async def test_a_folder_that_is_removed_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    budget = Budget(80, machine_bytes=100, claims=process(tmp_path, 2))
    (tmp_path / "claims").rmdir()
    with anyio.fail_after(5):
        assert await budget.most(Claim()) == 80
        assert await budget.claim(Claim(70))
        await budget.release()
    assert "not heeded" in caplog.text
