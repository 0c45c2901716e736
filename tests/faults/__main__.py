"""``make faults``: play every fault and print what became of each person; exit code 1 if a claim broke."""

import asyncio
import sys
from pathlib import Path

from tests.faults import clock_steps, cuts, outages, partings, sessions, upkeep
from tests.faults.matrix import Row, markdown

ARTIFACTS = Path(__file__).parents[2] / "artifacts"


async def every_row(*, whole: bool) -> list[Row]:
    """Cuts side by side, outages one after another; says what it is at."""
    rows = await cuts.rows(cuts.every_case() if whole else cuts.a_sample())
    rows += [await partings.row(kind, partings.every_case(kind)) for kind in partings.PARTINGS]
    rows.append(await sessions.row(partings.every_case(sessions.KIND)))
    for outage in outages.OUTAGES:
        if whole or outage.in_sample:
            sys.stderr.write(f"{outage.fault} …\n")
            rows.append(await outages.row(outage, whole=whole))
    return rows


async def time_rows(*, whole: bool) -> tuple[list[str], str]:
    """What is wrong with time, records and our own crashes, and the tables of it."""
    sys.stderr.write("the store's clock steps …\n")
    steps = await clock_steps.rows(whole=whole)
    sys.stderr.write("lost records, a crash, heartbeats …\n")
    kept = await upkeep.rows(whole=whole)
    wrong = [what for row in steps for what in row.wrong] + [row.line() for row in kept if not row.is_good]
    return wrong, f"{clock_steps.markdown(steps)}\n{upkeep.markdown(kept)}"


def show(rows: list[Row], more: str = "") -> None:
    """On the screen, and kept."""
    table = "\n".join(filter(None, (markdown(rows), more)))
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / "faults.md").write_text(table)
    sys.stdout.write(table)


def main() -> None:
    """The whole matrix, or with ``--sample`` what every change is checked by."""
    whole = "--sample" not in sys.argv
    wrong, more = asyncio.run(time_rows(whole=whole))
    rows = asyncio.run(every_row(whole=whole))
    show(rows, more)
    wrong += [what for row in rows for what in row.wrong]
    sys.stderr.write("".join(f"{what[:1000]}\n" for what in wrong))
    sys.exit(1 if wrong or not all(row.is_good for row in rows) else 0)


if __name__ == "__main__":
    main()
