"""Aliases and tags: one form for what looks the same, and nothing that cannot be seen."""

import unicodedata
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.api.fields import alias_of, tags_of
from duologue.api.problems import Code, Problem
from duologue.identity import names
from duologue.identity.keyring import Keyring
from duologue.identity.names import BadName, Reserved, TooLong, cleaned, skeleton, tidied
from duologue.identity.tokens import Session, Tokens
from duologue.settings import Settings, SettingsError

ANY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "aé 1#\u0301\u0308\u0345\u200c\u200d\ufe0f\u20e3\u202e\u2066\u3164\u00a0\u3000👩🏽💻❤"
        ),
        st.sampled_from("\u0645\u06cc\u0915\u094d\u0f66\u0f92\u05b0\u1100\u1161\u11a8\ufb1d\u2126\u212b"),
    ),
    max_size=80,
)

SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"

ALLOWED = {
    "Ada": "Ada",
    "": "",
    "   ": "",
    "  Ada \u00a0\u3000 Lovelace\u2003": "Ada Lovelace",
    "A\u0308nne": "Änne",
    "\u212bngstrom": "Ångstrom",
    "O'Brien-Smith (he/him) 100%": "O'Brien-Smith (he/him) 100%",
    "مریم": "مریم",
    "می\u200cخواهم": "می\u200cخواهم",
    "क्\u200dष": "क्\u200dष",
    "മോഹന\u0d4d\u200d": "മോഹന\u0d4d\u200d",  # a chillu letter as older keyboards write it
    "ര\u0d4d\u200d X": "ര\u0d4d\u200d X",
    "র\u200d\u09cdযাচেল": "র\u200d\u09cdযাচেল",  # Rachel in Bengali
    "ರ\u200d\u0ccdಯಾಂಕ್": "ರ\u200d\u0ccdಯಾಂಕ್",
    "עִבְרִית": "עִבְרִית",
    "བསྒྲུབས": "བསྒྲུབས",
    "ภาษาไทย": "ภาษาไทย",
    "👩🏽\u200d💻": "👩🏽\u200d💻",
    "❤\ufe0f": "❤\ufe0f",
    "🏳\ufe0f\u200d🌈": "🏳\ufe0f\u200d🌈",
    "1\ufe0f\u20e3": "1\ufe0f\u20e3",
    "ℹ\ufe0f〰\ufe0f": "ℹ\ufe0f〰\ufe0f",
    "🇩🇪": "🇩🇪",
    f"A {SCOTLAND}{SCOTLAND}": f"A {SCOTLAND}{SCOTLAND}",
    "\U0001faff": "\U0001faff",  # a picture that no Unicode has yet
}

REFUSED = {
    "A\u202eda": "U+202E RIGHT-TO-LEFT OVERRIDE (character 2) cannot be part of it: it turns the direction",
    "Ada\u2067": "U+2067 RIGHT-TO-LEFT ISOLATE (character 4) cannot be part of it: it turns",
    "\u200fAda": "U+200F RIGHT-TO-LEFT MARK (character 1)",
    "Ada\u200b": "U+200B ZERO WIDTH SPACE (character 4) cannot be part of it: it cannot be seen",
    "A\u200dda": "U+200D ZERO WIDTH JOINER",
    "A\u200cda": "U+200C ZERO WIDTH NON-JOINER",
    "Ada\u200d": "U+200D",
    "می\u200c": "U+200C",
    "क\u094d\u200c": "U+200C",  # joins nothing that comes
    "A\u200d\u094d": "U+200D",  # no letter that the sign belongs to
    "\u200d\u094d": "U+200D",
    SCOTLAND[1:]: "U+E0067",
    SCOTLAND[:-1]: "U+E0067",
    SCOTLAND + SCOTLAND[1:]: "U+E0067",
    f"🏴{SCOTLAND[2:]}": "U+E0062",
    "A\ufe0fda": "U+FE0F VARIATION SELECTOR-16",
    "1\ufe0f": "U+FE0F",
    "\ufeffAda": "U+FEFF",
    "A\u00adda": "U+00AD SOFT HYPHEN",
    "\u3164": "U+3164 HANGUL FILLER",
    "\u2800": "U+2800 BRAILLE PATTERN BLANK",
    "\u034f": "U+034F",
    "🏴\U000e0067\U000e0062\U000e007f": "U+E0067 TAG LATIN SMALL LETTER G",
    "\U000e0100": "U+E0100",
    "A\nda": "U+000A (character 2) cannot be part of it: it is a control character",
    "A\x00da": "U+0000",
    "A\x9bda": "U+009B",
    "A\u2028da": "U+2028 LINE SEPARATOR",
    "\ue000": "U+E000 (character 1) cannot be part of it: not everybody can read it",
    "\uffff": "U+FFFF",
    "\U0010ffff": "U+10FFFF",
    "\u0378": "U+0378",
    "\u0301Ada": "it is a mark without a letter",
    "A \u0301da": "it is a mark without a letter",
    "Z" + "\u0334" * 5: "there are too many marks on one letter",
}


