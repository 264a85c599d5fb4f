/**
 * The Indonesian word list, compiled for Teduh: no word becomes another by one wrong letter. The same as in
 * crypto/teduh_crypto/credentials/words, which a test compares.
 */

const WORDS = `
abjad adab adil adonan agar agen agenda ahli ajaib akasia akhir akhlak akrab aksara aksi aktif aktor akuarium akur
akurat alamat alami alat album alga alis alpukat alumni aman ambulans ampere amplop ampuh anak analisis aneka anggrek
angguk angin angkasa angkasawan angkat angklung angsa animasi anjur antara antariksa antena anting anugerah anyam
apartemen apel apotek april apung arah arif arloji arsip arsitek arti artikel arus asam aset aspal asrama asri
astronom asuh asyik atap atlas atlet atmosfer aula aurora awal ayun badan bagasi bagian baginda bagus bahagia bahari
bahasa bahtera bajaj bakal bakpao bakpia bakso bakwan balai balik balkon balong bambu banding bandul bangga bangku
bangunan banjar bantal banteng bantu banyak bapak barisan barongsai baru baskara basket batas baterai bawa bawang
bayam bayangan bazar bebas beber becak beda bedug bekantan bekicot belajar belakang belalai belanja belantara belia
belibis belimbing belum bemo bendahara bendera bendi bendung bengkel bengkuang benih bentuk benua beranda berani
berbagi bercerita berenang beres berikan beringin berita berjalan berkala berkas berkebun berkemah berlayar berlian
bermain bernyanyi bersama bersepeda bersih bersyukur bertamu beruang besar besi besok betet betul biasa biawak bibit
bicara bihun bijak biji bikin bilah bilang bimbing bingkai biola biologi bioskop biskuit bisnis blewah bocah bolu
boneka bongkah bonsai bonus bordir botani botol brokat brokoli bubuk budaya budiman bufet bugenvil buih bukit buku
bulat buletin bulir bumbung bumi bundar bunga bungkus bunglon bungsu bunyi burger buruh burung busana busur butik
cabai cabang cacah cahaya cair cakram cakrawala cakup camar camilan campur canda canggih cangkang cangkir cangkok
cangkul cantik cantum capcai catat catatan catur cawan cekatan cekung celana celemek celengan celoteh celup cemara
cemerlang cempaka cendana cendawan cendekia cendol cengkeh cengkerama centang cepat cerah cerdas cerdik ceria cermat
cermin cerobong cerpen cetak cicilan cincin cipta ciri citra coba cocok cokelat combro congklak contoh corak coret
corong cuaca cucak cukur cuti dadu daerah daftar daging dahan dahi dahlia dahulu dalam dalang dalih damai damba danau
dandan dangdut dansa darat dasar datuk daur daya dayung debu dedaunan definisi dekorasi delapan delima delman delta
demi dempul denah dendang denyut depan depot derajat deras deret dermaga desa desain desember desimal desis detektif
detik dewasa diagram dialog diari didik diet digital dinamis dinamo dinasti dinding dingin diorama direksi direktur
dirgantara diskon diskusi dokumen dolar domino dompet dongeng donor dosen drum dukung dulu dunia duplikat durian duta
edukasi efek efisien ejaan ekologi ekonomi eksklusif ekspor ekspres ekstra elastis elegan elektrik elektron elemen
elok emas ember embun emosi empal empang empati empuk enau encer energi engsel enzim episentrum episode erat esai
estafet estetika etalase evaluasi fajar fakta fakultas famili fantasi fasilitas fauna favorit feri fermentasi festival
fiksi film filsafat filter final fisika flamboyan flora fokus fondasi format formula formulir forum fosil foto
fotokopi frasa frekuensi fungsi gabah gado galaksi galeri gali gambut gamelan gandum ganggang ganjil gantung gapura
garam garansi gardenia garis garpu garuda gasing gaun gedung gelanggang gelar gelatik gelembung gelombang gema gembala
gembira gembung gempita gemuk gemulai gemuruh genap generasi generator genggam gengsi genta gentong geografi geologi
gerabah gerak gerbong gerhana gerimis gerobak gesek gesit getah getaran giat gigih gimnasium ginseng girang gitar gizi
gletser global gondola gong gorden goreng gores gorila gosok gradien grafik gratis gravitasi grosir gudang gudeg gugur
gulai guling gulungan gumam gumpal gunting gunung gurame gurau gurih gurita gurun habitat hadap hadiah hadir hafal
halaman halimun halo haluan halus hamparan handuk hantar hari harian harimau harmoni harmonika harpa harum hasil hayat
helai helikopter helium helm hemat hening herba hewan hias hiasan hibrida hiburan hidang hidrogen hidup hijau hikmah
himpun hinggap hitung hobi holistik hologram horizon hormon hotel humor humoris huruf hutan ibarat idaman identik
iguana ijazah ikal ikhlas ikhtiar iklan iklim ikon ikrar ikut ilalang ilham ilmiah ilmu imajinasi imbang impian
imunisasi indah indeks induk industri informasi ingat inovasi insinyur inspektur inspirasi instalasi instan internet
irama irigasi iris itik izin jadwal jagat jago jagung jahe jahit jajan jajanan jala jalin jalur jamblang jambore
jaminan jamu jamuan jangkar jangkrik janji januari jarak jaring jasmani jati jawab jawara jejak jelajah jelang jelas
jemput jemur jenaka jendela jenis jenjang jerami jerapah jernih jeruk jinak jingga jiwa joget joglo jongkok juara
judul juga jujur juli jumat jumbo jumlah jumpa jurnal juru kabar kabel kabin kabinet kabupaten kaca kacamata kadal
kafe kagum kakao kakatua kakek kaki kaktus kalangan kaldu kalem kalender kaleng kaligrafi kalimat kalkulator kamboja
kamera kamis kampung kampus kanan kancil kancing kandang kangkung kanguru kantin kantong kantor kanvas kapas kapasitas
kapital kapsul kapulaga kapur karakter karamel karang karavan karcis kardus karena karier karisma karpet kartika
karton kartu karunia karya karyawan kasir kastil kasual kasuari katak katalog kategori katun kaus kawasan kawat kayuh
keadaan kebab kebaikan kebaya kebun kecambah kecapi kecerahan kecil kecuali kedai kedelai kedip kedondong keduanya
kehidupan keindahan kejora keju kejujuran kelapa kelelawar kelengkeng kelereng keliling kelinci kelingking kelola
kelompok kelopak keluar keluarga kemah kemajuan kemangi kemarau kemarin kembali kembang kembar kemiri kemudi kemuning
kenal kenanga kenari kencang kendali kendaraan kentongan kepala kepik kepiting kepompong kepul kerabat kerajinan
keramik keranjang kerap keren kereta kerikil kering kerja kertas kerucut kerudung kerukunan kerupuk kesabaran kesan
kesatria kesemek kesenian keset kesturi ketam ketapang ketela ketika ketimun ketoprak ketua ketumbar ketupat khas
khidmat khusus kicau kidung kijang kilap kilogram kilometer kimia kinetik kios kira kirim kiwi klakson klarinet klasik
klepon kliping klub koala koboi koin kolak koleksi kolektor kolibri kolom koloni komedi komentar komet komik komodo
kompak komponen kompor komposer komputer kongres konsep kontainer kontan kontes kontrol koper koperasi kopi kopiah
koral korek koridor kosakata kosmetik kosmos kostum kota kreasi kreatif kredit kristal kritik kronologi kuali kualitas
kuat kubus kucur kuda kuis kukang kukuh kuliah kuliner kulit kulkas kultur kumpul kunci kuncup kuning kunjung kuntum
kunyah kunyit kupon kupu kurator kurikulum kurir kurma kursi kursus kutilang kutip kutub laguna laksana lalu lambai
lambang lampion lancar landak langit langkah langsat langsung lanjut lantera lapang lapangan lapor laporan laptop
larut laser latih latihan lauk lavender lawas layak lazim lebar lebih leci lega legenda legit lekas lekuk leluasa
leluhur lemari lembah lembayung lembut lempar lengkap lengkeng lengket lengkuas lentik lentur lereng lesehan lezat
libur lihai lilin lima limpah limun lincah lindung lingkar lingkaran lingkung lintang lintas lipat lirik lisan listrik
liter lobak logam logika logis logistik logo lokal lokasi lokomotif lompat loncat lonceng lontar lontong lucu lugas
luhur lukis lumba lumpia lumut lunak luncur lurus lutung luwes maaf magenta magma magnet mahal mahasiswa mahir mahkota
mainan majalah majelis maju makan makanan makaroni makmur maksimal mamalia mampir mampu manajer mandarin mandi mandiri
mandor manfaat manggis mangkuk manikam manis mantap mantel manusia maraton maret marga margarin marimba markisa marmer
marmut martabak masa masakan masih masker maskot masuk masyarakat matahari matang materi matoa mawar mayapada medali
medan media megah meja mekar melati melayu melinjo melodi melon melukis memasak membaca memori mempelai menabung
menanam menara mendaki mengkudu menit menjahit mentah mentari mentega menteng mentimun mentor menu menulis menyapa
merajut merapi mercusuar merdeka merdu merek meriah merica merpati metafora meteorit meter meteran metode metro
metropolis migrasi mikrofon milenium miligram milik mimbar mimpi minat mineral minggu miniatur minimal minum minuman
minyak mirip misal misi misteri mitos mobil moci modal moderat modern molek molekul momen monitor mosaik motif
motivasi motor mudik mufakat muka mulia multi mulut muncul mungil mungkin murah murid murni musang museum musikal
musim mustika musyawarah mutiara mutu naik nakhoda nama nampan nanas naratif nasi nasihat nasional naskah naturalis
navigasi nebula negeri nelayan nenek netral niaga nikmat nilai nilon nomor normal nostalgia novel novelis november
nuansa nuri nusa nusantara nutrisi nyala nyaman nyamuk nyanyi nyaring nyenyak oasis objek obrol oksigen oktober olah
olahan olahraga oles olimpiade olimpik ombak omong ongkos opera operator opini opor optik optimis orang orangutan
oranye orbit orde organ organik orientasi orkes orkestra ornamen otak otomatis oven pabrik padang pagi pagoda pahatan
pahlawan pakaian pakar paket pakis paku pamor pancur pandai panekuk panggil pangkas panglima pangsit panitia panjang
panjat panorama pantas pantul papan paparan parabola parade paragraf paras parasut parkir partitur pasangan pasif
paspor pastel pasti patok patriot patung paviliun pawai payau pecel pecinta pedagang pedal pedati pedesaan pegang
pegas pegawai pegunungan pekarangan pekat pekik pelabuhan pelampung pelanduk pelangi pelatih pelayar pelayaran pelepah
pelihara pelikan pelita peluang peluit pemain pempek pemuda pena pendapa pendek pendidikan penduduk pengaruh penghulu
pengrajin penguin pensil penting penuh penumpang penyair penyu pepatah pepes perabot perahu peran perangko percaya
perdana perhatian periang peribahasa perikanan periksa periode perisai periuk perjalanan perkebunan perkedel perlahan
perlu permadani permai permata permisi pernah perpaduan persegi persen pertama pertanian pertiwi perunggu pesawat
pesisir pesona pesta pesut petai peternak petir petualang petunjuk piagam piama piano pidato pikir pikul pilar pilih
pilot pimpin pinggang pinggir pinisi pinjam pintar pintu pionir pipi piring pisah pisang pita plakat planet plastik
plaza podium pohon pokok pola pompa pondok ponsel populer porselen porsi posisi positif poster potong potret praktis
prasasti presisi prestasi pribadi prima prinsip prioritas produk profesi profil program prosa proses protein provinsi
proyek psikologi pualam publik puding puisi puji pulang pulau pulpen pulsa puncak pundi pupuk purba purnama pusaka
pusat puspa puspita putar putih putri puyuh radar radio radius ragam rahasia rahmat raih raja rajawali rajin rajut
rakit rakitan raksasa rakyat ramal rambat rambutan ranah rancang rangka rangkum rangsel rantau ranum rapat rapi ratus
rayap rayon realita reboisasi rebung rebus redup referensi refleks regu rehat rekan rekening rekor rekreasi rela
rembulan rempah rempeyek replika reporter reptil resep resital resolusi respons restoran restu revisi rezeki riak ribu
rimba rimbawan rimbun rincian ringan riset riuh riwayat robot robotika roda roket roman rombong rongga rotasi roti
royal ruang rubik rujak rukun rumah rumbai rumput rumus runcing rupa rupiah rute rutin sablon sabtu sabun safari safir
sahabat sahaja saham sahut sains sajak saji sajian saksama saksofon sakura salad saleh saling salju salmon sambil
sambung sampai samping sampo sampul samudra sana sandal sandiwara sanggar sanggup sansekerta santai santun sapu
saputangan saran sarapan sarjana sasando sasaran sastra sastrawan satelit satwa saudara saung sawah sawit sawo sayang
sayembara sayur sebelas seberang sebut sedap sedekah sederhana sedikit sedot segala segar segenap segera segi
segiempat segitiga sejahtera sejarah sejarawan sejati sejuk sekali sekam sekarang sekoci sekolah sekretaris selalu
selamat selancar selaras selasa selat selatan selebrasi seledri selempang selendang selesai selimut selip selisih
seluler seluruh semai semalam semangat semanggi semangka sembilan semboyan semburat semen semesta semester semilir
seminar semoga sempat sempurna semua senandung sendiri sendok senin senja sensor senter sentimeter sentosa sentuh
senyap senyum sepak sepakat sepatu sepeda seperti sepuh sepuluh serabut seragam serambi serampang serasi serbat serbuk
serempak serenada serikat serius serpih serta sertifikat seru seruling serunai setara seteguk setel setia setor
setrika setuju siang siapa sibuk sifat sigap siku silabus silsilah siluet simbol simetris simfoni simpang simpati
simulasi sinar sinema singa singgah singgasana singkong sini sinopsis sinyal siomai sipil siput siram sirene sirih
sirkus sirop sirsak sisa sisir sistem situs siul skala skema skenario sketsa skor skuter soal sobat sofa sohib sohor
sokong solusi sonata sopan sopir sore sorot spanduk spasi spektrum spesial spidol spiral spons sponsor srikaya stadion
standar stasiun statistik status stempel stereo stiker stoples strategi stroberi struktur studio suaka suasana subjek
substansi suci sudah sudut suguh suhu sukacita sukses sulung sumbang sumber sumbu sumpit sumur sungai surat survei
surya sutra swadaya swalayan swasta syarat tablet tabung tabur tafsir tahap tahu tajam tajuk takjub taktik talenta
tamasya tambah tampak tampil tanaman tandu tangan tanggap tangguh tangkai tanjak tanjung tanpa tapai tapir target
tarik tarsius taruh taruna tata tauge tawon teater tebal tebing teduh tegak tekad teknik teknisi teknologi teko
tekstil tekukur teladan telah telaten telegram telepon teleskop teliti teluk teman temaram tembaga tembikar tembok
tembus tempe tempuh tempurung temu tenaga tenang tengah tengok tenun teori tepi tepian tepung teratai terbang terbit
terima terjun termometer termos terompet teropong terowongan tersenyum tertawa tertib terumbu terusan tetangga tetap
tetes timah timur tinggal tinggi tingkat tinta tipis tirai titi tiup tiwul toga tokoh toleransi tolong tomat tombol
tonton topeng topik tradisi traktor transparan tropika tropis trotoar truk tugu tujuan tujuh tukar tulen tulip tulus
tumbuh tumpang tumpuk tunai tunggu tuntas tuntun turis turnamen turut tutorial tutur ubah ubin ucap udara ufuk ujar
ujian ujung ukir ulas ulasan ulet umbi umbul umpama umum unggas unggul unggulan ungkap ungkapan ungu unit universal
unta untung upacara upaya usaha utama utuh utusan vaksin vanili variasi varietas ventilasi versi vertikal video vila
violet vitamin voli volume vulkanik wacana waduk wafer wajah wajib wakil walet wangi warna wartawan warung wasit
waspada wawancara webinar wedang wijen wilayah wingko wisata wisatawan wisma wisuda wortel yayasan yogurt yupiter
zaitun zamrud zebra zodiak zona
`

/** 2048 words, in the order that gives each its number. */
export const indonesianWords: readonly string[] = WORDS.trim().split(/\s+/)
