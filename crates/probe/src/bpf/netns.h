/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Network namespaces of sockets. */
#ifndef TLSIGHT_NETNS_H
#define TLSIGHT_NETNS_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

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

#endif
