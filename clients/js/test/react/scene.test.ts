import { describe, expect, it, vi } from "vitest";
import { emptyScene, nextScene } from "../../src/react/scene.ts";
import { nobody, type Partner } from "../../src/stage.ts";
import { emptyModel, type Model } from "../../src/state/model.ts";
import { matched } from "../doubles/states.ts";

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
const showing = (...tracks: MediaStreamTrack[]): Partner => ({ tracks, presence: null });

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

  it("has nobody on a page that was taken over", () => {
    const scene = nextScene(emptyScene, { model: { ...model, link: "taken-over" }, partner: nobody });
    expect(scene).toMatchObject({ match: null, partner: null, isConnected: false, link: "taken-over" });
  });
});
