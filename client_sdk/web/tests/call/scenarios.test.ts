/** Every case of a call, step by step, as `tests/vectors/call_scenarios.json` has it for both languages. */

import { readFileSync } from "node:fs"

import { expect, it } from "vitest"

import { CallScenarioRunner, type Scenario } from "./scenarioRunner.ts"

const FILE = new URL("../../../../tests/vectors/call_scenarios.json", import.meta.url)
const { scenarios } = JSON.parse(readFileSync(FILE, "utf8")) as { readonly scenarios: readonly Scenario[] }

it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))("%s", (_, scenario) => {
  const runner = new CallScenarioRunner(scenario)
  for (const step of scenario.steps) {
    expect(runner.play(step), JSON.stringify(step)).toEqual(step.is ?? step.out)
  }
})
