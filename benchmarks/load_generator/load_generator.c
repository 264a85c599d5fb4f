/*
 * A load generator that costs little beside the relay it loads.
 *
 * Python sets the connections up (handshakes, signatures, joining conversations) and hands the open sockets over; this
 * program then speaks the hot path alone, from templates. Open loop: arrivals are a Poisson process, and latency counts
 * from the moment a message was *meant* to be sent, so that a stalling relay cannot hide its stall by slowing us down.
 *
 *     stdin                                        stdout
 *     connection FD CONVERSATION EPOCH COUNTER     -
 *     peer FD HEX HEX                              -   what goes before and behind the text of a message
 *     run MODE RATE SECONDS SIZE                   one line of JSON
 *     setups PORT COUNT PARALLEL TAG OFFSET PATH PROTOCOL HEX
 *                                                  one line of JSON
 *     logins PORT COUNT PARALLEL PATH PROTOCOL TURNS
 *                                                  one line of JSON; turns are HEX:HEX,HEX:HEX..., what is waited for and
 *                                                  what is said then
 *
 * MODE is `durable` (Append, answered by Accepted, delivered as Entry, acknowledged), `ephemeral` (Ephemeral), or `bare`
 * (the payload alone in a WebSocket message), or `text` (in messages of another server's protocol, whatever it wraps around
 * them; `peer_messages.h`). Messages of a run begin with the intended time, so any receiver can tell.
 * Frames are masked with the key 0, which costs the relay as much as any other.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools.h"

enum { TAG_APPEND = 0x07, TAG_EPHEMERAL = 0x08, TAG_ACKNOWLEDGE = 0x09, TAG_PING = 0x10 };
enum { TAG_ACCEPTED = 0x46, TAG_ENTRY = 0x47, TAG_EPHEMERAL_ENTRY = 0x48, TAG_ERROR = 0x49 };
enum { OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };
enum { CONVERSATION_BYTES = 16, STAMP_BYTES = 16, READ_BYTES = 1 << 18, EVENTS = 512, BINARY_HEADER_BYTES = 5 };

/* As the SDKs do it: with what is said next, or after so long. */
static const uint64_t ACKNOWLEDGE_WITHIN = 100ull * 1000000ull;
static const uint64_t KEEP_ALIVE = 10ull * 1000000000ull;
static const uint64_t DRAIN = 3ull * 1000000000ull, DRAIN_OVERLOADED = 1000000000ull;

typedef enum { DURABLE, EPHEMERAL, BARE, TEXT } Mode;
typedef enum { SPEAKS_TEDUH, SPEAKS_BARE, SPEAKS_MQTT } Kind;

typedef struct {
    int fd;
    uint8_t conversation[CONVERSATION_BYTES];
    uint64_t epoch, counter, accepted, acknowledge, acknowledge_at, last_sent;
    size_t turn;
    Buffer in, out, before, behind;
    bool waits_for_room, dirty, owes, open, upgraded, done;
} Connection;

typedef struct {
    uint64_t id, sent, received, from_before, accepted, errors, closed;
    char first_error[64];
    Histogram latency, lateness;
} Run;

static Connection *connections;
static size_t connection_count, connection_capacity;
static Connection **dirty;
static size_t dirty_count;
/* A ring of those that have something to acknowledge, or had when they were put into it. */
static Connection **owing;
static size_t owing_from, owing_count;
static int epoll_fd;
static Run run;
static uint8_t read_bytes[READ_BYTES];
static Kind kind;

/* --- writing: WebSocket frames around MessagePack arrays ------------------------------------------------------------ */

static void mark_dirty(Connection *connection) {
    if (connection->dirty) return;
    connection->dirty = true;
    dirty[dirty_count++] = connection;
}

static void put_frame_header(Buffer *out, uint8_t opcode, size_t length) {
    put_byte(out, 0x80 | opcode);
    if (length < 126) {
        put_byte(out, 0x80 | (uint8_t)length);
    } else if (length < 65536) {
        uint8_t extended[3] = {0x80 | 126, (uint8_t)(length >> 8), (uint8_t)length};
        put(out, extended, sizeof extended);
    } else {
        put_byte(out, 0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8) put_byte(out, (uint8_t)((uint64_t)length >> shift));
    }
    put(out, "\0\0\0\0", 4);
}

