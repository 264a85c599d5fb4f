/** What is said before the first screen has come: the ways out, the emergency numbers, the tap to somebody. */

import { catalogue } from "../shared/i18n/catalogue.ts"

export const earlyTexts = catalogue({
  en: {
    exit: "Exit",
    "exit.hint": "Leave this page at once",
    emergency: "Emergency numbers",
    "emergency.short": "Emergency",
    "emergency.call": "Call",
    "emergency.trace": "The call will show in your phone’s call history.",
    close: "Close",
    "welcome.start": "Talk to somebody",
    "welcome.coming": "One moment…",
  },
  id: {
    exit: "Keluar",
    "exit.hint": "Segera tinggalkan halaman ini",
    emergency: "Nomor darurat",
    "emergency.short": "Darurat",
    "emergency.call": "Telepon",
    "emergency.trace": "Telepon akan tercatat di riwayat panggilan HP Anda.",
    close: "Tutup",
    "welcome.start": "Mulai chat, gratis",
    "welcome.coming": "Sebentar…",
  },
})
