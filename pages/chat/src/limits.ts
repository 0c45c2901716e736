import { support, type Lack } from "duologue";
import { element, writeOrHide } from "./elements.ts";
import type { OwnScene } from "./own.ts";
import type { LimitWords } from "./words-limits.ts";

/** What this browser cannot do, said before the queue, with what works in spite of it. */
export class Limits {
  readonly #lacks: readonly Lack[];
  readonly isTextOnly: boolean;
  readonly #isHopeless: boolean;

  constructor({ works, lacks } = support()) {
    this.#lacks = lacks;
    this.isTextOnly = works === "text";
    this.#isHopeless = works === "nothing";
  }

  /** On the welcome. */
  show(words: LimitWords): void {
    writeOrHide(element("limits", HTMLElement), this.#said(words));
    element("start", HTMLButtonElement).disabled = this.#isHopeless;
  }

  /** The welcome of a page whose calls would never come: no device is asked for, because the partner could not see or hear it. */
  without({ word }: LimitWords): Pick<OwnScene, "welcome" | "start"> {
    return { welcome: { word, note: null, ask: null, isRetry: false }, start: "text" };
  }

  /** On the stage: the partner could not see or hear what these buttons turn on. */
  hold(): void {
    if (!this.isTextOnly) return;
    for (const id of ["mute", "camera"]) element(id, HTMLButtonElement).disabled = true;
  }

  #said(words: LimitWords): string | null {
    if (this.#isHopeless) return words.requests;
    const said = (["webrtc", "codecs", "cookies"] as const).filter((lack) => this.#lacks.includes(lack)).map((lack) => words[lack]);
    return said.length === 0 ? null : said.join(" ");
  }
}