static size_t unsigned_length(uint64_t value) { return value < 128 ? 1 : value < 1ull << 32 ? 5 : 9; }

static void put_unsigned(Buffer *out, uint64_t value) {
    size_t length = unsigned_length(value);
    if (length == 1) {
        put_byte(out, (uint8_t)value);
        return;
    }
    put_byte(out, length == 5 ? 0xce : 0xcf);
    for (size_t shift = (length - 1) * 8; shift; shift -= 8) put_byte(out, (uint8_t)(value >> (shift - 8)));
}

static void put_conversation(Buffer *out, const Connection *connection) {
    put(out, "\xc4\x10", 2);
    put(out, connection->conversation, CONVERSATION_BYTES);
}

static void put_binary(Buffer *out, const uint8_t *bytes, size_t length) {
    uint8_t header[BINARY_HEADER_BYTES] = {0xc6, (uint8_t)(length >> 24), (uint8_t)(length >> 16),
                                           (uint8_t)(length >> 8), (uint8_t)length};
    put(out, header, sizeof header);
    put(out, bytes, length);
}

static void put_append(Connection *connection, const uint8_t *payload, size_t length) {
    uint64_t counter = ++connection->counter;
    size_t size = 2 + 18 + unsigned_length(counter) + 1 + unsigned_length(connection->epoch) + BINARY_HEADER_BYTES + length + 3 +
                  unsigned_length(connection->acknowledge);
    put_frame_header(&connection->out, OPCODE_BINARY, size);
    put(&connection->out, (uint8_t[]){0x9a, TAG_APPEND}, 2);
    put_conversation(&connection->out, connection);
    put_unsigned(&connection->out, counter);
    put_byte(&connection->out, 0); /* kind: a message */
    put_unsigned(&connection->out, connection->epoch);
    put_binary(&connection->out, payload, length);
    put(&connection->out, (uint8_t[]){0xc0, 0x90, 0x90}, 3); /* no welcome, nobody added, nobody removed */
    put_unsigned(&connection->out, connection->acknowledge); /* as the SDKs: with what is said next */
    connection->acknowledge = 0;
}

static void put_ephemeral(Connection *connection, const uint8_t *payload, size_t length) {
    put_frame_header(&connection->out, OPCODE_BINARY, 2 + 18 + BINARY_HEADER_BYTES + length);
    put(&connection->out, (uint8_t[]){0x93, TAG_EPHEMERAL}, 2);
    put_conversation(&connection->out, connection);
    put_binary(&connection->out, payload, length);
}

static void put_acknowledge(Connection *connection) {
    put_frame_header(&connection->out, OPCODE_BINARY, 2 + 18 + unsigned_length(connection->acknowledge));
    put(&connection->out, (uint8_t[]){0x93, TAG_ACKNOWLEDGE}, 2);
    put_conversation(&connection->out, connection);
    put_unsigned(&connection->out, connection->acknowledge);
    connection->acknowledge = 0;
}

static void put_ping(Connection *connection) {
    put_frame_header(&connection->out, OPCODE_BINARY, 3);
    put(&connection->out, (uint8_t[]){0x92, TAG_PING, 1}, 3);
}

