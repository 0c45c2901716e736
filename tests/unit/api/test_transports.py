"""The verdict: when polling can be switched off, and the sentence that says why."""

import pytest

from duologue.api.transports import verdict
from duologue.pairing.vocabulary import Comparison, Usage

AGREED = Comparison(same=400, stream_first=90, poll_first=10)


@pytest.mark.parametrize(
    ("usage", "safe", "why"),
    [
        (Usage(50, 0, AGREED, AGREED), True, "1000 reads since yesterday agreed"),
        (Usage(50, 0, AGREED, Comparison(same=499)), False, "999 reads were compared since yesterday"),
        (Usage(50, 0, AGREED, AGREED._replace(missed=1)), False, "1 knew what the stream never brought"),
        (Usage(50, 0, AGREED._replace(differ=2), AGREED), False, "2 said something else"),
        (Usage(50, 1, AGREED, AGREED), False, "1 person polls"),
        (Usage(50, 7, AGREED, AGREED), False, "7 people poll"),
        (Usage(0, 0, Comparison(), Comparison()), False, "0 reads"),
        (Usage(0, 3, Comparison(missed=1), Comparison()), False, "find out why"),
    ],
)
def test_safe_only_if_nothing_speaks_against_it(usage: Usage, safe: bool, why: str) -> None:
    """Enough reads, not one of them missed or different, and nobody whom streams do not reach."""
    found = verdict(usage)
    assert found.safe is safe
    assert why in found.why
