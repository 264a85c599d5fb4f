/** What the first screen says. Short sentences, no jargon, never a promise that cannot be kept. */

import { catalogue } from "../shared/i18n/catalogue.ts"

export const firstTexts = catalogue({
  en: {
    language: "Language",
    "welcome.title": "You can talk to somebody here",
    "welcome.lead": "No name, no account. Only you and the people from {organisation} who join can read what you write.",
    "welcome.warm": "What happened is not your fault. You do not have to tell everything.",
    "welcome.safety": "First, your safety",
    "welcome.watched": "Can somebody see this screen, or check this device later? If so, another device is safer.",
    "welcome.erase":
      "This page stores nothing. Your browser still remembers the visit, and spying software sees everything. A private window leaves less behind.",
    "welcome.limits.title": "What stays between us",
    "welcome.limits":
      "Staff keep what you say to themselves. If a life or a child is in danger, they may have to get help. They will tell you.",
    "welcome.leave": "To leave at once: Exit, the Shift key three times, or two quick taps on an empty place.",
    "welcome.leave.touch": "To leave at once: Exit, or two quick taps on an empty place.",
    "welcome.more": "Tell us a little more, if you like",
    "welcome.need": "What would help?",
    "welcome.urgency": "How urgent is it?",
    "welcome.gender": "Who would you rather talk to?",
    "welcome.region": "Roughly where are you?",
    "welcome.any": "It does not matter",
    "welcome.unsaid": "Rather not say",
    "welcome.reloaded": "This page was restarted. If you were talking with somebody here, that chat is over, and nothing of it is kept on this device. Staff have been told. You can start a new chat.",
    "welcome.danger": "In danger now? Calling may be faster than writing.",
    "broken.title": "This page cannot be used at the moment",
    "broken.text": "Please try again, or get help here:",
  },
  id: {
    language: "Bahasa",
    "welcome.title": "Anda bisa bicara dengan petugas di sini",
    "welcome.lead": "Tanpa nama, tanpa akun. Hanya Anda dan petugas {organisation} yang masuk ke chat ini yang bisa membaca tulisan Anda.",
    "welcome.warm": "Ini bukan salah Anda. Anda tidak harus menceritakan semuanya.",
    "welcome.safety": "Keselamatan Anda lebih dulu",
    "welcome.watched": "Apakah ada orang yang bisa melihat layar ini, atau memeriksa HP ini nanti? Kalau ya, lebih aman memakai HP lain.",
    "welcome.erase": "Halaman ini tidak menyimpan apa pun. Tetapi browser mencatat kunjungan Anda, dan aplikasi mata-mata bisa melihat semuanya. Tab samaran (Incognito) meninggalkan lebih sedikit jejak.",
    "welcome.limits.title": "Kerahasiaan",
    "welcome.limits": "Petugas merahasiakan cerita Anda. Jika nyawa Anda atau keselamatan anak terancam, petugas mungkin harus mencari bantuan. Anda akan diberi tahu.",
    "welcome.leave":
      "Untuk segera pergi: tombol Keluar, tombol Shift tiga kali, atau dua ketukan cepat di tempat kosong.",
    "welcome.leave.touch": "Untuk segera pergi: tombol Keluar, atau dua ketukan cepat di tempat kosong.",
    "welcome.more": "Ceritakan sedikit lagi, jika mau",
    "welcome.need": "Bantuan apa yang Anda butuhkan?",
    "welcome.urgency": "Seberapa mendesak?",
    "welcome.gender": "Anda lebih suka bicara dengan siapa?",
    "welcome.region": "Kira-kira Anda di mana?",
    "welcome.any": "Siapa saja",
    "welcome.unsaid": "Tidak ingin menyebut",
    "welcome.reloaded": "Halaman ini dibuka ulang. Kalau tadi Anda sedang chat di sini, percakapan tadi sudah berakhir dan tidak ada yang disimpan di HP ini. Petugas sudah tahu. Anda bisa mulai chat lagi.",
    "welcome.danger": "Sedang dalam bahaya? Menelepon mungkin lebih cepat daripada menulis.",
    "broken.title": "Halaman ini sedang tidak bisa digunakan",
    "broken.text": "Coba lagi, atau minta bantuan di sini:",
  },
})
