import { describe, expect, it } from "vitest";
import { callMatch, currentMatch, type Input } from "../src/state/model.ts";
import type { Match, PersonState } from "../src/vocabulary.ts";
import { frame, idle, match, matched, Seat, T0, waiting } from "./doubles/states.ts";

const press = { type: "press", wish: "talk", preferences: {} } as const;
const stop = { type: "press", wish: "rest", preferences: {} } as const;

describe("versions", () => {
  it("applies any snapshot, also one with a lower version (E20: a resync after a restore)", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", matched(50, "m_1")), frame("snapshot", waiting(20)));
    expect(seat.model.state).toMatchObject({ state: "waiting", version: 20 });
  });

  it("applies another frame only if its version is higher", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", matched(50, "m_1")), frame("waiting", waiting(50)), frame("waiting", waiting(49)));
    expect(currentMatch(seat.model)).toBe("m_1");
    seat.take(frame("waiting", waiting(51)));
    expect(currentMatch(seat.model)).toBeNull();
  });

  it("takes a newer grant of the same room from a state that is otherwise no news, and nothing else of it", () => {
    const seat = new Seat();
    const granted = (token: string, name = "m_1"): PersonState => {
      const media = { kind: "livekit", ready: true, url: "wss://l", room: `ns_${name}`, token } as const;
      return matched(10, name, { match: { ...match(name), media }, since_ms: token === "t1" ? T0 : T0 + 1 });
    };
    const pulse = { name: "pulse", match: "m_1" } as const;
    seat.take(frame("snapshot", granted("t1")));
    seat.take(seat.reply(pulse, "ok", granted("t2")));
    expect(seat.model.state).toEqual({ ...granted("t1"), match: (granted("t2") as { match: Match }).match });
    const { state } = seat.model;
    seat.take(seat.reply(pulse, "ok", granted("t2")), seat.reply(pulse, "ok", granted("t3", "m_2")));
    expect(seat.model.state).toBe(state);
  });

  it("takes newer credentials of a relay from a state that is otherwise no news", () => {
    const seat = new Seat();
    const granted = (username: string): PersonState => {
      const ice_servers = [{ urls: ["turn:t"], username, credential: "c" }];
      return matched(10, "m_1", { match: { ...match("m_1"), media: { kind: "peer", role: "polite", ice_servers } } });
    };
    const pulse = { name: "pulse", match: "m_1" } as const;
    seat.take(frame("snapshot", granted("1")));
    seat.take(seat.reply(pulse, "ok", granted("2")));
    expect(seat.model.state).toEqual(granted("2"));
    const { state } = seat.model;
    seat.take(seat.reply(pulse, "ok", granted("2")));
    expect(seat.model.state).toBe(state);
  });

  it("does not go back when the reply of a skip is slow (E19)", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", matched(10, "m_1")), { type: "next" }, frame("new-match", matched(12, "m_2")));
    seat.take(seat.reply({ name: "skip", match: "m_1" }, "skipped", waiting(11)));
    expect(currentMatch(seat.model)).toBe("m_2");
  });

  it("does not believe a reply from before a snapshot (E33), even one with a higher version (E8)", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", matched(50, "m_1")));
    const early = seat.model.snapshots;
    seat.take(frame("snapshot", waiting(20)), seat.reply({ name: "pulse", match: null }, "ok", matched(60, "m_9"), early));
    expect(seat.model.state).toMatchObject({ state: "waiting", version: 20 });
  });
});

