import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Crowd } from "../src/crowd.ts";

describe("the number of people online before Start", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("document", { hidden: false });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is asked while the welcome is shown, and says when it changes", async () => {
    const ask = vi.fn(() => Promise.resolve<number | null>(3));
    const changed = vi.fn();
    const crowd = new Crowd(ask, changed);
    crowd.watch(true);
    crowd.watch(true);
    await vi.advanceTimersByTimeAsync(45_000);
    expect(ask).toHaveBeenCalledTimes(3);
    expect(changed).toHaveBeenCalledTimes(1);
    expect(crowd.people).toBe(3);
    crowd.watch(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it("is not asked by a hidden page", async () => {
    const ask = vi.fn(() => Promise.resolve<number | null>(3));
    vi.stubGlobal("document", { hidden: true });
    new Crowd(ask, () => undefined).watch(true);
    await vi.advanceTimersByTimeAsync(45_000);
    expect(ask).not.toHaveBeenCalled();
  });
});
