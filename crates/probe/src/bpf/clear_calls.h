/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls of the functions that take and give clear text, from their entry to their return. */
#ifndef TLSIGHT_CLEAR_CALLS_H
#define TLSIGHT_CLEAR_CALLS_H

#include "clear_objects.h"

enum operation {
    OPERATION_READ,
    OPERATION_WRITE,
    OPERATION_HANDSHAKE,
    /* What is sent is never in the memory of the process. */
    OPERATION_SEND_FILE,
    /* What is read stays in memory of the library. */
    OPERATION_READ_PACKET,
};

enum result {
    /* A number of bytes, or one that is not positive: an int, or a long. */
    RESULT_INT,
    RESULT_LONG,
    /* An int that is positive if a number of bytes was written to where an argument points. */
    RESULT_STATUS,
};

/* The cookie of a probe: which file it is in, and what its function does. */
#define COOKIE_OPERATION(cookie) ((cookie) & 15)
#define COOKIE_RESULT(cookie) ((cookie) >> 4 & 15)
/* Whether the function serves other objects as well: only those that are marked are of interest. */
#define COOKIE_NEEDS_MARK(cookie) ((cookie) >> 8 & 1)
/* Whether the kernel steps over the instruction there. */
#define COOKIE_STEPPED(cookie) ((cookie) >> 9 & 1)
#define COOKIE_TARGET(cookie) ((__u32)((cookie) >> 32))

/*
 * A call is told by the place of its return address: no two at a time have the same. The stack of a
 * goroutine moves: its calls are told by how deep they are.
 */
struct call_key {
    __u64 at;
    __u32 tgid;
    __u32 depth;
};

struct call {
    __u64 object;
    __u64 buffer;
    __u64 len;
    /* Where the number of bytes is written to. */
    __u64 out;
    __u64 started;
    /* The call that this one is made in. */
    __u64 outer;
    /* The socket that it uses, and what went through. */
    struct address address;
    __u64 sent;
    __u64 received;
    __u32 target;
    __u8 operation;
    __u8 result;
    /* Whether it uses more than one socket. */
    __u8 is_ambiguous;
    __u8 is_allowed;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 32768);
    __type(key, struct call_key);
    __type(value, struct call);
} calls SEC(".maps");

/* The innermost call of each thread. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 32768);
    __type(key, __u64);
    __type(value, __u64);
} innermost SEC(".maps");

/* Objects of functions that serve others as well. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 65536);
    __type(key, struct object_key);
    __type(value, __u8);
} marked SEC(".maps");

/* Stack that a call may use before what runs is taken for something else. */
#define MAX_FRAMES (1 << 20)

/* Longest call that makes sense: what an int can say. */
#define MAX_CALL (1ULL << 31)

#define CHUNK 16384

struct copying {
    struct clear_head head;
    __u64 from;
    __u64 left;
    __u64 delivered;
    __u64 filtered;
    __u32 ring;
    /* The rules that allow it. */
    __u32 epoch;
};

/* Copies one chunk; 1 if the ring has no room, 2 if the memory cannot be read. */
static __always_inline int copy_chunk(struct copying *copying, void *ring, __u64 len,
                                      const __u32 capacity, const int is_held)
{
    struct clear_head *record = bpf_ringbuf_reserve(ring, sizeof(*record) + capacity, 0);
    long failed = 1;
    if (!record)
        return 1;
    *record = copying->head;
    record->len = len;
    asm volatile("" : "+r"(len));
    if (len <= capacity && len > 0 && is_held)
        failed = bpf_probe_read_kernel(record + 1, len, (void *)copying->from);
    else if (len <= capacity && len > 0)
        failed = bpf_probe_read_user(record + 1, len, (void *)copying->from);
    if (failed) {
        bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
        return 2;
    }
    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
    return 0;
}

/* Copies one chunk from the process, or from what is held of it. */
static __always_inline int copy_sized(struct copying *copying, void *ring, __u64 len,
                                      const int is_held)
{
    if (len <= 192)
        return copy_chunk(copying, ring, len, 192, is_held);
    if (len <= 1984)
        return copy_chunk(copying, ring, len, 1984, is_held);
    if (len <= 4032)
        return copy_chunk(copying, ring, len, 4032, is_held);
    if (len <= 8128)
        return copy_chunk(copying, ring, len, 8128, is_held);
    return copy_chunk(copying, ring, len, CHUNK, is_held);
}

