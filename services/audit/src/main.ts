/** Audit: what did it do, why, who authorised it, prove it. */
import { join } from 'node:path'
import { AuditServiceService } from '@credence/contracts/gen/credence/audit/v1/audit'
import { createResolveHuman } from '@credence/shared/callers/resolve-human'
import { createBarrier } from '@credence/shared/event-store/barrier'
import { followCommits } from '@credence/shared/event-store/follow'
import { openSigningKey } from '@credence/shared/keys'
import { createPrincipals } from '@credence/shared/principals'
import { runService } from '@credence/shared/service'
import { openIndexStore } from './adapters/clickhouse/store.ts'
import { openTileFiles } from './adapters/tiles/files.ts'
import { effectMethods } from './api/grpc/effects.ts'
import { logMethods } from './api/grpc/log.ts'
import { provenanceMethods } from './api/grpc/provenance.ts'
import { readAuditConfig } from './config.ts'
import { startIndexer } from './projections/indexer.ts'
import { openLog } from './projections/log.ts'
import { followTrail } from './projections/trail.ts'
import { startSequencer } from './reactions/sequencer.ts'

await runService('audit', readAuditConfig, async (config, kernel, cleanup) => {
  const { bus, log, clock, spiffeId, tls, fail: onHalt } = kernel
  const { privateKey } = await openSigningKey(join(config.CREDENCE_KEYS_DIR, 'checkpoints.pem'), 'Ed25519')
  const tiles = openTileFiles(join(config.CREDENCE_DATA_DIR, 'tiles'))
  const tree = await openLog(tiles, { name: config.CREDENCE_LOG_ORIGIN, privateKey })
  const trail = await followTrail({ bus, log, tree, onHalt })
  cleanup.push(trail.stop)
  await trail.follower.caughtUp

  const url = config.CREDENCE_CLICKHOUSE_URL
  const index = await openIndexStore(url ? { url } : { folder: join(config.CREDENCE_DATA_DIR, 'clickhouse') })
  cleanup.push(index.close)
  const indexer = await startIndexer({ bus, log, store: index, onHalt })
  cleanup.push(indexer.stop)

  const sequencer = await startSequencer({ bus, log, trail, onHalt })
  cleanup.push(sequencer.stop)
  const principals = createPrincipals()
  const identity = await followCommits({ bus, log, stream: 'IDENTITY', onHalt }, principals.apply)
  cleanup.push(identity.stop)
  const { CREDENCE_IDENTITY_GRPC: address, CREDENCE_TRUST_DOMAIN: trustDomain } = config
  const resolveHuman = createResolveHuman({ address, trustDomain, tls, cleanup })

  const context = { spiffeId, bus, clock, tree, index, indexer }
  await kernel.serve({
    definition: AuditServiceService,
    name: 'credence.audit.v1.AuditService',
    methods: { ...effectMethods(context), ...provenanceMethods(context), ...logMethods(context) },
    findAgent: principals.callerBySpiffeId,
    barrier: createBarrier(bus, [identity]),
    resolveHuman,
  })
})
