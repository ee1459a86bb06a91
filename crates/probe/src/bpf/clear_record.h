/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What goes through the rings of clear text, beside `struct process_record`. `clear_text/record.rs`
 * reads the same layout: all integers are little-endian, there is no padding.
 */
#ifndef TLSIGHT_CLEAR_RECORD_H
#define TLSIGHT_CLEAR_RECORD_H

#include "record.h"

enum clear_kind {
    CLEAR_BOUND = 3,
    CLEAR_DATA = 4,
    CLEAR_CLOSED = 5,
};

enum direction {
    READ,
    WRITE,
    DIRECTIONS,
};

enum role {
    ROLE_UNKNOWN,
    ROLE_CLIENT,
    ROLE_SERVER,
};

/* How the socket of an object was found. */
enum binding {
    BOUND_BY_CALL = 1,
    BOUND_BY_THREAD = 2,
    BOUND_BY_FINGERPRINT = 3,
    /* What was received on it is where the record is that the library opens. */
    BOUND_BY_BUFFER = 4,
};

enum closing {
    CLOSED_BY_LIBRARY = 1,
    CLOSED_SOCKET = 2,
    CLOSED_BY_RESET = 3,
    /* Rules that have changed do not allow it any longer. */
    CLOSED_BY_RULES = 4,
};

/* Both ends of a TCP socket. */
struct address {
    /* Number of the socket; 0 if it is not known. */
    __u64 cookie;
    /* Nanoseconds of CLOCK_BOOTTIME at which it was connected; 0 if that was not seen. */
    __u64 opened_at;
    __u32 netns;
    __u16 local_port;
    __u16 remote_port;
    __u8 local[16];
    __u8 remote[16];
    __u8 is_v6;
    __u8 role;
    __u8 reserved[6];
};

/* In front of each record. `len` bytes of clear text follow that of a CLEAR_DATA. */
struct clear_head {
    __u8 kind;
    __u8 direction;
    /* enum binding or enum closing */
    __u8 how;
    __u8 reserved;
    __u32 len;
    /* Number of the library's object, of which each is given once. */
    __u64 object;
    /* Bytes of the direction before. */
    __u64 position;
    /* Nanoseconds of CLOCK_BOOTTIME. */
    __u64 time;
    /* Bytes of the direction so far that the ring had no room for, and that could not be read. */
    __u64 ring_full;
    __u64 faults;
    struct process_key process;
};

/* Bytes of a direction. */
struct progress {
    __u64 position;
    __u64 ring_full;
    __u64 faults;
};

/* The socket of an object becomes known. */
struct bound_record {
    struct clear_head head;
    struct address address;
    struct progress progress[DIRECTIONS];
    char comm[MAX_COMM];
    /* Number of the file whose function was called. */
    __u32 target;
    __u32 reserved;
};

/* There is no more of an object. */
struct closed_record {
    struct clear_head head;
    struct progress progress[DIRECTIONS];
};

#endif
