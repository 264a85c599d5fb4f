"""Staff of a test organisation with the SDK, and waiting for what should happen in a conversation."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from teduh_crypto.credentials import Role
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.device.device import Device, keep_device
from teduh_sdk.device.key_store import KeyStore, MemoryKeyStore
from teduh_sdk.events import Event
from teduh_sdk.exceptions import RelayRefused
from teduh_sdk.staff.staff import Staff
from teduh_sdk.trust.colleague import Colleague
from teduh_signaling.relay.frames import ErrorCode, FetchKeyPackage, KeyPackage

from support.organisation.relay_organisation import RelayOrganisation, StaffDevice

_EventType = TypeVar("_EventType", bound=Event)
PATIENCE = 60.0
"""Seconds after which something is taken never to happen."""


def device_of(device: StaffDevice) -> Device:
    """What the SDK knows of a staff device."""
    return Device(device.key, device.statement)


def enrolled(device: StaffDevice, store: KeyStore | None = None) -> KeyStore:
    """A key store (in memory unless another is given) into which `device` has been enrolled."""
    store = MemoryKeyStore() if store is None else store
    keep_device(store, device_of(device))
    return store


def new_staff(organisation: RelayOrganisation, name: str, role: Role = Role.COUNSELOR) -> KeyStore:
    """The key store of a new staff member."""
    return enrolled(organisation.staff(name, role))


async def until(conversation: Conversation, kind: type[_EventType]) -> _EventType:
    """The next event of this kind; those before it are passed over."""
    async with asyncio.timeout(PATIENCE):
        async for event in conversation:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"the conversation was over before a {kind.__name__}")


async def takes_key_packages(device_id: bytes, count: int, *staff: Staff) -> None:
    """Take so many key packages of a device, as whoever brings it in does, as soon as it gives them. One
    person is given a few only: then the next of `staff` asks.
    """
    askers = list(staff)
    async with asyncio.timeout(PATIENCE):
        while count:
            try:
                await askers[0]._link.ask(lambda ref: FetchKeyPackage(ref, device_id), KeyPackage)
                count -= 1
            except RelayRefused as refused:
                if refused.code is ErrorCode.RATE_LIMITED:
                    del askers[0]
                elif refused.code is not ErrorCode.NO_KEY_PACKAGE:
                    raise
                else:
                    await asyncio.sleep(0.01)


async def several_colleagues(staff: Staff, count: int) -> tuple[Colleague, ...]:
    """As soon as so many are connected."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await staff.colleagues()
            if len(found) == count:
                return found
            await asyncio.sleep(0.01)


async def collect(conversation: Conversation, kind: type[_EventType], count: int) -> list[_EventType]:
    """The next so many events of this kind."""
    return [await until(conversation, kind) for _ in range(count)]
