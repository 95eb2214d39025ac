import pytest
import torch

from models.engines.device import choose_device, repeatable
from models.errors import DeviceUnavailable


def test_cpu_is_always_there():
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize(("present", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_the_gpu_where_there_is_one(monkeypatch, present, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present)

    assert choose_device("auto") == device


def test_missing_gpu_is_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(DeviceUnavailable, match=r'expected an NVIDIA GPU.*"auto" or "cpu"'):
        choose_device("cuda")


def test_device_by_another_word_is_refused():
    with pytest.raises(ValueError, match="'gpu'"):
        choose_device("gpu")


@pytest.mark.parametrize("exact", [True, False])
def test_gpu_repeats_itself_and_agrees_with_a_cpu_where_asked(exact: bool):
    def settings() -> tuple[bool, bool, bool]:
        cudnn = torch.backends.cudnn
        return cudnn.deterministic, not cudnn.benchmark, not cudnn.allow_tf32

    before = settings()
    with repeatable(exact=exact):
        assert settings() == (True, True, exact)
    assert settings() == before
