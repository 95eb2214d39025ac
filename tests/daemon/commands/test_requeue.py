"""``ulna requeue``: one study, one destination, all of them; what it says and how it ends."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.store.database import Store
from daemon.store.dead_letters import dead_letters
from tests.daemon import store_factory
from tests.factories import uid

DESTINATIONS = "".join(
    f'[[destinations]]\nname = "{name}"\nae_title = "{name.upper()}"\nhost = "127.0.0.1"\nport = 104\n'
    for name in ("pacs", "viewer")
)

Requeue = Callable[..., tuple[int, str, str]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = store_factory.sqlite_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def requeue(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Requeue:
    """Run the command; return its exit status, what it says, and what it complains of."""
    config = tmp_path / "config.toml"
    config.write_text(f'[storage]\ndata_dir = "{tmp_path}"\n{DESTINATIONS}')

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["requeue", "--config", str(config), *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def refuse(store: Store, *destinations: str, studies: int = 2) -> None:
    for number in range(1, studies + 1):
        store_factory.reported_study(store, number, destinations=destinations)
    for destination in destinations:
        store_factory.refuse_all(store, reason="refused", destination=destination)


def test_one_study_is_tried_again(store: Store, requeue: Requeue) -> None:
    refuse(store, "pacs")
    assert requeue(uid(1)) == (0, "2 deliveries are due again\n", "")
    assert dead_letters(store).sendable == {"pacs": 2}


def test_all_of_one_destination_is_tried_again(store: Store, requeue: Requeue) -> None:
    refuse(store, "pacs", "viewer")
    assert requeue("--destination", "pacs") == (0, "4 deliveries are due again\n", "")
    assert dead_letters(store).sendable == {"viewer": 4}


def test_all_of_all_destinations_is_tried_again(store: Store, requeue: Requeue) -> None:
    refuse(store, "pacs", "viewer")
    assert requeue("--all") == (0, "8 deliveries are due again\n", "")
    assert dead_letters(store).sendable == {}


def test_nothing_to_try_again_is_said_and_no_failure(requeue: Requeue) -> None:
    assert requeue("--all") == (0, "no dead letter can be sent again\n", "")


def test_an_unknown_destination_is_named_with_the_one_that_was_meant(store: Store, requeue: Requeue) -> None:
    refuse(store, "pacs")
    status, _, complaint = requeue("--destination", "pasc")
    assert (status, complaint) == (1, "ulna requeue: no destination 'pasc'; did you mean pacs?\n")
    assert requeue("--destination", "x")[2] == (
        "ulna requeue: no destination 'x'; the configuration names: pacs, viewer\n"
    )
    assert dead_letters(store).sendable == {"pacs": 4}


def test_letters_to_a_destination_that_is_gone_stay_and_are_told(store: Store, requeue: Requeue) -> None:
    refuse(store, "pacs", "old")
    assert requeue("--all") == (
        1,
        "4 deliveries are due again\n4 to old stay: the configuration names no such destination\n",
        "",
    )
    assert dead_letters(store).sendable == {"old": 4}


def test_letters_of_a_study_of_two_patients_stay_and_are_told(store: Store, requeue: Requeue) -> None:
    refuse(store, "pacs", "viewer")
    other = store_factory.identity(1, patient_id="OTHER")
    store_factory.record(store, store_factory.received(1, 2, identity=other))
    status, said, _ = requeue("--destination", "pacs")
    assert status == 1
    assert said == (
        "2 deliveries are due again\n2 to pacs stay: instances of different patients are in their studies\n"
    )


@pytest.mark.parametrize("words", [[], [uid(1), "--all"], ["--all", "--destination", "pacs"]])
def test_one_thing_at_a_time_is_asked_for(requeue: Requeue, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        requeue(*words)
    assert ended.value.code == 2


def test_a_patient_is_confirmed_for_one_study_only(requeue: Requeue) -> None:
    status, _, complaint = requeue("--all", "--confirm-patient")
    assert (status, "--confirm-patient asks for one study" in complaint) == (2, True)
