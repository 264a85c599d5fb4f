"""The public API is the list that the package declares, no more and no less."""

from __future__ import annotations

import types

import teduh_crypto.credentials as credentials


def test_everything_declared_exists_and_everything_public_is_declared() -> None:
    public = {
        name
        for name, value in vars(credentials).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(credentials.__all__)
    assert len(credentials.__all__) == len(set(credentials.__all__))


def test_every_public_thing_says_what_it_is() -> None:
    public = {name: getattr(credentials, name) for name in credentials.__all__}
    documented = (type, types.FunctionType)
    missing = [name for name, thing in public.items() if isinstance(thing, documented) and not thing.__doc__]
    assert missing == []
