import { describe, expect, it } from "vitest";
import { Duologue } from "../src/client.ts";
import { loudest, type WatchSigns } from "../src/signs.ts";
import { currentMatch, type Input } from "../src/state/model.ts";
import type { Outcome, PersonState, Preferences } from "../src/vocabulary.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { frame, idle, matched, Seat, T0, waiting } from "./doubles/states.ts";

const press = (preferences: Preferences = {}): Input => ({ type: "press", wish: "talk", preferences });
const sign: Input = { type: "sign" };

/** A page and its server, which obeys. */
class Evening {
  readonly seat = new Seat();
  readonly joins: { intent: number; auto_next: boolean }[] = [];
  #version = 10;
  #intent = 0;
  #autoNext = true;
  #matches = 0;
  left = 0;
  /** Commands do not reach it. */
  isDeaf = false;

  constructor(askAfter: number, preferences: Preferences = {}) {
    this.take(frame("snapshot", idle(this.#version), { ask_after: askAfter }), press(preferences));
  }

  get state(): PersonState | null {
    return this.seat.model.state;
  }

  take(...inputs: Input[]): void {
    for (const effect of this.seat.take(...inputs)) {
      if (this.isDeaf) continue;
      if (effect.do === "leave") this.left += 1;
      if (effect.do === "leave") this.#answer("leave", effect.intent, "left", idle(++this.#version, { intent: effect.intent, idle_reason: "left" }));
      if (effect.do !== "join") continue;
      this.#intent = effect.intent;
      this.#autoNext = effect.preferences.auto_next !== false;
      this.joins.push({ intent: effect.intent, auto_next: this.#autoNext });
      this.#answer("join", effect.intent, "waiting", { ...(this.state?.state === "idle" ? waiting(++this.#version) : this.#same()), intent: effect.intent });
    }
  }

  /** A conversation, in which `during` happens, and its end by the partner. */
  talk(...during: Input[]): void {
    this.meet();
    this.open();
    this.take(...during);
    this.end();
  }

  meet(): void {
    this.seat.now_ms += 10;
    this.take(frame("new-match", matched(++this.#version, `m_${++this.#matches}`, { intent: this.#intent })));
  }

  open(): void {
    this.take({ type: "media", match: `m_${this.#matches}`, status: "open", fresh: true });
  }

  end(): void {
    const ended = { match: `m_${this.#matches}`, reason: "partner-skipped", at_ms: T0 } as const;
    const next = this.#autoNext
      ? waiting(++this.#version, { intent: this.#intent, ended })
      : idle(++this.#version, { intent: this.#intent, idle_reason: "one-conversation", ended });
    this.take(frame("force-disconnect", next));
  }

  #same(): PersonState {
    return { ...this.state!, version: ++this.#version };
  }

  #answer(name: "join" | "leave", intent: number, outcome: Outcome & ("waiting" | "left"), state: PersonState): void {
    this.take(this.seat.reply({ name, intent }, outcome, state));
  }
}

describe("conversations without a sign of the person", () => {
  it("end in a question after so many, and nobody was asked to leave or found a stranger who is left again", () => {
    const evening = new Evening(3);
    evening.talk();
    evening.talk();
    expect(evening.seat.model.let_go).toBeNull();
    evening.talk();
    expect([evening.state?.state, evening.seat.model.let_go, evening.left]).toEqual(["idle", "unattended", 0]);
    expect(evening.joins.map(({ auto_next }) => auto_next)).toEqual([true, false]);
  });

  it("are asked about before the next: an answer is a press, and the count starts again", () => {
    const evening = new Evening(1);
    evening.talk();
    expect(evening.seat.model.let_go).toBe("unattended");
    evening.take(press());
    expect([evening.seat.model.let_go, evening.state?.state, evening.joins.at(-1)?.auto_next]).toEqual([null, "waiting", true]);
  });

  it.each<[string, Input]>([
    ["a key, the pointer or a sound", sign],
    ["a line of text", { type: "say", key: "k", text: "hello" }],
  ])("do not count with %s in one of them", (_, input) => {
    const evening = new Evening(3);
    evening.talk();
    evening.talk();
    evening.talk(input);
    expect([evening.seat.model.let_go, evening.state?.state]).toEqual([null, "waiting"]);
    expect(evening.joins.map(({ auto_next }) => auto_next)).toEqual([true, false, true]);
    evening.talk();
    evening.talk();
    expect(evening.seat.model.let_go).toBeNull();
    evening.talk();
    expect(evening.seat.model.let_go).toBe("unattended");
  });

  it("do not count either with a sign between them", () => {
    const evening = new Evening(2);
    evening.talk();
    evening.take(sign);
    evening.talk();
    expect(evening.seat.model.let_go).toBeNull();
  });

  it("are only those in which the two could see or hear each other", () => {
    const evening = new Evening(2);
    for (let n = 0; n < 5; n += 1) {
      evening.meet();
      evening.end();
    }
    expect([evening.seat.model.attention.silent, evening.seat.model.let_go]).toEqual([0, null]);
  });

  it("go on for ever where the number is 0", () => {
    const evening = new Evening(0);
    for (let n = 0; n < 9; n += 1) evening.talk();
    expect([evening.seat.model.let_go, evening.joins.length]).toEqual([null, 1]);
  });

  it("are nothing new to a person who wants one conversation at a time", () => {
    const evening = new Evening(1, { auto_next: false });
    evening.talk();
    expect([evening.state?.state, evening.seat.model.let_go, evening.joins.length]).toEqual(["idle", null, 1]);
  });

  it("are left at the end where the server did not hear in time", () => {
    const evening = new Evening(2);
    evening.isDeaf = true;
    evening.talk();
    evening.isDeaf = false;
    evening.talk();
    expect(evening.joins).toHaveLength(1);
    expect([evening.left, evening.state?.state, evening.seat.model.let_go]).toEqual([1, "idle", "unattended"]);
  });

  it("keep the press of Next of a person who is there", () => {
    const evening = new Evening(1);
    evening.meet();
    evening.open();
    expect(evening.joins.at(-1)?.auto_next).toBe(false);
    evening.take({ type: "next" });
    expect([evening.joins.at(-1)?.auto_next, currentMatch(evening.seat.model)]).toEqual([true, "m_1"]);
  });
});

describe("a client", () => {
  function client(options: { askAfter?: number; signs?: WatchSigns | null }) {
    const clock = new FakeClock(T0);
    let say: (state: PersonState) => void = () => undefined;
    const seat = new Duologue({
      clock,
      fetch: ((path: string) =>
        Promise.resolve(
          Response.json(
            path.endsWith("sessions") ? { person: "a", token: "t", expires_at_ms: T0 + 10 ** 9 } : { outcome: "ok", state: seat.view.model.state ?? idle(1) },
          ),
        )) as typeof globalThis.fetch,
      stream: (_url, _id, { onEvent }) => {
        say = (state) => onEvent(JSON.stringify({ type: "snapshot", at_ms: T0, ask_after: 3, state }), "");
        return { close: () => undefined };
      },
      media: () => ({ hear: noop, grant: noop, send: noop, tell: noop, ask: noop, close: noop }),
      ...options,
    });
    return { seat, say: (state: PersonState) => say(state) };
  }

  it("watches for signs of the person in a conversation, until there is one", async () => {
    let noticed: (() => void) | null = null;
    let heard: MediaStreamTrack | null = null;
    const signs: WatchSigns = (audio, notice) => {
      heard = audio();
      noticed = notice;
      return () => (noticed = null);
    };
    const { seat, say } = client({ signs });
    const audio = { kind: "audio" } as MediaStreamTrack;
    seat.send({ audio, video: null });
    seat.open();
    await settle();
    say(idle(1));
    seat.start();
    await settle();
    expect(noticed).toBeNull(); // the press was one
    say(matched(9, "m_1", { intent: T0 }));
    expect(heard).toBe(audio);
    noticed!();
    expect([noticed, seat.view.model.attention.seen]).toEqual([null, true]);
    say(matched(10, "m_2", { intent: T0 }));
    expect(noticed).not.toBeNull();
    seat.close();
    expect(noticed).toBeNull();
  });

  it.each([
    ["the server's number on a page", { signs: () => noop }, [null, 3]],
    ["its own number before the server's", { signs: () => noop, askAfter: 5 }, [5, 3]],
    ["none where nothing can show that somebody is there", {}, [0, 3]],
    ["its own number even there", { askAfter: 2 }, [2, 3]],
  ])("goes by %s", async (_, options, [own, server]) => {
    const { seat, say } = client(options);
    seat.open();
    await settle();
    say(idle(1));
    expect(seat.view.model.attention).toMatchObject({ own, server });
    seat.close();
  });
});

it("measures the loudest twentieth of a second, so that a short word counts", () => {
  const samples = new Float32Array(16_384);
  expect(loudest(samples)).toBeLessThan(-100);
  samples.fill(0.1, 5_120, 6_144);
  expect(loudest(samples)).toBeCloseTo(-20, 1);
});

const noop = (): void => undefined;
