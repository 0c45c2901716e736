/** The code of a key that an input method took (UI Events, section 7.3.1). No real key has it. */
const TAKEN = 229;

/** A key that ends a composition in Safari follows its `compositionend` within one task; this allows for a slow machine. */
const NEAR_MS = 100;

/**
 * Notes which key press an input method took after its composition had ended.
 *
 * Safari says `compositionend` first and the `keydown` that caused it second, so the event does not say `isComposing`
 * (WebKit bug 165004). In other browsers the `keydown` comes first, and its `keyup` before the next press.
 */
export class Compositions {
  readonly #now: () => number;
  #ended_ms = -Infinity;
  #taken: Event | null = null;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Listens from now on, before the handlers of the page. */
  follow(target: EventTarget): void {
    target.addEventListener("compositionstart", () => this.#forget(), true);
    target.addEventListener("compositionend", () => (this.#ended_ms = this.#now()), true);
    target.addEventListener("keydown", (event) => this.#press(event), true);
    target.addEventListener("keyup", () => this.#forget(), true);
  }

  /** Return whether the press is the one that ended a composition a moment before. */
  ended(event: Event): boolean {
    return event === this.#taken;
  }

  #press(event: Event): void {
    this.#taken = this.#now() - this.#ended_ms < NEAR_MS ? event : null;
    this.#forget();
  }

  #forget(): void {
    this.#ended_ms = -Infinity;
  }
}

const compositions = new Compositions();

/** Lets `isComposing` know what Safari does not say in the event. Called once, before other handlers are added. */
export function watchCompositions(target: EventTarget = window): void {
  compositions.follow(target);
}

/**
 * Return whether an input method takes this key press: Esc closes its list, Enter or Tab chooses from it.
 *
 * Every handler of `keydown` asks this first. A form's own submission by Enter needs no guard: browsers do not submit for a
 * key that was taken.
 */
export function isComposing(event: KeyboardEvent, known: Compositions = compositions): boolean {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else tells it in Safari's order of events
  const code = event.keyCode;
  if (code === TAKEN || event.key === "Process") return true; // guard: key-taken
  // Android's keyboards keep each word open as a composition, and their Enter key means Send.
  if (event.key === "Enter" && code === 13) return false;
  return event.isComposing || known.ended(event); // guard: composition-ended -- off: return event.isComposing;
}

/** Return whether this is Esc alone, newly pressed, which no input method and no other handler took. */
export function isPlainEscape(event: KeyboardEvent, known: Compositions = compositions): boolean {
  const { key, repeat, defaultPrevented, altKey, ctrlKey, metaKey, shiftKey } = event;
  if (key !== "Escape" || repeat || defaultPrevented) return false;
  return !(altKey || ctrlKey || metaKey || shiftKey) && !isComposing(event, known);
}

/** Makes a button that is pressed by Enter act once, however long the key is held: browsers click it again and again. */
export function pressesOnce(target: Document): void {
  target.addEventListener("keydown", (event) => {
    if (event.repeat && event.key === "Enter" && event.target instanceof HTMLButtonElement) event.preventDefault(); // guard: held-enter
  });
}
