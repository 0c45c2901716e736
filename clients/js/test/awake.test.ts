import { describe, expect, it } from "vitest";
import { Awake } from "../src/awake.ts";
import type { Clock } from "../src/clock.ts";
import type { Sight } from "../src/sight.ts";
import { AWAY_MS, HIDDEN_MS } from "../src/state/absence.ts";
import { FakeClock } from "./doubles/clock.ts";

class FakeSight implements Sight {
  #hidden = false;
  #changed: (() => void) | undefined;

  isHidden(): boolean {
    return this.#hidden;
  }

  watch(changed: () => void): () => void {
    this.#changed = changed;
    return () => (this.#changed = undefined);
  }

  hide(hidden: boolean): void {
    this.#hidden = hidden;
    this.#changed?.();
  }
}

describe("a page that did not run", () => {
  it("is noticed once, after more than the time for which a person may be away", async () => {
    const [clock, sight] = [new FakeClock(), new FakeSight()];
    const awake = new Awake(clock, sight, () => undefined);
    await clock.freeze(AWAY_MS);
    expect(awake.slept()).toBeNull();
    await clock.freeze(AWAY_MS + 1);
    expect([awake.slept(), awake.slept()]).toEqual([{ sure: true }, null]);
  });

  it("is not noticed while it ticks, and ticks only while it is kept", async () => {
    const clock = new FakeClock();
    const seen: unknown[] = [];
    const awake: Awake = new Awake(clock, null, () => void seen.push(awake.slept()));
    awake.keep(true);
    await clock.advance(60_000);
    expect([seen.length, new Set(seen)]).toEqual([60, new Set([null])]);
    awake.keep(false);
    expect(clock.pending).toBe(0);
    await clock.advance(60_000);
    expect(awake.slept()).toEqual({ sure: true });
  });

  it.each([
    ["`performance.now` stands still in the sleep of the system", { now: 60_000, monotonic: 10 }, true],
    ["the device's clock was set back meanwhile", { now: -3_600_000, monotonic: 60_000 }, true],
    ["nothing was longer than it may be", { now: -3_600_000, monotonic: 1_000 }, false],
  ])("counts the longer of two clocks: %s", (_, { now, monotonic }, isNoticed) => {
    const at = { now: 10 ** 12, monotonic: 0 };
    const clock: Clock = { now: () => at.now, monotonic: () => at.monotonic, after: () => () => undefined };
    const awake = new Awake(clock, null, () => undefined);
    at.now += now;
    at.monotonic += monotonic;
    expect(awake.slept() !== null).toBe(isNoticed);
  });

  it("may only have been held back, if it was hidden: a locked telephone and a covered tab look alike for 20 s", async () => {
    const [clock, sight] = [new FakeClock(), new FakeSight()];
    const awake = new Awake(clock, sight, () => undefined);
    awake.keep(true);
    sight.hide(true);
    await clock.freeze(HIDDEN_MS);
    sight.hide(false);
    expect(awake.slept()).toEqual({ sure: false });
    await clock.freeze(HIDDEN_MS);
    expect(awake.slept()).toEqual({ sure: true });
    sight.hide(true);
    await clock.freeze(HIDDEN_MS + 1);
    expect(awake.slept()).toEqual({ sure: true });
  });
});
