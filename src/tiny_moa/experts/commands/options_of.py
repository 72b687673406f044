"""Which options utilities really have: a shipped table, and the manual pages of this machine read as text."""

from __future__ import annotations

import gzip
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

OPTIONS = Path(__file__).with_name("options.toml")
MANUALS = (Path("/usr/share/man/man1"), Path("/usr/share/man/man8"))
_MOST_BYTES = 2_000_000
_FONTS = re.compile(r"\\f(?:\[[A-Z]*\]|[A-Z]|\([A-Z]{2})|\\[&|^/,]|\\s[+-]?\d|\"")
_OPTION = re.compile(r"(?<![\w-])(--?[A-Za-z0-9?@#][\w-]*)")
_NAME = re.compile(r"[\w.+-]{1,40}")


def load_options(file: Path = OPTIONS) -> dict[str, frozenset[str]]:
    """Read the shipped table: for each utility all of its options, with their dashes."""
    return {name: frozenset(text.split()) for name, text in tomllib.loads(file.read_text("utf-8")).items()}


def manual_options(program: str, folders: tuple[Path, ...] = MANUALS) -> frozenset[str]:
    """Read the options that the manual page of a program names; empty without a page. No program is run."""
    if not _NAME.fullmatch(program):
        return frozenset()
    for folder in folders:
        for file in (folder / f"{program}.{folder.name[3:]}.gz", folder / f"{program}.{folder.name[3:]}"):
            if file.is_file():
                return options_in(_page(file))
    return frozenset()


def _page(file: Path) -> str:
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as page:
            return page.read(_MOST_BYTES).decode("utf-8", errors="replace")
    except (OSError, EOFError):
        return ""


def options_in(page: str) -> frozenset[str]:
    """Find the options that the source text of a manual page names."""
    source = "\n".join(line for line in page.splitlines() if not line.startswith('.\\"'))
    lines = _FONTS.sub("", source.replace("\\-", "-").replace("\\(hy", "-")).splitlines()
    # mdoc pages write options as `.Fl r`; a run of single letters is a list of them
    found = set(_OPTION.findall("\n".join(re.sub(r"(?<=\s)Fl (?=\w)|^\.Fl ", "-", line) for line in lines)))
    return frozenset(option.rstrip("-") for option in found if option.strip("-"))


def unknown_options(words: tuple[str, ...], known: frozenset[str]) -> tuple[str, ...]:
    """Give the options of a command that its utility does not have.

    Clusters of short options are taken apart; a value may follow a short option without a space, as in `-n20` or `-d,`.
    What follows `--` is no option.
    """
    unknown = []
    for word in words[1:]:
        if word == "--":
            break
        if not re.match(r"--?[A-Za-z0-9]", word) or re.fullmatch(r"-\d+", word):
            continue
        if word.partition("=")[0] in known or (word.startswith("--") and _is_prefix(word.partition("=")[0], known)):
            continue
        if word.startswith("--") or not _is_cluster(word[1:], known):
            unknown.append(word)
    return tuple(unknown)


def _is_prefix(option: str, known: frozenset[str]) -> bool:
    return sum(name.startswith(option) for name in known) == 1


def _is_cluster(letters: str, known: frozenset[str]) -> bool:
    for position, letter in enumerate(letters):
        if f"-{letter}" not in known:
            return position > 0 and not letter.isalpha()
        if position + 1 < len(letters) and not letters[position + 1].isalpha():
            return True
    return True


def merge(shipped: Mapping[str, frozenset[str]], program: str, subcommand: str = "") -> frozenset[str]:
    """Give all options known of a program, or of one of its subcommands; empty when nothing is known."""
    for name in (f"{program} {subcommand}", program) if subcommand else (program,):
        if name in shipped:
            return shipped[name]
    page = manual_options(f"{program}-{subcommand}") if subcommand else frozenset()
    return page or manual_options(program)
