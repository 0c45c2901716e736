import { describe, expect, it } from "vitest";
import type { LivekitRoom } from "../src/media/room.ts";
import { settle } from "./doubles/clock.ts";
import { granted, House, never } from "./doubles/house.ts";
import { idle, match, matched, T0, waiting } from "./doubles/states.ts";

describe("a client", () => {
  it("asks for a session, then opens the stream of its page", async () => {
    const house = await new House().open(idle(1));
    expect(house.sent[0]?.path).toBe("/v1/sessions");
    expect(house.streams[0]?.url).toBe(`/v1/events?page=${house.client.view.model.page}`);
  });

  it("says with each join that it can have no call, where its media are text; and nothing where they are not", async () => {
    for (const textOnly of [true, false]) {
      const house = await new House().open(idle(1));
      Object.assign(house.media, { textOnly });
      expect(house.client.isTextOnly).toBe(textOnly);
      house.client.start({ pool: "de" });
      await settle();
      expect(house.bodies("join")[0]).toMatchObject({ pool: "de" });
      expect(house.bodies("join")[0]?.["media"]).toBe(textOnly ? "text" : undefined);
    }
  });

  it("opens and closes the media session with the match, one for each", async () => {
    const house = await new House().open(matched(10, "m_1"));
    house.frame("new-match", matched(11, "m_2"));
    house.frame("waiting", waiting(12));
    expect(house.sessions.map(({ setting, closed }) => [setting.match, closed])).toEqual([
      ["m_1", true],
      ["m_2", true],
    ]);
  });

  it("leaves the room of a match that ended, then says so; the next call waits for none of it", async () => {
    const house = await new House().open(matched(10, "m_1"));
    house.frame("force-disconnect", matched(11, "m_2"), { match: "m_1", reason: "partner-skipped" });
    house.frame("room-closing", matched(11, "m_2"), { match: "m_1", room: "ns_m_1", reason: "partner-skipped", deadline_ms: T0 + 1_000 });
    await settle();
    expect(house.sessions.map(({ setting, closed }) => [setting.match, closed])).toEqual([
      ["m_1", true],
      ["m_2", false],
    ]);
    expect(house.bodies("ack")).toEqual([]);
    house.sessions[0]?.hasLeft();
    await settle();
    expect(house.bodies("ack")).toEqual([{ match: "m_1", of: "room-closing" }]);
  });

  it("hands a room that the app attached to each match's session, until it is taken away", async () => {
    const house = await new House().open(matched(10, "m_1"));
    const [one, two] = [{}, {}] as LivekitRoom[];
    const away = house.client.attach(one!);
    house.client.attach(two!);
    away(); // that room is another's already
    house.frame("new-match", matched(11, "m_2"));
    expect(house.sessions.map(({ setting, rooms }) => [setting.room, rooms])).toEqual([
      [null, [one, two]],
      [two, []],
    ]);
  });

  it("keeps the call while the stream is lost: the socket is not the person", async () => {
    const house = await new House().open(matched(10, "m_1"));
    house.streams[0]?.handlers.onEnd({ why: "lost" });
    await house.clock.advance(3_000);
    expect(house.streams).toHaveLength(2);
    expect(house.sessions.map(({ closed }) => closed)).toEqual([false]);
  });

  it.each([
    ["asks its person before the next stranger, if it did not run for 65 s", 65_000, [[], "away"]],
    ["control: goes on by itself, if it did not run for 4 s", 4_000, [[{ intent: T0 }], null]],
  ])("%s", async (_, ms, expected) => {
    const house = await new House().open(idle(1));
    house.client.start();
    await settle();
    house.frame("new-match", matched(10, "m_1", { intent: T0 }));
    await settle();
    house.sent.length = 0;
    // What the socket kept is read before any timer that fell due.
    const thawed = house.clock.freeze(ms);
    house.frame("idle", idle(11, { intent: T0, wish: "talk", idle_reason: "you-were-away" }));
    await thawed;
    await settle();
    expect([house.bodies("join"), house.client.view.model.let_go]).toEqual(expected);
  });

  it("ends the call and the stream with close, tells the server nothing, and can be closed again", async () => {
    const house = await new House().open(matched(10, "m_1"));
    const before = house.sent.length;
    house.client.close();
    house.client.close();
    await house.clock.advance(30_000);
    expect(house.sessions[0]?.closed).toBe(true);
    expect(house.streams[0]?.closed).toBe(true);
    expect(house.sent).toHaveLength(before);
  });

  it("opens again as a new page (a return from the back/forward cache, or taking over)", async () => {
    const house = await new House().open(matched(10, "m_1"));
    const { page } = house.client.view.model;
    house.client.close();
    await house.open(matched(10, "m_1"));
    expect(house.client.view.model.page).not.toBe(page);
    expect(house.sessions).toHaveLength(2);
  });

  it("calls the leave of a Stop off when Start is pressed again (P18)", async () => {
    const house = await new House().open(waiting(10));
    house.answer = never;
    house.client.stop();
    house.client.start();
    await settle();
    const [leave, join] = [house.sent.at(-2), house.sent.at(-1)];
    expect([leave?.path, join?.path]).toEqual(["/v1/leave", "/v1/join"]);
    expect(leave?.signal.aborted).toBe(true);
    expect(join?.body["intent"]).toBeGreaterThan(leave?.body["intent"] as number);
  });

  it("gives up what is about a match that is over", async () => {
    const house = await new House().open(matched(10, "m_1"));
    house.answer = never;
    house.client.next();
    house.client.say("hello");
    await settle();
    house.frame("new-match", matched(11, "m_2"));
    for (const path of ["/v1/skip", "/v1/messages"]) expect(house.sent.find((sent) => sent.path === path)?.signal.aborted).toBe(true);
  });

  it("gets a new session when a command is answered 401, and goes on", async () => {
    const house = await new House().open(waiting(10));
    let refused = false;
    house.answer = (sent) => {
      if (sent.path.endsWith("sessions")) return granted("b");
      if (refused) return Response.json({ outcome: "ok", state: waiting(10) });
      refused = true;
      return Response.json({ code: "bad-token" }, { status: 401 });
    };
    house.frame("state", waiting(11, { probe: { probe: "b_1", until_ms: T0 } }));
    await house.clock.advance(1_000);
    expect(house.streams).toHaveLength(2);
    expect(house.client.view.model.person).toBe("b");
  });

  it("stays away when its session is over, and begins a new one when it is opened again", async () => {
    const house = await new House().open(waiting(10));
    house.streams.at(-1)?.handlers.onEvent('{"type":"session-ended","at_ms":1,"reason":"token-expired"}', "");
    await house.clock.advance(60_000);
    expect(house.streams).toHaveLength(1);
    expect(house.client.view.model).toMatchObject({ link: "ended", ended_reason: "token-expired" });
    await house.open(idle(1));
    expect(house.bodies("sessions")).toHaveLength(2);
    expect(house.client.view.model).toMatchObject({ link: "open", ended_reason: null });
  });

  it("repeats its word every 2.5 s while the partner is away or silent, and no longer", async () => {
    const house = await new House().open(matched(10, "m_1", { match: match("m_1", T0 + 5_000) }));
    expect(house.sessions[0]?.asked).toBe(1);
    house.sessions[0]?.setting.events.status("silent", false);
    await house.clock.advance(5_200);
    expect(house.bodies("pulse").filter((body) => body["media"] === "silent")).toHaveLength(3);
    house.sessions[0]?.setting.events.status("open", false);
    house.frame("partner-back", matched(11, "m_1"));
    await house.clock.advance(100);
    const before = house.bodies("pulse").length;
    await house.clock.advance(6_000);
    expect(house.bodies("pulse")).toHaveLength(before);
    expect(house.bodies("pulse").at(-1)).toMatchObject({ media: "open" });
  });

  it("answers a probe although an earlier pulse hangs", async () => {
    const house = await new House().open(waiting(10));
    house.answer = never;
    house.frame("state", waiting(11, { probe: { probe: "b_1", until_ms: T0 + 3_000 } }));
    await settle();
    const before = house.bodies("pulse").length;
    await house.clock.advance(2_500);
    expect(house.bodies("pulse").length).toBeGreaterThan(before);
  });

  it("lets a listener press again what is under way", async () => {
    const house = new House();
    const { answer } = house;
    house.answer = (sent) => (sent.path.endsWith("skip") ? never(sent) : answer(sent));
    let pressed = 0;
    house.client.subscribe(({ model }) => {
      if (model.state?.state === "matched" && (pressed += 1) < 100) house.client.next();
    });
    await house.open(matched(10, "m_1"));
    expect(house.bodies("skip")).toEqual([{ match: "m_1" }]);
    expect(pressed).toBeLessThan(100);
  });

  it("sends one join for a listener that presses Start at each news of being idle", async () => {
    const house = await new House().open(idle(1));
    house.answer = never;
    house.client.subscribe(({ model }) => {
      if (model.state?.state === "idle") house.client.start({ tags: ["chess"] });
    });
    house.client.start({ tags: ["chess"] });
    await settle();
    expect(house.errors).toEqual([]);
    expect(house.bodies("join")).toHaveLength(1);
  });

  it("sends a join under way anew with other preferences", async () => {
    const house = await new House().open(idle(1));
    house.answer = never;
    house.client.start({ tags: ["chess"] });
    house.client.start({ tags: ["go"] });
    await settle();
    expect(house.bodies("join").map(({ tags }) => tags)).toEqual([["chess"], ["go"]]);
  });

  it("goes on when the app's own media cannot be opened, and says so", async () => {
    const house = new House();
    const mine = new Error("no WebRTC here");
    house.failure = mine;
    await house.open(matched(10, "m_1"));
    house.frame("waiting", waiting(11));
    expect(house.errors).toEqual([mine]);
    expect(house.client.view.model.state?.state).toBe("waiting");
    house.failure = null;
    house.frame("new-match", matched(12, "m_2"));
    expect(house.sessions.map(({ setting }) => setting.match)).toEqual(["m_2"]);
  });

  it("skips what Next was pressed for once it has a session again", async () => {
    const house = await new House().open(matched(10, "m_1"));
    let refused = 0;
    house.answer = (sent) => {
      if (sent.path.endsWith("sessions")) return granted("a");
      if (!sent.path.endsWith("skip") || refused > 0) return Response.json({ outcome: "ok", state: matched(10, "m_1") });
      refused += 1;
      return Response.json({ code: "bad-token" }, { status: 401 });
    };
    house.client.next();
    await house.clock.advance(500);
    house.frame("snapshot", matched(10, "m_1"));
    await house.clock.advance(5_000);
    expect(house.bodies("skip")).toEqual([{ match: "m_1" }, { match: "m_1" }]);
  });

  it("skips nobody else with it, and does not ask for ever without a session", async () => {
    const house = await new House().open(matched(10, "m_1"));
    house.answer = (sent) =>
      sent.path.endsWith("sessions") ? Response.json({ code: "guests-off" }, { status: 403 }) : Response.json({ code: "bad-token" }, { status: 401 });
    house.client.next();
    await house.clock.advance(60_000);
    expect(house.client.view.model.link).toBe("ended");
    expect(house.bodies("skip").length).toBeLessThan(3);
    const other = await new House().open(matched(10, "m_1"));
    other.answer = (sent) => (sent.path.endsWith("sessions") ? granted("a") : Response.json({ code: "bad-token" }, { status: 401 }));
    other.client.next();
    await settle();
    other.frame("snapshot", matched(11, "m_2"));
    await other.clock.advance(5_000);
    expect(other.bodies("skip")).toEqual([{ match: "m_1" }]);
  });

  it("is not ended by a listener that throws", async () => {
    const house = new House();
    house.client.subscribe(() => {
      throw new Error("mine");
    });
    let told = 0;
    const end = house.client.subscribe(() => void (told += 1));
    await house.open(idle(1));
    expect(told).toBeGreaterThan(0);
    expect(house.errors.length).toBeGreaterThan(0);
    end();
    const before = told;
    house.frame("state", idle(2));
    expect(told).toBe(before);
  });

  it("answers block and report with their outcome, also for the match before", async () => {
    const house = await new House().open(waiting(10));
    house.answer = () => Response.json({ outcome: "reported", state: waiting(10) });
    expect(await house.client.report("m_0", "spam", { skip: true })).toBe("reported");
    expect(house.bodies("reports")[0]).toMatchObject({ match: "m_0", reason: "spam", skip: true });
    expect(house.bodies("reports")[0]).not.toHaveProperty("text");
  });

  it("sends a report again until there is room for it, and says why", async () => {
    const house = await new House().open(waiting(10));
    let full = true;
    house.answer = () =>
      full ? Response.json({ code: "report-not-kept" }, { status: 503, headers: { "Retry-After": "1" } }) : Response.json({ outcome: "reported", state: waiting(10) });
    const codes: string[] = [];
    const answer = house.client.report("m_0", "spam", { again: (code) => codes.push(code) });
    await settle();
    expect(codes).toEqual(["report-not-kept"]);
    full = false;
    await house.clock.advance(10_000);
    expect(await answer).toBe("reported");
    expect(codes).toEqual(["report-not-kept"]);
    const [first, second] = house.bodies("reports");
    expect(second).toEqual(first);
  });

  it("does not send again what a full conversation refused, and says why", async () => {
    const house = await new House().open(matched(10, "m_1"));
    house.answer = () => Response.json({ code: "conversation-full" }, { status: 409 });
    house.client.say("one more");
    await house.clock.advance(10_000);
    expect(house.bodies("messages")).toHaveLength(1);
    expect(house.client.view.model.chat.lines).toMatchObject([{ text: "one more", status: "failed", code: "conversation-full" }]);
  });
});

describe("a guest's session", () => {
  it("is renewed at half of its life while the stream goes on, which moves over without a gap", async () => {
    const house = new House();
    const links: string[] = [];
    house.answer = ({ path }) =>
      path.endsWith("sessions")
        ? Response.json({ person: "a", token: "t", expires_at_ms: house.clock.now() + 30_000 }, { status: 201 })
        : Response.json({ outcome: "ok", state: matched(10, "m_1") });
    await house.open(matched(10, "m_1"));
    house.client.subscribe(({ model }) => void links.push(model.link));
    await house.clock.advance(15_000);
    expect(house.bodies("sessions")).toHaveLength(2);
    expect(house.streams.map(({ closed }) => closed)).toEqual([false, false]);
    house.frame("snapshot", matched(10, "m_1"));
    expect(house.streams.map(({ closed }) => closed)).toEqual([true, false]);
    expect(new Set(links)).toEqual(new Set(["open"]));
    expect(house.sessions.map(({ closed }) => closed)).toEqual([false]);
  });
});
