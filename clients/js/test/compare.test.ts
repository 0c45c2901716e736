import { describe, expect, it } from "vitest";
import { Api } from "../src/api.ts";
import { Comparing, REPORT_MS } from "../src/comparing.ts";
import { bearerSession } from "../src/session.ts";
import { beginRead, compare, emptyBook, MISSED_MS, overdue, streamed, type StreamBook } from "../src/state/compare.ts";
import type { PersonState, StateFrame } from "../src/vocabulary.ts";
import { FakeClock } from "./doubles/clock.ts";
import { idle, match, matched, T0, waiting } from "./doubles/states.ts";

function book(state: PersonState): StreamBook {
  return streamed(emptyBook, state, true)[0];
}

/** A read that is sent now, and answered after the stream has brought `between`. */
function read(before: PersonState, answer: PersonState, ...between: PersonState[]) {
  const sent = book(before);
  const now = between.reduce((next, state) => streamed(next, state, false)[0], sent);
  return compare(now, beginRead(sent)!, answer, 0);
}

describe("a read against the stream", () => {
  it("is the same with the same version and the same state", () => {
    expect(read(waiting(10), waiting(10))[1]).toBe("same");
  });

  it("is the same whatever changes without a version, or is put in by the process that answers", () => {
    const told = matched(10, "m_1", { probe: { probe: "b_1", until_ms: T0 } });
    const now = matched(10, "m_1", {
      match: { ...match("m_1"), messages: { first: 1, last: 9 }, media: { kind: "peer", role: "polite", ice_servers: [{ urls: "turn:x", credential: "new" }] } },
    });
    expect(read(told, now)[1]).toBe("same");
  });

  it.each([
    ["another state", waiting(10), idle(10)],
    ["another match", matched(10, "m_1"), matched(10, "m_2")],
    ["another role", matched(10, "m_1"), matched(10, "m_1", { match: { ...match("m_1"), media: { kind: "peer", role: "impolite", ice_servers: [] } } })],
    ["a partner who is away", matched(10, "m_1"), matched(10, "m_1", { match: match("m_1", T0) })],
    ["another wish", waiting(10), waiting(10, { wish: "rest" })],
  ])("differs with the same version and %s", (_, stream, answer) => {
    expect(read(stream, answer)[1]).toBe("differ");
  });

  it("was overtaken by a frame that came while it was under way: the stream was first", () => {
    expect(read(waiting(10), waiting(10), matched(11, "m_1"))[1]).toBe("stream_first");
    expect(read(waiting(10), matched(11, "m_1"), waiting(12))[1]).toBe("stream_first");
  });

  it("differs when it is older than what the stream had brought before it was sent", () => {
    expect(read(waiting(10), waiting(9))[1]).toBe("differ");
  });

  it("is first when the stream reaches it in time, each read that was", () => {
    const [ahead, none] = read(waiting(10), matched(12, "m_1"));
    expect(none).toBeNull();
    const [still, early] = streamed(ahead, waiting(11), false);
    const [after, caughtUp] = streamed(still, matched(13, "m_2"), false);
    expect([early, caughtUp, overdue(after, MISSED_MS)[1]]).toEqual([0, 1, 0]);
  });

  it("was missed when the stream does not reach it in 5 s, and is counted once", () => {
    const [ahead] = read(waiting(10), matched(12, "m_1"));
    expect(overdue(ahead, MISSED_MS - 1)[1]).toBe(0);
    const [after, missed] = overdue(ahead, MISSED_MS);
    expect([missed, overdue(after, MISSED_MS)[1]]).toEqual([1, 0]);
  });

  it("says nothing when a snapshot came meanwhile: the store may have fallen back", () => {
    const sent = book(waiting(10));
    const [after] = streamed(sent, waiting(5), true);
    expect(compare(after, beginRead(sent)!, waiting(10), 0)[1]).toBeNull();
  });
});

