"""The model's process with a fault in it, for the tests of faults; the variable FAULT names which."""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
import threading

from tiny_moa.models import worker, writing

_AFTER_TOKENS = 5


def _fail(fault: str) -> None:
    if fault == "native abort":
        ctypes.CDLL(None).abort()
    elif fault == "bad pointer":
        ctypes.string_at(8)
    elif fault == "closed pipe":
        os.closerange(3, 256)
        threading.Event().wait()
    elif fault == "garbage":
        for descriptor in range(3, 256):
            try:
                os.write(descriptor, b"\0\0\0\5hello")
            except OSError:
                continue
    elif fault == "hangs":
        threading.Event().wait()
    elif fault == "exception":
        raise ZeroDivisionError("a mistake in the worker")


def main() -> None:
    """Run the worker; the fault happens before a certain token."""
    fault = os.environ["FAULT"]
    if fault == "little memory":
        import resource

        pages = int(open("/proc/self/statm").read().split()[0])  # noqa: PTH123, SIM115
        limit = pages * os.sysconf("SC_PAGE_SIZE") + (int(os.environ["SPARE_MIB"]) << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    take = writing.Answer.take

    tokens = itertools.count(1)

    def taking(self, *arguments):  # type: ignore[no-untyped-def]
        if next(tokens) == _AFTER_TOKENS:
            _fail(fault)
        return take(self, *arguments)

    writing.Answer.take = taking  # type: ignore[method-assign]
    sys.argv = ["worker"]
    worker.main()


if __name__ == "__main__":
    main()
