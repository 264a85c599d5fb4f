"""Staff: authentication, availability, colleagues, key packages, invitations."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from support.clients.frame_client import FrameClient, frame_client, talking_pair
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation, StaffDevice
from support.relay.relay_process import relay_here
from teduh_crypto.credentials import Role
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.session.connection import Connection
from teduh_server.staff.key_package_directory import LENT_TO_ONE
from teduh_signaling.relay.frames import (
    AcknowledgeInbox,
    Append,
    Authenticate,
    Availability,
    Claim,
    CloseCode,
    Colleagues,
    Done,
    Entry,
    EntryKind,
    Error,
    ErrorCode,
    FetchKeyPackage,
    InboxItem,
    KeyPackage,
    ListColleagues,
    MembershipEnded,
    PublishKeyPackages,
    SetAvailability,
)


async def _refused(client: FrameClient, device: StaffDevice, *, origin: str | None = None) -> ErrorCode:
    """Authenticate; the refusal must be fatal and close the connection."""
    signature = device.sign(origin or client.url, client.hello.nonce)
    error = await client.ask(Authenticate(device.statement, signature), Error)
    assert error.fatal
    assert await client.closed() == CloseCode.POLICY_VIOLATION
    return error.code


async def test_good_statement_is_authenticated_until_it_ends(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    device = organisation.staff()
    async with frame_client(relay_url) as client:
        authenticated = await client.authenticate(device)
        assert (authenticated.device_id, authenticated.expires) == (device.id, device.about.expires)
        assert authenticated.key_packages_left == 0


async def test_nothing_stays_of_a_connection_that_has_ended(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """Not even until the statement ends, which may be weeks away."""
    device = organisation.staff()

    def connections() -> list[Connection]:
        gc.collect()
        everything = (each for each in gc.get_objects() if type(each) is Connection)
        return [each for each in everything if each.staff and each.staff.device_id == device.id]

    async with frame_client(relay_url) as client:
        await client.authenticate(device)
        assert connections()
    await eventually(lambda: not connections())


async def test_statement_of_another_organisation_is_refused(relay_url: str) -> None:
    async with frame_client(relay_url) as client:
        stranger = RelayOrganisation().staff()
        assert await _refused(client, stranger) is ErrorCode.AUTHENTICATION_FAILED


async def test_stolen_statement_without_its_key_is_refused(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    sari, thief = organisation.staff(), organisation.staff()
    async with frame_client(relay_url) as client:
        stolen = StaffDevice(thief.key, sari.statement, sari.about)
        assert await _refused(client, stolen) is ErrorCode.AUTHENTICATION_FAILED


async def test_signature_for_another_origin_is_refused(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with frame_client(relay_url) as client:
        code = await _refused(client, organisation.staff(), origin="https://other.example")
        assert code is ErrorCode.AUTHENTICATION_FAILED


async def test_signature_from_another_connection_is_refused(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with frame_client(relay_url) as one, frame_client(relay_url) as two:
        two.hello = one.hello
        assert await _refused(two, organisation.staff()) is ErrorCode.AUTHENTICATION_FAILED


async def test_ended_statement_is_refused(relay_url: str, organisation: RelayOrganisation) -> None:
    async with frame_client(relay_url) as client:
        assert await _refused(client, organisation.staff(expires_in=-120)) is ErrorCode.STATEMENT_EXPIRED


async def test_statement_that_has_not_begun_is_refused_with_both_times(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """The relay's clock is two hours behind, or that of whoever signed two hours ahead."""
    early = organisation.staff(begins_in=2 * 3600)
    async with frame_client(relay_url) as client:
        signature = early.sign(client.url, client.hello.nonce)
        error = await client.ask(Authenticate(early.statement, signature), Error)
    assert (error.code, error.fatal) == (ErrorCode.AUTHENTICATION_FAILED, True)
    assert error.detail.startswith("statement_not_yet_valid")
    assert error.expected == early.about.not_before
    assert client.hello.time <= error.counter < error.expected


async def test_issuer_is_no_staff(relay_url: str, organisation: RelayOrganisation) -> None:
    async with frame_client(relay_url) as client:
        issuer = organisation.staff(role=Role.ISSUER)
        assert await _refused(client, issuer) is ErrorCode.AUTHENTICATION_FAILED


