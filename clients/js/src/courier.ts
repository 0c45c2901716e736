import type { Api, CallOptions } from "./api.ts";
import type { Clock } from "./clock.ts";
import { Refused } from "./problem.ts";
import { PULSE_TIMEOUT_MS, Signalling } from "./signalling.ts";
import { currentMatch, type Command, type Effect, type Input, type Model, type PulseBody } from "./state/model.ts";
import type { Reply, SignalData } from "./vocabulary.ts";

export interface CourierOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly model: () => Model;
  readonly dispatch: (input: Input) => void;
  /** A command was answered 401. */
  readonly unauthorized: () => void;
  /** Whether this page can have no call, which each join says. */
  readonly textOnly?: () => boolean;
  /** How many signals may wait for those before them; more are dropped. */
  readonly mostSignals?: number;
}

/** Signals that wait for those before them. A call begins with a few; more than this a partner's page has asked for, and means no good. */
const MOST_SIGNALS = 64;

/**
 * Carries commands to the server and their answers back into the model.
 *
 * Each is sent until it is answered or no longer meant: a join or leave until the next press, everything about a
 * match until that match is over, all of it until `close`.
 */
export class Courier {
  readonly #options: CourierOptions;
  #life = new AbortController();
  #press = new AbortController();
  #match = new AbortController();
  #matchName: string | null = null;
  #signals: Signalling | null = null;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** Gives up commands about a match that has ended. */
  follow(model: Model): void {
    const match = currentMatch(model);
    if (match === this.#matchName) return;
    this.#match.abort();
    this.#match = this.#scope();
    this.#matchName = match;
    this.#signals = match === null ? null : this.#signalling(match, model.media_hint === null, this.#match.signal);
  }

  /** Ends every command under way; the next one starts a new life. Can be repeated. */
  close(): void {
    this.#life.abort();
    this.#life = new AbortController();
    this.#match = this.#scope();
  }

  join(effect: Extract<Effect, { do: "join" }>): void {
    const { intent, preferences } = effect;
    this.#pressed({ name: "join", intent }, { intent, ...preferences, ...(this.#options.textOnly?.() === true && { media: "text" }) });
  }

  leave(intent: number): void {
    this.#pressed({ name: "leave", intent }, { intent });
  }

  skip(match: string): void {
    void this.#carry({ name: "skip", match }, { match }, { signal: this.#match.signal });
  }

  /** Not of the match's scope: it is about one that is over. */
  ack(match: string): void {
    void this.#carry({ name: "ack", match }, { match, of: "room-closing" }, { signal: this.#life.signal });
  }

  pulse(body: PulseBody): void {
    if (this.#signals?.takes(body) === true) return;
    void this.#carry({ name: "pulse", match: body.match ?? null }, body, { signal: this.#life.signal, once: true, timeout_ms: PULSE_TIMEOUT_MS });
  }

  say(match: string, key: string, text: string): void {
    void this.#carry({ name: "messages", key }, { match, key, text }, { signal: this.#match.signal });
  }

  signal(match: string, data: SignalData): void {
    if (match === this.#matchName) this.#signals?.say(data);
  }

  async readState(): Promise<void> {
    const { api, model, dispatch } = this.#options;
    const { snapshots } = model();
    try {
      const state = await api.state({ signal: this.#life.signal, once: true });
      dispatch({ type: "state-read", state, snapshots });
    } catch (error) {
      this.#failed({ name: "read-state" }, error);
    }
  }

  /** For the commands whose answer the person waits for; rejects as `Api.command` does. */
  async ask(name: "blocks" | "reports" | "confirm", body: object, signal?: AbortSignal, again?: (refused: Refused) => void): Promise<Reply> {
    const own = this.#scope();
    signal?.addEventListener("abort", () => own.abort(), { signal: own.signal });
    try {
      return await this.#send({ name }, body, { signal: own.signal, ...(again && { again }) });
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.#options.unauthorized();
      throw error;
    } finally {
      own.abort();
    }
  }

  #signalling(match: string, isPlain: boolean, signal: AbortSignal): Signalling {
    return new Signalling({
      match,
      most: this.#options.mostSignals ?? MOST_SIGNALS,
      isPlain,
      // A pulse outlives its match: what was measured is in it.
      send: (to, body, options) => this.#send(to, body, { ...options, signal: to.name === "pulse" ? this.#life.signal : signal }, "signal"),
      failed: (to, error) => this.#failed(to, error),
    });
  }

  /** A later press calls the earlier one off: retried, it would arrive last. */
  #pressed(command: Command, body: object): void {
    this.#press.abort();
    this.#press = this.#scope();
    void this.#carry(command, body, { signal: this.#press.signal });
  }

  /** Never rejects: how it ended is an input to the model. */
  async #carry(to: Command, body: object, options: CallOptions): Promise<void> {
    try {
      await this.#send(to, body, options);
    } catch (error) {
      this.#failed(to, error);
    }
  }

  /** `path`: what is asked for, if that is more than the command: a signal that was sent is a sign of life. */
  async #send(to: Command, body: object, options: CallOptions, path: string = to.name): Promise<Reply> {
    const { api, clock, model, dispatch } = this.#options;
    const { snapshots } = model();
    const started_ms = clock.monotonic();
    const answer = await api.command(path, body, options);
    const reply: Reply = to.name === "pulse" && answer.outcome === "sent" ? { ...answer, outcome: "ok" } : answer;
    dispatch({ type: "reply", to, reply, snapshots, took_ms: clock.monotonic() - started_ms });
    return reply;
  }

  #failed(to: Command, error: unknown): void {
    const refused = error instanceof Refused && !error.passing;
    this.#options.dispatch({ type: "failed", to, status: refused ? error.status : null, code: refused ? error.code : "" });
    if (refused && error.status === 401) this.#options.unauthorized();
  }

  #scope(): AbortController {
    const scope = new AbortController();
    this.#life.signal.addEventListener("abort", () => scope.abort(), { signal: scope.signal });
    return scope;
  }
}
