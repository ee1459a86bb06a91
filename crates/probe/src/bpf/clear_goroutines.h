/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls of Go (its internal ABI of amd64, cmd/compile/abi-internal.md): arguments and results are in
 * AX, BX, CX ..., and R14 is the goroutine, which may go on in another thread after it has waited.
 */
#ifndef TLSIGHT_CLEAR_GOROUTINES_H
#define TLSIGHT_CLEAR_GOROUTINES_H

#include "clear_calls.h"

struct goroutine {
    __u64 address;
    __u32 tgid;
    __u32 reserved;
};

/* How deep the innermost call of each goroutine is. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 131072);
    __type(key, struct goroutine);
    __type(value, __u32);
} goroutines SEC(".maps");

/* Whether there was any. */
static volatile __u32 has_goroutines;

/* Deepest stack of a goroutine (runtime.maxstacksize on 64 bits). */
#define MAX_DEPTH 1000000000ULL

/* How deep a stack pointer is in the stack of a goroutine; 0 if it is not in it. */
static __always_inline __u32 depth_of(__u64 goroutine, __u64 stack)
{
    __u64 bounds[2];
    if (bpf_probe_read_user(bounds, sizeof(bounds), (void *)goroutine))
        return 0;
    if (stack < bounds[0] || stack >= bounds[1] || bounds[1] - stack > MAX_DEPTH)
        return 0;
    return bounds[1] - stack;
}

static __always_inline struct goroutine running_goroutine(__u64 address)
{
    struct goroutine running = {
        .address = address,
        .tgid = bpf_get_current_pid_tgid() >> 32,
    };
    return running;
}

static __always_inline struct call_key key_of_depth(const struct goroutine *goroutine, __u32 depth)
{
    /* No return address is at an odd place. */
    struct call_key key = {
        .at = goroutine->address | 1,
        .tgid = goroutine->tgid,
        .depth = depth,
    };
    return key;
}

/* The innermost call of the goroutine that runs, if its stack pointer is within it. */
static __always_inline struct call *
call_of_goroutine(struct pt_regs___of_task *registers __attribute__((unused)), __u64 stack)
{
    if (!has_goroutines)
        return 0;
    __u64 address = 0;
#if defined(__TARGET_ARCH_x86)
    address = BPF_CORE_READ(registers, r14);
#endif
    struct goroutine running = running_goroutine(address);
    __u32 *depth = bpf_map_lookup_elem(&goroutines, &running);
    if (!depth)
        return 0;
    if (depth_of(running.address, stack) < *depth)
        return 0;
    struct call_key key = key_of_depth(&running, *depth);
    return bpf_map_lookup_elem(&calls, &key);
}

static __always_inline void begin_in_goroutine(struct call *call, __u64 address, __u64 stack,
                                               __u64 cookie)
{
    struct process *process = running_process();
    struct goroutine running = running_goroutine(address);
    __u32 depth = depth_of(address, stack);
    __u32 *outer = bpf_map_lookup_elem(&goroutines, &running);

    if (!process || !depth || !note_call(process, call->object, cookie))
        return;
    has_goroutines = 1;
    if (outer && *outer < depth) {
        struct call_key key = key_of_depth(&running, *outer);
        struct call *known = bpf_map_lookup_elem(&calls, &key);
        if (known && known->object == call->object)
            return;
        if (known)
            call->outer = *outer;
    }
    struct call_key key = key_of_depth(&running, depth);
    begin_call(call, &key, process, cookie);
    bpf_map_update_elem(&goroutines, &running, &depth, BPF_ANY);
}

static __always_inline void end_in_goroutine(__u64 address, __u64 stack, __u64 result)
{
    struct goroutine running = running_goroutine(address);
    struct call_key key = key_of_depth(&running, depth_of(address, stack));
    struct call *call = bpf_map_lookup_elem(&calls, &key);
    if (!call)
        return;
    __u32 outer = call->outer;
    if (outer)
        bpf_map_update_elem(&goroutines, &running, &outer, BPF_ANY);
    else
        bpf_map_delete_elem(&goroutines, &running);
    conclude(call, result);
    bpf_map_delete_elem(&calls, &key);
}

#endif
