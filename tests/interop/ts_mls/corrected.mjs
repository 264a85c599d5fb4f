// `node --import ./corrected.mjs driver.mjs` plays with the corrected ts-mls.

import { register } from "node:module"

register("./corrections.mjs", import.meta.url)
