import type { LocalTracks } from "duologue";

export type Trouble = "refused" | "missing" | "busy" | "insecure";

export interface Device {
  readonly id: string;
  readonly label: string;
}

/** What this page has of the person's picture and sound. */
export interface CameraState extends LocalTracks {
  readonly asked: "no" | "asking" | "yes";
  readonly trouble: Trouble | null;
  readonly muted: boolean;
  /** The person switched it off; the device's light is out. */
  readonly cameraOff: boolean;
  readonly cameras: readonly Device[];
  readonly microphones: readonly Device[];
  readonly chosen: { readonly camera: string; readonly microphone: string };
}

type Kind = "camera" | "microphone";

/** The pictures are about 600 pixels wide on a desk and less in a hand: more would only cost. */
const PICTURE: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30, max: 30 } };
const SOUND: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * Camera and microphone. They stay open from the first permission until the page goes, so that the next face comes at
 * once; only `camera off` closes the camera itself. Requests are worked off one by one.
 */
export class Camera {
  readonly #devices: MediaDevices | undefined;
  readonly #changed: (state: CameraState) => void;
  #state: CameraState;
  #facing: "user" | "environment" = "user";
  #work: Promise<void> = Promise.resolve();

  constructor(devices: MediaDevices | undefined, chosen: CameraState["chosen"], changed: (state: CameraState) => void) {
    this.#devices = devices;
    this.#changed = changed;
    this.#state = { audio: null, video: null, asked: "no", trouble: null, muted: false, cameraOff: false, cameras: [], microphones: [], chosen };
    devices?.addEventListener("devicechange", () => void this.#enqueue(() => this.#list()));
  }

  get state(): CameraState {
    return this.#state;
  }

  /** Asks for both, or for what is there. The answer is in the state afterwards; never rejects. */
  ask(): Promise<void> {
    return this.#enqueue(() => this.#open());
  }

  /** Unmuting opens a microphone if there was none. */
  mute(muted: boolean): void {
    if (this.#state.audio !== null) this.#state.audio.enabled = !muted;
    this.#become({ muted });
    if (!muted && this.#state.audio === null) void this.#enqueue(() => this.#openMicrophone());
  }

  switchCamera(off: boolean): Promise<void> {
    this.#become({ cameraOff: off });
    return this.#enqueue(() => (off ? this.#closeCamera() : this.#openCamera()));
  }

  choose(kind: Kind, id: string): Promise<void> {
    this.#become({ chosen: { ...this.#state.chosen, [kind]: id } });
    if (this.#state.asked === "no") return Promise.resolve();
    return this.#enqueue(() => (kind === "microphone" ? this.#openMicrophone() : this.#state.cameraOff ? Promise.resolve() : this.#openCamera()));
  }

  /** Front to back on a telephone, to the next one on a desk. */
  flip(): Promise<void> {
    const { cameras, chosen, video } = this.#state;
    this.#facing = this.#facing === "user" ? "environment" : "user";
    const now = video?.getSettings().deviceId ?? chosen.camera;
    const place = cameras.findIndex(({ id }) => id === now);
    const next = cameras[(place + 1) % cameras.length];
    return this.choose("camera", next?.id ?? "");
  }

  /** Lets the devices go, until `ask`: the page is leaving, or is to do without. */
  release(): void {
    if (this.#state.audio === null && this.#state.video === null) return;
    this.#state.audio?.stop();
    this.#state.video?.stop();
    this.#become({ audio: null, video: null, asked: "no" });
  }

  async #open(): Promise<void> {
    if (this.#devices === undefined) {
      this.#become({ asked: "yes", trouble: "insecure" });
      return;
    }
    if (this.#state.asked !== "yes") this.#become({ asked: "asking", trouble: null });
    const wanted = { audio: this.#sound(), ...(this.#state.cameraOff ? {} : { video: this.#picture() }) };
    const trouble = await this.#take(wanted);
    // One of the two may be missing or forbidden: the other one is worth having.
    if (trouble !== null && trouble !== "busy") await this.#openWhatMay(trouble);
    const nothing = this.#state.audio === null && this.#state.video === null && !this.#state.cameraOff;
    this.#become({ asked: "yes", trouble: nothing ? trouble : null });
    await this.#list();
  }

  async #openWhatMay(trouble: Trouble): Promise<void> {
    // After a refusal only what is granted already is asked for: a second question would be a nuisance.
    if (trouble === "missing" || (await granted("microphone"))) await this.#take({ audio: this.#sound() });
    if (this.#state.cameraOff) return;
    if (trouble === "missing" || (await granted("camera"))) await this.#take({ video: this.#picture() });
  }

  async #openCamera(): Promise<void> {
    // Some telephones open no second camera while the first is in use.
    this.#state.video?.stop();
    if ((await this.#take({ video: this.#picture() })) !== null) this.#become({ video: null, cameraOff: true });
    await this.#list();
  }

  async #openMicrophone(): Promise<void> {
    await this.#take({ audio: this.#sound() });
    await this.#list();
  }

  #closeCamera(): Promise<void> {
    this.#state.video?.stop();
    this.#become({ video: null });
    return Promise.resolve();
  }

  async #take(constraints: MediaStreamConstraints): Promise<Trouble | null> {
    try {
      const stream = await this.#get(constraints);
      for (const track of stream?.getTracks() ?? []) this.#replace(track);
      this.#become({ asked: "yes" });
      return null;
    } catch (error) {
      return troubleOf(error);
    }
  }

  /** A device that was chosen once and is not plugged in now is no reason to do without. */
  async #get(constraints: MediaStreamConstraints): Promise<MediaStream | undefined> {
    try {
      return await this.#devices?.getUserMedia(constraints);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "OverconstrainedError") throw error;
      const { audio, video } = constraints;
      return await this.#devices?.getUserMedia({ ...(audio && { audio: SOUND }), ...(video && { video: PICTURE }) });
    }
  }

  #replace(track: MediaStreamTrack): void {
    const name = track.kind === "audio" ? "audio" : "video";
    this.#state[name]?.stop();
    if (name === "audio") track.enabled = !this.#state.muted;
    // Unplugged, or taken away by the system.
    track.addEventListener("ended", () => this.#lost(track));
    this.#become({ [name]: track });
  }

  #lost(track: MediaStreamTrack): void {
    if (this.#state.audio === track) this.#become({ audio: null });
    if (this.#state.video === track) this.#become({ video: null });
  }

  #picture(): MediaTrackConstraints {
    const { camera } = this.#state.chosen;
    return camera === "" ? { ...PICTURE, facingMode: this.#facing } : { ...PICTURE, deviceId: { exact: camera } };
  }

  #sound(): MediaTrackConstraints {
    const { microphone } = this.#state.chosen;
    return microphone === "" ? SOUND : { ...SOUND, deviceId: { exact: microphone } };
  }

  async #list(): Promise<void> {
    const all = (await this.#devices?.enumerateDevices()) ?? [];
    const of = (kind: MediaDeviceKind): Device[] =>
      all.filter((device) => device.kind === kind && device.deviceId !== "").map(({ deviceId, label }) => ({ id: deviceId, label }));
    this.#become({ cameras: of("videoinput"), microphones: of("audioinput") });
  }

  #become(change: Partial<CameraState>): void {
    this.#state = { ...this.#state, ...change };
    this.#changed(this.#state);
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(task).catch(() => this.#become({ asked: "yes", trouble: "missing" }));
    return this.#work;
  }
}

function troubleOf(error: unknown): Trouble {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "missing";
}

/** Whether the browser would give the device without asking; Firefox and Safari do not know the question everywhere. */
export async function granted(name: "camera" | "microphone"): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name })).state === "granted";
  } catch {
    return false;
  }
}
