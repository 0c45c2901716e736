/** Why a stream is over. `refused` carries the status when the transport can see one. */
export type StreamEnd = { readonly why: "lost" } | { readonly why: "refused"; readonly status: number | null };

export interface StreamHandlers {
  /** The data of one event and the last id seen so far. */
  readonly onEvent: (data: string, lastEventId: string) => void;
  /** At most once, and never after `close`. */
  readonly onEnd: (end: StreamEnd) => void;
}

/** One stream, opened once: coming back is the line's business, so that every transport comes back alike. */
export type OpenStream = (url: string, lastEventId: string, handlers: StreamHandlers) => { close(): void };
