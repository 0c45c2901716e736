import type { LocalTracks } from "../media/port.ts";

export type Kind = "camera" | "microphone";

export const KINDS: readonly Kind[] = ["microphone", "camera"];

/** Why a device is not there although the person wants it. */
export type Trouble =
  /** The person or a policy said no. */
  | "refused"
  | "missing"
  /** Another program has it, or the system cannot start it. */
  | "busy"
  /** The page has no TLS: the browser has no devices for it. */
  | "insecure"
  /** It ran, and was pulled out. */
  | "unplugged"
  /** It ran, and the browser or the system ended it. */
  | "stopped"
  /** It ran, and the permission was taken back. */
  | "withdrawn";

/** What asked for a device, so that a page can say a failure where it was caused. */
export type Cause = "ask" | "switch" | "choose" | "flip" | "lost" | "default";

export interface Device {
  readonly id: string;
  readonly label: string;
  /** The same for devices that are one piece of hardware; empty where the browser does not say. */
  readonly group: string;
}

/** A device that runs. */
export interface Opened {
  readonly track: MediaStreamTrack;
  readonly id: string;
  readonly label: string;
  /** Null until the list of devices is read. */
  readonly group: string | null;
  /** The system has muted it: silence or black is sent until it lets go. */
  readonly isHeld: boolean;
  /** This machine opens no second camera while the first one runs, as many telephones. */
  readonly isOnly: boolean;
  readonly cause: Cause;
}

/** A request that is not answered yet. A stream that comes for another generation is stopped at once. */
export interface Request {
  readonly generation: number;
  readonly cause: Cause;
  /** The device that ran before and was stopped for this request: it runs again if the request fails. */
  readonly before: Opened | null;
  /** This request brings back the device that ran before; why is what failed. */
  readonly why: Failure | null;
  /** Tried in this order. `""` is the system's choice. */
  readonly ids: readonly string[];
}

export interface Failure {
  readonly trouble: Trouble;
  readonly cause: Cause;
  /** The device that ran until it was lost: it is opened again when it is back. */
  readonly lost: { readonly id: string; readonly group: string | null } | null;
}

export interface DeviceModel {
  /** The page asked for it, or the person switched it on. */
  readonly isWanted: boolean;
  /** The person switched the camera off, or muted the microphone. */
  readonly isOff: boolean;
  readonly open: Opened | null;
  readonly request: Request | null;
  readonly failure: Failure | null;
  /** The newest choice that worked: worth storing. `""` is the system's choice. */
  readonly chosen: string;
  /** A choice that was not tried yet. */
  readonly pick: string | null;
  readonly list: readonly Device[];
  /** Null where the browser does not tell. */
  readonly permission: PermissionState | null;
  /** The permission was there, and was taken back. */
  readonly wasWithdrawn: boolean;
  /** When it was last opened again without a press; monotonic. */
  readonly mended_ms: number;
}

export interface DevicesModel {
  /** Nothing opens until `resume`: another tab has the conversation, or the page is left. */
  readonly isSuspended: boolean;
  /** At least one request was answered since the page last had no devices. */
  readonly isAnswered: boolean;
  /** Of the newest request. */
  readonly generation: number;
  /** Rises with each decision against devices. A plan that was made before one is not carried out. */
  readonly decision: number;
  readonly camera: DeviceModel;
  readonly microphone: DeviceModel;
}

/** What a person's browser remembers of their devices. */
export interface Remembered {
  readonly chosen?: string;
  readonly isOff?: boolean;
}

export function emptyDevices(remembered: { readonly [kind in Kind]?: Remembered } = {}): DevicesModel {
  const device = ({ chosen = "", isOff = false }: Remembered = {}): DeviceModel => ({
    isWanted: false,
    isOff,
    open: null,
    request: null,
    failure: null,
    chosen,
    pick: null,
    list: [],
    permission: null,
    wasWithdrawn: false,
    mended_ms: -Infinity,
  });
  return {
    isSuspended: false,
    isAnswered: false,
    generation: 0,
    decision: 0,
    camera: device(remembered.camera),
    microphone: device(remembered.microphone),
  };
}

/**
 * What a button of the device says: `on` if, and only if, the partner gets its picture or sound now.
 *
 * `opening`: a press calls the request off. `held`: the system has muted it, and it is sent again when the system lets go.
 */
export type Button = "on" | "off" | "opening" | "held";

export function button({ open, request, isOff }: DeviceModel): Button {
  if (open === null) return request === null ? "off" : "opening";
  if (isOff) return "off";
  return open.isHeld ? "held" : "on";
}

/** Returns the tracks for `Duologue.send`. */
export function tracks({ camera, microphone }: DevicesModel): LocalTracks {
  return { audio: microphone.open?.track ?? null, video: camera.open?.track ?? null };
}

/** Returns what is sent now, for `Duologue.tell`. */
export function sent({ camera, microphone }: DevicesModel): { readonly camera: boolean; readonly microphone: boolean } {
  return { camera: button(camera) === "on", microphone: button(microphone) === "on" };
}

/** Returns how far the first question is: `asking` until a device or a refusal came. */
export function asked({ isAnswered, camera, microphone }: DevicesModel): "no" | "asking" | "yes" {
  if (isAnswered) return "yes";
  return camera.request === null && microphone.request === null ? "no" : "asking";
}

/** Returns which device is running, or would be opened next; `""` is the system's choice. */
export function selected({ open, pick, chosen }: DeviceModel): string {
  return open?.id ?? pick ?? chosen;
}

/** Returns whether it is opened again without a press, once that is possible. */
export function isAwaited({ isWanted, open, failure }: DeviceModel): boolean {
  return isWanted && open === null && failure?.cause === "lost";
}
