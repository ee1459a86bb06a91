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
