"""Types of fields as PROTOCOL.md writes them, from the annotations of the structs."""

from __future__ import annotations

import msgspec.inspect as inspect
from msgspec import NODEFAULT, Struct


def fields(struct: type[Struct]) -> list[tuple[str, str]]:
    """Name and written type of each field, in the order of the wire."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return [(field.name, _with_default(field)) for field in info.fields]


def _with_default(field: inspect.Field) -> str:
    written = wire_type(field.type)
    return written if field.default is NODEFAULT else f"{written} = {_default(field.default)}"


def _default(default: object) -> str:
    match default:
        case None:
            return "nil"
        case bool():
            return str(default).lower()
        case int():
            return str(int(default))
        case Struct():
            return "all defaults"
        case _:
            return "empty"


def wire_type(info: inspect.Type) -> str:
    """One type with its bounds, in MessagePack's words."""
    match info:
        case inspect.UnionType():
            return " or ".join(sorted((wire_type(member) for member in info.types), key="nil".__eq__))
        case inspect.VarTupleType():
            return f"array {_range(info.min_length or 0, info.max_length)} of {wire_type(info.item_type)}"
        case inspect.EnumType() | inspect.StructType():
            return str(info.cls.__name__)
        case inspect.LiteralType():
            return " or ".join(str(value) for value in info.values)
        case _:
            return _scalar(info)


def _scalar(info: inspect.Type) -> str:
    match info:
        case inspect.BytesType():
            return f"bin {_range(info.min_length or 0, info.max_length)}"
        case inspect.StrType():
            return f"str {_range(info.min_length or 0, info.max_length)}"
        case inspect.IntType():
            return f"int {_range(info.ge, info.le)}"
        case inspect.BoolType():
            return "bool"
        case inspect.NoneType():
            return "nil"
        case _:
            raise NotImplementedError(f"PROTOCOL.md has no word for {info}")


def _range(least: int | None, most: int | None) -> str:
    return str(least) if least == most else f"{_bound(least)}..{_bound(most)}"


def _bound(bound: int | None) -> str:
    powers = {2**power - 1: f"2^{power}-1" for power in (32, 53, 63)}
    return "" if bound is None else powers.get(bound, str(bound))
