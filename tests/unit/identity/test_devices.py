"""The device of a guest: signed, kept over sessions and key rotations, and never a session itself."""

from hypothesis import given
from hypothesis import strategies as st

from duologue.identity.devices import Devices, new_device
from duologue.identity.keyring import Keyring
from duologue.identity.tokens import BadToken, Tokens

OLD, NEW = "a" * 32, "b" * 32
DEVICES = Devices(Keyring.parse(f"old:{OLD}"))


def test_a_device_is_read_back() -> None:
    """What we signed is read, and nothing else is."""
    device = new_device()
    token = DEVICES.token(device)
    assert DEVICES.read(token) == device
    other = new_device()
    for forged in (other + token[16:], token[:-1] + "x", device, f"{device}..old", f"{device}.x", ""):
        assert DEVICES.read(forged) == ""


def test_a_device_outlives_the_rotation_of_a_key() -> None:
    """While the old key is listed its devices count, and are signed again by the new one; after that they do
    not."""
    device = new_device()
    old = DEVICES.token(device)
    both = Devices(Keyring.parse(f"new:{NEW},old:{OLD}"))
    again = both.token(both.read(old))
    after = Devices(Keyring.parse(f"new:{NEW}"))
    assert after.read(again) == device
    assert after.read(old) == ""


def test_a_device_is_not_a_session() -> None:
    """The same key signs both: neither is read as the other."""
    tokens = Tokens(Keyring.parse(f"old:{OLD}"))
    assert isinstance(tokens.read(DEVICES.token(new_device())), BadToken)
    assert DEVICES.read(tokens.start().token) == ""


@given(st.text(max_size=300))
def test_no_text_is_a_device(text: str) -> None:
    """Anyone can send anything: reading it never raises."""
    assert DEVICES.read(text) == ""
