"""The signing keys: named, rotated, and refused with a line that says what to do."""

import pytest

from duologue.identity.keyring import Keyring, SecretError

OLD = "o" * 32
NEW = "n" * 40


def test_a_secret_without_a_name_is_called_main() -> None:
    """The simplest setting is one secret and nothing else."""
    assert Keyring.parse(OLD).keys == {"main": OLD.encode()}


def test_the_first_key_signs_and_all_are_known() -> None:
    """Rotation puts the new key first and keeps the old one."""
    ring = Keyring.parse(f"2027:{NEW}, 2026:{OLD}")
    assert ring.signing_kid == "2027"
    assert ring.keys == {"2027": NEW.encode(), "2026": OLD.encode()}


def test_a_secret_may_end_with_base64_padding() -> None:
    """``=`` is not a separator: secrets from ``openssl rand -base64`` end with it."""
    assert Keyring.parse("x" * 43 + "=").keys["main"].endswith(b"=")


@pytest.mark.parametrize(
    "text", ["", "short", "kid:short", f":{OLD}", f"a b:{OLD}", f"a:{OLD},a:{NEW}", f"{OLD},"]
)
def test_what_cannot_be_used_is_refused_without_showing_it(text: str) -> None:
    """An empty, short, unnamed or twice named key is refused in one line without the secret."""
    with pytest.raises(SecretError) as refused:
        Keyring.parse(text)
    assert "\n" not in str(refused.value)
    assert OLD not in str(refused.value)


def test_a_keyring_shows_nothing_of_its_keys() -> None:
    """Neither its ``repr`` nor its marks tell a key; marks tell keys, and names of keys, apart."""
    ring, other = Keyring.parse(OLD), Keyring.parse(NEW)
    assert OLD not in repr(ring) + "".join(ring.marks())
    assert ring.marks() == Keyring.parse(OLD).marks()
    assert ring.marks() not in (other.marks(), Keyring.parse(f"named:{OLD}").marks())
    assert Keyring.parse(f"new:{NEW},main:{OLD}").marks()[1:] == ring.marks()
