"""Finds the tasks of the table that a request asks for, and fills their slots from it; pure and deterministic.

The score of a task is the F-measure of shared weight: how much of the request its best wording explains, and how much of
the wording the request says. A literal that no slot takes and a slot that no literal fills both cost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tiny_moa.experts.commands.literals import Literal
from tiny_moa.experts.commands.quoting import fill
from tiny_moa.experts.commands.table import CommandTable, CommandTask, Option, Wording, neighbours
from tiny_moa.experts.commands.words import Token, is_korean, read_tokens

_PATHS = ("path", "glob", "quoted", "extension", "word", "stdin", "variable")
_NAMES = ("word", "quoted", "path", "variable", "mode")
_TEXTS = ("quoted", "word", "variable", "path", "extension", "url", "host", "number", "date")
_TAKES: Mapping[str, tuple[str, ...]] = {
    "file": _PATHS, "files": _PATHS, "dir": _PATHS, "dirs": _PATHS, "path": _PATHS, "paths": _PATHS, "source": _PATHS,
    "target": _PATHS, "archive": _PATHS, "link": _PATHS, "device": ("path", "word", "quoted"), "glob": ("glob",
    "extension", "quoted"), "text": _TEXTS, "old": _TEXTS, "new": _TEXTS, "command": ("quoted", "word", "path"),
    "delim": ("quoted", "word"), "user": _NAMES, "group": _NAMES, "name": ("charset", *_NAMES), "service": _NAMES, "package":
    _NAMES, "process": _NAMES, "branch": _NAMES, "container": _NAMES, "image": _NAMES, "var": ("variable", "word",
    "quoted"), "interface": _NAMES, "prefix": ("quoted", "path", "word"), "value": ("quoted", "word", "number",
    "path", "url"), "host": ("host", "path", "word", "quoted", "url", "variable"), "login": ("host", "word"), "url":
    ("url", "path", "quoted", "host"), "pid": ("number", "variable"), "pids": ("number",), "packages": _NAMES,
    "port": ("number",), "n": ("number", "word"), "m": ("number", "word"), "size": ("size", "number"), "mode":
    ("mode", "number", "quoted"), "date": ("date", "quoted", "number", "word"), "ext": ("extension", "word", "glob",
    "quoted"), "signal": ("word", "number"), "message": ("quoted", "word"), "commit": ("word", "quoted", "number"),
}  # fmt: skip
_NAME_SLOTS = frozenset(slot for slot, kinds in _TAKES.items() if kinds[-len(_NAMES) :] == _NAMES)
_NEVER_A_KNOWN_WORD = frozenset({"ext", "delim", "date", "size", "n", "m", "mode", "url", "archive", "glob", "pid"})
_LITERAL_WEIGHT = 1.6
_MISSING_WEIGHT = 1.4
_READS_CONTENT = re.compile(
    r"(?:cat|truncate|head|tail|grep(?! -\w*[rR])|sed|awk|sort|uniq|wc|cut|tr|tac|rev|nl|diff(?! -r)|cmp|comm|paste|less|wget"
    r"|curl|bash|source|fold|fmt|shuf|split|strings|xxd|iconv|jq|python3|join|echo)\b"
)
"""Programs that work on what is in files; a folder is nothing for them."""
_HAVE_SUBCOMMANDS = frozenset(["git", "docker", "apt", "dnf", "yum", "snap", "pip", "systemctl", "npm"])
_ASKS = frozenset({"show", "find", "check"})
"""Verbs that only ask for an answer; where both sides have one of them, which one it is does not matter."""
_NAMES_A_PATH = frozenset({"file", "folder", "called", "named"})
_DEFAULT_WEIGHT = 0.08
_STRAY_WEIGHT = 2.6
_SPECIAL = 0.006
"""What a task for one kind of file gains over a general one when the request names such a file."""
_SHORTLIST = 80
_SAME_TONGUE = 0.002
"""Among equals a wording in the language of the request says better which literal goes where."""


@dataclass(frozen=True)
class Match:
    """A task of the table with its slots filled from a request.

    Attributes:
        command: The command line.
        placeholders: Slots the request gave no value for, as they stand in the command.
        score: From 0 to 1.
        unread: Words of the request that nothing of the task answers to.
        unsaid: Ideas of the wording that the request does not say.
    """

    task: CommandTask
    values: Mapping[str, tuple[tuple[str, str], ...]]
    command: str
    placeholders: tuple[str, ...]
    score: float
    unread: tuple[str, ...]
    unsaid: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """True when the task answers to every word and nothing is left to fill."""
        return not self.unread and not self.unsaid and not self.placeholders


def find_matches(request: str, table: CommandTable, *, most: int = 5) -> tuple[Match, ...]:
    """Give the best tasks for a request, the best first, each task once; equal scores keep the table's order."""
    tokens = read_tokens(request, table.lexicon)
    bag = Counter(token.idea for token in tokens if token.idea)
    rough = [(_overlap(bag, wording, table), task, wording) for task in table.tasks for wording in task.wordings]
    rough.sort(key=lambda entry: -entry[0])
    best: dict[int, tuple[float, Match]] = {}
    korean = is_korean(request)
    for overlap, task, wording in rough[:_SHORTLIST]:
        if overlap <= 0:
            break
        match = _match(tokens, task, wording, table)
        worth = match.score + _SAME_TONGUE * (is_korean(wording.text) == korean)
        if id(task) not in best or worth > best[id(task)][0]:
            best[id(task)] = (worth, match)
    return tuple(sorted((match for _, match in best.values()), key=lambda match: -match.score)[:most])


