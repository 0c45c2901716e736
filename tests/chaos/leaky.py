"""`duologue` that keeps 4 KiB for each skip: the control of the long run, which has to find that."""

from duologue import cli
from duologue.pairing.machine import Machine
from duologue.pairing.vocabulary import PersonId, Reply

KEPT: list[bytes] = []
skip = Machine.skip


async def skip_and_keep(machine: Machine, person: PersonId, match: str) -> Reply:
    """Skip, and forget to forget."""
    KEPT.append(bytes(4096))
    return await skip(machine, person, match)


Machine.skip = skip_and_keep  # type: ignore[method-assign, assignment] # the leak is planted

if __name__ == "__main__":
    cli.main()
