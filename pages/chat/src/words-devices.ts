import type { Kind, Trouble } from "duologue/devices";

/** What happened to one of the person's own devices, and what to do. `again` is the word on the button that tries again. */
export interface DeviceWords {
  readonly starting: string;
  /** On the button of a device that is being opened; said aloud with the name of the device. */
  readonly cancel: string;
  readonly cancelled: Readonly<Record<Kind, string>>;
  readonly keepOff: Readonly<Record<Kind, string>>;
  readonly trouble: Readonly<Record<Kind, Readonly<Record<Exclude<Trouble, "insecure">, (again: string) => string>>>>;
  /** Another one was asked for and did not come; the one before goes on. */
  readonly other: Readonly<Record<"busy" | "missing" | "refused", Readonly<Record<Kind, string>>>>;
  readonly held: Readonly<Record<Kind, string>>;
  readonly back: Readonly<Record<Kind, string>>;
  readonly another: Readonly<Record<Kind, string>>;
  readonly using: (device: string) => string;
}
