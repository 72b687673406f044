"""Every exception of the product, as one tree; nothing here does any work.

TinyMoAError
├── ConfigurationError          raised at start, before anything is served
│   ├── SettingsError           a TINY_MOA_* variable or a flag
│   ├── CatalogError            a catalogue file
│   └── TemplateError           a file under prompts/
├── RequestError                the caller can mend the request and call again
│   ├── InvalidRequest          empty, too long, or not of the form the tool wants
│   └── UnknownExpert           a name the catalogue does not have
├── ModelError                  a model could not do its part
│   ├── EngineMissing           the engine package is not installed
│   ├── WeightsMissing          the model's file is not on this machine
│   ├── WeightsInvalid          the file is there and is not a usable GGUF
│   ├── HubMissing              the hub client is not installed
│   ├── FetchFailed             a file could not be fetched from the hub
│   ├── LicenceNotAccepted      a model's licence was not agreed to
│   ├── BudgetExceeded          the model does not fit the memory it may take
│   ├── ContextExceeded         the prompt does not fit the model's context
│   ├── SchemaUnsupported       the JSON Schema cannot be turned into a grammar
│   ├── CallsUnreadable         what a model wrote begins as tool calls and is none
│   ├── DeadlineExceeded        the deadline passed before the model could start
│   └── WorkerFailed            the model's process ended or broke its protocol
├── DocumentError               a document could not be read
│   ├── DocumentsMissing        the document package is not installed
│   ├── DocumentNotFound        no such document under the roots
│   ├── OutsideRoots            the path leads out of the roots
│   ├── DocumentRefused         too large, not a plain file, or a format we do not read
│   ├── PasswordNeeded          a protected file, and no password that opens it
│   └── ConversionFailed        the converter gave up, ran out of time or memory, or found no text
├── DeliberationError           a meeting cannot be held or read
│   └── NoQuorum                too few candidates or ballots for a tally
└── NoAnswer                    every expert abstained
"""

from __future__ import annotations

from collections.abc import Iterable


class TinyMoAError(Exception):
    """Base of every error this package raises on purpose; its text is meant for the caller."""


class ConfigurationError(TinyMoAError):
    """The installation or its configuration is wrong; nothing is served until it is mended."""


class SettingsError(ConfigurationError):
    """A TINY_MOA_* variable or a command-line flag has a value that cannot be used."""


class CatalogError(ConfigurationError):
    """A catalogue file cannot be read, or an entry in it contradicts another."""


class TemplateError(ConfigurationError):
    """A template is missing, or its holes are not the ones the code fills."""


class RequestError(TinyMoAError):
    """The request cannot be served as it is; the message says how to mend it."""


class InvalidRequest(RequestError):
    """An argument is empty, too long, or not of the form the tool wants."""


class UnknownExpert(RequestError):
    """No expert of that name is in the catalogue.

    Attributes:
        name: The name that was asked for.
        known: The names there are.
    """

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = tuple(sorted(known))
        super().__init__(f"no expert {name!r} in the catalogue; choose one of: {', '.join(self.known)}")


class ModelError(TinyMoAError):
    """A model could not do its part of the work."""


class EngineMissing(ModelError):
    """The package that runs models is not installed."""


class WeightsMissing(ModelError):
    """The weights file of a model is not on this machine.

    Attributes:
        model: The model's name in the catalogue.
        bytes: What a pull would fetch; `None` when that is unknown or nothing can be fetched.
    """

    def __init__(self, model: str, message: str, bytes: int | None = None) -> None:
        self.model = model
        self.bytes = bytes
        super().__init__(message)


class WeightsInvalid(ModelError):
    """A weights file is there, and is not a GGUF file this version can load."""


class HubMissing(ModelError):
    """The package that talks to a model hub is not installed."""


class FetchFailed(ModelError):
    """A file could not be fetched from the hub, or is not the one the catalogue means; nothing wrong is kept.

    Attributes:
        file: Repository and name of the file.
    """

    def __init__(self, file: str, message: str) -> None:
        self.file = file
        super().__init__(message)


class LicenceNotAccepted(ModelError):
    """A model's licence has a condition, and the user has not agreed to it."""


class BudgetExceeded(ModelError):
    """A model does not fit the memory it may take, even with the smallest context the catalogue allows.

    Attributes:
        needed_bytes: What its smallest form needs.
        budget_bytes: What there is for it when every model that may go has gone.
    """

    def __init__(self, model: str, needed_bytes: int, budget_bytes: int) -> None:
        self.needed_bytes = needed_bytes
        self.budget_bytes = budget_bytes
        super().__init__(
            f"model {model!r} needs {-(-needed_bytes // 2**20)} MiB, the budget is {max(budget_bytes, 0) // 2**20} MiB; "
            "raise TINY_MOA_MEMORY_MIB or choose a smaller file"
        )


class ContextExceeded(ModelError):
    """A prompt does not fit into the model's context.

    Attributes:
        prompt_tokens: Length of the rendered prompt.
        context_tokens: Length of the model's context.
    """

    def __init__(self, model: str, prompt_tokens: int, context_tokens: int) -> None:
        self.prompt_tokens = prompt_tokens
        self.context_tokens = context_tokens
        super().__init__(
            f"the prompt for model {model!r} is {prompt_tokens} tokens and its context holds {context_tokens}; "
            "shorten the request, or raise context_tokens of the model in the catalogue"
        )


class SchemaUnsupported(ModelError):
    """A JSON Schema cannot be turned into a grammar, so decoding cannot be bound to it."""


class CallsUnreadable(ModelError):
    """What a model wrote begins as tool calls of its family and cannot be read as such."""


class DeadlineExceeded(ModelError):
    """The deadline passed while a call waited for a model or while the model was loading."""


class WorkerFailed(ModelError):
    """A child process ended, or said something its protocol does not know; the next call starts a new one."""


class DocumentError(TinyMoAError):
    """A document could not be read."""


class DocumentsMissing(DocumentError):
    """The package that converts documents is not installed."""


class DocumentNotFound(DocumentError):
    """No document of that name is under the roots."""


class OutsideRoots(DocumentError):
    """The path, or what a link on it points to, is not under any root."""


class DocumentRefused(DocumentError):
    """The file is too large, is not a plain file, or has a format this version does not read."""


class PasswordNeeded(DocumentError):
    """The document is protected, and no password or a wrong one was given."""


class ConversionFailed(DocumentError):
    """The converter gave up, ran out of time or memory, or found no text."""


class DeliberationError(TinyMoAError):
    """A meeting of several models cannot be held, or the minutes of one cannot be believed."""


class NoQuorum(DeliberationError):
    """Too few candidates or ballots for a tally; the caller falls back to what needs no votes."""


class NoAnswer(TinyMoAError):
    """Every expert that was asked abstained.

    Attributes:
        reasons: One sentence for each expert, in the order they were asked.
    """

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("no expert could answer: " + "; ".join(self.reasons))
