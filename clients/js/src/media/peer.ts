import type { Clock } from "../clock.ts";
import type { MediaGrant, PeerMedia, Presence, SignalBody, SignalData } from "../vocabulary.ts";
import type { Obstacle } from "../state/media.ts";
import { Allowance, BOUNDS, type Bounds, type Limit } from "./bounds.ts";
import { PeerLink } from "./link.ts";
import { CONFIGURATION, type Offered } from "./offering.ts";
import type { LocalTracks, MediaSession, MediaSetting, OpenMedia, WaitingSetting } from "./port.ts";
import { PeerPreparation } from "./prepared.ts";
import { PresenceWatch } from "./presence.ts";

export interface PeerOptions {
  readonly clock: Clock;
  readonly connect: (configuration: RTCConfiguration) => RTCPeerConnection;
  /** How much of a partner is put up with in one match; an app has no reason to set it. */
  readonly bounds?: Bounds;
}

/** A `hello` may be lost with the partner's line; after these few the media deadline is over. */
const HELLO_MS = 2_500;
const HELLOS = 4;

/** What was kept for a page follows its first state at once. */
const REPLAYED_MS = 1_000;

/** Signals that wait for the connection they are meant for: they came in the moment in which its page was first heard of. */
const MOST_ARRIVING = 80;

/** Browser to browser, for grants of kind `peer`. */
export function peerMedia({ clock, connect, bounds = BOUNDS }: PeerOptions): OpenMedia {
  const open = (setting: MediaSetting): MediaSession | null =>
    setting.grant.kind === "peer" ? new PeerSession(setting, setting.grant, clock, connect, bounds) : null;
  const prepare = (setting: WaitingSetting): PeerPreparation | null =>
    setting.hint.kind === "peer" ? new PeerPreparation(setting.hint, setting, { clock, connect }) : null;
  return Object.assign(open, { prepare });
}

/**
 * Finds the partner's page and keeps one connection to it.
 *
 * Every signal names the page it comes from. A page that we do not know yet is the partner's new one (a reload):
 * the old connection is closed, and another is built afterwards. A page once left never comes back, so late signals of it are
 * nothing. The number of pages is bounded, and so is everything else that a partner can make this page do.
 */
class PeerSession implements MediaSession {
  readonly #setting: MediaSetting;
  readonly #clock: Clock;
  readonly #connect: PeerOptions["connect"];
  readonly #bounds: Bounds;
  readonly #connections: Allowance;
  readonly #negotiations: Allowance;
  readonly #watch: PresenceWatch;
  readonly #left = new Set<string>();
  #limit: Limit | null = null;
  /** Of the partner's newest page, until its connection is built; null once it is. */
  #arriving: SignalData[] | null = null;
  #grant: PeerMedia;
  #tracks: LocalTracks;
  #partner: string | null = null;
  /** The partner's page said something; until then we have its name from the server. */
  #isHeard = false;
  readonly #begun_ms: number;
  /** The partner's page reads lists of candidates. */
  #lists = false;
  #link: PeerLink | null = null;
  #hellos = 0;
  #cancelHello: () => void = () => undefined;
  #closed = false;

