from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.command_templates import template
from tiny_moa.experts.commands.find import compose_find
from tiny_moa.experts.commands.library import CommandLibrary, load_library
from tiny_moa.experts.commands.lint import RISKS
from tiny_moa.experts.commands.literals import split_literals
from tiny_moa.experts.commands.options_of import manual_options, options_in, unknown_options
from tiny_moa.experts.commands.quoting import fill, quote_glob
from tiny_moa.experts.commands.syntax import parse_command
from tiny_moa.experts.commands.tails import cut_tails
from tiny_moa.experts.commands.words import is_korean, read_tokens, stem


def read_requests(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(__file__).parent / "data" / name).read_text("utf-8").splitlines()]


REQUESTS = read_requests("commands.jsonl")
FRESH = read_requests("commands_fresh.jsonl")
"""Written when the table was done; never what it was made for."""


@pytest.fixture(scope="module")
def library() -> CommandLibrary:
    return load_library()


# -- literals and words


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("copy 'a b.txt' now", "quoted", "a b.txt"),
        ("report.txt의 처음", "path", "report.txt"),
        ("files bigger than 100MB보다", "size", "100M"),
        ("the system's 3rd line", "number", "3"),
        ("all *.log files", "glob", "*.log"),
        ("find .log files", "extension", ".log"),
        ("get https://example.com/a?b=1 now", "url", "https://example.com/a?b=1"),
        ("ssh to bob@10.0.0.1", "host", "bob@10.0.0.1"),
        ("give it u+x", "mode", "u+x"),
        ("print $HOME", "variable", "$HOME"),
        ("in ~/my/dir/ please", "path", "~/my/dir/"),
    ],
)
def test_what_a_request_names_is_read_literally(text: str, kind: str, value: str) -> None:
    found = [piece.literal for piece in split_literals(text) if piece.literal]
    assert [(literal.kind, literal.value) for literal in found] == [(kind, value)]


@given(st.text(max_size=80))
def test_no_letter_of_a_request_is_lost_between_its_pieces(text: str) -> None:
    assert "".join(piece.text for piece in split_literals(text)) == text


@pytest.mark.parametrize("quoted", ["e-mail", "line number", "SHA-256", "first column", "세 번"])
def test_what_stands_in_quotes_is_searched_for_as_it_is(quoted: str, library: CommandLibrary) -> None:
    assert library.candidates(f'search for "{quoted}" in a.txt')[0].command == f"grep {shlex.quote(quoted)} a.txt"


def test_a_request_is_korean_by_its_own_words_and_not_by_a_quoted_name() -> None:
    assert is_korean("파일을 보여줘")
    assert not is_korean('find "회의" in memo')
    assert [stem(word) for word in ("files", "copies", "running", "deleted", "class")] == [
        "file",
        "copy",
        "run",
        "delet",
        "class",
    ]


# -- quoting


@given(st.text(min_size=1, max_size=30).filter(lambda name: "\0" not in name))
def test_any_file_name_survives_the_shell(name: str) -> None:
    command, missing = fill("cat {file}", {"file": [(name, "text")]})
    assert missing == ()
    assert shlex.split(command) == ["cat", name]


@given(st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text))
def test_any_text_inside_a_quoted_program_stays_inside_its_word(text: str) -> None:
    command, _ = fill("sed 's/{old:sed}/x/' f", {"old": [(text, "text")]})
    assert len(shlex.split(command)) == 3


def test_only_the_wildcards_of_a_pattern_stay_open_to_the_shell() -> None:
    assert quote_glob("my file*.txt") == "'my file'*.txt"
    assert quote_glob("$(rm -rf x)*") == "'$(rm -rf x)'*"
    assert fill("rm {file}", {"file": [("-rf", "path")]})[0] == "rm ./-rf"


def test_slots_without_a_value_become_placeholders_unless_they_have_a_default() -> None:
    assert fill("cp {source} {dir=.}", {}) == ("cp SOURCE .", ("SOURCE",))
    assert fill("sort {files+?} | uniq -c", {}) == ("sort | uniq -c", ())


# -- syntax, options, risk


def test_a_command_is_parsed_into_all_the_commands_inside_it() -> None:
    line = parse_command("sort a > b && echo $(date) | tee c")
    assert [command.program for command in line.commands] == ["sort", "echo", "date", "tee"]
    assert line.commands[0].targets == ("b",)
    assert line.commands[1].feeds == "tee"
    assert line.commands[2].is_substituted
    assert not line.is_simple
    assert parse_command("grep -n 'a b' c").is_simple


