"""Words for models: finds the files under `prompts/`, splits them into turns, fills their holes strictly; has no logic.

A template is Markdown. A line `# system`, `# user` or `# assistant` begins a turn; text before the first such line
is for people and is not sent. `{{name}}` is a hole; what fills it is never searched for holes again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal, cast

from tiny_moa.errors import TemplateError

Role = Literal["system", "user", "assistant"]
_TURN = re.compile(r"^# (system|user|assistant)[ \t]*$", re.MULTILINE)
_HOLE = re.compile(r"\{\{([a-z_]+)\}\}")


@dataclass(frozen=True)
class Turn:
    """One turn of a template, or of a filled one: a role and its text."""

    role: Role
    text: str


@dataclass(frozen=True)
class Template:
    """A parsed template.

    Attributes:
        name: Its path under `prompts/` without the suffix.
        turns: Its turns, in order.
        digest: First 12 hexadecimal digits of the SHA-256 of its file.
    """

    name: str
    turns: tuple[Turn, ...]
    digest: str

    @property
    def holes(self) -> frozenset[str]:
        """The names of all holes."""
        return frozenset(hole for turn in self.turns for hole in _HOLE.findall(turn.text))

    @property
    def fixed_turns(self) -> int:
        """How many leading turns have no hole, so that a runtime may keep them."""
        for count, turn in enumerate(self.turns):
            if _HOLE.search(turn.text):
                return count
        return len(self.turns)

    def fill(self, **values: str) -> tuple[Turn, ...]:
        """Put a value into every hole.

        Raises:
            TemplateError: A hole has no value, or a value has no hole.
        """
        if self.holes != values.keys():
            odd = sorted(self.holes ^ values.keys())
            raise TemplateError(f"template {self.name!r}: the hole {odd[0]!r} is not both in the file and filled")
        return tuple(Turn(turn.role, _HOLE.sub(lambda hole: values[hole[1]], turn.text)) for turn in self.turns)


class TemplateLibrary:
    """Finds templates by name: user folders first, then the ones shipped with the package."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._folders: tuple[Traversable, ...] = (*folders, _shipped())
        self._cache: dict[str, Template] = {}

    def get(self, name: str, holes: Iterable[str] | None = None) -> Template:
        """Give a template.

        Args:
            name: Its path under `prompts/` without the suffix, such as `experts/coder`.
            holes: The holes it must have, exactly; `None` accepts any.

        Raises:
            TemplateError: There is no such file, it has no turns, or its holes are others.
        """
        if name not in self._cache:
            self._cache[name] = self._read(name)
        template = self._cache[name]
        if holes is not None and template.holes != frozenset(holes):
            raise TemplateError(
                f"template {name!r} has the holes {_listed(template.holes)}, and the code fills {_listed(holes)}; change the file"
            )
        return template

    @property
    def loaded(self) -> tuple[Template, ...]:
        """The templates that were asked for so far."""
        return tuple(self._cache.values())

    def _read(self, name: str) -> Template:
        for folder in self._folders:
            file = folder.joinpath(*f"{name}.md".split("/"))
            if file.is_file():
                return parse_template(name, file.read_text("utf-8"))
        raise TemplateError(f"no template {name!r}: write {name}.md in a folder `prompts` beside your catalogue file")


def parse_template(name: str, source: str) -> Template:
    """Split the text of a template file into its turns.

    Raises:
        TemplateError: It has no turn, or does not end with a user's or an assistant's.
    """
    parts = _TURN.split(source)
    turns = tuple(Turn(cast(Role, role), text.strip()) for role, text in zip(parts[1::2], parts[2::2], strict=True))
    if not turns or turns[-1].role == "system":
        raise TemplateError(f"template {name!r} needs turns headed '# system', '# user' or '# assistant', the last not system")
    return Template(name, turns, hashlib.sha256(source.encode()).hexdigest()[:12])


def _shipped() -> Traversable:
    """The package's own prompts: beside the modules in a wheel, at the top of the repository in a checkout."""
    inside = resources.files("tiny_moa").joinpath("prompts")
    return inside if inside.is_dir() else Path(__file__).parents[2] / "prompts"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names)) or "none"
