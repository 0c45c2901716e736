import type { MediaGrant, PersonState } from "../vocabulary.ts";
import { upTo } from "./chat.ts";
import { adopt } from "./intent.ts";
import { freshMedia } from "./media.ts";
import { currentMatch, type Effect, type Model, type Step } from "./model.ts";
import { ask, beginPulses } from "./pulses.ts";

/** How long a ping to a partner who is said to be away may go unanswered before the page says so. */
const UNANSWERED_MS = 350;

/** A snapshot is believed whatever its version is: the store may have been restored from an older copy. */
export function readSnapshot(model: Model, state: PersonState): Step {
  const own = adopt(model.own, state);
  // A probe that was answered before a restore may be unmet again.
  const pulses = { ...model.pulses, answered: { ...model.pulses.answered, probe: null } };
  const same = state.state === "matched" && state.match.match === model.chat.match;
  const chat = same ? upTo(model.chat, state.match.messages.last) : model.chat;
  const [next, effects] = apply({ ...model, own, pulses, chat, snapshots: model.snapshots + 1 }, state);
  return [state.state === "matched" ? ask(next) : next, effects];
}

/** Any other frame: the intents are compared even if its version is not news. */
export function readState(model: Model, state: PersonState): Step {
  const own = adopt(model.own, state);
  const compared = own === model.own ? model : { ...model, own };
  if (model.state !== null && state.version <= model.state.version) return [freshGrant(compared, state), []];
  return apply(compared, state);
}

/** A reply's state: nothing of it counts if a snapshot came since its command was sent. */
export function readReply(model: Model, state: PersonState, snapshots: number): Step {
  return snapshots === model.snapshots ? readState(model, state) : [model, []];
}

/**
 * A grant is made for each frame and reply: the newest is the one to connect with, should this page have to. It runs out
 * (of relays after two hours), so that it is read even from a state that says nothing else.
 */
function freshGrant(model: Model, state: PersonState): Model {
  const now = model.state;
  if (now?.state !== "matched" || state.state !== "matched" || now.version !== state.version) return model;
  const { media } = state.match;
  if (now.match.match !== state.match.match || sameGrant(now.match.media, media)) return model;
  return { ...model, state: { ...now, match: { ...now.match, media } } };
}

function sameGrant(one: MediaGrant, other: MediaGrant): boolean {
  if (one.kind === "livekit" && other.kind === "livekit") return one.token === other.token && one.ready === other.ready;
  if (one.kind === "peer" && other.kind === "peer") return JSON.stringify(one.ice_servers) === JSON.stringify(other.ice_servers);
  return false;
}

function apply(model: Model, state: PersonState): Step {
  const match = state.state === "matched" ? state.match.match : null;
  const skipping = model.skipping === match ? model.skipping : null;
  const next = { ...model, state, skipping, sanction: state.sanction ?? null };
  const here = match === currentMatch(model) ? next : enter(next, match);
  return watchPartner(here, state);
}

/** Another match than before, or none. The chat stays on screen until the next one begins. */
function enter(model: Model, match: string | null): Model {
  const chat = match === null ? model.chat : { match, lines: [] };
  const signals = match === null ? model.signals : { match, last: 0, at_ms: 0 };
  return { ...model, media: freshMedia(match), pulses: beginPulses(model.pulses), chat, signals };
}

/** Away and back, read off the state, so that a lost frame cannot leave the wrong one standing. */
function watchPartner(model: Model, state: PersonState): Step {
  const until = state.state === "matched" ? state.match.partner.away_until_ms : null;
  const { media } = model;
  if (media.match === null || until === media.away_until_ms) return [model, []];
  const next = ask({ ...model, media: { ...media, away_until_ms: until, vouched: false, unanswered: false } });
  if (until === null) return [next, []];
  const effects: readonly Effect[] = [
    { do: "ask-partner", match: media.match },
    { do: "later", what: "gone", ms: UNANSWERED_MS },
  ];
  return [next, effects];
}
