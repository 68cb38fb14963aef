"""The description of the HTTP interface, OpenAPI 3.1."""

from __future__ import annotations

from typing import Any, Final

from stream.core.documents import (
    KINDS,
    MAX_NAME_CHARS,
    MAX_TEXT_CHARS,
    MAX_TICKER_CHARS,
    MAX_TICKERS,
    MAX_TITLE_CHARS,
    MAX_URL_CHARS,
)


def _text(most: int, description: str, least: int = 0) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": most, "description": description}


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(description: str, schema: str, *, retry: bool = False) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": _ref(schema)}},
    }
    if retry:
        answer["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 1}}}
    return answer


_DOCUMENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["kind", "source", "text"],
    "description": "Fields of other names are passed over. The received time is set by the server.",
    "properties": {
        "id": _optional(
            _text(MAX_NAME_CHARS, "stable: a second document of the same id counts as a duplicate; made if absent", 1)
        ),
        "kind": {"type": "string", "enum": list(KINDS)},
        "source": _text(MAX_NAME_CHARS, "who published it", 1),
        "text": _text(MAX_TEXT_CHARS, "what it says", 1),
        "title": _optional(_text(MAX_TITLE_CHARS, "its headline")),
        "url": _optional(_text(MAX_URL_CHARS, "where it stands, http or https")),
        "lang": _optional(_text(40, "language tag such as en or zh-CN; guessed if absent")),
        "author": _optional(_text(MAX_NAME_CHARS, "any name; only a keyed hash of it is kept")),
        "tickers": _optional(
            {"type": "array", "maxItems": MAX_TICKERS, "items": _text(MAX_TICKER_CHARS, "such as AAPL", 1)}
        ),
        "published_at": _optional(
            {
                "type": "string",
                "format": "date-time",
                "description": "with its time zone; from 1990 on, at most a day ahead",
            }
        ),
        "schema": {"type": "integer", "const": 1, "default": 1},
    },
}

_ACCEPTED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["accepted", "documents"],
    "properties": {
        "accepted": {"type": "integer", "minimum": 1},
        "documents": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "topic", "partition", "offset"],
                "properties": {
                    "id": {"type": "string"},
                    "topic": {"type": "string"},
                    "partition": {"type": "integer"},
                    "offset": _optional({"type": "integer"}),
                },
            },
        },
    },
}

_ERRORS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["errors", "error_count"],
    "properties": {
        "errors": {
            "type": "array",
            "maxItems": 100,
            "items": {
                "type": "object",
                "required": ["field", "reason"],
                "properties": {
                    "index": {"type": "integer", "minimum": 0, "description": "which document, from 0"},
                    "field": {"type": "string"},
                    "reason": {"type": "string"},
                },
            },
        },
        "error_count": {"type": "integer", "minimum": 1},
        "unconfirmed": {"type": "array", "items": {"type": "string"}, "description": "ids, with status 503"},
    },
}

OPENAPI: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {"title": "Barograph: documents in", "version": "1"},
    "paths": {
        "/v1/documents": {
            "post": {
                "operationId": "postDocuments",
                "summary": "Hand in documents: all of a request or none",
                "security": [{"token": []}],
                "requestBody": {
                    "required": True,
                    "description": "Content-Encoding gzip is accepted.",
                    "content": {
                        "application/json": {
                            "schema": {
                                "anyOf": [
                                    _ref("Document"),
                                    {"type": "array", "minItems": 1, "items": _ref("Document")},
                                    {
                                        "type": "object",
                                        "required": ["documents"],
                                        "properties": {
                                            "documents": {"type": "array", "minItems": 1, "items": _ref("Document")}
                                        },
                                    },
                                ]
                            }
                        },
                        "application/x-ndjson": {
                            "schema": {"type": "string", "description": "one document a line"},
                        },
                    },
                },
                "responses": {
                    "202": _answer("The broker has confirmed every document.", "Accepted"),
                    "400": _answer("The body is not JSON, or not the gzip data it should be.", "Errors"),
                    "401": _answer("No token, or another one.", "Errors"),
                    "408": _answer("The body took too long to arrive.", "Errors"),
                    "413": _answer("Too many bytes or documents; nothing was sent on.", "Errors"),
                    "415": _answer("Another content type or encoding.", "Errors"),
                    "422": _answer("At least one document is bad; nothing was sent on.", "Errors"),
                    "429": _answer("Too fast; nothing was sent on.", "Errors", retry=True),
                    "503": _answer(
                        "Not confirmed in time. Sending the same again is safe: ids are stable.", "Errors", retry=True
                    ),
                },
            }
        },
        "/v1/openapi.json": {
            "get": {"operationId": "getDescription", "responses": {"200": {"description": "this description"}}}
        },
        "/healthz": {
            "get": {
                "operationId": "getHealth",
                "responses": {
                    "200": {"description": "Kafka answers."},
                    "503": {"description": "Kafka does not answer."},
                },
            }
        },
    },
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": {"Document": _DOCUMENT, "Accepted": _ACCEPTED, "Errors": _ERRORS},
    },
}
