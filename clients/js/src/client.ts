import { Api } from "./api.ts";
import { Awake } from "./awake.ts";
import { systemClock, type Clock } from "./clock.ts";
import { Comparing } from "./comparing.ts";
import { Courier } from "./courier.ts";
import { randomId } from "./ids.ts";
import { usualMedia } from "./media/usual.ts";
import type { LocalTracks, OpenMedia } from "./media/port.ts";
import type { LivekitRoom } from "./media/room.ts";
import { Refused } from "./problem.ts";
import { Renewal } from "./renewal.ts";
import { browserStorage, tabStorage, usualSession, type Session } from "./session.ts";
import { documentSight } from "./sight.ts";
import { documentSigns, type WatchSigns } from "./signs.ts";
import { Stage, type Partner } from "./stage.ts";
import { wantsSign } from "./state/attention.ts";
import { wantsRepeat } from "./state/media.ts";
import { currentMatch, emptyModel, speaks, type Effect, type Input, type Later, type Model } from "./state/model.ts";
import { reduce } from "./state/reducer.ts";
import { eventSourceStream } from "./stream/eventsource.ts";
import { fetchStream } from "./stream/fetchstream.ts";
import { Line, type Link } from "./stream/line.ts";
import type { OpenStream } from "./stream/transport.ts";
import { Tabs, type Locks } from "./tabs.ts";
import type { Frame, Outcome, Preferences, Presence, ReportReason } from "./vocabulary.ts";

/** What a page shows: the model, and of the partner what only a browser can hold. */
export interface View {
  readonly model: Model;
  readonly partner: Partner;
}

export interface DuologueOptions {
  /** Where the server is, without a trailing slash; `""` (the default) is the page's own origin. */
  readonly base?: string;
  /** Who the person is. The default is the browser's guest by cookie; without cookies, a guest for as long as the program runs. */
  readonly session?: Session;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
  /** How picture and sound travel. The default is from browser to browser; text only without WebRTC. */
  readonly media?: OpenMedia;
  readonly stream?: OpenStream;
  /** `navigator.locks` where there is a page, so that one tab of a browser has the connection; null: every tab for itself. */
  readonly locks?: Locks | null;
  /**
   * After so many conversations in a row without a sign of the person (a key, the pointer, a word, a sound), they are asked:
   * `model.let_go` is `unattended`, and no partner is looked for until `start`. The default is the server's number; 0: never.
   */
  readonly askAfter?: number;
  /** How signs of the person are seen; keys, pointer and microphone where there is a page. null: only `attend` and the calls of this client tell. */
  readonly signs?: WatchSigns | null;
  /** What a listener or media of yours throws comes here, and ends nothing. */
  readonly onError?: (error: unknown) => void;
  /** A session that is refused again within this (60 s) of its beginning ends: it would be refused again and again. */
  readonly patience_ms?: number;
  /** Aborting it is `close()`. */
  readonly signal?: AbortSignal;
}

/** The partner hears every so often that something is wrong, for as long as it is. */
const REPEAT_MS = 2_500;

/** If a second session is refused within this time, a third one would be refused too. */
const PATIENCE_MS = 60_000;

/** A number that is only shown is not worth a longer wait. */
const ONLINE_MS = 4_000;

/**
 * One person's seat at a Duologue server.
 *
 * `open` connects; `start`, `next` and `stop` are what a person presses; `subscribe` tells what to show. Everything
 * else (reconnecting, signs of life, the call itself, restoring what a server lost) happens in the background.
 */
export class Duologue {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #line: Line;
  readonly #courier: Courier;
  readonly #stage: Stage;
  readonly #renewal: Renewal;
  readonly #comparing: Comparing;
  readonly #tabs: Tabs;
  readonly #awake: Awake;
  readonly #signs: WatchSigns | null;
  #unwatchSigns: (() => void) | null = null;
  #audio: MediaStreamTrack | null = null;
  readonly #open: OpenMedia;
  readonly #onError: (error: unknown) => void;
  readonly #patience_ms: number;
  readonly #listeners = new Set<(view: View) => void>();
  readonly #inputs: Input[] = [];
  #model: Model = emptyModel("");
  #preferences: Preferences = {};
  #busy = false;
  #cancelRepeat: (() => void) | null = null;
  readonly #timers = new Set<() => void>();
  /** When a new person began in place of a session that was refused. */
  #begun_ms = -Infinity;

