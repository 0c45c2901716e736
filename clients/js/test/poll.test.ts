import { describe, expect, it } from "vitest";
import { Refused, Unreachable } from "../src/problem.ts";
import { openPoll, WAIT_MS, type Known } from "../src/stream/poll.ts";
import type { Connection, StreamEnd } from "../src/stream/transport.ts";
import type { Frame } from "../src/vocabulary.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { Polls, reply } from "./doubles/polls.ts";
import { idle, matched, T0, waiting } from "./doubles/states.ts";

/** A page that polls and believes what it is told. */
class Polling {
  readonly clock = new FakeClock(T0);
  readonly polls = new Polls();
  readonly frames: Frame[] = [];
  readonly ends: StreamEnd[] = [];
  known: Known;
  readonly connection: Connection;

  constructor(known: Partial<Known> = {}) {
    this.known = { version: null, signals: { match: "", last: 0, at_ms: 0 }, after: "", ...known };
    const { clock, polls } = this;
    this.connection = openPoll(
      { page: "p_1", ask: polls.ask, known: () => this.known, clock, random: () => 0.5 },
      {
        onFrame: (frame) => {
          this.frames.push(frame);
          if ("state" in frame) this.known = { ...this.known, version: frame.state.version };
        },
        goesOn: () => true,
        onEnd: (end) => void this.ends.push(end),
      },
    );
  }

  async answer(...answer: Parameters<typeof reply>): Promise<this> {
    this.polls.last.answer(reply(...answer));
    await settle();
    return this;
  }
}

describe("polls", () => {
  it("begin with one that names no version, whose answer is a snapshot, and go on with what the page has", async () => {
    const page = await new Polling().answer(waiting(10));
    expect(page.polls.asked.map(({ query }) => query)).toEqual([{ page: "p_1" }, { page: "p_1", version: "10", wait_ms: String(WAIT_MS) }]);
    expect(page.frames).toMatchObject([{ type: "snapshot", at_ms: T0, people_online: 2, state: { version: 10 } }]);
  });

  it("tell each other version as a snapshot, a lower one too: the store fell back (E8)", async () => {
    const page = await new Polling().answer(waiting(10));
    await page.answer(waiting(11));
    await page.answer(waiting(5));
    expect(page.frames.map(({ type }) => type)).toEqual(["snapshot", "snapshot", "snapshot"]);
  });

  it.each([
    ["m_1:2:50", "snapshot"],
    ["m_1:0:0", "state"],
  ])("tell one with fewer messages than were read as a snapshot: what the store forgot goes (E8), after %s", async (after, type) => {
    const page = await new Polling({ after }).answer(matched(10, "m_1"));
    await page.answer(matched(10, "m_1"), { messages: [{ n: 1, from: "partner", text: "one", at_ms: T0 }] });
    expect(page.frames.slice(-2).map((told) => told.type)).toEqual([type, "message"]);
  });

  it("tell a state that a command's reply overtook as an ordinary one, so that it is not believed (E19)", async () => {
    const page = await new Polling().answer(waiting(10));
    page.known = { ...page.known, version: 12 };
    await page.answer(waiting(11));
    expect(page.frames.at(-1)).toMatchObject({ type: "state", state: { version: 11 } });
  });

  it("bring the lines and signals of the match, and name what was seen", async () => {
    const page = new Polling({ signals: { match: "m_1", last: 3, at_ms: 30 }, after: "m_1:7:70" });
    const signal = { n: 4, at_ms: T0, data: { from: "p_x", hello: true } } as const;
    await page.answer(matched(10, "m_1"), { messages: [{ n: 8, from: "partner", text: "hi", at_ms: T0 }], signals: [signal] });
    expect(page.polls.asked[0]?.query).toEqual({ page: "p_1", after: "m_1:7:70", signals_after: "3:30" });
    expect(page.frames.slice(1)).toEqual([
      { type: "message", match: "m_1", n: 8, from: "partner", text: "hi", at_ms: T0 },
      { type: "peer-signal", match: "m_1", ...signal },
    ]);
  });

  it("name the match that their numbers are of, although no message of it was read yet", async () => {
    const page = await new Polling({ signals: { match: "m_2", last: 0, at_ms: 0 }, after: "m_1:7" }).answer(matched(10, "m_2"));
    page.known = { ...page.known, signals: { match: "m_2", last: 2, at_ms: 20 } };
    await page.answer(matched(11, "m_2"));
    expect(page.polls.asked[0]?.query).toEqual({ page: "p_1", after: "m_2:0" });
    expect(page.polls.last.query).toMatchObject({ version: "11", after: "m_2:0", signals_after: "2:20" });
  });

  it("tell an answer with nothing new as a snapshot, for the server may doubt that it told all (E35), and one with lines only as none", async () => {
    const page = await new Polling().answer(matched(10, "m_1"));
    await page.answer(matched(10, "m_1"));
    await page.clock.advance(1_000);
    await page.answer(matched(10, "m_1"), { signals: [{ n: 1, at_ms: T0, data: { from: "p_x", hello: true } }] });
    expect(page.frames.map(({ type }) => type)).toEqual(["snapshot", "snapshot", "state", "peer-signal"]);
  });

  it("tell an end with its own instant, once, so that its delay can be measured", async () => {
    const page = await new Polling().answer(matched(10, "m_1"));
    const ended = { match: "m_1", reason: "partner-skipped", at_ms: T0 - 40 } as const;
    await page.answer(waiting(11, { ended }));
    await page.answer(waiting(12, { ended }));
    const told = { type: "force-disconnect", at_ms: T0 - 40, match: "m_1", reason: "partner-skipped" };
    expect(page.frames.slice(1)).toMatchObject([told, { type: "snapshot" }, { type: "snapshot" }]);
  });

  it("are not repeated at once when they bring nothing: no loop, whatever the server does", async () => {
    const page = await new Polling().answer(idle(10));
    for (let n = 0; n < 40; n += 1) {
      await page.answer(idle(10));
      await page.clock.advance(100);
    }
    expect(page.polls.asked.length).toBeLessThan(15);
  });

  it("that waited their time are repeated at once", async () => {
    const page = await new Polling().answer(idle(10));
    await page.clock.advance(WAIT_MS);
    await page.answer(idle(10));
    expect(page.polls.asked).toHaveLength(3);
  });

  it.each([
    [new Unreachable("x"), { why: "lost" }],
    [new Refused(503, "unavailable", 2_000), { why: "refused", status: 503, code: "unavailable", retry_after_ms: 2_000 }],
  ])("end with the first that is not answered: %s", async (error, end) => {
    const page = await new Polling().answer(idle(10));
    page.polls.last.fail(error);
    await page.clock.advance(60_000);
    expect(page.ends).toEqual([end]);
    expect(page.polls.asked).toHaveLength(2);
  });

  it("say that another page has the connection", async () => {
    const page = new Polling();
    page.polls.last.answer("taken-over");
    await settle();
    expect(page.frames).toMatchObject([{ type: "taken-over" }]);
  });

  it("can be closed repeatedly, under way and in between; nothing is left and nothing follows", async () => {
    const page = await new Polling().answer(idle(10));
    await page.answer(idle(10)); // now it pauses
    page.connection.close();
    page.connection.close();
    await page.clock.advance(60_000);
    expect(page.clock.pending).toBe(0);
    expect(page.polls.asked).toHaveLength(2);
    expect(page.ends).toEqual([]);
  });
});
