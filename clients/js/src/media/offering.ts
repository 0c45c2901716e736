import type { LocalTracks } from "./port.ts";

/** A connection that the side which makes the offers begins with. */
export interface Offered {
  readonly pc: RTCPeerConnection;
  readonly channel: RTCDataChannel;
  /** Settles once its offer is the local description; null if that is still to be done. */
  readonly made: Promise<void> | null;
}

/** Agreed on by both sides beforehand, so that it needs no announcement. */
export const PINGS: RTCDataChannelInit = { negotiated: true, id: 0, ordered: false, maxRetransmits: 0 };

/** Offers both kinds always, with a track or without: a camera that is switched on later needs no new negotiation. */
export function offerBoth(pc: RTCPeerConnection, { audio, video }: LocalTracks): void {
  pc.addTransceiver(audio ?? "audio", { direction: "sendrecv" });
  pc.addTransceiver(video ?? "video", { direction: "sendrecv" });
}

/** What all connections of this package have in common: picture, sound and pings take one way, so that only one is looked for. */
export const CONFIGURATION: RTCConfiguration = { bundlePolicy: "max-bundle" };
