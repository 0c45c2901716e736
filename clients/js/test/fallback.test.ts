import { describe, expect, it } from "vitest";
import { Refused, Unreachable } from "../src/problem.ts";
import { FIRST_FRAME_MS, Line, RETURN_MS, RETURN_SOON_MS, type Link } from "../src/stream/line.ts";
import type { StreamHandlers } from "../src/stream/transport.ts";
import type { Frame, Transports } from "../src/vocabulary.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { Polls, reply } from "./doubles/polls.ts";
import { idle, matched } from "./doubles/states.ts";

const snapshot = (transports?: Transports) => JSON.stringify({ type: "snapshot", at_ms: 1, state: idle(1), transports });

/** A line of which the test is the server, and what lies between. */
class Way {
  readonly clock = new FakeClock();
  readonly polls = new Polls();
  readonly streams: { handlers: StreamHandlers; closed: boolean; lastEventId: string }[] = [];
  readonly links: string[] = [];
  readonly frames: Frame[] = [];
  readonly asked: boolean[] = [];
  granted = false;
  /** What the server says to a request of another kind. */
  reaches = false;
  readonly blocked: boolean[] = [];
  version: number | null = null;
  readonly line = new Line({
    url: (page) => `/v1/events?page=${page}`,
    open: (_url, lastEventId, handlers) => {
      const stream = { handlers, closed: false, lastEventId };
      this.streams.push(stream);
      return { close: () => void (stream.closed = true) };
    },
    poll: this.polls.ask,
    known: () => ({ version: this.version, signals: { match: "", last: 0, at_ms: 0 } }),
    authorize: (refused) => {
      this.asked.push(refused);
      return Promise.resolve(this.granted);
    },
    clock: this.clock,
    random: () => 0.5,
    onFrame: (frame) => {
      this.frames.push(frame);
      if ("state" in frame) this.version = frame.state.version;
    },
    reach: () => Promise.resolve(this.reaches),
    onBlocked: (blocked) => void this.blocked.push(blocked),
    onLink: (link: Link, transport) => void this.links.push(`${link} ${transport}`),
  });

  get stream() {
    return this.streams.at(-1)!;
  }

  async open(): Promise<this> {
    this.line.open("p_1");
    await settle();
    return this;
  }

  async lose(status?: number | null): Promise<void> {
    this.stream.handlers.onEnd(status === undefined ? { why: "lost" } : { why: "refused", status });
    await settle();
  }

  async answer(transports: Transports = "both"): Promise<void> {
    this.polls.last.answer(reply(idle(2 + this.polls.asked.length), { transports }));
    await settle();
  }

  /** Its streams are held back; it polls. */
  async polling(transports: Transports = "both"): Promise<this> {
    await this.open();
    await this.clock.advance(FIRST_FRAME_MS);
    await this.answer(transports);
    expect(this.links.at(-1)).toBe("open poll");
    return this;
  }
}