describe("intent", () => {
  it("lets a press wait for the first state, and numbers it above what is known (E32: a clock that is behind)", () => {
    const seat = new Seat();
    expect(seat.does(press)).toEqual([]);
    const effects = seat.take(frame("snapshot", idle(10, { intent: T0 + 5_000 })));
    expect(effects).toContainEqual({ do: "join", intent: T0 + 5_001, preferences: {} });
  });

  it("numbers a later press above its own earlier one within the same millisecond", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", idle(10)), press);
    expect(seat.take(stop)).toContainEqual({ do: "leave", intent: T0 + 1 });
  });

  it("heals nothing on a page whose person pressed nothing", () => {
    const seat = new Seat();
    expect(seat.does(frame("snapshot", idle(10, { wish: "talk", intent: 5, idle_reason: "you-were-away" })))).toEqual([]);
  });

  it("joins again with the same number when a frame, not only a snapshot, says idle (E30)", () => {
    const seat = started();
    const effects = seat.take(frame("idle", idle(13, { wish: "talk", intent: T0, idle_reason: "you-were-away" })));
    expect(effects).toContainEqual({ do: "join", intent: T0, preferences: {} });
  });

  it("leaves again when a restored store says waiting", () => {
    const seat = started();
    seat.take(stop);
    seat.take(seat.reply({ name: "leave", intent: T0 + 1 }, "left", idle(14, { intent: T0 + 1 })));
    const effects = seat.take(frame("snapshot", waiting(12, { intent: T0 })));
    expect(effects).toContainEqual({ do: "leave", intent: T0 + 1 });
  });

  it("adopts a newer talk from a state that says idle, and compares again (E37)", () => {
    const seat = started();
    seat.take(stop, seat.reply({ name: "leave", intent: T0 + 1 }, "left", idle(14, { intent: T0 + 1 })));
    const effects = seat.take(frame("idle", idle(15, { intent: T0 + 9, wish: "talk", idle_reason: "you-were-away" })));
    expect(effects).toContainEqual({ do: "join", intent: T0 + 9, preferences: {} });
  });

  it("adopts the later press of another page from a reply that is otherwise no news (E36)", () => {
    const seat = started();
    seat.take(frame("new-match", matched(20, "m_1", { intent: T0 })), stop);
    seat.take(seat.reply({ name: "leave", intent: T0 + 1 }, "stale", matched(20, "m_1", { intent: T0 + 3 })));
    expect(seat.model.own).toMatchObject({ intent: T0 + 3, wish: "talk" });
  });

  it("takes rest at its own number as fulfilled (one conversation)", () => {
    const seat = started();
    const effects = seat.does(frame("idle", idle(13, { intent: T0, wish: "rest", idle_reason: "one-conversation" })));
    expect(effects).toEqual([]);
    expect(seat.model.own).toMatchObject({ wish: "rest" });
  });

  it("waits a little before it heals again at the same state, and goes on then", () => {
    const seat = started();
    const away = idle(13, { wish: "talk", intent: T0, idle_reason: "you-were-away" });
    seat.take(frame("idle", away));
    const effects = seat.take(seat.reply({ name: "join", intent: T0 }, "waiting", away));
    expect(effects.map(({ do: name }) => name)).toEqual(["later"]);
    expect(seat.does({ type: "later", what: "heal" })).toEqual(["join"]);
  });

  it("gives up an intent that the server refuses for good, so that it is not healed for ever", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", idle(10)), press);
    const effects = seat.does({ type: "failed", to: { name: "join", intent: T0 }, status: 422, code: "unknown-pool" });
    expect(effects).toEqual([]);
    expect(seat.model.refusal).toEqual({ command: "join", code: "unknown-pool" });
    expect(seat.does(frame("state", idle(11)))).toEqual([]);
  });

  it("keeps the wish when the session is new, and joins with it once the new state is read", () => {
    const seat = started();
    seat.take({ type: "person", person: "a" }, { type: "person", person: "b" });
    expect(seat.model.state).toBeNull();
    expect(seat.does(frame("snapshot", idle(3)))).toEqual(["join"]);
  });

  it("sends nothing once another page has taken over (E25)", () => {
    const seat = started();
    seat.take({ type: "link", link: "taken-over", transport: "sse" });
    expect(seat.does(frame("idle", idle(20, { wish: "talk", intent: T0 })), press, { type: "repeat" })).toEqual([]);
  });
});

describe("next", () => {
  it("names the match on screen, once, and nothing when there is none (P14)", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", waiting(10)));
    expect(seat.does({ type: "next" })).toEqual([]);
    seat.take(frame("new-match", matched(11, "m_1")));
    expect(seat.take({ type: "next" })).toContainEqual({ do: "skip", match: "m_1" });
    expect(seat.does({ type: "next" })).toEqual([]);
  });

  it("measures from the press to the first picture of the next, and sends it once", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", matched(10, "m_1")), seat.reply({ name: "pulse", match: "m_1" }, "ok", matched(10, "m_1")), { type: "next" });
    seat.now_ms += 700;
    seat.take(frame("new-match", matched(11, "m_2")), seat.reply({ name: "pulse", match: "m_2" }, "ok", matched(11, "m_2")));
    const face = { type: "first-frame", match: "m_2" } as const;
    expect(seat.take(face)).toContainEqual({ do: "pulse", body: { match: "m_2", next_face_ms: 700 } });
    seat.take(seat.reply(seat.pulse, "ok", matched(11, "m_2")));
    expect(seat.does(face)).toEqual([]);
  });
});

