import { describe, expect, it } from "vitest";
import { added, apart, isApart, LONGEST_INTEREST, MOST_INTERESTS } from "../src/interests.ts";

describe("what a person types", () => {
  it.each([
    ["music", ["music"]],
    ["音乐，旅行", ["音乐", "旅行"]],
    ["音楽、旅行", ["音楽", "旅行"]],
    ["موسيقى، سفر؛ طعام", ["موسيقى", "سفر", "طعام"]],
    ["Music;art|food\nfilm", ["Music", "art", "food", "film"]],
    ["  deep   learning ", ["deep learning"]],
    ["AC/DC, 24/7", ["AC/DC", "24/7"]],
    ["ハリー・ポッター", ["ハリー・ポッター"]],
    ["#music", ["#music"]],
    [" , #, ；＃", []],
  ])("%s", (typed, parts) => expect(apart(typed)).toEqual(parts));

  it("is complete at a separator", () => {
    expect(["a", "a/b", "a b", "日本"].map(isApart)).toEqual([false, false, false, false]);
    expect(["a,", "旅行，", "a\t", "a、b"].map(isApart)).toEqual([true, true, true, true]);
  });
});

describe("adding", () => {
  it("keeps what was typed, and takes no interest twice in whatever letters", () => {
    expect(added(["Music"], "#MUSIC, ｍｕｓｉｃ, Art, art")).toEqual({ list: ["Music", "Art"], refused: null, rest: [] });
  });

  it("leaves what is too long with the person, and takes the rest", () => {
    const long = "x".repeat(LONGEST_INTEREST + 1);
    expect(added([], `a,${long},b`)).toEqual({ list: ["a", "b"], refused: "long", rest: [long] });
    expect(added([], "😀".repeat(LONGEST_INTEREST)).refused).toBeNull();
  });

  it("leaves what is too many with the person", () => {
    const full = Array.from({ length: MOST_INTERESTS }, (_, n) => `t${n}`);
    expect(added(full, "one more, t3")).toEqual({ list: full, refused: "many", rest: ["one more"] });
  });

  it("can be repeated: what was joined is taken apart into the same", () => {
    const { list } = added([], "a, b；c、d");
    expect(added([], list.join(", ")).list).toEqual(list);
  });
});