describe("a line whose streams do not get through", () => {
  it("polls when one has brought nothing after 6 s, and not sooner", async () => {
    const way = await new Way().open();
    await way.clock.advance(FIRST_FRAME_MS - 1);
    expect(way.polls.asked).toHaveLength(0);
    await way.clock.advance(1);
    expect(way.stream.closed).toBe(true);
    await way.answer();
    expect(way.line).toMatchObject({ link: "open", transport: "poll" });
    expect(way.frames).toMatchObject([{ type: "snapshot" }]);
  });

  it("polls after three in a row that broke off before a frame", async () => {
    const way = await new Way().open();
    for (let n = 0; n < 3; n += 1) {
      expect(way.polls.asked).toHaveLength(0);
      await way.lose();
      if (n < 2) await way.clock.advance(2_000);
    }
    expect(way.polls.asked).toHaveLength(1);
  });

  it("polls at once when the server has no streams (404), and tries no stream while it says so", async () => {
    const way = await new Way().open();
    await way.lose(404);
    await way.answer("poll");
    await way.clock.advance(10 * RETURN_MS);
    expect(way.line).toMatchObject({ link: "open", transport: "poll" });
    expect(way.streams).toHaveLength(1);
  });

  it("asks for a session first where it cannot see the status; a refusal in spite of a new one is no matter of sessions", async () => {
    const way = await new Way().open();
    await way.lose(null);
    expect(way.polls.asked).toHaveLength(0);
    way.granted = true;
    await way.clock.advance(500);
    expect(way.asked).toEqual([false, true]);
    await way.lose(null);
    expect(way.polls.asked).toHaveLength(1);
  });

  it("does not take a lost session for a lost stream", async () => {
    const way = await new Way().open();
    for (let n = 0; n < 5; n += 1) {
      await way.lose(401);
      await way.clock.advance(5_000);
    }
    expect(way.polls.asked).toHaveLength(0);
  });

  it("goes back to streams when nothing is answered at all: then the server is away, with back-off", async () => {
    const way = await new Way().open();
    await way.clock.advance(FIRST_FRAME_MS);
    way.polls.last.fail(new Unreachable("down"));
    await way.clock.advance(500);
    expect(way.streams).toHaveLength(2);
    expect(way.line).toMatchObject({ link: "away", transport: "sse" });
  });

  it("stays with streams where polling is off, and gives a slow one its 20 s", async () => {
    const way = await new Way().open();
    await way.clock.advance(FIRST_FRAME_MS);
    way.polls.last.fail(new Refused(403, "polling-off", null));
    await way.clock.advance(500 + 2 * FIRST_FRAME_MS);
    expect(way.streams).toHaveLength(2);
    expect(way.stream.closed).toBe(false);
    way.stream.handlers.onEvent(snapshot("sse"), "");
    expect(way.line).toMatchObject({ link: "open", transport: "sse" });
  });

  it("does not even ask a server that said that it has streams only", async () => {
    const way = await new Way().open();
    way.stream.handlers.onEvent(snapshot("sse"), "");
    for (let n = 0; n < 6; n += 1) {
      await way.lose();
      await way.clock.advance(5_000);
    }
    expect(way.polls.asked).toHaveLength(0);
  });

  it("polls a server that had streams only, and now has none: whoever runs it changed the setting", async () => {
    const way = await new Way().open();
    way.stream.handlers.onEvent(snapshot("sse"), "");
    await way.lose();
    await way.clock.advance(500);
    await way.lose(404);
    await way.answer("poll");
    expect(way.line).toMatchObject({ link: "open", transport: "poll" });
  });

  it("waits as long as Retry-After asks, and polls on", async () => {
    const way = await new Way().polling();
    way.polls.last.fail(new Refused(429, "too-many", 3_000));
    await way.clock.advance(2_999);
    expect(way.polls.asked).toHaveLength(2);
    await way.clock.advance(500);
    expect(way.polls.asked).toHaveLength(3);
    expect(way.polls.last.query).toEqual({ page: "p_1" }); // after a failure as at the beginning: a snapshot
  });

  it.each([["network-full", [{ type: "reconnect", at_ms: 0, after_ms: 30_000, reason: "network-full" }]], ["too-many", []]])(
    "tells of a poll that is refused with %s as a stream would",
    async (code, told) => {
      const way = await new Way().polling();
      way.frames.length = 0;
      way.polls.last.fail(new Refused(429, code, 30_000));
      await settle();
      expect(way.frames).toEqual(told);
      expect(way.line.link).toBe("away");
      await way.clock.advance(29_999);
      expect(way.polls.asked).toHaveLength(2);
      await way.clock.advance(500);
      expect(way.polls.asked).toHaveLength(3);
    },
  );

  it("asks for a session when a poll is answered 401", async () => {
    const way = await new Way().polling();
    way.polls.last.fail(new Refused(401, "bad-token", null));
    await way.clock.advance(500);
    expect(way.asked.at(-1)).toBe(true);
    expect(way.polls.asked).toHaveLength(3);
  });

  it("names the last message that either transport brought", async () => {
    const way = await new Way().open();
    way.stream.handlers.onEvent(snapshot("both"), "");
    way.stream.handlers.onEvent('{"type":"message","at_ms":1,"match":"m_1","n":4,"from":"me","text":"x"}', "m_1:4");
    for (let n = 0; n < 4; n += 1) {
      await way.lose();
      if (n < 3) await way.clock.advance(4_000);
    }
    expect(way.polls.last.query["after"]).toBe("m_1:4");
    way.polls.last.answer(reply(matched(9, "m_1"), { messages: [{ n: 5, from: "partner", text: "y", at_ms: 1 }], transports: "both" }));
    await settle();
    expect(way.polls.last.query["after"]).toBe("m_1:5:1");
  });

  it("ends when another page has taken over, and leaves nothing", async () => {
    const way = await new Way().polling();
    way.polls.last.answer("taken-over");
    await settle();
    expect(way.line.link).toBe("taken-over");
    expect(way.clock.pending).toBe(0);
  });

  it("can be closed at any moment, and leaves nothing", async () => {
    const way = await new Way().polling();
    await way.clock.advance(RETURN_MS * 1.2);
    way.line.close();
    await way.clock.advance(RETURN_MS * 3);
    expect(way.clock.pending).toBe(0);
    expect(way.streams.every(({ closed }) => closed)).toBe(true);
    expect(way.polls.last.signal.aborted).toBe(true);
  });
});

