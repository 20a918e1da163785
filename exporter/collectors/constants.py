"""Constants that collectors share."""

from __future__ import annotations

import math

# The value of a sample that is not known: its series is absent.
UNKNOWN = math.nan

# Label values that are not names.
OTHER = "other"  # the sum of what is beyond max_endpoints or max_keys
UNATTRIBUTED = "unattributed"  # usage by deleted keys, or by members who left

USD_DECIMALS = 9  # what remains of a subtraction of amounts beyond these is noise

SHORT_HASH = 12  # digits of a key's hash in a label
