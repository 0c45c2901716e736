/** What the browser remembers for the person. Storage that is switched off is a short memory, not an error. */
export interface Memory {
  /** Agreed to the rules, in this browser. */
  consent: boolean;
  /** The version of the rules then; empty where the server names none. */
  terms: string;
  /** In the queue or in a conversation, in this tab: a reload goes on there. */
  live: boolean;
  devices: { camera: string; microphone: string };
  /** How the person was heard and seen last in this tab. */
  media: { muted: boolean; cameraOff: boolean; without: boolean };
  choices: Choices;
}

export interface Choices {
  readonly interests: string;
  readonly language: string;
  readonly autoNext: boolean;
}

const LASTING = { consent: false, terms: "", devices: { camera: "", microphone: "" }, choices: { interests: "", language: "", autoNext: true } };
const PASSING = { live: false, media: { muted: false, cameraOff: false, without: false } };

/** Reads and writes through to `localStorage` (lasting) and `sessionStorage` (this tab). */
export function memory(): Memory {
  const lasting = keep(stored(() => localStorage), "duologue.page", LASTING);
  const passing = keep(stored(() => sessionStorage), "duologue.tab", PASSING);
  return {
    get consent() { return lasting.get().consent; },
    set consent(consent) { lasting.set({ consent }); },
    get terms() { return lasting.get().terms; },
    set terms(terms) { lasting.set({ terms }); },
    get devices() { return lasting.get().devices; },
    set devices(devices) { lasting.set({ devices }); },
    get choices() { return lasting.get().choices; },
    set choices(choices) { lasting.set({ choices }); },
    get live() { return passing.get().live; },
    set live(live) { passing.set({ live }); },
    get media() { return passing.get().media; },
    set media(media) { passing.set({ media }); },
  };
}

function keep<T extends object>(storage: Storage | null, key: string, empty: T): { get(): T; set(change: Partial<T>): void } {
  let value = { ...empty, ...read(storage, key) };
  return {
    get: () => value,
    set(change) {
      value = { ...value, ...change };
      try {
        storage?.setItem(key, JSON.stringify(value));
      } catch {
        // Full or forbidden: remembered until the page goes.
      }
    },
  };
}

function read(storage: Storage | null, key: string): object {
  try {
    const value: unknown = JSON.parse(storage?.getItem(key) ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Naming a storage throws where cookies are blocked. */
function stored(name: () => Storage): Storage | null {
  try {
    return name();
  } catch {
    return null;
  }
}
