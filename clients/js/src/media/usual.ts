import type { Clock } from "../clock.ts";
import { canCall } from "../support.ts";
import { attachedMedia } from "./attached.ts";
import { peerMedia } from "./peer.ts";
import type { MediaSetting, OpenMedia } from "./port.ts";
import { textMedia, writtenMedia } from "./text.ts";

/**
 * What the server grants: browser to browser, or a LiveKit room that the app connects itself (`duologue/livekit` has
 * `livekitMedia`, which does it). Text in a match with a person who cannot have a call, and in every match without
 * WebRTC (Node, a browser that forbids it).
 */
export function usualMedia(clock: Clock): OpenMedia {
  if (!canCall()) return textMedia({ clock });
  const peer = peerMedia({ clock, connect: (configuration) => new RTCPeerConnection(configuration) });
  const attached = attachedMedia({ clock });
  const written = writtenMedia({ clock });
  return Object.assign((setting: MediaSetting) => peer(setting) ?? written(setting) ?? attached(setting), peer.prepare && { prepare: peer.prepare });
}