  constructor(setting: MediaSetting, grant: PeerMedia, clock: Clock, connect: PeerOptions["connect"], bounds: Bounds) {
    this.#setting = setting;
    this.#grant = grant;
    this.#tracks = setting.tracks;
    this.#clock = clock;
    this.#connect = connect;
    this.#bounds = bounds;
    this.#connections = new Allowance(bounds.connections, clock);
    this.#negotiations = new Allowance(bounds.negotiations, clock);
    const { status, vouched, presence } = setting.events;
    this.#watch = new PresenceWatch(clock, setting.presence, {
      status: (word, fresh) => {
        if (word === "silent" && this.#limit !== null) return this.#watch.fail();
        if (word === "silent") this.#restart();
        status(word, fresh);
      },
      vouched,
      presence,
    });
    this.#obstructed("answer");
    this.#partner = grant.page ?? null;
    this.#begun_ms = clock.monotonic();
    this.#begin();
  }

  hear(data: SignalData): void {
    if (this.#closed || this.#limit === "flood" || data.from === this.#setting.page || this.#left.has(data.from)) return;
    if ("bye" in data) return this.#dismissed(data.from);
    if (this.#mayBeOld(data)) return;
    if (data.from !== this.#partner && !this.#meet(data.from)) return;
    this.#isHeard = true;
    this.#lists ||= data.lists === true;
    if (this.#arriving === null) this.#take(data);
    else if (this.#arriving.length < MOST_ARRIVING) this.#arriving.push(data);
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
    this.#arriving = null;
    this.#cancelHello();
    this.#watch.close();
    this.#link?.close();
    this.#link = null;
  }

  /**
   * The server named the partner's newest page, which we have not heard yet. A `hello` of another one that names nobody is most
   * likely a replay of what their page said before it was loaded again; a page that is newer still says it again in 2.5 s.
   */
  #mayBeOld(data: SignalData): boolean {
    const isOther = data.from !== this.#partner && this.#partner !== null && !this.#isHeard;
    return isOther && data.to === undefined && this.#clock.monotonic() - this.#begun_ms < REPLAYED_MS;
  }

  /** The offer is the first signal where it can be: a page that is known needs no hello before it. */
  #begin(): void {
    if (this.#grant.role === "impolite" && this.#partner !== null) this.#build();
    else this.#hello();
  }

  #take(data: SignalData): void {
    if (this.#link === null && !("candidate" in data || "candidates" in data)) this.#build();
    this.#link?.hear(data);
    if ("hello" in data) this.#greeted();
  }

  /** The impolite side offers: first as soon as it knows our page, which may have loaded after our first hello. */
  #greeted(): void {
    if (this.#grant.role === "impolite") return this.#link?.wasOpen === true ? this.#restart() : this.#link?.repeat();
    if (this.#negotiations.take()) this.#signal({ hello: true });
  }

  /** Only the impolite side can; the polite one asks it to, for it may be the only one that hears nothing. */
  #restart(): void {
    if (this.#link?.wasOpen !== true || !this.#negotiations.take()) return;
    if (this.#grant.role === "impolite") this.#link.restart();
    else this.#signal({ hello: true });
  }

  /**
   * The partner has another page: the connection to the last one is closed now, and one to the new one is built once everything
   * that came in this moment was heard. Of many pages at a time, as a replay brings them, only the last one gets a connection.
   */
  #meet(page: string): boolean {
    if (this.#partner !== null) {
      if (this.#left.size >= this.#bounds.pageChanges) return this.#limited("pages");
      this.#left.add(this.#partner);
    }
    this.#partner = page;
    this.#isHeard = false;
    this.#lists = false;
    this.#hellos = 0;
    this.#drop();
    const arriving: SignalData[] = (this.#arriving = []);
    queueMicrotask(() => this.#arrived(arriving));
    return true;
  }

  #arrived(signals: readonly SignalData[]): void {
    if (signals !== this.#arriving) return;
    this.#arriving = null;
    this.#build();
    for (const data of signals) this.#take(data);
  }

  /** A page of this package does not come here: nothing more is taken of the partner, and the person is told why. */
  #limited(limit: Limit): false {
    if (this.#limit !== limit) this.#setting.events.limited(limit);
    this.#limit = limit;
    if (this.#link?.wasOpen !== true) this.#watch.fail();
    return false;
  }

  /** They start again and say hello next; if that hello is lost, ours makes them do so. */
  #dismissed(page: string): void {
    if (page !== this.#partner) return;
    this.#drop();
    this.#helloLater(HELLO_MS);
  }

  /** One connection at a time: there is none when this is called. */
  #build(): void {
    this.#cancelHello();
    const opened = this.#connections.take() ? this.#open() : null;
    if (opened === null) {
      this.#obstructed("browser");
      this.#watch.fail();
      return this.#startAnewLater();
    }
    const link: PeerLink = new PeerLink({
      ...opened,
      role: this.#grant.role,
      tracks: this.#tracks,
      clock: this.#clock,
      bounds: this.#bounds,
      negotiations: this.#negotiations,
      configuration: () => this.#configuration(),
      events: {
        signal: (body) => this.#signal(body),
        tracks: (tracks) => this.#setting.events.tracks(tracks),
        searching: () => this.#obstructed("way"),
        opened: () => {
          this.#obstructed(null);
          this.#watch.attach({ send: (text) => link.say(text) });
        },
        text: (text) => this.#watch.receive(text),
        failed: () => this.#failed(),
        broken: () => this.#broken(link),
        flooded: () => this.#flooded(),
      },
    });
    this.#link = link;
  }

  #configuration(): RTCConfiguration {
    const { ice_servers: servers, ice_transport_policy: policy } = this.#grant;
    return { ...CONFIGURATION, iceServers: [...servers], iceTransportPolicy: policy ?? "all" };
  }

  /** The connection that was prepared, if we make the offers, or a new one. Null: the browser has too many that it has not cleared away yet. */
  #open(): { readonly pc: RTCPeerConnection; readonly prepared: Offered | null } | null {
    const { prepared } = this.#setting;
    const configuration = this.#configuration();
    const offered = this.#grant.role === "impolite" && prepared instanceof PeerPreparation ? prepared.take(configuration) : null;
    try {
      return { pc: offered?.pc ?? this.#connect(configuration), prepared: offered };
    } catch {
      return null;
    }
  }

  /** Before the first answer there is no way between the two; after it, the way may be found again. */
  #failed(): void {
    this.#watch.fail();
    this.#restart();
  }

  #broken(link: PeerLink): void {
    if (link !== this.#link) return;
    this.#drop();
    if (this.#limit !== null) this.#watch.fail();
    this.#startAnewLater();
  }

  /** A partner that reloads says hello with a new page. A partner that stayed must be told that the connection is new. */
  #startAnewLater(): void {
    this.#cancelHello();
    this.#cancelHello = this.#clock.after(HELLO_MS / 2, () => {
      this.#signal({ bye: true });
      this.#hello();
    });
  }

  #obstructed(obstacle: Obstacle | null): void {
    this.#setting.events.obstacle?.(obstacle);
  }

  #flooded(): void {
    this.#drop();
    this.#cancelHello();
    this.#limited("flood");
  }

  #drop(): void {
    this.#arriving = null;
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
    if ("candidates" in body && (!this.#lists || body.candidates.length === 1)) {
      for (const candidate of body.candidates) this.#say({ candidate });
    } else {
      this.#say(body);
    }
  }

  /** Addressed as soon as it can be: a page that comes later must not take it for something new in a replay. */
  #say(body: SignalBody): void {
    const { page, events } = this.#setting;
    const to = this.#partner === null ? {} : { to: this.#partner };
    const begins = "hello" in body || "description" in body;
    events.signal({ from: page, ...to, ...(begins && { lists: true }), ...body });
  }
}
