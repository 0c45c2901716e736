import { currentMatch, speaks, type LetGo, type Model } from "./model.ts";

/**
 * A page that did not run for longer than this was away, and so was its person: as long as the server waits for a person whose
 * connection dropped (`away_bucket_ms`).
 */
export const AWAY_MS = 5_000;

/** A hidden page may run this seldom: browsers hold back its timers, and the server's heartbeat comes every 15 s. */
export const HIDDEN_MS = 20_000;

/** A wish to talk that the server ended (`you-were-away`) is renewed for as long as the server keeps the place (`away_keep_ms`). */
export const ENDED_MS = 60_000;

/** A wish to talk that the server forgot, or never heard of, is told again for this long: an outage may last minutes. */
export const FORGOTTEN_MS = 300_000;

/**
 * The page runs again after `AWAY_MS` or more. Nothing is decided by what it knew: it asks the server where it is. `sure` says
 * that the page stood still; without it, its timers may only have been held back.
 */
export function slept(model: Model, sure: boolean): Model {
  if (wish(model) !== "talk") return model;
  const before = model.slept ?? { match: currentMatch(model), sure: false };
  const mark = { ...before, sure: before.sure || (sure && speaks(model)) };
  const pulses = model.state === null ? model.pulses : { ...model.pulses, due: true };
  // Replies under way are from before: what they say may be long over.
  return { ...model, slept: mark, pulses, snapshots: model.snapshots + 1 };
}

/** The server was heard, and has this person where they wish to be: the wish is as young as this. */
export function confirm(model: Model, now_ms: number): Model {
  const { own, state } = model;
  if (own?.wish !== "talk" || state === null || state.state === "idle" || !speaks(model)) return model;
  return { ...model, own: { ...own, seen_ms: now_ms } };
}

/**
 * Lets go of a wish to talk that is too old, or from before the page slept: its person is asked first, by a press of Start. Only
 * the same conversation as before goes on. `fresh`: the state is the answer to a command that was sent since.
 */
export function settleAbsence(model: Model, now_ms: number, fresh: boolean): Model {
  if (model.state === null || !speaks(model)) return model;
  if (wish(model) !== "talk") return awake(followed(model));
  if (model.slept !== null && missed(model)) return letGo(model, "away");
  if (isTooOld(model, now_ms)) return letGo(model, "away");
  return fresh ? awake(model) : model;
}

/** Not queued and not in a conversation until the next press; the server is told where it has the person still. */
export function letGo(model: Model, why: LetGo): Model {
  const { state, asking, own } = model;
  const next = { ...model, let_go: why, slept: null, press: null };
  if (state?.state === "idle" && asking?.wish !== "talk") return { ...next, own: null };
  const press = { wish: "rest", preferences: own?.preferences ?? {}, at_ms: 0 } as const;
  return { ...next, press, hung_up: currentMatch(model) };
}

function wish({ press, own }: Model): string | undefined {
  return (press ?? own)?.wish;
}

/** The person went on from another page. */
function followed(model: Model): Model {
  const { let_go, own, press, state } = model;
  return let_go !== null && own === null && press === null && state?.state !== "idle" ? { ...model, let_go: null } : model;
}

function awake(model: Model): Model {
  return model.slept === null ? model : { ...model, slept: null };
}

/** Returns whether a state that came while the page slept changes the partner. */
function missed(model: Model): boolean {
  const { slept, state, press, asking } = model;
  if (press !== null || asking?.wish === "talk" || state?.state === "idle") return true;
  const match = currentMatch(model);
  return slept?.sure === true && (match === null || match !== slept.match);
}

function isTooOld({ state, own, press, asking }: Model, now_ms: number): boolean {
  if (press !== null) return now_ms - press.at_ms > FORGOTTEN_MS;
  if (own === null || asking !== null || state?.state !== "idle") return false;
  const ended = state.idle_reason === "you-were-away" && state.intent === own.intent;
  return now_ms - own.seen_ms > (ended ? ENDED_MS : FORGOTTEN_MS);
}
