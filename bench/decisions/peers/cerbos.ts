/** Cerbos as its documentation runs it: policies from a folder, no log of requests, its audit log off or on. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '@credence/infra/dev/ports'
import { startProcess } from '@credence/infra/dev/process'
import { cerbosBody } from '../requests.ts'
import { cerbosPolicies } from '../rules/cerbos.ts'
import type { Rule } from '../rules/rule.ts'
import type { Target } from '../target.ts'
import type { PeerOptions } from './peer.ts'
import { waitUntilReady } from './ready.ts'

export async function startCerbos(rules: readonly Rule[], options: PeerOptions): Promise<Target> {
  const { folder, tls, record } = options
  const policies = join(folder, 'policies')
  mkdirSync(policies, { recursive: true })
  for (const [name, text] of cerbosPolicies(rules)) writeFileSync(join(policies, name), text)
  const [http = 0, grpc = 0] = await freePorts(2)
  const configuration = {
    server: {
      httpListenAddr: `127.0.0.1:${http}`,
      grpcListenAddr: `127.0.0.1:${grpc}`,
      ...(tls ? { tls: { cert: tls.certFile, key: tls.keyFile } } : {}),
    },
    storage: { driver: 'disk', disk: { directory: policies, watchForChanges: false } },
    telemetry: { disabled: true },
    // Only decisions, as we record them; its log of accesses would come on top.
    audit: record
      ? {
          enabled: true,
          decisionLogsEnabled: true,
          accessLogsEnabled: false,
          backend: 'local',
          local: { storagePath: join(folder, 'audit') },
        }
      : { enabled: false },
  }
  const configurationFile = join(folder, 'cerbos.yaml')
  writeFileSync(configurationFile, JSON.stringify(configuration))
  const running = startProcess({
    name: options.name,
    command: options.program,
    args: ['server', '--log-level=error', `--config=${configurationFile}`],
    logFile: join(folder, 'cerbos.log'),
    cwd: folder,
  })
  const base = `${tls ? 'https' : 'http'}://localhost:${http}`
  await waitUntilReady(running, `${base}/_cerbos/health`, tls?.caFile)
  return {
    name: options.name,
    url: `${base}/api/check/resources`,
    headers: {},
    ...(tls ? { caFile: tls.caFile } : {}),
    body: cerbosBody,
    allowed: '"EFFECT_ALLOW"',
    pids: [running.pid],
    stop: running.stop,
  }
}
