"""What a site lets jobs fetch: which schemes, hosts and folders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from ...models.errors import StagingFailed
from ...models.setting_values import PUBLIC, SCHEMES
from ...models.settings import SETTINGS, Settings
from ...models.storage import local_path
from .sources import is_web, scheme_of, shown

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Where clouds tell a machine its own credentials: only an entry for the one address opens these.
_METADATA: Final[tuple[Network, ...]] = (
    ip_network("169.254.0.0/16"),
    ip_network("fe80::/10"),
    ip_network("fd00:ec2::254/128"),
    ip_network("100.100.100.200/32"),
    ip_network("168.63.129.16/32"),
)

#: IPv6 addresses that are public are all in here (RFC 4291, "Global Unicast").
_GLOBAL_IPV6: Final = IPv6Network("2000::/3")

#: What a translator makes an IPv4 address of (RFC 6052).
_NAT64: Final = IPv6Network("64:ff9b::/96")


class HostRefused(Exception):
    """A host that nothing may be fetched from; says why, and never tells its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRules:
    """What may be fetched; without arguments, what is safe for a fleet of a cluster of machines.

    Arguments:
        schemes: Of `s3`, `https`, `http` (loopback only) and `file`.
        public: Whether any host may be asked whose addresses are all public.
        names: Hosts that may be asked wherever they are; `*.example.com` is all below it.
        networks: Addresses that may be asked.
        folders: What files of this machine may be below.
    """

    schemes: frozenset[str] = frozenset(SCHEMES)
    public: bool = True
    names: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    folders: tuple[Path, ...] = ()

    @classmethod
    def of(cls, settings: Settings, staging_url: str) -> Self:
        """What the settings say; the attachments in a staging area that is a folder are always allowed."""
        names, networks = _hosts(settings.source_hosts)
        folders = settings.source_folders
        if not staging_url.startswith("s3://"):
            folders = (*folders, local_path(staging_url) / "attachments")
        return cls(
            schemes=settings.source_schemes,
            public=PUBLIC in settings.source_hosts,
            names=names,
            networks=networks,
            folders=folders,
        )

    def check(self, uri: str) -> None:
        """Refuse a source by its scheme or its folder; its host is looked at when it is connected to.

        Raises:
            StagingFailed: It is refused; names the rule and the setting.
        """
        scheme = scheme_of(uri) or "file"
        if scheme not in self.schemes:
            raise StagingFailed(
                shown(uri), f"this site does not fetch {scheme}: {_ask('source_schemes')}"
            )
        if scheme == "file":
            self._check_folder(uri)
        elif is_web(uri):
            try:
                self._check_name(urlsplit(uri).hostname or "")
            except HostRefused as refused:
                raise StagingFailed(shown(uri), str(refused)) from refused

    def check_addresses(self, host: str, addresses: Iterable[str]) -> None:
        """Refuse a host by what its name means just now.

        Raises:
            HostRefused: One of the addresses is not allowed.
        """
        for text in addresses:
            address = _plain(ip_address(text.partition("%")[0]))
            if not self._allows(host, address):
                kind = "metadata or link-local" if _is_metadata(address) else _kind(address)
                raise HostRefused(
                    f"the host {host!r} is at a {kind} address: {_ask('source_hosts')}"
                )

    def _check_name(self, host: str) -> None:
        # Before a name server is asked for a host that cannot be allowed.
        if not (self.public or self.networks or self._is_named(host)):
            raise HostRefused(f"the host {host!r} is not allowed: {_ask('source_hosts')}")

    def _allows(self, host: str, address: Address) -> bool:
        listed = [network for network in self.networks if address in network]
        if _is_metadata(address):
            return any(network.num_addresses == 1 for network in listed)
        return bool(listed) or self._is_named(host) or (self.public and _is_public(address))

    def _is_named(self, host: str) -> bool:
        host = host.rstrip(".").lower()
        return any(
            host.endswith(name[1:]) if name.startswith("*.") else host == name
            for name in self.names
        )

    def _check_folder(self, uri: str) -> None:
        try:
            path = local_path(uri).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise StagingFailed(uri, "it is no path that can be followed") from error
        if not any(path.is_relative_to(folder.resolve()) for folder in self.folders):
            raise StagingFailed(
                uri, f"it is not below a folder that jobs may read: {_ask('source_folders')}"
            )


def _hosts(entries: Iterable[str]) -> tuple[tuple[str, ...], tuple[Network, ...]]:
    names: list[str] = []
    networks: list[Network] = []
    for entry in entries:
        try:
            networks.append(ip_network(entry, strict=False))
        except ValueError:
            names.append(entry)
    return tuple(name for name in names if name != PUBLIC), tuple(networks)


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_metadata(address: Address) -> bool:
    return any(address in network for network in _METADATA)


def _is_public(address: Address) -> bool:
    if address.is_multicast or not address.is_global:
        return False
    return isinstance(address, IPv4Address) or address in _GLOBAL_IPV6


def _kind(address: Address) -> str:
    if address.is_loopback:
        return "loopback"
    if address.is_multicast:
        return "multicast"
    if address.is_unspecified:
        return "unspecified"
    # A public one is refused where the setting lists hosts only.
    return "public" if _is_public(address) else "private"


def _ask(name: str) -> str:
    return f"an administrator can allow it in {SETTINGS[name].variable}"
