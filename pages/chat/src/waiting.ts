import type { Model } from "duologue";

/** How long the person has waited, and in how long they meet the person again whom they just met; seconds. */
export interface Waited {
  readonly waited_s: number;
  readonly again_s: number | null;
}

const NOTHING: Waited = { waited_s: 0, again_s: null };

/**
 * Counts the seconds of a wait. Instants of the state are the server's, whose clock the device's need not agree with, so the
 * page counts from the moment at which it read them.
 */
export class Waiting {
  readonly #changed: () => void;
  readonly #now: () => number;
  #since_ms = 0;
  #again_ms = 0;
  #began_ms = 0;
  #again_at_ms: number | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(changed: () => void, now: () => number = () => performance.now()) {
    this.#changed = changed;
    this.#now = now;
  }

  follow({ state }: Model): void {
    if (state?.state !== "waiting") return this.#end();
    if (this.#timer === null || state.since_ms !== this.#since_ms) {
      this.#since_ms = state.since_ms;
      this.#began_ms = this.#now() - (state.version - state.since_ms);
    }
    const again_ms = state.again_at_ms ?? 0;
    if (again_ms !== this.#again_ms) {
      this.#again_ms = again_ms;
      this.#again_at_ms = again_ms === 0 ? null : this.#now() + again_ms - state.version;
    }
    this.#timer ??= setInterval(this.#changed, 1_000);
  }

  get seconds(): Waited {
    if (this.#timer === null) return NOTHING;
    const left_s = this.#again_at_ms === null ? 0 : Math.ceil((this.#again_at_ms - this.#now()) / 1_000);
    return { waited_s: Math.floor((this.#now() - this.#began_ms) / 1_000), again_s: left_s > 0 ? left_s : null };
  }

  #end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#again_ms = 0;
    this.#again_at_ms = null;
  }
}
