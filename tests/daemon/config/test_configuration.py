"""The configuration: every mistake at once, single keys from the environment, every key in config.toml."""

import re
import tomllib
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from daemon.config.configuration import Config, read_config
from daemon.config.sections import Destination, FallbackCharacterSet, Peer
from daemon.errors import ConfigurationInvalid
from daemon.process import lifeline
from daemon.store.result_kind import ResultKind
from dicom_io.reading.text import codecs_of
from dicom_io.selection.age import AgeRule

SHIPPED = Path(__file__).parents[3] / "config.toml"


def write(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def mistakes(folder: Path, text: str, environment: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigurationInvalid) as refusal:
        read_config(write(folder, text), environment or {})
    return refusal.value.mistakes


def test_nothing_configured_is_the_default():
    assert read_config(None, {}) == Config()


def test_configured_values_are_read(tmp_path):
    text = """
        [storage]
        data_dir = "/srv/ulna"
        [receiver]
        allowed_peers = [{ ae_title = "MODALITY", host = "10.0.0.5" }, { ae_title = "ANYWHERE" }]
        [study]
        quiet_seconds = 20
        [[destinations]]
        name = "pacs"
        ae_title = "PACS"
        host = "10.0.0.6"
        port = 104
        results = ["sr"]
    """
    config = read_config(write(tmp_path, text), {})
    assert config.storage.data_dir == Path("/srv/ulna")
    assert config.receiver.allowed_peers == (
        Peer(ae_title="MODALITY", host="10.0.0.5"),
        Peer(ae_title="ANYWHERE"),
    )
    assert config.study.quiet_seconds == 20.0
    assert config.destinations == (
        Destination(
            name="pacs", ae_title="PACS", host="10.0.0.6", port=104, results=(ResultKind.STRUCTURED_REPORT,)
        ),
    )


def test_the_ages_that_are_asked_are_those_of_the_configuration(tmp_path):
    usual = AgeRule(minimum_age_years=18, below_minimum_age="caution", max_age_days=14, beyond_max_age="low")
    assert Config().study.age_rule == usual
    text = """
        [study]
        minimum_age_years = 0
        below_minimum_age = "exclude"
        max_age_days = 0
        beyond_max_age = "exclude"
    """
    asked = read_config(write(tmp_path, text), {}).study.age_rule
    assert asked == AgeRule(below_minimum_age="exclude", beyond_max_age="exclude")


def test_a_sites_own_words_are_checked_at_start_with_every_mistake(tmp_path):
    words = tmp_path / "words.toml"
    words.write_text(
        '[region.NOSE]\nwords.de = ["nase"]\n[region.HAND]\nwords.de = ["h*"]\n', encoding="utf-8"
    )
    (told,) = mistakes(tmp_path, f"[study]\nvocabulary = '{words}'")
    assert told.startswith("study.vocabulary = ")
    assert "region.NOSE: unknown; allowed are ELBOW" in told
    assert "region.HAND.words.de: 'h*' needs at least 2 letters" in told


def test_a_sites_own_words_are_used(tmp_path):
    words = tmp_path / "words.toml"
    words.write_text('[region.WRIST]\nwords.de = ["hwk"]\n', encoding="utf-8")
    study = read_config(write(tmp_path, f"[study]\nvocabulary = '{words}'"), {}).study
    assert study.words.region.words.mentions("HWK li")[0].label == "WRIST"
    assert Config().study.words.region.words.mentions("HWK li") == ()


def test_every_fallback_character_set_is_a_defined_term_of_one_codec():
    for term in typing.get_args(FallbackCharacterSet):
        assert len(codecs_of(term.encode())) == 1


def test_all_mistakes_are_told_at_once(tmp_path):
    text = """
        [storage]
        retention_days = 0
        databse_url = ""
        [receiver]
        port = "11112"
        ae_title = "A NAME THAT IS TOO LONG"
        [study]
        unknown_region = "guess"
        [[destinations]]
        name = "pacs"
        ae_title = "PACS"
        host = "10.0.0.6"
        port = 70000
        [[destinations]]
        name = "second"
        [extra]
        key = 1
    """
    found = mistakes(tmp_path, text, {"ULNA_NOWHERE__KEY": "1", "ULNA_WEB__PORT": "-1"})
    keys = [mistake.replace(":", " ").split()[0] for mistake in found]
    assert sorted(keys) == [
        "destinations.0.port",
        "destinations.1.ae_title",
        "destinations.1.host",
        "destinations.1.port",
        "environment",
        "extra",
        "receiver.ae_title",
        "receiver.port",
        "storage.databse_url",
        "storage.retention_days",
        "study.unknown_region",
        "web.port",
    ]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            "[study]\nfallback_character_set = 'latin'",
            "study.fallback_character_set = 'latin': .*'ISO_IR 100'.*",
        ),
        ("[study]\nvocabulary = '/nowhere/words.toml'", "study.vocabulary = .*cannot be read.*"),
        ("[study]\nunknown_region = 'guess'", "study.unknown_region = 'guess': .*'exclude' or 'analyze'"),
        ("[study]\nminimum_age_years = 121", "study.minimum_age_years = 121: .*less than or equal to 120"),
        ("[study]\nminimum_age_years = -1", "study.minimum_age_years = -1: .*greater than or equal to 0"),
        ("[study]\nminimum_age_years = 17.5", "study.minimum_age_years = 17.5: .*integer"),
        ("[study]\nbelow_minimum_age = 'low'", "study.below_minimum_age = 'low': .*'caution' or 'exclude'"),
        ("[study]\nmax_age_days = -1", "study.max_age_days = -1: .*greater than or equal to 0"),
        ("[study]\nbeyond_max_age = 'caution'", "study.beyond_max_age = 'caution': .*'low' or 'exclude'"),
        ("[storage]\nretention_days = 0", "storage.retention_days = 0: .*greater than or equal to 1"),
        ("[storage]\nnode = '../x'", "storage.node = '../x': .*pattern.*"),
        ("[storage]\nnode = 'a b'", "storage.node = 'a b': .*pattern.*"),
        ("[receiver]\nport = 65536", "receiver.port = 65536: .*less than or equal to 65535"),
        ("[receiver]\nport = true", "receiver.port = True: .*integer"),
        ("[study]\nquiet_seconds = nan", "study.quiet_seconds = nan: .*"),
        ("[study]\nquiet_seconds = inf", "study.quiet_seconds = inf: .*"),
        ("[receiver]\nae_title = ' ULNA'", "receiver.ae_title = ' ULNA': .*"),
        ("[receiver]\nae_title = 'A\\B'", r"receiver.ae_title = 'A\\\\B': .*"),
        ("[receiver]\nae_title = ''", "receiver.ae_title = '': .*"),
        ("[watcher]\nfolders = '/srv'", "watcher.folders.*"),
        ("[storage]\ndatabase_url = 'mysql://host/name'", ".*sqlite:///PATH or postgresql.pg8000.*"),
        ("[web]\nspeed = 1", "web.speed: unknown key; .*spelling"),
        ("[study]\nquiet = 3", r"study.quiet: unknown key; did you mean study.quiet_seconds\?"),
        ("[receivers]\nport = 104", r"receivers: unknown key; did you mean receiver\?"),
        (
            "[[destinations]]\nname='p'\nae_title='P'\nhost='h'\nport=1\ntimeout=3",
            r"destinations.0.timeout: unknown key; did you mean destinations.0.timeout_seconds\?",
        ),
        ("storage = 3", "storage = 3: .*"),
    ],
)
def test_mistake_has_key_value_and_what_is_allowed(tmp_path, text, mistake):
    (found,) = mistakes(tmp_path, text)
    assert re.fullmatch(mistake, found)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_page_may_listen_where_only_this_machine_reaches_it(tmp_path, host):
    assert read_config(write(tmp_path, f"[web]\nhost = '{host}'"), {}).web.host == host


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "::",
        "",
        "10.0.0.5",
        "fe80::1",
        "::ffff:10.0.0.5",
        "worklist.example.org",
        "localhost.evil.org",
    ],
)
@pytest.mark.parametrize("enabled", ["true", "false"])
def test_page_without_login_is_refused_wherever_others_reach_it(tmp_path, host, enabled):
    (found,) = mistakes(tmp_path, f"[web]\nenabled = {enabled}\nhost = '{host}'")
    assert found.startswith(f"web.host = {host!r}: must be localhost, 127.0.0.1 (or another address of")
    assert "shows every patient and has no login" in found
    assert "reverse proxy with a login" in found
    assert "web.host_names" in found


