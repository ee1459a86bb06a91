/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The objects of TLS libraries that stand for connections, and the rings that tell of them. */
#ifndef TLSIGHT_CLEAR_OBJECTS_H
#define TLSIGHT_CLEAR_OBJECTS_H

#include "clear_record.h"
#include "clear_ends.h"
#include "kernel.h"
#include "process.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

enum counter {
    /* Bytes, in the order of `enum tally`. */
    COUNT_FIRST_TALLY,
    /* Objects for which there was no room. */
    COUNT_OBJECTS_FULL = TALLIES,
    /* Records other than data that the ring had no room for. */
    COUNT_NOTICES_LOST,
    /* Calls that claim to have moved more than was asked of them. */
    COUNT_NONSENSE,
    COUNTERS,
};

#include "counters.h"

#define MAX_RINGS 8

#define RING(name)                                                                                 \
    struct name {                                                                                  \
        __uint(type, BPF_MAP_TYPE_RINGBUF);                                                        \
        __uint(max_entries, 1 << 12);                                                              \
    } name SEC(".maps")

RING(ring_0);
RING(ring_1);
RING(ring_2);
RING(ring_3);
RING(ring_4);
RING(ring_5);
RING(ring_6);
RING(ring_7);

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, MAX_RINGS);
    __type(key, __u32);
    __array(values, struct ring_0);
} rings SEC(".maps");

/* How many rings there are, a power of two up to MAX_RINGS. */
volatile const __u32 ring_count = 1;

struct object_key {
    __u64 object;
    __u32 tgid;
    __u32 reserved;
};

/* Pieces of an object's clear text that may wait: rustls lets no more than 64 KiB of records wait. */
#define MAX_HELD 8

struct object {
    __u64 id;
    struct progress progress[DIRECTIONS];
    struct address address;
    struct process_key process;
    /* When its socket was closed, in nanoseconds of CLOCK_BOOTTIME; 0 before. */
    __u64 closed_at;
    __u32 ring;
    __u32 target;
    /* The rules under which `is_allowed` was found. */
    __u32 epoch;
    __u8 is_allowed;
    /* Whether the library has freed it, which the ring had no room to tell. */
    __u8 is_freed;
    /* Whether its socket was told, and how that was found. */
    __u8 is_told;
    __u8 how;
    /* Of a cipher: how many records it has made or opened. */
    __u64 sequence;
    /* What is held of it, in this order, how many of these are in use, and whether any of it was lost. */
    __u16 held[MAX_HELD];
    __u16 held_count;
    __u16 held_lost;
    __u32 reserved;
    __u64 held_bytes;
    /* Bytes behind these for which there was no room. */
    __u64 held_behind;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 131072);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct object_key);
    __type(value, struct object);
} objects SEC(".maps");

/* Objects of which the reader wants no more: those of the other end of a connection. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 65536);
    __type(key, __u64);
    __type(value, __u8);
} dismissed SEC(".maps");

/* What is known of a TCP socket since it was connected. */
struct connection {
    __u64 opened_at;
    /* The object that has used it last. */
    struct object_key key;
    __u8 role;
    __u8 reserved[7];
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct connection);
} connections SEC(".maps");

static __u64 last_id;

static __always_inline void tell_tally(struct process *process, enum tally tally, __u64 bytes)
{
    count(COUNT_FIRST_TALLY + tally, bytes);
    if (process)
        __sync_fetch_and_add(&process->bytes[tally], bytes);
}

static __always_inline void *ring_of(__u32 number)
{
    return bpf_map_lookup_elem(&rings, &number);
}

/* Tells of the running process, unless that was done in this ring. */
__noinline int tell_process(struct process_key *key, __u32 number)
{
    if (!key)
        return 0;
    __u8 bit = 1 << (number & (MAX_RINGS - 1));
    __u8 *rings_told = bpf_map_lookup_elem(&told, key);
    if (rings_told && (*rings_told & bit))
        return 0;
    void *ring = ring_of(number);
    if (!ring)
        return 0;
    struct process_record *record = bpf_ringbuf_reserve(ring, sizeof(*record), 0);
    if (!record) {
        count(COUNT_NOTICES_LOST, 1);
        return 0;
    }
    fill(record, key);
    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
    __u8 value = bit | (rings_told ? *rings_told : 0);
    bpf_map_update_elem(&told, key, &value, BPF_ANY);
    return 0;
}

static __always_inline struct object_key object_key(__u64 object)
{
    struct object_key key = {
        .object = object,
        .tgid = bpf_get_current_pid_tgid() >> 32,
    };
    return key;
}

static __always_inline __u32 choose_ring(const struct object_key *key)
{
    __u64 mixed = (key->object ^ ((__u64)key->tgid << 32)) * 0x9e3779b97f4a7c15ULL;
    return (mixed >> 32) & (ring_count - 1) & (MAX_RINGS - 1);
}

