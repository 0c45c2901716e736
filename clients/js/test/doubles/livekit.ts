import { DisconnectReason, RoomEvent, Track } from "livekit-client";
import type { LivekitModule } from "../../src/media/livekit.ts";
import type { LivekitRoom, RoomParticipant } from "../../src/media/room.ts";

interface Publication {
  readonly track: { readonly kind: string; mediaStreamTrack: MediaStreamTrack; streamState: string };
}

/** As the other one sees it: there is a track once they subscribe. */
class RemotePublication {
  readonly source: string;
  readonly #local: Publication;
  readonly #changed: () => void;
  isDesired = false;

  constructor(local: Publication, source: string, changed: () => void) {
    this.#local = local;
    this.source = source;
    this.#changed = changed;
  }

  get track(): Publication["track"] | undefined {
    return this.isDesired ? this.#local.track : undefined;
  }

  setSubscribed(wanted: boolean): void {
    this.isDesired = wanted;
    this.#changed();
  }
}

class FakeParticipant implements RoomParticipant {
  static #count = 0;
  readonly identity: string;
  readonly sid: string;
  connectionQuality = "unknown";
  readonly trackPublications = new Map<string, RemotePublication>();

  constructor(identity: string) {
    this.identity = identity;
    this.sid = `PA_${(FakeParticipant.#count += 1)}`;
  }
}

const OF_OTHERS = ["participantConnected", "trackPublished", "trackSubscribed"];

/** A grant of the double: nothing is signed. */
export function fakeToken(room: string, identity: string): string {
  return JSON.stringify({ room, identity });
}

/** Thrown by a server that has no such room, or does not answer. */
class Refused extends Error {}

/**
 * A LiveKit server and its client as far as this package goes: rooms that exist or not, two people in each, a second one
 * of a name in place of the first, lossy data, tracks.
 */
export class FakeLivekit {
  readonly #rooms = new Map<string, Set<FakeRoom>>();
  /** Every room that was ever made in a page. */
  readonly made: FakeRoom[] = [];
  readonly options: object[] = [];
  /** Addresses whose name and TLS were looked up before there was a room. */
  readonly warmed: string[] = [];
  loads = 0;
  /** Connecting waits until it is let go on. */
  held: Promise<void> = Promise.resolve();
  /** The server is spoken to already, and media waits for a way until it is let go on. */
  routed: Promise<void> = Promise.resolve();
  /** A connect that is given up comes up all the same. */
  isStubborn = false;
  /** Packets find no way out until it is let go on. */
  jammed: Promise<void> = Promise.resolve();
  sends = 0;
  /** What is sent is lost. */
  mute = false;

  readonly load = (): Promise<LivekitModule> => {
    this.loads += 1;
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the class below has its own
    const server = this;
    class Room extends FakeRoom {
      constructor(options: object) {
        super(server);
        server.options.push(options);
      }

      prepareConnection(url: string): Promise<void> {
        server.warmed.push(url);
        return Promise.resolve();
      }
    }
    const RemoteVideoTrack = (): void => undefined; // nothing is an instance of it
    return Promise.resolve({ Room, RemoteVideoTrack, RoomEvent, Track, DisconnectReason } as unknown as LivekitModule);
  };

  open(name: string): void {
    this.#rooms.set(name, new Set());
  }

