/** The public contract of `duologue/livekit`; needs `livekit-client`, which is loaded while a person waits for a room. */
import type { RemoteVideoTrack, Room, RoomConnectOptions, RoomOptions, Track } from "livekit-client";
import { systemClock, type Clock } from "../clock.ts";
import type { LivekitMedia, MediaGrant, Presence } from "../vocabulary.ts";
import { BOUNDS, type Bounds } from "./bounds.ts";
import { RoomPresence } from "./roompresence.ts";
import type { LocalTracks, MediaSession, MediaSetting, OpenMedia, Preparation, WaitingSetting } from "./port.ts";
import { PresenceWatch } from "./presence.ts";
import { Publishing } from "./publishing.ts";
import { noQuality } from "./quality.ts";
import { Shown } from "./shown.ts";
import { Subscribing } from "./subscribing.ts";
import { usualMedia } from "./usual.ts";

/** What is loaded of `livekit-client`. */
export type LivekitModule = Pick<typeof import("livekit-client"), "DisconnectReason" | "RemoteVideoTrack" | "Room" | "RoomEvent" | "Track">;

export interface LivekitOptions {
  /**
   * Where the partner's picture is shown: LiveKit then sends no more of it than the size needs, and none while nobody can
   * see it. Without it the whole picture always comes.
   */
  readonly screen?: () => HTMLVideoElement | null;
  /** The media for matches without a LiveKit room. The default is from browser to browser. */
  readonly otherwise?: OpenMedia;
  readonly clock?: Clock;
  readonly load?: () => Promise<LivekitModule>;
  /** How much of a partner is put up with in one match; an app has no reason to set it. */
  readonly bounds?: Bounds;
}

/** What the two have until the media deadline is 10 s; one try must not take all of it. */
const CONNECT: RoomConnectOptions = {
  maxRetries: 0,
  websocketTimeout: 4_000,
  peerConnectionTimeout: 6_000,
  // A partner may publish many tracks: `Subscribing` asks for one camera and one microphone.
  autoSubscribe: false,
  // On a link that is too narrow the server holds the picture back, never the sound.
  subscriberAllowPause: true,
};

const RETRY_MS = 500;
const RETRY_MOST_MS = 2_000;

/** After so many failures in a row the room counts as failed; the attempts go on. */
const TRIES = 2;

/** Rooms on a LiveKit server, connected as soon as the server says that one is open. */
export function livekitMedia(options: LivekitOptions = {}): OpenMedia {
  const { clock = systemClock } = options;
  let made = options.otherwise;
  const other = (): OpenMedia => (made ??= usualMedia(clock)); // not before a browser is there: servers that render pages come here too
  // A room needs WebRTC as well, unless the app's own module does without.
  const isTextOnly = (): boolean => options.load === undefined && other().textOnly === true;
  const open = (setting: MediaSetting): MediaSession | null => {
    if (setting.grant.kind === "livekit" && !isTextOnly()) return new LivekitSession(setting, setting.grant, clock, options);
    return other()(setting);
  };
  const prepare = (setting: WaitingSetting): Preparation | null => {
    if (setting.hint.kind !== "livekit") return other().prepare?.(setting) ?? null;
    if (!isTextOnly()) warm(options.load ?? importLivekit, setting.hint.url).catch(() => undefined);
    return null;
  };
  return Object.defineProperty(Object.assign(open, { prepare }), "textOnly", { get: isTextOnly });
}

function importLivekit(): Promise<LivekitModule> {
  return import("livekit-client");
}

/**
 * Loads the code and resolves the server's name and TLS while the person waits, so that the first match of a page waits for neither.
 * No room is entered and no token is sent. What fails here is tried again by the match.
 */
async function warm(load: () => Promise<LivekitModule>, url: string): Promise<void> {
  const { Room } = await load();
  await new Room().prepareConnection(url);
}

