import { describe, expect, it } from "vitest";
import { BOUNDS } from "../src/media/bounds.ts";
import { peerMedia } from "../src/media/peer.ts";
import type { LocalTracks, MediaSession, Preparation } from "../src/media/port.ts";
import type { MediaHint, PeerMedia, Role, SignalData } from "../src/vocabulary.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { FakeWorld, type FakePeerConnection } from "./doubles/peerconnection.ts";

const NOTHING: LocalTracks = { audio: null, video: null };
const TRIP_MS = 200;

interface Side {
  readonly session: MediaSession;
  readonly words: string[];
}

/** Two people who read one match at the same instant, and a server to which each trip takes as long. */
class Evening {
  readonly clock = new FakeClock();
  readonly world = new FakeWorld();
  readonly configurations: RTCConfiguration[] = [];
  readonly media = peerMedia({
    clock: this.clock,
    connect: (configuration) => {
      this.configurations.push(configuration);
      return this.world.connect();
    },
    bounds: BOUNDS,
  });
  readonly said: { readonly at_ms: number; readonly data: SignalData }[] = [];
  readonly sides: Partial<Record<Role, Side>> = {};
  grant: Omit<PeerMedia, "kind" | "role" | "page"> = { ice_servers: [] };
  namesPages = true;

  prepare(hint: MediaHint = { kind: "peer", ice_servers: [] }): Preparation {
    return this.media.prepare!({ hint, tracks: NOTHING })!;
  }

  /** A match begins for one of the two. */
  meet(role: Role, prepared: Preparation | null = null): void {
    const other = role === "polite" ? "impolite" : "polite";
    const words: string[] = [];
    prepared?.wait(false);
    const session = this.media({
      match: "m_1",
      page: `p_${role}`,
      grant: { kind: "peer", role, ...this.grant, ...(this.namesPages && { page: `p_${other}` }) },
      tracks: NOTHING,
      presence: { camera: true, microphone: true, hidden: false },
      room: null,
      prepared,
      events: {
        status: (status) => void words.push(status),
        limited: (limit) => void words.push(limit),
        vouched: () => undefined,
        tracks: () => undefined,
        presence: () => undefined,
        quality: () => undefined,
        signal: (data) => {
          this.said.push({ at_ms: this.clock.monotonic(), data });
          this.clock.after(TRIP_MS, () => this.sides[other]?.session.hear(data));
        },
      },
    })!;
    this.sides[role] = { session, words };
  }

  get descriptions(): string[] {
    return this.said.flatMap(({ at_ms, data }) => ("description" in data ? [`${data.description.type} at ${at_ms}`] : []));
  }

  get isOpen(): boolean {
    return (["polite", "impolite"] as const).every((role) => this.sides[role]?.words.at(-1) === "open");
  }

  live(n: number): FakePeerConnection {
    return this.world.live[n]!;
  }
}

describe("from a match to its media", () => {
  it("are two trips through the server: the offer is the first signal, and the answer the second", async () => {
    const evening = new Evening();
    const prepared = evening.prepare();
    await settle();
    evening.meet("impolite", prepared);
    expect(evening.descriptions).toEqual(["offer at 0"]); // in the very turn in which the match was read
    evening.meet("polite", evening.prepare());
    await evening.clock.advance(2 * TRIP_MS + 10);
    expect(evening.descriptions).toEqual(["offer at 0", `answer at ${TRIP_MS}`]);
    expect(evening.isOpen).toBe(true);
  });

  it("control: by a server that does not name the partner's page they are three", async () => {
    const evening = new Evening();
    evening.namesPages = false;
    const prepared = evening.prepare();
    await settle();
    evening.meet("impolite", prepared);
    evening.meet("polite");
    await evening.clock.advance(2 * TRIP_MS + 10);
    expect(evening.isOpen).toBe(false);
    await evening.clock.advance(TRIP_MS);
    expect(evening.descriptions).toEqual([`offer at ${TRIP_MS}`, `answer at ${2 * TRIP_MS}`]);
    expect(evening.isOpen).toBe(true);
  });

  it("are two trips also where nothing was prepared", async () => {
    const evening = new Evening();
    evening.meet("impolite");
    evening.meet("polite");
    await evening.clock.advance(2 * TRIP_MS + 10);
    expect(evening.isOpen).toBe(true);
  });

  it("say the offer again if it was lost on the way", async () => {
    const evening = new Evening();
    evening.meet("impolite");
    await settle();
    await evening.clock.advance(TRIP_MS); // nobody was there yet to hear it
    evening.meet("polite");
    await evening.clock.advance(4_000);
    expect(evening.descriptions.filter((each) => each.startsWith("offer"))).toHaveLength(2);
    expect(evening.isOpen).toBe(true);
  });
});

