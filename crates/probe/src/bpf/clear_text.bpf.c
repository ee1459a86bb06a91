/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Copies the clear text of connections where applications hand it to their TLS library, and finds
 * the sockets that these connections have.
 */
#include "kernel.h"

#include <asm/ptrace.h>

#include "clear_sockets.h"

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
    if (COOKIE_OPERATION(cookie) == OPERATION_SEND_FILE)
        call.len = PT_REGS_PARM4(registers);
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

/* The object of a connection is freed. */
SEC("uprobe")
int release(struct pt_regs *registers)
{
    struct object_key key = object_key(PT_REGS_PARM1(registers));
    return forget(&key, CLOSED_BY_LIBRARY);
}

SEC("tp_btf/sock_send_length")
int at_send(__u64 *arguments)
{
    return note_use((void *)arguments[0], arguments[1], WRITE);
}

SEC("tp_btf/sock_recv_length")
int at_receive(__u64 *arguments)
{
    return note_use((void *)arguments[0], arguments[1], READ);
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
    return 0;
}
