/** The command line, run as people run it: a process of its own. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))
const FLAGS = ['--conditions=@credence/source', '--disable-warning=ExperimentalWarning']

/** @param profile path of a profile file @returns what it wrote, and its exit code */
export async function credence(
  profile: string,
  ...args: string[]
): Promise<{ out: string; error: string; code: number }> {
  const env = { PATH: process.env.PATH ?? '', CREDENCE_PROFILE: profile }
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [...FLAGS, MAIN, ...args], { env })
    return { out: stdout, error: stderr, code: 0 }
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number }
    return { out: stdout, error: stderr, code }
  }
}
