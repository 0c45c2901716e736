import { describe, expect, it } from "vitest";
import { peerMedia } from "../src/media/peer.ts";
import type { Obstacle } from "../src/state/media.ts";
import type { MediaSession, Preparation } from "../src/media/port.ts";
import type { PeerMedia, Role, SignalData } from "../src/vocabulary.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { FakeWorld } from "./doubles/peerconnection.ts";

/** Two people and a relay that keeps, per person, what was not addressed to another page, as the server does. */
class Call {
  readonly clock = new FakeClock();
  readonly world = new FakeWorld();
  readonly kept: Record<Role, SignalData[]> = { polite: [], impolite: [] };
  readonly pages: Record<Role, { page: string; session: MediaSession; words: string[] } | null> = { polite: null, impolite: null };
  readonly said: string[] = [];
  readonly obstacles: Record<Role, (Obstacle | null)[]> = { polite: [], impolite: [] };
  /** Signals for which this says true are lost on the way. */
  loses: (data: SignalData, to: Role) => boolean = () => false;
  grant: Omit<PeerMedia, "kind" | "role"> = { ice_servers: [] };
  configure: (configuration: RTCConfiguration) => void = () => undefined;

  /** Whether the server says which page the partner has. */
  namesPages = false;
  prepared: Partial<Record<Role, Preparation | null>> = {};

  load(role: Role, page: string): void {
    const words: string[] = [];
    const connect = (configuration: RTCConfiguration): RTCPeerConnection => {
      this.configure(configuration);
      return this.world.connect();
    };
    const open = peerMedia({ clock: this.clock, connect });
    const session = open({
      match: "m_1",
      page,
      grant: { kind: "peer", role, ...this.grant, ...this.#partnersPage(role) },
      prepared: this.prepared[role] ?? null,
      tracks: { audio: null, video: null },
      presence: { camera: true, microphone: true, hidden: false },
      room: null,
      events: {
        status: (status) => void words.push(status),
        obstacle: (obstacle) => void this.obstacles[role].push(obstacle),
        limited: (limit) => void words.push(limit),
        vouched: () => undefined,
        tracks: () => undefined,
        presence: () => undefined,
        quality: () => undefined,
        signal: (data) => this.relay(role === "polite" ? "impolite" : "polite", data),
      },
    })!;
    this.pages[role] = { page, session, words };
    const replay = this.kept[role].filter(({ to }) => to === undefined || to === page);
    queueMicrotask(() => replay.forEach((data) => session.hear(data)));
  }

  #partnersPage(role: Role): { page?: string } {
    const page = this.pages[role === "polite" ? "impolite" : "polite"]?.page;
    return this.namesPages && page !== undefined ? { page } : {};
  }

  unload(role: Role): void {
    this.pages[role]?.session.close();
    this.pages[role] = null;
  }

  relay(to: Role, data: SignalData): void {
    const kind = Object.keys(data).find((name) => !["from", "to", "lists"].includes(name)) ?? "";
    this.said.push("description" in data ? `${data.from} ${data.description.type}` : `${data.from} ${kind}`);
    if (this.loses(data, to)) return;
    this.kept[to].push(data);
    const here = this.pages[to]; // who loads later reads it in the replay, in order
    if (here !== null && (data.to === undefined || data.to === here.page)) queueMicrotask(() => here.session.hear(data));
  }

  get open(): boolean {
    return (["polite", "impolite"] as const).every((role) => this.pages[role]?.words.at(-1) === "open");
  }
}

async function met(namesPages = false): Promise<Call> {
  const call = new Call();
  call.namesPages = namesPages;
  call.load("polite", "p_a");
  call.load("impolite", "p_b");
  await call.clock.advance(600);
  expect(call.open).toBe(true);
  return call;
}

