import type { View } from "../client.ts";
import type { LocalTracks } from "../media/port.ts";
import type { Qualities } from "../media/quality.ts";
import type { LivekitRoom } from "../media/room.ts";
import type { Partner } from "../stage.ts";
import type { Line } from "../state/chat.ts";
import { isGone } from "../state/media.ts";
import { callMatch, type LetGo, type Model } from "../state/model.ts";
import type { Link } from "../stream/line.ts";
import type { Outcome, PersonState, Preferences, Presence, ReportReason, Sanction } from "../vocabulary.ts";

/** Whom the person is talking to. */
export interface SeenPartner {
  readonly alias: string;
  /** The partner's picture and sound, for a `<video>`; null before the first track, and in text conversations. */
  readonly stream: MediaStream | null;
  /** What they say of camera, microphone and page; null until they said it. */
  readonly presence: Presence | null;
  /** Their side is silent: say so, *skip* works, and they may come back. */
  readonly isGone: boolean;
  /** How good both connections are; known in LiveKit rooms only. */
  readonly quality: Qualities;
}

/** What an app's own `<LiveKitRoom>` needs: `serverUrl` and `token`. Another object only for another room. */
export interface Livekit {
  readonly url: string;
  readonly token: string;
  readonly room: string;
}

/** What a component shows. A new one only when something in it changed. */
export interface Scene {
  /** The event stream is up. */
  readonly isConnected: boolean;
  readonly link: Link;
  /** Why the server accepts no connection at the moment (`network-full`). The client retries. */
  readonly keptOut: string | null;
  /** The server answers, but something on the way blocks its live updates. */
  readonly isBlocked: boolean;
  /** The server's word on where this person is; null until it said so. */
  readonly state: PersonState | null;
  /** The conversation on screen. */
  readonly match: string | null;
  readonly partner: SeenPartner | null;
  /** The LiveKit room of this conversation, once it is open. For an app that connects it itself; `attach` belongs to it. */
  readonly livekit: Livekit | null;
  /** Of this conversation, or of the last one until the next begins. */
  readonly messages: readonly Line[];
  readonly peopleOnline: number | null;
  /** The last command that the server refused for good, until the next press. */
  readonly refusal: Model["refusal"];
  /** Why the session is over, once `link` is `ended`. */
  readonly endedReason: string | null;
  /** What a moderator decided about this person: a warning, which `confirm` confirms, or what keeps them out until `until_ms`. */
  readonly sanction: Sanction | null;
  /** Why the next stranger waits for `start`, until it is called: the person was `away`, or gave no sign for several conversations (`unattended`). */
  readonly letGo: LetGo | null;
  /** False: this browser keeps no cookie, and a reload begins as a new person. */
  readonly isKept: boolean;
}

/** What a person can do. Each keeps its identity for as long as the client lives. */
export interface Actions {
  /** Look for a partner; if that is so already, change the preferences. */
  readonly start: (preferences?: Preferences) => void;
  /** End this conversation and look for the next. */
  readonly skip: () => void;
  readonly stop: () => void;
  /** What the partner sees and hears, from now on and in matches to come; call it again when a track is muted. */
  readonly send: (tracks: Partial<LocalTracks>) => void;
  /** A line of text; `key` names one that failed, to send it again. */
  readonly say: (text: string, key?: string) => void;
  /** Never again with that partner: of `match`, else of this conversation, else of the last. */
  readonly block: (options?: { match?: string; skip?: boolean }) => Promise<Outcome>;
  /** For the operator, with the messages; implies a block. The same `match`. */
  readonly report: (reason: ReportReason, options?: { match?: string; text?: string; skip?: boolean; again?: (code: string) => void }) => Promise<Outcome>;
  /** The person has read the warning in `sanction`. */
  readonly confirm: () => Promise<Outcome>;
  /** Go on here, where another tab or page has the conversation (`elsewhere`, `taken-over`) or the session ended. */
  readonly takeOver: () => void;
  /** The partner's first picture of that match is on screen; `<Video onFirstFrame>` knows when. */
  readonly sawFace: (match: string) => void;
  /**
   * An app's own LiveKit room, connected or not yet: it carries pings then, and a partner who froze is known within
   * seconds. What it returns takes it away, so that it fits an effect.
   */
  readonly attach: (room: LivekitRoom) => () => void;
}

export type Seated = Scene & Actions;

/** Before the first frame, and on a server that renders the page. */
export const emptyScene: Scene = {
  isConnected: false,
  link: "closed",
  keptOut: null,
  isBlocked: false,
  state: null,
  match: null,
  partner: null,
  livekit: null,
  messages: [],
  peopleOnline: null,
  refusal: null,
  endedReason: null,
  sanction: null,
  letGo: null,
  isKept: true,
};

/** The scene after `last`; `last` itself when there is nothing new to see. */
export function nextScene(last: Scene, { model, partner }: View): Scene {
  const match = callMatch(model);
  const scene: Scene = {
    isConnected: model.link === "open",
    link: model.link,
    keptOut: model.kept_out,
    isBlocked: model.is_blocked,
    state: model.state,
    match,
    partner: match === null ? null : kept(last.partner, seen(last.partner, model, partner)),
    livekit: match === null ? null : livekitOf(last.livekit, model),
    messages: model.chat.lines,
    peopleOnline: model.people_online,
    refusal: model.refusal,
    endedReason: model.ended_reason,
    sanction: model.sanction,
    letGo: model.let_go,
    isKept: model.is_kept,
  };
  return kept(last, scene);
}

function seen(last: SeenPartner | null, model: Model, { tracks, presence, quality }: Partner): SeenPartner {
  const alias = model.state?.state === "matched" ? model.state.match.partner.alias : "";
  return { alias, stream: streamOf(last?.stream ?? null, tracks), presence, isGone: isGone(model.media), quality };
}

/** Grants are renewed all the time; a person in the room does not need another one. */
function livekitOf(last: Livekit | null, { state }: Model): Livekit | null {
  const media = state?.state === "matched" ? state.match.media : null;
  if (media?.kind !== "livekit" || !media.ready) return null;
  const { url, token, room } = media;
  if (url === undefined || token === undefined || room === undefined) return null;
  return last?.room === room ? last : { url, token, room };
}

/** The same stream for the same tracks: a `<video>` that gets a new one starts again, and flickers. */
function streamOf(last: MediaStream | null, tracks: readonly MediaStreamTrack[]): MediaStream | null {
  if (tracks.length === 0) return null;
  const has = last?.getTracks() ?? [];
  return last !== null && has.length === tracks.length && tracks.every((track) => has.includes(track)) ? last : new MediaStream([...tracks]);
}

function kept<T extends object>(last: T | null, next: T): T {
  if (last === null) return next;
  const names = Object.keys(next) as (keyof T)[];
  return names.every((name) => Object.is(last[name], next[name])) ? last : next;
}
