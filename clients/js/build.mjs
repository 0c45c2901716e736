// Builds the package into dist: modules and types, with import endings that every bundler and Node resolve.
import { execFileSync } from "node:child_process";
import { chmod, copyFile, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = new URL(".", import.meta.url);
const dist = new URL("dist/", here);

// Made beside the package that there is and put in its place at once: a program that runs on it finds it whole.
const made = pathToFileURL(`${await mkdtemp(fileURLToPath(new URL("dist-", here)))}/`);
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", fileURLToPath(made)], { cwd: here, stdio: "inherit" });

// The compiler rewrites the endings of relative imports in modules, and leaves them as they are in declarations.
for (const name of await readdir(made, { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const file = new URL(name, made);
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/((?:from|import\() ?"\.{1,2}\/[^"]+)\.ts"/g, '$1.js"'));
}

const old = new URL(made.href.replace(/\/$/, "-old/"));
await rename(dist, old).catch((error) => {
  if (error.code !== "ENOENT") throw error;
});
await chmod(made, 0o755); // a temporary folder is for its owner only
await rename(made, dist);
await rm(old, { recursive: true, force: true });

// npm puts a package's own licence into its tarball, and only that.
await copyFile(new URL("../../LICENSE", here), new URL("LICENSE", here));
