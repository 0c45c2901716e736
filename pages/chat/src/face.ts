import { show } from "./elements.ts";

/** The partner's picture and sound, and what a browser needs to play them. */
export class Face {
  readonly #video: HTMLVideoElement;
  readonly #hear: HTMLButtonElement;
  readonly #seen: () => void;
  #match: string | null = null;
  #hasPicture = false;

  constructor(video: HTMLVideoElement, hear: HTMLButtonElement, seen: () => void) {
    this.#video = video;
    this.#hear = hear;
    this.#seen = seen;
    hear.addEventListener("click", () => this.#unmute());
  }

  /** A picture of this match was shown. */
  get hasPicture(): boolean {
    return this.#hasPicture;
  }

  /** Shows these tracks as that match's; none at all is a dark screen. */
  show(match: string | null, tracks: readonly MediaStreamTrack[]): void {
    if (match !== this.#match) {
      this.#match = match;
      this.#hasPicture = false;
      show(this.#hear, false);
    }
    const stream = this.#video.srcObject;
    const now = stream instanceof MediaStream ? stream.getTracks() : [];
    if (now.length === tracks.length && tracks.every((track) => now.includes(track))) return;
    this.#video.srcObject = tracks.length === 0 ? null : new MediaStream([...tracks]);
    if (tracks.length > 0) this.#play(match);
  }

  #play(match: string | null): void {
    this.#video.muted = false;
    this.#awaitPicture(match);
    this.#video.play().catch((error: unknown) => {
      // Sound without a press of this page is refused; a picture is not. A stream that was replaced aborts, and is not a refusal.
      if (error instanceof DOMException && error.name === "NotAllowedError") this.#playSilently();
    });
  }

  #playSilently(): void {
    this.#video.muted = true;
    show(this.#hear, true);
    this.#video.play().catch(() => undefined);
  }

  #unmute(): void {
    this.#video.muted = false;
    show(this.#hear, false);
    this.#video.play().catch(() => undefined);
  }

  #awaitPicture(match: string | null): void {
    const seen = (): void => {
      if (match !== this.#match || this.#hasPicture) return;
      this.#hasPicture = true;
      this.#seen();
    };
    if ("requestVideoFrameCallback" in this.#video) this.#video.requestVideoFrameCallback(seen);
    else this.#awaitSize(seen);
  }

  /** Firefox before 132: a picture has a size. */
  #awaitSize(seen: () => void): void {
    const video: HTMLVideoElement = this.#video;
    video.addEventListener("resize", () => {
      if (video.videoWidth > 0) seen();
    });
  }
}
