import type { Clock } from "../clock.ts";
import type { MediaHint } from "../vocabulary.ts";
import { Allowance, type Rate } from "./bounds.ts";
import { CONFIGURATION, PINGS, offerBoth, type Offered } from "./offering.ts";
import type { LocalTracks, Preparation, WaitingSetting } from "./port.ts";

export interface PreparedOptions {
  readonly clock: Clock;
  readonly connect: (configuration: RTCConfiguration) => RTCPeerConnection;
}

/** Networks change and routers drop their mappings. An offer older than this is replaced, or dropped if its person does not wait. */
const FRESH_MS = 60_000;

/** A timer of a hidden tab is late, and one of a machine that slept does not fire: an offer that is older than this is not used. */
const USABLE_MS = 2 * FRESH_MS;

/** A network that comes and goes must not use up the connections that a browser allows (500 in Chromium). */
const MADE: Rate = { most: 6, every_ms: 20_000 };

interface Ready {
  readonly offered: Offered;
  readonly at_ms: number;
  /** The servers that its candidates were found with, as JSON; null: it has not looked for any yet. */
  readonly servers: string | null;
}

/**
 * One connection with an offer, made while its person waits, for a match in which this side makes the offers.
 *
 * The server and other people do not learn of it. It asks the STUN servers that the operator set for this machine's own addresses, and nothing else. Where
 * there is a TURN server it looks for no addresses before the match: a place on the relay would be held for each person who waits.
 * In a match in which the other side offers it stays for the next one, so that it costs no connection of its own.
 */
export class PeerPreparation implements Preparation {
  readonly #options: PreparedOptions;
  readonly #hint: Extract<MediaHint, { kind: "peer" }>;
  readonly #made: Allowance;
  #tracks: LocalTracks;
  #ready: Ready | null = null;
  #isWaiting = true;
  #isClosed = false;
  #cancelRenewal: () => void = () => undefined;

  constructor(hint: Extract<MediaHint, { kind: "peer" }>, { tracks }: Pick<WaitingSetting, "tracks">, options: PreparedOptions) {
    this.#hint = hint;
    this.#options = options;
    this.#tracks = tracks;
    this.#made = new Allowance(MADE, options.clock);
    this.#make();
  }

  /** Hands over the connection, once; null if there is none that fits what the match needs. */
  take(configuration: RTCConfiguration): Offered | null {
    const ready = this.#ready;
    this.#ready = null;
    this.#cancelRenewal();
    if (ready === null) return null;
    if (this.#fits(ready, configuration)) return ready.offered;
    ready.offered.pc.close();
    return null;
  }

  send(tracks: LocalTracks): void {
    this.#tracks = tracks;
    for (const { sender, receiver } of this.#ready?.offered.pc.getTransceivers() ?? []) {
      sender.replaceTrack(receiver.track.kind === "audio" ? tracks.audio : tracks.video).catch(() => this.#drop());
    }
  }

  wait(isWaiting: boolean): void {
    this.#isWaiting = isWaiting;
    if (isWaiting && this.#ready === null) this.#make();
  }

  renew(): void {
    this.#drop();
    if (this.#isWaiting) this.#make();
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #make(): void {
    if (this.#isClosed || !this.#made.take()) return;
    const { clock } = this.#options;
    const servers = this.#hint.ice_servers;
    const offered = this.#open(servers === undefined ? null : { ...CONFIGURATION, iceServers: [...servers], iceTransportPolicy: "all" });
    if (offered === null) return;
    this.#ready = { offered, at_ms: clock.monotonic(), servers: servers === undefined ? null : JSON.stringify(servers) };
    this.#cancelRenewal = clock.after(FRESH_MS, () => this.renew());
  }

  /** Null: the browser refuses, and the match will do without. */
  #open(configuration: RTCConfiguration | null): Offered | null {
    try {
      const pc = this.#options.connect(configuration ?? CONFIGURATION);
      const channel = pc.createDataChannel("presence", PINGS);
      offerBoth(pc, this.#tracks);
      const made = configuration === null ? null : pc.setLocalDescription();
      made?.catch(() => this.#drop());
      return { pc, channel, made };
    } catch {
      return null;
    }
  }

  #fits({ offered: { pc }, at_ms, servers }: Ready, configuration: RTCConfiguration): boolean {
    if (this.#options.clock.monotonic() - at_ms > USABLE_MS) return false;
    if (servers !== null) return servers === JSON.stringify(configuration.iceServers) && configuration.iceTransportPolicy === "all";
    try {
      pc.setConfiguration(configuration);
      return true;
    } catch {
      return false; // Firefox before 119 has no such method.
    }
  }

  #drop(): void {
    this.#cancelRenewal();
    this.#ready?.offered.pc.close();
    this.#ready = null;
  }
}

