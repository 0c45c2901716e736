import { defineConfig } from "vitest/config";

// The client is taken from its sources, as the build takes it.
export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
  test: { server: { deps: { inline: ["duologue"] } } },
});
