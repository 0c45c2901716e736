import type { PersonState } from "../vocabulary.ts";
import { wantsHold } from "./attention.ts";
import { speaks, type Effect, type Model, type Own, type Step } from "./model.ts";

/** Intents are instants in ms, below this (the server refuses others). */
const INTENT_LIMIT = 10 ** 14;

/** A second healing command at the same state waits this long: the first one's frame may be on its way. */
const HEAL_AGAIN_MS = 1_000;

/**
 * What the own intent is after reading a state: of two presses the higher number counts, on whatever page it was
 * made, and at the same number `rest` (the server's word that this intent is fulfilled).
 */
export function adopt(own: Own | null, state: PersonState): Own | null {
  if (own === null) return null;
  const older = own.intent < state.intent || (own.intent === state.intent && own.wish === "talk" && state.wish === "rest");
  return older ? { ...own, intent: state.intent, wish: state.wish } : own;
}

/** Takes a press that waited for the first state, heals what the state and the own wish disagree about, or does nothing. */
export function settleIntent(model: Model, now_ms: number): Step {
  if (model.state === null || !speaks(model)) return [model, []];
  if (model.press !== null) return take(model, model.press, model.state, now_ms);
  return heal(model, model.state, now_ms);
}

function take(model: Model, press: Pick<Own, "wish" | "preferences">, state: PersonState, now_ms: number): Step {
  // A device's clock may be behind the one that pressed last: the number still has to be higher.
  const intent = Math.min(Math.max(Math.round(now_ms), state.intent + 1, (model.own?.intent ?? 0) + 1), INTENT_LIMIT - 1);
  const { wish, preferences } = press;
  return send({ ...model, press: null, healed: null }, { wish, preferences, intent, seen_ms: now_ms, held: wish === "talk" && wantsHold(model) });
}

function heal(model: Model, state: PersonState, now_ms: number): Step {
  const { own, asking, healed } = model;
  if (own === null || asking !== null) return [model, []];
  const agree = (own.wish === "talk") === (state.state !== "idle");
  if (agree) return hold(model, own, state, now_ms);
  const again = healed !== null && healed.version === state.version && healed.intent === own.intent;
  if (again) return [model, []];
  return send({ ...model, healed: { version: state.version, intent: own.intent } }, own);
}

/** Tells the server, as a press with other preferences, whether to look for another partner after this conversation. */
function hold(model: Model, own: Own, state: PersonState, now_ms: number): Step {
  if (own.wish !== "talk" || own.held === wantsHold(model)) return [model, []];
  return take(model, own, state, now_ms);
}

function send(model: Model, own: Own): Step {
  const { intent, wish } = own;
  const preferences = own.held ? { ...own.preferences, auto_next: false } : own.preferences;
  const effect: Effect = wish === "talk" ? { do: "join", intent, preferences } : { do: "leave", intent };
  return [{ ...model, own, asking: { wish, intent } }, [effect]];
}

/** The join or leave of that number is over, answered or not. An older one's end changes nothing. */
export function asked(model: Model, intent: number): Step {
  if (model.asking?.intent !== intent) return [model, []];
  const healing: readonly Effect[] = model.healed === null ? [] : [{ do: "later", what: "heal", ms: HEAL_AGAIN_MS }];
  return [{ ...model, asking: null }, healing];
}
