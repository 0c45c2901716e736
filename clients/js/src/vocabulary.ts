/**
 * The words of the wire (`protocol/` at the top of the repository is the contract).
 *
 * Instants are milliseconds since the epoch, named `*_ms`; ids are opaque.
 */

export type Wish = "talk" | "rest";

export type IdleReason = "never" | "left" | "you-were-away" | "one-conversation" | "warned" | "banned" | "removed";

/** What a moderator decided about this person: a warning, which is confirmed, or what keeps them out. */
export interface Sanction {
  readonly sanction: string;
  readonly kind: "warn" | "pause" | "ban";
  /** The rule that was broken. */
  readonly rule: string;
  /** What happened, in one sentence. */
  readonly why: string;
  /** No person decided it. */
  readonly automatic: boolean;
  readonly at_ms: number;
  /** When it ends; it may be over already. */
  readonly until_ms: number;
}

/** Why a conversation ended, as its two people read it. A block or report is never disclosed. */
export type EndReason =
  | "skipped"
  | "partner-skipped"
  | "left"
  | "partner-left"
  | "partner-lost"
  | "no-show"
  | "media-failed"
  | "media-unavailable"
  | "you-were-away";

export type ReportReason = "nudity" | "minor" | "violence" | "harassment" | "spam" | "other";

/** In perfect negotiation the polite side gives way when two offers cross. */
export type Role = "polite" | "impolite";

export interface PeerMedia {
  readonly kind: "peer";
  readonly role: Role;
  /** The partner's page, as far as the server knows; an older server does not say. */
  readonly page?: string;
  readonly ice_servers: readonly RTCIceServer[];
  /** Offer the partner no address of one's own: all media goes through a TURN server. */
  readonly ice_transport_policy?: "relay";
}

export interface LivekitMedia {
  readonly kind: "livekit";
  readonly ready: boolean;
  readonly url?: string;
  readonly room?: string;
  readonly token?: string;
}

/** Of a match in which one of the two cannot have a call. */
export interface TextGrant {
  readonly kind: "text";
}

export type MediaGrant = PeerMedia | LivekitMedia | TextGrant;

/** What is certain about the media of the next match. `ice_servers` are there only if the match will name the same ones. */
export type MediaHint =
  | { readonly kind: "peer"; readonly ice_servers?: readonly RTCIceServer[] }
  | { readonly kind: "livekit"; readonly url: string };

export interface Match {
  readonly match: string;
  readonly started_at_ms: number;
  readonly partner: { readonly alias: string; readonly away_until_ms: number | null };
  readonly media: MediaGrant;
  readonly messages: { readonly first: number; readonly last: number };
}

export interface Ended {
  readonly match: string;
  readonly reason: EndReason;
  readonly at_ms: number;
}

interface StateBase {
  readonly version: number;
  readonly since_ms: number;
  readonly intent: number;
  readonly wish: Wish;
  readonly pool: string;
  /** A sign of life that this person owes; any pulse meets it. */
  readonly probe?: { readonly probe: string; readonly until_ms: number };
  /** The last conversation, until a join that leaves `idle`. */
  readonly ended?: Ended;
  readonly sanction?: Sanction;
}

/** A person is exactly one of the three. */
export type PersonState =
  | (StateBase & { readonly state: "idle"; readonly idle_reason: IdleReason })
  | (StateBase & { readonly state: "waiting"; readonly media_available?: boolean; readonly again_at_ms?: number })
  | (StateBase & { readonly state: "matched"; readonly match: Match });

/** What a page says of its own media connection in a pulse. */
export type MediaWord = "open" | "silent" | "failed";

/** What travels between the two pages, relayed by the server. */
export type SignalBody =
  | { readonly hello: true }
  | { readonly bye: true }
  | { readonly description: RTCSessionDescriptionInit }
  | { readonly candidate: RTCIceCandidateInit }
  | { readonly candidates: readonly RTCIceCandidateInit[] };

/** `lists`: the page that says it reads `candidates`. */
export type SignalData = { readonly from: string; readonly to?: string; readonly lists?: true } & SignalBody;

/** Which transports a server has. With `both`, pages compare the two. */
export type Transports = "sse" | "poll" | "both";

type StateFrameType =
  | "snapshot"
  | "state"
  | "waiting"
  | "new-match"
  | "skip-confirmed"
  | "force-disconnect"
  | "idle"
  | "partner-away"
  | "partner-back"
  | "probe"
  | "media"
  | "room-closing";

/** A frame that carries the whole state. Only `snapshot` and `room-closing` are told apart from the rest. */
export interface StateFrame {
  readonly type: StateFrameType;
  readonly at_ms: number;
  readonly state: PersonState;
  readonly match?: string;
  readonly reason?: string;
  readonly people_online?: number;
  readonly transports?: Transports;
  /** On a snapshot; an older server does not say. */
  readonly media?: MediaHint;
  /** On a snapshot: this connection is to compare its stream with a read every so often. */
  readonly compare_ms?: number;
  /** On a snapshot: after so many conversations in a row without a sign of the person, they are asked before the next. */
  readonly ask_after?: number;
}

export type Frame =
  | StateFrame
  | { readonly type: "peer-signal"; readonly at_ms: number; readonly match: string; readonly n: number; readonly data: SignalData }
  | {
      readonly type: "message";
      readonly at_ms: number;
      readonly match: string;
      readonly n: number;
      readonly from: "me" | "partner";
      readonly text: string;
    }
  | { readonly type: "heartbeat"; readonly at_ms: number; readonly now_ms: number; readonly version: number; readonly people_online: number }
  | { readonly type: "unavailable"; readonly at_ms: number; readonly retry_ms: number }
  | { readonly type: "taken-over"; readonly at_ms: number }
  | { readonly type: "reconnect"; readonly at_ms: number; readonly after_ms: number; readonly reason?: string }
  | { readonly type: "session-ended"; readonly at_ms: number; readonly reason: string; readonly sanction?: Sanction };

export type Outcome =
  | "matched"
  | "waiting"
  | "skipped"
  | "left"
  | "ok"
  | "sent"
  | "blocked"
  | "reported"
  | "unknown-match"
  | "stale";

/** The answer to a command; being late (`stale`) is not an error. */
export interface Reply {
  readonly outcome: Outcome;
  readonly state: PersonState;
  readonly n?: number;
}

/** The answer to a poll. Messages and signals are those of the state's match that the poll did not name as known. */
export interface PollReply {
  readonly state: PersonState;
  readonly messages: readonly { readonly n: number; readonly from: "me" | "partner"; readonly text: string; readonly at_ms: number }[];
  readonly signals: readonly { readonly n: number; readonly data: SignalData; readonly at_ms: number }[];
  readonly people_online: number;
  readonly now_ms: number;
  readonly transports?: Transports;
  readonly ask_after?: number;
  readonly media?: MediaHint;
}

/** What a person asks for with Start. */
export interface Preferences {
  readonly pool?: string;
  /** What the person typed: the server takes it apart at commas of any script, and compares one form of each tag. */
  readonly tags?: readonly string[];
  readonly language?: string;
  readonly auto_next?: boolean;
  /** The version of the site's rules to which the person agreed. A server whose rules have another one refuses (`terms-not-agreed`). */
  readonly terms?: string;
}

/** What the two pages tell each other with every ping: it is not the server's business. */
export interface Presence {
  readonly camera: boolean;
  readonly microphone: boolean;
  /** The page is in the background: its person stepped away. */
  readonly hidden: boolean;
}
