import { describe, expect, it } from "vitest";
import { Refused } from "../src/problem.ts";
import { Line, QUIET_MS, RETRY, SHAKY_CAP_MS, STEADY_MS, type Link } from "../src/stream/line.ts";
import type { StreamHandlers } from "../src/stream/transport.ts";
import { FakeClock, settle } from "./doubles/clock.ts";

const SNAPSHOT = '{"type":"snapshot","at_ms":1,"state":{"state":"idle","version":1,"intent":0,"wish":"rest","idle_reason":"never"}}';

class Streams {
  readonly clock = new FakeClock();
  readonly opened: { url: string; lastEventId: string; handlers: StreamHandlers; closed: boolean }[] = [];
  readonly links: Link[] = [];
  readonly asked: boolean[] = [];
  refusal: Refused | null = null;
  granted = false;
  readonly draws: number[] = [];
  readonly line = new Line({
    url: (page) => `/v1/events?page=${page}`,
    open: (url, lastEventId, handlers) => {
      const stream = { url, lastEventId, handlers, closed: false };
      this.opened.push(stream);
      return { close: () => void (stream.closed = true) };
    },
    authorize: (refused) => {
      this.asked.push(refused);
      return this.refusal === null ? Promise.resolve(this.granted) : Promise.reject(this.refusal);
    },
    poll: () => Promise.reject(new Refused(403, "polling-off", null)),
    known: () => ({ version: null, signals: { match: "", last: 0, at_ms: 0 } }),
    clock: this.clock,
    random: () => this.draws.shift() ?? 0.5,
    onFrame: () => undefined,
    reach: () => Promise.resolve(false),
    onBlocked: () => undefined,
    onLink: (link) => void this.links.push(link),
  });

  get last() {
    return this.opened.at(-1)!;
  }

  say(data: string, id = ""): void {
    this.last.handlers.onEvent(data, id);
  }

  async open(): Promise<this> {
    this.line.open("p_1");
    await settle();
    this.say(SNAPSHOT);
    return this;
  }
}

