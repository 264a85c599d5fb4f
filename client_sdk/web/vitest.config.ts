/** Runs the tests against the corrected ts-mls, as the pages use it. */

import { defineConfig } from "vitest/config"

import { correctTsMls } from "./build/correctTsMls.ts"

export default defineConfig({
  plugins: [correctTsMls()],
  test: {
    include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"],
    server: { deps: { inline: ["ts-mls"] } },
    // A hang is a failure; nothing asserts on time.
    testTimeout: 60_000,
  },
})
