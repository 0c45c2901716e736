import type { Camera, CameraState } from "./camera.ts";
import { DeviceLists } from "./devices.ts";
import { element, show } from "./elements.ts";
import type { Words } from "./words.ts";

export interface SheetActions {
  readonly block: () => void;
  readonly blockPrevious: () => void;
  readonly reportPrevious: () => void;
  readonly autoNext: (on: boolean) => void;
}

/** What is needed now and then: blocking, the person before, the switch, the devices. */
export class Sheet {
  readonly #dialog = element("sheet", HTMLDialogElement);
  /** The same switch, on the desk of a wide screen and here. */
  readonly #autoNext = [element("auto-next", HTMLInputElement), element("auto-next-desk", HTMLInputElement)];
  readonly #devices: DeviceLists;

  constructor(words: Words["camera"], camera: Camera, actions: SheetActions) {
    this.#devices = new DeviceLists({ camera: "sheet-camera", microphone: "sheet-microphone" }, camera, words);
    element("more", HTMLButtonElement).addEventListener("click", () => this.#dialog.showModal());
    element("sheet-close", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("click", ({ target }) => {
      if (target === this.#dialog) this.#dialog.close(); // beside it
    });
    this.#item("block", actions.block);
    this.#item("sheet-block-previous", actions.blockPrevious);
    this.#item("sheet-report-previous", actions.reportPrevious);
    for (const box of this.#autoNext) box.addEventListener("change", () => actions.autoNext(box.checked));
  }

  show(state: CameraState, current: boolean, previous: boolean, autoNext: boolean): void {
    show(element("block", HTMLButtonElement), current);
    show(element("sheet-block-previous", HTMLButtonElement), previous);
    show(element("sheet-report-previous", HTMLButtonElement), previous);
    for (const box of this.#autoNext) box.checked = autoNext;
    this.#devices.show(state);
  }

  close(): void {
    this.#dialog.close();
  }

  #item(id: string, action: () => void): void {
    element(id, HTMLButtonElement).addEventListener("click", () => {
      this.#dialog.close();
      action();
    });
  }
}
