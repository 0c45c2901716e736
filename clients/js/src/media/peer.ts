import type { Clock } from "../clock.ts";
import type { MediaGrant, PeerMedia, Presence, SignalBody, SignalData } from "../vocabulary.ts";
import { PeerLink } from "./link.ts";
import type { LocalTracks, MediaSession, MediaSetting, OpenMedia } from "./port.ts";
import { PresenceWatch } from "./presence.ts";

export interface PeerOptions {
  readonly clock: Clock;
  readonly connect: (configuration: RTCConfiguration) => RTCPeerConnection;
}

/** A `hello` may be lost with the partner's line; after these few the media deadline is over. */
const HELLO_MS = 2_500;
const HELLOS = 4;

/** Browser to browser, for grants of kind `peer`. */
export function peerMedia({ clock, connect }: PeerOptions): OpenMedia {
  return (setting) => (setting.grant.kind === "peer" ? new PeerSession(setting, setting.grant, clock, connect) : null);
}

/**
 * Finds the partner's page and keeps one connection to it.
 *
 * Every signal names the page it comes from. A page that we do not know yet is the partner's new one (a reload):
 * the old connection is dropped and another built. A page once left never comes back, so late signals of it are nothing.
 */
class PeerSession implements MediaSession {
  readonly #setting: MediaSetting;
  readonly #clock: Clock;
  readonly #connect: PeerOptions["connect"];
  readonly #watch: PresenceWatch;
  readonly #left = new Set<string>();
  #grant: PeerMedia;
  #tracks: LocalTracks;
  #partner: string | null = null;
  #link: PeerLink | null = null;
  #hellos = 0;
  #cancelHello: () => void = () => undefined;
  #closed = false;

  constructor(setting: MediaSetting, grant: PeerMedia, clock: Clock, connect: PeerOptions["connect"]) {
    this.#setting = setting;
    this.#grant = grant;
    this.#tracks = setting.tracks;
    this.#clock = clock;
    this.#connect = connect;
    const { status, vouched, presence } = setting.events;
    this.#watch = new PresenceWatch(clock, setting.presence, {
      status: (word, fresh) => {
        if (word === "silent") this.#restart();
        status(word, fresh);
      },
      vouched,
      presence,
    });
    this.#hello();
  }

  hear(data: SignalData): void {
    if (this.#closed || data.from === this.#setting.page || this.#left.has(data.from)) return;
    if ("bye" in data) return this.#dismissed(data.from);
    if (data.from !== this.#partner) this.#meet(data.from);
    else if (this.#link === null && !("candidate" in data)) this.#build();
    this.#link?.hear(data);
    if ("hello" in data) this.#greeted();
  }

  grant(grant: MediaGrant): void {
    if (grant.kind === "peer") this.#grant = grant;
  }

  send(tracks: LocalTracks): void {
    this.#tracks = tracks;
    this.#link?.send(tracks);
  }

  tell(presence: Presence): void {
    this.#watch.tell(presence);
  }

  ask(): void {
    this.#watch.ask();
  }

  close(): void {
    this.#closed = true;
    this.#cancelHello();
    this.#watch.close();
    this.#link?.close();
    this.#link = null;
  }

  /** The impolite side offers: first as soon as it knows our page, which may have loaded after our first hello. */
  #greeted(): void {
    if (this.#grant.role === "polite") this.#signal({ hello: true });
    else this.#link?.restart();
  }

  /** Only the impolite side can; the polite one asks it to, for it may be the only one that hears nothing. */
  #restart(): void {
    if (this.#link === null) return;
    if (this.#grant.role === "impolite") this.#link.restart();
    else if (this.#link.wasOpen) this.#signal({ hello: true });
  }

  #meet(page: string): void {
    if (this.#partner !== null) this.#left.add(this.#partner);
    this.#partner = page;
    this.#hellos = 0;
    this.#drop();
    this.#build();
  }

  /** They start anew and say hello next; if that hello is lost, ours makes them. */
  #dismissed(page: string): void {
    if (page !== this.#partner) return;
    this.#drop();
    this.#helloLater(HELLO_MS);
  }

  #build(): void {
    this.#cancelHello();
    const pc = this.#connect(this.#configuration());
    const link: PeerLink = new PeerLink(pc, this.#grant.role, this.#tracks, this.#clock, {
      signal: (body) => this.#signal(body),
      tracks: (tracks) => this.#setting.events.tracks(tracks),
      opened: () => this.#watch.attach({ send: (text) => link.say(text) }),
      text: (text) => this.#watch.receive(text),
      failed: () => this.#failed(),
      broken: () => this.#broken(link),
      configuration: () => this.#configuration(),
    });
    this.#link = link;
  }

  #configuration(): RTCConfiguration {
    const { ice_servers: servers, ice_transport_policy: policy } = this.#grant;
    return { iceServers: [...servers], iceTransportPolicy: policy ?? "all" };
  }

  /** Before the first answer there is no way between the two; after it, the way may be found again. */
  #failed(): void {
    this.#watch.fail();
    this.#restart();
  }

  /** A partner who reloads says hello with a new page; one who is still there must be told that we start anew. */
  #broken(link: PeerLink): void {
    if (link !== this.#link) return;
    this.#drop();
    this.#cancelHello();
    this.#cancelHello = this.#clock.after(HELLO_MS / 2, () => {
      this.#signal({ bye: true });
      this.#hello();
    });
  }

  #drop(): void {
    if (this.#link === null) return;
    this.#link.close();
    this.#link = null;
    this.#watch.attach(null);
    this.#setting.events.tracks([]);
  }

  #hello(): void {
    this.#hellos += 1;
    this.#signal({ hello: true });
    if (this.#hellos < HELLOS) this.#helloLater(HELLO_MS);
  }

  #helloLater(ms: number): void {
    this.#cancelHello();
    this.#cancelHello = this.#clock.after(ms, () => this.#hello());
  }

  #signal(body: SignalBody): void {
    if (this.#closed) return;
    const { page, events } = this.#setting;
    const to = this.#partner === null ? {} : { to: this.#partner };
    events.signal({ from: page, ...to, ...body });
  }
}
