import { describe, expect, it } from 'vitest'
import { decodeBundle, emptyEdge, encodeBundle, extend, hashesAt, MAX_ENTRY_BYTES, tilePath } from './tiles.ts'

describe('tiles, as C2SP tlog-tiles writes them', () => {
  it('names tiles in groups of three digits', () => {
    expect(tilePath(0, 0, 256)).toBe('tile/0/000')
    expect(tilePath(1, 1_234_067, 256)).toBe('tile/1/x001/x234/067')
    expect(tilePath('entries', 1_000, 17)).toBe('tile/entries/x001/000.p/17')
  })

  it('counts as in the worked example: 70,000 entries are 273 full tiles and 112 hashes, then 1 and 17, then 1', () => {
    expect(
      [0, 1, 2].map((level) => [Math.floor(hashesAt(level, 70_000) / 256), hashesAt(level, 70_000) % 256]),
    ).toEqual([
      [273, 112],
      [1, 17],
      [0, 1],
    ])
  })

  it('reports each tile once, when it is full', () => {
    const edge = emptyEdge()
    const full = extend(
      edge,
      Array.from({ length: 70_000 }, (_, index) => Buffer.from(String(index))),
    )
    const count = (level: number | 'entries') => full.filter((tile) => tile.level === level).map(({ index }) => index)
    expect(count(0)).toEqual(Array.from({ length: 273 }, (_, index) => index))
    expect(count('entries')).toEqual(count(0))
    expect(count(1)).toEqual([0])
    expect(edge.levels.map((tile) => tile.length)).toEqual([112, 17, 1])
  })

  it('reads bundles back, and refuses what does not fit', () => {
    const entries = [Buffer.from('a'), Buffer.alloc(0), Buffer.alloc(MAX_ENTRY_BYTES, 7)]
    expect(decodeBundle(encodeBundle(entries))).toEqual(entries)
    expect(() => decodeBundle(encodeBundle(entries).subarray(0, -1))).toThrow('inside an entry')
    expect(() => extend(emptyEdge(), [Buffer.alloc(MAX_ENTRY_BYTES + 1)])).toThrow('at most 65535')
  })
})