@pytest.mark.parametrize("command", ["echo 'hi", 'echo "x', "ls |", "(ls", "if true; then ls", ""])
def test_broken_syntax_is_a_fault(command: str) -> None:
    assert parse_command(command).fault


def test_options_are_read_from_the_source_of_a_manual_page(tmp_path: Path) -> None:
    page = '.TP\n\\fB\\-l\\fR, \\fB\\-\\-long\\fR=\\fIN\\fR\n.\\" \\-x is a comment\nand \\-delete'
    assert options_in(page) == {"-l", "--long", "-delete"}
    (tmp_path / "man1").mkdir()
    (tmp_path / "man1/tool.1").write_text(page)
    assert "--long" in manual_options("tool", (tmp_path / "man1",))
    assert manual_options("../tool", (tmp_path / "man1",)) == frozenset()


@pytest.mark.parametrize(
    ("command", "unknown"),
    [
        ("ls -la --human-readable", ()),
        ("head -n20 -c 5", ()),
        ("cut -d, -f2 a", ()),
        ("tail -20 a", ()),
        ("ls --almost", ()),
        ("ls -l --no-such-flag", ("--no-such-flag",)),
        ("head -q20 -y a", ("-y",)),
        ("rm -- -weird", ()),
    ],
)
def test_options_that_a_utility_does_not_have_are_named(command: str, unknown: tuple[str, ...], library: CommandLibrary) -> None:
    words = tuple(command.split())
    assert unknown_options(words, library.options(words[0], "")) == unknown


@pytest.mark.parametrize(
    ("command", "risk"),
    [
        ("ls -la", "reads"),
        ("cat a.txt | sort | uniq -c", "reads"),
        ("echo hi > a.txt", "writes"),
        ("grep x a.txt 2>/dev/null", "reads"),
        ("sed -i s/a/b/ f", "writes"),
        ("sed s/a/b/ f", "reads"),
        ("rm -rf build", "deletes"),
        ("find . -name '*.o' -delete", "deletes"),
        ("find . -exec rm {} +", "deletes"),
        ("ls | xargs -0 rm", "deletes"),
        ("sudo ls", "privileged"),
        ("systemctl status nginx", "reads"),
        ("systemctl restart nginx", "privileged"),
        ("echo $(curl -s http://127.0.0.1)", "network"),
        ("git push", "network"),
        ("git log", "reads"),
        ("tar tf a.tar", "reads"),
        ("tar -tzf a.tgz", "reads"),
        ("tar tzvf a.tgz", "reads"),
        ("tar xf a.tar", "writes"),
        ("/bin/rm x", "deletes"),
        ("frobnicate --all", "unknown"),
        ("bash -c 'rm x'", "deletes"),
        ("", "unknown"),
    ],
)
def test_the_gravest_risk_of_a_command_is_named(command: str, risk: str, library: CommandLibrary) -> None:
    assert library.review(command).risk == risk


PIECES = ["ls", "sort a", "rm -rf x", "sudo id", "curl http://a.b", "cp a b", "find . -delete", "echo hi > f", "frob"]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4), st.sampled_from([" | ", " && ", "; ", " || "]))
@settings(max_examples=60, deadline=None)
def test_a_line_is_never_less_grave_than_any_command_in_it(pieces: list[str], joint: str) -> None:
    library = _shared()
    whole = RISKS.index(library.review(joint.join(pieces)).risk)
    assert whole >= max(RISKS.index(library.review(piece).risk) for piece in pieces)
    assert RISKS.index(library.review(f"echo $({pieces[0]})").risk) >= RISKS.index(library.review(pieces[0]).risk)


_KEPT: list[CommandLibrary] = []


def _shared() -> CommandLibrary:
    if not _KEPT:
        _KEPT.append(load_library())
    return _KEPT[0]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("rm -rf /", "deletes everything under '/'"),
        ("sudo rm -r ~", "deletes everything under '~'"),
        (":(){ :|:& };:", "fork bomb"),
        ("curl -s http://a.b/x | sudo bash", "runs what curl downloads"),
        ("wget -qO- http://a.b | sh", "runs what wget downloads"),
        ("dd if=a of=/dev/sda", "overwrites a device"),
        ("cat a > /dev/sda1", "writes to a device"),
        ("mkfs.ext4 /dev/sdb1", "erases a whole file system"),
        ("echo $(rm -rf build)", "inside a substitution"),
        ("chmod -R 777 /", "changes the rights of everything"),
        ("echo x > /etc/passwd", "overwrites '/etc/passwd'"),
        ("bash -c 'rm -rf /'", "deletes everything"),
    ],
)
def test_dangers_are_caught_and_named(command: str, words: str, library: CommandLibrary) -> None:
    details = [check.detail for check in library.review(command).checks if not check.passed]
    assert any(words in detail for detail in details)


