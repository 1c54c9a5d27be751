/** Starts the demo agent as a process and talks to it over its channel. */
import { type ChildProcess, fork } from 'node:child_process'
import type { Abilities } from '../demo/agent/agent.ts'

export class AgentFailure extends Error {
  readonly reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

export type AgentProcess = {
  /** Asks for one of its abilities. @throws AgentFailure with the reason code that it was given */
  ask<A extends keyof Abilities>(ability: A, argument: Parameters<Abilities[A]>[0]): ReturnType<Abilities[A]>
  stop(): void
}

export function startAgentProcess(program: string): AgentProcess {
  const child: ChildProcess = fork(program, {
    execArgv: ['--conditions=@credence/source', '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  let next = 0
  type Reply = { id: number; result?: never; failure?: { reason: string; message: string } }
  child.on('message', ({ id, result, failure }: Reply) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (failure) asked?.reject(new AgentFailure(failure.reason, failure.message))
    else asked?.resolve(result as never)
  })
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new AgentFailure('ended', 'the agent’s process ended'))
  })
  return {
    ask: (ability, argument) =>
      new Promise((resolve, reject) => {
        const id = next++
        waiting.set(id, { resolve: resolve as never, reject })
        child.send({ id, ability, argument })
      }) as never,
    stop: () => void child.kill(),
  }
}
