"""What we rely on below pynetdicom's interface: that it is there, and means what we take it to mean.

When a new pynetdicom breaks one of these tests, the module that is named must be looked at; when it makes a
reach needless (a test of the reason fails), the reach goes.
"""

import ast
import importlib
import inspect
import pkgutil
import socket
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pynetdicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, _config, evt, fsm
from pynetdicom.acse import ACSE
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dul import DULServiceProvider
from pynetdicom.presentation import build_context
from pynetdicom.transport import AssociationServer, AssociationSocket, RequestHandler

import dicom_io.network
from dicom_io.network import transport
from dicom_io.network.acceptor import Acceptor
from dicom_io.network.connection import Connection
from dicom_io.network.filing import FilingDimse, IncomingDataSet
from dicom_io.network.transport import BoundedSocket, Timeouts, application_entity
from tests.dicom_io.peers import DX, make_settings
from tests.factories import uid

PRIVATE_NAMES = {
    "_config": "transport: the options of a process have no other door",
    "_create_socket": "transport: nothing else lets a requestor have a socket of ours",
    "_shutdown_socket": "transport: the original leaves a socket open that the peer has reset",
}
"""Every private name of pynetdicom that the product uses, and why."""

SIGNATURES: list[tuple[Callable[..., object], tuple[str, ...]]] = [
    (AE._create_socket, ("self", "assoc", "address", "tls_args")),
    (AssociationSocket.__init__, ("self", "assoc", "client_socket", "address")),
    (AssociationSocket.recv, ("self", "nr_bytes")),
    (AssociationSocket.send, ("self", "bytestream")),
    (AssociationSocket._shutdown_socket, ("self",)),
    (Association.__init__, ("self", "ae", "mode")),
    (Association.set_socket, ("self", "socket")),
    (Association.abort, ("self", "block")),
    (Association.kill, ("self",)),
    (ACSE.send_reject, ("self", "result", "source", "diagnostic")),
    (DIMSEServiceProvider.__init__, ("self", "assoc")),
    (DIMSEServiceProvider.receive_primitive, ("self", "primitive")),
    (DIMSEServiceProvider.get_msg, ("self", "block")),
    (DIMSEServiceProvider.send_msg, ("self", "primitive", "context_id")),
    (DULServiceProvider.receive_pdu, ("self", "wait", "timeout")),
    (AssociationServer.process_request, ("self", "request", "client_address")),
]

MODULES = [
    importlib.import_module(f"dicom_io.network.{module.name}")
    for module in pkgutil.iter_modules(dicom_io.network.__path__)
]


def our_subclasses() -> Iterator[tuple[type, type]]:
    """Give each class of ours that stands on one of pynetdicom, and that one."""
    for module in MODULES:
        for ours in vars(module).values():
            if isinstance(ours, type) and ours.__module__ == module.__name__:
                for base in ours.__mro__[1:]:
                    if base.__module__.startswith("pynetdicom"):
                        yield ours, base


def own_attributes(cls: type) -> set[str]:
    """Return the names that the methods of a class give attributes of `self`, and the names it defines."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    stored = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    return stored | set(vars(cls))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names(source: str) -> Iterator[str]:
    """Give the private names that a module imports from pynetdicom, or takes from what is not `self`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pynetdicom"):
            yield from filter(is_private, (node.module or "").split("."))
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in alias.name.split(".") if is_private(part))
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and ast.unparse(node.value) != "self":
            yield node.attr


def test_no_other_private_name_is_used():
    used = {name for module in MODULES for name in private_names(inspect.getsource(module))}
    overridden = {
        name
        for ours, base in our_subclasses()
        for name in own_attributes(ours) & own_attributes(base)
        if is_private(name)
    }
    assert used | overridden == set(PRIVATE_NAMES)


def test_the_search_finds_private_names_in_each_form():
    source = (
        "from pynetdicom import _config\nimport pynetdicom._handlers\nassociation._server = None\nself._x = 1"
    )
    assert set(private_names(source)) == {"_config", "_handlers", "_server"}


