/** Model files that a process has opened or mapped (Linux, proc(5)): are they the ones that were measured? */
import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { MeasureError } from '../measure-error.ts'

/** `file` is device and inode. */
type Loaded = { path: string; via: string; file: string }

const MODEL_FILE =
  /(\.(safetensors|gguf|ggml|onnx|pt|pth|tflite|keras|mlmodel)|(^|\/)[^/]*model[^/]*\.bin)( \(deleted\))?$/i
/** Of files and of mappings. A process with more is not looked at in part: among what is left out could be the other model. */
const MOST = 65_536

/** Model files that a process holds; `other` was not measured: with its content, unless that cannot be read any more. */
export type Held = { paths: string[]; other?: { path: string; digest: string | undefined } }

/**
 * @param measured digests of the model’s files by path
 * @param digest reads a file through the kernel’s link to it, so that one that was replaced is read as the process has it
 * @throws MeasureError `process_hidden` when the kernel does not show all of it, `process_too_large` when there is too much
 */
export async function loadedModels(
  pid: number,
  measured: ReadonlyMap<string, string>,
  digest: (path: string) => Promise<string>,
  most = MOST,
): Promise<Held> {
  const loaded = [...(await openedBy(pid, most)), ...(await mappedBy(pid, most))]
  const paths = [...new Set(loaded.map(({ path }) => path))]
  const files = new Set(await Promise.all([...measured.keys()].map(identity)))
  const contents = new Set(measured.values())
  for (const { path, via, file } of loaded) {
    if (files.has(file)) continue
    const content = await digest(via).catch(() => undefined)
    if (!content || !contents.has(content)) return { paths, other: { path, digest: content } }
  }
  return { paths }
}

/** What cannot be seen is not nothing: a process could hide what it has loaded. */
const hidden = (pid: number) => (error: NodeJS.ErrnoException) => {
  throw new MeasureError(
    'process_hidden',
    `What process ${pid} has opened and mapped may not be looked at (${error.code}).`,
  )
}
function refuseMore(pid: number, all: readonly string[], most: number): void {
  if (all.length > most)
    throw new MeasureError('process_too_large', `Process ${pid} has opened or mapped more than ${most} files.`)
}

async function openedBy(pid: number, most: number): Promise<Loaded[]> {
  const at = `/proc/${pid}/fd`
  const numbers = await readdir(at).catch(hidden(pid))
  refuseMore(pid, numbers, most)
  const found = await Promise.all(
    numbers.map(async (number) => {
      const via = `${at}/${number}`
      const path = await readlink(via).catch(() => '')
      return MODEL_FILE.test(path) ? { path, via, file: await identity(via) } : undefined
    }),
  )
  return found.filter((one) => one !== undefined)
}

/** `7f…-7f… r--s 00000000 fd:00 1234   /models/a.safetensors` */
const MAPPING = /^([0-9a-f]+-[0-9a-f]+) \S+ \S+ \S+ ([1-9][0-9]*) +(\/.*)$/

async function mappedBy(pid: number, most: number): Promise<Loaded[]> {
  const lines = (await readFile(`/proc/${pid}/maps`, 'utf8').catch(hidden(pid))).split('\n')
  refuseMore(pid, lines, most)
  const found = new Map<string, { path: string; inode: string; range: string }>()
  for (const line of lines) {
    const [, range = '', inode = '', path = ''] = MAPPING.exec(line) ?? []
    if (MODEL_FILE.test(path)) found.set(`${inode} ${path}`, { path, inode, range })
  }
  return Promise.all(
    [...found.values()].map(async ({ path, inode, range }) => {
      // What lies at the path now is the mapped file when the inode is the same; device numbers in maps are not always real.
      const there = await identity(`/proc/${pid}/root${path}`)
      const file = there.endsWith(`:${inode}`) ? there : `replaced:${inode}`
      return { path, via: `/proc/${pid}/map_files/${range}`, file }
    }),
  )
}

const identity = (path: string): Promise<string> =>
  stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => 'gone',
  )
