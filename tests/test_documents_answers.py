"""Questions are answered from the right page in the documents' own words, and declined when the documents do not say."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.documents.shelf import QUESTIONS, UNANSWERABLE, make_shelf
from tests.fakes import Recorder
from tests.teams import call_of, scripted_team
from tiny_moa.experts.documents import Document, DocumentLibrary, DocumentReader, DocumentRef, Page
from tiny_moa.experts.documents.answers import Citation, Found, answer_from, check_citations
from tiny_moa.experts.documents.expert import named_documents, wants_whole
from tiny_moa.experts.documents.retrieval import Index
from tiny_moa.experts.documents.terms import content_terms, sentences_of, terms_of

LEAST_HITS, LEAST_ANSWERED = 27, 24


def document(name: str, *pages: str) -> Document:
    ref = DocumentRef(f"doc://{name}", name, Path(name), 1, ".md", "text/markdown")
    return Document(ref, tuple(Page(number, text) for number, text in enumerate(pages, 1)), name)


HARBOUR = document(
    "harbour.md",
    "# Harbour\n\n## Fees\n\n| Ship | Fee |\n| - | - |\n| Tug | 35 |\n| Yacht | 12 |",
    "## Pilots\n\nPilot Anders Lund boards ships at the outer buoy. The pilot boat leaves at 6:40."
    "\n\n## 수심\n\n내항의 수심은 7미터입니다.",
)


def answered(question: str, *documents: Document) -> Found | None:
    index = Index(documents or (HARBOUR,))
    return answer_from(question, index.search(question), index)


@pytest.mark.parametrize(
    ("question", "text", "line"),
    [
        ("What is the fee of a yacht?", "Ship: Yacht; Fee: 12 [1]", "[1] harbour.md, page 1, Harbour > Fees"),
        ("When does the pilot boat leave?", '"The pilot boat leaves at 6:40." [1]', "[1] harbour.md, page 2, Harbour > Pilots"),
        ("내항의 수심은 얼마인가요?", '"내항의 수심은 7미터입니다." [1]', "[1] harbour.md, page 2, Harbour > 수심"),
    ],
)
def test_the_answer_is_quoted_with_its_page_and_section(question: str, text: str, line: str) -> None:
    found = answered(question)
    assert found is not None
    assert found.text == text
    assert found.citations[0].line() == line
    assert all(check.passed for check in check_citations(found))


@pytest.mark.parametrize(
    "question", ["How deep is the outer buoy?", "Who sold the tug?", "What is the moon made of?", "?", "수심"]
)
def test_what_the_documents_do_not_say_is_declined(question: str) -> None:
    found = answered(question)
    assert found is None or question == "수심"


def test_a_citation_that_does_not_exist_and_an_invented_number_are_noticed() -> None:
    found = answered("When does the pilot boat leave?")
    assert found is not None
    invented = Found("It leaves at 7:15 [2]", (Citation(1, found.citations[0].passage, "It never leaves."),))
    assert [(check.what, check.passed) for check in check_citations(invented)] == [
        ("citations", False),
        ("quotation", False),
        ("numbers", False),
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What is in 'my report.pdf' and notes.md?", ("my report.pdf", "notes.md")),
        ("doc://a%20b.pdf, please", ("doc://a%20b.pdf",)),
        ("Search minutes/ for the vote", ("minutes/",)),
        ("보고서.pdf에서 결론은?", ("보고서.pdf",)),
        ("either/or, and/or", ()),
    ],
)
def test_documents_and_folders_are_found_in_a_question(text: str, names: tuple[str, ...]) -> None:
    assert named_documents(text) == names


def test_a_question_about_the_whole_is_known() -> None:
    assert wants_whole("Summarise report.pdf") and wants_whole("보고서.pdf 요약해줘")
    assert not wants_whole("Who wrote report.pdf?")


def test_particles_and_endings_do_not_matter() -> None:
    assert set(terms_of("도서관에서")) & set(terms_of("도서관은")) == {"도서", "서관"}
    assert terms_of("inspected") == terms_of("inspects") == terms_of("inspecting")
    assert content_terms("In which year was the bridge built?") == (("bridg",), ("build",))
    assert terms_of("12,000 litres") == ["12000", *terms_of("litre")]


@given(st.text(max_size=200))
def test_sentences_and_terms_come_from_the_text(text: str) -> None:
    assert all(sentence in text for sentence in sentences_of(text))
    assert all(isinstance(term, str) and term for term in terms_of(text))


@pytest.mark.docling
async def test_a_shelf_of_twenty_documents_is_asked_thirty_questions_and_ten_it_cannot_answer(tmp_path: Path) -> None:
    pytest.importorskip("docling")
    reader = DocumentReader(DocumentLibrary([make_shelf(tmp_path)]))
    refs = reader.library.list()
    assert len(refs) == 20
    try:
        deadline = anyio.current_time() + 240
        documents = [await reader.read(ref.uri, deadline=deadline, listener=Recorder()) for ref in refs]
    finally:
        await reader.aclose()
    index = Index(documents)
    hits = right = 0
    for question, name, page, words in QUESTIONS:
        passages = index.search(question)
        hits += any((passage.ref.name, passage.chunk.page) == (name, page) for passage in passages)
        found = answer_from(question, passages, index)
        right += found is not None and words in found.text and found.citations[0].passage.ref.name == name
    assert hits >= LEAST_HITS
    assert right >= LEAST_ANSWERED
    answers = {question: answer_from(question, index.search(question), index) for question in UNANSWERABLE}
    assert {question: found for question, found in answers.items() if found is not None} == {}


@pytest.mark.parametrize(("documents", "named"), [(["harbour.md"], ""), (["."], ""), (["deep"], ""), ([], " in deep/harbour.md")])
async def test_ask_answers_from_documents_and_folders_with_citations(tmp_path: Path, documents: list[str], named: str) -> None:
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    for place in ("harbour.md", "deep/harbour.md"):
        (tmp_path / "docs" / place).write_text("\n\n".join(page.markdown for page in HARBOUR.pages), encoding="utf-8")
    async with scripted_team(tmp_path, "no model is asked", roots=[tmp_path / "docs"]) as team:
        answer = await team.asker.ask(f"When does the pilot boat leave{named}?", call_of(20), documents=documents)
        assert answer.text.startswith('"The pilot boat leaves at 6:40." [1]\n\n[1] harbour.md, page 1, Harbour > Pilots')
        assert (answer.status, answer.experts) == ("unverified", ("ocr",))
        assert [check.what for check in answer.checks if check.passed] == ["citations", "quotation", "numbers"]
        assert answer.fields["citations"][0]["page"] == 1
        declined = await team.asker.ask(f"Who painted the moon{named}?", call_of(20), documents=documents)
        assert declined.text.startswith("The documents do not say (harbour.md")
        assert declined.fields["is_answered"] is False


async def test_one_document_that_cannot_be_read_does_not_lose_the_others(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "good.md").write_text("The ferry leaves at 6:40.", encoding="utf-8")
    (tmp_path / "docs" / "bad.md").write_bytes(bytes(range(256)))
    async with scripted_team(tmp_path, "", roots=[tmp_path / "docs"]) as team:
        answer = await team.asker.ask("When does the ferry leave?", call_of(20), documents=["."])
        assert answer.text.startswith('"The ferry leaves at 6:40." [1]')
        assert answer.status == "partial"
        assert any(note.startswith("bad.md was not read") for note in answer.notes)


@pytest.mark.parametrize(
    ("question", "is_read"),
    [
        ("According to invoice.md, what is the total due?", True),
        ("invoice.md에 적힌 금액이 얼마야?", True),
        ("According to diary.md, what was said on Monday?", False),
        ("Write a haiku about invoice.md", False),
    ],
)
async def test_a_question_that_names_a_document_that_is_here_is_answered_from_it(
    tmp_path: Path, question: str, is_read: bool
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "invoice.md").write_text("# Invoice\n\nTotal due: 187.50 EUR by 30 November.\n", encoding="utf-8")
    async with scripted_team(tmp_path, "unused", classifies=True, roots=[tmp_path / "docs"]) as team:
        route = await team.brain.route(question, call_of())
    assert [step.expert for step in route.steps] == (["ocr"] if is_read else [])