static __always_inline void forget_held(struct object *object)
{
    object->held_count = 0;
    object->held_lost = 0;
    object->held_bytes = 0;
    object->held_behind = 0;
}

/* Has an object stand for nothing yet: a library has made it where another one was. */
static __always_inline void begin_anew(struct object *object)
{
    object->id = __sync_fetch_and_add(&last_id, 1) + 1;
    __builtin_memset(object->progress, 0, sizeof(object->progress));
    object->address.cookie = 0;
    object->closed_at = 0;
    object->is_freed = 0;
    object->is_told = 0;
    object->epoch = 0;
    forget_held(object);
}

/* The object of the running process at an address, which may be new. */
static __noinline struct object *known_object(const struct object_key *key, struct process *process)
{
    if (!key || !process)
        return 0;
    struct object *object = bpf_map_lookup_elem(&objects, key);
    if (object) {
        if (object->is_freed || object->process.start != process->key.start ||
            object->process.exec != process->key.exec) {
            begin_anew(object);
            object->process = process->key;
        }
        return object;
    }
    struct object anew = {
        .id = __sync_fetch_and_add(&last_id, 1) + 1,
        .process = process->key,
        .ring = choose_ring(key),
    };
    if (bpf_map_update_elem(&objects, key, &anew, BPF_NOEXIST))
        count(COUNT_OBJECTS_FULL, 1);
    return bpf_map_lookup_elem(&objects, key);
}

static __always_inline void begin_head(struct clear_head *head, __u8 kind, __u8 how,
                                       const struct object *object)
{
    __builtin_memset(head, 0, sizeof(*head));
    head->kind = kind;
    head->how = how;
    head->object = object->id;
    head->time = bpf_ktime_get_boot_ns();
    head->process = object->process;
}

/* Whether the rules on addresses allow an object whose socket is known. */
static __always_inline int is_allowed(struct object *object)
{
    struct scope *scope = current_scope();
    if (!scope)
        return 0;
    if (object->epoch != scope->epoch) {
        object->is_allowed = allows_address(&object->address);
        object->epoch = scope->epoch;
    }
    return object->is_allowed;
}

/*
 * Tells of the socket of an object, and by what name the running process goes if it is that of the object.
 * It is not static, so that the verifier looks at it once and not for each call.
 */
__noinline int tell_bound(struct object *object, __u8 is_own)
{
    void *ring = object ? ring_of(object->ring) : 0;
    if (!ring)
        return 0;
    struct bound_record *record = bpf_ringbuf_reserve(ring, sizeof(*record), 0);
    if (!record) {
        /* It is told with the next clear text. */
        count(COUNT_NOTICES_LOST, 1);
        return 0;
    }
    begin_head(&record->head, CLEAR_BOUND, object->how, object);
    record->address = object->address;
    __builtin_memcpy(record->progress, object->progress, sizeof(record->progress));
    record->target = object->target;
    record->reserved = 0;
    __builtin_memset(record->comm, 0, sizeof(record->comm));
    if (is_own)
        bpf_get_current_comm(record->comm, sizeof(record->comm));
    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
    object->is_told = 1;
    return 1;
}

/* Takes note of the socket of an object, and tells of it if that may be. */
static __always_inline int bind(struct object *object, const struct address *address,
                                const __u8 how)
{
    if (object->address.cookie == address->cookie)
        return 0;
    if (object->address.cookie) {
        /* It serves another connection: SSL_clear(3), or memory that was given out again. */
        object->id = __sync_fetch_and_add(&last_id, 1) + 1;
        __builtin_memset(object->progress, 0, sizeof(object->progress));
    }
    object->address = *address;
    object->closed_at = 0;
    object->epoch = 0;
    object->is_told = 0;
    object->how = how;
    if (!is_allowed(object))
        return 0;
    return tell_bound(object, how != BOUND_BY_FINGERPRINT);
}

/* Tells that there is no more of an object; false if the ring has no room. */
static __always_inline int tell_closed(const struct object *object, __u8 how)
{
    void *ring = ring_of(object->ring);
    struct closed_record *record =
        ring ? bpf_ringbuf_reserve(ring, sizeof(*record), 0) : 0;
    if (record) {
        begin_head(&record->head, CLEAR_CLOSED, how, object);
        __builtin_memcpy(record->progress, object->progress, sizeof(record->progress));
        bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
        return 1;
    }
    count(COUNT_NOTICES_LOST, 1);
    return 0;
}

/* Has an object that rules allow no longer begin anew, if they will allow it again. */
__noinline int revoke(struct object *object)
{
    if (!object || !object->is_told)
        return 0;
    tell_closed(object, CLOSED_BY_RULES);
    object->id = __sync_fetch_and_add(&last_id, 1) + 1;
    object->is_told = 0;
    return 0;
}

#endif
