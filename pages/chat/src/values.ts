/** Unicode's isolates (UAX 9): what stands between them is laid out on its own, in its own direction. They cannot be seen. */
const [BEGIN, END] = ["\u2068", "\u2069"];

/** A value within words; as a separator it yields words and values by turns. */
export const VALUE = new RegExp(`${BEGIN}([^${END}]*)${END}`);

/**
 * Mark a value that stands in words and belongs to no language: a person's name, or a number.
 *
 * Where the words are written, it gets an element of its own: it is not translated, and it can change alone.
 */
export function value(of: string | number): string {
  return BEGIN + (typeof of === "number" ? of.toLocaleString("en") : of) + END;
}

/** Return the words as they are read, where there can be no element in them. */
export function plain(text: string): string {
  return text.replaceAll(BEGIN, "").replaceAll(END, "");
}
