import { describe, expect, it } from "vitest";
import { Compositions, isComposing, isPlainEscape } from "../src/keys.ts";

interface Press {
  readonly key?: string;
  readonly keyCode?: number;
  readonly isComposing?: boolean;
}

/** A page with a clock that is turned by hand. */
function page() {
  let now = 1_000;
  const target = new EventTarget();
  const compositions = new Compositions(() => now);
  compositions.follow(target);
  return {
    wait: (ms: number) => (now += ms),
    happens: (type: string) => target.dispatchEvent(new Event(type)),
    press: ({ key = "Escape", keyCode = 27, isComposing: composing = false }: Press = {}) => {
      const event = Object.assign(new Event("keydown"), { key, keyCode, isComposing: composing });
      target.dispatchEvent(event);
      // Every handler of one event hears the same.
      const heard = [1, 2].map(() => isComposing(event as unknown as KeyboardEvent, compositions));
      expect(heard[0]).toBe(heard[1]);
      return heard[0];
    },
  };
}

describe("a key press", () => {
  it("is the page's where nothing is composed", () => expect(page().press()).toBe(false));

  it("is the input method's while it composes (Chromium, Firefox)", () => {
    expect(page().press({ isComposing: true })).toBe(true);
  });

  it("is the input method's where the browser gives it the code for that, also after the end (Safari)", () => {
    const { happens, press } = page();
    happens("compositionend");
    expect(press({ keyCode: 229 })).toBe(true);
    expect(press({ keyCode: 229, key: "Enter" })).toBe(true);
  });

  it("is the input method's right after the end, without the code too", () => {
    const { happens, press, wait } = page();
    happens("compositionend");
    wait(99);
    expect(press()).toBe(true);
  });

  it("is the page's the second time", () => {
    const { happens, press } = page();
    happens("compositionend");
    press();
    expect(press()).toBe(false);
  });

  it("is the page's a while after the end, which a press of the mouse caused", () => {
    const { happens, press, wait } = page();
    happens("compositionend");
    wait(100);
    expect(press()).toBe(false);
  });

  it("is the page's after the key that ended the composition was released (Chromium, Firefox)", () => {
    const { happens, press } = page();
    expect(press({ keyCode: 229, isComposing: true })).toBe(true);
    happens("compositionend");
    happens("keyup");
    expect(press()).toBe(false);
  });

  it("is Send, as Enter of a telephone's keyboard, which holds each word as a composition (Android)", () => {
    const { happens, press } = page();
    expect(press({ key: "Enter", keyCode: 13, isComposing: true })).toBe(false);
    happens("compositionend");
    expect(press({ key: "Enter", keyCode: 13 })).toBe(false);
  });
});

describe("Esc", () => {
  const none = new Compositions();
  const esc = { key: "Escape", keyCode: 27, repeat: false, isComposing: false, defaultPrevented: false };
  const plain = { ...esc, altKey: false, ctrlKey: false, metaKey: false, shiftKey: false };
  const means = (change: object): boolean => isPlainEscape({ ...plain, ...change } as KeyboardEvent, none);

  it("is Next alone", () => expect(means({})).toBe(true));

  it.each([
    { key: "Enter" },
    { repeat: true },
    { defaultPrevented: true },
    { isComposing: true },
    { keyCode: 229 },
    // Shift and Esc is Chromium's task manager, Alt and Esc another window.
    { shiftKey: true },
    { altKey: true },
    { ctrlKey: true },
    { metaKey: true },
  ])("is not with %o", (change) => expect(means(change)).toBe(false));
});
