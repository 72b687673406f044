"""Our own copies of modules and methods against Python's, and rewritten programs against the interpreter that needs them."""

from __future__ import annotations

import ast
import calendar
import cmath
import contextlib
import functools
import heapq
import io
import operator
import statistics
import string
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_moa.experts.rewriting import ignored_method, rewritten
from tiny_moa.experts.sandbox import run_program
from tiny_moa.experts.sandbox_modules import _helpers as helpers
from tiny_moa.experts.sandbox_modules import calendar as our_calendar
from tiny_moa.experts.sandbox_modules import cmath as our_cmath
from tiny_moa.experts.sandbox_modules import fractions as our_fractions
from tiny_moa.experts.sandbox_modules import heapq as our_heapq
from tiny_moa.experts.sandbox_modules import operator as our_operator
from tiny_moa.experts.sandbox_modules import statistics as our_statistics
from tiny_moa.experts.sandbox_modules import string as our_string
from tiny_moa.experts.spare_texts import MODULES, public_names


def outcome(call: Callable[..., Any], *args: Any) -> tuple[str, Any]:
    """What a call gives or the kind of its error, and the arguments as it left them."""
    try:
        made = call(*args)
    except (ValueError, IndexError, KeyError, TypeError, ZeroDivisionError) as exc:
        kind = next(one for one in (ValueError, LookupError, TypeError, ZeroDivisionError) if isinstance(exc, one))
        return kind.__name__, args
    return repr(made), args


# -- modules --------------------------------------------------------------------------------------------------------


def test_what_our_modules_have_python_has_too() -> None:
    for name in MODULES:
        assert public_names(name) <= set(dir(__import__(name))) | {"StatisticsError"}


_LISTS = st.lists(st.integers(-9, 9), max_size=12)


@given(_LISTS, st.integers(-9, 9))
def test_a_heap_looks_the_same_after_every_move(values: list[int], item: int) -> None:
    for name in ("heapify", "heappop"):
        assert outcome(getattr(our_heapq, name), list(values)) == outcome(getattr(heapq, name), list(values))
    heapq.heapify(values)
    for name in ("heappush", "heapreplace", "heappushpop"):
        assert outcome(getattr(our_heapq, name), list(values), item) == outcome(getattr(heapq, name), list(values), item)


@given(st.lists(_LISTS, max_size=4), st.integers(-2, 14), st.booleans())
def test_heaps_select_and_merge_as_pythons_do(lists: list[list[int]], n: int, reverse: bool) -> None:
    flat = [item for one in lists for item in one]
    assert our_heapq.nlargest(n, flat, key=abs) == heapq.nlargest(n, flat, key=abs)
    assert our_heapq.nsmallest(n, flat, key=abs) == heapq.nsmallest(n, flat, key=abs)
    ordered = [sorted(one, key=abs, reverse=reverse) for one in lists]
    assert list(our_heapq.merge(*ordered, key=abs, reverse=reverse)) == list(heapq.merge(*ordered, key=abs, reverse=reverse))


def test_the_constants_of_text_are_pythons() -> None:
    for name in public_names("string") - {"capwords"}:
        assert getattr(our_string, name) == getattr(string, name)


@given(st.text("aB -\n", max_size=12), st.sampled_from([None, " ", "-"]))
def test_words_get_capitals_as_in_python(text: str, separator: str | None) -> None:
    assert our_string.capwords(text, separator) == string.capwords(text, separator)


_TWO = sorted(name for name in public_names("operator") if name not in ("setitem", "itemgetter", "attrgetter"))


@given(st.integers(-9, 9), st.integers(-9, 9), st.lists(st.integers(0, 3), max_size=5))
def test_operators_give_what_pythons_give(a: int, b: int, values: list[int]) -> None:
    for name in _TWO:
        ours, theirs = getattr(our_operator, name), getattr(operator, name)
        for args in ((a,), (a, b), (values, b), (values, values)):
            assert outcome(ours, *args)[0] == outcome(theirs, *args)[0], (name, args)


@given(st.lists(st.tuples(st.integers(), st.text(max_size=3)), max_size=6))
def test_getters_take_what_pythons_take(rows: list[tuple[int, str]]) -> None:
    for items in ((0,), (1, 0)):
        assert list(map(our_operator.itemgetter(*items), rows)) == list(map(operator.itemgetter(*items), rows))
    for names in (("real",), ("real", "imag")):
        assert [our_operator.attrgetter(*names)(a) for a, _ in rows] == [operator.attrgetter(*names)(a) for a, _ in rows]


