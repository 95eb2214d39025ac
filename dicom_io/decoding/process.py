"""The process in which bytes of strangers are decoded: ``python -m dicom_io.decoding.process FD [READER]``.

This module loads what decoding needs and then waits. For each view it forks a child, which gets the open file
and nothing else, works under limits of memory and time, and ends with its view. So a decoder that aborts,
hangs or writes where it must not harms one view, and no view is decoded in memory that held another one.

The other end is `dicom_io.decoding.decoder`. A request is one message with two descriptors: the file, and the
socket for its answer. The answer is one message, with the descriptor of the memory that holds the view.

Pictures such as PNG are no business of this package, but of this process: READER names the function that
reads them, as ``module:name``; it is a `dicom_io.decoding.pictures.PictureReader`.
"""

import gc
import os
import resource
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from errno import EIO
from importlib import import_module
from typing import BinaryIO, NoReturn

import imagecodecs
import numpy as np

from dicom_io.decoding.messages import MAX_MESSAGE_BYTES, Answer, Limits, Request
from dicom_io.decoding.pictures import PictureReader, picture_stored, picture_view, read_samples
from dicom_io.decoding.pixels import read_stored, read_view
from dicom_io.defects import Defect
from dicom_io.errors import UndecodablePixels


@dataclass(frozen=True, slots=True)
class _Child:
    """A process that decodes a view, and where its answer is awaited."""

    process_id: int
    answers: socket.socket


def main() -> None:
    """Serve until the process that asks is gone."""
    # Decoders are loaded when they are first used: once here, not once in each child.
    for decoder in ("jpeg8_decode", "jpegls_decode", "jpeg2k_decode", "packbits_decode"):
        getattr(imagecodecs, decoder)
    read_picture = _picture_reader(*sys.argv[2:3])
    gc.freeze()  # what is here stays; a collection in a child would copy all of it
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        with suppress(OSError):  # who asks is gone
            requests.send(b"ready")
        _serve(requests, read_picture)


def _picture_reader(name: str = "") -> PictureReader | None:
    if not name:
        return None
    module, _, function = name.partition(":")
    reader: PictureReader = getattr(import_module(module), function)
    return reader


def _serve(requests: socket.socket, read_picture: PictureReader | None) -> None:
    children: set[_Child] = set()
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if isinstance(key.data, _Child):
                    selector.unregister(key.fileobj)
                    os.close(key.fd)
                    children.remove(key.data)
                    _bury(key.data)
                    continue
                message, descriptors, _, _ = socket.recv_fds(requests, MAX_MESSAGE_BYTES, 2)
                if not message:
                    _end(children)
                    return
                others = [requests, *(child.answers for child in children)]
                child = _fork(Request.from_bytes(message), read_picture, descriptors, others)
                children.add(child)
                selector.register(os.pidfd_open(child.process_id), selectors.EVENT_READ, child)


def _fork(
    request: Request,
    read_picture: PictureReader | None,
    descriptors: list[int],
    others: list[socket.socket],
) -> _Child:
    file, answers = descriptors[0], socket.socket(fileno=descriptors[1])
    process_id = os.fork()
    if process_id == 0:
        for other in others:
            other.close()
        _work(request, read_picture, file, answers)
    os.close(file)
    return _Child(process_id, answers)


def _bury(child: _Child) -> None:
    """Answer in the place of a child that could not."""
    _, status = os.waitpid(child.process_id, 0)
    if os.WIFSIGNALED(status):
        _send(child.answers, Answer(signal=os.WTERMSIG(status)))
    child.answers.close()


def _end(children: set[_Child]) -> None:
    """End what is still decoding; nobody waits for it."""
    for child in children:
        os.kill(child.process_id, signal.SIGKILL)


def _work(
    request: Request, read_picture: PictureReader | None, file: int, answers: socket.socket
) -> NoReturn:
    """Decode one view and end."""
    most = request.limits.memory_bytes
    try:
        _limit(request.limits)
        with open(file, "rb") as stream:
            answer, data = _read(request, read_picture, stream)
        memory = _in_memory(data)
    except UndecodablePixels as error:
        _send(answers, Answer(defect=error.defect, details=dict(error.details)))
    except MemoryError:
        _send(answers, Answer(defect=Defect.DECODING_TOO_LARGE, details={"most_bytes": most}))
    except OSError as error:
        _send(answers, Answer(errno=error.errno or EIO))
    except Exception as error:  # noqa: BLE001  the edge of the process; the words may quote a patient
        _send(answers, Answer(defect=Defect.DECODING_FAILED, details={"exception": type(error).__name__}))
    else:
        _send(answers, answer, memory)
    finally:
        os._exit(0)  # nothing that the parent process has prepared for its own end happens here


def _read(
    request: Request, read_picture: PictureReader | None, stream: BinaryIO
) -> tuple[Answer, bytes | memoryview]:
    """Return the answer, and what goes with it in memory."""
    most = request.limits.max_pixels
    if request.picture:
        samples = read_samples(read_picture, stream, most)
        if request.stored:
            return Answer(), picture_stored(samples).to_bytes()
        view = picture_view(samples)
    elif request.stored:
        return Answer(), read_stored(stream, max_pixels=most).to_bytes()
    else:
        view = read_view(stream, max_pixels=most)
    rows, columns = view.image.shape
    pixels = np.ascontiguousarray(view.image).data
    return Answer(rows=rows, columns=columns, pixel_aspect=view.pixel_aspect), pixels


def _limit(limits: Limits) -> None:
    """Let the kernel end this process where it takes too much; no image is left behind in a core dump."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    signal.alarm(limits.wall_seconds)


def _in_memory(data: bytes | memoryview) -> int:
    """Return the descriptor of memory that holds `data`."""
    memory = os.memfd_create("view")
    with open(memory, "wb", closefd=False) as stream:
        stream.write(data)
    return memory


def _send(answers: socket.socket, answer: Answer, *descriptors: int) -> None:
    with suppress(OSError):  # who asked is gone, and so is the need for an answer
        socket.send_fds(answers, [answer.to_bytes()], descriptors)


if __name__ == "__main__":
    main()
