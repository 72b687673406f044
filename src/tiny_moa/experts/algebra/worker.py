"""The child's side of closed forms: bounds its memory, loads SymPy, answers one question after another.

A question is `{"id", "op", "args"}`; the reply is an `Exact` as an object, or `{"declined": why}`. Nothing here reads
text: the questions are trees that the reader made.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from tiny_moa.child import Frame, Reply, serve_child

logger = logging.getLogger(__name__)

MEMORY_BYTES: Final = 1 << 30
"""The child's address space; SymPy itself takes a quarter of it."""
_MAX_ANSWER_CHARS: Final = 2_000


def bound_memory(limit_bytes: int = MEMORY_BYTES) -> None:
    """Let this process have no more than so much address space, where the system can see to it."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def operations() -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
    """Give what can be asked, by name; loads SymPy."""
    from tiny_moa.experts.algebra import calculus, calendar, equations, numbers
    from tiny_moa.experts.algebra import operations as basic

    return {
        "value": basic.value, "simplify": basic.simplify, "expand": basic.expand, "factor": basic.factor,
        "solve": equations.solve, "derivative": calculus.derivative, "integral": calculus.integral, "limit": calculus.limit,
        "total": calculus.total, "series": calculus.series, "common": numbers.common, "factors": numbers.factors,
        "divisors": numbers.divisors, "is_prime": numbers.is_prime, "primes": numbers.primes, "remainder": numbers.remainder,
        "quotient": numbers.quotient, "inverse": numbers.inverse, "in_base": numbers.in_base, "statistics": numbers.statistics,
        "several": numbers.several, "ratio": numbers.ratio, "next_prime": numbers.next_prime, "calendar": calendar.calendar,
        "extreme": calculus.extreme, "square": calculus.completed_square,
    }  # fmt: skip


def main() -> None:
    """Serve until standard input closes."""
    bound_memory()
    sys.setrecursionlimit(3_000)
    sys.set_int_max_str_digits(0)
    known = operations()

    def answer(message: Frame, reply: Reply) -> None:
        reply({"id": message.get("id"), **_outcome(known, message)})

    serve_child(answer)


def _outcome(known: Mapping[str, Callable[[Mapping[str, Any]], Any]], message: Frame) -> Frame:
    from tiny_moa.experts.algebra.operations import Declined

    try:
        exact = asdict(known[str(message["op"])](message["args"]))
    except Declined as exc:
        return {"declined": str(exc)}
    except MemoryError:
        return {"declined": "it needs more memory than it may take", "spent": True}
    except Exception as exc:  # the boundary to a library that raises anything at all
        logger.exception("a question to SymPy failed")
        return {"declined": f"SymPy gave up: {type(exc).__name__}"}
    if len(exact["answer"]) > _MAX_ANSWER_CHARS:
        return {"declined": "the answer would be too long to read"}
    return exact


if __name__ == "__main__":
    main()
