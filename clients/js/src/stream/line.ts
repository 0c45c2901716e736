import { fullJitter } from "../backoff.ts";
import type { Clock } from "../clock.ts";
import { parseFrame } from "../parse.ts";
import { Refused } from "../problem.ts";
import type { Frame } from "../vocabulary.ts";
import type { OpenStream, StreamEnd } from "./transport.ts";

/**
 * How the page hangs on the server.
 *
 * `away`: no stream, or one whose server has lost its store; the line comes back by itself.
 * `taken-over` and `ended` are final for this page id: only a person can go on from there.
 */
export type Link = "closed" | "connecting" | "open" | "away" | "taken-over" | "ended";

export interface LineOptions {
  readonly url: (page: string) => string;
  readonly open: OpenStream;
  /** Makes sure that there is a session; called before each stream and after a refused one. Rejects with `Refused` or when aborted. */
  readonly authorize: (refused: boolean, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onFrame: (frame: Frame) => void;
  readonly onLink: (link: Link) => void;
}

/** The server's heartbeat comes every 15 s whatever else was sent. */
export const QUIET_MS = 20_000;

/** A partner waits 5 s for a lost line, so the first tries come quickly; the cap spares a server that is down for long. */
const RETRY = { base_ms: 400, cap_ms: 4_000 };

/** One page's stream, kept open: re-created when it closes, when it falls quiet, and when the server sends it elsewhere. */
export class Line {
  readonly #options: LineOptions;
  #page = "";
  #link: Link = "closed";
  #stream: { close(): void } | null = null;
  #attempt = 0;
  #lastEventId = "";
  #cancelTimer: () => void = () => undefined;
  #life: AbortController | null = null;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  get link(): Link {
    return this.#link;
  }

  /** Opens the stream of `page`, closing any other. */
  open(page: string): void {
    this.close();
    this.#page = page;
    this.#lastEventId = "";
    this.#attempt = 0;
    this.#life = new AbortController();
    this.#become("connecting");
    this.#connect(false);
  }

  /** Can be repeated. The server is told nothing: what a closed stream means is its business. */
  close(): void {
    this.#life?.abort();
    this.#life = null;
    this.#drop();
    this.#become("closed");
  }

  /** Tries at once when a try is due later: the network or the person came back. */
  nudge(): void {
    if (this.#life !== null && this.#stream === null && this.#link === "away") this.#connect(false);
  }

  /** A command was refused for want of a session: the stream must have lost it too. */
  unauthorized(): void {
    if (this.#life !== null && this.#link === "open") this.#ended({ why: "refused", status: 401 });
  }

  #connect(refused: boolean): void {
    const life = this.#life;
    if (life === null) return;
    this.#drop();
    // A slot that is taken: nothing else may connect while the session is being asked for.
    this.#stream = { close: () => undefined };
    this.#options.authorize(refused, life.signal).then(
      () => life.signal.aborted || this.#openStream(),
      (error: unknown) => life.signal.aborted || this.#unauthorized(error),
    );
  }

  #openStream(): void {
    const { open, url } = this.#options;
    this.#watch();
    this.#stream = open(url(this.#page), this.#lastEventId, {
      onEvent: (data, id) => this.#event(data, id),
      onEnd: (end) => this.#ended(end),
    });
  }

  #event(data: string, lastEventId: string): void {
    this.#lastEventId = lastEventId;
    this.#watch();
    const frame = parseFrame(data);
    if (frame === null) return;
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
        return this.#later(frame.after_ms, false);
      case "unavailable":
        return this.#become("away");
      default:
        this.#attempt = 0;
        return this.#become("open");
    }
  }

  #ended(end: StreamEnd): void {
    this.#drop();
    this.#become("away");
    this.#retry(end.why === "refused");
  }

  #unauthorized(error: unknown): void {
    if (error instanceof Refused && !error.passing) return this.#finish("ended");
    this.#ended({ why: "lost" });
  }

  /** Nothing at all for 20 s is a dead stream. A page that was frozen meanwhile comes here too: a new stream costs little. */
  #watch(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(QUIET_MS, () => this.#ended({ why: "lost" }));
  }

  #retry(refused: boolean): void {
    const delay = fullJitter(this.#attempt, RETRY, this.#options.random);
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
    this.#become(link);
  }

  #drop(): void {
    this.#cancelTimer();
    this.#stream?.close();
    this.#stream = null;
  }

  #become(link: Link): void {
    if (this.#link === link) return;
    this.#link = link;
    this.#options.onLink(link);
  }
}
