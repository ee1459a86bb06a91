/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows of datagrams: what is copied of them. */
#ifndef TLSIGHT_UDP_H
#define TLSIGHT_UDP_H

#include "copy.h"

/* Datagrams of one flow that are copied: more than any handshake has with its retransmissions. */
#define FLOW_DATAGRAMS 96
/* Nanoseconds without a hello after which a hello on the same ports is that of a new session. */
#define NEW_SESSION_NS 1000000000ULL

struct flow_key {
    __u64 cookie;
    __u8 remote[16];
    __u32 port;
    __u32 reserved;
};

struct flow {
    __u64 hello_at;
    __u32 lost;
    __u32 datagrams;
};

/* Flows of datagrams: a socket may have many. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 32768);
    __type(key, struct flow_key);
    __type(value, struct flow);
} flows SEC(".maps");

/* Whether a version is one of QUIC: 1 and 2, drafts, those of Google, or reserved (RFC 9000). */
static __always_inline int is_quic(__u32 version)
{
    return version == 1 || version == 0x6b3343cf || version == 0 || version >> 8 == 0xff0000 ||
           version >> 24 == 0x51 || version >> 24 == 0x54 || (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

enum datagram {
    /* May belong to a session, but begins none. */
    OTHER,
    /* Of a handshake. */
    HANDSHAKE,
    /* With a hello of a client. */
    HELLO,
};

static __always_inline enum datagram datagram_at(struct __sk_buff *skb, __u32 at)
{
    __u8 start[14];
    if (bpf_skb_load_bytes(skb, at, start, sizeof(start)))
        return OTHER;
    if ((start[0] & 0xf0) == 0x40 && start[4] == 22 && start[5] == 254)
        return HANDSHAKE;
    if (start[0] == 22 && start[1] == 254)
        return start[13] == 1 && start[3] == 0 && start[4] == 0 ? HELLO : HANDSHAKE;
    if (!(start[0] & 0x80))
        return OTHER;
    __u32 version =
        (__u32)start[1] << 24 | (__u32)start[2] << 16 | (__u32)start[3] << 8 | start[4];
    if (!is_quic(version))
        return OTHER;
    return (start[0] & 0x30) == (version == 0x6b3343cf ? 0x10 : 0) ? HELLO : HANDSHAKE;
}

static __always_inline void handle_udp(struct __sk_buff *skb, struct bpf_sock *sk,
                                       struct packet *packet)
{
    struct flow_key key = { .cookie = bpf_get_socket_cookie(skb) };
    enum datagram kind = datagram_at(skb, packet->payload_at);
    __u32 address_at = packet->is_ingress ? 0 : (packet->is_v6 ? 16 : 4);
    __u16 port = 0;

    if (packet->is_v6)
        bpf_skb_load_bytes(skb, 8 + address_at, key.remote, 16);
    else
        bpf_skb_load_bytes(skb, 12 + address_at, key.remote, 4);
    bpf_skb_load_bytes(skb, packet->ports_at + (packet->is_ingress ? 0 : 2), &port, sizeof(port));
    key.port = port;

    struct flow *flow = bpf_map_lookup_elem(&flows, &key);
    if (!flow) {
        struct flow begun = {};
        if (kind == OTHER)
            return;
        bpf_map_update_elem(&flows, &key, &begun, BPF_ANY);
        flow = bpf_map_lookup_elem(&flows, &key);
        if (!flow)
            return;
    }
    if (kind == HELLO) {
        __u64 now = bpf_ktime_get_boot_ns();
        if (now - flow->hello_at > NEW_SESSION_NS)
            flow->datagrams = 0;
        flow->hello_at = now;
    }
    if (flow->datagrams > FLOW_DATAGRAMS)
        return;
    if (flow->datagrams++ == 0)
        packet->record_flags |= FLAG_FIRST;
    if (copy(skb, sk, packet, flow->lost))
        flow->lost = 0;
    else
        flow->lost++;
}

#endif
