// Builds the page into src/duologue/web: hashed assets, and for each language an index.html that names them.
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { build } from "esbuild";

const here = new URL(".", import.meta.url);
const out = new URL("../../src/duologue/web/", here);

const { metafile } = await build({
  entryPoints: [new URL("src/main.ts", here).pathname, new URL("src/style/page.css", here).pathname],
  outdir: new URL("assets/", out).pathname,
  entryNames: "[name]-[hash]",
  // What is imported when it is needed (LiveKit's client) is a file of its own.
  splitting: true,
  chunkNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome109", "firefox115", "safari16.4"],
  conditions: ["source"],
  metafile: true,
  write: false,
}).then(async (result) => {
  // Only now: a build that fails leaves the last page in place.
  await rm(out, { recursive: true, force: true });
  await mkdir(new URL("assets/", out), { recursive: true });
  await Promise.all(result.outputFiles.map(({ path, contents }) => writeFile(path, contents)));
  return result;
});

const languages = (await readdir(new URL("src/words/", here))).map((file) => basename(file, ".ts")).sort();
const assets = Object.keys(metafile.outputs).map((path) => basename(path));
const named = (start, ending) => `assets/${assets.find((name) => name.startsWith(start) && name.endsWith(ending))}`;
const template = (await readFile(new URL("src/index.html", here), "utf8"))
  .replace("%script%", named("main-", ".js"))
  .replace("%style%", named("page-", ".css"));
for (const language of languages) {
  const words = await wordTable(language);
  if (words.lang !== language) throw new Error(`words/${language}.ts: its lang is ${words.lang}`);
  const page = template
    .replace("%languages%", languages.join(" "))
    .replace("%words%", named(`${language}-`, ".js"))
    .replace(/\{\{([\w.]+)\}\}/g, (_, path) => escape(word(words, path)));
  await writeFile(new URL(`manifest.${language}.webmanifest`, out), JSON.stringify(manifest(words)));
  // English is what the server falls back to, and what another web server finds.
  await writeFile(new URL(language === "en" ? "index.html" : `index.${language}.html`, out), page);
}
await cp(new URL("src/icons/", here), out, { recursive: true });
const tooLarge = Object.entries(metafile.outputs).filter(([path, { bytes }]) => bytes > budget(basename(path)) * 1024);
if (tooLarge.length > 0) throw new Error(`too large: ${tooLarge.map(([path, { bytes }]) => `${basename(path)} (${bytes} bytes)`).join(", ")}`);
for (const [path, { bytes }] of Object.entries(metafile.outputs)) console.log(`${basename(path)} ${(bytes / 1024).toFixed(1)} kB`);

/** How many kB a file may have before a phone on a slow network waits for it; LiveKit's client comes with the first room only. */
function budget(name) {
  if (name.startsWith("livekit-")) return 640;
  if (name.startsWith("main-")) return 160;
  return languages.some((language) => name.startsWith(`${language}-`)) ? 20 : 32;
}

/** The page's words stand in its HTML from the first byte; the table is the only place where they are written. */
async function wordTable(language) {
  const { outputFiles } = await build({
    entryPoints: [new URL(`src/words/${language}.ts`, here).pathname],
    bundle: true,
    format: "esm",
    write: false,
  });
  const { words } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
  return words("Duologue");
}

/** What a browser reads to install the page. */
function manifest({ lang, dir, title, page }) {
  const png = (size, purpose) => ({ src: `icon-${purpose === "maskable" ? "maskable-" : ""}${size}.png`, sizes: `${size}x${size}`, type: "image/png", purpose });
  return {
    id: "/",
    name: title.base,
    short_name: title.base,
    description: page.description,
    lang,
    dir,
    start_url: "/",
    scope: "/",
    display: "standalone",
    background_color: "#f4f1ea",
    theme_color: "#f4f1ea",
    icons: [{ src: "icon.svg", sizes: "any", type: "image/svg+xml", purpose: "any" }, png(192, "any"), png(512, "any"), png(512, "maskable")],
  };
}

function word(table, path) {
  const found = path.split(".").reduce((part, name) => part?.[name], table);
  if (typeof found !== "string") throw new Error(`index.html: no word ${path}`);
  return found;
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
