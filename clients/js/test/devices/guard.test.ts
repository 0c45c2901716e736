import { describe, expect, it, vi } from "vitest";
import { walk } from "./walk.ts";

/** The guard is off: an answer counts whatever was decided after its request. */
vi.mock("../../src/devices/current.ts", () => ({ isCurrent: () => true }));

describe("without the check of generations", () => {
  it("something is sent against the last decision", { timeout: 60_000 }, async () => {
    const ended = await Promise.allSettled(Array.from({ length: 10 }, (_, seed) => walk(seed + 1, 150)));
    const faults = ended.flatMap((each) => (each.status === "rejected" ? [String(each.reason)] : []));
    expect(faults.length).toBe(10);
    expect(faults.join("\n")).toContain("is sent against the last decision");
  });
});
