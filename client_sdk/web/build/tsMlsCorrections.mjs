// What is corrected in ts-mls 2.0.0-rc.10 wherever Teduh runs it: in the web build, in its tests, and in the
// interoperability tests.
//
// Seven faults break RFC 9420, and the first two let a removed member read on:
//
// 1. Section 12.4: a commit that covers an Update or a Remove MUST have a path. ts-mls leaves it out unless there
//    are two of a kind, so that whoever is removed can compute the next epoch's secrets.
// 2. Section 7.5: new leaves are left out of the path's encryption. ts-mls encrypts to them, under the key that
//    the leaf had before: where a Remove and an Add share a commit and a leaf, that is the removed member's.
// 3. For the same reason it encrypts to the old key of a member whose Update it commits, who cannot follow.
// 4. Section 12.4.3.1: nodes between an unmerged leaf and the node that lists it must list it too. ts-mls wants all
//    nodes up to the root to list the same leaves, and so refuses to join many a sound group.
// 5. Section 12.4.3.2: the external_pub extension holds a vector, which ts-mls reads and writes without its length.
// 6. Section 12.4.2: a commit without the path that it needs is not valid. ts-mls says so only of one that it applies, and
//    a Remove of ourselves we look at and do not apply.
// 7. Section 7.2: a client may list versions that we do not know. ts-mls cannot decode a leaf that does.
//
// Each wrong text must be found exactly once, so that another version of ts-mls is never corrected by accident,
// nor left uncorrected.

/** @type {Readonly<Record<string, readonly (readonly [string, string])[]>>} */
const CORRECTIONS = {
  "/ts-mls/dist/src/capabilities.js": [
    ["varLenTypeDecoder(protocolVersionDecoder)", "varLenTypeDecoder(uint16Decoder)"],
  ],
  "/ts-mls/dist/src/clientState.js": [
    [
      "Object.values(grouped[defaultProposalTypes.update]).length > 1",
      "Object.values(grouped[defaultProposalTypes.update]).length > 0",
    ],
    [
      "Object.values(grouped[defaultProposalTypes.remove]).length > 1",
      "Object.values(grouped[defaultProposalTypes.remove]).length > 0",
    ],
    [
      "tree[nodeIndex]?.nodeType !== nodeTypes.leaf && !dp.includes(toNodeIndex(i))",
      "tree[nodeIndex]?.nodeType !== nodeTypes.leaf || !dp.includes(toNodeIndex(i))",
    ],
    ["for (const parentIdx of dp) {", "for (const parentIdx of dp.slice(0, dp.indexOf(toNodeIndex(i)))) {"],
    [
      "!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves)",
      "!dpNode.parent.unmergedLeaves.includes(unmergedLeaf)",
    ],
  ],
  "/ts-mls/dist/src/createCommit.js": [
    [
      "{ extensionType: defaultExtensionTypes.external_pub, extensionData: externalPub },",
      `{
        extensionType: defaultExtensionTypes.external_pub,
        extensionData: Uint8Array.of(0x40 | (externalPub.length >> 8), externalPub.length & 0xff, ...externalPub)
          .subarray(externalPub.length < 64 ? 1 : 0),
      },`,
    ],
    [
      "exportSecret(externalPub.extensionData, cs)",
      "exportSecret(externalPub.extensionData.slice(externalPub.extensionData[0] < 0x40 ? 1 : 2), cs)",
    ],
  ],
  "/ts-mls/dist/src/processMessages.js": [
    [
      'const action = callback({ kind: "commit", senderLeafIndex, proposals: result.allProposals });',
      `if (result.needsUpdatePath && content.commit.path === undefined)
        throw new ValidationError("Update path is required");
      const action = callback({ kind: "commit", proposals: result.allProposals, senderLeafIndex });`,
    ],
  ],
  "/ts-mls/dist/src/updatePath.js": [
    ["getHpkePublicKey(originalTree[nodeIndex])", "getHpkePublicKey(updatedTree[nodeIndex])"],
    [
      "pathSecret.sendTo.map(",
      // Leaves that no proposal touched are the same objects in both trees.
      `pathSecret.sendTo.filter((index) => {
        const leaf = updatedTree[index].leaf
        return leaf?.leafNodeSource !== leafNodeSources.key_package || leaf === originalTree[index]?.leaf
      }).map(`,
    ],
  ],
}

/** The files that have something to correct, as the ends of their paths. */
export const CORRECTED_FILES = Object.freeze(Object.keys(CORRECTIONS))

/**
 * The source of a module as it should be; undefined for a module that has nothing to correct.
 * Throws an Error when a wrong text is not there exactly once.
 *
 * @param {string} path  the module's path or URL, without a query
 * @param {string} source
 * @returns {string | undefined}
 */
export function corrected(path, source) {
  const file = CORRECTED_FILES.find((ending) => path.endsWith(ending))
  if (file === undefined) return undefined
  return (CORRECTIONS[file] ?? []).reduce((text, [wrong, right]) => {
    if (text.split(wrong).length !== 2) throw new Error(`${file} has changed: look at the corrections again`)
    return text.replace(wrong, () => right)
  }, source)
}
