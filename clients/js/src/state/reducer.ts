import type { Frame, Outcome, Preferences, Sanction, StateFrame, Wish } from "../vocabulary.ts";
import { confirm, settleAbsence, slept } from "./absence.ts";
import { settleAttention, signed } from "./attention.ts";
import * as chat from "./chat.ts";
import { asked, settleIntent } from "./intent.ts";
import { timeAlone, timeFace, timeFrame, timeReply } from "./measures.ts";
import { currentMatch, emptyModel, speaks, type Effect, type Input, type Later, type Model, type Step } from "./model.ts";
import { ask, isCurrent, pulseFailed, pulseOk, pulseStale, settlePulse } from "./pulses.ts";
import { readReply, readSnapshot, readState } from "./reading.ts";

/**
 * The next model, and what is to be done: the whole behaviour of a client, without a clock, a network or a browser.
 *
 * It acts on the state and never on a frame's type, so losing any frame but the newest loses nothing.
 * `now_ms` is the device's clock in milliseconds since the epoch.
 */
export function reduce(model: Model, input: Input, now_ms: number): Step {
  const [taken, effects] = take(model, input, now_ms);
  const timed = timeAlone(model, taken, now_ms);
  const fresh = isAnswer(input) && input.snapshots === model.snapshots;
  const heard = fresh || (input.type === "frame" && !SILENT.has(input.frame.type));
  const there = settleAbsence(heard ? confirm(timed, now_ms) : timed, now_ms, fresh);
  const [healed, healing] = settleIntent(settleAttention(there), now_ms);
  const [next, pulsing] = speaks(healed) ? settlePulse(healed) : [healed, []];
  return [next, [...effects, ...healing, ...pulsing]];
}

/** Frames that say nothing of where the person is. */
const SILENT: ReadonlySet<Frame["type"]> = new Set(["unavailable", "reconnect", "taken-over", "session-ended"]);

function isAnswer(input: Input): input is Extract<Input, { type: "reply" | "state-read" }> {
  return input.type === "reply" || input.type === "state-read";
}

function take(model: Model, input: Input, now_ms: number): Step {
  switch (input.type) {
    case "page":
      return [newPage(model, input.page), []];
    case "person":
      return [newPerson(model, input.person), []];
    case "unkept":
      return [{ ...model, is_kept: false }, []];
    case "refused":
      return [{ ...model, ended_reason: "session-refused" }, []];
    case "barred":
      return [barred(model, input.sanction), []];
    case "link":
      return [{ ...model, link: input.link, transport: input.transport }, []];
    case "blocked":
      return [{ ...model, is_blocked: input.blocked }, []];
    case "frame":
      return frame({ ...model, kept_out: keptOut(input.frame), measures: timeFrame(model.measures, input.frame, now_ms) }, input.frame);
    case "reply":
      return reply(model, input);
    case "state-read":
      return readReply({ ...model, reading: false }, input.state, input.snapshots);
    case "failed":
      return failed(model, input);
    case "press":
      return press(signed(model), input, now_ms);
    case "next":
      return skip(signed(model), now_ms);
    case "media":
      return [media(model, input), []];
    case "limited":
      return [input.match === model.media.match ? { ...model, media: { ...model.media, limit: input.limit } } : model, []];
    case "obstacle":
      return [input.match === model.media.match ? { ...model, media: { ...model.media, obstacle: input.obstacle } } : model, []];
    case "vouched":
      return [vouched(model, input.match), []];
    case "first-frame":
      return [input.match === currentMatch(model) ? face(model, now_ms) : model, []];
    case "sign":
      return [signed(model), []];
    case "slept":
      return [slept(model, input.sure), []];
    case "repeat":
      return [ask(model), []];
    case "later":
      return input.what === "skip" ? skipAgain(model) : [later(model, input.what), []];
    case "say":
      return say(signed(model), input.key, input.text, now_ms);
  }
}

/** A new load of the page, or a return from the back/forward cache: nothing that hung on the old connection holds. */
function newPage(model: Model, page: string): Model {
  // A join that was called off with the old page may not have been heard.
  const own = model.own && { ...model.own, held: false };
  return { ...forgetState(model), own, page, ended_reason: null, kept_out: null, is_blocked: false };
}

/** The newest word counts; the next state may take it back. */
function barred(model: Model, sanction: Sanction): Model {
  return { ...model, sanction, ended_reason: sanction.kind === "warn" ? model.ended_reason : "banned" };
}

/** Of any frame: why the server takes no connection, or null. */
function keptOut(frame: Frame): string | null {
  return frame.type === "reconnect" ? (frame.reason ?? null) : null;
}

