/** What the page uses of the SDK, in one place: nothing else of the page imports it. */

export * from "../../src/index.ts"
export { nextTask } from "../../src/nextTask.ts"
