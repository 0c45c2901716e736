interface RoomTrack {
  readonly mediaStreamTrack: MediaStreamTrack;
  readonly streamState: string;
}

/** What we need of a participant of `livekit-client`. */
export interface RoomParticipant {
  /** A new id each time that a person joins, also under the same name. */
  readonly sid: string;
  readonly identity: string;
  readonly connectionQuality: string;
  readonly trackPublications: ReadonlyMap<string, { readonly track?: RoomTrack | undefined }>;
}

/**
 * What we need of a `Room` of `livekit-client`: by shape, so that an app without LiveKit does not need it, and that
 * any version 2 will do.
 */
export interface LivekitRoom {
  readonly state: string;
  readonly localParticipant: RoomParticipant & {
    publishData(data: Uint8Array<ArrayBuffer>, options: { readonly reliable: boolean; readonly topic: string }): Promise<void>;
  };
  readonly remoteParticipants: ReadonlyMap<string, RoomParticipant>;
  // Its own types name each event; a method's parameters are compared both ways, so that one fits here.
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  disconnect(stopTracks?: boolean): Promise<void>;
}

/** The room is in use: also while it mends its connection, over which the pings will go on. */
export function isJoined({ state }: LivekitRoom): boolean {
  return state === "connected" || state === "reconnecting" || state === "signalReconnecting";
}

/** Identities are `<match>.<role>`: neither an app's own rooms nor those of another match are taken for ours. */
export function isOfMatch(identity: string, match: string): boolean {
  return identity.startsWith(`${match}.`);
}
