"""A list as a heap: the same moves as Python's own, so that the list looks the same after each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


def _rise(heap: list[Any], top: int, at: int) -> None:
    item = heap[at]
    while at > top:
        parent = (at - 1) >> 1
        if not item < heap[parent]:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = item


def _sink(heap: list[Any], at: int) -> None:
    """Move the smaller child up all the way to a leaf, and then the item up again from there."""
    top, end, item = at, len(heap), heap[at]
    child = 2 * at + 1
    while child < end:
        if child + 1 < end and not heap[child] < heap[child + 1]:
            child += 1
        heap[at] = heap[child]
        at, child = child, 2 * child + 1
    heap[at] = item
    _rise(heap, top, at)


def heappush(heap: list[Any], item: Any) -> None:
    """Put an item in."""
    heap.append(item)
    _rise(heap, 0, len(heap) - 1)


def heappop(heap: list[Any]) -> Any:
    """Take the smallest item out."""
    last = heap.pop()
    if not heap:
        return last
    smallest, heap[0] = heap[0], last
    _sink(heap, 0)
    return smallest


def heapify(x: list[Any]) -> None:
    """Order a list as a heap."""
    for at in range(len(x) // 2 - 1, -1, -1):
        _sink(x, at)


def heapreplace(heap: list[Any], item: Any) -> Any:
    """Take the smallest item out, then put one in."""
    smallest, heap[0] = heap[0], item
    _sink(heap, 0)
    return smallest


def heappushpop(heap: list[Any], item: Any) -> Any:
    """Put an item in, then take the smallest out."""
    if heap and heap[0] < item:
        item, heap[0] = heap[0], item
        _sink(heap, 0)
    return item


def nlargest(n: int, iterable: Iterable[Any], key: Callable[[Any], Any] | None = None) -> list[Any]:
    """Give the largest items, the largest first."""
    return sorted(iterable, key=key, reverse=True)[: max(n, 0)]


def nsmallest(n: int, iterable: Iterable[Any], key: Callable[[Any], Any] | None = None) -> list[Any]:
    """Give the smallest items, the smallest first."""
    return sorted(iterable, key=key)[: max(n, 0)]


def merge(*iterables: Iterable[Any], key: Callable[[Any], Any] | None = None, reverse: bool = False) -> Iterator[Any]:
    """Merge sorted lists into one; all of it at once, so they must end."""
    lists = [list(one) for one in iterables]
    at = [0] * len(lists)
    merged: list[Any] = []
    while True:
        best = -1
        for k in range(len(lists)):
            if at[k] == len(lists[k]):
                continue
            if best < 0:
                best = k
                continue
            one, other = lists[k][at[k]], lists[best][at[best]]
            if key is not None:
                one, other = key(one), key(other)
            if other < one if reverse else one < other:
                best = k
        if best < 0:
            return iter(merged)
        merged.append(lists[best][at[best]])
        at[best] += 1