static long copy_next(__u64 index __attribute__((unused)), void *context)
{
    struct copying *copying = context;
    __u64 len = copying->left;
    void *ring = ring_of(copying->ring);
    int failed;

    if (!len || !ring)
        return 1;
    struct scope *scope = current_scope();
    if (!scope || scope->epoch != copying->epoch) {
        /* The next call finds out what other rules say. */
        copying->filtered = len;
        copying->head.position += len;
        copying->left = 0;
        return 1;
    }
    if (len > CHUNK)
        len = CHUNK;
    failed = copy_sized(copying, ring, len, 0);
    if (failed == 2) {
        /* What is behind it is not looked for: a process may claim any length. */
        copying->head.faults += copying->left;
        copying->head.position += copying->left;
        copying->left = 0;
        return 1;
    }
    if (failed)
        copying->head.ring_full += len;
    else
        copying->delivered += len;
    copying->head.position += len;
    copying->from += len;
    copying->left -= len;
    return 0;
}

static __always_inline __u8 direction_of(const struct call *call)
{
    int reads = call->operation == OPERATION_READ || call->operation == OPERATION_READ_PACKET;
    return reads ? READ : WRITE;
}

/* Counts what has become of what was to be copied. */
static __always_inline void settle(const struct copying *copying, struct progress *progress,
                                   struct process *process)
{
    tell_tally(process, TALLY_DELIVERED, copying->delivered);
    if (copying->filtered)
        tell_tally(process, TALLY_FILTERED, copying->filtered);
    tell_tally(process, TALLY_RING_FULL, copying->head.ring_full - progress->ring_full);
    tell_tally(process, TALLY_FAULT, copying->head.faults - progress->faults);
    progress->ring_full = copying->head.ring_full;
    progress->faults = copying->head.faults;
}

/* Copies what a call has moved, and counts what becomes of it. */
__noinline int copy_all(struct object *object, const struct call *call,
                               struct process *process, __u64 len)
{
    if (!object || !call || !process)
        return 0;
    __u8 direction = direction_of(call);
    struct progress *progress = &object->progress[direction & 1];
    struct copying copying = {
        .from = call->buffer,
        .left = len,
        .ring = object->ring,
        .epoch = process->epoch,
    };
    begin_head(&copying.head, CLEAR_DATA, 0, object);
    __u64 began = copying.head.time;
    copying.head.direction = direction;
    copying.head.position = progress->position;
    copying.head.ring_full = progress->ring_full;
    copying.head.faults = progress->faults;
    if (direction == WRITE)
        copying.head.time = call->started;
    if (call->operation >= OPERATION_SEND_FILE || len > call->len) {
        copying.head.faults += len;
        copying.left = 0;
    } else {
        bpf_loop(MAX_CALL / CHUNK, copy_next, &copying, 0);
    }
    __sync_fetch_and_add(&process->copying, bpf_ktime_get_boot_ns() - began);
    settle(&copying, progress, process);
    progress->position += len;
    return 0;
}

/* Whether the clear text of an object is to be copied; counts what becomes of it if not. */
static __always_inline int is_wanted(struct object *object, __u8 direction,
                                     struct process *process, __u64 len)
{
    enum tally tally;

    if (!object->address.cookie && needs_address())
        tally = TALLY_UNMAPPED;
    else if (object->address.cookie && !is_allowed(object)) {
        revoke(object);
        tally = TALLY_FILTERED;
    } else if (bpf_map_lookup_elem(&dismissed, &object->id))
        tally = TALLY_DUPLICATE;
    else {
        if (object->address.cookie && !object->is_told)
            tell_bound(object, 1);
        return 1;
    }
    object->progress[direction & 1].position += len;
    tell_tally(process, tally, len);
    return 0;
}

/* Decides on the clear text of a call. */
static __always_inline void pass_on(struct object *object, const struct call *call,
                                    struct process *process, __u64 len)
{
    tell_tally(process, TALLY_SEEN, len);
    if (!object)
        tell_tally(process, TALLY_UNMAPPED, len);
    else if (is_wanted(object, direction_of(call), process, len))
        copy_all(object, call, process, len);
}

/* Binds an object to the socket that a call has used, if there is no doubt. */
static __always_inline void bind_by_call(struct object *object, const struct call *call)
{
    int is_handshake = call->operation == OPERATION_HANDSHAKE;
    __u64 moved = direction_of(call) == READ ? call->received : call->sent;
    if (is_handshake)
        moved += call->received;
    if (!call->address.cookie || call->is_ambiguous || !moved)
        return;
    if (object->address.cookie && is_handshake)
        return;
    bind(object, &call->address, BOUND_BY_CALL);
}

static __always_inline __u64 moved_by(const struct call *call, __u64 result)
{
    if (call->operation == OPERATION_HANDSHAKE)
        return 0;
    __s64 moved = call->result == RESULT_LONG ? (__s64)result : (__s64)(__s32)result;
    if (moved > 0 && call->result == RESULT_STATUS) {
        __u64 len = 0;
        if (bpf_probe_read_user(&len, sizeof(len), (void *)call->out))
            count(COUNT_NONSENSE, 1);
        moved = len;
    }
    if (moved <= 0)
        return 0;
    if (moved > (__s64)MAX_CALL) {
        count(COUNT_NONSENSE, 1);
        return 0;
    }
    return moved;
}

