import type { Api } from "./api.ts";
import { pause, type Clock } from "./clock.ts";
import { DuologueError, Refused } from "./problem.ts";
import { beginRead, compare, emptyBook, MISSED_MS, noComparisons, overdue, streamed, type Comparison, type Comparisons, type StreamBook } from "./state/compare.ts";
import type { Frame } from "./vocabulary.ts";

/** The counts are told about this often. */
export const REPORT_MS = 10_000;

/** The most that the server takes of one count. */
const MOST = 10_000;

export interface ComparingOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly random: () => number;
  /** The stream lost something that a read knew. */
  readonly missed: () => void;
}

/**
 * Holds the stream against pure reads of the state while a server has both transports, and tells it how they compare: that is
 * how its operator learns that polling can be switched off. A page does nothing with what was read.
 */
export class Comparing {
  readonly #options: ComparingOptions;
  #book: StreamBook = emptyBook;
  #counts: Comparisons = noComparisons;
  #life: AbortController | null = null;

  constructor(options: ComparingOptions) {
    this.#options = options;
  }

  /** A frame of the stream. Its snapshot says whether this connection is to compare. */
  take(frame: Frame): void {
    if (!("state" in frame)) return;
    const isSnapshot = frame.type === "snapshot";
    const [book, caughtUp] = streamed(this.#book, frame.state, isSnapshot);
    this.#book = book;
    this.#count("poll_first", caughtUp);
    if (isSnapshot && frame.compare_ms !== undefined && this.#life === null) this.#begin(frame.compare_ms);
    if (isSnapshot && frame.compare_ms === undefined) this.stop();
  }

  /** The stream is gone: what it owed comes with the next snapshot, and that is not a miss. Can be repeated. */
  stop(): void {
    this.#life?.abort();
    this.#life = null;
    this.#book = emptyBook;
  }

  /** What was counted last is told in a request that outlives the page. Can be repeated. */
  close(): void {
    this.stop();
    const counts = this.#counts;
    if (isEmpty(counts)) return;
    this.#counts = noComparisons;
    const { signal } = new AbortController();
    this.#options.api.command("comparisons", counts, { signal, once: true, keepalive: true }).catch(() => undefined); // then it is lost
  }

  #begin(every_ms: number): void {
    const life = new AbortController();
    this.#life = life;
    void this.#readOn(every_ms, life.signal);
    void this.#reportOn(life.signal);
  }

  /** Never rejects. */
  async #readOn(every_ms: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const over = (): boolean => signal.aborted;
    for (let asked_ms = 0; !over(); ) {
      await pause(clock, asked_ms + every_ms * (0.9 + 0.2 * random()), signal);
      if (!over()) asked_ms = await this.#readOnce(signal);
    }
  }

  /** Answers how long the server asks to be left alone. */
  async #readOnce(signal: AbortSignal): Promise<number> {
    const { api, clock } = this.#options;
    this.#overdue();
    const read = beginRead(this.#book);
    if (read === null) return 0;
    try {
      const state = await api.state({ signal, once: true, timeout_ms: MISSED_MS });
      if (signal.aborted) return 0;
      const [book, comparison] = compare(this.#book, read, state, clock.monotonic());
      this.#book = book;
      if (comparison !== null) this.#count(comparison, 1);
      return 0;
    } catch (error) {
      if (!(error instanceof DuologueError)) throw error;
      return error instanceof Refused ? (error.retry_after_ms ?? 0) : 0; // an unanswered read says nothing of the stream
    }
  }

  #overdue(): void {
    const [book, missed] = overdue(this.#book, this.#options.clock.monotonic());
    this.#book = book;
    if (missed === 0) return;
    this.#count("missed", missed);
    this.#options.missed();
  }

  /** Never rejects. Counts that did not arrive go with the next. */
  async #reportOn(signal: AbortSignal): Promise<void> {
    const { api, clock, random } = this.#options;
    const over = (): boolean => signal.aborted;
    while (!over()) {
      await pause(clock, REPORT_MS * (0.9 + 0.2 * random()), signal);
      const counts = this.#counts;
      if (over() || isEmpty(counts)) continue;
      this.#counts = noComparisons;
      try {
        await api.command("comparisons", counts, { signal, once: true });
      } catch (error) {
        if (!(error instanceof DuologueError)) throw error;
        for (const [name, count] of Object.entries(counts)) this.#count(name as Comparison, count);
      }
    }
  }

  #count(comparison: Comparison, more: number): void {
    if (more > 0) this.#counts = { ...this.#counts, [comparison]: Math.min(MOST, this.#counts[comparison] + more) };
  }
}

function isEmpty(counts: Comparisons): boolean {
  return Object.values(counts).every((count) => count === 0);
}
