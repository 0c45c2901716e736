import type { LocalTrackPublication, Room, Track, TrackPublishOptions } from "livekit-client";
import type { LocalTracks } from "./port.ts";

type Kind = "audio" | "video";

/** Sound before picture: on a link that is too narrow for both, the browser's own pacing starves the picture first. */
const OPTIONS: Readonly<Record<Kind, TrackPublishOptions>> = {
  audio: {
    audioPreset: { maxBitrate: 32_000, priority: "high" },
    dtx: true, // no packets are sent in silence
    red: true, // each packet carries the last one again: what a bad link loses is not heard
  },
  video: {
    videoEncoding: { maxBitrate: 1_500_000, maxFramerate: 30, priority: "low" },
    simulcast: true, // with dynacast only the sizes that are watched are sent
  },
};

/**
 * Our own tracks in one room. They are the page's: none is ever stopped here.
 *
 * Changes of each are worked off one by one; one that was overtaken meanwhile is left out. Sound and picture do not wait
 * for one another: published together they are one negotiation, and the first picture is there a quarter of a second sooner.
 */
export class Publishing {
  readonly #room: Room;
  readonly #sources: Readonly<Record<Kind, Track.Source>>;
  readonly #published = new Map<Kind, LocalTrackPublication>();
  #wanted: LocalTracks;
  readonly #work: Record<Kind, Promise<void>> = { audio: Promise.resolve(), video: Promise.resolve() };
  #closed = false;

  constructor(room: Room, { Microphone, Camera }: typeof Track.Source, tracks: LocalTracks) {
    this.#room = room;
    this.#sources = { audio: Microphone, video: Camera };
    this.#wanted = tracks;
    this.send(tracks);
  }

  send(tracks: LocalTracks): void {
    this.#wanted = tracks;
    for (const kind of ["audio", "video"] as const) {
      // Refused where the room was left meanwhile, or a track ended: the next change tries again.
      this.#work[kind] = this.#work[kind].then(() => this.#sync(kind)).catch(() => undefined);
    }
  }

  close(): void {
    this.#closed = true;
  }

  async #sync(kind: Kind): Promise<void> {
    if (this.#closed) return;
    const track = this.#wanted[kind];
    const now = this.#published.get(kind);
    const local = now?.track;
    if (track === null) {
      this.#published.delete(kind);
      if (local !== undefined) await this.#room.localParticipant.unpublishTrack(local, false);
    } else if (local === undefined) {
      this.#published.set(kind, await this.#room.localParticipant.publishTrack(track, { ...OPTIONS[kind], source: this.#sources[kind] }));
    } else if (local.mediaStreamTrack !== track) {
      await local.replaceTrack(track, true);
    }
  }
}
