import { emptyModel, type Effect, type Input, type Model } from "../../src/state/model.ts";
import { reduce } from "../../src/state/reducer.ts";
import type { Match, PersonState, StateFrame } from "../../src/vocabulary.ts";

export const T0 = 1_764_000_000_000;

const base = { since_ms: T0, intent: 0, wish: "rest" as const, pool: "main" };

export function idle(version: number, more: Partial<Extract<PersonState, { state: "idle" }>> = {}): PersonState {
  return { ...base, state: "idle", version, idle_reason: "never", ...more };
}

export function waiting(version: number, more: Partial<Extract<PersonState, { state: "waiting" }>> = {}): PersonState {
  return { ...base, wish: "talk", state: "waiting", version, ...more };
}

export function match(name: string, away_until_ms: number | null = null): Match {
  return {
    match: name,
    started_at_ms: T0,
    partner: { alias: "", away_until_ms },
    media: { kind: "peer", role: "polite", ice_servers: [] },
    messages: { first: 1, last: 0 },
  };
}

export function matched(version: number, name: string, more: Partial<Extract<PersonState, { state: "matched" }>> = {}): PersonState {
  return { ...base, wish: "talk", state: "matched", version, match: match(name), ...more };
}

export function frame(type: StateFrame["type"], state: PersonState, more: Partial<StateFrame> = {}): Input {
  return { type: "frame", frame: { type, at_ms: state.version, state, ...more } };
}

/** A page on an open line, and everything that its reducer asked for. */
export class Seat {
  model: Model = { ...emptyModel("p_me"), link: "open" };
  now_ms = T0;

  take(...inputs: Input[]): readonly Effect[] {
    const all: Effect[] = [];
    for (const input of inputs) {
      const [model, effects] = reduce(this.model, input, this.now_ms);
      this.model = model;
      all.push(...effects);
    }
    return all;
  }

  /** The names of the effects, timers left out. */
  does(...inputs: Input[]): string[] {
    return this.take(...inputs)
      .map((effect) => effect.do)
      .filter((name) => name !== "later");
  }

  reply(to: Extract<Input, { type: "reply" }>["to"], outcome: "ok" | "stale" | "waiting" | "matched" | "left" | "skipped", state: PersonState, snapshots = this.model.snapshots): Input {
    return { type: "reply", to, reply: { outcome, state }, snapshots, took_ms: 10 };
  }

  /** The pulse under way. */
  get pulse(): { readonly name: "pulse"; readonly match: string | null } {
    return { name: "pulse", match: this.model.pulses.sent?.match ?? null };
  }
}
