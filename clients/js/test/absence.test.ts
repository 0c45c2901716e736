import { describe, expect, it } from "vitest";
import { callMatch } from "../src/state/model.ts";
import { ENDED_MS, FORGOTTEN_MS } from "../src/state/absence.ts";
import type { PersonState } from "../src/vocabulary.ts";
import { frame, idle, matched, Seat, T0, waiting } from "./doubles/states.ts";

const press = { type: "press", wish: "talk", preferences: {} } as const;
const slept = { type: "slept", sure: true } as const;
const heldBack = { type: "slept", sure: false } as const;
const M1 = { intent: T0 };

/** In a conversation, with everything answered. */
function talking(): Seat {
  const seat = new Seat();
  seat.take(frame("snapshot", idle(10)), press);
  seat.take(seat.reply({ name: "join", intent: T0 }, "matched", matched(12, "m_1", M1)));
  seat.take(seat.reply(seat.pulse, "ok", matched(12, "m_1", M1)));
  return seat;
}

function inQueue(): Seat {
  const seat = new Seat();
  seat.take(frame("snapshot", idle(10)), press);
  seat.take(seat.reply({ name: "join", intent: T0 }, "waiting", waiting(12, M1)));
  return seat;
}

function away(version = 20): PersonState {
  return idle(version, { wish: "talk", intent: T0, idle_reason: "you-were-away" });
}

describe("a page that slept", () => {
  it("asks its person where the server took them out, and sends nothing", () => {
    const seat = talking();
    seat.take(slept);
    expect(seat.does(frame("idle", away()))).toEqual([]);
    expect(seat.model).toMatchObject({ let_go: "away", own: null, press: null, slept: null });
    expect(seat.does(frame("snapshot", away(21)))).toEqual([]);
    seat.now_ms += 70_000;
    expect(seat.take(press)).toContainEqual({ do: "join", intent: T0 + 70_000, preferences: {} });
    expect(seat.model.let_go).toBeNull();
  });

  it("control: had it not slept, the same words of the server would be healed", () => {
    expect(talking().does(frame("idle", away()))).toEqual(["join"]);
  });

  it("is not deceived by what the socket kept meanwhile: heartbeats and states from before the end", () => {
    const seat = talking();
    seat.now_ms += 65_000;
    const beat = { type: "heartbeat", at_ms: T0 + 1, now_ms: T0 + 1, version: 12, people_online: 2 } as const;
    seat.take(slept, { type: "frame", frame: beat }, frame("probe", matched(13, "m_1", M1)), frame("snapshot", matched(13, "m_1", M1)));
    expect(seat.does(frame("force-disconnect", away()), frame("idle", away()))).not.toContain("join");
    expect(seat.model.let_go).toBe("away");
  });

  it("is not deceived by an answer to what it had asked before", () => {
    const seat = talking();
    const before = seat.model.snapshots;
    seat.take(slept, seat.reply(seat.pulse, "ok", matched(13, "m_1", M1), before));
    expect(seat.model.slept).not.toBeNull();
    expect(seat.does(frame("idle", away()))).toEqual([]);
  });

  it("asks the server at once, and the same conversation goes on as if nothing had been", () => {
    const seat = talking();
    expect(seat.does(slept)).toEqual(["pulse"]);
    seat.take(seat.reply(seat.pulse, "ok", matched(12, "m_1", M1)));
    expect(seat.model.slept).toBeNull();
    expect(seat.does(frame("idle", away()))).toEqual(["join"]);
  });

  it("shows nobody to a stranger who came while it slept: it leaves, and the call is never opened", () => {
    const seat = talking();
    seat.take(slept);
    const effects = seat.take(frame("new-match", matched(20, "m_2", M1)));
    expect(effects).toContainEqual({ do: "leave", intent: T0 + 1 });
    expect([callMatch(seat.model), seat.model.let_go]).toEqual([null, "away"]);
  });

  it("leaves the queue in which it slept", () => {
    const seat = inQueue();
    expect(seat.does(slept)).toContain("leave");
    expect(seat.model.let_go).toBe("away");
  });

  it("stays in the queue, and meets who came, if its timers were only held back", () => {
    const seat = inQueue();
    expect(seat.does(heldBack)).toEqual(["pulse"]);
    seat.take(frame("new-match", matched(20, "m_2", M1)));
    expect(callMatch(seat.model)).toBe("m_2");
  });

  it("asks where timers were held back too, if the server says that the person was away", () => {
    const seat = inQueue();
    seat.take(heldBack);
    expect(seat.does(frame("idle", away()))).toEqual([]);
    expect(seat.model.let_go).toBe("away");
  });

  it("asks when it comes out of the back/forward cache to an ended conversation", () => {
    const seat = talking();
    seat.take({ type: "link", link: "closed", transport: "sse" }, slept, { type: "page", page: "p_2" });
    seat.take({ type: "link", link: "connecting", transport: "sse" });
    expect(seat.does(frame("snapshot", away()))).toEqual([]);
    expect(seat.model.let_go).toBe("away");
  });

  it("goes on, moved to this tab by its person, with a conversation that began elsewhere", () => {
    const seat = talking();
    seat.take({ type: "link", link: "elsewhere", transport: "sse" }, slept, { type: "page", page: "p_2" });
    seat.take({ type: "link", link: "connecting", transport: "sse" }, frame("snapshot", matched(30, "m_7", { intent: T0 + 5 })));
    expect([callMatch(seat.model), seat.model.let_go]).toEqual(["m_7", null]);
  });

  it("does not carry out a press from before, and calls off the one under way", () => {
    const waits = new Seat();
    waits.take(press, slept);
    expect(waits.does(frame("snapshot", idle(10)))).toEqual([]);
    expect(waits.model).toMatchObject({ let_go: "away", press: null });

    const asks = new Seat();
    asks.take(frame("snapshot", idle(10)), press);
    expect(asks.take(slept)).toContainEqual({ do: "leave", intent: T0 + 1 });
  });

  it("takes a press of Next for an answer", () => {
    const seat = talking();
    seat.take(slept, { type: "next" });
    seat.take(seat.reply({ name: "skip", match: "m_1" }, "skipped", waiting(20, M1)));
    expect(seat.model).toMatchObject({ let_go: null, state: { state: "waiting" } });
  });

  it("carries out a press that is repeated now", () => {
    const seat = new Seat();
    seat.take(press, slept, press);
    expect(seat.does(frame("snapshot", idle(10)))).toEqual(["join"]);
  });

  it("is of no interest to somebody who wants to rest, or has pressed nothing", () => {
    const seat = new Seat();
    seat.take(frame("snapshot", matched(10, "m_1")));
    const { model } = seat;
    seat.take(slept);
    expect(seat.model).toBe(model);
  });

  it("lets go where the server forgot everything as well", () => {
    const seat = talking();
    seat.take(slept);
    expect(seat.does(frame("snapshot", idle(1)))).toEqual([]);
    expect(seat.model.let_go).toBe("away");
  });

  it("forgets that it let go once its person went on elsewhere", () => {
    const seat = talking();
    seat.take(slept, frame("idle", away()));
    seat.take(frame("snapshot", waiting(30, { intent: T0 + 9 })));
    expect(seat.model.let_go).toBeNull();
  });
});

