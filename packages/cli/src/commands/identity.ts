/** Identity: blueprints and mandates, agents, delegations. */
import type { Command } from 'commander'
import type { Run } from '../run.ts'
import { addAgentCommands } from './agent.ts'
import { addBlueprintCommands } from './blueprint.ts'
import { addDelegationCommands } from './delegation.ts'

export function addIdentityCommands(program: Command, run: Run): void {
  addBlueprintCommands(program, run)
  addAgentCommands(program, run)
  addDelegationCommands(program, run)
}
