import { systemClock, type Clock } from "../clock.ts";
import type { LocalTracks } from "../media/port.ts";
import { sorted, type MediaPort, type PermissionPort } from "./browser.ts";
import { isCurrent } from "./current.ts";
import { emptyDevices, KINDS, sent, tracks, type DevicesModel, type Kind, type Remembered } from "./model.ts";
import { Opening } from "./opening.ts";
import { reduce } from "./reducer.ts";
import type { Effect, Input, Want } from "./step.ts";

export interface DevicesOptions {
  /** `navigator.mediaDevices`, unless told otherwise; undefined where there is none, as on a page without TLS. */
  readonly media?: MediaPort | undefined;
  /** `navigator.permissions`, unless told otherwise. */
  readonly permissions?: PermissionPort | undefined;
  readonly clock?: Clock;
  /** What the page stored the last time: choices that worked, and what was off. */
  readonly remembered?: { readonly [kind in Kind]?: Remembered };
  /** Receives what a listener throws. */
  readonly onError?: (error: unknown) => void;
}

/** `dropped`: the person or the page decided against it before it was answered. */
export type Asked = "answered" | "dropped";

/**
 * Camera and microphone of one page.
 *
 * What the buttons say (`button`) is what is sent (`tracks`) at every instant. Each decision wins over the requests before
 * it: a stream that comes too late is stopped, and never shown or sent. Each device stands for itself.
 */
export class Devices {
  readonly #media: MediaPort | undefined;
  readonly #permissions: PermissionPort | undefined;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #opening: Opening | null;
  readonly #listeners = new Set<(model: DevicesModel) => void>();
  readonly #life = new AbortController();
  readonly #inputs: Input[] = [];
  readonly #statuses: PermissionStatus[] = [];
  #model: DevicesModel;
  #isBusy = false;
  #lists = 0;

  constructor(options: DevicesOptions = {}) {
    const here = typeof navigator === "undefined" ? undefined : navigator;
    this.#media = "media" in options ? options.media : here?.mediaDevices;
    this.#permissions = "permissions" in options ? options.permissions : here?.permissions;
    this.#clock = options.clock ?? systemClock;
    this.#onError = options.onError ?? ((error) => console.error(error));
    this.#model = emptyDevices(options.remembered);
    this.#opening = this.#media === undefined ? null : new Opening(this.#media, this.#clock, this.#life.signal);
    this.#media?.addEventListener("devicechange", this.#list);
    for (const kind of KINDS) void this.#watch(kind);
  }

  get model(): DevicesModel {
    return this.#model;
  }

