"""What strangers can repeat does not fill the log, and nothing is held back unsaid."""

import ast
import asyncio
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from duologue import floods, logs
from duologue.floods import KINDS, LINES, WINDOW_S, Floods

SOURCE = Path(floods.__file__).parent
MANY = 10_000


pytestmark = pytest.mark.usefixtures("logs_restored")


class Log:
    """What a configured log wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._floods = logs.configure("info", "json")
        self.ours = structlog.get_logger()
        self.theirs = logging.getLogger("uvicorn.error")

    def lines(self) -> list[dict[str, object]]:
        """Until now, with the summaries that are owed."""
        self._floods.settle()
        return [json.loads(line) for line in self._capsys.readouterr().err.splitlines()]


def test_the_first_ten_and_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    """Write 10,000 lines of our code and of a library, with any fields."""
    log = Log(capsys)
    for n in range(MANY):
        log.ours.info("attach failed", error=str(n))
        log.theirs.warning("Invalid HTTP request received.")
    lines = log.lines()
    assert len(lines) == 2 * (LINES + 1)
    ours, theirs = lines[-2:]
    assert all(re.fullmatch(r"… and 9,990 more in \d+ s", str(each["event"])) for each in (ours, theirs))
    assert (ours["of"], ours["more"], ours["level"]) == ("attach failed", 9_990, "info")
    assert (theirs["of"], theirs["more"]) == ("Invalid HTTP request received.", 9_990)
    assert theirs["level"] == "warning"


def test_without_the_bound_all_are_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    log = Log(capsys)
    monkeypatch.setattr(Floods, "passes", lambda *_: True)
    for _ in range(1_000):
        log.ours.info("attach failed")
        log.theirs.warning("Invalid HTTP request received.")
    assert len(log.lines()) == 2_000


def test_a_line_about_ourselves_always_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """Starts, stops, and what a worker says."""
    log = Log(capsys)
    for _ in range(100):
        structlog.get_logger(ours=True).info("the embedded store runs", pid=1)
    lines = log.lines()
    assert len(lines) == 100
    assert all("ours" not in line for line in lines)


def test_those_who_speak_of_ourselves() -> None:
    """Only lines that strangers cannot repeat: the embedded store, the workers, the start."""
    about = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if "__name__, ours=True)" in path.read_text()
    }
    assert about == {
        *("cli.py", "store/embedded.py", "wiring.py", "wiring_livekit.py", "webhooks/sender.py"),
        *(f"workers/{name}.py" for name in ("canary", "reconcile", "rooms", "supervisor")),
    }


# --- mistakes of ours --------------------------------------------------------------------


def first() -> None:
    """A mistake."""
    raise ZeroDivisionError("of somebody")


def second() -> None:
    """Another one, of the same kind."""
    raise ZeroDivisionError("of somebody else")


def grouped(within: Callable[[], None]) -> None:
    """As a task group raises it."""
    errors: list[Exception] = []
    try:
        within()
    except ZeroDivisionError as error:
        errors.append(error)
    raise ExceptionGroup("of a task group", errors)


def caused(within: Callable[[], None]) -> None:
    """As an adapter wraps it."""
    try:
        within()
    except ZeroDivisionError as error:
        raise RuntimeError("wrapped") from error


MISTAKES: dict[str, Callable[[], None]] = {
    "first": first,
    "second": second,
    "a group of first": lambda: grouped(first),
    "a group of second": lambda: grouped(second),
    "caused by first": lambda: caused(first),
    "caused by second": lambda: caused(second),
}


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_each_mistake_is_seen_in_a_flood_of_another(capsys: pytest.CaptureFixture[str], whose: str) -> None:
    """Identical tracebacks are bounded; one that is new is written, however often the other came."""
    log = Log(capsys)
    for _ in range(200):
        for mistake in MISTAKES.values():
            try:
                mistake()
            except (ZeroDivisionError, ExceptionGroup, RuntimeError):
                getattr(log, whose).exception("a stream's task failed")
    lines = log.lines()
    written = [line for line in lines if "exception" in line]
    assert len(written) == len(MISTAKES) * LINES
    assert [line["more"] for line in lines if "more" in line] == [200 - LINES] * len(MISTAKES)


def test_an_identical_traceback_about_ourselves_is_bounded_too(capsys: pytest.CaptureFixture[str]) -> None:
    """It says nothing new."""
    log = Log(capsys)
    for _ in range(100):
        try:
            first()
        except ZeroDivisionError:
            structlog.get_logger(ours=True).exception("a round failed")
    assert len(log.lines()) == LINES + 1


def test_different_errors_of_one_name_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a traceback their fields tell them apart, but for numbers."""
    log = Log(capsys)
    for n in range(20):
        log.ours.error("a script was refused", script="join", error=f"line {n} of 0x{n:x}")
        log.ours.error("a script was refused", script="skip", error=f"line {n}")
    lines = log.lines()
    assert sum("error" in line for line in lines) == 2 * LINES
    assert [line["more"] for line in lines if "more" in line] == [10, 10]


