/** A TPM in software for one test, with a manufacturer of its own; tests that lack it are skipped, and say why. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DevelopmentTpm, start, tpmMissing } from '../../dev/tpm.ts'
import type { Measured } from '../../dev/tpm-boot.ts'

export const swtpmMissing = tpmMissing()

export type Swtpm = DevelopmentTpm & {
  folder: string
  /** Switches it off and on again, and boots; counters and clock go on, registers begin anew. */
  restart(measured?: readonly Measured[]): Promise<void>
  /** The same, without having been shut down. */
  powerCut(): Promise<void>
  /** Switches it off, and removes it. */
  remove(): Promise<void>
}

export async function newSwtpm(): Promise<Swtpm> {
  const folder = await mkdtemp(join(tmpdir(), 'credence-tpm-test-'))
  let tpm = await start(folder)
  return {
    folder,
    get tcti() {
      return tpm.tcti
    },
    get manufacturerPem() {
      return tpm.manufacturerPem
    },
    get eventLog() {
      return tpm.eventLog
    },
    stop: () => tpm.stop(),
    cut: () => tpm.cut(),
    powerCut: async () => {
      await tpm.cut()
      tpm = await start(folder)
    },
    restart: async (measured) => {
      await tpm.stop()
      tpm = await start(folder, measured)
    },
    remove: async () => {
      await tpm.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
