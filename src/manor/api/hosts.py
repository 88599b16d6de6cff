"""Host names, exact or `*.`-wildcard: which stands for all that another one does, and whose they
are."""

from collections.abc import Iterator
from dataclasses import dataclass, field


def covers(own: str, host: str) -> bool:
    """Whether all that the host name `host` stands for is within `own`."""
    return own == host or (own.startswith("*.") and host.removeprefix("*.").endswith(own[1:]))


def _suffixes(name: str) -> Iterator[str]:
    """What is behind each dot of `name`: `b.c` and `c` of `a.b.c`."""
    while "." in name:
        name = name.partition(".")[2]
        yield name


@dataclass
class HostClaims:
    """The hosts claimed so far, each with its tenant; the first to claim one has it. An overlap is
    found by the name's suffixes, not by every other host."""

    _tenants: dict[str, str] = field(default_factory=dict)
    _below: dict[str, dict[str, str]] = field(default_factory=dict)
    """A host of each tenant that has one below a suffix."""

    def claim(self, host: str, tenant: str) -> tuple[str, str] | None:
        """None if `host` is now `tenant`'s; otherwise another tenant's host that it overlaps, and
        the tenant."""
        name, wild = host.removeprefix("*."), host.startswith("*.")
        above = [f"*.{suffix}" for suffix in _suffixes(name)]
        for other in (host, *above):
            if (owner := self._tenants.get(other, tenant)) != tenant:
                return other, owner
        if wild:
            for owner, other in self._below.get(name, {}).items():
                if owner != tenant:
                    return other, owner
        self._tenants[host] = tenant
        for suffix in _suffixes(name):
            self._below.setdefault(suffix, {}).setdefault(tenant, host)
        return None
