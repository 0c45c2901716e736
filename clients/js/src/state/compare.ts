import type { PersonState } from "../vocabulary.ts";

/** How a read and the stream compare: alike, which of them knew first, or what must not be. */
export type Comparison = "same" | "stream_first" | "poll_first" | "missed" | "differ";

export type Comparisons = Readonly<Record<Comparison, number>>;

export const noComparisons: Comparisons = { same: 0, stream_first: 0, poll_first: 0, missed: 0, differ: 0 };

/** A stream that has not brought by then what a read knew has lost it. */
export const MISSED_MS = 5_000;

/** The stream's side of a comparison: what it brought last, and which reads were ahead of it. */
export interface StreamBook {
  readonly state: PersonState | null;
  /** A snapshot may go back to an older state: a read that was under way meanwhile is not compared. */
  readonly snapshots: number;
  /** Versions that reads knew of and the stream has yet to reach, with the instant at which they will be missed. */
  readonly owed: readonly { readonly version: number; readonly until_ms: number }[];
}

export const emptyBook: StreamBook = { state: null, snapshots: 0, owed: [] };

/** A read that is under way: what the stream had brought when it was sent. */
export interface Read {
  readonly version: number;
  readonly snapshots: number;
}

/** Null while there is nothing to compare with. */
export function beginRead({ state, snapshots }: StreamBook): Read | null {
  return state === null ? null : { version: state.version, snapshots };
}

/** A state came by the stream. Answers the versions that it caught up with, each `poll_first`. */
export function streamed(book: StreamBook, state: PersonState, isSnapshot: boolean): readonly [StreamBook, number] {
  if (!isSnapshot && book.state !== null && state.version <= book.state.version) return [book, 0];
  const owed = book.owed.filter(({ version }) => version > state.version);
  return [{ state, snapshots: book.snapshots + (isSnapshot ? 1 : 0), owed }, book.owed.length - owed.length];
}

/** The read was answered. Null: it says nothing, or not yet. */
export function compare(book: StreamBook, read: Read, answer: PersonState, now_ms: number): readonly [StreamBook, Comparison | null] {
  const { state } = book;
  if (state === null || read.snapshots !== book.snapshots) return [book, null];
  if (answer.version > state.version) return [{ ...book, owed: [...book.owed, { version: answer.version, until_ms: now_ms + MISSED_MS }] }, null];
  if (answer.version < state.version) return [book, answer.version < read.version ? "differ" : "stream_first"];
  return [book, visible(answer) === visible(state) ? "same" : "differ"];
}

/** What the stream still owes although its time is over: how many were missed. */
export function overdue(book: StreamBook, now_ms: number): readonly [StreamBook, number] {
  const owed = book.owed.filter(({ until_ms }) => until_ms > now_ms);
  return [owed.length === book.owed.length ? book : { ...book, owed }, book.owed.length - owed.length];
}

/**
 * The state as both transports must tell it, in one text.
 *
 * Left out is what changes without a version (a sign that was met, the numbers of the messages) and what the process that
 * answers puts in (servers and grants of the media).
 */
function visible(state: PersonState): string {
  const whole = { ...state, probe: undefined };
  if (state.state !== "matched") return stable(whole);
  const { media } = state.match;
  const grant = media.kind === "livekit" ? [media.kind, media.ready, media.room] : media.kind === "peer" ? [media.kind, media.role] : [media.kind];
  return stable({ ...whole, match: { ...state.match, messages: undefined, media: grant } });
}

/** JSON with the keys in order, since two writers may order them differently. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
