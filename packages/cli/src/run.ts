import type { Clients } from '@credence/sdk/clients'
import type { Command } from 'commander'
import { connectAs } from './profile.ts'

export type Options = Record<string, string | undefined> & { json?: string }
type Work = (clients: Clients, args: (string | undefined)[], options: Options) => Promise<void>

/** Wraps the work of a command: connects as the session (by default the one named here) and closes. */
export type Run = (session: string, work: Work) => (...args: unknown[]) => Promise<void>

export const createRun =
  (program: Command): Run =>
  (session, work) =>
  async (...args) => {
    const command = args.at(-1) as Command
    const clients = connectAs(program.opts<{ session?: string }>().session ?? session)
    try {
      await work(clients, command.args, command.opts())
    } finally {
      clients.close()
    }
  }