def _overlap(bag: Counter[str], wording: Wording, table: CommandTable) -> float:
    shared = sum(table.weight(idea) * min(n, bag[idea]) for idea, n in wording.ideas.items() if idea in bag)
    if not shared:
        return 0.0
    total = sum(table.weight(idea) * n for idea, n in wording.ideas.items())
    return float(shared / (total + 0.4) * shared**0.5)


def _match(tokens: Sequence[Token], task: CommandTask, wording: Wording, table: CommandTable) -> Match:
    chosen = _assign(
        tokens, task, wording, is_strict=not any(token.role == "object" or not token.idea.isascii() for token in tokens)
    )
    used = {index for indexes in chosen.values() for index in indexes}
    left = Counter(token.idea for index, token in enumerate(tokens) if token.idea and index not in used)
    shared = left & wording.ideas
    left -= shared
    quiet = _ASKS if _ASKS & wording.ideas.keys() and _ASKS & {token.idea for token in tokens} else frozenset[str]()
    values = {slot: tuple(_written(tokens[i].literal, slot) for i in found) for slot, found in chosen.items() if found}
    flags, said = _options(task, tokens, left, used)
    spare = [token for i, token in enumerate(tokens) if i not in used and _must_be_used(token)]
    stray = _stray(tokens, wording, chosen)
    explained = sum(table.weight(idea) * n for idea, n in (shared + said).items())
    explained += (sum(1 for slot in wording.slots if chosen.get(slot[0])) - len(stray)) * _LITERAL_WEIGHT
    of_request = _weigh(left, shared, table, quiet) + _LITERAL_WEIGHT * len(spare) + _STRAY_WEIGHT * len(stray)
    unsaid = wording.ideas - shared
    of_wording = _weigh(unsaid, shared, table, quiet) + _weigh_open(wording, task, chosen)
    score = 2 * explained / (2 * explained + of_request + of_wording) if explained else 0.0
    score *= 1.0 if _suits(task, values) else 0.75
    score += _SPECIAL * bool(task.only and values and _suits(task, values))
    command, placeholders = fill(_with_flags(task.run, flags), values)
    names = (token.literal.value for token in (*spare, *stray) if token.literal)
    unread = (*(idea for idea in left if idea not in shared and idea not in quiet), *names)
    heavy = tuple(idea for idea in unsaid if table.weight(idea) > 0.6 and idea not in shared and idea not in quiet)
    heavy += tuple(slot for slot, found in chosen.items() if any(_is_guessed(tokens, slot, index) for index in found))
    heavy += tuple(slot for slot, found in chosen.items() if any(_is_path_as_name(tokens[index], slot) for index in found))
    return Match(task, values, command, placeholders, score + _context_bonus(tokens, wording, chosen), unread, heavy)


