import { emptyModel, type Model, type PersonState, type Presence } from "duologue";
import { describe, expect, it } from "vitest";
import { scene, type Situation } from "../src/scene.ts";
import { plain } from "../src/values.ts";
import { words } from "../src/words/en.ts";

const english = words("Duologue");

const base = { version: 1, since_ms: 0, intent: 1, wish: "talk" as const, pool: "main" };
const waiting: PersonState = { ...base, state: "waiting" };
const idle: PersonState = { ...base, state: "idle", wish: "rest", idle_reason: "never" };
const matched: PersonState = {
  ...base,
  state: "matched",
  match: {
    match: "m_1",
    started_at_ms: 0,
    partner: { alias: "Ada", away_until_ms: null },
    media: { kind: "peer", role: "polite", ice_servers: [] },
    messages: { first: 1, last: 0 },
  },
};
const here: Presence = { camera: true, microphone: true, hidden: false };
const talk = { intent: 1, wish: "talk" as const, preferences: {}, seen_ms: 0, held: false };

function draw(model: Partial<Model>, more: Partial<Situation> = {}) {
  const situation: Situation = {
    model: { ...emptyModel("p"), link: "open", own: talk, ...model },
    presence: here,
    quality: { own: null, partner: null, isPictureHeld: false },
    live: true,
    elsewhere: false,
    hasPicture: true,
    crowd: null,
    wait: { waited_s: 0, again_s: null },
    news: null,
    failure: null,
    isTextOnly: false,
    away: false,
    loopback: true,
    dealt: new Set(),
    ...more,
  };
  return scene(situation, english);
}

const media = (more: Partial<Model["media"]> = {}): Model["media"] => ({ ...emptyModel("p").media, match: "m_1", status: "open", everOpen: true, ...more });
const talking: Partial<Model> = { state: matched, media: media() };

