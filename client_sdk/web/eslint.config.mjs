// What tsc does not see: promises nobody waits for, types that escape, and who may import whom.

import tseslint from "typescript-eslint"

const MLS_LIBRARY = {
  group: ["ts-mls", "ts-mls/*"],
  message: "only src/mls/group.ts may import ts-mls: its faults are closed there",
}
const CRYPTOGRAPHY = {
  group: ["ts-mls", "@hpke/*", "@noble/*", "jose"],
  message: "apps hold no cryptography: the SDK does",
}

const restrictedImports = (...patterns) => ({ "no-restricted-imports": ["error", { patterns }] })

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**"] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["eslint.config.mjs"] } } },
    rules: {
      ...restrictedImports(MLS_LIBRARY),
      // Type aliases and interfaces are both in use, each where it reads better.
      "@typescript-eslint/consistent-type-definitions": "off",
      // Numbers are written into messages on purpose.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
  { files: ["src/mls/group.ts", "tests/**"], rules: { "no-restricted-imports": "off" } },
  { files: ["apps/**"], rules: restrictedImports(CRYPTOGRAPHY) },
  { files: ["**/*.mjs"], ...tseslint.configs.disableTypeChecked },
)
