"""A LoRA adapter in llama.cpp: loaded for one model, applied to each context that is opened over it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from tiny_moa.errors import WeightsInvalid, WorkerFailed
from tiny_moa.models.native import NativeContext, NativeModel, load_library


class NativeAdapter:
    """The tensors of one adapter. llama.cpp frees them with the model, so there is nothing to close."""

    def __init__(self, model: NativeModel, path: Path, scale: float) -> None:
        """Load an adapter for an open model.

        Raises:
            WeightsInvalid: llama.cpp refuses the file, because it is broken or made for another model.
        """
        if model.pointer is None:
            raise ValueError("the model is closed")
        self._library = load_library()
        self._library.log.why()
        self._name = path.name
        self._scale = scale
        self._pointer = self._library.api.llama_adapter_lora_init(model.pointer, os.fsencode(path))
        if not self._pointer:
            why = self._library.log.why()
            raise WeightsInvalid(
                f"llama.cpp cannot lay the adapter {path.name!r} over model {model.name!r}: {why}; name one made for this model"
            )

    def apply(self, context: NativeContext) -> None:
        """Lay the adapter over everything a context computes from now on.

        Raises:
            WorkerFailed: llama.cpp refuses it.
        """
        adapters = (self._library.api.llama_adapter_lora_p_ctypes * 1)(self._pointer)
        scales = (ctypes.c_float * 1)(self._scale)
        if self._library.api.llama_set_adapters_lora(context.pointer, adapters, 1, scales):
            raise WorkerFailed(f"llama.cpp cannot apply the adapter {self._name!r}: {self._library.log.why()}; call again")
