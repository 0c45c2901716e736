import type { ElementInfo } from "livekit-client";

/** How far below the window a picture is wanted already. */
const MARGIN = "25%";

/**
 * How large the partner's picture is shown, and whether at all, for LiveKit to send no more than that.
 *
 * LiveKit's own way attaches the track to the element. Here the page does so itself, with the stream that it made.
 */
export class Shown implements ElementInfo {
  readonly element: HTMLVideoElement;
  visible = true;
  visibilityChangedAt: number | undefined;
  handleResize?: () => void;
  handleVisibilityChanged?: () => void;
  #resized: ResizeObserver | null = null;
  #seen: IntersectionObserver | null = null;

  constructor(element: HTMLVideoElement) {
    this.element = element;
  }

  get pictureInPicture(): boolean {
    return document.pictureInPictureElement === this.element;
  }

  width(): number {
    return this.element.clientWidth;
  }

  height(): number {
    return this.element.clientHeight;
  }

  observe(): void {
    this.#resized = new ResizeObserver(() => this.handleResize?.());
    this.#resized.observe(this.element);
    this.#seen = new IntersectionObserver((entries) => this.#crossed(entries), { rootMargin: MARGIN });
    this.#seen.observe(this.element);
    for (const event of ["enterpictureinpicture", "leavepictureinpicture"]) this.element.addEventListener(event, this.#changed);
  }

  stopObserving(): void {
    this.#resized?.disconnect();
    this.#seen?.disconnect();
    for (const event of ["enterpictureinpicture", "leavepictureinpicture"]) this.element.removeEventListener(event, this.#changed);
  }

  readonly #changed = (): void => this.handleVisibilityChanged?.();

  #crossed(entries: readonly IntersectionObserverEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined || last.isIntersecting === this.visible) return;
    this.visible = last.isIntersecting;
    this.visibilityChangedAt = Date.now();
    this.#changed();
  }
}
