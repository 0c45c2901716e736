/** The element of that id, which index.html has by contract; the type is checked once, at the start. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html: no ${type.name} #${id}`);
  return found;
}

/** Writes only what changed: a live region speaks at every write. */
export function write(target: HTMLElement, text: string | null): void {
  if (target.textContent !== (text ?? "")) target.textContent = text ?? "";
}

/** Shows the words, or hides the whole element when there are none. */
export function writeOrHide(target: HTMLElement, text: string | null): void {
  write(target, text);
  show(target, text !== null && text !== "");
}

export function show(target: HTMLElement, visible: boolean): void {
  if (target.hidden === visible) target.hidden = !visible;
}

/** Changes the icon of a button to another of the page's symbols. */
export function icon(button: HTMLElement, name: string): void {
  const use = button.querySelector("use");
  if (use !== null && use.getAttribute("href") !== `#${name}`) use.setAttribute("href", `#${name}`);
}
