"""The limits on the size of builds."""

from __future__ import annotations

from uuid import uuid4

import pytest

from headrace.builds.build import Build
from headrace.builds.build_storage import BuildStorage, BuildTooLargeError
from headrace.settings.limits import LimitSettings


def test_a_build_beyond_the_share_of_its_user_is_stopped_with_a_message_about_the_share() -> None:
    limits = LimitSettings(
        HEADRACE_MAX_BUILD_BYTES=1_000_000,
        HEADRACE_MAX_USER_BUILD_BYTES=1_000_000,
        HEADRACE_MAX_ALL_BUILD_BYTES=1_000_000,
    )
    storage = BuildStorage(limits)
    build = Build(uuid4(), uuid4(), "ann", uuid4(), "session")
    storage.add(build)
    storage.append(build, b"x" * 700_000)
    with pytest.raises(BuildTooLargeError) as error:
        storage.append(build, b"x" * 200_000)
    assert error.value.message == (
        "The build was stopped because the events of this user's builds exceed the user's share of the 1.0 MB for the events of "
        "all builds. Send less data through the flow, or ask an operator to raise HEADRACE_MAX_ALL_BUILD_BYTES."
    )
