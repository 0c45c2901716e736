export interface Backoff {
  readonly base_ms: number;
  readonly cap_ms: number;
}

/**
 * Full jitter: anything between nothing and the doubled span, so that the pages which one server lost do not
 * come back in step. `attempt` counts from 0; `random` is in [0, 1).
 */
export function fullJitter(attempt: number, { base_ms, cap_ms }: Backoff, random: () => number): number {
  const span = Math.min(cap_ms, base_ms * 2 ** Math.min(attempt, 16));
  return Math.round(random() * span);
}
