/** The drawings that stand on her page from its first bytes on: each more of them comes before everything else. */

export const EARLY_ICONS = {
  phone: "M6 3h3l2 5-2.5 1.5a11 11 0 0 0 6 6L16 13l5 2v3a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z",
  chat: "M4 4h16v12H10l-5 4v-4H4z",
  leave: "M10 4H5v16h5M14 8l5 4-5 4M19 12H9",
  close: "M6 6l12 12M18 6 6 18",
  warning: "M12 3 22 20H2zM12 10v4M12 17v.1",
} as const
export type EarlyIconName = keyof typeof EARLY_ICONS