describe("the line", () => {
  it("comes back after the first error, by itself, with the last id (E3)", async () => {
    const streams = await new Streams().open();
    streams.say('{"type":"message","match":"m","n":3,"from":"me","text":"x"}', "m:3");
    streams.last.handlers.onEnd({ why: "lost" });
    expect(streams.line.link).toBe("away");
    await streams.clock.advance(400);
    expect(streams.opened).toHaveLength(2);
    expect(streams.last).toMatchObject({ url: "/v1/events?page=p_1", lastEventId: "m:3" });
    streams.say(SNAPSHOT);
    expect(streams.links).toEqual(["connecting", "open", "away", "open"]);
  });

  it("asks for a session first when it was turned away (E24)", async () => {
    const streams = await new Streams().open();
    streams.last.handlers.onEnd({ why: "refused", status: null });
    await streams.clock.advance(400);
    expect(streams.asked).toEqual([false, true]);
  });

  it("is dead after 20 s of nothing, heartbeats included", async () => {
    const streams = await new Streams().open();
    await streams.clock.advance(QUIET_MS - 1);
    streams.say('{"type":"heartbeat","now_ms":1,"version":1,"people_online":1}');
    await streams.clock.advance(QUIET_MS - 1);
    expect(streams.opened).toHaveLength(1);
    await streams.clock.advance(500);
    expect(streams.opened).toHaveLength(2);
    expect(streams.opened[0]?.closed).toBe(true);
  });

  it("comes back ever more slowly to streams that break off right after their first frame, and quickly to one that had lasted", async () => {
    const streams = await new Streams().open();
    for (let round = 0; round < 100 && streams.clock.monotonic() < 60_000; round += 1) {
      streams.last.handlers.onEnd({ why: "lost" });
      const had = streams.opened.length;
      for (let step = 0; step < 200 && streams.opened.length === had; step += 1) await streams.clock.advance(50);
      streams.say(SNAPSHOT);
    }
    expect(streams.opened.length).toBeLessThan(40);
    const had = streams.opened.length;
    await streams.clock.advance(STEADY_MS);
    streams.last.handlers.onEnd({ why: "lost" });
    await streams.clock.advance(400);
    expect(streams.opened).toHaveLength(had + 1);
  });

  it("waits 5 s at most after a stream that brought something, however many broke off", async () => {
    const streams = await new Streams().open();
    for (let round = 0; round < 12; round += 1) {
      const had = streams.opened.length;
      streams.last.handlers.onEnd({ why: "lost" });
      await streams.clock.advance(SHAKY_CAP_MS);
      expect(streams.opened).toHaveLength(had + 1);
      streams.say(SNAPSHOT);
    }
  });

  it("is away for as long as the server's store is, heartbeats or not", async () => {
    const streams = await new Streams().open();
    streams.say('{"type":"unavailable","at_ms":1,"retry_ms":500}');
    streams.say('{"type":"heartbeat","at_ms":1,"now_ms":1,"version":1,"people_online":1}');
    expect(streams.line.link).toBe("away");
    streams.say(SNAPSHOT);
    expect(streams.line.link).toBe("open");
  });

  it("stays closed once another page has taken over", async () => {
    const streams = await new Streams().open();
    streams.say('{"type":"taken-over","at_ms":1}');
    await streams.clock.advance(60_000);
    expect(streams.line.link).toBe("taken-over");
    expect(streams.opened).toHaveLength(1);
    expect(streams.clock.pending).toBe(0);
  });

  it("goes elsewhere when the server says when, and does not call that away", async () => {
    const streams = await new Streams().open();
    streams.say('{"type":"reconnect","at_ms":1,"after_ms":1500}');
    await streams.clock.advance(1_499);
    expect(streams.opened).toHaveLength(1);
    await streams.clock.advance(1);
    expect(streams.opened).toHaveLength(2);
    expect(streams.line.link).toBe("open");
  });

  it("calls it away when the server says why it takes no stream, and comes when it says, or at once when nudged", async () => {
    const streams = await new Streams().open();
    const full = '{"type":"reconnect","at_ms":1,"after_ms":31000,"reason":"network-full"}';
    streams.say(full);
    expect(streams.line.link).toBe("away");
    await streams.clock.advance(30_999);
    expect(streams.opened).toHaveLength(1);
    await streams.clock.advance(1);
    expect(streams.opened).toHaveLength(2);
    streams.say(full);
    streams.line.nudge();
    await settle();
    expect(streams.opened).toHaveLength(3);
    streams.say(SNAPSHOT);
    expect(streams.line.link).toBe("open");
  });

  it("backs off while nothing answers, and comes at once when nudged", async () => {
    const streams = await new Streams().open();
    for (let tries = 0; tries < 8; tries += 1) {
      streams.last.handlers.onEnd({ why: "lost" });
      await streams.clock.advance(2_000);
    }
    streams.last.handlers.onEnd({ why: "lost" });
    const before = streams.opened.length;
    await streams.clock.advance(1_000);
    expect(streams.opened).toHaveLength(before);
    streams.line.nudge();
    await settle();
    expect(streams.opened).toHaveLength(before + 1);
  });

  it("obeys a delay that the server names, however long, also when nudged, and says that it is away meanwhile", async () => {
    const streams = await new Streams().open();
    streams.say('{"type":"reconnect","at_ms":1,"after_ms":42000}');
    expect(streams.line.link).toBe("away");
    streams.line.nudge();
    await streams.clock.advance(41_999);
    expect(streams.opened).toHaveLength(1);
    await streams.clock.advance(1);
    expect(streams.opened).toHaveLength(2);
    streams.last.handlers.onEnd({ why: "lost" });
    streams.line.nudge();
    await settle();
    expect(streams.opened).toHaveLength(3); // the delay was named once, and is over
  });

  it("doubles its own back-off to half a minute, with full jitter", async () => {
    const streams = await new Streams().open();
    const waits: number[] = [];
    for (let tries = 0; tries < 10; tries += 1) {
      const had = streams.opened.length;
      const since_ms = streams.clock.monotonic();
      streams.last.handlers.onEnd({ why: "refused", status: 502 });
      while (streams.opened.length === had) await streams.clock.advance(100);
      waits.push(streams.clock.monotonic() - since_ms);
    }
    const half = (tries: number): number => Math.min(RETRY.cap_ms, RETRY.base_ms * 2 ** tries) / 2; // `random` is 0.5
    expect(waits).toEqual(Array.from({ length: 10 }, (_, tries) => half(tries)));
    expect(waits.at(-1)).toBe(15_000);
  });

  it("waits no longer than twice the time that it was away, whatever was drawn", async () => {
    const streams = await new Streams().open();
    streams.draws.push(0, 0, 0, 0, 1);
    for (let tries = 0; tries < 4; tries += 1) {
      streams.last.handlers.onEnd({ why: "lost" });
      await streams.clock.advance(0);
    }
    expect(streams.opened).toHaveLength(5);
    streams.last.handlers.onEnd({ why: "lost" });
    await streams.clock.advance(RETRY.base_ms);
    expect(streams.opened).toHaveLength(6);
  });

  it("says that the server is away while its store is, and keeps the stream", async () => {
    const streams = await new Streams().open();
    streams.say('{"type":"unavailable","at_ms":1,"retry_ms":1000}');
    expect(streams.line.link).toBe("away");
    streams.line.nudge();
    await settle();
    expect(streams.opened).toHaveLength(1);
    streams.say(SNAPSHOT);
    expect(streams.line.link).toBe("open");
  });

  it("ends when no session is granted for good", async () => {
    const streams = new Streams();
    streams.refusal = new Refused(403, "", null);
    streams.line.open("p_1");
    await settle();
    expect(streams.line.link).toBe("ended");
  });

  it("can be closed repeatedly, and leaves no timer", async () => {
    const streams = await new Streams().open();
    streams.line.close();
    streams.line.close();
    expect(streams.clock.pending).toBe(0);
    expect(streams.last.closed).toBe(true);
  });
});
