import type { Duologue } from "../client.ts";
import type { LocalTracks } from "../media/port.ts";
import { callMatch } from "../state/model.ts";
import { emptyScene, nextScene, type Actions, type Scene, type Seated } from "./scene.ts";

const seats = new WeakMap<Duologue, Seat>();

/** The one seat of a client, however many components use it. */
export function seatOf(client: Duologue): Seat {
  const found = seats.get(client) ?? new Seat(client);
  seats.set(client, found);
  return found;
}

/**
 * A client as React wants it: a snapshot that changes only when there is something new to see, and a connection that
 * lasts while any component holds it.
 *
 * Making one touches no browser: servers that render pages make them too.
 */
export class Seat {
  readonly #client: Duologue;
  readonly #actions: Actions;
  readonly #listeners = new Set<() => void>();
  #scene: Scene = emptyScene;
  #seated: Seated;
  #holds = 0;
  #life: AbortController | null = null;
  #tracks: LocalTracks = { audio: null, video: null };
  /** What a page shows before it hears from the server: the same on a server and in a browser. */
  readonly first: Seated;

  constructor(client: Duologue) {
    this.#client = client;
    this.#actions = this.#act();
    this.first = this.#seated = { ...emptyScene, ...this.#actions };
    client.subscribe(() => this.#look());
    this.#look();
  }

  readonly seated = (): Seated => this.#seated;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /**
   * Connected from now on; the function that it returns lets go.
   *
   * The last one to let go closes the connection, but only when the work at hand is done: React takes a component out
   * and puts it back at once (StrictMode, a change of routes), and that must not be a new page to the server, which
   * would take over the old one.
   */
  readonly hold = (): (() => void) => {
    this.#holds += 1;
    if (this.#life === null) this.#open();
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds -= 1;
      queueMicrotask(() => {
        if (this.#holds === 0) this.#close();
      });
    };
  };

  #open(): void {
    this.#life = new AbortController();
    const { signal } = this.#life;
    // Into the back/forward cache, or for good. Neither `unload` nor `beforeunload`: they keep a page out of the cache.
    addEventListener("pagehide", () => this.#client.close(), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.#client.open(), { signal });
    addEventListener("online", () => this.#client.nudge(), { signal });
    document.addEventListener("visibilitychange", () => this.#visible(), { signal });
    this.#client.open();
    this.#tell();
  }

  #close(): void {
    this.#life?.abort();
    this.#life = null;
    this.#client.close();
  }

  #visible(): void {
    this.#tell();
    if (document.visibilityState === "visible") this.#client.nudge();
  }

  #tell(): void {
    const { audio, video } = this.#tracks;
    const hidden = document.visibilityState === "hidden";
    this.#client.tell({ camera: video?.enabled ?? false, microphone: audio?.enabled ?? false, hidden });
  }

  #look(): void {
    const scene = nextScene(this.#scene, this.#client.view);
    if (scene === this.#scene) return;
    this.#scene = scene;
    this.#seated = { ...scene, ...this.#actions };
    for (const listener of this.#listeners) listener();
  }

  #act(): Actions {
    const client = this.#client;
    return {
      start: (preferences = {}) => {
        const { link } = client.view.model;
        if (link === "elsewhere" || link === "taken-over" || link === "ended") client.takeOver();
        client.start(preferences);
      },
      skip: () => client.next(),
      confirm: () => client.confirm(),
      stop: () => client.stop(),
      send: ({ audio = null, video = null }) => {
        this.#tracks = { audio, video };
        client.send(this.#tracks);
        this.#tell();
      },
      say: (text, key) => client.say(text, key),
      block: async ({ match = this.#about(), skip = false } = {}) => (match === null ? "unknown-match" : client.block(match, { skip })),
      report: async (reason, { match = this.#about(), ...more } = {}) =>
        match === null ? "unknown-match" : client.report(match, reason, more),
      takeOver: () => client.takeOver(),
      sawFace: (match) => client.sawFace(match),
      attach: (room) => client.attach(room),
    };
  }

  /** The conversation that a block or report means when it names none. */
  #about(): string | null {
    const { model } = this.#client.view;
    return callMatch(model) ?? model.state?.ended?.match ?? null;
  }
}
