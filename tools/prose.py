"""Count words that make our prose hard to read, and check commit titles: ``python tools/prose.py``.

Prose is the text of Markdown files, and the comments and docstrings of Python, Lua and TypeScript. Each area
has a ceiling in tools/prose.json, per 1,000 words: one for the whole area, and one for each of its files.

``--lower`` writes lower ceilings where the counts are lower, and never higher ones. ``--counts`` prints the
counts, and ``--files`` also the files with the most. What can be counted is a small part of the rules: a low
count does not make a text readable.
"""

import io
import json
import math
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
CEILINGS = ROOT / "tools" / "prose.json"

PHRASES = {
    "whoever": r"who(?:m|se)?(?:so)?ever",
    "nobody": r"nobody(?:'s)?",
    "somebody": r"(?:some|any)body(?:'s)?",
    "everybody": r"everybody(?:'s)?",
    "is no": r"(?<!there )(?:is|are|was|were) no(?! (?:longer|more than|less than|later than|earlier than))",
    "one a …": r"(?:one|once|two) an? (?:process|person|room|match|store|line|file|pool|side|page)",
    "anew": r"anew",
    "for ever": r"for ever",
    "all the same": r"all the same",
    "by itself": r"(?:by|of) (?:itself|themselves)",
    "of ours": r"(?:none of|of) ours",
    "metaphor": r"(?:the|a|its|our) (?:desk|door|house)",
}
"""The name that the counts use, and what is looked for (whole words, upper and lower case)."""

ALLOWED = {
    r"nobody is left alone": "the promise of the project, in the words that everybody knows",
    r"leaves? nobody alone": "the same promise",
    r"`[^`\n]*`": "code, names and examples",
    r"\[[^]\n]*\]\((?!docs|\.|[a-z-]+\.md)[^)\n]*\)": "titles of other people's pages",
    r"of ours that": "a room of ours: the words of the glossary for a room that this store made",
}
"""Text that is not counted, each with its reason."""

BASE = "312ace463b9b20c93d0db92cbe45266ec810f2b6"
"""Titles are checked from the commit after this one: earlier ones cannot be changed."""
TITLE = re.compile(r"(?:feat|fix|perf|docs|test|chore): \S.*[^.\s]")
TITLE_CHARACTERS = 60
TITLES_ALLOWED: dict[str, str] = {}
"""Titles that may be longer, by the first seven digits of their commits, each with its reason."""

FEW_WORDS = 150
"""A shorter file has no rate of its own: one word would decide it."""

AREAS = (
    ("docs/decisions", "docs/decisions/*.md"),
    ("docs", "docs/*.md"),
    ("front pages", "*.md"),
    ("clients/js/README.md", "clients/js/README.md"),
    ("examples", "examples/**/*"),
    ("lua", "src/**/*.lua"),
    *((f"src/{part}", f"src/duologue/{part}/**/*") for part in
      ("admin", "api", "bench", "client", "delivery", "identity", "lan", "media", "pairing", "store",
       "webhooks", "workers")),
    ("src", "src/duologue/*.py"),
    ("clients/js", "clients/js/src/**/*"),
    ("clients/js/test", "clients/js/test/**/*"),
    ("pages", "pages/**/*"),
    *((f"tests/{part}", f"tests/{part}/**/*") for part in
      ("chaos", "e2e", "examples", "faults", "integration", "livekit", "model", "proxies", "races", "unit")),
    ("tests", "tests/*.*"),
    ("bench", "bench/**/*"),
    ("tools", "tools/**/*"),
    ("tools", "*.py"),
)  # fmt: skip
"""Each file belongs to the first area whose pattern it matches."""


Ceilings = dict[str, dict[str, float]]
"""Area → "area" and "file" → phrases in 1,000 words."""


@dataclass(slots=True)
class Counted:
    """The counts of a file or of an area."""

    words: int = 0
    found: Counter[str] = field(default_factory=Counter)
    files: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Return the phrases per 1,000 words."""
        return 1_000 * self.found.total() / self.words if self.words else 0.0

    @property
    def worst(self) -> float:
        """Return the highest rate of one file."""
        return max(self.files.values(), default=0.0)


def count(prose: str) -> Counted:
    """Return the counts of a text without code."""
    for allowed in ALLOWED:
        prose = re.sub(allowed, " ", prose, flags=re.IGNORECASE)
    found = {name: len(re.findall(rf"\b{form}\b", prose, re.IGNORECASE)) for name, form in PHRASES.items()}
    return Counted(len(re.findall(r"[^\W\d_]+", prose)), Counter({k: n for k, n in found.items() if n}))


def prose_of(path: Path) -> str:
    """Return the prose of a file; empty for a kind of file that has none."""
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".md":
            return re.sub(r"^```.*?^```|^ {4}\S.*?$", "", text, flags=re.MULTILINE | re.DOTALL)
        case ".py":
            return "\n".join(_python(text))
        case ".lua":
            return "\n".join(re.findall(r"--(?! guard:)(.*)", text))
        case ".ts" | ".mjs" | ".js" | ".tsx":
            return "\n".join(
                a or b
                for a, b in re.findall(r"/\*(.*?)\*/|(?:^|\s)//([^\n]*)", text, re.DOTALL | re.MULTILINE)
            )
        case _:
            return ""


def _python(text: str) -> Iterator[str]:
    """Yield comments and docstrings: strings in triple quotes are docstrings here."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_docstring = token.type == tokenize.STRING and token.string.startswith('"""')
        if token.type == tokenize.COMMENT or is_docstring:
            yield token.string.strip("#\"' ")


