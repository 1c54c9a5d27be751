/** The helpers beside agents, in a process of their own: says when each notices, measures and hears an answer. */

import { openAttester } from '@credence/attester/attester'
import { readAttesterConfig } from '@credence/attester/config'
import { messageOf } from '@credence/shared/log'

/** `at`: milliseconds of the machine’s monotonic clock, the same in every process. */
export type Noticed = { agent: number; at: number } & (
  | { what: 'seen' }
  | { what: 'measured' }
  | { what: 'answered'; accepted: boolean; reasons: string[] }
  | { what: 'failed'; message: string }
)
const now = (): number => Number(process.hrtime.bigint()) / 1e6

async function beside(agent: number, configFile: string): Promise<void> {
  const say = (noticed: Noticed) => void process.send?.(noticed)
  const attester = await openAttester(readAttesterConfig(configFile), {
    listeners: {
      onChanged: () => say({ agent, at: now(), what: 'seen' }),
      onMeasured: () => say({ agent, at: now(), what: 'measured' }),
      onResult: ({ accepted, reasons }) => say({ agent, at: now(), what: 'answered', accepted, reasons }),
      onFailure: (error) => say({ agent, at: now(), what: 'failed', message: messageOf(error) }),
    },
  })
  await attester.keep()
}

await Promise.all(process.argv.slice(2).map((configFile, agent) => beside(agent, configFile)))
process.on('disconnect', () => process.exit(0))
