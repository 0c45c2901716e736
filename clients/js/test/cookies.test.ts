import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Duologue, type DuologueOptions } from "../src/client.ts";
import { cookieSession, type Session } from "../src/session.ts";
import { FakeClock } from "./doubles/clock.ts";
import { idle } from "./doubles/states.ts";

interface Way {
  /** The browser sends back the cookie that it was given. */
  readonly keepsCookie?: boolean;
  /** What is on the way takes the token out. */
  readonly stripsToken?: boolean;
  readonly session?: Session;
  readonly options?: DuologueOptions;
}

/** An `EventSource`: it brings a snapshot if the cookie is there, and otherwise fails without a reason. */
class CookieStream {
  static readonly CLOSED = 2;
  readyState = 0;
  onerror: () => void = () => undefined;
  onmessage: (event: { data: string; lastEventId: string }) => void = () => undefined;

  constructor(readonly url: string) {
    House.now.asked.push("stream by cookie");
    queueMicrotask(() => {
      const isKnown = House.now.isGood(House.now.cookie);
      this.readyState = isKnown ? 1 : CookieStream.CLOSED;
      if (isKnown) this.onmessage({ data: SNAPSHOT, lastEventId: "" });
      else this.onerror();
    });
  }

  close(): void {
    this.readyState = CookieStream.CLOSED;
  }
}

const SNAPSHOT = JSON.stringify({ type: "snapshot", at_ms: 0, state: idle(1) });

/** A server that knows its guests, and a browser with cookies or without. */
class House {
  static now: House;
  readonly clock = new FakeClock();
  readonly asked: string[] = [];
  readonly #way: Way;
  guests = 0;
  cookie: string | null = null;
  /** Of a server that changed its key: no token is good any more. */
  forgets = new Set<string>();
  readonly client: Duologue;

  constructor(way: Way = {}) {
    House.now = this;
    this.#way = way;
    this.client = new Duologue({
      clock: this.clock,
      random: () => 0.5,
      session: way.session ?? cookieSession(),
      media: () => null,
      locks: null,
      fetch: ((path: string, request: RequestInit) => Promise.resolve(this.#answer(path, request))) as typeof globalThis.fetch,
      ...way.options,
    });
  }

  #answer(path: string, request: RequestInit): Response {
    const header = new Headers(request.headers).get("Authorization");
    const token = this.#way.stripsToken === true ? null : (header?.slice("Bearer ".length) ?? null);
    const known = token ?? (request.credentials === "omit" ? null : this.cookie);
    if (path === "/v1/sessions") return this.#grant(known, request.body as string);
    this.asked.push(`${path.split("?")[0] ?? ""} by ${token !== null ? "token" : known === null ? "nothing" : "cookie"}`);
    if (known === null) return this.#refuse("no-token");
    if (this.forgets.has(known)) return this.#refuse("bad-token");
    if (!path.startsWith("/v1/events")) return Response.json({ outcome: "waiting", state: idle(1), people_online: 1, now_ms: 0 });
    const sent = new TextEncoder().encode(`data: ${SNAPSHOT}\n\n`);
    return new Response(new ReadableStream({ start: (stream) => stream.enqueue(sent) }));
  }

  #grant(known: string | null, body: string): Response {
    const person = this.isGood(known) ? known : `guest ${(this.guests += 1)}`;
    const isByCookie = (JSON.parse(body) as { cookie?: boolean }).cookie !== false;
    this.asked.push(isByCookie ? "grant with cookie" : "grant without");
    if (isByCookie && this.#way.keepsCookie === true) this.cookie = person;
    return Response.json({ person, token: person, expires_at_ms: this.clock.now() + 10 ** 9 }, { status: 201 });
  }

  isGood(known: string | null): known is string {
    return known !== null && !this.forgets.has(known);
  }

  #refuse(code: string): Response {
    return Response.json({ code }, { status: 401 });
  }

