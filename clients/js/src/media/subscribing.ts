import type { RemoteTrackPublication, Room, RoomEvent, Track } from "livekit-client";
import type { Bounds } from "./bounds.ts";
import { isOfMatch } from "./room.ts";

/**
 * What of the partner's is received in a room: their first camera and their first microphone. Every other track that they
 * publish stays at the server, where it costs this page nothing.
 */
export class Subscribing {
  readonly #room: Room;
  readonly #match: string;
  readonly #bounds: Bounds;
  readonly #source: typeof Track.Source;
  readonly #events: readonly RoomEvent[];

  constructor(room: Room, match: string, bounds: Bounds, source: typeof Track.Source, events: typeof RoomEvent) {
    this.#room = room;
    this.#match = match;
    this.#bounds = bounds;
    this.#source = source;
    const { Connected, Reconnected, ParticipantConnected, TrackPublished, TrackUnpublished } = events;
    this.#events = [Connected, Reconnected, ParticipantConnected, TrackPublished, TrackUnpublished];
    for (const event of this.#events) room.on(event, this.#look);
  }

  /** Can be repeated. */
  close(): void {
    for (const event of this.#events) this.#room.off(event, this.#look);
  }

  readonly #look = (): void => {
    const people = [...this.#room.remoteParticipants.values()].filter(({ identity }) => isOfMatch(identity, this.#match));
    for (const { trackPublications } of people) this.#choose([...trackPublications.values()]);
  };

  #choose(there: readonly RemoteTrackPublication[]): void {
    const { Camera, Microphone } = this.#source;
    const wanted = [Camera, Microphone].flatMap((source) => there.filter((each) => each.source === source).slice(0, this.#bounds.sectionsOfKind));
    for (const each of there) {
      const isWanted = wanted.includes(each);
      if (each.isDesired !== isWanted) each.setSubscribed(isWanted);
    }
  }
}
