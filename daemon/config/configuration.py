"""This module is the whole configuration, and how it is read from TOML and the environment.

Every mistake of a configuration is found and told at once; a configuration that exists is valid.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from daemon.config.mistakes import ENVIRONMENT_PREFIX, mistake, unknown_variable
from daemon.config.sections import (
    Analysis,
    Destination,
    Logging,
    Receiver,
    Section,
    Storage,
    Study,
    Watcher,
    Web,
)
from daemon.errors import ConfigurationInvalid
from daemon.process.lifeline import VARIABLE as LIFELINE_VARIABLE

# Of the command line, and of the supervisor to its stages; they name no key.
_OTHER_VARIABLES = frozenset({"ULNA_CONFIG", LIFELINE_VARIABLE})


class Config(Section):
    """The whole configuration."""

    storage: Storage = Storage()
    receiver: Receiver = Receiver()
    watcher: Watcher = Watcher()
    study: Study = Study()
    analysis: Analysis = Analysis()
    destinations: Annotated[tuple[Destination, ...], Field(strict=False)] = ()
    web: Web = Web()
    logging: Logging = Logging()

    @field_validator("destinations")
    @classmethod
    def _names_differ(cls, destinations: tuple[Destination, ...]) -> tuple[Destination, ...]:
        names = [destination.name for destination in destinations]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"every name must be used once; used more often: {', '.join(repeated)}")
        return destinations

    @model_validator(mode="after")
    def _one_listener_for_a_port(self) -> Self:
        receiver, web = self.receiver, self.web
        meets = receiver.host in ("", "0.0.0.0", "::", web.host)
        if web.enabled and meets and web.port == receiver.port != 0:
            raise ValueError(
                f"receiver.port and web.port are both {web.port}; choose another for one of them"
            )
        return self


def read_config(path: Path | None, environment: Mapping[str, str] | None = None) -> Config:
    """Read a configuration file, override it from the environment, and check all of it.

    Parameters
    ----------
    path
        TOML file; None gives the defaults.
    environment
        ``ULNA_<SECTION>__<KEY>`` variables override single keys; their values are TOML values, or else
        plain text. Default: the environment of this process.

    Raises
    ------
    ConfigurationInvalid
        With every mistake: dotted key, value and what is allowed.
    """
    source = str(path) if path else "the default configuration"
    tables = _read_toml(path) if path else {}
    unknown = _override(tables, os.environ if environment is None else environment)
    try:
        config = Config.model_validate(tables)
    except ValidationError as error:
        told = [mistake(one, Config) for one in error.errors()]
        raise ConfigurationInvalid(source, [*unknown, *told]) from error
    if unknown:
        raise ConfigurationInvalid(source, unknown)
    return config


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationInvalid(
            str(path),
            ["the file does not exist; name one with --config, or copy the config.toml of the release"],
        ) from error
    except OSError as error:
        raise ConfigurationInvalid(str(path), [f"the file cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationInvalid(str(path), [f"the file is not TOML: {error}"]) from error


def _override(tables: dict[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Write the variables into the tables; return a line for each that names no section's key."""
    unknown = []
    for name, text in sorted(environment.items()):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in _OTHER_VARIABLES:
            continue
        section, divider, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        is_section = bool(divider) and section in Config.model_fields
        table = tables.setdefault(section, {}) if is_section else None
        if isinstance(table, dict):
            table[key] = _toml_value(text)
        else:
            unknown.append(unknown_variable(name, Config))
    return unknown


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
