"""The child that test_child starts: echoes, prints where it must not, dies, hangs, or breaks the protocol on request."""

from __future__ import annotations

import os
import signal
import sys
import threading

from tiny_moa.child import Frame, Reply, serve_child

_noticed = threading.Event()


def answer(request: Frame, reply: Reply) -> None:
    """Do what `op` says."""
    match request["op"]:
        case "echo":
            reply({"got": request["text"]})
        case "print":
            print("this is for nobody", flush=True)  # noqa: T201
            os.write(1, b"nor is this\n")
            reply({"stdin": sys.stdin.read()})
        case "await notice":
            reply({"ready": True})
            _noticed.wait()
            reply({"noticed": True})
        case "hang":
            reply({"ready": True})
            threading.Event().wait()
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)


def raw() -> None:
    """Say the bytes of the environment, and then wait for the end of standard input."""
    os.write(1, bytes.fromhex(os.environ["ECHO_RAW"]))
    sys.stdin.buffer.read()


if __name__ == "__main__":
    if os.environ.get("ECHO_RAW"):
        raw()
    else:
        serve_child(answer, lambda notice: _noticed.set())
