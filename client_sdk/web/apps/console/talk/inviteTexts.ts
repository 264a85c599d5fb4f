/** What the console says about bringing in a colleague by role, or from the queue. */

export const inviteTexts = {
  en: {
    "invite.how": "Whom?",
    "invite.by.person": "A certain person",
    "invite.by.role": "Anybody of a role",
    "invite.by.queue": "Whoever takes it from the queue",
    "invite.role": "Role",
    "invite.role.about": "Whoever is available is asked, one after the other, the least busy first. The person sees each name and can say no.",
    "invite.need": "What for",
    "invite.queue.about": "It waits in the queue until a colleague takes it. Then the person is asked, by name. Nothing of what was said is shown there.",
    "invite.language": "Language",
    "invite.language.any": "any",
    "invite.looking": "Waiting in the queue for a colleague…",
    "invite.stop": "Look for nobody",
    "notice.nobody": "No colleague has come in.",
  },
  id: {
    "invite.how": "Siapa?",
    "invite.by.person": "Orang tertentu",
    "invite.by.role": "Siapa saja dengan peran tertentu",
    "invite.by.queue": "Siapa pun yang mengambilnya dari antrean",
    "invite.role": "Peran",
    "invite.role.about": "Rekan yang tersedia ditanya satu per satu, mulai dari yang paling tidak sibuk. Klien melihat setiap nama dan boleh menolak.",
    "invite.need": "Untuk apa",
    "invite.queue.about": "Percakapan ini menunggu di antrean sampai seorang rekan mengambilnya. Lalu klien ditanya, dengan menyebut nama rekan itu. Isi percakapan tidak terlihat di sana.",
    "invite.language": "Bahasa",
    "invite.language.any": "apa saja",
    "invite.looking": "Menunggu seorang rekan di antrean…",
    "invite.stop": "Berhenti mencari",
    "notice.nobody": "Tidak ada rekan yang masuk.",
  },
} as const
