import type { Limit } from "../media/bounds.ts";
import type { Link } from "../stream/line.ts";
import type { Transport } from "../stream/transport.ts";
import type { Frame, MediaHint, MediaWord, PersonState, Preferences, Reply, Sanction, SignalData, Wish } from "../vocabulary.ts";
import { freshAttention, type Attention } from "./attention.ts";
import { noChat, type Chat } from "./chat.ts";
import { freshMedia, type MediaBook, type Obstacle } from "./media.ts";
import { freshPulses, type PulseBook } from "./pulses.ts";

/** The person's own last press of Start or Stop on this page, or one of another page that it adopted since. */
export interface Own {
  readonly intent: number;
  readonly wish: Wish;
  readonly preferences: Preferences;
  /** When the person pressed, or when the server was last heard to have them where they wish to be. */
  readonly seen_ms: number;
  /** The server was asked to look for no other partner after this conversation, because its person gave no sign for long. */
  readonly held: boolean;
}

/**
 * Why the client stopped looking for strangers although its person had not pressed Stop: `away`, the page slept or the network was
 * gone for long; `unattended`, several conversations passed without a sign of the person.
 */
export type LetGo = "away" | "unattended";

/** Everything that one page knows. Only `reduce` makes the next one. */
export interface Model {
  readonly page: string;
  readonly person: string | null;
  readonly link: Link;
  /** By what, while the link is `open`. */
  readonly transport: Transport;
  /** Why the server takes no connection of this page for now (`network-full`), until the next frame of another kind. */
  readonly kept_out: string | null;
  /** The server answers other requests of this page, but neither a stream nor a poll gets through: something on the way blocks them. */
  readonly is_blocked: boolean;
  /** Null until the first frame. */
  readonly state: PersonState | null;
  /** Counted so that a reply can tell whether a snapshot came after its command was sent. */
  readonly snapshots: number;
  readonly people_online: number | null;
  /** What the server says about the media of the next match; null: nothing, as an older server. */
  readonly media_hint: MediaHint | null;
  /** Null on a page whose person has pressed nothing yet: it follows, and heals nothing. */
  readonly own: Own | null;
  /** A press that waits for the first state, without which it has no number. */
  readonly press: { readonly wish: Wish; readonly preferences: Preferences; readonly at_ms: number } | null;
  /** The join or leave under way. */
  readonly asking: { readonly wish: Wish; readonly intent: number } | null;
  /** The state at which a healing command was sent last: a second one at the same state waits a little. */
  readonly healed: { readonly version: number; readonly intent: number } | null;
  readonly skipping: string | null;
  /** The match that the person asked to end a second ago, unanswered: its call is closed whatever the server says later. */
  readonly hung_up: string | null;
  readonly reading: boolean;
  /** The page did not run for a while, and the server was not asked since: `match` is the conversation from before. */
  readonly slept: { readonly match: string | null; readonly sure: boolean } | null;
  /** Why the next stranger waits for a press of Start, until there is one. */
  readonly let_go: LetGo | null;
  readonly attention: Attention;
  readonly pulses: PulseBook;
  readonly media: MediaBook;
  /** The last that was heard: its number, and the latest instant of any. */
  readonly signals: { readonly match: string; readonly last: number; readonly at_ms: number };
  readonly chat: Chat;
  readonly measures: Measures;
  /** The last command that the server refused for good, for the page to say; cleared by the next press. */
  readonly refusal: { readonly command: string; readonly code: string } | null;
  /** Why the session is over, once the link is `ended`. */
  readonly ended_reason: string | null;
  /** What a moderator decided about the person, as the server said last; null: nothing. */
  readonly sanction: Sanction | null;
  /** False: the browser sends no cookie, and the session lives in the memory of this page. A reload begins as a new person. */
  readonly is_kept: boolean;
}

/** What this page measured itself. The first three are sent once, with the next pulse. */
export interface Measures {
  readonly told_ms: number | null;
  readonly alone_ms: number | null;
  readonly next_face_ms: number | null;
  /** When Next was pressed for the face that is awaited. */
  readonly next_pressed_ms: number | null;
  /** The least difference seen between our clock and a frame's `at_ms`: clocks' offset plus the quickest way here. */
  readonly least_lag_ms: number | null;
  /** The quickest command, there and back. */
  readonly least_trip_ms: number | null;
}

export type Command =
  | { readonly name: "join" | "leave"; readonly intent: number }
  | { readonly name: "skip" | "ack"; readonly match: string }
  | { readonly name: "pulse"; readonly match: string | null }
  | { readonly name: "read-state" }
  | { readonly name: "messages"; readonly key: string }
  | { readonly name: "blocks" | "reports" | "signal" | "confirm" };

/** `status`: what the media session sees; `connecting` again when a connection is being rebuilt. */
export type MediaStatus = "connecting" | MediaWord;

export type Later = "pulse" | "heal" | "gone" | "hang-up" | "skip";

