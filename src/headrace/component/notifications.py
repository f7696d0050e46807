"""The hidden field through which Listen components receive the values of Notify components."""

from __future__ import annotations

#: The key in a Listen component's values. No template has a field of this name.
NOTIFICATIONS_FIELD = "__notifications__"
