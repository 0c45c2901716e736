import { describe, expect, it } from "vitest";
import { PresenceWatch } from "../src/media/presence.ts";
import { FakeClock } from "./doubles/clock.ts";

const HERE = { camera: true, microphone: true, hidden: false };

class Side {
  readonly clock = new FakeClock();
  readonly sent: string[] = [];
  readonly words: string[] = [];
  vouched = 0;
  readonly seen: object[] = [];
  readonly watch = new PresenceWatch(this.clock, HERE, {
    status: (status, fresh) => void this.words.push(fresh ? `${status}!` : status),
    vouched: () => void (this.vouched += 1),
    presence: (presence) => void this.seen.push(presence),
  });

  attach(): void {
    this.watch.attach({ send: (text) => void this.sent.push(text) });
  }

  /** The partner answers the last ping. */
  answer(): void {
    const last = this.sent.filter((text) => text.startsWith('{"ping"')).at(-1) ?? "{}";
    const { ping } = JSON.parse(last) as { ping: number };
    this.watch.receive(JSON.stringify({ pong: ping }));
  }
}

describe("silence", () => {
  it("counts from the moment the page believes in the match, without any channel (R12, R14)", async () => {
    const side = new Side();
    await side.clock.advance(2_499);
    expect(side.words).toEqual([]);
    await side.clock.advance(1);
    expect(side.words).toEqual(["silent"]);
  });

  it("is found within 2.5 s and a tick", async () => {
    const side = new Side();
    side.attach();
    await side.clock.advance(700);
    side.answer();
    expect(side.words).toEqual(["open!"]);
    await side.clock.advance(3_000);
    expect(side.words).toEqual(["open!", "silent"]);
  });

  it("is not read off a timer that came late (R24: a page that was frozen for a minute)", async () => {
    const side = new Side();
    side.attach();
    side.answer();
    await side.clock.freeze(60_000);
    expect(side.words).toEqual(["open!"]);
    await side.clock.advance(2_000);
    expect(side.words).toEqual(["open!"]);
    await side.clock.advance(1_000);
    expect(side.words).toEqual(["open!", "silent"]);
  });

  it("ends with an answer", async () => {
    const side = new Side();
    side.attach();
    await side.clock.advance(2_500);
    side.answer();
    expect(side.words).toEqual(["silent", "open!"]);
  });
});

describe("open", () => {
  it("needs an answer to a ping: hearing them is not being heard (R17)", async () => {
    const side = new Side();
    side.attach();
    for (let n = 1; n < 9; n += 1) {
      side.watch.receive(JSON.stringify({ ping: n, ...HERE }));
      await side.clock.advance(500);
    }
    expect(side.words).toEqual([]);
  });

  it("is said anew for each new connection", () => {
    const side = new Side();
    side.attach();
    side.answer();
    side.watch.attach(null);
    side.attach();
    side.answer();
    expect(side.words).toEqual(["open!", "connecting", "open!"]);
  });

  it("is not said for an answer to a ping of an earlier connection", () => {
    const side = new Side();
    side.attach();
    side.watch.attach(null);
    side.watch.attach({ send: () => undefined });
    side.answer();
    expect(side.words).toEqual([]);
  });
});

describe("asking", () => {
  it("is met by an answer to that ping or a later one, once, and not by an earlier one", () => {
    const side = new Side();
    side.attach();
    const early = side.sent.length;
    side.watch.ask();
    side.watch.receive(JSON.stringify({ pong: early }));
    expect(side.vouched).toBe(0);
    side.answer();
    side.answer();
    expect(side.vouched).toBe(1);
  });
});

describe("pings", () => {
  it("are answered where they arrive, and tell how the partner is", () => {
    const side = new Side();
    side.attach();
    side.watch.receive(JSON.stringify({ ping: 7, camera: false, microphone: true, hidden: true }));
    expect(side.sent).toContain('{"pong":7}');
    expect(side.seen).toEqual([{ camera: false, microphone: true, hidden: true }]);
  });

  it("are asked anew at the partner's first word: the one before may have come too early for them", () => {
    const side = new Side();
    side.attach();
    side.watch.receive('{"ping":1}');
    expect(side.sent.map((text) => text.slice(0, 9))).toEqual(['{"ping":1', '{"pong":1', '{"ping":2']);
    side.answer();
    side.watch.receive('{"ping":2}');
    expect(side.sent.at(-1)).toBe('{"pong":2}');
  });

  it("that overtake each other do not bring back how the partner was", () => {
    const side = new Side();
    side.attach();
    side.watch.receive(JSON.stringify({ ping: 2, ...HERE }));
    side.watch.receive(JSON.stringify({ ping: 1, ...HERE, camera: false }));
    expect(side.seen).toEqual([HERE]);
  });

  it("say a change at once", () => {
    const side = new Side();
    side.attach();
    side.watch.tell({ ...HERE, hidden: true });
    expect(JSON.parse(side.sent.at(-1)!)).toMatchObject({ hidden: true });
  });

  it("that make no sense are nothing: the other side is a stranger", () => {
    const side = new Side();
    side.attach();
    for (const text of ["", "null", "[1]", '{"pong":"1"}', '{"pong":99}', '{"ping":{}}', "{".repeat(99)]) side.watch.receive(text);
    expect(side.words).toEqual([]);
    expect(side.seen).toEqual([]);
  });

  it("stop when it is closed", async () => {
    const side = new Side();
    side.attach();
    side.watch.close();
    expect(side.clock.pending).toBe(0);
    await side.clock.advance(5_000);
    expect(side.words).toEqual([]);
  });
});
