"""What every message passes runs as machine code where that can be made, and as Python everywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import compile_relay
import compiled_relay
import pytest
from compile_relay import CannotCompile, compile_into
from compiled_relay import COMPILED, MODULES, TOOL, compiled_first, is_current
from relay_organisation import RelayOrganisation
from relay_process import RelayProcess, relay_process
from teduh_server import machine_code
from teduh_server.machine_code import MachineCodeIsStale, verify_machine_code

ENTRY = "signaling/teduh_signaling/relay/entry.py"
PLACED = """
import sys; sys.path.insert(0, sys.argv[1])
from teduh_signaling.relay import entry
print(entry.__file__, entry.place_entry(entry.entry_template(b"conversation id!", 1, 2, 0, 3, b"x"), 7).hex())
"""


def test_what_tests_start_as_processes_is_compiled(tmp_path: Path) -> None:
    """`make test` has made it; without, tests of processes would be of another program than is deployed."""
    assert is_current(), "run `make compiled`"
    with relay_process(tmp_path, RelayOrganisation().write(tmp_path)) as relay:
        assert _said_at_start(relay)["compiled"] is True


def test_what_is_not_compiled_runs_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_relay, "COMPILED", tmp_path / "nothing")
    with relay_process(tmp_path, RelayOrganisation().write(tmp_path)) as relay:
        assert _said_at_start(relay)["compiled"] is False


def _said_at_start(relay: RelayProcess) -> dict[str, object]:
    lines = [json.loads(line) for line in relay.log.read_text().splitlines() if line.startswith("{")]
    (started,) = [line for line in lines if line["event"] == "relay started"]
    return dict(started)


@pytest.mark.parametrize(
    "change",
    [
        lambda place: (place / MODULES[0]).write_text("# another"),
        lambda place: (place / MODULES[-1]).write_bytes((place / MODULES[-1]).read_bytes() + b"\n"),
    ],
)
def test_machine_code_of_other_sources_than_todays_is_not_used(
    change: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (*MODULES, TOOL):
        (tmp_path / module).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / module).write_bytes((compiled_relay.REPOSITORY / module).read_bytes())
    monkeypatch.setattr(compiled_relay, "REPOSITORY", tmp_path)
    before = {"PYTHONPATH": "elsewhere"}
    assert compiled_first(before) == {"PYTHONPATH": f"{COMPILED}{os.pathsep}elsewhere"}
    change(tmp_path)
    assert compiled_first(before) == before


def test_relay_with_machine_code_of_another_release_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sources were replaced by an update, and it was not."""
    another = tmp_path / "another"
    shutil.copytree(COMPILED, another, symlinks=True)
    replaced = another / "teduh_server" / "appends.py"
    original = replaced.read_bytes()
    replaced.unlink()
    replaced.write_bytes(original + b"# as the next release has it\n")
    monkeypatch.setattr(compiled_relay, "COMPILED", another)
    organisation = RelayOrganisation().write(tmp_path)
    with pytest.raises(RuntimeError, match=r"is of other sources .* Run tools/compile_relay\.py again"):
        RelayProcess(tmp_path / "relay", organisation).start()
    replaced.write_bytes(original)
    with relay_process(tmp_path / "relay", organisation) as relay:
        assert _said_at_start(relay)["compiled"] is True


@pytest.mark.parametrize("sums", ["", "nonsense", "00  teduh_server/none.py"])
def test_nor_does_one_of_which_nobody_knows_what_it_was_made_of(
    sums: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_code, "is_compiled", lambda: True)
    verify_machine_code(COMPILED)
    (tmp_path / "teduh_server").mkdir()
    with pytest.raises(MachineCodeIsStale):
        verify_machine_code(tmp_path)
    (tmp_path / machine_code.SUMS).write_text(sums)
    with pytest.raises(MachineCodeIsStale):
        verify_machine_code(tmp_path)


def test_it_joins_what_is_installed_and_does_the_same(tmp_path: Path) -> None:
    site_packages = tmp_path / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    for package in compile_relay.PACKAGES:
        shutil.copytree(package, site_packages / package.name, ignore=shutil.ignore_patterns("web"))
    assert compile_relay.site_packages_of(tmp_path) == site_packages
    as_python, placed = _placed(site_packages)
    assert as_python.suffix == ".py"
    compile_into(site_packages, (ENTRY,))
    compiled, placed_by_it = _placed(site_packages)
    assert compiled.suffix == ".so"
    assert compiled.parent == as_python.parent
    assert placed_by_it == placed


def _placed(site_packages: Path) -> tuple[Path, str]:
    """Where the module came from, and what it makes of an entry."""
    ran = subprocess.run(
        [sys.executable, "-c", PLACED, str(site_packages)], capture_output=True, text=True, check=True
    )
    origin, placed = ran.stdout.split()
    return Path(origin), placed


def test_where_nothing_is_installed_it_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compile_relay.main([str(tmp_path)]) == 1
    assert "there is no teduh_server in" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["headers", "compiler"])
def test_where_it_cannot_be_made_it_says_why_and_goes_on(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make test` and `make bench` do not end there."""
    if missing == "headers":
        monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    else:
        monkeypatch.setattr("shutil.which", lambda name: None)
    for module in (compile_relay, compiled_relay):
        monkeypatch.setattr(module, "COMPILED", tmp_path / "build" / "compiled")
    assert compile_relay.main([]) == 0
    said = capsys.readouterr().err
    assert said.startswith("The relay runs uncompiled here: ")
    assert ("python3-dev" if missing == "headers" else "Debian: gcc") in said
    assert not is_current()


def test_what_does_not_compile_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(CannotCompile, match="nothing_here"):
        compile_into(tmp_path, ("server/teduh_server/nothing_here.py",))
