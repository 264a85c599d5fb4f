/** What the console says about sending a service of the directory. */

export const referTexts = {
  en: {
    "refer.open": "Send a place that can help",
    "refer.title": "Send a place that can help",
    "refer.about": "You search on this device: nobody is told for what. The person sees the card with every number in full.",
    "refer.sought": "Name",
    "refer.loading": "One moment…",
    "refer.failed": "The list could not be loaded.",
    "refer.again": "Try again",
    "refer.none": "Nothing in the list fits.",
    "refer.more": "Only the first {count} are shown. Choose more, or write a name.",
    "refer.send": "Send: {name}",
    "refer.unsent": "It could not be sent. This conversation is over, or there is a fault.",
  },
  id: {
    "refer.open": "Kirim tempat bantuan",
    "refer.title": "Kirim tempat bantuan",
    "refer.about": "Pencarian berjalan di perangkat ini saja: tidak ada yang diberi tahu apa yang Anda cari. Klien melihat kartunya dengan semua nomor secara lengkap.",
    "refer.sought": "Nama",
    "refer.loading": "Sebentar…",
    "refer.failed": "Daftarnya belum bisa dibuka.",
    "refer.again": "Coba lagi",
    "refer.none": "Tidak ada yang cocok di daftar ini.",
    "refer.more": "Hanya {count} yang pertama ditampilkan. Tambah pilihannya, atau tulis namanya.",
    "refer.send": "Kirim: {name}",
    "refer.unsent": "Belum bisa dikirim. Percakapan ini sudah selesai, atau ada gangguan.",
  },
} as const
