import type { LocalTracks, MediaSession, OpenMedia, Preparation } from "./media/port.ts";
import { noQuality, type Qualities } from "./media/quality.ts";
import type { LivekitRoom } from "./media/room.ts";
import { callMatch, isLookedFor, type Input, type Model } from "./state/model.ts";
import type { MediaGrant, MediaHint, Presence, SignalData } from "./vocabulary.ts";

/** What this page sees of its partner; empty between matches. */
export interface Partner {
  readonly tracks: readonly MediaStreamTrack[];
  /** Null until their first ping. */
  readonly presence: Presence | null;
  /** How good their connection is, and ours; known in LiveKit rooms only. */
  readonly quality: Qualities;
}

export interface StageOptions {
  readonly open: OpenMedia;
  readonly dispatch: (input: Input) => void;
  readonly signal: (match: string, data: SignalData) => void;
  readonly changed: () => void;
}

export const nobody: Partner = { tracks: [], presence: null, quality: noQuality };

/** Keeps exactly one media session for the match that the model is in, and none for any other. */
export class Stage {
  readonly #options: StageOptions;
  #tracks: LocalTracks = { audio: null, video: null };
  #presence: Presence = { camera: false, microphone: false, hidden: false };
  #match: string | null = null;
  #grant: MediaGrant | null = null;
  #session: MediaSession | null = null;
  #partner: Partner = nobody;
  #room: LivekitRoom | null = null;
  #preparation: Preparation | null = null;
  /** What the preparation is for, also if there is nothing to prepare. */
  #hint: MediaHint | null = null;
  #link: Model["link"] = "closed";
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(options: StageOptions) {
    this.#options = options;
  }

  get partner(): Partner {
    return this.#partner;
  }

  /** A page without a stream keeps its call: the socket is not the person. */
  follow(model: Model): void {
    const match = callMatch(model);
    const grant = model.state?.state === "matched" ? model.state.match.media : null;
    this.#prepare(model, match);
    if (match !== this.#match) {
      this.#leave();
      this.#match = match;
      if (match !== null && grant !== null) this.#enter(match, model.page, grant);
    } else if (grant !== null && grant !== this.#grant) {
      this.#session?.grant(grant);
    }
    this.#grant = grant;
  }

  hear(match: string, data: SignalData): void {
    if (match === this.#match) this.#session?.hear(data);
  }

  ask(match: string): void {
    if (match === this.#match) this.#session?.ask();
  }

  send(tracks: LocalTracks): void {
    this.#tracks = tracks;
    this.#session?.send(tracks);
    this.#preparation?.send(tracks);
  }

  tell(presence: Presence): void {
    this.#presence = presence;
    this.#session?.tell(presence);
  }

  attach(room: LivekitRoom | null): void {
    this.#room = room;
    this.#session?.attach?.(room);
  }

  /** Of a room that was followed by another, nothing. */
  detach(room: LivekitRoom): void {
    if (room === this.#room) this.attach(null);
  }

  /** When this page has left what it had of that match. */
  left(match: string): Promise<void> {
    return this.#leaving.get(match) ?? Promise.resolve();
  }

  /**
   * Begins when a partner is looked for, and in a conversation once it is connected: a match may follow at once after Next.
   * What a match does not use stays for the next one, and is dropped when no match is wanted.
   */
  #prepare(model: Model, match: string | null): void {
    const isWaiting = isLookedFor(model) || (match !== null && model.media.status === "open");
    const hint = isWaiting || match !== null ? model.media_hint : null;
    if (JSON.stringify(hint) !== JSON.stringify(this.#hint)) this.#forget();
    if (isWaiting && this.#hint === null && hint !== null) {
      this.#hint = hint;
      this.#preparation = this.#options.open.prepare?.({ hint, tracks: this.#tracks }) ?? null;
    }
    if (this.#link !== "open" && model.link === "open") this.#preparation?.renew();
    this.#link = model.link;
    this.#preparation?.wait(isWaiting);
  }

  #forget(): void {
    this.#preparation?.close();
    this.#preparation = null;
    this.#hint = null;
  }

  #leave(): void {
    const session = this.#session;
    const match = this.#match;
    this.#session = null;
    this.#partner = nobody;
    session?.close();
    const left = session?.left?.();
    if (left !== undefined && match !== null) {
      this.#leaving.set(match, left);
      void left.then(() => this.#leaving.delete(match));
    }
  }

  #enter(match: string, page: string, grant: MediaGrant): void {
    const { open, dispatch, signal } = this.#options;
    this.#session = open({
      match,
      page,
      grant,
      tracks: this.#tracks,
      presence: this.#presence,
      room: this.#room,
      prepared: this.#preparation,
      events: {
        status: (status, fresh) => dispatch({ type: "media", match, status, fresh }),
        vouched: () => dispatch({ type: "vouched", match }),
        limited: (limit) => dispatch({ type: "limited", match, limit }),
        obstacle: (obstacle) => dispatch({ type: "obstacle", match, obstacle }),
        signal: (data) => signal(match, data),
        tracks: (tracks) => this.#see(match, { tracks }),
        presence: (presence) => this.#see(match, { presence }),
        quality: (quality) => this.#see(match, { quality }),
      },
    });
  }

  #see(match: string, news: Partial<Partner>): void {
    if (match !== this.#match) return;
    this.#partner = { ...this.#partner, ...news };
    this.#options.changed();
  }
}
