/** What is made here is what the TypeID library reads, and in order. */
import { TypeID } from 'typeid-js'
import { describe, expect, it } from 'vitest'
import { newId } from './ids.ts'

describe('newId', () => {
  it('makes TypeIDs of UUIDv7, as the library reads and writes them', () => {
    for (let round = 0; round < 5_000; round++) {
      const before = Date.now()
      const id = newId('agt')
      const read = TypeID.fromString(id)
      expect(read.getType()).toBe('agt')
      const uuid = read.toUUID()
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(TypeID.fromUUID('agt', uuid).toString()).toBe(id)
      const time = Number.parseInt(uuid.replace('-', '').slice(0, 12), 16)
      expect(time).toBeGreaterThanOrEqual(before)
      expect(time).toBeLessThanOrEqual(Date.now())
    }
  })

  it('makes each once, in order, whatever the clock does', () => {
    const ids = Array.from({ length: 50_000 }, () => newId('evt'))
    expect(new Set(ids).size).toBe(ids.length)
    expect([...ids].sort()).toEqual(ids)
  })

  it('leaves at least 42 bits to chance', () => {
    const tails = Array.from({ length: 20_000 }, () => newId('evt').slice(-8))
    expect(new Set(tails).size).toBeGreaterThan(19_990)
    for (let place = 0; place < 8; place++) expect(new Set(tails.map((tail) => tail[place])).size).toBe(32)
  })
})
