"""The command line: serve, ask, doctor, and those of `commands`. Only these print; each imports what it needs."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiny_moa import __version__
from tiny_moa.errors import ConfigurationError, TinyMoAError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from tiny_moa.answer import Answer
    from tiny_moa.models.runtime import Phase
    from tiny_moa.settings import Settings

_FLAGS = (
    "catalog",
    "profile",
    "roots",
    "models",
    "deadline_seconds",
    "max_tokens",
    "memory_mib",
    "engine",
    "threads",
    "log_level",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted."""
    given = _parser().parse_args(arguments)
    flags = {name: getattr(given, name, None) for name in _FLAGS}
    try:
        sys.exit(given.run(given, flags))
    except ConfigurationError as exc:
        _fail(exc, 2)
    except TinyMoAError as exc:
        _fail(exc, 1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # whoever read our output has seen enough; what is still buffered must not be written at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(error: TinyMoAError, code: int) -> None:
    print(f"tiny-moa: {error}", file=sys.stderr)
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tiny-moa", description="A private team of small local experts, served over MCP.")
    parser.add_argument("--version", action="version", version=f"tiny-moa {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve MCP over standard input and output")
    serve.set_defaults(run=_serve)
    ask = commands.add_parser("ask", help="ask the team one question and show who answered")
    ask.add_argument("question", help="the question; '-' reads it from standard input")
    ask.add_argument("--expert", help="ask this expert alone, without routing")
    ask.add_argument("--depth", help="have several answers weighed: auto when that can help, repeat, compare, deliberate, …")
    ask.add_argument("--json", action="store_true", help="print the whole reply as JSON and nothing else")
    ask.set_defaults(run=_ask)
    doctor = commands.add_parser("doctor", help="say what is installed, what is missing and how to mend it")
    doctor.add_argument("--thorough", action="store_true", help="also hash the weights files")
    doctor.set_defaults(run=_doctor)
    parse = commands.add_parser("parse", help="write FILE.md for each document, and say how its pages were read")
    parse.add_argument("files", nargs="+", metavar="FILE", help="a document or a folder of them; below --root when one is given")
    parse.add_argument("--out", type=Path, metavar="DIR", help="where to write; beside each document when it is not given")
    parse.set_defaults(run=_parse)
    route = _add_route(commands)
    weights = [*_add_weights_commands(commands), *_add_team_commands(commands)]
    for command in (serve, ask, route, doctor, parse, *weights):
        _add_settings(command)
    return parser


def _add_route(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    route = commands.add_parser("route", help="say who would answer a question and why, without answering it")
    route.add_argument("question", nargs="?", help="the question; '-' reads it from standard input")
    route.add_argument("--jsonl", metavar="FILE", help='route every line {"id": …, "input": …}; - reads standard input')
    route.add_argument("--no-model", action="store_true", help="ask no model when the classifier is unsure")
    route.add_argument("--json", action="store_true", help="print all that is known of a route, as JSON")
    route.set_defaults(run=_route)
    return route


def _add_weights_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> Sequence[argparse.ArgumentParser]:
    """Add the commands about weights and running servers; what they do is in `commands`."""
    pull = commands.add_parser("pull", help="fetch models from the hub: a profile's set, or models by name")
    pull.add_argument("names", nargs="*", metavar="NAME", help="profiles and models; the profile in use when none is given")
    pull.add_argument("--dry-run", action="store_true", help="only say what would be fetched, and how many bytes")
    pull.add_argument("--accept-licence", action="store_true", help="agree to the licences shown, without asking")
    models = commands.add_parser("models", help="list the models: size, licence, what is here, and for which role")
    verify = commands.add_parser("verify", help="hash the files that are here and compare them with what they should be")
    verify.add_argument("names", nargs="*", metavar="NAME", help="profiles and models; all that are here when none is given")
    remove = commands.add_parser("remove", help="delete a model's files from the hub cache")
    remove.add_argument("names", nargs="+", metavar="MODEL", help="models by name")
    trace = commands.add_parser("trace", help="show how an answer came about: a tree, or one HTML page")
    trace.add_argument(
        "id", nargs="?", default="last", metavar="ID", help="the trace's id; the newest when it is left out, or 'last'"
    )
    trace.add_argument("--html", nargs="?", const="-", metavar="FILE", help="write the page to FILE, or to standard output")
    trace.add_argument("--list", action="store_true", dest="list_all", help="list what is kept, the newest first")
    status = commands.add_parser("status", help="show what the running servers hold and do")
    status.add_argument("--json", action="store_true", help="print the snapshots as JSON and nothing else")
    parsers = (pull, models, verify, remove, trace, status)
    for parser in parsers:
        parser.set_defaults(run=_command, command=parser.prog.split()[-1])
    return parsers


def _add_team_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> Sequence[argparse.ArgumentParser]:
    """Add the commands about councils; what they do is in `measure`."""
    calibrate = commands.add_parser("calibrate", help="measure the models that could sit in a council, as authors and as judges")
    calibrate.add_argument("names", nargs="*", metavar="MODEL", help="models by name; all that are here when none is given")
    calibrate.add_argument("--kind", action="append", choices=("math", "code"), help="only this kind of tasks; repeatable")
    calibrate.add_argument("--n", type=int, default=0, metavar="N", help="only the first N tasks of each kind")
    calibrate.add_argument("--anew", action="store_true", help="also measure what is measured already")
    calibrate.add_argument("--hours", type=float, default=1.0, help="most hours for one model and kind; the same command goes on")
    replay = commands.add_parser("replay", help="count the ballots of a meeting again, from its trace")
    replay.add_argument("name", nargs="?", default="last", metavar="ID", help="the trace's id; the newest when it is left out")
    replay.add_argument("--again", action="store_true", help="also hold it again: the same models, task and rules")
    for parser in (calibrate, replay):
        parser.set_defaults(run=_measure, command=parser.prog.split()[-1])
    return calibrate, replay


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings", "each has a variable TINY_MOA_...; the flag wins")
    group.add_argument(
        "--root", dest="roots", action="append", metavar="FOLDER", help="a folder whose documents may be read; repeatable"
    )
    group.add_argument("--catalog", type=Path, metavar="FILE", help="a catalogue file to lay over the built-in one")
    group.add_argument("--profile", help="a profile of the catalogue")
    group.add_argument("--models", type=Path, metavar="FOLDER", help="a folder with GGUF files")
    group.add_argument("--deadline", dest="deadline_seconds", type=float, metavar="SECONDS", help="how long one call may take")
    group.add_argument("--max-tokens", type=int, metavar="N", help="most tokens one expert writes")
    group.add_argument(
        "--memory", dest="memory_mib", type=int, metavar="MIB", help="memory for all models; 0 for 60 %% of what is free"
    )
    group.add_argument("--engine", choices=("auto", "llama", "xllama"), help="which engine runs models")
    group.add_argument("--threads", type=int, metavar="N", help="threads of one model; 0 for all cores")
    group.add_argument("--log-level", choices=("debug", "info", "warning", "error"), help="what goes to standard error")


def _settings(flags: dict[str, Any]) -> Settings:
    from tiny_moa.settings import load_settings

    settings = load_settings(os.environ, **flags)
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    return settings


def _serve(given: argparse.Namespace, flags: dict[str, Any]) -> int:
    from tiny_moa.server.app import serve

    settings = _settings(flags)
    if sys.stdin.isatty():
        print("tiny-moa: serving MCP on standard input; a host starts this, Ctrl-D ends it (see the README)", file=sys.stderr)
    serve(settings)
    return 0


def _route(given: argparse.Namespace, flags: dict[str, Any]) -> int:
    from tiny_moa import route_lines

    return route_lines.run(_settings(flags), given)


def _command(given: argparse.Namespace, flags: dict[str, Any]) -> int:
    from tiny_moa import commands

    return int(getattr(commands, given.command)(_settings(flags), given))


def _parse(given: argparse.Namespace, flags: dict[str, Any]) -> int:
    from tiny_moa.parse_files import parse

    return parse(_settings(flags), given)


def _measure(given: argparse.Namespace, flags: dict[str, Any]) -> int:
    from tiny_moa.measure import COMMANDS

    return COMMANDS[given.command](_settings(flags), given)


def _doctor(given: argparse.Namespace, flags: dict[str, Any]) -> int:
    from rich.console import Console

    from tiny_moa.doctor import diagnose

    console = Console(highlight=False)
    findings = diagnose(os.environ, flags, is_thorough=given.thorough)
    for finding in findings:
        mark = {True: "[green]ok[/]  ", False: "[red]no[/]  ", None: "[dim]--[/]  "}[finding.is_good]
        console.print(f"{mark}[bold]{finding.what}[/]: ", end="")
        console.print(finding.detail, markup=False)
        if finding.remedy:
            console.print(f"      mend: {finding.remedy}", markup=False, style="yellow")
    wrong = sum(finding.is_good is False for finding in findings)
    console.print("\nEverything needed is here." if not wrong else f"\n{wrong} of {len(findings)} need attention.")
    return 1 if wrong else 0


def _ask(given: argparse.Namespace, flags: dict[str, Any]) -> int:
    import anyio

    settings = _settings(flags)
    question = sys.stdin.read() if given.question == "-" else given.question
    answer = anyio.run(_answer, settings, question, given, None if given.json else _Screen())
    if given.json:
        from tiny_moa.server.replies import reply_of

        print(reply_of(answer).model_dump_json(indent=2))
    return 0


async def _answer(settings: Settings, question: str, given: argparse.Namespace, screen: _Screen | None) -> Answer:
    import anyio

    from tiny_moa.experts.base import Call, Task
    from tiny_moa.server.progress import Pulse
    from tiny_moa.server.team import build_team

    async with build_team(settings) as team:
        call = Call(anyio.current_time() + settings.deadline_seconds, settings.max_tokens, screen or Pulse())
        if given.expert is None:
            asked = team.asker.ask(question, call, depth=given.depth or settings.depth)
        else:
            asked = team.asker.ask_expert(given.expert.lower(), Task(question), call)
        try:
            answer = await asked
        finally:
            if screen:
                screen.close()
    if screen:
        screen.show(answer)
    return answer


class _Screen:
    """A terminal that shows one line of what is going on, streams what experts write, and ends with the trace.

    Without a terminal only the answer and its trace are printed.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self._console: Console = Console(highlight=False)
        self._line: Status | None = self._console.status("starting") if self._console.is_terminal else None
        self._stage = ""
        self._streamed = ""

    def stage(self, name: str) -> None:
        """See `Listener.stage`; what the one before wrote stays on the screen."""
        self._end_text()
        self._stage = name

    def phase(self, phase: Phase, subject: str) -> None:
        """See `Listener.phase`."""
        if self._line:
            self._end_text()
            self._line.update(f"[dim]{self._stage + ': ' if self._stage else ''}{phase} · {subject}[/]")
            self._line.start()

    def wrote(self, text: str) -> None:
        """See `Listener.wrote`; a plan in the making is not shown."""
        if self._line and self._stage != "routing" and text:
            if not self._streamed:
                self._line.stop()
                self._console.print(f"[dim]{self._stage}:[/]")
            self._console.print(text, end="", markup=False, soft_wrap=True)
            self._streamed += text

    def close(self) -> None:
        """End the line and what was streamed."""
        if self._line:
            self._line.stop()

    def _end_text(self) -> None:
        if self._streamed:
            self._console.print("\n")
            self._streamed = ""

    def show(self, answer: Answer) -> None:
        """Print the answer, then who made it and how."""
        from tiny_moa.traces import record_of, tree_of

        is_on_screen = self._streamed.strip() == answer.text.strip()
        self._console.print("" if is_on_screen else answer.text, markup=False, soft_wrap=True)
        self._console.print("", tree_of(record_of(answer.trace, answer.seconds, answer=answer)), sep="\n")
        if answer.trace_id:
            self._console.print(f"[dim]tiny-moa trace {answer.trace_id}[/]")