static void watch(Connection *connection, bool for_room) {
    struct epoll_event event = {.events = EPOLLIN | (for_room ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
    connection->waits_for_room = for_room;
}

static void close_connection(Connection *connection) {
    if (!connection->open) return;
    connection->open = false;
    run.closed++;
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    close(connection->fd);
}

static void flush_connection(Connection *connection) {
    connection->dirty = false;
    if (!connection->open) return;
    if (!connection->out.length) return;
    ssize_t written = send(connection->fd, connection->out.bytes, connection->out.length, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN) {
        close_connection(connection);
        return;
    }
    if (written > 0) {
        connection->out.length -= (size_t)written;
        memmove(connection->out.bytes, connection->out.bytes + written, connection->out.length);
        connection->last_sent = now_nanoseconds();
    }
    if ((connection->out.length > 0) != connection->waits_for_room) watch(connection, connection->out.length > 0);
}

static void owe(Connection *connection, uint64_t now) {
    connection->acknowledge_at = now + ACKNOWLEDGE_WITHIN;
    if (connection->owes) return;
    connection->owes = true;
    owing[(owing_from + owing_count++) % connection_capacity] = connection;
}

static void acknowledge_due(void) {
    uint64_t now = now_nanoseconds();
    while (owing_count) {
        Connection *connection = owing[owing_from];
        if (connection->acknowledge && connection->acknowledge_at > now) return;
        owing_from = (owing_from + 1) % connection_capacity;
        owing_count--;
        connection->owes = false;
        if (!connection->acknowledge || !connection->open) continue;
        put_acknowledge(connection);
        mark_dirty(connection);
    }
}

static void flush_all(void) {
    acknowledge_due();
    for (size_t index = 0; index < dirty_count; index++) flush_connection(dirty[index]);
    dirty_count = 0;
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *at, *end;
} Reader;

static uint64_t big_endian(Reader *reader, size_t length) {
    uint64_t value = 0;
    while (length-- && reader->at < reader->end) value = value << 8 | *reader->at++;
    return value;
}

static uint64_t read_unsigned(Reader *reader) {
    uint8_t first = (uint8_t)big_endian(reader, 1);
    return first < 0x80 ? first : first >= 0xcc && first <= 0xcf ? big_endian(reader, 1u << (first - 0xcc)) : 0;
}

static size_t read_binary_length(Reader *reader) {
    uint8_t first = (uint8_t)big_endian(reader, 1);
    return first >= 0xc4 && first <= 0xc6 ? (size_t)big_endian(reader, 1u << (first - 0xc4)) : 0;
}

static void read_stamp(const uint8_t *payload, size_t length, uint64_t now) {
    uint64_t stamp[2];
    if (length < STAMP_BYTES) return;
    memcpy(stamp, payload, STAMP_BYTES);
    if (stamp[1] != run.id) { /* left over from an earlier run */
        run.from_before++;
        return;
    }
    run.received++;
    count_nanoseconds(&run.latency, now - stamp[0]);
}

#include "peer_messages.h"

static void note_error(Reader reader) {
    uint8_t first = (uint8_t)big_endian(&reader, 1);
    size_t length = first & 0x1f, left = (size_t)(reader.end - reader.at);
    run.errors++;
    if (run.first_error[0]) return;
    length = length < left ? length : left;
    snprintf(run.first_error, sizeof run.first_error, "%.*s", (int)length, (const char *)reader.at);
}

static void take_accepted(Connection *connection, Reader reader) {
    reader.at += 2 + CONVERSATION_BYTES;
    uint64_t counter = read_unsigned(&reader);
    if (counter <= connection->accepted) return;
    run.accepted += counter - connection->accepted; /* all up to the counter */
    connection->accepted = counter;
}

static void take_entry(Connection *connection, Reader reader, uint64_t now) {
    reader.at += 2 + CONVERSATION_BYTES;
    if (!connection->acknowledge) owe(connection, now);
    connection->acknowledge = read_unsigned(&reader);
    for (int field = 0; field < 4; field++) read_unsigned(&reader); /* member, counter, kind, epoch */
    size_t length = read_binary_length(&reader);
    if (reader.at + length <= reader.end) read_stamp(reader.at, length, now);
}

static void take_message(Connection *connection, const uint8_t *bytes, size_t length, Mode mode, uint64_t now) {
    Reader reader = {bytes, bytes + length};
    if (mode == BARE) {
        read_stamp(bytes, length, now);
        return;
    }
    if (mode == TEXT) {
        if (kind == SPEAKS_MQTT) acknowledge_publications(connection, bytes, length);
        read_marked(bytes, length, now);
        return;
    }
    uint8_t header = (uint8_t)big_endian(&reader, 1);
    if (header == 0xdc) reader.at += 2;
    switch (read_unsigned(&reader)) {
    case TAG_ACCEPTED: take_accepted(connection, reader); break;
    case TAG_ENTRY: take_entry(connection, reader, now); break;
    case TAG_ERROR: note_error(reader); break;
    case TAG_EPHEMERAL_ENTRY:
        reader.at += 2 + CONVERSATION_BYTES;
        read_unsigned(&reader);
        size_t payload = read_binary_length(&reader);
        if (reader.at + payload <= reader.end) read_stamp(reader.at, payload, now);
        break;
    }
}

/* The bytes that one whole WebSocket frame takes, or 0 while some are missing. */
static size_t frame_length(const uint8_t *bytes, size_t available, size_t *header) {
    if (available < 2) return 0;
    size_t length = bytes[1] & 0x7f;
    *header = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (available < *header) return 0;
    if (*header > 2) {
        Reader reader = {bytes + 2, bytes + *header};
        length = (size_t)big_endian(&reader, *header - 2);
    }
    return available < *header + length ? 0 : *header + length;
}

typedef void (*Taker)(Connection *, const uint8_t *, size_t, Mode, uint64_t);

static size_t take_frames(Connection *connection, const uint8_t *bytes, size_t available, Mode mode, Taker taker) {
    size_t taken = 0, header = 0, length;
    uint64_t now = now_nanoseconds();
    while (connection->open && (length = frame_length(bytes + taken, available - taken, &header))) {
        const uint8_t *payload = bytes + taken + header;
        switch (bytes[taken] & 0x0f) {
        case OPCODE_CLOSE: close_connection(connection); break;
        case OPCODE_PING:
            put_frame_header(&connection->out, OPCODE_PONG, length - header);
            put(&connection->out, payload, length - header);
            mark_dirty(connection);
            break;
        default: taker(connection, payload, length - header, mode, now);
        }
        taken += length;
    }
    return taken;
}

static void read_connection(Connection *connection, Mode mode, Taker taker) {
    Buffer *in = &connection->in;
    ssize_t length = recv(connection->fd, read_bytes, sizeof read_bytes, 0);
    if (length == 0 || (length < 0 && errno != EAGAIN)) close_connection(connection);
    if (length <= 0) return;
    if (!in->length) { /* the usual case: whole frames, nothing kept */
        size_t taken = take_frames(connection, read_bytes, (size_t)length, mode, taker);
        put(in, read_bytes + taken, (size_t)length - taken);
        return;
    }
    put(in, read_bytes, (size_t)length);
    size_t taken = take_frames(connection, in->bytes, in->length, mode, taker);
    in->length -= taken;
    memmove(in->bytes, in->bytes + taken, in->length);
}

static void handle_events(uint64_t wait_nanoseconds, Mode mode, Taker taker) {
    struct epoll_event events[EVENTS];
    struct timespec wait = {(time_t)(wait_nanoseconds / SECOND), (long)(wait_nanoseconds % SECOND)};
    int count = epoll_pwait2(epoll_fd, events, EVENTS, &wait, NULL);
    for (int index = 0; index < count; index++) {
        Connection *connection = events[index].data.ptr;
        if (!connection) continue; /* stdin: looked at between runs */
        if (events[index].events & EPOLLOUT) mark_dirty(connection);
        if (events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_connection(connection, mode, taker);
    }
    flush_all();
}

/* --- a run ---------------------------------------------------------------------------------------------------------- */

static void send_one(Mode mode, uint64_t intended, uint8_t *payload, size_t length) {
    Connection *connection = &connections[random_number() % connection_count];
    uint64_t stamp[2] = {intended, run.id};
    if (!connection->open) return;
    memcpy(payload, stamp, STAMP_BYTES);
    if (mode == DURABLE) put_append(connection, payload, length);
    if (mode == EPHEMERAL) put_ephemeral(connection, payload, length);
    if (mode == BARE) {
        put_frame_header(&connection->out, OPCODE_BINARY, length);
        put(&connection->out, payload, length);
    }
    if (mode == TEXT) put_text(connection, payload, length);
    mark_dirty(connection);
    run.sent++;
    count_nanoseconds(&run.lateness, now_nanoseconds() - intended);
}

static bool all_arrived(Mode mode) {
    return run.received >= run.sent && (mode != DURABLE || run.accepted >= run.sent);
}

static void report(double seconds, double processor, bool overloaded) {
    printf("{\"sent\": %lu, \"received\": %lu, \"from_before\": %lu, "
           "\"accepted\": %lu, \"errors\": %lu, \"closed\": %lu, \"first_error\": \"%s\", "
           "\"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f, \"late_p99_ms\": %.4f, \"generator_cpu\": %.3f, "
           "\"overloaded\": %s}\n",
           run.sent, run.received, run.from_before, run.accepted, run.errors, run.closed, run.first_error,
           percentile_milliseconds(&run.latency, 0.5), percentile_milliseconds(&run.latency, 0.99),
           (double)run.latency.largest / 1e6, percentile_milliseconds(&run.lateness, 0.99), processor / seconds,
           overloaded ? "true" : "false");
    fflush(stdout);
}

static void start_run(void) {
    uint64_t id = run.id;
    memset(&run, 0, sizeof run);
    run.id = id + 1;
}

static void do_run(Mode mode, double rate, double seconds, size_t length) {
    uint8_t *payload = calloc(1, length);
    double processor = processor_seconds();
    uint64_t begin = now_nanoseconds(), end = begin + (uint64_t)(seconds * 1e9), now = begin;
    uint64_t next = begin + (uint64_t)(exponential(rate) * 1e9), bound = (uint64_t)(rate / 2) + 1000;
    bool overloaded = false;
    start_run();
    while (next < end && !overloaded && !run.errors) {
        for (now = now_nanoseconds(); next <= now && next < end; next += (uint64_t)(exponential(rate) * 1e9))
            send_one(mode, next, payload, length);
        flush_all();
        handle_events(next > now ? next - now : 0, mode, take_message);
        overloaded = run.sent > run.received + bound; /* half a second behind: no use in going on */
    }
    double busy = processor_seconds() - processor, lasted = (double)(now_nanoseconds() - begin) / 1e9;
    for (uint64_t stop = now_nanoseconds() + (overloaded ? DRAIN_OVERLOADED : DRAIN); !all_arrived(mode) && now_nanoseconds() < stop;)
        handle_events(SECOND / 100, mode, take_message);
    report(lasted, busy, overloaded);
    free(payload);
}

#include "set_ups.h"

/* --- commands ------------------------------------------------------------------------------------------------------- */

static size_t from_hexadecimal(const char *text, uint8_t *bytes, size_t capacity) {
    size_t length = 0;
    for (unsigned byte; length < capacity && sscanf(text + 2 * length, "%2x", &byte) == 1; length++)
        bytes[length] = (uint8_t)byte;
    return length;
}

static Connection *next_connection(void) {
    if (connection_count == connection_capacity) fail("more connections than were announced");
    return &connections[connection_count++];
}

static void begin_connection(Connection *connection) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    connection->open = true;
    connection->last_sent = now_nanoseconds();
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event)) fail("epoll");
}

