export interface Lifecycle {
  /** The page goes: into the back/forward cache, or for good. */
  readonly leave: () => void;
  /** It is back from the cache, as it was left. */
  readonly back: () => void;
  /** The page becomes visible, or hidden. */
  readonly hidden: (hidden: boolean) => void;
  /** The network or the person is back: now is the time to reconnect. */
  readonly nudge: () => void;
}

/** No `beforeunload` and no `unload`: they keep a page out of the cache and do not fire on telephones. */
export function watchLifecycle({ leave, back, hidden, nudge }: Lifecycle): void {
  addEventListener("pagehide", leave);
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) back();
  });
  addEventListener("online", nudge);
  document.addEventListener("visibilitychange", () => {
    const isHidden = document.visibilityState === "hidden";
    hidden(isHidden);
    if (!isHidden) nudge();
  });
}

/** Keeps a telephone's screen on during a conversation. */
export class AwakeScreen {
  #wanted = false;
  #lock: WakeLockSentinel | null = null;

  constructor() {
    // The system takes the lock away with the page's visibility.
    document.addEventListener("visibilitychange", () => this.#take());
  }

  keep(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) return this.#take();
    void this.#lock?.release();
    this.#lock = null;
  }

  #take(): void {
    if (!this.#wanted || document.visibilityState === "hidden" || !("wakeLock" in navigator)) return;
    navigator.wakeLock.request("screen").then(
      (lock) => (this.#lock = lock),
      () => undefined, // refused on low battery: no harm
    );
  }
}
