// A loader hook that corrects ts-mls 2.0.0-rc.10 while Node loads it.
//
// Five faults break RFC 9420, and the first two let a removed member read on:
//
// 1. Section 12.4: a commit that covers an Update or a Remove MUST have a path. ts-mls leaves it out unless there
//    are two of a kind, so that whoever is removed can compute the next epoch's secrets.
// 2. Section 7.5: new leaves are left out of the path's encryption. ts-mls encrypts to them, under the key that
//    the leaf had before: where a Remove and an Add share a commit and a leaf, that is the removed member's.
// 3. For the same reason it encrypts to the old key of a member whose Update it commits, who cannot follow.
// 4. Section 12.4.3.1: nodes between an unmerged leaf and the node that lists it must list it too. ts-mls wants all
//    nodes up to the root to list the same leaves, and so refuses to join many a sound group.
// 5. Section 12.4.3.2: the external_pub extension holds a vector, which ts-mls reads and writes without its length.
//
// Ours refuses the commits of 1 and 2, rightly. To play removals at all, these expressions are corrected. Tests
// show that the uncorrected library is still at fault, and so tell when this file can go.

const CORRECTIONS = {
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

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context)
  const file = Object.keys(CORRECTIONS).find((ending) => url.endsWith(ending))
  if (file === undefined) return loaded
  let source = Buffer.from(loaded.source).toString()
  for (const [wrong, right] of CORRECTIONS[file]) {
    if (source.split(wrong).length !== 2) throw new Error(`${file} has changed: look at the corrections again`)
    source = source.replace(wrong, () => right)
  }
  return { ...loaded, source }
}
