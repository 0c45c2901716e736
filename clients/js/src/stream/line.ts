import { fullJitter } from "../backoff.ts";
import type { Clock } from "../clock.ts";
import { parseFrame } from "../parse.ts";
import { NETWORK_FULL, Refused } from "../problem.ts";
import type { Frame, Transports } from "../vocabulary.ts";
import { Doubt, type DoubtOptions } from "./doubt.ts";
import { Fallback } from "./fallback.ts";
import { openPoll, type AskPoll, type Known } from "./poll.ts";
import type { Connection, OpenStream, StreamEnd, Transport } from "./transport.ts";

/**
 * How the page hangs on the server.
 *
 * `away`: no connection, or one whose server has lost its store; the line comes back by itself.
 * `elsewhere`: another tab of this browser has the connection; this one goes on when that one is closed, or when it takes over.
 * `taken-over` and `ended` are final for this page id: only a person can go on from there.
 */
export type Link = "closed" | "connecting" | "open" | "away" | "elsewhere" | "taken-over" | "ended";

export interface LineOptions extends DoubtOptions {
  readonly url: (page: string) => string;
  readonly open: OpenStream;
  readonly poll: AskPoll;
  /** What the page has, for a poll to name. */
  readonly known: () => Omit<Known, "after">;
  /**
   * Makes sure that there is a session; called before each connection and after a refused one. Answers whether it was granted
   * just now. Rejects with `Refused` or when aborted.
   */
  readonly authorize: (refused: boolean, signal: AbortSignal) => Promise<boolean>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onFrame: (frame: Frame) => void;
  readonly onLink: (link: Link, transport: Transport) => void;
}

/** The server's heartbeat comes every 15 s whatever else was sent. */
export const QUIET_MS = 20_000;

/** A stream begins with a frame. One that brought none by now is held back on its way. */
export const FIRST_FRAME_MS = 6_000;

/** Who polls tries a stream again about so often, if the server has both. */
export const RETURN_MS = 60_000;

/** The first of these tries, if what stopped the streams may have been a server that was down. */
export const RETURN_SOON_MS = 5_000;

/** Between two polls a connection counts as open for 3 s: no trial of a stream may last longer without one. */
const HOLD_MS = 2_000;

/**
 * A partner waits 5 s for a lost line, so the first tries come quickly. The cap spares a server that is down for long, and the one
 * that comes back: its people return spread over half a minute. A browser that comes online, or a person who comes back, tries at once.
 */
export const RETRY = { base_ms: 400, cap_ms: 30_000 };

/** A delay that the server names may be longer than this; then the person is told that there is no connection. */
const UNTOLD_MS = 3_000;

/** A stream that lasted so long was a good one: what ends it is news, and the next is tried quickly. */
export const STEADY_MS = 5_000;

/** The cap after a stream that brought something: its server is there, and a partner waits 5 s. */
export const SHAKY_CAP_MS = 5_000;

/** Polls that fail so often in a row may be what does not get through. */
const POLLS_FAILED = 3;

const NOTHING = (): void => undefined;

/**
 * One page's connection, kept open: re-created when it closes, when it falls quiet, and when the server sends it elsewhere.
 *
 * It is a stream wherever streams get through, and polls where they do not. A stream may be tried beside what there is (a
 * *trial*): its first frame makes it the connection, and until then nothing is given up.
 */
