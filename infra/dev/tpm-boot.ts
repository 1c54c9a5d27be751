/** What a machine measures while it boots, and the log of it (TCG PC Client Platform Firmware Profile §10). */
import { hash } from 'node:crypto'

export type Measured = {
  pcr: number
  /** Type of the event (§10.4.1). */
  type: number
  event: Buffer
  /** Of what was measured, hexadecimal, by bank. */
  digests: { sha256: string; sha384: string }
}

const EV = { noAction: 3, separator: 4, crtmVersion: 8, bootApplication: 0x8000_0003, variable: 0x8000_0001 }
const BANKS = [
  { name: 'sha256', id: 0x000b, bytes: 32 },
  { name: 'sha384', id: 0x000c, bytes: 48 },
] as const

const event = (pcr: number, type: number, text: string): Measured => {
  const bytes = Buffer.from(text)
  return { pcr, type, event: bytes, digests: { sha256: hash('sha256', bytes), sha384: hash('sha384', bytes) } }
}

/** Firmware, boot loader, secure boot, and the separators that end the firmware’s part. */
export const measuredBoot = (loader = 'a boot loader'): Measured[] => [
  event(0, EV.crtmVersion, 'a firmware'),
  event(7, EV.variable, 'secure boot is on'),
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((pcr) => event(pcr, EV.separator, '\0\0\0\0')),
  event(4, EV.bootApplication, loader),
]

const u8 = (value: number) => Buffer.from([value])
const u16 = (value: number) => Buffer.from([value & 255, value >> 8])
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** The log of these events, crypto-agile: one digest a bank. */
export function eventLogOf(measured: readonly Measured[]): Buffer {
  const algorithms = BANKS.flatMap(({ id, bytes }) => [u16(id), u16(bytes)])
  const specification = Buffer.concat([
    Buffer.from('Spec ID Event03\0'),
    ...[u32(0), u8(0), u8(2), u8(0), u8(2), u32(BANKS.length), ...algorithms, u8(0)],
  ])
  const first = [u32(0), u32(EV.noAction), Buffer.alloc(20), u32(specification.byteLength), specification]
  const rest = measured.flatMap(({ pcr, type, event: bytes, digests }) => [
    ...[u32(pcr), u32(type), u32(BANKS.length)],
    ...BANKS.flatMap(({ name, id }) => [u16(id), Buffer.from(digests[name], 'hex')]),
    ...[u32(bytes.byteLength), bytes],
  ])
  return Buffer.concat([...first, ...rest])
}

/** What the registers hold after these events, by index: each digest extended into what was there (TPM 2.0 Part 1 §17.2). */
export function registersAfter(
  measured: readonly Measured[],
  bank: 'sha256' | 'sha384',
  pcrs: readonly number[],
): Record<number, string> {
  const empty = '00'.repeat(BANKS.find(({ name }) => name === bank)?.bytes ?? 0)
  const after = (pcr: number) =>
    measured
      .filter((one) => one.pcr === pcr)
      .reduce((held, { digests }) => hash(bank, Buffer.from(held + digests[bank], 'hex')), empty)
  return Object.fromEntries(pcrs.map((pcr) => [pcr, after(pcr)]))
}
