import { callMatch, DuologueError, type Duologue, type Outcome, type View } from "duologue";
import { asked, Devices, type DevicesModel } from "duologue/devices";
import { ChatPanel } from "./chat.ts";
import { Crowd } from "./crowd.ts";
import { element, mark, show } from "./elements.ts";
import { Entry, preferences } from "./entry.ts";
import { Face } from "./face.ts";
import { isPlainEscape, pressesOnce, watchCompositions } from "./keys.ts";
import { AwakeScreen, watchLifecycle } from "./lifecycle.ts";
import { Limits } from "./limits.ts";
import type { Memory } from "./memory.ts";
import { Mirror } from "./mirror.ts";
import { News } from "./news.ts";
import { news, own } from "./own.ts";
import { OwnControls } from "./ownshow.ts";
import { ReportDialog, type Report } from "./report.ts";
import { isResting, scene, type Scene } from "./scene.ts";
import { Sheet } from "./sheet.ts";
import { showScene } from "./show.ts";
import { isLoopback } from "./tabs.ts";
import { Toast } from "./toast.ts";
import { NewVersion } from "./version.ts";
import { Waiting } from "./waiting.ts";
import type { Words } from "./words.ts";

export interface PageOptions {
  readonly client: Duologue;
  readonly words: Words;
  readonly memory: Memory;
  /** A person of this tab's own, beside the browser's. */
  readonly isSecond: boolean;
  readonly pool: string | null;
  readonly host: string;
}

/** A press of Next that follows another one so closely is the same press: its stranger was never seen. */
const SAME_PRESS_MS = 350;

/** Puts client, camera and the parts of the page together: what happens in one is shown in the others. */
export class Page {
  readonly #options: PageOptions;
  readonly #devices: Devices;
  readonly #controls: OwnControls;
  readonly #entry: Entry;
  readonly #sheet: Sheet;
  readonly #chat: ChatPanel;
  readonly #report: ReportDialog;
  readonly #face: Face;
  readonly #me = new Mirror(element("me", HTMLVideoElement));
  readonly #limits = new Limits();
  readonly #news = new News(() => this.#draw());
  readonly #crowd: Crowd;
  readonly #waiting = new Waiting(() => this.#draw());
  readonly #toast = new Toast();
  readonly #awake = new AwakeScreen();
  readonly #version = new NewVersion();
  readonly #dealt = new Set<string>();
  #live: boolean;
  /** Another tab has the connection, or had it until a moment ago. */
  #elsewhere = false;
  #known: DevicesModel;
  #drawn: Scene | null = null;
  #drawing = false;
  #nextAt = -Infinity;

