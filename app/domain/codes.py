"""The codes that callers may be told of: of warnings all, of work items those that LENS itself opens."""

from typing import Annotated

import msgspec

WARNINGS = (
    "address-blank",
    "address-facility",
    "address-no-unit",
    "address-over-used",
    "character-replaced",
    "fbi-number-check-digit",
    "fbi-number-form",
    "fbi-number-missing",
    "looks-like-an-instruction",
    "name-blank",
    "name-long",
    "released-in-future",
    "unknown-charge-code",
    "unknown-charge-status",
    "unknown-eyes",
    "unknown-hair",
    "unknown-hold",
    "unknown-place-of-birth",
    "unknown-race",
    "unknown-release-reason",
    "unknown-release-state",
    "unknown-residence-state",
    "unknown-sex",
    "unknown-stay-ended",
)
"""Every code of a warning."""

WORK_ITEMS = (
    "dead-letter",
    "engine-disagreement",
    "feed-count",
    "feed-silent",
    "inbound-flood",
    "inquiry",
    "message-too-long",
    "network-rejected",
    "no-ori",
    "no-residence-state",
    "ori-not-confirmed",
    "release-id-taken",
    "review",
    "surge",
    "unmatched-inbound",
)
"""The codes of work items that LENS and the shipped rulebook open; another rulebook may have codes of its own."""

WarningCode = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(WARNINGS)})]
"""Which warning it is."""

WorkItemCode = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={
            "anyOf": [
                {"type": "string", "enum": list(WORK_ITEMS)},
                {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,39}$"},
            ]
        },
    ),
]
"""What kind of work it is: one of those known here, or a code of the rulebook's own."""
