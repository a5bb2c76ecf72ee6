"""What is generated is what its source gives, and the sources keep the rules."""

import pytest

from course import verify


@pytest.mark.authors
def test_the_checkout_is_as_its_sources_say():
    assert verify.run() == []
