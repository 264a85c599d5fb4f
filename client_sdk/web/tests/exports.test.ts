/** The public API is an explicit list: whoever changes it changes this test, and the changelog. */

import { expect, it } from "vitest"

import * as calls from "../src/call/index.ts"
import * as sdk from "../src/index.ts"

it("exports what applications may use, and nothing else", () => {
  expect(Object.keys(sdk).sort()).toEqual([
    "AuthenticationRefused",
    "Availability",
    "CLASSIC_SUITE",
    "CallPolicy",
    "ClientClosed",
    "ColleagueAbsent",
    "CommitConflict",
    "Conversation",
    "ConversationForgotten",
    "ConversationOver",
    "DeviceNotProven",
    "Directory",
    "EncryptedKeyStore",
    "Enrolment",
    "EnrolmentFailed",
    "EpochsDiffer",
    "HYBRID_SUITE",
    "InvalidDirectory",
    "InvalidOrganisation",
    "InvitationDeclined",
    "InvitedTo",
    "KeyStoreDamaged",
    "KeyStoreError",
    "LocalError",
    "LogBroken",
    "MAX_TEXT_CHARACTERS",
    "MemoryKeyStore",
    "MessageTooLong",
    "NEEDS",
    "NotJoined",
    "NotLetIn",
    "NotTrusted",
    "NotYetValid",
    "Participant",
    "Preference",
    "RelayLost",
    "RelayMisbehaved",
    "RelayRefused",
    "Request",
    "RequestGone",
    "RequestUnusable",
    "RosterNotAdmitted",
    "Staff",
    "Survivor",
    "TeduhError",
    "Urgency",
    "WrongConversation",
    "WrongPassphrase",
    "enrolDevice",
    "fetchOrganisation",
    "isEnrolled",
    "pendingEnrolment",
    "readOrganisation",
  ])
})

it("exports what calls need apart, so that who only writes loads none of it", () => {
  expect(Object.keys(calls).sort()).toEqual([
    "BrowserCall",
    "GRADES",
    "TIMING",
    "barsOf",
    "devicesHere",
    "listenTo",
    "onDevices",
    "playThrough",
  ])
})
