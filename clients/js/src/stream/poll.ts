import { fullJitter } from "../backoff.ts";
import { pause, type Clock } from "../clock.ts";
import { Refused } from "../problem.ts";
import type { Frame, PersonState, PollReply } from "../vocabulary.ts";
import type { Connection, StreamEnd } from "./transport.ts";

/** The longest that the server lets a poll wait. */
export const WAIT_MS = 15_000;

/** Beyond its wait a poll is answered within this, or is dead. */
const ANSWER_MS = 5_000;

/** A poll that was answered early and brought nothing is not repeated at once: that would be a loop. */
const EMPTY = { base_ms: 250, cap_ms: 2_000 };

/** What this page has already, so that it is not told again. */
export interface Known {
  readonly version: number | null;
  readonly signals: { readonly match: string; readonly last: number; readonly at_ms: number };
  /** `<match>:<n>:<at_ms>` of the last message, or `""`. */
  readonly after: string;
}

/** Rejects with `DuologueError`. */
export type AskPoll = (query: URLSearchParams, options: { signal: AbortSignal; timeout_ms: number }) => Promise<PollReply | "taken-over">;

export interface PollOptions {
  readonly page: string;
  readonly ask: AskPoll;
  readonly known: () => Known;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface PollHandlers {
  readonly onFrame: (frame: Frame) => void;
  /** After each answer: whether the next poll is to be sent. `false` is the end, without `onEnd`. */
  readonly goesOn: () => boolean;
  /** At most once, and never after `close`: a poll was refused or not answered. */
  readonly onEnd: (end: StreamEnd) => void;
}

/**
 * Polls one after the other, told as the frames that a stream would bring.
 *
 * The first names no version and is answered at once, with what counts as a snapshot, as every connection begins with one.
 */
export function openPoll(options: PollOptions, handlers: PollHandlers): Connection {
  const life = new AbortController();
  void run(options, handlers, life.signal);
  return { close: () => life.abort() };
}

/** Never rejects: whatever goes wrong is the end. */
async function run({ page, ask, known, clock, random }: PollOptions, { onFrame, goesOn, onEnd }: PollHandlers, signal: AbortSignal): Promise<void> {
  const reader = new PollReader();
  const over = (): boolean => signal.aborted; // a function, because it changes while something is awaited
  for (let first = true, empty = 0; ; first = false) {
    const had = first ? { ...known(), version: null } : known();
    const started_ms = clock.monotonic();
    const answer = await ask(queryOf(page, had), { signal, timeout_ms: ANSWER_MS + (first ? 0 : WAIT_MS) }).catch((error: unknown) => {
      if (!over()) onEnd(endOf(error));
      return null;
    });
    if (answer === null || over()) return;
    for (const frame of reader.read(answer, had, known().version)) {
      onFrame(frame);
      if (over()) return;
    }
    if (!goesOn()) return;
    const early = clock.monotonic() - started_ms < WAIT_MS - ANSWER_MS;
    empty = early && broughtNothing(answer, had) ? empty + 1 : 0;
    if (empty > 0) await pause(clock, fullJitter(empty - 1, EMPTY, random), signal);
    if (over()) return;
  }
}

function queryOf(page: string, { version, signals, after }: Known): URLSearchParams {
  const query = new URLSearchParams({ page });
  if (version !== null) {
    query.set("version", String(version));
    query.set("wait_ms", String(WAIT_MS));
  }
  // Both numbers are of the match that `after` names: of another one the server tells everything.
  const isSame = signals.match === "" || after.startsWith(`${signals.match}:`);
  if (!isSame || after !== "") query.set("after", isSame ? after : `${signals.match}:0`);
  if (signals.match !== "" && signals.last > 0) query.set("signals_after", `${signals.last}:${signals.at_ms}`);
  return query;
}

function broughtNothing(answer: PollReply | "taken-over", { version }: Known): boolean {
  return answer !== "taken-over" && answer.state.version === version && answer.messages.length + answer.signals.length === 0;
}

function endOf(error: unknown): StreamEnd {
  if (!(error instanceof Refused)) return { why: "lost" };
  return { why: "refused", status: error.status, code: error.code, retry_after_ms: error.retry_after_ms };
}

/** Turns answers into frames, so that everything behind the line is the same for both transports. */
class PollReader {
  #ended: string | null = null;

  /** `version`: what the page has by now. */
  read(answer: PollReply | "taken-over", had: Known, version: number | null): Frame[] {
    if (answer === "taken-over") return [{ type: "taken-over", at_ms: 0 }];
    const { state, people_online, transports, ask_after, media, now_ms } = answer;
    const facts = {
      state,
      people_online,
      ...(transports !== undefined && { transports }),
      ...(ask_after !== undefined && { ask_after }),
      ...(media !== undefined && { media }),
    };
    const type = isSnapshot(answer, had, version) ? "snapshot" : "state";
    return [...this.#told(state, had, version), { type, at_ms: now_ms, ...facts }, ...linesOf(answer)];
  }

  /** A conversation ended while we polled. Its own instant, and not the answer's, is what "told" is measured from. */
  #told(state: PersonState, had: Known, version: number | null): Frame[] {
    const { ended } = state;
    const isNews = ended !== undefined && ended.match !== this.#ended && had.version !== null && state.version > (version ?? 0);
    this.#ended = ended?.match ?? null;
    return isNews ? [{ type: "force-disconnect", at_ms: ended.at_ms, match: ended.match, reason: ended.reason, state }] : [];
  }
}

/**
 * An answer counts as a snapshot, with two exceptions: one that brings only lines, and one that is lower than what a command
 * brought while the poll was under way, which is merely late. Lower than what the poll named, or with fewer messages, is a
 * store that fell back.
 */
function isSnapshot(answer: PollReply, had: Known, version: number | null): boolean {
  const answered = answer.state.version;
  if (had.version === null || answered < had.version || outnumbers(had, answer.state)) return true;
  if (answered === had.version) return broughtNothing(answer, had) && answered === version;
  return version === null || answered >= version;
}

/** More messages than there are. */
function outnumbers({ after }: Known, state: PersonState): boolean {
  const [match, n] = after.split(":");
  return state.state === "matched" && state.match.match === match && Number(n) > state.match.messages.last;
}

function linesOf({ state, messages, signals }: PollReply): Frame[] {
  if (state.state !== "matched") return [];
  const { match } = state.match;
  return [
    ...messages.map((message): Frame => ({ type: "message", match, ...message })),
    ...signals.map((signal): Frame => ({ type: "peer-signal", match, ...signal })),
  ];
}