static __always_inline void note_handed(const struct object_key *key, __u64 bytes);

/* Ends a call. */
__noinline int conclude(struct call *call, __u64 result)
{
    if (!call)
        return 0;
    struct process *process = running_process();
    __u64 moved = moved_by(call, result);

    if (!process)
        return 0;
    struct object_key key = object_key(call->object);
    struct object *object = bpf_map_lookup_elem(&objects, &key);
    /* Rules may have changed since the call began, which may be long ago. */
    if (!call->is_allowed || !process->is_allowed || process->is_paused) {
        tell_tally(process, TALLY_SEEN, moved);
        tell_tally(process, TALLY_FILTERED, moved);
        if (object) {
            revoke(object);
            bpf_map_delete_elem(&objects, &key);
        }
        return 0;
    }
    /* A call that did nothing may be of an object that was freed meanwhile. */
    if (!object && !moved && !call->address.cookie)
        return 0;
    object = known_object(&key, process);
    if (object) {
        tell_process(&process->key, object->ring);
        /* What is left of a closed socket can be read; to write needs another one. */
        if (object->closed_at && direction_of(call) == WRITE)
            begin_anew(object);
        object->target = call->target;
        bind_by_call(object, call);
        if (!object->address.cookie && call->operation == OPERATION_WRITE && moved)
            note_handed(&key, moved);
    }
    if (moved)
        pass_on(object, call, process, moved);
    return 0;
}

/* The innermost call of the running thread, if it is still under way with this stack pointer. */
static __always_inline struct call *innermost_call(__u64 stack, struct call_key *key)
{
    __u64 thread = bpf_get_current_pid_tgid();
    __u64 *at = bpf_map_lookup_elem(&innermost, &thread);
    if (!at)
        return 0;
    key->at = *at;
    key->tgid = thread >> 32;
    key->depth = 0;
    if (stack > key->at || key->at - stack > MAX_FRAMES)
        return 0;
    return bpf_map_lookup_elem(&calls, key);
}

static __always_inline void begin_call(struct call *call, const struct call_key *key,
                                       const struct process *process, __u64 cookie)
{
    call->operation = COOKIE_OPERATION(cookie);
    call->result = COOKIE_RESULT(cookie);
    call->target = COOKIE_TARGET(cookie);
    call->started = bpf_ktime_get_boot_ns();
    call->is_allowed = process->is_allowed;
    bpf_map_update_elem(&calls, key, call, BPF_ANY);
}

/* Takes note of a call that costs its process time; false if nothing more is to be done about it. */
static __always_inline int note_call(struct process *process, __u64 address, __u64 cookie)
{
    __sync_fetch_and_add(&process->calls[COOKIE_STEPPED(cookie)], 1);
    if (!process->is_paused)
        return 1;
    struct object_key key = object_key(address);
    struct object *object = bpf_map_lookup_elem(&objects, &key);
    if (object) {
        revoke(object);
        bpf_map_delete_elem(&objects, &key);
    }
    return 0;
}

/* Begins a call, the place of whose return address is `at`. */
static __always_inline void begin(struct call *call, __u64 at, __u64 cookie)
{
    struct call_key key = {};
    struct process *process = running_process();
    struct call *outer = innermost_call(at, &key);
    __u64 thread = bpf_get_current_pid_tgid();

    if (!process || !note_call(process, call->object, cookie))
        return;
    if (outer && key.at != at) {
        /* What a library does to itself is told by the outer call. */
        if (outer->object == call->object)
            return;
        call->outer = key.at;
    } else if (outer) {
        call->outer = outer->outer;
    }
    key.at = at;
    key.tgid = thread >> 32;
    key.depth = 0;
    begin_call(call, &key, process, cookie);
    bpf_map_update_elem(&innermost, &thread, &at, BPF_ANY);
}

/* Ends the call whose return address was at `at`. */
static __always_inline void end(__u64 at, __u64 result)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct call_key key = {
        .at = at,
        .tgid = thread >> 32,
    };
    struct call *call = bpf_map_lookup_elem(&calls, &key);
    if (!call)
        return;
    __u64 outer = call->outer;
    if (outer)
        bpf_map_update_elem(&innermost, &thread, &outer, BPF_ANY);
    else
        bpf_map_delete_elem(&innermost, &thread);
    conclude(call, result);
    bpf_map_delete_elem(&calls, &key);
}

#endif
