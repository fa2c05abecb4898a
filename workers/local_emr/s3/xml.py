"""The XML that S3 speaks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree

from ..errors import AwsError
from ..web import Request, Response

#: What an element holds: a text, or other elements by name; a sequence repeats the element.
Content: TypeAlias = "str | int | bool | Mapping[str, Content] | Sequence[Content]"

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def document(name: str, content: Mapping[str, Content]) -> Response:
    """A response that holds one element."""
    root = ElementTree.Element(name, {"xmlns": _NAMESPACE})
    _fill(root, content)
    return xml_response(200, root)


def error_document(request: Request, error: AwsError) -> Response:
    """How S3 says no."""
    if request.method == "HEAD":
        return Response(error.status, {"Content-Type": "application/xml"})
    root = ElementTree.Element("Error")
    _fill(root, {"Code": error.code, "Message": error.message, "Resource": request.path})
    return xml_response(error.status, root)


def xml_response(status: int, root: ElementTree.Element) -> Response:
    """A response with this document."""
    body = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return Response(status, {"Content-Type": "application/xml"}, body)


def texts(body: bytes, name: str) -> list[str]:
    """The texts of all elements with this name, in their order."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        message = "The XML you provided was not well-formed"
        raise AwsError("MalformedXML", message) from None
    return [element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == name]


def timestamp(seconds: float) -> str:
    """A time as S3 writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def url_encoded(key: str) -> str:
    """A key as S3 writes it for `encoding-type=url`."""
    return quote(key, safe="/*-._")


def _fill(parent: ElementTree.Element, content: Mapping[str, Content]) -> None:
    for name, value in content.items():
        for each in [value] if isinstance(value, (str, int, Mapping)) else value:
            _append(parent, name, each)


def _append(parent: ElementTree.Element, name: str, content: Content) -> None:
    child = ElementTree.SubElement(parent, name)
    if isinstance(content, Mapping):
        _fill(child, content)
    else:
        child.text = str(content).lower() if isinstance(content, bool) else str(content)
