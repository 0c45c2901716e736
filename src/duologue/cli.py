"""The command: what was asked for is read, handed over, and what went wrong is one line.

The options are made from ``Settings``, so they are click's own objects: typer makes
options from annotations, and keeps the errors that become our one line to itself.
"""

import asyncio
import difflib
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click
import structlog
import uvloop

from duologue import __version__, logs, usage, wiring
from duologue.admin.command import AdminFailed, admin
from duologue.api.brand import BrandError
from duologue.api.server import ListenError
from duologue.bench import command
from duologue.bench.crowd import Traffic
from duologue.bench.load import Processes
from duologue.identity.keyring import SecretError
from duologue.lan.errors import CertificateError
from duologue.redaction import holds_password, redacted
from duologue.settings import Settings, SettingsError, flag, is_advanced, variable
from duologue.store.client import StoreError

if TYPE_CHECKING:
    from duologue.wiring_lan import Lan

log = structlog.get_logger(__name__, ours=True)

OTHER_VARIABLES = {
    "redis_url": ("REDIS_URL",),
    "livekit_url": ("LIVEKIT_URL",),
    "livekit_api_key": ("LIVEKIT_API_KEY",),
    "livekit_api_secret": ("LIVEKIT_API_SECRET",),
}
"""Names that others gave to the same thing."""

ELSEWHERE = frozenset({"DUOLOGUE_ADMIN_TOKEN", "DUOLOGUE_ADMIN_URL"})
"""Variables of other commands than ``serve``."""

CONFIDED = (
    "{} would put a secret on the command line, which every user of this machine can read: "
    "set {} in the environment instead"
)

