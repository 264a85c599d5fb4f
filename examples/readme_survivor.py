from teduh_sdk import Survivor, events, load_organisation


async def main(relay: str, organisation_file: str) -> None:
    async with Survivor(relay, load_organisation(organisation_file)) as survivor:
        conversation = await survivor.ask(need="counseling")
        await conversation.send("Is somebody there?")  # kept until somebody is
        async for event in conversation:
            if isinstance(event, events.TextReceived):
                print(f"{event.sender}: {event.text}")
