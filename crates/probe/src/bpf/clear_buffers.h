/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory of a process that a socket was read into or that is sent on one, as far as records are there which
 * rustls has made or opens: it uses no socket itself. What is at a place is told by its own bytes.
 */
#ifndef TLSIGHT_CLEAR_BUFFERS_H
#define TLSIGHT_CLEAR_BUFFERS_H

#include "clear_waiting.h"

/* A record's content (RFC 9846 section 5.1). */
#define APPLICATION_DATA 23

/* Processes with such records: when one was made last whose socket is not known. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, __u32);
    __type(value, __u64);
} makers SEC(".maps");

static volatile __u32 has_makers;

/* How an encrypted record begins: its header, and as much of what is encrypted as an authentication tag has. */
struct start {
    __u64 words[3];
    /* What was received from there on. */
    __u64 left;
};

/* What a thread has received last from a socket, into one piece of memory. */
struct fill {
    __u64 at;
    __u64 len;
    __u64 head[2];
    __u64 tail[2];
    /* The next records: of what was received before, and of what was received last. */
    struct start next[2];
    struct address address;
};

/* Sockets of a thread: it may read several before it opens what came. */
#define FILLS 4

struct fills {
    struct fill fill[FILLS];
    __u32 next;
    __u32 reserved;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, __u64);
    __type(value, struct fills);
} filled SEC(".maps");

/* The stack has no room for one. */
static const struct fills no_fills = {};

struct slice {
    __u64 at;
    __u64 len;
};

/* `struct user_msghdr` (include/linux/socket.h). */
#define MSGHDR_IOV 16

/* System calls of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl). */
enum system_call {
    CALL_READ = 0,
    CALL_WRITE = 1,
    CALL_READV = 19,
    CALL_WRITEV = 20,
    CALL_SENDTO = 44,
    CALL_RECVFROM = 45,
    CALL_SENDMSG = 46,
    CALL_RECVMSG = 47,
};

/* The memory that the system call under way is about: a list of pieces, or one; 0 if that is not known. */
static __always_inline __u64 pieces_of_call(struct slice *pieces)
{
    pieces->at = pieces->len = 0;
#if defined(__TARGET_ARCH_x86)
    struct pt_regs___of_task *registers =
        (void *)bpf_task_pt_regs((void *)bpf_get_current_task_btf());
    __u64 second = BPF_CORE_READ(registers, si);
    __u64 third = BPF_CORE_READ(registers, dx);

    switch (BPF_CORE_READ(registers, orig_ax)) {
    case CALL_READ:
    case CALL_WRITE:
    case CALL_SENDTO:
    case CALL_RECVFROM:
        pieces->at = second;
        pieces->len = third;
        return 0;
    case CALL_READV:
    case CALL_WRITEV:
        pieces->at = second;
        return third;
    case CALL_SENDMSG:
    case CALL_RECVMSG:
        if (bpf_probe_read_user(pieces, sizeof(*pieces), (void *)(second + MSGHDR_IOV)))
            return 0;
        return pieces->len;
    }
#endif
    return 0;
}

/* Whether the running process is one with such records. */
static __always_inline __u64 *made_at(void)
{
    __u32 tgid = bpf_get_current_pid_tgid() >> 32;
    return has_makers ? bpf_map_lookup_elem(&makers, &tgid) : 0;
}

static __always_inline void note_maker(__u64 at)
{
    __u32 tgid = bpf_get_current_pid_tgid() >> 32;
    __u64 *known = bpf_map_lookup_elem(&makers, &tgid);

    has_makers = 1;
    if (!known)
        bpf_map_update_elem(&makers, &tgid, &at, BPF_ANY);
    else if (at)
        *known = at;
}

/* Most records of a handshake in front of one that is encrypted: what a server says in TLS 1.2. */
#define MAX_PLAIN 6

