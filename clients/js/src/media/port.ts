import type { MediaStatus } from "../state/model.ts";
import type { MediaGrant, Presence, SignalData } from "../vocabulary.ts";

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
  /** To the partner's page, by way of the server. */
  readonly signal: (data: SignalData) => void;
}

export interface MediaSetting {
  readonly match: string;
  readonly page: string;
  readonly grant: MediaGrant;
  readonly tracks: LocalTracks;
  readonly presence: Presence;
  readonly events: MediaEvents;
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
  /** Can be repeated. The partner's channel closes at once. */
  close(): void;
}

/** Makes the session of a match, or null for a kind of media that it does not know. */
export type OpenMedia = (setting: MediaSetting) => MediaSession | null;
