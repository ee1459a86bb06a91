/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copies packets into the ring, each behind the process that sends it. */
#ifndef TLSIGHT_COPY_H
#define TLSIGHT_COPY_H

enum counter {
    /* Packets that the ring had no room for. */
    COUNT_RING_FULL,
    /* Packets with headers that cannot be read here. */
    COUNT_UNREADABLE,
    /* Packets that would begin something, beyond what is told of that in a second. */
    COUNT_BEGINNINGS,
    /* Flows of datagrams that were not over when enough of them was copied. */
    COUNT_CUT_SHORT,
    COUNTERS,
};

#include "counters.h"
#include "kernel.h"
#include "netns.h"
#include "process.h"
#include "record.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* The loader sets its length. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 20);
} ring SEC(".maps");

/*
 * Packets a second that may begin a connection or a flow because of somebody elsewhere, told by one
 * processor: whoever floods a port costs the reader no more than that.
 */
volatile const __u32 beginnings_per_s = 8192;

struct allowance {
    /* Nanoseconds of CLOCK_BOOTTIME up to which was allowed. */
    __u64 at;
    __u64 left;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct allowance);
} allowances SEC(".maps");

#define NS_PER_S 1000000000ULL

/* What the headers say. */
struct packet {
    __u32 len;
    __u32 ports_at;
    __u32 payload_at;
    __u32 sequence;
    __u8 is_ingress;
    __u8 is_v6;
    __u8 tcp_flags;
    __u8 record_flags;
    /* Whether it is to be told who sends it; it is cleared once that is done. */
    __u8 wants_sender;
    __u8 reserved[3];
    __u32 netns;
};

/* Whether one more beginning may be told in this second; counts it if not. */
static __always_inline int may_begin(void)
{
    __u32 only = 0;
    struct allowance *allowance = bpf_map_lookup_elem(&allowances, &only);
    if (!allowance)
        return 1;
    __u64 now = bpf_ktime_get_boot_ns();
    if (now - allowance->at >= NS_PER_S) {
        allowance->at = now;
        allowance->left = beginnings_per_s;
    }
    if (!allowance->left) {
        count(COUNT_BEGINNINGS, 1);
        return 0;
    }
    allowance->left--;
    return 1;
}

/*
 * Whether the running task is the sender. Whoever sends on a TCP socket holds its lock; what is sent
 * from an interrupt, which may run on top of any task, is sent while nobody does.
 */
static __always_inline int is_sender(struct bpf_sock *sk)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
        return 0;
    if (sk->protocol != IPPROTO_TCP)
        return 1;
    if (sk->state == TCP_LISTEN)
        return 0;
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
    if (!tcp)
        return 0;
    return BPF_CORE_READ(tcp, inet_conn.icsk_inet.sk.sk_lock.owned) != 0;
}

/* Tells of a process, unless that was done; false if the ring has no room. */
static __noinline int tell(struct process_key *key)
{
    __u8 value = 1;
    if (!key || bpf_map_lookup_elem(&told, key))
        return 1;
    struct process_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record)
        return 0;
    fill(record, key);
    bpf_ringbuf_submit(record, 0);
    bpf_map_update_elem(&told, key, &value, BPF_ANY);
    return 1;
}

static __always_inline int submit(struct __sk_buff *skb, const struct packet_record *head,
                                  __u32 capacity)
{
    struct packet_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record) + capacity, 0);
    if (!record)
        return 0;
    __u64 len = head->len;
    *record = *head;
    record->copied = 0;
    if (len > capacity)
        len = capacity;
    /* Two tests that the compiler does not join: the verifier understands them one by one. */
    asm volatile("" : "+r"(len));
    if (len <= capacity) {
        asm volatile("" : "+r"(len));
        if (len > 0 && !bpf_skb_load_bytes(skb, 0, record + 1, len))
            record->copied = len;
    }
    bpf_ringbuf_submit(record, 0);
    return 1;
}

/* Copies a packet; false if the ring has no room. */
static __always_inline int copy(struct __sk_buff *skb, struct bpf_sock *sk, struct packet *packet,
                                __u32 lost)
{
    struct packet_record head = {
        .kind = RECORD_PACKET,
        .is_ingress = packet->is_ingress,
        .flags = packet->record_flags,
        .len = skb->len,
        .segment_len = skb->gso_size,
        .netns = packet->netns,
        .lost = lost,
        .time = bpf_ktime_get_boot_ns(),
        .cookie = bpf_get_socket_cookie(skb),
        .cgroup = bpf_skb_cgroup_id(skb),
    };
    int sent;
    if (packet->wants_sender && is_sender(sk)) {
        key_of(&head.sender, (void *)bpf_get_current_task());
        head.flags |= FLAG_SENDER;
        if (!tell(&head.sender)) {
            count(COUNT_RING_FULL, 1);
            return 0;
        }
        packet->wants_sender = 0;
    }
    if (head.len <= 96)
        sent = submit(skb, &head, 96);
    else if (head.len <= 640)
        sent = submit(skb, &head, 640);
    else if (head.len <= 1536)
        sent = submit(skb, &head, 1536);
    else if (head.len <= 3072)
        sent = submit(skb, &head, 3072);
    else if (head.len <= 6144)
        sent = submit(skb, &head, 6144);
    else if (head.len <= 18432)
        sent = submit(skb, &head, 18432);
    else
        sent = submit(skb, &head, 1 << 16);
    if (!sent)
        count(COUNT_RING_FULL, 1);
    return sent;
}

#endif
