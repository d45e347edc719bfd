"""A device as any Ray task or actor of the cluster sees it.

Ray is asked once where the city's gateway answers. Everything after that, reading and commanding,
goes through ZeroMQ: nothing with a deadline travels through Ray.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cluster.blueprint import NAMESPACE, city_of, newest_first
from jacquemart.runtime.model.errors import (
    CellUnreachable,
    GatewayUnreachable,
    UnknownDevice,
    UsageError,
)

if TYPE_CHECKING:
    from jacquemart.runtime.client import Client
    from jacquemart.runtime.model.outcome import Outcome
    from jacquemart.runtime.model.reading import Reading

#: How long Ray may take to say where the gateway is.
LOOKUP_S = 5.0

# One connection a process and city, whatever the number of handles.
_clients: dict[str, Client] = {}
_lock = threading.Lock()


def device(id: str, city: str | None = None) -> DeviceHandle:
    """Return a handle of a device, from within a Ray task, actor or driver of its cluster.

    Args:
        id: the device's.
        city: the city's id; None: the only city of the cluster.

    Raises:
        UsageError: Ray is not initialized here, or several cities run and none was named.
        GatewayUnreachable: no such city runs in this cluster, or its gateway does not answer.
        UnknownDevice: the city has no such device.
    """
    handle = DeviceHandle(id, city or _only_city())
    handle.check()
    return handle


class DeviceHandle:
    """Reads and commands one device. Picklable and thread-safe; connects when first used."""

    __slots__ = ("city", "id")

    def __init__(self, id: str, city: str) -> None:
        """Name a device; nothing is asked yet."""
        self.id = id
        self.city = city

    def __repr__(self) -> str:
        return f"DeviceHandle({self.id!r}, city={self.city!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (DeviceHandle, (self.id, self.city))

    def get(self, point: str) -> Reading:
        """Return what is known of a point now, with quality and times.

        Raises:
            UnknownPoint: the device has no such point. GatewayUnreachable: nobody answers;
            may be retried.
        """
        subject = f"{self.id}/{point}"
        try:
            return _client(self.city).get(subject)
        except GatewayUnreachable:  # it may have been replaced: ask Ray again, once
            return _client(self.city, again=True).get(subject)

    def set(
        self, point: str, value: float | str, *, timeout: float = 10.0, **options: Any
    ) -> Outcome:
        """Write a point and return what became of it, read back.

        Args:
            point: the point's name.
            value: in the point's unit, or a word of an enumeration.
            timeout: seconds after which nothing is sent to the field any more.
            options: ``unit``, ``priority``, ``id``, as of ``Client.set``.

        Raises:
            UnknownPoint: the device has no such point. GatewayUnreachable: nobody answers;
            never retried here, since the command may have been sent.
        """
        return _client(self.city).set(f"{self.id}/{point}", value, within_s=timeout, **options)

    def command(
        self, verb: str, value: float | str | None = None, *, timeout: float = 10.0, **options: Any
    ) -> Outcome:
        """Send a command of the device's kind and return what became of it.

        Args:
            verb: the command; ``jacquemart kinds`` shows those of a kind.
            value: what it takes: a number, a word, or nothing.
            timeout: seconds after which nothing is sent to the field any more.
            options: ``unit``, ``priority``, ``id``, as of ``Client.command``.

        Raises:
            GatewayUnreachable: nobody answers; never retried here, since the command may have
                been sent.
        """
        client = _client(self.city)
        return client.command(self.id, verb, value, within_s=timeout, **options)

    def check(self) -> None:
        """Ask whether the city has the device.

        Raises:
            UnknownDevice: it has not.
        """
        client = _client(self.city)
        try:
            client.why(self.id)
        except GatewayUnreachable:
            _client(self.city, again=True).why(self.id)
        except UnknownDevice:
            raise UnknownDevice(
                f'the city "{self.city}" has no device "{self.id}"', where=client.api
            ) from None


def _client(city: str, *, again: bool = False) -> Client:
    """Return this process's connection to a city's gateway, made if needed."""
    from jacquemart.runtime.client import Client

    with _lock:
        known = _clients.get(city)
        if known is not None and not again:
            return known
        api = _gateway(city)
        if known is not None:
            del _clients[city]
            known.close()
        made = _clients[city] = Client(api, principal="ray")
        return made


def _gateway(city: str) -> str:
    """Ask the city's gateway cell, through Ray, where it answers.

    Raises:
        GatewayUnreachable: there is no such cell, or it does not answer.
    """
    ray = _ray()
    names = [name for name in _actors() if city_of(name) == city]
    if not names:
        raise GatewayUnreachable(
            f'no city "{city}" answers in this Ray cluster',
            advice="is it running, and in this cluster?",
        )
    failure: Exception | None = None
    for name in newest_first(names):  # one that was replaced may still be known
        try:
            actor = ray.get_actor(name, namespace=NAMESPACE)
            address = ray.get(actor.address.remote(), timeout=LOOKUP_S)
        except (ValueError, ray.exceptions.RayError) as error:
            failure = error
            continue
        if address is not None and address.role == "gateway":
            return str(address.commands)
    if failure is not None:
        raise GatewayUnreachable(
            f'no city "{city}" answers in this Ray cluster: {failure}',
            advice="is it running, and in this cluster?",
        ) from failure
    raise CellUnreachable("the gateway is being started", where=city)


def _actors() -> list[str]:
    named = _ray().util.list_named_actors(all_namespaces=True)
    return [one["name"] for one in named if one["namespace"] == NAMESPACE]


def _only_city() -> str:
    cities = sorted({city for name in _actors() if (city := city_of(name)) is not None})
    if not cities:
        raise GatewayUnreachable("no city runs in this Ray cluster")
    if len(cities) > 1:
        raise UsageError("several cities run in this Ray cluster", advice=", ".join(cities))
    return cities[0]


def _ray() -> Any:
    import ray

    if not ray.is_initialized():
        raise UsageError(
            "Ray is not initialized in this process",
            advice="ray.init(address=city.ray_address), with city.ray_environment() set before",
        )
    return ray
