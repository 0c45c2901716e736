import { afterEach, describe, expect, it, vi } from "vitest";
import { Duologue } from "../src/client.ts";
import { memoryStorage, type Session } from "../src/session.ts";
import type { StreamHandlers } from "../src/stream/transport.ts";
import { ASK_MS, RELOAD_MS, Tabs, YIELD_MS, type Locks } from "../src/tabs.ts";
import { FakeClock, settle } from "./doubles/clock.ts";
import { FakeLocks, FakeSight } from "./doubles/locks.ts";
import { T0, waiting } from "./doubles/states.ts";

/** Some tabs of one browser. */
class Browser {
  readonly clock = new FakeClock();
  readonly locks = new FakeLocks();

  readonly shared = memoryStorage();

  tab(locks: Locks | null = this.locks, storage = memoryStorage()): { tabs: Tabs; sight: FakeSight; said: string[] } {
    const { clock, shared } = this;
    const sight = new FakeSight();
    const said: string[] = [];
    const say = (word: string) => () => void said.push(word);
    const tabs = new Tabs({ locks, sight, storage, shared, clock, name: () => "duologue", lead: say("leads"), elsewhere: say("elsewhere") });
    return { tabs, sight, said };
  }

  /** The first leads, the second says that it is elsewhere. */
  async two() {
    const [a, b] = [this.tab(), this.tab()];
    a.tabs.open();
    await settle();
    b.tabs.open();
    await this.clock.advance(ASK_MS);
    expect([a.said, b.said]).toEqual([["leads"], ["elsewhere"]]);
    return [a, b] as const;
  }
}

