import type { Clock } from "./clock.ts";

/**
 * Calls `noticed` at each sign of the person, until the function that it returns is called. `audio` is the microphone that
 * is sent at the moment, or null.
 */
export type WatchSigns = (audio: () => MediaStreamTrack | null, noticed: () => void) => () => void;

const EVENTS = ["pointerdown", "pointermove", "keydown", "input", "wheel", "touchstart"] as const;

const LISTEN_MS = 250;

/** Speech before a laptop is about 20 dB above this, a quiet room with noise suppression 15 dB below. */
const FLOOR_DB = -45;

/** The sound of a quarter of a second is looked at in pieces, so that a short word counts as much as a long one. */
const WINDOW = 16_384;
const PIECE = 1_024;

/** Keys, pointer, touch and wheel anywhere on the page, and the person's own microphone. */
export function documentSigns(clock: Clock): WatchSigns {
  return (audio, noticed) => {
    const ear = new Ear();
    const seen = (event: Event): void => {
      if (event.isTrusted && !isStill(event)) noticed();
    };
    for (const name of EVENTS) addEventListener(name, seen, { capture: true, passive: true });
    const listen = (): (() => void) =>
      clock.after(LISTEN_MS, () => {
        cancel = listen();
        if (ear.hears(audio())) noticed();
      });
    let cancel = listen();
    return () => {
      cancel();
      ear.close();
      for (const name of EVENTS) removeEventListener(name, seen, { capture: true });
    };
  };
}

/** Browsers move a pointer that lies still when the page under it changes. */
function isStill(event: Event): boolean {
  return event.type === "pointermove" && event instanceof PointerEvent && event.movementX === 0 && event.movementY === 0;
}

/** Listens to one track at a time. Without sound (no track, no `AudioContext`) it hears nothing. */
class Ear {
  readonly #samples = new Float32Array(WINDOW);
  #context: AudioContext | null = null;
  #analyser: AnalyserNode | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #track: MediaStreamTrack | null = null;

  hears(track: MediaStreamTrack | null): boolean {
    if (track !== this.#track) this.#listen(track);
    if (this.#analyser === null || this.#source === null) return false;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return loudest(this.#samples) > FLOOR_DB;
  }

  close(): void {
    this.#listen(null);
    void this.#context?.close();
    this.#context = null;
  }

  #listen(track: MediaStreamTrack | null): void {
    this.#source?.disconnect();
    this.#source = null;
    this.#track = track;
    if (track?.readyState !== "live" || typeof AudioContext === "undefined") return;
    this.#context ??= new AudioContext();
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: WINDOW });
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }
}

/** The power of the loudest piece, in dB of full scale. */
export function loudest(samples: Float32Array): number {
  let most = 0;
  for (let at = 0; at < samples.length; at += PIECE) {
    const piece = samples.subarray(at, at + PIECE);
    most = Math.max(most, piece.reduce((sum, sample) => sum + sample * sample, 0) / piece.length);
  }
  return 10 * Math.log10(most + 1e-12);
}
