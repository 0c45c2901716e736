"""What a client does about each thing that can happen, without a clock, a network or media."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from duologue.client import reading
from duologue.client.model import (
    After,
    AskPartner,
    Command,
    Effect,
    Failed,
    FrameRead,
    Hear,
    Input,
    Later,
    Link,
    LinkChanged,
    MediaSaid,
    Model,
    NewPage,
    NextPressed,
    Preferences,
    Pressed,
    ReadState,
    RepeatDue,
    Replied,
    StateRead,
    TimerFired,
    Vouched,
)
from duologue.client.pulses import owes
from duologue.client.reducer import reduce
from duologue.client.vocabulary import MediaWord, State, Wish
from tests.unit.client.fakes import EPOCH_MS, as_state, frame, matched, message, probed, reply, sends, state


class Page:
    """A model that inputs are fed to, and what it wanted done."""

    def __init__(self) -> None:
        self.model = Model()
        self.effects: tuple[Effect, ...] = ()
        self.feed(NewPage("p_1"), LinkChanged(Link.OPEN))

    def feed(self, *events: Input, now_ms: int = EPOCH_MS) -> "Page":
        """One after the other; ``effects`` are those of all of them."""
        self.effects = ()
        for event in events:
            self.model, effects = reduce(self.model, event, now_ms)
            self.effects += effects
        return self

    def frames(self, *read: tuple[str, dict[str, Any]]) -> "Page":
        return self.feed(*(FrameRead(frame(kind, found)) for kind, found in read))

    def sent(self) -> list[tuple[str, dict[str, Any]]]:
        return sends(self.effects)

    def answer(self, name: str, outcome: str, found: dict[str, Any], **command: Any) -> "Page":
        """The reply to a command that was sent just now."""
        return self.feed(Replied(Command(name, **command), reply(outcome, found), self.model.snapshots))


@pytest.fixture
def page() -> Page:
    """A page whose stream is open and has said nothing yet."""
    return Page()


@pytest.fixture
def talking(page: Page) -> Page:
    """In a match that was answered, with media open."""
    page.feed(FrameRead(frame("snapshot", state())), Pressed(Wish.TALK))
    page.answer("join", "matched", matched(), intent=EPOCH_MS)
    page.answer("pulse", "ok", matched(), match="m_1")
    page.feed(MediaSaid("m_1", MediaWord.OPEN))
    return page.answer("pulse", "ok", matched(), match="m_1")


def names(sent: Iterable[tuple[str, dict[str, Any]]]) -> list[str]:
    return [name for name, _ in sent]


# --- versions ---------------------------------------------------------------------------


def test_a_snapshot_counts_whatever_its_version_is(page: Page) -> None:
    """A store that was restored from an older copy has lower versions (race E20)."""
    page.frames(("snapshot", matched(version=9)), ("snapshot", state(version=2)))
    assert page.model.state == as_state(state(version=2))


def test_another_frame_counts_only_if_it_is_newer(page: Page) -> None:
    """An older one, delivered late, takes nothing back."""
    page.frames(("snapshot", matched(version=9)), ("waiting", state("waiting", version=9)))
    assert page.model.match_id == "m_1"
    page.frames(("waiting", state("waiting", version=10)))
    assert page.model.waiting


def test_a_type_that_is_not_known_counts_by_its_state(page: Page) -> None:
    """The state in an unknown frame of a newer server still counts."""
    page.frames(("snapshot", state()), ("something-new", state("waiting", version=2)))
    assert page.model.waiting


def test_a_slow_reply_does_not_take_a_match_back(page: Page) -> None:
    """``new-match`` came before the answer to the skip that made it (race E19)."""
    page.frames(("snapshot", matched("m_1", 3)), ("new-match", matched("m_2", 5)))
    page.answer("skip", "skipped", state("waiting", version=4), match="m_1")
    assert page.model.match_id == "m_2"


def test_a_reply_from_before_a_snapshot_is_not_believed(page: Page) -> None:
    """It is of a store that was restored since, with versions that mean nothing now (race E33)."""
    page.frames(("snapshot", matched("m_1", 9)))
    before = page.model.snapshots
    page.frames(("snapshot", state("waiting", version=3)))
    page.feed(Replied(Command("skip", "m_1"), reply("skipped", state("waiting", version=99)), before))
    assert page.model.state == as_state(state("waiting", version=3))


def test_a_heartbeat_with_a_higher_version_asks_for_the_state_once(page: Page) -> None:
    """A lost frame is found by it, even if nothing follows (race E39)."""
    page.frames(("snapshot", state("waiting", version=3)))
    beat = FrameRead(frame("heartbeat", version=4, people_online=7))
    assert ReadState() in page.feed(beat).effects
    assert ReadState() not in page.feed(beat).effects
    assert page.model.people_online == 7
    page.feed(StateRead(as_state(matched(version=4)), page.model.snapshots))
    assert page.model.match_id == "m_1"


def test_a_state_that_could_not_be_read_is_asked_for_again(page: Page) -> None:
    """By the next heartbeat."""
    page.frames(("snapshot", state("waiting", version=3)))
    beat = FrameRead(frame("heartbeat", version=4))
    page.feed(beat, Failed(Command("state")))
    assert ReadState() in page.feed(beat).effects


# --- intent -----------------------------------------------------------------------------


def test_a_press_waits_for_the_first_state(page: Page) -> None:
    """Without one it has no number; its clock may be behind that of another device (race E32)."""
    assert page.feed(Pressed(Wish.TALK, Preferences(pool="de"))).sent() == []
    later = EPOCH_MS + 60_000
    page.frames(("snapshot", state(intent=later, wish="rest")))
    assert page.sent() == [("join", {"intent": later + 1, "pool": "de"})]


def test_a_press_is_an_instant_when_nothing_was_pressed_later(page: Page) -> None:
    """max(now, the state's + 1)."""
    page.frames(("snapshot", state()))
    page.feed(Pressed(Wish.TALK, Preferences(tags=("chess",), language="de", auto_next=False)))
    body = {"intent": EPOCH_MS, "tags": ["chess"], "language": "de", "auto_next": False}
    assert page.sent() == [("join", body)]


def test_stop_is_a_leave_with_a_higher_number(talking: Page) -> None:
    """Also within the same millisecond."""
    assert talking.feed(Pressed(Wish.REST)).sent() == [("leave", {"intent": EPOCH_MS + 1})]


def test_a_store_that_forgot_is_healed_with_the_same_number(talking: Page) -> None:
    """The state says that no join ever came (races E18, E28)."""
    talking.frames(("snapshot", state(version=50)))
    assert talking.sent() == [("join", {"intent": EPOCH_MS})]


def test_a_buffered_idle_on_a_healthy_stream_is_healed(talking: Page) -> None:
    """After a freeze there is no new connection, so no snapshot (race E30)."""
    talking.frames(("idle", state(version=50, intent=EPOCH_MS, wish="talk", idle_reason="you-were-away")))
    assert talking.sent() == [("join", {"intent": EPOCH_MS})]


def test_somebody_who_wants_to_rest_is_taken_out(talking: Page) -> None:
    """A store that fell back to before a Stop has them in the queue."""
    talking.feed(Pressed(Wish.REST))
    talking.answer("leave", "left", state(version=4, intent=EPOCH_MS + 1), intent=EPOCH_MS + 1)
    talking.frames(("snapshot", state("waiting", version=3)))
    assert talking.sent() == [("leave", {"intent": EPOCH_MS + 1})]


def test_healing_at_the_same_state_waits_a_second(talking: Page) -> None:
    """The first one's frame may be on its way."""
    lost = state(version=50)
    talking.frames(("snapshot", lost))
    talking.answer("join", "waiting", lost, intent=EPOCH_MS)
    assert (After(Later.HEAL, 1.0) in talking.effects, names(talking.sent())) == (True, [])
    assert names(talking.feed(TimerFired(Later.HEAL)).sent()) == ["join"]


def test_a_higher_intent_is_adopted_and_then_compared_again(talking: Page) -> None:
    """Another page's newer *talk*, read off a state that says idle, is healed by this one (race E37)."""
    newer = EPOCH_MS + 5
    talking.frames(("state", state(version=50, intent=newer, wish="talk", idle_reason="you-were-away")))
    assert talking.sent() == [("join", {"intent": newer})]


def test_at_the_same_number_rest_is_adopted(talking: Page) -> None:
    """*One conversation* is over: the server fulfilled this very intent."""
    talking.frames(("idle", state(version=50, intent=EPOCH_MS, wish="rest", idle_reason="one-conversation")))
    assert talking.sent() == []
    assert talking.model.own is not None
    assert talking.model.own.wish is Wish.REST


def test_an_intent_is_compared_even_in_a_state_that_is_not_news(talking: Page) -> None:
    """The reply of another page's Start may come with a version that is known (race E36)."""
    own = talking.model.own
    assert own is not None
    talking.model = replace(talking.model, own=replace(own, intent=EPOCH_MS - 5, wish=Wish.REST))
    talking.frames(("state", matched(version=3)))
    assert (talking.model.own and talking.model.own.wish) is Wish.TALK


def test_a_page_without_an_intent_follows_and_heals_nothing(page: Page) -> None:
    """Its person has pressed nothing."""
    page.frames(("snapshot", state(version=5, intent=5, wish="talk", idle_reason="you-were-away")))
    assert page.sent() == []


def test_a_page_that_was_taken_over_says_nothing_more(talking: Page) -> None:
    """Two pages would send joins against each other without end (race E25)."""
    talking.feed(LinkChanged(Link.TAKEN_OVER), FrameRead(frame("snapshot", state(version=50))))
    assert talking.effects == ()


def test_a_join_that_is_refused_for_good_is_not_healed_for_ever(page: Page) -> None:
    """There is no such pool: the page says so, and waits for another press."""
    page.frames(("snapshot", state()))
    page.feed(Pressed(Wish.TALK, Preferences(pool="moon")))
    page.feed(Failed(Command("join", intent=EPOCH_MS), 422, "unknown-pool"))
    assert page.model.refusal == ("join", "unknown-pool")
    assert page.frames(("snapshot", state())).sent() == []


def test_the_end_of_an_older_press_changes_nothing(page: Page) -> None:
    """Start, then Stop at once: the Start's answer comes last."""
    page.frames(("snapshot", state()))
    page.feed(Pressed(Wish.TALK), Pressed(Wish.REST))
    assert names(page.sent()) == ["join", "leave"]
    page.answer("join", "stale", state(version=2, intent=EPOCH_MS + 1), intent=EPOCH_MS)
    assert page.model.asking == EPOCH_MS + 1


# --- signs of life ----------------------------------------------------------------------


def test_a_new_match_is_answered_at_once_and_once(page: Page) -> None:
    """By whatever it was read off."""
    page.frames(("snapshot", state("waiting", version=2)))
    assert page.frames(("new-match", matched(probe=probed()))).sent() == [("pulse", {"match": "m_1"})]
    page.answer("pulse", "ok", matched(version=4), match="m_1")
    assert page.frames(("state", matched(version=5))).sent() == []


def test_a_match_read_off_a_frame_of_another_type_is_answered(page: Page) -> None:
    """The ``new-match`` itself was lost."""
    page.frames(("snapshot", state("waiting", version=2)))
    assert names(page.frames(("state", matched(version=7))).sent()) == ["pulse"]


def test_every_snapshot_that_says_matched_is_answered_with_the_present_media(talking: Page) -> None:
    """A store that fell back may have lost an ``open`` or a met sign, at the same version (race E35)."""
    assert talking.frames(("snapshot", matched())).sent() == [("pulse", {"match": "m_1", "media": "open"})]


@pytest.mark.parametrize("where", ["waiting", "matched"])
def test_a_probe_is_answered_until_a_pulse_is_ok(page: Page, where: str) -> None:
    """A pulse that failed or was stale is not an answer."""
    found = {"waiting": state("waiting", version=5), "matched": matched(version=5)}[where]
    match = "m_1" if where == "matched" else ""
    page.frames(("snapshot", found))
    if match:
        page.answer("pulse", "ok", found, match=match)
    owing = {**found, "version": 6, "probe": probed()}
    assert names(page.frames(("probe", owing)).sent()) == ["pulse"]
    assert names(page.feed(Failed(Command("pulse", match))).sent()) == []
    assert After(Later.PULSE, 0.4) in page.effects
    assert names(page.feed(TimerFired(Later.PULSE)).sent()) == ["pulse"]
    page.answer("pulse", "ok", {**found, "version": 7}, match=match)
    assert page.frames(("probe", {**owing, "version": 8})).sent() == []
    assert names(page.frames(("probe", {**owing, "version": 9, "probe": probed("b_2")})).sent()) == ["pulse"]


def test_a_probe_answered_before_a_snapshot_is_answered_again(page: Page) -> None:
    """The store fell back to before the sign was met; nothing else would say so (race E35)."""
    owing = state("waiting", version=6, probe=probed())
    page.frames(("snapshot", state("waiting", version=5)), ("probe", owing))
    before = page.model.snapshots
    page.frames(("snapshot", owing))
    page.feed(Replied(Command("pulse"), reply("ok", state("waiting", version=7)), before))
    assert names(page.sent()) == ["pulse"]


def test_a_stale_pulse_answers_the_state_that_came_with_it(page: Page) -> None:
    """It was not a sign of life, and the new match wants one at once."""
    page.frames(("snapshot", matched("m_1")))
    page.answer("pulse", "stale", matched("m_2", 5, probe=probed()), match="m_1")
    assert page.sent() == [("pulse", {"match": "m_2"})]


def test_a_stale_pulse_without_news_is_no_loop(page: Page) -> None:
    """The frame that explains it is on its way: try again in a moment."""
    page.frames(("snapshot", matched("m_1")))
    page.answer("pulse", "stale", matched("m_1"), match="m_1")
    assert (page.sent(), page.effects) == ([], (After(Later.PULSE, 0.4),))


def test_a_new_match_is_answered_whatever_became_of_the_last_pulse(page: Page) -> None:
    """It is under way on a slow line, or it failed and the next one rests: 3 s are not enough for both."""
    late = Command("pulse", "m_1")
    page.frames(("snapshot", matched("m_1")))
    assert page.frames(("new-match", matched("m_2", 5))).sent() == [("pulse", {"match": "m_2"})]
    page.feed(Replied(late, reply("ok", matched("m_2", 5)), page.model.snapshots))
    page.feed(Failed(late))
    assert (page.sent(), owes(page.model), page.model.pulses.resting) == ([], True, False)
    page.feed(Failed(Command("pulse", "m_2")))
    assert page.frames(("new-match", matched("m_3", 6))).sent() == [("pulse", {"match": "m_3"})]


def test_held_up_by_the_last_match_the_first_sign_comes_too_late(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: one pulse at a time, whatever it is about, and its pauses."""
    monkeypatch.setattr(reading, "begin_pulses", lambda model: model)
    page.frames(("snapshot", matched("m_1")))
    assert page.frames(("new-match", matched("m_2", 5))).sent() == []


def test_tries_come_ever_more_slowly(page: Page) -> None:
    """A server that is down for long is spared, the first tries are well within 3 s."""
    page.frames(("snapshot", matched()))
    waits = []
    for _ in range(5):
        page.feed(Failed(Command("pulse", "m_1")))
        waits += [effect.seconds for effect in page.effects if isinstance(effect, After)]
        page.feed(TimerFired(Later.PULSE))
    assert waits == [0.4, 0.8, 1.6, 3.2, 3.2]


def test_a_failed_that_is_too_many_is_no_loop(page: Page) -> None:
    """The server counts ``failed`` as a skip. Refused (429), it is said again ever more slowly."""
    page.frames(("snapshot", matched()))
    page.answer("pulse", "ok", matched(), match="m_1")
    page.feed(MediaSaid("m_1", MediaWord.FAILED))
    assert page.sent() == [("pulse", {"match": "m_1", "media": "failed"})]
    waits = []
    for _ in range(5):
        page.feed(Failed(Command("pulse", "m_1")))
        waits += [effect.seconds for effect in page.effects if isinstance(effect, After)]
        assert page.feed(RepeatDue()).sent() == []
        page.feed(TimerFired(Later.PULSE))
        assert page.sent() == [("pulse", {"match": "m_1", "media": "failed"})]
    assert waits == [0.4, 0.8, 1.6, 3.2, 3.2]
    assert page.model.media.word is MediaWord.FAILED
    assert page.model.refusal is None


def test_a_heartbeat_is_answered_while_waiting_only(page: Page) -> None:
    """It renews the lease; in a match there is none."""
    beat = FrameRead(frame("heartbeat", version=1))
    page.frames(("snapshot", state("waiting", version=2)))
    assert page.feed(beat).sent() == [("pulse", {})]
    page.answer("pulse", "ok", state("waiting", version=2))
    page.frames(("new-match", matched()))
    page.answer("pulse", "ok", matched(version=3), match="m_1")
    assert page.feed(beat).sent() == []


def test_each_change_of_media_is_said(talking: Page) -> None:
    """One after the other: two words must not overtake each other."""
    talking.feed(MediaSaid("m_1", MediaWord.SILENT), MediaSaid("m_1", MediaWord.OPEN))
    assert talking.sent() == [("pulse", {"match": "m_1", "media": "silent"})]
    talking.answer("pulse", "ok", matched(), match="m_1")
    assert talking.sent() == [("pulse", {"match": "m_1", "media": "open", "alone_ms": 0})]


def test_a_word_on_another_match_is_not_said(talking: Page) -> None:
    """The adapter's last word of the match before."""
    assert talking.feed(MediaSaid("m_0", MediaWord.FAILED)).sent() == []


def test_an_away_partner_is_vouched_for_only_by_a_fresh_answer(talking: Page) -> None:
    """``open`` meets what they owe: an answer from before ``partner-away`` must not."""
    talking.frames(("partner-away", matched(version=4, away_until_ms=EPOCH_MS + 5_000)))
    assert (talking.effects[0], talking.sent()) == (AskPartner("m_1"), [("pulse", {"match": "m_1"})])
    talking.answer("pulse", "ok", matched(version=4, away_until_ms=EPOCH_MS + 5_000), match="m_1")
    assert talking.model.wants_repeat
    assert talking.feed(RepeatDue()).sent() == [("pulse", {"match": "m_1"})]
    talking.answer("pulse", "ok", matched(version=4, away_until_ms=EPOCH_MS + 5_000), match="m_1")
    assert talking.feed(Vouched("m_1")).sent() == [("pulse", {"match": "m_1", "media": "open"})]


def test_a_partner_who_is_back_ends_the_repeats(talking: Page) -> None:
    """And the present media is said once more."""
    talking.frames(("partner-away", matched(version=4, away_until_ms=EPOCH_MS + 5_000)))
    talking.answer("pulse", "ok", matched(version=4, away_until_ms=EPOCH_MS + 5_000), match="m_1")
    talking.frames(("partner-back", matched(version=5)))
    assert talking.sent() == [("pulse", {"match": "m_1", "media": "open"})]
    assert not talking.model.wants_repeat


@pytest.mark.parametrize(
    ("word", "repeats"), [(MediaWord.SILENT, True), (MediaWord.FAILED, True), (MediaWord.OPEN, False)]
)
def test_trouble_is_said_again_and_again(talking: Page, word: MediaWord, repeats: bool) -> None:
    """One report may cross an answer under way."""
    talking.feed(MediaSaid("m_1", word))
    assert talking.model.wants_repeat is repeats


# --- next, messages, signals ------------------------------------------------------------


def test_next_skips_the_match_on_screen_once(talking: Page) -> None:
    """Pressed twice, it must not throw the next stranger away (race P14)."""
    talking.feed(NextPressed(), NextPressed())
    assert talking.sent() == [("skip", {"match": "m_1"})]
    talking.answer("skip", "skipped", matched("m_2", 7), match="m_1")
    assert talking.model.skipping == ""
    assert ("skip", {"match": "m_2"}) in talking.feed(NextPressed()).sent()


def test_next_without_a_match_is_nothing(page: Page) -> None:
    """There is no partner to skip."""
    page.frames(("snapshot", state("waiting", version=2)))
    assert page.feed(NextPressed()).sent() == []


def test_a_skip_that_failed_can_be_pressed_again(talking: Page) -> None:
    """The page must not stay deaf to the button."""
    talking.feed(NextPressed(), Failed(Command("skip", "m_1")))
    assert names(talking.feed(NextPressed()).sent()) == ["skip"]


def test_a_message_counts_once_and_in_order(talking: Page) -> None:
    """Replay and live may both bring it."""
    for n in (2, 1, 2):
        talking.feed(FrameRead(message(n, str(n))))
    talking.feed(FrameRead(message(1, "late", match="m_0")))
    assert [(m.n, m.sender, m.text) for m in talking.model.chat.messages] == [
        (1, "partner", "1"),
        (2, "partner", "2"),
    ]


def test_messages_survive_a_snapshot_of_the_same_match(talking: Page) -> None:
    """A reconnect replays only what is new."""
    talking.feed(FrameRead(message(1, "hi", sender="me")))
    talking.frames(("snapshot", matched(version=9, last=1)))
    assert [one.text for one in talking.model.chat.messages] == ["hi"]
    talking.frames(("new-match", matched("m_2", 10)))
    assert not talking.model.chat.messages


def test_a_late_end_of_an_earlier_match_ends_nothing(talking: Page) -> None:
    """Race E2: what counts is the state's version, not that a frame says ``force-disconnect``."""
    talking.frames(("new-match", matched("m_2", 10)))
    late = state("waiting", version=9)
    talking.feed(FrameRead(frame("force-disconnect", late, match="m_1", reason="partner-skipped")))
    assert talking.model.match_id == "m_2"
    newer = state("waiting", version=11)
    talking.feed(FrameRead(frame("force-disconnect", newer, match="m_2", reason="partner-skipped")))
    assert talking.model.match_id == ""


def test_messages_that_a_store_forgot_give_their_numbers_to_others(talking: Page) -> None:
    """Race E8: it fell back; both sides show what it has now, and nothing that only one of them remembers."""
    for n, text in ((1, "one"), (2, "lost"), (3, "lost")):
        talking.feed(FrameRead(message(n, text)))
    talking.frames(("snapshot", matched(version=2, last=2)))
    for n, text in ((1, "one"), (2, "two"), (3, "three")):
        talking.feed(FrameRead(message(n, text)))
    assert [one.text for one in talking.model.chat.messages] == ["one", "two", "three"]


def test_a_signal_is_heard_once_and_only_by_the_page_it_is_for(talking: Page) -> None:
    """After an attach the kept ones follow again (race E21)."""

    def signal(n: int, **data: str) -> Input:
        return FrameRead(frame("peer-signal", match="m_1", n=n, data={"from": "p_g", **data}))

    assert talking.feed(signal(1)).effects == (Hear("m_1", {"from": "p_g"}),)
    assert talking.feed(signal(1)).effects == ()
    assert talking.feed(signal(2, to="p_other")).effects == ()
    assert talking.feed(signal(3, to="p_1")).effects == (Hear("m_1", {"from": "p_g", "to": "p_1"}),)


def test_a_signal_whose_number_was_given_anew_is_heard(talking: Page) -> None:
    """Race E8: the store fell back; a call that is negotiated again must get through."""

    def signal(n: int, at_ms: int) -> Input:
        return FrameRead(frame("peer-signal", match="m_1", n=n, at_ms=at_ms, data={"from": "p_g"}))

    for n, at_ms, heard in ((4, 40, True), (2, 20, False), (2, 90, True), (2, 90, False), (3, 90, True)):
        assert bool(talking.feed(signal(n, at_ms)).effects) is heard


def test_a_closing_room_is_acknowledged(talking: Page) -> None:
    """It is deleted once both did (LiveKit)."""
    talking.feed(FrameRead(frame("room-closing", state("waiting", version=9), match="m_1")))
    assert talking.sent() == [("ack", {"match": "m_1", "of": "room-closing"})]


def test_a_new_page_begins_anew_with_the_old_wish(talking: Page) -> None:
    """A reload, or taking over again: the conversation goes on."""
    talking.feed(NewPage("p_2"))
    assert (talking.model.state, talking.model.page) == (None, "p_2")
    talking.frames(("snapshot", matched(version=9)))
    assert talking.sent() == [("pulse", {"match": "m_1"})]
    assert talking.model.state is not None
    assert talking.model.state.state is State.MATCHED


def test_why_the_server_takes_no_connection_is_kept_until_another_frame() -> None:
    """A full network says so in a ``reconnect``; one without a reason, a snapshot and a new page end it."""
    page = Page()
    full = FrameRead(frame("reconnect", after_ms=30_000, reason="network-full"))
    enders: list[Input] = [
        FrameRead(frame("reconnect", after_ms=100)),
        FrameRead(frame("snapshot", state())),
        NewPage("p_2"),
    ]
    for ender in enders:
        page.feed(full, LinkChanged(Link.AWAY))
        assert page.model.kept_out == "network-full"
        page.feed(ender)
        assert page.model.kept_out == ""


def test_other_frames_have_reasons_of_their_own(talking: Page) -> None:
    """The reason of an ending does not set ``kept_out``."""
    ended = state("waiting", version=11)
    talking.feed(FrameRead(frame("force-disconnect", ended, match="m_1", reason="partner-skipped")))
    assert talking.model.kept_out == ""