describe("a line that polls, where the server has both", () => {
  it("tries a stream about once a minute beside its poll, and goes over at its first frame", async () => {
    const way = await new Way().polling();
    const poll = way.polls.last;
    await way.clock.advance(RETURN_MS);
    expect(way.streams).toHaveLength(2);
    expect(poll.signal.aborted).toBe(false);
    way.stream.handlers.onEvent(snapshot("both"), "");
    expect(poll.signal.aborted).toBe(true);
    expect(way.links.slice(-2)).toEqual(["open poll", "open sse"]);
    await way.clock.advance(10_000);
    expect(way.polls.asked).toHaveLength(2);
    expect(way.stream.closed).toBe(false);
  });

  it("tries one soon, and then about once a minute, when streams broke off: the server may only have been down", async () => {
    const way = await new Way().open();
    for (let n = 0; n < 3; n += 1) {
      await way.lose();
      if (n < 2) await way.clock.advance(2_000);
    }
    await way.answer();
    await way.clock.advance(RETURN_SOON_MS);
    expect(way.streams).toHaveLength(4);
    await way.lose();
    await way.clock.advance(RETURN_MS - 1);
    expect(way.streams).toHaveLength(4);
    await way.clock.advance(1);
    expect(way.streams).toHaveLength(5);
  });

  it("gives a stream that brings nothing up after 6 s, and polls on all the while", async () => {
    const way = await new Way().polling();
    await way.clock.advance(RETURN_MS);
    await way.clock.advance(FIRST_FRAME_MS);
    expect(way.stream.closed).toBe(true);
    expect(way.polls.last.signal.aborted).toBe(false);
    expect(way.links.at(-1)).toBe("open poll");
    await way.clock.advance(RETURN_MS);
    expect(way.streams).toHaveLength(3);
  });

  it("does not poll over the stream that it tries, and is never without a connection for longer than 2 s", async () => {
    const way = await new Way().polling();
    await way.clock.advance(RETURN_MS);
    await way.answer(); // the server lets the poll go: the stream has replaced it
    await way.clock.advance(1_999);
    expect(way.polls.asked).toHaveLength(2);
    await way.clock.advance(1);
    expect(way.stream.closed).toBe(true);
    expect(way.polls.asked).toHaveLength(3);
    expect(way.line).toMatchObject({ link: "open", transport: "poll" });
  });

  it("tries at once when the network is back", async () => {
    const way = await new Way().polling();
    way.line.nudge();
    expect(way.streams).toHaveLength(2);
    way.line.nudge();
    expect(way.streams).toHaveLength(2);
  });

  it("is not sent away by a stream that is asked to come later", async () => {
    const way = await new Way().polling();
    way.line.nudge();
    way.stream.handlers.onEvent('{"type":"reconnect","at_ms":1,"after_ms":5000}', "");
    expect(way.stream.closed).toBe(true);
    expect(way.line).toMatchObject({ link: "open", transport: "poll" });
    expect(way.polls.last.signal.aborted).toBe(false);
  });
});

describe("a renewed session", () => {
  it("moves an open stream without a gap: the old one is closed when the new one has its first frame", async () => {
    const way = await new Way().open();
    way.stream.handlers.onEvent(snapshot("both"), "");
    const old = way.stream;
    way.line.renew();
    expect([way.streams.length, old.closed]).toEqual([2, false]);
    old.handlers.onEnd({ why: "lost" }); // replaced by its own page
    way.stream.handlers.onEvent(snapshot("both"), "");
    await way.clock.advance(10_000);
    expect(way.links).toEqual(["connecting sse", "open sse"]);
    expect(way.stream.closed).toBe(false);
  });
});
