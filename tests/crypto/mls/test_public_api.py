"""What `teduh_crypto.mls` offers is a list that changes on purpose only."""

from __future__ import annotations

from teduh_crypto import mls

PUBLIC = """
Add ApplicationMessage BasicCredential Capabilities CommitReceived Credential Extension ExternalPSK
ExternalSender ExternalSenders Group GroupContextExtensions GroupPolicy KeyPackage KeyPackageBundle LeafChange
LeafIndex LeafNode Lifetime Member OpaqueCredential Padding PendingCommit PreSharedKey PreSharedKeyID Proposal
ProposalReceived RatchetLimits Received Remove RemovedFromGroup RequiredCapabilities ResumptionPSK
ResumptionPSKUsage Sender SenderType Update WireFormat X509Credential default_capabilities default_lifetime
new_key_package no_padding
"""


def test_the_public_api_is_this_list() -> None:
    assert sorted(mls.__all__) == sorted(PUBLIC.split())


def test_everything_public_is_there_and_described() -> None:
    for name in mls.__all__:
        assert getattr(mls, name) is not None
