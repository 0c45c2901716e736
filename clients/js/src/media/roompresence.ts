import type { Clock } from "../clock.ts";
import { Ear, type Bounds } from "./bounds.ts";
import { noQuality, readQuality, type Qualities } from "./quality.ts";
import type { PresenceWatch } from "./presence.ts";
import { isJoined, isOfMatch, type LivekitRoom, type RoomParticipant } from "./room.ts";

export interface RoomPresenceEvents {
  readonly tracks: (tracks: readonly MediaStreamTrack[]) => void;
  readonly quality: (qualities: Qualities) => void;
  /** The partner sends so much that nothing of theirs is listened to any more. */
  readonly flooded: () => void;
}

/** An app's own data packets have other topics, or none. */
export const TOPIC = "duologue";

/** Packets that wait for a way out; more of them would all arrive late. */
const MOST_WAITING = 4;

const LOOKS = [
  "connected",
  "reconnected",
  "disconnected",
  "participantConnected",
  "participantDisconnected",
  "trackSubscribed",
  "trackUnsubscribed",
  "connectionQualityChanged",
  "trackStreamStateChanged",
] as const;

/**
 * The partner, as they are in a LiveKit room: pings over its data packets, their tracks, and how good the connections are.
 *
 * A partner whose page reloads is another participant of the same name, who takes the place of the first one without a
 * word (livekit-client 2.23, measured): so each packet is checked for who sent it. Pings then begin again.
 */
export class RoomPresence {
  readonly #room: LivekitRoom;
  readonly #match: string;
  readonly #watch: PresenceWatch;
  readonly #events: RoomPresenceEvents;
  readonly #ear: Ear;
  #sid: string | null = null;
  #tracks: readonly MediaStreamTrack[] = [];
  #qualities = noQuality;
  #waiting = 0;

  constructor(room: LivekitRoom, match: string, watch: PresenceWatch, clock: Clock, bounds: Bounds, events: RoomPresenceEvents) {
    this.#room = room;
    this.#match = match;
    this.#watch = watch;
    this.#events = events;
    this.#ear = new Ear(bounds, clock);
    for (const event of LOOKS) room.on(event, this.#look);
    room.on("dataReceived", this.#heard);
    this.#look();
  }

  /** Hears and sends nothing more; the room is left as it is. Can be repeated. */
  close(): void {
    for (const event of LOOKS) this.#room.off(event, this.#look);
    this.#room.off("dataReceived", this.#heard);
  }

  readonly #look = (): void => {
    const partner = this.#find();
    if ((partner?.sid ?? null) !== this.#sid) {
      this.#sid = partner?.sid ?? null;
      this.#watch.attach(partner === null ? null : { send: (text) => this.#say(text) });
    }
    this.#see(partner);
    this.#rate(partner);
  };

  #find(): RoomParticipant | null {
    const { localParticipant, remoteParticipants } = this.#room;
    if (!isJoined(this.#room) || !isOfMatch(localParticipant.identity, this.#match)) return null;
    const there = [...remoteParticipants.values()].filter(({ identity }) => isOfMatch(identity, this.#match));
    return there.at(-1) ?? null;
  }

  #see(partner: RoomParticipant | null): void {
    const publications = partner === null ? [] : [...partner.trackPublications.values()];
    const tracks = publications.flatMap(({ track }) => (track === undefined ? [] : [track.mediaStreamTrack]));
    const same = tracks.length === this.#tracks.length && tracks.every((track) => this.#tracks.includes(track));
    if (same) return;
    this.#tracks = tracks;
    this.#events.tracks(tracks);
  }

  #rate(partner: RoomParticipant | null): void {
    const own = isJoined(this.#room) ? readQuality(this.#room.localParticipant.connectionQuality) : null;
    const theirs = partner === null ? null : readQuality(partner.connectionQuality);
    const isPictureHeld = partner !== null && [...partner.trackPublications.values()].some(({ track }) => track?.streamState === "paused");
    const { own: was, partner: were, isPictureHeld: wasHeld } = this.#qualities;
    if (own === was && theirs === were && isPictureHeld === wasHeld) return;
    this.#qualities = { own, partner: theirs, isPictureHeld };
    this.#events.quality(this.#qualities);
  }

  readonly #heard = (payload: Uint8Array, from: RoomParticipant | undefined, _kind: unknown, topic: string | undefined): void => {
    if (topic !== TOPIC) return;
    if (!this.#ear.hears(payload.byteLength)) return this.#overheard();
    this.#look();
    if (from?.sid === this.#sid) this.#watch.receive(new TextDecoder().decode(payload));
  };

  #overheard(): void {
    if (!this.#ear.isFlooded) return;
    this.#room.off("dataReceived", this.#heard);
    this.#events.flooded();
  }

  #say(text: string): void {
    if (this.#waiting >= MOST_WAITING) return;
    this.#waiting += 1;
    const data = new TextEncoder().encode(text);
    this.#room.localParticipant
      .publishData(data, { reliable: false, topic: TOPIC })
      // The room was left meanwhile, or has no way out yet: a ping that is lost is silence, which is counted.
      .catch(() => undefined)
      .finally(() => (this.#waiting -= 1));
  }
}
