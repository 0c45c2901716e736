import { characters, MESSAGE_CHARS } from "duologue";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tooMany } from "../src/bounded.ts";
import { preferences, withoutHttps } from "../src/entry.ts";
import { subject } from "../src/report.ts";
import { numbers, plain, value, VALUE } from "../src/values.ts";
import { isLoopback } from "../src/tabs.ts";
import { words } from "../src/words/en.ts";

const english = words("Duologue");

describe("a loopback address", () => {
  it.each(["localhost", "chat.localhost", "127.0.0.1", "127.8.0.3", "[::1]"])("is %s", (host) => expect(isLoopback(host)).toBe(true));
  it.each(["example.org", "localhost.example.org", "10.0.0.1", "127.0.0.1.example.org", "[::2]"])("is not %s", (host) => expect(isLoopback(host)).toBe(false));
});

describe("without https", () => {
  it.each(["192.168.1.5", "10.0.0.1", "[fd00::5]", "laptop", "laptop.local", "Laptop.LOCAL.", "box.home.arpa"])("%s is on a network of one's own", (host) =>
    expect(withoutHttps(host, english.camera).welcome.note).toBe(english.camera.insecureHere),
  );
  it.each(["chat.example", "local.example", "1.2.3.4.example", "mylocal.com"])("%s is a site", (host) =>
    expect(withoutHttps(host, english.camera).welcome.note).toBe(english.camera.insecureSite),
  );
  it("names the command that gives https", () => expect(english.camera.insecureHere).toContain("duologue serve --lan"));
});

describe("what the server is asked for", () => {
  it("leaves out what nobody chose", () => {
    expect(preferences({ interests: " , ", language: "", autoNext: true }, null)).toEqual({ auto_next: true });
  });

  it("names the rules that the person agreed to", () => {
    const choices = { interests: "", language: "", autoNext: true };
    expect(preferences(choices, null, "2026-12")).toEqual({ auto_next: true, terms: "2026-12" });
  });

  it("has each interest once, as it was typed, within the protocol's bounds", () => {
    const interests = `Music, music ,${"x".repeat(99)},${Array.from({ length: 30 }, (_, n) => `t${n}`).join(",")}`;
    const { tags = [], language, pool } = preferences({ interests, language: "de", autoNext: false }, "main");
    expect(tags.slice(0, 2)).toEqual(["Music", "t0"]);
    expect(tags).toHaveLength(16);
    expect([language, pool]).toEqual(["de", "main"]);
  });
});

describe("a text that may be too long", () => {
  it("is counted in code points, as the server counts", () => {
    expect(characters("a\u{1f44b}é")).toBe(3);
    expect(characters("\u{1f468}\u200d\u{1f469}")).toBe(3);
    expect(characters("\ud83d")).toBe(1);
  });

  it("has the bound of the protocol", () => {
    const protocol = readFileSync(new URL("../../../protocol/openapi.yaml", import.meta.url), "utf8");
    expect(/^ {4}Text: \{.*maxLength: (\d+).*code points/m.exec(protocol)?.[1]).toBe(String(MESSAGE_CHARS));
  });

  it("may be as long as the bound, of emoji too, without the white space around it", () => {
    expect(tooMany(` ${"\u{1f44b}".repeat(MESSAGE_CHARS)}\n`)).toBe(0);
    expect(tooMany("x".repeat(MESSAGE_CHARS + 345))).toBe(345);
  });
});

describe("a value within words", () => {
  it("is parted from them, and read without a mark", () => {
    const text = `You are talking with ${value("a")}, one of ${numbers("en").number(1_234)}.`;
    expect(text.split(VALUE)).toEqual(["You are talking with ", "a", ", one of ", "1,234", "."]);
    expect(plain(text)).toBe("You are talking with a, one of 1,234.");
  });
});

describe("whom a report is about", () => {
  it.each([
    ["m_1", "m_1", null, "current"],
    ["m_1", null, "m_1", "previous"],
    ["m_1", "m_2", "m_1", "previous"],
    ["m_1", "m_3", "m_2", "earlier"],
    ["m_1", null, null, "earlier"],
  ] as const)("of %s, while %s is on and %s was before: %s", (about, current, previous, expected) => {
    expect(subject(about, current, previous)).toBe(expected);
  });
});
