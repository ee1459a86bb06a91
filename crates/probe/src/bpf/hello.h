/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a datagram is, as far as its first bytes tell. */
#ifndef TLSIGHT_HELLO_H
#define TLSIGHT_HELLO_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

enum datagram {
    /* May belong to a session, but begins none. */
    OTHER,
    /* Of a handshake. */
    HANDSHAKE,
    /* Perhaps with a hello of a client. */
    HELLO,
};

struct hello {
    enum datagram kind;
    /*
     * Names by which the hellos of one session are known: the first bytes of the connection ids of
     * QUIC to which and from which they go, and those of a DTLS client's random. 0 is none: a client
     * begins with an id of 8 bytes or more (RFC 9000 section 7.2).
     */
    __u64 to;
    __u64 from;
};

/* Bytes of a connection id that name it. */
#define NAME_LEN 8
/* RFC 9000 section 17.2 */
#define MAX_CONNECTION_ID_LEN 20

/* Whether a version is one of QUIC: 1 and 2, drafts, those of Google, or reserved (RFC 9000). */
static __always_inline int is_quic(__u32 version)
{
    return version == 1 || version == 0x6b3343cf || version == 0 || version >> 8 == 0xff0000 ||
           version >> 24 == 0x51 || version >> 24 == 0x54 || (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

/* Reads the connection ids of a long header, which has them where all versions do (RFC 8999). */
static __always_inline void read_connection_ids(struct __sk_buff *skb, __u32 at,
                                                struct hello *hello)
{
    __u8 to_len, from_len;
    __u64 name;

    if (bpf_skb_load_bytes(skb, at + 5, &to_len, 1) || to_len > MAX_CONNECTION_ID_LEN)
        return;
    if (to_len >= NAME_LEN && !bpf_skb_load_bytes(skb, at + 6, &name, NAME_LEN))
        hello->to = name;
    if (bpf_skb_load_bytes(skb, at + 6 + to_len, &from_len, 1) || from_len > MAX_CONNECTION_ID_LEN)
        return;
    if (from_len >= NAME_LEN && !bpf_skb_load_bytes(skb, at + 7 + to_len, &name, NAME_LEN))
        hello->from = name;
}

/* Reads a record of DTLS; a hello of a client is only known from its first fragment. */
static __always_inline void read_dtls(struct __sk_buff *skb, __u32 at, struct hello *hello)
{
    /* Record header, handshake header, version and random (RFC 6347 section 4). */
    __u8 start[13 + 12 + 2 + 4];

    hello->kind = HANDSHAKE;
    if (bpf_skb_load_bytes(skb, at, start, sizeof(start)))
        return;
    int is_clear = !start[3] && !start[4];
    int is_first = !start[19] && !start[20] && !start[21];
    if (start[13] != 1 || !is_clear || !is_first)
        return;
    hello->kind = HELLO;
    /* Behind the part of the random that may be a clock. */
    bpf_skb_load_bytes(skb, at + sizeof(start), &hello->to, NAME_LEN);
}

static __always_inline void read_hello(struct __sk_buff *skb, __u32 at, struct hello *hello)
{
    __u8 start[14];
    if (bpf_skb_load_bytes(skb, at, start, sizeof(start)))
        return;
    /* Behind the header of a TURN channel (RFC 8656 section 12.4). */
    if ((start[0] & 0xf0) == 0x40 && start[4] == 22 && start[5] == 254)
        return read_dtls(skb, at + 4, hello);
    if (start[0] == 22 && start[1] == 254)
        return read_dtls(skb, at, hello);
    if (!(start[0] & 0x80))
        return;
    __u32 version =
        (__u32)start[1] << 24 | (__u32)start[2] << 16 | (__u32)start[3] << 8 | start[4];
    if (!is_quic(version))
        return;
    int is_initial = (start[0] & 0x30) == (version == 0x6b3343cf ? 0x10 : 0);
    hello->kind = is_initial && version ? HELLO : HANDSHAKE;
    read_connection_ids(skb, at, hello);
}

#endif
