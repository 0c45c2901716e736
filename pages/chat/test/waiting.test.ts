import { emptyModel, type Model, type PersonState } from "duologue";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Waiting } from "../src/waiting.ts";

const base = { intent: 1, wish: "talk" as const, pool: "main" };

function waits(since_ms: number, version: number, again_at_ms?: number): Model {
  const state: PersonState = { ...base, state: "waiting", since_ms, version, ...(again_at_ms === undefined ? {} : { again_at_ms }) };
  return { ...emptyModel("p"), state };
}

describe("a wait", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("counts from what the server said, whatever the clock of the device shows", () => {
    const changed = vi.fn();
    const waiting = new Waiting(changed);
    waiting.follow(waits(1_000, 4_000));
    expect(waiting.seconds).toEqual({ waited_s: 3, again_s: null });
    vi.advanceTimersByTime(2_000);
    expect(waiting.seconds.waited_s).toBe(5);
    expect(changed).toHaveBeenCalledTimes(2);
  });

  it("counts down to when two meet again, and forgets it when that is called off", () => {
    const waiting = new Waiting(() => undefined);
    waiting.follow(waits(1_000, 1_000, 5_000));
    expect(waiting.seconds.again_s).toBe(4);
    vi.advanceTimersByTime(1_500);
    waiting.follow(waits(1_000, 1_000, 5_000)); // the same state, read once more
    expect(waiting.seconds.again_s).toBe(3);
    waiting.follow(waits(1_000, 2_500));
    expect(waiting.seconds.again_s).toBeNull();
  });

  it("ends with the wait", () => {
    const changed = vi.fn();
    const waiting = new Waiting(changed);
    waiting.follow(waits(1_000, 1_000, 5_000));
    waiting.follow(emptyModel("p"));
    vi.advanceTimersByTime(5_000);
    expect(changed).not.toHaveBeenCalled();
    expect(waiting.seconds).toEqual({ waited_s: 0, again_s: null });
  });
});