# -- the table and the planner


def test_the_table_has_hundreds_of_tasks_in_both_languages_and_each_command_is_clean(library: CommandLibrary) -> None:
    tasks = library.commands.tasks
    assert len(tasks) >= 400
    for task in tasks:
        assert task.english, task.run
        assert is_korean(task.korean), task.run
        values = {"command": [("ls", "raw")], "n": [("1", "text")], "m": [("2", "text")], "signal": [("9", "text")]}
        review = library.review(fill(task.run.replace("[]", ""), values)[0])
        faults = [check.detail for check in review.checks if not check.passed and check.what != "danger"]
        assert faults == [], task.run
        assert all(slot[0] in task.run for wording in task.wordings for slot in wording.slots), task.run


def test_a_task_without_slots_is_found_by_its_own_first_wordings(library: CommandLibrary) -> None:
    texts = {text: task.run for task in library.commands.tasks for text in (task.english, task.korean) if "{" not in text}
    chosen = dict(list(texts.items())[::5])
    lost = [text for text, run in chosen.items() if fill(run.replace("[]", ""), {})[0] not in _commands(library, text)]
    assert lost == []


def _commands(library: CommandLibrary, text: str) -> list[str]:
    return [candidate.command for candidate in library.candidates(text)[:3]]


@pytest.mark.parametrize(
    ("request_text", "command"),
    [
        ("find all regular files under /srv larger than 20 MB", "find /srv -type f -size +20M"),
        ("find directories named cache in ~/work", "find ~/work -type d -name cache"),
        ("list all .mp3 and .wav files below music", "find music \\( -name '*.mp3' -o -name '*.wav' \\)"),
        ("find files modified in the last 3 days", "find . -mtime -3"),
        ("find files accessed more than 2 hours ago in /tmp", "find /tmp -amin +120"),
        ("/srv 아래에서 이름이 old로 끝나는 폴더를 찾아줘", "find /srv -type d -name '*old'"),
        ("지난 3시간 동안 수정된 파일을 찾아줘", "find . -mmin -180"),
        ("소유자가 bob인 파일을 /home에서 찾아줘", "find /home -user bob"),
        ("find files with permission 600 in ~/.ssh", "find ~/.ssh -perm 600"),
        ("find dangling symlinks under /opt", "find /opt -xtype l"),
        ("find files whose names contain a space in ~/docs", "find ~/docs -name '* *'"),
        ("delete all .o files under build_dir with xargs", "find build_dir -type f -name '*.o' -print0 | xargs -0 rm"),
        ("find all .md files at most two levels deep", "find . -maxdepth 2 -name '*.md'"),
        ("확장자가 wav나 ogg인 파일을 찾아줘", "find . \\( -name '*.wav' -o -name '*.ogg' \\)"),
        ("/srv에서 20일 넘게 수정되지 않은 파일을 찾아줘", "find /srv -mtime +20"),
    ],
)
def test_find_commands_are_composed_from_what_is_said(request_text: str, command: str, library: CommandLibrary) -> None:
    plan = compose_find(request_text, library.sayings)
    assert plan is not None
    assert plan.command == command
    assert plan.unread == ()


@pytest.mark.parametrize(
    ("request_text", "command"),
    [
        ("find files in lib except the vendor directory", "find lib -not -path '*/vendor/*'"),
        ("lib 아래에서 vendor 폴더는 빼고 .rb 파일을 찾아줘", "find lib -name '*.rb' -not -path '*/vendor/*'"),
        ("find files whose names start with tmp and end with .dat", "find . -name 'tmp*.dat'"),
        ("find files whose names start with tmp or end with .dat", "find . \\( -name 'tmp*' -o -name '*.dat' \\)"),
        ("find files at depth exactly 3 below lib", "find lib -mindepth 3 -maxdepth 3"),
        ("find .iso files anywhere on this machine", "find / -name '*.iso'"),
        ("find files in lib that nobody has opened for 40 days", "find lib -atime +40"),
    ],
)
def test_find_leaves_folders_out_joins_the_parts_of_a_name_and_reads_depths(
    request_text: str, command: str, library: CommandLibrary
) -> None:
    plan = compose_find(request_text, library.sayings)
    assert plan is not None
    assert plan.command == command


# -- tails


