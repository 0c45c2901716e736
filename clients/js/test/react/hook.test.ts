// @vitest-environment happy-dom
import { act, createElement, StrictMode, type ReactElement, type ReactNode } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Duologue } from "../../src/client.ts";
import type { MediaSetting } from "../../src/media/port.ts";
import { DuologueProvider, useDuologue, type Seated, type UseDuologueOptions } from "../../src/react/index.ts";
import type { StreamHandlers } from "../../src/stream/transport.ts";
import type { PersonState } from "../../src/vocabulary.ts";
import { ASK_MS } from "../../src/tabs.ts";
import { FakeClock, settle } from "../doubles/clock.ts";
import { FakeLocks } from "../doubles/locks.ts";
import { idle, matched, T0, waiting } from "../doubles/states.ts";

/** React then complains of updates that no `act` awaits. */
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

/** A server, its streams as they were opened, and what it was asked. */
class House {
  readonly streams: { url: string; handlers: StreamHandlers; closed: boolean }[] = [];
  readonly calls: { name: string; body: Record<string, unknown> }[] = [];
  readonly media: MediaSetting[] = [];
  readonly errors: unknown[] = [];
  state: PersonState = idle(1);

  readonly options: UseDuologueOptions = {
    clock: new FakeClock(T0),
    random: () => 0.5,
    fetch: ((path: string, { body }: RequestInit) => {
      const name = path.split("/").at(-1) ?? "";
      this.calls.push({ name, body: typeof body === "string" ? (JSON.parse(body) as Record<string, unknown>) : {} });
      const grant = { person: "p", token: "t", expires_at_ms: T0 + 10 ** 9 };
      return Promise.resolve(Response.json(name === "sessions" ? grant : { outcome: "ok", state: this.state }));
    }) as typeof globalThis.fetch,
    stream: (url, _id, handlers) => {
      const stream = { url, handlers, closed: false };
      this.streams.push(stream);
      return { close: () => void (stream.closed = true) };
    },
    media: (setting) => {
      this.media.push(setting);
      const nothing = (): void => undefined;
      return { hear: nothing, grant: nothing, send: nothing, tell: nothing, ask: nothing, close: nothing };
    },
    onError: (error) => void this.errors.push(error),
  };

  get open(): typeof this.streams {
    return this.streams.filter(({ closed }) => !closed);
  }

  async say(state: PersonState, type = "snapshot"): Promise<void> {
    this.state = state;
    await act(async () => {
      for (const { handlers } of this.open) handlers.onEvent(JSON.stringify({ type, at_ms: T0, reason: "connected", state }), "");
      await settle();
    });
  }

  async heartbeat(): Promise<void> {
    const frame = { type: "heartbeat", at_ms: T0, now_ms: T0, version: this.state.version, people_online: 7 };
    await act(async () => {
      this.open.at(-1)?.handlers.onEvent(JSON.stringify(frame), "");
      await settle();
    });
  }

  names(): string[] {
    return this.calls.map(({ name }) => name).filter((name) => name !== "pulse");
  }
}

let house: House;
let root: Root;
let container: HTMLElement;
const seen: Seated[] = [];

beforeEach(() => {
  house = new House();
  seen.length = 0;
  container = document.body.appendChild(document.createElement("div"));
  root = createRoot(container);
});

afterEach(async () => {
  await show(null);
  container.remove();
  expect(house.errors).toEqual([]);
});

async function show(node: ReactNode): Promise<void> {
  await act(async () => {
    root.render(node);
    await settle();
  });
}

function Page({ options = house.options, id = "" }: { options?: UseDuologueOptions; id?: string }): ReactElement {
  const seat = useDuologue(options);
  seen.push(seat);
  return createElement("p", null, `${id}${seat.link} ${seat.state?.state ?? "nothing"}`);
}

const page = (props: Parameters<typeof Page>[0] = {}): ReactElement => createElement(Page, props);
const now = (): Seated => seen.at(-1)!;

