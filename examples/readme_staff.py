from teduh_sdk import KeyStore, Staff, events, load_organisation


async def main(relay: str, organisation_file: str, keys: KeyStore) -> None:
    async with Staff(relay, load_organisation(organisation_file), keys) as staff:
        async for request in staff.requests():
            conversation = await request.accept()
            await conversation.send("I am here. Are you safe right now?")
            async for event in conversation:
                if isinstance(event, events.TextReceived):
                    await event.mark_read()
                    print(f"{event.sender}: {event.text}")
