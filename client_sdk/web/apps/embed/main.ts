/** Runs where it is included. */

import { embed } from "./embed.ts"

const script = document.currentScript
if (script instanceof HTMLScriptElement && window.Teduh === undefined) window.Teduh = embed(script)