/** Another session than before: its state is to come; the own wish stays, and is healed then. */
function newPerson(model: Model, person: string): Model {
  if (model.person === null || model.person === person) return { ...model, person };
  return { ...forgetState(model), person };
}

/** As before the first frame; replies under way are of a world that is gone. */
function forgetState(model: Model): Model {
  const empty = emptyModel(model.page);
  const { state, media, signals, pulses, asking, healed, skipping, reading } = empty;
  return { ...model, state, media, signals, pulses, asking, healed, skipping, reading, snapshots: model.snapshots + 1 };
}

function frame(model: Model, frame: Frame): Step {
  switch (frame.type) {
    case "snapshot":
      return readSnapshot(offered({ ...model, media_hint: frame.media ?? null }, frame), frame.state);
    case "heartbeat":
      return heartbeat({ ...model, people_online: frame.people_online }, frame.version);
    case "message":
      return [frame.match === model.chat.match ? { ...model, chat: chat.received(model.chat, frame) } : model, []];
    case "peer-signal":
      return signal(model, frame);
    case "session-ended":
      return [{ ...model, ended_reason: frame.reason, sanction: frame.sanction ?? model.sanction }, []];
    case "unavailable":
    case "taken-over":
    case "reconnect":
      return [model, []]; // the line's business
    case "room-closing":
      return after(readState(model, frame.state), frame.match === undefined ? [] : [{ do: "ack", match: frame.match }]);
    default:
      return readState({ ...model, people_online: frame.people_online ?? model.people_online }, frame.state);
  }
}

/** A snapshot says after how many conversations without a sign a person is asked; one that says nothing means none. */
function offered(model: Model, { ask_after: server = 0 }: StateFrame): Model {
  return server === model.attention.server ? model : { ...model, attention: { ...model.attention, server } };
}

/** A heartbeat asks a waiting person for a sign, and shows by its version whether a frame was lost. */
function heartbeat(model: Model, version: number): Step {
  const waiting = model.state?.state === "waiting";
  const next = waiting ? ask(model) : model;
  if (model.state === null || version <= model.state.version || model.reading) return [next, []];
  return [{ ...next, reading: true }, [{ do: "read-state" }]];
}

/**
 * Numbers rise; what was seen, is of another match, or is for another page of this person is ignored. A lower number
 * with a later instant is new: the store fell back, and used the number again.
 */
function signal(model: Model, frame: Extract<Frame, { type: "peer-signal" }>): Step {
  const { match, last, at_ms } = model.signals;
  if (frame.match !== match || frame.match !== currentMatch(model) || (frame.n <= last && frame.at_ms <= at_ms)) return [model, []];
  const next = { ...model, signals: { match, last: frame.n, at_ms: Math.max(at_ms, frame.at_ms) } };
  const elsewhere = frame.data.to !== undefined && frame.data.to !== model.page;
  return [next, elsewhere ? [] : [{ do: "hear", match, data: frame.data }]];
}

function reply(model: Model, { to, reply, snapshots, took_ms }: Extract<Input, { type: "reply" }>): Step {
  const timed = { ...model, measures: timeReply(model.measures, took_ms) };
  const read = readReply(timed, reply.state, snapshots);
  switch (to.name) {
    case "pulse":
      return then(read, (next) => (isCurrent(next, to.match) ? pulsed(next, reply.outcome, next.state?.version !== model.state?.version) : [next, []]));
    case "join":
    case "leave":
      return then(read, (next) => asked(next, to.intent));
    case "skip":
      return then(read, (next) => [next.skipping === to.match ? { ...next, skipping: null } : next, []]);
    case "messages":
      return then(read, (next) => [{ ...next, chat: sent(next, to.key, reply.n) }, []]);
    default:
      return read;
  }
}

function pulsed(model: Model, outcome: Outcome, changed: boolean): Step {
  return outcome === "ok" ? [pulseOk(model), []] : pulseStale(model, changed);
}

function sent(model: Model, key: string, n: number | undefined): chat.Chat {
  return n === undefined || n === 0 ? chat.unsent(model.chat, key) : chat.numbered(model.chat, key, n);
}

/** Handles a command that failed for good or was given up. */
function failed(model: Model, { to, status, code }: Extract<Input, { type: "failed" }>): Step {
  const refusal = status !== null && status !== 401 ? { command: to.name, code } : model.refusal;
  switch (to.name) {
    case "pulse":
      return isCurrent(model, to.match) ? pulseFailed(model) : [model, []];
    case "join":
    case "leave":
      return notAsked({ ...model, refusal }, to.intent, status);
    case "skip":
      return notSkipped({ ...model, refusal }, to.match, status);
    case "messages":
      return [{ ...model, chat: chat.unsent(model.chat, to.key, code) }, []];
    case "read-state":
      return [{ ...model, reading: false }, []];
    default:
      return [model, []];
  }
}

