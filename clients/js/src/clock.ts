/** Time, injected so that tests turn it by hand. */
export interface Clock {
  /** Milliseconds since the epoch; may jump when the device's clock is set. */
  now(): number;
  /** Milliseconds that only ever rise, for spans. */
  monotonic(): number;
  /** Calls `action` once after `ms`; the function that it returns calls it off and can be repeated. */
  after(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or at once when the signal aborts; never rejects. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(ms, finish);
    signal.addEventListener("abort", finish);
  });
}
