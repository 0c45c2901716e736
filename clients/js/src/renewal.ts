import { fullJitter } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { DuologueError, Unreachable } from "./problem.ts";
import type { Session } from "./session.ts";

const RETRY = { base_ms: 1_000, cap_ms: 30_000 };

/** `setTimeout` takes no more; who stays that long is renewed early. */
const LONGEST_MS = 2 ** 31 - 1;

/** A host's back end that has not answered by then is asked again. */
const ANSWER_MS = 10_000;

/** Minimum time between two renewals: a token that cannot be extended would be renewed more and more often near its end. */
const LEAST_MS = 1_000;

export interface RenewalOptions {
  readonly session: Session;
  readonly clock: Clock;
  readonly random: () => number;
  /** Asks the server itself: for a session without tokens from elsewhere. */
  readonly grant: (signal: AbortSignal) => Promise<void>;
  /** There is a new token: the stream that hangs on the old one would end with it. */
  readonly renewed: () => void;
}

/** Gets a token, and the next one before the last one ends, so that a conversation does not end with a token. */
export class Renewal {
  readonly #options: RenewalOptions;
  #life = new AbortController();
  #cancel: (() => void) | null = null;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** Rejects with a `DuologueError`: that of the host's back end, or `Unreachable`. */
  async obtain(signal: AbortSignal): Promise<void> {
    const { session, grant } = this.#options;
    try {
      if (session.obtain === undefined) await grant(signal);
      else await this.#fromHost(session.obtain.bind(session), signal);
    } catch (error) {
      throw error instanceof DuologueError ? error : new Unreachable("the host's own token", { cause: error });
    }
    if (!signal.aborted) this.#later(0);
  }

  /** Is over in time, whether or not the host's code heeds its signal. */
  async #fromHost(obtain: NonNullable<Session["obtain"]>, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const asking = new AbortController();
    const abort = (): void => asking.abort();
    signal.addEventListener("abort", abort);
    const cancel = clock.after(ANSWER_MS, abort);
    const unanswered = new Promise<never>((_, reject) => {
      asking.signal.addEventListener("abort", () => reject(new Unreachable("the host's own token: no answer")));
    });
    try {
      await Promise.race([obtain(() => clock.now(), asking.signal), unanswered]);
    } finally {
      cancel();
      signal.removeEventListener("abort", abort);
    }
  }

  /** Of a token that is at hand already. */
  watch(): void {
    if (this.#cancel === null) this.#later(0);
  }

  /** Can be repeated; the next `obtain` begins again. */
  close(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#life.abort();
    this.#life = new AbortController();
  }

  #later(attempt: number): void {
    const { session, clock, random } = this.#options;
    const at_ms = session.renew_at_ms?.() ?? null;
    this.#cancel?.();
    this.#cancel = null;
    if (at_ms === null) return;
    const delay_ms = Math.max(LEAST_MS, at_ms - clock.now()) + (attempt > 0 ? fullJitter(attempt - 1, RETRY, random) : 0);
    const { signal } = this.#life;
    this.#cancel = clock.after(Math.min(delay_ms, LONGEST_MS), () => void this.#renew(attempt, signal));
  }

  /** Never rejects: the old token is good for as long again, and is replaced when the host answers. */
  async #renew(attempt: number, signal: AbortSignal): Promise<void> {
    try {
      await this.obtain(signal);
      if (!signal.aborted) this.#options.renewed();
    } catch {
      if (!signal.aborted) this.#later(attempt + 1);
    }
  }
}
