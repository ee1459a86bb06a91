/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Clear text of objects whose socket becomes known only when their records are sent. Where rules are about
 * addresses, none of it may leave the kernel before: it is held there.
 */
#ifndef TLSIGHT_CLEAR_HELD_H
#define TLSIGHT_CLEAR_HELD_H

#include "clear_calls.h"

/* Pieces at a time, of all processes: a thread has one for the time between a write and its send. */
#define HELD_PIECES 256

enum held_state {
    HELD_NONE,
    /* A program works with it. */
    HELD_BUSY,
    HELD_FULL,
};

struct held {
    __u64 state;
    /* Number of the object. */
    __u64 id;
    struct object_key key;
    struct process_key process;
    __u64 time;
    __u32 len;
    __u32 reserved;
    /* Twice as much as is used: the verifier sees that what is added is no more than a chunk. */
    __u8 bytes[2 * CHUNK];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, HELD_PIECES);
    __type(key, __u32);
    __type(value, struct held);
} held_pieces SEC(".maps");

static __u64 next_held;

/* Where the clear text of a record is in its process: in one piece, or in those of a list of `&[u8]`. */
struct text {
    __u64 at;
    /* Pieces of the list; 0 if it is one. */
    __u64 count;
    /* Bytes of the list before it. */
    __u64 skipped;
    __u64 len;
};

struct gathering {
    struct text text;
    __u32 piece;
    __u32 to;
};

static __always_inline struct held *held_piece(__u32 number)
{
    return bpf_map_lookup_elem(&held_pieces, &number);
}

/* Adds some bytes of the process to a piece; false if that cannot be. */
static __always_inline int add_bytes(struct gathering *gathering, __u64 from, __u64 len)
{
    struct held *held = held_piece(gathering->piece);
    __u64 to = gathering->to;

    asm volatile("" : "+r"(to), "+r"(len));
    if (!held || to >= CHUNK || len == 0 || len > CHUNK)
        return 0;
    if (bpf_probe_read_user(&held->bytes[to], len, (void *)from))
        return 0;
    gathering->to += len;
    gathering->text.len -= len;
    return 1;
}

static long add_listed(__u64 index, void *context)
{
    struct gathering *gathering = context;
    struct text *text = &gathering->text;
    __u64 slice[2];

    if (!text->len || index >= text->count ||
        bpf_probe_read_user(slice, sizeof(slice), (void *)(text->at + index * sizeof(slice))))
        return 1;
    if (slice[1] <= text->skipped) {
        text->skipped -= slice[1];
        return 0;
    }
    __u64 from = slice[0] + text->skipped;
    __u64 len = slice[1] - text->skipped;
    text->skipped = 0;
    if (len > text->len)
        len = text->len;
    return !add_bytes(gathering, from, len);
}

/* Most pieces of a list that are looked at: as many as writev(2) takes (UIO_MAXIOV). */
#define MAX_LISTED 1024

/* Puts a record's clear text into a piece, behind `to`; false if it cannot be read. */
__noinline int gather(const struct text *text, __u32 piece, __u32 to)
{
    if (!text || to > CHUNK || text->len > CHUNK - to)
        return 0;
    struct gathering gathering = { .text = *text, .piece = piece, .to = to };
    if (text->count)
        bpf_loop(MAX_LISTED, add_listed, &gathering, 0);
    else
        add_bytes(&gathering, text->at, text->len);
    return gathering.text.len == 0;
}

static __always_inline struct process *process_of(const struct process_key *key)
{
    __u32 tgid = key->tgid;
    struct process *process = bpf_map_lookup_elem(&processes, &tgid);
    return process && process->key.start == key->start && process->key.exec == key->exec ? process
                                                                                        : 0;
}

/* Gives up on what a piece holds. */
static __always_inline void lose(struct held *held)
{
    struct process *process = process_of(&held->process);
    struct object_key key = held->key;
    struct object *object = bpf_map_lookup_elem(&objects, &key);

    tell_tally(process, TALLY_RELEASED, held->len);
    tell_tally(process, TALLY_UNMAPPED, held->len);
    if (object && object->id == held->id)
        object->held_lost = 1;
}

