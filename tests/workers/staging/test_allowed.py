"""What a site lets jobs fetch: by scheme, by host, by folder; however the source is written."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models.aws import AwsClients
from tagfleet.models.errors import BadSetting, StagingFailed
from tagfleet.models.settings import Settings
from tagfleet.models.storage import open_storage
from tagfleet.workers.staging import SourceRules, Staging
from tagfleet.workers.staging.allowed import HostRefused
from tagfleet.workers.staging.fetch import Validators, WebFetcher
from tagfleet.workers.staging.sources import check_source
from tagfleet.workers.staging.spool import Spool

from . import samples
from .web import WebServer


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """A name server: what each name means, the first time that it is asked, the second, ..."""
    known: dict[str, list[list[str]]] = {}
    system = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **named: Any) -> Any:
        if host not in known:
            return system(host, port, *args, **named)
        now = known[host].pop(0)
        return [answer for address in now for answer in system(address, port, *args, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.fixture
def fetch() -> Iterator[Callable[[SourceRules, str], bytes]]:
    """Fetches an address under rules."""
    made = []

    def run(rules: SourceRules, uri: str) -> bytes:
        made.append(WebFetcher(rules))
        with Spool(uri, 1000) as spool:
            made[-1].fetch(uri, Validators(), spool, 1000)
            spool.content.seek(0)
            return spool.content.read()

    yield run
    for each in made:
        each.close()


def settings(**changes: str) -> Settings:
    return Settings.from_environ({f"TAGFLEET_{name}": text for name, text in changes.items()})


def rules(**changes: str) -> SourceRules:
    return SourceRules.of(settings(**changes), "s3://bucket/staging")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.8.8",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
    ],
)
def test_only_public_addresses_are_asked_however_they_are_written(
    fetch: Callable[[SourceRules, str], bytes], host: str
) -> None:
    with pytest.raises(StagingFailed, match=r"https://.* address: .* TAGFLEET_SOURCE_HOSTS"):
        fetch(rules(), f"https://{host}:9/x")


def test_public_addresses_are_asked() -> None:
    rules().check_addresses("host.example", ["93.184.216.34", "2606:2800:220:1::1"])
    # And where an IPv6 network reaches IPv4 by a translator
    rules().check_addresses("host.example", ["64:ff9b::5db8:d822"])


def test_a_name_that_leads_inside_is_refused_and_its_address_not_told(
    fetch: Callable[[SourceRules, str], bytes], names: dict[str, list[list[str]]]
) -> None:
    names["files.example"] = [["93.184.216.34", "10.77.1.2"]]
    with pytest.raises(StagingFailed, match="private address") as refused:
        fetch(rules(), "https://files.example/x")
    assert "10.77" not in str(refused.value)


def test_a_name_is_looked_up_once_and_the_connection_made_to_what_was_checked(
    fetch: Callable[[SourceRules, str], bytes], names: dict[str, list[list[str]]], web: WebServer
) -> None:
    # Given a name that means something else the next time (DNS rebinding)
    web.files["/x"] = b"content"
    names["files.example"] = [["127.0.0.1"], ["169.254.169.254"]]
    uri = web.url("/x").replace("127.0.0.1", "files.example")
    # When
    assert fetch(rules(SOURCE_HOSTS="127.0.0.1"), uri) == b"content"
    # Then it was asked once
    assert len(names["files.example"]) == 1
    # And the server was told its name, not its address
    assert web.requests[0][1]["host"].startswith("files.example:")


@pytest.mark.parametrize("target", ["https://169.254.169.254/latest/", "https://inside.example/"])
def test_a_redirect_is_held_to_the_same_rules(
    fetch: Callable[[SourceRules, str], bytes],
    names: dict[str, list[list[str]]],
    web: WebServer,
    target: str,
) -> None:
    names["inside.example"] = [["10.0.0.1"]]
    web.redirects["/x"] = target
    with pytest.raises(StagingFailed, match="TAGFLEET_SOURCE_HOSTS"):
        fetch(rules(SOURCE_HOSTS="public,127.0.0.1"), web.url("/x"))


def test_hosts_and_networks_can_be_listed() -> None:
    found = rules(SOURCE_HOSTS="public, 10.1.0.0/16, Files.Corp.example, *.inner.example")
    found.check_addresses("any.example", ["10.1.2.3", "93.184.216.34"])
    for name in ("files.corp.example", "FILES.corp.example.", "a.b.inner.example"):
        found.check_addresses(name, ["10.9.9.9"])
    for name in ("inner.example", "xfiles.corp.example", "evilinner.example", "any.example"):
        with pytest.raises(HostRefused):
            found.check_addresses(name, ["10.9.9.9"])


def test_metadata_needs_an_entry_of_its_own() -> None:
    wide = rules(SOURCE_HOSTS="public,0.0.0.0/0,169.254.0.0/16,files.example,::/0")
    for address in ("169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"):
        with pytest.raises(HostRefused, match="metadata"):
            wide.check_addresses("files.example", [address])
    rules(SOURCE_HOSTS="169.254.169.254").check_addresses("x", ["169.254.169.254"])


def test_without_public_only_what_is_listed_is_even_looked_up(
    fetch: Callable[[SourceRules, str], bytes], names: dict[str, list[list[str]]]
) -> None:
    names["secret.attacker.example"] = []  # to be asked for it would fail the test
    with pytest.raises(StagingFailed, match="is not allowed"):
        fetch(rules(SOURCE_HOSTS="files.example"), "https://secret.attacker.example/x")
    with pytest.raises(HostRefused, match="public"):
        rules(SOURCE_HOSTS="10.0.0.0/8").check_addresses("host.example", ["93.184.216.34"])


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SOURCE_HOSTS", "public,http://host/"),
        ("SOURCE_HOSTS", "10.0.0.0/99"),
        ("SOURCE_HOSTS", "10.0.0"),
        ("SOURCE_HOSTS", "a..b"),
        ("SOURCE_SCHEMES", "https,ftp"),
        ("SOURCE_FOLDERS", "relative"),
        ("AMQP_IDENTITY", "maybe"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(variable: str, text: str) -> None:
    with pytest.raises(BadSetting, match=variable):
        settings(**{variable: text})


@pytest.mark.parametrize("uri", ["https://host.example/x", "/folder/x", "file:///folder/x"])
def test_schemes_can_be_shut_off(uri: str) -> None:
    with pytest.raises(StagingFailed, match="TAGFLEET_SOURCE_SCHEMES"):
        rules(SOURCE_SCHEMES="s3", SOURCE_FOLDERS="/").check(uri)
    rules(SOURCE_SCHEMES="s3").check("s3://bucket/key")


@pytest.mark.parametrize(
    "uri",
    [
        "git://host/repo.git",
        "ssh://git@host/repo.git",
        "git+ssh://host/repo.git",
        "git@host:repo.git",
        "ext::sh -c touch% /tmp/x",
        "--upload-pack=touch /tmp/x",
        "ftp://host/x",
        "gopher://host/_x",
        "dict://host:11211/stat",
        "jar:file:///etc/passwd!/x",
        "data:text/plain,x",
        "FILE:///etc/passwd",
        "S3://bucket/key",
        "file://other/etc/passwd",
        "file:///allowed/x?/../../etc/passwd",
        "file:///allowed/x#/../../etc/passwd",
        "\\\\host\\share",
        "https://host/x\r\nHost: other",
    ],
)
def test_what_no_site_fetches(uri: str) -> None:
    with pytest.raises(StagingFailed):
        check_source(uri)


@pytest.fixture
def area(tmp_path: Path, clients: AwsClients) -> Iterator[Staging]:
    """A staging area in a folder, and `allowed` beside it, which jobs may read."""
    (tmp_path / "allowed").mkdir()
    (tmp_path / "secret").write_text("secret")
    storage = open_storage(str(tmp_path / "staging"), clients)
    found = SourceRules.of(
        settings(SOURCE_FOLDERS=str(tmp_path / "allowed")), str(tmp_path / "staging")
    )
    made = Staging(storage, clients, rules=found)
    yield made
    made.close()


@pytest.mark.parametrize(
    "path",
    ["secret", "allowed/../secret", "allowed/link", "linked/secret"],
)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_file_outside_the_folders_is_not_read(
    area: Staging, tmp_path: Path, scheme: str, path: str
) -> None:
    (tmp_path / "allowed/link").symlink_to(tmp_path / "secret")
    (tmp_path / "linked").symlink_to(tmp_path)
    with pytest.raises(StagingFailed, match="TAGFLEET_SOURCE_FOLDERS"):
        area.stage("j1", samples.plan(attachments=(f"{scheme}{tmp_path}/{path}",)))
    assert not (tmp_path / "staging").exists()


def test_a_file_outside_is_not_read_by_an_encoded_path(area: Staging, tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/allowed/%2e%2e/secret"
    with pytest.raises(StagingFailed, match="TAGFLEET_SOURCE_FOLDERS"):
        area.stage("j1", samples.plan(attachments=(uri,)))


def test_files_in_the_folders_and_attachments_are_read(area: Staging, tmp_path: Path) -> None:
    names = ("allowed/a", "staging/attachments/j1/b")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    staged = area.stage("j1", samples.plan(attachments=[f"{tmp_path}/{name}" for name in names]))
    assert [Path(file.target).read_text() for file in staged] == list(names)


def test_another_jobs_folder_is_not_read(area: Staging, tmp_path: Path) -> None:
    run = tmp_path / "staging/jobs/other/secrets"
    run.parent.mkdir(parents=True)
    run.write_text("password")
    with pytest.raises(StagingFailed, match="TAGFLEET_SOURCE_FOLDERS"):
        area.stage("j1", samples.plan(attachments=(str(run),)))


def test_a_link_in_a_folder_does_not_lead_out(area: Staging, tmp_path: Path) -> None:
    (tmp_path / "allowed/lib").mkdir()
    (tmp_path / "allowed/lib/good").write_text("good")
    (tmp_path / "allowed/lib/bad").symlink_to(tmp_path / "secret")
    staged = area.stage("j1", samples.plan(dependencies=(f"{tmp_path}/allowed/lib/",)))
    assert [Path(file.target).name for file in staged] == ["good"]


def test_by_default_nothing_of_this_machine_is_read() -> None:
    for uri in ("/etc/passwd", "file:///etc/passwd", "/proc/self/environ"):
        with pytest.raises(StagingFailed, match="TAGFLEET_SOURCE_FOLDERS"):
            SourceRules().check(uri)
    assert SourceRules(networks=(ip_network("::1"),)).public
