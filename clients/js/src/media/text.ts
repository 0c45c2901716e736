import type { Clock } from "../clock.ts";
import type { SignalBody, SignalData } from "../vocabulary.ts";
import { Allowance, BOUNDS, type Bounds } from "./bounds.ts";
import type { MediaSession, MediaSetting, OpenMedia } from "./port.ts";

/** How often a partner is asked whether they are there: rarely, for each question is two requests to the server. */
const ASK_MS = 10_000;

/** Until the first answer the question is repeated as often as the pages of a call repeat theirs. */
const HELLO_MS = 2_500;

/** An answer that takes longer than this is none. */
const ANSWER_MS = 5_000;

/**
 * Conversations without picture and sound: programs in Node, browsers without WebRTC, pages that only write.
 *
 * The server is told so with each join (`media: "text"`), and its grant is then of kind `text` for both sides. What stands for
 * the call is an answered `hello`, by way of the server: one without an address (`to`) is a question, one that names our page
 * is its answer.
 */
export function textMedia({ clock, bounds = BOUNDS }: TextOptions): OpenMedia {
  return Object.assign((setting: MediaSetting) => new TextSession(setting, clock, bounds), { textOnly: true });
}

/** For a page that can have calls, in a match with a person who cannot: grants of kind `text` only. */
export function writtenMedia({ clock, bounds = BOUNDS }: TextOptions): OpenMedia {
  return (setting) => (setting.grant.kind === "text" ? new TextSession(setting, clock, bounds) : null);
}

export interface TextOptions {
  readonly clock: Clock;
  readonly bounds?: Bounds;
}

class TextSession implements MediaSession {
  readonly #setting: MediaSetting;
  readonly #clock: Clock;
  /** A question needs two of our signals: the partner gets at most this many. */
  readonly #answers: Allowance;
  #partner: string | null = null;
  #vouching = false;
  #silent = false;
  #cancelAsk: () => void = () => undefined;
  #cancelSilence: (() => void) | null = null;
  #closed = false;

  constructor(setting: MediaSetting, clock: Clock, bounds: Bounds) {
    this.#setting = setting;
    this.#clock = clock;
    this.#answers = new Allowance(bounds.negotiations, clock);
    this.#ask();
  }

  hear(data: SignalData): void {
    if (this.#closed || data.from === this.#setting.page || !("hello" in data)) return;
    if (data.to !== undefined) return this.#answered(data.from);
    if (!this.#answers.take()) return;
    this.#signal({ hello: true }, data.from);
    // A page that we do not know yet: the partner has only now come, or has reloaded.
    if (data.from !== this.#partner) this.#ask();
  }

  grant(): void {
    // Whatever the server grants, nothing is connected.
  }

  send(): void {
    // There is no partner to show a track to.
  }

  tell(): void {
    // How a page is travels with the pings of a call; there are none.
  }

  ask(): void {
    this.#vouching = true;
    this.#ask();
  }

  close(): void {
    this.#closed = true;
    this.#cancelAsk();
    this.#cancelSilence?.();
  }

  #ask(): void {
    this.#signal({ hello: true });
    this.#askLater();
    // Before the first answer the server's own deadline for media runs.
    if (this.#partner !== null) this.#cancelSilence ??= this.#clock.after(ANSWER_MS, () => this.#unanswered());
  }

  #askLater(): void {
    this.#cancelAsk();
    const isWell = this.#partner !== null && !this.#silent;
    this.#cancelAsk = this.#clock.after(isWell ? ASK_MS : HELLO_MS, () => this.#ask());
  }

  #unanswered(): void {
    this.#silent = true;
    this.#askLater();
    this.#setting.events.status("silent", false);
  }

  #answered(page: string): void {
    const { status, vouched } = this.#setting.events;
    const fresh = page !== this.#partner;
    this.#partner = page;
    this.#silent = false;
    this.#cancelSilence?.();
    this.#cancelSilence = null;
    this.#askLater();
    status("open", fresh);
    if (this.#vouching) vouched();
    this.#vouching = false;
  }

  #signal(body: SignalBody, to?: string): void {
    if (this.#closed) return;
    this.#setting.events.signal({ from: this.#setting.page, ...(to !== undefined && { to }), ...body });
  }
}
