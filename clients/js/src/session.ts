import { DuologueError } from "./problem.ts";

/** What `POST /v1/sessions` grants. */
export interface Grant {
  readonly person: string;
  readonly token: string;
  readonly expires_at_ms: number;
  /** The device of a guest who gets no cookie: to be kept, and said with the next grant. */
  readonly device?: string;
}

/** Who this page is, and how each request says so. */
export interface Session {
  readonly credentials: RequestCredentials;
  /** Whether the cookie says it, so that a plain `EventSource` will do. */
  readonly byCookie: boolean;
  /** The same in all tabs of this browser that are the same person: one of them has the connection. Without it this tab is alone. */
  readonly seat?: string;
  /** What to say of the device when a grant is asked for; a browser's own cookie needs no word. */
  readonly device?: string | null;
  headers(): Readonly<Record<string, string>>;
  /** Whether `POST /v1/sessions` is to be asked before the next stream; `refused`: the last one was turned away. */
  wantsGrant(now_ms: number, refused: boolean): boolean;
  remember(grant: Grant, now_ms: number): void;
  /** The server does not know this token any more. */
  forget(): void;
  /** Of tokens that come from elsewhere: gets one, in place of `POST /v1/sessions`. Rejects as that does. */
  obtain?(now_ms: () => number, signal: AbortSignal): Promise<void>;
  /**
   * A request that named this session was answered 401, with this code. Answers whether the session is named in another way from
   * now on: by the token at hand, since the browser does not send its cookie.
   */
  turnedAway?(code: string): boolean;
  /** The server knew who is asking. */
  recognized?(): void;
  /** When the token at hand is to be replaced while the stream goes on, in ms since the epoch; null: never. */
  renew_at_ms?(): number | null;
}

/** Clients renew when half of the time is over. */
class Lifetime {
  readonly renew_at_ms: number;

  constructor(grant: Grant, now_ms: number) {
    this.renew_at_ms = now_ms + (grant.expires_at_ms - now_ms) / 2;
  }

  isOver(now_ms: number): boolean {
    return now_ms >= this.renew_at_ms;
  }
}

/**
 * The browser's guest: an HttpOnly cookie that scripts cannot read, shared by all tabs.
 *
 * The first stream of each page asks for a grant, because only that shows whether the cookie is still good. A browser that
 * blocks cookies sends none with the next request: the token that came with the grant is used in its place then, in the memory of
 * this page alone, so that the person is the same and no second guest begins. Throws where cookies are not available.
 */
export function cookieSession(): Session {
  if (typeof location === "undefined") {
    throw new DuologueError("no cookies here (Node): use bearerSession(), or hostSession() with tokens of your own back end");
  }
  return new CookieSession();
}

class CookieSession implements Session {
  readonly seat = "guest";
  #grant: Grant | null = null;
  #lifetime: Lifetime | null = null;
  #byCookie = true;
  /** The cookie of the last grant came along with a later request. */
  #isProven = false;
  /** The token was not refused yet. */
  #isUntried = false;
  #device: string | null = null;

  get credentials(): RequestCredentials {
    return this.#byCookie ? "same-origin" : "omit";
  }

  get byCookie(): boolean {
    return this.#byCookie;
  }

  get device(): string | null {
    return this.#device;
  }

  headers(): Readonly<Record<string, string>> {
    return this.#byCookie || this.#grant === null ? {} : { Authorization: `Bearer ${this.#grant.token}` };
  }

  wantsGrant(now_ms: number, refused: boolean): boolean {
    const isTokenNews = refused && this.#isUntried;
    this.#isUntried = false;
    if (isTokenNews) return false;
    return refused || this.#lifetime === null || this.#lifetime.isOver(now_ms);
  }

  remember(grant: Grant, now_ms: number): void {
    this.#grant = grant;
    this.#lifetime = new Lifetime(grant, now_ms);
    this.#isProven = false;
    this.#device = grant.device ?? this.#device;
  }

  forget(): void {
    this.#grant = null;
    this.#lifetime = null;
  }

