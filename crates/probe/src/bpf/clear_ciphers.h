/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rustls: `MessageEncrypter::encrypt` and `MessageDecrypter::decrypt` (rustls/src/crypto/cipher.rs of 0.23),
 * through which all of its records go. A connection has no place of its own in memory, but what makes or opens
 * its records stays where it is, and is called with the number of each record from 0 on.
 *
 * The calling convention and the layout of structures are those that the compiler chooses. Each is checked with
 * the record itself: what does not fit is not told, but counted.
 */
#ifndef TLSIGHT_CLEAR_CIPHERS_H
#define TLSIGHT_CLEAR_CIPHERS_H

#include "clear_buffers.h"

#include <bpf/bpf_tracing.h>

/* What is known of the version of TLS, in the place of `enum result` in the cookie of a probe. */
enum cipher_version {
    CIPHER_UNKNOWN,
    CIPHER_TLS12,
    CIPHER_TLS13,
};

/* `OutboundPlainMessage`: its payload is in one piece if the first word is 0, else in those of a list. */
struct outbound {
    __u64 list;
    union {
        struct {
            __u64 at;
            __u64 len;
        } single;
        struct {
            __u64 count;
            __u64 start;
            __u64 end;
        } multiple;
    };
    __u8 content;
    __u8 content_unknown;
    __u16 version;
    __u16 version_unknown;
    __u16 reserved;
};

/* Variants of `ContentType` and of `ProtocolVersion`. */
enum {
    VARIANT_ALERT = 1,
    VARIANT_HANDSHAKE = 2,
    VARIANT_APPLICATION_DATA = 3,
    VARIANT_TLS12 = 4,
};

/* Words of a result: an `Error`, or what there is if there was none. */
#define RESULT_WORDS 8

struct cipher_call {
    __u64 cipher;
    __u64 sequence;
    __u64 result;
    __u64 started;
    struct text text;
    /* The record that is opened, without its header, and how the result was before. */
    __u64 at;
    __u64 len;
    __u64 before[RESULT_WORDS];
    /* Where it was received from, if that was found. */
    struct address address;
    /* What is copied. */
    struct call copied;
};

/* The stack has no room for one. */
static const struct cipher_call no_cipher_call = {};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, struct call_key);
    __type(value, struct cipher_call);
} cipher_calls SEC(".maps");

/* The first word of a result without an error, by file. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024);
    __type(key, __u32);
    __type(value, __u64);
} good_results SEC(".maps");

static __always_inline struct call_key cipher_call_key(__u64 at)
{
    struct call_key key = {
        .at = at,
        .tgid = bpf_get_current_pid_tgid() >> 32,
    };
    return key;
}

/* The object of a cipher, if it has one; it begins anew where another cipher has taken its place. */
static __always_inline struct object *object_of_cipher(const struct object_key *key, __u64 sequence)
{
    struct object *object = bpf_map_lookup_elem(&objects, key);
    if (!object || object->sequence == sequence)
        return object;
    if (object->is_told && !object->closed_at)
        tell_closed(object, CLOSED_BY_LIBRARY);
    begin_anew(object);
    object->sequence = sequence;
    return object;
}

/* The same where there has to be one. */
static __always_inline struct object *made_object(const struct object_key *key, __u64 sequence,
                                                  struct process *process)
{
    int is_new = !bpf_map_lookup_elem(&objects, key);
    struct object *object = known_object(key, process);
    if (object && is_new) {
        /* All of a process in one ring: a connection has two objects, and more if its keys change. */
        struct object_key whole = { .tgid = key->tgid };
        object->ring = choose_ring(&whole);
    }
    if (object)
        object->sequence = sequence;
    return object;
}

/* Takes note of what is moved where rules allow none of it; false if they do. */
static __always_inline int is_refused(const struct object_key *key, struct process *process,
                                      __u64 len)
{
    if (process->is_allowed && !process->is_paused)
        return 0;
    struct object *object = bpf_map_lookup_elem(&objects, key);
    tell_tally(process, TALLY_SEEN, len);
    tell_tally(process, TALLY_FILTERED, len);
    if (object) {
        revoke(object);
        bpf_map_delete_elem(&objects, key);
    }
    return 1;
}

