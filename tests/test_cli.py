from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from tests.teams import endless, write_catalog
from tiny_moa.cli import main

ENVIRON = {key: value for key, value in os.environ.items() if not key.startswith("TINY_MOA_")}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    written = capsys.readouterr()
    return int(left.value.code or 0), written.out, written.err


def test_ask_shows_the_answer_and_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "ask", "123 + 456 = ?")
    assert code == 0
    assert "123 + 456 = 579" in out
    assert "verified" in out
    assert "chosen by signals" in out
    assert "passed: result (exact arithmetic)" in out


def test_trace_shows_the_last_run_as_tree_page_and_list(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run(capsys, "ask", "2 + 40 = ?")
    code, tree, _ = run(capsys, "trace")
    assert (code, "2 + 40 = 42" in tree, "chosen by" in tree) == (0, True, True)
    listed = run(capsys, "trace", "--list")[1].split()[0]
    assert "<!doctype html>" in run(capsys, "trace", listed, "--html")[1]
    assert run(capsys, "trace", "--html", str(tmp_path / "page.html"))[0] == 0
    assert "2 + 40 = 42" in (tmp_path / "page.html").read_text("utf-8")
    code, _, err = run(capsys, "trace", "20200101-000000-123456ab")
    assert (code, listed in err) == (1, True)


def test_ask_as_json_is_json_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "ask", "--json", "2 ^ 10")
    assert (code, json.loads(out)["answer"]) == (0, "2 ^ 10 = 1024")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ask", " "], 1, "the question is empty"),
        (["ask", "--expert", "wizard", "x"], 1, "choose one of: audio, coder"),
        (["ask", "--root", "/no/such/folder", "x"], 2, "TINY_MOA_ROOTS"),
        (["ask", "--profile", "giant", "x"], 2, "choose one of: embedded"),
        (["ask", "--deadline", "0", "x"], 2, "TINY_MOA_DEADLINE_SECONDS"),
        (["serve", "--catalog", "/no/such/file.toml"], 2, "cannot read the catalogue"),
    ],
)
def test_what_is_wrong_is_said_on_stderr_with_an_exit_code(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    left, out, err = run(capsys, *arguments)
    assert (left, out) == (code, "")
    assert words in err
    assert "Traceback" not in err


def test_doctor_passes_here_and_fails_without_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "doctor")[0] == 0
    catalog = write_catalog(tmp_path)
    (tmp_path / "dummy.gguf").unlink()
    code, out, _ = run(capsys, "doctor", "--catalog", str(catalog))
    assert code == 1
    assert "mend:" in out


@pytest.mark.llama
def test_the_module_asks_a_real_model() -> None:
    command = [sys.executable, "-m", "tiny_moa", "ask", "--threads", "1", "--max-tokens", "8", "Why is the sky blue?"]
    done = subprocess.run(command, env=ENVIRON, capture_output=True, text=True, timeout=120, check=True)
    assert "smollm2-135m" in done.stdout
    assert "brain" in done.stdout


@pytest.mark.llama
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_ctrl_c_in_the_middle_ends_quickly_and_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tiny_moa", "ask", "--threads", "1", "--max-tokens", "4000", "--log-level", "info",
               "--catalog", str(endless(tmp_path)), "--expert", "coder", "Write a very long story"]  # fmt: skip
    with subprocess.Popen(command, env=ENVIRON, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "loaded in" not in process.stderr.readline():
            assert process.poll() is None
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout.split()
        assert children
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert "interrupted" in process.stderr.read()
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_models_prints_every_entry_with_licence_bytes_and_role(capsys: pytest.CaptureFixture[str]) -> None:
    from tiny_moa.catalog import load_catalog

    code, out, _ = run(capsys, "models", "--profile", "full")
    assert code == 0
    for spec in load_catalog().models.values():
        assert spec.name in out
        assert spec.licence in out
        assert spec.total_bytes is None or f"{spec.total_bytes:,} bytes" in out
    assert "cannot run" in out
    assert "pickle" in out


def test_doctor_says_for_each_role_who_would_answer_today(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    code, out, _ = run(capsys, "doctor", "--profile", "standard")
    out = " ".join(out.split())
    assert code == 0, "a stand-in is not a fault"
    assert "role brain: 'smollm2-135m' would answer today, in place of 'lfm2.5-1.2b-thinking'" in out
    assert "mend: tiny-moa pull falcon-h1-tiny-tool-calling-90m" in out
    assert "role audio: nobody" in out


def test_a_dry_run_of_the_standard_set_names_its_files_and_bytes_and_needs_no_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    code, out, _ = run(capsys, "pull", "standard", "--dry-run")
    assert code == 0
    assert "LiquidAI/LFM2.5-1.2B-Thinking-GGUF/LFM2.5-1.2B-Thinking-Q4_K_M.gguf, 697 MiB (730,895,360 bytes)" in out
    assert f"{730895360 + 374177184 + 97000000:,} bytes) to be fetched" in out


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end differently there")
def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    lines = "".join(json.dumps({"id": str(n), "input": "2 + 3"}) + "\n" for n in range(20_000))
    command = [sys.executable, "-m", "tiny_moa", "route", "--no-model", "--jsonl", "-"]
    with subprocess.Popen(
        command, env=ENVIRON, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        feeder = threading.Thread(target=feed, args=(process.stdin, lines))
        feeder.start()
        assert "REASONER" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=120) == 1
        feeder.join()
        assert process.stderr.read() == ""


def feed(stream: IO[str], text: str) -> None:
    with suppress(BrokenPipeError), stream:
        stream.write(text)