  async open(ms = 60_000): Promise<this> {
    this.client.open();
    for (let passed = 0; passed < ms; passed += 250) {
      await this.clock.advance(250);
      await new Promise((done) => setImmediate(done));
    }
    return this;
  }
}

beforeEach(() => {
  vi.stubGlobal("location", {});
  vi.stubGlobal("EventSource", CookieStream);
});
afterEach(() => vi.unstubAllGlobals());

describe("a browser that blocks cookies", () => {
  it("is one guest, whose token stays in the page's memory: within seconds it is connected, and it says so", async () => {
    const house = await new House().open(5_000);
    expect(house.client.view.model).toMatchObject({ link: "open", is_kept: false, person: "guest 1" });
    expect(house.guests).toBe(1);
    expect(house.asked).toEqual(["grant with cookie", "stream by cookie", "/v1/state by nothing", "/v1/events by token"]);
  });

  it("is so a minute later, and begins as the same person when its token is renewed", async () => {
    const house = await new House().open(12_000);
    house.client.close();
    const before = house.asked.length;
    await house.clock.advance(10 ** 9);
    await house.open(12_000);
    expect(house.asked.slice(before)).toContain("grant without");
    expect([house.guests, house.client.view.model.person]).toEqual([1, "guest 1"]);
  });

  it("control: whose session does not notice begins one guest after the other", async () => {
    const session = Object.assign(cookieSession(), { turnedAway: undefined });
    const house = await new House({ session, options: { patience_ms: 0 } }).open(21_000);
    expect(house.guests).toBeGreaterThan(4);
    expect(house.client.view.model.link).not.toBe("open");
  });

  it("and whose token does not come through either is one guest more, and then told why", async () => {
    const house = await new House({ stripsToken: true }).open();
    expect(house.client.view.model).toMatchObject({ link: "ended", ended_reason: "session-refused" });
    expect(house.guests).toBe(2);
    expect(house.asked.length).toBeLessThan(10);
    const { length } = house.asked;
    await house.clock.advance(600_000);
    expect(house.asked).toHaveLength(length);
  });

  it("control: without a limit on guests it never stops", async () => {
    const house = await new House({ stripsToken: true, options: { patience_ms: 0 } }).open(300_000);
    expect(house.guests).toBeGreaterThan(10);
  });

  it("can begin again when the person says so, one guest for each press", async () => {
    const house = await new House({ stripsToken: true }).open();
    await house.open();
    expect(house.client.view.model.link).toBe("ended");
    expect(house.guests).toBeLessThanOrEqual(4);
  });
});

describe("a browser that keeps cookies", () => {
  it("never says its token, and is kept", async () => {
    const house = await new House({ keepsCookie: true }).open(2_000);
    house.client.start();
    await house.clock.advance(1_000);
    expect(house.asked.some((asked) => asked.includes("token"))).toBe(false);
    expect(house.client.view.model.is_kept).toBe(true);
  });

  it("begins a new session by cookie if the server forgot the old one: the browser is not at fault", async () => {
    const house = await new House({ keepsCookie: true }).open(2_000);
    await house.client.block("m_1");
    house.forgets.add("guest 1");
    await house.client.block("m_1").catch(() => undefined);
    await house.clock.advance(2_000);
    expect([house.cookie, house.guests, house.client.view.model.is_kept]).toEqual(["guest 2", 2, true]);
  });

  it("whose cookies are cleared in the midst of it goes on as the same person, by token", async () => {
    const house = await new House({ keepsCookie: true }).open(2_000);
    await house.client.block("m_1");
    house.cookie = null;
    await house.client.block("m_1").catch(() => undefined);
    await house.client.block("m_1");
    expect(house.asked.slice(-2)).toEqual(["/v1/blocks by nothing", "/v1/blocks by token"]);
    expect([house.guests, house.client.view.model.is_kept]).toEqual([1, false]);
  });
});
