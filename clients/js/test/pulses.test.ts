import { describe, expect, it } from "vitest";
import { isGone } from "../src/state/media.ts";
import { frame, idle, match, matched, Seat, T0, waiting } from "./doubles/states.ts";

const probe = { probe: "b_1", until_ms: T0 + 3_000 };

describe("signs of life", () => {
  it("is not held up in a new match by one about the match before, nor by its pauses", () => {
    const seat = new Seat();
    const late = { name: "pulse", match: "m_1" } as const;
    seat.take(frame("snapshot", matched(10, "m_1")));
    expect(seat.take(frame("new-match", matched(11, "m_2")))).toContainEqual({ do: "pulse", body: { match: "m_2" } });
    seat.take(seat.reply(late, "ok", matched(11, "m_2")), { type: "failed", to: late, status: null, code: "" });
    expect(seat.model.pulses).toMatchObject({ sent: { match: "m_2" }, answered: { match: null }, resting: false });
    seat.take({ type: "failed", to: seat.pulse, status: null, code: "" });
    expect(seat.model.pulses.resting).toBe(true);
    expect(seat.take(frame("new-match", matched(12, "m_3")))).toContainEqual({ do: "pulse", body: { match: "m_3" } });
  });

  it("are given for a match that is not yet answered, until a pulse of its own says ok", () => {
    const seat = matchedSeat({ answered: false });
    expect(seat.model.pulses.sent).toMatchObject({ match: "m_1" });
    seat.take({ type: "failed", to: seat.pulse, status: null, code: "" });
    expect(seat.does({ type: "later", what: "pulse" })).toEqual(["pulse"]);
    expect(seat.does(seat.reply(seat.pulse, "ok", matched(10, "m_1")))).toEqual([]);
  });

  it("are given on every snapshot that says matched", () => {
    const seat = matchedSeat();
    expect(seat.does(frame("snapshot", matched(10, "m_1")))).toEqual(["pulse"]);
  });

  it("are given for a probe in whatever state it is read, once", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", waiting(10)));
    expect(seat.does(frame("state", waiting(11, { probe })))).toEqual(["pulse"]);
    seat.take(seat.reply(seat.pulse, "ok", waiting(11)));
    expect(seat.does(frame("probe", waiting(12, { probe })))).toEqual([]);
  });

  it("are given anew for the same probe after a snapshot: a restore may have forgotten the answer", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", waiting(10, { probe })), seat.reply({ name: "pulse", match: null }, "ok", waiting(10)));
    expect(seat.does(frame("snapshot", waiting(9, { probe })))).toEqual(["pulse"]);
  });

  it("are not given by a stale pulse: the state that came with it is answered", () => {
    const seat = matchedSeat({ answered: false });
    const effects = seat.take(seat.reply(seat.pulse, "stale", matched(11, "m_2")));
    expect(effects).toContainEqual({ do: "pulse", body: { match: "m_2" } });
  });

  it("do not loop when a stale reply brings nothing new", () => {
    const seat = matchedSeat({ answered: false });
    expect(seat.does(seat.reply(seat.pulse, "stale", matched(10, "m_1")))).toEqual([]);
    expect(seat.does({ type: "later", what: "pulse" })).toEqual(["pulse"]);
  });

  it("do not loop when the server refuses a failed as too many: it counts as a skip", () => {
    const seat = matchedSeat();
    expect(seat.take(media("failed"))).toContainEqual({ do: "pulse", body: { match: "m_1", media: "failed" } });
    for (const ms of [400, 800, 1_600, 3_200, 3_200]) {
      expect(seat.take({ type: "failed", to: seat.pulse, status: null, code: "" })).toContainEqual({ do: "later", what: "pulse", ms });
      expect(seat.does({ type: "repeat" })).toEqual([]);
      expect(seat.does({ type: "later", what: "pulse" })).toEqual(["pulse"]);
    }
    expect(isGone(seat.model.media)).toBe(true);
    expect(seat.model.refusal).toBe(null);
  });

  it("go one at a time, and the next one says what is true then", () => {
    const seat = matchedSeat({ answered: false });
    expect(seat.does(media("open"), media("silent"))).toEqual([]);
    expect(seat.take(seat.reply(seat.pulse, "ok", matched(10, "m_1")))).toContainEqual({ do: "pulse", body: { match: "m_1", media: "silent" } });
  });

  it("of a person who is idle are not given", () => {
    const seat = new Seat();
    expect(seat.does(frame("snapshot", idle(10)))).toEqual([]);
  });
});