/* A piece for the caller alone, at the cost of the oldest one; HELD_PIECES if there is none. */
static __always_inline __u32 take_piece(void)
{
    __u32 number = __sync_fetch_and_add(&next_held, 1) & (HELD_PIECES - 1);
    struct held *held = held_piece(number);
    if (!held)
        return HELD_PIECES;
    __u64 state = __sync_val_compare_and_swap(&held->state, HELD_NONE, HELD_BUSY);
    if (state == HELD_FULL) {
        if (__sync_val_compare_and_swap(&held->state, HELD_FULL, HELD_BUSY) != HELD_FULL)
            return HELD_PIECES;
        lose(held);
    } else if (state != HELD_NONE) {
        return HELD_PIECES;
    }
    return number;
}

/* Takes a piece of an object, if it is still that; the state is the caller's to set. */
static __always_inline struct held *retake_piece(__u32 number, const struct object *object)
{
    struct held *held = held_piece(number);
    if (!held || __sync_val_compare_and_swap(&held->state, HELD_FULL, HELD_BUSY) != HELD_FULL)
        return 0;
    if (held->id == object->id)
        return held;
    held->state = HELD_FULL;
    return 0;
}

/* Holds the clear text of a record; false if there is no room. */
__noinline int hold(struct object *object, const struct object_key *key, const struct text *text,
                    __u64 time)
{
    if (!object || !key || !text || object->held_behind)
        return 0;
    __u32 last = object->held_count - 1;
    if (object->held_count && last < MAX_HELD) {
        __u32 number = object->held[last & (MAX_HELD - 1)];
        struct held *held = retake_piece(number, object);
        if (held) {
            int fits = gather(text, number, held->len);
            if (fits) {
                held->len += text->len;
                object->held_bytes += text->len;
            }
            held->state = HELD_FULL;
            if (fits)
                return 1;
        }
    }
    if (object->held_count >= MAX_HELD)
        return 0;
    __u32 number = take_piece();
    struct held *held = held_piece(number);
    if (!held)
        return 0;
    if (!gather(text, number, 0)) {
        held->state = HELD_NONE;
        return 0;
    }
    held->id = object->id;
    held->key = *key;
    held->process = object->process;
    held->time = time;
    held->len = text->len;
    object->held[object->held_count & (MAX_HELD - 1)] = number;
    object->held_count++;
    object->held_bytes += text->len;
    held->state = HELD_FULL;
    return 1;
}

/* Copies what a piece holds, and counts what becomes of it. */
__noinline int copy_held(struct object *object, struct process *process, __u32 number)
{
    struct held *held = held_piece(number);
    if (!object || !process || !held)
        return 0;
    struct progress *progress = &object->progress[WRITE];
    struct copying copying = { .from = (__u64)held->bytes, .ring = object->ring };
    void *ring = ring_of(object->ring);
    __u64 len = held->len;

    begin_head(&copying.head, CLEAR_DATA, 0, object);
    __u64 began = copying.head.time;
    copying.head.direction = WRITE;
    copying.head.time = held->time;
    copying.head.position = progress->position;
    copying.head.ring_full = progress->ring_full;
    copying.head.faults = progress->faults;
    if (ring && !copy_sized(&copying, ring, len, 1))
        copying.delivered = len;
    else
        copying.head.ring_full += len;
    __sync_fetch_and_add(&process->copying, bpf_ktime_get_boot_ns() - began);
    settle(&copying, progress, process);
    progress->position += len;
    return 0;
}

/* Decides on what is held of an object, whose socket has become known. */
__noinline int release_held(struct object *object)
{
    if (!object || (!object->held_count && !object->held_behind))
        return 0;
    struct process *process = process_of(&object->process);
    struct scope *scope = current_scope();
    int is_current = process && scope && process->epoch == scope->epoch &&
                     process->is_allowed && !process->is_paused;

    if (object->held_lost)
        object->progress[WRITE].position += object->held_bytes;
    for (__u32 at = 0; at < MAX_HELD && at < object->held_count; at++) {
        __u32 number = object->held[at & (MAX_HELD - 1)];
        struct held *held = retake_piece(number, object);
        if (!held)
            continue;
        tell_tally(process, TALLY_RELEASED, held->len);
        if (object->held_lost) {
            /* Nobody knows the place of what is left. */
            tell_tally(process, TALLY_UNMAPPED, held->len);
        } else if (!is_current) {
            object->progress[WRITE].position += held->len;
            tell_tally(process, TALLY_FILTERED, held->len);
        } else if (is_wanted(object, WRITE, process, held->len)) {
            copy_held(object, process, number);
        }
        held->state = HELD_NONE;
    }
    object->progress[WRITE].position += object->held_behind;
    forget_held(object);
    return 0;
}

#endif
