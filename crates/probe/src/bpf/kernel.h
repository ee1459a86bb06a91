/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is used of the kernel's structures. Only the names matter: the loader finds the fields where
 * the running kernel has them (CO-RE), whatever else is in the structures.
 */
#ifndef TLSIGHT_KERNEL_H
#define TLSIGHT_KERNEL_H

#include <linux/bpf.h>
#include <linux/in6.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
    unsigned int inum;
};

struct net {
    struct ns_common ns;
};

typedef struct {
    struct net *net;
} possible_net_t;

struct sock_common {
    __be32 skc_daddr;
    __be32 skc_rcv_saddr;
    __be16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
    possible_net_t skc_net;
};

typedef struct {
    int owned;
} socket_lock_t;

struct sock {
    struct sock_common __sk_common;
    socket_lock_t sk_lock;
    __u16 sk_protocol;
    int sk_err;
};

struct inet_sock {
    struct sock sk;
};

struct inet_connection_sock {
    struct inet_sock icsk_inet;
};

struct tcp_sock {
    struct inet_connection_sock inet_conn;
};

struct qstr {
    const unsigned char *name;
};

struct dentry {
    struct dentry *d_parent;
    struct qstr d_name;
};

struct vfsmount {
    struct dentry *mnt_root;
};

struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
};

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};

struct super_block {
    __u32 s_dev;
};

struct inode {
    unsigned long i_ino;
    struct super_block *i_sb;
};

struct file {
    struct path f_path;
    struct inode *f_inode;
};

/* Registers of a task in user space; the name without what follows `___` is the kernel's. */
struct pt_regs___of_task {
    unsigned long sp;
    unsigned long r14;
    unsigned long orig_ax;
    unsigned long si;
    unsigned long dx;
};

struct mm_struct {
    struct file *exe_file;
    unsigned long arg_start;
    unsigned long arg_end;
    unsigned long env_end;
};

typedef struct {
    unsigned int val;
} kuid_t;

struct cred {
    kuid_t uid;
    kuid_t euid;
};

struct kernfs_node {
    struct kernfs_node *__parent;
    const char *name;
    __u64 id;
};

/* Before Linux 6.15. */
struct kernfs_node___parent {
    struct kernfs_node *parent;
};

struct cgroup {
    int level;
    struct kernfs_node *kn;
};

struct cgroup_subsys_state {
    struct cgroup *cgroup;
};

struct css_set {
    struct cgroup_subsys_state *subsys[1];
    struct cgroup *dfl_cgrp;
};

struct task_struct {
    unsigned int flags;
    int tgid;
    __u64 start_boottime;
    __u64 self_exec_id;
    char comm[16];
    struct mm_struct *mm;
    const struct cred *cred;
    struct css_set *cgroups;
    struct task_struct *real_parent;
    struct task_struct *group_leader;
};

#pragma clang attribute pop

enum cgroup_subsys_id {
    memory_cgrp_id = 4,
    pids_cgrp_id = 11,
};

/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000

/* include/uapi/asm-generic/errno.h */
#define ECONNRESET 104

/* include/net/tcp_states.h */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7
#define TCP_LISTEN 10

/* include/linux/socket.h */
#define AF_INET 2
#define AF_INET6 10

/* include/uapi/linux/in.h */
#define IPPROTO_HOPOPTS 0
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

/* RFC 9293 section 3.1 */
#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4

#endif
