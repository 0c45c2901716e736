import { letGo } from "./absence.ts";
import { currentMatch, speaks, type Model } from "./model.ts";

/** Whether the person gives signs of being there: a key, the pointer, a word, a sound. */
export interface Attention {
  /** The app's number of conversations without a sign after which the person is asked; null: the server's. */
  readonly own: number | null;
  readonly server: number;
  /** The conversation that is counted now. */
  readonly match: string | null;
  /** Its media was open: the two could see or hear each other. */
  readonly met: boolean;
  /** There was a sign since it began. */
  readonly seen: boolean;
  /** So many conversations in a row ended without a sign. */
  readonly silent: number;
}

export const freshAttention: Attention = { own: null, server: 0, match: null, met: false, seen: false, silent: 0 };

/** A sign of the person: what was counted is forgotten. */
export function signed(model: Model): Model {
  const { attention } = model;
  return attention.seen && attention.silent === 0 ? model : { ...model, attention: { ...attention, seen: true, silent: 0 } };
}

/** Whether a sign would change anything now. */
export function wantsSign(model: Model): boolean {
  return limit(model) > 0 && !model.attention.seen && (model.press ?? model.own)?.wish === "talk" && speaks(model);
}

/**
 * Whether the server should look for no other partner after this conversation. It is asked beforehand: if it were asked when the
 * conversation has ended, the next stranger might have been found already.
 */
export function wantsHold(model: Model): boolean {
  const { silent, seen } = model.attention;
  return limit(model) > 0 && !seen && silent + 1 >= limit(model) && goesOn(model);
}

/** Counts the conversation that ended, and lets go after as many as the limit. */
export function settleAttention(model: Model): Model {
  if (model.state === null || !speaks(model)) return model;
  const next = count(model);
  return isUnattended(next) ? letGo(next, "unattended") : next;
}

function count(model: Model): Model {
  const { attention, media } = model;
  const match = currentMatch(model);
  if (match === attention.match) {
    const met = attention.met || (match !== null && media.match === match && media.everOpen);
    return met === attention.met ? model : { ...model, attention: { ...attention, met } };
  }
  const silent = attention.match !== null && attention.met && !attention.seen ? attention.silent + 1 : attention.silent;
  const seen = match === null && attention.seen;
  return { ...model, attention: { ...attention, match, met: false, seen, silent } };
}

/** The server has obeyed the hold; or it has not heard of it in time, and the client leaves where it put the person. */
function isUnattended(model: Model): boolean {
  const { attention, own, press, state } = model;
  if (limit(model) === 0 || attention.silent < limit(model) || own === null || press !== null || !goesOn(model)) return false;
  return own.wish === "talk" || (own.held && state?.state === "idle" && state.idle_reason === "one-conversation");
}

function limit({ attention }: Model): number {
  return attention.own ?? attention.server;
}

/** A person who asked for one conversation at a time is asked after each of them anyway. */
function goesOn({ press, own }: Model): boolean {
  return (press ?? own)?.preferences.auto_next !== false;
}