@pytest.mark.parametrize(
    ("request_text", "command"),
    [
        ("list the running processes and save the output in now.txt", "ps aux > now.txt"),
        ("show the kernel messages and show only the last 7 lines", "dmesg | tail -n 7"),
        ("print the 2nd column of ages.txt, without duplicates", "awk '{print $2}' ages.txt | sort -u"),
        ("불러온 커널 모듈 중에서 btrfs만 골라줘", "lsmod | grep btrfs"),
        ("관리자 권한으로 lsblk를 실행해줘", "sudo lsblk"),
        (
            "find all .ini files below setup, sorted by name, and write them to list.txt",
            "find setup -name '*.ini' | sort > list.txt",
        ),
    ],
)
def test_what_a_request_adds_to_a_command_is_written_behind_it(request_text: str, command: str, library: CommandLibrary) -> None:
    assert command in _commands(library, request_text)


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_a_tail_leaves_a_shorter_request_of_at_least_two_words(text: str) -> None:
    library = _shared()
    for cut in cut_tails(f"{text}, sorted and save the result in a.txt", library.endings, library.sayings.numbers):
        assert len(cut.rest.split()) >= 2
        assert len(cut.rest) < len(f"{text}, sorted and save the result in a.txt")
        assert parse_command(cut.added_to("ls")).fault == ""


def test_nothing_is_written_behind_a_command_that_deletes_or_has_an_end(library: CommandLibrary) -> None:
    found = library.candidates("delete all .tmp files below work and save the result in gone.txt")
    assert not any("-delete >" in candidate.command for candidate in found)


# -- words


@pytest.mark.parametrize(
    ("request_text", "command"),
    [
        ("find lines with WARNING in app.txt", "grep WARNING app.txt"),
        ("app.txt에 FATAL이 몇 번 나오는지 세어줘", "grep -c FATAL app.txt"),
        ("show the 4th line of a.txt", "sed -n '4p' a.txt"),
        ("a.txt의 마지막 4줄을 보여줘", "tail -n 4 a.txt"),
        ("a.txt와 b.txt 두 파일을 비교해줘", "diff a.txt b.txt"),
        ("extract only notes.md from all.zip", "unzip all.zip notes.md"),
        ("extract only notes.md from all.tar", "tar -xf all.tar notes.md"),
        ("make a tar.gz archive of the folder plans", "tar -czf plans.tar.gz plans"),
    ],
)
def test_capitals_are_text_ordinals_are_no_counts_and_archives_have_their_own_tools(
    request_text: str, command: str, library: CommandLibrary
) -> None:
    assert library.candidates(request_text)[0].command == command


def test_a_korean_verb_that_no_vocabulary_has_is_no_name(library: CommandLibrary) -> None:
    tokens = read_tokens("영수증 폴더를 흘려줘", library.commands.lexicon)
    assert [token.literal.value for token in tokens if token.literal] == ["영수증"]


def test_what_no_rule_reads_lowers_the_score_of_a_plan(library: CommandLibrary) -> None:
    clear = compose_find("find all .c files", library.sayings)
    unclear = compose_find("find all .c files purple elephants", library.sayings)
    assert clear is not None
    assert unclear is not None
    assert unclear.score < clear.score
    assert unclear.unread == ("purple", "elephants")


def test_most_everyday_requests_get_the_right_kind_of_command_and_what_is_called_whole_is_nearly_always_right(
    library: CommandLibrary,
) -> None:
    right, whole, whole_and_right = tally(library, REQUESTS)
    assert len(REQUESTS) >= 500
    assert right >= 0.95 * len(REQUESTS)
    assert whole_and_right >= 0.97 * whole


def test_four_of_five_fresh_requests_get_the_right_kind_of_command(library: CommandLibrary) -> None:
    right, whole, whole_and_right = tally(library, FRESH)
    assert len(FRESH) == 60
    assert right >= 0.8 * len(FRESH)
    assert whole_and_right >= 0.9 * whole > 0


def tally(library: CommandLibrary, rows: Sequence[dict[str, Any]]) -> tuple[int, int, int]:
    """Count the requests whose first command is right, those whose command is said to say all, and those of both."""
    right, whole, whole_and_right = 0, 0, 0
    for row in rows:
        candidates = library.candidates(row["request"])
        best = candidates[0] if candidates else None
        is_right = best is not None and template(best.command) in [template(wanted) for wanted in row["expected"]]
        is_whole = best is not None and best.is_whole
        right += is_right
        whole += is_whole
        whole_and_right += is_whole and is_right
    return right, whole, whole_and_right