/** One match's room. The next match has a session of its own, which waits for nothing of this one. */
class LivekitSession implements MediaSession {
  readonly #setting: MediaSetting;
  readonly #clock: Clock;
  readonly #screen: LivekitOptions["screen"];
  readonly #bounds: Bounds;
  readonly #module: () => Promise<LivekitModule>;
  readonly #watch: PresenceWatch;
  #grant: LivekitMedia;
  #tracks: LocalTracks;
  #stay: Stay | null = null;
  #tries = 0;
  #cancelRetry: () => void = () => undefined;
  #closed = false;
  #left: Promise<void> = Promise.resolve();

  constructor(setting: MediaSetting, grant: LivekitMedia, clock: Clock, { screen, load, bounds = BOUNDS }: LivekitOptions) {
    this.#setting = setting;
    this.#grant = grant;
    this.#tracks = setting.tracks;
    this.#clock = clock;
    this.#screen = screen;
    this.#bounds = bounds;
    this.#module = load ?? importLivekit;
    const { status, vouched, presence } = setting.events;
    this.#watch = new PresenceWatch(clock, setting.presence, { status, vouched, presence });
    // While the room is being opened. If it fails now it is asked for again.
    this.#module().catch(() => undefined);
    this.#enter();
  }

  hear(): void {
    // Nothing is relayed between pages that are in one room.
  }

  /** Only the newest is ever used: an older one may have run out. */
  grant(grant: MediaGrant): void {
    if (grant.kind !== "livekit") return;
    const moved = grant.room !== this.#grant.room && this.#grant.room !== undefined;
    this.#grant = grant;
    if (moved) this.#leave();
    this.#enter();
  }

  send(tracks: LocalTracks): void {
    this.#tracks = tracks;
    this.#stay?.send(tracks);
  }

  tell(presence: Presence): void {
    this.#watch.tell(presence);
  }

  ask(): void {
    this.#watch.ask();
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry();
    this.#watch.close();
    this.#leave();
  }

  left(): Promise<void> {
    return this.#left;
  }

  #enter(): void {
    const { ready, url, token } = this.#grant;
    if (this.#closed || this.#stay !== null || !ready || url === undefined || token === undefined) return;
    this.#cancelRetry();
    const stay: Stay = new Stay(this.#setting, this.#watch, this.#tracks, this.#screen, this.#clock, this.#bounds, {
      joined: () => (this.#tries = 0),
      ended: (again) => this.#ended(stay, again),
      flooded: () => this.#flooded(),
    });
    this.#stay = stay;
    stay.enter(this.#module(), url, token);
  }

  #leave(): void {
    const stay = this.#stay;
    this.#stay = null;
    if (stay !== null) this.#left = stay.leave();
  }

