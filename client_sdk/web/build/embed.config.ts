/** Builds the loader that other sites include: one small classic script. */

import { fileURLToPath } from "node:url"

import { defineConfig, mergeConfig } from "vite"

import { app } from "./app.ts"

export default defineConfig(
  mergeConfig(app("embed"), {
    build: {
      lib: {
        entry: fileURLToPath(new URL("../apps/embed/main.ts", import.meta.url)),
        formats: ["iife"],
        name: "TeduhEmbed",
        fileName: () => "embed.js",
      },
    },
  }),
)