describe("the tabs of a browser", () => {
  it("have one that leads; the others say so, none of them at once", async () => {
    const browser = new Browser();
    const tabs = Array.from({ length: 9 }, () => browser.tab());
    for (const { tabs: each } of tabs) each.open();
    await browser.clock.advance(ASK_MS - 1);
    expect(tabs.map(({ said }) => said.join())).toEqual(["leads", ...Array<string>(8).fill("")]);
    await browser.clock.advance(1);
    expect(tabs.map(({ said }) => said.join())).toEqual(["leads", ...Array<string>(8).fill("elsewhere")]);
    expect(await tabs[8]!.tabs.isElsewhere()).toBe(true);
    expect(await tabs[0]!.tabs.isElsewhere()).toBe(false);
  });

  it("take over when a person says so; who led waits, and the two do not fight", async () => {
    const browser = new Browser();
    const [a, b] = await browser.two();
    b.tabs.takeOver();
    await browser.clock.advance(60_000);
    expect([a.said, b.said]).toEqual([["leads", "elsewhere"], ["elsewhere", "leads"]]);
    a.tabs.takeOver();
    await browser.clock.advance(60_000);
    expect([a.said, b.said]).toEqual([["leads", "elsewhere", "leads"], ["elsewhere", "leads", "elsewhere"]]);
  });

  it("let a tab that is looked at go on when the leader is gone", async () => {
    const browser = new Browser();
    const [a, b] = await browser.two();
    a.tabs.close();
    await browser.clock.advance(YIELD_MS);
    expect(b.said).toEqual(["elsewhere", "leads"]);
  });

  it("let none go on by itself when the leader had lost the conversation to another device: only when somebody says so", async () => {
    const browser = new Browser();
    const [a, b] = await browser.two();
    a.tabs.lost();
    a.tabs.close();
    await browser.clock.advance(60_000);
    expect(b.said).toEqual(["elsewhere"]);
    b.tabs.takeOver();
    await settle();
    expect(b.said).toEqual(["elsewhere", "leads"]);
    const c = browser.tab();
    c.tabs.open();
    await browser.clock.advance(ASK_MS);
    b.tabs.close();
    await browser.clock.advance(YIELD_MS);
    expect(c.said).toEqual(["elsewhere", "leads"]); // it was taken back, so what holds is where it was last
  });

  it("never let a hidden one go on by itself: only once somebody looks, or says so", async () => {
    const browser = new Browser();
    const [a, b] = await browser.two();
    b.sight.hide(true);
    a.tabs.close();
    await browser.clock.advance(60_000);
    expect(b.said).toEqual(["elsewhere"]);
    expect(browser.locks.waiting).toBe(0); // nor does it stand in the way of one that is looked at
    b.sight.hide(false);
    await browser.clock.advance(YIELD_MS);
    expect(b.said).toEqual(["elsewhere", "leads"]);
  });

  it("nor a hidden one that had only just asked", async () => {
    const browser = new Browser();
    const [a, b] = [browser.tab(), browser.tab()];
    a.tabs.open();
    await settle();
    b.sight.hide(true);
    b.tabs.open();
    await browser.clock.advance(ASK_MS / 2);
    a.tabs.close();
    await browser.clock.advance(60_000);
    expect(b.said).toEqual(["elsewhere"]);
  });

  it("let a hidden one lead that opens where no other tab is", async () => {
    const browser = new Browser();
    const tab = browser.tab();
    tab.sight.hide(true);
    tab.tabs.open();
    await settle();
    expect(tab.said).toEqual(["leads"]);
  });

  it("do not let one go on that was hidden while it made sure", async () => {
    const browser = new Browser();
    const [a, b] = await browser.two();
    a.tabs.close();
    await browser.clock.advance(YIELD_MS / 2);
    b.sight.hide(true);
    await browser.clock.advance(60_000);
    expect(b.said).toEqual(["elsewhere"]);
  });

  it("leave a leader that reloads its place: it neither loses it nor says elsewhere", async () => {
    const browser = new Browser();
    const [a, b] = await browser.two();
    a.tabs.close();
    await browser.clock.advance(YIELD_MS - 1);
    const reloaded = browser.tab();
    reloaded.tabs.open();
    await browser.clock.advance(60_000);
    expect([reloaded.said, b.said]).toEqual([["leads"], ["elsewhere"]]);
  });

  it("give it back, too, to one that reloads so slowly that another went on; but not to one that comes much later", async () => {
    for (const [ms, said] of [[RELOAD_MS - 1, "leads"], [RELOAD_MS, "elsewhere"]] as const) {
      const browser = new Browser();
      const storage = memoryStorage();
      const [a, b] = [browser.tab(browser.locks, storage), browser.tab()];
      for (const { tabs } of [a, b]) tabs.open();
      await browser.clock.advance(ASK_MS);
      a.tabs.close();
      await browser.clock.advance(ms);
      expect(b.said).toEqual(["elsewhere", "leads"]);
      const reloaded = browser.tab(browser.locks, storage);
      reloaded.tabs.open();
      await browser.clock.advance(60_000);
      expect(reloaded.said).toEqual([said]);
    }
  });

  it("take nothing from the tab that they are a duplicate of", async () => {
    const browser = new Browser();
    const storage = memoryStorage();
    const [a, duplicate] = [browser.tab(browser.locks, storage), browser.tab(browser.locks, storage)];
    a.tabs.open();
    await settle();
    duplicate.tabs.open();
    await browser.clock.advance(ASK_MS);
    expect([a.said, duplicate.said]).toEqual([["leads"], ["elsewhere"]]);
  });

  it("lead, lose and close as ever where storage is full", async () => {
    const browser = new Browser();
    const full = { getItem: () => null, removeItem: () => undefined, setItem: () => { throw new Error("QuotaExceededError"); } };
    Object.assign(browser.shared, full);
    const [a, b] = [browser.tab(browser.locks, full), browser.tab(browser.locks, full)];
    for (const { tabs } of [a, b]) tabs.open();
    await browser.clock.advance(ASK_MS);
    a.tabs.lost();
    a.tabs.close();
    await browser.clock.advance(YIELD_MS);
    expect([a.said, b.said]).toEqual([["leads"], ["elsewhere", "leads"]]);
  });

  it("may come and go at once, as a component that is mounted twice", async () => {
    const browser = new Browser();
    const first = browser.tab();
    first.tabs.open();
    first.tabs.close();
    const second = browser.tab();
    second.tabs.open();
    await browser.clock.advance(60_000);
    expect([first.said.includes("elsewhere"), second.said]).toEqual([false, ["leads"]]);
  });

  it("can be closed repeatedly, whatever they wait for, and leave nothing", async () => {
    const browser = new Browser();
    const [a, b] = await browser.two();
    const c = browser.tab();
    c.tabs.open();
    for (const { tabs } of [c, b, a]) {
      tabs.close();
      tabs.close();
    }
    await settle();
    expect([browser.clock.pending, browser.locks.waiting, b.sight.watchers.size]).toEqual([0, 0, 0]);
    await browser.clock.advance(60_000);
    expect([a.said, b.said, c.said]).toEqual([["leads"], ["elsewhere"], []]);
  });

  it("lead each by itself where there are no locks, or none for this page", async () => {
    const browser = new Browser();
    const forbidden: Locks = { request: () => Promise.reject(new Error("SecurityError")), query: () => Promise.reject(new Error("SecurityError")) };
    for (const locks of [null, forbidden]) {
      const tab = browser.tab(locks);
      tab.tabs.open();
      await settle();
      expect(tab.said).toEqual(["leads"]);
      expect(await tab.tabs.isElsewhere()).toBe(false);
    }
  });
});

