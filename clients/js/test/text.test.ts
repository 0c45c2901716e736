import { describe, expect, it } from "vitest";
import { livekitMedia } from "../src/media/livekit.ts";
import type { MediaSession, MediaSetting } from "../src/media/port.ts";
import { textMedia, writtenMedia } from "../src/media/text.ts";
import { usualMedia } from "../src/media/usual.ts";
import type { MediaGrant, SignalData } from "../src/vocabulary.ts";
import { FakeClock, settle } from "./doubles/clock.ts";

/** Two sides whose signals arrive at once, unless they are lost. */
class Wire {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  lost = false;
  readonly #sides = new Map<string, MediaSession>();

  side(page: string): MediaSession {
    const say = (word: string): void => void this.said.push(`${page} ${word}`);
    const session = textMedia({ clock: this.clock })({
      match: "m_1",
      page,
      grant: { kind: "peer", role: "polite", ice_servers: [] },
      tracks: { audio: null, video: null },
      presence: { camera: false, microphone: false, hidden: false },
      room: null,
      events: {
        status: (status, fresh) => say(fresh ? `${status} anew` : status),
        limited: (limit) => say(limit),
        vouched: () => say("vouched"),
        tracks: () => say("tracks"),
        presence: () => say("presence"),
        quality: () => say("quality"),
        signal: (data) => queueMicrotask(() => this.#carry(page, data)),
      },
    })!;
    this.#sides.set(page, session);
    return session;
  }

  leave(page: string): void {
    this.#sides.get(page)?.close();
    this.#sides.delete(page);
  }

  #carry(from: string, data: SignalData): void {
    if (this.lost) return;
    for (const [page, side] of this.#sides) {
      if (page !== from && (data.to === undefined || data.to === page)) side.hear(data);
    }
  }
}

describe("text only", () => {
  it("is open on both sides once each was answered, though one came later", async () => {
    const wire = new Wire();
    wire.side("a");
    await settle();
    expect(wire.said).toEqual([]);
    wire.side("b");
    await settle();
    expect([...wire.said].sort()).toEqual(["a open anew", "b open anew"]);
  });

  it("says silent when an answer does not come within 5 s, and open when one does", async () => {
    const wire = new Wire();
    wire.side("a");
    wire.side("b");
    await settle();
    wire.said.length = 0;
    wire.lost = true;
    await wire.clock.advance(14_000);
    expect(wire.said).toEqual([]);
    await wire.clock.advance(1_000);
    expect([...wire.said].sort()).toEqual(["a silent", "b silent"]);
    wire.lost = false;
    await wire.clock.advance(2_500);
    expect(wire.said.slice(2)).toContain("a open");
  });

  it("meets the partner's new page after a reload", async () => {
    const wire = new Wire();
    wire.side("a");
    wire.side("b");
    await settle();
    wire.said.length = 0;
    wire.leave("b");
    wire.side("b2");
    await settle();
    expect([...wire.said].sort()).toEqual(["a open anew", "b2 open anew"]);
  });

  it("vouches for a partner who answers a question asked just now", async () => {
    const wire = new Wire();
    const a = wire.side("a");
    wire.side("b");
    await settle();
    wire.said.length = 0;
    a.ask();
    await settle();
    expect(wire.said).toEqual(["a open", "a vouched"]);
  });

  it("says nothing after it was closed", async () => {
    const wire = new Wire();
    wire.side("a");
    wire.side("b");
    await settle();
    wire.leave("a");
    wire.leave("b");
    wire.said.length = 0;
    await wire.clock.advance(60_000);
    expect(wire.said).toEqual([]);
    expect(wire.clock.pending).toBe(0);
  });
});

describe("a match of text", () => {
  const setting = (grant: MediaGrant): MediaSetting => ({
    match: "m_1",
    page: "p",
    grant,
    tracks: { audio: null, video: null },
    presence: { camera: true, microphone: true, hidden: false },
    room: null,
    events: {
      status: () => undefined,
      limited: () => undefined,
      vouched: () => undefined,
      tracks: () => undefined,
      presence: () => undefined,
      quality: () => undefined,
      signal: () => undefined,
    },
  });
  const peer: MediaGrant = { kind: "peer", role: "polite", ice_servers: [] };

  it("is answered by a page that can have calls, which takes no other for one", () => {
    const media = writtenMedia({ clock: new FakeClock() });
    expect(media.textOnly).toBeUndefined();
    expect(media(setting({ kind: "text" }))).not.toBeNull();
    expect(media(setting(peer))).toBeNull();
  });

  it("is all that there is where there is no WebRTC, and rooms are none either", () => {
    const clock = new FakeClock();
    for (const media of [usualMedia(clock), livekitMedia({ clock }), textMedia({ clock })]) {
      expect(media.textOnly).toBe(true);
      for (const grant of [peer, { kind: "text" }, { kind: "livekit", ready: false }] as const) expect(media(setting(grant))).not.toBeNull();
    }
  });
});
