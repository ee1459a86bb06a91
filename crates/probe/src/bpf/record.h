/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What goes through the ring. `record.rs` reads the same layout: all integers are little-endian (the
 * program is only built for such machines), there is no padding.
 */
#ifndef TLSIGHT_RECORD_H
#define TLSIGHT_RECORD_H

#include <linux/types.h>

enum record_kind {
    RECORD_PACKET = 1,
    RECORD_PROCESS = 2,
};

enum packet_flags {
    /* The process is known to be the sender. */
    FLAG_SENDER = 1,
    /* The socket listens: the packet belongs to a connection that is being made. */
    FLAG_LISTENER = 2,
    /* The first packet of a flow of datagrams, or one with a hello of none of its sessions so far. */
    FLAG_FIRST = 4,
};

/* What tells a program that runs from all others: an exec gives another one. */
struct process_key {
    __u64 start;
    __u32 tgid;
    __u32 exec;
};

/* A packet, from its IP header on; its first `copied` bytes follow. */
struct packet_record {
    __u8 kind;
    __u8 is_ingress;
    __u8 flags;
    __u8 reserved;
    __u32 copied;
    __u32 len;
    /* Length of one datagram, if the packet is several; 0 if it is one. */
    __u32 segment_len;
    /* Number of the network namespace, as `/proc/PID/ns/net` has it. */
    __u32 netns;
    /* Packets of the same socket that the ring had no room for. */
    __u32 lost;
    /* Nanoseconds of CLOCK_BOOTTIME. */
    __u64 time;
    __u64 cookie;
    __u64 cgroup;
    struct process_key sender;
};

#define MAX_COMM 16
/* Longer paths lose their beginning, longer command lines their end. */
#define MAX_PATH 1024
#define MAX_ARGS 4096
/* The longest name of a file (NAME_MAX) with its NUL. */
#define MAX_NAME 256

/* Components of a path from the last to the first, each ended by a NUL. */
struct names {
    __u32 len;
    __u8 bytes[MAX_PATH + MAX_NAME];
};

/* A process, as it is when it first sends. */
struct process_record {
    __u8 kind;
    __u8 reserved[3];
    __u32 uid;
    struct process_key key;
    struct process_key parent;
    __u64 cgroup;
    char comm[MAX_COMM];
    char parent_comm[MAX_COMM];
    struct names cgroup_path;
    struct names executable;
    struct names parent_executable;
    __u32 args_len;
    /* Bytes behind the arguments, where a title that the process gave itself may go on. */
    __u32 title_len;
    __u8 args[MAX_ARGS];
    __u8 title[MAX_NAME];
};

#endif