static void put_hexadecimal(Buffer *buffer, const char *text) {
    size_t length = strlen(text) / 2;
    buffer->length += from_hexadecimal(text, reserve(buffer, length), length);
}

static void add_peer(const char *line) {
    static char before[4096], behind[4096];
    Connection *connection = next_connection();
    behind[0] = '\0'; /* nothing may stand there */
    if (sscanf(line, "peer %d %4095s %4095s", &connection->fd, before, behind) < 2) fail("a peer's line");
    put_hexadecimal(&connection->before, before);
    put_hexadecimal(&connection->behind, behind);
    begin_connection(connection);
}

static void add_connection(const char *line) {
    char conversation[2 * CONVERSATION_BYTES + 1];
    Connection *connection = next_connection();
    if (sscanf(line, "connection %d %32s %lu %lu", &connection->fd, conversation, &connection->epoch,
               &connection->counter) != 4)
        fail("a connection's line");
    from_hexadecimal(conversation, connection->conversation, CONVERSATION_BYTES);
    connection->accepted = connection->counter;
    begin_connection(connection);
}

static Mode mode_named(const char *name) {
    static const char *names[] = {[DURABLE] = "durable", [EPHEMERAL] = "ephemeral", [BARE] = "bare", [TEXT] = "text"};
    for (Mode mode = DURABLE; mode <= TEXT; mode++)
        if (!strcmp(name, names[mode])) return mode;
    fail("a mode's name");
    return BARE;
}