def test_name_of_a_reverse_proxy_is_taken(tmp_path):
    names = read_config(
        write(tmp_path, "[web]\nhost_names = ['worklist.example.org', 'PROXY-1']"), {}
    ).web.host_names
    assert names == ("worklist.example.org", "PROXY-1")


@pytest.mark.parametrize(
    "name",
    ["https://worklist.example.org", "worklist.example.org:8443", "worklist/", "*", "*.org", "", "a b", "-"],
)
def test_host_name_that_no_request_can_carry_is_a_mistake(tmp_path, name):
    (found,) = mistakes(tmp_path, f"[web]\nhost_names = ['proxy', '{name}']")
    assert found.startswith(f"web.host_names.1 = {name!r}: must be a host name alone")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[study]\nsettle_seconds = 5\nquiet_seconds = 3",
            "settle_seconds <= quiet_seconds <= max_wait_seconds must hold, not 5, 3, 600",
        ),
        ("[study]\nquiet_seconds = 60\nmax_wait_seconds = 59", "5, 60, 59"),
        ("[study]\nsettle_seconds = 9\nmax_wait_seconds = 8", "9, 8, 8"),
        ("[web]\nport = 11112", "receiver.port and web.port are both 11112"),
        (
            "[receiver]\nallow_any_peer = true\nallowed_peers = [{ ae_title = 'A' }]",
            "allow_any_peer = true contradicts a list in allowed_peers",
        ),
        (
            "[[destinations]]\nname='p'\nae_title='P'\nhost='h'\nport=1\n" * 2,
            "used more often: p",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_a_mistake(tmp_path, text, words):
    (found,) = mistakes(tmp_path, text)
    assert words in found


@pytest.mark.parametrize(
    "text",
    [
        "[web]\nport = 11112\nenabled = false",
        "[web]\nport = 0\n[receiver]\nport = 0",
        "[web]\nport = 11112\n[receiver]\nhost = '10.0.0.5'",
    ],
)
def test_two_may_have_one_port_where_they_do_not_meet(tmp_path, text):
    read_config(write(tmp_path, text), {})


@pytest.mark.parametrize(
    ("lines", "waits"),
    [
        ("", (5, 60, 600)),
        ("quiet_seconds = 3", (3, 3, 600)),
        ("quiet_seconds = 900", (5, 900, 900)),
        ("settle_seconds = 90", (90, 90, 600)),
        ("max_wait_seconds = 4", (4, 4, 4)),
        ("settle_seconds = 700\nmax_wait_seconds = 800", (700, 700, 800)),
    ],
)
def test_a_wait_that_is_not_set_follows_those_that_are(tmp_path, lines, waits):
    study = read_config(write(tmp_path, f"[study]\n{lines}"), {}).study
    assert (study.settle_seconds, study.quiet_seconds, study.max_wait_seconds) == waits


@pytest.mark.parametrize("host", ["10.0.0.0/8", "fd00::/8", "10.0.0.*", "*"])
def test_a_network_is_no_host_of_a_peer(tmp_path, host):
    peers = f"[receiver]\nallowed_peers = [{{ ae_title = 'A', host = '{host}' }}]"
    (found,) = mistakes(tmp_path, peers)
    assert found.startswith(f"receiver.allowed_peers.0.host = {host!r}: must be one address or one host name")
    assert "write an entry for each host" in found


def test_message_names_the_file_and_says_that_nothing_was_started(tmp_path):
    file = write(tmp_path, "[web]\nspeed = 1\nport = -1")
    with pytest.raises(ConfigurationInvalid) as refusal:
        read_config(file, {})
    assert str(refusal.value).startswith(f"{file}: 2 mistake(s), nothing was started:\n  - web.")


@pytest.mark.parametrize(
    ("text", "words"), [("[storage", "not TOML"), ("a = 1\na = 2", "not TOML"), ('a = "\xe9"', "not TOML")]
)
def test_file_that_is_no_toml_is_a_mistake(tmp_path, text, words):
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigurationInvalid, match=words):
        read_config(file, {})