describe("useDuologue", () => {
  it("connects when it is mounted, shows the state, and closes when it is gone", async () => {
    await show(page());
    expect(now()).toMatchObject({ isConnected: false, link: "connecting", state: null });
    await house.say(idle(2));
    expect(now()).toMatchObject({ isConnected: true, state: { state: "idle" } });
    expect(container.textContent).toBe("open idle");
    await show(null);
    expect(house.open).toEqual([]);
    expect(house.names()).toEqual(["sessions"]);
  });

  it("is one page to the server in StrictMode, which mounts everything twice", async () => {
    await show(createElement(StrictMode, null, page()));
    await house.say(idle(2));
    expect(house.streams).toHaveLength(1);
    expect(house.names()).toEqual(["sessions"]);
    expect(now().link).toBe("open");
    await show(null);
    expect(house.open).toEqual([]);
  });

  it("is the same page when its component moves, and a new one when it comes back later", async () => {
    const client = new Duologue(house.options);
    const shared = { options: { client } };
    await show(createElement("div", null, page({ ...shared, id: "a " })));
    await show(createElement("section", null, page({ ...shared, id: "b " })));
    expect(house.streams).toHaveLength(1);
    expect(house.open).toHaveLength(1);
    await show(null);
    expect(house.open).toHaveLength(0);
    await show(page(shared));
    expect(house.open).toHaveLength(1);
    expect(new Set(house.streams.map(({ url }) => url)).size).toBe(2);
  });

  it("shares one client inside a provider, and gives each component its own without one", async () => {
    await show(createElement(DuologueProvider, house.options, page({ options: {} }), page({ options: {} })));
    await house.say(waiting(2));
    expect(house.streams).toHaveLength(1);
    expect(container.textContent).toBe("open waitingopen waiting");
    await show(null);
    await show([createElement(Page, { key: 1 }), createElement(Page, { key: 2 })]);
    expect(house.open).toHaveLength(2);
  });

  it("does what a person presses, by functions that never change", async () => {
    await show(page());
    await house.say(idle(2));
    const first = now();
    await act(async () => {
      first.start({ tags: ["chess"] });
      await settle();
    });
    expect(house.calls.find(({ name }) => name === "join")?.body).toMatchObject({ tags: ["chess"] });
    await house.say(matched(3, "m_1", { intent: T0 }));
    expect(now()).toMatchObject({ match: "m_1", partner: { alias: "", isGone: false, stream: null } });
    await act(async () => {
      first.say("hello");
      await first.block();
      await first.report("spam", { text: "ads" });
      first.skip();
      first.stop();
      await settle();
    });
    // Some are healed by a second one, for this server answers that nothing happened.
    expect([...new Set(house.names())]).toEqual(["sessions", "join", "messages", "blocks", "reports", "skip", "leave"]);
    expect(house.calls.filter(({ name }) => ["blocks", "reports"].includes(name)).map(({ body }) => body["match"])).toEqual(["m_1", "m_1"]);
    expect(now().messages.map(({ text }) => text)).toEqual(["hello"]);
    for (const name of ["start", "skip", "stop", "send", "say", "block", "report", "takeOver", "sawFace"] as const) {
      expect(new Set(seen.map((seat) => seat[name])).size).toBe(1);
    }
  });

  it("renders only when there is something new to see", async () => {
    await show(page());
    await house.say(waiting(2));
    await house.heartbeat();
    const renders = seen.length;
    for (let beat = 0; beat < 20; beat += 1) await house.heartbeat();
    expect(seen).toHaveLength(renders);
    await house.say(waiting(3), "waiting");
    expect(seen).toHaveLength(renders + 1);
  });

  it("goes on where another page had taken over", async () => {
    await show(page());
    await house.say(idle(2));
    await act(async () => {
      house.open[0]?.handlers.onEvent(JSON.stringify({ type: "taken-over", at_ms: T0 }), "");
      await settle();
    });
    expect(now().link).toBe("taken-over");
    await act(async () => {
      now().takeOver();
      await settle();
    });
    await house.say(idle(3));
    expect(now().link).toBe("open");
    expect(new Set(house.streams.map(({ url }) => url)).size).toBe(2);
  });

  it("waits while another tab has the connection, and goes on here when Start is pressed", async () => {
    const locks = new FakeLocks();
    const other = new House();
    const tab = new Duologue({ ...other.options, locks });
    tab.open();
    await settle();
    await show(page({ options: { ...house.options, locks } }));
    await act(async () => {
      await (house.options.clock as FakeClock).advance(ASK_MS);
    });
    expect(now()).toMatchObject({ link: "elsewhere", isConnected: false, match: null });
    expect(house.streams).toEqual([]);
    await act(async () => {
      now().start();
      await settle();
    });
    await house.say(idle(2));
    expect(now().link).toBe("open");
    expect(house.names()).toContain("join");
    expect(tab.view.model.link).toBe("elsewhere");
    tab.close();
  });

  it("closes when the page is hidden for good or into the cache, and comes back from there as a new page", async () => {
    await show(page());
    await house.say(matched(2, "m_1"));
    await act(async () => {
      dispatchEvent(new Event("pagehide"));
      await settle();
    });
    expect(house.open).toEqual([]);
    await act(async () => {
      dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
      await settle();
    });
    await house.say(matched(3, "m_1"));
    expect(now()).toMatchObject({ link: "open", match: "m_1" });
    expect(house.names()).not.toContain("leave");
    await show(null);
    dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    await settle();
    expect(house.open).toEqual([]);
  });

  it("waits with connecting until it is told to, and closes when it is told not to", async () => {
    await show(page({ options: { ...house.options, connect: false } }));
    expect(house.streams).toEqual([]);
    await show(page({ options: { ...house.options, connect: true } }));
    expect(house.open).toHaveLength(1);
    await show(page({ options: { ...house.options, connect: false } }));
    expect(house.open).toEqual([]);
  });

  it("tells the partner of camera and microphone as they are", async () => {
    const told: unknown[] = [];
    const client = new Duologue(house.options);
    client.tell = (presence) => void told.push(presence);
    await show(page({ options: { client } }));
    const track = { enabled: true, kind: "audio" } as MediaStreamTrack;
    act(() => now().send({ audio: track }));
    track.enabled = false;
    act(() => now().send({ audio: track }));
    expect(told).toEqual([
      { camera: false, microphone: false, hidden: false },
      { camera: false, microphone: true, hidden: false },
      { camera: false, microphone: false, hidden: false },
    ]);
  });

  it("is rendered by a server, and taken up by the browser without a word of difference", async () => {
    const html = renderToString(page());
    expect(html).toBe("<p>closed nothing</p>");
    expect(house.streams).toEqual([]);
    const complaints: unknown[] = [];
    const served = document.body.appendChild(document.createElement("div"));
    served.innerHTML = html;
    let hydrated: Root | undefined;
    await act(async () => {
      hydrated = hydrateRoot(served, page(), { onRecoverableError: (error) => void complaints.push(error) });
      await settle();
    });
    expect(complaints).toEqual([]);
    expect(house.open).toHaveLength(1);
    await act(async () => {
      hydrated?.unmount();
      await settle();
    });
    expect(house.open).toEqual([]);
  });
});