def _options(task: CommandTask, tokens: Sequence[Token], left: Counter[str], used: set[int]) -> tuple[list[str], Counter[str]]:
    """Take the options that a request asks for out of what is left of it; gives the flags and the ideas they took."""
    flags: list[str] = []
    said: Counter[str] = Counter()
    for option in task.options:
        if taken := _option_taken(option, tokens, left, used):
            ideas, index = taken
            flags.append(_flag(option, tokens[index] if index is not None else None))
            used |= set() if index is None else {index}
            said.update({idea: left.pop(idea) for idea in ideas if idea in left})
    return flags, said


def _weigh_open(wording: Wording, task: CommandTask, chosen: Mapping[str, tuple[int, ...]]) -> float:
    """Weigh the slots that nothing fills: much where the command then has a gap, little where there is a default."""
    empty = [slot for slot, _, _ in wording.slots if not chosen.get(slot)]
    return sum(_DEFAULT_WEIGHT if slot in task.defaults else _MISSING_WEIGHT for slot in empty)


def _weigh(ideas: Counter[str], shared: Counter[str], table: CommandTable, quiet: frozenset[str]) -> float:
    """Weigh ideas that one side has alone; one said twice, such as "gzip compressed archive", weighs little."""
    return sum(table.weight(idea) * n * (0.15 if idea in shared or idea in quiet else 1.0) for idea, n in ideas.items())


def _stray(tokens: Sequence[Token], wording: Wording, chosen: Mapping[str, tuple[int, ...]]) -> list[Token]:
    """Give the plain words that fill a slot although nothing around them is as in the wording: most likely no names."""
    slots = ((slot, index) for slot in wording.slots for index in chosen.get(slot[0], ())[:1])
    return [tokens[index] for slot, index in slots if _is_stray(tokens, slot, index)]


def _is_stray(tokens: Sequence[Token], slot: tuple[str, str, str], index: int) -> bool:
    literal, near = tokens[index].literal, neighbours(tokens, index)
    if literal is None or literal.is_optional:
        return False
    if literal.strength == 3:
        return slot[0] == "text" and literal.kind == "path" and re.fullmatch(r"[^/]+\.\w+", literal.value) is not None
    is_as_said = any(here == there not in ("", "literal") for here, there in zip(slot[1:], near, strict=True))
    return not (is_as_said or "named" in near or "called" in near)


def _is_guessed(tokens: Sequence[Token], slot: str, index: int) -> bool:
    """Tell whether a plain word was taken for a path although neither "file" nor "folder" nor a naming word is beside it."""
    literal = tokens[index].literal
    if literal is None or literal.kind != "word" or literal.strength == 3 or _TAKES[slot.rstrip("0123456789")] is not _PATHS:
        return False
    return not _NAMES_A_PATH & set(neighbours(tokens, index))


def _is_path_as_name(token: Token, slot: str) -> bool:
    """Tell whether something with a slash was taken for the name of a user, package, process and the like."""
    literal = token.literal
    return literal is not None and literal.kind == "path" and "/" in literal.value and slot.rstrip("0123456789") in _NAME_SLOTS


def _suits(task: CommandTask, values: Mapping[str, tuple[tuple[str, str], ...]]) -> bool:
    """Tell whether the values have the ending that the task is for; without values nothing speaks against it."""
    found = [value for slot, pairs in values.items() if slot in ("archive", "files", "file") for value, _ in pairs]
    return not task.only or not found or any(re.search(task.only, value) for value in found)