describe("an end that nobody answers", () => {
  it("closes the call after a second, and not one that is answered or another", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", matched(10, "m_1")), { type: "next" }, { type: "later", what: "hang-up" });
    expect(callMatch(seat.model)).toBeNull();
    seat.take(frame("new-match", matched(11, "m_2")), { type: "later", what: "hang-up" });
    expect(callMatch(seat.model)).toBe("m_2");
    seat.take(stop, { type: "later", what: "hang-up" });
    expect(callMatch(seat.model)).toBeNull();
    seat.take(press);
    expect(callMatch(seat.model)).toBe("m_2");
  });
});

describe("heartbeats", () => {
  it("are answered while waiting", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", waiting(10)));
    expect(seat.take(beat(10))).toContainEqual({ do: "pulse", body: {} });
  });

  it("show a lost frame by their version; the state is read once", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", idle(10)));
    expect(seat.does(beat(12))).toEqual(["read-state"]);
    expect(seat.does(beat(12))).toEqual([]);
    seat.take({ type: "state-read", state: waiting(12), snapshots: seat.model.snapshots });
    expect(seat.model.state).toMatchObject({ state: "waiting" });
  });
});

describe("signals", () => {
  const hello = (n: number, to?: string, name = "m_1") =>
    ({ type: "frame", frame: { type: "peer-signal", at_ms: T0, match: name, n, data: { from: "p_x", hello: true, ...(to && { to }) } } }) as const;

  it("reach the media session once each, unless they are for another page or another match", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", matched(10, "m_1")));
    expect(seat.does(hello(1))).toEqual(["hear"]);
    expect(seat.does(hello(1))).toEqual([]);
    expect(seat.does(hello(2, "p_old"))).toEqual([]);
    expect(seat.does(hello(3, "p_me"))).toEqual(["hear"]);
    expect(seat.does(hello(4, undefined, "m_0"))).toEqual([]);
  });

  it("are heard if a store that fell back gave their numbers anew: their instants are later (E8)", () => {
    const seat = new Seat();
    const at = (n: number, at_ms: number): Input => ({ type: "frame", frame: { ...hello(n).frame, at_ms } });
    seat.take(frame("snapshot", matched(10, "m_1")));
    const told = [at(4, 40), at(2, 20), at(2, 90), at(2, 90), at(3, 90)].map((input) => seat.does(input).length);
    expect(told).toEqual([1, 0, 1, 0, 1]);
  });

  it("are heard anew by a new page of the same match", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", matched(10, "m_1")), hello(1), { type: "page", page: "p_2" });
    expect(seat.take(frame("snapshot", matched(10, "m_1")), hello(1)).map(({ do: name }) => name)).toContain("hear");
  });
});

function started(): Seat {
  const seat = new Seat();
  seat.take(frame("snapshot", idle(10)), press);
  seat.take(seat.reply({ name: "join", intent: T0 }, "waiting", waiting(12, { intent: T0 })));
  return seat;
}

function beat(version: number) {
  return { type: "frame", frame: { type: "heartbeat", at_ms: T0, now_ms: T0, version, people_online: 3 } } as const;
}

describe("a server that takes no connection", () => {
  const sentAway = (reason?: string): Input => ({ type: "frame", frame: { type: "reconnect", at_ms: 1, after_ms: 30_000, ...(reason !== undefined && { reason }) } });

  it("has said why, until the next frame of another kind", () => {
    const seat = new Seat();
    seat.take(sentAway("network-full"), { type: "link", link: "away", transport: "poll" });
    expect(seat.model.kept_out).toBe("network-full");
    seat.take(frame("snapshot", waiting(1)));
    expect(seat.model.kept_out).toBeNull();
  });

  it("says nothing with a reconnect that names no reason, and what it said is not of a new page", () => {
    const seat = new Seat();
    seat.take(sentAway());
    expect(seat.model.kept_out).toBeNull();
    seat.take(sentAway("network-full"), sentAway());
    expect(seat.model.kept_out).toBeNull();
    seat.take(sentAway("network-full"), { type: "page", page: "p_2" });
    expect(seat.model.kept_out).toBeNull();
  });
});
