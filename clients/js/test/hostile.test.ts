/** What a partner who means harm can make this page do. Each bound has its control: without it, the same partner gets further. */
import { describe, expect, it, vi } from "vitest";
import { Allowance, BOUNDS, Ear, type Bounds } from "../src/media/bounds.ts";
import { peerMedia } from "../src/media/peer.ts";
import type { MediaSession } from "../src/media/port.ts";
import { textMedia } from "../src/media/text.ts";
import type { Role, SignalBody, SignalData } from "../src/vocabulary.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { FakeWorld, type FakePeerConnection } from "./doubles/peerconnection.ts";

/** Until every promise that can run has run, however many there are. */
const drained = (): Promise<void> => new Promise((done) => setImmediate(done));

const NO_LIMIT = { most: Infinity, every_ms: 1 };

/** A page whose partner is this test. */
class Victim {
  readonly clock = new FakeClock();
  readonly world = new FakeWorld();
  readonly words: string[] = [];
  readonly limits: string[] = [];
  readonly said: SignalData[] = [];
  tracks: readonly unknown[] = [];
  /** Connections that the browser refuses. */
  refused = 0;
  readonly session: MediaSession;

  constructor(role: Role, bounds: Partial<Bounds> = {}, open = peerMedia) {
    const connect = (): RTCPeerConnection => {
      if (this.refused > 0) throw new Error(`cannot create so many: ${(this.refused -= 1)} left`);
      return this.world.connect();
    };
    const track = (kind: string): MediaStreamTrack => ({ kind }) as unknown as MediaStreamTrack;
    this.session = open({ clock: this.clock, connect, bounds: { ...BOUNDS, ...bounds } })({
      match: "m_1",
      page: "p_me",
      grant: { kind: "peer", role, ice_servers: [] },
      tracks: { audio: track("audio"), video: track("video") },
      presence: { camera: true, microphone: true, hidden: false },
      room: null,
      events: {
        status: (word) => void this.words.push(word),
        limited: (limit) => void this.limits.push(limit),
        vouched: () => undefined,
        tracks: (tracks) => (this.tracks = tracks),
        presence: () => undefined,
        quality: () => undefined,
        signal: (data) => void this.said.push(data),
      },
    })!;
  }

  hears(from: string, body: SignalBody): void {
    this.session.hear({ from, to: "p_me", ...body });
  }

  async offered(sdp: string, from = "p_x"): Promise<FakePeerConnection> {
    this.hears(from, { description: { type: "offer", sdp } });
    await drained();
    return this.world.connections.at(-1)!;
  }
}

describe("pages", () => {
  const burst = async (bounds?: Partial<Bounds>): Promise<Victim> => {
    const victim = new Victim("impolite", { connections: NO_LIMIT, ...bounds });
    for (let n = 0; n < 560; n += 1) {
      victim.hears(`p_${n}`, { hello: true });
      await settle();
    }
    return victim;
  };

  it("change six times in a match: 560 hellos from as many pages are seven connections, and one at a time", async () => {
    const victim = await burst();
    expect(victim.world.connections).toHaveLength(7);
    expect(victim.world.live).toHaveLength(1);
  });

  it("control: without the bound they are 560", async () => {
    expect((await burst({ pageChanges: Infinity })).world.connections).toHaveLength(560);
  });

  it("that change too often are said to have failed, with the reason", async () => {
    const victim = await burst();
    expect(victim.words.at(-1)).toBe("failed");
    expect(victim.limits).toEqual(["pages"]);
    await victim.clock.advance(10_000);
    expect(victim.words.at(-1)).toBe("failed");
  });

  it("that come in one moment get one connection, for the last of them, and its offer is answered", async () => {
    const victim = new Victim("polite");
    for (const page of ["p_1", "p_2", "p_3"]) victim.hears(page, { hello: true });
    victim.hears("p_3", { description: { type: "offer", sdp: "of theirs" } });
    await drained();
    expect(victim.world.connections).toHaveLength(1);
    expect(victim.said.filter((data) => "description" in data).map(({ to }) => to)).toEqual(["p_3"]);
  });

  it("close the connection to the last page before the one to the next is made", async () => {
    const victim = new Victim("impolite");
    victim.hears("p_1", { hello: true });
    await settle();
    const first = victim.world.connections[0]!;
    victim.hears("p_2", { hello: true });
    expect([first.signalingState, victim.world.connections.length]).toEqual(["closed", 1]);
    await settle();
    expect(victim.world.connections).toHaveLength(2);
  });

  it("that are closed in the moment in which they came make no connection", async () => {
    const victim = new Victim("impolite");
    victim.hears("p_1", { hello: true });
    victim.session.close();
    await settle();
    expect(victim.world.connections).toHaveLength(0);
  });
});