def _must_be_used(token: Token) -> bool:
    literal = token.literal
    return literal is not None and literal.strength == 3 and not literal.is_optional


def _assign(tokens: Sequence[Token], task: CommandTask, wording: Wording, *, is_strict: bool) -> dict[str, tuple[int, ...]]:
    """Give each slot of a wording the literal that fits it best: by kind, by the small words around it, by order.

    When strict, as for English, a plain word is no name where nothing around it is as in the wording.
    """
    pairs = []
    for place, (slot, before, after) in enumerate(wording.slots):
        for index, token in enumerate(tokens):
            worth = _fit(token, slot, wording)
            if _is_folder_for_a_reader(token, slot, task):
                continue
            if token.literal is not None and worth > 0 and not (is_strict and _is_stray(tokens, wording.slots[place], index)):
                near = neighbours(tokens, index)
                worth += 0.8 * (bool(before) and before == near[0]) + 0.8 * (bool(after) and after == near[1])
                pairs.append((worth - 0.01 * abs(place - index), -place, slot, index))
    chosen: dict[str, tuple[int, ...]] = {}
    taken: set[int] = set()
    for _, _, slot, index in _best_pairs(pairs, [slot for slot, _, _ in wording.slots]):
        if slot not in chosen and index not in taken:
            chosen[slot] = (index,)
            taken.add(index)
    for slot in task.many & chosen.keys():
        kind = tokens[chosen[slot][0]].literal
        more = [i for i, token in enumerate(tokens) if i not in taken and _must_be_used(token) and _fit(token, slot, wording) > 0]
        if kind and kind.strength == 3:
            chosen[slot] = tuple(sorted({*chosen[slot], *more}))
    return chosen


def _is_folder_for_a_reader(token: Token, slot: str, task: CommandTask) -> bool:
    """Tell whether a place such as "the current folder" would stand where a program expects a file to read or write."""
    is_place = token.literal is not None and token.literal.is_optional and token.literal.kind == "path"
    return is_place and slot in ("file", "files") and _READS_CONTENT.match(task.run) is not None


def _best_pairs(pairs: Sequence[tuple[float, int, str, int]], slots: Sequence[str]) -> list[tuple[float, int, str, int]]:
    """Choose at most one literal for each slot so that their worth together is greatest; order in the text breaks ties."""
    best: tuple[float, list[tuple[float, int, str, int]]] = (-1.0, [])

    def extend(position: int, taken: frozenset[int], worth: float, path: list[tuple[float, int, str, int]]) -> None:
        nonlocal best
        if position == len(slots):
            inversions = sum(a[3] > b[3] for i, a in enumerate(path) for b in path[i + 1 :])
            total = worth - 0.25 * inversions
            if total > best[0]:
                best = (total, path)
            return
        extend(position + 1, taken, worth, path)
        options = sorted(
            (pair for pair in pairs if pair[2] == slots[position] and -pair[1] == position and pair[3] not in taken), reverse=True
        )
        for pair in options[:4]:
            extend(position + 1, taken | {pair[3]}, worth + pair[0] + 1.0, [*path, pair])

    extend(0, frozenset(), 0.0, [])
    return best[1]


def _fit(token: Token, slot: str, wording: Wording) -> float:
    literal = token.literal
    kinds = _TAKES[slot.rstrip("0123456789")]
    if literal is None or literal.kind not in kinds or (slot in ("n", "m") and literal.kind == "word" and len(literal.value) > 1):
        return 0.0
    worth = 1.6 - 0.15 * kinds.index(literal.kind)
    if literal.value.startswith("/dev/") and slot in ("device", "dir"):
        worth += 0.5 if slot == "device" else -0.5
    if literal.is_optional and kinds is not _PATHS:
        return 0.0
    if literal.strength == 1:
        if slot.rstrip("0123456789") in _NEVER_A_KNOWN_WORD:
            return 0.0
        named = token.role != "ignored" and (token.idea not in wording.ideas)
        return 0.35 if named else 0.0
    return worth * (1.0 if literal.strength == 3 else 0.8) if not literal.is_optional else 0.5


