/** What both pages say: who somebody is, how a message fares, how the link to the relay is. */

import { catalogue } from "./catalogue.ts"

export const sharedTexts = catalogue({
  en: {
    "role.counselor": "counselor",
    "role.medic": "health worker",
    "role.interpreter": "interpreter",
    "role.legal_aid": "legal aid",
    "role.shelter": "shelter",
    "role.supervisor": "supervisor",
    "role.other": "staff",

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

    "message.kept": "Waiting to send",
    "message.lost": "Not sent",
    "message.sent": "Sent",
    "message.delivered": "Delivered",
    "message.read": "Read",

    "link.connecting": "Connecting…",
    "link.connected": "Connected",
    "link.reconnecting": "Reconnecting…",
    "link.held": "Not sending. We keep trying…",
  },
  id: {
    "role.counselor": "konselor",
    "role.medic": "tenaga kesehatan",
    "role.interpreter": "juru bahasa",
    "role.legal_aid": "pendamping hukum",
    "role.shelter": "petugas rumah aman",
    "role.supervisor": "supervisor",
    "role.other": "petugas",

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

    "message.kept": "Menunggu, belum terkirim",
    "message.lost": "Tidak terkirim",
    "message.sent": "Terkirim",
    "message.delivered": "Sampai",
    "message.read": "Dibaca",

    "link.connecting": "Menghubungkan…",
    "link.connected": "Terhubung",
    "link.reconnecting": "Menyambung lagi…",
    "link.held": "Belum terkirim. Terus dicoba…",
  },
})
