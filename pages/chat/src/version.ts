import { element, show } from "./elements.ts";
import { meta } from "./language.ts";

/** How long a page does not ask again. */
const EVERY_MS = 10 * 60_000;

/** Return whether to ask now: never while the person waits or talks, nor for a tab that is not looked at. */
export function isDue({ isIdle, isHidden, since_ms }: { isIdle: boolean; isHidden: boolean; since_ms: number }): boolean {
  return isIdle && !isHidden && since_ms >= EVERY_MS;
}

/** Return whether the server serves another page than this one. Where it cannot be asked, it does not. */
export async function isOutdated(own: string, ask: typeof fetch = fetch): Promise<boolean> {
  try {
    const answer = await ask("version.json", { cache: "no-store", credentials: "omit" });
    const { version } = (await answer.json()) as { version?: unknown };
    return answer.ok && typeof version === "string" && version !== own;
  } catch {
    return false;
  }
}

/**
 * Says after a deployment that there is a new version of the page.
 *
 * It asks and speaks on the welcome only: nobody loses a conversation, or a place in the queue, to a reload.
 */
export class NewVersion {
  readonly #own = meta("duologue-version");
  #asked_ms = performance.now();
  #isIdle = false;

  constructor() {
    element("reload", HTMLButtonElement).addEventListener("click", () => location.reload());
    document.addEventListener("visibilitychange", () => void this.#look());
    setInterval(() => void this.#look(), EVERY_MS);
  }

  watch(isIdle: boolean): void {
    if (isIdle === this.#isIdle) return;
    this.#isIdle = isIdle;
    void this.#look();
  }

  async #look(): Promise<void> {
    const now = performance.now();
    const isHidden = document.visibilityState === "hidden";
    if (this.#own === "" || !isDue({ isIdle: this.#isIdle, isHidden, since_ms: now - this.#asked_ms })) return;
    this.#asked_ms = now;
    if (await isOutdated(this.#own)) show(element("new-version", HTMLElement), true);
  }
}
