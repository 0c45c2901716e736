import { describe, expect, it } from "vitest";
import { Api } from "../src/api.ts";
import { Courier } from "../src/courier.ts";
import { suppliedSession } from "../src/session.ts";
import { emptyModel } from "../src/state/model.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { matched } from "./doubles/states.ts";

/** As many signals as a partner makes this page say, at a server that answers none of them and then each. */
async function say(times: number, mostSignals?: number): Promise<number> {
  const clock = new FakeClock();
  let arrived = 0;
  let answer = (): void => undefined;
  const answering = new Promise<void>((done) => (answer = done));
  const fetch = async (): Promise<Response> => {
    await answering;
    arrived += 1;
    return Response.json({ outcome: "sent", state: matched(1, "m_1") });
  };
  const api = new Api({ base: "", fetch: fetch, session: suppliedSession(() => "t"), clock, random: () => 0.5 });
  const model = { ...emptyModel("p_1"), state: matched(1, "m_1") };
  const options = { api, clock, model: () => model, dispatch: () => undefined, unauthorized: () => undefined };
  const courier = new Courier({ ...options, ...(mostSignals !== undefined && { mostSignals }) });
  courier.follow(model);
  for (let n = 0; n < times; n += 1) courier.signal("m_1", { from: "p_1", hello: true });
  answer();
  for (let n = 0; n < times; n += 1) await settle();
  return arrived;
}

describe("signals", () => {
  it("are dropped beyond 64 that wait", async () => {
    expect(await say(600)).toBe(64);
  });

  it("control: without the bound all of them wait, and are sent", async () => {
    expect(await say(600, Infinity)).toBe(600);
  });
});