describe("a prepared offer", () => {
  it("is one connection, which nobody is told of, and which Stop closes", async () => {
    const evening = new Evening();
    const prepared = evening.prepare();
    await settle();
    prepared.wait(true);
    expect([evening.world.live.length, evening.said.length]).toEqual([1, 0]);
    prepared.close();
    expect([evening.world.live.length, evening.clock.pending]).toEqual([0, 0]);
    prepared.wait(true);
    expect(evening.world.live).toHaveLength(0);
  });

  it("is used by the side that offers; the other side keeps it for its next match", async () => {
    const evening = new Evening();
    const [one, two] = [evening.prepare(), evening.prepare()];
    await settle();
    const first = evening.live(0);
    evening.meet("impolite", one);
    evening.meet("polite", two);
    await evening.clock.advance(2 * TRIP_MS + 10);
    expect(evening.world.connections).toHaveLength(3);
    expect(first.remoteDescription?.type).toBe("answer");
    evening.sides.impolite?.session.close();
    evening.sides.polite?.session.close();
    expect(evening.world.live).toHaveLength(1);
    evening.meet("impolite", two);
    expect(evening.world.connections).toHaveLength(3);
  });

  it("is made anew each minute while its person waits, and dropped then if they do not", async () => {
    const evening = new Evening();
    const prepared = evening.prepare();
    await evening.clock.advance(60_000);
    expect([evening.world.connections.length, evening.world.live.length]).toEqual([2, 1]);
    prepared.wait(false);
    await evening.clock.advance(60_000);
    expect([evening.world.connections.length, evening.world.live.length]).toEqual([2, 0]);
  });

  it("that is older than two minutes, as after a sleep, is not used", async () => {
    const evening = new Evening();
    const prepared = evening.prepare();
    await settle();
    evening.clock.jump(200_000);
    evening.meet("impolite", prepared);
    expect(evening.world.connections).toHaveLength(2);
    expect(evening.world.live).toHaveLength(1);
  });

  it("is made at most six times in a row by a network that comes and goes", () => {
    const evening = new Evening();
    const prepared = evening.prepare();
    for (let n = 0; n < 40; n += 1) prepared.renew();
    expect(evening.world.connections).toHaveLength(6);
  });

  it("looks for no address before the match where a relay may be needed, and then with the match's own credentials", async () => {
    const evening = new Evening();
    const turn = { urls: ["turn:t"], username: "u", credential: "c" };
    evening.grant = { ice_servers: [turn], ice_transport_policy: "relay" };
    const prepared = evening.prepare({ kind: "peer" });
    await settle();
    expect(evening.live(0).localDescription).toBeNull();
    evening.meet("impolite", prepared);
    await settle();
    expect(evening.world.connections).toHaveLength(1);
    expect(evening.live(0).configuration).toEqual({ bundlePolicy: "max-bundle", iceServers: [turn], iceTransportPolicy: "relay" });
    expect(evening.descriptions).toEqual(["offer at 0"]);
  });

  it("is not used for a match that names other servers", async () => {
    const evening = new Evening();
    evening.grant = { ice_servers: [{ urls: ["stun:other"] }] };
    const prepared = evening.prepare();
    await settle();
    evening.meet("impolite", prepared);
    expect(evening.world.connections).toHaveLength(2);
    expect(evening.world.live).toHaveLength(1);
    expect(evening.configurations[1]?.iceServers).toEqual([{ urls: ["stun:other"] }]);
  });

  it("sends what the person sends now: a camera that went off meanwhile is not in it", () => {
    const evening = new Evening();
    const camera = { kind: "video" } as MediaStreamTrack;
    const prepared = evening.media.prepare!({ hint: { kind: "peer", ice_servers: [] }, tracks: { audio: null, video: camera } })!;
    const sent = (): unknown[] => evening.live(0).transceivers.map(({ track }) => track);
    expect(sent()).toEqual([null, camera]);
    prepared.send(NOTHING);
    expect(sent()).toEqual([null, null]);
    prepared.send({ audio: null, video: camera });
    expect(sent()).toEqual([null, camera]);
  });
});

describe("candidates", () => {
  const candidate = (name: string): unknown => ({ candidate: name, toJSON: () => ({ candidate: name }) });
  const found = (pc: FakePeerConnection, name: string): boolean => pc.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: candidate(name) }));

  async function open(lists: boolean): Promise<Evening> {
    const evening = new Evening();
    evening.meet("impolite");
    evening.meet("polite");
    await evening.clock.advance(50);
    const partner = evening.said.find(({ data }) => data.from === "p_polite")!.data;
    const { session } = evening.sides.impolite!;
    session.hear(lists ? partner : { from: partner.from, hello: true });
    return evening;
  }

  const told = (evening: Evening): SignalData[] => evening.said.map(({ data }) => data).filter((data) => "candidate" in data || "candidates" in data);

  it("that are found within 30 ms are one signal", async () => {
    const evening = await open(true);
    for (const name of ["one", "two", "three"]) found(evening.live(0), name);
    await evening.clock.advance(30);
    expect(told(evening)).toEqual([
      { from: "p_impolite", to: "p_polite", candidates: [{ candidate: "one" }, { candidate: "two" }, { candidate: "three" }] },
    ]);
  });

  it("are a signal each to a page that reads no lists: one of before this release", async () => {
    const evening = await open(false);
    for (const name of ["one", "two"]) found(evening.live(0), name);
    await evening.clock.advance(30);
    expect(told(evening).map((data) => "candidate" in data && data.candidate.candidate)).toEqual(["one", "two"]);
  });

  it("of a list are all heard", async () => {
    const evening = await open(true);
    await evening.clock.advance(2 * TRIP_MS);
    const { session } = evening.sides.impolite!;
    session.hear({ from: "p_polite", candidates: [{ candidate: "one" }, { candidate: "two" }] });
    await settle();
    expect(evening.live(0).candidates).toEqual([{ candidate: "one" }, { candidate: "two" }]);
  });
});
