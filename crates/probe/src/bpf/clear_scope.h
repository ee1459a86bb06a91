/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of which processes something may be copied: nothing that no rule allows, or that one denies. */
#ifndef TLSIGHT_CLEAR_SCOPE_H
#define TLSIGHT_CLEAR_SCOPE_H

#include "clear_record.h"
#include "kernel.h"
#include "process.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/*
 * What a rule of the maps below says of its key. Rules that change are there twice, the next ones two bits
 * higher or lower than those in effect, so that all of them take effect at once.
 */
#define RULE_ALLOW 1
#define RULE_DENY 2
#define GENERATIONS 2

/* Kinds of rules, as bits. */
#define KIND_PID 1
#define KIND_EXE 2
#define KIND_CGROUP 4
#define KIND_PORT 8
#define KIND_NET 16
#define KIND_LOCAL 32
#define KIND_POD 64

struct scope {
    /* Kinds of which there are rules that allow: each must allow what is copied. */
    __u32 allowing;
    /* Kinds of which there are rules at all. */
    __u32 used;
    /* Changes with the rules; 0 while there are none, when nothing is copied. */
    __u32 epoch;
    /* How far what these rules say is to be shifted. */
    __u32 shift;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, GENERATIONS);
    __type(key, __u32);
    __type(value, struct scope);
} scopes SEC(".maps");

/* Which of them is in effect. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} generation SEC(".maps");

struct file_key {
    __u64 inode;
    __u64 device;
};

struct net_key {
    __u32 bits;
    /* Of IPv4, mapped into IPv6 (RFC 4291 section 2.5.5.2). */
    __u8 address[16];
};

/* An address of a network namespace. */
struct local_key {
    __u8 address[16];
    __u32 netns;
};

#define RULES(name, key_type)                                                                      \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_HASH);                                                           \
        __uint(max_entries, 4096);                                                                 \
        __type(key, key_type);                                                                     \
        __type(value, __u8);                                                                       \
    } name SEC(".maps")

RULES(rules_pid, __u32);
RULES(rules_exe, struct file_key);
RULES(rules_cgroup, __u64);
/* Cgroups of pods that are allowed. */
RULES(rules_pod, __u64);
RULES(rules_port, __u16);
RULES(rules_local, struct local_key);

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, 4096);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct net_key);
    __type(value, __u8);
} rules_net SEC(".maps");

/* Bytes of clear text, by what became of them. */
enum tally {
    TALLY_SEEN,
    TALLY_DELIVERED,
    TALLY_RING_FULL,
    TALLY_FAULT,
    TALLY_UNMAPPED,
    TALLY_FILTERED,
    TALLY_DUPLICATE,
    /* Those that were kept in the kernel until their socket would be known, and those no longer. */
    TALLY_HELD,
    TALLY_RELEASED,
    TALLIES,
};

struct process {
    struct process_key key;
    __u64 bytes[TALLIES];
    /* Calls with a probe at an instruction that the kernel emulates, and with one that it steps over. */
    __u64 calls[2];
    /* Nanoseconds of copying. */
    __u64 copying;
    __u32 epoch;
    __u16 is_allowed;
    /* Whether it has cost more than it may, so that nothing is done about its calls. */
    __u16 is_paused;
};

/* Processes that have called a TLS library, by process id. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, __u32);
    __type(value, struct process);
} processes SEC(".maps");

/* Processes that have cost more than they may, by process id. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u32);
    __type(value, struct process_key);
} paused SEC(".maps");

static __always_inline int is_paused(const struct process_key *key)
{
    struct process_key *known = bpf_map_lookup_elem(&paused, &key->tgid);
    return known && known->start == key->start && known->exec == key->exec;
}

static __always_inline struct scope *current_scope(void)
{
    __u32 only = 0;
    __u32 *current = bpf_map_lookup_elem(&generation, &only);
    return current ? bpf_map_lookup_elem(&scopes, current) : 0;
}

/* Whether what the rules of one kind say together allows; they say it by setting bits of `said`. */
static __always_inline int allows(const struct scope *scope, __u32 kind, __u8 said)
{
    said >>= scope->shift & 7;
    if (said & RULE_DENY)
        return 0;
    return !(scope->allowing & kind) || (said & RULE_ALLOW);
}

static __always_inline __u8 said_of_cgroups(void)
{
    __u8 said = 0;
    for (int level = 0; level < MAX_CGROUP_LEVELS; level++) {
        __u64 id = bpf_get_current_ancestor_cgroup_id(level);
        if (!id)
            break;
        __u8 *rule = bpf_map_lookup_elem(&rules_cgroup, &id);
        if (rule)
            said |= *rule;
    }
    return said;
}

/* Longest name of a cgroup that is looked at: those of containers have less than half of it. */
#define MAX_CGROUP_NAME 128

/* "kubepods", which the kubelet has in the name of the cgroup that all pods are in. */
#define KUBEPODS 0x73646f706562756bULL

