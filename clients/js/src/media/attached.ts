import type { Clock } from "../clock.ts";
import type { Presence } from "../vocabulary.ts";
import { BOUNDS, type Bounds } from "./bounds.ts";
import { RoomPresence } from "./roompresence.ts";
import type { MediaSession, MediaSetting, OpenMedia } from "./port.ts";
import { PresenceWatch } from "./presence.ts";
import { isJoined, isOfMatch, type LivekitRoom } from "./room.ts";

/**
 * For grants of kind `livekit`, where the app itself connects (its own `<LiveKitRoom>`): nothing is said of media until
 * it attaches the room of this match; the server goes by what LiveKit tells it.
 */
export function attachedMedia({ clock, bounds = BOUNDS }: { readonly clock: Clock; readonly bounds?: Bounds }): OpenMedia {
  return (setting) => (setting.grant.kind === "livekit" ? new AttachedSession(setting, clock, bounds) : null);
}

class AttachedSession implements MediaSession {
  readonly #setting: MediaSetting;
  readonly #clock: Clock;
  readonly #bounds: Bounds;
  #presence: Presence;
  #room: LivekitRoom | null = null;
  #watch: PresenceWatch | null = null;
  #roomPresence: RoomPresence | null = null;
  #left: Promise<void> = Promise.resolve();

  constructor(setting: MediaSetting, clock: Clock, bounds: Bounds) {
    this.#setting = setting;
    this.#clock = clock;
    this.#bounds = bounds;
    this.#presence = setting.presence;
    this.attach(setting.room);
  }

  attach(room: LivekitRoom | null): void {
    if (room === this.#room) return;
    this.#release();
    this.#room = room;
    room?.on("connected", this.#begin);
    this.#begin();
  }

  hear(): void {
    // Nothing is relayed between pages that are in one room.
  }

  grant(): void {
    // The app's to use.
  }

  send(): void {
    // The app publishes.
  }

  tell(presence: Presence): void {
    this.#presence = presence;
    this.#watch?.tell(presence);
  }

  ask(): void {
    this.#watch?.ask();
  }

  /** An app that is slow to detach its room must not keep its people in it. */
  close(): void {
    const room = this.#roomPresence === null ? null : this.#room;
    this.#release();
    if (room !== null && isJoined(room) && isOfMatch(room.localParticipant.identity, this.#setting.match)) {
      this.#left = room.disconnect().catch(() => undefined);
    }
  }

  left(): Promise<void> {
    return this.#left;
  }

  /** From its first connection on, and over all later ones of the same room. */
  readonly #begin = (): void => {
    const { match, events } = this.#setting;
    const room = this.#room;
    if (room === null || this.#roomPresence !== null || !isJoined(room) || !isOfMatch(room.localParticipant.identity, match)) return;
    const { status, vouched, presence, quality, limited } = events;
    this.#watch = new PresenceWatch(this.#clock, this.#presence, { status, vouched, presence });
    // Its tracks are the app's to show, and so is the room the app's to leave: a partner who floods it falls silent here.
    this.#roomPresence = new RoomPresence(room, match, this.#watch, this.#clock, this.#bounds, {
      tracks: () => undefined,
      quality,
      flooded: () => limited("flood"),
    });
  };

  #release(): void {
    this.#room?.off("connected", this.#begin);
    this.#room = null;
    if (this.#roomPresence === null) return;
    this.#roomPresence.close();
    this.#watch?.close();
    this.#roomPresence = null;
    this.#watch = null;
    this.#setting.events.status("connecting", false);
  }
}