describe("the scene", () => {
  it.each<[string, string, Partial<Model>]>([
    ["before the first state", "loading", {}],
    ["in the queue", "waiting", { state: waiting }],
    ["while a join heals an idle state", "waiting", { state: { ...idle, idle_reason: "you-were-away" } }],
    ["in a match whose call is not up yet", "connecting", { state: matched, media: media({ status: "connecting", everOpen: false }) }],
    ["in a match whose partner is slow to answer", "connecting", { state: matched, media: media({ status: "silent", everOpen: false }) }],
    ["in a call", "talking", talking],
    ["when the partner falls silent", "reconnecting", { state: matched, media: media({ status: "silent" }) }],
    ["when the partner is away and vouched for", "talking", { state: matched, media: media({ away_until_ms: 1, unanswered: true, vouched: true }) }],
    ["when the partner is away and does not answer", "reconnecting", { state: matched, media: media({ away_until_ms: 1, unanswered: true }) }],
    ["after Next, until the server has answered", "waiting", { ...talking, skipping: "m_1" }],
    ["after Stop, until the server has answered", "welcome", { ...talking, own: { ...talk, wish: "rest" } }],
    ["after a conversation that was to be the only one", "welcome", { state: idle, own: { ...talk, wish: "rest" } }],
    ["on a reloaded page whose person is idle", "welcome", { state: idle, own: null }],
    ["when another tab has taken over", "taken-over", { ...talking, link: "taken-over" }],
    ["when the session is over", "ended", { ...talking, link: "ended" }],
    ["while the stream is lost in a call", "talking", { ...talking, link: "away" }],
  ])("%s is %s", (_, state, model) => {
    expect(draw(model).state).toBe(state);
  });

  it("says that the person was away, whatever the server says of it, once the client let go", () => {
    const away = english.welcome.resting["you-were-away"];
    expect(draw({ state: idle, let_go: "away" }, { live: false })).toMatchObject({ state: "welcome", resting: away });
    expect(draw({ state: { ...idle, idle_reason: "left" }, let_go: "away" }, { live: false }).resting).toBe(away);
    expect(draw({ state: null, let_go: "away" }, { live: false }).resting).toBe(away);
  });

  it("asks whether the person is still there, in the place of the next stranger", () => {
    const asked = draw({ state: { ...idle, idle_reason: "one-conversation" }, own: null, let_go: "unattended" });
    expect(asked).toMatchObject({ state: "still-there", screen: "stage", title: english.stillThere.title, takeOver: english.stillThere.yes, current: null });
  });

  it("stays the welcome until the person starts", () => {
    expect(draw({ state: waiting }, { live: false }).state).toBe("welcome");
  });

  it("says before the first press, too, that another tab of the browser has it, and tells that from another device", () => {
    expect(draw({ link: "elsewhere" }, { live: false, elsewhere: true })).toMatchObject({ state: "taken-over", title: english.over.elsewhere, takeOver: english.over.here });
    expect(draw({ link: "taken-over" })).toMatchObject({ state: "taken-over", title: english.over.takenOver, takeOver: english.over.here });
  });

  it("says why the person looks again, and that it goes on by itself", () => {
    expect(draw({ state: waiting, people_online: 12 }, { news: "partner-skipped" })).toMatchObject({
      title: "Your partner left. Finding the next one…",
      detail: english.status.online(11),
    });
    expect(draw({ state: waiting }, { news: "skipped" }).title).toBe("Finding the next one…");
    expect(draw({ state: waiting, people_online: 1 })).toMatchObject({ title: "Looking for someone…", detail: "Nobody else is here yet" });
  });

  it("says to two who just met, and are alone, in how long they meet again", () => {
    const again = draw({ state: { ...waiting, again_at_ms: 4_001 }, people_online: 2 }, { wait: { waited_s: 1, again_s: 3 } });
    expect(again).toMatchObject({ detail: english.status.again, timer: english.status.againIn(3) });
    expect(draw({ state: waiting, people_online: 2 }, { wait: { waited_s: 75, again_s: null } }).timer).toBe(english.status.waited(75));
    expect(draw({ state: waiting, people_online: 2 }, { wait: { waited_s: 2, again_s: null } }).timer).toBeNull();
    expect(draw(talking, { wait: { waited_s: 75, again_s: null } }).timer).toBeNull();
  });

  it("says how many people are online, before Start too, and never counts oneself", () => {
    expect(draw({ state: null }, { live: false, crowd: 3 }).people).toBe(english.status.here(3));
    expect(draw({ state: null }, { live: false, crowd: 0 }).people).toBeNull();
    expect(draw({ state: waiting, people_online: 2 }, { crowd: 7 }).people).toBe(english.status.online(1));
    expect(draw({ state: waiting, people_online: 1 }).people).toBeNull();
  });

  it("names what the operator has to set when two networks found no way", () => {
    expect(draw({ state: waiting }, { news: "media-failed", failure: "noWay" }).detail).toContain("DUOLOGUE_ICE_SERVERS");
  });

  it("blames the networks only if the two browsers looked for a way between them", () => {
    for (const failure of ["noWayAtAll", "noAnswer", "browser"] as const) {
      const { detail } = draw({ state: waiting }, { news: "media-failed", failure });
      expect(detail).toBe(english.failure[failure]);
      if (failure !== "noWayAtAll") expect(detail).not.toMatch(/network|ICE/);
    }
  });

  it("says in a match of text who can only write, and that nobody is seen", () => {
    const text = { ...matched, match: { ...matched.match, media: { kind: "text" } } } as PersonState;
    expect(draw({ state: text, media: media() }, { presence: null })).toMatchObject({
      state: "talking",
      title: english.status.writing("Ada"),
      partner: { name: "Ada", badge: null, blank: english.partner.writes },
      canChat: true,
    });
    expect(draw({ state: text, media: media() }, { presence: null, isTextOnly: true }).partner.blank).toBe(english.partner.youWrite);
  });

  it("tells live updates that are blocked from a server that is away, and from one that was never reached", () => {
    const blocked = { link: "away", is_blocked: true } as const;
    expect(draw(blocked).banner).toBe(english.link.blocked);
    expect(draw({ ...talking, ...blocked }, { away: true }).banner).toBe(english.link.blockedTalking);
    expect(draw({ link: "away" }, { away: true }).banner).toBe(english.link.never);
    expect(draw({ link: "away" }).banner).toBeNull();
  });

  it("says that the server is away only after a moment, and that the conversation goes on", () => {
    expect(draw({ ...talking, link: "away" }).banner).toBeNull();
    expect(draw({ ...talking, link: "away" }, { away: true }).banner).toBe(english.link.awayTalking);
    expect(draw({ state: waiting, link: "away" }, { away: true }).banner).toBe(english.link.away);
  });

  it("says why the server takes nobody from this network, at once and wherever the person would wait for it", () => {
    const out = { link: "away", kept_out: "network-full" } as const;
    for (const model of [{}, { state: waiting }, talking]) {
      expect(draw({ ...model, ...out }).banner).toBe(english.link.networkFull);
      expect(draw({ ...model, ...out }, { away: true }).banner).toBe(english.link.networkFull);
    }
    expect(draw({ state: waiting, ...out, kept_out: "something-newer" }, { away: true }).banner).toBe(english.link.away);
    expect(draw(out, { live: false }).banner).toBeNull();
    expect(english.link.networkFull).toMatch(/network.*keeps trying/);
  });

  it("tells how the partner is", () => {
    expect(draw(talking).partner).toEqual({ name: "Ada", badge: null, blank: null });
    expect(draw(talking, { presence: { ...here, camera: false } }).partner.blank).toBe("Their camera is off");
    expect(draw(talking, { presence: { camera: true, microphone: false, hidden: false } }).partner.badge).toBe("Their microphone is off");
    expect(draw(talking, { presence: { camera: true, microphone: false, hidden: true } }).partner.badge).toBe("Stepped away");
  });

  it.each<[string, Partial<Situation["quality"]>, object | null]>([
    ["browser to browser, where nothing is known", {}, null],
    ["both well", { own: "excellent", partner: "good" }, { level: "good", word: "Good connection" }],
    ["one's own weak", { own: "poor", partner: "poor" }, { level: "weak", word: "Your connection is weak" }],
    ["the partner's weak", { own: "good", partner: "poor" }, { level: "weak", word: "Their connection is weak" }],
    ["the partner's lost", { own: "poor", partner: "lost" }, { level: "lost", word: "Their connection is lost" }],
    ["the picture held back for the sound", { own: "poor", isPictureHeld: true }, { level: "weak", word: "Weak connection: sound first" }],
  ])("marks the connection: %s", (_, quality, mark) => {
    const known = { own: null, partner: null, isPictureHeld: false, ...quality };
    expect(draw(talking, { quality: known }).quality).toEqual(mark);
    expect(draw({ state: waiting }, { quality: known }).quality).toBeNull();
  });

  it("says what happens next while video is unavailable", () => {
    expect(draw({ state: { ...waiting, media_available: false } }, { news: "media-unavailable" })).toMatchObject({
      title: "Video is not available right now",
      detail: "You keep your place. As soon as it is back, somebody is found for you.",
    });
    expect(draw({ state: waiting }, { news: "media-unavailable" }).title).toBe("The video server did not answer. Finding the next one…");
  });

  it("offers a second person only to a person who waits alone on the server's own machine", () => {
    expect(draw({ state: waiting, people_online: 1 }).second).toBe(english.second.open);
    expect(draw({ state: waiting, people_online: 2 }).second).toBeNull();
    expect(draw({ state: waiting, people_online: 1 }, { loopback: false }).second).toBeNull();
    expect(draw(talking).second).toBeNull();
  });

  it("says on the server's own machine why two people who have just met wait, and offers another", () => {
    const state: PersonState = { ...waiting, ended: { match: "m_0", reason: "skipped", at_ms: 0 } };
    const { apart, another } = english.second;
    expect(draw({ state, people_online: 2 })).toMatchObject({ second: another, detail: apart });
    const usual = { second: null, detail: english.status.online(1) };
    expect(draw({ state: waiting, people_online: 2 })).toMatchObject(usual);
    expect(draw({ state, people_online: 2 }, { loopback: false })).toMatchObject(usual);
    expect(draw({ state, people_online: 3 })).toMatchObject({ second: another, detail: english.status.online(2) });
    expect(draw({ state, people_online: 2, skipping: "m_0" })).toMatchObject({ second: null, detail: "" });
  });

  it("lets the person before be reported until that was done", () => {
    const state: PersonState = { ...waiting, ended: { match: "m_0", reason: "partner-left", at_ms: 0 } };
    expect(draw({ state }).previous).toBe("m_0");
    expect(draw({ state }, { dealt: new Set(["m_0"]) }).previous).toBeNull();
  });

  it("lets Next and the chat work while the partner is gone, and neither while nobody is there", () => {
    expect(draw({ state: matched, media: media({ status: "silent" }) })).toMatchObject({ current: "m_1", canChat: true });
    expect(draw({ state: waiting })).toMatchObject({ current: null, canChat: false });
  });
});

