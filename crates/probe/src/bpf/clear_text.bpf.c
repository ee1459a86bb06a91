/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Copies the clear text of connections where applications hand it to their TLS library, and finds
 * the sockets that these connections have.
 */
#include "kernel.h"

#include <asm/ptrace.h>

#include "clear_sockets.h"
#include "clear_ciphers.h"
#include "clear_waiting.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* A function of a connection's object, a buffer and its length, and where the length moved goes. */
SEC("uprobe")
int enter(struct pt_regs *registers)
{
    __u64 cookie = bpf_get_attach_cookie(registers);
    struct call call = {
        .object = PT_REGS_PARM1(registers),
        .buffer = PT_REGS_PARM2(registers),
        .len = PT_REGS_PARM3(registers),
        .out = PT_REGS_PARM4(registers),
    };
    if (COOKIE_RESULT(cookie) == RESULT_INT)
        call.len = (__u32)call.len;
    if (COOKIE_NEEDS_MARK(cookie)) {
        struct object_key key = object_key(call.object);
        if (!bpf_map_lookup_elem(&marked, &key))
            return 0;
    }
    begin(&call, PT_REGS_SP(registers), cookie);
    return 0;
}

/* Its return: the return address was taken from the stack. */
SEC("uretprobe")
int leave(struct pt_regs *registers)
{
    end(PT_REGS_SP(registers) - sizeof(__u64), PT_REGS_RC(registers));
    return 0;
}

/* Returns an object of which functions that serve others as well are of interest. */
SEC("uretprobe")
int mark(struct pt_regs *registers)
{
    struct object_key key = object_key(PT_REGS_RC(registers));
    __u8 value = 1;
    bpf_map_update_elem(&marked, &key, &value, BPF_ANY);
    return 0;
}

static __always_inline int release_object(__u64 address)
{
    struct object_key key = object_key(address);
    struct object *object = bpf_map_lookup_elem(&objects, &key);
    if (!object)
        return 0;
    if (tell_closed(object, CLOSED_BY_LIBRARY)) {
        bpf_map_delete_elem(&objects, &key);
    } else {
        /* The reader finds it in the table. */
        object->is_freed = 1;
        object->closed_at = bpf_ktime_get_boot_ns();
    }
    return 0;
}

/* The object of a connection is freed. */
SEC("uprobe")
int release(struct pt_regs *registers)
{
    struct object_key key = object_key(PT_REGS_PARM1(registers));
    if (COOKIE_NEEDS_MARK(bpf_get_attach_cookie(registers)))
        bpf_map_delete_elem(&marked, &key);
    return release_object(key.object);
}

#if defined(__TARGET_ARCH_x86)
#define GO_ARGUMENT_1(registers) ((registers)->rax)
#define GO_ARGUMENT_2(registers) ((registers)->rbx)
#define GO_ARGUMENT_3(registers) ((registers)->rcx)
#define GOROUTINE(registers) ((registers)->r14)
#else
/* The loader puts no probe into programs of Go for other machines. */
#define GO_ARGUMENT_1(registers) 0
#define GO_ARGUMENT_2(registers) 0
#define GO_ARGUMENT_3(registers) 0
#define GOROUTINE(registers) 0
#endif

/* `(*Conn).Read(buffer)` and the like of crypto/tls. */
SEC("uprobe")
int enter_go(struct pt_regs *registers)
{
    struct call call = {
        .object = GO_ARGUMENT_1(registers),
        .buffer = GO_ARGUMENT_2(registers),
        .len = GO_ARGUMENT_3(registers),
    };
    begin_in_goroutine(&call, GOROUTINE(registers), PT_REGS_SP(registers),
                       bpf_get_attach_cookie(registers));
    return 0;
}

/* At an instruction by which it returns: the stack cannot be changed, because the runtime walks it. */
SEC("uprobe")
int leave_go(struct pt_regs *registers)
{
    end_in_goroutine(GOROUTINE(registers), PT_REGS_SP(registers), GO_ARGUMENT_1(registers));
    return 0;
}

SEC("uprobe")
int release_go(struct pt_regs *registers)
{
    return release_object(GO_ARGUMENT_1(registers));
}

/* A library writes records, to a socket or to memory: `BIO_write(bio, data, len)`. */
SEC("uprobe")
int write_records(struct pt_regs *registers)
{
    take_fingerprint(PT_REGS_PARM2(registers), PT_REGS_PARM3(registers), PT_REGS_SP(registers));
    return 0;
}

/* rustls makes a record of clear text. */
SEC("uprobe")
int seal(struct pt_regs *registers)
{
    begin_sealing(registers);
    return 0;
}

SEC("uretprobe")
int sealed(struct pt_regs *registers)
{
    end_sealing(registers);
    return 0;
}

/* rustls opens a record that has come, where it is. */
SEC("uprobe")
int unseal(struct pt_regs *registers)
{
    begin_opening(registers);
    return 0;
}

SEC("uretprobe")
int unsealed(struct pt_regs *registers)
{
    end_opening(registers);
    return 0;
}

SEC("cgroup_skb/egress")
int at_egress(struct __sk_buff *skb)
{
    match_fingerprint(skb);
    return 1;
}

SEC("tp_btf/sock_send_length")
int at_send(__u64 *arguments)
{
    struct sock *sk = (void *)arguments[0];
    int len = arguments[1];

    if (len > 0 && !note_use(sk, len, WRITE)) {
        match_made(sk);
        match_handed(sk, len);
    }
    return 0;
}

SEC("tp_btf/sock_recv_length")
int at_receive(__u64 *arguments)
{
    struct sock *sk = (void *)arguments[0];
    int len = arguments[1];

    if (len > 0 && !note_use(sk, len, READ))
        note_fill(sk, len);
    return 0;
}

SEC("tp_btf/inet_sock_set_state")
int at_state(__u64 *arguments)
{
    struct sock *sk = (void *)arguments[0];
    int before = arguments[1];
    int after = arguments[2];

    if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
        return 0;
    if (after == TCP_SYN_SENT)
        note_opening(sk, ROLE_CLIENT);
    else if (before == TCP_SYN_RECV && after == TCP_ESTABLISHED)
        note_opening(sk, ROLE_SERVER);
    else if (after == TCP_CLOSE)
        note_closing(sk);
    return 0;
}
