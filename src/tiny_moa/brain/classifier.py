"""The small classifier of questions: reads its weights from `router.bin` and gives each route a probability; pure.

Trained by `training/train_router.py`, which says how. Uses nothing but the standard library.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from math import exp, log, log1p, sqrt

from tiny_moa.brain.features import FEATURE_VERSION, keys_of
from tiny_moa.errors import ConfigurationError

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Guess:
    """A route and how probable it is."""

    labels: Labels
    probability: float


@dataclass(frozen=True)
class Head:
    """How the weights become probabilities.

    Attributes:
        feature_version: The features they were trained on.
        data_digest: SHA-256 of the training files.
        labels: The labels; each has three columns: whether it comes first, whether it is in the route at all, and whether it
            comes second. The last column of all is whether there is a second one.
        routes: The routes there are.
        bias: One for each column.
        scales: What one step of the whole numbers in the table is worth, by column.
        mix: Weights of: coming first, being in, having a second, coming second; and what a route of two has over one of one.
        sure_from: From which probability on a route needs no second opinion.
    """

    feature_version: int
    data_digest: str
    labels: Labels
    routes: tuple[Labels, ...]
    bias: tuple[float, ...]
    scales: tuple[float, ...]
    mix: tuple[float, ...]
    sure_from: float


class Classifier:
    """Weights that were read once and are used for every question."""

    def __init__(self, head: Head, keys: Sequence[int], table: Sequence[int]) -> None:
        """Take the head, the keys of the features that have weights, sorted, and a row of whole numbers for each."""
        self._head, self._keys, self._table, self._width = head, keys, table, len(head.bias)

    @property
    def head(self) -> Head:
        """How the weights become probabilities, and what they were trained on."""
        return self._head

    def guesses(self, question: str, *, among: Collection[str] | None = None) -> tuple[Guess, ...]:
        """Give every route its probability, the likeliest first.

        Args:
            question: Any text.
            among: The labels that there are experts for; all when it is `None`. `DIRECT` always counts.
        """
        head = self._head
        columns = self._columns(keys_of(question))
        known = head.labels if among is None else {*among, "DIRECT"}
        routes = [route for route in head.routes if all(label in known for label in route)]
        scores = score_routes(columns, routes, head.labels, head.mix)
        total = _log_sum(scores)
        found = (Guess(route, exp(score - total)) for route, score in zip(routes, scores, strict=True))
        return tuple(sorted(found, key=lambda guess: -guess.probability))

    def _columns(self, keys: Sequence[int]) -> list[float]:
        sums = [0] * self._width
        for key in keys:
            at = bisect_left(self._keys, key)
            if at < len(self._keys) and self._keys[at] == key:
                row = self._table[at * self._width : (at + 1) * self._width]
                sums = [a + b for a, b in zip(sums, row, strict=True)]
        norm = 1 / sqrt(max(len(keys), 1))
        head = self._head
        return [bias + total * scale * norm for bias, total, scale in zip(head.bias, sums, head.scales, strict=True)]


def score_routes(columns: Sequence[float], routes: Iterable[Labels], labels: Labels, mix: Sequence[float]) -> list[float]:
    """Give each route its score: the logarithm of its probability up to a constant.

    Of the columns, the first third says which label comes first (a softmax), the next which labels are in at all (one logistic
    unit each), the next which label comes second (a softmax), and the last whether there is a second; `mix` weighs them.
    """
    n = len(labels)
    place = {label: number for number, label in enumerate(labels)}
    first, second = _log_softmax(columns[:n]), _log_softmax(columns[2 * n : 3 * n])
    is_in = [-_softplus(-value) for value in columns[n : 2 * n]]
    is_out = [-_softplus(value) for value in columns[n : 2 * n]]
    is_one, is_two = -_softplus(columns[3 * n]), -_softplus(-columns[3 * n])
    nobody = sum(is_out)
    scores = []
    for route in routes:
        members = nobody + sum(is_in[place[label]] - is_out[place[label]] for label in route)
        score = mix[0] * first[place[route[0]]] + mix[1] * members
        scores.append(
            score + (mix[2] * is_two + mix[3] * second[place[route[1]]] + mix[4] if len(route) > 1 else mix[2] * is_one)
        )
    return scores


def weighed(guesses: Sequence[Guess], opinion: Mapping[str, float], weight: float) -> tuple[Guess, ...]:
    """Combine with another's probabilities of the first label: the product of both, the other's to the power of `weight`."""
    least = 1e-6
    scores = [log(max(g.probability, least)) + weight * log(max(opinion.get(g.labels[0], least), least)) for g in guesses]
    total = _log_sum(scores)
    found = (Guess(guess.labels, exp(score - total)) for guess, score in zip(guesses, scores, strict=True))
    return tuple(sorted(found, key=lambda guess: -guess.probability))


def load_classifier() -> Classifier:
    """Read the weights that lie in the package.

    Raises:
        ConfigurationError: They were trained on other features than this version counts.
    """
    return read_classifier(resources.files("tiny_moa.brain").joinpath("router.bin").read_bytes())


def read_classifier(content: bytes) -> Classifier:
    """Read weights: one line of JSON, then the keys and the table, compressed.

    Raises:
        ConfigurationError: They are not weights of this version.
    """
    line, _, packed = content.partition(b"\n")
    try:
        raw = json.loads(line)
        head = Head(
            raw["feature_version"], raw["data_digest"], tuple(raw["labels"]), tuple(map(tuple, raw["routes"])),
            tuple(raw["bias"]), tuple(raw["scales"]), tuple(raw["mix"]), raw["sure_from"],
        )  # fmt: skip
        unpacked = zlib.decompress(packed)
        keys, table = array("I"), array("b")
        end = raw["features"] * keys.itemsize
        keys.frombytes(unpacked[:end])
        table.frombytes(unpacked[end:])
    except (ValueError, KeyError, TypeError, zlib.error) as exc:
        raise ConfigurationError(f"the router's weights cannot be read: {exc}; install Tiny MoA again") from exc
    if head.feature_version != FEATURE_VERSION or len(table) != len(keys) * len(head.bias):
        raise ConfigurationError(
            f"the router's weights are for features of version {head.feature_version} and this program counts version "
            f"{FEATURE_VERSION}; run training/train_router.py, or install Tiny MoA again"
        )
    if sys.byteorder == "big":
        keys.byteswap()
    return Classifier(head, keys, table)


def _log_softmax(values: Sequence[float]) -> list[float]:
    total = _log_sum(values)
    return [value - total for value in values]


def _softplus(value: float) -> float:
    return max(value, 0.0) + log1p(exp(-abs(value)))


def _log_sum(values: Sequence[float]) -> float:
    top = max(values)
    return top + log(sum(exp(value - top) for value in values))
