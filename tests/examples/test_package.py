"""The npm package ``duologue`` as people install it: from its tarball, into an empty folder."""

import json
import re
import subprocess
import tarfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.serving import Serving
from tests.examples.program import ROOT, environment, npm, program, tool
from tests.examples.visitor import meet_and_talk, skip, visiting

pytestmark = pytest.mark.timeout(120)

README = (ROOT / "clients/js/README.md").read_text()
HERE = Path(__file__).parent
SECRET = "the-secret-that-both-of-them-have"  # 33 characters
TYPES = ("@types/react", "csstype", "react")

CONSUMER = """
import { Duologue, hostSession, type View } from "duologue";
import { DuologueProvider, useDuologue, Video, type Seated } from "duologue/react";

export const client: Duologue = new Duologue({ base: "", session: hostSession(async () => "token") });
client.subscribe(({ model, partner }: View) => { void [model.state?.state, partner.tracks]; });
export const name = (seat: Seated): string => seat.partner?.alias ?? "";
export { DuologueProvider, useDuologue, Video };
// @ts-expect-error there is no such option: the types are known, and not `any`
new Duologue({ bas: "" });
"""


@pytest.fixture(scope="module")
def consumer(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has the package and nothing else; no registry is asked."""
    folder = tmp_path_factory.mktemp("consumer")
    (folder / "package.json").write_text('{"name": "consumer", "private": true, "type": "module"}')
    command = [*npm(), "install", "--offline", "--no-audit", "--no-fund", "--silent", str(tarball)]
    subprocess.run(command, cwd=folder, env=environment(), check=True, timeout=60)
    return folder


def test_what_is_in_it(tarball: Path, consumer: Path) -> None:
    """Modules, types, licence and README; no dependency comes along."""
    with tarfile.open(tarball) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
        licence = archive.extractfile("package/LICENSE")
        assert licence is not None
        assert licence.read() == (ROOT / "LICENSE").read_bytes()
    assert {"README.md", "dist/index.js", "dist/index.d.ts", "dist/react/index.js"} <= names
    assert not [name for name in names if name.startswith("test") or name.endswith(".tgz")]
    assert [path.name for path in (consumer / "node_modules").iterdir() if path.name[0] != "."] == [
        "duologue"
    ]


@pytest.mark.parametrize(("resolution", "module"), [("bundler", "esnext"), ("nodenext", "nodenext")])
def test_types_are_found(consumer: Path, resolution: str, module: str) -> None:
    """By both ways in which TypeScript looks for them, with the libraries' own types checked."""
    for name in TYPES:  # as a project with React has them
        there = consumer / "node_modules" / name
        there.parent.mkdir(exist_ok=True)
        if not there.exists():
            there.symlink_to(ROOT / "node_modules" / name)
    options = {
        "moduleResolution": resolution,
        "module": module,
        "target": "es2022",
        "lib": ["es2022", "dom", "dom.iterable"],
        "strict": True,
        "noEmit": True,
        "types": [],
        "preserveSymlinks": True,
    }
    (consumer / "consumer.ts").write_text(CONSUMER)
    (consumer / f"{resolution}.json").write_text(
        json.dumps({"compilerOptions": options, "files": ["consumer.ts"]})
    )
    done = subprocess.run(
        [tool("tsc"), "-p", f"{resolution}.json"], cwd=consumer, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_two_programs_in_node(consumer: Path, serving: Serving, tmp_path: Path) -> None:
    """They meet, each reads what the other said, one presses next, both are looked for again, both end."""
    script = consumer / "meet.mjs"
    script.write_text((HERE / "meet.mjs").read_text())
    with ExitStack() as both:
        people = [
            both.enter_context(
                program([tool("node"), "meet.mjs", serving.url, name, what], tmp_path / name, cwd=consumer)
            )
            for name, what in (("A", "skips"), ("B", "stays"))
        ]
        assert [person.ends(30) for person in people] == [0, 0], [person.said() for person in people]
        said = [person.said().splitlines() for person in people]
    assert said[0][0] == said[1][0]
    assert said[0][1:] == ["read: hello from B", "over: skipped"]
    assert said[1][1:] == ["read: hello from A", "over: partner-skipped"]


def test_tokens_of_a_host_are_renewed_in_a_conversation(consumer: Path, tmp_path: Path) -> None:
    """Two people whose tokens last 4 s are in the same conversation 11 s later, with the same partner."""
    (consumer / "renew.mjs").write_text((HERE / "renew.mjs").read_text())
    server = Serving(tmp_path / "server", options=("--no-guests", "--no-page"), secret=SECRET)
    with ExitStack() as both:
        both.callback(server.stop)
        server.start()
        command = [tool("node"), "renew.mjs", server.url]
        people = [
            both.enter_context(
                program([*command, name, "4", stay_ms], tmp_path / name, cwd=consumer, DUOLOGUE_SECRET=SECRET)
            )
            # B stays until A is gone: whoever is left would be matched no more.
            for name, stay_ms in (("A", "11000"), ("B", "11500"))
        ]
        assert people[0].ends(40) == 0, people[0].said()
        said = json.loads(people[0].said())
        assert said | {"signed": 0} == {
            "matches": 1,
            "with": "B",
            "signed": 0,
            "ended": None,
            "state": "matched",
        }
        assert 4 <= said["signed"] <= 12
        assert people[1].ends(10) == 0, people[1].said()


@pytest.mark.browser
def test_the_readme_works_when_pasted(
    consumer: Path, browser: Chromium, serving: Serving, artifacts: Path
) -> None:
    """The first example of the README, bundled as it says: two people meet, write, press Next."""
    html, url = bundled(consumer, example("A page in twenty lines")), f"{serving.url}/pasted"
    with visiting(browser, url, html=html) as a, visiting(browser, url, html=html) as b:
        meet_and_talk(a, b)
        a.page.screenshot(path=artifacts / "example-readme.png")
        skip(a, b)


def test_the_readme_is_twenty_lines() -> None:
    """Its first example is as short as it says, give or take what a browser needs around it."""
    assert len(example("A page in twenty lines").splitlines()) <= 25


def example(heading: str) -> str:
    """The code under a heading of the README."""
    section = README.split(f"## {heading}\n", 1)[1]
    found = re.search(r"```js\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def bundled(consumer: Path, code: str) -> str:
    """A page with the code, as esbuild makes it."""
    (consumer / "main.js").write_text(code)
    command = [tool("esbuild"), "main.js", "--bundle", "--outfile=out.js", "--log-level=error"]
    subprocess.run(command, cwd=consumer, check=True, timeout=60)
    script = (consumer / "out.js").read_text().replace("</script", "<\\/script")
    return f"<!doctype html><title>pasted</title><body><script>{script}</script>"
