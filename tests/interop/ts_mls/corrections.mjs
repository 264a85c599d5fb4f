// A loader hook that corrects ts-mls 2.0.0-rc.10 while Node loads it.
//
// RFC 9420, 12.4: a commit that covers an Update or a Remove MUST have a path. ts-mls makes (and accepts) one
// without a path unless it covers two of them, so that whoever is removed can compute the next epoch's secrets.
// Ours refuses such a commit, rightly; to play removals at all, the comparison is corrected here. A test shows
// that the uncorrected library is still at fault, and so tells when this file can go.

const CORRECTIONS = [
  {
    file: "/ts-mls/dist/src/clientState.js",
    wrong: [
      "Object.values(grouped[defaultProposalTypes.update]).length > 1",
      "Object.values(grouped[defaultProposalTypes.remove]).length > 1",
    ],
    right: (wrong) => wrong.replace("> 1", "> 0"),
  },
]

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context)
  const correction = CORRECTIONS.find(({ file }) => url.endsWith(file))
  if (correction === undefined) return loaded
  let source = Buffer.from(loaded.source).toString()
  for (const wrong of correction.wrong) {
    if (source.split(wrong).length !== 2) throw new Error(`${correction.file} has changed: look at the correction again`)
    source = source.replace(wrong, correction.right(wrong))
  }
  return { ...loaded, source }
}