def files() -> list[Path]:
    """Return the files that git knows, and new ones that it does not ignore."""
    listed = _git("ls-files", "--cached", "--others", "--exclude-standard")
    return [path for line in listed.splitlines() if (path := ROOT / line).is_file()]


def area_of(path: Path) -> str | None:
    """Return the area of a file."""
    relative = path.relative_to(ROOT)
    for area, pattern in AREAS:
        top, *rest = pattern.split("/**/")
        fits = relative.is_relative_to(top) and relative.match(rest[0]) if rest else _is_in(relative, pattern)
        if fits and (area != "lua" or path.suffix == ".lua"):
            return area
    return None


def _is_in(relative: Path, pattern: str) -> bool:
    return relative.parent == Path(pattern).parent and relative.match(pattern)


def areas() -> dict[str, Counted]:
    """Return the counts of each area."""
    totals: dict[str, Counted] = {area: Counted() for area, _ in AREAS}
    for path in files():
        area = area_of(path)
        if area is None or path.suffix not in {".md", ".py", ".lua", ".ts", ".tsx", ".mjs", ".js"}:
            continue
        one, total = count(prose_of(path)), totals[area]
        total.words += one.words
        total.found += one.found
        if one.words >= FEW_WORDS:
            total.files[str(path.relative_to(ROOT))] = one.rate
    return totals


def too_high(counts: dict[str, Counted], ceilings: Ceilings) -> Iterator[str]:
    """Yield what is above its ceiling."""
    for area, counted in counts.items():
        ceiling = ceilings.get(area, {"area": 0.0, "file": 0.0})
        if counted.rate > ceiling["area"]:
            often = ", ".join(f"{name} {n}" for name, n in counted.found.most_common(4))
            yield f"{area}: {counted.rate:.1f} in 1,000 words, at most {ceiling['area']} ({often})"
        for file, rate in counted.files.items():
            if rate > ceiling["file"]:
                yield f"{file}: {rate:.1f} in 1,000 words, at most {ceiling['file']} for a file of {area}"


def lowered(counts: dict[str, Counted], ceilings: Ceilings) -> Ceilings:
    """Return the ceilings, each as low as the counts allow now."""
    new = {}
    for area, counted in counts.items():
        old = ceilings.get(area, {"area": 1_000.0, "file": 1_000.0})
        # With some room, so that one more word does not fail the next change.
        now = {"area": float(math.ceil(counted.rate + 0.5)), "file": float(math.ceil(counted.worst + 1))}
        new[area] = {kind: min(old[kind], now[kind]) for kind in now}
    return new


def bad_titles(log: str) -> Iterator[str]:
    """Yield the titles (lines of a hash and a title) that are too long or have another form."""
    for line in log.splitlines():
        commit, _, title = line.partition(" ")
        if commit[:7] in TITLES_ALLOWED:
            continue
        if len(title) > TITLE_CHARACTERS:
            yield f"commit {commit[:7]}: {len(title)} characters, at most {TITLE_CHARACTERS}: {title}"
        elif not TITLE.fullmatch(title):
            yield f"commit {commit[:7]}: not like 'fix: keep the place after a fault': {title}"


def titles() -> str:
    """Return the titles since ``BASE``; empty where the history is not here (a tarball, a shallow clone)."""
    try:
        return _git("log", "--no-merges", "--format=%H %s", f"{BASE}..HEAD")
    except subprocess.CalledProcessError:
        return ""


def _git(*arguments: str) -> str:
    return subprocess.run(  # noqa: S603 # fixed arguments
        ["git", *arguments],  # noqa: S607 # whichever git is on PATH
        cwd=ROOT,
        check=True,
        text=True,
        capture_output=True,
    ).stdout


def table(counts: dict[str, Counted]) -> Iterator[str]:
    """Yield the lines of the table of counts."""
    yield f"{'area':22} {'words':>7} {'found':>6} {'per 1,000':>10} {'worst file':>11}"
    for area, counted in counts.items():
        found = counted.found.total()
        yield f"{area:22} {counted.words:7} {found:6} {counted.rate:10.1f} {counted.worst:11.1f}"
    whole = sum((each.found for each in counts.values()), Counter())
    words = sum(each.words for each in counts.values())
    yield f"{'all':22} {words:7} {whole.total():6} {1_000 * whole.total() / words:10.1f}"
    yield ", ".join(f"{name} {n}" for name, n in whole.most_common())


def main(arguments: list[str]) -> int:
    """Check everything and print what is wrong; the options are those of the head of this file."""
    counts = areas()
    ceilings: Ceilings = json.loads(CEILINGS.read_text()) if CEILINGS.exists() else {}
    said = [*table(counts)] if {"--counts", "--files"} & {*arguments} else []
    if "--files" in arguments:
        rates = {file: rate for each in counts.values() for file, rate in each.files.items()}
        said += [
            f"{rate:6.1f} {file}" for file, rate in sorted(rates.items(), key=lambda item: -item[1])[:40]
        ]
    if "--lower" in arguments:
        ceilings = lowered(counts, ceilings)
        CEILINGS.write_text(json.dumps(ceilings, indent=1) + "\n")
    wrong = [*too_high(counts, ceilings), *bad_titles(titles())]
    sys.stdout.write("".join(f"{line}\n" for line in said))
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    if wrong:
        sys.stderr.write("CONTRIBUTING.md has the rules, and tools/prose.py says what it counts.\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
