import { describe, expect, it } from "vitest";
import { preferences } from "../src/entry.ts";
import { isLoopback } from "../src/tabs.ts";

describe("a loopback address", () => {
  it.each(["localhost", "chat.localhost", "127.0.0.1", "127.8.0.3", "[::1]"])("is %s", (host) => expect(isLoopback(host)).toBe(true));
  it.each(["example.org", "localhost.example.org", "10.0.0.1", "127.0.0.1.example.org", "[::2]"])("is not %s", (host) => expect(isLoopback(host)).toBe(false));
});

describe("what the server is asked for", () => {
  it("leaves out what nobody chose", () => {
    expect(preferences({ interests: " , ", language: "", autoNext: true }, null)).toEqual({ auto_next: true });
  });

  it("has each interest once, in small letters, within the protocol's bounds", () => {
    const interests = `Music, music ,${"x".repeat(99)},${Array.from({ length: 30 }, (_, n) => `t${n}`).join(",")}`;
    const { tags = [], language, pool } = preferences({ interests, language: "de", autoNext: false }, "main");
    expect(tags.slice(0, 2)).toEqual(["music", "x".repeat(64)]);
    expect(tags).toHaveLength(16);
    expect([language, pool]).toEqual(["de", "main"]);
  });
});
