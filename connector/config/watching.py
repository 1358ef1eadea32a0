"""The keys that say what others see of the daemon."""

from __future__ import annotations

from connector import spelled
from connector.configured import Web
from connector.forms import Form, Key, section, text

WEB: Form = {
    "listen": Key(text(spelled.listen), "where health, metrics and webhooks are served"),
}
WATCHED = section(WEB, lambda got: Web(**got))
