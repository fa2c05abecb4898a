"""The settings that say who and what is trusted: sources of files, publishers, callers."""

from __future__ import annotations

from typing import Final

from .setting import Setting
from .setting_values import (
    PUBLIC,
    SCHEMES,
    folders,
    header,
    hosts,
    names,
    networks,
    number,
    one_of,
    roles,
    some_of,
)

#: By their attribute in Settings.
TRUST: Final[dict[str, Setting]] = {
    "source_schemes": Setting(
        "TAGFLEET_SOURCE_SCHEMES",
        ",".join(SCHEMES),
        "From where a job's files may be fetched; `http` is for hosts on loopback only.",
        some_of(*SCHEMES),
        "some of s3, https, http and file, with commas between",
    ),
    "source_hosts": Setting(
        "TAGFLEET_SOURCE_HOSTS",
        PUBLIC,
        "Which hosts a job's files may be fetched from: `public` is any at a public address, a name "
        "(`*.example.com`: all below it) that host wherever it is, a network the addresses in it. Cloud "
        "metadata needs an entry for its one address. Where EMR itself is on loopback, loopback is added.",
        hosts,
        "public, names, addresses and networks such as 10.0.0.0/8, with commas between",
    ),
    "source_folders": Setting(
        "TAGFLEET_SOURCE_FOLDERS",
        "",
        "Below which folders of a worker's machine a job's files may be. Unset: none, but for attachments; "
        "where EMR itself is on loopback, all: jobs run on this machine anyway.",
        folders,
        "absolute paths, with commas between",
    ),
    "amqp_identity": Setting(
        "TAGFLEET_AMQP_IDENTITY",
        "match",
        "Whether the `user` of a request must be the RabbitMQ user who published it. `match`: where the "
        "message has the property `user_id`, which RabbitMQ verifies; `require`: it must have it; `off`.",
        one_of("off", "match", "require"),
        "off, match or require",
    ),
    "amqp_trusted_publishers": Setting(
        "TAGFLEET_AMQP_TRUSTED_PUBLISHERS",
        "",
        "RabbitMQ users that may publish for others, as a scheduler with one account does. That of the "
        "workers' own TAGFLEET_AMQP_URL always may.",
        names,
        "user names, with commas between",
    ),
    "http_auth": Setting(
        "TAGFLEET_HTTP_AUTH",
        "",
        "How callers say who they are: `tokens` (`tagfleet token create`), `proxy` (a proxy in front that has "
        "asked them), or both with a comma between. Unset: nobody is asked, which only a server on loopback does.",
        some_of("tokens", "proxy"),
        "tokens, proxy, or tokens,proxy; off or nothing to ask nobody",
    ),
    "http_trusted_proxies": Setting(
        "TAGFLEET_HTTP_TRUSTED_PROXIES",
        "",
        "For `proxy`: from which addresses the headers below are believed. From others they mean nothing.",
        networks,
        "addresses and networks such as 10.0.0.0/8, with commas between",
    ),
    "http_user_header": Setting(
        "TAGFLEET_HTTP_USER_HEADER",
        "X-Forwarded-User",
        "The header in which a trusted proxy says who calls.",
        header,
        "the name of a header",
    ),
    "http_groups_header": Setting(
        "TAGFLEET_HTTP_GROUPS_HEADER",
        "X-Forwarded-Groups",
        "The header in which it says their groups, with commas between.",
        header,
        "the name of a header",
    ),
    "http_roles": Setting(
        "TAGFLEET_HTTP_ROLES",
        "*=reader",
        "The role of each group that a proxy names: reader, submitter, operator or admin; the highest holds. "
        "`*` is whoever has a name.",
        roles,
        "group=role, with commas between, such as *=submitter,platform=admin",
    ),
    "http_rate": Setting(
        "TAGFLEET_HTTP_RATE",
        "200",
        "How many requests a second each caller may send over time, ten seconds' worth of them at once. Callers "
        "are told apart by name, or by address where they have none. 0: any number. Not where nobody is asked "
        "who they are.",
        number(0, 1_000_000),
        "a number of requests a second, 0 or more",
    ),
}
