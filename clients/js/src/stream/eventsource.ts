import type { OpenStream } from "./transport.ts";

/**
 * A plain browser `EventSource`, for sessions by cookie.
 *
 * It never reconnects here: after some errors a browser would and after others not, with its own delays.
 * A new one cannot send `Last-Event-ID`; the server then replays from the first message kept, and what is known is dropped.
 */
export const eventSourceStream: OpenStream = (url, _lastEventId, { onEvent, onEnd }) => {
  const source = new EventSource(url);
  source.onmessage = (event: MessageEvent<string>) => onEvent(event.data, event.lastEventId);
  source.onerror = () => {
    // CLOSED at the first error is what a status other than 200 looks like from here.
    const refused = source.readyState === EventSource.CLOSED;
    source.close();
    onEnd(refused ? { why: "refused", status: null } : { why: "lost" });
  };
  return { close: () => source.close() };
};
