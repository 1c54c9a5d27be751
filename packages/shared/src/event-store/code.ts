import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * A digest of the program that folds events: all files of the service, the kernel and the contracts, and the version of
 * Node. A state is as right as the code that folded it, so one that other code folded is not taken over.
 * @param main `import.meta.url` of the service's main file
 */
export function codeDigest(main: string): string {
  const hash = createHash('sha256').update(`${process.version} ${process.versions.v8}`)
  const roots = [main, import.meta.resolve('@credence/contracts/streams'), new URL('../clock.ts', import.meta.url).href]
  for (const folder of roots.map((url) => dirname(fileURLToPath(url))))
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (!/\.(ts|js|binpb)$/.test(name) || /\.spec\.[tj]s$|\.d\.ts$/.test(name)) continue
      hash.update(`\0${name}\0`).update(readFileSync(join(folder, name)))
    }
  return hash.digest('hex')
}
