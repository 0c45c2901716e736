import { Aborted } from "../../src/problem.ts";
import type { AskPoll } from "../../src/stream/poll.ts";
import type { PersonState, PollReply } from "../../src/vocabulary.ts";
import { T0 } from "./states.ts";

interface Asked {
  readonly query: Record<string, string>;
  readonly signal: AbortSignal;
  /** Answered, failed or called off. */
  over: boolean;
  readonly answer: (reply: PollReply | "taken-over") => void;
  readonly fail: (error: Error) => void;
}

/** The server's side of the long poll: each waits until the test answers it. */
export class Polls {
  readonly asked: Asked[] = [];

  readonly ask: AskPoll = (query, { signal }) =>
    new Promise((resolve, reject) => {
      const asked = { query: Object.fromEntries(query), signal, over: false, answer: ending(resolve), fail: ending(reject) };
      function ending<T>(end: (what: T) => void): (what: T) => void {
        return (what) => {
          asked.over = true;
          end(what);
        };
      }
      this.asked.push(asked);
      signal.addEventListener("abort", () => asked.fail(new Aborted("poll")));
    });

  /** The one that waits. */
  get pending(): Asked | undefined {
    return this.asked.find(({ over }) => !over);
  }

  get last(): Asked {
    return this.asked.at(-1)!;
  }
}

export function reply(state: PersonState, more: Partial<PollReply> = {}): PollReply {
  return { state, messages: [], signals: [], people_online: 2, now_ms: T0, ...more };
}
