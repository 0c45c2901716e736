import { pause, type Clock } from "../clock.ts";
import type { Role, SignalBody } from "../vocabulary.ts";
import { Ear, type Allowance, type Bounds } from "./bounds.ts";
import { PINGS, offerBoth, type Offered } from "./offering.ts";
import type { LocalTracks } from "./port.ts";

export interface LinkEvents {
  readonly signal: (body: SignalBody) => void;
  readonly tracks: (tracks: readonly MediaStreamTrack[]) => void;
  readonly opened: () => void;
  readonly text: (text: string) => void;
  /** The partner's browser has described itself, and a way between the two is looked for. */
  readonly searching: () => void;
  /** ICE found no way, or lost it. */
  readonly failed: () => void;
  /** The partner closed it, or it is beyond repair: another one is needed. */
  readonly broken: () => void;
  /** The partner sends so much that no connection to them is wanted. */
  readonly flooded: () => void;
}

export interface LinkSetting {
  /** A connection that was prepared, or a new one. */
  readonly pc: RTCPeerConnection;
  readonly prepared: Offered | null;
  readonly role: Role;
  readonly tracks: LocalTracks;
  readonly clock: Clock;
  readonly bounds: Bounds;
  /** That of the match: another connection does not get another one. */
  readonly negotiations: Allowance;
  /** The servers to look for a way with, as the newest state names them. */
  readonly configuration: () => RTCConfiguration;
  readonly events: LinkEvents;
}

/**
 * Candidates that come this soon travel inside the description, and later ones together with those that are found within as long:
 * Chromium finds its own addresses for UDP in 2 ms, those for TCP in 120 ms more, and those that a STUN server tells in a round trip.
 */
const GATHER_MS = 30;

/** A partner that says hello when our offer must have been there long ago did not get it. */
const LOST_MS = 1_500;

/** Send nothing more to a partner that does not read: a ping that waits in a buffer measures nothing. */
const MOST_BUFFERED = 16_384;

/**
 * One connection to one page of the partner: W3C's "perfect negotiation", without its crossing offers.
 *
 * The impolite side makes every offer, so that no two cross and none is rolled back: in Chromium (156, measured) a
 * rollback on a connection that is up freezes what it receives, for good. An offer of the polite side is ignored. Signals
 * and offers are worked off one by one, so no two interleave.
 */
export class PeerLink {
  readonly #pc: RTCPeerConnection;
  readonly #role: Role;
  readonly #clock: Clock;
  readonly #bounds: Bounds;
  readonly #negotiations: Allowance;
  readonly #ear: Ear;
  readonly #configuration: () => RTCConfiguration;
  readonly #events: LinkEvents;
  readonly #channel: RTCDataChannel;
  readonly #life = new AbortController();
  readonly #early: RTCIceCandidateInit[] = [];
  #tracks: LocalTracks;
  #work: Promise<void> = Promise.resolve();
  #gathering = false;
  /** Found and not told yet. */
  #found: RTCIceCandidateInit[] = [];
  #cancelTelling: (() => void) | null = null;
  #announced_ms = 0;
  /** Heard for the last description. */
  #candidates = 0;
  #channels = 0;

  constructor({ pc, prepared, role, tracks, clock, bounds, negotiations, configuration, events }: LinkSetting) {
    this.#pc = pc;
    this.#role = role;
    this.#tracks = tracks;
    this.#clock = clock;
    this.#bounds = bounds;
    this.#negotiations = negotiations;
    this.#ear = new Ear(bounds, clock);
    this.#configuration = configuration;
    this.#events = events;
    this.#channel = prepared?.channel ?? pc.createDataChannel("presence", PINGS);
    this.#listen();
    if (prepared !== null) this.#offerPrepared(prepared);
    else if (role === "impolite") offerBoth(pc, tracks);
  }

  /** What is beyond the bounds is dropped here, before it waits for its turn. */
  hear(body: SignalBody): void {
    if ("description" in body) this.#hearDescription(body.description);
    else if ("candidate" in body) this.#hearCandidate(body.candidate);
    else if ("candidates" in body) for (const candidate of body.candidates) this.#hearCandidate(candidate);
  }