  /** What goes to `Duologue.send`. */
  get tracks(): LocalTracks {
    return tracks(this.#model);
  }

  /** What goes to `Duologue.tell`. */
  get sent(): { readonly camera: boolean; readonly microphone: boolean } {
    return sent(this.#model);
  }

  /** Calls back at every change; the function that it returns ends that. */
  subscribe(listener: (model: DevicesModel) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Asks for the devices that do not run, in one prompt; a camera that the person switched off is left out, unless the person
   * pressed a button for it (`isPress`). Resolves when it is answered, and never rejects.
   *
   * With `when`, first waits for that. A decision that comes meanwhile wins, as it does over the request itself.
   */
  async ask({ when, isPress = false }: { readonly when?: Promise<boolean>; readonly isPress?: boolean } = {}): Promise<Asked> {
    const { decision } = this.#model;
    if (when !== undefined && !(await when)) return "dropped";
    if (decision !== this.#model.decision || this.#model.isSuspended || this.#life.signal.aborted) return "dropped";
    this.#dispatch({ type: "ask", isPress });
    await this.#until(({ camera, microphone }) => decision !== this.#model.decision || (camera.request === null && microphone.request === null));
    return decision === this.#model.decision ? "answered" : "dropped";
  }

  /** Lets the devices go: the person does without. They can be asked for or switched on again. */
  release(): void {
    this.#dispatch({ type: "release" });
  }

  /** Lets the devices go, and opens none until `resume`: another tab has the conversation, or the page is left. */
  suspend(): void {
    this.#dispatch({ type: "suspend" });
  }

  /** Ends `suspend`. It opens no device; `ask` does. */
  resume(): void {
    this.#dispatch({ type: "resume" });
  }

  /** Calls off every request that is not answered yet. What runs goes on. */
  cancel(): void {
    this.#dispatch({ type: "cancel" });
  }

  /** The camera is closed when it is switched off. The microphone is muted, and opened if there was none. */
  switch(kind: Kind, on: boolean): void {
    this.#dispatch({ type: "switch", kind, on });
  }

  /** The device that runs goes on until the other one does. */
  choose(kind: Kind, id: string): void {
    this.#dispatch({ type: "choose", kind, id });
  }

  /** Goes over to the next camera. */
  flip(): void {
    this.#dispatch({ type: "flip" });
  }

  /** Lets everything go, for good. Can be repeated. */
  close(): void {
    this.suspend();
    this.#life.abort();
    this.#media?.removeEventListener("devicechange", this.#list);
    for (const status of this.#statuses) status.onchange = null;
    this.#listeners.clear();
  }

  #until(so: (model: DevicesModel) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (model: DevicesModel): void => {
        if (!so(model)) return;
        unsubscribe();
        resolve();
      };
      const unsubscribe = this.subscribe(look);
      look(this.#model);
    });
  }

  /** Inputs that arise while one is worked off wait their turn. */
  #dispatch(...inputs: readonly Input[]): void {
    this.#inputs.push(...inputs);
    if (this.#isBusy) return;
    const before = this.#model;
    this.#isBusy = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next);
    this.#isBusy = false;
    if (this.#model !== before) this.#tell();
  }

  /** Nothing that is stopped here was told to a listener as running after this. */
  #step(input: Input): void {
    const [model, effects] = reduce(this.#model, input, this.#clock.monotonic());
    this.#model = model;
    for (const effect of effects) this.#run(effect);
  }

  #run(effect: Effect): void {
    switch (effect.do) {
      case "open":
        return void this.#open(effect.generation, effect.wants);
      case "stop":
        return effect.track.stop();
      case "enable":
        effect.track.enabled = effect.isEnabled;
        return;
      case "list":
        return this.#list();
    }
  }

  async #open(generation: number, wants: readonly Want[]): Promise<void> {
    const failed = (kind: Kind, trouble: Extract<Input, { type: "failed" }>["trouble"]): void => this.#dispatch({ type: "failed", generation, kind, trouble });
    if (this.#opening === null) {
      for (const { kind } of wants) failed(kind, globalThis.isSecureContext ? "missing" : "insecure");
      return;
    }
    await this.#opening.open(wants, {
      isCurrent: (kind) => isCurrent(this.#model[kind], generation),
      isGranted: async (kind) => (await this.permission(kind)) === "granted",
      opened: (kind, asked, opened) => {
        this.#listen(opened.track);
        const { track } = opened;
        // A track may have ended on its way here, and then there is no event any more.
        const ends: Input[] = track.readyState === "ended" ? [{ type: "ended", track }] : [];
        this.#dispatch({ type: "opened", generation, kind, asked, opened }, ...ends);
      },
      failed,
    });
  }

  #listen(track: MediaStreamTrack): void {
    track.addEventListener("ended", () => this.#dispatch({ type: "ended", track }));
    track.addEventListener("mute", () => this.#dispatch({ type: "held", track, isHeld: true }));
    track.addEventListener("unmute", () => this.#dispatch({ type: "held", track, isHeld: false }));
  }

  readonly #list = (): void => {
    const turn = (this.#lists += 1);
    this.#media?.enumerateDevices().then(
      (all) => {
        // An older list that comes late would bring back a device that is gone.
        if (turn === this.#lists && !this.#life.signal.aborted) this.#dispatch({ type: "listed", lists: sorted(all) });
      },
      () => undefined,
    );
  };

  /** Whether the browser would give the device without a question; null where it does not tell. Never rejects. */
  async permission(kind: Kind): Promise<PermissionState | null> {
    return (await this.#status(kind))?.state ?? null;
  }

  async #status(kind: Kind): Promise<PermissionStatus | null> {
    try {
      return (await this.#permissions?.query({ name: kind })) ?? null;
    } catch {
      return null; // Firefox and Safari do not know the question everywhere.
    }
  }

  async #watch(kind: Kind): Promise<void> {
    const status = await this.#status(kind);
    if (status === null || this.#life.signal.aborted) return;
    this.#statuses.push(status);
    const tell = (): void => this.#dispatch({ type: "permission", kind, state: status.state });
    status.onchange = tell;
    tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) {
      try {
        listener(this.#model);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
