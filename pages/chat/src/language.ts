import { choice, element, show } from "./elements.ts";
import type { Language, Words } from "./words.ts";

/** The cookie that the server reads: the language that the person chose. It names nobody. */
const COOKIE = "duologue_language";
const YEAR_S = 31_536_000;

/** Return what the server wrote into the page: a translator changes the document's own `lang`, and leaves this. */
export function meta(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
}

/** Load the texts in the language that the server chose, and no others. */
export async function loadWords(): Promise<Words> {
  // The build makes a file of each language, and index.html has the browser fetch this one early.
  const { words } = (await import(`./words/${meta("duologue-language")}.ts`)) as { words: Language };
  return words(meta("application-name"));
}

/** Fill the list of languages. A choice is remembered, and the page is loaded in that language. */
export function offerLanguages(present: string): void {
  const list = element("page-language", HTMLSelectElement);
  const offered = meta("duologue-languages").split(" ");
  list.replaceChildren(...offered.map((each) => choice(ownName(each), each, true)));
  list.value = present;
  show(element("page-languages", HTMLElement), offered.length > 1);
  list.addEventListener("change", () => choose(list.value));
}

/** Return the name of a language in that language. */
function ownName(language: string): string {
  const name = new Intl.DisplayNames([language], { type: "language" }).of(language) ?? language;
  return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
}

function choose(language: string): void {
  document.cookie = `${COOKIE}=${language}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`;
  const address = new URL(location.href);
  address.searchParams.delete("language");
  // Where cookies are blocked, the address carries the choice.
  if (!document.cookie.includes(`${COOKIE}=${language}`)) address.searchParams.set("language", language);
  location.replace(address);
}
