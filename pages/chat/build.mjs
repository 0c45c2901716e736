// Builds the page into src/duologue/web: hashed assets, and an index.html that names them.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
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

const assets = Object.keys(metafile.outputs).map((path) => basename(path));
const named = (start, ending) => `assets/${assets.find((name) => name.startsWith(start) && name.endsWith(ending))}`;
const words = await wordTable();
const template = await readFile(new URL("src/index.html", here), "utf8");
const page = template
  .replace("%script%", named("main-", ".js"))
  .replace("%style%", named("page-", ".css"))
  .replace(/\{\{([\w.]+)\}\}/g, (_, path) => escape(word(words, path)));
await writeFile(new URL("index.html", out), page);
await cp(new URL("src/icon.svg", here), new URL("icon.svg", out));
for (const [path, { bytes }] of Object.entries(metafile.outputs)) console.log(`${basename(path)} ${(bytes / 1024).toFixed(1)} kB`);

/** The page's words stand in its HTML from the first byte; the table is the only place where they are written. */
async function wordTable() {
  const { outputFiles } = await build({ entryPoints: [new URL("src/words.ts", here).pathname], bundle: true, format: "esm", write: false });
  const { english } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
  return english;
}

function word(table, path) {
  const found = path.split(".").reduce((part, name) => part?.[name], table);
  if (typeof found !== "string") throw new Error(`index.html: no word ${path}`);
  return found;
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
