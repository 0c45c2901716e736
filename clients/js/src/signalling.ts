import type { CallOptions } from "./api.ts";
import { randomId } from "./ids.ts";
import { Refused } from "./problem.ts";
import type { Command, PulseBody } from "./state/model.ts";
import type { SignalData } from "./vocabulary.ts";

export interface SignallingOptions {
  readonly match: string;
  /** How many signals may wait for those before them; more are dropped. */
  readonly most: number;
  /** The server knows neither lists nor pulses that come along. */
  readonly isPlain: boolean;
  /** What is answered is the answer to that command; rejects as `Api.command` does. */
  readonly send: (to: Command, body: object, options: Omit<CallOptions, "signal">) => Promise<unknown>;
  readonly failed: (to: Command, error: unknown) => void;
}

const SIGNAL_TIMEOUT_MS = 4_000;

/** A sign is due within 3 s, so a pulse that is not answered in this time is sent again. */
export const PULSE_TIMEOUT_MS = 2_000;

/**
 * The signals of one match, one request after the other: a description has to arrive before what builds on it.
 *
 * A pulse that is due in the same moment goes along with the first of them. While a deployment rolls, a request may reach
 * a server that does not know this yet: it refuses, changes nothing, and everything goes as an older client sends it.
 */
export class Signalling {
  readonly #options: SignallingOptions;
  readonly #waiting: { readonly key: string; readonly data: SignalData }[] = [];
  #isPlain: boolean;
  #isSending = false;
  /** The first one waits only for the work at hand to be done. */
  #isFirst = false;
  #pulse: PulseBody | null = null;

  constructor(options: SignallingOptions) {
    this.#options = options;
    this.#isPlain = options.isPlain;
  }

  say(data: SignalData): void {
    const { most } = this.#options;
    if (this.#waiting.length >= most) return;
    this.#waiting.push({ key: randomId("k_"), data });
    if (!this.#isSending) void this.#sendAll();
  }

  /** Whether the pulse goes along. If not, it is the caller's to send. */
  takes(pulse: PulseBody): boolean {
    if (this.#isPlain || !this.#isFirst || this.#pulse !== null || pulse.match !== this.#options.match) return false;
    this.#pulse = pulse;
    return true;
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    this.#isFirst = true;
    await Promise.resolve();
    this.#isFirst = false;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      await this.#send(next.key, next.data);
      this.#waiting.shift();
    }
    this.#isSending = false;
  }

  async #send(key: string, data: SignalData): Promise<void> {
    if (this.#pulse !== null && (await this.#sendBoth(key, data))) return;
    if (!this.#isPlain && (await this.#sendOne(key, data))) return;
    const parts = plainly(data);
    for (const [place, part] of parts.entries()) await this.#sendOne(parts.length === 1 ? key : `${key}-${place}`, part);
  }

  /** Once, in the time that a pulse has. False: the signal is still to be sent, alone. */
  async #sendBoth(key: string, data: SignalData): Promise<boolean> {
    const { match, send, failed } = this.#options;
    const pulse = { ...this.#pulse, match: undefined }; // the signal names it already
    this.#pulse = null;
    const to: Command = { name: "pulse", match };
    try {
      await send(to, { match, key, data, pulse }, { once: true, timeout_ms: PULSE_TIMEOUT_MS });
      return true;
    } catch (error) {
      this.#learn(error);
      failed(to, error);
      return error instanceof Refused && !error.passing && !this.#isPlain;
    }
  }

  /** False: the server does not know all that is in it. Never rejects. */
  async #sendOne(key: string, data: object): Promise<boolean> {
    const { match, send, failed } = this.#options;
    const wasPlain = this.#isPlain;
    const to: Command = { name: "signal" };
    try {
      await send(to, { match, key, data }, { timeout_ms: SIGNAL_TIMEOUT_MS });
    } catch (error) {
      this.#learn(error);
      if (this.#isPlain && !wasPlain) return false;
      failed(to, error);
    }
    return true;
  }

  #learn(error: unknown): void {
    if (error instanceof Refused && error.status === 422) this.#isPlain = true;
  }
}

/** As an older server, or an older page, reads it. */
function plainly(data: SignalData): readonly object[] {
  const plain = { ...data, lists: undefined };
  if (!("candidates" in data)) return [plain];
  return data.candidates.map((candidate) => ({ ...plain, candidates: undefined, candidate }));
}
