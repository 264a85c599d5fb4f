import asyncio
import sys

from teduh_sdk import Directory, load_organisation


async def main(relay: str, organisation: str, need: str = "emergency", region: str = "ID") -> None:
    directory = await Directory.fetch(relay, load_organisation(organisation))
    for found in directory.search(need=need, region=region):
        print(found.service.name, *(phone.number for phone in found.service.phones))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