def test_absent_file_is_a_mistake(tmp_path):
    with pytest.raises(ConfigurationInvalid, match="does not exist"):
        read_config(tmp_path / "none.toml", {})


def test_folder_instead_of_a_file_is_a_mistake(tmp_path):
    with pytest.raises(ConfigurationInvalid, match="cannot be read"):
        read_config(tmp_path, {})


def test_environment_overrides_single_keys(tmp_path):
    file = write(tmp_path, "[study]\nquiet_seconds = 20\nsettle_seconds = 1")
    environment = {
        "ULNA_STUDY__QUIET_SECONDS": "30",
        "ULNA_STORAGE__DATA_DIR": "/srv/ulna",
        "ULNA_RECEIVER__ALLOWED_PEERS": '[{ ae_title = "A" }]',
        "ULNA_WEB__ENABLED": "false",
        "ULNA_LOGGING__FORMAT": "json",
        "PATH": "/bin",
        "ULNA_CONFIG": "no key of a section",
        lifeline.VARIABLE: "1",
    }
    config = read_config(file, environment)
    assert (config.study.quiet_seconds, config.study.settle_seconds) == (30.0, 1.0)
    assert config.storage.data_dir == Path("/srv/ulna")
    assert config.receiver.allowed_peers == (Peer(ae_title="A"),)
    assert (config.web.enabled, config.logging.format) == (False, "json")