export class Line {
  readonly #options: LineOptions;
  #page = "";
  #link: Link = "closed";
  #transport: Transport = "sse";
  #told: Transport = "sse";
  #fallback = new Fallback();
  readonly #doubt: Doubt;
  #transports: Transports | null = null;
  #current: Connection | null = null;
  #trial: Connection | null = null;
  /** The current stream, or any poll since streams were given up, brought something. */
  #heard = false;
  #returnsSoon = false;
  /** The server named the delay after which this page comes back. */
  #isNamed = false;
  #attempt = 0;
  /** When the first of these attempts was planned, by the monotonic clock. */
  #left_ms = 0;
  /** The last connection brought something. */
  #brought = false;
  /** When the current stream brought its first frame. */
  #since_ms: number | null = null;
  #lastEventId = "";
  #cancelTimer = NOTHING;
  #cancelTrial = NOTHING;
  #cancelReturn: (() => void) | null = null;
  #life: AbortController | null = null;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#doubt = new Doubt(options);
  }

  get link(): Link {
    return this.#link;
  }

  get transport(): Transport {
    return this.#transport;
  }

  /** Opens the connection of `page`, closing any other. */
  open(page: string): void {
    this.close();
    this.#page = page;
    this.#lastEventId = "";
    this.#attempt = 0;
    this.#transport = "sse";
    this.#fallback = new Fallback();
    this.#life = new AbortController();
    this.#become("connecting");
    this.#connect(false);
  }

  /** Can be repeated. The server is told nothing: what a closed connection means is its business. */
  close(): void {
    this.#finish("closed");
  }

  /**
   * Tries at once what is due later: the network or the person came back. A delay that the server named stays: it spreads
   * people who come back. (A full network is the exception, since the person may be on another one by now.)
   */
  nudge(): void {
    if (this.#life === null || this.#isNamed) return;
    if (this.#current === null && this.#link === "away") this.#connect(false);
    else if (this.#cancelReturn !== null) this.#return();
  }

  /** A command was refused for want of a session: the connection must have lost it too. */
  unauthorized(): void {
    if (this.#life === null || this.#link !== "open") return;
    this.#drop();
    this.#become("away");
    this.#retry(true);
  }

  /** There is a new session: a stream goes over to it, and nothing is missed. Polls name theirs each time. */
  renew(): void {
    if (this.#link === "open" && this.#transport === "sse") this.#try();
  }

  #connect(refused: boolean): void {
    const life = this.#life;
    if (life === null) return;
    this.#drop();
    // A slot that is taken: nothing else may connect while the session is being asked for.
    this.#current = { close: NOTHING };
    this.#options.authorize(refused, life.signal).then(
      (granted) => life.signal.aborted || (this.#transport === "poll" ? this.#openPoll() : this.#openStream(granted)),
      (error: unknown) => life.signal.aborted || this.#unauthorized(error),
    );
  }

  #openStream(granted: boolean): void {
    const { open, url } = this.#options;
    this.#heard = false;
    this.#watch(this.#fallback.isBarred && !this.#doubt.isRaised ? QUIET_MS : FIRST_FRAME_MS);
    this.#current = open(url(this.#page), this.#lastEventId, {
      onEvent: (data, id) => this.#event(data, id),
      onEnd: (end) => this.#streamEnded(end, granted),
    });
  }

  #event(data: string, lastEventId: string): void {
    if (lastEventId !== "") this.#lastEventId = lastEventId;
    this.#heard = true;
    this.#since_ms ??= this.#options.clock.monotonic();
    this.#fallback.streamed();
    this.#doubt.clear();
    this.#watch(QUIET_MS);
    const frame = parseFrame(data);
    if (frame !== null) this.#take(frame);
  }

  #take(frame: Frame): void {
    const transports = "state" in frame ? frame.transports : undefined;
    if (transports !== undefined) {
      this.#transports = transports;
      this.#fallback.serves(transports);
    }
    this.#steer(frame);
    this.#options.onFrame(frame);
  }

  #steer(frame: Frame): void {
    switch (frame.type) {
      case "taken-over":
        return this.#finish("taken-over");
      case "session-ended":
        return this.#finish("ended");
      case "reconnect":
        this.#drop();
        // With a reason the wait is long, and the person is told.
        if (frame.reason !== undefined || frame.after_ms > UNTOLD_MS) this.#become("away");
        this.#isNamed = frame.reason !== NETWORK_FULL;
        return this.#later(frame.after_ms, false);
      case "unavailable":
        return this.#become("away");
      case "heartbeat":
        // Of a server that has lost its store it says only that the stream lives.
        return this.#link === "away" ? undefined : this.#become("open");
      default:
        return this.#become("open");
    }
  }

  /** Nothing at all for that long is a dead stream. A page that was frozen meanwhile comes here too: a new stream costs little. */
  #watch(ms: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(ms, () => {
      if (!this.#heard) this.#fallback.heldBack();
      this.#streamEnded({ why: "lost" }, false);
    });
  }

  #streamEnded(end: StreamEnd, granted: boolean): void {
    const early = !this.#heard;
    this.#drop();
    if (this.#trial !== null) return this.#awaitTrial();
    if (early) this.#fallback.failed(end, granted);
    this.#become("away");
    if (!early || !this.#fallback.wantsPoll) {
      if (early && this.#fallback.isFailing) this.#doubtIt();
      return this.#retry(end.why === "refused");
    }
    this.#transport = "poll";
    this.#heard = false;
    this.#returnsSoon = this.#fallback.mayPass;
    this.#connect(false);
  }

  #openPoll(): void {
    const { poll, known, clock, random } = this.#options;
    this.#current = openPoll(
      { page: this.#page, ask: poll, known: () => ({ ...known(), after: this.#lastEventId }), clock, random },
      {
        onFrame: (frame) => this.#polled(frame),
        goesOn: () => this.#goesOn(),
        onEnd: (end) => this.#pollEnded(end),
      },
    );
  }

  #polled(frame: Frame): void {
    this.#heard = true;
    this.#doubt.clear();
    this.#attempt = 0;
    if (frame.type === "message") this.#lastEventId = `${frame.match}:${frame.n}:${frame.at_ms}`;
    this.#take(frame);
    this.#planReturn();
  }

  /** A poll that is answered while a stream is tried may have been replaced by it: the next one would replace the stream. */
  #goesOn(): boolean {
    if (this.#trial === null) return true;
    this.#current = null;
    this.#awaitTrial();
    return false;
  }

  #pollEnded(end: StreamEnd): void {
    this.#drop();
    if (this.#trial !== null) return this.#awaitTrial();
    this.#become("away");
    const refused = end.why === "refused";
    // Told as a stream tells it. No instant of the server's is known, and 0 is none that anything is measured from.
    if (refused && end.code === NETWORK_FULL) {
      this.#options.onFrame({ type: "reconnect", at_ms: 0, after_ms: end.retry_after_ms ?? 0, reason: NETWORK_FULL });
    }
    const isFinal = refused && end.status !== null && end.status < 500 && ![401, 408, 429].includes(end.status);
    if (isFinal) this.#fallback.bar();
    // A refusal that passes is an answer: polls are not blocked.
    if (isFinal || (!refused && !this.#heard)) this.#doubtIt();
    if (isFinal || !this.#heard || this.#attempt >= POLLS_FAILED) this.#transport = "sse";
    this.#retry(refused && end.status === 401, refused ? (end.retry_after_ms ?? 0) : 0);
  }

  #doubtIt(): void {
    if (this.#life !== null) this.#doubt.raise(this.#life.signal);
  }

  #planReturn(): void {
    if (this.#transport !== "poll" || this.#transports !== "both" || this.#cancelReturn !== null || this.#life === null) return;
    const { clock, random } = this.#options;
    const about_ms = this.#returnsSoon ? RETURN_SOON_MS : RETURN_MS;
    this.#returnsSoon = false;
    this.#cancelReturn = clock.after(about_ms * (0.8 + 0.4 * random()), () => this.#return());
  }

  #return(): void {
    this.#cancelReturn?.();
    this.#cancelReturn = null;
    if (this.#link === "open") this.#try();
  }

  #try(): void {
    if (this.#life === null || this.#trial !== null) return;
    const { open, url, clock } = this.#options;
    let stream: Connection | null = null;
    const trial: Connection = { close: () => stream?.close() };
    this.#trial = trial;
    this.#cancelTrial = clock.after(FIRST_FRAME_MS, () => this.#abandon());
    stream = open(url(this.#page), this.#lastEventId, {
      onEvent: (data, id) => (trial === this.#trial ? this.#tried(data, id) : this.#event(data, id)),
      onEnd: (end) => (trial === this.#trial ? this.#abandon() : this.#streamEnded(end, false)),
    });
  }

  /** The first frame of the trial: it is the connection now, unless the server wants it later or nowhere. */
  #tried(data: string, id: string): void {
    const trial = this.#trial;
    if (parseFrame(data)?.type === "reconnect") return this.#abandon();
    this.#cancelTrial();
    this.#trial = null;
    this.#drop();
    this.#current = trial;
    this.#transport = "sse";
    this.#event(data, id);
  }

  /** What there was is over, and the stream that is tried has a moment to show that this is why. */
  #awaitTrial(): void {
    this.#cancelTrial();
    this.#cancelTrial = this.#options.clock.after(HOLD_MS, () => this.#abandon());
  }

  #abandon(): void {
    this.#dropTrial();
    if (this.#current === null) this.#connect(false);
    else this.#planReturn();
  }

  #unauthorized(error: unknown): void {
    if (error instanceof Refused && !error.passing) return this.#finish("ended");
    this.#drop();
    this.#become("away");
    this.#retry(false, error instanceof Refused ? (error.retry_after_ms ?? 0) : 0);
  }

  #retry(refused: boolean, asked_ms = 0): void {
    const now_ms = this.#options.clock.monotonic();
    if (this.#attempt === 0) this.#left_ms = now_ms;
    // Short draws in a row would raise the span beyond what was lost so far, and a page would be away long after the fault.
    const lost_ms = RETRY.base_ms + 2 * (now_ms - this.#left_ms);
    const cap_ms = Math.min(lost_ms, this.#brought ? SHAKY_CAP_MS : RETRY.cap_ms);
    const delay = asked_ms + fullJitter(this.#attempt, { ...RETRY, cap_ms }, this.#options.random);
    this.#brought = false;
    this.#attempt += 1;
    this.#later(delay, refused);
  }

  #later(delay_ms: number, refused: boolean): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(delay_ms, () => this.#connect(refused));
  }

  #finish(link: Link): void {
    this.#life?.abort();
    this.#life = null;
    this.#drop();
    this.#dropTrial();
    this.#doubt.clear();
    this.#become(link);
  }

  #drop(): void {
    this.#isNamed = false;
    if (this.#since_ms !== null) {
      this.#brought = true;
      if (this.#options.clock.monotonic() - this.#since_ms >= STEADY_MS) this.#attempt = 0;
    }
    this.#since_ms = null;
    this.#cancelTimer();
    this.#current?.close();
    this.#current = null;
    this.#cancelReturn?.();
    this.#cancelReturn = null;
  }

  #dropTrial(): void {
    this.#cancelTrial();
    this.#trial?.close();
    this.#trial = null;
  }

  #become(link: Link): void {
    if (this.#link === link && this.#told === this.#transport) return;
    this.#link = link;
    this.#told = this.#transport;
    this.#options.onLink(link, this.#transport);
  }
}
