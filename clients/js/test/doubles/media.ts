import type { MediaPort, PermissionPort } from "../../src/devices/browser.ts";
import type { Kind } from "../../src/devices/model.ts";

/** A track that says who stopped it and when it could be seen or heard. */
export class FakeTrack extends EventTarget {
  readonly kind: "audio" | "video";
  readonly label: string;
  readonly deviceId: string;
  readonly facingMode: string | undefined;
  readyState: "live" | "ended" = "live";
  enabled = true;
  muted = false;

  constructor(device: FakeDevice) {
    super();
    this.kind = device.kind === "camera" ? "video" : "audio";
    this.label = device.label;
    this.deviceId = device.id;
    this.facingMode = device.facingMode;
  }

  /** Whether its picture or sound would reach a partner. */
  get isSeen(): boolean {
    return this.readyState === "live" && this.enabled && !this.muted;
  }

  getSettings(): MediaTrackSettings {
    return { deviceId: this.deviceId, ...(this.facingMode !== undefined && { facingMode: this.facingMode }) };
  }

  stop(): void {
    this.readyState = "ended";
  }

  /** The system or the browser ends it. */
  end(): void {
    if (this.readyState === "ended") return;
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }

  /** The system mutes it, or lets go. */
  hold(isHeld: boolean): void {
    if (this.readyState === "ended" || this.muted === isHeld) return;
    this.muted = isHeld;
    this.dispatchEvent(new Event(isHeld ? "mute" : "unmute"));
  }
}

export interface FakeDevice {
  readonly kind: Kind;
  readonly id: string;
  readonly label: string;
  readonly group: string;
  readonly facingMode?: string;
  isBusy?: boolean;
}

interface Call {
  readonly what: MediaStreamConstraints;
  readonly resolve: (stream: MediaStream) => void;
  readonly reject: (error: unknown) => void;
}

class FakeStatus extends EventTarget implements PermissionStatus {
  readonly name: string;
  state: PermissionState = "prompt";
  onchange: (() => void) | null = null;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** The devices of a machine, and the browser's way to them: each call waits until the test answers it. */
export class FakeMachine extends EventTarget {
  devices: FakeDevice[];
  /** Opens no second camera while one is live, as many telephones. */
  hasOneCamera = false;
  readonly calls: Call[] = [];
  readonly asked: MediaStreamConstraints[] = [];
  readonly tracks: FakeTrack[] = [];
  readonly statuses = { camera: new FakeStatus("camera"), microphone: new FakeStatus("microphone") };

  constructor(devices: readonly FakeDevice[]) {
    super();
    this.devices = [...devices];
  }

  get port(): MediaPort {
    return {
      getUserMedia: (what = {}) =>
        new Promise((resolve, reject) => {
          this.asked.push(what);
          this.calls.push({ what, resolve, reject });
        }),
      enumerateDevices: () =>
        Promise.resolve(
          this.devices.map(({ kind, id, label, group }) => {
            const info = { kind: kind === "camera" ? "videoinput" : "audioinput", deviceId: id, label, groupId: group } as const;
            return { ...info, toJSON: () => info };
          }),
        ),
      addEventListener: this.addEventListener.bind(this),
      removeEventListener: this.removeEventListener.bind(this),
    };
  }

  get permissions(): PermissionPort {
    return { query: ({ name }) => Promise.resolve(this.statuses[name as Kind]) };
  }

  get live(): readonly FakeTrack[] {
    return this.tracks.filter(({ readyState }) => readyState === "live");
  }

  /** Answers the call at that place as the machine would now; a name of an error answers with that. */
  answer(place = 0, error?: string): void {
    const [call] = this.calls.splice(place, 1);
    if (call === undefined) throw new Error("nothing was asked for");
    try {
      if (error !== undefined) throw new DOMException("", error);
      const found = this.#find(call.what);
      const tracks = found.map((device) => new FakeTrack(device));
      this.tracks.push(...tracks);
      call.resolve({ getTracks: () => tracks } as unknown as MediaStream);
    } catch (reason) {
      call.reject(reason);
    }
  }

  plug(device: FakeDevice): void {
    this.devices.push(device);
    this.dispatchEvent(new Event("devicechange"));
  }

  unplug(id: string): void {
    this.devices = this.devices.filter((device) => device.id !== id);
    for (const track of this.live) if (track.deviceId === id) track.end();
    this.dispatchEvent(new Event("devicechange"));
  }

  permit(kind: Kind, state: PermissionState): void {
    const status = this.statuses[kind];
    if (status.state === state) return;
    status.state = state;
    if (state !== "granted") for (const track of this.live) if ((track.kind === "audio") === (kind === "microphone")) track.end();
    status.onchange?.();
  }

  #find({ audio, video }: MediaStreamConstraints): FakeDevice[] {
    const wanted = [[audio, "microphone"], [video, "camera"]] as const;
    return wanted.flatMap(([constraint, kind]) => (constraint === undefined ? [] : [this.#one(kind, constraint as MediaTrackConstraints)]));
  }

  #one(kind: Kind, { deviceId }: MediaTrackConstraints): FakeDevice {
    if (this.statuses[kind].state === "denied") throw new DOMException("", "NotAllowedError");
    const all = this.devices.filter((device) => device.kind === kind);
    const exact = (deviceId as { exact?: string } | undefined)?.exact;
    const found = exact === undefined ? all[0] : all.find(({ id }) => id === exact);
    if (found === undefined) throw new DOMException("", exact === undefined ? "NotFoundError" : "OverconstrainedError");
    const isTaken = this.hasOneCamera && kind === "camera" && this.live.some((track) => track.kind === "video" && track.deviceId !== found.id);
    if (found.isBusy === true || isTaken) throw new DOMException("", "NotReadableError");
    return found;
  }
}

export const webcam: FakeDevice = { kind: "camera", id: "webcam", label: "Webcam", group: "g1" };
export const second: FakeDevice = { kind: "camera", id: "second", label: "Second camera", group: "g2" };
export const headset: FakeDevice = { kind: "microphone", id: "headset", label: "Headset", group: "g3" };
export const builtIn: FakeDevice = { kind: "microphone", id: "built-in", label: "Built-in", group: "g4" };