  /** Drops what cannot be sent now. */
  say(text: string): void {
    if (this.wasOpen && !(this.#channel.bufferedAmount > MOST_BUFFERED)) this.#channel.send(text);
  }

  send(tracks: LocalTracks): void {
    this.#tracks = tracks;
    for (const { sender, receiver } of this.#taken()) {
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

  /** Says the offer again that the partner seems not to have got. */
  repeat(): void {
    const isLost = this.#pc.signalingState === "have-local-offer" && this.#clock.monotonic() - this.#announced_ms >= LOST_MS;
    if (isLost && this.#negotiations.take()) this.#describeSelf();
  }

  /**
   * Before each new search for a way: the credentials of the last one may have run out.
   *
   * Only then, for it obliges the next offer to be a new search. What is allocated already lives on with the old ones.
   */
  #renew(): void {
    try {
      this.#pc.setConfiguration(this.#configuration());
    } catch {
      // Firefox before 119 has no such method: the old ones are tried.
    }
  }

  close(): void {
    this.#life.abort();
    this.#cancelTelling?.();
    this.#channel.close();
    this.#pc.close();
  }

  #listen(): void {
    const pc = this.#pc;
    const { signal } = this.#life;
    const options = { signal };
    pc.addEventListener("negotiationneeded", () => this.#enqueue(() => this.#offer()), options);
    pc.addEventListener("icecandidate", ({ candidate }) => this.#find(candidate), options);
    pc.addEventListener("track", () => this.#events.tracks(this.#taken().map(({ receiver }) => receiver.track)), options);
    pc.addEventListener("connectionstatechange", () => this.#changed(), options);
    pc.addEventListener("datachannel", ({ channel }) => this.#refuse(channel), options);
    this.#channel.addEventListener("open", () => this.#events.opened(), options);
    this.#channel.addEventListener("close", () => this.#events.broken(), options);
    this.#channel.addEventListener("message", ({ data }: MessageEvent<unknown>) => this.#heard(data), options);
  }

  #changed(): void {
    if (this.#pc.connectionState === "failed") this.#events.failed();
  }

  /** The one channel that there is was agreed on beforehand. */
  #refuse(channel: RTCDataChannel): void {
    channel.close();
    this.#channels += 1;
    if (this.#channels > this.#bounds.channels) this.#events.flooded();
  }

  #heard(data: unknown): void {
    const isText = typeof data === "string";
    if (this.#ear.hears(isText ? data.length : Infinity) && isText) this.#events.text(data);
    else if (this.#ear.isFlooded) this.#events.flooded();
  }

  #own(kind: string): MediaStreamTrack | null {
    return kind === "audio" ? this.#tracks.audio : this.#tracks.video;
  }

  /** The sections that carry media: the first of audio and the first of video. */
  #taken(): RTCRtpTransceiver[] {
    const there = this.#pc.getTransceivers().filter(({ direction }) => direction !== "stopped");
    return ["audio", "video"].flatMap((kind) => there.filter(({ receiver }) => receiver.track.kind === kind).slice(0, this.#bounds.sectionsOfKind));
  }

  async #offer(): Promise<void> {
    if (this.#role === "polite" || this.#pc.signalingState !== "stable") return;
    await this.#announce();
  }

  #hearDescription(description: RTCSessionDescriptionInit): void {
    if (description.type !== (this.#role === "polite" ? "offer" : "answer") || !this.#negotiations.take()) return;
    this.#candidates = 0;
    this.#enqueue(() => this.#describe(description));
  }

  async #describe({ type, sdp = "" }: RTCSessionDescriptionInit): Promise<void> {
    if (type === "offer" && this.#pc.remoteDescription !== null) this.#renew();
    if (type === "answer" && this.#pc.signalingState !== "have-local-offer") return;
    if ((sdp.match(/^m=/gm) ?? []).length > this.#bounds.sections) throw new Error("an offer of too many sections");
    await this.#pc.setRemoteDescription({ type, sdp: this.#bounds.layers ? sdp : withoutLayers(sdp) });
    if (!this.wasOpen) this.#events.searching();
    for (const candidate of this.#early.splice(0)) await this.#candidate(candidate);
    if (type !== "offer") return;
    await this.#answerBoth();
    await this.#announce();
  }

  /** Whatever else was offered is rejected. */
  async #answerBoth(): Promise<void> {
    const taken = this.#taken();
    for (const transceiver of this.#pc.getTransceivers()) if (!taken.includes(transceiver)) transceiver.stop();
    for (const transceiver of taken) {
      transceiver.direction = "sendrecv";
      await transceiver.sender.replaceTrack(this.#own(transceiver.receiver.track.kind));
    }
  }

  /** What was prepared is said in the very moment in which it can be: with a pulse that is due, it is one request. */
  #offerPrepared({ pc, made }: Offered): void {
    if (pc.localDescription !== null && pc.iceGatheringState === "complete") this.#describeSelf();
    else this.#enqueue(() => this.#announce(made));
  }

  /** Sets the local description, unless that is under way, and sends it with the candidates that are quick. */
  async #announce(made: Promise<void> | null = null): Promise<void> {
    this.#gathering = true;
    await (made ?? this.#pc.setLocalDescription());
    if (this.#pc.iceGatheringState !== "complete") await this.#gathered();
    this.#gathering = false;
    if (!this.#life.signal.aborted) this.#describeSelf();
  }

  #describeSelf(): void {
    const description = this.#pc.localDescription;
    if (description === null) return;
    this.#announced_ms = this.#clock.monotonic();
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

  #find(candidate: RTCIceCandidate | null): void {
    if (candidate === null || candidate.candidate === "" || this.#gathering) return;
    this.#found.push(candidate.toJSON());
    this.#cancelTelling ??= this.#clock.after(GATHER_MS, () => this.#tell());
  }

  #tell(): void {
    this.#cancelTelling = null;
    this.#events.signal({ candidates: this.#found.splice(0) });
  }

  #hearCandidate(candidate: RTCIceCandidateInit): void {
    const { candidates, candidateChars } = this.#bounds;
    if (this.#candidates >= candidates || (candidate.candidate ?? "").length > candidateChars) return;
    this.#candidates += 1;
    this.#enqueue(() => this.#candidate(candidate));
  }

  async #candidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.#pc.remoteDescription === null) {
      this.#early.push(candidate);
      return;
    }
    try {
      await this.#pc.addIceCandidate(candidate);
    } catch {
      // Of a description that was not taken, or of a network that is gone: one way less, not the end of the connection.
    }
  }

  #enqueue(task: () => Promise<void>): void {
    this.#work = this.#work.then(() => (this.#life.signal.aborted ? undefined : task())).catch(() => {
      if (!this.#life.signal.aborted) this.#events.broken();
    });
  }
}

/** Without what asks for several encodings of one picture at once: this page sends one. */
function withoutLayers(sdp: string): string {
  return sdp.replace(/^a=(?:simulcast|rid):.*\r?\n/gm, "");
}