def test_the_kinds_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    """Texts that are always new are told apart up to a bound, and every line is counted."""
    log = Log(capsys)
    for n in range(MANY):
        log.theirs.error("/".join(chr(97 + int(digit)) for digit in f"{n:05}"))
    lines = log.lines()
    assert len(lines) <= (KINDS + 1) * LINES + KINDS
    held_back = sum(int(str(line["more"])) for line in lines if "more" in line)
    assert held_back + sum("more" not in line for line in lines) == MANY


# --- when summaries come -----------------------------------------------------------------


class Turned:
    """Floods with a clock to turn."""

    def __init__(self) -> None:
        self.now = 0.0
        self.said: list[tuple[str, int]] = []
        self.floods = Floods(lambda _, __, of, more: self.said.append((of, more)), monotonic=lambda: self.now)

    def line(self, name: str) -> bool:
        """One line of this kind."""
        return self.floods.passes(name, "info", name)


def test_a_window_begins_anew() -> None:
    """Ten more a minute later, and the summary of the former before them."""
    turned = Turned()
    assert sum(turned.line("a") for _ in range(50)) == LINES
    turned.now = WINDOW_S - 0.1
    assert not turned.line("a")
    turned.now = WINDOW_S
    assert turned.line("a")
    assert turned.said == [("a", 41)]
    turned.now = 3 * WINDOW_S
    assert turned.line("b")
    assert turned.said == [("a", 41)], "nothing was held back since"


async def test_the_summary_comes_though_no_line_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the event loop's timer."""
    monkeypatch.setattr(floods, "WINDOW_S", 0.02)
    said: asyncio.Queue[int] = asyncio.Queue()
    bounded = Floods(lambda _, __, ___, more: said.put_nowait(more))
    for _ in range(2):
        for _ in range(LINES + 7):
            bounded.passes("a", "info", "a")
        async with asyncio.timeout(5):
            assert await said.get() == 7


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 40)), max_size=200))
def test_nothing_is_lost(lines: list[tuple[str, float]]) -> None:
    """Written and held back are all there were, in whatever order and time they come."""
    turned = Turned()
    written = 0
    for name, later in lines:
        turned.now += later / 10
        written += turned.line(name)
    turned.floods.settle()
    assert written + sum(more for _, more in turned.said) == len(lines)


# --- what a line may hold ----------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("whose", ["event", "field", "library"])
def test_nobody_begins_a_line_of_the_log(capsys: pytest.CaptureFixture[str], form: str, whose: str) -> None:
    """Nor commands a terminal, nor turns what it shows around."""
    logs.configure("info", form)
    text = "x\n2026-01-01 [info] forged\r\x1b[2J\x85\u2028\u202e"
    if whose == "event":
        structlog.get_logger().warning(text)
    elif whose == "field":
        structlog.get_logger().warning("y", peer=text)
    else:
        logging.getLogger("uvicorn.error").warning("%s", text)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "forged" in said
    for each in "\r\x85\u2028\u202e":
        assert each not in said
    assert "\x1b[2J" not in said


def test_lines_name_nobody() -> None:
    """A person is an id. No text, no address but a proxy's, no token: a field is not written before this list
    has it."""
    allowed = {
        *("data", "error", "kind", "mode", "orphaned", "peer", "pid", "policy", "script", "vanished"),
        *("work", "worker", "endpoint", "event_id", "count"),
        *(
            "lasted_ms",
            "match",
            "often",
            "people",
            "person",
            "pool",
            "reason",
            "renewed",
            "waited_ms",
        ),
        *("whose", "address", "admin", "media", "ops", "store", "version"),
    }
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
            ):
                assert isinstance(node.args[0], ast.Constant), (
                    f"{path}:{node.lineno} makes its event of parts"
                )
                found |= {str(each.arg) for each in node.keywords}
    assert found == allowed
