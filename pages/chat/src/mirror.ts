import { show } from "./elements.ts";

/** The person's own picture in a video element, the way a mirror shows it. */
export class Mirror {
  readonly #video: HTMLVideoElement;
  #track: MediaStreamTrack | null = null;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    video.muted = true;
  }

  show(track: MediaStreamTrack | null): void {
    show(this.#video, track !== null);
    if (track === this.#track) return;
    this.#track = track;
    this.#video.srcObject = track === null ? null : new MediaStream([track]);
    // Only the camera that looks at the person is a mirror.
    this.#video.classList.toggle("mirrored", track?.getSettings().facingMode !== "environment");
    if (track !== null) this.#video.play().catch(() => undefined);
  }
}
