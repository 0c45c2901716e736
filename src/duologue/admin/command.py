"""``duologue admin``: what moderators do, from a terminal. The commands ask the API of a running server."""

import json
import os
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from duologue.admin.audit import verified
from duologue.admin.tokens import MIN_SECRET_BYTES, AdminTokens, Role
from duologue.identity.tokens import person_id
from duologue.pairing.moderation import Kept

TIMEOUT_S = 15
DAY_S = 86_400
LADDER = {"24h": DAY_S, "7d": 7 * DAY_S, "1y": 365 * DAY_S}
"""The usual steps after a warning."""

IDS = {"ignore_unknown_options": True}
"""An id may begin with a hyphen, and would be taken for options."""

F = TypeVar("F", bound=Callable[..., Any])


class AdminFailed(Exception):
    """The command could not do what was asked; the message is one line that says what to do."""


class Api:
    """The admin API of one server."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/") + "/admin/v1/"
        self._token = token

    def get(self, path: str, **query: str) -> Any:
        """Return what the API answers. Raises ``AdminFailed``."""
        asked = urllib.parse.urlencode({name: value for name, value in query.items() if value})
        return self._ask(path + (f"?{asked}" if asked else ""), None, {})

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a write. Its key is new for each call, and the same if it has to be sent again."""
        return self._ask(path, json.dumps(body).encode(), {"Idempotency-Key": secrets.token_urlsafe(16)})

    def _ask(self, path: str, body: bytes | None, fields: dict[str, str]) -> Any:
        if urllib.parse.urlsplit(self._url).scheme not in ("http", "https"):
            raise AdminFailed(f"{self._url} is not the address of a server, such as http://localhost:8002")
        if not self._token:
            raise AdminFailed("set DUOLOGUE_ADMIN_TOKEN to an admin token: duologue admin token makes one")
        fields = {**fields, "Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, data=body, headers=fields)  # noqa: S310 # looked at above
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 # likewise
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AdminFailed(_detail(error)) from error
        except (OSError, ValueError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise AdminFailed(
                f"no admin API answers at {self._url} ({reason}): start the server with "
                "DUOLOGUE_ADMIN_SECRET, and name its admin address with --url"
            ) from error


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        document = json.load(error)
        return f"{document['detail']} ({document['code']})"
    except (ValueError, KeyError, TypeError):
        return f"the server answered {error.code}: is --url the address of its admin API?"


@click.group()
@click.option(
    "--url",
    envvar="DUOLOGUE_ADMIN_URL",
    default="http://localhost:8002",
    show_default=True,
    help="Address of the admin API; the server prints it as it starts. Also read: DUOLOGUE_ADMIN_URL.",
)
@click.pass_context
def admin(context: click.Context, url: str) -> None:
    """Decide about people, and read the audit.

    The commands need an admin token in DUOLOGUE_ADMIN_TOKEN. A person is named by the id of logs and reports,
    or with --sub (and --iss) by the subject of your own tokens.
    """
    context.obj = Api(url, os.environ.get("DUOLOGUE_ADMIN_TOKEN", ""))


def _as_json(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print what the API answers.")(command)


def _about_a_person(command: F) -> F:
    command = click.argument("person", default="")(command)
    command = click.option("--sub", default="", help="Subject of the person's token, instead of an id.")(
        command
    )
    return click.option("--iss", default="", help="Issuer of that token, if it has one.")(command)


def _named(person: str, sub: str, iss: str) -> str:
    if bool(person) == bool(sub):
        raise AdminFailed("name a person, by id or by --sub")
    return person or person_id(iss, sub)


def _reasons(command: F) -> F:
    command = click.option("--rule", required=True, help="The rule that was broken; the person reads it.")(
        command
    )
    command = click.option("--why", required=True, help="What happened; the person reads it.")(command)
    return click.option("--note", default="", help="For moderators only.")(command)


def _print(answer: Any, as_json: bool, lines: Callable[[], Iterator[str]]) -> None:
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(lines()))


@admin.command()
@click.option("--sub", "name", required=True, help="The moderator's name, as the audit shows it.")
@click.option(
    "--role",
    type=click.Choice([*Role], case_sensitive=False),
    default=Role.MODERATOR,
    show_default="moderator",
    help="viewer: read; moderator: decide about people; admin: all.",
)
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366), help="How long it lasts.")
def token(name: str, role: Role, days: int) -> None:
    """Make an admin token, with DUOLOGUE_ADMIN_SECRET from the environment. It asks no server."""
    secret = os.environ.get("DUOLOGUE_ADMIN_SECRET", "")
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise AdminFailed("set DUOLOGUE_ADMIN_SECRET to the one of the server")
    click.echo(AdminTokens(secret).sign(name, Role(role), lasts_s=days * DAY_S))


