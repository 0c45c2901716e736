import { describe, expect, it } from "vitest";
import type { Sanction } from "../src/vocabulary.ts";
import { settle } from "./doubles/clock.ts";
import { House } from "./doubles/house.ts";
import { idle, T0, waiting } from "./doubles/states.ts";

const ban: Sanction = { sanction: "x_1", kind: "ban", rule: "r", why: "w", automatic: false, at_ms: T0, until_ms: T0 + 1_000 };

describe("a person about whom a moderator decided", () => {
  it("keeps its session when a moderator ended it: another one would be another person", async () => {
    const house = await new House().open(waiting(10));
    house.frame("idle", idle(11, { idle_reason: "banned", sanction: ban }));
    house.streams.at(-1)?.handlers.onEvent(JSON.stringify({ type: "session-ended", at_ms: T0, reason: "banned", sanction: ban }), "");
    await house.clock.advance(60_000);
    expect(house.streams).toHaveLength(1);
    expect(house.client.view.model).toMatchObject({ link: "ended", ended_reason: "banned", sanction: { until_ms: T0 + 1_000 } });
    house.client.open();
    await settle();
    expect(house.bodies("sessions")).toHaveLength(1);
    house.frame("snapshot", idle(12));
    expect(house.client.view.model).toMatchObject({ ended_reason: null, sanction: null });
  });

  it("says what was decided when no session is given", async () => {
    const house = new House();
    house.answer = () => Response.json({ code: "banned", sanction: ban }, { status: 403 });
    house.client.open();
    await settle();
    expect(house.client.view.model).toMatchObject({ link: "ended", ended_reason: "banned", sanction: { sanction: "x_1" } });
  });

  it("confirms a warning, and starts again", async () => {
    const house = await new House().open(idle(10));
    const warning: Sanction = { ...ban, kind: "warn" };
    let refused = false;
    house.answer = ({ path }) => {
      if (path.endsWith("confirm")) return Response.json({ outcome: "ok", state: idle(11) });
      if (refused) return Response.json({ outcome: "waiting", state: waiting(12) });
      refused = true;
      return Response.json({ code: "warned", sanction: warning }, { status: 403 });
    };
    expect(await house.client.confirm()).toBe("stale");
    house.client.start();
    await settle();
    expect(house.client.view.model).toMatchObject({ link: "open", ended_reason: null, sanction: { kind: "warn" }, refusal: { code: "warned" } });
    expect(await house.client.confirm()).toBe("ok");
    expect(house.bodies("confirm")).toEqual([{ sanction: "x_1" }]);
    expect(house.client.view.model.sanction).toBeNull();
    house.client.start();
    await settle();
    expect(house.client.view.model.state?.state).toBe("waiting");
  });
});