  /** If the server accepted a cookie before and does not know it any more, the session is over; the browser did nothing wrong. */
  turnedAway(code: string): boolean {
    if (!this.#byCookie || this.#grant === null || (this.#isProven && code === "bad-token")) return false;
    this.#byCookie = false;
    this.#isUntried = true;
    return true;
  }

  recognized(): void {
    this.#isProven = true;
  }

  renew_at_ms(): number | null {
    return this.#lifetime?.renew_at_ms ?? null;
  }
}

/** Where a bearer token may live: `sessionStorage` is one tab's own and survives its reload. */
export type TokenStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** The browser's guest; where there are no cookies, a guest for as long as the program runs. */
export function usualSession(): Session {
  return typeof document === "undefined" ? bearerSession() : cookieSession();
}

/** As long as the page or the process, and nowhere else. */
export function memoryStorage(): TokenStorage {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

/** What this tab alone keeps, over its reloads; as short as the page where that is forbidden. */
export function tabStorage(): TokenStorage {
  return usable(() => sessionStorage);
}

/** What all tabs of this browser share; each tab keeps its own where sharing is forbidden. */
export function browserStorage(): TokenStorage {
  return usable(() => localStorage);
}

function usable(storage: () => TokenStorage): TokenStorage {
  try {
    storage().getItem("");
    return storage();
  } catch {
    return memoryStorage();
  }
}

/**
 * A person of one tab's own, beside the browser's guest, or of one program: no session cookie counts for it, and none is taken.
 *
 * The device outlives the session: a new session in this browser is a new person on the same device, and blocks still apply to it.
 */
export function bearerSession(storage: TokenStorage = memoryStorage(), key = "duologue.session"): Session {
  const deviceKey = `${key}.device`;
  let grant = readGrant(storage, key);
  let lifetime: Lifetime | null = null;
  return {
    credentials: "omit",
    byCookie: false,
    get device() {
      return storage.getItem(deviceKey);
    },
    headers: () => (grant === null ? {} : { Authorization: `Bearer ${grant.token}` }),
    wantsGrant(now_ms, refused) {
      if (grant === null || refused) return true;
      lifetime ??= new Lifetime(grant, now_ms);
      return lifetime.isOver(now_ms);
    },
    remember(next, now_ms) {
      grant = next;
      lifetime = new Lifetime(next, now_ms);
      storage.setItem(key, JSON.stringify(next));
      if (next.device !== undefined) storage.setItem(deviceKey, next.device);
    },
    forget() {
      grant = null;
      lifetime = null;
      storage.removeItem(key);
    },
    renew_at_ms: () => lifetime?.renew_at_ms ?? null,
  };
}

/** A token that the operator's back end signs and the page renews; `token` is called for each request. */
export function suppliedSession(token: () => string): Session {
  return {
    credentials: "omit",
    byCookie: false,
    headers: () => ({ Authorization: `Bearer ${token()}` }),
    wantsGrant: () => false,
    remember: () => undefined,
    forget: () => undefined,
  };
}

/** Of a token that says nothing of its end. */
const UNKNOWN_LIFETIME_MS = 10 * 60_000;

/** A token that was refused is not asked for again sooner than this. */
const SAME_TOKEN_MS = 2_000;

/**
 * Tokens that the operator's own back end signs: `ask` gets one from there, `(signal) => fetch("/token", …)` and its text.
 *
 * It is asked before the first stream, at half of each token's life (its `exp`), and when the server turns one away.
 * What it throws is tried again, with back-off, for as long as the page wants to be connected; a `Refused` of 4xx ends
 * the session: the person is not logged in.
 */
export function hostSession(ask: (signal: AbortSignal) => Promise<string>, { seat }: { readonly seat?: string } = {}): Session {
  let token = "";
  let got_at_ms = -Infinity;
  let ends_at_ms = Infinity;
  return {
    credentials: "omit",
    byCookie: false,
    ...(seat !== undefined && { seat }),
    headers: () => (token === "" ? {} : { Authorization: `Bearer ${token}` }),
    // One that is only half over will still do while the host's back end is down.
    wantsGrant: (now_ms, refused) => token === "" || now_ms >= ends_at_ms || (refused && now_ms - got_at_ms > SAME_TOKEN_MS),
    remember: () => undefined,
    forget: () => (token = ""),
    async obtain(now_ms, signal) {
      token = await ask(signal);
      got_at_ms = now_ms();
      ends_at_ms = expiry_ms(token) ?? got_at_ms + UNKNOWN_LIFETIME_MS;
    },
    renew_at_ms: () => (token === "" ? null : got_at_ms + (ends_at_ms - got_at_ms) / 2),
  };
}

/** What a JWT says of its end; the server is who checks it. */
function expiry_ms(token: string): number | null {
  try {
    const payload = token.split(".")[1] ?? "";
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const exp = typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>)["exp"] : null;
    return typeof exp === "number" ? exp * 1_000 : null;
  } catch {
    return null;
  }
}

function readGrant(storage: TokenStorage, key: string): Grant | null {
  try {
    const value: unknown = JSON.parse(storage.getItem(key) ?? "null");
    return isGrant(value) ? value : null;
  } catch {
    return null;
  }
}

export function isGrant(value: unknown): value is Grant {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  return typeof fields["token"] === "string" && typeof fields["person"] === "string" && typeof fields["expires_at_ms"] === "number";
}
