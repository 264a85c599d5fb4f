"""Enrol this device as a staff device: an invitation code in, an encrypted key store out.

    enrol.py --relay https://relay.example --organisation organisation.toml --key-store sari

Asks for the code that the coordinator's `teduh org invite` printed, and for a passphrase; shows the four
words that the coordinator must see too; waits until `teduh org approve` has signed.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
from pathlib import Path

from teduh_sdk import EncryptedKeyStore, enrol_device, load_organisation
from teduh_sdk.exceptions import TeduhError


async def enrol(options: argparse.Namespace) -> None:
    organisation = load_organisation(options.organisation)
    code = getpass.getpass("Invitation code: ")
    passphrase = getpass.getpass("A new passphrase for this device: ")
    keys = EncryptedKeyStore.create(options.key_store, passphrase)
    enrolment = await enrol_device(options.relay, organisation, code)
    print("Read these words to the coordinator:", " ".join(enrolment.words), flush=True)
    await enrolment.wait(keys)
    print("Enrolled.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Enrol this device as a staff device.")
    parser.add_argument("--relay", required=True)
    parser.add_argument("--organisation", type=Path, required=True)
    parser.add_argument("--key-store", type=Path, required=True)
    try:
        asyncio.run(enrol(parser.parse_args()))
    except TeduhError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


if __name__ == "__main__":
    main()
