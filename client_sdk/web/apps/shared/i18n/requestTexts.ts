/** What a request for help says of itself: for what, from whom, how urgent. */

import { catalogue } from "./catalogue.ts"

export const requestTexts = catalogue({
  en: {
    "need.counseling": "Somebody to talk to",
    "need.medical": "Medical help",
    "need.legal": "Legal advice",
    "need.shelter": "A safe place",
    "need.interpreter": "An interpreter",
    "need.dispatch": "Somebody to come",
    "need.other": "Something else",
    "gender.female": "A woman",
    "gender.male": "A man",
    "urgency.0": "Not urgent",
    "urgency.1": "It is urgent",
    "urgency.2": "I am in danger now",
  },
  id: {
    "need.counseling": "Teman bicara",
    "need.medical": "Bantuan medis",
    "need.legal": "Nasihat hukum",
    "need.shelter": "Tempat aman",
    "need.interpreter": "Juru bahasa",
    "need.dispatch": "Petugas datang ke saya",
    "need.other": "Hal lain",
    "gender.female": "Perempuan",
    "gender.male": "Laki-laki",
    "urgency.0": "Tidak mendesak",
    "urgency.1": "Mendesak",
    "urgency.2": "Saya sedang dalam bahaya",
  },
})