describe("a page that begins again and again", () => {
  const loop = async (bounds?: Partial<Bounds>): Promise<Victim> => {
    const victim = new Victim("impolite", bounds);
    for (let n = 0; n < 300; n += 1) {
      victim.hears("p_x", { hello: true });
      victim.hears("p_x", { bye: true });
      await victim.clock.advance(10);
    }
    return victim;
  };

  it("gets ten connections at once, and one more every 15 s", async () => {
    const victim = await loop();
    expect(victim.world.connections).toHaveLength(10);
    await victim.clock.advance(15_000);
    victim.hears("p_x", { hello: true });
    expect(victim.world.connections).toHaveLength(11);
  });

  it("control: without the bound it gets one for each beginning", async () => {
    expect((await loop({ connections: NO_LIMIT })).world.connections).toHaveLength(299);
  });

  it("makes the page report a failure, and connects once the browser allows a connection again", async () => {
    const victim = await loop();
    victim.hears("p_x", { hello: true });
    expect(victim.words.at(-1)).toBe("failed");
    await victim.clock.advance(1_300);
    expect(victim.said.slice(-2)).toMatchObject([{ bye: true }, { hello: true }]);
    await victim.clock.advance(15_000);
    victim.hears("p_x", { hello: true });
    expect(victim.world.live).toHaveLength(1);
  });
});

describe("a browser that refuses another connection", () => {
  it("is asked again a little later, and the partner is told that the connection is new", async () => {
    const victim = new Victim("polite");
    victim.refused = 1;
    victim.hears("p_x", { hello: true });
    await settle();
    expect(victim.words).toEqual(["failed"]);
    await victim.clock.advance(1_300);
    expect(victim.said.at(-1)).toMatchObject({ hello: true, to: "p_x" });
    await victim.offered("of theirs");
    expect(victim.said.at(-1)).toMatchObject({ description: { type: "answer" } });
  });
});

describe("negotiations", () => {
  const offers = async (bounds?: Partial<Bounds>): Promise<number> => {
    const victim = new Victim("polite", bounds);
    for (let n = 0; n < 200; n += 1) victim.hears("p_x", { description: { type: "offer", sdp: "of theirs" } });
    await drained();
    return victim.said.filter((data) => "description" in data).length;
  };
  const hellos = async (role: Role, bounds?: Partial<Bounds>): Promise<[number, number]> => {
    const victim = new Victim(role, bounds);
    for (let n = 0; n < 200; n += 1) victim.hears("p_x", { hello: true });
    await settle();
    victim.world.connections[0]!.channel.readyState = "open";
    for (let n = 0; n < 200; n += 1) victim.hears("p_x", { hello: true });
    return [victim.said.filter((data) => "hello" in data).length, victim.world.connections[0]!.restarts];
  };

  it("are sixteen at once: offers, hellos that are answered, and searches for a new way", async () => {
    expect(await offers()).toBe(16);
    expect(await hellos("polite")).toEqual([1 + 16, 0]);
    expect(await hellos("impolite")).toEqual([1, 16]);
  });

  it("control: without the bound each is worked off", async () => {
    expect(await offers({ negotiations: NO_LIMIT })).toBeGreaterThan(60);
    expect((await hellos("polite", { negotiations: NO_LIMIT }))[0]).toBeGreaterThan(200);
    expect((await hellos("impolite", { negotiations: NO_LIMIT }))[1]).toBe(200);
  });

  it("of text are bounded as well", async () => {
    const open = ({ clock, bounds = BOUNDS }: Parameters<typeof peerMedia>[0]): ReturnType<typeof peerMedia> => textMedia({ clock, bounds });
    const ask = (bounds: Partial<Bounds> = {}): number => {
      const victim = new Victim("polite", bounds, open);
      for (let n = 0; n < 300; n += 1) victim.session.hear({ from: `p_${n}`, hello: true });
      return victim.said.length;
    };
    expect(ask()).toBe(1 + 2 * 16);
    expect(ask({ negotiations: NO_LIMIT })).toBe(1 + 2 * 300);
    await Promise.resolve();
  });

  it("that the other side has no business to begin are nothing", async () => {
    const victim = new Victim("impolite");
    victim.hears("p_x", { hello: true });
    await victim.clock.advance(100);
    const [connection] = victim.world.connections;
    for (const type of ["offer", "rollback", "pranswer"] as const) victim.hears("p_x", { description: { type, sdp: "1" } });
    await victim.clock.advance(100);
    expect([connection!.signalingState, connection!.remoteDescription]).toEqual(["have-local-offer", null]);
  });

  it("that make no sense end a connection and nothing else", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const victim = new Victim("polite");
    const nonsense = [{ description: { type: "offer" } }, { description: {} }, { candidate: {} }, { candidate: { candidate: 7 } }, { description: { type: "offer", sdp: "broken" } }];
    for (const body of nonsense) {
      victim.hears("p_x", body as unknown as SignalBody);
      await victim.clock.advance(10);
    }
    await victim.clock.advance(3_000);
    await new Promise((done) => setTimeout(done, 0));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(victim.world.live).toHaveLength(0);
    await victim.offered("of theirs");
    expect(victim.world.live).toHaveLength(1);
  });
});

