import type { Devices, Kind } from "duologue/devices";
import { button } from "duologue/devices";
import { describe, element, icon, mark, show, write, writeOrHide } from "./elements.ts";
import type { OwnButton, OwnNote, OwnScene } from "./own.ts";

/** A failure that took nothing away is said this long. */
const BRIEF_MS = 10_000;

const BUTTONS = {
  microphone: { id: "mute", on: "i-mic", off: "i-mic-off" },
  camera: { id: "camera", on: "i-camera", off: "i-camera-off" },
} as const;

/** The buttons of camera and microphone on the stage, and what is said of them there. */
export class OwnControls {
  readonly #shown: Record<Kind, { text: string; timer: ReturnType<typeof setTimeout> | undefined; isOver: boolean }> = {
    camera: { text: "", timer: undefined, isOver: false },
    microphone: { text: "", timer: undefined, isOver: false },
  };

  constructor(devices: Devices) {
    const on = (id: string, action: () => void): void => element(id, HTMLButtonElement).addEventListener("click", action);
    const kinds: readonly Kind[] = ["microphone", "camera"];
    for (const kind of kinds) {
      on(BUTTONS[kind].id, () => devices.switch(kind, ["off", "held"].includes(button(devices.model[kind]))));
      on(`own-off-${kind}`, () => {
        devices.switch(kind, false);
        // The button goes with its note; the keyboard goes on where the same device is switched on.
        element(BUTTONS[kind].id, HTMLButtonElement).focus();
      });
    }
    on("flip", () => devices.flip());
  }

  /** On the welcome the same things are said elsewhere. */
  show(scene: OwnScene, hasFlip: boolean, isStage: boolean): void {
    this.#button("microphone", scene.buttons.microphone);
    this.#button("camera", scene.buttons.camera);
    write(element("me-word", HTMLElement), scene.blank);
    show(element("me-badge", HTMLElement), scene.isMuted);
    show(element("flip", HTMLButtonElement), hasFlip);
    const notes = [this.#note("microphone", isStage ? scene.notes.microphone : null), this.#note("camera", isStage ? scene.notes.camera : null)];
    show(element("own-notes", HTMLElement), notes.includes(true));
  }

  #button(kind: Kind, { label, spoken, isOff, isDisabled }: OwnButton): void {
    const { id, on, off } = BUTTONS[kind];
    const target = element(id, HTMLButtonElement);
    target.disabled = isDisabled;
    mark(target, "on", String(isOff));
    const text = target.querySelector("span");
    if (text !== null) write(text, label);
    describe(target, "aria-label", spoken);
    icon(target, isOff ? off : on);
  }

  #note(kind: Kind, note: OwnNote | null): boolean {
    const shown = this.#shown[kind];
    if (shown.text !== (note?.text ?? "")) {
      clearTimeout(shown.timer);
      shown.text = note?.text ?? "";
      shown.isOver = false;
      shown.timer = note?.isBrief === true ? setTimeout(() => this.#over(kind), BRIEF_MS) : undefined;
    }
    const isVisible = note !== null && !shown.isOver;
    write(element(`own-word-${kind}`, HTMLElement), isVisible ? note.text : null);
    writeOrHide(element(`own-off-${kind}`, HTMLButtonElement), isVisible ? note.keepOff : null);
    show(element(`own-note-${kind}`, HTMLElement), isVisible);
    return isVisible;
  }

  #over(kind: Kind): void {
    this.#shown[kind].isOver = true;
    show(element(`own-note-${kind}`, HTMLElement), false);
    const others = [...element("own-notes", HTMLElement).children].some((each) => each instanceof HTMLElement && !each.hidden);
    show(element("own-notes", HTMLElement), others);
  }
}
