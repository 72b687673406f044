"""`tiny-moa parse` writes the Markdown of every file it can read and says which it could not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import make
from tiny_moa.cli import main


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["parse", *arguments])
    return int(ended.value.code or 0)


def test_each_file_is_written_and_a_bad_one_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.md").write_text("# A\n", encoding="utf-8")
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "메모.txt").write_text("둘째 줄", encoding="utf-8")
    assert (
        run(str(tmp_path / "a.md"), str(tmp_path / "empty.txt"), str(tmp_path / "메모.txt"), "--out", str(tmp_path / "out")) == 1
    )
    assert {file.name: file.read_text("utf-8") for file in (tmp_path / "out").iterdir()} == {
        "a.md.md": "# A\n",
        "메모.txt.md": "둘째 줄\n",
    }
    shown = capsys.readouterr().out
    assert "empty.txt' is empty" in shown and "page 1: text" in shown


def test_files_are_named_below_a_root_and_written_beside_themselves(tmp_path: Path) -> None:
    (tmp_path / "root" / "deep").mkdir(parents=True)
    (tmp_path / "root" / "deep" / "b.txt").write_text("B", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    root = str(tmp_path / "root")
    assert run("deep/b.txt", "--root", root) == 0
    assert (tmp_path / "root" / "deep" / "b.txt.md").read_text("utf-8") == "B\n"
    assert run(str(tmp_path / "secret.txt"), "--root", root, "--out", str(tmp_path / "out")) == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_stands_for_its_documents(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("in/a.txt", "in/deep/b.txt"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert run(str(tmp_path / "in"), "--out", str(tmp_path / "out")) == 0
    assert (tmp_path / "out" / "deep" / "b.txt.md").read_text("utf-8") == "in/deep/b.txt\n"


def test_a_file_in_no_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path / "no" / "a.txt")) == 1
    assert "its folder does not exist" in capsys.readouterr().err


@pytest.mark.docling
def test_a_pdf_is_written_with_the_way_its_pages_were_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("docling")
    (tmp_path / "report.pdf").write_bytes(make.text_pdf())
    assert run(str(tmp_path / "report.pdf")) == 0
    assert (tmp_path / "report.pdf.md").read_text("utf-8").startswith("# Annual Harbour Report")
    assert "pages 1-2: text" in capsys.readouterr().out
