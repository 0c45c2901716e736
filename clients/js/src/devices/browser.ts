import type { Device, Kind, Opened, Trouble } from "./model.ts";

/** What of `navigator.mediaDevices` is used. */
export type MediaPort = Pick<MediaDevices, "getUserMedia" | "enumerateDevices" | "addEventListener" | "removeEventListener">;

/** What of `navigator.permissions` is used. */
export type PermissionPort = Pick<Permissions, "query">;

/** The pictures are about 600 pixels wide on a desk and less in a hand: more would only cost. */
const PICTURE: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30, max: 30 } };
const SOUND: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Returns the constraints of one device; `""` is the system's choice, of a telephone the camera that looks at its person. */
export function constraint(kind: Kind, id: string): MediaTrackConstraints {
  const usual = kind === "camera" ? PICTURE : SOUND;
  if (id !== "") return { ...usual, deviceId: { exact: id } };
  return kind === "camera" ? { ...usual, facingMode: "user" } : usual;
}

export function constraints(wants: readonly { readonly kind: Kind; readonly id: string }[]): MediaStreamConstraints {
  return Object.fromEntries(wants.map(({ kind, id }) => [kind === "camera" ? "video" : "audio", constraint(kind, id)]));
}

export function kindOf(track: MediaStreamTrack): Kind {
  return track.kind === "audio" ? "microphone" : "camera";
}

export function troubleOf(error: unknown): Trouble {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "missing";
}

/** A camera that says where it looks is one of a telephone or tablet, which often runs only one at a time. */
export function described(track: MediaStreamTrack): Omit<Opened, "cause"> {
  const { deviceId = "", facingMode } = track.getSettings();
  return { track, id: deviceId, label: track.label, group: null, isHeld: track.muted, isOnly: facingMode !== undefined };
}

/** Returns the devices by kind. Before the first permission browsers name none of them, and the lists are empty. */
export function sorted(all: readonly MediaDeviceInfo[]): Record<Kind, Device[]> {
  const of = (kind: MediaDeviceKind): Device[] =>
    all.filter((device) => device.kind === kind && device.deviceId !== "").map(({ deviceId, label, groupId }) => ({ id: deviceId, label, group: groupId }));
  return { camera: of("videoinput"), microphone: of("audioinput") };
}