def _written(literal: Literal | None, slot: str) -> tuple[str, str]:
    value, kind = (literal.value, literal.kind) if literal else ("", "")
    name = slot.rstrip("0123456789")
    if name == "command":
        return (value, "raw")
    if name == "ext":
        return (value.lstrip("*.").lower(), "text")
    if name == "var":
        return (value.strip("${}"), "text")
    if kind == "extension" and name in ("glob", "file", "files"):
        return ("*" + value, "glob")
    if kind == "mode" and _is_mode(value):
        return (value, "text")
    is_place = _TAKES[name] is _PATHS or name in ("device", "glob")
    is_glob = kind == "glob" or (kind == "quoted" and "*" in value and name in ("file", "files", "glob"))
    return (value, "glob" if is_place and is_glob else "path" if is_place or (kind == "variable" and name == "n") else "text")


def _is_mode(value: str) -> bool:
    return value[:1] in "ugoa+-=r" and len(value) <= 12


def _option_taken(
    option: Option, tokens: Sequence[Token], left: Counter[str], used: set[int]
) -> tuple[frozenset[str], int | None] | None:
    """Say which ideas of the request ask for an option, and which literal is its value; `None` when none do."""
    for ideas in sorted(option.ideas, key=len, reverse=True):
        if not ideas or not all(left[idea] for idea in ideas) or not _negates(tokens, ideas):
            continue
        if not option.slot:
            return ideas, None
        places = [i for i, token in enumerate(tokens) if token.idea in ideas]
        values = [i for i, token in enumerate(tokens) if i not in used and _fit(token, option.slot, _NO_WORDING) >= 0.6]
        if values:
            return ideas, min(values, key=lambda i: min(abs(i - place) - 0.1 * (i > place) for place in places))
    return None


def _negates(tokens: Sequence[Token], ideas: frozenset[str]) -> bool:
    """Tell whether a "not" among the ideas of an option stands beside what it denies; true without one."""
    denied = ideas - {"not"}
    if denied == ideas or not denied:
        return True
    words = [token.idea for token in tokens if token.role != "ignored"]
    near = {word for place, idea in enumerate(words) if idea == "not" for word in words[max(0, place - 2) : place + 3]}
    return bool(denied & near)


def _flag(option: Option, token: Token | None) -> str:
    if token is None:
        return option.flag
    return fill(option.flag, {option.slot: (_written(token.literal, option.slot),)})[0]


def _with_flags(run: str, flags: Sequence[str]) -> str:
    if "[]" in run:
        return run.replace("[]", " ".join(flags), 1) if flags else run.replace("[] ", "", 1).replace(" []", "", 1)
    words = run.split(" ")
    place = 1 + (words[0] == "sudo")
    place += words[place - 1] in _HAVE_SUBCOMMANDS
    return " ".join((*words[:place], *flags, *words[place:])) if flags else run


def _context_bonus(tokens: Sequence[Token], wording: Wording, chosen: Mapping[str, tuple[int, ...]]) -> float:
    """Prefer, among equals, the wording whose words stand in the request's order."""
    order = [token.idea for token in tokens if token.idea in wording.ideas]
    same = sum(1 for a, b in zip(order, [t.idea for t in wording.tokens if t.idea in order], strict=False) if a == b)
    places = sum(token.literal.is_optional for found in chosen.values() for i in found if (token := tokens[i]).literal)
    return 0.01 * same / (len(order) or 1) + 0.001 * len(chosen) - 0.007 * places


_NO_WORDING = Wording("", (), Counter(), ())
