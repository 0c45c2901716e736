"""Negative controls: the same play with one guard switched off must break its claim."""

import pytest

from duologue.pairing.timings import Timings


def timings_of(request: pytest.FixtureRequest) -> Timings | None:
    """Return what the mark ``timings`` of a test names, or None for the defaults."""
    mark = request.node.get_closest_marker("timings")
    return Timings(**mark.kwargs) if mark else None


def held_by(*guards: str) -> pytest.MarkDecorator:
    """Plays the test once as it is, and once without each guard, where an assertion of it must fail.

    ``"one+other"``: two guards that hold the same claim, each alone; both are off.
    """
    broken = pytest.mark.xfail(strict=True, raises=AssertionError, reason="the negative control")
    cases = [pytest.param((), id="guarded")]
    cases += [pytest.param(tuple(g.split("+")), id=f"without-{g}", marks=broken) for g in guards]
    return pytest.mark.parametrize("stage", cases, indirect=True)
