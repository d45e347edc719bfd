"""Find device kinds and drivers by name, without importing upwards.

The runtime knows no lamp and no bus: packages offer them as entry points, and an operator may
name a class of their own as ``module:Class``. Nothing is imported before it is asked for, so a
broken package that no template uses stops no city.

A city file is the operator's own: the code that it names is imported and run.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar, cast

from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.errors import ConfigError

KINDS = "jacquemart.actors"
DRIVERS = "jacquemart.drivers"

Wrong = Sequence[tuple[str, Any, str]]
"""What a kind or driver finds wrong: ``(key, found, allowed)``."""


class KindInfo(Protocol):
    """What the city file must know of a device kind; the actor class itself has it.

    A kind may also have ``check_options(options) -> Wrong`` for its templates' ``options``,
    ``check_points(points) -> Wrong`` for what must hold between a template's points, and
    ``check_template(template) -> Wrong`` for what must fit together in one, with keys as
    ``options.limits.no2``;
    ``derived_points``: points that it computes itself, which its templates get as they are; and
    ``points``, declarations (:class:`jacquemart.runtime.actor.declare.Point`) from which its
    templates take what they do not say, and which others they may have only with
    ``open_points = True``.
    """

    @property
    def required_points(self) -> Mapping[str, tuple[str, bool]]:
        """Return, for each point that must exist, its unit ("": any) and if it must be writable."""


class DriverInfo(Protocol):
    """What the city file must know of a driver; the driver class itself has it.

    ``address_of`` raises ConfigError for a device that has no address; results that are equal
    (and can be hashed) are one address. A driver may also have ``places_of(address)`` and
    ``peer_of(options)``, by which protected points are found (see ``protected``).
    """

    def check_link(self, options: Mapping[str, Any]) -> Wrong:
        """Return what is wrong with a link's options."""

    def check_point(self, point: PointSpec, address: Mapping[str, Any]) -> Wrong:
        """Return what is wrong with a point's address."""

    def address_of(self, point: PointSpec, device: DeviceSpec) -> Any:
        """Return the address of one device's point."""


T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """The objects of one entry point group by name, each imported when first asked for.

    Raises:
        KeyError: from ``registry[name]``, if no package offers the name.
        ConfigError: from ``registry[name]``, if the one that does is broken, or if two offer
            different things under it: the installation's fault; a retry cannot help.
    """

    def __init__(
        self, what: str, needs: Sequence[str], entries: Iterable[importlib.metadata.EntryPoint]
    ) -> None:
        """Keep the entry points.

        Args:
            what: the word for one object in messages.
            needs: attributes without which it is not one.
            entries: the entry points of the group.
        """
        self.what = what
        self._needs = needs
        self._entries: dict[str, dict[str, importlib.metadata.EntryPoint]] = {}
        for entry in entries:
            self._entries.setdefault(entry.name, {}).setdefault(entry.value, entry)
        self._loaded: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._loaded:
            entries = list(self._entries[name].values())
            packages = [entry.dist.name if entry.dist else "?" for entry in entries]
            if len(entries) > 1:
                raise ConfigError(
                    f"{self.what} {name!r} is offered by several packages: {', '.join(packages)}",
                    advice="uninstall all but one, or name the class as module:Class",
                )
            source = f"entry point {entries[0].value!r} of package {packages[0]!r}"
            self._loaded[name] = self._sound(self._import(name, source, entries[0].load), source)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def by_path(self, path: str) -> T:
        """Return what ``module:Class`` names.

        Raises:
            ConfigError: it cannot be imported, or is no such thing.
        """
        if path not in self._loaded:
            found = self._import(path, path, lambda: _by_path(path))
            self._loaded[path] = self._sound(found, path)
        return self._loaded[path]

    def _import(self, name: str, source: str, load: Callable[[], Any]) -> Any:
        try:
            return load()
        except (Exception, SystemExit) as error:
            cause = f"{type(error).__name__}: {error}"
            raise ConfigError(
                f"{self.what} {name!r} cannot be imported: {cause}", where=source
            ) from error

    def _sound(self, found: Any, source: str) -> T:
        lacks = [need for need in self._needs if not hasattr(found, need)]
        if lacks:
            raise ConfigError(f"this is not a {self.what}: no {', '.join(lacks)}", where=source)
        return cast("T", found)


def _by_path(path: str) -> Any:
    module, _, attributes = path.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found


def find_kinds() -> Registry[KindInfo]:
    """Return the device kinds that the installed packages offer."""
    return kind_registry(importlib.metadata.entry_points(group=KINDS))


def find_drivers() -> Registry[DriverInfo]:
    """Return the drivers that the installed packages offer."""
    return driver_registry(importlib.metadata.entry_points(group=DRIVERS))


def kind_registry(entries: Iterable[importlib.metadata.EntryPoint]) -> Registry[KindInfo]:
    """Return a registry of device kinds out of these entry points."""
    return Registry("device kind", ("required_points",), entries)


def driver_registry(entries: Iterable[importlib.metadata.EntryPoint]) -> Registry[DriverInfo]:
    """Return a registry of drivers out of these entry points."""
    return Registry("driver", ("check_link", "check_point", "address_of"), entries)


class Offer(Generic[T]):
    """Kinds or drivers as one city names them: given by the caller, or found."""

    def __init__(self, found: Registry[T], given: Mapping[str, T] | None) -> None:
        """Use ``given`` for names if it is not None; ``module:Class`` works either way."""
        self._registry = found
        self._names: Mapping[str, T] = found if given is None else given

    @property
    def names(self) -> list[str]:
        """Return the names that may be used."""
        return list(self._names)

    def resolve(self, name: str) -> T:
        """Return what the name stands for.

        Raises:
            KeyError: nothing is offered under it.
            ConfigError: what is offered under it is broken.
        """
        if name not in self._names and ":" in name:
            return self._registry.by_path(name)
        return self._names[name]

    def get(self, name: str) -> T | None:
        """Return what the name stands for, or None if that was already found to be wrong."""
        try:
            return self.resolve(name)
        except (KeyError, ConfigError):
            return None


def ask(question: Callable[..., Wrong], *subject: Any) -> list[tuple[str, Any, str]]:
    """Ask a kind or driver what is wrong; code that fails at it is itself what is wrong."""
    try:
        return [(str(key), found, str(allowed)) for key, found, allowed in question(*subject)]
    except Exception as error:  # noqa: BLE001 - a third party's code
        name = getattr(question, "__qualname__", "the check")
        return [("", f"{type(error).__name__}: {error}", f"a value on which {name} does not fail")]