  delete(name: string): void {
    for (const room of this.#rooms.get(name) ?? []) room.drop(DisconnectReason.ROOM_DELETED);
    this.#rooms.delete(name);
  }

  /** Whoever is in it, by name. */
  people(name: string): string[] {
    return [...(this.#rooms.get(name) ?? [])].map(({ localParticipant }) => localParticipant.identity);
  }

  /** What that one publishes, and of it what is asked for: the source, or "-". */
  desired(identity: string): string[] {
    const who = [...this.#rooms.values()].flatMap((people) => [...people]).find(({ localParticipant }) => localParticipant.identity === identity);
    return [...(who?.localParticipant.trackPublications.values() ?? [])].map(({ source, isDesired }) => (isDesired ? source : "-"));
  }

  enter(name: string, who: FakeRoom): void {
    const people = this.#rooms.get(name);
    if (people === undefined) throw new Refused("requested room does not exist");
    const ghosts = [...people].filter(({ localParticipant }) => localParticipant.identity === who.localParticipant.identity);
    for (const ghost of ghosts) {
      people.delete(ghost);
      ghost.drop(DisconnectReason.DUPLICATE_IDENTITY);
    }
    for (const other of people) {
      other.meet(who.localParticipant, ghosts.length > 0);
      who.meet(other.localParticipant);
    }
    people.add(who);
  }

  leave(who: FakeRoom): void {
    for (const people of this.#rooms.values()) {
      if (people.delete(who)) people.forEach((other) => other.part(who.localParticipant));
    }
  }

  carry(from: FakeRoom, data: Uint8Array, topic: string): void {
    if (this.mute) return;
    for (const people of this.#rooms.values()) {
      if (people.has(from)) people.forEach((other) => other !== from && other.hear(data, from.localParticipant, topic));
    }
  }

  changed(who: FakeRoom, event: string): void {
    for (const people of this.#rooms.values()) {
      if (people.has(who)) people.forEach((other) => other !== who && other.emit(event));
    }
  }
}

export class FakeRoom implements LivekitRoom {
  state = "disconnected";
  readonly remoteParticipants = new Map<string, FakeParticipant>();
  readonly #server: FakeLivekit;
  readonly #listeners = new Map<string, Set<(...args: never[]) => void>>();
  readonly #names = new Map<unknown, string>();
  #published = 0;
  #me = new FakeParticipant("");
  disconnects = 0;

  constructor(server: FakeLivekit) {
    this.#server = server;
    server.made.push(this);
  }

  get localParticipant(): FakeParticipant & {
    publishData(data: Uint8Array, options: { topic: string }): Promise<void>;
    publishTrack(track: MediaStreamTrack, options: { source: string }): Promise<Publication>;
    unpublishTrack(track: Publication["track"]): Promise<void>;
  } {
    return Object.assign(this.#me, {
      publishData: async (data: Uint8Array, { topic }: { topic: string }) => {
        this.#server.sends += 1;
        await this.#server.jammed;
        if (this.state !== "connected") throw new Refused("not connected");
        this.#server.carry(this, data, topic);
      },
      publishTrack: (track: MediaStreamTrack, { source }: { source: string }) => {
        const publication = { track: { kind: track.kind, mediaStreamTrack: track, streamState: "active", replaceTrack: (next: MediaStreamTrack) => this.#replace(publication, next) } };
        const remote = new RemotePublication(publication, source, () => this.#server.changed(this, "trackSubscribed"));
        const name = `${track.kind} ${(this.#published += 1)}`;
        this.#names.set(publication.track, name);
        this.#me.trackPublications.set(name, remote);
        this.#server.changed(this, "trackPublished");
        return Promise.resolve(publication);
      },
      unpublishTrack: (track: Publication["track"]) => {
        this.#me.trackPublications.delete(this.#names.get(track) ?? "");
        this.#server.changed(this, "trackUnpublished");
        this.#server.changed(this, "trackUnsubscribed");
        return Promise.resolve();
      },
    });
  }

  async #replace(publication: Publication, track: MediaStreamTrack): Promise<void> {
    await Promise.resolve();
    publication.track.mediaStreamTrack = track;
  }

  async connect(_url: string, token: string): Promise<void> {
    const { room, identity } = JSON.parse(token) as { room: string; identity: string };
    this.state = "connecting";
    await this.#server.held;
    if (this.state !== "connecting" && !this.#server.isStubborn) throw new Refused("given up");
    this.#me = new FakeParticipant(identity);
    try {
      this.#server.enter(room, this);
    } catch (error) {
      this.state = "disconnected";
      throw error;
    }
    this.emit("signalConnected");
    try {
      await this.#server.routed;
    } catch (error) {
      await this.disconnect();
      throw error;
    }
    if (this.state !== "connecting" && !this.#server.isStubborn) throw new Refused("given up");
    this.state = "connected";
    this.emit("connected");
  }

  async disconnect(): Promise<void> {
    this.disconnects += 1;
    if (this.state === "disconnected") return;
    this.state = "disconnected";
    this.#server.leave(this);
    await Promise.resolve();
    this.remoteParticipants.clear();
    this.emit("disconnected", DisconnectReason.CLIENT_INITIATED);
  }

  /** The server ends it. */
  drop(reason: DisconnectReason): void {
    this.state = "disconnected";
    this.#server.leave(this);
    this.remoteParticipants.clear();
    this.emit("disconnected", reason);
  }

  /** One who takes the place of their own ghost is not announced. */
  meet(other: FakeParticipant, silently = false): void {
    this.remoteParticipants.set(other.identity, other);
    if (!silently) this.emit("participantConnected");
  }

  part(other: FakeParticipant): void {
    this.remoteParticipants.delete(other.identity);
    this.emit("participantDisconnected");
  }

  hear(data: Uint8Array, from: FakeParticipant, topic: string): void {
    this.emit("dataReceived", data, from, undefined, topic);
  }

  rate(own: string, partner: string): void {
    this.#me.connectionQuality = own;
    for (const other of this.remoteParticipants.values()) other.connectionQuality = partner;
    this.emit("connectionQualityChanged");
  }

  /** The link is too narrow: what the partner shows is held back. */
  hold(streamState: "paused" | "active"): void {
    for (const { trackPublications } of this.remoteParticipants.values()) {
      for (const { track } of trackPublications.values()) if (track?.kind === "video") track.streamState = streamState;
    }
    this.emit("trackStreamStateChanged");
  }

  on(event: string, listener: (...args: never[]) => void): this {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return this;
  }

  off(event: string, listener: (...args: never[]) => void): this {
    this.#listeners.get(event)?.delete(listener);
    return this;
  }

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** What happens to others while this room connects is told to nobody, as livekit-client has it. */
  emit(event: string, ...args: unknown[]): void {
    if (this.state === "connecting" && OF_OTHERS.includes(event)) return;
    for (const listener of this.#listeners.get(event) ?? []) (listener as (...args: unknown[]) => void)(...args);
  }
}
