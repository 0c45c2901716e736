import type { Clock } from "./clock.ts";
import type { Sight } from "./sight.ts";
import { AWAY_MS, HIDDEN_MS } from "./state/absence.ts";

/** How often a page that runs shows that it does. A hidden page's timers come once a second at most. */
const TICK_MS = 1_000;

/** A time in which the page did not run; `sure`: its timers were not only held back. */
export interface Sleep {
  readonly sure: boolean;
}

/**
 * Notices that the page did not run for longer than its person may be away: a laptop that slept, a locked phone, a frozen
 * tab, a page out of the back/forward cache.
 *
 * Some systems stop `performance.now` in their sleep and none stops `Date.now`, which in turn can be set: the longer of the
 * two spans counts.
 */
export class Awake {
  readonly #clock: Clock;
  readonly #sight: Sight | null;
  readonly #noticed: () => void;
  #now_ms: number;
  #monotonic_ms: number;
  #cancel: (() => void) | null = null;
  #unwatch: (() => void) | undefined;
  /** The page was hidden for a part of the present span. */
  #hidden = false;

  /** `noticed` is called once a second while this is kept: the moment to ask for `slept`. */
  constructor(clock: Clock, sight: Sight | null, noticed: () => void) {
    this.#clock = clock;
    this.#sight = sight;
    this.#noticed = noticed;
    this.#now_ms = clock.now();
    this.#monotonic_ms = clock.monotonic();
  }

  /** The sleep since the last call, or null. To be asked before anything else that happens is worked off. */
  slept(): Sleep | null {
    const [now_ms, monotonic_ms] = [this.#clock.now(), this.#clock.monotonic()];
    const span_ms = Math.max(now_ms - this.#now_ms, monotonic_ms - this.#monotonic_ms);
    this.#now_ms = now_ms;
    this.#monotonic_ms = monotonic_ms;
    const hidden = this.#hidden;
    this.#hidden = this.#sight?.isHidden() === true;
    return span_ms <= AWAY_MS ? null : { sure: span_ms > HIDDEN_MS || !(hidden || this.#hidden) };
  }

  /** Ticks or does not. A page that is not kept awake counts as asleep until something happens. */
  keep(wanted: boolean): void {
    if (wanted === (this.#cancel !== null)) return;
    this.#cancel?.();
    this.#unwatch?.();
    this.#cancel = wanted ? this.#clock.after(TICK_MS, () => this.#tick()) : null;
    this.#unwatch = wanted ? this.#sight?.watch(() => (this.#hidden ||= this.#sight?.isHidden() === true)) : undefined;
  }

  #tick(): void {
    this.#cancel = this.#clock.after(TICK_MS, () => this.#tick());
    this.#noticed();
  }
}