  /** A page of this package does not come here: the room is left for good. */
  #flooded(): void {
    this.#closed = true;
    this.#cancelRetry();
    this.#leave();
    this.#setting.events.limited("flood");
    this.#watch.fail();
  }

  /** A room that could not be entered, or that was lost for good. */
  #ended(stay: Stay, again: boolean): void {
    if (stay !== this.#stay) return;
    this.#leave();
    if (!again || this.#closed) return;
    this.#tries += 1;
    this.#cancelRetry = this.#clock.after(Math.min(RETRY_MS * this.#tries, RETRY_MOST_MS), () => this.#enter());
    // What the server answers to that word carries a new grant.
    if (this.#tries >= TRIES) this.#watch.fail();
  }
}

interface StayEvents {
  readonly joined: () => void;
  readonly ended: (again: boolean) => void;
  readonly flooded: () => void;
}

/** How everything is set that is not the match's. */
const ROOM: RoomOptions = {
  dynacast: true,
  stopLocalTrackOnUnpublish: false,
  // The page says when it goes (`close`); LiveKit's own way listens to `beforeunload`, which keeps pages out of the cache.
  disconnectOnPageLeave: false,
  // With one connection for both directions the page makes every offer: one to join, one to publish, one for each thing that
  // it receives, each with eight sections. With two the server offers what it sends, and the first picture is there sooner (docs/livekit.md).
  singlePeerConnection: false,
};

/** One time in a room, from the first try to enter it until it is left. */
class Stay {
  readonly #setting: MediaSetting;
  readonly #watch: PresenceWatch;
  readonly #screen: LivekitOptions["screen"];
  readonly #clock: Clock;
  readonly #bounds: Bounds;
  readonly #events: StayEvents;
  #tracks: LocalTracks;
  #room: Room | null = null;
  #roomPresence: RoomPresence | null = null;
  #subscribing: Subscribing | null = null;
  #publishing: Publishing | null = null;
  #isLeft = false;

  constructor(
    setting: MediaSetting,
    watch: PresenceWatch,
    tracks: LocalTracks,
    screen: LivekitOptions["screen"],
    clock: Clock,
    bounds: Bounds,
    events: StayEvents,
  ) {
    this.#setting = setting;
    this.#watch = watch;
    this.#tracks = tracks;
    this.#screen = screen;
    this.#clock = clock;
    this.#bounds = bounds;
    this.#events = events;
  }

  enter(module: Promise<LivekitModule>, url: string, token: string): void {
    this.#connect(module, url, token).catch(() => this.#events.ended(true));
  }

  send(tracks: LocalTracks): void {
    this.#tracks = tracks;
    this.#publishing?.send(tracks);
  }

  /** Resolves when the connection is closed. A connect that is under way is given up. */
  async leave(): Promise<void> {
    if (this.#isLeft) return;
    this.#isLeft = true;
    this.#publishing?.close();
    this.#subscribing?.close();
    this.#roomPresence?.close();
    if (this.#roomPresence !== null) {
      this.#watch.attach(null);
      const { tracks, quality } = this.#setting.events;
      tracks([]);
      quality(noQuality);
    }
    await this.#disconnect();
  }

  async #connect(module: Promise<LivekitModule>, url: string, token: string): Promise<void> {
    const livekit = await module;
    if (this.#isLeft) return;
    const { Room, RoomEvent, RemoteVideoTrack, DisconnectReason, Track } = livekit;
    const adaptiveStream = this.#screen !== undefined && { pauseVideoInBackground: true };
    const room = new Room({ ...ROOM, adaptiveStream });
    this.#room = room;
    room.on(RoomEvent.TrackSubscribed, (track) => track instanceof RemoteVideoTrack && this.#adapt(track));
    // Another page of this person has joined under the same identity.
    room.on(RoomEvent.Disconnected, (reason) => this.#disconnected(reason !== DisconnectReason.DUPLICATE_IDENTITY));
    const { match, events } = this.#setting;
    const { tracks, quality } = events;
    this.#subscribing = new Subscribing({ room, match, bounds: this.#bounds, clock: this.#clock, source: Track.Source, events: RoomEvent });
    this.#roomPresence = new RoomPresence(room, match, this.#watch, this.#clock, this.#bounds, { tracks, quality, flooded: this.#events.flooded });
    // Before media flows: what we send is negotiated while the connection is still being made.
    room.on(RoomEvent.SignalConnected, () => this.#publish(room, Track.Source));
    await room.connect(url, token, CONNECT);
    await this.#joined();
  }

  #publish(room: Room, source: typeof Track.Source): void {
    if (this.#isLeft) return;
    this.#publishing?.close(); // of a try in another region
    this.#publishing = new Publishing(room, source, this.#tracks);
  }

  /** If it was left at the moment when it connected, only this code closes it. */
  async #joined(): Promise<void> {
    if (this.#isLeft) return this.#disconnect();
    this.#events.joined();
  }

  async #disconnect(): Promise<void> {
    try {
      await this.#room?.disconnect(false);
    } catch {
      // It was closed already, or its socket was: in both cases it is not connected.
    }
  }

  #disconnected(again: boolean): void {
    if (!this.#isLeft) this.#events.ended(again);
  }

  #adapt(track: RemoteVideoTrack): void {
    const element = this.#screen?.() ?? null;
    if (element !== null) track.observeElementInfo(new Shown(element));
  }
}
