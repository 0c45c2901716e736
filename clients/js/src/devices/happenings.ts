import { isCurrent } from "./current.ts";
import { KINDS, type Device, type DeviceModel, type DevicesModel, type Failure, type Kind, type Trouble } from "./model.ts";
import { candidates, chain, drop, mayRun, put, request, type Effect, type Input, type Step } from "./step.ts";

type Of<T extends Input["type"]> = Extract<Input, { type: T }>;

/** A device that ends again within this time of its last mending is left alone: something keeps taking it. */
const MENDING_MS = 10_000;

export function opened(model: DevicesModel, { generation, kind, asked, opened: found }: Of<"opened">): Step {
  const device = model[kind];
  if (!isCurrent(device, generation)) return [model, [{ do: "stop", track: found.track }]];
  const cause = device.request?.cause ?? "ask";
  const change = {
    open: { ...found, cause },
    request: null,
    failure: device.request?.why ?? null,
    chosen: asked !== "" && asked === device.pick ? asked : device.chosen,
    pick: null,
  };
  const effects: Effect[] = [{ do: "enable", track: found.track, isEnabled: !(kind === "microphone" && device.isOff) }];
  if (device.open !== null) effects.push({ do: "stop", track: device.open.track });
  return [put({ ...model, isAnswered: true }, kind, change), [...effects, { do: "list" }]];
}

export function failed(model: DevicesModel, { generation, kind, trouble }: Of<"failed">): Step {
  const device = model[kind];
  const { request: asked, open } = device;
  if (asked === null || !isCurrent(device, generation)) return [model, []];
  const { cause } = asked;
  // The first camera is in the way of the second: it makes room, and comes back if that does not help.
  if (kind === "camera" && trouble === "busy" && open?.isOnly === true && asked.ids[0] !== open.id) return makeRoom(model);
  if (asked.before !== null && open === null && asked.why === null) {
    const why = { trouble, cause, lost: null };
    return request(put(model, kind, { pick: null }), [[kind, { cause, ids: [asked.before.id], before: asked.before, why }]]);
  }
  const failure = asked.why ?? failureOf(device, trouble);
  return [put({ ...model, isAnswered: true }, kind, { request: null, pick: null, failure }), [{ do: "list" }]];
}

function makeRoom(model: DevicesModel): Step {
  const { open, request: asked, pick } = model.camera;
  if (open === null || asked === null) return [model, []];
  const { cause, ids } = asked;
  return chain(model, (now) => drop(now, "camera", { pick }), (now) => request(now, [["camera", { cause, ids, before: open }]]));
}

/** A lost device that cannot be opened again yet is still awaited. */
function failureOf({ request: asked, failure }: DeviceModel, trouble: Trouble): Failure {
  const cause = asked?.cause ?? "ask";
  const lost = cause === "lost" ? (failure?.lost ?? null) : null;
  return { trouble: lost !== null && trouble === "missing" ? "unplugged" : trouble, cause, lost };
}

/** The browser or the system ended it; why, the list of devices tells next. */
export function ended(model: DevicesModel, { track }: Of<"ended">): Step {
  const kind = KINDS.find((each) => model[each].open?.track === track);
  const open = kind === undefined ? null : model[kind].open;
  if (kind === undefined || open === null) return [model, []];
  const trouble = model[kind].wasWithdrawn ? "withdrawn" : "stopped";
  const failure: Failure = { trouble, cause: "lost", lost: { id: open.id, group: open.group } };
  return [put(model, kind, { open: null, failure }), [{ do: "list" }]];
}

export function held(model: DevicesModel, { track, isHeld }: Of<"held">): Step {
  const kind = KINDS.find((each) => model[each].open?.track === track);
  const open = kind === undefined ? null : model[kind].open;
  return [kind === undefined || open === null ? model : put(model, kind, { open: { ...open, isHeld } }), []];
}

export function permission(model: DevicesModel, { kind, state }: Of<"permission">): Step {
  const device = model[kind];
  const isTaken = state !== "granted" && (device.permission === "granted" || device.wasWithdrawn);
  const next = put(model, kind, { permission: state, wasWithdrawn: isTaken });
  if (state === "denied" && device.open !== null) return withdraw(next, kind);
  if (isTaken && device.failure?.trouble === "stopped") return [put(next, kind, { failure: { ...device.failure, trouble: "withdrawn" } }), []];
  const isGiven = state === "granted" && (device.failure?.trouble === "withdrawn" || device.failure?.trouble === "refused");
  if (!isGiven || !isIdle(kind, device)) return [next, []];
  return request(next, [[kind, { cause: device.failure.cause, ids: candidates(device) }]]);
}

