"""Waits between tries."""

import pytest

from duologue.client.backoff import full_jitter


@pytest.mark.parametrize(("attempt", "most"), [(0, 0.5), (1, 1.0), (2, 2.0), (3, 4.0), (50, 4.0)])
def test_anything_up_to_the_doubled_span(attempt: int, most: float) -> None:
    """Full jitter, capped, also after days."""
    assert full_jitter(attempt, base_s=0.5, cap_s=4.0, random=lambda: 0.0) == 0.0
    assert full_jitter(attempt, base_s=0.5, cap_s=4.0, random=lambda: 1.0) == most
