"""Every key that a profile may have; the loader, the JSON Schema and the reference read these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what it means, and the JSON Schema of its value."""

    meaning: str
    schema: Schema


Keys = Mapping[str, Key]

# Plain YAML scalars load as strings here; an editor's parser may see numbers and flags in them.
_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_ANY: Schema = {}
_TREE: Schema = {"$ref": "#/$defs/tree"}


def one_of(*words: str) -> Schema:
    """Return the schema of a closed list of words."""
    plain = {"true": True, "false": False, "null": None}  # as an editor's YAML parser sees them
    return {"enum": [*words, *(plain[word] for word in words if word in plain)]}


def table_of(inner: Schema) -> Schema:
    """Return the schema of a mapping with free names."""
    return {"type": "object", "additionalProperties": inner}


def listed(inner: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": inner}


def defined(name: str) -> Schema:
    """Return the schema of a section that is described once."""
    return {"$ref": f"#/$defs/{name}"}


def words_of(keys: Keys, name: str) -> tuple[str, ...]:
    """Return the closed list of words of a key."""
    return tuple(word for word in keys[name].schema["enum"] if isinstance(word, str))


_FLAG = one_of("true", "false")
_NUMBER: Schema = {"type": ["integer", "string"], "pattern": "^[0-9]+$"}
_TIME: Schema = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}
_MISSING = one_of("omit", "nil", "empty")
_REPLIES = one_of("json", "xml")
_SEND_AS = one_of("json", "form", "xml")
OUTCOMES = (
    *("done", "refused", "exists", "stale", "gone", "unavailable", "unauthorized", "in_doubt"),
    "absent",
)

_BOTH = ("basic", "bearer", "body", "digest", "header", "none", "ntlm", "oauth2", "query")
AUTH_OF: Mapping[str, tuple[str, ...]] = {"rest": (*_BOTH, "oauth1"), "soap": (*_BOTH, "wsse")}
AUTH = (*_BOTH, "oauth1", "wsse")