/** A browser that takes the permission back ends the track too; one that forgets to is helped. */
function withdraw(model: DevicesModel, kind: Kind): Step {
  const { open } = model[kind];
  const lost = open === null ? null : { id: open.id, group: open.group };
  return drop(model, kind, { failure: { trouble: "withdrawn", cause: "lost", lost } });
}

export function listed(model: DevicesModel, { lists }: Of<"listed">, now_ms: number): Step {
  const steps = KINDS.map((kind) => (now: DevicesModel): Step => {
    const before = now[kind].list;
    const next = put(now, kind, { list: lists[kind] });
    return chain(next, (each) => identify(each, kind), (each) => mend(each, kind, before, now_ms), (each) => followDefault(each, kind));
  });
  return chain(model, ...steps);
}

/** Notes which hardware runs: the id of the system's choice stays the same when another device becomes it. */
function identify(model: DevicesModel, kind: Kind): Step {
  const { open, list } = model[kind];
  const group = list.find(({ id }) => id === open?.id)?.group;
  return [open === null || open.group !== null || group === undefined ? model : put(model, kind, { open: { ...open, group } }), []];
}

/** Opens a device again that was lost and is there, unless the person decided otherwise meanwhile. */
function mend(model: DevicesModel, kind: Kind, before: readonly Device[], now_ms: number): Step {
  const device = model[kind];
  if (device.failure === null || !isIdle(kind, device)) return [model, []];
  const failure = { ...device.failure };
  const isBack = isPresent(device.list, failure);
  if (failure.lost !== null && !isBack && failure.trouble !== "withdrawn") failure.trouble = "unplugged";
  const next = put(model, kind, { failure });
  // What failed with the same devices plugged in would fail again. A device that just stopped has one more try.
  if (device.failure.trouble !== "stopped" && !isOther(before, device.list)) return [next, []];
  const ids = mendingIds(kind, device, failure, isBack, before);
  if (ids.length === 0 || (failure.trouble === "stopped" && now_ms - device.mended_ms < MENDING_MS)) return [next, []];
  return request(put(next, kind, { mended_ms: now_ms }), [[kind, { cause: "lost", ids }]]);
}

function mendingIds(kind: Kind, device: DeviceModel, { trouble, lost }: Failure, isBack: boolean, before: readonly Device[]): readonly string[] {
  if (trouble === "withdrawn" || trouble === "refused" || trouble === "insecure") return [];
  if (lost !== null && isBack) return [lost.id];
  if (trouble === "missing") return before.length === 0 && device.list.length > 0 ? candidates(device) : [];
  // Another microphone hears the same room. Another camera may show what the person did not agree to show, so it needs a press.
  const isDefault = kind === "microphone" && (device.pick ?? device.chosen) === "";
  return trouble === "unplugged" && isDefault && device.list.length > 0 ? [""] : [];
}

function isPresent(list: readonly Device[], { lost }: Failure): boolean {
  return lost !== null && list.some(({ id, group }) => id === lost.id && (lost.group === null || group === lost.group));
}

function isOther(before: readonly Device[], now: readonly Device[]): boolean {
  return before.length !== now.length || before.some(({ id, group }, place) => id !== now[place]?.id || group !== now[place].group);
}

function isIdle(kind: Kind, device: DeviceModel): boolean {
  return mayRun(kind, device) && device.open === null && device.request === null;
}

/** Goes over to the microphone that became the system's choice, for a person who chose none. */
function followDefault(model: DevicesModel, kind: Kind): Step {
  const { open, list, chosen, pick, request: pending } = model[kind];
  if (kind !== "microphone" || open?.id !== "default" || pending !== null || pick !== null || (chosen !== "" && chosen !== "default")) return [model, []];
  const group = list.find(({ id }) => id === "default")?.group ?? open.group;
  if (open.group === null || group === open.group) return [model, []];
  return request(model, [[kind, { cause: "default", ids: [""] }]]);
}