async def test_revoked_device_is_closed_at_once_and_not_taken_again(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    sari, budi = organisation.staff(), organisation.staff("Budi")
    async with frame_client(relay_url) as client, frame_client(relay_url) as other:
        await client.authenticate(sari)
        await other.authenticate(budi)
        await organisation.publish_revocations(relay_url, organisation.revoking(sari))
        error = await client.expect(Error)
        assert (error.code, error.fatal) == (ErrorCode.STATEMENT_REVOKED, True)
        await client.closed()
        await other.ask(ListColleagues(1), Colleagues)
    async with frame_client(relay_url) as client:
        assert await _refused(client, sari) is ErrorCode.STATEMENT_REVOKED


async def test_without_a_revocation_list_nobody_is_believed(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url), frame_client(url) as client:
        device = organisation.staff()
        answer = Authenticate(device.statement, device.sign(url, client.hello.nonce))
        error = await client.ask(answer, Error)
        assert (error.code, error.fatal) == (ErrorCode.UNAVAILABLE, True)


async def test_anonymous_connection_may_not_use_staff_frames(relay_url: str) -> None:
    async with frame_client(relay_url) as client:
        refused = await client.ask(Claim(3), Error)
        assert (refused.code, refused.ref, refused.fatal) == (ErrorCode.UNEXPECTED_FRAME, 3, False)


async def test_colleagues_are_those_who_are_connected(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    sari, budi = organisation.staff(), organisation.staff("Budi")
    async with frame_client(relay_url) as one:
        await one.authenticate(sari)
        async with frame_client(relay_url) as two:
            await two.authenticate(budi)
            await two.ask(SetAvailability(1, Availability.AVAILABLE, 2), Done)
            (colleague,) = (await one.ask(ListColleagues(2), Colleagues)).colleagues
            assert (colleague.device_id, colleague.statement) == (budi.id, budi.statement)
            assert (colleague.availability, colleague.load) == (Availability.AVAILABLE, 0)
        await one.colleagues(0)


async def test_key_package_is_handed_out_once(relay_url: str, organisation: RelayOrganisation) -> None:
    sari, budi = organisation.staff(), organisation.staff("Budi")
    async with frame_client(relay_url) as one, frame_client(relay_url) as two:
        await one.authenticate(sari)
        await two.authenticate(budi)
        await two.ask(PublishKeyPackages(1, (b"first", b"second")), Done)
        fetched = [(await one.ask(FetchKeyPackage(2, budi.id), KeyPackage)).key_package for _ in range(2)]
        assert fetched == [b"first", b"second"]
        refused = await one.ask(FetchKeyPackage(3, budi.id), Error)
        assert (refused.code, refused.ref) == (ErrorCode.NO_KEY_PACKAGE, 3)


async def test_a_key_package_is_given_for_one_commit_of_a_conversation_of_the_askers(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """However often she asks; in the next epoch another is."""
    sari, budi = organisation.staff(), organisation.staff("Budi")
    async with talking_pair(relay_url, sari) as (_, one, conversation), frame_client(relay_url) as two:
        await two.authenticate(budi)
        await two.ask(PublishKeyPackages(1, tuple(b"package %d" % each for each in range(10))), Done)
        fetched = [
            (await one.ask(FetchKeyPackage(2, budi.id, conversation), KeyPackage)).key_package
            for _ in range(100)
        ]
        assert set(fetched) == {b"package 0"}
        await one.append(conversation, 2, b"commit", kind=1)
        after = await one.ask(FetchKeyPackage(3, budi.id, conversation), KeyPackage)
        assert after.key_package == b"package 1"


async def test_no_key_package_is_given_for_a_conversation_of_others(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    sari, budi = organisation.staff(), organisation.staff("Budi")
    async with (
        talking_pair(relay_url, sari) as (_, _, conversation),
        frame_client(relay_url) as two,
        frame_client(relay_url) as stranger,
    ):
        await two.authenticate(budi)
        await two.ask(PublishKeyPackages(1, (b"package",)), Done)
        await stranger.authenticate(organisation.staff("Dewi"))
        refused = await stranger.ask(FetchKeyPackage(2, budi.id, conversation), Error)
        assert (refused.code, refused.ref) == (ErrorCode.UNKNOWN_CONVERSATION, 2)


async def test_one_person_does_not_empty_a_colleagues_key_packages(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """Not even by a client that names no conversation, as those of before."""
    budi = organisation.staff("Budi")
    async with frame_client(relay_url) as one, frame_client(relay_url) as two:
        await one.authenticate(organisation.staff())
        await two.authenticate(budi)
        await two.ask(PublishKeyPackages(1, (b"package",) * 50), Done)
        for ref in range(LENT_TO_ONE):
            await one.ask(FetchKeyPackage(ref, budi.id), KeyPackage)
        for ref in range(50):
            refused = await one.ask(FetchKeyPackage(ref, budi.id), Error)
            assert (refused.code, refused.ref) == (ErrorCode.RATE_LIMITED, ref)
            assert 0 < refused.retry_after_ms <= 120_000


async def test_key_packages_left_are_told_on_the_next_connection(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    sari = organisation.staff()
    async with frame_client(relay_url) as one, frame_client(relay_url) as two:
        await one.authenticate(sari)
        await one.ask(PublishKeyPackages(1, (b"first", b"second")), Done)
        assert (await two.authenticate(sari)).key_packages_left == 2


async def test_added_device_is_invited_and_begins_with_its_welcome(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    budi = organisation.staff("Budi")
    async with (
        talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation),
        frame_client(relay_url) as invited,
    ):
        await invited.authenticate(budi)
        await survivor.append(conversation, 1, b"before")
        await staff.append(conversation, 2, b"commit", kind=1, welcome=b"for budi", added=(budi.id,))
        item = await invited.expect(InboxItem)
        assert (item.conversation_id, item.after) == (conversation, 4)
        assert (await invited.subscribe(conversation, 0)).member == 2
        (welcome,) = await invited.entries(1)
        assert (welcome.seq, welcome.kind, welcome.payload) == (5, EntryKind.WELCOME, b"for budi")
        await survivor.append(conversation, 2, b"after", epoch=2)
        assert (await invited.entries(1))[0].payload == b"after"


async def test_invitation_waits_until_it_is_dealt_with(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    budi = organisation.staff("Budi")
    async with talking_pair(relay_url, organisation.staff()) as (_, staff, conversation):
        for _ in range(2):  # the second is a retry, and invites nobody again
            await staff.append(conversation, 2, b"commit", kind=1, welcome=b"w", added=(budi.id,))
        seqs = []
        for _ in range(2):
            async with frame_client(relay_url) as invited:
                await invited.authenticate(budi)
                seqs.append((await invited.expect(InboxItem)).seq)
        assert seqs[0] == seqs[1]
        async with frame_client(relay_url) as invited:
            await invited.authenticate(budi)
            await invited.send(AcknowledgeInbox(seqs[0]))
            await invited.ask(SetAvailability(1, Availability.AWAY, 0), Done)
        async with frame_client(relay_url) as invited:
            await invited.authenticate(budi)
            await invited.ask(SetAvailability(1, Availability.AWAY, 0), Done)
            assert not [frame for frame in invited.seen if isinstance(frame, InboxItem)]


async def test_removed_device_gets_the_commit_and_then_nothing_more(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    budi = organisation.staff("Budi")
    async with (
        talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation),
        frame_client(relay_url) as removed,
    ):
        await removed.authenticate(budi)
        await staff.append(conversation, 2, b"add", kind=1, welcome=b"w", added=(budi.id,))
        await removed.subscribe(conversation, 3)
        await staff.append(conversation, 3, b"remove", epoch=2, kind=1, removed=(budi.id,))
        await survivor.append(conversation, 1, b"secret", epoch=3)
        ended = await removed.expect(MembershipEnded)
        assert ended.conversation_id == conversation
        assert [frame.payload for frame in removed.seen if isinstance(frame, Entry)] == [b"w", b"remove"]
        refused = await removed.ask(Append(conversation, 1, 0, 3, b"x"), Error)
        assert refused.code is ErrorCode.UNKNOWN_CONVERSATION


@pytest.mark.parametrize("change", ["added", "removed"])
async def test_survivor_changes_no_members(
    relay_url: str, organisation: RelayOrganisation, change: str
) -> None:
    device = organisation.staff()
    async with talking_pair(relay_url, device) as (survivor, staff, conversation):
        devices = {"added": (bytes(32),), "removed": ()} if change == "added" else {"removed": (device.id,)}
        refused = await survivor.ask(Append(conversation, 1, 1, 1, b"commit", b"w", **devices), Error)
        assert refused.code is ErrorCode.NOT_PERMITTED
        assert (await staff.append(conversation, 2, b"still here")).seq == 3