@pytest.mark.parametrize(
    ("function", "parameters"), SIGNATURES, ids=lambda value: getattr(value, "__qualname__", "")
)
def test_signature_is_the_one_that_is_overridden_or_called(function, parameters):
    assert tuple(inspect.signature(function).parameters) == parameters


def test_every_override_still_overrides_something():
    public = {
        (ours.__name__, name)
        for ours, _ in our_subclasses()
        for name in vars(ours)
        if not name.startswith("_")
    }
    inherited = {
        (ours.__name__, name) for ours, base in our_subclasses() for name in vars(ours) if hasattr(base, name)
    }
    own = {
        ("FilingDimse", "discard"),
        ("FilingDimse", "discard_all"),
        ("RequestorSocket", "is_stuck"),
        ("RequestorSocket", "progress"),
        ("_Listener", "verify_request"),  # socketserver's, through pynetdicom's
    }
    assert public - own <= inherited


@pytest.mark.parametrize(
    ("event", "meaning"),
    [
        ("Evt5", "Transport connection indication"),
        ("Evt17", "Transport connection closed"),
        ("Evt19", "Unrecognized or invalid PDU received"),
    ],
)
def test_events_have_the_meaning_of_ps3_8(event, meaning):
    assert meaning.lower() in fsm.EVENTS[event].lower()


def test_options_of_the_process_are_where_they_are_set():
    application_entity("ULNA", Timeouts())
    assert _config.LOG_HANDLER_LEVEL == "none"
    assert _config.STORE_SEND_CHUNKED_DATASET is True
    assert (
        evt.EVT_PDU_RECV not in Association(AE(), mode="acceptor").get_events()
    )  # nobody describes PDUs in the log


def test_what_typed_errors_tell_is_logged_where_the_filter_looks():
    for logger, function in transport._TOLD_BY_ERRORS.items():
        owner = {"pynetdicom.transport": AssociationSocket, "pynetdicom.acse": ACSE}[logger]
        assert "LOGGER.error" in inspect.getsource(getattr(owner, function))
        assert owner.__module__ == logger


