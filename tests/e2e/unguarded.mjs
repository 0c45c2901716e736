// Bundles the page with guards switched off, for the tests' controls: `node unguarded.mjs OUT GUARD…`.
// A guard is a line that ends in `// guard: <name>`; off, it is gone, or it is what follows `-- off:`.
import { readFile } from "node:fs/promises";
import { build } from "esbuild";

const [out, ...guards] = process.argv.slice(2);
const page = new URL("../../pages/chat/src/", import.meta.url).pathname;
const found = new Set();

const off = (line) => {
  const [, name, instead = ""] = /\/\/ guard: ([a-z-]+)(?: -- off: (.*))?$/.exec(line) ?? [];
  if (!guards.includes(name)) return line;
  found.add(name);
  return instead;
};

const switchedOff = {
  name: "switched-off",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (!path.startsWith(page)) return undefined;
      const text = await readFile(path, "utf8");
      return { contents: text.split("\n").map(off).join("\n"), loader: "ts" };
    }),
};

await build({ entryPoints: [`${page}main.ts`], outfile: out, bundle: true, format: "esm", conditions: ["source"], plugins: [switchedOff], logLevel: "error" });
const missing = guards.filter((guard) => !found.has(guard));
if (missing.length > 0) throw new Error(`no such guard: ${missing.join(", ")}`);
