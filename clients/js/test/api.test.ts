import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Api } from "../src/api.ts";
import { Aborted, Refused } from "../src/problem.ts";
import { bearerSession, cookieSession, type Session } from "../src/session.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { idle } from "./doubles/states.ts";

type Answer = Response | Error | "never";

beforeAll(() => void vi.stubGlobal("location", new URL("http://127.0.0.1/")));
afterAll(() => void vi.unstubAllGlobals());

function api(answers: Answer[], session: Session = cookieSession()) {
  const clock = new FakeClock();
  const requests: { url: string; request: RequestInit }[] = [];
  const fetch = (url: string, request: RequestInit): Promise<Response> => {
    requests.push({ url, request });
    const answer = answers.shift() ?? new Error("no more answers");
    if (answer instanceof Error) return Promise.reject(answer);
    if (answer !== "never") return Promise.resolve(answer);
    return new Promise((_, reject) => request.signal?.addEventListener("abort", () => reject(new Error("aborted"))));
  };
  const made = new Api({ base: "", fetch: fetch as typeof globalThis.fetch, session, clock, random: () => 0.5 });
  return { api: made, clock, requests };
}

const ok = () => Response.json({ outcome: "ok", state: idle(1) });
const problem = (status: number, code: string, headers: HeadersInit = {}) => Response.json({ status, code }, { status, headers });
const { signal } = new AbortController();

describe("a command", () => {
  it.each([["a network error", new Error("down")], ["503", problem(503, "unavailable")], ["429", problem(429, "too-many")], ["408", problem(408, "")]])(
    "is sent again after %s",
    async (_, first) => {
      const { api: made, clock, requests } = api([first, ok()]);
      const reply = made.command("skip", { match: "m_1" }, { signal });
      await clock.advance(500);
      expect(await reply).toMatchObject({ outcome: "ok" });
      expect(requests.map(({ request }) => request.body)).toEqual(['{"match":"m_1"}', '{"match":"m_1"}']);
    },
  );

  it("waits as long as Retry-After asks", async () => {
    const { api: made, clock, requests } = api([problem(503, "unavailable", { "Retry-After": "2" }), ok()]);
    const reply = made.command("skip", {}, { signal });
    await clock.advance(1_999);
    expect(requests).toHaveLength(1);
    await clock.advance(500);
    expect(await reply).toMatchObject({ outcome: "ok" });
  });

  it.each([
    ["4000000", 60_000],
    ["-5", 0],
  ])("waits neither for weeks, which a timer cannot count, nor less than nothing (%s)", async (header, asked_ms) => {
    const { api: made } = api([problem(429, "too-many", { "Retry-After": header })]);
    await expect(made.command("pulse", {}, { signal, once: true })).rejects.toMatchObject({ retry_after_ms: asked_ms });
  });

  it.each([401, 403, 404, 422])("is final after %i, with the stable code", async (status) => {
    const { api: made } = api([problem(status, "some-code")]);
    await expect(made.command("join", {}, { signal })).rejects.toMatchObject({ name: "Refused", status, code: "some-code" });
  });

  it("that hangs is given up after a time and sent again", async () => {
    const { api: made, clock } = api(["never", ok()]);
    const reply = made.command("skip", {}, { signal });
    await clock.advance(9_000);
    expect(await reply).toMatchObject({ outcome: "ok" });
  });

  it("ends with its caller's signal, also between two tries, and leaves no timer", async () => {
    const { api: made, clock } = api([new Error("down")]);
    const controller = new AbortController();
    const reply = made.command("skip", {}, { signal: controller.signal });
    const ended = expect(reply).rejects.toBeInstanceOf(Aborted);
    await settle();
    controller.abort();
    await ended;
    expect(clock.pending).toBe(0);
  });

  it("tried once only leaves the next try to its caller", async () => {
    const { api: made } = api([problem(503, "unavailable")]);
    await expect(made.command("pulse", {}, { signal, once: true })).rejects.toBeInstanceOf(Refused);
  });
});

describe("sessions", () => {
  const grant = { person: "a", token: "t1", expires_at_ms: 1_764_000_000_000 + 1_000_000 };

  it("by cookie send the cookie and no token", async () => {
    const { api: made, requests } = api([Response.json(grant, { status: 201 })]);
    await made.grant({ signal });
    expect(requests[0]).toMatchObject({ url: "/v1/sessions", request: { credentials: "same-origin", body: "{}" } });
  });

  it("by bearer take no cookie, and survive a reload of the tab", async () => {
    const stored = new Map<string, string>();
    const storage = {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
      removeItem: (key: string) => void stored.delete(key),
    };
    const { api: made, requests } = api([Response.json({ ...grant, device: "d1" }, { status: 201 }), Response.json({})], bearerSession(storage));
    await made.grant({ signal });
    // The browser's device goes along; the server reads no session from a cookie with `cookie: false`.
    expect(requests[0]).toMatchObject({ request: { credentials: "same-origin", body: '{"cookie":false}' } });
    await made.command("pulse", {}, { signal, once: true }).catch(() => undefined);
    expect(requests[1]).toMatchObject({ request: { credentials: "omit" } });
    const reloaded = bearerSession(storage);
    expect(reloaded.headers()).toEqual({ Authorization: "Bearer t1" });
    expect(reloaded.wantsGrant(1_764_000_000_000, false)).toBe(false);
  });

  it("by bearer begin again on the same device", async () => {
    const session = bearerSession();
    const { api: made, requests } = api([Response.json({ ...grant, device: "d1" }, { status: 201 }), Response.json(grant, { status: 201 })], session);
    await made.grant({ signal });
    session.forget();
    await made.grant({ signal });
    expect(requests[1]).toMatchObject({ request: { body: '{"cookie":false,"device":"d1"}' } });
  });

  it("are renewed at half of their life, and after a refusal", () => {
    const session = cookieSession();
    expect(session.wantsGrant(0, false)).toBe(true);
    session.remember({ ...grant, expires_at_ms: 1_000 }, 0);
    expect(session.wantsGrant(499, false)).toBe(false);
    expect(session.wantsGrant(499, true)).toBe(true);
    expect(session.wantsGrant(500, false)).toBe(true);
  });
});
