"""llama.cpp's C functions behind calls that check their preconditions; the only importer of `llama_cpp`.

Native misuse ends the process, so every precondition is tested here before the call. Only the worker process and tests
use this module, and one thread at a time. It decides nothing: what to decode, keep and sample is the engine's business.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tiny_moa.errors import WeightsInvalid, WeightsMissing, WorkerFailed
from tiny_moa.models.native_log import NativeLog
from tiny_moa.models.runtime import KvType
from tiny_moa.models.stopflag import StopFlag

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

logger = logging.getLogger(__name__)

MAX_SEQUENCES = 256
"""llama.cpp makes no context for more."""
_MAGIC = b"GGUF"
_VERSIONS = (2, 3)


class Aborted(Exception):
    """The stop flag was raised while the model computed; the sequences of that batch are of no use any more."""


class CacheFull(Exception):
    """No room for the batch in the key-value cache; nothing was changed."""


class Row(NamedTuple):
    """One token of a batch: where it stands in which sequence, and whether its logits are wanted."""

    token: int
    position: int
    sequence: int
    wants_logits: bool


@dataclass(frozen=True)
class Library:
    """The loaded library: its functions, its log, and two C functions that serve as callbacks without Python."""

    api: Any
    log: NativeLog
    stop_test: Any
    trim_memory: Any
    callbacks: tuple[Any, ...]

    def release_memory(self) -> None:
        """Give the allocator's spare pages back to the system: up to 106 MiB stay otherwise after a context is freed."""
        if self.trim_memory is not None:
            self.trim_memory(0)

    @property
    def version(self) -> str:
        """The version of the package; what one writes another need not be able to read."""
        return str(self.api.__version__)


@cache
def load_library() -> Library:
    """Import llama_cpp once and take over its log.

    The environment variables GOMP_SPINCOUNT and GGML_NO_BACKTRACE must be set before. The stop test is `strlen`: given
    the flag's buffer it answers 1 while the flag is raised, without the interpreter and without an object to keep alive.
    """
    import llama_cpp

    api: Any = llama_cpp
    c = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
    log = NativeLog()

    @api.llama_log_callback  # type: ignore[untyped-decorator]
    def take(level: int, text: bytes, _data: object) -> None:
        try:
            log.take(level, text)
        except Exception:  # an exception cannot cross C; the line is lost, the work is not
            logger.debug("a log line was lost", exc_info=True)

    api.llama_log_set(take, None)
    deaf = ctypes.cast(c.abs, api.llama_log_callback)
    atexit.register(api.llama_log_set, deaf, None)
    stop_test = ctypes.cast(c.strlen, api.ggml_abort_callback)
    return Library(api, log, stop_test, getattr(c, "malloc_trim", None), (take, deaf, c))


