import { pause, type Clock } from "../clock.ts";
import type { Role, SignalBody } from "../vocabulary.ts";
import type { LocalTracks } from "./port.ts";

export interface LinkEvents {
  readonly signal: (body: SignalBody) => void;
  readonly tracks: (tracks: readonly MediaStreamTrack[]) => void;
  readonly opened: () => void;
  readonly text: (text: string) => void;
  /** ICE found no way, or lost it. */
  readonly failed: () => void;
  /** The partner closed it, or it is beyond repair: another one is needed. */
  readonly broken: () => void;
  /** The servers to look for a way with, as the newest state names them. */
  readonly configuration: () => RTCConfiguration;
}

/** Candidates that come this soon travel inside the description: on most networks that is all of them, in one signal. */
const GATHER_MS = 80;

/** Agreed on by both sides beforehand, so that it needs no announcement. */
const PINGS: RTCDataChannelInit = { negotiated: true, id: 0, ordered: false, maxRetransmits: 0 };

/**
 * One connection to one page of the partner: W3C's "perfect negotiation", without its crossing offers.
 *
 * The impolite side makes every offer, so that no two cross and none is rolled back: in Chromium (156, measured) a
 * rollback on a connection that is up freezes what it receives, for good. Signals and offers are worked off one by one,
 * so no two interleave.
 */
export class PeerLink {
  readonly #pc: RTCPeerConnection;
  readonly #role: Role;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #channel: RTCDataChannel;
  readonly #life = new AbortController();
  readonly #early: RTCIceCandidateInit[] = [];
  #tracks: LocalTracks;
  #work: Promise<void> = Promise.resolve();
  #ignoring = false;
  #gathering = false;

  constructor(pc: RTCPeerConnection, role: Role, tracks: LocalTracks, clock: Clock, events: LinkEvents) {
    this.#pc = pc;
    this.#role = role;
    this.#tracks = tracks;
    this.#clock = clock;
    this.#events = events;
    this.#channel = pc.createDataChannel("presence", PINGS);
    this.#listen();
    if (role === "impolite") this.#offerBoth();
  }

  hear(body: SignalBody): void {
    if ("description" in body) this.#enqueue(() => this.#describe(body.description));
    else if ("candidate" in body) this.#enqueue(() => this.#candidate(body.candidate));
  }

  /** Drops what cannot be sent now. */
  say(text: string): void {
    if (this.wasOpen) this.#channel.send(text);
  }

  send(tracks: LocalTracks): void {
    this.#tracks = tracks;
    for (const { sender, receiver } of this.#pc.getTransceivers()) {
      // A connection that closes meanwhile refuses; there is nothing left to show then.
      sender.replaceTrack(this.#own(receiver.track.kind)).catch(() => undefined);
    }
  }

  /** There was a way to the partner once. */
  get wasOpen(): boolean {
    return this.#channel.readyState === "open";
  }

  /** The impolite side looks for a new way to the same page, once there was one: the network changed under it. */
  restart(): void {
    if (this.#role !== "impolite" || !this.wasOpen || this.#life.signal.aborted) return;
    this.#renew();
    this.#pc.restartIce();
  }

  /**
   * Before each new search for a way: the credentials of the last one may have run out.
   *
   * Only then, for it obliges the next offer to be a new search. What is allocated already lives on with the old ones.
   */
  #renew(): void {
    try {
      this.#pc.setConfiguration(this.#events.configuration());
    } catch {
      // Firefox before 119 has no such method: the old ones are tried.
    }
  }

  close(): void {
    this.#life.abort();
    this.#channel.close();
    this.#pc.close();
  }

  #listen(): void {
    const pc = this.#pc;
    const { signal } = this.#life;
    const options = { signal };
    pc.addEventListener("negotiationneeded", () => this.#enqueue(() => this.#offer()), options);
    pc.addEventListener("icecandidate", ({ candidate }) => this.#found(candidate), options);
    pc.addEventListener("track", () => this.#events.tracks(pc.getReceivers().map(({ track }) => track)), options);
    pc.addEventListener("connectionstatechange", () => this.#changed(), options);
    this.#channel.addEventListener("open", () => this.#events.opened(), options);
    this.#channel.addEventListener("close", () => this.#events.broken(), options);
    this.#channel.addEventListener("message", ({ data }: MessageEvent<unknown>) => this.#heard(data), options);
  }

  #changed(): void {
    if (this.#pc.connectionState === "failed") this.#events.failed();
  }

  #heard(data: unknown): void {
    if (typeof data === "string") this.#events.text(data);
  }

  /** Both kinds always, with a track or without: a camera that is switched on later needs no new negotiation. */
  #offerBoth(): void {
    for (const kind of ["audio", "video"] as const) {
      this.#pc.addTransceiver(this.#own(kind) ?? kind, { direction: "sendrecv" });
    }
  }

  #own(kind: string): MediaStreamTrack | null {
    return kind === "audio" ? this.#tracks.audio : this.#tracks.video;
  }

  async #offer(): Promise<void> {
    if (this.#role === "polite" || this.#pc.signalingState !== "stable") return;
    await this.#announce();
  }

  async #describe(description: RTCSessionDescriptionInit): Promise<void> {
    const crossed = description.type === "offer" && this.#pc.signalingState !== "stable";
    this.#ignoring = crossed && this.#role === "impolite";
    if (this.#ignoring) return;
    if (description.type === "offer" && this.#pc.remoteDescription !== null) this.#renew();
    if (description.type === "answer" && this.#pc.signalingState !== "have-local-offer") return;
    await this.#pc.setRemoteDescription(description); // rolls our own offer back when the two crossed
    for (const candidate of this.#early.splice(0)) await this.#candidate(candidate);
    if (description.type !== "offer") return;
    await this.#answerBoth();
    await this.#announce();
  }

  async #answerBoth(): Promise<void> {
    for (const transceiver of this.#pc.getTransceivers()) {
      transceiver.direction = "sendrecv";
      await transceiver.sender.replaceTrack(this.#own(transceiver.receiver.track.kind));
    }
  }

  /** Sets the local description and sends it with the candidates that are quick. */
  async #announce(): Promise<void> {
    this.#gathering = true;
    await this.#pc.setLocalDescription();
    if (this.#pc.iceGatheringState !== "complete") await this.#gathered();
    this.#gathering = false;
    const description = this.#pc.localDescription;
    if (description === null || this.#life.signal.aborted) return;
    this.#events.signal({ description: { type: description.type, sdp: description.sdp } });
  }

  #gathered(): Promise<void> {
    const done = new AbortController();
    const check = (): void => {
      if (this.#pc.iceGatheringState === "complete") done.abort();
    };
    this.#pc.addEventListener("icegatheringstatechange", check, { signal: this.#life.signal });
    this.#life.signal.addEventListener("abort", () => done.abort(), { signal: done.signal });
    return pause(this.#clock, GATHER_MS, done.signal);
  }

  #found(candidate: RTCIceCandidate | null): void {
    if (candidate === null || candidate.candidate === "" || this.#gathering) return;
    this.#events.signal({ candidate: candidate.toJSON() });
  }

  async #candidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.#pc.remoteDescription === null) {
      this.#early.push(candidate);
      return;
    }
    try {
      await this.#pc.addIceCandidate(candidate);
    } catch {
      // Of an offer that we ignored, or of a network that is gone: one way less, not the end of the connection.
    }
  }

  #enqueue(task: () => Promise<void>): void {
    this.#work = this.#work.then(() => (this.#life.signal.aborted ? undefined : task())).catch(() => {
      if (!this.#life.signal.aborted) this.#events.broken();
    });
  }
}
