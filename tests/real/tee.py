"""Runs a command and copies every byte of its standard output to a file as well: `tee.py FILE COMMAND ...`.

A stand-in for a host that keeps a transcript, so that a test can look at all bytes a client never shows. It passes
on signals' effects by simply ending with the command, and standard input untouched.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Copy until the command closes its output."""
    with Path(sys.argv[1]).open("wb") as transcript:
        command = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE)
        assert command.stdout is not None
        while block := os.read(command.stdout.fileno(), 65536):
            transcript.write(block)
            transcript.flush()
            os.write(1, block)
    sys.exit(command.wait())


if __name__ == "__main__":
    main()
