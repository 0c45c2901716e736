import { pause, type Clock } from "./clock.ts";
import type { TokenStorage } from "./session.ts";
import { whileSeen, type Sight } from "./sight.ts";

interface LockOptions {
  readonly signal?: AbortSignal;
  readonly steal?: boolean;
  readonly ifAvailable?: boolean;
}

/** What of the browser's `LockManager` is used. */
export interface Locks {
  request(name: string, options: LockOptions, held: (lock: unknown) => Promise<void>): Promise<unknown>;
  query(): Promise<{ held?: { name?: string }[] }>;
}

export interface TabsOptions {
  /** Null where there are none (Node, a page without TLS): every tab leads then, and the server sees to it that one does. */
  readonly locks: Locks | null;
  readonly sight: Sight;
  /** `sessionStorage`: one tab's own, and kept over its reload; null where there is none. */
  readonly storage: TokenStorage | null;
  /** `localStorage`: that of all tabs; null where there is none. */
  readonly shared: TokenStorage | null;
  readonly clock: Clock;
  /** The lock's name; null: no other tab in this browser is the same person. */
  readonly name: () => string | null;
  /** This tab has the connection from now on. */
  readonly lead: () => void;
  /** Another tab has it. */
  readonly elsewhere: () => void;
}

/** A page that reloads releases the lock about now: for that long no page reads "elsewhere". */
export const ASK_MS = 300;

/** A leader that is gone may be one that reloads: who waited for it lets it have its place back for so long. */
export const YIELD_MS = 2_500;

/** A tab that led and is back within this was reloaded, however slowly, and takes its place back. */
export const RELOAD_MS = 10_000;

/**
 * Which tab of a browser has the connection: one at a time, held by a Web Lock, which the browser frees even when a tab crashes.
 *
 * The others wait. When the leader is gone, a visible one continues; a hidden one does not, because it would turn on
 * a camera without its person noticing.
 */
export class Tabs {
  readonly #options: TabsOptions;
  #life: AbortController | null = null;
  #release: (() => void) | null = null;

  constructor(options: TabsOptions) {
    this.#options = options;
  }

  /** Leads if no other tab does, or if this one led a moment ago; else waits. */
  open(): void {
    if (this.#ledBefore()) return this.takeOver();
    this.#begin((locks, name, signal) => this.#ask(locks, name, signal));
  }

  /** Leads; a tab that led is told that it is elsewhere now. */
  takeOver(): void {
    this.#begin((locks, name, signal) => this.#hold(locks, name, { steal: true }, signal));
  }

  /** Neither leads nor waits any more. Can be repeated. */
  close(): void {
    this.#life?.abort();
    this.#life = null;
    if (this.#release === null) return;
    this.#release();
    this.#release = null;
    const name = this.#options.name();
    if (name !== null) note(this.#options.storage, name, String(this.#options.clock.now()));
  }

  /**
   * This tab leads, and the conversation went to a page that is not of this browser. Should this tab be closed, none goes on
   * without a press: that would take the conversation away from where its person is. Good until one of the tabs leads again.
   */
  lost(): void {
    const name = this.#options.name();
    if (name !== null && this.#release !== null) note(this.#options.shared, lostKey(name), "taken-over");
  }

  #isLost(name: string): boolean {
    const word = this.#options.shared?.getItem(lostKey(name));
    return word !== null && word !== undefined;
  }

  #lead(name: string): void {
    this.#options.shared?.removeItem(lostKey(name));
    this.#options.lead();
  }

  /** Whether another tab leads now. */
  async isElsewhere(): Promise<boolean> {
    const { locks } = this.#options;
    const name = this.#options.name();
    if (locks === null || name === null || this.#release !== null) return false;
    const { held = [] } = await locks.query().catch(() => ({ held: [] }));
    return held.some((lock) => lock.name === name);
  }

  /** Written when this tab lets go, and good once: a duplicate of the tab that leads has no such note. */
  #ledBefore(): boolean {
    const { storage, clock } = this.#options;
    const name = this.#options.name();
    const at_ms = name === null ? null : storage?.getItem(name);
    if (name === null || at_ms === null || at_ms === undefined) return false;
    storage?.removeItem(name);
    return clock.now() - Number(at_ms) < RELOAD_MS;
  }

  #begin(how: (locks: Locks, name: string, signal: AbortSignal) => Promise<unknown>): void {
    const { locks, lead } = this.#options;
    const name = this.#options.name();
    if (locks === null || name === null) return lead();
    if (this.#release !== null) return this.#lead(name);
    this.close();
    this.#life = new AbortController();
    void how(locks, name, this.#life.signal);
  }

  /** Never rejects, like all that follows. */
  async #ask(locks: Locks, name: string, signal: AbortSignal): Promise<void> {
    if (await this.#hold(locks, name, { ifAvailable: true }, signal)) return;
    const queued = new AbortController();
    void pause(this.#options.clock, ASK_MS, signal).then(() => queued.abort());
    const led = await this.#hold(locks, name, { signal: queued.signal }, signal);
    if (!led && !signal.aborted) await this.#step(locks, name, signal);
  }

  /** Another tab leads, until the lock is free while this tab is visible, and its last holder did not merely reload. */
  async #step(locks: Locks, name: string, signal: AbortSignal): Promise<void> {
    const { clock, sight, elsewhere } = this.#options;
    elsewhere();
    while (!isOver(signal)) {
      const seen = await whileSeen(sight, signal);
      while (!isOver(seen)) {
        await locks.request(name, { signal: seen }, () => Promise.resolve()).catch(() => undefined);
        await pause(clock, YIELD_MS, seen);
        if (!isOver(seen) && !this.#isLost(name) && (await this.#hold(locks, name, { ifAvailable: true }, signal))) return;
      }
    }
  }

  /** Leads for as long as it has the lock; answers afterwards, and whether it had it at all. */
  async #hold(locks: Locks, name: string, options: LockOptions, signal: AbortSignal): Promise<boolean> {
    const { sight } = this.#options;
    const now = { led: false };
    const hold = (lock: unknown): Promise<void> => {
      if (lock === null || signal.aborted) return Promise.resolve();
      // The leader went just now, and this tab is hidden: it waits like any other.
      if (options.signal !== undefined && sight.isHidden()) return Promise.resolve();
      now.led = true;
      const held = new Promise<void>((resolve) => (this.#release = resolve));
      this.#lead(name);
      return held;
    };
    try {
      await locks.request(name, options, hold);
    } catch (error) {
      if (signal.aborted) return now.led;
      if (now.led) await this.#stolen(locks, name, signal);
      else if (isAbort(error)) return false;
      else this.#options.lead(); // a browser that forbids locks to this page
      return true;
    }
    return now.led;
  }

  async #stolen(locks: Locks, name: string, signal: AbortSignal): Promise<void> {
    this.#release = null;
    await this.#step(locks, name, signal);
  }
}

function lostKey(name: string): string {
  return `${name}:lost`;
}

/** The storage may be full: what it is for is worth no failure. */
function note(storage: TokenStorage | null, key: string, value: string): void {
  try {
    storage?.setItem(key, value);
  } catch {
    // As if there were none.
  }
}

/** A function, because a signal aborts while something is awaited. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