_DATA = st.lists(st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6, width=32)), max_size=8)


@given(st.one_of(_DATA, st.lists(st.integers(-50, 50), max_size=8), st.lists(st.floats(-1e9, 1e9), max_size=6)))
def test_averages_and_spreads_are_pythons_to_the_last_bit(values: list[Any]) -> None:
    for name in sorted(public_names("statistics") - {"StatisticsError"}):
        assert outcome(getattr(our_statistics, name), values) == outcome(getattr(statistics, name), values), name


_COMPLEX = st.complex_numbers(max_magnitude=100, allow_nan=False, allow_infinity=False, allow_subnormal=False)


@given(_COMPLEX)
def test_complex_numbers_are_as_near_as_floats_are(z: complex) -> None:
    assert our_cmath.polar(z) == pytest.approx(cmath.polar(z))
    assert our_cmath.phase(z) == pytest.approx(cmath.phase(z))
    for name in ("sqrt", "exp"):
        ours, theirs = getattr(our_cmath, name)(z), getattr(cmath, name)(z)
        assert abs(ours - theirs) <= 1e-9 * max(1, abs(theirs))
    assert our_cmath.rect(*cmath.polar(z)) == pytest.approx(cmath.rect(*cmath.polar(z)))


@given(st.integers(1, 9998), st.integers(1, 9998), st.integers(1, 12))
def test_the_calendar_is_pythons(year: int, other: int, month: int) -> None:
    assert our_calendar.isleap(year) == calendar.isleap(year)
    assert our_calendar.leapdays(year, other) == calendar.leapdays(year, other)
    assert our_calendar.monthrange(year, month) == calendar.monthrange(year, month)


_PAIRS = st.tuples(st.integers(-40, 40), st.integers(-12, 12).filter(bool))
_OPERATORS = (operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod)
_ORDERS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)


@given(_PAIRS, _PAIRS, st.integers(-5, 5), st.integers(0, 3))
def test_fractions_compute_as_pythons_do(one: tuple[int, int], two: tuple[int, int], whole: int, digits: int) -> None:
    ours, theirs = our_fractions.Fraction(*one), Fraction(*one)
    for other_ours, other_theirs in ((our_fractions.Fraction(*two), Fraction(*two)), (whole, whole), (0.5, 0.5)):
        for operation in (*_OPERATORS, *_ORDERS):
            assert outcome(operation, ours, other_ours)[0] == outcome(operation, theirs, other_theirs)[0], operation
    assert hash(ours) == hash(our_fractions.Fraction(one[0] * 3, one[1] * 3))
    for operation in (operator.add, operator.sub, operator.mul, operator.truediv):
        assert outcome(operation, whole, ours)[0] == outcome(operation, whole, theirs)[0]
    for view in (str, repr, int, float, bool, round, abs, operator.neg):
        assert outcome(view, ours)[0] == outcome(view, theirs)[0]
    assert repr(round(ours, digits)) == repr(round(theirs, digits))
    assert outcome(operator.pow, ours, whole)[0] == outcome(operator.pow, theirs, whole)[0]
    assert repr(ours.limit_denominator(5)) == repr(theirs.limit_denominator(5))


@given(st.one_of(st.sampled_from(["3/4", " -3/4 ", "0.125", "-1.5", "7", "-.5"]), st.floats(-100, 100), st.integers()))
def test_fractions_are_read_as_pythons_are(value: Any) -> None:
    assert repr(our_fractions.Fraction(value)) == repr(Fraction(value))


# -- methods and statements -----------------------------------------------------------------------------------------


@given(st.integers(), st.floats(allow_nan=True, allow_infinity=True))
def test_numbers_tell_of_themselves_as_pythons_do(number: int, real: float) -> None:
    assert helpers._bit_length_(number) == number.bit_length()
    assert helpers._bit_count_(number) == number.bit_count()
    assert helpers._is_integer_(real) == real.is_integer()


