"""Who may call the shop: Basic over https only, one-legged OAuth 1.0a over plain http."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from connector.sandbox.server import Call
from connector.sandbox.shop_terms import Shop, ShopError

WINDOW = 15 * 60
SIGNED = ("consumer_key", "timestamp", "nonce", "signature", "signature_method")
HASHES = {"HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256"}
VERBS = {"GET": "view", "POST": "create", "PUT": "edit", "PATCH": "edit", "DELETE": "delete"}


@dataclass(frozen=True, kw_only=True)
class Key:
    """A consumer key's secret, and whether it may write."""

    secret: str
    writes: bool = True


Keys = Mapping[str, Key]


def admit(shop: Shop, keys: Keys, call: Call) -> None:
    """Let the call pass or raise the 401 that the real shop answers."""
    parts = urlsplit(call.target)
    # The real shop looks for its API in the whole address and authenticates nowhere else.
    key = None
    if "wp-json/wc/" in call.target:
        params = parse_qsl(parts.query, keep_blank_values=True)
        key = _basic(keys, call, dict(params)) if call.secure else None
        key = key or _oauth(shop, keys, call, params)
    if key is None:
        verb = VERBS.get(call.method, "view")
        said = "list" if verb == "view" else verb
        code = f"woocommerce_rest_cannot_{verb}"
        raise ShopError(401, code, f"Sorry, you cannot {said} resources.")
    if not key.writes and call.method != "GET":
        raise _wrong("The API key provided does not have write permissions.")


def _wrong(said: str) -> ShopError:
    return ShopError(401, "woocommerce_rest_authentication_error", said)


def _basic(keys: Keys, call: Call, query: Mapping[str, str]) -> Key | None:
    name, secret = query.get("consumer_key", ""), query.get("consumer_secret", "")
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(token).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
    key = keys.get(name)
    if key is not None and not hmac.compare_digest(key.secret.encode(), secret.encode()):
        raise _wrong("Consumer secret is invalid.")
    return key


def _oauth(shop: Shop, keys: Keys, call: Call, query: list[tuple[str, str]]) -> Key | None:
    header = call.headers.get("authorization", "")
    given = dict(query)
    if header.startswith("OAuth "):
        pairs = re.findall(r'(\w+)="([^"]*)"', header)
        signed = [(name, unquote(value)) for name, value in pairs if name != "realm"]
        given |= dict(signed)
        query = query + signed
    names = [f"oauth_{name}" for name in SIGNED]
    if not any(name in given for name in names):
        return None
    if missing := [name for name in names if name not in given]:
        raise _wrong(f"Missing OAuth parameter {missing[0]}")
    key = keys.get(given["oauth_consumer_key"])
    if key is None:
        raise _wrong("Consumer key is invalid.")
    _check_signature(shop, key, call, query, given)
    _check_nonce(shop, given)
    return key


def _check_signature(
    shop: Shop, key: Key, call: Call, query: list[tuple[str, str]], given: Mapping[str, str]
) -> None:
    method = given["oauth_signature_method"].upper()
    if method not in HASHES:
        raise _wrong("Invalid signature - signature method is invalid.")
    # Signed is the shop's own address whatever the client called it; arrays get an index.
    address = shop.url + urlsplit(call.target).path
    signed = [(n.replace("[]", "[0]"), v) for n, v in query if n != "oauth_signature"]
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in signed)
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    text = "&".join(quote(part, safe="~") for part in (call.method, address, joined))
    seal = hmac.new(f"{key.secret}&".encode(), text.encode(), HASHES[method]).digest()
    expected = base64.b64encode(seal)
    if not hmac.compare_digest(expected, given["oauth_signature"].encode()):
        raise _wrong("Invalid signature - provided signature does not match.")


def _check_nonce(shop: Shop, given: Mapping[str, str]) -> None:
    now, stamp = shop.now(), given["oauth_timestamp"]
    if not stamp.isdecimal() or abs(now - int(stamp)) > WINDOW:
        raise _wrong("Invalid timestamp.")
    used = hashlib.sha256(f"{given['oauth_consumer_key']}/{given['oauth_nonce']}".encode())
    with shop.store.begin() as db:
        db.execute("DELETE FROM nonces WHERE at < ?", (now - 2 * WINDOW,))
        new = db.execute("INSERT OR IGNORE INTO nonces VALUES (?, ?)", (used.hexdigest(), now))
    if new.rowcount == 0:
        raise _wrong("Invalid nonce - nonce has already been used.")