/** A page that compares, with a server that answers `state`. */
class Page {
  readonly clock = new FakeClock(T0);
  readonly reports: unknown[] = [];
  readonly outlives: boolean[] = [];
  reads = 0;
  state: PersonState = waiting(10);
  missed = 0;
  down = false;
  readonly comparing = new Comparing({
    api: new Api({ base: "", fetch: ((path: string, request: RequestInit) => this.#answer(path, request)) as typeof globalThis.fetch, session: bearerSession(), clock: this.clock, random: () => 0.5 }),
    clock: this.clock,
    random: () => 0.5,
    missed: () => void (this.missed += 1),
  });

  frame(type: StateFrame["type"], state: PersonState, compare_ms?: number): void {
    this.comparing.take({ type, at_ms: T0, state, ...(compare_ms !== undefined && { compare_ms }) });
  }

  #answer(path: string, { method, body, keepalive = false }: RequestInit): Promise<Response> {
    if (this.down) return Promise.reject(new Error("down"));
    if (method === "GET") this.reads += 1;
    else {
      this.reports.push({ path, body: JSON.parse(body as string) as unknown });
      this.outlives.push(keepalive);
    }
    return Promise.resolve(Response.json({ outcome: "noted", state: this.state }));
  }
}

const zero = { same: 0, stream_first: 0, poll_first: 0, missed: 0, differ: 0 };

describe("a page that compares", () => {
  it("reads every 2 s and tells what it counted every 10 s", async () => {
    const page = new Page();
    page.frame("snapshot", waiting(10), 2_000);
    await page.clock.advance(REPORT_MS + 1);
    expect(page.reads).toBe(5);
    expect(page.reports).toEqual([{ path: "/v1/comparisons", body: { ...zero, same: 4 } }]);
  });

  it("does not compare unless it is asked to", async () => {
    const page = new Page();
    page.frame("snapshot", waiting(10));
    await page.clock.advance(60_000);
    expect([page.reads, page.clock.pending]).toEqual([0, 0]);
  });

  it("counts what the stream lost, and has the state read", async () => {
    const page = new Page();
    page.frame("snapshot", waiting(10), 2_000);
    page.state = matched(11, "m_1");
    await page.clock.advance(2_000 + MISSED_MS + 2_000);
    expect(page.missed).toBeGreaterThan(0);
    page.frame("state", page.state);
    await page.clock.advance(REPORT_MS);
    expect(page.reports[0]).toMatchObject({ body: { differ: 0 } });
    expect((page.reports[0] as { body: typeof zero }).body.missed).toBeGreaterThan(0);
  });

  it("counts as no miss what a stream owed that is gone", async () => {
    const page = new Page();
    page.frame("snapshot", waiting(10), 2_000);
    page.state = matched(11, "m_1");
    await page.clock.advance(2_000);
    page.comparing.stop();
    await page.clock.advance(60_000);
    expect([page.missed, page.clock.pending]).toEqual([0, 0]);
    page.frame("snapshot", page.state, 2_000);
    await page.clock.advance(2 * REPORT_MS);
    expect(page.reports[0]).toMatchObject({ body: { missed: 0, differ: 0, poll_first: 0 } });
  });

  it("tells what it counted last when it is closed, in a request that outlives the page, and nothing twice", async () => {
    const page = new Page();
    page.frame("snapshot", waiting(10), 2_000);
    await page.clock.advance(4_500);
    page.comparing.close();
    page.comparing.close();
    await page.clock.advance(60_000);
    expect(page.reports).toEqual([{ path: "/v1/comparisons", body: { ...zero, same: 2 } }]);
    expect(page.outlives).toEqual([true]);
    expect(page.clock.pending).toBe(0);
  });

  it("says nothing when it is closed having counted nothing", async () => {
    const page = new Page();
    page.frame("snapshot", waiting(10), 2_000);
    page.comparing.close();
    await page.clock.advance(60_000);
    expect(page.reports).toEqual([]);
  });

  it("keeps its counts while the server is away", async () => {
    const page = new Page();
    page.frame("snapshot", waiting(10), 2_000);
    await page.clock.advance(8_500);
    page.down = true;
    await page.clock.advance(3_000);
    expect(page.reports).toEqual([]);
    page.down = false;
    await page.clock.advance(REPORT_MS);
    // 2, 4, 6, 8 s, and from 12 s on.
    expect((page.reports[0] as { body: typeof zero }).body.same).toBeGreaterThan(6);
  });
});
