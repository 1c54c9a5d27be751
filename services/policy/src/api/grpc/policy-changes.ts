/** What differs between two versions, policy by policy. */

export type Change = { policyId: string; change: 'added' | 'removed' | 'changed'; before: string; after: string }

/** Texts past this are left out of an answer; the ids are all there. */
const MAX_TEXT_BYTES = 2 * 1024 * 1024

/** @param before and @param after policy text by id */
export function changesBetween(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Change[] {
  const ids = [...new Set([...before.keys(), ...after.keys()])].sort()
  let bytes = 0
  return ids.flatMap((policyId) => {
    const [old, now] = [before.get(policyId), after.get(policyId)]
    if (old === now) return []
    const change = old === undefined ? 'added' : now === undefined ? 'removed' : 'changed'
    bytes += Buffer.byteLength(old ?? '') + Buffer.byteLength(now ?? '')
    const tooMuch = bytes > MAX_TEXT_BYTES
    return [{ policyId, change, before: tooMuch ? '' : (old ?? ''), after: tooMuch ? '' : (now ?? '') }]
  })
}