/* Whether a cgroup is named as that of all pods, or as one of a pod under systemd. */
__noinline int is_named_for_pods(__u64 node)
{
    char name[MAX_CGROUP_NAME] = {};
    const char *from = BPF_CORE_READ((struct kernfs_node *)node, name);
    long len = bpf_probe_read_kernel_str(name, sizeof(name), from);
    __u64 last = 0;

    for (int i = 0; i < MAX_CGROUP_NAME && i < len; i++) {
        last = last >> 8 | (__u64)(__u8)name[i] << 56;
        if (last == KUBEPODS)
            return 1;
    }
    return 0;
}

/* Whether a task is in a pod, or may be. */
static __always_inline int is_in_pod(struct task_struct *task)
{
    struct kernfs_node *node = BPF_CORE_READ(cgroup_of(task), kn);
    for (int level = 0; level < MAX_CGROUP_LEVELS && node; level++) {
        if (is_named_for_pods((__u64)node))
            return 1;
        node = parent_of(node);
    }
    /* Of one that is deeper it is not known. */
    return node != 0;
}

/* Whether the running process is in a pod that is allowed, or in none where that is. */
static __always_inline int allows_pod(const struct scope *scope)
{
    for (int level = 0; level < MAX_CGROUP_LEVELS; level++) {
        __u64 id = bpf_get_current_ancestor_cgroup_id(level);
        if (!id)
            break;
        __u8 *rule = bpf_map_lookup_elem(&rules_pod, &id);
        if (rule && (*rule >> (scope->shift & 7) & RULE_ALLOW))
            return 1;
    }
    return !(scope->allowing & KIND_POD) && !is_in_pod((void *)bpf_get_current_task());
}

static __always_inline __u8 said_of_executable(struct task_struct *task)
{
    struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
    struct file_key key = {
        .inode = BPF_CORE_READ(inode, i_ino),
        .device = BPF_CORE_READ(inode, i_sb, s_dev),
    };
    __u8 *rule = bpf_map_lookup_elem(&rules_exe, &key);
    return rule ? *rule : 0;
}

/* Whether the rules on processes allow the running one. */
__noinline int allows_process(__u32 tgid)
{
    struct scope *scope = current_scope();
    if (!scope || !scope->epoch)
        return 0;
    if (scope->used & KIND_PID) {
        __u8 *rule = bpf_map_lookup_elem(&rules_pid, &tgid);
        if (!allows(scope, KIND_PID, rule ? *rule : 0))
            return 0;
    }
    if ((scope->used & KIND_EXE) &&
        !allows(scope, KIND_EXE, said_of_executable((void *)bpf_get_current_task())))
        return 0;
    if ((scope->used & KIND_CGROUP) && !allows(scope, KIND_CGROUP, said_of_cgroups()))
        return 0;
    return !(scope->used & KIND_POD) || allows_pod(scope);
}

/*
 * The PID namespace of whoever loaded this, by device and inode of its file, unless it is the first one. Others
 * have processes that are not in it, and numbers for those that are: rules and /proc are about neither.
 */
const volatile __u64 pid_namespace_device = 0;
const volatile __u64 pid_namespace_inode = 0;

/* The number that the running process has there, or 0. */
static __always_inline __u32 own_tgid(void)
{
    struct bpf_pidns_info numbers = {};
    if (!pid_namespace_inode)
        return bpf_get_current_pid_tgid() >> 32;
    if (bpf_get_ns_current_pid_tgid(pid_namespace_device, pid_namespace_inode, &numbers, sizeof(numbers)))
        return 0;
    return numbers.tgid;
}

/* It has a stack of its own: there is none left where rules are looked up. */
static __noinline void add_process(const struct process_key *key, __u32 epoch, int is_allowed)
{
    __u32 tgid = key->tgid;
    struct process anew = {
        .key = *key,
        .epoch = epoch,
        .is_allowed = is_allowed,
        .is_paused = is_paused(key),
    };
    bpf_map_update_elem(&processes, &tgid, &anew, BPF_ANY);
}

/* What is known of the running process; none if it is of another PID namespace. */
static __noinline struct process *running_process(void)
{
    struct process_key key;
    __u32 tgid = own_tgid();
    struct scope *scope = current_scope();
    struct process *process = bpf_map_lookup_elem(&processes, &tgid);

    if (!scope || !tgid)
        return 0;
    key_of(&key, (void *)bpf_get_current_task());
    key.tgid = tgid;
    if (!process || process->key.start != key.start || process->key.exec != key.exec) {
        add_process(&key, scope->epoch, allows_process(tgid));
        return bpf_map_lookup_elem(&processes, &tgid);
    }
    if (process->epoch != scope->epoch) {
        process->is_allowed = allows_process(tgid);
        process->is_paused = is_paused(&key);
        process->epoch = scope->epoch;
    }
    return process;
}

#endif
