import type { Camera, CameraState, Device } from "./camera.ts";
import { element } from "./elements.ts";
import type { Words } from "./words.ts";

/** A pair of lists, for the camera and the microphone; there is one on the welcome and one in the sheet. */
export class DeviceLists {
  readonly #camera: HTMLSelectElement;
  readonly #microphone: HTMLSelectElement;
  readonly #words: Words["camera"];

  constructor(ids: { camera: string; microphone: string }, camera: Camera, words: Words["camera"]) {
    this.#camera = element(ids.camera, HTMLSelectElement);
    this.#microphone = element(ids.microphone, HTMLSelectElement);
    this.#words = words;
    this.#camera.addEventListener("change", () => void camera.choose("camera", this.#camera.value));
    this.#microphone.addEventListener("change", () => void camera.choose("microphone", this.#microphone.value));
  }

  show(state: CameraState): void {
    fill(this.#camera, state.cameras, this.#words.unnamedCamera);
    fill(this.#microphone, state.microphones, this.#words.unnamedMicrophone);
    select(this.#camera, state.video?.getSettings().deviceId ?? state.chosen.camera);
    select(this.#microphone, state.audio?.getSettings().deviceId ?? state.chosen.microphone);
  }
}

function fill(list: HTMLSelectElement, devices: readonly Device[], unnamed: (number: number) => string): void {
  const wanted = devices.map(({ id, label }, place) => ({ id, label: label === "" ? unnamed(place + 1) : label }));
  const same = list.options.length === wanted.length && wanted.every(({ id, label }, place) => list.options[place]?.value === id && list.options[place].text === label);
  // An open list that is rebuilt closes under the person's hand.
  if (!same) list.replaceChildren(...wanted.map(({ id, label }) => new Option(label, id)));
  list.disabled = wanted.length === 0;
}

function select(list: HTMLSelectElement, id: string): void {
  if (list.value !== id && [...list.options].some(({ value }) => value === id)) list.value = id;
}
