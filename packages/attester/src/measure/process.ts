/** A running process as its kernel shows it (Linux, proc(5)): what it was started from, and whether it still runs. */
import { readFile, readlink, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { MeasureError } from '../measure-error.ts'

export type RunningProcess = {
  pid: number
  /** Boot and start time: another process that gets the same number later has another. */
  started: string
  /** Where its program lies, as it sees it; and how it can be read whatever lies there now. */
  executable: string
  executableVia: string
  /** Files named on its command line, the first one the script of an interpreter. The process can write its command line. */
  named: { path: string; via: string }[]
  /** Of the container it runs in, as its control group is named. */
  container?: string
}

/** @returns undefined when it has ended (or only waits to be collected) */
export async function startOf(pid: number): Promise<string | undefined> {
  try {
    const [boot, text] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ])
    // The name may hold spaces and brackets: fields are counted from the last bracket.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [state, started] = [fields[0] ?? 'X', fields[19]]
    return 'ZXx'.includes(state) || !started ? undefined : `${boot.trim()}:${started}`
  } catch {
    return undefined
  }
}

/**
 * @throws MeasureError `process_ended`, or `process_hidden` when the kernel does not let this user look at it: run as the
 * same user, with the same process namespace (in Kubernetes `shareProcessNamespace`), or with CAP_SYS_PTRACE
 */
export async function lookAtProcess(pid: number): Promise<RunningProcess> {
  const started = await startOf(pid)
  if (!started) throw ended(pid)
  const at = `/proc/${pid}`
  try {
    const [executable, folder, commandLine, groups] = await Promise.all([
      readlink(`${at}/exe`),
      readlink(`${at}/cwd`),
      readFile(`${at}/cmdline`, 'utf8'),
      readFile(`${at}/cgroup`, 'utf8').catch(() => ''),
    ])
    const named = await filesNamed(at, folder, commandLine.split('\0').slice(1, 64))
    if ((await startOf(pid)) !== started) throw ended(pid)
    const container = /([0-9a-f]{64})(?:\.scope)?\s*$/m.exec(groups)?.[1]
    return {
      pid,
      started,
      executable: executable.replace(/ \(deleted\)$/, ''),
      executableVia: `${at}/exe`,
      named,
      ...(container ? { container } : {}),
    }
  } catch (error) {
    if (error instanceof MeasureError) throw error
    if (!(await startOf(pid))) throw ended(pid)
    const { code } = error as NodeJS.ErrnoException
    throw new MeasureError(
      'process_hidden',
      `Process ${pid} may not be looked at (${code}). Run as the same user and in the same process namespace, or with CAP_SYS_PTRACE.`,
    )
  }
}

/** Options of interpreters that are followed by a value which is not the program. */
const WITH_VALUE = new Set(
  '-r --require --import --loader --experimental-loader -C --conditions --env-file --max-old-space-size -W -X -cp -classpath'.split(
    ' ',
  ),
)

/** Arguments that are files where the process looks for them, in their order. */
async function filesNamed(at: string, folder: string, words: string[]): Promise<RunningProcess['named']> {
  const found: RunningProcess['named'] = []
  for (const [index, word] of words.entries()) {
    if (!word || word.startsWith('-') || WITH_VALUE.has(words[index - 1] ?? '')) continue
    const path = resolve(folder, word)
    const via = `${at}/root${path}`
    if (await isFile(via)) found.push({ path, via })
  }
  return found
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (about) => about.isFile(),
    () => false,
  )

const INTERPRETERS =
  /^(node|nodejs|deno|bun|python[0-9.]*|pypy[0-9.]*|ruby[0-9.]*|perl[0-9.]*|java|bash|dash|sh|php[0-9.]*)$/

export const isInterpreter = ({ executable }: RunningProcess): boolean => INTERPRETERS.test(basename(executable))

/**
 * The one file that makes the process what it is: its executable, or the script when that is an interpreter.
 * @throws MeasureError `program_inline` when an interpreter was given no file (code on its command line, or a module)
 */
export function programOf(process: RunningProcess): { path: string; via: string } {
  if (!isInterpreter(process)) return { path: process.executable, via: process.executableVia }
  const [script] = process.named
  if (!script)
    throw new MeasureError(
      'program_inline',
      `Process ${process.pid} is ${process.executable} without a program file: name the program in the configuration.`,
    )
  return script
}

/** Whether the process was started from this file: its executable, or named on its command line. */
export async function runsFile(process: RunningProcess, path: string): Promise<boolean> {
  const wanted = await identity(path)
  for (const via of [process.executableVia, ...process.named.map((one) => one.via)])
    if ((await identity(via)) === wanted) return true
  // A script that was replaced since it was started: the path still tells. Of an executable the kernel keeps what runs.
  return isInterpreter(process) && process.named.some((one) => one.path === resolve(path))
}

const identity = (path: string): Promise<string | undefined> =>
  stat(path, { bigint: true }).then(
    (about) => `${about.dev}:${about.ino}`,
    () => undefined,
  )

export const ended = (pid: number): MeasureError =>
  new MeasureError('process_ended', `Process ${pid} has ended: what it ran on counts no more.`)
