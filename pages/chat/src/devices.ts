import { selected, type Device, type Devices, type DevicesModel, type Kind } from "duologue/devices";
import { choice, element, writeOrHide } from "./elements.ts";
import type { OwnScene } from "./own.ts";
import type { Words } from "./words.ts";

const KINDS: readonly Kind[] = ["camera", "microphone"];

/** A pair of lists, for the camera and the microphone; there is one on the welcome and one in the sheet. */
export class DeviceLists {
  readonly #ids: Readonly<Record<Kind, string>>;
  readonly #words: Words["camera"];
  /** What each list offers, as this page wrote it: a translator changes the words of choices too. */
  readonly #offered = new Map<HTMLSelectElement, string>();

  constructor(ids: Readonly<Record<Kind, string>>, devices: Devices, words: Words["camera"]) {
    this.#ids = ids;
    this.#words = words;
    for (const kind of KINDS) {
      const list = this.#list(kind);
      list.addEventListener("change", () => devices.choose(kind, list.value));
    }
  }

  show(model: DevicesModel, notes: OwnScene["lists"]): void {
    for (const kind of KINDS) {
      const list = this.#list(kind);
      this.#fill(list, model[kind].list, kind === "camera" ? this.#words.unnamedCamera : this.#words.unnamedMicrophone);
      select(list, selected(model[kind]));
      writeOrHide(element(`${this.#ids[kind]}-note`, HTMLElement), notes[kind]);
    }
  }

  #list(kind: Kind): HTMLSelectElement {
    return element(this.#ids[kind], HTMLSelectElement);
  }

  #fill(list: HTMLSelectElement, devices: readonly Device[], unnamed: (number: number) => string): void {
    const wanted = JSON.stringify(devices.map(({ id, label }) => [id, label]));
    list.disabled = devices.length === 0;
    // An open list that is rebuilt closes under the person's hand.
    if (this.#offered.get(list) === wanted) return;
    this.#offered.set(list, wanted);
    list.replaceChildren(...devices.map(({ id, label }, place) => choice(label === "" ? unnamed(place + 1) : label, id, label !== "")));
  }
}

function select(list: HTMLSelectElement, id: string): void {
  if (list.value !== id && [...list.options].some(({ value }) => value === id)) list.value = id;
}
