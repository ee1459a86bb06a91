/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of each processor, which the loader adds up. The program names them in `enum counter`. */
#ifndef TLSIGHT_COUNTERS_H
#define TLSIGHT_COUNTERS_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 counter, __u64 by)
{
    __u64 *value = bpf_map_lookup_elem(&counters, &counter);
    if (value)
        *value += by;
}

#endif