/** A join that is refused for good is not sent again: the page then has no intent. With a lost session it waits for the next. */
function notAsked(model: Model, intent: number, status: number | null): Step {
  if (model.asking?.intent !== intent) return [model, []];
  if (status !== null && status !== 401) return [{ ...model, asking: null, own: null }, []];
  return asked({ ...model, healed: { version: model.state?.version ?? 0, intent } }, intent);
}

/** With a lost session Next is meant still: it is pressed again when there may be another one. */
const SKIP_AGAIN: Effect = { do: "later", what: "skip", ms: 1_000 };

function notSkipped(model: Model, match: string, status: number | null): Step {
  if (status === 401 && model.skipping === match) return [model, [SKIP_AGAIN]];
  return [{ ...model, hung_up: null, skipping: model.skipping === match ? null : model.skipping }, []];
}

function skipAgain(model: Model): Step {
  const match = currentMatch(model);
  if (match === null || match !== model.skipping || !speaks(model)) return [model, []];
  return [model, [{ do: "skip", match }]];
}

/** If the end of a call is not answered, the call is closed without an answer a little later. */
const HANG_UP: Effect = { do: "later", what: "hang-up", ms: 1_000 };

function press(model: Model, { wish, preferences }: Extract<Input, { type: "press" }>, now_ms: number): Step {
  if (isUnderWay(model, wish, preferences)) return [again(model, now_ms), []];
  const pressed = { ...model, press: { wish, preferences, at_ms: now_ms }, refusal: null, slept: null, let_go: null };
  return wish === "talk" ? [{ ...pressed, hung_up: null }, []] : [pressed, [HANG_UP]];
}

/** It says only that the person is there now. */
function again(model: Model, at_ms: number): Model {
  const { press, slept } = model;
  if (slept === null && press === null) return model;
  return { ...model, slept: null, press: press && { ...press, at_ms } };
}

/** The very same was pressed already and is not answered yet. */
function isUnderWay({ press, own, asking }: Model, wish: Wish, preferences: Preferences): boolean {
  const last = press ?? (asking !== null && asking.intent === own?.intent ? own : null);
  return last !== null && last.wish === wish && JSON.stringify(last.preferences) === JSON.stringify(preferences);
}

function skip(model: Model, now_ms: number): Step {
  const match = currentMatch(model);
  if (match === null || model.skipping === match) return [model, []];
  const measures = { ...model.measures, next_pressed_ms: now_ms };
  return [{ ...model, skipping: match, slept: null, measures }, [{ do: "skip", match }, HANG_UP]];
}

function media(model: Model, { match, status, fresh }: Extract<Input, { type: "media" }>): Model {
  if (match !== model.media.match) return model;
  const changed = status !== model.media.status;
  const book = { ...model.media, status, everOpen: model.media.everOpen || status === "open" };
  const next = { ...model, media: book };
  return fresh || (changed && status !== "connecting") ? ask(next) : next;
}

function vouched(model: Model, match: string): Model {
  const { media } = model;
  if (match !== media.match || media.away_until_ms === null || media.vouched) return model;
  return ask({ ...model, media: { ...media, vouched: true } });
}

/** A call that goes well asks for no further pulse, so this one is asked for. */
function face(model: Model, now_ms: number): Model {
  const measures = timeFace(model.measures, now_ms);
  return measures === model.measures ? model : ask({ ...model, measures });
}

function later(model: Model, what: Exclude<Later, "skip">): Model {
  switch (what) {
    case "pulse":
      return { ...model, pulses: { ...model.pulses, resting: false } };
    case "heal":
      return { ...model, healed: null };
    case "gone":
      return model.media.away_until_ms === null ? model : { ...model, media: { ...model.media, unanswered: true } };
    case "hang-up":
      return hangUp(model);
  }
}

function hangUp(model: Model): Model {
  const match = currentMatch(model);
  const leaving = model.own?.wish === "rest" || (match !== null && model.skipping === match);
  return leaving ? { ...model, hung_up: match } : model;
}

function say(model: Model, key: string, text: string, now_ms: number): Step {
  const match = currentMatch(model);
  if (match === null) return [model, []];
  return [{ ...model, chat: chat.said(model.chat, key, text, now_ms) }, [{ do: "say", match, key, text }]];
}

function then(step: Step, next: (model: Model) => Step): Step {
  const [model, effects] = step;
  const [last, more] = next(model);
  return [last, [...effects, ...more]];
}

function after([model, effects]: Step, more: readonly Effect[]): Step {
  return [model, [...effects, ...more]];
}
