/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Objects whose library does not use their socket itself: it leaves records in memory, and the
 * application sends them. Which socket that is, is told by the records' own bytes as they leave, or by
 * the next thing that the thread sends, if its length is right.
 */
#ifndef TLSIGHT_CLEAR_WAITING_H
#define TLSIGHT_CLEAR_WAITING_H

#include "clear_held.h"
#include "clear_sockets.h"
#include "netns.h"

#define FINGERPRINT_LEN 32

/* A record's header (RFC 9846 section 5.1). */
#define HEADER_LEN 5

/* Of a record that is shorter it is all of it: an authentication tag at least. */
#define MIN_FINGERPRINT_LEN (HEADER_LEN + 16)

/* The beginning of a record: of a hello it has 21 bytes of its random, else encrypted bytes. */
struct fingerprint {
    __u8 bytes[FINGERPRINT_LEN];
};

/* Fingerprints of objects without a socket. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, struct fingerprint);
    __type(value, struct object_key);
} fingerprints SEC(".maps");

/* When a fingerprint was taken last: as long as there is none, packets cost nothing. */
static __u64 fingerprint_at;

/* How long what a library gave may take to be sent. */
#define MAX_DELAY_NS 5000000000ULL

/* Whether bytes begin a TLS record (RFC 9846 section 5.1). */
static __always_inline int is_record(const struct fingerprint *start)
{
    return start->bytes[0] >= 20 && start->bytes[0] <= 23 && start->bytes[1] == 3;
}

/* Takes the fingerprint of what a library writes to memory while it is called. */
static __always_inline void take_fingerprint(__u64 data, __s32 len, __u64 stack)
{
    struct call_key at;
    struct fingerprint start;

    if (len < FINGERPRINT_LEN)
        return;
    struct call *call = innermost_call(stack, &at);
    if (!call || !call->is_allowed || call->address.cookie)
        return;
    struct process *process = running_process();
    if (!process || !process->is_allowed)
        return;
    struct object_key key = object_key(call->object);
    struct object *object = known_object(&key, process);
    if (object && object->closed_at)
        begin_anew(object);
    if (!object || object->address.cookie)
        return;
    if (bpf_probe_read_user(start.bytes, sizeof(start.bytes), (void *)data) || !is_record(&start))
        return;
    object->target = call->target;
    tell_process(&object->process, object->ring);
    bpf_map_update_elem(&fingerprints, &start, &key, BPF_ANY);
    fingerprint_at = bpf_ktime_get_boot_ns();
}

/* Where the payload of a TCP segment begins, or 0. */
static __always_inline __u32 payload_of(struct __sk_buff *skb)
{
    __u8 first[20], offset;
    __u32 at;

    if (bpf_skb_load_bytes(skb, 0, first, sizeof(first)))
        return 0;
    if (first[0] >> 4 == 6) {
        if (first[6] != IPPROTO_TCP)
            return 0;
        at = 40;
    } else {
        at = (first[0] & 15) * 4;
    }
    if (bpf_skb_load_bytes(skb, at + 12, &offset, sizeof(offset)))
        return 0;
    return at + (offset >> 4) * 4;
}

static __always_inline void read_bpf_sock(struct bpf_sock *sk, struct address *address)
{
    __u32 local_v4 = sk->src_ip4, remote_v4 = sk->dst_ip4;
    /* The verifier wants each field read by its own offset, not one of two by a pointer. */
    asm volatile("" : "+r"(local_v4), "+r"(remote_v4));
    __u32 local[4] = { local_v4 };
    __u32 remote[4] = { remote_v4 };

    __builtin_memset(address, 0, sizeof(*address));
    address->is_v6 = sk->family == AF_INET6;
    if (address->is_v6) {
        local[0] = sk->src_ip6[0];
        local[1] = sk->src_ip6[1];
        local[2] = sk->src_ip6[2];
        local[3] = sk->src_ip6[3];
        remote[0] = sk->dst_ip6[0];
        remote[1] = sk->dst_ip6[1];
        remote[2] = sk->dst_ip6[2];
        remote[3] = sk->dst_ip6[3];
    }
    __builtin_memcpy(address->local, local, sizeof(local));
    __builtin_memcpy(address->remote, remote, sizeof(remote));
    address->local_port = sk->src_port;
    address->remote_port = bpf_ntohs(sk->dst_port);
    address->netns = netns_of(sk);
}

