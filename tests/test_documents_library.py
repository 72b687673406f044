"""The document library finds files under its roots and refuses everything else with an error that helps."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from tiny_moa.errors import DocumentError, DocumentNotFound, DocumentRefused, OutsideRoots
from tiny_moa.experts.documents import DocumentLibrary


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "deep" / "er").mkdir(parents=True)
    for name in ("b.md", "a.md", "deep/c d.txt", "deep/er/보고서 1.md", ".hidden.md", "image.rtf"):
        (root / name).write_text(name, encoding="utf-8")
    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    return root


@pytest.fixture
def library(root: Path) -> DocumentLibrary:
    return DocumentLibrary([root])


def test_a_listing_is_sorted_and_holds_only_readable_files(library: DocumentLibrary) -> None:
    uris = [ref.uri for ref in library.list()]
    assert uris == [
        "doc://a.md",
        "doc://b.md",
        "doc://deep/c%20d.txt",
        "doc://deep/er/%EB%B3%B4%EA%B3%A0%EC%84%9C%201.md",
    ]


def test_a_listing_stops_at_its_limit(library: DocumentLibrary) -> None:
    assert [ref.name for ref in library.list(2)] == ["a.md", "b.md"]
    assert library.list(0) == ()


def test_every_listed_uri_leads_back_to_its_document(library: DocumentLibrary) -> None:
    for ref in library.list():
        assert library.locate(ref.uri) == ref


@pytest.mark.parametrize("source", ["deep/c d.txt", "doc://deep/c%20d.txt", "doc:///deep/c%20d.txt", "./deep/../deep/c d.txt"])
def test_a_document_is_found_by_path_and_by_uri(library: DocumentLibrary, source: str) -> None:
    ref = library.locate(source)
    assert (ref.uri, ref.name, ref.suffix, ref.mime_type) == ("doc://deep/c%20d.txt", "c d.txt", ".txt", "text/plain")
    assert ref.size_bytes == len("deep/c d.txt")


def test_an_absolute_path_under_a_root_is_found(library: DocumentLibrary, root: Path) -> None:
    assert library.locate(str(root / "a.md")).uri == "doc://a.md"


def test_a_korean_name_is_found_in_either_unicode_form(library: DocumentLibrary) -> None:
    decomposed = unicodedata.normalize("NFD", "deep/er/보고서 1.md")
    assert library.locate(decomposed).name == "보고서 1.md"


@pytest.mark.parametrize(
    "source",
    ["../secret.md", "deep/../../secret.md", "/etc/passwd", "/nowhere.md", "doc://../secret.md", "doc://%2e%2e/secret.md"],
)
def test_a_path_that_leads_out_is_refused_whether_it_exists_or_not(library: DocumentLibrary, source: str) -> None:
    with pytest.raises(OutsideRoots):
        library.locate(source)


@pytest.mark.parametrize(
    "source", ["http://a.b/c.md", "HTTPS://x/y.md", "file:///etc/passwd", "ftp://h/f.md", "file:a.md", "s3://b/k.md"]
)
def test_a_url_is_refused(library: DocumentLibrary, source: str) -> None:
    with pytest.raises(DocumentRefused, match="is a URL"):
        library.locate(source)


@pytest.mark.parametrize("source", ["a.md\0", "a\n.md", "doc://a%00.md", "a\x7f.md", "\udcff.md"])
def test_a_name_with_control_characters_is_refused(library: DocumentLibrary, source: str) -> None:
    with pytest.raises(DocumentRefused, match="control characters"):
        library.locate(source)


@pytest.mark.parametrize("source", ["", "  ", "doc://"])
def test_an_empty_name_is_refused(library: DocumentLibrary, source: str) -> None:
    with pytest.raises(DocumentRefused, match="names no document"):
        library.locate(source)


def test_a_link_out_of_the_root_is_refused_and_not_listed(library: DocumentLibrary, root: Path) -> None:
    (root / "link.md").symlink_to(root.parent / "secret.md")
    (root / "folder").symlink_to(root.parent)
    for source in ("link.md", "folder/secret.md"):
        with pytest.raises(OutsideRoots):
            library.locate(source)
    assert all("link" not in ref.uri and "folder" not in ref.uri for ref in library.list())


def test_a_link_inside_the_root_leads_to_its_document(library: DocumentLibrary, root: Path) -> None:
    (root / "link.md").symlink_to(root / "a.md")
    assert library.locate("link.md").uri == "doc://a.md"


def test_a_loop_of_links_is_an_error_and_not_a_hang(library: DocumentLibrary, root: Path) -> None:
    (root / "loop.md").symlink_to(root / "loop.md")
    with pytest.raises(DocumentError):
        library.locate("loop.md")


def test_a_folder_a_pipe_and_a_device_are_refused(library: DocumentLibrary, root: Path) -> None:
    os.mkfifo(root / "pipe.md")
    with pytest.raises(DocumentRefused, match="is a folder"):
        library.locate("deep")
    with pytest.raises(DocumentRefused, match="not a plain file"):
        library.locate("pipe.md")
    with pytest.raises(DocumentRefused, match="not a plain file"):
        DocumentLibrary([Path("/dev")]).locate("null")


def test_hidden_files_are_refused(library: DocumentLibrary) -> None:
    with pytest.raises(DocumentRefused, match="hidden"):
        library.locate(".hidden.md")


def test_a_large_file_is_refused_with_its_size(root: Path) -> None:
    with pytest.raises(DocumentRefused, match="has 4 bytes and the limit is 3"):
        DocumentLibrary([root], max_bytes=3).locate("a.md")


def test_an_unsupported_suffix_is_refused_with_what_to_do(library: DocumentLibrary) -> None:
    with pytest.raises(DocumentRefused, match=r"'image\.rtf': rich text is not read; save it as \.docx"):
        library.locate("image.rtf")


def test_a_missing_document_suggests_similar_names(library: DocumentLibrary) -> None:
    with pytest.raises(DocumentNotFound, match=r"did you mean 'deep/c d\.txt'"):
        library.locate("c d.txt")
    with pytest.raises(DocumentNotFound, match="among the documents are"):
        library.locate("zzzzzzzz")


def test_no_roots_says_how_to_open_one() -> None:
    library = DocumentLibrary([])
    assert library.list() == ()
    with pytest.raises(OutsideRoots, match="TINY_MOA_ROOTS"):
        library.locate("a.md")


def test_errors_show_no_path_that_the_caller_did_not_give(library: DocumentLibrary, root: Path) -> None:
    for source in ("gone.md", "../x.md", "deep", "image.rtf", ".hidden.md"):
        with pytest.raises(DocumentError) as caught:
            library.locate(source)
        assert str(root) not in str(caught.value)


def test_the_first_of_two_roots_wins_and_both_stay_reachable(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.md").write_text(name, encoding="utf-8")
    (tmp_path / "two" / "only.md").write_text("two", encoding="utf-8")
    library = DocumentLibrary([tmp_path / "one", tmp_path / "two"])
    assert [ref.uri for ref in library.list()] == ["doc://same.md", "doc://only.md", "doc://~2/same.md"]
    assert library.locate("same.md").path.parent.name == "one"
    assert library.locate("doc://~2/same.md").path.parent.name == "two"
    for ref in library.list():
        assert library.locate(ref.uri) == ref


def test_completion_gives_uris_to_uris_and_paths_to_paths(library: DocumentLibrary) -> None:
    assert library.complete("doc://dee") == ("doc://deep/c%20d.txt", "doc://deep/er/%EB%B3%B4%EA%B3%A0%EC%84%9C%201.md")
    assert library.complete("보고") == ("deep/er/보고서 1.md",)
    assert library.complete("B") == ("b.md",)
    assert library.complete("", limit=1) == ("a.md",)
