import { describe, expect, it } from "vitest";
import { Refused, Unreachable } from "../src/problem.ts";
import { FIRST_FRAME_MS, Line } from "../src/stream/line.ts";
import type { StreamHandlers } from "../src/stream/transport.ts";
import type { Transports } from "../src/vocabulary.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { Polls, reply } from "./doubles/polls.ts";
import { idle } from "./doubles/states.ts";

/** A device on which a content blocker stops live updates. `isUp`: the server answers other requests. */
class Device {
  readonly clock = new FakeClock();
  readonly polls = new Polls();
  readonly streams: StreamHandlers[] = [];
  readonly said: boolean[] = [];
  isUp = true;
  readonly line = new Line({
    url: () => "/v1/events",
    open: (_url, _id, handlers) => {
      this.streams.push(handlers);
      return { close: () => undefined };
    },
    poll: this.polls.ask,
    known: () => ({ version: null, signals: { match: "", last: 0, at_ms: 0 } }),
    authorize: () => Promise.resolve(false),
    reach: () => Promise.resolve(this.isUp),
    onBlocked: (blocked) => void this.said.push(blocked),
    clock: this.clock,
    random: () => 0.5,
    onFrame: () => undefined,
    onLink: () => undefined,
  });

  async open(): Promise<this> {
    this.line.open("p_1");
    await settle();
    return this;
  }

  /** Streams are stopped at once; polls fail as given, or are left alone. */
  async goOn(rounds: number, poll?: Error): Promise<void> {
    for (let n = 0; n < rounds; n += 1) {
      this.streams.at(-1)?.onEnd({ why: "lost" });
      await settle();
      if (poll !== undefined && this.polls.pending !== undefined) this.polls.last.fail(poll);
      const opened = this.streams.length;
      // Until the next stream, for which the line waits up to half a minute; a poll that is left alone waits.
      for (let passed = 0; passed < 30_000 && this.streams.length === opened && (passed < 4_000 || this.polls.pending === undefined); passed += 500) {
        await this.clock.advance(500);
      }
    }
  }
}

const off = new Refused(403, "polling-off", null);
const snapshot = (transports: Transports) => JSON.stringify({ type: "snapshot", at_ms: 1, state: idle(1), transports });

describe("live updates that are blocked on the way", () => {
  it("are told from a server that is away, where there are streams only", async () => {
    const device = await new Device().open();
    await device.goOn(3, off);
    expect(device.said).toEqual([]);
    await device.goOn(2, off);
    expect(device.said).toEqual([true]);
  });

  it("are told where streams and polls are both blocked", async () => {
    const device = await new Device().open();
    await device.goOn(6, new Unreachable("blocked"));
    expect(device.said).toEqual([true]);
  });

  it("are told soon where streams open and bring nothing", async () => {
    const device = await new Device().open();
    await device.clock.advance(FIRST_FRAME_MS);
    device.polls.last.fail(off);
    await device.clock.advance(FIRST_FRAME_MS + 1_000);
    expect(device.said).toEqual([true]);
  });

  it("are not told of a server that answers nothing at all", async () => {
    const device = await new Device().open();
    device.isUp = false;
    await device.goOn(12, new Unreachable("down"));
    expect(device.said).toEqual([]);
  });

  it("are not told of a server that starts again: one answer in between is not enough", async () => {
    const device = await new Device().open();
    device.isUp = false;
    await device.goOn(5, new Unreachable("down"));
    device.isUp = true;
    await device.goOn(1, new Unreachable("down"));
    device.streams.at(-1)?.onEvent(snapshot("sse"), "");
    expect(device.line.link).toBe("open");
    expect(device.said).toEqual([]);
  });

  it("are not told where polls get through, nor of polls that are refused for a while", async () => {
    const device = await new Device().open();
    await device.goOn(3);
    device.polls.last.answer(reply(idle(2), { transports: "both" }));
    await settle();
    expect(device.line).toMatchObject({ link: "open", transport: "poll" });
    const refused = await new Device().open();
    await refused.goOn(12, new Refused(503, "unavailable", null));
    expect([...device.said, ...refused.said]).toEqual([]);
  });

  it("are said to get through again, with the first frame, and nothing is said once the line is closed", async () => {
    const device = await new Device().open();
    await device.goOn(5, off);
    device.streams.at(-1)?.onEvent(snapshot("sse"), "");
    expect(device.said).toEqual([true, false]);
    await device.goOn(5, off);
    device.line.close();
    expect(device.said).toEqual([true, false, true, false]);
    await device.clock.advance(60_000);
    expect(device.said).toHaveLength(4);
  });
});
