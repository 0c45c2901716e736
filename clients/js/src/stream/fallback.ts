import type { Transports } from "../vocabulary.ts";
import type { StreamEnd } from "./transport.ts";

/** So many streams in a row without a frame are not an accident: something on the way blocks them. */
const ENOUGH = 3;

/** Decides when streams are given up for polls. Whether the server answers those, the first poll shows. */
export class Fallback {
  #failures = 0;
  #heldBack = false;
  #mayPass = false;
  #barred = false;

  /** The server was heard over a stream. */
  streamed(): void {
    this.#failures = 0;
    this.#heldBack = false;
  }

  /** Opened, and nothing came: a proxy holds it back. */
  heldBack(): void {
    this.#failures = ENOUGH;
    this.#heldBack = true;
  }

  /** A stream ended before its first frame; `granted`: its session was new, so that cannot be why. */
  failed(end: StreamEnd, granted: boolean): void {
    const more = weight(end, granted);
    this.#failures += more;
    this.#mayPass = more < ENOUGH && !this.#heldBack;
    if (more >= ENOUGH) this.#barred = false; // whatever the server said before: it goes on with another setting
  }

  /** What the server says of itself. */
  serves(transports: Transports): void {
    this.#barred = transports === "sse";
  }

  /** It answers no polls. */
  bar(): void {
    this.#barred = true;
  }

  /** Streams broke off, which they do as well while a server starts again: nothing speaks against another one soon. */
  get mayPass(): boolean {
    return this.#mayPass;
  }

  get isBarred(): boolean {
    return this.#barred;
  }

  /** No stream gets through. */
  get isFailing(): boolean {
    return this.#failures >= ENOUGH;
  }

  get wantsPoll(): boolean {
    return !this.#barred && this.isFailing;
  }
}

function weight(end: StreamEnd, granted: boolean): number {
  if (end.why === "lost") return 1;
  if (end.status === 401) return 0;
  if (end.status === 404) return ENOUGH;
  // An `EventSource` is not told the status. With a session of this very moment it cannot be a 401.
  return end.status === null && granted ? ENOUGH : 1;
}