def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_requestor_gets_our_socket_and_closes_it_our_way(monkeypatch):
    closed: list[object] = []
    shut_down = transport.RequestorSocket._shutdown_socket

    def note(own: transport.RequestorSocket) -> None:
        closed.append(own)
        shut_down(own)

    monkeypatch.setattr(transport.RequestorSocket, "_shutdown_socket", note)
    entity = application_entity("ULNA", Timeouts(connect_seconds=2.0))
    association = entity.associate("127.0.0.1", unused_port(), contexts=[build_context(DX)])
    assert isinstance(association.dul.socket, transport.RequestorSocket)
    assert set(closed) == {association.dul.socket}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A connection that was accepted and not served yet."""
    acceptor = Acceptor(make_settings(tmp_path / "incoming"), lambda _: pytest.fail("nothing is stored"))
    entity = application_entity("ULNA", Timeouts())
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
    ):
        request, address = server.accept()
        with request:
            yield Connection(acceptor, request, address, entity)


def facts(association: Association) -> dict[str, object]:
    """Return what a server sets in an association that it makes."""
    users = {"acceptor": association.acceptor, "requestor": association.requestor}
    names = ("ae_title", "maximum_length", "implementation_class_uid", "implementation_version_name")
    found = {(user, name): getattr(users[user], name) for user in users for name in names}
    return {
        **{" ".join(key): value for key, value in found.items()},
        "addresses": {user: each.address_info and each.address_info.as_tuple for user, each in users.items()},
        "contexts": association.acceptor.supported_contexts,
        "mode": association.mode,
        "events": list(association.dul.event_queue.queue),
        "handlers": association.get_events(),
    }


def test_an_association_of_ours_is_what_their_server_would_make(connection):
    server = AssociationServer(connection.entity, ("127.0.0.1", 0), connection.entity.ae_title, [])
    try:
        theirs = object.__new__(RequestHandler)  # the constructor would serve the connection
        theirs.request, theirs.client_address = connection.request, connection.client_address
        theirs.server = server
        server.server_address = connection.request.getsockname()
        expected = facts(theirs._create_association())
    finally:
        server.server_close()
    ours = connection._new_association()
    assert facts(ours) == expected
    assert expected["events"] == ["Evt5"]
    assert isinstance(ours.dul.socket, BoundedSocket)


def test_nobody_waits_for_a_request_when_none_is_in_the_queue(connection):
    association = connection._new_association()
    association.dul.to_user_queue.put(None)
    started = time.monotonic()
    assert association.dul.receive_pdu(wait=True, timeout=10.0) is None
    assert time.monotonic() - started < 5.0


def store_request(data_set: bytes) -> C_STORE_RQ:
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = DX
    request.AffectedSOPInstanceUID = uid(1, 1, 1)
    request.Priority = 0
    request.DataSet = BytesIO(data_set)
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    return message


def test_a_data_set_is_written_to_what_stands_in_the_message(connection, tmp_path):
    association = connection._new_association()
    context = build_context(DX, ImplicitVRLittleEndian)
    context.context_id = 1
    association._accepted_cx = {1: context}
    association.requestor.ae_title = "PACS"
    dimse = FilingDimse(association, incoming_dir=tmp_path / "incoming", max_instance_bytes=1000)
    data_set = bytes(range(200))
    for primitive in store_request(data_set).encode_msg(1, 64):
        assert dimse.msg_queue.empty()
        dimse.receive_primitive(primitive)
    context_id, request = dimse.msg_queue.get_nowait()
    assert context_id == 1
    assert isinstance(request, C_STORE)
    received = request.DataSet
    assert isinstance(received, IncomingDataSet)  # the object itself, not a copy of its bytes
    assert received.complete().read_bytes().endswith(data_set)
    assert dimse.message is None
    dimse.discard_all()


def test_the_reactor_would_take_a_response_away(connection):
    # The reason for `responses.Responses`: whoever asks first, waiting or not, gets the message.
    dimse = DIMSEServiceProvider(connection._new_association())
    assert dimse.get_msg() == (None, None)
    response = C_STORE()
    dimse.msg_queue.put((1, response))
    assert dimse.get_msg(block=False) == (1, response)


def test_a_request_would_count_as_sent_when_it_is_queued(connection):
    # The reason why `responses.Responses` looks at the socket: nothing tells when the last byte has left.
    association = connection._new_association()
    association.acceptor.maximum_length = association.requestor.maximum_length = 64
    request = C_STORE()
    request.MessageID, request.Priority = 1, 0
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = DX, uid(1, 1, 1)
    request.DataSet = BytesIO(bytes(1000))
    DIMSEServiceProvider(association).send_msg(request, 1)
    assert association.dul.to_provider_queue.qsize() > 10


def test_their_server_would_strike_itself_off_a_list(connection):
    # The reason for `acceptor._Listener.shutdown`.
    server = AssociationServer(connection.entity, ("127.0.0.1", 0), "ULNA", [])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    with pytest.raises(ValueError, match="not in list"):
        server.shutdown()
    thread.join(5.0)
    assert not thread.is_alive()


def test_a_reset_connection_would_stay_open():
    # The reason for `transport.RequestorSocket._shutdown_socket`: a failed shutdown leaves out the close.
    class Reset:
        is_closed = False

        def shutdown(self, _how: int) -> None:
            raise OSError

        def close(self) -> None:
            self.is_closed = True

    theirs, ours = (object.__new__(cls) for cls in (AssociationSocket, transport.RequestorSocket))
    for one in (theirs, ours):
        one.socket = Reset()  # type: ignore[assignment]
        one._shutdown_socket()
    assert theirs.socket is not None
    assert not theirs.socket.is_closed  # type: ignore[attr-defined]
    assert ours.socket is not None
    assert ours.socket.is_closed  # type: ignore[attr-defined]


def test_the_pinned_version_is_the_one_that_is_installed():
    pins = (Path(__file__).parents[3] / "requirements.lock").read_text(encoding="utf-8")
    assert f"pynetdicom=={pynetdicom.__version__} " in pins
