"""The check of our prose finds what it counts, and its ceilings only go down."""

from collections import Counter
from pathlib import Path

import pytest

from tools import prose
from tools.prose import Counted


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Whoever was told that somebody is gone", {"whoever": 1, "somebody": 1}),
        ("It is no cookie. It is no longer a cookie.", {"is no": 1}),
        ("One subscription a process, one a person", {"one a …": 1}),
        ("It begins anew, for ever, by itself.", {"anew": 1, "for ever": 1, "by itself": 1}),
        ("Nobody is left alone in a room.", {}),
        ("`nobody` in a code span", {}),
        ("Return the state. Per process, for each person.", {}),
    ],
)
def test_words_are_counted(text: str, names: dict[str, int]) -> None:
    """Each phrase where it stands as prose; the exceptions are not counted."""
    assert prose.count(text).found == Counter(names)


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("a.md", "Text.\n```\nnobody in code\n```\n", "Text."),
        ("a.py", '"""Head."""\nname = "nobody"  # Why.\n', "Head.\nWhy."),
        ("a.lua", "local a = 1 -- why\nlocal b = 2 -- guard: no-name\n", " why"),
        ("a.ts", "const a = 'https://x'; // why\n/** Head. */\n", " why\n* Head. "),
        ("a.css", "/* nobody */", ""),
    ],
)
def test_only_prose_is_read(tmp_path: Path, name: str, text: str, read: str) -> None:
    """Code is not prose: comments, docstrings and Markdown are."""
    file = tmp_path / name
    file.write_text(text)
    assert prose.prose_of(file).strip() == read.strip()


def test_a_count_above_its_ceiling_is_told() -> None:
    """Control: one phrase more than allowed, in an area and in a file of it."""
    counts = {"docs": Counted(1_000, Counter(nobody=3), {"docs/a.md": 6.0})}
    assert list(prose.too_high(counts, {"docs": {"area": 3.0, "file": 6.0}})) == []
    assert len(list(prose.too_high(counts, {"docs": {"area": 2.5, "file": 5.0}}))) == 2
    assert len(list(prose.too_high(counts, {}))) == 2


def test_ceilings_only_go_down() -> None:
    """More phrases than before leave the ceiling where it was."""
    old = {"docs": {"area": 2.0, "file": 9.0}}
    counts = {"docs": Counted(1_000, Counter(nobody=3), {"docs/a.md": 6.2})}
    assert prose.lowered(counts, old) == {"docs": {"area": 2.0, "file": 8.0}}


def test_titles() -> None:
    """At most 60 characters, a known word before the colon, and no full stop."""
    fine, long = "a" * 40 + " fix: keep the place", "b" * 40 + " fix: " + "x" * 60
    wrong = [
        f"c1 {title}" for title in ("Keep the place", "fix: Keep it", "fix: keep it.", "feature: keep it")
    ]
    assert list(prose.bad_titles(fine)) == []
    assert len(list(prose.bad_titles("\n".join([fine, long, *wrong])))) == 4


def test_each_file_has_one_area() -> None:
    """Our own prose is counted somewhere: a new folder would stay unseen."""
    kinds = {".md", ".py", ".lua", ".ts"}
    left = [
        str(path.relative_to(prose.ROOT))
        for path in prose.files()
        if path.suffix in kinds and prose.area_of(path) is None
    ]
    assert left == [], "add an area to tools/prose.py"
