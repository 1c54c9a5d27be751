/** A thread that hashes files, one after the other. */
import { parentPort } from 'node:worker_threads'
import { unreadable } from '../measure-error.ts'
import { digestFile } from './digest-file.ts'
import type { Told } from './threads.ts'

const TELL_BYTES = 16 * 1024 * 1024

parentPort?.on('message', async (path: string) => {
  const tell = (told: Told) => parentPort?.postMessage(told)
  let untold = 0
  try {
    const digested = await digestFile(path, (bytes) => {
      untold += bytes
      if (untold < TELL_BYTES) return
      tell({ bytes: untold })
      untold = 0
    })
    tell({ bytes: untold })
    tell({ digested })
  } catch (error) {
    const { code, message } = unreadable(path, error)
    tell({ failed: { code, message } })
  }
})
