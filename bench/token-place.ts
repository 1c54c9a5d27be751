/** A place to measure the token endpoint in: NATS, identity and policy with so many agents, and a few that ask. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { openCompany } from '@credence/infra/dev/company'
import { type House, putToWork } from '@credence/infra/dev/house'
import { type Stack, startStack } from '@credence/infra/dev/stack'
import { assemble, furnish } from '@credence/infra/dev/story/cast'
import { populate } from './population.ts'
import type { Answered, Client, Done, Kind, Order } from './token-load.ts'

const IN_FLIGHT = 32
/** Replaying all events of many agents takes long where others work as well. */
const PATIENCE_MS = 600_000

export type Place = {
  stack: Stack
  clients: Client[]
  replaySeconds: number
  events: number
  close(): Promise<void>
}

/** The services that an exchange needs, with so many agents, and a few of them ready to ask. */
export async function openPlace(agents: number, count: number): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'credence-bench-'))
  const stack = await startStack({
    folder,
    services: [],
    patienceMs: PATIENCE_MS,
    variables: { CREDENCE_TOKEN_RATE_PER_CLIENT: '1000000' },
  })
  const close = async () => {
    await stack.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const { events } = await populate(stack, agents)
    const began = performance.now()
    await stack.start('identity')
    const replaySeconds = (performance.now() - began) / 1000
    await stack.start('policy')
    await stack.start('attestation')
    const clients = await putAllToWork(stack, count)
    // As it is after a restart, and no longer warm from reading so much.
    await stack.service('identity').stop()
    await stack.start('identity')
    return { stack, clients, replaySeconds, events, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function putAllToWork(stack: Stack, count: number): Promise<Client[]> {
  const company = await openCompany(stack)
  const cast = await assemble(stack, company)
  const { modelReference } = await furnish(cast)
  const house: House = { stack, company, cast, modelReference, close: async () => undefined }
  const clients: Client[] = []
  for (let number = 0; number < count; number++) {
    const { agent, key, task } = await putToWork(house)
    const { delegationToken: subjectToken } = task.delegation
    const { privateKey, publicJwk } = key
    const about = { resource: company.calendar, grantId: task.grantId }
    clients.push({ spiffeId: agent.spiffeId, privateKey, publicJwk, subjectToken, ...about })
    await agent.close()
  }
  await cast.close()
  // What an exchange does not need must not take part of the machine.
  await stack.service('attestation').stop()
  for (const name of ['identity-provider', 'calendar', 'customers'] as const) await stack.service(name).stop()
  return clients
}

/** Gives an order to the load generator. @throws Error with the server's answer when one is neither 200 nor 503 */
export function asks(generator: Worker, order: Order): Promise<Answered> {
  return new Promise((resolve, reject) => {
    generator.once('message', (done: Done) => ('failure' in done ? reject(new Error(done.failure)) : resolve(done)))
    generator.postMessage(order)
  })
}

export const orderOf = ({ stack, clients }: Place, kind: Kind, requests: number): Order => ({
  kind,
  issuer: stack.issuer,
  caFile: stack.authority.caFile,
  clients,
  requests,
  inFlight: IN_FLIGHT,
})
