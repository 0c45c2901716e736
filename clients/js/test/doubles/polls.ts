import { Aborted } from "../../src/problem.ts";
import type { AskPoll } from "../../src/stream/poll.ts";
import type { PersonState, PollReply } from "../../src/vocabulary.ts";
import { T0 } from "./states.ts";

interface Asked {
  readonly query: Record<string, string>;
  readonly signal: AbortSignal;
  readonly answer: (reply: PollReply | "taken-over") => void;
  readonly fail: (error: Error) => void;
}

/** The server's side of the long poll: each waits until the test answers it. */
export class Polls {
  readonly asked: Asked[] = [];

  readonly ask: AskPoll = (query, { signal }) =>
    new Promise((resolve, reject) => {
      this.asked.push({ query: Object.fromEntries(query), signal, answer: resolve, fail: reject });
      signal.addEventListener("abort", () => reject(new Aborted("poll")));
    });

  get last(): Asked {
    return this.asked.at(-1)!;
  }
}

export function reply(state: PersonState, more: Partial<PollReply> = {}): PollReply {
  return { state, messages: [], signals: [], people_online: 2, now_ms: T0, ...more };
}
