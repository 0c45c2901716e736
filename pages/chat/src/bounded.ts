import { characters, MESSAGE_CHARS } from "duologue";
import { describe, element, refuse, write, writeOrHide } from "./elements.ts";
import type { Words } from "./words.ts";

/**
 * A field for a text that the server takes only up to a length.
 *
 * A text that is too long stays in the field as it is. A note says by how much, and the browser refuses to send the form. The
 * attribute `maxlength` would cut a paste without a word, and it counts other units than the server does.
 */
export class Bounded {
  readonly #field: HTMLInputElement | HTMLTextAreaElement;
  readonly #note: HTMLElement;
  /** A screen reader says once that the text is too long, and not at every key by how much. */
  readonly #said: HTMLElement;
  readonly #words: Words["tooLong"];

  /** Watches the field of that id and type. `${id}-long` is its note, `${id}-said` its live region. */
  constructor(id: string, type: new () => HTMLInputElement | HTMLTextAreaElement, words: Words["tooLong"]) {
    this.#field = element(id, type);
    this.#note = element(`${id}-long`, HTMLElement);
    this.#said = element(`${id}-said`, HTMLElement);
    this.#words = words;
    this.#field.addEventListener("input", () => this.check());
  }

  /** Draws how long the text is; called after the page changed it. */
  check(): void {
    const over = tooMany(this.#field.value);
    const isOver = over > 0;
    writeOrHide(this.#note, isOver ? this.#words.by(over, MESSAGE_CHARS) : null);
    write(this.#said, isOver ? this.#words.said : null);
    describe(this.#field, "aria-invalid", String(isOver));
    refuse(this.#field, isOver ? this.#words.shorten : "");
  }
}

/** Return by how many characters a text is too long to be sent, without the white space around it; at most 0 if it is not. */
export function tooMany(text: string): number {
  return characters(text.trim()) - MESSAGE_CHARS;
}
