import { describe, expect, it, vi } from "vitest";
import { emptyScene, nextScene } from "../../src/react/scene.ts";
import { nobody, type Partner } from "../../src/stage.ts";
import { emptyModel, type Model } from "../../src/state/model.ts";
import type { LivekitMedia } from "../../src/vocabulary.ts";
import { match, matched } from "../doubles/states.ts";

class FakeStream {
  constructor(readonly tracks: readonly MediaStreamTrack[]) {}
  getTracks(): readonly MediaStreamTrack[] {
    return this.tracks;
  }
}

vi.stubGlobal("MediaStream", FakeStream);

const model: Model = { ...emptyModel("p_me"), link: "open", state: matched(2, "m_1") };
const track = { kind: "video" } as MediaStreamTrack;
const other = { kind: "audio" } as MediaStreamTrack;
const showing = (...tracks: MediaStreamTrack[]): Partner => ({ tracks, presence: null, quality: nobody.quality });

describe("what a component shows", () => {
  it("is the same object while nothing in it changes", () => {
    const first = nextScene(emptyScene, { model, partner: nobody });
    const again = nextScene(first, { model: { ...model, snapshots: 9, measures: { ...model.measures, told_ms: 3 } }, partner: { ...nobody } });
    expect(again).toBe(first);
  });

  it("keeps the partner's stream for the same tracks, and makes another for others", () => {
    const first = nextScene(emptyScene, { model, partner: showing(track) });
    const again = nextScene(first, { model, partner: showing(track) });
    const more = nextScene(again, { model, partner: showing(track, other) });
    expect(again.partner?.stream).toBe(first.partner?.stream);
    expect(more.partner?.stream).not.toBe(first.partner?.stream);
    expect(nextScene(more, { model, partner: nobody }).partner?.stream).toBeNull();
  });

  it("gives an app's own <LiveKitRoom> one grant a room, once it is open", () => {
    const at = (media: Partial<LivekitMedia>, name = "m_1"): Model => {
      const state = matched(2, name, { match: { ...match(name), media: { kind: "livekit", ready: true, ...media } } });
      return { ...model, state };
    };
    const granted = { url: "wss://l", room: "ns_m_1", token: "t1" };
    const closed = nextScene(emptyScene, { model: at({ ready: false }), partner: nobody });
    const open = nextScene(closed, { model: at(granted), partner: nobody });
    const again = nextScene(open, { model: at({ ...granted, token: "t2" }), partner: nobody });
    const next = nextScene(again, { model: at({ ...granted, room: "ns_m_2", token: "t3" }, "m_2"), partner: nobody });
    expect([closed.livekit, open.livekit]).toEqual([null, granted]);
    expect(again.livekit).toBe(open.livekit);
    expect(next.livekit).toEqual({ ...granted, room: "ns_m_2", token: "t3" });
    expect(nextScene(next, { model, partner: nobody }).livekit).toBeNull();
  });

  it("says why the next stranger waits for a press", () => {
    const gone = nextScene(emptyScene, { model: { ...model, let_go: "away" }, partner: nobody });
    const back = nextScene(gone, { model, partner: nobody });
    expect([emptyScene.letGo, gone.letGo, back.letGo]).toEqual([null, "away", null]);
  });

  it("has nobody on a page that was taken over", () => {
    const scene = nextScene(emptyScene, { model: { ...model, link: "taken-over" }, partner: nobody });
    expect(scene).toMatchObject({ match: null, partner: null, isConnected: false, link: "taken-over" });
  });
});
