import type { Preferences } from "duologue";
import { asked, type Devices, type DevicesModel } from "duologue/devices";
import { Chips } from "./chips.ts";
import { DeviceLists } from "./devices.ts";
import { choice, element, show, write, writeOrHide } from "./elements.ts";
import { added } from "./interests.ts";
import { Level } from "./level.ts";
import { meta } from "./language.ts";
import type { Limits } from "./limits.ts";
import type { Choices, Memory } from "./memory.ts";
import { Mirror } from "./mirror.ts";
import { isOnOwnNetwork } from "./network.ts";
import type { OwnScene } from "./own.ts";
import type { Words } from "./words.ts";

/** What people speak on such pages most, after what the browser says of this person. */
const LANGUAGES = ["en", "es", "pt", "fr", "de", "it", "nl", "pl", "ru", "uk", "tr", "ar", "hi", "id", "vi", "th", "zh", "ja", "ko"];

/** Everything before the queue: what this is, the rules, camera and microphone, and Start. */
export class Entry {
  readonly #words: Words;
  readonly #memory: Memory;
  readonly #devices: Devices;
  readonly #go: (without: boolean) => void;
  readonly #isSecond: boolean;
  readonly #terms = meta("duologue-terms");
  /** A page without https gets no devices, whatever its person presses: that is said before they press anything. */
  readonly #insecure = !isSecureContext;
  readonly #limits: Limits;
  readonly #mirror = new Mirror(element("preview", HTMLVideoElement));
  readonly #level = new Level(element("level", HTMLElement));
  readonly #lists: DeviceLists;
  readonly #consent = element("consent", HTMLInputElement);
  readonly #interests: Chips;
  readonly #language = element("language", HTMLSelectElement);
  readonly #autoNext = element("auto-next-entry", HTMLInputElement);
  readonly #start = element("start", HTMLButtonElement);
  readonly #note = element("entry-note", HTMLElement);
  #presses = 0;