describe("the age of an intent, on a page that ran", () => {
  it.each([
    ["the server ended it: as long as it keeps the place", away(), ENDED_MS],
    ["the server forgot it: longer, for an outage may last minutes", idle(1), FORGOTTEN_MS],
  ])("%s", (_, state, most_ms) => {
    const [young, old] = [talking(), talking()];
    young.now_ms += most_ms;
    expect(young.does(frame("snapshot", state))).toEqual(["join"]);
    old.now_ms += most_ms + 1;
    expect(old.does(frame("snapshot", state))).toEqual([]);
    expect(old.model.let_go).toBe("away");
  });

  it("starts again with each frame in which the server has the person in the state they asked for", () => {
    const seat = inQueue();
    const beat = { type: "heartbeat", at_ms: T0, now_ms: T0, version: 12, people_online: 3 } as const;
    for (let n = 0; n < 40; n += 1) {
      seat.now_ms += 15_000;
      seat.take({ type: "frame", frame: beat });
    }
    expect(seat.does(frame("idle", away()))).toContain("join");
  });

  it("does not start again with a notice that the connection is down", () => {
    const seat = inQueue();
    seat.now_ms += ENDED_MS + 1;
    seat.take({ type: "frame", frame: { type: "reconnect", at_ms: 1, after_ms: 2_000 } }, { type: "frame", frame: { type: "unavailable", at_ms: 1, retry_ms: 1 } });
    expect(seat.does(frame("snapshot", away()))).toEqual([]);
  });

  it("bounds a press that waits for the server, too", () => {
    const seat = new Seat();
    seat.take(press);
    seat.now_ms += FORGOTTEN_MS + 1;
    expect(seat.does(frame("snapshot", idle(10)))).toEqual([]);
    expect(seat.model.let_go).toBe("away");
  });
});
