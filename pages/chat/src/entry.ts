import type { Preferences } from "duologue";
import type { Camera, CameraState } from "./camera.ts";
import { DeviceLists } from "./devices.ts";
import { choice, element, show, write, writeOrHide } from "./elements.ts";
import { Level } from "./level.ts";
import type { Choices, Memory } from "./memory.ts";
import { Mirror } from "./mirror.ts";
import type { Words } from "./words.ts";

/** What people speak on such pages most, after what the browser says of this person. */
const LANGUAGES = ["en", "es", "pt", "fr", "de", "it", "nl", "pl", "ru", "uk", "tr", "ar", "hi", "id", "vi", "th", "zh", "ja", "ko"];

const MOST_TAGS = 16;
const LONGEST_TAG = 64;

/** Everything before the queue: what this is, the rules, camera and microphone, and Start. */
export class Entry {
  readonly #words: Words;
  readonly #memory: Memory;
  readonly #camera: Camera;
  readonly #go: (without: boolean) => void;
  readonly #isSecond: boolean;
  readonly #mirror = new Mirror(element("preview", HTMLVideoElement));
  readonly #level = new Level(element("level", HTMLElement));
  readonly #devices: DeviceLists;
  readonly #consent = element("consent", HTMLInputElement);
  readonly #interests = element("interests", HTMLInputElement);
  readonly #language = element("language", HTMLSelectElement);
  readonly #autoNext = element("auto-next-entry", HTMLInputElement);
  readonly #start = element("start", HTMLButtonElement);
  readonly #note = element("entry-note", HTMLElement);

  constructor(words: Words, memory: Memory, camera: Camera, isSecond: boolean, go: (without: boolean) => void) {
    this.#words = words;
    this.#isSecond = isSecond;
    this.#memory = memory;
    this.#camera = camera;
    this.#go = go;
    this.#devices = new DeviceLists({ camera: "camera-choice", microphone: "microphone-choice" }, camera, words.camera);
    this.#offerLanguages();
    this.#recall(memory.choices);
    element("ask", HTMLButtonElement).addEventListener("click", () => void camera.ask());
    element("without", HTMLButtonElement).addEventListener("click", () => this.#enter(true));
    element("entry", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#consent.checked = memory.consent;
    this.#consent.addEventListener("change", () => writeOrHide(this.#note, null));
  }

  /** Draws the camera's state; the meter listens only while the welcome is on screen. */
  show(state: CameraState, visible: boolean): void {
    const { camera: words, welcome } = this.#words;
    const off = state.audio === null && state.video === null;
    this.#mirror.show(state);
    show(element("preview-off", HTMLElement), state.video === null);
    write(element("camera-word", HTMLElement), cameraWord(state, words));
    const ask = element("ask", HTMLButtonElement);
    show(ask, off && state.asked !== "asking" && state.trouble !== "insecure");
    write(ask, state.asked === "no" ? words.turnOn : words.again);
    writeOrHide(element("camera-note", HTMLElement), cameraNote(state, words));
    show(element("level-row", HTMLElement), state.audio !== null);
    this.#level.watch(visible ? state.audio : null);
    show(element("devices", HTMLElement), state.cameras.length + state.microphones.length > 0 && !off);
    this.#devices.show(state);
    const text = state.asked === "yes" && off;
    write(this.#start, text ? welcome.startText : state.asked === "yes" && state.video === null ? welcome.startSound : welcome.start);
    show(element("without", HTMLButtonElement), !text);
  }

  /** Why the person is here again, or what they should know before they start. */
  rest(resting: string | null, refusal: string | null): void {
    const { welcome, said } = this.#words;
    const refused = refusal === null ? null : refusal === "unknown-pool" ? said.unknownPool : said.failed;
    const other = this.#isSecond ? welcome.second : null;
    writeOrHide(element("resting", HTMLElement), refused ?? (resting === null || resting === "" ? other : resting));
  }

  focus(): void {
    this.#start.focus();
  }

  async #submit(): Promise<void> {
    if (this.#camera.state.asked === "no" && this.#consent.checked) {
      await this.#camera.ask();
      // Nothing came of it: say so first; the button now says what starting would mean.
      if (this.#camera.state.trouble !== null) return;
    }
    this.#enter(false);
  }

  #enter(without: boolean): void {
    if (!this.#consent.checked) {
      writeOrHide(this.#note, this.#words.welcome.agreeFirst);
      this.#consent.focus();
      return;
    }
    this.#memory.consent = true;
    this.#memory.choices = {
      interests: this.#interests.value,
      language: this.#language.value,
      autoNext: this.#autoNext.checked,
    };
    this.#go(without);
  }

  #recall({ interests, language, autoNext }: Choices): void {
    this.#interests.value = interests;
    this.#language.value = language;
    this.#autoNext.checked = autoNext;
  }

  /** The switch was moved elsewhere. */
  recall(): void {
    this.#recall(this.#memory.choices);
  }

  #offerLanguages(): void {
    const own = navigator.languages.map((language) => language.split("-")[0] ?? "");
    const names = new Intl.DisplayNames([document.documentElement.lang], { type: "language" });
    const codes = [...new Set([...own, ...LANGUAGES])].filter((code) => /^[a-z]{2,3}$/.test(code));
    this.#language.replaceChildren(
      choice(this.#words.choices.anyLanguage, ""),
      ...codes.map((code) => choice(names.of(code) ?? code, code)),
    );
  }
}

/** What the server is asked for. */
export function preferences({ interests, language, autoNext }: Choices, pool: string | null): Preferences {
  const tags = [...new Set(interests.split(",").map((tag) => tag.trim().toLowerCase().slice(0, LONGEST_TAG)))].filter((tag) => tag !== "");
  return {
    auto_next: autoNext,
    ...(tags.length > 0 && { tags: tags.slice(0, MOST_TAGS) }),
    ...(language !== "" && { language }),
    ...(pool !== null && { pool }),
  };
}

function cameraWord({ asked, trouble, video, audio }: CameraState, words: Words["camera"]): string {
  if (asked === "asking") return words.asking;
  if (trouble !== null) return words[trouble];
  if (video === null && audio !== null) return words.noCamera;
  return words.off;
}

function cameraNote({ video, audio }: CameraState, words: Words["camera"]): string | null {
  return video !== null && audio === null ? words.noMicrophone : null;
}
