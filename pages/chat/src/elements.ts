import { plain, VALUE } from "./values.ts";

/** The element of that id, which index.html has by contract; the type is checked once, at the start. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html: no ${type.name} #${id}`);
  return found;
}

/** Makes an element with words in it. */
export function make<K extends keyof HTMLElementTagNameMap>(tag: K, className: string, text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== "") write(made, text);
  return made;
}

/** Makes a choice of a list. A `label` that is a name (of a device) is not translated. */
export function choice(label: string, value: string, isName = false): HTMLOptionElement {
  const made = new Option(label, value);
  if (isName) made.translate = false;
  return made;
}

/** The words that this page wrote last, for each element and each place in it. */
const written = new WeakMap<Node, Map<string, string>>();

/**
 * Return whether the page wrote another value there last, and note this one.
 *
 * The page never asks what stands in the document now: a browser that translates the page has changed the words there, and the two
 * would take turns. A live region speaks at every write, too.
 */
function isNew(target: Node, place: string, value: string): boolean {
  const places = written.get(target) ?? new Map<string, string>();
  written.set(target, places);
  if (places.get(place) === value) return false;
  places.set(place, value);
  return true;
}

/** The elements of the values within the words of an element. */
const valuesOf = new WeakMap<HTMLElement, readonly HTMLElement[]>();

/**
 * Writes the words of an element, if they are others than the page wrote last.
 *
 * A value in them (`value` in words.ts) stands in an element of its own, which no translator touches. Where only values change, the
 * words around them stay as they are.
 */
export function write(target: HTMLElement, text: string | null): void {
  const parts = (text ?? "").split(VALUE);
  const words = parts.filter((_, place) => place % 2 === 0);
  const values = parts.filter((_, place) => place % 2 === 1);
  if (isNew(target, "text", words.join("\0"))) return rebuild(target, words, values); // guard: own-values -- off: if (target.textContent !== plain(text ?? "")) return rebuild(target, words, values);
  const known = valuesOf.get(target) ?? [];
  if (!known.every((each) => target.contains(each))) return rebuild(target, words, values);
  for (const [place, each] of known.entries()) writeExact(each, values[place] ?? "");
}

function rebuild(target: HTMLElement, words: readonly string[], values: readonly string[]): void {
  const made = values.map((each) => exact("bdi", each));
  valuesOf.set(target, made);
  const nodes = words.flatMap((each, place) => [each, ...made.slice(place, place + 1)]);
  target.replaceChildren(...nodes.filter((each) => each !== ""));
}

/** Writes what a person wrote, as it is. */
export function writeExact(target: HTMLElement, text: string): void {
  if (isNew(target, "text", text)) target.textContent = text;
}

/** Makes an element for what a person wrote, or a number: in no language that the page knows, and not to be translated. */
export function exact<K extends "bdi" | "span">(tag: K, text: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.translate = false;
  made.lang = "";
  writeExact(made, text);
  return made;
}

/** Shows the words, or hides the whole element when there are none. */
export function writeOrHide(target: HTMLElement, text: string | null): void {
  write(target, text);
  show(target, text !== null && text !== "");
}

/** Writes words that stand in an attribute; translators change some of those as well. */
export function describe(target: HTMLElement, name: "placeholder" | "aria-label" | "aria-valuenow" | "aria-invalid", value: string): void {
  if (isNew(target, name, value)) target.setAttribute(name, plain(value));
}

/** Writes the title of the page, which a translator changes too. */
export function entitle(text: string): void {
  if (isNew(document, "title", text)) document.title = plain(text);
}

/** Writes a word for styles and tests. */
export function mark(target: HTMLElement, name: string, value: string): void {
  if (isNew(target, `data-${name}`, value)) target.dataset[name] = value;
}

/** Makes the browser refuse to send the field's form, with these words; `""` allows it. */
export function refuse(field: HTMLInputElement | HTMLTextAreaElement, words: string): void {
  if (isNew(field, "refusal", words)) field.setCustomValidity(plain(words));
}

export function show(target: HTMLElement, visible: boolean): void {
  if (target.hidden === visible) target.hidden = !visible;
}

/** Changes the icon of a button to another of the page's symbols. */
export function icon(button: HTMLElement, name: string): void {
  const use = button.querySelector("use");
  if (use !== null && use.getAttribute("href") !== `#${name}`) use.setAttribute("href", `#${name}`);
}
