import type { Limit } from "../media/bounds.ts";
import type { MediaWord } from "../vocabulary.ts";
import type { MediaStatus } from "./model.ts";

/**
 * Why a call does not come: `way`: both browsers looked for a way between them and have found none; `answer`: the partner's
 * browser has not answered; `browser`: this browser makes no connection.
 */
export type Obstacle = "way" | "answer" | "browser";

/** What this page knows of its media in one match. */
export interface MediaBook {
  readonly match: string | null;
  readonly status: MediaStatus;
  readonly everOpen: boolean;
  /** The `away_until_ms` that the partner was away with last, null while they are here. */
  readonly away_until_ms: number | null;
  /** They answered a ping that was sent after we read that they are away: the socket is not the person. */
  readonly vouched: boolean;
  /** They have been away for a moment and nothing vouched for them. */
  readonly unanswered: boolean;
  /** Since when the page shows a partner who is not there. */
  readonly gone_since_ms: number | null;
  /** Which bound the partner's page ran into, if any: why there may be no picture. */
  readonly limit: Limit | null;
  readonly obstacle: Obstacle | null;
}

export function freshMedia(match: string | null): MediaBook {
  return { match, status: "connecting", everOpen: false, away_until_ms: null, vouched: false, unanswered: false, gone_since_ms: null, limit: null, obstacle: null };
}

/** The word for a pulse, or null while there is nothing to say. */
export function mediaWord(media: MediaBook): MediaWord | null {
  if (media.status === "connecting") return null;
  // `open` disarms what the partner owes, so while they are away only a fresh answer of theirs counts.
  if (media.status === "open" && media.away_until_ms !== null && !media.vouched) return null;
  return media.status;
}

/** Whether the page should say that the partner is not there. A closed stream alone does not say so: media may be fine. */
export function isGone(media: MediaBook): boolean {
  if (media.match === null) return false;
  if (media.status === "silent" || media.status === "failed") return true;
  if (media.everOpen && media.status === "connecting") return true;
  return media.away_until_ms !== null && media.unanswered && !media.vouched;
}

/** Whether the same word is to be said again every 2.5 s. */
export function wantsRepeat(media: MediaBook): boolean {
  return media.match !== null && (media.away_until_ms !== null || media.status === "silent" || media.status === "failed");
}
