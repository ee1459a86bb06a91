/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Copies the packets of sockets into a ring, from the first one until the TLS handshake is over or
 * the connection proves to carry none. The judge is the reader of the ring; what is decided here only
 * bounds what it is given.
 */
#include "copy.h"
#include "tcp.h"
#include "udp.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Finds TCP or UDP in a packet; gives the protocol, or 0. */
static __always_inline __u8 headers(struct __sk_buff *skb, struct packet *packet)
{
    __u8 first[20], tcp[20];
    __u8 protocol;
    __u32 at;

    if (bpf_skb_load_bytes(skb, 0, first, sizeof(first)))
        return 0;
    packet->is_v6 = first[0] >> 4 == 6;
    if (packet->is_v6) {
        protocol = first[6];
        at = 40;
        if (protocol == IPPROTO_HOPOPTS) {
            __u8 option[2];
            if (bpf_skb_load_bytes(skb, at, option, sizeof(option)))
                return 0;
            protocol = option[0];
            at += 8 + 8 * option[1];
        }
    } else {
        protocol = first[9];
        at = (first[0] & 15) * 4;
    }
    packet->ports_at = at;
    packet->payload_at = at + 8;
    if (protocol != IPPROTO_TCP)
        return protocol;
    if (bpf_skb_load_bytes(skb, at, tcp, sizeof(tcp)))
        return 0;
    packet->sequence =
        (__u32)tcp[4] << 24 | (__u32)tcp[5] << 16 | (__u32)tcp[6] << 8 | tcp[7];
    packet->payload_at = at + (tcp[12] >> 4) * 4;
    packet->tcp_flags = tcp[13];
    return protocol;
}

/* What is not bulk; apart from it, for what is run for each packet is short. */
static __noinline int look(struct __sk_buff *skb, __u8 is_ingress)
{
    struct packet packet = { .is_ingress = is_ingress };
    struct bpf_sock *sk = skb->sk;
    if (!sk)
        return 1;
    sk = bpf_sk_fullsock(sk);
    if (!sk || (sk->protocol != IPPROTO_TCP && sk->protocol != IPPROTO_UDP))
        return 1;
    __u8 protocol = headers(skb, &packet);
    if (protocol == IPPROTO_TCP && sk->protocol == IPPROTO_TCP)
        handle_tcp(skb, sk, &packet);
    else if (protocol == IPPROTO_UDP && sk->protocol == IPPROTO_UDP)
        handle_udp(skb, sk, &packet);
    else
        count(COUNT_UNREADABLE, 1);
    return 1;
}

/* Whether nothing more is wanted of a connection: only those that were looked at have something stored. */
static __always_inline int is_done(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;
    struct connection *known = sk ? bpf_sk_storage_get(&connections, sk, 0, 0) : 0;
    return known && known->phase == DONE;
}

SEC("cgroup_skb/egress")
int at_egress(struct __sk_buff *skb)
{
    return is_done(skb) || look(skb, 0);
}

SEC("cgroup_skb/ingress")
int at_ingress(struct __sk_buff *skb)
{
    return is_done(skb) || look(skb, 1);
}
