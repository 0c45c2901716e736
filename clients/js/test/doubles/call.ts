import { expect } from "vitest";
import { attachedMedia } from "../../src/media/attached.ts";
import { BOUNDS, type Bounds } from "../../src/media/bounds.ts";
import { livekitMedia } from "../../src/media/livekit.ts";
import type { LocalTracks, MediaSession } from "../../src/media/port.ts";
import type { Qualities } from "../../src/media/quality.ts";
import type { LivekitRoom } from "../../src/media/room.ts";
import type { LivekitMedia, Role } from "../../src/vocabulary.ts";
import { FakeClock } from "./clock.ts";
import { FakeLivekit, FakeRoom, fakeToken } from "./livekit.ts";

export const ROOM = "ns_m_1";
export const NOT_YET: LivekitMedia = { kind: "livekit", ready: false };
export const other = { polite: "impolite", impolite: "polite" } as const;

export function grant(role: Role, room = ROOM): LivekitMedia {
  return { kind: "livekit", ready: true, url: "wss://livekit", room, token: fakeToken(room, `m_1.${role}`) };
}

export function track(kind: "audio" | "video"): MediaStreamTrack {
  return { kind, stop: () => expect.unreachable("it is the page's") } as unknown as MediaStreamTrack;
}

export interface Page {
  readonly session: MediaSession;
  readonly words: string[];
  readonly tracks: MediaStreamTrack[];
  quality: Qualities | null;
  vouched: number;
}

interface Loading {
  readonly attached?: boolean;
  readonly room?: LivekitRoom | null;
  readonly tracks?: LocalTracks;
  readonly bounds?: Bounds;
}

export class Call {
  readonly clock = new FakeClock();
  readonly livekit = new FakeLivekit();

  load(media: LivekitMedia, { attached = false, room = null, tracks = { audio: track("audio"), video: track("video") }, bounds = BOUNDS }: Loading = {}): Page {
    const words: string[] = [];
    const shown: MediaStreamTrack[] = [];
    const { clock } = this;
    const open = attached ? attachedMedia({ clock, bounds }) : livekitMedia({ clock, bounds, load: this.livekit.load });
    const session = open({
      match: "m_1",
      page: "p_1",
      grant: media,
      tracks,
      presence: { camera: true, microphone: true, hidden: false },
      room,
      events: {
        status: (status, fresh) => void words.push(fresh ? `${status}!` : status),
        limited: (limit) => void words.push(limit),
        vouched: () => void (page.vouched += 1),
        tracks: (now) => void shown.splice(0, shown.length, ...now),
        presence: () => undefined,
        quality: (quality) => void (page.quality = quality),
        signal: () => expect.unreachable("nothing is relayed"),
      },
    })!;
    const page: Page = { session, words, tracks: shown, quality: null, vouched: 0 };
    return page;
  }

  async met(): Promise<[Page, Page]> {
    this.livekit.open(ROOM);
    const pages = [this.load(grant("polite")), this.load(grant("impolite"))] as const;
    await this.clock.advance(0);
    return [...pages];
  }
}

/** A room of the app's own, which that side has entered. */
export async function room(call: Call, role: Role): Promise<FakeRoom> {
  const it = new FakeRoom(call.livekit);
  await it.connect("", fakeToken(ROOM, `m_1.${role}`));
  return it;
}
