"""Train the router's classifier on `training/routing/` and write `src/tiny_moa/brain/router.bin`.

    uv run --extra local --group train python training/train_router.py            # train, calibrate, write
    uv run --extra local --group train python training/train_router.py --check    # only cross-validate, write nothing

Two sets of logistic units over hashed features: which label comes first (a softmax), and which labels are in the route (one unit
each). Four numbers that mix them, and with them the temperature, are fitted to what held-out folds got. Folds keep near-copies
together. The same data gives the same file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from tiny_moa.brain.features import BUCKETS, FEATURE_VERSION, buckets_of, names_of
from tiny_moa.brain.signals import look

FOLDER = Path(__file__).parent / "routing"
WEIGHTS = Path(__file__).parents[1] / "src" / "tiny_moa" / "brain" / "router.bin"
LABELS = ("DIRECT", "CODER", "REASONER", "TOOL_CALLER", "MULTILINGUAL", "OCR", "AUDIO", "LINUX")
FOLDS, SEED, STRENGTH, LEAST_COUNT = 5, 7, 5.0, 2
SURE_PRECISION = 0.97
"""A route is sure from the probability on at which this share of the held-out ones above it was right."""
EMPHASIS = {"f": 3.0, "t": 2.0}
"""Marks and topics are few beside letters; they are scaled up so that the penalty does not silence them."""
Labels = tuple[str, ...]


def read_data(folder: Path = FOLDER) -> tuple[list[str], list[Labels]]:
    """Read the prompts and their routes: files of lines, a heading `# LABEL [LABEL]` before those of one route."""
    texts: list[str] = []
    routes: list[Labels] = []
    for file in sorted(folder.glob("*.txt")):
        route: Labels = ()
        for line in file.read_text("utf-8").splitlines():
            if line.startswith("# ") and set(line[2:].split()) <= set(LABELS):
                route = tuple(line[2:].split())
            elif line.strip():
                texts.append(line.strip())
                routes.append(route)
    return texts, routes


def digest_of(folder: Path = FOLDER) -> str:
    """Give the SHA-256 of the training files, names and contents."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.txt")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def groups_of(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """Number the prompts so that near-copies (half of their runs of four letters shared) have one number."""
    grams = [frozenset(g[i : i + 4] for i in range(max(len(g) - 3, 1))) for g in (re.sub(r"\W+", " ", t.lower()) for t in texts)]
    holders: dict[str, list[int]] = {}
    group = list(range(len(texts)))

    def root(n: int) -> int:
        while group[n] != n:
            n = group[n]
        return n

    for n, mine in enumerate(grams):
        shared: dict[int, int] = {}
        for gram in mine:
            for other in holders.setdefault(gram, []):
                shared[other] = shared.get(other, 0) + 1
            holders[gram].append(n)
        for other, count in shared.items():
            if count * 2 >= len(mine | grams[other]):
                group[root(n)] = root(other)
    return np.array([root(n) for n in range(len(texts))])


class Model:
    """The weights of one training run."""

    def __init__(self, counts: sparse.csr_matrix, routes: Sequence[Labels], emphasis: np.ndarray[Any, Any]) -> None:
        """Train on prompts' features."""
        seen = np.asarray((counts > 0).sum(0)).ravel()
        value = (np.log((counts.shape[0] + 1) / (seen + 1)) + 1) * emphasis * (seen >= LEAST_COUNT)
        columns = np.flatnonzero(value)
        inputs = (_normed(counts) @ sparse.diags(value)).tocsr()[:, columns]
        n = len(LABELS)
        self.weights, self.bias = np.zeros((2 * n, BUCKETS)), np.zeros(2 * n)
        first = np.array([LABELS.index(route[0]) for route in routes])
        model = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3, class_weight="balanced").fit(inputs, first)
        self.weights[:n, columns], self.bias[:n] = model.coef_, model.intercept_
        for number, label in enumerate(LABELS):
            is_in = np.array([label in route for route in routes])
            unit = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3, solver="liblinear", random_state=SEED)
            unit.fit(inputs, is_in)
            self.weights[n + number, columns], self.bias[n + number] = unit.coef_[0], unit.intercept_[0]
        self.weights *= value

    def columns(self, counts: sparse.csr_matrix) -> np.ndarray[Any, Any]:
        """Give the units' values for prompts."""
        found: np.ndarray[Any, Any] = _normed(counts) @ self.weights.T + self.bias
        return found


