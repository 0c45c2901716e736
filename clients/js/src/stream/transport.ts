/** How the page hears of its state: by an open stream, or by asking again and again (the long poll). */
export type Transport = "sse" | "poll";

/** Why a stream, or a spell of polls, is over. `refused` carries the status when the transport can see one. */
export type StreamEnd =
  | { readonly why: "lost" }
  | { readonly why: "refused"; readonly status: number | null; readonly code?: string; readonly retry_after_ms?: number | null };

export interface StreamHandlers {
  /** The data of one event and the last id seen so far. */
  readonly onEvent: (data: string, lastEventId: string) => void;
  /** At most once, and never after `close`. */
  readonly onEnd: (end: StreamEnd) => void;
}

export interface Connection {
  close(): void;
}

/** One stream, opened once: coming back is the line's business, so that every transport comes back alike. */
export type OpenStream = (url: string, lastEventId: string, handlers: StreamHandlers) => Connection;
