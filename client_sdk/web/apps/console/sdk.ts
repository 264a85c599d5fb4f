/** What the console uses of the SDK, in one place: nothing else of the console imports it. */

export * from "../../src/index.ts"
