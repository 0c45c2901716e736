// Builds the package into dist: modules and types, with import endings that every bundler and Node resolve.
import { execFileSync } from "node:child_process";
import { copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";

const here = new URL(".", import.meta.url);
const dist = new URL("dist/", here);

await rm(dist, { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: here, stdio: "inherit" });

// The compiler rewrites the endings of relative imports in modules, and leaves them as they are in declarations.
for (const name of await readdir(dist, { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const file = new URL(name, dist);
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/((?:from|import\() ?"\.{1,2}\/[^"]+)\.ts"/g, '$1.js"'));
}

// npm puts a package's own licence into its tarball, and only that.
await copyFile(new URL("../../LICENSE", here), new URL("LICENSE", here));
