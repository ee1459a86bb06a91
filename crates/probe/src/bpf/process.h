/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who a process is, told once for each. */
#ifndef TLSIGHT_PROCESS_H
#define TLSIGHT_PROCESS_H

#include "kernel.h"
#include "record.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Processes that have been told. One that is forgotten is told again. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, struct process_key);
    __type(value, __u8);
} told SEC(".maps");

/* Deeper paths are cut off at their beginning. */
#define MAX_COMPONENTS 32

/* Deepest cgroup that is named whole: Kubernetes uses 5 levels, with systemd and nesting 8. */
#define MAX_CGROUP_LEVELS 16

static __always_inline void add_name(struct names *names, const void *name)
{
    __u32 len = names->len & (MAX_PATH - 1);
    long added = bpf_probe_read_kernel_str(&names->bytes[len], MAX_NAME, name);
    if (added > 0 && len + added < MAX_PATH)
        names->len = len + added;
}

/* Names a file by the way up to the root, over the mounts in between. */
static __always_inline void add_path(struct names *names, struct file *file)
{
    struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
    struct vfsmount *vfsmount = BPF_CORE_READ(file, f_path.mnt);
    struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);

    names->len = 0;
    for (int i = 0; i < MAX_COMPONENTS; i++) {
        struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
        if (dentry == BPF_CORE_READ(mount, mnt.mnt_root) || dentry == parent) {
            struct mount *outer = BPF_CORE_READ(mount, mnt_parent);
            if (!outer || outer == mount)
                return;
            dentry = BPF_CORE_READ(mount, mnt_mountpoint);
            mount = outer;
            continue;
        }
        add_name(names, BPF_CORE_READ(dentry, d_name.name));
        dentry = parent;
    }
}

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
    struct kernfs_node___parent *old = (void *)node;
    if (bpf_core_field_exists(old->parent))
        return BPF_CORE_READ(old, parent);
    return BPF_CORE_READ(node, __parent);
}

/* The cgroup of a task: of version 2, or where all are in its root, of a version 1 controller. */
static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
    struct css_set *sets = BPF_CORE_READ(task, cgroups);
    struct cgroup *cgroup = BPF_CORE_READ(sets, dfl_cgrp);
    if (BPF_CORE_READ(cgroup, level) > 0)
        return cgroup;
    struct cgroup_subsys_state *state = 0;
    if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id)) {
        __u32 place = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
        bpf_core_read(&state, sizeof(state), (void **)&sets->subsys + place);
    }
    if (!state && bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id)) {
        __u32 place = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
        bpf_core_read(&state, sizeof(state), (void **)&sets->subsys + place);
    }
    struct cgroup *old = state ? BPF_CORE_READ(state, cgroup) : 0;
    return old ? old : cgroup;
}

static __always_inline void add_cgroup(struct process_record *record, struct task_struct *task)
{
    struct kernfs_node *node = BPF_CORE_READ(cgroup_of(task), kn);
    record->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
    record->cgroup_path.len = 0;
    for (int i = 0; i < MAX_CGROUP_LEVELS; i++) {
        struct kernfs_node *parent = parent_of(node);
        if (!parent)
            return;
        add_name(&record->cgroup_path, BPF_CORE_READ(node, name));
        node = parent;
    }
}

/* Reads the command line. Where its last byte is no NUL, the process has overwritten it with a title. */
static __always_inline void add_args(struct process_record *record, struct mm_struct *mm)
{
    unsigned long start = BPF_CORE_READ(mm, arg_start);
    unsigned long end = BPF_CORE_READ(mm, arg_end);

    record->args_len = 0;
    record->title_len = 0;
    if (start >= end)
        return;
    __u64 len = end - start;
    if (len > MAX_ARGS)
        len = MAX_ARGS;
    if (bpf_probe_read_user(record->args, len, (void *)start))
        return;
    record->args_len = len;
    if (end - start <= MAX_ARGS && record->args[(len - 1) & (MAX_ARGS - 1)] != 0) {
        long added = bpf_probe_read_user_str(record->title, MAX_NAME, (void *)end);
        if (added > 0)
            record->title_len = added;
    }
}

static __always_inline void key_of(struct process_key *key, struct task_struct *task)
{
    struct task_struct *leader = BPF_CORE_READ(task, group_leader);
    key->tgid = BPF_CORE_READ(leader, tgid);
    key->start = BPF_CORE_READ(leader, start_boottime);
    key->exec = BPF_CORE_READ(leader, self_exec_id);
}

static __always_inline void add_parent(struct process_record *record, struct task_struct *leader)
{
    struct task_struct *parent = BPF_CORE_READ(leader, real_parent);
    struct file *file = BPF_CORE_READ(parent, mm, exe_file);
    key_of(&record->parent, parent);
    BPF_CORE_READ_INTO(&record->parent_comm, parent, group_leader, comm);
    record->parent_executable.len = 0;
    if (file)
        add_path(&record->parent_executable, file);
}

static __always_inline void fill(struct process_record *record, struct process_key *key)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    struct task_struct *leader = BPF_CORE_READ(task, group_leader);
    struct mm_struct *mm = BPF_CORE_READ(task, mm);
    struct file *file = mm ? BPF_CORE_READ(mm, exe_file) : 0;

    record->kind = RECORD_PROCESS;
    record->key = *key;
    record->uid = BPF_CORE_READ(task, cred, uid.val);
    BPF_CORE_READ_INTO(&record->comm, leader, comm);
    add_cgroup(record, task);
    record->executable.len = 0;
    if (file)
        add_path(&record->executable, file);
    record->args_len = 0;
    record->title_len = 0;
    if (mm)
        add_args(record, mm);
    add_parent(record, leader);
}

#endif
