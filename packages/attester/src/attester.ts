/** Keeps an agent attested from beside it: measures, gathers evidence, shows it in time, and at once when something changes. */
import type { Composition } from '@credence/contracts/events/values'
import { type Collect, type Shown, showEvidence } from '@credence/sdk/agent/attestation'
import { type Kept, keepAttested } from '@credence/sdk/agent/keep-attested'
import { agentProof } from '@credence/sdk/agent/key'
import { openAgentKey } from '@credence/sdk/agent/key-file'
import { connectCredence } from '@credence/sdk/clients'
import type { AttesterConfig } from './config.ts'
import { SETTLE_MS } from './hashing/fingerprint.ts'
import { createHashing, type Progress } from './hashing/hashing.ts'
import { type Measured, measureComposition } from './measure/composition.ts'
import { ended, startOf } from './measure/process.ts'
import { followProcess } from './process-watch.ts'
import { producersOf, watchedOf } from './producers.ts'
import { watchFiles } from './watch.ts'

export type AttesterListeners = {
  onProgress?: (progress: Progress) => void
  /** Each time that it was measured and came out as something else than before. */
  onMeasured?: (measured: Measured) => void
  onChanged?: (paths: string[]) => void
  /** `next`: when it attests again by itself. */
  onResult?: (shown: Shown, next: Date | undefined) => void
  /** Nothing was shown: measuring, evidence or the service failed. Without `next` it has stopped. */
  onFailure?: (error: unknown, next: Date | undefined) => void
  /** The service says that the result counts no more; it attests again at once. */
  onRevoked?: (reason: string) => void
  /** The agent’s process has ended, and with it this attester. */
  onProcessEnded?: (pid: number) => void
}

export type Attester = {
  /** Attests once, and no more. */
  once(): Promise<Shown>
  /** Attests now and keeps attesting. */
  keep(): Promise<Kept>
  close(): Promise<void>
}

/** How often the running process is looked at, for models that it loads later. */
const LOOK_AT_PROCESS_MS = 5_000

const stateOf = ({ composition, faults, seal }: Measured): string => JSON.stringify([composition, faults, seal])

/** @param options.pid the agent’s process, when it is to be observed */
export async function openAttester(
  config: AttesterConfig,
  options: { pid?: number | undefined; listeners?: AttesterListeners } = {},
): Promise<Attester> {
  const { pid, listeners = {} } = options
  const { agent_id: agentId, spiffe_id: spiffeId } = config
  const trustDomain = new URL(spiffeId).hostname
  const key = await openAgentKey(config.key_file)
  const started = pid === undefined ? undefined : await startOf(pid)
  if (pid !== undefined && !started) throw ended(pid)
  const clients = connectCredence({
    trustDomain,
    caFile: config.ca_file,
    addresses: { attestation: config.service },
    credential: agentProof(key, spiffeId),
  })
  const hashing = createHashing(config.cache_file ? { cacheFile: config.cache_file } : {})
  const producers = producersOf(config, { audience: `spiffe://${trustDomain}/service/attestation`, hashing })
  const closing: (() => unknown)[] = []
  let latest: Measured | undefined
  let stale = true
  let measuring: Promise<unknown> = Promise.resolve()

  /** One after the other. @returns whether anything is not as it was */
  function measure(): Promise<boolean> {
    const next = measuring.then(measureOnce)
    measuring = next.catch(() => undefined)
    return next
  }

  async function measureOnce(): Promise<boolean> {
    if (pid !== undefined && (await startOf(pid)) !== started) throw ended(pid)
    const before = latest
    stale = false
    try {
      latest = await measureComposition(config, { hashing, pid, onProgress: listeners.onProgress })
    } catch (error) {
      stale = true
      throw error
    }
    const changed = !before || stateOf(before) !== stateOf(latest)
    if (changed) listeners.onMeasured?.(latest)
    return changed
  }

  const collect: Collect = async (challenged) => {
    const { nonce, now, bindingOf } = challenged
    if (stale || pid !== undefined) await measure()
    const asked = producers.map(({ kind, produce }) => produce({ nonce, now, binding: bindingOf(kind) }))
    return { measurements: latest?.composition as Composition, evidence: await Promise.all(asked) }
  }
  const show = async () => {
    // A large model takes longer to read than a challenge lives: it is read before.
    if (stale) await measure()
    return showEvidence({ clients, key, agentId, spiffeId }, collect, [])
  }

  async function keep(): Promise<Kept> {
    let kept: Kept | undefined
    const again = () => {
      stale = true
      // What cannot be measured is said by the attempt itself.
      measure().then(
        (changed) => changed && kept?.now(),
        () => kept?.now(),
      )
    }
    const evidence = producers.flatMap(({ watched }) => watched)
    const files = await watchFiles([...watchedOf(config), ...evidence], (paths) => {
      listeners.onChanged?.(paths)
      again()
      if (evidence.some((one) => 'file' in one && paths.includes(one.file))) kept?.now()
    })
    const keeping = keepAttested(show, { onResult: listeners.onResult, onFailure: listeners.onFailure })
    kept = keeping
    const timers = [
      setInterval(() => latest?.settled === false && again(), SETTLE_MS),
      setInterval(() => void recheck(keeping), config.recheck_seconds * (700 + Math.random() * 600)),
      ...(pid === undefined ? [] : [setInterval(again, LOOK_AT_PROCESS_MS)]),
    ]
    const unfollow = followed(() => {
      if (pid !== undefined) listeners.onProcessEnded?.(pid)
      void keeping.stop()
    })
    const stop = () => {
      files.close()
      unfollow()
      for (const timer of timers) clearInterval(timer)
    }
    closing.push(stop)
    void keeping.ended.then(stop)
    return keeping
  }

  const followed = (onEnded: () => void): (() => void) =>
    pid === undefined || !started ? () => undefined : followProcess(pid, started, onEnded)

  /** A result can be revoked before its time: a new profile, an anchor or a value that was withdrawn. */
  async function recheck(kept: Kept): Promise<void> {
    const { revoked } = await clients.attestation.getResult({ agentId, notBefore: [] }).catch(() => ({ revoked: '' }))
    if (!revoked) return
    listeners.onRevoked?.(revoked)
    kept.now()
  }

  return {
    once: show,
    keep,
    close: async () => {
      for (const close of closing) close()
      for (const { close } of producers) await close?.()
      await hashing.close()
      clients.close()
    },
  }
}
