import type { RemoteTrackPublication, Room, RoomEvent, Track } from "livekit-client";
import type { Clock } from "../clock.ts";
import type { Bounds } from "./bounds.ts";
import { isOfMatch } from "./room.ts";

/** While a room connects, `livekit-client` has no event for what the partner publishes. So we look this often. */
const LOOK_MS = 20;

/**
 * How long a microphone waits for the camera that usually follows. The server negotiates at once what is asked for at once;
 * what is asked for a little later it negotiates 150 ms later (livekit-server 1.13), and that would be the picture.
 */
const PAIR_MS = 150;

export interface SubscribingSetting {
  readonly room: Room;
  readonly match: string;
  readonly bounds: Bounds;
  readonly clock: Clock;
  readonly source: typeof Track.Source;
  readonly events: typeof RoomEvent;
}

/**
 * What of the partner's is received in a room: their first camera and their first microphone. Every other track that they
 * publish stays at the server, where it costs this page nothing.
 *
 * Both are asked for as soon as they are known, also before the own connection is up.
 */
export class Subscribing {
  readonly #setting: SubscribingSetting;
  readonly #events: readonly RoomEvent[];
  #cancelLook: () => void = () => undefined;
  /** Until when a microphone waits; null before the first one. Where a camera was seen, no microphone waits any more. */
  #pair_ms: number | null = null;

  constructor(setting: SubscribingSetting) {
    this.#setting = setting;
    const { SignalConnected, Connected, Reconnected, ParticipantConnected, TrackPublished, TrackUnpublished } = setting.events;
    this.#events = [SignalConnected, Connected, Reconnected, ParticipantConnected, TrackPublished, TrackUnpublished];
    for (const event of this.#events) setting.room.on(event, this.#look);
  }

  /** Can be repeated. */
  close(): void {
    this.#cancelLook();
    for (const event of this.#events) this.#setting.room.off(event, this.#look);
  }

  readonly #look = (): void => {
    this.#cancelLook();
    const { room, match } = this.#setting;
    const people = [...room.remoteParticipants.values()].filter(({ identity }) => isOfMatch(identity, match));
    let waits = false;
    for (const { trackPublications } of people) waits = this.#choose([...trackPublications.values()]) || waits;
    const state: string = room.state;
    if (waits || state === "connecting") this.#cancelLook = this.#setting.clock.after(LOOK_MS, this.#look);
  };

  /** Whether a microphone is not asked for yet. */
  #choose(there: readonly RemoteTrackPublication[]): boolean {
    const { Camera, Microphone } = this.#setting.source;
    const cameras = this.#first(there, Camera);
    const microphones = this.#first(there, Microphone);
    const waits = cameras.length === 0 && microphones.some(({ isDesired }) => !isDesired) && this.#isPairing();
    if (cameras.length > 0) this.#pair_ms = -Infinity;
    const wanted = waits ? cameras : [...cameras, ...microphones];
    for (const each of there) {
      const isWanted = wanted.includes(each);
      if (each.isDesired !== isWanted) each.setSubscribed(isWanted);
    }
    return waits;
  }

  #first(there: readonly RemoteTrackPublication[], source: Track.Source): RemoteTrackPublication[] {
    return there.filter((each) => each.source === source).slice(0, this.#setting.bounds.sectionsOfKind);
  }

  #isPairing(): boolean {
    const now_ms = this.#setting.clock.monotonic();
    this.#pair_ms ??= now_ms + PAIR_MS;
    return now_ms < this.#pair_ms;
  }
}
