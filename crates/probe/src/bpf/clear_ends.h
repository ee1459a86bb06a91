/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The clear text of which connections may be copied, by the addresses of their ends. */
#ifndef TLSIGHT_CLEAR_ENDS_H
#define TLSIGHT_CLEAR_ENDS_H

#include "clear_scope.h"

static __always_inline void widen(__u8 to[16], const __u8 from[16], __u8 is_v6)
{
    __builtin_memcpy(to, from, 16);
    if (is_v6)
        return;
    __builtin_memset(to, 0, 10);
    to[10] = to[11] = 0xff;
    __builtin_memcpy(to + 12, from, 4);
}

static __always_inline __u8 said_of_net(const __u8 ip[16], __u8 is_v6)
{
    struct net_key key = { .bits = 128 };
    widen(key.address, ip, is_v6);
    __u8 *rule = bpf_map_lookup_elem(&rules_net, &key);
    return rule ? *rule : 0;
}

static __always_inline __u8 said_of_port(__u16 port)
{
    __u8 *rule = bpf_map_lookup_elem(&rules_port, &port);
    return rule ? *rule : 0;
}

static __always_inline __u8 said_of_local(const struct address *address)
{
    struct local_key key = { .netns = address->netns };
    widen(key.address, address->local, address->is_v6);
    __u8 *rule = bpf_map_lookup_elem(&rules_local, &key);
    return rule ? *rule : 0;
}

/* Whether the rules on addresses allow a connection: on the server's port, and on either end. */
__noinline int allows_address(const struct address *address)
{
    struct scope *scope = current_scope();
    __u8 said = 0;

    if (!scope || !scope->epoch || !address)
        return 0;
    if (scope->used & KIND_PORT) {
        if (address->role != ROLE_SERVER)
            said |= said_of_port(address->remote_port);
        if (address->role != ROLE_CLIENT)
            said |= said_of_port(address->local_port);
        if (!allows(scope, KIND_PORT, said))
            return 0;
    }
    if ((scope->used & KIND_LOCAL) && !allows(scope, KIND_LOCAL, said_of_local(address)))
        return 0;
    if (!(scope->used & KIND_NET))
        return 1;
    said = said_of_net(address->local, address->is_v6);
    said |= said_of_net(address->remote, address->is_v6);
    return allows(scope, KIND_NET, said);
}

/* Whether nothing may be copied of an object before its socket is known. */
static __always_inline int needs_address(void)
{
    struct scope *scope = current_scope();
    return !scope || (scope->used & (KIND_PORT | KIND_NET | KIND_LOCAL));
}

#endif
