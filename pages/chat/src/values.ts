/** Unicode's isolates (UAX 9): what stands between them is laid out on its own, in its own direction. They cannot be seen. */
const [BEGIN, END] = ["\u2068", "\u2069"];

/** A value within words; as a separator it yields words and values by turns. */
export const VALUE = new RegExp(`${BEGIN}([^${END}]*)${END}`);

/**
 * Mark a value that stands in words and belongs to no language: a person's name, or a number.
 *
 * Where the words are written, it gets an element of its own: it is not translated, and it can change alone.
 */
export function value(of: string): string {
  return BEGIN + of + END;
}

/** The forms that a word has beside a number (CLDR's plural categories); a language names those that it has. */
export type Forms = Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>;

/** Return how a language writes a number, as a value within words, and which form of a word belongs to it. */
export function numbers(lang: string): { number: (of: number) => string; plural: (of: number, forms: Forms) => string } {
  const format = new Intl.NumberFormat(lang);
  const rules = new Intl.PluralRules(lang);
  return {
    number: (of) => value(format.format(of)),
    plural: (of, forms) => forms[rules.select(of)] ?? forms.other,
  };
}

/** Return a span as minutes and seconds: 1:05. */
export function time(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Return the words as they are read, where there can be no element in them. */
export function plain(text: string): string {
  return text.replaceAll(BEGIN, "").replaceAll(END, "");
}
