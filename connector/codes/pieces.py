"""What is wrong with a field, a piece of a page or a payload."""

from __future__ import annotations

from collections.abc import Mapping

# What is wrong with a field, a piece of a page or a payload; each occurrence names place and cure.
PIECES: Mapping[str, str] = {
    "missing": "A needed value is not there.",
    "no_member": "A mapping names a member that the payload does not have.",
    "not_text": "Text is needed, and something else stands there.",
    "not_a_number": "An exact decimal number is needed.",
    "not_a_time": "A time of ISO 8601 is needed.",
    "naive_time": "A time says no zone, so it names no moment.",
    "no_zone": "A zone is needed, and none is named.",
    "not_a_flag": "True or false is needed.",
    "not_a_code": "A code of a standard (country, currency, language) is needed.",
    "not_in_list": "The value is not one of the closed list of the canonical document.",
    "wrong_type": "A value of another kind is needed.",
    "wrong_reference": "It names another entity than it should, or nothing.",
    "no_reference": "The document names nothing to look up in the target.",
    "no_match": "No row of the other list belongs to this element.",
    "unmapped": "A table has no row for this value.",
    "ambiguous_row": "Several rows of a table lead to this value, so it leads back to none.",
    "no_quantity": "A line of quantity 0 has no unit price.",
    "no_rate": "A line has tax, but the source names no rate for it.",
    "several_rates": "A line has several tax rates where the target takes one.",
    "not_json": "It is not JSON, or holds what JSON has no form for.",
    "unparseable": "It is neither the JSON nor the XML that it should be.",
    "not_an_object": "A JSON object is needed.",
    "not_a_tree": "The contract declares members here.",
    "kills_reader": "Whoever reads it dies of it: correct it at its source, then retry it.",
    "no_key": "A row without a key: it cannot even be named.",
    "too_many": "The contract takes one value here.",
    "unknown_field": "The contract declares no such field.",
    "unordered": "A repeated group of the schema that we cannot write yet.",
    "not_listed": "The schema lists the values of this field; this is none: add a table.",
    "not_the_pattern": "The schema gives this field a pattern that the value does not match.",
    "too_long": "The schema allows fewer characters here: shorten it with `cut`.",
    "out_of_bounds": "The schema bounds this value: its least, its most or its digits.",
    "foreign_address": "The system led to another host than the connection's: not followed.",
    "schema": "The schema of the WSDL refuses this element of a message.",
    "unknown_type": "`$type` names no type of the contract, or more than one.",
    "no_pairs": "`$pairs` stands where the schema has no list of two members.",
    "not_one_root": "`$xml` needs exactly one element around all others.",
    "no_action": "The mapping has no such action for this entity.",
    "no_step": "The mapping has no such step in the action.",
    "not_updatable": "The mapping cannot change this field once the document is there.",
}
