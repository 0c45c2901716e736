"""Interests as people type them: one form for what is meant as one, wherever it was typed."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.identity.names import BadName
from duologue.identity.tags import SEPARATORS, tags

SPELLINGS = [
    ("music", ["music"]),
    ("Music", ["music"]),
    ("  music  ", ["music"]),
    ("#music", ["music"]),
    ("# Music", ["music"]),
    ("##music", ["music"]),
    ("＃ｍｕｓｉｃ", ["music"]),
    ("music, travel", ["music", "travel"]),
    ("Music,music, MUSIC", ["music"]),
    ("music;travel|food", ["music", "travel", "food"]),
    ("music\ntravel\r\nfood\tart", ["music", "travel", "food", "art"]),
    ("音乐，旅行", ["音乐", "旅行"]),
    ("音楽、旅行", ["音楽", "旅行"]),
    ("音楽､旅行", ["音楽", "旅行"]),
    ("音乐；旅行｜美食", ["音乐", "旅行", "美食"]),
    ("موسيقى، سفر؛ طعام", ["موسيقى", "سفر", "طعام"]),
    ("ሙዚቃ፣ጉዞ", ["ሙዚቃ", "ጉዞ"]),
    ("deep   learning", ["deep learning"]),
    ("deep\u3000learning", ["deep learning"]),
    ("deep\u00a0learning", ["deep learning"]),
    ("Straße", ["strasse"]),
    ("STRASSE", ["strasse"]),
    ("ΣΊΣΥΦΟΣ", ["σίσυφοσ"]),
    ("Cafe\u0301", ["café"]),
    ("ﾐｭｰｼﾞｯｸ", ["ミュージック"]),
    ("①", ["1"]),
    ("C#", ["c#"]),
    ("c++", ["c++"]),
    ("AC/DC", ["ac/dc"]),
    ("24/7", ["24/7"]),
    ("ハリー・ポッター", ["ハリー・ポッター"]),
    ("col·lecció", ["col·lecció"]),
    ("rock'n'roll", ["rock'n'roll"]),
    ("#\ufe0f\u20e3", ["#\ufe0f\u20e3"]),
    ("👩‍🚀,🎵", ["👩‍🚀", "🎵"]),
    ("", []),
    (" , ;, #", []),
]
"""What a person types, and the tags that it means."""


@pytest.mark.parametrize(("typed", "meant"), SPELLINGS)
def test_spellings(typed: str, meant: list[str]) -> None:
    """Separators of many scripts, widths, case, spaces and hashtags; a slash and a middle dot are letters."""
    assert tags(typed) == meant


def test_every_comma_and_semicolon_of_unicode_separates() -> None:
    """Those that Python's Unicode knows as punctuation, in whatever form; quotation marks are not commas."""
    named = re.compile(r"\\b(COMMA|SEMICOLON)$")
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char) == "Po" and named.search(unicodedata.name(char, "")):
            assert tags(f"a{char}b") == ["a", "b"], f"U+{code:04X}"


def test_every_separator_separates() -> None:
    """Those of the list, one by one."""
    for char in SEPARATORS:
        assert tags(f"a{char}b") == ["a", "b"], f"U+{ord(char):04X}"


TYPED = st.text(
    st.one_of(st.characters(), st.sampled_from("#,， ,、;ａＡßİΣςͅ \u3000\u0345\u0301ﬀ①")), max_size=40
)


@given(TYPED)
def test_a_tag_is_the_tag_of_itself(text: str) -> None:
    """A client that sends what another one was answered means the same."""
    try:
        found = tags(text)
    except BadName:
        return
    assert len(set(found)) == len(found)
    for each in found:
        assert tags(each) == [each]


@given(TYPED)
def test_what_follows_a_separator_changes_no_tag_before_it(text: str) -> None:
    """A text with one more interest behind it has the same tags, and that one."""
    try:
        found = tags(text)
    except BadName:
        return
    assert tags(f"{text}，Zz") == list(dict.fromkeys([*found, "zz"]))
