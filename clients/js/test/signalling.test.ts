import { describe, expect, it } from "vitest";
import { Duologue } from "../src/client.ts";
import type { OpenMedia, Preparation, WaitingSetting } from "../src/media/port.ts";
import { suppliedSession } from "../src/session.ts";
import type { StreamHandlers } from "../src/stream/transport.ts";
import type { MediaHint, PersonState, SignalData } from "../src/vocabulary.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { idle, matched, T0, waiting } from "./doubles/states.ts";

const HINT: MediaHint = { kind: "peer", ice_servers: [] };
const HELLO: SignalData = { from: "p_1", lists: true, hello: true };
const LIST: SignalData = { from: "p_1", candidates: [{ candidate: "one" }, { candidate: "two" }] };

interface Sent {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

class Preparing implements Preparation {
  isWaiting = true;
  isClosed = false;
  renewals = 0;
  tracks: unknown = null;

  constructor(readonly setting: WaitingSetting) {}

  send(tracks: unknown): void {
    this.tracks = tracks;
  }
  wait(isWaiting: boolean): void {
    this.isWaiting = isWaiting;
  }
  renew(): void {
    this.renewals += 1;
  }
  close(): void {
    this.isClosed = true;
  }
}

/** A client whose media says hello as soon as it reads a match, and a server that is this test. */
class Scene {
  readonly clock = new FakeClock(T0);
  readonly sent: Sent[] = [];
  readonly prepared: Preparing[] = [];
  readonly handed: unknown[] = [];
  status: Parameters<OpenMedia>[0]["events"]["status"] | null = null;
  handlers: StreamHandlers | null = null;
  first: readonly SignalData[] = [HELLO];
  answer: (sent: Sent) => Response = (sent) =>
    Response.json({ outcome: sent.path === "/v1/signal" ? "sent" : "ok", state: this.client.view.model.state ?? idle(1) });
  readonly #media: OpenMedia = Object.assign(
    ({ prepared, events }: Parameters<OpenMedia>[0]) => {
      this.handed.push(prepared);
      this.status = events.status;
      for (const data of this.first) events.signal(data);
      const nothing = (): void => undefined;
      return { hear: nothing, grant: nothing, send: nothing, tell: nothing, ask: nothing, close: nothing };
    },
    {
      prepare: (setting: WaitingSetting) => {
        const made = new Preparing(setting);
        this.prepared.push(made);
        return made;
      },
    },
  );
  readonly client = new Duologue({
    clock: this.clock,
    random: () => 0.5,
    session: suppliedSession(() => "t"),
    media: this.#media,
    locks: null,
    fetch: ((path: string, request: RequestInit) => {
      const sent = { path, body: JSON.parse((request.body as string | undefined) ?? "{}") as Record<string, unknown> };
      this.sent.push(sent);
      return Promise.resolve(this.answer(sent));
    }) as typeof globalThis.fetch,
    stream: (_url, _id, handlers) => {
      this.handlers = handlers;
      return { close: () => undefined };
    },
  });

  async read(type: string, state: PersonState, more: object = {}): Promise<void> {
    this.handlers?.onEvent(JSON.stringify({ type, at_ms: T0, state, ...more }), "");
    await settle();
  }

  async open(state: PersonState, media: MediaHint | null = HINT): Promise<this> {
    this.client.open();
    await settle();
    await this.read("snapshot", state, media === null ? {} : { media });
    return this;
  }

  get requests(): Sent[] {
    return this.sent.filter(({ path }) => path === "/v1/signal" || path === "/v1/pulse");
  }
}

const refused = (status: number, code: string): Response => Response.json({ type: "about:blank", title: "", status, code, detail: "" }, { status });

