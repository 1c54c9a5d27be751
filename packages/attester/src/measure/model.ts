/** What a model is, when nobody signed it: its one file, or a list of the files in its folder. */
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '@credence/shared/digest'
import { MeasureError, unreadable } from '../measure-error.ts'

/** Name relative to the folder, with `/`; path to read it by. */
export type ModelFile = { name: string; path: string }

const MOST_FILES = 100_000
const DEEPEST = 32
/** What version control leaves beside a model is no part of it (as in OpenSSF Model Signing v1.0 §6). */
const BESIDE = new Set(['.git', '.gitignore', '.gitattributes', '.github'])

/**
 * All files below a folder, sorted by name.
 * @param options.without names that are no part of the model, such as its signature
 * @param options.followLinks measure what symbolic links point to (as in a Hugging Face cache); otherwise they are refused
 * @throws MeasureError `link_in_folder`, `not_a_file` for pipes, sockets and devices, `folder_too_large`, `folder_empty`,
 * `file_name_invalid`, and those of reading
 */
export async function filesIn(
  folder: string,
  options: { without?: readonly string[]; followLinks?: boolean } = {},
): Promise<ModelFile[]> {
  const found: ModelFile[] = []
  const without = new Set(options.without)

  async function walk(below: string, depth: number): Promise<void> {
    if (depth > DEEPEST) throw new MeasureError('folder_too_large', `${folder} is nested too deeply (in a circle?).`)
    for (const entry of await entriesOf(join(folder, below))) {
      const name = below ? `${below}/${entry.name}` : entry.name
      if ((depth === 0 && BESIDE.has(name)) || without.has(name)) continue
      const path = join(folder, name)
      const kind = await kindOf(entry, path, options.followLinks ?? false)
      if (kind === 'folder') await walk(name, depth + 1)
      else found.push({ name, path })
      if (found.length > MOST_FILES)
        throw new MeasureError('folder_too_large', `${folder} holds more than ${MOST_FILES} files.`)
    }
  }

  await walk('', 0)
  if (found.length === 0) throw new MeasureError('folder_empty', `${folder} holds no file.`)
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    throw unreadable(folder, error)
  }
}

async function kindOf(entry: Dirent, path: string, followLinks: boolean): Promise<'file' | 'folder'> {
  if (entry.name.includes('\ufffd'))
    throw new MeasureError(
      'file_name_invalid',
      `A name in ${path.slice(0, -entry.name.length)} is not UTF-8. Rename it.`,
    )
  if (entry.isDirectory()) return 'folder'
  if (entry.isFile()) return 'file'
  if (!entry.isSymbolicLink())
    throw new MeasureError('not_a_file', `${path} is neither file nor folder. Take it out of the model.`)
  if (!followLinks)
    throw new MeasureError(
      'link_in_folder',
      `${path} is a symbolic link: what it leads to can change unseen. Copy it, or set "follow_links" for this model.`,
    )
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    throw unreadable(path, error)
  }
}

/**
 * SHA-256 over the RFC 8785 form of `[{ "digest", "name" }, …]`, sorted by name: names count, as they do not in the root
 * digest of OpenSSF Model Signing.
 */
export const folderDigest = (files: readonly { name: string; digest: string }[]): string =>
  sha256(JSON.stringify(files.map(({ name, digest }) => ({ digest, name }))))
