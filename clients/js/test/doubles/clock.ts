import type { Clock } from "../../src/clock.ts";

interface Timer {
  readonly at_ms: number;
  readonly order: number;
  readonly action: () => void;
}

/** A clock that stands until `advance` turns it; timers fire in order, at their own instants. */
export class FakeClock implements Clock {
  #now_ms: number;
  #monotonic_ms = 0;
  #order = 0;
  #timers: Timer[] = [];

  constructor(now_ms = 1_764_000_000_000) {
    this.#now_ms = now_ms;
  }

  now(): number {
    return this.#now_ms;
  }

  monotonic(): number {
    return this.#monotonic_ms;
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at_ms: this.#monotonic_ms + ms, order: (this.#order += 1), action };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Fires what falls due on the way, giving promises a chance to settle before and after each. */
  async advance(ms: number): Promise<void> {
    const end_ms = this.#monotonic_ms + ms;
    await settle();
    for (let next = this.#due(end_ms); next !== undefined; next = this.#due(end_ms)) {
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#pass(next.at_ms - this.#monotonic_ms);
      next.action();
      await settle();
    }
    this.#pass(end_ms - this.#monotonic_ms);
  }

  /** The process was stopped: time passes, and every timer that is due fires late, afterwards. */
  async freeze(ms: number): Promise<void> {
    this.#pass(ms);
    const late = this.#timers.filter((timer) => timer.at_ms <= this.#monotonic_ms).sort(byDue);
    this.#timers = this.#timers.filter((timer) => timer.at_ms > this.#monotonic_ms);
    for (const timer of late) timer.action();
    await settle();
  }

  /** The machine slept: time passes, and no timer fires. */
  jump(ms: number): void {
    this.#pass(ms);
  }

  #due(end_ms: number): Timer | undefined {
    return [...this.#timers].sort(byDue).find((timer) => timer.at_ms <= end_ms);
  }

  #pass(ms: number): void {
    if (ms <= 0) return;
    this.#now_ms += ms;
    this.#monotonic_ms += ms;
  }
}

function byDue(a: Timer, b: Timer): number {
  return a.at_ms - b.at_ms || a.order - b.order;
}

/** Lets every promise that is ready run. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 30; round += 1) await Promise.resolve();
}
