/*
 * Messages of other servers' protocols: what their log-in told stands before and behind the text, which carries a mark and the
 * stamp in hexadecimal. Part of load_generator.c, from which it has its connections and buffers.
 *
 * In MQTT a message is binary, and what came with QoS 1 is acknowledged, as each client has to.
 */
#pragma once

static const char MARK[] = "TDH:";
enum { MARK_BYTES = sizeof MARK - 1 };
enum { MQTT_PUBLISH = 3, MQTT_PUBLISH_ACKNOWLEDGED = 4 };

static uint8_t peer_opcode(void) { return kind == SPEAKS_MQTT ? OPCODE_BINARY : OPCODE_TEXT; }

/* As many characters as the payload has bytes: mark, stamp, filling. */
static void put_text(Connection *connection, const uint8_t *payload, size_t length) {
    static const char digits[] = "0123456789abcdef";
    size_t marked = MARK_BYTES + 2 * STAMP_BYTES, filling = length > marked ? length - marked : 0;
    const Buffer *before = &connection->before, *behind = &connection->behind;
    put_frame_header(&connection->out, peer_opcode(), before->length + marked + filling + behind->length);
    put(&connection->out, before->bytes, before->length);
    put(&connection->out, MARK, MARK_BYTES);
    for (size_t index = 0; index < STAMP_BYTES; index++) {
        put_byte(&connection->out, (uint8_t)digits[payload[index] >> 4]);
        put_byte(&connection->out, (uint8_t)digits[payload[index] & 15]);
    }
    memset(reserve(&connection->out, filling), 'x', filling);
    connection->out.length += filling;
    put(&connection->out, behind->bytes, behind->length);
}

static uint8_t digit_value(uint8_t digit) { return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10); }

/* Any number of messages may have come together; those without a mark are the protocol's own. */
static void read_marked(const uint8_t *bytes, size_t length, uint64_t now) {
    const uint8_t *end = bytes + length, *mark;
    while ((mark = memmem(bytes, (size_t)(end - bytes), MARK, MARK_BYTES))) {
        uint8_t stamp[STAMP_BYTES];
        bytes = mark + MARK_BYTES;
        if ((size_t)(end - bytes) < 2 * STAMP_BYTES) return;
        for (size_t index = 0; index < STAMP_BYTES; index++)
            stamp[index] = (uint8_t)(digit_value(bytes[2 * index]) << 4 | digit_value(bytes[2 * index + 1]));
        read_stamp(stamp, sizeof stamp, now);
    }
}

/* MQTT 3.1.1, 2.2.3: seven bits in each byte, the lowest first. */
static size_t read_remaining_length(Reader *reader) {
    size_t value = 0;
    for (unsigned shift = 0; shift < 28 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        value |= (size_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) break;
    }
    return value;
}

/* MQTT 3.1.1, 3.3 and 3.4: the packet identifier stands behind the topic, and goes back. */
static void acknowledge_publications(Connection *connection, const uint8_t *bytes, size_t length) {
    Reader reader = {bytes, bytes + length};
    while (reader.at < reader.end) {
        uint8_t first = *reader.at++;
        size_t remaining = read_remaining_length(&reader);
        Reader body = {reader.at, reader.at + remaining};
        if (body.end > reader.end) return;
        reader.at = body.end;
        if (first >> 4 == MQTT_PUBLISH_ACKNOWLEDGED) run.accepted++;
        if (first >> 4 != MQTT_PUBLISH || !(first & 0x06)) continue;
        size_t topic = (size_t)big_endian(&body, 2);
        if (topic + 2 > (size_t)(body.end - body.at)) return;
        body.at += topic;
        put_frame_header(&connection->out, OPCODE_BINARY, 4);
        put(&connection->out, (uint8_t[]){0x40, 2, body.at[0], body.at[1]}, 4);
        mark_dirty(connection);
    }
}
