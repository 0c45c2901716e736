import type { Clock } from "../clock.ts";
import { peerMedia } from "./peer.ts";
import type { OpenMedia } from "./port.ts";
import { textMedia } from "./text.ts";

/** Browser to browser; where there is no WebRTC (Node), text. */
export function usualMedia(clock: Clock): OpenMedia {
  if (typeof RTCPeerConnection === "undefined") return textMedia({ clock });
  return peerMedia({ clock, connect: (configuration) => new RTCPeerConnection(configuration) });
}
