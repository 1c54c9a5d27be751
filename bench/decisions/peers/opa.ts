/** OPA as a server: rules loaded at the start, its store kept for reading, no log of requests, decision log off or on. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '@credence/infra/dev/ports'
import { startProcess } from '@credence/infra/dev/process'
import { opaBody } from '../requests.ts'
import { regoModule } from '../rules/rego.ts'
import type { Rule } from '../rules/rule.ts'
import type { Target } from '../target.ts'
import type { PeerOptions } from './peer.ts'
import { waitUntilReady } from './ready.ts'

export async function startOpa(rules: readonly Rule[], options: PeerOptions): Promise<Target> {
  const { folder, tls, record } = options
  mkdirSync(folder, { recursive: true })
  const module = join(folder, 'company.rego')
  writeFileSync(module, regoModule(rules))
  const [port = 0] = await freePorts(1)
  const running = startProcess({
    name: options.name,
    command: options.program,
    args: [
      'run',
      '--server',
      `--addr=127.0.0.1:${port}`,
      '--log-level=error',
      '--skip-version-check',
      '--optimize-store-for-read-speed',
      ...(tls ? [`--tls-cert-file=${tls.certFile}`, `--tls-private-key-file=${tls.keyFile}`] : []),
      // The console is the file of its output here: a write for each decision, and no wait for the disk.
      ...(record ? ['--set=decision_logs.console=true'] : []),
      module,
    ],
    logFile: join(folder, 'opa.log'),
    cwd: folder,
  })
  const base = `${tls ? 'https' : 'http'}://localhost:${port}`
  await waitUntilReady(running, `${base}/health`, tls?.caFile)
  return {
    name: options.name,
    url: `${base}/v1/data/company/allow`,
    headers: {},
    ...(tls ? { caFile: tls.caFile } : {}),
    body: opaBody,
    allowed: '"result":true',
    pids: [running.pid],
    stop: running.stop,
  }
}