static void obey_run(const char *line) {
    char name[16];
    double rate, seconds;
    size_t length;
    if (sscanf(line, "run %15s %lf %lf %zu", name, &rate, &seconds, &length) != 4 || length < STAMP_BYTES)
        fail("a run's line");
    do_run(mode_named(name), rate, seconds, length);
}

/* A protocol of "-" offers none. */
static void prepare_upgrade(const char *path, const char *protocol) {
    char upgrade[512], offer[128] = "";
    if (strcmp(protocol, "-")) snprintf(offer, sizeof offer, "Sec-WebSocket-Protocol: %s\r\n", protocol);
    snprintf(upgrade, sizeof upgrade,
             "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
             path, set_up.port, offer);
    set_up.upgrade.length = 0;
    put(&set_up.upgrade, upgrade, strlen(upgrade));
}

static void obey_set_ups(const char *line) {
    static char frame[2 * sizeof set_up.frame + 1];
    char path[192], protocol[64];
    size_t count, parallel;
    if (sscanf(line, "setups %u %zu %zu %u %zu %191s %63s %131072s", &set_up.port, &count, &parallel, &set_up.tag,
               &set_up.offset, path, protocol, frame) != 8)
        fail("a set-ups line");
    set_up.length = from_hexadecimal(frame, set_up.frame, sizeof set_up.frame);
    set_up.turn_count = 0;
    prepare_upgrade(path, protocol);
    do_set_ups(count, parallel);
}