describe("a partner whose page asked for more than it may", () => {
  it.each(["pages", "flood"] as const)("is named as the reason why there is no picture (%s), and not while there is one", (limit) => {
    const words = english.status.limited[limit];
    expect(draw({ state: matched, media: media({ status: "failed", everOpen: false, limit }) }).detail).toBe(words);
    expect(draw({ state: matched, media: media({ status: "failed", limit }) }).detail).toBe(words);
    expect(draw({ state: matched, media: media({ limit }) }).detail).not.toBe(words);
  });
});

describe("a browser that blocks cookies", () => {
  it("is told so in one line, whatever else is on screen, and that a reload begins as somebody new", () => {
    expect(draw({ ...talking }).note).toBeNull();
    for (const model of [{ ...talking }, { state: waiting }, { state: idle, own: null }]) expect(draw({ ...model, is_kept: false }).note).toBe(english.unkept);
  });

  it("is named as the reason when the server knows nobody at all", () => {
    const over = draw({ ...talking, link: "ended", ended_reason: "session-refused", is_kept: false });
    expect([over.detail, over.note, over.takeOver]).toEqual([english.over.refused, null, english.over.again]);
  });

  const sanction = { sanction: "x_1", kind: "ban" as const, rule: "No nudity", why: "It was reported.", automatic: false, at_ms: 0, until_ms: Date.UTC(2026, 11, 24, 12) };

  it("says what a moderator decided, until when, and what can be done; a new session is no way around it", () => {
    const out = draw({ state: { ...idle, idle_reason: "banned" }, link: "ended", ended_reason: "banned", sanction });
    expect(out).toMatchObject({ state: "ended", takeOver: null });
    expect(plain(out.title)).toContain("You cannot take part until December 24, 2026");
    expect(plain(out.detail)).toBe(
      "The rule: No nudity. What happened: It was reported. A moderator decided this. If you think that this is a mistake, write to the operator of this site.",
    );
    const machine = draw({ link: "ended", ended_reason: "banned", sanction: { ...sanction, automatic: true } });
    expect(plain(machine.detail)).toContain("decided automatically");
  });

  it("shows a warning over the welcome with a button, and in a talk as a banner", () => {
    const warning = { ...sanction, kind: "warn" as const };
    const resting = draw({ state: { ...idle, idle_reason: "warned" }, own: null, sanction: warning });
    expect(resting).toMatchObject({ screen: "welcome", sanction: { title: "A moderator has warned you", confirm: "I have read this" } });
    expect(plain(draw({ ...talking, sanction: warning }).banner ?? "")).toContain("A moderator has warned you (No nudity)");
    expect(draw({ ...talking, sanction }).banner).toBeNull();
    expect(draw(talking).sanction).toBeNull();
  });
});