@admin.command(context_settings=IDS)
@_about_a_person
@_as_json
@click.pass_obj
def person(api: Api, person: str, sub: str, iss: str, as_json: bool) -> None:
    """Show what is known of a person, and what was decided about them."""
    found = api.get(f"persons/{_named(person, sub, iss)}")

    def lines() -> Iterator[str]:
        there = "online" if found["online"] else "not online"
        yield f"{found['person']}  {found['state']['state']}, {there}"
        for each in found["sanctions"]:
            yield "  " + _line(each)

    _print(found, as_json, lines)


@admin.command(context_settings=IDS)
@_about_a_person
@_reasons
@click.option(
    "--for",
    "length",
    type=click.Choice([*LADDER]),
    default="7d",
    show_default=True,
    help="24h is a pause; the usual steps are a warning, 24h, 7d, 1y.",
)
@click.option("--device", is_flag=True, help="Keep the device out, too, for example for other guests on it.")
@click.option("--dry-run", is_flag=True, help="Only list whom it would hit.")
@_as_json
@click.pass_obj
def ban(
    api: Api,
    person: str,
    sub: str,
    iss: str,
    rule: str,
    why: str,
    note: str,
    length: str,
    device: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Keep a person out for some time. A conversation ends, and the partner goes on."""
    kind = "pause" if length == "24h" else "ban"
    body = {
        "kind": kind,
        "rule": rule,
        "why": why,
        "note": note,
        "lasts_ms": LADDER[length] * 1000,
        "device": device,
        "dry_run": dry_run,
    }
    _decided(api, _named(person, sub, iss), body, as_json)


@admin.command(context_settings=IDS)
@_about_a_person
@_reasons
@_as_json
@click.pass_obj
def warn(api: Api, person: str, sub: str, iss: str, rule: str, why: str, note: str, as_json: bool) -> None:
    """Warn a person: they read it, and confirm it before their next conversation."""
    body = {"kind": "warn", "rule": rule, "why": why, "note": note}
    _decided(api, _named(person, sub, iss), body, as_json)


@admin.command(context_settings=IDS)
@_about_a_person
@_as_json
@click.pass_obj
def kick(api: Api, person: str, sub: str, iss: str, as_json: bool) -> None:
    """End a person's conversation, without keeping them out."""
    body = {"kind": "kick", "rule": "-", "why": "-"}
    _decided(api, _named(person, sub, iss), body, as_json)


def _decided(api: Api, person: str, body: Mapping[str, Any], as_json: bool) -> None:
    answer = api.post(f"persons/{person}/sanctions", body)

    def lines() -> Iterator[str]:
        if answer["outcome"] == "dry-run":
            there = "online" if answer["online"] else "not online"
            yield f"would hit {answer['person']} ({there})" + (" and the device" if answer["device"] else "")
        else:
            yield f"{answer['sanction']}  {body['kind']}  {answer['person']}"
        for other in answer["also"]:
            yield f"  and {other}, on the same device"

    _print(answer, as_json, lines)


@admin.command(context_settings=IDS)
@click.argument("sanction")
@_about_a_person
@click.option("--why", default="", help="For moderators only.")
@_as_json
@click.pass_obj
def unban(api: Api, sanction: str, person: str, sub: str, iss: str, why: str, as_json: bool) -> None:
    """End a sanction before its time, with all of its marks."""
    body = {"person": _named(person, sub, iss), "why": why}
    answer = api.post(f"sanctions/{urllib.parse.quote(sanction, safe='')}/lift", body)
    _print(answer, as_json, lambda: iter([f"{answer['sanction']}  lifted"]))


@admin.command()
@click.option("--after", default="", help="Go on behind the sanction with this id.")
@_as_json
@click.pass_obj
def bans(api: Api, after: str, as_json: bool) -> None:
    """List warnings, pauses and bans, the newest first."""
    found = api.get("sanctions", after=after)

    def lines() -> Iterator[str]:
        yield from map(_line, found["sanctions"])
        if found["next"] is not None:
            yield f"more: duologue admin bans --after {found['next']}"

    _print(found, as_json, lines)


def _line(sanction: Mapping[str, Any]) -> str:
    until = "lifted" if sanction["lifted_at_ms"] else f"until {_instant(sanction['until_ms'])}"
    return (
        f"{sanction['sanction']}  {_instant(sanction['at_ms'])}  {sanction['kind']}  {sanction['person']}  "
        f"{until}  by {sanction['by']}: {sanction['rule']}"
    )


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


@admin.command()
@click.option(
    "--verify", is_flag=True, help="Check each entry against the one before, and print the last hash."
)
@_as_json
@click.pass_obj
def audit(api: Api, verify: bool, as_json: bool) -> None:
    """Print what moderators did, the oldest first. Exit code 1: an entry was changed or is missing."""
    rows, head = _audit(api)
    count, last, broken = verified(Kept(row["id"], row["entry"].encode(), row["hash"]) for row in rows)
    if broken is None and last != head:
        raise AdminFailed(f"the last entries of the audit are missing: the store names the hash {head}")
    if broken is not None:
        raise AdminFailed(f"the audit was changed at entry {broken.id}: {broken.why}")
    if verify:
        answer = {"entries": count, "head": head}
        _print(answer, as_json, lambda: iter([f"{count} entries fit; the last hash is {head or 'none'}"]))
        return
    entries = [{"id": row["id"], **json.loads(row["entry"]), "hash": row["hash"]} for row in rows]

    def lines() -> Iterator[str]:
        for each in entries:
            about = {
                k: v
                for k, v in each.items()
                if k not in ("id", "before", "at_ms", "by", "role", "act", "hash")
            }
            by = f"{each['by']} ({each['role']})"
            yield f"{_instant(each['at_ms'])}  {by}  {each['act']}  {json.dumps(about)}"

    _print(entries, as_json, lines)


def _audit(api: Api) -> tuple[list[dict[str, Any]], str]:
    rows: list[dict[str, Any]] = []
    while True:
        page = api.get("audit", after=rows[-1]["id"] if rows else "")
        rows += page["entries"]
        if not page["more"]:
            return rows, page["head"]


@admin.command()
@click.option("--after", default="0", help="The number of the last event that you have.")
@_as_json
@click.pass_obj
def events(api: Api, after: str, as_json: bool) -> None:
    """Print events behind a number, the oldest first, as the host application hears of them."""
    found = api.get("events", after=after)

    def lines() -> Iterator[str]:
        if found["gap"]:
            yield f"some events behind {after} are no longer kept"
        for each in found["events"]:
            yield f"{each['seq']}  {each['timestamp']}  {each['type']}  {json.dumps(each['data'])}"
        if found["more"]:
            yield f"more: duologue admin events --after {found['events'][-1]['seq']}"

    _print(found, as_json, lines)


@admin.group(invoke_without_command=True)
@_as_json
@click.pass_context
def webhooks(context: click.Context, as_json: bool) -> None:
    """List the addresses of --webhook, and what became of the deliveries to each."""
    if context.invoked_subcommand:
        return
    found = context.obj.get("webhooks")

    def lines() -> Iterator[str]:
        if not found["webhooks"]:
            yield "no webhooks: duologue serve --webhook names them (docs/webhooks.md)"
        for each in found["webhooks"]:
            yield f"{each['endpoint']}  {each['url']}  {_health(each)}"

    _print(found, as_json, lines)


def _health(hook: Mapping[str, Any]) -> str:
    owing = f"; owed: {hook['owing']}" if hook["owing"] else ""
    if hook["disabled_at_ms"]:
        return f"disabled {_instant(hook['disabled_at_ms'])} ({hook['why']}){owing}"
    if hook["failing_since_ms"]:
        return f"failing since {_instant(hook['failing_since_ms'])} ({hook['why']}){owing}"
    if hook["delivered_at_ms"]:
        return f"delivered {_instant(hook['delivered_at_ms'])}{owing}"
    return "nothing delivered yet"


@webhooks.command()
@click.argument("endpoint")
@_as_json
@click.pass_obj
def test(api: Api, endpoint: str, as_json: bool) -> None:
    """Send the event webhook.test to one address; the list then says what became of it."""
    answer = api.post(f"webhooks/{urllib.parse.quote(endpoint, safe='')}/test", {})
    _print(answer, as_json, lambda: iter([f"{endpoint}  a test is on its way: duologue admin webhooks"]))


@webhooks.command()
@click.argument("endpoint")
@_as_json
@click.pass_obj
def retry(api: Api, endpoint: str, as_json: bool) -> None:
    """Send what one address is owed again now, also if it was disabled."""
    answer = api.post(f"webhooks/{urllib.parse.quote(endpoint, safe='')}/retry", {})
    _print(answer, as_json, lambda: iter([f"{endpoint}  is tried again within 5 s"]))
