import type { Session } from "../session.ts";
import { SseParser } from "./sse.ts";
import type { OpenStream, StreamHandlers } from "./transport.ts";

/** The event stream by `fetch`, for sessions by bearer token, which an `EventSource` cannot send. */
export function fetchStream(fetch: typeof globalThis.fetch, session: Session): OpenStream {
  return (url, lastEventId, handlers) => {
    const controller = new AbortController();
    // A session's own code may throw (a token that the page has not got yet): that is a stream that was lost, and is tried again.
    const ask = async (): Promise<Response> => {
      const headers: Record<string, string> = { Accept: "text/event-stream", ...session.headers() };
      if (lastEventId !== "") headers["Last-Event-ID"] = lastEventId;
      return fetch(url, { headers, signal: controller.signal, credentials: session.credentials, cache: "no-store" });
    };
    void read(ask(), lastEventId, unless(controller.signal, handlers));
    return { close: () => controller.abort() };
  };
}

/** Never rejects: whatever goes wrong is the stream's end. */
async function read(answer: Promise<Response>, lastEventId: string, { onEvent, onEnd }: StreamHandlers): Promise<void> {
  try {
    const response = await answer;
    if (response.status !== 200 || response.body === null) {
      onEnd({ why: "refused", status: response.status });
      return;
    }
    const parser = new SseParser(lastEventId);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      for (const event of parser.feed(piece.value)) onEvent(event.data, event.lastEventId);
    }
  } catch {
    // Network error or our own abort; `unless` keeps the latter from the line.
  }
  onEnd({ why: "lost" });
}

function unless(signal: AbortSignal, { onEvent, onEnd }: StreamHandlers): StreamHandlers {
  return {
    onEvent: (data, id) => {
      if (!signal.aborted) onEvent(data, id);
    },
    onEnd: (end) => {
      if (!signal.aborted) onEnd(end);
    },
  };
}
