"""AWS's JSON protocols, driven by botocore's own service models.

Requests are read and checked, and answers written, by the model that the client uses too:
no operation has parsing code of its own, and no shape can drift.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator

from .errors import AwsError
from .web import Request, Response

#: The members of an operation's input, by name.
Parameters: TypeAlias = Mapping[str, Any]

#: Does an operation; may raise AwsError.
Operation: TypeAlias = Callable[[Parameters], Mapping[str, Any]]

_CREDENTIAL: Final = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")


def signing_name(request: Request) -> str:
    """The service that a request was signed for; empty when it was not signed.

    This is how one port serves every service. The signature itself is not checked.
    """
    found = _CREDENTIAL.search(request.headers.get("authorization", ""))
    return found[1] if found else ""


class JsonService:
    """One service that speaks JSON.

    Arguments:
        name: Botocore's name of the service ("emr").
        operations: What it can do, by the operation's name.
        prefix: What stands before an operation's name in counts and faults ("sqs:").
        query_codes: Errors that clients know by an older name than the model's.
    """

    def __init__(
        self,
        name: str,
        operations: Mapping[str, Operation],
        *,
        prefix: str = "",
        query_codes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._name, self._operations = name, operations
        self._prefix, self._query_codes = prefix, query_codes
        self._model = botocore.session.get_session().get_service_model(name)
        self._version = self._model.metadata["jsonVersion"]
        self._validator = ParamValidator()

    def call_name(self, request: Request) -> str:
        """The operation that a request is for."""
        return self._prefix + _operation_name(request)

    def subject(self, request: Request) -> str:
        """What the call is about; nothing that a fault could name here."""
        return ""

    def answer(self, request: Request) -> Response:
        """Do what the request asks for; may raise AwsError."""
        name = _operation_name(request)
        if name not in self._model.operation_names:
            raise AwsError("UnknownOperationException", f"There is no operation {name!r}.", 404)
        operation = self._operations.get(name)
        if operation is None:
            message = f"The local EMR does not do {self._name}:{name}."
            raise AwsError("NotImplemented", message, 501)
        model = self._model.operation_model(name)
        result = operation(self._read(model, request))
        output = model.output_shape
        return self._response(200, _dump(output, result) if output is not None else {})

    def refusal(self, request: Request, error: AwsError) -> Response:
        """How this protocol says no."""
        content = {"__type": error.code, "message": error.message}
        response = self._response(error.status, content)
        if "awsQueryCompatible" not in self._model.metadata:
            return response
        code = self._query_codes.get(error.code, error.code)
        fault = "Sender" if error.status < 500 else "Receiver"
        return replace(
            response, headers={**response.headers, "x-amzn-query-error": f"{code};{fault}"}
        )

    def _read(self, model: OperationModel, request: Request) -> Parameters:
        shape = model.input_shape
        if shape is None:
            return {}
        try:
            content = json.loads(request.body.read() or b"{}")
            parameters: Parameters = _load(shape, content)
        except (ValueError, AttributeError, TypeError) as error:
            raise AwsError("SerializationException", f"The body cannot be read: {error}") from None
        _refuse_half_characters(content)
        report = self._validator.validate(parameters, shape)
        if report.has_errors():
            raise AwsError("ValidationException", report.generate_report())
        return parameters

    def _response(self, status: int, content: object) -> Response:
        headers = {
            "Content-Type": f"application/x-amz-json-{self._version}",
            "x-amzn-RequestId": str(uuid.uuid4()),
        }
        return Response(status, headers, json.dumps(content, separators=(",", ":")).encode())


def _operation_name(request: Request) -> str:
    return request.headers.get("x-amz-target", "").rpartition(".")[2]


def _refuse_half_characters(content: object) -> None:
    """JSON can spell half of a character ("\\ud800"), which no file, process or database can take."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise AwsError("ValidationException", f"Text that is not Unicode: {error}") from None


def _load(shape: Shape, value: Any) -> Any:
    match shape:
        case StructureShape(members=members):
            return {
                name: _load(members[name], member)
                for name, member in value.items()
                if name in members and member is not None
            }
        case ListShape(member=member):
            return [_load(member, item) for item in value]
        case MapShape(value=member):
            return {key: _load(member, item) for key, item in value.items()}
    return parse_timestamp(value) if shape.type_name == "timestamp" else value


def _dump(shape: Shape, value: Any) -> Any:
    """Keep what the model knows, and leave out what is None."""
    match shape:
        case StructureShape(members=members):
            return {
                name: _dump(member, value[name])
                for name, member in members.items()
                if value.get(name) is not None
            }
        case ListShape(member=member):
            return [_dump(member, item) for item in value]
        case MapShape(value=member):
            return {key: _dump(member, item) for key, item in value.items()}
    return round(value, 3) if shape.type_name == "timestamp" else value
