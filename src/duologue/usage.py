"""``duologue transports``: what ``GET /transports`` of a running server says, for people to read."""

import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import msgspec

TIMEOUT_S = 10
WORDS = {
    "same": "the same",
    "stream_first": "the stream knew first",
    "poll_first": "the read knew first",
    "missed": "the stream missed it",
    "differ": "they differed",
}


class Unanswered(Exception):
    """No Duologue server answers there; the message is one line that says what to do."""


def fetch(url: str) -> dict[str, Any]:
    """Return the document of the server at ``url`` (``http://host:port``). Raises ``Unanswered``."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise Unanswered(f"{url} is not the address of a server, such as http://localhost:8001")
    asked = url.rstrip("/") + "/transports"
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:  # noqa: S310 # looked at above
            document: dict[str, Any] = msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as error:
        raise Unanswered(
            f"{asked} is not served ({error.code}); the operator's pages have a port of their own, which the "
            "server names as it starts (--ops-port), by default the one after --port: "
            f"duologue transports {one_higher(url)}"
        ) from error
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise Unanswered(
            f"{asked} does not answer ({reason}); is the server running there? "
            "It prints the address of the operator's pages as it starts"
        ) from error
    return document


def one_higher(url: str) -> str:
    """Return the address of the operator's pages of a server at ``url``, unless its settings name another."""
    try:
        port = urllib.parse.urlsplit(url).port
    except ValueError:
        port = None
    return f"http://localhost:{8001 if port is None else port + 1}"


def shown(document: dict[str, Any]) -> str:
    """Return a table of the sums and of the people by transport, and one sentence: whether polling can be
    turned off."""
    today, yesterday = document["today"], document["yesterday"]
    rows = [f"{'reads held against streams':<28}{'today':>10}{'yesterday':>12}"]
    rows += [f"  {words:<26}{today[name]:>10}{yesterday[name]:>12}" for name, words in WORDS.items()]
    people, verdict, compared = document["people"], document["verdict"], document["compared"]
    rows.append(
        f"people compared: {compared['people']}, with something missed or different: {compared['troubled']}"
    )
    head = f"{document['transports']}; people on streams: {people['sse']}, polling: {people['poll']}"
    return "\n".join([head, *rows, _sentence(document["transports"], verdict)])


def _sentence(transports: str, verdict: dict[str, Any]) -> str:
    """Return the verdict, if there is something to decide, and what is missing for one."""
    if transports == "sse":
        return "This server has streams only: polling is switched off."
    if transports == "poll":
        return (
            "This server has polling only: streams begin with --transports both, and comparing the two "
            "with --compare-percent 100."
        )
    word = "Polling can be switched off" if verdict["safe"] else "Not safe to switch polling off"
    return f"{word}: {verdict['why']}."
