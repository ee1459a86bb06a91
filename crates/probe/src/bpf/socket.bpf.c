/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Copies the packets of sockets into a ring, from the first one until the TLS handshake is over or
 * the connection proves to carry none. The judge is the reader of the ring; what is decided here only
 * bounds what it is given.
 */
#include "kernel.h"
#include "process.h"
#include "record.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 16 << 20);
} ring SEC(".maps");

enum counter {
    /* Packets that the ring had no room for. */
    COUNT_RING_FULL,
    /* Packets with headers that cannot be read here. */
    COUNT_UNREADABLE,
    COUNTERS,
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

/* Payload of one direction that is copied before TLS was found, unless the reader is sooner to tell. */
#define UNDECIDED_BYTES (64 << 10)
/* Payload of one direction up to which TLS may still begin after that (STARTTLS). */
#define PREAMBLE_BYTES (256 << 10)
/* Payload of one direction that is copied once TLS was found: more than any handshake. */
#define HANDSHAKE_BYTES (256 << 10)
/* Segments without payload that are copied, of one direction: more than those of any handshake. */
#define BARE_SEGMENTS 64
/* Encrypted records of the client, behind the server's hello, with which its handshake is over. */
#define CLIENT_OPAQUE 4
/* Records that are looked at in one packet: a handshake has fewer. */
#define MAX_RECORDS 24
/* Datagrams of one flow that are copied: more than any handshake has with its retransmissions. */
#define FLOW_DATAGRAMS 96
/* Nanoseconds without a hello after which a hello on the same ports is that of a new session. */
#define NEW_SESSION_NS 1000000000ULL

enum phase {
    UNDECIDED,
    TLS,
    DONE,
};

struct stream {
    /* Payload seen, retransmissions included. */
    __u32 bytes;
    /* Sequence number of the next record. */
    __u32 next;
    __u16 bare;
    __u8 handshake;
    __u8 opaque;
};

struct connection {
    __u32 lost;
    __u8 phase;
    /* Direction of the client's hello. */
    __u8 client;
    __u8 reserved[2];
    struct stream streams[2];
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct connection);
} connections SEC(".maps");

