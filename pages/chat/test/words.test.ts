import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { plain, VALUE } from "../src/values.ts";
import { words as english } from "../src/words/en.ts";
import type { Language } from "../src/words.ts";

/** How many times as long as the English text a translation may be, and how much a short one may be longer in any case. */
const LONGEST = { factor: 1.6, slack: 12 };
const NAME = "Café & Co.";

/** What stands in the places of each text that has some; the numbers try each plural form. */
const FILLINGS = [1, 2, 1_000_000].map((number) => [number, 2_000]);

const names = readdirSync(new URL("../src/words/", import.meta.url)).map((file) => file.replace(".ts", ""));
const languages = await Promise.all(
  names.map(async (name): Promise<[string, Language]> => {
    const { words } = (await import(`../src/words/${name}.ts`)) as { words: Language };
    return [name, words];
  }),
);
const expected = texts(english(NAME));

/** Return each text by its path; a text with places is filled in each of the ways above. */
function texts(table: object, path = ""): Map<string, string> {
  const found = Object.entries(table).flatMap(([key, text]: [string, unknown]): [string, string][] => {
    const here = `${path}${key}`;
    if (typeof text === "string") return [[here, text]];
    if (typeof text === "function") return filled(here, text as (...values: unknown[]) => string);
    return [...texts(text as object, `${here}.`)];
  });
  return new Map(found);
}

function filled(path: string, text: (...values: unknown[]) => string): [string, string][] {
  return [["Ada"], ...FILLINGS].map((values, way) => [`${path}(${way})`, text(...(typeof values[0] === "string" || takesNumber(path) ? values : ["Ada"]))]);
}

function takesNumber(path: string): boolean {
  return /\.(online|by|unnamed\w+)$/.test(path);
}

/** Return how many values stand in a text, and whether the site's name does. */
function places(text: string): [number, boolean] {
  return [text.split(VALUE).length, text.includes(NAME)];
}

describe.each(languages)("the language %s", (lang, words) => {
  const own = texts(words(NAME));

  it("is named after its file, in a form that browsers know, and says its direction", () => {
    expect(words(NAME).lang).toBe(lang);
    expect(Intl.getCanonicalLocales(lang)).toEqual([lang]);
    expect(Intl.PluralRules.supportedLocalesOf(lang)).toEqual([lang]);
    expect(["ltr", "rtl"]).toContain(words(NAME).dir);
  });

  it("has each text, and none that is empty in it alone", () => {
    expect([...own.keys()]).toEqual([...expected.keys()]);
    expect([...own].filter(([path, text]) => (text === "") !== (expected.get(path) === "")).map(([path]) => path)).toEqual([]);
  });

  it("has the same places in each text", () => {
    expect([...own].filter(([path, text]) => String(places(text)) !== String(places(expected.get(path) ?? ""))).map(([path]) => path)).toEqual([]);
  });

  it("says nothing at much greater length than English", () => {
    const isLong = ([path, text]: [string, string]): boolean => {
      const most = plain(expected.get(path) ?? "").length;
      return plain(text).length > Math.max(most * LONGEST.factor, most + LONGEST.slack);
    };
    expect([...own].filter(isLong)).toEqual([]);
  });

  it("is a language of its own", () => {
    const long = [...own].filter(([, text]) => text.length > 20);
    const same = long.filter(([path, text]) => expected.get(path) === text);
    if (lang !== "en") expect(same).toEqual([]);
  });
});

describe("numbers", () => {
  it.each([
    ["en", "2,345 people online", "1 person online"],
    ["es", "2345 personas en línea", "1 persona en línea"],
    ["de", "2.345 Leute online", "1 Person online"],
  ])("in %s: %s", (lang, many, one) => {
    const { status } = (languages.find(([each]) => each === lang) ?? ["", english])[1](NAME);
    expect([plain(status.here(2_345)), plain(status.here(1))]).toEqual([many, one]);
  });
});