describe("two pages", () => {
  it("meet with one offer, of the impolite side, and one connection each", async () => {
    const call = await met();
    expect(call.said.filter((said) => /offer|answer/.test(said))).toEqual(["p_b offer", "p_a answer"]);
    expect(call.world.connections).toHaveLength(2);
  });

  it.each([
    ["polite", false],
    ["impolite", false],
    ["polite", true],
    ["impolite", true],
  ] as const)("meet again after a reload of the %s one, whose old signals are replayed to the new page (E21); pages named: %s", async (role, namesPages) => {
    const call = await met(namesPages);
    call.unload(role);
    await call.clock.advance(300);
    call.load(role, "p_new");
    await call.clock.advance(600);
    expect(call.open).toBe(true);
    expect(call.world.live).toHaveLength(2);
  });

  it.each([
    ["polite", "impolite"],
    ["impolite", "polite"],
    ["polite", "polite"],
    ["impolite", "impolite"],
  ] as const)("meet after a reload of the %s one and then of the %s one, although what older pages said is replayed", async (first, second) => {
    const call = await met(true);
    for (const [n, role] of [first, second].entries()) {
      call.unload(role);
      await call.clock.advance(300);
      call.load(role, `p_new${n}`);
      await call.clock.advance(600);
      expect(call.open).toBe(true);
      expect(call.world.live).toHaveLength(2);
    }
  });

  it.each([true, false])("meet although a hello that names nobody is left of a page that was closed; pages named: %s", async (namesPages) => {
    const call = new Call();
    call.namesPages = namesPages;
    call.kept.impolite.push({ from: "p_old", hello: true });
    call.load("polite", "p_a");
    call.load("impolite", "p_b");
    await call.clock.advance(600);
    expect(call.open).toBe(true);
  });

  it("meet also when both load anew at once", async () => {
    const call = await met();
    call.unload("polite");
    call.unload("impolite");
    call.load("polite", "p_a2");
    call.load("impolite", "p_b2");
    await call.clock.advance(600);
    expect(call.open).toBe(true);
    expect(call.world.live).toHaveLength(2);
  });

  it("meet although the first hellos were lost", async () => {
    const call = new Call();
    let lost = 0;
    call.loses = (data) => "hello" in data && (lost += 1) <= 2;
    call.load("polite", "p_a");
    call.load("impolite", "p_b");
    await call.clock.advance(4_000);
    expect(call.open).toBe(true);
  });

  it("meet although the polite side's answer to a hello was lost", async () => {
    const call = new Call();
    let lost = 0;
    call.loses = (data, to) => to === "impolite" && "hello" in data && (lost += 1) <= 2;
    call.load("polite", "p_a");
    call.load("impolite", "p_b");
    await call.clock.advance(4_000);
    expect(call.open).toBe(true);
  });

  it("keep their connection when a late signal of a page that was left arrives", async () => {
    const call = await met();
    call.unload("impolite");
    call.load("impolite", "p_new");
    await call.clock.advance(600);
    const before = call.world.connections.length;
    call.relay("polite", { from: "p_b", hello: true });
    call.relay("polite", { from: "p_b", to: "p_a", description: { type: "offer", sdp: "0" } });
    await call.clock.advance(600);
    expect(call.world.connections).toHaveLength(before);
    expect(call.open).toBe(true);
  });

  it("start anew when the connection broke although both pages are there", async () => {
    const call = await met();
    call.world.live[0]?.channel.close();
    await call.clock.advance(3_000);
    expect(call.open).toBe(true);
    expect(call.world.live).toHaveLength(2);
  });

  it("start anew when a description makes no sense", async () => {
    const call = await met();
    call.relay("polite", { from: "p_b", to: "p_a", description: { type: "offer", sdp: "broken" } });
    await call.clock.advance(4_000);
    expect(call.open).toBe(true);
    expect(call.world.live).toHaveLength(2);
  });
});

describe("a network that changes", () => {
  it("is looked for anew by the impolite side alone: offers that cross would be rolled back, which Chromium does not survive", async () => {
    const call = await met();
    for (const connection of call.world.live) connection.restartIce();
    await call.clock.advance(600);
    expect(call.said.filter((said) => /offer|answer/.test(said))).toEqual(["p_b offer", "p_a answer", "p_b offer", "p_a answer"]);
    expect(call.world.live.map(({ signalingState }) => signalingState)).toEqual(["stable", "stable"]);
    expect(call.open).toBe(true);
  });

  it("is looked for when the partner falls silent", async () => {
    const call = await met();
    const offers = (): number => call.said.filter((said) => said === "p_b offer").length;
    for (const { channel } of call.world.live) channel.cut();
    await call.clock.advance(3_000);
    expect(offers()).toBeGreaterThan(1);
    expect(call.said).not.toContain("p_a offer");
  });

  it("is looked for when only the polite side hears nothing: it asks the other", async () => {
    const call = await met();
    const before = call.said.length;
    call.world.live.find(({ localDescription }) => localDescription?.type === "offer")?.channel.cut(); // what it sends is lost
    await call.clock.advance(3_000);
    expect(call.said.slice(before)).toEqual(expect.arrayContaining(["p_a hello", "p_b offer", "p_a answer"]));
  });

  it("is not looked for while there never was a way", async () => {
    const early = new Call();
    early.load("polite", "p_a");
    early.relay("polite", { from: "p_b", hello: true });
    await early.clock.advance(3_000);
    expect(early.pages.polite?.words).toEqual(["silent"]);
    expect(early.world.live[0]?.restarts).toBe(0);
  });
});