export type Input =
  | { readonly type: "page"; readonly page: string }
  | { readonly type: "person"; readonly person: string }
  /** The browser sends no cookie. */
  | { readonly type: "unkept" }
  /** The server refuses the session of this page: the link ends. */
  | { readonly type: "refused" }
  /** A refusal says what a moderator decided. */
  | { readonly type: "barred"; readonly sanction: Sanction }
  | { readonly type: "link"; readonly link: Link; readonly transport: Transport }
  | { readonly type: "blocked"; readonly blocked: boolean }
  | { readonly type: "frame"; readonly frame: Frame }
  | { readonly type: "reply"; readonly to: Command; readonly reply: Reply; readonly snapshots: number; readonly took_ms: number }
  | { readonly type: "state-read"; readonly state: PersonState; readonly snapshots: number }
  /** `code` is null when there was no answer, else the problem's. */
  | { readonly type: "failed"; readonly to: Command; readonly status: number | null; readonly code: string }
  | { readonly type: "press"; readonly wish: Wish; readonly preferences: Preferences }
  | { readonly type: "next" }
  /** `fresh`: a new peer connection came up, which the server must hear of even if the word is the same. */
  | { readonly type: "media"; readonly match: string; readonly status: MediaStatus; readonly fresh: boolean }
  /** The partner asked for more than their page may, and gets less from now on. */
  | { readonly type: "limited"; readonly match: string; readonly limit: Limit }
  /** What keeps the call from coming; null once it came. */
  | { readonly type: "obstacle"; readonly match: string; readonly obstacle: Obstacle | null }
  /** A ping that was sent after `partner-away` was answered. */
  | { readonly type: "vouched"; readonly match: string }
  | { readonly type: "first-frame"; readonly match: string }
  /** The page runs again after a time in which it did not; `sure`: its timers were not only held back. */
  | { readonly type: "slept"; readonly sure: boolean }
  /** The person is there: a key, the pointer, a sound. */
  | { readonly type: "sign" }
  /** Every 2.5 s while `wantsRepeat`. */
  | { readonly type: "repeat" }
  | { readonly type: "later"; readonly what: Later }
  | { readonly type: "say"; readonly key: string; readonly text: string };

export interface PulseBody {
  readonly match?: string;
  readonly media?: MediaWord;
  readonly told_ms?: number;
  readonly alone_ms?: number;
  readonly next_face_ms?: number;
}

export type Effect =
  | { readonly do: "join"; readonly intent: number; readonly preferences: Preferences }
  | { readonly do: "leave"; readonly intent: number }
  | { readonly do: "skip"; readonly match: string }
  | { readonly do: "ack"; readonly match: string }
  | { readonly do: "pulse"; readonly body: PulseBody }
  | { readonly do: "read-state" }
  | { readonly do: "say"; readonly match: string; readonly key: string; readonly text: string }
  | { readonly do: "hear"; readonly match: string; readonly data: SignalData }
  /** Ping the partner now, and tell when that very ping is answered. */
  | { readonly do: "ask-partner"; readonly match: string }
  | { readonly do: "later"; readonly what: Later; readonly ms: number };

/** A model and what is to be done about it. */
export type Step = readonly [Model, readonly Effect[]];

const NO_MEASURES: Measures = {
  told_ms: null,
  alone_ms: null,
  next_face_ms: null,
  next_pressed_ms: null,
  least_lag_ms: null,
  least_trip_ms: null,
};

export function emptyModel(page: string): Model {
  return {
    page,
    person: null,
    link: "closed",
    transport: "sse",
    kept_out: null,
    is_blocked: false,
    state: null,
    snapshots: 0,
    people_online: null,
    media_hint: null,
    own: null,
    press: null,
    asking: null,
    healed: null,
    skipping: null,
    hung_up: null,
    reading: false,
    slept: null,
    let_go: null,
    attention: freshAttention,
    pulses: freshPulses,
    media: freshMedia(null),
    signals: { match: "", last: 0, at_ms: 0 },
    chat: noChat,
    measures: NO_MEASURES,
    refusal: null,
    ended_reason: null,
    sanction: null,
    is_kept: true,
  };
}

/** The match that this person is in, or null. */
export function currentMatch(model: Model): string | null {
  return model.state?.state === "matched" ? model.state.match.match : null;
}

/** The match whose picture and sound this page is to have, or null. */
export function callMatch(model: Model): string | null {
  const match = speaks(model) ? currentMatch(model) : null;
  return match === model.hung_up ? null : match;
}

/** Whether a partner is looked for, and the person has not pressed Stop meanwhile. */
export function isLookedFor(model: Model): boolean {
  const wish = model.press?.wish ?? model.own?.wish ?? "talk";
  return speaks(model) && model.state?.state === "waiting" && wish === "talk";
}

/** Whether this page is one that speaks for its person: a taken-over one must not, nor one whose conversation is in another tab. */
export function speaks({ link }: Model): boolean {
  return link === "connecting" || link === "open" || link === "away";
}
