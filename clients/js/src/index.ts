/** The public contract of this package. */
export { Duologue, type DuologueOptions, type View } from "./client.ts";
export { systemClock, type Clock } from "./clock.ts";
export { characters, MESSAGE_CHARS } from "./length.ts";
export { peerMedia, type PeerOptions } from "./media/peer.ts";
export { attachedMedia } from "./media/attached.ts";
export { textMedia } from "./media/text.ts";
export type { Qualities, Quality } from "./media/quality.ts";
export type { LivekitRoom } from "./media/room.ts";
export type { LocalTracks, MediaEvents, MediaSession, MediaSetting, OpenMedia, Preparation, WaitingSetting } from "./media/port.ts";
export { Aborted, DuologueError, Refused, Unreachable } from "./problem.ts";
export { bearerSession, cookieSession, hostSession, memoryStorage, suppliedSession, type Grant, type Session, type TokenStorage } from "./session.ts";
export { documentSigns, type WatchSigns } from "./signs.ts";
export type { Partner } from "./stage.ts";
export { canCall, support, type Lack, type Support } from "./support.ts";
export type { Line } from "./state/chat.ts";
export { isGone, type Obstacle } from "./state/media.ts";
export { callMatch, currentMatch, emptyModel, speaks, type LetGo, type MediaStatus, type Model } from "./state/model.ts";
export type { Link } from "./stream/line.ts";
export type { Connection, OpenStream, StreamEnd, StreamHandlers, Transport } from "./stream/transport.ts";
export type { Locks } from "./tabs.ts";
export type {
  EndReason,
  Ended,
  IdleReason,
  Match,
  MediaGrant,
  MediaHint,
  MediaWord,
  Outcome,
  PersonState,
  Preferences,
  Presence,
  ReportReason,
  Role,
  Sanction,
  SignalData,
  Transports,
  Wish,
} from "./vocabulary.ts";