describe("credentials of a relay, which run out", () => {
  const turn = (username: string) => ({ ice_servers: [{ urls: ["turn:t"], username, credential: "c" }] });
  const renewed = (call: Call): void => {
    for (const role of ["polite", "impolite"] as const) call.pages[role]?.session.grant({ kind: "peer", role, ...turn(`new.${role}`) });
  };

  it("are the newest ones on both sides when a way is looked for again", async () => {
    const call = await met();
    renewed(call);
    for (const { channel } of call.world.live) channel.cut();
    await call.clock.advance(3_000);
    const searches = call.world.live.map((each) => each.searches.at(-1)?.iceServers?.[0]?.username);
    expect(searches.sort()).toEqual(["new.impolite", "new.polite"]);
  });

  it("change nothing while all is well: no new search, no new connection", async () => {
    const call = await met();
    const before = call.said.length;
    renewed(call);
    await call.clock.advance(3_000);
    expect(call.said.slice(before).filter((said) => /offer|answer/.test(said))).toEqual([]);
    expect(call.world.live.map(({ restarts }) => restarts)).toEqual([0, 0]);
  });

  it("are tried as they are where a browser cannot change them", async () => {
    const call = await met();
    for (const each of call.world.live) {
      each.setConfiguration = () => {
        throw new TypeError("not a function");
      };
    }
    renewed(call);
    for (const { channel } of call.world.live) channel.cut();
    await call.clock.advance(3_000);
    expect(call.world.live.map(({ searches }) => searches.length > 0)).toEqual([true, true]);
    expect(call.world.connections).toHaveLength(2);
  });
});

describe("what the operator allows", () => {
  it("is what the connection is made with: servers with their credentials, and no address of one's own", async () => {
    const made: RTCConfiguration[] = [];
    const call = new Call();
    call.configure = (configuration) => void made.push(configuration);
    const turn = { urls: ["turn:t"], username: "u", credential: "c" };
    call.grant = { ice_servers: [turn], ice_transport_policy: "relay" };
    call.load("polite", "p_a");
    call.grant = { ice_servers: [] };
    call.load("impolite", "p_b");
    await settle();
    expect(made).toEqual([
      { bundlePolicy: "max-bundle", iceServers: [turn], iceTransportPolicy: "relay" },
      { bundlePolicy: "max-bundle", iceServers: [], iceTransportPolicy: "all" },
    ]);
  });
});

describe("a connection that does not come", () => {
  it("is said to have failed", async () => {
    const call = new Call();
    call.load("polite", "p_a");
    call.relay("polite", { from: "p_b", hello: true });
    await settle();
    call.world.live[0]?.fail();
    expect(call.pages.polite?.words).toEqual(["failed"]);
  });
});

describe("closing", () => {
  it("can be repeated, ends every timer, and closes the partner's channel", async () => {
    const call = await met();
    call.unload("polite");
    await settle();
    expect(call.pages.impolite?.words.at(-1)).toBe("connecting");
    call.unload("impolite");
    expect(call.clock.pending).toBe(0);
    expect(call.world.live).toHaveLength(0);
  });
});

describe("what keeps a call from coming", () => {
  it("is that the partner has not answered, until a way is looked for; and nothing once it came", async () => {
    const call = new Call();
    call.loses = (data) => "description" in data && data.description.type === "answer";
    call.load("polite", "p_a");
    call.load("impolite", "p_b");
    await call.clock.advance(600);
    expect(call.obstacles).toEqual({ polite: ["answer", "way"], impolite: ["answer"] });
    const other = await met();
    expect([other.obstacles.polite.at(-1), other.obstacles.impolite.at(-1)]).toEqual([null, null]);
  });

  it("is this browser, where it makes no connection", async () => {
    const call = new Call();
    call.configure = () => {
      throw new DOMException("", "NotAllowedError");
    };
    call.load("polite", "p_a");
    call.load("impolite", "p_b");
    await call.clock.advance(600);
    expect(call.obstacles.polite.at(-1)).toBe("browser");
  });
});
