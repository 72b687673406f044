"""One model run by xllamacpp: prompts, answers and scores by what its server offers; knows neither processes nor pipes."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tiny_moa.errors import ContextExceeded, DeadlineExceeded, InvalidRequest
from tiny_moa.models.answer_text import AnswerText, is_looping
from tiny_moa.models.chat_template import ChatTemplate
from tiny_moa.models.grammar import schema_grammar
from tiny_moa.models.opening_grammar import grammar_after
from tiny_moa.models.runtime import MOST_SAMPLES, Completion, Finish, Message, RuntimeStatistics, Usage
from tiny_moa.models.xllama_server import Chunk, ModelServer, ServerOptions

_LOOP_CHECK_TOKENS = 16
_PENALTY_WINDOW = 64
_DRY_WINDOW = 1024
_SAMPLERS = ("penalties", "dry", "top_k", "top_p", "min_p", "temperature")
"""In the order of the first engine; `Sampling` names its fields as the library does."""
_EVERY_TOKEN = 1_000_000
"""More than any vocabulary has."""
_RANDOM_SEED = 0xFFFF_FFFF
"""The library takes this one to mean a random seed."""

Report = Callable[[dict[str, Any]], None]
"""Called with the events `phase` and `token`."""
IsStopped = Callable[[], bool]


class Stopped(Exception):
    """Whoever asked wants the request to end."""


@dataclass
class Answer:
    """One answer as it grows.

    Attributes:
        text: Its text.
        written: Its tokens, without the one that ended it.
        log_probabilities: One for each chunk of text.
        finish: Why it ended, `None` while it is written.
    """

    text: AnswerText
    written: int = 0
    log_probabilities: list[float] = field(default_factory=list)
    finish: Finish | None = None
    _heard: int = 0
    _silent: list[float] = field(default_factory=list)

    def take(self, chunk: Chunk) -> list[str]:
        """Take a chunk; gives what each new token made printable.

        A token without text may be the one that ends the answer, so it is counted with the next one only.
        """
        if self.finish is not None:
            return []
        self._silent += [value for _, value in chunk.tokens]
        if not chunk.text and chunk.finish is None:
            return []
        tokens = chunk.written - self._heard - (chunk.finish == "stop")
        self._heard = chunk.written
        self.written += tokens
        self.log_probabilities += self._silent[:-1] if chunk.finish == "stop" else self._silent
        self._silent = []
        news = [""] * tokens
        if chunk.text and news:
            news[-1] = self.text.add(chunk.text.encode())
        self.finish = self._ending(chunk)
        return news

    def _ending(self, chunk: Chunk) -> Finish | None:
        if self.text.is_stopped:
            return "stop"
        if self.written % _LOOP_CHECK_TOKENS == 0 and is_looping(self.text.text):
            return "repetition"
        return "stop" if chunk.finish == "stop" else "length" if chunk.finish else None


class XllamaEngine:
    """One model. What `Runtime` says of its calls holds for those here, which any thread may make; the server orders them."""

    def __init__(self, name: str, path: Path, options: ServerOptions, folder: Path) -> None:
        self.name = name
        self.statistics = RuntimeStatistics(threads=options.threads)
        self._counting = threading.Lock()
        self._load = partial(ModelServer, name, path, options, folder)
        self._server = self._load()
        self._is_parked = False
        self._template = ChatTemplate(name, self._server.chat_template, self._server.marks)
        self._beginning = self._server.beginning
        self.context_tokens = self._server.context_tokens

    def park(self) -> None:
        """Free the model; the file stays in the system's cache, from which the next call loads it again."""
        self._server.close()
        self._is_parked = True

    def wake(self) -> None:
        """Load the model again if it is parked; for the main thread, like loading."""
        if self._is_parked:
            self._server = self._load()
            self._is_parked = False

    def sample(self, request: Mapping[str, Any], n: int, report: Report, is_stopped: IsStopped) -> tuple[Completion, ...]:
        """Write `n` answers to one prompt; see `Runtime.sample`."""
        if not 1 <= n <= MOST_SAMPLES:
            raise InvalidRequest(f"{n} answers; 1 to {MOST_SAMPLES} are possible")
        self._count(requests=1)
        body = self._drawing(request["sampling"])
        if request["schema"] is not None:
            body["grammar"] = grammar_after(schema_grammar(request["schema"]), request["opening"])
        prompt = self._prompt(request)
        room = self._room(prompt, n)
        body |= {"prompt": prompt, "n": n, "max_tokens": min(request["max_tokens"], room // n), "logprobs": 1}
        answers = [Answer(AnswerText(request["stops"], request["opening"])) for _ in range(n)]
        usage = self._write(body, answers, report, is_stopped)
        copied = replace(usage, cached_tokens=usage.prompt_tokens)
        wants = request["wants_log_probabilities"]
        return tuple(_completion(answer, copied if index else usage, wants=wants) for index, answer in enumerate(answers))

    def _write(self, body: dict[str, Any], answers: Sequence[Answer], report: Report, is_stopped: IsStopped) -> Usage:
        """Fill the answers; gives what they cost together, the tokens written excepted."""
        reading = _Reading(len(body["prompt"]))
        report({"event": "phase", "text": "reading"})

        def hear(chunk: Chunk) -> bool:
            if is_stopped():
                return True
            if chunk.read is not None:
                reading.take(chunk)
                return False
            if not reading.is_over:
                reading.end()
                report({"event": "phase", "text": "writing"})
            for news in answers[chunk.answer].take(chunk):
                report({"event": "token", "answer": chunk.answer, "text": news})
            return all(answer.finish is not None for answer in answers)

        try:
            if not is_stopped():
                self._server.stream(body, hear)
        except ContextExceeded:  # calls that write at the same time have filled the cache together
            if not any(answer.written for answer in answers):
                raise
            for answer in answers:
                answer.finish = answer.finish or "length"
        reading.end()
        for index, answer in enumerate(answers):
            if (answer.written or answer.finish) and (rest := answer.text.finish()):
                report({"event": "token", "answer": index, "text": rest})
        return self._counted(reading, sum(answer.written for answer in answers))

    def _counted(self, reading: _Reading, written: int) -> Usage:
        usage = reading.usage()
        evaluated = reading.read - reading.cached + written
        self._count(evaluated_tokens=evaluated, generated_tokens=written, cached_tokens=usage.cached_tokens)
        self._count(read_seconds=usage.read_seconds, write_seconds=usage.write_seconds)
        return usage

    def score(self, request: Mapping[str, Any], labels: Sequence[str], is_stopped: IsStopped) -> tuple[float, ...]:
        """Give the probability of each label; see `Runtime.score`.

        The end after a label is the likeliest of the model's end tokens.
        """
        self._count(requests=1)
        if not labels:
            raise InvalidRequest("0 labels; give one at least")
        prompt = self._prompt({**request, "opening": ""})
        self._room(prompt, 1 + max(len(self._server.tokenise(label, special=False)) for label in labels))
        try:
            totals = [self._score(prompt, label, is_stopped) for label in labels]
        except Stopped as exc:
            raise DeadlineExceeded(f"model {self.name!r} was stopped before it had scored {len(labels)} labels") from exc
        weights = [math.exp(total - max(totals)) for total in totals]
        return tuple(weight / sum(weights) for weight in weights)

    def _score(self, prompt: Sequence[int], label: str, is_stopped: IsStopped) -> float:
        """Give the log-probability of a label and the end after it.

        The library tells the probability of a token it is made to draw. It cannot be made to draw a part of a character, and
        such parts are looked up among all tokens instead.
        """
        tokens = self._server.tokenise(label, special=False)
        if self._server.is_whole(label):
            forced = " ".join(f"<[{token}]>" for token in tokens) or '""'
            found = self._look(_Look(prompt, forced, len(tokens) + 1), is_stopped)
            return sum(value for chunk in found for _, value in chunk.tokens)
        total = 0.0
        for index, token in enumerate(tokens):
            (chunk,) = self._look(_Look([*prompt, *tokens[:index]], '"a"', 1, likely=_EVERY_TOKEN), is_stopped)
            total += chunk.likely[token]
        (end,) = self._look(_Look([*prompt, *tokens], '""', 1), is_stopped)
        return total + end.tokens[0][1]

    def _look(self, look: _Look, is_stopped: IsStopped) -> list[Chunk]:
        """Give the chunks with probabilities.

        Raises:
            Stopped: Whoever asked wants it.
        """
        found: list[Chunk] = []
        reading = _Reading(len(look.prompt))

        def hear(chunk: Chunk) -> bool:
            if chunk.read is not None:
                reading.take(chunk)
            if chunk.tokens:
                found.append(chunk)
            return is_stopped()

        if not is_stopped():
            self._server.stream(look.body(), hear)
        if is_stopped():
            raise Stopped
        self._count(evaluated_tokens=reading.read - reading.cached + look.most - 1, cached_tokens=reading.cached)
        return found

    def _prompt(self, request: Mapping[str, Any]) -> list[int]:
        """Tokenise a conversation or a raw prompt with the answer's beginning behind it; contents never become marks."""
        messages = [Message(**message) for message in request["messages"]]
        tokens: list[int] = []
        for piece in request["raw"]:
            tokens += self._server.tokenise(piece["text"], special=piece["is_mark"])
        for segment in self._template.render(messages) if not request["raw"] else ():
            tokens += self._server.tokenise(segment.text, special=not segment.is_content)
        if self._beginning is not None and tokens[:1] != [self._beginning]:
            tokens.insert(0, self._beginning)
        return [*tokens, *self._server.tokenise(request["opening"], special=False)]

    def _room(self, prompt: Sequence[int], least: int) -> int:
        """Give how many tokens fit behind a prompt, `least` or more."""
        room = self.context_tokens - len(prompt)
        if room < least:
            raise ContextExceeded(self.name, len(prompt), self.context_tokens)
        return room

    def _drawing(self, sampling: Mapping[str, Any]) -> dict[str, Any]:
        """Say how tokens are drawn; the penalty's window reaches into the prompt here, which the library does not leave out."""
        drawing = {"samplers": _SAMPLERS, "repeat_last_n": _PENALTY_WINDOW, "dry_penalty_last_n": _DRY_WINDOW}
        return {**sampling, **drawing, "seed": sampling["seed"] % _RANDOM_SEED}

    def _count(self, **more: float) -> None:
        with self._counting:
            now = self.statistics
            self.statistics = replace(now, **{name: getattr(now, name) + count for name, count in more.items()})


@dataclass(frozen=True)
class _Look:
    """A prompt, what the answer behind it is made to be, its most tokens, and for how many tokens to tell the chances."""

    prompt: Sequence[int]
    forced: str
    most: int
    likely: int = 1

    def body(self) -> dict[str, Any]:
        """Give the request."""
        bound = {"max_tokens": self.most, "temperature": 0, "logprobs": self.likely, "grammar": f"root ::= {self.forced}"}
        return {"prompt": list(self.prompt), **bound}


@dataclass
class _Reading:
    """How far the prompt is read, and the time that took."""

    prompt_tokens: int
    read: int = 0
    cached: int = 0
    is_over: bool = False
    _began: float = field(default_factory=time.monotonic)
    _seconds: float = 0.0

    def take(self, chunk: Chunk) -> None:
        self.read, self.cached = max(self.read, chunk.read or 0), max(self.cached, chunk.cached)

    def end(self) -> None:
        if not self.is_over:
            self.is_over, self._seconds = True, time.monotonic() - self._began

    def usage(self) -> Usage:
        writing = time.monotonic() - self._began - self._seconds
        return Usage(self.prompt_tokens, self.cached, read_seconds=self._seconds, write_seconds=writing)


def _completion(answer: Answer, usage: Usage, *, wants: bool) -> Completion:
    """Turn an answer into a completion; one that was stopped before its first token has no text, not even its opening."""
    text = answer.text.text if answer.written or answer.finish else ""
    found = tuple(answer.log_probabilities) if wants else ()
    return Completion(text, answer.finish or "deadline", replace(usage, completion_tokens=answer.written), found)
