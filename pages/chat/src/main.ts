import { bearerSession, cookieSession, Duologue, type TokenStorage } from "duologue";
import { livekitMedia } from "duologue/livekit";
import { element } from "./elements.ts";
import { loadWords, offerLanguages } from "./language.ts";
import { memory } from "./memory.ts";
import { Page } from "./page.ts";

const address = new URL(location.href);
const isSecond = address.searchParams.has("second");

/** `sessionStorage`, or a memory as short as the page where storage is forbidden. */
function tabStorage(): TokenStorage {
  try {
    return sessionStorage;
  } catch {
    const kept = new Map<string, string>();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    };
  }
}

// What LiveKit needs is a file of its own, which is loaded with the first match that is one of its rooms.
const media = livekitMedia({ screen: () => element("partner", HTMLVideoElement) });
const client = new Duologue({ media, session: isSecond ? bearerSession(tabStorage()) : cookieSession() });
const words = await loadWords();
offerLanguages(words.lang);
new Page({ client, words, memory: memory(), isSecond, pool: address.searchParams.get("pool"), host: location.hostname }).begin();
