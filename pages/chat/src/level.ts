import { describe } from "./elements.ts";

/** Shows how loud a microphone is, while it is looked at. */
export class Level {
  readonly #meter: HTMLElement;
  #context: AudioContext | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #track: MediaStreamTrack | null = null;
  #frame = 0;

  constructor(meter: HTMLElement) {
    this.#meter = meter;
    // A context that was made before the first press stands still until one.
    for (const type of ["pointerdown", "keydown"]) addEventListener(type, () => void this.#context?.resume(), { passive: true });
  }

  /** Listens to the track, or stops with null. Can be repeated. */
  watch(track: MediaStreamTrack | null): void {
    if (track === this.#track) return;
    this.#track = track;
    this.#source?.disconnect();
    this.#source = null;
    cancelAnimationFrame(this.#frame);
    if (track === null) {
      void this.#context?.close();
      this.#context = null;
      return;
    }
    this.#listen(track);
  }

  #listen(track: MediaStreamTrack): void {
    this.#context ??= new AudioContext();
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 512;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let shown = 0;
    const draw = (): void => {
      analyser.getFloatTimeDomainData(samples);
      // Quick up and slow down, as the needle of a meter.
      shown = Math.max(loudness(samples), shown * 0.92);
      this.#draw(shown);
      this.#frame = requestAnimationFrame(draw);
    };
    draw();
  }

  #draw(level: number): void {
    this.#meter.style.setProperty("--level", level.toFixed(3));
    describe(this.#meter, "aria-valuenow", String(Math.round(level * 10) * 10));
  }
}

/** 0 to 1: −60 dB and less is nothing, −6 dB is full. */
function loudness(samples: Float32Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  const decibel = 10 * Math.log10(power + 1e-9);
  return Math.min(1, Math.max(0, (decibel + 60) / 54));
}
