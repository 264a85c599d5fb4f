/** What the survivor's page says. Short sentences, no jargon, never a promise that cannot be kept. */

import { catalogue } from "../shared/i18n/catalogue.ts"

export const survivorTexts = catalogue({
  en: {
    exit: "Exit",
    "exit.hint": "Leave this page at once",
    emergency: "Emergency numbers",
    "emergency.short": "Emergency",
    "emergency.call": "Call",
    "emergency.trace": "A call stays in your phone’s list of calls.",
    close: "Close",
    language: "Language",

    "welcome.title": "You can talk to somebody here",
    "welcome.lead": "No name, no account. Only you and the people from {organisation} who join can read what you write.",
    "welcome.safety": "First, your safety",
    "welcome.watched": "Can somebody see this screen, or check this device later? If so, another device is safer.",
    "welcome.erase":
      "This page stores nothing. Your browser still remembers the visit, and spying software sees everything. A private window leaves less behind.",
    "welcome.limits.title": "What stays between us",
    "welcome.limits":
      "Staff keep what you say to themselves. If a life or a child is in danger, they may have to get help. They will tell you.",
    "welcome.leave": "To leave at once: Exit, the Shift key three times, or two quick taps on an empty place.",
    "welcome.start": "Talk to somebody",
    "welcome.more": "Tell us a little more, if you like",
    "welcome.need": "What would help?",
    "welcome.urgency": "How urgent is it?",
    "welcome.reloaded":
      "The page was loaded anew. If you were talking with somebody here, that has ended on this device, and nothing of it was kept. They have been told. You can ask for somebody again.",
    "welcome.failed": "That did not work. Please try again in a moment, or use the emergency numbers.",
    "welcome.danger": "In danger now? Calling may be faster than writing.",

    "waiting.title": "We are finding somebody for you",
    "waiting.place": "Your place in the line: {position}",
    "waiting.next": "You are next.",
    "waiting.joining": "Somebody is joining you now.",
    "waiting.minutes.1": "It may take about a minute.",
    "waiting.minutes": "It may take about {minutes} minutes.",
    "waiting.usual": "It usually takes up to {minutes} minutes.",
    "waiting.unknown": "We cannot say how long it takes. While you are connected, you keep your place.",
    "waiting.long": "It is taking long; perhaps nobody is on duty. You keep your place, and you need not wait for us to get help:",
    "waiting.hours": "When somebody is there",
    "waiting.write": "You can write already. It is kept on this page and sent when somebody joins.",
    "waiting.sending": "Asking for somebody…",
    "waiting.stop": "Stop waiting",

    "keep.open": "Please keep this page open. If it is reloaded or closed, the conversation ends on this device.",
    "reload.title": "Reloading would end the conversation",
    "reload.text": "Nothing is stored on this device, so the conversation could not be shown again. You would start anew.",
    "reload.stay": "Stay here",
    "reload.go": "Reload anyway",

    "call.start": "Talk by voice or video",
    "call.loading": "One moment…",
    "call.failed": "Calls could not be loaded. You can go on writing.",
    "call.again": "Try again",

    "room.title": "Who is here",
    "room.open": "Who is here: {names}",
    "room.you": "You",
    "room.you.about": "Without a name.",
    "room.verified": "Verified",
    "room.verified.about": "Your device has checked that {organisation} vouches for them.",
    "room.nobody": "Nobody else is here at the moment.",
    "room.alone": "Only the people in this list can read along. Before anybody else joins, you are asked.",
    "room.end": "End the conversation",

    "log.title": "Conversation",
    "log.you": "You",
    "log.says": "{name} ({role})",
    "log.latest": "Newest message",
    "notice.joined": "{name} ({role}) is here. Verified.",
    "notice.left": "{name} ({role}) has left.",
    "notice.welcomed": "You said yes to {name} ({role}).",
    "notice.declined": "You said no to {name} ({role}).",
    "notice.unreadable": "{name} sent something that this page cannot show yet.",
    typing: "{name} is writing…",

    "say.label": "Your message",
    "say.placeholder": "Write here",
    "say.send": "Send",

    "proposal.title": "May {name} join?",
    "proposal.text": "{by} would like to bring in {name} ({role}).",
    "proposal.reason": "Why: {reason}",
    "proposal.about": "{name} would read what is written from then on. It is your decision; no is fine.",
    "proposal.yes": "Yes, let them join",
    "proposal.no": "No",

    "over.left": "You have ended the conversation",
    "over.left.text": "Nothing of it is stored on this device.",
    "over.ended": "The conversation has ended",
    "over.ended.by": "{name} has ended it. Thank you for talking with us.",
    "over.ended.text": "It was closed. You can ask for somebody again at any time.",
    "over.stopped": "We have stopped this conversation",
    "over.stranger":
      "Somebody was about to read along who could not be verified, or whom you had not let in. Your device kept them out and closed the conversation.",
    "over.disagreement":
      "The devices in this conversation did not agree on who is in it. To be safe, your device closed the conversation.",
    "over.gap": "Messages were missing or out of order on the way. To be safe, your device closed the conversation.",
    "over.trouble": "The connection did not work as it should, and it could not be repaired.",
    "over.notYou": "It is not your fault, and you can start anew.",
    "over.again": "Ask for somebody again",
    "over.shown": "What was written is shown until you close this page or leave.",

    "cover.title": "Paused",
    "cover.go": "Continue",

    "broken.title": "This page cannot be used at the moment",
    "broken.text": "Please try again later.",

    "weather.title": "Weather today",
    "weather.place": "Jakarta",
    "weather.now": "Sunny, a light wind from the sea",
    "weather.rain": "Showers",
    "weather.cloud": "Cloudy",
    "weather.sun": "Sunny",
    "weather.footer": "Values are rounded and may differ from place to place.",

    "recipe.title": "Coconut rice",
    "recipe.about": "For four, 35 minutes",
    "recipe.what": "You need",
    "recipe.what.list": "300 g rice\n400 ml coconut milk\n1 stalk of lemongrass\n2 bay leaves\n½ teaspoon of salt",
    "recipe.how": "How to make it",
    "recipe.how.list":
      "Wash the rice until the water stays clear.\nBring the coconut milk to the boil with lemongrass, bay leaves and salt.\nAdd the rice and cook it gently for 15 minutes, covered.\nLet it rest for 10 minutes, and loosen it with a fork.",
    "recipe.footer": "Leftovers keep for a day in the refrigerator.",
  },
  id: {
    exit: "Keluar",
    "exit.hint": "Segera tinggalkan halaman ini",
    emergency: "Nomor darurat",
    "emergency.short": "Darurat",
    "emergency.call": "Telepon",
    "emergency.trace": "Panggilan akan tercatat di daftar panggilan ponsel Anda.",
    close: "Tutup",
    language: "Bahasa",

    "welcome.title": "Anda bisa bicara dengan seseorang di sini",
    "welcome.lead":
      "Tanpa nama, tanpa akun. Hanya Anda dan petugas {organisation} yang bergabung yang bisa membaca tulisan Anda.",
    "welcome.safety": "Keselamatan Anda lebih dulu",
    "welcome.watched":
      "Apakah ada yang bisa melihat layar ini, atau memeriksa perangkat ini nanti? Jika ya, perangkat lain lebih aman.",
    "welcome.erase":
      "Halaman ini tidak menyimpan apa pun. Namun peramban mencatat kunjungan, dan aplikasi pengintai melihat semuanya. Jendela samaran meninggalkan lebih sedikit jejak.",
    "welcome.limits.title": "Kerahasiaan",
    "welcome.limits":
      "Petugas merahasiakan cerita Anda. Jika nyawa atau anak dalam bahaya, petugas mungkin harus mencari bantuan. Anda akan diberi tahu.",
    "welcome.leave":
      "Untuk segera pergi: tombol Keluar, tombol Shift tiga kali, atau dua ketukan cepat di tempat kosong.",
    "welcome.start": "Bicara dengan seseorang",
    "welcome.more": "Ceritakan sedikit lagi, jika mau",
    "welcome.need": "Apa yang bisa membantu?",
    "welcome.urgency": "Seberapa mendesak?",
    "welcome.reloaded":
      "Halaman ini dimuat ulang. Jika Anda tadi sedang berbicara dengan seseorang di sini, percakapan itu telah berakhir di perangkat ini dan tidak ada yang disimpan. Mereka sudah diberi tahu. Anda bisa meminta seseorang lagi.",
    "welcome.failed": "Belum berhasil. Coba lagi sebentar lagi, atau gunakan nomor darurat.",
    "welcome.danger": "Sedang dalam bahaya? Menelepon mungkin lebih cepat daripada menulis.",

    "waiting.title": "Kami sedang mencarikan seseorang untuk Anda",
    "waiting.place": "Urutan Anda: {position}",
    "waiting.next": "Anda berikutnya.",
    "waiting.joining": "Seseorang sedang bergabung.",
    "waiting.minutes.1": "Mungkin sekitar satu menit.",
    "waiting.minutes": "Mungkin sekitar {minutes} menit.",
    "waiting.usual": "Biasanya paling lama {minutes} menit.",
    "waiting.unknown": "Kami belum bisa mengatakan berapa lama. Selama terhubung, urutan Anda tetap.",
    "waiting.long":
      "Ini lebih lama dari biasanya; mungkin tidak ada yang bertugas. Urutan Anda tetap ada, dan Anda tidak perlu menunggu kami untuk mencari bantuan:",
    "waiting.hours": "Waktu petugas tersedia",
    "waiting.write": "Anda sudah bisa menulis. Tulisan ditahan di halaman ini dan dikirim saat seseorang bergabung.",
    "waiting.sending": "Meminta seseorang…",
    "waiting.stop": "Berhenti menunggu",

    "keep.open":
      "Biarkan halaman ini terbuka. Jika dimuat ulang atau ditutup, percakapan berakhir di perangkat ini.",
    "reload.title": "Memuat ulang akan mengakhiri percakapan",
    "reload.text":
      "Tidak ada yang disimpan di perangkat ini, jadi percakapan tidak bisa ditampilkan lagi. Anda harus mulai dari awal.",
    "reload.stay": "Tetap di sini",
    "reload.go": "Tetap muat ulang",

    "call.start": "Bicara dengan suara atau video",
    "call.loading": "Sebentar…",
    "call.failed": "Panggilan tidak dapat dimuat. Anda dapat terus menulis.",
    "call.again": "Coba lagi",

    "room.title": "Siapa di sini",
    "room.open": "Siapa di sini: {names}",
    "room.you": "Anda",
    "room.you.about": "Tanpa nama.",
    "room.verified": "Terverifikasi",
    "room.verified.about": "Perangkat Anda sudah memeriksa bahwa {organisation} menjamin mereka.",
    "room.nobody": "Saat ini tidak ada orang lain di sini.",
    "room.alone": "Hanya orang dalam daftar ini yang bisa ikut membaca. Sebelum ada yang bergabung, Anda ditanya dulu.",
    "room.end": "Akhiri percakapan",

    "log.title": "Percakapan",
    "log.you": "Anda",
    "log.says": "{name} ({role})",
    "log.latest": "Pesan terbaru",
    "notice.joined": "{name} ({role}) ada di sini. Terverifikasi.",
    "notice.left": "{name} ({role}) sudah pergi.",
    "notice.welcomed": "Anda mengizinkan {name} ({role}).",
    "notice.declined": "Anda menolak {name} ({role}).",
    "notice.unreadable": "{name} mengirim sesuatu yang belum bisa ditampilkan halaman ini.",
    typing: "{name} sedang menulis…",

    "say.label": "Pesan Anda",
    "say.placeholder": "Tulis di sini",
    "say.send": "Kirim",

    "proposal.title": "Bolehkah {name} bergabung?",
    "proposal.text": "{by} ingin mengajak {name} ({role}).",
    "proposal.reason": "Alasannya: {reason}",
    "proposal.about": "{name} akan membaca yang ditulis sejak saat itu. Keputusan ada pada Anda; menolak juga boleh.",
    "proposal.yes": "Ya, boleh bergabung",
    "proposal.no": "Tidak",

    "over.left": "Anda telah mengakhiri percakapan",
    "over.left.text": "Tidak ada yang disimpan di perangkat ini.",
    "over.ended": "Percakapan telah berakhir",
    "over.ended.by": "{name} mengakhirinya. Terima kasih sudah bicara dengan kami.",
    "over.ended.text": "Percakapan ditutup. Anda bisa meminta seseorang lagi kapan saja.",
    "over.stopped": "Kami menghentikan percakapan ini",
    "over.stranger":
      "Ada yang hendak ikut membaca tetapi tidak bisa diverifikasi, atau belum Anda izinkan. Perangkat Anda menolaknya dan menutup percakapan.",
    "over.disagreement":
      "Perangkat dalam percakapan ini tidak sepakat tentang siapa yang ada di dalamnya. Demi keamanan, perangkat Anda menutup percakapan.",
    "over.gap":
      "Ada pesan yang hilang atau tidak berurutan di jalan. Demi keamanan, perangkat Anda menutup percakapan.",
    "over.trouble": "Sambungan tidak bekerja sebagaimana mestinya dan tidak bisa diperbaiki.",
    "over.notYou": "Ini bukan kesalahan Anda, dan Anda bisa mulai lagi.",
    "over.again": "Minta seseorang lagi",
    "over.shown": "Yang sudah ditulis tetap tampil sampai Anda menutup halaman ini atau pergi.",

    "cover.title": "Dijeda",
    "cover.go": "Lanjutkan",

    "broken.title": "Halaman ini sedang tidak bisa digunakan",
    "broken.text": "Silakan coba lagi nanti.",

    "weather.title": "Cuaca hari ini",
    "weather.place": "Jakarta",
    "weather.now": "Cerah, angin sepoi dari laut",
    "weather.rain": "Hujan ringan",
    "weather.cloud": "Berawan",
    "weather.sun": "Cerah",
    "weather.footer": "Angka dibulatkan dan dapat berbeda di tiap tempat.",

    "recipe.title": "Nasi uduk",
    "recipe.about": "Untuk empat orang, 35 menit",
    "recipe.what": "Bahan",
    "recipe.what.list": "300 g beras\n400 ml santan\n1 batang serai\n2 lembar daun salam\n½ sendok teh garam",
    "recipe.how": "Cara membuat",
    "recipe.how.list":
      "Cuci beras sampai airnya jernih.\nDidihkan santan dengan serai, daun salam, dan garam.\nMasukkan beras dan masak dengan api kecil 15 menit, tertutup.\nDiamkan 10 menit, lalu aduk dengan garpu.",
    "recipe.footer": "Sisa makanan tahan satu hari di lemari es.",
  },
})
