/** How fast models are hashed: beside sha256sum and openssl on the same file, and once more from the cache. */
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHashing } from '@credence/attester/hashing/hashing'
import { percentile, printReport, rounded } from './report.ts'

const MIB = 1024 * 1024

export async function benchHashing(quick: boolean): Promise<void> {
  const [mib, rounds] = quick ? [256, 3] : [1024, 5]
  const folder = mkdtempSync(join(tmpdir(), 'credence-bench-hashing-'))
  try {
    const cores = availableParallelism()
    const files = Array.from({ length: cores }, (_, index) => fileOf(join(folder, `weights-${index}`), mib))
    const [one = ''] = files
    // So that what was read is kept: a file that was just written is read again.
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    const ours: number[] = []
    const several: number[] = []
    const peers = { sha256sum: [] as number[], openssl: [] as number[] }
    for (let round = 0; round <= rounds; round++) {
      const single = await speed(mib, () => hash([one]))
      const all = await speed(mib * cores, () => hash(files))
      const sum = await speed(mib, () => execFileSync('sha256sum', [one]))
      const openssl = hasOpenssl()
        ? await speed(mib, () => execFileSync('openssl', ['dgst', '-sha256', one]))
        : undefined
      // The first round warms up.
      if (round === 0) continue
      ours.push(single)
      several.push(all)
      peers.sha256sum.push(sum)
      if (openssl !== undefined) peers.openssl.push(openssl)
    }
    const hashing = createHashing()
    await hashing.digests(files)
    const began = performance.now()
    await hashing.digests(files)
    const cachedMs = performance.now() - began
    await hashing.close()
    const middle = (samples: number[]) => rounded(percentile(samples, 0.5), 0)
    printReport({
      name: 'hashing',
      method: [
        `SHA-256 of files of ${mib} MiB of random bytes from the page cache, ${rounds} rounds by turns after one to warm up; medians, in MB/s (10⁶)`,
        'ours: createHashing().digests(files), with the start of its threads; peers: sha256sum and openssl dgst -sha256, with the start of their processes',
      ],
      rows: [
        ['ours, one file', `${middle(ours)} MB/s`],
        [`ours, ${cores} files`, `${middle(several)} MB/s`],
        ['sha256sum', `${middle(peers.sha256sum)} MB/s`],
        ['openssl dgst -sha256', peers.openssl.length > 0 ? `${middle(peers.openssl)} MB/s` : 'not installed'],
        [`ours, ${cores} files again, unchanged`, `${rounded(cachedMs, 2)} ms`],
      ],
      figures: {
        hash_mb_s: middle(ours),
        hash_all_cores_mb_s: middle(several),
        sha256sum_mb_s: middle(peers.sha256sum),
        openssl_mb_s: middle(peers.openssl),
        ratio_to_openssl: rounded(percentile(ours, 0.5) / percentile(peers.openssl, 0.5), 2),
        cached_ms: rounded(cachedMs, 2),
      },
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function hash(files: string[]): Promise<void> {
  const hashing = createHashing()
  await hashing.digests(files)
  await hashing.close()
}

/** MB a second. */
async function speed(mib: number, work: () => unknown): Promise<number> {
  const began = performance.now()
  await work()
  return (mib * MIB) / 1000 / (performance.now() - began)
}

const hasOpenssl = (): boolean => spawnSync('openssl', ['version']).status === 0

function fileOf(path: string, mib: number): string {
  const file = openSync(path, 'w')
  for (let written = 0; written < mib; written += 64) writeSync(file, randomBytes(64 * MIB))
  closeSync(file)
  return path
}
