import { createElement, useEffect, useRef, type ReactElement, type VideoHTMLAttributes } from "react";

export interface VideoProps extends VideoHTMLAttributes<HTMLVideoElement> {
  readonly stream: MediaStream | null;
  /** Its first picture is on screen. Once a stream. */
  readonly onFirstFrame?: () => void;
  /** The browser wants a press first before it plays sound: show a button that calls `play`. */
  readonly onBlocked?: (play: () => void) => void;
}

/** A `<video>` that shows a stream; all other attributes are its own. */
export function Video({ stream, onFirstFrame, onBlocked, ...attributes }: VideoProps): ReactElement {
  const video = useRef<HTMLVideoElement>(null);
  const calls = useRef({ onFirstFrame, onBlocked });
  useEffect(() => {
    calls.current = { onFirstFrame, onBlocked };
  });
  useEffect(() => {
    const element = video.current;
    if (element === null) return undefined;
    element.srcObject = stream;
    if (stream === null) return undefined;
    const play = (): void => {
      element.play().catch((error: unknown) => {
        // `AbortError`: another stream came before this one played.
        if (error instanceof DOMException && error.name === "NotAllowedError") calls.current.onBlocked?.(play);
      });
    };
    play();
    const life = new AbortController();
    element.addEventListener("loadeddata", () => calls.current.onFirstFrame?.(), { once: true, signal: life.signal });
    return () => life.abort();
  }, [stream]);
  return createElement("video", { autoPlay: true, playsInline: true, ...attributes, ref: video });
}
