"""The rule sets that were applied, in MongoDB: every version, and which one is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

import mongoengine as me
from pymongo.errors import DuplicateKeyError

from . import audit
from .database import database, now
from .errors import Fatal, InvalidInput

#: What one version may hold: MongoDB takes documents of 16 MiB.
MOST_BYTES: Final = 8 * 1024 * 1024

#: Where it is written which version is in force; the document beside it counts the catalog's changes.
_IN_FORCE: Final = {"_id": "rules"}
_WATCH: Final = {"_id": "rules-watch"}


class RuleSetConflict(Fatal):
    """Somebody else applied rules at the same moment."""

    def __init__(self, expected: int) -> None:
        what = f"Version {expected} of the rules" if expected else "No version"
        super().__init__(
            f"{what} is no longer what is in force: somebody else applied rules meanwhile, and theirs stay. "
            "See `tagfleet rules history` and `tagfleet rules diff PATH`, and apply again."
        )


class NoRuleSet(Fatal):
    """There is no such version."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} `tagfleet rules history` lists the versions.")


class RuleFileDocument(me.EmbeddedDocument):
    """One rule file."""

    name: str = me.StringField(required=True)
    text: str = me.StringField(required=True)


class RuleSetDocument(me.Document):
    """A version of the rules; written once, never changed."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "rule_sets",
        "strict": False,
        "auto_create_index": False,
    }

    version: int = me.IntField(primary_key=True)
    #: SHA-256 over the files.
    digest: str = me.StringField(required=True)
    files: list[RuleFileDocument] = me.EmbeddedDocumentListField(RuleFileDocument)
    applied_by: str = me.StringField(required=True)
    applied: datetime = me.DateTimeField(required=True)
    note: str | None = me.StringField()
    #: The version that was in force before; 0: none.
    replaced: int = me.IntField(default=0)

    def texts(self) -> dict[str, bytes]:
        """The contents of the files by their names, in their order."""
        return {file.name: file.text.encode() for file in self.files}


def version_in_force() -> int:
    """The number of the version in force; 0 when none was ever applied."""
    found = database()["versions"].find_one(_IN_FORCE)
    return int(found["number"]) if found else 0


def in_force() -> RuleSetDocument | None:
    """The version in force; None when none was ever applied."""
    version = version_in_force()
    return get(version) if version else None


def get(version: int) -> RuleSetDocument:
    """A version.

    Raises:
        NoRuleSet: There is no such version.
    """
    found: RuleSetDocument | None = RuleSetDocument.objects(version=version).first()
    if found is None:
        raise NoRuleSet(f"There is no version {version} of the rules.")
    return found


def by_digest(digest: str) -> RuleSetDocument | None:
    """The newest version with these files."""
    found: RuleSetDocument | None = (
        RuleSetDocument.objects(digest=digest).order_by("-version").first()
    )
    return found


def history(limit: int = 0) -> list[RuleSetDocument]:
    """The versions without their files, the newest first.

    Arguments:
        limit: How many; 0: all.
    """
    found = RuleSetDocument.objects.exclude("files").order_by("-version")
    return list(found.limit(limit) if limit else found)


def put_in_force(
    texts: Mapping[str, bytes], digest: str, *, applied_by: str, note: str | None, replaces: int
) -> int:
    """Put checked rule files in force, whole or not at all; returns the number of their version.

    Arguments:
        replaces: The version that was in force when they were compared with it; 0: none.

    Raises:
        RuleSetConflict: Another version was put in force since then.
        InvalidInput: They are too large to be stored.
    """
    if sum(map(len, texts.values())) > MOST_BYTES:
        raise InvalidInput("rules", [f"at most {MOST_BYTES} bytes in all can be stored"])
    newest = RuleSetDocument.objects.only("version").order_by("-version").first()
    version = max(newest.version if newest else 0, replaces) + 1
    document = RuleSetDocument(
        version=version,
        digest=digest,
        files=[RuleFileDocument(name=name, text=text.decode()) for name, text in texts.items()],
        applied_by=applied_by,
        applied=now(),
        note=note,
        replaced=replaces,
    )
    try:
        RuleSetDocument._get_collection().insert_one(document.to_mongo())
    except DuplicateKeyError as error:
        raise RuleSetConflict(replaces) from error
    if not _moved(replaces, version):
        document.delete()
        raise RuleSetConflict(replaces)
    # What changed is in the versions themselves.
    audit.record(
        "rules.apply",
        str(version),
        before={"version": replaces},
        after={"version": version, "by": applied_by},
    )
    return version


def _moved(before: int, after: int) -> bool:
    """Let this version be the one in force, if that one still is."""
    versions = database()["versions"]
    if before:
        moved = versions.update_one(_IN_FORCE | {"number": before}, {"$set": {"number": after}})
        return moved.matched_count == 1
    try:
        versions.insert_one({**_IN_FORCE, "number": after})
    except DuplicateKeyError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReport:
    """How the last look of `tagfleet rules watch` ended."""

    path: str
    #: Whose machine and process it was.
    watcher: str
    time: datetime
    #: Why the files are not what is in force; None: they are.
    problem: str | None


def report_watch(report: WatchReport) -> None:
    """Write down how it went; what was written before is forgotten."""
    database()["versions"].update_one(
        _WATCH,
        {
            "$set": {
                "path": report.path,
                "watcher": report.watcher,
                "time": report.time,
                "problem": report.problem,
            }
        },
        upsert=True,
    )


def watch_report() -> WatchReport | None:
    """What the last watcher wrote down; None when none ever watched."""
    found = database()["versions"].find_one(_WATCH)
    if found is None:
        return None
    return WatchReport(
        path=found["path"],
        watcher=found["watcher"],
        time=found["time"],
        problem=found["problem"],
    )
