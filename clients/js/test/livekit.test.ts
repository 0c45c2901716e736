import { Room, Track } from "livekit-client";
import { describe, expect, it } from "vitest";
import { BOUNDS, type Bounds } from "../src/media/bounds.ts";
import { TOPIC } from "../src/media/roompresence.ts";
import { livekitMedia } from "../src/media/livekit.ts";
import { noQuality } from "../src/media/quality.ts";
import type { LivekitRoom } from "../src/media/room.ts";
import { Call, grant, NOT_YET, other, room, ROOM, track, type Page } from "./doubles/call.ts";
import { FakeRoom, fakeToken } from "./doubles/livekit.ts";

describe("a room of the client's own", () => {
  it("is entered only once the server says that it is open; the code is loaded meanwhile", async () => {
    const call = new Call();
    const page = call.load({ ...grant("polite"), ready: false });
    await call.clock.advance(1_000);
    expect([call.livekit.loads, call.livekit.made.length]).toEqual([1, 0]);
    call.livekit.open(ROOM);
    page.session.grant(grant("polite"));
    await call.clock.advance(0);
    expect(call.livekit.people(ROOM)).toEqual(["m_1.polite"]);
  });

  it("loads nothing for other media", () => {
    const call = new Call();
    const open = livekitMedia({ load: call.livekit.load, otherwise: () => null });
    expect(open({ grant: { kind: "peer" } } as Parameters<typeof open>[0])).toBeNull();
    expect(call.livekit.loads).toBe(0);
  });

  it("is open for both as soon as both are in it, without a tick of a timer", async () => {
    const call = new Call();
    const [one, two] = await call.met();
    expect([one.words, two.words]).toEqual([["open!"], ["open!"]]);
    expect([one.tracks.map(({ kind }) => kind), two.tracks.map(({ kind }) => kind)]).toEqual([
      ["audio", "video"],
      ["audio", "video"],
    ]);
  });

  it("sends what the page sends: another track in place of one, none, and one again", async () => {
    const call = new Call();
    const [one, two] = await call.met();
    const audio = track("audio");
    const video = track("video");
    one.session.send({ audio, video: null });
    await call.clock.advance(0);
    expect(two.tracks.map(({ kind }) => kind)).toEqual(["audio"]);
    one.session.send({ audio, video });
    await call.clock.advance(0);
    expect(two.tracks).toEqual([audio, video]);
  });

  it("is silent when nothing comes for 2.5 s, and vouches when asked (R8)", async () => {
    const call = new Call();
    const [one] = await call.met();
    one.session.ask();
    await call.clock.advance(0);
    expect(one.vouched).toBe(1);
    call.livekit.mute = true;
    await call.clock.advance(3_000);
    expect(one.words).toEqual(["open!", "silent"]);
    call.livekit.mute = false;
    await call.clock.advance(500);
    expect(one.words.at(-1)).toBe("open");
  });

  it("counts silence from the match on, also where the partner never comes (R9, R14)", async () => {
    const call = new Call();
    const page = call.load(NOT_YET);
    await call.clock.advance(2_500);
    expect(page.words).toEqual(["silent"]);
  });

  it("believes no data of other topics, nor of people of another match", async () => {
    const call = new Call();
    const page = call.load(grant("polite"));
    call.livekit.open(ROOM);
    const stranger = new FakeRoom(call.livekit);
    await stranger.connect("", fakeToken(ROOM, "m_2.polite"));
    await call.clock.advance(1_000);
    const ping = new TextEncoder().encode('{"ping":1}');
    await stranger.localParticipant.publishData(ping, { topic: TOPIC });
    await stranger.disconnect();
    const partner = new FakeRoom(call.livekit);
    await partner.connect("", fakeToken(ROOM, "m_1.impolite"));
    await partner.localParticipant.publishData(ping, { topic: "the app's own" });
    await call.clock.advance(1_500);
    expect(page.words).toEqual(["silent"]);
  });

  it("is left at once with the match, and again if it came up in that very moment", async () => {
    const call = new Call();
    const [one, two] = await call.met();
    one.session.close();
    one.session.close();
    await one.session.left?.();
    expect(call.livekit.people(ROOM)).toEqual(["m_1.impolite"]);
    expect(two.tracks).toEqual([]);
    expect(two.words).toEqual(["open!", "connecting"]);
  });

  it("drops pings that find no way out, in place of saying them all late", async () => {
    const call = new Call();
    call.livekit.open(ROOM);
    call.livekit.jammed = new Promise(() => undefined);
    call.load(grant("polite"));
    call.load(grant("impolite"));
    await call.clock.advance(10_000);
    expect(call.livekit.sends).toBe(2 * 4);
  });

  it.each([
    ["before it is loaded", false],
    ["while it connects", false],
    ["while it connects, and comes up all the same,", true],
  ])("given up %s leaves nothing behind", async (when, isStubborn) => {
    const call = new Call();
    call.livekit.open(ROOM);
    call.livekit.isStubborn = isStubborn;
    let go = (): void => undefined;
    call.livekit.held = new Promise((done) => (go = done));
    const page = call.load(grant("polite"));
    const loads = when === "before it is loaded";
    if (!loads) await call.clock.advance(10);
    page.session.close();
    go();
    await call.clock.advance(60_000);
    expect(call.livekit.people(ROOM)).toEqual([]);
    expect(call.livekit.made.length).toBe(loads ? 0 : 1);
    expect(call.livekit.made.every(({ state }) => state === "disconnected")).toBe(true);
    expect(call.clock.pending).toBe(0);
    expect(page.words).toEqual([]);
  });

  it("of the next match waits for nothing of the last one", async () => {
    const call = new Call();
    const [one] = await call.met();
    call.livekit.open("ns_m_2");
    one.session.close();
    const next = call.load(grant("polite", "ns_m_2"));
    await call.clock.advance(0);
    expect(call.livekit.people("ns_m_2")).toEqual(["m_1.polite"]);
    next.session.close();
  });

  it("that a newer page of ours entered is not fought for", async () => {
    const call = new Call();
    const [one, two] = await call.met();
    const reloaded = call.load(grant("polite"), { tracks: { audio: null, video: null } });
    await call.clock.advance(3_000);
    expect(call.livekit.people(ROOM).sort()).toEqual(["m_1.impolite", "m_1.polite"]);
    expect(call.livekit.made.length).toBe(3);
    expect(reloaded.words).toEqual(["open!"]);
    // The partner's connection is a new one, which the server must hear of.
    expect(two.words.filter((word) => word === "open!").length).toBe(2);
    one.session.close();
    expect(call.livekit.people(ROOM)).toContain("m_1.polite");
  });

  it("that cannot be entered is tried again with the newest grant, and said to fail", async () => {
    const call = new Call();
    const page = call.load(grant("polite"));
    await call.clock.advance(400);
    expect(page.words).toEqual([]);
    await call.clock.advance(200);
    expect(page.words).toEqual(["failed"]);
    call.livekit.open("other");
    page.session.grant(grant("polite", "other"));
    await call.clock.advance(2_000);
    expect(call.livekit.people("other")).toEqual(["m_1.polite"]);
  });

  it("that vanished under both is said to fail, not entered for ever at once", async () => {
    const call = new Call();
    const [one] = await call.met();
    call.livekit.delete(ROOM);
    await call.clock.advance(600);
    expect(one.words).toEqual(["open!", "connecting", "failed"]);
    expect(one.tracks).toEqual([]);
    expect(call.livekit.made.length).toBeLessThan(6);
  });

  it("tells how good both connections are, until it is left", async () => {
    const call = new Call();
    const [one] = await call.met();
    call.livekit.made[0]?.rate("excellent", "poor");
    expect(one.quality).toEqual({ own: "excellent", partner: "poor", isPictureHeld: false });
    call.livekit.made[0]?.hold("paused");
    expect(one.quality?.isPictureHeld).toBe(true);
    call.livekit.made[0]?.hold("active");
    call.livekit.made[0]?.rate("made up", "lost");
    expect(one.quality).toEqual({ own: null, partner: "lost", isPictureHeld: false });
    one.session.close();
    expect(one.quality).toEqual(noQuality);
  });

  it("pauses what nobody looks at only where the page says what it looks at", async () => {
    const call = new Call();
    await call.met();
    expect(call.livekit.options[0]).toMatchObject({ adaptiveStream: false, dynacast: true, stopLocalTrackOnUnpublish: false, disconnectOnPageLeave: false, singlePeerConnection: false });
  });
});

