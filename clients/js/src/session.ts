/** What `POST /v1/sessions` grants. */
export interface Grant {
  readonly person: string;
  readonly token: string;
  readonly expires_at_ms: number;
}

/** Who this page is, and how each request says so. */
export interface Session {
  readonly credentials: RequestCredentials;
  /** Whether the cookie says it, so that a plain `EventSource` will do. */
  readonly byCookie: boolean;
  headers(): Readonly<Record<string, string>>;
  /** Whether `POST /v1/sessions` is to be asked before the next stream; `refused`: the last one was turned away. */
  wantsGrant(now_ms: number, refused: boolean): boolean;
  remember(grant: Grant, now_ms: number): void;
  /** The server does not know this token any more. */
  forget(): void;
}

/** Clients renew when half of the time is over. */
class Lifetime {
  readonly #renew_at_ms: number;

  constructor(grant: Grant, now_ms: number) {
    this.#renew_at_ms = now_ms + (grant.expires_at_ms - now_ms) / 2;
  }

  isOver(now_ms: number): boolean {
    return now_ms >= this.#renew_at_ms;
  }
}

/**
 * The browser's guest: an HttpOnly cookie that scripts cannot read, shared by all tabs.
 *
 * The first stream of each page asks for a grant, because only that shows whether the cookie is still good.
 */
export function cookieSession(): Session {
  let lifetime: Lifetime | null = null;
  return {
    credentials: "same-origin",
    byCookie: true,
    headers: () => ({}),
    wantsGrant: (now_ms, refused) => refused || lifetime === null || lifetime.isOver(now_ms),
    remember: (grant, now_ms) => (lifetime = new Lifetime(grant, now_ms)),
    forget: () => (lifetime = null),
  };
}

/** Where a bearer token may live: `sessionStorage` is one tab's own and survives its reload. */
export type TokenStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** A person of one tab's own, beside the browser's guest: no cookie is sent or taken. */
export function bearerSession(storage: TokenStorage, key = "duologue.session"): Session {
  let grant = readGrant(storage, key);
  let lifetime: Lifetime | null = null;
  return {
    credentials: "omit",
    byCookie: false,
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
    },
    forget() {
      grant = null;
      storage.removeItem(key);
    },
  };
}

/** A token that the operator's own back end signs; `token` is asked at each request. */
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
