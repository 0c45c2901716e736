"""From a press of Next to the next face, kind of media beside kind of media: a benchmark, no bound."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Faces:
    """What pages measured, in milliseconds."""

    seen: dict[str, list[float]] = field(default_factory=dict)

    def note(self, media: str, seen_ms: list[float]) -> None:
        """More of one kind."""
        self.seen.setdefault(media, []).extend(seen_ms)

    def markdown(self) -> str:
        """One row a kind of media."""
        head = ("| Next → next face | presses | p50 | p95 |", "|---|---|---|---|")
        return "\n".join([*head, *(_row(media, sorted(seen)) for media, seen in self.seen.items()), ""])


def _row(media: str, seen: list[float]) -> str:
    at = [seen[min(len(seen) - 1, int(len(seen) * part))] for part in (0.5, 0.95)]
    return f"| {media} | {len(seen)} | {at[0]:.0f} ms | {at[1]:.0f} ms |"
