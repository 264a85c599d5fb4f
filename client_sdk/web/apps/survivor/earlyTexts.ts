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
    "emergency.write": "Write",
    "emergency.unspoken": "You can write, without speaking",
    "emergency.trace.link":
      "A link opens another app or site. What you write is kept there, and your browser remembers the visit. Exit here does not close it.",
    close: "Close",
    "welcome.start": "Talk to somebody",
    "welcome.coming": "One moment…",
    "welcome.late": "The internet is slow or cut off. You can wait, try again, or call: press Emergency.",
    "broken.again": "Try again",
  },
  id: {
    exit: "Keluar",
    "exit.hint": "Segera tinggalkan halaman ini",
    emergency: "Nomor darurat",
    "emergency.short": "Darurat",
    "emergency.call": "Telepon",
    "emergency.trace": "Telepon akan tercatat di riwayat panggilan HP Anda.",
    "emergency.write": "Tulis",
    "emergency.unspoken": "Bisa menulis, tanpa bicara",
    "emergency.trace.link":
      "Link membuka aplikasi atau situs lain. Tulisan Anda tersimpan di sana, dan browser mencatat kunjungan itu. Tombol Keluar di sini tidak menutupnya.",
    close: "Tutup",
    "welcome.start": "Mulai chat, gratis",
    "welcome.coming": "Sebentar…",
    "welcome.late": "Internet lambat atau terputus. Anda bisa menunggu, mencoba lagi, atau menelepon: tekan Darurat.",
    "broken.again": "Coba lagi",
  },
})
