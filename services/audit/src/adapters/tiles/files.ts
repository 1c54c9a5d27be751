/** Tiles, bundles and the checkpoint as files, laid out as C2SP tlog-tiles serves them. */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TILE_WIDTH, tilePath } from '../../domain/tree/tiles.ts'
import type { Head, TileStore } from '../../projections/log.ts'

export function openTileFiles(folder: string): TileStore {
  const read = (path: string) => readFile(join(folder, path))
  return {
    readTile: async (level, index, width) => {
      try {
        return await read(tilePath(level, index, width))
      } catch (error) {
        // A partial tile may be gone once the full one is there, which begins with it.
        if (width === TILE_WIDTH || level === 'entries') throw error
        return (await read(tilePath(level, index, TILE_WIDTH))).subarray(0, width * 32)
      }
    },
    writeTile: (level, index, width, bytes) => write(join(folder, tilePath(level, index, width)), bytes, false),
    readHead: async () => {
      const text = await readFile(join(folder, 'head.json'), 'utf8').catch(absent)
      return text === undefined ? undefined : (JSON.parse(text) as Head)
    },
    writeHead: async (head) => {
      await write(join(folder, 'head.json'), Buffer.from(JSON.stringify(head)), true)
      await write(join(folder, 'checkpoint'), Buffer.from(head.checkpoint), false)
    },
  }
}

const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code === 'ENOENT') return undefined
  throw error
}

let counter = 0

/** Whole or not at all: written beside, then moved into place. */
async function write(path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}.${counter++}.tmp`
  const file = await open(temporary, 'w')
  try {
    await file.writeFile(bytes)
    if (sync) await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}
