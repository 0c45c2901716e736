"""The store is told the host application's names of people, and not of guests."""

from duologue.api.subjects import AGAIN_S, REMEMBERED, Subjects
from duologue.identity.tokens import GUEST_ISSUER, Session
from duologue.pairing.vocabulary import PersonId


def session(person: str, issuer: str = "shop") -> Session:
    return Session(person, issuer, f"sub-{person}", "", None, "0", {}, 0)


async def test_a_name_is_told_once_a_day() -> None:
    """A guest's is never told. Names that were pushed out of the memory are told again."""
    told: list[tuple[str, str, str]] = []
    now = 0.0

    async def name(person: PersonId, issuer: str, subject: str) -> None:
        told.append((person, issuer, subject))

    subjects = Subjects(name, lambda: now)
    await subjects.keep(session("guest", GUEST_ISSUER))
    await subjects.keep(session("ann"))
    await subjects.keep(session("ann"))
    assert told == [("ann", "shop", "sub-ann")]
    now = AGAIN_S
    await subjects.keep(session("ann"))
    assert len(told) == 2
    for n in range(REMEMBERED):
        await subjects.keep(session(str(n)))
    await subjects.keep(session("ann"))
    assert [row for row in told if row[0] == "ann"] == [("ann", "shop", "sub-ann")] * 3
