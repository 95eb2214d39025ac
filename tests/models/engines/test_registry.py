import pytest

from models.engines.registry import open_engine
from tests.models.fake_engine import bundle_without_weights


def test_an_engine_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="one of torch, openvino, not 'abacus'"):
        open_engine(bundle_without_weights(), device="cpu", name="abacus")