  constructor(words: Words, memory: Memory, devices: Devices, isSecond: boolean, limits: Limits, go: (without: boolean) => void) {
    this.#words = words;
    this.#isSecond = isSecond;
    this.#limits = limits;
    this.#memory = memory;
    this.#devices = devices;
    this.#go = go;
    this.#lists = new DeviceLists({ camera: "camera-choice", microphone: "microphone-choice" }, devices, words.camera);
    this.#interests = new Chips(words.choices);
    this.#offerLanguages();
    const isRelayed = document.querySelector<HTMLMetaElement>('meta[name="duologue-media"]')?.content === "relayed";
    show(element("rule-direct", HTMLElement), !isRelayed);
    show(element("rule-relayed", HTMLElement), isRelayed);
    this.#recall(memory.choices);
    for (const id of ["ask", "ask-again"]) element(id, HTMLButtonElement).addEventListener("click", () => void devices.ask({ isPress: true }));
    element("without", HTMLButtonElement).addEventListener("click", () => this.#enter(true));
    element("entry", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#consent.checked = this.#hasAgreed;
    this.#consent.addEventListener("change", () => writeOrHide(this.#note, null));
  }

  /** Draws the devices; the meter listens only while the welcome is on screen. */
  show(model: DevicesModel, own: OwnScene, visible: boolean): void {
    const { welcome: words } = this.#words;
    const { welcome, lists, start } = { ...own, ...this.#without() };
    const { camera, microphone } = model;
    this.#mirror.show(camera.open?.track ?? null);
    show(element("preview-off", HTMLElement), camera.open === null);
    write(element("camera-word", HTMLElement), welcome.word);
    writeOrHide(element("ask", HTMLButtonElement), welcome.ask);
    write(element("camera-note-word", HTMLElement), welcome.note);
    show(element("camera-note", HTMLElement), welcome.note !== null);
    show(element("ask-again", HTMLButtonElement), welcome.isRetry);
    show(element("level-row", HTMLElement), microphone.open !== null);
    this.#level.watch(visible ? (microphone.open?.track ?? null) : null);
    show(element("devices", HTMLElement), camera.list.length + microphone.list.length > 0 && !this.#limits.isTextOnly);
    this.#lists.show(model, lists);
    write(this.#start, start === "text" ? words.startText : start === "sound" ? words.startSound : words.start);
    show(element("without", HTMLButtonElement), start !== "text");
    this.#limits.show(this.#words.limits);
  }

  /** What is said in place of the devices, where none would come or be of use. */
  #without(): Partial<OwnScene> {
    if (this.#limits.isTextOnly) return this.#limits.without(this.#words.limits);
    return this.#insecure ? withoutHttps(location.hostname, this.#words.camera) : {};
  }

  /** Why the person is here again, or what they should know before they start. */
  rest(resting: string | null, refusal: string | null): void {
    const { welcome, said } = this.#words;
    const known = { "unknown-pool": said.unknownPool, "terms-not-agreed": this.#hasAgreed ? said.newRules : welcome.agreeFirst };
    const refused = refusal === null ? null : (new Map(Object.entries(known)).get(refusal) ?? said.failed);
    const other = this.#isSecond ? welcome.second : null;
    writeOrHide(element("resting", HTMLElement), refused ?? (resting === null || resting === "" ? other : resting));
  }

  /** To the rules that this page shows, which may be older than the server's. */
  get #hasAgreed(): boolean {
    return this.#memory.consent && this.#memory.terms === this.#terms;
  }

  focus(): void {
    this.#start.focus();
  }

  async #submit(): Promise<void> {
    const press = (this.#presses += 1);
    if (!this.#insecure && !this.#limits.isTextOnly && asked(this.#devices.model) === "no" && this.#consent.checked) {
      // Decided otherwise meanwhile, as by "Start with text only": that counts.
      if ((await this.#devices.ask()) === "dropped" || press !== this.#presses) return;
      // Say first what did not come of it; the button now says what starting would mean.
      if (isWorthSaying(this.#devices.model)) return;
    }
    this.#enter(false);
  }

  #enter(without: boolean): void {
    this.#presses += 1;
    if (!this.#consent.checked) {
      writeOrHide(this.#note, this.#words.welcome.agreeFirst);
      this.#consent.focus();
      return;
    }
    if (!this.#interests.commit()) {
      element("interests", HTMLInputElement).focus();
      return;
    }
    this.#memory.consent = true;
    this.#memory.terms = this.#terms;
    this.#memory.choices = {
      interests: this.#interests.value,
      language: this.#language.value,
      autoNext: this.#autoNext.checked,
    };
    this.#go(without);
  }

  #recall({ interests, language, autoNext }: Choices): void {
    this.#interests.recall(interests);
    this.#language.value = language;
    this.#autoNext.checked = autoNext;
  }

  /** The switch was moved elsewhere. */
  recall(): void {
    this.#recall(this.#memory.choices);
  }

  #offerLanguages(): void {
    const own = navigator.languages.map((language) => language.split("-")[0] ?? "");
    const names = new Intl.DisplayNames([this.#words.lang], { type: "language" });
    const codes = [...new Set([...own, ...LANGUAGES])].filter((code) => /^[a-z]{2,3}$/.test(code));
    this.#language.replaceChildren(
      choice(this.#words.choices.anyLanguage, ""),
      ...codes.map((code) => choice(names.of(code) ?? code, code)),
    );
  }
}

/** What the server is asked for. */
export function preferences({ interests, language, autoNext }: Choices, pool: string | null, terms = ""): Preferences {
  const tags = added([], interests).list;
  return {
    auto_next: autoNext,
    ...(tags.length > 0 && { tags }),
    ...(language !== "" && { language }),
    ...(pool !== null && { pool }),
    ...(terms !== "" && { terms }),
  };
}

/** On a page without https: that it has no devices, how the person gets an address that has, and that Start means text. */
export function withoutHttps(host: string, words: Pick<Words["camera"], "insecure" | "insecureHere" | "insecureSite">): Pick<OwnScene, "welcome" | "start"> {
  const note = isOnOwnNetwork(host) ? words.insecureHere : words.insecureSite;
  return { welcome: { word: words.insecure, note, ask: null, isRetry: false }, start: "text" };
}

/** Nothing came, or a device that was there a moment ago is in use by another program. */
function isWorthSaying({ camera, microphone }: DevicesModel): boolean {
  const failures = [camera.failure, microphone.failure].filter((failure) => failure !== null);
  const isNothing = camera.open === null && microphone.open === null;
  return failures.some(({ trouble }) => isNothing || trouble === "busy");
}
