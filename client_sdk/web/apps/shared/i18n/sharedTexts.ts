/** What both pages say: who somebody is, how a message fares, how the link to the relay is. */

import { catalogue } from "./catalogue.ts"
import { requestTexts } from "./requestTexts.ts"

export const sharedTexts = catalogue({
  en: {
    ...requestTexts.en,

    "role.counselor": "counselor",
    "role.medic": "health worker",
    "role.interpreter": "interpreter",
    "role.legal_aid": "legal aid",
    "role.shelter": "shelter",
    "role.supervisor": "supervisor",
    "role.other": "staff",

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
    ...requestTexts.id,

    "role.counselor": "konselor",
    "role.medic": "tenaga kesehatan",
    "role.interpreter": "juru bahasa",
    "role.legal_aid": "pendamping hukum",
    "role.shelter": "petugas rumah aman",
    "role.supervisor": "supervisor",
    "role.other": "petugas",

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
