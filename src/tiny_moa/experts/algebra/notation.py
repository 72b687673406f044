"""Reads mathematical notation, plain or LaTeX, into a tree of plain lists; pure, evaluates nothing and runs nothing.

A node is a list that begins with its sort: `["n", "2.5"]` a number as written, `["v", "x"]` a variable, `["c", "pi"]` a
constant, `["+", a, b]`, `["*", a, b]`, `["/", a, b]`, `["^", a, b]`, `["-", a]`, and `["f", name, ...]` a function. The
lists go over the wire to the worker as they are. What can be read in two ways, such as `1/2x` or `log 100`, is refused.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

Node = list[Any]
MAX_CHARS: Final = 600
MAX_DIGITS: Final = 200
_MAX_DEPTH: Final = 40


class NotNotation(ValueError):
    """The text is not notation, or can be read in more than one way."""


FUNCTIONS: Final = frozenset(
    {"sqrt", "cbrt", "sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "arcsin", "arccos", "arctan"}
    | {"sinh", "cosh", "tanh", "ln", "exp", "abs", "floor", "ceil", "gcd", "lcm"}
)
_CONSTANTS: Final = {"pi": "pi", "π": "pi", "e": "E", "i": "I", "∞": "oo", "infinity": "oo", "infty": "oo", "oo": "oo"}
_GREEK: Final = ["alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "phi", "omega"]
_PRODUCTS: Final = ("xyz", "abcd", "pqr", "uvw", "mn", "rst")
"""Letters that may stand side by side as a product, such as `xy` and `ab`; other words are words."""
_SIGNS: Final = str.maketrans(
    {
        "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "−": "-", "–": "-", "＋": "+", "－": "-", "＝": "=", "（": "(",
        "）": ")", "，": ",", "⁄": "/", "α": " alpha ", "β": " beta ", "θ": " theta ", "λ": " lambda ",
    }
)  # fmt: skip
_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "0123456789-n")
_FRACTIONS: Final = {"½": "(1/2)", "⅓": "(1/3)", "⅔": "(2/3)", "¼": "(1/4)", "¾": "(3/4)"}
_SLASHED: Final = re.compile(r"(?<![\w./)])(\d+)\s*/\s*(\d+)(?![\w./(^])")
_REPEATING: Final = re.compile(r"(?P<whole>\d*)\.(?P<once>\d*)\\overline\{(?P<again>\d+)\}")
_MAX_REPEATING: Final = 30
_TOKEN: Final = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)|(?P<latex>\\[A-Za-z]+)|(?P<word>[A-Za-z]+|[π∞])"
    r"|(?P<relation><=|>=|≤|≥|≠|!=|==|[=<>])|(?P<sign>\*\*|[-+*/^!%°√∛(){}\[\]|,_])|(?P<blank>\s+)"
)
_LATEX: Final = {
    "cdot": "*", "times": "*", "div": "/", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "lt": "<", "gt": ">", "ne": "≠",
    "neq": "≠",
}  # fmt: skip
_RELATIONS: Final = {"==": "=", "≤": "<=", "≥": ">=", "≠": "!="}


def read_expression(text: str) -> Node:
    """Read one expression.

    Raises:
        NotNotation: The text is anything else, too long, too deep, or can be read in two ways.
    """
    parser = _Parser(_tokens(text))
    node = parser.sum()
    parser.end()
    return node


def read_relation(text: str) -> Node:
    """Read one equation or inequality as `["=", left, right]`; the sort is one of `= < > <= >= !=`.

    Raises:
        NotNotation: As for `read_expression`, or there is not exactly one relation sign.
    """
    parser = _Parser(_tokens(text))
    left = parser.sum()
    sign = parser.take_relation()
    right = parser.sum()
    parser.end()
    return [sign, left, right]


def variables(node: Node) -> frozenset[str]:
    """Give the names of the variables in a tree."""
    if node[0] == "v":
        return frozenset((node[1],))
    return frozenset().union(*(variables(part) for part in node[1:] if isinstance(part, list)))


def depth(node: Node) -> int:
    """Give how deep a tree is; a leaf is 1."""
    return 1 + max((depth(part) for part in node[1:] if isinstance(part, list)), default=0)


def _refuse(why: str) -> NoReturn:
    raise NotNotation(why)


def _tokens(text: str) -> list[tuple[str, str]]:
    if len(text) > MAX_CHARS:
        _refuse(f"{len(text)} characters are more than the {MAX_CHARS} that are read")
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ]+", lambda raised: "^(" + raised[0].translate(_RAISED) + ")", text)
    if "÷" in text or "\\div" in text:  # beside the other sign of division, a slash writes a fraction
        text = _SLASHED.sub(r"(\1/\2)", text)
    text = _REPEATING.sub(_repeating, text)
    for sign, plain in _FRACTIONS.items():
        text = text.replace(sign, plain)
    text = text.translate(_SIGNS)
    text = re.sub(
        r"\\(?:left|right|displaystyle|[dt](?=frac)|big|Big|quad|qquad|[,!;: ])",
        lambda m: "\\" if m[0][1:] in "dt" else " ",
        text,
    )
    text = re.sub(r"\\operatorname\{(\w+)\}|\\(?:text|mathrm)\{(\w+)\}", r" \1\2 ", text).replace("{,}", ",").replace("\\%", "%")
    text = re.sub(r"\^\s*\{?\s*\\circ\s*\}?", "°", text)
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            _refuse(f"{text[at]!r} is no notation")
        tokens.append(_token(str(found.lastgroup), found[0]))
        at = found.end()
    return tokens


def _repeating(found: re.Match[str]) -> str:
    """The fraction of a decimal number whose last digits repeat without end."""
    whole, once, again = found["whole"] or "0", found["once"], found["again"]
    if len(whole + once + again) > _MAX_REPEATING:
        _refuse("a repeating number that is too long")
    top = int(whole + once + again) - int(whole + once)
    return f"({top}/{(10 ** len(again) - 1) * 10 ** len(once)})"


def _token(sort: str, text: str) -> tuple[str, str]:
    if sort == "latex":
        name = text[1:]
        if name in _LATEX:
            sign = _LATEX[name]
            return ("sign", sign) if sign in "*/" else ("relation", _RELATIONS.get(sign, sign))
        return ("word", name) if name in FUNCTIONS | {"log", *_GREEK, *_CONSTANTS} else ("latex", name)
    if sort == "relation":
        return sort, _RELATIONS.get(text, text)
    if sort == "number":
        if len(text) > MAX_DIGITS:
            _refuse(f"a number of {len(text)} digits is too long")
        return sort, text.replace(",", "")
    return sort, "^" if text == "**" else text


class _Parser:
    """A recursive descent over tokens; blanks matter only between numbers."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [token for token in tokens if token[0] != "blank"]
        self._at = 0
        self._depth = 0
        self._bars = 0
        self._percents: list[Node] = []

    # -- tokens -----------------------------------------------------------------------------------------------------

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _takes(self, *signs: str) -> str | None:
        sort, text = self._peek()
        if sort == "sign" and text in signs:
            self._at += 1
            return text
        return None

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            _refuse(f"{sign!r} is missing")

    def take_relation(self) -> str:
        sort, text = self._next()
        return text if sort == "relation" else _refuse("there is no relation sign")

    def end(self) -> None:
        if self._peek()[0] != "end":
            _refuse(f"{self._peek()[1]!r} is left over")

    # -- grammar ----------------------------------------------------------------------------------------------------

    def sum(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            _refuse("the brackets are too deep")
        node = self._product()
        while sign := self._takes("+", "-"):
            right = self._product()
            if self._is_percent(node) != self._is_percent(right):
                _refuse("a percentage added to a number can be read in two ways")
            node = ["+", node, right if sign == "+" else ["-", right]]
            if self._is_percent(right):
                self._percents.append(node)
        self._depth -= 1
        if depth(node) > 4 * _MAX_DEPTH:
            _refuse("the expression has too many terms")
        return node

    def _is_percent(self, node: Node) -> bool:
        return any(node is one or (node[0] == "-" and node[1] is one) for one in self._percents)

    def _product(self) -> Node:
        node, divided = self._unary(), False
        while True:
            if sign := self._takes("*", "/"):
                divided = sign == "/"
                node = [sign, node, self._unary()]
            elif self._starts_factor():
                if divided:
                    _refuse("a product behind a division sign can be read in two ways")
                node = self._beside(node)
            else:
                return node

    def _beside(self, node: Node) -> Node:
        """A factor written without a sign: `2x`, `3(x + 1)`, and the mixed number `3 1/2`."""
        sort, _ = self._peek()
        if sort == "number":
            return self._mixed(node)
        if self._peek() == ("latex", "frac") and node[0] == "n":
            part = self._power()
            return ["+", node, part] if part[1][0] == part[2][0] == "n" else ["*", node, part]
        return ["*", node, self._power()]

    def _mixed(self, node: Node) -> Node:
        top = self._next()[1]
        if node[0] == "n" and node[1].isdigit() and top.isdigit() and self._takes("/") and self._peek()[0] == "number":
            bottom = self._next()[1]
            if bottom.isdigit() and int(top) < int(bottom) and not self._starts_factor() and self._peek() != ("sign", "^"):
                return ["+", node, ["/", ["n", top], ["n", bottom]]]
        _refuse("two numbers stand side by side")

    def _starts_factor(self) -> bool:
        sort, text = self._peek()
        if sort == "sign":
            return text in "([{√∛" or (text == "|" and not self._bars)
        return sort in ("number", "word", "latex") and text not in ("rfloor", "rceil")

    def _unary(self) -> Node:
        if sign := self._takes("-", "+"):
            node = self._guarded(self._unary)
            return ["-", node] if sign == "-" else node
        return self._power()

    def _guarded(self, part: Any) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            _refuse("the signs are too deep")
        node: Node = part()
        self._depth -= 1
        return node

    def _power(self) -> Node:
        node = self._postfix(self._atom())
        if self._takes("^"):
            is_plain = self._peek()[0] == "number"
            node = self._postfix(["^", node, self._guarded(self._exponent)])
            if is_plain and node[0] == "^" and node[1][0] in ("n", "c") and self._peek()[0] == "word":
                _refuse("what stands behind the exponent may belong to it")
        return node

    def _exponent(self) -> Node:
        if sign := self._takes("-", "+"):
            node = self._guarded(self._exponent)
            return ["-", node] if sign == "-" else node
        node = self._postfix(self._atom())
        return ["^", node, self._guarded(self._exponent)] if self._takes("^") else node

    def _postfix(self, node: Node) -> Node:
        while sign := self._takes("!", "%", "°"):
            if sign == "!" and self._peek() == ("sign", "!"):
                _refuse("two factorial signs can be read in two ways")
            if sign == "!":
                node = ["f", "factorial", node]
            elif sign == "°":
                node = ["/", ["*", node, ["c", "pi"]], ["n", "180"]]
            elif self._starts_factor():
                _refuse("a percent sign before a number can be read as a remainder")
            else:
                node = ["/", node, ["n", "100"]]
                self._percents.append(node)
        return node

    def _atom(self) -> Node:
        sort, text = self._next()
        if sort == "number":
            return ["n", text]
        if sort == "word":
            return self._word(text)
        if sort == "latex":
            return self._command(text)
        if sort == "sign" and text in "([{":
            node = self.sum()
            self._expect({"(": ")", "[": "]", "{": "}"}[text])
            return node
        if sort == "sign" and text in "√∛":
            return ["f", "sqrt" if text == "√" else "cbrt", self._atom()]
        if sort == "sign" and text == "|":
            self._bars += 1
            node = self.sum()
            self._expect("|")
            self._bars -= 1
            return ["f", "abs", node]
        _refuse(f"{text!r} is out of place" if text else "something is missing at the end")

    def _command(self, name: str) -> Node:
        if name in ("frac", "binom", "dbinom", "tbinom"):
            top, bottom = self._argument(), self._argument()
            return ["/", top, bottom] if name == "frac" else ["f", "binomial", top, bottom]
        if name in ("lfloor", "lceil"):
            node = self.sum()
            if self._next() != ("latex", "r" + name[1:]):
                _refuse("a bracket is missing")
            return ["f", "floor" if name == "lfloor" else "ceil", node]
        _refuse(f"the command {name!r} is not read")

    def _argument(self) -> Node:
        """A LaTeX argument: a group, or one sign; of a number that is its first digit."""
        sort, text = self._peek()
        if sort == "number" and len(text) > 1:
            if "." in text:
                _refuse("a fraction without brackets")
            self._tokens[self._at] = (sort, text[1:])
            return ["n", text[0]]
        return self._atom()

    def _word(self, word: str) -> Node:
        if word in _CONSTANTS:
            return ["c", _CONSTANTS[word]]
        if word in FUNCTIONS or word.lower() in FUNCTIONS:
            return self._function(word.lower())
        if word == "log":
            return self._logarithm()
        if len(word) == 1 or word in _GREEK:
            if word in "fgh" and self._peek() == ("sign", "("):
                _refuse(f"{word} is a function nobody defined")
            return ["v", word]
        if len(word) <= 4 and any(set(word) <= set(letters) for letters in _PRODUCTS):
            node: Node = ["v", word[0]]
            for letter in word[1:]:
                node = ["*", node, ["v", letter]]
            return node
        _refuse(f"{word!r} is a word")

    def _logarithm(self) -> Node:
        if self._takes("_"):
            base = self._argument()
        elif self._peek()[0] == "number" and self._tokens[self._at + 1 : self._at + 2] == [("sign", "(")]:
            base = ["n", self._next()[1]]
        else:
            _refuse("a logarithm without a base can be read in two ways")
        (value,) = self._values("log")
        return ["f", "log", value, base]

    def _function(self, name: str) -> Node:
        power: Node | None = None
        if name == "sqrt" and self._takes("["):
            index = self.sum()
            self._expect("]")
            return ["f", "root", self._argument(), index]
        if self._takes("^"):
            power = self._exponent()
            if power[0] == "-":
                _refuse("a negative power of a function's name can be read in two ways")
        values = self._values(name)
        if name not in ("gcd", "lcm") and len(values) != 1:
            _refuse(f"{name} takes one value")
        node: Node = ["f", name.replace("arc", "a"), *values]
        return ["^", node, power] if power else node

    def _values(self, name: str) -> list[Node]:
        if self._takes("("):
            values = [self.sum()]
            while self._takes(","):
                values.append(self.sum())
            self._expect(")")
            return values
        if self._peek() == ("sign", "{"):
            return [self._atom()]
        return [self._guarded(self._bare_value)]

    def _bare_value(self) -> Node:
        """A value without brackets: `sin 2x`, `ln x`; it ends before the next function or bracket."""
        node = self._power()
        while self._peek()[0] == "word" and (self._peek()[1] in _CONSTANTS or len(self._peek()[1]) == 1):
            node = ["*", node, self._power()]
        if self._peek() in (("sign", "("), ("sign", "/")):
            _refuse("the value of the function can be read in two ways")
        return node