/* Reads how the first encrypted record begins of what was received; false if there is none. */
static __noinline int read_next(struct start *next, __u64 at, __u64 left)
{
    if (!next)
        return 0;
    __builtin_memset(next, 0, sizeof(*next));
    for (int record = 0; record < MAX_PLAIN; record++) {
        __u8 header[HEADER_LEN];
        if (left < MIN_FINGERPRINT_LEN || left > MAX_CALL ||
            bpf_probe_read_user(header, sizeof(header), (void *)at))
            return 0;
        if (header[0] == APPLICATION_DATA && header[1] == 3) {
            next->left = left;
            return !bpf_probe_read_user(next->words, MIN_FINGERPRINT_LEN, (void *)at);
        }
        if (header[0] < 20 || header[0] > 22 || header[1] != 3)
            return 0;
        __u64 len = HEADER_LEN + ((__u64)header[3] << 8 | header[4]);
        if (len > left)
            return 0;
        at += len;
        left -= len;
    }
    return 0;
}

/* Takes note of what the running thread has received. */
static __always_inline void note_fill(struct sock *sk, __u64 len)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct slice piece;

    if (!made_at() || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
        return;
    if (pieces_of_call(&piece) && bpf_probe_read_user(&piece, sizeof(piece), (void *)piece.at))
        return;
    struct fills *fills = bpf_map_lookup_elem(&filled, &thread);
    if (!fills) {
        bpf_map_update_elem(&filled, &thread, &no_fills, BPF_ANY);
        fills = bpf_map_lookup_elem(&filled, &thread);
        if (!fills)
            return;
    }
    __u64 cookie = bpf_get_socket_cookie(sk);
    __u32 number = fills->next & (FILLS - 1);
    for (__u32 at = 0; at < FILLS; at++) {
        struct fill *fill = &fills->fill[at];
        if (fill->address.cookie == cookie)
            number = at;
        else if (fill->at < piece.at + len && piece.at < fill->at + fill->len)
            /* Another socket was read into the same memory. */
            fill->len = 0;
    }
    struct fill *fill = &fills->fill[number & (FILLS - 1)];
    fill->len = 0;
    if (fill->address.cookie != cookie) {
        __builtin_memset(fill->next, 0, sizeof(fill->next));
        fill->address.cookie = 0;
        fills->next++;
        if (!read_address(sk, &fill->address))
            return;
        fill->address.cookie = cookie;
        add_opening(bpf_sk_storage_get(&connections, sk, 0, 0), &fill->address);
    }
    if (fill->next[1].left)
        fill->next[0] = fill->next[1];
    fill->next[1].left = 0;
    if (len < sizeof(fill->tail) || len > piece.len ||
        bpf_probe_read_user(fill->head, sizeof(fill->head), (void *)piece.at) ||
        bpf_probe_read_user(fill->tail, sizeof(fill->tail),
                            (void *)(piece.at + len - sizeof(fill->tail))))
        return;
    struct start next;
    if (read_next(&next, piece.at, len))
        fill->next[1] = next;
    fill->at = piece.at;
    fill->len = len;
}

/* Whether what was received is where it was put, as it was, and a record ends in it. */
static __always_inline int is_untouched(const struct fill *fill, __u64 end)
{
    __u64 head[2], tail[2];
    return fill->len && end > fill->at && end <= fill->at + fill->len &&
           !bpf_probe_read_user(head, sizeof(head), (void *)fill->at) &&
           head[0] == fill->head[0] && head[1] == fill->head[1] &&
           !bpf_probe_read_user(tail, sizeof(tail), (void *)(fill->at + fill->len - sizeof(tail))) &&
           tail[0] == fill->tail[0] && tail[1] == fill->tail[1];
}

static __always_inline int is_same_start(const struct start *one, const struct start *other)
{
    return one->left && one->words[0] == other->words[0] && one->words[1] == other->words[1] &&
           one->words[2] == other->words[2];
}

/*
 * Finds the socket that the running thread has received a record from, which is not opened yet: it begins as one
 * did that was received, for rustls moves what it has not opened to the front; or the thread has received its end
 * to where it is. What is behind it comes from the same socket.
 */
