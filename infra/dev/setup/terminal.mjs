/** What setting up says: one line a job, with its time; nothing when there was nothing to do. */
import { spawnSync } from 'node:child_process'

const colour = process.stdout.isTTY && !process.env.NO_COLOR
export const dim = (text) => (colour ? `\u001b[2m${text}\u001b[0m` : text)

/** Stops everything: what went wrong, and what to do. */
export class SetupFailed extends Error {}

/** Says what is done, does it, says how long it took. */
export function job(what, work) {
  process.stdout.write(dim(`  ${what} …`))
  const began = Date.now()
  try {
    const result = work()
    process.stdout.write(dim(` ${((Date.now() - began) / 1000).toFixed(1)} s\n`))
    return result
  } catch (error) {
    process.stdout.write('\n')
    throw error
  }
}

/** Runs a command quietly. @returns exit code and all that it wrote */
export function quietly(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  })
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}` }
}

export const tail = (text, lines = 15) => text.trimEnd().split('\n').slice(-lines).join('\n')
