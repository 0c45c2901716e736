import type { Sanction } from "./vocabulary.ts";

/** Whatever this client throws is one of these. */
export class DuologueError extends Error {
  override readonly name: string = "DuologueError";
}

/** The server understood and said no (RFC 9457); trying again will not help, but for 401, 408, 429 and 503. */
export class Refused extends DuologueError {
  override readonly name = "Refused";

  constructor(
    readonly status: number,
    /** The stable word of the problem document, or `""`. */
    readonly code: string,
    /** From `Retry-After`; null if the server named none. */
    readonly retry_after_ms: number | null,
    /** With `banned` and `warned`: what a moderator decided. */
    readonly sanction: Sanction | null = null,
  ) {
    super(`refused: ${status} ${code}`);
  }

  /** Whether the same request may do better later. */
  get passing(): boolean {
    return this.status >= 500 || this.status === 408 || this.status === 429;
  }
}

/** The code of a refused poll, and the reason of a `reconnect`: enough people are here from this network. */
export const NETWORK_FULL = "network-full";

/** No answer: network, timeout, or a body that is not the protocol's. */
export class Unreachable extends DuologueError {
  override readonly name = "Unreachable";
}

/** The caller's own signal, or `close()`, ended the operation. */
export class Aborted extends DuologueError {
  override readonly name = "Aborted";
}
