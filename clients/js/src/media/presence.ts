import type { Clock } from "../clock.ts";
import { isFields } from "../parse.ts";
import type { MediaStatus } from "../state/model.ts";
import type { Presence } from "../vocabulary.ts";
import { Silence, TICK_MS } from "./silence.ts";

/** What carries the pings; unreliable, because a late ping says nothing. */
export interface PingChannel {
  /** Never throws; a channel that is not open drops it. */
  send(text: string): void;
}

export interface PresenceEvents {
  /** `fresh`: the partner answered over a channel for the first time. */
  readonly status: (status: MediaStatus, fresh: boolean) => void;
  readonly vouched: () => void;
  readonly presence: (presence: Presence) => void;
}

/**
 * Two pages that ping each other, free of charge for the server. Every ping carries how its sender is.
 *
 * On the wire: `{"ping": n, "camera": …, "microphone": …, "hidden": …}` and `{"pong": n}`. A ping is answered where it
 * arrives, by the event and not by a timer: a hidden page's timers are held back.
 */
export class PresenceWatch {
  readonly #clock: Clock;
  readonly #silence: Silence;
  readonly #events: PresenceEvents;
  #mine: Presence;
  #channel: PingChannel | null = null;
  #status: MediaStatus = "connecting";
  /** Nothing was answered over this channel yet. */
  #fresh = false;
  #sent = 0;
  #firstOfChannel = 1;
  #asked: number | null = null;
  #heard = 0;
  #cancelTick: () => void = () => undefined;

  constructor(clock: Clock, mine: Presence, events: PresenceEvents) {
    this.#clock = clock;
    this.#mine = mine;
    this.#events = events;
    this.#silence = new Silence(clock.monotonic());
    this.#schedule();
  }

  get status(): MediaStatus {
    return this.#status;
  }

  /** The pings go over a new channel from now on, or over none. The clock of silence runs on. */
  attach(channel: PingChannel | null): void {
    this.#channel = channel;
    this.#heard = 0;
    this.#fresh = channel !== null;
    this.#firstOfChannel = this.#sent + 1;
    if (channel === null && this.#status === "open") this.#become("connecting");
    this.#ping();
  }

  tell(mine: Presence): void {
    this.#mine = mine;
    this.#ping();
  }

  /** Pings at once; `vouched` follows when this ping or a later one is answered. */
  ask(): void {
    this.#asked = this.#sent + 1;
    this.#ping();
  }

  /** The connection will not come, or broke. An answer over it, or over another one, is still `open`. */
  fail(): void {
    this.#become("failed");
  }

  receive(text: string): void {
    const { ping, pong, ...presence } = parse(text) ?? {};
    // What is neither says nothing, not even that the partner's page is there.
    if (typeof ping !== "number" && typeof pong !== "number") return;
    this.#silence.heard(this.#clock.monotonic());
    if (typeof ping === "number") this.#pinged(ping, presence);
    if (typeof pong === "number") this.#ponged(pong);
  }

  close(): void {
    this.#cancelTick();
    this.#channel = null;
  }

  #pinged(n: number, fields: Record<string, unknown>): void {
    this.#channel?.send(JSON.stringify({ pong: n }));
    // They are heard, so `silent` would be wrong; but whether they hear us, only a pong tells.
    if (this.#status === "silent") this.#become("connecting");
    // Theirs is the first word over this channel: our own ping may have come too early for them to hear it.
    if (this.#fresh) this.#ping();
    if (n < this.#heard) return;
    this.#heard = n;
    const { camera, microphone, hidden } = fields;
    this.#events.presence({ camera: camera === true, microphone: microphone === true, hidden: hidden === true });
  }

  #ponged(n: number): void {
    if (n < this.#firstOfChannel || n > this.#sent) return;
    const fresh = this.#fresh;
    this.#fresh = false;
    this.#become("open", fresh);
    if (this.#asked === null || n < this.#asked) return;
    this.#asked = null;
    this.#events.vouched();
  }

  #tick(): void {
    const tick = this.#silence.tick(this.#clock.monotonic());
    if (tick === "silent" && this.#status !== "failed") this.#become("silent");
    this.#ping();
    this.#schedule();
  }

  #ping(): void {
    if (this.#channel === null) return;
    this.#sent += 1;
    this.#channel.send(JSON.stringify({ ping: this.#sent, ...this.#mine }));
  }

  #schedule(): void {
    this.#cancelTick = this.#clock.after(TICK_MS, () => this.#tick());
  }

  #become(status: MediaStatus, fresh = false): void {
    if (status === this.#status && !fresh) return;
    this.#status = status;
    this.#events.status(status, fresh);
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : null;
  } catch {
    return null; // the other side is a stranger: anything may come
  }
}