/* Takes note of a call: its result goes to the first argument, the others are those of the method. */
static __always_inline struct cipher_call *begin_cipher_call(struct pt_regs *registers)
{
    struct call_key at = cipher_call_key(PT_REGS_SP(registers));
    bpf_map_update_elem(&cipher_calls, &at, &no_cipher_call, BPF_ANY);
    struct cipher_call *call = bpf_map_lookup_elem(&cipher_calls, &at);
    if (!call)
        return 0;
    call->result = PT_REGS_PARM1(registers);
    call->cipher = PT_REGS_PARM2(registers);
    call->sequence = PT_REGS_PARM4(registers);
    call->started = bpf_ktime_get_boot_ns();
    return call;
}

/* `encrypt(&mut self, message: OutboundPlainMessage, sequence: u64) -> Result<OutboundOpaqueMessage, Error>` */
static __always_inline void begin_sealing(struct pt_regs *registers)
{
    struct process *process = running_process();
    __u64 sequence = PT_REGS_PARM4(registers);
    struct object_key key = object_key(PT_REGS_PARM2(registers));
    struct outbound message;

    if (!process || !note_call(process, key.object, bpf_get_attach_cookie(registers)))
        return;
    note_maker(0);
    struct object *object = object_of_cipher(&key, sequence);
    if (object)
        object->sequence++;
    if (bpf_probe_read_user(&message, sizeof(message), (void *)PT_REGS_PARM3(registers))) {
        count(COUNT_NONSENSE, 1);
        return;
    }
    if (message.content == VARIANT_ALERT || message.content == VARIANT_HANDSHAKE)
        return;
    if (message.content != VARIANT_APPLICATION_DATA || message.version != VARIANT_TLS12) {
        count(COUNT_NONSENSE, 1);
        return;
    }
    struct cipher_call *call = begin_cipher_call(registers);
    if (!call)
        return;
    if (message.list) {
        call->text.at = message.list;
        call->text.count = message.multiple.count;
        call->text.skipped = message.multiple.start;
        call->text.len = message.multiple.end - message.multiple.start;
    } else {
        call->text.at = message.single.at;
        call->text.len = message.single.len;
    }
}

/* What a record adds to its clear text without its header: RFC 9846 section 5.2, RFC 5288 section 3, RFC 7905. */
static __always_inline int is_overhead(__u64 bytes, __u8 version)
{
    return (version != CIPHER_TLS12 && bytes == 17) ||
           (version != CIPHER_TLS13 && (bytes == 16 || bytes == 24));
}

/*
 * The record that was made of clear text: a `Vec` with room for its header in front, if one in the result is of
 * the right length; 0 if not.
 */
static __noinline __u64 made_record(const struct cipher_call *call, __u8 version,
                                         struct fingerprint *start)
{
    __u64 words[RESULT_WORDS];
    if (bpf_probe_read_user(words, sizeof(words), (void *)call->result))
        return 0;
    for (int at = 0; at + 2 < RESULT_WORDS; at++) {
        __u64 first = words[at], second = words[at + 1], len = words[at + 2];
        /* Either is the room that it has, the other one where that is. */
        __u64 from = first > second ? first : second;
        __u64 room = first > second ? second : first;
        __u64 body = len - HEADER_LEN;
        __u32 own = FINGERPRINT_LEN;
        if (len > room || len < MIN_FINGERPRINT_LEN || room > MAX_CALL ||
            !is_overhead(body - call->text.len, version))
            continue;
        if (len < own)
            own = len;
        __builtin_memset(start, 0, sizeof(*start));
        asm volatile("" : "+r"(own));
        if (own > FINGERPRINT_LEN || bpf_probe_read_user(start->bytes, own, (void *)from))
            continue;
        if (start->bytes[0] | start->bytes[1] | start->bytes[2] | start->bytes[3] | start->bytes[4])
            continue;
        start->bytes[0] = APPLICATION_DATA;
        start->bytes[1] = start->bytes[2] = 3;
        start->bytes[3] = body >> 8;
        start->bytes[4] = body;
        return from;
    }
    return 0;
}

