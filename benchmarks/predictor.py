"""How long a person waits for the predictor: ``python -m benchmarks.predictor``.

Starts ``ulna predictor``, waits for the models, and drops one radiograph of 3000 x 2500 pixels again and
again: the time from the first byte of the file to the last of the page and the pixels. Cold is the same with
the time in which the program starts and the models load.
"""

import re
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from tests.factories import encode, make_instance

SAMPLE = Path(__file__).parents[1] / "daemon/demo/samples/hand-left-ap.jpg"
TIMES = 5


def radiograph() -> bytes:
    picture = Image.open(BytesIO(SAMPLE.read_bytes())).convert("L").resize((2500, 3000))
    return encode(make_instance(pixels=np.asarray(picture).astype(np.uint16) * 16))


def drop(client: httpx.Client, content: bytes) -> list[float]:
    """Return the seconds until the file is taken, judged, shown, and its pixels are here."""
    begun, marks = time.monotonic(), []
    token = client.post("/predictor/uploads", content=content).json()["token"]
    marks.append(time.monotonic() - begun)
    address = client.post(f"/predictor/{token}/prediction").json()["address"]
    marks.append(time.monotonic() - begun)
    client.get(address).raise_for_status()
    marks.append(time.monotonic() - begun)
    client.get(f"{address}/views/1/pixels").raise_for_status()
    marks.append(time.monotonic() - begun)
    return marks


def main() -> None:
    content, begun = radiograph(), time.monotonic()
    command = [sys.executable, "-u", "-m", "daemon", "predictor", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        address = re.findall(r"http://[^/]+", line)[0]
        with httpx.Client(base_url=address, headers={"Origin": address}, timeout=120) as client:
            print("seconds until:  taken  judged  shown  pixels")
            for number in range(TIMES + 1):
                marks = drop(client, content)
                name = (
                    "warm"
                    if number
                    else f"cold (started {time.monotonic() - begun - marks[-1]:.1f} s before)"
                )
                print(f"{'  '.join(f'{mark:6.2f}' for mark in marks)}  {name}")
        program.terminate()


if __name__ == "__main__":
    main()