def _normed(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.diags(1 / np.sqrt(np.maximum(np.asarray(counts.sum(1)).ravel(), 1))) @ counts


def features(texts: Sequence[str]) -> tuple[sparse.csr_matrix, np.ndarray[Any, Any]]:
    """Count the features of prompts, and give each bucket its emphasis."""
    rows = [buckets_of(text) for text in texts]
    ends = np.cumsum([0, *map(len, rows)])
    counts = sparse.csr_matrix((np.ones(ends[-1]), np.concatenate(rows), ends), shape=(len(texts), BUCKETS))
    emphasis = np.zeros(BUCKETS)
    for text in texts:
        for name in names_of(look(text)):
            bucket = crc32(name.encode()) % BUCKETS
            emphasis[bucket] = max(emphasis[bucket], EMPHASIS.get(name.split("|")[0], 1.0))
    return counts, np.where(emphasis > 0, emphasis, 1.0)


def log_softmax(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Normalise rows of scores to logarithms of probabilities."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    normed: np.ndarray[Any, Any] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normed


def route_scores(columns: np.ndarray[Any, Any], routes: Sequence[Labels], mix: Sequence[float]) -> np.ndarray[Any, Any]:
    """Do for many prompts what `classifier.score_routes` does for one."""
    n = len(LABELS)
    first = log_softmax(columns[:, :n])
    is_in, is_out = -np.logaddexp(0, -columns[:, n:]), -np.logaddexp(0, columns[:, n:])
    scores = np.empty((len(columns), len(routes)))
    for number, route in enumerate(routes):
        places = [LABELS.index(label) for label in route]
        members = is_out.sum(axis=1) + (is_in - is_out)[:, places].sum(axis=1)
        scores[:, number] = mix[0] * first[:, places[0]] + mix[1] * members
        if len(route) > 1:
            scores[:, number] += mix[2] + mix[3] * first[:, places[1]]
    return scores


def fit_mix(columns: np.ndarray[Any, Any], routes: Sequence[Labels], known: Sequence[Labels]) -> list[float]:
    """Fit the mix to held-out prompts by their likelihood, which calibrates the probabilities too."""
    gold = np.array([known.index(route) for route in routes])

    def loss(mix: np.ndarray[Any, Any]) -> float:
        return -float(log_softmax(route_scores(columns, known, list(mix)))[np.arange(len(gold)), gold].mean())

    return [round(float(x), 4) for x in minimize(loss, [0.5, 1.0, 0.0, 0.0], method="Nelder-Mead").x]


def sure_from(probabilities: np.ndarray[Any, Any], is_right: np.ndarray[Any, Any]) -> float:
    """Find the least probability from which on `SURE_PRECISION` of the held-out routes were right."""
    order = np.argsort(-probabilities)
    share = np.cumsum(is_right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share >= SURE_PRECISION)
    return round(float(probabilities[order][good[-1]]), 3) if len(good) else 1.0


def main() -> None:
    """Cross-validate, then train on everything and write the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only cross-validate")
    given = parser.parse_args()
    began = time.process_time()
    texts, routes = read_data()
    known = sorted(set(routes))
    counts, emphasis = features(texts)
    groups = groups_of(texts)
    folds = np.random.default_rng(SEED).permutation(groups.max() + 1)[groups] % FOLDS
    columns = np.zeros((len(texts), 2 * len(LABELS)))
    for fold in range(FOLDS):
        train = folds != fold
        model = Model(counts[train], [r for r, use in zip(routes, train, strict=True) if use], emphasis)
        columns[~train] = model.columns(counts[~train])
    mix = fit_mix(columns, routes, known)
    odds = log_softmax(route_scores(columns, known, mix))
    is_right = np.array([known[best] == route for best, route in zip(odds.argmax(1), routes, strict=True)])
    is_chain = np.array([len(route) > 1 for route in routes])
    threshold = sure_from(np.exp(odds.max(1)), is_right)
    sure = np.exp(odds.max(1)) >= threshold
    print(
        f"{len(texts)} prompts, {len(set(groups))} groups, {len(known)} routes; held out: {is_right.mean():.1%} right, "
        f"{is_right[~is_chain].mean():.1%} of single, {is_right[is_chain].mean():.1%} of chains; "
        f"sure from {threshold} ({sure.mean():.0%}, of them {is_right[sure].mean():.1%} right)"
    )
    if not given.check:
        write(Model(counts, routes, emphasis), known, mix, threshold)
    print(f"{time.process_time() - began:.0f} s of one core")


def write(model: Model, known: Sequence[Labels], mix: Sequence[float], threshold: float) -> None:
    """Write the weights: a line of JSON, then the table as 16-bit whole numbers, compressed."""
    scales = np.abs(model.weights).max(axis=1) / 32_000
    table = np.rint(model.weights / scales[:, None]).astype("<i2").T
    head = {
        "feature_version": FEATURE_VERSION,
        "data_digest": digest_of(),
        "labels": LABELS,
        "routes": known,
        "bias": [round(float(x), 6) for x in model.bias],
        "scales": [float(f"{x:.6g}") for x in scales],
        "mix": mix,
        "sure_from": threshold,
    }
    packed = zlib.compress(np.ascontiguousarray(table).tobytes(), 9)
    WEIGHTS.write_bytes(json.dumps(head).encode() + b"\n" + packed)
    print(f"wrote {WEIGHTS.name}: {WEIGHTS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
