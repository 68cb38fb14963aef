"""The description of the HTTP interface, OpenAPI 3.1."""

from __future__ import annotations

from typing import Any, Final

from model.labels import KINDS, SENTIMENTS, TOPICS
from stream.core.documents import MAX_NAME_CHARS, MAX_TEXT_CHARS, MAX_TITLE_CHARS
from stream.serve.body import METHODS

_SHARE: Final = {"type": "number", "minimum": 0, "maximum": 1}
_NUMBER: Final = {"type": "number"}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties} | more


def _named(names: tuple[str, ...], schema: dict[str, Any]) -> dict[str, Any]:
    return _object(dict.fromkeys(names, schema))


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _text(most: int, least: int = 1) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": most}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_DOCUMENT: Final = {
    "type": "object",
    "required": ["text"],
    "description": "Fields of other names are passed over.",
    "properties": {
        "id": _or_null(_text(MAX_NAME_CHARS)),
        "kind": {"type": "string", "enum": list(KINDS), "default": KINDS[0]},
        "title": _or_null(_text(MAX_TITLE_CHARS, 0)),
        "text": _text(MAX_TEXT_CHARS),
    },
}
_READING: Final = {
    "id": _or_null({"type": "string"}),
    "kind": {"type": "string", "enum": list(KINDS)},
    "label": {"type": "string", "enum": list(SENTIMENTS)},
    "score": {"type": "number", "minimum": -1, "maximum": 1, "description": "P(positive) - P(negative)"},
    "sentiment": _named(SENTIMENTS, _SHARE),
    "topic": {"type": "string", "enum": list(TOPICS)},
    "topics": _named(TOPICS, _SHARE),
}
_WORD: Final = _object(
    {
        "text": {"type": "string"},
        "start": {"type": "integer", "minimum": 0},
        "end": {"type": "integer", "minimum": 1},
        "sentiment": _NUMBER,
        "topic": _NUMBER,
    },
    description="A word of the text as the model reads it: characters start to end, weights in log-odds.",
)
_SUM: Final = _object(
    dict.fromkeys(("value", "blank", "words", "rest"), _NUMBER),
    description="value = blank + words + rest, in log-odds; blank: the same text with every token masked.",
)
_EXPLANATION: Final = _READING | {
    "text": {"type": "string", "description": "as the model reads it: cleaned"},
    "method": {"type": "string", "enum": list(METHODS)},
    "read_chars": {"type": "integer", "minimum": 0, "description": "words after it were not read"},
    "words": {"type": "array", "items": _WORD},
    "sums": _named(("sentiment", "topic"), _SUM),
}
_ERRORS: Final = _object(
    {
        "errors": {
            "type": "array",
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
    }
)


def describe(most: int, most_explained: int) -> dict[str, Any]:
    """Return the description, with how many documents a request may hold."""
    explain = _operation("postExplain", "Explain", "Explanations", most_explained)
    explain["parameters"] = [
        {
            "name": "method",
            "in": "query",
            "schema": {"type": "string", "enum": list(METHODS), "default": METHODS[0]},
            "description": "integrated: the words sum exactly, and a request holds an eighth of the documents",
        }
    ]
    plain = {"responses": {"200": {"description": "this description"}}}
    health = {"responses": {"200": {"description": "The model answers."}, "503": {"description": "It does not."}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Barograph: texts read on request", "version": "1"},
        "paths": {
            "/v1/classify": {"post": _operation("postClassify", "Read sentiment and topic", "Readings", most)},
            "/v1/explain": {"post": explain},
            "/v1/openapi.json": {"get": {"operationId": "getDescription"} | plain},
            "/healthz": {"get": {"operationId": "getHealth"} | health},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Document": _DOCUMENT,
                "Readings": _results(_READING),
                "Explanations": _results(_EXPLANATION),
                "Errors": _ERRORS,
            },
        },
    }


def _results(properties: dict[str, Any]) -> dict[str, Any]:
    revision = {"type": "string", "description": "of the model: weights, tokenizer, labels, temperatures"}
    return _object({"revision": revision, "results": {"type": "array", "items": _object(properties)}})


def _operation(name: str, summary: str, answer: str, most: int) -> dict[str, Any]:
    documents = {"type": "array", "minItems": 1, "maxItems": most, "items": _ref("Document")}
    wrapped = _object({"documents": documents})
    body = {"application/json": {"schema": {"anyOf": [_ref("Document"), documents, wrapped]}}}
    refusals = {
        "400": "The body is not JSON.",
        "401": "No token, or another one.",
        "408": "The body took too long to arrive.",
        "413": "Too many bytes or documents.",
        "415": "Another content type or encoding.",
        "422": "At least one document is bad; none was read.",
        "429": "Too fast.",
        "500": "The model failed on this request.",
        "503": "Too much waits, or it took too long.",
    }
    return {
        "operationId": name,
        "summary": f"{summary} of each document, in order",
        "security": [{"token": []}],
        "requestBody": {"required": True, "content": body},
        "responses": {
            "200": {"description": "One result a document.", "content": {"application/json": {"schema": _ref(answer)}}}
        }
        | {
            status: {"description": text, "content": {"application/json": {"schema": _ref("Errors")}}}
            for status, text in refusals.items()
        },
    }
