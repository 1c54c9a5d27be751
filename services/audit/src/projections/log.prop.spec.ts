import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint } from '@credence/sdk/verify/checkpoint'
import { verifyConsistency } from '@credence/sdk/verify/merkle'
import { verifyTlogProof } from '@credence/sdk/verify/tlog-proof'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTileFiles } from '../adapters/tiles/files.ts'
import { leafHash, nodeHash, splitPoint } from '../domain/tree/hashing.ts'
import { type Log, openLog } from './log.ts'

const signer = { name: 'audit.test.local/trail', privateKey: generateKeyPairSync('ed25519').privateKey }
const entryOf = (index: number) => Buffer.from(`entry ${index}`)

/** The definition of RFC 6962 §2.1, word for word. */
function naiveRoot(entries: Buffer[]): Buffer {
  if (entries.length === 1) return leafHash(entries[0] as Buffer)
  const split = splitPoint(entries.length)
  return nodeHash(naiveRoot(entries.slice(0, split)), naiveRoot(entries.slice(split)))
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'credence-log-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function grow(log: Log, to: number, batch: number): Promise<void> {
  while (log.size() < to) {
    const end = Math.min(to, log.size() + batch)
    while (log.size() < end) log.add(entryOf(log.size()), { IDENTITY: log.size() + 1 })
    await log.seal()
  }
}

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.integer({ min: 250, max: 262 }),
  fc.integer({ min: 500, max: 1_500 }),
)

describe('the log', () => {
  it('has the root of RFC 6962, proofs that verify, and the same tree after being opened again', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, sizes, fc.integer({ min: 1, max: 400 }), fc.nat(), async (first, more, batch, pick) => {
        const place = join(folder, `${first}-${more}-${batch}-${pick}`)
        let log = await openLog(openTileFiles(place), signer)
        await grow(log, first, batch)
        const older = openCheckpoint(log.checkpoint().note, log.verifierKey)
        log = await openLog(openTileFiles(place), signer)
        const size = first + more
        await grow(log, size, batch)
        const newer = openCheckpoint(log.checkpoint().note, log.verifierKey)
        const entries = Array.from({ length: size }, (_, index) => entryOf(index))
        expect(newer.size).toBe(size)
        expect(newer.root.toString('hex')).toBe(naiveRoot(entries).toString('hex'))
        verifyConsistency(older, newer, await log.consistency(first, size))
        const index = pick % size
        expect(await log.entry(index)).toEqual(entryOf(index))
        const proof = await log.proofOf(index)
        expect(verifyTlogProof(proof, entryOf(index), log.verifierKey)).toEqual({ origin: signer.name, index, size })
      }),
      { numRuns: 15 },
    )
  })

  it('refuses a changed record, index, hash, root, signature and key', async () => {
    const log = await openLog(openTileFiles(folder), signer)
    await grow(log, 300, 300)
    const proof = await log.proofOf(7)
    const lines = proof.split('\n')
    const change = (line: number, text: string) => lines.map((old, at) => (at === line ? text : old)).join('\n')
    const fails = (text: string, entry = entryOf(7), key = log.verifierKey) =>
      expect(() => verifyTlogProof(text, entry, key)).toThrow()
    fails(proof, entryOf(8))
    fails(change(1, 'index 8'))
    fails(change(2, lines[3] as string))
    fails(lines.filter((_, at) => at !== 2).join('\n'))
    const sizeLine = lines.indexOf('300')
    fails(change(sizeLine, '301'))
    fails(change(sizeLine + 1, Buffer.alloc(32).toString('base64')))
    const other = await openLog(openTileFiles(join(folder, 'other')), {
      ...signer,
      privateKey: generateKeyPairSync('ed25519').privateKey,
    })
    fails(proof, entryOf(7), other.verifierKey)
    expect(verifyTlogProof(proof, entryOf(7), log.verifierKey).index).toBe(7)
  })

  it('refuses to open on tiles that are not what was signed', async () => {
    const files = openTileFiles(folder)
    const log = await openLog(files, signer)
    await grow(log, 10, 10)
    await files.writeTile(0, 0, 10, Buffer.alloc(320))
    await expect(openLog(openTileFiles(folder), signer)).rejects.toThrow('do not hash')
  })
})