@pytest.mark.parametrize(("typed", "name"), ALLOWED.items())
def test_the_one_form(typed: str, name: str) -> None:
    """Spaces and composition make no difference; what languages and emoji need stays."""
    assert cleaned(typed, 64) == tidied(typed, 64) == name


@pytest.mark.parametrize(("typed", "why"), REFUSED.items(), ids=ascii)
def test_what_is_refused_is_named(typed: str, why: str) -> None:
    """By number, name and place, in words for the person who typed it."""
    with pytest.raises(BadName) as refused:
        cleaned(typed, 64)
    assert why in str(refused.value)
    assert str(refused.value).isprintable()


def test_the_length_counts_afterwards() -> None:
    """A decomposed letter is one, and so is a run of spaces."""
    assert len(cleaned("e\u0301" * 64, 64)) == 64
    assert len(cleaned("a" + " " * 90 + "b" * 62, 64)) == 64
    with pytest.raises(TooLong, match="65 characters, and may have 64"):
        cleaned("a" * 65, 64)


@given(ANY)
def test_the_one_form_is_final(text: str) -> None:
    """Cleaned again it is the same; what was left out of a tidied name is all that was wrong with it."""
    tidy = tidied(text, 64)
    assert cleaned(tidy, 64) == tidied(tidy, 64) == tidy
    try:
        name = cleaned(text, 10_000)
    except BadName:
        return
    assert cleaned(name, 10_000) == name
    assert name == unicodedata.normalize("NFC", name)
    assert "  " not in name
    assert name == name.strip(" ")
    assert not any(unicodedata.category(char) in ("Cc", "Co", "Cs", "Zl", "Zp") for char in name)
    assert not set(name) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\ufeff"
    )


@given(ANY)
def test_what_is_equal_in_unicode_is_one_name(text: str) -> None:
    """However it was composed."""
    assert tidied(unicodedata.normalize("NFD", text), 10_000) == tidied(text, 10_000)


def test_without_the_look_at_characters_all_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(names, "_refusal", lambda *_: "")
    for typed in REFUSED:
        cleaned(typed, 64)


# --- names that nobody may use -----------------------------------------------------------

RESERVED = Reserved(["Admin", "*moderator*", "Duo*", "Support Team"])


LOOK_ALIKE = [
    *("Admin", "ADMIN", "admin", "A d m i n", "a.d-m_i'n", "Ádmïn"),
    *("ａｄｍｉｎ", "𝐀𝐝𝐦𝐢𝐧", "𝒶𝒹𝓂𝒾𝓃", "Ⓐⓓⓜⓘⓝ", "🅰🅳🅼🅸🅽", "🇦🇩🇲🇮🇳", "ᴀᴅᴍɪɴ", "admın"),
    *("аdmin", "Αdmin", "аԁміп", "αdmιη", "ᎪᎠᎷᏆN"),
    *("adm1n", "adm!n", "adm|n", "ADMlN", "4dmin", "@dmin", "adrnin"),
    *("the Moderator", "m0derators", "Duologue", "DUO", "supportteam", "$upport Team", "5upp0rt-Team"),
    "Suррort Теаm",
]


@pytest.mark.parametrize("name", LOOK_ALIKE)
def test_names_that_look_like_a_reserved_one(name: str) -> None:
    """By case, accents, spaces, digits, and letters of other scripts."""
    assert RESERVED.holds(name), skeleton(name)


@pytest.mark.parametrize("name", ["Chef", "Adrninistratorin", "m○derator", "nimda", "Admin of chess"])
def test_its_limits(name: str) -> None:
    """Another word, a symbol in place of a letter, more than the whole name: those are other names."""
    assert not RESERVED.holds(name)


