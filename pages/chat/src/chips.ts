import { describe, element, exact, make, show, write, writeOrHide } from "./elements.ts";
import { added, apart, isApart } from "./interests.ts";
import { isComposing } from "./keys.ts";
import type { Words } from "./words.ts";

/**
 * The interests as a list of chips with a field behind it. Enter or a comma makes a chip of what was typed, and so does leaving
 * the field: nothing that a person typed is lost. An input method keeps its own Enter and comma while it composes.
 */
export class Chips {
  readonly #words: Words["choices"];
  readonly #box = element("chips", HTMLElement);
  readonly #list = element("interest-list", HTMLUListElement);
  readonly #field = element("interests", HTMLInputElement);
  readonly #note = element("interests-note", HTMLElement);
  readonly #said = element("interests-said", HTMLElement);
  #chips: readonly string[] = [];

  constructor(words: Words["choices"]) {
    this.#words = words;
    this.#field.addEventListener("keydown", (event) => this.#press(event));
    this.#field.addEventListener("input", (event) => {
      if (!(event instanceof InputEvent) || !event.isComposing) this.#typed();
    });
    this.#field.addEventListener("compositionend", () => this.#typed());
    this.#field.addEventListener("blur", () => this.commit());
    // A press between the chips means the field.
    this.#box.addEventListener("click", (event) => {
      if (event.target === this.#box || event.target === this.#list) this.#field.focus();
    });
  }

  /** What is on screen, as one text: what `recall` takes. */
  get value(): string {
    return this.#chips.join(", ");
  }

  /** Shows these interests in place of those that are there. */
  recall(text: string): void {
    if (text === this.value) return;
    this.#chips = added([], text).list;
    this.#draw();
  }

  /** Makes chips of what is still in the field. Return whether all of it could be. */
  commit(): boolean {
    return this.#take(this.#field.value);
  }

  /** What stands before a separator is complete; the rest is still being typed. */
  #typed(): void {
    const { value } = this.#field;
    if (isApart(value)) this.#take(value);
    else if (value === "") writeOrHide(this.#note, null);
  }

  #take(text: string): boolean {
    const { list, refused, rest } = added(this.#chips, text);
    const fresh = list.slice(this.#chips.length);
    this.#chips = list;
    this.#field.value = rest.join(", ");
    writeOrHide(this.#note, refused === null ? null : this.#words.interestsRefused[refused]);
    if (fresh.length > 0) {
      this.#draw();
      write(this.#said, this.#words.added(fresh.join(", ")));
    }
    return refused === null;
  }

  #press(event: KeyboardEvent): void {
    if (isComposing(event)) return;
    if (event.key === "Enter" && apart(this.#field.value).length > 0) {
      // Else the form would be sent. With an empty field Enter sends it, as anywhere.
      event.preventDefault();
      this.commit();
    }
    if (event.key === "Backspace" && this.#field.value === "" && !event.repeat) this.#list.querySelector<HTMLElement>("li:last-child button")?.focus();
  }

  #remove(chip: string): void {
    const place = this.#chips.indexOf(chip);
    this.#chips = this.#chips.filter((each) => each !== chip);
    this.#draw();
    writeOrHide(this.#note, null);
    write(this.#said, this.#words.removed(chip));
    const next = this.#list.querySelectorAll("button")[Math.min(place, this.#chips.length - 1)];
    (next ?? this.#field).focus();
  }

  #draw(): void {
    this.#list.replaceChildren(...this.#chips.map((chip) => this.#drawn(chip)));
    show(this.#list, this.#chips.length > 0);
  }

  #drawn(chip: string): HTMLLIElement {
    const item = make("li", "chip");
    const button = make("button", "", "×");
    button.type = "button";
    describe(button, "aria-label", this.#words.remove(chip));
    button.addEventListener("click", () => this.#remove(chip));
    button.addEventListener("keydown", (event) => {
      if (event.key === "Backspace" || event.key === "Delete") {
        event.preventDefault();
        this.#remove(chip);
      }
    });
    item.append(exact("bdi", chip), button);
    return item;
  }
}
