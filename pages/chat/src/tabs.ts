/** Whether the page comes from the machine that it runs on. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || /^127(\.\d+){3}$/.test(host) || host === "[::1]";
}

const LOCK = "duologue.live";

/**
 * Holds a lock while this tab is in the queue or in a conversation, so that another tab of the same browser can say
 * beforehand that it would take over. Without the Web Locks API (a page without TLS) nobody is warned.
 */
export class LiveTab {
  #release: (() => void) | null = null;

  hold(live: boolean): void {
    if (live === (this.#release !== null) || !("locks" in navigator)) return;
    if (!live) {
      this.#release?.();
      this.#release = null;
      return;
    }
    const held = new Promise<void>((resolve) => (this.#release = resolve));
    navigator.locks.request(LOCK, { mode: "shared" }, () => held).catch(() => undefined);
  }

  /** Whether another tab is live. */
  static async elsewhere(): Promise<boolean> {
    if (!("locks" in navigator)) return false;
    const { held = [] } = await navigator.locks.query();
    return held.some(({ name }) => name === LOCK);
  }
}
