import { describe, expect, it } from "vitest";
import { MOST_LINES, noChat, numbered, received, said, unsent, upTo, type Chat } from "../src/state/chat.ts";

const chat = { ...noChat, match: "m_1" };

describe("a line of our own", () => {
  it("is dropped from the stream when the reply has given its number already", () => {
    const lines = received(numbered(said(chat, "k1", "hi", 1), "k1", 1), { n: 1, from: "me", text: "hi", at_ms: 2 }).lines;
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ n: 1, status: "sent" });
  });

  it("is one line also when the stream is quicker than the reply", () => {
    const early = received(said(chat, "k1", "hi", 1), { n: 1, from: "me", text: "hi", at_ms: 2 });
    expect(numbered(early, "k1", 1).lines).toEqual(early.lines);
    expect(early.lines).toHaveLength(1);
  });

  it("that did not arrive says so, and is the same line when it is sent again", () => {
    const failed = unsent(said(chat, "k1", "hi", 1), "k1");
    expect(failed.lines[0]).toMatchObject({ status: "failed" });
    expect(said(failed, "k1", "hi", 2).lines).toHaveLength(1);
  });
});

describe("lines of both", () => {
  it("give their numbers to others when the store has fallen back (E8)", () => {
    const line = (n: number, text: string) => ({ n, from: "partner" as const, text, at_ms: 1 });
    const read = (all: Chat, one: ReturnType<typeof line>): Chat => received(all, one);
    const before = [line(1, "one"), line(2, "lost"), line(3, "lost")].reduce(read, chat);
    const after = [line(2, "two"), line(3, "three")].reduce(read, upTo(before, 2));
    expect(upTo(before, 2).lines).toHaveLength(2);
    expect(after.lines.map(({ text }) => text)).toEqual(["one", "two", "three"]);
  });

  it("stand in the order of their numbers, whatever order they came in", () => {
    const both = received(received(chat, { n: 2, from: "partner", text: "b", at_ms: 2 }), { n: 1, from: "partner", text: "a", at_ms: 1 });
    expect(both.lines.map(({ text }) => text)).toEqual(["a", "b"]);
  });

  it("that are replayed after a reconnect are known", () => {
    const once = received(chat, { n: 1, from: "partner", text: "a", at_ms: 1 });
    expect(received(once, { n: 1, from: "partner", text: "a", at_ms: 1 })).toBe(once);
  });

  it("keep what is still on its way at the end", () => {
    const both = received(said(chat, "k1", "mine", 1), { n: 1, from: "partner", text: "theirs", at_ms: 2 });
    expect(both.lines.map(({ text }) => text)).toEqual(["theirs", "mine"]);
  });

  it("are the newest 256: a stranger who writes for hours does not fill the page (control: without the bound he does)", () => {
    const write = (most?: number): string[] => {
      let written = said(chat, "k1", "mine", 1);
      for (let n = 1; n <= 2_000; n += 1) written = received(written, { n, from: "partner", text: String(n), at_ms: n }, most);
      return written.lines.map(({ text }) => text);
    };
    expect([write().length, ...write().slice(-2)]).toEqual([MOST_LINES, "2000", "mine"]);
    expect(write(Infinity)).toHaveLength(2_001);
  });
});
