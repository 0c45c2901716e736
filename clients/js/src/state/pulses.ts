import type { PersonState } from "../vocabulary.ts";
import { mediaWord } from "./media.ts";
import type { Effect, Model, PulseBody } from "./model.ts";

interface Answered {
  readonly match: string | null;
  readonly probe: string | null;
}

/** Which signs of life were given. A pulse counts only once its reply says `ok`. */
export interface PulseBook {
  /** Something asks for a pulse besides what is owed. */
  readonly due: boolean;
  /** The pulse under way and what it will have answered; one at a time in a match, so that two media words cannot overtake each other. */
  readonly sent: (Answered & { readonly body: PulseBody }) | null;
  readonly answered: Answered;
  /** The last one did not get through, or changed nothing: a timer says when to try again. */
  readonly resting: boolean;
  /** Tries in a row that brought nothing. */
  readonly tries: number;
}

export const freshPulses: PulseBook = { due: false, sent: null, answered: { match: null, probe: null }, resting: false, tries: 0 };

/** After a pulse that brought nothing: the first tries are well within the 3 s in which an owed sign falls due. */
const RETRY_MS = 400;
const RETRY_MOST_MS = 3_200;

/** What the state asks for: the match that is there and the sign that is owed. */
function asked(state: PersonState | null): Answered {
  return { match: state?.state === "matched" ? state.match.match : null, probe: state?.probe?.probe ?? null };
}

/** Whether a match or a probe is unanswered. */
export function owes({ state, pulses }: Model): boolean {
  const { match, probe } = asked(state);
  return (match !== null && match !== pulses.answered.match) || (probe !== null && probe !== pulses.answered.probe);
}

export function ask(model: Model): Model {
  return model.pulses.due ? model : { ...model, pulses: { ...model.pulses, due: true } };
}

/** The pulse to send now, if any. */
export function settlePulse(model: Model): readonly [Model, readonly Effect[]] {
  const { pulses } = model;
  if (pulses.sent !== null || pulses.resting || !(pulses.due || owes(model))) return [model, []];
  const body = pulseBody(model);
  const sent = { ...asked(model.state), body };
  const measures = { ...model.measures, told_ms: null, alone_ms: null, next_face_ms: null };
  return [{ ...model, measures, pulses: { ...pulses, due: false, sent } }, [{ do: "pulse", body }]];
}

function pulseBody(model: Model): PulseBody {
  const { match } = asked(model.state);
  const media = match === null ? null : mediaWord(model.media);
  const { told_ms, alone_ms, next_face_ms } = model.measures;
  return {
    ...(match !== null && { match }),
    ...(media !== null && { media }),
    ...(told_ms !== null && { told_ms }),
    ...(alone_ms !== null && { alone_ms }),
    ...(next_face_ms !== null && { next_face_ms }),
  };
}

/** Whether the pulse under way is of this match (null: of none), and not one that was let go. */
export function isCurrent({ pulses }: Model, match: string | null): boolean {
  return pulses.sent !== null && pulses.sent.match === match;
}

/**
 * Another match: its first sign waits neither for a pulse about the one before nor out its pauses. Two media words
 * of one match must not cross; of two matches they cannot.
 */
export function beginPulses(pulses: PulseBook): PulseBook {
  return { ...pulses, sent: null, resting: false, tries: 0 };
}

/** After `ok`: what was asked when it was sent is answered. */
export function pulseOk(model: Model): Model {
  const { pulses } = model;
  return { ...model, pulses: { ...pulses, sent: null, answered: pulses.sent ?? pulses.answered, tries: 0 } };
}

/** After `stale`, with its state read already: no sign of life. If that state brought nothing new, asking at once would be a loop. */
export function pulseStale(model: Model, changed: boolean): readonly [Model, readonly Effect[]] {
  const next = { ...model, pulses: { ...model.pulses, sent: null } };
  return changed ? [next, []] : rest(next);
}

/** No answer: what was measured goes with the next one. */
export function pulseFailed(model: Model): readonly [Model, readonly Effect[]] {
  const { measures, pulses } = model;
  if (pulses.sent === null) return [model, []];
  const kept = pulses.sent.body;
  return rest({
    ...model,
    measures: {
      ...measures,
      told_ms: measures.told_ms ?? kept.told_ms ?? null,
      alone_ms: measures.alone_ms ?? kept.alone_ms ?? null,
      next_face_ms: measures.next_face_ms ?? kept.next_face_ms ?? null,
    },
    pulses: { ...pulses, sent: null, due: true },
  });
}

function rest(model: Model): readonly [Model, readonly Effect[]] {
  const { pulses } = model;
  const ms = Math.min(RETRY_MS * 2 ** pulses.tries, RETRY_MOST_MS);
  return [{ ...model, pulses: { ...pulses, resting: true, tries: pulses.tries + 1 } }, [{ do: "later", what: "pulse", ms }]];
}
