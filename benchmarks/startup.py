"""How long a cold start takes until the tools are listed, beside `python -c "import mcp"`, in one run.

    uv run --extra local --group dev python benchmarks/startup.py [--n 5]

Prints the median of N cold processes for each, and the ratio. A cold start is: start the process, `initialize`,
`tools/list` answered. The processes take turns, so that a busy neighbour slows both alike.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime


def import_seconds() -> float:
    """Time one `python -c "import mcp"`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import mcp"], check=True)
    return time.perf_counter() - began


def start_seconds() -> float:
    """Time one server from its start to the answer of `tools/list`."""
    began = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "tiny_moa", "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdin is not None
    assert server.stdout is not None
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "startup", "version": "1"}}
    for message in (
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ):
        server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()
    while json.loads(server.stdout.readline()).get("id") != 2:
        pass
    seconds = time.perf_counter() - began
    server.stdin.close()
    server.wait(timeout=10)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Cold start until tools/list, beside `import mcp`.")
    parser.add_argument("--n", type=int, default=5, help="processes of each kind")
    n = parser.parse_args().n
    import_seconds(), start_seconds()  # once each, so that files are in the page cache for both
    pairs = [(import_seconds(), start_seconds()) for _ in range(n)]
    imports, starts = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(start / imported for imported, start in pairs)
    print(f"{datetime.now(UTC).date()}  Python {platform.python_version()}, {platform.machine()}, n={n}")
    print(f'python -c "import mcp"       median {imports:.2f} s')
    print(f"tiny-moa until tools/list    median {starts:.2f} s")
    print(f"ratio                        median {ratio:.2f}   (aim: at most 1.5)")


if __name__ == "__main__":
    main()