PARAMETER: Keys = {
    "type": Key("how its text is read", one_of("text", "url", "flag", "number")),
    "needed": Key("must the connection give it", _FLAG),
    "default": Key("its value where the connection gives none", _SCALAR),
    "meaning": Key("what it is for, in a line", _SCALAR),
}
PATCH: Keys = {
    "match": Key("a regular expression", _SCALAR),
    "replace": Key("what stands there instead", _SCALAR),
}
SERVICE: Keys = {
    "wsdl": Key("its WSDL, a file beside profile.yaml", _SCALAR),
    "endpoint": Key("the address to post to: text with `{{ conn… }}`", _SCALAR),
    "port": Key("the port of the WSDL; left out: the first of SOAP 1.1, else of 1.2", _SCALAR),
    "encoded": Key("`true`: rpc/encoded, whatever the binding says", _FLAG),
    "catalog": Key(
        "address → file beside the WSDL, for what it imports; `bundled`: only what comes with us",
        {"anyOf": [_SCALAR, table_of(_SCALAR)]},
    ),
    "addressing": Key("`true`: its messages carry WS-Addressing: Action, MessageID, To", _FLAG),
    "svcmap": Key("a `.svcmap` of Visual Studio, read as catalog", _SCALAR),
    "patches": Key("corrections of its files before they are parsed", listed(defined("patch"))),
    "args": Key("laid over what each of its calls sends; knows `conn.auth`", _TREE),
    "headers": Key("laid over the SOAP headers of its calls; knows `conn.auth`", _TREE),
    "lists": Key(
        "element names that are lists where no schema says so (`decode`)", listed(_SCALAR)
    ),
}
WALK: Keys = {
    "type": Key(
        "`watermark`: by time of change; `page`, `offset`: by number, last to first; `bookmark`:"
        " from a row's mark; `cursor`: from the reply's; `more`: while a flag holds; `index`: one"
        " search, page by page; `link`: as the Link header says; `window`: by spans of time",
        one_of(
            *("watermark", "page", "offset", "bookmark", "cursor", "more", "index", "link"),
            "window",
        ),
    ),
    "size": Key("rows of one page", _NUMBER),
    "resolution": Key("the fineness of the source's times of change", _TIME),
    "bound": Key("is a row at exactly the bound given or not", one_of("exclusive", "inclusive")),
    "form": Key("how `since` and `until` are written: strftime, in the zone of `times`", _SCALAR),
    "first": Key("the number of the first page: 1 or 0", one_of("0", "1")),
    "from": Key("the next call's `bookmark`, from `reply`, or from `item`: the last row", _SCALAR),
    "more": Key("whether the list goes on, from `reply`", _SCALAR),
    "carry": Key("name → what later calls take along, as `carried.NAME`", table_of(_SCALAR)),
    "pages": Key("how many pages there are, from `reply`", _SCALAR),
    "total": Key("how many rows there are, from `reply`", _SCALAR),
    "window": Key("the longest span that one call may ask for", _TIME),
    "most": Key("pages after which the list counts as endless", _NUMBER),
}
CAPABILITIES: Keys = {
    "identity": Key(
        "what keeps a create from happening twice",
        one_of("upsert", "find_first", "server_unique", "none"),
    ),
    "changes": Key(
        "how changes are found, one word or one per entity: cursor, scan, via_parent, hints",
        {"anyOf": [one_of("cursor", "scan", "via_parent", "hints"), table_of(_SCALAR)]},
    ),
    "op_class": Key(
        "action or step → absolute, append, create or transition",
        table_of(one_of("absolute", "append", "create", "transition")),
    ),
    "refuses_with": Key("HTTP statuses that surely precede any work", listed(_NUMBER)),
    "bulk": Key("entity → how many changes one call takes", table_of(_NUMBER)),
    "bulk_atomic": Key("does one bad change refuse the whole bulk", _FLAG),
    "returns_total": Key("does a reply say the document's total", _FLAG),
    "reserves_at": Key(
        "from when on what is available counts an order: its create, its validation, its shipping",
        one_of("create", "validate", "ship"),
    ),
    "reference_length": Key("most characters of our reference", _NUMBER),
    "reference_charset": Key("one character of it, as a regular expression", _SCALAR),
    "reference_folding": Key("`case`: the system ignores case in it", one_of("none", "case")),
}
LIMITS: Keys = {
    "concurrency": Key("calls at the same time", _NUMBER),
    "timeout": Key("total deadline of one call", _TIME),
    "per_second": Key("calls that may begin in any second", _NUMBER),
}
ERROR: Keys = {
    "when": Key("an expression; the first row that holds decides", _SCALAR),
    "else": Key("the outcome where no row holds; only as the last row", one_of(*OUTCOMES)),
    "outcome": Key("what the reply means", one_of(*OUTCOMES)),
    "code": Key("the system's code of it, an expression", _SCALAR),
    "message": Key("the system's words, an expression", _SCALAR),
    "key": Key("for `exists`: the id that is there, an expression", _SCALAR),
}
SESSION: Keys = {
    "login": Key("the call that logs in; knows `conn.auth`", defined("step")),
    "save": Key("name → what its reply gives, as `session.NAME`", table_of(_SCALAR)),
    "cookies": Key("`true`: its cookies go with every later call", _FLAG),
    "expired": Key("a reply says that we must log in again, and that nothing was done", _SCALAR),
    "lasts": Key("how long a login is used at most", _TIME),
    "logout": Key("the call that ends it; knows `session`", defined("step")),
    "hosts": Key("other hosts that the login may lead to: `.salesforce.com`", listed(_SCALAR)),
}
KEPT: Keys = {
    "list": Key("the call that lists them all, with its `items`", defined("action")),
    "create": Key("the call that makes one; knows `topic url secret`", defined("action")),
    "delete": Key("the call that removes one; knows `key`", defined("action")),
    "key": Key("its id, from `item`", _SCALAR),
    "topic": Key("what it is sent of, from `item`", _SCALAR),
    "to": Key("where it is sent, from `item`", _SCALAR),
    "active": Key("is it sent at all, from `item`", _SCALAR),
    "topics": Key("entity → the topics that must be heard", table_of(listed(_SCALAR))),
}
WEBHOOKS: Keys = {
    "header": Key("the HTTP header with the signature of the raw body", _SCALAR),
    "algorithm": Key("of the HMAC", one_of("sha256", "sha512", "sha1")),
    "encoding": Key("how the signature is written", one_of("base64", "hex")),
    "prefix": Key("what stands before it in the header, as `sha256=`", _SCALAR),
    "ping": Key("the only field of an unsigned form body that asks nothing", _SCALAR),
    "entity": Key("which of our documents it is about, from `headers body`", _SCALAR),
    "key": Key("the id of the document, from `headers body`", _SCALAR),
    "version": Key("its version, from `headers body`", _SCALAR),
    "kept": Key("how those that the system keeps are examined and made anew", defined("kept")),
}
PROFILE: Keys = {
    "profile": Key("its name: its folder's", _SCALAR),
    "version": Key("its version, for `needs` and for every attempt", _SCALAR),
    "protocol": Key("what it speaks", one_of("rest", "soap")),
    "title": Key("its name for people", _SCALAR),
    "parameters": Key(
        "what it asks of a connection (`with:`), as `conn.NAME`", table_of(defined("parameter"))
    ),
    "base": Key("REST: the address below which every `path` stands", _SCALAR),
    "services": Key(
        "SOAP: its services by name; one named like an entity is that entity's",
        table_of(defined("service")),
    ),
    "catalog": Key("`bundled`: the usual schemas come with us, nothing is fetched", _SCALAR),
    "auth": Key(
        "the kinds of `auth:` that a connection may choose from",
        {"anyOf": [one_of(*AUTH), listed(one_of(*AUTH))]},
    ),
    "args": Key("SOAP: laid over every call, after the stored payload; knows `conn.auth`", _TREE),
    "headers": Key("laid over every call: SOAP's blocks, or REST's HTTP headers", _TREE),
    "http_headers": Key("SOAP: HTTP headers of every call", _TREE),
    "query": Key("REST: laid over every call's query", _TREE),
    "decode": Key("path in `reply` → what a string there holds", table_of(one_of("xml", "json"))),
    "ns": Key("SOAP: prefix → namespace, for `$type`, `$any` and headers", table_of(_SCALAR)),
    "vars": Key("name → expression, made afresh for each call, as `vars.NAME`", table_of(_SCALAR)),
    "session": Key("a login that later calls refer to", defined("session")),
    "limits": Key(
        "how hard it may be worked, where the connection says nothing", defined("limits")
    ),
    "lag": Key("younger than this may still change there", _TIME),
    "capabilities": Key(
        "what the system can do; unsaid is the cautious answer", defined("capabilities")
    ),
    "walk": Key("how its lists are paged", defined("walk")),
    "errors": Key(
        "what replies mean, after the rows of entity and action", listed(defined("error"))
    ),
    "times": Key("what a time without zone means", one_of("utc", "connection")),
    "numbers": Key(
        'REST: how exact numbers stand in a body: `text` ("8.10", the default) or `json` (8.10)',
        one_of("text", "json"),
    ),
    "send_as": Key(
        "REST: how a body travels where its call does not say: `json` (the default), `form`, `xml`",
        _SEND_AS,
    ),
    "replies": Key("REST: how replies are read: `json` (the default) or `xml`", _REPLIES),
    "lists": Key("with `replies: xml`: names of elements that are lists", listed(_SCALAR)),
    "empty": Key("`null`: '' in a payload is absent", one_of("null", "keep")),
    "probe": Key(
        "calls by name that `check` makes to ask who the system is", table_of(defined("action"))
    ),
    "identity": Key(
        "company, name, account…: expressions over the replies of `probe`", table_of(_SCALAR)
    ),
    "webhooks": Key("what the system sends of its own accord", defined("webhooks")),
    "changes": Key(
        "version → paths (`order.write.note`) that it changed: who overrides one is told",
        table_of(listed(_SCALAR)),
    ),
    "extends": Key("the profile that this one is laid over", _SCALAR),
    "needs": Key("versions of it that fit: `dolibarr >= 1.2, < 2`", _SCALAR),
}
TEST: Keys = {
    "name": Key("what the case is about", _SCALAR),
    "given": Key("a file beside the mapping: a payload, or a document of ours", _SCALAR),
    "from": Key("the profile whose payload it is; left out: told by its form", _SCALAR),
    "conn": Key("parameters that differ from samples/connection.yaml", table_of(_SCALAR)),
    "reference": Key("our reference; left out: SAMPLE-1", _SCALAR),
    "there": Key("ids there, by entity or by `entity key`; else the source's", table_of(_SCALAR)),
    "action": Key("what is sent; left out: create", one_of("create", "update", "delete")),
    "key": Key("the id there, for an update", _SCALAR),
    "expect": Key(
        "path → value: of the document, of `write.…`, of `call.method|url|body.…`; $nil: nothing",
        table_of(_ANY),
    ),
    "faults": Key(
        "path → code: fields that cannot be made, also below `write.`", table_of(_SCALAR)
    ),
    "reply": Key("a file with the reply, or a list of them, one a step", _ANY),
    "http": Key("its HTTP status; left out: 200", _NUMBER),
    "outcome": Key("what comes of it", one_of(*OUTCOMES, "not_sent")),
    "code": Key("the code of a refusal, or why", _SCALAR),
}
ENTITY: Keys = {
    "entity": Key("which of our documents the file is about", _SCALAR),
    "extends": Key("the profile whose file this one is laid over", _SCALAR),
    "needs": Key("versions of it that fit: `dolibarr >= 1.2, < 2`", _SCALAR),
    "key": Key("the system's id of a record, an expression over its payload", _SCALAR),
    "version": Key("when or how often it was changed", _SCALAR),
    "birth": Key("what tells it from another record under its key", _SCALAR),
    "gone": Key("does the payload say that the record is deleted", _SCALAR),
    "locked_when": Key("when it can no longer be changed, an expression over `there`", _SCALAR),
    "reserved_when": Key(
        "orders: when what is available counts it, an expression over `there`", _SCALAR
    ),
    "read": Key("our field: expression over its payload", _TREE),
    "write": Key("its field: expression over `doc conn reference`", _TREE),
    "actions": Key("the calls", defined("actions")),
    "tables": Key(
        "name → rows of text; `else`: error, keep or a value", table_of(table_of(_SCALAR))
    ),
    "errors": Key("what replies mean, before the profile's rows", listed(defined("error"))),
    "walk": Key("how its list is paged, where it differs", defined("walk")),
    "tests": Key("cases of `connector map test`", listed(defined("test"))),
}
ACTIONS: Keys = {
    "find": Key("who carries our reference", defined("action")),
    "get": Key("read by the system's key", defined("action")),
    "list": Key("read what changed", defined("action")),
    "below": Key(
        "read, for each `item` of `list` for which its `$if` holds, what stands below it and in no"
        " list of its own: knows `item page size`",
        defined("action"),
    ),
    "born": Key("for backfills: read by the time of birth, ascending", defined("action")),
    "match": Key("candidates by a natural key: field → action", table_of(defined("action"))),
    "create": Key("make a document", defined("action")),
    "update": Key("change one", defined("action")),
    "delete": Key("remove one", defined("action")),
}
SENT: Keys = {
    "args": Key("SOAP: the message; left out: the payload", _TREE),
    "path": Key("REST: below `base`, text with `{{ }}`", _SCALAR),
    "query": Key("REST: the query; null and '' are left out", _TREE),
    "body": Key("REST: the body; left out where something is sent: the payload", _TREE),
    "headers": Key("SOAP: blocks of its header; REST: further HTTP headers", _TREE),
}
TOLD: Keys = {
    "key": Key("the document's id, from `reply`", _SCALAR),
    "version": Key("its version, from `reply`", _SCALAR),
    "total": Key("its total, tax included, from `reply`", _SCALAR),
    "done_when": Key("how `there` shows that the step is done", _SCALAR),
}
STEP: Keys = {
    "name": Key("its name, by which it is resumed; never renamed once used", _SCALAR),
    "op": Key("SOAP: the operation", _SCALAR),
    "service": Key("SOAP: the service; left out: the entity's, or the only one", _SCALAR),
    "method": Key("REST: the method", one_of("GET", "POST", "PUT", "PATCH", "DELETE")),
    "$if": Key("the step is left out where this does not hold", _SCALAR),
    "decode": Key("path in `reply` → what a string there holds", table_of(one_of("xml", "json"))),
    "send_as": Key(
        "REST: how its body travels: `json`, `form` (`application/x-www-form-urlencoded`), `xml`",
        _SEND_AS,
    ),
    **SENT,
    **TOLD,
}
BULK: Keys = {
    "row": Key("one change as the body carries it; the body takes all of them as `rows`", _TREE),
    "group": Key("what all changes of one call share, for its path, as `group`", _SCALAR),
    "id": Key("the id by which a row names its document", _SCALAR),
    "answers": Key("the list of answers in `reply`", _SCALAR),
    "answer": Key("the id that an answer (`item`) names; left out: in the order of rows", _SCALAR),
    "error": Key("what is wrong with `item`, judged as a reply of its own; null: nothing", _SCALAR),
    "status": Key("the HTTP status that goes with its error", _SCALAR),
}
ACTION_ONLY: Keys = {
    "steps": Key("several calls, each with a name", listed(defined("step"))),
    "missing": Key("what becomes of a null member", _MISSING),
    "batch": Key("how many references, keys or values one call takes", _NUMBER),
    "items": Key("the list of items in `reply`", _SCALAR),
    "item": Key("the single item in `reply`", _SCALAR),
    "found": Key("the key in `reply`, null where nothing was found", _SCALAR),
    "verify": Key("must hold for a hit", _SCALAR),
    "reference": Key("our reference in `item`", _SCALAR),
    "instead": Key("of `below`: what it reads stands in place of the row above", _FLAG),
    "wanted": Key("of `below`: is it read at all; an expression over `conn` alone", _SCALAR),
    "into": Key(
        "of `below`, over REST: the member of the row in which all that it reads stands, as a list"
        " in place of what was there; for every reading of the row",
        _SCALAR,
    ),
    "next": Key("the call of a list's pages after the first, where it differs", defined("step")),
    "at": Key("of `born`: when `item` was born", _SCALAR),
    "can": Key("the fields of `write` that an update may carry", listed(_SCALAR)),
    "along": Key(
        "fields of `write` that every update carries too, though unchanged; `all`: each of them",
        {"anyOf": [one_of("all"), listed(_SCALAR)]},
    ),
    "bulk": Key("how one call carries many changes", defined("bulk")),
    "errors": Key("what its replies mean, before all other rows", listed(defined("error"))),
}
ACTION: Keys = {**ACTION_ONLY, **STEP}
