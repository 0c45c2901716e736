import type { Clock } from "../clock.ts";

/** So many at once, then one more for each `every_ms` that passes. */
export interface Rate {
  readonly most: number;
  readonly every_ms: number;
}

/**
 * How much one partner may ask of this page in one match: a partner is a stranger, and may be a program that was written to do harm.
 *
 * A call between two pages of this package stays far below each of them.
 */
export interface Bounds {
  /** How often the partner's page may change. The server has the same bound (docs/protocol.md). */
  readonly pageChanges: number;
  /** Connections that are built, for whatever reason. Chromium refuses more than 500, and counts closed ones until it has collected them. */
  readonly connections: Rate;
  /** Descriptions that are worked off, hellos that are answered, and searches for a new way: each costs messages and work. */
  readonly negotiations: Rate;
  /** Media sections that an offer may have; an offer with more is treated as one that makes no sense. */
  readonly sections: number;
  /** Sections of audio, and of video, that are answered with media. The rest is rejected: each would be encoded. */
  readonly sectionsOfKind: number;
  /** Whether a section may ask for several encodings of one picture (simulcast). */
  readonly layers: boolean;
  /** Candidates that are taken for one description. */
  readonly candidates: number;
  readonly candidateChars: number;
  /** Messages over the connection. Two pages that ping each other say about four a second. */
  readonly messages: Rate;
  readonly messageChars: number;
  /** Messages beyond `messages`, or too long, before the connection is given up. A page that was frozen hears a hundred late ones at once. */
  readonly excess: Rate;
  /** Data channels that the partner opens (each is closed) before the connection is given up. */
  readonly channels: number;
}

export const BOUNDS: Bounds = {
  pageChanges: 6,
  connections: { most: 10, every_ms: 15_000 },
  negotiations: { most: 16, every_ms: 2_500 },
  sections: 16,
  sectionsOfKind: 1,
  layers: false,
  candidates: 64,
  candidateChars: 1_024,
  messages: { most: 40, every_ms: 50 },
  messageChars: 1_024,
  excess: { most: 500, every_ms: 50 },
  channels: 8,
};

/** Which bound a partner ran into, for the page to say so. */
export type Limit = "pages" | "flood";

/** A bucket that fills up again with time. */
export class Allowance {
  readonly #rate: Rate;
  readonly #clock: Clock;
  #left: number;
  #at_ms: number;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#left = rate.most;
    this.#at_ms = clock.monotonic();
  }

  /** Takes one, and answers whether there was one. */
  take(): boolean {
    const { most, every_ms } = this.#rate;
    const now_ms = this.#clock.monotonic();
    this.#left = Math.min(most, this.#left + (now_ms - this.#at_ms) / every_ms);
    this.#at_ms = now_ms;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/** Decides which of the partner's messages are listened to. */
export class Ear {
  readonly #chars: number;
  readonly #messages: Allowance;
  readonly #excess: Allowance;
  #flooded = false;

  constructor({ messages, messageChars, excess }: Bounds, clock: Clock) {
    this.#chars = messageChars;
    this.#messages = new Allowance(messages, clock);
    this.#excess = new Allowance(excess, clock);
  }

  /**
   * Whether a message of that many characters or bytes is listened to. One that is not says nothing, not even that the partner
   * is there: a partner whose pings drown in a flood of their own falls silent.
   */
  hears(length: number): boolean {
    if (this.#messages.take() && length <= this.#chars) return true;
    if (!this.#excess.take()) this.#flooded = true;
    return false;
  }

  /** So much came in excess that even to drop it is work: the connection is to be closed. */
  get isFlooded(): boolean {
    return this.#flooded;
  }
}
