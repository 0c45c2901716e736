import { element, mark, write } from "./elements.ts";

const SHOWN_MS = 6_000;

/** A short answer to what the person just did; a screen reader says it, nothing has to be pressed. */
export class Toast {
  readonly #target = element("toast", HTMLElement);
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string): void {
    write(this.#target, text);
    mark(this.#target, "shown", "true");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hide(), SHOWN_MS);
  }

  #hide(): void {
    mark(this.#target, "shown", "false");
    write(this.#target, null);
  }
}
