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
    """A stream whose reader may have gone (a closed terminal): what nobody reads is no reason to fail."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Written, if anybody reads it."""
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Likewise."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def configure(level: str, form: str) -> Floods:
    """Everything that is logged goes there in that form, the libraries' own warnings too.

    Returned is what bounds how often: ``settle`` it at the end, for it may owe a summary.

    ``form``: ``console``, ``json``, or ``auto``: console if standard error is a terminal.
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
    """Escape what would begin another line, or command a terminal, in the text of an event.

    Values are quoted where it matters (by the console's renderer) or always (by JSON's).
    """
    said = event.get("event")
    if isinstance(said, str):
        event["event"] = CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), said)
    return event


def _say(level: str, event: str, of: str, more: int) -> None:
    """A summary passes by the look at floods: it is about ourselves."""
    structlog.get_logger(ours=True).log(
        logging.getLevelNamesMapping()[level.upper()], event, of=of, more=more
    )
