import { fullJitter } from "./backoff.ts";
import { pause, type Clock } from "./clock.ts";
import { isFields, parsePoll, parseReply, parseSanction, parseStateAnswer } from "./parse.ts";
import { Aborted, DuologueError, Refused, Unreachable } from "./problem.ts";
import { isGrant, type Grant, type Session } from "./session.ts";
import type { PersonState, PollReply, Reply, Sanction } from "./vocabulary.ts";

const RETRY = { base_ms: 300, cap_ms: 5_000 };

/** Longer than any answer takes (the server's own store timeout is below it), shorter than a person's patience. */
const TIMEOUT_MS = 8_000;

/** The longest delay: a timer that is set for weeks fires at once. */
const LONGEST_MS = 60_000;

const SESSIONS = "/v1/sessions";

export interface ApiOptions {
  /** Where `/v1` is, without a trailing slash; `""` is the page's own origin. */
  readonly base: string;
  readonly fetch: typeof globalThis.fetch;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: () => number;
  /** The session's cookie does not come along: it is named by its token from now on, in this page only. */
  readonly unkept?: () => void;
  /** A moderator keeps the person out, or warned them, as a refusal says. */
  readonly barred?: (sanction: Sanction) => void;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  /** Try once only; the caller decides what is worth a second try. */
  readonly once?: boolean;
  readonly timeout_ms?: number;
  /** Told of each refusal after which the same is sent again. */
  readonly again?: (refused: Refused) => void;
  /** It outlives the page. */
  readonly keepalive?: boolean;
  /** In place of the session's own. */
  readonly credentials?: RequestCredentials;
}

/**
 * The commands. Each may be sent again with no second effect, so a lost answer is simply asked for again:
 * full-jitter back-off on network errors, 408, 429 and 5xx until the caller's signal aborts; any other 4xx is final.
 */
export class Api {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /** Rejects with `Refused`, `Unreachable` (only with `once`) or `Aborted`. */
  async command(path: string, body: object, options: CallOptions): Promise<Reply> {
    const reply = parseReply(await this.#persist("POST", `/v1/${path}`, body, options));
    if (reply === null) throw new Unreachable(`${path}: not an answer of this protocol`);
    return reply;
  }

  /** The state now: a pure read. */
  async state(options: CallOptions): Promise<PersonState> {
    const state = parseStateAnswer(await this.#persist("GET", "/v1/state", undefined, options));
    if (state === null) throw new Unreachable("state: not an answer of this protocol");
    return state;
  }

  /** One long poll, which is a connection; rejects as `command` does with `once`. */
  async poll(query: URLSearchParams, options: CallOptions): Promise<PollReply | "taken-over"> {
    const answer = parsePoll(await this.#persist("GET", `/v1/state?${query.toString()}`, undefined, { ...options, once: true }));
    if (answer === null) throw new Unreachable("poll: not an answer of this protocol");
    return answer;
  }

  /** Whether this server answers a request that is neither a stream nor a poll, and that changes nothing. Never rejects. */
  async reaches(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#persist("POST", "/v1/comparisons", {}, { signal, once: true });
      return true;
    } catch (error) {
      // A refusal without a code is not this server's: a proxy of the network said it.
      return error instanceof Refused && error.status < 500 && error.code !== "";
    }
  }

  /** How many people are online; null if that could not be read. Needs no session. Never rejects. */
  async online(signal: AbortSignal): Promise<number | null> {
    try {
      const { fetch, base } = this.#options;
      const response = await fetch(`${base}/v1/online`, { signal, credentials: "omit", cache: "no-store" });
      const answer: unknown = await response.json();
      return response.ok && isFields(answer) && typeof answer["people_online"] === "number" ? answer["people_online"] : null;
    } catch {
      return null;
    }
  }

  /** A guest session, or a new expiry for the one there is; the session remembers it. */
  async grant(options: CallOptions): Promise<Grant> {
    const { session, clock } = this.#options;
    const body = session.byCookie ? {} : { cookie: false, ...(session.device != null && { device: session.device }) };
    // The browser's own device counts for a second person in it, too: its cookie goes along, and with `cookie: false` no other counts.
    const grant = await this.#persist("POST", SESSIONS, body, { ...options, credentials: "same-origin" });
    if (!isGrant(grant)) throw new Unreachable("sessions: not an answer of this protocol");
    session.remember(grant, clock.now());
    return grant;
  }

  async #persist(method: string, path: string, body: object | undefined, options: CallOptions): Promise<unknown> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#once(method, path, body, options);
      } catch (error) {
        if (options.once === true || !mayPass(error)) throw error;
        if (error instanceof Refused) options.again?.(error);
        await pause(this.#options.clock, this.#delay(attempt, error), options.signal);
      }
    }
  }

