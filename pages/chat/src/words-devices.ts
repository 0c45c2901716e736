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

export const englishDevices: DeviceWords = {
  starting: "Your camera is starting…",
  cancel: "Cancel",
  cancelled: { camera: "Cancel the camera", microphone: "Cancel the microphone" },
  keepOff: { camera: "Leave it off", microphone: "Stay muted" },
  trouble: {
    camera: {
      refused: (again) => `The browser was not allowed to use your camera. You can allow it in the address bar, then press ${again}.`,
      missing: () => "No camera was found, so you are not seen. If you have one, plug it in.",
      busy: (again) => `Your camera is in use by another program. Close that, then press ${again}.`,
      unplugged: () => "Your camera was unplugged. Plug it in to be seen again.",
      stopped: (again) => `Your camera stopped. Press ${again} to be seen again.`,
      withdrawn: () => "The browser may not use your camera any more. Allow it in the address bar to be seen again.",
    },
    microphone: {
      refused: (again) => `The browser was not allowed to use your microphone. You can allow it in the address bar, then press ${again}.`,
      missing: () => "No microphone was found, so you are not heard. If you have one, plug it in.",
      busy: (again) => `Your microphone is in use by another program. Close that, then press ${again}.`,
      unplugged: () => "Your microphone was unplugged. Plug it in to be heard again.",
      stopped: (again) => `Your microphone stopped. Press ${again} to be heard again.`,
      withdrawn: () => "The browser may not use your microphone any more. Allow it in the address bar to be heard again.",
    },
  },
  other: {
    busy: {
      camera: "That camera is in use by another program, so this one stays on. Close the program, then choose it again.",
      microphone: "That microphone is in use by another program, so the one before stays on. Close the program, then choose it again.",
    },
    missing: {
      camera: "That camera could not be found, so this one stays on. Is it plugged in?",
      microphone: "That microphone could not be found, so the one before stays on. Is it plugged in?",
    },
    refused: {
      camera: "The browser was not allowed to use that camera, so this one stays on. You can allow it in the address bar.",
      microphone: "The browser was not allowed to use that microphone, so the one before stays on. You can allow it in the address bar.",
    },
  },
  held: {
    camera: "Your device has switched the camera off, by a button or a call. You are seen again when it lets go.",
    microphone: "Your device has muted the microphone, by a button or a call. You are heard again when it lets go.",
  },
  back: { camera: "Your camera is back.", microphone: "Your microphone is back." },
  another: { camera: "another camera", microphone: "another microphone" },
  using: (device) => `Now in use: ${device}.`,
};
