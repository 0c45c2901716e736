import { KINDS, type DeviceModel, type DevicesModel, type Kind } from "./model.ts";
import { candidates, chain, drop, mayRun, put, request, type Step } from "./step.ts";

/** Asks for each device that is wanted and neither there nor on its way. */
export function ask(model: DevicesModel, isPress: boolean): Step {
  if (model.isSuspended) return [model, []];
  const wanted = KINDS.reduce((now, kind) => put(now, kind, { isWanted: true }), isPress ? put(model, "camera", { isOff: false }) : model);
  const kinds = KINDS.filter((kind) => mayRun(kind, wanted[kind]) && wanted[kind].open === null && wanted[kind].request === null);
  return request(wanted, kinds.map((kind) => [kind, { cause: "ask", ids: candidates(wanted[kind]) }]));
}

/** Does without devices, until they are asked for or switched on. */
export function release(model: DevicesModel): Step {
  const decided = { ...model, isAnswered: false, decision: model.decision + 1 };
  return chain(decided, ...KINDS.map((kind) => (now: DevicesModel) => drop(now, kind, { isWanted: false })));
}

export function suspend(model: DevicesModel): Step {
  if (model.isSuspended) return [model, []];
  const [released, effects] = release(model);
  return [{ ...released, isSuspended: true }, effects];
}

/** Cancels requests for devices that have not opened, and reopenings without a press. Open devices stay open. */
export function cancel(model: DevicesModel): Step {
  const next = KINDS.reduce((now, kind) => {
    if (now[kind].open !== null) return put(now, kind, { request: null });
    return put(now, kind, { isWanted: false, request: null, failure: null });
  }, { ...model, decision: model.decision + 1 });
  return [{ ...next, isAnswered: KINDS.some((kind) => next[kind].open !== null) }, []];
}

export function turn(model: DevicesModel, kind: Kind, on: boolean): Step {
  if (model.isSuspended) return [model, []];
  return on ? turnOn(model, kind) : turnOff(model, kind);
}

/** A person who switches one device on after they did without both has decided against the other one. */
function turnOn(model: DevicesModel, kind: Kind): Step {
  const other: Kind = kind === "camera" ? "microphone" : "camera";
  const decided = model[other].isWanted ? model : put(model, other, { isOff: true });
  const next = put(decided, kind, { isOff: false, isWanted: true });
  const { open, request: pending } = next[kind];
  const enabled: Step = [next, open === null ? [] : [{ do: "enable", track: open.track, isEnabled: true }]];
  if (pending !== null || (open !== null && !open.isHeld)) return enabled;
  const ids = open === null ? candidates(next[kind]) : [open.id, ""];
  return chain(next, () => enabled, (now) => request(now, [[kind, { cause: "switch", ids }]]));
}

function turnOff(model: DevicesModel, kind: Kind): Step {
  const { open } = model[kind];
  if (kind === "camera" || open === null) return drop(model, kind, { isOff: true, isWanted: false });
  return [put(model, kind, { isOff: true }), [{ do: "enable", track: open.track, isEnabled: false }]];
}

/** Opens that device. While none is to run, the choice waits for the next opening: a list switches nothing on. */
export function choose(model: DevicesModel, kind: Kind, id: string): Step {
  const device = model[kind];
  if (!mayRun(kind, device) || model.isSuspended) return [put(model, kind, { pick: id }), []];
  if (device.open?.id === id) return [put(model, kind, { pick: null, chosen: id, request: null, failure: null }), []];
  return request(put(model, kind, { pick: id }), [[kind, { cause: "choose", ids: [id] }]]);
}

/** Goes on to the next camera of the list. */
export function flip(model: DevicesModel): Step {
  const { camera } = model;
  const id = nextOf(camera);
  if (id === null || !mayRun("camera", camera)) return [model, []];
  return request(put(model, "camera", { pick: id }), [["camera", { cause: "flip", ids: [id] }]]);
}

function nextOf({ list, open, request: pending, chosen }: DeviceModel): string | null {
  if (list.length < 2) return null;
  const place = list.findIndex(({ id }) => id === (pending?.ids[0] ?? open?.id ?? chosen));
  return list[(place + 1) % list.length]?.id ?? null;
}
