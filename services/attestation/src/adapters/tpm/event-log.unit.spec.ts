import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { eventLogOf, measuredBoot } from '../../../../../infra/dev/tpm-boot.ts'
import { recorded } from '../../testing/tpm2-quotes/recorded.ts'
import { parseEventLog, replayEventLog } from './event-log.ts'

const extended = (before: Uint8Array, text: string) =>
  hash('sha256', Buffer.concat([before, Buffer.from(hash('sha256', text), 'hex')]), 'buffer')
const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex')
const event = (pcr: number, type: number, text: string) => ({
  pcr,
  type,
  event: Buffer.from(text),
  digests: { sha256: hash('sha256', text), sha384: hash('sha384', text) },
})
const replay = (events: Parameters<typeof eventLogOf>[0]) => replayEventLog(parseEventLog(eventLogOf(events)), 'sha256')

describe('TCG PC Client Platform Firmware Profile §10', () => {
  it('a log replays to the registers that the TPM quoted, in both banks', () => {
    for (const [name, bank] of [
      ['p256-ecdsa-sha256', 'sha256'],
      ['p384-ecdsa-sha384', 'sha384'],
    ] as const) {
      const { content } = recorded(name)
      const values = replayEventLog(parseEventLog(Buffer.from(content.event_log, 'base64url')), bank)
      for (const [pcr, value] of Object.entries(content.pcrs)) expect(hex(values.get(Number(pcr))), pcr).toBe(value)
    }
  })

  it('order counts', () => {
    const [one, two] = [event(4, 5, 'one'), event(4, 5, 'two')]
    expect(hex(replay([one, two]).get(4))).toBe(hex(extended(extended(new Uint8Array(32), 'one'), 'two')))
    expect(hex(replay([two, one]).get(4))).not.toBe(hex(replay([one, two]).get(4)))
  })

  it('§10.4.5.3: register 0 begins with the locality of the startup, and it is told before anything else', () => {
    const locality = event(0, 3, 'StartupLocality\0\x03')
    const before = new Uint8Array(32)
    before[31] = 3
    expect(hex(replay([locality, event(0, 8, 'firmware')]).get(0))).toBe(hex(extended(before, 'firmware')))
    expect(() => replay([event(0, 8, 'firmware'), locality])).toThrow('event log')
  })

  it('notes are not extended, nor are registers of a dynamic launch replayed', () => {
    expect([
      ...replay([event(5, 3, 'a note'), event(18, 5, 'a launch'), event(0xffff_ffff, 3, 'a note')]).keys(),
    ]).toEqual([])
  })

  it('a log that is not crypto-agile, names no register, or lacks a digest is refused', () => {
    const log = eventLogOf(measuredBoot())
    expect(() => parseEventLog(Buffer.alloc(0))).toThrow('ends too early')
    const old = Buffer.from(log)
    old.write('Spec ID Event02', 32)
    expect(() => parseEventLog(old)).toThrow('not a crypto-agile one')
    expect(() => parseEventLog(eventLogOf([event(24, 5, 'x')]))).toThrow('no register')
    const first = 32 + log.readUInt32LE(28)
    const fewer = Buffer.from(log)
    fewer.writeUInt32LE(1, first + 8)
    expect(() => parseEventLog(fewer)).toThrow('one digest of each algorithm')
    const twice = Buffer.from(log)
    twice.writeUInt16LE(0x000b, first + 12 + 2 + 32)
    expect(() => parseEventLog(twice)).toThrow('one digest of each algorithm')
  })
})
