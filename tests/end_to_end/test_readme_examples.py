"""The README's examples are the files in examples/, at most 15 lines each, and they talk to each other."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from support.clients.sdk_people import PATIENCE, new_staff
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey

ROOT = Path(__file__).parents[2]
EXAMPLES = ("readme_survivor.py", "readme_staff.py")


def load(name: str) -> ModuleType:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), ROOT / "examples" / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_readme_shows_the_example_as_it_is(name: str) -> None:
    assert (ROOT / "examples" / name).read_text().strip() in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_at_most_15_lines(name: str) -> None:
    assert len((ROOT / "examples" / name).read_text().splitlines()) <= 15


async def test_the_two_examples_talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed: asyncio.Queue[str] = asyncio.Queue()
    survivor, staff = load("readme_survivor.py"), load("readme_staff.py")
    for module in (survivor, staff):
        monkeypatch.setattr(module, "print", printed.put_nowait, raising=False)
    organisation = RelayOrganisation()
    organisation_file = organisation.write(tmp_path)
    with start_valkey() as valkey:
        async with relay_here(organisation_file, valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            keys = new_staff(organisation, "Sari")
            file = str(organisation_file)
            both = asyncio.gather(survivor.main(url, file), staff.main(url, file, keys))
            async with asyncio.timeout(PATIENCE):
                said = {await printed.get(), await printed.get()}
            both.cancel()
            await asyncio.gather(both, return_exceptions=True)
    assert said == {
        "survivor: Is somebody there?",
        "Sari (counselor): I am here. Are you safe right now?",
    }