def test_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("ULNA_WEB__PORT", "8999")
    assert read_config(None).web.port == 8999


def test_variable_that_overrides_no_key_is_a_mistake(tmp_path):
    destination = "[[destinations]]\nname='p'\nae_title='P'\nhost='h'\nport=1\n"
    (found,) = mistakes(tmp_path, destination, {"ULNA_DESTINATIONS__NAME": "q"})
    assert found.startswith("environment variable ULNA_DESTINATIONS__NAME")
    (found,) = mistakes(tmp_path, "", {"ULNA_WEB__SPEED": "1"})
    assert found.startswith("web.speed: unknown key")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ULNA_QUIET", "; did you mean ULNA_STUDY__QUIET_SECONDS?"),
        ("ULNA_STUDY_QUIET_SECONDS", "; did you mean ULNA_STUDY__QUIET_SECONDS?"),
        ("ULNA_STUDDY__QUIET_SECONDS", "; did you mean ULNA_STUDY__QUIET_SECONDS?"),
        ("ULNA_PORT", "; did you mean ULNA_RECEIVER__PORT or ULNA_WEB__PORT?"),
        ("ULNA_XYZ", ""),
    ],
)
def test_variable_that_names_no_section_is_a_mistake_and_the_key_that_was_meant_is_named(
    tmp_path, name, meant
):
    (found,) = mistakes(tmp_path, "", {name: "3"})
    assert found == f"environment variable {name}: unknown; a single key is ULNA_<SECTION>__<KEY>{meant}"


def test_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Config().web.port = 1


def item_model(annotation: object) -> type[BaseModel] | None:
    """Return the model of the items where a field is a list of sections."""
    arguments = typing.get_args(annotation)
    models = [one for one in arguments if isinstance(one, type) and issubclass(one, BaseModel)]
    return models[0] if models else None


