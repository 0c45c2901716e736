import type { CameraState } from "./camera.ts";
import { show } from "./elements.ts";

/** The person's own picture in a video element, the way a mirror shows it. */
export class Mirror {
  readonly #video: HTMLVideoElement;
  #track: MediaStreamTrack | null = null;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    video.muted = true;
  }

  show({ video }: CameraState): void {
    show(this.#video, video !== null);
    if (video === this.#track) return;
    this.#track = video;
    this.#video.srcObject = video === null ? null : new MediaStream([video]);
    // Only the camera that looks at the person is a mirror.
    this.#video.classList.toggle("mirrored", video?.getSettings().facingMode !== "environment");
    if (video !== null) this.#video.play().catch(() => undefined);
  }
}
