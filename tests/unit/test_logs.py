"""Logs: one form for all, also for what the libraries have to say."""

import io
import json
import logging

import pytest
import structlog

from duologue import logs

pytestmark = pytest.mark.usefixtures("logs_restored")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """What was logged as JSON; nothing on standard output."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours and the libraries' in the same form, each with its level and an instant in UTC."""
    logs.configure("info", "json")
    structlog.get_logger().info("ours", person="p")
    logging.getLogger("asyncio").warning("theirs %s", 1)
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["level"], ours["person"]) == ("ours", "info", "p")
    assert (theirs["event"], theirs["level"]) == ("theirs 1", "warning")
    assert str(ours["timestamp"]).endswith("Z")


def test_a_traceback_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Else a log reader takes each of its lines for an event."""
    logs.configure("info", "json")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        structlog.get_logger().exception("broken")
        logging.getLogger("x").exception("broken too")
    for line in lines(capsys):
        assert "ZeroDivisionError" in str(line["exception"])


@pytest.mark.parametrize(("level", "count"), [("debug", 3), ("info", 2), ("error", 1)])
def test_the_least_that_is_logged(capsys: pytest.CaptureFixture[str], level: str, count: int) -> None:
    """Below it nothing is written."""
    logs.configure(level, "json")
    log = structlog.get_logger()
    for each in ("debug", "info", "error"):
        getattr(log, each)("x")
    assert len(lines(capsys)) == count


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """``auto`` is JSON where there is no terminal, as here; ``console`` is not JSON."""
    logs.configure("info", "console")
    structlog.get_logger().info("ours")
    with pytest.raises(json.JSONDecodeError):
        lines(capsys)
    logs.configure("info", "auto")
    structlog.get_logger().info("ours")
    assert lines(capsys)[0]["event"] == "ours"


def test_a_traceback_for_people_shows_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """Tokens are among them, and logs go further than memory does."""
    logs.configure("info", "console")
    token = "hush" * 3
    try:
        raise ZeroDivisionError(len(token))
    except ZeroDivisionError:
        structlog.get_logger().exception("broken")
        logging.getLogger("x").exception("broken too")
    said = capsys.readouterr().err
    assert said.count("ZeroDivisionError") >= 2
    assert token not in said


def test_a_log_that_nobody_reads_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed terminal refuses lines; the program goes on."""

    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("sys.stderr", Gone())
    logs.configure("info", "json")
    structlog.get_logger().info("ours")
