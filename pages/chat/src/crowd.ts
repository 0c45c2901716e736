/** How often the welcome asks anew: the number shall be about right, and cost nothing. */
const EVERY_MS = 20_000;

/** How many people are online, for a page that has no session yet. */
export class Crowd {
  readonly #ask: () => Promise<number | null>;
  readonly #changed: () => void;
  #timer: ReturnType<typeof setInterval> | null = null;
  #people: number | null = null;

  constructor(ask: () => Promise<number | null>, changed: () => void) {
    this.#ask = ask;
    this.#changed = changed;
  }

  get people(): number | null {
    return this.#people;
  }

  /** Asks while it is watched; a hidden page does not ask. */
  watch(isWatched: boolean): void {
    if (isWatched === (this.#timer !== null)) return;
    if (this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
      return;
    }
    this.#timer = setInterval(() => void this.#look(), EVERY_MS);
    void this.#look();
  }

  async #look(): Promise<void> {
    if (document.hidden) return;
    const people = await this.#ask();
    if (people === this.#people) return;
    this.#people = people;
    this.#changed();
  }
}