def sections() -> dict[str, type[BaseModel]]:
    """Return the model of each [section]."""
    annotations = {name: field.annotation for name, field in Config.model_fields.items()}
    return {
        name: annotation
        for name, annotation in annotations.items()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel)
    }


def owners() -> list[type[BaseModel]]:
    """Return every model that the file's own keys belong to."""
    return [Config, *sections().values()]


def test_shipped_file_holds_every_key_of_every_section_with_its_default():
    tables = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    assert list(tables) == list(sections())
    for name, model in sections().items():
        assert list(tables[name]) == list(model.model_fields), name
        assert model.model_validate(tables[name]) == model(), name


def test_shipped_file_is_the_default_configuration():
    assert read_config(SHIPPED, {}) == Config()


@pytest.mark.parametrize(
    ("field", "model"),
    [
        (name, item_model(field.annotation))
        for owner in owners()
        for name, field in owner.model_fields.items()
        if item_model(field.annotation)
    ],
)
def test_shipped_file_shows_every_key_of_a_list_of_sections(field, model):
    text = SHIPPED.read_text(encoding="utf-8")
    block = re.search(rf"^# \[\[{field}\]\]\n(?:# .*\n?)+", text, re.MULTILINE)
    if block:
        (example,) = tomllib.loads(re.sub("^# ", "", block[0], flags=re.MULTILINE))[field]
    else:
        inline = re.search(rf"^{field} = .*#.*?(\[\{{.*\}}\])", text, re.MULTILINE)
        assert inline, f"{field} has neither a commented section nor an example in its comment"
        (example,) = tomllib.loads(f"example = {inline[1]}")["example"]
    shown = model.model_validate(example)
    assert list(example) == list(model.model_fields)
    defaults = {name: one.default for name, one in model.model_fields.items() if not one.is_required()}
    # An empty default shows nothing, so the example may hold something.
    assert {name: getattr(shown, name) for name, value in defaults.items() if value} == {
        name: value for name, value in defaults.items() if value
    }


def test_every_line_of_the_shipped_file_is_explained():
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    keys = [line for line in lines if re.match(r"(# )?[a-z_]+ = ", line)]
    assert len(keys) > 30
    assert [line for line in keys if not re.search(r"\S  +# \S", line)] == []


def test_the_password_of_a_database_is_never_repeated(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('[storage]\ndatabase_url = "mysql://ulna:sesame@db/ulna"\n')
    with pytest.raises(ConfigurationInvalid, match=r"storage\.database_url") as refused:
        read_config(path, {})
    assert "sesame" not in str(refused.value)


def test_one_host_may_have_half_of_the_associations_unless_told_otherwise(tmp_path):
    for lines, expected in (
        ("", 16),
        ("max_associations = 8", 4),
        ("max_associations = 1", 1),
        ("max_associations = 8\nmax_associations_per_host = 8", 8),
    ):
        config = read_config(write(tmp_path, f"[receiver]\n{lines}"), {})
        assert config.receiver.max_associations_per_host == expected


def test_one_host_may_not_have_more_associations_than_there_are(tmp_path):
    (found,) = mistakes(tmp_path, "[receiver]\nmax_associations = 8\nmax_associations_per_host = 9")
    assert found == "receiver.max_associations_per_host = 9: must be at most max_associations, which is 8"


def test_an_engine_that_cannot_run_on_the_device_is_refused(tmp_path):
    (found,) = mistakes(tmp_path, '[analysis]\nengine = "openvino"\ndevice = "cuda"')
    assert found.startswith('analysis: engine = "openvino" runs on the CPU')


def test_a_precision_that_no_bundle_can_have_earned_is_refused(tmp_path):
    (found,) = mistakes(tmp_path, '[analysis]\nprecision = "bf16"')
    assert found.startswith("analysis.precision = 'bf16'")
