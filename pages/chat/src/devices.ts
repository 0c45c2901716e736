import type { Camera, CameraState, Device } from "./camera.ts";
import { choice, element } from "./elements.ts";
import type { Words } from "./words.ts";

/** A pair of lists, for the camera and the microphone; there is one on the welcome and one in the sheet. */
export class DeviceLists {
  readonly #camera: HTMLSelectElement;
  readonly #microphone: HTMLSelectElement;
  readonly #words: Words["camera"];
  /** What each list offers, as this page wrote it: a translator changes the words of choices too. */
  readonly #offered = new Map<HTMLSelectElement, string>();

  constructor(ids: { camera: string; microphone: string }, camera: Camera, words: Words["camera"]) {
    this.#camera = element(ids.camera, HTMLSelectElement);
    this.#microphone = element(ids.microphone, HTMLSelectElement);
    this.#words = words;
    this.#camera.addEventListener("change", () => void camera.choose("camera", this.#camera.value));
    this.#microphone.addEventListener("change", () => void camera.choose("microphone", this.#microphone.value));
  }

  show(state: CameraState): void {
    this.#fill(this.#camera, state.cameras, this.#words.unnamedCamera);
    this.#fill(this.#microphone, state.microphones, this.#words.unnamedMicrophone);
    select(this.#camera, state.video?.getSettings().deviceId ?? state.chosen.camera);
    select(this.#microphone, state.audio?.getSettings().deviceId ?? state.chosen.microphone);
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