def check_magic(model: str, path: Path) -> None:
    """Look at the first bytes of a weights file before llama.cpp does.

    Raises:
        WeightsMissing: It cannot be opened.
        WeightsInvalid: It is not a GGUF file of a version we read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as exc:
        raise WeightsMissing(
            model, f"cannot open the weights {path.name!r} of model {model!r}: {exc.strerror}; fetch it again"
        ) from exc
    version = int.from_bytes(head[4:], "little")
    if head[:4] != _MAGIC:
        raise WeightsInvalid(
            f"{path.name!r} begins with {head[:4]!r}, a GGUF file with b'GGUF'; give model {model!r} a GGUF file"
        )
    if len(head) < 8 or version not in _VERSIONS:
        raise WeightsInvalid(
            f"{path.name!r} is GGUF version {version}, readable are 2 and 3; convert it anew or choose another file"
        )


class NativeModel:
    """Weights and vocabulary of one file; the weights are mapped, not copied."""

    def __init__(self, name: str, path: Path) -> None:
        """Load a file.

        Raises:
            WeightsMissing: It cannot be opened.
            WeightsInvalid: It is not a GGUF file, or llama.cpp refuses it.
        """
        check_magic(name, path)
        self.name = name
        self._library = load_library()
        self._api = self._library.api
        self._library.log.why()
        options = self._api.llama_model_default_params()
        options.n_gpu_layers, options.use_extra_bufts = 0, False
        options.load_mode = self._api.LLAMA_LOAD_MODE_MMAP
        self.pointer: Any = self._api.llama_model_load_from_file(os.fsencode(path), options)
        if not self.pointer:
            why = self._library.log.why()
            raise WeightsInvalid(f"llama.cpp cannot load {path.name!r} for model {name!r}: {why}; fetch the file again")
        self.vocabulary: Any = self._api.llama_model_get_vocab(self.pointer)
        self.n_vocabulary: int = self._api.llama_vocab_n_tokens(self.vocabulary)
        self.trained_tokens: int = self._api.llama_model_n_ctx_train(self.pointer)

    @property
    def window(self) -> int:
        """How many tokens some of its layers look back at most, 0 when all look back to the beginning."""
        return max(int(self._api.llama_model_n_swa(self.pointer)), 0)

    @property
    def chat_template(self) -> str | None:
        """The template in the file, `None` if it has none."""
        found: bytes | None = self._api.llama_model_chat_template(self.pointer, None)
        return found.decode("utf-8", "replace") if found else None

    @property
    def beginning(self) -> int | None:
        """The token every text must begin with, `None` if the model wants none."""
        token: int = self._api.llama_vocab_bos(self.vocabulary)
        return token if token >= 0 and self._api.llama_vocab_get_add_bos(self.vocabulary) else None

    @property
    def ends(self) -> tuple[int, ...]:
        """The tokens a model ends its turn with, one at least in a usable file."""
        tokens = {self._api.llama_vocab_eot(self.vocabulary), self._api.llama_vocab_eos(self.vocabulary)}
        return tuple(sorted(token for token in tokens if 0 <= token < self.n_vocabulary))

    def mark(self, which: str) -> str:
        """Give the text of the special token `bos` or `eos`, empty if there is none."""
        token: int = getattr(self._api, f"llama_vocab_{which}")(self.vocabulary)
        return self._spell(token, special=True).decode("utf-8", "replace") if 0 <= token < self.n_vocabulary else ""

    def is_end(self, token: int) -> bool:
        """Whether the token ends an answer."""
        return bool(self._api.llama_vocab_is_eog(self.vocabulary, token))

    def tokenise(self, text: str, *, special: bool) -> list[int]:
        """Cut a text into tokens; `special` reads the chat format's marks as such, never for what a person or tool wrote."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        while True:
            tokens = (self._api.llama_token * room)()
            count = self._api.llama_tokenize(self.vocabulary, data, len(data), tokens, room, False, special)
            if count >= 0:
                return list(tokens[:count])
            room = -count

    def piece(self, token: int) -> bytes:
        """Give the bytes of a token, empty for a special one; they may end inside a character."""
        return self._spell(token, special=False)

    def _spell(self, token: int, *, special: bool) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            count = self._api.llama_token_to_piece(self.vocabulary, token, buffer, room, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            room = -count

    def close(self) -> None:
        """Free the weights and give the allocator's spare pages back; harmless when done already."""
        if self.pointer:
            self._api.llama_model_free(self.pointer)
            self.pointer = None
            self._library.release_memory()


@dataclass(frozen=True)
class ContextSize:
    """How large a context is and how it is stored.

    Attributes:
        cells: Tokens it holds, all sequences together.
        sequences: How many texts it may hold at a time, 1 to 256.
        batch_tokens: Longest batch.
        kv_type: How cells are stored.
    """

    cells: int
    sequences: int
    batch_tokens: int
    kv_type: KvType = "f16"


class NativeContext:
    """The memory of one model: a cache of cells that several sequences share, and the batch that fills it."""

    def __init__(self, model: NativeModel, size: ContextSize, threads: int) -> None:
        """Open a context.

        Raises:
            WorkerFailed: llama.cpp makes no context of that size.
        """
        most = min(MAX_SEQUENCES, size.batch_tokens)
        if not 1 <= size.sequences <= most:
            raise ValueError(f"{size.sequences} sequences; llama.cpp allows 1 to {most} with batches of {size.batch_tokens}")
        if model.pointer is None:
            raise ValueError("the model is closed")
        self._library = load_library()
        self._api = self._library.api
        self._n_vocabulary = model.n_vocabulary
        self.sequences = size.sequences
        self.pointer: Any = self._api.llama_init_from_model(model.pointer, self._options(size, threads))
        if not self.pointer:
            why = self._library.log.why()
            raise WorkerFailed(f"no memory for a context of {size.cells} tokens: {why}; lower context_tokens in the catalogue")
        self.cells: int = self._api.llama_n_ctx(self.pointer)
        self.batch_tokens: int = min(size.batch_tokens, self._api.llama_n_batch(self.pointer))
        self._memory = self._api.llama_get_memory(self.pointer)
        self._batch = self._api.llama_batch_init(self.batch_tokens, 0, 1)
        self._outputs: frozenset[int] = frozenset()
        self._flag: StopFlag | None = None

    def _options(self, size: ContextSize, threads: int) -> Any:
        options = self._api.llama_context_default_params()
        options.n_ctx, options.n_batch, options.n_ubatch = size.cells, size.batch_tokens, size.batch_tokens
        options.n_seq_max, options.kv_unified = size.sequences, True
        options.n_outputs_max = options.n_outputs_max_per_seq = size.batch_tokens
        options.n_threads = options.n_threads_batch = threads
        if size.kv_type == "q8_0":  # which llama.cpp can only read with flash attention
            options.type_k = options.type_v = self._api.GGML_TYPE_Q8_0
        else:  # on one thread, behind 1,536 tokens, a token took 36 ms without it and 87 ms with it
            options.flash_attn_type = self._api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        return options

    def use_threads(self, threads: int) -> None:
        """Compute with that many threads, prompts and single tokens alike: two numbers cost a new team at each change."""
        self._check_open()
        if threads < 1:
            raise ValueError(f"{threads} threads; one is the least")
        self._api.llama_set_n_threads(self.pointer, threads, threads)

    def decode(self, rows: Sequence[Row], flag: StopFlag) -> None:
        """Compute one batch, at most `batch_tokens` rows, unless and until the flag is raised.

        Raises:
            Aborted: The stop flag is raised.
            CacheFull: There is no room; nothing was changed.
            WorkerFailed: llama.cpp failed; the context is of no use any more.
        """
        self._check(rows)
        if flag.is_raised:
            raise Aborted
        self._watch(flag)
        self._outputs = frozenset()
        batch = self._batch
        batch.n_tokens = len(rows)
        for index, row in enumerate(rows):
            batch.token[index], batch.pos[index], batch.logits[index] = row.token, row.position, row.wants_logits
            batch.n_seq_id[index], batch.seq_id[index][0] = 1, row.sequence
        code = self._api.llama_decode(self.pointer, batch)
        if code == 2:
            raise Aborted
        if code == 1:
            raise CacheFull
        if code:
            raise WorkerFailed(f"llama.cpp could not compute ({code}): {self._library.log.why()}; call again")
        self._outputs = frozenset(index for index, row in enumerate(rows) if row.wants_logits)

    def _watch(self, flag: StopFlag) -> None:
        """Let native code look at the flag of the call whose batch comes next."""
        if flag is not self._flag:
            self._flag = flag
            self._library.log.is_stopping = lambda: flag.is_raised
            self._api.llama_set_abort_callback(self.pointer, self._library.stop_test, flag.address)

    def _check(self, rows: Sequence[Row]) -> None:
        """ctypes writes past the end of an array, and a strange token or sequence ends the process."""
        if not 0 < len(rows) <= self.batch_tokens:
            raise ValueError(f"a batch of {len(rows)} tokens; 1 to {self.batch_tokens} are possible")
        for row in rows:
            self._check_sequence(row.sequence)
            if not 0 <= row.token < self._n_vocabulary or not 0 <= row.position < self.cells:
                raise ValueError(f"{row} is outside {self._n_vocabulary} tokens and {self.cells} positions")

    def _check_sequence(self, sequence: int) -> None:
        self._check_open()
        if not 0 <= sequence < self.sequences:
            raise ValueError(f"sequence {sequence}; there are {self.sequences}")

    def _check_open(self) -> None:
        if self.pointer is None:
            raise ValueError("the context is closed")

    def check_row(self, row: int) -> None:
        """Refuse a row of the last batch that has no logits: sampling it ends the process."""
        self._check_open()
        if row not in self._outputs:
            raise ValueError(f"row {row} of the last batch has no logits")

    def logits(self, row: int) -> npt.NDArray[np.float32]:
        """Give the logits of one row of the last batch, one for each token of the vocabulary.

        It is native memory, not a copy: the next batch overwrites it.
        """
        import numpy as np

        self.check_row(row)
        pointer = self._api.llama_get_logits_ith(self.pointer, row)
        if not pointer:
            raise WorkerFailed(f"llama.cpp lost the logits of row {row}; call again")
        return np.ctypeslib.as_array(pointer, shape=(self._n_vocabulary,))

    def copy(self, source: int, target: int) -> None:
        """Make `target` the same text as `source`; always whole, for hybrid models cannot be cut."""
        self._check_sequence(source)
        self.drop(target)
        self._api.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def drop(self, sequence: int) -> None:
        """Empty a sequence; removing all of it never fails."""
        self._check_sequence(sequence)
        self._api.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def clear(self) -> None:
        """Empty all sequences. The next text lies in the first cells, as in a new context."""
        self._check_open()
        self._api.llama_memory_clear(self._memory, False)

    def state(self, sequence: int) -> bytearray:
        """Give what the context holds of a sequence, empty when llama.cpp does not give it."""
        self._check_sequence(sequence)
        size = self._api.llama_state_seq_get_size(self.pointer, sequence)
        state = bytearray(size)
        buffer = (ctypes.c_uint8 * size).from_buffer(state)
        return state if self._api.llama_state_seq_get_data(self.pointer, buffer, size, sequence) == size else bytearray()

    def restore(self, sequence: int, state: bytearray, tokens: int) -> bool:
        """Fill a sequence with a state of so many tokens; when that is not what it then holds, it is emptied again.

        After a refusal llama.cpp would go on with an empty sequence and write nonsense.
        """
        self.drop(sequence)
        buffer = (ctypes.c_uint8 * len(state)).from_buffer(state)
        is_taken = bool(state) and self._api.llama_state_seq_set_data(self.pointer, buffer, len(state), sequence) > 0
        if not is_taken or self._api.llama_memory_seq_pos_max(self._memory, sequence) != tokens - 1:
            self.drop(sequence)
            return False
        return True

    def close(self) -> None:
        """Free the context and give the allocator's spare pages back; harmless when done already."""
        if self.pointer:
            self._api.llama_batch_free(self._batch)
            self._api.llama_free(self.pointer)
            self.pointer = self._flag = None
            self._library.log.is_stopping = lambda: False
            self._library.release_memory()
