"""The process that analyzes what is dropped on the page: ``python -m daemon.predictor.worker FD SETTING``.

It loads the bundle, says that it is ready, and then answers one file after another. Its priority is the
lowest there is, so that views that came from the PACS go first. It ends when nobody can ask it any more.
"""

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from daemon.pipeline.files import analyze_file
from daemon.predictor.messages import MAX_MESSAGE_BYTES, Greeting, Task, WorkerSetting, to_memory
from daemon.process.lifeline import end_with_supervisor
from dicom_io.decoding.decoder import Decoder
from dicom_io.errors import DicomIoError
from models.bundle.loading import load_bundle
from models.engines.device import choose_device
from models.ensemble import Ensemble, open_ensemble
from models.errors import ModelError
from models.picture import READER

_LOWEST_PRIORITY = 19


def main() -> None:
    """Serve until the process that asks is gone."""
    end_with_supervisor()
    os.nice(_LOWEST_PRIORITY)
    setting = WorkerSetting.from_text(sys.argv[2])
    with (
        socket.socket(fileno=int(sys.argv[1])) as asked,
        Decoder(picture_reader=READER) as decoder,
        suppress(BrokenPipeError, ConnectionResetError),  # who asks is gone
    ):
        try:
            ensemble = _ready_ensemble(setting)
            decoder.wait_until_ready()
        except (ModelError, DicomIoError, OSError) as error:
            asked.send(Greeting(problem=str(error)).to_bytes())
            return
        asked.send(Greeting(digest=ensemble.identity.digest).to_bytes())
        _serve(asked, setting, decoder, ensemble)


def _ready_ensemble(setting: WorkerSetting) -> Ensemble:
    device = choose_device(setting.device)
    ensemble = open_ensemble(load_bundle(setting.bundle, device=device), device)
    # The first pass prepares what later ones use; nobody waits for it yet.
    ensemble.read(np.zeros((1, *ensemble.preprocessing.input_size), dtype=np.float32))
    return ensemble


def _serve(asked: socket.socket, setting: WorkerSetting, decoder: Decoder, ensemble: Ensemble) -> None:
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked, MAX_MESSAGE_BYTES, 1)
        if not message:
            return
        (descriptor,) = descriptors
        try:
            found = analyze_file(
                Path(f"/proc/self/fd/{descriptor}"),
                decoder,
                ensemble,
                operating_point=setting.operating_point,
                study=setting.study,
                is_picture=Task.from_bytes(message).is_picture,
            )
        finally:
            os.close(descriptor)
        memory = to_memory(found)
        socket.send_fds(asked, [b"found"], [memory])
        os.close(memory)


if __name__ == "__main__":
    main()
