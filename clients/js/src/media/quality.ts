/** How good a connection is, in LiveKit's words. */
export type Quality = "excellent" | "good" | "poor" | "lost";

/** Null: not known. Known of LiveKit rooms only. */
export interface Qualities {
  readonly own: Quality | null;
  readonly partner: Quality | null;
  /** Our link is too narrow for picture and sound: the server holds the partner's picture back for the sake of the sound. */
  readonly isPictureHeld: boolean;
}

export const noQuality: Qualities = { own: null, partner: null, isPictureHeld: false };

const KNOWN: readonly string[] = ["excellent", "good", "poor", "lost"] satisfies readonly Quality[];

export function readQuality(word: string): Quality | null {
  return KNOWN.includes(word) ? (word as Quality) : null;
}
