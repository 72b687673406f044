"""Parts what a model wrote for itself from its answer; pure."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


def split_thoughts(text: str, *, is_thinker: bool) -> tuple[str, str]:
    """Give a model's thoughts and its answer.

    Thoughts stand between `<think>` and `</think>` at the very beginning; marks further on are part of the answer, which
    may well be about them. Of a model that thinks, the opening mark may be missing, because the chat template wrote it.
    Thoughts that were cut off have no closing mark: then all is thoughts, and the answer is empty.

    Args:
        text: What the model wrote.
        is_thinker: Whether the model was trained to think first.
    """
    begun = text.lstrip()
    if begun.startswith(OPEN):
        return _parted(begun[len(OPEN) :])
    if len(begun) < len(OPEN) and begun and OPEN.startswith(begun):
        return begun, ""
    if is_thinker and CLOSE in begun and OPEN not in begun.split(CLOSE, 1)[0]:
        return _parted(begun)
    return "", text


def is_open_thought(text: str) -> bool:
    """Whether a text that is still being written is a thought that was begun with its mark and not ended."""
    return text.lstrip().startswith(OPEN) and CLOSE not in text


def _parted(text: str) -> tuple[str, str]:
    thoughts, _, answer = text.partition(CLOSE)
    return thoughts.strip(), answer.lstrip()
