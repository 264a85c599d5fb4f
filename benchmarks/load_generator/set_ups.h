/*
 * Set-ups, as fast as the relay bears: connect, upgrade, then one frame and its answer, or the turns of another server's
 * protocol. Part of load_generator.c, from which it has its connections and buffers.
 */
#pragma once

enum { TURNS = 8 };

static const char RANDOM_MARK[] = "RANDOM-16-DIGITS";
enum { RANDOM_DIGITS = sizeof RANDOM_MARK - 1 };

/* What is waited for in a message, nothing the first time perhaps, and what is then said, nothing at the end. */
typedef struct {
    Buffer expected, reply;
} Turn;

typedef struct {
    unsigned port;
    uint8_t frame[65536];
    size_t length, offset;
    unsigned tag;
    Buffer upgrade;
    Turn turns[TURNS];
    size_t turn_count, finished;
} SetUp;

static SetUp set_up;

static void send_first_frame(Connection *connection) {
    uint8_t *start;
    put_frame_header(&connection->out, OPCODE_BINARY, set_up.length);
    start = reserve(&connection->out, set_up.length);
    memcpy(start, set_up.frame, set_up.length);
    if (set_up.offset && getrandom(start + set_up.offset, 32, 0) != 32) fail("random bytes");
    connection->out.length += set_up.length;
    mark_dirty(connection);
}

static void take_answer(Connection *connection, const uint8_t *bytes, size_t length, Mode mode, uint64_t now) {
    (void)mode, (void)now;
    if (length < 2 || connection->done) return;
    if (set_up.tag && bytes[1] == TAG_ERROR) note_error((Reader){bytes + 2, bytes + length});
    if (set_up.tag && bytes[1] != set_up.tag && bytes[1] != TAG_ERROR) return;
    connection->done = true;
    set_up.finished++;
}

/* The text, with digits of chance wherever it has the mark: names that nobody else has. */
static void put_with_chance(Buffer *out, const Buffer *text) {
    uint8_t *start = reserve(out, text->length), *mark;
    memcpy(start, text->bytes, text->length);
    out->length += text->length;
    while ((mark = memmem(start, text->length, RANDOM_MARK, RANDOM_DIGITS)))
        for (size_t digit = 0; digit < RANDOM_DIGITS; digit++) mark[digit] = (uint8_t)"0123456789abcdef"[random_number() % 16];
}

static void say_turn(Connection *connection, const Turn *turn) {
    connection->turn++;
    if (turn->reply.length) {
        put_frame_header(&connection->out, peer_opcode(), turn->reply.length);
        put_with_chance(&connection->out, &turn->reply);
        mark_dirty(connection);
    }
    if (connection->turn < set_up.turn_count) return;
    connection->done = true;
    set_up.finished++;
}

static void take_turn(Connection *connection, const uint8_t *bytes, size_t length, Mode mode, uint64_t now) {
    const Turn *turn = &set_up.turns[connection->turn];
    (void)mode, (void)now;
    if (connection->done || !memmem(bytes, length, turn->expected.bytes, turn->expected.length)) return;
    say_turn(connection, turn);
}

static Taker set_up_taker(void) { return set_up.turn_count ? take_turn : take_answer; }

static void begin_to_talk(Connection *connection) {
    if (!set_up.turn_count) send_first_frame(connection);
    else if (!set_up.turns[0].expected.length) say_turn(connection, &set_up.turns[0]);
}

/* Swallows the answer to the upgrade, then lets frames through. */
static void take_upgrade(Connection *connection) {
    uint8_t *end;
    ssize_t length = recv(connection->fd, read_bytes, sizeof read_bytes, 0);
    if (length == 0 || (length < 0 && errno != EAGAIN)) close_connection(connection);
    if (length <= 0) return;
    put(&connection->in, read_bytes, (size_t)length);
    end = memmem(connection->in.bytes, connection->in.length, "\r\n\r\n", 4);
    if (!end) return;
    if (memcmp(connection->in.bytes, "HTTP/1.1 101", 12) != 0) {
        close_connection(connection);
        return;
    }
    connection->upgraded = true;
    connection->in.length -= (size_t)(end + 4 - connection->in.bytes);
    memmove(connection->in.bytes, end + 4, connection->in.length);
    begin_to_talk(connection);
    size_t taken = take_frames(connection, connection->in.bytes, connection->in.length, BARE, set_up_taker());
    connection->in.length -= taken;
    memmove(connection->in.bytes, connection->in.bytes + taken, connection->in.length);
}

static void open_connection(Connection *connection) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)set_up.port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    struct sockaddr_in own = {.sin_family = AF_INET};
    int yes = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* What waits unanswered is limited for each address, and these are many people's: 127.1.0.1 to 127.250.249.250. */
    own.sin_addr.s_addr = htonl((uint32_t)(127U << 24 | (1 + random_number() % 250) << 16 | (random_number() % 250) << 8 |
                                           (1 + random_number() % 250)));
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0 || bind(connection->fd, (struct sockaddr *)&own, sizeof own)) fail("bind");
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    connection->open = true;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event);
    put_with_chance(&connection->out, &set_up.upgrade);
    mark_dirty(connection);
}

static void handle_set_up_events(void) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll_fd, events, EVENTS, 100);
    for (int index = 0; index < count; index++) {
        Connection *connection = events[index].data.ptr;
        if (!connection) continue;
        if (events[index].events & EPOLLOUT) mark_dirty(connection);
        if (!(events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
        if (connection->upgraded) read_connection(connection, BARE, set_up_taker());
        else take_upgrade(connection);
    }
    flush_all();
}

static void do_set_ups(size_t count, size_t parallel) {
    Connection *all = calloc(count, sizeof *all);
    double processor = processor_seconds();
    uint64_t begin = now_nanoseconds(), stop = begin + 60 * SECOND;
    size_t opened = 0;
    start_run();
    set_up.finished = 0;
    dirty = realloc(dirty, (count + connection_count) * sizeof *dirty);
    while (set_up.finished + run.closed < count && now_nanoseconds() < stop) {
        while (opened < count && opened - set_up.finished - run.closed < parallel) open_connection(&all[opened++]);
        flush_all();
        handle_set_up_events();
    }
    double seconds = (double)(now_nanoseconds() - begin) / 1e9;
    printf("{\"finished\": %zu, \"closed\": %lu, \"errors\": %lu, \"first_error\": \"%s\", \"seconds\": %.4f, "
           "\"generator_cpu\": %.3f}\n",
           set_up.finished, run.closed, run.errors, run.first_error, seconds,
           (processor_seconds() - processor) / seconds);
    fflush(stdout);
    for (size_t index = 0; index < opened; index++) {
        close_connection(&all[index]);
        free(all[index].in.bytes);
        free(all[index].out.bytes);
    }
    free(all);
}