FAILURES: Mapping[type[Exception], int] = {
    click.UsageError: 2,
    SettingsError: 2,
    BrandError: 2,
    SecretError: 2,
    ListenError: 1,
    CertificateError: 1,
    StoreError: 1,
    usage.Unanswered: 1,
    AdminFailed: 1,
    command.Unmeasured: 1,
}
"""Errors that are printed as one line, and their exit codes. Others are defects and show a traceback."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; ends the process, with 0 after an orderly stop."""
    # In Kubernetes a service called duologue puts DUOLOGUE_PORT=tcp://… into every pod beside it.
    if os.environ.get("DUOLOGUE_PORT", "").startswith("tcp://"):
        del os.environ["DUOLOGUE_PORT"]
    try:
        duologue.main(args=arguments, prog_name="duologue", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
        sys.exit(2)
    except (KeyboardInterrupt, asyncio.CancelledError, click.Abort):
        sys.exit(0)  # told to stop before it served
    except tuple(FAILURES) as error:
        for line in error.mistakes if isinstance(error, BrandError) else [worded(error)]:
            complain(line, colour="red")
        sys.exit(next(code for kind, code in FAILURES.items() if isinstance(error, kind)))


def worded(error: Exception) -> str:
    """What is said of a failure; a secret that was given as an option is told where it belongs."""
    if isinstance(error, click.NoSuchOption):
        for each in Settings.options():
            if each.metadata.get("secret") and error.option_name == flag(each.name):
                return CONFIDED.format(error.option_name, " or ".join(variables(each.name)))
    return error.format_message() if isinstance(error, click.UsageError) else str(error)


def complain(line: str, *, colour: str) -> None:
    """One line on standard error, whatever line breaks were in it, without the passwords in it."""
    click.echo(f"{click.style('duologue:', fg=colour)} {redacted(' '.join(line.split()))}", err=True)


@click.group()
@click.version_option(__version__, message="%(version)s")
def duologue() -> None:
    """Pair strangers for 1:1 video. Either person can press Next, and nobody is left alone in a room."""


def serve(**given: Any) -> None:
    """Serve the page and its HTTP interface, until SIGTERM or Ctrl-C.

    Each option is also an environment variable, such as DUOLOGUE_PORT for --port. Other users of the
    machine can read a command line, so secrets are variables only: DUOLOGUE_SECRET, the signing key, and
    each value that contains a password (DUOLOGUE_REDIS_URL, DUOLOGUE_ICE_SERVERS).
    """
    for name in confided(click.get_current_context()):
        raise SettingsError(CONFIDED.format(flag(name), " or ".join(variables(name))))
    settings = Settings.parse({**given, **secrets(os.environ)})
    floods = logs.configure(settings.log_level, settings.log_format)
    for line in misspelt(os.environ):
        complain(line, colour="yellow")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(wiring.serve(settings, partial(announce, settings)))
    finally:
        floods.settle()


def announce(settings: Settings, running: wiring.Running) -> None:
    """Print the address, the store and media in use, what a visitor may miss there, and how to stop it.

    With ``--log-format json`` it is one line of the log instead.
    """
    if settings.log_format == "json" and not running.lan:
        log.info(
            "serving",
            version=__version__,
            address=f"http://{running.shown_host}:{running.port}",
            store=running.store,
            media=running.media,
            ops=running.ops,
            admin=running.admin,
        )
        return
    address = click.style(f"http://{running.shown_host}:{running.port}", fg="cyan", bold=True)
    click.echo(f"{click.style(f'Duologue {__version__}', bold=True)} is at {address}")
    if running.lan:
        announce_lan(running.lan, running.port)
    click.echo(f"  store  {running.store}\n  media  {running.media}")
    click.echo(f"  inside {running.ops} (/metrics, /transports), for you only")
    if running.admin:
        click.echo(f"  admin  {running.admin}/admin/v1, for moderators with a token (duologue admin token)")
    if not settings.page:
        click.echo("  page   off: the interface only, under /v1")
    if not settings.guests:
        click.echo("  guests off: sessions begin with tokens of your own back end (docs/tokens.md)")
    if not settings.timings.relax_drawn:
        click.echo("  trial  how long two people wait tells a block from a skip (--no-relax-drawn)")
    click.echo("  Ctrl-C ends it")


WARNING = (
    "The phone warns once, because this machine made the certificate and no authority signed it. Choose "
    "Advanced, then Proceed (Chrome), or Accept the Risk and Continue (Firefox). On an iPhone it should be "
    "Show Details, then visit this website (untried)."
)


def announce_lan(lan: "Lan", port: int) -> None:
    """How a phone comes here, what its warning means, and for whom else this is open."""
    best, *others = lan.urls(port)
    click.echo(f"  phone  {click.style(best, fg='cyan', bold=True)}, on the same network as this machine")
    for each in others:
        click.echo(f"    or   {each}")
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        click.echo("\n" + "\n".join(lan.code(port, shutil.get_terminal_size().columns)) + "\n")
    for line in textwrap.wrap(WARNING, 100):
        click.echo(f"         {line}")
    click.echo("         Where the phone shows the certificate, its SHA-256 must be")
    half = len(lan.certificate.fingerprint) // 2 + 1
    click.echo(
        f"         {lan.certificate.fingerprint[:half]}\n         {lan.certificate.fingerprint[half:]}"
    )
    click.echo("  open   to everybody on this network; Ctrl-C ends that")
    if lan.public:
        click.echo(f"         and, without a firewall, to the internet: {', '.join(lan.public)}")


@duologue.command()
@click.argument("url", default="http://localhost:8001")
def transports(url: str) -> None:
    """Print how people receive events, and whether polling can be turned off.

    URL is the operator's address of a running server (--ops-port). With several servers, name any of them.
    """
    click.echo(usage.shown(usage.fetch(url)))


@duologue.command()
@click.option("--url", "urls", multiple=True, default=["http://127.0.0.1:8000"], show_default=True)
@click.option(
    "--people",
    default=200,
    show_default=True,
    help="Number of people; it must be higher than the skips per second.",
)
@click.option("--rounds", default=3, show_default=True, help="Number of measurements of both loads.")
@click.option("--seconds", default=3.0, show_default=True, help="Length of each load, in seconds.")
@click.option("--per-s", default=20.0, show_default=True, help="Skips per second in the light load.")
@click.option(
    "--at-a-time", default=32, show_default=True, help="Skips in progress at one time in the full load."
)
@click.option(
    "--traffic",
    type=click.Choice([*Traffic], case_sensitive=False),
    default=Traffic.PLAIN,
    show_default="plain",
)
@click.option(
    "--server-pid",
    multiple=True,
    type=int,
    help="Server process on this machine whose processor time is measured.",
)
@click.option(
    "--store-pid",
    multiple=True,
    type=int,
    help="Store process on this machine whose processor time is measured.",
)
@click.option(
    "--json", "file", type=click.Path(path_type=Path), help="File to which the figures are written, too."
)
def bench(
    urls: tuple[str, ...],
    server_pid: tuple[int, ...],
    store_pid: tuple[int, ...],
    file: Path | None,
    **numbers: Any,
) -> None:
    """Load a running server with people who skip, and print how soon their partners are told.

    Never use it on a server with real people: the people of the benchmark meet everybody who waits there.
    Each of them has a different address in X-Forwarded-For (198.18.0.0/15). The server must have this
    machine in --trusted-proxies, as it does by default on the same machine; otherwise all of them count
    as one address, and its limits refuse most requests. With several --url the people are spread over them.
    """
    processes = Processes(server=server_pid, store=store_pid)
    click.echo(command.run(command.Wanted(urls, processes=processes, **numbers), file))


# --- options from settings ---------------------------------------------------------------


def variables(name: str) -> list[str]:
    """The environment variables of a setting; the first that is set decides."""
    return [variable(name), *OTHER_VARIABLES.get(name, ())]


def secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings that never stand on a command line."""
    names = [each.name for each in Settings.options() if each.metadata.get("secret")]
    found = {name: next(filter(None, map(environment.get, variables(name))), None) for name in names}
    return {name: value for name, value in found.items() if value}


def confided(context: click.Context) -> Iterator[str]:
    """The options that were given a password on the command line; in variables they are well kept."""
    for each in Settings.options():
        is_typed = context.get_parameter_source(each.name) is click.core.ParameterSource.COMMANDLINE
        if is_typed and each.metadata.get("address") and holds_password(str(context.params[each.name])):
            yield each.name


def options(*, advanced: bool = False, hidden: bool = False) -> Iterator[click.Option]:
    """One for each setting of this kind; ``None`` means that it was not given."""
    for each in Settings.options():
        if each.metadata.get("secret") or is_advanced(each) != advanced:
            continue
        name = flag(each.name)
        yield click.Option(
            [f"{name}/{flag(f'no_{each.name}')}" if each.type is bool else name],
            type=_kind(each.type),
            default=None,
            envvar=variables(each.name),
            help=f"{each.metadata['help']}  [{shown(each.default)}]",
            show_envvar=False,
            multiple=bool(each.metadata.get("repeated")),
            metavar=each.metadata.get("metavar"),
            hidden=hidden,
        )


def help_advanced(context: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    """Print the options that ``--help`` leaves out, and end."""
    if not is_wanted:
        return
    formatter = context.make_formatter()
    formatter.write_text(
        "Rules of the state machine. The defaults were measured together, and a server refuses to start with "
        "values that contradict each other. Values of options that end in -ms are milliseconds."
    )
    with formatter.section("Options"):
        records = [each.get_help_record(context) for each in options(advanced=True)]
        formatter.write_dl([record for record in records if record])
    click.echo(formatter.getvalue(), nl=False)
    context.exit()


def _kind(of: Any) -> Any:
    if get_origin(of) is Literal:
        return click.Choice(get_args(of))
    if of is Path:
        return click.Path(path_type=Path)
    if of == int | None:
        return int
    return of if of in (int, float, bool) else str


def shown(default: Any) -> str:
    """A default as one would type it."""
    if isinstance(default, bool):
        return "on" if default else "off"
    if default is None:
        return "none"
    return (",".join(default) if isinstance(default, tuple) else str(default)) or "none"


ADVANCED = click.Option(
    ["--help-advanced"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=help_advanced,
    help="Show the options that change the rules of the state machine, and exit.",
)
duologue.add_command(
    click.Command(
        "serve",
        callback=serve,
        params=[*options(), *options(advanced=True, hidden=True), ADVANCED],
        help=serve.__doc__,
    )
)


duologue.add_command(admin)


def misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    """A line for each variable that looks like a setting and is none: it would silently not hold."""
    known = {variable(each.name) for each in Settings.options()}
    for name in sorted(environment):
        # Kubernetes puts such variables beside every pod of a namespace with a service of our name.
        if not name.startswith("DUOLOGUE_") or name.startswith(("DUOLOGUE_SERVICE_", "DUOLOGUE_PORT_")):
            continue
        if name not in known and name not in ELSEWHERE:
            # Compared without the prefix, which alone would make any two names alike.
            endings = [each.removeprefix("DUOLOGUE_") for each in known]
            close = difflib.get_close_matches(name.removeprefix("DUOLOGUE_"), endings, 1)
            yield f"there is no setting {name}" + (f"; did you mean DUOLOGUE_{close[0]}?" if close else "")