  constructor(options: DuologueOptions = {}) {
    const { base = "", session = usualSession(), clock = systemClock, random = Math.random } = options;
    const fetch = options.fetch ?? ((...call: Parameters<typeof globalThis.fetch>) => globalThis.fetch(...call));
    const dispatch = (input: Input): void => this.#dispatch(input);
    const api = (this.#api = new Api({ base, fetch, session, clock, random, unkept: () => dispatch({ type: "unkept" }), barred: (sanction) => dispatch({ type: "barred", sanction }) }));
    const locks = options.locks === undefined ? browserLocks() : options.locks;
    this.#clock = clock;
    this.#open = options.media ?? usualMedia(clock);
    this.#patience_ms = options.patience_ms ?? PATIENCE_MS;
    this.#signs = options.signs === undefined ? pageSigns(clock) : options.signs;
    this.#model = withAttention(this.#model, options, this.#signs !== null);
    this.#onError = options.onError ?? ((error) => console.error(error));
    this.#line = new Line({
      url: (page) => `${base}/v1/events?page=${page}`,
      open: options.stream ?? usualStream(fetch, session),
      poll: (query, call) => api.poll(query, call),
      known: () => ({ version: this.#model.state?.version ?? null, signals: this.#model.signals }),
      authorize: (refused, signal) => this.#authorize(session, refused, signal),
      clock,
      random,
      reach: (signal) => api.reaches(signal),
      onBlocked: (blocked) => dispatch({ type: "blocked", blocked }),
      onFrame: (frame) => {
        // The next open begins with a new session, unless a moderator ended this one.
        if (frame.type === "session-ended" && frame.reason !== "banned") session.forget();
        else session.recognized?.();
        this.#compare(frame);
        dispatch({ type: "frame", frame });
      },
      onLink: (link, transport) => {
        if (link !== "open" || transport !== "sse") this.#comparing.stop();
        if (link === "taken-over") this.#tabs.lost();
        dispatch({ type: "link", link, transport });
      },
    });
    this.#comparing = new Comparing({ api, clock, random, missed: () => void this.#courier.readState() });
    this.#tabs = new Tabs({
      locks,
      sight: documentSight,
      storage: locks === null ? null : tabStorage(),
      shared: locks === null ? null : browserStorage(),
      clock,
      name: () => (session.seat === undefined ? null : `duologue:${base}:${session.seat}`),
      lead: () => this.#lead(),
      elsewhere: () => this.#disconnect("elsewhere"),
    });
    this.#courier = new Courier({ api, clock, dispatch, model: () => this.#model, unauthorized: () => this.#line.unauthorized(), textOnly: () => this.isTextOnly });
    this.#renewal = new Renewal({
      session,
      clock,
      random,
      grant: (signal) => this.#grant(api, session, signal),
      renewed: () => this.#line.renew(),
    });
    this.#awake = new Awake(clock, typeof document === "undefined" ? null : documentSight, () => this.#notice());
    this.#stage = new Stage({
      open: this.#open,
      dispatch,
      signal: (match, data) => this.#courier.signal(match, data),
      changed: () => this.#tell(),
    });
    options.signal?.addEventListener("abort", () => this.close());
  }

  get view(): View {
    return { model: this.#model, partner: this.#stage.partner };
  }

  /** This client can make no calls (no WebRTC): all matches are text. */
  get isTextOnly(): boolean {
    return this.#open.textOnly === true;
  }

  /** Called at every change, first at the next one; the function that it returns ends that. */
  subscribe(listener: (view: View) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Connects as a new page: at first, after `close`, and to take over again from a page that is not of this browser. While
   * another tab has the connection the link is `elsewhere`, and this tab waits; see `takeOver`.
   */
  open(): void {
    this.#dispatch({ type: "page", page: randomId("p_") });
    if (this.#model.link !== "connecting") this.#dispatch({ type: "link", link: "connecting", transport: "sse" });
    this.#tabs.open();
  }

  /** Connects as a new page, whatever other tab has the connection: that one is `elsewhere` then. */
  takeOver(): void {
    this.#tabs.takeOver();
  }

  /** How many people are online, before there is a session; null if that could not be read. Never rejects. */
  peopleOnline(): Promise<number | null> {
    return this.#api.online(AbortSignal.timeout(ONLINE_MS));
  }

  /** Whether another tab of this browser has the connection; `open` would wait for it. Never rejects. */
  isElsewhere(): Promise<boolean> {
    return this.#tabs.isElsewhere();
  }

  /**
   * Ends stream, call and commands, and tells the server nothing of the person: a reload must not end a conversation, `stop` does.
   * Can be repeated, and `open` follows it.
   */
  close(): void {
    this.#tabs.close();
    this.#disconnect("closed");
  }

  /**
   * Start; or, when somebody is looked for or there already, the same with other preferences. It waits for a connection: a tab
   * that is `elsewhere` has to take over first.
   */
  start(preferences: Preferences = {}): void {
    this.#preferences = preferences;
    this.#dispatch({ type: "press", wish: "talk", preferences });
  }

  stop(): void {
    this.#dispatch({ type: "press", wish: "rest", preferences: this.#preferences });
  }

  /** Ends the conversation that is on screen and looks for the next; nothing if there is none. */
  next(): void {
    this.#dispatch({ type: "next" });
  }

  /** `key` names a line that failed, to send it again. */
  say(text: string, key: string = randomId("k_")): void {
    this.#dispatch({ type: "say", key, text });
  }

  /** Never again with the partner of that match, which may be over for up to 15 min. Rejects with `DuologueError`. */
  async block(match: string, { skip = false, signal }: { skip?: boolean; signal?: AbortSignal } = {}): Promise<Outcome> {
    return (await this.#courier.ask("blocks", { match, skip }, signal)).outcome;
  }

  /**
   * For the operator, with the messages of that match; implies a block. Rejects with `DuologueError`.
   *
   * While there is no room for it (`report-not-kept`), it is sent again until there is; `again` is told of each refusal of
   * that kind. The block holds from the first one on.
   */
  async report(
    match: string,
    reason: ReportReason,
    { text = "", skip = false, signal, again }: { text?: string; skip?: boolean; signal?: AbortSignal; again?: (code: string) => void } = {},
  ): Promise<Outcome> {
    const told = again && ((refused: Refused): void => again(refused.code));
    const body = { match, key: randomId("k_"), reason, skip, ...(text !== "" && { text }) };
    return (await this.#courier.ask("reports", body, signal, told)).outcome;
  }

  /** The person has read the warning that `model.sanction` names, and may start again. Rejects with `DuologueError`. */
  async confirm(signal?: AbortSignal): Promise<Outcome> {
    const { sanction } = this.#model;
    return sanction === null ? "stale" : (await this.#courier.ask("confirm", { sanction: sanction.sanction }, signal)).outcome;
  }

  /** What the partner sees and hears of us, from now on and in matches to come. */
  send(tracks: LocalTracks): void {
    this.#audio = tracks.audio;
    this.#stage.send(tracks);
  }

  /** The person is there, as something of the app's own shows: a word that was dictated, a gesture before the camera. */
  attend(): void {
    this.#dispatch({ type: "sign" });
  }

  /** How we are, for the partner to read. */
  tell(presence: Presence): void {
    this.#stage.tell(presence);
  }

  /**
   * For an app that connects LiveKit rooms itself: this one is, or will be, that of the match. From its connection on it
   * carries pings, and the server is told how it is. A match that ends leaves it. The function that it returns takes it away.
   */
  attach(room: LivekitRoom): () => void {
    this.#stage.attach(room);
    return () => this.#stage.detach(room);
  }

  /** The first picture of this match's partner is on screen: what a press of Next waited for. */
  sawFace(match: string): void {
    this.#dispatch({ type: "first-frame", match });
  }

  /** The network or the person is back: a reconnect that is due later happens now. */
  nudge(): void {
    this.#line.nudge();
  }

  #lead(): void {
    const page = randomId("p_");
    this.#dispatch({ type: "page", page });
    this.#line.open(page);
  }

  #disconnect(link: Link): void {
    this.#courier.close();
    this.#renewal.close();
    this.#line.close();
    this.#comparing.close();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    if (this.#model.link !== link) this.#dispatch({ type: "link", link, transport: this.#line.transport });
  }

  /** What the stream brought is held against reads, if the server asks for it; what polls bring is not. */
  #compare(frame: Frame): void {
    if (this.#line.transport === "sse") this.#comparing.take(frame);
  }

  async #authorize(session: Session, refused: boolean, signal: AbortSignal): Promise<boolean> {
    const wanted = session.wantsGrant(this.#clock.now(), refused);
    if (wanted && refused && this.#isFruitless()) throw this.#giveUp();
    if (wanted) await this.#renewal.obtain(signal);
    else this.#renewal.watch();
    return wanted;
  }

  async #grant(api: Api, session: Session, signal: AbortSignal): Promise<void> {
    const ask = async (): Promise<void> => {
      const { person } = await api.grant({ signal, once: true });
      const before = this.#model.person;
      if (before !== null && before !== person) this.#begun_ms = this.#clock.monotonic();
      if (!signal.aborted) this.#dispatch({ type: "person", person });
    };
    try {
      await ask();
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) throw error;
      // The server does not know this token any more; a new guest begins.
      session.forget();
      await ask();
    }
  }

  /** A new person began a moment ago after a session was refused, and no command was answered since: another one would not help. */
  #isFruitless(): boolean {
    return this.#clock.monotonic() - this.#begun_ms < this.#patience_ms;
  }

  /** Never a guest after the other: the person is told, and can begin again. */
  #giveUp(): Refused {
    this.#begun_ms = -Infinity;
    this.#dispatch({ type: "refused" });
    return new Refused(401, "session-refused", null);
  }

  /** Inputs that arise while one is worked off wait their turn. */
  #dispatch(input: Input): void {
    this.#notice();
    this.#inputs.push(input);
    this.#work();
  }

  /** Nothing that happens after a sleep is read as if there had been none. */
  #notice(): void {
    const sleep = this.#awake.slept();
    if (sleep === null) return;
    this.#inputs.push({ type: "slept", sure: sleep.sure });
    this.#work();
  }

  #work(): void {
    if (this.#busy) return;
    const before = this.#model;
    this.#busy = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      const input = next;
      this.#guarded(() => this.#step(input));
    }
    this.#busy = false;
    // A listener that repeats a press is not called again, so that there is no loop.
    if (this.#model !== before) this.#tell();
  }

  #step(input: Input): void {
    if (input.type === "reply") this.#begun_ms = -Infinity;
    const [model, effects] = reduce(this.#model, input, this.#clock.now());
    this.#model = model;
    this.#courier.follow(model);
    this.#guarded(() => this.#stage.follow(model));
    this.#awake.keep(model.link !== "closed" && (model.press ?? model.own)?.wish === "talk");
    this.#watchSigns(wantsSign(model));
    this.#repeat(speaks(model) && currentMatch(model) !== null && wantsRepeat(model.media));
    for (const effect of effects) this.#guarded(() => this.#run(effect));
  }

  #run(effect: Effect): void {
    switch (effect.do) {
      case "join":
        return this.#courier.join(effect);
      case "leave":
        return this.#courier.leave(effect.intent);
      case "skip":
        return this.#courier.skip(effect.match);
      case "ack":
        // It says that the room was left, and leaving takes a moment.
        return void this.#stage.left(effect.match).then(() => this.#courier.ack(effect.match));
      case "pulse":
        return this.#courier.pulse(effect.body);
      case "read-state":
        return void this.#courier.readState();
      case "say":
        return this.#courier.say(effect.match, effect.key, effect.text);
      case "hear":
        return this.#stage.hear(effect.match, effect.data);
      case "ask-partner":
        return this.#stage.ask(effect.match);
      case "later":
        return this.#later(effect.ms, effect.what);
    }
  }

  #later(ms: number, what: Later): void {
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(cancel);
      this.#dispatch({ type: "later", what });
    });
    this.#timers.add(cancel);
  }

  #watchSigns(wanted: boolean): void {
    if (wanted === (this.#unwatchSigns !== null)) return;
    this.#unwatchSigns?.();
    this.#unwatchSigns = wanted ? (this.#signs?.(() => this.#audio, () => this.attend()) ?? null) : null;
  }

  #repeat(wanted: boolean): void {
    if (wanted === (this.#cancelRepeat !== null)) return;
    this.#cancelRepeat?.();
    this.#cancelRepeat = wanted ? this.#clock.after(REPEAT_MS, () => this.#again()) : null;
  }

  #again(): void {
    this.#cancelRepeat = this.#clock.after(REPEAT_MS, () => this.#again());
    this.#dispatch({ type: "repeat" });
  }

  #tell(): void {
    const { view } = this;
    for (const listener of this.#listeners) this.#guarded(() => listener(view));
  }

  /** What an app's own code throws (a listener, its media) ends nothing: the next input finds everything in order. */
  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    try {
      this.#onError(error);
    } catch (another) {
      console.error(another);
    }
  }
}

/** An `EventSource` where the cookie says who it is; it cannot send a token, and Node has none. */
function usualStream(fetch: typeof globalThis.fetch, session: Session): OpenStream {
  const byFetch = fetchStream(fetch, session);
  return (...call) => (session.byCookie && typeof EventSource !== "undefined" ? eventSourceStream : byFetch)(...call);
}

function pageSigns(clock: Clock): WatchSigns | null {
  return typeof document === "undefined" ? null : documentSigns(clock);
}

/** If nothing can show that a person is there, the client asks only if the app wants it. */
function withAttention(model: Model, { askAfter }: DuologueOptions, canSee: boolean): Model {
  return { ...model, attention: { ...model.attention, own: askAfter ?? (canSee ? null : 0) } };
}

/** Node has locks too, but no tabs. */
function browserLocks(): Locks | null {
  return typeof document === "undefined" || !("locks" in navigator) ? null : navigator.locks;
}
