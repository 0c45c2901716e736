"""How long to wait before another try."""

from collections.abc import Callable


def full_jitter(attempt: int, *, base_s: float, cap_s: float, random: Callable[[], float]) -> float:
    """Anything between nothing and the doubled span: those whom one server lost do not come back in step.

    ``attempt`` counts from 0, ``random`` is in [0, 1). Measured against other forms:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    span: float = min(cap_s, base_s * 2 ** min(attempt, 16))
    return random() * span
