/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which socket a call uses, and which end of its connection a socket is. */
#ifndef TLSIGHT_CLEAR_SOCKETS_H
#define TLSIGHT_CLEAR_SOCKETS_H

#include "clear_calls.h"
#include "clear_goroutines.h"

#include <bpf/bpf_endian.h>

/* Reads both ends of a TCP socket; false if it is none. */
static __always_inline int read_address(struct sock *sk, struct address *address)
{
    __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
    if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP || (family != AF_INET && family != AF_INET6))
        return 0;
    __builtin_memset(address, 0, sizeof(*address));
    address->is_v6 = family == AF_INET6;
    address->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
    address->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
    address->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
    if (address->is_v6) {
        BPF_CORE_READ_INTO(&address->local, sk, __sk_common.skc_v6_rcv_saddr);
        BPF_CORE_READ_INTO(&address->remote, sk, __sk_common.skc_v6_daddr);
    } else {
        __be32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
        __be32 remote = BPF_CORE_READ(sk, __sk_common.skc_daddr);
        __builtin_memcpy(address->local, &local, sizeof(local));
        __builtin_memcpy(address->remote, &remote, sizeof(remote));
    }
    return address->remote_port != 0;
}

/* Adds to an address what was seen when its socket was connected. */
static __always_inline void add_opening(const struct connection *connection,
                                        struct address *address)
{
    if (!connection)
        return;
    address->opened_at = connection->opened_at;
    address->role = connection->role;
}

/* Takes note that a call of the running thread has sent or received on a socket, if there is one. */
static __always_inline int note_use(struct sock *sk, int len, enum direction direction)
{
    struct call_key key;
    struct address address;

    struct pt_regs___of_task *registers =
        (void *)bpf_task_pt_regs((void *)bpf_get_current_task_btf());
    __u64 stack = BPF_CORE_READ(registers, sp);
    struct call *call = innermost_call(stack, &key);
    if (!call)
        call = call_of_goroutine(registers, stack);
    if (!call)
        return 0;
    if (!call->is_allowed || call->is_ambiguous)
        return 1;
    __u64 cookie = bpf_get_socket_cookie(sk);
    if (!call->address.cookie) {
        if (!read_address(sk, &address))
            return 1;
        address.cookie = cookie;
        struct connection *connection =
            bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
        add_opening(connection, &address);
        if (connection)
            connection->key = object_key(call->object);
        call->address = address;
    } else if (call->address.cookie != cookie) {
        call->is_ambiguous = BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
        return 1;
    }
    if (direction == WRITE)
        call->sent += len;
    else
        call->received += len;
    return 1;
}

/* Takes note of which end of a connection a socket becomes. */
static __always_inline void note_opening(struct sock *sk, __u8 role)
{
    struct connection *connection =
        bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!connection)
        return;
    connection->role = role;
    connection->opened_at = bpf_ktime_get_boot_ns();
}

/* Objects that open what comes in on a socket, if others make what goes out, by the socket's number. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 65536);
    __type(key, __u64);
    __type(value, struct object_key);
} openers SEC(".maps");

/* Whether there was any. */
static volatile __u32 has_openers;

static __always_inline void close_object(const struct object_key *key, __u64 cookie, __u8 how)
{
    struct object_key copy = *key;
    struct object *object = bpf_map_lookup_elem(&objects, &copy);
    if (!object || object->closed_at || object->address.cookie != cookie)
        return;
    object->closed_at = bpf_ktime_get_boot_ns();
    tell_closed(object, how);
}

/* Tells that there is no more of the objects of a socket. */
static __always_inline void note_closing(struct sock *sk)
{
    struct connection *connection = bpf_sk_storage_get(&connections, sk, 0, 0);
    __u8 how = BPF_CORE_READ(sk, sk_err) == ECONNRESET ? CLOSED_BY_RESET : CLOSED_SOCKET;
    __u64 cookie = bpf_get_socket_cookie(sk);

    if (connection && connection->key.object)
        close_object(&connection->key, cookie, how);
    if (!has_openers)
        return;
    struct object_key *opener = bpf_map_lookup_elem(&openers, &cookie);
    if (!opener)
        return;
    close_object(opener, cookie, how);
    bpf_map_delete_elem(&openers, &cookie);
}

#endif