@pytest.mark.parametrize(
    "name", ["", "Ada", "Adam", "Administrator", "Support", "Barney", "минa", "Lido", "🙂"]
)
def test_other_names(name: str) -> None:
    """Other names are allowed."""
    assert not RESERVED.holds(name)


def test_nothing_is_reserved_unless_it_is_named() -> None:
    """The default."""
    assert not Reserved().holds("Admin")


@given(ANY)
def test_a_skeleton_is_made_of_any_text(text: str) -> None:
    """Every Unicode form of a text has the skeleton of the text, and spaces make no difference."""
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert skeleton(unicodedata.normalize(form, text)) == skeleton(text)
    assert skeleton(" ".join(text)) == skeleton(text)
    Reserved(["x"]).holds(text)


def test_reserved_names_as_settings(tmp_path: Path) -> None:
    """On the command line or in a file; what would hold all names is refused."""
    assert Settings.parse({"reserved_names": "Admin, *mod*"}).reserved_names == ("Admin", "*mod*")
    (tmp_path / "names").write_text("# ours\nAdmin\n\n*mod*  # and the like\n")
    assert Settings.parse({"reserved_names": f"@{tmp_path / 'names'}"}).reserved_names == ("Admin", "*mod*")
    with pytest.raises(SettingsError, match=r"--reserved-names: .* cannot be read"):
        Settings.parse({"reserved_names": f"@{tmp_path / 'none'}"})
    with pytest.raises(BadName, match="no letter or digit"):
        Reserved(["*"])


# --- wherever a name enters --------------------------------------------------------------

KEYS = Keyring.parse("s" * 32)


def session(tokens: Tokens, alias: str, issuer: str = "duologue") -> Session:
    """Read a token with this alias, as any signer may have written it."""
    signer = Tokens(KEYS)
    issued = signer.start(alias) if issuer == "duologue" else None
    token = issued.token if issued else operators(alias)
    found = tokens.read(token)
    assert isinstance(found, Session)
    return found


def operators(alias: str) -> str:
    """A token of an operator's back end."""
    claims = {"iss": "app", "sub": "1", "alias": alias, "exp": 4_000_000_000}
    return jwt.encode(claims, "s" * 32, algorithm="HS256", headers={"kid": KEYS.signing_kid})


def test_a_token_from_before_a_rule() -> None:
    """Of a guest: tidied, and without a name that is reserved by now. Control: without the list."""
    tokens = Tokens(KEYS, reserved=RESERVED)
    assert session(tokens, "A\u202eda\n").alias == "Ada"
    assert session(tokens, "Adm1n").alias == ""
    assert session(Tokens(KEYS), "Adm1n").alias == "Adm1n"


def test_an_operators_token() -> None:
    """An operator's alias is tidied and kept, reserved or not."""
    tokens = Tokens(KEYS, reserved=RESERVED)
    assert session(tokens, "Ad\u200bmin", "app").alias == "Admin"
    assert session(tokens, "\u202e\x00", "app").alias == ""


def test_requests() -> None:
    """The words say which field, and which code."""
    assert alias_of("  Ada ", RESERVED) == "Ada"
    assert tags_of(["chess", " chess", "e\u0301checs"]) == ["chess", "échecs"]
    for act, code, field in (
        (lambda: alias_of("аdmin", RESERVED), Code.RESERVED_NAME, "alias"),
        (lambda: alias_of("a\u200bb", RESERVED), Code.BAD_NAME, "alias"),
        (lambda: alias_of("a" * 65, RESERVED), Code.BAD_FIELD, "alias"),
        (lambda: tags_of(["a", " "]), Code.BAD_NAME, "tags[1]"),
        (lambda: tags_of(["a", "#, ,"]), Code.BAD_NAME, "tags[1]"),
        (lambda: tags_of(["b", "a\u200bb"]), Code.BAD_NAME, "tags[1]"),
        (lambda: tags_of(["b", "c," + "a" * 65]), Code.BAD_FIELD, "tags[1]"),
        (lambda: tags_of([",".join(f"t{n}" for n in range(17))]), Code.BAD_FIELD, "tags"),
    ):
        with pytest.raises(Problem) as refused:
            act()
        assert (refused.value.code, refused.value.field) == (code, field)
