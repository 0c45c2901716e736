/** Half of a second: a silence is found at most one tick late. */
export const TICK_MS = 500;

/** This long without a word from the partner is silence. */
export const SILENCE_MS = 2_500;

/**
 * A tick that comes later than this was held up: the page was frozen or the machine busy, and what the partner sent
 * meanwhile is still in a queue. Hidden tabs get one timer a second, which is on time.
 */
const LATE_MS = 1_600;

export type Tick = "quiet" | "silent" | "late";

/**
 * How long the partner has been silent, counted over ticks that came on time.
 *
 * It starts when the page first believes that it is in the match, not when a channel opens: a partner who freezes
 * before the first word, or whose page reloads, would never fall silent otherwise. Instants are monotonic.
 */
export class Silence {
  #ticked_ms: number;
  #quiet_ms = 0;

  constructor(now_ms: number) {
    this.#ticked_ms = now_ms;
  }

  heard(now_ms: number): void {
    this.#ticked_ms = now_ms;
    this.#quiet_ms = 0;
  }

  tick(now_ms: number): Tick {
    const passed = now_ms - this.#ticked_ms;
    this.#ticked_ms = now_ms;
    if (passed > LATE_MS) {
      this.#quiet_ms = 0;
      return "late";
    }
    this.#quiet_ms += passed;
    return this.#quiet_ms >= SILENCE_MS ? "silent" : "quiet";
  }
}
