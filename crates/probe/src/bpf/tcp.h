/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections: what is copied of them, and until when. */
#ifndef TLSIGHT_TCP_H
#define TLSIGHT_TCP_H

#include "copy.h"

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
/* Payload of the server behind the first of them with which it is over too: more than session tickets. */
#define SERVER_BYTES (16 << 10)
/* Records that are looked at in one packet: a handshake has fewer. */
#define MAX_RECORDS 24

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
    /* Encrypted records; of the client, those that came behind the server's hello. */
    __u8 opaque;
};

struct connection {
    __u32 lost;
    __u8 phase;
    /* Direction of the client's hello. */
    __u8 client;
    /* Whether it was told who sends payload. */
    __u8 sender_told;
    __u8 reserved;
    __u32 netns;
    /* Payload that the server had sent when the client began to encrypt. */
    __u32 server_bytes;
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

/* Whether bytes begin a record with a hello of a client. */
static __always_inline int is_hello(const __u8 *start)
{
    return start[0] == 22 && start[1] == 3 && start[5] == 1;
}

/* Follows the records of a packet by their headers, as long as these are at hand. */
static __always_inline void follow_records(struct __sk_buff *skb, const struct packet *packet,
                                           struct stream *stream, int counts_opaque)
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
        else if (header[0] == 23 && counts_opaque && stream->opaque < 255)
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
    struct stream *server = &connection->streams[!(connection->client & 1)];
    int is_server = direction != connection->client;
    int was_clear = !stream->opaque;
    if (is_server && !stream->handshake && !stream->next)
        stream->next = packet->sequence;
    follow_records(skb, packet, stream, is_server || server->handshake);
    if (!is_server && was_clear)
        connection->server_bytes = server->bytes;
    return 1;
}

/* Whether client and server have sent so much that the handshake is over. */
static __always_inline int is_over(const struct connection *connection)
{
    const struct stream *client = &connection->streams[connection->client & 1];
    const struct stream *server = &connection->streams[!(connection->client & 1)];
    if (connection->phase != TLS || !client->opaque || !server->opaque)
        return 0;
    return client->opaque >= CLIENT_OPAQUE ||
           server->bytes - connection->server_bytes > SERVER_BYTES;
}

static __always_inline void handle_tcp(struct __sk_buff *skb, struct bpf_sock *sk,
                                       struct packet *packet)
{
    __u32 has_payload = skb->len > packet->payload_at;
    if (sk->state == TCP_LISTEN) {
        packet->record_flags |= FLAG_LISTENER;
        packet->netns = netns_of(sk);
        if (may_begin())
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
    if (!connection->netns)
        connection->netns = netns_of(sk);
    packet->netns = connection->netns;
    /* A connection without payload has its sender from its first segment. */
    int is_opening = (packet->tcp_flags & TCP_SYN) != 0;
    packet->wants_sender =
        !packet->is_ingress && (has_payload ? !connection->sender_told : is_opening);
    int wanted_sender = packet->wants_sender;
    if (copy(skb, sk, packet, connection->lost))
        connection->lost = 0;
    else
        connection->lost++;
    if (has_payload && wanted_sender && !packet->wants_sender)
        connection->sender_told = 1;
    if (is_over(connection))
        connection->phase = DONE;
}

#endif
