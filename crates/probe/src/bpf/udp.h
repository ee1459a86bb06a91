/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows of datagrams: what is copied of them. */
#ifndef TLSIGHT_UDP_H
#define TLSIGHT_UDP_H

#include "copy.h"
#include "hello.h"

/* Datagrams of one flow that are copied: more than any handshake has with its retransmissions. */
#define FLOW_DATAGRAMS 96
/* Nanoseconds without a hello after which a hello that tells no sessions apart is of a new one. */
#define NEW_SESSION_NS NS_PER_S
/* Names of a session: of QUIC, both ends' and those before and after a retry. */
#define NAMES 4

/* `finished.rs` writes the same layout. */
struct flow_key {
    __u64 cookie;
    /* An address of IPv4 fills four bytes. */
    __u8 remote[16];
    /* As it is in the packet. */
    __u32 port;
    __u32 reserved;
};

struct flow {
    __u64 begun_at;
    __u64 hello_at;
    /* By what the hellos of its sessions are known. */
    __u64 names[NAMES];
    __u32 lost;
    __u32 datagrams;
    __u32 netns;
    __u8 named;
    __u8 is_over;
    __u8 sender_told;
    __u8 reserved;
};

/* Flows of datagrams: a socket may have many. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 32768);
    __type(key, struct flow_key);
    __type(value, struct flow);
} flows SEC(".maps");

/* Flows whose session the reader has finished with, with the time of the last packet it knew. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, struct flow_key);
    __type(value, __u64);
} flow_verdicts SEC(".maps");

static __always_inline int is_named(const struct flow *flow, __u64 name)
{
    for (int i = 0; i < NAMES; i++)
        if (flow->names[i] == name)
            return 1;
    return 0;
}

static __always_inline void add_name_of_session(struct flow *flow, __u64 name)
{
    if (!name || is_named(flow, name))
        return;
    flow->names[flow->named % NAMES] = name;
    flow->named++;
}

/* Whether a hello is none of a session that the flow has shown. */
static __always_inline int begins_session(const struct flow *flow, const struct hello *hello,
                                          __u64 now)
{
    if (hello->to)
        return !is_named(flow, hello->to);
    return now - flow->hello_at > NEW_SESSION_NS;
}

static __always_inline void read_key(struct __sk_buff *skb, const struct packet *packet,
                                     struct flow_key *key)
{
    __u32 address_at = packet->is_ingress ? 0 : (packet->is_v6 ? 16 : 4);
    __u16 port = 0;

    if (packet->is_v6)
        bpf_skb_load_bytes(skb, 8 + address_at, key->remote, 16);
    else
        bpf_skb_load_bytes(skb, 12 + address_at, key->remote, 4);
    bpf_skb_load_bytes(skb, packet->ports_at + (packet->is_ingress ? 0 : 2), &port, sizeof(port));
    key->port = port;
}

/* The flow of a datagram, which may begin it; none if nothing is to be copied. */
static __always_inline struct flow *flow_of(const struct flow_key *key, struct packet *packet,
                                            const struct hello *hello)
{
    struct flow *flow = bpf_map_lookup_elem(&flows, key);
    if (hello->kind == OTHER)
        return flow;
    __u64 now = bpf_ktime_get_boot_ns();
    if (!flow) {
        struct flow begun = { .begun_at = now };
        if (packet->is_ingress && !may_begin())
            return 0;
        bpf_map_update_elem(&flows, key, &begun, BPF_ANY);
        flow = bpf_map_lookup_elem(&flows, key);
        if (!flow)
            return 0;
        packet->record_flags |= FLAG_FIRST;
    }
    if (hello->kind == HELLO) {
        if (begins_session(flow, hello, now)) {
            if (flow->datagrams && packet->is_ingress && !may_begin())
                return 0;
            packet->record_flags |= FLAG_FIRST;
            flow->begun_at = now;
            flow->datagrams = 0;
            flow->sender_told = 0;
            flow->is_over = 0;
        }
        flow->hello_at = now;
    }
    add_name_of_session(flow, hello->to);
    add_name_of_session(flow, hello->from);
    return flow;
}

static __always_inline void handle_udp(struct __sk_buff *skb, struct bpf_sock *sk,
                                       struct packet *packet)
{
    struct flow_key key = { .cookie = bpf_get_socket_cookie(skb) };
    struct hello hello = {};

    read_hello(skb, packet->payload_at, &hello);
    read_key(skb, packet, &key);
    struct flow *flow = flow_of(&key, packet, &hello);
    if (!flow || flow->is_over)
        return;
    __u64 *verdict = bpf_map_lookup_elem(&flow_verdicts, &key);
    if (verdict) {
        /* One of before is not on this session. */
        flow->is_over = *verdict >= flow->begun_at;
        bpf_map_delete_elem(&flow_verdicts, &key);
        if (flow->is_over)
            return;
    }
    if (flow->datagrams++ >= FLOW_DATAGRAMS) {
        flow->is_over = 1;
        count(COUNT_CUT_SHORT, 1);
        return;
    }
    if (!flow->netns)
        flow->netns = netns_of(sk);
    packet->netns = flow->netns;
    packet->wants_sender = !packet->is_ingress && !flow->sender_told;
    int wanted_sender = packet->wants_sender;
    if (copy(skb, sk, packet, flow->lost))
        flow->lost = 0;
    else
        flow->lost++;
    if (wanted_sender && !packet->wants_sender)
        flow->sender_told = 1;
}

#endif