describe("a match that is read", () => {
  it("is answered with one request: the first signal carries the pulse that is owed", async () => {
    const scene = await new Scene().open(waiting(10));
    scene.sent.length = 0;
    await scene.read("new-match", matched(11, "m_1"));
    expect(scene.requests.map(({ path, body }) => [path, body["match"], body["data"], body["pulse"]])).toEqual([["/v1/signal", "m_1", HELLO, {}]]);
    await scene.clock.advance(3_000);
    expect(scene.requests).toHaveLength(1);
  });

  it("control: is answered with two at a server that does not say that it knows this", async () => {
    const scene = await new Scene().open(waiting(10), null);
    scene.sent.length = 0;
    await scene.read("new-match", matched(11, "m_1"));
    expect(scene.requests.map(({ path, body }) => [path, body["data"], body["pulse"]])).toEqual([
      ["/v1/pulse", undefined, undefined],
      ["/v1/signal", { from: "p_1", hello: true }, undefined],
    ]);
  });

  it("is answered as before by a server of the last release, although another one of the deployment said that it knows this", async () => {
    const scene = await new Scene().open(waiting(10));
    scene.sent.length = 0;
    scene.first = [HELLO, LIST];
    const usual = scene.answer;
    scene.answer = (sent) => ("pulse" in sent.body || JSON.stringify(sent.body).includes("lists") ? refused(422, "unknown-field") : usual(sent));
    await scene.read("new-match", matched(11, "m_1"));
    await scene.clock.advance(400);
    const plain = scene.requests.slice(1);
    expect(plain.filter(({ path }) => path === "/v1/pulse")).toHaveLength(1);
    expect(plain.filter(({ path }) => path === "/v1/signal").map(({ body }) => body["data"])).toEqual([
      { from: "p_1", hello: true },
      { from: "p_1", candidate: { candidate: "one" } },
      { from: "p_1", candidate: { candidate: "two" } },
    ]);
    expect(new Set(plain.map(({ body }) => body["key"])).size).toBe(4); // the pulse has none
  });

  it("is answered by a pulse of its own, in time, where the signal is one too many", async () => {
    const scene = await new Scene().open(waiting(10));
    scene.sent.length = 0;
    const usual = scene.answer;
    scene.answer = (sent) => (sent.path === "/v1/signal" ? refused(429, "too-many") : usual(sent));
    await scene.read("new-match", matched(11, "m_1"));
    await scene.clock.advance(500);
    expect(scene.requests.filter(({ path }) => path === "/v1/pulse").map(({ body }) => body["match"])).toEqual(["m_1"]);
  });
});

describe("what is prepared", () => {
  it("begins when somebody is looked for, and is handed to the match", async () => {
    const scene = await new Scene().open(idle(1));
    expect(scene.prepared).toEqual([]);
    await scene.read("waiting", waiting(10));
    expect(scene.prepared.map(({ setting }) => setting.hint)).toEqual([HINT]);
    scene.client.send({ audio: null, video: null });
    expect(scene.prepared[0]?.tracks).toEqual({ audio: null, video: null });
    await scene.read("new-match", matched(11, "m_1"));
    expect(scene.handed).toEqual([scene.prepared[0]]);
    expect(scene.prepared[0]).toMatchObject({ isWaiting: false, isClosed: false });
    await scene.read("waiting", waiting(12));
    expect(scene.prepared).toHaveLength(1);
    expect(scene.prepared[0]?.isWaiting).toBe(true);
  });

  it("begins in a conversation once its call is up: Next may be followed by a match at once", async () => {
    const scene = await new Scene().open(matched(10, "m_1"));
    expect(scene.prepared).toEqual([]);
    scene.status?.("open", true);
    await settle();
    expect(scene.prepared).toHaveLength(1);
    await scene.read("new-match", matched(11, "m_2"));
    expect(scene.handed.at(-1)).toBe(scene.prepared[0]);
  });

  it.each<[string, (scene: Scene) => Promise<void> | void]>([
    ["Stop, before the server answers", (scene) => scene.client.stop()],
    ["leaving the queue", (scene) => scene.read("idle", idle(11), { reason: "left" })],
    ["another page that takes over", (scene) => scene.read("taken-over", waiting(10))],
    ["the page's end", (scene) => scene.client.close()],
  ])("is closed by %s", async (_name, end) => {
    const scene = await new Scene().open(waiting(10));
    expect(scene.prepared.map(({ isClosed }) => isClosed)).toEqual([false]);
    scene.answer = () => refused(503, "unavailable");
    await end(scene);
    expect(scene.prepared.map(({ isClosed }) => isClosed)).toEqual([true]);
  });

  it("is made anew when the line comes back, since the network may be another one", async () => {
    const scene = await new Scene().open(waiting(10));
    const before = scene.prepared[0]!.renewals;
    scene.handlers?.onEnd({ why: "lost" });
    await scene.clock.advance(2_000);
    await scene.read("snapshot", waiting(10), { media: HINT });
    expect(scene.prepared[0]!.renewals).toBe(before + 1);
  });

  it("is nothing at a server that says nothing of its media", async () => {
    const scene = await new Scene().open(waiting(10), null);
    expect(scene.prepared).toEqual([]);
  });
});
