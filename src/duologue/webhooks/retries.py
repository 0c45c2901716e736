"""When a delivery that failed is tried again."""

import random
from collections.abc import Callable

HOUR_MS = 3_600_000
RETRIES_MS = (
    5_000, 300_000, 1_800_000,
    2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 14 * HOUR_MS, 20 * HOUR_MS, 24 * HOUR_MS,
)  # fmt: skip
"""The schedule that Standard Webhooks proposes; after the last one, every 24 h."""
GIVEN_UP_MS = 5 * 24 * HOUR_MS
"""After so long without one success an endpoint is disabled. An event that fails for so long while others
succeed is given up."""
JITTER = 0.2


def pause_ms(tries: int, draw: Callable[[float, float], float] = random.uniform) -> int:
    """Return the pause after so many failed tries. Jitter only adds: the host gets its whole time."""
    return round(RETRIES_MS[min(tries, len(RETRIES_MS)) - 1] * draw(1, 1 + JITTER))