/* Sockets whose session the reader has finished with. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, __u64);
    __type(value, __u8);
} verdicts SEC(".maps");

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
};

#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4

static __always_inline void count(__u32 counter)
{
    __u64 *value = bpf_map_lookup_elem(&counters, &counter);
    if (value)
        *value += 1;
}

/* Number of the network namespace. A socket's pointer may be read through, but not be added to. */
static __always_inline __u32 netns_of(struct bpf_sock *sk)
{
    struct net *net = 0;
    __u8 start[128];
    __u32 at = bpf_core_field_offset(struct sock, __sk_common.skc_net.net);
    if (at > sizeof(start) - sizeof(net) || bpf_probe_read_kernel(start, sizeof(start), sk))
        return 0;
    __builtin_memcpy(&net, &start[at], sizeof(net));
    return BPF_CORE_READ(net, ns.inum);
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
static __always_inline int copy(struct __sk_buff *skb, struct bpf_sock *sk,
                                const struct packet *packet, __u32 lost)
{
    struct packet_record head = {
        .kind = RECORD_PACKET,
        .is_ingress = packet->is_ingress,
        .flags = packet->record_flags,
        .len = skb->len,
        .segment_len = skb->gso_size,
        .netns = netns_of(sk),
        .lost = lost,
        .time = bpf_ktime_get_boot_ns(),
        .cookie = bpf_get_socket_cookie(skb),
        .cgroup = bpf_skb_cgroup_id(skb),
    };
    int sent;
    if (!packet->is_ingress && is_sender(sk)) {
        key_of(&head.sender, (void *)bpf_get_current_task());
        head.flags |= FLAG_SENDER;
        if (!tell(&head.sender)) {
            count(COUNT_RING_FULL);
            return 0;
        }
    }
    if (head.len <= 128)
        sent = submit(skb, &head, 128);
    else if (head.len <= 1536)
        sent = submit(skb, &head, 1536);
    else if (head.len <= 6144)
        sent = submit(skb, &head, 6144);
    else if (head.len <= 18432)
        sent = submit(skb, &head, 18432);
    else
        sent = submit(skb, &head, 1 << 16);
    if (!sent)
        count(COUNT_RING_FULL);
    return sent;
}

/* Whether bytes begin a record with a hello of a client. */
static __always_inline int is_hello(const __u8 *start)
{
    return start[0] == 22 && start[1] == 3 && start[5] == 1;
}

/* Follows the records of a packet by their headers, as long as these are at hand. */
static __always_inline void follow_records(struct __sk_buff *skb, const struct packet *packet,
                                           struct stream *stream)
{
    __u32 len = skb->len - packet->payload_at;
    for (int i = 0; i < MAX_RECORDS; i++) {
        __u8 header[5];
        __u32 at = stream->next - packet->sequence;
        if (at >= len || at > 1 << 16)
            return;
        if (bpf_skb_load_bytes(skb, packet->payload_at + at, header, sizeof(header)))
            return;
        if (header[0] == 22)
            stream->handshake = 1;
        else if (header[0] == 23 && stream->opaque < 255)
            stream->opaque++;
        stream->next += sizeof(header) + ((__u32)header[3] << 8 | header[4]);
    }
}

/* Whether so much came without TLS that nothing is copied until a hello comes. */
static __always_inline int is_paused(const struct connection *connection)
{
    return connection->phase == UNDECIDED && (connection->streams[0].bytes > UNDECIDED_BYTES ||
                                              connection->streams[1].bytes > UNDECIDED_BYTES);
}

/* Notes the payload of a segment; whether it is to be copied. */
static __always_inline int note_payload(struct __sk_buff *skb, const struct packet *packet,
                                        struct connection *connection)
{
    __u8 direction = packet->is_ingress & 1;
    struct stream *stream = &connection->streams[direction];
    __u32 before = stream->bytes;
    __u8 start[6] = {};

    stream->bytes = before + (skb->len - packet->payload_at);
    if (connection->phase == UNDECIDED) {
        if (skb->len >= packet->payload_at + sizeof(start) &&
            !bpf_skb_load_bytes(skb, packet->payload_at, start, sizeof(start)) && is_hello(start)) {
            connection->phase = TLS;
            connection->client = direction;
            connection->streams[0].bytes = 0;
            connection->streams[1].bytes = 0;
            stream->next = packet->sequence;
            connection->streams[!direction].next = 0;
        } else if (before > PREAMBLE_BYTES) {
            connection->phase = DONE;
            return 0;
        } else {
            return !is_paused(connection);
        }
    }
    if (before > HANDSHAKE_BYTES) {
        connection->phase = DONE;
        return 0;
    }
    if (direction != connection->client && !stream->handshake && !stream->next)
        stream->next = packet->sequence;
    follow_records(skb, packet, stream);
    return 1;
}

/* Whether the client has sent so much behind the server's hello that its handshake is over. */
static __always_inline int is_over(const struct connection *connection)
{
    const struct stream *client = &connection->streams[connection->client & 1];
    const struct stream *server = &connection->streams[!(connection->client & 1)];
    return connection->phase == TLS && client->opaque >= CLIENT_OPAQUE && server->opaque > 0;
}

static __always_inline void handle_tcp(struct __sk_buff *skb, struct bpf_sock *sk,
                                       struct packet *packet)
{
    __u32 has_payload = skb->len > packet->payload_at;
    if (sk->state == TCP_LISTEN) {
        packet->record_flags |= FLAG_LISTENER;
        copy(skb, sk, packet, 0);
        return;
    }
    struct connection *connection =
        bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!connection || connection->phase == DONE)
        return;
    __u64 cookie = bpf_get_socket_cookie(skb);
    if (bpf_map_lookup_elem(&verdicts, &cookie)) {
        connection->phase = DONE;
        bpf_map_delete_elem(&verdicts, &cookie);
        return;
    }
    if (has_payload) {
        if (!note_payload(skb, packet, connection))
            return;
    } else if (is_paused(connection)) {
        return;
    } else if (!(packet->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))) {
        struct stream *stream = &connection->streams[packet->is_ingress & 1];
        if (stream->bare >= BARE_SEGMENTS)
            return;
        stream->bare++;
    }
    if (copy(skb, sk, packet, connection->lost))
        connection->lost = 0;
    else
        connection->lost++;
    if (is_over(connection))
        connection->phase = DONE;
}

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

static __always_inline int handle(struct __sk_buff *skb, __u8 is_ingress)
{
    struct packet packet = { .is_ingress = is_ingress };
    struct bpf_sock *sk = skb->sk;
    if (!sk)
        return 1;
    sk = bpf_sk_fullsock(sk);
    if (!sk || (sk->protocol != IPPROTO_TCP && sk->protocol != IPPROTO_UDP))
        return 1;
    if (sk->protocol == IPPROTO_TCP && sk->state != TCP_LISTEN) {
        struct connection *known = bpf_sk_storage_get(&connections, sk, 0, 0);
        if (known && known->phase == DONE)
            return 1;
    }
    __u8 protocol = headers(skb, &packet);
    if (protocol == IPPROTO_TCP && sk->protocol == IPPROTO_TCP)
        handle_tcp(skb, sk, &packet);
    else if (protocol == IPPROTO_UDP && sk->protocol == IPPROTO_UDP)
        handle_udp(skb, sk, &packet);
    else
        count(COUNT_UNREADABLE);
    return 1;
}

SEC("cgroup_skb/egress")
int at_egress(struct __sk_buff *skb)
{
    return handle(skb, 0);
}

SEC("cgroup_skb/ingress")
int at_ingress(struct __sk_buff *skb)
{
    return handle(skb, 1);
}
