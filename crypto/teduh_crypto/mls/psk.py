"""Names of pre-shared keys: how proposals and welcomes say which secret they mix in (RFC 9420, 8.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from teduh_crypto.exceptions import DecodingError
from teduh_crypto.mls.codec import Reader, Structure, write_opaque, write_uint8, write_uint64


class PSKType(IntEnum):
    """Where a pre-shared key comes from."""

    EXTERNAL = 1
    RESUMPTION = 2


class ResumptionPSKUsage(IntEnum):
    """What a key of an earlier epoch is used for."""

    APPLICATION = 1
    REINIT = 2
    BRANCH = 3


_USAGES: Final = {int(usage): usage for usage in ResumptionPSKUsage}


@dataclass(frozen=True, slots=True)
class ExternalPSK:
    """A key that the application provides."""

    psk_id: bytes


@dataclass(frozen=True, slots=True)
class ResumptionPSK:
    """The `resumption_psk` of a group's epoch."""

    usage: ResumptionPSKUsage
    psk_group_id: bytes
    psk_epoch: int


@dataclass(frozen=True, slots=True)
class PreSharedKeyID(Structure):
    """The name of a pre-shared key, with a nonce that is fresh at each use."""

    psk: ExternalPSK | ResumptionPSK
    psk_nonce: bytes

    def write_to(self, out: bytearray) -> None:
        match self.psk:
            case ExternalPSK(psk_id):
                write_uint8(out, PSKType.EXTERNAL)
                write_opaque(out, psk_id)
            case ResumptionPSK(usage, psk_group_id, psk_epoch):
                write_uint8(out, PSKType.RESUMPTION)
                write_uint8(out, usage)
                write_opaque(out, psk_group_id)
                write_uint64(out, psk_epoch)
        write_opaque(out, self.psk_nonce)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        psk_type = reader.uint8()
        if psk_type == PSKType.EXTERNAL:
            return cls(ExternalPSK(reader.opaque()), reader.opaque())
        if psk_type == PSKType.RESUMPTION:
            return cls(_read_resumption_psk(reader), reader.opaque())
        raise DecodingError(f"{psk_type} is not a type of pre-shared key")


def _read_resumption_psk(reader: Reader) -> ResumptionPSK:
    usage = _USAGES.get(reader.uint8())
    if usage is None:
        raise DecodingError("a resumption pre-shared key has an unknown usage")
    return ResumptionPSK(usage, reader.opaque(), reader.uint64())
