/** The few drawings of the pages, as paths in a square of 24 units. */

export const PATHS = {
  send: "M4 12 20 4l-4 16-4.5-6.5zM11.5 13.5 20 4",
  phone: "M6 3h3l2 5-2.5 1.5a11 11 0 0 0 6 6L16 13l5 2v3a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z",
  chat: "M4 4h16v12H10l-5 4v-4H4z",
  leave: "M10 4H5v16h5M14 8l5 4-5 4M19 12H9",
  verified: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
  tick: "M5 13l4 4L19 7",
  ticks: "M2 13l4 4L15 7M11 16l1 1L22 7",
  warning: "M12 3 22 20H2zM12 10v4M12 17v.1",
} as const
export type IconName = keyof typeof PATHS
