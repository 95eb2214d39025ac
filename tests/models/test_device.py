import pytest
import torch

from models.device import choose_device
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
