/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Copies the secrets of sessions where a TLS library would write its key log. The functions are called
 * whether or not the application has asked for one. Secrets of exporters are not read.
 */
enum counter {
    COUNT_RING_FULL,
    COUNT_UNREADABLE,
    COUNT_FILTERED,
    COUNTERS,
};

#include "kernel.h"

#include <asm/ptrace.h>

#include "clear_scope.h"
#include "counters.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define RANDOM_LEN 32
/* The longest of those that open records, with a NUL, is CLIENT_HANDSHAKE_TRAFFIC_SECRET. */
#define MAX_LABEL 40
/* A master secret, or a digest of SHA-384. */
#define MAX_SECRET 48

/* `key_log/record.rs` reads the same layout; there is no padding. */
struct key_record {
    __u32 target;
    __u32 tgid;
    __u32 uid;
    __u32 secret_len;
    char comm[MAX_COMM];
    char label[MAX_LABEL];
    __u8 random[RANDOM_LEN];
    __u8 secret[MAX_SECRET];
};

/* Where a function has what is of interest: numbers of arguments, counted from 0. */
struct layout {
    __u32 label;
    __u32 random;
    __u32 secret;
    __u32 len;
    /* 0: the random is where its argument points; 1: so many bytes further; 2: where a pointer is that
     * is so many bytes further, and again some bytes further. */
    __u32 depth;
    __s32 offsets[2];
};

/* By number of the file. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, __u32);
    __type(value, struct layout);
} layouts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1048576);
} ring SEC(".maps");

/* Whether a label is one of those that open records: they are of the client or of the server. */
static __always_inline int is_wanted(__u64 label)
{
    char first = 0;
    bpf_probe_read_user(&first, sizeof(first), (void *)label);
    return first == 'C' || first == 'S';
}

static __always_inline int take(__u64 label, __u32 label_len, __u64 random, __u64 secret, __u64 len,
                                __u32 target)
{
    if (!is_wanted(label))
        return 0;
    struct process *process = running_process();
    if (!process || !process->is_allowed) {
        count(COUNT_FILTERED, 1);
        return 0;
    }
    if (!len || len > MAX_SECRET) {
        count(COUNT_UNREADABLE, 1);
        return 0;
    }
    struct key_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
    if (!record) {
        count(COUNT_RING_FULL, 1);
        return 0;
    }
    __builtin_memset(record, 0, sizeof(*record));
    record->target = target;
    record->tgid = bpf_get_current_pid_tgid() >> 32;
    struct task_struct *task = (void *)bpf_get_current_task();
    record->uid = BPF_CORE_READ(task, cred, euid.val);
    record->secret_len = len;
    bpf_get_current_comm(record->comm, sizeof(record->comm));
    long failed = 0;
    if (label_len)
        failed |= bpf_probe_read_user(record->label, label_len, (void *)label);
    else
        failed |= bpf_probe_read_user_str(record->label, MAX_LABEL, (void *)label) < 0;
    failed |= bpf_probe_read_user(record->random, RANDOM_LEN, (void *)random);
    failed |= bpf_probe_read_user(record->secret, len, (void *)secret);
    if (failed) {
        count(COUNT_UNREADABLE, 1);
        bpf_ringbuf_discard(record, 0);
        return 0;
    }
    bpf_ringbuf_submit(record, 0);
    return 0;
}

#if defined(__TARGET_ARCH_x86)
#define ARGUMENT_6(registers) ((registers)->r9)
#else
/* The loader puts no probe into files for other machines. */
#define ARGUMENT_6(registers) 0
#endif

/* A function of OpenSSL or BoringSSL, whose arguments the loader has made out. */
SEC("uprobe")
int write_line(struct pt_regs *registers)
{
    __u32 target = bpf_get_attach_cookie(registers);
    struct layout *layout = bpf_map_lookup_elem(&layouts, &target);
    if (!layout)
        return 0;
    /* As many as there are indices of three bits. */
    __u64 arguments[8] = {
        PT_REGS_PARM1(registers), PT_REGS_PARM2(registers), PT_REGS_PARM3(registers),
        PT_REGS_PARM4(registers), PT_REGS_PARM5(registers), ARGUMENT_6(registers),
    };
    __u64 random = arguments[layout->random & 7];
    if (layout->depth > 0)
        random += layout->offsets[0];
    if (layout->depth > 1) {
        if (bpf_probe_read_user(&random, sizeof(random), (void *)random)) {
            count(COUNT_UNREADABLE, 1);
            return 0;
        }
        random += layout->offsets[1];
    }
    return take(arguments[layout->label & 7], 0, random, arguments[layout->secret & 7],
                arguments[layout->len & 7], target);
}

/* `(*Config).writeKeyLog(label string, clientRandom, secret []byte)` of crypto/tls (its internal ABI of
 * amd64, cmd/compile/abi-internal.md). */
SEC("uprobe")
int write_line_go(struct pt_regs *registers)
{
#if defined(__TARGET_ARCH_x86)
    __u64 label_len = registers->rcx;
    if (registers->rsi != RANDOM_LEN || !label_len || label_len >= MAX_LABEL) {
        count(COUNT_UNREADABLE, 1);
        return 0;
    }
    return take(registers->rbx, label_len, registers->rdi, registers->r9, registers->r10,
                bpf_get_attach_cookie(registers));
#else
    return 0;
#endif
}