@given(st.text("abcx", max_size=8), st.text("abc", max_size=3), st.text("abc", max_size=3), st.text("abx", max_size=2))
def test_texts_are_translated_as_in_python(text: str, first: str, second: str, third: str) -> None:
    def ours() -> str:
        return str(helpers._translate_(text, helpers._maketrans_(first, second, third)))

    assert outcome(ours)[0] == outcome(lambda: text.translate(str.maketrans(first, second, third)))[0]
    table = dict(zip(first, [*second, None, "zz"], strict=False))
    assert helpers._translate_(text, helpers._maketrans_(table)) == text.translate(str.maketrans(table))


@given(_LISTS, st.booleans())
def test_a_list_is_sorted_by_a_comparison_as_in_python(values: list[int], reverse: bool) -> None:
    pairs = [(value, place) for place, value in enumerate(values)]

    def compare(one: Any, other: Any) -> int:
        return abs(one[0]) - abs(other[0])

    assert helpers._sorted_by_(pairs, compare, reverse) == sorted(pairs, key=functools.cmp_to_key(compare), reverse=reverse)


_PLACES = st.integers(-6, 6)
_MAYBE = st.one_of(st.none(), _PLACES)


@given(
    st.lists(st.integers(), max_size=6),
    _PLACES,
    st.builds(slice, _MAYBE, _MAYBE, st.one_of(st.none(), st.sampled_from([-2, -1, 1, 2]))),
)
def test_items_are_deleted_as_in_python(values: list[int], place: int, part: slice) -> None:
    for made in (list(values), deque(values), dict.fromkeys(values, 1)):
        assert outcome(helpers._delete_, made, place)[1:] == outcome(operator.delitem, _copy(values, made), place)[1:]
    assert outcome(helpers._delete_, list(values), part)[1][0] == outcome(operator.delitem, list(values), part)[1][0]


def _copy(values: list[int], like: Any) -> Any:
    return dict.fromkeys(values, 1) if isinstance(like, dict) else type(like)(values)


# -- programs -------------------------------------------------------------------------------------------------------

PROGRAMS = {
    "a heap": "import heapq\nh = [3, 1, 2]\nheapq.heapify(h)\nheapq.heappush(h, 0)\n[heapq.heappop(h), h]",
    "a name of its own": "from heapq import heappush as put, nlargest\nh = []\nput(h, 2)\nput(h, 1)\n[h, nlargest(1, h)]",
    "inside a function": "def f(a):\n    import heapq\n    heapq.heapify(a)\n    return a\nf([2, 1])",
    "several at once": "import math, string as s, heapq\n[math.gcd(4, 6), s.digits, heapq.nsmallest(1, [2, 1])]",
    "a star": "from math import *\nfrom string import *\n[sqrt(4), floor(2.5), digits]",
    "punctuation": "import string\n'a,b!'.translate(str.maketrans('', '', string.punctuation))",
    "getters": "from operator import itemgetter, mul\n[sorted([(2, 'a'), (1, 'b')], key=itemgetter(0)), mul(2, 3)]",
    "averages": "import statistics as s\n[s.mean([1, 2, 4]), s.median([1, 2]), s.stdev([1, 2, 3, 4]), s.mode('aab')]",
    "fractions": "from fractions import Fraction as F\n[F(1, 3) + 1, F('0.5') < F(2, 3), 2 > F(1, 2), sum([F(1, 2), F(1, 3)])]",
    "a queue": "from queue import PriorityQueue\nq = PriorityQueue()\nq.put(3)\nq.put(1)\n[q.get(), q.empty(), q.qsize()]",
    "a stack that is full": "from queue import LifoQueue\nq = LifoQueue(1)\nq.put_nowait(1)\n[q.full(), q.get_nowait()]",
    "a heap that is not": "from queue import PriorityQueue\nq = PriorityQueue(2)\nq.put_nowait(1)\n[q.full(), q.get_nowait()]",
    "a plain queue": "from queue import SimpleQueue\nq = SimpleQueue()\nq.put_nowait(1)\n[q.get_nowait(), q.empty()]",
    "complex roots": "import cmath\n[cmath.phase(1j), cmath.sqrt(-4)]",
    "months": "import calendar\n[calendar.monthrange(2024, 2), calendar.isleap(1900)]",
    "deleting": "d = {'a': 1}\ndel d['a']\nx = [1, 2, 3, 4]\ndel x[0], x[-1]\ny = list(range(9))\n"
    "del y[1:3]\ndel y[::2]\n[d, x, y]",
    "a deque": "from collections import deque\nd = deque([1, 2, 3])\ndel d[-1]\nd",
    "bits": "[(5).bit_length(), (7).bit_count(), (2.0).is_integer()]",
    "comparing": "from functools import cmp_to_key\na = ['3', '30']\n"
    "a.sort(key=cmp_to_key(lambda a, b: 1 if a + b < b + a else -1))\na",
    "a decorator": "import functools\ndef d(f):\n    @functools.wraps(f)\n    def g(x):\n        return f(x) + 1\n    return g\n"
    "@d\ndef h(x):\n    return x\nh(1)",
    "methods of types": "[list(map(str.upper, ['a'])), sorted(['B', 'a'], key=str.lower), set.union({1}, "
    "{2}), str.join('-', 'ab')]",
    "methods of values": "d = {'a': 2, 'b': 1}\nx = []\nput = x.append\nput(1)\n"
    "[max(d, key=d.get), x, list(map(' '.join, ['ab']))]",
    "methods of collections": "from collections import Counter, deque\nc = Counter('aab')\nd = deque()\nf = d.append\nf(1)\n"
    "[max(c, key=c.get), sorted(c, key=c.get, reverse=True), d]",
    "attributes called like methods": "class A:\n    def __init__(self):\n        self.count = 3\n        self.get = None\n"
    "    def index(self):\n        return 7\na = A()\nf = a.index\n[a.count, a.get, f()]",
    "methods of numbers": "[list(map(int.bit_length, [5, 8])), list(map(float.is_integer, [1.0, 1.5]))]",
    "recursion": "import sys\nsys.setrecursionlimit(10**6)\n7",
    "the future": "from __future__ import annotations\nimport heapq\ndef f(x: list[int]):\n    return heapq.heappop(x)\nf([1])",
    "a parameter called like a module": "import string\ndef f(string):\n    return string.upper()\nf('a')",
}


