"""Where a model's files come from and how far an entry was checked, as frozen data; finds and fetches nothing."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

REPO = r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$"
COMMIT = r"^[0-9a-f]{40}$"
SHA256 = r"^[0-9a-f]{64}$"


class Entry(BaseModel):
    """Base of every table of the catalogue: frozen, and a field nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PackagedFile(Entry):
    """A weights file inside an installed distribution, found without importing it.

    Attributes:
        distribution: The distribution's name and version, as an installer takes it.
        file: The file's path inside the installation.
    """

    distribution: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")
    file: str


class HubFile(Entry):
    """One file of a repository on a model hub.

    Attributes:
        repo: The repository, `owner/name`; that of the model when `None`.
        revision: The commit it is pinned to, 40 hexadecimal digits; that of the model when `None`, and the repository's
            main branch when the model has none either.
        file: Its path in the repository, with the hub's own upper and lower case.
        sha256: Its digest, `None` when nobody published one.
        bytes: Its exact size, `None` when unknown.
        about_bytes: Its size within some per cent, where only that is known.
    """

    repo: str | None = Field(None, pattern=REPO)
    revision: str | None = Field(None, pattern=COMMIT)
    file: str
    sha256: str | None = Field(None, pattern=SHA256)
    bytes: int | None = Field(None, gt=0)
    about_bytes: int | None = Field(None, gt=0)

    @field_validator("file")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        return check_relative(value)

    @property
    def name(self) -> str:
        """Its name without folders."""
        return PurePosixPath(self.file).name

    @property
    def size(self) -> int | None:
        """Its size, exact or about, `None` when nothing is known."""
        return self.bytes or self.about_bytes


class Adapter(Entry):
    """A LoRA adapter that is laid over a model's weights: a GGUF file of its own.

    Attributes:
        path: A local file; relative paths count from the catalogue file that names them.
        source: The file on a hub, when it is not local.
        scale: How strongly it counts; 1 is as trained.
    """

    path: Path | None = None
    source: HubFile | None = None
    scale: float = Field(1.0, ge=-4, le=4)

    @model_validator(mode="after")
    def _has_one_file(self) -> Adapter:
        if (self.path is None) == (self.source is None):
            raise ValueError("an adapter needs either path or source")
        if self.source and not self.source.repo:
            raise ValueError("the source of an adapter needs a repo of its own")
        return self


class Verified(Entry):
    """Which groups of an entry's fields were read in a primary source: a model card, a template file, a published digest.

    What is false was taken from third parties or from the pattern of sibling models, and may be wrong.

    Attributes:
        source: Repository, file names and revision.
        size: Bytes and digest.
        chat: Architecture, family, stops and the form of tool calls.
        sampling: Temperature and its companions.
        licence: The licence and its condition.
    """

    source: bool = False
    size: bool = False
    chat: bool = False
    sampling: bool = False
    licence: bool = False


def check_relative(file: str) -> str:
    """Give back a path inside a repository.

    Raises:
        ValueError: It is empty, absolute, or leads out.
    """
    parts = file.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in file or ":" in file:
        raise ValueError(f"{file!r} is not a path inside a repository")
    return file
