/** How a LiveKit room is entered: what is negotiated when, so that the next face comes soon. */
import { describe, expect, it } from "vitest";
import { livekitMedia } from "../src/media/livekit.ts";
import { Call, grant, ROOM, track } from "./doubles/call.ts";

describe("a room that is being entered", () => {
  it("negotiates both directions while the connection is still being made", async () => {
    const call = new Call();
    call.livekit.open(ROOM);
    const partner = call.load(grant("impolite"));
    await call.clock.advance(0);
    call.livekit.routed = new Promise(() => undefined);
    const page = call.load(grant("polite"));
    await call.clock.advance(0);
    expect(partner.tracks.map(({ kind }) => kind)).toEqual(["audio", "video"]);
    expect(call.livekit.desired("m_1.impolite")).toEqual(["microphone", "camera"]);
    expect([page.words, page.tracks]).toEqual([[], []]);
    page.session.close();
    await call.clock.advance(1_000);
    expect([call.livekit.people(ROOM), partner.tracks]).toEqual([["m_1.impolite"], []]);
  });

  it("asks for what the partner begins to publish while the connection is still being made", async () => {
    const call = new Call();
    call.livekit.open(ROOM);
    call.livekit.routed = new Promise(() => undefined);
    const page = call.load(grant("polite"));
    await call.clock.advance(100);
    const partner = call.load(grant("impolite"));
    await call.clock.advance(20);
    expect(call.livekit.desired("m_1.impolite")).toEqual(["microphone", "camera"]);
    page.session.close();
    partner.session.close();
    await call.clock.advance(0);
    expect(call.clock.pending).toBe(0);
  });

  it("publishes anew in the next try where media found no way", async () => {
    const call = new Call();
    call.livekit.open(ROOM);
    const partner = call.load(grant("impolite"));
    await call.clock.advance(0);
    call.livekit.routed = Promise.reject(new Error("could not establish pc connection"));
    const page = call.load(grant("polite"));
    await call.clock.advance(0);
    expect([call.livekit.people(ROOM), partner.tracks]).toEqual([["m_1.impolite"], []]);
    call.livekit.routed = Promise.resolve();
    await call.clock.advance(500);
    expect([page.words, partner.tracks.length, page.tracks.length]).toEqual([["open!"], 2, 2]);
  });

  it("asks for a microphone together with the camera that follows it", async () => {
    const call = new Call();
    call.livekit.open(ROOM);
    call.load(grant("polite"));
    const other = call.load(grant("impolite"), { tracks: { audio: track("audio"), video: null } });
    await call.clock.advance(149);
    expect(call.livekit.desired("m_1.impolite")).toEqual(["-"]);
    other.session.send({ audio: track("audio"), video: track("video") });
    await call.clock.advance(0);
    expect(call.livekit.desired("m_1.impolite")).toEqual(["microphone", "camera"]);
  });

  it("asks for a microphone alone where no camera follows in 150 ms, and at once after a camera was seen", async () => {
    const call = new Call();
    call.livekit.open(ROOM);
    call.load(grant("polite"));
    const other = call.load(grant("impolite"), { tracks: { audio: track("audio"), video: null } });
    await call.clock.advance(170);
    expect(call.livekit.desired("m_1.impolite")).toEqual(["microphone"]);
    other.session.send({ audio: null, video: track("video") });
    await call.clock.advance(0);
    other.session.send({ audio: track("audio"), video: null });
    await call.clock.advance(0);
    expect(call.livekit.desired("m_1.impolite")).toEqual(["microphone"]);
  });
});

describe("while a person waits for a room", () => {
  const tracks = { audio: null, video: null };

  it("the code is loaded and the server's name looked up, and no room is entered", async () => {
    const { livekit, clock } = new Call();
    const media = livekitMedia({ clock, load: livekit.load });
    expect(media.prepare?.({ hint: { kind: "livekit", url: "wss://livekit" }, tracks })).toBeNull();
    await clock.advance(0);
    expect([livekit.loads, livekit.warmed]).toEqual([1, ["wss://livekit"]]);
    expect(livekit.made.map(({ state }) => state)).toEqual(["disconnected"]);
  });

  it("code that cannot be loaded is left to the match", async () => {
    const { clock } = new Call();
    const media = livekitMedia({ clock, load: () => Promise.reject(new Error("blocked")) });
    expect(media.prepare?.({ hint: { kind: "livekit", url: "wss://livekit" }, tracks })).toBeNull();
    await clock.advance(0);
  });

  it("nothing of LiveKit is loaded where calls go from browser to browser", async () => {
    const { livekit, clock } = new Call();
    const media = livekitMedia({ clock, load: livekit.load, otherwise: () => null });
    expect(media.prepare?.({ hint: { kind: "peer" }, tracks })).toBeNull();
    await clock.advance(0);
    expect(livekit.loads).toBe(0);
  });
});