/* Decides on the clear text that a record was made of. */
__noinline int tell_sealed(struct cipher_call *call, struct process *process,
                           const struct fingerprint *start)
{
    if (!call || !process || !start)
        return 0;
    __u64 len = call->text.len;
    struct object_key key = object_key(call->cipher);
    struct object *object = made_object(&key, call->sequence + 1, process);

    tell_tally(process, TALLY_SEEN, len);
    if (!object) {
        tell_tally(process, TALLY_UNMAPPED, len);
        return 0;
    }
    object->target = call->copied.target;
    tell_process(&process->key, object->ring);
    if (object->closed_at) {
        begin_anew(object);
        object->sequence = call->sequence + 1;
    }
    if (!object->address.cookie) {
        __u64 now = bpf_ktime_get_boot_ns();
        bpf_map_update_elem(&fingerprints, start, &key, BPF_ANY);
        fingerprint_at = now;
        note_maker(now);
        if (needs_address()) {
            if (hold(object, &key, &call->text, call->started)) {
                tell_tally(process, TALLY_HELD, len);
            } else {
                object->held_behind += len;
                tell_tally(process, TALLY_UNMAPPED, len);
            }
            return 0;
        }
    }
    if (!is_wanted(object, WRITE, process, len))
        return 0;
    if (!call->text.count) {
        call->copied.buffer = call->text.at;
        call->copied.len = len;
        call->copied.started = call->started;
        call->copied.operation = OPERATION_WRITE;
        copy_all(object, &call->copied, process, len);
        return 0;
    }
    __u32 number = take_piece();
    struct held *held = held_piece(number);
    if (held && gather(&call->text, number, 0)) {
        held->len = len;
        held->time = call->started;
        copy_held(object, process, number);
    } else {
        object->progress[WRITE].position += len;
        object->progress[WRITE].faults += len;
        tell_tally(process, TALLY_FAULT, len);
    }
    if (held)
        held->state = HELD_NONE;
    return 0;
}

static __always_inline void end_sealing(struct pt_regs *registers)
{
    struct process *process = running_process();
    struct call_key at = cipher_call_key(PT_REGS_SP(registers) - sizeof(__u64));
    struct cipher_call *call = bpf_map_lookup_elem(&cipher_calls, &at);
    __u64 cookie = bpf_get_attach_cookie(registers);
    struct fingerprint start;

    if (!call || !process)
        return;
    struct object_key key = object_key(call->cipher);
    if (call->text.len > CHUNK || !made_record(call, COOKIE_RESULT(cookie), &start))
        count(COUNT_NONSENSE, 1);
    else if (call->text.len && !is_refused(&key, process, call->text.len)) {
        call->copied.target = COOKIE_TARGET(cookie);
        tell_sealed(call, process, &start);
    }
    bpf_map_delete_elem(&cipher_calls, &at);
}

/* `decrypt(&mut self, message: InboundOpaqueMessage, sequence: u64) -> Result<InboundPlainMessage, Error>` */
static __always_inline void begin_opening(struct pt_regs *registers)
{
    struct process *process = running_process();
    struct object_key key = object_key(PT_REGS_PARM2(registers));
    struct slice payload;
    __u8 header[HEADER_LEN];

    if (!process || !note_call(process, key.object, bpf_get_attach_cookie(registers)))
        return;
    note_maker(0);
    struct object *object = object_of_cipher(&key, PT_REGS_PARM4(registers));
    if (bpf_probe_read_user(&payload, sizeof(payload), (void *)PT_REGS_PARM3(registers)) ||
        bpf_probe_read_user(header, sizeof(header), (void *)(payload.at - sizeof(header))) ||
        header[1] != 3 || payload.len != ((__u64)header[3] << 8 | header[4])) {
        count(COUNT_NONSENSE, 1);
        return;
    }
    struct cipher_call *call = begin_cipher_call(registers);
    /* Of another one, opening fails, or it says nothing that an application would read. */
    if (!call || header[0] != APPLICATION_DATA)
        return;
    /* What is not known before would be taken for what is new. */
    if (bpf_probe_read_user(call->before, sizeof(call->before), (void *)call->result)) {
        count(COUNT_NONSENSE, 1);
        return;
    }
    call->at = payload.at;
    call->len = payload.len;
    if (!object || !object->address.cookie)
        find_fill(payload.at - HEADER_LEN, HEADER_LEN + payload.len, &call->address);
}

