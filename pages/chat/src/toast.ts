import { element, mark, write } from "./elements.ts";

const SHOWN_MS = 6_000;

/** A short answer to what the person just did; a screen reader says it, nothing has to be pressed. */
export class Toast {
  readonly #target = element("toast", HTMLElement);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #text: string | null = null;

  say(text: string): void {
    this.#text = text;
    write(this.#target, text);
    mark(this.#target, "shown", "true");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hide(), SHOWN_MS);
  }

  /** Takes the words back if they are still shown: they are not true any more. */
  retract(text: string): void {
    if (text === this.#text) this.#hide();
  }

  #hide(): void {
    this.#text = null;
    clearTimeout(this.#timer);
    mark(this.#target, "shown", "false");
    write(this.#target, null);
  }
}