describe("candidates", () => {
  const add = async (early: boolean, bounds?: Partial<Bounds>): Promise<number> => {
    const victim = new Victim("polite", bounds);
    victim.hears("p_x", { hello: true });
    await settle();
    const connection = early ? victim.world.connections[0]! : await victim.offered("of theirs");
    for (let n = 0; n < 500; n += 1) victim.hears("p_x", { candidate: { candidate: `candidate:${n}`, sdpMid: "0" } });
    for (let n = 0; n < 9; n += 1) victim.hears("p_x", { candidate: { candidate: "x".repeat(5_000), sdpMid: "0" } });
    await drained();
    if (early) await victim.offered("of theirs");
    return connection.candidates.length;
  };

  it.each([true, false])("are 64 for one description, none of them long; before it (%s) as after it", async (early) => {
    expect(await add(early)).toBe(64);
    expect(await add(early, { candidates: Infinity })).toBe(500);
    expect(await add(early, { candidates: Infinity, candidateChars: Infinity })).toBe(509);
  });
});

describe("an offer", () => {
  const section = (kind: string): string => `m=${kind} 9 UDP/TLS/RTP/SAVPF 96\r\n`;
  const greedy = section("audio") + section("video").repeat(8) + section("audio").repeat(3);

  it("of many sections is answered with one of audio and one of video; the rest is rejected, and shown nowhere", async () => {
    const victim = new Victim("polite");
    const { transceivers } = await victim.offered(greedy);
    expect(transceivers.filter(({ track }) => track !== null).map(({ receiver }) => receiver.track.kind)).toEqual(["audio", "video"]);
    expect(transceivers.map(({ direction }) => direction)).toEqual(["sendrecv", "sendrecv", ...Array<string>(10).fill("stopped")]);
    expect(victim.tracks).toHaveLength(2);
    victim.session.send({ audio: null, video: null });
    victim.session.send({ audio: { kind: "audio" } as MediaStreamTrack, video: { kind: "video" } as MediaStreamTrack });
    expect(transceivers.filter(({ track }) => track !== null)).toHaveLength(2);
  });

  it("control: without the bound eight pictures are sent", async () => {
    const victim = new Victim("polite", { sectionsOfKind: Infinity });
    const { transceivers } = await victim.offered(greedy);
    expect(transceivers.filter(({ track, receiver }) => track !== null && receiver.track.kind === "video")).toHaveLength(8);
  });

  it("of sections without end is none", async () => {
    const many = greedy + section("video").repeat(20);
    expect((await new Victim("polite").offered(many)).transceivers).toEqual([]);
    expect((await new Victim("polite", { sections: Infinity }).offered(many)).transceivers).toHaveLength(32);
  });

  it("that asks for several encodings of the picture is answered with one", async () => {
    const layered = `${section("video")}a=rid:h recv\r\na=rid:l recv\r\na=simulcast:recv h;l\r\na=mid:0\r\n`;
    const sdp = async (bounds: Partial<Bounds>): Promise<string> => (await new Victim("polite", bounds).offered(layered)).remoteDescription?.sdp ?? "";
    expect(await sdp({})).toBe(`${section("video")}a=mid:0\r\n`);
    expect(await sdp({ layers: true })).toBe(layered);
  });
});

