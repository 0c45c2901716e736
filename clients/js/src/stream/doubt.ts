/** So many rounds in a row without live updates, during which another request was answered. A server that starts again explains one. */
const SURE = 2;

export interface DoubtOptions {
  /** Whether the server answers a request that is neither a stream nor a poll. Never rejects. */
  readonly reach: (signal: AbortSignal) => Promise<boolean>;
  readonly onBlocked: (blocked: boolean) => void;
}

/** Tells a server that is away from one whose live updates are blocked on the way (a content blocker, a company's proxy). */
export class Doubt {
  readonly #options: DoubtOptions;
  #round = 0;
  #asking = false;
  #reached = 0;
  #told = false;

  constructor(options: DoubtOptions) {
    this.#options = options;
  }

  /** Other requests were answered at least once while nothing came by stream or poll. */
  get isRaised(): boolean {
    return this.#reached > 0;
  }

  /** Nothing came by stream or poll: asks whether anything else is answered. */
  raise(signal: AbortSignal): void {
    if (this.#asking) return;
    this.#asking = true;
    const round = this.#round;
    void this.#options.reach(signal).then((reached) => {
      if (round === this.#round && !signal.aborted) this.#answered(reached);
    });
  }

  /** Something came, or there is no connection to look for any more. */
  clear(): void {
    this.#round += 1;
    this.#asking = false;
    this.#reached = 0;
    this.#tell(false);
  }

  #answered(reached: boolean): void {
    this.#asking = false;
    this.#reached = reached ? this.#reached + 1 : 0;
    this.#tell(this.#reached >= SURE);
  }

  #tell(blocked: boolean): void {
    if (blocked === this.#told) return;
    this.#told = blocked;
    this.#options.onBlocked(blocked);
  }
}