@pytest.mark.parametrize("title", PROGRAMS)
async def test_a_program_gives_in_the_sandbox_what_python_gives(title: str) -> None:
    *body, last = ast.parse(PROGRAMS[title]).body
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(ast.Module(body, []), "program", "exec"), names)  # our own programs, above
        value = eval(compile(ast.Expression(last.value), "program", "eval"), names)  # type: ignore[attr-defined]
    made = await run_program(PROGRAMS[title])
    assert (made.kind, made.value) == ("finished", repr(value))


@pytest.mark.parametrize(
    ("source", "lacking"),
    [
        ("from heapq import nothing", "heapq"),
        ("from queue import Queue\nQueue().get()", "thread"),
        ("from fractions import Fraction\nmax([Fraction(1, 2), Fraction(1, 3)])", "__lt__"),
        ("class A:\n    def __lt__(self, other):\n        return True\nsorted([A(), A()])", "__lt__"),
        ("class A:\n    def __len__(self):\n        return 1\nlen(A())", "__len__"),
        ("from functools import cmp_to_key\nmax([1, 2], key=cmp_to_key(lambda a, b: a - b))", "cmp_to_key"),
        ("def f():\n    yield 1\nf()", "yield"),
        ("import numpy", "numpy"),
        ("from numpy import *", "Wildcard"),
        ("from collections import Counter\n(lambda: Counter('a').__contains__)()", "__contains__"),
    ],
)
async def test_what_cannot_be_rewritten_is_refused_and_not_blamed_on_the_program(source: str, lacking: str) -> None:
    made = await run_program(source)
    assert made.kind == "refused"
    assert lacking in made.error


async def test_a_class_without_a_length_is_the_programs_mistake() -> None:
    assert (await run_program("class A:\n    pass\nlen(A())")).kind == "raised"


def test_a_program_with_nothing_to_change_stays_as_it_is() -> None:
    source = "import math  # as it was\n\nx = ( math.pi )\n"
    assert rewritten(source) == source


@settings(max_examples=50)
@given(st.lists(st.sampled_from([*PROGRAMS.values(), "x = 1", "del x", "class A: pass"]), max_size=3).map("\n".join))
def test_a_rewritten_program_is_a_program(source: str) -> None:
    with contextlib.suppress(SyntaxError):
        ast.parse(source)
        ast.parse(rewritten(source))


@given(st.text(max_size=60))
def test_any_error_can_be_asked_about(error: str) -> None:
    assert ignored_method("class A:\n    pass", error) == ""
