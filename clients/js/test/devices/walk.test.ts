import { describe, expect, it } from "vitest";
import { walk } from "./walk.ts";

const GROUPS = 12;
const WALKS = 10;
const STEPS = 200;
const states = new Set<string>();

describe("what the buttons say is what is sent, at every instant", () => {
  it.each(Array.from({ length: GROUPS }, (_, group) => group))("in any order of presses, answers and losses (%i)", { timeout: 60_000 }, async (group) => {
    for (let n = 0; n < WALKS; n += 1) await walk(group * WALKS + n + 1, STEPS, states);
  });

  it("and the orders led to everything that there is", () => {
    const reached = [...states].sort();
    for (const kind of ["camera", "microphone"]) {
      for (const each of ["on", "off", "opening", "held", "well", "refused", "missing", "busy", "unplugged", "stopped", "withdrawn", "by ask", "by switch", "by choose", "by lost"]) {
        expect(reached).toContain(`${kind} ${each}`);
      }
    }
    expect(reached).toContain("camera by flip");
  });
});
