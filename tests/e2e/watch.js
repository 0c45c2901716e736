// Runs in every page before its own scripts: writes down each change of what the screen says, with the time, and
// carries it over a reload, so that a test can ask afterwards when it happened. Changes nothing that the page sees.
(() => {
  if (window !== window.top || !location.protocol.startsWith("http")) return;
  const KEY = "e2e.seen";
  const WORDS = ["status", "partner-badge", "partner-word", "banner", "note", "own-notes", "people", "toast"];
  const now = () => performance.timeOrigin + performance.now();
  // A browser that blocks cookies has no storage either: what was seen is forgotten with the page.
  const storage = (() => {
    try {
      return sessionStorage;
    } catch {
      return null;
    }
  })();
  const seen = JSON.parse(storage?.getItem(KEY) ?? "[]");
  let last = "";
  const words = (name) => {
    const element = document.getElementById(name);
    return element?.checkVisibility() ? element.textContent.trim().replace(/\s+/g, " ") : "";
  };
  const note = () => {
    if (!document.body) return;
    const screen = { ...document.body.dataset };
    for (const name of WORDS) screen[name] = words(name);
    const text = JSON.stringify(screen);
    if (text === last) return;
    last = text;
    seen.push({ at_ms: now(), screen });
  };
  new MutationObserver(note).observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    // What a level meter moves several times a second is none of our business.
    attributeFilter: ["hidden", "class", "data-state", "data-match", "data-link", "data-transport", "data-media", "data-screen"],
  });
  addEventListener("pagehide", () => storage?.setItem(KEY, JSON.stringify(seen)));
  window.e2e = { seen, note };
})();
