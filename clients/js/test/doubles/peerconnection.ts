/** Enough of WebRTC for two pages of one process: who offers, who gives way, which connection meets which. */
export class FakeWorld {
  readonly connections: FakePeerConnection[] = [];

  readonly connect = (): RTCPeerConnection => {
    const made = new FakePeerConnection(this, this.connections.length);
    this.connections.push(made);
    return made as unknown as RTCPeerConnection;
  };

  get live(): FakePeerConnection[] {
    return this.connections.filter(({ signalingState }) => signalingState !== "closed");
  }
}

type Description = { type: "offer" | "answer"; sdp: string };

class FakeChannel extends EventTarget {
  readyState: "connecting" | "open" | "closed" = "connecting";
  other: FakeChannel | null = null;

  meet(other: FakeChannel): void {
    if (this.readyState !== "connecting") return;
    this.other = other;
    this.readyState = "open";
    this.dispatchEvent(new Event("open"));
  }

  send(data: string): void {
    queueMicrotask(() => this.other?.dispatchEvent(new MessageEvent("message", { data })));
  }

  /** Nothing arrives any more, and nothing says so: a killed browser, a dead network. */
  cut(): void {
    this.other = null;
  }

  close(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    const { other } = this;
    this.other = null;
    queueMicrotask(() => {
      if (other === null || other.readyState === "closed") return;
      other.readyState = "closed";
      other.dispatchEvent(new Event("close"));
    });
  }
}

/** One section of audio or video. */
class FakeTransceiver {
  direction = "recvonly";
  /** What our side sends in it. */
  track: unknown = null;
  readonly sender = { replaceTrack: (track: unknown) => Promise.resolve(void (this.track = track)) };
  readonly receiver: { readonly track: { readonly kind: string } };

  constructor(kind: string) {
    this.receiver = { track: { kind } };
  }

  stop(): void {
    this.direction = "stopped";
  }
}

export class FakePeerConnection extends EventTarget {
  signalingState: "stable" | "have-local-offer" | "have-remote-offer" | "closed" = "stable";
  connectionState = "new";
  iceGatheringState = "complete";
  localDescription: Description | null = null;
  remoteDescription: Description | null = null;
  readonly channel = new FakeChannel();
  readonly transceivers: FakeTransceiver[] = [];
  closes = 0;
  readonly candidates: unknown[] = [];
  restarts = 0;
  /** What was in force when each search for a way began, the one that the connection was made with left out. */
  readonly searches: RTCConfiguration[] = [];
  #configuration: RTCConfiguration = {};
  #wantsOffer = false;

  constructor(
    readonly world: FakeWorld,
    readonly id: number,
  ) {
    super();
  }

  createDataChannel(): FakeChannel {
    this.#needNegotiation();
    return this.channel;
  }

  addTransceiver(what: string | { readonly kind: string }): void {
    const transceiver = new FakeTransceiver(typeof what === "string" ? what : what.kind);
    if (typeof what !== "string") transceiver.track = what;
    this.transceivers.push(transceiver);
    this.#needNegotiation();
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.#configuration = configuration;
  }

  /** What was set last; empty: it is as it was made. */
  get configuration(): RTCConfiguration {
    return this.#configuration;
  }

  restartIce(): void {
    this.restarts += 1;
    this.#needNegotiation();
  }

  async setLocalDescription(): Promise<void> {
    await Promise.resolve();
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    if (this.localDescription !== null) this.searches.push(this.#configuration);
    this.localDescription = { type, sdp: String(this.id) };
    this.#become(type === "offer" ? "have-local-offer" : "stable");
  }

  async setRemoteDescription(description: Description): Promise<void> {
    await Promise.resolve();
    if (description.sdp === "broken") throw new Error("no SDP");
    if (description.type === "offer" && this.signalingState === "have-local-offer") this.#wantsOffer = true; // rolled back
    this.remoteDescription = description;
    const sections = description.sdp.match(/^m=(\w+)/gm) ?? ["m=audio", "m=video"];
    for (const section of sections.slice(this.transceivers.length)) this.transceivers.push(new FakeTransceiver(section.slice(2)));
    this.#become(description.type === "offer" ? "have-remote-offer" : "stable");
    this.dispatchEvent(new Event("track"));
  }

  addIceCandidate(candidate: unknown): Promise<void> {
    this.candidates.push(candidate);
    return Promise.resolve();
  }

  close(): void {
    this.closes += 1;
    this.signalingState = "closed";
    this.channel.close();
  }

  /** The partner opens a channel of their own. */
  offerChannel(): { closed: boolean } {
    const channel = { closed: false, close: () => void (channel.closed = true) };
    this.dispatchEvent(Object.assign(new Event("datachannel"), { channel }));
    return channel;
  }

  fail(): void {
    this.connectionState = "failed";
    this.dispatchEvent(new Event("connectionstatechange"));
  }

  #become(state: FakePeerConnection["signalingState"]): void {
    if (this.signalingState === "closed") return;
    this.signalingState = state;
    if (state !== "stable") return;
    const other = this.world.connections[Number(this.remoteDescription?.sdp)];
    if (other?.remoteDescription?.sdp === String(this.id) && other.signalingState !== "closed") {
      other.channel.meet(this.channel);
      this.channel.meet(other.channel);
    }
    if (this.#wantsOffer) this.#needNegotiation();
  }

  #needNegotiation(): void {
    this.#wantsOffer = this.signalingState !== "stable";
    if (!this.#wantsOffer) queueMicrotask(() => this.dispatchEvent(new Event("negotiationneeded")));
  }
}
