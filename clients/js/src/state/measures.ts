import type { Frame } from "../vocabulary.ts";
import { isGone } from "./media.ts";
import type { Measures, Model } from "./model.ts";

/**
 * What a frame tells of time: the clocks' offset, and how long after the partner's press this page knew.
 *
 * Clocks differ, so an instant of the server is compared with the quickest frame so far, which took about half of
 * the quickest command's way there and back.
 */
export function timeFrame(measures: Measures, frame: Frame, now_ms: number): Measures {
  const lag = now_ms - frame.at_ms;
  const least_lag_ms = Math.min(lag, measures.least_lag_ms ?? lag);
  const next = least_lag_ms === measures.least_lag_ms ? measures : { ...measures, least_lag_ms };
  if (!isTold(frame)) return next;
  return { ...next, told_ms: Math.round(lag - least_lag_ms + (measures.least_trip_ms ?? 0) / 2) };
}

/** The reasons that count for "told": only a press has an exact instant, a fault has none. */
function isTold(frame: Frame): boolean {
  return frame.type === "force-disconnect" && (frame.reason === "partner-skipped" || frame.reason === "partner-left");
}

export function timeReply(measures: Measures, took_ms: number): Measures {
  const least_trip_ms = Math.min(took_ms, measures.least_trip_ms ?? took_ms);
  return least_trip_ms === measures.least_trip_ms ? measures : { ...measures, least_trip_ms };
}

/** The first picture after a press of Next; without a press it is not measured. */
export function timeFace(measures: Measures, now_ms: number): Measures {
  if (measures.next_pressed_ms === null) return measures;
  return { ...measures, next_face_ms: Math.max(0, Math.round(now_ms - measures.next_pressed_ms)), next_pressed_ms: null };
}

/** Starts and stops the time in which the page shows a partner who is not there; `before` holds the old start. */
export function timeAlone(before: Model, model: Model, now_ms: number): Model {
  const since = before.media.gone_since_ms;
  const same = before.media.match === model.media.match;
  const gone = isGone(model.media);
  // Without a state the page was not connected, so it showed nothing to measure.
  const ended = since !== null && (!same || !gone) && model.state !== null;
  const measures = ended ? { ...model.measures, alone_ms: (model.measures.alone_ms ?? 0) + Math.max(0, Math.round(now_ms - since)) } : model.measures;
  const gone_since_ms = gone ? (same && since !== null ? since : now_ms) : null;
  if (!ended && gone_since_ms === model.media.gone_since_ms) return model;
  return { ...model, measures, media: { ...model.media, gone_since_ms } };
}
