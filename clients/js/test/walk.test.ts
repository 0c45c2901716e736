import { describe, expect, it } from "vitest";
import { Refused, Unreachable } from "../src/problem.ts";
import { Line } from "../src/stream/line.ts";
import type { StreamEnd, StreamHandlers } from "../src/stream/transport.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { Polls, reply } from "./doubles/polls.ts";
import { idle } from "./doubles/states.ts";

const WALKS = 60;
const STEPS = 300;

/** Numbers in [0, 1), the same for the same seed (the constants are those of ISO C's own example). */
function numbers(seed: number): () => number {
  let last = seed;
  return () => (last = (Math.imul(last, 1_103_515_245) + 12_345) & 0x7fff_ffff) / 0x8000_0000;
}

/** A line, and all that can happen to it, as the dice say. */
class Walk {
  readonly clock = new FakeClock();
  readonly polls = new Polls();
  readonly streams: { handlers: StreamHandlers; open: boolean; greeted: boolean }[] = [];
  readonly #random: () => number;
  readonly line: Line;
  readonly #isHeld: boolean;
  #isKind = false;

  constructor(seed: number) {
    const random = (this.#random = numbers(seed));
    this.#isHeld = seed % 2 === 0;
    this.line = new Line({
      url: () => "/v1/events",
      open: (_url, _id, handlers) => {
        const stream = { handlers, open: true, greeted: false };
        this.streams.push(stream);
        return { close: () => void (stream.open = false) };
      },
      poll: this.polls.ask,
      known: () => ({ version: 1, signals: { match: "", last: 0, at_ms: 0 } }),
      authorize: () => (!this.#isKind && random() < 0.1 ? Promise.reject(new Unreachable("sessions")) : Promise.resolve(random() < 0.3)),
      clock: this.clock,
      random,
      onFrame: () => undefined,
      reach: () => Promise.resolve(true),
      onBlocked: () => undefined,
      onLink: () => undefined,
    });
  }

  get open() {
    return this.streams.filter(({ open }) => open);
  }

  async step(): Promise<void> {
    const [stream, poll] = [this.#one(this.open), this.polls.pending];
    // In every other walk most streams are held back, so that it polls for most of its time.
    const say = (frame: object): void => (this.#isHeld && this.#random() < 0.9 ? undefined : stream?.handlers.onEvent(JSON.stringify({ at_ms: 1, ...frame }), ""));
    const end = (why: StreamEnd): void => {
      if (stream !== undefined) stream.open = false;
      stream?.handlers.onEnd(why);
    };
    const happenings: (() => unknown)[] = [
      () => say(this.#snapshot()),
      () => say({ type: "reconnect", after_ms: 2_000 * this.#random() }),
      () => say({ type: "unavailable", retry_ms: 500 }),
      () => say({ type: "heartbeat", now_ms: 1, version: 1, people_online: 1 }),
      () => end({ why: "lost" }),
      () => end({ why: "refused", status: this.#one([null, 401, 404, 502]) ?? null }),
      () => poll?.answer(reply(idle(2), { transports: this.#transports() })),
      () => poll?.fail(new Refused(this.#one([401, 403, 429, 503])!, "", 1_000)),
      () => poll?.fail(new Unreachable("poll")),
      () => this.line.nudge(),
      () => this.line.renew(),
      () => this.line.unauthorized(),
      () => this.clock.freeze(30_000 * this.#random()),
    ];
    await this.#one(happenings)!();
    await this.clock.advance(this.#random() * (this.#random() < 0.3 ? 8_000 : 300));
  }

  /** From now on the server has both, and everything gets through. */
  async allIsWell(): Promise<void> {
    this.#isKind = true;
    for (let round = 0; round < 200; round += 1) {
      for (const stream of this.open) {
        // A snapshot now and then in place of heartbeats: it says besides that the store is back.
        if (!stream.greeted || round % 10 === 0) stream.handlers.onEvent(JSON.stringify({ ...this.#snapshot(), transports: "both" }), "");
        stream.greeted = true;
      }
      if (round % 5 === 0) this.polls.pending?.answer(reply(idle(round), { transports: "both" }));
      await this.clock.advance(1_000);
    }
  }

  #snapshot(): object {
    return { type: "snapshot", at_ms: 1, state: idle(1), transports: this.#transports() };
  }

  #transports() {
    return this.#one(["sse", "poll", "both"] as const)!;
  }

  #one<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random() * all.length)];
  }
}

describe.each(Array.from({ length: WALKS }, (_, n) => n + 1))("whatever happens to a line (walk %i)", (seed) => {
  async function walked(): Promise<Walk> {
    const walk = new Walk(seed);
    walk.line.open("p_1");
    await settle();
    for (let step = 0; step < STEPS; step += 1) {
      await walk.step();
      expect(walk.open.length).toBeLessThanOrEqual(2);
      expect(walk.polls.asked.filter(({ over }) => !over).length).toBeLessThanOrEqual(1);
    }
    return walk;
  }

  it("it has a stream, a trial and a poll at most, and comes back to one stream", async () => {
    const walk = await walked();
    await walk.allIsWell();
    expect(walk.line).toMatchObject({ link: "open", transport: "sse" });
    expect([walk.open.length, walk.polls.pending]).toEqual([1, undefined]);
  });

  it("it leaves nothing when it is closed", async () => {
    const walk = await walked();
    walk.line.nudge(); // some are in the middle of a trial then
    await settle();
    walk.line.close();
    await settle();
    expect([walk.open.length, walk.polls.pending, walk.clock.pending]).toEqual([0, undefined, 0]);
  });
});
