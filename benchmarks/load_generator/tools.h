/*
 * What the load generator stands on: time, chance, growing buffers, and a histogram of latencies.
 */
#pragma once

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { BUCKETS_PER_OCTAVE = 64, OCTAVES = 48 };

static const uint64_t SECOND = 1000000000ull;
static uint64_t random_state = 0x9e3779b97f4a7c15ull;

typedef struct {
    uint8_t *bytes;
    size_t length, capacity;
} Buffer;

typedef struct {
    uint64_t counts[OCTAVES * BUCKETS_PER_OCTAVE];
    uint64_t total, largest;
} Histogram;

/* --- small tools ------------------------------------------------------------------------------------------------ */

static void fail(const char *what) {
    fprintf(stderr, "load generator: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static uint64_t random_number(void) { /* xorshift64: arrivals need no better */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double exponential(double rate) {
    double uniform = ((double)(random_number() >> 11) + 1.0) / 9007199254740993.0;
    return -log(uniform) / rate;
}

static uint8_t *reserve(Buffer *buffer, size_t more) {
    if (buffer->length + more > buffer->capacity) {
        buffer->capacity = (buffer->length + more) * 2;
        buffer->bytes = realloc(buffer->bytes, buffer->capacity);
        if (!buffer->bytes) fail("memory");
    }
    return buffer->bytes + buffer->length;
}

static void put(Buffer *buffer, const void *bytes, size_t length) {
    memcpy(reserve(buffer, length), bytes, length);
    buffer->length += length;
}

static void put_byte(Buffer *buffer, uint8_t byte) { put(buffer, &byte, 1); }

/* --- histogram: 64 buckets an octave, so a percentile is right within 1.1 % ---------------------------------------- */

static void count_nanoseconds(Histogram *histogram, uint64_t value) {
    double octave = value > 1 ? log2((double)value) : 0;
    size_t index = (size_t)(octave * BUCKETS_PER_OCTAVE);
    histogram->counts[index < OCTAVES * BUCKETS_PER_OCTAVE ? index : OCTAVES * BUCKETS_PER_OCTAVE - 1]++;
    histogram->total++;
    if (value > histogram->largest) histogram->largest = value;
}

static double percentile_milliseconds(const Histogram *histogram, double part) {
    uint64_t wanted = (uint64_t)ceil(part * (double)histogram->total), seen = 0;
    for (size_t index = 0; index < OCTAVES * BUCKETS_PER_OCTAVE; index++) {
        seen += histogram->counts[index];
        if (wanted && seen >= wanted) return exp2((index + 1.0) / BUCKETS_PER_OCTAVE) / 1e6;
    }
    return 0;
}
