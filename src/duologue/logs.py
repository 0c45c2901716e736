"""Logs on standard error: lines for people on a terminal, JSON for machines everywhere else."""

import contextlib
import logging
import re
import sys
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict

from duologue.floods import Floods

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""C0 and C1, line and paragraph separators, and what turns the direction of text."""


class Unread:
    """A stream whose reader may be gone (a closed terminal): an unread line is not an error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write the text, and ignore a reader who is gone."""
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush the stream, and ignore a reader who is gone."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def configure(level: str, form: str) -> Floods:
    """Send all log lines to standard error in one form, also the warnings of libraries.

    Returns what limits repeated lines: call ``settle`` on it at the end, because summaries may be due.
    ``form``: ``console``, ``json``, or ``auto``, which is console if standard error is a terminal.
    """
    is_console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    end: list[Any] = (
        # Plain: rich tracebacks, the default where rich is installed, show variables, tokens among them.
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if is_console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    floods = Floods(_say)
    structlog.configure(
        # The look at floods first: a line that is dropped costs no more than this.
        processors=[floods.of_ours, *shared, one_line, *end],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", Unread(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, one_line, *end],
        )
    )
    handler.addFilter(floods.of_theirs)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    return floods


def one_line(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Escape text of an event that would begin another line or control a terminal.

    The renderers quote values: the console's where needed, JSON's always.
    """
    said = event.get("event")
    if isinstance(said, str):
        event["event"] = CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), said)
    return event


def _say(level: str, event: str, of: str, more: int) -> None:
    """Write a summary; it is not counted again."""
    structlog.get_logger(ours=True).log(
        logging.getLevelNamesMapping()[level.upper()], event, of=of, more=more
    )
