/** Whether this tab is visible. */
export interface Sight {
  isHidden(): boolean;
  /** Calls back at every change; the function that it returns ends that. */
  watch(changed: () => void): () => void;
}

export const documentSight: Sight = {
  isHidden: () => document.visibilityState === "hidden",
  watch(changed) {
    document.addEventListener("visibilitychange", changed);
    return () => document.removeEventListener("visibilitychange", changed);
  },
};

/** Resolves as soon as the tab is visible, with a signal that aborts when it is hidden; and at once when `signal` aborts. */
export function whileSeen(sight: Sight, signal: AbortSignal): Promise<AbortSignal> {
  return new Promise((resolve) => {
    const seen = new AbortController();
    let began = false;
    const look = (): void => {
      if (!signal.aborted && !sight.isHidden()) began = true;
      else if (signal.aborted || began) end();
      if (began) resolve(seen.signal);
    };
    const end = (): void => {
      unwatch();
      signal.removeEventListener("abort", look);
      seen.abort();
      resolve(seen.signal);
    };
    const unwatch = sight.watch(look);
    signal.addEventListener("abort", look);
    look();
  });
}
