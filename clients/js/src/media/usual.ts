import type { Clock } from "../clock.ts";
import { attachedMedia } from "./attached.ts";
import { peerMedia } from "./peer.ts";
import type { OpenMedia } from "./port.ts";
import { textMedia } from "./text.ts";

/**
 * What the server grants: browser to browser, or a LiveKit room that the app connects itself (`duologue/livekit` has
 * `livekitMedia`, which does it). Where there is no WebRTC (Node), text.
 */
export function usualMedia(clock: Clock): OpenMedia {
  if (typeof RTCPeerConnection === "undefined") return textMedia({ clock });
  const peer = peerMedia({ clock, connect: (configuration) => new RTCPeerConnection(configuration) });
  const attached = attachedMedia({ clock });
  return (setting) => peer(setting) ?? attached(setting);
}
