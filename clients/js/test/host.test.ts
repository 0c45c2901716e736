import { describe, expect, it } from "vitest";
import { Duologue } from "../src/client.ts";
import { Refused } from "../src/problem.ts";
import { hostSession } from "../src/session.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { idle, T0 } from "./doubles/states.ts";

const MINUTE_MS = 60_000;

/** As a host's back end signs it; nobody here checks the signature. */
function jwt(exp_ms: number, n: number): string {
  const part = (value: object): string => btoa(JSON.stringify(value)).replaceAll("=", "");
  return [part({ alg: "HS256", kid: "main" }), part({ sub: `s${n}`, exp: exp_ms / 1_000 }), "sig"].join(".");
}

/** A page whose tokens come from its own back end. */
class Host {
  readonly clock = new FakeClock(T0);
  readonly streams: { token: string; end: (status: number) => void }[] = [];
  asked = 0;
  /** What the back end does when it is asked for the `n`th time. */
  answer = (n: number): string => jwt(this.clock.now() + 10 * MINUTE_MS, n);
  readonly session = hostSession(() => Promise.resolve().then(() => this.answer((this.asked += 1))));
  readonly client = new Duologue({
    clock: this.clock,
    random: () => 0.5,
    session: this.session,
    fetch: (() => Promise.resolve(Response.json({ outcome: "ok", state: idle(1) }))),
    media: () => null,
    stream: (_url, _id, { onEvent, onEnd }) => {
      const token = this.session.headers()["Authorization"] ?? "";
      this.streams.push({ token, end: (status) => onEnd({ why: "refused", status }) });
      onEvent(JSON.stringify({ type: "snapshot", at_ms: T0, reason: "connected", state: idle(1) }), "");
      return { close: () => undefined };
    },
  });

  async open(): Promise<this> {
    this.client.open();
    await settle();
    return this;
  }
}

describe("tokens of the host's own back end", () => {
  it("are asked for before the first stream, and no guest session is", async () => {
    const host = await new Host().open();
    expect(host.streams).toHaveLength(1);
    expect(host.streams[0]?.token).toMatch(/^Bearer ey/);
    expect(host.client.view.model.link).toBe("open");
  });

  it("are replaced at half of their life, and the stream moves to the new one", async () => {
    const host = await new Host().open();
    await host.clock.advance(5 * MINUTE_MS - 1);
    expect(host.asked).toBe(1);
    await host.clock.advance(1_000);
    expect(host.asked).toBe(2);
    expect(new Set(host.streams.map(({ token }) => token)).size).toBe(2);
    expect(host.client.view.model.link).toBe("open");
  });

  it("stay in use while the back end is down, and are replaced when it is back", async () => {
    const host = await new Host().open();
    const { answer } = host;
    host.answer = () => {
      throw new Error("down");
    };
    await host.clock.advance(6 * MINUTE_MS);
    expect(host.asked).toBeGreaterThan(2);
    expect(host.client.view.model.link).toBe("open");
    host.answer = answer;
    await host.clock.advance(MINUTE_MS);
    expect(new Set(host.streams.map(({ token }) => token)).size).toBe(2);
  });

  it("are asked for again when the back end does not answer at all", async () => {
    const host = new Host();
    const asked: AbortSignal[] = [];
    const client = new Duologue({
      clock: host.clock,
      random: () => 0.5,
      session: hostSession((signal) => (asked.push(signal), new Promise(() => undefined))),
      stream: () => ({ close: () => undefined }),
    });
    client.open();
    await host.clock.advance(30_000);
    expect(asked.length).toBeGreaterThan(1);
    expect(asked[0]?.aborted).toBe(true);
    client.close();
    await settle();
    expect([asked.at(-1)?.aborted, host.clock.pending]).toEqual([true, 0]);
  });

  it("are replaced when the server turns one away", async () => {
    const host = await new Host().open();
    await host.clock.advance(MINUTE_MS);
    host.streams[0]?.end(401);
    await host.clock.advance(1_000);
    expect(host.asked).toBe(2);
    expect(host.client.view.model.link).toBe("open");
  });

  it("end the session when the back end says that nobody is logged in", async () => {
    const host = new Host();
    host.answer = () => {
      throw new Refused(401, "logged-out", null);
    };
    await host.open();
    expect(host.client.view.model.link).toBe("ended");
  });

  it("are asked for no more after the page was closed", async () => {
    const host = await new Host().open();
    host.client.close();
    await host.clock.advance(60 * MINUTE_MS);
    expect(host.asked).toBe(1);
    expect(host.clock.pending).toBe(0);
  });
});
