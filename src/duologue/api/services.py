"""What every handler needs, handed in once, so that nothing is global."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from duologue.api.fields import Sizes
from duologue.api.gate import RateLimitGate
from duologue.api.problems import Code, Problem
from duologue.api.subjects import Subjects
from duologue.delivery.offer import Offer
from duologue.identity.credentials import Origins, TwoCookies, find
from duologue.identity.limits import RateLimits
from duologue.identity.tokens import BadToken, Session, Tokens
from duologue.media.port import MediaPort
from duologue.metrics import Metrics
from duologue.pairing.machine import Machine

TWO_COOKIES = (
    "the request has two different cookies called {}, and neither counts: "
    "delete the cookies of this site, and reload the page"
)


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that handlers call. Handlers keep no state."""

    machine: Machine
    media: MediaPort
    metrics: Metrics
    tokens: Tokens
    origins: Origins
    pools: Sequence[str]
    """The pools that the settings name; a person who names none goes to the first."""
    terms_version: str = ""
    """The version of the rules that a join has to agree to; empty: none."""
    offer: Offer = field(default_factory=Offer)

    network_of: Callable[[str], str] = lambda _: ""
    """Returns the mark of an address's network (``identity.networks``)."""

    limits: RateLimits | None = None
    """How often a person or an address may send each kind of request; ``None``: without limits."""

    sizes: Sizes = field(default_factory=Sizes)

    subjects: Subjects = field(default_factory=Subjects)
    """Keeps the host application's own names of people, for its events."""

    @property
    def gate(self) -> RateLimitGate:
        """Return the gate that applies the limits."""
        return RateLimitGate(self.metrics, self.limits)

    def caller(self, headers: Mapping[str, str], *, secure: bool) -> Session:
        """Return who is asking, by bearer token or cookie. Raises ``Problem`` (401).

        ``headers`` has lower-case names; ``secure``: asked over TLS. The event stream asks the same question.
        """
        credential = find(headers, self.origins, secure=secure)
        if isinstance(credential, TwoCookies):
            raise Problem(Code.TWO_COOKIES, TWO_COOKIES.format(credential.name))
        if credential is None:
            raise Problem(Code.NO_TOKEN, _missing(self.origins.is_foreign(headers)))
        session = self.tokens.read(credential.token)
        if isinstance(session, BadToken):
            raise Problem(Code.BAD_TOKEN, session.why)
        return session


def _missing(foreign: bool) -> str:
    if foreign:
        return "a page of another origin needs a bearer token: its cookie does not count"
    return "a session token is missing: send a bearer token, or the cookie that POST /v1/sessions sets"