static void add_turn(char *text) {
    Turn *turn = &set_up.turns[set_up.turn_count];
    char *reply = strchr(text, ':');
    if (!reply || set_up.turn_count == TURNS) fail("a turn");
    *reply++ = '\0';
    turn->expected.length = turn->reply.length = 0;
    put_hexadecimal(&turn->expected, text);
    put_hexadecimal(&turn->reply, reply);
    set_up.turn_count++;
}

static void obey_log_ins(const char *line) {
    static char turns[16384];
    char path[192], protocol[64];
    size_t count, parallel;
    if (sscanf(line, "logins %u %zu %zu %191s %63s %16383s", &set_up.port, &count, &parallel, path, protocol, turns) != 6)
        fail("a log-ins line");
    set_up.turn_count = 0;
    for (char *rest = turns, *turn; (turn = strsep(&rest, ","));) add_turn(turn);
    prepare_upgrade(path, protocol);
    do_set_ups(count, parallel);
}

static void keep_alive(void) {
    uint64_t now = now_nanoseconds();
    for (size_t index = 0; kind == SPEAKS_TEDUH && index < connection_count; index++) {
        Connection *connection = &connections[index];
        if (!connection->open || now - connection->last_sent < KEEP_ALIVE) continue;
        put_ping(connection);
        mark_dirty(connection);
    }
    flush_all();
}

/* Between runs the connections stay alive: pings of the relay are answered, and ours sent. */
static bool next_line(char **line, size_t *capacity) {
    static const Mode modes[] = {[SPEAKS_TEDUH] = DURABLE, [SPEAKS_BARE] = BARE, [SPEAKS_MQTT] = TEXT};
    for (;;) {
        fd_set input;
        struct timeval tick = {0, 20000};
        FD_ZERO(&input);
        FD_SET(0, &input);
        if (select(1, &input, NULL, NULL, &tick) > 0) return getline(line, capacity, stdin) > 0;
        handle_events(0, modes[kind], take_message);
        keep_alive();
    }
}

static Kind kind_named(const char *name) {
    static const char *names[] = {[SPEAKS_TEDUH] = "teduh", [SPEAKS_BARE] = "bare", [SPEAKS_MQTT] = "mqtt"};
    for (Kind each = SPEAKS_TEDUH; each <= SPEAKS_MQTT; each++)
        if (!strcmp(name, names[each])) return each;
    fail("a kind's name");
    return SPEAKS_BARE;
}

int main(int argc, char **argv) {
    char *line = NULL;
    size_t capacity = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: load_generator teduh|bare|mqtt CONNECTIONS\n");
        return 2;
    }
    kind = kind_named(argv[1]);
    connection_capacity = strtoul(argv[2], NULL, 10);
    connections = calloc(connection_capacity + 1, sizeof *connections);
    dirty = calloc(connection_capacity + 1, sizeof *dirty);
    owing = calloc(connection_capacity + 1, sizeof *owing);
    epoll_fd = epoll_create1(0);
    setvbuf(stdin, NULL, _IONBF, 0);
    if (!connections || !dirty || epoll_fd < 0) fail("start");
    while (next_line(&line, &capacity)) {
        if (!strncmp(line, "connection ", 11)) add_connection(line);
        if (!strncmp(line, "peer ", 5)) add_peer(line);
        if (!strncmp(line, "run ", 4)) obey_run(line);
        if (!strncmp(line, "setups ", 7)) obey_set_ups(line);
        if (!strncmp(line, "logins ", 7)) obey_log_ins(line);
    }
    return 0;
}
