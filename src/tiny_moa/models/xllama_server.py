"""xllamacpp's server behind calls of ours; the only importer of `xllamacpp`, used in the worker process and nowhere else.

Requests go in process. What has no function there, tokenising and the properties of the file, is asked through the listener
that the library opens in any case: a socket file in a private folder, or a port of this machine where Python has no socket
files. A key that only this process knows guards it.
"""

from __future__ import annotations

import ctypes
import http.client
import json
import logging
import mmap
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tiny_moa.errors import ContextExceeded, SchemaUnsupported, WeightsInvalid, WorkerFailed
from tiny_moa.models.native import check_magic
from tiny_moa.models.runtime import AdapterFile, KvType

BATCH_TOKENS = 32
"""Longest prompt chunk: between two of them a call can be stopped. Read as fast as 64 or 512 within the noise of 20 %."""
_CHECKPOINTS = 8
"""Snapshots of a hybrid model's state in each sequence; the library's 32 take memory that no forecast counts."""
_VERBOSE, _ERRORS_ONLY = 3, 1
_PIECES_KEPT = 256
_LONGEST_SOCKET = 100
"""Bytes of a socket file's name; Linux takes 107, macOS 103."""
_TEMPLATE_KEY, _HEADER_BYTES = b"tokenizer.chat_template", 64 << 20
"""The key and how far into a file it may stand; the longest vocabularies take some 10 MiB."""


@dataclass(frozen=True)
class ServerOptions:
    """The size of a server.

    Attributes:
        context_tokens: Cells of the cache, which all sequences share.
        kv_type: How the cache is stored.
        sequences: How many prompts are kept, and how many answers may be written at a time, over all calls.
        threads: Threads that compute.
        adapter: What is laid over the weights, `None` for nothing.
    """

    context_tokens: int
    kv_type: KvType
    sequences: int
    threads: int
    adapter: AdapterFile | None = None


@dataclass(frozen=True)
class Chunk:
    """What the server says each time it has computed something.

    Attributes:
        answer: Which of several answers it is about.
        text: What became printable.
        written: Tokens written so far, the one that ends the answer included.
        read: Tokens of the prompt that are in the cache, `None` once the answer is written.
        cached: Those of them that were there already.
        finish: `stop` or `length` in the last chunk of an answer.
        tokens: The tokens behind the text with their log-probabilities, where these were asked for; a character of several
            tokens has only its last.
        likely: For the first of those tokens, the log-probabilities of the likeliest ones.
    """

    answer: int
    text: str
    written: int
    read: int | None
    cached: int
    finish: str | None
    tokens: tuple[tuple[int, float], ...]
    likely: dict[int, float]


