"""The rule sets that were applied, in MongoDB: every version, and which one is in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

import mongoengine as me
from pymongo.errors import DuplicateKeyError

from .database import database, now
from .errors import Fatal, NotFound

#: Where it is written which version is in force; the document beside it counts the catalog's changes.
_IN_FORCE: Final = {"_id": "rules"}


class RuleSetConflict(Fatal):
    """Somebody else applied rules at the same moment."""

    exit_code = 1

    def __init__(self, expected: int) -> None:
        super().__init__(
            f"Version {expected} of the rules is no longer the one in force: somebody else applied rules "
            "meanwhile. See `tagfleet rules diff`, and apply again."
        )


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

    def texts(self) -> dict[str, bytes]:
        """The content of the files, in their order."""
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
        NotFound: There is no such version.
    """
    found: RuleSetDocument | None = RuleSetDocument.objects(version=version).first()
    if found is None:
        raise NotFound("rule set version", str(version))
    return found


def by_digest(digest: str) -> RuleSetDocument | None:
    """The newest version with these files."""
    found: RuleSetDocument | None = (
        RuleSetDocument.objects(digest=digest).order_by("-version").first()
    )
    return found


def history(limit: int = 50) -> list[RuleSetDocument]:
    """The versions without their files, the newest first."""
    return list(RuleSetDocument.objects.exclude("files").order_by("-version").limit(limit))


def apply(
    texts: Mapping[str, bytes], digest: str, *, applied_by: str, note: str | None, before: int
) -> int:
    """Put checked rule files in force, whole or not at all; returns the number of their version.

    Arguments:
        before: The version that was in force when they were compared with it; 0: none.

    Raises:
        RuleSetConflict: Another version was put in force since then.
    """
    newest = RuleSetDocument.objects.only("version").order_by("-version").first()
    version = max(newest.version if newest else 0, before) + 1
    document = RuleSetDocument(
        version=version,
        digest=digest,
        files=[RuleFileDocument(name=name, text=text.decode()) for name, text in texts.items()],
        applied_by=applied_by,
        applied=now(),
        note=note,
    )
    try:
        document.save(force_insert=True)
        _put_in_force(version, before)
    except (DuplicateKeyError, me.NotUniqueError) as error:
        raise RuleSetConflict(before) from error
    return version


def _put_in_force(version: int, before: int) -> None:
    versions = database()["versions"]
    if before == 0:
        versions.insert_one({**_IN_FORCE, "number": version})
        return
    moved = versions.update_one(_IN_FORCE | {"number": before}, {"$set": {"number": version}})
    if moved.matched_count == 0:
        raise RuleSetConflict(before)