/* Whether a record may have become clear text of this length at this place of it. */
static __always_inline int is_opened(const struct cipher_call *call, __u64 into, __u64 len,
                                     __u8 version)
{
    if (len > call->len)
        return 0;
    __u64 less = call->len - len;
    if (into)
        /* The nonce is left in front (RFC 5288 section 3). */
        return into == 8 && less == 24 && version != CIPHER_TLS13;
    return (less >= 17 && version != CIPHER_TLS12) ||
           ((less == 16 || less == 24) && version != CIPHER_TLS13);
}

/*
 * Finds the clear text that a record was opened to, in place: the first slice of the result that fits. A result
 * that was there before may be left from another call: then it has to begin as good ones do.
 */
static __noinline int opened_text(const struct cipher_call *call, __u8 version, __u32 target,
                                       struct slice *text)
{
    __u64 words[RESULT_WORDS];
    if (bpf_probe_read_user(words, sizeof(words), (void *)call->result))
        return -1;
    for (int at = 0; at + 1 < RESULT_WORDS; at++) {
        if (!is_opened(call, words[at] - call->at, words[at + 1], version))
            continue;
        text->at = words[at];
        text->len = words[at + 1];
        if (call->before[at] != words[at] || call->before[at + 1] != words[at + 1]) {
            bpf_map_update_elem(&good_results, &target, &words[0], BPF_ANY);
            return 1;
        }
        __u64 *good = bpf_map_lookup_elem(&good_results, &target);
        return good && *good == words[0];
    }
    return 0;
}

/* Whether clear text is an application's: in TLS 1.3 the content is said behind it (RFC 9846 section 5.2). */
static __always_inline int is_application_data(const struct cipher_call *call,
                                               const struct slice *text, __u8 version)
{
    __u64 into = text->at - call->at;
    __u64 less = call->len - text->len;
    __u8 content = 0;

    if (version == CIPHER_TLS12 || into || less == 16)
        return 1;
    return !bpf_probe_read_user(&content, sizeof(content), (void *)(text->at + text->len)) &&
           content == APPLICATION_DATA;
}

/* Decides on clear text that a record was opened to. */
__noinline int tell_opened(struct cipher_call *call, struct process *process,
                           const struct slice *text)
{
    if (!call || !process || !text)
        return 0;
    struct object_key key = object_key(call->cipher);
    struct object *object = made_object(&key, call->sequence + 1, process);

    call->copied.buffer = text->at;
    call->copied.len = text->len;
    call->copied.operation = OPERATION_READ;
    if (object) {
        object->target = call->copied.target;
        tell_process(&process->key, object->ring);
        if (call->address.cookie && !object->address.cookie) {
            __u64 cookie = call->address.cookie;
            bind(object, &call->address, BOUND_BY_BUFFER);
            bpf_map_update_elem(&openers, &cookie, &key, BPF_ANY);
            has_openers = 1;
        }
    }
    pass_on(object, &call->copied, process, text->len);
    return 0;
}

static __always_inline void end_opening(struct pt_regs *registers)
{
    struct process *process = running_process();
    struct call_key at = cipher_call_key(PT_REGS_SP(registers) - sizeof(__u64));
    struct cipher_call *call = bpf_map_lookup_elem(&cipher_calls, &at);
    __u64 cookie = bpf_get_attach_cookie(registers);
    __u32 target = COOKIE_TARGET(cookie);
    __u8 version = COOKIE_RESULT(cookie);
    struct slice text = {};

    if (!call || !process)
        return;
    struct object_key key = object_key(call->cipher);
    int is_good = call->len ? opened_text(call, version, target, &text) : 0;
    if (call->len && is_good <= 0)
        /* Opening it has failed, or nobody knows what it said. */
        count(COUNT_NONSENSE, 1);
    if (is_good > 0 || !call->len) {
        struct object *object = bpf_map_lookup_elem(&objects, &key);
        if (object)
            object->sequence = call->sequence + 1;
    }
    if (is_good > 0 && text.len && is_application_data(call, &text, version) &&
        !is_refused(&key, process, text.len)) {
        call->copied.target = target;
        tell_opened(call, process, &text);
    }
    bpf_map_delete_elem(&cipher_calls, &at);
}

#endif
