/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The filter of a packet socket that leaves the packets of finished flows in the kernel. Which flows
 * these are is the reader's to say; a flow that ends, or begins anew, is passed on whatever it said.
 */
enum counter {
    COUNT_PACKETS,
    COUNT_BYTES,
    COUNTERS,
};

#include "counters.h"
#include "kernel.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* One direction of a flow; `cutoff.rs` writes the same layout. Addresses of IPv4 fill four bytes. */
struct direction {
    __u8 source[16];
    __u8 destination[16];
    __be16 source_port;
    __be16 destination_port;
    __u8 protocol;
    __u8 version;
    __u8 reserved[2];
};

/* Directions of finished flows, with when a packet of them came last (CLOCK_MONOTONIC). */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 65536);
    __type(key, struct direction);
    __type(value, __u64);
} finished SEC(".maps");

/* Bytes of a packet that the reader wants. */
volatile const __u32 snapshot_len = 0xffffffff;

/* A direction that was silent for so long may be one of other ends that use the same ports. */
#define SILENT_NS 60000000000ULL

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd

static __always_inline int load(struct __sk_buff *skb, __u32 at, void *to, __u32 len)
{
    return bpf_skb_load_bytes_relative(skb, at, to, len, BPF_HDR_START_NET);
}

/* Reads the IP header; gives where its payload begins, or 0 if the packet is not to be judged. */
static __always_inline __u32 read_ip(struct __sk_buff *skb, struct direction *direction)
{
    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        __u8 ip[20];
        if (load(skb, 0, ip, sizeof(ip)) || ip[0] >> 4 != 4 || (ip[6] & 0x3f) || ip[7])
            return 0;
        direction->version = 4;
        direction->protocol = ip[9];
        __builtin_memcpy(direction->source, ip + 12, 4);
        __builtin_memcpy(direction->destination, ip + 16, 4);
        return (ip[0] & 15) * 4;
    }
    if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
        __u8 ip[40];
        if (load(skb, 0, ip, sizeof(ip)) || ip[0] >> 4 != 6)
            return 0;
        direction->version = 6;
        direction->protocol = ip[6];
        __builtin_memcpy(direction->source, ip + 8, 16);
        __builtin_memcpy(direction->destination, ip + 24, 16);
        return sizeof(ip);
    }
    return 0;
}

/* Forgets both directions of a flow. */
static __always_inline void forget(const struct direction *direction)
{
    struct direction other = {
        .source_port = direction->destination_port,
        .destination_port = direction->source_port,
        .protocol = direction->protocol,
        .version = direction->version,
    };
    __builtin_memcpy(other.source, direction->destination, sizeof(other.source));
    __builtin_memcpy(other.destination, direction->source, sizeof(other.destination));
    bpf_map_delete_elem(&finished, direction);
    bpf_map_delete_elem(&finished, &other);
}

/* Whether a packet is of a flow that is finished, and goes on. */
static __always_inline int is_cut_off(struct __sk_buff *skb)
{
    struct direction direction = {};
    __be16 ports[2];
    __u8 flags = 0;
    __u32 at = read_ip(skb, &direction);

    if (!at || (direction.protocol != IPPROTO_TCP && direction.protocol != IPPROTO_UDP))
        return 0;
    if (load(skb, at, ports, sizeof(ports)))
        return 0;
    direction.source_port = ports[0];
    direction.destination_port = ports[1];
    if (direction.protocol == IPPROTO_TCP && load(skb, at + 13, &flags, sizeof(flags)))
        return 0;
    if (flags & TCP_SYN) {
        forget(&direction);
        return 0;
    }
    __u64 *last = bpf_map_lookup_elem(&finished, &direction);
    if (!last || (flags & (TCP_FIN | TCP_RST)))
        return 0;
    __u64 now = bpf_ktime_get_ns();
    if (now - *last > SILENT_NS && now > *last) {
        forget(&direction);
        return 0;
    }
    *last = now;
    return 1;
}

SEC("socket")
int cut_off(struct __sk_buff *skb)
{
    if (!is_cut_off(skb))
        return snapshot_len;
    count(COUNT_PACKETS, 1);
    count(COUNT_BYTES, skb->len);
    return 0;
}