/** A person of this tab's own, and the browser's guest. */
const alone: Session = {
  credentials: "same-origin",
  byCookie: true,
  headers: () => ({}),
  wantsGrant: () => false,
  remember: () => undefined,
  forget: () => undefined,
};
const guest: Session = { ...alone, seat: "guest" };

/** A client in a tab, with a server that answers everything alike. */
class Seat {
  readonly requests: string[] = [];
  readonly streams: { handlers: StreamHandlers; closed: boolean }[] = [];
  readonly client: Duologue;

  constructor({ clock, locks }: Browser, session = guest) {
    this.client = new Duologue({
      session,
      clock,
      locks,
      random: () => 0.5,
      fetch: ((path: string) => {
        this.requests.push(path);
        return Promise.resolve(Response.json({ outcome: "ok", state: waiting(2) }));
      }) as typeof globalThis.fetch,
      stream: (_url, _id, handlers) => {
        const stream = { handlers, closed: false };
        this.streams.push(stream);
        return { close: () => void (stream.closed = true) };
      },
    });
  }

  get link(): string {
    return this.client.view.model.link;
  }

  async leads(browser: Browser): Promise<this> {
    await browser.clock.advance(ASK_MS);
    this.streams.at(-1)?.handlers.onEvent(JSON.stringify({ type: "snapshot", at_ms: T0, state: waiting(1) }), "");
    expect(this.link).toBe("open");
    return this;
  }
}

describe("a client in one of many tabs", () => {
  afterEach(() => void vi.unstubAllGlobals());

  async function two(): Promise<[Browser, Seat, Seat]> {
    vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
    vi.stubGlobal("localStorage", memoryStorage());
    const browser = new Browser();
    const [a, b] = [new Seat(browser), new Seat(browser)];
    a.client.open();
    await a.leads(browser);
    b.client.open();
    await browser.clock.advance(ASK_MS);
    return [browser, a, b];
  }

  it("holds no stream and sends nothing while it is elsewhere, whatever is pressed", async () => {
    const [browser, , b] = await two();
    b.client.start();
    b.client.next();
    b.client.say("hello?");
    b.client.nudge();
    await browser.clock.advance(60_000);
    expect([b.link, b.streams, b.requests]).toEqual(["elsewhere", [], []]);
  });

  it("connects as a new page when it takes over, does what was pressed meanwhile, and the other one falls silent", async () => {
    const [browser, a, b] = await two();
    b.client.start();
    b.client.takeOver();
    await settle();
    expect([a.link, a.streams[0]?.closed]).toEqual(["elsewhere", true]);
    await b.leads(browser);
    await settle();
    const before = a.requests.length;
    await browser.clock.advance(60_000);
    expect(b.requests).toContain("/v1/join");
    expect([a.requests.length, a.streams.length, a.link]).toEqual([before, 1, "elsewhere"]);
  });

  it("is elsewhere also when the server told it first that another page has taken over", async () => {
    const [browser, a, b] = await two();
    a.streams[0]?.handlers.onEvent('{"type":"taken-over","at_ms":1}', "");
    expect(a.link).toBe("taken-over");
    b.client.takeOver();
    await b.leads(browser);
    expect(a.link).toBe("elsewhere");
  });

  it("does not take the conversation back from another device because a tab that lost it to that one is closed", async () => {
    const [browser, a, b] = await two();
    a.streams[0]?.handlers.onEvent('{"type":"taken-over","at_ms":1}', "");
    a.client.close();
    await browser.clock.advance(60_000);
    expect([b.link, b.streams]).toEqual(["elsewhere", []]);
  });

  it("goes on by itself when the leader is closed", async () => {
    const [browser, a, b] = await two();
    a.client.close();
    await browser.clock.advance(YIELD_MS);
    await b.leads(browser);
  });

  it("closes to nothing, wherever it is", async () => {
    const [browser, a, b] = await two();
    for (const { client } of [b, a, b]) client.close();
    await settle();
    expect([a.link, b.link, browser.clock.pending, browser.locks.waiting]).toEqual(["closed", "closed", 0, 0]);
  });

  it("has its connection to itself with a person of its own", async () => {
    const [browser] = await two();
    const second = new Seat(browser, alone);
    second.client.open();
    await second.leads(browser);
  });
});