class ModelServer:
    """One loaded model. It is made and closed in the main thread, for the library takes signals; any thread may call it."""

    def __init__(self, name: str, path: Path, options: ServerOptions, folder: Path) -> None:
        """Load a model; the listener's socket lies in `folder`, which nobody else may read.

        Raises:
            WeightsMissing: The file cannot be opened.
            WeightsInvalid: It is not a GGUF file, has no chat template, or xllamacpp refuses it.
        """
        check_magic(name, path)
        _check_template(name, path)
        import xllamacpp

        self._name = name
        self._key = secrets.token_urlsafe(32)
        self._socket = _socket_file(folder)
        try:
            self._server: Any = xllamacpp.Server(self._params(xllamacpp, path, options))
        except RuntimeError as exc:
            raise WeightsInvalid(
                f"xllamacpp cannot load {path.name!r} for model {name!r}, it wrote why to the log; "
                "fetch the file again, or lower context_tokens when memory was short"
            ) from exc
        finally:  # the library takes both signals, and would then outlive its parent's request to end
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._pieces = lru_cache(maxsize=_PIECES_KEPT)(self._tokenise)
        properties = self._ask("/props")
        self.chat_template = str(properties.get("chat_template", ""))
        self.marks = {mark: str(properties.get(mark, "")) for mark in ("bos_token", "eos_token")}
        self.context_tokens = int(properties["default_generation_settings"]["n_ctx"])

    def _params(self, library: Any, path: Path, options: ServerOptions) -> Any:
        params = library.CommonParams()
        params.model.path = str(path)
        params.load_mode = library.llama_load_mode.LLAMA_LOAD_MODE_MMAP
        params.check_tensors = True  # numbers that are none would end the process later
        params.n_gpu_layers, params.fit_params, params.no_extra_bufts, params.warmup = 0, False, True, False
        params.n_ctx, params.n_parallel, params.kv_unified = options.context_tokens, options.sequences, True
        params.n_batch = params.n_ubatch = max(BATCH_TOKENS, options.sequences)
        params.n_ctx_checkpoints, params.cache_ram_mib = _CHECKPOINTS, 0
        params.cache_type_k = params.cache_type_v = getattr(library.ggml_type, f"GGML_TYPE_{options.kv_type.upper()}")
        if options.adapter is not None:
            adapter = library.CommonAdapterLoraInfo()
            adapter.path, adapter.scale = str(options.adapter.path), options.adapter.scale
            params.lora_adapters = [adapter]
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
        params.n_threads_http, params.ui, params.endpoint_slots, params.offline = 2, False, False, True
        params.api_keys, params.sse_ping_interval = [self._key], -1
        params.hostnames = [str(self._socket) if self._socket else "127.0.0.1"]
        params.verbosity = _VERBOSE if logging.getLogger("tiny_moa").isEnabledFor(logging.DEBUG) else _ERRORS_ONLY
        return params

    def close(self) -> None:
        """Free the model and its listener; harmless when that is done."""
        self._server = None
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)
        if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):  # glibc keeps it otherwise
            trim(0)

    def stream(self, body: dict[str, Any], hear: Callable[[Chunk], bool]) -> None:
        """Complete a prompt of tokens; `hear` is called with each chunk and ends the call by answering true.

        Raises:
            ContextExceeded: The prompt does not fit.
            SchemaUnsupported: The grammar cannot be read.
            WorkerFailed: Anything else the server refuses.
        """
        failures: list[Exception] = []

        def take(said: dict[str, Any]) -> bool:
            try:
                return hear(_chunk(self._checked(said)))
            except Exception as exc:  # noqa: BLE001  it would be lost on its way through C, and is raised below
                failures.append(exc)
                return True

        asked = {"stream": True, "return_progress": True, "timings_per_token": True, "cache_prompt": True}
        self._server.handle_completions({**asked, **body}, take)
        if failures:
            raise failures[0]

    def tokenise(self, text: str, *, special: bool) -> tuple[int, ...]:
        """Cut a text into tokens; `special` reads the chat format's marks as such, never for what a person or tool wrote."""
        return tuple(token for token, _ in self._pieces(text, special))

    def is_whole(self, text: str) -> bool:
        """Whether each token of a text is made of whole characters."""
        return all(is_whole for _, is_whole in self._pieces(text, False))

    @property
    def beginning(self) -> int | None:
        """The token every text must begin with, `None` if the model wants none."""
        mark = self.tokenise(self.marks["bos_token"], special=True)
        added = self._ask("/tokenize", {"content": "", "add_special": True})["tokens"]
        return mark[0] if len(mark) == 1 and added[:1] == [mark[0]] else None

    def _tokenise(self, text: str, special: bool) -> tuple[tuple[int, bool], ...]:
        content = text.encode("utf-8", "replace").decode()
        asked = {"content": content, "add_special": False, "parse_special": special, "with_pieces": True}
        return tuple((int(token["id"]), isinstance(token["piece"], str)) for token in self._ask("/tokenize", asked)["tokens"])

    def _ask(self, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        line = self._line()
        try:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            line.request("GET" if body is None else "POST", what, None if body is None else json.dumps(body), headers)
            said: dict[str, Any] = json.loads(line.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise WorkerFailed(f"the process of model {self._name!r} does not answer itself: {exc}; call again") from exc
        finally:
            line.close()
        return self._checked(said)

    def _line(self) -> http.client.HTTPConnection:
        if self._socket is not None:
            return _SocketFile(str(self._socket))
        return http.client.HTTPConnection(str(self._server.listening_address).removeprefix("http://"))

    def _checked(self, said: dict[str, Any]) -> dict[str, Any]:
        """Give what the server said unless it is an error."""
        error = said.get("error")
        if error is None:
            return said
        if "ontext size" in str(error.get("message")):  # of one prompt, or of all that is being written
            here = self.context_tokens
            raise ContextExceeded(self._name, int(error.get("n_prompt_tokens", here)), int(error.get("n_ctx", here)))
        if "grammar" in str(error.get("message")):
            raise SchemaUnsupported(f"xllamacpp cannot follow the JSON Schema: {error['message']}; write it more simply")
        raise WorkerFailed(f"xllamacpp could not do it: {error.get('message')}; call again")


class _SocketFile(http.client.HTTPConnection):
    """HTTP over a socket file."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def _socket_file(folder: Path) -> Path | None:
    """Give the file to listen at, `None` where Python has no socket files or the system would find its name too long."""
    file = folder / "door.sock"
    return file if hasattr(socket, "AF_UNIX") and len(os.fsencode(file)) <= _LONGEST_SOCKET else None


def _check_template(model: str, path: Path) -> None:
    """Refuse a file that has no chat template: the library would take some other model's for it, and not say so."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(_TEMPLATE_KEY, 0, _HEADER_BYTES) < 0:
            raise WeightsInvalid(f"the weights of model {model!r} have no chat template; use an instruction-tuned file")


def _chunk(said: dict[str, Any]) -> Chunk:
    choice = said["choices"][0]
    progress, timings = said.get("prompt_progress"), said.get("timings", {})
    tokens = (choice.get("logprobs") or {}).get("content", [])
    return Chunk(
        answer=choice["index"],
        text=choice["text"],
        written=timings.get("predicted_n", 0),
        read=progress["processed"] if progress else None,
        cached=progress["cache"] if progress else timings.get("cache_n", 0),
        finish=choice["finish_reason"],
        tokens=tuple((token["id"], token["logprob"]) for token in tokens),
        likely={token["id"]: token["logprob"] for token in tokens[0]["top_logprobs"]} if tokens else {},
    )
