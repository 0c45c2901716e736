import type { Devices, DevicesModel } from "duologue/devices";
import { DeviceLists } from "./devices.ts";
import { element, show } from "./elements.ts";
import type { OwnScene } from "./own.ts";
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
  #current: string | null = null;
  /** The match that was on screen when the sheet was opened: "this person" is its partner, and never the one who follows. */
  #about: string | null = null;

  constructor(words: Words["camera"], devices: Devices, actions: SheetActions) {
    this.#devices = new DeviceLists({ camera: "sheet-camera", microphone: "sheet-microphone" }, devices, words);
    element("more", HTMLButtonElement).addEventListener("click", () => this.#open());
    element("sheet-close", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("click", ({ target }) => {
      if (target === this.#dialog) this.#dialog.close(); // beside it
    });
    this.#item("block", actions.block);
    this.#item("sheet-block-previous", actions.blockPrevious);
    this.#item("sheet-report-previous", actions.reportPrevious);
    for (const box of this.#autoNext) box.addEventListener("change", () => actions.autoNext(box.checked));
  }

  #open(): void {
    this.#about = this.#current;
    this.#offerBlock();
    this.#dialog.showModal();
  }

  #offerBlock(): void {
    show(element("block", HTMLButtonElement), this.#current !== null && this.#current === this.#about);
  }

  show(model: DevicesModel, notes: OwnScene["lists"], current: string | null, previous: boolean, autoNext: boolean): void {
    this.#current = current;
    this.#offerBlock();
    show(element("sheet-block-previous", HTMLButtonElement), previous);
    show(element("sheet-report-previous", HTMLButtonElement), previous);
    for (const box of this.#autoNext) box.checked = autoNext;
    this.#devices.show(model, notes);
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
