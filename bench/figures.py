"""What was measured: for each figure the values of all rounds, and notes on how they came about."""

from dataclasses import dataclass, field
from typing import Any

from duologue.bench.load import Sample
from duologue.bench.spread import Spread


@dataclass(slots=True)
class Figures:
    """Values by column (a contestant) and figure, in the order of the rounds."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    """What a table says in place of a number, such as `never`, by column and figure."""

    def add(self, column: str, figure: str, value: float) -> None:
        """Note the value of one round."""
        self.values.setdefault(column, {}).setdefault(figure, []).append(value)

    def sample(self, column: str, load: str, round_number: int, sample: Sample) -> None:
        """Keep a stretch of load for the JSON file."""
        self.samples.append({"column": column, "load": load, "round": round_number, **sample.as_dict()})

    def spread(self, column: str, figure: str) -> Spread | None:
        """Return the spread of a figure; ``None``: it was not measured."""
        return Spread.of(self.values.get(column, {}).get(figure, []))

    def note(self, column: str, figure: str, words: str) -> None:
        """Say this in place of the number."""
        self.notes[f"{column}/{figure}"] = words