  constructor(options: PageOptions) {
    const { client, words, memory } = options;
    this.#options = options;
    this.#crowd = new Crowd(() => client.peopleOnline(), () => this.#draw());
    this.#live = memory.live;
    const { devices: chosen, media } = memory;
    const camera = { chosen: chosen.camera, isOff: media.cameraOff };
    this.#devices = new Devices({ remembered: { camera, microphone: { chosen: chosen.microphone, isOff: media.muted } } });
    this.#known = this.#devices.model;
    this.#devices.subscribe((model) => this.#devicesChanged(model));
    this.#controls = new OwnControls(this.#devices);
    this.#entry = new Entry(words, memory, this.#devices, options.isSecond, this.#limits, (without) => this.#start(without));
    this.#chat = new ChatPanel(words, { say: (text, key) => client.say(text, key) });
    this.#report = new ReportDialog(words, (report) => void this.#sendReport(report));
    this.#face = new Face(element("partner", HTMLVideoElement), element("hear", HTMLButtonElement), () => this.#sawFace());
    this.#sheet = new Sheet(words.camera, this.#devices, {
      block: () => void this.#block(this.#drawn?.current ?? null, true),
      blockPrevious: () => void this.#block(this.#drawn?.previous ?? null, false),
      reportPrevious: () => this.#openReport(this.#drawn?.previous ?? null),
      autoNext: (on) => this.#autoNext(on),
    });
  }

  /** Shows the page, and goes on where a reload interrupted it. */
  begin(): void {
    const { client } = this.#options;
    this.#press();
    client.subscribe((view) => this.#follow(view));
    watchLifecycle({
      leave: () => this.#leave(),
      back: () => {
        this.#devices.resume();
        void this.#resume();
      },
      hidden: (hidden) => {
        this.#tell();
        if (!hidden) void this.#waitIfElsewhere();
      },
      nudge: () => client.nudge(),
    });
    void this.#resume();
    this.#draw();
  }

  /** In a conversation: connects as a new page. Before one: shows the preview, if that takes no question. */
  async #resume(): Promise<void> {
    const { client } = this.#options;
    if (this.#live) {
      client.open();
      // At once, unless the camera is another tab's: then as soon as this one has the connection.
      this.#askDevices(client.isElsewhere().then((elsewhere) => !elsewhere));
      return;
    }
    await this.#devices.ask({ when: this.#mayPreview() });
  }

  async #mayPreview(): Promise<boolean> {
    const permissions = Promise.all([this.#devices.permission("camera"), this.#devices.permission("microphone")]);
    await this.#waitIfElsewhere();
    return !this.#elsewhere && !this.#live && !this.#limits.isTextOnly && (await permissions).every((state) => state === "granted");
  }

  /** Before a conversation the page holds nothing; but it says so when another tab does, and goes on when that one is closed. */
  async #waitIfElsewhere(): Promise<void> {
    const { client } = this.#options;
    if (this.#live || client.view.model.link !== "closed" || !(await client.isElsewhere())) return;
    this.#elsewhere = true;
    client.open();
    this.#draw();
  }

  #askDevices(when: Promise<boolean> = Promise.resolve(true)): void {
    if (!this.#options.memory.media.without && !this.#limits.isTextOnly) void this.#devices.ask({ when });
  }

  #press(): void {
    const on = (id: string, action: () => void): void => element(id, HTMLButtonElement).addEventListener("click", action);
    on("next", () => this.#next());
    on("stop", () => this.#stop());
    on("report", () => this.#openReport(this.#drawn?.current ?? null));
    on("report-previous", () => this.#openReport(this.#drawn?.previous ?? null));
    on("block-previous", () => void this.#block(this.#drawn?.previous ?? null, false));
    on("report-last", () => this.#openReport(this.#drawn?.previous ?? null));
    on("block-last", () => void this.#block(this.#drawn?.previous ?? null, false));
    on("take-over", () => this.#takeOver());
    on("confirm", () => void this.#confirm());
    watchCompositions();
    pressesOnce(document);
    document.addEventListener("keydown", (event) => {
      if (isPlainEscape(event) && !this.#closesSomething()) this.#next();
    });
  }

  /** Esc is Next, but never by accident: what else it could mean goes first, and nothing may be half-written. */
  #closesSomething(): boolean {
    const open = document.querySelector("dialog[open]") ?? document.fullscreenElement;
    return open !== null || this.#chat.hasDraft || document.activeElement instanceof HTMLSelectElement;
  }

  #start(without: boolean): void {
    const { client, memory } = this.#options;
    if (without) this.#devices.release();
    memory.media = { ...memory.media, without };
    this.#goLive(true);
    if (client.view.model.link !== "open") client.takeOver();
    client.start(this.#preferences());
  }

  /** A device that is still being opened would come as a surprise after it. */
  #stop(): void {
    this.#options.client.stop();
    this.#devices.cancel();
  }

  #next(): void {
    const now = performance.now();
    if (now - this.#nextAt < SAME_PRESS_MS || this.#drawn?.current == null) return;
    this.#nextAt = now;
    this.#options.client.next();
  }

  #autoNext(on: boolean): void {
    const { client, memory } = this.#options;
    memory.choices = { ...memory.choices, autoNext: on };
    this.#entry.recall();
    if (this.#live) client.start(this.#preferences());
  }

  #preferences(): ReturnType<typeof preferences> {
    return preferences(this.#options.memory.choices, this.#options.pool, this.#options.memory.terms);
  }

  /** Another tab has it, or the session ran out: from here it goes on as a new page. Or the person says that they are there. */
  #takeOver(): void {
    if (this.#drawn?.state === "still-there") return this.#options.client.start(this.#preferences());
    if (this.#drawn?.state === "ended") this.#goLive(false);
    else this.#options.client.takeOver();
    this.#draw();
  }

  async #block(match: string | null, skip: boolean): Promise<void> {
    if (match !== null) await this.#deal(match, () => this.#options.client.block(match, { skip }), this.#options.words.said.blocked);
  }

  async #confirm(): Promise<void> {
    try {
      await this.#options.client.confirm();
    } catch (error) {
      if (!(error instanceof DuologueError)) throw error;
      this.#toast.say(this.#options.words.said.failed);
    }
    this.#draw();
  }

  #openReport(match: string | null): void {
    if (match !== null) this.#report.open(match);
  }

  async #sendReport({ match, reason, text, skip }: Report): Promise<void> {
    const { client, words } = this.#options;
    let told = false;
    const again = (code: string): void => {
      if (code === "report-not-kept" && !told) this.#toast.say(words.said.notKept);
      told ||= code === "report-not-kept";
    };
    await this.#deal(match, () => client.report(match, reason, { text, skip, again }), words.said.reported);
  }

  async #deal(match: string, send: () => Promise<Outcome>, done: string): Promise<void> {
    const { said } = this.#options.words;
    try {
      const outcome = await send();
      this.#dealt.add(match);
      this.#toast.say(outcome === "unknown-match" ? said.tooLate : done);
    } catch (error) {
      if (!(error instanceof DuologueError)) throw error;
      this.#toast.say(said.failed);
    }
    this.#draw();
  }

  #sawFace(): void {
    const match = callMatch(this.#options.client.view.model);
    if (match !== null) this.#options.client.sawFace(match);
    this.#draw();
  }

  #devicesChanged(model: DevicesModel): void {
    const { client, memory, words } = this.#options;
    const { camera, microphone } = model;
    client.send(this.#devices.tracks);
    this.#tell();
    memory.devices = { camera: camera.chosen, microphone: microphone.chosen };
    const without = memory.media.without && camera.open === null && microphone.open === null;
    memory.media = { muted: microphone.isOff, cameraOff: camera.isOff, without };
    for (const kind of ["camera", "microphone"] as const) {
      if (model[kind].open === null) this.#toast.retract(words.devices.back[kind]);
      const said = news(this.#known[kind], model[kind], kind, words);
      if (said !== null) this.#toast.say(said);
    }
    this.#known = model;
    this.#draw();
  }

  #tell(): void {
    const hidden = document.visibilityState === "hidden";
    this.#options.client.tell({ ...this.#devices.sent, hidden });
  }

  #leave(): void {
    this.#options.client.close();
    this.#devices.suspend();
  }

  #follow({ model }: View): void {
    this.#news.follow(model);
    this.#waiting.follow(model);
    if (model.link === "elsewhere") this.#elsewhere = true;
    // Another tab has the conversation, and the camera there.
    if (model.link === "elsewhere" || model.link === "taken-over") this.#devices.suspend();
    if (model.link === "open" && model.state !== null) this.#connected(isResting(model));
    this.#draw();
  }

  /** The conversation that there is goes on here, also if it began in another tab; out of one, the welcome is shown. */
  #connected(resting: boolean): void {
    const moved = this.#elsewhere;
    this.#elsewhere = false;
    if (this.#live && resting) this.#goLive(false);
    else if (moved && !resting) this.#goLive(true);
    this.#devices.resume();
    if (this.#live && asked(this.#devices.model) === "no") this.#askDevices();
  }

  #goLive(live: boolean): void {
    this.#live = live;
    this.#options.memory.live = live;
  }

  /** Once for however many changes there were; not by animation frames, which a hidden page has none of. */
  #draw(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      this.#drawing = false;
      this.#drawNow();
    });
  }

  #drawNow(): void {
    const { client, words, host, memory } = this.#options;
    const { model, partner } = client.view;
    const devices = this.#devices.model;
    const mine = own(devices, words);
    const match = callMatch(model);
    const skipped = model.skipping !== null && model.skipping === match;
    this.#face.show(match, skipped ? [] : partner.tracks);
    const now = scene(
      {
        model,
        presence: partner.presence,
        quality: partner.quality,
        live: this.#live,
        elsewhere: this.#elsewhere,
        hasPicture: this.#face.hasPicture,
        crowd: this.#crowd.people,
        wait: this.#waiting.seconds,
        news: this.#news.reason,
        failure: this.#news.failure,
        isTextOnly: this.#limits.isTextOnly,
        away: this.#news.away,
        loopback: isLoopback(host),
        dealt: this.#dealt,
      },
      words,
    );
    showScene(now);
    this.#crowd.watch(now.screen === "welcome");
    mark(document.body, "link", model.link);
    mark(document.body, "transport", model.link === "open" ? model.transport : "");
    mark(document.body, "media", match === null ? "" : model.media.status);
    const picture = this.#devices.tracks.video;
    this.#controls.show(mine, picture !== null && devices.camera.list.length > 1, now.screen === "stage");
    this.#limits.hold();
    this.#me.show(picture);
    show(element("me-blank", HTMLElement), picture === null);
    this.#entry.show(devices, mine, now.screen === "welcome");
    // A warning says itself why the join was refused.
    const refused = now.sanction === null ? (model.refusal?.code ?? null) : null;
    this.#entry.rest(now.resting ?? null, refused);
    this.#chat.show(model, now.canChat);
    this.#report.show(now.current, model.state?.ended?.match ?? null);
    this.#sheet.show(devices, mine.lists, now.current, now.previous !== null, memory.choices.autoNext);
    this.#awake.keep(now.canChat);
    this.#version.watch(now.screen === "welcome");
    this.#moveFocus(now);
    this.#drawn = now;
  }

  /**
   * Who starts goes on at the top of the stage, and who stops, at Start: nobody's focus is left on what is gone, nor put
   * on a button that a second press of Enter would take for meant.
   */
  #moveFocus(now: Scene): void {
    if (this.#drawn === null || this.#drawn.screen === now.screen) return;
    if (now.screen === "stage") return element("stage-heading", HTMLElement).focus({ preventScroll: true });
    this.#sheet.close();
    if (now.sanction?.confirm != null) element("confirm", HTMLButtonElement).focus();
    else this.#entry.focus();
  }
}