describe("media in pulses", () => {
  it("is said at each change, and again when a new connection comes up under the same word", () => {
    const seat = matchedSeat();
    expect(seat.take(media("open"))).toContainEqual({ do: "pulse", body: { match: "m_1", media: "open" } });
    answer(seat);
    expect(seat.does(media("open"))).toEqual([]);
    expect(seat.does(media("open", true))).toEqual(["pulse"]);
  });

  it("of an earlier match is nothing", () => {
    const seat = matchedSeat();
    expect(seat.does({ type: "media", match: "m_0", status: "failed", fresh: false })).toEqual([]);
  });

  it("asks an away partner first: open counts only after an answer to a later ping", () => {
    const seat = matchedSeat();
    seat.take(media("open"));
    answer(seat);
    const effects = seat.take(frame("partner-away", matched(11, "m_1", { match: match("m_1", T0 + 5_000) })));
    expect(effects).toContainEqual({ do: "ask-partner", match: "m_1" });
    expect(effects).toContainEqual({ do: "pulse", body: { match: "m_1" } });
    answer(seat, 11);
    expect(seat.take({ type: "repeat" })).toContainEqual({ do: "pulse", body: { match: "m_1" } });
    answer(seat, 11);
    expect(seat.take({ type: "vouched", match: "m_1" })).toContainEqual({ do: "pulse", body: { match: "m_1", media: "open" } });
  });

  it("is said once more when the partner is back", () => {
    const seat = away();
    answer(seat, 11);
    const effects = seat.take(frame("partner-back", matched(12, "m_1")));
    expect(effects).toContainEqual({ do: "pulse", body: { match: "m_1", media: "open" } });
  });

  it("reads away and back off the state, also from a frame of another type (a lost frame)", () => {
    const seat = matchedSeat();
    seat.take(frame("state", matched(11, "m_1", { match: match("m_1", T0 + 5_000) })));
    expect(seat.model.media.away_until_ms).toBe(T0 + 5_000);
    seat.take(frame("snapshot", matched(12, "m_1")));
    expect(seat.model.media.away_until_ms).toBeNull();
  });
});

describe("a partner who is not there", () => {
  it("is shown at once when the call is gone too, and timed until the match ends", () => {
    const seat = matchedSeat();
    seat.take(media("open"), media("silent"));
    expect(isGone(seat.model.media)).toBe(true);
    seat.now_ms += 3_100;
    const effects = seat.take(frame("force-disconnect", waiting(20), { reason: "partner-lost" }));
    expect(effects).toContainEqual({ do: "pulse", body: { alone_ms: 3_100 } });
  });

  it("is not shown for a closed stream while media vouches for them", () => {
    const seat = away();
    expect(isGone(seat.model.media)).toBe(false);
    seat.take({ type: "vouched", match: "m_1" }, { type: "later", what: "gone" });
    expect(isGone(seat.model.media)).toBe(false);
  });

  it("is shown when they are away and do not answer", () => {
    const seat = away();
    seat.take({ type: "later", what: "gone" });
    expect(isGone(seat.model.media)).toBe(true);
    seat.take({ type: "vouched", match: "m_1" });
    expect(isGone(seat.model.media)).toBe(false);
  });
});

describe("measures", () => {
  it("tell how long after the partner's press this page knew, whatever the clocks say", () => {
    const seat = new Seat();
    seat.now_ms = 1_000_000; // a device that believes in another decade
    seat.take(frame("snapshot", matched(T0, "m_1")), seat.reply({ name: "pulse", match: "m_1" }, "ok", matched(T0, "m_1")));
    seat.now_ms += 2_040;
    seat.take(frame("force-disconnect", waiting(T0 + 2_000), { reason: "partner-skipped" }));
    expect(seat.model.measures.told_ms).toBe(45); // 40 later than the quickest frame, and half of the 10 ms trip
  });

  it("go once, and with the next pulse if the first did not get through", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", waiting(10)));
    seat.model = { ...seat.model, measures: { ...seat.model.measures, told_ms: 45 } };
    expect(seat.take({ type: "repeat" })).toContainEqual({ do: "pulse", body: { told_ms: 45 } });
    seat.take({ type: "failed", to: seat.pulse, status: null, code: "" });
    expect(seat.take({ type: "later", what: "pulse" })).toContainEqual({ do: "pulse", body: { told_ms: 45 } });
    answer(seat, 10, waiting(10));
    expect(seat.take({ type: "repeat" })).toContainEqual({ do: "pulse", body: {} });
  });
});

function media(status: "open" | "silent" | "failed" | "connecting", fresh = false) {
  return { type: "media", match: "m_1", status, fresh } as const;
}

function answer(seat: Seat, version = 10, state = matched(version, "m_1")): void {
  if (seat.model.pulses.sent !== null) seat.take(seat.reply(seat.pulse, "ok", state));
}

function matchedSeat({ answered = true } = {}): Seat {
  const seat = new Seat();
  seat.take(frame("snapshot", matched(10, "m_1")));
  if (answered) answer(seat);
  return seat;
}

function away(): Seat {
  const seat = matchedSeat();
  seat.take(media("open"));
  answer(seat);
  seat.take(frame("partner-away", matched(11, "m_1", { match: match("m_1", T0 + 5_000) })));
  return seat;
}