  async #once(method: string, path: string, body: object | undefined, { signal, timeout_ms = TIMEOUT_MS, keepalive = false, credentials }: CallOptions): Promise<unknown> {
    if (isOver(signal)) throw new Aborted(path);
    const timeout = this.#deadline(timeout_ms, signal);
    try {
      const { fetch, base } = this.#options; // called bare: a browser's own fetch refuses to be a method of another object
      const response = await fetch(base + path, { ...this.#request(method, body, timeout.signal, credentials), keepalive });
      if (!response.ok) throw await refusal(response);
      if (path !== SESSIONS) this.#options.session.recognized?.();
      return await response.json();
    } catch (error) {
      if (error instanceof DuologueError) throw this.#noted(path, error);
      if (isOver(signal)) throw new Aborted(path, { cause: error });
      throw new Unreachable(path, { cause: error });
    } finally {
      timeout.clear();
    }
  }

  /** Whether a refusal means that the browser keeps no cookie is the session's to say. */
  #noted(path: string, error: DuologueError): DuologueError {
    const { session, unkept, barred } = this.#options;
    if (error instanceof Refused && error.sanction !== null) barred?.(error.sanction);
    const isTurnedAway = path !== SESSIONS && error instanceof Refused && error.status === 401;
    if (isTurnedAway && session.turnedAway?.(error.code) === true) unkept?.();
    return error;
  }

  #request(method: string, body: object | undefined, signal: AbortSignal, credentials?: RequestCredentials): RequestInit {
    const { session } = this.#options;
    const headers: Record<string, string> = { Accept: "application/json", ...session.headers() };
    const request: RequestInit = { method, headers, signal, credentials: credentials ?? session.credentials, cache: "no-store" };
    if (body === undefined) return request;
    headers["Content-Type"] = "application/json";
    return { ...request, body: JSON.stringify(body) };
  }

  #deadline(timeout_ms: number, signal: AbortSignal): { signal: AbortSignal; clear: () => void } {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const cancel = this.#options.clock.after(timeout_ms, abort);
    signal.addEventListener("abort", abort);
    const clear = (): void => {
      cancel();
      signal.removeEventListener("abort", abort);
    };
    return { signal: controller.signal, clear };
  }

  #delay(attempt: number, error: unknown): number {
    const asked = error instanceof Refused ? (error.retry_after_ms ?? 0) : 0;
    return asked + fullJitter(attempt, RETRY, this.#options.random);
  }
}

/** A function, because the compiler does not expect a signal to abort while something is awaited. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

function mayPass(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Refused && error.passing);
}

async function refusal(response: Response): Promise<Refused> {
  const body: unknown = await response.json().catch(() => null);
  const code = isFields(body) && typeof body["code"] === "string" ? body["code"] : "";
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retry_ms = Number.isFinite(seconds) ? Math.min(Math.max(0, seconds * 1_000), LONGEST_MS) : null;
  return new Refused(response.status, code, retry_ms, isFields(body) ? parseSanction(body["sanction"]) : null);
}
