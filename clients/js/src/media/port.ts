import type { Obstacle } from "../state/media.ts";
import type { MediaStatus } from "../state/model.ts";
import type { MediaGrant, MediaHint, Presence, SignalData } from "../vocabulary.ts";
import type { Limit } from "./bounds.ts";
import type { Qualities } from "./quality.ts";
import type { LivekitRoom } from "./room.ts";

/** What this page sends. A track is swapped or taken away without a new negotiation. */
export interface LocalTracks {
  readonly audio: MediaStreamTrack | null;
  readonly video: MediaStreamTrack | null;
}

/** What a media session tells the client. None of them may throw. */
export interface MediaEvents {
  readonly status: (status: MediaStatus, fresh: boolean) => void;
  /** The ping of `ask` was answered. */
  readonly vouched: () => void;
  /** The partner's tracks, all of them, whenever one comes; empty when their connection is dropped. */
  readonly tracks: (tracks: readonly MediaStreamTrack[]) => void;
  readonly presence: (presence: Presence) => void;
  /** How good the two connections are, where that is known. */
  readonly quality: (qualities: Qualities) => void;
  /** The partner asked for more than a page of this package ever does: from now on they get less. Once for each bound. */
  readonly limited: (limit: Limit) => void;
  /** What keeps the call from coming, as far as it is known by now; null once it came. Browser to browser only. */
  readonly obstacle?: (obstacle: Obstacle | null) => void;
  /** To the partner's page, by way of the server. */
  readonly signal: (data: SignalData) => void;
}

export interface MediaSetting {
  readonly match: string;
  readonly page: string;
  readonly grant: MediaGrant;
  readonly tracks: LocalTracks;
  readonly presence: Presence;
  /** The one that the app attached last; of whichever match. */
  readonly room: LivekitRoom | null;
  /** What this kind of media made ready while the person waited. */
  readonly prepared?: Preparation | null;
  readonly events: MediaEvents;
}

/** What a kind of media knows while the person waits for the next match. */
export interface WaitingSetting {
  readonly hint: MediaHint;
  readonly tracks: LocalTracks;
}

/** What is prepared for the next match. Nothing of it is sent before there is one. */
export interface Preparation {
  send(tracks: LocalTracks): void;
  /** Whether the person waits now: nothing is made ready while they do not, but what is there may stay for a while. */
  wait(isWaiting: boolean): void;
  /** The network may have changed. */
  renew(): void;
  /** Can be repeated. */
  close(): void;
}

/** Picture and sound of one match, from the moment the page reads it until it reads its end. */
export interface MediaSession {
  /** A signal that is meant for this page. */
  hear(data: SignalData): void;
  /** The grant of a later state: a new token, or a room that is ready now. */
  grant(grant: MediaGrant): void;
  send(tracks: LocalTracks): void;
  /** Tells the partner how we are: camera, microphone, in front of the page or not. */
  tell(presence: Presence): void;
  /** Pings at once; `vouched` follows if that very ping, or a later one, is answered. */
  ask(): void;
  /** The app has connected, or will connect, a room; null: it detaches the room. */
  attach?(room: LivekitRoom | null): void;
  /** Can be repeated. The partner's channel closes at once. */
  close(): void;
  /** After `close`: when nothing of it is connected any more. Never rejects; without it, at once. */
  left?(): Promise<void>;
}

export interface OpenMedia {
  /** Makes the session of a match, or null for a kind of media that it does not know. */
  (setting: MediaSetting): MediaSession | null;
  /** True: it can make no calls, for example without WebRTC. The server is told with each join, and makes text matches. */
  readonly textOnly?: boolean;
  /** Makes ready what the next match will need; null: nothing. A session gets it as `prepared`. */
  readonly prepare?: (setting: WaitingSetting) => Preparation | null;
}
