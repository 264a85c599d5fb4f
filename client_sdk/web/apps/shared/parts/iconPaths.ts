/** The few drawings of the pages, as paths in a square of 24 units. */

import { EARLY_ICONS } from "./earlyIcons.ts"

export const PATHS = {
  ...EARLY_ICONS,
  send: "M4 12 20 4l-4 16-4.5-6.5zM11.5 13.5 20 4",
  verified: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4",
  back: "M15 5l-7 7 7 7",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
  tick: "M5 13l4 4L19 7",
  ticks: "M2 13l4 4L15 7M11 16l1 1L22 7",
} as const
export type IconName = keyof typeof PATHS