/* Binds the object whose fingerprint a packet begins with. */
static __always_inline void match_fingerprint(struct __sk_buff *skb)
{
    struct fingerprint start;
    struct address address;

    if (!fingerprint_at || bpf_ktime_get_boot_ns() - fingerprint_at > MAX_DELAY_NS)
        return;
    struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : 0;
    if (!sk || sk->protocol != IPPROTO_TCP)
        return;
    __u32 at = payload_of(skb);
    if (!at || bpf_skb_load_bytes(skb, at, start.bytes, sizeof(start.bytes)) || !is_record(&start))
        return;
    struct object_key *found = bpf_map_lookup_elem(&fingerprints, &start);
    if (!found)
        return;
    struct object_key key = *found;
    bpf_map_delete_elem(&fingerprints, &start);
    struct object *object = bpf_map_lookup_elem(&objects, &key);
    if (!object || object->address.cookie)
        return;
    read_bpf_sock(sk, &address);
    address.cookie = bpf_get_socket_cookie(skb);
    struct connection *connection =
        bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    add_opening(connection, &address);
    if (connection)
        connection->key = key;
    bind(object, &address, BOUND_BY_FINGERPRINT);
    release_held(object);
}

/* What a thread was given to send, by objects without a socket. */
struct handed {
    struct object_key key;
    __u64 bytes;
    __u64 calls;
    __u64 at;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, __u64);
    __type(value, struct handed);
} threads SEC(".maps");

/* How long a thread may take to send what it was given. */
#define MAX_HANDED_NS 50000000ULL
/* A record's header, type and tag at least (RFC 9846 section 5.2), and what one may have at most. */
#define MIN_OVERHEAD 22
#define MAX_OVERHEAD 96

/* Takes note of what an object without a socket gave to the running thread. */
static __always_inline void note_handed(const struct object_key *key, __u64 bytes)
{
    __u64 thread = bpf_get_current_pid_tgid();
    __u64 now = bpf_ktime_get_boot_ns();
    struct handed anew = { .key = *key, .at = now };
    struct handed *handed = bpf_map_lookup_elem(&threads, &thread);

    if (handed && now - handed->at < MAX_HANDED_NS) {
        /* Of two objects, nobody knows which one is sent first. */
        if (handed->key.object != key->object)
            anew.key.object = 0;
        anew.bytes = handed->bytes;
        anew.calls = handed->calls;
    }
    anew.bytes += bytes;
    anew.calls++;
    bpf_map_update_elem(&threads, &thread, &anew, BPF_ANY);
}

/* Binds the object that gave the running thread what it sends, if nothing else can be meant. */
static __always_inline void match_handed(struct sock *sk, __u64 len)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct handed *handed = bpf_map_lookup_elem(&threads, &thread);
    struct address address;

    if (!handed || !handed->key.object || bpf_ktime_get_boot_ns() - handed->at > MAX_HANDED_NS)
        return;
    __u64 records = handed->calls + handed->bytes / CHUNK;
    if (len < handed->bytes + MIN_OVERHEAD || len > handed->bytes + records * MAX_OVERHEAD)
        return;
    struct object_key key = handed->key;
    bpf_map_delete_elem(&threads, &thread);
    struct object *object = bpf_map_lookup_elem(&objects, &key);
    if (!object || object->address.cookie || !read_address(sk, &address))
        return;
    address.cookie = bpf_get_socket_cookie(sk);
    struct connection *connection =
        bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    add_opening(connection, &address);
    if (connection)
        connection->key = key;
    bind(object, &address, BOUND_BY_THREAD);
}

#endif
