"""``ulna predictor``: the predictor's page alone."""

import argparse
import signal
import time
import webbrowser
from contextlib import closing

from daemon import logs
from daemon.app import product
from daemon.clock import now
from daemon.commands.console import console
from daemon.config.bundle_check import require_usable
from daemon.config.page_address import loopback
from daemon.config.sections import Analysis, Study
from daemon.predictor.messages import WorkerSetting
from daemon.predictor.predictor import Predictor
from daemon.web.app import create_predictor_app
from daemon.web.server import WebServer
from daemon.web.sources import Sources
from daemon.web.stated import StatedBundle, stated_bundle
from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder

_PORT = 8042
_HIGHEST_PORT = 65535
_LOOK_SECONDS = 0.2
_FORGET_SECONDS = 5.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--host", type=_host, default="127.0.0.1", help="where to listen, an address of this machine alone"
    )
    parser.add_argument(
        "--port", type=_port, default=_PORT, help=f"TCP port (default: {_PORT}; 0: any that is free)"
    )
    parser.add_argument(
        "--bundle",
        type=bundle_folder,
        default=bundle_folder(DEFAULT_BUNDLE),
        metavar="BUNDLE",
        help=f"name or folder (default: {DEFAULT_BUNDLE})",
    )
    parser.add_argument(
        "--allow-untrained",
        action="store_true",
        help="accept a bundle of random weights; its numbers mean nothing",
    )
    parser.add_argument(
        "--device", choices=["auto", "cpu", "cuda"], default="auto", help="where the networks run"
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser of this desktop")
    parser.epilog = (
        "Serves one page on this machine: drop a DICOM, PNG or JPEG radiograph on it, or the files of one\n"
        "study, and see what each member of the ensemble finds, and where. Needs no configuration, store or\n"
        "PACS and writes nothing: files are kept in memory and forgotten 30 minutes after their last use.\n"
        "Ctrl-C ends it. Not for diagnostic use.\n"
        "\n"
        "examples:\n"
        "  ulna predictor\n"
        "  ulna predictor --port 0 --open\n"
        "  ulna predictor --bundle ./my-bundle --device cpu"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    for each in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with the first ignored
        signal.signal(each, signal.default_int_handler)
    logs.set_up(level="warning", format_="text", stage="predictor")
    analysis = Analysis(bundle=options.bundle, allow_untrained=options.allow_untrained, device=options.device)
    bundle = stated_bundle(analysis.bundle, analysis.operating_point)
    require_usable(bundle.identity, analysis)
    setting = WorkerSetting.of(analysis, Study())
    with closing(Predictor(setting, bundle.identity)) as predictor, closing(Sources()) as sources:
        app = create_predictor_app(predictor, bundle, product=product(), sources=sources, clock=now)
        server = WebServer(app, options.host, options.port)
        predictor.start()  # the models are loaded while a person opens the page
        try:
            address = _address(options.host, server.start())
            _announce(address, bundle, is_opened=options.open)
            _wait_for_models(predictor)
            while server.running:
                time.sleep(_FORGET_SECONDS)
                predictor.forget_old()
                sources.forget_old()
        except KeyboardInterrupt:
            console().print("stopping")
        finally:
            server.stop()
    return 0


def _announce(address: str, bundle: StatedBundle, *, is_opened: bool) -> None:
    say = console()
    say.print(f"predictor: {address}   Ctrl-C ends it", soft_wrap=True)
    say.print(f"{bundle.identity.label}; not for diagnostic use")
    if is_opened:
        webbrowser.open(address)


def _wait_for_models(predictor: Predictor) -> None:
    say, begun = console(), time.monotonic()
    with say.status("loading the models"):
        while not (predictor.loading.is_ready or predictor.loading.problem):
            time.sleep(_LOOK_SECONDS)
    problem = predictor.loading.problem
    say.print(problem or f"the models are ready after {time.monotonic() - begun:.1f} s", markup=False)


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/predictor" if ":" in host else f"http://{host}:{port}/predictor"


def _host(text: str) -> str:
    try:
        return loopback(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from error


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= _HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no TCP port; give a number from 0 to {_HIGHEST_PORT}")
    return int(text)