static __noinline int find_fill(__u64 record, __u64 len, struct address *address)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct fills *fills = bpf_map_lookup_elem(&filled, &thread);
    struct start start = {};
    __u64 end = record + len;

    if (!fills || !address || len < MIN_FINGERPRINT_LEN ||
        bpf_probe_read_user(start.words, MIN_FINGERPRINT_LEN, (void *)record))
        return 0;
    for (__u32 at = 0; at < FILLS; at++) {
        struct fill *fill = &fills->fill[at];
        __u64 left = 0;
        int is_first = is_same_start(&fill->next[0], &start);
        int is_second = !is_first && is_same_start(&fill->next[1], &start);
        int is_whole = (is_first && fill->next[0].left >= len) ||
                       (is_second && fill->next[1].left >= len);
        if (!is_first && !is_second && !is_untouched(fill, end))
            continue;
        if (is_whole)
            left = (is_first ? fill->next[0].left : fill->next[1].left) - len;
        else if (fill->len && end > fill->at && end <= fill->at + fill->len)
            left = fill->at + fill->len - end;
        struct start next;
        fill->next[1].left = 0;
        if (read_next(&next, end, left))
            fill->next[0] = next;
        else
            fill->next[0].left = 0;
        *address = fill->address;
        return 1;
    }
    return 0;
}

/* Reads where a record begins; 0 if there is none, or one that is too short to be told from others. */
static __always_inline int read_start(struct fingerprint *start, __u64 at)
{
    __builtin_memset(start, 0, sizeof(*start));
    if (bpf_probe_read_user(start->bytes, MIN_FINGERPRINT_LEN, (void *)at) || !is_record(start))
        return 0;
    __u32 len = HEADER_LEN + ((__u32)start->bytes[3] << 8 | start->bytes[4]);
    if (len < MIN_FINGERPRINT_LEN)
        return 0;
    if (len > FINGERPRINT_LEN)
        len = FINGERPRINT_LEN;
    asm volatile("" : "+r"(len));
    return len <= FINGERPRINT_LEN && !bpf_probe_read_user(start->bytes, len, (void *)at);
}

struct looking {
    __u64 list;
    __u64 count;
    struct object_key found;
};

/* Looks for an object that has made a record which begins a piece. */
static __always_inline int look_at(struct looking *looking, __u64 at)
{
    struct fingerprint start;
    if (!read_start(&start, at))
        return 0;
    struct object_key *key = bpf_map_lookup_elem(&fingerprints, &start);
    if (!key || key->tgid != bpf_get_current_pid_tgid() >> 32)
        return 0;
    looking->found = *key;
    bpf_map_delete_elem(&fingerprints, &start);
    return 1;
}

static long look_at_listed(__u64 index, void *context)
{
    struct looking *looking = context;
    struct slice slice;
    if (index >= looking->count ||
        bpf_probe_read_user(&slice, sizeof(slice), (void *)(looking->list + index * sizeof(slice))))
        return 1;
    return look_at(looking, slice.at);
}

/* Binds the object whose record the running thread has sent from where it was made. */
static __always_inline void match_made(struct sock *sk)
{
    struct looking looking = {};
    struct address address;
    struct slice pieces;
    __u64 *at = made_at();

    if (!at || !*at || bpf_ktime_get_boot_ns() - *at > MAX_DELAY_NS)
        return;
    looking.count = pieces_of_call(&pieces);
    looking.list = pieces.at;
    if (looking.count)
        bpf_loop(MAX_LISTED, look_at_listed, &looking, 0);
    else
        look_at(&looking, pieces.at);
    struct object_key key = looking.found;
    struct object *object = key.object ? bpf_map_lookup_elem(&objects, &key) : 0;
    if (!object || object->address.cookie || !read_address(sk, &address))
        return;
    address.cookie = bpf_get_socket_cookie(sk);
    struct connection *connection =
        bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    add_opening(connection, &address);
    if (connection)
        connection->key = key;
    bind(object, &address, BOUND_BY_FINGERPRINT);
    release_held(object);
}

#endif
