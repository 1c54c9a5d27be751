/** The bench itself: that it runs to its end and says what it should, not how fast. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const FIGURES = ['exchange_per_s', 'ratio_to_plain', 'p99_ratio_100k', 'start_s', 'rss_mb', 'p50_ms', 'p99_ms']

it('bench token-exchange --quick ends with one JSON line of its figures', { timeout: 300_000 }, async () => {
  const { stdout } = await run(process.execPath, [MAIN, 'token-exchange', '--quick'])
  const figures = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>
  for (const name of FIGURES) expect(figures[name], name).toEqual(expect.any(Number))
})