describe("a partner who means harm", () => {
  const NO_LIMIT = { most: Infinity, every_ms: 1 };
  const meet = async (bounds: Partial<Bounds> = {}): Promise<[Call, Page, FakeRoom]> => {
    const call = new Call();
    call.livekit.open(ROOM);
    const page = call.load(grant("polite"), { bounds: { ...BOUNDS, ...bounds } });
    await call.clock.advance(0);
    const partner = new FakeRoom(call.livekit);
    await partner.connect("", fakeToken(ROOM, "m_1.impolite"));
    await call.clock.advance(0);
    return [call, page, partner];
  };
  const publish = async (partner: FakeRoom, kind: "audio" | "video", source: Track.Source): Promise<void> => {
    await partner.localParticipant.publishTrack(track(kind), { source });
  };
  const publishAll = async (partner: FakeRoom): Promise<void> => {
    for (const source of [Track.Source.ScreenShare, Track.Source.Camera, Track.Source.Camera, Track.Source.Camera]) await publish(partner, "video", source);
    for (const source of [Track.Source.ScreenShareAudio, Track.Source.Microphone, Track.Source.Microphone]) await publish(partner, "audio", source);
  };
  const flood = async (partner: FakeRoom, times: number, text = '{"ping":1}'): Promise<void> => {
    for (let n = 0; n < times; n += 1) await partner.localParticipant.publishData(new TextEncoder().encode(text), { topic: TOPIC });
  };

  it("is received with one camera and one microphone, however many tracks they publish", async () => {
    const [, page, partner] = await meet();
    await publishAll(partner);
    const desired = [...partner.localParticipant.trackPublications.values()].map(({ source, isDesired }) => (isDesired ? source : "-"));
    expect(desired).toEqual(["-", "camera", "-", "-", "-", "microphone", "-"]);
    expect(page.tracks.map(({ kind }) => kind)).toEqual(["video", "audio"]);
  });

  it("is asked for no more than that while the page still connects", async () => {
    const call = new Call();
    call.livekit.open(ROOM);
    call.livekit.routed = new Promise(() => undefined);
    const page = call.load(grant("polite"));
    const partner = new FakeRoom(call.livekit);
    void partner.connect("", fakeToken(ROOM, "m_1.impolite"));
    await call.clock.advance(0);
    await publishAll(partner);
    await call.clock.advance(1_000);
    expect(call.livekit.desired("m_1.impolite")).toEqual(["-", "camera", "-", "-", "-", "microphone", "-"]);
    page.session.close();
  });

  it("control: without the bound each camera and microphone is received", async () => {
    const [, page, partner] = await meet({ sectionsOfKind: Infinity });
    await publishAll(partner);
    expect(page.tracks).toHaveLength(5);
  });

  it.each([
    ["is answered forty packets at once, none of them long", {}, 40],
    ["control: without the bounds is answered each", { messages: NO_LIMIT, messageChars: Infinity }, 102],
  ])("%s", async (_, bounds, answered) => {
    const [call, , partner] = await meet(bounds);
    let answers = 0;
    partner.on("dataReceived", (data: Uint8Array) => void (answers += new TextDecoder().decode(data).includes("pong") ? 1 : 0));
    await flood(partner, 100);
    await flood(partner, 2, `{"ping":1,"x":"${"y".repeat(2_000)}"}`);
    await call.clock.advance(0);
    expect(answers).toBe(answered);
  });

  it.each([
    ["a flood of packets ends the room for good, with the reason", {}, ["flood", "failed"], []],
    ["control: without the bound it goes on", { excess: NO_LIMIT }, [], ["m_1.impolite", "m_1.polite"]],
  ])("%s", async (_, bounds, words, people) => {
    const [call, page, partner] = await meet(bounds);
    const before = page.words.length;
    await flood(partner, 1_000, "x");
    await call.clock.advance(0);
    expect(page.words.slice(before)).toEqual(words);
    await partner.disconnect();
    await call.clock.advance(10_000);
    expect(call.livekit.people(ROOM)).toEqual(people.filter((name) => name !== "m_1.impolite"));
  });

  it("in a room of the app's own falls silent when they flood it: the room is the app's to leave", async () => {
    const call = new Call();
    call.livekit.open(ROOM);
    const its = new FakeRoom(call.livekit);
    await its.connect("", fakeToken(ROOM, "m_1.polite"));
    const page = call.load(grant("polite"), { attached: true, room: its });
    const partner = new FakeRoom(call.livekit);
    await partner.connect("", fakeToken(ROOM, "m_1.impolite"));
    await flood(partner, 1_000);
    for (let n = 0; n < 6; n += 1) {
      await flood(partner, 1);
      await call.clock.advance(500);
    }
    expect(page.words).toEqual(["flood", "silent"]);
    expect(its.state).toBe("connected");
    page.session.close();
  });
});