describe("messages", () => {
  const say = (connection: FakePeerConnection, data: unknown): void => void connection.channel.dispatchEvent(new MessageEvent("message", { data }));
  const met = async (bounds?: Partial<Bounds>): Promise<[Victim, FakePeerConnection, () => number]> => {
    const victim = new Victim("polite", bounds);
    const connection = await victim.offered("of theirs");
    connection.channel.readyState = "open";
    connection.channel.dispatchEvent(new Event("open"));
    const answers = vi.spyOn(connection.channel, "send");
    return [victim, connection, () => answers.mock.calls.filter(([text]) => text.includes("pong")).length];
  };

  it("are heard forty at once and twenty a second, and no longer than 1 KiB", async () => {
    const [victim, connection, answered] = await met();
    for (let n = 0; n < 100; n += 1) say(connection, `{"ping":${n}}`);
    expect(answered()).toBe(40);
    await victim.clock.advance(1_000);
    for (let n = 0; n < 100; n += 1) say(connection, `{"ping":${n}}`);
    expect(answered()).toBe(60);
    await victim.clock.advance(2_000);
    say(connection, `{"ping":1,"x":"${"y".repeat(1_024)}"}`);
    say(connection, new ArrayBuffer(8));
    expect(answered()).toBe(60);
  });

  it("control: without the bounds all of them are", async () => {
    const [, connection, answered] = await met({ messages: NO_LIMIT, messageChars: Infinity });
    for (let n = 0; n < 100; n += 1) say(connection, `{"ping":${n}}`);
    say(connection, `{"ping":1,"x":"${"y".repeat(1_024)}"}`);
    expect(answered()).toBe(101);
  });

  it("without end close the connection for good, with the reason", async () => {
    const [victim, connection] = await met();
    for (let n = 0; n < 1_000; n += 1) say(connection, "x".repeat(9));
    expect(connection.signalingState).toBe("closed");
    expect([victim.limits, victim.words.at(-1)]).toEqual([["flood"], "failed"]);
    victim.hears("p_x", { hello: true });
    victim.hears("p_new", { hello: true });
    await victim.clock.advance(10_000);
    expect(victim.world.live).toHaveLength(0);
    expect(victim.words.at(-1)).toBe("failed");
  });

  it("control: without that bound the connection stays", async () => {
    const [victim, connection] = await met({ excess: NO_LIMIT });
    for (let n = 0; n < 1_000; n += 1) say(connection, "x".repeat(9));
    expect([connection.signalingState, victim.limits]).toEqual(["stable", []]);
  });

  it("that are no ping and no pong do not count as somebody who is there", async () => {
    const [victim, connection] = await met();
    for (let n = 0; n < 10; n += 1) {
      say(connection, '{"hello":"there"}');
      await victim.clock.advance(500);
    }
    expect(victim.words).toEqual(["silent"]);
  });

  it("of a page that was frozen are no flood: a hundred and fifty late ones", async () => {
    const [victim, connection] = await met();
    await victim.clock.freeze(30_000);
    for (let n = 0; n < 150; n += 1) say(connection, `{"ping":${n}}`);
    expect([connection.signalingState, victim.limits]).toEqual(["stable", []]);
  });

  it("over channels of the partner's own are not listened to; the ninth channel closes the connection", async () => {
    const [victim, connection] = await met();
    const channels = Array.from({ length: 8 }, () => connection.offerChannel());
    expect([channels.every(({ closed }) => closed), connection.signalingState]).toEqual([true, "stable"]);
    connection.offerChannel();
    expect([connection.signalingState, victim.limits]).toEqual(["closed", ["flood"]]);
    const [, without] = await met({ channels: Infinity });
    for (let n = 0; n < 9; n += 1) without.offerChannel();
    expect(without.signalingState).toBe("stable");
  });
});

describe("an allowance", () => {
  it("fills up with time, and never beyond what it held at first", async () => {
    const clock = new FakeClock();
    const allowance = new Allowance({ most: 2, every_ms: 100 }, clock);
    const take = (): boolean[] => [1, 2, 3].map(() => allowance.take());
    expect(take()).toEqual([true, true, false]);
    await clock.advance(100);
    expect(take()).toEqual([true, false, false]);
    await clock.advance(100_000);
    expect(take()).toEqual([true, true, false]);
  });

  it("of an ear is spent by what is too long, too", () => {
    const ear = new Ear({ ...BOUNDS, messages: { most: 2, every_ms: 50 } }, new FakeClock());
    expect([ear.hears(9_999), ear.hears(1), ear.hears(1), ear.isFlooded]).toEqual([false, true, false, false]);
  });
});
