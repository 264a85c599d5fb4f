/** Builds the survivor's page: one document, and what it loads later; see `apps/README.md`. */

import { defineConfig, mergeConfig } from "vite"

import { app } from "./app.ts"
import { EARLY, MAIN } from "./laterScripts.ts"
import { selfContained } from "./selfContained.ts"

const FILLED_IN = [
  '<script type="application/json" id="organisation">null</script>',
  "<title>Notes</title>",
  '<link rel="icon" href="data:,">',
]

/** What only old phones and a flooded relay ask for, in one file: each more is another round trip for her. */
const SPARE = /@noble\/|nobleEd25519|proofOfWork/

/** What is behind the first screen, in pieces, each of which the browser can take while the next one is on its way. */
const MLS = /\/node_modules\/ts-mls\//
const LIBRARIES = /\/node_modules\/(?!preact\/)/
/** Calls and the directory are not among them: what they alone need comes with them. */
const SDK = /\/web\/src\/(?!call\/|directory|referral|credentials\/directory)/

/** What works before the first screen has come: small, and without a library. */
const BEGINNING =
  /\/apps\/(survivor\/(early|earlyTexts|configuration|quickExit)|shared\/(block|i18n\/(catalogue|direction|pseudo)|parts\/earlyIcons))\.ts$/

export default defineConfig(
  mergeConfig(app("survivor"), {
    base: "./",
    plugins: [selfContained({ name: "survivor", filledIn: FILLED_IN })],
    build: {
      assetsInlineLimit: 1024 * 1024,
      cssCodeSplit: false,
      rolldownOptions: {
        output: {
          codeSplitting: {
            groups: [
              { name: EARLY, test: BEGINNING },
              { name: "spare", test: SPARE },
              { name: "mls", test: MLS },
              { name: "libraries", test: LIBRARIES },
              { name: "sdk", test: SDK },
            ],
            includeDependenciesRecursively: false,
          },
          entryFileNames: `${MAIN}.js`,
          chunkFileNames: "[name].js",
        },
      },
    },
  }),
)