describe("a room of the app's own", () => {
  it("has the shape of LiveKit's", () => {
    const real: LivekitRoom = new Room();
    expect(real.state).toBe("disconnected");
  });

  it("says nothing of media while nothing is attached", async () => {
    const call = new Call();
    const page = call.load(grant("polite"), { attached: true });
    await call.clock.advance(60_000);
    expect(page.words).toEqual([]);
    expect(call.clock.pending).toBe(0);
    page.session.close();
  });

  it.each(["before it is connected", "after"])("carries pings once it is attached, %s", async (when) => {
    const call = new Call();
    call.livekit.open(ROOM);
    const pages = (["polite", "impolite"] as const).map((role) => ({ role, page: call.load(grant(role), { attached: true }) }));
    for (const { role, page } of pages) {
      const its = new FakeRoom(call.livekit);
      if (when === "after") await its.connect("", fakeToken(ROOM, `m_1.${role}`));
      page.session.attach?.(its);
      if (when !== "after") await its.connect("", fakeToken(ROOM, `m_1.${role}`));
    }
    await call.clock.advance(0);
    for (const { page } of pages) {
      expect(page.words).toEqual(["open!"]);
      expect(page.tracks).toEqual([]); // the app shows them
    }
    call.livekit.mute = true;
    await call.clock.advance(3_000);
    expect(pages[0]?.page.words).toEqual(["open!", "silent"]);
  });

  it("that is of another match is not spoken of", async () => {
    const call = new Call();
    call.livekit.open(ROOM);
    const foreign = new FakeRoom(call.livekit);
    await foreign.connect("", fakeToken(ROOM, "m_2.polite"));
    const page = call.load(grant("polite"), { attached: true, room: foreign });
    await call.clock.advance(5_000);
    expect(page.words).toEqual([]);
    page.session.close();
    expect(foreign.state).toBe("connected");
  });

  it("that is taken away is heard no more", async () => {
    const call = new Call();
    call.livekit.open(ROOM);
    const its = await room(call, "polite");
    await room(call, "impolite");
    const page = call.load(grant("polite"), { attached: true, room: its });
    await call.clock.advance(3_000);
    expect(page.words).toEqual(["silent"]);
    page.session.attach?.(null);
    expect([page.words.at(-1), its.listeners, call.clock.pending]).toEqual(["connecting", 0, 0]);
    expect(its.state).toBe("connected");
  });

  it.each(["polite", "impolite"] as const)("is left when the match ends, were the app slow to (%s)", async (role) => {
    const call = new Call();
    call.livekit.open(ROOM);
    const its = await room(call, role);
    await room(call, other[role]);
    const page = call.load(grant(role), { attached: true, room: its });
    page.session.close();
    await page.session.left?.();
    expect(its.state).toBe("disconnected");
    expect(call.livekit.people(ROOM)).toEqual([`m_1.${other[role]}`]);
  });
});
