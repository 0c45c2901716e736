import type { Cause, DeviceModel, DevicesModel, Failure, Kind, Opened, Trouble } from "./model.ts";

/** A device to open, and which ones to try for it. */
export interface Want {
  readonly kind: Kind;
  readonly ids: readonly string[];
}

/** What happens to devices, or what a person or the page decides. */
export type Input =
  | { readonly type: "ask"; readonly isPress: boolean }
  | { readonly type: "release" }
  | { readonly type: "suspend" }
  | { readonly type: "resume" }
  | { readonly type: "cancel" }
  | { readonly type: "switch"; readonly kind: Kind; readonly on: boolean }
  | { readonly type: "choose"; readonly kind: Kind; readonly id: string }
  | { readonly type: "flip" }
  | { readonly type: "opened"; readonly generation: number; readonly kind: Kind; readonly asked: string; readonly opened: Omit<Opened, "cause"> }
  | { readonly type: "failed"; readonly generation: number; readonly kind: Kind; readonly trouble: Trouble }
  | { readonly type: "ended"; readonly track: MediaStreamTrack }
  | { readonly type: "held"; readonly track: MediaStreamTrack; readonly isHeld: boolean }
  | { readonly type: "listed"; readonly lists: Readonly<Record<Kind, DeviceModel["list"]>> }
  | { readonly type: "permission"; readonly kind: Kind; readonly state: PermissionState };

export type Effect =
  /** Opens what is wanted, in one call of the browser where that can be. */
  | { readonly do: "open"; readonly generation: number; readonly wants: readonly Want[] }
  | { readonly do: "stop"; readonly track: MediaStreamTrack }
  | { readonly do: "enable"; readonly track: MediaStreamTrack; readonly isEnabled: boolean }
  | { readonly do: "list" };

export type Step = readonly [DevicesModel, readonly Effect[]];

export function put(model: DevicesModel, kind: Kind, change: Partial<DeviceModel>): DevicesModel {
  return { ...model, [kind]: { ...model[kind], ...change } };
}

/** Applies one step after the other. */
export function chain(model: DevicesModel, ...steps: readonly ((model: DevicesModel) => Step)[]): Step {
  return steps.reduce<Step>(
    ([now, effects], step) => {
      const [next, more] = step(now);
      return [next, [...effects, ...more]];
    },
    [model, []],
  );
}

/** A camera that the person switched off is closed. A muted microphone stays open: unmuting is immediate then. */
export function mayRun(kind: Kind, { isWanted, isOff }: DeviceModel): boolean {
  return isWanted && !(kind === "camera" && isOff);
}

/** Returns the devices to try: the new choice, the one that worked before, and the system's. */
export function candidates({ pick, chosen }: DeviceModel): readonly string[] {
  return [...new Set([pick ?? chosen, chosen, ""])];
}

export interface Wish {
  readonly cause: Cause;
  readonly ids: readonly string[];
  readonly before?: Opened | null;
  readonly why?: Failure | null;
}

/** Requests these devices together; an earlier request of one of them is out of date from now on. */
export function request(model: DevicesModel, wishes: readonly (readonly [Kind, Wish])[]): Step {
  if (wishes.length === 0 || model.isSuspended) return [model, []];
  const generation = model.generation + 1;
  const next = wishes.reduce((now, [kind, { cause, ids, before = null, why = null }]) => {
    const kept = before ?? (now[kind].open === null ? (now[kind].request?.before ?? null) : null);
    return put(now, kind, { request: { generation, cause, ids, before: kept, why } });
  }, { ...model, generation });
  return [next, [{ do: "open", generation, wants: wishes.map(([kind, { ids }]) => ({ kind, ids })) }]];
}

/** Stops the device and forgets its request: what arrives for it later is stopped. */
export function drop(model: DevicesModel, kind: Kind, change: Partial<DeviceModel> = {}): Step {
  const { open } = model[kind];
  return [put(model, kind, { open: null, request: null, failure: null, ...change }), open === null ? [] : [{ do: "stop", track: open.track }]];
}
