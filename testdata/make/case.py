"""What a recording is made of."""

from dataclasses import dataclass, field
from typing import Callable


@dataclass
class Case:
    """Commands are for bash, in the folder of the certificates; servers run until the clients are done."""

    name: str
    title: str
    servers: list[str]
    clients: list[str]
    ports: list[str] = field(default_factory=lambda: ["tcp/443"])
    note: str = ""
    setup: str = ""
    teardown: str = ""
    timeout: float = 15
    edit: Callable | None = None


def link_mtu(size):
    """Commands that set the MTU of both ends."""
    return f"ip link set veth0 mtu {size}; ip -n tlsight-client link set veth0 mtu {size}"


# Below 1280 the kernel takes the IPv6 addresses away.
LINK_RESTORED = link_mtu(1500) + """
ip address replace 2001:db8::2/64 dev veth0 nodad
ip -n tlsight-client address replace 2001:db8::1/64 dev veth0 nodad"""
